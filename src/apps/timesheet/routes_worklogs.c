/*
 * routes_worklogs.c: reading worklogs, and tags: GET /api/v1/worklogs, /worklogs/{id}, /tags, PUT
 * /worklogs/{id}/tags. Changes that Jira must take are in routes_write.c.
 */
#include <inttypes.h>

#include "apps/timesheet/app.h"
#include "apps/timesheet/rights.h"
#include "apps/timesheet/worklog_page.h"
#include "base/civil.h"
#include "connect/base64url.h"

#define LIST_DEFAULT 100
#define TAGS_BODY_MAX ((size_t)64 * 1024)

/* ---- Parameters ---- */

static enum err_class query_date(struct request *request, const char *name, int32_t otherwise,
                                 int32_t *ret, struct err *err)
{
    struct str text = http_in_query(request->ex, name);
    struct civil_date date;

    *ret = otherwise;
    if (text.len == 0)
        return ERR_OK;
    if (!civil_parse_date(text, &date))
        return err_set(err, ERR_INPUT, "`%s` takes a date like \"2026-01-31\"", name);
    *ret = civil_days(date);
    return ERR_OK;
}

static enum err_class query_number(struct request *request, const char *name, int64_t min,
                                   int64_t max, int64_t otherwise, int64_t *ret, struct err *err)
{
    struct str text = http_in_query(request->ex, name);

    *ret = otherwise;
    if (text.len == 0 || parse_i64(text, min, max, ret))
        return ERR_OK;
    return err_set(err, ERR_INPUT, "`%s` takes a whole number, %" PRId64 " to %" PRId64, name, min,
                   max);
}

/* `from` and `to` are local days, both included. */
static enum err_class query_period(struct request *request, struct worklog_page *page,
                                   struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;
    int32_t from = INT32_MIN, to = INT32_MAX;
    int64_t after_ms = INT64_MIN;
    struct zone_span span;
    enum err_class rc = query_date(request, "from", INT32_MIN, &from, err);

    page->from_ms = INT64_MIN;
    page->to_ms = INT64_MAX;
    if (rc == ERR_OK)
        rc = query_date(request, "to", INT32_MAX, &to, err);
    if (rc == ERR_OK)
        rc = worklog_zone(http_in_query(request->ex, "tz"), &zone, err);
    if (rc == ERR_OK && from > to)
        return err_set(err, ERR_INPUT, "`from` is after `to`");
    if (rc != ERR_OK)
        return rc;
    /* With the day beside it: a day that the clock jumped over has no time of its own. */
    if (from != INT32_MIN && zone_span(zone, from, from + 1, &after_ms, &span))
        page->from_ms = span.from_ms;
    after_ms = INT64_MIN;
    while (to != INT32_MAX && zone_span(zone, to - 1, to, &after_ms, &span))
        page->to_ms = span.to_ms;
    return ERR_OK;
}

/*
 * A cursor is sealed: the last worklog of a page may be one that is hidden from the person, and its
 * id and start are in there.
 */
#define CURSOR_BYTES 64
#define SEALED_BYTES (CURSOR_BYTES + VAULT_SEAL_OVERHEAD)

static const struct vault_place cursor_place = {.record = "worklog", .field = "cursor"};

static enum err_class put_cursor(struct request *request, const struct worklog_cursor *cursor,
                                 struct json_out *out, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(CURSOR_BYTES);
    struct strbuf sealed AUTO(strbuf_done) = STRBUF_INIT(SEALED_BYTES);
    struct strbuf shown AUTO(strbuf_done) = STRBUF_INIT(2 * SEALED_BYTES);
    enum err_class rc;

    worklog_cursor_put(&text, cursor);
    rc = vault_seal(request->tenant->vault, request->tenant->ctx, &cursor_place, strbuf_str(&text),
                    &sealed, err);
    base64url_add(&shown, sealed.ptr, sealed.len);
    json_put_str(out, strbuf_str(&shown));
    return rc == ERR_OK ? strbuf_check(&shown, "a cursor", err) : rc;
}

static bool read_cursor(const struct request *request, struct str shown, struct worklog_cursor *ret)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(CURSOR_BYTES);
    char sealed[SEALED_BYTES];
    struct err ignored;
    size_t len = 0;

    return base64url_decode(shown, sealed, sizeof(sealed), &len) &&
           vault_unseal(request->tenant->vault, &cursor_place, (struct str){sealed, len}, &text,
                        &ignored) == ERR_OK &&
           worklog_cursor_read(strbuf_str(&text), ret);
}

/* ---- Reading ---- */

