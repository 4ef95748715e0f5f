/*
 * api_issues.c: issues one by one, in bulk and by search; their types, statuses and fields.
 * Facts: search.
 */
#include <inttypes.h>

#include "api.h"
#include "base/civil.h"
#include "jql.h"

#define SEARCH_DEFAULT 50
#define SEARCH_MAX 100
#define SEARCH_LEAN_MAX 5000
#define BULK_MAX 100

/* ---- Which fields ---- */

/* From a query parameter, which may stand several times; `otherwise` when it is not there. */
static struct field_filter fields_of_query(const struct http_exchange *ex, const char *otherwise)
{
    struct field_filter filter = {str_from(otherwise)};
    struct strbuf list AUTO(strbuf_done) = STRBUF_INIT(64 * 1024);

    for (size_t i = 0; http_in_query_nth(ex, "fields", i).ptr; i++) {
        strbuf_add_z(&list, list.len ? "," : "");
        strbuf_add_str(&list, http_in_query_nth(ex, "fields", i));
    }
    if (list.len > 0)
        filter.list = arena_dup(ex->arena, strbuf_str(&list));
    return filter;
}

static struct field_filter fields_of_body(const struct http_exchange *ex, yyjson_val *body,
                                          const char *otherwise)
{
    struct field_filter filter = {str_from(otherwise)};
    struct strbuf list AUTO(strbuf_done) = STRBUF_INIT(64 * 1024);
    yyjson_val *fields = yyjson_obj_get(body, "fields"), *item;
    size_t at, max;

    yyjson_arr_foreach(fields, at, max, item)
    {
        strbuf_add_z(&list, list.len ? "," : "");
        strbuf_add(&list, yyjson_get_str(item), yyjson_get_len(item));
    }
    if (list.len > 0)
        filter.list = arena_dup(ex->arena, strbuf_str(&list));
    return filter;
}

void api_issue_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct field_filter filter = fields_of_query(ex, "*all");

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);

    if (issue == NONE)
        return;
    api_call(ex)->objects = 1;
    show_issue(&ex->out, site, issue, api_call(ex)->version, &filter,
               api_list_has(http_in_query(ex, "expand"), "changelog"));
}

/* ---- What JQL asks of an issue ---- */

struct seen_issue {
    const struct site *site;
    uint32_t at;
};

static bool is_person(const struct site *site, uint32_t user, struct str value)
{
    if (!value.ptr || user == NONE)
        return !value.ptr && user == NONE;
    return str_eq(site->users[user].account_id, value) || str_eq(site->users[user].key, value) ||
           str_eq_nocase(site->users[user].name, value);
}

static bool is_item(const struct item *item, struct str value)
{
    int64_t id = 0;

    return str_eq_nocase(item->key, value) ||
           (parse_i64(value, INT64_MIN, INT64_MAX, &id) && item->id == id);
}

static bool is_category(const struct item *status, struct str value)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};
    yyjson_val *category;

    if (json_read(status->json, "a status", &doc, &err) != ERR_OK)
        return false;
    category = yyjson_obj_get(yyjson_doc_get_root(doc), "statusCategory");
    return str_eq_nocase(json_str(category, "name"), value) ||
           str_eq_nocase(json_str(category, "key"), value);
}

static bool has_worklog_of(const struct site *site, const struct issue *issue, struct str value)
{
    for (uint32_t row = issue->first_row; row != NONE; row = site->worklogs[row].next)
        if (worklog_is_visible(site, &site->worklogs[row]) &&
            (!value.ptr || is_person(site, site->worklogs[row].author, value)))
            return value.ptr != NULL;
    return !value.ptr;
}

