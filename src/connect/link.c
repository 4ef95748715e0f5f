/*
 * link.c: from a tenant to calls of its Jira.
 *
 * API-token and PAT traffic is exempt from Atlassian's hourly points and bound by bursts per second
 * and method (Cloud's published defaults). A Data Center sets its own limits and tells them in its
 * answers.
 *
 * Each connection is one way_fn: it fills the link, or says ERR_NOT_FOUND when the tenant does not
 * have that connection, and then the next is asked.
 */
#include "connect/link.h"

#include "base/limits.h"
#include "connect/bearers.h"
#include "connect/connect_call.h"
#include "connect/oauth.h"

/* How long it is believed whose the tenant's token is. */
#define OWN_ACCOUNT_MS (INT64_C(10) * 60 * 1000)
/* Asking for that: somebody waits, and so do all others who need it. */
#define ASK_MS 15000
#define ASK_TRIES 2

static const struct http_budget_options cloud_budget = {
    .burst_per_second = {[HTTP_GET] = 100, [HTTP_POST] = 100, [HTTP_PUT] = 50, [HTTP_DELETE] = 50},
};
static const struct http_budget_options open_budget = {0};

static bool is_atlassian(struct str base_url)
{
    struct str host = str_sub(base_url, sizeof("https://") - 1, base_url.len);
    struct str path;

    host = str_cut(host, '/', &path);
    return str_ends(host, STR(".atlassian.net")) || str_eq(host, STR("api.atlassian.com"));
}

struct http_budget *link_budget_new(const struct tenant_info *info)
{
    return http_budget_new(is_atlassian(str_from(info->base_url)) ? &cloud_budget : &open_budget);
}

/* `budget` NULL: one of its own. No credential yet. */
static enum err_class begin(struct link *link, const struct ctx *ctx,
                            const struct tenant_info *info, struct http_budget *budget,
                            struct err *err)
{
    *link = (struct link){.authorization = STRBUF_INIT(4 * LIMIT_SECRET_BYTES)};
    link->budget_owned = budget == NULL;
    link->budget = budget ? budget : link_budget_new(info);
    if (!link->budget)
        return err_memory(err);
    link->jira = (struct jira){
        .http =
            {
                .ctx = ctx,
                .budget = link->budget,
                .base_url = info->base_url,
                .allow_http = info->allow_http,
                .allow_private = info->allow_private,
            },
        .datacenter = info->kind == TENANT_DATACENTER,
    };
    return ERR_OK;
}

/* What was put into link->authorization is the header of every call. */
static enum err_class use_header(struct link *link, struct err *err)
{
    enum err_class rc = strbuf_check(&link->authorization, "the credential", err);

    if (rc == ERR_OK)
        link->jira.http.authorization = strbuf_z(&link->authorization);
    return rc;
}

static enum err_class use_credential(struct link *link, const struct tenant_credential *credential,
                                     struct err *err)
{
    jira_authorization(strbuf_str(&credential->login), strbuf_str(&credential->token),
                       &link->authorization);
    return use_header(link, err);
}

static enum err_class use_bearer(struct link *link, struct str token, struct err *err)
{
    strbuf_reset(&link->authorization);
    strbuf_add_z(&link->authorization, "Bearer ");
    strbuf_add_str(&link->authorization, token);
    return use_header(link, err);
}

/* Calls go to where the installation says that the API is. */
static void use_base(struct link *link, const char *base_url)
{
    if (!base_url[0])
        return;
    (void)snprintf(link->base_url, sizeof(link->base_url), "%s", base_url);
    link->jira.http.base_url = link->base_url;
}

enum err_class link_init(struct link *link, const struct ctx *ctx, const struct tenant_info *info,
                         const struct tenant_credential *credential, struct err *err)
{
    enum err_class rc = begin(link, ctx, info, NULL, err);

    if (rc == ERR_OK)
        rc = use_credential(link, credential, err);
    if (rc != ERR_OK)
        link_done(link);
    return rc;
}

/* ---- The ways ---- */

struct asking {
    struct tenant *tenant;
    const struct link_as *as;
    const char *purpose;
};

typedef enum err_class way_fn(struct link *link, const struct asking *asking, struct err *err);

