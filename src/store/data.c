/*
 * data.c: the data folder, its tenants, and what the platform keeps of each.
 *
 * Order matters: keys are opened before databases, and a new tenant is entered into the control
 * database last, so that whatever is entered is whole. Removal goes the other way: the key first,
 * since without it nothing that is left can be read.
 */
#include "store/data.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "store/erased.h"
#include "store/protect.h"
#include "store/schema.h"
#include "vault/provider.h"

#define CREDENTIAL_KIND "jira_api"
#define SHARED_CACHE_KIB                                                                           \
    4096 /* a full sync takes 2 % more CPU than with twice that, with half 25 % */

static char *path_in(const struct data *data, const char *name)
{
    return disk_join(data->dir, name);
}

/* With the key that the keyring says, or the one that a rotation, cut short, had come to. */
static enum err_class open_db(const struct ctx *ctx, struct db_options options, struct vault *vault,
                              struct db **ret, struct err *err)
{
    enum err_class rc;

    options.key = vault_db_key(vault);
    rc = db_open(ctx, &options, ret, err);
    if (rc != ERR_KEY || !vault_db_try_next(vault))
        return rc;
    *err = (struct err){0};
    options.key = vault_db_key(vault);
    return db_open(ctx, &options, ret, err);
}

static enum err_class open_control(struct data *data, bool fresh, struct err *err)
{
    const struct ctx *ctx = data->ctx;
    AUTO(free_autop) char *key_path = path_in(data, "control.key");
    AUTO(free_autop) char *db_path = path_in(data, "control.db");
    AUTO(free_autop) char *tenants = path_in(data, "tenants");

    if (!key_path || !db_path || !tenants)
        return err_memory(err);

    enum err_class rc = open_lock_share(ctx, data->dir, &data->open_lock, err);

    if (rc == ERR_OK)
        rc = vault_provider_open(ctx, data->dir, fresh, &data->provider, err);
    if (rc == ERR_OK && fresh)
        rc = vault_create(ctx, data->provider, "control", key_path, &data->vault, err);
    else if (rc == ERR_OK)
        rc = vault_open(ctx, data->provider, "control", key_path, &data->vault, err);
    if (rc == ERR_OK && !data->audit)
        rc = audit_open(ctx, data->dir, &data->audit, err);
    if (rc != ERR_OK)
        return rc;
    vault_set_audit(data->vault, data->audit);

    /* The folder of tenants is made last: an empty database without one is half made. */
    bool half_made = disk_exists(ctx, db_path) && !disk_exists(ctx, tenants);
    const struct db_options options = {
        .path = db_path, .create = fresh || half_made, .cache_kib = 1024};

    rc = open_db(ctx, options, data->vault, &data->control, err);
    if (rc == ERR_OK)
        rc = protect_apply(data->control, ctx, data->vault, data->catalog, SCOPE_CONTROL, err);
    if (rc == ERR_OK)
        rc = schema_apply(data->control, ctx, data->catalog, SCOPE_CONTROL, err);
    if (rc == ERR_OK)
        rc = disk_make_dir(ctx, tenants, err);
    return rc;
}

static enum err_class open_data(const struct ctx *ctx, const char *dir,
                                const struct catalog *catalog, bool create, struct audit *audit,
                                struct data **ret, struct err *err)
{
    AUTO(data_close_autop) struct data *data = calloc(1, sizeof(*data));

    if (!data)
        return err_memory(err);
    data->ctx = ctx;
    data->open_lock.fd = -1;
    data->audit = audit ? audit_ref(audit) : NULL;
    data->tenant_cache_kib = audit ? SHARED_CACHE_KIB : 0;
    data->catalog = catalog;
    data->dir = str_dup_z(str_from(dir));

    AUTO(free_autop) char *control_key = disk_join(dir, "control.key");
    AUTO(free_autop) char *control_db = disk_join(dir, "control.db");

    if (!data->dir || !control_key || !control_db)
        return err_memory(err);

