/* Tests of search.c and labels.c: what is asked of Jira, in which pages, and what its answers
 * become. */
#include "jira/search.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"

#define ANSWERS_MAX 8

struct fixture {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    /* One answer after the other. */
    struct {
        int status;
        const char *body;
    } answers[ANSWERS_MAX];
    size_t answer_count, next;
    struct strbuf bodies; /* of all requests, a line each */
    struct jira_ids ids;
    struct strbuf text;
    struct err err;
};

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
        ret->status = fixture->answers[fixture->next].status;
        strbuf_add_z(&ret->body, fixture->answers[fixture->next++].body);
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
    fixture->text = STRBUF_INIT(1 << 20);
    fixture->jira.http = (struct http_client){.ctx = &fixture->fake.ctx,
                                              .budget = fixture->budget,
                                              .base_url = "https://acme.atlassian.net",
                                              .authorization = "Basic c2VjcmV0"};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->net.in_flight, 0);
    assert_int_equal(fixture->next, fixture->answer_count); /* no call too few */
    http_budget_free(fixture->budget);
    fake_net_done(&fixture->net);
    fake_ctx_done(&fixture->fake);
    strbuf_done(&fixture->bodies);
    strbuf_done(&fixture->text);
    jira_ids_done(&fixture->ids);
    free(fixture);
    return 0;
}

static void say(struct fixture *fixture, int status, const char *body)
{
    assert_true(fixture->answer_count < ANSWERS_MAX);
    fixture->answers[fixture->answer_count].status = status;
    fixture->answers[fixture->answer_count++].body = body;
}

static void ok(const struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static enum err_class find(struct fixture *fixture, size_t max)
{
    return jira_search_ids(&fixture->jira, "jql", STR("project = \"A\""), max, &fixture->ids,
                           &fixture->err);
}

/* ---- Search ---- */

static void a_search_follows_the_token_to_the_end(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200,
        "{\"issues\":[{\"id\":\"30\"},{\"id\":\"10\"}],\"nextPageToken\":\"t\\\"1\"}");
    say(fixture, 200,
        "{\"issues\":[],\"nextPageToken\":\"t2\",\"isLast\":false}"); /* not the end */
    say(fixture, 200, "{\"issues\":[{\"id\":\"20\"},{\"id\":\"10\"}],\"isLast\":true}");
    ok(fixture, find(fixture, 100));
    assert_int_equal(fixture->ids.count, 3); /* sorted, each once */
    assert_int_equal(fixture->ids.list[0], 10);
    assert_int_equal(fixture->ids.list[2], 30);
    assert_true(jira_ids_has(&fixture->ids, 20));
    assert_false(jira_ids_has(&fixture->ids, 21));
    assert_string_equal(
        strbuf_z(&fixture->bodies),
        "{\"jql\":\"project = \\\"A\\\"\",\"maxResults\":5000,\"fields\":[\"id\"]}\n"
        "{\"jql\":\"project = \\\"A\\\"\",\"maxResults\":5000,\"fields\":[\"id\"],"
        "\"nextPageToken\":\"t\\\"1\"}\n"
        "{\"jql\":\"project = \\\"A\\\"\",\"maxResults\":5000,\"fields\":[\"id\"],"
        "\"nextPageToken\":\"t2\"}\n");
    assert_string_equal(strbuf_z(&fixture->net.seen), "POST /rest/api/3/search/jql\n"
                                                      "POST /rest/api/3/search/jql\n"
                                                      "POST /rest/api/3/search/jql\n");
}

static void a_datacenter_counts_rows(void **state)
{
    struct fixture *fixture = *state;

    fixture->jira.datacenter = true;
    say(fixture, 200, "{\"issues\":[{\"id\":\"1\"},{\"id\":\"2\"}],\"total\":3}");
    say(fixture, 200, "{\"issues\":[{\"id\":\"3\"}],\"total\":3}");
    ok(fixture, find(fixture, 100));
    assert_int_equal(fixture->ids.count, 3);
    assert_non_null(strstr(strbuf_z(&fixture->bodies), "\"startAt\":2"));
    assert_string_equal(strbuf_z(&fixture->net.seen), "POST /rest/api/2/search\n"
                                                      "POST /rest/api/2/search\n");
}

static void a_search_that_finds_too_much_is_refused(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200,
        "{\"issues\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}],\"isLast\":true}");
    assert_int_equal(find(fixture, 2), ERR_LIMIT);
    assert_non_null(strstr(fixture->err.msg, "jql: the query finds more than 2 issues"));
    assert_int_equal(fixture->ids.count, 0);
}

