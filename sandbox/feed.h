#ifndef SANDBOX_FEED_H
#define SANDBOX_FEED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * A change feed: which worklog changed when, oldest first. Entries are sorted by (time, row), rows
 * being numbered in the order of their ids. A change adds an entry and leaves the old one standing;
 * whoever reads asks `is_current` and skips what is no longer true. Plain data and functions
 * without locks: the site's lock covers it.
 */
struct feed_entry {
    int64_t at_ms; /* UTC */
    uint32_t row;
};

struct feed {
    struct feed_entry *entries; /* sorted; owned */
    size_t count, room;
};

void feed_done(struct feed *feed);
/*
 * Adds entries, which are sorted in place first; one that is there already is not added twice.
 * Cheap when they belong at the end, at most one pass over the feed when they do not. False: out of
 * memory, the feed is as it was.
 */
MUST_USE bool feed_add(struct feed *feed, struct feed_entry *entries, size_t count);

#define FEED_PAGE_MAX 1000 /* the official maximum (facts: worklogs) */

struct feed_query {
    int64_t since_ms;
    bool exclusive;  /* leave out what happened at since_ms exactly */
    bool has_cursor; /* go on after this entry instead */
    struct feed_entry cursor;
    int64_t until_ms; /* the newest time that may be told: the last minute is withheld */
    size_t limit;     /* 1..FEED_PAGE_MAX */
    bool (*is_current)(const void *arg, const struct feed_entry *entry);
    const void *arg;
};

struct feed_page {
    struct feed_entry entries[FEED_PAGE_MAX];
    size_t count;
    bool last; /* nothing current is left behind it */
};

void feed_read(const struct feed *feed, const struct feed_query *query, struct feed_page *ret);

#endif
