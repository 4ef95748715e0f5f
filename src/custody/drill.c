/*
 * drill.c: is a backup one? Reading it, and restoring it for a try.
 *
 * Reading proves that the file is what was written. A drill proves that what was written can be
 * restored: it makes a database of it, in a place where it disturbs nobody, and reads that back.
 */
#include "base/disk_stream.h"
#include "custody/restore_internal.h"

enum err_class restore_verify(struct data *data, const char *path, const char *owner, bool whole,
                              const struct content_steps *steps, struct restore_checked *ret,
                              struct err *err)
{
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;
    AUTO(vault_close_autop) struct vault *vault = NULL;
    AUTO(content_manifest_done) struct content_manifest manifest = {0};
    enum err_class rc = content_manifest_init(&manifest, err);

    if (rc == ERR_OK)
        rc = restore_open(data, path, owner, false, &reader, &vault, err);
    if (rc == ERR_OK && whole)
        rc = content_read(reader, NULL, data->catalog, steps, NULL, &manifest, err);
    if (rc != ERR_OK)
        return rc;
    *ret = (struct restore_checked){
        .scope = archive_head(reader)->scope,
        .taken_ms = archive_head(reader)->created_ms,
        .bytes = archive_bytes(reader),
        .rows = whole ? manifest.rows : -1,
        .tables = whole ? (int64_t)manifest.count : -1,
    };
    (void)snprintf(ret->owner, sizeof(ret->owner), "%s", archive_head(reader)->owner);
    return ERR_OK;
}

static enum err_class check_copy(struct data *data, const char *path, const char *owner,
                                 const char *db_path, const struct content_steps *steps,
                                 struct err *err)
{
    AUTO(archive_reader_free_autop) struct archive_reader *reader = NULL;
    AUTO(vault_close_autop) struct vault *vault = NULL;
    AUTO(content_manifest_done) struct content_manifest manifest = {0};
    AUTO(db_close_autop) struct db *db = NULL;
    struct tenant_info info = {0};
    enum err_class rc = content_manifest_init(&manifest, err);

    if (rc == ERR_OK)
        rc = restore_open(data, path, owner, false, &reader, &vault, err);
    if (rc == ERR_OK)
        rc = restore_fill(data, reader, vault, db_path, steps, &info, &manifest, &db, err);
    if (rc == ERR_OK)
        rc = content_compare(db, &manifest, steps, err);
    return rc == ERR_OK ? db_check_integrity(db, err) : rc;
}

static enum err_class say_drilled(struct data *data, const struct backup *backup,
                                  enum err_class result, struct err *err)
{
    const struct audit_entry entry = {
        .act = AUDIT_RESTORE_DRILLED,
        .tenant = strcmp(backup->owner, BACKUP_CONTROL) == 0 ? NULL : backup->owner,
        .record = "backup",
        .row = backup->taken_ms,
        .result = result,
    };

    return audit_write(data->audit, data->ctx, &entry, err);
}

/* A full disk or a wish to stop says nothing about the backup. */
static bool is_verdict(enum err_class rc)
{
    return rc == ERR_OK || rc == ERR_CORRUPT || rc == ERR_KEY || rc == ERR_SCHEMA ||
           rc == ERR_NOT_FOUND || rc == ERR_INPUT || rc == ERR_CONFLICT;
}

static enum err_class drill_locked(struct data *data, const struct backup *backup, const char *dir,
                                   const struct content_steps *steps, struct err *err)
{
    AUTO(free_autop) char *path = backup_path(data, backup);
    AUTO(free_autop) char *db_path = disk_join(dir, "drill.db");
    struct err told = {0};

    if (!path || !db_path)
        return err_memory(err);

    enum err_class rc = disk_remove_tree(data->ctx, dir, err);

    if (rc == ERR_OK)
        rc = disk_make_dir(data->ctx, dir, err);
    if (rc != ERR_OK)
        return rc;
    rc = check_copy(data, path, backup->owner, db_path, steps, err);
    restore_drop(data, dir);
    if (!is_verdict(rc))
        return rc;

    enum err_class noted = say_drilled(data, backup, rc, &told);

    if (noted == ERR_OK)
        noted = backup_note_drill(data, backup, rc == ERR_OK ? DRILL_GOOD : DRILL_BAD, &told);
    if (rc == ERR_OK && noted != ERR_OK)
        *err = told;
    return rc == ERR_OK ? noted : rc;
}

enum err_class restore_drill(struct data *data, const struct backup *backup,
                             const struct content_steps *steps, struct err *err)
{
    AUTO(strbuf_done) struct strbuf name = STRBUF_INIT(VAULT_OWNER_MAX + 16);
    struct disk_lock lock = {-1};

    strbuf_addf(&name, "%s" RESTORE_DRILL_SUFFIX, backup->owner);

    AUTO(free_autop) char *dir = restore_path(data, strbuf_z(&name), "");
    enum err_class rc = dir ? restore_lock(data, strbuf_z(&name), &lock, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = drill_locked(data, backup, dir, steps, err);
    disk_unlock(data->ctx, &lock);
    return rc == ERR_OK ? rc : err_wrap(err, "the restore drill of %s", backup->name);
}

/* ---- what is left over ---- */

#define LEFT_MAX 256 /* a time; more go the next time */

struct left {
    char names[LEFT_MAX][VAULT_OWNER_MAX + 16];
    size_t count;
};

static void note_left(void *arg, const char *name)
{
    struct left *left = arg;

    if (!str_ends(str_from(name), STR(RESTORE_LOCK_SUFFIX)) && left->count < LEFT_MAX &&
        strlen(name) < sizeof(left->names[0]))
        (void)snprintf(left->names[left->count++], sizeof(left->names[0]), "%s", name);
}

enum err_class restore_tidy(struct data *data, struct err *err)
{
    AUTO(free_autop) char *all = disk_join(data->dir, "restore");
    AUTO(free_autop) struct left *left = calloc(1, sizeof(*left));

    if (!all || !left)
        return err_memory(err);
    if (!disk_exists(data->ctx, all))
        return ERR_OK;

    enum err_class rc = disk_list(data->ctx, all, note_left, left, err);

    for (size_t i = 0; i < left->count && rc == ERR_OK; i++) {
        AUTO(free_autop) char *dir = restore_path(data, left->names[i], "");
        struct disk_lock lock = {-1};

        rc = dir ? restore_lock(data, left->names[i], &lock, err) : err_memory(err);
        if (rc == ERR_OK)
            rc = disk_remove_tree(data->ctx, dir, err);
        disk_unlock(data->ctx, &lock);
        if (rc == ERR_CONFLICT) /* somebody is at it */
            rc = ERR_OK;
    }
    return rc;
}
