#ifndef CUSTODY_REPORT_ACCOUNTS_H
#define CUSTODY_REPORT_ACCOUNTS_H
#include "custody/person.h"
#include "http/client.h"

/*
 * Atlassian's personal data report (developer.atlassian.com, "User privacy guide"): an app tells
 * which accounts it stores something of, once a cycle each, and is told which of them were closed
 * (they are erased) or changed (nothing but the time is renewed: no names are stored).
 *
 * What was told is kept with each person, so a run that was interrupted goes on where it was.
 */
#define REPORT_PATH "/app/report-accounts/"
#define REPORT_BATCH 90     /* accounts in one call, Atlassian's limit */
#define REPORT_CYCLE_DAYS 7 /* until Atlassian says otherwise (Cycle-Period) */
#define REPORT_CYCLE_DAYS_MAX 365

struct report_accounts {
    int64_t reported, closed, updated; /* accounts */
};

/*
 * Reports the accounts whose turn it is, and does what is answered.
 *   client  of Atlassian's API host, with the app's authorization
 *   step    asked before each call; its error ends the run; NULL: not asked
 * Errors: of the calls (ERR_BUSY: later; ERR_DENIED: the app is not known there); ERR_REMOTE: the
 * answer is not of the protocol; ERR_BUSY: a synchronization is at work, so closed accounts, which
 * are marked, are erased by the next run.
 */
MUST_USE enum err_class report_accounts(struct tenant *tenant, struct http_client *client,
                                        const struct rows_hook *hook,
                                        enum err_class (*step)(void *arg, struct err *err),
                                        void *step_arg, struct report_accounts *ret,
                                        struct err *err);

#endif
