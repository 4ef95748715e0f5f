/*
 * api.c: what every request passes through.
 *
 * before: find the version in the path, a fault that answers by itself, the credential, the limits.
 * after: a fault that spoils, the costs and their headers, the latency, the log line.
 */
#include "api.h"

#include <stdarg.h>
#include <unistd.h>

#include "atlassian.h"
#include "base/civil.h"
#include "oauth.h"

void api_error(struct http_exchange *ex, int status, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);

    int len = vsnprintf(text, sizeof(text), fmt, args);

    va_end(args);
    ex->status = status;
    strbuf_reset(&ex->out);
    strbuf_add_z(&ex->out, "{\"errorMessages\":[");
    if (len > 0)
        put_json_text(&ex->out, str_from(text));
    strbuf_add_z(&ex->out, "],\"errors\":{}}");
}

void api_field_error(struct http_exchange *ex, int status, const char *field, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ex->status = status;
    strbuf_reset(&ex->out);
    strbuf_add_z(&ex->out, "{\"errorMessages\":[],\"errors\":{");
    put_json_text(&ex->out, str_from(field));
    strbuf_add_char(&ex->out, ':');
    put_json_text(&ex->out, str_from(text));
    strbuf_add_z(&ex->out, "}}");
}

void api_empty(struct http_exchange *ex, int status)
{
    strbuf_reset(&ex->out);
    ex->status = status;
}

bool api_body(struct http_exchange *ex, yyjson_doc **ret)
{
    struct err err = {0};

    if (json_read(ex->body, "the body", ret, &err) == ERR_OK)
        return true;
    api_error(ex, 400, "There was an error parsing JSON. Check that your request body is valid.");
    return false;
}

bool api_query_i64(struct http_exchange *ex, const char *name, int64_t otherwise, int64_t *ret)
{
    struct str text = http_in_query(ex, name);

    *ret = otherwise;
    if (!text.ptr || parse_i64(text, INT64_MIN, INT64_MAX, ret))
        return true;
    api_error(ex, 400, "The value of the query parameter '%s' is not a number.", name);
    return false;
}

bool api_query_bool(struct http_exchange *ex, const char *name, bool otherwise)
{
    struct str text = http_in_query(ex, name);

    return text.ptr ? str_eq_nocase(text, STR("true")) : otherwise;
}

bool api_take_page(struct http_exchange *ex, int64_t otherwise, int64_t most, size_t *ret_start,
                   size_t *ret_limit)
{
    int64_t start = 0, limit = 0;

    if (!api_query_i64(ex, "startAt", 0, &start) ||
        !api_query_i64(ex, "maxResults", otherwise, &limit))
        return false;
    *ret_start = (size_t)(start < 0 ? 0 : start);
    *ret_limit = (size_t)(limit < 0 ? 0 : limit > most ? most : limit);
    return true;
}

void api_begin_page(struct http_exchange *ex, size_t start, size_t limit, size_t total)
{
    struct strbuf *out = &ex->out;
    bool last = start + limit >= total;

    strbuf_addf(out, "{\"self\":\"%s" STR_FMT "?maxResults=%zu&startAt=%zu\",",
                api_site(ex)->base_url, STR_ARG(ex->path), limit, start);
    if (!last)
        strbuf_addf(out, "\"nextPage\":\"%s" STR_FMT "?maxResults=%zu&startAt=%zu\",",
                    api_site(ex)->base_url, STR_ARG(ex->path), limit, start + limit);
    strbuf_addf(out, "\"maxResults\":%zu,\"startAt\":%zu,\"total\":%zu,\"isLast\":%s,\"values\":[",
                limit, start, total, last ? "true" : "false");
}

bool api_list_has(struct str list, const char *word)
{
    while (list.len > 0) {
        struct str rest = {NULL, 0};

        if (str_eq_z(str_trim(str_cut(list, ',', &rest)), word))
            return true;
        list = rest;
    }
    return false;
}

uint32_t api_issue(struct http_exchange *ex, struct str id_or_key)
{
    const struct site *site = api_site(ex);
    uint32_t issue = site_find_issue(site, id_or_key);

    if (issue != NONE && issue_is_visible(site, issue, api_call(ex)->user))
        return issue;
    api_error(ex, 404, "Issue does not exist or you do not have permission to see it.");
    return NONE;
}

uint32_t api_issue_for_write(struct http_exchange *ex, struct str id_or_key)
{
    struct site *site = api_site(ex);
    uint32_t issue = api_issue(ex, id_or_key);

    if (issue == NONE)
        return NONE;
    if (throttle_take_write(&api_sandbox(ex)->throttle, ex, &site->issues[issue],
                            site_now_ms(site)))
        return issue;
    atomic_fetch_add(&api_sandbox(ex)->throttled, 1);
    return NONE;
}

void api_not_found(struct http_exchange *ex)
{
    int status = ex->status;

    api_error(ex, status, "%s",
              status == 405 ? "Method Not Allowed" : "null for uri: no such resource");
}

