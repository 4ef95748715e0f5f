#ifndef CONNECT_RSA_H
#define CONNECT_RSA_H
#include <yyjson.h>

#include "base/str.h"

/*
 * Public RSA keys of others, and signatures by them: RSASSA-PKCS1-v1_5 with SHA-256, which JWT
 * calls RS256 (RFC 7518, 3.3). Counted references; thread-safe. A key is 2048 to 8192 bits with a
 * public exponent that is odd, above 2^16 and below 2^32 (NIST SP 800-56B, as narrow as is used).
 */
struct rsa_key;

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/*
 * From PEM text ("-----BEGIN PUBLIC KEY-----"), or from a JWK (RFC 7517, 7518 6.3): kty RSA, use
 * absent or sig, alg absent or RS256. ERR_REMOTE when it is not such a key, with a sentence that
 * can follow "what: ". ERR_MEMORY.
 */
MUST_USE enum err_class rsa_key_from_pem(struct str pem, struct rsa_key **ret, struct err *err);
MUST_USE enum err_class rsa_key_from_jwk(yyjson_val *jwk, struct rsa_key **ret, struct err *err);

struct rsa_key *rsa_key_ref(struct rsa_key *key); /* gives the same key */
void rsa_key_unref(struct rsa_key *key);          /* NULL is fine */
AUTO_DEFINE(struct rsa_key, rsa_key_unref)

/* ERR_DENIED: not this key's signature of the data. ERR_MEMORY. */
MUST_USE enum err_class rsa_key_verify(const struct rsa_key *key, struct str data,
                                       struct str signature, struct err *err);

#endif
