/*
 * budget.c: how fast a host may be called.
 *
 * Three independent limits, as Jira has them (facts, section 6), each with its own answer to a 429:
 *   burst      requests a second, per method: a token bucket of one second's worth, kept as the one
 *              time at which the bucket would be full again (GCRA: nothing to refill). A 429 for it
 *              holds the method for as long as the host says and halves its rate; half a minute
 *              without another doubles it again.
 *   per issue  writes on one issue: only the call itself waits.
 *   quota      points an hour: all calls wait for the reset, which is the top of the UTC hour
 * unless the host names another time. A 429 of any other kind, and 503 with Retry-After, hold the
 * whole host: it asks for rest and we cannot tell for what. What comes with the prefix "Beta-" is
 * not enforced yet: shown, not obeyed. One budget stands for one host; if many tenants share an
 * app's quota they share the budget.
 *
 * Threads: one mutex around everything; nothing under it allocates or blocks.
 */
#include "http/budget.h"

#include <assert.h>
#include <pthread.h>

#include "base/civil.h"

#define US_PER_SECOND INT64_C(1000000)
/* No wish of a remote holds us longer at one time. */
#define HOLD_MAX_MS MS_PER_DAY
/* A rate for a method that has none, once the host complains of bursts. */
#define SLOWED_PER_SECOND 10
#define SLOW_LEVEL_MAX 4 /* a sixteenth of the rate */
#define SLOW_LEVEL_MS (30 * MS_PER_SECOND)
/* A policy with a shorter window is a burst, with a longer one a quota. */
#define QUOTA_WINDOW_LEAST_S 600
/* Between two calls of a method whose limit is near. */
#define NEAR_GAP_MAX_MS MS_PER_SECOND
#define POLICIES_MAX 8 /* of one header line */

struct pace {
    int64_t per_second;  /* 0: no limit known */
    int64_t full_us;     /* mono: when the bucket would be full again, if nothing were taken */
    int64_t held_ms;     /* mono: not before; 0 free */
    int64_t gap_ms;      /* while the limit is near: least distance of two calls; 0 none */
    int64_t gap_till_ms; /* mono */
    int64_t last_ms;     /* mono: the latest call that went, or 0 */
    unsigned slow;       /* the rate is divided by 2^slow; 0..SLOW_LEVEL_MAX */
    int64_t slow_ms;     /* mono: when `slow` last changed */
};

struct quota {
    int64_t own_limit; /* points an hour from the options; 0 none */
    int64_t limit;     /* that, or what the host says; 0 unknown */
    int64_t left;      /* -1 unknown */
    int64_t used;      /* by us, since the last reset */
    int64_t reset_ms;  /* wall; 0 unknown */
    bool enforced;
};

struct http_budget {
    pthread_mutex_t lock;
    struct pace pace[HTTP_METHOD_COUNT];
    struct quota quota;
    int64_t host_held_ms; /* mono: no call of any method before; 0 free */
    struct http_usage usage;
};

struct http_budget *http_budget_new(const struct http_budget_options *options)
{
    struct http_budget *budget = calloc(1, sizeof(*budget));

    if (!budget)
        return NULL;
    assert(options->points_per_hour >= 0);
    (void)pthread_mutex_init(&budget->lock, NULL); /* cannot fail with default attributes */
    for (size_t i = 0; i < HTTP_METHOD_COUNT; i++) {
        assert(options->burst_per_second[i] >= 0);
        budget->pace[i].per_second = options->burst_per_second[i];
        budget->pace[i].full_us = INT64_MIN;
        budget->pace[i].last_ms = INT64_MIN;
    }
    budget->quota.own_limit = options->points_per_hour;
    budget->quota.limit = options->points_per_hour;
    budget->quota.left = options->points_per_hour > 0 ? options->points_per_hour : -1;
    budget->quota.enforced = options->points_per_hour > 0;
    return budget;
}

