/*
 * archive_write.c: a backup into its file: compression, encryption, the mark of the end.
 *
 * Compression is inside of the encryption, chunk after chunk in one go, so that memory is bounded
 * by a few chunks whatever the size. The chunks carry no lengths of their own: each is full but the
 * last, so there is nothing to believe before it is authenticated. libsodium's secretstream binds
 * each chunk to those before it; the final tag must be where the file ends.
 *
 * Threads: a writer belongs to one thread at a time. It has a thread of its own that does all of
 * the above, with blocks of plain bytes between the two (base/pipe.h); what that thread found
 * wrong is told by the next call.
 */
#include <zstd.h>

#include "base/disk_stream.h"
#include "base/pipe.h"
#include "custody/archive_internal.h"
#include "custody/digest.h"

/*
 * Most of the bytes are sealed values, which nothing makes smaller. The negative levels leave
 * literals as they are: less work in both directions than level 1, for no more bytes.
 */
#define ZSTD_LEVEL (-1)

struct archive_writer {
    const struct ctx *ctx;
    struct disk_stream file;
    stream_state *state; /* guarded: holds the key */
    ZSTD_CCtx *zstd;
    struct strbuf head;   /* until the first chunk has bound it */
    struct digest digest; /* of the file */
    size_t plain_len;
    unsigned char plain[ARCHIVE_CHUNK_BYTES];
    unsigned char sealed[ARCHIVE_SEALED_BYTES];
    struct pipe pipe; /* to the thread that has all of the above until it is joined */
    pthread_t thread;
    bool started;
    unsigned char *block; /* the one at hand */
    size_t block_len;
    enum err_class rc; /* the thread's */
    struct err err;
};

/* The thread has ended when it returns; what it said is in writer->rc. */
static void writer_join(struct archive_writer *writer)
{
    if (writer->started)
        (void)pthread_join(writer->thread, NULL);
    writer->started = false;
}

void archive_writer_free(struct archive_writer *writer)
{
    if (!writer)
        return;
    if (writer->started)
        pipe_end(&writer->pipe);
    writer_join(writer);
    pipe_done(&writer->pipe);
    disk_discard(writer->ctx, &writer->file);
    digest_done(&writer->digest);
    sodium_free(writer->state);
    (void)ZSTD_freeCCtx(writer->zstd); /* cannot fail */
    strbuf_done(&writer->head);
    sodium_memzero(writer->plain, sizeof(writer->plain));
    free(writer);
}

static enum err_class put_file(struct archive_writer *writer, struct str bytes, struct err *err)
{
    digest_add(&writer->digest, bytes);
    return disk_append(writer->ctx, &writer->file, bytes, err);
}

static void *run_writer(void *arg);

enum err_class archive_create(const struct ctx *ctx, const char *path,
                              const struct archive_head *head, const struct vault *vault,
                              struct archive_writer **ret, struct err *err)
{
    /* libsodium's state wants more alignment than calloc gives. */
    AUTO(archive_writer_free_autop)
    struct archive_writer *writer = aligned_alloc(_Alignof(struct archive_writer), sizeof(*writer));
    AUTO(archive_wipe_autop) unsigned char *key = NULL;
    unsigned char stream[ARCHIVE_STREAM_BYTES];

    if (!writer)
        return err_memory(err);
    memset(writer, 0, sizeof(*writer));
    writer->ctx = ctx;
    writer->file = DISK_STREAM_INIT;
    writer->head = STRBUF_INIT(ARCHIVE_HEAD_BYTES_MAX + ARCHIVE_FRONT_BYTES);
    writer->state = sodium_malloc(sizeof(*writer->state));
    writer->zstd = ZSTD_createCCtx();
    if (!writer->state || !writer->zstd)
        return err_memory(err);
    /* These fail for parameters out of range only. */
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 0); /* each chunk has a MAC */
    digest_begin(&writer->digest, false); /* we are beside the rows already */

    enum err_class rc = archive_stream_key(vault, head->key_version, &key, err);

    if (rc != ERR_OK)
        return rc;
    /* Draws the stream's header by libsodium's own dice: a nonce that must never come twice. */
    (void)crypto_secretstream_xchacha20poly1305_init_push(writer->state, stream, key);
    rc = archive_put_head(&writer->head, head, stream, err);
    if (rc == ERR_OK)
        rc = disk_create(ctx, path, &writer->file, err);
    if (rc == ERR_OK)
        rc = put_file(writer, strbuf_str(&writer->head), err);
    if (rc == ERR_OK)
        rc = pipe_init(&writer->pipe, err);
    if (rc != ERR_OK)
        return rc;
    writer->started = pipe_start(&writer->thread, run_writer, writer);
    if (!writer->started)
        return err_set(err, ERR_MEMORY, "a thread for the backup cannot be started");
    *ret = TAKE(writer);
    return ERR_OK;
}

