#ifndef CONNECT_SECRET_H
#define CONNECT_SECRET_H
#include "base/ctx.h"

/*
 * Random secrets of ours, as text: 32 bytes in base64url without padding (RFC 4648, 5). What is
 * stored of one is a digest; 256 random bits need no slow hash. Thread-safe.
 */
#define SECRET_TEXT_BYTES 43
#define SECRET_DIGEST_BYTES 32

/* What a digest is for; two uses never give the same digest. */
enum secret_use { SECRET_SESSION, SECRET_CSRF, SECRET_LINK, SECRET_TOKEN, SECRET_USE_COUNT };

void secret_new(const struct ctx *ctx, char ret[SECRET_TEXT_BYTES + 1]);
/* Of the form that secret_new gives? */
bool secret_is_well_formed(struct str text);
/* BLAKE2b-256 of the text. */
void secret_digest(enum secret_use use, struct str text, unsigned char ret[SECRET_DIGEST_BYTES]);
/* The same, as text of the form of a secret. */
void secret_digest_text(enum secret_use use, struct str text, char ret[SECRET_TEXT_BYTES + 1]);
/* In a time that tells nothing about where they differ. */
bool secret_equal(struct str a, struct str b);

#endif
