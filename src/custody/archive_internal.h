#ifndef CUSTODY_ARCHIVE_INTERNAL_H
#define CUSTODY_ARCHIVE_INTERNAL_H
#include <sodium.h>

#include "custody/archive.h"

/* What the files of archive.h share. */
#define ARCHIVE_MAGIC "TENONBAK"
#define ARCHIVE_MAGIC_BYTES 8
#define ARCHIVE_FRONT_BYTES (ARCHIVE_MAGIC_BYTES + 4 + 4)
#define ARCHIVE_STREAM_BYTES crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define ARCHIVE_OVERHEAD crypto_secretstream_xchacha20poly1305_ABYTES
#define ARCHIVE_SEALED_BYTES (ARCHIVE_CHUNK_BYTES + ARCHIVE_OVERHEAD)

typedef crypto_secretstream_xchacha20poly1305_state stream_state;

/* All of the header; `stream` is libsodium's part of it. */
MUST_USE enum err_class archive_put_head(struct strbuf *ret, const struct archive_head *head,
                                         const unsigned char stream[ARCHIVE_STREAM_BYTES],
                                         struct err *err);
/* Its first bytes; false: they are of no backup. */
MUST_USE bool archive_take_front(const unsigned char front[ARCHIVE_FRONT_BYTES],
                                 uint64_t *ret_format, uint64_t *ret_len);
/* The rest; false: it is not of its form. `ret` is the caller's to release all the same. */
MUST_USE bool archive_take_head(struct str from, struct archive_head *ret,
                                unsigned char stream[ARCHIVE_STREAM_BYTES]);

/* The stream's key, in guarded memory; the caller frees with sodium_free. */
MUST_USE enum err_class archive_stream_key(const struct vault *vault, uint32_t version,
                                           unsigned char **ret, struct err *err);
static inline void archive_wipe_autop(unsigned char **key)
{
    sodium_free(*key);
}

#endif
