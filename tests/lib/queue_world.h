#ifndef TESTS_LIB_QUEUE_WORLD_H
#define TESTS_LIB_QUEUE_WORLD_H
#include "fake_ctx.h"
#include "jobs/jobs.h"
#include "scratch.h"

/*
 * A queue for tests: a control database in a folder of its own, a clock and dice of the test's. The
 * functions fail the test when the queue does not do what it is told; jobs are of the kind "sync".
 */
struct queue_world {
    struct fake_ctx fake;
    struct scratch scratch;
    const struct ctx *ctx;
    struct db *db;
    struct err err;
};

extern const unsigned char queue_key[DB_KEY_BYTES];

struct queue_world *queue_world_new(void);
/* Also checks that the queue has counted itself right. */
void queue_world_free(struct queue_world *world);
/* One more handle; the caller closes it. May be called by any thread. */
struct db *queue_open(struct queue_world *world);

void queue_ok(struct queue_world *world, enum err_class rc);
int64_t queue_now(const struct queue_world *world);
/* Due so many ms from now; gives back whether it joined one. */
bool queue_add(struct queue_world *world, const char *tenant, const char *key, int64_t in_ms);
bool queue_add_kind(struct queue_world *world, const char *tenant, const char *kind,
                    const char *key, int64_t in_ms);
bool queue_ask(struct queue_world *world, const char *tenant, const char *key, int64_t in_ms);
struct job queue_lease(struct queue_world *world); /* the next one, which must be there */
int64_t queue_idle(struct queue_world *world);     /* nothing is due: when to look again */
void queue_done(struct queue_world *world, const struct job *job);
enum job_state queue_failed(struct queue_world *world, const struct job *job, enum err_class why,
                            int64_t retry_after_ms);
void queue_counts(struct queue_world *world, int64_t waiting, int64_t leased, int64_t parked);
int64_t queue_number(struct queue_world *world, const char *sql); /* the first of the first row */

#endif
