/*
 * pool.c: handles kept open between requests.
 *
 * One list of tenants' handles and one of the control data's, each entry either idle or taken. Few
 * entries: as many as threads worked at once. The lists are guarded by one mutex; opening and
 * closing, which read the disk, happen outside of it.
 */
#include "store/pool.h"

#include <pthread.h>

#define IDLE_TENANT_HANDLES_MAX 4 /* of one tenant; the rest are closed when given back */
#define IDLE_DATA_HANDLES_MAX 16
#define HELD_WAIT_MS 20000 /* how long somebody waits for a tenant that is held */

/* A tenant that one thread has alone. */
struct alone {
    struct alone *next;
    char tenant[TENANT_ID_BYTES + 1];
};

struct held {
    struct held *next;
    struct tenant *tenant; /* one of the two */
    struct data *data;
    bool taken;
    bool stale; /* close it when it comes back */
    int64_t given_ms;
};

struct store_pool {
    const struct ctx *ctx;
    const struct catalog *catalog;
    char *dir;
    struct audit *audit; /* of all handles */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a handle came back, or a tenant was let go */
    struct held *all;
    struct alone *alone;
};

static void held_free(struct held *held)
{
    tenant_close(held->tenant);
    data_close(held->data);
    free(held);
}

/* Frees a chain that is in no list any more. */
static void close_chain(struct held *chain)
{
    while (chain) {
        struct held *next = chain->next;

        held_free(chain);
        chain = next;
    }
}

static struct held *enlist(struct store_pool *pool, struct tenant *tenant, struct data *data)
{
    struct held *held = calloc(1, sizeof(*held));

    if (!held)
        return NULL;
    *held = (struct held){.tenant = tenant, .data = data, .taken = true};
    pthread_mutex_lock(&pool->mutex);
    held->next = pool->all;
    pool->all = held;
    pthread_mutex_unlock(&pool->mutex);
    return held;
}

static bool is_tenant(const struct held *held, struct str id_or_name)
{
    return held->tenant && (str_eq_z(id_or_name, held->tenant->info.id) ||
                            str_eq_z(id_or_name, held->tenant->info.name));
}

enum err_class store_pool_data(struct store_pool *pool, struct data **ret, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;

    pthread_mutex_lock(&pool->mutex);
    for (struct held *held = pool->all; held; held = held->next) {
        if (!held->data || held->taken)
            continue;
        held->taken = true;
        *ret = held->data;
        pthread_mutex_unlock(&pool->mutex);
        return ERR_OK;
    }
    pthread_mutex_unlock(&pool->mutex);

    enum err_class rc =
        data_open_sharing(pool->ctx, pool->dir, pool->catalog, pool->audit, &data, err);

    if (rc != ERR_OK)
        return rc;
    if (!enlist(pool, NULL, data))
        return err_memory(err);
    *ret = TAKE(data);
    return ERR_OK;
}

/* An idle handle of that tenant, taken, whatever became of its file; NULL: none. */
static struct tenant *take_any(struct store_pool *pool, struct str id_or_name)
{
    struct tenant *found = NULL;

    pthread_mutex_lock(&pool->mutex);
    for (struct held *held = pool->all; held && !found; held = held->next) {
        if (held->taken || held->stale || !is_tenant(held, id_or_name))
            continue;
        held->taken = true;
        found = held->tenant;
    }
    pthread_mutex_unlock(&pool->mutex);
    return found;
}

/* ---- Having a tenant alone ---- */

/* Where it stands in the list, or the list's end. */
static struct alone **find_alone(struct store_pool *pool, const char *tenant_id)
{
    struct alone **at = &pool->alone;

    while (*at && strcmp((*at)->tenant, tenant_id) != 0)
        at = &(*at)->next;
    return at;
}

static struct timespec deadline_in(int64_t wait_ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at); /* cannot fail with that clock */
    at.tv_sec += wait_ms / 1000;
    at.tv_nsec += wait_ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static enum err_class wait_until_let_go(struct store_pool *pool, const char *tenant_id,
                                        struct err *err)
{
    const struct timespec deadline = deadline_in(HELD_WAIT_MS);
    int why = 0;
    bool held;

