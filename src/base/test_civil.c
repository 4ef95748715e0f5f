/* Tests of civil.c: days, dates, ISO weeks and time stamps. */
#include "base/civil.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAYS_IN_400_YEARS 146097

static int32_t day_of(const char *text)
{
    struct civil_date date = {0};

    assert_true(civil_parse_date(str_from(text), &date));
    return civil_days(date);
}

/* libc's own calendar, the judge of ours. */
static int32_t day_by_libc(struct civil_date date)
{
    struct tm tm = {
        .tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day, .tm_isdst = 0};

    return (int32_t)(timegm(&tm) / 86400);
}

static void every_day_of_400_years_is_libc_s_day(void **state)
{
    struct civil_date before = civil_date(-DAYS_IN_400_YEARS / 2 - 1);

    (void)state;
    for (int32_t day = -DAYS_IN_400_YEARS / 2; day <= DAYS_IN_400_YEARS; day++) {
        struct civil_date date = civil_date(day);
        struct tm tm = {0};
        time_t seconds = (time_t)day * 86400;

        assert_true(civil_is_valid(date));
        assert_int_equal(civil_days(date), day);
        assert_int_equal(day_by_libc(date), day);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal(tm.tm_year + 1900, date.year);
        assert_int_equal(tm.tm_mon + 1, date.month);
        assert_int_equal(tm.tm_mday, date.day);
        assert_int_equal(civil_weekday(day) % 7, tm.tm_wday);
        /* The day after the one before. */
        assert_true(date.day == before.day + 1 || date.day == 1);
        before = date;
    }
}

static void the_first_and_the_last_year_are_whole(void **state)
{
    int32_t first = day_of("0001-01-01"), last = day_of("9999-12-31");

    (void)state;
    assert_int_equal(first, day_by_libc((struct civil_date){1, 1, 1}));
    assert_int_equal(last, day_by_libc((struct civil_date){9999, 12, 31}));
    for (int32_t day = first; day < first + 800; day++)
        assert_int_equal(civil_days(civil_date(day)), day);
    for (int32_t day = last; day > last - 800; day--)
        assert_int_equal(civil_days(civil_date(day)), day);
    assert_int_equal(day_of("1970-01-01"), 0);
    assert_int_equal(day_of("1969-12-31"), -1);
    assert_int_equal(day_of("2000-03-01"), 11017);
}

static void days_that_do_not_exist_are_refused(void **state)
{
    static const struct civil_date wrong[] = {
        {2026, 2, 29}, {2024, 2, 30}, {1900, 2, 29}, {2100, 2, 29}, {2026, 4, 31},
        {2026, 0, 1},  {2026, 13, 1}, {2026, 1, 0},  {2026, 1, 32}, {0, 1, 1},
        {10000, 1, 1}, {-1, 1, 1},    {2026, -1, 1}, {2026, 1, -1}, {2026, INT32_MAX, 1},
    };
    static const struct civil_date right[] = {
        {2024, 2, 29}, {2000, 2, 29}, {2026, 12, 31}, {1, 1, 1}, {9999, 12, 31}};
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(civil_is_valid(wrong[i]));
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        assert_true(civil_is_valid(right[i]));
    /* As many as there are days. */
    for (int32_t year = 1601; year <= 2000; year++)
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t day = 1; day <= 31; day++)
                count += civil_is_valid((struct civil_date){year, month, day});
    assert_int_equal(count, DAYS_IN_400_YEARS);
}

