#ifndef CONNECT_FORGE_INTERNAL_H
#define CONNECT_FORGE_INTERNAL_H
#include "connect/identities.h"
#include "connect/jwt.h"

/* Of forge.c, for tests: what a token that was verified says. Views into it. */
struct forge_claims {
    struct str installation_id, cloud_id, account;
    char api_base_url[LIMIT_URL_BYTES + 1]; /* "": not told */
};
/*
 * ERR_DENIED: no installation, or an API at a host that is not listed. Takes the account as it
 * stands: who needs one looks at it.
 */
MUST_USE enum err_class forge_read_claims(const struct identities *ids, const struct jwt *jwt,
                                          struct forge_claims *ret, struct err *err);

#endif
