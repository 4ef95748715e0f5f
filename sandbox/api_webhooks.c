/*
 * api_webhooks.c: webhooks that an app registers (facts: webhooks, dynamic registration). They are
 * kept and told back; nothing is sent to them: what the sandbox sends goes to --webhook.
 */
#include <inttypes.h>

#include "api.h"
#include "base/civil.h"
#include "jql.h"

#define WEBHOOKS_MAX 100
#define LIFETIME_MS (30 * MS_PER_DAY)
#define PAGE_MAX 100

/* There are no worklog events here: that is so. */
static const char *const events[] = {
    "jira:issue_created",   "jira:issue_updated",     "jira:issue_deleted",
    "comment_created",      "comment_updated",        "comment_deleted",
    "issue_property_set",   "issue_property_deleted", "sprint_created",
    "sprint_updated",       "sprint_closed",          "sprint_deleted",
    "sprint_started",       "jira:version_released",  "jira:version_unreleased",
    "jira:version_created", "jira:version_moved",     "jira:version_updated",
    "jira:version_merged",  "jira:version_deleted",
};

/* The literal sentence of what is wrong with one entry, NULL: nothing. */
static const char *check(struct http_exchange *ex, yyjson_val *webhook)
{
    yyjson_val *names = yyjson_obj_get(webhook, "events"), *name;
    struct jql_context context = {.now_ms = site_now_ms(api_site(ex)),
                                  .current_user = STR("nobody")};
    struct jql jql;
    char why[JQL_WHY_BYTES];
    size_t at, max;

    if (yyjson_arr_size(names) == 0)
        return "The webhook names no events.";
    yyjson_arr_foreach(names, at, max, name)
    {
        bool known = false;

        for (size_t i = 0; i < ARRAY_LEN(events) && yyjson_is_str(name); i++)
            known = known || strcmp(yyjson_get_str(name), events[i]) == 0;
        if (!known)
            return "The webhook names an event that cannot be registered.";
    }
    if (!json_str(webhook, "jqlFilter").ptr ||
        !jql_parse(ex->arena, json_str(webhook, "jqlFilter"), &context, &jql, why))
        return "The clause of jqlFilter is not supported.";
    return NULL;
}

static int64_t count_living(const struct site *site)
{
    int64_t count = 0;

    for (size_t i = 0; i < site->webhooks.count; i++)
        count += site->webhooks.rows[i].deleted ? 0 : 1;
    return count;
}

/* One entry's part of the answer. False: out of memory. */
static bool register_one(struct http_exchange *ex, yyjson_val *webhook, struct str url)
{
    struct site *site = api_site(ex);
    const char *why = check(ex, webhook);
    struct item item = {.issue = NONE, .other = NONE, .key = url};
    size_t len = 0;
    char *text;

    if (!why && count_living(site) >= WEBHOOKS_MAX)
        why = "The limit of webhooks for this app is reached.";
    if (why) {
        strbuf_addf(&ex->out, "{\"errors\":[\"%s\"]}", why);
        return true;
    }
    text = yyjson_val_write(webhook, 0, &len);
    item.json = text ? site_keep(site, (struct str){text, len}) : (struct str){NULL, 0};
    free(text);
    item.id = site->next_item_id++;
    item.created_ms = site_now_ms(site);
    item.updated_ms = item.created_ms + LIFETIME_MS; /* when it ends */
    if (!item.json.ptr || items_add(&site->webhooks, &item) == NONE)
        return false;
    strbuf_addf(&ex->out, "{\"createdWebhookId\":%" PRId64 "}", item.id);
    return true;
}

