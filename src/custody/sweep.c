/*
 * sweep.c: retention, by the catalogue alone.
 *
 * One statement a record, built from its names: the oldest rows past the limit, a few hundred at a
 * time, by their key. A time that is absent keeps the row: what has not ended is not old.
 */
#include "custody/sweep.h"

#include "base/civil.h"

#define SQL_BYTES 2048
#define ROWS_A_STEP 500

static void put_key(const struct record *record, struct strbuf *sql)
{
    for (size_t i = 0; i < record->field_count && (record->fields[i].flags & FIELD_KEY); i++)
        strbuf_addf(sql, "%s%s", i > 0 ? ", " : "", record->fields[i].name);
}

static void put_statement(const struct record *record, struct strbuf *sql)
{
    strbuf_addf(sql, "DELETE FROM %s WHERE (", record->name);
    put_key(record, sql);
    strbuf_add_z(sql, ") IN (SELECT ");
    put_key(record, sql);
    strbuf_addf(sql, " FROM %s WHERE %s < $1 ORDER BY %s LIMIT $2)", record->name,
                record->retention_field, record->retention_field);
}

static enum err_class sweep_some(struct db *db, struct db_stmt *stmt, int64_t before_ms,
                                 int64_t *ret_count, struct err *err)
{
    enum err_class rc = db_begin(db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, before_ms);
    db_bind_i64(stmt, 2, ROWS_A_STEP);
    rc = db_run(stmt, err);
    *ret_count = rc == ERR_OK ? db_changes(db) : 0;
    return db_end(db, rc, err);
}

static enum err_class sweep_record(struct db *db, const struct ctx *ctx,
                                   const struct record *record, int64_t *ret_count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct strbuf sql AUTO(strbuf_done) = STRBUF_INIT(SQL_BYTES);
    int64_t before_ms = ctx_now_ms(ctx) - (int64_t)record->retention_days * MS_PER_DAY;
    int64_t count = ROWS_A_STEP;

    *ret_count = 0;
    put_statement(record, &sql);

    enum err_class rc = strbuf_check(&sql, "a statement", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(db, strbuf_z(&sql), &stmt, err);
    while (rc == ERR_OK && count == ROWS_A_STEP) {
        rc = ctx_check(ctx, err);
        if (rc == ERR_OK)
            rc = sweep_some(db, stmt, before_ms, &count, err);
        if (rc == ERR_OK)
            *ret_count += count;
    }
    return rc;
}

enum err_class sweep(struct db *db, const struct ctx *ctx, const struct catalog *catalog,
                     enum record_scope scope,
                     enum err_class (*each)(void *arg, const struct record *record, int64_t count,
                                            struct err *err),
                     void *arg, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++) {
        const struct record *record = catalog->records[i];
        int64_t count = 0;

        if (record->scope != scope || record->retention != RETAIN_DAYS || record->swept_by_app)
            continue;
        rc = sweep_record(db, ctx, record, &count, err);
        if (rc == ERR_OK && count > 0 && each)
            rc = each(arg, record, count, err);
    }
    return rc;
}
