/*
 * pool.c: a ring of work that waits, and the threads that take from it.
 *
 * The lock guards everything; no work runs under it. Work is in the ring until a thread has taken
 * it, also when one is idle; so the ring has room for what may wait and for one piece a thread.
 */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct work {
    void (*run)(void *arg);
    void *arg;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* work, or the end */
    bool ending;
    size_t threads_max, started, busy;
    pthread_t *threads;
    size_t room, first, count; /* the ring */
    struct work ring[];
};

static void *take_and_run(void *arg)
{
    struct pool *pool = arg;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->count == 0 && !pool->ending)
            pthread_cond_wait(&pool->arrived, &pool->lock);
        if (pool->count == 0)
            break;

        struct work work = pool->ring[pool->first];

        pool->first = (pool->first + 1) % pool->room;
        pool->count--;
        pool->busy++;
        pthread_mutex_unlock(&pool->lock);
        work.run(work.arg);
        pthread_mutex_lock(&pool->lock);
        pool->busy--;
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *pool_new(size_t threads, size_t waiting_max)
{
    assert(threads >= 1 && threads <= POOL_THREADS_MAX);

    size_t room = threads + waiting_max;
    struct pool *pool = calloc(1, sizeof(*pool) + room * sizeof(pool->ring[0]));

    if (!pool)
        return NULL;
    pool->threads = calloc(threads, sizeof(*pool->threads));
    if (!pool->threads) {
        free(pool);
        return NULL;
    }
    pool->threads_max = threads;
    pool->room = room;
    (void)pthread_mutex_init(&pool->lock, NULL); /* neither can fail on Linux */
    (void)pthread_cond_init(&pool->arrived, NULL);
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->arrived);
    pthread_mutex_unlock(&pool->lock);
    /* Threads are started by pool_add alone, and it starts none any more. */
    for (size_t i = 0; i < pool->started; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->arrived);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
}

/* Is there a thread that will take one more piece, if need be after another? */
static bool has_thread(struct pool *pool)
{
    if (pool->busy + pool->count < pool->started || pool->started == pool->threads_max)
        return true;
    if (pthread_create(&pool->threads[pool->started], NULL, take_and_run, pool) == 0)
        pool->started++;
    return pool->started > 0;
}

bool pool_add(struct pool *pool, void (*run)(void *arg), void *arg)
{
    pthread_mutex_lock(&pool->lock);

    bool taken = !pool->ending && pool->busy + pool->count < pool->room && has_thread(pool);

    if (taken) {
        pool->ring[(pool->first + pool->count++) % pool->room] = (struct work){run, arg};
        pthread_cond_signal(&pool->arrived);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}
