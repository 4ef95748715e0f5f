/*
 * query.c: the report engine's sums.
 *
 * The model: rows are sorted by time, so the time axis costs nothing per row: buckets.c has cut it
 * into runs of rows. Within a bucket each row's codes are packed into one number, and its seconds
 * added to the sum of that number: in an array when there are about as many places as rows,
 * else in a hash. At the end of a bucket its sums are cells. Without filters, and with one axis
 * within the bucket at most, that is one loop over two columns.
 *
 * Limits: cells by the request; a key has 63 bits, which is told as a limit too (it would take
 * thousands of days × millions of issues × millions of accounts).
 *
 * Not here: what a request looks like as text (report.c), which rows it lets through (filter.c),
 * order and page (report_page.c). Threads: reads the columns, owns everything else.
 */
#include "apps/timesheet/query.h"

#include <assert.h>

#include "apps/timesheet/filter.h"

#define CHUNK 1024        /* rows selected and added at a time; their work arrays stay in L1 */
#define DENSE_BITS_MAX 20 /* 2^20 sums are 16 MiB */
#define DENSE_SMALL 1024  /* so many places are cheap to look through for any bucket */

const struct query_group query_groups[REPORT_GROUP_COUNT] = {
    [REPORT_ACCOUNT] = {.axis = AXIS_ACCOUNT},
    [REPORT_ISSUE] = {.axis = AXIS_ISSUE},
    [REPORT_TAG] = {.axis = AXIS_TAG},
    [REPORT_DAY] = {AXIS_TIME, PERIOD_DAY},
    [REPORT_WEEK] = {AXIS_TIME, PERIOD_WEEK},
    [REPORT_MONTH] = {AXIS_TIME, PERIOD_MONTH},
    [REPORT_QUARTER] = {AXIS_TIME, PERIOD_QUARTER},
    [REPORT_YEAR] = {AXIS_TIME, PERIOD_YEAR},
    [REPORT_PROJECT] = {.axis = AXIS_PROJECT},
};

struct sum {
    int64_t seconds;
    uint64_t count;
};

struct query {
    struct columns_view view;
    struct buckets buckets;
    struct query_cells cells;
    struct filter filter;
    uint32_t *project; /* by issue code: 1 + the place of its project, 0: not known; or NULL */
    struct sum *dense; /* by key without the bucket; all zero between buckets */
    /*
     * Hash of the present bucket: index of the cell + 1. What points below bucket_first is left
     * from an earlier bucket and counts as empty, so nothing is ever cleared.
     */
    uint32_t *slots;
    unsigned slot_bits;
    size_t bucket_first;
    bool use_dense; /* the present bucket's way */
    uint64_t bucket_key;
};

/* The work arrays of one chunk. */
struct chunk {
    uint32_t rows[CHUNK];
    uint64_t keys[CHUNK];
    int32_t seconds[CHUNK];
    size_t count; /* of keys and seconds */
};

static void query_done(struct query *query)
{
    buckets_done(&query->buckets);
    filter_done(&query->filter);
    free(query->project);
    free(query->dense);
    free(query->cells.list);
    free(query->slots);
}

static enum err_class too_many_cells(const struct query *query, struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "the report has more than %zu rows; ask for a shorter period, for certain "
                   "accounts, issues or tags, or for fewer or coarser groups (month, not day)",
                   query->cells.max);
}

enum err_class query_too_wide(struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "the groups asked for have more combinations than can be told apart; leave one "
                   "out or ask for a shorter period");
}

/* ---- Sums ---- */

static enum err_class lay_out(struct query *query, struct err *err)
{
    const struct columns_view *view = &query->view;
    const uint64_t values[AXIS_COUNT] = {
        [AXIS_TAG] = view->tag_names.room, /* a ref is 1 or more, so 0 is for no tag */
        [AXIS_ISSUE] = view->issues,
        [AXIS_PROJECT] =
            query->cells.request->projects ? query->cells.request->projects->key_count + 1 : 0,
        [AXIS_ACCOUNT] = view->persons.room,
        [AXIS_TIME] = query->buckets.count,
    };
    struct query_layout *layout = &query->cells.layout;
    unsigned bits = 0;

