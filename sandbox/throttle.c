/* throttle.c: 429, and the headers that should keep a client from seeing it. */
#include "throttle.h"

#include <inttypes.h>

#include "base/civil.h"
#include "api.h"

/* Points are said to be near their end from here on. */
#define NEAR_PERCENT 20

void throttle_init(struct throttle *throttle)
{
    *throttle = (struct throttle){.tell_retry_after = true};
    (void)pthread_mutex_init(&throttle->mutex, NULL);
}

void throttle_done(struct throttle *throttle)
{
    (void)pthread_mutex_destroy(&throttle->mutex);
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

static void add_policy(const struct throttle *throttle, struct http_exchange *ex, int64_t now_ms)
{
    int64_t left = throttle->points_per_hour - throttle->points_used;
    int64_t wait_s = (MS_PER_HOUR - now_ms % MS_PER_HOUR + 999) / 1000;
    char text[128];

    (void)snprintf(text, sizeof(text), "\"global-app-quota\";q=%" PRId64 ";w=3600",
                   throttle->points_per_hour);
    http_out_header(ex, throttle->beta ? "Beta-RateLimit-Policy" : "RateLimit-Policy", text);
    if (left < 0)
        left = 0;
    if (left * 100 <= throttle->points_per_hour * NEAR_PERCENT)
        (void)snprintf(text, sizeof(text), "\"global-app-quota\";r=%" PRId64 ";t=%" PRId64, left,
                       wait_s);
    else
        (void)snprintf(text, sizeof(text), "\"global-app-quota\";t=%" PRId64, wait_s);
    http_out_header(ex, throttle->beta ? "Beta-RateLimit" : "RateLimit", text);
}

static void refuse(const struct throttle *throttle, struct http_exchange *ex, const char *reason,
                   int64_t limit, int64_t reset_ms, int64_t now_ms)
{
    api_error(ex, 429, "Rate limit exceeded.");
    if (throttle->tell_retry_after)
        add_number(ex, "Retry-After", (reset_ms - now_ms + 999) / 1000);
    http_out_header(ex, "RateLimit-Reason", reason);
    add_number(ex, "X-RateLimit-Limit", limit);
    add_number(ex, "X-RateLimit-Remaining", 0);
    http_out_header(ex, "X-RateLimit-NearLimit", "true");
    add_reset(ex, reset_ms);
}

static void roll(struct throttle *throttle, size_t method, int64_t now_ms)
{
    if (throttle->second[method] != now_ms / 1000) {
        throttle->second[method] = now_ms / 1000;
        throttle->used[method] = 0;
    }
    if (throttle->hour != now_ms / MS_PER_HOUR) {
        throttle->hour = now_ms / MS_PER_HOUR;
        throttle->points_used = 0;
    }
}

bool throttle_take(struct throttle *throttle, struct http_exchange *ex, int64_t now_ms)
{
    size_t method = (size_t)ex->method % ARRAY_LEN(throttle->used);
    bool go = true;

    pthread_mutex_lock(&throttle->mutex);
    roll(throttle, method, now_ms);
    if (throttle->points_per_hour > 0 && !throttle->beta &&
        throttle->points_used >= throttle->points_per_hour) {
        refuse(throttle, ex, "jira-quota-global-based", throttle->points_per_hour,
               (throttle->hour + 1) * MS_PER_HOUR, now_ms);
        go = false;
    } else if (throttle->burst > 0 && throttle->used[method] >= throttle->burst) {
        refuse(throttle, ex, "jira-burst-based", throttle->burst,
               (throttle->second[method] + 1) * MS_PER_SECOND, now_ms);
        go = false;
    } else {
        throttle->used[method]++;
    }
    pthread_mutex_unlock(&throttle->mutex);
    return go;
}

bool throttle_take_write(struct throttle *throttle, struct http_exchange *ex, struct issue *issue,
                         int64_t now_ms)
{
    static const struct {
        int64_t ms, count;
    } windows[] = {{2 * MS_PER_SECOND, 20}, {30 * MS_PER_SECOND, 100}};
    bool go = true;

    pthread_mutex_lock(&throttle->mutex);
    for (size_t i = 0; i < ARRAY_LEN(windows) && throttle->per_issue && go; i++) {
        if (now_ms - issue->writes[i].start_ms >= windows[i].ms ||
            now_ms < issue->writes[i].start_ms) {
            issue->writes[i].start_ms = now_ms;
            issue->writes[i].count = 0;
        }
        go = ++issue->writes[i].count <= windows[i].count;
        if (!go)
            refuse(throttle, ex, "jira-per-issue-on-write", windows[i].count,
                   issue->writes[i].start_ms + windows[i].ms, now_ms);
    }
    pthread_mutex_unlock(&throttle->mutex);
    return go;
}

void throttle_tell(struct throttle *throttle, struct http_exchange *ex, int64_t points,
                   int64_t now_ms)
{
    size_t method = (size_t)ex->method % ARRAY_LEN(throttle->used);

    pthread_mutex_lock(&throttle->mutex);
    roll(throttle, method, now_ms);
    throttle->points_used += points;
    if (throttle->burst > 0 && ex->status != 429) {
        int64_t left = throttle->burst - throttle->used[method];

        add_number(ex, "X-RateLimit-Limit", throttle->burst);
        add_number(ex, "X-RateLimit-Remaining", left > 0 ? left : 0);
        http_out_header(ex, "X-RateLimit-NearLimit",
                        left * 100 < throttle->burst * NEAR_PERCENT ? "true" : "false");
        add_reset(ex, (throttle->second[method] + 1) * MS_PER_SECOND);
    }
    if (throttle->points_per_hour > 0)
        add_policy(throttle, ex, now_ms);
    pthread_mutex_unlock(&throttle->mutex);
}
