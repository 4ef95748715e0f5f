/* fake_jira.c: worklogs in memory, told as Jira tells them. */
#include "fake_jira.h"

#include <assert.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/json.h"

#define WITHHELD_MS (INT64_C(60) * 1000)

static int64_t now_ms(const struct fake_jira *jira)
{
    return ctx_now_ms(jira->ctx);
}

/* "2021-01-17T12:34:00.000+0530": an offset without a colon, and not always the same. */
static void put_stamp(struct json_out *out, const char *name, int64_t ms)
{
    static const struct {
        int64_t minutes;
        const char *text;
    } offsets[] = {{0, "+0000"}, {330, "+0530"}, {-480, "-0800"}};
    size_t i = (size_t)(ms / 1000) % ARRAY_LEN(offsets);
    char stamp[CIVIL_STAMP_BYTES + 8];

    civil_format_stamp(ms + offsets[i].minutes * MS_PER_MINUTE, stamp);
    memcpy(stamp + CIVIL_STAMP_BYTES - 1, offsets[i].text, 6);
    json_key(out, name);
    json_put_z(out, stamp);
}

static void put_comment(struct json_out *out, const struct fake_jira *jira, const char *text)
{
    if (!*text)
        return;
    json_key(out, "comment");
    if (jira->datacenter) {
        json_put_z(out, text);
        return;
    }
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "doc");
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

static void put_worklog(struct json_out *out, const struct fake_jira *jira,
                        const struct fake_worklog *row)
{
    char text[24];

    json_object(out);
    json_key(out, "id");
    (void)snprintf(text, sizeof(text), "%" PRId64, row->id);
    json_put_z(out, text);
    json_key(out, "issueId");
    (void)snprintf(text, sizeof(text), "%" PRId64, row->issue_id);
    json_put_z(out, text);
    if (*row->account) {
        json_key(out, "author");
        json_object(out);
        json_key(out, jira->datacenter ? "key" : "accountId");
        json_put_z(out, row->account);
        json_key(out, "displayName");
        json_put_z(out, "A Name That Is Not Kept");
        json_object_end(out);
    }
    put_comment(out, jira, row->comment);
    put_stamp(out, "created", row->created_ms);
    put_stamp(out, "updated", row->updated_ms);
    put_stamp(out, "started", row->started_ms);
    json_key(out, "timeSpentSeconds");
    json_put_i64(out, row->seconds);
    json_object_end(out);
}

static bool is_shown(const struct fake_jira *jira, const struct fake_worklog *row)
{
    return !row->hidden && (row->deleted_ms == 0 || jira->stale);
}

/* ---- the feeds ---- */

struct entry {
    int64_t id, time_ms;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static size_t list_entries(const struct fake_jira *jira, bool deleted, struct entry *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < jira->count; i++) {
        const struct fake_worklog *row = &jira->rows[i];
        struct entry entry = {row->id, deleted ? row->deleted_ms : row->updated_ms};
        bool listed = deleted
                          ? row->deleted_ms != 0 && !row->silent
                          : !row->unlisted && (row->deleted_ms == 0 || jira->stale || jira->echo);

        if (listed && entry.time_ms <= now_ms(jira) - WITHHELD_MS)
            ret[count++] = entry;
    }
    qsort(ret, count, sizeof(ret[0]), compare_entries);
    return count;
}

/* "since=<ms>" or "since=<ms>&after=<id>" */
static struct entry read_query(const char *path)
{
    struct entry from = {-1, 0};
    struct str rest = {0}, value = {0};

    (void)str_cut(str_from(path), '?', &rest);
    while (rest.len > 0) {
        struct str name = str_cut(str_cut(rest, '&', &rest), '=', &value);
        int64_t number = 0;
        bool good = parse_i64(value, 0, INT64_MAX, &number);

        assert(good);
        if (str_eq_z(name, "since"))
            from.time_ms = number;
        else if (str_eq_z(name, "after"))
            from.id = number;
        else
            assert(false && "a parameter that the feeds know");
    }
    return from;
}

static void answer_feed(const struct fake_jira *jira, const char *path, bool deleted,
                        struct strbuf *ret)
{
    struct entry from = read_query(path);
    struct entry *all = calloc(jira->count + 1, sizeof(*all));
    struct json_out out = json_out(ret);
    size_t count, first = 0, last;

    assert(all);
    count = list_entries(jira, deleted, all);
    /* A row of just that time is told again, as nobody says that it is not. */
    while (first < count && (all[first].time_ms < from.time_ms ||
                             (all[first].time_ms == from.time_ms && all[first].id <= from.id)))
        first++;
    last = count - first > jira->page_rows ? first + jira->page_rows : count;

