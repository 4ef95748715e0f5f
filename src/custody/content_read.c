/*
 * content_read.c: rows out of a backup, into a database or only past the eye.
 *
 * The items in their order; the rows of a table go into the database in one statement, which takes
 * one after the other out of the archive (store/db.h, db_feed).
 */
#include "base/civil.h"
#include "custody/content.h"
#include "custody/content_internal.h"
#include "custody/content_source.h"
#include "store/schema.h"

#define FACTS_MAX 64

/* ---- facts ---- */

static void take_fact(struct tenant_info *info, const char *name, struct str value)
{
    if (strcmp(name, "name") == 0)
        (void)snprintf(info->name, sizeof(info->name), STR_FMT, STR_ARG(value));
    else if (strcmp(name, "base_url") == 0)
        (void)snprintf(info->base_url, sizeof(info->base_url), STR_FMT, STR_ARG(value));
    else if (strcmp(name, "kind") == 0)
        info->kind =
            str_eq_z(value, tenant_kind_name(TENANT_CLOUD)) ? TENANT_CLOUD : TENANT_DATACENTER;
    else if (strcmp(name, "allow_http") == 0)
        info->allow_http = str_eq_z(value, "yes");
    else if (strcmp(name, "allow_private") == 0)
        info->allow_private = str_eq_z(value, "yes");
    else if (strcmp(name, "keep_settings") == 0)
        info->keep_settings = str_eq_z(value, "yes");
    else if (strcmp(name, "created") == 0 && !civil_parse_stamp(value, &info->created_ms))
        info->created_ms = 0;
}

static void read_facts(struct source *source, struct tenant_info *info)
{
    uint64_t count = 0;
    struct tenant_info ignored;

    if (!source_number(source, FACTS_MAX, &count))
        return;
    for (uint64_t i = 0; i < count; i++) {
        char name[CONTENT_NAME_BYTES + 1];
        struct str value = {0};

        if (!source_name(source, name) || !source_text(source, &value))
            return;
        take_fact(info ? info : &ignored, name, value);
    }
}

/* ---- tables ---- */

static void read_table_head(struct source *source, struct content_table *table)
{
    uint64_t count = 0;

    *table = (struct content_table){0};
    if (!source_name(source, table->name) || !source_number(source, CONTENT_FIELDS_MAX, &count))
        return;
    table->field_count = (size_t)count;
    for (size_t i = 0; i < table->field_count; i++) {
        struct content_field *field = &table->fields[i];
        unsigned char kind = 0, flags = 0;

        if (!source_name(source, field->name) || !source_byte(source, &kind) ||
            !source_byte(source, &flags))
            return;
        if (kind != 'i' && kind != 't' && kind != 'b') {
            (void)source_broken(source, "a field");
            return;
        }
        field->kind = (char)kind;
        field->may_be_null = (flags & FLAG_NULL) != 0;
        field->is_key = (flags & FLAG_KEY) != 0;
    }
    if (count == 0)
        (void)source_broken(source, "a table without fields");
}

/* What the archive has must be what the catalogue has, or less. */
static enum err_class check_table(const struct catalog *catalog, enum record_scope scope,
                                  const struct content_table *table, struct err *err)
{
    const struct record *record = catalog_record(catalog, table->name);

    if (!record || record->scope != scope)
        return err_set(err, ERR_SCHEMA,
                       "the backup has a table %s, which this Tenon does not have: restore it with "
                       "the version that took it",
                       table->name);
    for (size_t i = 0; i < table->field_count; i++) {
        const struct content_field *field = &table->fields[i];
        const struct field *known = record_field(record, field->name);

        if (!known)
            return err_set(err, ERR_SCHEMA,
                           "the backup has a column %s.%s, which this Tenon does not have: restore "
                           "it with the version that took it",
                           table->name, field->name);
        if ((*schema_column_type(known) | 0x20) != field->kind)
            return err_set(err, ERR_SCHEMA,
                           "the column %s.%s of the backup is of another type than this Tenon's: "
                           "restore it with the version that took it",
                           table->name, field->name);
    }
    return ERR_OK;
}

/* ---- rows ---- */

struct feeder {
    struct source *source;
    struct content_table *table;
    const struct content_steps *steps;
    struct err *err;
    enum err_class rc;
    struct db_value values[CONTENT_FIELDS_MAX];
};

static const struct db_value *next_row(void *arg)
{
    struct feeder *feeder = arg;
    const struct content_steps *steps = feeder->steps;

    int64_t rows = feeder->table->rows;

    if (rows > 0 && (rows & (CONTENT_STEP_ROWS - 1)) == 0 && steps && steps->step)
        feeder->rc = steps->step(steps->arg, CONTENT_STEP_ROWS, feeder->err);
    if (feeder->rc != ERR_OK || !source_row(feeder->source, feeder->table, feeder->values))
        return NULL;
    feeder->table->rows++;
    return feeder->values;
}

