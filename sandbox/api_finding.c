/*
 * api_finding.c: what people find things with: the picker of issues, people by name, saved filters.
 *
 * Filters are a fixed few, made of the site's projects: filter 10000 + n is "Project n" for project
 * n, owned by user n; those with an even number are shared with everybody who is signed in.
 */
#include <inttypes.h>

#include "api.h"

#define FILTER_FIRST 10000
#define FILTERS_MAX 20
#define PICKS 20

static bool contains(struct str text, struct str word)
{
    for (size_t at = 0; at + word.len <= text.len; at++)
        if (str_eq_nocase(str_sub(text, at, word.len), word))
            return true;
    return false;
}

/* ---- Issues ---- */

static bool is_suggested(const struct issue *issue, struct str words)
{
    return words.len > 0 && (contains(issue->key, words) || contains(issue->summary, words));
}

void api_issue_picker(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct str words = http_in_query(ex, "query");
    size_t count = 0;

    SITE_READ(site);
    strbuf_add_z(&ex->out,
                 "{\"sections\":[{\"label\":\"Current Search\",\"id\":\"cs\",\"issues\":[");
    for (size_t i = 0; i < site->issue_count && count < PICKS; i++) {
        const struct issue *issue = &site->issues[i];

        if (!is_suggested(issue, words) || !issue_is_visible(site, (uint32_t)i, api_call(ex)->user))
            continue;
        strbuf_addf(&ex->out, "%s{\"id\":%" PRId64 ",\"key\":", count++ ? "," : "", issue->id);
        put_json_text(&ex->out, issue->key);
        strbuf_add_z(&ex->out, ",\"summaryText\":");
        put_json_text(&ex->out, issue->summary);
        strbuf_add_char(&ex->out, '}');
    }
    strbuf_add_z(&ex->out, "]}]}");
    api_call(ex)->objects = (int64_t)count;
}

/* ---- People ---- */

void api_users_find(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    const char *name = site->datacenter ? "username" : "query";
    struct str words = http_in_query(ex, name);
    int64_t limit = 0;
    bool any = false;

    if (!api_query_i64(ex, "maxResults", 50, &limit))
        return;
    if (!words.ptr) {
        api_error(ex, 400, "The '%s' query parameter must be given.", name);
        return;
    }

    SITE_READ(site);
    strbuf_add_char(&ex->out, '[');
    for (size_t i = 0; i < site->user_count && limit > 0; i++) {
        const struct user *user = &site->users[i];

        if (!contains(user->display, words) && !(site->datacenter && str_eq(words, STR("."))))
            continue;
        strbuf_add_z(&ex->out, any ? "," : "");
        show_author(&ex->out, site, (uint32_t)i, api_call(ex)->version);
        any = true;
        limit--;
    }
    strbuf_add_char(&ex->out, ']');
}

/* ---- Filters ---- */

static size_t filter_count(const struct site *site)
{
    size_t n = site->project_count < site->user_count ? site->project_count : site->user_count;

    return n < FILTERS_MAX ? n : FILTERS_MAX;
}

static bool may_use(size_t filter, uint32_t user)
{
    return filter % 2 == 0 || filter == user;
}

static void put_filter(struct http_exchange *ex, size_t filter)
{
    struct site *site = api_site(ex);

    strbuf_addf(&ex->out,
                "{\"id\":\"%zu\",\"name\":\"Project %zu\",\"owner\":", FILTER_FIRST + filter,
                filter);
    show_author(&ex->out, site, (uint32_t)filter, api_call(ex)->version);
    strbuf_addf(&ex->out, ",\"jql\":\"project = " STR_FMT " ORDER BY created DESC\"",
                STR_ARG(site->projects[filter].key));
    strbuf_addf(&ex->out, ",\"sharePermissions\":[%s]}",
                filter % 2 == 0 ? "{\"id\":1,\"type\":\"authenticated\"}" : "");
}

/* Those that the caller may use, or (not empty) those of an owner; each into `ret`. */
static size_t find_filters(struct http_exchange *ex, struct str owner, size_t ret[FILTERS_MAX])
{
    const struct site *site = api_site(ex);
    size_t count = 0;

    for (size_t i = 0; i < filter_count(site); i++)
        if (owner.len > 0 ? str_eq(site->users[i].account_id, owner)
                          : may_use(i, api_call(ex)->user))
            ret[count++] = i;
    return count;
}

void api_filters_search(struct http_exchange *ex)
{
    size_t filters[FILTERS_MAX], start = 0, limit = 0, count;

    if (!api_take_page(ex, 50, 100, &start, &limit))
        return;

    SITE_READ(api_site(ex));
    count = find_filters(ex, http_in_query(ex, "accountId"), filters);
    api_begin_page(ex, start, limit, count);
    for (size_t i = start; i < count && i - start < limit; i++) {
        strbuf_add_z(&ex->out, i > start ? "," : "");
        put_filter(ex, filters[i]);
    }
    strbuf_add_z(&ex->out, "]}");
}

void api_filters_favourite(struct http_exchange *ex)
{
    size_t filters[FILTERS_MAX], count;

    SITE_READ(api_site(ex));
    count = find_filters(ex, STR(""), filters);
    strbuf_add_char(&ex->out, '[');
    for (size_t i = 0; i < count; i++) {
        strbuf_add_z(&ex->out, i ? "," : "");
        put_filter(ex, filters[i]);
    }
    strbuf_add_char(&ex->out, ']');
}

void api_filter_get(struct http_exchange *ex)
{
    int64_t id = 0;

    SITE_READ(api_site(ex));
    if (!parse_i64(ex->params[1], FILTER_FIRST,
                   FILTER_FIRST + (int64_t)filter_count(api_site(ex)) - 1, &id) ||
        (!may_use((size_t)(id - FILTER_FIRST), api_call(ex)->user) &&
         api_call(ex)->user != SITE_USER_SELF)) {
        api_error(ex, 400, "The selected filter is not available to you.");
        return;
    }
    put_filter(ex, (size_t)(id - FILTER_FIRST));
}
