/*
 * forge.c: is this request from Forge, from which installation, and who sits before it?
 *
 * An invocation token is signed with a key of Atlassian's (RS256) and made for our app id, so it
 * needs no secret of the installation. It says which installation it is of, and where that site's
 * API is; still only hosts that were listed beforehand are called with what it brings.
 *
 * An installation is found by its own id, else by the id of the site (cloud id): the first changes
 * when the app is installed anew, the second does not and belongs to no other site. What has
 * neither is a new tenant.
 *
 * System tokens come with each call and live two hours at least; one is written down when the one
 * that is kept has less than an hour to live. User tokens are never kept.
 */
#include "connect/forge.h"

#include "connect/forge_internal.h"
#include "connect/install.h"
#include "connect/jwt.h"
#include "connect/site_events.h"
#include "http/url.h"

#define ISSUER "forge/invocation-token"
#define SKEW_S 10 /* the tokens live 25 s */
#define LIFETIME_S_MAX 600
#define SYSTEM_TOKEN_MS (INT64_C(115) * 60 * 1000) /* a little less than they are good for */
#define SYSTEM_TOKEN_RENEW_MS (INT64_C(60) * 60 * 1000)

static struct str bearer_of(const struct incoming *in)
{
    struct str token = {NULL, 0}, header = in->authorization;
    struct str scheme = str_cut(header, ' ', &token);

    return str_eq_nocase(scheme, STR("Bearer")) ? str_trim(token) : (struct str){NULL, 0};
}

bool forge_has_token(const struct identities *ids, const struct incoming *in)
{
    struct str token = bearer_of(in);
    size_t dot = 0;

    return ids->forge_keys && str_find(token, '.', &dot); /* our own tokens have none */
}

/* ---- The token ---- */

static enum err_class find_key(struct identities *ids, const struct jwt *jwt, bool may_wait,
                               struct rsa_key **ret, struct err *err)
{
    switch (keys_find(ids->forge_keys, ids->ctx, jwt->kid, ret)) {
    case KEYS_FOUND:
        return ERR_OK;
    case KEYS_UNKNOWN:
        return err_set(err, ERR_DENIED, "the token is signed with a key that Forge does not have");
    case KEYS_ASK:
        break;
    }
    if (!may_wait)
        return err_set(err, ERR_BUSY, "the token's key is not here yet");
    return keys_get(ids->forge_keys, ids->ctx, jwt->kid, ret, err);
}

static enum err_class verify(struct identities *ids, const struct incoming *in, bool may_wait,
                             struct jwt *jwt, struct err *err)
{
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    struct str token = bearer_of(in);

    if (!ids->forge_keys)
        return err_set(err, ERR_NOT_FOUND, "Forge is off here: forge.app_id is not set");
    if (token.len == 0)
        return err_set(err, ERR_DENIED, "there is no token: Authorization: Bearer … is missing");

    enum err_class rc = jwt_parse(in->arena, token, jwt, err);

    if (rc == ERR_OK)
        rc = jwt_require_alg(jwt, JWT_RS256, err);
    if (rc == ERR_OK)
        rc = find_key(ids, jwt, may_wait, &key, err);
    if (rc == ERR_OK)
        rc = jwt_verify_rs256(jwt, key, err);
    if (rc == ERR_OK)
        rc = jwt_check_times(jwt, ctx_now_ms(ids->ctx), SKEW_S, LIFETIME_S_MAX, err);
    if (rc == ERR_OK && !str_eq(jwt->iss, STR(ISSUER)))
        rc = err_set(err, ERR_DENIED, "the token is not an invocation token of Forge (iss)");
    if (rc == ERR_OK && (jwt->aud_count != 1 || !str_eq_z(jwt->aud[0], ids->options.forge_app_id)))
        rc = err_set(err, ERR_DENIED,
                     "the token was made for another Forge app (aud); forge.app_id must be the id "
                     "in its manifest");
    return rc;
}

static bool is_listed(struct str hosts, struct str host)
{
    while (hosts.len > 0) {
        struct str rest = {NULL, 0};

        if (str_eq_nocase(str_cut(hosts, ' ', &rest), host) && host.len > 0)
            return true;
        hosts = rest;
    }
    return false;
}

/* Where calls go: only to a host that was listed. */
static enum err_class read_api_base(const struct identities *ids, struct str text,
                                    char ret[LIMIT_URL_BYTES + 1], struct err *err)
{
    struct url_base url = {0};

    ret[0] = '\0';
    if (text.len == 0)
        return ERR_OK;
    if (url_parse_base(text, &url, err) != ERR_OK || (!url.https && !ids->options.allow_http) ||
        !is_listed(str_from(ids->options.forge_api_hosts), str_from(url.host)))
        return err_set(err, ERR_DENIED,
                       "the token names an API at a host that is not listed in forge.api_hosts");
    memcpy(ret, url.text, strlen(url.text) + 1);
    return ERR_OK;
}

