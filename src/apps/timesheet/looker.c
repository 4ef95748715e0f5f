/* looker.c: what the one who asks may see; see looker.h. */
#include "apps/timesheet/looker.h"

#include "apps/timesheet/rights.h"

#define ASKS_AT_ONCE 6
#define TRIES_MAX 2 /* a person waits */

static enum err_class open_link(struct looker *looker, enum request_as as, struct jira **ret,
                                struct err *err)
{
    struct link *link = &looker->links[as];

    if (!looker->open[as]) {
        enum err_class rc = request_link(looker->request, as, "report for a person", link, err);

        if (rc != ERR_OK)
            return rc;
        looker->open[as] = true;
        link->jira.http.tries_max = TRIES_MAX;
    }
    *ret = &link->jira;
    return ERR_OK;
}

/* *ret NULL: not possible. */
static enum err_class open_person(struct looker *looker, struct jira **ret, struct err *err)
{
    enum err_class rc = ERR_OK;

    *ret = NULL;
    if (!looker->no_person)
        rc = open_link(looker, AS_PERSON, ret, err);
    if (rc != ERR_FORBIDDEN)
        return rc;
    looker->no_person = true;
    return ERR_OK;
}

/* ---- What may be browsed ---- */

/* Calls under way, the oldest first. */
struct calls {
    struct http_call *list[ASKS_AT_ONCE];
    size_t first, count;
};

static void calls_done(struct calls *calls)
{
    for (; calls->count > 0; calls->count--)
        http_drop(calls->list[calls->first++ % ASKS_AT_ONCE]);
}

static enum err_class finish_oldest(struct jira *jira, struct calls *calls, struct jira_ids *ret,
                                    struct err *err)
{
    struct http_call *call = calls->list[calls->first % ASKS_AT_ONCE];

    calls->first++;
    calls->count--;
    return jira_browsable_finish(jira, call, ret, err);
}

