/* metrics.c: counters as Prometheus text. */
#include "daemon/metrics.h"

/* Upper ends of the buckets of seconds. */
static const struct {
    int64_t micros;
    const char *text;
} bounds[METRICS_BUCKETS] = {
    {500, "0.0005"}, {1000, "0.001"}, {5000, "0.005"}, {10000, "0.01"}, {50000, "0.05"},
    {100000, "0.1"}, {500000, "0.5"}, {1000000, "1"},  {5000000, "5"},  {30000000, "30"},
};

void metrics_count(struct metrics *metrics, size_t route, int status, int64_t micros)
{
    struct route_metrics *of = &metrics->routes[route];
    int class = status >= 100 && status < 600 ? status / 100 : 0;

    atomic_fetch_add_explicit(&of->answers[class], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&of->micros, micros, memory_order_relaxed);
    for (size_t i = 0; i < METRICS_BUCKETS; i++)
        if (micros <= bounds[i].micros) {
            atomic_fetch_add_explicit(&of->buckets[i], 1, memory_order_relaxed);
            break;
        }
}

static void head(struct strbuf *ret, const char *name, const char *type, const char *help)
{
    strbuf_addf(ret, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_answers(const struct metrics *metrics, const char *const *names,
                          struct strbuf *ret)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

    head(ret, "tenon_http_requests_total", "counter", "Requests answered, by route and status.");
    for (size_t i = 0; i < metrics->route_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(classes); k++) {
            int64_t n = atomic_load(&metrics->routes[i].answers[k]);

            if (n > 0)
                strbuf_addf(ret, "tenon_http_requests_total{route=\"%s\",status=\"%s\"} %lld\n",
                            names[i], classes[k], (long long)n);
        }
}

static int64_t answered(const struct route_metrics *of)
{
    int64_t all = 0;

    for (size_t k = 0; k < ARRAY_LEN(of->answers); k++)
        all += atomic_load(&of->answers[k]);
    return all;
}

static void write_durations(const struct metrics *metrics, const char *const *names,
                            struct strbuf *ret)
{
    head(ret, "tenon_http_request_seconds", "histogram", "Time from request to answer.");
    for (size_t i = 0; i < metrics->route_count; i++) {
        const struct route_metrics *of = &metrics->routes[i];
        int64_t all = answered(of), sum = 0;

        if (all == 0)
            continue;
        for (size_t k = 0; k < METRICS_BUCKETS; k++) {
            sum += atomic_load(&of->buckets[k]);
            strbuf_addf(ret, "tenon_http_request_seconds_bucket{route=\"%s\",le=\"%s\"} %lld\n",
                        names[i], bounds[k].text, (long long)sum);
        }
        all = all > sum ? all : sum; /* some were counted since: the last bucket is the largest */
        strbuf_addf(ret,
                    "tenon_http_request_seconds_bucket{route=\"%s\",le=\"+Inf\"} %lld\n"
                    "tenon_http_request_seconds_sum{route=\"%s\"} %.6f\n"
                    "tenon_http_request_seconds_count{route=\"%s\"} %lld\n",
                    names[i], (long long)all, names[i], (double)atomic_load(&of->micros) / 1e6,
                    names[i], (long long)all);
    }
}

void metrics_write(const struct metrics *metrics, const char *const *names,
                   const struct gauge *gauges, size_t gauge_count, struct strbuf *ret)
{
    write_answers(metrics, names, ret);
    write_durations(metrics, names, ret);
    head(ret, "tenon_signed_in_total", "counter", "Requests let in, by the way they proved it.");
    for (int by = 0; by < BY_COUNT; by++)
        strbuf_addf(ret, "tenon_signed_in_total{by=\"%s\"} %lld\n",
                    principal_by_name((enum principal_by)by),
                    (long long)atomic_load(&metrics->signed_in[by]));
    head(ret, "tenon_refused_total", "counter", "Requests answered 401 or 403.");
    strbuf_addf(ret, "tenon_refused_total %lld\n", (long long)atomic_load(&metrics->refused));
    head(ret, "tenon_hints_total", "counter", "Webhook events taken.");
    strbuf_addf(ret, "tenon_hints_total %lld\n", (long long)atomic_load(&metrics->hints));
    head(ret, "tenon_busy_total", "counter", "Requests answered 503 because a queue was full.");
    strbuf_addf(ret, "tenon_busy_total %lld\n", (long long)atomic_load(&metrics->busy));
    for (size_t i = 0; i < gauge_count; i++) {
        head(ret, gauges[i].name, "gauge", gauges[i].help);
        strbuf_addf(ret, "%s %lld\n", gauges[i].name, (long long)gauges[i].value);
    }
}
