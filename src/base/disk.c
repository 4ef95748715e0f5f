/*
 * disk.c: the real disk, and the thin calls through the context.
 *
 * A file is replaced by writing a temporary beside it, fsync, rename, fsync of the folder: after a
 * crash the reader finds the old bytes or the new ones. The temporary's name is fixed per file, so
 * that a crash leaves at most one behind, and the next write replaces it.
 */
#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/disk_stream.h"

char *disk_join(const char *dir, const char *name)
{
    size_t len = strlen(dir) + strlen(name) + 2;
    char *path = malloc(len);

    if (path)
        (void)snprintf(path, len, "%s/%s", dir, name);
    return path;
}

static void close_autop(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read from, or already reported */
}

static enum err_class real_read(void *self, const char *path, struct strbuf *ret, struct err *err)
{
    AUTO(close_autop) int fd = open(path, O_RDONLY | O_CLOEXEC);

    (void)self;
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", path);
    /* Ends at the file's end or at the cap of *ret. */
    for (;;) {
        char part[16384];
        ssize_t got = read(fd, part, sizeof(part));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "cannot read %s", path);
        if (got == 0)
            return strbuf_check(ret, path, err);
        strbuf_add(ret, part, (size_t)got);
        explicit_bzero(part, (size_t)got); /* keys come through here */
        if (ret->failed != ERR_OK)
            return strbuf_check(ret, path, err);
    }
}

static enum err_class write_all(int fd, struct str bytes, const char *path, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, errno, "cannot write %s", path);
        bytes = str_sub(bytes, (size_t)put, bytes.len);
    }
    if (fsync(fd) != 0)
        return err_errno(err, errno, "cannot make %s durable", path);
    return ERR_OK;
}

static enum err_class sync_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO(free_autop)
    char *dir = slash ? str_dup_z((struct str){path, (size_t)(slash - path)}) : NULL;
    AUTO(close_autop) int fd = open(dir && *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0)
        return err_errno(err, errno, "cannot make the folder of %s durable", path);
    return ERR_OK;
}

static enum err_class real_write(void *self, const char *path, struct str bytes, struct err *err)
{
    struct strbuf tmp = STRBUF_INIT(4096);

    (void)self;
    strbuf_addf(&tmp, "%s.tmp", path);

    enum err_class rc = strbuf_check(&tmp, "a file name", err);

    if (rc != ERR_OK) {
        strbuf_done(&tmp);
        return rc;
    }

    AUTO(free_autop) char *tmp_path = tmp.ptr; /* takes over the buffer's memory */

    (void)unlink(tmp_path); /* what a crash left behind: its mode may be another; or absent */

    AUTO(close_autop) int fd = open(tmp_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(err, errno, "cannot create %s", tmp_path);
    rc = write_all(fd, bytes, tmp_path, err);
    if (rc == ERR_OK && rename(tmp_path, path) != 0)
        rc = err_errno(err, errno, "cannot put %s in place", path);
    if (rc != ERR_OK) {
        (void)unlink(tmp_path); /* the undo; the first error is the one to tell */
        return rc;
    }
    return sync_parent(path, err);
}

static enum err_class real_make_dir(void *self, const char *path, struct err *err)
{
    (void)self;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_errno(err, errno, "cannot create the folder %s", path);
    return ERR_OK;
}

static enum err_class real_remove(void *self, const char *path, struct err *err)
{
    (void)self;
    if (unlink(path) != 0 && errno != ENOENT)
        return err_errno(err, errno, "cannot remove %s", path);
    return ERR_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static enum err_class real_remove_tree(void *self, const char *path, struct err *err)
{
    (void)self;
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return err_errno(err, errno, "cannot remove the folder %s", path);
    return ERR_OK;
}

static bool real_exists(void *self, const char *path)
{
    (void)self;
    return access(path, F_OK) == 0;
}

static void closedir_autop(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

static enum err_class real_list(void *self, const char *path,
                                void (*each)(void *arg, const char *name), void *arg,
                                struct err *err)
{
    AUTO(closedir_autop) DIR *dir = opendir(path);

    (void)self;
    if (!dir)
        return err_errno(err, errno, "cannot list the folder %s", path);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);

        if (!entry && errno != 0)
            return err_errno(err, errno, "cannot list the folder %s", path);
        if (!entry)
            return ERR_OK;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(arg, entry->d_name);
    }
}

/* The process id that the holder wrote into the lock file; 0 when there is none to read. */
static int64_t holder_of(int fd)
{
    char text[32] = {0};
    int64_t pid = 0;
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

    if (got <= 0)
        return 0;
    if (!parse_i64(str_trim((struct str){text, (size_t)got}), 1, INT32_MAX, &pid))
        return 0;
    return pid;
}

static enum err_class real_lock(void *self, const char *path, struct disk_lock *ret,
                                struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    (void)self;
    if (fd < 0)
        return err_errno(err, errno, "cannot open the lock file %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        int64_t pid = holder_of(fd);

        (void)close(fd);
        if (why != EWOULDBLOCK)
            return err_errno(err, why, "cannot lock %s", path);
        return err_set(err, ERR_CONFLICT,
                       "another tenon process (pid %lld) holds %s; wait until it has ended, or "
                       "stop it",
                       (long long)pid, path);
    }

    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        int why = errno;

        (void)close(fd);
        return err_errno(err, why, "cannot write the lock file %s", path);
    }
    ret->fd = fd;
    return ERR_OK;
}

