#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H
#include "base/limits.h"
#include "policy/catalog.h"
#include "store/db.h"

/*
 * The durable queue, in the control database. A job names a tenant, a kind and a key; never
 * content. A second job with the same three joins the first: it runs once for both. A worker leases
 * it; a lease that runs out returns it. A failure that may pass comes back after a growing wait;
 * any other parks it, for an administrator to see. Tenants take turns. Adding and leasing cost the
 * same (a few look-ups by index) however long the queue is, and any number of processes may share
 * it. A handle belongs to one thread; nothing here is kept in memory between two calls.
 */
extern const struct record job_record, job_line_record, job_arrival_record; /* for the catalogue */

#define JOB_TENANT_BYTES 63
#define JOB_KIND_BYTES 31
#define JOB_KEY_BYTES 127
#define JOB_LEASE_MS (5 * INT64_C(60000))
#define JOB_NO_TENANT "-" /* stands for the tenant in a job of the whole server */

enum job_state { JOB_WAITING, JOB_LEASED, JOB_PARKED };

struct job {
    char tenant[JOB_TENANT_BYTES + 1];
    char kind[JOB_KIND_BYTES + 1];
    char key[JOB_KEY_BYTES + 1];
    uint32_t attempts; /* tries begun, this one included; a cancelled one does not count */
    int64_t lease_until_ms;
};

/* What is to be done and when; the names are borrowed for the call. */
struct job_order {
    const char *tenant, *kind, *key;
    int64_t due_ms;
    bool asked; /* by a person, who waits: a job that failed is tried again at due_ms, whatever the
                   remote asked us to wait. Without it a retry keeps its time. */
};

/*
 * Durable when it returns. *ret_joined: there was one already; then
 *   it waits         the sooner time holds (not for a retry, see `asked`)
 *   it is running    it runs once more after, not before due_ms
 *   it is parked     it is taken up again
 * ERR_LIMIT when the queue or the tenant's share of it is full: the caller says so to its own
 * caller, nothing is dropped silently. ERR_BUG: a name is empty or too long.
 */
MUST_USE enum err_class jobs_add(struct db *control, const struct ctx *ctx,
                                 const struct job_order *order, bool *ret_joined, struct err *err);
/*
 * The next job that is due, of the tenant whose turn it is.
 *   skip         kinds that are passed over, ended by NULL; NULL: none
 *   ret_found    false: none; then *ret_next_ms is when the next falls due (INT64_MAX: nothing
 *                waits). What was passed over does not count.
 */
MUST_USE enum err_class jobs_lease(struct db *control, const struct ctx *ctx,
                                   const char *const *skip, struct job *ret, bool *ret_found,
                                   int64_t *ret_next_ms, struct err *err);
/* That job, whether due or not, leased or not: for a caller that holds the tenant's writer lock. */
MUST_USE enum err_class jobs_lease_this(struct db *control, const struct ctx *ctx,
                                        const char *tenant, const char *kind, const char *key,
                                        struct job *ret, struct err *err);
/* Is the job still ours? A read. ERR_CONFLICT: the lease was lost, or the job was taken out. */
MUST_USE enum err_class jobs_holds(struct db *control, const struct job *job, struct err *err);
/* Still at it. ERR_CONFLICT: the lease was lost, stop. */
MUST_USE enum err_class jobs_extend(struct db *control, const struct ctx *ctx, struct job *job,
                                    struct err *err);
/* Done: the job goes, or waits once more when another joined while it ran. */
MUST_USE enum err_class jobs_done(struct db *control, const struct job *job, struct err *err);
/* Done for this time: it stays in the queue and is due again then, or when it was asked for while
 * it ran. */
MUST_USE enum err_class jobs_done_until(struct db *control, const struct job *job, int64_t due_ms,
                                        struct err *err);
/*
 * Failed with that class: waits for its next try, or is parked. A cancelled one waits, due at once,
 * and the try does not count. ERR_CONFLICT: the lease was lost.
 */
MUST_USE enum err_class jobs_failed(struct db *control, const struct ctx *ctx,
                                    const struct job *job, enum err_class why,
                                    int64_t retry_after_ms, enum job_state *ret_state,
                                    struct err *err);
/* Takes all jobs of a tenant out of the queue. */
MUST_USE enum err_class jobs_forget(struct db *control, const char *tenant, struct err *err);
/* Those that were handed in (intake.h) and have no place yet wait, repeats among them. */
MUST_USE enum err_class jobs_count(struct db *control, enum job_state state, int64_t *ret,
                                   struct err *err);
/*
 * Gives all that was handed in its place in the queue. All of the above do so by themselves as far
 * as they need; for whoever wants to look at single jobs.
 */
MUST_USE enum err_class jobs_settle(struct db *control, const struct ctx *ctx, struct err *err);

/* ---- Running ---- */

/* A job while it runs. */
struct job_run {
    const struct ctx *ctx; /* the runner's, with its wish to stop */
    struct db *control;    /* the runner's handle, free for use */
    struct job *job;
    int64_t retry_after_ms; /* set by the job that fails: what the remote asked for */
    int64_t extended_ms;    /* job_still_running's own */
};
/*
 * For long jobs, at every step: keeps the lease (written once a minute at most). ERR_CANCELLED: we
 * are asked to stop; ERR_CONFLICT: the lease was lost, or the tenant is going. Either way give up
 * at once and return that.
 */
MUST_USE enum err_class job_still_running(struct job_run *run, struct err *err);

/* What can be done with a job. */
struct job_kind {
    const char *name;
    enum err_class (*run)(void *arg, struct job_run *run, struct err *err);
    uint32_t max_running; /* of this kind at once in this process; 0: no limit */
};

/* A job that comes by itself: for each tenant, or once for the server. */
struct job_schedule {
    const char *kind, *key;
    /* From the end of one to the next; 0: not now. May change while workers look at it. */
    _Atomic int64_t every_ms;
    int64_t first_ms;  /* from when it is first seen to the first one */
    int64_t jitter_ms; /* up to so much is added to either, by the dice */
    bool per_tenant;   /* else once, with JOB_NO_TENANT */
};

/* All that a runner knows of jobs; const tables, borrowed. */
struct job_table {
    const struct job_kind *kinds;
    size_t kind_count;
    void *arg; /* of every run */
    const struct job_schedule *schedules;
    size_t schedule_count;
};

/*
 * Runs a job that was leased and says to the queue how it ended: done, due again when a schedule
 * says so, or failed. A kind that is not in the table parks it. An error is one of the queue
 * itself; a job's own failure is recorded with the job and logged.
 */
MUST_USE enum err_class jobs_run_leased(struct db *control, const struct ctx *ctx,
                                        const struct job_table *table, struct job *job,
                                        struct err *err);
/* Runs what is due until nothing is, or stop is asked for. Returns the number of jobs run. */
MUST_USE enum err_class jobs_run_due(struct db *control, const struct ctx *ctx,
                                     const struct job_table *table, int64_t *ret_ran,
                                     struct err *err);
/*
 * Sees to it that every scheduled job is in the queue and no later than its schedule says; one that
 * was parked is taken up again when its time comes round. Called at the start, when a tenant
 * comes, and every minute or so; the queue remembers the times, so a restart changes none.
 */
MUST_USE enum err_class schedule_due(struct db *control, const struct ctx *ctx,
                                     const struct job_schedule *schedules, size_t schedule_count,
                                     const char *const *tenants, size_t tenant_count,
                                     struct err *err);

#endif
