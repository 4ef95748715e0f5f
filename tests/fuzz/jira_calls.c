/*
 * jira_calls.c: the feeds of ids, and Jira's words about itself and its user.
 *
 * The first line is the call: one of u d (the feeds of updates and deletions), s (serverInfo),
 * m (myself), w i (is this worklog, this issue there), then c or d for Cloud or Data Center. What
 * follows is the body of the answer; for w and i the answer's status stands on a line before it.
 * Holds: a page of a feed has ids and times to count with and no more rows than are allowed; it is
 * the last or leads on, and then to our own path on our own host; what is refused comes with a
 * sentence.
 */
#include "jira_check.h"

/* The next page is asked for where the feed lies, whatever `nextPage` said of hosts and paths. */
static void check_next(struct fuzz_jira *world, enum jira_feed feed, const char *query)
{
    AUTO(strbuf_done) struct strbuf expected = STRBUF_INIT(4096);
    struct http_call *call = NULL;
    struct err err = {0};

    strbuf_addf(&expected, "GET /jira%s/worklog/%s?%s\n", jira_api(&world->jira),
                feed == JIRA_UPDATED ? "updated" : "deleted", query);
    strbuf_reset(&world->net.seen);
    FUZZ_CHECK(jira_feed_start(&world->jira, feed, query, &call, &err) == ERR_OK);
    FUZZ_CHECK(str_eq(strbuf_str(&world->net.seen), strbuf_str(&expected)));
    http_drop(call);
}

/* Row by row what the body says. */
static void check_rows(struct str body, const struct jira_feed_page *page)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};
    size_t at, count;
    yyjson_val *row;
    int64_t n = 0;

    FUZZ_CHECK(json_read(body, "the body", &doc, &err) == ERR_OK);

    yyjson_val *values = yyjson_obj_get(yyjson_doc_get_root(doc), "values");

    FUZZ_CHECK(page->count == yyjson_arr_size(values));
    yyjson_arr_foreach(values, at, count, row)
    {
        FUZZ_CHECK(json_i64(row, "worklogId", &n) && n == page->rows[at].id);
        FUZZ_CHECK(json_i64(row, "updatedTime", &n) && n == page->rows[at].time_ms);
    }
}

static void check_page(struct fuzz_jira *world, enum jira_feed feed,
                       const struct jira_feed_page *page)
{
    FUZZ_CHECK(page->count <= LIMIT_FEED_PAGE_ROWS);
    check_rows(world->body, page);
    for (size_t i = 0; i < page->count; i++) {
        FUZZ_CHECK(page->rows[i].id > 0);
        FUZZ_CHECK(fuzz_is_time(page->rows[i].time_ms));
    }
    FUZZ_CHECK(page->until_ms == 0 || fuzz_is_time(page->until_ms));
    FUZZ_CHECK(page->last == (page->next[0] == '\0'));
    if (!page->last)
        check_next(world, feed, page->next);
}

static void check_feed(struct fuzz_jira *world, enum jira_feed feed)
{
    static struct jira_feed_page page; /* 16 kB, filled anew by each call */
    struct http_call *call = NULL;
    struct err err = {0};

    FUZZ_CHECK(jira_feed_start(&world->jira, feed, "since=0", &call, &err) == ERR_OK);

    enum err_class class = jira_feed_finish(&world->jira, call, &page, &err);

    if (class == ERR_OK)
        check_page(world, feed, &page);
    else
        fuzz_check_error(&err, class);
}

static void check_server(struct fuzz_jira *world)
{
    struct jira_server server = {.server_ms = -77};
    struct err err = {0};
    enum err_class class = jira_server_info(&world->jira, &server, &err);

    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        FUZZ_CHECK(server.server_ms == -77);
        return;
    }
    FUZZ_CHECK(memchr(server.version, '\0', sizeof(server.version)));
    FUZZ_CHECK(fuzz_is_time(server.server_ms));
}

static void check_myself(struct fuzz_jira *world)
{
    AUTO(strbuf_done) struct strbuf account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    struct err err = {0};
    enum err_class class = jira_myself(&world->jira, &account, &err);

    if (class != ERR_OK)
        fuzz_check_error(&err, class);
    FUZZ_CHECK(account.failed == ERR_OK && (class == ERR_OK) == (account.len > 0));
}

static void check_exists(struct fuzz_jira *world, bool issue)
{
    struct str status = fuzz_line(&world->body);
    struct err err = {0};
    int64_t number = 200;
    bool there = false;

    if (parse_i64(status, 100, 999, &number))
        world->status = (int)number;

    enum err_class class = issue ? jira_issue_exists(&world->jira, 7, &there, &err)
                                 : jira_worklog_exists(&world->jira, 7, 10001, &there, &err);

    if (class != ERR_OK)
        fuzz_check_error(&err, class);
    else
        FUZZ_CHECK(there ? world->status / 100 == 2 : world->status == 404);
    FUZZ_CHECK(world->status != 404 || (class == ERR_OK && !there));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_jira world;
    struct str body = fuzz_str(data, size);
    struct str head = fuzz_line(&body);
    char call = head.len > 0 ? head.ptr[0] : 'u';

    fuzz_jira_begin(&world, head.len > 1 && head.ptr[1] == 'd', body);
    switch (call) {
    case 'd':
        check_feed(&world, JIRA_DELETED);
        break;
    case 's':
        check_server(&world);
        break;
    case 'm':
        check_myself(&world);
        break;
    case 'w':
    case 'i':
        check_exists(&world, call == 'i');
        break;
    default:
        check_feed(&world, JIRA_UPDATED);
    }
    fuzz_jira_end(&world);
    return 0;
}
