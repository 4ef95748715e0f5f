/* Tests of budget.c. */
#include "http/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/civil.h"

/* 2026-01-15T10:00:00Z: the top of an hour; and some monotonic time that has nothing to do with it.
 */
#define HOUR_MS INT64_C(1768471200000)
#define MONO_MS INT64_C(5000000)

/* A budget and its two clocks. */
struct world {
    struct http_budget *budget;
    int64_t now_ms, mono_ms;
};

static struct world world(int64_t points_per_hour, int64_t gets_per_second)
{
    struct http_budget_options options = {.points_per_hour = points_per_hour,
                                          .burst_per_second = {[HTTP_GET] = gets_per_second}};
    struct world w = {http_budget_new(&options), HOUR_MS + 30 * MS_PER_MINUTE, MONO_MS};

    assert_non_null(w.budget);
    return w;
}

static void world_done(struct world *w)
{
    http_budget_free(w->budget);
}

static void pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    w->mono_ms += ms;
}

static int64_t take(struct world *w, enum http_method method, int64_t points)
{
    return http_budget_take(w->budget, method, points, w->now_ms, w->mono_ms);
}

/* Learns from an answer with up to three "Name: value" headers; what a retry must wait. */
static int64_t learn(struct world *w, enum http_method method, int status, const char *a,
                     const char *b, const char *c)
{
    const char *lines[] = {a, b, c};
    struct net_response response = {.status = status};
    int64_t wait = -7;

    for (size_t i = 0; i < ARRAY_LEN(lines) && lines[i]; i++) {
        struct str value = {0};
        struct str name = str_cut(str_from(lines[i]), ':', &value);

        net_response_add_header(&response, name, value);
    }
    http_budget_learn(w->budget, method, &response, w->now_ms, w->mono_ms, &wait);
    return wait;
}

static void a_host_that_says_nothing_has_no_limits(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);
    struct http_usage usage;

    (void)state;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(take(&w, HTTP_GET, 100), 0);
    assert_int_equal(learn(&w, HTTP_GET, 200, NULL, NULL, NULL), 0);
    usage = http_budget_usage(w.budget);
    assert_int_equal(usage.requests, 10000);
    assert_int_equal(usage.points, 1000000);
    assert_int_equal(usage.points_left, -1);
    assert_int_equal(usage.points_limit, 0);
    assert_int_equal(usage.quota_reset_ms, 0);
    assert_false(usage.quota_enforced);
    assert_int_equal(usage.throttled, 0);
}

static void a_burst_is_one_second_worth_and_then_the_steady_rate(void **state)
{
    AUTO(world_done) struct world w = world(0, 100);
    int64_t began;

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(&w, HTTP_GET, 0), 0);
    assert_int_equal(take(&w, HTTP_GET, 0), 10);
    assert_int_equal(take(&w, HTTP_GET, 0), 10); /* a refusal costs nothing */
    assert_int_equal(http_budget_usage(w.budget).requests, 100);
    assert_int_equal(take(&w, HTTP_POST, 0), 0); /* another method, another bucket */

    /* Whoever waits as told gets 100 a second, no more and no less. */
    began = w.mono_ms;
    for (int i = 0; i < 1000; i++) {
        int64_t wait = take(&w, HTTP_GET, 0);

        if (wait > 0) {
            pass(&w, wait);
            assert_int_equal(take(&w, HTTP_GET, 0), 0);
        }
    }
    assert_int_equal(w.mono_ms - began, 10000);

    /* After a rest there is one second's worth again, not two. */
    pass(&w, 60000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(&w, HTTP_GET, 0), 0);
    assert_int_equal(take(&w, HTTP_GET, 0), 10);
}

