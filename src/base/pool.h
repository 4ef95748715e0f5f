#ifndef BASE_POOL_H
#define BASE_POOL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * A bounded pool of threads, for work that waits: a request that calls a remote. Threads are
 * started one by one, with the first work that finds none idle, and stay until the end.
 */
struct pool;

#define POOL_THREADS_MAX 256

/*
 * 1..POOL_THREADS_MAX threads at most; so much work waits for one at most, beside what runs. NULL
 * when out of memory.
 */
struct pool *pool_new(size_t threads, size_t waiting_max);
/*
 * Nobody gets all of it: work is added in lanes, one a client, and lanes may be of a group, one a
 * tenant. A quarter of the threads and half of the room for what waits are kept free of any one
 * group, however many its clients; half and three quarters of any one lane in it. A lane without a
 * group has as much as a group. What waits is taken in its order, but for those that have their
 * share running.
 */
#define POOL_LANE(group, client) ((uint64_t)(uint32_t)(group) << 32 | (uint32_t)(client))
#define POOL_GROUP(lane) ((lane) >> 32)
/* Finishes all that was taken, then ends; afterwards nothing runs any more. NULL is fine. */
void pool_free(struct pool *pool);
AUTO_DEFINE(struct pool, pool_free)
enum pool_added {
    POOL_TAKEN,
    POOL_LANE_FULL, /* too much of this lane or its group waits */
    POOL_FULL,      /* too much waits, the pool is ending, or no thread can be started */
};
/*
 * Has run(arg) called by one of the threads; unless it is taken, it is not called. Any thread,
 * those of the pool too.
 *   lane  a number for the client; two that happen to have the same share it; 0: nobody's, no
 * share. Its upper half is the group's; 0: none
 */
MUST_USE enum pool_added pool_add(struct pool *pool, uint64_t lane, void (*run)(void *arg),
                                  void *arg);

#endif
