/*
 * content_read.c: rows out of a backup, into a database or only past the eye.
 *
 * A row is taken when all of it is in the buffer, which grows to the longest row there is. Whatever
 * is read here was authenticated by the archive before; the checks are against our own mistakes and
 * against a key holder's, and cost nothing beside the rest.
 */
#include <assert.h>

#include "base/civil.h"
#include "custody/content.h"
#include "custody/content_internal.h"
#include "store/schema.h"

#define BUFFER_BYTES ((size_t)1024 * 1024)
#define BUFFER_BYTES_MAX (CONTENT_VALUE_BYTES_MAX * 2)
#define FACTS_MAX 64

struct source {
    struct archive_reader *reader;
    unsigned char *buffer;
    size_t room, from, to; /* what is there and not yet taken */
    size_t hashed;         /* of it, from the start of the buffer */
    crypto_generichash_state digest;
    int64_t bytes; /* of the table at hand */
    bool ended;
    struct err *err;
    enum err_class rc; /* sticky */
};

static enum err_class broken(struct source *source, const char *what)
{
    if (source->rc == ERR_OK)
        source->rc =
            err_set(source->err, ERR_CORRUPT,
                    "the content of the backup is not of its form (%s): take another copy", what);
    return source->rc;
}

static void hash_taken(struct source *source)
{
    /* Fails only when it was not begun. */
    (void)crypto_generichash_update(&source->digest, source->buffer + source->hashed,
                                    source->from - source->hashed);
    source->bytes += (int64_t)(source->from - source->hashed);
    source->hashed = source->from;
}

/* Makes room for one more read: moves what is left to the front, grows when that is all of it. */
static void make_room(struct source *source)
{
    hash_taken(source);
    memmove(source->buffer, source->buffer + source->from, source->to - source->from);
    source->to -= source->from;
    source->from = source->hashed = 0;
    if (source->to < source->room)
        return;

    unsigned char *grown =
        source->room < BUFFER_BYTES_MAX ? realloc(source->buffer, source->room * 2) : NULL;

    if (!grown) {
        source->rc = source->room < BUFFER_BYTES_MAX
                         ? err_memory(source->err)
                         : err_set(source->err, ERR_LIMIT, "a row of the backup is over %llu bytes",
                                   (unsigned long long)BUFFER_BYTES_MAX);
        return;
    }
    source->buffer = grown;
    source->room *= 2;
}

/* More bytes behind those there; false at the end or on an error. */
static bool fill(struct source *source)
{
    size_t got = 0;

    if (source->rc == ERR_OK && !source->ended)
        make_room(source);
    if (source->rc == ERR_OK && !source->ended)
        source->rc = archive_read(source->reader, source->buffer + source->to,
                                  source->room - source->to, &got, source->err);
    if (source->rc == ERR_OK && got == 0)
        source->ended = true;
    source->to += got;
    return got > 0;
}

/* So many bytes are there from `source->from` on. */
static inline bool have(struct source *source, size_t len)
{
    while (source->to - source->from < len)
        if (!fill(source))
            return false;
    return true;
}

/*
 * Looks at values without taking them: `at` counts from source->from, since the buffer may move.
 * All return false at the end or on an error.
 */
static bool peek_byte(struct source *source, size_t *at, unsigned char *ret)
{
    if (!have(source, *at + 1))
        return false;
    *ret = source->buffer[source->from + (*at)++];
    return true;
}

#define NUMBER_BYTES_MAX 10

static bool peek_number(struct source *source, size_t *at, uint64_t *ret)
{
    uint64_t n = 0;
    unsigned char byte = 0;

    /* Nearly always all of it is there: then without a question for each byte. */
    if (source->to - source->from >= *at + NUMBER_BYTES_MAX) {
        const unsigned char *from = source->buffer + source->from + *at;
        size_t len = 0;

        do
            n |= (uint64_t)(from[len] & 0x7f) << (7 * len);
        while ((from[len++] & 0x80) && len < NUMBER_BYTES_MAX);
        if (!(from[len - 1] & 0x80)) {
            *at += len;
            *ret = n;
            return true;
        }
        n = 0;
    }

    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!peek_byte(source, at, &byte))
            return false;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = n;
            return true;
        }
    }
    (void)broken(source, "a number");
    return false;
}

/* The text begins at *ret_at. */
static bool peek_text(struct source *source, size_t *at, size_t *ret_at, size_t *ret_len)
{
    uint64_t len = 0;

    if (!peek_number(source, at, &len))
        return false;
    if (len > CONTENT_VALUE_BYTES_MAX) {
        (void)broken(source, "a length");
        return false;
    }
    if (!have(source, *at + (size_t)len))
        return false;
    *ret_at = *at;
    *ret_len = (size_t)len;
    *at += (size_t)len;
    return true;
}

