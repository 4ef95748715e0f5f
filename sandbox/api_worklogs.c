/*
 * api_worklogs.c: the worklogs of one issue: list, add, read, change, delete, move, properties.
 * Facts: worklogs.
 */
#include <inttypes.h>

#include "api.h"
#include "base/civil.h"
#include "hooks.h"
#include "rules.h"

#define PAGE_MAX 5000
#define BULK_MAX 5000
#define SECONDS_MIN 60
#define PROPERTY_KEY_BYTES 255
#define PROPERTY_BYTES 32768

/* The worklog of {id} on the issue; NONE: 404 is in the exchange. */
static uint32_t find_worklog(struct http_exchange *ex, uint32_t issue, struct str id_text)
{
    const struct site *site = api_site(ex);
    int64_t id = 0;
    uint32_t row = parse_i64(id_text, 1, INT64_MAX, &id) ? site_find_worklog(site, id, NONE) : NONE;

    if (row != NONE && site->worklogs[row].issue == issue &&
        worklog_is_visible(site, &site->worklogs[row]))
        return row;
    api_error(ex, 404, "Cannot find worklog with id: '" STR_FMT "'.", STR_ARG(id_text));
    return NONE;
}

static bool wants_properties(const struct http_exchange *ex)
{
    return api_list_has(http_in_query(ex, "expand"), "properties");
}

/* ---- Reading ---- */

static int compare_created(const void *a, const void *b, void *arg)
{
    const struct site *site = arg;
    const struct worklog *x = &site->worklogs[*(const uint32_t *)a];
    const struct worklog *y = &site->worklogs[*(const uint32_t *)b];

    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Rows of the issue that started in (after, before), in the order of creation; in the arena. */
static uint32_t *gather(struct http_exchange *ex, uint32_t issue, int64_t after_ms,
                        int64_t before_ms, size_t *ret_count)
{
    struct site *site = api_site(ex);
    size_t count = 0, room = 0;

    for (uint32_t row = site->issues[issue].first_row; row != NONE; row = site->worklogs[row].next)
        room++;

    uint32_t *rows = arena_alloc(ex->arena, (room + 1) * sizeof(*rows));

    for (uint32_t row = site->issues[issue].first_row; rows && row != NONE;
         row = site->worklogs[row].next) {
        const struct worklog *worklog = &site->worklogs[row];

        if (worklog_is_visible(site, worklog) && worklog->started_ms > after_ms &&
            worklog->started_ms < before_ms)
            rows[count++] = row;
    }
    if (rows && count > 1)
        qsort_r(rows, count, sizeof(*rows), compare_created, site);
    *ret_count = count;
    return rows;
}

void api_issue_worklogs(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct call *call = api_call(ex);
    struct strbuf *out = &ex->out;
    int64_t start = 0, limit = PAGE_MAX, after_ms = 0, before_ms = 0;
    size_t count = 0;

    if (!api_query_i64(ex, "startAt", 0, &start) ||
        !api_query_i64(ex, "maxResults", PAGE_MAX, &limit) ||
        !api_query_i64(ex, "startedAfter", INT64_MIN, &after_ms) ||
        !api_query_i64(ex, "startedBefore", INT64_MAX, &before_ms))
        return;
    if (limit < 0 || limit > PAGE_MAX)
        limit = PAGE_MAX;
    if (start < 0)
        start = 0;

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);

    if (issue == NONE)
        return;

    uint32_t *rows = gather(ex, issue, after_ms, before_ms, &count);

    if (!rows) {
        api_error(ex, 503, "out of memory");
        return;
    }
    strbuf_addf(out,
                "{\"startAt\":%" PRId64 ",\"maxResults\":%" PRId64 ",\"total\":%zu,\"worklogs\":[",
                start, limit, count);
    for (size_t i = (size_t)start; i < count && i - (size_t)start < (size_t)limit; i++) {
        if (call->objects++ > 0)
            strbuf_add_char(out, ',');
        show_worklog(out, site, &site->worklogs[rows[i]], call->version, wants_properties(ex));
    }
    strbuf_add_z(out, "]}");
}

void api_worklog_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    uint32_t issue = api_issue(ex, ex->params[1]);
    uint32_t row = issue == NONE ? NONE : find_worklog(ex, issue, ex->params[2]);

    if (row == NONE)
        return;
    api_call(ex)->objects = 1;
    show_worklog(&ex->out, site, &site->worklogs[row], api_call(ex)->version, wants_properties(ex));
}

