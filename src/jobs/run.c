/*
 * run.c: what a runner does with a job that it has leased.
 *
 * The job's own failure never ends the runner: it is written to the queue (which decides whether
 * the job waits or is parked) and logged here, once, by class. A job that a schedule repeats is not
 * taken out when it is done, it is put off: there is no moment in which a crash could lose it.
 */
#include "base/civil.h"
#include "base/log.h"
#include "jobs/row.h"

#define EXTEND_EVERY_MS MS_PER_MINUTE

enum err_class job_still_running(struct job_run *run, struct err *err)
{
    int64_t now = ctx_now_ms(run->ctx);
    enum err_class rc = ctx_check(run->ctx, err);

    if (rc != ERR_OK)
        return rc;
    /* A clock that was set back extends too. */
    if (now >= run->extended_ms && now < run->extended_ms + EXTEND_EVERY_MS)
        return jobs_holds(run->control, run->job, err);
    rc = jobs_extend(run->control, run->ctx, run->job, err);
    if (rc == ERR_OK)
        run->extended_ms = now;
    return rc;
}

static const struct job_kind *find_kind(const struct job_table *table, const char *name)
{
    for (size_t i = 0; i < table->kind_count; i++)
        if (strcmp(table->kinds[i].name, name) == 0)
            return &table->kinds[i];
    return NULL;
}

static const struct job_schedule *find_schedule(const struct job_table *table,
                                                const struct job *job)
{
    bool of_tenant = strcmp(job->tenant, JOB_NO_TENANT) != 0;

    for (size_t i = 0; i < table->schedule_count; i++) {
        const struct job_schedule *schedule = &table->schedules[i];

        if (schedule->every_ms > 0 && schedule->per_tenant == of_tenant &&
            strcmp(schedule->kind, job->kind) == 0 && strcmp(schedule->key, job->key) == 0)
            return schedule;
    }
    return NULL;
}

static enum err_class succeeded(struct db *control, const struct ctx *ctx,
                                const struct job_table *table, const struct job *job,
                                struct err *err)
{
    const struct job_schedule *schedule = find_schedule(table, job);

    if (!schedule)
        return jobs_done(control, job, err);
    return jobs_done_until(
        control, job,
        ctx_now_ms(ctx) + schedule->every_ms + schedule_jitter(ctx, schedule->jitter_ms), err);
}

enum err_class jobs_run_leased(struct db *control, const struct ctx *ctx,
                               const struct job_table *table, struct job *job, struct err *err)
{
    const struct job_kind *kind = find_kind(table, job->kind);
    struct job_run run = {
        .ctx = ctx, .control = control, .job = job, .extended_ms = ctx_now_ms(ctx)};
    struct err why = {0};
    enum job_state state = JOB_PARKED;
    enum err_class rc = kind ? kind->run(table->arg, &run, &why)
                             : err_set(&why, ERR_BUG, "nobody runs jobs of the kind %s", job->kind);

    db_rollback(control); /* what the job left open */
    LOG(ctx, rc == ERR_OK || rc == ERR_CANCELLED ? LOG_INFO : LOG_WARN, "job_ended",
        LOG_IDENT("tenant", job->tenant), LOG_IDENT("kind", job->kind),
        LOG_NUM("attempt", job->attempts), LOG_NAME("result", err_class_name(rc)));
    if (rc == ERR_OK)
        return succeeded(control, ctx, table, job, err);
    rc = jobs_failed(control, ctx, job, rc, run.retry_after_ms, &state, err);
    return rc == ERR_CONFLICT ? ERR_OK : rc; /* lost: another worker has it, and says how it ends */
}

enum err_class jobs_run_due(struct db *control, const struct ctx *ctx,
                            const struct job_table *table, int64_t *ret_ran, struct err *err)
{
    *ret_ran = 0;
    /* Ends when nothing is due: each turn takes a due job out, and a failed one waits. */
    while (!ctx_stopped(ctx)) {
        struct job job = {0};
        bool found = false;
        int64_t next_ms = 0;
        enum err_class rc = jobs_lease(control, ctx, NULL, &job, &found, &next_ms, err);

        if (rc == ERR_OK && found)
            rc = jobs_run_leased(control, ctx, table, &job, err);
        if (rc != ERR_OK)
            return rc;
        if (!found)
            break;
        ++*ret_ran;
    }
    return ERR_OK;
}
