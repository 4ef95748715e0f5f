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
 * Nobody gets all of it: work is added in lanes, one a client, and a quarter of the threads and
 * half of the room for what waits are kept free of any one lane. What waits is taken in its order,
 * but for lanes that have their share running.
 */
/* Finishes all that was taken, then ends; afterwards nothing runs any more. NULL is fine. */
void pool_free(struct pool *pool);
AUTO_DEFINE(struct pool, pool_free)
enum pool_added {
    POOL_TAKEN,
    POOL_LANE_FULL, /* too much of this lane waits */
    POOL_FULL,      /* too much waits, the pool is ending, or no thread can be started */
};
/*
 * Has run(arg) called by one of the threads; unless it is taken, it is not called. Any thread,
 * those of the pool too.
 *   lane  a number for the client; two that happen to have the same share it; 0: nobody's, no share
 */
MUST_USE enum pool_added pool_add(struct pool *pool, uint64_t lane, void (*run)(void *arg),
                                  void *arg);

#endif
