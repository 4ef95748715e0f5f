#ifndef APPS_TIMESHEET_DAYS_H
#define APPS_TIMESHEET_DAYS_H
#include "apps/timesheet/settings.h"
#include "apps/timesheet/site.h"

/* One person's days: how much was expected, how much was booked, how much of that was work. */

#define DAYS_MAX 366

struct day_total {
    int64_t expected, logged, real; /* seconds; real: without the issues that are no work */
};

/*
 * Totals of the days from..to (at most DAYS_MAX), local days of `zone`. What the viewer may not see
 * is in none of them.
 */
struct days_request {
    struct str account, zone;
    int32_t from_day, to_day;
    const struct settings *settings;
    const struct viewer *viewer; /* NULL: sees all */
};
MUST_USE enum err_class days_find(struct site_columns *columns, struct tenant *tenant,
                                  const struct days_request *request,
                                  struct day_total ret[DAYS_MAX], struct err *err);

#endif
