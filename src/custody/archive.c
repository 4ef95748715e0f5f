/*
 * archive.c: reading a backup's file: the header, the proof of each chunk and of the end.
 *
 * Nothing is handed on that was not authenticated before; how a file is cut into chunks is told in
 * archive_write.c.
 *
 * Threads: a reader belongs to one thread at a time. Once it is unlocked it has a thread of its own
 * that reads, decrypts and decompresses, with blocks of plain bytes between the two
 * (base/pipe.h); what that thread found wrong is told when its good blocks were taken.
 */
#include "custody/archive.h"

#include <assert.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/disk_stream.h"
#include "base/pipe.h"
#include "custody/archive_internal.h"

struct archive_reader {
    const struct ctx *ctx;
    struct disk_stream file;
    struct archive_head head;
    struct strbuf head_bytes; /* as they are in the file, until the first chunk has proved them */
    unsigned char stream[ARCHIVE_STREAM_BYTES];
    stream_state *state; /* guarded */
    ZSTD_DCtx *zstd;
    int64_t at; /* bytes of the file that were read */
    bool unlocked, final, ended;
    ZSTD_inBuffer in; /* of the chunk in `plain` */
    unsigned char plain[ARCHIVE_CHUNK_BYTES];
    unsigned char sealed[ARCHIVE_SEALED_BYTES];
    struct pipe pipe; /* from the thread that has all of the above, once unlocked */
    pthread_t thread;
    bool started;
    const unsigned char *block; /* the one at hand */
    size_t block_at, block_len;
    enum err_class rc; /* the thread's */
    struct err err;
};

void archive_reader_free(struct archive_reader *reader)
{
    if (!reader)
        return;
    if (reader->started) {
        pipe_quit(&reader->pipe);
        (void)pthread_join(reader->thread, NULL);
    }
    pipe_done(&reader->pipe);
    disk_discard(reader->ctx, &reader->file);
    archive_head_done(&reader->head);
    strbuf_done(&reader->head_bytes);
    sodium_free(reader->state);
    (void)ZSTD_freeDCtx(reader->zstd); /* cannot fail */
    sodium_memzero(reader->plain, sizeof(reader->plain));
    free(reader);
}

const struct archive_head *archive_head(const struct archive_reader *reader)
{
    return &reader->head;
}

int64_t archive_bytes(const struct archive_reader *reader)
{
    return reader->file.bytes;
}

static enum err_class no_backup(const struct archive_reader *reader, struct err *err)
{
    return err_set(err, ERR_CORRUPT,
                   "%s is no backup of Tenon, or its header is damaged or cut: take another copy",
                   reader->file.path);
}

static enum err_class read_head(struct archive_reader *reader, struct err *err)
{
    struct strbuf *bytes = &reader->head_bytes;
    unsigned char front[ARCHIVE_FRONT_BYTES];
    size_t got = 0;
    uint64_t format = 0, len = 0;
    enum err_class rc = disk_read_part(reader->ctx, &reader->file, front, sizeof(front), &got, err);

    if (rc != ERR_OK)
        return rc;
    if (got < sizeof(front) || !archive_take_front(front, &format, &len))
        return no_backup(reader, err);
    if (format > ARCHIVE_FORMAT)
        return err_set(err, ERR_SCHEMA,
                       "%s was written by a newer Tenon (format %llu; this one reads up to %d), or "
                       "its header is damaged: use that version, or take another copy",
                       reader->file.path, (unsigned long long)format, ARCHIVE_FORMAT);
    if (format == 1)
        return err_set(
            err, ERR_SCHEMA,
            "%s has format 1, of before the first release, which is read no more: take a "
            "new backup",
            reader->file.path);
    if (format < 1 || len > ARCHIVE_HEAD_BYTES_MAX)
        return no_backup(reader, err);
    strbuf_add(bytes, front, sizeof(front));

    char *rest = strbuf_grow(bytes, (size_t)len);

    if (!rest)
        return strbuf_check(bytes, "the header of a backup", err);
    rc = disk_read_part(reader->ctx, &reader->file, rest, (size_t)len, &got, err);
    if (rc != ERR_OK)
        return rc;
    if (got < len ||
        !archive_take_head((struct str){rest, (size_t)len}, &reader->head, reader->stream))
        return no_backup(reader, err);
    reader->at = (int64_t)bytes->len;
    return ERR_OK;
}

enum err_class archive_open(const struct ctx *ctx, const char *path, struct archive_reader **ret,
                            struct err *err)
{
    AUTO(archive_reader_free_autop) struct archive_reader *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return err_memory(err);
    reader->ctx = ctx;
    reader->file = DISK_STREAM_INIT;
    reader->head_bytes = STRBUF_INIT(ARCHIVE_HEAD_BYTES_MAX + ARCHIVE_FRONT_BYTES);
    reader->state = sodium_malloc(sizeof(*reader->state));
    reader->zstd = ZSTD_createDCtx();
    if (!reader->state || !reader->zstd)
        return err_memory(err);

    enum err_class rc = disk_open(ctx, path, &reader->file, err);

    if (rc == ERR_OK)
        rc = read_head(reader, err);
    if (rc == ERR_OK)
        *ret = TAKE(reader);
    return rc;
}

/* Why a chunk did not open. */
static enum err_class damaged(const struct archive_reader *reader, size_t got, struct err *err)
{
    if (reader->head_bytes.len > 0)
        return err_set(err, ERR_CORRUPT,
                       "the backup %s does not open: its header or its first %zu bytes are damaged "
                       "or cut, or it is not of the owner %s: take another copy",
                       reader->file.path, got, reader->head.owner);
    return err_set(err, ERR_CORRUPT,
                   "the backup %s is damaged or cut between byte %lld and byte %lld: take another "
                   "copy",
                   reader->file.path, (long long)reader->at,
                   (long long)(reader->at + (int64_t)got));
}

