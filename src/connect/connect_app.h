#ifndef CONNECT_CONNECT_APP_H
#define CONNECT_CONNECT_APP_H
#include <yyjson.h>

#include "connect/identities.h"
#include "connect/incoming.h"
#include "connect/principal.h"

/*
 * Atlassian Connect as an app sees it (facts, section 1): the descriptor by which we are installed,
 * the installation's life, and the tokens of its requests. Thread-safe.
 *
 * Whatever is wrong with a token is ERR_DENIED, which is 401.
 */
#define CONNECT_OVERLAP_MS (INT64_C(15) * 60 * 1000) /* an old secret lives on for so long */

/* Does the request carry a Connect token, "Authorization: JWT …" or "?jwt=…"? Says not if good. */
bool connect_has_token(const struct incoming *in);

/*
 * The person who makes a request with a Connect token, from memory but for the first one of an
 * installation in a while.
 *   context_too  a context token, which is not bound to this request, is good as well: right for
 *                what our own pages call, and nothing else
 * ERR_DENIED: no token, a bad one, none of a person, of an installation that is not enabled.
 */
MUST_USE enum err_class connect_authenticate(struct identities *ids, const struct incoming *in,
                                             bool context_too, struct principal *ret,
                                             struct err *err);
/*
 * Who may show a page of ours in a frame: the site whose token came with the request for it, and
 * nobody else. Appends its origins, split by spaces ("https://acme.atlassian.net"). The signature
 * counts, not the age: a frame may be loaded again later, and all that is given away is the right
 * to show an empty page. May read the database. ERR_DENIED: no token of an app that is enabled.
 */
MUST_USE enum err_class connect_frame(struct identities *ids, const struct incoming *in,
                                      struct strbuf *ret, struct err *err);
/* A webhook's delivery: the same, bound to the request, and of nobody in particular. */
MUST_USE enum err_class connect_webhook(struct identities *ids, const struct incoming *in,
                                        char ret_tenant[TENANT_ID_BYTES + 1], struct err *err);

/* atlassian-connect.json; appended. ERR_NOT_FOUND: server.public_url is not set. */
MUST_USE enum err_class connect_descriptor(const struct identities *ids, struct strbuf *ret,
                                           struct err *err);

enum connect_event { CONNECT_INSTALLED, CONNECT_UNINSTALLED, CONNECT_ENABLED, CONNECT_DISABLED };
/*
 * A lifecycle callback: believes it, and writes down what it says. May wait for the network (the
 * keys of a signed install) and the disk. A client key that is not known makes a new tenant. Sets
 * *ret_tenant, "" when an uninstalled one is not known.
 *   body  the callback's body, an object
 * ERR_DENIED; ERR_INPUT: the body is not what Jira sends; ERR_NETWORK: the key could not be had.
 */
MUST_USE enum err_class connect_lifecycle(struct identities *ids, const struct incoming *in,
                                          enum connect_event event, yyjson_val *body,
                                          char ret_tenant[TENANT_ID_BYTES + 1], struct err *err);

#endif
