/*
 * disk_stream.c: large files in parts on the real disk, and the thin calls through the context.
 *
 * A file that is being written has another name until it is whole and durable, so that what has a
 * backup's name is a backup. Threads: a stream belongs to one thread at a time.
 */
#include "base/disk_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* "path.part", NULL when out of memory; the caller frees. */
static char *part_of(const char *path)
{
    size_t len = strlen(path) + sizeof(DISK_PART_SUFFIX);
    char *part = malloc(len);

    if (part)
        (void)snprintf(part, len, "%s" DISK_PART_SUFFIX, path);
    return part;
}

static void close_autop(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read from, or already made durable */
    *fd = -1;
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

static void real_discard(void *self, struct disk_stream *stream)
{
    (void)self;
    close_autop(&stream->fd);
    if (stream->is_new && stream->path) {
        AUTO(free_autop) char *part = part_of(stream->path);

        if (part)
            (void)unlink(part); /* the undo of what has no name yet */
    }
    free(stream->path);
    *stream = DISK_STREAM_INIT;
}

static enum err_class real_create(void *self, const char *path, struct disk_stream *ret,
                                  struct err *err)
{
    AUTO(free_autop) char *part = part_of(path);

    *ret = (struct disk_stream){.fd = -1, .is_new = true, .path = str_dup_z(str_from(path))};
    if (!part || !ret->path) {
        real_discard(self, ret);
        return err_memory(err);
    }
    (void)unlink(part); /* what a crash left behind, or absent */
    ret->fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (ret->fd >= 0)
        return ERR_OK;

    int why = errno;

    real_discard(self, ret);
    return err_errno(err, why, "cannot create %s", part);
}

static enum err_class real_append(void *self, struct disk_stream *stream, struct str bytes,
                                  struct err *err)
{
    (void)self;
    while (bytes.len > 0) {
        ssize_t put = write(stream->fd, bytes.ptr, bytes.len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_errno(err, errno, "cannot write %s", stream->path);
        stream->bytes += put;
        bytes = str_sub(bytes, (size_t)put, bytes.len);
    }
    return ERR_OK;
}

static enum err_class real_keep(void *self, struct disk_stream *stream, struct err *err)
{
    AUTO(free_autop) char *part = part_of(stream->path);

    (void)self;
    if (!part)
        return err_memory(err);
    if (fsync(stream->fd) != 0)
        return err_errno(err, errno, "cannot make %s durable", part);
    if (rename(part, stream->path) != 0)
        return err_errno(err, errno, "cannot put %s in place", stream->path);
    stream->is_new = false;
    return sync_parent(stream->path, err);
}

static enum err_class real_open(void *self, const char *path, struct disk_stream *ret,
                                struct err *err)
{
    struct stat st;

    *ret = (struct disk_stream){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (ret->fd < 0 || fstat(ret->fd, &st) != 0) {
        int why = errno;

        real_discard(self, ret);
        return err_errno(err, why, "cannot open %s", path);
    }
    ret->bytes = st.st_size;
    ret->path = str_dup_z(str_from(path));
    if (ret->path)
        return ERR_OK;
    real_discard(self, ret);
    return err_memory(err);
}

static enum err_class real_read(void *self, struct disk_stream *stream, void *bytes, size_t len,
                                size_t *ret_len, struct err *err)
{
    size_t have = 0;

    (void)self;
    /* Ends when all is there, or with the file. */
    while (have < len) {
        ssize_t got = read(stream->fd, (char *)bytes + have, len - have);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "cannot read %s", stream->path);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *ret_len = have;
    return ERR_OK;
}

static enum err_class real_sync(void *self, const char *path, struct err *err)
{
    AUTO(close_autop) int fd = open(path, O_RDONLY | O_CLOEXEC);

    (void)self;
    if (fd < 0 || fsync(fd) != 0)
        return err_errno(err, errno, "cannot make %s durable", path);
    return sync_parent(path, err);
}

static enum err_class sync_both(const char *a, const char *b, struct err *err)
{
    enum err_class rc = sync_parent(a, err);

    return rc == ERR_OK ? sync_parent(b, err) : rc;
}

static enum err_class real_move(void *self, const char *from, const char *to, struct err *err)
{
    (void)self;
    if (rename(from, to) != 0)
        return err_errno(err, errno, "cannot move %s to %s", from, to);
    return sync_both(to, from, err);
}

static enum err_class real_swap(void *self, const char *a, const char *b, struct err *err)
{
    (void)self;
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) != 0)
        return err_errno(err, errno, "cannot exchange %s and %s in one step", a, b);
    return sync_both(a, b, err);
}

const struct disk_stream_ops disk_stream_real = {
    .create = real_create,
    .append = real_append,
    .keep = real_keep,
    .open = real_open,
    .read = real_read,
    .discard = real_discard,
    .sync = real_sync,
    .move = real_move,
    .swap = real_swap,
};

enum err_class disk_create(const struct ctx *ctx, const char *path, struct disk_stream *ret,
                           struct err *err)
{
    return ctx->disk->stream->create(ctx->disk_self, path, ret, err);
}

enum err_class disk_append(const struct ctx *ctx, struct disk_stream *stream, struct str bytes,
                           struct err *err)
{
    return ctx->disk->stream->append(ctx->disk_self, stream, bytes, err);
}

enum err_class disk_keep(const struct ctx *ctx, struct disk_stream *stream, struct err *err)
{
    return ctx->disk->stream->keep(ctx->disk_self, stream, err);
}

enum err_class disk_open(const struct ctx *ctx, const char *path, struct disk_stream *ret,
                         struct err *err)
{
    return ctx->disk->stream->open(ctx->disk_self, path, ret, err);
}

enum err_class disk_read_part(const struct ctx *ctx, struct disk_stream *stream, void *bytes,
                              size_t len, size_t *ret_len, struct err *err)
{
    return ctx->disk->stream->read(ctx->disk_self, stream, bytes, len, ret_len, err);
}

void disk_discard(const struct ctx *ctx, struct disk_stream *stream)
{
    ctx->disk->stream->discard(ctx->disk_self, stream);
}

enum err_class disk_sync(const struct ctx *ctx, const char *path, struct err *err)
{
    return ctx->disk->stream->sync(ctx->disk_self, path, err);
}

enum err_class disk_move(const struct ctx *ctx, const char *from, const char *to, struct err *err)
{
    return ctx->disk->stream->move(ctx->disk_self, from, to, err);
}

enum err_class disk_swap(const struct ctx *ctx, const char *a, const char *b, struct err *err)
{
    return ctx->disk->stream->swap(ctx->disk_self, a, b, err);
}
