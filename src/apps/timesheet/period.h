#ifndef APPS_TIMESHEET_PERIOD_H
#define APPS_TIMESHEET_PERIOD_H
#include <stdint.h>

/*
 * The calendar periods a report groups by, over local days counted from 1970-01-01 (base/civil.h).
 * Weeks are those of ISO 8601: from Monday, and of the year their Thursday is in. Pure functions.
 */
enum period { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_QUARTER, PERIOD_YEAR, PERIOD_COUNT };

/* First and last day of the period that `day` is in. */
int32_t period_first(enum period period, int32_t day);
int32_t period_last(enum period period, int32_t day);

/* A number that is equal for days of one period and one more for the next period. */
int32_t period_index(enum period period, int32_t day);

/* "2026-01-05", "2026-W01", "2026-01", "2026-Q1", "2026"; the day's year is 1..9999. */
#define PERIOD_TEXT_BYTES 10
void period_text(enum period period, int32_t day, char ret[PERIOD_TEXT_BYTES + 1]);

#endif
