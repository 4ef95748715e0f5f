/* fake_ctx.c: a clock and dice that a test rules. */
#include "fake_ctx.h"

#include "base/disk.h"

static int64_t fake_now_ms(void *self)
{
    struct fake_ctx *fake = self;

    (void)pthread_mutex_lock(&fake->lock);
    int64_t now = fake->now_ms;
    (void)pthread_mutex_unlock(&fake->lock);
    return now;
}

static int64_t fake_mono_ms(void *self)
{
    struct fake_ctx *fake = self;

    (void)pthread_mutex_lock(&fake->lock);
    int64_t mono = fake->mono_ms;
    (void)pthread_mutex_unlock(&fake->lock);
    return mono;
}

static void fake_sleep_ms(void *self, int64_t ms, const volatile sig_atomic_t *stop)
{
    struct fake_ctx *fake = self;

    if (ms <= 0 || (stop && *stop))
        return;
    (void)pthread_mutex_lock(&fake->lock);
    fake->sleeps++;
    if (fake->stop_at_sleep == fake->sleeps) {
        fake->stop = 1;
        ms /= 2;
    }
    fake->now_ms += ms;
    fake->mono_ms += ms;
    fake->slept_ms += ms;
    fake->last_sleep_ms = ms;
    (void)pthread_mutex_unlock(&fake->lock);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void fake_fill(void *self, void *bytes, size_t len)
{
    struct fake_ctx *fake = self;
    unsigned char *at = bytes;

    (void)pthread_mutex_lock(&fake->lock);
    while (len > 0) {
        uint64_t value = next(&fake->dice);
        size_t step = len < sizeof(value) ? len : sizeof(value);

        memcpy(at, &value, step);
        at += step;
        len -= step;
    }
    (void)pthread_mutex_unlock(&fake->lock);
}

static const struct clock_ops fake_clock = {fake_now_ms, fake_mono_ms, fake_sleep_ms};
static const struct dice_ops fake_dice = {fake_fill};

void fake_ctx_init(struct fake_ctx *fake, uint64_t seed)
{
    *fake = (struct fake_ctx){.now_ms = FAKE_NOW_MS, .mono_ms = 1000000, .dice = seed};
    (void)pthread_mutex_init(&fake->lock, NULL);
    fake->ctx = (struct ctx){.clock = &fake_clock,
                             .clock_self = fake,
                             .dice = &fake_dice,
                             .dice_self = fake,
                             .disk = &disk_real,
                             .stop = &fake->stop};
}

void fake_ctx_done(struct fake_ctx *fake)
{
    (void)pthread_mutex_destroy(&fake->lock);
}

void fake_ctx_advance(struct fake_ctx *fake, int64_t ms)
{
    (void)pthread_mutex_lock(&fake->lock);
    fake->now_ms += ms;
    fake->mono_ms += ms;
    (void)pthread_mutex_unlock(&fake->lock);
}

void fake_ctx_set_now(struct fake_ctx *fake, int64_t now_ms)
{
    (void)pthread_mutex_lock(&fake->lock);
    fake->now_ms = now_ms;
    (void)pthread_mutex_unlock(&fake->lock);
}