    for (size_t g = 0; g < query->cells.request->group_count; g++)
        layout->used[query_groups[query->cells.request->groups[g]].axis] = true;
    for (int axis = 0; axis < AXIS_COUNT; axis++) {
        layout->bits[axis] = layout->used[axis] ? query_bits(values[axis]) : 0;
        layout->shift[axis] = bits;
        bits += layout->bits[axis];
    }
    return bits <= QUERY_KEY_BITS_MAX ? ERR_OK : query_too_wide(err);
}

/* An issue that came since the projects were asked for has none. */
static enum err_class find_projects(struct query *query, const struct columns *columns,
                                    struct err *err)
{
    const struct report_projects *projects = query->cells.request->projects;

    if (!query->cells.layout.used[AXIS_PROJECT])
        return ERR_OK;
    if (!projects)
        return err_set(err, ERR_INPUT,
                       "the group project needs Jira, which alone knows the project of an issue; "
                       "ask the server for this report (GET /api/v1/report), or leave it out");
    query->project = calloc(query->view.issues + 1, sizeof(*query->project));
    if (!query->project)
        return err_memory(err);
    for (size_t i = 0; i < projects->issue_count; i++) {
        uint32_t code = 0;

        assert(projects->projects[i] <= projects->key_count);
        if (columns_find_issue(columns, projects->issues[i], &code))
            query->project[code] = projects->projects[i];
    }
    return ERR_OK;
}

static enum err_class reserve_cells(struct query *query, size_t more, struct err *err)
{
    size_t need = query->cells.count + more;

    if (need <= query->cells.room)
        return ERR_OK;

    size_t room = query->cells.room * 2 > need ? query->cells.room * 2 : need;
    struct report_row *cells = reallocarray(query->cells.list, room, sizeof(*cells));

    if (!cells)
        return err_memory(err);
    query->cells.list = cells;
    query->cells.room = room;
    return ERR_OK;
}

/* The slot of the key's cell, or the empty one where it belongs. There is always an empty one. */
static size_t slot_of(const struct query *query, uint64_t key)
{
    size_t mask = ((size_t)1 << query->slot_bits) - 1;
    size_t slot = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - query->slot_bits));

    while (query->slots[slot] > query->bucket_first &&
           query->cells.list[query->slots[slot] - 1].key != key)
        slot = (slot + 1) & mask;
    return slot;
}

/* Room for CHUNK more cells of this bucket, in a hash that stays at most half full. */
static enum err_class reserve_hash(struct query *query, struct err *err)
{
    size_t need = 2 * (query->cells.count - query->bucket_first + CHUNK);
    unsigned bits = query->slot_bits;

    if (reserve_cells(query, CHUNK, err))
        return err->class;
    if (bits > 0 && need <= (size_t)1 << bits)
        return ERR_OK;

    uint32_t *slots = NULL;

    bits = query_bits(need) + 1;
    slots = calloc((size_t)1 << bits, sizeof(*slots));
    if (!slots)
        return err_memory(err);
    free(query->slots);
    query->slots = slots;
    query->slot_bits = bits;
    for (size_t i = query->bucket_first; i < query->cells.count; i++)
        slots[slot_of(query, query->cells.list[i].key)] = (uint32_t)i + 1;
    return ERR_OK;
}

/* Adds the chunk's keys and seconds to the sums and empties it. */
static enum err_class fold(struct query *query, struct chunk *chunk, struct err *err)
{
    size_t n = chunk->count;

    chunk->count = 0;
    if (query->use_dense) {
        for (size_t i = 0; i < n; i++) {
            struct sum *sum = &query->dense[chunk->keys[i]];

            sum->seconds += chunk->seconds[i];
            sum->count++;
        }
        return ERR_OK;
    }
    if (reserve_hash(query, err))
        return err->class;
    for (size_t i = 0; i < n; i++) {
        uint64_t key = query->bucket_key | chunk->keys[i];
        size_t slot = slot_of(query, key);

        if (query->slots[slot] <= query->bucket_first) {
            query->cells.list[query->cells.count++] = (struct report_row){.key = key};
            query->slots[slot] = (uint32_t)query->cells.count;
        }

        struct report_row *cell = &query->cells.list[query->slots[slot] - 1];

        cell->seconds += chunk->seconds[i];
        cell->count++;
    }
    return query->cells.count > query->cells.max ? too_many_cells(query, err) : ERR_OK;
}

