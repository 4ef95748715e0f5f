#ifndef CONNECT_QSH_H
#define CONNECT_QSH_H
#include "base/arena.h"

/*
 * The query string hash of Atlassian Connect: what binds a token to one request, so that a token
 * that was seen on its way cannot be used for another. Lower-case hex of the SHA-256 of
 * METHOD&PATH&QUERY in a canonical form (facts 1.5; Atlassian: "Query string hash").
 */
struct qsh_request {
    struct str method; /* "GET"; in whatever case */
    struct str path;   /* raw, as on the wire: neither decoded nor encoded anew */
    /* What of the path does not count: our own base URL's path when receiving, the product's
     * context path ("/jira") when sending. Without a slash at its end; empty for none. */
    struct str base_path;
    struct str query; /* raw, without '?' and without a fragment */
};

#define QSH_HEX_BYTES 64
#define QSH_PARAMS_MAX 1000

/*
 * The hash. Scratch memory comes from the arena. ERR_USAGE: the query is not percent-encoded UTF-8.
 * ERR_LIMIT: more than QSH_PARAMS_MAX parameters. ERR_MEMORY. Thread-safe.
 */
MUST_USE enum err_class qsh_compute(struct arena *arena, const struct qsh_request *request,
                                    char ret_hex[QSH_HEX_BYTES + 1], struct err *err);
/*
 * The same, compared with the claim of a token that is verified already. ERR_DENIED when they
 * differ. The literal "context-qsh" of a context token never fits: whether a path takes such
 * tokens is the caller's rule.
 */
MUST_USE enum err_class qsh_check(struct arena *arena, const struct qsh_request *request,
                                  struct str claim, struct err *err);
/* What is hashed, in the arena. For tests, and for a person who looks for a difference. */
MUST_USE enum err_class qsh_canonical(struct arena *arena, const struct qsh_request *request,
                                      struct str *ret, struct err *err);

#endif
