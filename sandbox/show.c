/*
 * show.c: worklogs and people as JSON.
 *
 * The page of a thousand worklogs is what a sync spends its time on, so the common row is written
 * by appends into a buffer that was given its room beforehand; people are copied from text that was
 * rendered once. Rows that came from a recording are read again and shown member by member, so that
 * what the real site sent is what a client sees.
 */
#include "show.h"

#include <assert.h>

#include "base/civil.h"

#define TEXT_BYTES_MAX ((size_t)4 << 20) /* of one text as plain text */
#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY (8 * SECONDS_PER_HOUR) /* a working day, Jira's default */
#define SECONDS_PER_WEEK (5 * SECONDS_PER_DAY)

static void put_two(char *at, int32_t n)
{
    at[0] = (char)('0' + n / 10);
    at[1] = (char)('0' + n % 10);
}

void show_stamp(struct strbuf *buf, int64_t ms, int32_t offset_minutes)
{
    char text[CIVIL_STAMP_BYTES + 6];
    int32_t size = offset_minutes < 0 ? -offset_minutes : offset_minutes;

    civil_format_stamp(ms + offset_minutes * MS_PER_MINUTE, text);
    text[CIVIL_STAMP_BYTES - 1] = offset_minutes < 0 ? '-' : '+'; /* over the Z */
    put_two(text + CIVIL_STAMP_BYTES, size / 60);
    put_two(text + CIVIL_STAMP_BYTES + 2, size % 60);
    strbuf_add(buf, text, CIVIL_STAMP_BYTES + 4);
}

void show_duration(struct strbuf *buf, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {
        {SECONDS_PER_WEEK, 'w'}, {SECONDS_PER_DAY, 'd'}, {SECONDS_PER_HOUR, 'h'}, {60, 'm'}};
    bool first = true;

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        int64_t count = seconds / units[i].seconds;

        seconds %= units[i].seconds;
        if (count == 0)
            continue;
        if (!first)
            strbuf_add_char(buf, ' ');
        first = false;
        strbuf_add_i64(buf, count);
        strbuf_add_char(buf, units[i].letter);
    }
    if (first)
        strbuf_add_z(buf, "0m");
}

bool parse_duration(struct str text, int64_t *ret_seconds)
{
    int64_t total = 0;

    text = str_trim(text);
    while (text.len > 0) {
        struct str rest = {NULL, 0};
        struct str part = str_cut(text, ' ', &rest);
        int64_t count = 0, unit = 0;

        text = str_trim(rest);
        if (part.len < 2 || !parse_i64(str_sub(part, 0, part.len - 1), 0, 1000000, &count))
            return false;
        switch (part.ptr[part.len - 1]) {
        case 'w':
            unit = SECONDS_PER_WEEK;
            break;
        case 'd':
            unit = SECONDS_PER_DAY;
            break;
        case 'h':
            unit = SECONDS_PER_HOUR;
            break;
        case 'm':
            unit = 60;
            break;
        default:
            return false;
        }
        total += count * unit;
    }
    if (total <= 0)
        return false;
    *ret_seconds = total;
    return true;
}

void show_author(struct strbuf *buf, const struct site *site, uint32_t user, int version)
{
    strbuf_add_str(buf, site->users[user].author[version - 2]);
}

void show_properties(struct strbuf *buf, const struct property *list)
{
    strbuf_add_char(buf, '[');
    for (const struct property *at = list; at; at = at->next) {
        strbuf_add_z(buf, at == list ? "{\"key\":" : ",{\"key\":");
        put_json_text(buf, at->key);
        strbuf_add_z(buf, ",\"value\":");
        strbuf_add_str(buf, at->value);
        strbuf_add_char(buf, '}');
    }
    strbuf_add_char(buf, ']');
}

/* ---- Recorded values ---- */

/* The part of a link behind "https://host", when it is one into a REST API. */
static bool rest_path(struct str link, struct str *ret)
{
    struct str rest = {NULL, 0};

    if (str_starts(link, STR("https://")))
        rest = str_sub(link, 8, link.len);
    else if (str_starts(link, STR("http://")))
        rest = str_sub(link, 7, link.len);
    (void)str_cut(rest, '/', &rest);
    if (!str_starts(rest, STR("rest/")))
        return false;
    *ret = rest;
    return true;
}

