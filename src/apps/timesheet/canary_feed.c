/*
 * canary_feed.c: canaries through every way into the timesheet.
 *
 * The stand-in for Jira knows one worklog that is there and one that is written; everything else it
 * refuses, with texts in its error as real ones have. What it says of people and issues beyond ids
 * must not be stored.
 */
#include "apps/timesheet/canary_feed.h"

#include "apps/timesheet/hint.h"
#include "apps/timesheet/saved.h"
#include "apps/timesheet/settings.h"
#include "apps/timesheet/sync.h"
#include "apps/timesheet/write.h"
#include "base/civil.h"
#include "connect/link.h"
#include "http/net.h"

#define ISSUE 10001
#define SYNCED 501
#define WRITTEN 502
#define BODY_BYTES ((size_t)64 * 1024)

/* ---- A Jira in memory ---- */

struct net_call {
    int status;
    struct strbuf body;
};

struct canary_jira {
    int64_t now_ms;
    bool fails; /* everything is refused */
    const char *account, *comment, *written;
    const char *name, *mail, *error; /* of what must not be stored */
};

static void put_person(const struct canary_jira *jira, struct json_out *out)
{
    json_object(out);
    json_key(out, "accountId");
    json_put_z(out, jira->account);
    json_key(out, "displayName");
    json_put_z(out, jira->name);
    json_key(out, "emailAddress");
    json_put_z(out, jira->mail);
    json_object_end(out);
}

/* The comment as Atlassian's document format. */
static void put_comment(const char *text, struct json_out *out)
{
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "doc");
    json_key(out, "version");
    json_put_i64(out, 1);
    json_key(out, "content");
    json_array(out);
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "paragraph");
    json_key(out, "content");
    json_array(out);
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "text");
    json_key(out, "text");
    json_put_z(out, text);
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
}

static void put_number(struct json_out *out, const char *key, int64_t number)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(32);

    strbuf_addf(&text, "%lld", (long long)number);
    json_key(out, key);
    json_put_str(out, strbuf_str(&text));
}

static void put_worklog(const struct canary_jira *jira, int64_t id, const char *comment,
                        struct json_out *out)
{
    static const char *const times[] = {"created", "updated", "started"};

    json_object(out);
    put_number(out, "id", id);
    put_number(out, "issueId", ISSUE);
    json_key(out, "author");
    put_person(jira, out);
    json_key(out, "updateAuthor");
    put_person(jira, out);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        json_key(out, times[i]);
        json_put_stamp(out, jira->now_ms - MS_PER_HOUR);
    }
    json_key(out, "timeSpentSeconds");
    json_put_i64(out, 3600);
    json_key(out, "comment");
    put_comment(comment, out);
    json_object_end(out);
}

static void put_feed(const struct canary_jira *jira, bool with_row, struct strbuf *body)
{
    strbuf_add_z(body, "{\"values\":[");
    if (with_row)
        strbuf_addf(body, "{\"worklogId\":%d,\"updatedTime\":%lld}", SYNCED,
                    (long long)(jira->now_ms - MS_PER_HOUR));
    strbuf_addf(body, "],\"since\":0,\"until\":%lld,\"lastPage\":true}",
                (long long)(jira->now_ms - MS_PER_HOUR));
}

static void refuse(const struct canary_jira *jira, struct net_call *call)
{
    call->status = 400;
    strbuf_addf(&call->body, "{\"errorMessages\":[\"%s\"],\"errors\":{\"%s\":\"%s\"}}", jira->error,
                jira->error, jira->error);
}

static void answer(const struct canary_jira *jira, const struct net_request *request,
                   struct net_call *call)
{
    struct json_out out = json_out(&call->body);

    if (jira->fails) {
        refuse(jira, call);
    } else if (strstr(request->url, "/serverInfo")) {
        strbuf_add_z(&call->body, "{\"deploymentType\":\"Cloud\",\"version\":\"1001.0.0\"}");
    } else if (strstr(request->url, "/worklog/updated?")) {
        put_feed(jira, true, &call->body);
    } else if (strstr(request->url, "/worklog/deleted?")) {
        put_feed(jira, false, &call->body);
    } else if (strstr(request->url, "/worklog/list")) {
        json_array(&out);
        put_worklog(jira, SYNCED, jira->comment, &out);
        json_array_end(&out);
    } else if (request->method == HTTP_POST && strstr(request->url, "/worklog?")) {
        call->status = 201;
        put_worklog(jira, WRITTEN, jira->written, &out);
    } else {
        refuse(jira, call);
    }
}

static enum err_class net_start(void *self, const struct ctx *ctx,
                                const struct net_request *request, struct net_call **ret,
                                struct err *err)
{
    struct net_call *call = calloc(1, sizeof(*call));

    (void)ctx;
    if (!call)
        return err_memory(err);
    call->status = 200;
    net_body_init(&call->body, BODY_BYTES);
    answer(self, request, call);
    *ret = call;
    return ERR_OK;
}

static enum err_class net_finish(void *self, const struct ctx *ctx, struct net_call *call,
                                 struct net_response *ret, struct err *err)
{
    bool whole = net_body_end(&call->body);

    (void)self;
    (void)ctx;
    *ret = (struct net_response){.status = call->status, .body = call->body};
    net_response_add_header(ret, STR("content-type"), STR("application/json"));
    free(call);
    if (whole)
        return ERR_OK;
    net_response_done(ret);
    return err_memory(err);
}

static bool net_ready(void *self, const struct ctx *ctx, struct net_call *call, int64_t wait_ms)
{
    (void)self;
    (void)ctx;
    (void)call;
    (void)wait_ms;
    return true;
}

