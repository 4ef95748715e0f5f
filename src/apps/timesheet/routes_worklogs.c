/*
 * routes_worklogs.c: /api/v1/worklogs, /worklogs/actions, /tags. Thin: words in (worklog_json.c),
 * the act (write.c, actions.c), words out.
 *
 * Who sees what: one's own worklogs always. Those of others need the right of the settings, and of
 * those only the ones on issues that Jira lets the person browse (eyes below); the answer says how
 * many issues are hidden. Who may change what is Jira's to say: the call goes as the person.
 */
#include <inttypes.h>

#include "apps/timesheet/app.h"
#include "apps/timesheet/worklog_json.h"
#include "base/civil.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define LIST_DEFAULT 100
#define LIST_MAX 500
#define LIST_ISSUES_MAX LIST_MAX
#define BODY_MAX ((size_t)2 * LIMIT_COMMENT_BYTES)
#define SMALL_BODY_MAX ((size_t)64 * 1024)
#define ZONE_UNTIL_MS INT64_C(4102444800000) /* 2100-01-01; rules further on are guesses */

/* ---- Rights ---- */

static bool sees_all(const struct request *request)
{
    return request->who.role == ROLE_ADMIN;
}

static enum err_class rights_of(struct request *request, struct rights *ret, struct err *err)
{
    *ret = (struct rights){true, true, true};
    if (sees_all(request) || !request->app->rights)
        return ERR_OK;
    return request->app->rights(request, true, ret, err);
}

static enum err_class may_log(struct request *request, struct err *err)
{
    struct rights rights;
    enum err_class rc = rights_of(request, &rights, err);

    if (rc == ERR_OK && !rights.log)
        return err_set(err, ERR_FORBIDDEN,
                       "you may not log work here: an administrator can allow it in the settings");
    return rc;
}

static enum err_class may_see_others(struct request *request, struct err *err)
{
    struct rights rights;
    enum err_class rc = rights_of(request, &rights, err);

    if (rc == ERR_OK && !rights.others)
        return err_set(err, ERR_FORBIDDEN,
                       "you may not see other people's worklogs: an administrator can allow it in "
                       "the settings");
    return rc;
}

static bool is_own(const struct request *request, struct str account)
{
    return request->who.account[0] != '\0' && str_eq_z(account, request->who.account);
}

/*
 * Which of these issues may the person browse? ret[i] for issues[i].
 * FIXME: until the report's look-up of visible issues is joined here, none.
 */
static enum err_class eyes(struct request *request, const int64_t *issues, size_t count, bool *ret,
                           struct err *err)
{
    (void)issues;
    (void)err;
    for (size_t i = 0; i < count; i++)
        ret[i] = sees_all(request);
    return ERR_OK;
}

/* ---- Rows that are collected, so that eyes can be asked before they are shown ---- */

struct shown_row {
    size_t from, to; /* in `text` */
    int64_t issue_id;
    bool own;
};

struct page {
    const struct request *request;
    struct strbuf text; /* W after W */
    struct shown_row rows[LIST_MAX];
    size_t count;
    int64_t issues[LIST_ISSUES_MAX]; /* of others' rows, each once */
    bool visible[LIST_ISSUES_MAX];
    size_t issue_count;
    struct worklog_cursor last;
};

static void page_free(struct page *page)
{
    if (!page)
        return;
    vault_wipe(&page->text);
    free(page);
}
AUTO_DEFINE(struct page, page_free)

static struct page *page_new(const struct request *request)
{
    struct page *page = calloc(1, sizeof(*page));

    if (page) {
        page->request = request;
        page->text = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES);
    }
    return page;
}

static size_t issue_place(const struct page *page, int64_t issue)
{
    size_t i = 0;

    while (i < page->issue_count && page->issues[i] != issue)
        i++;
    return i;
}

static enum err_class keep_row(void *arg, const struct worklog_row *row, struct err *err)
{
    struct page *page = arg;
    struct shown_row *shown = &page->rows[page->count++];
    struct json_out out = json_out(&page->text);

    *shown = (struct shown_row){.from = page->text.len,
                                .issue_id = row->issue_id,
                                .own = is_own(page->request, row->account)};
    worklog_put(&out, row);
    shown->to = page->text.len;
    page->last = (struct worklog_cursor){row->started_ms, row->id};
    if (!shown->own && issue_place(page, row->issue_id) == page->issue_count)
        page->issues[page->issue_count++] = row->issue_id;
    return strbuf_check(&page->text, "a page of worklogs", err);
}

