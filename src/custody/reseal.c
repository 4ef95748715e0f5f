/*
 * reseal.c: the walk over every sealed value of a database.
 *
 * One field after the other, its rows in the order of their key, some thousand rows a transaction.
 * SQL is built from names of the catalogue only. The transactions are bulk ones: a power cut may
 * take back the last of them, and then their values are sealed with the old version, which the
 * keyring still has; at the end all is made durable before anybody calls the walk finished.
 */
#include "custody/reseal.h"

#include <assert.h>

#define SQL_BYTES 4096
#define STEP_ROWS 4000
#define STEP_BYTES ((size_t)8 * 1024 * 1024)
#define VALUE_BYTES ((size_t)LIMIT_FILE_BYTES)

/* At one field. */
struct walk {
    const struct reseal *reseal;
    const struct record *record;
    const struct field *field;
    const char *key; /* the record's, one field */
    bool key_is_text;
    struct strbuf plain, sealed, after; /* `after`: the last key when it is a text */
    int64_t after_row;
    bool begun;
    int64_t done, total, values;
};

static void walk_done(struct walk *walk)
{
    vault_wipe(&walk->plain);
    strbuf_done(&walk->sealed);
    strbuf_done(&walk->after);
}

/* Of the text: @ is the record, # the field, ! the record's key. */
static enum err_class prepare(const struct walk *walk, const char *text, const char *field,
                              struct db_stmt **ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(SQL_BYTES);
    enum err_class rc;

    for (const char *at = text; *at; at++) {
        const char *name = *at == '@'   ? walk->record->name
                           : *at == '#' ? field
                           : *at == '!' ? walk->key
                                        : NULL;

        if (name)
            strbuf_add_z(&sql, name);
        else
            strbuf_add_char(&sql, *at);
    }
    rc = strbuf_check(&sql, "a statement", err);
    return rc == ERR_OK ? db_prepare_built(walk->reseal->db, strbuf_z(&sql), ret, err) : rc;
}

static struct vault_place place_of(const struct walk *walk, const struct field *field,
                                   const struct db_stmt *rows)
{
    struct vault_place place = {.record = walk->record->name, .field = field->name};

    if (walk->key_is_text)
        place.row_text = db_text(rows, 0);
    else
        place.row = db_i64(rows, 0);
    return place;
}

/* Calls `each` for every sealed field of the scope. */
static enum err_class each_field(const struct reseal *reseal,
                                 enum err_class (*each)(struct walk *walk, struct err *err),
                                 struct walk *walk, struct err *err)
{
    enum err_class rc = ERR_OK;

    walk->reseal = reseal;
    walk->plain = STRBUF_INIT(VALUE_BYTES);
    walk->sealed = STRBUF_INIT(VALUE_BYTES);
    walk->after = STRBUF_INIT(VALUE_BYTES);
    for (size_t i = 0; i < reseal->catalog->record_count && rc == ERR_OK; i++) {
        const struct record *record = reseal->catalog->records[i];

        if (record->scope != reseal->scope)
            continue;
        walk->record = record;
        walk->key = record->fields[0].name;
        walk->key_is_text = record->fields[0].type == TYPE_TEXT;
        for (size_t k = 0; k < record->field_count && rc == ERR_OK; k++) {
            walk->field = &record->fields[k];
            if (!class_policy(walk->field->class)->sealed)
                continue;
            /* A value is bound to its row by one key, the first field. */
            rc =
                (record->fields[0].flags & FIELD_KEY) && !(record->fields[1].flags & FIELD_KEY)
                    ? each(walk, err)
                    : err_set(err, ERR_BUG, "the sealed record %s has no single key", record->name);
        }
    }
    return rc;
}

/* ---- Counting ---- */

struct counting {
    struct walk walk; /* first */
    struct reseal_counts *counts;
};

static enum err_class note_count(struct reseal_counts *counts, uint32_t version, int64_t values,
                                 struct err *err)
{
    size_t at = 0;

    while (at < counts->count && counts->version[at] < version)
        at++;
    if (at == counts->count || counts->version[at] != version) {
        if (counts->count == ARRAY_LEN(counts->version))
            return err_set(err, ERR_CORRUPT, "values are sealed with more than %zu versions",
                           counts->count);
        memmove(&counts->version[at + 1], &counts->version[at],
                (counts->count - at) * sizeof(counts->version[0]));
        memmove(&counts->values[at + 1], &counts->values[at],
                (counts->count - at) * sizeof(counts->values[0]));
        counts->version[at] = version;
        counts->values[at] = 0;
        counts->count++;
    }
    counts->values[at] += values;
    return ERR_OK;
}

