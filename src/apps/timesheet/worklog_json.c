/* worklog_json.c: worklogs in the words of our own API. */
#include "apps/timesheet/worklog_json.h"

#include <inttypes.h>

#include "base/civil.h"

#define SHOWN_NAME_BYTES 40

/* ---- Members ---- */

/* One member that a body may have. False: it is not of its kind; `takes` says what it is. */
struct member {
    const char *name;
    bool (*read)(yyjson_val *value, void *ret);
    const char *takes;
};

/* A name that a caller made up, as far as it can be shown. */
struct shown {
    char text[SHOWN_NAME_BYTES + 1];
};

static struct shown show_name(struct str name)
{
    struct shown shown = {.text = ""};

    for (size_t i = 0; i < name.len && i < SHOWN_NAME_BYTES; i++) {
        char c = name.ptr[i];

        shown.text[i] = (char)(c >= 0x20 && c < 0x7f && c != '"' ? c : '?');
    }
    return shown;
}

static struct str text_of(yyjson_val *value)
{
    return (struct str){yyjson_get_str(value), yyjson_get_len(value)};
}

/* Every member by its table, none twice. */
static enum err_class read_members(yyjson_val *body, const struct member *members, size_t count,
                                   void *ret, struct err *err)
{
    yyjson_val *name, *value;
    size_t at, max, i;
    uint64_t seen = 0;

    if (!yyjson_is_obj(body))
        return err_set(err, ERR_INPUT, "a JSON object is wanted here");
    yyjson_obj_foreach(body, at, max, name, value)
    {
        for (i = 0; i < count && !str_eq_z(text_of(name), members[i].name); i++)
            ;
        if (i == count)
            return err_set(err, ERR_INPUT, "`%s` is not known here; check its spelling",
                           show_name(text_of(name)).text);
        if (seen >> i & 1)
            return err_set(err, ERR_INPUT, "`%s` stands twice", members[i].name);
        seen |= UINT64_C(1) << i;
        if (!members[i].read(value, ret))
            return err_set(err, ERR_INPUT, "`%s` takes %s", members[i].name, members[i].takes);
    }
    return ERR_OK;
}

/* ---- Stamps and numbers ---- */

bool worklog_stamp_read(struct str text, int64_t *ret_ms, int32_t *ret_offset_minutes)
{
    size_t sign = text.len;
    int64_t hours = 0, minutes = 0;

    if (!civil_parse_stamp(text, ret_ms))
        return false;
    *ret_offset_minutes = 0;
    while (sign > 11 && text.ptr[sign - 1] != '+' && text.ptr[sign - 1] != '-')
        sign--;
    if (sign == 11) /* Z: no sign stands behind the date */
        return true;

    struct str offset = str_sub(text, sign, text.len);

    if (!parse_i64(str_sub(offset, 0, 2), 0, 23, &hours) ||
        !parse_i64(str_sub(offset, offset.len - 2, 2), 0, 59, &minutes))
        return false;
    minutes += 60 * hours;
    *ret_offset_minutes = (int32_t)(text.ptr[sign - 1] == '-' ? -minutes : minutes);
    return true;
}

static bool read_id(yyjson_val *value, int64_t *ret)
{
    return json_to_i64(value, ret) && *ret > 0;
}

/* ---- The estimate ---- */

enum err_class worklog_estimate_read(struct str mode, struct str to, struct str by,
                                     struct jira_estimate *ret, struct err *err)
{
    *ret = (struct jira_estimate){.mode = JIRA_ESTIMATE_AUTO};
    if (mode.len > 0 && !jira_estimate_parse(mode, &ret->mode))
        return err_set(err, ERR_INPUT,
                       "the estimate's mode is one of auto, leave, new, manual; not \"%s\"",
                       show_name(mode).text);
    ret->amount = ret->mode == JIRA_ESTIMATE_NEW      ? to
                  : ret->mode == JIRA_ESTIMATE_MANUAL ? by
                                                      : (struct str){NULL, 0};
    if ((to.len > 0 && ret->mode != JIRA_ESTIMATE_NEW) ||
        (by.len > 0 && ret->mode != JIRA_ESTIMATE_MANUAL))
        return err_set(err, ERR_INPUT,
                       "of an estimate, `to` goes with the mode new, `by` with manual");
    if ((ret->mode == JIRA_ESTIMATE_NEW || ret->mode == JIRA_ESTIMATE_MANUAL) &&
        !jira_is_duration(ret->amount))
        return err_set(err, ERR_INPUT,
                       "with the mode %s, `%s` is a duration like \"2h 30m\", \"1d\" or \"90m\"",
                       ret->mode == JIRA_ESTIMATE_NEW ? "new" : "manual",
                       ret->mode == JIRA_ESTIMATE_NEW ? "to" : "by");
    return ERR_OK;
}

struct estimate_words {
    struct str mode, to, by;
};

static bool read_mode(yyjson_val *value, void *ret)
{
    ((struct estimate_words *)ret)->mode = text_of(value);
    return yyjson_is_str(value);
}

static bool read_to(yyjson_val *value, void *ret)
{
    ((struct estimate_words *)ret)->to = text_of(value);
    return yyjson_is_str(value);
}