static void a_query_that_jira_refuses_is_the_users_mistake_and_not_repeated(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 400, "{\"errorMessages\":[\"Field 'secret words' does not exist.\"]}");
    assert_int_equal(find(fixture, 2), ERR_INPUT);
    assert_null(strstr(fixture->err.msg, "secret words"));
    assert_non_null(strstr(fixture->err.msg, "jql"));
}

static void a_page_that_points_at_itself_ends_the_search(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200, "{\"issues\":[{\"id\":\"1\"}],\"nextPageToken\":\"t\"}");
    say(fixture, 200, "{\"issues\":[{\"id\":\"1\"}],\"nextPageToken\":\"t\"}");
    assert_int_equal(find(fixture, 100), ERR_REMOTE);
}

static void an_answer_without_issues_is_broken(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200, "{\"isLast\":true}");
    assert_int_equal(find(fixture, 100), ERR_REMOTE);
}

/* ---- Queries and filters ---- */

static void a_query_is_checked_by_jiras_parser(void **state)
{
    struct fixture *fixture = *state;
    bool good = false;

    say(fixture, 200, "{\"queries\":[{\"query\":\"x\",\"structure\":{}}]}");
    ok(fixture, jira_jql_check(&fixture->jira, STR("x"), &good, &fixture->text, &fixture->err));
    assert_true(good);
    say(fixture, 200, "{\"queries\":[{\"query\":\"x\",\"errors\":[\"One.\",\"Two.\"]}]}");
    ok(fixture, jira_jql_check(&fixture->jira, STR("x"), &good, &fixture->text, &fixture->err));
    assert_false(good);
    assert_string_equal(strbuf_z(&fixture->text), "One. Two.");
    assert_non_null(
        strstr(strbuf_z(&fixture->net.seen), "POST /rest/api/3/jql/parse?validation=strict\n"));
}

static void on_a_datacenter_a_search_for_nothing_checks_it(void **state)
{
    struct fixture *fixture = *state;
    bool good = true;

    fixture->jira.datacenter = true;
    say(fixture, 400, "{\"errorMessages\":[\"No such field.\"]}");
    ok(fixture, jira_jql_check(&fixture->jira, STR("x"), &good, &fixture->text, &fixture->err));
    assert_false(good);
    assert_string_equal(strbuf_z(&fixture->text), "No such field.");
    say(fixture, 200, "{\"issues\":[],\"total\":5}");
    ok(fixture, jira_jql_check(&fixture->jira, STR("x"), &good, &fixture->text, &fixture->err));
    assert_true(good);
}

static void a_filter_says_whether_everybody_may_use_it(void **state)
{
    static const struct {
        const char *body;
        bool open;
    } cases[] = {
        {"{\"jql\":\"a = b\",\"owner\":{\"accountId\":\"me\"},\"sharePermissions\":[]}", true},
        {"{\"jql\":\"a = b\",\"owner\":{\"accountId\":\"you\"},\"sharePermissions\":[]}", false},
        {"{\"jql\":\"a = b\",\"owner\":{\"accountId\":\"you\"},\"sharePermissions\":"
         "[{\"type\":\"group\"}]}",
         false},
        {"{\"jql\":\"a = b\",\"owner\":{\"accountId\":\"you\"},\"sharePermissions\":"
         "[{\"type\":\"group\"},{\"type\":\"authenticated\"}]}",
         true},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jira_filter filter = {.jql = &fixture->text};

        strbuf_reset(&fixture->text);
        say(fixture, 200, cases[i].body);
        ok(fixture, jira_filter_get(&fixture->jira, 10001, STR("me"), &filter, &fixture->err));
        assert_string_equal(strbuf_z(&fixture->text), "a = b");
        assert_int_equal(filter.open, cases[i].open);
    }
}

static void a_filter_that_is_not_there_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    struct jira_filter filter = {.jql = &fixture->text};

    say(fixture, 400, "{\"errorMessages\":[\"The selected filter is not available to you.\"]}");
    assert_int_equal(jira_filter_get(&fixture->jira, 5, STR("me"), &filter, &fixture->err),
                     ERR_NOT_FOUND);
}

/* ---- Permissions ---- */

static void browsing_is_asked_for_an_account(void **state)
{
    struct fixture *fixture = *state;
    const int64_t ids[] = {1, 2, 3};
    struct http_call *call = NULL;

    say(fixture, 200,
        "{\"globalPermissions\":[],\"projectPermissions\":[{\"permission\":\"BROWSE_PROJECTS\","
        "\"issues\":[3,1],\"projects\":[7]},{\"permission\":\"OTHER\",\"issues\":[2]}]}");
    ok(fixture, jira_browsable_start(&fixture->jira, STR("acc\"1"), ids, 3, &call, &fixture->err));
    ok(fixture, jira_browsable_finish(&fixture->jira, call, &fixture->ids, &fixture->err));
    jira_ids_sort(&fixture->ids);
    assert_int_equal(fixture->ids.count, 2);
    assert_int_equal(fixture->ids.list[1], 3);
    assert_string_equal(strbuf_z(&fixture->bodies),
                        "{\"accountId\":\"acc\\\"1\",\"projectPermissions\":[{\"permissions\":"
                        "[\"BROWSE_PROJECTS\"],\"issues\":[1,2,3]}]}\n");
}