/* Into the database, or past it. */
static enum err_class read_rows(struct source *source, struct db *db, struct content_table *table,
                                const struct content_steps *steps, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(CONTENT_SQL_BYTES);
    struct feeder feeder = {.source = source, .table = table, .steps = steps, .err = err};
    const struct db_feed feed = {next_row, &feeder};
    enum err_class rc = ERR_OK;

    if (db) {
        content_insert_sql(table, &sql);
        rc = strbuf_check(&sql, "an order to the database", err);
        if (rc == ERR_OK)
            rc = db_feed(db, strbuf_z(&sql), &feed, err);
    } else {
        while (next_row(&feeder))
            ; /* turns: rows */
    }
    if (rc != ERR_OK)
        return rc;
    return feeder.rc != ERR_OK ? feeder.rc : source->rc;
}

static enum err_class read_table(struct source *source, struct db *db,
                                 const struct catalog *catalog, enum record_scope scope,
                                 const struct content_steps *steps, struct content_table *table,
                                 struct err *err)
{
    read_table_head(source, table);

    enum err_class rc = source->rc;

    if (rc == ERR_OK && source->ended)
        rc = source_broken(source, "its end");
    if (rc == ERR_OK && db)
        rc = check_table(catalog, scope, table, err);
    return rc == ERR_OK ? read_rows(source, db, table, steps, err) : rc;
}

/* The item whose first byte was taken already. */
static enum err_class read_table_item(struct source *source, struct db *db,
                                      const struct catalog *catalog, enum record_scope scope,
                                      const struct content_steps *steps,
                                      struct content_manifest *manifest, struct err *err)
{
    if (manifest->count == CONTENT_TABLES_MAX)
        return source_broken(source, "too many tables");

    struct content_table *table = &manifest->tables[manifest->count++];

    source_digest_begin(source, 1);

    enum err_class rc = read_table(source, db, catalog, scope, steps, table, err);

    if (rc != ERR_OK)
        return rc;
    source_digest_end(source, table);
    manifest->rows += table->rows;
    return source->rc;
}

/* The manifest at the end says the same as what came before it. */
static enum err_class read_end(struct source *source, struct content_manifest *manifest)
{
    uint64_t version = 0, count = 0, rows = 0, bytes = 0;
    char name[CONTENT_NAME_BYTES + 1] = "";
    unsigned char more = 0;

    if (!source_number(source, UINT32_MAX, &version) ||
        !source_number(source, CONTENT_TABLES_MAX, &count))
        return source_broken(source, "its manifest");
    manifest->catalog_version = (unsigned)version;
    if (count != manifest->count)
        return source_broken(source, "tables are missing");
    for (size_t i = 0; i < manifest->count; i++) {
        const struct content_table *table = &manifest->tables[i];
        struct str digest = {0};

        if (!source_name(source, name) || !source_number(source, INT64_MAX, &rows) ||
            !source_number(source, INT64_MAX, &bytes) ||
            !source_bytes(source, ARCHIVE_DIGEST_BYTES, &digest))
            return source_broken(source, "its manifest");

        bool same = strcmp(name, table->name) == 0 && rows == (uint64_t)table->rows &&
                    bytes == (uint64_t)table->bytes &&
                    memcmp(digest.ptr, table->digest, ARCHIVE_DIGEST_BYTES) == 0;

        if (!same)
            return source_broken(source, "a table is not what its manifest says");
    }
    /* And that is the end. */
    if (source_byte(source, &more))
        return source_broken(source, "there is more behind its manifest");
    return source->rc;
}

static enum err_class read_all(struct source *source, struct db *db, const struct catalog *catalog,
                               enum record_scope scope, const struct content_steps *steps,
                               struct tenant_info *info, struct content_manifest *manifest,
                               struct err *err)
{
    unsigned char item = 0;
    enum err_class rc = ERR_OK;

    while (rc == ERR_OK && source_byte(source, &item)) {
        if (item == ITEM_END)
            return read_end(source, manifest);
        if (item == ITEM_FACTS)
            read_facts(source, info);
        else if (item == ITEM_TABLE)
            rc = read_table_item(source, db, catalog, scope, steps, manifest, err);
        else
            (void)source_broken(source, "an item");
        if (rc == ERR_OK)
            rc = source->rc;
    }
    return rc == ERR_OK ? source_broken(source, "it has no manifest") : rc;
}

enum err_class content_read(struct archive_reader *reader, struct db *db,
                            const struct catalog *catalog, const struct content_steps *steps,
                            struct tenant_info *info, struct content_manifest *ret, struct err *err)
{
    AUTO(source_done) struct source source = {0};
    enum err_class rc = source_init(&source, reader, err);

    return rc == ERR_OK
               ? read_all(&source, db, catalog, archive_head(reader)->scope, steps, info, ret, err)
               : rc;
}