static bool issue_is(const void *arg, enum jql_field field, struct str value)
{
    const struct seen_issue *seen = arg;
    const struct site *site = seen->site;
    const struct issue *issue = &site->issues[seen->at];
    const struct project *project = &site->projects[issue->project];
    int64_t id = 0;

    switch (field) {
    case JQL_PROJECT:
        return value.ptr &&
               (str_eq_nocase(project->key, value) || str_eq_nocase(project->name, value) ||
                (parse_i64(value, 1, INT64_MAX, &id) && project->id == id));
    case JQL_KEY:
        return value.ptr && (str_eq_nocase(issue->key, value) ||
                             (parse_i64(value, 1, INT64_MAX, &id) && issue->id == id));
    case JQL_TYPE:
        return value.ptr && is_item(&site->types.rows[issue->type], value);
    case JQL_STATUS:
        return value.ptr && is_item(&site->statuses.rows[issue->status], value);
    case JQL_STATUS_CATEGORY:
        return value.ptr && is_category(&site->statuses.rows[issue->status], value);
    case JQL_ASSIGNEE:
        return is_person(site, issue->assignee, value);
    case JQL_REPORTER:
        return is_person(site, issue->reporter, value);
    case JQL_WORKLOG_AUTHOR:
        return has_worklog_of(site, issue, value);
    case JQL_TIME_SPENT:
        return !value.ptr && issue_time_spent(site, issue) == 0;
    case JQL_REMAINING: /* told as 0 once work was logged; see show_issue.c */
        return !value.ptr && issue->estimate_s == 0 && issue_time_spent(site, issue) == 0;
    case JQL_CREATED:
    case JQL_UPDATED:
    case JQL_WORKLOG_DATE:
    case JQL_OTHER:
        break;
    }
    return false;
}

static bool issue_in_range(const void *arg, enum jql_field field, int64_t from_ms, int64_t to_ms)
{
    const struct seen_issue *seen = arg;
    const struct site *site = seen->site;
    const struct issue *issue = &site->issues[seen->at];
    int64_t ms = field == JQL_CREATED ? issue->created_ms : issue->updated_ms;

    if (field == JQL_TIME_SPENT)
        ms = issue_time_spent(site, issue);
    else if (field == JQL_REMAINING)
        ms = issue->estimate_s;
    if (field != JQL_WORKLOG_DATE)
        return ms >= from_ms && ms < to_ms;
    for (uint32_t row = issue->first_row; row != NONE; row = site->worklogs[row].next) {
        const struct worklog *worklog = &site->worklogs[row];

        if (worklog_is_visible(site, worklog) && worklog->started_ms >= from_ms &&
            worklog->started_ms < to_ms)
            return true;
    }
    return false;
}

/* ---- Search ---- */

struct ordering {
    const struct site *site;
    const struct jql *jql;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_issues(const void *a, const void *b, void *arg)
{
    const struct ordering *ordering = arg;
    const struct issue *x = &ordering->site->issues[*(const uint32_t *)a];
    const struct issue *y = &ordering->site->issues[*(const uint32_t *)b];

    for (size_t i = 0; i < ordering->jql->order_count; i++) {
        enum jql_field field = ordering->jql->order[i].field;
        int order = 0;

        if (field == JQL_CREATED)
            order = compare_numbers(x->created_ms, y->created_ms);
        else if (field == JQL_UPDATED)
            order = compare_numbers(x->updated_ms, y->updated_ms);
        else if (field == JQL_PROJECT)
            order = str_cmp(ordering->site->projects[x->project].key,
                            ordering->site->projects[y->project].key);
        else if (field == JQL_KEY)
            order = compare_numbers(x->id, y->id);
        if (order != 0)
            return ordering->jql->order[i].descending ? -order : order;
    }
    return compare_numbers(x->id, y->id);
}

/* A query with its results, in the arena. */
struct search {
    struct str text;
    struct jql jql;
    uint32_t *found;
    size_t count;
};

/* Parses. False: `why` has the sentence. */
static bool search_read(struct http_exchange *ex, struct str text, struct search *ret,
                        char why[JQL_WHY_BYTES])
{
    struct site *site = api_site(ex);
    const struct user *self = &site->users[api_call(ex)->user];
    struct jql_context context = {
        .now_ms = site_now_ms(site),
        .offset_minutes = self->offset_minutes,
        .current_user = self->account_id,
    };

    *ret = (struct search){.text = text};
    return jql_parse(ex->arena, text, &context, &ret->jql, why);
}

/*
 * Projects and issues that are named must be there: Jira refuses the query otherwise. The depth is
 * bounded by the parser. False: `why` has the sentence.
 */
static bool names_exist(const struct site *site, uint32_t user, const struct jql_node *node,
                        char why[JQL_WHY_BYTES])
{
    if (!node)
        return true;
    if (node->kind != JQL_CLAUSE)
        return names_exist(site, user, node->left, why) &&
               names_exist(site, user, node->right, why);
    for (size_t i = 0; node->op != JQL_IN_RANGE && i < node->value_count; i++) {
        struct str value = node->values[i];
        bool there = true;

        if (value.ptr && node->field == JQL_KEY) {
            uint32_t issue = site_find_issue(site, value);

            there = issue != NONE && issue_is_visible(site, issue, user);
        } else if (value.ptr && node->field == JQL_PROJECT) {
            there = site_find_project(site, value) != NONE;
            for (size_t p = 0; p < site->project_count && !there; p++)
                there = str_eq_nocase(site->projects[p].key, value) ||
                        str_eq_nocase(site->projects[p].name, value);
        }
        if (!there) {
            (void)snprintf(
                why, JQL_WHY_BYTES, "The value '" STR_FMT "' does not exist for the field '%s'.",
                STR_ARG(str_sub(value, 0, 100)), node->field == JQL_KEY ? "issuekey" : "project");
            return false;
        }
    }
    return true;
}

/*
 * Reads the query; takes the site's lock. `lenient`: names that are not there are no error. False:
 * 400 is in the exchange.
 */
static bool search_parse(struct http_exchange *ex, struct str text, bool lenient,
                         struct search *ret)
{
    char why[JQL_WHY_BYTES];

