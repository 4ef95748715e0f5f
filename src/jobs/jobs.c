/*
 * jobs.c: the durable queue.
 *
 * One row a job, found by (tenant, kind, key). Fairness: the latest `served` of a tenant's jobs is
 * when it had its turn; the due job of the tenant with the oldest one goes first, so that one
 * tenant's thousand jobs do not hold up another's one. A tenant that comes anew stands where those
 * stand that had their turn just then. Each call is one transaction of the control database,
 * durable when it returns. Time and dice come from the context.
 */
#include "jobs/jobs.h"

#include "base/log.h"
#include "base/retry.h"

static const struct field job_fields[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "whose job it is"},
    {"kind", TYPE_TEXT, CLASS_META, FIELD_KEY, "what is to be done"},
    {"job_key", TYPE_TEXT, CLASS_ID, FIELD_KEY, "with what: an identifier, never content"},
    {"state", TYPE_TEXT, CLASS_META, 0, "waiting, leased or parked"},
    {"due", TYPE_TIME, CLASS_META, FIELD_INDEX, "when it is to be done"},
    {"attempts", TYPE_INT, CLASS_META, 0, "how often it was tried"},
    {"again", TYPE_INT, CLASS_META, 0, "whether it was asked for once more while it ran"},
    {"lease_until", TYPE_TIME, CLASS_META, FIELD_NULL, "until when a worker has it"},
    {"served", TYPE_TIME, CLASS_META, 0, "when it was last leased"},
    {"failure", TYPE_TEXT, CLASS_META, FIELD_NULL, "the class of its last failure"},
    {"created", TYPE_TIME, CLASS_META, 0, "when it was asked for"},
};

const struct record job_record = {
    .name = "job",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to finish what was begun, after a restart too",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators and the tenant's administrators",
    RECORD_FIELDS(job_fields),
};

static const struct retry_policy job_retry = {
    .base_ms = 30 * 1000, .cap_ms = 60 * 60 * 1000, .attempts_max = LIMIT_JOB_TRIES};

static const char *const state_names[] = {
    [JOB_WAITING] = "waiting", [JOB_LEASED] = "leased", [JOB_PARKED] = "parked"};

/* Ends the transaction with rc: commits on ERR_OK, else rolls back and keeps the error. */
static enum err_class end_tx(struct db *db, enum err_class rc, struct err *err)
{
    if (rc == ERR_OK)
        return db_commit(db, err);
    db_rollback(db);
    return rc;
}

static void bind_name(struct db_stmt *stmt, const char *tenant, const char *kind, const char *key)
{
    db_bind_text(stmt, 1, str_from(tenant));
    db_bind_text(stmt, 2, str_from(kind));
    db_bind_text(stmt, 3, str_from(key));
}

