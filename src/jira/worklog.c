/*
 * worklog.c: one worklog object of Jira, taken apart. Ids come as numbers or strings, times with an
 * offset without a colon, comments as text (v2) or as a document (v3).
 */
#include "jira/jira.h"

#include "base/civil.h"

/* Cloud says accountId; Data Center says key, and name on old versions. */
struct str jira_account(yyjson_val *user)
{
    static const char *const names[] = {"accountId", "key", "name"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str id = json_str(user, names[i]);

        if (id.len > 0 && id.len <= LIMIT_ACCOUNT_ID_BYTES && !str_eq_z(id, "unknown"))
            return id;
    }
    return (struct str){NULL, 0};
}

/* The members of a worklog object that are read, in the order in which Jira sends them. */
enum member {
    MEMBER_AUTHOR,
    MEMBER_COMMENT,
    MEMBER_CREATED,
    MEMBER_UPDATED,
    MEMBER_STARTED,
    MEMBER_SECONDS,
    MEMBER_ID,
    MEMBER_ISSUE,
    MEMBER_COUNT
};
static const struct str member_names[MEMBER_COUNT] = {
    [MEMBER_AUTHOR] = {"author", 6},   [MEMBER_COMMENT] = {"comment", 7},
    [MEMBER_CREATED] = {"created", 7}, [MEMBER_UPDATED] = {"updated", 7},
    [MEMBER_STARTED] = {"started", 7}, [MEMBER_SECONDS] = {"timeSpentSeconds", 16},
    [MEMBER_ID] = {"id", 2},           [MEMBER_ISSUE] = {"issueId", 7},
};

/* Which member it names, looked for from the expected one on; MEMBER_COUNT: none that is read. */
static size_t member_of(struct str name, size_t expected)
{
    for (size_t n = 0; n < MEMBER_COUNT; n++) {
        size_t i = (expected + n) % MEMBER_COUNT;

        if (name.len == member_names[i].len && memcmp(name.ptr, member_names[i].ptr, name.len) == 0)
            return i;
    }
    return MEMBER_COUNT;
}

/*
 * All members in one pass, as a look-up each would walk the object eight times; in Jira's order
 * each is the one that is tried first. The first of several of one name counts.
 */
static void find_members(yyjson_val *object, yyjson_val *ret[MEMBER_COUNT])
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_val *name;
    size_t expected = 0;

    memset(ret, 0, MEMBER_COUNT * sizeof(ret[0]));
    while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
        size_t i = member_of((struct str){yyjson_get_str(name), yyjson_get_len(name)}, expected);

        if (i == MEMBER_COUNT)
            continue;
        if (!ret[i])
            ret[i] = yyjson_obj_iter_get_val(name);
        expected = i + 1;
    }
}

static bool is_stamp(yyjson_val *value, int64_t *ret)
{
    return yyjson_is_str(value) &&
           civil_parse_stamp((struct str){yyjson_get_str(value), yyjson_get_len(value)}, ret);
}

enum jira_defect jira_worklog_read(yyjson_val *object, struct strbuf *comment,
                                   struct jira_worklog *ret)
{
    enum jira_defect defect = JIRA_DEFECT_NONE;
    yyjson_val *members[MEMBER_COUNT];

    *ret = (struct jira_worklog){0};
    strbuf_reset(comment);
    find_members(object, members);
    if (!json_to_i64(members[MEMBER_ID], &ret->id) || ret->id <= 0)
        return JIRA_DEFECT_NO_ID;
    if (!json_to_i64(members[MEMBER_ISSUE], &ret->issue_id) || ret->issue_id <= 0)
        defect = JIRA_DEFECT_NO_ISSUE;
    if (!json_to_i64(members[MEMBER_SECONDS], &ret->seconds) || ret->seconds < 0 ||
        ret->seconds > INT32_MAX)
        defect = JIRA_DEFECT_NO_SECONDS;
    if (!is_stamp(members[MEMBER_CREATED], &ret->created_ms) ||
        !is_stamp(members[MEMBER_UPDATED], &ret->updated_ms) ||
        !is_stamp(members[MEMBER_STARTED], &ret->started_ms))
        defect = JIRA_DEFECT_NO_TIME;
    jira_text(members[MEMBER_COMMENT], comment);
    if (comment->failed != ERR_OK)
        defect = JIRA_DEFECT_COMMENT;
    ret->comment = strbuf_str(comment);
    ret->account = jira_account(members[MEMBER_AUTHOR]);
    return defect;
}
