/* real.c: the real clock and the kernel's randomness behind base/ctx.h. */
#include "base/ctx.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "base/disk.h"

/* How long a stop request may go unseen while sleeping. */
#define SLEEP_STEP_MS 50

static int64_t read_clock_ms(clockid_t id)
{
    struct timespec ts = {0};

    (void)clock_gettime(id, &ts); /* cannot fail for these two clocks */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t real_now_ms(void *self)
{
    (void)self;
    return read_clock_ms(CLOCK_REALTIME);
}

static int64_t real_mono_ms(void *self)
{
    (void)self;
    return read_clock_ms(CLOCK_MONOTONIC);
}

static void real_sleep_ms(void *self, int64_t ms, const volatile sig_atomic_t *stop)
{
    int64_t until = real_mono_ms(self) + ms;

    for (int64_t left = ms; left > 0 && !(stop && *stop); left = until - real_mono_ms(self)) {
        int64_t step = left < SLEEP_STEP_MS ? left : SLEEP_STEP_MS;
        struct timespec ts = {.tv_sec = 0, .tv_nsec = step * 1000000};

        (void)nanosleep(&ts, NULL); /* woken early: the loop looks again */
    }
}

static void real_fill(void *self, void *bytes, size_t len)
{
    unsigned char *at = bytes;

    (void)self;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort(); /* without randomness nothing here is safe */
        at += got;
        len -= (size_t)got;
    }
}

static const struct clock_ops real_clock = {real_now_ms, real_mono_ms, real_sleep_ms};
static const struct dice_ops real_dice = {real_fill};

struct ctx ctx_real(const volatile sig_atomic_t *stop)
{
    return (struct ctx){.clock = &real_clock, .dice = &real_dice, .disk = &disk_real, .stop = stop};
}

uint64_t ctx_random_u64(const struct ctx *ctx)
{
    uint64_t value = 0;

    ctx_random(ctx, &value, sizeof(value));
    return value;
}

enum err_class ctx_check(const struct ctx *ctx, struct err *err)
{
    if (ctx_stopped(ctx))
        return err_set(err, ERR_CANCELLED, "stopped on request; run it again to go on");
    return ERR_OK;
}
