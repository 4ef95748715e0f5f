#ifndef SANDBOX_SIGN_H
#define SANDBOX_SIGN_H
#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"

/*
 * Tokens as Atlassian makes and reads them: written here once more, from the specifications and by
 * OpenSSL alone, so that a mistake of Tenon's own code does not agree with itself.
 */
struct signer; /* an RSA key pair, made at the start */

#define SIGNER_KID "sandbox-key-1"

struct signer *signer_new(void); /* NULL: OpenSSL cannot */
void signer_free(struct signer *signer);
void signer_pem(const struct signer *signer, struct strbuf *ret);  /* the public half */
void signer_jwks(const struct signer *signer, struct strbuf *ret); /* the same, as a JWKS */

/* A token over `claims`, a JSON object; appended. False: out of memory. */
MUST_USE bool sign_rs256(const struct signer *signer, struct str claims, struct strbuf *ret);
MUST_USE bool sign_hs256(struct str secret, struct str claims, struct strbuf *ret);
/* Neither signed nor to be believed: {"alg":"none"}. */
MUST_USE bool sign_none(struct str claims, struct strbuf *ret);
/* The claims of a token that is signed with the secret; NULL: it is not. The caller frees. */
yyjson_doc *sign_read_hs256(struct str secret, struct str token);
/* The claims, believed by nobody. */
yyjson_doc *sign_read(struct str token);

/* The query string hash of "METHOD" and "/path?query", hex, appended. */
void sign_qsh(struct arena *arena, struct str method, struct str path, struct strbuf *ret);

#endif
