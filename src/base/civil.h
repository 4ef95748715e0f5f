#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Calendar arithmetic without a time zone: days, dates, ISO 8601 weeks and time stamps. The
 * proleptic Gregorian calendar, days counted from 1970-01-01 (day 0). Zones are ICU's business, in
 * the code that reports.
 */

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define MS_PER_DAY (24 * MS_PER_HOUR)

#define CIVIL_YEAR_MIN 1
#define CIVIL_YEAR_MAX 9999

struct civil_date {
    int32_t year;  /* CIVIL_YEAR_MIN..CIVIL_YEAR_MAX */
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
};

int32_t civil_days(struct civil_date date); /* days since 1970-01-01; may be negative */
struct civil_date civil_date(int32_t days);
bool civil_is_valid(struct civil_date date);
int32_t civil_weekday(int32_t days); /* 1 Monday .. 7 Sunday, ISO 8601 */
/* ISO 8601 week: the week's year and its number 1..53. */
void civil_iso_week(int32_t days, int32_t *ret_year, int32_t *ret_week);

/* "2026-01-31"; dates that do not exist are refused. */
MUST_USE bool civil_parse_date(struct str text, struct civil_date *ret);

/*
 * A time stamp of Jira or of ISO 8601 to UTC milliseconds:
 * 2021-01-17T12:34:00.000+0530, …+05:30, …Z, fraction of 1 to 9 digits or none. False when it is
 * not of that form or the time does not exist.
 */
MUST_USE bool civil_parse_stamp(struct str text, int64_t *ret_ms);

/* "2021-01-17T12:34:00.000Z" (24 bytes) */
#define CIVIL_STAMP_BYTES 24
void civil_format_stamp(int64_t ms, char ret[CIVIL_STAMP_BYTES + 1]);
/* "2021-01-17" */
#define CIVIL_DATE_BYTES 10
void civil_format_date(int32_t days, char ret[CIVIL_DATE_BYTES + 1]);

/* The day of a UTC time, rounded down. */
int32_t civil_day_of(int64_t ms);

#endif
