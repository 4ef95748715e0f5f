/*
 * erase.c: a tenant goes, step by step, and a receipt remains.
 *
 * The first transaction is the point of no return: after it no request, job or command finds the
 * tenant. A sync that is at work notices that its job is gone, or that its writer lock is waited
 * for, and stops; the key file is removed under that lock, before anything that it protects.
 *
 * What the control database holds of a tenant is found by the catalogue: every record there that is
 * kept while the tenant exists has a field "tenant".
 */
#include "custody/erase.h"

#include "base/disk.h"
#include "base/limits.h"
#include "jobs/jobs.h"

#define LOCK_TURN_MS 20
#define SQL_BYTES 512
#define LEFTOVERS_BYTES ((size_t)1024 * 1024)

/* ---- Step 1: the entry ---- */

static enum err_class forget_record(struct data *data, const struct record *record,
                                    const char *field, const char *tenant, int64_t *rows,
                                    struct err *err)
{
    struct strbuf sql AUTO(strbuf_done) = STRBUF_INIT(SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    strbuf_addf(&sql, "DELETE FROM %s WHERE %s = $1", record->name, field);

    enum err_class rc = db_prepare_built(data->control, strbuf_z(&sql), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        *rows += db_changes(data->control);
    return rc;
}

/* All that is kept here while the tenant exists; its entry is one of them. */
static enum err_class forget_records(struct data *data, const char *tenant, int64_t *rows,
                                     struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < data->catalog->record_count && rc == ERR_OK; i++) {
        const struct record *record = data->catalog->records[i];
        const char *field = strcmp(record->name, "tenant") == 0 ? "id" : "tenant";

        if (record->scope == SCOPE_CONTROL && record->retention == RETAIN_WHILE_TENANT)
            rc = forget_record(data, record, field, tenant, rows, err);
    }
    return rc;
}

static enum err_class note_erasure(struct data *data, const struct tenant_info *info,
                                   const char *why, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    char site[2 * VAULT_DIGEST_BYTES + 1];
    enum err_class rc = db_prepare(
        data->control,
        SQL("INSERT INTO erasure (tenant, why, begun, finished, site, keys, files, bytes, backups,"
            " control_rows) VALUES ($1, $2, $3, NULL, $4, 0, 0, 0, 0, 0)"
            " ON CONFLICT (tenant) DO UPDATE SET finished = NULL, why = excluded.why"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    receipt_site_digest(info->base_url, site);
    db_bind_text(stmt, 1, str_from(info->id));
    db_bind_text(stmt, 2, str_from(why));
    db_bind_i64(stmt, 3, ctx_now_ms(data->ctx));
    db_bind_text(stmt, 4, str_from(site));
    return db_run(stmt, err);
}

static enum err_class note_former(struct data *data, const struct tenant_info *info,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(data->control,
                   SQL("INSERT INTO former_tenant (id, name, base_url, kind, created, removed)"
                       " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET removed ="
                       " excluded.removed"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(info->id));
    db_bind_text(stmt, 2, str_from(info->name));
    db_bind_text(stmt, 3, str_from(info->base_url));
    db_bind_text(stmt, 4, str_from(tenant_kind_name(info->kind)));
    db_bind_i64(stmt, 5, info->created_ms);
    db_bind_i64(stmt, 6, ctx_now_ms(data->ctx));
    return db_run(stmt, err);
}

static enum err_class add_rows(struct data *data, const char *tenant, int64_t rows, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("UPDATE erasure SET control_rows = control_rows + $2 WHERE tenant = $1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    db_bind_i64(stmt, 2, rows);
    return db_run(stmt, err);
}

static enum err_class leave(struct data *data, const struct tenant_info *info, const char *why,
                            struct err *err)
{
    int64_t rows = 0;
    enum err_class rc = db_begin(data->control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = note_erasure(data, info, why, err);
    if (rc == ERR_OK)
        rc = note_former(data, info, err);
    if (rc == ERR_OK)
        rc = forget_records(data, info->id, &rows, err);
    if (rc == ERR_OK)
        rc = add_rows(data, info->id, rows, err);
    rc = db_end(data->control, rc, err);
    return rc == ERR_OK ? jobs_forget(data->control, info->id, err) : rc;
}

/* ---- Step 2: the key and the folder ---- */

struct folder {
    const struct ctx *ctx;
    const char *dir;
    struct erased *counts;
};

static void count_file(void *arg, const char *name)
{
    struct folder *folder = arg;
    AUTO(free_autop) char *path = disk_join(folder->dir, name);
    struct disk_file file;
    int64_t bytes = 0;
    struct err err = {0};

    folder->counts->files++;
    if (!path || disk_file_open(folder->ctx, path, false, &file, &err) != ERR_OK)
        return;
    if (disk_file_size(folder->ctx, &file, &bytes, &err) == ERR_OK)
        folder->counts->bytes += bytes;
    disk_file_close(folder->ctx, &file);
}

static enum err_class lock_folder(struct data *data, const char *path, int64_t wait_ms,
                                  struct disk_lock *ret, struct err *err)
{
    int64_t until = ctx_mono_ms(data->ctx) + wait_ms;
    enum err_class rc = disk_lock(data->ctx, path, ret, err);

    while (rc == ERR_CONFLICT && ctx_mono_ms(data->ctx) < until) {
        rc = ctx_check(data->ctx, err);
        if (rc != ERR_OK)
            return rc;
        ctx_sleep_ms(data->ctx, LOCK_TURN_MS);
        rc = disk_lock(data->ctx, path, ret, err);
    }
    return rc;
}

static enum err_class remove_folder(struct data *data, const char *tenant, int64_t wait_ms,
                                    struct erased *counts, struct err *err)
{
    AUTO(free_autop) char *dir = tenant_folder(data, tenant);
    AUTO(free_autop) char *key_path = dir ? disk_join(dir, "tenant.key") : NULL;
    AUTO(free_autop) char *lock_path = dir ? disk_join(dir, "writer.lock") : NULL;
    struct folder folder = {data->ctx, dir, counts};
    struct disk_lock lock = {-1};

    if (!key_path || !lock_path)
        return err_memory(err);
    if (!disk_exists(data->ctx, dir))
        return ERR_OK;

    enum err_class rc = lock_folder(data, lock_path, wait_ms, &lock, err);

    if (rc != ERR_OK)
        return rc;
    rc = disk_list(data->ctx, dir, count_file, &folder, err);
    counts->keys += disk_exists(data->ctx, key_path);
    if (rc == ERR_OK)
        rc = disk_remove(data->ctx, key_path, err);
    if (rc == ERR_OK)
        rc = disk_remove_tree(data->ctx, dir, err);
    disk_unlock(data->ctx, &lock);
    return rc;
}

/* What an interrupted restore of the tenant left in DATA/restore: names that begin with its id. */
struct leftovers {
    const char *tenant;
    struct strbuf names;
};

static void add_leftover(void *arg, const char *name)
{
    struct leftovers *leftovers = arg;

    if (strncmp(name, leftovers->tenant, TENANT_ID_BYTES) == 0)
        strbuf_addf(&leftovers->names, "%s\n", name);
}

static enum err_class remove_leftovers(struct data *data, const char *tenant, struct err *err)
{
    AUTO(free_autop) char *folder = disk_join(data->dir, "restore");
    struct leftovers leftovers = {tenant, STRBUF_INIT(LEFTOVERS_BYTES)};
    enum err_class rc = folder ? ERR_OK : err_memory(err);

    if (rc == ERR_OK && disk_exists(data->ctx, folder))
        rc = disk_list(data->ctx, folder, add_leftover, &leftovers, err);

    struct str rest = strbuf_str(&leftovers.names);

    while (rest.len > 0 && rc == ERR_OK) {
        AUTO(free_autop) char *name = str_dup_z(str_cut(rest, '\n', &rest));
        AUTO(free_autop) char *path = name ? disk_join(folder, name) : NULL;

        rc = path ? disk_remove_tree(data->ctx, path, err) : err_memory(err);
    }
    strbuf_done(&leftovers.names);
    return rc;
}

/* What was counted before a crash is added to what is counted after it. */
static enum err_class save_counts(struct data *data, const char *tenant, struct erased *counts,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        data->control,
        SQL("UPDATE erasure SET keys = keys + $2, files = files + $3, bytes = bytes + $4,"
            " backups = backups + $5 WHERE tenant = $1"
            " RETURNING keys, files, bytes, backups, control_rows"),
        &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    db_bind_i64(stmt, 2, counts->keys);
    db_bind_i64(stmt, 3, counts->files);
    db_bind_i64(stmt, 4, counts->bytes);
    db_bind_i64(stmt, 5, counts->backups);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        *counts = (struct erased){db_i64(stmt, 0), db_i64(stmt, 1), db_i64(stmt, 2),
                                  db_i64(stmt, 3), db_i64(stmt, 4)};
    db_reset(stmt);
    return db_end(data->control, rc, err);
}

/* ---- Steps 3 and 4 ---- */

static enum err_class finish(struct data *data, const char *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("UPDATE erasure SET finished = $2 WHERE tenant = $1"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    db_bind_i64(stmt, 2, ctx_now_ms(data->ctx));
    return db_end(data->control, db_run(stmt, err), err);
}

static enum err_class give_receipt(struct data *data, const char *tenant, const char *site,
                                   const struct erased *counts, struct strbuf *ret, struct err *err)
{
    struct receipt receipt = {.kind = RECEIPT_TENANT,
                              .at_ms = ctx_now_ms(data->ctx),
                              .counts = {{"keys", counts->keys},
                                         {"files", counts->files},
                                         {"bytes", counts->bytes},
                                         {"backups", counts->backups},
                                         {"control_rows", counts->control_rows}}};

    (void)snprintf(receipt.tenant, sizeof(receipt.tenant), "%s", tenant);
    (void)snprintf(receipt.digest, sizeof(receipt.digest), "%s", site);
    return receipt_issue(data, &receipt, ret, err);
}

/* Everything after the first transaction. */
static enum err_class go_on(struct data *data, const char *tenant, const char *site,
                            int64_t wait_ms, const struct erase_elsewhere *elsewhere,
                            struct erased *ret, struct strbuf *receipt, struct err *err)
{
    struct erased counts = {0};
    enum err_class rc = remove_folder(data, tenant, wait_ms, &counts, err);

    if (rc == ERR_OK)
        rc = remove_leftovers(data, tenant, err);
    if (rc == ERR_OK && elsewhere)
        rc = elsewhere->backups(elsewhere->arg, data, tenant, &counts.backups, err);
    if (rc == ERR_OK)
        rc = save_counts(data, tenant, &counts, err);
    if (rc == ERR_OK)
        rc = give_receipt(data, tenant, site, &counts, receipt, err);
    if (rc == ERR_OK)
        rc = finish(data, tenant, err);
    if (rc == ERR_OK && ret)
        *ret = counts;
    return rc;
}

static enum err_class tell_audit(struct data *data, const char *tenant, const char *why,
                                 struct err *err)
{
    const struct audit_entry entry = {
        .act = AUDIT_TENANT_ERASED, .tenant = tenant, .why = why, .result = ERR_OK};

    return audit_write(data->audit, data->ctx, &entry, err);
}

enum err_class erase_tenant(struct data *data, const struct tenant_info *info, const char *why,
                            int64_t wait_ms, const struct erase_elsewhere *elsewhere,
                            struct erased *ret, struct strbuf *receipt, struct err *err)
{
    char site[2 * VAULT_DIGEST_BYTES + 1];
    enum err_class rc = tell_audit(data, info->id, why, err);

    receipt_site_digest(info->base_url, site);
    if (rc == ERR_OK)
        rc = leave(data, info, why, err);
    if (rc == ERR_OK)
        rc = go_on(data, info->id, site, wait_ms, elsewhere, ret, receipt, err);
    return rc;
}

/* ---- What was interrupted ---- */

struct unfinished {
    char tenant[TENANT_ID_BYTES + 1], site[2 * VAULT_DIGEST_BYTES + 1];
};

static enum err_class next_unfinished(struct data *data, const char *after, struct unfinished *ret,
                                      bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(data->control,
                                   SQL("SELECT tenant, site FROM erasure"
                                       " WHERE finished IS NULL AND tenant > $1"
                                       " ORDER BY tenant LIMIT 1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(after));
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found) {
        (void)snprintf(ret->tenant, sizeof(ret->tenant), STR_FMT, STR_ARG(db_text(stmt, 0)));
        (void)snprintf(ret->site, sizeof(ret->site), STR_FMT, STR_ARG(db_text(stmt, 1)));
    }
    return rc;
}

enum err_class erase_rest(struct data *data, int64_t wait_ms,
                          const struct erase_elsewhere *elsewhere, int64_t *ret_count,
                          struct err *err)
{
    struct unfinished at = {"", ""};
    bool found = true;
    enum err_class rc = ERR_OK;

    *ret_count = 0;
    while (rc == ERR_OK) {
        char after[TENANT_ID_BYTES + 1];

        memcpy(after, at.tenant, sizeof(after));
        rc = next_unfinished(data, after, &at, &found, err);
        if (rc != ERR_OK || !found)
            return rc;
        rc = go_on(data, at.tenant, at.site, wait_ms, elsewhere, NULL, NULL, err);
        *ret_count += rc == ERR_OK;
    }
    return rc;
}

/* ---- The ledger ---- */

struct again {
    struct data *data;
    int64_t wait_ms;
    const struct erase_elsewhere *elsewhere;
    int64_t count;
};

static enum err_class is_there(struct data *data, const char *tenant, struct tenant_info *ret,
                               bool *ret_there, struct err *err)
{
    enum err_class rc = tenant_find(data, str_from(tenant), ret, err);

    *ret_there = rc == ERR_OK && strcmp(ret->id, tenant) == 0;
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err_class erase_if_there(struct again *again, const char *tenant, struct err *err)
{
    struct tenant_info info;
    bool there = false;
    enum err_class rc = is_there(again->data, tenant, &info, &there, err);

    if (rc != ERR_OK || !there)
        return rc;
    rc = erase_tenant(again->data, &info, "restored", again->wait_ms, again->elsewhere, NULL, NULL,
                      err);
    again->count += rc == ERR_OK;
    return rc;
}

static enum err_class erase_by_receipt(void *arg, const struct receipt *receipt, struct err *err)
{
    return receipt->kind == RECEIPT_TENANT ? erase_if_there(arg, receipt->tenant, err) : ERR_OK;
}

/* Tenants that are there and whose erasure the control database remembers. */
static enum err_class next_remembered(struct data *data, char ret[TENANT_ID_BYTES + 1],
                                      bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(data->control,
                                   SQL("SELECT erasure.tenant FROM erasure"
                                       " JOIN tenant ON tenant.id = erasure.tenant"
                                       " ORDER BY erasure.tenant LIMIT 1"),
                                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        (void)snprintf(ret, TENANT_ID_BYTES + 1, STR_FMT, STR_ARG(db_text(stmt, 0)));
    return rc;
}

enum err_class erase_again(struct data *data, const char *copies, int64_t wait_ms,
                           const struct erase_elsewhere *elsewhere, int64_t *ret_count,
                           struct err *err)
{
    AUTO(free_autop) char *folder = disk_join(data->dir, RECEIPTS_FOLDER);
    struct again again = {data, wait_ms, elsewhere, 0};
    char tenant[TENANT_ID_BYTES + 1];
    bool found = true;
    enum err_class rc = folder ? ERR_OK : err_memory(err);

    while (rc == ERR_OK && found) {
        rc = next_remembered(data, tenant, &found, err);
        if (rc == ERR_OK && found)
            rc = erase_if_there(&again, tenant, err);
    }
    if (rc == ERR_OK)
        rc = receipts_each(data, folder, erase_by_receipt, &again, err);
    if (rc == ERR_OK && copies)
        rc = receipts_each(data, copies, erase_by_receipt, &again, err);
    *ret_count = again.count;
    return rc;
}

struct wanted {
    const char *tenant;
    bool found;
};

static enum err_class look_for(void *arg, const struct receipt *receipt, struct err *err)
{
    struct wanted *wanted = arg;

    (void)err;
    if (receipt->kind == RECEIPT_TENANT && strcmp(receipt->tenant, wanted->tenant) == 0)
        wanted->found = true;
    return ERR_OK;
}

enum err_class erase_was(struct data *data, const char *copies, const char *tenant, bool *ret,
                         struct err *err)
{
    AUTO(free_autop) char *folder = disk_join(data->dir, RECEIPTS_FOLDER);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct wanted wanted = {tenant, false};
    enum err_class rc = folder ? ERR_OK : err_memory(err);

    if (rc == ERR_OK)
        rc = db_prepare(data->control,
                        SQL("SELECT begun FROM erasure WHERE tenant = $1 ORDER BY begun LIMIT 1"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    rc = db_step(stmt, &wanted.found, err);
    if (rc == ERR_OK && !wanted.found)
        rc = receipts_each(data, folder, look_for, &wanted, err);
    if (rc == ERR_OK && !wanted.found && copies)
        rc = receipts_each(data, copies, look_for, &wanted, err);
    *ret = wanted.found;
    return rc;
}
