/*
 * canary.c: planting texts, and looking for them in every byte.
 *
 * The search of files knows nothing of what wrote them: it reads each in blocks that overlap by the
 * length of a canary. The search of rows asks the database for every column of every declared
 * table, as somebody would who has the key.
 */
#include "custody/canary.h"

#include <assert.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

#include "custody/rows.h"

#define BLOCK_BYTES ((size_t)1024 * 1024)
#define FOUND_BYTES ((size_t)1024 * 1024)
#define SQL_BYTES 8192

void canaries_init(struct canaries *canaries, const struct ctx *ctx, const struct catalog *catalog)
{
    *canaries =
        (struct canaries){.ctx = ctx, .catalog = catalog, .found = STRBUF_INIT(FOUND_BYTES)};
}

void canaries_done(struct canaries *canaries)
{
    strbuf_done(&canaries->found);
}

/* ---- Planting ---- */

static struct canary *hatch(struct canaries *canaries, const char *what)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32 of them */
    struct canary *canary = &canaries->list[canaries->count];
    unsigned char dice[CANARY_BYTES];

    if (canaries->count == CANARIES_MAX)
        abort();
    canaries->count++;
    ctx_random(canaries->ctx, dice, sizeof(dice));
    memcpy(canary->text, "canary", 6);
    for (size_t i = 6; i < CANARY_BYTES; i++)
        canary->text[i] = letters[dice[i] % 32];
    canary->what = what;
    return canary;
}

const char *canary_of(struct canaries *canaries, const char *record, const char *field,
                      const char *what)
{
    struct canary *canary = hatch(canaries, what);

    canary->record = catalog_record(canaries->catalog, record);
    assert(canary->record);
    canary->field = record_field(canary->record, field);
    assert(canary->field);
    return canary->text;
}

const char *canary_stranger(struct canaries *canaries, const char *what)
{
    return hatch(canaries, what)->text;
}

/* ---- Searching ---- */

static bool holds(struct str bytes, const struct canary *canary)
{
    return memmem(bytes.ptr, bytes.len, canary->text, CANARY_BYTES) != NULL;
}

static void tell(struct canaries *canaries, const struct canary *canary, const char *where,
                 const char *field)
{
    strbuf_addf(&canaries->found, "%s%s%s (%s) is in %s%s%s\n",
                canary->record ? canary->record->name : "a text that must not be stored",
                canary->record ? "." : "", canary->record ? canary->field->name : "", canary->what,
                where, field ? "." : "", field ? field : "");
}

void canary_search_text(struct canaries *canaries, struct str text, const char *where)
{
    canaries->bytes += (int64_t)text.len;
    for (size_t i = 0; i < canaries->count; i++) {
        struct canary *canary = &canaries->list[i];

        if (holds(text, canary)) {
            canary->raw++;
            tell(canaries, canary, where, NULL);
        }
    }
}

void canary_search_export(struct canaries *canaries, struct str text, const char *where)
{
    canaries->bytes += (int64_t)text.len;
    for (size_t i = 0; i < canaries->count; i++) {
        struct canary *canary = &canaries->list[i];

        if (canary->record && class_policy(canary->field->class)->exported)
            continue;
        if (holds(text, canary)) {
            canary->raw++;
            tell(canaries, canary, where, NULL);
        }
    }
}

static enum err_class search_file(struct canaries *canaries, const char *path, char *block,
                                  struct err *err)
{
    FILE *file = fopen(path, "rbe");
    size_t kept = 0, got;

    if (!file)
        return err_errno(err, errno, "cannot read %s", path);
    canaries->files++;
    while ((got = fread(block + kept, 1, BLOCK_BYTES - kept, file)) > 0) {
        size_t len = kept + got;

        canary_search_text(canaries, (struct str){block, len}, path);
        canaries->bytes -= (int64_t)kept; /* counted with the block before */
        kept = len < CANARY_BYTES ? len : CANARY_BYTES - 1;
        memmove(block, block + len - kept, kept);
    }

    bool failed = ferror(file) != 0;

    (void)fclose(file); /* only read from */
    return failed ? err_set(err, ERR_DISK, "cannot read %s to its end", path) : ERR_OK;
}

static enum err_class search_tree(struct canaries *canaries, FTS *tree, char *block,
                                  struct err *err)
{
    enum err_class rc = ERR_OK;
    FTSENT *entry;

