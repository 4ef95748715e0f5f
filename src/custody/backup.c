/*
 * backup.c: taking backups, and the folder that they are in.
 *
 * A backup is taken under a lock of its owner's folder, so that only one process at a time writes
 * there, and what an interrupted one left behind can be removed. The file comes first and the row
 * second: a crash in between leaves a whole file, which the next look into the folder finds.
 */
#include "custody/backup.h"

#include <inttypes.h>

#include "base/civil.h"
#include "base/disk_stream.h"
#include "custody/backup_internal.h"

#define FILES_MAX 100000 /* of one owner */

/* "2026-01-15T10:00:00.000Z" without its '-' and ':'. */
void backup_name(int64_t taken_ms, char ret[BACKUP_NAME_BYTES + 1])
{
    char stamp[CIVIL_STAMP_BYTES + 1];
    size_t len = 0;

    civil_format_stamp(taken_ms, stamp);
    for (const char *at = stamp; *at; at++)
        if (*at != '-' && *at != ':')
            ret[len++] = *at;
    memcpy(ret + len, BACKUP_SUFFIX, sizeof(BACKUP_SUFFIX));
}

bool backup_name_time(const char *name, int64_t *ret_ms)
{
    char stamp[CIVIL_STAMP_BYTES + 1], again[BACKUP_NAME_BYTES + 1];

    if (strlen(name) != BACKUP_NAME_BYTES)
        return false;
    (void)snprintf(stamp, sizeof(stamp), "%.4s-%.2s-%.5s:%.2s:%.7s", name, name + 4, name + 6,
                   name + 11, name + 13);
    if (!civil_parse_stamp(str_from(stamp), ret_ms))
        return false;
    backup_name(*ret_ms, again);
    return strcmp(again, name) == 0;
}

/* DATA/backups/<owner>; NULL when out of memory; the caller frees. */
static char *backup_dir(const struct data *data, const char *owner)
{
    AUTO(free_autop) char *all = disk_join(data->dir, "backups");

    return all ? disk_join(all, owner) : NULL;
}

char *backup_path(const struct data *data, const struct backup *backup)
{
    AUTO(free_autop) char *dir = backup_dir(data, backup->owner);

    return dir ? disk_join(dir, backup->name) : NULL;
}

/* ---- the folder and the rows ---- */

struct found {
    int64_t taken_ms;
    bool known;
};
struct folder {
    const char *owner;
    struct found *files;
    size_t count, room;
    bool failed; /* out of memory */
};

static void note_file(void *arg, const char *name)
{
    struct folder *folder = arg;
    int64_t taken_ms = 0;

    if (!backup_name_time(name, &taken_ms) || folder->count == FILES_MAX)
        return;
    if (folder->count == folder->room) {
        size_t room = folder->room ? folder->room * 2 : 64;
        struct found *grown = realloc(folder->files, room * sizeof(*grown));

        if (!grown) {
            folder->failed = true;
            return;
        }
        folder->files = grown;
        folder->room = room;
    }
    folder->files[folder->count++] = (struct found){.taken_ms = taken_ms};
}

static void folder_done(struct folder *folder)
{
    free(folder->files);
}

static enum err_class look_into(struct data *data, const char *owner, struct folder *ret,
                                struct err *err)
{
    AUTO(free_autop) char *dir = backup_dir(data, owner);

    *ret = (struct folder){.owner = owner};
    if (!dir)
        return err_memory(err);
    if (!disk_exists(data->ctx, dir))
        return ERR_OK;

    enum err_class rc = disk_list(data->ctx, dir, note_file, ret, err);

    return rc == ERR_OK && ret->failed ? err_memory(err) : rc;
}

/* The rows of one owner whose file is gone; their number is small. */
struct lost {
    struct folder *folder;
    struct backup *gone;
    size_t count, room;
};

static enum err_class match_row(void *arg, const struct backup *backup, struct err *err)
{
    struct lost *lost = arg;

    for (size_t i = 0; i < lost->folder->count; i++)
        if (lost->folder->files[i].taken_ms == backup->taken_ms && backup->on_disk) {
            lost->folder->files[i].known = true;
            return ERR_OK;
        }
    if (!backup->on_disk)
        return ERR_OK;
    if (lost->count == lost->room) {
        size_t room = lost->room ? lost->room * 2 : 16;
        struct backup *grown = realloc(lost->gone, room * sizeof(*grown));

        if (!grown)
            return err_memory(err);
        lost->gone = grown;
        lost->room = room;
    }
    lost->gone[lost->count++] = *backup;
    return ERR_OK;
}

