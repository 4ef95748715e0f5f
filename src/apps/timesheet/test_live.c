/*
 * Tests of live.c and bill.c: every field is read from where Jira puts it, what Jira leaves out is
 * empty, and no more is asked for than was chosen.
 */
#include "apps/timesheet/live.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fake_ctx.h"
#include "../../../tests/lib/fake_net.h"
#include "apps/timesheet/bill.h"

#define ANSWERS_MAX 8

struct fixture {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    const char *answers[ANSWERS_MAX]; /* one after the other; then 500 */
    size_t answer_count, next;
    struct strbuf bodies; /* of all requests, a line each */
    struct live *live;
    struct err err;
};

#define OK(fixture, call)                                                                          \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, (fixture)->err.msg);                                         \
    } while (0)

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *fixture = arg;

    (void)path;
    strbuf_add_str(&fixture->bodies, request->body);
    strbuf_add_char(&fixture->bodies, '\n');
    ret->headers[0] = "Content-Type: application/json";
    ret->status = 500;
    if (fixture->next < fixture->answer_count) {
        ret->status = 200;
        strbuf_add_z(&ret->body, fixture->answers[fixture->next++]);
    }
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
    fixture->bodies = STRBUF_INIT(1 << 20);
    fixture->jira.http = (struct http_client){.ctx = &fixture->fake.ctx,
                                              .budget = fixture->budget,
                                              .base_url = "https://acme.atlassian.net",
                                              .authorization = "Basic c2VjcmV0",
                                              .tries_max = 1};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->net.in_flight, 0);
    live_free(fixture->live);
    http_budget_free(fixture->budget);
    fake_net_done(&fixture->net);
    fake_ctx_done(&fixture->fake);
    strbuf_done(&fixture->bodies);
    free(fixture);
    return 0;
}

static void ask(struct fixture *fixture, const int64_t *ids, size_t count, uint64_t fields)
{
    live_free(fixture->live);
    fixture->live = NULL;
    OK(fixture,
       live_ask_jira(&fixture->jira, "columns", ids, count, fields, &fixture->live, &fixture->err));
}

static void assert_text(const struct fixture *fixture, int64_t issue, enum live_field field,
                        const char *expected)
{
    struct str text = live_text(fixture->live, issue, field);

    if (expected ? !text.ptr || !str_eq_z(text, expected) : text.ptr != NULL)
        fail_msg("%s of %d is not \"%s\": \"" STR_FMT "\"", live_info[field].name, (int)issue,
                 expected ? expected : "nothing", STR_ARG(text.ptr ? text : STR("nothing")));
}

#define ALL (LIVE_BIT(LIVE_FIELD_COUNT) - 1)

static const char two_issues[] =
    "{\"issues\":[{\"id\":\"10001\",\"key\":\"ABC-1\",\"fields\":{\"summary\":\"=1+1, \\\"x\\\"\","
    "\"project\":{\"key\":\"ABC\",\"name\":\"Alpha\"},\"issuetype\":{\"name\":\"Story\"},"
    "\"status\":{\"name\":\"Doing\",\"statusCategory\":{\"name\":\"In Progress\"}},"
    "\"priority\":{\"name\":\"High\"},\"resolution\":{\"name\":\"Fixed\"},"
    "\"parent\":{\"key\":\"ABC-9\",\"fields\":{\"summary\":\"The epic\","
    "\"issuetype\":{\"hierarchyLevel\":1}}},\"components\":[{\"name\":\"core\"},{\"name\":\"web\"}],"
    "\"versions\":[{\"name\":\"1.0\"}],\"fixVersions\":[{\"name\":\"1.1\"},{\"name\":\"2.0\"}],"
    "\"labels\":[\"a\",\"b\"],\"assignee\":{\"displayName\":\"Ada\"},"
    "\"reporter\":{\"displayName\":\"Bo\"},\"creator\":{\"displayName\":\"Cy\"},"
    "\"created\":\"2026-01-05T10:00:00.000+0100\",\"updated\":\"2026-01-06T10:00:00.000+0100\","
    "\"resolutiondate\":\"2026-01-07T10:00:00.000+0100\",\"duedate\":\"2026-01-08\","
    "\"timetracking\":{\"originalEstimateSeconds\":7200,\"remainingEstimateSeconds\":3600,"
    "\"timeSpentSeconds\":1800}}},"
    "{\"id\":\"10003\",\"key\":\"XYZ-3\",\"fields\":{\"summary\":null,\"labels\":[],"
    "\"assignee\":null,\"parent\":{\"key\":\"XYZ-2\",\"fields\":{\"issuetype\":"
    "{\"hierarchyLevel\":0}}},\"timetracking\":{},\"created\":\"soon\"}},"
    "{\"id\":\"666\",\"key\":\"EVIL-1\",\"fields\":{}}]}";

