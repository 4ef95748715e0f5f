/*
 * routes_find.c: names of what a report is about, and the pickers: asked of Jira while somebody
 * waits, shown, and forgotten.
 *
 * Asked as the person where the connection allows it: then Jira itself leaves out what they may not
 * see. Else asked as the tenant, and held against what the person may browse before a byte of it
 * goes out.
 */
#include "apps/timesheet/looker.h"
#include "apps/timesheet/routes_report.h"

#include <inttypes.h>

#define LABELS_MAX 500 /* of either kind in one request */
#define PICK_DEFAULT 20
#define PICK_MAX 100
#define PEOPLE_MAX 50
#define FILTERS_MAX 500
#define QUERY_BYTES 255

/* Who must still be asked about what Jira answered; NULL: nobody, it was asked as the person. */
static const struct viewer *judge(const struct looker *looker)
{
    return looker->viewing.as_person ? NULL : looker_viewer(looker);
}

/* ---- Labels ---- */

struct wanted {
    struct str accounts[LABELS_MAX];
    size_t account_count;
    int64_t issues[LABELS_MAX];
    size_t issue_count;
};

static enum err_class read_accounts(yyjson_val *list, struct wanted *wanted, struct err *err)
{
    yyjson_val *item;
    size_t at, count;

    if (list && !yyjson_is_arr(list))
        return err_set(err, ERR_INPUT, "accounts: it must be a list of texts");
    if (yyjson_arr_size(list) > LABELS_MAX)
        return err_set(err, ERR_INPUT, "accounts: %zu are too many; there may be %d",
                       yyjson_arr_size(list), LABELS_MAX);
    yyjson_arr_foreach(list, at, count, item)
    {
        struct str text = {yyjson_get_str(item), yyjson_get_len(item)};

        if (!text.ptr || text.len == 0 || text.len > LIMIT_ACCOUNT_ID_BYTES)
            return err_set(err, ERR_INPUT,
                           "accounts: entry %zu must be an account id of 1 to %d bytes", at,
                           LIMIT_ACCOUNT_ID_BYTES);
        wanted->accounts[wanted->account_count++] = text;
    }
    return ERR_OK;
}

static enum err_class read_issues(yyjson_val *list, struct wanted *wanted, struct err *err)
{
    yyjson_val *item;
    size_t at, count;

    if (list && !yyjson_is_arr(list))
        return err_set(err, ERR_INPUT, "issues: it must be a list of ids");
    if (yyjson_arr_size(list) > LABELS_MAX)
        return err_set(err, ERR_INPUT, "issues: %zu are too many; there may be %d",
                       yyjson_arr_size(list), LABELS_MAX);
    yyjson_arr_foreach(list, at, count, item)
    {
        int64_t id = 0;

        if (!json_to_i64(item, &id) || id <= 0)
            return err_set(err, ERR_INPUT,
                           "issues: entry %zu must be the id of an issue, like "
                           "\"10042\"",
                           at);
        wanted->issues[wanted->issue_count++] = id;
    }
    return ERR_OK;
}

static enum err_class put_issue(void *arg, const struct jira_issue_label *label, struct err *err)
{
    struct json_out *json = arg;
    char id[24];

    (void)err;
    (void)snprintf(id, sizeof(id), "%" PRId64, label->id);
    json_key(json, id);
    json_object(json);
    json_key(json, "key");
    json_put_str(json, label->key);
    json_key(json, "summary");
    json_put_str(json, label->summary);
    json_key(json, "type");
    json_put_str(json, label->type);
    json_key(json, "status");
    json_put_str(json, label->status);
    json_key(json, "project");
    json_object(json);
    (void)snprintf(id, sizeof(id), "%" PRId64, label->project_id);
    json_key(json, "id");
    json_put_z(json, id);
    json_key(json, "key");
    json_put_str(json, label->project_key);
    json_key(json, "name");
    json_put_str(json, label->project_name);
    json_object_end(json);
    json_object_end(json);
    return ERR_OK;
}

static enum err_class put_issues(struct looker *looker, const struct wanted *wanted,
                                 struct json_out *json, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids ids = {0};
    struct jira *jira = NULL;
    enum err_class rc = viewing_jira(&looker->viewing, &jira, err);

    if (rc == ERR_OK) /* asked as the person Jira leaves the others out by itself */
        rc = viewer_filter(judge(looker), wanted->issues, wanted->issue_count, &ids, err);
    for (size_t at = 0; at < ids.count && rc == ERR_OK; at += JIRA_LABELS_MAX) {
        size_t n = ids.count - at < JIRA_LABELS_MAX ? ids.count - at : JIRA_LABELS_MAX;

        rc = jira_issue_labels(jira, ids.list + at, n, put_issue, json, err);
    }
    return rc;
}

static enum err_class put_account(void *arg, const struct jira_user_label *user, struct err *err)
{
    struct json_out *json = arg;
    char account[LIMIT_ACCOUNT_ID_BYTES + 1];

