/*
 * person.c: one person through the whole catalogue.
 *
 * The model is a list of paths. The first is the person's own row; each record with a reference to
 * `person` is one more; and each record that goes with one of those is one more, with the other as
 * its parent. A path gives one SQL condition with the person's number as its only parameter:
 *
 *     worklog      person = $1
 *     worklog_tag  client_worklog_id IN (SELECT client_worklog_id FROM worklog WHERE person = $1)
 *
 * Counting, showing and erasing (person_erase.c) differ in what stands before it.
 *
 * Statements are built from names of the catalogue; nothing from outside stands in them.
 */
#include "custody/person_internal.h"

#include <assert.h>

#include "store/erased.h"

#define CONDITION_BYTES 4096

/* ---- Paths ---- */

bool person_has_one_key(const struct record *record)
{
    return record->field_count < 2 || !(record->fields[1].flags & FIELD_KEY);
}

static enum err_class add_path(struct paths *paths, const struct path *path, struct err *err)
{
    if (paths->count == PATHS_MAX)
        return err_set(err, ERR_BUG, "more than %d ways lead from a person to the rows held",
                       PATHS_MAX);
    paths->list[paths->count++] = *path;
    return ERR_OK;
}

/* The references of one record to `target`, reached by `parent`. */
static enum err_class add_references(struct paths *paths, const struct record *record,
                                     const struct record *target, const struct path *parent,
                                     struct err *err)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        const struct path path = {.record = record, .field = field, .parent = parent};

        if (field->type != TYPE_REF || strcmp(field->ref, target->name) != 0)
            continue;
        if (!parent && record->erase == ERASE_NONE)
            return err_set(err, ERR_BUG,
                           "the record %s refers to a person by %s, and its .erase says that it "
                           "holds nothing of one",
                           record->name, field->name);
        if (parent && record->erase != ERASE_FOLLOW)
            continue;
        if (!person_has_one_key(target))
            return err_set(err, ERR_BUG, "%s.%s refers to %s, whose key has several fields",
                           record->name, field->name, target->name);

        enum err_class rc = add_path(paths, &path, err);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class person_paths(const struct catalog *catalog, struct paths *ret, struct err *err)
{
    const struct path person = {.record = catalog_record(catalog, "person")};

    assert(person.record);
    ret->count = 0;

    enum err_class rc = add_path(ret, &person, err);

    /* Ends: the list has a cap, and a cycle of records reaches it. */
    for (size_t at = 0; at < ret->count && rc == ERR_OK; at++)
        for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++)
            if (catalog->records[i]->scope == SCOPE_TENANT)
                rc = add_references(ret, catalog->records[i], ret->list[at].record,
                                    at > 0 ? &ret->list[at] : NULL, err);
    return rc;
}

/* Deeper than any catalogue goes: a path's parents stand before it in the list. */
static void add_condition(const struct path *path, struct strbuf *sql)
{
    size_t closing = 0;

    for (; path->parent; path = path->parent, closing++)
        strbuf_addf(sql, "%s IN (SELECT %s FROM %s WHERE ", path->field->name,
                    path->parent->record->fields[0].name, path->parent->record->name);
    strbuf_addf(sql, "%s = $1", path->field ? path->field->name : path->record->fields[0].name);
    for (; closing > 0; closing--)
        strbuf_add_char(sql, ')');
}

/* ---- Looking ---- */

enum err_class person_check_account(struct str account, struct err *err)
{
    if (account.len == 0 || account.len > LIMIT_ACCOUNT_ID_BYTES || !str_is_utf8(account))
        return err_set(err, ERR_INPUT, "an account id has 1 to %d bytes of UTF-8; this one has %zu",
                       LIMIT_ACCOUNT_ID_BYTES, account.len);
    for (size_t i = 0; i < account.len; i++)
        if ((unsigned char)account.ptr[i] < 0x20)
            return err_set(err, ERR_INPUT, "an account id has no control characters");
    return ERR_OK;
}

