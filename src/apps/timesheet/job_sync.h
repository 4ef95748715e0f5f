#ifndef APPS_TIMESHEET_JOB_SYNC_H
#define APPS_TIMESHEET_JOB_SYNC_H
#include "apps/timesheet/board.h"
#include "daemon/daemon.h"

/*
 * The synchronization as a job of the queue. The key says how: the same words that the command line
 * and the API use. One of a tenant at a time, whoever runs it, by the tenant's writer lock.
 */
#define SYNC_JOB "timesheet.sync"
#define SYNC_KEY_INCREMENTAL "worklogs" /* the first time, and until it is complete, a full one */
#define SYNC_KEY_VERIFY "verify"
#define SYNC_KEY_FULL "full"

/* `arg` is a struct job_context. */
MUST_USE enum err_class sync_job_run(void *arg, struct job_run *run, struct err *err);

#endif
