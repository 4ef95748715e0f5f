#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H
#include "base/limits.h"
#include "policy/catalog.h"
#include "store/db.h"

/*
 * The durable queue, in the control database. A job names a tenant, a kind and a key; never
 * content. A second job with the same three joins the first: while it waits nothing changes, while
 * it runs it will run once more. A worker leases it; a lease that runs out returns it. A failure
 * that may pass comes back after a growing wait; any other parks it, for an administrator to see.
 */
extern const struct record job_record; /* for the catalogue */

#define JOB_TENANT_BYTES 63
#define JOB_KIND_BYTES 31
#define JOB_KEY_BYTES 127
#define JOB_LEASE_MS (5 * INT64_C(60000))

enum job_state { JOB_WAITING, JOB_LEASED, JOB_PARKED };

struct job {
    char tenant[JOB_TENANT_BYTES + 1];
    char kind[JOB_KIND_BYTES + 1];
    char key[JOB_KEY_BYTES + 1];
    uint32_t attempts; /* tries begun, this one included */
    int64_t lease_until_ms;
};

/*
 * Durable when it returns. *ret_joined: there was one already. ERR_LIMIT when the queue is full:
 * the caller says so to its own caller, nothing is dropped silently.
 */
MUST_USE enum err_class jobs_add(struct db *control, const struct ctx *ctx, const char *tenant,
                                 const char *kind, const char *key, int64_t due_ms,
                                 bool *ret_joined, struct err *err);
/*
 * The next job that is due, of the tenant that was served longest ago. *ret_found false: none; then
 * *ret_next_ms is when to look again (INT64_MAX: nothing waits).
 */
MUST_USE enum err_class jobs_lease(struct db *control, const struct ctx *ctx, struct job *ret,
                                   bool *ret_found, int64_t *ret_next_ms, struct err *err);
/* That job, whether due or not, leased or not: for a caller that holds the tenant's writer lock. */
MUST_USE enum err_class jobs_lease_this(struct db *control, const struct ctx *ctx,
                                        const char *tenant, const char *kind, const char *key,
                                        struct job *ret, struct err *err);
/* Still at it. ERR_CONFLICT: the lease was lost, stop. */
MUST_USE enum err_class jobs_extend(struct db *control, const struct ctx *ctx, struct job *job,
                                    struct err *err);
/* Done: the job goes, or waits once more when another joined while it ran. */
MUST_USE enum err_class jobs_done(struct db *control, const struct ctx *ctx, const struct job *job,
                                  struct err *err);
/* Failed with that class: waits for its next try, or is parked. A cancelled one waits, due at once.
 */
MUST_USE enum err_class jobs_failed(struct db *control, const struct ctx *ctx,
                                    const struct job *job, enum err_class why,
                                    int64_t retry_after_ms, enum job_state *ret_state,
                                    struct err *err);
/* Takes all jobs of a tenant out of the queue. */
MUST_USE enum err_class jobs_forget(struct db *control, const char *tenant, struct err *err);
MUST_USE enum err_class jobs_count(struct db *control, enum job_state state, int64_t *ret,
                                   struct err *err);

/* What can be done with a job; a const table handed to the worker. */
struct job_kind {
    const char *name;
    enum err_class (*run)(void *arg, const struct ctx *ctx, struct job *job,
                          int64_t *ret_retry_after_ms, struct err *err);
};
/*
 * Runs what is due until nothing is, or stop is asked for. Returns the number of jobs run. An error
 * is one of the queue itself; a job's own failure is recorded with the job.
 */
MUST_USE enum err_class jobs_run_due(struct db *control, const struct ctx *ctx,
                                     const struct job_kind *kinds, size_t kind_count, void *arg,
                                     int64_t *ret_ran, struct err *err);

#endif
