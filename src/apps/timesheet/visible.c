/*
 * visible.c: what accounts may see, remembered for a minute.
 *
 * A set's time counts from its first answer, also for what is learned later: so nothing is ever
 * older than VISIBLE_MS, at the price of asking for the late ones a little too soon. An answer that
 * is newer than the set's but of the same issue wins.
 *
 * Threads: one mutex; what is done under it is copying some kilobytes.
 */
#include "apps/timesheet/visible.h"

#include <pthread.h>

struct set {
    struct set *next;
    char account[LIMIT_ACCOUNT_ID_BYTES + 1];
    uint64_t build;
    int64_t since_ms;
    uint64_t *known, *seen; /* one block: seen = known + words */
    size_t words;
};

struct visible {
    pthread_mutex_t mutex;
    struct set *sets; /* the youngest first */
    size_t count;
};

static void set_free(struct set *set)
{
    free(set->known);
    free(set);
}

struct visible *visible_new(void)
{
    struct visible *visible = calloc(1, sizeof(*visible));

    if (visible && pthread_mutex_init(&visible->mutex, NULL) != 0) {
        free(visible);
        visible = NULL;
    }
    return visible;
}

void visible_free(struct visible *visible)
{
    if (!visible)
        return;
    while (visible->sets) {
        struct set *set = visible->sets;

        visible->sets = set->next;
        set_free(set);
    }
    (void)pthread_mutex_destroy(&visible->mutex);
    free(visible);
}

size_t visible_bytes(struct visible *visible)
{
    size_t bytes = sizeof(*visible);

    (void)pthread_mutex_lock(&visible->mutex);
    for (const struct set *set = visible->sets; set; set = set->next)
        bytes += sizeof(*set) + 2 * set->words * sizeof(*set->known);
    (void)pthread_mutex_unlock(&visible->mutex);
    return bytes;
}

/* Lets go of what is too old, of another numbering, or one too many. */
static void tidy(struct visible *visible, uint64_t build, int64_t now_ms)
{
    struct set **at = &visible->sets;
    size_t kept = 0;

    while (*at) {
        struct set *set = *at;
        bool good = set->build == build && now_ms - set->since_ms < VISIBLE_MS &&
                    kept < VISIBLE_ACCOUNTS_MAX;

        if (good) {
            kept++;
            at = &set->next;
            continue;
        }
        *at = set->next;
        set_free(set);
    }
    visible->count = kept;
}

static struct set *find(struct visible *visible, struct str account)
{
    struct set *set = visible->sets;

    while (set && !str_eq_z(account, set->account))
        set = set->next;
    return set;
}

void visible_recall(struct visible *visible, struct str account, uint64_t build, int64_t now_ms,
                    struct visible_bits *bits)
{
    (void)pthread_mutex_lock(&visible->mutex);
    tidy(visible, build, now_ms);

    const struct set *set = find(visible, account);

    for (size_t i = 0; set && i < set->words && i < bits->words; i++) {
        bits->seen[i] |= set->seen[i] & ~bits->known[i]; /* what the caller knows is newer */
        bits->known[i] |= set->known[i];
    }
    (void)pthread_mutex_unlock(&visible->mutex);
}

/* The account's set with room for so many words; NULL: out of memory. */
static struct set *grow(struct visible *visible, struct str account, size_t words)
{
    struct set *set = find(visible, account);
    uint64_t *bits = NULL;

    if (set && set->words >= words)
        return set;
    bits = calloc(2 * words + 1, sizeof(*bits));
    if (!bits)
        return NULL;
    if (!set) {
        set = calloc(1, sizeof(*set));
        if (!set) {
            free(bits);
            return NULL;
        }
        (void)snprintf(set->account, sizeof(set->account), STR_FMT, STR_ARG(account));
        set->since_ms = INT64_MIN;
        set->next = visible->sets;
        visible->sets = set;
        visible->count++;
    }
    if (set->words > 0) {
        memcpy(bits, set->known, set->words * sizeof(*bits));
        memcpy(bits + words, set->seen, set->words * sizeof(*bits));
    }
    free(set->known);
    set->known = bits;
    set->seen = bits + words;
    set->words = words;
    return set;
}

void visible_learn(struct visible *visible, struct str account, uint64_t build, int64_t now_ms,
                   const struct visible_bits *bits)
{
    if (account.len > LIMIT_ACCOUNT_ID_BYTES)
        return;
    (void)pthread_mutex_lock(&visible->mutex);
    tidy(visible, build, now_ms);

    struct set *set = grow(visible, account, bits->words);

    if (set && set->since_ms == INT64_MIN) {
        set->since_ms = now_ms;
        set->build = build;
    }
    for (size_t i = 0; set && i < bits->words; i++) {
        set->seen[i] = (set->seen[i] & ~bits->known[i]) | bits->seen[i];
        set->known[i] |= bits->known[i];
    }
    tidy(visible, build, now_ms);
    (void)pthread_mutex_unlock(&visible->mutex);
}
