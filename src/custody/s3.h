#ifndef CUSTODY_S3_H
#define CUSTODY_S3_H
#include "base/ctx.h"
#include "base/str.h"

/*
 * Object storage that speaks the S3 protocol: files put, fetched, listed, deleted. Signed by
 * libcurl (signature version 4), path-style addresses (ENDPOINT/BUCKET/KEY). What the storage says
 * is not believed: after a put its size and checksum are asked for, and where the checksum is none
 * that we know (storage that encrypts by itself), all of it is read back and compared.
 *
 * Limits: 8 MiB a part, 10,000 parts: 80 GiB a file. Memory: one part. Failures that may pass are
 * retried with growing waits, part by part.
 */
#define S3_PART_BYTES ((size_t)8 * 1024 * 1024)
#define S3_PARTS_MAX 10000
#define S3_KEY_BYTES 512

/* All borrowed. */
struct s3 {
    const struct ctx *ctx;
    const char *endpoint; /* "https://s3.eu-central-1.amazonaws.com", no trailing slash */
    const char *region, *bucket, *prefix, *key_id;
    const char *secret; /* in memory that its owner wipes */
    bool allow_http, allow_private;
    /* Asked before each part; its error ends the work. NULL. */
    enum err_class (*step)(void *arg, struct err *err);
    void *step_arg;
};

/*
 * Puts the file under prefix + key; when it returns, the storage has proved that it has all of it.
 * ERR_SPACE: the storage is full; ERR_FORBIDDEN: it refuses our key; ERR_NOT_FOUND: no such bucket;
 * ERR_CORRUPT: it said yes, and has something else; ERR_NETWORK, ERR_BUSY: after all tries.
 */
MUST_USE enum err_class s3_put(const struct s3 *s3, const char *path, const char *key,
                               struct err *err);
/* Fetches it into a new file, which has its name when it is whole and durable. */
MUST_USE enum err_class s3_get(const struct s3 *s3, const char *key, const char *path,
                               struct err *err);
/* Absent: fine. */
MUST_USE enum err_class s3_delete(const struct s3 *s3, const char *key, struct err *err);
/* The keys that begin with prefix + `under`, without the prefix. */
MUST_USE enum err_class s3_list(const struct s3 *s3, const char *under,
                                enum err_class (*each)(void *arg, const char *key, int64_t bytes,
                                                       struct err *err),
                                void *arg, struct err *err);

#endif
