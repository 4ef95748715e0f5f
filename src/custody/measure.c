/*
 * measure.c: rows, ages and sizes of what is stored, for the Data page and `tenon policy --live`.
 *
 * Files are asked for their size and never opened: closing any handle of a database's file would
 * drop the locks that SQLite holds on it. Threads: those of the handles that are given.
 */
#include "custody/measure.h"

#include <sys/stat.h>

#include "base/disk.h"
#include "custody/backup.h"

/* ---- Files ---- */

struct folder {
    const char *dir;
    const char *suffix; /* only names that end so */
    int64_t bytes;
    bool failed; /* out of memory */
};

static void add_file(void *arg, const char *name)
{
    struct folder *folder = arg;
    AUTO(free_autop) char *path = NULL;
    struct stat st;

    if (!str_ends(str_from(name), str_from(folder->suffix)))
        return;
    path = disk_join(folder->dir, name);
    folder->failed = folder->failed || !path;
    if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode)) /* else it is gone meanwhile */
        folder->bytes += st.st_size;
}

/* Adds the files right in a folder that have the suffix ("": all) to *ret; a folder that is not
 * there has none. */
static enum err_class add_folder(const struct ctx *ctx, const char *dir, const char *suffix,
                                 int64_t *ret, struct err *err)
{
    struct folder folder = {.dir = dir, .suffix = suffix};
    enum err_class rc = ERR_OK;

    if (!dir)
        return err_memory(err);
    if (disk_exists(ctx, dir))
        rc = disk_list(ctx, dir, add_file, &folder, err);
    if (rc == ERR_OK && folder.failed)
        rc = err_memory(err);
    if (rc == ERR_OK)
        *ret += folder.bytes;
    return rc;
}

static enum err_class add_backups(const struct data *data, const char *owner, int64_t *ret,
                                  struct err *err)
{
    AUTO(free_autop) char *all = disk_join(data->dir, "backups");
    AUTO(free_autop) char *dir = all ? disk_join(all, owner) : NULL;

    return add_folder(data->ctx, dir, BACKUP_SUFFIX, ret, err);
}

static enum err_class take_totals(const struct measure_question *question,
                                  struct measure_totals *ret, struct err *err)
{
    const struct data *data = question->data;
    const struct tenant *tenant = question->tenant;
    struct measure_totals totals = {-1, -1, -1, -1};
    enum err_class rc = ERR_OK;

    if (tenant) {
        totals.tenant = totals.tenant_backups = 0;
        rc = add_folder(data->ctx, tenant->dir, "", &totals.tenant, err);
        if (rc == ERR_OK)
            rc = add_backups(data, tenant->info.id, &totals.tenant_backups, err);
    }
    if (rc == ERR_OK && question->server) {
        totals.server = totals.server_backups = 0;
        rc = add_folder(data->ctx, data->dir, "", &totals.server, err);
        if (rc == ERR_OK)
            rc = add_backups(data, BACKUP_CONTROL, &totals.server_backups, err);
    }
    if (rc == ERR_OK)
        *ret = totals;
    return rc;
}

/* Records that lie in folders of the server's. */
static const struct {
    const char *record, *folder, *suffix;
} places[] = {{"audit_line", "audit", ".log"},
              {"log_line", "logs", ".log"},
              {"receipt", "receipts", ".json"}};

static enum err_class size_files(const struct measure_question *question,
                                 const struct measure_totals *totals, const struct record *record,
                                 struct measured *ret, struct err *err)
{
    const struct data *data = question->data;
    const struct tenant *tenant = question->tenant;
    enum err_class rc = ERR_OK;

    if (strcmp(record->name, "backup_file") == 0) {
        ret->sized = true;
        ret->bytes =
            (tenant ? totals->tenant_backups : 0) + (question->server ? totals->server_backups : 0);
        return ERR_OK;
    }
    if (strcmp(record->name, "keyring") == 0) {
        ret->sized = true;
        if (tenant)
            rc = add_folder(data->ctx, tenant->dir, "tenant.key", &ret->bytes, err);
        if (rc == ERR_OK && question->server)
            rc = add_folder(data->ctx, data->dir, "control.key", &ret->bytes, err);
        return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(places) && question->server; i++) {
        if (strcmp(record->name, places[i].record) != 0)
            continue;
        AUTO(free_autop) char *dir = disk_join(data->dir, places[i].folder);

        ret->sized = true;
        rc = add_folder(data->ctx, dir, places[i].suffix, &ret->bytes, err);
    }
    return rc;
}

/* ---- Tables ---- */

/* The time that says how old a row is: what retention counts from, else the first there is. */
static const char *age_field(const struct record *record)
{
    if (record->retention_field)
        return record->retention_field;
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].type == TYPE_TIME)
            return record->fields[i].name;
    return NULL;
}

/* Counts and weighs the tables of one file; then its bytes are shared out by weight. */
static enum err_class measure_file(struct db *db, const struct catalog *catalog,
                                   enum record_scope scope, struct measured *ret, struct err *err)
{
    int64_t used = 0, weight = 0;
    enum err_class rc = db_used_bytes(db, &used, err);

    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++) {
        const struct record *record = catalog->records[i];

        if (record->scope != scope)
            continue;
        rc = db_measure_table(db, record->name, age_field(record), &ret[i].rows, &ret[i].oldest_ms,
                              err);
        if (rc == ERR_OK)
            rc = db_weigh_record(db, record, ret[i].rows, &ret[i].bytes, err);
        weight += ret[i].bytes;
        ret[i].counted = ret[i].sized = true;
    }
    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK && weight > 0; i++)
        if (catalog->records[i]->scope == scope)
            ret[i].bytes = (int64_t)((double)ret[i].bytes / (double)weight * (double)used);
    return rc;
}

enum err_class measure_all(const struct measure_question *question, struct measured *ret,
                           struct measure_totals *ret_totals, struct err *err)
{
    const struct catalog *catalog = question->data->catalog;
    struct measure_totals totals;
    enum err_class rc = take_totals(question, &totals, err);

    for (size_t i = 0; i < catalog->record_count; i++)
        ret[i] = (struct measured){.counted = false};
    if (rc == ERR_OK && question->tenant)
        rc = measure_file(question->tenant->db, catalog, SCOPE_TENANT, ret, err);
    if (rc == ERR_OK && question->server)
        rc = measure_file(question->data->control, catalog, SCOPE_CONTROL, ret, err);
    for (size_t i = 0; i < catalog->record_count && rc == ERR_OK; i++)
        if (catalog->records[i]->scope == SCOPE_FILE)
            rc = size_files(question, &totals, catalog->records[i], &ret[i], err);
    if (rc == ERR_OK)
        *ret_totals = totals;
    return rc;
}
