/*
 * schema.c: tables from records.
 *
 * The one place that builds SQL text: names come from the catalogue, which allows lower_snake_case
 * only, so nothing needs quoting. A record whose key is one integer uses the row id; others are
 * WITHOUT ROWID tables, as their rows are small and are found by key.
 */
#include "store/schema.h"

#include <assert.h>

#include "base/limits.h"

#define DDL_BYTES 65536

const char *schema_column_type(const struct field *field)
{
    if (class_policy(field->class)->sealed)
        return "BLOB";
    switch (field->type) {
    case TYPE_INT:
    case TYPE_TIME:
    case TYPE_REF:
        return "INTEGER";
    case TYPE_TEXT:
        return "TEXT";
    case TYPE_BLOB:
        return "BLOB";
    }
    return "BLOB";
}

static size_t key_count(const struct record *record)
{
    size_t count = 0;

    while (count < record->field_count && (record->fields[count].flags & FIELD_KEY))
        count++;
    return count;
}

static bool key_is_rowid(const struct record *record)
{
    return key_count(record) == 1 && strcmp(schema_column_type(&record->fields[0]), "INTEGER") == 0;
}

static void add_column(struct strbuf *ddl, const struct field *field)
{
    strbuf_addf(ddl, "%s %s%s", field->name, schema_column_type(field),
                field->flags & FIELD_NULL ? "" : " NOT NULL");
    if (field->default_sql)
        strbuf_addf(ddl, " DEFAULT %s", field->default_sql);
}

static void add_table(struct strbuf *ddl, const struct record *record)
{
    size_t keys = key_count(record);

    strbuf_addf(ddl, "CREATE TABLE %s (", record->name);
    for (size_t i = 0; i < record->field_count; i++) {
        if (i > 0)
            strbuf_add_z(ddl, ", ");
        add_column(ddl, &record->fields[i]);
    }
    strbuf_add_z(ddl, ", PRIMARY KEY (");
    for (size_t i = 0; i < keys; i++)
        strbuf_addf(ddl, "%s%s", i > 0 ? ", " : "", record->fields[i].name);
    strbuf_addf(ddl, "))%s;\n", key_is_rowid(record) ? "" : " WITHOUT ROWID");
}

static void add_indexes(struct strbuf *ddl, const struct record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        if (field->flags & (FIELD_UNIQUE | FIELD_INDEX))
            strbuf_addf(ddl, "CREATE %sINDEX IF NOT EXISTS %s__%s ON %s (%s);\n",
                        field->flags & FIELD_UNIQUE ? "UNIQUE " : "", record->name, field->name,
                        record->name, field->name);
        if (field->index_then)
            strbuf_addf(ddl, "CREATE INDEX IF NOT EXISTS %s__%s__%s ON %s (%s, %s);\n",
                        record->name, field->name, field->index_then, record->name, field->name,
                        field->index_then);
    }
}

/* What the live table of one record has, while its columns are listed. */
struct table_check {
    const struct record *record;
    struct strbuf *ddl; /* what is to be added; NULL: only compare */
    bool seen[128];     /* by field */
    bool any;
};

static enum err_class check_column(void *arg, const struct db_column *column, struct err *err)
{
    struct table_check *check = arg;
    const struct record *record = check->record;
    const struct field *field = record_field(record, column->name);

    check->any = true;
    if (!field)
        return err_set(err, ERR_SCHEMA,
                       "the table %s has a column %s that the catalogue does not declare",
                       record->name, column->name);

    size_t at = (size_t)(field - record->fields);

    if (strcmp(column->type, schema_column_type(field)) != 0)
        return err_set(err, ERR_SCHEMA, "the column %s.%s is %s; the catalogue declares %s",
                       record->name, column->name, column->type, schema_column_type(field));
    if ((column->key_position > 0) != ((field->flags & FIELD_KEY) != 0))
        return err_set(err, ERR_SCHEMA, "the key of the table %s is not the declared one (%s)",
                       record->name, column->name);
    check->seen[at] = true;
    return ERR_OK;
}

