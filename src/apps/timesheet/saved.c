/*
 * saved.c: reports that people keep.
 *
 * The name is a person's words and sealed, so that the database neither shows nor orders by it. The
 * query is settings: periods, groups, filters. Only the owner changes a report, also a shared one.
 */
#include "apps/timesheet/saved.h"

static enum err_class check(const struct saved_report *saved, struct err *err)
{
    if (saved->name.len == 0 || saved->name.len > SAVED_NAME_BYTES)
        return err_set(err, ERR_INPUT, "name: %zu bytes; it must have 1 to %d", saved->name.len,
                       SAVED_NAME_BYTES);
    if (saved->query.len > SAVED_QUERY_BYTES)
        return err_set(err, ERR_INPUT, "query: %zu bytes; it may have %d", saved->query.len,
                       SAVED_QUERY_BYTES);
    for (size_t i = 0; i < saved->query.len; i++)
        if (saved->query.ptr[i] <= ' ' || saved->query.ptr[i] > '~')
            return err_set(err, ERR_INPUT,
                           "query: byte %zu is not one of a URL; write it as in a link, with %%20 "
                           "for a space",
                           i);
    return ERR_OK;
}

static struct vault_place place_of(int64_t id)
{
    return (struct vault_place){.record = "saved_report", .field = "name", .row = id};
}

static enum err_class read_row(struct tenant *tenant, const struct db_stmt *stmt,
                               struct str account, struct strbuf *name, struct saved_report *ret,
                               struct err *err)
{
    struct str owner = db_text(stmt, 4);
    struct vault_place place = place_of(db_i64(stmt, 0));

    strbuf_reset(name);
    *ret = (struct saved_report){
        .id = place.row,
        .query = db_text(stmt, 2),
        .shared = db_i64(stmt, 3) != 0,
        .own = db_is_null(stmt, 4) ? account.len == 0 : str_eq(owner, account),
    };

    enum err_class rc = vault_unseal(tenant->vault, &place, db_blob(stmt, 1), name, err);

    ret->name = strbuf_str(name);
    return rc;
}

enum err_class saved_each(struct tenant *tenant, struct str account,
                          enum err_class (*each)(void *arg, const struct saved_report *report,
                                                 struct err *err),
                          void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    AUTO(vault_wipe) struct strbuf name = STRBUF_INIT(SAVED_NAME_BYTES);
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT s.id, s.name, s.query, s.shared, p.account_id FROM saved_report AS s"
                       " LEFT JOIN person AS p ON p.id = s.owner"
                       " WHERE s.shared <> 0 OR p.account_id = $1 OR ($2 = 1 AND s.owner IS NULL)"
                       " ORDER BY s.id LIMIT 2000"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, account);
    db_bind_i64(stmt, 2, account.len == 0);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct saved_report saved;

        rc = read_row(tenant, stmt, account, &name, &saved, err);
        if (rc == ERR_OK)
            rc = each(arg, &saved, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

/* ---- Changes, each in an open transaction ---- */

static enum err_class check_room(struct tenant *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT count(*) FROM saved_report"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && db_i64(stmt, 0) >= SAVED_MAX)
        rc = err_set(err, ERR_LIMIT,
                     "the site keeps %d saved reports, which is the limit; delete "
                     "some first",
                     SAVED_MAX);
    return rc;
}

static enum err_class seal_name(struct tenant *tenant, const struct saved_report *saved,
                                struct strbuf *ret, struct err *err)
{
    struct vault_place place = place_of(saved->id);

    return vault_seal(tenant->vault, tenant->ctx, &place, saved->name, ret, err);
}

/* The row comes first: the name is sealed for the place that it gets. */
static enum err_class insert(struct tenant *tenant, struct str account, struct saved_report *saved,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t owner = 0, now_ms = ctx_now_ms(tenant->ctx);
    bool row = false;
    enum err_class rc = check_room(tenant, err);

    if (rc == ERR_OK && account.len > 0)
        rc = person_ref(tenant, account, &owner, err);
    if (rc == ERR_OK)
        rc =
            db_prepare(tenant->db,
                       SQL("INSERT INTO saved_report (name, query, shared, owner, created, updated)"
                           " VALUES (x'', $1, $2, $3, $4, $4) RETURNING id"),
                       &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, saved->query);
    db_bind_i64(stmt, 2, saved->shared);
    if (account.len > 0)
        db_bind_i64(stmt, 3, owner);
    else
        db_bind_null(stmt, 3);
    db_bind_i64(stmt, 4, now_ms);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        saved->id = db_i64(stmt, 0);
    return rc;
}

static enum err_class update(struct tenant *tenant, const struct saved_report *saved,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    AUTO(strbuf_done)
    struct strbuf sealed = STRBUF_INIT(SAVED_NAME_BYTES + VAULT_SEAL_OVERHEAD);
    enum err_class rc = seal_name(tenant, saved, &sealed, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("UPDATE saved_report SET name = $2, query = $3, shared = $4,"
                            " updated = $5 WHERE id = $1"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, saved->id);
    db_bind_blob(stmt, 2, strbuf_str(&sealed));
    db_bind_text(stmt, 3, saved->query);
    db_bind_i64(stmt, 4, saved->shared);
    db_bind_i64(stmt, 5, ctx_now_ms(tenant->ctx));
    return db_run(stmt, err);
}

/* ERR_NOT_FOUND also for one that the account does not see: it is not told of. */
static enum err_class want_own(struct tenant *tenant, struct str account, int64_t id,
                               struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT s.shared, p.account_id FROM saved_report AS s"
                                       " LEFT JOIN person AS p ON p.id = s.owner"
                                       " WHERE s.id = $1 ORDER BY s.id LIMIT 1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;

    bool own = row && (db_is_null(stmt, 1) ? account.len == 0 : str_eq(db_text(stmt, 1), account));

    if (own)
        return ERR_OK;
    if (row && db_i64(stmt, 0) != 0)
        return err_set(err, ERR_FORBIDDEN,
                       "the saved report %lld is somebody else's; keep a copy of your own and "
                       "change that",
                       (long long)id);
    return err_set(err, ERR_NOT_FOUND, "there is no saved report %lld", (long long)id);
}

static enum err_class delete_row(struct tenant *tenant, int64_t id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db, SQL("DELETE FROM saved_report WHERE id = $1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    return db_run(stmt, err);
}

/* ---- Each in a transaction of its own ---- */

enum err_class saved_add(struct tenant *tenant, struct str account, struct saved_report *saved,
                         struct err *err)
{
    enum err_class rc = check(saved, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    rc = insert(tenant, account, saved, err);
    if (rc == ERR_OK)
        rc = update(tenant, saved, err);
    return db_end(tenant->db, rc, err);
}

enum err_class saved_change(struct tenant *tenant, struct str account,
                            const struct saved_report *saved, struct err *err)
{
    enum err_class rc = check(saved, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    rc = want_own(tenant, account, saved->id, err);
    if (rc == ERR_OK)
        rc = update(tenant, saved, err);
    return db_end(tenant->db, rc, err);
}

enum err_class saved_remove(struct tenant *tenant, struct str account, int64_t id, struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = want_own(tenant, account, id, err);
    if (rc == ERR_OK)
        rc = delete_row(tenant, id, err);
    return db_end(tenant->db, rc, err);
}
