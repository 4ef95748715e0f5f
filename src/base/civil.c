/*
 * civil.c: days, dates and time stamps.
 *
 * The day count uses 400-year eras that start in March, so that the leap day is the last day of a
 * year and the month lengths follow one linear formula.
 */
#include "base/civil.h"

#define DAYS_PER_ERA 146097  /* 400 years */
#define DAYS_TO_EPOCH 719468 /* 0000-03-01 to 1970-01-01 */

int32_t civil_days(struct civil_date date)
{
    int32_t year = date.month <= 2 ? date.year - 1 : date.year;
    int32_t era = (year >= 0 ? year : year - 399) / 400;
    int32_t year_of_era = year - era * 400;
    int32_t month_from_march = (date.month + 9) % 12;
    int32_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

struct civil_date civil_date(int32_t days)
{
    int32_t shifted = days + DAYS_TO_EPOCH;
    int32_t era = (shifted >= 0 ? shifted : shifted - DAYS_PER_ERA + 1) / DAYS_PER_ERA;
    int32_t doe = shifted - era * DAYS_PER_ERA;
    int32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int32_t mp = (5 * doy + 2) / 153;
    struct civil_date date = {
        .year = yoe + era * 400,
        .month = mp < 10 ? mp + 3 : mp - 9,
        .day = doy - (153 * mp + 2) / 5 + 1,
    };

    if (date.month <= 2)
        date.year++;
    return date;
}

bool civil_is_valid(struct civil_date date)
{
    static const int32_t days_in_month[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;

    if (date.year < CIVIL_YEAR_MIN || date.year > CIVIL_YEAR_MAX)
        return false;
    if (date.month < 1 || date.month > 12 || date.day < 1)
        return false;
    return date.day <= days_in_month[date.month - 1] + (date.month == 2 && leap ? 1 : 0);
}

int32_t civil_weekday(int32_t days)
{
    /* 1970-01-01 was a Thursday, the fourth day. */
    return ((days % 7 + 7) % 7 + 3) % 7 + 1;
}

void civil_iso_week(int32_t days, int32_t *ret_year, int32_t *ret_week)
{
    /* The week belongs to the year of its Thursday. */
    int32_t thursday = days - civil_weekday(days) + 4;
    int32_t year = civil_date(thursday).year;
    int32_t first = civil_days((struct civil_date){year, 1, 1});

    *ret_year = year;
    *ret_week = (thursday - first) / 7 + 1;
}

/* `count` is at most what is left. A synchronization reads three stamps a worklog. */
static void skip(struct str *text, size_t count)
{
    text->ptr += count;
    text->len -= count;
}

/* Exactly `digits` decimal digits at the head of *text, which moves past them. */
static bool take_digits(struct str *text, size_t digits, int32_t *ret)
{
    int32_t value = 0;

    if (text->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        int digit = text->ptr[i] - '0';

        if (digit < 0 || digit > 9)
            return false;
        value = value * 10 + digit;
    }
    skip(text, digits);
    *ret = value;
    return true;
}

static bool take_char(struct str *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    skip(text, 1);
    return true;
}

static bool take_date(struct str *text, struct civil_date *ret)
{
    struct civil_date date = {0};

    if (!take_digits(text, 4, &date.year) || !take_char(text, '-') ||
        !take_digits(text, 2, &date.month) || !take_char(text, '-') ||
        !take_digits(text, 2, &date.day) || !civil_is_valid(date))
        return false;
    *ret = date;
    return true;
}

bool civil_parse_date(struct str text, struct civil_date *ret)
{
    struct civil_date date = {0};

    if (!take_date(&text, &date) || text.len != 0)
        return false;
    *ret = date;
    return true;
}

/* ".123" and its like, to whole milliseconds; nothing there is zero. */
static bool take_fraction_ms(struct str *text, int32_t *ret_ms)
{
    int32_t ms = 0, weight = 100;
    size_t digits = 0;

    *ret_ms = 0;
    if (!take_char(text, '.'))
        return true;
    /* At most 9 turns. */
    while (text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9' && digits < 9) {
        ms += (text->ptr[0] - '0') * weight;
        weight /= 10;
        skip(text, 1);
        digits++;
    }
    *ret_ms = ms;
    return digits > 0;
}

/* "Z", "+0530", "+05:30", "+05" */
static bool take_offset(struct str *text, int32_t *ret_minutes)
{
    int32_t hours = 0, minutes = 0;
    bool west = false;

    if (take_char(text, 'Z') || take_char(text, 'z')) {
        *ret_minutes = 0;
        return true;
    }
    if (take_char(text, '-'))
        west = true;
    else if (!take_char(text, '+'))
        return false;
    if (!take_digits(text, 2, &hours))
        return false;
    if (text->len > 0) {
        (void)take_char(text, ':'); /* Jira leaves the colon out, others put it in */
        if (!take_digits(text, 2, &minutes))
            return false;
    }
    if (hours > 18 || minutes > 59)
        return false;
    *ret_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

bool civil_parse_stamp(struct str text, int64_t *ret_ms)
{
    struct civil_date date = {0};
    int32_t hour = 0, minute = 0, second = 0, fraction_ms = 0, offset_minutes = 0;

    if (!take_date(&text, &date) || !(take_char(&text, 'T') || take_char(&text, ' ')))
        return false;
    if (!take_digits(&text, 2, &hour) || !take_char(&text, ':') || !take_digits(&text, 2, &minute))
        return false;
    /* A fraction is one of seconds. */
    if (take_char(&text, ':') &&
        (!take_digits(&text, 2, &second) || !take_fraction_ms(&text, &fraction_ms)))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    if (!take_offset(&text, &offset_minutes) || text.len != 0)
        return false;

    int64_t ms = (int64_t)civil_days(date) * MS_PER_DAY + hour * MS_PER_HOUR +
                 minute * MS_PER_MINUTE + second * MS_PER_SECOND + fraction_ms -
                 offset_minutes * MS_PER_MINUTE;

    /* An offset of hours leads out of the calendar from its first or last year only. */
    if ((date.year == CIVIL_YEAR_MIN || date.year == CIVIL_YEAR_MAX) &&
        !civil_is_valid(civil_date(civil_day_of(ms))))
        return false;
    *ret_ms = ms;
    return true;
}

int32_t civil_day_of(int64_t ms)
{
    int64_t day = ms / MS_PER_DAY;

    if (ms % MS_PER_DAY < 0)
        day--;
    return (int32_t)day;
}

static void put_digits(char *at, int32_t value, size_t digits)
{
    for (size_t i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void civil_format_date(int32_t days, char ret[CIVIL_DATE_BYTES + 1])
{
    struct civil_date date = civil_date(days);

    put_digits(ret, date.year, 4);
    ret[4] = '-';
    put_digits(ret + 5, date.month, 2);
    ret[7] = '-';
    put_digits(ret + 8, date.day, 2);
    ret[10] = '\0';
}

void civil_format_stamp(int64_t ms, char ret[CIVIL_STAMP_BYTES + 1])
{
    int32_t day = civil_day_of(ms);
    int32_t rest = (int32_t)(ms - (int64_t)day * MS_PER_DAY);

    civil_format_date(day, ret);
    ret[10] = 'T';
    put_digits(ret + 11, rest / (int32_t)MS_PER_HOUR, 2);
    ret[13] = ':';
    put_digits(ret + 14, rest / (int32_t)MS_PER_MINUTE % 60, 2);
    ret[16] = ':';
    put_digits(ret + 17, rest / (int32_t)MS_PER_SECOND % 60, 2);
    ret[19] = '.';
    put_digits(ret + 20, rest % 1000, 3);
    ret[23] = 'Z';
    ret[24] = '\0';
}
