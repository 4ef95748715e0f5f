/*
 * restore.c: a tenant out of a backup, into its place.
 *
 *     DATA/restore/<owner>/        tenant.key (the keyring of the backup), tenant.db
 *     DATA/restore/<owner>.lock    held meanwhile
 *
 * The database is made without a journal and without waiting for the disk, as it counts for nothing
 * before it is whole; then it is made durable, and exchanged with the live folder in one step of
 * the file system. What was live is then where the scratch was, and is removed. Killed at any
 * moment, the tenant is as it was, or as the backup says; a scratch that is left over is removed by
 * the next restore of that owner or by restore_tidy.
 *
 * A process that has the old database open goes on in a file without a name, until it gives its
 * handle back: store/pool.c looks whether the file still is the one that it opened.
 */
#include "custody/restore.h"

#include "base/disk_stream.h"
#include "custody/restore_internal.h"
#include "jobs/jobs.h"
#include "store/open_lock.h"
#include "store/schema.h"

char *restore_path(const struct data *data, const char *name, const char *suffix)
{
    AUTO(strbuf_done) struct strbuf path = STRBUF_INIT(4096);

    strbuf_addf(&path, "%s/restore/%s%s", data->dir, name, suffix);
    return path.failed == ERR_OK ? str_dup_z(strbuf_str(&path)) : NULL;
}

static char *live_dir(const struct data *data, const char *id)
{
    AUTO(strbuf_done) struct strbuf path = STRBUF_INIT(4096);

    strbuf_addf(&path, "%s/tenants/%s", data->dir, id);
    return path.failed == ERR_OK ? str_dup_z(strbuf_str(&path)) : NULL;
}

/* ---- opening a backup ---- */

static enum err_class not_theirs(const char *path, const char *wanted, const char *owner,
                                 struct err *err)
{
    return err_set(err, ERR_INPUT, "%s is a backup of %s, not of %s: take one of the right folder",
                   path, owner, wanted);
}

/*
 * The keys of a backup's owner: those that it carries, opened by our provider. Where that does not
 * open them any more (they were wrapped anew since), those of the owner that is here.
 */
static enum err_class open_keys(struct data *data, const struct archive_head *head,
                                bool carried_only, struct vault **ret, struct err *err)
{
    AUTO(free_autop) char *dir = live_dir(data, head->owner);
    AUTO(free_autop)
    char *live = head->scope == SCOPE_CONTROL ? disk_join(data->dir, "control.key")
                 : dir                        ? disk_join(dir, "tenant.key")
                                              : NULL;
    struct err ignored = {0};
    enum err_class rc = vault_open_bytes(data->ctx, data->provider, head->owner,
                                         strbuf_str(&head->keyring), ret, err);

    if (!live)
        return err_memory(err);
    if (rc == ERR_KEY && !carried_only && disk_exists(data->ctx, live) &&
        vault_open(data->ctx, data->provider, head->owner, live, ret, &ignored) == ERR_OK)
        return ERR_OK;
    return rc;
}

enum err_class restore_open(struct data *data, const char *path, const char *owner,
                            bool carried_only, struct archive_reader **ret,
                            struct vault **ret_vault, struct err *err)
{
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;
    AUTO(vault_close_autop) struct vault *vault = NULL;
    enum err_class rc = archive_open(data->ctx, path, &reader, err);

    if (rc != ERR_OK)
        return rc;

    const struct archive_head *head = archive_head(reader);

    if (owner && strcmp(owner, head->owner) != 0)
        return not_theirs(path, owner, head->owner, err);
    if (head->catalog_version > data->catalog->version)
        return err_set(err, ERR_SCHEMA,
                       "%s was written by a newer Tenon (catalogue %u; this one has %u), or its "
                       "header is damaged: use that version, or take another copy",
                       path, head->catalog_version, data->catalog->version);
    rc = open_keys(data, head, carried_only, &vault, err);
    if (rc != ERR_OK)
        return err_wrap(err,
                        "the keys of %s in the backup %s do not open here (the key provider is not "
                        "the one that wrapped them, or the header is damaged)",
                        head->owner, path);
    rc = archive_unlock(reader, vault, err);
    if (rc == ERR_OK) {
        *ret = TAKE(reader);
        *ret_vault = TAKE(vault);
    }
    return rc;
}