static bool read_by(yyjson_val *value, void *ret)
{
    ((struct estimate_words *)ret)->by = text_of(value);
    return yyjson_is_str(value);
}

static enum err_class read_estimate(yyjson_val *value, struct jira_estimate *ret, struct err *err)
{
    static const struct member members[] = {
        {"mode", read_mode, "one of auto, leave, new, manual"},
        {"to", read_to, "a duration"},
        {"by", read_by, "a duration"},
    };
    struct estimate_words words = {.mode = {NULL, 0}};

    if (read_members(value, members, ARRAY_LEN(members), &words, err))
        return err->class;
    return worklog_estimate_read(words.mode, words.to, words.by, ret, err);
}

/* ---- A worklog ---- */

/* What is read in a second step, with errors of its own. */
struct draft_parts {
    struct worklog_body *body;
    yyjson_val *estimate;
};

static struct write_draft *draft_in(void *ret)
{
    return &((struct draft_parts *)ret)->body->draft;
}

static bool read_issue(yyjson_val *value, void *ret)
{
    draft_in(ret)->issue = text_of(value);
    return yyjson_is_str(value) && yyjson_get_len(value) > 0;
}

static bool read_started(yyjson_val *value, void *ret)
{
    struct write_draft *draft = draft_in(ret);

    draft->change.has_started = true;
    return yyjson_is_str(value) &&
           worklog_stamp_read(text_of(value), &draft->change.started_ms, &draft->offset_minutes);
}

static bool read_seconds(yyjson_val *value, void *ret)
{
    struct jira_change *change = &draft_in(ret)->change;

    change->has_seconds = true;
    return yyjson_is_int(value) && json_to_i64(value, &change->seconds);
}

static bool read_comment(yyjson_val *value, void *ret)
{
    struct jira_change *change = &draft_in(ret)->change;

    change->has_comment = true;
    change->comment = text_of(value);
    return yyjson_is_str(value) && change->comment.len <= LIMIT_COMMENT_BYTES;
}

static bool read_tags(yyjson_val *value, void *ret)
{
    struct worklog_body *body = ((struct draft_parts *)ret)->body;
    yyjson_val *item;
    size_t at, max;

    if (!yyjson_is_arr(value) || yyjson_arr_size(value) > LIMIT_TAGS_PER_WORKLOG)
        return false;
    body->draft.has_tags = true;
    body->draft.tags = body->tags;
    yyjson_arr_foreach(value, at, max, item)
    {
        if (!yyjson_is_str(item))
            return false;
        body->tags[body->draft.tag_count++] = text_of(item);
    }
    return true;
}

static bool read_draft_estimate(yyjson_val *value, void *ret)
{
    ((struct draft_parts *)ret)->estimate = value;
    return yyjson_is_obj(value);
}

static bool read_visibility(yyjson_val *value, void *ret)
{
    struct jira_change *change = &draft_in(ret)->change;

    change->visibility_type = json_str(value, "type");
    change->visibility_id = json_str(value, "identifier");
    return (str_eq_z(change->visibility_type, "group") ||
            str_eq_z(change->visibility_type, "role")) &&
           change->visibility_id.len > 0;
}

#define STAMP_TAKES "a time like \"2026-01-31T09:00:00.000+0100\" or \"2026-01-31T08:00:00.000Z\""

static const struct member draft_members[] = {
    {"started", read_started, STAMP_TAKES},
    {"seconds", read_seconds, "a whole number of seconds"},
    {"comment", read_comment, "a text of at most a megabyte"},
    {"tags", read_tags, "a list of at most 100 texts"},
    {"estimate", read_draft_estimate, "an object like {\"mode\":\"leave\"}"},
    /* below: of a new one only */
    {"issue", read_issue, "an issue's key or id, as a text"},
    {"visibility", read_visibility, "an object like {\"type\":\"group\",\"identifier\":\"…\"}"},
};
#define CHANGE_MEMBERS 5

enum err_class worklog_body_read(yyjson_val *body, bool fresh, struct worklog_body *ret,
                                 struct err *err)
{
    struct draft_parts parts = {.body = ret};

    *ret = (struct worklog_body){.draft = {.tags = ret->tags}};
    if (read_members(body, draft_members, fresh ? ARRAY_LEN(draft_members) : CHANGE_MEMBERS, &parts,
                     err))
        return err->class;
    if (fresh && ret->draft.issue.len == 0)
        return err_set(err, ERR_INPUT, "`issue` is missing: the key or id of the issue");
    if (!fresh && yyjson_obj_size(body) == 0)
        return err_set(err, ERR_INPUT,
                       "there is nothing to change: name started, seconds, comment or tags");
    return parts.estimate ? read_estimate(parts.estimate, &ret->draft.change.estimate, err)
                          : ERR_OK;
}

enum err_class worklog_tags_read(yyjson_val *body, struct worklog_body *ret, struct err *err)
{
    static const struct member members[] = {{"tags", read_tags, "a list of at most 100 texts"}};
    struct draft_parts parts = {.body = ret};

