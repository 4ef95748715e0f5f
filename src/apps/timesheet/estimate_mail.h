#ifndef APPS_TIMESHEET_ESTIMATE_MAIL_H
#define APPS_TIMESHEET_ESTIMATE_MAIL_H
#include "apps/timesheet/mail_day.h"
#include "http/mail.h"
#include "jira/search.h"
#include "jobs/jobs.h"

/*
 * The daily mail about missing estimates: open issues on which work was logged and whose remaining
 * estimate is zero or absent, to their reporter, or to the lead of their project when they have
 * none. What stands in a letter, and where it goes, is asked of Jira for it and kept nowhere.
 */
#define ESTIMATE_MAIL_ISSUES_MAX 5000       /* of a day, all letters together */
#define ESTIMATE_MAIL_LETTER_ISSUES_MAX 200 /* told in one letter; of the others only how many */

struct estimate_mail {
    struct tenant *tenant;
    struct jira *jira;
    const struct settings *settings;
    struct mailer mailer;
    struct job_run *run; /* asked between two letters whether to go on */
};

/* What became of a day; counts. */
struct estimate_mail_result {
    int64_t issues;
    int64_t letters;    /* that the mail server took, or may have taken */
    int64_t no_address; /* people whose address Jira does not tell, or whose account is closed */
    int64_t refused;    /* letters that the mail server did not take */
};

/*
 * Mails a day that is due. Interrupted at any point it goes on with the next letter, and no day is
 * mailed twice: a letter's turn is on the disk before the letter is handed over. Errors: those of
 * Jira and of the mailer; ERR_LIMIT, more than ESTIMATE_MAIL_ISSUES_MAX issues; *ret then says what
 * was done until then.
 */
MUST_USE enum err_class estimate_mail_run(const struct estimate_mail *mail, int32_t day,
                                          struct estimate_mail_result *ret, struct err *err);

#endif