void api_webhook_register(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body, *webhook;
    struct str url;
    size_t at, max;

    if (!api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);

    SITE_WRITE(site);
    url = site_keep(site, json_str(body, "url"));
    if (url.len == 0 || yyjson_arr_size(yyjson_obj_get(body, "webhooks")) == 0) {
        api_error(ex, 400, "url and webhooks must be given.");
        return;
    }
    for (size_t i = 0; i < site->webhooks.count; i++) {
        if (!site->webhooks.rows[i].deleted && !str_eq(site->webhooks.rows[i].key, url)) {
            api_error(ex, 400, "An app can register webhooks for one URL only.");
            return;
        }
    }
    strbuf_add_z(&ex->out, "{\"webhookRegistrationResult\":[");
    yyjson_arr_foreach(yyjson_obj_get(body, "webhooks"), at, max, webhook)
    {
        strbuf_add_z(&ex->out, at ? "," : "");
        if (!register_one(ex, webhook, url)) {
            api_error(ex, 503, "out of memory");
            return;
        }
    }
    strbuf_add_z(&ex->out, "]}");
}

/* The recorded entry with its id, url and end. */
static void put_webhook(struct http_exchange *ex, const struct item *item)
{
    strbuf_addf(&ex->out, "{\"id\":%" PRId64 ",\"url\":", item->id);
    put_json_text(&ex->out, item->key);
    strbuf_addf(&ex->out, ",\"expirationDate\":%" PRId64 ",", item->updated_ms);
    strbuf_add_str(&ex->out, str_sub(item->json, 1, item->json.len)); /* without its brace */
}

void api_webhooks(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    int64_t start = 0, limit = PAGE_MAX, at = 0, shown = 0;

    if (!api_query_i64(ex, "startAt", 0, &start) ||
        !api_query_i64(ex, "maxResults", PAGE_MAX, &limit))
        return;
    if (limit < 0 || limit > PAGE_MAX)
        limit = PAGE_MAX;

    SITE_READ(site);
    int64_t total = count_living(site);

    strbuf_addf(&ex->out,
                "{\"startAt\":%" PRId64 ",\"maxResults\":%" PRId64 ",\"total\":%" PRId64
                ",\"isLast\":%s,\"values\":[",
                start, limit, total, start + limit >= total ? "true" : "false");
    for (size_t i = 0; i < site->webhooks.count; i++) {
        const struct item *item = &site->webhooks.rows[i];

        if (item->deleted || item->updated_ms < site_now_ms(site) || at++ < start || shown >= limit)
            continue;
        strbuf_add_z(&ex->out, shown++ ? "," : "");
        put_webhook(ex, item);
    }
    strbuf_add_z(&ex->out, "]}");
}

/* Every living webhook that the body names; unknown ids are passed over. */
static bool each_named(struct http_exchange *ex, void (*each)(struct item *item, int64_t now_ms))
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *ids, *id;
    size_t at, max;

    if (!api_body(ex, &doc))
        return false;
    ids = yyjson_obj_get(yyjson_doc_get_root(doc), "webhookIds");
    if (yyjson_arr_size(ids) == 0) {
        api_error(ex, 400, "webhookIds must be given.");
        return false;
    }

    SITE_WRITE(site);
    yyjson_arr_foreach(ids, at, max, id)
    {
        for (size_t i = 0; i < site->webhooks.count; i++)
            if (site->webhooks.rows[i].id == yyjson_get_sint(id) && !site->webhooks.rows[i].deleted)
                each(&site->webhooks.rows[i], site_now_ms(site));
    }
    return true;
}

static void prolong(struct item *item, int64_t now_ms)
{
    item->updated_ms = now_ms + LIFETIME_MS;
}

static void end(struct item *item, int64_t now_ms)
{
    (void)now_ms;
    item->deleted = true;
}

void api_webhook_refresh(struct http_exchange *ex)
{
    if (each_named(ex, prolong))
        strbuf_addf(&ex->out, "{\"expirationDate\":%" PRId64 "}",
                    site_now_ms(api_site(ex)) + LIFETIME_MS);
}

void api_webhook_delete(struct http_exchange *ex)
{
    if (each_named(ex, end))
        api_empty(ex, 202);
}

void api_webhook_failed(struct http_exchange *ex)
{
    strbuf_addf(&ex->out, "{\"values\":[],\"maxResults\":%d}", PAGE_MAX);
}
