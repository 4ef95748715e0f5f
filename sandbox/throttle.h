#ifndef SANDBOX_THROTTLE_H
#define SANDBOX_THROTTLE_H
#include <pthread.h>

#include "http/server.h"
#include "site.h"

/*
 * Jira's rate limits (facts: three independent systems): a burst per second and method, points per
 * hour for the app, writes on one issue; with their headers. Thread-safe.
 */
struct throttle {
    pthread_mutex_t mutex;
    int64_t burst;              /* requests a second and method; 0: no limit, no headers */
    int64_t points_per_hour;    /* 0: none */
    bool beta;                  /* points are told with the prefix Beta- and not enforced */
    bool per_issue;             /* 20 writes in 2 s and 100 in 30 s on one issue */
    bool tell_retry_after;      /* false: a gateway's 429, without that header */
    int64_t second[4], used[4]; /* by method: the present second and the requests in it */
    int64_t hour, points_used;
};

void throttle_init(struct throttle *throttle);
void throttle_done(struct throttle *throttle);
/* True: go. False: 429 is in the exchange. */
bool throttle_take(struct throttle *throttle, struct http_exchange *ex, int64_t now_ms);
/* The same for a write on an issue; the caller holds the site's lock for writing. */
bool throttle_take_write(struct throttle *throttle, struct http_exchange *ex, struct issue *issue,
                         int64_t now_ms);
/* Adds the headers of an answer that cost so many points. */
void throttle_tell(struct throttle *throttle, struct http_exchange *ex, int64_t points,
                   int64_t now_ms);

#endif