    (void)err;
    (void)snprintf(account, sizeof(account), STR_FMT,
                   STR_ARG(str_sub(user->account, 0, LIMIT_ACCOUNT_ID_BYTES)));
    json_key(json, account);
    json_object(json);
    json_key(json, "name");
    json_put_str(json, user->name);
    json_key(json, "avatar"); /* pages load nothing from another host */
    json_put_null(json);
    json_object_end(json);
    return ERR_OK;
}

static enum err_class put_accounts(struct looker *looker, const struct wanted *wanted,
                                   struct json_out *json, struct err *err)
{
    struct jira *jira = NULL;
    enum err_class rc = ERR_OK;

    if (wanted->account_count == 0)
        return ERR_OK;
    rc = viewing_jira(&looker->viewing, &jira, err);
    return rc == ERR_OK ? jira_user_labels(jira, wanted->accounts, wanted->account_count,
                                           put_account, json, err)
                        : rc;
}

static enum err_class end_json(struct request *request, struct err *err)
{
    return strbuf_check(&request->ex->out, "the answer", err);
}

enum err_class report_labels(struct request *request, struct err *err)
{
    AUTO(looker_done) struct looker looker = {0};
    AUTO(free_autop) struct wanted *wanted = calloc(1, sizeof(*wanted));
    struct json_out json = json_out(&request->ex->out);
    yyjson_val *body = NULL;
    enum err_class rc = wanted ? looker_begin(&looker, request, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = request_json(request, &body, err);
    if (rc == ERR_OK)
        rc = read_accounts(yyjson_obj_get(body, "accounts"), wanted, err);
    if (rc == ERR_OK)
        rc = read_issues(yyjson_obj_get(body, "issues"), wanted, err);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "accounts");
    json_object(&json);
    if (put_accounts(&looker, wanted, &json, err))
        return err->class;
    json_object_end(&json);
    json_key(&json, "issues");
    json_object(&json);
    if (wanted->issue_count > 0 && put_issues(&looker, wanted, &json, err))
        return err->class;
    json_object_end(&json);
    json_object_end(&json);
    return end_json(request, err);
}

/* ---- Issues ---- */

/* Suggestions, kept until it is known which of them may be shown. */
struct suggestion {
    int64_t id;
    struct str key, summary; /* in the arena */
};
struct suggestions {
    struct arena *arena;
    struct suggestion list[PICK_MAX];
    size_t count;
};

static enum err_class keep_issue(void *arg, const struct jira_issue_label *label, struct err *err)
{
    struct suggestions *all = arg;

    if (all->count == PICK_MAX)
        return ERR_OK;

    struct suggestion *one = &all->list[all->count++];

    *one = (struct suggestion){label->id, arena_dup(all->arena, label->key),
                               arena_dup(all->arena, label->summary)};
    return one->key.ptr && one->summary.ptr ? ERR_OK : err_memory(err);
}

/* What the person is busy with: assigned to them, or with their time on it; the latest first. */
static enum err_class recent_issues(struct looker *looker, struct jira *jira, size_t max,
                                    struct suggestions *all, struct err *err)
{
    AUTO(strbuf_done) struct strbuf jql = STRBUF_INIT(4096);
    struct str account = looker->viewing.viewer.account;
    bool plain = account.len > 0;

    for (size_t i = 0; i < account.len; i++)
        plain = plain && account.ptr[i] != '"' && account.ptr[i] != '\\';
    if (plain)
        strbuf_addf(&jql,
                    "assignee = \"" STR_FMT "\" OR worklogAuthor = \"" STR_FMT
                    "\" ORDER BY updated DESC",
                    STR_ARG(account), STR_ARG(account));
    else
        strbuf_add_z(&jql, "updated >= -14d ORDER BY updated DESC");
    if (strbuf_check(&jql, "the search for recent issues", err))
        return err->class;
    return jira_first_issues(jira, strbuf_str(&jql), max, keep_issue, all, err);
}