    AUTO(free_autop) char *tenants = disk_join(dir, "tenants");

    if (!tenants)
        return err_memory(err);

    /*
     * Key, database, folder of tenants are made in this order. So without that folder nothing can
     * have been stored, and what a crash left behind is made anew; with it nothing ever is.
     */
    bool has_db = disk_exists(ctx, control_db), has_key = disk_exists(ctx, control_key);
    bool begun = disk_exists(ctx, tenants);
    bool fresh = !has_db && !has_key && !begun;
    enum err_class rc = catalog_check(catalog, err);

    if (rc == ERR_OK && begun && !has_db)
        rc = err_set(err, ERR_CORRUPT,
                     "the database %s is missing, though there are tenants beside it: put it and "
                     "control.key back from a backup",
                     control_db);

    if (rc == ERR_OK && fresh && !create)
        rc = err_set(err, ERR_NOT_FOUND,
                     "there is no Tenon data in %s; begin with `tenon tenant add`, or name the "
                     "right folder with --data",
                     dir);
    if (rc == ERR_OK && fresh)
        rc = disk_make_dir(ctx, dir, err);
    if (rc == ERR_OK && !has_db && has_key && create) {
        rc = disk_remove(ctx, control_key, err);
        fresh = true;
    }
    if (rc == ERR_OK)
        rc = open_control(data, fresh, err);
    if (rc == ERR_OK)
        *ret = TAKE(data);
    return rc;
}

enum err_class data_open(const struct ctx *ctx, const char *dir, const struct catalog *catalog,
                         bool create, struct data **ret, struct err *err)
{
    return open_data(ctx, dir, catalog, create, NULL, ret, err);
}

enum err_class data_open_sharing(const struct ctx *ctx, const char *dir,
                                 const struct catalog *catalog, struct audit *audit,
                                 struct data **ret, struct err *err)
{
    return open_data(ctx, dir, catalog, false, audit, ret, err);
}

void data_close(struct data *data)
{
    if (!data)
        return;
    db_close(data->control);
    vault_close(data->vault);
    audit_close(data->audit);
    vault_provider_free(data->provider);
    disk_file_close(data->ctx, &data->open_lock);
    free(data->dir);
    free(data);
}

const char *tenant_kind_name(enum tenant_kind kind)
{
    return kind == TENANT_CLOUD ? "cloud" : "datacenter";
}

void tenant_credential_done(struct tenant_credential *credential)
{
    vault_wipe(&credential->login);
    vault_wipe(&credential->token);
}

bool tenant_name_is_valid(struct str name)
{
    if (name.len == 0 || name.len > LIMIT_TENANT_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!plain && (i == 0 || (c != '-' && c != '_')))
            return false;
    }
    return true;
}

/* 100 random bits in Crockford's base 32, without letters that look like digits. */
static void new_id(const struct ctx *ctx, char ret[TENANT_ID_BYTES + 1])
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[TENANT_ID_BYTES];

    ctx_random(ctx, bytes, sizeof(bytes));
    for (size_t i = 0; i < TENANT_ID_BYTES; i++)
        ret[i] = alphabet[bytes[i] % 32];
    ret[0] = 't'; /* never mistaken for a number */
    ret[TENANT_ID_BYTES] = '\0';
}

char *tenant_folder(const struct data *data, const char *id)
{
    AUTO(free_autop) char *tenants = path_in(data, "tenants");

    return tenants ? disk_join(tenants, id) : NULL;
}

/* A number for the file, from its inode and the moment that it was made; 0: it is not there. */
static uint64_t incarnation_of(const char *dir)
{
    AUTO(free_autop) char *path = disk_join(dir, "tenant.db");
    struct statx st = {0};

    if (!path || statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) != 0)
        return 0;
    return st.stx_ino * UINT64_C(0x9e3779b97f4a7c15) ^
           ((uint64_t)st.stx_btime.tv_sec * UINT64_C(1000000000) + st.stx_btime.tv_nsec);
}