    if (search_read(ex, text, ret, why)) {
        SITE_READ(api_site(ex));
        if (lenient || names_exist(api_site(ex), api_call(ex)->user, ret->jql.root, why))
            return true;
    }
    api_error(ex, 400, "%s", why);
    return false;
}

static bool search_run(struct http_exchange *ex, struct search *search)
{
    struct site *site = api_site(ex);
    struct ordering ordering = {site, &search->jql};

    search->found = arena_alloc(ex->arena, (site->issue_count + 1) * sizeof(*search->found));
    if (!search->found) {
        api_error(ex, 503, "out of memory");
        return false;
    }
    for (size_t i = 0; i < site->issue_count; i++) {
        struct seen_issue seen = {site, (uint32_t)i};
        struct jql_subject subject = {issue_is, issue_in_range, &seen};

        if (issue_is_visible(site, (uint32_t)i, api_call(ex)->user) &&
            jql_matches(&search->jql, &subject))
            search->found[search->count++] = (uint32_t)i;
    }
    qsort_r(search->found, search->count, sizeof(*search->found), compare_issues, &ordering);
    return true;
}

static uint64_t hash_text(struct str text)
{
    uint64_t h = 1;

    for (size_t i = 0; i < text.len; i++)
        h = mix64(h, (unsigned char)text.ptr[i]);
    return h & 0xffffffff;
}

/* nextPageToken: the place in the result and a mark of the query, both in hexadecimal. */
static bool parse_token(struct str token, struct str jql, size_t *ret_at)
{
    uint64_t parts[2] = {0, 0};

    if (token.len != 24)
        return false;
    for (size_t i = 0; i < token.len; i++) {
        const char *hex = "0123456789abcdef", *digit = strchr(hex, token.ptr[i]);

        if (!digit || !*digit)
            return false;
        parts[i / 16] = parts[i / 16] << 4 | (uint64_t)(digit - hex);
    }
    *ret_at = (size_t)parts[0];
    return parts[1] == hash_text(jql);
}

static void put_issues(struct http_exchange *ex, const struct search *search, size_t from,
                       size_t limit, const struct field_filter *filter, bool with_changelog,
                       bool ids_only)
{
    struct site *site = api_site(ex);
    struct call *call = api_call(ex);

    strbuf_add_z(&ex->out, "\"issues\":[");
    for (size_t i = from; i < search->count && i - from < limit; i++) {
        if (call->objects++ > 0)
            strbuf_add_char(&ex->out, ',');
        if (ids_only)
            strbuf_addf(&ex->out, "{\"id\":\"%" PRId64 "\"}", site->issues[search->found[i]].id);
        else
            show_issue(&ex->out, site, search->found[i], call->version, filter, with_changelog);
    }
    strbuf_add_char(&ex->out, ']');
}

struct search_request {
    struct str jql, token;
    struct field_filter filter;
    int64_t limit;
    bool with_changelog;
};

static void answer_search(struct http_exchange *ex, const struct search_request *request)
{
    struct site *site = api_site(ex);
    bool lean = field_filter_is_lean(&request->filter);
    int64_t most = lean ? SEARCH_LEAN_MAX : SEARCH_MAX;
    size_t limit = (size_t)(request->limit < 1 ? 1 : request->limit > most ? most : request->limit);
    size_t from = 0;
    struct search search;

    if (!search_parse(ex, request->jql, false, &search))
        return;
    if (!search.jql.root) {
        api_error(ex, 400,
                  "Unbounded JQL queries are not allowed here. Please add a search "
                  "restriction to your query.");
        return;
    }
    if (request->token.len > 0 && !parse_token(request->token, request->jql, &from)) {
        api_error(ex, 400, "The provided next page token is invalid or expired.");
        return;
    }

    SITE_READ(site);
    if (!search_run(ex, &search))
        return;
    strbuf_add_char(&ex->out, '{');
    put_issues(ex, &search, from, limit, &request->filter, request->with_changelog,
               lean && !field_filter_wants(&request->filter, "key"));
    if (from + limit < search.count)
        strbuf_addf(&ex->out, ",\"nextPageToken\":\"%016zx%08" PRIx64 "\",\"isLast\":false}",
                    from + limit, hash_text(request->jql));
    else
        strbuf_add_z(&ex->out, ",\"isLast\":true}");
}

/* On a Data Center this path does not exist. */
static bool is_cloud(struct http_exchange *ex)
{
    if (!api_site(ex)->datacenter)
        return true;
    api_error(ex, 404, "null for uri: no such resource");
    return false;
}

void api_search_get(struct http_exchange *ex)
{
    struct search_request request = {
        .jql = http_in_query(ex, "jql"),
        .token = http_in_query(ex, "nextPageToken"),
        .filter = fields_of_query(ex, "id"),
        .with_changelog = api_list_has(http_in_query(ex, "expand"), "changelog"),
    };

    if (is_cloud(ex) && api_query_i64(ex, "maxResults", SEARCH_DEFAULT, &request.limit))
        answer_search(ex, &request);
}

void api_search_post(struct http_exchange *ex)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body;