static enum err_class put_suggestions(struct request *request, const struct viewer *viewer,
                                      const struct suggestions *all, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids seen = {0};
    struct json_out json = json_out(&request->ex->out);
    int64_t ids[PICK_MAX];

    for (size_t i = 0; i < all->count; i++)
        ids[i] = all->list[i].id;
    if (viewer_filter(viewer, ids, all->count, &seen, err))
        return err->class;
    json_object(&json);
    json_key(&json, "issues");
    json_array(&json);
    for (size_t i = 0; i < all->count; i++) {
        char id[24];

        if (!jira_ids_has(&seen, all->list[i].id))
            continue;
        (void)snprintf(id, sizeof(id), "%" PRId64, all->list[i].id);
        json_object(&json);
        json_key(&json, "id");
        json_put_z(&json, id);
        json_key(&json, "key");
        json_put_str(&json, all->list[i].key);
        json_key(&json, "summary");
        json_put_str(&json, all->list[i].summary);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    return end_json(request, err);
}

static enum err_class read_words(struct request *request, struct str *ret, struct err *err)
{
    *ret = str_trim(http_in_query(request->ex, "query"));
    if (ret->len <= QUERY_BYTES)
        return ERR_OK;
    return err_set(err, ERR_USAGE, "query: %zu bytes are too many; there may be %d", ret->len,
                   QUERY_BYTES);
}

enum err_class report_issues(struct request *request, struct err *err)
{
    AUTO(looker_done) struct looker looker = {0};
    AUTO(free_autop) struct suggestions *all = calloc(1, sizeof(*all));
    struct str words, text = http_in_query(request->ex, "limit");
    uint32_t max = PICK_DEFAULT;
    struct jira *jira = NULL;
    enum err_class rc = all ? read_words(request, &words, err) : err_memory(err);

    if (rc == ERR_OK && text.len > 0 && !parse_u32(text, 1, PICK_MAX, &max))
        rc = err_set(err, ERR_USAGE, "limit: it must be a number from 1 to %d", PICK_MAX);
    if (rc == ERR_OK)
        rc = looker_begin(&looker, request, err);
    if (rc == ERR_OK)
        rc = viewing_jira(&looker.viewing, &jira, err);
    if (rc != ERR_OK)
        return rc;
    all->arena = request->ex->arena;
    rc = words.len > 0 ? jira_pick_issues(jira, words, max, keep_issue, all, err)
                       : recent_issues(&looker, jira, max, all, err);
    if (rc != ERR_OK)
        return rc;
    return put_suggestions(request, judge(&looker), all, err);
}

/* ---- People, filters, queries ---- */

static enum err_class put_person(void *arg, const struct jira_user_label *user, struct err *err)
{
    struct json_out *json = arg;

    (void)err;
    json_object(json);
    json_key(json, "account");
    json_put_str(json, user->account);
    json_key(json, "name");
    json_put_str(json, user->name);
    json_object_end(json);
    return ERR_OK;
}

enum err_class report_people(struct request *request, struct err *err)
{
    AUTO(looker_done) struct looker looker = {0};
    struct json_out json = json_out(&request->ex->out);
    struct jira *jira = NULL;
    struct str words;
    enum err_class rc = read_words(request, &words, err);

    if (rc == ERR_OK)
        rc = looker_begin(&looker, request, err);
    if (rc == ERR_OK)
        rc = viewing_jira(&looker.viewing, &jira, err);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "people");
    json_array(&json);
    if (jira_find_users(jira, words, PEOPLE_MAX, put_person, &json, err))
        return err->class;
    json_array_end(&json);
    json_object_end(&json);
    return end_json(request, err);
}

static enum err_class put_filter(void *arg, const struct jira_filter_label *filter, struct err *err)
{
    struct json_out *json = arg;
    char id[24];

    (void)err;
    (void)snprintf(id, sizeof(id), "%" PRId64, filter->id);
    json_object(json);
    json_key(json, "id");
    json_put_z(json, id);
    json_key(json, "name");
    json_put_str(json, filter->name);
    json_object_end(json);
    return ERR_OK;
}

enum err_class report_filters(struct request *request, struct err *err)
{
    AUTO(looker_done) struct looker looker = {0};
    struct json_out json = json_out(&request->ex->out);
    struct jira *jira = NULL;
    enum err_class rc = looker_begin(&looker, request, err);

    if (rc == ERR_OK)
        rc = viewing_jira(&looker.viewing, &jira, err);
    if (rc != ERR_OK)
        return rc;

    bool ours = looker.viewing.as_person || looker.viewing.all;

    json_object(&json);
    json_key(&json, "filters");
    json_array(&json);
    /* Data Center tells the tenant's own favourites only: not this person's. */
    if ((ours || !jira->datacenter) &&
        jira_filters(jira, ours ? STR("") : looker.viewing.viewer.account, FILTERS_MAX, put_filter,
                     &json, err))
        return err->class;
    json_array_end(&json);
    json_object_end(&json);
    return end_json(request, err);
}

enum err_class report_jql_check(struct request *request, struct err *err)
{
    AUTO(looker_done) struct looker looker = {0};
    AUTO(strbuf_done) struct strbuf why = STRBUF_INIT(64 * 1024);
    struct json_out json = json_out(&request->ex->out);
    struct jira *jira = NULL;
    bool good = false;
    yyjson_val *body = NULL;
    enum err_class rc = looker_begin(&looker, request, err);

    if (rc == ERR_OK)
        rc = request_json(request, &body, err);
    if (rc == ERR_OK && !json_str(body, "jql").ptr)
        rc = err_set(err, ERR_INPUT, "jql: it must be there and be a text");
    if (rc == ERR_OK)
        rc = viewing_jira(&looker.viewing, &jira, err);
    if (rc == ERR_OK)
        rc = jira_jql_check(jira, json_str(body, "jql"), &good, &why, err);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "ok");
    json_put_bool(&json, good);
    json_key(&json, "detail");
    if (good)
        json_put_null(&json);
    else
        json_put_str(&json, strbuf_str(&why));
    json_object_end(&json);
    return end_json(request, err);
}
