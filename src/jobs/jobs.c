/*
 * jobs.c: the durable queue.
 *
 * One row a job, found by (tenant, kind, key), in one of four states:
 *
 *     waiting  its time has not come      found by the index (state, due)
 *     ready    it is due and has its turn found by the index (kind, turn)
 *     leased   somebody is at it, until lease_until
 *     parked   it failed for good; an administrator, or whoever asks for it again, takes it up
 *
 * What is due when it is added gets its place in line (line.c) at once. Whatever else falls due is
 * moved there by the next lease, which then takes the first. What the intake has put down and not
 * yet added (arrivals.c) is added by whoever comes here first. Each call is one transaction of the
 * control database, or a few, durable when it returns. Time and dice come from the context.
 */
#include "jobs/arrivals.h"

#include "base/retry.h"

static const struct retry_policy job_retry = {
    .base_ms = 30 * 1000, .cap_ms = 60 * 60 * 1000, .attempts_max = LIMIT_JOB_TRIES};

/* A lease moves so many into line at once, and so often before it takes one all the same: that
 * many jobs that fall due in one moment hold up one worker for some tens of milliseconds. */
#define LINE_UP_JOBS 256
#define LINE_UP_ROUNDS 8

/* ---- adding ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What joining makes of a job that is there. */
static struct job_row joined(const struct job_row *row, const struct job_order *order)
{
    struct job_row now = *row;

    switch (row->state) {
    case ROW_READY: /* it cannot be sooner */
        break;
    case ROW_WAITING:
        if (!row->failed || order->asked)
            now.due_ms = sooner(row->due_ms, order->due_ms);
        break;
    case ROW_LEASED:
        now.again_ms = row->again_ms ? sooner(row->again_ms, order->due_ms) : order->due_ms;
        if (now.again_ms < 1)
            now.again_ms = 1; /* 0 stands for none */
        break;
    case ROW_PARKED:
        now = (struct job_row){.state = ROW_WAITING, .due_ms = order->due_ms};
        break;
    }
    return now;
}

/* A repeat that changes nothing writes nothing: webhooks come in such crowds. */
static enum err_class join(struct db *control, const struct job_order *order,
                           const struct job_row *row, struct err *err)
{
    struct job_row now = joined(row, order);

    if (now.state == row->state && now.due_ms == row->due_ms && now.again_ms == row->again_ms)
        return ERR_OK;
    return row_store(control, order, &now, err);
}

