/*
 * intake.c: group commit.
 *
 * Why: a commit that is on the disk when it returns costs the same for one job as for hundreds, and
 * webhooks come by the thousand a second. So the callers put their jobs into a ring and go; one
 * thread takes all that is there, adds it in one transaction, and tells each caller after the
 * commit. While it writes, the ring fills for the next round: no timer, and no delay when idle.
 *
 * The ring's lock guards its counters, `ending` and the writing of new items. The taken items stay
 * where they are, and belong to the thread, until it moves `tail` past them.
 */
#include "jobs/intake.h"

#include <pthread.h>

#include "base/log.h"
#include "jobs/row.h"

#define WAITING_MAX 4096
#define GROUP_MAX 512

struct item {
    char tenant[JOB_TENANT_BYTES + 1];
    char kind[JOB_KIND_BYTES + 1];
    char key[JOB_KEY_BYTES + 1];
    int64_t due_ms;
    bool asked;
    bool joined;
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
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* an item, or the end */
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

static bool is_its_own(enum err_class rc)
{
    return rc == ERR_OK || rc == ERR_LIMIT || rc == ERR_BUG;
}

static enum err_class add_group(struct intake *intake, size_t count, struct err *err)
{
    struct adding adding = {.control = intake->control, .ctx = intake->ctx};
    enum err_class rc = db_begin(intake->control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        struct item *item = item_at(intake, intake->tail + i);
        const struct job_order order = {item->tenant, item->kind, item->key, item->due_ms,
                                        item->asked};

        item->rc = adding_add(&adding, &order, &item->joined, err);
        if (!is_its_own(item->rc))
            rc = item->rc;
    }
    if (rc == ERR_OK)
        rc = adding_finish(&adding, err);
    return db_end(intake->control, rc, err);
}

static void store(struct intake *intake, size_t count)
{
    struct err err = {0};
    enum err_class rc = add_group(intake, count, &err);

    if (rc != ERR_OK)
        LOG(intake->ctx, LOG_ERROR, "intake_failed", LOG_NUM("jobs", (int64_t)count),
            LOG_NAME("result", err_class_name(rc)));
    else if (intake->workers)
        workers_wake(intake->workers);
    for (size_t i = 0; i < count; i++) {
        const struct item *item = item_at(intake, intake->tail + i);

        item->done(item->arg, rc == ERR_OK ? item->rc : rc,
                   rc == ERR_OK && item->rc == ERR_OK && item->joined);
    }
}

/* Waits until there is something; 0: it is all done and there will be nothing any more. */
static size_t take(struct intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    while (intake->head == intake->tail && !intake->ending)
        pthread_cond_wait(&intake->arrived, &intake->lock);

    size_t count = intake->head - intake->tail;

    pthread_mutex_unlock(&intake->lock);
    return count < intake->group_max ? count : intake->group_max;
}

static void *run(void *arg)
{
    struct intake *intake = arg;
    size_t count;

    while ((count = take(intake)) > 0) {
        store(intake, count);
        pthread_mutex_lock(&intake->lock);
        intake->tail += count;
        pthread_mutex_unlock(&intake->lock);
    }
    return NULL;
}

/* ---- the callers ---- */

enum err_class intake_new(const struct ctx *ctx, const struct intake_options *options,
                          struct intake **ret, struct err *err)
{
    size_t room = options->waiting_max ? options->waiting_max : WAITING_MAX;
    struct intake *intake = calloc(1, sizeof(*intake) + room * sizeof(intake->items[0]));

    if (!intake)
        return err_memory(err);
    intake->ctx = ctx;
    intake->control = options->control;
    intake->workers = options->workers;
    intake->group_max = options->group_max ? options->group_max : GROUP_MAX;
    intake->room = room;
    (void)pthread_mutex_init(&intake->lock, NULL); /* neither can fail on Linux */
    (void)pthread_cond_init(&intake->arrived, NULL);

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
