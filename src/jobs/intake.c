/*
 * intake.c: group commit.
 *
 * Why: a commit that is on the disk when it returns costs the same for one job as for hundreds, and
 * webhooks come by the thousand a second. So the callers put their jobs into a ring and go; one
 * thread takes all that is there, adds it in one transaction, and tells each caller after the
 * commit. While it writes, the ring fills for the next round. Whoever comes when it was quiet is
 * written at once; in a crowd a group gathers a fraction of a millisecond, since each commit costs
 * a page's encryption and the disk's time, however few share it.
 *
 * A group is put down as it came (arrivals.c). When nothing has come for a moment, or a great many
 * are behind, this thread gives them their places in the queue, a part at a time.
 *
 * The ring's lock guards its counters, `ending` and the writing of new items. The taken items stay
 * where they are, and belong to the thread, until it moves `tail` past them.
 */
#include "jobs/intake.h"

#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "jobs/arrivals.h"

#define WAITING_MAX 4096
#define GROUP_MAX 512
/* Two groups do not begin within this time: what comes meanwhile shares the next one. Whoever comes
 * alone is not kept waiting by it. */
#define GATHER_US 400
#define QUIET_MS 20                     /* without anything new, it is quiet */
#define BEHIND_MAX LIMIT_JOBS_OF_TENANT /* then places are given in any case */
/* So often the database's log is emptied. Then it is written over, which is half the work of making
 * it longer, where the file system has its own log to write for each piece. */
#define LOG_GROUPS 128
#define AGAIN_MS 1000 /* after it failed */

struct item {
    char tenant[JOB_TENANT_BYTES + 1];
    char kind[JOB_KIND_BYTES + 1];
    char key[JOB_KEY_BYTES + 1];
    int64_t due_ms;
    bool asked;
    enum err_class rc;
    intake_done *done;
    void *arg;
};

struct intake {
    const struct ctx *ctx;
    struct db *control;
    struct workers *workers;
    size_t group_max;
    pthread_t thread;
    struct arrivals arrivals; /* the thread's */
    int64_t behind;           /* the same: at most so many jobs have no place yet */
    size_t groups;            /* the same: stored so far */
    struct timespec begun;    /* the same: when the last one was */
    int64_t quiet_ms;         /* the same: how long it must be quiet until they get theirs */
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* an item, or the end; on the monotonic clock */
    bool ending;
    size_t room;
    size_t head, tail; /* ever handed in, ever told of; the difference is at most room */
    struct item items[];
};

static struct item *item_at(struct intake *intake, size_t at)
{
    return &intake->items[at % intake->room];
}

/* ---- the thread ---- */

static struct job_order order_of(const struct item *item)
{
    return (struct job_order){item->tenant, item->kind, item->key, item->due_ms, item->asked};
}

/* *ret_fit false: there may be no room for one of them, and the transaction is to be undone. */
static enum err_class put_down(struct intake *intake, size_t count, bool *ret_fit, struct err *err)
{
    struct arrivals *arrivals = &intake->arrivals;
    enum err_class rc = ERR_OK;

    arrivals_start(arrivals, intake->control, intake->ctx, (int64_t)intake->behind);
    *ret_fit = true;
    for (size_t i = 0; i < count && rc == ERR_OK && *ret_fit; i++) {
        struct item *item = item_at(intake, intake->tail + i);
        const struct job_order order = order_of(item);

        item->rc = ERR_OK;
        rc = arrivals_add(arrivals, &order, ret_fit, err);
    }
    return rc == ERR_OK && *ret_fit ? arrivals_finish(arrivals, err) : rc;
}

static bool is_its_own(enum err_class rc)
{
    return rc == ERR_OK || rc == ERR_LIMIT || rc == ERR_BUG;
}

