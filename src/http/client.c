/*
 * client.c: one remote call with its retries.
 *
 * A call is tried until it is answered for good, at most LIMIT_HTTP_TRIES times. What may be tried
 * again (facts, section 6, "Handling"):
 *   429, 503         the remote did not execute it: any call
 *   408, other 5xx,  the effect is unknown: idempotent calls only; 501 and 505 will not change
 *   broken, too slow
 *   all else         never: 401 above all, since repeated refusals lock accounts
 * Between two tries: 2 s, doubling, times 0.7 to 1.3, at most 30 s; never less than the host asks
 * for. A host that asks for more than HTTP_WAIT_MAX_MS gets its wish from the caller: ERR_BUSY.
 *
 * All time passes through the context, so that a test runs an outage of minutes in no time.
 * Messages name the host and the path, never the query, never a byte of an answer's body.
 */
#include "http/client.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>

#include "base/civil.h"
#include "base/limits.h"
#include "http/url.h"

#define BACKOFF_BASE_MS 2000
#define BACKOFF_CAP_MS 30000
#define JITTER_LEAST_PERMILLE 700
#define JITTER_MOST_PERMILLE 1300
/* A base and a path with its query; what servers commonly take. */
#define REQUEST_URL_BYTES_MAX 8192
/* Of a path in a message. */
#define SHOWN_PATH_BYTES 200
#define ORIGIN_BYTES 300

struct http_call {
    struct http_client *client;  /* borrowed */
    struct http_request request; /* its path is `url`'s end */
    struct net_call *net;        /* the try under way; NULL between two */
    unsigned tries;              /* begun */
    struct strbuf url;
    struct strbuf body; /* ours: a retry sends it again */
};

static void call_free(struct http_call *call)
{
    if (!call)
        return;
    strbuf_done(&call->url);
    strbuf_done(&call->body);
    free(call);
}
AUTO_DEFINE(struct http_call, call_free)

bool http_ready(const struct http_call *call, int64_t wait_ms)
{
    const struct ctx *ctx = call->client->ctx;

    return call->net && ctx->net->ready(ctx->net_self, ctx, call->net, wait_ms);
}

void http_drop(struct http_call *call)
{
    if (!call)
        return;

    const struct ctx *ctx = call->client->ctx;

    ctx->net->drop(ctx->net_self, call->net);
    call_free(call);
}

/* Host and path of a call, as messages show them. */
struct names {
    char host[ORIGIN_BYTES];
    char path[SHOWN_PATH_BYTES + 4];
    const char *method;
};

static struct names names_of(const struct http_call *call)
{
    struct names names = {.method = http_method_name(call->request.method)};
    struct str rest = {0}, base = str_from(call->client->base_url);
    struct str path = str_cut(str_from(call->request.path), '?', &rest);
    struct url_parts parts = {0};
    struct err ignored;

    if (url_split(base, &parts, &ignored) == ERR_OK)
        (void)snprintf(names.host, sizeof(names.host), STR_FMT, STR_ARG(parts.host));
    else
        (void)snprintf(names.host, sizeof(names.host), "?"); /* start has refused it before */
    (void)snprintf(names.path, sizeof(names.path), STR_FMT "%s",
                   STR_ARG(str_sub(path, 0, SHOWN_PATH_BYTES)),
                   path.len > SHOWN_PATH_BYTES ? "..." : "");
    return names;
}

static unsigned tries_max(const struct http_call *call)
{
    return call->client->tries_max ? call->client->tries_max : LIMIT_HTTP_TRIES;
}

/* Sleeps, and counts what was really slept. ERR_CANCELLED when asked to stop. */
static enum err_class wait_ms(const struct http_client *client, int64_t ms, struct err *err)
{
    int64_t from = ctx_mono_ms(client->ctx);
    enum err_class class =
        client->before_wait ? client->before_wait(client->before_wait_arg, err) : ERR_OK;

    if (class != ERR_OK)
        return class;
    ctx_sleep_ms(client->ctx, ms);
    http_budget_count_wait(client->budget, ctx_mono_ms(client->ctx) - from);
    return ctx_check(client->ctx, err);
}

/* "2026-11-20T13:00:00Z", from now on. */
struct stamp {
    char text[CIVIL_STAMP_BYTES + 1];
};

static struct stamp stamp_in(const struct ctx *ctx, int64_t ms)
{
    struct stamp stamp;

    civil_format_stamp(ctx_now_ms(ctx) + ms, stamp.text);
    memcpy(stamp.text + 19, "Z", 2); /* whole seconds are enough for a person */
    return stamp;
}

