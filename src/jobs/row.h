#ifndef JOBS_ROW_H
#define JOBS_ROW_H
#include "jobs/jobs.h"

/* Within src/jobs only: a job's row, and the line in which due jobs stand. All of it inside an
 * open write transaction. */

/* What a job is in the table; JOB_WAITING of jobs.h is the first two. */
enum row_state { ROW_WAITING, ROW_READY, ROW_LEASED, ROW_PARKED };
const char *row_state_name(enum row_state state);

struct job_row {
    enum row_state state;
    int64_t due_ms; /* leased and `again`: when to run once more; parked: since when */
    int64_t attempts;
    bool again;
    bool failed; /* its last try did */
};
MUST_USE enum err_class row_find(struct db *control, const struct job_order *name,
                                 struct job_row *ret, bool *ret_found, struct err *err);
/* Writes all of it back; a job that becomes waiting here was not leased. */
MUST_USE enum err_class row_store(struct db *control, const struct job_order *name,
                                  const struct job_row *row, struct err *err);
void row_bind_name(struct db_stmt *stmt, const char *tenant, const char *kind, const char *key);

/* 0..jitter_ms - 1 by the dice; 0 when there is none. */
int64_t schedule_jitter(const struct ctx *ctx, int64_t jitter_ms);

/*
 * One more job of that tenant; one that is due gets its place in line. ERR_LIMIT, with nothing
 * changed, when there is no room for it.
 */
MUST_USE enum err_class line_enter(struct db *control, const char *tenant, bool due,
                                   int64_t *ret_turn, struct err *err);
/* So many jobs of that tenant are gone. */
MUST_USE enum err_class line_leave(struct db *control, const char *tenant, int64_t count,
                                   struct err *err);
/*
 * Gives a place in line to what is due at that time, up to `max` jobs; *ret_more: perhaps not all
 * have theirs. Leases that ran out return.
 */
MUST_USE enum err_class line_up(struct db *control, int64_t now_ms, unsigned max, bool *ret_more,
                                struct err *err);
/* The first in line that is not to be skipped; *ret_turn is its place. */
MUST_USE enum err_class line_first(struct db *control, const char *const *skip, struct job *ret,
                                   int64_t *ret_turn, bool *ret_found, struct err *err);
/* That place has had its turn. */
MUST_USE enum err_class line_served(struct db *control, int64_t turn, struct err *err);
/* Reads tenant, kind, job_key, attempts: the first four columns. */
void row_read_job(const struct db_stmt *stmt, struct job *ret);

#endif
