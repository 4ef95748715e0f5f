#ifndef CONNECT_WEBHOOK_SECRET_H
#define CONNECT_WEBHOOK_SECRET_H
#include "connect/identities.h"
#include "connect/incoming.h"

/*
 * The webhook that a site's administrator sets up by hand, and the secret with which Jira signs its
 * deliveries. The secret is made here, shown once, and kept sealed.
 */
#define WEBHOOK_SECRET_BYTES 43 /* of text: 32 random bytes in base64url */

/* Makes a new one in place of the old one, which is worth nothing from then on; wiped by caller. */
MUST_USE enum err_class webhook_secret_make(struct tenant *tenant,
                                            char ret[WEBHOOK_SECRET_BYTES + 1], struct err *err);

struct webhook_state {
    bool set;
    int64_t made_ms;
    int64_t last_seen_ms; /* to the minute; 0: never */
};
MUST_USE enum err_class webhook_state(struct tenant *tenant, struct webhook_state *ret,
                                      struct err *err);

/* When a delivery last came, to the minute; 0: never. */
MUST_USE enum err_class webhook_seen(struct tenant *tenant, int64_t *ret_ms, struct err *err);

/*
 * Is this delivery signed with the tenant's secret? From memory but for the first one in a while.
 *   tenant  as the URL names it; of anybody
 * ERR_DENIED: not signed, or not so; or there is no such tenant, which is not told apart.
 */
MUST_USE enum err_class webhook_check(struct identities *ids, const struct incoming *in,
                                      struct str tenant, char ret_tenant[TENANT_ID_BYTES + 1],
                                      struct err *err);

/*
 * Would webhook_check do with memory alone? Else it reads the database, and may wait for whoever
 * writes to it.
 */
bool webhook_is_known(struct identities *ids, struct str tenant);

/* What a person does in Jira, one sentence a step, up to a NULL. */
extern const char *const webhook_steps[];
/* Where Jira is to send to; appended. */
void webhook_url(const char *public_url, const char *tenant, struct strbuf *ret);

#endif