static enum err_class count_field(struct walk *walk, struct err *err)
{
    struct counting *counting = (struct counting *)walk;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    /* The head is enough; it is filled up so that it can be looked at as a value. */
    enum err_class rc = prepare(walk,
                                "SELECT substr(#, 1, 5) || zeroblob(40) AS head, count(*)"
                                " FROM @ WHERE # IS NOT NULL GROUP BY substr(#, 1, 5)"
                                " ORDER BY 1 LIMIT 1000",
                                walk->field->name, &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        uint32_t version = vault_sealed_version(db_blob(stmt, 0));

        if (version == 0)
            return err_set(err, ERR_CORRUPT, "a value of %s.%s is not a sealed one",
                           walk->record->name, walk->field->name);
        rc = note_count(counting->counts, version, db_i64(stmt, 1), err);
    }
    return rc;
}

enum err_class reseal_count(const struct reseal *reseal, struct reseal_counts *ret, struct err *err)
{
    struct counting counting = {.counts = ret};
    enum err_class rc;

    *ret = (struct reseal_counts){.count = 0};
    rc = each_field(reseal, count_field, &counting.walk, err);
    walk_done(&counting.walk);
    return rc;
}

/* ---- Sealing anew ---- */

static void bind_key(const struct walk *walk, struct db_stmt *stmt, int param,
                     const struct vault_place *place)
{
    if (walk->key_is_text)
        db_bind_text(stmt, param, place->row_text);
    else
        db_bind_i64(stmt, param, place->row);
}

/* The value on which `rows` stands: opened, sealed, put back. Adds its size to *bytes. */
static enum err_class reseal_row(struct walk *walk, struct db_stmt *rows, struct db_stmt *put,
                                 size_t *bytes, struct err *err)
{
    const struct reseal *reseal = walk->reseal;
    const struct vault_place place = place_of(walk, walk->field, rows);
    struct str old = db_blob(rows, 1);
    enum err_class rc = ERR_OK;

    walk->done++;
    if (vault_sealed_version(old) == vault_version(reseal->vault))
        return ERR_OK;
    strbuf_reset(&walk->plain);
    strbuf_reset(&walk->sealed);
    rc = vault_unseal(reseal->vault, &place, old, &walk->plain, err);
    if (rc == ERR_OK)
        rc = vault_seal(reseal->vault, reseal->ctx, &place, strbuf_str(&walk->plain), &walk->sealed,
                        err);
    if (rc != ERR_OK)
        return rc;
    *bytes += old.len;
    walk->values++;
    db_bind_blob(put, 1, strbuf_str(&walk->sealed));
    bind_key(walk, put, 2, &place);
    return db_run(put, err);
}

/* Where the next step begins: after the row that `rows` stands on. */
static enum err_class note_key(struct walk *walk, const struct db_stmt *rows, struct err *err)
{
    walk->begun = true;
    if (!walk->key_is_text) {
        walk->after_row = db_i64(rows, 0);
        return ERR_OK;
    }
    strbuf_reset(&walk->after);
    strbuf_add_str(&walk->after, db_text(rows, 0));
    return strbuf_check(&walk->after, "a key", err);
}

/* One transaction's rows. *ret_more: there may be others. */
static enum err_class step_rows(struct walk *walk, struct db_stmt *rows, struct db_stmt *put,
                                bool *ret_more, struct err *err)
{
    size_t count = 0, bytes = 0;
    bool row = true;
    enum err_class rc = ERR_OK;

    if (walk->key_is_text)
        db_bind_text(rows, 1, walk->begun ? strbuf_str(&walk->after) : STR(""));
    else
        db_bind_i64(rows, 1, walk->begun ? walk->after_row : INT64_MIN);
    while (count < STEP_ROWS && bytes < STEP_BYTES) {
        rc = db_step(rows, &row, err);
        if (rc != ERR_OK || !row)
            break;
        rc = reseal_row(walk, rows, put, &bytes, err);
        if (rc == ERR_OK)
            rc = note_key(walk, rows, err);
        if (rc != ERR_OK)
            break;
        count++;
    }
    *ret_more = row;
    db_reset(rows);
    return rc;
}