static enum err_class too_long(const struct http_call *call, int64_t ms, struct err *err)
{
    struct names names = names_of(call);

    return err_set(err, ERR_BUSY,
                   "%s allows no more calls until %s (%" PRId64
                   " s): its rate limit is used up; run it again then",
                   names.host, stamp_in(call->client->ctx, ms).text, (ms + 999) / 1000);
}

/* Until the budget lets the call go, which is then counted. */
static enum err_class take_budget(const struct http_call *call, struct err *err)
{
    const struct http_client *client = call->client;
    int64_t waited = 0;

    /* Each turn waits at least 1 ms, and all of them at most HTTP_WAIT_MAX_MS. */
    for (;;) {
        int64_t wait = http_budget_take(client->budget, call->request.method, call->request.points,
                                        ctx_now_ms(client->ctx), ctx_mono_ms(client->ctx));

        if (wait == 0)
            return ERR_OK;
        if (wait > HTTP_WAIT_MAX_MS - waited)
            return too_long(call, wait, err);
        waited += wait;

        enum err_class class = wait_ms(client, wait, err);

        if (class != ERR_OK)
            return class;
    }
}

static void wipe(struct strbuf *buf)
{
    if (buf->ptr)
        sodium_memzero(buf->ptr, buf->room);
    strbuf_done(buf);
}

static bool has_credential(const struct http_client *client)
{
    return client->authorization || client->authorize;
}

static enum err_class start_try(struct http_call *call, struct err *err)
{
    const struct http_client *client = call->client;
    AUTO(wipe) struct strbuf made = STRBUF_INIT(LIMIT_SECRET_BYTES);
    enum err_class class = ctx_check(client->ctx, err);

    if (class == ERR_OK)
        class = take_budget(call, err);
    if (class == ERR_OK && client->authorize)
        class = client->authorize(client->authorize_arg, call->request.method, call->request.path,
                                  &made, err);
    if (class == ERR_OK)
        class = strbuf_check(&made, "the credential of a call", err);
    if (class != ERR_OK)
        return class;

    struct net_request request = {
        .method = call->request.method,
        .url = strbuf_z(&call->url),
        .content_type = call->request.body.len > 0 ? "application/json" : NULL,
        .body = call->request.body,
        .authorization = client->authorize ? strbuf_z(&made) : client->authorization,
        .headers = {{"Accept", "application/json"}},
        .body_max = client->body_max ? client->body_max : LIMIT_HTTP_BODY_BYTES,
        .total_ms = client->total_ms ? client->total_ms : LIMIT_HTTP_TOTAL_MS,
        .allow_http = client->allow_http,
        .allow_private = client->allow_private,
        .once = !call->request.idempotent,
    };

    call->tries++;
    return client->ctx->net->start(client->ctx->net_self, client->ctx, &request, &call->net, err);
}

enum err_class http_start(struct http_client *client, const struct http_request *request,
                          struct http_call **ret, struct err *err)
{
    assert(request->path[0] == '/');
    AUTO(call_free_autop) struct http_call *call = calloc(1, sizeof(*call));

    if (!call)
        return err_memory(err);
    call->client = client;
    call->request = *request;
    call->url = STRBUF_INIT(REQUEST_URL_BYTES_MAX);
    strbuf_add_z(&call->url, client->base_url);
    strbuf_add_z(&call->url, request->path);

    call->body = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES);
    strbuf_add_str(&call->body, request->body);

    enum err_class class = strbuf_check(&call->url, "the URL of a call", err);

    if (class == ERR_OK)
        class = strbuf_check(&call->body, "the body of a call", err);
    if (class != ERR_OK)
        return class;
    call->request.body = strbuf_str(&call->body);
    call->request.path = strbuf_z(&call->url) + strlen(client->base_url);
    class = start_try(call, err);
    if (class != ERR_OK)
        return class;
    *ret = TAKE(call);
    return ERR_OK;
}

/* White space of JSON, and then a '<'; or the remote says itself that it is HTML. */
static bool is_html(const struct net_response *response)
{
    struct str body = strbuf_str(&response->body);
    struct str type = net_header(response, "content-type");

    /* A byte order mark does not make it JSON. */
    if (str_starts(body, STR("\xef\xbb\xbf")))
        body = str_sub(body, 3, body.len);
    if (str_eq_nocase(str_sub(type, 0, 9), STR("text/html")) && body.len > 0)
        return true;
    while (body.len > 0 && (body.ptr[0] == ' ' || (body.ptr[0] >= '\t' && body.ptr[0] <= '\r')))
        body = str_sub(body, 1, body.len);
    return body.len > 0 && body.ptr[0] == '<';
}