    while (rc == ERR_OK && (errno = 0, entry = fts_read(tree)) != NULL) {
        switch (entry->fts_info) {
        case FTS_F:
            canary_search_text(canaries, str_from(entry->fts_name), "the name of a file");
            rc = search_file(canaries, entry->fts_path, block, err);
            break;
        case FTS_D:
            canary_search_text(canaries, str_from(entry->fts_name), "the name of a folder");
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            rc = err_errno(err, entry->fts_errno, "cannot read %s", entry->fts_path);
            break;
        default:
            break;
        }
    }
    return rc == ERR_OK && errno != 0 ? err_errno(err, errno, "cannot list a folder") : rc;
}

enum err_class canary_search_files(struct canaries *canaries, const char *folder, struct err *err)
{
    AUTO(free_autop) char *path = str_dup_z(str_from(folder));
    AUTO(free_autop) char *block = malloc(BLOCK_BYTES);
    char *paths[] = {path, NULL};

    if (!path || !block)
        return err_memory(err);

    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    if (!tree)
        return err_errno(err, errno, "cannot list %s", folder);

    enum err_class rc = search_tree(canaries, tree, block, err);

    (void)fts_close(tree); /* only read from */
    return rc;
}

/* ---- Rows ---- */

static bool belongs(const struct canary *canary, const struct record *record,
                    const struct field *field)
{
    return canary->record == record && canary->field == field &&
           !class_policy(field->class)->sealed;
}

static void search_value(struct canaries *canaries, const struct record *record,
                         const struct field *field, struct str value)
{
    for (size_t i = 0; i < canaries->count && value.len > 0; i++) {
        struct canary *canary = &canaries->list[i];

        if (!holds(value, canary))
            continue;
        if (belongs(canary, record, field)) {
            canary->arrived = true;
        } else {
            canary->open++;
            tell(canaries, canary, record->name, field->name);
        }
    }
}

static enum err_class search_record(struct canaries *canaries, struct db *db,
                                    const struct record *record, struct err *err)
{
    struct strbuf sql AUTO(strbuf_done) = STRBUF_INIT(SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = true;

    strbuf_add_z(&sql, "SELECT ");
    for (size_t f = 0; f < record->field_count; f++)
        strbuf_addf(&sql, "%s%s", f > 0 ? ", " : "", record->fields[f].name);
    strbuf_addf(&sql, " FROM %s ORDER BY 1", record->name);

    enum err_class rc = strbuf_check(&sql, "a statement", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(db, strbuf_z(&sql), &stmt, err);
    canaries->tables++;
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        canaries->rows++;
        for (size_t f = 0; f < record->field_count; f++)
            search_value(canaries, record, &record->fields[f], db_blob(stmt, (int)f));
    }
    return rc;
}

enum err_class canary_search_rows(struct canaries *canaries, struct db *db, enum record_scope scope,
                                  struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < canaries->catalog->record_count && rc == ERR_OK; i++)
        if (canaries->catalog->records[i]->scope == scope)
            rc = search_record(canaries, db, canaries->catalog->records[i], err);
    return rc;
}

/* ---- What is sealed ---- */

static void note_arrivals(struct canaries *canaries, const struct record *record, struct str json)
{
    for (size_t i = 0; i < canaries->count; i++) {
        struct canary *canary = &canaries->list[i];

        if (canary->record != record || !class_policy(canary->field->class)->sealed)
            continue;
        if (canary->field->class == CLASS_CONTENT ? holds(json, canary) : json.len > 0)
            canary->arrived = true;
    }
}

static enum err_class open_record(struct canaries *canaries, struct tenant *tenant,
                                  const struct record *record, struct err *err)
{
    AUTO(rows_close_autop) struct rows *rows = NULL;
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(ROWS_TEXT_BYTES);
    struct json_out json = json_out(&text);
    bool row = true;
    enum err_class rc = rows_open(tenant, record, ROWS_HELD, NULL, 0, &rows, err);

    while (rc == ERR_OK && row) {
        strbuf_reset(&text);
        json = json_out(&text);
        rc = rows_next(rows, &json, &row, err);
        if (rc == ERR_OK && row)
            note_arrivals(canaries, record, strbuf_str(&text));
    }
    return rc;
}

enum err_class canary_open_sealed(struct canaries *canaries, struct tenant *tenant, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < canaries->catalog->record_count && rc == ERR_OK; i++)
        if (canaries->catalog->records[i]->scope == SCOPE_TENANT)
            rc = open_record(canaries, tenant, canaries->catalog->records[i], err);
    return rc;
}
