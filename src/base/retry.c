/* retry.c: the one schedule of retries. The caller owns clock, dice and count. */
#include "base/retry.h"

#include <assert.h>

enum err_class retry_next(const struct retry_policy *policy, uint32_t attempts_done,
                          int64_t retry_after_ms, uint64_t roll, int64_t *ret_wait_ms,
                          struct err *err)
{
    int64_t ceiling = policy->base_ms;

    assert(policy->base_ms >= 1);
    assert(policy->base_ms <= policy->cap_ms);
    assert(policy->cap_ms <= RETRY_WAIT_MAX_MS);
    assert(attempts_done >= 1);

    if (attempts_done >= policy->attempts_max)
        return err_set(err, ERR_LIMIT, "gave up after %u tries", attempts_done);

    /* At most 27 turns: the ceiling is 1 or more and the cap is under 2^27 ms. */
    for (uint32_t i = 1; i < attempts_done && ceiling < policy->cap_ms; i++)
        ceiling *= 2;
    if (ceiling > policy->cap_ms)
        ceiling = policy->cap_ms;

    int64_t wait = 1 + (int64_t)(roll % (uint64_t)ceiling);
    int64_t least = retry_after_ms < RETRY_WAIT_MAX_MS ? retry_after_ms : RETRY_WAIT_MAX_MS;

    *ret_wait_ms = wait > least ? wait : least;
    return ERR_OK;
}
