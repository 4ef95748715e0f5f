/*
 * curl.c: the real network.
 *
 * Model: one thread owns curl's multi handle and all transfers under way. A caller prepares an easy
 * handle, puts the call into a queue and wakes the thread; the thread moves bytes into the call's
 * own buffer until it ends, and wakes the caller. So a page travels while the caller stores the one
 * before, connections are kept and shared by all callers, and no body is copied from hand to hand.
 *
 * Connections are kept alive, at most LIMIT_HTTP_IN_FLIGHT a host; a call past that waits in curl's
 * queue, on its own time. How one exchange is set up and kept safe: curl_call.c.
 *
 * Locks: net->lock guards the queue, the drops, the spare handles and each call's `ended` and
 * `dropped`. All else of a call belongs to the thread from start until it has set `ended`, and to
 * the caller before and after. Callbacks run on the thread, without the lock. The thread has all
 * signals blocked, so that they reach the thread which set them up, and a broken pipe kills nobody.
 */
#include "http/net.h"

#include <assert.h>
#include <signal.h>

#include "base/limits.h"
#include "http/curl_call.h"

/* Kept connections, all hosts together. */
#define CONNECTIONS_MAX 64
/* How often a waiting caller looks whether it shall stop. */
#define LOOK_MS 100
/* The thread sleeps until something happens; this is only in case that curl forgets something. */
#define IDLE_MS 60000

struct net_curl {
    bool begun; /* curl_global_init was called, which counts */
    CURLM *multi;
    pthread_t thread;
    struct proxy_env proxies;
    char *authorities;      /* PEM file, or NULL for curl's own choice */
    struct net_call *first; /* under way; the thread's */

    pthread_mutex_t lock;
    struct net_call *queue, **queue_end; /* begun, not seen by the thread */
    bool drops;                          /* one under way was given up; the thread frees it */
    size_t calls;                        /* begun and neither finished nor dropped */
    CURL *spare[LIMIT_HTTP_IN_FLIGHT];   /* handles kept for the next call, with their buffers */
    size_t spare_count;
    bool quit;
};

/* ---- calls ---- */

/*
 * A handle that has been used keeps its buffers; past the few that are kept it is closed. So is one
 * whose call failed: where that was before a connection (a name that is not found), curl 7.88
 * leaves a buffer in it, and then takes no new size for it, not even after a reset.
 */
static void give_back(struct net_curl *net, CURL *easy, bool failed)
{
    if (!easy)
        return;
    if (failed) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    (void)pthread_mutex_lock(&net->lock);
    if (net->spare_count < ARRAY_LEN(net->spare)) {
        net->spare[net->spare_count++] = easy;
        easy = NULL;
    }
    (void)pthread_mutex_unlock(&net->lock);
    curl_easy_cleanup(easy); /* NULL is fine */
}

static void call_free(struct net_curl *net, struct net_call *call)
{
    if (!call)
        return;
    assert(!call->added);
    give_back(net, call->easy, call->code != CURLE_OK); /* before the memory that it refers to */
    curl_call_done(call);
    (void)pthread_cond_destroy(&call->changed);
    free(call);
}

static struct net_call *call_new(struct net_curl *net)
{
    struct net_call *call = calloc(1, sizeof(*call));
    pthread_condattr_t monotonic;

    if (!call)
        return NULL;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&call->changed, &monotonic); /* none of these can fail on Linux */
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_lock(&net->lock);
    if (net->spare_count > 0)
        call->easy = net->spare[--net->spare_count];
    (void)pthread_mutex_unlock(&net->lock);
    if (!call->easy)
        call->easy = curl_easy_init();
    if (!call->easy) {
        call_free(net, call);
        return NULL;
    }
    return call;
}

static enum err_class net_start(void *self, const struct ctx *ctx,
                                const struct net_request *request, struct net_call **ret,
                                struct err *err)
{
    struct net_curl *net = self;
    enum err_class class = ctx_check(ctx, err);

    if (class != ERR_OK)
        return class;

    struct net_call *call = call_new(net);

    if (!call)
        return err_memory(err);
    class = curl_call_prepare(call, request, &net->proxies, net->authorities, err);
    if (class != ERR_OK) {
        call_free(net, call);
        return class;
    }
    *ret = call; /* before the thread may see it */
    (void)pthread_mutex_lock(&net->lock);
    net->calls++;
    *net->queue_end = call;
    net->queue_end = &call->queued;
    (void)pthread_mutex_unlock(&net->lock);
    (void)curl_multi_wakeup(net->multi); /* full pipe: the thread wakes anyway */
    return ERR_OK;
}

