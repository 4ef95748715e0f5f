/*
 * oauth_access.c: access tokens in memory, and their renewal.
 *
 * One entry a person and tenant. Whoever finds the token old renews it, alone; the others wait for
 * that one and take what it brought, or share its failure. A failure is told again, without asking
 * Atlassian or even the database, until a delay has passed: seconds where the person can mend it
 * by signing in, growing minutes where it is for others to mend.
 *
 * Threads: one mutex for the table, held for no database and no network; one condition for all
 * entries, since renewals are rare. An entry that is being renewed or waited for is never evicted.
 */
#include "connect/oauth_internal.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/civil.h"

#define ENTRIES_MAX 2048
#define FRESH_MS MS_PER_MINUTE       /* a token that is handed out is good for so long */
#define GONE_MS (10 * MS_PER_SECOND) /* a lost consent is looked for again */
#define REJECT_MS MS_PER_MINUTE
#define RETRY_FIRST_MS (2 * MS_PER_SECOND)
#define RETRY_CAP_MS (5 * MS_PER_MINUTE)
#define CONSENT_MS MS_PER_MINUTE /* what is known of the consent's end is looked up again */
#define CLAIM_LOOK_MS 250        /* between two looks at another process's claim */
#define CLAIM_LOOKS 200          /* 50 s: the claim of one that died has run out by then */
#define TURNS_MAX 3              /* how often the row may change under our hands */

struct access {
    char tenant[TENANT_ID_BYTES + 1];
    char account[LIMIT_ACCOUNT_ID_BYTES + 1];
    char cloud_id[CLOUD_ID_BYTES + 1];
    struct strbuf token; /* empty: none */
    int64_t made_mono_ms, until_mono_ms, used_mono_ms;
    bool renewing;
    bool forgotten; /* while it was being renewed */
    unsigned waiters;
    unsigned failures; /* in a row */
    int64_t retry_mono_ms;
    struct err failure;                       /* ERR_OK: none */
    int64_t consent_ends_ms, consent_mono_ms; /* 0 mono: not known */
    struct access *next;
};

struct access_table {
    pthread_mutex_t lock;
    pthread_cond_t renewed;
    struct access *first;
    size_t count;
};

struct access_table *access_table_new(void)
{
    struct access_table *table = calloc(1, sizeof(*table));

    if (table) {
        (void)pthread_mutex_init(&table->lock, NULL); /* cannot fail with default attributes */
        (void)pthread_cond_init(&table->renewed, NULL);
    }
    return table;
}

static void access_free(struct access *access)
{
    vault_wipe(&access->token);
    free(access);
}

void access_table_free(struct access_table *table)
{
    if (!table)
        return;
    while (table->first) {
        struct access *next = table->first->next;

        access_free(table->first);
        table->first = next;
    }
    (void)pthread_cond_destroy(&table->renewed);
    (void)pthread_mutex_destroy(&table->lock);
    free(table);
}

/* ---- The table; all under its lock ---- */

static struct access *find(struct access_table *table, const char *tenant, const char *account)
{
    for (struct access *at = table->first; at; at = at->next)
        if (strcmp(at->account, account) == 0 && strcmp(at->tenant, tenant) == 0)
            return at;
    return NULL;
}

/* Takes out the one that was not used for longest; false: all are being renewed. */
static bool evict(struct access_table *table)
{
    struct access **oldest = NULL, *gone;

    for (struct access **at = &table->first; *at; at = &(*at)->next)
        if (!(*at)->renewing && (*at)->waiters == 0 &&
            (!oldest || (*at)->used_mono_ms < (*oldest)->used_mono_ms))
            oldest = at;
    if (!oldest)
        return false;
    gone = *oldest;
    *oldest = gone->next;
    access_free(gone);
    table->count--;
    return true;
}

/* NULL: out of memory, or too many at once. */
static struct access *find_or_make(struct access_table *table, const char *tenant,
                                   const char *account)
{
    struct access *access = find(table, tenant, account);

    if (access)
        return access;
    if (table->count >= ENTRIES_MAX && !evict(table))
        return NULL;
    access = calloc(1, sizeof(*access));
    if (!access)
        return NULL;
    access->token = STRBUF_INIT(LIMIT_SECRET_BYTES);
    (void)snprintf(access->tenant, sizeof(access->tenant), "%s", tenant);
    (void)snprintf(access->account, sizeof(access->account), "%s", account);
    access->next = table->first;
    table->first = access;
    table->count++;
    return access;
}