static void every_field_comes_from_where_jira_puts_it(void **state)
{
    static const int64_t ids[] = {10001, 10002, 10003};
    static const struct {
        enum live_field field;
        const char *text;
    } texts[] = {
        {LIVE_KEY, "ABC-1"},     {LIVE_SUMMARY, "=1+1, \"x\""},
        {LIVE_PROJECT, "ABC"},   {LIVE_PROJECT_NAME, "Alpha"},
        {LIVE_TYPE, "Story"},    {LIVE_STATUS, "Doing"},
        {LIVE_PRIORITY, "High"}, {LIVE_STATUS_CATEGORY, "In Progress"},
        {LIVE_EPIC, "ABC-9"},    {LIVE_RESOLUTION, "Fixed"},
        {LIVE_PARENT, "ABC-9"},  {LIVE_PARENT_SUMMARY, "The epic"},
        {LIVE_VERSIONS, "1.0"},  {LIVE_COMPONENTS, "core, web"},
        {LIVE_LABELS, "a, b"},   {LIVE_FIX_VERSIONS, "1.1, 2.0"},
        {LIVE_ASSIGNEE, "Ada"},  {LIVE_REPORTER, "Bo"},
        {LIVE_CREATOR, "Cy"},    {LIVE_DUE, "2026-01-08"},
    };
    static const struct {
        enum live_field field;
        int64_t number;
    } numbers[] = {
        {LIVE_CREATED, INT64_C(1767603600000)},
        {LIVE_UPDATED, INT64_C(1767690000000)},
        {LIVE_RESOLVED, INT64_C(1767776400000)},
        {LIVE_ESTIMATE, 7200},
        {LIVE_REMAINING, 3600},
        {LIVE_SPENT, 1800},
        {LIVE_EXPECTED, 5400},
    };
    struct fixture *fixture = *state;
    int64_t number = 0;

    static_assert(ARRAY_LEN(texts) + ARRAY_LEN(numbers) == LIVE_FIELD_COUNT, "each field once");
    fixture->answers[fixture->answer_count++] = two_issues;
    ask(fixture, ids, ARRAY_LEN(ids), ALL);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_text(fixture, 10001, texts[i].field, texts[i].text);
        assert_text(fixture, 10002, texts[i].field, NULL); /* Jira left it out */
        if (texts[i].field != LIVE_KEY && texts[i].field != LIVE_PARENT)
            assert_text(fixture, 10003, texts[i].field, NULL);
        assert_text(fixture, 666, texts[i].field, NULL); /* nobody asked for it */
    }
    assert_text(fixture, 10003, LIVE_PARENT, "XYZ-2"); /* of a sub-task: no epic */
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        assert_true(live_number(fixture->live, 10001, numbers[i].field, &number));
        assert_int_equal(number, numbers[i].number);
        assert_false(live_number(fixture->live, 10002, numbers[i].field, &number));
        assert_false(live_number(fixture->live, 10003, numbers[i].field, &number));
    }
}

