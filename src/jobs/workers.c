/*
 * workers.c: threads that run due jobs.
 *
 * One of the idle threads leads: it alone looks into the queue and sleeps until there may be
 * something to do. When it has leased a job it gives up the lead, to an idle thread or to one that
 * is started for it, and runs the job. So an idle server has one thread that looks, and a crowd
 * never wakes for one job.
 *
 * The lock guards all that is below it; no SQL and no job runs under it. `skip` and a worker's
 * handle are used by the leader and by that worker alone. Sleeping is by the real clock, what is
 * due by the context's.
 */
#include "jobs/workers.h"

#include <assert.h>
#include <pthread.h>

#include "base/log.h"

#define LOOK_EVERY_MS 1000 /* another process may have added one */

struct worker {
    struct workers *workers;
    pthread_t thread;
    struct db *control; /* NULL until its first look */
};

struct workers {
    const struct ctx *ctx;
    struct ctx run_ctx; /* what jobs get: the same with our own wish to stop */
    struct workers_options options;
    const char **skip;
    pthread_mutex_t lock;
    pthread_cond_t lead_free; /* idle workers wait for it */
    pthread_cond_t look;      /* the leader sleeps on it; on the monotonic clock */
    bool led;                 /* somebody leads */
    bool woken;               /* there may be something new since the leader last looked */
    bool ending;
    size_t started, idle;
    uint32_t *running; /* jobs, by kind */
    volatile sig_atomic_t stop;
    struct worker worker[LIMIT_WORKERS];
};

/* ---- under the lock ---- */

static const struct job_kind *kind_of(const struct workers *workers, const struct job *job)
{
    const struct job_table *table = &workers->options.table;

    for (size_t i = 0; i < table->kind_count; i++)
        if (strcmp(table->kinds[i].name, job->kind) == 0)
            return &table->kinds[i];
    return NULL;
}

static void list_skipped(struct workers *workers)
{
    const struct job_table *table = &workers->options.table;
    size_t count = 0;

    for (size_t i = 0; i < table->kind_count; i++)
        if (table->kinds[i].max_running > 0 && workers->running[i] >= table->kinds[i].max_running)
            workers->skip[count++] = table->kinds[i].name;
    workers->skip[count] = NULL;
}

static void count_running(struct workers *workers, const struct job *job, int change)
{
    const struct job_kind *kind = kind_of(workers, job);

    if (kind)
        workers->running[kind - workers->options.table.kinds] += (uint32_t)change;
}

static bool is_ending(struct workers *workers)
{
    if (ctx_stopped(workers->ctx)) {
        workers->ending = true;
        __atomic_store_n(&workers->stop, 1, __ATOMIC_RELAXED);
    }
    return workers->ending;
}

static void *work(void *arg);

static void start_one(struct workers *workers)
{
    struct worker *worker = &workers->worker[workers->started];

    if (workers->started >= workers->options.threads)
        return;
    worker->workers = workers;
    /* Without one more thread the next to finish its job takes the lead. */
    if (pthread_create(&worker->thread, NULL, work, worker) == 0)
        workers->started++;
}

static void give_lead(struct workers *workers)
{
    workers->led = false;
    if (workers->idle > 0)
        pthread_cond_signal(&workers->lead_free);
    else if (!workers->ending)
        start_one(workers);
}

static void sleep_until_look(struct workers *workers, int64_t wait_ms)
{
    struct timespec until;

    if (wait_ms > LOOK_EVERY_MS)
        wait_ms = LOOK_EVERY_MS;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (wait_ms % 1000) * 1000000;
    until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!workers->woken && !workers->ending &&
           pthread_cond_timedwait(&workers->look, &workers->lock, &until) == 0)
        ;
}

/* ---- the threads ---- */

static void tell(const struct workers *workers, const struct err *err)
{
    LOG(workers->ctx, LOG_ERROR, "queue_failed", LOG_NAME("result", err_class_name(err->class)));
}