/* A name of ours, taken. */
static bool take_name(struct source *source, char ret[CONTENT_NAME_BYTES + 1])
{
    size_t at = 0, from = 0, len = 0;

    if (!peek_text(source, &at, &from, &len))
        return false;
    if (len == 0 || len > CONTENT_NAME_BYTES) {
        (void)broken(source, "a name");
        return false;
    }
    memcpy(ret, source->buffer + source->from + from, len);
    ret[len] = '\0';
    source->from += at;
    return true;
}

static bool take_number(struct source *source, uint64_t most, uint64_t *ret)
{
    size_t at = 0;

    if (!peek_number(source, &at, ret))
        return false;
    if (*ret > most) {
        (void)broken(source, "a count");
        return false;
    }
    source->from += at;
    return true;
}

static bool take_byte(struct source *source, unsigned char *ret)
{
    size_t at = 0;

    if (!peek_byte(source, &at, ret))
        return false;
    source->from += at;
    return true;
}

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
    else if (strcmp(name, "created") == 0 && !civil_parse_stamp(value, &info->created_ms))
        info->created_ms = 0;
}

static void read_facts(struct source *source, struct tenant_info *info)
{
    uint64_t count = 0;
    struct tenant_info ignored;

    if (!take_number(source, FACTS_MAX, &count))
        return;
    for (uint64_t i = 0; i < count; i++) {
        char name[CONTENT_NAME_BYTES + 1];
        size_t at = 0, from = 0, len = 0;

        if (!take_name(source, name) || !peek_text(source, &at, &from, &len))
            return;
        take_fact(info ? info : &ignored, name,
                  (struct str){(const char *)source->buffer + source->from + from, len});
        source->from += at;
    }
}

/* ---- tables ---- */