static enum err_class adopt(struct data *data, const char *owner, int64_t taken_ms, struct err *err)
{
    struct backup backup = {.taken_ms = taken_ms, .rows = -1};
    struct disk_stream file = DISK_STREAM_INIT;

    (void)snprintf(backup.owner, sizeof(backup.owner), "%s", owner);
    backup_name(taken_ms, backup.name);

    AUTO(free_autop) char *path = backup_path(data, &backup);

    if (!path)
        return err_memory(err);

    enum err_class rc = disk_open(data->ctx, path, &file, err);

    backup.bytes = file.bytes;
    disk_discard(data->ctx, &file);
    return rc == ERR_OK ? backup_row_put(data, &backup, err) : rc;
}

/* Makes the rows say what the folder has. Usually there is nothing to change, and nothing is. */
static enum err_class reconcile(struct data *data, const char *owner, struct err *err)
{
    AUTO(folder_done) struct folder folder = {0};
    struct lost lost = {.folder = &folder};
    size_t unknown = 0;
    enum err_class rc = look_into(data, owner, &folder, err);

    if (rc == ERR_OK)
        rc = backup_rows_each(data, owner, match_row, &lost, err);
    for (size_t i = 0; i < folder.count; i++)
        unknown += !folder.files[i].known;
    if (rc == ERR_OK && (lost.count > 0 || unknown > 0)) {
        rc = db_begin(data->control, DB_WRITE, err);
        for (size_t i = 0; i < lost.count && rc == ERR_OK; i++)
            rc = backup_row_off_disk(data, &lost.gone[i], err);
        for (size_t i = 0; i < folder.count && rc == ERR_OK; i++)
            if (!folder.files[i].known)
                rc = adopt(data, owner, folder.files[i].taken_ms, err);
        rc = db_in_tx(data->control) ? db_end(data->control, rc, err) : rc;
    }
    free(lost.gone);
    return rc;
}

/* ---- taking ---- */

enum err_class backup_make_dir(struct data *data, const char *owner, char **ret, struct err *err)
{
    AUTO(free_autop) char *all = disk_join(data->dir, "backups");
    AUTO(free_autop) char *dir = backup_dir(data, owner);

    if (!all || !dir)
        return err_memory(err);

    enum err_class rc = disk_make_dir(data->ctx, all, err);

    if (rc == ERR_OK)
        rc = disk_make_dir(data->ctx, dir, err);
    if (rc == ERR_OK)
        *ret = TAKE(dir);
    return rc;
}

static enum err_class lock_owner(struct data *data, const char *owner, struct disk_lock *ret,
                                 struct err *err)
{
    AUTO(free_autop) char *dir = NULL;
    enum err_class rc = backup_make_dir(data, owner, &dir, err);
    AUTO(free_autop) char *path = dir ? disk_join(dir, "lock") : NULL;

    if (rc != ERR_OK)
        return rc;
    return path ? disk_lock(data->ctx, path, ret, err) : err_memory(err);
}

struct leftovers {
    const struct data *data;
    const char *dir;
};

static void remove_part(void *arg, const char *name)
{
    const struct leftovers *left = arg;
    AUTO(free_autop) char *path = disk_join(left->dir, name);
    struct err ignored = {0};

    if (path && str_ends(str_from(name), STR(DISK_PART_SUFFIX)))
        err_ignore(disk_remove(left->data->ctx, path, &ignored)); /* tried again next time */
}

/* Under the lock: what an interrupted one left behind belongs to nobody. */
static void remove_parts(struct data *data, const char *owner)
{
    AUTO(free_autop) char *dir = backup_dir(data, owner);
    struct leftovers left = {data, dir};
    struct err ignored = {0};

    if (dir)
        err_ignore(disk_list(data->ctx, dir, remove_part, &left, &ignored));
}

static enum err_class read_keyring(struct data *data, const struct tenant *tenant,
                                   struct strbuf *ret, struct err *err)
{
    AUTO(free_autop)
    char *path =
        tenant ? disk_join(tenant->dir, "tenant.key") : disk_join(data->dir, "control.key");

    *ret = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    return path ? disk_read(data->ctx, path, ret, err) : err_memory(err);
}

static enum err_class write_file(struct data *data, struct tenant *tenant, const char *path,
                                 const struct content_steps *steps, struct backup *backup,
                                 struct err *err)
{
    AUTO(archive_writer_free_autop) struct archive_writer *writer = NULL;
    AUTO(content_manifest_done) struct content_manifest manifest = {0};
    AUTO(archive_head_done) struct archive_head head = {0};
    const struct vault *vault = tenant ? tenant->vault : data->vault;
    struct archive_made made = {0};
    struct tenant_info info; /* as it is now: the handle's own may be older */
    enum err_class rc = content_manifest_init(&manifest, err);