/* Each to its place at once; all that arrived before has its own. */
static enum err_class add_each(struct intake *intake, size_t count, struct err *err)
{
    struct adding adding = {.control = intake->control, .ctx = intake->ctx};
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        struct item *item = item_at(intake, intake->tail + i);
        const struct job_order order = order_of(item);
        bool joined = false;

        item->rc = adding_add(&adding, &order, &joined, err);
        if (!is_its_own(item->rc))
            rc = item->rc;
    }
    return rc == ERR_OK ? adding_finish(&adding, err) : rc;
}

static enum err_class add_group(struct intake *intake, size_t count, struct err *err)
{
    bool fit = false;
    enum err_class rc = db_begin(intake->control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = put_down(intake, count, &fit, err);
    if (rc != ERR_OK || fit) {
        intake->behind += (int64_t)count;
        return db_end(intake->control, rc, err);
    }
    db_rollback(intake->control);
    rc = arrivals_begin(intake->control, intake->ctx, err);
    if (rc != ERR_OK)
        return rc;
    intake->behind = 0;
    return db_end(intake->control, add_each(intake, count, err), err);
}

static void wake_workers(const struct intake *intake)
{
    if (intake->workers)
        workers_wake(intake->workers);
}

static void store(struct intake *intake, size_t count)
{
    struct err err = {0};
    enum err_class rc = add_group(intake, count, &err);

    if (rc != ERR_OK)
        LOG(intake->ctx, LOG_ERROR, "intake_failed", LOG_NUM("jobs", (int64_t)count),
            LOG_NAME("result", err_class_name(rc)));
    else
        wake_workers(intake);
    for (size_t i = 0; i < count; i++) {
        const struct item *item = item_at(intake, intake->tail + i);

        item->done(item->arg, rc == ERR_OK ? item->rc : rc);
    }
    if (++intake->groups % LOG_GROUPS == 0)
        err_ignore(db_make_durable(intake->control, &err)); /* the log only grows meanwhile */
}

/* Gives some of what arrived its place. Not durable by itself: until it is, they have arrived. */
static void settle(struct intake *intake)
{
    bool more = false;
    struct err err = {0};
    enum err_class rc = db_begin(intake->control, DB_BULK, &err);

    if (rc == ERR_OK)
        rc = db_end(intake->control, arrivals_settle(intake->control, intake->ctx, &more, &err),
                    &err);
    intake->quiet_ms = rc == ERR_OK ? 0 : AGAIN_MS;
    if (rc != ERR_OK) {
        LOG(intake->ctx, LOG_ERROR, "settle_failed", LOG_NUM("behind", intake->behind),
            LOG_NAME("result", err_class_name(rc)));
        return;
    }
    if (!more)
        intake->behind = 0;
    wake_workers(intake);
}

/* Until there is an item, or the end; with the lock held. False: it has been quiet so long. */
static bool await_item(struct intake *intake, int64_t quiet_ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += quiet_ms % 1000 * 1000000;
    until.tv_sec += quiet_ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (intake->head == intake->tail && !intake->ending)
        if (intake->behind == 0)
            pthread_cond_wait(&intake->arrived, &intake->lock);
        else if (pthread_cond_timedwait(&intake->arrived, &intake->lock, &until) != 0)
            return intake->head != intake->tail || intake->ending;
    return true;
}

/* Lets a group gather. */
static void gather(struct intake *intake)
{
    struct timespec until = intake->begun;

    until.tv_nsec += GATHER_US * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &intake->begun);
}

/* Waits until there is something to do. *ret_count 0: what arrived can get its place. False: it is
 * all done and there will be nothing any more. */
static bool take(struct intake *intake, size_t *ret_count)
{
    pthread_mutex_lock(&intake->lock);

    bool quiet = !await_item(intake, intake->quiet_ms);

    if (!quiet && !intake->ending) {
        pthread_mutex_unlock(&intake->lock);
        gather(intake);
        pthread_mutex_lock(&intake->lock);
    }

    size_t count = intake->head - intake->tail;

    pthread_mutex_unlock(&intake->lock);
    *ret_count = count < intake->group_max ? count : intake->group_max;
    return count > 0 || quiet;
}

