/*
 * search.c: finding issues, and what an account may see of them.
 *
 * Facts: Cloud's search gives pages by a token that is opaque, and its end is told, never guessed
 * from a short page; asked for ids alone it gives 5000 a page. Data Center's counts rows. Jira's
 * words about a query that it refuses quote the query, which is a user's text: they go to the one
 * who asked (jira_jql_check) and into no error and no log.
 */
#include "jira/search.h"

#include <assert.h>
#include <inttypes.h>

#include "jira/answer.h"

#define PAGE_IDS 5000  /* Cloud: what may be asked when only ids are wanted */
#define PAGE_OLD 1000  /* Data Center's usual maximum (jira.search.views.default.max) */
#define PAGES_MAX 1000 /* of one search: a Jira that gives tiny pages does not hold us for ever */
#define TOKEN_BYTES_MAX ((size_t)16 * 1024)
#define WHY_BYTES_MAX 4096

/* ---- Lists of ids ---- */

void jira_ids_done(struct jira_ids *ids)
{
    free(ids->list);
    *ids = (struct jira_ids){0};
}

enum err_class jira_ids_add(struct jira_ids *ids, int64_t id, struct err *err)
{
    if (ids->count == ids->room) {
        size_t room = ids->room ? ids->room * 2 : 256;
        int64_t *list = reallocarray(ids->list, room, sizeof(*list));

        if (!list)
            return err_memory(err);
        ids->list = list;
        ids->room = room;
    }
    ids->list[ids->count++] = id;
    return ERR_OK;
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void jira_ids_sort(struct jira_ids *ids)
{
    size_t kept = 0;

    if (ids->count > 0)
        qsort(ids->list, ids->count, sizeof(ids->list[0]), compare_ids);
    for (size_t i = 0; i < ids->count; i++)
        if (kept == 0 || ids->list[kept - 1] != ids->list[i])
            ids->list[kept++] = ids->list[i];
    ids->count = kept;
}

bool jira_ids_has(const struct jira_ids *ids, int64_t id)
{
    return ids->count > 0 &&
           bsearch(&id, ids->list, ids->count, sizeof(ids->list[0]), compare_ids) != NULL;
}

/* ---- Search ---- */

/* One page is asked for, and where the next begins. */
struct page {
    struct str jql;
    struct strbuf token; /* Cloud */
    size_t start;        /* Data Center */
    size_t rows;         /* of a page */
    bool labels;         /* key and summary too */
    bool lenient;        /* Data Center: ids that are not there are no error */
    bool last;
};

static void page_done(struct page *page)
{
    strbuf_done(&page->token);
}

static void put_fields(struct json_out *out, bool labels)
{
    json_key(out, "fields");
    json_array(out);
    json_put_z(out, labels ? "summary" : "id");
    json_array_end(out);
}

static enum err_class ask_page(struct jira *jira, const struct page *page, struct answer *ret,
                               struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf body = STRBUF_INIT(8 * LIMIT_JQL_BYTES);
    struct json_out out = json_out(&body);

    json_object(&out);
    json_key(&out, "jql");
    json_put_str(&out, page->jql);
    json_key(&out, "maxResults");
    json_put_i64(&out, (int64_t)page->rows);
    put_fields(&out, page->labels);
    if (jira->datacenter) {
        json_key(&out, "startAt");
        json_put_i64(&out, (int64_t)page->start);
        if (page->lenient) {
            json_key(&out, "validateQuery");
            json_put_bool(&out, false);
        }
    } else if (page->token.len > 0) {
        json_key(&out, "nextPageToken");
        json_put_str(&out, strbuf_str(&page->token));
    }
    json_object_end(&out);
    return answer_post(jira, jira->datacenter ? "/search" : "/search/jql", &body,
                       "a page of issues", ret, err);
}

/* Where the next page begins; `rows` came with this one. */
static enum err_class turn_page(const struct jira *jira, struct page *page, yyjson_val *root,
                                size_t rows, struct err *err)
{
    if (jira->datacenter) {
        int64_t total = 0;

        if (!json_i64(root, "total", &total) || total < 0)
            return answer_broken(jira, "a page of issues", "total", err);
        page->start += rows;
        page->last = rows == 0 || page->start >= (uint64_t)total;
        return ERR_OK;
    }

    struct str token = json_str(root, "nextPageToken");

    page->last = json_bool(root, "isLast", false) || token.len == 0;
    if (!page->last && str_eq(token, strbuf_str(&page->token)))
        return answer_broken(jira, "a page of issues", "a new nextPageToken", err);
    strbuf_reset(&page->token);
    strbuf_add_str(&page->token, token);
    return strbuf_check(&page->token, "Jira's nextPageToken", err);
}

static enum err_class refused(const char *what, struct err *err)
{
    return err_set(err, ERR_INPUT,
                   "%s: Jira refuses this query; POST /api/v1/jql/check tells what it says", what);
}

/* Hands every page's issues to `take`, until it or Jira says that it is enough. */
static enum err_class search(struct jira *jira, const char *what, struct page *page,
                             enum err_class (*take)(void *arg, yyjson_val *issue, struct err *err),
                             void *arg, bool first_only, struct err *err)
{
    if (page->jql.len > LIMIT_JQL_BYTES)
        return err_set(err, ERR_INPUT, "%s: a query of %zu bytes; it may have %d", what,
                       page->jql.len, LIMIT_JQL_BYTES);
    page->token.max = TOKEN_BYTES_MAX;
    for (int turn = 0; turn < PAGES_MAX; turn++) {
        AUTO(answer_done) struct answer answer = {0};
        enum err_class rc = ask_page(jira, page, &answer, err);

        if (answer.status == 400)
            return refused(what, err);
        if (rc != ERR_OK)
            return rc;

        yyjson_val *issues = yyjson_obj_get(answer.root, "issues"), *issue;
        size_t at, count;

        if (!yyjson_is_arr(issues))
            return answer_broken(jira, "a page of issues", "issues", err);
        yyjson_arr_foreach(issues, at, count, issue)
        {
            rc = take(arg, issue, err);
            if (rc != ERR_OK)
                return rc;
        }
        rc = turn_page(jira, page, answer.root, count, err);
        if (rc != ERR_OK || page->last || first_only)
            return rc;
    }
    return err_set(err, ERR_LIMIT, "%s: Jira gives this search in more than %d pages; narrow it",
                   what, PAGES_MAX);
}

struct id_list {
    struct jira_ids *ids;
    const char *what;
    size_t max;
};

static enum err_class take_id(void *arg, yyjson_val *issue, struct err *err)
{
    struct id_list *list = arg;
    int64_t id = 0;

