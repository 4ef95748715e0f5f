/*
 * rows.c: rows of any record as JSON objects.
 *
 * The statement is built from the names of the catalogue, so a record that an app adds tomorrow
 * needs nothing here. Belongs to the thread that has the tenant's handle.
 */
#include "custody/rows.h"

#include <assert.h>

#define SQL_BYTES 16384
#define MEMBERS_MAX 64
#define LOCK_LOOK_MS 100

struct rows {
    struct tenant *tenant;
    const struct record *record;
    const struct field *members[MEMBERS_MAX]; /* sorted by name; column n of the statement */
    size_t count;
    int key_col; /* of the first key field */
    enum rows_view view;
    struct db_stmt *stmt;
    struct strbuf plain;
};

bool rows_has(enum rows_view view, const struct field *field)
{
    if (field->digest_of)
        return false;
    return view == ROWS_HELD || class_policy(field->class)->exported;
}

struct vault_place rows_place(const struct record *record, const struct field *field, int64_t key,
                              struct str key_text)
{
    struct vault_place place = {.record = record->name, .field = field->name};

    if (record->fields[0].type == TYPE_TEXT)
        place.row_text = key_text;
    else
        place.row = key;
    return place;
}

static int by_name(const void *a, const void *b)
{
    const struct field *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static bool is_person(const struct field *field)
{
    return field->type == TYPE_REF && strcmp(field->ref, "person") == 0;
}

/* A column by its name, and a person by the account id. */
static void add_column(struct strbuf *sql, const struct record *record, const struct field *field)
{
    if (is_person(field))
        strbuf_addf(sql, "(SELECT account_id FROM person WHERE person.id = %s.%s) AS %s",
                    record->name, field->name, field->name);
    else
        strbuf_add_z(sql, field->name);
}

static void add_order(struct strbuf *sql, const struct record *record)
{
    for (size_t i = 0; i < record->field_count && (record->fields[i].flags & FIELD_KEY); i++) {
        strbuf_add_z(sql, i > 0 ? ", " : " ORDER BY ");
        if (is_person(&record->fields[i])) /* by the account id: numbers differ between tenants */
            strbuf_addf(sql, "(SELECT account_id FROM person WHERE person.id = %s.%s)",
                        record->name, record->fields[i].name);
        else
            strbuf_addf(sql, "%s.%s", record->name, record->fields[i].name);
    }
}

static void build(const struct rows *rows, const char *condition, struct strbuf *sql)
{
    const struct record *record = rows->record;

    strbuf_add_z(sql, "SELECT ");
    for (size_t i = 0; i < rows->count; i++) {
        add_column(sql, record, rows->members[i]);
        strbuf_add_z(sql, ", ");
    }
    strbuf_addf(sql, "%s AS row_key FROM %s", record->fields[0].name, record->name);
    if (condition)
        strbuf_addf(sql, " WHERE %s", condition);
    add_order(sql, record);
    strbuf_add_z(sql, " LIMIT 1000000000");
}

enum err_class rows_open(struct tenant *tenant, const struct record *record, enum rows_view view,
                         const char *condition, int64_t param, struct rows **ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(SQL_BYTES);
    AUTO(rows_close_autop) struct rows *rows = calloc(1, sizeof(*rows));

    if (!rows)
        return err_memory(err);
    rows->tenant = tenant;
    rows->record = record;
    rows->view = view;
    rows->plain = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    for (size_t i = 0; i < record->field_count; i++)
        if (rows_has(view, &record->fields[i])) {
            assert(rows->count < MEMBERS_MAX);
            rows->members[rows->count++] = &record->fields[i];
        }
    qsort(rows->members, rows->count, sizeof(rows->members[0]), by_name);
    rows->key_col = (int)rows->count;
    build(rows, condition, &sql);

    enum err_class rc = strbuf_check(&sql, "a question to the database", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(tenant->db, strbuf_z(&sql), &rows->stmt, err);
    if (rc != ERR_OK)
        return rc;
    if (condition)
        db_bind_i64(rows->stmt, 1, param);
    *ret = TAKE(rows);
    return ERR_OK;
}

static void put_hex(struct json_out *json, struct str bytes, struct strbuf *scratch)
{
    strbuf_reset(scratch);
    for (size_t i = 0; i < bytes.len; i++)
        strbuf_addf(scratch, "%02x", (unsigned)(unsigned char)bytes.ptr[i]);
    json_put_str(json, strbuf_str(scratch));
}

static enum err_class put_sealed(struct rows *rows, const struct field *field, int col,
                                 struct json_out *json, struct err *err)
{
    struct vault_place place =
        rows_place(rows->record, field, db_i64(rows->stmt, rows->key_col),
                   rows->record->fields[0].type == TYPE_TEXT ? db_text(rows->stmt, rows->key_col)
                                                             : (struct str){0});

    if (field->class == CLASS_SECRET) {
        json_put_z(json, "secret");
        return ERR_OK;
    }
    strbuf_reset(&rows->plain);

    enum err_class rc =
        vault_unseal(rows->tenant->vault, &place, db_blob(rows->stmt, col), &rows->plain, err);

    if (rc == ERR_OK)
        json_put_str(json, strbuf_str(&rows->plain));
    return rc;
}

static enum err_class put_value(struct rows *rows, const struct field *field, int col,
                                struct json_out *json, struct err *err)
{
    if (db_is_null(rows->stmt, col)) {
        json_put_null(json);
        return ERR_OK;
    }
    if (class_policy(field->class)->sealed)
        return put_sealed(rows, field, col, json, err);
    switch (field->type) {
    case TYPE_INT:
        json_put_i64(json, db_i64(rows->stmt, col));
        return ERR_OK;
    case TYPE_TIME:
        json_put_stamp(json, db_i64(rows->stmt, col));
        return ERR_OK;
    case TYPE_TEXT:
        json_put_str(json, db_text(rows->stmt, col));
        return ERR_OK;
    case TYPE_BLOB:
        put_hex(json, db_blob(rows->stmt, col), &rows->plain);
        return ERR_OK;
    case TYPE_REF:
        if (is_person(field))
            json_put_str(json, db_text(rows->stmt, col));
        else
            json_put_i64(json, db_i64(rows->stmt, col));
        return ERR_OK;
    }
    return err_set(err, ERR_BUG, "the field %s.%s has no type", rows->record->name, field->name);
}

enum err_class rows_next(struct rows *rows, struct json_out *json, bool *ret_row, struct err *err)
{
    enum err_class rc = db_step(rows->stmt, ret_row, err);

    if (rc != ERR_OK || !*ret_row)
        return rc;
    json_object(json);
    for (size_t i = 0; i < rows->count && rc == ERR_OK; i++) {
        json_key(json, rows->members[i]->name);
        rc = put_value(rows, rows->members[i], (int)i, json, err);
    }
    json_object_end(json);
    return rc;
}

void rows_close(struct rows *rows)
{
    if (!rows)
        return;
    db_finish(rows->stmt);
    vault_wipe(&rows->plain);
    free(rows);
}

enum err_class rows_flush(const struct rows_sink *sink, struct strbuf *text, bool all,
                          struct err *err)
{
    enum err_class rc = strbuf_check(text, "a row as JSON", err);

    if (rc != ERR_OK || (!all && text->len < ROWS_PART_BYTES))
        return rc;
    rc = text->len > 0 ? sink->write(sink->arg, strbuf_str(text), err) : ERR_OK;
    strbuf_reset(text);
    return rc;
}

enum err_class rows_lock(struct tenant *tenant, int64_t wait_ms, struct disk_lock *ret,
                         struct err *err)
{
    int64_t until_ms = ctx_mono_ms(tenant->ctx) + wait_ms;
    enum err_class rc = tenant_lock(tenant, ret, err);

    while (rc == ERR_CONFLICT && ctx_mono_ms(tenant->ctx) < until_ms) {
        ctx_sleep_ms(tenant->ctx, LOCK_LOOK_MS);
        rc = ctx_check(tenant->ctx, err);
        if (rc == ERR_OK)
            rc = tenant_lock(tenant, ret, err);
    }
    if (rc == ERR_OK)
        *err = (struct err){0};
    return rc;
}