    if (!is_cloud(ex) || !api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);

    struct search_request request = {
        .jql = json_str(body, "jql"),
        .token = json_str(body, "nextPageToken"),
        .filter = fields_of_body(ex, body, "id"),
        .limit = SEARCH_DEFAULT,
        .with_changelog = api_list_has(json_str(body, "expand"), "changelog"),
    };

    if (yyjson_obj_get(body, "maxResults") && !json_i64(body, "maxResults", &request.limit)) {
        api_field_error(ex, 400, "maxResults", "maxResults must be a number");
        return;
    }
    answer_search(ex, &request);
}

void api_search_count(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct search search;

    if (!is_cloud(ex) || !api_body(ex, &doc) ||
        !search_parse(ex, json_str(yyjson_doc_get_root(doc), "jql"), false, &search))
        return;
    if (!search.jql.root) {
        api_error(ex, 400,
                  "Unbounded JQL queries are not allowed here. Please add a search "
                  "restriction to your query.");
        return;
    }

    SITE_READ(site);
    if (search_run(ex, &search))
        strbuf_addf(&ex->out, "{\"count\":%zu}", search.count);
}

/* The old search: Data Center's only one, taken away in the cloud. */
static void answer_old_search(struct http_exchange *ex, struct str jql, bool lenient, int64_t start,
                              int64_t limit, const struct field_filter *filter, bool with_changelog)
{
    struct site *site = api_site(ex);
    struct search search;

    if (limit < 0 || limit > 1000)
        limit = 1000;
    if (start < 0)
        start = 0;
    if (!search_parse(ex, jql, lenient, &search))
        return;

    SITE_READ(site);
    if (!search_run(ex, &search))
        return;
    strbuf_addf(&ex->out,
                "{\"expand\":\"names,schema\",\"startAt\":%" PRId64 ",\"maxResults\":%" PRId64
                ",\"total\":%zu,",
                start, limit, search.count);
    put_issues(ex, &search, (size_t)start, (size_t)limit, filter, with_changelog, false);
    strbuf_add_char(&ex->out, '}');
}

static bool is_gone(struct http_exchange *ex)
{
    if (api_site(ex)->datacenter)
        return false;
    api_error(ex, 410,
              "The requested API has been removed. Please migrate to the "
              "/rest/api/3/search/jql API.");
    return true;
}

void api_old_search_get(struct http_exchange *ex)
{
    struct field_filter filter = fields_of_query(ex, "*navigable");
    int64_t start = 0, limit = SEARCH_DEFAULT;

    if (is_gone(ex) || !api_query_i64(ex, "startAt", 0, &start) ||
        !api_query_i64(ex, "maxResults", SEARCH_DEFAULT, &limit))
        return;
    answer_old_search(ex, http_in_query(ex, "jql"), false, start, limit, &filter,
                      api_list_has(http_in_query(ex, "expand"), "changelog"));
}

