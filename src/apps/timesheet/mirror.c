/*
 * mirror.c: the mirror's rows.
 *
 * One rule decides every put: what Jira told most recently wins, by its own `updated`; an equal
 * time is stored again, since a moved worklog keeps it. A deletion is remembered for a while as a
 * tombstone, so that a message from before it does not bring the worklog back.
 *
 * The report's copy in memory follows by `worklog_change`, one row a change; while many rows come
 * at once (mirror->bulk) it is told to start anew instead, by the epoch of the state.
 */
#include "apps/timesheet/mirror.h"

#include <assert.h>

#include "apps/timesheet/persons.h"

static enum err_class any_tombstone(struct tenant *tenant, bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT client_worklog_id FROM tombstone ORDER BY client_worklog_id LIMIT 1"), &stmt,
        err);

    return rc == ERR_OK ? db_step(stmt, ret, err) : rc;
}

enum err_class mirror_init(struct mirror *mirror, struct tenant *tenant, struct err *err)
{
    *mirror = (struct mirror){
        .tenant = tenant,
        .persons = person_cache_new(tenant->ctx),
        .sealed = STRBUF_INIT(LIMIT_COMMENT_BYTES + VAULT_SEAL_OVERHEAD),
    };
    return mirror->persons ? mirror_look(mirror, err) : err_memory(err);
}

enum err_class mirror_look(struct mirror *mirror, struct err *err)
{
    return mirror->tombstones ? ERR_OK : any_tombstone(mirror->tenant, &mirror->tombstones, err);
}

void mirror_done(struct mirror *mirror)
{
    person_cache_free(mirror->persons);
    strbuf_done(&mirror->sealed);
    *mirror = (struct mirror){0};
}

void mirror_forget(struct mirror *mirror)
{
    person_cache_clear(mirror->persons);
}

static void copy_query(char ret[JIRA_QUERY_BYTES + 1], struct str query)
{
    (void)snprintf(ret, JIRA_QUERY_BYTES + 1, STR_FMT, STR_ARG(query));
}

enum err_class mirror_state_load(struct tenant *tenant, struct mirror_state *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT updated_next, deleted_next, full_done, synced, proof_at,"
                       " proof_drift, epoch FROM mirror WHERE id = 1 ORDER BY id LIMIT 1"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    *ret = (struct mirror_state){0};
    if (!row)
        return ERR_OK;
    copy_query(ret->updated_next, db_text(stmt, 0));
    copy_query(ret->deleted_next, db_text(stmt, 1));
    ret->full_done_ms = db_i64(stmt, 2);
    ret->synced_ms = db_i64(stmt, 3);
    ret->proof_at_ms = db_i64(stmt, 4);
    ret->proof_drift = db_i64(stmt, 5);
    ret->epoch = db_i64(stmt, 6);
    return ERR_OK;
}

static void bind_or_null(struct db_stmt *stmt, int param, int64_t value)
{
    if (value)
        db_bind_i64(stmt, param, value);
    else
        db_bind_null(stmt, param);
}

enum err_class mirror_state_store(struct tenant *tenant, const struct mirror_state *state,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("INSERT INTO mirror (id, updated_next, deleted_next, full_done, synced,"
                       " proof_at, proof_drift, epoch) VALUES (1, $1, $2, $3, $4, $5, $6, $7)"
                       " ON CONFLICT (id) DO UPDATE SET updated_next = excluded.updated_next,"
                       " deleted_next = excluded.deleted_next, full_done = excluded.full_done,"
                       " synced = excluded.synced, proof_at = excluded.proof_at,"
                       " proof_drift = excluded.proof_drift, epoch = excluded.epoch"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(state->updated_next));
    db_bind_text(stmt, 2, str_from(state->deleted_next));
    bind_or_null(stmt, 3, state->full_done_ms);
    bind_or_null(stmt, 4, state->synced_ms);
    bind_or_null(stmt, 5, state->proof_at_ms);
    if (state->proof_at_ms)
        db_bind_i64(stmt, 6, state->proof_drift);
    else
        db_bind_null(stmt, 6);
    db_bind_i64(stmt, 7, state->epoch);
    return db_run(stmt, err);
}