static void no_more_is_asked_for_than_was_chosen(void **state)
{
    static const int64_t ids[] = {1};
    struct fixture *fixture = *state;

    fixture->answers[fixture->answer_count++] = "{\"issues\":[]}";
    ask(fixture, ids, 1, LIVE_BIT(LIVE_KEY));
    fixture->answers[fixture->answer_count++] = "{\"issues\":[]}";
    ask(fixture, ids, 1,
        LIVE_BIT(LIVE_PROJECT) | LIVE_BIT(LIVE_PROJECT_NAME) | LIVE_BIT(LIVE_REMAINING) |
            LIVE_BIT(LIVE_SPENT));
    assert_string_equal(strbuf_z(&fixture->bodies),
                        "{\"issueIdsOrKeys\":[\"1\"],\"fields\":[\"id\"]}\n"
                        "{\"issueIdsOrKeys\":[\"1\"],\"fields\":[\"project\",\"timetracking\"]}\n");
    ask(fixture, ids, 0, ALL); /* no issue: no question */
    assert_int_equal(fixture->next, 2);
}

static void hundreds_are_asked_for_a_hundred_at_a_time(void **state)
{
    int64_t ids[450];
    struct fixture *fixture = *state;
    size_t lines = 0;

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = (int64_t)i + 1;
    for (int i = 0; i < 5; i++)
        fixture->answers[fixture->answer_count++] =
            "{\"issues\":[{\"id\":\"450\",\"key\":\"A-450\",\"fields\":{}}]}";
    ask(fixture, ids, ARRAY_LEN(ids), LIVE_BIT(LIVE_KEY));
    for (size_t i = 0; i < fixture->bodies.len; i++)
        lines += fixture->bodies.ptr[i] == '\n';
    assert_int_equal(lines, 5);
    assert_text(fixture, 450, LIVE_KEY, "A-450");
    assert_text(fixture, 449, LIVE_KEY, NULL);
}

static void a_jira_that_fails_ends_it(void **state)
{
    static int64_t ids[LIVE_ISSUES_MAX + 1];
    struct fixture *fixture = *state;
    struct live *live = NULL;

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = (int64_t)i + 1;
    fixture->answers[fixture->answer_count++] = "{\"issues\":[]}";
    assert_int_not_equal(live_ask_jira(&fixture->jira, "columns", ids, 450, LIVE_BIT(LIVE_KEY),
                                       &live, &fixture->err),
                         ERR_OK);
    assert_null(live);
    assert_int_equal(live_ask_jira(&fixture->jira, "columns", ids, ARRAY_LEN(ids),
                                   LIVE_BIT(LIVE_KEY), &live, &fixture->err),
                     ERR_LIMIT);
    assert_non_null(strstr(fixture->err.msg, "columns: Jira would be asked about 20001 issues"));
}

static void data_center_has_its_epics_in_a_field_of_its_own(void **state)
{
    static const int64_t ids[] = {7};
    struct fixture *fixture = *state;

    fixture->jira.datacenter = true;
    fixture->answers[fixture->answer_count++] =
        "[{\"id\":\"summary\"},{\"id\":\"customfield_10008\",\"schema\":{\"custom\":"
        "\"com.pyxis.greenhopper.jira:gh-epic-link\"}}]";
    fixture->answers[fixture->answer_count++] =
        "{\"issues\":[{\"id\":\"7\",\"key\":\"A-7\",\"fields\":{\"customfield_10008\":\"A-1\"}}]}";
    ask(fixture, ids, 1, LIVE_BIT(LIVE_EPIC));
    assert_text(fixture, 7, LIVE_EPIC, "A-1");
    assert_non_null(strstr(strbuf_z(&fixture->bodies), "\"fields\":[\"customfield_10008\"]"));
}

static void a_long_text_is_cut_between_characters(void **state)
{
    static const int64_t ids[] = {1};
    static char body[20000];
    struct fixture *fixture = *state;
    size_t len = (size_t)snprintf(body, sizeof(body),
                                  "{\"issues\":[{\"id\":\"1\",\"fields\":{"
                                  "\"summary\":\"x");

    for (int i = 0; i < 5000; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, "\xc3\xbc");
    (void)snprintf(body + len, sizeof(body) - len, "\"}}]}");
    fixture->answers[fixture->answer_count++] = body;
    ask(fixture, ids, 1, LIVE_BIT(LIVE_SUMMARY));

    struct str text = live_text(fixture->live, 1, LIVE_SUMMARY);

    assert_int_equal(text.len, 4095);
    assert_true(str_is_utf8(text));
}