static void drop_token(struct access *access)
{
    vault_wipe(&access->token);
    access->token = STRBUF_INIT(LIMIT_SECRET_BYTES);
}

/* A new token: whatever failed before is over. */
static void keep(struct access *access, const struct ctx *ctx, const char *cloud_id,
                 const struct oauth_tokens *tokens, int64_t ends_ms)
{
    int64_t mono = ctx_mono_ms(ctx);

    drop_token(access);
    strbuf_add_str(&access->token, strbuf_str(&tokens->access));
    access->made_mono_ms = mono;
    access->until_mono_ms = mono + tokens->life_ms;
    access->used_mono_ms = mono;
    access->failures = 0;
    access->failure = (struct err){0};
    access->consent_ends_ms = ends_ms;
    access->consent_mono_ms = mono;
    (void)snprintf(access->cloud_id, sizeof(access->cloud_id), "%s", cloud_id);
}

static void keep_failure(struct access *access, const struct ctx *ctx, const struct err *err)
{
    int64_t wait = RETRY_FIRST_MS;

    drop_token(access);
    access->failure = *err;
    if (err->class == ERR_FORBIDDEN) {
        wait = GONE_MS;
        access->consent_ends_ms = 0;
    } else {
        /* At most 8 turns: two seconds doubled so often are past the cap. */
        for (unsigned i = 0; i < access->failures && wait < RETRY_CAP_MS; i++)
            wait *= 2;
        access->failures++;
    }
    access->retry_mono_ms = ctx_mono_ms(ctx) + (wait < RETRY_CAP_MS ? wait : RETRY_CAP_MS);
}

/* ---- Renewing; outside of the lock ---- */

/* Another process may be at it: waits until it is through. */
static enum err_class claim(struct oauth *oauth, const char *tenant_id, const char *account,
                            struct oauth_grant *ret, struct err *err)
{
    for (int look = 0; look < CLAIM_LOOKS; look++) {
        struct tenant *tenant = NULL;
        bool claimed = false;
        enum err_class rc = store_pool_tenant(oauth->pool, str_from(tenant_id), &tenant, err);

        if (rc == ERR_OK)
            rc = oauth_grant_claim(tenant, account, ret, &claimed, err);
        store_pool_give_tenant(oauth->pool, tenant);
        if (rc != ERR_OK || claimed)
            return rc;
        ctx_sleep_ms(oauth->ctx, CLAIM_LOOK_MS);
        rc = ctx_check(oauth->ctx, err);
        if (rc != ERR_OK)
            return rc;
    }
    return err_set(err, ERR_BUSY,
                   "another process is renewing this person's access to Jira; try again in a "
                   "minute");
}

static enum err_class settle(struct oauth *oauth, const char *tenant_id,
                             const struct oauth_grant *grant, struct str refresh, bool keep_old,
                             bool *ret_done, struct err *err)
{
    struct tenant *tenant = NULL;
    enum err_class rc = store_pool_tenant(oauth->pool, str_from(tenant_id), &tenant, err);

    if (rc == ERR_OK)
        rc = oauth_grant_settle(tenant, grant, refresh, keep_old, ret_done, err);
    store_pool_give_tenant(oauth->pool, tenant);
    return rc;
}

/*
 * One turn: claim, ask, settle. *ret_again: the row was replaced meanwhile (the person signed in
 * anew), and what we hold is worth nothing.
 */
