/*
 * report_page.c: from a request's cells to its report: order, page, and the report's own copies.
 *
 * Cells are in no order and there may be millions, while a page shows fifty. So each cell gets a
 * number whose order is that of the groups (made of the dictionaries' ranks), what lies behind the
 * page is thrown out by selection, and only the rest is sorted. A report that is ordered by seconds
 * or count is sorted by groups first and then, stably, by the figure.
 *
 * The report keeps the cells' packed keys and copies what it takes to read them (texts of the page,
 * issue ids, a day a bucket), so that it needs no lock while it is written out.
 */
#include "apps/timesheet/query.h"

#include <assert.h>
#include <stdatomic.h>

#include "apps/timesheet/radix.h"

struct report {
    _Atomic unsigned holders; /* more than one: it is read by several threads */
    enum report_group groups[LIMIT_REPORT_GROUPS];
    size_t group_count;
    struct report_row *rows; /* the page */
    size_t row_count;
    size_t rows_all;
    int64_t seconds;
    int64_t count;
    size_t unmatched;
    size_t hidden;
    struct query_layout layout;
    int32_t *days; /* by bucket: a day in it */
    size_t day_count;
    struct str *accounts; /* by ref, those of the page; owned */
    size_t account_room;
    struct str *tags; /* the same */
    size_t tag_room;
    int64_t *issues;      /* by row of the page */
    struct str *projects; /* by code, those of the page; owned */
    size_t project_room;
    int64_t *billable; /* by row of the page; NULL: not asked */
    int64_t billable_all;
};

static void free_texts(struct str *texts, size_t room)
{
    for (size_t i = 0; texts && i < room; i++)
        free((char *)(uintptr_t)texts[i].ptr); /* ours, though the view is const */
    free(texts);
}

void report_free(struct report *report)
{
    if (!report || atomic_fetch_sub(&report->holders, 1) > 1)
        return;
    free_texts(report->projects, report->project_room);
    free(report->billable);
    free_texts(report->accounts, report->account_room);
    free_texts(report->tags, report->tag_room);
    free(report->rows);
    free(report->days);
    free(report->issues);
    free(report);
}

/* Numbers for one group's values, in their order. */
struct ranking {
    enum query_axis axis;
    unsigned bits;
    uint32_t *times; /* AXIS_TIME: by bucket; owned */
};

struct ranking_list {
    struct ranking list[LIMIT_REPORT_GROUPS];
    size_t count;
};

static void ranking_list_done(struct ranking_list *rankings)
{
    for (size_t g = 0; g < rankings->count; g++)
        free(rankings->list[g].times);
}

static enum err_class rank_times(const struct query_cells *cells, enum period period,
                                 struct ranking *ranking, struct err *err)
{
    size_t n = cells->buckets->count;
    int32_t first = n > 0 ? period_index(period, cells->buckets->list[0].day) : 0;

    ranking->times = calloc(n + 1, sizeof(*ranking->times));
    if (!ranking->times)
        return err_memory(err);
    for (size_t b = 0; b < n; b++)
        ranking->times[b] = (uint32_t)(period_index(period, cells->buckets->list[b].day) - first);
    ranking->bits = n > 0 ? query_bits((uint64_t)ranking->times[n - 1] + 1) : 0;
    return ERR_OK;
}

static enum err_class rank_groups(const struct query_cells *cells, struct ranking_list *rankings,
                                  struct err *err)
{
    unsigned bits = 0;

    for (size_t g = 0; g < cells->request->group_count; g++) {
        const struct query_group *info = &query_groups[cells->request->groups[g]];
        struct ranking *ranking = &rankings->list[rankings->count++];

        *ranking = (struct ranking){.axis = info->axis};
        switch (info->axis) {
        case AXIS_TIME:
            if (rank_times(cells, info->period, ranking, err))
                return err->class;
            break;
        case AXIS_ACCOUNT:
            ranking->bits = query_bits(cells->view->persons.count + 1);
            break;
        case AXIS_ISSUE:
            ranking->bits = query_bits(cells->view->issues);
            break;
        case AXIS_PROJECT:
            ranking->bits = query_bits(cells->request->projects->key_count + 1);
            break;
        case AXIS_TAG:
            ranking->bits = query_bits(cells->view->tag_names.count + 1);
            break;
        case AXIS_COUNT:
            assert(false);
        }
        bits += ranking->bits;
    }
    return bits <= QUERY_KEY_BITS_MAX ? ERR_OK : query_too_wide(err);
}

