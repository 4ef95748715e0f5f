/*
 * api_sync.c: what a mirror of all worklogs lives on: the feeds of updates and deletions, and the
 * list by ids. Facts: worklogs.
 */
#include <inttypes.h>

#include "api.h"
#include "base/civil.h"

/* Generous room for a worklog, so that a page's buffer grows once. */
#define WORKLOG_BYTES 2900
#define WITHHELD_MS MS_PER_MINUTE

/* The opaque parameter of nextPage: an exact place among equal times. */
static bool parse_cursor(struct str text, struct feed_entry *ret)
{
    struct str rest = {NULL, 0};
    struct str at = str_cut(text, '.', &rest);

    return parse_i64(at, INT64_MIN, INT64_MAX, &ret->at_ms) &&
           parse_u32(rest, 0, UINT32_MAX, &ret->row);
}

static void put_feed_url(struct strbuf *buf, const struct http_exchange *ex, const char *feed,
                         int64_t since_ms)
{
    strbuf_addf(buf, "%s/rest/api/%d/worklog/%s?since=%" PRId64, api_site(ex)->base_url,
                api_call(ex)->version, feed, since_ms);
}

static void put_feed(struct http_exchange *ex, const char *feed, const struct feed_query *query,
                     const struct feed_page *page, bool with_properties)
{
    const struct site *site = api_site(ex);
    struct strbuf *out = &ex->out;
    const struct feed_entry *last = page->count ? &page->entries[page->count - 1] : NULL;
    int64_t until_ms = last ? last->at_ms : query->since_ms;

    if (strbuf_grow(out, page->count * 72 + 1024))
        strbuf_reset(out);
    strbuf_add_z(out, "{\"values\":[");
    for (size_t i = 0; i < page->count; i++) {
        const struct worklog *worklog = &site->worklogs[page->entries[i].row];

        strbuf_add_z(out, i ? ",{\"worklogId\":" : "{\"worklogId\":");
        strbuf_add_i64(out, worklog->id);
        strbuf_add_z(out, ",\"updatedTime\":");
        strbuf_add_i64(out, page->entries[i].at_ms);
        strbuf_add_z(out, ",\"properties\":");
        show_properties(out, with_properties && worklog->extra ? worklog->extra->properties : NULL);
        strbuf_add_char(out, '}');
    }
    strbuf_addf(out, "],\"since\":%" PRId64 ",\"until\":%" PRId64 ",\"self\":\"", query->since_ms,
                until_ms);
    put_feed_url(out, ex, feed, query->since_ms);
    strbuf_add_z(out, "\",\"nextPage\":\"");
    put_feed_url(out, ex, feed, until_ms);
    if (last && !page->last)
        strbuf_addf(out, "&cursor=%" PRId64 ".%u", last->at_ms, last->row);
    strbuf_addf(out, "\",\"lastPage\":%s}", page->last ? "true" : "false");
}

static void answer_feed(struct http_exchange *ex, const char *name, bool deleted)
{
    struct site *site = api_site(ex);
    struct str cursor = http_in_query(ex, "cursor");
    struct feed_query query = {
        .until_ms = site_now_ms(site) - WITHHELD_MS,
        .limit = FEED_PAGE_MAX,
        .exclusive = site->since_exclusive,
        .is_current = deleted ? site_deleted_is_current : site_updated_is_current,
        .arg = site,
    };
    struct feed_page page;

    if (!api_query_i64(ex, "since", 0, &query.since_ms))
        return;
    if (cursor.ptr) {
        query.has_cursor = true;
        if (!parse_cursor(cursor, &query.cursor)) {
            api_error(ex, 400, "The cursor is not one that this resource has given out.");
            return;
        }
    }

    SITE_READ(site);
    feed_read(deleted ? &site->deleted : &site->updated, &query, &page);
    put_feed(ex, name, &query, &page,
             !deleted && api_list_has(http_in_query(ex, "expand"), "properties"));
}

void api_worklog_updated(struct http_exchange *ex)
{
    answer_feed(ex, "updated", false);
}

void api_worklog_deleted(struct http_exchange *ex)
{
    answer_feed(ex, "deleted", true);
}

/* The ids of {"ids":[…]}; false: 400 is in the exchange. */
static bool take_ids(struct http_exchange *ex, yyjson_doc *doc, yyjson_val **ret)
{
    yyjson_val *ids = yyjson_obj_get(yyjson_doc_get_root(doc), "ids");

    if (!yyjson_is_arr(ids) || yyjson_arr_size(ids) == 0) {
        api_error(ex, 400, "The list of worklog ids is empty.");
        return false;
    }
    if (yyjson_arr_size(ids) > FEED_PAGE_MAX) {
        api_error(ex, 400, "The list of worklog ids has %zu entries; at most %d are taken.",
                  yyjson_arr_size(ids), FEED_PAGE_MAX);
        return false;
    }
    *ret = ids;
    return true;
}

void api_worklog_list(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct call *call = api_call(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *ids = NULL, *item;
    bool with_properties = api_list_has(http_in_query(ex, "expand"), "properties");
    uint32_t row = 0;
    size_t at, max;

    if (!api_body(ex, &doc) || !take_ids(ex, doc, &ids))
        return;

    struct strbuf *out = &ex->out;

    SITE_READ(site);
    if (strbuf_grow(out, yyjson_arr_size(ids) * WORKLOG_BYTES))
        strbuf_reset(out);
    strbuf_add_char(out, '[');
    yyjson_arr_foreach(ids, at, max, item)
    {
        if (!yyjson_is_int(item)) {
            api_error(ex, 400, "A worklog id is not a whole number.");
            return;
        }

        uint32_t found = site_find_worklog(site, yyjson_get_sint(item), row);

        if (found == NONE)
            continue;
        row = found;
        if (!worklog_is_visible(site, &site->worklogs[row]))
            continue; /* left out silently, as Jira does */
        if (call->objects++ > 0)
            strbuf_add_char(out, ',');
        show_worklog(out, site, &site->worklogs[row], call->version, with_properties);
    }
    strbuf_add_char(out, ']');
}