/* The next chunk into reader->in. */
static enum err_class next_chunk(struct archive_reader *reader, struct err *err)
{
    size_t got = 0;
    unsigned long long len = 0;
    unsigned char tag = 0;
    struct str head = strbuf_str(&reader->head_bytes);
    enum err_class rc =
        disk_read_part(reader->ctx, &reader->file, reader->sealed, ARCHIVE_SEALED_BYTES, &got, err);

    if (rc != ERR_OK)
        return rc;
    if (got < ARCHIVE_OVERHEAD || crypto_secretstream_xchacha20poly1305_pull(
                                      reader->state, reader->plain, &len, &tag, reader->sealed, got,
                                      (const unsigned char *)head.ptr, head.len) != 0)
        return damaged(reader, got, err);
    strbuf_reset(&reader->head_bytes);
    reader->at += (int64_t)got;
    reader->final = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (reader->final && reader->at != reader->file.bytes)
        return err_set(err, ERR_CORRUPT,
                       "the backup %s ends at byte %lld, and there is more behind it: take another "
                       "copy",
                       reader->file.path, (long long)reader->at);
    if (!reader->final && reader->at == reader->file.bytes)
        return err_set(err, ERR_CORRUPT, "the backup %s was cut at byte %lld: take another copy",
                       reader->file.path, (long long)reader->at);
    reader->in = (ZSTD_inBuffer){.src = reader->plain, .size = (size_t)len, .pos = 0};
    return ERR_OK;
}

enum err_class archive_unlock(struct archive_reader *reader, const struct vault *vault,
                              struct err *err)
{
    AUTO(archive_wipe_autop) unsigned char *key = NULL;
    enum err_class rc = archive_stream_key(vault, reader->head.key_version, &key, err);

    assert(!reader->unlocked);
    if (rc != ERR_OK)
        return err_wrap(err, "the backup %s", reader->file.path);
    if (crypto_secretstream_xchacha20poly1305_init_pull(reader->state, reader->stream, key) != 0)
        return no_backup(reader, err);
    rc = next_chunk(reader, err);
    if (rc == ERR_OK)
        rc = pipe_init(&reader->pipe, err);
    reader->unlocked = rc == ERR_OK;
    return rc;
}

/* So many bytes as there are up to `len`; fewer at the end only. */
static enum err_class inflate(struct archive_reader *reader, unsigned char *bytes, size_t len,
                              size_t *ret_len, struct err *err)
{
    ZSTD_outBuffer out = {.dst = bytes, .size = len, .pos = 0};

    while (out.pos < len && !reader->ended) {
        if (reader->in.pos == reader->in.size && !reader->final) {
            enum err_class rc = next_chunk(reader, err);

            if (rc != ERR_OK)
                return rc;
        }

        size_t in_before = reader->in.pos, out_before = out.pos;
        size_t hint = ZSTD_decompressStream(reader->zstd, &out, &reader->in);

        if (ZSTD_isError(hint) && ZSTD_getErrorCode(hint) == ZSTD_error_memory_allocation)
            return err_memory(err);

        bool all = reader->in.pos == reader->in.size;
        bool stuck = all && reader->final && out.pos == out_before && reader->in.pos == in_before;

        /* The frame ends with the last chunk, not before and not after. */
        reader->ended = hint == 0 && all && reader->final;
        if (ZSTD_isError(hint) || (hint == 0 && !reader->ended) || (hint > 0 && stuck))
            return err_set(err, ERR_CORRUPT,
                           "the backup %s is not compressed as it should be near byte %lld: take "
                           "another copy",
                           reader->file.path, (long long)reader->at);
    }
    *ret_len = out.pos;
    return ERR_OK;
}

/* Reads, decrypts, decompresses. */
static void *run_reader(void *arg)
{
    struct archive_reader *reader = arg;
    unsigned char *room;
    size_t len = 1;

    while (reader->rc == ERR_OK && len > 0 && (room = pipe_room(&reader->pipe)) != NULL) {
        reader->rc = inflate(reader, room, PIPE_BLOCK_BYTES, &len, &reader->err);
        if (reader->rc == ERR_OK && len > 0)
            pipe_put(&reader->pipe, len);
    }
    pipe_end(&reader->pipe);
    return NULL;
}

/* The next block; at the end there is none. */
static enum err_class next_block(struct archive_reader *reader, struct err *err)
{
    if (reader->block)
        pipe_take(&reader->pipe);
    reader->block_at = reader->block_len = 0;
    reader->block = pipe_next(&reader->pipe, &reader->block_len);
    /* Its blocks were good, each authenticated before it was made. */
    if (!reader->block && reader->rc != ERR_OK) {
        *err = reader->err;
        return reader->rc;
    }
    return ERR_OK;
}

enum err_class archive_read(struct archive_reader *reader, void *bytes, size_t len, size_t *ret_len,
                            struct err *err)
{
    enum err_class rc = ERR_OK;

    assert(reader->unlocked && len > 0);
    if (!reader->started)
        reader->started = pipe_start(&reader->thread, run_reader, reader);
    if (!reader->started)
        return err_set(err, ERR_MEMORY, "a thread for reading the backup cannot be started");
    if (reader->block_at == reader->block_len)
        rc = next_block(reader, err);
    if (rc != ERR_OK)
        return rc;

    size_t left = reader->block_len - reader->block_at;

    *ret_len = len < left ? len : left;
    if (*ret_len > 0)
        memcpy(bytes, reader->block + reader->block_at, *ret_len);
    reader->block_at += *ret_len;
    return ERR_OK;
}
