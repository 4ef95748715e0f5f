#ifndef BASE_DISK_STREAM_H
#define BASE_DISK_STREAM_H
#include "base/disk.h"

/*
 * Large files of the data folder, written or read in parts from their beginning to their end, and
 * the moves that put what was made in place: for backups. Small files: base/disk.h.
 */
struct disk_stream {
    int fd; /* -1 when not open */
    bool is_new;
    int64_t bytes; /* appended so far; of a file that is read: its size */
    char *path;    /* owned */
};
#define DISK_STREAM_INIT ((struct disk_stream){.fd = -1})
#define DISK_PART_SUFFIX ".part"

struct disk_stream_ops {
    enum err_class (*create)(void *self, const char *path, struct disk_stream *ret,
                             struct err *err);
    enum err_class (*append)(void *self, struct disk_stream *stream, struct str bytes,
                             struct err *err);
    enum err_class (*keep)(void *self, struct disk_stream *stream, struct err *err);
    enum err_class (*open)(void *self, const char *path, struct disk_stream *ret, struct err *err);
    enum err_class (*read)(void *self, struct disk_stream *stream, void *bytes, size_t len,
                           size_t *ret_len, struct err *err);
    void (*discard)(void *self, struct disk_stream *stream);
    enum err_class (*sync)(void *self, const char *path, struct err *err);
    enum err_class (*move)(void *self, const char *from, const char *to, struct err *err);
    enum err_class (*swap)(void *self, const char *a, const char *b, struct err *err);
};
extern const struct disk_stream_ops disk_stream_real;

/*
 * A new file. It has its name only from disk_keep on (fsync, rename, fsync of the folder); until
 * then it is "<path>.part", which takes the place of one that a crash left behind. Whatever
 * happens, disk_discard ends it: it closes, and removes what was not kept.
 */
MUST_USE enum err_class disk_create(const struct ctx *ctx, const char *path,
                                    struct disk_stream *ret, struct err *err);
MUST_USE enum err_class disk_append(const struct ctx *ctx, struct disk_stream *stream,
                                    struct str bytes, struct err *err);
MUST_USE enum err_class disk_keep(const struct ctx *ctx, struct disk_stream *stream,
                                  struct err *err);
/* To read; *ret_len is less than `len` at the file's end only. ERR_NOT_FOUND when absent. */
MUST_USE enum err_class disk_open(const struct ctx *ctx, const char *path, struct disk_stream *ret,
                                  struct err *err);
MUST_USE enum err_class disk_read_part(const struct ctx *ctx, struct disk_stream *stream,
                                       void *bytes, size_t len, size_t *ret_len, struct err *err);
void disk_discard(const struct ctx *ctx, struct disk_stream *stream); /* not open: fine */

/* What others (SQLite) wrote into the file is on the disk when it returns. */
MUST_USE enum err_class disk_sync(const struct ctx *ctx, const char *path, struct err *err);
/* Renames within the data folder, durable. A file that has the name `to` is replaced. */
MUST_USE enum err_class disk_move(const struct ctx *ctx, const char *from, const char *to,
                                  struct err *err);
/*
 * Exchanges two folders (or files) in one step that a crash cannot cut in two; durable. ERR_DISK
 * when the file system cannot.
 */
MUST_USE enum err_class disk_swap(const struct ctx *ctx, const char *a, const char *b,
                                  struct err *err);

#endif
