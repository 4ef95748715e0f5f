#ifndef JIRA_JIRA_H
#define JIRA_JIRA_H
#include "base/arena.h"
#include "base/json.h"
#include "base/limits.h"
#include "http/client.h"

/*
 * Typed calls to Jira, and nothing else: Cloud's REST v3 and Data Center's v2. Shapes follow
 * Atlassian's OpenAPI description of the Cloud platform (2026-07) and the Data Center REST pages.
 * Nothing here stores or decides.
 */
struct jira {
    struct http_client http;
    bool datacenter;
};

/* Prefix of the REST paths: "/rest/api/3" or "/rest/api/2". */
const char *jira_api(const struct jira *jira);

/*
 * The value of an Authorization header, appended to *ret: Basic login:token (Cloud), or Bearer
 * token when login is empty (Data Center). The caller wipes *ret.
 */
void jira_authorization(struct str login, struct str token, struct strbuf *ret);

struct jira_server {
    char version[32];
    bool cloud;        /* deploymentType is "Cloud" */
    int64_t server_ms; /* serverTime; 0 when it is not told */
};
/* Needs no credential. ERR_REMOTE when what answers is not Jira. */
MUST_USE enum err_class jira_server_info(struct jira *jira, struct jira_server *ret,
                                         struct err *err);
/* The account that the credential belongs to; appended to *ret_account. */
MUST_USE enum err_class jira_myself(struct jira *jira, struct strbuf *ret_account, struct err *err);

/* The feeds of ids: worklogs created or updated, and deleted, since a time. */
enum jira_feed { JIRA_UPDATED, JIRA_DELETED };

struct jira_feed_row {
    int64_t id;
    int64_t time_ms; /* of the update or deletion */
};

#define JIRA_QUERY_BYTES 255

struct jira_feed_page {
    struct jira_feed_row rows[LIMIT_FEED_PAGE_ROWS];
    size_t count;
    int64_t until_ms; /* youngest time that the page covers; 0 when it is not told */
    bool last;
    char next[JIRA_QUERY_BYTES + 1]; /* the next page's query, as Jira gave it; "" on the last */
};

/* `query` is "since=<ms>", or the `next` of the page before. */
MUST_USE enum err_class jira_feed_start(struct jira *jira, enum jira_feed feed, const char *query,
                                        struct http_call **ret, struct err *err);
MUST_USE enum err_class jira_feed_finish(struct jira *jira, struct http_call *call,
                                         struct jira_feed_page *ret, struct err *err);

struct jira_worklog {
    int64_t id;
    int64_t issue_id;
    struct str account; /* account id or user key; empty when Jira tells none */
    struct str comment; /* plain text; empty for none */
    int64_t created_ms, updated_ms, started_ms;
    int64_t seconds;
};

/* Why a worklog of an answer could not be read. */
enum jira_defect {
    JIRA_DEFECT_NONE,
    JIRA_DEFECT_NO_ID,      /* not even its id */
    JIRA_DEFECT_NO_ISSUE,   /* issueId */
    JIRA_DEFECT_NO_TIME,    /* created, updated or started is missing or not a time */
    JIRA_DEFECT_NO_SECONDS, /* timeSpentSeconds is missing or negative */
    JIRA_DEFECT_COMMENT,    /* its comment is larger than LIMIT_COMMENT_BYTES */
};

/* An answer to a list of ids. Views in the worklogs point into it. */
struct jira_worklogs {
    struct net_response response; /* owned */
    yyjson_doc *doc;              /* owned */
    yyjson_val *rows;             /* array */
    yyjson_arr_iter iter;
    struct strbuf comment; /* text of the worklog at hand */
};

/* 1..LIMIT_FEED_PAGE_ROWS ids; ids that the account may not see are left out of the answer. */
MUST_USE enum err_class jira_worklogs_start(struct jira *jira, const int64_t *ids, size_t count,
                                            struct http_call **ret, struct err *err);
MUST_USE enum err_class jira_worklogs_finish(struct jira *jira, struct http_call *call,
                                             struct jira_worklogs *ret, struct err *err);
/*
 * The next worklog; false at the end. Its views are valid until the next call. With a defect the
 * other members are as far as they could be read (id 0: none).
 */
bool jira_worklogs_next(struct jira_worklogs *list, struct jira_worklog *ret,
                        enum jira_defect *ret_defect);
void jira_worklogs_done(struct jira_worklogs *list);

/* Is this worklog there? Reads it directly. false: Jira answers 404. */
MUST_USE enum err_class jira_worklog_exists(struct jira *jira, int64_t issue_id, int64_t id,
                                            bool *ret, struct err *err);
/* Is this issue there for the account? */
MUST_USE enum err_class jira_issue_exists(struct jira *jira, int64_t issue_id, bool *ret,
                                          struct err *err);

/* The account id (Cloud) or user key (Data Center) of a user object; empty when it has none. */
struct str jira_account(yyjson_val *user);

/* One worklog object; for jira_worklogs_next and for tests. `comment` is reset and filled. */
enum jira_defect jira_worklog_read(yyjson_val *object, struct strbuf *comment,
                                   struct jira_worklog *ret);

/*
 * The plain text of an Atlassian Document Format value: text nodes in order, a hard break and the
 * end of each block as a line feed, mentions, emoji and cards by their text or URL; trailing line
 * feeds cut. A string is taken as it is (v2). Anything else gives nothing.
 */
void jira_text(yyjson_val *value, struct strbuf *ret);

#endif