    pthread_mutex_lock(&pool->mutex);
    while ((held = *find_alone(pool, tenant_id) != NULL) && why == 0)
        why = pthread_cond_clockwait(&pool->changed, &pool->mutex, CLOCK_MONOTONIC, &deadline);
    pthread_mutex_unlock(&pool->mutex);
    return held ? err_set(
                      err, ERR_BUSY,
                      "the database of the tenant is being encrypted anew; try again in a minute")
                : ERR_OK;
}

static bool is_taken(const struct store_pool *pool, const char *tenant_id)
{
    for (const struct held *held = pool->all; held; held = held->next)
        if (held->taken && is_tenant(held, str_from(tenant_id)))
            return true;
    return false;
}

enum err_class store_pool_hold(struct store_pool *pool, const char *tenant_id, int64_t wait_ms,
                               struct err *err)
{
    const struct timespec deadline = deadline_in(wait_ms);
    struct alone *alone = calloc(1, sizeof(*alone));
    bool taken;
    int why = 0;

    if (!alone)
        return err_memory(err);
    (void)snprintf(alone->tenant, sizeof(alone->tenant), "%s", tenant_id);
    pthread_mutex_lock(&pool->mutex);
    if (*find_alone(pool, tenant_id)) {
        pthread_mutex_unlock(&pool->mutex);
        free(alone);
        return err_set(err, ERR_CONFLICT, "somebody else has the tenant %s for itself", tenant_id);
    }
    alone->next = pool->alone;
    pool->alone = alone;
    pthread_mutex_unlock(&pool->mutex);
    store_pool_forget(pool, tenant_id);

    pthread_mutex_lock(&pool->mutex);
    while ((taken = is_taken(pool, tenant_id)) && why == 0)
        why = pthread_cond_clockwait(&pool->changed, &pool->mutex, CLOCK_MONOTONIC, &deadline);
    pthread_mutex_unlock(&pool->mutex);
    if (!taken)
        return ERR_OK;
    store_pool_let_go(pool, tenant_id);
    return err_set(err, ERR_BUSY, "the tenant %s is in use, perhaps by a sync", tenant_id);
}

void store_pool_let_go(struct store_pool *pool, const char *tenant_id)
{
    struct alone *gone;

    pthread_mutex_lock(&pool->mutex);

    struct alone **at = find_alone(pool, tenant_id);

    gone = *at;
    if (gone)
        *at = gone->next;
    (void)pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    free(gone);
}

/* The same; those whose database was replaced by another (custody/restore.h) are closed. */
static struct tenant *take_idle(struct store_pool *pool, struct str id_or_name)
{
    struct tenant *tenant;

    /* Turns: at most as many as there are handles. */
    while ((tenant = take_any(pool, id_or_name)) != NULL && !tenant_is_current(tenant)) {
        char id[TENANT_ID_BYTES + 1];

        memcpy(id, tenant->info.id, sizeof(id));
        store_pool_forget(pool, id);
        store_pool_give_tenant(pool, tenant);
    }
    return tenant;
}

enum err_class store_pool_tenant(struct store_pool *pool, struct str id_or_name,
                                 struct tenant **ret, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = take_idle(pool, id_or_name);
    struct tenant_info info = {0};
    struct data *data = NULL;

    if (tenant) {
        *ret = TAKE(tenant);
        return ERR_OK;
    }

    enum err_class rc = store_pool_data(pool, &data, err);

    if (rc == ERR_OK)
        rc = tenant_find(data, id_or_name, &info, err);
    if (rc == ERR_OK)
        rc = wait_until_let_go(pool, info.id, err);
    if (rc == ERR_OK)
        rc = tenant_open(data, &info, &tenant, err);
    store_pool_give_data(pool, data);
    if (rc != ERR_OK)
        return rc;
    if (!enlist(pool, tenant, NULL))
        return err_memory(err);
    *ret = TAKE(tenant);
    return ERR_OK;
}

/* Takes out of the list what `goes` says yes to, and returns the chain of it. */
static struct held *take_out(struct store_pool *pool,
                             bool (*goes)(const struct held *held, const void *arg),
                             const void *arg)
{
    struct held *out = NULL;

    for (struct held **at = &pool->all; *at;) {
        struct held *held = *at;

        if (!goes(held, arg)) {
            at = &held->next;
            continue;
        }
        *at = held->next;
        held->next = out;
        out = held;
    }
    return out;
}