static yyjson_val *first_context(yyjson_val *app)
{
    return yyjson_arr_get_first(yyjson_obj_get(yyjson_obj_get(app, "installation"), "contexts"));
}

enum err_class forge_read_claims(const struct identities *ids, const struct jwt *jwt,
                                 struct forge_claims *ret, struct err *err)
{
    yyjson_val *app = yyjson_obj_get(jwt->claims, "app");
    struct str cloud_id = json_str(yyjson_obj_get(jwt->claims, "context"), "cloudId");

    ret->installation_id = json_str(app, "installationId");
    if (ret->installation_id.len == 0)
        ret->installation_id = json_str(yyjson_obj_get(app, "installation"), "id");
    if (cloud_id.len == 0)
        cloud_id = json_str(first_context(app), "cloudId");
    ret->cloud_id = alias_value_is_valid(cloud_id) ? cloud_id : (struct str){NULL, 0};
    ret->account = json_str(jwt->claims, "principal");
    if (!alias_value_is_valid(ret->installation_id))
        return err_set(err, ERR_DENIED, "the token names no installation");
    return read_api_base(ids, json_str(app, "apiBaseUrl"), ret->api_base_url, err);
}

/* ---- The installation ---- */

/* By its id, else by that of its site. ERR_NOT_FOUND. */
static enum err_class find_tenant(struct data *data, const struct forge_claims *claims,
                                  char ret[TENANT_ID_BYTES + 1], struct err *err)
{
    enum err_class rc =
        alias_find(data->control, ALIAS_INSTALLATION_ID, claims->installation_id, ret, err);

    if (rc == ERR_NOT_FOUND && claims->cloud_id.len > 0)
        rc = alias_find(data->control, ALIAS_CLOUD_ID, claims->cloud_id, ret, err);
    return rc;
}

/* The site's address for people; a token of a page tells it, others do not. */
static const char *address_of(const struct jwt *jwt, const struct forge_claims *claims,
                              struct url_base *room)
{
    struct err ignored;
    struct str url = json_str(yyjson_obj_get(jwt->claims, "context"), "siteUrl");

    return url_parse_base(url, room, &ignored) == ERR_OK ? room->text : claims->api_base_url;
}

static enum err_class find_or_make(struct identities *ids, struct data *data, const struct jwt *jwt,
                                   const struct forge_claims *claims, char ret[TENANT_ID_BYTES + 1],
                                   struct err *err)
{
    struct tenant_info info = {0};
    struct url_base room;
    bool ours = false;
    enum err_class rc = find_tenant(data, claims, ret, err);

    if (rc != ERR_NOT_FOUND)
        return rc;
    if (!claims->api_base_url[0])
        return err_set(err, ERR_DENIED, "the token does not say where the site's API is");
    rc = alias_new_tenant(data, address_of(jwt, claims, &room), ids->options.allow_http,
                          ids->options.allow_private, &info, err);
    if (rc == ERR_OK)
        rc = alias_claim(data->control, data->ctx, ALIAS_INSTALLATION_ID, claims->installation_id,
                         info.id, &ours, err);
    if (rc == ERR_OK && !ours) { /* another thread was first */
        rc = tenant_remove(data, &info, err);
        return rc == ERR_OK ? find_tenant(data, claims, ret, err) : rc;
    }
    memcpy(ret, info.id, sizeof(info.id));
    return rc;
}

static enum err_class name_it(struct data *data, const struct forge_claims *claims,
                              const char *tenant, struct err *err)
{
    bool ours = false;
    enum err_class rc = alias_put(data->control, data->ctx, ALIAS_INSTALLATION_ID,
                                  claims->installation_id, tenant, err);

    if (rc == ERR_OK && claims->cloud_id.len > 0)
        rc = alias_claim(data->control, data->ctx, ALIAS_CLOUD_ID, claims->cloud_id, tenant, &ours,
                         err);
    return rc;
}

static void set_text(char *to, size_t room, struct str text)
{
    (void)snprintf(to, room, STR_FMT, STR_ARG(text));
}

/* The row as the token and what came with it say; whatever else is in it stays. */
static enum err_class write_install(struct tenant *tenant, const struct forge_claims *claims,
                                    struct str system_token, const enum install_state *state,
                                    struct err *err)
{
    struct forge_install install = {0};
    enum err_class rc =
        forge_install_load(tenant, claims->installation_id, "renewal", &install, err);