void api_old_search_post(struct http_exchange *ex)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    int64_t start = 0, limit = SEARCH_DEFAULT;
    yyjson_val *body;

    if (is_gone(ex) || !api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);
    if (!json_i64(body, "startAt", &start))
        start = 0;
    if (!json_i64(body, "maxResults", &limit))
        limit = SEARCH_DEFAULT;

    struct field_filter filter = fields_of_body(ex, body, "*navigable");

    answer_old_search(ex, json_str(body, "jql"), !json_bool(body, "validateQuery", true), start,
                      limit, &filter, false);
}

/* ---- In bulk ---- */

static int compare_rows(const void *a, const void *b)
{
    return compare_numbers(*(const uint32_t *)a, *(const uint32_t *)b);
}

void api_bulk_fetch(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct call *call = api_call(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct strbuf errors AUTO(strbuf_done) = STRBUF_INIT(256 * 1024);
    yyjson_val *body, *names, *item;
    uint32_t found[BULK_MAX];
    size_t at, max, count = 0;

    if (!is_cloud(ex) || !api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);
    names = yyjson_obj_get(body, "issueIdsOrKeys");
    if (yyjson_arr_size(names) == 0 || yyjson_arr_size(names) > BULK_MAX) {
        api_error(ex, 400, "issueIdsOrKeys must have 1 to %d entries.", BULK_MAX);
        return;
    }

    struct field_filter filter = fields_of_body(ex, body, "*navigable");

    SITE_READ(site);
    yyjson_arr_foreach(names, at, max, item)
    {
        struct str name = {yyjson_get_str(item), yyjson_get_len(item)};
        uint32_t issue = name.ptr ? site_find_issue(site, name) : NONE;

        if (issue != NONE && issue_is_visible(site, issue, api_call(ex)->user)) {
            found[count++] = issue;
            continue;
        }
        strbuf_add_z(&errors, errors.len ? ",{\"id\":" : "{\"id\":");
        put_json_text(&errors, name);
        strbuf_add_z(&errors,
                     ",\"errorMessage\":\"Issue does not exist or you do not have permission "
                     "to see it.\"}");
    }
    qsort(found, count, sizeof(*found), compare_rows);
    strbuf_add_z(&ex->out, "{\"issues\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && found[i] == found[i - 1])
            continue; /* named twice, by id and by key */
        if (call->objects++ > 0)
            strbuf_add_char(&ex->out, ',');
        show_issue(&ex->out, site, found[i], call->version, &filter, false);
    }
    strbuf_add_z(&ex->out, "],\"issueErrors\":[");
    strbuf_add_str(&ex->out, strbuf_str(&errors));
    strbuf_add_z(&ex->out, "]}");
}

/* Reads queries and says what is wrong with each. */
void api_jql_parse(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *queries, *query;
    size_t at, max;

    if (!is_cloud(ex) || !api_body(ex, &doc))
        return;
    queries = yyjson_obj_get(yyjson_doc_get_root(doc), "queries");
    if (yyjson_arr_size(queries) == 0) {
        api_error(ex, 400, "queries must have an entry.");
        return;
    }

    SITE_READ(site);
    strbuf_add_z(&ex->out, "{\"queries\":[");
    yyjson_arr_foreach(queries, at, max, query)
    {
        struct str text = {yyjson_get_str(query), yyjson_get_len(query)};
        struct search search;
        char why[JQL_WHY_BYTES];
        bool good = search_read(ex, text, &search, why) &&
                    names_exist(site, api_call(ex)->user, search.jql.root, why);

        strbuf_add_z(&ex->out, at ? ",{\"query\":" : "{\"query\":");
        put_json_text(&ex->out, text);
        if (!good) {
            strbuf_add_z(&ex->out, ",\"errors\":[");
            put_json_text(&ex->out, str_from(why));
            strbuf_add_char(&ex->out, ']');
        }
        strbuf_add_char(&ex->out, '}');
    }
    strbuf_add_z(&ex->out, "]}");
}

/* One query of several: {"matchedIssues":[…],"errors":[…]}. */
static void put_match(struct http_exchange *ex, struct str query, yyjson_val *ids)
{
    struct site *site = api_site(ex);
    struct search search;
    char why[JQL_WHY_BYTES];
    bool good = search_read(ex, query, &search, why), any = false;
    size_t at, max;
    yyjson_val *id;

    strbuf_add_z(&ex->out, "{\"matchedIssues\":[");
    yyjson_arr_foreach(ids, at, max, id)
    {
        struct seen_issue seen = {site, site_find_issue_id(site, yyjson_get_sint(id))};
        struct jql_subject subject = {issue_is, issue_in_range, &seen};

        if (!good || seen.at == NONE ||
            !issue_is_visible(site, (uint32_t)seen.at, api_call(ex)->user) ||
            !jql_matches(&search.jql, &subject))
            continue;
        strbuf_addf(&ex->out, "%s%" PRId64, any ? "," : "", yyjson_get_sint(id));
        any = true;
    }
    strbuf_add_z(&ex->out, "],\"errors\":[");
    if (!good)
        put_json_text(&ex->out, str_from(why));
    strbuf_add_z(&ex->out, "]}");
}

void api_jql_match(struct http_exchange *ex)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *queries, *ids, *query;
    size_t at, max;

    if (!is_cloud(ex) || !api_body(ex, &doc))
        return;
    queries = yyjson_obj_get(yyjson_doc_get_root(doc), "jqls");
    ids = yyjson_obj_get(yyjson_doc_get_root(doc), "issueIds");
    if (!yyjson_is_arr(queries) || !yyjson_is_arr(ids)) {
        api_error(ex, 400, "jqls and issueIds must be given.");
        return;
    }

    SITE_READ(api_site(ex));
    strbuf_add_z(&ex->out, "{\"matches\":[");
    yyjson_arr_foreach(queries, at, max, query)
    {
        strbuf_add_z(&ex->out, at ? "," : "");
        put_match(ex, (struct str){yyjson_get_str(query), yyjson_get_len(query)}, ids);
    }
    strbuf_add_z(&ex->out, "]}");
}