static enum err_class say_redirect(const struct http_call *call, const struct names *names,
                                   const struct net_response *response, struct err *err)
{
    struct str location = net_header(response, "location");
    char origin[ORIGIN_BYTES];

    /* The rest of a Location often holds a session or a token. */
    url_show_origin(location, origin, sizeof(origin));
    if (strcmp(origin, "?") == 0)
        return err_set(err, ERR_REMOTE,
                       "%s answers %s %s with a redirect (%d)%s, which usually is a login page: "
                       "check the base URL and the credential",
                       names->host, names->method, names->path, response->status,
                       location.len > 0 ? " to another path of its own" : " to nowhere");
    return err_set(err, ERR_REMOTE,
                   "%s answers %s %s with a redirect to %s (%d), which usually is a login page: "
                   "check the base URL%s",
                   names->host, names->method, names->path, origin, response->status,
                   has_credential(call->client) ? " and the credential" : "");
}

static enum err_class say_denied(const struct http_call *call, const struct names *names,
                                 const struct net_response *response, struct err *err)
{
    const char *captcha = "CAPTCHA_CHALLENGE";
    struct str reason = net_header(response, "x-authentication-denied-reason");

    /* Data Center, after some failed logins with a password. */
    if (str_starts(reason, str_from(captcha)))
        return err_set(err, ERR_DENIED,
                       "%s wants a CAPTCHA solved before it takes the credential again (%d): log "
                       "in there once with a browser, or use a personal access token",
                       names->host, response->status);
    if (response->status == 403)
        return err_set(err, ERR_FORBIDDEN,
                       "%s forbids %s %s (403): the credential is good, but its account lacks the "
                       "right; have it granted there, or use another account's token",
                       names->host, names->method, names->path);
    if (!has_credential(call->client))
        return err_set(err, ERR_DENIED,
                       "%s wants a credential for %s %s (401) and none is given: give one with "
                       "`tenon tenant token`",
                       names->host, names->method, names->path);
    return err_set(err, ERR_DENIED,
                   "%s refuses the credential (401): the token is wrong, expired or revoked; give "
                   "a new one with `tenon tenant token`",
                   names->host);
}

/* The sentence for an answer that is no success. `wait` is what the host asks for, 0 nothing. */
static enum err_class say_status(const struct http_call *call, const struct net_response *response,
                                 int64_t wait, struct err *err)
{
    struct names names = names_of(call);
    int status = response->status;

    if (status >= 300 && status <= 399)
        return say_redirect(call, &names, response, err);
    if (status == 401 || status == 403)
        return say_denied(call, &names, response, err);
    if (status == 404 && is_html(response))
        return err_set(err, ERR_NOT_FOUND,
                       "%s has no %s (404) and answers HTML: is this the address of a Jira site?",
                       names.host, names.path);
    if (status == 404)
        return err_set(err, ERR_NOT_FOUND,
                       "%s has no %s (404): it does not exist, or the account may not see it",
                       names.host, names.path);
    if (status == 410)
        return err_set(err, ERR_NOT_FOUND,
                       "%s has %s no more (410): it was removed for good; a newer version of this "
                       "program may know its successor",
                       names.host, names.path);
    if (status == 413)
        return err_set(err, ERR_LIMIT,
                       "%s finds the %zu bytes sent with %s %s too many (413): send less at once",
                       names.host, call->request.body.len, names.method, names.path);
    if (status == 429 || status == 503)
        return err_set(err, ERR_BUSY, "%s %s (%d) for %s %s, at try %u of %u: run it again %s%s",
                       names.host, status == 429 ? "says 'too many requests'" : "is not available",
                       status, names.method, names.path, call->tries, tries_max(call),
                       wait > 0 ? "after " : "later",
                       wait > 0 ? stamp_in(call->client->ctx, wait).text : "");
    if (status >= 500)
        return err_set(err, ERR_NETWORK,
                       "%s failed at %s %s (%d), at try %u of %u: run it again later", names.host,
                       names.method, names.path, status, call->tries, tries_max(call));
    if (status == 400 || status == 409 || status == 422)
        return err_set(err, ERR_REMOTE,
                       "%s finds %s %s not acceptable (%d): if you did not ask for something "
                       "unusual, please report it with the version of the site",
                       names.host, names.method, names.path, status);
    return err_set(err, ERR_REMOTE,
                   "%s does not take %s %s (%d): is this the address of a Jira site?", names.host,
                   names.method, names.path, status);
}

