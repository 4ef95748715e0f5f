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
    int64_t due_ms; /* leased: when the lease ends; parked: since when */
    int64_t attempts;
    int64_t again_ms; /* leased: when it is to run once more; 0: it is not */
    bool failed;      /* its last try did */
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
 * Adding some jobs in one transaction: how many jobs there are and who stands where is read once a
 * tenant, kept here, and written back by adding_finish, without which nothing may be committed.
 */
#define ADDING_TENANTS 32
struct line {
    int64_t turn; /* given out last; of all together: the round that is served */
    int64_t jobs;
};
struct adding {
    struct db *control;
    const struct ctx *ctx;
    int64_t arrived;    /* at most so many jobs are to get their places later (arrivals.h) */
    bool is_settling;   /* these get theirs: whether there is room was asked when they arrived */
    int64_t arrived_ms; /* and when that was */
    bool is_open;
    bool changed;
    struct line all;
    size_t tenants;
    struct {
        char id[JOB_TENANT_BYTES + 1];
        struct line line;
    } tenant[ADDING_TENANTS];
};
/* As jobs_add. After ERR_LIMIT or ERR_BUG nothing has changed; after any other the transaction is
 * to be rolled back. */
MUST_USE enum err_class adding_add(struct adding *adding, const struct job_order *order,
                                   bool *ret_joined, struct err *err);
MUST_USE enum err_class adding_finish(struct adding *adding, struct err *err);

/* The tenant's line in `adding`, to be changed there. */
MUST_USE enum err_class line_open(struct adding *adding, const char *tenant, struct line **ret,
                                  struct err *err);
/* ERR_LIMIT when there is no room for one more job of the tenant. */
MUST_USE enum err_class line_has_room(const struct adding *adding, const char *tenant,
                                      const struct line *line, struct err *err);
/* The place of the tenant's next job. */
int64_t line_next_turn(const struct adding *adding, const struct line *line);
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
