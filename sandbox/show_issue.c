/*
 * show_issue.c: issues and projects as JSON.
 *
 * A made-up issue has the fields that any site has; a recorded one has what was recorded, with the
 * parts that live here (worklogs, comments, attachments, links) shown as they are now.
 */
#include <inttypes.h>

#include "base/civil.h"
#include "show.h"

#define EMBEDDED_WORKLOGS 20 /* no more are embedded in an issue (facts: worklogs) */

/* ---- Which fields ---- */

bool field_filter_wants(const struct field_filter *filter, const char *field)
{
    struct str list = filter->list;
    bool wanted = false;

    while (list.len > 0) {
        struct str rest = {NULL, 0};
        struct str word = str_trim(str_cut(list, ',', &rest));

        list = rest;
        if (str_eq_z(word, field) || str_eq_z(word, "*all"))
            wanted = true;
        else if (str_eq_z(word, "*navigable"))
            wanted = wanted || (strcmp(field, "comment") != 0 && strcmp(field, "worklog") != 0 &&
                                strcmp(field, "attachment") != 0);
        else if (word.len > 1 && word.ptr[0] == '-' && str_eq_z(str_sub(word, 1, word.len), field))
            return false;
    }
    return wanted;
}

bool field_filter_is_lean(const struct field_filter *filter)
{
    struct str list = filter->list;

    while (list.len > 0) {
        struct str rest = {NULL, 0};
        struct str word = str_trim(str_cut(list, ',', &rest));

        list = rest;
        if (word.len > 0 && !str_eq_z(word, "id") && !str_eq_z(word, "key"))
            return false;
    }
    return true;
}

/* An object being filled with the fields that are wanted. */
struct field_writer {
    struct strbuf *buf;
    const struct field_filter *filter;
    bool any;
};

/* Begins a field: true when its value is to follow. */
static bool begin(struct field_writer *writer, const char *name)
{
    if (!field_filter_wants(writer->filter, name))
        return false;
    strbuf_add_z(writer->buf, writer->any ? ",\"" : "\"");
    strbuf_add_z(writer->buf, name);
    strbuf_add_z(writer->buf, "\":");
    writer->any = true;
    return true;
}

/* ---- Parts ---- */

/* Made up from the id where nothing was recorded; then it stands in `room`. */
static struct str issue_summary(const struct site *site, uint32_t at, struct strbuf *room)
{
    const struct issue *issue = &site->issues[at];
    static const char *const things[] = {"Login page",   "Export",        "Invoice list",
                                         "Search index", "Mobile layout", "Backup job",
                                         "Rate limits"};
    static const char *const states[] = {"fails for some users", "should be faster", "needs a test",
                                         "shows the wrong total", "must work without network"};

    if (issue->summary.ptr)
        return issue->summary;
    strbuf_addf(room, "%s %s (%" PRId64 ")", things[(size_t)issue->id % ARRAY_LEN(things)],
                states[(size_t)issue->id / ARRAY_LEN(things) % ARRAY_LEN(states)], issue->id);
    return strbuf_str(room);
}

static void put_summary(struct strbuf *buf, const struct site *site, uint32_t issue)
{
    struct strbuf room AUTO(strbuf_done) = STRBUF_INIT(256);

    put_json_text(buf, issue_summary(site, issue, &room));
}

static void put_stamp(struct strbuf *buf, int64_t ms)
{
    strbuf_add_char(buf, '"');
    show_stamp(buf, ms, 0);
    strbuf_add_char(buf, '"');
}

static void put_priority(struct strbuf *buf, const struct site *site, int version)
{
    strbuf_addf(buf,
                "{\"self\":\"%s/rest/api/%d/priority/3\",\"iconUrl\":\"%s/images/icons/priorities/"
                "medium.svg\",\"name\":\"Medium\",\"id\":\"3\"}",
                site->base_url, version, site->base_url);
}

