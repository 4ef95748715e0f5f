/*
 * refusal.c: why Jira refused a change.
 *
 * A refusal comes as 400, 403, 404 or 413, and the status alone says little: a missing right is 400
 * on one path and 404 on another, and so is time tracking that is off (Atlassian's description of
 * the calls). So the answer's field names and, in English sites, its words are held against a
 * table; when that finds nothing, Jira is asked two things that do not depend on a language: the
 * account's permissions on the issue, and whether time tracking is on. A person gets a sentence of
 * ours, never a byte of Jira's answer.
 */
#include "jira/refusal.h"

#define PATH_BYTES 1024

static void net_response_autop(struct net_response *response)
{
    net_response_done(response);
}

static void strbuf_autop(struct strbuf *buf)
{
    strbuf_done(buf);
}

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

/* yyjson's loops reckon from an object that must be there. */
static bool any_has(yyjson_val *values, const char *word)
{
    yyjson_val *name, *value;
    size_t at, count;

    if (yyjson_is_obj(values)) {
        yyjson_obj_foreach(values, at, count, name, value)
        {
            if (has_word(text_of(name), word) || has_word(text_of(value), word))
                return true;
        }
    } else if (yyjson_is_arr(values)) {
        yyjson_arr_foreach(values, at, count, value)
        {
            if (has_word(text_of(value), word))
                return true;
        }
    }
    return false;
}

static bool errors_have(yyjson_val *root, const char *word)
{
    return any_has(yyjson_obj_get(root, "errors"), word) ||
           any_has(yyjson_obj_get(root, "errorMessages"), word);
}

void refusal_note(void *arg, const struct net_response *response)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct refusal_note *note = arg;
    struct err ignored;

    *note = (struct refusal_note){.status = response->status};
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

bool refusal_is(const struct refusal_note *note)
{
    return note->status == 400 || note->status == 403 || note->status == 404 ||
           note->status == 409 || note->status == 413 || note->status == 422;
}

/* What a change needs: one of two rights on the issue. */
static const struct act {
    const char *verb;  /* "log work on" */
    const char *right; /* the name that people know */
    const char *keys[2];
} acts[] = {
    [REFUSAL_CREATE] = {"log work on", "Work on issues", {"WORK_ON_ISSUES", "WORK_ON_ISSUES"}},
    [REFUSAL_UPDATE] = {"change the worklog on",
                        "Edit own (or all) worklogs",
                        {"EDIT_OWN_WORKLOGS", "EDIT_ALL_WORKLOGS"}},
    [REFUSAL_DELETE] = {"delete the worklog of",
                        "Delete own (or all) worklogs",
                        {"DELETE_OWN_WORKLOGS", "DELETE_ALL_WORKLOGS"}},
};

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
                issue.ptr[0] >= '0' && issue.ptr[0] <= '9' ? "issueId" : "issueKey", STR_ARG(issue),
                act->keys[0]);
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

enum jira_refusal refusal_reason(struct jira *jira, const struct refusal_note *note,
                                 struct str issue, enum refusal_act act)
{
    if (note->refusal != JIRA_REFUSED_NOT)
        return note->refusal;
    return ask_why(jira, issue, &acts[act], note->status);
}

enum err_class refusal_say(enum jira_refusal refusal, struct str issue, enum refusal_act act,
                           struct err *err)
{
    if (refusal == JIRA_REFUSED_RIGHT)
        return err_set(err, ERR_FORBIDDEN,
                       "Jira does not let you %s issue " STR_FMT
                       ": the permission \"%s\" is missing in its project",
                       acts[act].verb, STR_ARG(issue), acts[act].right);
    return err_set(err, refusals[refusal].class, "Jira does not let you %s issue " STR_FMT ": %s",
                   acts[act].verb, STR_ARG(issue), refusals[refusal].sentence);
}
