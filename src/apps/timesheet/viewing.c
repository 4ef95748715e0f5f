/* viewing.c: from a request to a viewer; questions of a thousand issues, a few under way at once.
 */
#include "apps/timesheet/viewing.h"

#define ASKED_AT_ONCE 4
#define TRIES_MAX 2 /* a person waits */

static enum err_class open_link(struct viewing *viewing, struct err *err)
{
    enum err_class rc = ERR_FORBIDDEN;

    if (viewing->is_open)
        return ERR_OK;
    if (!viewing->all)
        rc = request_link(viewing->request, AS_PERSON, "visibility", &viewing->link, err);
    viewing->as_person = rc == ERR_OK;
    if (rc == ERR_FORBIDDEN)
        rc = request_link(viewing->request, AS_TENANT, "visibility", &viewing->link, err);
    viewing->is_open = rc == ERR_OK;
    viewing->link.jira.http.tries_max = TRIES_MAX;
    return rc;
}

enum err_class viewing_jira(struct viewing *viewing, struct jira **ret, struct err *err)
{
    enum err_class rc = open_link(viewing, err);

    if (rc == ERR_OK)
        *ret = &viewing->link.jira;
    return rc;
}

/* Questions under way, first in first out. */
struct under_way {
    struct http_call *calls[ASKED_AT_ONCE];
    size_t first, count;
};

static void drop_all(struct under_way *under_way)
{
    for (; under_way->count > 0; under_way->count--)
        http_drop(under_way->calls[under_way->first++ % ASKED_AT_ONCE]);
}

static enum err_class finish_first(struct jira *jira, struct under_way *under_way,
                                   struct jira_ids *ret, struct err *err)
{
    struct http_call *call = under_way->calls[under_way->first++ % ASKED_AT_ONCE];

    under_way->count--;
    return jira_browsable_finish(jira, call, ret, err);
}

static enum err_class ask_cloud(struct viewing *viewing, const int64_t *ids, size_t count,
                                struct jira_ids *ret, struct err *err)
{
    struct jira *jira = &viewing->link.jira;
    struct str account = viewing->as_person ? (struct str){NULL, 0} : viewing->viewer.account;
    struct under_way under_way = {.count = 0};
    enum err_class rc = ERR_OK;

    for (size_t at = 0; at < count && rc == ERR_OK; at += JIRA_CHECK_MAX) {
        size_t n = count - at < JIRA_CHECK_MAX ? count - at : JIRA_CHECK_MAX;

        if (under_way.count == ASKED_AT_ONCE)
            rc = finish_first(jira, &under_way, ret, err);
        if (rc == ERR_OK)
            rc = jira_browsable_start(
                jira, account, ids + at, n,
                &under_way.calls[(under_way.first + under_way.count) % ASKED_AT_ONCE], err);
        if (rc == ERR_OK)
            under_way.count++;
    }
    while (under_way.count > 0 && rc == ERR_OK)
        rc = finish_first(jira, &under_way, ret, err);
    drop_all(&under_way);
    return rc;
}

static enum err_class ask(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                          struct err *err)
{
    struct viewing *viewing = arg;
    enum err_class rc = open_link(viewing, err);

    if (rc == ERR_OK && viewing->link.jira.datacenter)
        rc = jira_visible_ids(&viewing->link.jira, ids, count, ret, err);
    else if (rc == ERR_OK)
        rc = ask_cloud(viewing, ids, count, ret, err);
    if (rc == ERR_FORBIDDEN && !viewing->as_person)
        return err_set(err, ERR_FORBIDDEN,
                       "Jira does not tell what you may see: the account that Tenon uses needs the "
                       "global permission Administer Jira, or sign in with Jira yourself");
    return rc;
}

enum err_class viewing_begin(struct request *request, struct viewing *ret, struct err *err)
{
    *ret = (struct viewing){.request = request, .all = request->who.role == ROLE_ADMIN};
    if (ret->all)
        return ERR_OK;
    if (request->who.account[0] == '\0')
        return err_set(err, ERR_FORBIDDEN,
                       "this sign-in belongs to no account of Jira, so nothing can be shown to it; "
                       "bind the token to an account");
    ret->viewer = (struct viewer){
        .account = str_from(request->who.account),
        .ask = ask,
        .arg = ret,
    };
    if (request->tenant->info.kind != TENANT_DATACENTER)
        return ERR_OK;

    enum err_class rc = open_link(ret, err);

    ret->viewer.own_only = rc == ERR_OK && !ret->as_person;
    return rc;
}

void viewing_end(struct viewing *viewing)
{
    if (viewing->is_open)
        link_done(&viewing->link);
    viewing->is_open = false;
}

const struct viewer *viewing_viewer(const struct viewing *viewing)
{
    return viewing->all ? NULL : &viewing->viewer;
}
