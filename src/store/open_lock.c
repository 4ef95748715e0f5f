/*
 * open_lock.c: a shared flock for those who read and write as usual, an exclusive one for who
 * replaces the key or the database. The file itself holds nothing but the process id of the latter.
 */
#include "store/open_lock.h"

#define WAIT_MS 1500
#define TURN_MS 5 /* commands that come one after the other leave gaps of some milliseconds */

static char *lock_path(const char *dir)
{
    return disk_join(dir, "open.lock");
}

enum err_class open_lock_share(const struct ctx *ctx, const char *dir, struct disk_file *ret,
                               struct err *err)
{
    AUTO(free_autop) char *path = lock_path(dir);
    struct disk_file file = {-1};
    enum err_class rc = path ? disk_file_open(ctx, path, true, &file, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = disk_file_lock(ctx, &file, false, err);
    if (rc == ERR_OK)
        *ret = file;
    else
        disk_file_close(ctx, &file);
    return rc;
}

enum err_class open_lock_alone(const struct ctx *ctx, const char *dir, struct disk_lock *ret,
                               struct err *err)
{
    AUTO(free_autop) char *path = lock_path(dir);
    int64_t until_ms = ctx_mono_ms(ctx) + WAIT_MS;
    enum err_class rc = path ? disk_lock(ctx, path, ret, err) : err_memory(err);

    while (rc == ERR_CONFLICT && ctx_mono_ms(ctx) < until_ms && !ctx_stopped(ctx)) {
        ctx_sleep_ms(ctx, TURN_MS);
        rc = disk_lock(ctx, path, ret, err);
    }
    if (rc == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT,
                       "%s is in use by a server or another command; try again when that has ended",
                       dir);
    return rc;
}
