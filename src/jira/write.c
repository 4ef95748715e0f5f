/*
 * write.c: changes of worklogs, and why Jira refuses one.
 *
 * A refusal comes as 400, 403, 404 or 413, and the status alone says little: a missing right is 400
 * on one path and 404 on another, and so is time tracking that is off (Atlassian's description of
 * the calls). So the answer's field names and, in English sites, its words are held against a
 * table; when that finds nothing, Jira is asked two things that do not depend on a language: the
 * account's permissions on the issue, and whether time tracking is on. A person gets a sentence of
 * ours, never a byte of Jira's answer.
 *
 * Whether a change that failed was made all the same is told as well (`unknown`): the broken
 * connection, the 500 and the answer that cannot be read leave it open; a refusal does not.
 */
#include "jira/write.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/civil.h"

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

static void put_paragraph(struct json_out *out, struct str line)
{
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "paragraph");
    json_key(out, "content");
    json_array(out);
    json_object(out);
    json_key(out, "type");
    /* An empty text is refused, and paragraphs without anything fall together when read. */
    json_put_z(out, line.len > 0 ? "text" : "hardBreak");
    if (line.len > 0) {
        json_key(out, "text");
        json_put_str(out, line);
    }
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
}

void jira_document(struct json_out *out, struct str text)
{
    json_object(out);
    json_key(out, "type");
    json_put_z(out, "doc");
    json_key(out, "version");
    json_put_i64(out, 1);
    json_key(out, "content");
    json_array(out);
    while (text.len > 0) {
        struct str line = str_cut(text, '\n', &text);

        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        put_paragraph(out, line);
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

/* ---- Refusals ---- */

/* Words in the names or texts of an answer's errors, the telling ones first. */
static const struct {
    const char *word; /* in lower case */
    enum jira_refusal refusal;
} words[] = {
    {"non-editable", JIRA_REFUSED_CLOSED},       {"workflow state", JIRA_REFUSED_CLOSED},
    {"time tracking", JIRA_REFUSED_TRACKING},    {"timetracking", JIRA_REFUSED_TRACKING},
    {"permission", JIRA_REFUSED_RIGHT},          {"estimate", JIRA_REFUSED_ESTIMATE},
    {"reduceby", JIRA_REFUSED_ESTIMATE},         {"increaseby", JIRA_REFUSED_ESTIMATE},
    {"adjustmentamount", JIRA_REFUSED_ESTIMATE}, {"visib", JIRA_REFUSED_VISIBILITY},
    {"level", JIRA_REFUSED_VISIBILITY},          {"timelogged", JIRA_REFUSED_DURATION},
    {"timespent", JIRA_REFUSED_DURATION},        {"time duration", JIRA_REFUSED_DURATION},
    {"started", JIRA_REFUSED_STARTED},           {"startdate", JIRA_REFUSED_STARTED},
    {"comment", JIRA_REFUSED_COMMENT},           {"properties", JIRA_REFUSED_PROPERTY},
};

static bool has_word(struct str text, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++)
        if (str_eq_nocase(str_sub(text, i, len), (struct str){word, len}))
            return true;
    return false;
}

static struct str text_of(yyjson_val *value)
{
    return yyjson_is_str(value) ? (struct str){yyjson_get_str(value), yyjson_get_len(value)}
                                : (struct str){NULL, 0};
}

static bool errors_have(yyjson_val *root, const char *word)
{
    yyjson_val *messages = yyjson_obj_get(root, "errorMessages");
    yyjson_val *errors = yyjson_obj_get(root, "errors");
    yyjson_val *name, *value;
    size_t at, count;

    yyjson_obj_foreach(errors, at, count, name, value)
    {
        if (has_word(text_of(name), word) || has_word(text_of(value), word))
            return true;
    }
    yyjson_arr_foreach(messages, at, count, value)
    {
        if (has_word(text_of(value), word))
            return true;
    }
    return false;
}

struct note {
    int status;
    enum jira_refusal refusal; /* NOT: its words say nothing to us */
};

static void note_refusal(void *arg, const struct net_response *response)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct note *note = arg;
    struct err ignored;

    *note = (struct note){.status = response->status};
    if (response->status == 413)
        note->refusal = JIRA_REFUSED_FULL;
    if (note->refusal != JIRA_REFUSED_NOT ||
        json_read(strbuf_str(&response->body), "a refusal", &doc, &ignored) != ERR_OK)
        return;
    for (size_t i = 0; i < ARRAY_LEN(words) && note->refusal == JIRA_REFUSED_NOT; i++) {
        /* "…does not exist or you do not have permission…": a 404 speaks of many things at once */
        if (response->status == 404 && words[i].refusal != JIRA_REFUSED_TRACKING)
            continue;
        if (errors_have(yyjson_doc_get_root(doc), words[i].word))
            note->refusal = words[i].refusal;
    }
}

