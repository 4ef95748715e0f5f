#ifndef APPS_TIMESHEET_JOB_MAIL_H
#define APPS_TIMESHEET_JOB_MAIL_H
#include "apps/timesheet/estimate_mail.h"
#include "daemon/daemon.h"

/*
 * The daily mail as a job of the queue. It comes every few minutes while the server has a mail
 * server, and nearly always finds that nothing is due.
 */
#define MAIL_JOB "timesheet.mail"
#define MAIL_KEY "estimates"

/* `arg` is a struct job_context. */
MUST_USE enum err_class mail_job_run(void *arg, struct job_run *run, struct err *err);

#endif