/* One row in the list of changes, for the report's copy. */
enum err_class mirror_note_change(struct mirror *mirror, int64_t id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    if (mirror->bulk)
        return ERR_OK;

    enum err_class rc = db_prepare(
        mirror->tenant->db,
        SQL("INSERT INTO worklog_change (client_worklog_id, at) VALUES ($1, $2)"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, ctx_now_ms(mirror->tenant->ctx));
    return db_run(stmt, err);
}

#define PERSON_ERASED (-1) /* no row has that number */

/* The person's number; 0 for an empty account, PERSON_ERASED for one of whom nothing is kept. */
static enum err_class person_of(struct mirror *mirror, struct str account, int64_t *ret,
                                struct err *err)
{
    *ret = 0;
    if (account.len == 0 || person_cache_get(mirror->persons, account, ret))
        return ERR_OK;

    enum err_class rc = person_ref(mirror->tenant, account, ret, err);

    if (rc == ERR_FORBIDDEN) {
        *err = (struct err){0};
        *ret = PERSON_ERASED;
        rc = ERR_OK;
    }
    if (rc == ERR_OK)
        person_cache_put(mirror->persons, account, *ret);
    return rc;
}

static struct vault_place comment_place(int64_t id)
{
    return (struct vault_place){.record = "worklog", .field = "comment", .row = id};
}

/* A worklog ready to be bound: the person looked up, the comment sealed into mirror->sealed. */
static enum err_class prepare_row(struct mirror *mirror, const struct jira_worklog *worklog,
                                  int64_t *ret_person, struct err *err)
{
    enum err_class rc = person_of(mirror, worklog->account, ret_person, err);
    struct vault_place place = comment_place(worklog->id);

    strbuf_reset(&mirror->sealed);
    if (rc == ERR_OK && worklog->comment.len > 0)
        rc = vault_seal(mirror->tenant->vault, mirror->tenant->ctx, &place, worklog->comment,
                        &mirror->sealed, err);
    return rc;
}

static void bind_row(struct mirror *mirror, struct db_stmt *stmt,
                     const struct jira_worklog *worklog, int64_t person)
{
    struct str sealed = strbuf_str(&mirror->sealed);

    db_bind_i64(stmt, 1, worklog->id);
    bind_or_null(stmt, 2, person);
    db_bind_i64(stmt, 3, worklog->issue_id);
    db_bind_i64(stmt, 4, worklog->created_ms);
    db_bind_i64(stmt, 5, worklog->updated_ms);
    db_bind_i64(stmt, 6, worklog->started_ms);
    db_bind_i64(stmt, 7, worklog->seconds);
    if (sealed.len > 0)
        db_bind_blob(stmt, 8, sealed);
    else
        db_bind_null(stmt, 8);
}

static enum err_class insert_row(struct mirror *mirror, const struct jira_worklog *worklog,
                                 int64_t person, bool *ret_added, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct db *db = mirror->tenant->db;
    enum err_class rc = db_prepare(
        db,
        SQL("INSERT INTO worklog (client_worklog_id, person, client_issue_id, created, updated,"
            " started, time_spent_seconds, comment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT (client_worklog_id) DO NOTHING"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_row(mirror, stmt, worklog, person);
    rc = db_run(stmt, err);
    *ret_added = rc == ERR_OK && db_changes(db) > 0;
    return rc;
}

static enum err_class update_row(struct mirror *mirror, const struct jira_worklog *worklog,
                                 int64_t person, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        mirror->tenant->db,
        SQL("UPDATE worklog SET person = $2, client_issue_id = $3, created = $4, updated = $5,"
            " started = $6, time_spent_seconds = $7, comment = $8 WHERE client_worklog_id = $1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_row(mirror, stmt, worklog, person);
    return db_run(stmt, err);
}

/* Compares the stored row with what Jira told. */
static enum err_class compare_row(struct mirror *mirror, const struct jira_worklog *worklog,
                                  int64_t person, enum mirror_put *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct strbuf comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    struct vault_place place = comment_place(worklog->id);
    bool row = false;
    enum err_class rc =
        db_prepare(mirror->tenant->db,
                   SQL("SELECT person, client_issue_id, created, updated, started,"
                       " time_spent_seconds, comment FROM worklog WHERE client_worklog_id = $1"
                       " ORDER BY client_worklog_id LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, worklog->id);
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    assert(row); /* the insert has just met it */
    if (db_i64(stmt, 3) > worklog->updated_ms) {
        *ret = MIRROR_OLDER;
        return ERR_OK;
    }
    if (!db_is_null(stmt, 6))
        rc = vault_unseal(mirror->tenant->vault, &place, db_blob(stmt, 6), &comment, err);
    if (rc == ERR_OK) {
        bool same = db_i64(stmt, 0) == person && db_i64(stmt, 1) == worklog->issue_id &&
                    db_i64(stmt, 2) == worklog->created_ms &&
                    db_i64(stmt, 3) == worklog->updated_ms &&
                    db_i64(stmt, 4) == worklog->started_ms && db_i64(stmt, 5) == worklog->seconds &&
                    str_eq(strbuf_str(&comment), worklog->comment);

        *ret = same ? MIRROR_SAME : MIRROR_CHANGED;
    }
    vault_wipe(&comment);
    return rc;
}

/* Was it deleted at or after that time? */
static enum err_class is_dead(struct tenant *tenant, int64_t id, int64_t updated_ms, bool *ret,
                              struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT deleted FROM tombstone WHERE client_worklog_id = $1 AND"
                       " deleted >= $2 ORDER BY deleted LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, updated_ms);
    return db_step(stmt, ret, err);
}

/* Runs one statement whose only parameter is a worklog's id. */
static enum err_class run_by_id(struct tenant *tenant, const char *sql, int64_t id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db, sql, &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    return db_run(stmt, err);
}

enum err_class mirror_put(struct mirror *mirror, const struct jira_worklog *worklog,
                          enum mirror_put *ret, struct err *err)
{
    int64_t person = 0;
    bool dead = false, added = false;

    assert(db_in_tx(mirror->tenant->db));

    enum err_class rc = ERR_OK;

    if (mirror->tombstones)
        rc = is_dead(mirror->tenant, worklog->id, worklog->updated_ms, &dead, err);
    if (rc != ERR_OK)
        return rc;
    if (dead && !mirror->revive) {
        *ret = MIRROR_DEAD;
        return ERR_OK;
    }
    if (dead)
        rc = run_by_id(mirror->tenant, SQL("DELETE FROM tombstone WHERE client_worklog_id = $1"),
                       worklog->id, err);
    if (rc != ERR_OK)
        return rc;
    rc = prepare_row(mirror, worklog, &person, err);
    if (rc == ERR_OK && person == PERSON_ERASED) {
        *ret = MIRROR_ERASED;
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = insert_row(mirror, worklog, person, &added, err);
    if (rc == ERR_OK && added)
        *ret = MIRROR_ADDED;
    else if (rc == ERR_OK)
        rc = compare_row(mirror, worklog, person, ret, err);
    if (rc == ERR_OK && *ret == MIRROR_CHANGED)
        rc = update_row(mirror, worklog, person, err);
    if (rc == ERR_OK && (*ret == MIRROR_ADDED || *ret == MIRROR_CHANGED))
        rc = mirror_note_change(mirror, worklog->id, err);
    return rc;
}

enum err_class mirror_updated(struct tenant *tenant, int64_t id, int64_t *ret_ms, bool *ret_found,
                              struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT updated FROM worklog WHERE client_worklog_id = $1"
                                       " ORDER BY client_worklog_id LIMIT 1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        *ret_ms = db_i64(stmt, 0);
    return rc;
}

enum err_class mirror_issue_of(struct tenant *tenant, int64_t id, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT client_issue_id FROM worklog WHERE client_worklog_id = $1"
                       " ORDER BY client_worklog_id LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        return err_set(err, ERR_NOT_FOUND, "the worklog %lld is not in the mirror of %s",
                       (long long)id, tenant->info.name);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

enum err_class mirror_delete(struct mirror *mirror, int64_t id, int64_t deleted_ms, bool *ret_was,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct tenant *tenant = mirror->tenant;
    enum err_class rc =
        run_by_id(tenant, SQL("DELETE FROM worklog_tag WHERE client_worklog_id = $1"), id, err);

    assert(db_in_tx(tenant->db));
    if (rc == ERR_OK)
        rc = run_by_id(tenant, SQL("DELETE FROM worklog WHERE client_worklog_id = $1"), id, err);
    if (rc != ERR_OK)
        return rc;
    *ret_was = db_changes(tenant->db) > 0;

    rc = db_prepare(tenant->db,
                    SQL("INSERT INTO tombstone (client_worklog_id, deleted) VALUES ($1, $2)"
                        " ON CONFLICT (client_worklog_id) DO UPDATE SET deleted ="
                        " excluded.deleted WHERE excluded.deleted > tombstone.deleted"),
                    &stmt, err);
    if (rc != ERR_OK)
        return rc;
    mirror->tombstones = true;
    db_bind_i64(stmt, 1, id);
    db_bind_i64(stmt, 2, deleted_ms);
    rc = db_run(stmt, err);
    if (rc == ERR_OK && *ret_was)
        rc = mirror_note_change(mirror, id, err);
    return rc;
}

enum err_class mirror_count(struct tenant *tenant, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT count(*) AS n FROM worklog"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}
