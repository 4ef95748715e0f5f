#ifndef JOBS_WORKERS_H
#define JOBS_WORKERS_H
#include "jobs/jobs.h"

/*
 * Threads that run the queue's due jobs. They are started one by one, with the first work that
 * finds none idle. A worker wakes when somebody says that a job was added, when the next one falls
 * due, and every second for jobs that another process added.
 */
struct workers;

struct workers_options {
    size_t threads;         /* at most; 1..LIMIT_WORKERS */
    struct job_table table; /* what its pointers point to is borrowed */
    /* A handle of the control database for one worker's own use, from its first job to its end. */
    enum err_class (*open)(void *arg, struct db **ret, struct err *err);
    void (*close)(void *arg, struct db *control);
    void *arg; /* of both */
};

/* ctx is borrowed; when its wish to stop comes, no further job is begun. */
MUST_USE enum err_class workers_new(const struct ctx *ctx, const struct workers_options *options,
                                    struct workers **ret, struct err *err);
/*
 * Asks running jobs to stop (their ctx_stopped becomes true), waits for them, ends. What they
 * leave unfinished stays in the queue. NULL is fine.
 */
void workers_free(struct workers *workers);
AUTO_DEFINE(struct workers, workers_free)
/* A job was added: look now. Any thread; cheap. */
void workers_wake(struct workers *workers);

#endif
