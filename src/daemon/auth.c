/*
 * auth.c: who makes a request. A table of ways: the first whose mark the request carries decides,
 * and no other is tried after it.
 */
#include "daemon/internal.h"

#include "base/log.h"

enum err_class auth_start(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->options.config;
    struct auth *auth = &daemon->auth;
    enum err_class rc = passwords_new(&daemon->ctx, &auth->passwords, err);

    if (rc == ERR_OK)
        rc = sessions_new(&daemon->ctx, daemon->store, config->server.public_url, &auth->sessions,
                          err);
    return rc;
}

void auth_stop(struct daemon *daemon)
{
    struct auth *auth = &daemon->auth;
    struct err err = {0};

    if (auth->sessions && sessions_tick(auth->sessions, &err) != ERR_OK)
        LOG(&daemon->ctx, LOG_WARN, "sessions_not_kept",
            LOG_NAME("class", err_class_name(err.class)));
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

static enum err_class by_session(const struct asking *asking, struct principal *ret,
                                 struct err *err)
{
    return session_authenticate(asking->daemon->auth.sessions, asking->ex, ret, err);
}

static way_fn *const ways[] = {by_session};

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
