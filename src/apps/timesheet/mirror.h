#ifndef APPS_TIMESHEET_MIRROR_H
#define APPS_TIMESHEET_MIRROR_H
#include "jira/jira.h"
#include "store/data.h"

/*
 * The mirror's rows in the tenant's database: worklogs, tags, tombstones, cursors, runs and their
 * warnings. No calls to Jira here. Functions that change rows want an open write transaction.
 */
struct mirror {
    struct tenant *tenant;        /* borrowed */
    struct person_cache *persons; /* account id -> ref; owned */
    struct strbuf sealed;         /* scratch for a sealed comment */
    bool revive;     /* a put takes the worklog's tombstone away instead of heeding it */
    bool tombstones; /* there may be some: only then is each put held against them */
    bool bulk; /* many rows: the report's copy is built anew instead of following each change */
};

MUST_USE enum err_class mirror_init(struct mirror *mirror, struct tenant *tenant, struct err *err);
/*
 * At the beginning of each write transaction of a mirror that lives longer than one: what others
 * have done meanwhile.
 */
MUST_USE enum err_class mirror_look(struct mirror *mirror, struct err *err);
void mirror_done(struct mirror *mirror);
/* After a rollback: what was remembered of it may not be there. */
void mirror_forget(struct mirror *mirror);

/* Where the copy stands; one row. */
struct mirror_state {
    char updated_next[JIRA_QUERY_BYTES + 1]; /* "" before the first page */
    char deleted_next[JIRA_QUERY_BYTES + 1];
    int64_t full_done_ms; /* 0: the first whole copy is not complete */
    int64_t synced_ms;    /* by Jira's clock; 0: never */
    int64_t proof_at_ms;  /* 0: never proved */
    int64_t proof_drift;
    int64_t epoch;
};
MUST_USE enum err_class mirror_state_load(struct tenant *tenant, struct mirror_state *ret,
                                          struct err *err);
MUST_USE enum err_class mirror_state_store(struct tenant *tenant, const struct mirror_state *state,
                                           struct err *err);

/*
 * How fresh the copy is: the beginning of the last run that came to its end (0: none yet), and
 * since when it is out of step, as far as that shows: no run has for longer than it should (0: in
 * step). every_ms  how often it is followed
 */
struct mirror_freshness {
    int64_t synced_ms, stale_since_ms;
};
MUST_USE enum err_class mirror_freshness(struct tenant *tenant, int64_t every_ms,
                                         struct mirror_freshness *ret, struct err *err);

/* What a put did. */
enum mirror_put {
    MIRROR_ADDED,
    MIRROR_CHANGED,
    MIRROR_SAME,   /* equal in every field */
    MIRROR_OLDER,  /* ours is newer: left alone */
    MIRROR_DEAD,   /* it was deleted after this state of it: left out */
    MIRROR_ERASED, /* its author was erased: left out */
};
/* Stores a worklog as Jira told it, unless what we have is newer. */
MUST_USE enum err_class mirror_put(struct mirror *mirror, const struct jira_worklog *worklog,
                                   enum mirror_put *ret, struct err *err);
/* The stored time of its last change; *ret_found false: not stored. */
MUST_USE enum err_class mirror_updated(struct tenant *tenant, int64_t id, int64_t *ret_ms,
                                       bool *ret_found, struct err *err);
/* Its issue; ERR_NOT_FOUND when it is not stored. */
MUST_USE enum err_class mirror_issue_of(struct tenant *tenant, int64_t id, int64_t *ret,
                                        struct err *err);
/* Deletes a worklog and its tag pairs, and leaves a tombstone. *ret_was: it was stored. */
MUST_USE enum err_class mirror_delete(struct mirror *mirror, int64_t id, int64_t deleted_ms,
                                      bool *ret_was, struct err *err);
/* One row in the list of changes that the report's copy follows. */
MUST_USE enum err_class mirror_note_change(struct mirror *mirror, int64_t id, struct err *err);
MUST_USE enum err_class mirror_count(struct tenant *tenant, int64_t *ret, struct err *err);

/* Runs and their warnings. */
enum sync_mode { SYNC_FULL, SYNC_INCREMENTAL, SYNC_VERIFY };
const char *sync_mode_name(enum sync_mode mode);

enum sync_warning_code {
    WARN_INVISIBLE,   /* Jira lists it, and does not show it to this account */
    WARN_INCOMPLETE,  /* a field that every worklog has is missing */
    WARN_BAD_TIME,    /* one of its times does not exist */
    WARN_BAD_SECONDS, /* its duration is missing or negative */
    WARN_COMMENT,     /* its comment is larger than the limit */
    WARN_STILL_THERE, /* listed as deleted, but readable */
    WARN_UNPROVED,    /* not listed any more, but its deletion could not be confirmed */
    WARN_SAME_TIME,   /* more worklogs share one time than Jira can page through */
    WARN_CODE_COUNT
};
const char *sync_warning_name(enum sync_warning_code code); /* "invisible" */
const char *sync_warning_text(enum sync_warning_code code); /* a sentence with the remedy */

struct sync_run {
    int64_t id;
    enum sync_mode mode;
    int64_t stored, deleted, requests, warnings;
};
MUST_USE enum err_class sync_run_begin(struct tenant *tenant, enum sync_mode mode,
                                       struct sync_run *ret, struct err *err);