/* `version` is the one applied so far: what it had and is not there was lost. */
static enum err_class check_record(struct db *db, const struct record *record, struct strbuf *ddl,
                                   int64_t version, struct err *err)
{
    struct table_check check = {.record = record, .ddl = ddl};

    assert(record->field_count <= ARRAY_LEN(check.seen));

    enum err_class rc = db_each_column(db, record->name, check_column, &check, err);

    if (rc != ERR_OK)
        return rc;
    if (!check.any) {
        if (!ddl || (record->since ? record->since : 1) <= version)
            return err_set(err, ERR_SCHEMA, "the table %s is missing, which the catalogue declares",
                           record->name);
        add_table(ddl, record);
        add_indexes(ddl, record);
        return ERR_OK;
    }
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        if (check.seen[i])
            continue;
        if (!ddl || field->since <= 1 || field->since <= version)
            return err_set(err, ERR_SCHEMA,
                           "the table %s has no column %s, which the catalogue declares",
                           record->name, field->name);
        strbuf_addf(ddl, "ALTER TABLE %s ADD COLUMN ", record->name);
        add_column(ddl, field);
        strbuf_add_z(ddl, ";\n");
    }
    if (ddl)
        add_indexes(ddl, record);
    return ERR_OK;
}

struct all_tables {
    const struct catalog *catalog;
    enum record_scope scope;
};

static enum err_class check_declared(void *arg, struct str name, struct err *err)
{
    const struct all_tables *all = arg;

    for (size_t i = 0; i < all->catalog->record_count; i++) {
        const struct record *record = all->catalog->records[i];

        if (record->scope == all->scope && str_eq_z(name, record->name))
            return ERR_OK;
    }
    return err_set(err, ERR_SCHEMA,
                   "the database has a table " STR_FMT " that the catalogue does not declare",
                   STR_ARG(name));
}

static enum err_class compare(struct db *db, const struct catalog *catalog, enum record_scope scope,
                              struct strbuf *ddl, int64_t version, struct err *err)
{
    struct all_tables all = {catalog, scope};
    enum err_class rc = db_each_table(db, check_declared, &all, err);

    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++)
        if (catalog->records[i]->scope == scope)
            rc = check_record(db, catalog->records[i], ddl, version, err);
    return rc;
}

enum err_class schema_verify(struct db *db, const struct catalog *catalog, enum record_scope scope,
                             struct err *err)
{
    return compare(db, catalog, scope, NULL, catalog->version, err);
}

static enum err_class make(struct db *db, const struct catalog *catalog, enum record_scope scope,
                           void (*add)(struct strbuf *ddl, const struct record *record),
                           struct err *err)
{
    AUTO(strbuf_done) struct strbuf ddl = STRBUF_INIT(DDL_BYTES);

    for (size_t i = 0; i < catalog->record_count; i++)
        if (catalog->records[i]->scope == scope)
            add(&ddl, catalog->records[i]);

    enum err_class rc = strbuf_check(&ddl, "the schema", err);

    return rc == ERR_OK ? db_exec(db, strbuf_z(&ddl), err) : rc;
}

enum err_class schema_make_tables(struct db *db, const struct catalog *catalog,
                                  enum record_scope scope, struct err *err)
{
    return make(db, catalog, scope, add_table, err);
}

enum err_class schema_make_indexes(struct db *db, const struct catalog *catalog,
                                   enum record_scope scope, struct err *err)
{
    return make(db, catalog, scope, add_indexes, err);
}

/* The record of what was applied; it exists in both scopes and never changes its shape. */
#define HISTORY(scope) ((scope) == SCOPE_CONTROL ? "control_schema_change" : "schema_change")