bool tenant_is_current(const struct tenant *tenant)
{
    return incarnation_of(tenant->dir) == tenant->info.incarnation;
}

/* `dir` NULL: the tenant's own place. */
static enum err_class open_or_create(struct data *data, const struct tenant_info *info,
                                     const char *dir, bool create, struct tenant **ret,
                                     struct err *err)
{
    const struct ctx *ctx = data->ctx;
    AUTO(tenant_close_autop) struct tenant *tenant = calloc(1, sizeof(*tenant));

    if (!tenant)
        return err_memory(err);
    tenant->ctx = ctx;
    tenant->open_lock.fd = -1;
    tenant->catalog = data->catalog;
    tenant->info = *info;
    tenant->dir = dir ? str_dup_z(str_from(dir)) : tenant_folder(data, info->id);

    AUTO(free_autop) char *key_path = tenant->dir ? disk_join(tenant->dir, "tenant.key") : NULL;
    AUTO(free_autop) char *db_path = tenant->dir ? disk_join(tenant->dir, "tenant.db") : NULL;

    if (!key_path || !db_path)
        return err_memory(err);

    enum err_class rc = create ? disk_make_dir(ctx, tenant->dir, err) : ERR_OK;

    if (rc == ERR_OK && disk_exists(ctx, tenant->dir)) /* else the key is told to be missing */
        rc = open_lock_share(ctx, tenant->dir, &tenant->open_lock, err);
    if (rc == ERR_OK && create)
        rc = vault_create(ctx, data->provider, info->id, key_path, &tenant->vault, err);
    else if (rc == ERR_OK)
        rc = vault_open(ctx, data->provider, info->id, key_path, &tenant->vault, err);
    if (rc != ERR_OK)
        return rc;
    tenant->audit = audit_ref(data->audit);
    vault_set_audit(tenant->vault, tenant->audit);

    const struct db_options options = {
        .path = db_path, .create = create, .cache_kib = data->tenant_cache_kib};

    rc = open_db(ctx, options, tenant->vault, &tenant->db, err);
    if (rc == ERR_OK)
        rc = protect_apply(tenant->db, ctx, tenant->vault, data->catalog, SCOPE_TENANT, err);
    if (rc == ERR_OK)
        rc = schema_apply(tenant->db, ctx, data->catalog, SCOPE_TENANT, err);
    if (rc == ERR_OK) {
        tenant->info.incarnation = incarnation_of(tenant->dir);
        *ret = TAKE(tenant);
    }
    return rc;
}

enum err_class tenant_open(struct data *data, const struct tenant_info *info, struct tenant **ret,
                           struct err *err)
{
    return open_or_create(data, info, NULL, false, ret, err);
}

enum err_class tenant_open_at(struct data *data, const struct tenant_info *info, const char *dir,
                              struct tenant **ret, struct err *err)
{
    return open_or_create(data, info, dir, false, ret, err);
}

void tenant_close(struct tenant *tenant)
{
    if (!tenant)
        return;
    db_close(tenant->db);
    vault_close(tenant->vault);
    audit_close(tenant->audit);
    disk_file_close(tenant->ctx, &tenant->open_lock);
    free(tenant->dir);
    free(tenant);
}

enum err_class data_audit(const struct data *data, enum audit_act act, const char *tenant_id,
                          const char *why, struct err *err)
{
    return audit_write(data->audit, data->ctx,
                       &(struct audit_entry){.act = act, .tenant = tenant_id, .why = why}, err);
}

enum err_class tenant_audit(const struct tenant *tenant, enum audit_act act, const char *record,
                            int64_t row, const char *why, struct err *err)
{
    return audit_write(
        tenant->audit, tenant->ctx,
        &(struct audit_entry){
            .act = act, .tenant = tenant->info.id, .record = record, .row = row, .why = why},
        err);
}

