#ifndef STORE_DATA_H
#define STORE_DATA_H
#include "base/disk.h"
#include "base/limits.h"
#include "policy/catalog.h"
#include "store/db.h"
#include "vault/vault.h"

/*
 * The data folder:
 *     keys/file.key              what wraps the roots (file provider)
 *     control.key  control.db    the wrapped control root; which tenants there are, the queue
 *     tenants/<id>/tenant.key    the tenant's wrapped root
 *     tenants/<id>/tenant.db     everything of the tenant
 *     tenants/<id>/writer.lock   held by the process that is synchronizing
 */
struct data {
    const struct ctx *ctx;         /* borrowed */
    const struct catalog *catalog; /* borrowed */
    char *dir;
    struct vault_provider *provider;
    struct vault *vault; /* the control root */
    struct db *control;
};

/*
 * Opens the folder: the key first, before anything else is touched. `create`: makes the folder, its
 * key and the control database when there is nothing there yet; a folder that has data and lacks a
 * key is never given a new one. Errors: ERR_NOT_FOUND (nothing there), ERR_KEY, ERR_SCHEMA, disk.
 */
MUST_USE enum err_class data_open(const struct ctx *ctx, const char *dir,
                                  const struct catalog *catalog, bool create, struct data **ret,
                                  struct err *err);
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
    int64_t created_ms;
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

/* An open tenant: its keys and its database. */
struct tenant {
    const struct ctx *ctx; /* borrowed */
    const struct catalog *catalog;
    struct tenant_info info;
    char *dir;
    struct vault *vault;
    struct db *db;
};
MUST_USE enum err_class tenant_open(struct data *data, const struct tenant_info *info,
                                    struct tenant **ret, struct err *err);
void tenant_close(struct tenant *tenant); /* NULL is fine */
AUTO_DEFINE(struct tenant, tenant_close)

/* The one writer at a time of a tenant's mirror; ERR_CONFLICT names the process that holds it. */
MUST_USE enum err_class tenant_lock(const struct tenant *tenant, struct disk_lock *ret,
                                    struct err *err);

/* `purpose` is a literal for the record of openings. The caller wipes with …_done. */
MUST_USE enum err_class tenant_credential_load(struct tenant *tenant, const char *purpose,
                                               struct tenant_credential *ret, struct err *err);
MUST_USE enum err_class tenant_credential_store(struct tenant *tenant,
                                                const struct tenant_credential *credential,
                                                struct err *err);

/* The person's number, made when it is new. Needs an open write transaction. */
MUST_USE enum err_class person_ref(struct tenant *tenant, struct str account_id, int64_t *ret,
                                   struct err *err);

#endif
