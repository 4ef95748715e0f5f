#ifndef SANDBOX_RULES_H
#define SANDBOX_RULES_H
#include "http/server.h"
#include "site.h"

/*
 * What the site lets people do with worklogs (struct site_rules), and the words in which Jira
 * refuses: a missing right is 400 or 403, time tracking that is off 404, a full issue 413.
 */
enum rule_act { RULE_CREATE, RULE_EDIT, RULE_DELETE };

/* False: the refusal is in the exchange. The site is locked. */
MUST_USE bool rules_allow(struct http_exchange *ex, uint32_t issue, enum rule_act act);
/* Has the caller the permission of that key? Others than those of worklogs: yes. */
bool rules_grant(const struct site *site, const char *permission);

/* The remaining estimate of an issue after a change of a worklog, by adjustEstimate. */
struct estimate {
    size_t kind;     /* 0 auto, 1 leave, 2 new, 3 manual */
    int64_t seconds; /* of new and manual */
};
/* `spent`: by how much the time spent grew. A deletion gives `manual` back. */
void rules_adjust(struct issue *issue, const struct estimate *estimate, int64_t spent);

http_handler control_rules, api_configuration;

#endif
