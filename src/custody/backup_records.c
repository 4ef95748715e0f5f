/* backup_records.c: what backups are to the catalogue, and what is remembered of them. */
#include "custody/backup_internal.h"

static const struct field backup_fields[] = {
    {"owner", TYPE_TEXT, CLASS_ID, FIELD_KEY, "our own identifier of the tenant, or \"control\""},
    {"taken", TYPE_TIME, CLASS_META, FIELD_KEY, "when it was taken"},
    {"bytes", TYPE_INT, CLASS_META, 0, "its size"},
    {"row_count", TYPE_INT, CLASS_META, FIELD_NULL, "how many rows are in it"},
    {"digest", TYPE_BLOB, CLASS_META, FIELD_NULL, "a digest of the file"},
    {"on_disk", TYPE_INT, CLASS_META, 0, "whether it is in the data folder"},
    {"copied", TYPE_TIME, CLASS_META, FIELD_NULL, "when it was copied to object storage"},
    {"drilled", TYPE_TIME, CLASS_META, FIELD_NULL, "when it was last restored for a try"},
    {"drill_result", TYPE_TEXT, CLASS_META, FIELD_NULL, "how that went"},
};

const struct record backup_record = {
    .name = "backup",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to know where backups are, and which of them are proven; a row goes with the last copy",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .since = 3,
    RECORD_FIELDS(backup_fields),
};

static const struct field file_fields[] = {
    {"owner", TYPE_TEXT, CLASS_ID, FIELD_KEY, "our own identifier of the tenant, or \"control\""},
    {"taken", TYPE_TIME, CLASS_META, FIELD_KEY, "when it was taken"},
    {"keyring", TYPE_BLOB, CLASS_SECRET, 0, "the tenant's keys, wrapped by the key provider"},
    {"rows", TYPE_BLOB, CLASS_CONTENT, 0, "every row of every record above, as it was then"},
};

const struct record backup_file_record = {
    .name = "backup_file",
    .app = "core",
    .scope = SCOPE_FILE,
    .why = "to get the data back after a mistake or a loss; by default 7 days in the data folder, "
           "and 30 days in object storage where that is set up",
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "taken",
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .protection =
        "encrypted with the tenant's own backup key (XChaCha20-Poly1305 stream); sealed values stay sealed inside; the keys in it stay wrapped by the key provider",
    .since = 3,
    RECORD_FIELDS(file_fields),
};

static const char *const drill_names[] = {"unproven", "good", "bad"};

const char *drill_result_name(enum drill_result result)
{
    return drill_names[result];
}

/* ---- rows ---- */

enum err_class backup_row_put(struct data *data, const struct backup *backup, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control,
        SQL("INSERT INTO backup (owner, taken, bytes, row_count, digest, on_disk)"
            " VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT (owner, taken) DO UPDATE SET on_disk = 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(backup->owner));
    db_bind_i64(stmt, 2, backup->taken_ms);
    db_bind_i64(stmt, 3, backup->bytes);
    if (backup->rows >= 0)
        db_bind_i64(stmt, 4, backup->rows);
    else
        db_bind_null(stmt, 4);
    db_bind_blob(stmt, 5,
                 backup->has_digest
                     ? (struct str){(const char *)backup->digest, ARCHIVE_DIGEST_BYTES}
                     : (struct str){NULL, 0});
    return db_run(stmt, err);
}

static enum err_class run_on(struct data *data, const struct backup *backup, const char *sql,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(data->control, sql, &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(backup->owner));
    db_bind_i64(stmt, 2, backup->taken_ms);
    return db_run(stmt, err);
}

enum err_class backup_row_off_disk(struct data *data, const struct backup *backup, struct err *err)
{
    enum err_class rc =
        run_on(data, backup,
               SQL("DELETE FROM backup WHERE owner = $1 AND taken = $2 AND copied IS NULL"), err);

    if (rc == ERR_OK)
        rc = run_on(data, backup,
                    SQL("UPDATE backup SET on_disk = 0 WHERE owner = $1 AND taken = $2"), err);
    return rc;
}

enum err_class backup_note_copied(struct data *data, const struct backup *backup, int64_t copied_ms,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("UPDATE backup SET copied = $3 WHERE owner = $1 AND taken = $2"), &stmt,
        err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(backup->owner));
    db_bind_i64(stmt, 2, backup->taken_ms);
    if (copied_ms)
        db_bind_i64(stmt, 3, copied_ms);
    else
        db_bind_null(stmt, 3);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        rc = run_on(data, backup,
                    SQL("DELETE FROM backup WHERE owner = $1 AND taken = $2 AND copied IS NULL"
                        " AND on_disk = 0"),
                    err);
    return db_end(data->control, rc, err);
}