static void net_drop(void *self, struct net_call *call)
{
    struct net_curl *net = self;
    bool ended;

    if (!call)
        return;
    (void)pthread_mutex_lock(&net->lock);
    assert(!call->dropped);
    net->calls--;
    ended = call->ended;
    call->dropped = true;
    net->drops = true;
    (void)pthread_mutex_unlock(&net->lock);
    if (ended)
        call_free(net, call); /* the thread has let go of it */
    else
        (void)curl_multi_wakeup(net->multi);
}

/* So long from now; for a condition's clock. */
static struct timespec in_ms(int64_t ms)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += (time_t)(ms / 1000);
    time.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_nsec -= 1000000000L;
        time.tv_sec++;
    }
    return time;
}

/* False when asked to stop before the end. */
static bool wait_for_end(struct net_curl *net, const struct ctx *ctx, struct net_call *call)
{
    bool ended;

    (void)pthread_mutex_lock(&net->lock);
    /* Ends: curl's own time limit ends each transfer. */
    while (!call->ended && !ctx_stopped(ctx)) {
        const struct timespec until = in_ms(LOOK_MS);

        (void)pthread_cond_timedwait(&call->changed, &net->lock, &until);
    }
    ended = call->ended;
    (void)pthread_mutex_unlock(&net->lock);
    return ended;
}

static enum err_class net_finish(void *self, const struct ctx *ctx, struct net_call *call,
                                 struct net_response *ret, struct err *err)
{
    struct net_curl *net = self;

    if (!wait_for_end(net, ctx, call)) {
        net_drop(net, call);
        return ctx_check(ctx, err);
    }
    (void)pthread_mutex_lock(&net->lock);
    net->calls--;
    (void)pthread_mutex_unlock(&net->lock);

    enum err_class class = curl_call_answer(call, ret, err);

    call_free(net, call);
    return class;
}

static bool net_ready(void *self, const struct ctx *ctx, struct net_call *call, int64_t wait_ms)
{
    struct net_curl *net = self;
    const struct timespec until = in_ms(wait_ms);
    int rc = 0;
    bool ended;

    (void)ctx;
    (void)pthread_mutex_lock(&net->lock);
    while (!call->ended && wait_ms > 0 && rc == 0)
        rc = pthread_cond_timedwait(&call->changed, &net->lock, &until);
    ended = call->ended;
    (void)pthread_mutex_unlock(&net->lock);
    return ended;
}

static const struct net_ops net_curl_ops = {net_start, net_finish, net_ready, net_drop};

/* ---- the thread ---- */

/* Takes a transfer off curl; its caller may have it now. Frees it when nobody wants it any more. */
static void end_call(struct net_curl *net, struct net_call *call, CURLcode code)
{
    bool dropped;

    if (call->added) {
        (void)curl_multi_remove_handle(net->multi, call->easy);
        if (call->prev)
            call->prev->next = call->next;
        else
            net->first = call->next;
        if (call->next)
            call->next->prev = call->prev;
        call->added = false;
    }
    call->code = code;
    (void)pthread_mutex_lock(&net->lock);
    dropped = call->dropped;
    call->ended = true;
    /* Under the lock: once it is open, the caller may free the call. */
    (void)pthread_cond_signal(&call->changed);
    (void)pthread_mutex_unlock(&net->lock);
    if (dropped)
        call_free(net, call);
}

static void end_all(struct net_curl *net, CURLcode code)
{
    /* Each turn takes one off. */
    while (net->first)
        end_call(net, net->first, code);
}

