#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

/*
 * Keys and sealing. A root (32 random bytes) belongs to the control data or to one tenant;
 * database, sealing, digest and backup keys are derived from it (libsodium crypto_kdf). The root is
 * kept wrapped by a key provider, in a file beside the data that it protects, so that removing that
 * file removes the data from everywhere that its copies reach.
 *
 * Key material lives in sodium_malloc memory (guarded, locked, wiped) and never in a strbuf.
 */
#define VAULT_KEY_BYTES 32
#define VAULT_OWNER_MAX 64 /* bytes of an owner's name: "control" or a tenant's id */

/* Must be called once, before anything else here. Also turns core files off. */
MUST_USE enum err_class vault_start(struct err *err);

/*
 * What wraps roots. The `file` provider keeps one 32-byte key in <data>/keys/file.key (0600).
 * Further providers fill the same slots.
 */
struct vault_provider;
struct vault_provider_ops {
    const char *name; /* "file" */
    /* Bytes in, bytes out; `owner` is bound as associated data. */
    enum err_class (*wrap)(struct vault_provider *provider, const struct ctx *ctx,
                           const char *owner, const unsigned char root[VAULT_KEY_BYTES],
                           struct strbuf *ret, struct err *err);
    enum err_class (*unwrap)(struct vault_provider *provider, const char *owner, struct str wrapped,
                             unsigned char root[VAULT_KEY_BYTES], struct err *err);
    void (*free)(struct vault_provider *provider);
};
struct vault_provider {
    const struct vault_provider_ops *ops;
};
void vault_provider_free(struct vault_provider *provider); /* NULL is fine */
AUTO_DEFINE(struct vault_provider, vault_provider_free)

/*
 * Opens <data>/keys/file.key. Absent and `create`: makes it. Absent and !create, of the wrong
 * length, or readable by others: ERR_KEY with the remedy.
 */
MUST_USE enum err_class vault_file_provider(const struct ctx *ctx, const char *data_dir,
                                            bool create, struct vault_provider **ret,
                                            struct err *err);

/* An open root with its derived keys. Not thread-safe in vault_seal; see there. */
struct vault;

/* Makes a new root for `owner`, wraps it, writes it to `path` (durable), and opens it. */
MUST_USE enum err_class vault_create(const struct ctx *ctx, struct vault_provider *provider,
                                     const char *owner, const char *path, struct vault **ret,
                                     struct err *err);
/* ERR_KEY: missing, damaged, or wrapped by another key than the provider's; the sentence says
 * which. */
MUST_USE enum err_class vault_open(const struct ctx *ctx, struct vault_provider *provider,
                                   const char *owner, const char *path, struct vault **ret,
                                   struct err *err);
void vault_close(struct vault *vault); /* wipes; NULL is fine */
AUTO_DEFINE(struct vault, vault_close)

/* The database's raw key, borrowed until vault_close. */
const unsigned char *vault_db_key(const struct vault *vault);

/*
 * Where a sealed value stands; bound to it as associated data, together with the owner, so that a
 * value moved to another row, field, record or tenant does not open.
 */
struct vault_place {
    const char *record;  /* literal */
    const char *field;   /* literal */
    int64_t row;         /* integer key of the row; 0 when row_text is used */
    struct str row_text; /* text key of the row */
};

/*
 * Envelope: version (1 byte) | key id (4) | nonce (24) | ciphertext | tag (16), XChaCha20-Poly1305
 * (IETF draft-irtf-cfrg-xchacha). Appended to *ret. One thread at a time per vault: nonces are
 * drawn from a small pool of ctx randomness.
 */
#define VAULT_SEAL_OVERHEAD (1 + 4 + 24 + 16)
MUST_USE enum err_class vault_seal(struct vault *vault, const struct ctx *ctx,
                                   const struct vault_place *place, struct str plain,
                                   struct strbuf *ret, struct err *err);
/* The plain text is appended to *ret. ERR_KEY when it does not open. */
MUST_USE enum err_class vault_unseal(const struct vault *vault, const struct vault_place *place,
                                     struct str sealed, struct strbuf *ret, struct err *err);
/* The same for a SECRET: records in the log that it was opened, and for what (a literal). */
MUST_USE enum err_class vault_unseal_secret(const struct vault *vault, const struct ctx *ctx,
                                            const struct vault_place *place, struct str sealed,
                                            const char *purpose, struct strbuf *ret,
                                            struct err *err);

/* Keyed BLAKE2b-256 of a text, bound to record and field: equal texts can be found, not read. */
#define VAULT_DIGEST_BYTES 32
void vault_digest(const struct vault *vault, const char *record, const char *field, struct str text,
                  unsigned char ret[VAULT_DIGEST_BYTES]);

/* Wipes and frees a strbuf that held a secret. */
void vault_wipe(struct strbuf *buf);

#endif