enum err_class backup_note_drill(struct data *data, const struct backup *backup,
                                 enum drill_result result, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(data->control,
                                   SQL("UPDATE backup SET drilled = $3, drill_result = $4"
                                       " WHERE owner = $1 AND taken = $2"),
                                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(backup->owner));
    db_bind_i64(stmt, 2, backup->taken_ms);
    db_bind_i64(stmt, 3, ctx_now_ms(data->ctx));
    db_bind_text(stmt, 4, str_from(drill_result_name(result)));
    return db_end(data->control, db_run(stmt, err), err);
}

enum err_class backup_row_copy(struct data *data, const struct backup *backup, int64_t copied_ms,
                               struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control,
        SQL("INSERT INTO backup (owner, taken, bytes, on_disk, copied) VALUES ($1, $2, $3, 0, $4)"
            " ON CONFLICT (owner, taken) DO UPDATE SET"
            " copied = coalesce(backup.copied, excluded.copied)"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(backup->owner));
    db_bind_i64(stmt, 2, backup->taken_ms);
    db_bind_i64(stmt, 3, backup->bytes);
    db_bind_i64(stmt, 4, copied_ms);
    return db_run(stmt, err);
}

enum err_class backups_measure(struct data *data, struct backup_measure *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(data->control,
                   SQL("SELECT count(*) AS all_of_them,"
                       " coalesce(sum(CASE WHEN drill_result = 'good' THEN 0 ELSE 1 END), 0)"
                       " AS unproven, coalesce((SELECT min(coalesce((SELECT max(taken) FROM backup"
                       " WHERE owner = tenant.id), 0)) FROM tenant), 0) AS stalest FROM backup"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = (struct backup_measure){db_i64(stmt, db_col(stmt, "all_of_them")),
                                       db_i64(stmt, db_col(stmt, "unproven")),
                                       db_i64(stmt, db_col(stmt, "stalest"))};
    return rc;
}

static void read_row(const struct db_stmt *stmt, struct backup *ret)
{
    struct str digest = db_blob(stmt, 4), drill = db_text(stmt, 8);

    *ret = (struct backup){
        .taken_ms = db_i64(stmt, 1),
        .bytes = db_i64(stmt, 2),
        .rows = db_is_null(stmt, 3) ? -1 : db_i64(stmt, 3),
        .has_digest = digest.len == ARCHIVE_DIGEST_BYTES,
        .on_disk = db_i64(stmt, 5) != 0,
        .copied_ms = db_i64(stmt, 6),
        .drilled_ms = db_i64(stmt, 7),
    };
    (void)snprintf(ret->owner, sizeof(ret->owner), STR_FMT, STR_ARG(db_text(stmt, 0)));
    backup_name(ret->taken_ms, ret->name);
    if (ret->has_digest)
        memcpy(ret->digest, digest.ptr, ARCHIVE_DIGEST_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(drill_names); i++)
        if (str_eq_z(drill, drill_names[i]))
            ret->drill = (enum drill_result)i;
}

enum err_class backup_rows_each(struct data *data, const char *owner,
                                enum err_class (*each)(void *arg, const struct backup *backup,
                                                       struct err *err),
                                void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(data->control,
                   SQL("SELECT owner, taken, bytes, row_count, digest, on_disk, copied, drilled,"
                       " drill_result FROM backup WHERE owner = $1 OR $1 IS NULL"
                       " ORDER BY owner, taken DESC LIMIT 1000000"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(owner));
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct backup backup;

        read_row(stmt, &backup);
        rc = each(arg, &backup, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}