/* ---- a database from a backup ---- */

enum err_class restore_fill(struct data *data, struct archive_reader *reader,
                            const struct vault *vault, const char *db_path,
                            const struct content_steps *steps, struct tenant_info *info,
                            struct content_manifest *manifest, struct db **ret, struct err *err)
{
    AUTO(db_close_autop) struct db *db = NULL;
    const struct db_options options = {
        .path = db_path, .key = vault_db_key(vault), .create = true, .scratch = true};
    enum record_scope scope = archive_head(reader)->scope;
    enum err_class rc = db_open(data->ctx, &options, &db, err);

    if (rc == ERR_OK)
        rc = db_begin(db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = schema_make_tables(db, data->catalog, scope, err);
    if (rc == ERR_OK)
        rc = content_read(reader, db, data->catalog, steps, info, manifest, err);
    if (rc == ERR_OK)
        rc = schema_make_indexes(db, data->catalog, scope, err);
    if (rc == ERR_OK)
        rc = db_commit(db, err);
    if (rc == ERR_OK)
        *ret = TAKE(db);
    return rc;
}

enum err_class restore_finish_db(struct data *data, struct db **db, const char *db_path,
                                 enum record_scope scope, struct err *err)
{
    enum err_class rc = schema_apply(*db, data->ctx, data->catalog, scope, err);

    db_close(TAKE(*db));
    return rc == ERR_OK ? disk_sync(data->ctx, db_path, err) : rc;
}

/* ---- a tenant ---- */

struct work {
    struct data *data;
    const struct restore_options *options;
    struct archive_reader *reader;
    struct vault *vault;
    struct tenant_info info;
    char *scratch, *live; /* folders */
    bool entered;         /* the control database has the tenant */
    bool is_here;         /* so does the disk */
    int64_t taken_ms, rows;
};

static void work_done(struct work *work)
{
    archive_reader_free(work->reader);
    vault_close(work->vault);
    free(work->scratch);
    free(work->live);
}

static enum err_class make_scratch(struct work *work, struct content_manifest *manifest,
                                   struct err *err)
{
    const struct ctx *ctx = work->data->ctx;
    AUTO(free_autop) char *key_path = disk_join(work->scratch, "tenant.key");
    AUTO(free_autop) char *db_path = disk_join(work->scratch, "tenant.db");
    AUTO(db_close_autop) struct db *db = NULL;
    struct str keyring = strbuf_str(&archive_head(work->reader)->keyring);

    if (!key_path || !db_path)
        return err_memory(err);

    enum err_class rc = disk_remove_tree(ctx, work->scratch, err);

    if (rc == ERR_OK)
        rc = disk_make_dir(ctx, work->scratch, err);
    if (rc == ERR_OK)
        rc = disk_write(ctx, key_path, keyring, err);
    if (rc == ERR_OK)
        rc = restore_fill(work->data, work->reader, work->vault, db_path, &work->options->steps,
                          &work->info, manifest, &db, err);
    work->rows = manifest->rows;
    return rc == ERR_OK ? restore_finish_db(work->data, &db, db_path, SCOPE_TENANT, err) : rc;
}

/* What it is called here: as asked, as it is, or as it was; nobody else may have the name. */
static enum err_class settle_name(struct work *work, const struct tenant_info *here,
                                  struct err *err)
{
    struct tenant_info other = {0};
    const char *asked = work->options->name;

