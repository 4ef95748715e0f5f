/* looker.c: what the one who asks may see; see looker.h. */
#include "apps/timesheet/looker.h"

enum err_class looker_begin(struct looker *looker, struct request *request, struct err *err)
{
    struct rights rights = {.log = true, .report = true, .others = true};
    enum err_class rc = ERR_OK;

    *looker = (struct looker){.others = true};
    rc = viewing_begin(request, &looker->viewing, err);
    if (rc != ERR_OK || looker->viewing.all)
        return rc;
    if (request->app->rights)
        rc = request->app->rights(request, true, &rights, err);
    if (rc == ERR_OK && !rights.report)
        rc = err_set(err, ERR_FORBIDDEN,
                     "reports are not open to you on this site; an administrator of it can change "
                     "that on the page Settings");
    looker->others = rights.others;
    return rc;
}

void looker_done(struct looker *looker)
{
    viewing_end(&looker->viewing);
}

const struct viewer *looker_viewer(const struct looker *looker)
{
    return viewing_viewer(&looker->viewing);
}

/* Nobody's rights but the tenant's own stand behind what Jira then answers. */
static bool is_lent(const struct looker *looker)
{
    return !looker->viewing.as_person && !looker->viewing.all;
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
    enum err_class rc = viewing_jira(&looker->viewing, &jira, err);

    if (rc != ERR_OK)
        return rc;
    if (is_lent(looker) && mentions(jql, "currentUser"))
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
    int64_t id = 0;

    if (!parse_i64(text, 1, INT64_MAX, &id))
        return err_set(err, ERR_USAGE,
                       "filter: it must be the number of a saved filter, like 10010");

    enum err_class rc = viewing_jira(&looker->viewing, &jira, err);

    if (rc == ERR_OK)
        rc = jira_filter_get(jira, id, looker->viewing.viewer.account, &filter, err);
    if (rc != ERR_OK)
        return rc;
    /* What the tenant's account may use is not what this person may. */
    if (is_lent(looker) && !filter.open)
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
