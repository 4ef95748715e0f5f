#ifndef APPS_TIMESHEET_SITE_PAGE_H
#define APPS_TIMESHEET_SITE_PAGE_H
#include "apps/timesheet/query_page.h"
#include "apps/timesheet/site.h"

/*
 * The list of worklogs, a page at a time, for one who looks: own worklogs, and those of others on
 * issues that Jira lets them browse. (A report hides one's own too when the issue is hidden; and so
 * does a list under a search.)
 */
#define SITE_PAGE_MAX 1000 /* worklogs of a page */

struct site_page_row {
    int64_t id;
    int64_t issue_id; /* it may be shown as a worklog of this issue */
    struct query_place place;
};

struct site_page {
    struct site_page_row rows[SITE_PAGE_MAX];
    size_t count;
    bool more;               /* there may be more behind `next` */
    struct query_place next; /* only when `more`; may be the place of what is hidden: seal it */
    size_t hidden;           /* issues whose worklogs were left out on the way; 0 under a search */
};

/*
 * The page behind a place. It has fewer worklogs than asked for at the end of the list, or when
 * Jira would have to be asked about thousands of issues to fill it: then `more` says so.
 *   request  period, accounts, issues, tags, only; the rest is not looked at
 *   viewer   NULL: sees all
 *   limit    1..SITE_PAGE_MAX
 * Errors: as site_columns_report.
 */
MUST_USE enum err_class site_columns_page(struct site_columns *site, struct tenant *tenant,
                                          const struct report_request *request,
                                          const struct viewer *viewer, struct query_place after,
                                          size_t limit, struct site_page *ret, struct err *err);

#endif
