/* Tests of real.c: the real clock and dice, and the wish to stop. */
#include "base/ctx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "base/disk.h"

static void the_clocks_are_those_of_the_machine(void **state)
{
    struct ctx ctx = ctx_real(NULL);
    int64_t mono = ctx_mono_ms(&ctx);
    int64_t now = ctx_now_ms(&ctx), seconds = (int64_t)time(NULL);

    (void)state;
    assert_in_range(now / 1000, seconds - 60, seconds + 60);
    for (int i = 0; i < 1000; i++) {
        int64_t later = ctx_mono_ms(&ctx);

        assert_true(later >= mono);
        mono = later;
    }
    assert_ptr_equal(ctx.disk, &disk_real);
    assert_null(ctx.log);
    assert_null(ctx.net);
}

static void a_sleep_ends_at_once_when_asked_to_stop(void **state)
{
    volatile sig_atomic_t stop = 1;
    struct ctx ctx = ctx_real(&stop);
    int64_t from = ctx_mono_ms(&ctx);

    (void)state;
    ctx_sleep_ms(&ctx, INT64_C(3600000));
    ctx.stop = NULL;
    ctx_sleep_ms(&ctx, 0);
    ctx_sleep_ms(&ctx, -5);
    assert_true(ctx_mono_ms(&ctx) - from < 10000);

    /* And no earlier than asked when nobody asks. */
    from = ctx_mono_ms(&ctx);
    ctx_sleep_ms(&ctx, 2);
    assert_true(ctx_mono_ms(&ctx) - from >= 2);
}

static void the_wish_to_stop_is_an_error_of_its_own(void **state)
{
    volatile sig_atomic_t stop = 0;
    struct ctx ctx = ctx_real(&stop);
    struct err err = {0};

    (void)state;
    assert_int_equal(ctx_check(&ctx, &err), ERR_OK);
    assert_false(ctx_stopped(&ctx));
    stop = 1;
    assert_int_equal(ctx_check(&ctx, &err), ERR_CANCELLED);
    assert_string_equal(err.msg, "stopped on request; run it again to go on");
    ctx.stop = NULL;
    assert_int_equal(ctx_check(&ctx, &err), ERR_OK);
}

static void dice_fill_all_bytes_and_do_not_repeat(void **state)
{
    struct ctx ctx = ctx_real(NULL);
    unsigned char bytes[4096];
    unsigned seen[256] = {0};
    size_t kinds = 0;

    (void)state;
    memset(bytes, 0, sizeof(bytes));
    ctx_random(&ctx, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        kinds += seen[bytes[i]]++ == 0;
    assert_true(kinds > 200); /* of 256: less has a chance under 1 in 10^9 */
    assert_true(ctx_random_u64(&ctx) != ctx_random_u64(&ctx));
    ctx_random(&ctx, bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clocks_are_those_of_the_machine),
        cmocka_unit_test(a_sleep_ends_at_once_when_asked_to_stop),
        cmocka_unit_test(the_wish_to_stop_is_an_error_of_its_own),
        cmocka_unit_test(dice_fill_all_bytes_and_do_not_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
