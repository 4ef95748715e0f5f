/*
 * api_content.c: comments, attachments, links between issues and to elsewhere.
 * Facts: attachments, comments, links, properties.
 */
#include <inttypes.h>

#include "api.h"
#include "hooks.h"

#define COMMENTS_DEFAULT 100
#define COMMENTS_MAX 5000
#define COMMENT_IDS_MAX 1000
#define UPLOAD_BYTES_MAX ((size_t)10 << 20) /* of one file; told by /attachment/meta */
#define UPLOAD_FILES_MAX 60
#define GLOBAL_ID_BYTES 255

static struct str write_json(struct site *site, yyjson_val *value)
{
    size_t len = 0;
    char *text = yyjson_val_write(value, 0, &len);
    struct str kept = {NULL, 0};

    if (text)
        kept = site_keep(site, (struct str){text, len});
    free(text);
    return kept;
}

/* The living item of that id (and issue, unless NONE); NULL: 404 is in the exchange. */
static struct item *find_item(struct http_exchange *ex, struct items *items, struct str id_text,
                              uint32_t issue)
{
    int64_t id = 0;

    if (parse_i64(id_text, 0, INT64_MAX, &id))
        for (size_t i = 0; i < items->count; i++)
            if (items->rows[i].id == id && !items->rows[i].deleted &&
                (issue == NONE || items->rows[i].issue == issue))
                return &items->rows[i];
    api_error(ex, 404, "Nothing was found with the id '" STR_FMT "'.", STR_ARG(id_text));
    return NULL;
}

/* ---- Comments ---- */

/* Body and visibility of a request. False: 400 is in the exchange. */
static bool read_comment(struct http_exchange *ex, yyjson_val *body, struct item *ret)
{
    yyjson_val *text = yyjson_obj_get(body, "body");
    yyjson_val *visibility = yyjson_obj_get(body, "visibility");
    bool adf = api_call(ex)->version == 3;

    if (adf ? !adf_is_document(text) : !yyjson_is_str(text) || yyjson_get_len(text) == 0) {
        api_field_error(ex, 400, "comment", "Comment body can not be empty!");
        return false;
    }
    ret->text_is_adf = adf;
    ret->text =
        adf ? write_json(api_site(ex), text) : site_keep(api_site(ex), json_str(body, "body"));
    if (yyjson_is_obj(visibility))
        ret->json = write_json(api_site(ex), visibility);
    return true;
}

void api_comments(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct call *call = api_call(ex);
    int64_t start = 0, limit = COMMENTS_DEFAULT;
    bool newest_first = str_eq_z(http_in_query(ex, "orderBy"), "-created");
    size_t total = 0, seen = 0;

    if (!api_query_i64(ex, "startAt", 0, &start) ||
        !api_query_i64(ex, "maxResults", COMMENTS_DEFAULT, &limit))
        return;
    if (limit < 0 || limit > COMMENTS_MAX)
        limit = COMMENTS_MAX;

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);

    if (issue == NONE)
        return;
    for (size_t i = 0; i < site->comments.count; i++)
        total += site->comments.rows[i].issue == issue && !site->comments.rows[i].deleted;
    strbuf_addf(&ex->out,
                "{\"startAt\":%" PRId64 ",\"maxResults\":%" PRId64 ",\"total\":%zu,\"comments\":[",
                start, limit, total);
    for (size_t i = 0; i < site->comments.count; i++) { /* kept in the order of creation */
        const struct item *comment =
            &site->comments.rows[newest_first ? site->comments.count - 1 - i : i];

        if (comment->issue != issue || comment->deleted || (int64_t)seen++ < start ||
            call->objects >= limit)
            continue;
        strbuf_add_z(&ex->out, call->objects++ ? "," : "");
        show_comment(&ex->out, site, comment, call->version);
    }
    strbuf_add_z(&ex->out, "]}");
}

