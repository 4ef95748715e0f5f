/* Tests of gate.c: no more than there is room for, and nobody overtakes. */
#include "apps/timesheet/gate.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THREADS 12
#define TURNS 2000
#define ROOM 3

struct crowd {
    struct gate *gate;
    _Atomic int inside, most;
    _Atomic uint64_t entered;
};

static void *go_in_and_out(void *arg)
{
    struct crowd *crowd = arg;

    for (int i = 0; i < TURNS; i++) {
        gate_enter(crowd->gate);

        int now = atomic_fetch_add(&crowd->inside, 1) + 1, most = atomic_load(&crowd->most);

        while (now > most && !atomic_compare_exchange_weak(&crowd->most, &most, now))
            continue;
        atomic_fetch_add(&crowd->entered, 1);
        atomic_fetch_sub(&crowd->inside, 1);
        gate_leave(crowd->gate);
    }
    return NULL;
}

static void only_so_many_are_in_at_once_and_all_get_their_turn(void **state)
{
    struct crowd crowd = {.gate = gate_new(ROOM)};
    pthread_t threads[THREADS];

    (void)state;
    assert_non_null(crowd.gate);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, go_in_and_out, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.entered), THREADS * TURNS);
    assert_in_range(atomic_load(&crowd.most), 1, ROOM);
    gate_free(crowd.gate);
}

/* Each says that it is about to wait, and then in which order it came in. */
struct line {
    struct gate *gate;
    _Atomic unsigned next;
    unsigned order[THREADS];
};
struct waiting {
    struct line *line;
    unsigned number;
};

static void *wait_in_line(void *arg)
{
    struct waiting *waiting = arg;

    gate_enter(waiting->line->gate);
    waiting->line->order[atomic_fetch_add(&waiting->line->next, 1)] = waiting->number;
    gate_leave(waiting->line->gate);
    return NULL;
}

static void who_came_first_is_served_first(void **state)
{
    struct line line = {.gate = gate_new(1)};
    struct waiting waiting[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    gate_enter(line.gate);
    for (unsigned i = 0; i < THREADS; i++) {
        waiting[i] = (struct waiting){&line, i};
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in_line, &waiting[i]), 0);
        while (gate_waiting(line.gate) != i + 1)
            sched_yield();
    }
    assert_int_equal(atomic_load(&line.next), 0);
    gate_leave(line.gate);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(line.order[i], i);
    gate_free(line.gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_many_are_in_at_once_and_all_get_their_turn),
        cmocka_unit_test(who_came_first_is_served_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
