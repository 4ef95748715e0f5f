/* Tests of jira.c and worklog.c: typed calls against a network whose answers the test writes. */
#include "jira/jira.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"
#include "base/civil.h"

struct fixture {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    /* What the network answers, and what it was asked. */
    int status;
    struct str body;
    char asked_path[1000], asked_url[1200], asked_authorization[200];
    enum http_method asked_method;
    struct strbuf asked_body;
    struct err err;
};

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *fixture = arg;

    ret->status = fixture->status;
    ret->headers[0] = "Content-Type: application/json";
    strbuf_add_str(&ret->body, fixture->body);
    (void)snprintf(fixture->asked_path, sizeof(fixture->asked_path), "%s", path);
    (void)snprintf(fixture->asked_url, sizeof(fixture->asked_url), "%s", request->url);
    (void)snprintf(fixture->asked_authorization, sizeof(fixture->asked_authorization), "%s",
                   request->authorization ? request->authorization : "");
    fixture->asked_method = request->method;
    strbuf_reset(&fixture->asked_body);
    strbuf_add_str(&fixture->asked_body, request->body);
}

static int begin(void **state)
{
    static const struct http_budget_options options = {0};
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fake_ctx_init(&fixture->fake, 1);
    fake_net_init(&fixture->net, answer, fixture);
    fake_net_install(&fixture->net, &fixture->fake.ctx);
    fixture->budget = http_budget_new(&options);
    assert_non_null(fixture->budget);
    fixture->asked_body = STRBUF_INIT(1 << 20);
    fixture->jira.http = (struct http_client){.ctx = &fixture->fake.ctx,
                                              .budget = fixture->budget,
                                              .base_url = "https://acme.atlassian.net",
                                              .authorization = "Basic c2VjcmV0"};
    fixture->status = 200;
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->net.in_flight, 0);
    http_budget_free(fixture->budget);
    fake_net_done(&fixture->net);
    fake_ctx_done(&fixture->fake);
    strbuf_done(&fixture->asked_body);
    free(fixture);
    return 0;
}

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static void says(struct fixture *fixture, const char *part)
{
    if (!strstr(fixture->err.msg, part))
        fail_msg("the message does not say '%s': %s", part, fixture->err.msg);
}

/* ---- who and what ---- */

static void cloud_speaks_version_3_and_data_center_version_2(void **state)
{
    struct fixture *fixture = *state;
    struct jira_server server = {0};

    fixture->body = STR("{\"version\":\"1001.0.0-SNAPSHOT\",\"deploymentType\":\"Cloud\","
                        "\"serverTime\":\"2026-01-15T12:00:00.000+0200\"}");
    ok(fixture, jira_server_info(&fixture->jira, &server, &fixture->err));
    assert_string_equal(fixture->asked_path, "/rest/api/3/serverInfo");
    assert_string_equal(server.version, "1001.0.0-SNAPSHOT");
    assert_true(server.cloud);
    assert_int_equal(server.server_ms, FAKE_NOW_MS);

    fixture->jira.datacenter = true;
    fixture->body = STR("{\"version\":\"9.12.2\",\"deploymentType\":\"Server\"}");
    ok(fixture, jira_server_info(&fixture->jira, &server, &fixture->err));
    assert_string_equal(fixture->asked_path, "/rest/api/2/serverInfo");
    assert_false(server.cloud);
    assert_int_equal(server.server_ms, 0); /* not told */
    assert_string_equal(jira_api(&fixture->jira), "/rest/api/2");
}

