/*
 * client.c: the retrying client over answers that a script makes up.
 *
 * The first line is the call: a method's number, 'i' if it may be repeated, 'n' if it has no
 * credential. Then one answer a block, "=S D" (status S, ms D) or "!C" (the exchange fails with the
 * error class number C), its header lines, an empty line, its body; the last answer is given again
 * and again. Holds: no more tries than allowed, and what may not be repeated is repeated only after
 * 429 and 503; waits are bounded; every exchange is ended; no message shows the query, the
 * credential or a byte of a body; ERR_OK means 2xx and no HTML.
 */
#include "../lib/fake_ctx.h"
#include "../lib/fake_net.h"
#include "base/limits.h"
#include "fuzz.h"
#include "http/client.h"

#define ANSWERS_MAX 8
#define HEADERS_MAX 16

/* Planted where no message may show it. */
#define CREDENTIAL "Basic c2VjcmV0"
#define QUERY "token=hidden"
#define CANARY "CANARY"

struct step {
    int64_t status, delay_ms;
    enum err_class error;
    char *headers[HEADERS_MAX]; /* owned */
    struct str body;
};

struct world {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct http_client client;
    struct step steps[ANSWERS_MAX];
    size_t step_count;
    unsigned tries;
    bool idempotent, with_body;
    bool sure; /* so far every answer said that the call was not executed */
};

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct world *w = arg;
    size_t at = w->tries < w->step_count ? w->tries : w->step_count - 1;
    const struct step *step = &w->steps[at];

    FUZZ_CHECK(strcmp(path, "/jira/rest/api/3/x?" QUERY) == 0);
    FUZZ_CHECK(w->tries == 0 || w->idempotent || w->sure);
    FUZZ_CHECK(request->once == !w->idempotent);
    FUZZ_CHECK(str_eq(request->body, w->with_body ? STR("{\"a\":1}") : STR("")));
    w->tries++;
    w->sure = step->error == ERR_OK && (step->status == 429 || step->status == 503);
    ret->status = (int)step->status;
    ret->delay_ms = step->delay_ms;
    ret->error = step->error;
    ret->error_msg = "the fake connection broke";
    for (size_t i = 0; i < HEADERS_MAX; i++)
        ret->headers[i] = step->headers[i];
    strbuf_add_str(&ret->body, step->body);
    if (step->status >= 300)
        strbuf_add_z(&ret->body, CANARY);
}

/* The errors that net_ops.finish may have. */
static enum err_class net_error(int64_t number)
{
    static const enum err_class classes[] = {ERR_NETWORK, ERR_REMOTE, ERR_LIMIT, ERR_INPUT,
                                             ERR_CANCELLED};

    return classes[(uint64_t)number % ARRAY_LEN(classes)];
}

/* The host of a redirect is shown, and may not be what no message may show. */
static bool names_a_plant(struct str line)
{
    static const struct str plants[] = {STR("hidden"), STR("c2VjcmV0"), STR(CANARY)};

    for (size_t i = 0; i < ARRAY_LEN(plants); i++)
        if (memmem(line.ptr, line.len, plants[i].ptr, plants[i].len))
            return true;
    return false;
}

static struct step take_step(struct str *input)
{
    struct str head = fuzz_line(input), rest = {NULL, 0}, line;
    struct step step = {.status = 200};
    size_t headers = 0, end = 0;
    int64_t number = 0;

    if (head.len > 0 && head.ptr[0] == '!') {
        step.error = ERR_NETWORK;
        if (parse_i64(str_sub(head, 1, head.len), 0, INT64_MAX, &number))
            step.error = net_error(number);
    } else {
        line = str_cut(str_sub(head, 1, head.len), ' ', &rest);
        if (!parse_i64(line, 100, 999, &step.status))
            step.status = 200;
        if (!parse_i64(rest, 0, 1000000, &step.delay_ms))
            step.delay_ms = 0;
    }
    while ((line = fuzz_line(input)).len > 0)
        if (headers < HEADERS_MAX && !names_a_plant(line))
            step.headers[headers++] = fuzz_exact_z(line);
    /* The body ends where the next block begins. */
    while (end < input->len && !(end > 0 && input->ptr[end - 1] == '\n' &&
                                 (input->ptr[end] == '=' || input->ptr[end] == '!')))
        end++;
    step.body = str_sub(*input, 0, end);
    *input = str_sub(*input, end, input->len);
    return step;
}

