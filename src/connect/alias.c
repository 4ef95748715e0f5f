/* alias.c: the names that Atlassian has for a tenant, in the control database. */
#include "connect/alias.h"

#include "http/url.h"

#define NAMES_TRIED_MAX 1000

const char *alias_kind_name(enum alias_kind kind)
{
    static const char *const names[ALIAS_KIND_COUNT] = {
        [ALIAS_CLIENT_KEY] = "client_key",
        [ALIAS_INSTALLATION_ID] = "installation_id",
        [ALIAS_CLOUD_ID] = "cloud_id",
    };

    return names[kind];
}

bool alias_value_is_valid(struct str value)
{
    if (value.len == 0 || value.len > ALIAS_VALUE_BYTES)
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f || value.ptr[i] == '"' ||
            value.ptr[i] == '\\')
            return false;
    return true;
}

enum err_class alias_find(struct db *control, enum alias_kind kind, struct str value,
                          char ret_tenant[TENANT_ID_BYTES + 1], struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT tenant.id FROM tenant_alias JOIN tenant ON"
                       " tenant.id = tenant_alias.tenant WHERE tenant_alias.kind = $1 AND"
                       " tenant_alias.value = $2 ORDER BY tenant.id LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(alias_kind_name(kind)));
    db_bind_text(stmt, 2, value);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        rc = err_set(err, ERR_NOT_FOUND, "no tenant has this %s", alias_kind_name(kind));
    if (rc == ERR_OK)
        (void)snprintf(ret_tenant, TENANT_ID_BYTES + 1, STR_FMT, STR_ARG(db_text(stmt, 0)));
    return rc;
}

static enum err_class run_put(struct db *control, const struct ctx *ctx, struct db_stmt *stmt,
                              enum alias_kind kind, struct str value, const char *tenant,
                              struct err *err)
{
    enum err_class rc = db_begin(control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(alias_kind_name(kind)));
    db_bind_text(stmt, 2, value);
    db_bind_text(stmt, 3, str_from(tenant));
    db_bind_i64(stmt, 4, ctx_now_ms(ctx));
    return db_end(control, db_run(stmt, err), err);
}

enum err_class alias_put(struct db *control, const struct ctx *ctx, enum alias_kind kind,
                         struct str value, const char *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("INSERT INTO tenant_alias (kind, value, tenant, added)"
                       " VALUES ($1, $2, $3, $4) ON CONFLICT (kind, value) DO UPDATE SET"
                       " tenant = excluded.tenant, added = excluded.added"
                       " WHERE tenant_alias.tenant <> excluded.tenant"),
                   &stmt, err);

    return rc == ERR_OK ? run_put(control, ctx, stmt, kind, value, tenant, err) : rc;
}

enum err_class alias_claim(struct db *control, const struct ctx *ctx, enum alias_kind kind,
                           struct str value, const char *tenant, bool *ret_ours, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    char owner[TENANT_ID_BYTES + 1];
    enum err_class rc =
        db_prepare(control,
                   SQL("INSERT INTO tenant_alias (kind, value, tenant, added)"
                       " VALUES ($1, $2, $3, $4) ON CONFLICT (kind, value) DO UPDATE SET"
                       " tenant = excluded.tenant, added = excluded.added WHERE NOT EXISTS"
                       " (SELECT 1 FROM tenant WHERE tenant.id = tenant_alias.tenant)"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = run_put(control, ctx, stmt, kind, value, tenant, err);
    if (rc == ERR_OK)
        rc = alias_find(control, kind, value, owner, err);
    if (rc == ERR_OK)
        *ret_ours = strcmp(owner, tenant) == 0;
    return rc;
}

/* "acme" of acme.atlassian.net; of 127.0.0.1 and the like "site". Room for a number stays. */
static size_t name_of_host(const char *host, char ret[LIMIT_TENANT_NAME_BYTES + 1])
{
    struct str rest = {0}, label = str_cut(str_from(host), '.', &rest);
    uint32_t number = 0;
    size_t len = 0;

    if (parse_u32(label, 0, UINT32_MAX, &number))
        label = STR("site");
    for (size_t i = 0; i < label.len && len < LIMIT_TENANT_NAME_BYTES - 8; i++) {
        char c = label.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (plain || (len > 0 && (c == '-' || c == '_')))
            ret[len++] = c;
    }
    if (len == 0) {
        memcpy(ret, "site", 4);
        len = 4;
    }
    ret[len] = '\0';
    return len;
}

enum err_class alias_new_tenant(struct data *data, const char *base_url, bool allow_http,
                                bool allow_private, struct tenant_info *ret, struct err *err)
{
    struct tenant_info info = {
        .kind = TENANT_CLOUD, .allow_http = allow_http, .allow_private = allow_private};
    struct url_base url = {0};
    enum err_class rc = url_parse_base(str_from(base_url), &url, err);

    if (rc != ERR_OK)
        return rc;

    size_t len = name_of_host(url.host, info.name);

    (void)snprintf(info.base_url, sizeof(info.base_url), "%s", url.text);
    rc = tenant_create(data, &info, NULL, err);
    for (int n = 2; rc == ERR_CONFLICT && n <= NAMES_TRIED_MAX; n++) {
        *err = (struct err){0};
        (void)snprintf(info.name + len, sizeof(info.name) - len, "-%d", n);
        rc = tenant_create(data, &info, NULL, err);
    }
    if (rc == ERR_OK)
        *ret = info;
    return rc;
}
