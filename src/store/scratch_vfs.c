/*
 * scratch_vfs.c: writes of a scratch database, behind the rows.
 *
 * Why: a restored database is made of pages that are each written once, in order. Handing them to
 * the kernel one by one costs as much as encrypting them. Here pages that lie side by side are
 * gathered in a block, and another thread writes the block, and tells the kernel to begin with it,
 * so that little is left to wait for when the file is made durable at the end.
 *
 * Whatever is not a write waits until all writes are done, so what it sees is right. SQLite says
 * SQLITE_FCNTL_SYNC at each commit, whatever `synchronous` is: there a write's error is told.
 * Pages come here encrypted. Nothing here makes anything durable; that is the caller's.
 *
 * Threads: those of its connection, and one to write.
 */
#include "store/scratch_vfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pipe.h"

struct scratch_vfs {
    sqlite3_vfs base; /* first, as SQLite wants it */
    sqlite3_vfs *parent;
    char name[32];
};

/* A block: where it goes, then pages. */
#define AT_BYTES sizeof(sqlite3_int64)
#define ROOM_BYTES (PIPE_BLOCK_BYTES - AT_BYTES)

#define WRITE_BYTES ((size_t)64 * 1024) /* SQLite's own file systems take no 128 KiB at once */

/* Followed by the parent's own struct. */
struct file {
    sqlite3_file base;
    sqlite3_file *real;
    int fd; /* to speak with the kernel about it; -1: not possible */
    struct pipe pipe;
    pthread_t thread;
    bool started, alone;
    unsigned char *block; /* the one at hand */
    sqlite3_int64 at;     /* where it goes */
    size_t len;
    int code; /* the thread's: how a write failed */
};

static int write_block(struct file *file, const unsigned char *block, size_t len)
{
    sqlite3_int64 at;
    int code = SQLITE_OK;

    memcpy(&at, block, AT_BYTES);
    /* Turns: PIPE_BLOCK_BYTES / WRITE_BYTES. */
    for (size_t done = AT_BYTES; done < len && code == SQLITE_OK; done += WRITE_BYTES) {
        size_t part = len - done < WRITE_BYTES ? len - done : WRITE_BYTES;

        code = file->real->pMethods->xWrite(file->real, block + done, (int)part,
                                            at + (sqlite3_int64)(done - AT_BYTES));
    }
    /* A wish only: the caller syncs, and that counts. */
    if (code == SQLITE_OK)
        (void)sync_file_range(file->fd, at, (off_t)(len - AT_BYTES), SYNC_FILE_RANGE_WRITE);
    return code;
}

static void *run(void *arg)
{
    struct file *file = arg;
    const unsigned char *block;
    size_t len = 0;

    while ((block = pipe_next(&file->pipe, &len)) != NULL) {
        file->code = write_block(file, block, len);
        if (file->code != SQLITE_OK)
            break;
        pipe_take(&file->pipe);
    }
    pipe_quit(&file->pipe);
    return NULL;
}

static bool start(struct file *file)
{
    struct err ignored = {0};

    if (file->started || file->alone)
        return file->started;
    if (pipe_init(&file->pipe, &ignored) == ERR_OK)
        file->started = pipe_start(&file->thread, run, file);
    if (!file->started)
        pipe_done(&file->pipe);
    file->alone = !file->started;
    return file->started;
}

static void flush(struct file *file)
{
    if (file->block)
        pipe_put(&file->pipe, file->len);
    file->block = NULL;
}

/* All writes were done when it returns, or one failed, and none behind it was tried. */
static int settle(struct file *file)
{
    if (!file->started)
        return SQLITE_OK;
    flush(file);
    pipe_wait(&file->pipe);
    return file->code;
}

static int f_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    struct file *file = (struct file *)base;
    size_t size = (size_t)len;

    if (size > ROOM_BYTES || !start(file)) {
        int code = settle(file);

        return code == SQLITE_OK ? file->real->pMethods->xWrite(file->real, bytes, len, at) : code;
    }
    if (file->block && (at != file->at + (sqlite3_int64)(file->len - AT_BYTES) ||
                        file->len + size > PIPE_BLOCK_BYTES))
        flush(file);
    if (!file->block) {
        file->block = pipe_room(&file->pipe);
        if (!file->block)
            return file->code; /* it takes no more: this is why */
        file->at = at;
        file->len = AT_BYTES;
        memcpy(file->block, &at, AT_BYTES);
    }
    memcpy(file->block + file->len, bytes, size);
    file->len += size;
    return SQLITE_OK;
}

