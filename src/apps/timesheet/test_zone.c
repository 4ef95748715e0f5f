/*
 * Tests of zone.c: known days of known zones, and a comparison with ICU's own calendar, instant by
 * instant, around the transitions of every zone that ICU has.
 */
#include "apps/timesheet/zone.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>

#include "base/civil.h"

#define FROM_MS (INT64_C(-30) * 366 * MS_PER_DAY) /* about 1940 */
#define TO_MS (INT64_C(132) * 366 * MS_PER_DAY)   /* about 2102 */

static struct zone *zone_named(const char *name)
{
    struct zone *zone = NULL;
    struct err err = {0};

    if (zone_new(str_from(name), FROM_MS, TO_MS, &zone, &err))
        fail_msg("%s: %s", name, err.msg);
    return zone;
}

static int32_t day_of(const char *text)
{
    struct civil_date date = {0};

    assert_true(civil_parse_date(str_from(text), &date));
    return civil_days(date);
}

/* "from..to from..to", the stretches of time that make up the local days. */
static void assert_spans(const char *name, const char *from_day, const char *to_day,
                         const char *expected)
{
    struct zone *zone = zone_named(name);
    struct strbuf text = STRBUF_INIT(1000);
    struct zone_span span = {0};
    int64_t after_ms = INT64_MIN;

    while (zone_span(zone, day_of(from_day), day_of(to_day), &after_ms, &span)) {
        char from[CIVIL_STAMP_BYTES + 1], to[CIVIL_STAMP_BYTES + 1];

        civil_format_stamp(span.from_ms, from);
        civil_format_stamp(span.to_ms, to);
        /* To the minute: "2026-03-28T23:00" */
        strbuf_addf(&text, "%s%.16s..%.16s", text.len > 0 ? " " : "", from, to);
    }
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
    zone_free(zone);
}

static void days_are_23_and_25_hours_long_when_clocks_change(void **state)
{
    (void)state;
    assert_spans("Europe/Berlin", "2026-01-05", "2026-01-05", "2026-01-04T23:00..2026-01-05T23:00");
    assert_spans("Europe/Berlin", "2026-03-29", "2026-03-29", "2026-03-28T23:00..2026-03-29T22:00");
    assert_spans("Europe/Berlin", "2026-10-25", "2026-10-25", "2026-10-24T22:00..2026-10-25T23:00");
    assert_spans("Australia/Lord_Howe", "2026-04-05", "2026-04-05",
                 "2026-04-04T13:00..2026-04-05T13:30");
}

static void a_run_of_days_over_a_change_is_one_stretch(void **state)
{
    (void)state;
    assert_spans("Europe/Berlin", "2026-01-01", "2026-12-31", "2025-12-31T23:00..2026-12-31T23:00");
    assert_spans("Europe/Berlin", "2026-03-01", "2026-03-31", "2026-02-28T23:00..2026-03-31T22:00");
}

static void a_day_begins_at_one_when_midnight_does_not_exist(void **state)
{
    (void)state;
    /* 00:00 becomes 01:00: offset -3 to -2, +2 to +3 */
    assert_spans("America/Sao_Paulo", "2018-11-04", "2018-11-04",
                 "2018-11-04T03:00..2018-11-05T02:00");
    assert_spans("Asia/Beirut", "2022-03-27", "2022-03-27", "2022-03-26T22:00..2022-03-27T21:00");
    assert_spans("Africa/Cairo", "2010-04-30", "2010-04-30", "2010-04-29T22:00..2010-04-30T21:00");
    /* and at 00:00 it becomes 23:00 of the day before, which gets 25 hours */
    assert_spans("America/Sao_Paulo", "2018-02-17", "2018-02-17",
                 "2018-02-17T02:00..2018-02-18T03:00");
}

static void a_skipped_day_has_no_time(void **state)
{
    (void)state;
    assert_spans("Pacific/Apia", "2011-12-30", "2011-12-30", "");
    assert_spans("Pacific/Apia", "2011-12-29", "2011-12-29", "2011-12-29T10:00..2011-12-30T10:00");
    assert_spans("Pacific/Apia", "2011-12-31", "2011-12-31", "2011-12-30T10:00..2011-12-31T10:00");
    assert_spans("Pacific/Apia", "2011-12-29", "2011-12-31", "2011-12-29T10:00..2011-12-31T10:00");
}

