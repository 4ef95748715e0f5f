#ifndef APPS_TIMESHEET_RIGHTS_H
#define APPS_TIMESHEET_RIGHTS_H
#include "apps/timesheet/settings.h"
#include "daemon/daemon.h"

/*
 * Who may book time, see reports, and see other people's: by the tenant's settings, which name
 * accounts and Jira's groups. Groups are asked of Jira and remembered for a minute.
 */
struct groups;
struct groups *groups_new(void); /* NULL when out of memory */
void groups_free(struct groups *groups);

/* As app.rights. */
MUST_USE enum err_class rights_find(struct request *request, bool may_wait, struct rights *ret,
                                    struct err *err);
/* For a route: ERR_FORBIDDEN with a sentence when the person lacks it. */
MUST_USE enum err_class rights_want(struct request *request, enum access_right right,
                                    struct err *err);
/* The settings changed: what was concluded from them is forgotten. */
void rights_forget(struct request *request);

#endif
