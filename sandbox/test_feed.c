#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "comment.h"
#include "feed.h"

#define ROWS 4000

/* What each row's time is today; the feed's older entries are stale. */
struct model {
    int64_t at_ms[ROWS];
    size_t count;
};

static bool is_current(const void *arg, const struct feed_entry *entry)
{
    const struct model *model = arg;

    return entry->row < model->count && model->at_ms[entry->row] == entry->at_ms;
}

static struct feed_query query_of(const struct model *model)
{
    return (struct feed_query){
        .until_ms = INT64_MAX, .limit = FEED_PAGE_MAX, .is_current = is_current, .arg = model};
}

static void set(struct feed *feed, struct model *model, uint32_t row, int64_t at_ms)
{
    struct feed_entry entry = {at_ms, row};

    model->at_ms[row] = at_ms;
    if (row >= model->count)
        model->count = row + 1;
    assert_true(feed_add(feed, &entry, 1));
}

/* Follows the pages to the end; seen[row] counts. Returns the number of pages. */
static size_t follow(const struct feed *feed, struct feed_query query, int *seen)
{
    struct feed_page page;
    size_t pages = 0;

    do {
        feed_read(feed, &query, &page);
        pages++;
        for (size_t i = 0; i < page.count; i++)
            seen[page.entries[i].row]++;
        if (page.count > 0) {
            query.has_cursor = true;
            query.cursor = page.entries[page.count - 1];
        }
    } while (!page.last && pages < ROWS);
    return pages;
}

static void more_than_a_page_of_one_time_is_neither_lost_nor_doubled(void **state)
{
    struct feed feed = {0};
    static struct model model;
    static int seen[ROWS];

    (void)state;
    model = (struct model){.count = 0};
    for (uint32_t row = 0; row < 2500; row++)
        set(&feed, &model, row, 7000);
    memset(seen, 0, sizeof(seen));
    assert_int_equal(follow(&feed, query_of(&model), seen), 3);
    for (size_t row = 0; row < 2500; row++)
        assert_int_equal(seen[row], 1);
    feed_done(&feed);
}

static void a_full_last_page_says_that_it_is_the_last(void **state)
{
    struct feed feed = {0};
    static struct model model;
    struct feed_page page;

    (void)state;
    model = (struct model){.count = 0};
    for (uint32_t row = 0; row < FEED_PAGE_MAX; row++)
        set(&feed, &model, row, row);

    struct feed_query query = query_of(&model);

    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, FEED_PAGE_MAX);
    assert_true(page.last);
    set(&feed, &model, FEED_PAGE_MAX, FEED_PAGE_MAX);
    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, FEED_PAGE_MAX);
    assert_false(page.last);
    feed_done(&feed);
}

static void a_page_full_of_stale_entries_behind_it_is_the_last(void **state)
{
    struct feed feed = {0};
    static struct model model;
    struct feed_page page;

    (void)state;
    model = (struct model){.count = 0};
    set(&feed, &model, 0, 10);
    set(&feed, &model, 1, 20);
    set(&feed, &model, 1, 5); /* its entry at 20 is stale now */

    struct feed_query query = query_of(&model);

    query.limit = 2;
    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.entries[0].row, 1);
    assert_true(page.last);
    feed_done(&feed);
}

static void since_counts_as_asked_for(void **state)
{
    struct feed feed = {0};
    static struct model model;
    struct feed_page page;

    (void)state;
    model = (struct model){.count = 0};
    set(&feed, &model, 0, 100);
    set(&feed, &model, 1, 101);

    struct feed_query query = query_of(&model);

    query.since_ms = 100;
    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, 2);
    query.exclusive = true;
    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.entries[0].row, 1);
    query.since_ms = INT64_MAX;
    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, 0);
    assert_true(page.last);
    feed_done(&feed);
}

static void what_is_too_young_is_withheld(void **state)
{
    struct feed feed = {0};
    static struct model model;
    struct feed_page page;

    (void)state;
    model = (struct model){.count = 0};
    set(&feed, &model, 0, 1000);
    set(&feed, &model, 1, 1001);

    struct feed_query query = query_of(&model);

    query.until_ms = 1000;
    feed_read(&feed, &query, &page);
    assert_int_equal(page.count, 1);
    assert_true(page.last);
    feed_done(&feed);
}

static void a_row_that_comes_back_to_an_old_time_stands_once(void **state)
{
    struct feed feed = {0};
    static struct model model;
    static int seen[ROWS];

    (void)state;
    model = (struct model){.count = 0};
    set(&feed, &model, 0, 10);
    set(&feed, &model, 0, 20);
    set(&feed, &model, 0, 10);
    memset(seen, 0, sizeof(seen));
    (void)follow(&feed, query_of(&model), seen);
    assert_int_equal(seen[0], 1);
    feed_done(&feed);
}

/* Property: after any changes, in any batches, the pages tell each row once, in order. */
static void pages_equal_the_model_after_random_changes(void **state)
{
    struct feed feed = {0};
    static struct model model;
    static int seen[ROWS];
    static struct feed_entry batch[300];

    (void)state;
    model = (struct model){.count = ROWS};
    memset(model.at_ms, 0xff, sizeof(model.at_ms)); /* -1: not there yet */
    for (uint64_t round = 0; round < 60; round++) {
        size_t size = mix64(round, 1) % ARRAY_LEN(batch);

        for (size_t i = 0; i < size; i++) {
            uint32_t row = (uint32_t)(mix64(round, 100 + i) % ROWS);

            /* Few different times, so that many are equal. */
            model.at_ms[row] = (int64_t)(mix64(round, 5000 + i) % 40);
            batch[i] = (struct feed_entry){model.at_ms[row], row};
        }
        assert_true(feed_add(&feed, batch, size));
        for (size_t i = 1; i < feed.count; i++)
            assert_true(feed.entries[i - 1].at_ms < feed.entries[i].at_ms ||
                        (feed.entries[i - 1].at_ms == feed.entries[i].at_ms &&
                         feed.entries[i - 1].row < feed.entries[i].row));

        struct feed_query query = query_of(&model);

        query.limit = 1 + mix64(round, 2) % 100;
        query.since_ms = (int64_t)(mix64(round, 3) % 40);
        memset(seen, 0, sizeof(seen));
        (void)follow(&feed, query, seen);
        for (size_t row = 0; row < ROWS; row++)
            assert_int_equal(seen[row], model.at_ms[row] >= query.since_ms ? 1 : 0);
    }
    feed_done(&feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_a_page_of_one_time_is_neither_lost_nor_doubled),
        cmocka_unit_test(a_full_last_page_says_that_it_is_the_last),
        cmocka_unit_test(a_page_full_of_stale_entries_behind_it_is_the_last),
        cmocka_unit_test(since_counts_as_asked_for),
        cmocka_unit_test(what_is_too_young_is_withheld),
        cmocka_unit_test(a_row_that_comes_back_to_an_old_time_stands_once),
        cmocka_unit_test(pages_equal_the_model_after_random_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
