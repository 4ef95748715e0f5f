/* runs.c: the history of synchronizations and their warnings, for administrators. */
#include "apps/timesheet/mirror.h"

static const char *const mode_names[] = {
    [SYNC_FULL] = "full", [SYNC_INCREMENTAL] = "incremental", [SYNC_VERIFY] = "verify"};

static const struct {
    const char *name;
    const char *text;
} warnings[WARN_CODE_COUNT] = {
    [WARN_INVISIBLE] = {"invisible",
                        "Jira lists it and does not show it to this account: give the account "
                        "Browse Projects, or the role or group that the worklog is restricted to"},
    [WARN_INCOMPLETE] = {"incomplete", "Jira sent it without its issue: report this to Atlassian"},
    [WARN_BAD_TIME] = {"bad_time",
                       "one of its times is missing or does not exist: correct it in Jira"},
    [WARN_BAD_SECONDS] = {"bad_seconds", "its duration is missing or negative: correct it in Jira"},
    [WARN_COMMENT] = {"comment_too_large", "its comment is larger than 1 MiB: shorten it in Jira"},
    [WARN_STILL_THERE] = {"still_there",
                          "Jira lists it as deleted and still shows it; it was kept"},
    [WARN_UNPROVED] = {"unproved",
                       "Jira lists it no more, but neither its deletion nor its issue could be "
                       "read; it was kept"},
    [WARN_SAME_TIME] = {"same_time",
                        "more worklogs share one time than Jira can page through; some may be "
                        "missing: run a verification"},
};

const char *sync_mode_name(enum sync_mode mode)
{
    return mode_names[mode];
}

const char *sync_warning_name(enum sync_warning_code code)
{
    return warnings[code].name;
}

const char *sync_warning_text(enum sync_warning_code code)
{
    return warnings[code].text;
}

enum err_class sync_run_begin(struct tenant *tenant, enum sync_mode mode, struct sync_run *ret,
                              struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("INSERT INTO sync_run (mode, state, started, stored, deleted, requests,"
                       " warnings) VALUES ($1, 'running', $2, 0, 0, 0, 0) RETURNING id"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(mode_names[mode]));
    db_bind_i64(stmt, 2, ctx_now_ms(tenant->ctx));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK) {
        *ret = (struct sync_run){.id = db_i64(stmt, 0), .mode = mode};
        db_reset(stmt);
        return db_commit(tenant->db, err);
    }
    db_rollback(tenant->db);
    return rc;
}

/* The numbers of an empty list begin again: a copy in memory must not take them for the old ones.
 */
static enum err_class renumber(struct tenant *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("INSERT INTO mirror (id, epoch) SELECT 1, 1 WHERE NOT EXISTS"
                       " (SELECT 1 FROM worklog_change) ON CONFLICT (id) DO UPDATE SET"
                       " epoch = mirror.epoch + 1"),
                   &stmt, err);

    return rc == ERR_OK ? db_run(stmt, err) : rc;
}

