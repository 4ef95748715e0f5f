/*
 * labels.c: names of issues, people and saved filters, as Jira shows them now.
 *
 * Cloud gives a hundred issues a call and some dozen people a call (their ids stand in the URL).
 * Data Center gives issues by a search and people one by one, several under way at once.
 */
#include <assert.h>
#include <inttypes.h>

#include "http/url.h"
#include "jira/answer.h"
#include "jira/search.h"

#define QUERY_BYTES 255   /* of a picker's words; longer ones are cut */
#define PATH_FILL 1600    /* bytes of a path before the next call begins */
#define USERS_PER_CALL 90 /* of /user/bulk; 200 is the most */
#define FILTERS_PAGE 100

static struct jira_issue_label read_issue(yyjson_val *issue)
{
    yyjson_val *fields = yyjson_obj_get(issue, "fields");
    yyjson_val *project = yyjson_obj_get(fields, "project");
    struct jira_issue_label label = {
        .key = json_str(issue, "key"),
        .summary = json_str(fields, "summary"),
        .type = json_str(yyjson_obj_get(fields, "issuetype"), "name"),
        .status = json_str(yyjson_obj_get(fields, "status"), "name"),
        .project_key = json_str(project, "key"),
        .project_name = json_str(project, "name"),
    };

    if (!json_i64(project, "id", &label.project_id))
        label.project_id = 0;
    return label;
}

static void put_ids_of_cloud(struct json_out *out, const int64_t *ids, size_t count)
{
    char text[24];

    json_key(out, "issueIdsOrKeys");
    json_array(out);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text), "%" PRId64, ids[i]);
        json_put_z(out, text);
    }
    json_array_end(out);
}

static void put_ids_of_datacenter(struct json_out *out, const int64_t *ids, size_t count)
{
    AUTO(strbuf_done) struct strbuf jql = STRBUF_INIT(32 * JIRA_LABELS_MAX);

    strbuf_add_z(&jql, "id in (");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_add_char(&jql, ',');
        strbuf_add_i64(&jql, ids[i]);
    }
    strbuf_add_char(&jql, ')');
    json_key(out, "jql");
    json_put_str(out, strbuf_str(&jql));
    json_key(out, "maxResults");
    json_put_i64(out, JIRA_LABELS_MAX);
    json_key(out, "validateQuery"); /* ids that are not there are left out, not refused */
    json_put_bool(out, false);
}

static void put_fields(struct json_out *out, const char *const *fields, size_t count)
{
    json_key(out, "fields");
    json_array(out);
    for (size_t i = 0; i < count; i++)
        json_put_z(out, fields[i]);
    json_array_end(out);
}

enum err_class jira_issue_fields_start(struct jira *jira, const int64_t *ids, size_t count,
                                       const char *const *fields, size_t field_count,
                                       struct http_call **ret, struct err *err)
{
    AUTO(answer_strbuf_done)
    struct strbuf body = STRBUF_INIT(64 * (JIRA_LABELS_MAX + field_count));
    struct json_out out = json_out(&body);

    assert(count >= 1 && count <= JIRA_LABELS_MAX);
    json_object(&out);
    if (jira->datacenter)
        put_ids_of_datacenter(&out, ids, count);
    else
        put_ids_of_cloud(&out, ids, count);
    put_fields(&out, fields, field_count);
    json_object_end(&out);
    return answer_post_start(jira, jira->datacenter ? "/search" : "/issue/bulkfetch", &body, ret,
                             err);
}

