/*
 * load.c: columns from the store.
 *
 * All reads of one turn stand in one read transaction, so the copy is the store at one moment, also
 * while a sync is writing. The list of changes is kept for a day; a copy that is older than its
 * beginning is built anew, and so is one of another epoch.
 */
#include "apps/timesheet/load.h"

#include "apps/timesheet/mirror.h"

void loaded_done(struct loaded *loaded)
{
    columns_free(loaded->columns);
    *loaded = (struct loaded){0};
}

/* One number that a statement without parameters gives. */
static enum err_class ask(struct tenant *tenant, const char *sql, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db, sql, &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row ? db_i64(stmt, 0) : 0;
    return rc;
}

/* Names the people there are; those that are named already stay as they are. */
static enum err_class load_persons(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT id, account_id FROM person ORDER BY id LIMIT 100000000"),
                   &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        rc = columns_person(loaded->columns, db_i64(stmt, 0), db_text(stmt, 1), err);
    return rc;
}

static enum err_class load_tags(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct strbuf name = STRBUF_INIT(LIMIT_TAG_NAME_BYTES);
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT id, name FROM tag ORDER BY id LIMIT 100000000"), &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct vault_place place = {.record = "tag", .field = "name", .row = db_i64(stmt, 0)};

        strbuf_reset(&name);
        rc = vault_unseal(tenant->vault, &place, db_blob(stmt, 1), &name, err);
        if (rc == ERR_OK)
            rc = columns_tag(loaded->columns, db_i64(stmt, 0), strbuf_str(&name), err);
    }
    vault_wipe(&name);
    return rc;
}

static enum err_class load_pairs(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT client_worklog_id, tag FROM worklog_tag"
                                       " ORDER BY client_worklog_id, tag LIMIT 1000000000"),
                                   &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        rc = columns_tag_worklog(loaded->columns, db_i64(stmt, 0), db_i64(stmt, 1), err);
    return rc;
}

#define ROW_COLUMNS "client_worklog_id, started, client_issue_id, person, time_spent_seconds"

static struct columns_row read_row(const struct db_stmt *stmt)
{
    return (struct columns_row){
        .id = db_i64(stmt, 0),
        .started_ms = db_i64(stmt, 1),
        .issue = db_i64(stmt, 2),
        .person = db_i64(stmt, 3), /* NULL reads as 0: Jira did not tell who */
        .seconds = db_i64(stmt, 4),
    };
}

static enum err_class load_rows(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT " ROW_COLUMNS " FROM worklog"
                                       " ORDER BY client_worklog_id LIMIT 1000000000"),
                                   &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct columns_row one = read_row(stmt);

        rc = columns_add(loaded->columns, &one, err);
    }
    return rc;
}

static enum err_class build(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    int64_t rows = 0;
    enum err_class rc = ask(tenant, SQL("SELECT count(*) FROM worklog"), &rows, err);

    if (rc != ERR_OK)
        return rc;
    columns_free(loaded->columns);
    loaded->columns = columns_new((size_t)rows);
    if (!loaded->columns)
        return err_memory(err);
    loaded->builds++;
    rc = load_persons(tenant, loaded, err);
    if (rc == ERR_OK)
        rc = load_tags(tenant, loaded, err);
    if (rc == ERR_OK)
        rc = load_rows(tenant, loaded, err);
    if (rc == ERR_OK)
        rc = load_pairs(tenant, loaded, err);
    if (rc == ERR_OK)
        rc = columns_seal(loaded->columns, err);
    return rc;
}

/* Puts the present state of one worklog in place of what the copy has. */
static enum err_class follow_row(struct tenant *tenant, struct loaded *loaded, int64_t id,
                                 struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *find = NULL;
    AUTO(db_finish_autop) struct db_stmt *tags = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT " ROW_COLUMNS " FROM worklog"
                                       " WHERE client_worklog_id = $1"
                                       " ORDER BY client_worklog_id LIMIT 1"),
                                   &find, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(find, 1, id);
    rc = db_step(find, &row, err);
    if (rc != ERR_OK)
        return rc;
    if (!row)
        return columns_remove(loaded->columns, id, err);

    struct columns_row one = read_row(find);

    rc = columns_put(loaded->columns, &one, err);
    if (rc == ERR_OK)
        rc = columns_clear_tags(loaded->columns, id, err);
    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("SELECT tag FROM worklog_tag WHERE client_worklog_id = $1"
                            " ORDER BY tag LIMIT 1000"),
                        &tags, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(tags, 1, id);
    while (rc == ERR_OK && (rc = db_step(tags, &row, err)) == ERR_OK && row)
        rc = columns_tag_worklog(loaded->columns, id, db_i64(tags, 0), err);
    return rc;
}

static enum err_class follow_rows(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT DISTINCT client_worklog_id FROM worklog_change WHERE seq > $1"
                       " ORDER BY client_worklog_id LIMIT 1000000000"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, loaded->seq);
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        rc = follow_row(tenant, loaded, db_i64(stmt, 0), err);
    if (rc == ERR_OK)
        rc = columns_settle(loaded->columns, err);
    return rc;
}

static enum err_class read_mark(struct tenant *tenant, struct loaded_mark *ret, struct err *err)
{
    struct mirror_state state = {0};
    enum err_class rc = mirror_state_load(tenant, &state, err);

    ret->epoch = state.epoch;
    if (rc == ERR_OK)
        rc = ask(tenant, SQL("SELECT min(seq) FROM worklog_change"), &ret->first, err);
    if (rc == ERR_OK)
        rc = ask(tenant, SQL("SELECT max(seq) FROM worklog_change"), &ret->last, err);
    return rc;
}

bool loaded_can_follow(const struct loaded *loaded, const struct loaded_mark *mark)
{
    bool same = loaded->columns && loaded->epoch == mark->epoch && loaded->seq <= mark->last;

    return same && (mark->first == 0 || loaded->seq + 1 >= mark->first);
}

bool loaded_holds(const struct loaded *loaded, const struct loaded_mark *mark)
{
    if (!loaded->columns)
        return false;
    return loaded->epoch > mark->epoch ||
           (loaded->epoch == mark->epoch && loaded->seq >= mark->last);
}

enum err_class columns_mark(struct tenant *tenant, struct loaded_mark *ret, struct err *err)
{
    struct loaded_mark mark = {0};
    enum err_class rc = db_begin(tenant->db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = read_mark(tenant, &mark, err);
    db_rollback(tenant->db); /* nothing was written */
    if (rc == ERR_OK)
        *ret = mark;
    return rc;
}

static enum err_class follow_in_tx(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    struct loaded_mark mark = {0};
    enum err_class rc = read_mark(tenant, &mark, err);

    if (rc != ERR_OK)
        return rc;

    bool follows = loaded_can_follow(loaded, &mark);

    if (follows && loaded->seq == mark.last)
        return ERR_OK;
    if (follows) {
        rc = load_persons(tenant, loaded, err);
        if (rc == ERR_OK)
            rc = load_tags(tenant, loaded, err);
        if (rc == ERR_OK)
            rc = follow_rows(tenant, loaded, err);
    } else {
        rc = build(tenant, loaded, err);
    }
    if (rc != ERR_OK) {
        loaded_done(loaded); /* half followed: built anew the next time */
        return rc;
    }
    loaded->epoch = mark.epoch;
    loaded->seq = mark.last;
    return ERR_OK;
}

enum err_class columns_follow(struct tenant *tenant, struct loaded *loaded, struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = follow_in_tx(tenant, loaded, err);
    db_rollback(tenant->db); /* nothing was written */
    return rc;
}
