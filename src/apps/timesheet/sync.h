#ifndef APPS_TIMESHEET_SYNC_H
#define APPS_TIMESHEET_SYNC_H
#include "apps/timesheet/mirror.h"

/*
 * Bringing the mirror into step with Jira. The caller holds the tenant's writer lock. What is done
 * is committed page by page together with the cursor that covers it, so a kill at any moment loses
 * and doubles nothing, and the next run goes on from there.
 */

/* Other writers wait meanwhile: for so long, in all, Jira is waited for in one transaction. */
#define SYNC_WAIT_IN_TX_MS 100

struct sync_progress {
    enum sync_mode mode;
    const char *phase; /* literal: "reading", "deletions", "checking" */
    int64_t stored;    /* worklogs stored so far */
    int64_t seen;      /* worklogs listed so far */
    double done;       /* 0..1, or -1 when it cannot be told */
    int64_t left_ms;   /* estimate; -1 when it cannot be told */
};

struct sync_options {
    bool verify;     /* compare everything and repair */
    bool quick;      /* verify only: compare ids and times, do not read the worklogs again */
    bool start_over; /* read everything again from the beginning */
    /* Called at least once a page; its error ends the run as if it were our own. NULL is fine. */
    enum err_class (*progress)(void *arg, const struct sync_progress *progress, struct err *err);
    void *progress_arg;
};

struct sync_result {
    enum sync_mode mode;
    struct sync_run run;           /* stored, deleted, requests, warnings */
    int64_t seconds_ms;            /* how long it took */
    int64_t missing, stale, extra; /* verify: what was found and repaired */
    bool proved;                   /* verify: it came to its end */
    int64_t drift;                 /* of the last proof; meaningful when proof_at_ms != 0 */
    int64_t proof_at_ms;           /* 0: never proved */
};

/*
 * *ret is filled as far as it came, on errors too. Errors: those of the remote, of the disk,
 * ERR_CANCELLED; all leave a mirror that the next run goes on with.
 */
MUST_USE enum err_class sync_run(struct tenant *tenant, struct jira *jira,
                                 const struct sync_options *options, struct sync_result *ret,
                                 struct err *err);

#endif
