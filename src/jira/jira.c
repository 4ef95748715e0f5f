/*
 * jira.c: typed calls to Jira.
 *
 * Ids come as numbers (feeds) or strings (objects), up to 64 bits; times as milliseconds or as
 * stamps whose offset has no colon. A next page is followed exactly as Jira gave it, but only its
 * query is taken over: host and path stay ours, so an answer cannot send the credential elsewhere.
 */
#include "jira/jira.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>

#include "base/civil.h"
#include "base/limits.h"

#define PATH_BYTES 1024
#define TIME_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static const char *const feed_paths[] = {
    [JIRA_UPDATED] = "/worklog/updated", [JIRA_DELETED] = "/worklog/deleted"};

const char *jira_api(const struct jira *jira)
{
    return jira->datacenter ? "/rest/api/2" : "/rest/api/3";
}

void jira_authorization(struct str login, struct str token, struct strbuf *ret)
{
    if (login.len == 0) {
        strbuf_add_z(ret, "Bearer ");
        strbuf_add_str(ret, token);
        return;
    }

    struct strbuf pair = STRBUF_INIT(2 * LIMIT_SECRET_BYTES);

    strbuf_add_str(&pair, login);
    strbuf_add_char(&pair, ':');
    strbuf_add_str(&pair, token);
    strbuf_add_z(ret, "Basic ");

    /* The length counts a final NUL, which the buffer keeps of its own. */
    size_t len = sodium_base64_ENCODED_LEN(pair.len, sodium_base64_VARIANT_ORIGINAL);
    char *at = strbuf_grow(ret, len - 1);

    if (at && pair.failed == ERR_OK)
        sodium_bin2base64(at, len, (const unsigned char *)pair.ptr, pair.len,
                          sodium_base64_VARIANT_ORIGINAL);
    if (pair.ptr)
        sodium_memzero(pair.ptr, pair.room);
    strbuf_done(&pair);
}

/* Puts the site and a remedy before what was wrong with the JSON of an answer. */
static enum err_class broken(const struct jira *jira, enum err_class rc, struct err *err)
{
    if (rc != ERR_OK)
        err_wrap(err,
                 "%s sent a broken answer; try again, and if it stays look for a proxy in between",
                 jira->http.base_url);
    return rc;
}

static enum err_class get_json(struct jira *jira, const char *path, const char *what,
                               struct net_response *response, yyjson_doc **ret, int *ret_status,
                               struct err *err)
{
    const struct http_request request = {
        .method = HTTP_GET, .path = path, .idempotent = true, .points = 1};
    enum err_class rc = http_do(&jira->http, &request, response, ret_status, err);

    if (rc == ERR_OK)
        rc = broken(jira, json_read(strbuf_str(&response->body), what, ret, err), err);
    return rc;
}

static void net_response_autop(struct net_response *response)
{
    net_response_done(response);
}

static void strbuf_autop(struct strbuf *buf)
{
    strbuf_done(buf);
}

enum err_class jira_server_info(struct jira *jira, struct jira_server *ret, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(net_response_autop) struct net_response response = {0};
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct jira_server server = {0};

    strbuf_addf(&path, "%s/serverInfo", jira_api(jira));

    enum err_class rc =
        get_json(jira, strbuf_z(&path), "Jira's serverInfo", &response, &doc, NULL, err);

    if (rc != ERR_OK)
        return rc;

    yyjson_val *root = yyjson_doc_get_root(doc);
    struct str version = json_str(root, "version");

    if (!version.ptr)
        return err_set(err, ERR_REMOTE,
                       "%s answers, but not as Jira does (no version in serverInfo): check the "
                       "address",
                       jira->http.base_url);
    (void)snprintf(server.version, sizeof(server.version), STR_FMT,
                   STR_ARG(str_sub(version, 0, sizeof(server.version) - 1)));
    server.cloud = str_eq_nocase(json_str(root, "deploymentType"), STR("Cloud"));
    if (!civil_parse_stamp(json_str(root, "serverTime"), &server.server_ms))
        server.server_ms = 0;
    *ret = server;
    return ERR_OK;
}

