/* row.c: the record of jobs, and reading and writing one of its rows. */
#include "jobs/arrivals.h"

static const struct field job_fields[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "whose job it is"},
    {"kind", TYPE_TEXT, CLASS_META, FIELD_KEY, "what is to be done", .index_then = "turn"},
    {"job_key", TYPE_TEXT, CLASS_ID, FIELD_KEY, "with what: an identifier, never content"},
    {"state", TYPE_TEXT, CLASS_META, 0, "waiting, ready, leased or parked", .index_then = "due"},
    {"due", TYPE_TIME, CLASS_META, 0, "when it is to be done, its lease ends or it was parked"},
    {"attempts", TYPE_INT, CLASS_META, 0, "how often it was tried"},
    {"again", TYPE_INT, CLASS_META, 0,
     "when it is to be done once more, as was asked while it ran; else 0"},
    {"lease_until", TYPE_TIME, CLASS_META, FIELD_NULL, "until when a worker has it"},
    {"served", TYPE_TIME, CLASS_META, 0, "when it was last leased, or asked for"},
    {"failure", TYPE_TEXT, CLASS_META, FIELD_NULL, "the class of its last failure"},
    {"created", TYPE_TIME, CLASS_META, 0, "when it was asked for"},
    {"turn", TYPE_INT, CLASS_META, FIELD_NULL, "its place in line, once it is due", .since = 2},
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

static const char *const row_states[] = {[ROW_WAITING] = "waiting",
                                         [ROW_READY] = "ready",
                                         [ROW_LEASED] = "leased",
                                         [ROW_PARKED] = "parked"};

const char *row_state_name(enum row_state state)
{
    return row_states[state];
}

void row_bind_name(struct db_stmt *stmt, const char *tenant, const char *kind, const char *key)
{
    db_bind_text(stmt, 1, str_from(tenant));
    db_bind_text(stmt, 2, str_from(kind));
    db_bind_text(stmt, 3, str_from(key));
}

void row_read_job(const struct db_stmt *stmt, struct job *ret)
{
    *ret = (struct job){0};
    (void)snprintf(ret->tenant, sizeof(ret->tenant), STR_FMT, STR_ARG(db_text(stmt, 0)));
    (void)snprintf(ret->kind, sizeof(ret->kind), STR_FMT, STR_ARG(db_text(stmt, 1)));
    (void)snprintf(ret->key, sizeof(ret->key), STR_FMT, STR_ARG(db_text(stmt, 2)));
    ret->attempts = (uint32_t)db_i64(stmt, 3);
}

static enum row_state state_of(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(row_states); i++)
        if (str_eq_z(name, row_states[i]))
            return (enum row_state)i;
    return ROW_WAITING; /* of no version of ours: looked at again when due */
}

enum err_class row_find(struct db *control, const struct job_order *name, struct job_row *ret,
                        bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT state, due, attempts, again, failure FROM job WHERE tenant = $1 AND"
                       " kind = $2 AND job_key = $3 ORDER BY tenant LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, name->tenant, name->kind, name->key);
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        *ret = (struct job_row){.state = state_of(db_text(stmt, 0)),
                                .due_ms = db_i64(stmt, 1),
                                .attempts = db_i64(stmt, 2),
                                .again_ms = db_i64(stmt, 3),
                                .failed = !db_is_null(stmt, 4)};
    return rc;
}

enum err_class row_store(struct db *control, const struct job_order *name,
                         const struct job_row *row, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = $4, due = $5, attempts = $6, again = $7,"
                       " failure = CASE $8 WHEN 0 THEN NULL ELSE failure END"
                       " WHERE tenant = $1 AND kind = $2 AND job_key = $3"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, name->tenant, name->kind, name->key);
    db_bind_text(stmt, 4, str_from(row_states[row->state]));
    db_bind_i64(stmt, 5, row->due_ms);
    db_bind_i64(stmt, 6, row->attempts);
    db_bind_i64(stmt, 7, row->again_ms);
    db_bind_i64(stmt, 8, row->failed);
    return db_run(stmt, err);
}

enum err_class jobs_count(struct db *control, enum job_state state, int64_t *ret, struct err *err)
{
    static const enum row_state rows[][2] = {[JOB_WAITING] = {ROW_WAITING, ROW_READY},
                                             [JOB_LEASED] = {ROW_LEASED, ROW_LEASED},
                                             [JOB_PARKED] = {ROW_PARKED, ROW_PARKED}};
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t arrived = 0;
    enum err_class rc = db_prepare(
        control, SQL("SELECT count(*) AS n FROM job WHERE state IN ($1, $2) LIMIT 1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(row_states[rows[state][0]]));
    db_bind_text(stmt, 2, str_from(row_states[rows[state][1]]));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && state == JOB_WAITING)
        rc = arrivals_count(control, NULL, &arrived, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0) + arrived;
    return rc;
}
