/*
 * custody_jobs.c: what the platform itself does by schedule, for each tenant or for the server; one
 * line a job.
 *
 * The tables have the form of an app's, so that work.c runs them as it runs those.
 */
#include "base/log.h"
#include "custody/report_accounts.h"
#include "daemon/backup_jobs.h"
#include "daemon/erase_jobs.h"
#include "daemon/internal.h"
#include "daemon/people.h"
#include "daemon/report_way.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)

/* ---- The personal data report ---- */

/*
 * Erasures that were cut short are finished here too, in every tenant. Only an app that is
 * installed in a site of Atlassian's own can report (daemon/report_way.h).
 */
#define ACCOUNTS_JOB "custody.accounts"
#define ACCOUNTS_KEY "report"
#define ACCOUNTS_EVERY_MS (6 * HOUR_MS) /* a look whose turn it is; each account once a cycle */
#define ACCOUNTS_JITTER_MS HOUR_MS
#define BUSY_RETRY_MS 60000

static enum err_class still_running(void *arg, struct err *err)
{
    return job_still_running(arg, err);
}

static enum err_class report(struct job_context *context, struct job_run *run,
                             const struct rows_hook *hook, struct err *err)
{
    AUTO(report_way_done) struct report_way way;
    struct report_accounts done = {0};
    enum report_way_end end = REPORT_WAY_NO_APP;
    const struct ctx *ctx = daemon_ctx(context->daemon);
    enum err_class rc =
        report_way_open(ctx, daemon_config(context->daemon), context->tenant, &way, &end, err);

    if (rc == ERR_OK && end == REPORT_WAY_NO_TOKEN)
        LOG(ctx, LOG_WARN, "accounts_not_reported", LOG_IDENT("tenant", context->tenant->info.id),
            LOG_NAME("reason", "forge_token_ended"));
    if (rc != ERR_OK || end != REPORT_WAY_OPEN)
        return rc;
    rc = report_accounts(context->tenant, &way.client, hook, still_running, run, &done, err);
    LOG(ctx, LOG_INFO, "accounts_reported", LOG_IDENT("tenant", context->tenant->info.id),
        LOG_NAME("result", err_class_name(rc)), LOG_NUM("reported", done.reported),
        LOG_NUM("closed", done.closed), LOG_NUM("updated", done.updated));
    if (done.closed > 0)
        daemon_forget_site(context->daemon, context->tenant->info.id);
    return rc;
}

static enum err_class run_accounts(void *arg, struct job_run *run, struct err *err)
{
    struct job_context *context = arg;
    const struct app_list list = daemon_apps(context->daemon);
    const struct rows_hook hook = apps_hook(&list);
    int64_t count = 0;
    enum err_class rc = person_erase_rest(context->tenant, &hook, &count, err);

    if (count > 0)
        daemon_forget_site(context->daemon, context->tenant->info.id);
    if (rc == ERR_OK && context->tenant->info.kind == TENANT_CLOUD)
        rc = report(context, run, &hook, err);
    if (rc == ERR_CONFLICT || rc == ERR_BUSY) {
        run->retry_after_ms = BUSY_RETRY_MS;
        err->class = rc = ERR_BUSY;
    }
    return rc;
}

static int64_t accounts_every_ms(const struct config *config)
{
    (void)config;
    return ACCOUNTS_EVERY_MS;
}

/* ---- Backups: backup_jobs.c ---- */

#define BACKUP_FIRST_MS HOUR_MS
#define DRILL_FIRST_MS (3 * HOUR_MS)

static int64_t backup_every_ms(const struct config *config)
{
    return config->backup.every_h * HOUR_MS;
}

static int64_t drill_every_ms(const struct config *config)
{
    return config->backup.drill_h * HOUR_MS;
}

/* ---- Retention and erasure: erase_jobs.c ---- */

#define SWEEP_FIRST_MS (HOUR_MS / 60)

static int64_t sweep_every_ms(const struct config *config)
{
    (void)config;
    return 6 * HOUR_MS;
}

static int64_t erasures_every_ms(const struct config *config)
{
    (void)config;
    return HOUR_MS;
}

/* ---- The tables ---- */

static const struct job_kind kinds[] = {
    {ACCOUNTS_JOB, run_accounts, 1},       {BACKUP_JOB, backup_job_run, 2},
    {BACKUP_COPY_JOB, backup_copy_run, 2}, {BACKUP_DRILL_JOB, backup_drill_run, 1},
    {SWEEP_JOB, sweep_job_run, 1},         {ERASURES_JOB, erasures_job_run, 1},
    {LEAVE_JOB, leave_job_run, 1},
};

static const struct app_schedule schedules[] = {
    {ACCOUNTS_JOB, ACCOUNTS_KEY, accounts_every_ms, ACCOUNTS_JITTER_MS / 60, ACCOUNTS_JITTER_MS},
    {BACKUP_JOB, BACKUP_KEY, backup_every_ms, BACKUP_FIRST_MS, HOUR_MS},
    {BACKUP_JOB, BACKUP_KEY, backup_every_ms, BACKUP_FIRST_MS, HOUR_MS, .of_server = true},
    {BACKUP_DRILL_JOB, BACKUP_KEY, drill_every_ms, DRILL_FIRST_MS, HOUR_MS},
    {BACKUP_DRILL_JOB, BACKUP_KEY, drill_every_ms, DRILL_FIRST_MS, HOUR_MS, .of_server = true},
    {SWEEP_JOB, SWEEP_KEY, sweep_every_ms, SWEEP_FIRST_MS, HOUR_MS},
    {SWEEP_JOB, SWEEP_KEY, sweep_every_ms, SWEEP_FIRST_MS, HOUR_MS, .of_server = true},
    {ERASURES_JOB, ERASURES_KEY, erasures_every_ms, 0, 0, .of_server = true},
};

const struct app custody_app = {
    .name = "custody",
    .jobs = kinds,
    .job_count = ARRAY_LEN(kinds),
    .schedules = schedules,
    .schedule_count = ARRAY_LEN(schedules),
};
