/* Tests of write.c: what is sent for a change, and what becomes of each way to refuse it. */
#include "jira/write.h"

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
    /* What the network answers to the change, and to the questions after a refusal. */
    int status;
    const char *body;
    enum err_class error;
    const char *rights; /* NULL: 404 */
    const char *settings;
    struct strbuf asked_body;
    struct jira_one one;
    struct jira_outcome outcome;
    struct err err;
};

static const char worklog_json[] =
    "{\"id\":\"77\",\"issueId\":\"10001\",\"author\":{\"accountId\":\"a1\"},"
    "\"created\":\"2026-01-15T10:00:00.000+0000\",\"updated\":\"2026-01-15T10:00:00.000+0000\","
    "\"started\":\"2026-01-15T09:00:00.000+0000\",\"timeSpentSeconds\":3600}";

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *fixture = arg;
    const char *body = fixture->body;

    ret->headers[0] = "Content-Type: application/json";
    if (strstr(path, "/mypermissions?")) {
        ret->status = fixture->rights ? 200 : 404;
        body = fixture->rights ? fixture->rights : "{}";
    } else if (strstr(path, "/configuration")) {
        ret->status = fixture->settings ? 200 : 404;
        body = fixture->settings ? fixture->settings : "{}";
    } else {
        ret->status = fixture->status;
        ret->error = fixture->error;
        strbuf_reset(&fixture->asked_body);
        strbuf_add_str(&fixture->asked_body, request->body);
    }
    strbuf_add_z(&ret->body, body);
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
    fixture->status = 201;
    fixture->body = worklog_json;
    fixture->rights = "{\"permissions\":{}}";
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->net.in_flight, 0);
    jira_one_done(&fixture->one);
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

static const struct jira_change plain = {
    .has_started = true,
    .has_seconds = true,
    .has_comment = true,
    .started_ms = FAKE_NOW_MS,
    .seconds = 3600,
    .comment = {"one\n\ntwo \"2\"", 12},
};

static enum err_class create(struct fixture *fixture, const struct jira_change *change)
{
    jira_one_done(&fixture->one);
    strbuf_reset(&fixture->net.seen);
    return jira_worklog_create(&fixture->jira, STR("ABC-12"), change, &fixture->one,
                               &fixture->outcome, &fixture->err);
}

static void a_create_is_one_call_with_all_that_was_said(void **state)
{
    struct fixture *fixture = *state;
    struct jira_change change = plain;

    change.property_key = STR("tenon.client");
    change.property_id = STR("abc");
    change.visibility_type = STR("group");
    change.visibility_id = STR("g-1");
    ok(fixture, create(fixture, &change));
    assert_string_equal(strbuf_z(&fixture->net.seen),
                        "POST /rest/api/3/issue/ABC-12/worklog?adjustEstimate=auto\n");
    assert_string_equal(
        strbuf_z(&fixture->asked_body),
        "{\"started\":\"2026-01-15T10:00:00.000+0000\",\"timeSpentSeconds\":3600,\"comment\":"
        "{\"type\":\"doc\",\"version\":1,\"content\":[{\"type\":\"paragraph\",\"content\":["
        "{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"hardBreak\"},{\"type\":\"hardBreak\"},"
        "{\"type\":\"text\",\"text\":\"two \\\"2\\\"\"}]}]},"
        "\"visibility\":{\"type\":\"group\",\"identifier\":\"g-1\"},"
        "\"properties\":[{\"key\":\"tenon.client\",\"value\":{\"id\":\"abc\"}}]}");
    assert_int_equal(fixture->one.worklog.id, 77);
    assert_int_equal(fixture->one.worklog.issue_id, 10001);
    assert_true(str_eq_z(fixture->one.worklog.account, "a1"));
    assert_false(fixture->outcome.unknown);
}

static void data_center_gets_text_and_the_old_path(void **state)
{
    struct fixture *fixture = *state;

    fixture->jira.datacenter = true;
    ok(fixture, create(fixture, &plain));
    assert_string_equal(strbuf_z(&fixture->net.seen),
                        "POST /rest/api/2/issue/ABC-12/worklog?adjustEstimate=auto\n");
    assert_non_null(strstr(strbuf_z(&fixture->asked_body), "\"comment\":\"one\\n\\ntwo"));
}

