/* Tests of pool.c: threads that are held until the test lets them go. */
#include "base/pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/str.h"

/* Work that waits at a gate. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    size_t inside; /* at the gate now */
    size_t most;   /* at once */
    size_t done;
    pthread_t threads[16]; /* that were here */
    size_t thread_count;
};

#define GATE_INIT                                                                                  \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

static void note_thread(struct gate *gate)
{
    for (size_t i = 0; i < gate->thread_count; i++)
        if (pthread_equal(gate->threads[i], pthread_self()))
            return;
    if (gate->thread_count < ARRAY_LEN(gate->threads))
        gate->threads[gate->thread_count++] = pthread_self();
}

static void pass(void *arg)
{
    struct gate *gate = arg;

    pthread_mutex_lock(&gate->lock);
    note_thread(gate);
    gate->inside++;
    if (gate->inside > gate->most)
        gate->most = gate->inside;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->inside--;
    gate->done++;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void set_open(struct gate *gate, bool open)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = open;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void await(struct gate *gate, const size_t *what, size_t count)
{
    pthread_mutex_lock(&gate->lock);
    while (*what < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static struct pool *new_pool(size_t threads, size_t waiting_max)
{
    struct pool *pool = pool_new(threads, waiting_max);

    assert_non_null(pool);
    return pool;
}

static void all_that_was_taken_is_done(void **state)
{
    struct pool *pool = new_pool(3, 100);
    struct gate gate = GATE_INIT;

    (void)state;
    for (int i = 0; i < 103; i++)
        assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_TAKEN);
    set_open(&gate, true);
    pool_free(pool);
    assert_int_equal(gate.done, 103);
    assert_in_range(gate.thread_count, 1, 3);
}

static void as_much_waits_as_was_said_and_no_more(void **state)
{
    struct pool *pool = new_pool(2, 3);
    struct gate gate = GATE_INIT;

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_FULL);
    await(&gate, &gate.inside, 2);
    assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_FULL); /* two run, three wait */
    set_open(&gate, true);
    await(&gate, &gate.done, 5);
    pool_free(pool);
    assert_int_equal(gate.done, 5);
    assert_int_equal(gate.most, 2);
}

static void each_piece_has_a_thread_as_long_as_there_are_threads(void **state)
{
    struct pool *pool = new_pool(4, 0);
    struct gate gate = GATE_INIT;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_FULL);
    await(&gate, &gate.inside, 4); /* all at once: nobody waits for another */
    set_open(&gate, true);
    pool_free(pool);
    assert_int_equal(gate.done, 4);
    assert_int_equal(gate.most, 4);
}

static void threads_are_started_when_none_is_idle(void **state)
{
    struct pool *pool = new_pool(16, 8);
    struct gate gate = GATE_INIT;

    (void)state;
    pool_free(new_pool(16, 8)); /* none at all is fine */
    pool_free(NULL);

    /*
     * One after the other: one thread is enough, but for the moment in which one that has told that
     * it is done does not wait for work yet.
     */
    set_open(&gate, true);
    for (size_t i = 1; i <= 50; i++) {
        assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_TAKEN);
        await(&gate, &gate.done, i);
    }
    assert_in_range(gate.thread_count, 1, 8);
    set_open(&gate, false);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pool_add(pool, 0, pass, &gate), POOL_TAKEN);
    await(&gate, &gate.inside, 3);
    assert_in_range(gate.thread_count, 3, 10);
    set_open(&gate, true);
    pool_free(pool);
}

struct chain {
    struct pool *pool;
    struct gate *gate;
    size_t left, done;
};

static void step(void *arg)
{
    struct chain *chain = arg;

    chain->done++;
    chain->left--;
    if (chain->left == 0 || pool_add(chain->pool, 0, step, chain) != POOL_TAKEN)
        set_open(chain->gate, true);
}

