/* Tests of groups.c: what is asked of Jira, and what its answers become. */
#include "jira/groups.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"

struct fixture {
    struct fake_ctx fake;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    int status; /* of the one answer */
    const char *body;
    struct strbuf groups;   /* as handed out, each behind a space */
    enum err_class refuses; /* what the callback says; ERR_OK: go on */
    struct err err;
};

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *fixture = arg;

    (void)request;
    (void)path;
    ret->headers[0] = "Content-Type: application/json";
    ret->status = fixture->status;
    strbuf_add_z(&ret->body, fixture->body);
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
    fixture->groups = STRBUF_INIT(4096);
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
    assert_int_equal(fixture->net.started, 1); /* one question, whatever is asked */
    http_budget_free(fixture->budget);
    fake_net_done(&fixture->net);
    fake_ctx_done(&fixture->fake);
    strbuf_done(&fixture->groups);
    free(fixture);
    return 0;
}

static enum err_class take(void *arg, struct str id, struct err *err)
{
    struct fixture *fixture = arg;

    strbuf_add_char(&fixture->groups, ' ');
    strbuf_add_str(&fixture->groups, id);
    return fixture->refuses == ERR_OK ? ERR_OK : err_set(err, fixture->refuses, "enough");
}

static enum err_class ask_groups(struct fixture *fixture, const char *account, int status,
                                 const char *body)
{
    fixture->status = status;
    fixture->body = body;
    return jira_user_groups(&fixture->jira, str_from(account), take, fixture, &fixture->err);
}

static void asked(const struct fixture *fixture, const char *line)
{
    assert_string_equal(strbuf_z(&fixture->net.seen), line);
}

/* ---- Groups ---- */

static void on_the_cloud_groups_are_their_ids(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask_groups(fixture, "712020:a b&c=d", 200,
                                "[{\"name\":\"one\",\"groupId\":\"id-1\"},"
                                "{\"name\":\"two\",\"groupId\":\"id-2\",\"self\":\"x\"}]"),
                     ERR_OK);
    assert_string_equal(strbuf_z(&fixture->groups), " id-1 id-2");
    asked(fixture, "GET /rest/api/3/user/groups?accountId=712020%3Aa%20b%26c%3Dd\n");
}

static void on_a_datacenter_groups_are_their_names(void **state)
{
    struct fixture *fixture = *state;

    fixture->jira.datacenter = true;
    assert_int_equal(ask_groups(fixture, "JIRAUSER1", 200,
                                "{\"key\":\"JIRAUSER1\",\"groups\":{\"size\":2,\"items\":["
                                "{\"name\":\"jira-users\"},{\"name\":\"time team\"}]}}"),
                     ERR_OK);
    assert_string_equal(strbuf_z(&fixture->groups), " jira-users time team");
    asked(fixture, "GET /rest/api/2/user?key=JIRAUSER1&expand=groups\n");
}

static void somebody_in_no_group_is_no_error(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask_groups(fixture, "a", 200, "[]"), ERR_OK);
    assert_int_equal(fixture->groups.len, 0);
}

/* The description lets groupId be null: such a group gives nobody a right. */
static void a_group_without_an_id_is_passed_over(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask_groups(fixture, "a", 200,
                                "[{\"name\":\"x\",\"groupId\":null},{\"name\":\"y\"},7,"
                                "{\"name\":\"z\",\"groupId\":\"\"},{\"groupId\":\"id-9\"}]"),
                     ERR_OK);
    assert_string_equal(strbuf_z(&fixture->groups), " id-9");
}

static void an_answer_that_is_no_list_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask_groups(fixture, "a", 200, "{\"groups\":[]}"), ERR_REMOTE);
    assert_non_null(strstr(fixture->err.msg, "the list of groups"));
    assert_int_equal(fixture->groups.len, 0);
}

static void on_a_datacenter_a_user_without_groups_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    fixture->jira.datacenter = true;
    assert_int_equal(ask_groups(fixture, "a", 200, "{\"key\":\"a\",\"name\":\"a\"}"), ERR_REMOTE);
    assert_int_equal(fixture->groups.len, 0);
}

static void a_refusal_gives_no_group(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(ask_groups(fixture, "a", 403, "{\"errorMessages\":[\"no\"]}"), ERR_FORBIDDEN);
    assert_int_equal(fixture->groups.len, 0);
}

static void the_one_who_takes_can_end_it(void **state)
{
    struct fixture *fixture = *state;

    fixture->refuses = ERR_LIMIT;
    assert_int_equal(ask_groups(fixture, "a", 200, "[{\"groupId\":\"1\"},{\"groupId\":\"2\"}]"),
                     ERR_LIMIT);
    assert_string_equal(strbuf_z(&fixture->groups), " 1");
    assert_string_equal(fixture->err.msg, "enough");
}

/* ---- Permissions ---- */

static const char *const wanted[] = {"ADMINISTER", "USER_PICKER", "WORK_ON_ISSUES", NULL};

static void permissions_are_asked_for_at_once_and_each_told(void **state)
{
    struct fixture *fixture = *state;
    bool has[] = {true, false, true};

    fixture->status = 200;
    fixture->body = "{\"permissions\":{"
                    "\"WORK_ON_ISSUES\":{\"key\":\"WORK_ON_ISSUES\",\"havePermission\":false},"
                    "\"USER_PICKER\":{\"key\":\"USER_PICKER\",\"havePermission\":true}}}";
    assert_int_equal(jira_my_permissions(&fixture->jira, wanted, has, &fixture->err), ERR_OK);
    assert_false(has[0]); /* not told: lacked */
    assert_true(has[1]);
    assert_false(has[2]);
    asked(fixture,
          "GET /rest/api/3/mypermissions?permissions=ADMINISTER,USER_PICKER,WORK_ON_ISSUES\n");
}

static void permissions_that_are_not_told_are_an_error_and_not_a_no(void **state)
{
    struct fixture *fixture = *state;
    bool has[] = {true, true, true};

    fixture->status = 200;
    fixture->body = "{\"permissions\":[]}";
    assert_int_equal(jira_my_permissions(&fixture->jira, wanted, has, &fixture->err), ERR_REMOTE);
    assert_true(has[0] && has[1] && has[2]); /* untouched */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(on_the_cloud_groups_are_their_ids),
        TEST(on_a_datacenter_groups_are_their_names),
        TEST(somebody_in_no_group_is_no_error),
        TEST(a_group_without_an_id_is_passed_over),
        TEST(an_answer_that_is_no_list_is_an_error),
        TEST(on_a_datacenter_a_user_without_groups_is_an_error),
        TEST(a_refusal_gives_no_group),
        TEST(the_one_who_takes_can_end_it),
        TEST(permissions_are_asked_for_at_once_and_each_told),
        TEST(permissions_that_are_not_told_are_an_error_and_not_a_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