static void make_keys(const struct query *query, struct chunk *chunk, size_t n)
{
    const struct columns_view *view = &query->view;
    const struct query_layout *layout = &query->cells.layout;

    for (size_t i = 0; i < n; i++) {
        chunk->keys[i] = 0;
        chunk->seconds[i] = view->seconds[chunk->rows[i]];
    }
    if (layout->used[AXIS_ACCOUNT])
        for (size_t i = 0; i < n; i++)
            chunk->keys[i] |= (uint64_t)view->person[chunk->rows[i]] << layout->shift[AXIS_ACCOUNT];
    if (layout->used[AXIS_ISSUE])
        for (size_t i = 0; i < n; i++)
            chunk->keys[i] |= (uint64_t)view->issue[chunk->rows[i]] << layout->shift[AXIS_ISSUE];
    if (layout->used[AXIS_PROJECT])
        for (size_t i = 0; i < n; i++)
            chunk->keys[i] |= (uint64_t)query->project[view->issue[chunk->rows[i]]]
                              << layout->shift[AXIS_PROJECT];
}

/* Folds each selected row of `one` once for each of its tags, whose place in a key is the lowest.
 */
static enum err_class fold_tags(struct query *query, const struct chunk *one, size_t n,
                                size_t tagged, struct chunk *each, struct err *err)
{
    const struct columns_view *view = &query->view;

    for (size_t i = 0; i < n; i++) {
        uint32_t row = one->rows[i];
        uint32_t t = 0, end = 0;
        bool none = false;

        while (tagged < view->tagged && view->tag_row[tagged] < row)
            tagged++;
        none = tagged == view->tagged || view->tag_row[tagged] != row;
        if (!none) {
            t = view->tag_from[tagged];
            end = view->tag_from[tagged + 1];
        }
        for (; none || t < end; t++) {
            uint32_t tag = none ? 0 : view->tags[t];

            if (none || !query->filter.tag || query->filter.tag[tag]) {
                each->keys[each->count] = one->keys[i] | tag;
                each->seconds[each->count++] = one->seconds[i];
            }
            if (each->count == CHUNK && fold(query, each, err))
                return err->class;
            if (none)
                break;
        }
    }
    return fold(query, each, err);
}

/* The plain case: no filter, at most one axis within the bucket, an array of sums. */
static void add_directly(struct query *query, const struct span *span)
{
    const int32_t *seconds = query->view.seconds;
    const uint32_t *codes = NULL;
    int64_t total = 0;

    for (size_t row = span->from; row < span->to; row++)
        total += seconds[row];
    query->cells.seconds += total;
    query->cells.rows += span->to - span->from;

    if (query->cells.layout.used[AXIS_ACCOUNT])
        codes = query->view.person;
    else if (query->cells.layout.used[AXIS_ISSUE])
        codes = query->view.issue;
    if (!codes) {
        query->dense[0].seconds += total;
        query->dense[0].count += span->to - span->from;
        return;
    }
    for (size_t row = span->from; row < span->to; row++) {
        struct sum *sum = &query->dense[codes[row]];

        sum->seconds += seconds[row];
        sum->count++;
    }
}

static enum err_class add_selected(struct query *query, const struct span *span,
                                   struct chunk work[2], struct err *err)
{
    struct chunk *one = &work[0];

    for (uint32_t from = span->from; from < span->to; from += CHUNK) {
        uint32_t to = span->to - from > CHUNK ? from + CHUNK : span->to;
        bool tags = query->filter.tag || query->cells.layout.used[AXIS_TAG];
        size_t tagged = tags ? filter_seek_tagged(&query->view, from) : 0;
        size_t n = filter_select(&query->filter, from, to, tagged, one->rows);

        make_keys(query, one, n);
        for (size_t i = 0; i < n; i++)
            query->cells.seconds += one->seconds[i];
        query->cells.rows += (int64_t)n;
        if (query->cells.layout.used[AXIS_TAG]) {
            if (fold_tags(query, one, n, tagged, &work[1], err))
                return err->class;
        } else {
            one->count = n;
            if (fold(query, one, err))
                return err->class;
        }
    }
    return ERR_OK;
}

/* Makes cells of the array of sums, and zeroes it for the next bucket. */
static enum err_class flush_dense(struct query *query, struct err *err)
{
    size_t places = (size_t)1 << query->cells.layout.shift[AXIS_TIME];