static uint64_t rank_of(const struct query_cells *cells, const struct ranking_list *rankings,
                        uint64_t key)
{
    uint64_t rank = 0;

    for (size_t g = 0; g < rankings->count; g++) {
        const struct ranking *ranking = &rankings->list[g];
        uint32_t code = query_code(&cells->layout, key, ranking->axis);
        uint32_t place = 0;

        switch (ranking->axis) {
        case AXIS_TIME:
            place = ranking->times[code];
            break;
        case AXIS_ACCOUNT:
            place = code == 0 ? 0 : cells->view->persons.rank[code] + 1;
            break;
        case AXIS_ISSUE:
            place = cells->view->issue_rank[code];
            break;
        case AXIS_PROJECT:
            place = code; /* the keys ascend */
            break;
        case AXIS_TAG:
            place = code == 0 ? 0 : cells->view->tag_names.rank[code] + 1;
            break;
        case AXIS_COUNT:
            assert(false);
        }
        rank = rank << ranking->bits | place;
    }
    return rank;
}

/* The number to order a cell by, before its rank; the rank itself when groups order. */
static uint64_t order_key(const struct report_request *request, const struct report_row *cell,
                          uint64_t rank)
{
    uint64_t key = rank;

    if (request->order == REPORT_BY_SECONDS)
        key = (uint64_t)cell->seconds;
    else if (request->order == REPORT_BY_COUNT)
        key = cell->count;
    return request->descending ? ~key : key;
}

/* Fills the report's page: the cells begin..end-1 of the asked order. */
static enum err_class take_page(const struct query_cells *cells, struct report *report,
                                size_t begin, size_t end, struct err *err)
{
    AUTO(ranking_list_done) struct ranking_list rankings = {0};
    size_t n = cells->count, m = 0;
    AUTO(free_autop) uint64_t *keys = reallocarray(NULL, n + 1, sizeof(*keys));
    AUTO(free_autop) uint64_t *ranks = reallocarray(NULL, n + 1, sizeof(*ranks));
    AUTO(free_autop) struct radix_item *items = NULL;

    report->rows = reallocarray(NULL, end - begin + 1, sizeof(*report->rows));
    if (!keys || !ranks || !report->rows)
        return err_memory(err);
    if (begin == end)
        return ERR_OK;
    if (rank_groups(cells, &rankings, err))
        return err->class;
    for (size_t i = 0; i < n; i++) {
        ranks[i] = rank_of(cells, &rankings, cells->list[i].key);
        keys[i] = order_key(cells->request, &cells->list[i], ranks[i]);
    }

    /* What comes behind the page is not sorted. Cells that tie with the last one stay in. */
    uint64_t last = end < n ? radix_select(keys, n, end - 1) : UINT64_MAX;

    for (size_t i = 0; i < n; i++)
        m += keys[i] <= last;
    items = reallocarray(NULL, m, 2 * sizeof(*items));
    if (!items)
        return err_memory(err);
    m = 0;
    for (size_t i = 0; i < n; i++)
        if (keys[i] <= last)
            items[m++] = (struct radix_item){ranks[i], (uint32_t)i};

    /* By rank first; the second sort is stable, so equal seconds stay in the order of ranks. */
    struct radix_item *sorted = radix_sort(items, items + m, m);

    for (size_t i = 0; i < m; i++)
        sorted[i].key = keys[sorted[i].at];
    sorted = radix_sort(sorted, sorted == items ? items + m : items, m);
    for (size_t i = begin; i < end; i++)
        report->rows[report->row_count++] = cells->list[sorted[i].at];
    return ERR_OK;
}