/* ---- Writing ---- */

/* adjustEstimate and its amount; what was asked for is counted. False: 400 is in the exchange. */
static bool take_estimate(struct http_exchange *ex, const char *amount, struct estimate *ret)
{
    static const char *const names[] = {"auto", "leave", "new", "manual"};
    struct str asked = http_in_query(ex, "adjustEstimate");
    struct str given = {NULL, 0};
    size_t which = 0;
    int64_t seconds = 0;

    while (asked.ptr && which < ARRAY_LEN(names) && !str_eq_z(asked, names[which]))
        which++;
    if (which == ARRAY_LEN(names)) {
        api_field_error(ex, 400, "adjustEstimate",
                        "adjustEstimate must be one of new, leave, manual, auto");
        return false;
    }
    if (which == 2)
        given = http_in_query(ex, "newEstimate");
    else if (which == 3 && amount)
        given = http_in_query(ex, amount);
    if ((which == 2 || (which == 3 && amount)) && !parse_duration(given, &seconds)) {
        api_field_error(ex, 400, which == 2 ? "newEstimate" : amount,
                        "You must supply a valid new estimate.");
        return false;
    }
    atomic_fetch_add(&api_sandbox(ex)->estimates[which], 1);
    *ret = (struct estimate){.kind = which, .seconds = seconds};
    return true;
}

/* What the body says of a worklog. */
struct draft {
    bool has_comment, comment_is_adf, has_started;
    struct str comment;          /* NULL pointer: taken out */
    int64_t started_ms, seconds; /* seconds 0: not said */
    struct str visibility;
    yyjson_val *properties;
};

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

/* "2021-01-17T12:34:00.000+0000" and nothing else: Jira refuses Z, and an offset with a colon. */
static bool parse_started(struct str text, int64_t *ret_ms)
{
    return text.len == 28 && text.ptr[10] == 'T' && text.ptr[19] == '.' &&
           (text.ptr[23] == '+' || text.ptr[23] == '-') && civil_parse_stamp(text, ret_ms);
}

static bool read_comment(struct http_exchange *ex, yyjson_val *body, struct draft *ret)
{
    yyjson_val *comment = yyjson_obj_get(body, "comment");
    struct site *site = api_site(ex);

    ret->has_comment = comment != NULL;
    if (!comment || yyjson_is_null(comment))
        return true;
    if (api_call(ex)->version == 3) {
        if (!adf_is_document(comment)) {
            api_field_error(ex, 400, "comment",
                            "Comment body is not valid! INVALID_INPUT: not an ADF document");
            return false;
        }
        ret->comment_is_adf = true;
        ret->comment = write_json(site, comment);
        return true;
    }
    if (!yyjson_is_str(comment)) {
        api_field_error(ex, 400, "comment", "Comment must be a text.");
        return false;
    }
    ret->comment = site_keep(site, json_str(body, "comment"));
    return true;
}

/* False: the error is in the exchange. */
static bool read_time_spent(struct http_exchange *ex, yyjson_val *body, struct draft *ret)
{
    struct str spent = json_str(body, "timeSpent");
    bool has_seconds = json_i64(body, "timeSpentSeconds", &ret->seconds);

    if (spent.ptr && has_seconds) {
        api_error(ex, 400, "Only one of timeSpent and timeSpentSeconds may be given.");
        return false;
    }
    if (spent.ptr && !parse_duration(spent, &ret->seconds)) {
        api_field_error(ex, 400, "timeLogged", "Invalid time duration entered.");
        return false;
    }
    if ((spent.ptr || has_seconds) && (ret->seconds < SECONDS_MIN || ret->seconds > UINT32_MAX)) {
        api_field_error(ex, 400, "timeLogged", "Time spent must be one minute or more.");
        return false;
    }
    ret->seconds -= ret->seconds % SECONDS_MIN; /* Jira keeps whole minutes */
    return true;
}