    if (rc == ERR_OK && tenant)
        rc = tenant_find(data, str_from(tenant->info.id), &info, err);
    head.scope = tenant ? SCOPE_TENANT : SCOPE_CONTROL;
    head.catalog_version = data->catalog->version;
    head.key_version = vault_version(vault);
    head.created_ms = backup->taken_ms;
    (void)snprintf(head.owner, sizeof(head.owner), "%s", backup->owner);
    if (rc == ERR_OK)
        rc = read_keyring(data, tenant, &head.keyring, err);
    if (rc == ERR_OK)
        rc = archive_create(data->ctx, path, &head, vault, &writer, err);
    if (rc == ERR_OK)
        rc = content_write(writer, tenant ? tenant->db : data->control, data->catalog,
                           tenant ? &info : NULL, steps, &manifest, err);
    if (rc == ERR_OK)
        rc = archive_finish(writer, &made, err);
    if (rc != ERR_OK)
        return rc;
    backup->bytes = made.bytes;
    backup->rows = manifest.rows;
    memcpy(backup->digest, made.digest, ARCHIVE_DIGEST_BYTES);
    backup->has_digest = backup->on_disk = true;
    return ERR_OK;
}

static enum err_class say_taken(struct data *data, const struct backup *backup, struct err *err)
{
    const struct audit_entry entry = {
        .act = AUDIT_BACKUP_TAKEN,
        .tenant = strcmp(backup->owner, BACKUP_CONTROL) == 0 ? NULL : backup->owner,
        .record = "backup",
        .row = backup->taken_ms,
        .count = backup->rows,
    };

    return audit_write(data->audit, data->ctx, &entry, err);
}

/* The row, with the line of the audit in the same transaction. */
static enum err_class enter(struct data *data, const struct backup *backup, struct err *err)
{
    enum err_class rc = db_begin(data->control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = backup_row_put(data, backup, err);
    if (rc == ERR_OK)
        rc = say_taken(data, backup, err);
    return db_end(data->control, rc, err);
}

static enum err_class take_locked(struct data *data, struct tenant *tenant,
                                  const struct content_steps *steps, struct backup *backup,
                                  struct err *err)
{
    AUTO(free_autop) char *path = NULL;

    remove_parts(data, backup->owner);
    backup->taken_ms = ctx_now_ms(data->ctx);
    /* A name of its own, however the clock stands. At most FILES_MAX turns. */
    for (;; backup->taken_ms++) {
        backup_name(backup->taken_ms, backup->name);
        free(path);
        path = backup_path(data, backup);
        if (!path)
            return err_memory(err);
        if (!disk_exists(data->ctx, path))
            break;
    }

    enum err_class rc = write_file(data, tenant, path, steps, backup, err);

    if (rc == ERR_OK)
        rc = enter(data, backup, err);
    if (rc != ERR_OK && backup->on_disk) {
        struct err ignored = {0};

        err_ignore(disk_remove(data->ctx, path, &ignored)); /* the first error is told */
    }
    return rc;
}

enum err_class backup_take(struct data *data, struct tenant *tenant,
                           const struct content_steps *steps, struct backup *ret, struct err *err)
{
    struct backup backup = {0};
    struct disk_lock lock = {-1};

    (void)snprintf(backup.owner, sizeof(backup.owner), "%s",
                   tenant ? tenant->info.id : BACKUP_CONTROL);

    enum err_class rc = lock_owner(data, backup.owner, &lock, err);

    if (rc == ERR_OK)
        rc = take_locked(data, tenant, steps, &backup, err);
    disk_unlock(data->ctx, &lock);
    if (rc != ERR_OK)
        return err_wrap(err, "the backup of %s", tenant ? tenant->info.name : "the control data");
    *ret = backup;
    return ERR_OK;
}

/* ---- listing and removing ---- */

struct owners {
    struct data *data;
    char (*names)[VAULT_OWNER_MAX + 1];
    size_t count, room;
    bool failed;
};

static void note_owner(void *arg, const char *name)
{
    struct owners *owners = arg;

    if (strlen(name) > VAULT_OWNER_MAX)
        return;
    if (owners->count == owners->room) {
        size_t room = owners->room ? owners->room * 2 : 64;
        char(*grown)[VAULT_OWNER_MAX + 1] = realloc(owners->names, room * sizeof(*grown));

        if (!grown) {
            owners->failed = true;
            return;
        }
        owners->names = grown;
        owners->room = room;
    }
    (void)snprintf(owners->names[owners->count++], VAULT_OWNER_MAX + 1, "%s", name);
}

static enum err_class reconcile_all(struct data *data, struct err *err)
{
    AUTO(free_autop) char *all = disk_join(data->dir, "backups");
    struct owners owners = {.data = data};
    enum err_class rc = all ? ERR_OK : err_memory(err);