enum err_class runs_let_go(struct tenant *tenant, struct err *err)
{
    static const struct {
        const char *sql;
        const char *record; /* whose retention it is */
    } rules[] = {
        {SQL("DELETE FROM worklog_change WHERE at < $1"), "worklog_change"},
        {SQL("DELETE FROM tombstone WHERE deleted < $1"), "tombstone"},
        {SQL("DELETE FROM sync_warning WHERE run IN"
             " (SELECT id FROM sync_run WHERE started < $1)"),
         "sync_run"},
        {SQL("DELETE FROM sync_run WHERE started < $1"), "sync_run"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
        const struct record *record = catalog_record(tenant->catalog, rules[i].record);
        enum err_class rc = db_prepare(tenant->db, rules[i].sql, &stmt, err);

        if (rc != ERR_OK)
            return rc;
        db_bind_i64(stmt, 1,
                    ctx_now_ms(tenant->ctx) -
                        (int64_t)record->retention_days * 24 * 60 * 60 * 1000);
        rc = db_run(stmt, err);
        if (rc == ERR_OK && i == 0 && db_changes(tenant->db) > 0)
            rc = renumber(tenant, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class sync_run_end(struct tenant *tenant, const struct sync_run *run, const char *state,
                            struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("UPDATE sync_run SET state = $2, ended = $3, stored = $4, deleted = $5,"
                       " requests = $6, warnings = $7 WHERE id = $1"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, run->id);
    db_bind_text(stmt, 2, str_from(state));
    db_bind_i64(stmt, 3, ctx_now_ms(tenant->ctx));
    db_bind_i64(stmt, 4, run->stored);
    db_bind_i64(stmt, 5, run->deleted);
    db_bind_i64(stmt, 6, run->requests);
    db_bind_i64(stmt, 7, run->warnings);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        rc = runs_let_go(tenant, err);
    if (rc != ERR_OK) {
        db_rollback(tenant->db);
        return rc;
    }
    return db_commit(tenant->db, err);
}

enum err_class sync_warn(struct tenant *tenant, struct sync_run *run, enum sync_warning_code code,
                         int64_t id, int64_t issue_id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    if (run->warnings >= LIMIT_WARNINGS_KEPT) {
        run->warnings++;
        return ERR_OK;
    }

    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("INSERT INTO sync_warning (run, client_worklog_id, code, client_issue_id)"
                       " VALUES ($1, $2, $3, $4) ON CONFLICT (run, client_worklog_id, code)"
                       " DO NOTHING"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, run->id);
    db_bind_i64(stmt, 2, id);
    db_bind_text(stmt, 3, str_from(sync_warning_name(code)));
    if (issue_id > 0)
        db_bind_i64(stmt, 4, issue_id);
    else
        db_bind_null(stmt, 4);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        run->warnings += db_changes(tenant->db);
    return rc;
}

enum err_class sync_unwarn(struct tenant *tenant, struct sync_run *run, int64_t id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    if (run->warnings == 0)
        return ERR_OK;

    enum err_class rc = db_prepare(
        tenant->db, SQL("DELETE FROM sync_warning WHERE run = $1 AND client_worklog_id = $2"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, run->id);
    db_bind_i64(stmt, 2, id);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        run->warnings -= db_changes(tenant->db);
    return rc;
}

enum err_class sync_warned_ids(struct tenant *tenant, const struct sync_run *run, int64_t after_id,
                               int64_t ret_ids[], size_t *ret_count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT DISTINCT w.client_worklog_id FROM sync_warning AS w WHERE w.run < $1 AND"
            " w.client_worklog_id > $2 AND w.code NOT IN ('still_there', 'unproved') AND NOT EXISTS"
            " (SELECT 1 FROM tombstone AS t WHERE t.client_worklog_id = w.client_worklog_id)"
            " ORDER BY w.client_worklog_id LIMIT $3"),
        &stmt, err);

    *ret_count = 0;
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, run->id);
    db_bind_i64(stmt, 2, after_id);
    db_bind_i64(stmt, 3, LIMIT_FEED_PAGE_ROWS);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row && *ret_count < LIMIT_FEED_PAGE_ROWS)
        ret_ids[(*ret_count)++] = db_i64(stmt, 0);
    return rc;
}

enum err_class sync_warned_settle(struct tenant *tenant, const struct sync_run *run,
                                  int64_t from_id, int64_t to_id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("DELETE FROM sync_warning WHERE run < $1 AND client_worklog_id >= $2 AND"
                       " client_worklog_id <= $3"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, run->id);
    db_bind_i64(stmt, 2, from_id);
    db_bind_i64(stmt, 3, to_id);
    return db_run(stmt, err);
}

static bool code_of(struct str name, enum sync_warning_code *ret)
{
    for (unsigned i = 0; i < WARN_CODE_COUNT; i++) {
        if (str_eq_z(name, warnings[i].name)) {
            *ret = (enum sync_warning_code)i;
            return true;
        }
    }
    return false;
}

enum err_class sync_warnings_each(struct tenant *tenant, int64_t run,
                                  enum err_class (*each)(void *arg,
                                                         const struct sync_warning *warning,
                                                         struct err *err),
                                  void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT client_worklog_id, code, client_issue_id FROM sync_warning"
                       " WHERE run = $1 ORDER BY client_worklog_id, code LIMIT 20000"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, run);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct sync_warning warning = {.worklog_id = db_i64(stmt, 0), .issue_id = db_i64(stmt, 2)};