/* ---- Before ---- */

static bool is_rest(struct str path)
{
    return str_starts(path, STR("/rest/"));
}

/* 2 or 3 from /rest/api/N/; 0: not that part. Data Center has no 3. */
static int version_of(const struct site *site, struct str path)
{
    struct str rest = {NULL, 0}, word;

    if (!str_starts(path, STR("/rest/api/")))
        return 0;
    word = str_cut(str_sub(path, 10, path.len), '/', &rest);
    if (str_eq_z(word, "2") || str_eq_z(word, "latest"))
        return 2;
    return str_eq_z(word, "3") && !site->datacenter ? 3 : -1;
}

static bool let_in(struct http_exchange *ex)
{
    struct sandbox *sandbox = api_sandbox(ex);
    struct str given = http_in_header(ex, "Authorization");

    if (str_ends(ex->path, STR("/serverInfo")))
        return true;
    /* A 3LO token is taken there only, and nothing else is (facts 3). */
    if (api_call(ex)->by_consent && consents_let_in(sandbox->consents, ex, &api_call(ex)->user))
        return true;
    if (api_call(ex)->by_consent) {
        atomic_fetch_add(&sandbox->unauthorized, 1);
        api_error(ex, 401, "Unauthorized; scope does not match");
        return false;
    }
    if (str_eq_z(given, sandbox->authorization) && !atomic_load(&sandbox->token_expired))
        return true;
    if (atlassian_lets_in(sandbox->atlassian, ex, &api_call(ex)->user))
        return true;
    atomic_fetch_add(&sandbox->unauthorized, 1);
    api_error(ex, 401, "Client must be authenticated to access this resource.");
    http_out_header(ex, "WWW-Authenticate", "OAuth realm=\"sandbox\"");
    http_out_header(ex, "X-Seraph-LoginReason", "AUTHENTICATED_FAILED");
    return false;
}

bool api_before(struct http_exchange *ex, const struct http_route *route)
{
    struct sandbox *sandbox = api_sandbox(ex);
    struct call *call = arena_alloc(ex->arena, sizeof(*call));

    (void)route;
    if (!call) {
        http_out_problem(ex, 503, "out of memory");
        return false;
    }
    ex->user = call;
    if (str_starts(ex->path, STR("/sandbox/")))
        return true;
    if (faults_pick(&sandbox->faults, ex, &call->fault)) {
        atomic_fetch_add(&sandbox->faulted, 1);
        if (fault_answers(&call->fault, ex))
            return false;
    }
    call->by_consent = str_starts(ex->path, STR(CONSENTS_PREFIX "/"));
    if (call->by_consent)
        ex->path = str_sub(ex->path, sizeof(CONSENTS_PREFIX) - 1, ex->path.len);
    if (!is_rest(ex->path))
        return true;
    if (!let_in(ex))
        return false;
    if (!throttle_take(&sandbox->throttle, ex, site_now_ms(&sandbox->site))) {
        atomic_fetch_add(&sandbox->throttled, 1);
        return false;
    }
    call->version = version_of(&sandbox->site, ex->path);
    if (call->version < 0) {
        api_error(ex, 404, "null for uri: no such resource");
        return false;
    }
    return true;
}

/* ---- After ---- */

static void write_log(const struct sandbox *sandbox, const struct http_exchange *ex)
{
    char line[2048], stamp[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(site_now_ms(&sandbox->site), stamp);

    int len =
        snprintf(line, sizeof(line) - 1, "%s " STR_FMT " " STR_FMT "%s" STR_FMT " %d %zu", stamp,
                 STR_ARG(ex->method_name), STR_ARG(ex->path), ex->raw_query.ptr ? "?" : "",
                 STR_ARG(ex->raw_query), ex->status, ex->out.len);

    if (len < 0)
        return;
    if ((size_t)len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len] = '\n';
    /* One write a line: lines of several threads do not mix. A lost one is no harm. */
    if (write(sandbox->log_fd, line, (size_t)len + 1) < 0)
        return;
}

void api_after(struct http_exchange *ex, const struct http_route *route)
{
    struct sandbox *sandbox = api_sandbox(ex);
    struct call *call = api_call(ex);
    bool control = str_starts(ex->path, STR("/sandbox/"));

    if (route)
        atomic_fetch_add(&sandbox->served[api_route_number(sandbox, route)], 1);
    else
        atomic_fetch_add(&sandbox->unknown, 1);
    if (call && !control) {
        int64_t points = is_rest(ex->path) && ex->status < 400 ? 1 + call->objects : 0;

        fault_spoil(&call->fault, ex);
        if (is_rest(ex->path)) {
            atomic_fetch_add(&sandbox->points, points);
            throttle_tell(&sandbox->throttle, ex, points, site_now_ms(&sandbox->site));
        }
        ex->delay_ms += atomic_load(&sandbox->latency_ms);
    }
    if (sandbox->log_fd >= 0)
        write_log(sandbox, ex);
}