static void no_second_ever_sees_more_than_twice_the_rate(void **state)
{
    enum { RATE = 7, CALLS = 2000 };
    AUTO(world_done) struct world w = world(0, RATE);
    int64_t went[CALLS];
    uint64_t roll = 42;

    (void)state;
    for (int i = 0; i < CALLS; i++) {
        roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        pass(&w, (int64_t)(roll >> 55)); /* 0..511 ms */
        /* At most 2 turns: the wait told is enough. */
        for (int64_t wait; (wait = take(&w, HTTP_GET, 0)) > 0;)
            pass(&w, wait);
        went[i] = w.mono_ms;
        /* A full bucket and a second's refill; the bound of a token bucket. */
        if (i >= 2 * RATE)
            assert_true(went[i] - went[i - 2 * RATE] > 1000 - 1000 / RATE);
    }
}

static void points_of_an_hour_run_out_and_come_back_at_its_top(void **state)
{
    AUTO(world_done) struct world w = world(1000, 0);
    struct http_usage usage;

    (void)state;
    for (int i = 0; i < 9; i++)
        assert_int_equal(take(&w, HTTP_GET, 101), 0);
    assert_int_equal(take(&w, HTTP_GET, 101), 30 * MS_PER_MINUTE); /* 909 + 101 > 1000 */
    assert_int_equal(take(&w, HTTP_GET, 91), 0);                   /* but this fits */
    assert_int_equal(take(&w, HTTP_GET, 1), 30 * MS_PER_MINUTE);
    assert_int_equal(take(&w, HTTP_GET, 0), 0); /* what costs nothing goes */
    usage = http_budget_usage(w.budget);
    assert_int_equal(usage.points, 1000);
    assert_int_equal(usage.points_left, 0);
    assert_int_equal(usage.points_limit, 1000);
    assert_int_equal(usage.quota_reset_ms, HOUR_MS + MS_PER_HOUR);
    assert_true(usage.quota_enforced);

    pass(&w, 30 * MS_PER_MINUTE - 1);
    assert_int_equal(take(&w, HTTP_GET, 1), 1);
    pass(&w, 1);
    assert_int_equal(take(&w, HTTP_GET, 5000), 0); /* more than an hour's worth: the whole hour */
    assert_int_equal(take(&w, HTTP_GET, 1), MS_PER_HOUR);
}

static void retry_after_in_seconds_holds_the_host(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 429, "Retry-After: 7", NULL, NULL), 7000);
    assert_int_equal(take(&w, HTTP_GET, 1), 7000);
    assert_int_equal(take(&w, HTTP_PUT, 1), 7000);
    pass(&w, 6999);
    assert_int_equal(take(&w, HTTP_GET, 1), 1);
    pass(&w, 1);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(http_budget_usage(w.budget).throttled, 1);

    assert_int_equal(learn(&w, HTTP_GET, 503, "Retry-After: 3", NULL, NULL), 3000);
    assert_int_equal(take(&w, HTTP_DELETE, 1), 3000);
    assert_int_equal(http_budget_usage(w.budget).throttled, 2);
}

static void retry_after_as_a_date_is_taken_against_the_clock_of_the_host(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    /* Our clock says 10:30:00; the host's is five minutes ahead. */
    assert_int_equal(learn(&w, HTTP_GET, 429, "Retry-After: Thu, 15 Jan 2026 10:35:09 GMT",
                           "Date: Thu, 15 Jan 2026 10:35:00 GMT", NULL),
                     9000);
    assert_int_equal(
        learn(&w, HTTP_GET, 429, "Retry-After: Thu, 15 Jan 2026 10:30:05 GMT", NULL, NULL), 5000);
    /* The past means now. */
    assert_int_equal(
        learn(&w, HTTP_GET, 429, "Retry-After: Thu, 15 Jan 2026 10:29:00 GMT", NULL, NULL), 0);
}

