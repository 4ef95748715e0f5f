#ifndef APPS_TIMESHEET_ZONE_H
#define APPS_TIMESHEET_ZONE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A time zone over a stretch of time: which local day an instant is on, and which instants make up
 * a run of local days. The rules are ICU's (the IANA data it carries), asked once; after that no
 * call touches ICU. Immutable: any number of threads may read one.
 */
struct zone;

/*
 * The zone with this IANA name ("Europe/Berlin"), a name that ICU knows as its alias, or a fixed
 * offset ("GMT+05:30"). The empty name is UTC. Right for instants in from_ms..to_ms and two days
 * beyond either end. The caller frees.
 * Errors: ERR_INPUT, no such zone: the sentence says how to write one, and which was probably
 * meant. ERR_MEMORY. ERR_BUG when ICU fails otherwise (its data files are missing).
 */
MUST_USE enum err_class zone_new(struct str name, int64_t from_ms, int64_t to_ms, struct zone **ret,
                                 struct err *err);
void zone_free(struct zone *zone); /* NULL is fine */
AUTO_DEFINE(struct zone, zone_free)

const char *zone_name(const struct zone *zone); /* as ICU writes it: "Etc/UTC" for "UTC" */

/* The local day of an instant, counted from 1970-01-01. */
int32_t zone_day_of(const struct zone *zone, int64_t ms);

/* What the local clock is ahead of UTC at an instant, ms. */
int64_t zone_offset_ms(const struct zone *zone, int64_t ms);

/*
 * The instant at which the local clock shows that day and time of day (ms). A time that the clock
 * jumped over is moved on by the jump; of a time that came twice, the one with that offset from
 * UTC is meant, else the first.
 */
int64_t zone_instant(const struct zone *zone, int32_t day, int64_t time_of_day_ms,
                     int64_t offset_ms);

/* Instants from..to, `to` not included. */
struct zone_span {
    int64_t from_ms;
    int64_t to_ms;
};

/*
 * The first unbroken stretch of time, at or after *after_ms, in which the local date is one of
 * from_day..to_day; *after_ms then is its end. False when there is none any more. Start with
 * *after_ms = INT64_MIN. Nearly always there is one stretch; there is none when the days were
 * skipped (Pacific/Apia 2011-12-30), and more when a clock was put back over midnight after
 * it had struck (America/St_Johns until 2011, at 00:01): the local date then goes back too.
 */
bool zone_span(const struct zone *zone, int32_t from_day, int32_t to_day, int64_t *after_ms,
               struct zone_span *ret);

#endif
