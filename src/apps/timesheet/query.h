#ifndef APPS_TIMESHEET_QUERY_H
#define APPS_TIMESHEET_QUERY_H
#include "apps/timesheet/buckets.h"
#include "apps/timesheet/columns.h"
#include "apps/timesheet/period.h"
#include "apps/timesheet/report.h"

/*
 * What the files of the report engine share: buckets.c cuts the period, filter.c lets rows through,
 * query.c sums them, query_rows.c lists them, report_page.c orders the sums and makes the report of
 * them. Others use report.h; site.c also what is at the end of this file.
 *
 * A group of a report is a point on up to four axes. A cell is such a point with its sums; its key
 * holds a code for each axis: the place of its bucket, an issue's code, a person's and a tag's
 * reference (0: nobody, no tag), a project's place in the request's list and 1 (0: not known).
 */
enum query_axis { AXIS_TAG, AXIS_ISSUE, AXIS_PROJECT, AXIS_ACCOUNT, AXIS_TIME, AXIS_COUNT };

struct query_group {
    enum query_axis axis;
    enum period period; /* of AXIS_TIME */
};

extern const struct query_group query_groups[REPORT_GROUP_COUNT];

/* Where each axis' code lies in a key, the tag lowest, the bucket on top. */
struct query_layout {
    bool used[AXIS_COUNT];
    unsigned bits[AXIS_COUNT]; /* 0 when not used */
    unsigned shift[AXIS_COUNT];
};

#define QUERY_KEY_BITS_MAX 63

static inline uint32_t query_code(const struct query_layout *layout, uint64_t key,
                                  enum query_axis axis)
{
    return (uint32_t)(key >> layout->shift[axis] & ((UINT64_C(1) << layout->bits[axis]) - 1));
}

/* Bits that hold 0..values-1. */
static inline unsigned query_bits(uint64_t values)
{
    return values > 1 ? 64 - (unsigned)__builtin_clzll(values - 1) : 0;
}

/* All cells of a request, in no order, and what they were made from. */
struct query_cells {
    const struct report_request *request;
    const struct columns_view *view;
    const struct buckets *buckets;
    struct query_layout layout;
    struct report_row *list;
    size_t count;
    size_t room;
    size_t max;
    int64_t seconds; /* totals over all matching rows */
    int64_t rows;
    size_t unmatched; /* filter values that nothing has */
    size_t hidden;    /* issues that `visible` kept out */
    /* Of the rows that are billed alone, when the request asks for them; else NULL. Borrowed. */
    const struct query_cells *billed;
};

enum err_class query_too_wide(struct err *err); /* ERR_LIMIT: a key or rank past its bits */

/* report_page.c: orders the cells, cuts the page out and copies what it needs. ERR_LIMIT,
 * ERR_MEMORY. */
MUST_USE enum err_class page_make(const struct query_cells *cells, struct report **ret,
                                  struct err *err);

/*
 * Answers a checked request from settled columns; the part of report_run that only reads, so that
 * any number of threads may run it at once on the same columns. Errors as report_run.
 */
MUST_USE enum err_class query_run(const struct columns *columns,
                                  const struct report_request *request, struct report **ret,
                                  struct err *err);

/*
 * Marks the issues of all rows that the request lets through, whatever it says of `visible`: a bit
 * a code is set in `bits`, which has one for each of the columns. Errors as report_run.
 */
MUST_USE enum err_class query_issues(const struct columns *columns,
                                     const struct report_request *request, uint64_t *bits,
                                     struct err *err);
/* The worklogs that the request lets through, in the order of their start. Errors as report_run. */
struct query_list {
    int64_t *ids; /* owned by the caller: free */
    size_t count;
    size_t room;
    int64_t from_ms, to_ms; /* starts of the first and the last; 0 when there is none */
    size_t hidden;          /* issues whose worklogs were left out */
};
MUST_USE enum err_class query_rows(const struct columns *columns,
                                   const struct report_request *request, struct query_list *ret,
                                   struct err *err);

#endif