static void what_is_not_jira_is_told(void **state)
{
    static const char *const wrong[] = {"{}", "{\"version\":7}", "[]", "null", "\"version\""};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct jira_server server = {.server_ms = 7};

        fixture->body = str_from(wrong[i]);
        assert_int_equal(jira_server_info(&fixture->jira, &server, &fixture->err), ERR_REMOTE);
        says(fixture, "https://acme.atlassian.net");
        says(fixture, "address");
        assert_int_equal(server.server_ms, 7);
    }

    struct jira_server server = {0};

    fixture->body = STR("{\"version\":");
    assert_int_equal(jira_server_info(&fixture->jira, &server, &fixture->err), ERR_REMOTE);
    says(fixture, "not JSON");
    fixture->body = STR("");
    assert_int_equal(jira_server_info(&fixture->jira, &server, &fixture->err), ERR_REMOTE);
    says(fixture, "empty");

    /* A version longer than there is room for is cut, a time that is none is not told. */
    fixture->body = STR("{\"version\":\"0123456789012345678901234567890123456789\","
                        "\"serverTime\":\"2026-02-30T00:00:00.000+0000\"}");
    ok(fixture, jira_server_info(&fixture->jira, &server, &fixture->err));
    assert_string_equal(server.version, "0123456789012345678901234567890");
    assert_int_equal(server.server_ms, 0);
}

static void an_account_goes_by_the_name_its_product_gives_it(void **state)
{
    static const struct {
        const char *body, *account; /* account NULL: none can be found */
    } cases[] = {
        {"{\"accountId\":\"5b10:a2\",\"key\":\"k\",\"name\":\"n\"}", "5b10:a2"},
        {"{\"key\":\"JIRAUSER10100\",\"name\":\"n\"}", "JIRAUSER10100"},
        {"{\"name\":\"jdoe\"}", "jdoe"},
        {"{\"accountId\":\"\",\"key\":\"k\"}", "k"},
        {"{\"accountId\":\"unknown\"}", NULL}, /* what Jira puts for users it lost */
        {"{\"accountId\":7}", NULL},
        {"{\"displayName\":\"A Person\",\"emailAddress\":\"a@b\"}", NULL},
        {"{}", NULL},
        {"[]", NULL},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf account = STRBUF_INIT(1000);
        enum err_class rc;

        fixture->body = str_from(cases[i].body);
        rc = jira_myself(&fixture->jira, &account, &fixture->err);
        assert_int_equal(rc, cases[i].account ? ERR_OK : ERR_REMOTE);
        assert_string_equal(strbuf_z(&account), cases[i].account ? cases[i].account : "");
        assert_string_equal(fixture->asked_path, "/rest/api/3/myself");
        strbuf_done(&account);
    }
    fixture->status = 401;
    fixture->body = STR("{}");

    struct strbuf account = STRBUF_INIT(1000);

    assert_int_equal(jira_myself(&fixture->jira, &account, &fixture->err), ERR_DENIED);
    says(fixture, "token");
    assert_int_equal(account.len, 0);
    strbuf_done(&account);
}