static void a_day_comes_twice_when_the_clock_goes_back_over_midnight(void **state)
{
    (void)state;
    /* At 00:01 of the 7th it becomes 23:01 of the 6th. */
    assert_spans("America/St_Johns", "2010-11-06", "2010-11-06",
                 "2010-11-06T02:30..2010-11-07T02:30 2010-11-07T02:31..2010-11-07T03:30");
    assert_spans("America/St_Johns", "2010-11-07", "2010-11-07",
                 "2010-11-07T02:30..2010-11-07T02:31 2010-11-07T03:30..2010-11-08T03:30");
    assert_spans("America/St_Johns", "2010-11-06", "2010-11-07",
                 "2010-11-06T02:30..2010-11-08T03:30");
}

static void fixed_offsets_and_aliases_are_zones(void **state)
{
    struct zone *zone = zone_named("");

    (void)state;
    assert_string_equal(zone_name(zone), "Etc/UTC");
    zone_free(zone);
    assert_spans("UTC", "2026-01-05", "2026-01-05", "2026-01-05T00:00..2026-01-06T00:00");
    assert_spans("GMT+05:30", "2026-01-05", "2026-01-05", "2026-01-04T18:30..2026-01-05T18:30");
    assert_spans("Asia/Kolkata", "2026-01-05", "2026-01-05", "2026-01-04T18:30..2026-01-05T18:30");
    assert_spans("Asia/Calcutta", "2026-01-05", "2026-01-05", "2026-01-04T18:30..2026-01-05T18:30");
}

static void far_years_are_days_too(void **state)
{
    (void)state;
    assert_spans("Europe/Berlin", "2100-07-01", "2100-07-01", "2100-06-30T22:00..2100-07-01T22:00");
    assert_spans("Europe/Berlin", "1970-01-01", "1970-01-01", "1969-12-31T23:00..1970-01-01T23:00");
}

static void a_zone_is_right_two_days_beyond_what_was_asked_for(void **state)
{
    const int64_t change_ms = INT64_C(1774746000000); /* 2026-03-29T01:00Z, in Berlin 02:00 */
    struct zone *zone = NULL;
    struct err err = {0};

    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        int64_t asked_ms = change_ms + side * 47 * MS_PER_HOUR;

        assert_int_equal(zone_new(STR("Europe/Berlin"), asked_ms, asked_ms, &zone, &err), ERR_OK);
        /* 22:30 UTC is 23:30 of the same day before the change, 00:30 of the next one after it. */
        assert_int_equal(zone_day_of(zone, change_ms - 150 * MS_PER_MINUTE), day_of("2026-03-28"));
        assert_int_equal(zone_day_of(zone, change_ms + 1290 * MS_PER_MINUTE), day_of("2026-03-30"));
        zone_free(zone);
    }
}

static void no_days_have_no_time(void **state)
{
    (void)state;
    assert_spans("Europe/Berlin", "2026-01-05", "2026-01-04", "");
}

