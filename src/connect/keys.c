/*
 * keys.c: keys of others, kept for a while.
 *
 * What is known stands in one small struct under one mutex: the keys, and what was asked for in
 * vain. The fetch itself is made without the mutex by whoever needs it, with `fetching` set so that
 * the others wait for its end instead of making their own.
 *
 *   JWKS  one document holds all keys; fetched anew it replaces them all, so a key that was taken
 *         out is gone. After a fetch, whatever came of it, there is none for a while.
 *   PEM   each id has its own life: a 4xx takes it out, and is remembered with the id; so is a
 *         fetch that failed, for a shorter time. A bad answer for one id does not hold the others.
 *
 * A fetch that fails changes nothing but the time of the next one: keys stay believed, up to
 * KEYS_STALE_MS after they were last seen. Messages name the host of the key server, never the kid.
 *
 * Threads: any. Under the mutex there is only copying; the network, parsing and freeing are done
 * outside. A waiting thread waits as long as the fetching one, whose exchanges have time limits.
 */
#include "connect/keys.h"

#include <pthread.h>

#include "connect/keys_fetch.h"

/* Asked for in vain: not asked again before. */
struct vain {
    char kid[KEYS_KID_BYTES_MAX + 1]; /* "": a free place, or (JWKS) the document */
    int64_t until_ms;                 /* mono */
    bool failed;                      /* could not be fetched; else it is not there */
};

struct key_source {
    struct key_server server; /* never changed */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t fetched;
    bool fetching;
    unsigned waiting;                /* threads */
    int64_t full_ms;                 /* mono: when the burst of PEMs is whole again */
    struct key_set set;              /* owned references */
    struct vain vain[KEYS_VAIN_MAX]; /* JWKS: the first alone */
    size_t vain_next;                /* the place that is used next: the oldest */
};

/* ---- Making ---- */

enum err_class key_source_new(const struct key_source_options *options, struct key_source **ret,
                              struct err *err)
{
    AUTO(key_source_free_autop) struct key_source *source = calloc(1, sizeof(*source));
    enum err_class class;

    if (!source)
        return err_memory(err);
    source->full_ms = INT64_MIN;
    (void)pthread_mutex_init(&source->lock, NULL); /* cannot fail with default attributes */
    (void)pthread_cond_init(&source->fetched, NULL);
    class = key_server_init(&source->server, options, err);
    if (class == ERR_OK)
        *ret = TAKE(source);
    return class;
}

void key_source_free(struct key_source *source)
{
    if (!source)
        return;
    key_set_done(&source->set);
    key_server_done(&source->server);
    (void)pthread_cond_destroy(&source->fetched);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
}

/* ---- What is known; all of these under the lock ---- */

static struct kept *find_kept(struct key_set *set, struct str kid)
{
    for (size_t i = 0; i < set->count; i++)
        if (str_eq_z(kid, set->keys[i].kid))
            return &set->keys[i];
    return NULL;
}

/* NULL: nothing keeps us from asking. */
static const struct vain *find_vain(const struct key_source *source, struct str kid, int64_t now_ms)
{
    struct str wanted = source->server.kind == KEYS_PEM ? kid : STR("");
    size_t count = source->server.kind == KEYS_PEM ? KEYS_VAIN_MAX : 1;

    for (size_t i = 0; i < count; i++)
        if (now_ms < source->vain[i].until_ms && str_eq_z(wanted, source->vain[i].kid))
            return &source->vain[i];
    return NULL;
}

static enum keys_found look(struct key_source *source, struct str kid, int64_t now_ms,
                            struct rsa_key **ret)
{
    const struct kept *kept = find_kept(&source->set, kid);
    const struct vain *vain = find_vain(source, kid, now_ms);
    int64_t life_ms = vain && vain->failed ? KEYS_STALE_MS : KEYS_FRESH_MS;

    if (kept && now_ms - kept->fetched_ms < life_ms) {
        *ret = rsa_key_ref(kept->key);
        return KEYS_FOUND;
    }
    return vain && !vain->failed ? KEYS_UNKNOWN : KEYS_ASK;
}

static void keep_vain(struct key_source *source, struct str kid, int64_t until_ms, bool failed)
{
    struct vain *vain = &source->vain[source->server.kind == KEYS_PEM ? source->vain_next : 0];

    source->vain_next = (source->vain_next + 1) % KEYS_VAIN_MAX;
    *vain = (struct vain){.until_ms = until_ms, .failed = failed};
    if (source->server.kind == KEYS_PEM)
        memcpy(vain->kid, kid.ptr, kid.len); /* fits: the kid was checked */
}

/* The place for a new key: the old one's, a free one, or that of the one seen longest ago. */
static struct kept *place_for(struct key_set *set, struct str kid)
{
    struct kept *place = find_kept(set, kid);

    if (place)
        return place;
    if (set->count < KEYS_MAX) {
        place = &set->keys[set->count++];
        *place = (struct kept){0};
        return place;
    }
    place = &set->keys[0];
    for (size_t i = 1; i < set->count; i++)
        if (set->keys[i].fetched_ms < place->fetched_ms)
            place = &set->keys[i];
    return place;
}

