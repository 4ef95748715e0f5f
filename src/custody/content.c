/*
 * content.c: rows into a backup, and tables held against a manifest.
 *
 * Values are put into a block of memory that is handed on when it is full: to the archive, and to
 * the digest of the table at hand. Comparing a restored database with the manifest is the same walk
 * without an archive: equal rows in the order of their keys give equal bytes.
 *
 * SQL is built here, as in store/schema.c, from the catalogue's names alone (or from those of an
 * archive, that were found in the catalogue); all rows of a table are wanted, so there is no LIMIT.
 */
#include "custody/content.h"

#include <assert.h>

#include "base/civil.h"
#include "custody/content_internal.h"
#include "custody/digest.h"
#include "store/schema.h"

#define BLOCK_BYTES ((size_t)1024 * 1024)

enum err_class content_manifest_init(struct content_manifest *manifest, struct err *err)
{
    *manifest = (struct content_manifest){
        .tables = calloc(CONTENT_TABLES_MAX, sizeof(manifest->tables[0]))};
    return manifest->tables ? ERR_OK : err_memory(err);
}

void content_manifest_done(struct content_manifest *manifest)
{
    free(manifest->tables);
    *manifest = (struct content_manifest){0};
}

static void add_names(const struct content_table *table, struct strbuf *sql)
{
    for (size_t i = 0; i < table->field_count; i++)
        strbuf_addf(sql, "%s%s", i ? ", " : "", table->fields[i].name);
}

static void select_sql(const struct content_table *table, struct strbuf *sql)
{
    const char *between = " ORDER BY ";

    strbuf_add_z(sql, "SELECT ");
    add_names(table, sql);
    strbuf_addf(sql, " FROM %s", table->name);
    for (size_t i = 0; i < table->field_count; i++)
        if (table->fields[i].is_key) {
            strbuf_addf(sql, "%s%s", between, table->fields[i].name);
            between = ", ";
        }
}

void content_insert_sql(const struct content_table *table, struct strbuf *sql)
{
    strbuf_addf(sql, "INSERT INTO %s (", table->name);
    add_names(table, sql);
    strbuf_add_z(sql, ") SELECT ");
    for (size_t i = 0; i < table->field_count; i++)
        strbuf_addf(sql, "%sc%zu", i ? ", " : "", i + 1);
    strbuf_add_z(sql, " FROM db_feed");
}

/* ---- the block ---- */

struct sink {
    struct archive_writer *writer; /* NULL: only the digest is wanted */
    struct digest digest;          /* of the table at hand */
    size_t len;
    size_t hashed; /* of those in the block */
    unsigned char *block;
    struct err *err;
    enum err_class rc; /* sticky, like a strbuf's */
};

static void sink_hash(struct sink *sink)
{
    digest_add(&sink->digest,
               (struct str){(const char *)sink->block + sink->hashed, sink->len - sink->hashed});
    sink->hashed = sink->len;
}

static void sink_flush(struct sink *sink)
{
    sink_hash(sink);
    if (sink->rc == ERR_OK && sink->writer)
        sink->rc = archive_write(sink->writer, (struct str){(const char *)sink->block, sink->len},
                                 sink->err);
    sink->len = sink->hashed = 0;
}

static void sink_room(struct sink *sink, size_t len)
{
    if (BLOCK_BYTES - sink->len < len)
        sink_flush(sink);
}

static void put_byte(struct sink *sink, unsigned char byte)
{
    sink_room(sink, 1);
    sink->block[sink->len++] = byte;
}

static void put_number(struct sink *sink, uint64_t n)
{
    sink_room(sink, 10);
    for (; n >= 0x80; n >>= 7)
        sink->block[sink->len++] = (unsigned char)(n | 0x80);
    sink->block[sink->len++] = (unsigned char)n;
}

