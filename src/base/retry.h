#ifndef BASE_RETRY_H
#define BASE_RETRY_H
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/* When to try a failed thing again: exponential backoff with full jitter. A plain value. */
struct retry_policy {
    int64_t base_ms;       /* ceiling of the first wait; 1..cap_ms */
    int64_t cap_ms;        /* ceiling of every wait; at most RETRY_WAIT_MAX_MS */
    uint32_t attempts_max; /* tries in all, the first included; >= 1 */
};

#define RETRY_WAIT_MAX_MS (INT64_C(24) * 60 * 60 * 1000)

/*
 * The wait before the next try, drawn evenly from 1..ceiling, where the ceiling doubles with each
 * failure; never less than what the remote asked for.
 *   attempts_done   tries made so far, >= 1
 *   retry_after_ms  what the remote asked for, 0 if nothing; cut to a day
 *   roll            64 random bits; equal rolls give equal answers
 * ERR_LIMIT: no tries left; *ret_wait_ms is untouched. Reads no clock, allocates nothing.
 */
MUST_USE enum err_class retry_next(const struct retry_policy *policy, uint32_t attempts_done,
                                   int64_t retry_after_ms, uint64_t roll, int64_t *ret_wait_ms,
                                   struct err *err);

#endif