/* "SELECT count(*) FROM worklog WHERE person = $1", or a DELETE. */
enum err_class person_prepare(struct tenant *tenant, const char *begin, const struct path *path,
                              int64_t number, struct db_stmt **ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(PERSON_SQL_BYTES);

    strbuf_addf(&sql, "%s FROM %s WHERE ", begin, path->record->name);
    add_condition(path, &sql);

    enum err_class rc = strbuf_check(&sql, "a question to the database", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(tenant->db, strbuf_z(&sql), ret, err);
    if (rc == ERR_OK)
        db_bind_i64(*ret, 1, number);
    return rc;
}

static enum err_class count_rows(struct tenant *tenant, const struct path *path, int64_t number,
                                 int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = person_prepare(tenant, "SELECT count(*)", path, number, &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

static const char *by_name(const struct path *path)
{
    return path->field ? path->field->name : path->record->fields[0].name;
}

/* ---- The document ---- */

void person_begin(struct person_document *document, const struct rows_sink *sink, int64_t rows_max,
                  enum audit_act act, struct str account)
{
    *document = (struct person_document){
        .text = STRBUF_INIT(ROWS_TEXT_BYTES), .sink = *sink, .rows_max = rows_max, .act = act};
    document->json = json_out(&document->text);
    json_object(&document->json);
    json_key(&document->json, "schema");
    json_put_z(&document->json, "tenon.person/1");
    json_key(&document->json, "account_id");
    json_put_str(&document->json, account);
    json_key(&document->json, "tenants");
    json_array(&document->json);
}

enum err_class person_tell_audit(struct tenant *tenant, enum audit_act act, int64_t number,
                                 int64_t count, const char *why, struct err *err)
{
    const struct audit_entry entry = {.act = act,
                                      .tenant = tenant->info.id,
                                      .record = "person",
                                      .row = number,
                                      .count = count,
                                      .why = why};

    return audit_write(tenant->audit, tenant->ctx, &entry, err);
}

static enum err_class put_rows(struct person_document *document, struct tenant *tenant,
                               const struct path *path, int64_t number, struct err *err)
{
    AUTO(strbuf_done) struct strbuf condition = STRBUF_INIT(CONDITION_BYTES);
    AUTO(rows_close_autop) struct rows *rows = NULL;
    bool row = true;

    add_condition(path, &condition);

    enum err_class rc = strbuf_check(&condition, "a question to the database", err);

    if (rc == ERR_OK)
        rc = rows_open(tenant, path->record, ROWS_HELD, strbuf_z(&condition), number, &rows, err);
    for (int64_t n = 0; n < document->rows_max && rc == ERR_OK && row; n++) {
        rc = rows_next(rows, &document->json, &row, err);
        if (rc == ERR_OK)
            rc = rows_flush(&document->sink, &document->text, false, err);
    }
    return rc;
}

static enum err_class put_part(struct person_document *document, struct tenant *tenant,
                               const struct path *path, int64_t number, int64_t *rows,
                               struct err *err)
{
    struct json_out *json = &document->json;
    int64_t count = 0;
    enum err_class rc = count_rows(tenant, path, number, &count, err);

    *rows += count;
    if (rc != ERR_OK || count == 0)
        return rc;
    json_object(json);
    json_key(json, "record");
    json_put_z(json, path->record->name);
    json_key(json, "app");
    json_put_z(json, path->record->app);
    json_key(json, "why");
    json_put_z(json, path->record->why);
    json_key(json, "by");
    json_put_z(json, by_name(path));
    json_key(json, "count");
    json_put_i64(json, count);
    json_key(json, "rows");
    json_array(json);
    rc = put_rows(document, tenant, path, number, err);
    json_array_end(json);
    json_object_end(json);
    return rc;
}

static enum err_class put_tenant(struct person_document *document, struct tenant *tenant,
                                 struct str account, int64_t *ret_rows, struct err *err)
{
    struct json_out *json = &document->json;
    struct paths paths;
    int64_t number = 0;
    bool erased = false;
    enum err_class rc = person_paths(tenant->catalog, &paths, err);

    *ret_rows = 0;
    if (rc == ERR_OK)
        rc = person_number(tenant, account, &number, err);
    if (rc == ERR_OK)
        rc = erased_find(tenant, account, &erased, err);
    if (rc == ERR_OK && number) /* first written down, then shown */
        rc = person_tell_audit(tenant, document->act, number, 0, NULL, err);
    if (rc != ERR_OK)
        return rc;
    json_object(json);
    json_key(json, "tenant");
    json_put_z(json, tenant->info.name);
    json_key(json, "site");
    json_put_z(json, tenant->info.base_url);
    json_key(json, "held");
    json_put_bool(json, number != 0);
    json_key(json, "erased");
    json_put_bool(json, erased);
    json_key(json, "records");
    json_array(json);
    for (size_t i = 0; i < paths.count && number && rc == ERR_OK; i++)
        rc = put_part(document, tenant, &paths.list[i], number, ret_rows, err);
    json_array_end(json);
    json_object_end(json);
    return rc;
}

enum err_class person_write(struct person_document *document, struct tenant *tenant,
                            struct str account, int64_t *ret_rows, struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_READ, err); /* one state of the store */

    if (rc != ERR_OK)
        return rc;
    rc = put_tenant(document, tenant, account, ret_rows, err);
    db_rollback(tenant->db); /* nothing was written */
    return rc;
}

enum err_class person_end(struct person_document *document, struct err *err)
{
    json_array_end(&document->json);
    json_object_end(&document->json);
    strbuf_add_char(&document->text, '\n');
    return rows_flush(&document->sink, &document->text, true, err);
}

void person_document_done(struct person_document *document)
{
    vault_wipe(&document->text);
}
