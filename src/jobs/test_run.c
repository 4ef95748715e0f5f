/* Tests of run.c and schedule.c: jobs that run, and jobs that come by themselves. */
#include "jobs/jobs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"
#include "base/civil.h"

static int begin(void **state)
{
    *state = queue_world_new();
    return 0;
}

static int end(void **state)
{
    queue_world_free(*state);
    return 0;
}

/* ---- running ---- */

struct script {
    struct queue_world *world;
    char ran[200];
    bool add_more;     /* the first one adds another */
    bool stop;         /* the first one asks to stop */
    bool lose;         /* each loses its lease before it fails */
    enum err_class rc; /* what each gives back */
};

static enum err_class run_it(void *arg, struct job_run *run, struct err *err)
{
    struct script *script = arg;
    struct queue_world *world = script->world;
    const struct ctx *ctx = run->ctx;
    struct job *job = run->job;
    bool first = script->ran[0] == '\0';
    size_t at = strlen(script->ran);

    assert_ptr_equal(ctx, world->ctx);
    (void)snprintf(script->ran + at, sizeof(script->ran) - at, "%s ", job->key);
    if (script->add_more && first)
        (void)queue_add(world, job->tenant, "more", 0);
    if (script->stop && first)
        world->fake.stop = 1;
    if (script->lose) {
        struct job taken;

        queue_ok(world, jobs_lease_this(world->db, ctx, job->tenant, job->kind, job->key, &taken,
                                        &world->err));
    }
    run->retry_after_ms = 90 * MS_PER_MINUTE;
    if (script->rc != ERR_OK)
        return err_set(err, script->rc, "the script says so");
    return ERR_OK;
}

static const struct job_kind kinds[] = {{"other", run_it, 0}, {"sync", run_it, 0}};
static const struct job_schedule schedules[] = {
    {"sync", "off", 0, 0, 0, .per_tenant = true},
    {"sync", "poll", 60 * MS_PER_MINUTE, 0, MS_PER_MINUTE, .per_tenant = true},
    {"other", "sweep", MS_PER_DAY, MS_PER_HOUR, 0, .per_tenant = false},
};

static int64_t run_due(struct script *script)
{
    struct queue_world *world = script->world;
    int64_t ran = -1;

    script->ran[0] = '\0';
    const struct job_table table = {kinds, ARRAY_LEN(kinds), script, schedules,
                                    ARRAY_LEN(schedules)};

    queue_ok(world, jobs_run_due(world->db, world->ctx, &table, &ran, &world->err));
    return ran;
}

static void a_worker_runs_what_is_due_and_no_more(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world, .add_more = true};

    assert_int_equal(run_due(&script), 0);
    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t1", "b", 1);
    (void)queue_add(world, "t1", "later", MS_PER_MINUTE);
    fake_ctx_advance(&world->fake, 5);
    assert_int_equal(run_due(&script), 3);
    assert_string_equal(script.ran, "a b more ");
    queue_counts(world, 1, 0, 0);
}

static void a_job_that_fails_is_not_tried_again_at_once(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world, .rc = ERR_BUSY};

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t2", "b", 0);
    assert_int_equal(run_due(&script), 2);
    queue_counts(world, 2, 0, 0);
    assert_int_equal(queue_idle(world), queue_now(world) + 90 * MS_PER_MINUTE);

    script.rc = ERR_DENIED;
    fake_ctx_advance(&world->fake, 90 * MS_PER_MINUTE);
    assert_int_equal(run_due(&script), 2);
    queue_counts(world, 0, 0, 2);
}

static void a_job_that_nobody_can_do_is_parked(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world};

    (void)queue_add_kind(world, "t1", "unheard_of", "x", 0);
    (void)queue_add(world, "t1", "a", 0);
    assert_int_equal(run_due(&script), 2);
    assert_string_equal(script.ran, "a ");
    queue_counts(world, 0, 0, 1);
}

static void a_worker_asked_to_stop_ends_after_its_job(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world, .stop = true, .rc = ERR_CANCELLED};

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t1", "b", 1);
    fake_ctx_advance(&world->fake, 5);
    assert_int_equal(run_due(&script), 1);
    assert_string_equal(script.ran, "a ");
    queue_counts(world, 2, 0, 0); /* the stopped one waits too, and is due */
    assert_int_equal(run_due(&script), 0);
    world->fake.stop = 0;
    script = (struct script){.world = world};
    assert_int_equal(run_due(&script), 2);
    queue_counts(world, 0, 0, 0);
}

static void a_worker_that_lost_a_lease_goes_on_with_the_next(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world, .lose = true, .rc = ERR_NETWORK};

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t2", "b", 1);
    fake_ctx_advance(&world->fake, 5);
    assert_int_equal(run_due(&script), 2);
    queue_counts(world, 0, 2, 0); /* both are somebody else's now */
}