/* Reads a body for create (`fresh`) or update. False: the error is in the exchange. */
static bool read_draft(struct http_exchange *ex, yyjson_val *body, bool fresh, struct draft *ret)
{
    struct str started = json_str(body, "started");
    yyjson_val *visibility = yyjson_obj_get(body, "visibility");

    *ret = (struct draft){.properties = yyjson_obj_get(body, "properties")};
    if (!yyjson_is_obj(body)) {
        api_error(ex, 400,
                  "There was an error parsing JSON. Check that your request body is valid.");
        return false;
    }
    if (!read_comment(ex, body, ret) || !read_time_spent(ex, body, ret))
        return false;
    if (started.ptr && !parse_started(started, &ret->started_ms)) {
        api_error(ex, 400,
                  "Cannot deserialize value of type `java.util.Date` from String: expected "
                  "format \"yyyy-MM-dd'T'HH:mm:ss.SSSZ\"");
        return false;
    }
    ret->has_started = started.ptr != NULL;
    if (fresh && !ret->has_started) {
        api_field_error(ex, 400, "started", "You must specify when the work was started.");
        return false;
    }
    if (fresh && ret->seconds == 0) {
        api_field_error(ex, 400, "timeLogged", "You must indicate the time spent.");
        return false;
    }
    if (yyjson_is_obj(visibility))
        ret->visibility = write_json(api_site(ex), visibility);
    return true;
}

static bool set_property(struct site *site, struct property **list, struct str key,
                         struct str value, bool *ret_fresh)
{
    struct property *at = *list;

    while (at && !str_eq(at->key, key))
        at = at->next;
    *ret_fresh = at == NULL;
    if (!at) {
        at = arena_alloc(site->arena, sizeof(*at));
        if (!at)
            return false;
        at->key = site_keep(site, key);
        at->next = *list;
        *list = at;
    }
    at->value = value;
    return true;
}

static bool apply_draft(struct site *site, uint32_t row, uint32_t user, const struct draft *draft)
{
    struct worklog *worklog = &site->worklogs[row];
    struct extra *extra = worklog_extra(site, worklog);
    size_t at, max;
    yyjson_val *item;
    bool fresh;

    if (!extra)
        return false;
    if (draft->has_comment) {
        extra->has_comment = true;
        extra->comment_is_adf = draft->comment_is_adf;
        extra->comment = draft->comment;
    }
    if (draft->visibility.ptr)
        extra->visibility = draft->visibility;
    if (draft->has_started)
        worklog->started_ms = draft->started_ms;
    if (draft->seconds > 0)
        worklog->seconds = (uint32_t)draft->seconds;
    worklog->update_author = user;
    yyjson_arr_foreach(draft->properties, at, max, item)
    {
        struct str key = json_str(item, "key");

        if (key.len > 0 && key.len <= PROPERTY_KEY_BYTES && yyjson_obj_get(item, "value") &&
            !set_property(site, &extra->properties, key,
                          write_json(site, yyjson_obj_get(item, "value")), &fresh))
            return false;
    }
    return true;
}

static void tell(struct http_exchange *ex, uint32_t row, enum hook_event event)
{
    struct hooks *hooks = api_sandbox(ex)->hooks;
    struct site *site = api_site(ex);

    hooks_worklog(hooks, site, row, event);
    /* Logging work is a change of the issue as well (facts: webhook bodies). */
    hooks_issue(hooks, site, site->worklogs[row].issue, HOOK_ISSUE_UPDATED);
}

void api_worklog_add(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct estimate estimate;
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct draft draft;

    if (!api_body(ex, &doc) || !take_estimate(ex, "reduceBy", &estimate))
        return;

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);

    if (issue == NONE || !rules_allow(ex, issue, RULE_CREATE) ||
        !read_draft(ex, yyjson_doc_get_root(doc), true, &draft))
        return;

    struct worklog worklog = {
        .id = site_next_worklog_id(site),
        .created_ms = site_now_ms(site),
        .issue = issue,
        .author = api_call(ex)->user,
    };
    uint32_t row = site_add_worklog(site, &worklog);

    if (row == NONE || !apply_draft(site, row, api_call(ex)->user, &draft) ||
        !worklog_touch(site, row, worklog.created_ms)) {
        api_error(ex, 503, "out of memory");
        return;
    }
    site->issues[issue].updated_ms = worklog.created_ms;
    rules_adjust(&site->issues[issue], &estimate, site->worklogs[row].seconds);
    ex->status = 201;
    show_worklog(&ex->out, site, &site->worklogs[row], api_call(ex)->version, wants_properties(ex));
    tell(ex, row, HOOK_WORKLOG_CREATED);
}

