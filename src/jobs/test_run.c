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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_worker_runs_what_is_due_and_no_more),
        TEST(a_job_that_fails_is_not_tried_again_at_once),
        TEST(a_job_that_nobody_can_do_is_parked),
        TEST(a_worker_asked_to_stop_ends_after_its_job),
        TEST(a_worker_that_lost_a_lease_goes_on_with_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
