/*
 * pool.c: a ring of work that waits, and the threads that take from it.
 *
 * The lock guards everything; no work runs under it. Work is in the ring until a thread has taken
 * it, also when one is idle; so the ring has room for what may wait and for one piece a thread.
 *
 * A lane's work that waits though a thread is idle is never forgotten: its lane or group has its
 * share running, and each of those threads looks again when it is done.
 */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct work {
    void (*run)(void *arg);
    void *arg;
    uint64_t lane;
};

/* The most of one: running, and running and waiting. */
struct share {
    size_t threads, room;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* work, or the end */
    bool ending;
    size_t threads_max, started, busy;
    struct share lane, group;
    pthread_t *threads;
    uint64_t running[POOL_THREADS_MAX]; /* lanes of what runs, `busy` of them in no order */
    size_t room, first, count;          /* the ring */
    struct work ring[];
};

/* ---- Under the lock ---- */

/* How much there is of a lane, and of its group. */
struct present {
    size_t lane, group;
};

static void count_in(struct present *present, uint64_t lane, uint64_t other)
{
    present->lane += other == lane;
    present->group += POOL_GROUP(lane) != 0 && POOL_GROUP(other) == POOL_GROUP(lane);
}

static struct present running_of(const struct pool *pool, uint64_t lane)
{
    struct present present = {0, 0};

    for (size_t i = 0; i < pool->busy; i++)
        count_in(&present, lane, pool->running[i]);
    return present;
}

/* A lane of no group has as much as a group. */
static bool has_more(const struct pool *pool, uint64_t lane, struct present present, bool room)
{
    const struct share *own = POOL_GROUP(lane) ? &pool->lane : &pool->group;

    return lane == 0 || (present.lane < (room ? own->room : own->threads) &&
                         present.group < (room ? pool->group.room : pool->group.threads));
}

static struct work *waiting_at(struct pool *pool, size_t nth)
{
    return &pool->ring[(pool->first + nth) % pool->room];
}

/* The first whose lane may run one more; those before it move up. */
static bool take(struct pool *pool, struct work *ret)
{
    for (size_t i = 0; i < pool->count; i++) {
        struct work work = *waiting_at(pool, i);

        if (!has_more(pool, work.lane, running_of(pool, work.lane), false))
            continue;
        for (size_t k = i; k > 0; k--)
            *waiting_at(pool, k) = *waiting_at(pool, k - 1);
        pool->first = (pool->first + 1) % pool->room;
        pool->count--;
        pool->running[pool->busy++] = work.lane;
        *ret = work;
        return true;
    }
    return false;
}

static void ran(struct pool *pool, uint64_t lane)
{
    size_t at = 0;

    while (pool->running[at] != lane) /* it is there: this thread put it in */
        at++;
    pool->running[at] = pool->running[--pool->busy];
}

static void *take_and_run(void *arg)
{
    struct pool *pool = arg;
    struct work work;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        bool taken;

        while (!(taken = take(pool, &work)) && !pool->ending)
            pthread_cond_wait(&pool->arrived, &pool->lock);
        if (!taken)
            break;
        pthread_mutex_unlock(&pool->lock);
        work.run(work.arg);
        pthread_mutex_lock(&pool->lock);
        ran(pool, work.lane);
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
    pool->group.threads = threads - threads / 4;
    pool->group.room = pool->group.threads + waiting_max / 2;
    pool->lane.threads = threads - threads / 2;
    pool->lane.room = pool->lane.threads + waiting_max / 4;
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

static bool lane_is_full(struct pool *pool, uint64_t lane)
{
    struct present present = running_of(pool, lane);

    for (size_t i = 0; i < pool->count; i++)
        count_in(&present, lane, waiting_at(pool, i)->lane);
    return !has_more(pool, lane, present, true);
}

enum pool_added pool_add(struct pool *pool, uint64_t lane, void (*run)(void *arg), void *arg)
{
    enum pool_added added = POOL_FULL;

    pthread_mutex_lock(&pool->lock);
    if (lane_is_full(pool, lane)) {
        added = POOL_LANE_FULL;
    } else if (!pool->ending && pool->busy + pool->count < pool->room && has_thread(pool)) {
        *waiting_at(pool, pool->count++) = (struct work){run, arg, lane};
        pthread_cond_signal(&pool->arrived);
        added = POOL_TAKEN;
    }
    pthread_mutex_unlock(&pool->lock);
    return added;
}