static void net_drop(void *self, struct net_call *call)
{
    (void)self;
    if (call)
        strbuf_done(&call->body);
    free(call);
}

static const struct net_ops net = {net_start, net_finish, net_ready, net_drop};

/* ---- The ways in ---- */

struct ways {
    struct canary_feed *feed;
    struct canary_jira source;
    struct link link;
    struct mirror mirror;
};

static enum err_class synchronize(struct ways *ways, struct err *err)
{
    static const struct sync_options options = {.start_over = true};
    struct sync_result result;

    return sync_run(ways->feed->tenant, &ways->link.jira, &options, &result, err);
}

/* A Jira that refuses, with texts in its answer: neither the error nor the log may have them. */
static enum err_class meet_errors(struct ways *ways, struct err *err)
{
    struct err refused = {0};
    enum err_class rc;

    ways->source.fails = true;
    rc = synchronize(ways, &refused);
    ways->source.fails = false;
    if (rc == ERR_OK)
        return err_set(err, ERR_BUG, "a synchronization with a Jira that refuses ended well");
    canary_search_text(ways->feed->canaries, str_from(refused.msg), "an error");
    return ERR_OK;
}

static enum err_class write_through(struct ways *ways, struct err *err)
{
    static const struct write_rules rules = {.rounding_minutes = 1};
    struct writer writer = {.mirror = &ways->mirror,
                            .jira = &ways->link.jira,
                            .account = str_from(ways->source.account),
                            .key =
                                str_from(canary_stranger(ways->feed->canaries, "Idempotency-Key")),
                            .part = "",
                            .rules = &rules};
    struct write_draft draft = {.issue = STR("10001")};
    struct write_done done = {0};

    draft.change.has_started = true;
    draft.change.started_ms = ways->source.now_ms - MS_PER_HOUR;
    draft.change.has_seconds = true;
    draft.change.seconds = 3600;
    draft.change.has_comment = true;
    draft.change.comment = str_from(ways->source.written);

    enum err_class rc = write_create(&writer, &draft, &done, err);

    write_done_free(&done);
    return rc;
}

static enum err_class tag_it(struct ways *ways, struct err *err)
{
    const char *name = canary_of(ways->feed->canaries, "tag", "name", "the API");

    return tag_add(&ways->mirror, SYNCED, str_from(name), err);
}

static enum err_class save_report(struct ways *ways, struct err *err)
{
    const char *query = canary_of(ways->feed->canaries, "saved_report", "query", "the API");
    struct saved_report saved = {
        .name = str_from(canary_of(ways->feed->canaries, "saved_report", "name", "the API")),
        .query = str_from(query)};

    return saved_add(ways->feed->tenant, str_from(ways->source.account), &saved, err);
}

/* Whatever a webhook says, only ids come out of it. */
static enum err_class take_hints(struct ways *ways, struct err *err)
{
    const char *text = canary_stranger(ways->feed->canaries, "a webhook's body");
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(BODY_BYTES);
    yyjson_doc *doc = NULL;

    strbuf_addf(&body,
                "{\"webhookEvent\":\"%s\",\"worklog\":{\"id\":\"%d\",\"issueId\":\"%d\","
                "\"comment\":\"%s\",\"author\":{\"accountId\":\"%s\",\"displayName\":\"%s\"}}}",
                text, SYNCED, ISSUE, text, text, text);

    enum err_class rc = json_read(strbuf_str(&body), "a webhook", &doc, err);

    for (size_t i = 0; i < HINT_EVENT_COUNT && rc == ERR_OK; i++) {
        struct hint hint = {0};
        bool joined;

        if (!hint_events[i].read(yyjson_doc_get_root(doc), &hint) || !hint.kind)
            continue;

        const struct job_order order = {.tenant = ways->feed->tenant->info.id,
                                        .kind = hint.kind,
                                        .key = hint.key,
                                        .due_ms = ways->source.now_ms + MS_PER_DAY};

        rc = jobs_add(ways->feed->data->control, ways->feed->ctx, &order, &joined, err);
    }
    yyjson_doc_free(doc);
    return rc;
}

static enum err_class all_ways(struct ways *ways, struct err *err)
{
    static enum err_class (*const each[])(struct ways * ways, struct err * err) = {
        synchronize, write_through, tag_it, save_report, take_hints, meet_errors};
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < ARRAY_LEN(each) && rc == ERR_OK; i++)
        rc = each[i](ways, err);
    return rc;
}

enum err_class timesheet_canaries(struct canary_feed *feed, struct err *err)
{
    struct canaries *canaries = feed->canaries;
    struct ways ways = {
        .feed = feed,
        .source = {.now_ms = ctx_now_ms(feed->ctx),
                   .account = canary_of(canaries, "person", "account_id", "a synchronization"),
                   .comment = canary_of(canaries, "worklog", "comment", "a synchronization"),
                   .written = canary_of(canaries, "worklog", "comment", "a write through"),
                   .name = canary_stranger(canaries, "a person's name"),
                   .mail = canary_stranger(canaries, "a person's mail address"),
                   .error = canary_stranger(canaries, "a text in an error of Jira")},
    };

    feed->ctx->net = &net;
    feed->ctx->net_self = &ways.source;

    enum err_class rc = mirror_init(&ways.mirror, feed->tenant, err);

    if (rc == ERR_OK)
        rc = link_open(&ways.link, feed->tenant, "verification of the policy", err);
    if (rc == ERR_OK) {
        rc = all_ways(&ways, err);
        link_done(&ways.link);
    }
    mirror_done(&ways.mirror);
    feed->ctx->net = NULL;
    return rc;
}
