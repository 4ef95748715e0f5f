#ifndef APPS_TIMESHEET_WORKLOG_JOBS_H
#define APPS_TIMESHEET_WORKLOG_JOBS_H
#include "apps/timesheet/hint.h"
#include "apps/timesheet/write.h"

/* The jobs of single worklogs, for the app's table of kinds; `arg` is a struct job_context. */
enum err_class hint_run(void *arg, struct job_run *run, struct err *err);
enum err_class settle_run(void *arg, struct job_run *run, struct err *err);
#define WORKLOG_JOB_KINDS                                                                          \
    {.name = WRITE_HINT_JOB, .run = hint_run},                                                     \
    {                                                                                              \
        .name = WRITE_SETTLE_JOB, .run = settle_run                                                \
    }

/* The same for a schedule: once an hour, for writes that a crash left open. */
int64_t settle_every_ms(const struct config *config);

#endif