static void put_recorded_text(struct strbuf *buf, const struct site *site, struct str text,
                              int version)
{
    static const struct str api = {"rest/api/2/", 11}, agile = {"rest/agile/1.0/", 15};
    struct strbuf link AUTO(strbuf_done) = STRBUF_INIT(16 * 1024);
    struct str path;

    if (!rest_path(text, &path)) {
        put_json_text(buf, text);
        return;
    }
    if (str_starts(path, api) || str_starts(path, STR("rest/api/3/")))
        strbuf_addf(&link, "%s/rest/api/%d/", site->base_url, version);
    else if (str_starts(path, agile)) /* the recording read issues by the board's API */
        strbuf_addf(&link, "%s/rest/api/%d/", site->base_url, version);
    else
        strbuf_addf(&link, "%s/", site->base_url);
    if (str_starts(path, agile))
        path = str_sub(path, agile.len, path.len);
    else if (str_starts(path, STR("rest/api/")))
        path = str_sub(path, api.len, path.len);
    strbuf_add_str(&link, path);
    put_json_text(buf, strbuf_str(&link));
}

void show_recorded(struct strbuf *buf, const struct site *site, yyjson_val *value, int version)
{
    size_t at, max;
    yyjson_val *key, *item;

    if (yyjson_is_obj(value)) {
        strbuf_add_char(buf, '{');
        yyjson_obj_foreach(value, at, max, key, item)
        {
            if (at > 0)
                strbuf_add_char(buf, ',');
            put_json_text(buf, (struct str){yyjson_get_str(key), yyjson_get_len(key)});
            strbuf_add_char(buf, ':');
            show_recorded(buf, site, item, version);
        }
        strbuf_add_char(buf, '}');
    } else if (yyjson_is_arr(value)) {
        strbuf_add_char(buf, '[');
        yyjson_arr_foreach(value, at, max, item)
        {
            if (at > 0)
                strbuf_add_char(buf, ',');
            show_recorded(buf, site, item, version);
        }
        strbuf_add_char(buf, ']');
    } else if (yyjson_is_str(value)) {
        put_recorded_text(buf, site, (struct str){yyjson_get_str(value), yyjson_get_len(value)},
                          version);
    } else {
        size_t len = 0;
        char *text = yyjson_val_write(value, 0, &len);

        strbuf_add(buf, text ? text : "null", text ? len : 4);
        free(text);
    }
}

void show_recorded_text(struct strbuf *buf, const struct site *site, struct str text, int version)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};

    if (text.len > 0 && json_read(text, "a recorded row", &doc, &err) == ERR_OK)
        show_recorded(buf, site, yyjson_doc_get_root(doc), version);
    else
        strbuf_add_z(buf, "null");
}

void show_text(struct strbuf *buf, struct str text, bool is_adf, int version)
{
    struct strbuf plain AUTO(strbuf_done) = STRBUF_INIT(TEXT_BYTES_MAX);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};

    if (version == 3 && is_adf) {
        strbuf_add_str(buf, text);
    } else if (version == 3) {
        adf_put_from_text(buf, text);
    } else if (is_adf) {
        if (json_read(text, "a stored text", &doc, &err) == ERR_OK)
            adf_put_plain(&plain, yyjson_doc_get_root(doc));
        put_json_text(buf, strbuf_str(&plain));
    } else {
        put_json_text(buf, text);
    }
}

/* ---- Worklogs ---- */

/* With the comma before it; nothing when there is none. */
static void put_comment(struct strbuf *buf, const struct site *site, const struct worklog *worklog,
                        int version)
{
    struct comment_people people = site_people(site);

    if (worklog->extra && worklog->extra->has_comment) {
        if (!worklog->extra->comment.ptr)
            return;
        strbuf_add_str(buf, STR(",\"comment\":"));
        show_text(buf, worklog->extra->comment, worklog->extra->comment_is_adf, version);
    } else if (worklog->comment != 0) {
        strbuf_add_str(buf, STR(",\"comment\":"));
        if (version == 3)
            comment_put_adf(buf, worklog->comment, &people);
        else
            comment_put_wiki_json(buf, worklog->comment, &people);
    }
}

