/*
 * transfer.c: the configuration out of a tenant and into one.
 *
 * Out: the records by name, their rows by key, the members by name; nothing that changes without
 * the configuration (times of exporting, our numbers of persons). In: a first reading checks every
 * value against the catalogue and writes nothing; a second one, in a single transaction, puts the
 * rows in place of those that are there. What the catalogue cannot know (that a time zone exists)
 * the apps check before the commit.
 *
 * Statements are built from names of the catalogue; values are bound.
 */
#include "custody/transfer.h"

#include <assert.h>
#include <stdlib.h>

#include "base/civil.h"
#include "custody/transfer_read.h"

#define SQL_BYTES 16384
#define RECORDS_MAX TRANSFER_RECORDS_MAX

/* ---- Which records ---- */

static int by_name(const void *a, const void *b)
{
    const struct record *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* Those of the configuration, by name. */
static enum err_class list_records(const struct catalog *catalog,
                                   const struct record *ret[RECORDS_MAX], size_t *ret_count,
                                   struct err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < catalog->record_count; i++) {
        const struct record *record = catalog->records[i];

        if (!record_is_configuration(record))
            continue;
        for (size_t f = 0; f < record->field_count; f++) {
            const struct field *field = &record->fields[f];

            if (!rows_has(ROWS_EXPORT, field) && !field->digest_of && !(field->flags & FIELD_NULL))
                return err_set(err, ERR_BUG,
                               "%s is configuration, and its field %s, without which there is no "
                               "row, cannot be exported",
                               record->name, field->name);
        }
        if (count == RECORDS_MAX)
            return err_set(err, ERR_BUG, "more than %d records are configuration", RECORDS_MAX);
        ret[count++] = record;
    }
    qsort(ret, count, sizeof(ret[0]), by_name);
    *ret_count = count;
    return ERR_OK;
}

static enum err_class tell_audit(struct tenant *tenant, enum audit_act act, int64_t count,
                                 struct err *err)
{
    const struct audit_entry entry = {
        .act = act, .tenant = tenant->info.id, .count = count, .why = "configuration"};

    return audit_write(tenant->audit, tenant->ctx, &entry, err);
}

/* ---- Out ---- */

static enum err_class write_rows(struct tenant *tenant, const struct record *record,
                                 const struct rows_sink *sink, struct json_out *json,
                                 struct strbuf *text, int64_t *rows, struct err *err)
{
    AUTO(rows_close_autop) struct rows *list = NULL;
    bool row = true;
    enum err_class rc = rows_open(tenant, record, ROWS_EXPORT, NULL, 0, &list, err);

    json_key(json, record->name);
    json_array(json);
    strbuf_add_char(text, '\n');
    while (rc == ERR_OK) {
        rc = rows_next(list, json, &row, err);
        if (rc != ERR_OK || !row)
            break;
        (*rows)++;
        strbuf_add_char(text, '\n'); /* a row a line, for those who compare two exports */
        rc = rows_flush(sink, text, false, err);
    }
    json_array_end(json);
    strbuf_add_char(text, '\n');
    return rc;
}

static enum err_class write_document(struct tenant *tenant, const struct rows_sink *sink,
                                     struct strbuf *text, int64_t *rows, struct err *err)
{
    const struct record *records[RECORDS_MAX];
    struct json_out json = json_out(text);
    size_t count = 0;
    enum err_class rc = list_records(tenant->catalog, records, &count, err);

    json_object(&json);
    json_key(&json, "catalog");
    json_put_i64(&json, tenant->catalog->version);
    json_key(&json, "format");
    json_put_z(&json, TRANSFER_FORMAT);
    json_key(&json, "from");
    json_put_z(&json, tenant->info.base_url);
    json_key(&json, "records");
    json_object(&json);
    strbuf_add_char(text, '\n');
    for (size_t i = 0; i < count && rc == ERR_OK; i++)
        rc = write_rows(tenant, records[i], sink, &json, text, rows, err);
    json_object_end(&json);
    json_object_end(&json);
    strbuf_add_char(text, '\n');
    return rc == ERR_OK ? rows_flush(sink, text, true, err) : rc;
}

