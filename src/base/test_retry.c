/* Tests of retry.c. */
#include "base/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct retry_policy policy = {.base_ms = 100, .cap_ms = 1000, .attempts_max = 5};

static void gives_up_and_leaves_the_result_alone(void **state)
{
    struct err err = {0};
    int64_t wait = -7;

    (void)state;
    assert_int_equal(retry_next(&policy, 5, 0, 0, &wait, &err), ERR_LIMIT);
    assert_int_equal(wait, -7);
    assert_string_equal(err.msg, "gave up after 5 tries");
    assert_int_equal(retry_next(&policy, UINT32_MAX, 0, 0, &wait, &err), ERR_LIMIT);
    assert_int_equal(wait, -7);
    assert_int_equal(retry_next(&policy, 4, 0, 0, &wait, &err), ERR_OK);
}

static void what_the_server_asks_is_a_floor_cut_to_a_day(void **state)
{
    struct err err = {0};
    int64_t wait = 0;

    (void)state;
    assert_int_equal(retry_next(&policy, 1, 5000, 0, &wait, &err), ERR_OK);
    assert_int_equal(wait, 5000);
    assert_int_equal(retry_next(&policy, 1, 1, 99, &wait, &err), ERR_OK);
    assert_int_equal(wait, 100); /* our own wait is longer */
    assert_int_equal(retry_next(&policy, 1, INT64_MAX, 0, &wait, &err), ERR_OK);
    assert_int_equal(wait, RETRY_WAIT_MAX_MS);
}

static void the_ceiling_doubles_up_to_the_cap(void **state)
{
    static const int64_t ceilings[] = {100, 200, 400, 800};
    static const struct retry_policy wide = {
        .base_ms = 1, .cap_ms = RETRY_WAIT_MAX_MS, .attempts_max = UINT32_MAX};
    struct err err = {0};
    int64_t wait = 0;

    (void)state;
    for (uint32_t tries = 1; tries <= 4; tries++) {
        uint64_t least = 0, most = (uint64_t)ceilings[tries - 1] - 1;

        assert_int_equal(retry_next(&policy, tries, 0, least, &wait, &err), ERR_OK);
        assert_int_equal(wait, 1);
        assert_int_equal(retry_next(&policy, tries, 0, most, &wait, &err), ERR_OK);
        assert_int_equal(wait, ceilings[tries - 1]);
        assert_int_equal(retry_next(&policy, tries, 0, most + 1, &wait, &err), ERR_OK);
        assert_int_equal(wait, 1);
    }
    assert_int_equal(retry_next(&wide, 28, 0, (uint64_t)RETRY_WAIT_MAX_MS - 1, &wait, &err),
                     ERR_OK);
    assert_int_equal(wait, RETRY_WAIT_MAX_MS);
    assert_int_equal(retry_next(&wide, UINT32_MAX - 1, 0, UINT64_MAX, &wait, &err), ERR_OK);
    assert_in_range(wait, 1, RETRY_WAIT_MAX_MS);
}

/* Evenly: over many rolls each tenth of the range gets about a tenth. */
static void any_roll_stays_under_the_ceiling_and_all_of_it_is_used(void **state)
{
    struct err err = {0};
    uint64_t roll = 1;
    unsigned tenths[10] = {0};

    (void)state;
    for (uint32_t n = 0; n < 40000; n++) {
        int64_t ceiling = (const int64_t[]){100, 200, 400, 800}[n % 4], wait = 0;

        roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        assert_int_equal(retry_next(&policy, 1 + n % 4, 0, roll >> 11, &wait, &err), ERR_OK);
        assert_in_range(wait, 1, ceiling);
        tenths[(wait - 1) * 10 / ceiling]++;
    }
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(tenths[i], 3600, 4400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_and_leaves_the_result_alone),
        cmocka_unit_test(what_the_server_asks_is_a_floor_cut_to_a_day),
        cmocka_unit_test(the_ceiling_doubles_up_to_the_cap),
        cmocka_unit_test(any_roll_stays_under_the_ceiling_and_all_of_it_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