static void nonsense_is_not_taken_for_a_time(void **state)
{
    static const char *const values[] = {
        "Retry-After: soon",
        "Retry-After: -5",
        "Retry-After:",
        "Retry-After: 5.5",
        "Retry-After: 99999999999999999999999",
        "Retry-After: Thu, 31 Feb 2026 10:35:09 GMT",
        "Retry-After: Thu, 15 Foo 2026 10:35:09 GMT",
        "Retry-After: Thu, 15 Jan 2026 25:35:09 GMT",
        "Retry-After: Thu, 15 Jan 2026 10:35:09 CET",
        "X-RateLimit-Reset: tomorrow",
        "X-RateLimit-Remaining: none",
        "RateLimit: ;;;===,,,\"",
        "RateLimit: \"a;r=0;t=5",
        "RateLimit-Policy: x;q=;w=,y;q=99999999999999999999;w=3600",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        AUTO(world_done) struct world w = world(0, 0);

        assert_int_equal(learn(&w, HTTP_GET, 503, values[i], NULL, NULL), 0);
        assert_int_equal(learn(&w, HTTP_GET, 200, values[i], NULL, NULL), 0);
        if (take(&w, HTTP_GET, 1) != 0)
            fail_msg("%s", values[i]);
    }
}

static void no_wish_of_a_host_is_longer_than_a_day(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 429, "Retry-After: 9223372036854775807", NULL, NULL),
                     MS_PER_DAY);
    assert_int_equal(take(&w, HTTP_GET, 1), MS_PER_DAY);
    assert_int_equal(
        learn(&w, HTTP_GET, 429, "X-RateLimit-Reset: 9999-12-31T23:59:59Z", NULL, NULL),
        MS_PER_DAY);
}

static void a_complaint_of_bursts_slows_its_method_only(void **state)
{
    AUTO(world_done) struct world w = world(0, 100);

    (void)state;
    assert_int_equal(
        learn(&w, HTTP_GET, 429, "RateLimit-Reason: jira-burst-based", "Retry-After: 2", NULL),
        2000);
    /* Answers of the same burst come late and are no new complaint. */
    pass(&w, 500);
    assert_int_equal(
        learn(&w, HTTP_GET, 429, "RateLimit-Reason: jira-burst-based", "Retry-After: 2", NULL),
        2000);
    assert_int_equal(take(&w, HTTP_POST, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 2000);
    pass(&w, 2000);
    /* Half the rate, one at a time. */
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 20);
    pass(&w, 20);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    /* A second complaint halves again. */
    assert_int_equal(learn(&w, HTTP_GET, 429, "RateLimit-Reason: jira-burst-based", NULL, NULL), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 1000);
    pass(&w, 1000);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 40);
    /* Each half minute of peace doubles. */
    pass(&w, 29000);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 20);
    pass(&w, 30000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 10);
}

static void a_method_without_a_rate_gets_one_while_it_is_slowed(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(learn(&w, HTTP_PUT, 429, "RateLimit-Reason: jira-burst-based", NULL, NULL),
                         0);
        pass(&w, 1000);
    }
    assert_int_equal(take(&w, HTTP_PUT, 1), 0);
    assert_int_equal(take(&w, HTTP_PUT, 1), 1600); /* never slower than a sixteenth of 10/s */
    pass(&w, 4 * 30000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(take(&w, HTTP_PUT, 1), 0);
}

