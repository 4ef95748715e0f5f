#ifndef CUSTODY_ARCHIVE_H
#define CUSTODY_ARCHIVE_H
#include "policy/catalog.h"
#include "vault/vault.h"

/*
 * One backup file: a header that everybody can read, then bytes that only the owner's key opens,
 * whole or not at all. What the bytes mean is custody/content.h's business.
 *
 *   "TENONBAK"  8 bytes
 *   format      4        2
 *   length      4        bytes of the rest of the header, at most ARCHIVE_HEAD_BYTES_MAX
 *     scope       1      1 control, 2 tenant
 *     catalogue   4      version of the catalogue that the content follows
 *     key         4      version of the root that the stream's key is derived from
 *     created     8      UTC ms
 *     owner       1 + n  "control" or the tenant's id
 *     keyring     4 + n  the owner's keyring as it is on the disk: wrapped by the key provider
 *     stream      24     libsodium secretstream's header
 *   chunks      a zstd stream, cut into ARCHIVE_CHUNK_BYTES, each encrypted and authenticated
 *               (XChaCha20-Poly1305, crypto_secretstream) and 17 bytes longer for it; the whole
 *               header is the first one's associated data, the last one carries the final tag
 *
 * Numbers are little-endian. So every byte of the file is authenticated, and its end is.
 */
#define ARCHIVE_FORMAT 2
#define ARCHIVE_CHUNK_BYTES (256 * 1024)
#define ARCHIVE_HEAD_BYTES_MAX (VAULT_RING_BYTES_MAX + 1024)
#define ARCHIVE_DIGEST_BYTES 32

struct archive_head {
    enum record_scope scope; /* SCOPE_CONTROL or SCOPE_TENANT */
    uint32_t catalog_version;
    uint32_t key_version;
    int64_t created_ms;
    char owner[VAULT_OWNER_MAX + 1];
    struct strbuf keyring; /* owned */
};
void archive_head_done(struct archive_head *head);

/* What became of a written file. */
struct archive_made {
    int64_t bytes;
    unsigned char digest[ARCHIVE_DIGEST_BYTES]; /* SHA-256 of the whole file */
};

/* One thread at a time. */
struct archive_writer;
/* `vault` is open and has head->key_version; both are borrowed for the call. */
MUST_USE enum err_class archive_create(const struct ctx *ctx, const char *path,
                                       const struct archive_head *head, const struct vault *vault,
                                       struct archive_writer **ret, struct err *err);
MUST_USE enum err_class archive_write(struct archive_writer *writer, struct str bytes,
                                      struct err *err);
/* Ends the stream; the file has its name and is durable when it returns. */
MUST_USE enum err_class archive_finish(struct archive_writer *writer, struct archive_made *ret,
                                       struct err *err);
void archive_writer_free(struct archive_writer *writer); /* not finished: no file; NULL is fine */
AUTO_DEFINE(struct archive_writer, archive_writer_free)

/*
 * Opens a file and reads its header, which is not yet believed. ERR_NOT_FOUND; ERR_CORRUPT: it is
 * no backup, or cut; ERR_SCHEMA: a newer Tenon wrote it,
 * or one from before the first release (format 1, whose digests were BLAKE2b's).
 */
struct archive_reader;
MUST_USE enum err_class archive_open(const struct ctx *ctx, const char *path,
                                     struct archive_reader **ret, struct err *err);
const struct archive_head *archive_head(const struct archive_reader *reader); /* borrowed */
int64_t archive_bytes(const struct archive_reader *reader); /* of the whole file */
/*
 * Reads the first chunk, and so proves the header. ERR_KEY: the vault lacks the version;
 * ERR_CORRUPT: the header or the chunk is not what this key wrote.
 */
MUST_USE enum err_class archive_unlock(struct archive_reader *reader, const struct vault *vault,
                                       struct err *err);
/*
 * The next bytes, at most `len`; *ret_len 0 at the end only, which was then proved to be the end.
 * ERR_CORRUPT names the place of what is damaged, missing or too much.
 */
MUST_USE enum err_class archive_read(struct archive_reader *reader, void *bytes, size_t len,
                                     size_t *ret_len, struct err *err);
void archive_reader_free(struct archive_reader *reader); /* NULL is fine */
AUTO_DEFINE(struct archive_reader, archive_reader_free)

#endif
