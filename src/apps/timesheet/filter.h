#ifndef APPS_TIMESHEET_FILTER_H
#define APPS_TIMESHEET_FILTER_H
#include "apps/timesheet/buckets.h"

/*
 * Which rows a request lets through: its accounts, issues, tags, what a search found, and what the
 * viewer may see. Inside the report engine; the period is buckets.h's.
 */
struct filter {
    const struct columns_view *view; /* borrowed */
    uint8_t *person;                 /* by code: 1 lets the row through; NULL: no such filter */
    uint8_t *issue;
    uint8_t *tag;
    const uint64_t *visible; /* a bit a code; NULL: all are. Borrowed */
    size_t visible_codes;
    uint64_t *hidden; /* a bit a code: issues of rows that only `visible` kept out */
    size_t unmatched; /* filter values that nothing has */
    /* Of filter_bill: what makes a row an exception, by code; NULL: nothing does. */
    bool billed, billed_by_default;
    uint8_t *billing_tag, *billing_issue;
};

/* Starts from all zero; filter_done in any case. ERR_MEMORY. */
MUST_USE enum err_class filter_init(struct filter *filter, const struct columns *columns,
                                    const struct columns_view *view,
                                    const struct report_request *request, struct err *err);
/* After filter_init: lets only what is billed through. ERR_MEMORY. */
MUST_USE enum err_class filter_bill(struct filter *filter, const struct columns *columns,
                                    const struct report_billing *billing, struct err *err);
void filter_done(struct filter *filter);

bool filter_is_open(const struct filter *filter); /* every row comes through */

/* The first tagged row at or after a row: its place in view->tag_row. */
size_t filter_seek_tagged(const struct columns_view *view, size_t row);
/*
 * The rows of from..to-1 that come through, ascending; how many. `tagged`: the first tagged one
 * there; only looked at when the filter has tags. Notes the hidden ones.
 */
size_t filter_select(const struct filter *filter, uint32_t from, uint32_t to, size_t tagged,
                     uint32_t *ret_rows);
/* Issues that were kept out so far because the viewer may not see them. */
size_t filter_hidden(const struct filter *filter);

#endif
