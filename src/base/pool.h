#ifndef BASE_POOL_H
#define BASE_POOL_H
#include <stdbool.h>
#include <stddef.h>

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
/* Finishes all that was taken, then ends; afterwards nothing runs any more. NULL is fine. */
void pool_free(struct pool *pool);
AUTO_DEFINE(struct pool, pool_free)
/*
 * Has run(arg) called by one of the threads. False, and then it is not called: too much waits, the
 * pool is ending, or no thread can be started. Any thread, those of the pool too.
 */
MUST_USE bool pool_add(struct pool *pool, void (*run)(void *arg), void *arg);

#endif
