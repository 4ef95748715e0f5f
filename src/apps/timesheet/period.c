/*
 * period.c: days, ISO weeks, months, quarters and years as the groups of a report.
 *
 * A period is named by any day in it; that is what the report's rows carry, and from it the text is
 * made. No zone here: the days are local ones already (zone.c). Threads: pure functions.
 */
#include "apps/timesheet/period.h"

#include <assert.h>
#include <stdbool.h>

#include "base/civil.h"

#define MONTHS_PER_YEAR 12
#define MONTHS_PER_QUARTER 3

/* The first day of the month that comes `months` months after year 0's January. */
static int32_t month_start(int32_t months)
{
    return civil_days(
        (struct civil_date){months / MONTHS_PER_YEAR, months % MONTHS_PER_YEAR + 1, 1});
}

static int32_t month_number(int32_t day)
{
    struct civil_date date = civil_date(day);

    return date.year * MONTHS_PER_YEAR + date.month - 1;
}

int32_t period_index(enum period period, int32_t day)
{
    switch (period) {
    case PERIOD_DAY:
        return day;
    case PERIOD_WEEK: {
        /* Day 0 was a Thursday: counted from the Monday before it, rounded down. */
        int32_t from_monday = day + 3;

        return (from_monday >= 0 ? from_monday : from_monday - 6) / 7;
    }
    case PERIOD_MONTH:
        return month_number(day);
    case PERIOD_QUARTER:
        return month_number(day) / MONTHS_PER_QUARTER;
    case PERIOD_YEAR:
        return civil_date(day).year;
    case PERIOD_COUNT:
        break;
    }
    assert(false);
    return 0;
}

/* The first day of the period with this index. */
static int32_t start_of(enum period period, int32_t index)
{
    switch (period) {
    case PERIOD_DAY:
        return index;
    case PERIOD_WEEK:
        return index * 7 - 3;
    case PERIOD_MONTH:
        return month_start(index);
    case PERIOD_QUARTER:
        return month_start(index * MONTHS_PER_QUARTER);
    case PERIOD_YEAR:
        return month_start(index * MONTHS_PER_YEAR);
    case PERIOD_COUNT:
        break;
    }
    assert(false);
    return 0;
}

int32_t period_first(enum period period, int32_t day)
{
    return start_of(period, period_index(period, day));
}

int32_t period_last(enum period period, int32_t day)
{
    return start_of(period, period_index(period, day) + 1) - 1;
}

static char *put_digits(char *at, int32_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + digits;
}

static char *put_char(char *at, char c)
{
    *at = c;
    return at + 1;
}

void period_text(enum period period, int32_t day, char ret[PERIOD_TEXT_BYTES + 1])
{
    struct civil_date date = civil_date(day);
    int32_t week = 0;
    char *at = ret;

    if (period == PERIOD_WEEK)
        civil_iso_week(day, &date.year, &week);
    assert(date.year >= CIVIL_YEAR_MIN);
    assert(date.year <= CIVIL_YEAR_MAX);

    at = put_digits(at, date.year, 4);
    switch (period) {
    case PERIOD_DAY:
        at = put_digits(put_char(at, '-'), date.month, 2);
        at = put_digits(put_char(at, '-'), date.day, 2);
        break;
    case PERIOD_WEEK:
        at = put_digits(put_char(put_char(at, '-'), 'W'), week, 2);
        break;
    case PERIOD_MONTH:
        at = put_digits(put_char(at, '-'), date.month, 2);
        break;
    case PERIOD_QUARTER:
        at = put_digits(put_char(put_char(at, '-'), 'Q'), (date.month + 2) / MONTHS_PER_QUARTER, 1);
        break;
    case PERIOD_YEAR:
        break;
    case PERIOD_COUNT:
        assert(false);
    }
    *at = '\0';
}
