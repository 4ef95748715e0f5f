#ifndef CONNECT_DIGEST_H
#define CONNECT_DIGEST_H
#include <stdbool.h>

#include "base/str.h"

/*
 * SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) by OpenSSL, for what others sign to us: tokens,
 * request hashes, webhook bodies. Thread-safe. False means out of memory, nothing else can fail.
 */
#define DIGEST_BYTES 32

MUST_USE bool digest_sha256(struct str data, unsigned char ret[DIGEST_BYTES]);
/* `key` must not be empty. */
MUST_USE bool digest_hmac_sha256(struct str key, struct str data, unsigned char ret[DIGEST_BYTES]);
/* The HMAC of `data` compared with `expected` in a time that tells nothing; *ret_equal on true. */
MUST_USE bool digest_hmac_matches(struct str key, struct str data,
                                  const unsigned char expected[DIGEST_BYTES], bool *ret_equal);

#endif
