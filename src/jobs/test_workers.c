/* Tests of workers.c: threads that run jobs, held at gates by the test. */
#include "jobs/workers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"
#include "jobs/intake.h"

/*
 * What the jobs of the test are told and tell. Kinds: "quick" ends at once, "held" waits until the
 * gate opens or it is asked to stop, "few" is like it and runs twice at once at most.
 */
struct stage {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    size_t quick, held, few; /* done */
    size_t held_now, few_now, few_most;
    size_t cancelled, handles, opened;
    bool refuse_handle; /* the next one */
};

struct fixture {
    struct queue_world *world;
    struct ctx ctx; /* the world's, with a clock that counts how often it is read */
    struct clock_ops clock;
    unsigned looks;
    struct workers *workers;
    struct stage stage;
};

static enum err_class run_quick(void *arg, struct job_run *run, struct err *err)
{
    struct stage *stage = arg;

    (void)run;
    (void)err;
    pthread_mutex_lock(&stage->lock);
    stage->quick++;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return ERR_OK;
}

/* Looks every millisecond whether it is to stop, as a job that waits for a network does. */
static enum err_class wait_at_gate(struct stage *stage, const struct job_run *run, struct err *err)
{
    while (!stage->open && !ctx_stopped(run->ctx)) {
        struct timespec until;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&stage->changed, &stage->lock, &until);
    }
    if (stage->open)
        return ERR_OK;
    stage->cancelled++;
    return ctx_check(run->ctx, err);
}

static enum err_class run_held(void *arg, struct job_run *run, struct err *err)
{
    struct stage *stage = arg;

    pthread_mutex_lock(&stage->lock);
    stage->held_now++;
    pthread_cond_broadcast(&stage->changed);

    enum err_class rc = wait_at_gate(stage, run, err);

    stage->held_now--;
    stage->held += rc == ERR_OK;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return rc;
}

static enum err_class run_few(void *arg, struct job_run *run, struct err *err)
{
    struct stage *stage = arg;

    pthread_mutex_lock(&stage->lock);
    stage->few_now++;
    if (stage->few_now > stage->few_most)
        stage->few_most = stage->few_now;
    pthread_cond_broadcast(&stage->changed);

    enum err_class rc = wait_at_gate(stage, run, err);

    stage->few_now--;
    stage->few += rc == ERR_OK;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return rc;
}

static const struct job_kind kinds[] = {
    {"quick", run_quick, 0}, {"held", run_held, 0}, {"few", run_few, 2}};

static enum err_class open_handle(void *arg, struct db **ret, struct err *err)
{
    struct fixture *fixture = arg;

    pthread_mutex_lock(&fixture->stage.lock);

    bool refuse = fixture->stage.refuse_handle;

    fixture->stage.refuse_handle = false;
    fixture->stage.handles += !refuse;
    fixture->stage.opened += !refuse;
    pthread_cond_broadcast(&fixture->stage.changed);
    pthread_mutex_unlock(&fixture->stage.lock);
    if (refuse)
        return err_set(err, ERR_DISK, "the test says so");
    *ret = queue_open(fixture->world);
    return ERR_OK;
}

static void close_handle(void *arg, struct db *control)
{
    struct fixture *fixture = arg;

    pthread_mutex_lock(&fixture->stage.lock);
    fixture->stage.handles--;
    pthread_mutex_unlock(&fixture->stage.lock);
    db_close(control);
}

static void await(struct stage *stage, const size_t *what, size_t count)
{
    pthread_mutex_lock(&stage->lock);
    while (*what != count)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
}

static void set_open(struct stage *stage, bool open)
{
    pthread_mutex_lock(&stage->lock);
    stage->open = open;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

static int64_t counted_now_ms(void *self)
{
    struct fixture *fixture = self;

    (void)__atomic_add_fetch(&fixture->looks, 1, __ATOMIC_RELAXED);
    return ctx_now_ms(fixture->world->ctx);
}

static int64_t real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->world = queue_world_new();
    fixture->clock = *fixture->world->ctx->clock;
    fixture->clock.now_ms = counted_now_ms;
    fixture->ctx = *fixture->world->ctx;
    fixture->ctx.clock = &fixture->clock;
    fixture->ctx.clock_self = fixture;
    (void)pthread_mutex_init(&fixture->stage.lock, NULL);
    (void)pthread_cond_init(&fixture->stage.changed, NULL);
    *state = fixture;
    return 0;
}

static void stop(struct fixture *fixture)
{
    workers_free(fixture->workers);
    fixture->workers = NULL;
    assert_int_equal(fixture->stage.handles, 0);
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    stop(fixture);
    queue_world_free(fixture->world);
    (void)pthread_cond_destroy(&fixture->stage.changed);
    (void)pthread_mutex_destroy(&fixture->stage.lock);
    free(fixture);
    return 0;
}

static void start(struct fixture *fixture, size_t threads)
{
    const struct workers_options options = {
        .threads = threads,
        .table = {.kinds = kinds, .kind_count = ARRAY_LEN(kinds), .arg = &fixture->stage},
        .open = open_handle,
        .close = close_handle,
        .arg = fixture,
    };

    queue_ok(fixture->world,
             workers_new(&fixture->ctx, &options, &fixture->workers, &fixture->world->err));
}

static void add(struct fixture *fixture, const char *kind, int key, int64_t in_ms)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "%d", key);
    (void)queue_add_kind(fixture->world, key % 2 ? "t1" : "t2", kind, name, in_ms);
}

static void what_is_due_is_run_to_the_last(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 50; i++)
        add(fixture, "quick", i, 0);
    start(fixture, 3);
    await(&fixture->stage, &fixture->stage.quick, 50);
    stop(fixture);
    queue_counts(fixture->world, 0, 0, 0);
    assert_in_range(fixture->stage.opened, 1, 3);
    workers_free(NULL);
}

