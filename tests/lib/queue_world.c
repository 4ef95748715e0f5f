/* queue_world.c: a queue in a folder of its own, for tests. */
#include "queue_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "store/records.h"
#include "store/schema.h"

static const struct record *const records[] = {&control_schema_change_record, &job_record,
                                               &job_line_record, &job_arrival_record};
static const struct catalog catalog = {3, records, ARRAY_LEN(records)};
const unsigned char queue_key[DB_KEY_BYTES] = "a key of thirty-two bytes in all";

void queue_ok(struct queue_world *world, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), world->err.msg);
}

static void check(enum err_class rc, const struct err *err)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), err->msg);
}

struct db *queue_open(struct queue_world *world)
{
    char path[300];
    struct db *db = NULL;
    struct err err = {0};

    (void)snprintf(path, sizeof(path), "%s/control.db", world->scratch.dir);

    const struct db_options options = {
        .path = path, .key = queue_key, .create = true, .cache_kib = 4096};

    check(db_open(world->ctx, &options, &db, &err), &err);
    check(schema_apply(db, world->ctx, &catalog, SCOPE_CONTROL, &err), &err);
    return db;
}

struct queue_world *queue_world_new(void)
{
    struct queue_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    fake_ctx_init(&world->fake, 21);
    scratch_begin(&world->scratch);
    world->ctx = &world->fake.ctx;
    world->db = queue_open(world);
    return world;
}

int64_t queue_number(struct queue_world *world, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    queue_ok(world, db_prepare(world->db, sql, &stmt, &world->err));
    queue_ok(world, db_step(stmt, &row, &world->err));
    assert_true(row);
    return db_i64(stmt, 0);
}

void queue_world_free(struct queue_world *world)
{
    /* Each tenant's jobs and all of them are what job_line says, and whoever is ready is in line.
     */
    if (queue_number(world, SQL("SELECT count(*) FROM job_line WHERE tenant = '*'")) > 0) {
        assert_int_equal(
            queue_number(world, SQL("SELECT count(*) FROM job_line WHERE jobs <> (SELECT count(*)"
                                    " FROM job WHERE job.tenant = job_line.tenant OR"
                                    " job_line.tenant = '*')")),
            0);
        assert_int_equal(queue_number(world, SQL("SELECT count(*) FROM job WHERE tenant NOT IN"
                                                 " (SELECT tenant FROM job_line) OR"
                                                 " (state = 'ready') <> (turn IS NOT NULL)")),
                         0);
    }
    db_close(world->db);
    scratch_end(&world->scratch);
    fake_ctx_done(&world->fake);
    free(world);
}

int64_t queue_now(const struct queue_world *world)
{
    return ctx_now_ms(world->ctx);
}

static bool add(struct queue_world *world, const struct job_order *order)
{
    bool joined = false;

    queue_ok(world, jobs_add(world->db, world->ctx, order, &joined, &world->err));
    return joined;
}

bool queue_add(struct queue_world *world, const char *tenant, const char *key, int64_t in_ms)
{
    return queue_add_kind(world, tenant, "sync", key, in_ms);
}

bool queue_add_kind(struct queue_world *world, const char *tenant, const char *kind,
                    const char *key, int64_t in_ms)
{
    return add(world, &(struct job_order){tenant, kind, key, queue_now(world) + in_ms, false});
}

bool queue_ask(struct queue_world *world, const char *tenant, const char *key, int64_t in_ms)
{
    return add(world, &(struct job_order){tenant, "sync", key, queue_now(world) + in_ms, true});
}

struct job queue_lease(struct queue_world *world)
{
    struct job job = {0};
    bool found = false;
    int64_t next = 0;

    queue_ok(world, jobs_lease(world->db, world->ctx, NULL, &job, &found, &next, &world->err));
    assert_true(found);
    return job;
}

int64_t queue_idle(struct queue_world *world)
{
    struct job job = {0};
    bool found = true;
    int64_t next = 0;

    queue_ok(world, jobs_lease(world->db, world->ctx, NULL, &job, &found, &next, &world->err));
    assert_false(found);
    return next;
}

void queue_done(struct queue_world *world, const struct job *job)
{
    queue_ok(world, jobs_done(world->db, job, &world->err));
}

enum job_state queue_failed(struct queue_world *world, const struct job *job, enum err_class why,
                            int64_t retry_after_ms)
{
    enum job_state state = JOB_LEASED;

    queue_ok(world,
             jobs_failed(world->db, world->ctx, job, why, retry_after_ms, &state, &world->err));
    return state;
}

void queue_counts(struct queue_world *world, int64_t waiting, int64_t leased, int64_t parked)
{
    const int64_t expected[] = {
        [JOB_WAITING] = waiting, [JOB_LEASED] = leased, [JOB_PARKED] = parked};

    for (int state = JOB_WAITING; state <= JOB_PARKED; state++) {
        int64_t n = -1;

        queue_ok(world, jobs_count(world->db, (enum job_state)state, &n, &world->err));
        assert_int_equal(n, expected[state]);
    }
}