static void put_visibility(struct strbuf *buf, const struct worklog *worklog)
{
    if (worklog->extra && worklog->extra->visibility.ptr) {
        strbuf_add_z(buf, ",\"visibility\":");
        strbuf_add_str(buf, worklog->extra->visibility);
    } else if (worklog->flags & WORKLOG_ROLE) {
        strbuf_add_z(buf, worklog->id % 2
                              ? ",\"visibility\":{\"type\":\"role\",\"value\":\"Administrators\","
                                "\"identifier\":\"10002\"}"
                              : ",\"visibility\":{\"type\":\"group\",\"value\":\"jira-developers\","
                                "\"identifier\":\"276f955c-63d7-42c8-9520-92d01dca0625\"}");
    }
}

static void put_self(struct strbuf *buf, const struct site *site, const struct worklog *worklog,
                     int version)
{
    strbuf_add_str(buf, STR("\"self\":\""));
    strbuf_add_z(buf, site->base_url);
    strbuf_add_str(buf, version == 3 ? STR("/rest/api/3/issue/") : STR("/rest/api/2/issue/"));
    strbuf_add_i64(buf, site->issues[worklog->issue].id);
    strbuf_add_str(buf, STR("/worklog/"));
    strbuf_add_i64(buf, worklog->id);
    strbuf_add_char(buf, '"');
}

static void put_stamp_member(struct strbuf *buf, struct str member, int64_t ms, int32_t offset)
{
    strbuf_add_str(buf, member);
    show_stamp(buf, ms, offset);
    strbuf_add_char(buf, '"');
}

/* Members that a change of the row overtakes are shown from the row, the rest as recorded. */
static bool put_recorded_worklog(struct strbuf *buf, const struct site *site,
                                 const struct worklog *worklog, int version)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};
    size_t at, max;
    yyjson_val *key, *item;
    bool edited = worklog->flags & WORKLOG_EDITED;
    int32_t offset = site->users[worklog->author].offset_minutes;

    if (json_read(worklog->extra->recorded, "a recorded worklog", &doc, &err) != ERR_OK)
        return false;
    strbuf_add_char(buf, '{');
    put_self(buf, site, worklog, version);
    yyjson_obj_foreach(yyjson_doc_get_root(doc), at, max, key, item)
    {
        struct str name = {yyjson_get_str(key), yyjson_get_len(key)};

        if (str_eq_z(name, "self") || str_eq_z(name, "comment"))
            continue;
        if (edited && (str_eq_z(name, "updated") || str_eq_z(name, "started") ||
                       str_eq_z(name, "timeSpent") || str_eq_z(name, "timeSpentSeconds") ||
                       str_eq_z(name, "updateAuthor")))
            continue;
        strbuf_add_char(buf, ',');
        put_json_text(buf, name);
        strbuf_add_char(buf, ':');
        if (site->datacenter && str_eq_z(name, "author"))
            show_author(buf, site, worklog->author, version);
        else if (site->datacenter && str_eq_z(name, "updateAuthor"))
            show_author(buf, site, worklog->update_author, version);
        else if (str_eq_z(name, "issueId"))
            strbuf_addf(buf, "\"%lld\"", (long long)site->issues[worklog->issue].id);
        else
            show_recorded(buf, site, item, version);
    }
    if (edited) {
        strbuf_add_z(buf, ",\"updateAuthor\":");
        show_author(buf, site, worklog->update_author, version);
        put_stamp_member(buf, STR(",\"updated\":\""), worklog->updated_ms, offset);
        put_stamp_member(buf, STR(",\"started\":\""), worklog->started_ms, offset);
        strbuf_add_z(buf, ",\"timeSpent\":\"");
        show_duration(buf, worklog->seconds);
        strbuf_addf(buf, "\",\"timeSpentSeconds\":%u", worklog->seconds);
    }
    put_comment(buf, site, worklog, version);
    return true;
}

