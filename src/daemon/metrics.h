#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "connect/principal.h"

/*
 * What the daemon counts, for Prometheus. Labels come from our own tables only (route patterns,
 * ways of sign-in, status classes), so that no user's text can become one and their number is
 * bounded. Counters are atomics: any thread counts.
 */
#define METRICS_BUCKETS 10

struct route_metrics {
    _Atomic int64_t answers[6]; /* by status / 100; [0]: none */
    _Atomic int64_t buckets[METRICS_BUCKETS];
    _Atomic int64_t micros;
};

struct metrics {
    struct route_metrics *routes; /* one a bound route, and a last one for what none fits */
    size_t route_count;
    _Atomic int64_t signed_in[BY_COUNT];
    _Atomic int64_t refused; /* 401 and 403 */
    _Atomic int64_t hints;
    _Atomic int64_t busy; /* 503: a queue was full */
};

void metrics_count(struct metrics *metrics, size_t route, int status, int64_t micros);
/* What is read at the moment of asking. */
struct gauge {
    const char *name, *help;
    int64_t value;
};
/* Prometheus' text format 0.0.4; `names` are the patterns of the routes. Appended. */
void metrics_write(const struct metrics *metrics, const char *const *names,
                   const struct gauge *gauges, size_t gauge_count, struct strbuf *ret);

#endif
