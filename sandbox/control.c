/*
 * control.c: the state of the sandbox, its clock, credential, limits and faults.
 * control_rows.c has what changes worklogs and issues.
 */
#include "control.h"

#include <inttypes.h>

#include "api.h"
#include "base/civil.h"
#include "hooks.h"
#include "mailbox.h"

#define LIMIT_LARGEST INT64_C(1000000000000)

/* The root of the body, an object; NULL: 400 is in the exchange. */
static yyjson_val *read_object(struct http_exchange *ex, yyjson_doc **doc)
{
    if (!api_body(ex, doc))
        return NULL;
    if (yyjson_is_obj(yyjson_doc_get_root(*doc)))
        return yyjson_doc_get_root(*doc);
    api_error(ex, 400, "the body must be a JSON object");
    return NULL;
}

static void answer_ok(struct http_exchange *ex)
{
    strbuf_add_z(&ex->out, "{\"ok\":true}");
}

/* ---- State ---- */

static void put_served(struct json_out *json, const struct sandbox *sandbox)
{
    int64_t total = atomic_load(&sandbox->unknown);

    json_key(json, "requests");
    json_object(json);
    for (size_t i = 0; i < api_route_count; i++) {
        const struct http_route *route = &api_routes[i];
        int64_t count = atomic_load(&sandbox->served[i]);
        char name[256];

        if (count == 0 || str_starts(str_from(route->pattern), STR("/sandbox/")))
            continue;
        (void)snprintf(name, sizeof(name), "%s %s", http_method_name(route->method),
                       route->pattern);
        json_key(json, name);
        json_put_i64(json, count);
        total += count;
    }
    json_object_end(json);
    json_key(json, "total");
    json_put_i64(json, total);
}

static void put_rows(struct json_out *json, const struct site *site)
{
    int64_t live = 0, hidden = 0, deleted = 0, issues = 0, seconds = 0;

    for (size_t i = 0; i < site->worklog_count; i++) {
        const struct worklog *worklog = &site->worklogs[i];

        if (!worklog_is_live(site, worklog)) {
            deleted++;
            continue;
        }
        live++;
        seconds += worklog->seconds;
        hidden += worklog_is_visible(site, worklog) ? 0 : 1;
    }
    for (size_t i = 0; i < site->issue_count; i++)
        issues += site->issues[i].deleted ? 0 : 1;
    json_key(json, "worklogs");
    json_object(json);
    json_key(json, "live");
    json_put_i64(json, live);
    json_key(json, "hidden");
    json_put_i64(json, hidden);
    json_key(json, "deleted");
    json_put_i64(json, deleted);
    json_key(json, "seconds");
    json_put_i64(json, seconds);
    json_object_end(json);
    json_key(json, "issues");
    json_put_i64(json, issues);
    json_key(json, "users");
    json_put_i64(json, (int64_t)site->user_count);
    json_key(json, "projects");
    json_put_i64(json, (int64_t)site->project_count);
}

void control_state(struct http_exchange *ex)
{
    struct sandbox *sandbox = api_sandbox(ex);
    struct json_out json = json_out(&ex->out);
    static const char *const estimates[] = {"auto", "leave", "new", "manual"};
    const struct {
        const char *name;
        const _Atomic int64_t *count;
    } counts[] = {{"unauthorized", &sandbox->unauthorized},
                  {"throttled", &sandbox->throttled},
                  {"faulted", &sandbox->faulted},
                  {"points", &sandbox->points},
                  {"impersonations", &sandbox->impersonations}};
    struct hook_counts hooks = hooks_counts(sandbox->hooks);

    SITE_READ(&sandbox->site);
    json_object(&json);
    json_key(&json, "now");
    json_put_stamp(&json, site_now_ms(&sandbox->site));
    put_served(&json, sandbox);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_key(&json, counts[i].name);
        json_put_i64(&json, atomic_load(counts[i].count));
    }
    put_rows(&json, &sandbox->site);
    json_key(&json, "adjust_estimate");
    json_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(estimates); i++) {
        json_key(&json, estimates[i]);
        json_put_i64(&json, atomic_load(&sandbox->estimates[i]));
    }
    json_object_end(&json);
    json_key(&json, "webhooks");
    json_object(&json);
    json_key(&json, "queued");
    json_put_i64(&json, hooks.queued);
    json_key(&json, "delivered");
    json_put_i64(&json, hooks.delivered);
    json_key(&json, "failed");
    json_put_i64(&json, hooks.failed);
    json_key(&json, "dropped");
    json_put_i64(&json, hooks.dropped);
    json_object_end(&json);
    json_key(&json, "token_expired");
    json_put_bool(&json, atomic_load(&sandbox->token_expired));
    json_object_end(&json);
}

