/*
 * install.c: rows of installations.
 *
 * A secret is bound to its row's key, so moving a row to another tenant opens and seals it anew.
 * Threads: those of the tenant's handle, one at a time.
 */
#include "connect/install.h"

#include "vault/vault.h"

void connect_install_done(struct connect_install *install)
{
    vault_wipe(&install->secret);
    vault_wipe(&install->previous);
}

void forge_install_done(struct forge_install *install)
{
    vault_wipe(&install->system_token);
}

static void copy(char *to, size_t room, struct str text)
{
    (void)snprintf(to, room, STR_FMT, STR_ARG(text));
}

/* Opens what is in the column; NULL leaves *ret empty. */
static enum err_class open_secret(const struct tenant *tenant, const struct vault_place *place,
                                  struct str sealed, const char *purpose, struct strbuf *ret,
                                  struct err *err)
{
    if (!sealed.ptr)
        return ERR_OK;
    return vault_unseal_secret(tenant->vault, tenant->ctx, place, sealed, purpose, ret, err);
}

static enum err_class seal(const struct tenant *tenant, const struct vault_place *place,
                           const struct strbuf *plain, struct strbuf *ret, struct err *err)
{
    if (plain->len == 0)
        return ERR_OK;
    return vault_seal(tenant->vault, tenant->ctx, place, strbuf_str(plain), ret, err);
}

/* Empty text is NULL in the database. */
static void bind_text(struct db_stmt *stmt, int param, const char *text)
{
    db_bind_text(stmt, param, text[0] ? str_from(text) : (struct str){NULL, 0});
}

static void bind_time(struct db_stmt *stmt, int param, int64_t ms)
{
    if (ms)
        db_bind_i64(stmt, param, ms);
    else
        db_bind_null(stmt, param);
}

/* ---- Connect ---- */

static struct vault_place connect_place(const char *field, struct str client_key)
{
    return (struct vault_place){
        .record = "connect_install", .field = field, .row_text = client_key};
}

static enum err_class read_connect(struct tenant *tenant, struct db_stmt *stmt, const char *purpose,
                                   struct connect_install *ret, struct err *err)
{
    struct str client_key = db_text(stmt, db_col(stmt, "client_key"));
    struct vault_place secret = connect_place("shared_secret", client_key);
    struct vault_place previous = connect_place("previous_secret", client_key);
    enum err_class rc;

    *ret = (struct connect_install){
        .secret = STRBUF_INIT(INSTALL_SECRET_BYTES_MAX),
        .previous = STRBUF_INIT(INSTALL_SECRET_BYTES_MAX),
        .previous_until_ms = db_i64(stmt, db_col(stmt, "previous_until")),
        .state = install_state_read(db_text(stmt, db_col(stmt, "state"))),
    };
    copy(ret->client_key, sizeof(ret->client_key), client_key);
    copy(ret->app_key, sizeof(ret->app_key), db_text(stmt, db_col(stmt, "app_key")));
    copy(ret->base_url, sizeof(ret->base_url), db_text(stmt, db_col(stmt, "base_url")));
    copy(ret->display_url, sizeof(ret->display_url), db_text(stmt, db_col(stmt, "display_url")));
    copy(ret->oauth_client_id, sizeof(ret->oauth_client_id),
         db_text(stmt, db_col(stmt, "oauth_client_id")));
    rc = open_secret(tenant, &secret, db_blob(stmt, db_col(stmt, "shared_secret")), purpose,
                     &ret->secret, err);
    if (rc == ERR_OK && ret->previous_until_ms > ctx_now_ms(tenant->ctx))
        rc = open_secret(tenant, &previous, db_blob(stmt, db_col(stmt, "previous_secret")), purpose,
                         &ret->previous, err);
    if (rc != ERR_OK)
        connect_install_done(ret);
    return rc;
}

enum err_class connect_install_load(struct tenant *tenant, struct str client_key,
                                    const char *purpose, struct connect_install *ret,
                                    struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT client_key, app_key, base_url, display_url, oauth_client_id, shared_secret,"
            " previous_secret, previous_until, state FROM connect_install"
            " WHERE client_key = $1 OR ($1 = '' AND state = 'enabled')"
            " ORDER BY changed DESC, client_key LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, client_key.ptr ? client_key : STR(""));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        rc = err_set(err, ERR_NOT_FOUND,
                     "the tenant %s has no %sConnect installation; install the app in Jira",
                     tenant->info.name, client_key.len ? "such " : "enabled ");
    return rc == ERR_OK ? read_connect(tenant, stmt, purpose, ret, err) : rc;
}

static enum err_class put_connect(struct tenant *tenant, const struct connect_install *install,
                                  struct str secret, struct str previous, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("INSERT INTO connect_install (client_key, app_key, base_url, display_url,"
            " oauth_client_id, shared_secret, previous_secret, previous_until, state, installed,"
            " changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)"
            " ON CONFLICT (client_key) DO UPDATE SET app_key = excluded.app_key,"
            " base_url = excluded.base_url, display_url = excluded.display_url,"
            " oauth_client_id = excluded.oauth_client_id, shared_secret = excluded.shared_secret,"
            " previous_secret = excluded.previous_secret,"
            " previous_until = excluded.previous_until, state = excluded.state,"
            " changed = excluded.changed"),
        &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(install->client_key));
    db_bind_text(stmt, 2, str_from(install->app_key));
    db_bind_text(stmt, 3, str_from(install->base_url));
    bind_text(stmt, 4, install->display_url);
    bind_text(stmt, 5, install->oauth_client_id);
    db_bind_blob(stmt, 6, secret);
    db_bind_blob(stmt, 7, previous); /* empty: NULL */
    bind_time(stmt, 8, previous.len ? install->previous_until_ms : 0);
    db_bind_text(stmt, 9, str_from(install_state_name(install->state)));
    db_bind_i64(stmt, 10, ctx_now_ms(tenant->ctx));
    return db_end(tenant->db, db_run(stmt, err), err);
}

