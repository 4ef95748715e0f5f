#ifndef APPS_TIMESHEET_MAIL_DAY_H
#define APPS_TIMESHEET_MAIL_DAY_H
#include "apps/timesheet/settings.h"

/* Which day's mail about missing estimates is due, and how far it has come. */
extern const struct record estimate_mail_record;

struct mail_day {
    int64_t day;   /* counted from 1970; INT64_MIN: none was ever begun */
    int64_t place; /* of the last letter whose turn came; -1: none yet */
    bool ended;    /* all letters of the day are out */
};
MUST_USE enum err_class mail_day_load(struct tenant *tenant, struct mail_day *ret, struct err *err);
/* Durable when it returns. */
MUST_USE enum err_class mail_day_store(struct tenant *tenant, const struct mail_day *day,
                                       struct err *err);
/* A person's place in the order of the letters, >= 0; it says nothing of who that is. */
int64_t mail_day_place(const struct tenant *tenant, struct str account);

/*
 * Is a day's mail due: past the time of day of the settings, by the clock and the site's time zone,
 * and not mailed yet? *ret_day is that local day, counted from 1970.
 */
MUST_USE enum err_class mail_day_due(struct tenant *tenant, const struct settings *settings,
                                     bool *ret, int32_t *ret_day, struct err *err);

#endif