static void a_complaint_of_one_issue_holds_nobody_else(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    assert_int_equal(learn(&w, HTTP_POST, 429, "RateLimit-Reason: jira-per-issue-on-write",
                           "Retry-After: 30", NULL),
                     30000);
    assert_int_equal(take(&w, HTTP_POST, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
}

static void a_used_up_quota_stops_all_calls_to_its_reset(void **state)
{
    static const struct {
        const char *reason, *a, *b;
        int64_t wait_ms;
    } cases[] = {
        {"RateLimit-Reason: jira-quota-global-based", "Retry-After: 1200", NULL, 1200000},
        {"RateLimit-Reason: jira-quota-tenant-based", "X-RateLimit-Reset: 2026-01-15T11:00Z", NULL,
         30 * MS_PER_MINUTE},
        {"RateLimit-Reason: jira-quota-tenant-based", "RateLimit: \"global-app-quota\";r=0;t=600",
         NULL, 600000},
        /* Nothing said: the top of the hour. */
        {"RateLimit-Reason: jira-quota-global-based", NULL, NULL, 30 * MS_PER_MINUTE},
        {"RateLimit-Reason: jira-quota-global-based", "Retry-After: 0", NULL, 30 * MS_PER_MINUTE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(world_done) struct world w = world(0, 0);

        assert_int_equal(learn(&w, HTTP_GET, 429, cases[i].reason, cases[i].a, cases[i].b),
                         cases[i].wait_ms);
        assert_int_equal(take(&w, HTTP_GET, 1), cases[i].wait_ms);
        assert_int_equal(take(&w, HTTP_PUT, 0), cases[i].wait_ms);
        assert_int_equal(http_budget_usage(w.budget).quota_reset_ms, w.now_ms + cases[i].wait_ms);
        assert_int_equal(http_budget_usage(w.budget).points_left, 0);
        assert_true(http_budget_usage(w.budget).quota_enforced);
        pass(&w, cases[i].wait_ms);
        assert_int_equal(take(&w, HTTP_GET, 1000000), 0);
    }
}

static void a_gateway_without_retry_after_is_asked_again_at_its_reset(void **state)
{
    static const struct {
        const char *reset;
        int64_t wait_ms;
    } cases[] = {
        {"X-RateLimit-Reset: 2026-01-15T10:30:42Z", 42000},
        {"X-RateLimit-Reset: 2026-01-15T10:31Z", 60000},
        {"X-RateLimit-Reset: 2026-01-15T12:31+0200", 60000},
        {"X-RateLimit-Reset: 2026-01-15T10:30:00.250Z", 250},
        {"X-RateLimit-Reset: 1768473042", 42000},
        {"X-RateLimit-Reset: 17", 17000},
        {"X-RateLimit-Reset: 2026-01-15T10:00Z", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(world_done) struct world w = world(0, 0);

        assert_int_equal(learn(&w, HTTP_GET, 429, cases[i].reset, NULL, NULL), cases[i].wait_ms);
        assert_int_equal(take(&w, HTTP_GET, 1), cases[i].wait_ms);
    }
}

static void what_is_left_is_shown_and_kept_to(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);
    struct http_usage usage;

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 200,
                           "RateLimit-Policy: \"global-app-quota\";q=65000;w=3600",
                           "RateLimit: \"global-app-quota\";r=300;t=1500", NULL),
                     0);
    usage = http_budget_usage(w.budget);
    assert_int_equal(usage.points_limit, 65000);
    assert_int_equal(usage.points_left, 300);
    assert_int_equal(usage.quota_reset_ms, w.now_ms + 1500000);
    assert_true(usage.quota_enforced);
    assert_int_equal(take(&w, HTTP_GET, 200), 0);
    assert_int_equal(take(&w, HTTP_GET, 200), 1500000);
    /* An older answer that comes late does not give points back. */
    assert_int_equal(
        learn(&w, HTTP_GET, 200, "RateLimit: \"global-app-quota\";r=300;t=1500", NULL, NULL), 0);
    assert_int_equal(take(&w, HTTP_GET, 200), 1500000);
    pass(&w, 1500000);
    assert_int_equal(take(&w, HTTP_GET, 200), 0);
    assert_int_equal(http_budget_usage(w.budget).points_left, 64800);
}

static void beta_limits_are_shown_and_not_kept_to(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);
    struct http_usage usage;

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 200,
                           "Beta-RateLimit-Policy: \"global-app-quota\";q=65000;w=3600",
                           "Beta-RateLimit: \"global-app-quota\";r=0;t=1500", NULL),
                     0);
    usage = http_budget_usage(w.budget);
    assert_int_equal(usage.points_limit, 65000);
    assert_int_equal(usage.points_left, 0);
    assert_int_equal(usage.quota_reset_ms, w.now_ms + 1500000);
    assert_false(usage.quota_enforced);
    assert_int_equal(take(&w, HTTP_GET, 100), 0);
}

