/*
 * routes_worklogs.c: reading worklogs, and tags: GET /api/v1/worklogs, /worklogs/{id}, /tags, PUT
 * /worklogs/{id}/tags. Changes that Jira must take are in routes_write.c.
 */
#include <inttypes.h>

#include "apps/timesheet/app.h"
#include "apps/timesheet/looker.h"
#include "apps/timesheet/rights.h"
#include "apps/timesheet/worklog_page.h"
#include "connect/base64url.h"

#define TAGS_BODY_MAX ((size_t)64 * 1024)

/* What a request for a list asks. */
struct question {
    struct looker looker;
    struct report_request report;
    struct jira_ids found; /* of jql and filter */
    struct query_place after;
    size_t limit;
};

static void question_done(struct question *question)
{
    report_request_done(&question->report);
    jira_ids_done(&question->found);
    looker_done(&question->looker);
}

/* ---- The cursor ---- */

/*
 * It is sealed: a page may end at a worklog that is hidden from the person, whose id and start are
 * in there.
 */
#define CURSOR_BYTES 64
#define SEALED_BYTES (CURSOR_BYTES + VAULT_SEAL_OVERHEAD)

static const struct vault_place cursor_place = {.record = "worklog", .field = "cursor"};

static enum err_class put_cursor(struct request *request, const struct query_place *place,
                                 struct json_out *out, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(CURSOR_BYTES);
    struct strbuf sealed AUTO(strbuf_done) = STRBUF_INIT(SEALED_BYTES);
    struct strbuf shown AUTO(strbuf_done) = STRBUF_INIT(2 * SEALED_BYTES);
    enum err_class rc;

    worklog_cursor_put(&text, place);
    rc = vault_seal(request->tenant->vault, request->tenant->ctx, &cursor_place, strbuf_str(&text),
                    &sealed, err);
    base64url_add(&shown, sealed.ptr, sealed.len);
    json_put_str(out, strbuf_str(&shown));
    return rc == ERR_OK ? strbuf_check(&shown, "a cursor", err) : rc;
}

static bool read_cursor(const struct request *request, struct str shown, struct query_place *ret)
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

/* ---- Parameters ---- */

typedef enum err_class add_value(const char *what, struct str value, struct report_request *report,
                                 struct err *err);

static enum err_class read_list(struct request *request, const char *name, add_value *add,
                                struct report_request *report, struct err *err)
{
    struct str value = http_in_query_nth(request->ex, name, 0);
    enum err_class rc = ERR_OK;

    for (size_t n = 1; value.ptr && rc == ERR_OK; n++) {
        rc = add(name, value, report, err);
        value = http_in_query_nth(request->ex, name, n);
    }
    return rc;
}

/* `from` and `to` are local days, both included. */
static enum err_class read_period(struct request *request, struct report_request *report,
                                  struct err *err)
{
    struct str from = http_in_query(request->ex, "from"), to = http_in_query(request->ex, "to");
    AUTO(zone_free_autop) struct zone *zone = NULL;
    enum err_class rc = ERR_OK;

    report->zone = http_in_query(request->ex, "tz");
    if (worklog_zone(report->zone, &zone, err) != ERR_OK)
        return err_wrap(err, "tz");
    report->has_from = from.len > 0;
    report->has_to = to.len > 0;
    if (report->has_from)
        rc = report_parse_day("from", from, &report->from_day, err);
    if (rc == ERR_OK && report->has_to)
        rc = report_parse_day("to", to, &report->to_day, err);
    return rc;
}

/* Left out: one's own, or everybody's for an administrator, who has none. */
#define EVERYBODY "*"

static enum err_class read_accounts(struct request *request, struct report_request *report,
                                    struct err *err)
{
    struct str first = http_in_query_nth(request->ex, "account", 0);
    bool everybody = str_eq_z(first, EVERYBODY) || (!first.ptr && request->who.account[0] == '\0');
    bool others = everybody;
    enum err_class rc = ERR_OK;