static bool is_shown(const struct page *page, const struct shown_row *row)
{
    return row->own || page->visible[issue_place(page, row->issue_id)];
}

static enum err_class look(struct request *request, struct page *page, struct err *err)
{
    return page->issue_count == 0
               ? ERR_OK
               : eyes(request, page->issues, page->issue_count, page->visible, err);
}

/* The JSON of the rows that may be shown, as elements of an array. */
static void put_rows(struct strbuf *ret, const struct page *page)
{
    bool first = true;

    strbuf_add_char(ret, '[');
    for (size_t i = 0; i < page->count; i++) {
        const struct shown_row *row = &page->rows[i];

        if (!is_shown(page, row))
            continue;
        strbuf_add_z(ret, first ? "" : ",");
        strbuf_add(ret, strbuf_z(&page->text) + row->from, row->to - row->from);
        first = false;
    }
    strbuf_add_char(ret, ']');
}

/* One worklog, if it is there and may be seen; answered as W. */
static enum err_class answer_one(struct request *request, int64_t id, struct err *err)
{
    AUTO(page_free_autop) struct page *page = page_new(request);

    if (!page)
        return err_memory(err);

    enum err_class rc = worklog_read(request->tenant, id, keep_row, page, err);

    if (rc == ERR_OK && !page->rows[0].own)
        rc = may_see_others(request, err);
    if (rc == ERR_OK)
        rc = look(request, page, err);
    if (rc == ERR_OK && !is_shown(page, &page->rows[0]))
        return err_set(err, ERR_NOT_FOUND,
                       "the worklog %" PRId64 " is on an issue that you may not see in Jira", id);
    if (rc == ERR_OK)
        strbuf_add_str(&request->ex->out, strbuf_str(&page->text));
    return rc;
}

/* ---- Parameters ---- */

static enum err_class param_id(struct request *request, int64_t *ret, struct err *err)
{
    if (parse_i64(request->ex->params[0], 1, INT64_MAX, ret))
        return ERR_OK;
    return err_set(err, ERR_NOT_FOUND, "a worklog is named by its id in Jira, a number");
}

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

static enum err_class open_zone(struct str name, struct zone **ret, struct err *err)
{
    return zone_new(name, 0, ZONE_UNTIL_MS, ret, err);
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
        rc = open_zone(http_in_query(request->ex, "tz"), &zone, err);
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

/* ---- Reading ---- */

static enum err_class query_page(struct request *request, struct worklog_page *ret, struct err *err)
{
    struct str cursor = http_in_query(request->ex, "cursor");
    struct worklog_cursor from = {INT64_MIN, 0};
    enum err_class rc = query_period(request, ret, err);

    if (rc == ERR_OK)
        rc = query_number(request, "issue", 1, INT64_MAX, 0, &ret->issue_id, err);
    if (rc == ERR_OK)
        rc = query_number(request, "limit", 1, LIST_MAX, LIST_DEFAULT, &ret->limit, err);
    if (rc == ERR_OK && cursor.len > 0 && !worklog_cursor_read(cursor, &from))
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
    AUTO(page_free_autop) struct page *page = page_new(request);
    struct worklog_page asked = {0};
    struct json_out out = json_out(&request->ex->out);
    int64_t hidden = 0;

    if (!page)
        return err_memory(err);

    enum err_class rc = query_page(request, &asked, err);

    if (rc == ERR_OK && !is_own(request, asked.account))
        rc = may_see_others(request, err);
    if (rc == ERR_OK)
        rc = worklogs_by_start(request->tenant, &asked, keep_row, page, err);
    if (rc == ERR_OK)
        rc = look(request, page, err);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < page->issue_count; i++)
        hidden += page->visible[i] ? 0 : 1;
    json_object(&out);
    json_key(&out, "worklogs");
    put_rows(out.buf, page);
    out.comma |= UINT32_C(1) << out.level;
    json_key(&out, "next");
    if ((int64_t)page->count == asked.limit)
        worklog_cursor_put(&out, &page->last);
    else
        json_put_null(&out);
    json_key(&out, "hidden");
    json_object(&out);
    json_key(&out, "issues");
    json_put_i64(&out, hidden);
    json_object_end(&out);
    json_object_end(&out);
    return ERR_OK;
}

