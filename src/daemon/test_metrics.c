/* Tests of metrics.c: what it writes is read again by Prometheus' rules for its text format. */
#include "daemon/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

#define FAMILIES_MAX 64
#define TEXT_MAX ((size_t)1 << 20)

static const char *const names[] = {"/healthz", "/api/v1/worklogs/{id}", "none"};
static const struct gauge gauges[] = {
    {"tenon_jobs_waiting", "Jobs that wait.", 7},
    {"tenon_sites", "Tenants in memory.", 0},
};

static struct metrics *metrics_made(void)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));

    assert_non_null(metrics);
    metrics->route_count = ARRAY_LEN(names);
    metrics->routes = calloc(ARRAY_LEN(names), sizeof(metrics->routes[0]));
    assert_non_null(metrics->routes);
    return metrics;
}

static void metrics_gone(struct metrics *metrics)
{
    free(metrics->routes);
    free(metrics);
}

static void write_all(const struct metrics *metrics, struct strbuf *ret)
{
    metrics_write(metrics, names, gauges, ARRAY_LEN(gauges), ret);
    assert_int_equal(ret->failed, ERR_OK);
    assert_true(str_ends(strbuf_str(ret), STR("\n")));
}

/* ---- A reader of the format ---- */

struct family {
    struct str name, type;
    bool has_help;
    size_t samples;
};

struct reader {
    struct family families[FAMILIES_MAX];
    size_t count;
};

static struct family *family_of(struct reader *reader, struct str name)
{
    for (size_t i = 0; i < reader->count; i++)
        if (str_eq(reader->families[i].name, name))
            return &reader->families[i];
    return NULL;
}

static bool is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';

        if (!(digit && i > 0) && !(c >= 'a' && c <= 'z') && c != '_')
            return false;
    }
    return text.len > 0;
}

static void read_comment(struct reader *reader, struct str line)
{
    struct str rest = {NULL, 0}, text = {NULL, 0};
    struct str word = str_cut(line, ' ', &rest);
    struct str name = str_cut(rest, ' ', &text);

    assert_true(is_name(name));
    assert_true(text.len > 0);
    if (str_eq(word, STR("HELP"))) {
        assert_null(family_of(reader, name)); /* each family once, its samples together */
        assert_true(reader->count < FAMILIES_MAX);
        reader->families[reader->count++] = (struct family){.name = name, .has_help = true};
        return;
    }
    assert_true(str_eq(word, STR("TYPE")));
    assert_true(reader->count > 0);

    struct family *last = &reader->families[reader->count - 1];

    assert_true(str_eq(last->name, name));
    assert_int_equal(last->type.len, 0);
    assert_true(str_eq(text, STR("counter")) || str_eq(text, STR("gauge")) ||
                str_eq(text, STR("histogram")));
    last->type = text;
}

/* name="value",… with values of our own tables: nothing to escape. */
static void read_labels(struct str labels)
{
    while (labels.len > 0) {
        struct str value = {NULL, 0}, rest = {NULL, 0};
        struct str name = str_cut(labels, '=', &value);
        size_t at = 0;

        assert_true(is_name(name));
        assert_true(str_starts(value, STR("\"")));
        value = str_cut(str_sub(value, 1, value.len), '"', &rest);
        assert_true(value.len > 0);
        assert_false(str_find(value, '\\', &at));
        labels = rest;
        if (labels.len > 0) {
            assert_int_equal(labels.ptr[0], ',');
            labels = str_sub(labels, 1, labels.len);
        }
    }
}

static void read_sample(struct reader *reader, struct str line)
{
    struct family *last = &reader->families[reader->count - 1];
    size_t end = line.len;
    struct str head, name, labels = {NULL, 0};
    char number[64], *stop = NULL;

    while (end > 0 && line.ptr[end - 1] != ' ')
        end--;
    assert_in_range(end, 2, line.len - 1);
    (void)snprintf(number, sizeof(number), STR_FMT, STR_ARG(str_sub(line, end, line.len)));
    assert_true(strtod(number, &stop) >= 0 && *stop == '\0');
    head = str_sub(line, 0, end - 1);
    name = str_cut(head, '{', &labels);
    if (labels.len > 0) {
        assert_true(str_ends(labels, STR("}")));
        read_labels(str_sub(labels, 0, labels.len - 1));
    }
    assert_true(is_name(name));
    assert_true(str_starts(name, last->name)); /* below its own HELP and TYPE */
    if (str_eq(last->type, STR("histogram"))) {
        struct str tail = str_sub(name, last->name.len, name.len);

        assert_true(str_eq(tail, STR("_bucket")) || str_eq(tail, STR("_sum")) ||
                    str_eq(tail, STR("_count")));
    } else {
        assert_true(str_eq(name, last->name));
    }
    if (str_eq(last->type, STR("counter")))
        assert_true(str_ends(name, STR("_total")));
    last->samples++;
}

