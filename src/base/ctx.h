#ifndef BASE_CTX_H
#define BASE_CTX_H
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/*
 * The world outside the logic: clock, randomness, disk, network, log, and the wish to stop. Every
 * function that needs one of them takes a `struct ctx *` first. The real ones are in base/real.c; a
 * test hands in its own and can replay a whole day from a seed. Plain value, all members borrowed.
 */
struct clock_ops {
    int64_t (*now_ms)(void *self);  /* UTC wall clock, ms since 1970 */
    int64_t (*mono_ms)(void *self); /* never goes back; its zero means nothing */
    /* Returns early when *stop becomes non-zero. */
    void (*sleep_ms)(void *self, int64_t ms, const volatile sig_atomic_t *stop);
};

struct dice_ops {
    void (*fill)(void *self, void *bytes, size_t len); /* cryptographic, outside of replays */
};

struct disk_ops; /* base/disk.h */
struct net_ops;  /* http/net.h */
struct log;      /* base/log.h */

struct ctx {
    const struct clock_ops *clock;
    void *clock_self;
    const struct dice_ops *dice;
    void *dice_self;
    const struct disk_ops *disk;
    void *disk_self;
    const struct net_ops *net;
    void *net_self;
    struct log *log;                   /* NULL: silence */
    const volatile sig_atomic_t *stop; /* non-zero: finish what is half done, then return */
};

static inline int64_t ctx_now_ms(const struct ctx *ctx)
{
    return ctx->clock->now_ms(ctx->clock_self);
}

static inline int64_t ctx_mono_ms(const struct ctx *ctx)
{
    return ctx->clock->mono_ms(ctx->clock_self);
}

static inline void ctx_sleep_ms(const struct ctx *ctx, int64_t ms)
{
    ctx->clock->sleep_ms(ctx->clock_self, ms, ctx->stop);
}

static inline void ctx_random(const struct ctx *ctx, void *bytes, size_t len)
{
    ctx->dice->fill(ctx->dice_self, bytes, len);
}

uint64_t ctx_random_u64(const struct ctx *ctx);

static inline bool ctx_stopped(const struct ctx *ctx)
{
    return ctx->stop && __atomic_load_n(ctx->stop, __ATOMIC_RELAXED);
}

/* ERR_CANCELLED when the wish to stop is there. */
MUST_USE enum err_class ctx_check(const struct ctx *ctx, struct err *err);

/* The real clock, the kernel's randomness, the real disk; no network, no log. */
struct ctx ctx_real(const volatile sig_atomic_t *stop);

#endif
