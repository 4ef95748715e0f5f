#ifndef TESTS_LIB_RSA_SIGNER_H
#define TESTS_LIB_RSA_SIGNER_H
#include "base/str.h"

/*
 * Atlassian's side of RS256, for tests: two fixed RSA keys of 2048 bits that were made for this and
 * are trusted by nobody else. Mistakes end the process: what is asked for here always works.
 */
enum rsa_signer { RSA_SIGNER_A, RSA_SIGNER_B };

/* The public key in PEM, as Connect's key server gives it. A literal. */
const char *rsa_signer_pem(enum rsa_signer signer);
/* Appends one key of a JWKS: {"kty":"RSA","alg":"RS256","use":"sig","kid":...,"n":...,"e":...} */
void rsa_signer_jwk(enum rsa_signer signer, const char *kid, struct strbuf *ret);
/*
 * Appends a token. `header` and `claims` are JSON texts and are taken as they are, so that a test
 * can say anything in them; the signature is always RS256's.
 */
void rsa_signer_token(enum rsa_signer signer, const char *header, const char *claims,
                      struct strbuf *ret);
/* Appends base64url without padding, for tokens that a test makes by hand. */
void rsa_signer_base64url(struct str bytes, struct strbuf *ret);

#endif