enum err_class transfer_export(struct tenant *tenant, const struct rows_sink *sink,
                               int64_t *ret_rows, struct err *err)
{
    AUTO(vault_wipe) struct strbuf text = STRBUF_INIT(ROWS_TEXT_BYTES);
    int64_t rows = 0;
    enum err_class rc = tell_audit(tenant, AUDIT_EXPORTED, 0, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_READ, err); /* one state of the store */
    if (rc != ERR_OK)
        return rc;
    rc = write_document(tenant, sink, &text, &rows, err);
    db_rollback(tenant->db); /* nothing was written */
    if (rc == ERR_OK)
        *ret_rows = rows;
    return rc;
}

/* ---- In: a row's values ---- */

struct value {
    bool is_null;
    int64_t number;
    struct str text; /* in the row's JSON, or in `bytes` */
};

struct import {
    struct tenant *tenant;
    const struct transfer_options *options;
    const struct record *records[RECORDS_MAX];
    size_t record_count;
    bool seen[RECORDS_MAX];
    bool storing; /* the second reading */
    const struct record *record;
    struct db_stmt *insert;
    struct strbuf bytes, sealed[LIMIT_SQL_PARAMETERS];
    unsigned char digests[LIMIT_SQL_PARAMETERS][VAULT_DIGEST_BYTES];
    struct value values[LIMIT_SQL_PARAMETERS];
    struct transfer_imported done;
};

static enum err_class bad_value(const struct field *field, const char *wanted, struct err *err)
{
    return err_set(err, ERR_INPUT, "%s must be %s", field->name, wanted);
}

static enum err_class read_text(const struct field *field, yyjson_val *json, struct value *ret,
                                struct err *err)
{
    ret->text = (struct str){yyjson_get_str(json), yyjson_get_len(json)};
    if (!ret->text.ptr || !str_is_utf8(ret->text) || ret->text.len > LIMIT_COMMENT_BYTES)
        return bad_value(field, "a text of at most 1 MiB without NUL", err);
    return ERR_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At most one blob a row: they share a buffer. */
static enum err_class read_blob(struct import *import, const struct field *field, yyjson_val *json,
                                struct value *ret, struct err *err)
{
    struct str hex = {yyjson_get_str(json), yyjson_get_len(json)};
    size_t from = import->bytes.len;

    for (size_t i = 0; hex.ptr && i + 1 < hex.len; i += 2) {
        int high = hex_digit(hex.ptr[i]), low = hex_digit(hex.ptr[i + 1]);

        if (high < 0 || low < 0)
            return bad_value(field, "bytes in lower-case hex", err);
        strbuf_add_char(&import->bytes, (char)(high * 16 + low));
    }
    if (!hex.ptr || hex.len % 2 != 0 || hex.len > 2 * LIMIT_SECRET_BYTES || from > 0)
        return bad_value(field, "bytes in lower-case hex, 16 KiB at most", err);
    ret->text = (struct str){import->bytes.ptr ? import->bytes.ptr : "", import->bytes.len};
    return strbuf_check(&import->bytes, "bytes of the export", err);
}

static enum err_class read_value(struct import *import, const struct field *field, yyjson_val *json,
                                 struct value *ret, struct err *err)
{
    *ret = (struct value){.is_null = !json || yyjson_is_null(json)};
    if (ret->is_null) {
        if (!(field->flags & FIELD_NULL) && !field->default_sql)
            return bad_value(field, "there", err);
        return ERR_OK;
    }
    switch (field->type) {
    case TYPE_INT:
        if (!yyjson_is_int(json) || !json_to_i64(json, &ret->number))
            return bad_value(field, "a whole number", err);
        return ERR_OK;
    case TYPE_TIME:
        if (!yyjson_is_str(json) ||
            !civil_parse_stamp((struct str){yyjson_get_str(json), yyjson_get_len(json)},
                               &ret->number))
            return bad_value(field, "a time like 2026-01-05T09:00:00.000Z", err);
        return ERR_OK;
    case TYPE_TEXT:
        return read_text(field, json, ret, err);
    case TYPE_BLOB:
        return class_policy(field->class)->sealed ? read_text(field, json, ret, err)
                                                  : read_blob(import, field, json, ret, err);
    case TYPE_REF:
        if (strcmp(field->ref, "person") == 0) {
            enum err_class rc = read_text(field, json, ret, err);

            return rc == ERR_OK ? person_check_account(ret->text, err) : rc;
        }
        if (!yyjson_is_int(json) || !json_to_i64(json, &ret->number))
            return bad_value(field, "a whole number, the key of the row it refers to,", err);
        return ERR_OK;
    }
    return err_set(err, ERR_BUG, "the field %s has no type", field->name);
}

/* Members that the catalogue does not have would be lost without a word. */
static enum err_class check_members(const struct record *record, yyjson_val *row, struct err *err)
{
    yyjson_val *key;
    yyjson_obj_iter at;

