#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H
#include "http/budget.h"
#include "http/net.h"

/*
 * Remote calls as the typed clients (jira/, azure/, graph/) make them: one host with its
 * credential, its budget, its address rules. Retries what may be repeated, obeys Retry-After and
 * the rate-limit headers, counts requests and points.
 */
struct http_client {
    const struct ctx *ctx;      /* borrowed */
    struct http_budget *budget; /* borrowed; shared by all that call this host */
    const char *base_url;       /* borrowed: url_base.text, no trailing slash */
    const char *authorization;  /* borrowed: the header's value, or NULL */
    /*
     * Where a credential is good for one request only (Connect): makes the header's value for each
     * try, appended to *ret, which is wiped afterwards. `path` is behind base_url, with its query.
     * Goes before `authorization`. NULL.
     */
    enum err_class (*authorize)(void *arg, enum http_method method, const char *path,
                                struct strbuf *ret, struct err *err);
    void *authorize_arg;
    bool allow_http, allow_private;
    size_t body_max;    /* 0: LIMIT_HTTP_BODY_BYTES */
    int64_t total_ms;   /* of one try; 0: LIMIT_HTTP_TOTAL_MS */
    unsigned tries_max; /* 0: LIMIT_HTTP_TRIES; 1 where a person waits for a first answer */
    /* Called before each wait for the budget or for the next try; its error ends the call. NULL. */
    enum err_class (*before_wait)(void *arg, struct err *err);
    void *before_wait_arg;
    /* Called with an answer that is about to become an error; to learn why. NULL. */
    void (*on_refusal)(void *arg, const struct net_response *response);
    void *on_refusal_arg;
};

struct http_request {
    enum http_method method;
    const char *path; /* with query, from behind the base; "/rest/api/3/myself"; copied */
    struct str body;  /* JSON; empty for none; copied */
    bool idempotent;  /* may be repeated after a failure whose effect is unknown */
    int64_t points;   /* what the remote is expected to charge at least (facts: 1 + objects) */
};

/* No wait for a remote is slept that is longer: the caller gets ERR_BUSY and the time instead. */
#define HTTP_WAIT_MAX_MS 120000

struct http_call; /* one call under way, with its retries */

/*
 * Waits for the budget, then begins; never for the network. `client` must outlive the call.
 * ERR_BUSY when the budget asks for a longer wait than HTTP_WAIT_MAX_MS, ERR_INPUT when the URL is
 * not allowed, ERR_LIMIT when it is too long, ERR_CANCELLED, ERR_MEMORY.
 */
MUST_USE enum err_class http_start(struct http_client *client, const struct http_request *request,
                                   struct http_call **ret, struct err *err);
/*
 * Waits for the answer, retrying as the rules say. On ERR_OK *ret has status 200..299 and is owned
 * by the caller. Other statuses are errors with a sentence that names host, path and remedy:
 * 401 ERR_DENIED, 403 ERR_FORBIDDEN, 404/410 ERR_NOT_FOUND, 429/503 ERR_BUSY, 3xx and HTML where
 * JSON was asked ERR_REMOTE, other 5xx ERR_NETWORK, 413 ERR_LIMIT, other 4xx ERR_REMOTE; and those
 * of net_ops.finish. *ret_status, when not NULL, is the last status seen (0: none). The call is
 * freed in any case.
 */
MUST_USE enum err_class http_finish(struct http_call *call, struct net_response *ret,
                                    int *ret_status, struct err *err);
/*
 * Is the answer of the try under way here already, or within `wait_ms`, a short time? false may
 * mean a long wait.
 */
bool http_ready(const struct http_call *call, int64_t wait_ms);
void http_drop(struct http_call *call); /* NULL is fine */
AUTO_DEFINE(struct http_call, http_drop)

/* start and finish in one. */
MUST_USE enum err_class http_do(struct http_client *client, const struct http_request *request,
                                struct net_response *ret, int *ret_status, struct err *err);

#endif
