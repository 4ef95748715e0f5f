/* Tests of intake.c: many threads hand jobs in; nothing is acknowledged that is not stored. */
#include "jobs/intake.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"

/* What the callbacks were told. */
struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed; /* callbacks wait at this gate */
    size_t inside, stored, limit, other;
};

struct fixture {
    struct queue_world *world;
    struct db *control; /* the intake's */
    struct intake *intake;
    struct told told;
};

static void on_done(void *arg, enum err_class rc)
{
    struct told *told = arg;

    pthread_mutex_lock(&told->lock);
    told->inside++;
    pthread_cond_broadcast(&told->changed);
    while (told->closed)
        pthread_cond_wait(&told->changed, &told->lock);
    told->stored += rc == ERR_OK;
    told->limit += rc == ERR_LIMIT;
    told->other += rc != ERR_OK && rc != ERR_LIMIT;
    pthread_cond_broadcast(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

static void set_closed(struct told *told, bool closed)
{
    pthread_mutex_lock(&told->lock);
    told->closed = closed;
    pthread_cond_broadcast(&told->changed);
    pthread_mutex_unlock(&told->lock);
}

static void await(struct told *told, const size_t *what, size_t count)
{
    pthread_mutex_lock(&told->lock);
    while (*what < count)
        pthread_cond_wait(&told->changed, &told->lock);
    pthread_mutex_unlock(&told->lock);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->world = queue_world_new();
    fixture->control = queue_open(fixture->world);
    (void)pthread_mutex_init(&fixture->told.lock, NULL);
    (void)pthread_cond_init(&fixture->told.changed, NULL);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    intake_free(fixture->intake);
    db_close(fixture->control);
    queue_world_free(fixture->world);
    (void)pthread_cond_destroy(&fixture->told.changed);
    (void)pthread_mutex_destroy(&fixture->told.lock);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, size_t waiting_max, size_t group_max)
{
    const struct intake_options options = {
        .control = fixture->control, .waiting_max = waiting_max, .group_max = group_max};

    queue_ok(fixture->world,
             intake_new(fixture->world->ctx, &options, &fixture->intake, &fixture->world->err));
}

static void stop(struct fixture *fixture)
{
    intake_free(fixture->intake);
    fixture->intake = NULL;
}

static enum err_class hand_in(struct fixture *fixture, const char *tenant, const char *key)
{
    const struct job_order order = {tenant, "sync", key, queue_now(fixture->world)};
    struct err err = {0};

    return intake_add(fixture->intake, &order, on_done, &fixture->told, &err);
}

/* Once each has its place: repeats have joined. */
static void settled_counts(struct fixture *fixture, int64_t waiting)
{
    struct queue_world *world = fixture->world;

    queue_ok(world, jobs_settle(world->db, world->ctx, &world->err));
    queue_counts(world, waiting, 0, 0);
}

static void what_is_handed_in_is_stored_then_told(void **state)
{
    struct fixture *fixture = *state;

    start(fixture, 0, 0);
    assert_int_equal(hand_in(fixture, "t1", "a"), ERR_OK);
    await(&fixture->told, &fixture->told.stored, 1);
    queue_counts(fixture->world, 1, 0, 0);
    assert_int_equal(hand_in(fixture, "t1", "a"), ERR_OK);
    assert_int_equal(hand_in(fixture, "t2", "a"), ERR_OK);
    await(&fixture->told, &fixture->told.stored, 3);
    settled_counts(fixture, 2);
    assert_int_equal(fixture->told.other, 0);
    intake_free(NULL);
}

static int64_t without_place(struct fixture *fixture)
{
    return queue_number(fixture->world, SQL("SELECT coalesce(sum(jobs), 0) FROM job_arrival"));
}

static int64_t real_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void when_nothing_comes_each_gets_its_place(void **state)
{
    struct fixture *fixture = *state;
    int64_t until_ms = real_ms() + 20000;

    start(fixture, 0, 0);
    for (int i = 0; i < 1000; i++) {
        char key[8];

        (void)snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(hand_in(fixture, "t1", key), ERR_OK);
    }
    await(&fixture->told, &fixture->told.stored, 1000);
    while (without_place(fixture) > 0 && real_ms() < until_ms)
        (void)sched_yield();
    assert_int_equal(without_place(fixture), 0);
    assert_int_equal(queue_number(fixture->world, SQL("SELECT count(*) FROM job")), 1000);
}

static void what_another_process_left_gets_its_place(void **state)
{
    struct fixture *fixture = *state;
    int64_t until_ms = real_ms() + 20000;

    start(fixture, 0, 0);
    assert_int_equal(hand_in(fixture, "t1", "a"), ERR_OK);
    stop(fixture);
    start(fixture, 0, 0);
    while (without_place(fixture) > 0 && real_ms() < until_ms)
        (void)sched_yield();
    assert_int_equal(without_place(fixture), 0);
    queue_counts(fixture->world, 1, 0, 0);
}

/* The first is held in its callback, so that the others are one group. */
static void one_group_may_hold_anything(void **state)
{
    struct fixture *fixture = *state;

    start(fixture, 4096, 4096);
    set_closed(&fixture->told, true);
    assert_int_equal(hand_in(fixture, "t1", "first"), ERR_OK);
    await(&fixture->told, &fixture->told.inside, 1);
    for (int i = 0; i < 1000; i++) { /* 100 tenants with 5 jobs each, all of them twice */
        char tenant[8], key[8];

        (void)snprintf(tenant, sizeof(tenant), "t%d", i % 100);
        (void)snprintf(key, sizeof(key), "%d", i % 500);
        assert_int_equal(hand_in(fixture, tenant, key), ERR_OK);
    }
    set_closed(&fixture->told, false);
    await(&fixture->told, &fixture->told.stored, 1001);
    settled_counts(fixture, 501); /* and they are counted: see queue_world_free */
    for (int i = 0; i < 501; i++) {
        struct job job = queue_lease(fixture->world);

        queue_done(fixture->world, &job);
    }
    assert_int_equal(queue_idle(fixture->world), INT64_MAX);
}

static void as_much_waits_as_was_said_and_no_more(void **state)
{
    struct fixture *fixture = *state;

    start(fixture, 3, 2);
    set_closed(&fixture->told, true);
    assert_int_equal(hand_in(fixture, "t1", "a"), ERR_OK);
    await(&fixture->told, &fixture->told.inside, 1);
    assert_int_equal(hand_in(fixture, "t1", "b"), ERR_OK);
    assert_int_equal(hand_in(fixture, "t1", "c"), ERR_OK);
    assert_int_equal(hand_in(fixture, "t1", "d"), ERR_BUSY);
    set_closed(&fixture->told, false);
    await(&fixture->told, &fixture->told.stored, 3);
    stop(fixture);
    queue_counts(fixture->world, 3, 0, 0);
    assert_int_equal(fixture->told.inside, 3); /* the refused one is never told of */
}

static void names_that_do_not_fit_are_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    char text[200];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    start(fixture, 0, 0);
    assert_int_equal(hand_in(fixture, text, "a"), ERR_BUG);
    assert_int_equal(hand_in(fixture, "t1", text), ERR_BUG);
    assert_int_equal(hand_in(fixture, "t1", text + sizeof(text) - 1 - JOB_KEY_BYTES - 1), ERR_BUG);
    assert_int_equal(hand_in(fixture, "t1", ""), ERR_BUG);
    assert_int_equal(hand_in(fixture, "t1", text + sizeof(text) - 1 - JOB_KEY_BYTES), ERR_OK);
    stop(fixture);
    queue_counts(fixture->world, 1, 0, 0);
}

static void one_that_finds_no_room_does_not_hurt_the_others(void **state)
{
    struct fixture *fixture = *state;

    start(fixture, 0, 0);
    assert_int_equal(hand_in(fixture, "full", "a"), ERR_OK);
    assert_int_equal(hand_in(fixture, "t1", "a"), ERR_OK);
    await(&fixture->told, &fixture->told.stored, 2);
    settled_counts(fixture, 2);
    queue_ok(fixture->world,
             db_exec(fixture->world->db, "UPDATE job_line SET jobs = 100000 WHERE tenant = 'full'",
                     &fixture->world->err));
    set_closed(&fixture->told, true);
    assert_int_equal(hand_in(fixture, "t1", "b"), ERR_OK);
    await(&fixture->told, &fixture->told.inside, 3);
    assert_int_equal(hand_in(fixture, "t1", "c"), ERR_OK);
    assert_int_equal(hand_in(fixture, "full", "b"), ERR_OK);
    assert_int_equal(hand_in(fixture, "full", "a"), ERR_OK); /* there already */
    assert_int_equal(hand_in(fixture, "t1", "d"), ERR_OK);
    set_closed(&fixture->told, false);
    await(&fixture->told, &fixture->told.stored, 6);
    await(&fixture->told, &fixture->told.limit, 1);
    settled_counts(fixture, 5);
    queue_ok(fixture->world,
             db_exec(fixture->world->db, "UPDATE job_line SET jobs = 1 WHERE tenant = 'full'",
                     &fixture->world->err));
}

static void a_group_that_cannot_be_stored_is_told_so_whole(void **state)
{
    struct fixture *fixture = *state;
    struct queue_world *world = fixture->world;

    queue_ok(world, db_exec(world->db,
                            "CREATE TRIGGER refuse BEFORE INSERT ON job_arrival WHEN"
                            " new.tenant = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
                            &world->err));
    start(fixture, 0, 0);
    set_closed(&fixture->told, true);
    assert_int_equal(hand_in(fixture, "t1", "first"), ERR_OK);
    await(&fixture->told, &fixture->told.inside, 1);
    assert_int_equal(hand_in(fixture, "t1", "before"), ERR_OK);
    assert_int_equal(hand_in(fixture, "bad", "one"), ERR_OK);
    assert_int_equal(hand_in(fixture, "t1", "after"), ERR_OK);
    set_closed(&fixture->told, false);
    await(&fixture->told, &fixture->told.other, 3);
    assert_int_equal(fixture->told.stored, 1);
    queue_counts(world, 1, 0, 0);
    assert_int_equal(hand_in(fixture, "t1", "after"), ERR_OK);
    await(&fixture->told, &fixture->told.stored, 2); /* and then it goes on */
    queue_counts(world, 2, 0, 0);
}

static void the_end_finishes_what_was_handed_in(void **state)
{
    struct fixture *fixture = *state;

    start(fixture, 0, 7);
    for (int i = 0; i < 500; i++) {
        char key[8];

        (void)snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(hand_in(fixture, "t1", key), ERR_OK);
    }
    stop(fixture);
    assert_int_equal(fixture->told.stored, 500);
    queue_counts(fixture->world, 500, 0, 0);
}

/* ---- many threads ---- */

#define THREADS 8
#define EACH 300

struct handing {
    struct fixture *fixture;
    size_t number, taken;
};

static void *hand_in_many(void *arg)
{
    struct handing *handing = arg;

    for (size_t i = 0; i < EACH; i++) {
        char tenant[8], key[16];

        (void)snprintf(tenant, sizeof(tenant), "t%zu", handing->number % 4);
        (void)snprintf(key, sizeof(key), "%zu", i);
        handing->taken += hand_in(handing->fixture, tenant, key) == ERR_OK;
    }
    return NULL;
}

static void many_may_hand_in_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct handing handing[THREADS];
    pthread_t threads[THREADS];
    size_t taken = 0;

    start(fixture, THREADS * EACH, 64);
    for (size_t i = 0; i < THREADS; i++) {
        handing[i] = (struct handing){fixture, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, hand_in_many, &handing[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += handing[i].taken;
    }
    stop(fixture);
    assert_int_equal(taken, THREADS * EACH);
    assert_int_equal(fixture->told.stored, taken);
    settled_counts(fixture, (int64_t)taken / 2); /* two threads a tenant, the same keys */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_handed_in_is_stored_then_told),
        TEST(when_nothing_comes_each_gets_its_place),
        TEST(what_another_process_left_gets_its_place),
        TEST(one_group_may_hold_anything),
        TEST(as_much_waits_as_was_said_and_no_more),
        TEST(names_that_do_not_fit_are_refused_at_once),
        TEST(one_that_finds_no_room_does_not_hurt_the_others),
        TEST(a_group_that_cannot_be_stored_is_told_so_whole),
        TEST(the_end_finishes_what_was_handed_in),
        TEST(many_may_hand_in_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
