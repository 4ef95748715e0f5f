/*
 * backup_copy.c: which backup goes to object storage, and which is let go there.
 *
 * A copy counts when the storage has proved that it has it (custody/s3.h); only then it is
 * remembered, so one that was interrupted is put there again.
 */
#include "custody/backup_copy.h"

#include "base/disk_stream.h"
#include "custody/backup_internal.h"
#include "custody/digest.h"

#define LIST_MAX 100000 /* backups of one owner */

struct list {
    struct backup *backups;
    size_t count, room;
};

static void list_done(struct list *list)
{
    free(list->backups);
}

static enum err_class list_add(struct list *list, const struct backup *backup, struct err *err)
{
    if (list->count == LIST_MAX)
        return err_set(err, ERR_LIMIT, "%s has more than %d backups", backup->owner, LIST_MAX);
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 32;
        struct backup *grown = realloc(list->backups, room * sizeof(*grown));

        if (!grown)
            return err_memory(err);
        list->backups = grown;
        list->room = room;
    }
    list->backups[list->count++] = *backup;
    return ERR_OK;
}

static void key_of(const struct backup *backup, char ret[S3_KEY_BYTES + 1])
{
    (void)snprintf(ret, S3_KEY_BYTES + 1, "%s/%s", backup->owner, backup->name);
}

static enum err_class add_uncopied(void *arg, const struct backup *backup, struct err *err)
{
    return backup->on_disk && backup->copied_ms == 0 ? list_add(arg, backup, err) : ERR_OK;
}

enum err_class backups_copy(struct data *data, const struct s3 *s3, const char *owner,
                            int64_t *ret_count, struct err *err)
{
    AUTO(list_done) struct list list = {0};
    enum err_class rc = backups_each(data, owner, add_uncopied, &list, err);

    *ret_count = 0;
    for (size_t i = list.count; i-- > 0 && rc == ERR_OK;) {
        const struct backup *backup = &list.backups[i];
        AUTO(free_autop) char *path = backup_path(data, backup);
        char key[S3_KEY_BYTES + 1];

        key_of(backup, key);
        rc = path ? s3_put(s3, path, key, err) : err_memory(err);
        if (rc == ERR_OK)
            rc = backup_note_copied(data, backup, ctx_now_ms(data->ctx), err);
        *ret_count += rc == ERR_OK;
    }
    return rc;
}

/* ---- what is there ---- */

static enum err_class add_key(void *arg, const char *key, int64_t bytes, struct err *err)
{
    const char *slash = strrchr(key, '/');
    struct backup backup = {.bytes = bytes, .rows = -1};

    if (!slash || slash - key > VAULT_OWNER_MAX || !backup_name_time(slash + 1, &backup.taken_ms))
        return ERR_OK; /* none of ours */
    (void)snprintf(backup.owner, sizeof(backup.owner), "%.*s", (int)(slash - key), key);
    (void)snprintf(backup.name, sizeof(backup.name), "%s", slash + 1);
    return list_add(arg, &backup, err);
}

static enum err_class list_copies(const struct s3 *s3, const char *owner, struct list *list,
                                  struct err *err)
{
    char under[VAULT_OWNER_MAX + 2];

    (void)snprintf(under, sizeof(under), "%s/", owner);
    return s3_list(s3, under, add_key, list, err);
}

static enum err_class say_gone(struct data *data, const struct backup *backup, struct err *err)
{
    const struct audit_entry entry = {
        .act = AUDIT_BACKUP_REMOVED,
        .tenant = strcmp(backup->owner, BACKUP_CONTROL) == 0 ? NULL : backup->owner,
        .record = "backup",
        .row = backup->taken_ms,
        .why = "copy in object storage",
    };

    return audit_write(data->audit, data->ctx, &entry, err);
}

enum err_class backups_sweep_copies(struct data *data, const struct s3 *s3, const char *owner,
                                    int64_t before_ms, int64_t *ret_count, struct err *err)
{
    AUTO(list_done) struct list list = {0};
    enum err_class rc = list_copies(s3, owner, &list, err);

    *ret_count = 0;
    for (size_t i = 0; i < list.count && rc == ERR_OK; i++) {
        const struct backup *backup = &list.backups[i];
        char key[S3_KEY_BYTES + 1];

        if (backup->taken_ms >= before_ms)
            continue;
        key_of(backup, key);
        rc = say_gone(data, backup, err);
        if (rc == ERR_OK)
            rc = s3_delete(s3, key, err);
        if (rc == ERR_OK)
            rc = backup_note_copied(data, backup, 0, err);
        *ret_count += rc == ERR_OK;
    }
    return rc;
}

enum err_class backups_find_copies(struct data *data, const struct s3 *s3, const char *owner,
                                   struct err *err)
{
    AUTO(list_done) struct list list = {0};
    enum err_class rc = list_copies(s3, owner, &list, err);

    for (size_t i = 0; i < list.count && rc == ERR_OK; i++) {
        rc = db_begin(data->control, DB_WRITE, err);
        if (rc == ERR_OK)
            rc = db_end(data->control,
                        backup_row_copy(data, &list.backups[i], ctx_now_ms(data->ctx), err), err);
    }
    return rc;
}

/* ---- back ---- */

static enum err_class digest_of(struct data *data, const char *path,
                                unsigned char ret[ARCHIVE_DIGEST_BYTES], struct err *err)
{
    struct disk_stream file = DISK_STREAM_INIT;
    AUTO(digest_done) struct digest digest = {0};
    AUTO(free_autop) char *part = malloc(S3_PART_BYTES);
    size_t len = 1;
    enum err_class rc = part ? disk_open(data->ctx, path, &file, err) : err_memory(err);

    digest_begin(&digest, false);
    while (rc == ERR_OK && len > 0) {
        rc = disk_read_part(data->ctx, &file, part, S3_PART_BYTES, &len, err);
        if (rc == ERR_OK)
            digest_add(&digest, (struct str){part, len});
    }
    disk_discard(data->ctx, &file);
    return rc == ERR_OK ? digest_end(&digest, ret, err) : rc;
}

enum err_class backup_fetch(struct data *data, const struct s3 *s3, const struct backup *backup,
                            struct err *err)
{
    AUTO(free_autop) char *path = backup_path(data, backup);
    AUTO(free_autop) char *dir = NULL;
    unsigned char digest[ARCHIVE_DIGEST_BYTES];
    char key[S3_KEY_BYTES + 1];
    enum err_class rc = path ? backup_make_dir(data, backup->owner, &dir, err) : err_memory(err);

    key_of(backup, key);
    if (rc == ERR_OK)
        rc = s3_get(s3, key, path, err);
    if (rc == ERR_OK && backup->has_digest) {
        rc = digest_of(data, path, digest, err);
        if (rc == ERR_OK && memcmp(digest, backup->digest, sizeof(digest)) != 0) {
            struct err ignored = {0};

            err_ignore(disk_remove(data->ctx, path, &ignored)); /* it is no backup of ours */
            return err_set(err, ERR_CORRUPT,
                           "what the object storage %s has as %s is not what was put there: take "
                           "another backup",
                           s3->endpoint, key);
        }
    }
    if (rc != ERR_OK)
        return rc;
    rc = db_begin(data->control, DB_WRITE, err);
    return rc == ERR_OK ? db_end(data->control, backup_row_put(data, backup, err), err) : rc;
}