enum err_class jobs_count(struct db *control, enum job_state state, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        control, SQL("SELECT count(*) AS n FROM job WHERE state = $1 LIMIT 1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(state_names[state]));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

static enum err_class add_in_tx(struct db *control, const struct ctx *ctx, const char *tenant,
                                const char *kind, const char *key, int64_t due_ms, bool *ret_joined,
                                struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *join = NULL;
    AUTO(db_finish_autop) struct db_stmt *add = NULL;
    int64_t waiting = 0;
    /* A parked one is taken up again: somebody asked for it. */
    enum err_class rc = db_prepare(control,
                                   SQL("UPDATE job SET again = CASE state WHEN 'leased' THEN 1"
                                       " ELSE again END,"
                                       " attempts = CASE state WHEN 'parked' THEN 0"
                                       " ELSE attempts END,"
                                       " due = CASE state WHEN 'parked' THEN $4"
                                       " ELSE min(due, $4) END,"
                                       " state = CASE state WHEN 'parked' THEN 'waiting'"
                                       " ELSE state END"
                                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3"),
                                   &join, err);

    if (rc != ERR_OK)
        return rc;
    bind_name(join, tenant, kind, key);
    db_bind_i64(join, 4, due_ms);
    rc = db_run(join, err);
    if (rc != ERR_OK)
        return rc;
    if (db_changes(control) > 0) {
        *ret_joined = true;
        return ERR_OK;
    }

    rc = jobs_count(control, JOB_WAITING, &waiting, err);
    if (rc == ERR_OK && waiting >= LIMIT_JOBS_WAITING)
        rc = err_set(err, ERR_LIMIT, "the queue is full: %lld jobs wait, the limit is %d",
                     (long long)waiting, LIMIT_JOBS_WAITING);
    if (rc == ERR_OK)
        rc = db_prepare(control,
                        SQL("INSERT INTO job (tenant, kind, job_key, state, due, attempts, again,"
                            " served, created) VALUES ($1, $2, $3, 'waiting', $4, 0, 0, coalesce("
                            "(SELECT max(served) FROM job WHERE tenant = $1), $5 - 1), $5)"),
                        &add, err);
    if (rc != ERR_OK)
        return rc;
    bind_name(add, tenant, kind, key);
    db_bind_i64(add, 4, due_ms);
    db_bind_i64(add, 5, ctx_now_ms(ctx));
    *ret_joined = false;
    return db_run(add, err);
}

enum err_class jobs_add(struct db *control, const struct ctx *ctx, const char *tenant,
                        const char *kind, const char *key, int64_t due_ms, bool *ret_joined,
                        struct err *err)
{
    bool joined = false;

    if (strlen(tenant) > JOB_TENANT_BYTES || strlen(kind) > JOB_KIND_BYTES ||
        strlen(key) > JOB_KEY_BYTES)
        return err_set(err, ERR_BUG, "a job's tenant, kind or key is too long: %s", kind);

    enum err_class rc = db_begin(control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = end_tx(control, add_in_tx(control, ctx, tenant, kind, key, due_ms, &joined, err), err);
    if (rc == ERR_OK)
        *ret_joined = joined;
    return rc;
}

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
                   SQL("UPDATE job SET state = 'leased', attempts = $4, lease_until ="
                       " CASE WHEN lease_until >= $5 THEN lease_until + 1 ELSE $5 END,"
                       " served = $6, again = 0"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3 RETURNING lease_until"),
                   &stmt, err);
    bool row = false;

    if (rc != ERR_OK)
        return rc;
    job->attempts++;
    bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->attempts);
    db_bind_i64(stmt, 5, ctx_now_ms(ctx) + JOB_LEASE_MS);
    db_bind_i64(stmt, 6, ctx_now_ms(ctx));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        job->lease_until_ms = db_i64(stmt, 0);
    return rc;
}

static void read_job(const struct db_stmt *stmt, struct job *ret)
{
    *ret = (struct job){0};
    (void)snprintf(ret->tenant, sizeof(ret->tenant), STR_FMT,
                   STR_ARG(db_text(stmt, db_col(stmt, "tenant"))));
    (void)snprintf(ret->kind, sizeof(ret->kind), STR_FMT,
                   STR_ARG(db_text(stmt, db_col(stmt, "kind"))));
    (void)snprintf(ret->key, sizeof(ret->key), STR_FMT,
                   STR_ARG(db_text(stmt, db_col(stmt, "job_key"))));
    ret->attempts = (uint32_t)db_i64(stmt, db_col(stmt, "attempts"));
}

/* A leased job whose lease has run out counts as waiting since then. */
static enum err_class pick(struct db *control, const struct ctx *ctx, struct job *ret,
                           bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        control,
        SQL("SELECT tenant, kind, job_key, attempts FROM job JOIN"
            " (SELECT tenant AS name, max(served) AS last FROM job GROUP BY tenant) AS turn"
            " ON turn.name = job.tenant WHERE (state = 'waiting' AND due <= $1) OR"
            " (state = 'leased' AND lease_until <= $1)"
            " ORDER BY turn.last, due, tenant, kind, job_key LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, ctx_now_ms(ctx));
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        read_job(stmt, ret);
    return rc;
}

static enum err_class next_due(struct db *control, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT min(CASE state WHEN 'leased' THEN lease_until ELSE due END) AS at"
                       " FROM job WHERE state <> 'parked'"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row && !db_is_null(stmt, 0) ? db_i64(stmt, 0) : INT64_MAX;
    return rc;
}

enum err_class jobs_lease(struct db *control, const struct ctx *ctx, struct job *ret,
                          bool *ret_found, int64_t *ret_next_ms, struct err *err)
{
    struct job job = {0};
    bool found = false;
    int64_t next = INT64_MAX;
    enum err_class rc = db_begin(control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = pick(control, ctx, &job, &found, err);
    if (rc == ERR_OK && found)
        rc = mark_leased(control, ctx, &job, err);
    if (rc == ERR_OK && !found)
        rc = next_due(control, &next, err);
    rc = end_tx(control, rc, err);
    if (rc == ERR_OK) {
        *ret = job;
        *ret_found = found;
        *ret_next_ms = next;
    }
    return rc;
}

static enum err_class find_this(struct db *control, const char *tenant, const char *kind,
                                const char *key, struct job *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT tenant, kind, job_key, attempts FROM job WHERE tenant = $1 AND"
                       " kind = $2 AND job_key = $3 ORDER BY tenant LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_name(stmt, tenant, kind, key);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        return err_set(err, ERR_NOT_FOUND, "there is no job %s of %s", kind, tenant);
    if (rc == ERR_OK)
        read_job(stmt, ret);
    return rc;
}

enum err_class jobs_lease_this(struct db *control, const struct ctx *ctx, const char *tenant,
                               const char *kind, const char *key, struct job *ret, struct err *err)
{
    struct job job = {0};
    enum err_class rc = db_begin(control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = find_this(control, tenant, kind, key, &job, err);
    if (rc == ERR_OK)
        rc = mark_leased(control, ctx, &job, err);
    rc = end_tx(control, rc, err);
    if (rc == ERR_OK)
        *ret = job;
    return rc;
}

static enum err_class lease_lost(const struct job *job, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "the lease of the job %s of %s was lost", job->kind,
                   job->tenant);
}

/* Runs one UPDATE or DELETE that must hit the job while its lease is ours. */
static enum err_class change_leased(struct db *control, struct db_stmt *stmt, const struct job *job,
                                    struct err *err)
{
    enum err_class rc = db_begin(control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(control) == 0)
        rc = lease_lost(job, err);
    return end_tx(control, rc, err);
}

enum err_class jobs_extend(struct db *control, const struct ctx *ctx, struct job *job,
                           struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t until = ctx_now_ms(ctx) + JOB_LEASE_MS;

    if (until < job->lease_until_ms)
        until = job->lease_until_ms;

    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET lease_until = $5 WHERE tenant = $1 AND kind = $2 AND"
                       " job_key = $3 AND state = 'leased' AND lease_until = $4"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->lease_until_ms);
    db_bind_i64(stmt, 5, until);
    rc = change_leased(control, stmt, job, err);
    if (rc == ERR_OK)
        job->lease_until_ms = until;
    return rc;
}

/* The tenant has had its turn: one of its other jobs remembers it when the one that had goes. */
static enum err_class hand_on_served(struct db *control, const struct job *job, int64_t served,
                                     struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET served = $2 WHERE tenant = $1 AND served < $2 AND"
                       " (kind, job_key) = (SELECT kind, job_key FROM job WHERE tenant = $1"
                       " ORDER BY kind, job_key LIMIT 1)"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(job->tenant));
    db_bind_i64(stmt, 2, served);
    return db_run(stmt, err);
}

static enum err_class finish_in_tx(struct db *control, const struct ctx *ctx, const struct job *job,
                                   struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *again = NULL;
    AUTO(db_finish_autop) struct db_stmt *gone = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = 'waiting', due = $5, attempts = 0, again = 0,"
                       " lease_until = NULL, failure = NULL WHERE tenant = $1 AND kind = $2 AND"
                       " job_key = $3 AND lease_until = $4 AND again = 1"),
                   &again, err);

    if (rc != ERR_OK)
        return rc;
    bind_name(again, job->tenant, job->kind, job->key);
    db_bind_i64(again, 4, job->lease_until_ms);
    db_bind_i64(again, 5, ctx_now_ms(ctx));
    rc = db_run(again, err);
    if (rc != ERR_OK || db_changes(control) > 0)
        return rc;

    rc = db_prepare(control,
                    SQL("DELETE FROM job WHERE tenant = $1 AND kind = $2 AND job_key = $3 AND"
                        " lease_until = $4 RETURNING served"),
                    &gone, err);
    if (rc != ERR_OK)
        return rc;
    bind_name(gone, job->tenant, job->kind, job->key);
    db_bind_i64(gone, 4, job->lease_until_ms);
    rc = db_step(gone, &row, err);
    return rc == ERR_OK && row ? hand_on_served(control, job, db_i64(gone, 0), err) : rc;
}

