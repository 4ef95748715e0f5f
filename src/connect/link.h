#ifndef CONNECT_LINK_H
#define CONNECT_LINK_H
#include "connect/principal.h"
#include "jira/jira.h"
#include "store/data.h"

/* A tenant's way to its Jira: address rules, credential, budget. Not to be moved once open. */
struct link {
    struct jira jira;
    struct http_budget *budget; /* of jira.http */
    bool budget_owned;
    struct strbuf authorization; /* owned; wiped */
};

/* With a credential in hand, before there is a tenant. `info` is borrowed for the link's life. */
MUST_USE enum err_class link_init(struct link *link, const struct ctx *ctx,
                                  const struct tenant_info *info,
                                  const struct tenant_credential *credential, struct err *err);
/* With the stored credential; `purpose` is a literal for the record of openings. */
MUST_USE enum err_class link_open(struct link *link, struct tenant *tenant, const char *purpose,
                                  struct err *err);
/*
 * The same for the daemon, where many share one budget.
 *   budget  borrowed; link_budget_new's
 *   who     whose call it is: with their own right where the connection allows it (their API token
 *           is the tenant's, 3LO, Connect's impersonation, Forge's user token); NULL: the tenant's
 *           own connection. ERR_FORBIDDEN says what is missing for acting as that person.
 */
struct link_as {
    struct http_budget *budget;
    const struct principal *who;
};
MUST_USE enum err_class link_open_as(struct link *link, struct tenant *tenant,
                                     const struct link_as *as, const char *purpose,
                                     struct err *err);
/* A budget with the limits known of that tenant's Jira; NULL when out of memory. */
struct http_budget *link_budget_new(const struct tenant_info *info);
void link_done(struct link *link);

#endif