    json_object(&out);
    json_key(&out, "values");
    json_array(&out);
    for (size_t i = first; i < last; i++) {
        json_object(&out);
        json_key(&out, "worklogId");
        json_put_i64(&out, all[i].id);
        json_key(&out, "updatedTime");
        json_put_i64(&out, all[i].time_ms);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_key(&out, "since");
    json_put_i64(&out, from.time_ms);
    json_key(&out, "until");
    json_put_i64(&out, last > first ? all[last - 1].time_ms : from.time_ms);
    json_key(&out, "lastPage");
    json_put_bool(&out, last == count);
    if (last < count) {
        char next[300];

        if (jira->paging == FAKE_PAGES_BY_TIME)
            (void)snprintf(next, sizeof(next), "https://elsewhere.example/x?since=%" PRId64,
                           all[last - 1].time_ms);
        else
            (void)snprintf(next, sizeof(next),
                           "https://elsewhere.example/x?since=%" PRId64 "&after=%" PRId64,
                           all[last - 1].time_ms, all[last - 1].id);
        json_key(&out, "nextPage");
        json_put_z(&out, next);
    }
    json_object_end(&out);
    free(all);
}

/* ---- worklogs ---- */

static void answer_list(struct fake_jira *jira, struct str body, struct fake_answer *answer)
{
    yyjson_doc *doc = NULL;
    struct json_out out = json_out(&answer->body);
    struct err err = {0};
    enum err_class rc = json_read(body, "a request", &doc, &err);
    yyjson_val *ids, *id;
    size_t at, count;
    int64_t before = 0;
    bool first = true;

    assert(rc == ERR_OK);
    ids = yyjson_obj_get(yyjson_doc_get_root(doc), "ids");
    if (yyjson_arr_size(ids) < 1 || yyjson_arr_size(ids) > 1000)
        answer->status = 400;
    strbuf_add_char(&answer->body, '[');
    yyjson_arr_foreach(ids, at, count, id)
    {
        const struct fake_worklog *row = fake_jira_find(jira, yyjson_get_sint(id));

        assert(yyjson_get_sint(id) > before); /* in order, and none twice */
        before = yyjson_get_sint(id);
        if (!row || !is_shown(jira, row))
            continue;
        if (!first)
            strbuf_add_char(&answer->body, ',');
        first = false;
        out = json_out(&answer->body);
        if (row->broken)
            strbuf_add_z(&answer->body, row->broken);
        else
            put_worklog(&out, jira, row);
    }
    strbuf_add_char(&answer->body, ']');
    yyjson_doc_free(doc);
}

static void answer_issue(struct fake_jira *jira, struct str path, struct fake_answer *answer)
{
    struct str rest = {0}, id = {0};
    struct json_out out = json_out(&answer->body);
    const struct fake_worklog *row = NULL;
    int64_t issue = 0, worklog = 0;
    bool good;

    path = str_cut(path, '?', &rest);
    good = parse_i64(str_cut(path, '/', &rest), 1, INT64_MAX, &issue);
    assert(good);
    if (rest.len == 0) {
        answer->status = jira->issue_status;
        strbuf_add_z(&answer->body, "{}");
        return;
    }
    assert(str_eq_z(str_cut(rest, '/', &id), "worklog"));
    good = parse_i64(id, 1, INT64_MAX, &worklog);
    assert(good);
    row = fake_jira_find(jira, worklog);
    if (row && is_shown(jira, row) && row->issue_id == issue) {
        put_worklog(&out, jira, row);
    } else {
        answer->status = 404;
        strbuf_add_z(&answer->body, "{}");
    }
}

static void answer_well(struct fake_jira *jira, const struct net_request *request, const char *path,
                        struct fake_answer *answer)
{
    struct str prefix = jira->datacenter ? STR("/rest/api/2") : STR("/rest/api/3");
    struct str rest = str_from(path);

