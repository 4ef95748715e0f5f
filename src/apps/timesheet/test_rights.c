/*
 * Tests of rights.c: from settings and groups to what a person may. The daemon is made by hand, of
 * what rights.c uses of it: a clock, the pool of handles, the site and its state.
 */
#include "apps/timesheet/rights.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fake_net.h"
#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/app.h"
#include "daemon/internal.h"
#include "http/server_internal.h"

#define REMEMBERED_MS 60000

static const struct app *const apps[] = {&timesheet_app};

struct fixture {
    struct store_world world;
    struct fake_net net;
    int status;
    const char *groups; /* what Jira answers */
    void (*meanwhile)(struct fixture *fixture);
    struct daemon daemon;
    struct site site;
    void *states[ARRAY_LEN(apps)];
    struct exchange exchange; /* a request without headers */
    struct request request;
    struct rights rights; /* as found last */
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *fixture = arg;

    (void)request;
    (void)path;
    if (fixture->meanwhile)
        fixture->meanwhile(fixture);
    ret->headers[0] = "Content-Type: application/json";
    ret->status = fixture->status;
    strbuf_add_z(&ret->body, fixture->groups);
}

static void make_daemon(struct fixture *fixture)
{
    static const struct http_budget_options none = {0};

    fixture->daemon.ctx = fixture->world.fake.ctx;
    fixture->daemon.options.apps = apps;
    fixture->daemon.options.app_count = ARRAY_LEN(apps);
    ok(fixture, store_pool_new(&fixture->daemon.ctx, scratch_path(&fixture->world.scratch, "data"),
                               &tenon_catalog, &fixture->daemon.store, &fixture->err));
    fixture->site = (struct site){.daemon = &fixture->daemon,
                                  .info = fixture->world.info,
                                  .budget = http_budget_new(&none),
                                  .states = fixture->states};
    assert_non_null(fixture->site.budget);
    fixture->states[0] = timesheet_app.site_new(&fixture->site);
    assert_non_null(fixture->states[0]);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 19);
    fake_net_init(&fixture->net, answer, fixture);
    fake_net_install(&fixture->net, &fixture->world.fake.ctx);
    fixture->status = 200;
    fixture->groups = "[]";
    make_daemon(fixture);
    fixture->exchange.ex.conn = &fixture->exchange;
    fixture->request = (struct request){.ex = &fixture->exchange.ex,
                                        .daemon = &fixture->daemon,
                                        .app = &timesheet_app,
                                        .who = {.by = BY_TOKEN, .account = "712020:ana"},
                                        .site = &fixture->site,
                                        .tenant = fixture->world.tenant};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->net.in_flight, 0);
    timesheet_app.site_free(fixture->states[0]);
    http_budget_free(fixture->site.budget);
    store_pool_free(fixture->daemon.store);
    fake_net_done(&fixture->net);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

/* ---- Doing ---- */

/* Reports are for one account and one group, what is others' for that group alone. */
static void bar(struct fixture *fixture)
{
    static const struct str boss = {"712020:boss", 11}, team = {"team-id", 7};
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)8 << 20);
    struct settings settings;

    assert_non_null(arena);
    ok(fixture, settings_load(fixture->world.tenant, arena, &settings, &fixture->err));
    settings.access[RIGHT_REPORT] =
        (struct access){.accounts = &boss, .account_count = 1, .groups = &team, .group_count = 1};
    settings.access[RIGHT_OTHERS] = (struct access){.groups = &team, .group_count = 1};
    ok(fixture, settings_store(fixture->world.tenant, &settings, &fixture->err));
}

static void ask(struct fixture *fixture)
{
    fixture->rights = (struct rights){0};
    ok(fixture, rights_find(&fixture->request, true, &fixture->rights, &fixture->err));
}

static void is_now(struct fixture *fixture, const char *account)
{
    (void)snprintf(fixture->request.who.account, sizeof(fixture->request.who.account), "%s",
                   account);
}

static void may(const struct fixture *fixture, bool log, bool report, bool others)
{
    assert_int_equal(fixture->rights.log, log);
    assert_int_equal(fixture->rights.report, report);
    assert_int_equal(fixture->rights.others, others);
}

static void asked(const struct fixture *fixture, unsigned times)
{
    assert_int_equal(fixture->net.started, times);
}

/* ---- */

static void where_nothing_was_decided_everybody_may_all_and_jira_is_not_asked(void **state)
{
    struct fixture *fixture = *state;

    ask(fixture);
    may(fixture, true, true, true);
    assert_string_equal(fixture->rights.zone, "UTC");
    asked(fixture, 0);
}

static void a_person_who_is_named_may_and_one_in_no_group_may_not(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    fixture->groups = "[{\"groupId\":\"another\"},{\"name\":\"team-id\",\"groupId\":\"x\"}]";
    ask(fixture);
    may(fixture, true, false, false); /* a name is no id */
    is_now(fixture, "712020:boss");
    ask(fixture);
    may(fixture, true, true, false);
}

static void the_members_of_a_group_may(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    fixture->groups = "[{\"groupId\":\"another\"},{\"groupId\":\"team-id\"}]";
    ask(fixture);
    may(fixture, true, true, true);
    assert_non_null(strstr(strbuf_z(&fixture->net.seen), "/user/groups?accountId=712020%3Aana\n"));
}

