/*
 * schedule.c: jobs that come by themselves.
 *
 * A scheduled job is always in the queue: after a run it is put off (run.c), so its row remembers
 * when it is due and a restart runs nothing early and forgets nothing. What is left to do here is
 * what nobody else does: put it in when it is new, or when somebody ran it by hand and so took it
 * out; bring it forward when the schedule was made shorter; and take it up again when it was parked
 * a period ago, since the reason may be gone by now.
 */
#include "jobs/row.h"

int64_t schedule_jitter(const struct ctx *ctx, int64_t jitter_ms)
{
    return jitter_ms > 0 ? (int64_t)(ctx_random_u64(ctx) % (uint64_t)jitter_ms) : 0;
}

static enum err_class see_to(struct db *control, const struct ctx *ctx,
                             const struct job_schedule *schedule, const char *tenant,
                             struct err *err)
{
    int64_t now = ctx_now_ms(ctx), roll = schedule_jitter(ctx, schedule->jitter_ms);
    struct job_order order = {tenant, schedule->kind, schedule->key,
                              .due_ms = now + schedule->first_ms + roll};
    struct adding adding = {.control = control, .ctx = ctx};
    struct job_row row = {0};
    bool found = false, joined = false;
    enum err_class rc = row_find(control, &order, &row, &found, err);

    if (rc != ERR_OK)
        return rc;

    bool too_late = row.state == ROW_WAITING && !row.failed &&
                    row.due_ms > now + schedule->every_ms + schedule->jitter_ms;
    bool parked = row.state == ROW_PARKED && row.due_ms <= now - schedule->every_ms;

    if (found && !too_late && !parked)
        return ERR_OK;
    if (found)
        order.due_ms = parked ? now + roll : now + schedule->every_ms + roll;
    rc = adding_add(&adding, &order, &joined, err);
    return rc == ERR_OK ? adding_finish(&adding, err) : rc;
}

enum err_class schedule_due(struct db *control, const struct ctx *ctx,
                            const struct job_schedule *schedules, size_t schedule_count,
                            const char *const *tenants, size_t tenant_count, struct err *err)
{
    static const char *const none[] = {JOB_NO_TENANT};

    for (size_t i = 0; i < schedule_count; i++) {
        const struct job_schedule *schedule = &schedules[i];
        const char *const *names = schedule->per_tenant ? tenants : none;
        size_t count = schedule->per_tenant ? tenant_count : 1;

        /* A transaction each: webhooks do not wait for thousands of tenants. */
        for (size_t n = 0; schedule->every_ms > 0 && n < count; n++) {
            enum err_class rc = db_begin(control, DB_WRITE, err);

            if (rc == ERR_OK)
                rc = db_end(control, see_to(control, ctx, schedule, names[n], err), err);
            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}
