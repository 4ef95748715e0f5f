#ifndef CONNECT_CONNECT_CALL_H
#define CONNECT_CONNECT_CALL_H
#include "connect/identities.h"
#include "connect/install.h"
#include "http/net.h"

/* How an installed Connect app speaks to Jira: for itself, and for a person (facts 1.4, 1.6). */

/*
 * The header for one call of the app itself, "JWT …", appended: signed with the shared secret and
 * bound to method and path. In the form of http_client.authorize; `arg` is a struct connect_caller.
 */
struct connect_caller {
    const struct ctx *ctx;
    const struct connect_install *install;
};
MUST_USE enum err_class connect_authorize(void *arg, enum http_method method, const char *path,
                                          struct strbuf *ret, struct err *err);

/*
 * A bearer token for acting as that account, appended to *ret: from memory until shortly before its
 * end, else from Atlassian; one fetch for all who ask at the same time. The caller wipes *ret.
 * ERR_FORBIDDEN: Atlassian refuses it. ERR_NETWORK, ERR_BUSY, ERR_REMOTE.
 */
MUST_USE enum err_class connect_act_as(struct identities *ids, const char *tenant,
                                       const struct connect_install *install, const char *account,
                                       struct strbuf *ret, struct err *err);

#endif
