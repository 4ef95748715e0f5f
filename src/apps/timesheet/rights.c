/*
 * rights.c: settings and groups to rights.
 *
 * One answer an account is remembered for GROUPS_MS, so that a person who clicks about costs one
 * question. A right that is open to everybody costs none, and needs no account.
 *
 * Between reading the settings and remembering what follows from them, Jira may be asked, which
 * takes as long as it takes. The settings have a generation, that goes up when they change, and
 * what was concluded of an earlier one is answered, but not remembered.
 */
#include "apps/timesheet/rights.h"

#include <pthread.h>

#include "apps/timesheet/app.h"
#include "jira/groups.h"

#define GROUPS_MS 60000
#define GROUPS_KEPT 256
#define SETTINGS_BYTES ((size_t)8 * 1024 * 1024)

struct known {
    char account[LIMIT_ACCOUNT_ID_BYTES + 1];
    enum principal_role role; /* administrators have no account, nor have some persons */
    struct rights rights;
    int64_t until_ms;
};

struct groups {
    pthread_mutex_t mutex;
    uint64_t generation; /* of the settings; under mutex */
    struct known known[GROUPS_KEPT];
};

struct groups *groups_new(void)
{
    struct groups *groups = calloc(1, sizeof(*groups));

    if (groups)
        (void)pthread_mutex_init(&groups->mutex, NULL);
    return groups;
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    (void)pthread_mutex_destroy(&groups->mutex);
    free(groups);
}

static bool is_of(const struct known *known, const struct principal *who)
{
    return known->role == who->role && strcmp(known->account, who->account) == 0;
}

/* In any case the generation, for learn. */
static bool recall(struct groups *groups, const struct principal *who, int64_t mono_ms,
                   struct rights *ret, uint64_t *ret_generation)
{
    bool found = false;

    pthread_mutex_lock(&groups->mutex);
    *ret_generation = groups->generation;
    for (size_t i = 0; i < GROUPS_KEPT && !found; i++) {
        const struct known *known = &groups->known[i];

        found = known->until_ms > mono_ms && is_of(known, who);
        if (found)
            *ret = known->rights;
    }
    pthread_mutex_unlock(&groups->mutex);
    return found;
}

/* The caller has the mutex. */
static void keep(struct groups *groups, const struct principal *who, int64_t mono_ms,
                 const struct rights *rights)
{
    struct known *slot = &groups->known[0];

    for (size_t i = 0; i < GROUPS_KEPT; i++) {
        if (is_of(&groups->known[i], who)) {
            slot = &groups->known[i];
            break;
        }
        if (groups->known[i].until_ms < slot->until_ms)
            slot = &groups->known[i];
    }
    (void)snprintf(slot->account, sizeof(slot->account), "%s", who->account);
    slot->role = who->role;
    slot->rights = *rights;
    slot->until_ms = mono_ms + GROUPS_MS;
}

static void learn(struct groups *groups, const struct principal *who, int64_t mono_ms,
                  uint64_t generation, const struct rights *rights)
{
    pthread_mutex_lock(&groups->mutex);
    if (groups->generation == generation)
        keep(groups, who, mono_ms, rights);
    pthread_mutex_unlock(&groups->mutex);
}

void rights_forget(struct request *request)
{
    struct groups *groups = timesheet_state(request->site)->groups;

    pthread_mutex_lock(&groups->mutex);
    memset(groups->known, 0, sizeof(groups->known));
    groups->generation++;
    pthread_mutex_unlock(&groups->mutex);
}

/* ---- Concluding ---- */

struct membership {
    const struct settings *settings;
    bool in[RIGHT_COUNT];
};

static bool has(const struct str *list, size_t count, struct str wanted)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(list[i], wanted))
            return true;
    return false;
}

static enum err_class take_group(void *arg, struct str id, struct err *err)
{
    struct membership *membership = arg;

    (void)err;
    for (int i = 0; i < RIGHT_COUNT; i++) {
        const struct access *access = &membership->settings->access[i];

        if (has(access->groups, access->group_count, id))
            membership->in[i] = true;
    }
    return ERR_OK;
}

static enum err_class conclude(struct request *request, const struct settings *settings,
                               struct rights *ret, struct err *err)
{
    struct membership membership = {.settings = settings};
    struct str account = str_from(request->who.account);
    bool ask = false;
    enum err_class rc = ERR_OK;

    for (int i = 0; i < RIGHT_COUNT; i++) {
        const struct access *access = &settings->access[i];

        membership.in[i] =
            access->everybody || has(access->accounts, access->account_count, account);
        ask = ask || (!membership.in[i] && access->group_count > 0);
    }
    if (ask && account.len > 0) {
        struct link link = {0};

        rc = request_link(request, AS_TENANT, "groups", &link, err);
        if (rc == ERR_OK)
            rc = jira_user_groups(&link.jira, account, take_group, &membership, err);
        link_done(&link);
    }
    if (request->who.role == ROLE_ADMIN)
        memset(membership.in, true, sizeof(membership.in));
    *ret = (struct rights){.log = membership.in[RIGHT_LOG],
                           .report = membership.in[RIGHT_REPORT],
                           .others = membership.in[RIGHT_OTHERS]};
    (void)snprintf(ret->zone, sizeof(ret->zone), STR_FMT, STR_ARG(settings->zone));
    return rc;
}

static enum err_class find_anew(struct request *request, struct rights *ret, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(SETTINGS_BYTES);
    struct settings settings;
    enum err_class rc;

    if (!arena)
        return err_memory(err);
    rc = settings_load(request->tenant, arena, &settings, err);
    return rc == ERR_OK ? conclude(request, &settings, ret, err) : rc;
}

enum err_class rights_find(struct request *request, bool may_wait, struct rights *ret,
                           struct err *err)
{
    struct groups *groups = timesheet_state(request->site)->groups;
    int64_t mono_ms = ctx_mono_ms(daemon_ctx(request->daemon));
    struct tenant *opened = NULL;
    uint64_t generation = 0;
    enum err_class rc = ERR_OK;

    if (recall(groups, &request->who, mono_ms, ret, &generation))
        return ERR_OK;
    if (!may_wait)
        return err_set(err, ERR_BUSY, "not known yet");
    if (!request->tenant) {
        rc = store_pool_tenant(daemon_store(request->daemon), str_from(request->site->info.id),
                               &opened, err);
        request->tenant = opened;
    }
    if (rc == ERR_OK)
        rc = find_anew(request, ret, err);
    if (opened) {
        store_pool_give_tenant(daemon_store(request->daemon), opened);
        request->tenant = NULL;
    }
    if (rc == ERR_OK)
        learn(groups, &request->who, mono_ms, generation, ret);
    return rc;
}

enum err_class rights_want(struct request *request, enum access_right right, struct err *err)
{
    static const char *const acts[RIGHT_COUNT] = {
        [RIGHT_LOG] = "book time",
        [RIGHT_REPORT] = "see reports",
        [RIGHT_OTHERS] = "see other people's time",
    };
    struct rights rights = {0};
    enum err_class rc = rights_find(request, true, &rights, err);
    const bool may[RIGHT_COUNT] = {rights.log, rights.report, rights.others};

    if (rc != ERR_OK || may[right])
        return rc;
    return err_set(err, ERR_FORBIDDEN,
                   "this site's settings do not let you %s; ask one of its Jira administrators",
                   acts[right]);
}