static void put_text(struct sink *sink, struct str text)
{
    put_number(sink, text.len);
    /* Turns: bytes / BLOCK_BYTES. */
    while (text.len > 0) {
        sink_room(sink, text.len < BLOCK_BYTES ? text.len : BLOCK_BYTES);

        size_t part = text.len < BLOCK_BYTES - sink->len ? text.len : BLOCK_BYTES - sink->len;

        memcpy(sink->block + sink->len, text.ptr, part);
        sink->len += part;
        text = str_sub(text, part, text.len);
    }
}

static enum err_class sink_init(struct sink *sink, struct archive_writer *writer, struct err *err)
{
    *sink = (struct sink){.writer = writer, .err = err, .block = malloc(BLOCK_BYTES)};
    return sink->block ? ERR_OK : err_memory(err);
}

static void sink_done(struct sink *sink)
{
    digest_done(&sink->digest);
    if (sink->block)
        sodium_memzero(sink->block, BLOCK_BYTES);
    free(sink->block);
}

/* ---- tables ---- */

static char kind_of(const struct field *field)
{
    switch (*schema_column_type(field)) {
    case 'I':
        return 'i';
    case 'T':
        return 't';
    default:
        return 'b';
    }
}

static void table_of(const struct record *record, struct content_table *ret)
{
    *ret = (struct content_table){.field_count = record->field_count};
    assert(record->field_count <= CONTENT_FIELDS_MAX);
    (void)snprintf(ret->name, sizeof(ret->name), "%s", record->name);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        (void)snprintf(ret->fields[i].name, sizeof(ret->fields[i].name), "%s", field->name);
        ret->fields[i].kind = kind_of(field);
        ret->fields[i].may_be_null = (field->flags & FIELD_NULL) != 0;
        ret->fields[i].is_key = (field->flags & FIELD_KEY) != 0;
    }
}

static void put_value(struct sink *sink, const struct content_field *field,
                      const struct db_stmt *stmt, int col)
{
    if (field->may_be_null) {
        bool is_null = db_is_null(stmt, col);

        put_byte(sink, !is_null);
        if (is_null)
            return;
    }
    if (field->kind == 'i')
        put_number(sink, zigzag(db_i64(stmt, col)));
    else
        put_text(sink, field->kind == 't' ? db_text(stmt, col) : db_blob(stmt, col));
}

static void put_table_head(struct sink *sink, const struct content_table *table)
{
    put_byte(sink, ITEM_TABLE);
    put_text(sink, str_from(table->name));
    put_number(sink, table->field_count);
    for (size_t i = 0; i < table->field_count; i++) {
        const struct content_field *field = &table->fields[i];

        put_text(sink, str_from(field->name));
        put_byte(sink, (unsigned char)field->kind);
        put_byte(sink, (unsigned char)((field->may_be_null ? FLAG_NULL : 0) |
                                       (field->is_key ? FLAG_KEY : 0)));
    }
}