static void a_policy_alone_is_shown_and_stops_nobody(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    assert_int_equal(take(&w, HTTP_GET, 900), 0);
    assert_int_equal(learn(&w, HTTP_GET, 200,
                           "RateLimit-Policy: \"global-app-quota\";q=1000;w=3600", NULL, NULL),
                     0);
    assert_int_equal(http_budget_usage(w.budget).points_limit, 1000);
    assert_int_equal(http_budget_usage(w.budget).points_left, 100);
    assert_int_equal(take(&w, HTTP_GET, 900), 0);
}

static void of_several_policies_the_tightest_counts_in_any_order(void **state)
{
    static const char *const orders[][2] = {
        {"RateLimit-Policy: \"tenant, a\";q=100000;w=3600 , \"global\" ; q=65000 ; w=3600, "
         "burst;q=100;w=1",
         "RateLimit: burst;r=50;t=1, \"global\";r=20;t=60, \"tenant, a\";r=700;t=90"},
        {"RateLimit: \"tenant, a\";r=700;t=90,\"global\";t=60;r=20,burst;r=50;t=1",
         "RateLimit-Policy: burst;w=1;q=100,\"global\";w=3600;q=65000,\"tenant, "
         "a\";q=100000;w=3600"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        AUTO(world_done) struct world w = world(0, 0);
        struct http_usage usage;

        assert_int_equal(learn(&w, HTTP_GET, 200, orders[i][0], orders[i][1], NULL), 0);
        usage = http_budget_usage(w.budget);
        assert_int_equal(usage.points_limit, 65000);
        assert_int_equal(usage.points_left, 20);
        assert_int_equal(usage.quota_reset_ms, w.now_ms + 60000);
        assert_int_equal(take(&w, HTTP_GET, 21), 60000);
        assert_int_equal(take(&w, HTTP_GET, 20), 0);
    }
}

static void of_several_policies_the_least_is_shown_when_none_tells_what_is_left(void **state)
{
    static const char *const orders[] = {
        "RateLimit-Policy: a;q=100000;w=3600,b;q=65000;w=3600,c;q=90000;w=3600",
        "RateLimit-Policy: b;q=65000;w=3600,a;q=100000;w=3600,c;w=3600",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        AUTO(world_done) struct world w = world(0, 0);

        assert_int_equal(learn(&w, HTTP_GET, 200, orders[i], NULL, NULL), 0);
        assert_int_equal(http_budget_usage(w.budget).points_limit, 65000);
    }
}

static void a_policy_of_seconds_holds_its_method(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 200, "RateLimit-Policy: burst;q=100;w=10",
                           "RateLimit: burst;r=0;t=4", NULL),
                     0);
    assert_int_equal(take(&w, HTTP_GET, 1), 4000);
    assert_int_equal(take(&w, HTTP_POST, 1), 0);
    assert_int_equal(http_budget_usage(w.budget).points_left, -1);
}

static void an_own_smaller_quota_stays_whatever_the_host_says(void **state)
{
    AUTO(world_done) struct world w = world(100, 0);

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 200, "RateLimit-Policy: \"global\";q=65000;w=3600",
                           "Beta-RateLimit: \"global\";r=0;t=7", NULL),
                     0);
    assert_int_equal(http_budget_usage(w.budget).points_limit, 100);
    assert_int_equal(take(&w, HTTP_GET, 100), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 30 * MS_PER_MINUTE);
}

