#ifndef APPS_TIMESHEET_QUERY_PAGE_H
#define APPS_TIMESHEET_QUERY_PAGE_H
#include "apps/timesheet/query.h"

/*
 * A page of the worklogs that a request lets through, in the order of their start, then of their
 * id. Inside the report engine; others use site_page.h. Only reads, so that any number of threads
 * may do it at once on the same columns.
 */

/* A place in that order; the first place is before all worklogs. */
struct query_place {
    int64_t started_ms, id;
};
#define QUERY_FIRST_PLACE ((struct query_place){INT64_MIN, 0})

/* What the one who looks may see: own worklogs in any case, others by their issue. */
struct query_eyes {
    bool all;              /* everything; the rest is then not looked at */
    bool own_only;         /* nothing of others; the bits are then not looked at */
    uint32_t own;          /* the person, a ref; 0: nobody */
    const uint64_t *known; /* a bit an issue code: it is known whether it is seen. Borrowed */
    const uint64_t *seen;  /* and it is */
};

enum query_sight { QUERY_SEEN, QUERY_HIDDEN, QUERY_UNKNOWN };

struct query_page_row {
    struct query_place place;
    int64_t issue_id;
    enum query_sight sight; /* never QUERY_HIDDEN */
};

/*
 * The first worklogs behind a place, without those that are known to be hidden.
 *   max        so many at most, >= 1
 *   ret_rows   room for QUERY_PAGE_ROOM(max); in order
 * Errors as report_run.
 */
#define QUERY_PAGE_ROOM(max) (2 * (max))
MUST_USE enum err_class query_page(const struct columns *columns,
                                   const struct report_request *request,
                                   const struct query_eyes *eyes, struct query_place after,
                                   size_t max, struct query_page_row *ret_rows, size_t *ret_count,
                                   struct err *err);
/*
 * How many issues are hidden whose worklogs the request lets through behind `after` and not behind
 * `to`. Errors as report_run.
 */
MUST_USE enum err_class query_page_hidden(const struct columns *columns,
                                          const struct report_request *request,
                                          const struct query_eyes *eyes, struct query_place after,
                                          struct query_place to, size_t *ret, struct err *err);

#endif