    if (!yyjson_is_obj(row))
        return err_set(err, ERR_INPUT, "it is not an object");
    yyjson_obj_iter_init(row, &at);
    while ((key = yyjson_obj_iter_next(&at)) != NULL) {
        const struct field *field = record_field(record, yyjson_get_str(key));

        if (!field || !rows_has(ROWS_EXPORT, field))
            return err_set(err, ERR_INPUT,
                           "it has a member that this version does not know; export with the same "
                           "version, or take the member out");
    }
    return ERR_OK;
}

static enum err_class read_values(struct import *import, yyjson_val *row, struct err *err)
{
    const struct record *record = import->record;
    enum err_class rc = check_members(record, row, err);

    strbuf_reset(&import->bytes);
    for (size_t i = 0; i < record->field_count && rc == ERR_OK; i++) {
        const struct field *field = &record->fields[i];

        if (rows_has(ROWS_EXPORT, field))
            rc = read_value(import, field, yyjson_obj_get(row, field->name), &import->values[i],
                            err);
        else
            import->values[i] = (struct value){.is_null = true};
    }
    return rc;
}

/* ---- In: storing ---- */

static struct value *value_of(struct import *import, const char *name)
{
    const struct field *field = record_field(import->record, name);

    assert(field);
    return &import->values[field - import->record->fields];
}

static enum err_class seal(struct import *import, size_t at, struct err *err)
{
    const struct record *record = import->record;
    struct vault_place place =
        rows_place(record, &record->fields[at], import->values[0].number, import->values[0].text);

    strbuf_reset(&import->sealed[at]);
    import->sealed[at].max = LIMIT_COMMENT_BYTES + VAULT_SEAL_OVERHEAD;
    return vault_seal(import->tenant->vault, import->tenant->ctx, &place, import->values[at].text,
                      &import->sealed[at], err);
}

static enum err_class bind(struct import *import, size_t at, bool *ret_erased, struct err *err)
{
    const struct field *field = &import->record->fields[at];
    struct value *value = &import->values[at];
    int param = (int)at + 1;
    enum err_class rc = ERR_OK;

