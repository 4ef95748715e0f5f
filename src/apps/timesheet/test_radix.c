/* Tests of radix.c, against qsort. */
#include "apps/timesheet/radix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_MAX 5000

static uint64_t roll(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 20 | *seed << 44;
}

static int by_key_and_place(const void *a, const void *b)
{
    const struct radix_item *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Keys of many kinds: few bits, all bits, one bit, all the same, sorted, falling. */
static uint64_t key_of_kind(unsigned kind, uint64_t i, uint64_t *seed)
{
    switch (kind) {
    case 0:
        return roll(seed);
    case 1:
        return roll(seed) % 10;
    case 2:
        return roll(seed) % 2 << 63;
    case 3:
        return 42;
    case 4:
        return i * 3;
    case 5:
        return UINT64_MAX - i;
    case 6:
        return (roll(seed) & 0xfff) << 30 | UINT64_C(0xabc) << 50;
    default:
        return radix_key_i64((int64_t)(roll(seed) % 2001) - 1000);
    }
}

static void sorts_like_qsort_and_keeps_equal_keys_in_place(void **state)
{
    static const size_t counts[] = {0, 1, 2, 3, 100, COUNT_MAX};
    static struct radix_item items[COUNT_MAX], scratch[COUNT_MAX], expected[COUNT_MAX];
    uint64_t seed = 1;

    (void)state;
    for (unsigned kind = 0; kind < 8; kind++)
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            size_t n = counts[c];

            for (uint32_t i = 0; i < n; i++)
                expected[i] = items[i] = (struct radix_item){key_of_kind(kind, i, &seed), i};
            qsort(expected, n, sizeof(expected[0]), by_key_and_place);

            const struct radix_item *sorted = radix_sort(items, scratch, n);

            assert_true(sorted == items || sorted == scratch);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(sorted[i].key, expected[i].key);
                assert_int_equal(sorted[i].at, expected[i].at);
            }
        }
}

static void selects_what_sorting_would_put_there(void **state)
{
    static struct radix_item expected[COUNT_MAX];
    static uint64_t keys[COUNT_MAX];
    static const size_t counts[] = {1, 2, 7, 1000, COUNT_MAX};
    uint64_t seed = 7;

    (void)state;
    for (unsigned kind = 0; kind < 8; kind++)
        for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
            size_t n = counts[c];

            for (uint32_t i = 0; i < n; i++) {
                keys[i] = key_of_kind(kind, i, &seed);
                expected[i] = (struct radix_item){keys[i], i};
            }
            qsort(expected, n, sizeof(expected[0]), by_key_and_place);
            for (size_t turn = 0; turn < 20; turn++) {
                size_t nth = turn == 0 ? 0 : turn == 1 ? n - 1 : roll(&seed) % n;

                assert_int_equal(radix_select(keys, n, nth), expected[nth].key);
            }
        }
}

static void signed_numbers_keep_their_order_as_keys(void **state)
{
    (void)state;
    assert_true(radix_key_i64(INT64_MIN) < radix_key_i64(-1));
    assert_true(radix_key_i64(-1) < radix_key_i64(0));
    assert_true(radix_key_i64(0) < radix_key_i64(INT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_like_qsort_and_keeps_equal_keys_in_place),
        cmocka_unit_test(selects_what_sorting_would_put_there),
        cmocka_unit_test(signed_numbers_keep_their_order_as_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
