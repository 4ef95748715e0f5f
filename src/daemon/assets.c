/*
 * assets.c: finds and unpacks the files that the program carries.
 *
 * Why: the server is one file, and nothing a request says becomes a path on a disk. The bytes are
 * packed at build time, since nearly every browser takes gzip; unpacking is for the others, and is
 * done anew each time: they are rare, and memory kept for them would not be. Threads: none of its
 * own; the table never changes.
 */
#include "daemon/assets.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW (16 + MAX_WBITS) /* zlib's way to say "with a gzip header" */

const struct asset *assets_find(struct str path)
{
    size_t low = 0, high = assets_count;

    while (low < high) {
        size_t at = low + (high - low) / 2;
        int order = str_cmp(path, str_from(assets_all[at].path));

        if (order == 0)
            return &assets_all[at];
        if (order < 0)
            high = at;
        else
            low = at + 1;
    }
    return NULL;
}

static bool inflate_all(const struct asset *asset, unsigned char *out)
{
    z_stream stream = {0};

    assert(asset->len <= UINT_MAX);
    assert(asset->plain_len <= UINT_MAX);
    stream.next_in = (unsigned char *)(uintptr_t)asset->bytes; /* zlib only reads it */
    stream.avail_in = (unsigned)asset->len;
    stream.next_out = out;
    stream.avail_out = (unsigned)asset->plain_len;
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK)
        return false;
    bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;

    (void)inflateEnd(&stream); /* frees; its result repeats what is known */
    return whole;
}

enum err_class asset_plain(const struct asset *asset, unsigned char **ret, struct err *err)
{
    AUTO(free_autop) unsigned char *out = malloc(asset->plain_len ? asset->plain_len : 1);

    if (!out)
        return err_memory(err);
    if (!asset->gzip) {
        assert(asset->len == asset->plain_len);
        if (asset->len)
            memcpy(out, asset->bytes, asset->len);
    } else if (!inflate_all(asset, out)) {
        return err_set(err, ERR_BUG, "the page file %s inside this program does not unpack",
                       asset->path);
    }
    *ret = TAKE(out);
    return ERR_OK;
}
