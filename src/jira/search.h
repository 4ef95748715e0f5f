#ifndef JIRA_SEARCH_H
#define JIRA_SEARCH_H
#include "jira/jira.h"

/*
 * Typed calls that find and name things: issues by JQL, what an account may see, labels of issues
 * and people, saved filters. Each answers for the account of the connection unless it says
 * otherwise. What is called is Cloud's REST v3 or Data Center's v2; where Data Center has no such
 * call the comment says what stands in. Nothing that they answer is stored by anybody.
 */

/* Issue ids, each once; owned. */
struct jira_ids {
    int64_t *list;
    size_t count, room;
};
void jira_ids_done(struct jira_ids *ids);
/* ERR_MEMORY. */
MUST_USE enum err_class jira_ids_add(struct jira_ids *ids, int64_t id, struct err *err);
/* In rising order, each once. */
void jira_ids_sort(struct jira_ids *ids);
bool jira_ids_has(const struct jira_ids *ids, int64_t id); /* of sorted ones */

/*
 * The issues that a JQL query finds, sorted. Pages come one after the other.
 *   what  how the user knows the query ("jql"), for the message
 * Errors: ERR_INPUT, Jira refuses the query; ERR_LIMIT, more than `max`; those of http_do.
 */
MUST_USE enum err_class jira_search_ids(struct jira *jira, const char *what, struct str jql,
                                        size_t max, struct jira_ids *ret, struct err *err);
/*
 * Is that JQL? Jira's words of what is wrong are appended to *ret_why, which is for the eyes of
 * the one who asked; *ret_ok then is false.
 */
MUST_USE enum err_class jira_jql_check(struct jira *jira, struct str jql, bool *ret_ok,
                                       struct strbuf *ret_why, struct err *err);
/* A saved filter. */
struct jira_filter {
    struct strbuf *jql; /* the caller's; its query is appended */
    bool open;          /* it is `account`'s own, or shared with everybody who is signed in */
};
/* ERR_NOT_FOUND: none of that id for the connection's account. */
MUST_USE enum err_class jira_filter_get(struct jira *jira, int64_t id, struct str account,
                                        struct jira_filter *ret, struct err *err);

/* ---- What an account may ---- */

#define JIRA_CHECK_MAX 1000 /* issues of one question */
/*
 * Which of 1..JIRA_CHECK_MAX issues may be browsed? Cloud only.
 *   account  whose right; empty: that of the connection. Asking for others wants Administer Jira,
 *            else ERR_FORBIDDEN.
 * Started and finished apart, so that several are under way at once; the found ids are added.
 */
MUST_USE enum err_class jira_browsable_start(struct jira *jira, struct str account,
                                             const int64_t *ids, size_t count,
                                             struct http_call **ret, struct err *err);
MUST_USE enum err_class jira_browsable_finish(struct jira *jira, struct http_call *call,
                                              struct jira_ids *ret, struct err *err);
/*
 * The same on Data Center, which has no such call: a search for the ids as the connection's
 * account.
 */
MUST_USE enum err_class jira_visible_ids(struct jira *jira, const int64_t *ids, size_t count,
                                         struct jira_ids *ret, struct err *err);
/* Has the account (empty: the connection's) the global right Administer Jira? Cloud; on Data Center
 * only the connection's own can be asked. */
MUST_USE enum err_class jira_is_admin(struct jira *jira, struct str account, bool *ret,
                                      struct err *err);

/* ---- Labels. The views are valid during the callback. ---- */

struct jira_issue_label {
    int64_t id;
    struct str key, summary, type, status;
    int64_t project_id; /* 0: not told */
    struct str project_key, project_name;
};
typedef enum err_class jira_each_issue(void *arg, const struct jira_issue_label *issue,
                                       struct err *err);
#define JIRA_LABELS_MAX 100 /* of one call */
/* 1..JIRA_LABELS_MAX issues by id; one that the account may not see is left out. */
MUST_USE enum err_class jira_issue_labels(struct jira *jira, const int64_t *ids, size_t count,
                                          jira_each_issue *each, void *arg, struct err *err);
/*
 * Any fields of 1..JIRA_LABELS_MAX issues, by Jira's names of them ("summary", "timetracking").
 * Started and finished apart, so that several are under way at once. `each` gets the issue as Jira
 * told it: {"id", "key", "fields": {…}}; one that the account may not see is left out.
 */
MUST_USE enum err_class jira_issue_fields_start(struct jira *jira, const int64_t *ids, size_t count,
                                                const char *const *fields, size_t field_count,
                                                struct http_call **ret, struct err *err);
typedef enum err_class jira_each_fields(void *arg, int64_t id, yyjson_val *issue, struct err *err);
MUST_USE enum err_class jira_issue_fields_finish(struct jira *jira, struct http_call *call,
                                                 jira_each_fields *each, void *arg,
                                                 struct err *err);
/*
 * Data Center: the name of the field that holds an issue's epic ("customfield_10008"), appended;
 * nothing when the site has none.
 */
MUST_USE enum err_class jira_epic_field(struct jira *jira, struct strbuf *ret, struct err *err);
/* What the picker suggests for a word or a key; id, key and summary only, up to `max`. */
MUST_USE enum err_class jira_pick_issues(struct jira *jira, struct str query, size_t max,
                                         jira_each_issue *each, void *arg, struct err *err);
/* The first issues of a query, with key and summary. Errors as jira_search_ids. */
MUST_USE enum err_class jira_first_issues(struct jira *jira, struct str jql, size_t max,
                                          jira_each_issue *each, void *arg, struct err *err);

struct jira_user_label {
    struct str account, name;
    struct str mail; /* empty: Jira does not tell it, or the account is not active */
};
typedef enum err_class jira_each_user(void *arg, const struct jira_user_label *user,
                                      struct err *err);
/* Any number of accounts; several calls. One that Jira does not know is left out. */
MUST_USE enum err_class jira_user_labels(struct jira *jira, const struct str *accounts,
                                         size_t count, jira_each_user *each, void *arg,
                                         struct err *err);
/*
 * The account of a project's lead, appended; nothing when it has none. ERR_NOT_FOUND: no such
 * project for the connection's account.
 */
MUST_USE enum err_class jira_project_lead(struct jira *jira, struct str key, struct strbuf *ret,
                                          struct err *err);
/* Active people whose name or address begins with the words; up to `max` (1000). */
MUST_USE enum err_class jira_find_users(struct jira *jira, struct str query, size_t max,
                                        jira_each_user *each, void *arg, struct err *err);

struct jira_filter_label {
    int64_t id;
    struct str name;
};
typedef enum err_class jira_each_filter(void *arg, const struct jira_filter_label *filter,
                                        struct err *err);
/*
 * Saved filters that the connection's account may use, by name, up to `max`; Data Center: its
 * favourites. `owner` not empty: only those of that account.
 */
MUST_USE enum err_class jira_filters(struct jira *jira, struct str owner, size_t max,
                                     jira_each_filter *each, void *arg, struct err *err);

#endif