void api_comment_add(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct item item = {.other = NONE, .author = SITE_USER_SELF};
    uint32_t at;

    if (!api_body(ex, &doc))
        return;

    SITE_WRITE(site);
    item.issue = api_issue_for_write(ex, ex->params[1]);
    if (item.issue == NONE || !read_comment(ex, yyjson_doc_get_root(doc), &item))
        return;
    item.id = site->next_item_id++;
    item.created_ms = item.updated_ms = site_now_ms(site);
    at = items_add(&site->comments, &item);
    if (at == NONE) {
        api_error(ex, 503, "out of memory");
        return;
    }
    site->issues[item.issue].updated_ms = item.created_ms;
    ex->status = 201;
    show_comment(&ex->out, site, &site->comments.rows[at], api_call(ex)->version);
    hooks_comment(api_sandbox(ex)->hooks, site, &site->comments.rows[at]);
}

void api_comment_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);
    const struct item *comment =
        issue == NONE ? NULL : find_item(ex, &site->comments, ex->params[2], issue);

    if (comment)
        show_comment(&ex->out, site, comment, api_call(ex)->version);
}

void api_comment_update(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;

    if (!api_body(ex, &doc))
        return;

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    struct item *comment =
        issue == NONE ? NULL : find_item(ex, &site->comments, ex->params[2], issue);

    if (!comment || !read_comment(ex, yyjson_doc_get_root(doc), comment))
        return;
    comment->updated_ms = site_now_ms(site);
    show_comment(&ex->out, site, comment, api_call(ex)->version);
}

void api_comment_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    struct item *comment =
        issue == NONE ? NULL : find_item(ex, &site->comments, ex->params[2], issue);

    if (!comment)
        return;
    comment->deleted = true;
    api_empty(ex, 204);
}

static bool holds_id(yyjson_val *ids, int64_t id)
{
    size_t at, max;
    yyjson_val *item;

    yyjson_arr_foreach(ids, at, max, item)
    {
        if (yyjson_get_sint(item) == id)
            return true;
    }
    return false;
}