static enum err_class by_token(struct link *link, const struct asking *asking, struct err *err)
{
    struct tenant_credential credential = {0};
    enum err_class rc = tenant_credential_load(asking->tenant, asking->purpose, &credential, err);

    if (rc != ERR_OK)
        return rc;
    rc = use_credential(link, &credential, err);
    tenant_credential_done(&credential);
    return rc;
}

static enum err_class by_forge_system(struct link *link, const struct asking *asking,
                                      struct err *err)
{
    struct forge_install install = {0};
    enum err_class rc =
        forge_install_load(asking->tenant, (struct str){NULL, 0}, asking->purpose, &install, err);

    if (rc != ERR_OK)
        return rc;
    if (install.system_token.len == 0 ||
        install.system_token_until_ms <= ctx_now_ms(asking->tenant->ctx))
        rc = err_set(err, ERR_NOT_FOUND, "Forge has not sent a token for calls lately");
    if (rc == ERR_OK)
        rc = use_bearer(link, strbuf_str(&install.system_token), err);
    use_base(link, install.api_base_url);
    forge_install_done(&install);
    return rc;
}

static enum err_class sign_call(void *arg, enum http_method method, const char *path,
                                struct strbuf *ret, struct err *err)
{
    const struct link *link = arg;
    struct connect_caller caller = {link->jira.http.ctx, &link->signer};

    return connect_authorize(&caller, method, path, ret, err);
}

static enum err_class by_connect_app(struct link *link, const struct asking *asking,
                                     struct err *err)
{
    enum err_class rc = connect_install_load(asking->tenant, (struct str){NULL, 0}, asking->purpose,
                                             &link->signer, err);

    if (rc != ERR_OK)
        return rc;
    use_base(link, link->signer.base_url);
    link->jira.http.authorize = sign_call;
    link->jira.http.authorize_arg = link;
    return ERR_OK;
}

static enum err_class by_forge_user(struct link *link, const struct asking *asking, struct err *err)
{
    struct str token = asking->as->user_token;
    struct forge_install install = {0};
    enum err_class rc;

    if (token.len == 0 || asking->as->who->by != BY_FORGE)
        return err_set(err, ERR_NOT_FOUND, "Forge sent no token of the person");
    rc = forge_install_load(asking->tenant, (struct str){NULL, 0}, asking->purpose, &install, err);
    if (rc != ERR_OK)
        return rc;
    rc = use_bearer(link, token, err);
    use_base(link, install.api_base_url);
    forge_install_done(&install);
    return rc;
}

/* The consent that the person gave when signing in with Jira. */
static enum err_class by_consent(struct link *link, const struct asking *asking, struct err *err)
{
    struct oauth_access access = {0};
    enum err_class rc;

    if (!asking->as->oauth)
        return err_set(err, ERR_NOT_FOUND, "signing in with Jira is not set up");
    rc = oauth_access_token(asking->as->oauth, asking->tenant->info.id, asking->as->who->account,
                            &access, err);
    if (rc == ERR_FORBIDDEN) /* none, or no more: there may be another way */
        return err_set(err, ERR_NOT_FOUND, "the person has not signed in with Jira");
    if (rc != ERR_OK)
        return rc;
    rc = use_bearer(link, strbuf_str(&access.token), err);
    use_base(link, access.base_url);
    vault_wipe(&access.token);
    return rc;
}

static enum err_class by_connect_user(struct link *link, const struct asking *asking,
                                      struct err *err)
{
    struct connect_install install = {0};
    struct strbuf token = STRBUF_INIT(LIMIT_SECRET_BYTES);
    enum err_class rc;

    if (!asking->as->ids)
        return err_set(err, ERR_NOT_FOUND, "only the daemon acts for persons");
    rc =
        connect_install_load(asking->tenant, (struct str){NULL, 0}, asking->purpose, &install, err);
    if (rc != ERR_OK)
        return rc;
    rc = connect_act_as(asking->as->ids, asking->tenant->info.id, &install,
                        asking->as->who->account, &token, err);
    if (rc == ERR_OK)
        rc = use_bearer(link, strbuf_str(&token), err);
    use_base(link, install.base_url);
    vault_wipe(&token);
    connect_install_done(&install);
    return rc;
}