static void projects_are_listed_in_order_with_their_issues(void **state)
{
    static const int64_t ids[] = {1, 2, 3, 4};
    struct fixture *fixture = *state;
    struct live_projects projects = {.issues = NULL};

    fixture->answers[fixture->answer_count++] =
        "{\"issues\":[{\"id\":\"1\",\"fields\":{\"project\":{\"key\":\"ZZ\",\"name\":\"Last\"}}},"
        "{\"id\":\"2\",\"fields\":{\"project\":{\"key\":\"AB\"}}},"
        "{\"id\":\"4\",\"fields\":{\"project\":{\"key\":\"ZZ\",\"name\":\"Last\"}}}]}";
    ask(fixture, ids, 4, LIVE_BIT(LIVE_PROJECT) | LIVE_BIT(LIVE_PROJECT_NAME));
    OK(fixture, live_projects(fixture->live, &projects, &fixture->err));
    assert_int_equal(projects.list.key_count, 2);
    assert_true(str_eq_z(projects.keys[0], "AB"));
    assert_null(projects.names[0].name.ptr);
    assert_true(str_eq_z(projects.names[1].name, "Last"));
    assert_int_equal(projects.list.projects[0], 2);
    assert_int_equal(projects.list.projects[1], 1);
    assert_int_equal(projects.list.projects[2], 0);
    assert_int_equal(projects.list.projects[3], 2);
    assert_int_equal(live_project_of(&projects, STR("A")), 0);
    live_projects_done(&projects);
}

static void exceptions_are_tags_and_projects(void **state)
{
    static const int64_t ids[] = {1, 2};
    static const struct str tags[] = {{"internal", 8}}, keys[] = {{"INT", 3}};
    static const struct str worn[] = {{"red", 3}, {"internal", 8}};
    struct billing rule = {
        .by_default = true, .tags = tags, .tag_count = 1, .projects = keys, .project_count = 1};
    struct fixture *fixture = *state;
    struct jira_ids issues = {.list = (int64_t *)(uintptr_t)ids, .count = 2}; /* only read */
    struct bill bill;

    fixture->answers[fixture->answer_count++] =
        "{\"issues\":[{\"id\":\"1\",\"fields\":{\"project\":{\"key\":\"INT\"}}},"
        "{\"id\":\"2\",\"fields\":{\"project\":{\"key\":\"INTO\"}}}]}";
    ask(fixture, ids, 2, LIVE_BIT(LIVE_PROJECT));
    OK(fixture, bill_make(&rule, fixture->live, &issues, &bill, &fixture->err));
    assert_false(bill_has(&bill, 1, NULL, 0));
    assert_true(bill_has(&bill, 2, NULL, 0));
    assert_true(bill_has(&bill, 2, worn, 1));
    assert_false(bill_has(&bill, 2, worn, 2));
    bill_done(&bill);
    rule.by_default = false;
    rule.project_count = 0;
    OK(fixture, bill_make(&rule, NULL, &issues, &bill, &fixture->err));
    assert_false(bill_has(&bill, 1, worn, 1));
    assert_true(bill_has(&bill, 1, worn, 2));
    bill_done(&bill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_comes_from_where_jira_puts_it, begin, end),
        cmocka_unit_test_setup_teardown(no_more_is_asked_for_than_was_chosen, begin, end),
        cmocka_unit_test_setup_teardown(hundreds_are_asked_for_a_hundred_at_a_time, begin, end),
        cmocka_unit_test_setup_teardown(a_jira_that_fails_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(data_center_has_its_epics_in_a_field_of_its_own, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_between_characters, begin, end),
        cmocka_unit_test_setup_teardown(projects_are_listed_in_order_with_their_issues, begin, end),
        cmocka_unit_test_setup_teardown(exceptions_are_tags_and_projects, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