void control_reset(struct http_exchange *ex)
{
    struct sandbox *sandbox = api_sandbox(ex);

    for (size_t i = 0; i < ROUTES_MAX; i++)
        atomic_store(&sandbox->served[i], 0);
    atomic_store(&sandbox->unknown, 0);
    atomic_store(&sandbox->unauthorized, 0);
    atomic_store(&sandbox->throttled, 0);
    atomic_store(&sandbox->faulted, 0);
    atomic_store(&sandbox->points, 0);
    atomic_store(&sandbox->impersonations, 0);
    answer_ok(ex);
}

/* ---- All worklogs, one a line ---- */

struct lines {
    struct site *site;
    uint32_t row;       /* the next one */
    struct strbuf made; /* lines not yet sent, from `sent` on */
    size_t sent;
};

static ssize_t read_lines(void *arg, uint64_t at, char *room, size_t len)
{
    struct lines *lines = arg;
    struct site *site = lines->site;

    (void)at;
    if (lines->sent == lines->made.len) {
        strbuf_reset(&lines->made);
        lines->sent = 0;

        SITE_READ(site);
        for (; lines->made.len < len && lines->row < site->worklog_count; lines->row++)
            if (worklog_is_live(site, &site->worklogs[lines->row]))
                show_worklog_line(&lines->made, site, &site->worklogs[lines->row]);
    }
    if (lines->made.failed != ERR_OK)
        return HTTP_STREAM_BREAK;
    if (lines->made.len == 0)
        return HTTP_STREAM_END;

    size_t left = lines->made.len - lines->sent;
    size_t part = left < len ? left : len;

    memcpy(room, lines->made.ptr + lines->sent, part);
    lines->sent += part;
    return (ssize_t)part;
}

static void lines_done(void *arg)
{
    struct lines *lines = arg;

    strbuf_done(&lines->made);
}

void control_worklogs(struct http_exchange *ex)
{
    struct lines *lines = arena_alloc(ex->arena, sizeof(*lines));

    if (!lines) {
        http_out_problem(ex, 503, "out of memory");
        return;
    }
    lines->site = api_site(ex);
    lines->made = STRBUF_INIT((size_t)16 << 20);
    ex->content_type = "application/x-ndjson";
    ex->stream = read_lines;
    ex->stream_arg = lines;
    ex->stream_done = lines_done;
}

/* ---- The administrator's webhook ---- */

void control_webhook(struct http_exchange *ex)
{
    struct sandbox *sandbox = api_sandbox(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);
    const char *url = yyjson_get_str(yyjson_obj_get(body, "url"));
    struct err err = {0};

    if (!body)
        return;
    if (!url) {
        api_error(ex, 400, "\"url\" is missing");
        return;
    }
    if (hooks_set_admin(sandbox->hooks, url, yyjson_get_str(yyjson_obj_get(body, "secret")),
                        &err) != ERR_OK)
        api_error(ex, err_http_status(err.class), "%s", err.msg);
    else
        answer_ok(ex);
}

/* ---- Groups ---- */

void control_groups(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);
    struct str group = json_str(body, "group");

    if (!body)
        return;
    if (group.len == 0) {
        api_error(ex, 400, "\"group\" must be the id of a group");
        return;
    }

    SITE_WRITE(site);
    uint32_t user = site_find_user(site, json_str(body, "account"));

    if (user == NONE)
        api_error(ex, 400, "\"account\" must be the id of somebody on the site");
    else if (!site_set_member(site, user, group, json_bool(body, "member", true)))
        api_error(ex, 503, "out of memory");
    else
        answer_ok(ex);
}

/* ---- Clock, credential, limits, options ---- */