static void real_unlock(void *self, struct disk_lock *lock)
{
    (void)self;
    if (lock->fd >= 0)
        (void)close(lock->fd); /* drops the lock */
    lock->fd = -1;
}

static enum err_class real_free_bytes(void *self, const char *path, int64_t *ret, struct err *err)
{
    struct statvfs st;

    (void)self;
    if (statvfs(path, &st) != 0)
        return err_errno(err, errno, "cannot ask how much room is left at %s", path);
    *ret = (int64_t)((uint64_t)st.f_bavail * st.f_frsize);
    return ERR_OK;
}

static enum err_class real_file_open(void *self, const char *path, bool create,
                                     struct disk_file *ret, struct err *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    enum err_class rc = ERR_OK;

    (void)self;
    if (fd < 0 && errno == ENOENT && create) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            rc = sync_parent(path, err);
    }
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", path);
    if (rc == ERR_OK)
        ret->fd = fd;
    else
        (void)close(fd); /* the first error is the one to tell */
    return rc;
}

static void real_file_close(void *self, struct disk_file *file)
{
    (void)self;
    if (file->fd >= 0)
        (void)close(file->fd); /* what was appended is durable already */
    file->fd = -1;
}

static enum err_class real_file_lock(void *self, const struct disk_file *file, bool exclusive,
                                     struct err *err)
{
    int done;

    (void)self;
    do {
        done = flock(file->fd, exclusive ? LOCK_EX : LOCK_SH);
    } while (done != 0 && errno == EINTR);
    return done == 0 ? ERR_OK : err_errno(err, errno, "cannot lock a file");
}

static void real_file_unlock(void *self, const struct disk_file *file)
{
    (void)self;
    (void)flock(file->fd, LOCK_UN); /* of an open file: cannot fail */
}

static enum err_class real_file_size(void *self, const struct disk_file *file, int64_t *ret,
                                     struct err *err)
{
    struct stat st;

    (void)self;
    if (fstat(file->fd, &st) != 0)
        return err_errno(err, errno, "cannot ask for the size of a file");
    if (st.st_nlink == 0)
        return err_set(err, ERR_NOT_FOUND, "the file was removed while it was in use");
    *ret = st.st_size;
    return ERR_OK;
}

static enum err_class real_file_read(void *self, const struct disk_file *file, int64_t from,
                                     size_t len, struct strbuf *ret, struct err *err)
{
    (void)self;
    while (len > 0) {
        char part[16384];
        ssize_t got = pread(file->fd, part, len < sizeof(part) ? len : sizeof(part), from);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "cannot read a file");
        if (got == 0)
            break;
        strbuf_add(ret, part, (size_t)got);
        from += got;
        len -= (size_t)got;
    }
    return strbuf_check(ret, "a part of a file", err);
}

static enum err_class real_file_append(void *self, const struct disk_file *file, int64_t at,
                                       struct str bytes, struct err *err)
{
    int64_t end = at;
    int why = 0;

    (void)self;
    while (bytes.len > 0 && why == 0) {
        ssize_t put = pwrite(file->fd, bytes.ptr, bytes.len, end);

        if (put < 0 && errno != EINTR)
            why = errno;
        if (put > 0) {
            bytes = str_sub(bytes, (size_t)put, bytes.len);
            end += put;
        }
    }
    if (why == 0 && fdatasync(file->fd) != 0)
        why = errno;
    if (why == 0)
        return ERR_OK;
    if (end > at && ftruncate(file->fd, at) != 0)
        return err_errno(err, why, "cannot append to a file, nor take back what was written");
    return err_errno(err, why, "cannot append to a file");
}