/* ---- The report ---- */

/* Copies the texts that the page shows; `names` by code, which is less than `room`. */
static enum err_class copy_texts(const struct report *report, enum query_axis axis,
                                 const struct str *names, size_t room, struct str **ret,
                                 size_t *ret_room, struct err *err)
{
    if (!report->layout.used[axis])
        return ERR_OK;

    struct str *texts = calloc(room + 1, sizeof(*texts));

    if (!texts)
        return err_memory(err);
    *ret = texts;
    *ret_room = room + 1;
    for (size_t i = 0; i < report->row_count; i++) {
        uint32_t ref = query_code(&report->layout, report->rows[i].key, axis);

        if (texts[ref].ptr || ref == 0) /* 0: nobody, no tag */
            continue;

        char *copy = str_dup_z(names[ref]);

        if (!copy)
            return err_memory(err);
        texts[ref] = (struct str){copy, names[ref].len};
    }
    return ERR_OK;
}

static enum err_class copy_projects(const struct query_cells *cells, struct report *report,
                                    struct err *err)
{
    const struct report_projects *projects = cells->request->projects;
    AUTO(free_autop) struct str *names = NULL;

    if (!report->layout.used[AXIS_PROJECT])
        return ERR_OK;
    names = calloc(projects->key_count + 1, sizeof(*names));
    if (!names)
        return err_memory(err);
    for (size_t i = 0; i < projects->key_count; i++)
        names[i + 1] = projects->keys[i];
    return copy_texts(report, AXIS_PROJECT, names, projects->key_count + 1, &report->projects,
                      &report->project_room, err);
}

static enum err_class copy_issues(const struct query_cells *cells, struct report *report,
                                  struct err *err)
{
    if (!report->layout.used[AXIS_ISSUE])
        return ERR_OK;
    report->issues = reallocarray(NULL, report->row_count + 1, sizeof(*report->issues));
    if (!report->issues)
        return err_memory(err);
    for (size_t i = 0; i < report->row_count; i++)
        report->issues[i] =
            cells->view->issue_id[query_code(&report->layout, report->rows[i].key, AXIS_ISSUE)];
    return ERR_OK;
}

/* The sums of the billed rows, which are in the order of their keys. */
static enum err_class copy_billable(const struct query_cells *cells, struct report *report,
                                    struct err *err)
{
    const struct query_cells *billed = cells->billed;

    if (!billed)
        return ERR_OK;
    report->billable_all = billed->seconds;
    report->billable = calloc(report->row_count + 1, sizeof(*report->billable));
    if (!report->billable)
        return err_memory(err);
    for (size_t i = 0; i < report->row_count; i++) {
        uint64_t key = report->rows[i].key;
        size_t low = 0, high = billed->count;

        while (low < high) {
            size_t middle = low + (high - low) / 2;

            if (billed->list[middle].key < key)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < billed->count && billed->list[low].key == key)
            report->billable[i] = billed->list[low].seconds;
    }
    return ERR_OK;
}

static enum err_class copy_values(const struct query_cells *cells, struct report *report,
                                  struct err *err)
{
    const struct columns_view *view = cells->view;