    if (!json_i64(issue, "id", &id) || id <= 0)
        return err_set(err, ERR_REMOTE, "Jira names an issue without its id; try again");
    if (list->ids->count == list->max)
        return err_set(err, ERR_LIMIT,
                       "%s: the query finds more than %zu issues; narrow it, or ask for a period "
                       "and accounts instead",
                       list->what, list->max);
    return jira_ids_add(list->ids, id, err);
}

enum err_class jira_search_ids(struct jira *jira, const char *what, struct str jql, size_t max,
                               struct jira_ids *ret, struct err *err)
{
    AUTO(page_done) struct page page = {.jql = jql, .rows = jira->datacenter ? PAGE_OLD : PAGE_IDS};
    AUTO(jira_ids_done) struct jira_ids ids = {0};
    struct id_list list = {&ids, what, max};
    enum err_class rc = search(jira, what, &page, take_id, &list, false, err);

    if (rc != ERR_OK)
        return rc;
    jira_ids_sort(&ids);
    jira_ids_done(ret);
    *ret = ids;
    ids = (struct jira_ids){0};
    return ERR_OK;
}

struct label_list {
    jira_each_issue *each;
    void *arg;
    size_t left;
};

static enum err_class take_label(void *arg, yyjson_val *issue, struct err *err)
{
    struct label_list *list = arg;
    struct jira_issue_label label = {.key = json_str(issue, "key")};

    if (!json_i64(issue, "id", &label.id) || list->left == 0)
        return ERR_OK;
    list->left--;
    label.summary = json_str(yyjson_obj_get(issue, "fields"), "summary");
    return list->each(list->arg, &label, err);
}

enum err_class jira_first_issues(struct jira *jira, struct str jql, size_t max,
                                 jira_each_issue *each, void *arg, struct err *err)
{
    AUTO(page_done) struct page page = {.jql = jql, .rows = max, .labels = true};
    struct label_list list = {each, arg, max};

    return search(jira, "the search for issues", &page, take_label, &list, true, err);
}

static enum err_class visible_of_few(struct jira *jira, const int64_t *ids, size_t count,
                                     struct jira_ids *ret, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf jql = STRBUF_INIT(LIMIT_JQL_BYTES);
    AUTO(page_done) struct page page = {.rows = PAGE_OLD, .lenient = true};
    struct id_list list = {ret, "the search for visible issues", SIZE_MAX};

    strbuf_add_z(&jql, "id in (");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(&jql, ',');
        strbuf_add_i64(&jql, ids[i]);
    }
    strbuf_add_char(&jql, ')');
    if (strbuf_check(&jql, list.what, err))
        return err->class;
    page.jql = strbuf_str(&jql);
    return search(jira, list.what, &page, take_id, &list, false, err);
}