enum err_class jira_myself(struct jira *jira, struct strbuf *ret_account, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(net_response_autop) struct net_response response = {0};
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;

    strbuf_addf(&path, "%s/myself", jira_api(jira));

    enum err_class rc =
        get_json(jira, strbuf_z(&path), "Jira's myself", &response, &doc, NULL, err);

    if (rc != ERR_OK)
        return rc;

    struct str account = jira_account(yyjson_doc_get_root(doc));

    if (account.len == 0)
        return err_set(err, ERR_REMOTE, "%s does not say whose credential this is (myself)",
                       jira->http.base_url);
    strbuf_add_str(ret_account, account);
    return ERR_OK;
}

enum err_class jira_feed_start(struct jira *jira, enum jira_feed feed, const char *query,
                               struct http_call **ret, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);

    strbuf_addf(&path, "%s%s?%s", jira_api(jira), feed_paths[feed], query);

    enum err_class rc = strbuf_check(&path, "the feed's path", err);

    if (rc != ERR_OK)
        return rc;

    const struct http_request request = {
        .method = HTTP_GET, .path = strbuf_z(&path), .idempotent = true, .points = 1};

    return http_start(&jira->http, &request, ret, err);
}

/* Only what a query may hold; the host gave it and gets it back. */
static bool is_query(struct str text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._~%=&+:,;!*'()/@$[]";

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || !strchr(allowed, text.ptr[i]))
            return false;
    return text.len > 0 && text.len <= JIRA_QUERY_BYTES;
}