static void a_permission_answer_that_is_none_shows_nothing(void **state)
{
    struct fixture *fixture = *state;
    const int64_t ids[] = {1};
    struct http_call *call = NULL;

    say(fixture, 200, "{\"globalPermissions\":[]}");
    ok(fixture, jira_browsable_start(&fixture->jira, STR(""), ids, 1, &call, &fixture->err));
    assert_int_equal(jira_browsable_finish(&fixture->jira, call, &fixture->ids, &fixture->err),
                     ERR_REMOTE);
    assert_null(strstr(strbuf_z(&fixture->bodies), "accountId")); /* the connection's own */
}

static void on_a_datacenter_ids_are_searched_for_a_thousand_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    int64_t ids[1500];

    for (int i = 0; i < 1500; i++)
        ids[i] = i + 1;
    fixture->jira.datacenter = true;
    say(fixture, 200, "{\"issues\":[{\"id\":\"5\"}],\"total\":1}");
    say(fixture, 200, "{\"issues\":[{\"id\":\"1400\"}],\"total\":1}");
    ok(fixture, jira_visible_ids(&fixture->jira, ids, 1500, &fixture->ids, &fixture->err));
    assert_int_equal(fixture->ids.count, 2);
    assert_non_null(strstr(strbuf_z(&fixture->bodies), "\"validateQuery\":false"));
    assert_non_null(strstr(strbuf_z(&fixture->bodies), "id in (1001,1002,"));
}

static void administering_is_asked_globally(void **state)
{
    struct fixture *fixture = *state;
    bool is = false;

    say(fixture, 200, "{\"globalPermissions\":[\"ADMINISTER\"],\"projectPermissions\":[]}");
    ok(fixture, jira_is_admin(&fixture->jira, STR("a"), &is, &fixture->err));
    assert_true(is);
    say(fixture, 200, "{\"globalPermissions\":[],\"projectPermissions\":[]}");
    ok(fixture, jira_is_admin(&fixture->jira, STR("a"), &is, &fixture->err));
    assert_false(is);
    say(fixture, 200, "{\"permissions\":{\"ADMINISTER\":{\"havePermission\":true}}}");
    ok(fixture, jira_is_admin(&fixture->jira, STR(""), &is, &fixture->err));
    assert_true(is);
    fixture->jira.datacenter = true;
    assert_int_equal(jira_is_admin(&fixture->jira, STR("a"), &is, &fixture->err), ERR_FORBIDDEN);
}

/* ---- Labels ---- */

static enum err_class note_issue(void *arg, const struct jira_issue_label *label, struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    strbuf_addf(&fixture->text, "%lld " STR_FMT " " STR_FMT " " STR_FMT " " STR_FMT " %lld\n",
                (long long)label->id, STR_ARG(label->key), STR_ARG(label->summary),
                STR_ARG(label->type), STR_ARG(label->project_key), (long long)label->project_id);
    return ERR_OK;
}

static enum err_class note_user(void *arg, const struct jira_user_label *user, struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    strbuf_addf(&fixture->text, STR_FMT "=" STR_FMT "\n", STR_ARG(user->account),
                STR_ARG(user->name));
    return ERR_OK;
}

static enum err_class note_filter(void *arg, const struct jira_filter_label *filter,
                                  struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    strbuf_addf(&fixture->text, "%lld " STR_FMT "\n", (long long)filter->id, STR_ARG(filter->name));
    return ERR_OK;
}

static void issues_have_their_labels(void **state)
{
    struct fixture *fixture = *state;
    const int64_t ids[] = {1, 2};

    say(fixture, 200,
        "{\"issues\":[{\"id\":\"2\",\"key\":\"A-2\",\"fields\":{\"summary\":\"s\",\"issuetype\":"
        "{\"name\":\"Bug\"},\"status\":{\"name\":\"Open\"},\"project\":{\"id\":\"9\",\"key\":\"A\","
        "\"name\":\"Alpha\"}}}],\"issueErrors\":[{\"id\":\"1\"}]}");
    ok(fixture, jira_issue_labels(&fixture->jira, ids, 2, note_issue, fixture, &fixture->err));
    assert_string_equal(strbuf_z(&fixture->text), "2 A-2 s Bug A 9\n");
    assert_string_equal(strbuf_z(&fixture->bodies),
                        "{\"issueIdsOrKeys\":[\"1\",\"2\"],\"fields\":[\"summary\",\"issuetype\","
                        "\"status\",\"project\"]}\n");
}