static bool is_html(struct str body)
{
    if (str_starts(body, STR("\xef\xbb\xbf")))
        body = str_sub(body, 3, body.len);
    return str_starts(str_trim(body), STR("<"));
}

static void check_success(const struct net_response *response, int status)
{
    struct str body = strbuf_str(&response->body);

    FUZZ_CHECK(status >= 200 && status <= 299 && response->status == status);
    FUZZ_CHECK(!is_html(body));
    for (size_t i = 0; body.ptr && i < NET_BODY_PADDING; i++)
        FUZZ_CHECK(body.ptr[body.len + i] == '\0');
}

static void check_failure(const struct world *w, const struct err *err, enum err_class class,
                          int status)
{
    fuzz_check_error(err, class);
    FUZZ_CHECK(!strstr(err->msg, "hidden") && !strstr(err->msg, "c2VjcmV0"));
    FUZZ_CHECK(!strstr(err->msg, CANARY));
    if (class == ERR_DENIED)
        FUZZ_CHECK(status == 401 || status == 403);
    if (class == ERR_FORBIDDEN)
        FUZZ_CHECK(status == 403);
    if (class == ERR_NOT_FOUND)
        FUZZ_CHECK(status == 404 || status == 410);
    FUZZ_CHECK(class != ERR_USAGE && class != ERR_CONFLICT && class != ERR_KEY);
    FUZZ_CHECK(w->tries >= 1 || class == ERR_BUSY);
}

static void run(struct world *w, enum http_method method)
{
    AUTO(net_response_done) struct net_response response = {0};
    const struct http_request request = {.method = method,
                                         .path = "/rest/api/3/x?" QUERY,
                                         .body = w->with_body ? STR("{\"a\":1}") : STR(""),
                                         .idempotent = w->idempotent,
                                         .points = 3};
    struct err err = {0};
    int status = -77;
    enum err_class class = http_do(&w->client, &request, &response, &status, &err);

    if (class == ERR_OK)
        check_success(&response, status);
    else
        check_failure(w, &err, class, status);
    FUZZ_CHECK(w->tries <= LIMIT_HTTP_TRIES);
    FUZZ_CHECK(w->net.in_flight == 0 && w->net.started == w->net.finished);
    /* Each wait for the budget or a retry, and each delay of an answer, is bounded. */
    FUZZ_CHECK(w->fake.slept_ms <=
               (int64_t)w->tries * (2 * HTTP_WAIT_MAX_MS + 1000000) + HTTP_WAIT_MAX_MS);

    struct http_usage usage = http_budget_usage(w->budget);

    FUZZ_CHECK(usage.requests >= w->tries && usage.requests <= w->tries + 1);
    FUZZ_CHECK(usage.retries == (w->tries > 0 ? w->tries - 1 : 0));
    FUZZ_CHECK(usage.waited_ms >= 0 && usage.waited_ms <= w->fake.slept_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_budget_options options = {.burst_per_second = {100, 100, 50, 50}};
    struct str input = fuzz_str(data, size);
    struct str call = fuzz_line(&input);
    enum http_method method =
        (enum http_method)((call.len > 0 ? (unsigned char)call.ptr[0] : 0u) % HTTP_METHOD_COUNT);
    struct world w = {.with_body = method == HTTP_POST || method == HTTP_PUT};
    size_t at = 0;

    w.idempotent = str_find(call, 'i', &at);
    while (w.step_count == 0 || (input.len > 0 && w.step_count < ANSWERS_MAX))
        w.steps[w.step_count++] = take_step(&input);
    fake_ctx_init(&w.fake, size);
    fake_net_init(&w.net, answer, &w);
    fake_net_install(&w.net, &w.fake.ctx);
    w.budget = http_budget_new(&options);
    FUZZ_CHECK(w.budget);
    w.client = (struct http_client){.ctx = &w.fake.ctx,
                                    .budget = w.budget,
                                    .base_url = "https://acme.example/jira",
                                    .authorization = str_find(call, 'n', &at) ? NULL : CREDENTIAL};
    run(&w, method);
    http_budget_free(w.budget);
    fake_net_done(&w.net);
    fake_ctx_done(&w.fake);
    for (size_t i = 0; i < w.step_count; i++)
        for (size_t h = 0; h < HEADERS_MAX; h++)
            free(w.steps[i].headers[h]);
    return 0;
}