static enum err_class real_file_reserve(void *self, const struct disk_file *file, int64_t from,
                                        int64_t bytes, struct err *err)
{
    (void)self;
    if (fallocate(file->fd, FALLOC_FL_KEEP_SIZE, from, bytes) == 0)
        return ERR_OK;
    /* A file system without reservations has no promise to give; writing is tried all the same. */
    if (errno == EOPNOTSUPP || errno == ENOSYS)
        return ERR_OK;
    return err_errno(err, errno, "cannot reserve %lld bytes", (long long)bytes);
}

const struct disk_ops disk_real = {
    .read = real_read,
    .write = real_write,
    .make_dir = real_make_dir,
    .remove = real_remove,
    .remove_tree = real_remove_tree,
    .exists = real_exists,
    .list = real_list,
    .lock = real_lock,
    .unlock = real_unlock,
    .free_bytes = real_free_bytes,
    .file_open = real_file_open,
    .file_close = real_file_close,
    .file_lock = real_file_lock,
    .file_unlock = real_file_unlock,
    .file_size = real_file_size,
    .file_read = real_file_read,
    .file_append = real_file_append,
    .file_reserve = real_file_reserve,
    .stream = &disk_stream_real,
    .sqlite_vfs = NULL,
};

enum err_class disk_read(const struct ctx *ctx, const char *path, struct strbuf *ret,
                         struct err *err)
{
    return ctx->disk->read(ctx->disk_self, path, ret, err);
}

enum err_class disk_write(const struct ctx *ctx, const char *path, struct str bytes,
                          struct err *err)
{
    return ctx->disk->write(ctx->disk_self, path, bytes, err);
}

enum err_class disk_make_dir(const struct ctx *ctx, const char *path, struct err *err)
{
    return ctx->disk->make_dir(ctx->disk_self, path, err);
}

enum err_class disk_remove(const struct ctx *ctx, const char *path, struct err *err)
{
    return ctx->disk->remove(ctx->disk_self, path, err);
}

enum err_class disk_remove_tree(const struct ctx *ctx, const char *path, struct err *err)
{
    return ctx->disk->remove_tree(ctx->disk_self, path, err);
}

bool disk_exists(const struct ctx *ctx, const char *path)
{
    return ctx->disk->exists(ctx->disk_self, path);
}

enum err_class disk_list(const struct ctx *ctx, const char *path,
                         void (*each)(void *arg, const char *name), void *arg, struct err *err)
{
    return ctx->disk->list(ctx->disk_self, path, each, arg, err);
}

enum err_class disk_lock(const struct ctx *ctx, const char *path, struct disk_lock *ret,
                         struct err *err)
{
    return ctx->disk->lock(ctx->disk_self, path, ret, err);
}

void disk_unlock(const struct ctx *ctx, struct disk_lock *lock)
{
    ctx->disk->unlock(ctx->disk_self, lock);
}

enum err_class disk_free_bytes(const struct ctx *ctx, const char *path, int64_t *ret,
                               struct err *err)
{
    return ctx->disk->free_bytes(ctx->disk_self, path, ret, err);
}

enum err_class disk_file_open(const struct ctx *ctx, const char *path, bool create,
                              struct disk_file *ret, struct err *err)
{
    return ctx->disk->file_open(ctx->disk_self, path, create, ret, err);
}

void disk_file_close(const struct ctx *ctx, struct disk_file *file)
{
    ctx->disk->file_close(ctx->disk_self, file);
}

enum err_class disk_file_lock(const struct ctx *ctx, const struct disk_file *file, bool exclusive,
                              struct err *err)
{
    return ctx->disk->file_lock(ctx->disk_self, file, exclusive, err);
}

void disk_file_unlock(const struct ctx *ctx, const struct disk_file *file)
{
    ctx->disk->file_unlock(ctx->disk_self, file);
}

enum err_class disk_file_size(const struct ctx *ctx, const struct disk_file *file, int64_t *ret,
                              struct err *err)
{
    return ctx->disk->file_size(ctx->disk_self, file, ret, err);
}

enum err_class disk_file_read(const struct ctx *ctx, const struct disk_file *file, int64_t from,
                              size_t len, struct strbuf *ret, struct err *err)
{
    return ctx->disk->file_read(ctx->disk_self, file, from, len, ret, err);
}

enum err_class disk_file_append(const struct ctx *ctx, const struct disk_file *file, int64_t at,
                                struct str bytes, struct err *err)
{
    return ctx->disk->file_append(ctx->disk_self, file, at, bytes, err);
}

enum err_class disk_file_reserve(const struct ctx *ctx, const struct disk_file *file, int64_t from,
                                 int64_t bytes, struct err *err)
{
    return ctx->disk->file_reserve(ctx->disk_self, file, from, bytes, err);
}
