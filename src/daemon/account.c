/*
 * account.c: who am I, what may I do, and which sites are there.
 *
 * GET /me is what every page asks first and what a benchmark of sign-in asks for: it is answered
 * without disk and network as soon as the site is in memory and Jira was asked lately what the
 * person may do.
 */
#include "daemon/internal.h"

#include "connect/onboard.h"
#include "jira/search.h"

static void put_tenant(struct json_out *json, const struct tenant_info *info)
{
    json_object(json);
    json_key(json, "id");
    json_put_z(json, info->id);
    json_key(json, "name");
    json_put_z(json, info->name);
    json_key(json, "url");
    json_put_z(json, info->base_url);
    json_key(json, "kind");
    json_put_z(json, tenant_kind_name(info->kind));
    json_object_end(json);
}

static enum err_class list_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    (void)err;
    put_tenant(arg, info);
    return ERR_OK;
}

/* All of them for the server's administrator, for anybody else their own. */
static enum err_class put_tenants(struct request *request, struct json_out *json, struct err *err)
{
    struct data *data = NULL;
    enum err_class rc = ERR_OK;

    json_key(json, "tenants");
    json_array(json);
    if (!principal_is_local(&request->who)) {
        put_tenant(json, &request->site->info);
    } else {
        rc = store_pool_data(request->daemon->store, &data, err);
        if (rc == ERR_OK)
            rc = tenant_each(data, list_tenant, json, err);
        store_pool_give_data(request->daemon->store, data);
    }
    json_array_end(json);
    return rc;
}

/* ---- What they may do ---- */

static enum err_class ask_jira(struct request *request, bool *ret, struct err *err)
{
    struct link link = {0};
    enum err_class rc = request_link(request, AS_TENANT, "rights", &link, err);

    if (rc == ERR_OK)
        rc = jira_is_admin(&link.jira, str_from(request->who.account), ret, err);
    link_done(&link);
    return rc;
}

static enum err_class is_admin(struct request *request, bool may_wait, bool *ret, struct err *err)
{
    const struct principal *who = &request->who;

    *ret = who->role == ROLE_ADMIN;
    if (*ret || who->account[0] == '\0' || !request->site ||
        site_knows_admin(request->site, who->account, ret))
        return ERR_OK;
    if (!may_wait)
        return err_set(err, ERR_BUSY, "not known yet");

    enum err_class rc = ask_jira(request, ret, err);

    if (rc == ERR_OK)
        site_learn_admin(request->site, who->account, *ret);
    return rc;
}

enum err_class request_is_admin(struct request *request, bool *ret, struct err *err)
{
    return is_admin(request, true, ret, err);
}

static enum err_class find_rights(struct request *request, bool may_wait, struct rights *ret,
                                  bool *ret_admin, struct err *err)
{
    const struct daemon_options *options = &request->daemon->options;
    enum err_class rc = is_admin(request, may_wait, ret_admin, err);

    *ret = (struct rights){.log = true, .report = true, .others = true};
    if (!request->site)
        return rc;
    for (size_t i = 0; i < options->app_count && rc == ERR_OK; i++)
        if (options->apps[i]->rights) {
            request->app = options->apps[i];
            rc = options->apps[i]->rights(request, may_wait, ret, err);
        }
    return rc;
}

/* ---- The answer ---- */

/* Signed in with Jira (3LO): what is done in Jira rests on a consent, which ends. */
static bool has_consent(const struct request *request)
{
    return request->who.by == BY_SESSION && request->who.account[0] != '\0' &&
           request->daemon->auth.oauth;
}

static bool me_is_fast(struct request *request)
{
    struct rights rights;
    bool admin = false;
    struct err err = {0};

    if (request->who.tenant[0] == '\0' || has_consent(request))
        return false;
    request->site = daemon_site_in_use(request->daemon, request->who.tenant);
    if (request->site && find_rights(request, false, &rights, &admin, &err) == ERR_OK)
        return true;
    daemon_give_site(request->site);
    request->site = NULL;
    return false;
}