void api_worklog_update(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct estimate estimate;
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct draft draft;

    if (!api_body(ex, &doc) || !take_estimate(ex, NULL, &estimate))
        return;

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    uint32_t row = issue == NONE ? NONE : find_worklog(ex, issue, ex->params[2]);

    if (row == NONE || !rules_allow(ex, issue, RULE_EDIT) ||
        !read_draft(ex, yyjson_doc_get_root(doc), false, &draft))
        return;

    int64_t seconds = site->worklogs[row].seconds;

    if (!apply_draft(site, row, api_call(ex)->user, &draft) ||
        !worklog_touch(site, row, site_now_ms(site))) {
        api_error(ex, 503, "out of memory");
        return;
    }
    rules_adjust(&site->issues[issue], &estimate, site->worklogs[row].seconds - seconds);
    show_worklog(&ex->out, site, &site->worklogs[row], api_call(ex)->version, wants_properties(ex));
    tell(ex, row, HOOK_WORKLOG_UPDATED);
}

void api_worklog_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct estimate estimate;

    if (!take_estimate(ex, "increaseBy", &estimate))
        return;

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    uint32_t row = issue == NONE ? NONE : find_worklog(ex, issue, ex->params[2]);

    if (row == NONE || !rules_allow(ex, issue, RULE_DELETE))
        return;
    rules_adjust(&site->issues[issue], &estimate, -(int64_t)site->worklogs[row].seconds);
    tell(ex, row, HOOK_WORKLOG_DELETED);
    if (!worklog_delete(site, row, site_now_ms(site), false)) {
        api_error(ex, 503, "out of memory");
        return;
    }
    api_empty(ex, 204);
}

/* ---- Several at once ---- */

/* Calls `each` for every id on the issue: 204 when all were there, 200 when some, 400, 404. */
static void bulk(struct http_exchange *ex, yyjson_val *body, uint32_t issue,
                 bool (*each)(struct site *site, uint32_t row, uint32_t target), uint32_t target)
{
    struct site *site = api_site(ex);
    yyjson_val *ids = yyjson_obj_get(body, "ids"), *item;
    size_t at, max, done = 0;

    if (yyjson_arr_size(ids) == 0 || yyjson_arr_size(ids) > BULK_MAX) {
        api_error(ex, 400, "The list of worklog ids must have 1 to %d entries.", BULK_MAX);
        return;
    }
    yyjson_arr_foreach(ids, at, max, item)
    {
        uint32_t row = site_find_worklog(site, yyjson_get_sint(item), NONE);

        if (row != NONE && site->worklogs[row].issue == issue &&
            worklog_is_visible(site, &site->worklogs[row]) && each(site, row, target))
            done++;
    }
    if (done == 0)
        api_error(ex, 404, "None of the worklogs was found on the issue.");
    else
        api_empty(ex, done == yyjson_arr_size(ids) ? 204 : 200);
}

static bool delete_one(struct site *site, uint32_t row, uint32_t target)
{
    (void)target;
    return worklog_delete(site, row, site_now_ms(site), false);
}

/* No event, no history, `updated` stays: a mirror learns of it only by reading again. */
static bool move_one(struct site *site, uint32_t row, uint32_t target)
{
    const struct worklog *worklog = &site->worklogs[row];

    if (worklog->flags & WORKLOG_ROLE || (worklog->extra && worklog->extra->visibility.ptr))
        return false; /* restricted ones cannot be moved */
    worklog_set_issue(site, row, target);
    return true;
}

void api_worklogs_delete(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct estimate estimate;
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;

    if (!api_body(ex, &doc) || !take_estimate(ex, NULL, &estimate))
        return;

    SITE_WRITE(site);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);

    if (issue != NONE)
        bulk(ex, yyjson_doc_get_root(doc), issue, delete_one, NONE);
}

void api_worklogs_move(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct estimate estimate;
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;

    if (!api_body(ex, &doc) || !take_estimate(ex, NULL, &estimate))
        return;

    SITE_WRITE(site);
    yyjson_val *body = yyjson_doc_get_root(doc);
    uint32_t issue = api_issue_for_write(ex, ex->params[1]);
    uint32_t target = issue == NONE ? NONE : api_issue(ex, json_str(body, "issueIdOrKey"));

    if (target != NONE)
        bulk(ex, body, issue, move_one, target);
}

/* ---- Properties, of worklogs and of issues ---- */

/* Where the list hangs that the path names; NULL: 404 is in the exchange. */
static struct property **owner_of(struct http_exchange *ex, bool of_issue, struct str *ret_key)
{
    struct site *site = api_site(ex);
    uint32_t issue = api_issue(ex, ex->params[1]);
    uint32_t row;