static enum err_class step(struct walk *walk, struct db_stmt *rows, struct db_stmt *put,
                           bool *ret_more, struct err *err)
{
    const struct reseal *reseal = walk->reseal;
    int64_t begin_ms = ctx_mono_ms(reseal->ctx);
    enum err_class rc = ctx_check(reseal->ctx, err);

    if (rc == ERR_OK)
        rc = db_begin(reseal->db, DB_BULK, err);
    if (rc != ERR_OK)
        return rc;
    rc = db_end(reseal->db, step_rows(walk, rows, put, ret_more, err), err);
    if (rc == ERR_OK && reseal->watch)
        rc = reseal->watch(reseal->arg, walk->done, walk->total, err);
    if (rc == ERR_OK && reseal->gently)
        ctx_sleep_ms(reseal->ctx, ctx_mono_ms(reseal->ctx) - begin_ms + 1);
    return rc;
}

static enum err_class reseal_field(struct walk *walk, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *rows = NULL;
    AUTO(db_finish_autop) struct db_stmt *put = NULL;
    bool more = true;
    enum err_class rc = prepare(walk,
                                "SELECT !, # FROM @ WHERE ! > $1 AND # IS NOT NULL ORDER BY !"
                                " LIMIT 100000",
                                walk->field->name, &rows, err);

    if (rc == ERR_OK)
        rc = prepare(walk, "UPDATE @ SET # = $1 WHERE ! = $2", walk->field->name, &put, err);
    walk->begun = false;
    while (rc == ERR_OK && more)
        rc = step(walk, rows, put, &more, err);
    return rc;
}

static enum err_class add_rows(struct walk *walk, struct err *err)
{
    int64_t rows = 0, oldest = 0;
    enum err_class rc =
        db_measure_table(walk->reseal->db, walk->record->name, NULL, &rows, &oldest, err);

    walk->total += rows;
    return rc;
}

enum err_class reseal_all(const struct reseal *reseal, int64_t *ret_values, struct err *err)
{
    struct walk walk = {0};
    enum err_class rc = each_field(reseal, add_rows, &walk, err);

    if (rc == ERR_OK)
        rc = each_field(reseal, reseal_field, &walk, err);
    if (rc == ERR_OK)
        rc = db_make_durable(reseal->db, err);
    if (rc == ERR_OK)
        *ret_values = walk.values;
    walk_done(&walk);
    return rc;
}

/* ---- Digests ---- */

static enum err_class digest_rows(struct walk *walk, const struct field *digest, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *rows = NULL;
    AUTO(db_finish_autop) struct db_stmt *put = NULL;
    bool row = false;
    enum err_class rc = prepare(walk, "SELECT !, # FROM @ WHERE # IS NOT NULL ORDER BY !",
                                walk->field->name, &rows, err);

    if (rc == ERR_OK)
        rc = prepare(walk, "UPDATE @ SET # = $1 WHERE ! = $2", digest->name, &put, err);
    while (rc == ERR_OK && (rc = db_step(rows, &row, err)) == ERR_OK && row) {
        const struct vault_place place = place_of(walk, walk->field, rows);
        unsigned char bytes[VAULT_DIGEST_BYTES];

        strbuf_reset(&walk->plain);
        rc = vault_unseal(walk->reseal->vault, &place, db_blob(rows, 1), &walk->plain, err);
        if (rc != ERR_OK)
            return rc;
        vault_digest(walk->reseal->vault, walk->record->name, walk->field->name,
                     strbuf_str(&walk->plain), bytes);
        db_bind_blob(put, 1, (struct str){(const char *)bytes, sizeof(bytes)});
        bind_key(walk, put, 2, &place);
        rc = db_run(put, err);
    }
    return rc;
}

static enum err_class digests_of_field(struct walk *walk, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < walk->record->field_count && rc == ERR_OK; i++) {
        const struct field *digest = &walk->record->fields[i];

        if (digest->digest_of && strcmp(digest->digest_of, walk->field->name) == 0)
            rc = digest_rows(walk, digest, err);
    }
    return rc;
}

enum err_class reseal_digests(const struct reseal *reseal, struct err *err)
{
    struct walk walk = {0};
    enum err_class rc = db_begin(reseal->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_end(reseal->db, each_field(reseal, digests_of_field, &walk, err), err);
    walk_done(&walk);
    return rc;
}
