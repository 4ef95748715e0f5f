#ifndef APPS_TIMESHEET_SITE_H
#define APPS_TIMESHEET_SITE_H
#include "apps/timesheet/query.h"
#include "apps/timesheet/report.h"
#include "jira/search.h"
#include "store/data.h"

/*
 * A tenant's worklogs in memory, shared by all threads that report on them, and what the people who
 * ask may see of them. Loaded by the first who asks (once, while others wait), kept in step with
 * the store by whoever finds it behind.
 */
struct site_columns;

/* `ctx` is borrowed. NULL when out of memory. */
struct site_columns *site_columns_new(const struct ctx *ctx);
void site_columns_free(struct site_columns *site); /* nobody is in it; NULL is fine */
AUTO_DEFINE(struct site_columns, site_columns_free)
/* Memory held; any thread. */
size_t site_columns_bytes(struct site_columns *site);
/* How often all rows were read since the start; any thread. */
uint64_t site_columns_loads(struct site_columns *site);
/* Gives the copy back to the system; the next who asks loads it again. */
void site_columns_unload(struct site_columns *site);

/*
 * Exports hold a handle of the store as long as somebody takes to receive them, so there may be so
 * many of a tenant at once. False: no more now.
 */
#define SITE_EXPORTS_MAX 4
MUST_USE bool site_columns_begin_export(struct site_columns *site);
void site_columns_end_export(struct site_columns *site);

/* Who looks at a report. */
struct viewer {
    struct str account;
    /*
     * Own worklogs and no others: where Jira cannot be asked what the account may see. `ask` is
     * then not used.
     */
    bool own_only;
    /*
     * Asks Jira which of the issues the account may browse, and adds them to *ret. No lock is held.
     * Its error ends the report: what is not known to be visible is not shown.
     */
    enum err_class (*ask)(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                          struct err *err);
    void *arg;
};

#define SITE_ASK_MAX 200000 /* issues that one report asks Jira about */

/*
 * Answers the request as report_run does, of the store's present state.
 *   tenant      the caller's handle
 *   viewer      NULL: sees all
 *   ret_hidden  issues whose worklogs were asked for and are not shown
 * Errors: columns_follow; report_run; viewer->ask; ERR_LIMIT past SITE_ASK_MAX; ERR_BUSY when the
 * store changes faster than Jira can be asked.
 */
MUST_USE enum err_class site_columns_report(struct site_columns *site, struct tenant *tenant,
                                            const struct report_request *request,
                                            const struct viewer *viewer, struct report **ret,
                                            size_t *ret_hidden, struct err *err);

/* The worklogs themselves, in the order of their start. */
struct site_rows {
    struct query_list list;
    bool all_visible;       /* the viewer sees all, also what comes to be of another issue */
    bool own_only;          /* as the viewer */
    struct jira_ids issues; /* sorted: those that the viewer may see, of those in the list */
    size_t hidden;
};
void site_rows_done(struct site_rows *rows);
/* The same for rows. Errors as above. */
MUST_USE enum err_class site_columns_rows(struct site_columns *site, struct tenant *tenant,
                                          const struct report_request *request,
                                          const struct viewer *viewer, struct site_rows *ret,
                                          struct err *err);

/* The issues whose worklogs the request lets through; both sorted. */
struct site_issues {
    struct jira_ids seen;
    struct jira_ids
        hidden; /* from the viewer; empty where report_hidden would not be told either */
};
void site_issues_done(struct site_issues *issues);
/* Errors as above. */
MUST_USE enum err_class site_columns_issues(struct site_columns *site, struct tenant *tenant,
                                            const struct report_request *request,
                                            const struct viewer *viewer, struct site_issues *ret,
                                            struct err *err);

/*
 * Which of these issues may the viewer see? For lists that do not come from the columns (labels,
 * pickers); asks at once, keeps nothing. All of them for a viewer that is NULL.
 */
MUST_USE enum err_class viewer_filter(const struct viewer *viewer, const int64_t *ids, size_t count,
                                      struct jira_ids *ret, struct err *err);

#endif