/* Since 1970 and within the calendar: who counts with one need not fear an overflow. */
static bool is_time(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

static enum err_class read_feed(const struct jira *jira, yyjson_val *root,
                                struct jira_feed_page *ret, struct err *err)
{
    yyjson_val *values = yyjson_obj_get(root, "values");
    yyjson_val *value;
    size_t at, count;

    if (!yyjson_is_arr(values) || !yyjson_is_bool(yyjson_obj_get(root, "lastPage")))
        return err_set(err, ERR_REMOTE,
                       "a page of the worklog feed of %s has no values or no lastPage",
                       jira->http.base_url);
    if (yyjson_arr_size(values) > LIMIT_FEED_PAGE_ROWS)
        return err_set(err, ERR_REMOTE, "a page of the worklog feed has %zu rows; %d are allowed",
                       yyjson_arr_size(values), LIMIT_FEED_PAGE_ROWS);

    ret->count = 0;
    yyjson_arr_foreach(values, at, count, value)
    {
        struct jira_feed_row row = {0};

        if (!json_i64(value, "worklogId", &row.id) || row.id <= 0 ||
            !json_i64(value, "updatedTime", &row.time_ms) || !is_time(row.time_ms))
            return err_set(err, ERR_REMOTE,
                           "row %zu of a page of the worklog feed has no worklogId or updatedTime",
                           at);
        ret->rows[ret->count++] = row;
    }
    ret->last = json_bool(root, "lastPage", false);
    ret->next[0] = '\0';
    if (!json_i64(root, "until", &ret->until_ms) || !is_time(ret->until_ms))
        ret->until_ms = 0;
    if (ret->last)
        return ERR_OK;

    struct str query = {NULL, 0};

    (void)str_cut(json_str(root, "nextPage"), '?', &query);
    if (!is_query(query))
        return err_set(err, ERR_REMOTE,
                       "a page of the worklog feed of %s is not the last and names no usable next "
                       "page",
                       jira->http.base_url);
    (void)snprintf(ret->next, sizeof(ret->next), STR_FMT, STR_ARG(query));
    return ERR_OK;
}

enum err_class jira_feed_finish(struct jira *jira, struct http_call *call,
                                struct jira_feed_page *ret, struct err *err)
{
    AUTO(net_response_autop) struct net_response response = {0};
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    enum err_class rc = http_finish(call, &response, NULL, err);

    if (rc == ERR_OK)
        rc = broken(jira,
                    json_read(strbuf_str(&response.body), "a page of the worklog feed", &doc, err),
                    err);
    if (rc == ERR_OK)
        rc = read_feed(jira, yyjson_doc_get_root(doc), ret, err);
    return rc;
}

enum err_class jira_worklogs_start(struct jira *jira, const int64_t *ids, size_t count,
                                   struct http_call **ret, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(strbuf_autop) struct strbuf body = STRBUF_INIT(32 * LIMIT_FEED_PAGE_ROWS);

    assert(count >= 1 && count <= LIMIT_FEED_PAGE_ROWS);
    strbuf_addf(&path, "%s/worklog/list", jira_api(jira));
    strbuf_add_z(&body, "{\"ids\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(&body, ',');
        strbuf_add_i64(&body, ids[i]);
    }
    strbuf_add_z(&body, "]}");

    enum err_class rc = strbuf_check(&body, "the list of worklog ids", err);

    if (rc != ERR_OK)
        return rc;

    /* A read, though by POST: it may be repeated. */
    const struct http_request request = {
        .method = HTTP_POST,
        .path = strbuf_z(&path),
        .body = strbuf_str(&body),
        .idempotent = true,
        .points = 1 + (int64_t)count,
    };

    return http_start(&jira->http, &request, ret, err);
}

enum err_class jira_worklogs_finish(struct jira *jira, struct http_call *call,
                                    struct jira_worklogs *ret, struct err *err)
{
    struct jira_worklogs list = {.comment = STRBUF_INIT(LIMIT_COMMENT_BYTES)};
    enum err_class rc = http_finish(call, &list.response, NULL, err);

    if (rc == ERR_OK)
        rc = broken(jira,
                    json_read_insitu(list.response.body.ptr, list.response.body.len,
                                     "a list of worklogs", &list.doc, err),
                    err);
    if (rc == ERR_OK) {
        list.rows = yyjson_doc_get_root(list.doc);
        if (!yyjson_arr_iter_init(list.rows, &list.iter) && !yyjson_is_arr(list.rows))
            rc = err_set(err, ERR_REMOTE,
                         "%s sent a list of worklogs that is not an array; try again",
                         jira->http.base_url);
    }
    if (rc != ERR_OK) {
        jira_worklogs_done(&list);
        return rc;
    }
    *ret = list;
    return ERR_OK;
}

void jira_worklogs_done(struct jira_worklogs *list)
{
    yyjson_doc_free(list->doc);
    list->doc = NULL;
    net_response_done(&list->response);
    strbuf_done(&list->comment);
}

bool jira_worklogs_next(struct jira_worklogs *list, struct jira_worklog *ret,
                        enum jira_defect *ret_defect)
{
    yyjson_val *object = yyjson_arr_iter_next(&list->iter);

    if (!object)
        return false;
    *ret_defect = jira_worklog_read(object, &list->comment, ret);
    return true;
}

/* A GET whose 404 means "no". */
static enum err_class exists(struct jira *jira, const char *path, bool *ret, struct err *err)
{
    AUTO(net_response_autop) struct net_response response = {0};
    const struct http_request request = {
        .method = HTTP_GET, .path = path, .idempotent = true, .points = 2};
    int status = 0;
    enum err_class rc = http_do(&jira->http, &request, &response, &status, err);

    if (rc == ERR_NOT_FOUND && status == 404) {
        *ret = false;
        return ERR_OK;
    }
    if (rc == ERR_OK)
        *ret = true;
    return rc;
}

enum err_class jira_worklog_exists(struct jira *jira, int64_t issue_id, int64_t id, bool *ret,
                                   struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);

    strbuf_addf(&path, "%s/issue/%" PRId64 "/worklog/%" PRId64, jira_api(jira), issue_id, id);
    return exists(jira, strbuf_z(&path), ret, err);
}

enum err_class jira_issue_exists(struct jira *jira, int64_t issue_id, bool *ret, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);

    strbuf_addf(&path, "%s/issue/%" PRId64 "?fields=id", jira_api(jira), issue_id);
    return exists(jira, strbuf_z(&path), ret, err);
}