static void the_picker_names_each_issue_once(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200,
        "{\"sections\":[{\"issues\":[{\"id\":1,\"key\":\"A-1\",\"summaryText\":\"one\"}]},"
        "{\"issues\":[{\"id\":1,\"key\":\"A-1\",\"summaryText\":\"one\"},{\"id\":2,\"key\":\"A-2\","
        "\"summaryText\":\"two\"},{\"id\":3,\"key\":\"A-3\",\"summaryText\":\"three\"}]}]}");
    ok(fixture,
       jira_pick_issues(&fixture->jira, STR("a b&c"), 2, note_issue, fixture, &fixture->err));
    assert_string_equal(strbuf_z(&fixture->text), "1 A-1 one   0\n2 A-2 two   0\n");
    assert_non_null(strstr(strbuf_z(&fixture->net.seen), "query=a%20b%26c&"));
}

static void people_are_named_some_dozen_a_call(void **state)
{
    struct fixture *fixture = *state;
    struct str accounts[120];

    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        accounts[i] = STR("712020:aaaaaaaa-bbbb-cccc");
    for (int i = 0; i < 3; i++)
        say(fixture, 200, "{\"values\":[{\"accountId\":\"a\",\"displayName\":\"Ada\"}]}");
    ok(fixture, jira_user_labels(&fixture->jira, accounts, ARRAY_LEN(accounts), note_user, fixture,
                                 &fixture->err));
    assert_string_equal(strbuf_z(&fixture->text), "a=Ada\na=Ada\na=Ada\n");
}

static void on_a_datacenter_people_are_named_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    const struct str accounts[] = {STR("JIRAUSER1"), STR("gone")};

    fixture->jira.datacenter = true;
    say(fixture, 200, "{\"key\":\"JIRAUSER1\",\"displayName\":\"Ada\"}");
    say(fixture, 404, "{\"errorMessages\":[]}");
    ok(fixture, jira_user_labels(&fixture->jira, accounts, 2, note_user, fixture, &fixture->err));
    assert_string_equal(strbuf_z(&fixture->text), "JIRAUSER1=Ada\n");
}

static void people_are_found_by_words(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200,
        "[{\"accountId\":\"a\",\"displayName\":\"Ada\"},{\"accountId\":\"b\","
        "\"displayName\":\"Bo\"}]");
    ok(fixture, jira_find_users(&fixture->jira, STR("a"), 1, note_user, fixture, &fixture->err));
    assert_string_equal(strbuf_z(&fixture->text), "a=Ada\n");
    say(fixture, 200, "{}");
    assert_int_equal(
        jira_find_users(&fixture->jira, STR("a"), 1, note_user, fixture, &fixture->err),
        ERR_REMOTE);
}

static void filters_come_in_pages(void **state)
{
    struct fixture *fixture = *state;

    say(fixture, 200, "{\"isLast\":false,\"values\":[{\"id\":\"1\",\"name\":\"one\"}]}");
    say(fixture, 200, "{\"isLast\":true,\"values\":[{\"id\":\"2\",\"name\":\"two\"}]}");
    ok(fixture, jira_filters(&fixture->jira, STR("me"), 500, note_filter, fixture, &fixture->err));
    assert_string_equal(strbuf_z(&fixture->text), "1 one\n2 two\n");
    assert_non_null(strstr(strbuf_z(&fixture->net.seen), "startAt=100&accountId=me\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_search_follows_the_token_to_the_end),
        TEST(a_datacenter_counts_rows),
        TEST(a_search_that_finds_too_much_is_refused),
        TEST(a_query_that_jira_refuses_is_the_users_mistake_and_not_repeated),
        TEST(a_page_that_points_at_itself_ends_the_search),
        TEST(an_answer_without_issues_is_broken),
        TEST(a_query_is_checked_by_jiras_parser),
        TEST(on_a_datacenter_a_search_for_nothing_checks_it),
        TEST(a_filter_says_whether_everybody_may_use_it),
        TEST(a_filter_that_is_not_there_is_not_found),
        TEST(browsing_is_asked_for_an_account),
        TEST(a_permission_answer_that_is_none_shows_nothing),
        TEST(on_a_datacenter_ids_are_searched_for_a_thousand_at_a_time),
        TEST(administering_is_asked_globally),
        TEST(issues_have_their_labels),
        TEST(the_picker_names_each_issue_once),
        TEST(people_are_named_some_dozen_a_call),
        TEST(on_a_datacenter_people_are_named_one_by_one),
        TEST(people_are_found_by_words),
        TEST(filters_come_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