void http_budget_free(struct http_budget *budget)
{
    if (!budget)
        return;
    (void)pthread_mutex_destroy(&budget->lock);
    free(budget);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_hour_ms(int64_t now_ms)
{
    return (now_ms / MS_PER_HOUR + 1) * MS_PER_HOUR;
}

/* A new hour: the count starts anew. */
static void quota_roll(struct quota *quota, int64_t now_ms)
{
    if (quota->reset_ms == 0)
        quota->reset_ms = next_hour_ms(now_ms);
    if (now_ms < quota->reset_ms)
        return;
    quota->reset_ms = next_hour_ms(now_ms);
    quota->used = 0;
    quota->left = quota->limit > 0 ? quota->limit : -1;
}

static int64_t quota_wait_ms(const struct quota *quota, int64_t points, int64_t now_ms)
{
    /* A request that costs more than a whole hour's points may have the whole hour. */
    int64_t cost = quota->limit > 0 ? smaller(points, quota->limit) : points;

    if (!quota->enforced || quota->left < 0 || cost <= quota->left)
        return 0;
    return larger(quota->reset_ms - now_ms, 1);
}

/* Half a minute without a complaint undoes one halving. */
static void slow_roll(struct pace *pace, int64_t mono_ms)
{
    /* At most SLOW_LEVEL_MAX turns. */
    while (pace->slow > 0 && mono_ms - pace->slow_ms >= SLOW_LEVEL_MS) {
        pace->slow--;
        pace->slow_ms += SLOW_LEVEL_MS;
    }
}

/* Between two requests at the present rate, µs; 0: no limit. */
static int64_t interval_us(const struct pace *pace)
{
    int64_t rate = pace->per_second;

    if (pace->slow > 0 && rate == 0)
        rate = SLOWED_PER_SECOND;
    if (rate == 0 || rate > US_PER_SECOND)
        return 0;
    return (US_PER_SECOND / rate) << pace->slow;
}

static int64_t bucket_wait_ms(const struct pace *pace, int64_t interval, int64_t mono_ms)
{
    /* When slowed the bucket holds one token: the host has said that bursts are what it minds. */
    int64_t depth_us = pace->slow > 0 ? 0 : US_PER_SECOND - interval;
    int64_t now_us = mono_ms * 1000;

    if (interval == 0 || pace->full_us <= now_us + depth_us)
        return 0;
    return (pace->full_us - depth_us - now_us + 999) / 1000;
}

static int64_t gap_wait_ms(const struct pace *pace, int64_t mono_ms)
{
    if (pace->gap_ms == 0 || mono_ms >= pace->gap_till_ms || pace->last_ms == INT64_MIN)
        return 0;
    return larger(pace->last_ms + pace->gap_ms - mono_ms, 0);
}

static int64_t held_wait_ms(int64_t held_ms, int64_t mono_ms)
{
    return held_ms == 0 ? 0 : larger(held_ms - mono_ms, 0);
}

int64_t http_budget_take(struct http_budget *budget, enum http_method method, int64_t points,
                         int64_t now_ms, int64_t mono_ms)
{
    assert((unsigned)method < HTTP_METHOD_COUNT);
    assert(points >= 0);
    (void)pthread_mutex_lock(&budget->lock);

    struct pace *pace = &budget->pace[method];
    struct quota *quota = &budget->quota;

    quota_roll(quota, now_ms);
    slow_roll(pace, mono_ms);

    int64_t interval = interval_us(pace);
    int64_t wait = held_wait_ms(budget->host_held_ms, mono_ms);

    wait = larger(wait, held_wait_ms(pace->held_ms, mono_ms));
    wait = larger(wait, gap_wait_ms(pace, mono_ms));
    wait = larger(wait, bucket_wait_ms(pace, interval, mono_ms));
    wait = larger(wait, quota_wait_ms(quota, points, now_ms));
    if (wait == 0) {
        pace->full_us = larger(pace->full_us, mono_ms * 1000) + interval;
        pace->last_ms = mono_ms;
        quota->used += points;
        if (quota->left >= 0)
            quota->left = larger(quota->left - points, 0);
        budget->usage.requests++;
        budget->usage.points += points;
    }
    (void)pthread_mutex_unlock(&budget->lock);
    return wait;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7); the two obsolete forms are not taken. */
static bool parse_http_date(struct str text, int64_t *ret_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint32_t day = 0, year = 0, hour = 0, minute = 0, second = 0;
    struct civil_date date = {0};

    if (text.len != 29 || !str_ends(text, STR(" GMT")) || text.ptr[3] != ',' ||
        text.ptr[19] != ':' || text.ptr[22] != ':')
        return false;
    for (int32_t i = 0; i < 12; i++)
        if (memcmp(months + 3 * i, text.ptr + 8, 3) == 0)
            date.month = i + 1;
    if (!parse_u32(str_sub(text, 5, 2), 1, 31, &day) ||
        !parse_u32(str_sub(text, 12, 4), 1970, CIVIL_YEAR_MAX, &year) ||
        !parse_u32(str_sub(text, 17, 2), 0, 23, &hour) ||
        !parse_u32(str_sub(text, 20, 2), 0, 59, &minute) ||
        !parse_u32(str_sub(text, 23, 2), 0, 60, &second))
        return false;
    date.year = (int32_t)year;
    date.day = (int32_t)day;
    if (!civil_is_valid(date))
        return false;
    *ret_ms = civil_days(date) * MS_PER_DAY + hour * MS_PER_HOUR + minute * MS_PER_MINUTE +
              second * MS_PER_SECOND;
    return true;
}

/* What the headers of one answer say, in our terms. Times are ms from now; -1: not said. */
struct advice {
    int64_t retry_after_ms;
    int64_t x_reset_ms;
    int64_t x_remaining;
    bool x_near;
    struct str reason; /* empty: none */
    struct {
        int64_t left;      /* points; -1: not said */
        int64_t reset_ms;  /* -1: not said */
        int64_t limit;     /* -1: not said */
    } quota[2];            /* 0: enforced, 1: "Beta-" */
    int64_t burst_hold_ms; /* a policy of a short window is used up; -1: no */
};

/* One member of a RateLimit or RateLimit-Policy line: "name";r=1;t=2;q=3;w=4 */
struct policy {
    struct str name;
    int64_t left;     /* r */
    int64_t reset_s;  /* t */
    int64_t limit;    /* q */
    int64_t window_s; /* w */
};

static int64_t clamp_hold_ms(int64_t ms)
{
    return ms < 0 ? 0 : smaller(ms, HOLD_MAX_MS);
}

static int64_t seconds_to_hold_ms(int64_t seconds)
{
    return seconds > HOLD_MAX_MS / MS_PER_SECOND ? HOLD_MAX_MS : seconds * MS_PER_SECOND;
}

static int64_t parse_count(struct str value)
{
    int64_t number = 0;

    return parse_i64(value, 0, INT64_MAX, &number) ? number : -1;
}

static int64_t parse_retry_after(struct str value, int64_t reference_ms)
{
    int64_t number = 0;

    if (parse_i64(value, 0, INT64_MAX, &number))
        return seconds_to_hold_ms(number);
    if (parse_http_date(value, &number))
        return clamp_hold_ms(number - reference_ms);
    return -1;
}

/* ISO 8601, the seconds left out or not; or, as other vendors have it, seconds since 1970. */
static int64_t parse_reset(struct str value, int64_t reference_ms)
{
    int64_t at = 0;

    if (civil_parse_stamp(value, &at))
        return clamp_hold_ms(at - reference_ms);
    if (parse_i64(value, 0, INT64_MAX / MS_PER_SECOND, &at)) {
        if (at < 1000000000) /* too small for a date of this century: a distance */
            return seconds_to_hold_ms(at);
        return clamp_hold_ms(at * MS_PER_SECOND - reference_ms);
    }
    return -1;
}

/* The next comma-separated member; commas within quotes do not separate. */
static struct str next_member(struct str *line)
{
    bool quoted = false;
    size_t end = 0;

    while (end < line->len && (quoted || line->ptr[end] != ',')) {
        if (line->ptr[end] == '"')
            quoted = !quoted;
        end++;
    }

    struct str member = str_sub(*line, 0, end);

    *line = str_sub(*line, end + 1, line->len);
    return str_trim(member);
}

/* The name, which may be quoted, off the head of a member. */
static struct str take_name(struct str *member)
{
    size_t end = 0;

    if (member->len == 0 || member->ptr[0] != '"')
        return str_trim(str_cut(*member, ';', member));

    struct str text = str_sub(*member, 1, member->len);

    if (!str_find(text, '"', &end)) {
        *member = (struct str){NULL, 0}; /* its quote never ends: nothing of it counts */
        return *member;
    }
    *member = str_sub(text, end + 1, text.len);
    return str_sub(text, 0, end);
}

static void parse_policy(struct str member, struct policy *ret)
{
    struct str rest = member;

    *ret = (struct policy){.left = -1, .reset_s = -1, .limit = -1, .window_s = -1};
    ret->name = take_name(&rest);
    /* Each turn takes at least one byte off. */
    while (rest.len > 0) {
        struct str value = {0};
        struct str parameter = str_trim(str_cut(rest, ';', &rest));
        struct str key = str_trim(str_cut(parameter, '=', &value));
        int64_t number = 0;

        if (!parse_i64(str_trim(value), 0, INT64_MAX, &number))
            continue;
        if (str_eq(key, STR("r")))
            ret->left = number;
        else if (str_eq(key, STR("t")))
            ret->reset_s = number;
        else if (str_eq(key, STR("q")))
            ret->limit = number;
        else if (str_eq(key, STR("w")))
            ret->window_s = number;
    }
}

/* All policies of the answer in its enforced (or "Beta-") form: what they are, and what is left. */
struct policies {
    struct policy list[POLICIES_MAX];
    size_t count;
};

static void collect(struct policies *policies, struct str line)
{
    while (line.len > 0) {
        struct policy one;
        size_t i = 0;

        parse_policy(next_member(&line), &one);
        /* The two headers name the same policy; join what they say of it. */
        while (i < policies->count && !str_eq(policies->list[i].name, one.name))
            i++;
        if (i == POLICIES_MAX)
            continue;
        if (i == policies->count) {
            policies->list[policies->count++] = one;
            continue;
        }

        struct policy *known = &policies->list[i];

        known->left = one.left >= 0 ? one.left : known->left;
        known->reset_s = one.reset_s >= 0 ? one.reset_s : known->reset_s;
        known->limit = one.limit >= 0 ? one.limit : known->limit;
        known->window_s = one.window_s >= 0 ? one.window_s : known->window_s;
    }
}

/* Of several quotas the one that ends first counts: least left, or least limit if none is told. */
static bool tighter(const struct policy *one, int64_t left, int64_t limit)
{
    if (one->left >= 0 || left >= 0)
        return one->left >= 0 && (left < 0 || one->left < left);
    return one->limit > 0 && (limit < 0 || one->limit < limit);
}

static void judge_policies(const struct policies *policies, bool beta, struct advice *advice)
{
    for (size_t i = 0; i < policies->count; i++) {
        const struct policy *one = &policies->list[i];

        if (one->window_s >= 0 && one->window_s < QUOTA_WINDOW_LEAST_S) {
            if (!beta && one->left == 0)
                advice->burst_hold_ms =
                    larger(advice->burst_hold_ms,
                           seconds_to_hold_ms(one->reset_s >= 0 ? one->reset_s : one->window_s));
            continue;
        }

        if (!tighter(one, advice->quota[beta].left, advice->quota[beta].limit))
            continue;
        advice->quota[beta].left = one->left;
        advice->quota[beta].limit = one->limit;
        advice->quota[beta].reset_ms = one->reset_s >= 0 ? seconds_to_hold_ms(one->reset_s) : -1;
    }
}

static void read_headers(const struct net_response *response, int64_t now_ms, struct advice *advice)
{
    struct policies policies[2] = {0}; /* enforced, beta */
    int64_t reference_ms = now_ms;

    *advice = (struct advice){.retry_after_ms = -1,
                              .x_reset_ms = -1,
                              .x_remaining = -1,
                              .quota = {{-1, -1, -1}, {-1, -1, -1}},
                              .burst_hold_ms = -1};
    if (!parse_http_date(net_header(response, "date"), &reference_ms))
        reference_ms = now_ms;
    for (size_t i = 0; i < response->header_count; i++) {
        struct str name = str_from(response->headers[i].name);
        struct str value = str_from(response->headers[i].value);
        struct str bare = name;
        bool beta = false;

        if (str_starts(name, STR("beta-"))) {
            beta = true;
            bare = str_sub(name, 5, name.len);
        }
        if (str_eq(name, STR("retry-after")))
            advice->retry_after_ms = parse_retry_after(value, reference_ms);
        else if (str_eq(name, STR("ratelimit-reason")))
            advice->reason = value;
        else if (str_eq(name, STR("x-ratelimit-reset")))
            advice->x_reset_ms = parse_reset(value, reference_ms);
        else if (str_eq(name, STR("x-ratelimit-remaining")))
            advice->x_remaining = parse_count(value);
        else if (str_eq(name, STR("x-ratelimit-nearlimit")))
            advice->x_near = str_eq_nocase(value, STR("true"));
        else if (str_eq(bare, STR("ratelimit")) || str_eq(bare, STR("ratelimit-policy")))
            collect(&policies[beta], value);
    }
    judge_policies(&policies[0], false, advice);
    judge_policies(&policies[1], true, advice);
}

static void hold(int64_t *held_ms, int64_t mono_ms, int64_t wait_ms)
{
    if (wait_ms > 0)
        *held_ms = larger(*held_ms, mono_ms + wait_ms);
}

static void quota_learn(struct quota *quota, const struct advice *advice, int64_t now_ms)
{
    bool told = advice->quota[0].left >= 0 || advice->quota[0].limit > 0;
    bool beta = !told && !quota->enforced;
    int64_t limit = advice->quota[beta].limit, left = advice->quota[beta].left;
    int64_t reset_ms = advice->quota[beta].reset_ms;

    if (limit <= 0 && left < 0)
        return;
    quota_roll(quota, now_ms);
    /*
     * A policy alone stops nobody: API tokens are exempt, and may be shown it all the same. A host
     * that says how much is left does count.
     */
    quota->enforced = quota->enforced || advice->quota[0].left >= 0;
    if (limit > 0) {
        /* An own, smaller limit stays: it is what this host was given of a shared quota. */
        quota->limit = quota->own_limit > 0 ? smaller(quota->own_limit, limit) : limit;
        if (quota->left < 0)
            quota->left = larger(quota->limit - quota->used, 0);
    }
    if (left >= 0)
        quota->left = quota->left >= 0 ? smaller(quota->left, left) : left;
    if (reset_ms > 0)
        quota->reset_ms = now_ms + reset_ms;
}

static bool is_quota(struct str reason)
{
    return str_starts(reason, STR("jira-quota-"));
}

/* A complaint about bursts: rest, then half the rate. */
static void slow_down(struct pace *pace, int64_t mono_ms, int64_t wait_ms)
{
    slow_roll(pace, mono_ms);
    /* Answers to calls that were under way together complain of the same burst. */
    if (mono_ms >= pace->held_ms && pace->slow < SLOW_LEVEL_MAX)
        pace->slow++;
    pace->slow_ms = mono_ms;
    hold(&pace->held_ms, mono_ms, wait_ms > 0 ? wait_ms : MS_PER_SECOND);
}

static void learn_refusal(struct http_budget *budget, struct pace *pace,
                          const struct advice *advice, bool too_many, int64_t now_ms,
                          int64_t mono_ms, int64_t *ret_wait_ms)
{
    int64_t wait = advice->retry_after_ms >= 0 ? advice->retry_after_ms : advice->x_reset_ms;

    if (too_many && is_quota(advice->reason)) {
        if (wait <= 0 && advice->quota[0].reset_ms > 0)
            wait = advice->quota[0].reset_ms;
        if (wait <= 0)
            wait = next_hour_ms(now_ms) - now_ms;
        hold(&budget->host_held_ms, mono_ms, wait);
        budget->quota.left = 0;
        budget->quota.enforced = true;
        budget->quota.reset_ms = now_ms + wait;
    } else if (too_many && str_eq(advice->reason, STR("jira-burst-based"))) {
        slow_down(pace, mono_ms, wait);
    } else if (!too_many || !str_eq(advice->reason, STR("jira-per-issue-on-write"))) {
        hold(&budget->host_held_ms, mono_ms, wait);
    }
    *ret_wait_ms = larger(wait, 0);
}

/* An answer like others, which says how near its limits are. */
static void learn_pace(struct pace *pace, const struct advice *advice, int64_t mono_ms)
{
    hold(&pace->held_ms, mono_ms, advice->burst_hold_ms);
    if (advice->x_reset_ms <= 0)
        return;
    if (advice->x_remaining == 0) {
        hold(&pace->held_ms, mono_ms, advice->x_reset_ms);
    } else if (advice->x_near && advice->x_remaining > 0) {
        /* Spread what is left over the time that is left. */
        pace->gap_ms = smaller(advice->x_reset_ms / advice->x_remaining, NEAR_GAP_MAX_MS);
        pace->gap_till_ms = mono_ms + advice->x_reset_ms;
    }
}

void http_budget_learn(struct http_budget *budget, enum http_method method,
                       const struct net_response *response, int64_t now_ms, int64_t mono_ms,
                       int64_t *ret_wait_ms)
{
    struct advice advice;
    bool too_many = response->status == 429;
    bool unavailable = response->status == 503;

    assert((unsigned)method < HTTP_METHOD_COUNT);
    *ret_wait_ms = 0;
    read_headers(response, now_ms, &advice);
    (void)pthread_mutex_lock(&budget->lock);
    quota_learn(&budget->quota, &advice, now_ms);
    if (too_many || unavailable) {
        budget->usage.throttled++;
        learn_refusal(budget, &budget->pace[method], &advice, too_many, now_ms, mono_ms,
                      ret_wait_ms);
    } else {
        learn_pace(&budget->pace[method], &advice, mono_ms);
    }
    (void)pthread_mutex_unlock(&budget->lock);
}

struct http_usage http_budget_usage(struct http_budget *budget)
{
    (void)pthread_mutex_lock(&budget->lock);

    struct http_usage usage = budget->usage;

    usage.points_limit = budget->quota.limit;
    usage.points_left = budget->quota.left;
    usage.quota_enforced = budget->quota.enforced;
    /* The top of the hour is nobody's reset as long as no quota is known. */
    if (budget->quota.limit > 0 || budget->quota.left >= 0)
        usage.quota_reset_ms = budget->quota.reset_ms;
    (void)pthread_mutex_unlock(&budget->lock);
    return usage;
}

void http_budget_count_wait(struct http_budget *budget, int64_t ms)
{
    (void)pthread_mutex_lock(&budget->lock);
    budget->usage.waited_ms += ms;
    (void)pthread_mutex_unlock(&budget->lock);
}

void http_budget_count_retry(struct http_budget *budget)
{
    (void)pthread_mutex_lock(&budget->lock);
    budget->usage.retries++;
    (void)pthread_mutex_unlock(&budget->lock);
}