void api_comment_list(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct call *call = api_call(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct strbuf values AUTO(strbuf_done) = STRBUF_INIT((size_t)64 << 20);
    yyjson_val *ids;

    if (!api_body(ex, &doc))
        return;
    ids = yyjson_obj_get(yyjson_doc_get_root(doc), "ids");
    if (yyjson_arr_size(ids) == 0 || yyjson_arr_size(ids) > COMMENT_IDS_MAX) {
        api_error(ex, 400, "The list of comment ids must have 1 to %d entries.", COMMENT_IDS_MAX);
        return;
    }

    SITE_READ(site);
    for (size_t i = 0; i < site->comments.count; i++) {
        const struct item *comment = &site->comments.rows[i];

        if (comment->deleted || site->issues[comment->issue].deleted ||
            site->issues[comment->issue].hidden || !holds_id(ids, comment->id))
            continue;
        strbuf_add_z(&values, call->objects++ ? "," : "");
        show_comment(&values, site, comment, call->version);
    }
    strbuf_addf(&ex->out,
                "{\"startAt\":0,\"maxResults\":%d,\"total\":%" PRId64
                ",\"isLast\":true,\"values\":[",
                COMMENT_IDS_MAX, call->objects);
    strbuf_add_str(&ex->out, strbuf_str(&values));
    strbuf_add_z(&ex->out, "]}");
}

/* ---- Attachments ---- */

void api_attachment_meta(struct http_exchange *ex)
{
    strbuf_addf(&ex->out, "{\"enabled\":true,\"uploadLimit\":%zu}", UPLOAD_BYTES_MAX);
}

/* A parameter of a header value: `name="value"` or name=value. */
static struct str header_param(struct str header, const char *name)
{
    struct str rest = header;

    while (rest.len > 0) {
        struct str value = {NULL, 0};
        struct str part = str_trim(str_cut(rest, ';', &rest));
        struct str key = str_cut(part, '=', &value);

        if (!str_eq_nocase(str_trim(key), str_from(name)))
            continue;
        value = str_trim(value);
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = str_sub(value, 1, value.len - 2);
        return value;
    }
    return (struct str){NULL, 0};
}

static bool find_text(struct str in, struct str what, size_t *ret_at)
{
    const char *hit = in.len && what.len ? memmem(in.ptr, in.len, what.ptr, what.len) : NULL;

    if (!hit)
        return false;
    *ret_at = (size_t)(hit - in.ptr);
    return true;
}

/* The next part of a multipart body (RFC 2046): its head lines and its content. */
static bool next_part(struct str *body, struct str boundary, struct str *ret_head,
                      struct str *ret_content)
{
    size_t at = 0, end = 0;

    if (!find_text(*body, boundary, &at))
        return false;
    *body = str_sub(*body, at + boundary.len, body->len);
    if (!str_starts(*body, STR("\r\n")) || !find_text(*body, STR("\r\n\r\n"), &at))
        return false;
    *ret_head = str_sub(*body, 2, at - 2);
    *body = str_sub(*body, at + 4, body->len);
    if (!find_text(*body, boundary, &end) || end < 2)
        return false;
    *ret_content = str_sub(*body, 0, end - 2); /* the line break belongs to the boundary */
    *body = str_sub(*body, end, body->len);
    return true;
}

/* The value of a header among head lines. */
static struct str head_value(struct str head, const char *name)
{
    while (head.len > 0) {
        struct str rest = {NULL, 0}, value = {NULL, 0};
        struct str line = str_cut(head, '\n', &rest);
        struct str key = str_cut(line, ':', &value);

        if (str_eq_nocase(str_trim(key), str_from(name)))
            return str_trim(value);
        head = rest;
    }
    return (struct str){NULL, 0};
}

/* One uploaded file. False: the error is in the exchange. */
static bool add_file(struct http_exchange *ex, uint32_t issue, struct str head, struct str content)
{
    struct site *site = api_site(ex);
    struct str disposition = head_value(head, "Content-Disposition");
    struct str type = head_value(head, "Content-Type");
    struct item item = {.issue = issue, .other = NONE, .author = SITE_USER_SELF};

    if (!str_eq_z(header_param(disposition, "name"), "file"))
        return true; /* other fields are passed over */
    if (content.len > UPLOAD_BYTES_MAX) {
        api_error(ex, 413, "The file is larger than the limit of %zu bytes.", UPLOAD_BYTES_MAX);
        return false;
    }
    item.key = site_keep(site, header_param(disposition, "filename"));
    item.json = site_keep(site, type.len ? type : STR("application/octet-stream"));
    item.text = site_keep(site, content);
    item.id = site->next_item_id++;
    item.created_ms = site_now_ms(site);
    if (!item.text.ptr || items_add(&site->attachments, &item) == NONE) {
        api_error(ex, 503, "out of memory");
        return false;
    }
    return true;
}

void api_attachments_add(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct str type = http_in_header(ex, "Content-Type"), head, content, body = ex->body;
    char boundary[80];
    int files = 0;

    if (!str_eq_nocase(http_in_header(ex, "X-Atlassian-Token"), STR("no-check"))) {
        api_error(ex, 403, "XSRF check failed");
        return;
    }
    if (!str_starts(type, STR("multipart/form-data")) || header_param(type, "boundary").len == 0 ||
        header_param(type, "boundary").len > 70) {
        api_error(ex, 415, "Unsupported Media Type");
        return;
    }
    (void)snprintf(boundary, sizeof(boundary), "--" STR_FMT,
                   STR_ARG(header_param(type, "boundary")));

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    size_t first = site->attachments.count;

    if (issue == NONE)
        return;
    while (next_part(&body, str_from(boundary), &head, &content)) {
        if (++files > UPLOAD_FILES_MAX) {
            api_error(ex, 413, "At most %d files can be uploaded at once.", UPLOAD_FILES_MAX);
            return;
        }
        if (!add_file(ex, issue, head, content))
            return;
    }
    strbuf_add_char(&ex->out, '[');
    for (size_t i = first; i < site->attachments.count; i++) {
        strbuf_add_z(&ex->out, i > first ? "," : "");
        show_attachment(&ex->out, site, &site->attachments.rows[i], api_call(ex)->version, false);
    }
    strbuf_add_char(&ex->out, ']');
}

void api_attachment_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    const struct item *attachment = find_item(ex, &site->attachments, ex->params[1], NONE);

    if (attachment)
        show_attachment(&ex->out, site, attachment, api_call(ex)->version, true);
}