static void put_plain_worklog(struct strbuf *buf, const struct site *site,
                              const struct worklog *worklog, int version)
{
    int32_t offset = site->users[worklog->author].offset_minutes;

    strbuf_add_char(buf, '{');
    put_self(buf, site, worklog, version);
    strbuf_add_str(buf, STR(",\"author\":"));
    show_author(buf, site, worklog->author, version);
    strbuf_add_str(buf, STR(",\"updateAuthor\":"));
    show_author(buf, site, worklog->update_author, version);
    put_comment(buf, site, worklog, version);
    put_stamp_member(buf, STR(",\"created\":\""), worklog->created_ms, offset);
    put_stamp_member(buf, STR(",\"updated\":\""), worklog->updated_ms, offset);
    put_visibility(buf, worklog);
    put_stamp_member(buf, STR(",\"started\":\""), worklog->started_ms, offset);
    strbuf_add_str(buf, STR(",\"timeSpent\":\""));
    show_duration(buf, worklog->seconds);
    strbuf_add_str(buf, STR("\",\"timeSpentSeconds\":"));
    strbuf_add_i64(buf, worklog->seconds);
    strbuf_add_str(buf, STR(",\"id\":\""));
    strbuf_add_i64(buf, worklog->id);
    strbuf_add_str(buf, STR("\",\"issueId\":\""));
    strbuf_add_i64(buf, site->issues[worklog->issue].id);
    strbuf_add_char(buf, '"');
}

void show_worklog(struct strbuf *buf, const struct site *site, const struct worklog *worklog,
                  int version, bool with_properties)
{
    assert(version == 2 || version == 3);

    bool recorded = worklog->extra && worklog->extra->recorded.ptr;

    if (!recorded || !put_recorded_worklog(buf, site, worklog, version))
        put_plain_worklog(buf, site, worklog, version);
    if (with_properties) {
        strbuf_add_z(buf, ",\"properties\":");
        show_properties(buf, worklog->extra ? worklog->extra->properties : NULL);
    }
    strbuf_add_char(buf, '}');
}

/* ---- For comparing ---- */

static void put_plain_comment(struct strbuf *buf, const struct site *site,
                              const struct worklog *worklog)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(TEXT_BYTES_MAX);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    const struct extra *extra = worklog->extra;
    struct comment_people people = site_people(site);
    struct err err = {0};

    if (extra && extra->has_comment) {
        if (!extra->comment_is_adf)
            strbuf_add_str(&text, extra->comment);
        else if (json_read(extra->comment, "a stored comment", &doc, &err) == ERR_OK)
            adf_put_plain(&text, yyjson_doc_get_root(doc));
    } else if (worklog->comment != 0) {
        comment_put_plain(&text, worklog->comment, &people);
    }

    struct str plain = strbuf_str(&text);

    while (plain.len > 0 && plain.ptr[plain.len - 1] == '\n')
        plain.len--;
    put_json_text(buf, plain);
}

void show_worklog_line(struct strbuf *buf, const struct site *site, const struct worklog *worklog)
{
    const struct user *author = &site->users[worklog->author];
    char started[CIVIL_STAMP_BYTES + 1], created[CIVIL_STAMP_BYTES + 1];
    char updated[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(worklog->started_ms, started);
    civil_format_stamp(worklog->created_ms, created);
    civil_format_stamp(worklog->updated_ms, updated);
    strbuf_addf(buf, "{\"id\":\"%lld\",\"issue\":\"%lld\",\"account\":", (long long)worklog->id,
                (long long)site->issues[worklog->issue].id);
    put_json_text(buf, site->datacenter ? author->key : author->account_id);
    strbuf_addf(buf,
                ",\"started\":\"%s\",\"created\":\"%s\",\"updated\":\"%s\",\"seconds\":%u,"
                "\"comment\":",
                started, created, updated, worklog->seconds);
    put_plain_comment(buf, site, worklog);
    strbuf_addf(buf, ",\"hidden\":%s}\n", worklog_is_visible(site, worklog) ? "false" : "true");
}
