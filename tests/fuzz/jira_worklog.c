/*
 * jira_worklog.c: the answers to a list of worklog ids, and comments in ADF.
 *
 * The input is the body of such an answer. Holds: what is read without a defect is whole and within
 * its limits; reading twice gives the same; members are those that a plain look-up by name finds;
 * the plain text of a document has the text of all its text nodes in their order.
 */
#include "jira_check.h"

static bool same(const struct jira_worklog *a, const struct jira_worklog *b)
{
    return a->id == b->id && a->issue_id == b->issue_id && str_eq(a->account, b->account) &&
           a->created_ms == b->created_ms && a->updated_ms == b->updated_ms &&
           a->started_ms == b->started_ms && a->seconds == b->seconds;
}

/* JSON may hold NUL; text of Jira that does is no less UTF-8. */
static bool is_text(struct str s)
{
    while (s.len > 0) {
        struct str rest = {NULL, 0};

        if (!str_is_utf8(str_cut(s, '\0', &rest)))
            return false;
        s = rest;
    }
    return true;
}

/* Text nodes in their order, each found behind the one before. Depth: LIMIT_JSON_DEPTH. */
static void find_texts(yyjson_val *node, struct str text, size_t *at)
{
    struct str wanted = json_str(node, "text");
    yyjson_val *content = yyjson_obj_get(node, "content"), *child;
    size_t i, count;

    if (!str_eq(json_str(node, "type"), STR("text"))) {
        yyjson_arr_foreach(content, i, count, child) find_texts(child, text, at);
        return;
    }
    while (wanted.len > 0 && wanted.ptr[wanted.len - 1] == '\n')
        wanted.len--; /* may have been the end of all, where line feeds are cut */
    if (wanted.len == 0)
        return;

    const char *hit =
        text.len > *at ? memmem(text.ptr + *at, text.len - *at, wanted.ptr, wanted.len) : NULL;

    FUZZ_CHECK(hit);
    *at = (size_t)(hit - text.ptr) + wanted.len;
}

static void check_text(yyjson_val *value)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    size_t at = 0;

    jira_text(value, &text);
    FUZZ_CHECK(text.failed == ERR_OK); /* no input is that large */
    FUZZ_CHECK(is_text(strbuf_str(&text)));
    FUZZ_CHECK(text.len == 0 || text.ptr[text.len - 1] != '\n');
    FUZZ_CHECK(strbuf_z(&text)[text.len] == '\0');
    if (yyjson_is_obj(value))
        find_texts(value, strbuf_str(&text), &at);
    else if (yyjson_is_str(value))
        FUZZ_CHECK(text.len == 0 || memcmp(text.ptr, yyjson_get_str(value), text.len) == 0);
    else
        FUZZ_CHECK(text.len == 0);
}

static void check_account(yyjson_val *user)
{
    struct str account = jira_account(user);

    FUZZ_CHECK(account.len <= LIMIT_ACCOUNT_ID_BYTES);
    FUZZ_CHECK(is_text(account));
    FUZZ_CHECK(!str_eq_z(account, "unknown"));
}

static void check_worklog(const struct jira_worklog *worklog, enum jira_defect defect)
{
    FUZZ_CHECK(worklog->id > 0 || defect == JIRA_DEFECT_NO_ID);
    FUZZ_CHECK(is_text(worklog->comment) && is_text(worklog->account));
    FUZZ_CHECK(worklog->account.len <= LIMIT_ACCOUNT_ID_BYTES);
    FUZZ_CHECK(worklog->comment.len <= LIMIT_COMMENT_BYTES);
    if (defect != JIRA_DEFECT_NONE)
        return;
    FUZZ_CHECK(worklog->issue_id > 0);
    FUZZ_CHECK(worklog->seconds >= 0 && worklog->seconds <= INT32_MAX);
    FUZZ_CHECK(fuzz_is_time(worklog->created_ms) && fuzz_is_time(worklog->updated_ms) &&
               fuzz_is_time(worklog->started_ms));
}

/* The same by look-ups: the first of several members of one name counts. */
static void check_members(yyjson_val *object, const struct jira_worklog *worklog)
{
    int64_t n = 0;

    FUZZ_CHECK(json_i64(object, "id", &n) && n == worklog->id);
    FUZZ_CHECK(json_i64(object, "issueId", &n) && n == worklog->issue_id);
    FUZZ_CHECK(json_i64(object, "timeSpentSeconds", &n) && n == worklog->seconds);
    FUZZ_CHECK(civil_parse_stamp(json_str(object, "created"), &n) && n == worklog->created_ms);
    FUZZ_CHECK(civil_parse_stamp(json_str(object, "updated"), &n) && n == worklog->updated_ms);
    FUZZ_CHECK(civil_parse_stamp(json_str(object, "started"), &n) && n == worklog->started_ms);
    FUZZ_CHECK(str_eq(jira_account(yyjson_obj_get(object, "author")), worklog->account));
}

/* One value as a worklog, and as what may stand in one. */
static void check_value(yyjson_val *value)
{
    AUTO(strbuf_done) struct strbuf first = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    AUTO(strbuf_done) struct strbuf second = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    struct jira_worklog a, b;
    enum jira_defect defect = jira_worklog_read(value, &first, &a);

    FUZZ_CHECK(jira_worklog_read(value, &second, &b) == defect);
    FUZZ_CHECK(same(&a, &b) && str_eq(a.comment, b.comment));
    check_worklog(&a, defect);
    if (defect == JIRA_DEFECT_NONE)
        check_members(value, &a);
    check_text(value);
    check_text(yyjson_obj_get(value, "comment"));
    check_account(value);
    check_account(yyjson_obj_get(value, "author"));
}

static void check_list(struct fuzz_jira *world, yyjson_val *root)
{
    static const int64_t ids[] = {10001, INT64_MAX};
    struct jira_worklogs list = {0};
    struct jira_worklog worklog = {0};
    enum jira_defect defect = JIRA_DEFECT_NONE;
    struct http_call *call = NULL;
    struct err err = {0};
    size_t count = 0;

    FUZZ_CHECK(jira_worklogs_start(&world->jira, ids, ARRAY_LEN(ids), &call, &err) == ERR_OK);

    enum err_class class = jira_worklogs_finish(&world->jira, call, &list, &err);

    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        FUZZ_CHECK(!yyjson_is_arr(root));
        return;
    }
    FUZZ_CHECK(yyjson_is_arr(root));
    while (jira_worklogs_next(&list, &worklog, &defect)) {
        check_worklog(&worklog, defect);
        count++;
    }
    FUZZ_CHECK(count == yyjson_arr_size(root));
    jira_worklogs_done(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct fuzz_jira world;
    struct err err = {0};
    struct str body = fuzz_str(data, size);
    yyjson_val *root = NULL, *item;
    size_t at, count;

    if (json_read(body, "the body", &doc, &err) == ERR_OK)
        root = yyjson_doc_get_root(doc);
    fuzz_jira_begin(&world, false, body);
    check_list(&world, root);
    fuzz_jira_end(&world);
    check_value(root);
    if (yyjson_is_arr(root)) {
        yyjson_arr_foreach(root, at, count, item) check_value(item);
    }
    return 0;
}