void api_attachment_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_WRITE(site);
    struct item *attachment = find_item(ex, &site->attachments, ex->params[1], NONE);

    if (!attachment)
        return;
    attachment->deleted = true;
    api_empty(ex, 204);
}

/* "bytes=A-B", "bytes=A-", "bytes=-N" of one range. False: 416. */
static bool parse_range(struct str range, size_t size, size_t *ret_from, size_t *ret_to)
{
    struct str last = {NULL, 0}, first;
    int64_t from = 0, to = (int64_t)size - 1, tail = 0;

    if (!str_starts(range, STR("bytes=")))
        return false;
    first = str_cut(str_sub(range, 6, range.len), '-', &last);
    if (first.len == 0) {
        if (!parse_i64(last, 1, INT64_MAX, &tail))
            return false;
        from = tail > (int64_t)size ? 0 : (int64_t)size - tail;
    } else if (!parse_i64(first, 0, INT64_MAX, &from) ||
               (last.len > 0 && !parse_i64(last, from, INT64_MAX, &to))) {
        return false;
    }
    if (to > (int64_t)size - 1)
        to = (int64_t)size - 1;
    if (from > to)
        return false;
    *ret_from = (size_t)from;
    *ret_to = (size_t)to;
    return true;
}

static void send_bytes(struct http_exchange *ex, const struct item *attachment)
{
    struct str range = http_in_header(ex, "Range");
    size_t size = attachment->text.len, from = 0, to = size;
    char text[96];

    ex->content_type = arena_dup_z(ex->arena, attachment->json);
    if (range.len == 0) {
        strbuf_add_str(&ex->out, attachment->text);
        return;
    }
    if (!parse_range(range, size, &from, &to)) {
        api_error(ex, 416, "Range Not Satisfiable");
        return;
    }
    ex->status = 206;
    (void)snprintf(text, sizeof(text), "bytes %zu-%zu/%zu", from, to, size);
    http_out_header(ex, "Content-Range", text);
    strbuf_add_str(&ex->out, str_sub(attachment->text, from, to - from + 1));
}

/* What makes the link to the bytes good without a credential. */
static uint64_t media_token(const struct item *attachment)
{
    return mix64((uint64_t)attachment->id, (uint64_t)attachment->created_ms);
}

void api_attachment_content(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    char link[512];

    SITE_READ(site);
    const struct item *attachment = find_item(ex, &site->attachments, ex->params[1], NONE);

    if (!attachment)
        return;
    if (!api_query_bool(ex, "redirect", true)) {
        send_bytes(ex, attachment);
        return;
    }
    (void)snprintf(link, sizeof(link),
                   "%s/media/file/%" PRId64 "/binary?token=%016" PRIx64 "&client=sandbox",
                   site->base_url, attachment->id, media_token(attachment));
    http_out_header(ex, "Location", link);
    api_empty(ex, 303);
}

void media_content(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    char token[20];

    SITE_READ(site);
    const struct item *attachment = find_item(ex, &site->attachments, ex->params[0], NONE);

    if (!attachment)
        return;
    (void)snprintf(token, sizeof(token), "%016" PRIx64, media_token(attachment));
    if (http_in_header(ex, "Authorization").len > 0)
        api_error(ex, 400, "The credential of Jira was sent to the media host.");
    else if (!str_eq_z(http_in_query(ex, "token"), token))
        api_error(ex, 403, "The link is not valid.");
    else
        send_bytes(ex, attachment);
}

