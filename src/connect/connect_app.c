/*
 * connect_app.c: is this request from Jira, from which site, and who sits before it?
 *
 * A token names its installation (iss) before anybody has checked it. The name chooses the secret
 * to check with, and nothing more; since the secret is that installation's own, a token of one
 * tenant is never good for another. Jira's tokens have no audience; one that was made for Jira by
 * an app names the site there, and is not taken back here.
 *
 * Two kinds of tokens are told apart by their qsh: one is bound to method, path and query, the
 * other says "context-qsh" and is good for any request. The second is for pages to talk to their
 * own server. On a lifecycle or webhook path, or to load a page, it would let anybody who once saw
 * a page of ours speak as Jira: that hole was published in 2021, and is why the kind is the
 * caller's choice for each route and strict unless said otherwise.
 */
#include "connect/connect_app.h"

#include "connect/connect_internal.h"
#include "connect/install.h"
#include "connect/jwt.h"
#include "connect/qsh.h"
#include "http/router.h"
#include "http/url.h"

#define SKEW_S 30
#define LIFETIME_S_MAX 3600 /* context tokens live 15 min, the others 3 */
#define CONTEXT_QSH "context-qsh"

static struct str find_token(const struct incoming *in)
{
    struct str token = {NULL, 0}, header = in->authorization;
    struct str scheme = str_cut(header, ' ', &token);

    if (str_eq_nocase(scheme, STR("JWT")))
        return str_trim(token);
    return in->query.len > 0 ? route_query_get(in->arena, in->query, "jwt", 0)
                             : (struct str){NULL, 0};
}

bool connect_has_token(const struct incoming *in)
{
    return find_token(in).len > 0;
}

/* ---- The installation ---- */

static enum err_class unknown(struct err *err)
{
    return err_set(err, ERR_DENIED,
                   "no installation here has the client key that the token names; install the app "
                   "in Jira again");
}

/* "https://acme.atlassian.net https://jira.acme.example"; NULL when out of memory. */
static char *origins_of(const struct connect_install *install)
{
    char base[LIMIT_URL_BYTES + 1], shown[LIMIT_URL_BYTES + 1];
    AUTO(strbuf_done) struct strbuf both = STRBUF_INIT(2 * LIMIT_URL_BYTES + 2);

    url_show_origin(str_from(install->base_url), base, sizeof(base));
    url_show_origin(str_from(install->display_url), shown, sizeof(shown));
    strbuf_add_z(&both, base);
    if (install->display_url[0] && strcmp(base, shown) != 0)
        strbuf_addf(&both, " %s", shown);
    return both.failed == ERR_OK ? str_dup_z(strbuf_str(&both)) : NULL;
}

static enum err_class read_install(struct identities *ids, struct str client_key,
                                   struct recalled *recalled, struct err *err)
{
    struct store_pool *pool = ids->options.pool;
    struct connect_install install = {0};
    struct tenant *tenant = NULL;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(pool, &data, err);

    if (rc != ERR_OK)
        return rc;
    rc = alias_find(data->control, ALIAS_CLIENT_KEY, client_key, recalled->tenant, err);
    store_pool_give_data(pool, data);
    if (rc == ERR_OK)
        rc = store_pool_tenant(pool, str_from(recalled->tenant), &tenant, err);
    if (rc == ERR_OK)
        rc = connect_install_load(tenant, client_key, "request", &install, err);
    store_pool_give_tenant(pool, tenant);
    if (rc == ERR_NOT_FOUND)
        return unknown(err);
    if (rc != ERR_OK)
        return rc;
    recalled->state = install.state;
    recalled->previous_until_ms = install.previous_until_ms;
    recalled->secret = install.secret; /* handed over */
    recalled->previous = install.previous;
    recalled->origins = origins_of(&install);
    return recalled->origins ? ERR_OK : err_memory(err);
}

/* From memory, else from the database. */
static enum err_class find_install(struct identities *ids, struct str client_key,
                                   struct recalled **ret, struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *recalled = NULL;
    uint64_t turn = recall_turn(ids->recall);

    if (!alias_value_is_valid(client_key))
        return unknown(err);
    *ret = recall_find(ids->recall, RECALL_CONNECT, client_key);
    if (*ret)
        return ERR_OK;
    recalled = recalled_new(RECALL_CONNECT, client_key);
    if (!recalled)
        return err_memory(err);

    enum err_class rc = read_install(ids, client_key, recalled, err);

    if (rc != ERR_OK)
        return rc;
    recall_put(ids->recall, recalled, turn);
    *ret = TAKE(recalled);
    return ERR_OK;
}

/* ---- The token ---- */

static enum err_class check_signature(const struct identities *ids, const struct jwt *jwt,
                                      const struct recalled *install, struct err *err)
{
    enum err_class rc = jwt_verify_hs256(jwt, strbuf_str(&install->secret), err);

    if (rc == ERR_DENIED && install->previous.len > 0 &&
        ctx_now_ms(ids->ctx) < install->previous_until_ms)
        rc = jwt_verify_hs256(jwt, strbuf_str(&install->previous), err);
    return rc;
}

enum err_class connect_check_qsh(const struct identities *ids, const struct incoming *in,
                                 const struct jwt *jwt, struct err *err)
{
    const struct qsh_request request = {
        .method = in->method, .path = in->path, .base_path = ids->base_path, .query = in->query};

    if (jwt->qsh.len == 0)
        return err_set(err, ERR_DENIED, "the token is bound to no request (it has no qsh)");
    return qsh_check(in->arena, &request, jwt->qsh, err);
}

