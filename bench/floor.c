/*
 * floor.c: the least that copying a site's worklogs can cost, for `make bench` to compare with.
 *
 * One thread, one connection: fetch a page of ids, fetch its worklogs, parse with yyjson, insert
 * plain rows into a plain SQLite; one transaction a page, write-ahead log, synchronous=NORMAL, as
 * the real sync uses. No cipher, no sealing, no queue, no retries, no cursor, no checks.
 *
 *     floor http://127.0.0.1:PORT EMAIL:TOKEN FILE.db
 *
 * Prints {"worklogs":N,"seconds":S,"cpu_seconds":S}.
 */
#include <curl/curl.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "jira/jira.h"

struct answer {
    char *ptr;
    size_t len, room;
};

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * count;

    if (answer->len + len + YYJSON_PADDING_SIZE > answer->room) {
        answer->room = (answer->len + len + YYJSON_PADDING_SIZE) * 2;
        answer->ptr = realloc(answer->ptr, answer->room);
        if (!answer->ptr)
            return 0;
    }
    memcpy(answer->ptr + answer->len, bytes, len);
    answer->len += len;
    return len;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "floor: %s failed\n", what);
    exit(1);
}

/* One call; the answer is parsed in place. */
static yyjson_doc *fetch(CURL *curl, struct answer *answer, const char *url, const char *body)
{
    answer->len = 0;
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    if (body)
        (void)curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    else
        (void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    must(curl_easy_perform(curl) == CURLE_OK, "a call");

    yyjson_doc *doc = yyjson_read_opts(answer->ptr, answer->len, YYJSON_READ_INSITU, NULL, NULL);

    must(doc != NULL, "parsing");
    return doc;
}

static int64_t insert_page(sqlite3 *db, sqlite3_stmt *insert, yyjson_val *rows,
                           struct strbuf *comment)
{
    size_t at, count;
    yyjson_val *object;

    must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK, "BEGIN");
    yyjson_arr_foreach(rows, at, count, object)
    {
        struct jira_worklog row;

        must(jira_worklog_read(object, comment, &row) == JIRA_DEFECT_NONE, "reading a worklog");
        (void)sqlite3_bind_int64(insert, 1, row.id);
        (void)sqlite3_bind_text(insert, 2, row.account.ptr, (int)row.account.len, SQLITE_STATIC);
        (void)sqlite3_bind_int64(insert, 3, row.issue_id);
        (void)sqlite3_bind_int64(insert, 4, row.created_ms);
        (void)sqlite3_bind_int64(insert, 5, row.updated_ms);
        (void)sqlite3_bind_int64(insert, 6, row.started_ms);
        (void)sqlite3_bind_int64(insert, 7, row.seconds);
        (void)sqlite3_bind_text(insert, 8, row.comment.ptr, (int)row.comment.len, SQLITE_STATIC);
        must(sqlite3_step(insert) == SQLITE_DONE, "INSERT");
        (void)sqlite3_reset(insert);
    }
    must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "COMMIT");
    return (int64_t)count;
}

static int64_t copy_site(CURL *curl, sqlite3 *db, sqlite3_stmt *insert, const char *base)
{
    struct answer feed = {0}, list = {0};
    struct strbuf url = STRBUF_INIT(4096), ids = STRBUF_INIT(65536);
    struct strbuf comment = STRBUF_INIT(1 << 20);
    int64_t total = 0;
    bool last = false;

    strbuf_addf(&url, "%s/rest/api/3/worklog/updated?since=0", base);
    while (!last) {
        yyjson_doc *page = fetch(curl, &feed, strbuf_z(&url), NULL);
        yyjson_val *root = yyjson_doc_get_root(page), *row;
        size_t at, count;

        strbuf_reset(&ids);
        strbuf_add_z(&ids, "{\"ids\":[");
        yyjson_arr_foreach(yyjson_obj_get(root, "values"), at, count, row)
        {
            int64_t id = 0;

            must(json_i64(row, "worklogId", &id), "reading an id");
            if (at > 0)
                strbuf_add_char(&ids, ',');
            strbuf_add_i64(&ids, id);
        }
        strbuf_add_z(&ids, "]}");
        last = json_bool(root, "lastPage", true);
        strbuf_reset(&url);
        strbuf_add_str(&url, json_str(root, "nextPage"));
        if (count > 0) {
            char to[4096];

            (void)snprintf(to, sizeof(to), "%s/rest/api/3/worklog/list", base);

            yyjson_doc *doc = fetch(curl, &list, to, strbuf_z(&ids));

            total += insert_page(db, insert, yyjson_doc_get_root(doc), &comment);
            yyjson_doc_free(doc);
        }
        yyjson_doc_free(page);
    }
    free(feed.ptr);
    free(list.ptr);
    strbuf_done(&url);
    strbuf_done(&ids);
    strbuf_done(&comment);
    return total;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;
    struct timespec from, to;
    struct rusage usage;

    must(argc == 4, "reading the command line (floor URL EMAIL:TOKEN FILE)");
    must(sqlite3_open(argv[3], &db) == SQLITE_OK, "opening the database");
    must(sqlite3_exec(db,
                      "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                      "PRAGMA cache_size=-49152;"
                      "CREATE TABLE worklog (id INTEGER PRIMARY KEY, account TEXT, issue INTEGER,"
                      " created INTEGER, updated INTEGER, started INTEGER, seconds INTEGER,"
                      " comment TEXT)",
                      NULL, NULL, NULL) == SQLITE_OK,
         "making the table");
    must(sqlite3_prepare_v2(db, "INSERT INTO worklog VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1, &insert,
                            NULL) == SQLITE_OK,
         "preparing");

    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    must(curl != NULL, "curl");
    (void)curl_easy_setopt(curl, CURLOPT_USERPWD, argv[2]);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L * 1024);

    (void)clock_gettime(CLOCK_MONOTONIC, &from);

    int64_t total = copy_site(curl, db, insert, argv[1]);

    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("{\"worklogs\":%lld,\"seconds\":%.3f,\"cpu_seconds\":%.3f}\n", (long long)total,
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    (void)sqlite3_finalize(insert);
    (void)sqlite3_close(db);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return 0;
}