static enum err_class applied_version(struct db *db, enum record_scope scope, int64_t *ret,
                                      struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    const char *sql = scope == SCOPE_CONTROL
                          ? SQL("SELECT max(version) AS version FROM control_schema_change")
                          : SQL("SELECT max(version) AS version FROM schema_change");
    bool row = false;
    enum err_class rc = db_prepare(db, sql, &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row ? db_i64(stmt, 0) : 0;
    return rc;
}

static enum err_class record_change(struct db *db, const struct ctx *ctx, enum record_scope scope,
                                    unsigned version, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    const char *sql =
        scope == SCOPE_CONTROL
            ? SQL("INSERT INTO control_schema_change (version, applied, program)"
                  " VALUES ($1, $2, $3)")
            : SQL("INSERT INTO schema_change (version, applied, program) VALUES ($1, $2, $3)");
    enum err_class rc = db_prepare(db, sql, &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, version);
    db_bind_i64(stmt, 2, ctx_now_ms(ctx));
    db_bind_text(stmt, 3, STR(TENON_VERSION));
    return db_run(stmt, err);
}

static enum err_class has_table(struct db *db, const char *name, bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(db,
                                   SQL("SELECT name FROM sqlite_master"
                                       " WHERE type = 'table' AND name = $1 ORDER BY name LIMIT 1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(name));
    return db_step(stmt, ret, err);
}

enum err_class schema_version(struct db *db, const struct catalog *catalog, enum record_scope scope,
                              int64_t *ret, struct err *err)
{
    bool there = false;
    enum err_class rc = has_table(db, HISTORY(scope), &there, err);

    *ret = 0;
    if (rc == ERR_OK && there)
        rc = applied_version(db, scope, ret, err);
    if (rc == ERR_OK && *ret > (int64_t)catalog->version)
        return err_set(err, ERR_SCHEMA,
                       "the database was written by a newer Tenon (catalogue %lld; this one has "
                       "%u): install that version again",
                       (long long)*ret, catalog->version);
    return rc;
}

static enum err_class apply_in_tx(struct db *db, const struct ctx *ctx,
                                  const struct catalog *catalog, enum record_scope scope,
                                  struct strbuf *ddl, struct err *err)
{
    int64_t version = 0;
    enum err_class rc = schema_version(db, catalog, scope, &version, err);

    if (rc == ERR_OK && version == (int64_t)catalog->version)
        return ERR_OK; /* another process was faster */
    if (rc == ERR_OK)
        rc = compare(db, catalog, scope, ddl, version, err);
    if (rc == ERR_OK)
        rc = strbuf_check(ddl, "the schema", err);
    if (rc == ERR_OK)
        rc = db_exec(db, strbuf_z(ddl), err);
    if (rc == ERR_OK)
        rc = record_change(db, ctx, scope, catalog->version, err);
    return rc;
}

/* The usual case writes nothing, and so waits for no writer. */
static enum err_class is_current(struct db *db, const struct catalog *catalog,
                                 enum record_scope scope, bool *ret, struct err *err)
{
    int64_t version = 0;
    enum err_class rc = db_begin(db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = schema_version(db, catalog, scope, &version, err);
    *ret = version == (int64_t)catalog->version;
    if (rc == ERR_OK && *ret)
        rc = compare(db, catalog, scope, NULL, version, err);
    db_rollback(db);
    return rc;
}

enum err_class schema_apply(struct db *db, const struct ctx *ctx, const struct catalog *catalog,
                            enum record_scope scope, struct err *err)
{
    struct strbuf ddl = STRBUF_INIT(DDL_BYTES);
    bool current = false;
    enum err_class rc = is_current(db, catalog, scope, &current, err);

    if (rc != ERR_OK || current)
        return rc;
    rc = db_begin(db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = apply_in_tx(db, ctx, catalog, scope, &ddl, err);
    if (rc == ERR_OK)
        rc = db_commit(db, err);
    else
        db_rollback(db);
    strbuf_done(&ddl);
    return rc;
}