static enum err_class query_page(struct request *request, struct worklog_page *ret, struct err *err)
{
    struct str cursor = http_in_query(request->ex, "cursor");
    struct worklog_cursor from = {INT64_MIN, 0};
    enum err_class rc = query_period(request, ret, err);

    if (rc == ERR_OK)
        rc = query_number(request, "issue", 1, INT64_MAX, 0, &ret->issue_id, err);
    if (rc == ERR_OK)
        rc = query_number(request, "limit", 1, WORKLOG_PAGE_MAX, LIST_DEFAULT, &ret->limit, err);
    if (rc == ERR_OK && cursor.len > 0 && !read_cursor(request, cursor, &from))
        rc = err_set(err, ERR_INPUT, "`cursor` is not one of ours: begin without it");
    ret->after_ms = from.started_ms;
    ret->after_id = from.id;
    ret->tag = http_in_query(request->ex, "tag");
    ret->account = http_in_query(request->ex, "account");
    if (ret->account.len == 0)
        ret->account = str_from(request->who.account); /* empty for an administrator: all */
    return rc;
}

static enum err_class get_worklogs(struct request *request, struct err *err)
{
    AUTO(worklog_answer_free_autop) struct worklog_answer *answer = worklog_answer_new(request);
    struct worklog_page asked = {0};
    struct json_out out = json_out(&request->ex->out);

    if (!answer)
        return err_memory(err);

    enum err_class rc = query_page(request, &asked, err);

    if (rc == ERR_OK && !worklog_is_own(request, asked.account))
        rc = rights_want(request, RIGHT_OTHERS, err);
    if (rc == ERR_OK)
        rc = worklogs_by_start(request->tenant, &asked, worklog_answer_add, answer, err);
    if (rc == ERR_OK)
        rc = worklog_answer_look(answer, err);
    if (rc != ERR_OK)
        return rc;
    json_object(&out);
    json_key(&out, "worklogs");
    worklog_answer_put(answer, out.buf);
    out.comma |= UINT32_C(1) << out.level;
    json_key(&out, "next");
    if ((int64_t)answer->count == asked.limit)
        rc = put_cursor(request, &answer->last, &out, err);
    else
        json_put_null(&out);
    json_key(&out, "hidden");
    json_object(&out);
    json_key(&out, "issues");
    json_put_i64(&out, worklog_answer_hidden(answer));
    json_object_end(&out);
    json_object_end(&out);
    return rc;
}

static enum err_class get_worklog(struct request *request, struct err *err)
{
    int64_t id = 0;
    enum err_class rc = worklog_param_id(request, &id, err);

    return rc == ERR_OK ? worklog_answer_one(request, id, err) : rc;
}

/* ---- Tags ---- */

static enum err_class put_tags(struct request *request, struct err *err)
{
    struct worklog_body body;
    yyjson_val *json = NULL;
    int64_t id = 0;
    enum err_class rc = worklog_param_id(request, &id, err);

    if (rc == ERR_OK)
        rc = request_json(request, &json, err);
    if (rc == ERR_OK)
        rc = worklog_tags_read(json, &body, err);
    return rc == ERR_OK ? worklog_answer_tagged(request, id, &body.draft, err) : rc;
}

static enum err_class put_tag(void *arg, struct str name, int64_t count, struct err *err)
{
    struct json_out *out = arg;

    json_object(out);
    json_key(out, "name");
    json_put_str(out, name);
    json_key(out, "count");
    json_put_i64(out, count);
    json_object_end(out);
    return strbuf_check(out->buf, "the list of tags", err);
}

static enum err_class get_tags(struct request *request, struct err *err)
{
    struct json_out out = json_out(&request->ex->out);

    json_object(&out);
    json_key(&out, "tags");
    json_array(&out);

    /* A count over everybody would tell of worklogs that the person may not see. */
    enum err_class rc =
        tags_each(request->tenant, str_from(request->who.account), put_tag, &out, err);

    json_array_end(&out);
    json_object_end(&out);
    return rc;
}

/* ---- The table ---- */

#define PATH "/api/v1/worklogs"

static const struct api_route routes[] = {
    {HTTP_GET, PATH, 0, API_TENANT, get_worklogs, NULL},
    {HTTP_GET, PATH "/{id}", 0, API_TENANT, get_worklog, NULL},
    {HTTP_PUT, PATH "/{id}/tags", TAGS_BODY_MAX, API_TENANT, put_tags, NULL},
    {HTTP_GET, "/api/v1/tags", 0, API_TENANT, get_tags, NULL},
};

const struct api_area worklog_area = {.routes = routes, .count = ARRAY_LEN(routes)};
