#ifndef SANDBOX_HOOKS_H
#define SANDBOX_HOOKS_H
#include "site.h"

/*
 * Webhooks as a site's administrator sets them up: events are rendered when they happen, queued,
 * and sent by a thread of their own with a bounded number of tries. Only to loopback addresses.
 */
struct hooks;

enum hook_event {
    HOOK_WORKLOG_CREATED,
    HOOK_WORKLOG_UPDATED,
    HOOK_WORKLOG_DELETED,
    HOOK_ISSUE_CREATED,
    HOOK_ISSUE_UPDATED,
    HOOK_ISSUE_DELETED,
    HOOK_COMMENT_CREATED,
};

/* ERR_INPUT: not an http URL. `secret` may be NULL: then nothing is signed. */
MUST_USE enum err_class hooks_new(const char *url, const char *secret, struct hooks **ret,
                                  struct err *err);
void hooks_free(struct hooks *hooks); /* gives up what is not yet sent; NULL is fine */

/* The caller holds the site's lock. NULL hooks: nothing happens. */
void hooks_worklog(struct hooks *hooks, const struct site *site, uint32_t row,
                   enum hook_event event);
void hooks_issue(struct hooks *hooks, const struct site *site, uint32_t issue,
                 enum hook_event event);

void hooks_comment(struct hooks *hooks, const struct site *site, const struct item *comment);

struct hook_counts {
    int64_t queued, delivered, failed, dropped;
};
struct hook_counts hooks_counts(struct hooks *hooks);

#endif