static enum err_class put_chunk(struct archive_writer *writer, unsigned char tag, struct err *err)
{
    unsigned long long len = 0;
    struct str head = strbuf_str(&writer->head);

    (void)crypto_secretstream_xchacha20poly1305_push(
        writer->state, writer->sealed, &len, writer->plain, writer->plain_len,
        (const unsigned char *)head.ptr, head.len, tag); /* fails for lengths of 2^38 only */
    strbuf_reset(&writer->head);
    writer->plain_len = 0;
    return put_file(writer, (struct str){(const char *)writer->sealed, (size_t)len}, err);
}

/* Compresses all of `in`; with ZSTD_e_end also what zstd holds back. */
static enum err_class squeeze(struct archive_writer *writer, struct str bytes,
                              ZSTD_EndDirective end, struct err *err)
{
    ZSTD_inBuffer in = {.src = bytes.ptr, .size = bytes.len, .pos = 0};

    for (;;) {
        ZSTD_outBuffer out = {
            .dst = writer->plain, .size = ARCHIVE_CHUNK_BYTES, .pos = writer->plain_len};
        size_t left = ZSTD_compressStream2(writer->zstd, &out, &in, end);

        if (ZSTD_isError(left))
            return err_memory(err); /* the only way that compressing fails */
        writer->plain_len = out.pos;
        /* A full chunk waits until there is more: the last one must carry the final tag. */
        if (end == ZSTD_e_end ? left == 0 : in.pos == in.size)
            return ERR_OK;
        if (writer->plain_len == ARCHIVE_CHUNK_BYTES) {
            enum err_class rc =
                put_chunk(writer, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE, err);

            if (rc != ERR_OK)
                return rc;
        }
    }
}

/* Compresses, encrypts, writes. */
static void *run_writer(void *arg)
{
    struct archive_writer *writer = arg;
    const unsigned char *bytes;
    size_t len = 0;

    while ((bytes = pipe_next(&writer->pipe, &len)) != NULL) {
        writer->rc =
            squeeze(writer, (struct str){(const char *)bytes, len}, ZSTD_e_continue, &writer->err);
        pipe_take(&writer->pipe);
        if (writer->rc != ERR_OK)
            break;
    }
    pipe_quit(&writer->pipe);
    return NULL;
}

/* It does not take any more: why. */
static enum err_class writer_failed(struct archive_writer *writer, struct err *err)
{
    writer_join(writer);
    *err = writer->err;
    return writer->rc;
}

enum err_class archive_write(struct archive_writer *writer, struct str bytes, struct err *err)
{
    /* Turns: bytes / PIPE_BLOCK_BYTES. */
    while (bytes.len > 0) {
        if (!writer->block && !(writer->block = pipe_room(&writer->pipe)))
            return writer_failed(writer, err);

        size_t room = PIPE_BLOCK_BYTES - writer->block_len;
        size_t len = bytes.len < room ? bytes.len : room;

        memcpy(writer->block + writer->block_len, bytes.ptr, len);
        writer->block_len += len;
        bytes = str_sub(bytes, len, bytes.len);
        if (writer->block_len == PIPE_BLOCK_BYTES) {
            pipe_put(&writer->pipe, writer->block_len);
            writer->block = NULL;
            writer->block_len = 0;
        }
    }
    return ERR_OK;
}

enum err_class archive_finish(struct archive_writer *writer, struct archive_made *ret,
                              struct err *err)
{
    if (writer->block)
        pipe_put(&writer->pipe, writer->block_len);
    writer->block = NULL;
    pipe_end(&writer->pipe);
    writer_join(writer);
    if (writer->rc != ERR_OK)
        return writer_failed(writer, err);

    enum err_class rc = squeeze(writer, (struct str){NULL, 0}, ZSTD_e_end, err);

    if (rc == ERR_OK)
        rc = put_chunk(writer, crypto_secretstream_xchacha20poly1305_TAG_FINAL, err);
    if (rc == ERR_OK)
        rc = digest_end(&writer->digest, ret->digest, err);
    if (rc == ERR_OK)
        rc = disk_keep(writer->ctx, &writer->file, err);
    if (rc == ERR_OK)
        ret->bytes = writer->file.bytes;
    return rc;
}