static void a_worker_wakes_when_a_job_is_added(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    int64_t began = real_ms();

    start(fixture, 2);
    for (size_t i = 1; i <= 20; i++) {
        add(fixture, "quick", (int)i, 0);
        workers_wake(fixture->workers);
        await(stage, &stage->quick, i);
    }
    assert_in_range(real_ms() - began, 0, 10000); /* without it: a second each */

    /* By another process, that wakes nobody: it is seen, and without looking all the time. */
    unsigned looks = __atomic_load_n(&fixture->looks, __ATOMIC_RELAXED);

    add(fixture, "quick", 21, 0);
    await(stage, &stage->quick, 21);
    assert_in_range(__atomic_load_n(&fixture->looks, __ATOMIC_RELAXED) - looks, 1, 50);
}

static void a_worker_wakes_for_a_job_that_falls_due(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    add(fixture, "quick", 1, 60000);
    add(fixture, "quick", 2, 0);
    start(fixture, 2);
    await(stage, &stage->quick, 1);
    fake_ctx_advance(&fixture->world->fake, 59999);
    workers_wake(fixture->workers);
    fake_ctx_advance(&fixture->world->fake, 1);
    await(stage, &stage->quick, 2);
}

/* The worker that leads has looked after the last job, and sleeps: most likely. */
static void let_fall_asleep(void)
{
    const struct timespec wait = {.tv_nsec = 20 * 1000000};

    (void)nanosleep(&wait, NULL);
}

static void on_done(void *arg, enum err_class rc)
{
    (void)arg;
    (void)rc;
}

static void the_intake_wakes_the_workers(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;
    struct db *control = queue_open(fixture->world);
    struct intake *intake = NULL;
    struct err err = {0};

    start(fixture, 2);

    const struct intake_options options = {.control = control, .workers = fixture->workers};

    int64_t began = real_ms();

    queue_ok(fixture->world, intake_new(fixture->world->ctx, &options, &intake, &err));
    for (size_t i = 1; i <= 10; i++) {
        char key[16];
        const struct job_order order = {"t1", "quick", key, queue_now(fixture->world), false};

        (void)snprintf(key, sizeof(key), "%zu", i);
        let_fall_asleep();
        queue_ok(fixture->world, intake_add(intake, &order, on_done, NULL, &err));
        await(stage, &stage->quick, i);
    }
    assert_in_range(real_ms() - began, 0, 5000); /* without: nearly a second each */
    intake_free(intake);
    db_close(control);
}

static void a_thread_is_started_when_none_is_idle(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    start(fixture, 4);
    await(stage, &stage->opened, 1); /* one, that looks */
    for (int i = 0; i < 6; i++)
        add(fixture, "held", i, 0);
    workers_wake(fixture->workers);
    await(stage, &stage->held_now, 4); /* as many as there may be, and each has one */
    assert_int_equal(stage->opened, 4);
    set_open(stage, true);
    await(stage, &stage->held, 6);
}

static void a_kind_at_its_limit_leaves_the_others_their_threads(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    for (int i = 0; i < 40; i++)
        add(fixture, "few", i, 0);
    for (int i = 0; i < 8; i++)
        add(fixture, "quick", i, 0);
    start(fixture, 4);
    await(stage, &stage->quick, 8);
    await(stage, &stage->few_now, 2);
    add(fixture, "quick", 8, 0);
    workers_wake(fixture->workers);
    await(stage, &stage->quick, 9);

    int64_t began = real_ms();

    set_open(stage, true);
    await(stage, &stage->few, 40);
    assert_in_range(real_ms() - began, 0, 10000); /* one that ends lets the next begin at once */
    stop(fixture);
    assert_int_equal(stage->few_most, 2);
    queue_counts(fixture->world, 0, 0, 0);
}

static void the_end_stops_what_runs_and_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    for (int i = 0; i < 5; i++)
        add(fixture, "held", i, 0);
    start(fixture, 3);
    await(stage, &stage->held_now, 3);
    stop(fixture);
    assert_int_equal(stage->cancelled, 3);
    queue_counts(fixture->world, 5, 0, 0);
    assert_int_equal(queue_number(fixture->world, SQL("SELECT sum(attempts) FROM job")), 0);

    /* And all is done by the next. */
    set_open(stage, true);
    start(fixture, 3);
    await(stage, &stage->held, 5);
}

static void the_wish_to_stop_of_the_context_is_heard(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    add(fixture, "held", 1, 0);
    start(fixture, 3);
    await(stage, &stage->held_now, 1);
    __atomic_store_n(&fixture->world->fake.stop, 1, __ATOMIC_RELAXED);
    workers_wake(fixture->workers);
    await(stage, &stage->cancelled, 1);
    add(fixture, "quick", 1, 0);
    stop(fixture);
    assert_int_equal(stage->quick, 0);
    queue_counts(fixture->world, 2, 0, 0);
}

static void a_handle_that_cannot_be_opened_is_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    struct stage *stage = &fixture->stage;

    stage->refuse_handle = true;
    add(fixture, "quick", 1, 0);
    start(fixture, 2);
    await(stage, &stage->quick, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_due_is_run_to_the_last),
        TEST(a_worker_wakes_when_a_job_is_added),
        TEST(a_worker_wakes_for_a_job_that_falls_due),
        TEST(the_intake_wakes_the_workers),
        TEST(a_thread_is_started_when_none_is_idle),
        TEST(a_kind_at_its_limit_leaves_the_others_their_threads),
        TEST(the_end_stops_what_runs_and_loses_nothing),
        TEST(the_wish_to_stop_of_the_context_is_heard),
        TEST(a_handle_that_cannot_be_opened_is_asked_for_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
