#ifndef DAEMON_KEYS_JOB_H
#define DAEMON_KEYS_JOB_H
#include "jobs/jobs.h"

/*
 * Rotates or retires the keys of a tenant that the server has open. The job's key is
 * "rotate:VERSION" or "retire:VERSION"; its `arg` is the daemon.
 */
#define KEYS_JOB "keys"
extern const struct job_kind keys_job;

#endif
