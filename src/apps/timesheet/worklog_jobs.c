/*
 * worklog_jobs.c: the jobs `timesheet.hint` (key: a worklog's id) and `timesheet.settle_write`.
 * Both act by the tenant's own connection, which sees all that the mirror holds.
 */
#include "apps/timesheet/worklog_jobs.h"

#include "apps/timesheet/job_sync.h"
#include "base/civil.h"
#include "base/log.h"
#include "connect/link.h"
#include "daemon/daemon.h"

/* What both need. */
struct tools {
    struct mirror mirror;
    struct link link;
};

static enum err_class tools_open(struct tools *tools, const struct job_context *context,
                                 const char *purpose, struct err *err)
{
    const struct link_as as = {.budget = context->site->budget};
    enum err_class rc = mirror_init(&tools->mirror, context->tenant, err);

    return rc == ERR_OK ? link_open_as(&tools->link, context->tenant, &as, purpose, err) : rc;
}

static void tools_done(struct tools *tools)
{
    link_done(&tools->link);
    mirror_done(&tools->mirror);
}

static enum err_class add_job(const struct job_context *context, const char *kind, const char *key,
                              int64_t due_ms, struct err *err)
{
    const struct job_order order = {
        .tenant = context->tenant->info.id, .kind = kind, .key = key, .due_ms = due_ms};

    return daemon_add_job(context->daemon, &order, err);
}

enum err_class hint_run(void *arg, struct job_run *run, struct err *err)
{
    const struct job_context *context = arg;
    struct tools tools = {0};
    enum hint_end end = HINT_NOTHING;
    int64_t id = 0;

    if (!parse_i64(str_from(run->job->key), 1, INT64_MAX, &id))
        return err_set(err, ERR_BUG, "the job's key is not a worklog's id");

    enum err_class rc = tools_open(&tools, context, "timesheet.hint", err);

    if (rc == ERR_OK)
        rc = hint_follow(&tools.mirror, &tools.link.jira, id, &end, err);
    tools_done(&tools);
    if (rc == ERR_OK && end == HINT_UNSURE)
        rc = add_job(context, SYNC_JOB, SYNC_KEY_INCREMENTAL,
                     ctx_now_ms(run->ctx) + HINT_SYNC_DELAY_MS, err);
    if (rc == ERR_OK && end == HINT_DELETED)
        LOG(run->ctx, LOG_INFO, "worklog_gone", LOG_IDENT("tenant", context->tenant->info.id),
            LOG_NUM("worklog", id));
    return rc;
}

enum err_class settle_run(void *arg, struct job_run *run, struct err *err)
{
    const struct job_context *context = arg;
    struct tools tools = {0};
    int64_t next_ms = 0;
    enum err_class rc = tools_open(&tools, context, "timesheet.settle_write", err);

    (void)run;
    if (rc == ERR_OK)
        rc = write_settle(&tools.mirror, &tools.link.jira, &next_ms, err);
    tools_done(&tools);
    if (rc == ERR_OK && next_ms != 0)
        rc = add_job(context, WRITE_SETTLE_JOB, WRITE_SETTLE_KEY, next_ms, err);
    return rc;
}

int64_t settle_every_ms(const struct config *config)
{
    (void)config;
    return MS_PER_HOUR;
}
