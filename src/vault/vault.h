#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

struct audit; /* vault/audit.h */

/*
 * Keys and sealing. A root (32 random bytes) belongs to the control data or to one tenant;
 * database, sealing, digest and backup keys are derived from it (libsodium crypto_kdf). An owner
 * has several live versions of its root while it is rotated: the newest seals, any live one opens,
 * and the database and the digests stay with the version that the database file is written in. All
 * versions are kept wrapped by a key provider, in one file beside the data that they protect (the
 * keyring), so that removing that file removes the data from everywhere that its copies reach.
 *
 * Key material lives in sodium_malloc memory (guarded, locked, wiped) and never in a strbuf.
 */
#define VAULT_KEY_BYTES 32
#define VAULT_OWNER_MAX 64   /* bytes of an owner's name: "control" or a tenant's id */
#define VAULT_VERSIONS_MAX 8 /* live versions of one root */
#define VAULT_RING_BYTES_MAX (64 * 1024)

/* Must be called once, before anything else here. Also turns core files off. */
MUST_USE enum err_class vault_start(struct err *err);

struct vault_provider; /* vault/provider.h: what wraps roots */

/* The open versions of a root with their derived keys. Not thread-safe in vault_seal; see there. */
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
/* The same from a keyring file's bytes, as a backup holds them. */
MUST_USE enum err_class vault_open_bytes(const struct ctx *ctx, struct vault_provider *provider,
                                         const char *owner, struct str keyring, struct vault **ret,
                                         struct err *err);
void vault_close(struct vault *vault); /* wipes; NULL is fine */
AUTO_DEFINE(struct vault, vault_close)

/* Where openings of secrets are written down; borrowed until vault_close. */
void vault_set_audit(struct vault *vault, struct audit *audit);

/* The version that seals; >= 1. */
uint32_t vault_version(const struct vault *vault);

/* The database's raw key, borrowed until vault_close. */
const unsigned char *vault_db_key(const struct vault *vault);
/*
 * The rotation of the database was cut between its two last steps: the file may be in the next
 * version. True: vault_db_key and the digests are that version's from now on, try once more.
 */
bool vault_db_try_next(struct vault *vault);

/*
 * A key of its own for a purpose, derived from the root of a version (0: the one that seals; a
 * backup's header names the one that it was made with). ERR_KEY: that version is not here.
 */
enum vault_purpose { VAULT_BACKUP };
MUST_USE enum err_class vault_subkey(const struct vault *vault, uint32_t version,
                                     enum vault_purpose purpose, unsigned char ret[VAULT_KEY_BYTES],
                                     struct err *err);

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
 * Envelope: format (1 byte) | root's version (4) | nonce (24) | ciphertext | tag (16),
 * XChaCha20-Poly1305 (IETF draft-irtf-cfrg-xchacha). Appended to *ret. One thread at a time per
 * vault: nonces are drawn from a small pool of ctx randomness.
 */
#define VAULT_SEAL_OVERHEAD (1 + 4 + 24 + 16)
MUST_USE enum err_class vault_seal(struct vault *vault, const struct ctx *ctx,
                                   const struct vault_place *place, struct str plain,
                                   struct strbuf *ret, struct err *err);
/* The plain text is appended to *ret. ERR_KEY when it does not open. */
MUST_USE enum err_class vault_unseal(const struct vault *vault, const struct vault_place *place,
                                     struct str sealed, struct strbuf *ret, struct err *err);
/*
 * The same for a SECRET: the audit trail says who opened it, and for what (a literal), before the
 * value is handed out. Without a trail, or when it cannot be written, the value is not. Errors of
 * audit_write besides those of vault_unseal.
 */
MUST_USE enum err_class vault_unseal_secret(const struct vault *vault, const struct ctx *ctx,
                                            const struct vault_place *place, struct str sealed,
                                            const char *purpose, struct strbuf *ret,
                                            struct err *err);

/* The root's version that sealed a value; 0 when it is no sealed value. */
uint32_t vault_sealed_version(struct str sealed);

/*
 * Keyed BLAKE2b-256 of a text, bound to record and field: equal texts can be found, not read. Of a
 * sealed field of the catalogue (.digest_of): its key is of the version that the database is
 * written in, and the column changes with it. `lasting`: of a text that is kept nowhere, so that
 * nobody could compute it anew; its key stays through all rotations.
 */
#define VAULT_DIGEST_BYTES 32
void vault_digest(const struct vault *vault, const char *record, const char *field, struct str text,
                  unsigned char ret[VAULT_DIGEST_BYTES]);
void vault_digest_lasting(const struct vault *vault, const char *record, const char *field,
                          struct str text, unsigned char ret[VAULT_DIGEST_BYTES]);

/* Wipes and frees a strbuf that held a secret. */
void vault_wipe(struct strbuf *buf);

#endif
