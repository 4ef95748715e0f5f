/*
 * query_rows.c: the rows themselves that a request lets through: their issues, to ask Jira who may
 * see them, and their ids, to export them.
 *
 * The model: the period is cut as for a report without groups, and each stretch is put through the
 * filter a chunk at a time. Threads: reads the columns, owns everything else.
 */
#include <assert.h>

#include "apps/timesheet/filter.h"
#include "apps/timesheet/query.h"

#define CHUNK 1024
#define BITS 64

/* Gets the rows of a chunk. False: out of memory. */
typedef bool take_rows(void *arg, const struct columns_view *view, const uint32_t *rows, size_t n);
/* Gets a whole stretch, when every row of it comes through. */
typedef void take_span(void *arg, const struct columns_view *view, const struct span *span);

static enum err_class walk_span(const struct filter *filter, const struct span *span,
                                take_rows *take, void *arg, struct err *err)
{
    uint32_t rows[CHUNK];

    for (uint32_t from = span->from; from < span->to; from += CHUNK) {
        uint32_t to = span->to - from > CHUNK ? from + CHUNK : span->to;
        size_t tagged = filter->tag ? filter_seek_tagged(filter->view, from) : 0;
        size_t n = filter_select(filter, from, to, tagged, rows);

        if (!take(arg, filter->view, rows, n))
            return err_memory(err);
    }
    return ERR_OK;
}

static enum err_class walk(const struct columns *columns, const struct report_request *request,
                           take_rows *take, take_span *take_all, void *arg, size_t *ret_hidden,
                           struct err *err)
{
    AUTO(buckets_done) struct buckets buckets = {0};
    AUTO(filter_done) struct filter filter = {0};
    struct columns_view view = columns_view(columns);
    struct report_request whole = *request; /* the lists stay the caller's */

    whole.group_count = 0;
    if (buckets_cut(&buckets, &view, &whole, err) ||
        filter_init(&filter, columns, &view, &whole, err))
        return err->class;
    for (size_t s = 0; s < buckets.span_count; s++) {
        if (take_all && filter_is_open(&filter))
            take_all(arg, &view, &buckets.spans[s]);
        else if (walk_span(&filter, &buckets.spans[s], take, arg, err))
            return err->class;
    }
    *ret_hidden = filter_hidden(&filter);
    return ERR_OK;
}

/*
 * Which issues the rows touch: a byte a code while they are walked, as a byte is set without being
 * read first, which makes a million rows take less than a millisecond.
 */
static bool mark_issues(void *arg, const struct columns_view *view, const uint32_t *rows, size_t n)
{
    uint8_t *marks = arg;

    for (size_t i = 0; i < n; i++)
        marks[view->issue[rows[i]]] = 1;
    return true;
}

static void mark_span(void *arg, const struct columns_view *view, const struct span *span)
{
    uint8_t *marks = arg;

    for (uint32_t row = span->from; row < span->to; row++)
        marks[view->issue[row]] = 1;
}

enum err_class query_issues(const struct columns *columns, const struct report_request *request,
                            uint64_t *bits, struct err *err)
{
    size_t issues = columns_view(columns).issues, hidden = 0;
    AUTO(free_autop) uint8_t *marks = calloc(issues + 1, 1);
    struct report_request all = *request;

    if (!marks)
        return err_memory(err);
    all.visible = NULL;
    if (walk(columns, &all, mark_issues, mark_span, marks, &hidden, err))
        return err->class;
    for (size_t code = 0; code < issues; code++)
        bits[code / BITS] |= (uint64_t)marks[code] << (code % BITS);
    return ERR_OK;
}

static bool list_rows(void *arg, const struct columns_view *view, const uint32_t *rows, size_t n)
{
    struct query_list *list = arg;

    if (list->count + n > list->room) {
        size_t room = list->room * 2 > list->count + CHUNK ? list->room * 2 : list->count + CHUNK;
        int64_t *ids = reallocarray(list->ids, room, sizeof(*ids));

        if (!ids)
            return false;
        list->ids = ids;
        list->room = room;
    }
    if (n > 0 && list->count == 0)
        list->from_ms = view->started[rows[0]];
    if (n > 0)
        list->to_ms = view->started[rows[n - 1]];
    for (size_t i = 0; i < n; i++)
        list->ids[list->count++] = view->id[rows[i]];
    return true;
}

enum err_class query_rows(const struct columns *columns, const struct report_request *request,
                          struct query_list *ret, struct err *err)
{
    struct query_list list = {0};
    enum err_class rc = walk(columns, request, list_rows, NULL, &list, &list.hidden, err);

    if (rc != ERR_OK) {
        free(list.ids);
        return rc;
    }
    *ret = list;
    return ERR_OK;
}
