/*
 * routes_atlassian.c: what Jira calls: the descriptor, the life of installations, events.
 *
 * Events come in three ways (an administrator's webhook, Connect, Forge), each with its own proof,
 * and become one: a tenant, a classic name and a body go to daemon_take_hint. A proof that fails is
 * 401 here, and said in the log by its class only: whoever sends forgeries learns nothing.
 *
 * A body of 1 MiB is the most that is taken, where Jira may send 25: of an event only ids are read,
 * and one that is cut by its size is found by the next look at the feeds.
 */
#include "daemon/internal.h"

#include "base/log.h"
#include "connect/connect_app.h"
#include "connect/forge.h"
#include "connect/site_events.h"
#include "connect/webhook_secret.h"

#define LIFECYCLE_BYTES ((size_t)64 * 1024)
#define EVENT_BYTES ((size_t)1024 * 1024)

static struct identities *identities_of(const struct request *request)
{
    return request->daemon->auth.identities;
}

/*
 * A proof that failed is the sender's business (401), unlike a refusal by Jira of what we keep,
 * which the caller of a route would be told of as 502.
 */
static enum err_class refuse_proof(struct request *request, const char *way, enum err_class rc,
                                   const struct err *err)
{
    if (rc != ERR_DENIED)
        return rc;
    /* Anybody can cause one: counted always, a line only where everything is written. */
    LOG(daemon_ctx(request->daemon), LOG_DEBUG, "proof_refused", LOG_NAME("way", way));
    atomic_fetch_add(&request->daemon->metrics.refused, 1);
    http_out_problem(request->ex, 401, err->msg);
    return ERR_OK;
}

static void answer_done(struct request *request, const char *way, const char *tenant)
{
    LOG(daemon_ctx(request->daemon), LOG_INFO, "installation_changed", LOG_NAME("way", way),
        LOG_IDENT("tenant", tenant[0] ? tenant : "none"));
    if (tenant[0])
        daemon_forget_site(request->daemon, tenant);
    work_look_again(request->daemon);
    request->ex->status = 204;
}

/* ---- Connect ---- */

static enum err_class get_descriptor(struct request *request, struct err *err)
{
    return connect_descriptor(identities_of(request), &request->ex->out, err);
}

static enum err_class connect_life(struct request *request, enum connect_event event,
                                   const char *way, struct err *err)
{
    const struct incoming in = incoming_of(request->ex);
    char tenant[TENANT_ID_BYTES + 1] = "";
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    if (rc == ERR_OK)
        rc = connect_lifecycle(identities_of(request), &in, event, body, tenant, err);
    if (rc != ERR_OK)
        return refuse_proof(request, way, rc, err);
    answer_done(request, way, tenant);
    return event == CONNECT_UNINSTALLED && tenant[0] ? leave_later(request->daemon, tenant, err)
                                                     : ERR_OK;
}

static enum err_class post_installed(struct request *request, struct err *err)
{
    return connect_life(request, CONNECT_INSTALLED, "connect_installed", err);
}

static enum err_class post_uninstalled(struct request *request, struct err *err)
{
    return connect_life(request, CONNECT_UNINSTALLED, "connect_uninstalled", err);
}

static enum err_class post_enabled(struct request *request, struct err *err)
{
    return connect_life(request, CONNECT_ENABLED, "connect_enabled", err);
}

static enum err_class post_disabled(struct request *request, struct err *err)
{
    return connect_life(request, CONNECT_DISABLED, "connect_disabled", err);
}

/* ---- Events ---- */

/* A classic event, proved to be of that tenant. */
static enum err_class take_event(struct request *request, const char *tenant, struct err *err)
{
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);
    struct str event = json_str(body, "webhookEvent");

    if (rc == ERR_OK && event.len == 0)
        rc = err_set(err, ERR_USAGE, "the body is no event of Jira: it has no webhookEvent");
    return rc == ERR_OK ? daemon_take_hint(request, tenant, event, body, err) : rc;
}

static enum err_class post_connect_webhook(struct request *request, struct err *err)
{
    const struct incoming in = incoming_of(request->ex);
    char tenant[TENANT_ID_BYTES + 1] = "";
    enum err_class rc = connect_webhook(identities_of(request), &in, tenant, err);

    return rc == ERR_OK ? take_event(request, tenant, err)
                        : refuse_proof(request, "connect_webhook", rc, err);
}

/* On the server's own thread, but for one delivery in a while. */
static bool admin_webhook_is_fast(struct request *request)
{
    return webhook_is_known(identities_of(request), request->ex->params[0]);
}

static enum err_class post_admin_webhook(struct request *request, struct err *err)
{
    const struct incoming in = incoming_of(request->ex);
    char tenant[TENANT_ID_BYTES + 1] = "";
    enum err_class rc =
        webhook_check(identities_of(request), &in, request->ex->params[0], tenant, err);

    return rc == ERR_OK ? take_event(request, tenant, err)
                        : refuse_proof(request, "admin_webhook", rc, err);
}

/* ---- Forge ---- */

static enum err_class forge_life(struct request *request, bool going, struct err *err)
{
    const struct incoming in = incoming_of(request->ex);
    char tenant[TENANT_ID_BYTES + 1] = "";
    enum err_class rc = forge_lifecycle(identities_of(request), &in, going, tenant, err);

