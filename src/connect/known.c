/*
 * known.c: a small cache of proven credentials.
 *
 * A table of sets of four places each; the digest says which set. No lists, no memory that grows,
 * and a look-up touches one cache line or two. A withdrawal raises `turn`, so that an answer of the
 * database that was asked for before it cannot bring the credential back.
 */
#include "connect/known.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define SETS 512 /* a power of two */
#define WAYS 4

struct place {
    bool used;
    unsigned char digest[SECRET_DIGEST_BYTES];
    int64_t proved_mono_ms, used_mono_ms;
    struct known_entry entry;
};

struct known {
    pthread_mutex_t lock;
    uint64_t turn;
    struct place places[SETS][WAYS];
};

struct known *known_new(void)
{
    struct known *known = calloc(1, sizeof(*known));

    if (known)
        (void)pthread_mutex_init(&known->lock, NULL); /* cannot fail with default attributes */
    return known;
}

void known_free(struct known *known)
{
    if (!known)
        return;
    (void)pthread_mutex_destroy(&known->lock);
    sodium_memzero(known, sizeof(*known));
    free(known);
}

static struct place *set_of(struct known *known, const unsigned char *digest)
{
    return known->places[(digest[0] | digest[1] << 8) & (SETS - 1)];
}

static struct place *find(struct known *known, const unsigned char *digest)
{
    struct place *set = set_of(known, digest);

    for (size_t i = 0; i < WAYS; i++)
        if (set[i].used && sodium_memcmp(set[i].digest, digest, SECRET_DIGEST_BYTES) == 0)
            return &set[i];
    return NULL;
}

bool known_find(struct known *known, const struct ctx *ctx,
                const unsigned char digest[SECRET_DIGEST_BYTES], struct known_entry *ret)
{
    int64_t now = ctx_now_ms(ctx), mono = ctx_mono_ms(ctx);

    (void)pthread_mutex_lock(&known->lock);

    struct place *place = find(known, digest);
    bool found = place && mono - place->proved_mono_ms < KNOWN_MS;

    if (found) {
        *ret = place->entry;
        place->used_mono_ms = mono;
        if (now > place->entry.seen_ms)
            place->entry.seen_ms = now;
    }
    (void)pthread_mutex_unlock(&known->lock);
    return found;
}

uint64_t known_turn(struct known *known)
{
    (void)pthread_mutex_lock(&known->lock);
    uint64_t turn = known->turn;
    (void)pthread_mutex_unlock(&known->lock);
    return turn;
}

void known_keep(struct known *known, const struct ctx *ctx, uint64_t turn,
                const unsigned char digest[SECRET_DIGEST_BYTES], const struct known_entry *entry)
{
    int64_t mono = ctx_mono_ms(ctx);

    (void)pthread_mutex_lock(&known->lock);
    if (turn == known->turn) {
        struct place *place = find(known, digest), *set = set_of(known, digest);

        for (size_t i = 0; i < WAYS && !place; i++)
            if (!set[i].used)
                place = &set[i];
        if (!place) {
            place = &set[0];
            for (size_t i = 1; i < WAYS; i++)
                if (set[i].used_mono_ms < place->used_mono_ms)
                    place = &set[i];
        }
        *place = (struct place){
            .used = true, .proved_mono_ms = mono, .used_mono_ms = mono, .entry = *entry};
        memcpy(place->digest, digest, SECRET_DIGEST_BYTES);
    }
    (void)pthread_mutex_unlock(&known->lock);
}

void known_forget(struct known *known, const unsigned char digest[SECRET_DIGEST_BYTES])
{
    (void)pthread_mutex_lock(&known->lock);

    struct place *place = find(known, digest);

    known->turn++;
    if (place)
        sodium_memzero(place, sizeof(*place));
    (void)pthread_mutex_unlock(&known->lock);
}

void known_forget_all(struct known *known, const char *tenant, const char *account, int64_t row)
{
    (void)pthread_mutex_lock(&known->lock);
    known->turn++;
    for (size_t i = 0; i < (size_t)SETS * WAYS; i++) {
        struct place *place = &known->places[i / WAYS][i % WAYS];
        const struct known_entry *entry = &place->entry;

        if (place->used && strcmp(entry->who.tenant, tenant) == 0 &&
            (!account || strcmp(entry->who.account, account) == 0) && (!row || entry->row == row))
            sodium_memzero(place, sizeof(*place));
    }
    (void)pthread_mutex_unlock(&known->lock);
}

static int by_tenant(const void *a, const void *b)
{
    return strcmp(((const struct known_use *)a)->tenant, ((const struct known_use *)b)->tenant);
}

size_t known_take_uses(struct known *known, int64_t step_ms, struct known_use *ret, size_t max)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&known->lock);
    for (size_t i = 0; i < (size_t)SETS * WAYS && count < max; i++) {
        struct place *place = &known->places[i / WAYS][i % WAYS];
        struct known_entry *entry = &place->entry;

        if (!place->used || entry->seen_ms - entry->stored_ms < step_ms)
            continue;
        ret[count] = (struct known_use){.row = entry->row, .seen_ms = entry->seen_ms};
        memcpy(ret[count].tenant, entry->who.tenant, sizeof(ret[count].tenant));
        memcpy(ret[count].digest, place->digest, SECRET_DIGEST_BYTES);
        entry->stored_ms = entry->seen_ms;
        count++;
    }
    (void)pthread_mutex_unlock(&known->lock);
    qsort(ret, count, sizeof(*ret), by_tenant);
    return count;
}