static void read_table_head(struct source *source, struct content_table *table)
{
    uint64_t count = 0;

    *table = (struct content_table){0};
    if (!take_name(source, table->name) || !take_number(source, CONTENT_FIELDS_MAX, &count))
        return;
    table->field_count = (size_t)count;
    for (size_t i = 0; i < table->field_count; i++) {
        struct content_field *field = &table->fields[i];
        unsigned char kind = 0, flags = 0;

        if (!take_name(source, field->name) || !take_byte(source, &kind) ||
            !take_byte(source, &flags))
            return;
        if (kind != 'i' && kind != 't' && kind != 'b') {
            (void)broken(source, "a field");
            return;
        }
        field->kind = (char)kind;
        field->may_be_null = (flags & FLAG_NULL) != 0;
        field->is_key = (flags & FLAG_KEY) != 0;
    }
    if (count == 0)
        (void)broken(source, "a table without fields");
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

struct value {
    bool is_null;
    int64_t number;
    size_t at, len;
};

/* One row, looked at and not taken; *ret_len is its length. */
static bool peek_row(struct source *source, const struct content_table *table, struct value *values,
                     size_t *ret_len)
{
    size_t at = 0;

    for (size_t i = 0; i < table->field_count; i++) {
        const struct content_field *field = &table->fields[i];
        struct value *value = &values[i];
        unsigned char there = 1;
        uint64_t n = 0;

        if (field->may_be_null && !peek_byte(source, &at, &there))
            return false;
        value->is_null = there == 0;
        if (value->is_null)
            continue;
        if (field->kind == 'i' ? !peek_number(source, &at, &n)
                               : !peek_text(source, &at, &value->at, &value->len))
            return false;
        value->number = unzigzag(n);
    }
    *ret_len = at;
    return true;
}

static void bind_row(struct db_stmt *stmt, const struct source *source,
                     const struct content_table *table, const struct value *values)
{
    for (size_t i = 0; i < table->field_count; i++) {
        const struct value *value = &values[i];
        /* Never NULL, which would bind a null: the buffer is there. */
        struct str text = {(const char *)source->buffer + source->from + value->at, value->len};

        if (value->is_null)
            db_bind_null(stmt, (int)i + 1);
        else if (table->fields[i].kind == 'i')
            db_bind_i64(stmt, (int)i + 1, value->number);
        else if (table->fields[i].kind == 't')
            db_bind_text(stmt, (int)i + 1, text);
        else
            db_bind_blob(stmt, (int)i + 1, text);
    }
}

static enum err_class read_rows(struct source *source, struct db_stmt *stmt,
                                struct content_table *table, const struct content_steps *steps,
                                struct err *err)
{
    struct value values[CONTENT_FIELDS_MAX] = {0};
    unsigned char more = 0;
    size_t len = 0;

    while (take_byte(source, &more) && more == 1) {
        enum err_class rc = ERR_OK;

        if (!peek_row(source, table, values, &len))
            break;
        if (stmt) {
            bind_row(stmt, source, table, values);
            rc = db_run(stmt, err);
        }
        source->from += len;
        if ((++table->rows & (CONTENT_STEP_ROWS - 1)) == 0 && steps && steps->step && rc == ERR_OK)
            rc = steps->step(steps->arg, CONTENT_STEP_ROWS, err);
        if (rc != ERR_OK)
            return rc;
    }
    return more > 1 ? broken(source, "a row") : source->rc;
}

static enum err_class read_table(struct source *source, struct db *db,
                                 const struct catalog *catalog, enum record_scope scope,
                                 const struct content_steps *steps, struct content_table *table,
                                 struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(CONTENT_SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    read_table_head(source, table);

    enum err_class rc = source->rc;

    if (rc == ERR_OK && source->ended)
        rc = broken(source, "its end");
    if (rc == ERR_OK && db)
        rc = check_table(catalog, scope, table, err);
    if (rc == ERR_OK && db) {
        content_insert_sql(table, &sql);
        rc = strbuf_check(&sql, "an order to the database", err);
    }
    if (rc == ERR_OK && db)
        rc = db_prepare_built(db, strbuf_z(&sql), &stmt, err);
    return rc == ERR_OK ? read_rows(source, stmt, table, steps, err) : rc;
}

/* The item whose first byte was taken already. */
static enum err_class read_table_item(struct source *source, struct db *db,
                                      const struct catalog *catalog, enum record_scope scope,
                                      const struct content_steps *steps,
                                      struct content_manifest *manifest, struct err *err)
{
    if (manifest->count == CONTENT_TABLES_MAX)
        return broken(source, "too many tables");

    struct content_table *table = &manifest->tables[manifest->count++];

    source->bytes = 0;
    source->hashed = source->from - 1;
    (void)crypto_generichash_init(&source->digest, NULL, 0, ARCHIVE_DIGEST_BYTES);

    enum err_class rc = read_table(source, db, catalog, scope, steps, table, err);

    if (rc != ERR_OK)
        return rc;
    hash_taken(source);
    table->bytes = source->bytes;
    (void)crypto_generichash_final(&source->digest, table->digest, ARCHIVE_DIGEST_BYTES);
    manifest->rows += table->rows;
    return source->rc;
}

/* The manifest at the end says the same as what came before it. */
static enum err_class read_end(struct source *source, struct content_manifest *manifest)
{
    uint64_t version = 0, count = 0, rows = 0, bytes = 0;
    char name[CONTENT_NAME_BYTES + 1] = "";

    if (!take_number(source, UINT32_MAX, &version) ||
        !take_number(source, CONTENT_TABLES_MAX, &count))
        return broken(source, "its manifest");
    manifest->catalog_version = (unsigned)version;
    if (count != manifest->count)
        return broken(source, "tables are missing");
    for (size_t i = 0; i < manifest->count; i++) {
        const struct content_table *table = &manifest->tables[i];

        if (!take_name(source, name) || !take_number(source, INT64_MAX, &rows) ||
            !take_number(source, INT64_MAX, &bytes) || !have(source, ARCHIVE_DIGEST_BYTES))
            return broken(source, "its manifest");

        bool same = strcmp(name, table->name) == 0 && rows == (uint64_t)table->rows &&
                    bytes == (uint64_t)table->bytes &&
                    memcmp(source->buffer + source->from, table->digest, ARCHIVE_DIGEST_BYTES) == 0;

        source->from += ARCHIVE_DIGEST_BYTES;
        if (!same)
            return broken(source, "a table is not what its manifest says");
    }
    /* And that is the end. */
    if (have(source, 1))
        return broken(source, "there is more behind its manifest");
    return source->rc;
}

static enum err_class read_all(struct source *source, struct db *db, const struct catalog *catalog,
                               enum record_scope scope, const struct content_steps *steps,
                               struct tenant_info *info, struct content_manifest *manifest,
                               struct err *err)
{
    unsigned char item = 0;
    enum err_class rc = ERR_OK;

    while (rc == ERR_OK && take_byte(source, &item)) {
        if (item == ITEM_END)
            return read_end(source, manifest);
        if (item == ITEM_FACTS)
            read_facts(source, info);
        else if (item == ITEM_TABLE)
            rc = read_table_item(source, db, catalog, scope, steps, manifest, err);
        else
            (void)broken(source, "an item");
        if (rc == ERR_OK)
            rc = source->rc;
    }
    return rc == ERR_OK ? broken(source, "it has no manifest") : rc;
}

enum err_class content_read(struct archive_reader *reader, struct db *db,
                            const struct catalog *catalog, const struct content_steps *steps,
                            struct tenant_info *info, struct content_manifest *ret, struct err *err)
{
    struct source source = {
        .reader = reader, .buffer = malloc(BUFFER_BYTES), .room = BUFFER_BYTES, .err = err};

    if (!source.buffer)
        return err_memory(err);
    (void)crypto_generichash_init(&source.digest, NULL, 0, ARCHIVE_DIGEST_BYTES);

    enum err_class rc =
        read_all(&source, db, catalog, archive_head(reader)->scope, steps, info, ret, err);

    sodium_memzero(source.buffer, source.room);
    free(source.buffer);
    return rc;
}
