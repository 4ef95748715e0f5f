#ifndef HTTP_TLS_H
#define HTTP_TLS_H
#include "base/ctx.h"
#include "base/str.h"

/*
 * A certificate and its key, read from PEM files and looked at before libmicrohttpd gets them: its
 * own refusal has no words. A plain value, owned by whoever loaded it.
 */
struct tls_pair {
    struct strbuf certificate, key; /* the files' texts */
    int64_t until_ms;               /* the certificate's end, UTC */
};

/*
 * ERR_NOT_FOUND, ERR_DISK: a file. ERR_INPUT: it has no certificate, or no key without a
 * passphrase; or the two do not belong together. An expired certificate is taken: whether it is
 * worse than no service is not ours to say.
 */
MUST_USE enum err_class tls_pair_read(const struct ctx *ctx, const char *certificate_path,
                                      const char *key_path, struct tls_pair *ret, struct err *err);
void tls_pair_done(struct tls_pair *pair); /* wipes the key */
#endif
