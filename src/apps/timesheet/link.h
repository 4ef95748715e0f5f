#ifndef APPS_TIMESHEET_LINK_H
#define APPS_TIMESHEET_LINK_H
#include "jira/jira.h"
#include "store/data.h"

/* A tenant's way to its Jira: address rules, credential, budget. Not to be moved once open. */
struct link {
    struct jira jira;
    struct http_budget *budget;  /* owned */
    struct strbuf authorization; /* owned; wiped */
};

/* With a credential in hand, before there is a tenant. `info` is borrowed for the link's life. */
MUST_USE enum err_class link_init(struct link *link, const struct ctx *ctx,
                                  const struct tenant_info *info,
                                  const struct tenant_credential *credential, struct err *err);
/* With the stored credential; `purpose` is a literal for the record of openings. */
MUST_USE enum err_class link_open(struct link *link, struct tenant *tenant, const char *purpose,
                                  struct err *err);
void link_done(struct link *link);

#endif