static void a_credential_becomes_a_header(void **state)
{
    static const struct {
        struct str login, token;
        const char *expected;
    } cases[] = {
        /* The well-known pair of RFC 7617. */
        {STR("Aladdin"), STR("open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
        {STR("a"), STR("b"), "Basic YTpi"},
        {STR("a"), STR("bc"), "Basic YTpiYw=="},
        {STR(""), STR("NjA1.pat"), "Bearer NjA1.pat"},
        {{NULL, 0}, STR("NjA1.pat"), "Bearer NjA1.pat"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf header = STRBUF_INIT(1000);

        jira_authorization(cases[i].login, cases[i].token, &header);
        assert_string_equal(strbuf_z(&header), cases[i].expected);
        assert_int_equal(header.len, strlen(cases[i].expected));
        strbuf_done(&header);
    }

    struct strbuf small = STRBUF_INIT(10);

    jira_authorization(STR("somebody"), STR("token"), &small);
    assert_int_equal(small.failed, ERR_LIMIT);
    strbuf_done(&small);
}

/* ---- feeds ---- */

static enum err_class feed(struct fixture *fixture, enum jira_feed which, const char *query,
                           struct jira_feed_page *ret)
{
    struct http_call *call = NULL;
    enum err_class rc = jira_feed_start(&fixture->jira, which, query, &call, &fixture->err);

    return rc == ERR_OK ? jira_feed_finish(&fixture->jira, call, ret, &fixture->err) : rc;
}

static void a_page_of_a_feed_is_read_whole(void **state)
{
    static struct jira_feed_page page;
    struct fixture *fixture = *state;

    fixture->body =
        STR("{\"values\":[{\"worklogId\":103,\"updatedTime\":1438013671562,\"properties\":[]},"
            "{\"worklogId\":9223372036854775807,\"updatedTime\":\"1438013672165\"},"
            "{\"worklogId\":\"9007199254740993\",\"updatedTime\":1438013693136}],"
            "\"since\":1438013671562,\"until\":1438013693136,\"lastPage\":false,"
            "\"nextPage\":\"https://other.example/x/rest/api/3/worklog/updated?since=1438013693136"
            "&after=%3A7\"}");
    ok(fixture, feed(fixture, JIRA_UPDATED, "since=0", &page));
    assert_string_equal(fixture->asked_path, "/rest/api/3/worklog/updated?since=0");
    assert_int_equal(fixture->asked_method, HTTP_GET);
    assert_int_equal(page.count, 3);
    assert_int_equal(page.rows[0].id, 103);
    assert_int_equal(page.rows[1].id, INT64_MAX);
    assert_int_equal(page.rows[1].time_ms, INT64_C(1438013672165));
    assert_int_equal(page.rows[2].id, INT64_C(9007199254740993));
    assert_int_equal(page.until_ms, INT64_C(1438013693136));
    assert_false(page.last);
    assert_string_equal(page.next, "since=1438013693136&after=%3A7");

    /* The next page is asked of our host, whatever the answer says. */
    fixture->body = STR("{\"values\":[],\"lastPage\":true,\"nextPage\":\"?x\"}");
    ok(fixture, feed(fixture, JIRA_UPDATED, page.next, &page));
    assert_string_equal(fixture->asked_url, "https://acme.atlassian.net/rest/api/3/worklog/updated"
                                            "?since=1438013693136&after=%3A7");
    assert_string_equal(fixture->asked_authorization, "Basic c2VjcmV0");
    assert_int_equal(page.count, 0);
    assert_true(page.last);
    assert_string_equal(page.next, "");
    assert_int_equal(page.until_ms, 0); /* not told */

    fixture->jira.datacenter = true;
    ok(fixture, feed(fixture, JIRA_DELETED, "since=5", &page));
    assert_string_equal(fixture->asked_path, "/rest/api/2/worklog/deleted?since=5");
}

static void a_page_that_is_none_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"values\":[]}",
        "{\"values\":{},\"lastPage\":true}",
        "{\"values\":[],\"lastPage\":\"true\"}",
        "{\"values\":[7],\"lastPage\":true}",
        "{\"values\":[{}],\"lastPage\":true}",
        "{\"values\":[{\"worklogId\":1}],\"lastPage\":true}",
        "{\"values\":[{\"updatedTime\":1}],\"lastPage\":true}",
        "{\"values\":[{\"worklogId\":0,\"updatedTime\":1}],\"lastPage\":true}",
        "{\"values\":[{\"worklogId\":-1,\"updatedTime\":1}],\"lastPage\":true}",
        "{\"values\":[{\"worklogId\":1.5,\"updatedTime\":1}],\"lastPage\":true}",
        "{\"values\":[{\"worklogId\":9223372036854775808,\"updatedTime\":1}],\"lastPage\":true}",
        /* Times that no calendar has: we go on from them by adding. */
        "{\"values\":[{\"worklogId\":1,\"updatedTime\":9223372036854775807}],\"lastPage\":true}",
        "{\"values\":[{\"worklogId\":1,\"updatedTime\":-1}],\"lastPage\":true}",
        /* Not the last page, and no way on. */
        "{\"values\":[],\"lastPage\":false}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":null}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"https://acme/x\"}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"https://acme/x?\"}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?since=1 HTTP/1.1\"}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?since=1\\r\\nX: y\"}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?since=1\\u0000\"}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?since=1#f\"}",
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?since=\xc3\xa9\"}",
        "<html>",
        "{\"values\":[",
    };
    static struct jira_feed_page page;
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        fixture->body = str_from(wrong[i]);
        if (feed(fixture, JIRA_UPDATED, "since=0", &page) != ERR_REMOTE)
            fail_msg("was read: %s", wrong[i]);
        says(fixture, "worklog");
    }
}