    for (size_t key = 0; key < places; key++) {
        struct sum *sum = &query->dense[key];

        if (sum->count == 0)
            continue;
        if (query->cells.count == query->cells.max)
            return too_many_cells(query, err);
        if (reserve_cells(query, 1, err))
            return err->class;
        query->cells.list[query->cells.count++] = (struct report_row){
            .seconds = sum->seconds, .count = (uint32_t)sum->count, .key = query->bucket_key | key};
        *sum = (struct sum){0};
    }
    return ERR_OK;
}

static enum err_class sum_bucket(struct query *query, size_t at, struct chunk work[2],
                                 struct err *err)
{
    const struct bucket *bucket = &query->buckets.list[at];
    const struct query_layout *layout = &query->cells.layout;
    unsigned inner_bits = layout->shift[AXIS_TIME];
    bool one_axis = !layout->used[AXIS_TAG] && !layout->used[AXIS_PROJECT] &&
                    !(layout->used[AXIS_ACCOUNT] && layout->used[AXIS_ISSUE]);
    bool filtered = !filter_is_open(&query->filter);

    query->bucket_key = (uint64_t)at << inner_bits;
    query->bucket_first = query->cells.count;
    query->use_dense =
        inner_bits <= DENSE_BITS_MAX && (size_t)1 << inner_bits <= DENSE_SMALL + 4 * bucket->rows;
    if (query->use_dense && !query->dense) {
        query->dense = calloc((size_t)1 << inner_bits, sizeof(*query->dense));
        if (!query->dense)
            return err_memory(err);
    }
    for (uint32_t s = 0; s < bucket->span_count; s++) {
        const struct span *span = &query->buckets.spans[bucket->first_span + s];

        if (query->use_dense && one_axis && !filtered)
            add_directly(query, span);
        else if (add_selected(query, span, work, err))
            return err->class;
    }
    return query->use_dense ? flush_dense(query, err) : ERR_OK;
}

static enum err_class sum_all(struct query *query, struct err *err)
{
    AUTO(free_autop) struct chunk *work = calloc(2, sizeof(*work));

    if (!work)
        return err_memory(err);
    for (size_t at = 0; at < query->buckets.count; at++)
        if (sum_bucket(query, at, work, err))
            return err->class;
    /* Without groups there is one cell, which says what the totals say. */
    if (query->cells.request->group_count == 0)
        query->cells.count = 0;
    return ERR_OK;
}

static enum err_class query_begin(struct query *query, const struct columns *columns,
                                  const struct report_request *request, struct err *err)
{
    query->view = columns_view(columns);
    query->cells.request = request;
    query->cells.view = &query->view;
    query->cells.buckets = &query->buckets;
    query->cells.max = request->cells_max > 0 ? request->cells_max : LIMIT_REPORT_CELLS;
    if (buckets_cut(&query->buckets, &query->view, request, err) || lay_out(query, err) ||
        find_projects(query, columns, err) ||
        filter_init(&query->filter, columns, &query->view, request, err))
        return err->class;
    return ERR_OK;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct report_row *)a)->key, y = ((const struct report_row *)b)->key;

    return (x > y) - (x < y);
}

/*
 * What of it is billed: the same sums again, over those rows alone, so that who does not ask pays
 * nothing. The keys are the same, as they are laid out by the columns and the period.
 */
static enum err_class sum_billed(struct query *query, const struct columns *columns,
                                 const struct report_request *request, struct err *err)
{
    if (query_begin(query, columns, request, err) ||
        filter_bill(&query->filter, columns, request->billing, err) || sum_all(query, err))
        return err->class;
    if (query->cells.count > 0)
        qsort(query->cells.list, query->cells.count, sizeof(*query->cells.list), by_key);
    return ERR_OK;
}

enum err_class query_run(const struct columns *columns, const struct report_request *request,
                         struct report **ret, struct err *err)
{
    AUTO(query_done) struct query query = {.bucket_key = 0};
    AUTO(query_done) struct query billed = {.bucket_key = 0};

    if (query_begin(&query, columns, request, err) || sum_all(&query, err))
        return err->class;
    query.cells.unmatched = query.filter.unmatched;
    query.cells.hidden = filter_hidden(&query.filter);
    if (request->billing) {
        if (sum_billed(&billed, columns, request, err))
            return err->class;
        query.cells.billed = &billed.cells;
    }
    return page_make(&query.cells, ret, err);
}