/* `state` is a literal; own durable transaction. Also lets old runs go. */
MUST_USE enum err_class sync_run_end(struct tenant *tenant, const struct sync_run *run,
                                     const char *state, struct err *err);
/* Lets go what its retention no longer covers: old changes, tombstones, runs with their warnings.
 * Needs a write transaction; the end of a run does it too. */
MUST_USE enum err_class runs_let_go(struct tenant *tenant, struct err *err);
/* Once a run, worklog and code; past LIMIT_WARNINGS_KEPT only counted. */
MUST_USE enum err_class sync_warn(struct tenant *tenant, struct sync_run *run,
                                  enum sync_warning_code code, int64_t id, int64_t issue_id,
                                  struct err *err);
/* Takes back the warnings of a worklog in this run: it turned out to be deleted. */
MUST_USE enum err_class sync_unwarn(struct tenant *tenant, struct sync_run *run, int64_t id,
                                    struct err *err);
/*
 * Worklogs that earlier runs warned of and that may be readable by now, after that id, in order; at
 * most LIMIT_FEED_PAGE_ROWS.
 */
MUST_USE enum err_class sync_warned_ids(struct tenant *tenant, const struct sync_run *run,
                                        int64_t after_id, int64_t ret_ids[], size_t *ret_count,
                                        struct err *err);
/* Lets go of earlier runs' warnings of the worklogs from..to. In the open transaction. */
MUST_USE enum err_class sync_warned_settle(struct tenant *tenant, const struct sync_run *run,
                                           int64_t from_id, int64_t to_id, struct err *err);
struct sync_warning {
    enum sync_warning_code code;
    int64_t worklog_id; /* 0: none */
    int64_t issue_id;   /* 0: not known */
};
MUST_USE enum err_class sync_warnings_each(
    struct tenant *tenant, int64_t run,
    enum err_class (*each)(void *arg, const struct sync_warning *warning, struct err *err),
    void *arg, struct err *err);
/* What is still warned of, whichever run it was that found it; each once, and how many they are. */
MUST_USE enum err_class sync_warnings_open(
    struct tenant *tenant,
    enum err_class (*each)(void *arg, const struct sync_warning *warning, struct err *err),
    void *arg, struct err *err);
MUST_USE enum err_class sync_warnings_open_count(struct tenant *tenant, int64_t *ret,
                                                 struct err *err);
/* The history, latest first, at most 200 runs. */
struct sync_past {
    struct sync_run run;
    const char *state; /* "running", "completed", "completed with warnings", "stopped", "failed" */
    int64_t started_ms, ended_ms; /* 0: not yet */
};
MUST_USE enum err_class
sync_runs_each(struct tenant *tenant,
               enum err_class (*each)(void *arg, const struct sync_past *past, struct err *err),
               void *arg, struct err *err);

/* Reading rows back, for people: `tenon worklogs`. */
struct worklog_filter {
    int64_t from_ms, to_ms; /* started, from <= x < to; INT64_MIN, INT64_MAX: open */
    struct str account;     /* empty: all */
    int64_t issue_id, id;   /* 0: all */
    int64_t after_id;       /* rows come in order of their id; begins after this one */
    int64_t limit;
};
struct worklog_row {
    int64_t id, issue_id, created_ms, updated_ms, started_ms, seconds;
    struct str account; /* "" when Jira told none */
    struct str comment; /* opened */
    const struct str *tags;
    size_t tag_count;
};
MUST_USE enum err_class
worklogs_each(struct tenant *tenant, const struct worklog_filter *filter,
              enum err_class (*each)(void *arg, const struct worklog_row *row, struct err *err),
              void *arg, struct err *err);

/* ERR_NOT_FOUND when it is not stored. `each` as above, called once. */
MUST_USE enum err_class
worklog_read(struct tenant *tenant, int64_t id,
             enum err_class (*each)(void *arg, const struct worklog_row *row, struct err *err),
             void *arg, struct err *err);

/* Tags. In the open transaction, or one of their own. ERR_NOT_FOUND: no such worklog; ERR_INPUT:
 * not a usable name. */
/* The row of the tag of that name, which is made when there is none. In an open transaction. */
MUST_USE enum err_class tag_ref(struct tenant *tenant, struct str name, int64_t *ret,
                                struct err *err);
MUST_USE enum err_class tag_add(struct mirror *mirror, int64_t worklog_id, struct str name,
                                struct err *err);
MUST_USE enum err_class tag_remove(struct mirror *mirror, int64_t worklog_id, struct str name,
                                   struct err *err);
/* The worklog has just these tags afterwards; names that stand twice count once. The same errors;
 * ERR_LIMIT: more than LIMIT_TAGS_PER_WORKLOG. Needs an open write transaction. */
MUST_USE enum err_class tags_replace(struct mirror *mirror, int64_t worklog_id,
                                     const struct str *names, size_t count, struct err *err);
/*
 * All tags, in the order they came up, with how many worklogs have them.
 *   account  counts that person's worklogs only; empty: all
 */
MUST_USE enum err_class tags_each(struct tenant *tenant, struct str account,
                                  enum err_class (*each)(void *arg, struct str name, int64_t count,
                                                         struct err *err),
                                  void *arg, struct err *err);

#endif