static void a_page_has_a_thousand_rows_and_not_one_more(void **state)
{
    static struct jira_feed_page page;
    struct fixture *fixture = *state;
    struct strbuf body = STRBUF_INIT(1 << 20);

    for (int rows = LIMIT_FEED_PAGE_ROWS; rows <= LIMIT_FEED_PAGE_ROWS + 1; rows++) {
        strbuf_reset(&body);
        strbuf_add_z(&body, "{\"values\":[");
        for (int i = 1; i <= rows; i++)
            strbuf_addf(&body, "%s{\"worklogId\":%d,\"updatedTime\":%d}", i > 1 ? "," : "", i, i);
        strbuf_add_z(&body, "],\"lastPage\":true}");
        fixture->body = strbuf_str(&body);
        assert_int_equal(feed(fixture, JIRA_UPDATED, "since=0", &page),
                         rows > LIMIT_FEED_PAGE_ROWS ? ERR_REMOTE : ERR_OK);
        assert_int_equal(page.count, LIMIT_FEED_PAGE_ROWS);
    }
    strbuf_done(&body);
}

static void a_next_page_must_fit_where_it_is_kept(void **state)
{
    static struct jira_feed_page page;
    struct fixture *fixture = *state;

    for (size_t len = JIRA_QUERY_BYTES; len <= JIRA_QUERY_BYTES + 1; len++) {
        struct strbuf body = STRBUF_INIT(10000);

        strbuf_add_z(&body, "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?");
        for (size_t i = 0; i < len; i++)
            strbuf_add_char(&body, 'q');
        strbuf_add_z(&body, "\"}");
        fixture->body = strbuf_str(&body);
        assert_int_equal(feed(fixture, JIRA_UPDATED, "since=0", &page),
                         len > JIRA_QUERY_BYTES ? ERR_REMOTE : ERR_OK);
        assert_int_equal(strlen(page.next), len > JIRA_QUERY_BYTES ? 0 : len);
        strbuf_done(&body);
    }
}

/* ---- worklogs ---- */

static enum err_class list(struct fixture *fixture, const int64_t *ids, size_t count,
                           struct jira_worklogs *ret)
{
    struct http_call *call = NULL;
    enum err_class rc = jira_worklogs_start(&fixture->jira, ids, count, &call, &fixture->err);

    return rc == ERR_OK ? jira_worklogs_finish(&fixture->jira, call, ret, &fixture->err) : rc;
}

static void worklogs_are_asked_for_by_their_ids(void **state)
{
    static const int64_t ids[] = {1, INT64_MAX, INT64_C(9007199254740993)};
    struct fixture *fixture = *state;
    struct jira_worklogs worklogs = {0};
    struct jira_worklog worklog;
    enum jira_defect defect;

    fixture->body = STR("[]");
    ok(fixture, list(fixture, ids, ARRAY_LEN(ids), &worklogs));
    assert_string_equal(fixture->asked_path, "/rest/api/3/worklog/list");
    assert_int_equal(fixture->asked_method, HTTP_POST);
    assert_string_equal(strbuf_z(&fixture->asked_body),
                        "{\"ids\":[1,9223372036854775807,9007199254740993]}");
    assert_int_equal(http_budget_usage(fixture->budget).points, 4); /* one, and one an object */
    assert_false(jira_worklogs_next(&worklogs, &worklog, &defect));
    jira_worklogs_done(&worklogs);
    jira_worklogs_done(&worklogs); /* twice is fine */

    /* All that a page can have, each as long as an id can be. */
    static int64_t many[LIMIT_FEED_PAGE_ROWS];

    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = INT64_MAX - (int64_t)i;
    ok(fixture, list(fixture, many, ARRAY_LEN(many), &worklogs));
    assert_int_equal(fixture->asked_body.len, strlen("{\"ids\":[]}") + 1000 * 20 - 1);
    jira_worklogs_done(&worklogs);
}

