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

/* Who is told, and in which form: an administrator's webhook, installed apps of both kinds. */
enum hook_way { HOOK_ADMIN, HOOK_CONNECT, HOOK_FORGE, HOOK_WAY_COUNT };

/*
 * ERR_INPUT: not an http URL. `url` may be NULL: then there is no administrator's webhook; `secret`
 * may be NULL: then nothing is signed.
 */
MUST_USE enum err_class hooks_new(const char *url, const char *secret, struct hooks **ret,
                                  struct err *err);
/*
 * The administrator sets the webhook up later: allowed once, and where hooks_new was given none.
 * ERR_INPUT, ERR_CONFLICT, ERR_MEMORY.
 */
MUST_USE enum err_class hooks_set_admin(struct hooks *hooks, const char *url, const char *secret,
                                        struct err *err);
/*
 * Installed apps are told as well: `address` says where to and with which Authorization, each time
 * that something is sent; false: no such app is installed. Before anything happens.
 */
typedef bool hooks_address(void *arg, enum hook_way way, struct strbuf *ret_url,
                           struct strbuf *ret_authorization);
void hooks_set_app(struct hooks *hooks, hooks_address *address, void *arg);
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