static int f_close(sqlite3_file *base)
{
    struct file *file = (struct file *)base;

    if (file->started) {
        flush(file);
        pipe_end(&file->pipe);
        (void)pthread_join(file->thread, NULL);
        pipe_done(&file->pipe);
    }

    int code = file->real->pMethods->xClose(file->real);

    /* Behind it, as closing any descriptor lets go of the locks of all. */
    if (file->fd >= 0)
        (void)close(file->fd); /* nothing was written through it */
    return file->code != SQLITE_OK ? file->code : code;
}

static int f_read(sqlite3_file *base, void *bytes, int len, sqlite3_int64 at)
{
    struct file *file = (struct file *)base;
    int code = settle(file);

    return code == SQLITE_OK ? file->real->pMethods->xRead(file->real, bytes, len, at) : code;
}

static int f_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct file *file = (struct file *)base;
    int code = settle(file);

    return code == SQLITE_OK ? file->real->pMethods->xTruncate(file->real, size) : code;
}

static int f_sync(sqlite3_file *base, int flags)
{
    struct file *file = (struct file *)base;
    int code = settle(file);

    return code == SQLITE_OK ? file->real->pMethods->xSync(file->real, flags) : code;
}

static int f_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    struct file *file = (struct file *)base;
    int code = settle(file);

    return code == SQLITE_OK ? file->real->pMethods->xFileSize(file->real, ret) : code;
}

static int f_lock(sqlite3_file *base, int level)
{
    struct file *file = (struct file *)base;

    return file->real->pMethods->xLock(file->real, level);
}

static int f_unlock(sqlite3_file *base, int level)
{
    struct file *file = (struct file *)base;
    int code = settle(file);
    int unlocked = file->real->pMethods->xUnlock(file->real, level);

    return code == SQLITE_OK ? unlocked : code;
}

static int f_check_lock(sqlite3_file *base, int *ret)
{
    struct file *file = (struct file *)base;

    return file->real->pMethods->xCheckReservedLock(file->real, ret);
}

static int f_control(sqlite3_file *base, int op, void *arg)
{
    struct file *file = (struct file *)base;
    int code = settle(file);

    return code == SQLITE_OK ? file->real->pMethods->xFileControl(file->real, op, arg) : code;
}

static int f_sector(sqlite3_file *base)
{
    struct file *file = (struct file *)base;

    return file->real->pMethods->xSectorSize(file->real);
}

static int f_traits(sqlite3_file *base)
{
    struct file *file = (struct file *)base;

    return file->real->pMethods->xDeviceCharacteristics(file->real);
}

/* The first version: neither a log nor memory mapping, which a scratch database has no use for. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check_lock,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_traits,
};

static int open_file(sqlite3_vfs *base, sqlite3_filename name, sqlite3_file *made, int flags,
                     int *ret_flags)
{
    sqlite3_vfs *parent = ((struct scratch_vfs *)base)->parent;
    struct file *file = (struct file *)made;

    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return parent->xOpen(parent, name, made, flags, ret_flags);
    *file = (struct file){.real = (sqlite3_file *)(file + 1), .fd = -1};
    memset(file->real, 0, (size_t)parent->szOsFile);

    int code = parent->xOpen(parent, name, file->real, flags, ret_flags);

    if (code == SQLITE_OK) {
        file->fd = open(name, O_RDONLY | O_CLOEXEC);
        file->base.pMethods = &methods;
    } else if (file->real->pMethods) { /* SQLite closes only what has methods */
        (void)file->real->pMethods->xClose(file->real);
    }
    return code;
}

struct scratch_vfs *scratch_vfs_new(const char *parent)
{
    AUTO(scratch_vfs_free_autop) struct scratch_vfs *vfs = calloc(1, sizeof(*vfs));
    sqlite3_vfs *found = sqlite3_vfs_find(parent);

    if (!vfs || !found)
        return NULL;
    /* All but opening is the parent's: it knows itself by what is in the struct. */
    vfs->base = *found;
    vfs->parent = found;
    (void)snprintf(vfs->name, sizeof(vfs->name), "scratch-%p", (void *)vfs);
    vfs->base.zName = vfs->name;
    vfs->base.szOsFile += (int)sizeof(struct file);
    vfs->base.xOpen = open_file;
    vfs->base.pNext = NULL;
    return sqlite3_vfs_register(&vfs->base, 0) == SQLITE_OK ? TAKE(vfs) : NULL;
}

const char *scratch_vfs_name(const struct scratch_vfs *vfs)
{
    return vfs->name;
}

void scratch_vfs_free(struct scratch_vfs *vfs)
{
    if (vfs)
        (void)sqlite3_vfs_unregister(&vfs->base); /* one that is not there is fine */
    free(vfs);
}
