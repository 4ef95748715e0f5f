#ifndef APPS_TIMESHEET_VISIBLE_H
#define APPS_TIMESHEET_VISIBLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"
#include "base/str.h"

/*
 * What Jira said lately of which issues an account may browse: in memory, a bit an issue code, for
 * VISIBLE_MS and no longer. It is never stored and never believed beyond its time; what it does not
 * know is asked again. Thread-safe; no call waits.
 */
#define VISIBLE_MS 60000        /* from the first answer of a set */
#define VISIBLE_ACCOUNTS_MAX 64 /* sets kept; the oldest gives way */

struct visible;

struct visible *visible_new(void); /* NULL when out of memory */
void visible_free(struct visible *visible);
size_t visible_bytes(struct visible *visible);

/* Bits by issue code; both the caller's. */
struct visible_bits {
    uint64_t *known; /* Jira was asked */
    uint64_t *seen;  /* and lets the account browse it; never without `known` */
    size_t words;
};

/*
 * Adds what is still good to `bits`.
 *   build  which numbering the codes are of; a set of another one is as none
 */
void visible_recall(struct visible *visible, struct str account, uint64_t build, int64_t now_ms,
                    struct visible_bits *bits);
/* Keeps what Jira just said, as far as there is memory for it. */
void visible_learn(struct visible *visible, struct str account, uint64_t build, int64_t now_ms,
                   const struct visible_bits *bits);

#endif
