/*
 * Tests of days.c, by a week computed by hand.
 *
 * 5 to 11 January 2026 are a Monday to a Sunday. The week is worked from Monday to Friday, eight
 * hours; Tuesday the 6th is a holiday, Saturday the 10th is worked. Issue 900 is no work. ana
 * (zone of the questions: UTC unless said otherwise):
 *
 *   day      issue 1   issue 900   expected  logged  real
 *   Mon  5   6 h       2 h         8 h       8 h     6 h
 *   Tue  6   1 h                   0         1 h     1 h    a holiday
 *   Wed  7   8 h                   8 h       8 h     8 h
 *   Thu  8             3 h         8 h       3 h     0
 *   Fri  9                         8 h       0       0
 *   Sat 10   30 min    30 min      8 h       1 h     30 min worked although a Saturday
 *   Sun 11                         0         0       0
 *
 * bob booked 4 h on Wednesday, and ana an hour on each of the days before and after the week.
 */
#include "apps/timesheet/days.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/mirror.h"
#include "base/civil.h"

#define HOUR 3600
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define MONDAY 20458 /* 2026-01-05, days since 1970 */
#define NO_WORK 900
#define OTHER_ISSUE 1

static const int32_t holidays[] = {MONDAY + 1}, extra_days[] = {MONDAY + 5};
static const int64_t non_working[] = {NO_WORK};