static void an_unknown_zone_is_refused_with_a_hint(void **state)
{
    static const struct {
        const char *name, *message;
    } cases[] = {
        {"Mars/Olympus",
         "time zone \"Mars/Olympus\" is not known; write it like \"Europe/Berlin\" or \"UTC\""},
        {"europe/berlin", "time zone \"europe/berlin\" is not known; is it \"Europe/Berlin\"?"},
        {"Berlin", "time zone \"Berlin\" is not known; is it \"Europe/Berlin\"?"},
        {"Europe/New_York",
         "time zone \"Europe/New_York\" is not known; is it \"America/New_York\"?"},
        {"UTC+2", "time zone \"UTC+2\" is not known; write it like \"Europe/Berlin\" or \"UTC\""},
        {"GMT+99", "time zone \"GMT+99\" is not known; write it like \"Europe/Berlin\" or \"UTC\""},
        {"Etc/Unknown",
         "time zone \"Etc/Unknown\" is not known; write it like \"Europe/Berlin\" or \"UTC\""},
        {"Europe/Berlin ", "the time zone (14 bytes) is not a zone's name; write it like "
                           "\"Europe/Berlin\" or \"UTC\""},
        {"\x1b[31mEurope", "the time zone (11 bytes) is not a zone's name; write it like "
                           "\"Europe/Berlin\" or \"UTC\""},
        {"Europe/BerlinEurope/BerlinEurope/BerlinEurope/BerlinEurope/Berlin",
         "the time zone (65 bytes) is not a zone's name; write it like \"Europe/Berlin\" or "
         "\"UTC\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone *zone = NULL;
        struct err err = {0};

        assert_int_equal(zone_new(str_from(cases[i].name), 0, 0, &zone, &err), ERR_INPUT);
        if (!str_starts(str_from(err.msg), str_from(cases[i].message)))
            assert_string_equal(err.msg, cases[i].message);
        assert_null(zone);
    }
}

/* ICU's own word on the local day; independent of zone.c's transitions and spans. */
static int32_t day_by_icu(UCalendar *calendar, int64_t ms)
{
    UErrorCode status = U_ZERO_ERROR;

    ucal_setMillis(calendar, (UDate)ms, &status);

    int32_t year = ucal_get(calendar, UCAL_EXTENDED_YEAR, &status);
    int32_t month = ucal_get(calendar, UCAL_MONTH, &status) + 1;
    int32_t day = ucal_get(calendar, UCAL_DATE, &status);

    assert_true(U_SUCCESS(status));
    return civil_days((struct civil_date){year, month, day});
}

static bool in_spans(const struct zone *zone, int32_t from_day, int32_t to_day, int64_t ms)
{
    struct zone_span span = {0};
    int64_t after_ms = INT64_MIN;
    bool in = false;

    while (zone_span(zone, from_day, to_day, &after_ms, &span))
        in |= span.from_ms <= ms && ms < span.to_ms;
    return in;
}

static void assert_like_icu(const struct zone *zone, UCalendar *calendar, int64_t ms)
{
    int32_t day = day_by_icu(calendar, ms);

    if (zone_day_of(zone, ms) != day)
        fail_msg("%s: %lld is on day %d, not %d", zone_name(zone), (long long)ms, day,
                 zone_day_of(zone, ms));
    if (!in_spans(zone, day, day, ms) || in_spans(zone, day - 3, day - 1, ms) ||
        in_spans(zone, day + 1, day + 40, ms))
        fail_msg("%s: %lld is not in the spans of day %d only", zone_name(zone), (long long)ms,
                 day);
}

static void every_zone_agrees_with_icu_around_its_transitions(void **state)
{
    static const int64_t steps_ms[] = {-26 * MS_PER_HOUR, -MS_PER_HOUR,    -1, 0, MS_PER_MINUTE,
                                       MS_PER_HOUR,       25 * MS_PER_HOUR};
    UErrorCode status = U_ZERO_ERROR;
    UEnumeration *names = ucal_openTimeZones(&status);
    const UChar *id = NULL;
    int zones = 0;
    int64_t compared = 0;

    (void)state;
    while ((id = uenum_unext(names, NULL, &status)) != NULL) {
        char name[80] = "";

        for (size_t i = 0; id[i] != 0 && i < sizeof(name) - 1; i++)
            name[i] = (char)id[i];
        if (strcmp(name, "Etc/Unknown") == 0)
            continue;

        struct zone *zone = zone_named(name);
        UCalendar *calendar = ucal_open(id, -1, "", UCAL_GREGORIAN, &status);
        int64_t at_ms = FROM_MS + zones * MS_PER_HOUR; /* not the same instants for all */
        UDate next = 0;

        /* Every third transition, to be done in a second. */
        for (int turn = 0; at_ms < TO_MS; turn++) {
            if (turn % 3 == 0)
                for (size_t s = 0; s < ARRAY_LEN(steps_ms); s++) {
                    assert_like_icu(zone, calendar, at_ms + steps_ms[s]);
                    compared++;
                }
            ucal_setMillis(calendar, (UDate)at_ms, &status);
            if (!ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &next, &status))
                break;
            at_ms = (int64_t)next;
        }
        assert_true(U_SUCCESS(status));
        ucal_close(calendar);
        zone_free(zone);
        zones++;
    }
    uenum_close(names);
    assert_true(zones > 400);
    assert_true(compared > 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_23_and_25_hours_long_when_clocks_change),
        cmocka_unit_test(a_run_of_days_over_a_change_is_one_stretch),
        cmocka_unit_test(a_day_begins_at_one_when_midnight_does_not_exist),
        cmocka_unit_test(a_skipped_day_has_no_time),
        cmocka_unit_test(a_day_comes_twice_when_the_clock_goes_back_over_midnight),
        cmocka_unit_test(fixed_offsets_and_aliases_are_zones),
        cmocka_unit_test(far_years_are_days_too),
        cmocka_unit_test(a_zone_is_right_two_days_beyond_what_was_asked_for),
        cmocka_unit_test(no_days_have_no_time),
        cmocka_unit_test(an_unknown_zone_is_refused_with_a_hint),
        cmocka_unit_test(every_zone_agrees_with_icu_around_its_transitions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