/* *ret_inserted false: there is one of that name. */
static enum err_class insert(struct adding *adding, const struct job_order *order,
                             bool *ret_inserted, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct line *line = NULL;
    int64_t now = ctx_now_ms(adding->ctx);
    bool due = order->due_ms <= now;
    enum err_class rc = line_open(adding, order->tenant, &line, err);

    if (rc == ERR_OK && !adding->is_settling)
        rc = line_has_room(adding, order->tenant, line, err);
    if (rc == ERR_OK)
        rc = db_prepare(adding->control,
                        SQL("INSERT INTO job (tenant, kind, job_key, state, due, attempts, again,"
                            " served, created, turn) VALUES ($1, $2, $3, $6, $4, 0, 0, $5, $5,"
                            " $7) ON CONFLICT (tenant, kind, job_key) DO NOTHING"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;

    int64_t turn = line_next_turn(adding, line);

    row_bind_name(stmt, order->tenant, order->kind, order->key);
    db_bind_i64(stmt, 4, order->due_ms);
    db_bind_i64(stmt, 5, adding->is_settling ? adding->arrived_ms : now);
    db_bind_text(stmt, 6, str_from(row_state_name(due ? ROW_READY : ROW_WAITING)));
    if (due)
        db_bind_i64(stmt, 7, turn);
    else
        db_bind_null(stmt, 7);
    rc = db_run(stmt, err);
    if (rc != ERR_OK)
        return rc;
    *ret_inserted = db_changes(adding->control) > 0;
    if (!*ret_inserted)
        return ERR_OK;
    line->jobs++;
    adding->all.jobs++;
    if (due)
        line->turn = turn;
    adding->changed = true;
    return ERR_OK;
}

static bool fits(const char *name, size_t bytes_max)
{
    size_t len = strlen(name);

    return len > 0 && len <= bytes_max;
}

enum err_class adding_add(struct adding *adding, const struct job_order *order, bool *ret_joined,
                          struct err *err)
{
    struct job_row row = {0};
    bool inserted = false, found = false;

    if (!fits(order->tenant, JOB_TENANT_BYTES) || !fits(order->kind, JOB_KIND_BYTES) ||
        !fits(order->key, JOB_KEY_BYTES))
        return err_set(err, ERR_BUG, "a job's tenant, kind or key is empty or too long: %s",
                       order->kind);

    /* Most are new: that is tried first. Joining needs no room. */
    enum err_class limit = insert(adding, order, &inserted, err);

    if (inserted || (limit != ERR_OK && limit != ERR_LIMIT)) {
        *ret_joined = false;
        return limit;
    }

    enum err_class rc = row_find(adding->control, order, &row, &found, err);

    if (rc == ERR_OK && !found)
        return limit;
    if (rc == ERR_OK)
        rc = join(adding->control, order, &row, err);
    *ret_joined = rc == ERR_OK;
    return rc;
}

enum err_class jobs_add(struct db *control, const struct ctx *ctx, const struct job_order *order,
                        bool *ret_joined, struct err *err)
{
    struct adding adding = {.control = control, .ctx = ctx};
    bool joined_one = false;
    enum err_class rc = arrivals_begin(control, ctx, err);

    if (rc != ERR_OK)
        return rc;
    rc = adding_add(&adding, order, &joined_one, err);
    if (rc == ERR_OK)
        rc = adding_finish(&adding, err);
    rc = db_end(control, rc, err);
    if (rc == ERR_OK)
        *ret_joined = joined_one;
    return rc;
}

/* ---- leasing ---- */

/*
 * Marks it as leased; the row is known to exist. No two leases of a job end at the same time: by
 * that time their holders are told apart.
 */
static enum err_class mark_leased(struct db *control, const struct ctx *ctx, struct job *job,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = 'leased', turn = NULL, attempts = $4, lease_until ="
                       " CASE WHEN lease_until >= $5 THEN lease_until + 1 ELSE $5 END,"
                       " due = CASE WHEN lease_until >= $5 THEN lease_until + 1 ELSE $5 END,"
                       " served = $6, again = 0"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3 RETURNING lease_until"),
                   &stmt, err);
    bool row = false;

    if (rc != ERR_OK)
        return rc;
    job->attempts++;
    row_bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->attempts);
    db_bind_i64(stmt, 5, ctx_now_ms(ctx) + JOB_LEASE_MS);
    db_bind_i64(stmt, 6, ctx_now_ms(ctx));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        job->lease_until_ms = db_i64(stmt, 0);
    return rc;
}

