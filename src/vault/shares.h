#ifndef VAULT_SHARES_H
#define VAULT_SHARES_H
#include "base/ctx.h"
#include "base/str.h"

/*
 * A secret in n shares, any k of which give it back and fewer tell nothing (Shamir's scheme over
 * GF(256), by libgfshare). A share is a line that can be typed:
 *     TENON1:WHAT:SET:K:INDEX:BYTES:CHECK
 *     WHAT   whose secret: "file" (keys/file.key), "control" or a tenant's id
 *     SET    8 hex digits, the same in the shares that belong together
 *     BYTES  hex; CHECK 8 hex digits over all before it
 */
#define SHARES_MAX 32
#define SHARES_SECRET_MAX 512
#define SHARES_WHAT_MAX 64
#define SHARES_LINE_MAX 2048
#define SHARES_SET_BYTES 8

/*
 * n lines, each ended by a line feed, appended to *ret (which the caller wipes).
 *   1 < k <= n <= SHARES_MAX; secret of 1..SHARES_SECRET_MAX bytes
 *   ret_set  SHARES_SET_BYTES hex digits and a NUL
 * ERR_USAGE: k or n out of range.
 */
MUST_USE enum err_class shares_split(const char *what, struct str secret, int64_t n, int64_t k,
                                     struct strbuf *ret, char ret_set[SHARES_SET_BYTES + 1],
                                     struct err *err);

struct shares_secret {
    char what[SHARES_WHAT_MAX + 1];
    char set[SHARES_SET_BYTES + 1];
    int64_t count, k; /* shares used; how many it takes */
    size_t len;
    unsigned char bytes[SHARES_SECRET_MAX];
};
/*
 * The secret from a text of lines; empty ones are passed over. ERR_INPUT says which line is
 * mistyped, of another set, there twice, or how many are missing. The caller wipes *ret.
 */
MUST_USE enum err_class shares_join(struct str text, struct shares_secret *ret, struct err *err);

#endif