void show_project(struct strbuf *buf, const struct site *site, uint32_t at, int version, bool whole)
{
    const struct project *project = &site->projects[at];

    if (project->recorded.ptr) {
        show_recorded_text(buf, site, project->recorded, version);
        return;
    }
    strbuf_addf(buf,
                "{\"self\":\"%s/rest/api/%d/project/%" PRId64 "\",\"id\":\"%" PRId64 "\",\"key\":",
                site->base_url, version, project->id, project->id);
    put_json_text(buf, project->key);
    strbuf_add_z(buf, ",\"name\":");
    put_json_text(buf, project->name);
    strbuf_addf(
        buf,
        ",\"projectTypeKey\":\"software\",\"simplified\":false,\"avatarUrls\":{\"48x48\":\"%s/"
        "avatar/48\",\"24x24\":\"%s/avatar/24\",\"16x16\":\"%s/avatar/16\",\"32x32\":\"%s/"
        "avatar/32\"}",
        site->base_url, site->base_url, site->base_url, site->base_url);
    if (whole) {
        strbuf_add_z(buf,
                     ",\"style\":\"classic\",\"isPrivate\":false,\"description\":\"\",\"lead\":");
        show_author(buf, site, project->lead, version);
        strbuf_add_z(buf, ",\"expand\":\"description,lead,issueTypes,url,projectKeys,permissions,"
                          "insight\"");
    }
    strbuf_add_char(buf, '}');
}

static void put_worklogs(struct strbuf *buf, const struct site *site, const struct issue *issue,
                         int version)
{
    size_t total = 0;

    strbuf_add_z(buf, "{\"startAt\":0,\"maxResults\":20,\"worklogs\":[");
    for (uint32_t row = issue->first_row; row != NONE; row = site->worklogs[row].next) {
        if (!worklog_is_visible(site, &site->worklogs[row]))
            continue;
        if (total < EMBEDDED_WORKLOGS) {
            strbuf_add_z(buf, total ? "," : "");
            show_worklog(buf, site, &site->worklogs[row], version, false);
        }
        total++;
    }
    strbuf_addf(buf, "],\"total\":%zu}", total);
}

int64_t issue_time_spent(const struct site *site, const struct issue *issue)
{
    int64_t seconds = 0;

    for (uint32_t row = issue->first_row; row != NONE; row = site->worklogs[row].next)
        if (worklog_is_live(site, &site->worklogs[row]))
            seconds += site->worklogs[row].seconds;
    return seconds;
}

static void put_time_tracking(struct strbuf *buf, int64_t spent, int64_t left)
{
    if (spent == 0 && left == 0) {
        strbuf_add_z(buf, "{}");
        return;
    }
    strbuf_add_z(buf, "{\"remainingEstimate\":\"");
    if (left > 0)
        show_duration(buf, left);
    else
        strbuf_add_z(buf, "0m");
    strbuf_addf(buf, "\",\"remainingEstimateSeconds\":%" PRId64, left);
    if (spent > 0) {
        strbuf_add_z(buf, ",\"timeSpent\":\"");
        show_duration(buf, spent);
        strbuf_addf(buf, "\",\"timeSpentSeconds\":%" PRId64, spent);
    }
    strbuf_add_char(buf, '}');
}

static void put_comments(struct strbuf *buf, const struct site *site, uint32_t issue, int version)
{
    size_t total = 0;

    strbuf_add_z(buf, "{\"comments\":[");
    for (size_t i = 0; i < site->comments.count; i++) {
        const struct item *comment = &site->comments.rows[i];

        if (comment->issue != issue || comment->deleted)
            continue;
        strbuf_add_z(buf, total++ ? "," : "");
        show_comment(buf, site, comment, version);
    }
    strbuf_addf(buf,
                "],\"self\":\"%s/rest/api/%d/issue/%" PRId64
                "/comment\",\"maxResults\":%zu,\"total\":%zu,\"startAt\":0}",
                site->base_url, version, site->issues[issue].id, total, total);
}

/* The members of a recorded array, without the brackets. True when there were any. */
static bool put_recorded_members(struct strbuf *buf, const struct site *site, yyjson_val *array,
                                 int version)
{
    size_t at, max;
    yyjson_val *item;

    yyjson_arr_foreach(array, at, max, item)
    {
        strbuf_add_z(buf, at ? "," : "");
        show_recorded(buf, site, item, version);
    }
    return yyjson_arr_size(array) > 0;
}