struct fixture {
    struct store_world world;
    struct mirror mirror;
    struct site_columns *columns;
    struct settings settings;
    struct day_total days[DAYS_MAX];
    int64_t last_id;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

/* At `hour` UTC of the day that is so many after Monday. */
static void book(struct fixture *fixture, const char *account, int32_t day, int hour, int64_t issue,
                 int64_t seconds)
{
    const struct jira_worklog worklog = {
        .id = ++fixture->last_id,
        .issue_id = issue,
        .account = str_from(account),
        .updated_ms = 1000,
        .started_ms = (MONDAY + day) * DAY_MS + hour * HOUR_MS,
        .seconds = seconds,
    };
    enum mirror_put done;

    ok(fixture, db_begin(fixture->world.tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, mirror_put(&fixture->mirror, &worklog, &done, &fixture->err));
    ok(fixture, db_commit(fixture->world.tenant->db, &fixture->err));
    assert_int_equal(done, MIRROR_ADDED);
}

static void book_the_week(struct fixture *fixture)
{
    book(fixture, "ana", -1, 12, OTHER_ISSUE, HOUR);
    book(fixture, "ana", 0, 8, OTHER_ISSUE, 6 * HOUR);
    book(fixture, "ana", 0, 15, NO_WORK, 2 * HOUR);
    book(fixture, "ana", 1, 9, OTHER_ISSUE, HOUR);
    book(fixture, "ana", 2, 9, OTHER_ISSUE, 8 * HOUR);
    book(fixture, "bob", 2, 9, OTHER_ISSUE, 4 * HOUR);
    book(fixture, "ana", 3, 9, NO_WORK, 3 * HOUR);
    book(fixture, "ana", 5, 9, OTHER_ISSUE, HOUR / 2);
    book(fixture, "ana", 5, 10, NO_WORK, HOUR / 2);
    book(fixture, "ana", 7, 12, OTHER_ISSUE, HOUR);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 13);
    ok(fixture, mirror_init(&fixture->mirror, fixture->world.tenant, &fixture->err));
    fixture->columns = site_columns_new(&fixture->world.fake.ctx);
    assert_non_null(fixture->columns);
    fixture->settings = (struct settings){
        .working_days = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5,
        .holidays = holidays,
        .holiday_count = ARRAY_LEN(holidays),
        .extra_days = extra_days,
        .extra_day_count = ARRAY_LEN(extra_days),
        .expected_seconds = 8 * HOUR,
        .non_working_issues = non_working,
        .non_working_count = ARRAY_LEN(non_working),
    };
    assert_int_equal(civil_days((struct civil_date){2026, 1, 5}), MONDAY);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    site_columns_free(fixture->columns);
    mirror_done(&fixture->mirror);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static struct days_request week_of(struct fixture *fixture, const char *account, const char *zone)
{
    return (struct days_request){.account = str_from(account),
                                 .zone = str_from(zone),
                                 .from_day = MONDAY,
                                 .to_day = MONDAY + 6,
                                 .settings = &fixture->settings};
}

static void find(struct fixture *fixture, const struct days_request *request)
{
    memset(fixture->days, 0x55, sizeof(fixture->days)); /* what was there does not count */
    ok(fixture,
       days_find(fixture->columns, fixture->world.tenant, request, fixture->days, &fixture->err));
}

/* Each of the week's days as "expected/logged/real" in minutes. */
static void week_is(struct fixture *fixture, const char *expected)
{
    struct strbuf text = STRBUF_INIT(4096);

    for (int i = 0; i < 7; i++)
        strbuf_addf(&text, "%s%lld/%lld/%lld", i ? " " : "",
                    (long long)fixture->days[i].expected / 60,
                    (long long)fixture->days[i].logged / 60, (long long)fixture->days[i].real / 60);
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
}

/* ---- */

static void ev13_each_day_has_what_was_expected_booked_and_worked(void **state)
{
    struct fixture *fixture = *state;
    const struct days_request ana = week_of(fixture, "ana", "UTC");
    const struct days_request bob = week_of(fixture, "bob", "UTC");
    const struct days_request nobody = week_of(fixture, "nobody", "UTC");

    book_the_week(fixture);
    find(fixture, &ana);
    week_is(fixture, "480/480/360 0/60/60 480/480/480 480/180/0 480/0/0 480/60/30 0/0/0");
    find(fixture, &bob);
    week_is(fixture, "480/0/0 0/0/0 480/240/240 480/0/0 480/0/0 480/0/0 0/0/0");
    find(fixture, &nobody);
    week_is(fixture, "480/0/0 0/0/0 480/0/0 480/0/0 480/0/0 480/0/0 0/0/0");
}

static void ev13_without_issues_that_are_no_work_all_is_work(void **state)
{
    struct fixture *fixture = *state;
    const struct days_request ana = week_of(fixture, "ana", "UTC");

    book_the_week(fixture);
    fixture->settings.non_working_count = 0;
    find(fixture, &ana);
    week_is(fixture, "480/480/480 0/60/60 480/480/480 480/180/180 480/0/0 480/60/60 0/0/0");
}

static void ev13_a_day_is_one_of_the_zone(void **state)
{
    struct fixture *fixture = *state;
    const struct days_request berlin = week_of(fixture, "ana", "Europe/Berlin");
    const struct days_request new_york = week_of(fixture, "ana", "America/New_York");

    book(fixture, "ana", 2, 23, OTHER_ISSUE, HOUR); /* Wednesday, 23:00 UTC: Thursday in Berlin */
    book(fixture, "ana", 0, 3, NO_WORK, HOUR);      /* Monday, 3:00 UTC: Sunday in New York */
    find(fixture, &berlin);
    week_is(fixture, "480/60/0 0/0/0 480/0/0 480/60/60 480/0/0 480/0/0 0/0/0");
    find(fixture, &new_york);
    week_is(fixture, "480/0/0 0/0/0 480/60/60 480/0/0 480/0/0 480/0/0 0/0/0");
}

static void ev16_holidays_and_free_days_are_never_missing_and_a_worked_saturday_is(void **state)
{
    static const bool missing[] = {false, false, false, true, true, true, false};
    struct fixture *fixture = *state;
    const struct days_request ana = week_of(fixture, "ana", "UTC");

    book_the_week(fixture);
    find(fixture, &ana);
    for (size_t i = 0; i < ARRAY_LEN(missing); i++)
        assert_int_equal(fixture->days[i].logged < fixture->days[i].expected, missing[i]);
}

static void ev16_without_the_issues_that_are_no_work_more_is_missing(void **state)
{
    struct fixture *fixture = *state;
    const struct days_request ana = week_of(fixture, "ana", "UTC");

    book_the_week(fixture);
    find(fixture, &ana);
    assert_int_equal(fixture->days[0].logged, fixture->days[0].expected);
    assert_true(fixture->days[0].real < fixture->days[0].expected);
}

static void ev16_a_whole_leap_year_has_its_last_day(void **state)
{
    struct fixture *fixture = *state;
    struct days_request year = week_of(fixture, "ana", "UTC");

    year.from_day = civil_days((struct civil_date){2024, 1, 1});
    year.to_day = civil_days((struct civil_date){2024, 12, 31});
    assert_int_equal(year.to_day - year.from_day + 1, DAYS_MAX);
    for (int32_t day = year.from_day; day <= year.to_day; day++)
        book(fixture, "ana", day - MONDAY, 12, day % 2 ? OTHER_ISSUE : NO_WORK, HOUR);
    find(fixture, &year);
    for (int i = 0; i < DAYS_MAX; i++) {
        assert_int_equal(fixture->days[i].logged, HOUR);
        assert_int_equal(fixture->days[i].real, (year.from_day + i) % 2 ? HOUR : 0);
    }
}

static enum err_class sees_one_issue(void *arg, const int64_t *ids, size_t count,
                                     struct jira_ids *ret, struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        if (ids[i] == OTHER_ISSUE && jira_ids_add(ret, ids[i], err) != ERR_OK)
            return err->class;
    return ERR_OK;
}

static void what_the_viewer_may_not_see_is_in_no_total(void **state)
{
    struct fixture *fixture = *state;
    const struct viewer viewer = {.account = STR("bob"), .ask = sees_one_issue};
    struct days_request ana = week_of(fixture, "ana", "UTC");

    ana.viewer = &viewer;
    book_the_week(fixture);
    find(fixture, &ana);
    week_is(fixture, "480/360/360 0/60/60 480/480/480 480/0/0 480/0/0 480/30/30 0/0/0");
}

static void an_unknown_zone_is_named(void **state)
{
    struct fixture *fixture = *state;
    const struct days_request ana = week_of(fixture, "ana", "Nowhere/Land");

    assert_int_not_equal(
        days_find(fixture->columns, fixture->world.tenant, &ana, fixture->days, &fixture->err),
        ERR_OK);
    assert_non_null(strstr(fixture->err.msg, "Nowhere/Land"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(ev13_each_day_has_what_was_expected_booked_and_worked),
        TEST(ev13_without_issues_that_are_no_work_all_is_work),
        TEST(ev13_a_day_is_one_of_the_zone),
        TEST(ev16_holidays_and_free_days_are_never_missing_and_a_worked_saturday_is),
        TEST(ev16_without_the_issues_that_are_no_work_more_is_missing),
        TEST(ev16_a_whole_leap_year_has_its_last_day),
        TEST(what_the_viewer_may_not_see_is_in_no_total),
        TEST(an_unknown_zone_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