static void a_document_reads_back_as_the_text_it_was_made_of(void **state)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "a\nb",
                                        "a\n\n\nb",
                                        "  two  spaces",
                                        "tab\there",
                                        "\xc3\xa4 \xe2\x82\xac \"q\" \\ </script>"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(1000);
        AUTO(strbuf_done) struct strbuf document = STRBUF_INIT(10000);
        AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
        struct json_out out = json_out(&document);
        struct err err;

        jira_document(&out, str_from(texts[i]));
        assert_int_equal(json_read(strbuf_str(&document), "a document", &doc, &err), ERR_OK);
        jira_text(yyjson_doc_get_root(doc), &text);
        assert_string_equal(strbuf_z(&text), texts[i]);
    }
}

static void the_estimate_travels_in_the_query(void **state)
{
    static const struct {
        struct jira_estimate estimate;
        bool quiet;
        const char *create, *update, *delete; /* NULL: refused */
    } cases[] = {
        {{JIRA_ESTIMATE_AUTO, {0}}, false, "auto", "auto", "auto"},
        {{JIRA_ESTIMATE_LEAVE, {0}},
         true,
         "leave&notifyUsers=false",
         "leave&notifyUsers=false",
         "leave&notifyUsers=false"},
        {{JIRA_ESTIMATE_NEW, {"2h 30m", 6}},
         false,
         "new&newEstimate=2h%2030m",
         "new&newEstimate=2h%2030m",
         "new&newEstimate=2h%2030m"},
        {{JIRA_ESTIMATE_MANUAL, {"1d", 2}},
         false,
         "manual&reduceBy=1d",
         NULL,
         "manual&increaseBy=1d"},
        {{JIRA_ESTIMATE_NEW, {"1d&x=y", 6}}, false, NULL, NULL, NULL},
        {{JIRA_ESTIMATE_NEW, {0}}, false, NULL, NULL, NULL},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jira_change change = {.estimate = cases[i].estimate, .quiet = cases[i].quiet};
        enum err_class rc = create(fixture, &change);
        char line[200];

        (void)snprintf(line, sizeof(line),
                       "POST /rest/api/3/issue/ABC-12/worklog?adjustEstimate=%s\n",
                       cases[i].create ? cases[i].create : "");
        assert_int_equal(rc, cases[i].create ? ERR_OK : ERR_INPUT);
        assert_string_equal(strbuf_z(&fixture->net.seen), cases[i].create ? line : "");
        strbuf_reset(&fixture->net.seen);
        jira_one_done(&fixture->one);
        rc = jira_worklog_update(&fixture->jira, 10001, 77, &change, &fixture->one,
                                 &fixture->outcome, &fixture->err);
        (void)snprintf(line, sizeof(line),
                       "PUT /rest/api/3/issue/10001/worklog/77?adjustEstimate=%s\n",
                       cases[i].update ? cases[i].update : "");
        assert_int_equal(rc, cases[i].update ? ERR_OK : ERR_INPUT);
        assert_string_equal(strbuf_z(&fixture->net.seen), cases[i].update ? line : "");
        strbuf_reset(&fixture->net.seen);
        rc = jira_worklog_delete(&fixture->jira, 10001, 77, &cases[i].estimate, cases[i].quiet,
                                 &fixture->outcome, &fixture->err);
        (void)snprintf(line, sizeof(line),
                       "DELETE /rest/api/3/issue/10001/worklog/77?adjustEstimate=%s\n",
                       cases[i].delete ? cases[i].delete : "");
        assert_int_equal(rc, cases[i].delete ? ERR_OK : ERR_INPUT);
        assert_string_equal(strbuf_z(&fixture->net.seen), cases[i].delete ? line : "");
    }
}