static void an_answer_that_is_no_list_is_refused(void **state)
{
    static const char *const wrong[] = {"{}", "null", "7", "\"x\"", "[", "", "<html>"};
    static const int64_t ids[] = {1};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct jira_worklogs worklogs = {0};

        fixture->body = str_from(wrong[i]);
        assert_int_equal(list(fixture, ids, 1, &worklogs), ERR_REMOTE);
        assert_null(worklogs.doc);
        assert_null(worklogs.response.body.ptr);
    }
}

#define TIMES                                                                                      \
    "\"created\":\"2026-01-05T09:00:00.000+0100\",\"updated\":\"2026-01-05T10:00:00.000+0000\","   \
    "\"started\":\"2026-01-04T23:30:00.000-0800\""

static void worklogs_come_one_after_the_other(void **state)
{
    static const int64_t ids[] = {1, 2};
    struct fixture *fixture = *state;
    struct jira_worklogs worklogs = {0};
    struct jira_worklog worklog;
    enum jira_defect defect;
    int64_t ms = 0;

    fixture->body =
        STR("[{\"id\":\"100028\",\"issueId\":\"10002\",\"author\":{\"accountId\":\"5b10:a2\","
            "\"displayName\":\"Somebody\"},\"comment\":{\"type\":\"doc\",\"version\":1,\"content\":"
            "[{\"type\":\"paragraph\",\"content\":[{\"type\":\"text\",\"text\":\"I did it\"}]}]},"
            "\"timeSpent\":\"3h 20m\",\"timeSpentSeconds\":12000," TIMES "},"
            "{\"id\":9007199254740993,\"issueId\":7,\"author\":{\"key\":\"jdoe\"},"
            "\"comment\":\"plain text\",\"timeSpentSeconds\":\"60\"," TIMES "}]");
    ok(fixture, list(fixture, ids, 2, &worklogs));
    assert_true(jira_worklogs_next(&worklogs, &worklog, &defect));
    assert_int_equal(defect, JIRA_DEFECT_NONE);
    assert_int_equal(worklog.id, 100028);
    assert_int_equal(worklog.issue_id, 10002);
    assert_true(str_eq(worklog.account, STR("5b10:a2")));
    assert_true(str_eq(worklog.comment, STR("I did it")));
    assert_int_equal(worklog.seconds, 12000);
    assert_true(civil_parse_stamp(STR("2026-01-05T08:00:00.000Z"), &ms));
    assert_int_equal(worklog.created_ms, ms);
    assert_int_equal(worklog.updated_ms, ms + 2 * MS_PER_HOUR);
    assert_int_equal(worklog.started_ms, ms - MS_PER_HOUR / 2);
    assert_true(jira_worklogs_next(&worklogs, &worklog, &defect));
    assert_int_equal(defect, JIRA_DEFECT_NONE);
    assert_int_equal(worklog.id, INT64_C(9007199254740993));
    assert_true(str_eq(worklog.account, STR("jdoe")));
    assert_true(str_eq(worklog.comment, STR("plain text")));
    assert_int_equal(worklog.seconds, 60);
    assert_false(jira_worklogs_next(&worklogs, &worklog, &defect));
    assert_false(jira_worklogs_next(&worklogs, &worklog, &defect));
    jira_worklogs_done(&worklogs);
}

