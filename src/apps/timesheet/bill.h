#ifndef APPS_TIMESHEET_BILL_H
#define APPS_TIMESHEET_BILL_H
#include "apps/timesheet/live.h"
#include "apps/timesheet/settings.h"

/*
 * The site's rule of what is billed, ready to be put to worklogs: projects have become those of the
 * issues at hand that are in them. Owns all it holds; read-only once made.
 */
struct bill {
    struct report_billing rule; /* for the engine; points into this */
    struct arena *arena;
    struct jira_ids issues; /* sorted */
};

/*
 *   live  of `issues`, with LIVE_PROJECT; only looked at when the settings name projects
 * ERR_MEMORY.
 */
MUST_USE enum err_class bill_make(const struct billing *settings, const struct live *live,
                                  const struct jira_ids *issues, struct bill *ret, struct err *err);
void bill_done(struct bill *bill); /* zeroed is fine */
/* Is this worklog billed? */
bool bill_has(const struct bill *bill, int64_t issue, const struct str *tags, size_t tag_count);

#endif
