/*
 * recall.c: a table of names with one place each.
 *
 * The place of a name is its hash; a name that wants a taken place has it. So the table needs no
 * order of use, no sweep and no limit but its size, and two names that fall together cost a read of
 * the database each time they alternate, which is seldom and harmless. The hash is keyed, so that
 * nobody outside can choose names that fall together.
 *
 * Threads: entries are counted and do not change, so the lock is held for a look and a count only.
 */
#include "connect/recall.h"

#include <pthread.h>
#include <sodium.h>

#include "vault/vault.h"

struct recall {
    const struct ctx *ctx;
    unsigned char key[crypto_shorthash_KEYBYTES];
    pthread_rwlock_t lock;
    _Atomic uint64_t turn; /* goes up with everything that is forgotten; changed under the lock */
    struct recalled *places[RECALL_PLACES];
};

static const char *const state_names[INSTALL_STATE_COUNT] = {
    [INSTALL_ENABLED] = "enabled",
    [INSTALL_DISABLED] = "disabled",
    [INSTALL_UNINSTALLED] = "uninstalled",
};

const char *install_state_name(enum install_state state)
{
    return state_names[state];
}

enum install_state install_state_read(struct str name)
{
    for (size_t i = 0; i < INSTALL_STATE_COUNT; i++)
        if (str_eq_z(name, state_names[i]))
            return (enum install_state)i;
    return INSTALL_UNINSTALLED;
}

struct recalled *recalled_new(enum recall_kind kind, struct str name)
{
    struct recalled *recalled = calloc(1, sizeof(*recalled));
    char *copy = str_dup_z(name);

    if (!recalled || !copy) {
        free(recalled);
        free(copy);
        return NULL;
    }
    atomic_init(&recalled->refs, 1);
    recalled->kind = kind;
    recalled->name = copy;
    recalled->secret = STRBUF_INIT(LIMIT_SECRET_BYTES);
    recalled->previous = STRBUF_INIT(LIMIT_SECRET_BYTES);
    return recalled;
}

void recalled_unref(struct recalled *recalled)
{
    if (!recalled || atomic_fetch_sub_explicit(&recalled->refs, 1, memory_order_acq_rel) != 1)
        return;
    vault_wipe(&recalled->secret);
    vault_wipe(&recalled->previous);
    free(recalled->base_url);
    free(recalled->origins);
    free(recalled->name);
    free(recalled);
}

struct recall *recall_new(const struct ctx *ctx)
{
    struct recall *recall = calloc(1, sizeof(*recall));

    if (!recall)
        return NULL;
    recall->ctx = ctx;
    ctx_random(ctx, recall->key, sizeof(recall->key));
    (void)pthread_rwlock_init(&recall->lock, NULL);
    return recall;
}

void recall_free(struct recall *recall)
{
    if (!recall)
        return;
    for (size_t i = 0; i < RECALL_PLACES; i++)
        recalled_unref(recall->places[i]);
    (void)pthread_rwlock_destroy(&recall->lock);
    free(recall);
}

static struct recalled **place_of(struct recall *recall, struct str name)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;

    (void)crypto_shorthash(hash, (const unsigned char *)name.ptr, name.len, recall->key);
    memcpy(&number, hash, sizeof(number));
    return &recall->places[number % RECALL_PLACES];
}

static bool is_it(const struct recalled *recalled, enum recall_kind kind, struct str name)
{
    return recalled && recalled->kind == kind && str_eq_z(name, recalled->name);
}

struct recalled *recall_find(struct recall *recall, enum recall_kind kind, struct str name)
{
    struct recalled **place = place_of(recall, name), *found = NULL;
    int64_t now_ms = ctx_mono_ms(recall->ctx);

    (void)pthread_rwlock_rdlock(&recall->lock);
    if (is_it(*place, kind, name) && now_ms - (*place)->read_mono_ms < RECALL_FRESH_MS) {
        found = *place;
        (void)atomic_fetch_add_explicit(&found->refs, 1, memory_order_relaxed);
    }
    (void)pthread_rwlock_unlock(&recall->lock);
    return found;
}

uint64_t recall_turn(const struct recall *recall)
{
    return atomic_load(&recall->turn);
}

void recall_put(struct recall *recall, struct recalled *recalled, uint64_t turn)
{
    struct recalled **place = place_of(recall, str_from(recalled->name)), *old = NULL;

    recalled->read_mono_ms = ctx_mono_ms(recall->ctx);
    (void)pthread_rwlock_wrlock(&recall->lock);
    if (turn == atomic_load(&recall->turn)) {
        (void)atomic_fetch_add_explicit(&recalled->refs, 1, memory_order_relaxed);
        old = *place;
        *place = recalled;
    }
    (void)pthread_rwlock_unlock(&recall->lock);
    recalled_unref(old);
}

void recall_forget(struct recall *recall, enum recall_kind kind, struct str name)
{
    struct recalled **place = place_of(recall, name), *old = NULL;

    (void)pthread_rwlock_wrlock(&recall->lock);
    (void)atomic_fetch_add(&recall->turn, 1);
    if (is_it(*place, kind, name))
        old = TAKE(*place);
    (void)pthread_rwlock_unlock(&recall->lock);
    recalled_unref(old);
}

void recall_forget_tenant(struct recall *recall, const char *tenant)
{
    for (size_t i = 0; i < RECALL_PLACES; i++) {
        struct recalled *old = NULL;

        (void)pthread_rwlock_wrlock(&recall->lock);
        (void)atomic_fetch_add(&recall->turn, 1);
        if (recall->places[i] && strcmp(recall->places[i]->tenant, tenant) == 0)
            old = TAKE(recall->places[i]);
        (void)pthread_rwlock_unlock(&recall->lock);
        recalled_unref(old);
    }
}
