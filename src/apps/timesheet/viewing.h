#ifndef APPS_TIMESHEET_VIEWING_H
#define APPS_TIMESHEET_VIEWING_H
#include "apps/timesheet/site.h"
#include "daemon/daemon.h"

/*
 * The viewer of a request: who asks, and the way to ask Jira what they may see. Jira is asked as
 * the person where the connection allows it, else with the tenant's own connection about the person
 * (which wants Administer Jira). A Data Center can only be asked as the person; without that, own
 * worklogs are all that is shown. The connection is opened when it is first needed.
 */
struct viewing {
    struct request *request; /* borrowed */
    struct viewer viewer;
    struct link link;
    bool all;       /* a local administrator: sees what the tenant's connection sees */
    bool is_open;   /* link */
    bool as_person; /* whose connection it is */
};

/* Not to be moved until viewing_end. Errors: ERR_FORBIDDEN, nobody's account to see as. */
MUST_USE enum err_class viewing_begin(struct request *request, struct viewing *ret,
                                      struct err *err);
void viewing_end(struct viewing *viewing); /* zeroed is fine */
/*
 * The way to ask Jira for them: viewing->as_person says whether as themself; else what Jira answers
 * must still be held against viewer_filter. Borrowed.
 */
MUST_USE enum err_class viewing_jira(struct viewing *viewing, struct jira **ret, struct err *err);
/* NULL: sees all. */
const struct viewer *viewing_viewer(const struct viewing *viewing);

#endif