/* ---- long jobs ---- */

struct long_job {
    struct queue_world *world;
    int steps; /* of half a minute each */
    bool taken_from_us, stopped;
    int64_t leases[64]; /* as they stood after each step */
    enum err_class last;
};

static enum err_class run_long(void *arg, struct job_run *run, struct err *err)
{
    struct long_job *script = arg;
    struct queue_world *world = script->world;

    for (int i = 0; i < script->steps; i++) {
        fake_ctx_advance(&world->fake, 30 * MS_PER_SECOND);
        if (script->taken_from_us && i == 3) {
            struct job taken;

            queue_ok(world, jobs_lease_this(world->db, world->ctx, run->job->tenant, run->job->kind,
                                            run->job->key, &taken, &world->err));
        }
        if (script->stopped && i == 3)
            world->fake.stop = 1;
        script->last = job_still_running(run, err);
        if (script->last != ERR_OK)
            return script->last;
        script->leases[i] = run->job->lease_until_ms;
    }
    return ERR_OK;
}

static void run_long_job(struct long_job *script)
{
    static const struct job_kind kinds_of[] = {{"sync", run_long, 0}};
    struct queue_world *world = script->world;
    const struct job_table table = {.kinds = kinds_of, .kind_count = 1, .arg = script};
    int64_t ran = 0;

    (void)queue_add(world, "t1", "all", 0);
    queue_ok(world, jobs_run_due(world->db, world->ctx, &table, &ran, &world->err));
    assert_int_equal(ran, 1);
}

static void a_long_job_keeps_its_lease_by_a_write_a_minute(void **state)
{
    struct queue_world *world = *state;
    struct long_job script = {.world = world, .steps = 60};
    int64_t began = queue_now(world);

    run_long_job(&script);
    for (int i = 0; i < 60; i++)
        assert_int_equal(script.leases[i], began + (i + 1) / 2 * MS_PER_MINUTE + JOB_LEASE_MS);
    queue_counts(world, 0, 0, 0);
}

static void a_long_job_hears_that_its_lease_was_lost(void **state)
{
    struct queue_world *world = *state;
    struct long_job script = {.world = world, .steps = 60, .taken_from_us = true};

    run_long_job(&script);
    assert_int_equal(script.last, ERR_CONFLICT);
    queue_counts(world, 0, 1, 0);
}

static void a_long_job_hears_that_it_is_to_stop(void **state)
{
    struct queue_world *world = *state;
    struct long_job script = {.world = world, .steps = 60, .stopped = true};

    run_long_job(&script);
    assert_int_equal(script.last, ERR_CANCELLED);
    queue_counts(world, 1, 0, 0);
}

static enum err_class leave_open(void *arg, struct job_run *run, struct err *err)
{
    enum err_class rc = db_begin(run->control, DB_WRITE, err);

    (void)arg;
    return rc == ERR_OK ? err_set(err, ERR_INPUT, "the job gives up half way") : rc;
}

static void a_transaction_that_a_job_left_open_is_undone(void **state)
{
    static const struct job_kind kinds_of[] = {{"sync", leave_open, 0}};
    const struct job_table table = {.kinds = kinds_of, .kind_count = 1};
    struct queue_world *world = *state;
    int64_t ran = 0;

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t1", "b", 0);
    queue_ok(world, jobs_run_due(world->db, world->ctx, &table, &ran, &world->err));
    assert_int_equal(ran, 2);
    queue_counts(world, 0, 0, 2);
}

/* ---- jobs that come by themselves ---- */

static void see_to_schedules(struct queue_world *world, size_t tenant_count)
{
    static const char *const tenants[] = {"t1", "t2", "t3"};

    queue_ok(world, schedule_due(world->db, world->ctx, schedules, ARRAY_LEN(schedules), tenants,
                                 tenant_count, &world->err));
}

static void scheduled_jobs_come_for_each_tenant_and_for_the_server(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world};

    see_to_schedules(world, 2);
    queue_counts(world, 3, 0, 0); /* "off" has none */
    see_to_schedules(world, 2);
    queue_counts(world, 3, 0, 0); /* once */
    fake_ctx_advance(&world->fake, MS_PER_MINUTE);
    assert_int_equal(run_due(&script), 2);
    assert_string_equal(script.ran, "poll poll ");
    queue_counts(world, 3, 0, 0); /* they stay */
    fake_ctx_advance(&world->fake, MS_PER_HOUR + MS_PER_MINUTE);
    assert_int_equal(run_due(&script), 3);
    assert_non_null(strstr(script.ran, "sweep"));

    /* A tenant that comes has its first one at once (within the jitter), not after a period. */
    see_to_schedules(world, 3);
    queue_counts(world, 4, 0, 0);
    fake_ctx_advance(&world->fake, MS_PER_MINUTE);
    assert_int_equal(run_due(&script), 1);
}