/* Whose the tenant's own token is; kept like a token, since it is asked for in the same way. */
static enum err_class ask_myself(void *arg, struct strbuf *ret, int64_t *ret_lives_ms,
                                 struct err *err)
{
    struct link *link = arg;
    struct jira jira = link->jira;

    *ret_lives_ms = OWN_ACCOUNT_MS;
    jira.http.total_ms = ASK_MS;
    jira.http.tries_max = ASK_TRIES;
    return jira_myself(&jira, ret, err);
}

static enum err_class by_own_token(struct link *link, const struct asking *asking, struct err *err)
{
    struct strbuf account = STRBUF_INIT(LIMIT_SECRET_BYTES);
    char name[TENANT_ID_BYTES + 8];
    enum err_class rc = by_token(link, asking, err);

    if (rc != ERR_OK)
        return rc;
    (void)snprintf(name, sizeof(name), "%s/self", asking->tenant->info.id);
    rc = asking->as->ids
             ? bearers_get(asking->as->ids->bearers, name, ask_myself, link, &account, err)
             : jira_myself(&link->jira, &account, err);
    if (rc == ERR_OK && !str_eq_z(strbuf_str(&account), asking->as->who->account))
        rc = err_set(err, ERR_NOT_FOUND, "the tenant's token is somebody else's");
    strbuf_done(&account);
    return rc;
}

static way_fn *const own_ways[] = {by_token, by_forge_system, by_connect_app};
static way_fn *const person_ways[] = {by_forge_user, by_consent, by_connect_user, by_own_token};

static enum err_class try_ways(struct link *link, const struct asking *asking, way_fn *const *ways,
                               size_t count, struct err *err)
{
    enum err_class rc = ERR_NOT_FOUND;

    for (size_t i = 0; i < count && rc == ERR_NOT_FOUND; i++) {
        link_done(link);
        rc = begin(link, asking->tenant->ctx, &asking->tenant->info, asking->as->budget, err);
        if (rc == ERR_OK)
            rc = ways[i](link, asking, err);
    }
    return rc;
}

enum err_class link_open_as(struct link *link, struct tenant *tenant, const struct link_as *as,
                            const char *purpose, struct err *err)
{
    const struct asking asking = {tenant, as, purpose};
    bool nobody = as->who && as->who->account[0] == '\0';
    bool own = !as->who || (nobody && as->who->role == ROLE_ADMIN);
    enum err_class rc;

    *link = (struct link){0};
    if (nobody && !own)
        return err_set(err, ERR_FORBIDDEN,
                       "this sign-in belongs to no account of Jira, so nothing is done there in "
                       "its name: sign in with Jira, or bind the token to an account");
    rc = own ? try_ways(link, &asking, own_ways, ARRAY_LEN(own_ways), err)
             : try_ways(link, &asking, person_ways, ARRAY_LEN(person_ways), err);
    if (rc == ERR_NOT_FOUND && own)
        rc = err_set(err, ERR_NOT_FOUND,
                     "the tenant %s has no connection to Jira that works; give it a token with "
                     "`tenon tenant token %s`, or install the app in Jira again",
                     tenant->info.name, tenant->info.name);
    else if (rc == ERR_NOT_FOUND)
        rc = err_set(err, ERR_FORBIDDEN,
                     "this server cannot act in Jira as you: sign in with Jira, or open Tenon from "
                     "within Jira");
    if (rc != ERR_OK)
        link_done(link);
    return rc;
}

enum err_class link_open(struct link *link, struct tenant *tenant, const char *purpose,
                         struct err *err)
{
    const struct link_as own = {NULL, NULL, NULL, {NULL, 0}};

    return link_open_as(link, tenant, &own, purpose, err);
}

enum err_class link_exists(struct tenant *tenant, bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT EXISTS (SELECT 1 FROM credential)"
                       " OR EXISTS (SELECT 1 FROM connect_install WHERE state = 'enabled')"
                       " OR EXISTS (SELECT 1 FROM forge_install WHERE state = 'enabled')"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row && db_i64(stmt, 0) != 0;
    return rc;
}

void link_done(struct link *link)
{
    if (link->budget_owned)
        http_budget_free(link->budget);
    connect_install_done(&link->signer);
    vault_wipe(&link->authorization);
    *link = (struct link){0};
}
