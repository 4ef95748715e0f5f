#ifndef DAEMON_BACKUP_JOBS_H
#define DAEMON_BACKUP_JOBS_H
#include "custody/backup_copy.h"
#include "daemon/config.h"
#include "jobs/jobs.h"

/* Backups by themselves: lines of the table in custody_jobs.c, and what the routes need of them. */
#define BACKUP_JOB "custody.backup" /* a tenant's, or with JOB_NO_TENANT the control data's */
#define BACKUP_COPY_JOB "custody.copy"
#define BACKUP_DRILL_JOB "custody.drill"
#define BACKUP_KEY "newest"

MUST_USE enum err_class backup_job_run(void *arg, struct job_run *run, struct err *err);
MUST_USE enum err_class backup_copy_run(void *arg, struct job_run *run, struct err *err);
MUST_USE enum err_class backup_drill_run(void *arg, struct job_run *run, struct err *err);

/* The object storage of the settings. The caller ends with backup_storage_done, which wipes. */
struct backup_storage {
    struct s3 s3;
    struct strbuf secret;
};
/* ERR_INPUT: none is set up; ERR_KEY: the secret's file is empty or readable by others. */
MUST_USE enum err_class backup_storage_open(const struct ctx *ctx, const struct config *config,
                                            struct backup_storage *ret, struct err *err);
void backup_storage_done(struct backup_storage *storage);

#endif