/* ---- Types, statuses, fields ---- */

static void put_items(struct http_exchange *ex, const struct items *items)
{
    struct site *site = api_site(ex);

    strbuf_add_char(&ex->out, '[');
    for (size_t i = 0; i < items->count; i++) {
        strbuf_add_z(&ex->out, i ? "," : "");
        show_recorded_text(&ex->out, site, items->rows[i].json, api_call(ex)->version);
    }
    strbuf_add_char(&ex->out, ']');
    api_call(ex)->objects = (int64_t)items->count;
}

void api_issue_types(struct http_exchange *ex)
{
    SITE_READ(api_site(ex));
    put_items(ex, &api_site(ex)->types);
}

void api_statuses(struct http_exchange *ex)
{
    SITE_READ(api_site(ex));
    put_items(ex, &api_site(ex)->statuses);
}

void api_fields(struct http_exchange *ex)
{
    static const struct {
        const char *id, *name, *clause, *type;
    } system_fields[] = {
        {"summary", "Summary", "summary", "string"},
        {"issuetype", "Issue Type", "issuetype", "issuetype"},
        {"project", "Project", "project", "project"},
        {"status", "Status", "status", "status"},
        {"priority", "Priority", "priority", "priority"},
        {"assignee", "Assignee", "assignee", "user"},
        {"reporter", "Reporter", "reporter", "user"},
        {"created", "Created", "created", "datetime"},
        {"updated", "Updated", "updated", "datetime"},
        {"description", "Description", "description", "string"},
        {"timespent", "Time Spent", "timespent", "number"},
        {"worklog", "Log Work", "worklog", "array"},
        {"comment", "Comment", "comment", "comments-page"},
        {"attachment", "Attachment", "attachments", "array"},
        {"issuelinks", "Linked Issues", "issueLink", "array"},
    };
    struct site *site = api_site(ex);
    struct strbuf *out = &ex->out;

    SITE_READ(site);
    if (site->fields.count > 0) {
        put_items(ex, &site->fields);
        return;
    }
    strbuf_add_char(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(system_fields); i++)
        strbuf_addf(
            out,
            "{\"id\":\"%s\",\"key\":\"%s\",\"name\":\"%s\",\"custom\":false,\"orderable\":true,"
            "\"navigable\":true,\"searchable\":true,\"clauseNames\":[\"%s\"],\"schema\":{"
            "\"type\":\"%s\",\"system\":\"%s\"}},",
            system_fields[i].id, system_fields[i].id, system_fields[i].name,
            system_fields[i].clause, system_fields[i].type, system_fields[i].id);
    strbuf_add_z(
        out, "{\"id\":\"customfield_10016\",\"key\":\"customfield_10016\",\"name\":\"Story point "
             "estimate\",\"custom\":true,\"orderable\":true,\"navigable\":true,\"searchable\":true,"
             "\"clauseNames\":[\"cf[10016]\",\"Story point estimate\"],\"schema\":{\"type\":"
             "\"number\",\"custom\":\"com.pyxis.greenhopper.jira:jsw-story-points\",\"customId\":"
             "10016}}]");
}
