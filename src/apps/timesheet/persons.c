/* persons.c: a fixed table of slots, one per hash; a later account takes the slot of an earlier. */
#include "apps/timesheet/persons.h"

#include <sodium.h>

#define SLOTS 16384 /* a power of two */

struct slot {
    char *account; /* NULL: free */
    size_t len;
    int64_t ref;
};

struct person_cache {
    unsigned char
        key[crypto_shorthash_KEYBYTES]; /* accounts come from outside: no chosen collisions */
    struct slot slots[SLOTS];
};

struct person_cache *person_cache_new(const struct ctx *ctx)
{
    struct person_cache *cache = calloc(1, sizeof(*cache));

    if (cache)
        ctx_random(ctx, cache->key, sizeof(cache->key));
    return cache;
}

void person_cache_clear(struct person_cache *cache)
{
    for (size_t i = 0; i < SLOTS; i++) {
        free(cache->slots[i].account);
        cache->slots[i] = (struct slot){0};
    }
}

void person_cache_free(struct person_cache *cache)
{
    if (!cache)
        return;
    person_cache_clear(cache);
    free(cache);
}

static size_t slot_of(const struct person_cache *cache, struct str account)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t value = 0;

    (void)crypto_shorthash(hash, (const unsigned char *)account.ptr, account.len,
                           cache->key); /* always 0 */
    memcpy(&value, hash, sizeof(value));
    return (size_t)(value & (SLOTS - 1));
}

bool person_cache_get(const struct person_cache *cache, struct str account, int64_t *ret)
{
    const struct slot *slot = &cache->slots[slot_of(cache, account)];

    if (!slot->account || !str_eq(account, (struct str){slot->account, slot->len}))
        return false;
    *ret = slot->ref;
    return true;
}

void person_cache_put(struct person_cache *cache, struct str account, int64_t ref)
{
    struct slot *slot = &cache->slots[slot_of(cache, account)];
    char *copy = str_dup_z(account);

    if (!copy)
        return;
    free(slot->account);
    *slot = (struct slot){copy, account.len, ref};
}
