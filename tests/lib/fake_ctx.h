#ifndef TESTS_LIB_FAKE_CTX_H
#define TESTS_LIB_FAKE_CTX_H
#include <pthread.h>

#include "base/ctx.h"

/*
 * A world for tests: a clock that stands still until somebody sleeps or sets it, dice from a seed,
 * the real disk, no network (tests/lib/fake_net.h puts one in), no log, and a flag to stop.
 * Thread-safe but for `stop`, which is what the real one is: a flag of one writer.
 */
struct fake_ctx {
    struct ctx ctx; /* hand this in; stays valid as long as the fake does not move */
    pthread_mutex_t lock;
    int64_t now_ms, mono_ms;    /* read and set by the functions below */
    int64_t slept_ms;           /* sum of all sleeps */
    int64_t last_sleep_ms;      /* the latest one */
    unsigned sleeps;            /* how many */
    uint64_t dice;              /* the generator's state */
    volatile sig_atomic_t stop; /* 1: stop */
    unsigned stop_at_sleep;     /* the n-th sleep sets stop, half way; 0 none does */
};

#define FAKE_NOW_MS INT64_C(1768471200000) /* 2026-01-15T10:00:00Z, the clock's first value */

void fake_ctx_init(struct fake_ctx *fake, uint64_t seed);
void fake_ctx_done(struct fake_ctx *fake);
void fake_ctx_advance(struct fake_ctx *fake, int64_t ms);     /* both clocks */
void fake_ctx_set_now(struct fake_ctx *fake, int64_t now_ms); /* the wall clock only */

#endif
