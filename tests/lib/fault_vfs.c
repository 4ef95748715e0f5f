/* fault_vfs.c: a disk below SQLite that fails when a test says so. */
#include "fault_vfs.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct fault_vfs fault_vfs = {.fail_from = -1};

/* Ours, followed by the default VFS's own struct. */
struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static bool fails(void)
{
    long at = fault_vfs.changes++;

    return fault_vfs.fail_from >= 0 && at >= fault_vfs.fail_from &&
           at - fault_vfs.fail_from < fault_vfs.fail_count;
}

/* A full disk lets things go. */
static bool needs_no_room(void)
{
    return fault_vfs.kind == FAULT_FULL;
}

static int failure(int io_error)
{
    return fault_vfs.kind == FAULT_FULL ? SQLITE_FULL : io_error;
}

static int f_close(sqlite3_file *file)
{
    return real_of(file)->pMethods ? real_of(file)->pMethods->xClose(real_of(file)) : SQLITE_OK;
}

static int f_read(sqlite3_file *file, void *at, int len, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), at, len, offset);
}

static int f_write(sqlite3_file *file, const void *at, int len, sqlite3_int64 offset)
{
    if (fails()) {
        /* A part of it may be there, as after a crash of the disk. */
        if (fault_vfs.kind == FAULT_ERROR && len > 512)
            (void)real_of(file)->pMethods->xWrite(real_of(file), at, len / 2, offset);
        return failure(SQLITE_IOERR_WRITE);
    }
    return real_of(file)->pMethods->xWrite(real_of(file), at, len, offset);
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (needs_no_room() || !fails())
        return real_of(file)->pMethods->xTruncate(real_of(file), size);
    return SQLITE_IOERR_TRUNCATE;
}

static int f_sync(sqlite3_file *file, int flags)
{
    fault_vfs.syncs++;
    if (fails())
        return failure(SQLITE_IOERR_FSYNC);
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int f_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), ret);
}

static int f_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int f_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int f_check_lock(sqlite3_file *file, int *ret)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int f_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int f_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

/* The first lock of the log's index is the writer's (SQLite's "WAL-mode File Format", 2.3.1). */
static int f_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if (offset == 0 && flags == (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE))
        fault_vfs.writers++;
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void f_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int f_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory mapping */
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
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static sqlite3_vfs *real_vfs;

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct fault_file *ours = (struct fault_file *)file;
    int rc;

    (void)vfs;
    if (!name)
        fault_vfs.temporary++;
    ours->base.pMethods = NULL;
    ours->real = (sqlite3_file *)(ours + 1);
    memset(ours->real, 0, (size_t)real_vfs->szOsFile);
    rc = real_vfs->xOpen(real_vfs, name, ours->real, flags, ret_flags);
    if (rc == SQLITE_OK)
        ours->base.pMethods = &methods;
    return rc;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
    (void)vfs;
    if (needs_no_room() || !fails())
        return real_vfs->xDelete(real_vfs, name, sync_dir);
    return SQLITE_IOERR_DELETE;
}

/* An injected fault has no errno of its own. */
static int v_last_error(sqlite3_vfs *vfs, int len, char *text)
{
    (void)vfs;
    (void)len;
    (void)text;
    return 0;
}

void fault_vfs_install(void)
{
    static sqlite3_vfs vfs;
    int rc;

    if (real_vfs)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    assert(real_vfs);
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.zName = FAULT_VFS_NAME;
    vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    vfs.xOpen = v_open;
    vfs.xDelete = v_delete;
    vfs.xGetLastError = v_last_error;
    rc = sqlite3_vfs_register(&vfs, 0);
    assert(rc == SQLITE_OK);
}

void fault_vfs_reset(void)
{
    fault_vfs = (struct fault_vfs){.fail_from = -1, .fail_count = LONG_MAX};
}
