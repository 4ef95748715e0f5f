/*
 * auth.c: who makes a request. A table of ways: the first whose mark the request carries decides,
 * and no other is tried after it.
 */
#include "daemon/internal.h"

#include "base/log.h"
#include "connect/connect_app.h"
#include "connect/forge.h"

static enum err_class start_identities(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->options.config;
    const struct identities_options options = {
        .pool = daemon->store,
        .public_url = config->server.public_url,
        .app_key = config->connect.app_key,
        .install_keys_url = config->connect.install_keys_url,
        .impersonation_url = config->connect.impersonation_url,
        .forge_app_id = config->forge.app_id,
        .forge_jwks_url = config->forge.jwks_url,
        .forge_api_hosts = config->forge.api_hosts,
        .allow_http = config->remote.allow_http,
        .allow_private = config->remote.allow_private,
    };

    return identities_new(&daemon->ctx, &options, &daemon->auth.identities, err);
}

static enum err_class start_oauth(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->options.config;
    const struct oauth_options options = {
        .client_id = config->oauth.client_id,
        .client_secret_file = config->oauth.client_secret_file,
        .authorize_url = config->oauth.authorize_url,
        .token_url = config->oauth.token_url,
        .api_url = config->oauth.api_url,
        .public_url = config->server.public_url,
        .allow_http = config->remote.allow_http,
        .allow_private = config->remote.allow_private,
    };

    return oauth_new(&daemon->ctx, daemon->store, &options, &daemon->auth.oauth, err);
}

enum err_class auth_start(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->options.config;
    struct auth *auth = &daemon->auth;
    enum err_class rc = passwords_new(&daemon->ctx, &auth->passwords, err);

    if (rc == ERR_OK)
        rc = sessions_new(&daemon->ctx, daemon->store, config->server.public_url, &auth->sessions,
                          err);
    if (rc == ERR_OK)
        rc = api_tokens_new(&daemon->ctx, daemon->store, &auth->tokens, err);
    if (rc == ERR_OK && config->oauth.client_id[0])
        rc = start_oauth(daemon, err);
    if (rc == ERR_OK)
        rc = start_identities(daemon, err);
    return rc;
}

void auth_stop(struct daemon *daemon)
{
    struct auth *auth = &daemon->auth;
    struct err err = {0};

    if (auth->sessions && sessions_tick(auth->sessions, &err) != ERR_OK)
        LOG(&daemon->ctx, LOG_WARN, "sessions_not_kept",
            LOG_NAME("class", err_class_name(err.class)));
    if (auth->tokens && api_tokens_tick(auth->tokens, &err) != ERR_OK)
        LOG(&daemon->ctx, LOG_WARN, "token_uses_not_kept",
            LOG_NAME("class", err_class_name(err.class)));
    identities_free(auth->identities);
    oauth_free(auth->oauth);
    api_tokens_free(auth->tokens);
    sessions_free(auth->sessions);
    passwords_free(auth->passwords);
}

const char *auth_csrf(struct request *request)
{
    char *text = arena_alloc(request->ex->arena, SECRET_TEXT_BYTES + 1);

    if (!text || request->who.by != BY_SESSION)
        return NULL;
    session_csrf(http_in_header(request->ex, "Cookie"), text);
    return text;
}

/* ---- The ways ---- */

struct asking {
    struct daemon *daemon;
    struct http_exchange *ex;
    unsigned route_flags;
    bool may_wait;
    struct str credential; /* what follows the scheme */
};

/* ERR_OK with BY_NOBODY: not this way's. */
typedef enum err_class way_fn(const struct asking *asking, struct principal *ret, struct err *err);

static enum err_class by_connect(const struct asking *asking, struct principal *ret,
                                 struct err *err)
{
    const struct incoming in = incoming_of(asking->ex);

    if (!connect_has_token(&in))
        return ERR_OK;
    return connect_authenticate(asking->daemon->auth.identities, &in,
                                !(asking->route_flags & API_STRICT), ret, err);
}

static enum err_class by_forge(const struct asking *asking, struct principal *ret, struct err *err)
{
    struct identities *ids = asking->daemon->auth.identities;
    const struct incoming in = incoming_of(asking->ex);

    if (!forge_has_token(ids, &in))
        return ERR_OK;
    return forge_authenticate(ids, &in, asking->may_wait, ret, err);
}

static enum err_class by_session(const struct asking *asking, struct principal *ret,
                                 struct err *err)
{
    return session_authenticate(asking->daemon->auth.sessions, asking->ex, ret, err);
}

static enum err_class by_token(const struct asking *asking, struct principal *ret, struct err *err)
{
    struct str scheme = {NULL, 0}, credential = {NULL, 0};

    scheme = str_cut(http_in_header(asking->ex, "Authorization"), ' ', &credential);
    if (!str_eq_nocase(scheme, STR("Bearer")))
        return ERR_OK;
    return api_token_authenticate(asking->daemon->auth.tokens, str_trim(credential), ret, err);
}

static way_fn *const ways[] = {by_connect, by_forge, by_token, by_session};

enum err_class authenticate(struct daemon *daemon, struct http_exchange *ex, unsigned route_flags,
                            bool may_wait, struct principal *ret, struct err *err)
{
    struct asking asking = {daemon, ex, route_flags, may_wait, {NULL, 0}};

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct principal who = {.by = BY_NOBODY};
        enum err_class rc = ways[i](&asking, &who, err);

        if (rc != ERR_OK)
            return rc;
        if (who.by == BY_NOBODY)
            continue;
        *ret = who;
        return ERR_OK;
    }
    return err_set(err, ERR_DENIED, "sign in first: no credential came with this request");
}