static void read_all(const struct strbuf *text, struct reader *ret)
{
    struct str rest = strbuf_str(text);

    while (rest.len > 0) {
        struct str line = str_cut(rest, '\n', &rest);

        if (str_starts(line, STR("# ")))
            read_comment(ret, str_sub(line, 2, line.len));
        else
            read_sample(ret, line);
    }
}

static int64_t value_of(const struct strbuf *text, const char *sample)
{
    struct str rest = strbuf_str(text);
    int64_t value = -1;

    while (rest.len > 0) {
        struct str line = str_cut(rest, '\n', &rest);

        if (str_starts(line, str_from(sample)) && line.ptr[strlen(sample)] == ' ') {
            assert_true(
                parse_i64(str_sub(line, strlen(sample) + 1, line.len), 0, INT64_MAX, &value));
            return value;
        }
    }
    fail_msg("there is no %s", sample);
    return -1;
}

/* ---- Tests ---- */

static void every_family_has_one_help_one_type_and_its_samples(void **state)
{
    struct metrics *metrics = metrics_made();
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX);
    struct reader reader = {.count = 0};

    (void)state;
    for (size_t route = 0; route < ARRAY_LEN(names); route++)
        for (int status = 0; status < 1000; status += 50)
            metrics_count(metrics, route, status, status * 1000);
    write_all(metrics, &text);
    read_all(&text, &reader);
    assert_true(reader.count >= 6 + ARRAY_LEN(gauges));
    for (size_t i = 0; i < reader.count; i++) {
        assert_true(reader.families[i].type.len > 0);
        assert_true(reader.families[i].samples > 0);
    }
    metrics_gone(metrics);
}

static void nothing_counted_is_well_formed_too(void **state)
{
    struct metrics *metrics = metrics_made();
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX);
    struct reader reader = {.count = 0};

    (void)state;
    write_all(metrics, &text);
    read_all(&text, &reader);
    assert_int_equal(value_of(&text, "tenon_jobs_waiting"), 7);
    assert_int_equal(value_of(&text, "tenon_refused_total"), 0);
    metrics_gone(metrics);
}

static void buckets_only_grow_and_end_with_the_count(void **state)
{
    static const char *const bounds[] = {"0.0005", "0.001", "0.005", "0.01", "0.05", "0.1",
                                         "0.5",    "1",     "5",     "30",   "+Inf"};
    static const int64_t micros[] = {0, 500, 501, 999, 70000, 2000000, 29999999, 30000001};
    /* By hand: how many of them are at most so long. */
    static const int64_t wanted[] = {2, 4, 4, 4, 4, 5, 5, 5, 6, 7, 8};
    struct metrics *metrics = metrics_made();
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(micros); i++)
        metrics_count(metrics, 1, 200, micros[i]);
    write_all(metrics, &text);
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        char sample[200];

        (void)snprintf(
            sample, sizeof(sample),
            "tenon_http_request_seconds_bucket{route=\"/api/v1/worklogs/{id}\",le=\"%s\"}",
            bounds[i]);
        assert_int_equal(value_of(&text, sample), wanted[i]);
    }
    assert_int_equal(
        value_of(&text, "tenon_http_request_seconds_count{route=\"/api/v1/worklogs/{id}\"}"), 8);
    assert_non_null(
        strstr(strbuf_z(&text),
               "tenon_http_request_seconds_sum{route=\"/api/v1/worklogs/{id}\"} 62.072000\n"));
    metrics_gone(metrics);
}

static void answers_are_counted_by_route_and_class(void **state)
{
    struct metrics *metrics = metrics_made();
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_MAX);

    (void)state;
    metrics_count(metrics, 0, 200, 1);
    metrics_count(metrics, 0, 204, 1);
    metrics_count(metrics, 0, 404, 1);
    metrics_count(metrics, 2, 0, 1); /* dropped */
    metrics_count(metrics, 2, 999, 1);
    write_all(metrics, &text);
    assert_int_equal(
        value_of(&text, "tenon_http_requests_total{route=\"/healthz\",status=\"2xx\"}"), 2);
    assert_int_equal(
        value_of(&text, "tenon_http_requests_total{route=\"/healthz\",status=\"4xx\"}"), 1);
    assert_int_equal(value_of(&text, "tenon_http_requests_total{route=\"none\",status=\"none\"}"),
                     2);
    metrics_gone(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_has_one_help_one_type_and_its_samples),
        cmocka_unit_test(nothing_counted_is_well_formed_too),
        cmocka_unit_test(buckets_only_grow_and_end_with_the_count),
        cmocka_unit_test(answers_are_counted_by_route_and_class),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