/* These swap what was fetched with what it replaces, which the caller frees. */
static void store_pem(struct key_source *source, struct str kid, struct key_set *fetched,
                      int64_t now_ms)
{
    struct kept *place, old = {0};

    if (fetched->count > 0) {
        place = place_for(&source->set, kid);
        old = *place;
        *place = fetched->keys[0];
        place->fetched_ms = now_ms;
    } else {
        place = find_kept(&source->set, kid);
        if (place) {
            old = *place;
            *place = source->set.keys[--source->set.count];
        }
        keep_vain(source, kid, now_ms + KEYS_ABSENT_MS, false);
    }
    fetched->keys[0] = old;
    fetched->count = old.key ? 1 : 0;
}

static void store_jwks(struct key_source *source, struct key_set *fetched, int64_t now_ms)
{
    struct key_set old = source->set;

    for (size_t i = 0; i < fetched->count; i++)
        fetched->keys[i].fetched_ms = now_ms;
    source->set = *fetched;
    *fetched = old;
    keep_vain(source, STR(""), now_ms + KEYS_GAP_MS, false);
}

static void store(struct key_source *source, struct str kid, enum err_class class,
                  struct key_set *fetched, int64_t now_ms)
{
    if (class == ERR_CANCELLED || class == ERR_MEMORY)
        return;
    if (class != ERR_OK)
        keep_vain(source, kid, now_ms + KEYS_FAILED_GAP_MS, true);
    else if (source->server.kind == KEYS_PEM)
        store_pem(source, kid, fetched, now_ms);
    else
        store_jwks(source, fetched, now_ms);
}

/* ---- Asking ---- */

static enum err_class no_such_key(struct err *err)
{
    return err_set(err, ERR_DENIED, "the token names a signing key that does not exist");
}

enum keys_found keys_find(struct key_source *source, const struct ctx *ctx, struct str kid,
                          struct rsa_key **ret)
{
    if (!key_server_takes(&source->server, kid))
        return KEYS_UNKNOWN;

    int64_t now_ms = ctx_mono_ms(ctx);

    (void)pthread_mutex_lock(&source->lock);
    enum keys_found found = look(source, kid, now_ms, ret);
    (void)pthread_mutex_unlock(&source->lock);
    return found;
}

/* May a fetch begin now? Counts it if so. Under the lock. */
static enum err_class may_fetch(struct key_source *source, struct str kid, int64_t now_ms,
                                struct err *err)
{
    int64_t from_ms = source->full_ms > now_ms ? source->full_ms : now_ms;

    if (find_vain(source, kid, now_ms))
        return err_set(err, ERR_BUSY,
                       "a key to check a token with could not be fetched a moment ago; it is asked "
                       "for again in some seconds");
    if (source->server.kind == KEYS_JWKS)
        return ERR_OK;
    if (from_ms - now_ms > (KEYS_BURST - 1) * KEYS_REFILL_MS)
        return err_set(err, ERR_BUSY,
                       "more than %d tokens with unknown signing keys have come at once; further "
                       "ones are not looked at for a second",
                       KEYS_BURST);
    source->full_ms = from_ms + KEYS_REFILL_MS;
    return ERR_OK;
}

/*
 * Looks until the key is known, is known not to exist, cannot be asked for, or is to be fetched by
 * this thread (KEYS_ASK with ERR_OK; `fetching` is set). Each turn but the last waits for the end
 * of another thread's fetch; a fetch makes the next look decide, or hold. Under the lock.
 */
static enum err_class await(struct key_source *source, const struct ctx *ctx, struct str kid,
                            struct rsa_key **ret, enum keys_found *ret_found, struct err *err)
{
    enum err_class class;

    while ((*ret_found = look(source, kid, ctx_mono_ms(ctx), ret)) == KEYS_ASK) {
        if (!source->fetching) {
            class = may_fetch(source, kid, ctx_mono_ms(ctx), err);
            source->fetching = class == ERR_OK;
            return class;
        }
        if (source->waiting == KEYS_WAITING_MAX)
            return err_set(err, ERR_BUSY,
                           "%d requests wait for the key server already; try again in some seconds",
                           KEYS_WAITING_MAX);
        source->waiting++;
        (void)pthread_cond_wait(&source->fetched, &source->lock);
        source->waiting--;
        class = ctx_check(ctx, err);
        if (class != ERR_OK)
            return class;
    }
    return ERR_OK;
}

enum err_class keys_get(struct key_source *source, const struct ctx *ctx, struct str kid,
                        struct rsa_key **ret, struct err *err)
{
    AUTO(key_set_done) struct key_set fetched = {0};
    enum keys_found found = KEYS_UNKNOWN;
    enum err_class class;

    if (!key_server_takes(&source->server, kid))
        return no_such_key(err);
    (void)pthread_mutex_lock(&source->lock);
    class = await(source, ctx, kid, ret, &found, err);
    (void)pthread_mutex_unlock(&source->lock);
    if (class != ERR_OK || found == KEYS_FOUND)
        return class;
    if (found == KEYS_UNKNOWN)
        return no_such_key(err);

    class = key_server_fetch(&source->server, ctx, kid, &fetched, err);

    int64_t now_ms = ctx_mono_ms(ctx);

    (void)pthread_mutex_lock(&source->lock);
    store(source, kid, class, &fetched, now_ms);
    found = look(source, kid, now_ms, ret);
    source->fetching = false;
    (void)pthread_cond_broadcast(&source->fetched);
    (void)pthread_mutex_unlock(&source->lock);
    if (found == KEYS_FOUND)
        return ERR_OK;
    return class == ERR_OK ? no_such_key(err) : class;
}
