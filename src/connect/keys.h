#ifndef CONNECT_KEYS_H
#define CONNECT_KEYS_H
#include "base/ctx.h"
#include "connect/rsa.h"

/*
 * Atlassian's public keys by their id (`kid`), fetched when a token first names them and kept for a
 * while. Two shapes (facts 1.3, 2.2): a PEM per key at <url>/<kid> (Connect's signed install), and
 * one JWKS document for all (Forge).
 *
 * A kid stands in a token that nobody has checked yet, so whoever can reach us can name any number
 * of them. Whatever they do, at most one fetch of a source is under way, a JWKS is fetched at most
 * every KEYS_GAP_MS, PEMs at most KEYS_BURST at once and one per KEYS_REFILL_MS after that, and
 * what was not there is not asked for again for KEYS_ABSENT_MS.
 *
 * An id has 1 to KEYS_KID_BYTES_MAX letters, digits, '.', '_', '-' and no ".."; in a JWKS, where it
 * is only compared, also '/' (Forge: "forge/invocation-token/..."). Others are of no key.
 *
 * Thread-safe. A source serves all tenants.
 */
#define KEYS_KID_BYTES_MAX 128
#define KEYS_URLS_MAX 4
#define KEYS_MAX 64       /* kept of one source */
#define KEYS_VAIN_MAX 256 /* ids remembered that were asked for in vain */
#define KEYS_BODY_BYTES_MAX ((size_t)64 * 1024)
#define KEYS_TOTAL_MS 5000                      /* for one exchange: Jira waits for our answer */
#define KEYS_FRESH_MS (INT64_C(60) * 60 * 1000) /* after that it is fetched again */
/* While it cannot be fetched again, an older one is believed for so long. */
#define KEYS_STALE_MS (INT64_C(24) * 60 * 60 * 1000)
#define KEYS_ABSENT_MS (INT64_C(60) * 1000)
#define KEYS_GAP_MS (INT64_C(30) * 1000)       /* between two fetches of a JWKS */
#define KEYS_FAILED_GAP_MS (INT64_C(5) * 1000) /* after one that failed, of the same key */
#define KEYS_BURST 20
#define KEYS_REFILL_MS INT64_C(1000)
#define KEYS_WAITING_MAX 8 /* threads that wait for the fetch of another one */

enum keys_kind { KEYS_PEM, KEYS_JWKS };

struct key_source_options {
    enum keys_kind kind;
    /* Copied. Asked in this order: the next one when one has no such key or cannot be reached. */
    const char *urls[KEYS_URLS_MAX]; /* up to the first NULL; one at least */
    bool allow_http, allow_private;  /* as in http/client.h */
};

struct key_source;
/* ERR_INPUT: a URL is none, or is not allowed. ERR_MEMORY. */
MUST_USE enum err_class key_source_new(const struct key_source_options *options,
                                       struct key_source **ret, struct err *err);
void key_source_free(struct key_source *source); /* NULL is fine; no thread may be in it */
AUTO_DEFINE(struct key_source, key_source_free)

enum keys_found {
    KEYS_FOUND,   /* *ret is set: the caller's reference */
    KEYS_UNKNOWN, /* there is no such key: refuse the token */
    KEYS_ASK,     /* keys_get has to be asked, which may wait for the network */
};
/* Never waits: for the server's threads. */
enum keys_found keys_find(struct key_source *source, const struct ctx *ctx, struct str kid,
                          struct rsa_key **ret);
/*
 * The key, fetched if need be: for worker threads, may take KEYS_TOTAL_MS a URL, and that twice
 * when another thread fetches already. *ret is the caller's reference (rsa_key_unref).
 * ERR_DENIED: there is no such key, or the kid cannot be one. ERR_NETWORK: it could not be fetched.
 * ERR_BUSY: asked for too often just now. ERR_CANCELLED, ERR_MEMORY.
 */
MUST_USE enum err_class keys_get(struct key_source *source, const struct ctx *ctx, struct str kid,
                                 struct rsa_key **ret, struct err *err);

#endif
