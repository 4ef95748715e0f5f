/*
 * budget.c: rate-limit headers of a host that means well, badly, or nothing.
 *
 * The input is lines. "S M" is an answer of status S to the method number M; the lines behind it
 * are its headers, up to the next such line. "+N" lets N ms pass on both clocks, "~N" sets the wall
 * clock N ms on or back, as an administrator does. After each answer a call of each method is
 * tried. Holds: no wait is negative or longer than a day and the rest of an hour; who waits as told
 * may go then; counts do not go below zero; nothing that a header says is kept longer than a day.
 */
#include "base/civil.h"
#include "fuzz.h"
#include "http/budget.h"

#define NOW_MS INT64_C(1768471200000) /* 2026-01-15T10:00:00Z */
#define MONO_MS INT64_C(5000000)
#define HOLD_MAX_MS MS_PER_DAY
#define ANSWERS_MAX 64 /* of one input, so that it ends soon */

struct world {
    struct http_budget *budget;
    int64_t now_ms, mono_ms;
    int64_t latest_ms; /* the latest wall time that was ever on the clock */
};

static void pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    w->mono_ms += ms;
    w->latest_ms = w->now_ms > w->latest_ms ? w->now_ms : w->latest_ms;
}

static void check_usage(const struct world *w)
{
    struct http_usage usage = http_budget_usage(w->budget);

    FUZZ_CHECK(usage.requests >= 0 && usage.points >= 0 && usage.throttled >= 0);
    FUZZ_CHECK(usage.points_limit >= 0 && usage.points_left >= -1);
    FUZZ_CHECK(usage.quota_reset_ms >= 0);
    FUZZ_CHECK(usage.quota_reset_ms <= w->latest_ms + HOLD_MAX_MS + MS_PER_HOUR);
}

static void take(struct world *w, enum http_method method, int64_t points)
{
    int64_t before = http_budget_usage(w->budget).requests;
    int64_t wait = http_budget_take(w->budget, method, points, w->now_ms, w->mono_ms);
    int64_t back_ms = w->latest_ms - w->now_ms; /* how far the clock was set back */

    FUZZ_CHECK(wait >= 0 && wait <= HOLD_MAX_MS + MS_PER_HOUR + back_ms);
    if (wait > 0) {
        FUZZ_CHECK(http_budget_usage(w->budget).requests == before);
        pass(w, wait);
        FUZZ_CHECK(http_budget_take(w->budget, method, points, w->now_ms, w->mono_ms) == 0);
    }
    FUZZ_CHECK(http_budget_usage(w->budget).requests == before + 1);
    check_usage(w);
}

static void check_headers(const struct net_response *response)
{
    FUZZ_CHECK(response->header_count <= NET_HEADERS_KEPT);
    for (size_t i = 0; i < response->header_count; i++) {
        const char *name = response->headers[i].name, *value = response->headers[i].value;

        FUZZ_CHECK(memchr(name, '\0', sizeof(response->headers[i].name)));
        FUZZ_CHECK(memchr(value, '\0', sizeof(response->headers[i].value)));
        for (; *name; name++)
            FUZZ_CHECK(!(*name >= 'A' && *name <= 'Z'));
        for (; *value; value++)
            FUZZ_CHECK(*value >= ' ' && *value <= '~');
    }
}

static void learn(struct world *w, enum http_method method, const struct net_response *response)
{
    int64_t wait = -77;

    check_headers(response);
    http_budget_learn(w->budget, method, response, w->now_ms, w->mono_ms, &wait);
    FUZZ_CHECK(wait >= 0 && wait <= HOLD_MAX_MS);
    FUZZ_CHECK(wait == 0 || response->status == 429 || response->status == 503);
    check_usage(w);
    for (enum http_method m = HTTP_GET; m <= HTTP_DELETE; m++)
        take(w, m, (int64_t)m * 1000);
}

/* "429 0": false when the line is no such thing. */
static bool parse_answer(struct str line, int *ret_status, enum http_method *ret_method)
{
    struct str rest = {NULL, 0};
    int64_t status = 0, method = 0;

    if (!parse_i64(str_cut(line, ' ', &rest), 100, 999, &status) ||
        !parse_i64(rest, 0, HTTP_METHOD_COUNT - 1, &method))
        return false;
    *ret_status = (int)status;
    *ret_method = (enum http_method)method;
    return true;
}

static void play(struct world *w, struct str script)
{
    struct net_response response = {.status = 200};
    enum http_method method = HTTP_GET, next_method = HTTP_GET;
    int64_t ms = 0;
    int status = 0;
    size_t answers = 0;

    while (script.len > 0 && answers < ANSWERS_MAX) {
        struct str line = fuzz_line(&script), value = {NULL, 0};

        if (parse_answer(line, &status, &next_method)) {
            learn(w, method, &response);
            answers++;
            response = (struct net_response){.status = status};
            method = next_method;
        } else if (line.len > 1 && line.ptr[0] == '+' &&
                   parse_i64(str_sub(line, 1, 19), 0, 100 * MS_PER_DAY, &ms)) {
            pass(w, ms);
        } else if (line.len > 1 && line.ptr[0] == '~' &&
                   parse_i64(str_sub(line, 1, 20), -100 * MS_PER_DAY, 100 * MS_PER_DAY, &ms)) {
            w->now_ms += ms;
            w->latest_ms = w->now_ms > w->latest_ms ? w->now_ms : w->latest_ms;
        } else {
            struct str name = str_cut(line, ':', &value);

            net_response_add_header(&response, name, value);
        }
    }
    learn(w, method, &response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_budget_options options[] = {
        {0},
        {.burst_per_second = {100, 100, 50, 50}},
        {.points_per_hour = 65000, .burst_per_second = {1, 1, 1, 1}},
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        struct world w = {http_budget_new(&options[i]), NOW_MS, MONO_MS, NOW_MS};

        FUZZ_CHECK(w.budget);
        play(&w, fuzz_str(data, size));
        http_budget_free(w.budget);
    }
    return 0;
}