static enum err_class next_due(struct db *control, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT min(next) AS next FROM (SELECT min(due) AS next FROM job WHERE"
                       " state = 'waiting' UNION ALL SELECT min(due) FROM job WHERE"
                       " state = 'leased') AS both_of_them"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row && !db_is_null(stmt, 0) ? db_i64(stmt, 0) : INT64_MAX;
    return rc;
}

static enum err_class take_first(struct db *control, const struct ctx *ctx, const char *const *skip,
                                 struct job *ret, bool *ret_found, int64_t *ret_next_ms,
                                 struct err *err)
{
    int64_t turn = 0;
    enum err_class rc = line_first(control, skip, ret, &turn, ret_found, err);

    *ret_next_ms = INT64_MAX;
    if (rc == ERR_OK && !*ret_found)
        return next_due(control, ret_next_ms, err);
    if (rc == ERR_OK)
        rc = mark_leased(control, ctx, ret, err);
    return rc == ERR_OK ? line_served(control, turn, err) : rc;
}

enum err_class jobs_lease(struct db *control, const struct ctx *ctx, const char *const *skip,
                          struct job *ret, bool *ret_found, int64_t *ret_next_ms, struct err *err)
{
    struct job job = {0};
    bool found = false, more = true, last = false;
    int64_t next = INT64_MAX;

    /* Ends: each round takes in a part of what arrived, and lines up a part of what is due. */
    for (unsigned round = 1; !last || (more && !found); round++) {
        bool due = true;
        enum err_class rc = db_begin(control, DB_WRITE, err);

        if (rc != ERR_OK)
            return rc;
        rc = arrivals_settle(control, ctx, &more, err);
        if (rc == ERR_OK)
            rc = line_up(control, ctx_now_ms(ctx), LINE_UP_JOBS, &due, err);
        last = !due || round >= LINE_UP_ROUNDS;
        if (rc == ERR_OK && last)
            rc = take_first(control, ctx, skip, &job, &found, &next, err);
        rc = db_end(control, rc, err);
        if (rc != ERR_OK)
            return rc;
    }
    *ret = job;
    *ret_found = found;
    *ret_next_ms = next;
    return ERR_OK;
}

enum err_class jobs_lease_this(struct db *control, const struct ctx *ctx, const char *tenant,
                               const char *kind, const char *key, struct job *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct job job = {0};
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT tenant, kind, job_key, attempts FROM job WHERE tenant = $1 AND"
                       " kind = $2 AND job_key = $3 ORDER BY tenant LIMIT 1"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = arrivals_begin(control, ctx, err);
    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, tenant, kind, key);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        rc = err_set(err, ERR_NOT_FOUND, "there is no job %s of %s", kind, tenant);
    if (rc == ERR_OK)
        row_read_job(stmt, &job);
    db_reset(stmt);
    if (rc == ERR_OK)
        rc = mark_leased(control, ctx, &job, err);
    rc = db_end(control, rc, err);
    if (rc == ERR_OK)
        *ret = job;
    return rc;
}

/* ---- a lease's end; whoever has another lease_until than the row's has nothing to say ---- */

static enum err_class lease_lost(const struct job *job, struct err *err)
{
    return err_set(err, ERR_CONFLICT,
                   "the lease of the job %s of %s was lost: another worker has it, or it was taken "
                   "out of the queue",
                   job->kind, job->tenant);
}

enum err_class jobs_holds(struct db *control, const struct job *job, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(control,
                                   SQL("SELECT attempts FROM job WHERE tenant = $1 AND kind = $2"
                                       " AND job_key = $3 AND lease_until = $4"
                                       " ORDER BY tenant LIMIT 1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->lease_until_ms);
    rc = db_step(stmt, &row, err);
    return rc == ERR_OK && !row ? lease_lost(job, err) : rc;
}

enum err_class jobs_extend(struct db *control, const struct ctx *ctx, struct job *job,
                           struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t until = ctx_now_ms(ctx) + JOB_LEASE_MS;

    if (until < job->lease_until_ms)
        until = job->lease_until_ms;

    /* One that ran out and that nobody took comes back out of the line. */
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET lease_until = $5, due = $5, state = 'leased', turn = NULL"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3 AND lease_until = $4"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->lease_until_ms);
    db_bind_i64(stmt, 5, until);
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(control) == 0)
        rc = lease_lost(job, err);
    rc = db_end(control, rc, err);
    if (rc == ERR_OK)
        job->lease_until_ms = until;
    return rc;
}

/* `always`: it stays, due at due_ms; else only when it was asked for while it ran. */
static enum err_class stay(struct db *control, const struct job *job, bool always, int64_t due_ms,
                           bool *ret_stays, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = 'waiting', turn = NULL, due ="
                       " CASE WHEN again > 0 AND ($6 = 0 OR again < $5) THEN again ELSE $5 END,"
                       " attempts = 0, again = 0, lease_until = NULL, failure = NULL"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3 AND lease_until = $4 AND"
                       " (again > 0 OR $6 = 1)"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->lease_until_ms);
    db_bind_i64(stmt, 5, due_ms);
    db_bind_i64(stmt, 6, always);
    rc = db_run(stmt, err);
    *ret_stays = rc == ERR_OK && db_changes(control) > 0;
    return rc;
}

