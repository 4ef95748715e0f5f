/*
 * backup_jobs.c: backups taken, copied, let go and tried, by schedule.
 *
 * Taking and copying are jobs of their own, so that an object storage that is away is tried again
 * without a new backup each time. What is too old goes after a new one is there, never before.
 * Threads: the workers'; each job has its handles for itself.
 */
#include "daemon/backup_jobs.h"

#include <sys/stat.h>

#include "base/civil.h"
#include "base/disk.h"
#include "base/log.h"
#include "custody/restore.h"
#include "daemon/internal.h"

#define BUSY_RETRY_MS 60000

static enum err_class still_running(void *arg, int64_t rows, struct err *err)
{
    (void)rows;
    return job_still_running(arg, err);
}

static enum err_class still_copying(void *arg, struct err *err)
{
    return job_still_running(arg, err);
}

static const char *owner_of(const struct job_context *context)
{
    return context->tenant ? context->tenant->info.id : BACKUP_CONTROL;
}

/* Another process is at it: not a failure, only later. */
static enum err_class later_if_busy(enum err_class rc, struct job_run *run, struct err *err)
{
    if (rc != ERR_CONFLICT)
        return rc;
    run->retry_after_ms = BUSY_RETRY_MS;
    err->class = ERR_BUSY;
    return ERR_BUSY;
}

/* ---- object storage ---- */

void backup_storage_done(struct backup_storage *storage)
{
    vault_wipe(&storage->secret);
}

enum err_class backup_storage_open(const struct ctx *ctx, const struct config *config,
                                   struct backup_storage *ret, struct err *err)
{
    const char *path = config->backup.s3_secret_file;
    struct stat st;

    *ret = (struct backup_storage){.secret = STRBUF_INIT(LIMIT_SECRET_BYTES)};
    if (!*config->backup.s3_endpoint)
        return err_set(
            err, ERR_INPUT,
            "no object storage is set up: give backup.s3_endpoint and what belongs to it "
            "in tenon.conf");
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return err_set(err, ERR_KEY,
                       "backup.s3_secret_file: others may read %s; make it 0600 and the key anew",
                       path);

    enum err_class rc = disk_read(ctx, path, &ret->secret, err);

    if (rc != ERR_OK)
        return err_wrap(err, "backup.s3_secret_file");

    struct str secret = str_trim(strbuf_str(&ret->secret));

    if (secret.len == 0)
        return err_set(err, ERR_KEY, "backup.s3_secret_file: %s is empty", path);
    memmove(ret->secret.ptr, secret.ptr, secret.len);
    ret->secret.ptr[secret.len] = '\0';
    ret->secret.len = secret.len;
    ret->s3 = (struct s3){
        .ctx = ctx,
        .endpoint = config->backup.s3_endpoint,
        .region = config->backup.s3_region,
        .bucket = config->backup.s3_bucket,
        .prefix = config->backup.s3_prefix,
        .key_id = config->backup.s3_key_id,
        .secret = strbuf_z(&ret->secret),
        .allow_http = config->remote.allow_http,
        .allow_private = config->remote.allow_private,
    };
    return ERR_OK;
}

/* ---- the jobs ---- */

static enum err_class take(struct job_context *context, struct job_run *run, struct data *data,
                           struct err *err)
{
    const struct config *config = daemon_config(context->daemon);
    const struct ctx *ctx = daemon_ctx(context->daemon);
    const struct content_steps steps = {still_running, run};
    struct backup backup = {0};
    int64_t gone = 0;
    enum err_class rc = restore_tidy(data, err);

    if (rc == ERR_OK)
        rc = backup_take(data, context->tenant, &steps, &backup, err);
    LOG(ctx, rc == ERR_OK ? LOG_INFO : LOG_WARN, "backup_taken",
        LOG_IDENT("owner", owner_of(context)), LOG_NAME("result", err_class_name(rc)),
        LOG_NUM("rows", backup.rows), LOG_NUM("bytes", backup.bytes));
    if (rc == ERR_OK)
        rc = backups_sweep(data, owner_of(context),
                           ctx_now_ms(ctx) - config->backup.keep_days * MS_PER_DAY, &gone, err);
    if (rc == ERR_OK && *config->backup.s3_endpoint) {
        const struct job_order order = {run->job->tenant, BACKUP_COPY_JOB, BACKUP_KEY,
                                        .due_ms = ctx_now_ms(ctx)};

        rc = daemon_add_job(context->daemon, &order, err);
    }
    return rc;
}

static enum err_class copy(struct job_context *context, struct job_run *run, struct data *data,
                           struct err *err)
{
    const struct config *config = daemon_config(context->daemon);
    const struct ctx *ctx = daemon_ctx(context->daemon);
    AUTO(backup_storage_done) struct backup_storage storage = {0};
    int64_t copied = 0, gone = 0;
    enum err_class rc = backup_storage_open(ctx, config, &storage, err);

    storage.s3.step = still_copying;
    storage.s3.step_arg = run;
    if (rc == ERR_OK)
        rc = backups_copy(data, &storage.s3, owner_of(context), &copied, err);
    if (rc == ERR_OK)
        rc = backups_sweep_copies(data, &storage.s3, owner_of(context),
                                  ctx_now_ms(ctx) - config->backup.s3_keep_days * MS_PER_DAY, &gone,
                                  err);
    LOG(ctx, rc == ERR_OK ? LOG_INFO : LOG_WARN, "backup_copied",
        LOG_IDENT("owner", owner_of(context)), LOG_NAME("result", err_class_name(rc)),
        LOG_NUM("copied", copied), LOG_NUM("removed", gone));
    return rc;
}

static enum err_class drill(struct job_context *context, struct job_run *run, struct data *data,
                            struct err *err)
{
    const struct content_steps steps = {still_running, run};
    struct backup backup;
    enum err_class rc = backup_find(data, owner_of(context), INT64_MAX, &backup, err);

    if (rc == ERR_NOT_FOUND || (rc == ERR_OK && !backup.on_disk)) {
        *err = (struct err){0};
        return ERR_OK; /* none yet: that is another job's business */
    }
    if (rc == ERR_OK)
        rc = restore_drill(data, &backup, &steps, err);
    LOG(daemon_ctx(context->daemon), rc == ERR_OK ? LOG_INFO : LOG_ERROR, "restore_drilled",
        LOG_IDENT("owner", owner_of(context)), LOG_NAME("result", err_class_name(rc)));
    return rc;
}

static enum err_class with_data(struct job_context *context, struct job_run *run,
                                enum err_class (*act)(struct job_context *context,
                                                      struct job_run *run, struct data *data,
                                                      struct err *err),
                                struct err *err)
{
    struct store_pool *store = daemon_store(context->daemon);
    struct data *data = NULL;
    enum err_class rc = store_pool_data(store, &data, err);

    if (rc == ERR_OK)
        rc = act(context, run, data, err);
    store_pool_give_data(store, data);
    return later_if_busy(rc, run, err);
}

enum err_class backup_job_run(void *arg, struct job_run *run, struct err *err)
{
    return with_data(arg, run, take, err);
}

enum err_class backup_copy_run(void *arg, struct job_run *run, struct err *err)
{
    return with_data(arg, run, copy, err);
}

enum err_class backup_drill_run(void *arg, struct job_run *run, struct err *err)
{
    return with_data(arg, run, drill, err);
}