static void *run(void *arg)
{
    struct intake *intake = arg;
    size_t count;

    while (take(intake, &count)) {
        if (count > 0) {
            store(intake, count);
            intake->quiet_ms = QUIET_MS;
            pthread_mutex_lock(&intake->lock);
            intake->tail += count;
            pthread_mutex_unlock(&intake->lock);
        }
        if (count == 0 || intake->behind > BEHIND_MAX)
            settle(intake);
    }
    return NULL;
}

/* ---- the callers ---- */

enum err_class intake_new(const struct ctx *ctx, const struct intake_options *options,
                          struct intake **ret, struct err *err)
{
    size_t room = options->waiting_max ? options->waiting_max : WAITING_MAX;
    pthread_condattr_t monotonic;
    int64_t behind = 0;
    enum err_class rc = arrivals_count(options->control, NULL, &behind, err);

    if (rc != ERR_OK)
        return rc;

    struct intake *intake = calloc(1, sizeof(*intake) + room * sizeof(intake->items[0]));

    if (!intake)
        return err_memory(err);
    intake->ctx = ctx;
    intake->control = options->control;
    intake->behind = behind; /* an earlier process may have left some */
    intake->workers = options->workers;
    intake->group_max = options->group_max ? options->group_max : GROUP_MAX;
    intake->room = room;
    (void)pthread_mutex_init(&intake->lock, NULL); /* none of these can fail on Linux */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&intake->arrived, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);

    int code = pthread_create(&intake->thread, NULL, run, intake);

    if (code != 0) {
        free(intake);
        return err_errno(err, code, "starting the thread that takes jobs in");
    }
    *ret = intake;
    return ERR_OK;
}

void intake_free(struct intake *intake)
{
    if (!intake)
        return;
    pthread_mutex_lock(&intake->lock);
    intake->ending = true;
    pthread_cond_signal(&intake->arrived);
    pthread_mutex_unlock(&intake->lock);
    (void)pthread_join(intake->thread, NULL);
    (void)pthread_cond_destroy(&intake->arrived);
    (void)pthread_mutex_destroy(&intake->lock);
    arrivals_done(&intake->arrivals);
    free(intake);
}

static bool copy(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size);

    if (len == 0 || len == size)
        return false;
    memcpy(to, from, len + 1);
    return true;
}

static bool read_order(const struct job_order *order, intake_done *done, void *arg,
                       struct item *ret)
{
    ret->due_ms = order->due_ms;
    ret->asked = order->asked;
    ret->done = done;
    ret->arg = arg;
    return copy(ret->tenant, sizeof(ret->tenant), order->tenant) &&
           copy(ret->kind, sizeof(ret->kind), order->kind) &&
           copy(ret->key, sizeof(ret->key), order->key);
}

enum err_class intake_add(struct intake *intake, const struct job_order *order, intake_done *done,
                          void *arg, struct err *err)
{
    struct item item = {0};

    if (!read_order(order, done, arg, &item))
        return err_set(err, ERR_BUG, "a job's tenant, kind or key is empty or too long: %s",
                       order->kind);

    pthread_mutex_lock(&intake->lock);

    bool ending = intake->ending, full = intake->head - intake->tail >= intake->room;

    if (!ending && !full) {
        *item_at(intake, intake->head++) = item;
        pthread_cond_signal(&intake->arrived);
    }
    pthread_mutex_unlock(&intake->lock);
    if (ending)
        return err_set(err, ERR_BUSY, "the server is stopping; try again in a moment");
    if (full)
        return err_set(err, ERR_BUSY,
                       "%zu jobs wait to be stored, and no more are taken until they are; try "
                       "again in a moment",
                       intake->room);
    return ERR_OK;
}