    if (copy_texts(report, AXIS_ACCOUNT, view->persons.texts, view->persons.room, &report->accounts,
                   &report->account_room, err) ||
        copy_texts(report, AXIS_TAG, view->tag_names.texts, view->tag_names.room, &report->tags,
                   &report->tag_room, err) ||
        copy_projects(cells, report, err) || copy_issues(cells, report, err) ||
        copy_billable(cells, report, err))
        return err->class;
    report->days = reallocarray(NULL, cells->buckets->count + 1, sizeof(*report->days));
    if (!report->days)
        return err_memory(err);
    report->day_count = cells->buckets->count;
    for (size_t b = 0; b < cells->buckets->count; b++)
        report->days[b] = cells->buckets->list[b].day;
    return ERR_OK;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum err_class page_make(const struct query_cells *cells, struct report **ret, struct err *err)
{
    const struct report_request *request = cells->request;
    AUTO(report_free_autop) struct report *report = calloc(1, sizeof(*report));
    size_t all = request->top > 0 ? least(request->top, cells->count) : cells->count;
    size_t begin = least(request->offset, all);
    size_t end = request->limit > 0 ? begin + least(request->limit, all - begin) : all;

    if (!report)
        return err_memory(err);
    report->holders = 1;
    report->layout = cells->layout;
    report->group_count = request->group_count;
    memcpy(report->groups, request->groups, sizeof(report->groups));
    report->rows_all = cells->count;
    report->seconds = cells->seconds;
    report->count = cells->rows;
    report->unmatched = cells->unmatched;
    report->hidden = cells->hidden;
    if (take_page(cells, report, begin, end, err) || copy_values(cells, report, err))
        return err->class;
    *ret = TAKE(report);
    return ERR_OK;
}

struct report *report_ref(struct report *report)
{
    (void)atomic_fetch_add(&report->holders, 1);
    return report;
}

static size_t texts_bytes(const struct str *texts, size_t room)
{
    size_t bytes = room * sizeof(*texts);

    for (size_t i = 0; i < room; i++)
        bytes += texts[i].ptr ? texts[i].len + 1 : 0;
    return bytes;
}

size_t report_bytes(const struct report *report)
{
    size_t a_row = sizeof(*report->rows) + (report->issues ? sizeof(*report->issues) : 0) +
                   (report->billable ? sizeof(*report->billable) : 0);

    return sizeof(*report) + report->row_count * a_row + report->day_count * sizeof(*report->days) +
           texts_bytes(report->accounts, report->account_room) +
           texts_bytes(report->tags, report->tag_room) +
           texts_bytes(report->projects, report->project_room);
}

/* ---- Reading it ---- */

bool report_has_billable(const struct report *report)
{
    return report->billable != NULL;
}

int64_t report_billable(const struct report *report, const struct report_row *row)
{
    return report->billable[row - report->rows];
}

int64_t report_billable_all(const struct report *report)
{
    return report->billable_all;
}

int64_t report_seconds(const struct report *report)
{
    return report->seconds;
}

int64_t report_count(const struct report *report)
{
    return report->count;
}

const struct report_row *report_rows(const struct report *report, size_t *ret_count)
{
    *ret_count = report->row_count;
    return report->rows;
}

size_t report_rows_all(const struct report *report)
{
    return report->rows_all;
}

size_t report_unmatched(const struct report *report)
{
    return report->unmatched;
}

size_t report_hidden(const struct report *report)
{
    return report->hidden;
}

size_t report_groups(const struct report *report, enum report_group ret[LIMIT_REPORT_GROUPS])
{
    memcpy(ret, report->groups, report->group_count * sizeof(*ret));
    return report->group_count;
}

static_assert(PERIOD_TEXT_BYTES < REPORT_CELL_BYTES, "a period's text fits a cell");

struct str report_cell(const struct report *report, const struct report_row *row, size_t group,
                       char buf[REPORT_CELL_BYTES])
{
    assert(group < report->group_count);

    const struct query_group *info = &query_groups[report->groups[group]];
    uint32_t code = query_code(&report->layout, row->key, info->axis);

    switch (info->axis) {
    case AXIS_ACCOUNT:
        return report->accounts[code];
    case AXIS_TAG:
        return report->tags[code];
    case AXIS_PROJECT:
        return report->projects[code];
    case AXIS_ISSUE:
        return (struct str){buf, (size_t)snprintf(buf, REPORT_CELL_BYTES, "%lld",
                                                  (long long)report->issues[row - report->rows])};
    case AXIS_TIME:
        period_text(info->period, report->days[code], buf);
        return str_from(buf);
    case AXIS_COUNT:
        break;
    }
    assert(false);
    return (struct str){NULL, 0};
}
