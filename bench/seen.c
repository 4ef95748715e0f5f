/*
 * seen.c: how long after a change in Jira the report shows it.
 *
 *     bench-seen SANDBOX PORT ROUNDS WORKLOG PATH TOKEN
 *
 * Each round gives the WORKLOG other seconds in the stand-in Jira and asks the report at PATH, by a
 * Connect token, every LOOK_MS until its sum is another. The clock starts before Jira is told.
 * Prints
 * {"rounds":N,"median_ms":M,"worst_ms":W}.
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"

#define LOOK_MS 5
#define ROUNDS_MAX 1000
#define PATIENCE_MS 10000
#define ANSWER_BYTES ((size_t)4 << 20)

struct seen {
    CURL *change, *look;
    struct strbuf answer;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench-seen: %s\n", what);
    exit(1);
}

static double now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static size_t take(char *part, size_t size, size_t count, void *arg)
{
    strbuf_add_str(arg, (struct str){part, size * count});
    return size * count;
}

static CURL *handle_new(struct seen *seen, const char *url, const char *header)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, header); /* lives as long as the process */

    if (!curl || !headers)
        fail("out of memory");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &seen->answer);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    return curl;
}

static void call(struct seen *seen, CURL *curl, const char *what)
{
    long status = 0;

    strbuf_reset(&seen->answer);
    if (curl_easy_perform(curl) != CURLE_OK)
        fail(what);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        fail(what);
}

static int64_t reported(struct seen *seen)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};
    int64_t sum = 0;

    call(seen, seen->look, "the report was not given");
    if (json_read(strbuf_str(&seen->answer), "the report", &doc, &err) != ERR_OK ||
        !json_i64(yyjson_doc_get_root(doc), "seconds", &sum))
        fail("the report has no sum");
    return sum;
}

static void pause_ms(long ms)
{
    const struct timespec wait = {.tv_nsec = ms * 1000000};

    (void)nanosleep(&wait, NULL);
}

static double one_round(struct seen *seen, const char *worklog, size_t n)
{
    char body[128];
    int64_t before = reported(seen);
    double from;

    (void)snprintf(body, sizeof(body), "{\"id\":\"%s\",\"seconds\":%zu}", worklog, 60 * (n + 1000));
    (void)curl_easy_setopt(seen->change, CURLOPT_COPYPOSTFIELDS, body);
    from = now_ms();
    call(seen, seen->change, "the worklog could not be changed");
    while (reported(seen) == before) {
        if (now_ms() - from > PATIENCE_MS)
            fail("the report did not show the change within 10 s");
        pause_ms(LOOK_MS);
    }
    return now_ms() - from;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double took[ROUNDS_MAX];
    struct seen seen = {.answer = STRBUF_INIT(ANSWER_BYTES)};
    struct strbuf url AUTO(strbuf_done) = STRBUF_INIT(8192);
    struct strbuf header AUTO(strbuf_done) = STRBUF_INIT(8192);
    uint32_t port = 0, rounds = 0;

    if (argc != 7 || !parse_u32(str_from(argv[2]), 1, 65535, &port) ||
        !parse_u32(str_from(argv[3]), 1, ROUNDS_MAX, &rounds)) {
        (void)fprintf(stderr, "usage: bench-seen SANDBOX PORT ROUNDS WORKLOG PATH TOKEN\n");
        return 64;
    }
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    strbuf_addf(&url, "%s/sandbox/worklogs/edit", argv[1]);
    seen.change = handle_new(&seen, strbuf_z(&url), "Content-Type: application/json");
    strbuf_reset(&url);
    strbuf_addf(&url, "http://127.0.0.1:%u%s", port, argv[5]);
    strbuf_addf(&header, "Authorization: JWT %s", argv[6]);
    seen.look = handle_new(&seen, strbuf_z(&url), strbuf_z(&header));
    for (size_t i = 0; i < rounds; i++)
        took[i] = one_round(&seen, argv[4], i);
    qsort(took, rounds, sizeof(took[0]), compare);
    printf("{\"rounds\":%u,\"median_ms\":%.1f,\"worst_ms\":%.1f}\n", rounds, took[rounds / 2],
           took[rounds - 1]);
    return 0; /* what is held goes with the process */
}
