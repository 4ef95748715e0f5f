/*
 * query_page.c: a page of worklogs out of the columns.
 *
 * The model: the columns are in the order of their start, so the page begins at a row that is found
 * by halving, and the rows from there on are put through the filter a chunk at a time until the
 * page is full. Worklogs that start at the same moment are in no order there, so a page is full
 * only when a later start comes, and then it is sorted; however many share that moment, no more
 * than twice the page is kept. Thus a place means the same whatever the columns look like by then:
 * a worklog that stays as it is comes on exactly one page, whatever is added and deleted meanwhile.
 *
 * Threads: reads the columns, owns everything else.
 */
#include "apps/timesheet/query_page.h"

#include <assert.h>
#include <stdlib.h>

#include "apps/timesheet/filter.h"

#define CHUNK 1024
#define BITS 64

static bool is_behind(struct query_place place, struct query_place other)
{
    return place.started_ms != other.started_ms ? place.started_ms > other.started_ms
                                                : place.id > other.id;
}

static bool has_bit(const uint64_t *bits, uint32_t code)
{
    return bits[code / BITS] >> (code % BITS) & 1;
}

static enum query_sight sight_of(const struct query_eyes *eyes, const struct columns_view *view,
                                 uint32_t row)
{
    uint32_t issue = view->issue[row];

    if (eyes->all || (eyes->own != 0 && view->person[row] == eyes->own))
        return QUERY_SEEN;
    if (eyes->own_only)
        return QUERY_HIDDEN;
    if (!has_bit(eyes->known, issue))
        return QUERY_UNKNOWN;
    return has_bit(eyes->seen, issue) ? QUERY_SEEN : QUERY_HIDDEN;
}

/* ---- Walking ---- */

/* Gets the rows that come through, in the order of the columns. False: enough. */
typedef bool take_row(void *arg, const struct columns_view *view, uint32_t row);

static uint32_t first_at(const struct columns_view *view, const struct span *span,
                         int64_t started_ms)
{
    uint32_t low = span->from, high = span->to;

    /* At most 27 turns. */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (view->started[middle] < started_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* False: it has enough. */
static bool walk_span(const struct filter *filter, const struct span *span, int64_t from_ms,
                      take_row *take, void *arg)
{
    uint32_t rows[CHUNK];

    for (uint32_t from = first_at(filter->view, span, from_ms); from < span->to;) {
        uint32_t to = span->to - from > CHUNK ? from + CHUNK : span->to;
        size_t tagged = filter->tag ? filter_seek_tagged(filter->view, from) : 0;
        size_t n = filter_select(filter, from, to, tagged, rows);

        for (size_t i = 0; i < n; i++)
            if (!take(arg, filter->view, rows[i]))
                return false;
        from = to;
    }
    return true;
}

static enum err_class walk(const struct columns *columns, const struct report_request *request,
                           int64_t from_ms, take_row *take, void *arg, struct err *err)
{
    AUTO(buckets_done) struct buckets buckets = {0};
    AUTO(filter_done) struct filter filter = {0};
    struct columns_view view = columns_view(columns);
    struct report_request whole = *request; /* the lists stay the caller's */

    whole.group_count = 0;
    whole.visible = NULL; /* the eyes see to that: one's own are seen in any case */
    if (buckets_cut(&buckets, &view, &whole, err) ||
        filter_init(&filter, columns, &view, &whole, err))
        return err->class;
    for (size_t s = 0; s < buckets.span_count; s++)
        if (!walk_span(&filter, &buckets.spans[s], from_ms, take, arg))
            break;
    return ERR_OK;
}

/* ---- A page ---- */

struct page {
    const struct query_eyes *eyes;
    struct query_place after;
    size_t max;
    struct query_page_row *rows; /* ascending by start; room for QUERY_PAGE_ROOM(max) */
    size_t count;
};

static int by_place(const void *a, const void *b)
{
    const struct query_page_row *x = a, *y = b;

    return is_behind(x->place, y->place) ? 1 : is_behind(y->place, x->place) ? -1 : 0;
}

static void cut_to_max(struct page *page)
{
    if (page->count > 1)
        qsort(page->rows, page->count, sizeof(*page->rows), by_place);
    if (page->count > page->max)
        page->count = page->max;
}

static bool take_for_page(void *arg, const struct columns_view *view, uint32_t row)
{
    struct page *page = arg;
    struct query_place place = {view->started[row], view->id[row]};
    enum query_sight sight = QUERY_SEEN;

    if (page->count >= page->max && place.started_ms > page->rows[page->max - 1].place.started_ms)
        return false;
    if (!is_behind(place, page->after))
        return true;
    sight = sight_of(page->eyes, view, row);
    if (sight == QUERY_HIDDEN)
        return true;
    if (page->count == QUERY_PAGE_ROOM(page->max))
        cut_to_max(page);
    page->rows[page->count++] = (struct query_page_row){
        .place = place, .issue_id = view->issue_id[view->issue[row]], .sight = sight};
    return true;
}

enum err_class query_page(const struct columns *columns, const struct report_request *request,
                          const struct query_eyes *eyes, struct query_place after, size_t max,
                          struct query_page_row *ret_rows, size_t *ret_count, struct err *err)
{
    struct page page = {.eyes = eyes, .after = after, .max = max, .rows = ret_rows};

    assert(max > 0);
    if (walk(columns, request, after.started_ms, take_for_page, &page, err))
        return err->class;
    cut_to_max(&page);
    *ret_count = page.count;
    return ERR_OK;
}

/* ---- What is hidden ---- */

struct hidden {
    const struct query_eyes *eyes;
    struct query_place after, to;
    uint64_t *bits; /* a bit an issue code */
};

static bool mark_hidden(void *arg, const struct columns_view *view, uint32_t row)
{
    struct hidden *hidden = arg;
    struct query_place place = {view->started[row], view->id[row]};
    uint32_t issue = view->issue[row];

    if (place.started_ms > hidden->to.started_ms)
        return false;
    if (is_behind(place, hidden->after) && !is_behind(place, hidden->to) &&
        sight_of(hidden->eyes, view, row) == QUERY_HIDDEN)
        hidden->bits[issue / BITS] |= UINT64_C(1) << (issue % BITS);
    return true;
}

enum err_class query_page_hidden(const struct columns *columns,
                                 const struct report_request *request,
                                 const struct query_eyes *eyes, struct query_place after,
                                 struct query_place to, size_t *ret, struct err *err)
{
    size_t words = columns_view(columns).issues / BITS + 1;
    AUTO(free_autop) uint64_t *bits = calloc(words, sizeof(*bits));
    struct hidden hidden = {.eyes = eyes, .after = after, .to = to, .bits = bits};
    size_t count = 0;

    if (!bits)
        return err_memory(err);
    if (walk(columns, request, after.started_ms, mark_hidden, &hidden, err))
        return err->class;
    for (size_t i = 0; i < words; i++)
        count += (size_t)__builtin_popcountll(bits[i]);
    *ret = count;
    return ERR_OK;
}