/* A local administrator may not have chosen a site yet: then there is none, and no error. */
static enum err_class open_site(struct request *request, struct err *err)
{
    struct str name = {NULL, 0};
    enum err_class rc = request->site ? ERR_OK : request_tenant(request, &name, err);

    if (rc == ERR_OK && !request->site)
        rc = store_pool_tenant(request->daemon->store, name, &request->tenant, err);
    if (principal_is_local(&request->who) && (rc == ERR_NOT_FOUND || rc == ERR_USAGE))
        return ERR_OK;
    if (rc != ERR_OK || request->site)
        return rc;
    return rc == ERR_OK ? daemon_site(request->daemon, &request->tenant->info, &request->site, err)
                        : rc;
}

static void put_rights(struct json_out *json, const struct rights *rights, bool admin)
{
    json_key(json, "may");
    json_object(json);
    json_key(json, "log");
    json_put_bool(json, rights->log);
    json_key(json, "report");
    json_put_bool(json, rights->report);
    json_key(json, "others");
    json_put_bool(json, rights->others);
    json_key(json, "admin");
    json_put_bool(json, admin);
    json_object_end(json);
}

static enum err_class put_consent(struct request *request, struct json_out *json, struct err *err)
{
    const struct principal *who = &request->who;
    struct oauth_consent consent = {0};
    enum err_class rc;

    json_key(json, "consent");
    if (!has_consent(request)) {
        json_put_null(json);
        return ERR_OK;
    }
    rc = oauth_consent(request->daemon->auth.oauth, who->tenant, who->account, &consent, err);
    if (rc != ERR_OK)
        return rc;
    json_object(json);
    json_key(json, "ends");
    if (consent.ends_ms)
        json_put_stamp(json, consent.ends_ms);
    else
        json_put_null(json);
    json_key(json, "sign_in_again");
    json_put_bool(json, consent.ends_ms == 0 || consent.ends_soon);
    json_object_end(json);
    return ERR_OK;
}

static enum err_class put_me(struct request *request, struct json_out *json, struct err *err)
{
    const struct principal *who = &request->who;
    struct rights rights;
    bool admin = false;
    enum err_class rc = find_rights(request, true, &rights, &admin, err);

    if (rc != ERR_OK)
        return rc;
    json_key(json, "account");
    json_put_z(json, who->account[0] ? who->account : NULL);
    json_key(json, "name"); /* people's names come from Jira, by /labels */
    json_put_null(json);
    json_key(json, "by");
    json_put_z(json, principal_by_name(who->by));
    json_key(json, "role");
    json_put_z(json, who->role == ROLE_ADMIN ? "admin" : "person");
    json_key(json, "tenant");
    if (request->site)
        put_tenant(json, &request->site->info);
    else
        json_put_null(json);
    rc = put_tenants(request, json, err);
    /* A token may hold less than its person. */
    rights.log = rights.log && (who->scopes & MAY_WRITE);
    put_rights(json, &rights, admin && (who->scopes & MAY_ADMINISTER));
    if (rc == ERR_OK)
        rc = put_consent(request, json, err);
    json_key(json, "csrf");
    json_put_z(json, auth_csrf(request));
    json_key(json, "zone");
    json_put_z(json, rights.zone[0] ? rights.zone : "UTC");
    json_key(json, "now");
    json_put_stamp(json, ctx_now_ms(&request->daemon->ctx));
    json_key(json, "version");
    json_put_z(json, TENON_VERSION);
    return rc;
}