static void put_attachments(struct strbuf *buf, const struct site *site, uint32_t issue,
                            yyjson_val *recorded, int version)
{
    strbuf_add_char(buf, '[');

    bool any = put_recorded_members(buf, site, recorded, version);

    for (size_t i = 0; i < site->attachments.count; i++) {
        if (site->attachments.rows[i].issue != issue || site->attachments.rows[i].deleted)
            continue;
        strbuf_add_z(buf, any ? "," : "");
        show_attachment(buf, site, &site->attachments.rows[i], version, false);
        any = true;
    }
    strbuf_add_char(buf, ']');
}

static void put_links(struct strbuf *buf, const struct site *site, uint32_t issue,
                      yyjson_val *recorded, int version)
{
    strbuf_add_char(buf, '[');

    bool any = put_recorded_members(buf, site, recorded, version);

    for (size_t i = 0; i < site->links.count; i++) {
        const struct item *link = &site->links.rows[i];

        if (link->deleted || (link->issue != issue && link->other != issue))
            continue;
        strbuf_add_z(buf, any ? "," : "");
        show_link(buf, site, link, issue, version);
        any = true;
    }
    strbuf_add_char(buf, ']');
}

static void put_person(struct strbuf *buf, const struct site *site, uint32_t user, int version)
{
    if (user == NONE)
        strbuf_add_z(buf, "null");
    else
        show_author(buf, site, user, version);
}

/* ---- Issues ---- */

/* The fields whose state is kept here, for made-up and for recorded issues alike. */
static void put_living_fields(struct field_writer *writer, const struct site *site, uint32_t at,
                              yyjson_val *recorded, int version)
{
    const struct issue *issue = &site->issues[at];

    if (begin(writer, "worklog"))
        put_worklogs(writer->buf, site, issue, version);
    if (begin(writer, "comment"))
        put_comments(writer->buf, site, at, version);
    if (begin(writer, "attachment"))
        put_attachments(writer->buf, site, at, yyjson_obj_get(recorded, "attachment"), version);
    if (begin(writer, "issuelinks"))
        put_links(writer->buf, site, at, yyjson_obj_get(recorded, "issuelinks"), version);
}

static void put_made_up_fields(struct field_writer *writer, const struct site *site, uint32_t at,
                               int version)
{
    static const char *const empty_lists[] = {"labels", "components", "fixVersions", "versions",
                                              "subtasks"};
    static const char *const nulls[] = {
        "resolution",           "resolutiondate",    "duedate",          "environment",
        "timeoriginalestimate", "customfield_10016", "customfield_10020"};
    const struct issue *issue = &site->issues[at];
    struct strbuf *buf = writer->buf;

    if (begin(writer, "summary"))
        put_summary(buf, site, at);
    if (begin(writer, "issuetype"))
        show_recorded_text(buf, site, site->types.rows[issue->type].json, version);
    if (begin(writer, "project"))
        show_project(buf, site, issue->project, version, false);
    if (begin(writer, "status"))
        show_recorded_text(buf, site, site->statuses.rows[issue->status].json, version);
    if (begin(writer, "priority"))
        put_priority(buf, site, version);
    if (begin(writer, "assignee"))
        put_person(buf, site, issue->assignee, version);
    if (begin(writer, "reporter"))
        put_person(buf, site, issue->reporter, version);
    if (begin(writer, "creator"))
        put_person(buf, site, issue->reporter, version);
    if (begin(writer, "created"))
        put_stamp(buf, issue->created_ms);
    if (begin(writer, "updated"))
        put_stamp(buf, issue->updated_ms);
    if (begin(writer, "description"))
        show_text(buf, STR("Steps, expectation and what happened instead."), false, version);
    if (begin(writer, "timespent"))
        strbuf_add_i64(buf, issue_time_spent(site, issue));
    if (begin(writer, "timetracking"))
        put_time_tracking(buf, issue_time_spent(site, issue), issue->estimate_s);
    for (size_t i = 0; i < ARRAY_LEN(empty_lists); i++)
        if (begin(writer, empty_lists[i]))
            strbuf_add_z(buf, "[]");
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        if (begin(writer, nulls[i]))
            strbuf_add_z(buf, "null");
}

