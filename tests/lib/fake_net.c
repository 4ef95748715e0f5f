/* fake_net.c: a network whose answers a test writes. Keeps the promises of http/net.h. */
#include "fake_net.h"

#define SEEN_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct net_call {
    struct fake_answer answer;
    struct net_response response;
    size_t body_max;
    int64_t due_ms; /* mono */
};

static void add_header(struct net_response *response, const char *line)
{
    struct str value = {0};
    struct str name = str_cut(str_from(line), ':', &value);

    net_response_add_header(response, name, value);
}

static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;

    return path ? path : "/";
}

static enum err_class fail(const struct fake_answer *answer, struct err *err)
{
    return err_set(err, answer->error, "%s",
                   answer->error_msg ? answer->error_msg : "the fake network fails");
}

static void call_free(struct net_call *call)
{
    net_response_done(&call->response);
    strbuf_done(&call->answer.body);
    free(call);
}

static enum err_class fake_start(void *self, const struct ctx *ctx,
                                 const struct net_request *request, struct net_call **ret,
                                 struct err *err)
{
    struct fake_net *net = self;
    struct net_call *call = calloc(1, sizeof(*call));
    enum err_class class = ctx_check(ctx, err);

    if (!call)
        return err_memory(err);
    if (class != ERR_OK) {
        free(call);
        return class;
    }
    call->answer = (struct fake_answer){.status = 200, .body = STRBUF_INIT(ANSWER_BYTES_MAX)};
    call->body_max = request->body_max;
    (void)pthread_mutex_lock(&net->lock);
    strbuf_addf(&net->seen, "%s %s\n", http_method_name(request->method), path_of(request->url));
    net->handler(net->arg, request, path_of(request->url), &call->answer);
    if (call->answer.error == ERR_OK || !call->answer.refused) {
        net->started++;
        net->in_flight++;
        if (net->in_flight > net->in_flight_most)
            net->in_flight_most = net->in_flight;
    }
    (void)pthread_mutex_unlock(&net->lock);
    if (call->answer.error != ERR_OK && call->answer.refused) {
        class = fail(&call->answer, err);
        call_free(call);
        return class;
    }
    call->response.status = call->answer.status;
    call->response.elapsed_ms = call->answer.delay_ms;
    for (size_t i = 0; i < ARRAY_LEN(call->answer.headers) && call->answer.headers[i]; i++)
        add_header(&call->response, call->answer.headers[i]);
    net_body_init(&call->response.body, request->body_max);
    call->due_ms = ctx_mono_ms(ctx) + call->answer.delay_ms;
    *ret = call;
    return ERR_OK;
}

static enum err_class take_answer(struct net_call *call, struct net_response *ret, struct err *err)
{
    struct str body = strbuf_str(&call->answer.body);

    if (call->answer.error != ERR_OK)
        return fail(&call->answer, err);
    if (strbuf_check(&call->answer.body, "the fake answer", err) != ERR_OK)
        return err->class;
    if (!net_body_append(&call->response.body, body.ptr, body.len) ||
        !net_body_end(&call->response.body))
        return err_set(err, ERR_LIMIT, "the fake answer is larger than the limit of %zu bytes",
                       call->body_max);
    *ret = call->response;
    call->response = (struct net_response){0};
    return ERR_OK;
}

static enum err_class fake_finish(void *self, const struct ctx *ctx, struct net_call *call,
                                  struct net_response *ret, struct err *err)
{
    struct fake_net *net = self;
    int64_t left = call->due_ms - ctx_mono_ms(ctx);
    enum err_class class;

    if (left > 0)
        ctx_sleep_ms(ctx, left);
    class = ctx_check(ctx, err);
    if (class == ERR_OK)
        class = take_answer(call, ret, err);
    (void)pthread_mutex_lock(&net->lock);
    net->finished++;
    net->in_flight--;
    (void)pthread_mutex_unlock(&net->lock);
    call_free(call);
    return class;
}

static void fake_drop(void *self, struct net_call *call)
{
    struct fake_net *net = self;

    if (!call)
        return;
    (void)pthread_mutex_lock(&net->lock);
    net->dropped++;
    net->in_flight--;
    (void)pthread_mutex_unlock(&net->lock);
    call_free(call);
}

static bool fake_ready(void *self, const struct ctx *ctx, struct net_call *call, int64_t wait_ms)
{
    int64_t left = call->due_ms - ctx_mono_ms(ctx);

    (void)self;
    if (left > 0 && wait_ms > 0)
        ctx_sleep_ms(ctx, left < wait_ms ? left : wait_ms);
    return call->due_ms <= ctx_mono_ms(ctx);
}

static const struct net_ops fake_ops = {fake_start, fake_finish, fake_ready, fake_drop};

void fake_net_init(struct fake_net *net, fake_net_handler *handler, void *arg)
{
    *net = (struct fake_net){.handler = handler, .arg = arg, .seen = STRBUF_INIT(SEEN_BYTES_MAX)};
    (void)pthread_mutex_init(&net->lock, NULL);
}

void fake_net_done(struct fake_net *net)
{
    (void)pthread_mutex_destroy(&net->lock);
    strbuf_done(&net->seen);
}

void fake_net_install(struct fake_net *net, struct ctx *ctx)
{
    ctx->net = &fake_ops;
    ctx->net_self = net;
}
