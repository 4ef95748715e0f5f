/*
 * write.c: changes of worklogs.
 *
 * Whether a change that failed was made all the same is told with its error (`unknown`): the broken
 * connection, the 500 and the answer that cannot be read leave it open; a refusal does not.
 */
#include "jira/write.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/civil.h"
#include "jira/refusal.h"

#define PATH_BYTES 1024
#define BODY_BYTES_MAX ((size_t)8 * LIMIT_COMMENT_BYTES)
#define KEY_BYTES 255
#define FIND_WINDOW_MS MS_PER_MINUTE /* Jira may keep less of a time than it was given */

static void net_response_autop(struct net_response *response)
{
    net_response_done(response);
}

static void strbuf_autop(struct strbuf *buf)
{
    strbuf_done(buf);
}

/* ---- Words ---- */

static const char *const estimate_names[] = {
    [JIRA_ESTIMATE_AUTO] = "auto",
    [JIRA_ESTIMATE_LEAVE] = "leave",
    [JIRA_ESTIMATE_NEW] = "new",
    [JIRA_ESTIMATE_MANUAL] = "manual",
};

bool jira_estimate_parse(struct str name, enum jira_estimate_mode *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(estimate_names); i++)
        if (str_eq_z(name, estimate_names[i])) {
            *ret = (enum jira_estimate_mode)i;
            return true;
        }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes digits off the front; how many. */
static size_t take_digits(struct str *text)
{
    size_t count = 0;

    while (count < text->len && is_digit(text->ptr[count]))
        count++;
    *text = str_sub(*text, count, text->len);
    return count;
}

static struct str skip_spaces(struct str text)
{
    while (text.len > 0 && text.ptr[0] == ' ')
        text = str_sub(text, 1, text.len);
    return text;
}

bool jira_is_duration(struct str text)
{
    bool any = false;

    if (text.len > JIRA_DURATION_BYTES)
        return false;
    /* Each turn takes at least one digit off. */
    for (text = skip_spaces(text); text.len > 0; text = skip_spaces(text)) {
        size_t digits = take_digits(&text);

        if (digits == 0 || digits > 6)
            return false;
        if (text.len > 0 && text.ptr[0] == '.') {
            text = str_sub(text, 1, text.len);
            digits = take_digits(&text);
            if (digits == 0 || digits > 3)
                return false;
        }
        if (text.len > 0 && memchr("wdhm", text.ptr[0], 4))
            text = str_sub(text, 1, text.len);
        else if (text.len > 0 && text.ptr[0] != ' ')
            return false;
        any = true;
    }
    return any;
}

/* An id or a key: what may stand in a path as it is. */
static bool is_issue(struct str issue)
{
    for (size_t i = 0; i < issue.len; i++)
        if (!isalnum((unsigned char)issue.ptr[i]) && issue.ptr[i] != '-' && issue.ptr[i] != '_')
            return false;
    return issue.len > 0 && issue.len <= KEY_BYTES;
}

static enum err_class check_issue(struct str issue, struct err *err)
{
    if (is_issue(issue))
        return ERR_OK;
    return err_set(err, ERR_INPUT,
                   "an issue is named by its key or id, like \"ABC-12\" or \"10001\"; this name of "
                   "%zu bytes is neither",
                   issue.len);
}

/* ---- Bodies and queries ---- */

static void put_node(struct json_out *out, const char *type, struct str text)
{
    json_object(out);
    json_key(out, "type");
    json_put_z(out, type);
    if (text.len > 0) {
        json_key(out, "text");
        json_put_str(out, text);
    }
    json_object_end(out);
}

/* The line feeds at the end say nothing, and do not survive reading either. */
static struct str without_end(struct str text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static void put_lines(struct json_out *out, struct str text)
{
    while (text.len > 0) {
        struct str rest = {NULL, 0};
        struct str line = str_cut(text, '\n', &rest);
        bool more = line.len < text.len;

        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len > 0) /* an empty text is refused */
            put_node(out, "text", line);
        if (more)
            put_node(out, "hardBreak", (struct str){NULL, 0});
        text = rest;
    }
}