enum err_class jira_issue_fields_finish(struct jira *jira, struct http_call *call,
                                        jira_each_fields *each, void *arg, struct err *err)
{
    AUTO(answer_done) struct answer answer = {0};
    enum err_class rc = answer_finish(jira, call, "the fields of issues", &answer, err);
    yyjson_val *issues, *issue;
    size_t at, n;

    if (rc != ERR_OK)
        return rc;
    issues = yyjson_obj_get(answer.root, "issues");
    if (!yyjson_is_arr(issues))
        return answer_broken(jira, "the fields of issues", "issues", err);
    yyjson_arr_foreach(issues, at, n, issue)
    {
        int64_t id = 0;

        if (json_i64(issue, "id", &id) && id > 0 && (rc = each(arg, id, issue, err)) != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

struct label_reader {
    jira_each_issue *each;
    void *arg;
};

static enum err_class hand_label(void *arg, int64_t id, yyjson_val *issue, struct err *err)
{
    const struct label_reader *reader = arg;
    struct jira_issue_label label = read_issue(issue);

    label.id = id;
    return reader->each(reader->arg, &label, err);
}

enum err_class jira_issue_labels(struct jira *jira, const int64_t *ids, size_t count,
                                 jira_each_issue *each, void *arg, struct err *err)
{
    static const char *const fields[] = {"summary", "issuetype", "status", "project"};
    struct label_reader reader = {each, arg};
    struct http_call *call = NULL;
    enum err_class rc =
        jira_issue_fields_start(jira, ids, count, fields, ARRAY_LEN(fields), &call, err);

    return rc == ERR_OK ? jira_issue_fields_finish(jira, call, hand_label, &reader, err) : rc;
}

enum err_class jira_epic_field(struct jira *jira, struct strbuf *ret, struct err *err)
{
    AUTO(answer_done) struct answer answer = {0};
    enum err_class rc = answer_get(jira, "/field", "the list of fields", 1, &answer, err);
    yyjson_val *field;
    size_t at, count;

    if (rc != ERR_OK)
        return rc;
    yyjson_arr_foreach(answer.root, at, count, field)
    {
        struct str type = json_str(yyjson_obj_get(field, "schema"), "custom");

        if (!str_eq(type, STR("com.pyxis.greenhopper.jira:gh-epic-link")))
            continue;
        strbuf_add_str(ret, json_str(field, "id"));
        return strbuf_check(ret, "the name of the epics' field", err);
    }
    return ERR_OK;
}

/* Did an earlier section name it already? `seen` has room for what is asked for. */
static bool is_new(int64_t id, int64_t *seen, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (seen[i] == id)
            return false;
    seen[(*count)++] = id;
    return true;
}

enum err_class jira_pick_issues(struct jira *jira, struct str query, size_t max,
                                jira_each_issue *each, void *arg, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(8 * 1024);
    AUTO(answer_done) struct answer answer = {0};
    AUTO(free_autop) int64_t *seen = calloc(max + 1, sizeof(*seen));
    yyjson_val *section, *issue;
    size_t at, sections, i, n, count = 0;

    if (!seen)
        return err_memory(err);
    strbuf_add_z(&path, "/issue/picker");
    url_add_query(&path, "query", str_sub(query, 0, QUERY_BYTES));
    url_add_query(&path, "currentJQL", STR("order by lastViewed DESC"));
    url_add_query(&path, "showSubTasks", STR("true"));

    enum err_class rc = strbuf_check(&path, "the words to find issues by", err);

    if (rc == ERR_OK)
        rc = answer_get(jira, strbuf_z(&path), "Jira's picker of issues", 1 + (int64_t)max, &answer,
                        err);
    if (rc != ERR_OK)
        return rc;
    yyjson_arr_foreach(yyjson_obj_get(answer.root, "sections"), at, sections, section)
    {
        yyjson_arr_foreach(yyjson_obj_get(section, "issues"), i, n, issue)
        {
            struct jira_issue_label label = {.key = json_str(issue, "key"),
                                             .summary = json_str(issue, "summaryText")};

            if (count == max || !json_i64(issue, "id", &label.id) ||
                !is_new(label.id, seen, &count))
                continue;
            rc = each(arg, &label, err);
            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

/* ---- People ---- */

static struct jira_user_label read_user(yyjson_val *user)
{
    struct jira_user_label label = {
        .account = jira_account(user),
        .name = json_str(user, "displayName"),
    };

    if (json_bool(user, "active", true))
        label.mail = json_str(user, "emailAddress");
    return label;
}

static enum err_class hand_users(yyjson_val *users, size_t max, jira_each_user *each, void *arg,
                                 struct err *err)
{
    yyjson_val *user;
    size_t at, count;

    yyjson_arr_foreach(users, at, count, user)
    {
        struct jira_user_label label = read_user(user);
        enum err_class rc = ERR_OK;

        if (at >= max)
            break;
        if (label.account.len > 0)
            rc = each(arg, &label, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_class cloud_users(struct jira *jira, const struct str *accounts, size_t count,
                                  jira_each_user *each, void *arg, struct err *err)
{
    for (size_t next = 0; next < count;) {
        AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(8 * 1024);
        AUTO(answer_done) struct answer answer = {0};
        size_t n = 0;

        strbuf_addf(&path, "/user/bulk?maxResults=%d", USERS_PER_CALL);
        for (; next < count && n < USERS_PER_CALL && path.len < PATH_FILL; n++)
            url_add_query(&path, "accountId", accounts[next++]);

        enum err_class rc = strbuf_check(&path, "the accounts to name", err);

        if (rc == ERR_OK)
            rc = answer_get(jira, strbuf_z(&path), "the names of people", 1 + 2 * (int64_t)n,
                            &answer, err);
        if (rc == ERR_OK && !yyjson_is_arr(yyjson_obj_get(answer.root, "values")))
            rc = answer_broken(jira, "the names of people", "values", err);
        if (rc == ERR_OK)
            rc = hand_users(yyjson_obj_get(answer.root, "values"), SIZE_MAX, each, arg, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_class datacenter_users(struct jira *jira, const struct str *accounts, size_t count,
                                       jira_each_user *each, void *arg, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(8 * 1024);
        AUTO(answer_done) struct answer answer = {0};

        strbuf_add_z(&path, "/user");
        url_add_query(&path, "key", accounts[i]);

        enum err_class rc = strbuf_check(&path, "the account to name", err);

        if (rc == ERR_OK)
            rc = answer_get(jira, strbuf_z(&path), "the name of a person", 1, &answer, err);
        if (rc == ERR_NOT_FOUND)
            continue;
        if (rc != ERR_OK)
            return rc;

        struct jira_user_label label = read_user(answer.root);

        if (label.account.len > 0)
            rc = each(arg, &label, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class jira_user_labels(struct jira *jira, const struct str *accounts, size_t count,
                                jira_each_user *each, void *arg, struct err *err)
{
    return jira->datacenter ? datacenter_users(jira, accounts, count, each, arg, err)
                            : cloud_users(jira, accounts, count, each, arg, err);
}

enum err_class jira_project_lead(struct jira *jira, struct str key, struct strbuf *ret,
                                 struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(8 * 1024);
    AUTO(answer_done) struct answer answer = {0};
    enum err_class rc;

    strbuf_add_z(&path, "/project");
    url_add_segment(&path, key);
    rc = strbuf_check(&path, "the project's key", err);
    if (rc == ERR_OK)
        rc = answer_get(jira, strbuf_z(&path), "a project", 1, &answer, err);
    if (rc != ERR_OK)
        return rc;
    strbuf_add_str(ret, jira_account(yyjson_obj_get(answer.root, "lead")));
    return strbuf_check(ret, "the account of a project's lead", err);
}

enum err_class jira_find_users(struct jira *jira, struct str query, size_t max,
                               jira_each_user *each, void *arg, struct err *err)
{
    AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(8 * 1024);
    AUTO(answer_done) struct answer answer = {0};
    struct str words = str_sub(query, 0, QUERY_BYTES);

    strbuf_add_z(&path, "/user/search");
    /* On Data Center "." stands for everybody. */
    if (jira->datacenter)
        url_add_query(&path, "username", words.len > 0 ? words : STR("."));
    else
        url_add_query(&path, "query", words);
    url_add_query_i64(&path, "maxResults", (int64_t)max);

    enum err_class rc = strbuf_check(&path, "the words to find people by", err);

    if (rc == ERR_OK)
        rc = answer_get(jira, strbuf_z(&path), "the people found", 1 + 2 * (int64_t)max, &answer,
                        err);
    if (rc == ERR_OK && !yyjson_is_arr(answer.root))
        rc = answer_broken(jira, "the people found", "list", err);
    return rc == ERR_OK ? hand_users(answer.root, max, each, arg, err) : rc;
}

/* ---- Filters ---- */

static enum err_class hand_filters(yyjson_val *filters, size_t max, jira_each_filter *each,
                                   void *arg, struct err *err)
{
    yyjson_val *filter;
    size_t at, count;

    yyjson_arr_foreach(filters, at, count, filter)
    {
        struct jira_filter_label label = {.name = json_str(filter, "name")};
        enum err_class rc = ERR_OK;

        if (at < max && json_i64(filter, "id", &label.id) && label.name.ptr)
            rc = each(arg, &label, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class jira_filters(struct jira *jira, struct str owner, size_t max, jira_each_filter *each,
                            void *arg, struct err *err)
{
    static const char what[] = "the saved filters";
    enum err_class rc = ERR_OK;

    if (jira->datacenter) {
        AUTO(answer_done) struct answer answer = {0};

        rc = answer_get(jira, "/filter/favourite", what, 1, &answer, err);
        return rc == ERR_OK ? hand_filters(answer.root, max, each, arg, err) : rc;
    }
    /* At most max / FILTERS_PAGE turns, and one more. */
    for (size_t start = 0; start < max; start += FILTERS_PAGE) {
        AUTO(answer_strbuf_done) struct strbuf path = STRBUF_INIT(8 * 1024);
        AUTO(answer_done) struct answer answer = {0};

        strbuf_addf(&path, "/filter/search?orderBy=name&maxResults=%d&startAt=%zu", FILTERS_PAGE,
                    start);
        if (owner.len > 0)
            url_add_query(&path, "accountId", owner);
        rc = strbuf_check(&path, "the search for filters", err);
        if (rc == ERR_OK)
            rc = answer_get(jira, strbuf_z(&path), what, FILTERS_PAGE, &answer, err);
        if (rc != ERR_OK)
            return rc;

        yyjson_val *filters = yyjson_obj_get(answer.root, "values");

        if (!yyjson_is_arr(filters))
            return answer_broken(jira, what, "values", err);
        rc = hand_filters(filters, max - start, each, arg, err);
        if (rc != ERR_OK || json_bool(answer.root, "isLast", true) || yyjson_arr_size(filters) == 0)
            return rc;
    }
    return rc;
}
