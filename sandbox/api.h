#ifndef SANDBOX_API_H
#define SANDBOX_API_H
#include <stdatomic.h>

#include "base/json.h"
#include "http/server.h"
#include "fault.h"
#include "throttle.h"
#include "show.h"
#include "site.h"

/*
 * What the request handlers share: the sandbox as a whole, the facts of one call, and the ways to
 * answer. Handlers run on the server's threads and take the site's lock themselves.
 */
struct hooks;     /* hooks.h */
struct atlassian; /* atlassian.h */
struct consents;  /* oauth.h */

#define ROUTES_MAX 128

struct sandbox {
    struct site site;
    char authorization[1024]; /* the header's value that is let in */
    _Atomic bool token_expired;
    _Atomic int64_t latency_ms; /* of every answer */
    struct throttle throttle;
    struct faults faults;
    struct hooks *hooks;            /* NULL: nobody is told */
    struct atlassian *atlassian;    /* never NULL while it serves */
    struct consents *consents;      /* NULL: there is no 3LO */
    struct mailbox *mailbox;        /* NULL: no mail is taken */
    struct ctx ctx;                 /* for dice */
    _Atomic int64_t impersonations; /* tokens for acting as a person that were asked for */
    struct api_served *routes;      /* NULL: api_routes alone are served (a fuzz target) */
    int log_fd;                     /* -1: none */
    _Atomic int64_t estimates[4];   /* adjustEstimate asked for: auto, leave, new, manual */
    _Atomic int64_t served[ROUTES_MAX], unknown, unauthorized, throttled, faulted, points;
};

/* One call, from `before` to `after`; in the exchange's arena. */
struct call {
    int version;        /* 2 or 3; 0 outside of /rest/api */
    int64_t objects;    /* read by it: they cost points */
    uint32_t user;      /* who makes it; index */
    bool by_consent;    /* below /ex/jira/{cloudId}, where only 3LO tokens are taken */
    struct fault fault; /* kind FAULT_NONE: none */
};

extern const struct http_route api_routes[];
extern const size_t api_route_count;
/*
 * The same, and each of the REST API once more below /ex/jira/{cloudId}; NULL: out of memory. The
 * caller frees with api_served_free. api_route_number: which of api_routes it is, in both tables.
 */
struct api_served {
    struct http_route routes[2 * ROUTES_MAX];
    size_t number[2 * ROUTES_MAX];
    size_t count;
};
struct api_served *api_served_new(void);
void api_served_free(struct api_served *served); /* NULL is fine */
size_t api_route_number(const struct sandbox *sandbox, const struct http_route *route);

/* The server's hooks: authentication, limits, faults, counting, the log. */
bool api_before(struct http_exchange *ex, const struct http_route *route);
void api_after(struct http_exchange *ex, const struct http_route *route);
void api_not_found(struct http_exchange *ex);

static inline struct sandbox *api_sandbox(const struct http_exchange *ex)
{
    return ex->app;
}

static inline struct site *api_site(const struct http_exchange *ex)
{
    return &api_sandbox(ex)->site;
}

static inline struct call *api_call(const struct http_exchange *ex)
{
    return ex->user;
}

/* Jira's error shapes: a general message, or one about a field. */
void api_error(struct http_exchange *ex, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
void api_field_error(struct http_exchange *ex, int status, const char *field, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* No body. */
void api_empty(struct http_exchange *ex, int status);

/* The body as JSON; false: not JSON, 400 is in the exchange. */
MUST_USE bool api_body(struct http_exchange *ex, yyjson_doc **ret);
/* A number in the query; false: not one, 400 is in the exchange. */
MUST_USE bool api_query_i64(struct http_exchange *ex, const char *name, int64_t otherwise,
                            int64_t *ret);
bool api_query_bool(struct http_exchange *ex, const char *name, bool otherwise);
/* startAt and maxResults, at most `most`; false: not numbers, 400 is in the exchange. */
MUST_USE bool api_take_page(struct http_exchange *ex, int64_t otherwise, int64_t most,
                            size_t *ret_start, size_t *ret_limit);
/* "self":…,"nextPage":…,"maxResults":…,"startAt":…,"total":…,"isLast":…,"values":[ */
void api_begin_page(struct http_exchange *ex, size_t start, size_t limit, size_t total);
/* Is the word in the comma separated list? */
bool api_list_has(struct str list, const char *word);

/* The issue of a {…} part, visible; NONE: 404 is in the exchange. */
uint32_t api_issue(struct http_exchange *ex, struct str id_or_key);
/* The same for a write, which may be one too many: then 429. The site is locked for writing. */
uint32_t api_issue_for_write(struct http_exchange *ex, struct str id_or_key);

/* ---- One for each route; api_*.c ---- */

http_handler api_server_info, api_myself;
http_handler api_worklog_updated, api_worklog_deleted, api_worklog_list;
http_handler api_issue_worklogs, api_worklog_add, api_worklog_get, api_worklog_update,
    api_worklog_delete, api_worklogs_delete, api_worklogs_move;
http_handler api_worklog_properties, api_worklog_property_get, api_worklog_property_put,
    api_worklog_property_delete;
http_handler api_issue_properties, api_issue_property_get, api_issue_property_put,
    api_issue_property_delete;
http_handler api_issue_get, api_search_get, api_search_post, api_search_count, api_old_search_get,
    api_old_search_post, api_bulk_fetch, api_jql_match, api_jql_parse;
http_handler api_issue_picker, api_filters_search, api_filters_favourite, api_filter_get,
    api_users_find;
http_handler api_issue_types, api_statuses, api_fields;
http_handler api_user_get, api_user_groups, api_users_bulk, api_users_search;
http_handler api_projects, api_projects_search, api_project_get;
http_handler api_my_permissions, api_permissions_check, api_report_accounts;
http_handler api_comments, api_comment_add, api_comment_get, api_comment_update, api_comment_delete,
    api_comment_list;
http_handler api_attachment_meta, api_attachments_add, api_attachment_get, api_attachment_delete,
    api_attachment_content, media_content;
http_handler api_link_types, api_link_type_get, api_link_add, api_link_get, api_link_delete;
http_handler api_remote_links, api_remote_link_get, api_remote_link_put, api_remote_link_update,
    api_remote_link_delete, api_remote_links_delete;
http_handler api_webhooks, api_webhook_register, api_webhook_refresh, api_webhook_delete,
    api_webhook_failed;

#endif