    if (rc != ERR_OK)
        return refuse_proof(request, "forge_lifecycle", rc, err);
    answer_done(request, going ? "forge_going" : "forge_installed", tenant);
    return going && tenant[0] ? leave_later(request->daemon, tenant, err) : ERR_OK;
}

static enum err_class post_forge_lifecycle(struct request *request, struct err *err)
{
    return forge_life(request, false, err);
}

static enum err_class post_forge_uninstall(struct request *request, struct err *err)
{
    return forge_life(request, true, err);
}

static enum err_class post_forge_events(struct request *request, struct err *err)
{
    const struct incoming in = incoming_of(request->ex);
    char tenant[TENANT_ID_BYTES + 1] = "";
    struct str event = {NULL, 0};
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    if (rc == ERR_OK)
        rc = forge_event(identities_of(request), &in, body, tenant, &event, err);
    if (rc != ERR_OK)
        return refuse_proof(request, "forge_event", rc, err);
    request->ex->status = 204;
    /* The scheduled trigger has no name: it only brings a system token. */
    return event.len > 0 ? daemon_take_hint(request, tenant, event, body, err) : ERR_OK;
}

/* ---- The administrator's webhook: setting it up ---- */

static enum err_class put_webhook(struct request *request, const char *secret, struct err *err)
{
    const char *base = daemon_config(request->daemon)->server.public_url;
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(2 * LIMIT_URL_BYTES);
    struct json_out out = json_out(&request->ex->out);
    struct webhook_state state = {0};
    enum err_class rc = webhook_state(request->tenant, &state, err);

    if (rc != ERR_OK)
        return rc;
    webhook_url(base, request->tenant->info.id, &url);
    json_object(&out);
    json_key(&out, "url");
    json_put_str(&out, strbuf_str(&url));
    json_key(&out, "events");
    json_array(&out);
    for (size_t i = 0; i < site_event_count; i++)
        json_put_z(&out, site_events[i].name);
    json_array_end(&out);
    if (secret) {
        json_key(&out, "secret");
        json_put_z(&out, secret);
        json_key(&out, "steps");
        json_array(&out);
        for (size_t i = 0; webhook_steps[i]; i++)
            json_put_z(&out, webhook_steps[i]);
        json_array_end(&out);
    } else {
        json_key(&out, "set");
        json_put_bool(&out, state.set);
        json_key(&out, "last");
        if (state.last_seen_ms)
            json_put_stamp(&out, state.last_seen_ms);
        else
            json_put_null(&out);
    }
    json_object_end(&out);
    return ERR_OK;
}

/* The tenant of the path, which a local administrator names; opened for this request. */
static enum err_class open_named(struct request *request, struct err *err)
{
    if (daemon_config(request->daemon)->server.public_url[0] == '\0')
        return err_set(err, ERR_CONFLICT,
                       "this server does not know its own address, which Jira needs: set "
                       "server.public_url");
    return store_pool_tenant(daemon_store(request->daemon), request->ex->params[0],
                             &request->tenant, err);
}

static enum err_class get_webhook(struct request *request, struct err *err)
{
    enum err_class rc = open_named(request, err);

    return rc == ERR_OK ? put_webhook(request, NULL, err) : rc;
}

static enum err_class post_webhook(struct request *request, struct err *err)
{
    char secret[WEBHOOK_SECRET_BYTES + 1];
    enum err_class rc = open_named(request, err);

    if (rc == ERR_OK)
        rc = webhook_secret_make(request->tenant, secret, err);
    if (rc != ERR_OK)
        return rc;
    identities_forget_tenant(identities_of(request), request->tenant->info.id);
    rc = put_webhook(request, secret, err);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/atlassian-connect.json", 0, API_PUBLIC | API_FAST, get_descriptor},
    {HTTP_POST, "/connect/installed", LIFECYCLE_BYTES, API_PUBLIC, post_installed},
    {HTTP_POST, "/connect/uninstalled", LIFECYCLE_BYTES, API_PUBLIC, post_uninstalled},
    {HTTP_POST, "/connect/enabled", LIFECYCLE_BYTES, API_PUBLIC, post_enabled},
    {HTTP_POST, "/connect/disabled", LIFECYCLE_BYTES, API_PUBLIC, post_disabled},
    {HTTP_POST, "/connect/webhook", EVENT_BYTES, API_PUBLIC | API_FAST, post_connect_webhook},
    {HTTP_POST, "/webhooks/jira/{tenant}", EVENT_BYTES, API_PUBLIC, post_admin_webhook,
     admin_webhook_is_fast},
    {HTTP_POST, "/forge/lifecycle", LIFECYCLE_BYTES, API_PUBLIC, post_forge_lifecycle},
    {HTTP_POST, "/forge/uninstall", LIFECYCLE_BYTES, API_PUBLIC, post_forge_uninstall},
    {HTTP_POST, "/forge/events", EVENT_BYTES, API_PUBLIC, post_forge_events},
    {HTTP_GET, "/api/v1/tenants/{name}/webhook", 0, API_LOCAL, get_webhook},
    {HTTP_POST, "/api/v1/tenants/{name}/webhook", LIFECYCLE_BYTES, API_LOCAL, post_webhook},
};

const struct api_area atlassian_area = {routes, ARRAY_LEN(routes)};
