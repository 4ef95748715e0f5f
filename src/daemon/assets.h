#ifndef DAEMON_ASSETS_H
#define DAEMON_ASSETS_H
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The files of the pages, inside the program: what web/ builds, the page itself under the path of
 * every page, and the description of our API. Constant for the life of the process; any thread.
 */
struct asset {
    const char *path; /* "/assets/index-5f3a9c.js", "/time", "/openapi.yaml" */
    const char *type; /* value of Content-Type */
    const char *etag; /* value of ETag, with its quotes; follows the content */
    bool immutable;   /* the name changes with the content: may be kept for a year */
    bool gzip;        /* `bytes` are to be sent with Content-Encoding: gzip */
    const unsigned char *bytes;
    size_t len;
    size_t plain_len; /* bytes when unpacked; `len` where gzip is false */
};

/* Exactly this path, or NULL. No decoding, no "..": what the table does not hold is not there. */
const struct asset *assets_find(struct str path);

/*
 * The unpacked bytes, plain_len of them, for a client that does not take gzip; the caller frees.
 * Errors: ERR_MEMORY; ERR_BUG when the program's own bytes do not unpack.
 */
MUST_USE enum err_class asset_plain(const struct asset *asset, unsigned char **ret,
                                    struct err *err);

/* The table, sorted by the bytes of `path`: written by web/embed.mjs or web/left_out.sh. */
extern const struct asset assets_all[];
extern const size_t assets_count;

#endif
