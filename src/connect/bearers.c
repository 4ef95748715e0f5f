/*
 * bearers.c: tokens by name, one fetch at a time for each.
 *
 * A slot is empty, being fetched, or holds a token. Who finds the slot being fetched waits for its
 * end on the one condition; who finds it empty, or its token too near its end, marks it, lets the
 * lock go and fetches. A failed fetch is told to those who waited and then forgotten, so that the
 * next request tries again.
 */
#include "connect/bearers.h"

#include <pthread.h>

#include "base/limits.h"
#include "vault/vault.h"

struct bearer {
    char *name; /* NULL: free */
    struct strbuf token;
    int64_t until_ms; /* mono */
    bool fetching;
    bool forgotten;   /* while it was being fetched */
    unsigned waiting; /* for the fetch under way, or its error */
    uint64_t turn;    /* goes up with each end of a fetch */
    struct err failure;
};

struct bearers {
    const struct ctx *ctx;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct bearer all[BEARERS_MAX];
};

struct bearers *bearers_new(const struct ctx *ctx)
{
    struct bearers *bearers = calloc(1, sizeof(*bearers));

    if (!bearers)
        return NULL;
    bearers->ctx = ctx;
    (void)pthread_mutex_init(&bearers->lock, NULL);
    (void)pthread_cond_init(&bearers->changed, NULL);
    return bearers;
}

static void clear(struct bearer *bearer)
{
    vault_wipe(&bearer->token);
    free(bearer->name);
    *bearer = (struct bearer){.turn = bearer->turn};
}

void bearers_free(struct bearers *bearers)
{
    if (!bearers)
        return;
    for (size_t i = 0; i < BEARERS_MAX; i++)
        clear(&bearers->all[i]);
    (void)pthread_cond_destroy(&bearers->changed);
    (void)pthread_mutex_destroy(&bearers->lock);
    free(bearers);
}

static bool is_in_use(const struct bearer *bearer)
{
    return bearer->fetching || bearer->waiting > 0;
}

/* The slot of that name; else a free one; else the one that ends first. NULL: all are in use. */
static struct bearer *slot_for(struct bearers *bearers, const char *name)
{
    struct bearer *best = NULL;

    for (size_t i = 0; i < BEARERS_MAX; i++) {
        struct bearer *bearer = &bearers->all[i];

        if (bearer->name && strcmp(bearer->name, name) == 0)
            return bearer;
        if (is_in_use(bearer))
            continue;
        if (!best || (best->name && (!bearer->name || bearer->until_ms < best->until_ms)))
            best = bearer;
    }
    if (!best)
        return NULL;
    clear(best);
    best->name = str_dup_z(str_from(name));
    return best->name ? best : NULL;
}

static bool is_fresh(const struct bearers *bearers, const struct bearer *bearer)
{
    return bearer->token.len > 0 && bearer->until_ms - ctx_mono_ms(bearers->ctx) > BEARERS_EARLY_MS;
}

/* Called and left with the lock held; without it in between. */
static enum err_class fetch_into(struct bearers *bearers, struct bearer *bearer,
                                 bearers_fetch *fetch, void *arg, struct strbuf *ret,
                                 struct err *err)
{
    struct strbuf token = STRBUF_INIT(LIMIT_SECRET_BYTES);
    int64_t lives_ms = 0, from_ms = ctx_mono_ms(bearers->ctx);

    bearer->fetching = true;
    (void)pthread_mutex_unlock(&bearers->lock);

    enum err_class rc = fetch(arg, &token, &lives_ms, err);

    if (rc == ERR_OK)
        rc = strbuf_check(&token, "a token", err);
    if (rc == ERR_OK)
        strbuf_add_str(ret, strbuf_str(&token));
    (void)pthread_mutex_lock(&bearers->lock);
    bearer->fetching = false;
    bearer->turn++;
    bearer->failure = rc == ERR_OK ? (struct err){0} : *err;
    vault_wipe(&bearer->token);
    if (rc == ERR_OK && !bearer->forgotten) {
        bearer->token = token;
        bearer->until_ms = from_ms + lives_ms;
        token = STRBUF_INIT(LIMIT_SECRET_BYTES);
    }
    bearer->forgotten = false;
    vault_wipe(&token);
    (void)pthread_cond_broadcast(&bearers->changed);
    return rc;
}

/* Waits for the fetch under way; its token, or its error. */
static enum err_class wait_for(struct bearers *bearers, struct bearer *bearer, struct strbuf *ret,
                               struct err *err)
{
    uint64_t turn = bearer->turn;
    enum err_class rc;

    bearer->waiting++;
    /* Ends: every fetch has its time limit, and raises the turn when it ends. */
    while (bearer->turn == turn)
        (void)pthread_cond_wait(&bearers->changed, &bearers->lock);
    bearer->waiting--;
    rc = bearer->failure.class;
    if (rc != ERR_OK)
        *err = bearer->failure;
    else if (bearer->token.len > 0)
        strbuf_add_str(ret, strbuf_str(&bearer->token));
    else
        rc = err_set(err, ERR_BUSY, "the connection to Jira has just changed; try again");
    return rc;
}

enum err_class bearers_get(struct bearers *bearers, const char *name, bearers_fetch *fetch,
                           void *arg, struct strbuf *ret, struct err *err)
{
    enum err_class rc = ERR_OK;

    (void)pthread_mutex_lock(&bearers->lock);

    struct bearer *bearer = slot_for(bearers, name);

    if (!bearer)
        rc = err_memory(err);
    else if (bearer->fetching)
        rc = wait_for(bearers, bearer, ret, err);
    else if (is_fresh(bearers, bearer))
        strbuf_add_str(ret, strbuf_str(&bearer->token));
    else
        rc = fetch_into(bearers, bearer, fetch, arg, ret, err);
    (void)pthread_mutex_unlock(&bearers->lock);
    return rc == ERR_OK ? strbuf_check(ret, "a token", err) : rc;
}

void bearers_forget(struct bearers *bearers, const char *prefix)
{
    struct str start = str_from(prefix);

    (void)pthread_mutex_lock(&bearers->lock);
    for (size_t i = 0; i < BEARERS_MAX; i++) {
        struct bearer *bearer = &bearers->all[i];

        if (!bearer->name || !str_starts(str_from(bearer->name), start))
            continue;
        if (bearer->fetching)
            bearer->forgotten = true;
        if (is_in_use(bearer))
            vault_wipe(&bearer->token);
        else
            clear(bearer);
    }
    (void)pthread_mutex_unlock(&bearers->lock);
}