static enum err_class finish_in_tx(struct db *control, const struct job *job, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *gone = NULL;
    bool stays = false;
    enum err_class rc = stay(control, job, false, 0, &stays, err);

    if (rc != ERR_OK || stays)
        return rc;
    rc = db_prepare(control,
                    SQL("DELETE FROM job WHERE tenant = $1 AND kind = $2 AND job_key = $3 AND"
                        " lease_until = $4"),
                    &gone, err);
    if (rc != ERR_OK)
        return rc;
    row_bind_name(gone, job->tenant, job->kind, job->key);
    db_bind_i64(gone, 4, job->lease_until_ms);
    rc = db_run(gone, err);
    if (rc == ERR_OK && db_changes(control) > 0)
        rc = line_leave(control, job->tenant, 1, err);
    return rc;
}

enum err_class jobs_done(struct db *control, const struct job *job, struct err *err)
{
    enum err_class rc = db_begin(control, DB_WRITE, err);

    return rc == ERR_OK ? db_end(control, finish_in_tx(control, job, err), err) : rc;
}

enum err_class jobs_done_until(struct db *control, const struct job *job, int64_t due_ms,
                               struct err *err)
{
    bool stays = false;
    enum err_class rc = db_begin(control, DB_WRITE, err);

    return rc == ERR_OK ? db_end(control, stay(control, job, true, due_ms, &stays, err), err) : rc;
}

enum err_class jobs_failed(struct db *control, const struct ctx *ctx, const struct job *job,
                           enum err_class why, int64_t retry_after_ms, enum job_state *ret_state,
                           struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum job_state state = JOB_PARKED;
    struct err none_left = {0};
    int64_t wait_ms = 0;
    bool row = false;

    if (why == ERR_CANCELLED)
        state = JOB_WAITING;
    else if (err_is_transient(why) &&
             retry_next(&job_retry, job->attempts, retry_after_ms, ctx_random_u64(ctx), &wait_ms,
                        &none_left) == ERR_OK)
        state = JOB_WAITING;

    /* One that would be parked and was asked for while it ran begins anew. */
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = CASE WHEN again > 0 THEN 'waiting' ELSE $5 END,"
                       " attempts = CASE WHEN again > 0 AND $5 = 'parked' THEN 0 ELSE $8 END,"
                       " due = CASE WHEN again > 0 AND $5 = 'parked' THEN again ELSE $6 END,"
                       " failure = $7, lease_until = NULL, turn = NULL, again = 0"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3 AND lease_until = $4"
                       " RETURNING state"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->lease_until_ms);
    db_bind_text(stmt, 5, str_from(row_state_name(state == JOB_PARKED ? ROW_PARKED : ROW_WAITING)));
    db_bind_i64(stmt, 6, ctx_now_ms(ctx) + wait_ms);
    db_bind_text(stmt, 7, str_from(err_class_name(why)));
    db_bind_i64(stmt, 8, why == ERR_CANCELLED ? (int64_t)job->attempts - 1 : job->attempts);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        rc = lease_lost(job, err);
    if (rc == ERR_OK && str_eq_z(db_text(stmt, 0), row_state_name(ROW_WAITING)))
        state = JOB_WAITING;
    db_reset(stmt);
    rc = db_end(control, rc, err);
    if (rc == ERR_OK)
        *ret_state = state;
    return rc;
}

static enum err_class forget_in_tx(struct db *control, const char *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = arrivals_forget(control, tenant, err);

    if (rc == ERR_OK)
        rc = db_prepare(control, SQL("DELETE FROM job WHERE tenant = $1"), &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    rc = db_run(stmt, err);
    return rc == ERR_OK ? line_leave(control, tenant, db_changes(control), err) : rc;
}

enum err_class jobs_forget(struct db *control, const char *tenant, struct err *err)
{
    enum err_class rc = db_begin(control, DB_WRITE, err);

    return rc == ERR_OK ? db_end(control, forget_in_tx(control, tenant, err), err) : rc;
}

enum err_class jobs_settle(struct db *control, const struct ctx *ctx, struct err *err)
{
    enum err_class rc = arrivals_begin(control, ctx, err);

    return rc == ERR_OK ? db_end(control, rc, err) : rc;
}
