#ifndef JOBS_LOOK_H
#define JOBS_LOOK_H
#include "jobs/jobs.h"

/* Looking at the queue, for administrators. */

struct job_view {
    char kind[JOB_KIND_BYTES + 1];
    char key[JOB_KEY_BYTES + 1];
    enum job_state state;
    int64_t due_ms;   /* parked: since when */
    int64_t attempts; /* tries begun */
    char failure[32]; /* class of the last failure; "": none */
};
/* That job; *ret_found false: there is none. */
MUST_USE enum err_class jobs_look(struct db *control, const char *tenant, const char *kind,
                                  const char *key, struct job_view *ret, bool *ret_found,
                                  struct err *err);
/* How many of a tenant's jobs wait (or run), and how many are parked. */
MUST_USE enum err_class jobs_count_tenant(struct db *control, const char *tenant,
                                          int64_t *ret_waiting, int64_t *ret_parked,
                                          struct err *err);

#endif
