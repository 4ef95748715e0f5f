/* show_content.c: comments, attachments and links as JSON. */
#include <inttypes.h>

#include "show.h"

const struct link_type link_types[] = {
    {10000, "Blocks", "is blocked by", "blocks"},
    {10001, "Cloners", "is cloned by", "clones"},
    {10002, "Duplicate", "is duplicated by", "duplicates"},
    {10003, "Relates", "relates to", "relates to"},
};
const size_t link_type_count = ARRAY_LEN(link_types);

static void put_stamp(struct strbuf *buf, const char *name, int64_t ms)
{
    strbuf_addf(buf, ",\"%s\":\"", name);
    show_stamp(buf, ms, 0);
    strbuf_add_char(buf, '"');
}

void show_comment(struct strbuf *buf, const struct site *site, const struct item *comment,
                  int version)
{
    strbuf_addf(buf,
                "{\"self\":\"%s/rest/api/%d/issue/%" PRId64 "/comment/%" PRId64
                "\",\"id\":\"%" PRId64 "\",\"author\":",
                site->base_url, version, site->issues[comment->issue].id, comment->id, comment->id);
    show_author(buf, site, comment->author, version);
    strbuf_add_z(buf, ",\"body\":");
    show_text(buf, comment->text, comment->text_is_adf, version);
    strbuf_add_z(buf, ",\"updateAuthor\":");
    show_author(buf, site, comment->author, version);
    put_stamp(buf, "created", comment->created_ms);
    put_stamp(buf, "updated", comment->updated_ms);
    if (comment->json.ptr) {
        strbuf_add_z(buf, ",\"visibility\":");
        strbuf_add_str(buf, comment->json);
    }
    strbuf_add_z(buf, ",\"jsdPublic\":true}");
}

void show_attachment(struct strbuf *buf, const struct site *site, const struct item *attachment,
                     int version, bool alone)
{
    const char *quote = alone ? "" : "\"";

    strbuf_addf(buf,
                "{\"self\":\"%s/rest/api/%d/attachment/%" PRId64 "\",\"id\":%s%" PRId64
                "%s,\"filename\":",
                site->base_url, version, attachment->id, quote, attachment->id, quote);
    put_json_text(buf, attachment->key);
    strbuf_add_z(buf, ",\"author\":");
    show_author(buf, site, attachment->author, version);
    put_stamp(buf, "created", attachment->created_ms);
    strbuf_addf(buf, ",\"size\":%zu,\"mimeType\":", attachment->text.len);
    put_json_text(buf, attachment->json);
    strbuf_addf(buf, ",\"content\":\"%s/rest/api/%d/attachment/content/%" PRId64 "\"}",
                site->base_url, version, attachment->id);
}

void show_link_type(struct strbuf *buf, const struct site *site, const struct link_type *type,
                    int version)
{
    strbuf_addf(buf,
                "{\"id\":\"%" PRId64 "\",\"name\":\"%s\",\"inward\":\"%s\",\"outward\":\"%s\","
                "\"self\":\"%s/rest/api/%d/issueLinkType/%" PRId64 "\"}",
                type->id, type->name, type->inward, type->outward, site->base_url, version,
                type->id);
}

/* link->issue is the one that was named inwardIssue when it was made, link->other the outward one:
 * seen from the first, the second is the outward issue ("blocks"). */
void show_link(struct strbuf *buf, const struct site *site, const struct item *link, uint32_t from,
               int version)
{
    const struct link_type *type = &link_types[link->kind];

    strbuf_addf(
        buf, "{\"id\":\"%" PRId64 "\",\"self\":\"%s/rest/api/%d/issueLink/%" PRId64 "\",\"type\":",
        link->id, site->base_url, version, link->id);
    show_link_type(buf, site, type, version);
    if (from != link->issue) {
        strbuf_add_z(buf, ",\"inwardIssue\":");
        show_issue_short(buf, site, link->issue, version);
    }
    if (from != link->other) {
        strbuf_add_z(buf, ",\"outwardIssue\":");
        show_issue_short(buf, site, link->other, version);
    }
    strbuf_add_char(buf, '}');
}

void show_remote_link(struct strbuf *buf, const struct site *site, const struct item *link,
                      int version)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct err err = {0};
    size_t at, max;
    yyjson_val *key, *item;

    strbuf_addf(buf,
                "{\"id\":%" PRId64 ",\"self\":\"%s/rest/api/%d/issue/%" PRId64
                "/remotelink/%" PRId64 "\"",
                link->id, site->base_url, version, site->issues[link->issue].id, link->id);
    if (json_read(link->json, "a stored remote link", &doc, &err) == ERR_OK) {
        yyjson_obj_foreach(yyjson_doc_get_root(doc), at, max, key, item)
        {
            if (strcmp(yyjson_get_str(key), "id") == 0 || strcmp(yyjson_get_str(key), "self") == 0)
                continue;
            strbuf_add_char(buf, ',');
            put_json_text(buf, (struct str){yyjson_get_str(key), yyjson_get_len(key)});
            strbuf_add_char(buf, ':');
            show_recorded(buf, site, item, version);
        }
    }
    strbuf_add_char(buf, '}');
}
