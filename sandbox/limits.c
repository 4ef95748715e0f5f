/* limits.c: 429, and the headers that should keep a client from seeing it. */
#include "limits.h"

#include <inttypes.h>

#include "base/civil.h"
#include "api.h"

/* Points are said to be near their end from here on. */
#define NEAR_PERCENT 20

void limits_init(struct limits *limits)
{
    *limits = (struct limits){.tell_retry_after = true};
    (void)pthread_mutex_init(&limits->mutex, NULL);
}

void limits_done(struct limits *limits)
{
    (void)pthread_mutex_destroy(&limits->mutex);
}

static void add_number(struct http_exchange *ex, const char *name, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    http_out_header(ex, name, text);
}

/* "2026-11-20T22:00Z": Jira leaves the seconds out when they are zero. */
static void add_reset(struct http_exchange *ex, int64_t at_ms)
{
    char text[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(at_ms, text);
    memcpy(text + (at_ms / 1000 % 60 ? 19 : 16), "Z", 2);
    http_out_header(ex, "X-RateLimit-Reset", text);
}

static void add_policy(const struct limits *limits, struct http_exchange *ex, int64_t now_ms)
{
    int64_t left = limits->points_per_hour - limits->points_used;
    int64_t wait_s = (MS_PER_HOUR - now_ms % MS_PER_HOUR + 999) / 1000;
    char text[128];

    (void)snprintf(text, sizeof(text), "\"global-app-quota\";q=%" PRId64 ";w=3600",
                   limits->points_per_hour);
    http_out_header(ex, limits->beta ? "Beta-RateLimit-Policy" : "RateLimit-Policy", text);
    if (left < 0)
        left = 0;
    if (left * 100 <= limits->points_per_hour * NEAR_PERCENT)
        (void)snprintf(text, sizeof(text), "\"global-app-quota\";r=%" PRId64 ";t=%" PRId64, left,
                       wait_s);
    else
        (void)snprintf(text, sizeof(text), "\"global-app-quota\";t=%" PRId64, wait_s);
    http_out_header(ex, limits->beta ? "Beta-RateLimit" : "RateLimit", text);
}

static void refuse(const struct limits *limits, struct http_exchange *ex, const char *reason,
                   int64_t limit, int64_t reset_ms, int64_t now_ms)
{
    api_error(ex, 429, "Rate limit exceeded.");
    if (limits->tell_retry_after)
        add_number(ex, "Retry-After", (reset_ms - now_ms + 999) / 1000);
    http_out_header(ex, "RateLimit-Reason", reason);
    add_number(ex, "X-RateLimit-Limit", limit);
    add_number(ex, "X-RateLimit-Remaining", 0);
    http_out_header(ex, "X-RateLimit-NearLimit", "true");
    add_reset(ex, reset_ms);
}

static void roll(struct limits *limits, size_t method, int64_t now_ms)
{
    if (limits->second[method] != now_ms / 1000) {
        limits->second[method] = now_ms / 1000;
        limits->used[method] = 0;
    }
    if (limits->hour != now_ms / MS_PER_HOUR) {
        limits->hour = now_ms / MS_PER_HOUR;
        limits->points_used = 0;
    }
}

bool limits_take(struct limits *limits, struct http_exchange *ex, int64_t now_ms)
{
    size_t method = (size_t)ex->method % ARRAY_LEN(limits->used);
    bool go = true;

    pthread_mutex_lock(&limits->mutex);
    roll(limits, method, now_ms);
    if (limits->points_per_hour > 0 && !limits->beta &&
        limits->points_used >= limits->points_per_hour) {
        refuse(limits, ex, "jira-quota-global-based", limits->points_per_hour,
               (limits->hour + 1) * MS_PER_HOUR, now_ms);
        go = false;
    } else if (limits->burst > 0 && limits->used[method] >= limits->burst) {
        refuse(limits, ex, "jira-burst-based", limits->burst,
               (limits->second[method] + 1) * MS_PER_SECOND, now_ms);
        go = false;
    } else {
        limits->used[method]++;
    }
    pthread_mutex_unlock(&limits->mutex);
    return go;
}

bool limits_take_write(struct limits *limits, struct http_exchange *ex, struct issue *issue,
                       int64_t now_ms)
{
    static const struct {
        int64_t ms, count;
    } windows[] = {{2 * MS_PER_SECOND, 20}, {30 * MS_PER_SECOND, 100}};
    bool go = true;

    pthread_mutex_lock(&limits->mutex);
    for (size_t i = 0; i < ARRAY_LEN(windows) && limits->per_issue && go; i++) {
        if (now_ms - issue->writes[i].start_ms >= windows[i].ms ||
            now_ms < issue->writes[i].start_ms) {
            issue->writes[i].start_ms = now_ms;
            issue->writes[i].count = 0;
        }
        go = ++issue->writes[i].count <= windows[i].count;
        if (!go)
            refuse(limits, ex, "jira-per-issue-on-write", windows[i].count,
                   issue->writes[i].start_ms + windows[i].ms, now_ms);
    }
    pthread_mutex_unlock(&limits->mutex);
    return go;
}

void limits_tell(struct limits *limits, struct http_exchange *ex, int64_t points, int64_t now_ms)
{
    size_t method = (size_t)ex->method % ARRAY_LEN(limits->used);

    pthread_mutex_lock(&limits->mutex);
    roll(limits, method, now_ms);
    limits->points_used += points;
    if (limits->burst > 0 && ex->status != 429) {
        int64_t left = limits->burst - limits->used[method];

        add_number(ex, "X-RateLimit-Limit", limits->burst);
        add_number(ex, "X-RateLimit-Remaining", left > 0 ? left : 0);
        http_out_header(ex, "X-RateLimit-NearLimit",
                        left * 100 < limits->burst * NEAR_PERCENT ? "true" : "false");
        add_reset(ex, (limits->second[method] + 1) * MS_PER_SECOND);
    }
    if (limits->points_per_hour > 0)
        add_policy(limits, ex, now_ms);
    pthread_mutex_unlock(&limits->mutex);
}
