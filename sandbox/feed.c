/*
 * feed.c: the sorted lists behind /worklog/updated and /worklog/deleted.
 *
 * The hard case is more than a page of changes with one time stamp (a bulk change does that): the
 * time alone cannot say where the next page begins. So a page can be continued after an exact entry
 * (time and row), which the API hides in the opaque part of `nextPage`.
 */
#include "feed.h"

#include <stdlib.h>
#include <string.h>

static int compare(const struct feed_entry *a, const struct feed_entry *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static int compare_void(const void *a, const void *b)
{
    return compare(a, b);
}

/* The first position whose entry is not before `entry`. */
static size_t lower_bound(const struct feed *feed, const struct feed_entry *entry)
{
    size_t low = 0, high = feed->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&feed->entries[middle], entry) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const struct feed *feed, const struct feed_entry *entry)
{
    size_t at = lower_bound(feed, entry);

    return at < feed->count && compare(&feed->entries[at], entry) == 0;
}

void feed_done(struct feed *feed)
{
    free(feed->entries);
    *feed = (struct feed){0};
}

static bool make_room(struct feed *feed, size_t count)
{
    size_t need = feed->count + count;
    size_t room = feed->room < 64 ? 64 : feed->room;

    if (need <= feed->room)
        return true;
    while (room < need)
        room += room / 2;

    struct feed_entry *entries = realloc(feed->entries, room * sizeof(*entries));

    if (!entries)
        return false;
    feed->entries = entries;
    feed->room = room;
    return true;
}

bool feed_add(struct feed *feed, struct feed_entry *entries, size_t count)
{
    size_t fresh = 0;

    if (!make_room(feed, count))
        return false;
    if (count > 1)
        qsort(entries, count, sizeof(*entries), compare_void);
    for (size_t i = 0; i < count; i++) {
        bool twice = fresh > 0 && compare(&entries[fresh - 1], &entries[i]) == 0;

        if (!twice && !holds(feed, &entries[i]))
            entries[fresh++] = entries[i];
    }

    /* Merge from the back; what stands before the first new entry does not move. */
    size_t from = feed->count, to = feed->count + fresh;

    feed->count = to;
    while (fresh > 0) {
        if (from > 0 && compare(&feed->entries[from - 1], &entries[fresh - 1]) > 0)
            feed->entries[--to] = feed->entries[--from];
        else
            feed->entries[--to] = entries[--fresh];
    }
    return true;
}

void feed_read(const struct feed *feed, const struct feed_query *query, struct feed_page *ret)
{
    struct feed_entry first = {.at_ms = query->since_ms, .row = 0};
    size_t at;

    if (query->has_cursor) {
        at = lower_bound(feed, &query->cursor);
        if (at < feed->count && compare(&feed->entries[at], &query->cursor) == 0)
            at++;
    } else {
        if (query->exclusive && first.at_ms < INT64_MAX)
            first.at_ms++;
        at = lower_bound(feed, &first);
    }

    ret->count = 0;
    ret->last = true;
    for (; at < feed->count && feed->entries[at].at_ms <= query->until_ms; at++) {
        if (!query->is_current(query->arg, &feed->entries[at]))
            continue;
        if (ret->count == query->limit) {
            ret->last = false;
            break;
        }
        ret->entries[ret->count++] = feed->entries[at];
    }
}