    if (rc == ERR_NOT_FOUND) {
        install = (struct forge_install){.system_token = STRBUF_INIT(LIMIT_SECRET_BYTES)};
        set_text(install.installation_id, sizeof(install.installation_id), claims->installation_id);
        rc = ERR_OK;
    }
    if (rc != ERR_OK)
        return rc;
    if (claims->cloud_id.len > 0)
        set_text(install.cloud_id, sizeof(install.cloud_id), claims->cloud_id);
    if (claims->api_base_url[0])
        memcpy(install.api_base_url, claims->api_base_url, sizeof(install.api_base_url));
    if (state)
        install.state = *state;
    if (system_token.len > 0) {
        strbuf_reset(&install.system_token);
        strbuf_add_str(&install.system_token, system_token);
        install.system_token_until_ms = ctx_now_ms(tenant->ctx) + SYSTEM_TOKEN_MS;
    }
    rc = strbuf_check(&install.system_token, "the system token", err);
    if (rc == ERR_OK)
        rc = forge_install_store(tenant, &install, err);
    forge_install_done(&install);
    return rc;
}

/* Proved by Jira's signature. A system token that is renewed has no state, and is no act. */
static enum err_class audit_life(const struct tenant *tenant, const enum install_state *state,
                                 struct err *err)
{
    static const struct audit_who who = {.by = AUDIT_BY_REMOTE, .name = "forge"};
    const struct audit_entry entry = {.act = state && *state == INSTALL_ENABLED
                                                 ? AUDIT_CONNECTION_INSTALLED
                                                 : AUDIT_CONNECTION_ENDED,
                                      .tenant = tenant->info.id,
                                      .record = "forge_install",
                                      .who = &who};

    return state ? audit_write(tenant->audit, tenant->ctx, &entry, err) : ERR_OK;
}

static enum err_class record(struct identities *ids, const struct jwt *jwt,
                             const struct forge_claims *claims, struct str system_token,
                             const enum install_state *state, char ret[TENANT_ID_BYTES + 1],
                             struct err *err)
{
    struct tenant *tenant = NULL;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(ids->options.pool, &data, err);

    if (rc == ERR_OK)
        rc = find_or_make(ids, data, jwt, claims, ret, err);
    if (rc == ERR_OK)
        rc = name_it(data, claims, ret, err);
    store_pool_give_data(ids->options.pool, data);
    if (rc == ERR_OK)
        rc = store_pool_tenant(ids->options.pool, str_from(ret), &tenant, err);
    if (rc == ERR_OK)
        rc = audit_life(tenant, state, err);
    if (rc == ERR_OK)
        rc = write_install(tenant, claims, system_token, state, err);
    store_pool_give_tenant(ids->options.pool, tenant);
    recall_forget(ids->recall, RECALL_FORGE, claims->installation_id);
    return rc;
}

/* From the database. ERR_NOT_FOUND: it is not written down, or not under its own name. */
static enum err_class read_install(struct identities *ids, const struct forge_claims *claims,
                                   struct recalled *recalled, struct err *err)
{
    struct store_pool *pool = ids->options.pool;
    struct forge_install install = {0};
    struct tenant *tenant = NULL;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(pool, &data, err);

    if (rc == ERR_OK)
        rc = alias_find(data->control, ALIAS_INSTALLATION_ID, claims->installation_id,
                        recalled->tenant, err);
    store_pool_give_data(pool, data);
    if (rc == ERR_OK)
        rc = store_pool_tenant(pool, str_from(recalled->tenant), &tenant, err);
    if (rc == ERR_OK)
        rc = forge_install_load(tenant, claims->installation_id, "request", &install, err);
    store_pool_give_tenant(pool, tenant);
    if (rc != ERR_OK)
        return rc;
    recalled->state = install.state;
    recalled->token_until_ms = install.system_token.len > 0 ? install.system_token_until_ms : 0;
    recalled->base_url = str_dup_z(str_from(install.api_base_url));
    forge_install_done(&install);
    return recalled->base_url ? ERR_OK : err_memory(err);
}

static enum err_class recall_install(struct identities *ids, const struct forge_claims *claims,
                                     struct recalled **ret, struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *recalled = NULL;
    uint64_t turn = recall_turn(ids->recall);

    *ret = recall_find(ids->recall, RECALL_FORGE, claims->installation_id);
    if (*ret)
        return ERR_OK;
    recalled = recalled_new(RECALL_FORGE, claims->installation_id);
    if (!recalled)
        return err_memory(err);

    enum err_class rc = read_install(ids, claims, recalled, err);

    if (rc != ERR_OK)
        return rc;
    recall_put(ids->recall, recalled, turn);
    *ret = TAKE(recalled);
    return ERR_OK;
}