/* ---- Links between issues ---- */

void api_link_types(struct http_exchange *ex)
{
    strbuf_add_z(&ex->out, "{\"issueLinkTypes\":[");
    for (size_t i = 0; i < link_type_count; i++) {
        strbuf_add_z(&ex->out, i ? "," : "");
        show_link_type(&ex->out, api_site(ex), &link_types[i], api_call(ex)->version);
    }
    strbuf_add_z(&ex->out, "]}");
}

void api_link_type_get(struct http_exchange *ex)
{
    int64_t id = 0;

    for (size_t i = 0; parse_i64(ex->params[1], 0, INT64_MAX, &id) && i < link_type_count; i++) {
        if (link_types[i].id == id) {
            show_link_type(&ex->out, api_site(ex), &link_types[i], api_call(ex)->version);
            return;
        }
    }
    api_error(ex, 404, "No issue link type with id '" STR_FMT "' found.", STR_ARG(ex->params[1]));
}

static bool find_type(yyjson_val *type, uint32_t *ret)
{
    int64_t id = 0;
    bool has_id = json_i64(type, "id", &id);

    for (size_t i = 0; i < link_type_count; i++) {
        if ((has_id && link_types[i].id == id) ||
            str_eq_nocase(json_str(type, "name"), str_from(link_types[i].name))) {
            *ret = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* {"id":…} or {"key":…}. NONE: 404 is in the exchange. */
static uint32_t linked_issue(struct http_exchange *ex, yyjson_val *issue)
{
    struct str name = json_str(issue, "key").len ? json_str(issue, "key") : json_str(issue, "id");

    return api_issue(ex, name);
}

void api_link_add(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct item item = {.author = SITE_USER_SELF};
    yyjson_val *body;

    if (!api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);

    SITE_WRITE(site);
    if (!find_type(yyjson_obj_get(body, "type"), &item.kind)) {
        api_error(ex, 404, "No issue link type with that name or id was found.");
        return;
    }
    item.issue = linked_issue(ex, yyjson_obj_get(body, "inwardIssue"));
    item.other = item.issue == NONE ? NONE : linked_issue(ex, yyjson_obj_get(body, "outwardIssue"));
    if (item.other == NONE)
        return;
    for (size_t i = 0; i < site->links.count; i++) {
        const struct item *there = &site->links.rows[i];

        if (!there->deleted && there->issue == item.issue && there->other == item.other &&
            there->kind == item.kind) {
            api_empty(ex, 201); /* a second one is answered like the first */
            return;
        }
    }
    item.id = site->next_item_id++;
    item.created_ms = site_now_ms(site);
    if (items_add(&site->links, &item) == NONE)
        api_error(ex, 503, "out of memory");
    else
        api_empty(ex, 201); /* neither a body nor an id */
}

void api_link_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    const struct item *link = find_item(ex, &site->links, ex->params[1], NONE);

    if (link)
        show_link(&ex->out, site, link, NONE, api_call(ex)->version);
}

void api_link_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_WRITE(site);
    struct item *link = find_item(ex, &site->links, ex->params[1], NONE);

    if (!link)
        return;
    link->deleted = true;
    api_empty(ex, 204);
}

/* ---- Links to elsewhere ---- */

void api_remote_links(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct str wanted = http_in_query(ex, "globalId");
    size_t shown = 0;

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);

    if (issue == NONE)
        return;
    strbuf_add_z(&ex->out, wanted.len ? "" : "[");
    for (size_t i = 0; i < site->remote_links.count; i++) {
        const struct item *link = &site->remote_links.rows[i];

        if (link->issue != issue || link->deleted || (wanted.len && !str_eq(link->key, wanted)))
            continue;
        strbuf_add_z(&ex->out, shown++ ? "," : "");
        show_remote_link(&ex->out, site, link, api_call(ex)->version);
    }
    strbuf_add_z(&ex->out, wanted.len ? "" : "]");
    if (wanted.len && shown == 0)
        api_error(ex, 404, "No remote issue link with that globalId exists.");
}