static void weeks_at_the_edges_of_years_are_those_of_iso_8601(void **state)
{
    static const struct {
        const char *day;
        int32_t year, week;
    } cases[] = {
        {"2005-01-01", 2004, 53}, {"2005-01-02", 2004, 53}, {"2005-12-31", 2005, 52},
        {"2006-01-01", 2005, 52}, {"2006-01-02", 2006, 1},  {"2006-12-31", 2006, 52},
        {"2007-01-01", 2007, 1},  {"2007-12-30", 2007, 52}, {"2007-12-31", 2008, 1},
        {"2008-01-01", 2008, 1},  {"2008-12-28", 2008, 52}, {"2008-12-29", 2009, 1},
        {"2009-12-31", 2009, 53}, {"2010-01-03", 2009, 53}, {"2010-01-04", 2010, 1},
        {"2026-12-31", 2026, 53}, {"2027-01-03", 2026, 53}, {"1970-01-01", 1970, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int32_t year = 0, week = 0;

        civil_iso_week(day_of(cases[i].day), &year, &week);
        assert_int_equal(year, cases[i].year);
        assert_int_equal(week, cases[i].week);
    }
}

static void every_week_of_400_years_is_libc_s_week(void **state)
{
    (void)state;
    for (int32_t day = 0; day < DAYS_IN_400_YEARS; day++) {
        int32_t year = 0, week = 0;
        struct tm tm = {0};
        time_t seconds = (time_t)day * 86400;
        char theirs[16], ours[32];

        civil_iso_week(day, &year, &week);
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_true(strftime(theirs, sizeof(theirs), "%G-%V-%u", &tm) > 0);
        (void)snprintf(ours, sizeof(ours), "%d-%02d-%d", year, week, civil_weekday(day));
        assert_string_equal(ours, theirs);
    }
}

static void dates_are_read_whole_or_not_at_all(void **state)
{
    static const char *const wrong[] = {
        "",           "2026",       "2026-1-01",  "2026-01-1",   "2026-01-011", "2026-02-29",
        "2026-13-01", "2026-00-01", "0000-01-01", "10000-01-01", "2026/01/01",  "2026-01-01 ",
        " 2026-01-0", "-026-01-01", "2026-+1-01", "2026-01-0x",  "20260101",    "2026-01-01T",
    };
    struct civil_date date = {7, 7, 7};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(civil_parse_date(str_from(wrong[i]), &date));
        assert_int_equal(date.year, 7);
    }
    assert_false(civil_parse_date((struct str){NULL, 0}, &date));
    assert_true(civil_parse_date(STR("2024-02-29"), &date));
    assert_int_equal(date.year, 2024);
    assert_int_equal(date.month, 2);
    assert_int_equal(date.day, 29);
}

static void stamps_of_jira_and_of_iso_8601_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00.000+0000", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00z", 0},
        {"2021-01-17T12:34:00.000+0530", INT64_C(1610867040000)},
        {"2021-01-17T12:34:00.000+05:30", INT64_C(1610867040000)},
        {"2021-01-17T07:04:00Z", INT64_C(1610867040000)},
        {"2021-01-17T07:04:00+00", INT64_C(1610867040000)},
        {"2021-01-16T19:34:00.000-1130", INT64_C(1610867040000)},
        {"2021-01-17T07:04:00.1Z", INT64_C(1610867040100)},
        {"2021-01-17T07:04:00.12Z", INT64_C(1610867040120)},
        {"2021-01-17T07:04:00.123Z", INT64_C(1610867040123)},
        {"2021-01-17T07:04:00.1239Z", INT64_C(1610867040123)}, /* cut, not rounded */
        {"2021-01-17T07:04:00.123999999Z", INT64_C(1610867040123)},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2024-02-29T23:59:59.999+0000", INT64_C(1709251199999)},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = -77;

        if (!civil_parse_stamp(str_from(cases[i].text), &ms))
            fail_msg("not read: %s", cases[i].text);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void what_is_no_stamp_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "2021-01-17",
        "2021-01-17T",
        "2021-01-17T12",
        "2021-01-17T12:34",
        "2021-01-17T12:34:00",             /* no offset: whose time? */
        "2021-01-17T12:34:00.000",         /* the same */
        "2021-01-17T12:34:00.Z",           /* a point and no digit */
        "2021-01-17T12:34:00.0000000000Z", /* ten digits */
        "2021-01-17T24:00:00Z",
        "2021-01-17T12:60:00Z",
        "2021-01-17T12:34:60Z", /* JavaScript and Java know no leap seconds */
        "2021-01-17T12:34:00+5",
        "2021-01-17T12:34:00+053",
        "2021-01-17T12:34:00+05:3",
        "2021-01-17T12:34:00+0560",
        "2021-01-17T12:34:00+1900",
        "2021-01-17T12:34:00+05300",
        "2021-01-17T12:34:00ZZ",
        "2021-01-17T12:34:00Z ",
        " 2021-01-17T12:34:00Z",
        "2021-02-29T12:34:00Z", /* does not exist */
        "2021-02-30T12:34:00Z",
        "2021-13-17T12:34:00Z",
        "2021-04-31T12:34:00Z",
        "0000-01-01T00:00:00Z",
        "2021-01-17X12:34:00Z",
        "2021-1-17T12:34:00Z",
        "2021-01-17T1:34:00Z",
        "2021-01-17T-1:34:00Z",
        "1610867040000",
        "2021-01-17T12:34.5Z", /* a fraction of seconds that are not there */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        int64_t ms = -77;

        if (civil_parse_stamp(str_from(wrong[i]), &ms))
            fail_msg("was read: %s", wrong[i]);
        assert_int_equal(ms, -77);
    }
}

