#ifndef JOBS_ARRIVALS_H
#define JOBS_ARRIVALS_H
#include "jobs/row.h"

/*
 * Within src/jobs only: jobs that were handed in and have no place in the queue yet. The model is
 * told in arrivals.c.
 */
#define ARRIVALS_ROWS 16

/* Jobs of one tenant and kind that become one row. */
struct arrivals_row {
    char tenant[JOB_TENANT_BYTES + 1];
    char kind[JOB_KIND_BYTES + 1];
    int64_t jobs;
    struct strbuf packed;
};

/* Taking some jobs in, in one write transaction. Zeroed at first; may be used again and again, and
 * then keeps its memory, until arrivals_done. */
struct arrivals {
    struct adding adding;
    struct arrivals_row rows[ARRIVALS_ROWS]; /* not yet written */
    size_t row_count;
};
/* `before`: so many at most have no place yet. */
void arrivals_start(struct arrivals *arrivals, struct db *control, const struct ctx *ctx,
                    int64_t before);
void arrivals_done(struct arrivals *arrivals);
/*
 * The names are known to fit. *ret_fits false: there may be no room, and nothing was taken; whether
 * there is can only be told once all that arrived has its place (a repeat needs none).
 */
MUST_USE enum err_class arrivals_add(struct arrivals *arrivals, const struct job_order *order,
                                     bool *ret_fits, struct err *err);
/* Writes what is left; without it nothing may be committed. */
MUST_USE enum err_class arrivals_finish(struct arrivals *arrivals, struct err *err);

/*
 * In an open write transaction: gives some of what arrived its place, the oldest first.
 * *ret_more: there may be more.
 */
MUST_USE enum err_class arrivals_settle(struct db *control, const struct ctx *ctx, bool *ret_more,
                                        struct err *err);
/* Begins a write transaction in which all that arrived has its place. */
MUST_USE enum err_class arrivals_begin(struct db *control, const struct ctx *ctx, struct err *err);
/* How many wait for their place; of one tenant, or NULL: of all. */
MUST_USE enum err_class arrivals_count(struct db *control, const char *tenant, int64_t *ret,
                                       struct err *err);
/* Takes out what arrived of that tenant; in an open write transaction. */
MUST_USE enum err_class arrivals_forget(struct db *control, const char *tenant, struct err *err);

#endif