enum err_class tenant_put(struct data *data, const struct tenant_info *info, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(data->control,
                   SQL("INSERT INTO tenant (id, name, base_url, kind, allow_http, allow_private,"
                       " created, keep_settings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                       " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
                       " base_url = excluded.base_url, kind = excluded.kind,"
                       " allow_http = excluded.allow_http,"
                       " allow_private = excluded.allow_private"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(info->id));
    db_bind_text(stmt, 2, str_from(info->name));
    db_bind_text(stmt, 3, str_from(info->base_url));
    db_bind_text(stmt, 4, str_from(tenant_kind_name(info->kind)));
    db_bind_i64(stmt, 5, info->allow_http);
    db_bind_i64(stmt, 6, info->allow_private);
    db_bind_i64(stmt, 7, info->created_ms);
    db_bind_i64(stmt, 8, info->keep_settings);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        rc = data_audit(data, AUDIT_TENANT_ADDED, info->id, NULL, err);
    return db_end(data->control, rc, err);
}

enum err_class tenant_create(struct data *data, struct tenant_info *info,
                             const struct tenant_credential *credential, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct tenant_info other = {0};
    enum err_class rc = tenant_find(data, str_from(info->name), &other, err);

    if (rc == ERR_OK)
        return err_set(err, ERR_CONFLICT,
                       "a tenant named %s exists already (%s); choose another name with --name",
                       info->name, other.base_url);
    if (rc != ERR_NOT_FOUND)
        return rc;
    *err = (struct err){0};

    new_id(data->ctx, info->id);
    info->created_ms = ctx_now_ms(data->ctx);
    rc = open_or_create(data, info, NULL, true, &tenant, err);
    if (rc == ERR_OK && credential)
        rc = tenant_credential_store(tenant, credential, err);
    if (rc == ERR_OK)
        rc = tenant_put(data, info, err);
    if (rc != ERR_OK) {
        AUTO(free_autop) char *dir = tenant_folder(data, info->id);
        struct err ignored = {0};

        if (dir)
            err_ignore(disk_remove_tree(data->ctx, dir, &ignored)); /* the first is told */
    }
    return rc;
}

#define TENANT_COLUMNS "id, name, base_url, kind, allow_http, allow_private, created, keep_settings"

static void read_info(const struct db_stmt *stmt, struct tenant_info *ret)
{
    *ret = (struct tenant_info){0};
    (void)snprintf(ret->id, sizeof(ret->id), STR_FMT, STR_ARG(db_text(stmt, 0)));
    (void)snprintf(ret->name, sizeof(ret->name), STR_FMT, STR_ARG(db_text(stmt, 1)));
    (void)snprintf(ret->base_url, sizeof(ret->base_url), STR_FMT, STR_ARG(db_text(stmt, 2)));
    ret->kind = str_eq_z(db_text(stmt, 3), "cloud") ? TENANT_CLOUD : TENANT_DATACENTER;
    ret->allow_http = db_i64(stmt, 4) != 0;
    ret->allow_private = db_i64(stmt, 5) != 0;
    ret->created_ms = db_i64(stmt, 6);
    ret->keep_settings = db_i64(stmt, 7) != 0;
}

enum err_class tenant_each(struct data *data,
                           enum err_class (*each)(void *arg, const struct tenant_info *info,
                                                  struct err *err),
                           void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        data->control, SQL("SELECT " TENANT_COLUMNS " FROM tenant ORDER BY name LIMIT 100000"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct tenant_info info;

        read_info(stmt, &info);
        rc = each(arg, &info, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

static enum err_class add_name(void *arg, const struct tenant_info *info, struct err *err)
{
    struct strbuf *names = arg;

    (void)err;
    if (names->len < 300)
        strbuf_addf(names, "%s%s", names->len ? ", " : "", info->name);
    return ERR_OK;
}

static enum err_class not_found(struct data *data, struct str wanted, struct err *err)
{
    struct strbuf names = STRBUF_INIT(1024);
    enum err_class rc = tenant_each(data, add_name, &names, err);

    if (rc == ERR_OK && names.len == 0)
        rc = err_set(err, ERR_NOT_FOUND,
                     "there is no tenant " STR_FMT "; add one with `tenon tenant add`",
                     STR_ARG(wanted));
    else if (rc == ERR_OK)
        rc = err_set(err, ERR_NOT_FOUND, "there is no tenant " STR_FMT "; there are: %s",
                     STR_ARG(wanted), strbuf_z(&names));
    strbuf_done(&names);
    return rc;
}

enum err_class tenant_find(struct data *data, struct str id_or_name, struct tenant_info *ret,
                           struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(data->control,
                   SQL("SELECT " TENANT_COLUMNS " FROM tenant WHERE id = $1 OR name = $1"
                       " ORDER BY id = $1 DESC LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, id_or_name);
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    if (!row)
        return not_found(data, id_or_name, err);
    read_info(stmt, ret);
    return ERR_OK;
}

enum err_class tenant_keep_settings(struct data *data, const char *id, bool keep, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("UPDATE tenant SET keep_settings = $2 WHERE id = $1"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(id));
    db_bind_i64(stmt, 2, keep);
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(data->control) == 0)
        rc = err_set(err, ERR_NOT_FOUND, "there is no tenant %s", id);
    return db_end(data->control, rc, err);
}

static enum err_class leave(struct data *data, const struct tenant_info *info, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(data->control, SQL("DELETE FROM tenant WHERE id = $1"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(info->id));
    return db_end(data->control, db_run(stmt, err), err);
}

enum err_class tenant_remove(struct data *data, const struct tenant_info *info, struct err *err)
{
    AUTO(free_autop) char *dir = tenant_folder(data, info->id);
    AUTO(free_autop) char *key_path = dir ? disk_join(dir, "tenant.key") : NULL;
    AUTO(free_autop) char *lock_path = dir ? disk_join(dir, "writer.lock") : NULL;
    struct disk_lock lock = {-1};
    enum err_class rc = ERR_OK;

    if (!key_path || !lock_path)
        return err_memory(err);
    /* Not under a sync that is at work. A folder that is gone has none. */
    if (disk_exists(data->ctx, dir))
        rc = disk_lock(data->ctx, lock_path, &lock, err);
    if (rc == ERR_OK) /* first: a removal cannot be taken back */
        rc = data_audit(data, AUDIT_TENANT_REMOVED, info->id, NULL, err);
    if (rc == ERR_OK)
        rc = disk_remove(data->ctx, key_path, err);
    if (rc == ERR_OK)
        rc = disk_remove_tree(data->ctx, dir, err);
    if (rc == ERR_OK)
        rc = leave(data, info, err);
    disk_unlock(data->ctx, &lock);
    return rc;
}

enum err_class tenant_lock(const struct tenant *tenant, struct disk_lock *ret, struct err *err)
{
    AUTO(free_autop) char *path = disk_join(tenant->dir, "writer.lock");

    if (!path)
        return err_memory(err);
    return disk_lock(tenant->ctx, path, ret, err);
}

static struct vault_place credential_place(const char *field)
{
    return (struct vault_place){
        .record = "credential", .field = field, .row_text = STR(CREDENTIAL_KIND)};
}

enum err_class tenant_credential_load(struct tenant *tenant, const char *purpose,
                                      struct tenant_credential *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct vault_place login = credential_place("login"), token = credential_place("token");
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT login, token, added, expires FROM credential WHERE kind = $1"
                       " ORDER BY kind LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, STR(CREDENTIAL_KIND));
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    if (!row)
        return err_set(err, ERR_NOT_FOUND,
                       "the tenant %s has no credential; give one with `tenon tenant token %s`",
                       tenant->info.name, tenant->info.name);

    *ret = (struct tenant_credential){
        .login = STRBUF_INIT(LIMIT_SECRET_BYTES),
        .token = STRBUF_INIT(LIMIT_SECRET_BYTES),
        .added_ms = db_i64(stmt, 2),
        .expires_ms = db_i64(stmt, 3),
    };
    if (!db_is_null(stmt, 0))
        rc = vault_unseal_secret(tenant->vault, tenant->ctx, &login, db_blob(stmt, 0), purpose,
                                 &ret->login, err);
    if (rc == ERR_OK)
        rc = vault_unseal_secret(tenant->vault, tenant->ctx, &token, db_blob(stmt, 1), purpose,
                                 &ret->token, err);
    if (rc != ERR_OK)
        tenant_credential_done(ret);
    return rc;
}

static enum err_class put_credential(struct tenant *tenant,
                                     const struct tenant_credential *credential,
                                     struct strbuf *login, struct strbuf *token, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("INSERT INTO credential (kind, login, token, added, expires)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kind) DO UPDATE SET login = excluded.login,"
            " token = excluded.token, added = excluded.added, expires = excluded.expires"),
        &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, STR(CREDENTIAL_KIND));
    db_bind_blob(stmt, 2, strbuf_str(login)); /* empty: NULL */
    db_bind_blob(stmt, 3, strbuf_str(token));
    db_bind_i64(stmt, 4, ctx_now_ms(tenant->ctx));
    if (credential->expires_ms)
        db_bind_i64(stmt, 5, credential->expires_ms);
    else
        db_bind_null(stmt, 5);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        rc = tenant_audit(tenant, AUDIT_CREDENTIAL_SET, "credential", 0, CREDENTIAL_KIND, err);
    return db_end(tenant->db, rc, err);
}

enum err_class tenant_credential_store(struct tenant *tenant,
                                       const struct tenant_credential *credential, struct err *err)
{
    struct strbuf login = STRBUF_INIT(LIMIT_SECRET_BYTES), token = STRBUF_INIT(LIMIT_SECRET_BYTES);
    struct vault_place login_place = credential_place("login");
    struct vault_place token_place = credential_place("token");
    enum err_class rc = ERR_OK;

    if (credential->login.len > 0)
        rc = vault_seal(tenant->vault, tenant->ctx, &login_place, strbuf_str(&credential->login),
                        &login, err);
    if (rc == ERR_OK)
        rc = vault_seal(tenant->vault, tenant->ctx, &token_place, strbuf_str(&credential->token),
                        &token, err);
    if (rc == ERR_OK)
        rc = put_credential(tenant, credential, &login, &token, err);
    strbuf_done(&login);
    strbuf_done(&token);
    return rc;
}

enum err_class person_number(struct tenant *tenant, struct str account_id, int64_t *ret,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT id FROM person WHERE account_id = $1 ORDER BY id LIMIT 1"), &stmt,
        err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, account_id);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row ? db_i64(stmt, 0) : 0;
    return rc;
}

enum err_class person_ref(struct tenant *tenant, struct str account_id, int64_t *ret,
                          struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *add = NULL;
    int64_t known = 0;
    bool row = false;

    assert(db_in_tx(tenant->db));

    enum err_class rc = person_number(tenant, account_id, &known, err);

    if (rc != ERR_OK)
        return rc;
    if (known) {
        *ret = known;
        return ERR_OK;
    }
    rc = erased_find(tenant, account_id, &row, err);
    if (rc == ERR_OK && row)
        return err_set(err, ERR_FORBIDDEN,
                       "this account was erased from %s, and nothing is stored of it; if that is "
                       "to end, the server's operator runs `tenon person readmit`",
                       tenant->info.name);
    if (rc == ERR_OK)
        rc = erased_make_salt(tenant, err);
    /* A number that an erased person had is not given again: audit lines may name it. */
    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("INSERT INTO person (id, account_id) SELECT 1 + max("
                            "coalesce((SELECT max(id) FROM person), 0),"
                            " coalesce((SELECT last_number FROM person_state WHERE id = 1), 0)),"
                            " $1 RETURNING id"),
                        &add, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(add, 1, account_id);
    rc = db_step(add, &row, err);
    if (rc != ERR_OK)
        return rc;
    *ret = db_i64(add, 0);
    return ERR_OK;
}