/* What a change needs: one of two rights on the issue. */
struct act {
    const char *verb;  /* "log work on" */
    const char *right; /* the name that people know */
    const char *keys[2];
};
static const struct act act_create = {
    "log work on", "Work on issues", {"WORK_ON_ISSUES", "WORK_ON_ISSUES"}};
static const struct act act_update = {"change the worklog on",
                                      "Edit own (or all) worklogs",
                                      {"EDIT_OWN_WORKLOGS", "EDIT_ALL_WORKLOGS"}};
static const struct act act_delete = {"delete the worklog of",
                                      "Delete own (or all) worklogs",
                                      {"DELETE_OWN_WORKLOGS", "DELETE_ALL_WORKLOGS"}};

/* A GET for the sake of the answer alone: what goes wrong is ignored. NULL: no answer. */
static yyjson_doc *ask(struct jira *jira, const char *path, int *ret_status)
{
    AUTO(net_response_autop) struct net_response response = {0};
    const struct http_request request = {
        .method = HTTP_GET, .path = path, .idempotent = true, .points = 1};
    yyjson_doc *doc = NULL;
    struct err ignored;

    if (http_do(&jira->http, &request, &response, ret_status, &ignored) != ERR_OK ||
        json_read(strbuf_str(&response.body), "an answer", &doc, &ignored) != ERR_OK)
        return NULL;
    return doc;
}

static bool has_right(yyjson_doc *doc, const char *key)
{
    yyjson_val *all = yyjson_obj_get(yyjson_doc_get_root(doc), "permissions");

    return json_bool(yyjson_obj_get(all, key), "havePermission", true);
}

/* When Jira's words said nothing: two questions that need no language. */
static enum jira_refusal ask_why(struct jira *jira, struct str issue, const struct act *act,
                                 int status)
{
    AUTO(strbuf_autop) struct strbuf path = STRBUF_INIT(PATH_BYTES);
    AUTO(yyjson_doc_autop) yyjson_doc *rights = NULL;
    AUTO(yyjson_doc_autop) yyjson_doc *settings = NULL;
    int rights_status = 0, ignored = 0;

    strbuf_addf(&path, "%s/mypermissions?%s=" STR_FMT "&permissions=%s", jira_api(jira),
                is_digit(issue.ptr[0]) ? "issueId" : "issueKey", STR_ARG(issue), act->keys[0]);
    if (act->keys[0] != act->keys[1])
        strbuf_addf(&path, ",%s", act->keys[1]);
    rights = ask(jira, strbuf_z(&path), &rights_status);
    if (rights_status == 404)
        return JIRA_REFUSED_GONE;
    if (rights && !has_right(rights, act->keys[0]) && !has_right(rights, act->keys[1]))
        return JIRA_REFUSED_RIGHT;
    strbuf_reset(&path);
    strbuf_addf(&path, "%s/configuration", jira_api(jira));
    settings = ask(jira, strbuf_z(&path), &ignored);
    if (settings && !json_bool(yyjson_doc_get_root(settings), "timeTrackingEnabled", true))
        return JIRA_REFUSED_TRACKING;
    if (status == 404)
        return JIRA_REFUSED_GONE;
    return status == 403 ? JIRA_REFUSED_RIGHT : JIRA_REFUSED_OTHER;
}

