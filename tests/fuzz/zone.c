/*
 * zone.c: names of time zones, and the days of those that there are.
 *
 * The first line is a name; then eight bytes for a time. Holds: a name is refused with a sentence
 * or known under another, which leads to itself in a step ("GMT-00" is "GMT" is "Etc/GMT"); an
 * instant lies on a day next to UTC's; the stretches that make up its day hold it, and hold no
 * instant of another day.
 */
#include "apps/timesheet/zone.h"
#include "base/civil.h"
#include "fuzz.h"

#define FIRST_MS (INT64_C(-25567) * MS_PER_DAY) /* 1900-01-01 */
#define LAST_MS (INT64_C(47847) * MS_PER_DAY)   /* 2101-01-01 */

static void check_time(const struct zone *zone, int64_t ms)
{
    int32_t day = zone_day_of(zone, ms), utc = civil_day_of(ms);
    struct zone_span span = {0};
    int64_t after_ms = INT64_MIN, before_ms = INT64_MIN;
    bool held = false;
    size_t count = 0;

    FUZZ_CHECK(day >= utc - 1 && day <= utc + 1);
    while (zone_span(zone, day, day, &after_ms, &span)) {
        FUZZ_CHECK(span.from_ms < span.to_ms && span.from_ms >= before_ms);
        FUZZ_CHECK(after_ms == span.to_ms);
        FUZZ_CHECK(span.to_ms - span.from_ms <= 2 * MS_PER_DAY);
        FUZZ_CHECK(zone_day_of(zone, span.from_ms) == day);
        FUZZ_CHECK(zone_day_of(zone, span.to_ms - 1) == day);
        FUZZ_CHECK(zone_day_of(zone, span.from_ms - 1) != day);
        FUZZ_CHECK(zone_day_of(zone, span.to_ms) != day);
        for (int64_t at = span.from_ms; at < span.to_ms; at += 10 * MS_PER_MINUTE)
            FUZZ_CHECK(zone_day_of(zone, at) == day);
        held = held || (span.from_ms <= ms && ms < span.to_ms);
        before_ms = span.to_ms;
        FUZZ_CHECK(++count < 4);
    }
    FUZZ_CHECK(held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;
    AUTO(zone_free_autop) struct zone *again = NULL;
    AUTO(zone_free_autop) struct zone *third = NULL;
    struct str rest = fuzz_str(data, size);
    struct str line = fuzz_line(&rest);
    AUTO(free_autop) char *bytes = fuzz_exact(line);
    struct str name = {bytes, line.len};
    uint64_t range = (uint64_t)(LAST_MS - FIRST_MS);
    int64_t ms = FIRST_MS + (int64_t)(fuzz_u64(&rest) % range);
    struct err err = {0};
    enum err_class class = zone_new(name, ms - MS_PER_DAY, ms + MS_PER_DAY, &zone, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_INPUT && !zone);
        fuzz_check_error(&err, class);
        return 0;
    }
    FUZZ_CHECK(zone_new(str_from(zone_name(zone)), ms, ms, &again, &err) == ERR_OK);
    FUZZ_CHECK(zone_new(str_from(zone_name(again)), ms, ms, &third, &err) == ERR_OK);
    FUZZ_CHECK(strcmp(zone_name(again), zone_name(third)) == 0);
    FUZZ_CHECK(zone_day_of(zone, ms) == zone_day_of(again, ms));
    check_time(zone, ms);
    return 0;
}
