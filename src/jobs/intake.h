#ifndef JOBS_INTAKE_H
#define JOBS_INTAKE_H
#include "jobs/jobs.h"
#include "jobs/workers.h"

/*
 * Jobs handed in by any number of threads, made durable together: what waits while one group is
 * written to the disk is the next group. One thread of its own does all the writing, so handing in
 * never touches the disk and never blocks. A job gets its place in the queue, where repeats join,
 * a moment after its sender was told: before the next lease, or when nothing comes.
 */
struct intake;

/*
 * What became of it, told once, by the intake's thread: quick, and not calling back into the
 * intake. ERR_OK: it is on the disk. ERR_LIMIT: the queue has no room for this one. Anything else:
 * its whole group was not stored.
 */
typedef void intake_done(void *arg, enum err_class rc);

struct intake_options {
    struct db *control;      /* the intake's alone until intake_free; then the caller closes it */
    size_t waiting_max;      /* jobs handed in and not yet told of; more are refused; 0: 4096 */
    size_t group_max;        /* jobs of one transaction; 0: 512 */
    struct workers *workers; /* woken after each group; NULL: none */
};

/* ctx and what the options point to are borrowed. */
MUST_USE enum err_class intake_new(const struct ctx *ctx, const struct intake_options *options,
                                   struct intake **ret, struct err *err);
/* Finishes what was handed in, then ends. NULL is fine. */
void intake_free(struct intake *intake);
AUTO_DEFINE(struct intake, intake_free)

/*
 * Hands a job in; the names are copied. ERR_OK: `done` will be called, perhaps before this
 * returns. Else it will not: ERR_BUSY when too many wait or it is ending (answer 503), ERR_BUG when
 * a name does not fit. Any thread.
 */
MUST_USE enum err_class intake_add(struct intake *intake, const struct job_order *order,
                                   intake_done *done, void *arg, struct err *err);

#endif