static bool is_living(struct str name)
{
    return str_eq_z(name, "worklog") || str_eq_z(name, "comment") || str_eq_z(name, "attachment") ||
           str_eq_z(name, "issuelinks");
}

static void put_recorded_fields(struct field_writer *writer, const struct site *site,
                                yyjson_val *fields, int version)
{
    size_t at, max;
    yyjson_val *key, *item;

    yyjson_obj_foreach(fields, at, max, key, item)
    {
        struct str name = {yyjson_get_str(key), yyjson_get_len(key)};
        bool is_text = str_eq_z(name, "description") || str_eq_z(name, "environment");

        if (is_living(name) || !begin(writer, yyjson_get_str(key)))
            continue;
        if (is_text && yyjson_is_str(item)) /* recorded by REST v2 */
            show_text(writer->buf, (struct str){yyjson_get_str(item), yyjson_get_len(item)}, false,
                      version);
        else
            show_recorded(writer->buf, site, item, version);
    }
}

static void put_changelog(struct strbuf *buf, const struct site *site, yyjson_val *recorded,
                          int version)
{
    strbuf_add_z(buf, ",\"changelog\":");
    if (recorded)
        show_recorded(buf, site, recorded, version);
    else
        strbuf_add_z(buf, "{\"startAt\":0,\"maxResults\":0,\"total\":0,\"histories\":[]}");
}

void show_issue(struct strbuf *buf, const struct site *site, uint32_t at, int version,
                const struct field_filter *filter, bool with_changelog)
{
    const struct issue *issue = &site->issues[at];
    struct field_writer writer = {.buf = buf, .filter = filter};
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};

    if (issue->recorded.ptr && json_read(issue->recorded, "a recorded issue", &doc, &err) != ERR_OK)
        doc = NULL;

    yyjson_val *fields = yyjson_obj_get(yyjson_doc_get_root(doc), "fields");

    strbuf_addf(buf,
                "{\"expand\":\"operations,versionedRepresentations,editmeta,changelog,"
                "renderedFields\",\"id\":\"%" PRId64 "\",\"self\":\"%s/rest/api/%d/issue/%" PRId64
                "\",\"key\":",
                issue->id, site->base_url, version, issue->id);
    put_json_text(buf, issue->key);
    if (with_changelog)
        put_changelog(buf, site, yyjson_obj_get(yyjson_doc_get_root(doc), "changelog"), version);
    if (!field_filter_is_lean(filter)) {
        strbuf_add_z(buf, ",\"fields\":{");
        if (fields)
            put_recorded_fields(&writer, site, fields, version);
        else
            put_made_up_fields(&writer, site, at, version);
        put_living_fields(&writer, site, at, fields, version);
        strbuf_add_char(buf, '}');
    }
    strbuf_add_char(buf, '}');
}

void show_issue_short(struct strbuf *buf, const struct site *site, uint32_t at, int version)
{
    const struct issue *issue = &site->issues[at];

    strbuf_addf(buf,
                "{\"id\":\"%" PRId64 "\",\"self\":\"%s/rest/api/%d/issue/%" PRId64 "\",\"key\":",
                issue->id, site->base_url, version, issue->id);
    put_json_text(buf, issue->key);
    strbuf_add_z(buf, ",\"fields\":{\"summary\":");
    put_summary(buf, site, at);
    strbuf_add_z(buf, ",\"status\":");
    show_recorded_text(buf, site, site->statuses.rows[issue->status].json, version);
    strbuf_add_z(buf, ",\"priority\":");
    put_priority(buf, site, version);
    strbuf_add_z(buf, ",\"issuetype\":");
    show_recorded_text(buf, site, site->types.rows[issue->type].json, version);
    strbuf_add_z(buf, "}}");
}