static void work_may_add_work(void **state)
{
    struct gate gate = GATE_INIT;
    struct chain chain = {.gate = &gate, .left = 100};

    (void)state;
    chain.pool = new_pool(2, 2);
    assert_int_equal(pool_add(chain.pool, 0, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(chain.pool, 0, step, &chain), POOL_TAKEN);
    await(&gate, &gate.done, 1); /* the chain's end opens the gate */
    pool_free(chain.pool);
    assert_int_equal(chain.done, 100);
}

#define ADDERS 6
#define EACH 2000

struct adder {
    struct pool *pool;
    struct gate *gate;
    size_t taken;
};

static void *add_many(void *arg)
{
    struct adder *adder = arg;

    for (int i = 0; i < EACH; i++)
        adder->taken += pool_add(adder->pool, 0, pass, adder->gate) == POOL_TAKEN;
    return NULL;
}

static void many_may_add_at_once(void **state)
{
    struct pool *pool = new_pool(4, 16);
    struct gate gate = GATE_INIT;
    struct adder adders[ADDERS];
    pthread_t threads[ADDERS];
    size_t taken = 0;

    (void)state;
    gate.open = true;
    for (size_t i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){pool, &gate, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &adders[i]), 0);
    }
    for (size_t i = 0; i < ADDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        taken += adders[i].taken;
    }
    pool_free(pool);
    assert_true(taken >= 20);
    assert_int_equal(gate.done, taken);
    assert_in_range(gate.most, 1, 4);
}

/* The lane of a busy client, and of another. */
enum { GREEDY = 1, MODEST };

static void one_client_cannot_have_all_threads(void **state)
{
    struct pool *pool = new_pool(4, 100);
    struct gate gate = GATE_INIT, other = GATE_INIT;

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(pool_add(pool, GREEDY, pass, &gate), POOL_TAKEN);
    await(&gate, &gate.inside, 3);
    assert_int_equal(pool_add(pool, MODEST, pass, &other), POOL_TAKEN);
    await(&other, &other.inside, 1); /* before the 17 that wait */
    assert_int_equal(gate.most, 3);
    set_open(&other, true);
    set_open(&gate, true);
    pool_free(pool);
    assert_int_equal(gate.done, 20);
    assert_int_equal(gate.most, 3);
    assert_int_equal(other.done, 1);
}

static void one_client_cannot_have_all_room(void **state)
{
    struct pool *pool = new_pool(4, 10);
    struct gate gate = GATE_INIT;

    (void)state;
    for (int i = 0; i < 3 + 5; i++)
        assert_int_equal(pool_add(pool, GREEDY, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(pool, GREEDY, pass, &gate), POOL_LANE_FULL);
    for (int i = 0; i < 6; i++)
        assert_int_equal(pool_add(pool, MODEST, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(pool, MODEST, pass, &gate), POOL_FULL);
    set_open(&gate, true);
    pool_free(pool);
    assert_int_equal(gate.done, 14);
}

/* Two busy clients of one tenant, and one of another. */
static void one_tenant_cannot_have_all(void **state)
{
    const uint64_t first = POOL_LANE(7, 1), second = POOL_LANE(7, 2), other = POOL_LANE(8, 1);
    struct pool *pool = new_pool(8, 40);
    struct gate gate = GATE_INIT, others = GATE_INIT;

    (void)state;
    for (int i = 0; i < 4 + 10; i++)
        assert_int_equal(pool_add(pool, first, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(pool, first, pass, &gate), POOL_LANE_FULL);
    await(&gate, &gate.inside, 4);
    for (int i = 0; i < 2 + 10; i++)
        assert_int_equal(pool_add(pool, second, pass, &gate), POOL_TAKEN);
    assert_int_equal(pool_add(pool, second, pass, &gate), POOL_LANE_FULL);
    await(&gate, &gate.inside, 6);
    assert_int_equal(pool_add(pool, other, pass, &others), POOL_TAKEN);
    assert_int_equal(pool_add(pool, MODEST, pass, &others), POOL_TAKEN);
    await(&others, &others.inside, 2); /* before the 20 that wait */
    assert_int_equal(gate.most, 6);
    set_open(&others, true);
    set_open(&gate, true);
    pool_free(pool);
    assert_int_equal(gate.done, 26);
    assert_int_equal(gate.most, 6);
    assert_int_equal(others.done, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_taken_is_done),
        cmocka_unit_test(one_client_cannot_have_all_threads),
        cmocka_unit_test(one_client_cannot_have_all_room),
        cmocka_unit_test(one_tenant_cannot_have_all),
        cmocka_unit_test(as_much_waits_as_was_said_and_no_more),
        cmocka_unit_test(each_piece_has_a_thread_as_long_as_there_are_threads),
        cmocka_unit_test(threads_are_started_when_none_is_idle),
        cmocka_unit_test(work_may_add_work),
        cmocka_unit_test(many_may_add_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