static enum err_class get_worklog(struct request *request, struct err *err)
{
    int64_t id = 0;
    enum err_class rc = param_id(request, &id, err);

    return rc == ERR_OK ? answer_one(request, id, err) : rc;
}

/* ---- Writing ---- */

/* A writer with all that it borrows; for one request. */
struct desk {
    struct request *request;
    struct mirror mirror;
    struct link link;
    struct write_rules rules;
    struct writer writer;
};

static enum err_class queue_job(void *arg, const char *kind, const char *key, int64_t due_ms,
                                struct err *err)
{
    struct request *request = arg;
    const struct job_order order = {
        .tenant = request->tenant->info.id, .kind = kind, .key = key, .due_ms = due_ms};

    return daemon_add_job(request->daemon, &order, err);
}

/*
 * FIXME: until the settings are joined here, nothing is asked of a worklog.
 */
static enum err_class load_rules(struct request *request, struct write_rules *ret, struct err *err)
{
    (void)request;
    (void)err;
    *ret = (struct write_rules){.warn_future = true};
    return ERR_OK;
}

static enum err_class desk_open(struct desk *desk, struct request *request, struct err *err)
{
    struct str key = http_in_header(request->ex, "Idempotency-Key");

    *desk = (struct desk){.request = request};
    if (key.len > 0 && !pending_key_is_valid(key))
        return err_set(err, ERR_INPUT,
                       "Idempotency-Key has 1 to %d letters, digits, '_' or '-'; this one has "
                       "something else",
                       PENDING_KEY_BYTES);

    enum err_class rc = may_log(request, err);

    if (rc == ERR_OK)
        rc = load_rules(request, &desk->rules, err);
    if (rc == ERR_OK)
        rc = mirror_init(&desk->mirror, request->tenant, err);
    if (rc == ERR_OK)
        rc = request_link(request, AS_PERSON, "a worklog is written", &desk->link, err);
    desk->writer = (struct writer){
        .mirror = &desk->mirror,
        .jira = &desk->link.jira,
        .account = str_from(request->who.account),
        .key = key,
        .rules = &desk->rules,
        .add_job = queue_job,
        .add_job_arg = request,
    };
    return rc;
}

static void desk_done(struct desk *desk)
{
    link_done(&desk->link);
    mirror_done(&desk->mirror);
}

static void log_change(const struct request *request, const char *event, int64_t id)
{
    LOG(request->ex->ctx, LOG_INFO, event, LOG_IDENT("tenant", request->tenant->info.id),
        LOG_IDENT("account", request->who.account[0] ? request->who.account : "administrator"),
        LOG_NUM("worklog", id));
}

/* What was written, from the mirror; or, when that could not follow, as Jira answered. */
static enum err_class put_written(struct request *request, struct page *page,
                                  const struct write_done *done, const struct write_draft *draft,
                                  struct err *err)
{
    const struct jira_worklog *worklog = &done->one.worklog;
    const struct worklog_row row = {
        .id = worklog->id,
        .issue_id = worklog->issue_id,
        .created_ms = worklog->created_ms,
        .updated_ms = worklog->updated_ms,
        .started_ms = worklog->started_ms,
        .seconds = worklog->seconds,
        .account = worklog->account,
        .comment = worklog->comment,
        .tags = draft && draft->has_tags ? draft->tags : NULL,
        .tag_count = draft && draft->has_tags ? draft->tag_count : 0,
    };

    page->count = page->issue_count = 0;
    strbuf_reset(&page->text);
    if (done->stored)
        return worklog_read(request->tenant, done->id, keep_row, page, err);
    log_change(request, "mirror_behind", done->id);
    return keep_row(page, &row, err);
}

