#ifndef APPS_TIMESHEET_BESIDE_H
#define APPS_TIMESHEET_BESIDE_H
#include "apps/timesheet/bill.h"
#include "apps/timesheet/looker.h"

/*
 * What a report or a file says beside what is stored: fields and projects of issues, names of
 * people, what is billed, what is still to be done. Fetched before the answer is made, as much of
 * it as was asked for, and gone with it.
 */
struct beside {
    struct settings settings; /* in the request's arena */
    struct site_issues issues;
    struct live *live;
    uint64_t fields; /* of `live`: LIVE_BIT */
    struct live_projects projects;
    struct live_people *people;
    struct bill bill;
    bool has_bill;
    int64_t *remaining_rows; /* see report_remaining */
    struct report_remaining remaining;
    struct live *hidden; /* of the hidden issues */
    struct live_projects hidden_projects;
};
void beside_done(struct beside *beside); /* zeroed is fine */

/* What is asked for. */
struct beside_wish {
    bool billable;
    bool remaining;   /* wants groups of issue and project alone, see beside_check */
    bool authors;     /* names of the people */
    bool hidden;      /* the projects of hidden issues, if the settings allow naming them */
    uint64_t fields;  /* LIVE_BIT */
    const char *what; /* the parameter that `fields` and `authors` come from, for messages */
};

/* ERR_USAGE: the wish does not fit the report's groups. */
MUST_USE enum err_class beside_check(const struct report_request *report,
                                     const struct beside_wish *wish, struct err *err);
/*
 * Fetches it, and completes *report, which points into *ret from then on (projects, billing).
 * Asks nothing of Jira when nothing of it is wished.
 */
MUST_USE enum err_class beside_ask(struct looker *looker, const struct beside_wish *wish,
                                   struct report_request *report, struct beside *ret,
                                   struct err *err);
/* Once the report is there: what remains, for each row of its page and in all. */
MUST_USE enum err_class beside_remaining(struct beside *beside, const struct report *report,
                                         struct err *err);

#endif
