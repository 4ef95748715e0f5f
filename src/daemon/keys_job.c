/*
 * keys_job.c: the job that rotates or retires a tenant's keys while the server runs.
 *
 * Asked for by `tenon keys`, which cannot have a tenant alone while the server has it open. The
 * job's key says what is to be: "rotate:3" until the database is written in version 3 or a later
 * one, "retire:2" until version 2 is gone; so a job that ran to its end and was killed before it
 * could say so does nothing when it runs again. Requests wait for the two short moments in which
 * the tenant is taken alone; between them they go on as always.
 */
#include "daemon/keys_job.h"

#include "base/log.h"
#include "custody/rotate.h"
#include "daemon/internal.h"

#define HOLD_WAIT_MS 10000
#define AGAIN_MS 15000

struct keys_work {
    struct daemon *daemon;
    struct job_run *run;
    struct key_owner owner;
};

/* Taken from all others, done, let go. ERR_CONFLICT: a command has it open. */
static enum err_class alone(const struct keys_work *work, uint32_t version,
                            enum err_class (*act)(const struct key_owner *owner, uint32_t version,
                                                  struct err *err),
                            struct err *err)
{
    struct store_pool *pool = daemon_store(work->daemon);
    enum err_class rc = store_pool_hold(pool, work->owner.tenant, HOLD_WAIT_MS, err);

    if (rc != ERR_OK)
        return rc;
    rc = act(&work->owner, version, err);
    store_pool_let_go(pool, work->owner.tenant);
    return rc;
}

static enum err_class act_begin(const struct key_owner *owner, uint32_t version, struct err *err)
{
    uint32_t begun = 0;

    (void)version;
    return rotate_begin(owner, &begun, err);
}

static enum err_class act_database(const struct key_owner *owner, uint32_t version, struct err *err)
{
    (void)version;
    return rotate_database(owner, err);
}

static enum err_class act_retire(const struct key_owner *owner, uint32_t version, struct err *err)
{
    return rotate_retire(owner, version, err);
}

static enum err_class watch(void *arg, int64_t done, int64_t total, struct err *err)
{
    const struct keys_work *work = arg;

    (void)done;
    (void)total;
    return job_still_running(work->run, err);
}

static enum err_class reseal(struct keys_work *work, struct err *err)
{
    struct store_pool *pool = daemon_store(work->daemon);
    struct tenant *tenant = NULL;
    int64_t values = 0;
    enum err_class rc = store_pool_tenant(pool, str_from(work->owner.tenant), &tenant, err);

    if (rc == ERR_OK) {
        const struct reseal all = {.ctx = daemon_ctx(work->daemon),
                                   .catalog = work->owner.catalog,
                                   .scope = SCOPE_TENANT,
                                   .vault = tenant->vault,
                                   .db = tenant->db,
                                   .watch = watch,
                                   .arg = work,
                                   .gently = true};

        rc = reseal_all(&all, &values, err);
    }
    store_pool_give_tenant(pool, tenant);
    if (rc == ERR_OK)
        LOG(daemon_ctx(work->daemon), LOG_INFO, "values_resealed",
            LOG_IDENT("tenant", work->owner.tenant), LOG_NUM("values", values));
    return rc;
}

static enum err_class rotate(struct keys_work *work, uint32_t version, struct err *err)
{
    struct key_state now;
    enum err_class rc = rotate_look(&work->owner, &now, err);

    if (rc != ERR_OK || (now.db >= version && now.db_next == 0))
        return rc;
    if (now.seal < version)
        rc = alone(work, version, act_begin, err);
    if (rc == ERR_OK)
        rc = reseal(work, err);
    return rc == ERR_OK ? alone(work, version, act_database, err) : rc;
}

static enum err_class run_order(struct keys_work *work, struct err *err)
{
    struct str number, what = str_cut(str_from(work->run->job->key), ':', &number);
    uint32_t version = 0;
    enum err_class rc;

    if (!parse_u32(number, 1, UINT32_MAX, &version))
        return err_set(err, ERR_BUG, "nobody knows what %s of keys is", work->run->job->key);
    if (!str_eq_z(what, "retire"))
        return rotate(work, version, err);
    rc = alone(work, version, act_retire, err);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc; /* gone: done before */
}

static enum err_class keys_run(void *arg, struct job_run *run, struct err *err)
{
    struct daemon *daemon = arg;
    struct data *data = NULL;
    struct keys_work work = {.daemon = daemon, .run = run};
    enum err_class rc = store_pool_data(daemon_store(daemon), &data, err);

    if (rc != ERR_OK)
        return rc;
    work.owner = (struct key_owner){.ctx = daemon_ctx(daemon),
                                    .catalog = data->catalog,
                                    .provider = data->provider,
                                    .audit = data->audit,
                                    .data_dir = data->dir,
                                    .tenant = run->job->tenant};
    rc = run_order(&work, err);
    store_pool_give_data(daemon_store(daemon), data);
    if (rc == ERR_CONFLICT) /* in use by a command: soon */
        rc = err->class = ERR_BUSY;
    if (rc == ERR_BUSY)
        run->retry_after_ms = AGAIN_MS;
    return rc;
}

const struct job_kind keys_job = {.name = KEYS_JOB, .run = keys_run, .max_running = 1};