    assert(str_starts(rest, prefix));
    rest = str_sub(rest, prefix.len, rest.len);
    if (str_eq_z(rest, "/serverInfo")) {
        struct json_out out = json_out(&answer->body);

        json_object(&out);
        json_key(&out, "version");
        json_put_z(&out, "1001.0.0");
        put_stamp(&out, "serverTime", now_ms(jira));
        json_object_end(&out);
    } else if (str_starts(rest, STR("/worklog/updated?"))) {
        if (jira->feed)
            strbuf_add_z(&answer->body, jira->feed);
        else
            answer_feed(jira, path, false, &answer->body);
    } else if (str_starts(rest, STR("/worklog/deleted?"))) {
        if (jira->deletes)
            strbuf_add_z(&answer->body, jira->deletes);
        else
            answer_feed(jira, path, true, &answer->body);
    } else if (str_eq_z(rest, "/worklog/list")) {
        assert(request->method == HTTP_POST);
        answer_list(jira, request->body, answer);
    } else if (str_starts(rest, STR("/issue/"))) {
        answer_issue(jira, str_sub(rest, 7, rest.len), answer);
    } else {
        answer->status = 404;
    }
}

/* True when the answer is to be cut to its half. */
static bool spoil(struct fake_jira *jira, struct fake_answer *answer)
{
    switch (jira->fault) {
    case FAKE_FAULT_NETWORK:
        answer->error = ERR_NETWORK;
        return false;
    case FAKE_FAULT_CUT:
        return true;
    case FAKE_FAULT_HTML:
        strbuf_reset(&answer->body);
        strbuf_add_z(&answer->body, "<html><body>a proxy's page</body></html>");
        answer->headers[0] = "Content-Type: text/html";
        return false;
    case FAKE_FAULT_401:
        answer->status = 401;
        return false;
    case FAKE_FAULT_429:
        answer->status = 429;
        answer->headers[1] = "Retry-After: 7";
        return false;
    case FAKE_FAULT_500:
        answer->status = 500;
        return false;
    case FAKE_FAULT_STOP:
        *jira->stop = 1;
        return false;
    case FAKE_FAULT_EXIT:
        _exit(0);
    case FAKE_FAULT_COUNT:
        break;
    }
    return false;
}

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fake_jira *jira = arg;

    jira->calls++;
    if (jira->on_call)
        jira->on_call(jira->on_call_arg, jira->calls);
    ret->headers[0] = "Content-Type: application/json";
    ret->delay_ms = jira->delay_ms;
    answer_well(jira, request, path, ret);
    if (jira->fail_from != 0 && jira->calls >= jira->fail_from &&
        jira->calls - jira->fail_from < jira->fail_count && spoil(jira, ret))
        ret->body.len /= 2;
}

void fake_jira_init(struct fake_jira *jira, struct ctx *ctx, volatile sig_atomic_t *stop)
{
    *jira = (struct fake_jira){.ctx = ctx, .page_rows = 1000, .issue_status = 200, .stop = stop};
    fake_net_init(&jira->net, answer, jira);
    fake_net_install(&jira->net, ctx);
}

void fake_jira_done(struct fake_jira *jira)
{
    fake_net_done(&jira->net);
    free(jira->rows);
}

void fake_jira_heal(struct fake_jira *jira)
{
    jira->calls = 0;
    jira->fail_from = 0;
    jira->fail_count = UINT32_MAX;
    *jira->stop = 0;
}

struct fake_worklog *fake_jira_add(struct fake_jira *jira, int64_t issue_id, const char *account,
                                   int64_t seconds, const char *comment)
{
    struct fake_worklog *row;

    if (jira->count == jira->room) {
        jira->room = jira->room ? jira->room * 2 : 64;
        jira->rows = reallocarray(jira->rows, jira->room, sizeof(jira->rows[0]));
        assert(jira->rows);
    }
    row = &jira->rows[jira->count++];
    *row = (struct fake_worklog){.id = ++jira->last_id,
                                 .issue_id = issue_id,
                                 .created_ms = now_ms(jira),
                                 .updated_ms = now_ms(jira),
                                 .started_ms = now_ms(jira) - seconds * 1000,
                                 .seconds = seconds};
    (void)snprintf(row->account, sizeof(row->account), "%s", account);
    (void)snprintf(row->comment, sizeof(row->comment), "%s", comment);
    return row;
}

struct fake_worklog *fake_jira_find(struct fake_jira *jira, int64_t id)
{
    /* Made in the order of their ids. */
    size_t from = 0, to = jira->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (jira->rows[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return from < jira->count && jira->rows[from].id == id ? &jira->rows[from] : NULL;
}

void fake_jira_edit(struct fake_jira *jira, struct fake_worklog *row, int64_t seconds,
                    const char *comment)
{
    row->seconds = seconds;
    (void)snprintf(row->comment, sizeof(row->comment), "%s", comment);
    row->updated_ms = now_ms(jira);
}

void fake_jira_delete(struct fake_jira *jira, struct fake_worklog *row)
{
    row->deleted_ms = now_ms(jira);
}

void fake_jira_move(struct fake_worklog *row, int64_t issue_id)
{
    row->issue_id = issue_id;
}
