/*
 * routes_write.c: POST /api/v1/worklogs, PUT and DELETE /worklogs/{id}, POST /worklogs/actions.
 * Thin: words in (worklog_json.c), the act (write.c, actions.c), words out. What a person may not
 * see is as if it were not there, as for GET; of what they see, who may change what is Jira's to
 * say: the call goes as the person.
 */
#include <inttypes.h>

#include "apps/timesheet/app.h"
#include "apps/timesheet/rights.h"
#include "apps/timesheet/settings.h"
#include "apps/timesheet/worklog_page.h"
#include "base/log.h"

#define BODY_MAX ((size_t)2 * LIMIT_COMMENT_BYTES)
#define ACTION_BODY_MAX ((size_t)64 * 1024)

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

static enum err_class load_rules(struct request *request, struct write_rules *ret, struct err *err)
{
    struct settings settings;
    enum err_class rc = settings_load(request->tenant, request->ex->arena, &settings, err);

    if (rc == ERR_OK)
        *ret = (struct write_rules){
            .comment_required = settings.comment_required,
            .warn_future = settings.warn_future,
            .rounding_minutes = settings.rounding_minutes,
        };
    return rc;
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

    enum err_class rc = rights_want(request, RIGHT_LOG, err);

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
        .see = worklog_want_seen,
        .see_arg = request,
    };
    return rc;
}

static void desk_done(struct desk *desk)
{
    link_done(&desk->link);
    mirror_done(&desk->mirror);
}

/* ---- What was written ---- */

static void log_change(const struct request *request, enum log_level level, const char *event,
                       int64_t id)
{
    LOG(request->ex->ctx, level, event, LOG_IDENT("tenant", request->tenant->info.id),
        LOG_NAME("by", principal_by_name(request->who.by)), /* never who: a log outlives them */
        LOG_NUM("worklog", id));
}

/* What was written, from the mirror; or, when that could not follow, as Jira answered. */
static enum err_class put_written(struct request *request, struct worklog_answer *answer,
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

    worklog_answer_reset(answer);
    if (done->stored)
        return worklog_read(request->tenant, done->id, worklog_answer_add, answer, err);
    log_change(request, LOG_WARN, "mirror_behind", done->id);
    return worklog_answer_add(answer, &row, err);
}

static enum err_class answer_written(struct request *request, const struct write_done *done,
                                     const struct write_draft *draft, int status, struct err *err)
{
    AUTO(worklog_answer_free_autop) struct worklog_answer *answer = worklog_answer_new(request);

    if (!answer)
        return err_memory(err);

    enum err_class rc = put_written(request, answer, done, draft, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_add_str(&request->ex->out, strbuf_str(&answer->text));
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
    enum err_class rc = worklog_param_id(request, &id, err);

    if (rc == ERR_OK)
        rc = request_json(request, &json, err);
    if (rc == ERR_OK)
        rc = worklog_body_read(json, false, &body, err);
    if (rc == ERR_OK && only_tags(&body.draft))
        return worklog_answer_tagged(request, id, &body.draft, err);
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
    enum err_class rc = worklog_param_id(request, &id, err);

    if (rc == ERR_OK)
        rc = worklog_estimate_read(http_in_query(ex, "estimate"), http_in_query(ex, "to"),
                                   http_in_query(ex, "by"), &estimate, err);
    if (rc == ERR_OK)
        rc = desk_open(&desk, request, err);
    if (rc == ERR_OK)
        rc = write_delete(&desk.writer, id, &estimate, &done, err);
    if (rc == ERR_OK) {
        log_change(request, LOG_INFO, "worklog_deleted", id);
        ex->status = done.stored ? 204 : 202;
    }
    write_done_free(&done);
    desk_done(&desk);
    return rc;
}

/* ---- Actions ---- */

struct told {
    struct request *request;
    struct worklog_answer *answer; /* for one W at a time */
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
        log_change(told->request, LOG_INFO, "worklog_deleted", item->id);
        json_put_null(&out);
    } else {
        enum err_class rc = put_written(told->request, told->answer, item->done, NULL, err);

        if (rc != ERR_OK)
            return rc;
        strbuf_add_str(&told->done, strbuf_str(&told->answer->text));
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
    enum err_class rc = worklog_zone(body->zone, &zone, err);

    if (rc == ERR_OK && body->id_count == 0 && desk->writer.account.len == 0)
        rc = err_set(err, ERR_INPUT,
                     "`day` means your own worklogs, and this sign-in has no Jira account: name "
                     "them by `ids`");
    if (rc == ERR_OK && body->id_count == 0)
        rc = worklog_page_day(desk->request, body->zone, body->from_day, body->ids, &body->id_count,
                              err);
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
    AUTO(worklog_answer_free_autop) struct worklog_answer *answer = worklog_answer_new(request);
    struct told told = {.request = request,
                        .answer = answer,
                        .done = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES),
                        .failed = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES)};
    struct action_body body;
    struct desk desk = {0};
    yyjson_val *json = NULL;
    enum err_class rc = answer ? request_json(request, &json, err) : err_memory(err);

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

/* ---- The table ---- */

#define PATH "/api/v1/worklogs"

static const struct api_route routes[] = {
    {HTTP_POST, PATH, BODY_MAX, API_TENANT, post_worklog, NULL},
    {HTTP_POST, PATH "/actions", ACTION_BODY_MAX, API_TENANT, post_action, NULL},
    {HTTP_PUT, PATH "/{id}", BODY_MAX, API_TENANT, put_worklog, NULL},
    {HTTP_DELETE, PATH "/{id}", 0, API_TENANT, delete_worklog, NULL},
};

const struct api_area write_area = {.routes = routes, .count = ARRAY_LEN(routes)};