static enum jira_defect read_one(const char *text, struct strbuf *comment, struct jira_worklog *ret)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};
    enum jira_defect defect;

    if (json_read(str_from(text), "it", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    defect = jira_worklog_read(yyjson_doc_get_root(doc), comment, ret);
    ret->account = (struct str){NULL, ret->account.len}; /* goes with the document */
    yyjson_doc_free(doc);
    return defect;
}

static void what_is_wrong_with_a_worklog_is_told(void **state)
{
#define HEAD "\"id\":\"1\",\"issueId\":\"2\","
#define SPENT ",\"timeSpentSeconds\":60"
    static const struct {
        const char *text;
        enum jira_defect defect;
    } cases[] = {
        {"{" HEAD TIMES SPENT "}", JIRA_DEFECT_NONE}, /* no author, no comment: fine */
        {"{" HEAD TIMES SPENT ",\"comment\":null,\"author\":null}", JIRA_DEFECT_NONE},
        {"{" HEAD TIMES ",\"timeSpentSeconds\":0}", JIRA_DEFECT_NONE},
        {"{" HEAD TIMES ",\"timeSpentSeconds\":2147483647}", JIRA_DEFECT_NONE},
        {"{}", JIRA_DEFECT_NO_ID},
        {"7", JIRA_DEFECT_NO_ID},
        {"[]", JIRA_DEFECT_NO_ID},
        {"null", JIRA_DEFECT_NO_ID},
        {"{\"issueId\":\"2\"," TIMES SPENT "}", JIRA_DEFECT_NO_ID},
        {"{\"id\":\"x\",\"issueId\":\"2\"," TIMES SPENT "}", JIRA_DEFECT_NO_ID},
        {"{\"id\":\"0\",\"issueId\":\"2\"," TIMES SPENT "}", JIRA_DEFECT_NO_ID},
        {"{\"id\":\"-1\",\"issueId\":\"2\"," TIMES SPENT "}", JIRA_DEFECT_NO_ID},
        {"{\"id\":\"1\"," TIMES SPENT "}", JIRA_DEFECT_NO_ISSUE},
        {"{\"id\":\"1\",\"issueId\":\"ABC-1\"," TIMES SPENT "}", JIRA_DEFECT_NO_ISSUE},
        {"{" HEAD TIMES "}", JIRA_DEFECT_NO_SECONDS},
        {"{" HEAD TIMES ",\"timeSpentSeconds\":-1}", JIRA_DEFECT_NO_SECONDS},
        {"{" HEAD TIMES ",\"timeSpentSeconds\":2147483648}", JIRA_DEFECT_NO_SECONDS},
        {"{" HEAD TIMES ",\"timeSpentSeconds\":\"1h\"}", JIRA_DEFECT_NO_SECONDS},
        {"{" HEAD "\"created\":\"2026-01-05T09:00:00.000+0100\",\"updated\":"
         "\"2026-01-05T10:00:00.000+0000\"" SPENT "}",
         JIRA_DEFECT_NO_TIME},
        {"{" HEAD "\"created\":\"2026-01-05T09:00:00.000+0100\",\"updated\":"
         "\"2026-01-05T10:00:00.000+0000\",\"started\":\"2026-02-30T09:00:00.000+0000\"" SPENT "}",
         JIRA_DEFECT_NO_TIME},
        {"{" HEAD "\"created\":\"2026-01-05T09:00:00.000+0100\",\"updated\":1767600000000,"
         "\"started\":\"2026-02-20T09:00:00.000+0000\"" SPENT "}",
         JIRA_DEFECT_NO_TIME},
        /* A time that our calendar cannot hold in UTC. */
        {"{" HEAD "\"created\":\"2026-01-05T09:00:00.000+0100\",\"updated\":"
         "\"2026-01-05T10:00:00.000+0000\",\"started\":\"9999-12-31T23:59:00.000-0800\"" SPENT "}",
         JIRA_DEFECT_NO_TIME},
    };
    struct strbuf comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jira_worklog worklog = {.id = -7};
        enum jira_defect defect = read_one(cases[i].text, &comment, &worklog);

        if (defect != cases[i].defect)
            fail_msg("%d instead of %d: %s", defect, cases[i].defect, cases[i].text);
        if (defect == JIRA_DEFECT_NO_ID)
            assert_true(worklog.id <= 0);
        else
            assert_int_equal(worklog.id, 1);
    }
    strbuf_done(&comment);
}