static enum err_class put_rows(struct sink *sink, struct db *db, struct content_table *table,
                               const struct content_steps *steps, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(CONTENT_SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    select_sql(table, &sql);

    enum err_class rc = strbuf_check(&sql, "a question to the database", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(db, strbuf_z(&sql), &stmt, err);
    if (rc != ERR_OK)
        return rc;
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row && sink->rc == ERR_OK) {
        put_byte(sink, 1);
        for (size_t i = 0; i < table->field_count; i++)
            put_value(sink, &table->fields[i], stmt, (int)i);
        if ((++table->rows & (CONTENT_STEP_ROWS - 1)) == 0 && steps && steps->step)
            rc = steps->step(steps->arg, CONTENT_STEP_ROWS, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc == ERR_OK ? sink->rc : rc;
}

/* The whole item, with its digest. */
static enum err_class put_table(struct sink *sink, struct db *db, struct content_table *table,
                                const struct content_steps *steps, struct err *err)
{
    sink->hashed = sink->len; /* what came before belongs to no table */
    digest_begin(&sink->digest, true);
    put_table_head(sink, table);

    enum err_class rc = put_rows(sink, db, table, steps, err);

    put_byte(sink, 0);
    sink_hash(sink);
    table->bytes = sink->digest.bytes;
    if (rc == ERR_OK && sink->rc == ERR_OK)
        rc = digest_end(&sink->digest, table->digest, err);
    return rc == ERR_OK ? sink->rc : rc;
}

static void put_facts(struct sink *sink, const struct tenant_info *info)
{
    char created[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(info->created_ms, created);

    const struct {
        const char *name, *value;
    } facts[] = {
        {"name", info->name},
        {"base_url", info->base_url},
        {"kind", tenant_kind_name(info->kind)},
        {"allow_http", info->allow_http ? "yes" : "no"},
        {"allow_private", info->allow_private ? "yes" : "no"},
        {"created", created},
        {"keep_settings", info->keep_settings ? "yes" : "no"},
    };

    put_byte(sink, ITEM_FACTS);
    put_number(sink, ARRAY_LEN(facts));
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        put_text(sink, str_from(facts[i].name));
        put_text(sink, str_from(facts[i].value));
    }
}

static void put_end(struct sink *sink, const struct content_manifest *manifest)
{
    put_byte(sink, ITEM_END);
    put_number(sink, manifest->catalog_version);
    put_number(sink, manifest->count);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct content_table *table = &manifest->tables[i];

        put_text(sink, str_from(table->name));
        put_number(sink, (uint64_t)table->rows);
        put_number(sink, (uint64_t)table->bytes);
        sink_room(sink, ARCHIVE_DIGEST_BYTES);
        memcpy(sink->block + sink->len, table->digest, ARCHIVE_DIGEST_BYTES);
        sink->len += ARCHIVE_DIGEST_BYTES;
    }
}

static enum err_class put_all(struct sink *sink, struct db *db, const struct catalog *catalog,
                              enum record_scope scope, const struct content_steps *steps,
                              struct content_manifest *manifest, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++) {
        if (catalog->records[i]->scope != scope)
            continue;
        if (manifest->count == CONTENT_TABLES_MAX)
            return err_set(err, ERR_LIMIT, "the catalogue has more than %d records",
                           CONTENT_TABLES_MAX);

        struct content_table *table = &manifest->tables[manifest->count++];

        table_of(catalog->records[i], table);
        rc = put_table(sink, db, table, steps, err);
        manifest->rows += table->rows;
    }
    return rc;
}

enum err_class content_write(struct archive_writer *writer, struct db *db,
                             const struct catalog *catalog, const struct tenant_info *info,
                             const struct content_steps *steps, struct content_manifest *ret,
                             struct err *err)
{
    AUTO(sink_done) struct sink sink = {0};
    enum err_class rc = sink_init(&sink, writer, err);

    ret->catalog_version = catalog->version;
    if (rc == ERR_OK)
        rc = db_begin(db, DB_READ, err);
    if (rc != ERR_OK)
        return rc;
    if (info)
        put_facts(&sink, info);
    rc = put_all(&sink, db, catalog, info ? SCOPE_TENANT : SCOPE_CONTROL, steps, ret, err);
    db_rollback(db); /* it only read */
    put_end(&sink, ret);
    sink_flush(&sink);
    return rc == ERR_OK ? sink.rc : rc;
}

enum err_class content_compare(struct db *db, const struct content_manifest *manifest,
                               const struct content_steps *steps, struct err *err)
{
    AUTO(sink_done) struct sink sink = {0};
    enum err_class rc = sink_init(&sink, NULL, err);

    for (size_t i = 0; i < manifest->count && rc == ERR_OK; i++) {
        const struct content_table *want = &manifest->tables[i];
        struct content_table have = *want;

        have.rows = 0;
        rc = put_table(&sink, db, &have, steps, err);
        if (rc != ERR_OK)
            break;
        if (have.rows != want->rows || have.bytes != want->bytes ||
            memcmp(have.digest, want->digest, ARCHIVE_DIGEST_BYTES) != 0)
            rc = err_set(err, ERR_CORRUPT,
                         "the table %s has %lld rows that are not the %lld of the backup",
                         want->name, (long long)have.rows, (long long)want->rows);
    }
    return rc;
}
