/*
 * digest.c: a digest beside the work.
 *
 * The first bytes are added at once, as most tables are small; with more a thread begins, which
 * gets copies of them in blocks. Threads: a digest belongs to one; its own ends with digest_end.
 */
#include <openssl/evp.h> /* before our list of banned names */

#include "custody/digest.h"

#include <string.h>

#define AT_ONCE_BYTES ((int64_t)PIPE_BLOCK_BYTES)

static void update(struct digest *digest, const void *bytes, size_t len)
{
    if (digest->state)
        (void)EVP_DigestUpdate(digest->state, bytes, len); /* fails only if not begun */
}

static void *run(void *arg)
{
    struct digest *digest = arg;
    const unsigned char *block;
    size_t len = 0;

    while ((block = pipe_next(&digest->pipe, &len)) != NULL) {
        update(digest, block, len);
        pipe_take(&digest->pipe);
    }
    return NULL;
}

static void start(struct digest *digest)
{
    struct err ignored = {0};

    if (pipe_init(&digest->pipe, &ignored) == ERR_OK)
        digest->started = pipe_start(&digest->thread, run, digest);
    if (!digest->started)
        pipe_done(&digest->pipe);
    digest->beside = digest->started;
}

static void flush(struct digest *digest)
{
    if (digest->block)
        pipe_put(&digest->pipe, digest->block_len);
    digest->block = NULL;
    digest->block_len = 0;
}

static void stop(struct digest *digest)
{
    if (!digest->started)
        return;
    flush(digest);
    pipe_end(&digest->pipe);
    (void)pthread_join(digest->thread, NULL);
    pipe_done(&digest->pipe);
    digest->started = false;
}

void digest_begin(struct digest *digest, bool beside)
{
    digest->bytes = 0;
    digest->beside = beside;
    if (!digest->state)
        digest->state = EVP_MD_CTX_new();
    if (digest->state && EVP_DigestInit_ex(digest->state, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest->state);
        digest->state = NULL;
    }
}

void digest_add(struct digest *digest, struct str bytes)
{
    bool few = digest->bytes < AT_ONCE_BYTES;

    digest->bytes += (int64_t)bytes.len;
    if (!few && digest->beside && !digest->started)
        start(digest);
    if (!digest->started) {
        update(digest, bytes.ptr, bytes.len);
        return;
    }
    /* Turns: bytes / PIPE_BLOCK_BYTES. */
    while (bytes.len > 0) {
        if (!digest->block)
            digest->block = pipe_room(&digest->pipe); /* it takes until we end */

        size_t room = PIPE_BLOCK_BYTES - digest->block_len;
        size_t len = bytes.len < room ? bytes.len : room;

        memcpy(digest->block + digest->block_len, bytes.ptr, len);
        digest->block_len += len;
        bytes = str_sub(bytes, len, bytes.len);
        if (digest->block_len == PIPE_BLOCK_BYTES)
            flush(digest);
    }
}

enum err_class digest_end(struct digest *digest, unsigned char ret[DIGEST_BYTES], struct err *err)
{
    stop(digest);
    return digest->state && EVP_DigestFinal_ex(digest->state, ret, NULL) == 1 ? ERR_OK
                                                                              : err_memory(err);
}

void digest_done(struct digest *digest)
{
    stop(digest);
    EVP_MD_CTX_free(digest->state);
    digest->state = NULL;
}