    if (field->digest_of && !value_of(import, field->digest_of)->is_null) {
        vault_digest(import->tenant->vault, import->record->name, field->digest_of,
                     value_of(import, field->digest_of)->text, import->digests[at]);
        db_bind_blob(import->insert, param,
                     (struct str){(const char *)import->digests[at], VAULT_DIGEST_BYTES});
    } else if (value->is_null) {
        db_bind_null(import->insert, param);
    } else if (class_policy(field->class)->sealed) {
        rc = seal(import, at, err);
        db_bind_blob(import->insert, param, strbuf_str(&import->sealed[at]));
    } else if (field->type == TYPE_TEXT) {
        db_bind_text(import->insert, param, value->text);
    } else if (field->type == TYPE_BLOB) {
        db_bind_blob(import->insert, param, value->text);
    } else {
        if (field->type == TYPE_REF && strcmp(field->ref, "person") == 0)
            rc = person_ref(import->tenant, value->text, &value->number, err);
        if (rc == ERR_FORBIDDEN) { /* erased: the row does not come back with the person */
            *ret_erased = true;
            *err = (struct err){0};
            rc = ERR_OK;
        }
        db_bind_i64(import->insert, param, value->number);
    }
    return rc;
}

static enum err_class store_row(struct import *import, struct err *err)
{
    bool erased = false;
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < import->record->field_count && rc == ERR_OK; i++)
        rc = bind(import, i, &erased, err);
    if (rc == ERR_OK && erased) {
        import->done.erased++;
        db_reset(import->insert);
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = db_run(import->insert, err);
    if (rc == ERR_CONFLICT)
        rc = err_set(err, ERR_INPUT, "another row has the same key, or the same name");
    if (rc == ERR_OK)
        import->done.rows++;
    return rc;
}

/* Empties the record's table and prepares for its rows. */
static enum err_class begin_record(struct import *import, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(SQL_BYTES);
    const struct record *record = import->record;

    assert(record->field_count < LIMIT_SQL_PARAMETERS);
    strbuf_addf(&sql, "DELETE FROM %s", record->name);

    enum err_class rc = db_exec(import->tenant->db, strbuf_z(&sql), err);

    strbuf_reset(&sql);
    strbuf_addf(&sql, "INSERT INTO %s (", record->name);
    for (size_t i = 0; i < record->field_count; i++)
        strbuf_addf(&sql, "%s%s", i > 0 ? ", " : "", record->fields[i].name);
    strbuf_add_z(&sql, ") VALUES (");
    for (size_t i = 0; i < record->field_count; i++) {
        const char *otherwise = record->fields[i].default_sql;

        strbuf_addf(&sql, otherwise ? "%scoalesce($%zu, %s)" : "%s$%zu", i > 0 ? ", " : "", i + 1,
                    otherwise);
    }
    strbuf_add_char(&sql, ')');
    if (rc == ERR_OK)
        rc = strbuf_check(&sql, "a statement", err);
    db_finish(TAKE(import->insert));
    return rc == ERR_OK ? db_prepare_built(import->tenant->db, strbuf_z(&sql), &import->insert, err)
                        : rc;
}

/* ---- In: the two readings ---- */

static enum err_class on_header(void *arg, const struct transfer_header *header, struct err *err)
{
    struct import *import = arg;
    const struct tenant_info *info = &import->tenant->info;

    if (strcmp(header->format, TRANSFER_FORMAT) != 0)
        return err_set(err, ERR_INPUT,
                       "the export's format is not " TRANSFER_FORMAT
                       ": it is no export, or of another version of Tenon");
    if (header->catalog < 1 || header->catalog > (int64_t)import->tenant->catalog->version)
        return err_set(err, ERR_INPUT,
                       "the export was written with catalogue %lld; this version knows those from "
                       "1 to %u: install the version that wrote it, or a newer one",
                       (long long)header->catalog, import->tenant->catalog->version);
    if (!import->options->other_site && strcmp(header->from, info->base_url) != 0)
        return err_set(err, ERR_CONFLICT,
                       "the export is of another Jira site than %s (%s), where the ids of issues, "
                       "worklogs and groups mean other things; --other-site takes it all the same",
                       info->name, info->base_url);
    return ERR_OK;
}

static enum err_class on_record(void *arg, struct str name, struct err *err)
{
    struct import *import = arg;

    for (size_t i = 0; i < import->record_count; i++) {
        if (!str_eq_z(name, import->records[i]->name))
            continue;
        if (import->seen[i])
            return err_set(err, ERR_INPUT, "the record %s stands twice in the export",
                           import->records[i]->name);
        import->seen[i] = true;
        import->record = import->records[i];
        return import->storing ? begin_record(import, err) : ERR_OK;
    }
    return err_set(err, ERR_INPUT,
                   "the export has a record that is not of the configuration, or not of this "
                   "version of Tenon; docs/export.md lists those that are");
}

static enum err_class on_row(void *arg, int64_t number, yyjson_val *row, struct err *err)
{
    struct import *import = arg;
    enum err_class rc = ctx_check(import->tenant->ctx, err);