    (void)snprintf(work->info.id, sizeof(work->info.id), "%.*s", TENANT_ID_BYTES,
                   archive_head(work->reader)->owner);
    if (work->entered) {
        char id[TENANT_ID_BYTES + 1];

        memcpy(id, work->info.id, sizeof(id));
        work->info = *here;
        memcpy(work->info.id, id, sizeof(id));
    }
    if (asked)
        (void)snprintf(work->info.name, sizeof(work->info.name), "%s", asked);
    if (!tenant_name_is_valid(str_from(work->info.name)))
        return err_set(err, ERR_INPUT,
                       "%s is no name for a tenant: lower-case letters, digits, - and _, at most "
                       "%d; give one with --as",
                       work->info.name, LIMIT_TENANT_NAME_BYTES);

    enum err_class rc = tenant_find(work->data, str_from(work->info.name), &other, err);

    if (rc == ERR_NOT_FOUND) {
        *err = (struct err){0};
        return ERR_OK;
    }
    if (rc == ERR_OK && strcmp(other.id, work->info.id) != 0)
        return err_set(err, ERR_CONFLICT,
                       "another tenant is called %s here (%s); give the restored one another name "
                       "with --as",
                       work->info.name, other.id);
    return rc;
}

static enum err_class check_place(struct work *work, struct tenant_info *ret_here, struct err *err)
{
    const char *id = archive_head(work->reader)->owner;
    AUTO(free_autop) char *db_path = disk_join(work->live, "tenant.db");
    enum err_class rc = tenant_find(work->data, str_from(id), ret_here, err);

    if (!db_path)
        return err_memory(err);
    if (rc != ERR_OK && rc != ERR_NOT_FOUND)
        return rc;
    *err = (struct err){0};
    work->entered = rc == ERR_OK && strcmp(ret_here->id, id) == 0;
    work->is_here = disk_exists(work->data->ctx, work->live);
    if (work->entered && disk_exists(work->data->ctx, db_path) && !work->options->replace)
        return err_set(err, ERR_CONFLICT,
                       "the tenant %s (%s) is here, with data of its own; nothing was done. Add "
                       "--replace to put the backup in its place: what it has now is then gone",
                       ret_here->name, id);
    return ERR_OK;
}

static enum err_class say_restored(struct work *work, struct err *err)
{
    const struct audit_entry entry = {
        .act = AUDIT_RESTORED,
        .tenant = work->info.id,
        .record = "backup",
        .row = work->taken_ms,
        .why = work->is_here ? "over what was here" : "new here",
        .count = work->rows,
    };

    return audit_write(work->data->audit, work->data->ctx, &entry, err);
}

/* The restored tenant, opened where it was made, for what must go again before it counts. */
static enum err_class run_before(struct work *work, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    enum err_class rc = ERR_OK;

    if (!work->options->before)
        return ERR_OK;
    rc = tenant_open_at(work->data, &work->info, work->scratch, &tenant, err);
    return rc == ERR_OK ? work->options->before(work->options->before_arg, tenant, err) : rc;
}

/* From here on it counts. */
static enum err_class put_in_place(struct work *work, struct err *err)
{
    const struct ctx *ctx = work->data->ctx;
    bool joined = false;
    const struct job_order order = {
        .tenant = work->info.id,
        .kind = work->options->job_kind,
        .key = work->options->job_key,
        .due_ms = ctx_now_ms(ctx),
    };
    enum err_class rc = work->is_here ? disk_swap(ctx, work->scratch, work->live, err)
                                      : disk_move(ctx, work->scratch, work->live, err);

    if (rc == ERR_OK)
        rc = tenant_put(work->data, &work->info, err);
    if (rc == ERR_OK && order.kind)
        rc = jobs_add(work->data->control, ctx, &order, &joined, err);
    /* What was there; its key first, as with every removal. */
    AUTO(free_autop) char *old_key = disk_join(work->scratch, "tenant.key");