struct returned {
    const struct tenant *tenant; /* one of the two */
    const struct data *data;
};

static bool is_this(const struct held *held, const void *arg)
{
    const struct returned *returned = arg;

    return held->tenant == returned->tenant && held->data == returned->data;
}

/* Back into the list as idle, or closed when enough are idle already. */
static void give(struct store_pool *pool, const struct returned *returned)
{
    struct held *gone = NULL;
    size_t idle = 0;

    pthread_mutex_lock(&pool->mutex);
    for (struct held *held = pool->all; held; held = held->next)
        if (!held->taken && (returned->data ? held->data != NULL
                                            : is_tenant(held, str_from(returned->tenant->info.id))))
            idle++;
    for (struct held *held = pool->all; held; held = held->next) {
        if (!is_this(held, returned))
            continue;
        held->taken = false;
        held->given_ms = ctx_mono_ms(pool->ctx);
        if (held->stale ||
            idle >= (returned->data ? IDLE_DATA_HANDLES_MAX : IDLE_TENANT_HANDLES_MAX))
            gone = take_out(pool, is_this, returned);
        break;
    }
    pthread_mutex_unlock(&pool->mutex);
    close_chain(gone);
    /* After it is closed: who waits for that wants the file. */
    pthread_mutex_lock(&pool->mutex);
    (void)pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

void store_pool_give_data(struct store_pool *pool, struct data *data)
{
    const struct returned returned = {.data = data};

    if (data)
        give(pool, &returned);
}

void store_pool_give_tenant(struct store_pool *pool, struct tenant *tenant)
{
    const struct returned returned = {.tenant = tenant};

    if (!tenant)
        return;
    db_rollback(tenant->db); /* whoever failed half way left nothing behind for the next */
    give(pool, &returned);
}

static bool is_idle_of(const struct held *held, const void *arg)
{
    return !held->taken && is_tenant(held, str_from(arg));
}

void store_pool_forget(struct store_pool *pool, const char *tenant_id)
{
    pthread_mutex_lock(&pool->mutex);

    struct held *gone = take_out(pool, is_idle_of, tenant_id);

    for (struct held *held = pool->all; held; held = held->next)
        if (is_tenant(held, str_from(tenant_id)))
            held->stale = true;
    pthread_mutex_unlock(&pool->mutex);
    close_chain(gone);
}

static bool is_old(const struct held *held, const void *arg)
{
    const int64_t *before_ms = arg;

    return !held->taken && held->given_ms < *before_ms;
}

void store_pool_sweep(struct store_pool *pool, int64_t idle_ms)
{
    int64_t before_ms = ctx_mono_ms(pool->ctx) - idle_ms;

    pthread_mutex_lock(&pool->mutex);

    struct held *gone = take_out(pool, is_old, &before_ms);

    pthread_mutex_unlock(&pool->mutex);
    close_chain(gone);
}

enum err_class store_pool_new(const struct ctx *ctx, const char *dir, const struct catalog *catalog,
                              struct store_pool **ret, struct err *err)
{
    AUTO(store_pool_free_autop) struct store_pool *pool = calloc(1, sizeof(*pool));
    struct data *first = NULL;

    if (!pool)
        return err_memory(err);
    (void)pthread_mutex_init(&pool->mutex, NULL);
    (void)pthread_cond_init(&pool->changed, NULL);
    pool->ctx = ctx;
    pool->catalog = catalog;
    pool->dir = strdup(dir);
    if (!pool->dir)
        return err_memory(err);

    enum err_class rc = store_pool_data(pool, &first, err);

    if (rc != ERR_OK)
        return rc;
    pool->audit = audit_ref(first->audit);
    store_pool_give_data(pool, first);
    *ret = TAKE(pool);
    return ERR_OK;
}

void store_pool_free(struct store_pool *pool)
{
    if (!pool)
        return;
    close_chain(pool->all);
    audit_close(pool->audit);
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->mutex);
    free(pool->dir);
    free(pool);
}
