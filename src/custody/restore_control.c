/*
 * restore_control.c: the control data out of a backup: which tenants there are, who may sign in.
 *
 * Unlike a tenant it has no folder of its own to exchange, and whoever has the data folder open has
 * it open; so nobody else may. The new database is made in DATA/restore and then takes the old
 * one's name, in one step where the keys stay the same, which is the rule. Where they do not (an
 * empty folder, or keys that were rotated since), the old database goes first: killed in between,
 * the folder has no control database, says so, and the restore is run again.
 *
 * The folder's key provider must be there already, as its keys are in no backup.
 */
#include "base/disk_stream.h"
#include "custody/restore_internal.h"
#include "store/open_lock.h"
#include "vault/provider.h"

struct control {
    struct data data; /* as much of one as is needed before there is a control database */
    const struct restore_options *options;
    struct archive_reader *reader;
    struct vault *vault;
    char *db, *wal, *shm, *key, *scratch, *made;
    bool is_here;
    int64_t rows;
};

static void control_done(struct control *control)
{
    archive_reader_free(control->reader);
    vault_close(control->vault);
    audit_close(control->data.audit);
    vault_provider_free(control->data.provider);
    free(control->db);
    free(control->wal);
    free(control->shm);
    free(control->key);
    free(control->scratch);
    free(control->made);
}

static enum err_class name_files(struct control *control, struct err *err)
{
    const char *dir = control->data.dir;

    control->db = disk_join(dir, "control.db");
    control->wal = disk_join(dir, "control.db-wal");
    control->shm = disk_join(dir, "control.db-shm");
    control->key = disk_join(dir, "control.key");
    control->scratch = restore_path(&control->data, BACKUP_CONTROL, "");
    control->made = control->scratch ? disk_join(control->scratch, "control.db") : NULL;
    return control->db && control->wal && control->shm && control->key && control->made
               ? ERR_OK
               : err_memory(err);
}

/* Does the folder's own key open the database as well as the backup's? */
static bool same_keys(const struct control *control)
{
    AUTO(vault_close_autop) struct vault *live = NULL;
    struct err ignored = {0};

    return disk_exists(control->data.ctx, control->key) &&
           vault_open(control->data.ctx, control->data.provider, BACKUP_CONTROL, control->key,
                      &live, &ignored) == ERR_OK &&
           vault_version(live) == vault_version(control->vault) &&
           memcmp(vault_db_key(live), vault_db_key(control->vault), VAULT_KEY_BYTES) == 0;
}

static enum err_class make_database(struct control *control, struct err *err)
{
    const struct ctx *ctx = control->data.ctx;
    AUTO(content_manifest_done) struct content_manifest manifest = {0};
    AUTO(db_close_autop) struct db *db = NULL;
    enum err_class rc = content_manifest_init(&manifest, err);

    if (rc == ERR_OK)
        rc = disk_remove_tree(ctx, control->scratch, err);
    if (rc == ERR_OK)
        rc = disk_make_dir(ctx, control->scratch, err);
    if (rc == ERR_OK)
        rc = restore_fill(&control->data, control->reader, control->vault, control->made,
                          &control->options->steps, NULL, &manifest, &db, err);
    control->rows = manifest.rows;
    return rc == ERR_OK ? restore_finish_db(&control->data, &db, control->made, SCOPE_CONTROL, err)
                        : rc;
}

/* What an old log holds would be taken for changes of the new database. */
static enum err_class end_old_log(struct control *control, struct err *err)
{
    const struct ctx *ctx = control->data.ctx;
    const struct db_options options = {.path = control->db, .key = vault_db_key(control->vault)};
    struct db *old = NULL;
    struct err ignored = {0};

    /* Where the old database is good, its log goes into it: then a crash here loses nothing. */
    err_ignore(control->is_here ? db_open(ctx, &options, &old, &ignored) : ERR_OK);
    db_close(old);

    enum err_class rc = disk_remove(ctx, control->wal, err);

    return rc == ERR_OK ? disk_remove(ctx, control->shm, err) : rc;
}

static enum err_class put_in_place(struct control *control, struct err *err)
{
    const struct ctx *ctx = control->data.ctx;
    const struct audit_entry entry = {
        .act = AUDIT_RESTORED,
        .record = "backup",
        .row = archive_head(control->reader)->created_ms,
        .why = control->is_here ? "over what was here" : "new here",
        .count = control->rows,
    };
    enum err_class rc = audit_write(control->data.audit, ctx, &entry, err);

    if (rc == ERR_OK)
        rc = end_old_log(control, err);
    if (rc == ERR_OK && !same_keys(control)) {
        rc = disk_remove(ctx, control->db, err);
        if (rc == ERR_OK)
            rc = disk_write(ctx, control->key, strbuf_str(&archive_head(control->reader)->keyring),
                            err);
    }
    return rc == ERR_OK ? disk_move(ctx, control->made, control->db, err) : rc;
}

static enum err_class restore_alone(struct control *control, struct err *err)
{
    AUTO(free_autop) char *tenants = disk_join(control->data.dir, "tenants");

    if (!tenants)
        return err_memory(err);
    control->is_here = disk_exists(control->data.ctx, control->db);
    if (control->is_here && !control->options->replace)
        return err_set(err, ERR_CONFLICT,
                       "%s has control data of its own; nothing was done. Add --replace to put the "
                       "backup in its place: what it has now is then gone",
                       control->data.dir);

    enum err_class rc = make_database(control, err);

    if (rc == ERR_OK)
        rc = put_in_place(control, err);
    if (rc == ERR_OK)
        rc = disk_make_dir(control->data.ctx, tenants, err);
    restore_drop(&control->data, control->scratch);
    return rc;
}

enum err_class restore_control(const struct ctx *ctx, const char *dir,
                               const struct catalog *catalog, const struct restore_options *options,
                               struct restored *ret, struct err *err)
{
    AUTO(free_autop) char *own_dir = str_dup_z(str_from(dir));
    AUTO(control_done)
    struct control control = {.data = {.ctx = ctx, .catalog = catalog, .dir = own_dir},
                              .options = options};
    struct disk_lock alone = {-1}, lock = {-1};
    enum err_class rc = own_dir ? name_files(&control, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = vault_provider_open(ctx, dir, false, &control.data.provider, err);
    if (rc == ERR_OK)
        rc = audit_open(ctx, dir, &control.data.audit, err);
    if (rc == ERR_OK)
        rc = restore_open(&control.data, options->path, BACKUP_CONTROL, true, &control.reader,
                          &control.vault, err);
    if (rc == ERR_OK)
        rc = open_lock_alone(ctx, dir, &alone, err);
    if (rc == ERR_OK)
        rc = restore_lock(&control.data, BACKUP_CONTROL, &lock, err);
    if (rc == ERR_OK)
        rc = restore_alone(&control, err);
    disk_unlock(ctx, &lock);
    disk_unlock(ctx, &alone);
    if (rc == ERR_OK)
        *ret = (struct restored){.taken_ms = archive_head(control.reader)->created_ms,
                                 .rows = control.rows,
                                 .replaced = control.is_here};
    return rc;
}