void api_remote_link_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);
    const struct item *link =
        issue == NONE ? NULL : find_item(ex, &site->remote_links, ex->params[2], issue);

    if (link)
        show_remote_link(&ex->out, site, link, api_call(ex)->version);
}

/* False: 400 is in the exchange. */
static bool check_remote_link(struct http_exchange *ex, yyjson_val *body)
{
    yyjson_val *object = yyjson_obj_get(body, "object");

    if (json_str(object, "url").len == 0 || json_str(object, "title").len == 0) {
        api_field_error(ex, 400, json_str(object, "url").len ? "title" : "url",
                        "The remote link needs an object with url and title.");
        return false;
    }
    if (json_str(body, "globalId").len > GLOBAL_ID_BYTES) {
        api_field_error(ex, 400, "globalId", "globalId may have %d characters.", GLOBAL_ID_BYTES);
        return false;
    }
    return true;
}

void api_remote_link_put(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct item item = {.other = NONE, .author = SITE_USER_SELF};
    struct item *there = NULL;
    yyjson_val *body;

    if (!api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);

    SITE_WRITE(site);
    item.issue = api_issue_for_write(ex, ex->params[1]);
    if (item.issue == NONE || !check_remote_link(ex, body))
        return;
    item.key = site_keep(site, json_str(body, "globalId"));
    for (size_t i = 0; item.key.len > 0 && i < site->remote_links.count; i++)
        if (site->remote_links.rows[i].issue == item.issue && !site->remote_links.rows[i].deleted &&
            str_eq(site->remote_links.rows[i].key, item.key))
            there = &site->remote_links.rows[i];
    ex->status = there ? 200 : 201;
    if (!there) {
        item.id = site->next_item_id++;

        uint32_t at = items_add(&site->remote_links, &item);

        there = at == NONE ? NULL : &site->remote_links.rows[at];
    }
    if (!there) {
        api_error(ex, 503, "out of memory");
        return;
    }
    there->json = write_json(site, body); /* what the body does not name is gone */
    strbuf_addf(
        &ex->out,
        "{\"id\":%" PRId64 ",\"self\":\"%s/rest/api/%d/issue/%" PRId64 "/remotelink/%" PRId64 "\"}",
        there->id, site->base_url, api_call(ex)->version, site->issues[item.issue].id, there->id);
}

void api_remote_link_update(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;

    if (!api_body(ex, &doc))
        return;

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    struct item *link =
        issue == NONE ? NULL : find_item(ex, &site->remote_links, ex->params[2], issue);

    if (!link || !check_remote_link(ex, yyjson_doc_get_root(doc)))
        return;
    link->json = write_json(site, yyjson_doc_get_root(doc));
    link->key = site_keep(site, json_str(yyjson_doc_get_root(doc), "globalId"));
    api_empty(ex, 204);
}

void api_remote_link_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_WRITE(site);
    uint32_t issue = api_issue(ex, ex->params[1]);
    struct item *link =
        issue == NONE ? NULL : find_item(ex, &site->remote_links, ex->params[2], issue);

    if (!link)
        return;
    link->deleted = true;
    api_empty(ex, 204);
}

void api_remote_links_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct str wanted = http_in_query(ex, "globalId");
    bool found = false;

    SITE_WRITE(site);
    uint32_t issue = api_issue(ex, ex->params[1]);

    if (issue == NONE)
        return;
    for (size_t i = 0; wanted.len > 0 && i < site->remote_links.count; i++) {
        struct item *link = &site->remote_links.rows[i];

        if (link->issue == issue && !link->deleted && str_eq(link->key, wanted))
            link->deleted = found = true;
    }
    if (found)
        api_empty(ex, 204);
    else
        api_error(ex, 404, "No remote issue link with that globalId exists.");
}
