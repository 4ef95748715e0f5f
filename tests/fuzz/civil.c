/*
 * civil.c: dates, time stamps and the calendar.
 *
 * The input is a text, read as a date and as a stamp, and its first eight bytes are a time. Holds:
 * what is taken is what a regular expression and the C library's timegm take, and its time is
 * theirs; what is formatted reads as the same time; days and dates are each other's inverse; the
 * ISO week is the one that its definition gives.
 */
#include "base/civil.h"

#include <regex.h>

#include "fuzz.h"

#define FIRST_MS (INT64_C(-719162) * MS_PER_DAY)    /* 0001-01-01 */
#define LAST_MS (INT64_C(2932897) * MS_PER_DAY - 1) /* the end of 9999-12-31 */

/* 1 year, 2 month, 3 day, 4 hour, 5 minute, 7 second, 9 fraction, 10 offset */
#define STAMP_GROUPS 11
static const char stamp_form[] =
    "^([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(:([0-9]{2})([.]([0-9]{1,9}))?)?"
    "([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$";
static const char date_form[] = "^([0-9]{4})-([0-9]{2})-([0-9]{2})$";

static bool fits(const char *form, regex_t *compiled, bool *done, const char *text, regmatch_t *ret,
                 size_t groups)
{
    if (!*done) {
        FUZZ_CHECK(regcomp(compiled, form, REG_EXTENDED) == 0);
        *done = true;
    }
    return regexec(compiled, text, groups, ret, 0) == 0;
}

/* A group's digits; `otherwise` when it is not there. */
static int number(const char *text, regmatch_t group, int otherwise)
{
    int value = 0;

    if (group.rm_so < 0)
        return otherwise;
    for (regoff_t i = group.rm_so; i < group.rm_eo; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* timegm makes 2024-03-01 of 2024-02-30: such a date is none. */
static bool day_ms(int year, int month, int day, int64_t *ret)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    time_t at = timegm(&tm);

    *ret = (int64_t)at * 1000;
    return year >= 1 && tm.tm_year == year - 1900 && tm.tm_mon == month - 1 && tm.tm_mday == day;
}

static bool model_date(const char *text, int64_t *ret_ms)
{
    static regex_t compiled;
    static bool done;
    regmatch_t g[4];

    return fits(date_form, &compiled, &done, text, g, ARRAY_LEN(g)) &&
           day_ms(number(text, g[1], 0), number(text, g[2], 0), number(text, g[3], 0), ret_ms);
}

static bool model_stamp(const char *text, int64_t *ret_ms)
{
    static regex_t compiled;
    static bool done;
    regmatch_t g[STAMP_GROUPS];
    int64_t ms = 0;

    if (!fits(stamp_form, &compiled, &done, text, g, ARRAY_LEN(g)))
        return false;

    int hour = number(text, g[4], 0), minute = number(text, g[5], 0),
        second = number(text, g[7], 0);
    char fraction[4] = "000";

    for (regoff_t i = 0; i < 3 && g[9].rm_so >= 0 && g[9].rm_so + i < g[9].rm_eo; i++)
        fraction[i] = text[g[9].rm_so + i];
    if (hour > 23 || minute > 59 || second > 59 ||
        !day_ms(number(text, g[1], 0), number(text, g[2], 0), number(text, g[3], 0), &ms))
        return false;

    const char *offset = text + g[10].rm_so;
    int hours = 0, minutes = 0;

    if (offset[0] == '+' || offset[0] == '-') {
        const char *rest = offset + 3;

        hours = (offset[1] - '0') * 10 + offset[2] - '0';
        rest += *rest == ':';
        minutes = *rest ? (rest[0] - '0') * 10 + rest[1] - '0' : 0;
    }
    if (hours > 18 || minutes > 59)
        return false;
    ms += hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND +
          (int64_t)strtol(fraction, NULL, 10);
    ms -= (hours * MS_PER_HOUR + minutes * MS_PER_MINUTE) * (offset[0] == '-' ? -1 : 1);
    *ret_ms = ms;
    return ms >= FIRST_MS && ms <= LAST_MS;
}

static void check_calendar(int32_t day)
{
    struct civil_date date = civil_date(day);
    int32_t week_year = 0, week = 0, weekday = civil_weekday(day);

    FUZZ_CHECK(civil_is_valid(date));
    FUZZ_CHECK(civil_days(date) == day);
    FUZZ_CHECK(weekday >= 1 && weekday <= 7 && civil_weekday(day + 1) == weekday % 7 + 1);
    /* Week 1 is the one with January 4th in it, and weeks begin on Mondays. */
    civil_iso_week(day, &week_year, &week);

    int32_t fourth = civil_days((struct civil_date){week_year, 1, 4});
    int32_t monday = fourth - civil_weekday(fourth) + 1 + (week - 1) * 7;

    FUZZ_CHECK(week >= 1 && week <= 53 && monday <= day && day <= monday + 6);
    FUZZ_CHECK(week_year >= date.year - 1 && week_year <= date.year + 1);
    if (week == 53)
        FUZZ_CHECK(civil_date(monday + 3).year == week_year); /* its Thursday */
}

/* A time within the calendar, written and read again. */
static void check_time(int64_t ms)
{
    char text[CIVIL_STAMP_BYTES + 1], day_text[CIVIL_DATE_BYTES + 1];
    struct civil_date date = {0};
    int64_t back = 0, model = 0;
    int32_t day = civil_day_of(ms);

    civil_format_stamp(ms, text);
    FUZZ_CHECK(strlen(text) == CIVIL_STAMP_BYTES);
    FUZZ_CHECK(civil_parse_stamp(str_from(text), &back) && back == ms);
    FUZZ_CHECK(model_stamp(text, &model) && model == ms);
    FUZZ_CHECK((int64_t)day * MS_PER_DAY <= ms && ms < ((int64_t)day + 1) * MS_PER_DAY);
    civil_format_date(day, day_text);
    FUZZ_CHECK(strlen(day_text) == CIVIL_DATE_BYTES && memcmp(text, day_text, 10) == 0);
    FUZZ_CHECK(civil_parse_date(str_from(day_text), &date) && civil_days(date) == day);
    check_calendar(day);
}

static void check_text(struct str s)
{
    AUTO(free_autop) char *exact = fuzz_exact(s);
    AUTO(free_autop) char *text = fuzz_exact_z(s);
    struct str view = {exact, s.len};
    struct civil_date date = {-1, -1, -1};
    int64_t ms = -77, model_ms = -77, day = -77;
    bool plain = strlen(text) == s.len; /* else there is a NUL in it: never a time */

    if (civil_parse_stamp(view, &ms)) {
        FUZZ_CHECK(plain && model_stamp(text, &model_ms));
        FUZZ_CHECK(ms == model_ms);
        check_time(ms);
    } else {
        FUZZ_CHECK(!plain || !model_stamp(text, &model_ms));
        FUZZ_CHECK(ms == -77);
    }
    if (civil_parse_date(view, &date)) {
        FUZZ_CHECK(plain && model_date(text, &day));
        FUZZ_CHECK((int64_t)civil_days(date) * MS_PER_DAY == day);
        check_time(day);
    } else {
        FUZZ_CHECK(!plain || !model_date(text, &day));
        FUZZ_CHECK(date.year == -1 && date.month == -1 && date.day == -1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_str(data, size), rest = input;

    check_text(input);
    check_time(FIRST_MS + (int64_t)(fuzz_u64(&rest) % (uint64_t)(LAST_MS - FIRST_MS + 1)));
    return 0;
}
