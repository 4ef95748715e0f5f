/* Tests of look.c: what an administrator sees of the queue. */
#include "jobs/look.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"

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

static struct job_view look(struct queue_world *world, const char *tenant, const char *key)
{
    struct job_view view = {0};
    bool found = false;

    queue_ok(world, jobs_look(world->db, tenant, "sync", key, &view, &found, &world->err));
    assert_true(found);
    assert_string_equal(view.kind, "sync");
    assert_string_equal(view.key, key);
    return view;
}

static void a_job_that_is_not_there_is_not_found(void **state)
{
    struct queue_world *world = *state;
    struct job_view view = {.attempts = -7};
    bool found = true;

    (void)queue_add(world, "acme", "one", 0);
    queue_ok(world, jobs_look(world->db, "acme", "sync", "two", &view, &found, &world->err));
    assert_false(found);
    assert_int_equal(view.attempts, -7); /* untouched */
    queue_ok(world, jobs_look(world->db, "other", "sync", "one", &view, &found, &world->err));
    assert_false(found);
    queue_ok(world, jobs_look(world->db, "acme", "other", "one", &view, &found, &world->err));
    assert_false(found);
}

static void a_job_is_seen_in_each_state_of_its_life(void **state)
{
    struct queue_world *world = *state;
    struct job_view view;
    struct job job;

    (void)queue_add(world, "acme", "one", 5000);
    view = look(world, "acme", "one");
    assert_int_equal(view.state, JOB_WAITING);
    assert_int_equal(view.due_ms, queue_now(world) + 5000);
    assert_int_equal(view.attempts, 0);
    assert_string_equal(view.failure, "");

    fake_ctx_advance(&world->fake, 5000);
    job = queue_lease(world);
    view = look(world, "acme", "one");
    assert_int_equal(view.state, JOB_LEASED);
    assert_int_equal(view.attempts, 1);

    assert_int_equal(queue_failed(world, &job, ERR_NETWORK, 0), JOB_WAITING);
    view = look(world, "acme", "one");
    assert_int_equal(view.state, JOB_WAITING);
    assert_true(view.due_ms > queue_now(world));
    assert_string_equal(view.failure, "network");

    fake_ctx_advance(&world->fake, view.due_ms - queue_now(world));
    job = queue_lease(world);
    assert_int_equal(queue_failed(world, &job, ERR_DENIED, 0), JOB_PARKED);
    view = look(world, "acme", "one");
    assert_int_equal(view.state, JOB_PARKED);
    assert_int_equal(view.due_ms, queue_now(world)); /* since when */
    assert_int_equal(view.attempts, 2);
    assert_string_equal(view.failure, "denied");
}

static void counts(struct queue_world *world, const char *tenant, int64_t waiting, int64_t parked)
{
    int64_t n = -1, p = -1;

    queue_ok(world, jobs_count_tenant(world->db, tenant, &n, &p, &world->err));
    assert_int_equal(n, waiting);
    assert_int_equal(p, parked);
}

static void a_tenants_jobs_are_counted_apart_from_others(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    counts(world, "acme", 0, 0);
    (void)queue_add(world, "acme", "one", 0);
    (void)queue_add(world, "acme", "two", 60000);
    (void)queue_add(world, "acme", "three", 60000);
    (void)queue_add(world, "beta", "one", 60000);
    counts(world, "acme", 3, 0);
    counts(world, "beta", 1, 0);
    job = queue_lease(world);
    counts(world, "acme", 3, 0); /* a running one counts as waiting */
    assert_int_equal(queue_failed(world, &job, ERR_DENIED, 0), JOB_PARKED);
    counts(world, "acme", 2, 1);
    counts(world, "beta", 1, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_is_not_there_is_not_found),
        TEST(a_job_is_seen_in_each_state_of_its_life),
        TEST(a_tenants_jobs_are_counted_apart_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