static void begin_call(struct net_curl *net, struct net_call *call)
{
    CURLMcode code = curl_multi_add_handle(net->multi, call->easy);

    if (code != CURLM_OK) {
        end_call(net, call, code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
        return;
    }
    call->added = true;
    call->prev = NULL;
    call->next = net->first;
    if (net->first)
        net->first->prev = call;
    net->first = call;
}

/* Begins what was queued and lets go of what was dropped. False: time to quit. */
static bool take_orders(struct net_curl *net)
{
    struct net_call *queue, *next;
    bool quit, drops;

    (void)pthread_mutex_lock(&net->lock);
    queue = net->queue;
    net->queue = NULL;
    net->queue_end = &net->queue;
    drops = net->drops;
    net->drops = false;
    quit = net->quit;
    (void)pthread_mutex_unlock(&net->lock);

    for (; queue; queue = next) {
        next = queue->queued;
        begin_call(net, queue);
    }
    for (struct net_call *call = drops ? net->first : NULL; call; call = next) {
        bool dropped;

        next = call->next;
        (void)pthread_mutex_lock(&net->lock);
        dropped = call->dropped;
        (void)pthread_mutex_unlock(&net->lock);
        if (dropped)
            end_call(net, call, CURLE_ABORTED_BY_CALLBACK);
    }
    return !quit;
}

static void end_finished(struct net_curl *net)
{
    const CURLMsg *msg;
    int left = 0;

    /* Each message is one transfer's end. */
    while ((msg = curl_multi_info_read(net->multi, &left))) {
        struct net_call *call = NULL;
        CURLcode code = msg->data.result;

        if (msg->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        end_call(net, call, code); /* the message is gone with its handle */
    }
}

static void *run(void *arg)
{
    struct net_curl *net = arg;
    int running = 0;

    while (take_orders(net)) {
        CURLMcode code = curl_multi_perform(net->multi, &running);

        end_finished(net);
        if (code == CURLM_OK)
            code = curl_multi_poll(net->multi, NULL, 0, IDLE_MS, NULL);
        /* Out of memory or of descriptors: nobody shall wait for what cannot go on. */
        if (code != CURLM_OK)
            end_all(net, code == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
    }
    end_all(net, CURLE_ABORTED_BY_CALLBACK);
    return NULL;
}

static enum err_class start_thread(struct net_curl *net, struct err *err)
{
    sigset_t all, before;
    int failed;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&net->thread, NULL, run, net);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? err_errno(err, failed, "cannot start the network's thread") : ERR_OK;
}

/* All but the thread. */
static void net_done(struct net_curl *net)
{
    if (!net)
        return;
    for (size_t i = 0; i < net->spare_count; i++)
        curl_easy_cleanup(net->spare[i]);
    if (net->multi)
        (void)curl_multi_cleanup(net->multi);
    if (net->begun)
        curl_global_cleanup();
    proxy_env_done(&net->proxies);
    free(net->authorities);
    (void)pthread_mutex_destroy(&net->lock);
    free(net);
}
AUTO_DEFINE(struct net_curl, net_done)

enum err_class net_curl_new(struct net_curl **ret, struct err *err)
{
    const char *authorities = getenv("SSL_CERT_FILE");
    AUTO(net_done_autop) struct net_curl *net = calloc(1, sizeof(*net));

    if (!net)
        return err_memory(err);
    (void)pthread_mutex_init(&net->lock, NULL);
    net->queue_end = &net->queue;

    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT); /* thread-safe since 7.84 */

    if (code != CURLE_OK)
        return err_set(err, ERR_BUG, "libcurl does not start (code %d)", (int)code);
    net->begun = true;

    enum err_class class = proxy_env_read(&net->proxies, err);

    if (class != ERR_OK)
        return class;
    if (authorities && *authorities) {
        net->authorities = str_dup_z(str_from(authorities));
        if (!net->authorities)
            return err_memory(err);
    }
    net->multi = curl_multi_init();
    if (!net->multi ||
        curl_multi_setopt(net->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)LIMIT_HTTP_IN_FLIGHT) !=
            CURLM_OK ||
        curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX) != CURLM_OK)
        return err_memory(err);
    class = start_thread(net, err);
    if (class != ERR_OK)
        return class;
    *ret = TAKE(net);
    return ERR_OK;
}

void net_curl_free(struct net_curl *net)
{
    if (!net)
        return;
    (void)pthread_mutex_lock(&net->lock);
    assert(net->calls == 0);
    net->quit = true;
    (void)pthread_mutex_unlock(&net->lock);
    (void)curl_multi_wakeup(net->multi);
    (void)pthread_join(net->thread, NULL);
    net_done(net);
}

void net_curl_install(struct net_curl *net, struct ctx *ctx)
{
    ctx->net = &net_curl_ops;
    ctx->net_self = net;
}