static enum err_class answer_written(struct request *request, const struct write_done *done,
                                     const struct write_draft *draft, int status, struct err *err)
{
    AUTO(page_free_autop) struct page *page = page_new(request);

    if (!page)
        return err_memory(err);

    enum err_class rc = put_written(request, page, done, draft, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_add_str(&request->ex->out, strbuf_str(&page->text));
    request->ex->status = done->stored ? status : 202;
    if (done->future)
        http_out_header(request->ex, "X-Tenon-Warning", "future-date");
    return ERR_OK;
}

static enum err_class post_worklog(struct request *request, struct err *err)
{
    struct write_done done = {0};
    struct worklog_body body;
    struct desk desk = {0};
    yyjson_val *json = NULL;
    enum err_class rc = request_json(request, &json, err);

    if (rc == ERR_OK)
        rc = worklog_body_read(json, true, &body, err);
    if (rc == ERR_OK)
        rc = desk_open(&desk, request, err);
    if (rc == ERR_OK)
        rc = write_create(&desk.writer, &body.draft, &done, err);
    if (rc == ERR_OK)
        rc = answer_written(request, &done, &body.draft, 201, err);
    write_done_free(&done);
    desk_done(&desk);
    return rc;
}

/*
 * Tags are ours alone: Jira is not asked, so who may see the worklog may tag it. The answer is W as
 * it is then.
 */
static enum err_class replace_tags(struct request *request, int64_t id,
                                   const struct write_draft *draft, struct err *err)
{
    struct db *db = request->tenant->db;
    struct mirror mirror = {0};
    enum err_class rc = may_log(request, err);

    if (rc == ERR_OK)
        rc = answer_one(request, id, err);
    strbuf_reset(&request->ex->out);
    if (rc == ERR_OK)
        rc = mirror_init(&mirror, request->tenant, err);
    if (rc == ERR_OK)
        rc = db_begin(db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(db, tags_replace(&mirror, id, draft->tags, draft->tag_count, err), err);
    mirror_done(&mirror);
    return rc == ERR_OK ? answer_one(request, id, err) : rc;
}

static enum err_class put_tags(struct request *request, struct err *err)
{
    struct worklog_body body;
    yyjson_val *json = NULL;
    int64_t id = 0;
    enum err_class rc = param_id(request, &id, err);

    if (rc == ERR_OK)
        rc = request_json(request, &json, err);
    if (rc == ERR_OK)
        rc = worklog_tags_read(json, &body, err);
    return rc == ERR_OK ? replace_tags(request, id, &body.draft, err) : rc;
}

static bool only_tags(const struct write_draft *draft)
{
    return draft->has_tags && !draft->change.has_started && !draft->change.has_seconds &&
           !draft->change.has_comment;
}

static enum err_class put_worklog(struct request *request, struct err *err)
{
    struct write_done done = {0};
    struct worklog_body body;
    struct desk desk = {0};
    yyjson_val *json = NULL;
    int64_t id = 0;
    enum err_class rc = param_id(request, &id, err);

    if (rc == ERR_OK)
        rc = request_json(request, &json, err);
    if (rc == ERR_OK)
        rc = worklog_body_read(json, false, &body, err);
    if (rc == ERR_OK && only_tags(&body.draft))
        return replace_tags(request, id, &body.draft, err);
    if (rc == ERR_OK)
        rc = desk_open(&desk, request, err);
    if (rc == ERR_OK)
        rc = write_update(&desk.writer, id, &body.draft, &done, err);
    if (rc == ERR_OK)
        rc = answer_written(request, &done, &body.draft, 200, err);
    write_done_free(&done);
    desk_done(&desk);
    return rc;
}

static enum err_class delete_worklog(struct request *request, struct err *err)
{
    struct http_exchange *ex = request->ex;
    struct write_done done = {0};
    struct jira_estimate estimate;
    struct desk desk = {0};
    int64_t id = 0;
    enum err_class rc = param_id(request, &id, err);

    if (rc == ERR_OK)
        rc = worklog_estimate_read(http_in_query(ex, "estimate"), http_in_query(ex, "to"),
                                   http_in_query(ex, "by"), &estimate, err);
    if (rc == ERR_OK)
        rc = desk_open(&desk, request, err);
    if (rc == ERR_OK)
        rc = write_delete(&desk.writer, id, &estimate, &done, err);
    if (rc == ERR_OK) {
        log_change(request, "worklog_deleted", id);
        ex->status = 204;
    }
    write_done_free(&done);
    desk_done(&desk);
    return rc;
}

/* ---- Actions ---- */

struct told {
    struct request *request;
    struct page *page; /* for one W at a time */
    enum action_kind kind;
    struct strbuf done, failed; /* elements of two arrays */
};

static void put_item_id(struct json_out *out, int64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, id);
    json_object(out);
    json_key(out, "id");
    json_put_z(out, text);
}

static enum err_class tell_done(struct told *told, const struct action_item *item, struct err *err)
{
    struct json_out out = json_out(&told->done);

    strbuf_add_z(&told->done, told->done.len > 0 ? "," : "");
    put_item_id(&out, item->id);
    json_key(&out, "to");
    if (told->kind == ACTION_DELETE) {
        log_change(told->request, "worklog_deleted", item->id);
        json_put_null(&out);
    } else {
        enum err_class rc = put_written(told->request, told->page, item->done, NULL, err);

        if (rc != ERR_OK)
            return rc;
        strbuf_add_str(&told->done, strbuf_str(&told->page->text));
    }
    json_object_end(&out);
    return strbuf_check(&told->done, "the list of what was done", err);
}

static enum err_class tell(void *arg, const struct action_item *item, struct err *err)
{
    struct told *told = arg;
    struct json_out out = json_out(&told->failed);

    if (item->class == ERR_OK)
        return tell_done(told, item, err);
    strbuf_add_z(&told->failed, told->failed.len > 0 ? "," : "");
    put_item_id(&out, item->id);
    json_key(&out, "status");
    json_put_i64(&out, item->class == ERR_DENIED ? 502 : err_http_status(item->class));
    json_key(&out, "detail");
    json_put_z(&out, item->detail);
    json_object_end(&out);
    return strbuf_check(&told->failed, "the list of what failed", err);
}

static enum err_class run_action(struct desk *desk, struct action_body *body, struct told *told,
                                 struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;
    enum err_class rc = open_zone(body->zone, &zone, err);

    if (rc == ERR_OK && body->id_count == 0 && desk->writer.account.len == 0)
        rc = err_set(err, ERR_INPUT,
                     "`day` means your own worklogs, and this sign-in has no Jira account: name "
                     "them by `ids`");
    if (rc == ERR_OK && body->id_count == 0)
        rc = actions_day(desk->request->tenant, desk->writer.account, zone, body->from_day,
                         body->ids, &body->id_count, err);
    if (rc != ERR_OK)
        return rc;

    const struct action action = {
        .kind = body->kind,
        .ids = body->ids,
        .id_count = body->id_count,
        .zone = zone,
        .day = body->to_day,
        .has_estimate = body->has_estimate,
        .estimate = body->estimate,
    };

    return actions_run(&desk->writer, &action, tell, told, err);
}

static enum err_class post_action(struct request *request, struct err *err)
{
    AUTO(page_free_autop) struct page *page = page_new(request);
    struct told told = {.request = request,
                        .page = page,
                        .done = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES),
                        .failed = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES)};
    struct action_body body;
    struct desk desk = {0};
    yyjson_val *json = NULL;
    enum err_class rc = page ? request_json(request, &json, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = action_body_read(json, &body, err);
    if (rc == ERR_OK)
        rc = desk_open(&desk, request, err);
    told.kind = rc == ERR_OK ? body.kind : ACTION_MOVE;
    if (rc == ERR_OK)
        rc = run_action(&desk, &body, &told, err);
    if (rc == ERR_OK) {
        strbuf_add_z(&request->ex->out, "{\"done\":[");
        strbuf_add_str(&request->ex->out, strbuf_str(&told.done));
        strbuf_add_z(&request->ex->out, "],\"failed\":[");
        strbuf_add_str(&request->ex->out, strbuf_str(&told.failed));
        strbuf_add_z(&request->ex->out, "]}");
    }
    vault_wipe(&told.done);
    strbuf_done(&told.failed);
    desk_done(&desk);
    return rc;
}

/* ---- Tags ---- */

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

    enum err_class rc = tags_each(request->tenant, put_tag, &out, err);

    json_array_end(&out);
    json_object_end(&out);
    return rc;
}

/* ---- The table ---- */

#define PATH "/api/v1/worklogs"

static const struct api_route routes[] = {
    {HTTP_GET, PATH, 0, API_TENANT, get_worklogs},
    {HTTP_POST, PATH, BODY_MAX, API_TENANT, post_worklog},
    {HTTP_POST, PATH "/actions", SMALL_BODY_MAX, API_TENANT, post_action},
    {HTTP_GET, PATH "/{id}", 0, API_TENANT, get_worklog},
    {HTTP_PUT, PATH "/{id}", BODY_MAX, API_TENANT, put_worklog},
    {HTTP_DELETE, PATH "/{id}", 0, API_TENANT, delete_worklog},
    {HTTP_PUT, PATH "/{id}/tags", SMALL_BODY_MAX, API_TENANT, put_tags},
    {HTTP_GET, "/api/v1/tags", 0, API_TENANT, get_tags},
};

const struct api_area worklog_area = {.routes = routes, .count = ARRAY_LEN(routes)};
