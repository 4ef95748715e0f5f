/*
 * protect.c: a field that becomes CONTENT or SECRET is sealed for the rows that exist.
 *
 * The model: beside the plain column stands a second one, NAME__sealed, for as long as it takes. A
 * row whose second column is empty and whose first is not still has to be sealed, so a walk that
 * was stopped needs no cursor of its own: it goes on where the second column is empty. At the end,
 * in one transaction, the plain column is dropped and the second one takes its name. The plain
 * values lay in pages that are encrypted and are overwritten when freed (secure_delete).
 *
 * SQL is built from names of the catalogue only. One process at a time does it: the write
 * transaction of each step sees what another has done meanwhile. Only texts can become sealed, so
 * the type of the live column tells which of the two it is.
 */
#include "store/protect.h"

#include "base/limits.h"
#include "base/log.h"
#include "store/schema.h"

#define SQL_BYTES 4096
#define VALUE_BYTES ((size_t)16 * 1024 * 1024)
#define ROWS_A_STEP 1000

struct walk {
    struct db *db;
    const struct ctx *ctx;
    struct vault *vault;
    const struct record *record;
    const struct field *field;
    struct strbuf sql, sealed;
};

/* What the live table has of the field. */
struct columns {
    const struct field *field;
    bool plain, second;
};

static enum err_class look(void *arg, const struct db_column *column, struct err *err)
{
    struct columns *columns = arg;
    size_t len = strlen(columns->field->name);

    (void)err;
    if (strcmp(column->name, columns->field->name) == 0)
        columns->plain = strcmp(column->type, "TEXT") == 0; /* what is sealed is a blob */
    if (strncmp(column->name, columns->field->name, len) == 0 &&
        strcmp(column->name + len, "__sealed") == 0)
        columns->second = true;
    return ERR_OK;
}

/* Of the text: @ is the record, # the field, ! the record's key. */
static enum err_class build(struct walk *walk, const char *text, struct err *err)
{
    const char *record = walk->record->name, *field = walk->field->name;
    const char *key = walk->record->fields[0].name;

    strbuf_reset(&walk->sql);
    for (const char *at = text; *at; at++)
        switch (*at) {
        case '@':
            strbuf_add_z(&walk->sql, record);
            break;
        case '#':
            strbuf_add_z(&walk->sql, field);
            break;
        case '!':
            strbuf_add_z(&walk->sql, key);
            break;
        default:
            strbuf_add_char(&walk->sql, *at);
        }
    return strbuf_check(&walk->sql, "a statement", err);
}

static enum err_class prepare(struct walk *walk, const char *text, struct db_stmt **ret,
                              struct err *err)
{
    enum err_class rc = build(walk, text, err);

    return rc == ERR_OK ? db_prepare_built(walk->db, strbuf_z(&walk->sql), ret, err) : rc;
}

static enum err_class execute(struct walk *walk, const char *text, struct err *err)
{
    enum err_class rc = build(walk, text, err);

    return rc == ERR_OK ? db_exec(walk->db, strbuf_z(&walk->sql), err) : rc;
}

static bool key_is_text(const struct record *record)
{
    return record->fields[0].type == TYPE_TEXT;
}

/* Seals the value of the row that `rows` stands on, and stores it by `put`. */
static enum err_class seal_row(struct walk *walk, struct db_stmt *rows, struct db_stmt *put,
                               struct err *err)
{
    struct vault_place place = {.record = walk->record->name, .field = walk->field->name};
    enum err_class rc;

    if (key_is_text(walk->record))
        place.row_text = db_text(rows, 0);
    else
        place.row = db_i64(rows, 0);
    strbuf_reset(&walk->sealed);
    rc = vault_seal(walk->vault, walk->ctx, &place, db_blob(rows, 1), &walk->sealed, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_blob(put, 1, strbuf_str(&walk->sealed));
    if (key_is_text(walk->record))
        db_bind_text(put, 2, place.row_text);
    else
        db_bind_i64(put, 2, place.row);
    return db_run(put, err);
}

static enum err_class seal_some(struct walk *walk, size_t *ret_done, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *rows = NULL, *put = NULL;
    enum err_class rc = prepare(walk,
                                "SELECT !, # FROM @ WHERE # IS NOT NULL AND #__sealed IS NULL"
                                " ORDER BY ! LIMIT $1",
                                &rows, err);
    bool row = true;

    *ret_done = 0;
    if (rc == ERR_OK)
        rc = prepare(walk, "UPDATE @ SET #__sealed = $1 WHERE ! = $2", &put, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(rows, 1, ROWS_A_STEP);
    while (rc == ERR_OK && (rc = db_step(rows, &row, err)) == ERR_OK && row) {
        rc = seal_row(walk, rows, put, err);
        ++*ret_done;
    }
    return rc;
}

/* Nothing is left to be sealed: the second column becomes the field. */
static enum err_class finish(struct walk *walk, struct err *err)
{
    return execute(walk,
                   "DROP INDEX IF EXISTS @__#;"
                   "ALTER TABLE @ DROP COLUMN #;"
                   "ALTER TABLE @ RENAME COLUMN #__sealed TO #;",
                   err);
}

/* One transaction: some rows, or the end. */
static enum err_class step(struct walk *walk, bool *ret_done, struct err *err)
{
    struct columns columns = {.field = walk->field};
    size_t sealed = 0;
    enum err_class rc = db_begin(walk->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_each_column(walk->db, walk->record->name, look, &columns, err);
    if (rc == ERR_OK && columns.plain && !columns.second)
        rc = execute(walk, "ALTER TABLE @ ADD COLUMN #__sealed BLOB", err);
    if (rc == ERR_OK && columns.plain)
        rc = seal_some(walk, &sealed, err);
    *ret_done = sealed == 0;
    if (rc == ERR_OK && columns.plain && sealed == 0)
        rc = finish(walk, err);
    return db_end(walk->db, rc, err);
}

static enum err_class protect_field(struct walk *walk, struct err *err)
{
    enum err_class rc = ERR_OK;
    bool done = false;

    while (rc == ERR_OK && !done) {
        rc = ctx_check(walk->ctx, err);
        if (rc == ERR_OK)
            rc = step(walk, &done, err);
    }
    if (rc == ERR_OK)
        LOG(walk->ctx, LOG_INFO, "field_sealed", LOG_NAME("record", walk->record->name),
            LOG_NAME("field", walk->field->name));
    return rc;
}

/* Whether this database was written when the field was plain. */
static bool is_due(const struct field *field, int64_t version)
{
    return version > 0 && version < (int64_t)field->class_since &&
           class_policy(field->class)->sealed && !class_policy(field->class_before)->sealed &&
           (field->since ? field->since : 1) <= version;
}

enum err_class protect_apply(struct db *db, const struct ctx *ctx, struct vault *vault,
                             const struct catalog *catalog, enum record_scope scope,
                             struct err *err)
{
    struct walk walk = {
        db, ctx, vault, NULL, NULL, STRBUF_INIT(SQL_BYTES), STRBUF_INIT(VALUE_BYTES)};
    int64_t version = 0;
    enum err_class rc = schema_version(db, catalog, scope, &version, err);

    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++) {
        walk.record = catalog->records[i];
        for (size_t f = 0; f < walk.record->field_count && rc == ERR_OK; f++) {
            walk.field = &walk.record->fields[f];
            if (walk.record->scope == scope && is_due(walk.field, version))
                rc = protect_field(&walk, err);
        }
    }
    strbuf_done(&walk.sql);
    strbuf_done(&walk.sealed);
    return rc;
}