    if (rc == ERR_OK && !old_key)
        rc = err_memory(err);
    if (rc == ERR_OK && work->is_here)
        rc = disk_remove(ctx, old_key, err);
    if (rc == ERR_OK && work->is_here)
        rc = disk_remove_tree(ctx, work->scratch, err);
    return rc;
}

/* What must not be at work meanwhile; the lock files are part of the folder that goes. */
struct quiet {
    struct disk_lock writer; /* a sync */
    struct disk_file open;   /* a change of the database's key; others may have it open */
};

static enum err_class quiet_live(struct work *work, struct quiet *ret, struct err *err)
{
    AUTO(free_autop) char *path = disk_join(work->live, "writer.lock");

    if (!path)
        return err_memory(err);
    if (!work->is_here)
        return ERR_OK;

    enum err_class rc = disk_lock(work->data->ctx, path, &ret->writer, err);

    return rc == ERR_OK ? open_lock_share(work->data->ctx, work->live, &ret->open, err) : rc;
}

static enum err_class restore_locked(struct work *work, struct err *err)
{
    AUTO(content_manifest_done) struct content_manifest manifest = {0};
    struct tenant_info here = {0};
    struct quiet quiet = {{-1}, {-1}};
    enum err_class rc = content_manifest_init(&manifest, err);

    if (rc == ERR_OK)
        rc = check_place(work, &here, err);
    if (rc == ERR_OK)
        rc = make_scratch(work, &manifest, err);
    if (rc == ERR_OK)
        rc = settle_name(work, &here, err);
    if (rc == ERR_OK)
        rc = run_before(work, err);
    if (rc == ERR_OK)
        rc = quiet_live(work, &quiet, err);
    if (rc == ERR_OK)
        rc = say_restored(work, err);
    if (rc == ERR_OK)
        rc = put_in_place(work, err);
    else
        restore_drop(work->data, work->scratch);
    disk_file_close(work->data->ctx, &quiet.open);
    disk_unlock(work->data->ctx, &quiet.writer);
    return rc;
}

void restore_drop(struct data *data, const char *dir)
{
    struct err ignored = {0};

    err_ignore(disk_remove_tree(data->ctx, dir, &ignored)); /* an undo; restore_tidy does it too */
}

enum err_class restore_lock(struct data *data, const char *name, struct disk_lock *ret,
                            struct err *err)
{
    AUTO(free_autop) char *all = disk_join(data->dir, "restore");
    AUTO(free_autop) char *path = restore_path(data, name, RESTORE_LOCK_SUFFIX);

    if (!all || !path)
        return err_memory(err);

    enum err_class rc = disk_make_dir(data->ctx, all, err);

    return rc == ERR_OK ? disk_lock(data->ctx, path, ret, err) : rc;
}

enum err_class restore_tenant(struct data *data, const struct restore_options *options,
                              struct restored *ret, struct err *err)
{
    AUTO(work_done) struct work work = {.data = data, .options = options};
    struct disk_lock lock = {-1};
    enum err_class rc =
        restore_open(data, options->path, options->owner, true, &work.reader, &work.vault, err);

    if (rc != ERR_OK)
        return rc;

    const struct archive_head *head = archive_head(work.reader);

    if (head->scope != SCOPE_TENANT || strlen(head->owner) > TENANT_ID_BYTES)
        return err_set(err, ERR_INPUT,
                       "%s is a backup of the control data: restore it with `tenon restore "
                       "--control`",
                       options->path);
    work.taken_ms = head->created_ms;
    work.scratch = restore_path(data, head->owner, "");
    work.live = live_dir(data, head->owner);
    if (!work.scratch || !work.live)
        return err_memory(err);
    rc = restore_lock(data, head->owner, &lock, err);
    if (rc == ERR_OK)
        rc = restore_locked(&work, err);
    disk_unlock(data->ctx, &lock);
    if (rc == ERR_OK)
        *ret = (struct restored){.info = work.info,
                                 .taken_ms = work.taken_ms,
                                 .rows = work.rows,
                                 .replaced = work.is_here};
    return rc;
}
