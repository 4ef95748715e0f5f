/* fake_writes.c: changes of worklogs, as Jira takes them. */
#include "fake_writes.h"

#include <assert.h>
#include <inttypes.h>

#include "base/civil.h"
#include "base/json.h"
#include "jira/jira.h"

static int64_t issue_of(struct str name)
{
    int64_t id = 0;
    bool good;

    if (str_starts(name, STR("ABC-")))
        name = str_sub(name, 4, name.len);
    good = parse_i64(name, 1, INT64_MAX, &id);
    return good ? id : 0;
}

static struct str query_value(struct str query, const char *name)
{
    while (query.len > 0) {
        struct str value = {0};
        struct str key = str_cut(str_cut(query, '&', &query), '=', &value);

        if (str_eq_z(key, name))
            return value;
    }
    return (struct str){NULL, 0};
}

/* "2h" or "90m" */
static int64_t seconds_of(struct str amount)
{
    int64_t n = 0;
    bool good = amount.len > 1 && parse_i64(str_sub(amount, 0, amount.len - 1), 0, 100000, &n);

    assert(good);
    return n * (amount.ptr[amount.len - 1] == 'h' ? 3600 : 60);
}

/* `spent`: by how much the time spent on the issue grew. */
static void adjust(struct fake_writes *writes, int64_t issue, struct str query, int64_t spent)
{
    struct str mode = query_value(query, "adjustEstimate");
    struct str reduce = query_value(query, "reduceBy"), raise = query_value(query, "increaseBy");
    int64_t *left;

    assert(issue < FAKE_ISSUES_MAX);
    left = &writes->estimates[issue];
    if (str_eq_z(mode, "auto"))
        *left -= spent;
    else if (str_eq_z(mode, "new"))
        *left = seconds_of(query_value(query, "newEstimate"));
    else if (str_eq_z(mode, "manual"))
        *left += reduce.ptr ? -seconds_of(reduce) : seconds_of(raise);
    else
        assert(str_eq_z(mode, "leave"));
    if (*left < 0)
        *left = 0;
}

static void apply(struct fake_writes *writes, struct fake_worklog *row, yyjson_val *body)
{
    struct strbuf comment = STRBUF_INIT(100000);
    struct str started = json_str(body, "started");
    int64_t seconds = 0;

    if (started.ptr) {
        bool good = started.len == 28 && civil_parse_stamp(started, &row->started_ms);

        assert(good);
    }
    if (json_i64(body, "timeSpentSeconds", &seconds))
        row->seconds = seconds / 60 * 60;
    if (yyjson_obj_get(body, "comment")) {
        jira_text(yyjson_obj_get(body, "comment"), &comment);
        (void)snprintf(row->comment, sizeof(row->comment), "%s", strbuf_z(&comment));
    }
    strbuf_done(&comment);
    row->updated_ms = ctx_now_ms(writes->jira->ctx);
}

static void note_mark(struct fake_writes *writes, int64_t worklog, yyjson_val *body)
{
    yyjson_val *property = yyjson_arr_get(yyjson_obj_get(body, "properties"), 0);
    struct str id = json_str(yyjson_obj_get(property, "value"), "id");

    if (!id.ptr)
        return;
    assert(str_eq_z(json_str(property, "key"), "tenon.client"));
    assert(writes->mark_count < ARRAY_LEN(writes->marks));
    writes->marks[writes->mark_count].worklog = worklog;
    (void)snprintf(writes->marks[writes->mark_count].client, sizeof(writes->marks[0].client),
                   STR_FMT, STR_ARG(id));
    writes->mark_count++;
}

static const char *api(const struct fake_writes *writes)
{
    return writes->jira->datacenter ? "/rest/api/2" : "/rest/api/3";
}

/* The worklog as a direct read shows it. */
static void show(struct fake_writes *writes, const struct net_request *request,
                 const struct fake_worklog *row, struct fake_answer *ret)
{
    struct net_request read = *request;
    char path[200];

    read.method = HTTP_GET;
    (void)snprintf(path, sizeof(path), "%s/issue/%" PRId64 "/worklog/%" PRId64, api(writes),
                   row->issue_id, row->id);
    writes->inner(writes->inner_arg, &read, path, ret);
}

static void list(struct fake_writes *writes, const struct net_request *request, int64_t issue,
                 struct str query, struct fake_answer *ret)
{
    int64_t after = 0, before = 0;
    bool good = parse_i64(query_value(query, "startedAfter"), INT64_MIN, INT64_MAX, &after) &&
                parse_i64(query_value(query, "startedBefore"), INT64_MIN, INT64_MAX, &before);
    bool first = true;

    assert(good);
    strbuf_add_z(&ret->body, "{\"worklogs\":[");
    for (size_t i = 0; i < writes->jira->count; i++) {
        const struct fake_worklog *row = &writes->jira->rows[i];

        if (row->issue_id != issue || row->deleted_ms || row->hidden || row->started_ms <= after ||
            row->started_ms >= before)
            continue;
        strbuf_add_z(&ret->body, first ? "" : ",");
        first = false;
        show(writes, request, row, ret);
        ret->body.len--; /* its brace */
        strbuf_add_z(&ret->body, ",\"properties\":[");
        for (size_t m = 0; m < writes->mark_count; m++)
            if (writes->marks[m].worklog == row->id)
                strbuf_addf(&ret->body, "{\"key\":\"tenon.client\",\"value\":{\"id\":\"%s\"}}",
                            writes->marks[m].client);
        strbuf_add_z(&ret->body, "]}");
    }
    strbuf_add_z(&ret->body, "]}");
}

