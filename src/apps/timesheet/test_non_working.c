/*
 * Tests of non_working.c: patterns of keys, held against the keys that Jira tells at that moment.
 * EV-17.
 */
#include "apps/timesheet/non_working.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fake_net.h"
#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "base/civil.h"

struct fixture {
    struct store_world world;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    struct arena *arena;
    struct site_columns *columns;
    struct settings settings;
    struct strbuf bodies;
    int status;
    struct err err;
};

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *f = arg;

    (void)path;
    strbuf_add_str(&f->bodies, request->body);
    ret->headers[0] = "Content-Type: application/json";
    ret->status = f->status;
    strbuf_add_z(&ret->body, "{\"issues\":[{\"id\":\"10\",\"key\":\"HOLIDAY-1\",\"fields\":{}},"
                             "{\"id\":\"11\",\"key\":\"ABC-1\",\"fields\":{}}]}");
}

static int begin(void **state)
{
    static const struct http_budget_options options = {0};
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 3);
    fake_net_init(&f->net, answer, f);
    fake_net_install(&f->net, &f->world.fake.ctx);
    f->status = 200;
    f->budget = http_budget_new(&options);
    f->bodies = STRBUF_INIT(1 << 20);
    f->arena = arena_new((size_t)64 << 20);
    f->columns = site_columns_new(&f->world.fake.ctx);
    f->jira.http = (struct http_client){.ctx = &f->world.fake.ctx,
                                        .budget = f->budget,
                                        .base_url = "https://acme.atlassian.net",
                                        .authorization = "Basic c2VjcmV0",
                                        .tries_max = 1};
    assert_int_equal(settings_load(f->world.tenant, f->arena, &f->settings, &f->err), ERR_OK);
    /* On the first of January 1970: an hour of ana's on each of the issues 10, 11 and 12, bo's on
     * 13. */
    assert_int_equal(
        db_exec(f->world.tenant->db,
                SQL("INSERT INTO person (id, account_id) VALUES (1, 'a:ana'), (2, 'a:bo');"
                    " INSERT INTO worklog (client_worklog_id, person, client_issue_id, created,"
                    " updated, started, time_spent_seconds) VALUES (1, 1, 10, 0, 0, 0, 3600),"
                    " (2, 1, 11, 0, 0, 0, 3600), (3, 1, 12, 0, 0, 0, 3600),"
                    " (4, 2, 13, 0, 0, 0, 3600);"
                    " INSERT INTO mirror (id, epoch) VALUES (1, 1)"
                    " ON CONFLICT (id) DO UPDATE SET epoch = mirror.epoch + 1"),
                &f->err),
        ERR_OK);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    site_columns_free(f->columns);
    strbuf_done(&f->bodies);
    arena_free(f->arena);
    http_budget_free(f->budget);
    fake_net_done(&f->net);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static struct days_request days_of(struct fixture *f, const char *account)
{
    return (struct days_request){.account = str_from(account),
                                 .zone = STR("UTC"),
                                 .from_day = 0,
                                 .to_day = 0,
                                 .settings = &f->settings};
}

static enum err_class add(struct fixture *f, const char *account)
{
    const struct days_request days = days_of(f, account);

    return non_working_add(&f->jira, f->columns, f->world.tenant, &days, f->arena, &f->settings,
                           &f->err);
}

static void what_matches_is_no_work_beside_what_is_named(void **state)
{
    static const struct str patterns[] = {STR("holiday-*"), STR("OPS-[1-3]")};
    static const int64_t named[] = {12};
    struct fixture *f = *state;
    struct days_request days = days_of(f, "a:ana");
    struct day_total *totals = arena_alloc(f->arena, DAYS_MAX * sizeof(totals[0]));

    assert_non_null(totals);
    f->settings.non_working_patterns = patterns;
    f->settings.non_working_pattern_count = ARRAY_LEN(patterns);
    f->settings.non_working_issues = named;
    f->settings.non_working_count = ARRAY_LEN(named);
    if (add(f, "a:ana") != ERR_OK)
        fail_msg("%s", f->err.msg);
    assert_int_equal(f->settings.non_working_count, 2);
    assert_int_equal(f->settings.non_working_issues[0], 10);
    assert_int_equal(f->settings.non_working_issues[1], 12);
    assert_null(strstr(strbuf_z(&f->bodies), "\"13\"")); /* only what the person booked on */

    assert_int_equal(days_find(f->columns, f->world.tenant, &days, totals, &f->err), ERR_OK);
    assert_int_equal(totals[0].logged, 3 * 3600);
    assert_int_equal(totals[0].real, 3600);
}

static void who_booked_nothing_costs_no_call(void **state)
{
    static const struct str patterns[] = {STR("*")};
    struct fixture *f = *state;

    f->settings.non_working_patterns = patterns;
    f->settings.non_working_pattern_count = 1;
    assert_int_equal(add(f, "a:nobody"), ERR_OK);
    assert_int_equal(f->net.started, 0);
    assert_int_equal(f->settings.non_working_count, 0);
}

/* Sums that are wrong would be worse than none. */
static void without_jira_there_is_no_answer(void **state)
{
    static const struct str patterns[] = {STR("*")};
    struct fixture *f = *state;

    f->settings.non_working_patterns = patterns;
    f->settings.non_working_pattern_count = 1;
    f->status = 500;
    assert_int_not_equal(add(f, "a:ana"), ERR_OK);
    assert_int_equal(f->settings.non_working_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_matches_is_no_work_beside_what_is_named),
        TEST(who_booked_nothing_costs_no_call),
        TEST(without_jira_there_is_no_answer),
    };

    return cmocka_run_group_tests_name("non_working (EV-17)", tests, NULL, NULL);
}
