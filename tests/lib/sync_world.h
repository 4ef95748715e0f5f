#ifndef TESTS_LIB_SYNC_WORLD_H
#define TESTS_LIB_SYNC_WORLD_H
#include "apps/timesheet/sync.h"
#include "base/disk.h"
#include "fake_jira.h"
#include "store_world.h"

/*
 * A tenant and its Jira, for the tests of synchronizing: nobody sleeps longer than
 * SYNC_WAIT_IN_TX_MS while a transaction is open, what is told of the progress makes sense, and at
 * the end the mirror can be held against its source. One at a time.
 */
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

struct sync_world {
    struct store_world world;
    struct fake_jira source;
    struct clock_ops clock; /* the fake's, but nobody may sleep long in a transaction */
    int64_t slept_ms;       /* in the transaction with the number slept_in of fault_vfs.writers */
    long slept_in;
    struct disk_ops disk; /* the real one, with tests/lib/fault_vfs.h below SQLite */
    struct sync_options options;
    struct sync_result result; /* of the last run */
    struct err err;
    unsigned told; /* how often progress was told in the last run */
    int64_t seen;  /* as told last */
};

/* For cmocka's setup and teardown. */
int sync_world_begin(void **state);
int sync_world_end(void **state);

void ok(struct sync_world *world, enum err_class rc); /* or the test fails */
enum err_class sync_with(struct sync_world *world, const struct sync_options *options);
enum err_class sync_it(struct sync_world *world); /* full or incremental, as it falls */
enum err_class verify_it(struct sync_world *world);
void later(struct sync_world *world, int64_t ms);
/* So many worklogs, a second apart, each different from the others. */
void fill(struct sync_world *world, int count);
/* The first column of the first row. */
int64_t number(struct sync_world *world, const char *sql);
/*
 * The mirror holds all that is there and shown, field by field, and nothing that is not; one that
 * is hidden now may be there as last seen.
 */
void equals_source(struct sync_world *world);
/* The last run's end state, and its warnings as "code worklog/issue, ". */
void ended(struct sync_world *world, const char *state, const char *warnings);

#endif
