#ifndef APPS_TIMESHEET_BUCKETS_H
#define APPS_TIMESHEET_BUCKETS_H
#include "apps/timesheet/columns.h"
#include "apps/timesheet/report.h"

/*
 * A report's period, cut into buckets: the rows whose local days agree in every time group that is
 * asked for. All time groups together make one sequence of buckets ("week, month" is cut wherever
 * either changes); without time groups there is one bucket.
 */
struct span {
    uint32_t from; /* rows from..to-1 */
    uint32_t to;
};

struct bucket {
    int32_t day; /* the first local day of it, or a later one; names its day, week, month … */
    uint32_t first_span;
    uint32_t span_count; /* >= 1; nearly always 1, see zone_span */
    size_t rows;         /* >= 1 */
};

struct buckets {
    struct bucket *list; /* by time */
    size_t count;
    size_t room;
    struct span *spans;
    size_t span_count;
    size_t span_room;
};

/* Starts from all zero. Errors: those of zone_new; ERR_MEMORY. buckets_done in any case. */
MUST_USE enum err_class buckets_cut(struct buckets *buckets, const struct columns_view *view,
                                    const struct report_request *request, struct err *err);
void buckets_done(struct buckets *buckets);

#endif