enum err_class jobs_done(struct db *control, const struct ctx *ctx, const struct job *job,
                         struct err *err)
{
    enum err_class rc = db_begin(control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    return end_tx(control, finish_in_tx(control, ctx, job, err), err);
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

    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = CASE again WHEN 1 THEN 'waiting' ELSE $5 END,"
                       " attempts = CASE WHEN again = 1 AND $5 = 'parked' THEN 0 ELSE attempts END,"
                       " due = $6, failure = $7, lease_until = NULL, again = 0"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3 AND"
                       " state = 'leased' AND lease_until = $4 RETURNING state"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, job->lease_until_ms);
    db_bind_text(stmt, 5, str_from(state_names[state]));
    db_bind_i64(stmt, 6, ctx_now_ms(ctx) + wait_ms);
    db_bind_text(stmt, 7, str_from(err_class_name(why)));
    rc = db_begin(control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        rc = lease_lost(job, err);
    /* Asked for while it ran, it runs once more. */
    if (rc == ERR_OK && str_eq_z(db_text(stmt, 0), state_names[JOB_WAITING]))
        state = JOB_WAITING;
    db_reset(stmt);
    rc = end_tx(control, rc, err);
    if (rc == ERR_OK)
        *ret_state = state;
    return rc;
}

enum err_class jobs_forget(struct db *control, const char *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(control, SQL("DELETE FROM job WHERE tenant = $1"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    return end_tx(control, db_run(stmt, err), err);
}

static const struct job_kind *find_kind(const struct job_kind *kinds, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static enum err_class run_one(struct db *control, const struct ctx *ctx,
                              const struct job_kind *kinds, size_t kind_count, void *arg,
                              struct job *job, struct err *err)
{
    const struct job_kind *kind = find_kind(kinds, kind_count, job->kind);
    struct err why = {0};
    int64_t retry_after_ms = 0;
    enum job_state state = JOB_PARKED;
    enum err_class rc = kind ? kind->run(arg, ctx, job, &retry_after_ms, &why)
                             : err_set(&why, ERR_BUG, "nobody runs jobs of the kind %s", job->kind);

    LOG(ctx, rc == ERR_OK ? LOG_INFO : LOG_WARN, "job_ended", LOG_IDENT("tenant", job->tenant),
        LOG_IDENT("kind", job->kind), LOG_NUM("attempt", job->attempts),
        LOG_NAME("result", err_class_name(rc)));
    if (rc == ERR_OK)
        return jobs_done(control, ctx, job, err);
    rc = jobs_failed(control, ctx, job, rc, retry_after_ms, &state, err);
    return rc == ERR_CONFLICT ? ERR_OK : rc; /* lost: another worker has it, and says how it ends */
}

enum err_class jobs_run_due(struct db *control, const struct ctx *ctx, const struct job_kind *kinds,
                            size_t kind_count, void *arg, int64_t *ret_ran, struct err *err)
{
    *ret_ran = 0;
    /* Ends when nothing is due: each turn takes a due job out, and a failed one waits. */
    while (!ctx_stopped(ctx)) {
        struct job job = {0};
        bool found = false;
        int64_t next_ms = 0;
        enum err_class rc = jobs_lease(control, ctx, &job, &found, &next_ms, err);

        if (rc == ERR_OK && found)
            rc = run_one(control, ctx, kinds, kind_count, arg, &job, err);
        if (rc != ERR_OK)
            return rc;
        if (!found)
            break;
        ++*ret_ran;
    }
    return ERR_OK;
}