    *ret_key = ex->params[of_issue ? 2 : 3];
    if (issue == NONE)
        return NULL;
    if (of_issue)
        return &site->issues[issue].properties;
    row = find_worklog(ex, issue, ex->params[2]);
    if (row == NONE)
        return NULL;
    if (!worklog_extra(site, &site->worklogs[row])) {
        api_error(ex, 503, "out of memory");
        return NULL;
    }
    return &site->worklogs[row].extra->properties;
}

static void list_properties(struct http_exchange *ex, bool of_issue)
{
    struct site *site = api_site(ex);
    struct strbuf *out = &ex->out;
    struct str key;

    SITE_WRITE(site); /* owner_of may make room for the list */
    struct property **list = owner_of(ex, of_issue, &key);

    if (!list)
        return;
    strbuf_add_z(out, "{\"keys\":[");
    for (const struct property *at = *list; at; at = at->next) {
        strbuf_addf(out, "%s{\"self\":\"%s" STR_FMT "/", at == *list ? "" : ",", site->base_url,
                    STR_ARG(ex->path));
        strbuf_add_str(out, at->key);
        strbuf_add_z(out, "\",\"key\":");
        put_json_text(out, at->key);
        strbuf_add_char(out, '}');
    }
    strbuf_add_z(out, "]}");
}

static void get_property(struct http_exchange *ex, bool of_issue)
{
    struct site *site = api_site(ex);
    struct str key;

    SITE_WRITE(site);
    struct property **list = owner_of(ex, of_issue, &key);
    const struct property *at = list ? property_find(*list, key) : NULL;

    if (!list)
        return;
    if (!at) {
        api_error(ex, 404, "The property with key '" STR_FMT "' does not exist.", STR_ARG(key));
        return;
    }
    strbuf_add_z(&ex->out, "{\"key\":");
    put_json_text(&ex->out, key);
    strbuf_add_z(&ex->out, ",\"value\":");
    strbuf_add_str(&ex->out, at->value);
    strbuf_add_char(&ex->out, '}');
}

static void put_property(struct http_exchange *ex, bool of_issue)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct str key;
    bool fresh = false;

    if (!api_body(ex, &doc))
        return;
    if (ex->body.len > PROPERTY_BYTES) {
        api_error(ex, 400, "The property value is too long: it may have %d characters.",
                  PROPERTY_BYTES);
        return;
    }

    SITE_WRITE(site);
    struct property **list = owner_of(ex, of_issue, &key);

    if (!list)
        return;
    if (key.len > PROPERTY_KEY_BYTES) {
        api_error(ex, 400, "The property key is too long: it may have %d characters.",
                  PROPERTY_KEY_BYTES);
        return;
    }
    if (!set_property(site, list, key, write_json(site, yyjson_doc_get_root(doc)), &fresh)) {
        api_error(ex, 503, "out of memory");
        return;
    }
    ex->status = fresh ? 201 : 200;
    strbuf_add_z(&ex->out, "{}");
}

static void delete_property(struct http_exchange *ex, bool of_issue)
{
    struct site *site = api_site(ex);
    struct str key;

    SITE_WRITE(site);
    struct property **at = owner_of(ex, of_issue, &key);

    while (at && *at && !str_eq((*at)->key, key))
        at = &(*at)->next;
    if (!at)
        return;
    if (!*at) {
        api_error(ex, 404, "The property with key '" STR_FMT "' does not exist.", STR_ARG(key));
        return;
    }
    *at = (*at)->next;
    api_empty(ex, 204);
}

void api_worklog_properties(struct http_exchange *ex)
{
    list_properties(ex, false);
}

void api_worklog_property_get(struct http_exchange *ex)
{
    get_property(ex, false);
}

void api_worklog_property_put(struct http_exchange *ex)
{
    put_property(ex, false);
}

void api_worklog_property_delete(struct http_exchange *ex)
{
    delete_property(ex, false);
}

void api_issue_properties(struct http_exchange *ex)
{
    list_properties(ex, true);
}

void api_issue_property_get(struct http_exchange *ex)
{
    get_property(ex, true);
}

void api_issue_property_put(struct http_exchange *ex)
{
    put_property(ex, true);
}

void api_issue_property_delete(struct http_exchange *ex)
{
    delete_property(ex, true);
}