void jira_document(struct json_out *out, struct str text)
{
    text = without_end(text);
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "doc");
    json_key(out, "version");
    json_put_i64(out, 1);
    json_key(out, "content");
    json_array(out);
    if (text.len > 0) {
        json_object(out);
        json_key(out, "type");
        json_put_z(out, "paragraph");
        json_key(out, "content");
        json_array(out);
        put_lines(out, text);
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

/* "2021-01-17T12:34:00.000+0000": Jira refuses Z, and an offset with a colon. */
static void put_started(struct json_out *out, int64_t ms)
{
    char stamp[CIVIL_STAMP_BYTES + 8];

    civil_format_stamp(ms, stamp);
    memcpy(stamp + CIVIL_STAMP_BYTES - 1, "+0000", 6);
    json_key(out, "started");
    json_put_z(out, stamp);
}

static void put_visibility(struct json_out *out, const struct jira *jira,
                           const struct jira_change *change)
{
    json_key(out, "visibility");
    json_object(out);
    json_key(out, "type");
    json_put_str(out, change->visibility_type);
    json_key(out, jira->datacenter ? "value" : "identifier");
    json_put_str(out, change->visibility_id);
    json_object_end(out);
}

static void put_property(struct json_out *out, const struct jira_change *change)
{
    json_key(out, "properties");
    json_array(out);
    json_object(out);
    json_key(out, "key");
    json_put_str(out, change->property_key);
    json_key(out, "value");
    json_object(out);
    json_key(out, "id");
    json_put_str(out, change->property_id);
    json_object_end(out);
    json_object_end(out);
    json_array_end(out);
}

static void put_change(struct strbuf *body, const struct jira *jira,
                       const struct jira_change *change)
{
    struct json_out out = json_out(body);

    json_object(&out);
    if (change->has_started)
        put_started(&out, change->started_ms);
    if (change->has_seconds) {
        json_key(&out, "timeSpentSeconds");
        json_put_i64(&out, change->seconds);
    }
    if (change->has_comment) {
        json_key(&out, "comment");
        if (jira->datacenter)
            json_put_str(&out, change->comment);
        else
            jira_document(&out, change->comment);
    }
    if (change->visibility_type.len > 0)
        put_visibility(&out, jira, change);
    if (change->property_key.len > 0)
        put_property(&out, change);
    json_object_end(&out);
}

/* A duration: digits, points, letters and spaces. */
static void put_amount(struct strbuf *path, const char *name, struct str amount)
{
    strbuf_addf(path, "&%s=", name);
    for (size_t i = 0; i < amount.len; i++)
        if (amount.ptr[i] == ' ')
            strbuf_add_z(path, "%20");
        else
            strbuf_add_char(path, amount.ptr[i]);
}

/* `manual` is the name of the amount that goes with it; NULL: there is none. */
static enum err_class put_estimate(struct strbuf *path, const struct jira_estimate *estimate,
                                   const char *manual, bool quiet, struct err *err)
{
    bool wants_amount =
        estimate->mode == JIRA_ESTIMATE_NEW || estimate->mode == JIRA_ESTIMATE_MANUAL;

    if (estimate->mode == JIRA_ESTIMATE_MANUAL && !manual)
        return err_set(err, ERR_INPUT,
                       "Jira takes no amount for the remaining estimate when a worklog is changed: "
                       "use \"new\" with the estimate that it shall become, or \"leave\"");
    if (wants_amount && !jira_is_duration(estimate->amount))
        return err_set(
            err, ERR_INPUT,
            "the remaining estimate is written like \"2h 30m\", \"1d\" or \"90m\"; the %zu "
            "bytes given as \"%s\" are no such duration",
            estimate->amount.len, estimate->mode == JIRA_ESTIMATE_NEW ? "to" : "by");
    strbuf_addf(path, "?adjustEstimate=%s", estimate_names[estimate->mode]);
    if (wants_amount)
        put_amount(path, estimate->mode == JIRA_ESTIMATE_NEW ? "newEstimate" : manual,
                   str_trim(estimate->amount));
    if (quiet)
        strbuf_add_z(path, "&notifyUsers=false");
    return ERR_OK;
}

/* ---- The calls ---- */

/* Did the end of a call that was begun leave open whether Jira acted? */
static bool is_unknown(enum err_class class, int status)
{
    if (class == ERR_OK || class == ERR_BUSY || class == ERR_DENIED || class == ERR_FORBIDDEN ||
        class == ERR_NOT_FOUND)
        return false;
    if (class == ERR_NETWORK || class == ERR_CANCELLED || class == ERR_MEMORY)
        return true;
    return status < 300 || status == 408 || status > 499;
}

struct call {
    enum http_method method;
    const char *path;
    struct str body;
    struct str issue;
    enum refusal_act act;
};

static enum err_class run(struct jira *jira, const struct call *call, struct net_response *ret,
                          struct jira_outcome *ret_outcome, struct err *err)
{
    struct refusal_note note = {0};
    struct http_client client = jira->http;
    const struct http_request request = {
        .method = call->method, .path = call->path, .body = call->body, .points = 1};
    struct http_call *going = NULL;
    int status = 0;

    client.on_refusal = refusal_note;
    client.on_refusal_arg = &note;
    *ret_outcome = (struct jira_outcome){0};

    enum err_class rc = http_start(&client, &request, &going, err);

    if (rc != ERR_OK)
        return rc;
    rc = http_finish(going, ret, &status, err);
    ret_outcome->unknown = is_unknown(rc, status);
    if (rc == ERR_OK || ret_outcome->unknown || !refusal_is(&note))
        return rc;
    ret_outcome->refusal = refusal_reason(jira, &note, call->issue, call->act);
    return refusal_say(ret_outcome->refusal, call->issue, call->act, err);
}

void jira_one_done(struct jira_one *one)
{
    yyjson_doc_free(one->doc);
    net_response_done(&one->response);
    strbuf_done(&one->comment);
    *one = (struct jira_one){0};
}

static void jira_one_autop(struct jira_one *one)
{
    jira_one_done(one);
}

static void jira_one_give(struct jira_one *one, struct jira_one *ret)
{
    *ret = *one;
    *one = (struct jira_one){0};
}

static enum err_class read_one(const struct jira *jira, struct jira_one *one, yyjson_val *object,
                               struct err *err)
{
    enum jira_defect defect;

    one->comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    defect = jira_worklog_read(object, &one->comment, &one->worklog);
    if (defect == JIRA_DEFECT_NONE)
        return ERR_OK;
    return err_set(err, ERR_REMOTE,
                   "%s answered with a worklog that lacks what every worklog has (defect %d)",
                   jira->http.base_url, (int)defect);
}

/* Runs a call that answers with a worklog. */
static enum err_class run_for_one(struct jira *jira, const struct call *call, struct jira_one *ret,
                                  struct jira_outcome *ret_outcome, struct err *err)
{
    AUTO(jira_one_autop) struct jira_one one = {0};
    enum err_class rc = run(jira, call, &one.response, ret_outcome, err);

    if (rc != ERR_OK)
        return rc;
    rc = json_read(strbuf_str(&one.response.body), "the answer to a change of a worklog", &one.doc,
                   err);
    if (rc == ERR_OK)
        rc = read_one(jira, &one, yyjson_doc_get_root(one.doc), err);
    if (rc == ERR_OK)
        jira_one_give(&one, ret);
    else
        ret_outcome->unknown = true; /* it did it, and did not say what */
    return rc;
}

static enum err_class change_one(struct jira *jira, const struct call *shape, const char *manual,
                                 struct strbuf *path, const struct jira_change *change,
                                 struct jira_one *ret, struct jira_outcome *ret_outcome,
                                 struct err *err)
{
    AUTO(strbuf_autop) struct strbuf body = STRBUF_INIT(BODY_BYTES_MAX);
    struct call call = *shape;
    enum err_class rc = put_estimate(path, &change->estimate, manual, change->quiet, err);

    *ret_outcome = (struct jira_outcome){0};
    if (rc != ERR_OK)
        return rc;
    put_change(&body, jira, change);
    rc = strbuf_check(&body, "the body of a worklog", err);
    if (rc == ERR_OK)
        rc = strbuf_check(path, "the path of a worklog", err);
    if (rc != ERR_OK)
        return rc;
    call.path = strbuf_z(path);
    call.body = strbuf_str(&body);
    return run_for_one(jira, &call, ret, ret_outcome, err);
}

enum err_class jira_worklog_create(struct jira *jira, struct str issue,
                                   const struct jira_change *change, struct jira_one *ret,
                                   struct jira_outcome *ret_outcome, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    struct call call = {.method = HTTP_POST, .issue = issue, .act = REFUSAL_CREATE};
    struct jira_change plain = *change;

    *ret_outcome = (struct jira_outcome){0};
    if (check_issue(issue, err))
        return err->class;
    strbuf_addf(&path, "%s/issue/" STR_FMT "/worklog", jira_api(jira), STR_ARG(issue));

    size_t base = path.len;
    enum err_class rc = change_one(jira, &call, "reduceBy", &path, change, ret, ret_outcome, err);

    if (ret_outcome->refusal != JIRA_REFUSED_PROPERTY || !jira->datacenter)
        return rc;

    /* Some versions of Data Center take no properties here. Nothing was done: again without. */
    plain.property_key = plain.property_id = (struct str){NULL, 0};
    path.len = base;
    return change_one(jira, &call, "reduceBy", &path, &plain, ret, ret_outcome, err);
}

/* Decimal digits of an issue's id. */
struct id_text {
    char text[24];
};

static struct str id_text(int64_t id, struct id_text *room)
{
    (void)snprintf(room->text, sizeof(room->text), "%" PRId64, id);
    return str_from(room->text);
}

enum err_class jira_worklog_update(struct jira *jira, int64_t issue_id, int64_t id,
                                   const struct jira_change *change, struct jira_one *ret,
                                   struct jira_outcome *ret_outcome, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    struct id_text room;
    struct call call = {
        .method = HTTP_PUT, .issue = id_text(issue_id, &room), .act = REFUSAL_UPDATE};

    strbuf_addf(&path, "%s/issue/%s/worklog/%" PRId64, jira_api(jira), room.text, id);
    return change_one(jira, &call, NULL, &path, change, ret, ret_outcome, err);
}

enum err_class jira_worklog_delete(struct jira *jira, int64_t issue_id, int64_t id,
                                   const struct jira_estimate *estimate, bool quiet,
                                   struct jira_outcome *ret_outcome, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(net_response_autop) struct net_response response = {0};
    struct id_text room;
    struct call call = {
        .method = HTTP_DELETE, .issue = id_text(issue_id, &room), .act = REFUSAL_DELETE};

    *ret_outcome = (struct jira_outcome){0};
    strbuf_addf(&path, "%s/issue/%s/worklog/%" PRId64, jira_api(jira), room.text, id);

    enum err_class rc = put_estimate(&path, estimate, "increaseBy", quiet, err);

    if (rc != ERR_OK)
        return rc;
    call.path = strbuf_z(&path);
    return run(jira, &call, &response, ret_outcome, err);
}

/* Has the worklog that property with that id? */
static bool is_marked(yyjson_val *worklog, struct str key, struct str id)
{
    yyjson_val *property;
    size_t at, count;

    yyjson_arr_foreach(yyjson_obj_get(worklog, "properties"), at, count, property)
    {
        if (str_eq(json_str(property, "key"), key) &&
            str_eq(json_str(yyjson_obj_get(property, "value"), "id"), id))
            return true;
    }
    return false;
}

enum err_class jira_worklog_find(struct jira *jira, struct str issue, int64_t started_ms,
                                 struct str key, struct str id, struct jira_one *ret,
                                 bool *ret_found, struct err *err)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(jira_one_autop) struct jira_one one = {0};
    yyjson_val *worklog;
    size_t at, count;

    if (check_issue(issue, err))
        return err->class;
    strbuf_addf(&path,
                "%s/issue/" STR_FMT "/worklog?startedAfter=%" PRId64 "&startedBefore=%" PRId64
                "&expand=properties",
                jira_api(jira), STR_ARG(issue), started_ms - FIND_WINDOW_MS,
                started_ms + FIND_WINDOW_MS);

    const struct http_request request = {
        .method = HTTP_GET, .path = strbuf_z(&path), .idempotent = true, .points = 2};
    enum err_class rc = http_do(&jira->http, &request, &one.response, NULL, err);

    if (rc == ERR_OK)
        rc = json_read(strbuf_str(&one.response.body), "the worklogs of an issue", &one.doc, err);
    if (rc != ERR_OK)
        return rc;
    *ret_found = false;
    yyjson_arr_foreach(yyjson_obj_get(yyjson_doc_get_root(one.doc), "worklogs"), at, count, worklog)
    {
        if (!is_marked(worklog, key, id))
            continue;
        rc = read_one(jira, &one, worklog, err);
        if (rc != ERR_OK)
            return rc;
        jira_one_give(&one, ret);
        *ret_found = true;
        return ERR_OK;
    }
    return ERR_OK;
}
