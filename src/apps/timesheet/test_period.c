/* Tests of period.c. */
#include "apps/timesheet/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/civil.h"

static int32_t day_of(const char *text)
{
    struct civil_date date = {0};

    assert_true(civil_parse_date(str_from(text), &date));
    return civil_days(date);
}

static void periods_have_the_names_people_use(void **state)
{
    static const struct {
        const char *day, *week, *month, *quarter, *year;
    } cases[] = {
        {"2026-01-05", "2026-W02", "2026-01", "2026-Q1", "2026"},
        {"2026-01-01", "2026-W01", "2026-01", "2026-Q1", "2026"},
        {"2027-01-03", "2026-W53", "2027-01", "2027-Q1", "2027"}, /* the week is of the old year */
        {"2025-12-29", "2026-W01", "2025-12", "2025-Q4", "2025"}, /* and of the new one */
        {"2024-03-31", "2024-W13", "2024-03", "2024-Q1", "2024"},
        {"2024-04-01", "2024-W14", "2024-04", "2024-Q2", "2024"},
        {"1970-01-01", "1970-W01", "1970-01", "1970-Q1", "1970"},
        {"0001-01-01", "0001-W01", "0001-01", "0001-Q1", "0001"},
        {"9999-12-31", "9999-W52", "9999-12", "9999-Q4", "9999"},
    };
    char text[PERIOD_TEXT_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int32_t day = day_of(cases[i].day);

        period_text(PERIOD_DAY, day, text);
        assert_string_equal(text, cases[i].day);
        period_text(PERIOD_WEEK, day, text);
        assert_string_equal(text, cases[i].week);
        period_text(PERIOD_MONTH, day, text);
        assert_string_equal(text, cases[i].month);
        period_text(PERIOD_QUARTER, day, text);
        assert_string_equal(text, cases[i].quarter);
        period_text(PERIOD_YEAR, day, text);
        assert_string_equal(text, cases[i].year);
    }
}

static void first_and_last_days_are_those_of_the_calendar(void **state)
{
    int32_t day = day_of("2024-02-15"); /* a Thursday */

    (void)state;
    assert_int_equal(period_first(PERIOD_WEEK, day), day_of("2024-02-12"));
    assert_int_equal(period_last(PERIOD_WEEK, day), day_of("2024-02-18"));
    assert_int_equal(period_first(PERIOD_MONTH, day), day_of("2024-02-01"));
    assert_int_equal(period_last(PERIOD_MONTH, day), day_of("2024-02-29"));
    assert_int_equal(period_first(PERIOD_QUARTER, day), day_of("2024-01-01"));
    assert_int_equal(period_last(PERIOD_QUARTER, day), day_of("2024-03-31"));
    assert_int_equal(period_first(PERIOD_YEAR, day), day_of("2024-01-01"));
    assert_int_equal(period_last(PERIOD_YEAR, day), day_of("2024-12-31"));
    assert_int_equal(period_first(PERIOD_DAY, day), day);
    assert_int_equal(period_last(PERIOD_DAY, day), day);
}

/* Over 800 years around 1970: periods join without gap, and index, text and borders agree. */
static void periods_cover_every_day_once(void **state)
{
    (void)state;
    for (int p = 0; p < PERIOD_COUNT; p++) {
        enum period period = (enum period)p;
        char text[PERIOD_TEXT_BYTES + 1], before[PERIOD_TEXT_BYTES + 1] = "";
        int32_t index_before = period_index(period, -146098);

        for (int32_t day = -146097; day <= 146097; day++) {
            bool starts = period_first(period, day) == day;
            int32_t index = period_index(period, day);

            assert_in_range(day - period_first(period, day), 0, 365);
            assert_in_range(period_last(period, day) - day, 0, 365);
            assert_int_equal(index - index_before, starts ? 1 : 0);
            period_text(period, day, text);
            assert_int_equal(strcmp(text, before) != 0, starts || before[0] == '\0');
            memcpy(before, text, sizeof(before));
            index_before = index;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_have_the_names_people_use),
        cmocka_unit_test(first_and_last_days_are_those_of_the_calendar),
        cmocka_unit_test(periods_cover_every_day_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