static enum err_class renew_once(struct oauth *oauth, const char *tenant, const char *account,
                                 struct oauth_grant *grant, struct oauth_tokens *tokens,
                                 bool *ret_again, struct err *err)
{
    bool done = false;
    struct err other = {0};
    enum err_class rc = claim(oauth, tenant, account, grant, err);

    *ret_again = false;
    if (rc != ERR_OK)
        return rc;
    rc = oauth_refresh(oauth, strbuf_str(&grant->refresh), tokens, err);
    if (rc == ERR_OK) {
        /* First on the disk, then in use. None came: then the old one goes on being good. */
        rc = settle(oauth, tenant, grant, strbuf_str(&tokens->refresh), tokens->refresh.len == 0,
                    &done, err);
        *ret_again = rc == ERR_OK && !done;
    } else if (rc == ERR_DENIED) {
        rc = settle(oauth, tenant, grant, (struct str){NULL, 0}, false, &done, err);
        *ret_again = rc == ERR_OK && !done;
        if (rc == ERR_OK)
            rc = err_set(err, ERR_FORBIDDEN,
                         "Jira has taken back what this account let Tenon do; sign in with Jira "
                         "again");
    } else {
        /* Whatever comes of it: the claim runs out by itself. */
        err_ignore(settle(oauth, tenant, grant, (struct str){NULL, 0}, true, &done, &other));
    }
    vault_wipe(&grant->refresh);
    if (rc != ERR_OK || *ret_again)
        oauth_tokens_done(tokens);
    return rc;
}

static enum err_class renew(struct oauth *oauth, const char *tenant, const char *account,
                            struct oauth_grant *grant, struct oauth_tokens *tokens, struct err *err)
{
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        bool again = false;
        enum err_class rc = renew_once(oauth, tenant, account, grant, tokens, &again, err);

        if (!again)
            return rc;
    }
    return err_set(err, ERR_BUSY, "this person is signing in to Jira again and again; try later");
}

/* ---- For the others ---- */

static enum err_class hand_out(struct oauth *oauth, const struct access *access,
                               struct oauth_access *ret, struct err *err)
{
    *ret = (struct oauth_access){.token = STRBUF_INIT(LIMIT_SECRET_BYTES)};
    strbuf_add_str(&ret->token, strbuf_str(&access->token));
    if (!oauth_site_url(oauth, access->cloud_id, ret->base_url))
        return err_set(err, ERR_INPUT, "oauth.api_url is too long: %s", oauth->api_url);
    if (strbuf_check(&ret->token, "an access token", err) == ERR_OK)
        return ERR_OK;
    vault_wipe(&ret->token);
    return err->class;
}

static bool is_fresh(const struct access *access, const struct ctx *ctx)
{
    return access->token.len > 0 && ctx_mono_ms(ctx) + FRESH_MS < access->until_mono_ms;
}

/* Under the lock, which is given up meanwhile. The entry stays, since it is being renewed. */
static void renew_entry(struct oauth *oauth, struct access *access)
{
    struct oauth_tokens tokens = {0};
    struct oauth_grant grant = {0};
    struct err err = {0};
    enum err_class rc;

    access->renewing = true;
    (void)pthread_mutex_unlock(&oauth->table->lock);
    rc = renew(oauth, access->tenant, access->account, &grant, &tokens, &err);
    (void)pthread_mutex_lock(&oauth->table->lock);
    access->renewing = false;
    if (access->forgotten)
        rc = err_set(&err, ERR_FORBIDDEN,
                     "the consent was taken back here; sign in with Jira again");
    access->forgotten = false;
    if (rc == ERR_OK)
        keep(access, oauth->ctx, grant.cloud_id, &tokens, grant.ends_ms);
    else
        keep_failure(access, oauth->ctx, &err);
    oauth_tokens_done(&tokens);
    (void)pthread_cond_broadcast(&oauth->table->renewed);
}

/* Under the lock. Whoever waited or renewed takes what came of it, even a token of a short life. */
static enum err_class take(struct oauth *oauth, struct access *access, struct oauth_access *ret,
                           struct err *err)
{
    bool renewed = false;

    for (;;) { /* each wait ends with a renewal, and a renewal of ours ends the loop */
        while (access->renewing) {
            access->waiters++;
            (void)pthread_cond_wait(&oauth->table->renewed, &oauth->table->lock);
            access->waiters--;
            renewed = true;
        }
        access->used_mono_ms = ctx_mono_ms(oauth->ctx);
        if (is_fresh(access, oauth->ctx) || (renewed && access->token.len > 0))
            return hand_out(oauth, access, ret, err);
        if (access->failure.class != ERR_OK &&
            (renewed || access->used_mono_ms < access->retry_mono_ms)) {
            *err = access->failure;
            return err->class;
        }
        renew_entry(oauth, access);
        renewed = true;
    }
}

enum err_class oauth_access_token(struct oauth *oauth, const char *tenant, const char *account,
                                  struct oauth_access *ret, struct err *err)
{
    struct access *access;
    enum err_class rc;