static void nothing_remaining_holds_the_method_and_near_spreads_its_calls(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    assert_int_equal(learn(&w, HTTP_GET, 200, "X-RateLimit-Remaining: 0",
                           "X-RateLimit-Reset: 2026-01-15T10:30:05Z", NULL),
                     0);
    assert_int_equal(take(&w, HTTP_GET, 1), 5000);
    assert_int_equal(take(&w, HTTP_POST, 1), 0);
    pass(&w, 5000);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);

    /* 20 left for 4 seconds. */
    assert_int_equal(learn(&w, HTTP_GET, 200, "X-RateLimit-Remaining: 20",
                           "X-RateLimit-Reset: 2026-01-15T10:30:09Z",
                           "X-RateLimit-NearLimit: true"),
                     0);
    assert_int_equal(take(&w, HTTP_GET, 1), 200);
    pass(&w, 200);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 200);
    pass(&w, 3800);
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(&w, HTTP_GET, 1), 0);

    /* Not near: no care is needed. */
    assert_int_equal(learn(&w, HTTP_GET, 200, "X-RateLimit-Remaining: 20",
                           "X-RateLimit-Reset: 2026-01-15T10:31Z", "X-RateLimit-NearLimit: false"),
                     0);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
    assert_int_equal(take(&w, HTTP_GET, 1), 0);
}

static void waits_and_retries_are_counted(void **state)
{
    AUTO(world_done) struct world w = world(0, 0);

    (void)state;
    http_budget_count_wait(w.budget, 100);
    http_budget_count_wait(w.budget, 23);
    http_budget_count_retry(w.budget);
    assert_int_equal(http_budget_usage(w.budget).waited_ms, 123);
    assert_int_equal(http_budget_usage(w.budget).retries, 1);
}

struct racer {
    struct http_budget *budget;
    int64_t went;
};

static void *race(void *arg)
{
    struct racer *racer = arg;

    for (int i = 0; i < 5000; i++)
        if (http_budget_take(racer->budget, HTTP_GET, 1, HOUR_MS, MONO_MS) == 0)
            racer->went++;
    return NULL;
}

static void threads_that_share_a_budget_do_not_overdraw_it(void **state)
{
    AUTO(world_done) struct world w = world(7777, 0);
    struct racer racers[4];
    pthread_t threads[4];
    int64_t went = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        racers[i] = (struct racer){w.budget, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        went += racers[i].went;
    }
    assert_int_equal(went, 7777);
    assert_int_equal(http_budget_usage(w.budget).requests, 7777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_that_says_nothing_has_no_limits),
        cmocka_unit_test(a_burst_is_one_second_worth_and_then_the_steady_rate),
        cmocka_unit_test(no_second_ever_sees_more_than_twice_the_rate),
        cmocka_unit_test(points_of_an_hour_run_out_and_come_back_at_its_top),
        cmocka_unit_test(retry_after_in_seconds_holds_the_host),
        cmocka_unit_test(retry_after_as_a_date_is_taken_against_the_clock_of_the_host),
        cmocka_unit_test(nonsense_is_not_taken_for_a_time),
        cmocka_unit_test(no_wish_of_a_host_is_longer_than_a_day),
        cmocka_unit_test(a_complaint_of_bursts_slows_its_method_only),
        cmocka_unit_test(a_method_without_a_rate_gets_one_while_it_is_slowed),
        cmocka_unit_test(a_complaint_of_one_issue_holds_nobody_else),
        cmocka_unit_test(a_used_up_quota_stops_all_calls_to_its_reset),
        cmocka_unit_test(a_gateway_without_retry_after_is_asked_again_at_its_reset),
        cmocka_unit_test(what_is_left_is_shown_and_kept_to),
        cmocka_unit_test(beta_limits_are_shown_and_not_kept_to),
        cmocka_unit_test(a_policy_alone_is_shown_and_stops_nobody),
        cmocka_unit_test(of_several_policies_the_tightest_counts_in_any_order),
        cmocka_unit_test(of_several_policies_the_least_is_shown_when_none_tells_what_is_left),
        cmocka_unit_test(a_policy_of_seconds_holds_its_method),
        cmocka_unit_test(an_own_smaller_quota_stays_whatever_the_host_says),
        cmocka_unit_test(nothing_remaining_holds_the_method_and_near_spreads_its_calls),
        cmocka_unit_test(waits_and_retries_are_counted),
        cmocka_unit_test(threads_that_share_a_budget_do_not_overdraw_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
