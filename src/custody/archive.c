/*
 * archive.c: the container of a backup: header, compression, encryption, proof of the end.
 *
 * Compression is inside of the encryption, chunk after chunk in one go, so that memory is bounded
 * by a few chunks whatever the size. The chunks carry no lengths of their own: each is full but the
 * last, so there is nothing to believe before it is authenticated. libsodium's secretstream binds
 * each chunk to those before it; the final tag must be where the file ends.
 *
 * Threads: a writer or a reader belongs to one thread at a time. Each has a thread of its own that
 * does all of the above, with blocks of plain bytes between the two (custody/pipe.h); what that
 * thread found wrong is told by the next call.
 */
#include "custody/archive.h"

#include <assert.h>
#include <sodium.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/disk_stream.h"
#include "custody/pipe.h"

#define MAGIC "TENONBAK"
#define MAGIC_BYTES 8
#define FRONT_BYTES (MAGIC_BYTES + 4 + 4)
#define STREAM_BYTES crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define OVERHEAD crypto_secretstream_xchacha20poly1305_ABYTES
#define SEALED_BYTES (ARCHIVE_CHUNK_BYTES + OVERHEAD)
#define SCOPE_BYTE_CONTROL 1
#define SCOPE_BYTE_TENANT 2
/* Most of the bytes are sealed values, which nothing makes smaller; a higher level gains 1 %. */
#define ZSTD_LEVEL 1

typedef crypto_secretstream_xchacha20poly1305_state stream_state;

void archive_head_done(struct archive_head *head)
{
    strbuf_done(&head->keyring);
}

/* ---- the header ---- */

static void put_number(struct strbuf *buf, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        strbuf_add_char(buf, (char)(unsigned char)(value >> (8 * i)));
}

/* Cuts a number off the front; false when there is less. */
static bool take_number(struct str *from, size_t bytes, uint64_t *ret)
{
    uint64_t value = 0;

    if (from->len < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)from->ptr[i] << (8 * i);
    *from = str_sub(*from, bytes, from->len);
    *ret = value;
    return true;
}

static bool take_bytes(struct str *from, uint64_t len, struct str *ret)
{
    if (from->len < len)
        return false;
    *ret = str_sub(*from, 0, (size_t)len);
    *from = str_sub(*from, (size_t)len, from->len);
    return true;
}

static enum err_class put_head(struct strbuf *ret, const struct archive_head *head,
                               const unsigned char stream[STREAM_BYTES], struct err *err)
{
    AUTO(strbuf_done) struct strbuf rest = STRBUF_INIT(ARCHIVE_HEAD_BYTES_MAX);
    size_t owner_len = strlen(head->owner);

    put_number(&rest, head->scope == SCOPE_CONTROL ? SCOPE_BYTE_CONTROL : SCOPE_BYTE_TENANT, 1);
    put_number(&rest, head->catalog_version, 4);
    put_number(&rest, head->key_version, 4);
    put_number(&rest, (uint64_t)head->created_ms, 8);
    put_number(&rest, owner_len, 1);
    strbuf_add(&rest, head->owner, owner_len);
    put_number(&rest, head->keyring.len, 4);
    strbuf_add_str(&rest, strbuf_str(&head->keyring));
    strbuf_add(&rest, stream, STREAM_BYTES);
    strbuf_add(ret, MAGIC, MAGIC_BYTES);
    put_number(ret, ARCHIVE_FORMAT, 4);
    put_number(ret, rest.len, 4);
    strbuf_add_str(ret, strbuf_str(&rest));

    enum err_class rc = strbuf_check(&rest, "the header of a backup", err);

    return rc == ERR_OK ? strbuf_check(ret, "the header of a backup", err) : rc;
}

static bool owner_is_valid(struct str owner)
{
    for (size_t i = 0; i < owner.len; i++)
        if (!(owner.ptr[i] >= 'a' && owner.ptr[i] <= 'z') &&
            !(owner.ptr[i] >= '0' && owner.ptr[i] <= '9'))
            return false;
    return owner.len > 0 && owner.len <= VAULT_OWNER_MAX;
}

/* The part behind the length. */
static bool take_head(struct str from, struct archive_head *ret, unsigned char stream[STREAM_BYTES])
{
    uint64_t scope = 0, catalog = 0, key = 0, created = 0, len = 0;
    struct str owner = {0}, keyring = {0}, rest = {0};

    if (!take_number(&from, 1, &scope) || !take_number(&from, 4, &catalog) ||
        !take_number(&from, 4, &key) || !take_number(&from, 8, &created) ||
        !take_number(&from, 1, &len) || !take_bytes(&from, len, &owner) ||
        !take_number(&from, 4, &len) || !take_bytes(&from, len, &keyring) ||
        !take_bytes(&from, STREAM_BYTES, &rest) || from.len > 0)
        return false;
    if ((scope != SCOPE_BYTE_CONTROL && scope != SCOPE_BYTE_TENANT) || !owner_is_valid(owner) ||
        created > INT64_MAX)
        return false;
    ret->scope = scope == SCOPE_BYTE_CONTROL ? SCOPE_CONTROL : SCOPE_TENANT;
    ret->catalog_version = (uint32_t)catalog;
    ret->key_version = (uint32_t)key;
    ret->created_ms = (int64_t)created;
    (void)snprintf(ret->owner, sizeof(ret->owner), STR_FMT, STR_ARG(owner));
    ret->keyring = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    strbuf_add_str(&ret->keyring, keyring);
    memcpy(stream, rest.ptr, STREAM_BYTES);
    return ret->keyring.failed == ERR_OK;
}

static void wipe_autop(unsigned char **key)
{
    sodium_free(*key);
}

