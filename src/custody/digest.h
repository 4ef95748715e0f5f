#ifndef CUSTODY_DIGEST_H
#define CUSTODY_DIGEST_H
#include "base/pipe.h"
#include "base/str.h"

/*
 * SHA-256 of bytes that come in parts. OpenSSL's, since processors have instructions for it: the
 * digest of a backup must not cost more than its encryption.
 */
#define DIGEST_BYTES 32

struct evp_md_ctx_st;
struct digest {
    /* The thread's while it runs; NULL: out of memory, told at the end. */
    struct evp_md_ctx_st *state;
    int64_t bytes; /* added since digest_begin */
    struct pipe pipe;
    pthread_t thread;
    bool beside, started;
    unsigned char *block; /* the one at hand */
    size_t block_len;
};

/*
 * Zeroed, or ended. `beside`: of many bytes on a thread of its own, so that what reads or writes
 * rows does not wait for it; where there is no thread to be had, it does without.
 */
void digest_begin(struct digest *digest, bool beside);
void digest_add(struct digest *digest, struct str bytes);
MUST_USE enum err_class digest_end(struct digest *digest, unsigned char ret[DIGEST_BYTES],
                                   struct err *err);
void digest_done(struct digest *digest); /* at any time; zeroed: fine */

#endif