enum err_class jira_visible_ids(struct jira *jira, const int64_t *ids, size_t count,
                                struct jira_ids *ret, struct err *err)
{
    for (size_t at = 0; at < count; at += JIRA_CHECK_MAX) {
        size_t n = count - at < JIRA_CHECK_MAX ? count - at : JIRA_CHECK_MAX;
        enum err_class rc = visible_of_few(jira, ids + at, n, ret, err);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* ---- Queries themselves ---- */

/* Jira's sentences, one behind the other. */
static void add_sentences(yyjson_val *list, struct strbuf *ret)
{
    yyjson_val *item;
    size_t at, count;

    yyjson_arr_foreach(list, at, count, item)
    {
        if (!yyjson_is_str(item))
            continue;
        if (ret->len > 0)
            strbuf_add_char(ret, ' ');
        strbuf_add(ret, yyjson_get_str(item), yyjson_get_len(item));
    }
}

/* Keeps the words of a refusal. */
static void keep_refusal(void *arg, const struct net_response *response)
{
    struct strbuf *why = arg;
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};

    if (response->status == 400 &&
        json_read(strbuf_str(&response->body), "a refusal", &doc, &err) == ERR_OK)
        add_sentences(yyjson_obj_get(yyjson_doc_get_root(doc), "errorMessages"), why);
}

/* Data Center has no parser to ask: a search for no row, which is refused with the reasons. */
static enum err_class check_by_search(struct jira *jira, struct str jql, bool *ret_ok,
                                      struct strbuf *why, struct err *err)
{
    AUTO(answer_done) struct answer answer = {0};
    struct page page = {.jql = jql, .rows = 0};
    struct jira asked = *jira;

    asked.http.on_refusal = keep_refusal;
    asked.http.on_refusal_arg = why;

    enum err_class rc = ask_page(&asked, &page, &answer, err);

    if (rc != ERR_OK && answer.status != 400)
        return rc;
    *ret_ok = rc == ERR_OK;
    return ERR_OK;
}

static enum err_class check_by_parser(struct jira *jira, struct str jql, bool *ret_ok,
                                      struct strbuf *why, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf body = STRBUF_INIT(8 * LIMIT_JQL_BYTES);
    AUTO(answer_done) struct answer answer = {0};
    struct json_out out = json_out(&body);

    json_object(&out);
    json_key(&out, "queries");
    json_array(&out);
    json_put_str(&out, jql);
    json_array_end(&out);
    json_object_end(&out);

    enum err_class rc =
        answer_post(jira, "/jql/parse?validation=strict", &body, "the parsed query", &answer, err);

    if (rc != ERR_OK)
        return rc;

    yyjson_val *query = yyjson_arr_get_first(yyjson_obj_get(answer.root, "queries"));

    if (!query)
        return answer_broken(jira, "the parsed query", "queries", err);
    add_sentences(yyjson_obj_get(query, "errors"), why);
    *ret_ok = why->len == 0;
    return ERR_OK;
}

enum err_class jira_jql_check(struct jira *jira, struct str jql, bool *ret_ok,
                              struct strbuf *ret_why, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf why = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES);
    bool ok = false;
    enum err_class rc = jql.len > LIMIT_JQL_BYTES
                            ? err_set(err, ERR_INPUT, "jql: a query of %zu bytes; it may have %d",
                                      jql.len, LIMIT_JQL_BYTES)
                        : jira->datacenter ? check_by_search(jira, jql, &ok, &why, err)
                                           : check_by_parser(jira, jql, &ok, &why, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_add_str(ret_why, str_sub(strbuf_str(&why), 0, WHY_BYTES_MAX));
    *ret_ok = ok;
    return ERR_OK;
}

/* Shared with the public, or with all who are signed in: Cloud says "authenticated". */
static bool is_shared_with_all(yyjson_val *filter)
{
    yyjson_val *share;
    size_t at, count;

    yyjson_arr_foreach(yyjson_obj_get(filter, "sharePermissions"), at, count, share)
    {
        struct str type = json_str(share, "type");

        if (str_eq(type, STR("global")) || str_eq(type, STR("authenticated")) ||
            str_eq(type, STR("loggedin")))
            return true;
    }
    return false;
}

enum err_class jira_filter_get(struct jira *jira, int64_t id, struct str account,
                               struct jira_filter *ret, struct err *err)
{
    AUTO(answer_done) struct answer answer = {0};
    char path[64];

    (void)snprintf(path, sizeof(path), "/filter/%" PRId64, id);

    enum err_class rc = answer_get(jira, path, "a saved filter", 1, &answer, err);

