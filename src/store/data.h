#ifndef STORE_DATA_H
#define STORE_DATA_H
#include "base/disk.h"
#include "base/limits.h"
#include "policy/catalog.h"
#include "store/db.h"
#include "store/open_lock.h"
#include "vault/audit.h"
#include "vault/vault.h"

/*
 * The data folder:
 *     keys/file.key              what wraps the roots (file provider)
 *     audit/2026-01.log          who did what (vault/audit.h)
 *     control.key  control.db    the wrapped control root; which tenants there are, the queue
 *     tenants/<id>/tenant.key    the tenant's wrapped root
 *     tenants/<id>/tenant.db     everything of the tenant
 *     tenants/<id>/writer.lock   held by the process that is synchronizing
 *     open.lock  tenants/<id>/open.lock   held by all who have the database beside it open
 */
struct data {
    const struct ctx *ctx;         /* borrowed */
    const struct catalog *catalog; /* borrowed */
    char *dir;
    struct vault_provider *provider;
    struct vault *vault; /* the control root */
    struct db *control;
    struct audit *audit;        /* one reference */
    struct disk_file open_lock; /* store/open_lock.h */
    int tenant_cache_kib; /* page cache of each tenant opened through it; 0: the store's own */
};

/*
 * Opens the folder: the key first, before anything else is touched. `create`: makes the folder, its
 * key and the control database when there is nothing there yet; a folder that has data and lacks a
 * key is never given a new one. Errors: ERR_NOT_FOUND (nothing there), ERR_KEY, ERR_SCHEMA, disk.
 */
MUST_USE enum err_class data_open(const struct ctx *ctx, const char *dir,
                                  const struct catalog *catalog, bool create, struct data **ret,
                                  struct err *err);
/*
 * The same for one of many handles of a process, which share one audit trail, so that their lines
 * share the waiting for the disk; their tenants have a sixth of the usual page cache, since there
 * may be many of them. `audit` stays the caller's.
 */
MUST_USE enum err_class data_open_sharing(const struct ctx *ctx, const char *dir,
                                          const struct catalog *catalog, struct audit *audit,
                                          struct data **ret, struct err *err);
void data_close(struct data *data); /* NULL is fine */
AUTO_DEFINE(struct data, data_close)

#define TENANT_ID_BYTES 20
enum tenant_kind { TENANT_CLOUD, TENANT_DATACENTER };
const char *tenant_kind_name(enum tenant_kind kind); /* "cloud", "datacenter" */

struct tenant_info {
    char id[TENANT_ID_BYTES + 1];
    char name[LIMIT_TENANT_NAME_BYTES + 1];
    char base_url[LIMIT_URL_BYTES + 1]; /* normalised, no trailing slash */
    enum tenant_kind kind;
    bool allow_http;
    bool allow_private;
    bool keep_settings; /* when its app is uninstalled, its configuration stays */
    int64_t created_ms;
    uint64_t incarnation; /* which file its database is, once opened; see tenant_is_current */
};

struct tenant_credential {
    struct strbuf login; /* Cloud: the e-mail address. Empty for a bearer token. */
    struct strbuf token;
    int64_t added_ms;
    int64_t expires_ms; /* 0: not known */
};
void tenant_credential_done(struct tenant_credential *credential); /* wipes */

/* lower-case letters, digits, '-', '_'; 1..LIMIT_TENANT_NAME_BYTES; begins with a letter or digit
 */
bool tenant_name_is_valid(struct str name);

/*
 * Makes the tenant's folder, key and database, stores the credential, then enters it into the
 * control database: a crash before that leaves an unnamed folder behind and nothing else. Sets
 * info->id and info->created_ms. ERR_CONFLICT when the name is taken. `credential` NULL: none; the
 * site connected itself.
 */
MUST_USE enum err_class tenant_create(struct data *data, struct tenant_info *info,
                                      const struct tenant_credential *credential, struct err *err);
