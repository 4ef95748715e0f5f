#ifndef CONNECT_FORGE_H
#define CONNECT_FORGE_H
#include <yyjson.h>

#include "connect/identities.h"
#include "connect/incoming.h"
#include "connect/principal.h"

/*
 * Forge Remote as the remote sees it (facts, section 2): invocation tokens, the installation's
 * life, the tokens that come along for calls of Jira. Thread-safe.
 *
 * Whatever is wrong with a token is ERR_DENIED, which is 401.
 */
#define FORGE_USER_TOKEN_HEADER "x-forge-oauth-user"

/* Does the request carry what may be an invocation token? False also when Forge is off. */
bool forge_has_token(const struct identities *ids, const struct incoming *in);

/*
 * The person who makes a request with an invocation token.
 *   may_wait  the token's key may be fetched, and a tenant made for a site that is new; without it
 *             ERR_BUSY says that this would be needed
 * ERR_DENIED: no token, a bad one, none of a person, of an installation that ended. ERR_NETWORK.
 */
MUST_USE enum err_class forge_authenticate(struct identities *ids, const struct incoming *in,
                                           bool may_wait, struct principal *ret, struct err *err);

/*
 * A call of Forge itself: an event of the installation's life or of the product, or the scheduled
 * trigger. Believes it, makes a tenant for a site that is new, keeps the system token that came
 * along. May wait.
 *   going  it is the call that comes before the app is removed from the site
 *   body   an object
 * *ret_event is the classic name of a product event that somebody may want, in the body or literal;
 * empty: none.
 */
MUST_USE enum err_class forge_lifecycle(struct identities *ids, const struct incoming *in,
                                        bool going, char ret_tenant[TENANT_ID_BYTES + 1],
                                        struct err *err);
MUST_USE enum err_class forge_event(struct identities *ids, const struct incoming *in,
                                    yyjson_val *body, char ret_tenant[TENANT_ID_BYTES + 1],
                                    struct str *ret_event, struct err *err);

/* The manifest.yml of a Forge app whose remote is this server. */
struct forge_manifest {
    const char *app_id;     /* ari:cloud:ecosystem::app/… */
    const char *public_url; /* https, no slash at its end */
    const char
        *connect_key;  /* of the Connect app that it goes on with, whose pages it shows; NULL */
    const char *pages; /* folder of built pages, from beside the manifest; NULL: none */
};
/* Appended. ERR_INPUT: an option is not what its place in the manifest takes. */
MUST_USE enum err_class forge_manifest(const struct forge_manifest *options, struct strbuf *ret,
                                       struct err *err);

#endif
