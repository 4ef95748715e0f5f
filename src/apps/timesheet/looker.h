#ifndef APPS_TIMESHEET_LOOKER_H
#define APPS_TIMESHEET_LOOKER_H
#include "apps/timesheet/viewing.h"

/*
 * The one who makes a request for a report: what the settings and Jira let them see, and the
 * searches that are made on their behalf. Belongs to the request's thread; not to be moved once
 * begun.
 */
struct looker {
    struct viewing viewing;
    bool others; /* may see other people's worklogs, by the settings */
};

/* ERR_FORBIDDEN: the settings do not let this person see reports, or it is nobody of Jira. */
MUST_USE enum err_class looker_begin(struct looker *looker, struct request *request,
                                     struct err *err);
void looker_done(struct looker *looker);
/* For site.h; NULL: sees all. */
const struct viewer *looker_viewer(const struct looker *looker);

#define LOOKER_ONLY_MAX 50000 /* issues of a search */
/*
 * The issues that a query and a saved filter find (in both when both are given), sorted.
 *   jql     empty: none is given
 *   filter  text of the filter's id; empty: none
 * Errors: ERR_USAGE, ERR_INPUT, ERR_NOT_FOUND, ERR_LIMIT, ERR_FORBIDDEN with the parameter's name.
 */
MUST_USE enum err_class looker_find(struct looker *looker, struct str jql, struct str filter,
                                    struct jira_ids *ret, struct err *err);

#endif