static enum err_class me(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    enum err_class rc = open_site(request, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    rc = put_me(request, &json, err);
    json_object_end(&json);
    return rc;
}

static enum err_class tenants(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    enum err_class rc = open_site(request, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    rc = put_tenants(request, &json, err);
    json_object_end(&json);
    return rc;
}

/* ---- Connecting a site ---- */

#define TENANT_BODY_MAX ((size_t)64 * 1024)

static enum err_class read_onboarding(yyjson_val *body, struct onboarding *asked,
                                      struct tenant_credential *credential, struct err *err)
{
    *asked = (struct onboarding){
        .url = json_str(body, "url"),
        .name = json_str(body, "name"),
        .allow_http = json_bool(body, "allow_http", false),
        .allow_private = json_bool(body, "allow_private", false),
        .words = &onboard_api_words,
    };
    *credential = (struct tenant_credential){.login = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                             .token = STRBUF_INIT(LIMIT_SECRET_BYTES)};
    if (asked->url.len == 0 || json_str(body, "token").len == 0)
        return err_set(err, ERR_INPUT, "url and token are both needed");
    strbuf_add_str(&credential->login, str_trim(json_str(body, "email")));
    strbuf_add_str(&credential->token, str_trim(json_str(body, "token")));
    for (size_t i = 0; i < credential->token.len; i++)
        if (credential->token.ptr[i] <= 0x20 || credential->token.ptr[i] >= 0x7f)
            return err_set(err, ERR_INPUT, "token holds a character that no token has");
    return ERR_OK;
}

static void put_added(struct json_out *json, const struct tenant_info *info, struct str account,
                      struct str missing)
{
    json_object(json);
    json_key(json, "id");
    json_put_z(json, info->id);
    json_key(json, "name");
    json_put_z(json, info->name);
    json_key(json, "url");
    json_put_z(json, info->base_url);
    json_key(json, "kind");
    json_put_z(json, tenant_kind_name(info->kind));
    json_key(json, "account");
    json_put_str(json, account);
    json_key(json, "missing");
    json_array(json);
    while (missing.len > 0)
        json_put_str(json, str_cut(missing, ' ', &missing));
    json_array_end(json);
    json_object_end(json);
}

static enum err_class create_tenant(struct request *request, struct tenant_info *info,
                                    const struct tenant_credential *credential, struct err *err)
{
    struct store_pool *store = request->daemon->store;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(store, &data, err);

    if (rc == ERR_OK)
        rc = tenant_create(data, info, credential, err);
    store_pool_give_data(store, data);
    if (rc == ERR_OK)
        request->daemon->work.minute_ms = 0; /* its schedules begin with the next tick */
    return rc;
}

static enum err_class add_tenant(struct request *request, struct err *err)
{
    AUTO(strbuf_done) struct strbuf account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    AUTO(strbuf_done) struct strbuf missing = STRBUF_INIT(1024);
    struct json_out json = json_out(&request->ex->out);
    struct tenant_credential credential = {0};
    struct tenant_info info = {0};
    struct onboarding asked;
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    if (rc == ERR_OK)
        rc = read_onboarding(body, &asked, &credential, err);
    if (rc == ERR_OK)
        rc = onboard_info(&asked, &info, err);
    if (rc == ERR_OK)
        rc = onboard_check(&request->daemon->ctx, &info, &credential, &onboard_api_words, &account,
                           &missing, err);
    /* Here it is the caller's own credential that Jira refuses. */
    if (rc == ERR_DENIED)
        err->class = rc = ERR_INPUT;
    if (rc == ERR_OK)
        rc = create_tenant(request, &info, &credential, err);
    tenant_credential_done(&credential);
    if (rc != ERR_OK)
        return rc;
    request->ex->status = 201;
    put_added(&json, &info, strbuf_str(&account), strbuf_str(&missing));
    return ERR_OK;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/me", 0, 0, me, me_is_fast},
    {HTTP_GET, "/api/v1/tenants", 0, 0, tenants, NULL},
    {HTTP_POST, "/api/v1/tenants", TENANT_BODY_MAX, API_LOCAL, add_tenant, NULL},
};

const struct api_area account_area = {routes, ARRAY_LEN(routes)};
