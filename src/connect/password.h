#ifndef CONNECT_PASSWORD_H
#define CONNECT_PASSWORD_H
#include "base/ctx.h"

/*
 * Passwords: hashing that is slow on purpose, few at a time, and a brake on guessing. Nothing is
 * stored here. Thread-safe; hashing takes tenths of a second and 64 MiB, so it is
 * for a thread that may wait, never for the server's own.
 */
struct passwords;

#define PASSWORD_CHARS_MIN 12
#define PASSWORD_BYTES_MAX 1024
#define PASSWORD_HASH_BYTES 128 /* the text, with its final NUL: crypto_pwhash_STRBYTES */

MUST_USE enum err_class passwords_new(const struct ctx *ctx, struct passwords **ret,
                                      struct err *err);
void passwords_free(struct passwords *passwords); /* NULL is fine */
AUTO_DEFINE(struct passwords, passwords_free)

/*
 * Length in characters and bytes, and that it is UTF-8. Nothing else is asked of a password: rules
 * about kinds of characters make people write them down (NIST SP 800-63B, 5.1.1.2).
 */
MUST_USE enum err_class password_acceptable(struct str password, struct err *err);

/* Argon2id in the text form of libsodium. ERR_BUSY when too many wait already. */
MUST_USE enum err_class password_hash(struct passwords *passwords, struct str password,
                                      char ret[PASSWORD_HASH_BYTES], struct err *err);
/*
 * ERR_DENIED: not that password; the same sentence, after the same time, when `hash` is empty
 * (there is no password). ERR_BUSY: too many wrong ones came from this address, or from all
 * together; *ret_wait_ms is then when to try again, else 0.
 *   address  of the client, as text; "" when it is not known
 */
MUST_USE enum err_class password_check(struct passwords *passwords, struct str address,
                                       struct str password, struct str hash, int64_t *ret_wait_ms,
                                       struct err *err);
/* The most hashes that ever ran at the same time. */
unsigned passwords_running_most(struct passwords *passwords);

#endif