static const struct {
    enum err_class class;
    const char *sentence; /* after "Jira does not let you … issue X: " */
} refusals[JIRA_REFUSAL_COUNT] = {
    [JIRA_REFUSED_NOT] = {ERR_BUG, "nothing was refused"},
    [JIRA_REFUSED_RIGHT] = {ERR_FORBIDDEN, NULL},
    [JIRA_REFUSED_TRACKING] = {ERR_CONFLICT, "time tracking is off; an administrator of Jira can "
                                             "turn it on in the settings of issues"},
    [JIRA_REFUSED_CLOSED] = {ERR_CONFLICT, "its workflow state does not allow changes; reopen it, "
                                           "or log on another issue"},
    [JIRA_REFUSED_ESTIMATE] = {ERR_INPUT, "it does not take the remaining estimate; write it like "
                                          "\"2h 30m\", or leave the estimate as it is"},
    [JIRA_REFUSED_DURATION] = {ERR_INPUT, "it does not take the duration; it must be one minute "
                                          "or more"},
    [JIRA_REFUSED_STARTED] = {ERR_INPUT, "it does not take the time of the start"},
    [JIRA_REFUSED_COMMENT] = {ERR_INPUT, "it does not take the comment; it may be too long"},
    [JIRA_REFUSED_VISIBILITY] = {ERR_INPUT, "it does not know the group or role that alone should "
                                            "see the worklog, or you are not in it"},
    [JIRA_REFUSED_PROPERTY] = {ERR_REMOTE, "it takes no properties"},
    [JIRA_REFUSED_FULL] = {ERR_LIMIT, "the issue has as many worklogs as Jira allows (413); log on "
                                      "another issue, or ask an administrator to tidy it up"},
    [JIRA_REFUSED_GONE] = {ERR_NOT_FOUND, "it, or the worklog, does not exist or you may not see "
                                          "it (404)"},
    [JIRA_REFUSED_OTHER] = {ERR_REMOTE, "it finds the request not acceptable and does not say why "
                                        "in words that we know; try it in Jira itself"},
};

static enum err_class say_refusal(enum jira_refusal refusal, struct str issue,
                                  const struct act *act, struct err *err)
{
    if (refusal == JIRA_REFUSED_RIGHT)
        return err_set(err, ERR_FORBIDDEN,
                       "Jira does not let you %s issue " STR_FMT
                       ": the permission \"%s\" is missing in its project",
                       act->verb, STR_ARG(issue), act->right);
    return err_set(err, refusals[refusal].class, "Jira does not let you %s issue " STR_FMT ": %s",
                   act->verb, STR_ARG(issue), refusals[refusal].sentence);
}

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

/* ---- The calls ---- */

struct call {
    enum http_method method;
    const char *path;
    struct str body;
    struct str issue;
    const struct act *act;
    bool idempotent;
};

static enum err_class run(struct jira *jira, const struct call *call, struct net_response *ret,
                          struct jira_outcome *ret_outcome, struct err *err)
{
    struct note note = {0};
    struct http_client client = jira->http;
    const struct http_request request = {.method = call->method,
                                         .path = call->path,
                                         .body = call->body,
                                         .idempotent = call->idempotent,
                                         .points = 1};
    struct http_call *going = NULL;
    int status = 0;

    client.on_refusal = note_refusal;
    client.on_refusal_arg = &note;
    *ret_outcome = (struct jira_outcome){0};

    enum err_class rc = http_start(&client, &request, &going, err);

    if (rc != ERR_OK)
        return rc;
    rc = http_finish(going, ret, &status, err);
    ret_outcome->unknown = is_unknown(rc, status);
    if (rc == ERR_OK || ret_outcome->unknown)
        return rc;
    if (note.status != 400 && note.status != 403 && note.status != 404 && note.status != 409 &&
        note.status != 413 && note.status != 422)
        return rc;
    ret_outcome->refusal = note.refusal != JIRA_REFUSED_NOT
                               ? note.refusal
                               : ask_why(jira, call->issue, call->act, note.status);
    return say_refusal(ret_outcome->refusal, call->issue, call->act, err);
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
    struct call call = {.method = HTTP_POST, .issue = issue, .act = &act_create};
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
    struct call call = {.method = HTTP_PUT, .issue = id_text(issue_id, &room), .act = &act_update};

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
        .method = HTTP_DELETE, .issue = id_text(issue_id, &room), .act = &act_delete};

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
