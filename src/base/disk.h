#ifndef BASE_DISK_H
#define BASE_DISK_H
#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

/*
 * The disk as the logic sees it: whole small files, written so that a reader finds the old or the
 * new content and never a half; directories; locks; room left. Databases go through SQLite, whose
 * VFS is named here, so that a test can put its own beneath it. Folders are made 0700, files 0600.
 */
struct disk_lock {
    int fd; /* -1 when not held */
};

/* A file that grows at its end, and keeps room ahead for that. */
struct disk_file {
    int fd; /* -1 when not open */
};

struct disk_ops {
    /* The file's bytes, appended to *ret (whose cap is the limit). ERR_NOT_FOUND when absent. */
    enum err_class (*read)(void *self, const char *path, struct strbuf *ret, struct err *err);
    /* Temporary file, fsync, rename, fsync of the folder. */
    enum err_class (*write)(void *self, const char *path, struct str bytes, struct err *err);
    enum err_class (*make_dir)(void *self, const char *path, struct err *err); /* exists: fine */
    enum err_class (*remove)(void *self, const char *path, struct err *err);   /* absent: fine */
    enum err_class (*remove_tree)(void *self, const char *path, struct err *err);
    bool (*exists)(void *self, const char *path);
    /* Names in a folder but "." and "..", in no order, one callback each. */
    enum err_class (*list)(void *self, const char *path, void (*each)(void *arg, const char *name),
                           void *arg, struct err *err);
    /*
     * An exclusive lock that the kernel drops when the process ends. ERR_CONFLICT when another
     * process holds it; the message names its process id.
     */
    enum err_class (*lock)(void *self, const char *path, struct disk_lock *ret, struct err *err);
    void (*unlock)(void *self, struct disk_lock *lock);
    enum err_class (*free_bytes)(void *self, const char *path, int64_t *ret, struct err *err);
    /* For reading and appending. ERR_NOT_FOUND when absent, unless `create`: then it is durable. */
    enum err_class (*file_open)(void *self, const char *path, bool create, struct disk_file *ret,
                                struct err *err);
    void (*file_close)(void *self, struct disk_file *file); /* drops its lock, too */
    /* Waits until no other open file holds it: exclusively, or with others that only read. */
    enum err_class (*file_lock)(void *self, const struct disk_file *file, bool exclusive,
                                struct err *err);
    void (*file_unlock)(void *self, const struct disk_file *file);
    /* ERR_NOT_FOUND when its name is gone from the folder. */
    enum err_class (*file_size)(void *self, const struct disk_file *file, int64_t *ret,
                                struct err *err);
    /* At most len bytes from `from`, appended to *ret. */
    enum err_class (*file_read)(void *self, const struct disk_file *file, int64_t from, size_t len,
                                struct strbuf *ret, struct err *err);
    /*
     * Writes at `at`, the file's end, and makes it durable. On an error the file ends at `at`
     * again, or, when even that fails, somewhere behind it.
     */
    enum err_class (*file_append)(void *self, const struct disk_file *file, int64_t at,
                                  struct str bytes, struct err *err);
    /* Room for that many bytes behind `from`, without a change of the size. ERR_SPACE: not there.
     */
    enum err_class (*file_reserve)(void *self, const struct disk_file *file, int64_t from,
                                   int64_t bytes, struct err *err);
    const struct disk_stream_ops *stream; /* base/disk_stream.h */
    const char *sqlite_vfs;               /* NULL: SQLite's default */
};

extern const struct disk_ops disk_real;

MUST_USE enum err_class disk_read(const struct ctx *ctx, const char *path, struct strbuf *ret,
                                  struct err *err);
MUST_USE enum err_class disk_write(const struct ctx *ctx, const char *path, struct str bytes,
                                   struct err *err);
MUST_USE enum err_class disk_make_dir(const struct ctx *ctx, const char *path, struct err *err);
MUST_USE enum err_class disk_remove(const struct ctx *ctx, const char *path, struct err *err);
MUST_USE enum err_class disk_remove_tree(const struct ctx *ctx, const char *path, struct err *err);
bool disk_exists(const struct ctx *ctx, const char *path);
MUST_USE enum err_class disk_list(const struct ctx *ctx, const char *path,
                                  void (*each)(void *arg, const char *name), void *arg,
                                  struct err *err);
MUST_USE enum err_class disk_lock(const struct ctx *ctx, const char *path, struct disk_lock *ret,
                                  struct err *err);
void disk_unlock(const struct ctx *ctx, struct disk_lock *lock);
MUST_USE enum err_class disk_free_bytes(const struct ctx *ctx, const char *path, int64_t *ret,
                                        struct err *err);

MUST_USE enum err_class disk_file_open(const struct ctx *ctx, const char *path, bool create,
                                       struct disk_file *ret, struct err *err);
void disk_file_close(const struct ctx *ctx, struct disk_file *file); /* not open: fine */
MUST_USE enum err_class disk_file_lock(const struct ctx *ctx, const struct disk_file *file,
                                       bool exclusive, struct err *err);
void disk_file_unlock(const struct ctx *ctx, const struct disk_file *file);
MUST_USE enum err_class disk_file_size(const struct ctx *ctx, const struct disk_file *file,
                                       int64_t *ret, struct err *err);
MUST_USE enum err_class disk_file_read(const struct ctx *ctx, const struct disk_file *file,
                                       int64_t from, size_t len, struct strbuf *ret,
                                       struct err *err);
MUST_USE enum err_class disk_file_append(const struct ctx *ctx, const struct disk_file *file,
                                         int64_t at, struct str bytes, struct err *err);
MUST_USE enum err_class disk_file_reserve(const struct ctx *ctx, const struct disk_file *file,
                                          int64_t from, int64_t bytes, struct err *err);

/* "dir/name", NULL when out of memory; the caller frees. */
char *disk_join(const char *dir, const char *name);

#endif
