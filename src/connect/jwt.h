#ifndef CONNECT_JWT_H
#define CONNECT_JWT_H
#include "base/arena.h"
#include "base/json.h"

/*
 * JSON Web Tokens as Jira uses them (RFC 7515, 7519; facts 1.4, 2.2): three parts, signed with a
 * shared secret (HS256) or with a key of Atlassian's (RS256). Nothing else exists here.
 *
 * Parsing says nothing about truth: what it gives may choose whose secret or which key to check
 * with, and nothing more, until the signature and the times have been checked:
 *
 *     jwt_parse, jwt_verify_hs256 or jwt_verify_rs256, jwt_check_times, then iss, aud, qsh.
 *
 * What is wrong with a token is ERR_DENIED, with a sentence that repeats nothing of it.
 */
#define JWT_BYTES_MAX ((size_t)16 * 1024)
#define JWT_AUDIENCES_MAX 8
#define JWT_MEMBERS_MAX 128     /* of one JSON object in it */
#define JWT_SECRET_BYTES_MIN 32 /* RFC 7518, 3.2: not shorter than the hash */
#define JWT_SKEW_S_MAX 60

enum jwt_alg { JWT_HS256, JWT_RS256 };

#define JWT_NO_TIME (-1)

/* Zero it before; ended with jwt_done. Views are in the arena, "claims" belongs to `doc`. */
struct jwt {
    enum jwt_alg alg;
    struct str kid; /* which key; empty when not told */
    /* The claims that all kinds of tokens have; absent text is empty, as is a null. */
    struct str iss, sub, qsh;
    struct str aud[JWT_AUDIENCES_MAX];
    size_t aud_count;            /* 0: not told */
    int64_t exp_s, nbf_s, iat_s; /* seconds since 1970, 0 to the year 9999, or JWT_NO_TIME */
    yyjson_val *claims;          /* all of them, an object: json_str(jwt.claims, "tid") */
    yyjson_doc *doc;             /* owned; without it nothing here is valid but the views */
    struct str signed_part;      /* borrowed from the token */
    struct str signature;        /* bytes; never empty */
};

/*
 * Reads `token`, which must live as long as *ret is verified. Strict: base64url without padding and
 * in its one canonical form, JSON objects without duplicate names, HS256 or RS256, no "crit", whole
 * numbers for times. Header members that name keys or URLs (jwk, jku, x5u) are never looked at.
 * ERR_DENIED, ERR_MEMORY (also when the arena is full).
 */
MUST_USE enum err_class jwt_parse(struct arena *arena, struct str token, struct jwt *ret,
                                  struct err *err);
void jwt_done(struct jwt *jwt); /* the form for AUTO */

/*
 * Is the token signed with this secret? The caller has decided that it must be HS256: a token of
 * another algorithm is refused before the secret is looked at. ERR_DENIED; ERR_KEY when the secret
 * is shorter than JWT_SECRET_BYTES_MIN; ERR_MEMORY. Takes a time that tells nothing.
 */
MUST_USE enum err_class jwt_verify_hs256(const struct jwt *jwt, struct str secret, struct err *err);
/* The same for RS256, which needs nothing secret. */
struct rsa_key; /* connect/rsa.h */
MUST_USE enum err_class jwt_verify_rs256(const struct jwt *jwt, const struct rsa_key *key,
                                         struct err *err);
/* For those who need the algorithm before they know which key (connect/keys.h) to ask for. */
MUST_USE enum err_class jwt_require_alg(const struct jwt *jwt, enum jwt_alg alg, struct err *err);

/*
 * Is it valid now? exp must be there; nbf and iat count when they are. skew_s (0..JWT_SKEW_S_MAX)
 * is what two clocks may differ; no token may live longer than max_lifetime_s (1 or more), from its
 * iat if it has one, else from now on. ERR_DENIED.
 */
MUST_USE enum err_class jwt_check_times(const struct jwt *jwt, int64_t now_ms, int64_t skew_s,
                                        int64_t max_lifetime_s, struct err *err);

/*
 * Appends a token over `claims`, a JSON object as text, signed by HS256: for calls of a Connect app
 * to Jira, for the assertion of an impersonation, for our own sessions. ERR_KEY as above, ERR_LIMIT
 * (the buffer's, or JWT_BYTES_MAX), ERR_MEMORY; *ret is as before then. The caller wipes *ret.
 */
MUST_USE enum err_class jwt_sign_hs256(struct str claims, struct str secret, struct strbuf *ret,
                                       struct err *err);

#endif