/* A day of ticks a minute apart, with a restart at each: as often as it should be, and no more. */
static void a_restart_neither_repeats_nor_forgets(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world};
    int64_t polls = 0, sweeps = 0;

    for (int64_t minute = 0; minute < 25 * 60; minute++) {
        see_to_schedules(world, 1);
        for (int64_t n = run_due(&script); n > 0; n--) {
            polls += strstr(script.ran, "poll") != NULL;
            sweeps += strstr(script.ran, "sweep") != NULL;
        }
        db_close(world->db);
        world->db = queue_open(world);
        fake_ctx_advance(&world->fake, MS_PER_MINUTE);
    }
    /* Each hour, and up to two minutes more: the jitter and the tick. */
    assert_in_range(polls, 24, 25);
    assert_in_range(sweeps, 1, 2); /* after an hour, and a day later */
}

static void a_scheduled_job_that_was_parked_is_tried_again_a_period_later(void **state)
{
    struct queue_world *world = *state;
    struct script script = {.world = world, .rc = ERR_DENIED};

    see_to_schedules(world, 1);
    fake_ctx_advance(&world->fake, MS_PER_MINUTE);
    assert_int_equal(run_due(&script), 1);
    queue_counts(world, 1, 0, 1);
    fake_ctx_advance(&world->fake, 59 * MS_PER_MINUTE);
    see_to_schedules(world, 1);
    queue_counts(world, 1, 0, 1);
    fake_ctx_advance(&world->fake, MS_PER_MINUTE);
    see_to_schedules(world, 1);
    queue_counts(world, 2, 0, 0);
    script.rc = ERR_OK;
    fake_ctx_advance(&world->fake, MS_PER_MINUTE);
    assert_int_equal(run_due(&script), 2);
    queue_counts(world, 2, 0, 0);
}

static void what_was_run_by_hand_comes_back(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    see_to_schedules(world, 1);
    queue_ok(world,
             jobs_lease_this(world->db, world->ctx, "t1", "sync", "poll", &job, &world->err));
    queue_done(world, &job);
    queue_counts(world, 1, 0, 0);
    see_to_schedules(world, 1);
    queue_counts(world, 2, 0, 0);
}

static void a_shorter_schedule_holds_at_once_and_a_retry_keeps_its_time(void **state)
{
    static const struct job_schedule daily[] = {{"sync", "poll", MS_PER_DAY, MS_PER_DAY, 0, true}};
    static const struct job_schedule hourly[] = {{"sync", "poll", MS_PER_HOUR, 0, 0, true}};
    static const char *const tenants[] = {"t1"};
    struct queue_world *world = *state;
    struct job job;

    queue_ok(world, schedule_due(world->db, world->ctx, daily, 1, tenants, 1, &world->err));
    assert_int_equal(queue_idle(world), queue_now(world) + MS_PER_DAY);
    queue_ok(world, schedule_due(world->db, world->ctx, hourly, 1, tenants, 1, &world->err));
    assert_int_equal(queue_idle(world), queue_now(world) + MS_PER_HOUR);
    fake_ctx_advance(&world->fake, MS_PER_HOUR);
    job = queue_lease(world);
    assert_int_equal(queue_failed(world, &job, ERR_BUSY, 3 * MS_PER_HOUR), JOB_WAITING);
    queue_ok(world, schedule_due(world->db, world->ctx, hourly, 1, tenants, 1, &world->err));
    assert_int_equal(queue_idle(world), queue_now(world) + 3 * MS_PER_HOUR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_worker_runs_what_is_due_and_no_more),
        TEST(a_job_that_fails_is_not_tried_again_at_once),
        TEST(a_job_that_nobody_can_do_is_parked),
        TEST(a_worker_asked_to_stop_ends_after_its_job),
        TEST(a_worker_that_lost_a_lease_goes_on_with_the_next),
        TEST(a_long_job_keeps_its_lease_by_a_write_a_minute),
        TEST(a_long_job_hears_that_its_lease_was_lost),
        TEST(a_long_job_hears_that_it_is_to_stop),
        TEST(a_transaction_that_a_job_left_open_is_undone),
        TEST(scheduled_jobs_come_for_each_tenant_and_for_the_server),
        TEST(a_restart_neither_repeats_nor_forgets),
        TEST(a_scheduled_job_that_was_parked_is_tried_again_a_period_later),
        TEST(what_was_run_by_hand_comes_back),
        TEST(a_shorter_schedule_holds_at_once_and_a_retry_keeps_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
