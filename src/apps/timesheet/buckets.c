/*
 * buckets.c: which rows belong to which day, week, month, quarter or year of a time zone.
 *
 * Rows are sorted by start and a bucket is a run of local days, so a bucket is found by asking the
 * zone for the instants of those days and looking up two rows. No row's time is converted.
 * Stretches without work are jumped over, so the number of turns follows the rows, not the
 * calendar: one worklog of the year 9999 costs nothing. Threads: reads the view only.
 */
#include "apps/timesheet/buckets.h"

#include "apps/timesheet/query.h"
#include "apps/timesheet/zone.h"

/*
 * How many days the local date of a later instant may lie before that of an earlier one, with room:
 * a clock was never put back by more than a day.
 */
#define BACK_DAYS 2

void buckets_done(struct buckets *buckets)
{
    free(buckets->list);
    free(buckets->spans);
}

/* The first row from `hint` on that starts at or after the time. */
static size_t seek(const struct columns_view *view, size_t hint, int64_t ms)
{
    size_t low = hint, step = 1;

    /* Doubles the step: buckets are short, so the next border is near. At most 27 turns each. */
    while (low + step < view->rows && view->started[low + step] < ms) {
        low += step;
        step *= 2;
    }

    size_t high = low + step < view->rows ? low + step : view->rows;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->started[middle] < ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err_class add_span(struct buckets *buckets, size_t from, size_t to, struct err *err)
{
    if (buckets->span_count == buckets->span_room) {
        size_t room = buckets->span_room ? buckets->span_room * 2 : 64;
        struct span *spans = reallocarray(buckets->spans, room, sizeof(*spans));

        if (!spans)
            return err_memory(err);
        buckets->spans = spans;
        buckets->span_room = room;
    }
    buckets->spans[buckets->span_count++] = (struct span){(uint32_t)from, (uint32_t)to};
    return ERR_OK;
}

static enum err_class add_bucket(struct buckets *buckets, const struct bucket *bucket,
                                 struct err *err)
{
    if (buckets->count == buckets->room) {
        size_t room = buckets->room ? buckets->room * 2 : 64;
        struct bucket *list = reallocarray(buckets->list, room, sizeof(*list));

        if (!list)
            return err_memory(err);
        buckets->list = list;
        buckets->room = room;
    }
    buckets->list[buckets->count++] = *bucket;
    return ERR_OK;
}

/* What cutting needs and keeps; all borrowed. */
struct cutter {
    struct buckets *buckets;
    const struct columns_view *view;
    const struct report_request *request;
    const struct zone *zone;
    size_t hint; /* a row that is not behind the first of the next bucket */
};

/*
 * Adds the bucket of the local days first..last, if it has rows. Returns in *ret_next the row
 * behind the bucket's first stretch of time.
 */
static enum err_class cut_bucket(struct cutter *cutter, int32_t first, int32_t last,
                                 size_t *ret_next, struct err *err)
{
    struct bucket bucket = {.day = first, .first_span = (uint32_t)cutter->buckets->span_count};
    struct zone_span time = {0};
    int64_t after_ms = INT64_MIN;
    size_t stretches = 0;

    /* One stretch of time as a rule; see zone_span. */
    while (zone_span(cutter->zone, first, last, &after_ms, &time)) {
        size_t from = seek(cutter->view, cutter->hint, time.from_ms);
        size_t to = seek(cutter->view, from, time.to_ms);

        if (stretches++ == 0) {
            cutter->hint = from;
            *ret_next = to;
        }
        if (from == to)
            continue;
        if (add_span(cutter->buckets, from, to, err))
            return err->class;
        bucket.span_count++;
        bucket.rows += to - from;
    }
    return bucket.rows > 0 ? add_bucket(cutter->buckets, &bucket, err) : ERR_OK;
}

/* Narrows first..last to the days that are in the same period as `day`, for each time group. */
static void narrow(const struct report_request *request, int32_t day, int32_t *first, int32_t *last)
{
    for (size_t g = 0; g < request->group_count; g++) {
        const struct query_group *group = &query_groups[request->groups[g]];

        if (group->axis != AXIS_TIME)
            continue;

        int32_t from = period_first(group->period, day), to = period_last(group->period, day);

        *first = from > *first ? from : *first;
        *last = to < *last ? to : *last;
    }
}

static enum err_class cut_days(struct cutter *cutter, int32_t low, int32_t high, struct err *err)
{
    /* Each turn makes a bucket or jumps over days without work: a few turns a row at most. */
    for (int32_t day = low; day <= high;) {
        int32_t first = low, last = high;
        size_t next = cutter->view->rows;

        narrow(cutter->request, day, &first, &last);
        if (cut_bucket(cutter, first, last, &next, err))
            return err->class;
        day = last + 1;
        if (next < cutter->view->rows) {
            int32_t worked = zone_day_of(cutter->zone, cutter->view->started[next]) - BACK_DAYS;

            day = worked > day ? worked : day;
        }
    }
    return ERR_OK;
}

enum err_class buckets_cut(struct buckets *buckets, const struct columns_view *view,
                           const struct report_request *request, struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;
    bool empty = view->rows == 0;
    int64_t from_ms = empty ? 0 : view->started[0];
    int64_t to_ms = empty ? 0 : view->started[view->rows - 1];

    if (zone_new(request->zone, from_ms, to_ms, &zone, err))
        return err->class;
    if (empty)
        return ERR_OK;

    struct cutter cutter = {.buckets = buckets, .view = view, .request = request, .zone = zone};
    int32_t low = zone_day_of(zone, from_ms) - BACK_DAYS;
    int32_t high = zone_day_of(zone, to_ms) + BACK_DAYS;

    if (request->has_from && request->from_day > low)
        low = request->from_day;
    if (request->has_to && request->to_day < high)
        high = request->to_day;
    return cut_days(&cutter, low, high, err);
}