    *ret = (struct worklog_body){.draft = {.tags = ret->tags}};
    if (read_members(body, members, ARRAY_LEN(members), &parts, err))
        return err->class;
    return ret->draft.has_tags ? ERR_OK : err_set(err, ERR_INPUT, "`tags` is missing: a list");
}

/* ---- An action ---- */

struct action_parts {
    struct action_body *body;
    yyjson_val *estimate;
    bool has_kind, has_ids, has_from, has_to;
};

static bool read_kind(yyjson_val *value, void *ret)
{
    struct action_parts *parts = ret;

    parts->has_kind = true;
    return yyjson_is_str(value) && action_parse(text_of(value), &parts->body->kind);
}

static bool read_ids(yyjson_val *value, void *ret)
{
    struct action_parts *parts = ret;
    yyjson_val *item;
    size_t at, max;

    parts->has_ids = true;
    if (!yyjson_is_arr(value) || yyjson_arr_size(value) < 1 ||
        yyjson_arr_size(value) > ACTION_IDS_MAX)
        return false;
    yyjson_arr_foreach(value, at, max, item)
    {
        if (!read_id(item, &parts->body->ids[parts->body->id_count++]))
            return false;
    }
    return true;
}

static bool read_day(yyjson_val *value, int32_t *ret)
{
    struct civil_date date;

    if (!yyjson_is_str(value) || !civil_parse_date(text_of(value), &date))
        return false;
    *ret = civil_days(date);
    return true;
}

static bool read_from_day(yyjson_val *value, void *ret)
{
    struct action_parts *parts = ret;

    parts->has_from = true;
    return read_day(value, &parts->body->from_day);
}

static bool read_to_day(yyjson_val *value, void *ret)
{
    struct action_parts *parts = ret;

    parts->has_to = true;
    return read_day(value, &parts->body->to_day);
}

static bool read_zone(yyjson_val *value, void *ret)
{
    ((struct action_parts *)ret)->body->zone = text_of(value);
    return yyjson_is_str(value);
}

static bool read_action_estimate(yyjson_val *value, void *ret)
{
    ((struct action_parts *)ret)->estimate = value;
    return yyjson_is_obj(value);
}

enum err_class action_body_read(yyjson_val *body, struct action_body *ret, struct err *err)
{
    static const struct member members[] = {
        {"action", read_kind, "one of move, copy, delete"},
        {"ids", read_ids, "a list of 1 to 500 ids of worklogs"},
        {"day", read_from_day, "a date like \"2026-01-31\""},
        {"date", read_to_day, "a date like \"2026-01-31\""},
        {"tz", read_zone, "the name of a time zone, like \"Europe/Berlin\""},
        {"estimate", read_action_estimate, "an object like {\"mode\":\"leave\"}"},
    };
    struct action_parts parts = {.body = ret};

    *ret = (struct action_body){.kind = ACTION_MOVE};
    if (read_members(body, members, ARRAY_LEN(members), &parts, err))
        return err->class;
    if (!parts.has_kind)
        return err_set(err, ERR_INPUT, "`action` is missing: one of move, copy, delete");
    if (parts.has_ids == parts.has_from)
        return err_set(err, ERR_INPUT,
                       "say which worklogs: either `ids`, or `day` for all of your own of a day");
    if ((ret->kind != ACTION_DELETE) != parts.has_to)
        return err_set(err, ERR_INPUT,
                       "`date`, the day to go to, is needed to move or copy, and for nothing else");
    ret->has_estimate = parts.estimate != NULL;
    return parts.estimate ? read_estimate(parts.estimate, &ret->estimate, err) : ERR_OK;
}

/* ---- Answers ---- */

bool worklog_cursor_read(struct str text, struct query_place *ret)
{
    struct str id = {NULL, 0};
    struct str started = str_cut(text, '.', &id);

    return parse_i64(started, INT64_MIN, INT64_MAX, &ret->started_ms) &&
           parse_i64(id, 0, INT64_MAX, &ret->id);
}

void worklog_cursor_put(struct strbuf *out, const struct query_place *place)
{
    strbuf_addf(out, "%" PRId64 ".%" PRId64, place->started_ms, place->id);
}

static void put_id(struct json_out *out, const char *name, int64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, id);
    json_key(out, name);
    json_put_z(out, text);
}

static void put_stamp(struct json_out *out, const char *name, int64_t ms)
{
    json_key(out, name);
    json_put_stamp(out, ms);
}

void worklog_put(struct json_out *out, const struct worklog_row *row)
{
    json_object(out);
    put_id(out, "id", row->id);
    put_id(out, "issue", row->issue_id);
    json_key(out, "account");
    json_put_str(out, row->account);
    put_stamp(out, "started", row->started_ms);
    put_stamp(out, "created", row->created_ms);
    put_stamp(out, "updated", row->updated_ms);
    json_key(out, "seconds");
    json_put_i64(out, row->seconds);
    json_key(out, "comment");
    json_put_str(out, row->comment);
    json_key(out, "tags");
    json_array(out);
    for (size_t i = 0; i < row->tag_count; i++)
        json_put_str(out, row->tags[i]);
    json_array_end(out);
    json_object_end(out);
}