/* The stream's key, in guarded memory; the caller frees with sodium_free. */
static enum err_class stream_key(const struct vault *vault, uint32_t version, unsigned char **ret,
                                 struct err *err)
{
    AUTO(wipe_autop) unsigned char *key = sodium_malloc(VAULT_KEY_BYTES);

    if (!key)
        return err_memory(err);

    enum err_class rc = vault_subkey(vault, version, VAULT_BACKUP, key, err);

    if (rc == ERR_OK)
        *ret = TAKE(key);
    return rc;
}

/* ---- writing ---- */

struct archive_writer {
    const struct ctx *ctx;
    struct disk_stream file;
    stream_state *state; /* guarded: holds the key */
    ZSTD_CCtx *zstd;
    struct strbuf head; /* until the first chunk has bound it */
    crypto_generichash_state digest;
    size_t plain_len;
    unsigned char plain[ARCHIVE_CHUNK_BYTES];
    unsigned char sealed[SEALED_BYTES];
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
    sodium_free(writer->state);
    (void)ZSTD_freeCCtx(writer->zstd); /* cannot fail */
    strbuf_done(&writer->head);
    sodium_memzero(writer->plain, sizeof(writer->plain));
    free(writer);
}

static enum err_class put_file(struct archive_writer *writer, struct str bytes, struct err *err)
{
    /* Fails only when it was not begun. */
    (void)crypto_generichash_update(&writer->digest, (const unsigned char *)bytes.ptr, bytes.len);
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
    AUTO(wipe_autop) unsigned char *key = NULL;
    unsigned char stream[STREAM_BYTES];

    if (!writer)
        return err_memory(err);
    memset(writer, 0, sizeof(*writer));
    writer->ctx = ctx;
    writer->file = DISK_STREAM_INIT;
    writer->head = STRBUF_INIT(ARCHIVE_HEAD_BYTES_MAX + FRONT_BYTES);
    writer->state = sodium_malloc(sizeof(*writer->state));
    writer->zstd = ZSTD_createCCtx();
    if (!writer->state || !writer->zstd)
        return err_memory(err);
    /* These fail for parameters out of range only. */
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    (void)ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 0); /* each chunk has a MAC */
    (void)crypto_generichash_init(&writer->digest, NULL, 0, ARCHIVE_DIGEST_BYTES);

    enum err_class rc = stream_key(vault, head->key_version, &key, err);

    if (rc != ERR_OK)
        return rc;
    /* Draws the stream's header by libsodium's own dice: a nonce that must never come twice. */
    (void)crypto_secretstream_xchacha20poly1305_init_push(writer->state, stream, key);
    rc = put_head(&writer->head, head, stream, err);
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
        rc = disk_keep(writer->ctx, &writer->file, err);
    if (rc != ERR_OK)
        return rc;
    ret->bytes = writer->file.bytes;
    (void)crypto_generichash_final(&writer->digest, ret->digest, ARCHIVE_DIGEST_BYTES);
    return ERR_OK;
}

/* ---- reading ---- */

struct archive_reader {
    const struct ctx *ctx;
    struct disk_stream file;
    struct archive_head head;
    struct strbuf head_bytes; /* as they are in the file, until the first chunk has proved them */
    unsigned char stream[STREAM_BYTES];
    stream_state *state; /* guarded */
    ZSTD_DCtx *zstd;
    int64_t at; /* bytes of the file that were read */
    bool unlocked, final, ended;
    ZSTD_inBuffer in; /* of the chunk in `plain` */
    unsigned char plain[ARCHIVE_CHUNK_BYTES];
    unsigned char sealed[SEALED_BYTES];
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
    unsigned char front[FRONT_BYTES];
    size_t got = 0;
    uint64_t format = 0, len = 0;
    struct str numbers = {(const char *)front + MAGIC_BYTES, FRONT_BYTES - MAGIC_BYTES};
    enum err_class rc = disk_read_part(reader->ctx, &reader->file, front, sizeof(front), &got, err);

    if (rc != ERR_OK)
        return rc;
    if (got < sizeof(front) || memcmp(front, MAGIC, MAGIC_BYTES) != 0 ||
        !take_number(&numbers, 4, &format) || !take_number(&numbers, 4, &len))
        return no_backup(reader, err);
    if (format > ARCHIVE_FORMAT)
        return err_set(err, ERR_SCHEMA,
                       "%s was written by a newer Tenon (format %llu; this one reads up to %d), or "
                       "its header is damaged: use that version, or take another copy",
                       reader->file.path, (unsigned long long)format, ARCHIVE_FORMAT);
    if (format < 1 || len > ARCHIVE_HEAD_BYTES_MAX)
        return no_backup(reader, err);
    strbuf_add(bytes, front, sizeof(front));

    char *rest = strbuf_grow(bytes, (size_t)len);

    if (!rest)
        return strbuf_check(bytes, "the header of a backup", err);
    rc = disk_read_part(reader->ctx, &reader->file, rest, (size_t)len, &got, err);
    if (rc != ERR_OK)
        return rc;
    if (got < len || !take_head((struct str){rest, (size_t)len}, &reader->head, reader->stream))
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
    reader->head_bytes = STRBUF_INIT(ARCHIVE_HEAD_BYTES_MAX + FRONT_BYTES);
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
        disk_read_part(reader->ctx, &reader->file, reader->sealed, SEALED_BYTES, &got, err);

    if (rc != ERR_OK)
        return rc;
    if (got < OVERHEAD || crypto_secretstream_xchacha20poly1305_pull(
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
    AUTO(wipe_autop) unsigned char *key = NULL;
    enum err_class rc = stream_key(vault, reader->head.key_version, &key, err);

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
