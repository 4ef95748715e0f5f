/*
 * connect_life.c: the descriptor, and what becomes of an installation.
 *
 * An installation and its end are signed with a key of Atlassian's own (RS256), for at that time
 * there is no secret to trust: so HS256 is refused there, whatever it is signed with. The two in
 * between are signed with the secret.
 *
 * What comes first makes a tenant; what has a known client key renews its row. A known base URL
 * under a new client key is a new tenant: the address may have come to belong to somebody else, or
 * the site was replaced by an import. An administrator who knows better says so with `tenon tenant
 * attach`. Two first installs of one client key at the same time both make a tenant; the one whose
 * name is not taken is removed again.
 */
#include "connect/bearers.h"
#include "connect/connect_internal.h"
#include "connect/install.h"
#include "connect/site_events.h"
#include "http/url.h"

#define OUR_NAME "Tenon"

/* ---- The descriptor ---- */

static void put_text(struct json_out *out, const char *name, const char *value)
{
    json_key(out, name);
    json_put_z(out, value);
}

static void put_lifecycle(struct json_out *out)
{
    json_key(out, "lifecycle");
    json_object(out);
    put_text(out, "installed", "/connect/installed");
    put_text(out, "uninstalled", "/connect/uninstalled");
    put_text(out, "enabled", "/connect/enabled");
    put_text(out, "disabled", "/connect/disabled");
    json_object_end(out);
}

struct page {
    const char *key, *name, *url, *condition;
};

static void put_pages(struct json_out *out, const char *module, const struct page *pages,
                      size_t count)
{
    json_key(out, module);
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        json_object(out);
        put_text(out, "key", pages[i].key);
        json_key(out, "name");
        json_object(out);
        put_text(out, "value", pages[i].name);
        json_object_end(out);
        put_text(out, "url", pages[i].url);
        json_key(out, "conditions");
        json_array(out);
        json_object(out);
        put_text(out, "condition", pages[i].condition);
        json_object_end(out);
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
}