    if (answer.status == 400 || answer.status == 404)
        return err_set(
            err, ERR_NOT_FOUND,
            "filter: there is no saved filter %" PRId64 " that this account may use in Jira", id);
    if (rc != ERR_OK)
        return rc;

    struct str jql = json_str(answer.root, "jql");
    struct str owner = jira_account(yyjson_obj_get(answer.root, "owner"));

    if (!jql.ptr)
        return answer_broken(jira, "a saved filter", "jql", err);
    strbuf_add_str(ret->jql, jql);
    ret->open = (owner.len > 0 && str_eq(owner, account)) || is_shared_with_all(answer.root);
    return strbuf_check(ret->jql, "the query of a saved filter", err);
}

/* ---- What an account may ---- */

enum err_class jira_browsable_start(struct jira *jira, struct str account, const int64_t *ids,
                                    size_t count, struct http_call **ret, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf body = STRBUF_INIT(64 * JIRA_CHECK_MAX);
    struct json_out out = json_out(&body);

    assert(count >= 1 && count <= JIRA_CHECK_MAX);
    json_object(&out);
    if (account.len > 0) {
        json_key(&out, "accountId");
        json_put_str(&out, account);
    }
    json_key(&out, "projectPermissions");
    json_array(&out);
    json_object(&out);
    json_key(&out, "permissions");
    json_array(&out);
    json_put_z(&out, "BROWSE_PROJECTS");
    json_array_end(&out);
    json_key(&out, "issues");
    json_array(&out);
    for (size_t i = 0; i < count; i++)
        json_put_i64(&out, ids[i]);
    json_array_end(&out);
    json_object_end(&out);
    json_array_end(&out);
    json_object_end(&out);
    return answer_post_start(jira, "/permissions/check", &body, ret, err);
}

enum err_class jira_browsable_finish(struct jira *jira, struct http_call *call,
                                     struct jira_ids *ret, struct err *err)
{
    AUTO(answer_done) struct answer answer = {0};
    enum err_class rc = answer_finish(jira, call, "the permissions", &answer, err);
    yyjson_val *grants, *grant, *id;
    size_t at, count, i, n;

    if (rc != ERR_OK)
        return rc;
    grants = yyjson_obj_get(answer.root, "projectPermissions");
    if (!yyjson_is_arr(grants))
        return answer_broken(jira, "the permissions", "projectPermissions", err);
    yyjson_arr_foreach(grants, at, count, grant)
    {
        if (!str_eq(json_str(grant, "permission"), STR("BROWSE_PROJECTS")))
            continue;
        yyjson_arr_foreach(yyjson_obj_get(grant, "issues"), i, n, id)
        {
            int64_t value = 0;

            if (!json_to_i64(id, &value))
                return answer_broken(jira, "the permissions", "issues", err);
            rc = jira_ids_add(ret, value, err);
            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

static enum err_class own_admin(struct jira *jira, bool *ret, struct err *err)
{
    AUTO(answer_done) struct answer answer = {0};
    enum err_class rc = answer_get(jira, "/mypermissions?permissions=ADMINISTER",
                                   "Jira's mypermissions", 1, &answer, err);
    yyjson_val *grant;

    if (rc != ERR_OK)
        return rc;
    grant = yyjson_obj_get(yyjson_obj_get(answer.root, "permissions"), "ADMINISTER");
    *ret = json_bool(grant, "havePermission", false);
    return ERR_OK;
}

enum err_class jira_is_admin(struct jira *jira, struct str account, bool *ret, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf body = STRBUF_INIT(4096);
    AUTO(answer_done) struct answer answer = {0};
    struct json_out out = json_out(&body);
    yyjson_val *item;
    size_t at, count;

    if (account.len == 0)
        return own_admin(jira, ret, err);
    if (jira->datacenter)
        return err_set(err, ERR_FORBIDDEN,
                       "Data Center does not tell what other accounts may; sign in with an own "
                       "token");
    json_object(&out);
    json_key(&out, "accountId");
    json_put_str(&out, account);
    json_key(&out, "globalPermissions");
    json_array(&out);
    json_put_z(&out, "ADMINISTER");
    json_array_end(&out);
    json_object_end(&out);

    enum err_class rc =
        answer_post(jira, "/permissions/check", &body, "the permissions", &answer, err);

    if (rc != ERR_OK)
        return rc;
    *ret = false;
    yyjson_arr_foreach(yyjson_obj_get(answer.root, "globalPermissions"), at, count, item)
    {
        struct str name = {yyjson_get_str(item), yyjson_get_len(item)};

        if (name.ptr && str_eq(name, STR("ADMINISTER")))
            *ret = true;
    }
    return ERR_OK;
}
