#ifndef HTTP_BUDGET_H
#define HTTP_BUDGET_H
#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "http/net.h"

/*
 * What a remote host lets us do, kept in one place for all that call it: a burst of requests per
 * second and method, points per hour, and "not before" times that the host has told us. The shape
 * is Jira's (facts: three independent limits); a host that tells nothing has no limits but the
 * number in flight. Thread-safe, and deterministic in the times given: it reads no clock.
 */
struct http_budget;

struct http_budget_options {
    int64_t points_per_hour; /* 0: not counted against a quota (API tokens are exempt) */
    int64_t burst_per_second[HTTP_METHOD_COUNT]; /* by enum http_method; 0: no limit known */
};

/* NULL when out of memory. */
struct http_budget *http_budget_new(const struct http_budget_options *options);
void http_budget_free(struct http_budget *budget); /* NULL is fine */
AUTO_DEFINE(struct http_budget, http_budget_free)

/*
 * Ms to wait before a request of that method and cost may start; 0: go, and it is counted. now_ms
 * is the wall clock (the quota starts anew at the top of each UTC hour), mono_ms the monotonic one.
 */
int64_t http_budget_take(struct http_budget *budget, enum http_method method, int64_t points,
                         int64_t now_ms, int64_t mono_ms);
/*
 * Learns from an answer's headers: Retry-After, RateLimit-Reason, X-RateLimit-*, RateLimit,
 * RateLimit-Policy and their Beta- forms. *ret_wait_ms is what a retry must wait at least (0: the
 * host said nothing). now_ms is the wall clock, for absolute times; where the answer has a Date,
 * they are taken against that, so that our clock may be wrong.
 */
void http_budget_learn(struct http_budget *budget, enum http_method method,
                       const struct net_response *response, int64_t now_ms, int64_t mono_ms,
                       int64_t *ret_wait_ms);

struct http_usage {
    int64_t requests; /* sent, retries included */
    int64_t points;   /* expected cost of them */
    int64_t retries;
    int64_t throttled;      /* answers 429 or 503 */
    int64_t waited_ms;      /* spent waiting for the budget or a Retry-After */
    int64_t points_limit;   /* of an hour; 0: unknown */
    int64_t points_left;    /* -1: unknown */
    int64_t quota_reset_ms; /* UTC; 0: unknown */
    bool quota_enforced;    /* false: the host only shows it ("Beta-"), or there is none */
};
struct http_usage http_budget_usage(struct http_budget *budget);
void http_budget_count_wait(struct http_budget *budget, int64_t ms);
void http_budget_count_retry(struct http_budget *budget);

#endif
