#ifndef APPS_TIMESHEET_RADIX_H
#define APPS_TIMESHEET_RADIX_H
#include <stddef.h>
#include <stdint.h>

/*
 * Sorting and selecting by 64-bit keys in linear time, for the report columns. A key is any order
 * that was put into an unsigned number; `at` is what it stands for, mostly a position.
 */
struct radix_item {
    uint64_t key;
    uint32_t at;
};

/* The unsigned number that sorts as the signed one does. */
static inline uint64_t radix_key_i64(int64_t n)
{
    return (uint64_t)n ^ (UINT64_C(1) << 63);
}

/*
 * Sorts `count` items by key, ascending; equal keys keep their order. `scratch` has room for as
 * many and is overwritten. Returns where the result is: `items` or `scratch`. Never allocates.
 */
struct radix_item *radix_sort(struct radix_item *items, struct radix_item *scratch, size_t count);

/*
 * The key that would stand at place `nth` (0 is the least) if `keys` were sorted; nth < count.
 * Changes nothing, allocates nothing; at most 6 passes over the keys.
 */
uint64_t radix_select(const uint64_t *keys, size_t count, size_t nth);

#endif
