#ifndef APPS_TIMESHEET_LOOKER_H
#define APPS_TIMESHEET_LOOKER_H
#include "apps/timesheet/site.h"
#include "daemon/daemon.h"

/*
 * The one who makes a request, as one who looks: what Jira lets them see, and the ways to ask Jira
 * on their behalf. Belongs to the request's thread; not to be moved once begun.
 *
 * Cloud: the tenant's connection asks for the account's Browse projects, which wants the right
 * Administer Jira; where it has not, the person's own connection asks for itself. Data Center
 * cannot be asked about others: with an own credential the person's search decides, without one
 * they see their own worklogs. Local administrators see what the tenant's connection sees.
 */
struct looker {
    struct request *request;
    struct viewer viewer;
    bool sees_all;
    bool others; /* may see other people's worklogs, by the settings */
    /* Opened when first needed. */
    struct link links[2]; /* by enum request_as */
    bool open[2];
    bool no_person; /* the connection does not allow acting as this person */
};

/* ERR_FORBIDDEN: the settings do not let this person see reports, or it is nobody of Jira. */
MUST_USE enum err_class looker_begin(struct looker *looker, struct request *request,
                                     struct err *err);
void looker_done(struct looker *looker);
/* For site.h; NULL: sees all. */
const struct viewer *looker_viewer(const struct looker *looker);

/*
 * The best way to ask Jira about something: as the person where that is possible, else as the
 * tenant, and then what it answers must still be held against viewer_filter. Borrowed.
 */
MUST_USE enum err_class looker_jira(struct looker *looker, struct jira **ret, bool *ret_as_person,
                                    struct err *err);

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