static void a_comment_may_be_as_large_as_the_limit(void **state)
{
    struct strbuf comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    struct strbuf text = STRBUF_INIT(LIMIT_COMMENT_BYTES * 2);
    struct jira_worklog worklog = {0};

    (void)state;
    for (size_t len = LIMIT_COMMENT_BYTES; len <= LIMIT_COMMENT_BYTES + 1; len++) {
        enum jira_defect defect;

        strbuf_reset(&text);
        strbuf_add_z(&text, "{" HEAD TIMES SPENT ",\"comment\":\"");
        memset(strbuf_grow(&text, len), 'x', len);
        strbuf_add_z(&text, "\"}");
        defect = read_one(strbuf_z(&text), &comment, &worklog);
        assert_int_equal(defect,
                         len > LIMIT_COMMENT_BYTES ? JIRA_DEFECT_COMMENT : JIRA_DEFECT_NONE);
        assert_int_equal(worklog.id, 1);
        if (defect == JIRA_DEFECT_NONE)
            assert_int_equal(worklog.comment.len, len);
    }

    /* The next one is read as if nothing had been. */
    assert_int_equal(read_one("{" HEAD TIMES SPENT ",\"comment\":\"short\"}", &comment, &worklog),
                     JIRA_DEFECT_NONE);
    assert_true(str_eq(worklog.comment, STR("short")));
    strbuf_done(&comment);
    strbuf_done(&text);
}

static void an_account_id_past_its_limit_is_no_account(void **state)
{
    struct strbuf comment = STRBUF_INIT(100);

    (void)state;
    for (size_t len = LIMIT_ACCOUNT_ID_BYTES; len <= LIMIT_ACCOUNT_ID_BYTES + 1; len++) {
        struct strbuf text = STRBUF_INIT(10000);
        struct jira_worklog worklog = {0};

        strbuf_add_z(&text, "{" HEAD TIMES SPENT ",\"author\":{\"accountId\":\"");
        memset(strbuf_grow(&text, len), 'x', len);
        strbuf_add_z(&text, "\"}}");
        assert_int_equal(read_one(strbuf_z(&text), &comment, &worklog), JIRA_DEFECT_NONE);
        assert_int_equal(worklog.account.len, len > LIMIT_ACCOUNT_ID_BYTES ? 0 : len);
        strbuf_done(&text);
    }
    strbuf_done(&comment);
}

/* ---- is it there? ---- */

static void only_a_404_means_no(void **state)
{
    static const struct {
        int status;
        enum err_class rc;
        bool there;
    } cases[] = {
        {200, ERR_OK, true},         {404, ERR_OK, false},        {401, ERR_DENIED, false},
        {403, ERR_FORBIDDEN, false}, {410, ERR_NOT_FOUND, false}, {302, ERR_REMOTE, false},
        {400, ERR_REMOTE, false},    {429, ERR_BUSY, false},      {500, ERR_NETWORK, false},
        {503, ERR_BUSY, false},
    };
    struct fixture *fixture = *state;

    fixture->body = STR("{\"id\":\"1\"}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int issue = 0; issue <= 1; issue++) {
            bool there = !cases[i].there;
            enum err_class rc;

            fixture->status = cases[i].status;
            if (issue)
                rc = jira_issue_exists(&fixture->jira, 10002, &there, &fixture->err);
            else
                rc = jira_worklog_exists(&fixture->jira, 10002, 7, &there, &fixture->err);
            assert_int_equal(rc, cases[i].rc);
            assert_int_equal(there, rc == ERR_OK ? cases[i].there : !cases[i].there);
            assert_string_equal(fixture->asked_path, issue ? "/rest/api/3/issue/10002?fields=id"
                                                           : "/rest/api/3/issue/10002/worklog/7");
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(cloud_speaks_version_3_and_data_center_version_2),
        TEST(what_is_not_jira_is_told),
        TEST(an_account_goes_by_the_name_its_product_gives_it),
        TEST(a_credential_becomes_a_header),
        TEST(a_page_of_a_feed_is_read_whole),
        TEST(a_page_that_is_none_is_refused),
        TEST(a_page_has_a_thousand_rows_and_not_one_more),
        TEST(a_next_page_must_fit_where_it_is_kept),
        TEST(worklogs_are_asked_for_by_their_ids),
        TEST(an_answer_that_is_no_list_is_refused),
        TEST(worklogs_come_one_after_the_other),
        TEST(what_is_wrong_with_a_worklog_is_told),
        TEST(a_comment_may_be_as_large_as_the_limit),
        TEST(an_account_id_past_its_limit_is_no_account),
        TEST(only_a_404_means_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