    if (rc == ERR_OK && disk_exists(data->ctx, all))
        rc = disk_list(data->ctx, all, note_owner, &owners, err);
    if (rc == ERR_OK && owners.failed)
        rc = err_memory(err);
    for (size_t i = 0; i < owners.count && rc == ERR_OK; i++)
        rc = reconcile(data, owners.names[i], err);
    free(owners.names);
    return rc;
}

enum err_class backups_each(struct data *data, const char *owner,
                            enum err_class (*each)(void *arg, const struct backup *backup,
                                                   struct err *err),
                            void *arg, struct err *err)
{
    enum err_class rc = owner ? reconcile(data, owner, err) : reconcile_all(data, err);

    return rc == ERR_OK ? backup_rows_each(data, owner, each, arg, err) : rc;
}

struct search {
    int64_t at_ms;
    struct backup *ret;
    bool found;
};

static enum err_class take_newest(void *arg, const struct backup *backup, struct err *err)
{
    struct search *search = arg;

    (void)err;
    if (!search->found && backup->taken_ms <= search->at_ms) {
        *search->ret = *backup;
        search->found = true;
    }
    return ERR_OK;
}

enum err_class backup_find(struct data *data, const char *owner, int64_t at_ms, struct backup *ret,
                           struct err *err)
{
    struct search search = {.at_ms = at_ms, .ret = ret};
    enum err_class rc = backups_each(data, owner, take_newest, &search, err);

    if (rc == ERR_OK && !search.found)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no backup of %s%s; `tenon backups` lists those there are", owner,
                       at_ms == INT64_MAX ? "" : " of that time or before");
    return rc;
}

static enum err_class say_removed(struct data *data, const char *owner, int64_t taken_ms,
                                  struct err *err)
{
    const struct audit_entry entry = {
        .act = AUDIT_BACKUP_REMOVED,
        .tenant = strcmp(owner, BACKUP_CONTROL) == 0 ? NULL : owner,
        .record = "backup",
        .row = taken_ms,
    };

    return audit_write(data->audit, data->ctx, &entry, err);
}

static enum err_class remove_file(struct data *data, const char *owner, int64_t taken_ms,
                                  struct err *err)
{
    struct backup backup = {.taken_ms = taken_ms};

    (void)snprintf(backup.owner, sizeof(backup.owner), "%s", owner);
    backup_name(taken_ms, backup.name);

    AUTO(free_autop) char *path = backup_path(data, &backup);
    enum err_class rc = path ? say_removed(data, owner, taken_ms, err) : err_memory(err);

    return rc == ERR_OK ? disk_remove(data->ctx, path, err) : rc;
}

enum err_class backups_sweep(struct data *data, const char *owner, int64_t before_ms,
                             int64_t *ret_count, struct err *err)
{
    AUTO(folder_done) struct folder folder = {0};
    enum err_class rc = look_into(data, owner, &folder, err);

    *ret_count = 0;
    for (size_t i = 0; i < folder.count && rc == ERR_OK; i++) {
        if (folder.files[i].taken_ms >= before_ms)
            continue;
        rc = remove_file(data, owner, folder.files[i].taken_ms, err);
        *ret_count += rc == ERR_OK;
    }
    return rc == ERR_OK ? reconcile(data, owner, err) : rc;
}

enum err_class backups_remove(struct data *data, const char *owner, int64_t *ret_count,
                              struct err *err)
{
    AUTO(free_autop) char *dir = backup_dir(data, owner);
    struct disk_lock lock = {-1};

    *ret_count = 0;
    if (!dir)
        return err_memory(err);
    if (!disk_exists(data->ctx, dir))
        return ERR_OK;

    enum err_class rc = lock_owner(data, owner, &lock, err);

    if (rc == ERR_OK)
        rc = backups_sweep(data, owner, INT64_MAX, ret_count, err);
    if (rc == ERR_OK)
        rc = disk_remove_tree(data->ctx, dir, err);
    disk_unlock(data->ctx, &lock);
    return rc;
}
