/*
 * job_sync.c: a synchronization that the daemon runs.
 *
 * A run that an administrator stopped ends as done: it was asked to, and the next one goes on from
 * there. One that the daemon's own end interrupts goes back to the queue. While another process
 * (the command line) synchronizes the tenant, the job comes back a little later.
 */
#include "apps/timesheet/job_sync.h"

#include "apps/timesheet/app.h"
#include "base/log.h"

#define LOCKED_RETRY_MS 15000

struct running {
    struct job_run *run;
    struct board *board;
    bool stopped; /* by an administrator */
};

static enum err_class tell(void *arg, const struct sync_progress *progress, struct err *err)
{
    struct running *running = arg;
    enum err_class rc = board_tell(running->board, progress, err);

    running->stopped = rc != ERR_OK;
    return rc == ERR_OK ? job_still_running(running->run, err) : rc;
}

static enum sync_mode mode_of(const char *key)
{
    if (strcmp(key, SYNC_KEY_VERIFY) == 0)
        return SYNC_VERIFY;
    return strcmp(key, SYNC_KEY_FULL) == 0 ? SYNC_FULL : SYNC_INCREMENTAL;
}

static enum err_class run_locked(struct job_context *context, struct running *running,
                                 struct err *err)
{
    enum sync_mode mode = mode_of(running->run->job->key);
    const struct sync_options options = {
        .verify = mode == SYNC_VERIFY,
        .start_over = mode == SYNC_FULL && running->run->job->attempts <= 1,
        .progress = tell,
        .progress_arg = running,
    };
    const struct link_as as = {.budget = context->site->budget};
    struct sync_result result = {0};
    struct link link = {0};
    enum err_class rc = link_open_as(&link, context->tenant, &as, "sync", err);

    if (rc == ERR_OK)
        rc = sync_run(context->tenant, &link.jira, &options, &result, err);
    link_done(&link);
    LOG(daemon_ctx(context->daemon), LOG_INFO, "sync_ended",
        LOG_IDENT("tenant", context->tenant->info.id), LOG_NAME("mode", sync_mode_name(mode)),
        LOG_NAME("result", err_class_name(rc)), LOG_NUM("stored", result.run.stored),
        LOG_NUM("deleted", result.run.deleted), LOG_NUM("warnings", result.run.warnings),
        LOG_NUM("ms", result.seconds_ms));
    return rc;
}

enum err_class sync_job_run(void *arg, struct job_run *run, struct err *err)
{
    struct job_context *context = arg;
    const struct ctx *ctx = daemon_ctx(context->daemon);
    struct running running = {.run = run, .board = timesheet_state(context->site)->board};
    struct disk_lock lock = {-1};
    enum err_class rc = tenant_lock(context->tenant, &lock, err);

    if (rc == ERR_CONFLICT) {
        run->retry_after_ms = LOCKED_RETRY_MS;
        err->class = ERR_BUSY;
        return ERR_BUSY;
    }
    if (rc != ERR_OK)
        return rc;
    board_begin(running.board, mode_of(run->job->key), ctx_mono_ms(ctx));
    rc = run_locked(context, &running, err);
    if (running.stopped)
        rc = ERR_OK;
    board_end(running.board, rc == ERR_OK || rc == ERR_CANCELLED ? NULL : err, ctx_now_ms(ctx));
    disk_unlock(ctx, &lock);
    return rc;
}