static void an_answer_is_good_for_a_minute_and_for_its_account(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    ask(fixture);
    may(fixture, true, false, false);
    fixture->groups = "[{\"groupId\":\"team-id\"}]"; /* joined meanwhile */
    fake_ctx_advance(&fixture->world.fake, REMEMBERED_MS - 1);
    ask(fixture);
    may(fixture, true, false, false);
    asked(fixture, 1);
    is_now(fixture, "712020:bob");
    ask(fixture);
    may(fixture, true, true, true);
    asked(fixture, 2);
    is_now(fixture, "712020:ana");
    fake_ctx_advance(&fixture->world.fake, 1);
    ask(fixture);
    may(fixture, true, true, true);
    asked(fixture, 3);
}

static void what_was_concluded_is_forgotten_with_the_settings(void **state)
{
    struct fixture *fixture = *state;

    ask(fixture);
    may(fixture, true, true, true);
    bar(fixture);
    rights_forget(&fixture->request);
    ask(fixture);
    may(fixture, true, false, false);
}

/* While Jira is asked about groups, the settings come to name nobody but the boss. */
static void change_settings(struct fixture *fixture)
{
    static const struct str boss = {"712020:boss", 11};
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)8 << 20);
    struct settings settings;

    assert_non_null(arena);
    fixture->meanwhile = NULL;
    ok(fixture, settings_load(fixture->world.tenant, arena, &settings, &fixture->err));
    for (int right = 0; right < RIGHT_COUNT; right++)
        settings.access[right] = (struct access){.accounts = &boss, .account_count = 1};
    ok(fixture, settings_store(fixture->world.tenant, &settings, &fixture->err));
    rights_forget(&fixture->request);
}

static void what_follows_from_settings_that_changed_meanwhile_is_not_remembered(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    fixture->groups = "[{\"groupId\":\"team-id\"}]";
    fixture->meanwhile = change_settings;
    ask(fixture);
    may(fixture, true, true, true); /* as it was when they asked */
    asked(fixture, 1);
    ask(fixture);
    may(fixture, false, false, false);
    ask(fixture);
    asked(fixture, 1); /* no group is named any more */
}

static void who_cannot_wait_is_told_so_until_it_is_known(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    assert_int_equal(rights_find(&fixture->request, false, &fixture->rights, &fixture->err),
                     ERR_BUSY);
    asked(fixture, 0);
    ask(fixture);
    assert_int_equal(rights_find(&fixture->request, false, &fixture->rights, &fixture->err),
                     ERR_OK);
}

static void when_jira_does_not_say_nobody_is_let_in_and_nothing_is_remembered(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    fixture->status = 403;
    assert_int_not_equal(rights_want(&fixture->request, RIGHT_REPORT, &fixture->err), ERR_OK);
    fixture->status = 200;
    fixture->groups = "[{\"groupId\":\"team-id\"}]";
    ok(fixture, rights_want(&fixture->request, RIGHT_REPORT, &fixture->err));
}

static void a_refusal_says_what_is_barred(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    ok(fixture, rights_want(&fixture->request, RIGHT_LOG, &fixture->err));
    assert_int_equal(rights_want(&fixture->request, RIGHT_REPORT, &fixture->err), ERR_FORBIDDEN);
    assert_non_null(strstr(fixture->err.msg, "see reports"));
    assert_int_equal(rights_want(&fixture->request, RIGHT_OTHERS, &fixture->err), ERR_FORBIDDEN);
    assert_non_null(strstr(fixture->err.msg, "other people's time"));
}

static void the_administrator_may_all_and_one_without_account_is_in_no_group(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    fixture->groups = "[{\"groupId\":\"team-id\"}]";
    is_now(fixture, "");
    ask(fixture);
    may(fixture, true, false, false);
    fixture->request.who.role = ROLE_ADMIN; /* has no account either */
    ask(fixture);
    may(fixture, true, true, true);
    fixture->request.who.role = ROLE_PERSON;
    ask(fixture);
    may(fixture, true, false, false);
    asked(fixture, 0);
}

static void a_request_without_the_tenant_opened_finds_them_too(void **state)
{
    struct fixture *fixture = *state;

    bar(fixture);
    fixture->groups = "[{\"groupId\":\"team-id\"}]";
    fixture->request.tenant = NULL;
    ask(fixture);
    may(fixture, true, true, true);
    assert_null(fixture->request.tenant); /* given back */
}

static void many_people_are_more_questions_and_no_wrong_answer(void **state)
{
    struct fixture *fixture = *state;
    char account[32];

    bar(fixture);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 300; i++) {
            (void)snprintf(account, sizeof(account), "712020:%d", i);
            is_now(fixture, account);
            fixture->groups = i % 2 ? "[{\"groupId\":\"team-id\"}]" : "[]";
            ask(fixture);
            may(fixture, true, i % 2, i % 2);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(where_nothing_was_decided_everybody_may_all_and_jira_is_not_asked),
        TEST(a_person_who_is_named_may_and_one_in_no_group_may_not),
        TEST(the_members_of_a_group_may),
        TEST(an_answer_is_good_for_a_minute_and_for_its_account),
        TEST(what_was_concluded_is_forgotten_with_the_settings),
        TEST(what_follows_from_settings_that_changed_meanwhile_is_not_remembered),
        TEST(who_cannot_wait_is_told_so_until_it_is_known),
        TEST(when_jira_does_not_say_nobody_is_let_in_and_nothing_is_remembered),
        TEST(a_refusal_says_what_is_barred),
        TEST(the_administrator_may_all_and_one_without_account_is_in_no_group),
        TEST(a_request_without_the_tenant_opened_finds_them_too),
        TEST(many_people_are_more_questions_and_no_wrong_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