        if (!code_of(db_text(stmt, 1), &warning.code))
            continue; /* of a later version */
        rc = each(arg, &warning, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

/* Those that sync_warnings_open lists: what a later version told of is left out by both. */
enum err_class sync_warnings_open_count(struct tenant *tenant, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t count = 0;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT code, count(*) AS n FROM (SELECT DISTINCT client_worklog_id, code"
                       " FROM sync_warning) AS different GROUP BY code ORDER BY code LIMIT 100"),
                   &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        enum sync_warning_code code;

        if (code_of(db_text(stmt, 0), &code))
            count += db_i64(stmt, 1);
    }
    if (rc == ERR_OK)
        *ret = count;
    return rc;
}

enum err_class sync_warnings_open(struct tenant *tenant,
                                  enum err_class (*each)(void *arg,
                                                         const struct sync_warning *warning,
                                                         struct err *err),
                                  void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT client_worklog_id, code, max(client_issue_id) AS issue"
                       " FROM sync_warning GROUP BY client_worklog_id, code"
                       " ORDER BY client_worklog_id, code LIMIT 20000"),
                   &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct sync_warning warning = {.worklog_id = db_i64(stmt, 0), .issue_id = db_i64(stmt, 2)};

        if (code_of(db_text(stmt, 1), &warning.code))
            rc = each(arg, &warning, err);
    }
    return rc;
}

static enum sync_mode mode_named(struct str name)
{
    for (unsigned i = 0; i < ARRAY_LEN(mode_names); i++)
        if (str_eq_z(name, mode_names[i]))
            return (enum sync_mode)i;
    return SYNC_INCREMENTAL;
}

/* The states that a run is left in, in the words for people; anything else is a class of errors. */
static const char *state_named(struct str name)
{
    static const struct {
        const char *stored, *told;
    } states[] = {
        {"running", "running"},
        {"completed", "completed"},
        {"completed_with_warnings", "completed with warnings"},
        {"stopped", "stopped"},
    };

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (str_eq_z(name, states[i].stored))
            return states[i].told;
    return "failed";
}

enum err_class sync_runs_each(struct tenant *tenant,
                              enum err_class (*each)(void *arg, const struct sync_past *past,
                                                     struct err *err),
                              void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT id, mode, state, started, ended, stored, deleted, requests, warnings"
                       " FROM sync_run ORDER BY id DESC LIMIT 200"),
                   &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        const struct sync_past past = {
            .run = {.id = db_i64(stmt, 0),
                    .mode = mode_named(db_text(stmt, 1)),
                    .stored = db_i64(stmt, 5),
                    .deleted = db_i64(stmt, 6),
                    .requests = db_i64(stmt, 7),
                    .warnings = db_i64(stmt, 8)},
            .state = state_named(db_text(stmt, 2)),
            .started_ms = db_i64(stmt, 3),
            .ended_ms = db_i64(stmt, 4),
        };

        rc = each(arg, &past, err);
    }
    return rc;
}

/* Has the last run that ended failed? One that was stopped, or runs, did not. */
static enum err_class last_failed(struct tenant *tenant, bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT state FROM sync_run WHERE state <> 'running'"
                                       " ORDER BY id DESC LIMIT 1"),
                                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row && strcmp(state_named(db_text(stmt, 0)), "failed") == 0;
    return rc;
}

enum err_class mirror_freshness(struct tenant *tenant, int64_t every_ms,
                                struct mirror_freshness *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    /* Jira withholds the last minute, and a run may be late or fail once. */
    int64_t allowed_ms = 3 * every_ms + INT64_C(120000);
    bool row = false, failed = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT max(started) AS at FROM sync_run WHERE state IN ('completed',"
                       " 'completed_with_warnings')"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = last_failed(tenant, &failed, err);
    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;

    int64_t at_ms = db_i64(stmt, 0);
    bool stale = at_ms && (failed || ctx_now_ms(tenant->ctx) - at_ms > allowed_ms);

    *ret = (struct mirror_freshness){at_ms, stale ? at_ms : 0};
    return ERR_OK;
}
