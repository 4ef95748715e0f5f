#ifndef CONNECT_BASE64URL_H
#define CONNECT_BASE64URL_H
#include <stdbool.h>

#include "base/str.h"

/*
 * base64url without padding (RFC 4648, 5; RFC 7515, 2), as tokens and JWKs have it. Of all texts
 * that could mean some bytes exactly one is taken: the alphabet, no padding, no white space, no
 * bits left over. Not in constant time: what is decoded is no secret.
 */

/* Room for the bytes of a text of that length. */
#define BASE64URL_BYTES(text_len) ((text_len) / 4 * 3 + 2)

/* False: not such a text, or too long for `room`. */
MUST_USE bool base64url_decode(struct str text, void *ret, size_t room, size_t *ret_len);
void base64url_add(struct strbuf *buf, const void *bytes, size_t len);

#endif