static enum err_class check_binding(const struct identities *ids, const struct incoming *in,
                                    const struct jwt *jwt, bool context_too, struct err *err)
{
    if (!str_eq(jwt->qsh, STR(CONTEXT_QSH)))
        return connect_check_qsh(ids, in, jwt, err);
    if (context_too)
        return ERR_OK;
    return err_set(err, ERR_DENIED,
                   "a context token is not taken here: the token must be made for this very "
                   "request");
}

enum err_class connect_parse(const struct incoming *in, struct jwt *ret, struct err *err)
{
    struct str token = find_token(in);

    if (token.len == 0)
        return err_set(err, ERR_DENIED,
                       "there is no token: Authorization: JWT … or the parameter jwt is missing");
    return jwt_parse(in->arena, token, ret, err);
}

enum err_class connect_check_time(const struct identities *ids, const struct jwt *jwt,
                                  struct err *err)
{
    return jwt_check_times(jwt, ctx_now_ms(ids->ctx), SKEW_S, LIFETIME_S_MAX, err);
}

/* All but the state of the installation, which the caller judges. */
enum err_class connect_verify(struct identities *ids, const struct incoming *in, bool context_too,
                              struct jwt *jwt, struct recalled **ret, struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *install = NULL;
    enum err_class rc = connect_parse(in, jwt, err);

    if (rc == ERR_OK)
        rc = jwt_require_alg(jwt, JWT_HS256, err);
    if (rc == ERR_OK && jwt->aud_count > 0)
        rc = err_set(err, ERR_DENIED,
                     "the token was made for somebody else (aud): it is not one of Jira's");
    if (rc == ERR_OK)
        rc = find_install(ids, jwt->iss, &install, err);
    if (rc == ERR_OK)
        rc = check_signature(ids, jwt, install, err);
    if (rc == ERR_OK)
        rc = connect_check_time(ids, jwt, err);
    if (rc == ERR_OK)
        rc = check_binding(ids, in, jwt, context_too, err);
    if (rc == ERR_OK && install->state == INSTALL_UNINSTALLED)
        rc = err_set(err, ERR_DENIED, "the app is not installed on that site any more");
    if (rc == ERR_OK)
        *ret = TAKE(install);
    return rc;
}

static enum err_class check_enabled(const struct recalled *install, struct err *err)
{
    return install->state == INSTALL_ENABLED
               ? ERR_OK
               : err_set(err, ERR_DENIED,
                         "the app is disabled on that site; enable it under Manage apps");
}

static enum err_class verify_enabled(struct identities *ids, const struct incoming *in,
                                     bool context_too, struct jwt *jwt, struct recalled **ret,
                                     struct err *err)
{
    enum err_class rc = connect_verify(ids, in, context_too, jwt, ret, err);

    return rc == ERR_OK ? check_enabled(*ret, err) : rc;
}

/* sub, or where older tokens have it. */
static enum err_class read_account(const struct jwt *jwt, char ret[LIMIT_ACCOUNT_ID_BYTES + 1],
                                   struct err *err)
{
    yyjson_val *context = yyjson_obj_get(jwt->claims, "context");
    struct str account =
        jwt->sub.len > 0 ? jwt->sub : json_str(yyjson_obj_get(context, "user"), "accountId");

    if (account.len == 0)
        return err_set(err, ERR_DENIED, "nobody is signed in to Jira; sign in there");
    if (account.len > LIMIT_ACCOUNT_ID_BYTES || !str_is_utf8(account))
        return err_set(err, ERR_DENIED, "the token's account is none");
    memcpy(ret, account.ptr, account.len);
    ret[account.len] = '\0';
    return ERR_OK;
}

enum err_class connect_authenticate(struct identities *ids, const struct incoming *in,
                                    bool context_too, struct principal *ret, struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *install = NULL;
    AUTO(jwt_done) struct jwt jwt = {0};
    struct principal who = {.by = BY_CONNECT, .role = ROLE_PERSON, .scopes = MAY_ALL};
    enum err_class rc = verify_enabled(ids, in, context_too, &jwt, &install, err);

    if (rc == ERR_OK)
        rc = read_account(&jwt, who.account, err);
    if (rc != ERR_OK)
        return rc;
    memcpy(who.tenant, install->tenant, sizeof(who.tenant));
    who.context_only = str_eq(jwt.qsh, STR(CONTEXT_QSH));
    *ret = who;
    return ERR_OK;
}

enum err_class connect_frame(struct identities *ids, const struct incoming *in, struct strbuf *ret,
                             struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *install = NULL;
    AUTO(jwt_done) struct jwt jwt = {0};
    enum err_class rc = connect_parse(in, &jwt, err);

    if (rc == ERR_OK)
        rc = jwt_require_alg(&jwt, JWT_HS256, err);
    if (rc == ERR_OK)
        rc = find_install(ids, jwt.iss, &install, err);
    if (rc == ERR_OK)
        rc = check_signature(ids, &jwt, install, err);
    if (rc == ERR_OK)
        rc = check_enabled(install, err);
    if (rc != ERR_OK)
        return rc;
    strbuf_add_z(ret, install->origins);
    return ERR_OK;
}

enum err_class connect_webhook(struct identities *ids, const struct incoming *in,
                               char ret_tenant[TENANT_ID_BYTES + 1], struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *install = NULL;
    AUTO(jwt_done) struct jwt jwt = {0};
    enum err_class rc = verify_enabled(ids, in, false, &jwt, &install, err);

    if (rc == ERR_OK)
        memcpy(ret_tenant, install->tenant, TENANT_ID_BYTES + 1);
    return rc;
}
