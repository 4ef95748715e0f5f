/*
 * gate.c: a counting gate with a queue.
 *
 * Why not a semaphore: POSIX's lets in whoever the scheduler wakes first, so that under load some
 * wait many times as long as others. Here who leaves hands their place to the one who has waited
 * longest, and nobody overtakes. Who waits stands in the queue with a node on their own stack.
 *
 * Threads: any. One mutex, held for a few instructions.
 */
#include "apps/timesheet/gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct waiter {
    struct waiter *next;
    pthread_cond_t turn;
    bool let_in;
};

struct gate {
    pthread_mutex_t mutex;
    unsigned room; /* places that are free */
    struct waiter *first, *last;
};

struct gate *gate_new(unsigned room)
{
    struct gate *gate = calloc(1, sizeof(*gate));

    assert(room >= 1);
    if (gate && pthread_mutex_init(&gate->mutex, NULL) != 0) {
        free(gate);
        return NULL;
    }
    if (gate)
        gate->room = room;
    return gate;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    assert(!gate->first);
    (void)pthread_mutex_destroy(&gate->mutex);
    free(gate);
}

void gate_enter(struct gate *gate)
{
    struct waiter self = {.turn = PTHREAD_COND_INITIALIZER};

    (void)pthread_mutex_lock(&gate->mutex);
    if (gate->room > 0) {
        gate->room--;
    } else {
        if (gate->last)
            gate->last->next = &self;
        else
            gate->first = &self;
        gate->last = &self;
        while (!self.let_in)
            (void)pthread_cond_wait(&self.turn, &gate->mutex);
    }
    (void)pthread_mutex_unlock(&gate->mutex);
    (void)pthread_cond_destroy(&self.turn);
}

size_t gate_waiting(struct gate *gate)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&gate->mutex);
    for (const struct waiter *waiter = gate->first; waiter; waiter = waiter->next)
        count++;
    (void)pthread_mutex_unlock(&gate->mutex);
    return count;
}

void gate_leave(struct gate *gate)
{
    struct waiter *next;

    (void)pthread_mutex_lock(&gate->mutex);
    next = gate->first;
    if (next) {
        gate->first = next->next;
        if (!gate->first)
            gate->last = NULL;
        next->let_in = true; /* the place goes from hand to hand */
        (void)pthread_cond_signal(&next->turn);
    } else {
        gate->room++;
    }
    (void)pthread_mutex_unlock(&gate->mutex);
}