/* Is what is written down what the token says, and the system token good for a while? */
static bool is_current(const struct identities *ids, const struct recalled *install,
                       const struct forge_claims *claims, struct str system_token)
{
    if (claims->api_base_url[0] && strcmp(install->base_url, claims->api_base_url) != 0)
        return false;
    return system_token.len == 0 ||
           install->token_until_ms - ctx_now_ms(ids->ctx) > SYSTEM_TOKEN_RENEW_MS;
}

/*
 * The tenant of the token's installation; what the token brings that is new is written down when we
 * may wait for the disk, and otherwise only when we have to, which is then ERR_BUSY.
 */
static enum err_class place(struct identities *ids, const struct incoming *in, bool may_wait,
                            const struct jwt *jwt, const struct forge_claims *claims,
                            char ret[TENANT_ID_BYTES + 1], struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *install = NULL;
    struct str system_token = in->system_token;
    const enum install_state enabled = INSTALL_ENABLED;
    enum err_class rc = recall_install(ids, claims, &install, err);

    if (rc == ERR_OK && install->state != INSTALL_ENABLED)
        return err_set(err, ERR_DENIED, "the app is not installed on that site any more");
    if (rc == ERR_OK && (is_current(ids, install, claims, system_token) || !may_wait)) {
        memcpy(ret, install->tenant, TENANT_ID_BYTES + 1);
        return ERR_OK;
    }
    if (rc != ERR_OK && rc != ERR_NOT_FOUND)
        return rc;
    if (!may_wait)
        return err_set(err, ERR_BUSY, "the installation is new");
    return record(ids, jwt, claims, system_token, rc == ERR_OK ? NULL : &enabled, ret, err);
}

/* ---- Requests ---- */

enum err_class forge_authenticate(struct identities *ids, const struct incoming *in, bool may_wait,
                                  struct principal *ret, struct err *err)
{
    AUTO(jwt_done) struct jwt jwt = {0};
    struct forge_claims claims = {0};
    struct principal who = {.by = BY_FORGE, .role = ROLE_PERSON, .scopes = MAY_ALL};
    enum err_class rc = verify(ids, in, may_wait, &jwt, err);

    if (rc == ERR_OK)
        rc = forge_read_claims(ids, &jwt, &claims, err);
    if (rc == ERR_OK && (claims.account.len == 0 || claims.account.len > LIMIT_ACCOUNT_ID_BYTES ||
                         !str_is_utf8(claims.account)))
        rc = err_set(err, ERR_DENIED, "nobody is signed in to Jira; sign in there");
    if (rc == ERR_OK)
        rc = place(ids, in, may_wait, &jwt, &claims, who.tenant, err);
    if (rc != ERR_OK)
        return rc;
    set_text(who.account, sizeof(who.account), claims.account);
    *ret = who;
    return ERR_OK;
}

enum err_class forge_lifecycle(struct identities *ids, const struct incoming *in, bool going,
                               char ret_tenant[TENANT_ID_BYTES + 1], struct err *err)
{
    AUTO(jwt_done) struct jwt jwt = {0};
    struct forge_claims claims = {0};
    const enum install_state state = going ? INSTALL_UNINSTALLED : INSTALL_ENABLED;
    enum err_class rc = verify(ids, in, true, &jwt, err);

    if (rc == ERR_OK)
        rc = forge_read_claims(ids, &jwt, &claims, err);
    if (rc != ERR_OK)
        return rc;
    return record(ids, &jwt, &claims, in->system_token, &state, ret_tenant, err);
}

/* "avi:jira:created:worklog"; a scheduled trigger has none. */
static struct str event_type(yyjson_val *body)
{
    struct str type = json_str(body, "eventType");

    return type.len > 0 ? type : json_str(yyjson_obj_get(body, "payload"), "eventType");
}

enum err_class forge_event(struct identities *ids, const struct incoming *in, yyjson_val *body,
                           char ret_tenant[TENANT_ID_BYTES + 1], struct str *ret_event,
                           struct err *err)
{
    AUTO(jwt_done) struct jwt jwt = {0};
    struct forge_claims claims = {0};
    enum err_class rc = verify(ids, in, true, &jwt, err);

    if (rc == ERR_OK)
        rc = forge_read_claims(ids, &jwt, &claims, err);
    if (rc == ERR_OK)
        rc = place(ids, in, true, &jwt, &claims, ret_tenant, err);
    if (rc == ERR_OK)
        *ret_event = site_event_name(event_type(body));
    return rc;
}
