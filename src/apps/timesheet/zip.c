/*
 * zip.c: a ZIP archive as a stream.
 *
 * Each entry says that its sizes come later (bit 3 of its flags) and has them behind its data, so
 * nothing that was handed on must be changed. All times are 1980-01-01, the first that the format
 * has: the same rows give the same bytes. Threads: none.
 */
#include "apps/timesheet/zip.h"

#include <assert.h>
#include <zlib.h>

#define LEVEL 2                    /* of deflate: tables shrink to a tenth at any level */
#define FLAGS (1u << 3 | 1u << 11) /* sizes behind the data; names in UTF-8 */
#define VERSION 20u
#define DAY_1980 0x0021u
#define PIECE_BYTES ((size_t)16 * 1024)

struct entry {
    const char *name;
    uint32_t at, crc, packed, plain;
};

struct zip {
    struct strbuf *out;
    uint64_t written; /* to `out` since the beginning, also what was taken away */
    struct entry entries[ZIP_ENTRIES_MAX];
    size_t count;
    bool open; /* the last entry takes more */
    z_stream deflate;
    uint32_t crc;
    uint64_t plain, packed;
};

struct zip *zip_new(struct strbuf *out)
{
    struct zip *zip = calloc(1, sizeof(*zip));

    if (!zip)
        return NULL;
    zip->out = out;
    /* Raw deflate: the archive has its own frame. */
    if (deflateInit2(&zip->deflate, LEVEL, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(zip);
        return NULL;
    }
    return zip;
}

void zip_free(struct zip *zip)
{
    if (!zip)
        return;
    (void)deflateEnd(&zip->deflate);
    free(zip);
}

static void put(struct zip *zip, const void *bytes, size_t len)
{
    strbuf_add(zip->out, bytes, len);
    zip->written += len;
}

/* Little end first. */
static void put_number(struct zip *zip, uint32_t value, size_t bytes)
{
    unsigned char text[4];

    for (size_t i = 0; i < bytes; i++)
        text[i] = (unsigned char)(value >> (8 * i));
    put(zip, text, bytes);
}

static void put16(struct zip *zip, uint32_t value)
{
    put_number(zip, value, 2);
}

static void put32(struct zip *zip, uint32_t value)
{
    put_number(zip, value, 4);
}

static enum err_class too_large(struct err *err)
{
    return err_set(err, ERR_LIMIT,
                   "the export is larger than 4 GiB; ask for a shorter period, or for CSV");
}

/* Takes what deflate has made of its input. */
static enum err_class pump(struct zip *zip, int flush, struct err *err)
{
    char piece[PIECE_BYTES];
    int rc = Z_OK;

    do {
        zip->deflate.next_out = (Bytef *)piece;
        zip->deflate.avail_out = (uInt)sizeof(piece);
        rc = deflate(&zip->deflate, flush);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return err_set(err, ERR_BUG, "deflate answers %d", rc);

        size_t len = sizeof(piece) - zip->deflate.avail_out;

        put(zip, piece, len);
        zip->packed += len;
    } while (zip->deflate.avail_out == 0);
    return strbuf_check(zip->out, "a part of the export", err);
}

static enum err_class end_entry(struct zip *zip, struct err *err)
{
    struct entry *entry = &zip->entries[zip->count - 1];

    if (!zip->open)
        return ERR_OK;
    zip->open = false;
    zip->deflate.next_in = NULL;
    zip->deflate.avail_in = 0;
    if (pump(zip, Z_FINISH, err))
        return err->class;
    if (zip->plain > ZIP_ENTRY_BYTES_MAX || zip->packed > ZIP_ENTRY_BYTES_MAX)
        return too_large(err);
    entry->crc = zip->crc;
    entry->packed = (uint32_t)zip->packed;
    entry->plain = (uint32_t)zip->plain;
    put32(zip, 0x08074b50);
    put32(zip, entry->crc);
    put32(zip, entry->packed);
    put32(zip, entry->plain);
    return deflateReset(&zip->deflate) == Z_OK ? ERR_OK : err_set(err, ERR_BUG, "deflate is stuck");
}

static void put_common(struct zip *zip, const struct entry *entry, bool sizes)
{
    put16(zip, VERSION);
    put16(zip, FLAGS);
    put16(zip, Z_DEFLATED);
    put16(zip, 0);
    put16(zip, DAY_1980);
    put32(zip, sizes ? entry->crc : 0);
    put32(zip, sizes ? entry->packed : 0);
    put32(zip, sizes ? entry->plain : 0);
    put16(zip, (uint32_t)strlen(entry->name));
    put16(zip, 0); /* extra fields */
}

enum err_class zip_begin(struct zip *zip, const char *name, struct err *err)
{
    if (zip->count > 0 && end_entry(zip, err))
        return err->class;
    if (zip->count == ZIP_ENTRIES_MAX || zip->written > ZIP_ENTRY_BYTES_MAX)
        return too_large(err);
    zip->entries[zip->count++] = (struct entry){.name = name, .at = (uint32_t)zip->written};
    zip->crc = (uint32_t)crc32(0, NULL, 0);
    zip->plain = 0;
    zip->packed = 0;
    zip->open = true;
    put32(zip, 0x04034b50);
    put_common(zip, &zip->entries[zip->count - 1], false);
    put(zip, name, strlen(name));
    return strbuf_check(zip->out, "a part of the export", err);
}

enum err_class zip_add(struct zip *zip, struct str bytes, struct err *err)
{
    assert(zip->open);
    assert(bytes.len <= INT32_MAX);
    if (bytes.len == 0)
        return ERR_OK;
    zip->crc = (uint32_t)crc32(zip->crc, (const Bytef *)bytes.ptr, (uInt)bytes.len);
    zip->plain += bytes.len;
    zip->deflate.next_in = (z_const Bytef *)(uintptr_t)bytes.ptr;
    zip->deflate.avail_in = (uInt)bytes.len;
    return pump(zip, Z_NO_FLUSH, err);
}

uint64_t zip_entry_bytes(const struct zip *zip)
{
    return zip->plain;
}

enum err_class zip_end(struct zip *zip, struct err *err)
{
    uint64_t at = 0, end = 0;

    if (zip->count > 0 && end_entry(zip, err))
        return err->class;
    at = zip->written;
    for (size_t i = 0; i < zip->count; i++) {
        const struct entry *entry = &zip->entries[i];

        put32(zip, 0x02014b50);
        put16(zip, VERSION);
        put_common(zip, entry, true);
        put16(zip, 0); /* comment */
        put16(zip, 0); /* disk */
        put16(zip, 0); /* attributes */
        put32(zip, 0);
        put32(zip, entry->at);
        put(zip, entry->name, strlen(entry->name));
    }
    end = zip->written;
    if (end > ZIP_ENTRY_BYTES_MAX)
        return too_large(err);
    put32(zip, 0x06054b50);
    put32(zip, 0); /* disks */
    put16(zip, (uint32_t)zip->count);
    put16(zip, (uint32_t)zip->count);
    put32(zip, (uint32_t)(end - at));
    put32(zip, (uint32_t)at);
    put16(zip, 0); /* comment */
    return strbuf_check(zip->out, "a part of the export", err);
}