static enum err_class ask_cloud(struct jira *jira, struct str account, const int64_t *ids,
                                size_t count, struct jira_ids *ret, struct err *err)
{
    AUTO(calls_done) struct calls calls = {{NULL}, 0, 0};

    for (size_t at = 0; at < count || calls.count > 0;) {
        enum err_class rc = ERR_OK;

        if (at < count && calls.count < ASKS_AT_ONCE) {
            size_t n = count - at < JIRA_CHECK_MAX ? count - at : JIRA_CHECK_MAX;
            struct http_call **next = &calls.list[(calls.first + calls.count) % ASKS_AT_ONCE];

            rc = jira_browsable_start(jira, account, ids + at, n, next, err);
            if (rc == ERR_OK)
                calls.count++;
            at += n;
        } else {
            rc = finish_oldest(jira, &calls, ret, err);
        }
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_class ask_datacenter(struct jira *jira, const int64_t *ids, size_t count,
                                     struct jira_ids *ret, struct err *err)
{
    for (size_t at = 0; at < count; at += JIRA_CHECK_MAX) {
        size_t n = count - at < JIRA_CHECK_MAX ? count - at : JIRA_CHECK_MAX;
        enum err_class rc = jira_visible_ids(jira, ids + at, n, ret, err);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* As the person, for themself. */
static enum err_class ask_as_person(struct looker *looker, const int64_t *ids, size_t count,
                                    struct jira_ids *ret, struct err *err)
{
    struct jira *jira = NULL;
    enum err_class rc = open_person(looker, &jira, err);

    if (rc != ERR_OK)
        return rc;
    if (!jira)
        return err_set(err, ERR_FORBIDDEN,
                       "Jira does not tell this connection what other people may see; give its "
                       "account the global permission Administer Jira");
    if (jira->datacenter)
        return ask_datacenter(jira, ids, count, ret, err);
    return ask_cloud(jira, STR(""), ids, count, ret, err);
}

/* viewer.ask */
static enum err_class ask(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                          struct err *err)
{
    struct looker *looker = arg;
    AUTO(jira_ids_done) struct jira_ids seen = {0};
    bool cloud = looker->request->tenant->info.kind == TENANT_CLOUD;
    struct jira *jira = NULL;
    enum err_class rc = ERR_FORBIDDEN;

    if (cloud)
        rc = open_link(looker, AS_TENANT, &jira, err);
    if (cloud && rc == ERR_OK)
        rc = ask_cloud(jira, looker->viewer.account, ids, count, &seen, err);
    if (rc == ERR_FORBIDDEN) {
        seen.count = 0;
        rc = ask_as_person(looker, ids, count, &seen, err);
    }
    for (size_t i = 0; i < seen.count && rc == ERR_OK; i++)
        rc = jira_ids_add(ret, seen.list[i], err);
    if (rc != ERR_OK && rc != ERR_MEMORY)
        return err_wrap(err, "what you may see could not be asked of Jira, so nothing is shown");
    return rc;
}

/* ---- Begin and end ---- */

enum err_class looker_begin(struct looker *looker, struct request *request, struct err *err)
{
    struct rights rights = {.log = true, .report = true, .others = true};
    enum err_class rc = ERR_OK;

    *looker = (struct looker){.request = request, .sees_all = request->who.role == ROLE_ADMIN};
    looker->others = true;
    if (looker->sees_all)
        return ERR_OK;
    if (request->who.account[0] == '\0')
        return err_set(err, ERR_FORBIDDEN,
                       "this sign-in is for no account of Jira; sign in with Jira");
    if (request->app->rights)
        rc = request->app->rights(request, true, &rights, err);
    if (rc == ERR_OK && !rights.report)
        rc = err_set(err, ERR_FORBIDDEN,
                     "reports are not open to you on this site; an administrator of it can change "
                     "that on the page Settings");
    if (rc != ERR_OK)
        return rc;
    looker->others = rights.others;
    looker->viewer = (struct viewer){
        .account = str_from(request->who.account),
        .ask = ask,
        .arg = looker,
    };
    if (request->tenant->info.kind == TENANT_DATACENTER) {
        struct jira *jira = NULL;

        rc = open_person(looker, &jira, err);
        looker->viewer.own_only = jira == NULL;
    }
    return rc;
}

void looker_done(struct looker *looker)
{
    for (size_t i = 0; i < ARRAY_LEN(looker->links); i++)
        if (looker->open[i])
            link_done(&looker->links[i]);
    *looker = (struct looker){0};
}

const struct viewer *looker_viewer(const struct looker *looker)
{
    return looker->sees_all ? NULL : &looker->viewer;
}

enum err_class looker_jira(struct looker *looker, struct jira **ret, bool *ret_as_person,
                           struct err *err)
{
    struct jira *jira = NULL;
    enum err_class rc = ERR_OK;

    if (!looker->sees_all)
        rc = open_person(looker, &jira, err);
    *ret_as_person = jira != NULL;
    if (rc == ERR_OK && !jira)
        rc = open_link(looker, AS_TENANT, &jira, err);
    if (rc == ERR_OK)
        *ret = jira;
    return rc;
}

/* ---- Searches ---- */

/* In any case of letters; JQL's functions are so. */
static bool mentions(struct str text, const char *word)
{
    size_t len = strlen(word);

    for (size_t at = 0; at + len <= text.len; at++)
        if (str_eq_nocase(str_sub(text, at, len), str_from(word)))
            return true;
    return false;
}

static enum err_class search(struct looker *looker, const char *what, struct str jql,
                             struct jira_ids *ret, struct err *err)
{
    struct jira *jira = NULL;
    bool as_person = false;
    enum err_class rc = looker_jira(looker, &jira, &as_person, err);

    if (rc != ERR_OK)
        return rc;
    if (!as_person && !looker->sees_all && mentions(jql, "currentUser"))
        return err_set(err, ERR_FORBIDDEN,
                       "%s: the query says currentUser(), and this connection to Jira cannot act "
                       "as you; write your account in its place",
                       what);
    return jira_search_ids(jira, what, jql, LOOKER_ONLY_MAX, ret, err);
}

static enum err_class search_filter(struct looker *looker, struct str text, struct jira_ids *ret,
                                    struct err *err)
{
    AUTO(strbuf_done) struct strbuf jql = STRBUF_INIT(LIMIT_JQL_BYTES);
    struct jira_filter filter = {.jql = &jql};
    struct jira *jira = NULL;
    bool as_person = false;
    int64_t id = 0;

    if (!parse_i64(text, 1, INT64_MAX, &id))
        return err_set(err, ERR_USAGE,
                       "filter: it must be the number of a saved filter, like 10010");

    enum err_class rc = looker_jira(looker, &jira, &as_person, err);

    if (rc == ERR_OK)
        rc = jira_filter_get(jira, id, looker->viewer.account, &filter, err);
    if (rc != ERR_OK)
        return rc;
    /* What the tenant's account may use is not what this person may. */
    if (!as_person && !looker->sees_all && !filter.open)
        return err_set(err, ERR_NOT_FOUND,
                       "filter: there is no saved filter %lld of yours, or shared with everybody",
                       (long long)id);
    return search(looker, "filter", strbuf_str(&jql), ret, err);
}

/* Keeps of a what is in b too; both sorted. */
static void intersect(struct jira_ids *a, const struct jira_ids *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->count; i++)
        if (jira_ids_has(b, a->list[i]))
            a->list[kept++] = a->list[i];
    a->count = kept;
}

enum err_class looker_find(struct looker *looker, struct str jql, struct str filter,
                           struct jira_ids *ret, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids first = {0};
    AUTO(jira_ids_done) struct jira_ids second = {0};
    enum err_class rc = ERR_OK;

    if (jql.len > 0)
        rc = search(looker, "jql", jql, &first, err);
    if (rc == ERR_OK && filter.len > 0)
        rc = search_filter(looker, filter, jql.len > 0 ? &second : &first, err);
    if (rc != ERR_OK)
        return rc;
    if (jql.len > 0 && filter.len > 0)
        intersect(&first, &second);
    jira_ids_done(ret);
    *ret = first;
    first = (struct jira_ids){0};
    return ERR_OK;
}
