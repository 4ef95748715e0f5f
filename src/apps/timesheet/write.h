#ifndef APPS_TIMESHEET_WRITE_H
#define APPS_TIMESHEET_WRITE_H
#include "apps/timesheet/mirror.h"
#include "apps/timesheet/pending.h"
#include "jira/write.h"

/*
 * Writing through: a change goes to Jira first, as the person, and then into the mirror, in one
 * durable transaction, so that a report sees it at once. Jira refuses: nothing here changes. The
 * mirror cannot follow after Jira accepted: the answer says so (`stored` false), a job reads the
 * worklog again, and the next synchronization would bring it anyway.
 *
 * No HTTP exchange of ours is needed: the routes hand in what a request says.
 */

/* The property that a worklog is made with: {"id": client id}. */
#define WRITE_PROPERTY "tenon.client"

/* Job kinds; their keys are a worklog's id, and WRITE_SETTLE_KEY. */
#define WRITE_HINT_JOB "timesheet.hint"
#define WRITE_SETTLE_JOB "timesheet.settle_write"
#define WRITE_SETTLE_KEY "writes"

/* What the tenant's settings ask of a worklog. */
struct write_rules {
    bool comment_required;
    bool warn_future;
    int64_t rounding_minutes; /* durations become the nearest multiple, at least one; 0, 1: none */
};

#define WRITE_SECONDS_MAX INT64_C(31536000) /* a year */

/* What a person asks for. Texts are borrowed. */
struct write_draft {
    struct str issue;          /* create: id or key */
    struct jira_change change; /* as asked; no property */
    int32_t offset_minutes;    /* of the person's clock from UTC: which day it is there */
    bool has_tags;
    const struct str *tags;
    size_t tag_count;
};

/*
 * Holds the draft against the rules and rounds its duration. `fresh`: a worklog that is made, which
 * needs a start and a duration. *ret_future: it starts on a day after today, and that is to be
 * said. Errors: ERR_INPUT with a sentence. Pure.
 */
MUST_USE enum err_class write_check(const struct write_rules *rules, int64_t now_ms, bool fresh,
                                    struct write_draft *draft, bool *ret_future, struct err *err);

/* One person's writing on one tenant; a plain value of borrowed things. */
struct writer {
    struct mirror *mirror;
    struct jira *jira;  /* acting as the person */
    struct str account; /* in Jira; empty: none is known */
    struct str key;     /* the request's Idempotency-Key, valid; empty: none */
    const char *part;   /* which piece of the request this is; "": all of it */
    const struct write_rules *rules;
    bool bulk; /* one of many: nobody gets a mail */
    /* Puts a job of this tenant into the queue; its failure is only a delay. */
    enum err_class (*add_job)(void *arg, const char *kind, const char *key, int64_t due_ms,
                              struct err *err);
    void *add_job_arg;
    /*
     * Before a worklog that the mirror has is read, changed or deleted: may the person see it?
     * ERR_NOT_FOUND by write_not_there, as if it did not exist. NULL: they see all.
     */
    enum err_class (*see)(void *arg, int64_t id, struct err *err);
    void *see_arg;
};

/*
 * ERR_NOT_FOUND in the words for a worklog that is not there and for one that is not to be seen:
 * which of the two it is is not told.
 */
enum err_class write_not_there(int64_t id, struct err *err);
/* May the worklog be seen? See `see` above; fine when the mirror does not have it. */
MUST_USE enum err_class write_see(const struct writer *writer, int64_t id, struct err *err);

/* How a write ended well. Starts from zero; write_done_free in any case. */
struct write_done {
    int64_t id;          /* of the worklog */
    bool stored;         /* the mirror has it; false: Jira has it, and the mirror will */
    bool repeated;       /* it was done before, by the same request */
    bool future;         /* as of write_check */
    struct jira_one one; /* as Jira answered; id 0 when this time Jira was not asked */
};
void write_done_free(struct write_done *done);

/*
 * Errors: of write_check, pending_claim, of jira/write.h; ERR_NOT_FOUND: no such worklog. When the
 * answer was lost the sentence says that the outcome is not known and what happens now.
 */
MUST_USE enum err_class write_create(struct writer *writer, const struct write_draft *draft,
                                     struct write_done *ret, struct err *err);
/* With nothing but tags in it, Jira is not asked. */
MUST_USE enum err_class write_update(struct writer *writer, int64_t id,
                                     const struct write_draft *draft, struct write_done *ret,
                                     struct err *err);
MUST_USE enum err_class write_delete(struct writer *writer, int64_t id,
                                     const struct jira_estimate *estimate, struct write_done *ret,
                                     struct err *err);

/*
 * Finds out what became of writes whose answer was lost, by the tenant's own connection: those old
 * enough are looked for, stored or given up. *ret_next_ms: when to look again; 0: all are settled.
 */
MUST_USE enum err_class write_settle(struct mirror *mirror, struct jira *jira, int64_t *ret_next_ms,
                                     struct err *err);

#endif
