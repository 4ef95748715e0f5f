/*
 * sites.c: the tenants that are in use, one site each, shared by all threads.
 *
 * A site is made with its first use and stays while it is held or was used lately: its columns are
 * what makes reports fast. A forgotten one (the tenant was removed, or its entry changed) leaves
 * the list at once and is freed by whoever gives it back last.
 */
#include "daemon/internal.h"

#define ADMINS_KEPT 64             /* of one site; more are asked for again */
#define ADMIN_KNOWN_MS (60 * 1000) /* how long a right that Jira took away still counts */

struct admins {
    struct admin_entry {
        char account[LIMIT_ACCOUNT_ID_BYTES + 1];
        bool is_admin;
        int64_t until_ms;
    } entries[ADMINS_KEPT];
};

struct site_entry {
    struct site site; /* first, so that the pointers are the same */
    struct site_entry *next;
    unsigned holders;
    bool listed;
    int64_t used_ms;
    struct admins admins; /* under the mutex of the sites */
    void *states[];       /* one an app */
};

/* ---- Who administers the Jira site, as far as it was asked lately ---- */

static void admins_init(struct admins *admins)
{
    memset(admins, 0, sizeof(*admins));
}

static struct admin_entry *admin_slot(struct admins *admins, const char *account)
{
    struct admin_entry *oldest = &admins->entries[0];

    for (size_t i = 0; i < ADMINS_KEPT; i++) {
        if (strcmp(admins->entries[i].account, account) == 0)
            return &admins->entries[i];
        if (admins->entries[i].until_ms < oldest->until_ms)
            oldest = &admins->entries[i];
    }
    return oldest;
}

bool site_knows_admin(struct site *site, const char *account, bool *ret)
{
    struct site_entry *entry = (struct site_entry *)site;
    pthread_mutex_t *mutex = &site->daemon->sites.mutex;
    bool known;

    pthread_mutex_lock(mutex);

    const struct admin_entry *slot = admin_slot(&entry->admins, account);

    known = strcmp(slot->account, account) == 0 && slot->until_ms > ctx_mono_ms(&site->daemon->ctx);
    *ret = known && slot->is_admin;
    pthread_mutex_unlock(mutex);
    return known;
}

void site_learn_admin(struct site *site, const char *account, bool is_admin)
{
    struct site_entry *entry = (struct site_entry *)site;
    pthread_mutex_t *mutex = &site->daemon->sites.mutex;

    pthread_mutex_lock(mutex);

    struct admin_entry *slot = admin_slot(&entry->admins, account);

    (void)snprintf(slot->account, sizeof(slot->account), "%s", account);
    slot->is_admin = is_admin;
    slot->until_ms = ctx_mono_ms(&site->daemon->ctx) + ADMIN_KNOWN_MS;
    pthread_mutex_unlock(mutex);
}

void *site_state(const struct site *site, const struct app *app)
{
    const struct daemon_options *options = &site->daemon->options;

    for (size_t i = 0; i < options->app_count; i++)
        if (options->apps[i] == app)
            return site->states[i];
    return NULL;
}

static void entry_free(struct site_entry *entry)
{
    const struct daemon_options *options = &entry->site.daemon->options;

    for (size_t i = 0; i < options->app_count; i++)
        if (entry->states[i] && options->apps[i]->site_free)
            options->apps[i]->site_free(entry->states[i]);
    http_budget_free(entry->site.budget);
    free(entry);
}

static struct site_entry *entry_new(struct daemon *daemon, const struct tenant_info *info)
{
    const struct daemon_options *options = &daemon->options;
    struct site_entry *entry =
        calloc(1, sizeof(*entry) + options->app_count * sizeof(entry->states[0]));

    if (!entry)
        return NULL;
    entry->site.daemon = daemon;
    entry->site.states = entry->states;
    entry->site.info = *info;
    admins_init(&entry->admins);
    entry->site.budget = link_budget_new(info);

    bool whole = entry->site.budget != NULL;

    for (size_t i = 0; i < options->app_count && whole; i++) {
        if (!options->apps[i]->site_new)
            continue;
        entry->states[i] = options->apps[i]->site_new(&entry->site);
        whole = entry->states[i] != NULL;
    }
    if (whole)
        return entry;
    entry_free(entry);
    return NULL;
}

/* Held; NULL: none. Under the mutex. */
static struct site_entry *find(struct sites *sites, const char *id)
{
    for (struct site_entry *entry = sites->first; entry; entry = entry->next)
        if (strcmp(entry->site.info.id, id) == 0) {
            entry->holders++;
            return entry;
        }
    return NULL;
}