/* May the call be made again after such an answer? */
static bool may_repeat_status(const struct http_call *call, int status)
{
    if (status == 429 || status == 503)
        return true;
    return call->request.idempotent &&
           (status == 408 || (status >= 500 && status != 501 && status != 505));
}

/* Before try number `tries` + 1. */
static int64_t backoff_ms(const struct ctx *ctx, unsigned tries)
{
    int64_t ms = BACKOFF_BASE_MS;
    uint64_t span = JITTER_MOST_PERMILLE - JITTER_LEAST_PERMILLE + 1;
    int64_t permille = JITTER_LEAST_PERMILLE + (int64_t)(ctx_random_u64(ctx) % span);

    /* At most 4 turns: 2 s doubled four times is past the cap. */
    for (unsigned i = 1; i < tries && ms < BACKOFF_CAP_MS; i++)
        ms *= 2;
    ms = ms * permille / 1000;
    return ms < BACKOFF_CAP_MS ? ms : BACKOFF_CAP_MS;
}

/* Waits, and begins the next try. */
static enum err_class try_again(struct http_call *call, int64_t least_ms, struct err *err)
{
    int64_t wait = backoff_ms(call->client->ctx, call->tries);
    enum err_class class = wait_ms(call->client, wait > least_ms ? wait : least_ms, err);

    if (class == ERR_OK)
        class = start_try(call, err);
    if (class == ERR_OK)
        http_budget_count_retry(call->client->budget);
    return class;
}

static enum err_class say_html(const struct http_call *call, struct err *err)
{
    struct names names = names_of(call);

    return err_set(err, ERR_REMOTE,
                   "%s answered HTML instead of JSON for %s: is this the address of a Jira site?",
                   names.host, names.path);
}

/*
 * What to make of the end of one try: ERR_OK with *ret_again false is the answer, *ret_again true
 * asks for another try after at least *ret_wait_ms, all else is final.
 */
static enum err_class judge(struct http_call *call, enum err_class class,
                            const struct net_response *response, bool *ret_again,
                            int64_t *ret_wait_ms, struct err *err)
{
    const struct http_client *client = call->client;
    bool more = call->tries < tries_max(call);

    *ret_again = false;
    *ret_wait_ms = 0;
    if (class != ERR_OK) {
        *ret_again = class == ERR_NETWORK && call->request.idempotent && more;
        return class;
    }
    http_budget_learn(client->budget, call->request.method, response, ctx_now_ms(client->ctx),
                      ctx_mono_ms(client->ctx), ret_wait_ms);
    if (response->status >= 200 && response->status <= 299)
        return is_html(response) ? say_html(call, err) : ERR_OK;
    if (may_repeat_status(call, response->status) && *ret_wait_ms > HTTP_WAIT_MAX_MS)
        return too_long(call, *ret_wait_ms, err);
    *ret_again = more && may_repeat_status(call, response->status);
    if (!*ret_again && client->on_refusal)
        client->on_refusal(client->on_refusal_arg, response);
    return say_status(call, response, *ret_wait_ms, err);
}

enum err_class http_finish(struct http_call *call, struct net_response *ret, int *ret_status,
                           struct err *err)
{
    AUTO(call_free_autop) struct http_call *owned = call;
    const struct ctx *ctx = owned->client->ctx;

    if (ret_status)
        *ret_status = 0;
    /* At most tries_max turns: judge asks for no more. */
    for (;;) {
        AUTO(net_response_done) struct net_response response = {0};
        struct net_call *net = TAKE(call->net);
        enum err_class class = ctx->net->finish(ctx->net_self, ctx, net, &response, err);
        bool again = false;
        int64_t least_ms = 0;

        if (ret_status && class == ERR_OK)
            *ret_status = response.status;
        class = judge(call, class, &response, &again, &least_ms, err);
        if (class == ERR_OK) {
            *ret = response;
            response = (struct net_response){0};
            return ERR_OK;
        }
        if (!again)
            return class;
        class = try_again(call, least_ms, err);
        if (class != ERR_OK)
            return class;
    }
}

enum err_class http_do(struct http_client *client, const struct http_request *request,
                       struct net_response *ret, int *ret_status, struct err *err)
{
    struct http_call *call = NULL;
    enum err_class class;

    if (ret_status)
        *ret_status = 0;
    class = http_start(client, request, &call, err);
    return class == ERR_OK ? http_finish(call, ret, ret_status, err) : class;
}