/*
 * One line of the audit trail; `record` and `why` as in struct audit_entry, NULL: none. Called last
 * in the transaction of what it tells of, so that without the line nothing is done.
 */
MUST_USE enum err_class data_audit(const struct data *data, enum audit_act act,
                                   const char *tenant_id, const char *why, struct err *err);

/* By id or by name. ERR_NOT_FOUND lists the names there are. */
MUST_USE enum err_class tenant_find(struct data *data, struct str id_or_name,
                                    struct tenant_info *ret, struct err *err);
MUST_USE enum err_class
tenant_each(struct data *data,
            enum err_class (*each)(void *arg, const struct tenant_info *info, struct err *err),
            void *arg, struct err *err);
/* Destroys the tenant's key, then its folder, then its entry. ERR_CONFLICT while a sync runs. */
MUST_USE enum err_class tenant_remove(struct data *data, const struct tenant_info *info,
                                      struct err *err);

/* Sets info->keep_settings of a tenant that is there. Durable. ERR_NOT_FOUND. */
MUST_USE enum err_class tenant_keep_settings(struct data *data, const char *id, bool keep,
                                             struct err *err);

/* The tenant's folder, whether it is there or not; NULL when out of memory; the caller frees. */
char *tenant_folder(const struct data *data, const char *id);

/* An open tenant: its keys and its database. */
struct tenant {
    const struct ctx *ctx; /* borrowed */
    const struct catalog *catalog;
    struct tenant_info info;
    char *dir;
    struct vault *vault;
    struct db *db;
    struct audit *audit; /* one reference */
    struct disk_file
        open_lock; /* store/open_lock.h: its key and database stay as they are meanwhile */
};
MUST_USE enum err_class tenant_open(struct data *data, const struct tenant_info *info,
                                    struct tenant **ret, struct err *err);
/* The same of a folder elsewhere, that is going to take the tenant's place (custody/restore.h). */
MUST_USE enum err_class tenant_open_at(struct data *data, const struct tenant_info *info,
                                       const char *dir, struct tenant **ret, struct err *err);
/* Enters a tenant whose folder is there into the control database, or changes its entry. */
MUST_USE enum err_class tenant_put(struct data *data, const struct tenant_info *info,
                                   struct err *err);
/*
 * Whether the open database still is the one in the tenant's place: a restore puts another there,
 * and what is kept in memory of the old one is then of no use.
 */
bool tenant_is_current(const struct tenant *tenant);
void tenant_close(struct tenant *tenant); /* NULL is fine */
AUTO_DEFINE(struct tenant, tenant_close)

/* The same as data_audit, of something in a tenant. row 0: none. */
MUST_USE enum err_class tenant_audit(const struct tenant *tenant, enum audit_act act,
                                     const char *record, int64_t row, const char *why,
                                     struct err *err);

/* The one writer at a time of a tenant's mirror; ERR_CONFLICT names the process that holds it. */
MUST_USE enum err_class tenant_lock(const struct tenant *tenant, struct disk_lock *ret,
                                    struct err *err);

/* `purpose` is a literal for the record of openings. The caller wipes with …_done. */
MUST_USE enum err_class tenant_credential_load(struct tenant *tenant, const char *purpose,
                                               struct tenant_credential *ret, struct err *err);
MUST_USE enum err_class tenant_credential_store(struct tenant *tenant,
                                                const struct tenant_credential *credential,
                                                struct err *err);

/* The person's number; 0: nobody of that account is kept. */
MUST_USE enum err_class person_number(struct tenant *tenant, struct str account_id, int64_t *ret,
                                      struct err *err);
/*
 * The person's number, made when it is new. Needs an open write transaction. ERR_FORBIDDEN: the
 * person was erased (store/erased.h); the caller stores nothing of them.
 */
MUST_USE enum err_class person_ref(struct tenant *tenant, struct str account_id, int64_t *ret,
                                   struct err *err);

#endif