    if (!everybody && !first.ptr)
        return report_add_account("account", str_from(request->who.account), report, err);
    if (!everybody)
        rc = read_list(request, "account", report_add_account, report, err);
    for (size_t i = 0; i < report->account_count && rc == ERR_OK; i++) {
        if (str_eq_z(report->accounts[i], EVERYBODY))
            everybody = true;
        others = others || !worklog_is_own(request, report->accounts[i]);
    }
    if (rc == ERR_OK && everybody && http_in_query_nth(request->ex, "account", 1).ptr)
        return err_set(err, ERR_INPUT,
                       "`account` names people by their ids, or is " EVERYBODY
                       " alone for everybody; not both");
    return rc == ERR_OK && others ? rights_want(request, RIGHT_OTHERS, err) : rc;
}

static enum err_class read_limit(struct request *request, size_t *ret, struct err *err)
{
    struct str text = http_in_query(request->ex, "limit");
    struct settings settings;
    int64_t limit = 0;

    if (text.ptr) {
        if (!parse_i64(text, 1, SITE_PAGE_MAX, &limit))
            return err_set(err, ERR_INPUT, "`limit` takes a whole number, 1 to %d", SITE_PAGE_MAX);
        *ret = (size_t)limit;
        return ERR_OK;
    }

    enum err_class rc = settings_load(request->tenant, request->ex->arena, &settings, err);

    if (rc == ERR_OK)
        *ret = settings.page_size < SITE_PAGE_MAX ? (size_t)settings.page_size : SITE_PAGE_MAX;
    return rc;
}

static enum err_class read_page(struct request *request, struct question *question, struct err *err)
{
    struct str cursor = http_in_query(request->ex, "cursor");

    question->after = QUERY_FIRST_PLACE;
    if (cursor.len > 0 && !read_cursor(request, cursor, &question->after))
        return err_set(err, ERR_INPUT, "`cursor` is not one of ours: begin without it");
    return read_limit(request, &question->limit, err);
}

/* What a query and a saved filter find is asked of Jira now, and for every page anew. */
static enum err_class search(struct request *request, struct question *question, struct err *err)
{
    struct str jql = http_in_query(request->ex, "jql");
    struct str filter = http_in_query(request->ex, "filter");
    struct report_request *report = &question->report;
    enum err_class rc = ERR_OK;

    if (jql.len == 0 && filter.len == 0)
        return ERR_OK;
    rc = looker_find(&question->looker, jql, filter, &question->found, err);
    report->has_only = true;
    report->only = question->found.list;
    report->only_count = question->found.count;
    return rc;
}

static enum err_class read_question(struct request *request, struct question *question,
                                    struct err *err)
{
    struct report_request *report = &question->report;
    enum err_class rc = read_period(request, report, err);

    if (rc == ERR_OK)
        rc = read_list(request, "issue", report_add_issue, report, err);
    if (rc == ERR_OK)
        rc = read_list(request, "tag", report_add_tag, report, err);
    if (rc == ERR_OK)
        rc = read_page(request, question, err);
    if (rc == ERR_OK)
        rc = report_check(report, err);
    if (rc == ERR_OK)
        rc = viewing_begin(request, &question->looker.viewing, err);
    if (rc == ERR_OK)
        rc = read_accounts(request, report, err);
    return rc == ERR_OK ? search(request, question, err) : rc;
}

/* ---- Reading ---- */

static enum err_class answer_page(struct request *request, const struct viewer *viewer,
                                  struct site_page *page, struct err *err)
{
    struct json_out out = json_out(&request->ex->out);
    enum err_class rc = ERR_OK;

    json_object(&out);
    json_key(&out, "worklogs");
    json_array(&out);
    rc = worklog_page_put(request, viewer, page, &out, err);
    json_array_end(&out);
    json_key(&out, "next");
    if (rc == ERR_OK && page->more)
        rc = put_cursor(request, &page->next, &out, err);
    else
        json_put_null(&out);
    json_key(&out, "hidden");
    json_object(&out);
    json_key(&out, "issues");
    json_put_i64(&out, (int64_t)page->hidden);
    json_object_end(&out);
    json_object_end(&out);
    return rc;
}

static enum err_class get_worklogs(struct request *request, struct err *err)
{
    AUTO(question_done) struct question question = {.limit = 0};
    struct site_page *page = arena_alloc(request->ex->arena, sizeof(*page));
    enum err_class rc = page ? read_question(request, &question, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = site_columns_page(timesheet_state(request->site)->columns, request->tenant,
                               &question.report, looker_viewer(&question.looker), question.after,
                               question.limit, page, err);
    return rc == ERR_OK ? answer_page(request, looker_viewer(&question.looker), page, err) : rc;
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