static void put_modules(struct json_out *out)
{
    static const struct page general[] = {
        {"my-time", "My time", "/time", "user_is_logged_in"},
        {"reports", "Time reports", "/reports", "user_is_logged_in"},
    };
    static const struct page admin[] = {
        {"sync", "Tenon: synchronization", "/sync", "user_is_admin"},
        {"settings", "Tenon: settings", "/settings", "user_is_admin"},
        {"data", "Tenon: what is stored", "/data", "user_is_admin"},
    };

    json_key(out, "modules");
    json_object(out);
    put_pages(out, "generalPages", general, ARRAY_LEN(general));
    put_pages(out, "adminPages", admin, ARRAY_LEN(admin));
    json_key(out, "webhooks");
    json_array(out);
    for (size_t i = 0; i < site_event_count; i++) {
        json_object(out);
        put_text(out, "event", site_events[i].name);
        put_text(out, "url", "/connect/webhook");
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

enum err_class connect_descriptor(const struct identities *ids, struct strbuf *ret, struct err *err)
{
    /* PROJECT_ADMIN is not asked for; ADMIN is, for reading who administers the site. */
    static const char *const scopes[] = {"READ", "WRITE", "DELETE", "ADMIN", "ACT_AS_USER"};
    struct json_out out = json_out(ret);

    if (!ids->install_keys)
        return err_set(err, ERR_NOT_FOUND,
                       "this server does not know its own address, which Jira needs: set "
                       "server.public_url");
    json_object(&out);
    put_text(&out, "key", ids->options.app_key);
    put_text(&out, "name", OUR_NAME);
    put_text(&out, "description",
             "Time sheets and reports over Jira's worklogs, on a server of your own.");
    put_text(&out, "baseUrl", ids->options.public_url);
    json_key(&out, "vendor");
    json_object(&out);
    put_text(&out, "name", OUR_NAME);
    put_text(&out, "url", ids->options.public_url);
    json_object_end(&out);
    json_key(&out, "authentication");
    json_object(&out);
    put_text(&out, "type", "jwt");
    json_object_end(&out);
    json_key(&out, "apiVersion");
    json_put_i64(&out, 1);
    json_key(&out, "apiMigrations");
    json_object(&out);
    json_key(&out, "signed-install");
    json_put_bool(&out, true);
    json_key(&out, "context-qsh");
    json_put_bool(&out, true);
    json_key(&out, "gdpr");
    json_put_bool(&out, true);
    json_object_end(&out);
    json_key(&out, "scopes");
    json_array(&out);
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
        json_put_z(&out, scopes[i]);
    json_array_end(&out);
    put_lifecycle(&out);
    put_modules(&out);
    json_object_end(&out);
    return strbuf_check(ret, "the descriptor", err);
}

/* ---- Proof of a signed callback ---- */

static struct str without_slash(struct str url)
{
    return str_ends(url, STR("/")) ? str_sub(url, 0, url.len - 1) : url;
}

static enum err_class check_rs256(struct identities *ids, const struct incoming *in,
                                  struct str client_key, struct err *err)
{
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    AUTO(jwt_done) struct jwt jwt = {0};
    enum err_class rc = connect_parse(in, &jwt, err);

    if (rc == ERR_OK)
        rc = jwt_require_alg(&jwt, JWT_RS256, err);
    if (rc == ERR_OK)
        rc = keys_get(ids->install_keys, ids->ctx, jwt.kid, &key, err);
    if (rc == ERR_OK)
        rc = jwt_verify_rs256(&jwt, key, err);
    if (rc == ERR_OK)
        rc = connect_check_time(ids, &jwt, err);
    if (rc == ERR_OK && (jwt.aud_count == 0 ||
                         !str_eq(without_slash(jwt.aud[0]), str_from(ids->options.public_url))))
        rc = err_set(err, ERR_DENIED,
                     "the token was made for another app's address (aud); server.public_url must "
                     "be the baseUrl that Jira was given");
    if (rc == ERR_OK && (jwt.iss.len == 0 || !str_eq(jwt.iss, client_key)))
        rc = err_set(err, ERR_DENIED,
                     "the token was made for another installation than the body names");
    return rc == ERR_OK ? connect_check_qsh(ids, in, &jwt, err) : rc;
}

/* ---- What the body says ---- */

static enum err_class bad(const char *name, const char *wanted, struct err *err)
{
    return err_set(err, ERR_INPUT, "the callback's %s is not %s", name, wanted);
}

static bool take(yyjson_val *body, const char *name, char *to, size_t room)
{
    struct str text = json_str(body, name);

    if (text.len >= room || !str_is_utf8(text))
        return false;
    (void)snprintf(to, room, STR_FMT, STR_ARG(text));
    return true;
}

static enum err_class take_secret(yyjson_val *body, struct strbuf *ret, struct err *err)
{
    struct str secret = json_str(body, "sharedSecret");

    if (secret.len < JWT_SECRET_BYTES_MIN || secret.len > INSTALL_SECRET_BYTES_MAX)
        return err_set(err, ERR_INPUT, "the callback's sharedSecret has %zu bytes, not %d to %d",
                       secret.len, JWT_SECRET_BYTES_MIN, INSTALL_SECRET_BYTES_MAX);
    strbuf_add_str(ret, secret);
    return strbuf_check(ret, "the shared secret", err);
}

static enum err_class take_urls(const struct identities *ids, yyjson_val *body,
                                struct connect_install *ret, struct err *err)
{
    struct url_base url = {0};
    struct err ignored;

    if (url_parse_base(json_str(body, "baseUrl"), &url, err) != ERR_OK)
        return bad("baseUrl", "the address of a site", err);
    if (!url.https && !ids->options.allow_http)
        return bad("baseUrl", "https", err);
    (void)snprintf(ret->base_url, sizeof(ret->base_url), "%s", url.text);
    if (url_parse_base(json_str(body, "displayUrl"), &url, &ignored) == ERR_OK)
        (void)snprintf(ret->display_url, sizeof(ret->display_url), "%s", url.text);
    return ERR_OK;
}

enum err_class connect_read_install(const struct identities *ids, yyjson_val *body,
                                    struct connect_install *ret, struct err *err)
{
    struct str product = json_str(body, "productType");

    if (!take(body, "clientKey", ret->client_key, sizeof(ret->client_key)))
        return bad("clientKey", "a client key", err);
    if (!str_eq_z(json_str(body, "key"), ids->options.app_key) ||
        !take(body, "key", ret->app_key, sizeof(ret->app_key)))
        return bad("key", "that of this app (connect.app_key)", err);
    if (product.len > 0 && !str_eq(product, STR("jira")))
        return bad("productType", "jira: this app is for Jira alone", err);
    if (!take(body, "oauthClientId", ret->oauth_client_id, sizeof(ret->oauth_client_id)))
        return bad("oauthClientId", "a client id", err);

    enum err_class rc = take_urls(ids, body, ret, err);

    return rc == ERR_OK ? take_secret(body, &ret->secret, err) : rc;
}

/* ---- Writing it down ---- */

/* The secret that was valid until now stays so for a little while. */
static enum err_class keep_previous(struct tenant *tenant, struct connect_install *install,
                                    struct err *err)
{
    struct connect_install old = {0};
    enum err_class rc =
        connect_install_load(tenant, str_from(install->client_key), "rotation", &old, err);

    if (rc == ERR_NOT_FOUND)
        return ERR_OK;
    if (rc != ERR_OK)
        return rc;

    bool same = str_eq(strbuf_str(&old.secret), strbuf_str(&install->secret));
    struct strbuf *kept = same ? &old.previous : &old.secret;

    if (old.state != INSTALL_UNINSTALLED && kept->len > 0) {
        strbuf_add_str(&install->previous, strbuf_str(kept));
        install->previous_until_ms =
            same ? old.previous_until_ms : ctx_now_ms(tenant->ctx) + CONNECT_OVERLAP_MS;
    }
    connect_install_done(&old);
    return strbuf_check(&install->previous, "the previous secret", err);
}

/* Proved by Jira's signature. */
static enum err_class audit_life(const struct tenant *tenant, enum install_state state,
                                 struct err *err)
{
    static const struct audit_who who = {.by = AUDIT_BY_REMOTE, .name = "connect"};
    const struct audit_entry entry = {.act = state == INSTALL_ENABLED ? AUDIT_CONNECTION_INSTALLED
                                                                      : AUDIT_CONNECTION_ENDED,
                                      .tenant = tenant->info.id,
                                      .record = "connect_install",
                                      .why = state == INSTALL_DISABLED ? "disabled" : NULL,
                                      .who = &who};

    return audit_write(tenant->audit, tenant->ctx, &entry, err);
}

static enum err_class store(struct identities *ids, const char *tenant_id,
                            struct connect_install *install, struct err *err)
{
    struct tenant *tenant = NULL;
    enum err_class rc = store_pool_tenant(ids->options.pool, str_from(tenant_id), &tenant, err);

    if (rc == ERR_OK)
        rc = keep_previous(tenant, install, err);
    if (rc == ERR_OK)
        rc = audit_life(tenant, INSTALL_ENABLED, err);
    if (rc == ERR_OK)
        rc = connect_install_store(tenant, install, err);
    store_pool_give_tenant(ids->options.pool, tenant);
    return rc;
}

/* Known by its client key, or new. A new tenant has its installation before it has the name. */
static enum err_class place(struct identities *ids, struct data *data,
                            struct connect_install *install, char ret_tenant[TENANT_ID_BYTES + 1],
                            struct err *err)
{
    struct str client_key = str_from(install->client_key);
    struct tenant_info info = {0};
    bool ours = false;
    enum err_class rc = alias_find(data->control, ALIAS_CLIENT_KEY, client_key, ret_tenant, err);

    if (rc == ERR_OK)
        return store(ids, ret_tenant, install, err);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = alias_new_tenant(data, install->base_url, ids->options.allow_http,
                          ids->options.allow_private, &info, err);
    if (rc == ERR_OK)
        rc = store(ids, info.id, install, err);
    if (rc == ERR_OK)
        rc = alias_claim(data->control, data->ctx, ALIAS_CLIENT_KEY, client_key, info.id, &ours,
                         err);
    if (rc != ERR_OK || ours) {
        memcpy(ret_tenant, info.id, sizeof(info.id));
        return rc;
    }
    store_pool_forget(ids->options.pool, info.id);
    rc = tenant_remove(data, &info, err); /* another thread was first */
    if (rc == ERR_OK)
        rc = alias_find(data->control, ALIAS_CLIENT_KEY, client_key, ret_tenant, err);
    return rc == ERR_OK ? store(ids, ret_tenant, install, err) : rc;
}

/* The site's own id, if Jira tells it: so that Forge's installation of the site finds the tenant.
 */
static enum err_class claim_cloud_id(struct data *data, yyjson_val *body, const char *tenant,
                                     struct err *err)
{
    struct str cloud_id = json_str(body, "cloudId");
    bool ours = false;

    if (!alias_value_is_valid(cloud_id))
        return ERR_OK;
    return alias_claim(data->control, data->ctx, ALIAS_CLOUD_ID, cloud_id, tenant, &ours, err);
}

static enum err_class installed(struct identities *ids, yyjson_val *body,
                                char ret_tenant[TENANT_ID_BYTES + 1], struct err *err)
{
    struct connect_install install = {.secret = STRBUF_INIT(INSTALL_SECRET_BYTES_MAX),
                                      .previous = STRBUF_INIT(INSTALL_SECRET_BYTES_MAX),
                                      .state = INSTALL_ENABLED};
    struct data *data = NULL;
    enum err_class rc = connect_read_install(ids, body, &install, err);

    if (rc == ERR_OK)
        rc = store_pool_data(ids->options.pool, &data, err);
    if (rc == ERR_OK)
        rc = place(ids, data, &install, ret_tenant, err);
    if (rc == ERR_OK)
        rc = claim_cloud_id(data, body, ret_tenant, err);
    store_pool_give_data(ids->options.pool, data);
    connect_install_done(&install);
    return rc;
}

static enum err_class set_state(struct identities *ids, struct str client_key,
                                enum install_state state, char ret_tenant[TENANT_ID_BYTES + 1],
                                struct err *err)
{
    struct tenant *tenant = NULL;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(ids->options.pool, &data, err);

    if (rc == ERR_OK)
        rc = alias_find(data->control, ALIAS_CLIENT_KEY, client_key, ret_tenant, err);
    store_pool_give_data(ids->options.pool, data);
    if (rc == ERR_OK)
        rc = store_pool_tenant(ids->options.pool, str_from(ret_tenant), &tenant, err);
    if (rc == ERR_OK)
        rc = audit_life(tenant, state, err);
    if (rc == ERR_OK)
        rc = connect_install_set_state(tenant, client_key, state, err);
    store_pool_give_tenant(ids->options.pool, tenant);
    if (rc != ERR_NOT_FOUND)
        return rc;
    ret_tenant[0] = '\0'; /* told again of what is gone */
    return ERR_OK;
}

/* ---- The callback ---- */

/* By the installation's secret; it may be disabled at that time. */
static enum err_class check_hs256(struct identities *ids, const struct incoming *in,
                                  struct str client_key, struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *install = NULL;
    AUTO(jwt_done) struct jwt jwt = {0};
    enum err_class rc = connect_verify(ids, in, false, &jwt, &install, err);

    if (rc == ERR_OK && !str_eq(jwt.iss, client_key))
        rc = err_set(err, ERR_DENIED,
                     "the token was made for another installation than the body names");
    return rc;
}

enum err_class connect_lifecycle(struct identities *ids, const struct incoming *in,
                                 enum connect_event event, yyjson_val *body,
                                 char ret_tenant[TENANT_ID_BYTES + 1], struct err *err)
{
    struct str client_key = json_str(body, "clientKey");
    char tenant[TENANT_ID_BYTES + 1] = "";
    enum err_class rc = ERR_OK;

    if (!ids->install_keys)
        return err_set(err, ERR_NOT_FOUND, "Connect is off here: server.public_url is not set");
    if (event == CONNECT_INSTALLED || event == CONNECT_UNINSTALLED)
        rc = check_rs256(ids, in, client_key, err);
    else
        rc = check_hs256(ids, in, client_key, err);
    if (rc == ERR_OK && !alias_value_is_valid(client_key))
        rc = bad("clientKey", "a client key", err);
    if (rc != ERR_OK)
        return rc;
    switch (event) {
    case CONNECT_INSTALLED:
        rc = installed(ids, body, tenant, err);
        break;
    case CONNECT_UNINSTALLED:
        rc = set_state(ids, client_key, INSTALL_UNINSTALLED, tenant, err);
        break;
    case CONNECT_ENABLED:
        rc = set_state(ids, client_key, INSTALL_ENABLED, tenant, err);
        break;
    case CONNECT_DISABLED:
        rc = set_state(ids, client_key, INSTALL_DISABLED, tenant, err);
        break;
    }
    if (rc != ERR_OK)
        return rc;
    recall_forget(ids->recall, RECALL_CONNECT, client_key);
    if (tenant[0])
        bearers_forget(ids->bearers, tenant);
    memcpy(ret_tenant, tenant, sizeof(tenant));
    return ERR_OK;
}