void control_clock(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);
    struct str now = json_str(body, "now");
    int64_t ms = 0, advance_ms = 0;
    struct json_out json = json_out(&ex->out);

    if (!body)
        return;
    if (now.ptr && !(civil_parse_stamp(now, &ms) && site_is_time(ms))) {
        api_error(ex, 400, "\"now\" is not a time like 2026-07-01T08:00:00Z");
        return;
    }
    if (now.ptr)
        site_set_now_ms(site, ms);
    if (json_i64(body, "advance_ms", &advance_ms)) {
        if (__builtin_add_overflow(site_now_ms(site), advance_ms, &ms) || !site_is_time(ms)) {
            api_error(ex, 400, "\"advance_ms\" leads out of the calendar");
            return;
        }
        site_set_now_ms(site, ms);
    }
    json_object(&json);
    json_key(&json, "now");
    json_put_stamp(&json, site_now_ms(site));
    json_object_end(&json);
}

void control_token(struct http_exchange *ex)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);

    if (!body)
        return;
    atomic_store(&api_sandbox(ex)->token_expired, json_bool(body, "expired", true));
    answer_ok(ex);
}

/* A limit that can be counted with; others are passed over. */
static bool read_limit(yyjson_val *body, const char *name, int64_t *ret)
{
    return json_i64(body, name, ret) && *ret >= 0 && *ret <= LIMIT_LARGEST;
}

void control_limits(struct http_exchange *ex)
{
    struct throttle *throttle = &api_sandbox(ex)->throttle;
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);
    int64_t n = 0;

    if (!body)
        return;
    pthread_mutex_lock(&throttle->mutex);
    if (read_limit(body, "burst", &n))
        throttle->burst = n;
    if (read_limit(body, "points", &n)) {
        throttle->points_per_hour = n;
        throttle->points_used = 0;
    }
    if (read_limit(body, "points_left", &n)) {
        throttle->hour = site_now_ms(api_site(ex)) / MS_PER_HOUR;
        throttle->points_used = throttle->points_per_hour - n;
    }
    throttle->per_issue = json_bool(body, "per_issue", throttle->per_issue);
    throttle->beta = json_bool(body, "beta", throttle->beta);
    throttle->tell_retry_after = json_bool(body, "retry_after", throttle->tell_retry_after);
    pthread_mutex_unlock(&throttle->mutex);
    answer_ok(ex);
}

void control_options(struct http_exchange *ex)
{
    struct sandbox *sandbox = api_sandbox(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);
    struct str since = json_str(body, "since");
    int64_t n = 0;

    if (!body)
        return;

    SITE_WRITE(&sandbox->site);
    if (json_i64(body, "latency_ms", &n) && n >= 0 && n <= 60000)
        atomic_store(&sandbox->latency_ms, n);
    if (since.ptr)
        sandbox->site.since_exclusive = str_eq_z(since, "exclusive");
    answer_ok(ex);
}

/* ---- People and mail ---- */

/* A person's address; empty: they keep it to themselves. */
void control_people(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body = read_object(ex, &doc);
    struct str mail = json_str(body, "mail");

    if (!body)
        return;

    SITE_WRITE(site);
    uint32_t user = site_find_user(site, json_str(body, "account"));

    if (user == NONE || !mail.ptr) {
        api_error(ex, 400, "\"account\" must be somebody's id, and \"mail\" an address or empty");
        return;
    }
    site->users[user].email = site_keep(site, mail);
    answer_ok(ex);
}

void control_mail(struct http_exchange *ex)
{
    struct json_out json = json_out(&ex->out);

    if (api_sandbox(ex)->mailbox)
        mailbox_put(api_sandbox(ex)->mailbox, &json);
    else
        api_error(ex, 404, "no mail is taken; start with --smtp PORT");
}

void control_mail_clear(struct http_exchange *ex)
{
    if (api_sandbox(ex)->mailbox)
        mailbox_clear(api_sandbox(ex)->mailbox);
    answer_ok(ex);
}

/* ---- Faults ---- */

/* False: longer than the rule has room for. */
static bool copy_text(char *to, struct str text)
{
    if (text.len >= FAULT_TEXT)
        return false;
    if (text.len)
        memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
    return true;
}

static bool parse_method(struct str name, struct fault *ret)
{
    static const enum http_method methods[] = {HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE};

    ret->any_method = name.len == 0;
    if (ret->any_method)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq_z(name, http_method_name(methods[i]))) {
            ret->method = methods[i];
            return true;
        }
    }
    return false;
}