enum err_class connect_install_store(struct tenant *tenant, const struct connect_install *install,
                                     struct err *err)
{
    AUTO(strbuf_done) struct strbuf secret = STRBUF_INIT(LIMIT_SECRET_BYTES);
    AUTO(strbuf_done) struct strbuf previous = STRBUF_INIT(LIMIT_SECRET_BYTES);
    struct str key = str_from(install->client_key);
    struct vault_place secret_place = connect_place("shared_secret", key);
    struct vault_place previous_place = connect_place("previous_secret", key);
    enum err_class rc = seal(tenant, &secret_place, &install->secret, &secret, err);

    if (rc == ERR_OK)
        rc = seal(tenant, &previous_place, &install->previous, &previous, err);
    return rc == ERR_OK
               ? put_connect(tenant, install, strbuf_str(&secret), strbuf_str(&previous), err)
               : rc;
}

enum err_class connect_install_set_state(struct tenant *tenant, struct str client_key,
                                         enum install_state state, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("UPDATE connect_install SET state = $2, changed = $3 WHERE client_key = $1"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, client_key);
    db_bind_text(stmt, 2, str_from(install_state_name(state)));
    db_bind_i64(stmt, 3, ctx_now_ms(tenant->ctx));
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(tenant->db) == 0)
        rc = err_set(err, ERR_NOT_FOUND, "the tenant %s has no such Connect installation",
                     tenant->info.name);
    return db_end(tenant->db, rc, err);
}

/* ---- Forge ---- */

static struct vault_place forge_place(struct str installation_id)
{
    return (struct vault_place){
        .record = "forge_install", .field = "system_token", .row_text = installation_id};
}

enum err_class forge_install_load(struct tenant *tenant, struct str installation_id,
                                  const char *purpose, struct forge_install *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT installation_id, cloud_id, api_base_url, system_token, system_token_until,"
            " state FROM forge_install"
            " WHERE installation_id = $1 OR ($1 = '' AND state = 'enabled')"
            " ORDER BY changed DESC, installation_id LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, installation_id.ptr ? installation_id : STR(""));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        rc = err_set(err, ERR_NOT_FOUND,
                     "the tenant %s has no %sForge installation; install the app in Jira",
                     tenant->info.name, installation_id.len ? "such " : "enabled ");
    if (rc != ERR_OK)
        return rc;

    struct str id = db_text(stmt, db_col(stmt, "installation_id"));
    struct vault_place place = forge_place(id);

    *ret = (struct forge_install){
        .system_token = STRBUF_INIT(LIMIT_SECRET_BYTES),
        .system_token_until_ms = db_i64(stmt, db_col(stmt, "system_token_until")),
        .state = install_state_read(db_text(stmt, db_col(stmt, "state"))),
    };
    copy(ret->installation_id, sizeof(ret->installation_id), id);
    copy(ret->cloud_id, sizeof(ret->cloud_id), db_text(stmt, db_col(stmt, "cloud_id")));
    copy(ret->api_base_url, sizeof(ret->api_base_url), db_text(stmt, db_col(stmt, "api_base_url")));
    rc = open_secret(tenant, &place, db_blob(stmt, db_col(stmt, "system_token")), purpose,
                     &ret->system_token, err);
    if (rc != ERR_OK)
        forge_install_done(ret);
    return rc;
}

enum err_class forge_install_store(struct tenant *tenant, const struct forge_install *install,
                                   struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT(2 * LIMIT_SECRET_BYTES);
    struct vault_place place = forge_place(str_from(install->installation_id));
    enum err_class rc = seal(tenant, &place, &install->system_token, &token, err);

    if (rc == ERR_OK)
        rc = db_prepare(
            tenant->db,
            SQL("INSERT INTO forge_install (installation_id, cloud_id, api_base_url, system_token,"
                " system_token_until, state, installed, changed)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
                " ON CONFLICT (installation_id) DO UPDATE SET cloud_id = excluded.cloud_id,"
                " api_base_url = excluded.api_base_url, system_token = excluded.system_token,"
                " system_token_until = excluded.system_token_until, state = excluded.state,"
                " changed = excluded.changed"),
            &stmt, err);
    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(install->installation_id));
    bind_text(stmt, 2, install->cloud_id);
    bind_text(stmt, 3, install->api_base_url);
    db_bind_blob(stmt, 4, strbuf_str(&token));
    bind_time(stmt, 5, token.len ? install->system_token_until_ms : 0);
    db_bind_text(stmt, 6, str_from(install_state_name(install->state)));
    db_bind_i64(stmt, 7, ctx_now_ms(tenant->ctx));
    return db_end(tenant->db, db_run(stmt, err), err);
}

/* ---- Both ---- */

enum err_class install_remove(struct tenant *tenant, enum alias_kind kind, struct str value,
                              struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        kind == ALIAS_CLIENT_KEY
            ? db_prepare(tenant->db, SQL("DELETE FROM connect_install WHERE client_key = $1"),
                         &stmt, err)
            : db_prepare(tenant->db, SQL("DELETE FROM forge_install WHERE installation_id = $1"),
                         &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, value);
    return db_end(tenant->db, db_run(stmt, err), err);
}
