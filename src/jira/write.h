#ifndef JIRA_WRITE_H
#define JIRA_WRITE_H
#include "jira/jira.h"

/*
 * Typed calls that change worklogs. Cloud's REST v3 takes comments as documents (ADF), Data
 * Center's v2 as text; both are made here from plain text. Nothing is decided
 * and nothing is repeated here: a create that was sent twice books twice.
 */
enum jira_estimate_mode {
    JIRA_ESTIMATE_AUTO,   /* Jira's default: less by what was spent */
    JIRA_ESTIMATE_LEAVE,  /* stays */
    JIRA_ESTIMATE_NEW,    /* becomes `amount` */
    JIRA_ESTIMATE_MANUAL, /* less by `amount` (create), more by it (delete); update has none */
};
struct jira_estimate {
    enum jira_estimate_mode mode;
    struct str amount; /* "2h 30m", see jira_is_duration; empty with AUTO and LEAVE */
};
/* "auto", "leave", "new", "manual"; false: none of them. */
bool jira_estimate_parse(struct str name, enum jira_estimate_mode *ret);
/* A duration as Jira takes it: "2h 30m", "1.5d", "90m", "90"; at most JIRA_DURATION_BYTES. */
#define JIRA_DURATION_BYTES 40
bool jira_is_duration(struct str text);

/* What a create or an update says. Members that are not "has" stay as they are in Jira. */
struct jira_change {
    bool has_started, has_seconds, has_comment;
    int64_t started_ms;
    int64_t seconds;                           /* whole minutes are kept by Jira */
    struct str comment;                        /* plain text; empty takes it away */
    struct str visibility_type, visibility_id; /* "group" or "role", and its id; empty: no word */
    struct str property_key, property_id;      /* property {"id": …} in the same call; or empty */
    struct jira_estimate estimate;
    bool quiet; /* no mail to watchers: for bulk acts */
};

/* Why Jira refused a change; found from its answer, and when that says nothing, by asking. */
enum jira_refusal {
    JIRA_REFUSED_NOT, /* it did not refuse: the change is done, or its outcome is not known */
    JIRA_REFUSED_RIGHT,
    JIRA_REFUSED_TRACKING, /* time tracking is off */
    JIRA_REFUSED_CLOSED,   /* the issue's workflow state does not let it be edited */
    JIRA_REFUSED_ESTIMATE,
    JIRA_REFUSED_DURATION,
    JIRA_REFUSED_STARTED,
    JIRA_REFUSED_COMMENT,
    JIRA_REFUSED_VISIBILITY,
    JIRA_REFUSED_PROPERTY, /* Data Center: it knows no properties in this call */
    JIRA_REFUSED_FULL,     /* the issue has as many worklogs as Jira allows */
    JIRA_REFUSED_GONE,     /* no such issue or worklog for this account */
    JIRA_REFUSED_OTHER,
    JIRA_REFUSAL_COUNT
};

/* How a change ended; filled in any case. */
struct jira_outcome {
    enum jira_refusal refusal;
    bool unknown; /* Jira may have done it, or may yet: the answer was lost */
};

/* A worklog as Jira answered; its views point into this. Starts from zero; jira_one_done. */
struct jira_one {
    struct net_response response; /* owned */
    yyjson_doc *doc;              /* owned */
    struct strbuf comment;        /* owned */
    struct jira_worklog worklog;
};
void jira_one_done(struct jira_one *one);

/*
 * `issue` is an id or a key. Errors: a refusal as ERR_FORBIDDEN, ERR_CONFLICT, ERR_INPUT,
 * ERR_LIMIT or ERR_NOT_FOUND with a sentence that says which and what to do; those of http_do.
 */
MUST_USE enum err_class jira_worklog_create(struct jira *jira, struct str issue,
                                            const struct jira_change *change, struct jira_one *ret,
                                            struct jira_outcome *ret_outcome, struct err *err);
MUST_USE enum err_class jira_worklog_update(struct jira *jira, int64_t issue_id, int64_t id,
                                            const struct jira_change *change, struct jira_one *ret,
                                            struct jira_outcome *ret_outcome, struct err *err);
MUST_USE enum err_class jira_worklog_delete(struct jira *jira, int64_t issue_id, int64_t id,
                                            const struct jira_estimate *estimate, bool quiet,
                                            struct jira_outcome *ret_outcome, struct err *err);

/*
 * Looks for the worklog of an issue whose property `key` has that id, among those that started
 * within a second of `started_ms`. *ret_found false: there is none. ERR_NOT_FOUND: the issue.
 */
MUST_USE enum err_class jira_worklog_find(struct jira *jira, struct str issue, int64_t started_ms,
                                          struct str key, struct str id, struct jira_one *ret,
                                          bool *ret_found, struct err *err);

/*
 * Plain text as an ADF document, written as one value: one paragraph, its lines split by hard
 * breaks, so that jira_text gives back what was written but for line feeds at the end.
 */
void jira_document(struct json_out *out, struct str text);

#endif