struct site *daemon_site_in_use(struct daemon *daemon, const char *tenant_id)
{
    pthread_mutex_lock(&daemon->sites.mutex);

    struct site_entry *entry = find(&daemon->sites, tenant_id);

    pthread_mutex_unlock(&daemon->sites.mutex);
    return entry ? &entry->site : NULL;
}

static void unlist(struct daemon *daemon, const char *id, int64_t used_before_ms);

/* Held, of the database that `info` tells of: one of a database that was replaced is let go. */
static struct site_entry *find_current(struct daemon *daemon, const struct tenant_info *info)
{
    struct site_entry *entry = find(&daemon->sites, info->id);
    uint64_t *known = entry ? &entry->site.info.incarnation : NULL;

    if (entry && *known == 0)
        *known = info->incarnation;
    if (!entry || info->incarnation == 0 || *known == info->incarnation)
        return entry;
    pthread_mutex_unlock(&daemon->sites.mutex);
    unlist(daemon, info->id, 0);
    daemon_give_site(&entry->site);
    pthread_mutex_lock(&daemon->sites.mutex);
    return find(&daemon->sites, info->id);
}

enum err_class daemon_site(struct daemon *daemon, const struct tenant_info *info, struct site **ret,
                           struct err *err)
{
    struct sites *sites = &daemon->sites;

    pthread_mutex_lock(&sites->mutex);

    struct site_entry *entry = find_current(daemon, info);

    if (!entry && (entry = entry_new(daemon, info)) != NULL) {
        entry->holders = 1;
        entry->listed = true;
        entry->next = sites->first;
        sites->first = entry;
    }
    pthread_mutex_unlock(&sites->mutex);
    if (!entry)
        return err_memory(err);
    *ret = &entry->site;
    return ERR_OK;
}

void daemon_give_site(struct site *site)
{
    struct site_entry *entry = (struct site_entry *)site;

    if (!site)
        return;

    struct sites *sites = &site->daemon->sites;

    pthread_mutex_lock(&sites->mutex);
    entry->used_ms = ctx_mono_ms(&site->daemon->ctx);

    bool last = --entry->holders == 0 && !entry->listed;

    pthread_mutex_unlock(&sites->mutex);
    if (last)
        entry_free(entry);
}

/* Takes entries out of the list; those that nobody holds are freed. `id` NULL: by their age. */
static void unlist(struct daemon *daemon, const char *id, int64_t used_before_ms)
{
    struct sites *sites = &daemon->sites;
    struct site_entry *gone = NULL;

    pthread_mutex_lock(&sites->mutex);
    for (struct site_entry **at = &sites->first; *at;) {
        struct site_entry *entry = *at;

        if (id ? strcmp(entry->site.info.id, id) != 0
               : entry->holders > 0 || entry->used_ms >= used_before_ms) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        entry->listed = false;
        if (entry->holders > 0)
            continue;
        entry->next = gone;
        gone = entry;
    }
    pthread_mutex_unlock(&sites->mutex);
    while (gone) {
        struct site_entry *next = gone->next;

        entry_free(gone);
        gone = next;
    }
}

void daemon_forget_site(struct daemon *daemon, const char *tenant_id)
{
    unlist(daemon, tenant_id, 0);
    store_pool_forget(daemon->store, tenant_id);
}

void sites_sweep(struct daemon *daemon, int64_t idle_ms)
{
    unlist(daemon, NULL, ctx_mono_ms(&daemon->ctx) - idle_ms);
}

size_t sites_bytes(struct daemon *daemon, size_t *ret_count)
{
    const struct daemon_options *options = &daemon->options;
    size_t bytes = 0, count = 0;

    pthread_mutex_lock(&daemon->sites.mutex);
    for (struct site_entry *entry = daemon->sites.first; entry; entry = entry->next, count++)
        for (size_t i = 0; i < options->app_count; i++)
            if (entry->states[i] && options->apps[i]->site_bytes)
                bytes += options->apps[i]->site_bytes(entry->states[i]);
    pthread_mutex_unlock(&daemon->sites.mutex);
    *ret_count = count;
    return bytes;
}

void sites_init(struct sites *sites)
{
    (void)pthread_mutex_init(&sites->mutex, NULL);
    sites->first = NULL;
}

void sites_free(struct daemon *daemon)
{
    unlist(daemon, NULL, INT64_MAX);
    (void)pthread_mutex_destroy(&daemon->sites.mutex);
}