/* Looks once. *ret_wait_ms: how long there is nothing to do, unless somebody wakes us. */
static bool lease_one(struct worker *worker, struct job *ret, int64_t *ret_wait_ms)
{
    struct workers *workers = worker->workers;
    const struct workers_options *options = &workers->options;
    struct err err = {0};
    bool found = false;
    int64_t next_ms = INT64_MAX, now_ms = 0;
    enum err_class rc = ERR_OK;

    if (!worker->control)
        rc = options->open(options->arg, &worker->control, &err);
    if (rc == ERR_OK)
        rc = jobs_lease(worker->control, workers->ctx, workers->skip, ret, &found, &next_ms, &err);
    if (rc != ERR_OK) {
        tell(workers, &err);
        found = false;
    }
    now_ms = ctx_now_ms(workers->ctx);
    *ret_wait_ms = rc != ERR_OK || next_ms - LOOK_EVERY_MS > now_ms ? LOOK_EVERY_MS
                   : next_ms > now_ms                               ? next_ms - now_ms
                                                                    : 1;
    return found;
}

static void run_one(struct worker *worker, struct job *job)
{
    struct workers *workers = worker->workers;
    struct err err = {0};

    /* Not recorded: the lease runs out, and the job is done again. */
    if (jobs_run_leased(worker->control, &workers->run_ctx, &workers->options.table, job, &err) !=
        ERR_OK)
        tell(workers, &err);
}

/* With the lock held: leads until there is a job, and runs that; or sleeps. */
static void lead(struct worker *worker)
{
    struct workers *workers = worker->workers;
    struct job job = {0};
    int64_t wait_ms = 0;

    workers->led = true;
    workers->woken = false;
    list_skipped(workers);
    pthread_mutex_unlock(&workers->lock);

    bool found = lease_one(worker, &job, &wait_ms);

    pthread_mutex_lock(&workers->lock);
    if (!found) {
        sleep_until_look(workers, wait_ms);
        workers->led = false;
        return;
    }
    count_running(workers, &job, 1);
    give_lead(workers);
    pthread_mutex_unlock(&workers->lock);
    run_one(worker, &job);
    pthread_mutex_lock(&workers->lock);
    count_running(workers, &job, -1);
    workers->woken = true; /* a kind that was at its limit may go on */
    pthread_cond_signal(&workers->look);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct workers *workers = worker->workers;

    pthread_mutex_lock(&workers->lock);
    while (!is_ending(workers)) {
        if (!workers->led) {
            lead(worker);
            continue;
        }
        workers->idle++;
        pthread_cond_wait(&workers->lead_free, &workers->lock);
        workers->idle--;
    }
    pthread_mutex_unlock(&workers->lock);
    if (worker->control)
        workers->options.close(workers->options.arg, worker->control);
    return NULL;
}

/* ---- from outside ---- */

static void destroy(struct workers *workers)
{
    (void)pthread_cond_destroy(&workers->look);
    (void)pthread_cond_destroy(&workers->lead_free);
    (void)pthread_mutex_destroy(&workers->lock);
    free(workers->running);
    free(workers->skip);
    free(workers);
}

enum err_class workers_new(const struct ctx *ctx, const struct workers_options *options,
                           struct workers **ret, struct err *err)
{
    size_t kinds = options->table.kind_count;
    struct workers *workers = calloc(1, sizeof(*workers));
    pthread_condattr_t monotonic;

    assert(options->threads >= 1 && options->threads <= LIMIT_WORKERS);
    if (!workers)
        return err_memory(err);
    workers->ctx = ctx;
    workers->run_ctx = *ctx;
    workers->run_ctx.stop = &workers->stop;
    workers->options = *options;
    (void)pthread_mutex_init(&workers->lock, NULL); /* none of these can fail on Linux */
    (void)pthread_cond_init(&workers->lead_free, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&workers->look, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    workers->skip = calloc(kinds + 1, sizeof(*workers->skip));
    workers->running = calloc(kinds + 1, sizeof(*workers->running));
    if (!workers->skip || !workers->running) {
        destroy(workers);
        return err_memory(err);
    }

    pthread_mutex_lock(&workers->lock);
    start_one(workers);

    bool started = workers->started > 0;

    pthread_mutex_unlock(&workers->lock);
    if (!started) {
        destroy(workers);
        return err_set(err, ERR_MEMORY, "no thread can be started to run jobs");
    }
    *ret = workers;
    return ERR_OK;
}

void workers_wake(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->woken = true;
    pthread_cond_signal(&workers->look);
    pthread_mutex_unlock(&workers->lock);
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    __atomic_store_n(&workers->stop, 1, __ATOMIC_RELAXED);
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->look);
    pthread_cond_broadcast(&workers->lead_free);

    size_t started = workers->started; /* and no more will be: they look at `ending` */

    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(workers->worker[i].thread, NULL);
    destroy(workers);
}