static void durations_are_those_that_jira_takes(void **state)
{
    static const char *const good[] = {"2h",   "2h 30m", "1w 2d 4h 5m", "90",
                                       "1.5h", " 1d ",   "1h30m"};
    static const char *const bad[] = {"",
                                      " ",
                                      "h",
                                      "2x",
                                      "-1h",
                                      "1..5h",
                                      "1.h",
                                      "2h&a=b",
                                      "1h\n2m",
                                      "1234567h",
                                      "1111111111111111111111111111111111111111111"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!jira_is_duration(str_from(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (jira_is_duration(str_from(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void an_issue_s_name_cannot_leave_its_place_in_the_path(void **state)
{
    static const char *const names[] = {"", "../x", "A B", "A/B", "A?x=1", "A%2f"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(jira_worklog_create(&fixture->jira, str_from(names[i]), &plain,
                                             &fixture->one, &fixture->outcome, &fixture->err),
                         ERR_INPUT);
    assert_int_equal(fixture->net.started, 0);
}

static void every_refusal_has_its_sentence(void **state)
{
    static const struct {
        int status;
        const char *body, *rights, *settings;
        enum err_class class;
        enum jira_refusal refusal;
        const char *says;
    } cases[] = {
        {400,
         "{\"errorMessages\":[\"Ann, you do not have permission to edit the specified "
         "worklog.\",\"Worklog must not be null.\"],\"errors\":{}}",
         "{}", NULL, ERR_FORBIDDEN, JIRA_REFUSED_RIGHT, "\"Work on issues\""},
        {400,
         "{\"errorMessages\":[\"You can not edit the issue as it is in a non-editable workflow "
         "state.\"]}",
         "{}", NULL, ERR_CONFLICT, JIRA_REFUSED_CLOSED, "workflow state"},
        {400, "{\"errors\":{\"newEstimate\":\"x\"}}", "{}", NULL, ERR_INPUT, JIRA_REFUSED_ESTIMATE,
         "remaining estimate"},
        {400, "{\"errors\":{\"timeLogged\":\"x\"}}", "{}", NULL, ERR_INPUT, JIRA_REFUSED_DURATION,
         "one minute"},
        {400, "{\"errors\":{\"comment\":\"x\"}}", "{}", NULL, ERR_INPUT, JIRA_REFUSED_COMMENT,
         "comment"},
        {413, "{}", "{}", NULL, ERR_LIMIT, JIRA_REFUSED_FULL, "as many worklogs"},
        {404,
         "{\"errorMessages\":[\"Issue does not exist or you do not have permission to see "
         "it.\"]}",
         NULL, NULL, ERR_NOT_FOUND, JIRA_REFUSED_GONE, "does not exist"},
        /* a site in another language */
        {400, "{\"errorMessages\":[\"Das geht so nicht.\"]}",
         "{\"permissions\":{\"WORK_ON_ISSUES\":{\"havePermission\":false}}}", NULL, ERR_FORBIDDEN,
         JIRA_REFUSED_RIGHT, "Work on issues"},
        {404, "{\"errorMessages\":[\"Das geht so nicht.\"]}",
         "{\"permissions\":{\"WORK_ON_ISSUES\":{\"havePermission\":true}}}",
         "{\"timeTrackingEnabled\":false}", ERR_CONFLICT, JIRA_REFUSED_TRACKING, "time tracking"},
        {400, "{\"errorMessages\":[\"Das geht so nicht.\"]}", "{}", "{}", ERR_REMOTE,
         JIRA_REFUSED_OTHER, "does not say why"},
        {403, "not json", "{}", NULL, ERR_FORBIDDEN, JIRA_REFUSED_RIGHT, "Work on issues"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fixture->status = cases[i].status;
        fixture->body = cases[i].body;
        fixture->rights = cases[i].rights;
        fixture->settings = cases[i].settings;
        if (create(fixture, &plain) != cases[i].class)
            fail_msg("case %zu: %s", i, fixture->err.msg);
        assert_int_equal(fixture->outcome.refusal, cases[i].refusal);
        assert_false(fixture->outcome.unknown);
        if (!strstr(fixture->err.msg, cases[i].says) || !strstr(fixture->err.msg, "ABC-12") ||
            strstr(fixture->err.msg, "Ann") || strstr(fixture->err.msg, "Das geht"))
            fail_msg("case %zu: %s", i, fixture->err.msg);
    }
}

static void what_was_lost_on_the_way_is_not_known_and_not_repeated(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_class error;
        bool unknown;
    } cases[] = {
        {0, "", ERR_NETWORK, true},     {500, "{}", ERR_OK, true},     {504, "{}", ERR_OK, true},
        {201, "{\"id\"", ERR_OK, true}, {201, "<html>", ERR_OK, true}, {201, "{}", ERR_OK, true},
        {408, "{}", ERR_OK, true},      {401, "{}", ERR_OK, false},    {302, "", ERR_OK, false},
        {405, "{}", ERR_OK, false},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned before = fixture->net.started;

        fixture->status = cases[i].status;
        fixture->body = cases[i].body;
        fixture->error = cases[i].error;
        assert_int_not_equal(create(fixture, &plain), ERR_OK);
        if (fixture->outcome.unknown != cases[i].unknown)
            fail_msg("case %zu: %s", i, fixture->err.msg);
        assert_int_equal(fixture->net.started, before + 1);
    }
}

static void data_center_without_properties_is_asked_again_without_them(void **state)
{
    struct fixture *fixture = *state;
    struct jira_change change = plain;

    fixture->jira.datacenter = true;
    fixture->status = 400;
    fixture->body = "{\"errorMessages\":[\"Unrecognized field \\\"properties\\\"\"]}";
    change.property_key = STR("tenon.client");
    change.property_id = STR("abc");
    assert_int_equal(create(fixture, &change), ERR_REMOTE);
    assert_int_equal(fixture->net.started, 2);
    assert_null(strstr(strbuf_z(&fixture->asked_body), "properties"));
}

static void the_first_try_is_found_by_its_mark(void **state)
{
    struct fixture *fixture = *state;
    bool found = false;

    fixture->status = 200;
    fixture->body =
        "{\"total\":2,\"worklogs\":[{\"id\":\"1\",\"properties\":[{\"key\":\"tenon.client\","
        "\"value\":{\"id\":\"other\"}}]},"
        "{\"id\":\"77\",\"issueId\":\"10001\",\"created\":\"2026-01-15T10:00:00.000+0000\","
        "\"updated\":\"2026-01-15T10:00:00.000+0000\",\"started\":\"2026-01-15T09:00:00.000+0000\","
        "\"timeSpentSeconds\":60,\"properties\":[{\"key\":\"x\",\"value\":1},"
        "{\"key\":\"tenon.client\",\"value\":{\"id\":\"mine\"}}]}]}";
    ok(fixture, jira_worklog_find(&fixture->jira, STR("10001"), 1000000, STR("tenon.client"),
                                  STR("mine"), &fixture->one, &found, &fixture->err));
    assert_true(found);
    assert_int_equal(fixture->one.worklog.id, 77);
    assert_string_equal(strbuf_z(&fixture->net.seen),
                        "GET /rest/api/3/issue/10001/worklog?startedAfter=940000&"
                        "startedBefore=1060000&expand=properties\n");
    jira_one_done(&fixture->one);
    ok(fixture, jira_worklog_find(&fixture->jira, STR("10001"), 1000000, STR("tenon.client"),
                                  STR("nobody's"), &fixture->one, &found, &fixture->err));
    assert_false(found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_create_is_one_call_with_all_that_was_said),
        TEST(data_center_gets_text_and_the_old_path),
        TEST(a_document_reads_back_as_the_text_it_was_made_of),
        TEST(the_estimate_travels_in_the_query),
        TEST(durations_are_those_that_jira_takes),
        TEST(an_issue_s_name_cannot_leave_its_place_in_the_path),
        TEST(every_refusal_has_its_sentence),
        TEST(what_was_lost_on_the_way_is_not_known_and_not_repeated),
        TEST(data_center_without_properties_is_asked_again_without_them),
        TEST(the_first_try_is_found_by_its_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
