#ifndef DAEMON_ERASE_JOBS_H
#define DAEMON_ERASE_JOBS_H
#include "custody/erase.h"
#include "daemon/config.h"
#include "jobs/jobs.h"

/* Retention and erasure by themselves: lines of the table in custody_jobs.c. */
#define SWEEP_JOB "custody.sweep" /* a tenant's, or with JOB_NO_TENANT the control data's */
#define SWEEP_KEY "all"
#define ERASURES_JOB "custody.erasures" /* goes on with what was interrupted; of the server */
#define ERASURES_KEY "rest"
#define LEAVE_JOB                                                                                  \
    "custody.leave" /* the app was uninstalled; of the server, the key is the tenant */

MUST_USE enum err_class sweep_job_run(void *arg, struct job_run *run, struct err *err);
MUST_USE enum err_class erasures_job_run(void *arg, struct job_run *run, struct err *err);
MUST_USE enum err_class leave_job_run(void *arg, struct job_run *run, struct err *err);

/* Backups of the data folder and of the object storage that the settings name, for erase.h. The
 * config is borrowed. */
struct erase_elsewhere erase_backups(const struct config *config);

#endif