    if (rc != ERR_OK)
        return rc;
    rc = read_values(import, row, err);
    if (rc == ERR_OK && import->storing)
        rc = store_row(import, err);
    return rc == ERR_OK
               ? rc
               : err_wrap(err, "records.%s, row %lld", import->record->name, (long long)number);
}

static enum err_class read_all(struct import *import, const struct transfer_source *source,
                               bool storing, struct err *err)
{
    const struct transfer_visitor visitor = {
        .header = on_header, .record = on_record, .row = on_row, .arg = import};

    import->storing = storing;
    memset(import->seen, 0, sizeof(import->seen));
    return transfer_read(source, &visitor, err);
}

/* References within the configuration lead somewhere. */
static enum err_class check_reference(struct import *import, const struct record *record,
                                      const struct field *field, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    const struct record *target = catalog_record(import->tenant->catalog, field->ref);
    bool row = false;

    if (!target || !record_is_configuration(target))
        return ERR_OK; /* a person was made; a worklog may come with the next synchronization */
    strbuf_addf(&sql,
                "SELECT %s FROM %s WHERE %s IS NOT NULL AND %s NOT IN (SELECT %s FROM %s)"
                " ORDER BY %s LIMIT 1",
                field->name, record->name, field->name, field->name, target->fields[0].name,
                target->name, field->name);

    enum err_class rc = strbuf_check(&sql, "a statement", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(import->tenant->db, strbuf_z(&sql), &stmt, err);
    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        return err_set(err, ERR_INPUT, "a row of %s refers to the %s %lld, which is not there",
                       record->name, target->name, (long long)db_i64(stmt, 0));
    return rc;
}

static enum err_class check_references(struct import *import, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < import->record_count; i++)
        for (size_t f = 0; f < import->records[i]->field_count && rc == ERR_OK; f++)
            if (import->records[i]->fields[f].type == TYPE_REF)
                rc = check_reference(import, import->records[i], &import->records[i]->fields[f],
                                     err);
    return rc;
}

static enum err_class store_in_tx(struct import *import, const struct transfer_source *source,
                                  struct err *err)
{
    const struct rows_hook *hook = import->options->hook;
    enum err_class rc = read_all(import, source, true, err);

    if (rc == ERR_OK)
        rc = check_references(import, err);
    if (rc == ERR_OK && hook)
        rc = hook->changed(hook->arg, import->tenant, err);
    if (rc == ERR_OK)
        rc = tell_audit(import->tenant, AUDIT_IMPORTED, import->done.rows, err);
    db_finish(TAKE(import->insert));
    return rc;
}

static enum err_class store_all(struct import *import, const struct transfer_source *source,
                                struct err *err)
{
    struct tenant *tenant = import->tenant;
    struct disk_lock lock = {-1};
    enum err_class rc = rows_lock(tenant, import->options->wait_ms, &lock, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(tenant->db, store_in_tx(import, source, err), err);
    disk_unlock(tenant->ctx, &lock);
    return rc;
}

static void import_free(struct import *import)
{
    if (!import)
        return;
    db_finish(import->insert);
    strbuf_done(&import->bytes);
    for (size_t i = 0; i < ARRAY_LEN(import->sealed); i++)
        strbuf_done(&import->sealed[i]);
    free(import);
}
AUTO_DEFINE(struct import, import_free)

enum err_class transfer_import(struct tenant *tenant, const struct transfer_source *source,
                               const struct transfer_options *options,
                               struct transfer_imported *ret, struct err *err)
{
    AUTO(import_free_autop) struct import *import = calloc(1, sizeof(*import));

    if (!import)
        return err_memory(err);
    import->tenant = tenant;
    import->options = options;
    import->bytes = STRBUF_INIT(LIMIT_SECRET_BYTES);

    enum err_class rc = list_records(tenant->catalog, import->records, &import->record_count, err);

    if (rc == ERR_OK)
        rc = read_all(import, source, false, err);
    if (rc == ERR_OK)
        rc = store_all(import, source, err);
    if (rc == ERR_OK)
        *ret = import->done;
    return rc;
}