static bool parse_headers(yyjson_val *headers, struct fault *ret)
{
    size_t at, max;
    yyjson_val *key, *item;

    if (!headers) /* the loop would count from it */
        return true;
    yyjson_obj_foreach(headers, at, max, key, item)
    {
        if (ret->header_count == ARRAY_LEN(ret->headers) || !yyjson_is_str(item))
            return false;

        int len = snprintf(ret->headers[ret->header_count], FAULT_TEXT, "%s: %s",
                           yyjson_get_str(key), yyjson_get_str(item));

        if (len < 0 || len >= FAULT_TEXT)
            return false;
        ret->header_count++;
    }
    return true;
}

/* The literal sentence of what is wrong with a rule, NULL: nothing. */
static const char *parse_fault(yyjson_val *rule, struct fault *ret)
{
    int64_t n = 0;
    yyjson_val *value = yyjson_obj_get(rule, "value");

    *ret = (struct fault){.times = 1};
    if (!fault_kind_parse(json_str(rule, "kind"), &ret->kind))
        return "\"kind\" is none of status, delay, cut_off, html, redirect, empty, bad_json, huge, "
               "endless, reset, missing_field, bad_date, set_field";
    if (!parse_method(json_str(rule, "method"), ret))
        return "\"method\" is none of GET, POST, PUT, DELETE";
    if (!copy_text(ret->path, json_str(rule, "path")) ||
        !copy_text(ret->name, json_str(rule, "name")))
        return "\"path\" or \"name\" is too long";
    if (yyjson_is_str(value) && ret->kind != FAULT_SET_FIELD) {
        if (!copy_text(ret->value, json_str(rule, "value")))
            return "\"value\" is too long";
    } else if (value) {
        size_t len = 0;
        char *text = yyjson_val_write(value, 0, &len);
        bool fits = text && copy_text(ret->value, (struct str){text, len});

        free(text);
        if (!fits)
            return "\"value\" is too long";
    }
    if (!parse_headers(yyjson_obj_get(rule, "headers"), ret))
        return "\"headers\" must be an object of at most four short texts";
    if (json_i64(rule, "after", &n))
        ret->after = n;
    if (json_i64(rule, "times", &n))
        ret->times = n;
    if (json_i64(rule, "status", &n))
        ret->status = (int)n;
    if (json_i64(rule, "delay_ms", &n))
        ret->delay_ms = n;
    if (ret->after < 0 || ret->times < -1 || ret->times == 0 || ret->delay_ms < 0 ||
        ret->delay_ms > 600000 || (ret->status != 0 && (ret->status < 200 || ret->status > 599)))
        return "\"after\", \"times\", \"delay_ms\" or \"status\" is out of range";
    if (!ret->name[0] && (ret->kind == FAULT_MISSING_FIELD || ret->kind == FAULT_SET_FIELD))
        return "\"name\" must say which member";
    if (!ret->name[0])
        (void)copy_text(ret->name, STR("started"));
    return NULL;
}

static bool add_fault(struct http_exchange *ex, yyjson_val *rule)
{
    struct fault fault;
    const char *why = parse_fault(rule, &fault);

    if (!why && !faults_add(&api_sandbox(ex)->faults, &fault))
        why = "there are too many rules; DELETE /sandbox/faults clears them";
    if (why)
        api_error(ex, 400, "%s", why);
    return !why;
}

void control_faults_add(struct http_exchange *ex)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *root, *rule;
    size_t at, max;

    if (!api_body(ex, &doc))
        return;
    root = yyjson_doc_get_root(doc);
    if (!yyjson_is_arr(root)) {
        if (add_fault(ex, root))
            answer_ok(ex);
        return;
    }
    yyjson_arr_foreach(root, at, max, rule)
    {
        if (!add_fault(ex, rule))
            return;
    }
    answer_ok(ex);
}

void control_faults_get(struct http_exchange *ex)
{
    struct faults *faults = &api_sandbox(ex)->faults;
    struct json_out json = json_out(&ex->out);

    json_array(&json);
    pthread_mutex_lock(&faults->mutex);
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *rule = &faults->rules[i];

        json_object(&json);
        json_key(&json, "kind");
        json_put_z(&json, fault_kind_name(rule->kind));
        json_key(&json, "path");
        json_put_z(&json, rule->path);
        json_key(&json, "after");
        json_put_i64(&json, rule->after);
        json_key(&json, "times");
        json_put_i64(&json, rule->times);
        json_object_end(&json);
    }
    pthread_mutex_unlock(&faults->mutex);
    json_array_end(&json);
}

void control_faults_clear(struct http_exchange *ex)
{
    faults_clear(&api_sandbox(ex)->faults);
    answer_ok(ex);
}