static void create(struct fake_writes *writes, const struct net_request *request, int64_t issue,
                   struct str query, yyjson_val *body, struct fake_answer *ret)
{
    struct fake_worklog *row = fake_jira_add(writes->jira, issue, writes->account, 0, "");

    apply(writes, row, body);
    note_mark(writes, row->id, body);
    adjust(writes, issue, query, row->seconds);
    writes->creates++;
    show(writes, request, row, ret);
    ret->status = 201;
}

static void change(struct fake_writes *writes, const struct net_request *request,
                   struct fake_worklog *row, struct str query, yyjson_val *body,
                   struct fake_answer *ret)
{
    int64_t before = row->seconds;

    if (request->method == HTTP_DELETE) {
        adjust(writes, row->issue_id, query, -row->seconds);
        fake_jira_delete(writes->jira, row);
        writes->deletes++;
        ret->status = 204;
        return;
    }
    apply(writes, row, body);
    adjust(writes, row->issue_id, query, row->seconds - before);
    writes->updates++;
    show(writes, request, row, ret);
}

static void write_one(struct fake_writes *writes, const struct net_request *request, int64_t issue,
                      struct str id_text, struct str query, struct fake_answer *ret)
{
    yyjson_doc *doc = NULL;
    struct err err;
    struct fake_worklog *row = NULL;
    int64_t id = 0;
    bool good = request->body.len == 0 || json_read(request->body, "a body", &doc, &err) == ERR_OK;

    assert(good);
    (void)snprintf(writes->last_query, sizeof(writes->last_query), STR_FMT, STR_ARG(query));
    if (request->method == HTTP_POST) {
        create(writes, request, issue, query, yyjson_doc_get_root(doc), ret);
    } else {
        good = parse_i64(id_text, 1, INT64_MAX, &id);
        assert(good);
        row = fake_jira_find(writes->jira, id);
        if (!row || row->deleted_ms || row->hidden || row->issue_id != issue) {
            ret->status = 404;
            strbuf_add_z(&ret->body, "{\"errorMessages\":[\"Cannot find worklog.\"]}");
        } else {
            change(writes, request, row, query, yyjson_doc_get_root(doc), ret);
        }
    }
    yyjson_doc_free(doc);
}

static void write_with_fault(struct fake_writes *writes, const struct net_request *request,
                             int64_t issue, struct str id, struct str query,
                             struct fake_answer *ret)
{
    bool bad = writes->fault != FAKE_WRITE_WELL && writes->fault_count > 0 &&
               (writes->only_issue == 0 || writes->only_issue == issue);
    enum fake_write_fault fault = bad ? writes->fault : FAKE_WRITE_WELL;

    if (writes->on_write)
        writes->on_write(writes->on_write_arg);
    writes->fault_count -= bad ? 1 : 0;
    if (fault != FAKE_WRITE_NEVER && fault != FAKE_WRITE_REFUSED)
        write_one(writes, request, issue, id, query, ret);
    if (fault == FAKE_WRITE_LOST || fault == FAKE_WRITE_NEVER)
        ret->error = ERR_NETWORK;
    if (fault == FAKE_WRITE_GARBLED)
        ret->body.len /= 2;
    if (fault == FAKE_WRITE_REFUSED) {
        ret->status = writes->status;
        strbuf_add_z(&ret->body, writes->body);
    }
}

static void answer_text(struct fake_answer *ret, const char *text)
{
    ret->status = text ? 200 : 404;
    strbuf_add_z(&ret->body, text ? text : "{}");
}

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fake_writes *writes = arg;
    struct str query = {0}, rest = {0}, id = {0}, name, word;

    ret->headers[0] = "Content-Type: application/json";
    if (strstr(path, "/mypermissions?")) {
        answer_text(ret, writes->rights);
        return;
    }
    if (strstr(path, "/configuration")) {
        answer_text(ret, writes->settings);
        return;
    }
    if (str_starts(str_from(path + strlen(api(writes))), STR("/issue/"))) {
        rest = str_cut(str_from(path + strlen(api(writes)) + 7), '?', &query);
        name = str_cut(rest, '/', &rest);
        word = str_cut(rest, '/', &id);
        if (request->method != HTTP_GET) {
            assert(str_eq_z(word, "worklog"));
            write_with_fault(writes, request, issue_of(name), id, query, ret);
            return;
        }
        if (str_eq_z(word, "worklog") && id.len == 0) {
            list(writes, request, issue_of(name), query, ret);
            return;
        }
    }
    writes->inner(writes->inner_arg, request, path, ret);
}

void fake_writes_init(struct fake_writes *writes, struct fake_jira *jira, const char *account)
{
    *writes = (struct fake_writes){.jira = jira,
                                   .inner = jira->net.handler,
                                   .inner_arg = jira->net.arg,
                                   .account = account,
                                   .rights = "{\"permissions\":{}}",
                                   .settings = "{\"timeTrackingEnabled\":true}"};
    jira->net.handler = answer;
    jira->net.arg = writes;
}