/* What is read must be a time that can be written again, and that the reports can hold. */
static void an_offset_must_not_lead_out_of_the_calendar(void **state)
{
    int64_t ms = -77;

    (void)state;
    assert_false(civil_parse_stamp(STR("0001-01-01T00:00:00.000+0001"), &ms));
    assert_false(civil_parse_stamp(STR("9999-12-31T23:59:59.999-0001"), &ms));
    assert_int_equal(ms, -77);
    assert_true(civil_parse_stamp(STR("0001-01-01T00:01:00.000+0001"), &ms));
    assert_int_equal(ms, (int64_t)day_of("0001-01-01") * MS_PER_DAY);
    assert_true(civil_parse_stamp(STR("9999-12-31T23:58:59.999-0001"), &ms));
    assert_int_equal(ms, (int64_t)(day_of("9999-12-31") + 1) * MS_PER_DAY - 1);
}

static void any_stamp_written_is_read_back(void **state)
{
    int64_t first = (int64_t)day_of("0001-01-01") * MS_PER_DAY;
    int64_t span = (int64_t)(day_of("9999-12-31") + 1) * MS_PER_DAY - first;
    uint64_t roll = 1;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char text[CIVIL_STAMP_BYTES + 1], date[CIVIL_DATE_BYTES + 1];
        int64_t ms = 0, back = 0;

        roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ms = first + (int64_t)((roll >> 1) % (uint64_t)span);
        if (i == 0)
            ms = first;
        if (i == 1)
            ms = first + span - 1;
        civil_format_stamp(ms, text);
        assert_int_equal(strlen(text), CIVIL_STAMP_BYTES);
        assert_true(civil_parse_stamp(str_from(text), &back));
        assert_int_equal(back, ms);
        civil_format_date(civil_day_of(ms), date);
        assert_memory_equal(date, text, CIVIL_DATE_BYTES);
    }
}

static void days_are_rounded_down_before_1970_too(void **state)
{
    char text[CIVIL_STAMP_BYTES + 1];

    (void)state;
    assert_int_equal(civil_day_of(0), 0);
    assert_int_equal(civil_day_of(-1), -1);
    assert_int_equal(civil_day_of(MS_PER_DAY - 1), 0);
    assert_int_equal(civil_day_of(MS_PER_DAY), 1);
    assert_int_equal(civil_day_of(-MS_PER_DAY), -1);
    assert_int_equal(civil_day_of(-MS_PER_DAY - 1), -2);
    civil_format_stamp(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    civil_format_stamp(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_400_years_is_libc_s_day),
        cmocka_unit_test(the_first_and_the_last_year_are_whole),
        cmocka_unit_test(days_that_do_not_exist_are_refused),
        cmocka_unit_test(weeks_at_the_edges_of_years_are_those_of_iso_8601),
        cmocka_unit_test(every_week_of_400_years_is_libc_s_week),
        cmocka_unit_test(dates_are_read_whole_or_not_at_all),
        cmocka_unit_test(stamps_of_jira_and_of_iso_8601_are_read),
        cmocka_unit_test(what_is_no_stamp_is_refused),
        cmocka_unit_test(an_offset_must_not_lead_out_of_the_calendar),
        cmocka_unit_test(any_stamp_written_is_read_back),
        cmocka_unit_test(days_are_rounded_down_before_1970_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