    (void)pthread_mutex_lock(&oauth->table->lock);
    access = find_or_make(oauth->table, tenant, account);
    rc = access ? take(oauth, access, ret, err) : err_memory(err);
    (void)pthread_mutex_unlock(&oauth->table->lock);
    return rc;
}

void oauth_access_put(struct oauth *oauth, const char *tenant, const char *account,
                      const char *cloud_id, const struct oauth_tokens *tokens)
{
    struct access *access;

    (void)pthread_mutex_lock(&oauth->table->lock);
    access = find_or_make(oauth->table, tenant, account);
    if (access) /* else it is made when it is wanted */
        keep(access, oauth->ctx, cloud_id, tokens, ctx_now_ms(oauth->ctx) + OAUTH_CONSENT_MS);
    (void)pthread_mutex_unlock(&oauth->table->lock);
}

void oauth_reject(struct oauth *oauth, const char *tenant, const char *account)
{
    int64_t mono = ctx_mono_ms(oauth->ctx);
    struct access *access;

    (void)pthread_mutex_lock(&oauth->table->lock);
    access = find(oauth->table, tenant, account);
    if (access && mono - access->made_mono_ms >= REJECT_MS)
        drop_token(access);
    (void)pthread_mutex_unlock(&oauth->table->lock);
}

enum err_class oauth_forget(struct oauth *oauth, const char *tenant_id, const char *account,
                            struct err *err)
{
    struct tenant *tenant = NULL;
    struct access *access;
    enum err_class rc = store_pool_tenant(oauth->pool, str_from(tenant_id), &tenant, err);

    if (rc == ERR_OK)
        rc = oauth_grant_remove(tenant, account, err);
    store_pool_give_tenant(oauth->pool, tenant);
    (void)pthread_mutex_lock(&oauth->table->lock);
    access = find(oauth->table, tenant_id, account);
    if (access) {
        drop_token(access);
        access->consent_ends_ms = 0;
        access->forgotten = access->renewing;
    }
    (void)pthread_mutex_unlock(&oauth->table->lock);
    return rc;
}

/* ---- The consent's end ---- */

static enum err_class look_up(struct oauth *oauth, const char *tenant_id, const char *account,
                              int64_t *ret_ends_ms, struct err *err)
{
    struct oauth_grant grant = {0};
    struct tenant *tenant = NULL;
    enum err_class rc = store_pool_tenant(oauth->pool, str_from(tenant_id), &tenant, err);

    if (rc == ERR_OK)
        rc = oauth_grant_read(tenant, account, &grant, err);
    store_pool_give_tenant(oauth->pool, tenant);
    if (rc == ERR_OK || rc == ERR_FORBIDDEN) {
        *ret_ends_ms = rc == ERR_OK ? grant.ends_ms : 0;
        rc = ERR_OK;
    }
    return rc;
}

enum err_class oauth_consent(struct oauth *oauth, const char *tenant, const char *account,
                             struct oauth_consent *ret, struct err *err)
{
    int64_t mono = ctx_mono_ms(oauth->ctx), ends_ms = 0;
    struct access *access;
    bool known;
    enum err_class rc = ERR_OK;

    (void)pthread_mutex_lock(&oauth->table->lock);
    access = find(oauth->table, tenant, account);
    known = access && access->consent_mono_ms && mono - access->consent_mono_ms < CONSENT_MS;
    if (known)
        ends_ms = access->consent_ends_ms;
    (void)pthread_mutex_unlock(&oauth->table->lock);
    if (!known) {
        rc = look_up(oauth, tenant, account, &ends_ms, err);
        if (rc != ERR_OK)
            return rc;
        (void)pthread_mutex_lock(&oauth->table->lock);
        access = find_or_make(oauth->table, tenant, account);
        if (access) {
            access->consent_ends_ms = ends_ms;
            access->consent_mono_ms = mono;
        }
        (void)pthread_mutex_unlock(&oauth->table->lock);
    }
    *ret = (struct oauth_consent){.ends_ms = ends_ms,
                                  .ends_soon = ends_ms != 0 &&
                                               ends_ms - ctx_now_ms(oauth->ctx) < OAUTH_WARN_MS};
    return ERR_OK;
}
