#ifndef SANDBOX_JQL_H
#define SANDBOX_JQL_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * A part of JQL: comparisons and lists over the fields below, AND, OR, NOT, brackets, ORDER BY.
 * Whatever else JQL has is refused with a sentence, as Jira refuses what it does not know. Pure:
 * what an issue is, the evaluation asks its caller.
 */
enum jql_field {
    JQL_PROJECT,
    JQL_KEY, /* also by id */
    JQL_TYPE,
    JQL_STATUS,
    JQL_STATUS_CATEGORY,
    JQL_ASSIGNEE,
    JQL_REPORTER,
    JQL_CREATED,
    JQL_UPDATED,
    JQL_WORKLOG_AUTHOR,
    JQL_WORKLOG_DATE,
    JQL_TIME_SPENT, /* seconds; in_range and empty alone */
    JQL_REMAINING,  /* the same */
    JQL_OTHER,      /* may be ordered by, without effect */
};

enum jql_op { JQL_IS, JQL_IS_NOT, JQL_IN_RANGE };
enum jql_node_kind { JQL_AND, JQL_OR, JQL_NOT, JQL_CLAUSE };

#define JQL_ORDER_MAX 7
#define JQL_WHY_BYTES 256

struct jql_node {
    enum jql_node_kind kind;
    struct jql_node *left, *right; /* JQL_NOT: left only */
    enum jql_field field;          /* JQL_CLAUSE from here on */
    enum jql_op op;
    struct str *values; /* JQL_IS, JQL_IS_NOT: any of them; NULL pointer: EMPTY */
    size_t value_count;
    int64_t from_ms, to_ms; /* JQL_IN_RANGE: from <= time < to */
};

struct jql {
    struct jql_node *root; /* NULL: no restriction, which Jira calls unbounded */
    struct {
        enum jql_field field;
        bool descending;
    } order[JQL_ORDER_MAX];
    size_t order_count;
};

struct jql_context {
    int64_t now_ms;
    int32_t offset_minutes;  /* of the caller's time zone: times in JQL are in it */
    struct str current_user; /* what currentUser() stands for */
};

/* False: `why` has the sentence. The result lives in the arena. */
MUST_USE bool jql_parse(struct arena *arena, struct str text, const struct jql_context *context,
                        struct jql *ret, char why[JQL_WHY_BYTES]);

/* An issue, as the evaluation sees it. */
struct jql_subject {
    /* Has the field this value? NULL pointer: is it empty? */
    bool (*is)(const void *arg, enum jql_field field, struct str value);
    bool (*in_range)(const void *arg, enum jql_field field, int64_t from_ms, int64_t to_ms);
    const void *arg;
};

bool jql_matches(const struct jql *jql, const struct jql_subject *subject);

#endif
