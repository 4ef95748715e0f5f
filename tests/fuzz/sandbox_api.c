/*
 * sandbox_api.c: everything that tenon-sandbox serves, over a small site and without a socket.
 *
 * The input is requests, ended by lines of three dashes: "METHOD target", header lines, an empty
 * line, a body; "%T" before all makes it a Data Center. Each goes the way of the server: router,
 * `before`, handler, `after`. Holds: every answer has a status; what calls itself JSON is JSON; and
 * afterwards the site is in order: ids rise, each worklog hangs in its issue's chain once, its
 * feeds are sorted, and each worklog is shown as JSON that our client reads.
 *
 * The functions of http/server.h that handlers call are defined here, over the script instead of a
 * connection, so that server.c and its threads stay out.
 */
#include "../../sandbox/api.h"
#include "../../sandbox/atlassian.h"
#include "../../sandbox/oauth.h"
#include "fuzz.h"
#include "http/router.h"
#include "jira/jira.h"

#define REQUESTS_MAX 24
#define HEADERS_MAX 8
#define ARENA_BYTES ((size_t)32 << 20)
#define OUT_BYTES ((size_t)16 << 20)
#define ROWS_ASKED_MAX 50     /* of the control path: so that an input ends soon */
#define STREAM_READS_MAX 2000 /* one of the faults never ends */

struct script_header {
    char *name, *value; /* in the arena */
};

/* One request of the script, behind ex->conn. */
struct script {
    struct script_header headers[HEADERS_MAX];
    size_t header_count;
    const char *authorization; /* what the sandbox lets in; unless a header says otherwise */
};

/* ---- In place of server.c ---- */

struct str http_in_header(const struct http_exchange *ex, const char *name)
{
    const struct script *script = ex->conn;

    for (size_t i = 0; i < script->header_count; i++)
        if (str_eq_nocase(str_from(script->headers[i].name), str_from(name)))
            return str_from(script->headers[i].value);
    if (str_eq_nocase(str_from(name), STR("Authorization")))
        return str_from(script->authorization);
    return (struct str){NULL, 0};
}

struct str http_in_query(const struct http_exchange *ex, const char *name)
{
    return route_query_get(ex->arena, ex->raw_query, name, 0);
}

struct str http_in_query_nth(const struct http_exchange *ex, const char *name, size_t nth)
{
    return route_query_get(ex->arena, ex->raw_query, name, nth);
}

void http_out_header(struct http_exchange *ex, const char *name, const char *value)
{
    FUZZ_CHECK(name && value && name[0]);
    FUZZ_CHECK(ex->conn);
}

void http_out_problem(struct http_exchange *ex, int status, const char *detail)
{
    (void)detail;
    ex->status = status;
    strbuf_reset(&ex->out);
    strbuf_add_z(&ex->out, "{}");
}

/* ---- Requests ---- */

/* Up to a line of three dashes, or the end. */
static struct str take_request(struct str *input)
{
    struct str rest = *input;

    while (rest.len > 0) {
        const char *start = rest.ptr;

        if (str_eq(fuzz_line(&rest), STR("---"))) {
            struct str request = {input->ptr, (size_t)(start - input->ptr)};

            *input = rest;
            return request;
        }
    }
    rest = *input;
    *input = (struct str){NULL, 0};
    return rest;
}

static bool parse_method(struct str name, enum http_method *ret)
{
    for (enum http_method m = HTTP_GET; m <= HTTP_DELETE; m++)
        if (str_eq_z(name, http_method_name(m))) {
            *ret = m;
            return true;
        }
    return false;
}

static bool is_modest(struct str body)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};
    int64_t count = 0;

    if (json_read(body, "a body", &doc, &err) != ERR_OK)
        return true;
    return !json_i64(yyjson_doc_get_root(doc), "count", &count) || count <= ROWS_ASKED_MAX;
}

static bool is_json(struct str text)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = yyjson_read(text.ptr, text.len, 0);

    return doc && str_is_utf8(text);
}

static void read_stream(struct http_exchange *ex)
{
    AUTO(free_autop) char *room = malloc(4096);
    uint64_t at = 0;
    ssize_t got = 0;

    FUZZ_CHECK(room);
    for (int i = 0; i < STREAM_READS_MAX; i++) {
        got = ex->stream(ex->stream_arg, at, room, 4096);
        if (got < 0)
            break;
        FUZZ_CHECK(got > 0 && got <= 4096);
        at += (uint64_t)got;
    }
    FUZZ_CHECK(got > 0 || got == HTTP_STREAM_END || got == HTTP_STREAM_BREAK);
    if (ex->stream_done)
        ex->stream_done(ex->stream_arg);
}

static void check_answer(struct http_exchange *ex)
{
    struct str out = strbuf_str(&ex->out);
    const struct call *call = ex->user;
    bool spoilt = call && call->fault.kind != FAULT_NONE;

    FUZZ_CHECK(ex->status >= 100 && ex->status <= 599);
    FUZZ_CHECK(ex->delay_ms >= 0);
    FUZZ_CHECK(ex->out.failed == ERR_OK);
    if (ex->stream)
        read_stream(ex);
    else if (out.len > 0 && !spoilt && strcmp(ex->content_type, "application/json") == 0)
        FUZZ_CHECK(is_json(out));
}

static void run(struct http_exchange *ex, enum http_method *method)
{
    struct route_path path;
    struct route_match match = {0};
    AUTO(strbuf_done) struct strbuf allow = STRBUF_INIT(100);
    const char *why = NULL;

    /* What server.c refuses before any of ours is called. */
    if (!route_path_parse(ex->arena, ex->path, &path, &why) ||
        !route_query_is_well_formed(ex->arena, ex->raw_query))
        return;
    route_find(api_routes, api_route_count, method, &path, &match, &allow);
    memcpy(ex->params, match.params, sizeof(ex->params));
    if (match.route && ex->body.len > match.route->body_max)
        return;
    if (!match.route)
        ex->status = match.path_known ? 405 : 404;
    if (api_before(ex, match.route)) {
        if (match.route)
            match.route->handler(ex);
        else
            api_not_found(ex);
    }
    api_after(ex, match.route);
    check_answer(ex);
}

/* What calls an app, or would be called for: a fuzz target sends nothing. */
static bool calls_others(struct str path)
{
    return str_starts(path, STR("/sandbox/connect")) || str_starts(path, STR("/sandbox/forge")) ||
           str_starts(path, STR("/sandbox/webhook"));
}

static void play(struct sandbox *sandbox, struct str request)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(ARENA_BYTES);
    struct str target = {NULL, 0}, line = fuzz_line(&request);
    struct script script = {.authorization = sandbox->authorization};
    struct http_exchange ex = {.app = sandbox,
                               .arena = arena,
                               .method_name = str_cut(line, ' ', &target),
                               .conn = &script,
                               .status = 200,
                               .content_type = "application/json",
                               .out = STRBUF_INIT(OUT_BYTES)};
    bool known = parse_method(ex.method_name, &ex.method);

    FUZZ_CHECK(arena);
    while ((line = fuzz_line(&request)).len > 0) {
        struct str value = {NULL, 0};
        struct script_header *header = &script.headers[script.header_count];

        if (script.header_count == HEADERS_MAX)
            continue;
        header->name = arena_dup_z(arena, str_cut(line, ':', &value));
        header->value = arena_dup_z(arena, str_trim(value));
        FUZZ_CHECK(header->name && header->value);
        script.header_count++;
    }

    AUTO(free_autop) char *body = fuzz_exact(request);
    AUTO(free_autop) char *bytes = fuzz_exact(target);

    ex.body = (struct str){body, request.len};
    ex.path = str_cut((struct str){bytes, target.len}, '?', &ex.raw_query);
    if (is_modest(ex.body) && !calls_others(ex.path))
        run(&ex, known ? &ex.method : NULL);
    strbuf_done(&ex.out);
}

/* ---- The site afterwards ---- */

static void check_feed(const struct feed *feed, size_t rows)
{
    for (size_t i = 0; i < feed->count; i++) {
        const struct feed_entry *a = &feed->entries[i], *b = a + 1;

        FUZZ_CHECK(a->row < rows);
        if (i + 1 < feed->count)
            FUZZ_CHECK(a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->row < b->row));
    }
}

static void check_chains(const struct site *site)
{
    size_t seen = 0;

    for (uint32_t i = 0; i < site->issue_count; i++) {
        uint32_t last = NONE;

        for (uint32_t row = site->issues[i].first_row; row != NONE;
             row = site->worklogs[row].next) {
            FUZZ_CHECK(row < site->worklog_count && site->worklogs[row].issue == i);
            FUZZ_CHECK(++seen <= site->worklog_count);
            last = row;
        }
        FUZZ_CHECK(site->issues[i].last_row == last);
    }
    FUZZ_CHECK(seen == site->worklog_count);
}

static void check_worklog(const struct site *site, const struct worklog *worklog, int version)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(OUT_BYTES);
    AUTO(strbuf_done) struct strbuf comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct jira_worklog read;
    struct err err = {0};

    show_worklog(&text, site, worklog, version, true);
    FUZZ_CHECK(json_read(strbuf_str(&text), "a worklog", &doc, &err) == ERR_OK);
    (void)jira_worklog_read(yyjson_doc_get_root(doc), &comment, &read);
    FUZZ_CHECK(read.id == worklog->id && read.issue_id == site->issues[worklog->issue].id);
}

static void check_site(const struct site *site)
{
    check_feed(&site->updated, site->worklog_count);
    check_feed(&site->deleted, site->worklog_count);
    check_chains(site);
    for (size_t i = 0; i < site->worklog_count; i++) {
        FUZZ_CHECK(i == 0 || site->worklogs[i].id > site->worklogs[i - 1].id);
        for (int version = 2; version <= 3; version++)
            check_worklog(site, &site->worklogs[i], version);
    }
}

static void make_site(struct sandbox *sandbox, bool datacenter)
{
    struct site *site = &sandbox->site;
    struct generate_options options = {0};
    struct err err = {0};

    throttle_init(&sandbox->throttle);
    faults_init(&sandbox->faults);
    FUZZ_CHECK(site_init(site, &err) == ERR_OK);
    (void)snprintf(site->base_url, sizeof(site->base_url), "http://127.0.0.1:8090");
    (void)snprintf(sandbox->authorization, sizeof(sandbox->authorization), "Bearer x");
    sandbox->log_fd = -1;
    site->datacenter = datacenter;
    site_set_now_ms(site, INT64_C(1782892800000)); /* 2026-07-01T08:00:00Z */
    FUZZ_CHECK(generate_parse(STR("worklogs=6,issues=3,users=3,projects=2,deleted=1,seed=5"),
                              &options, &err) == ERR_OK);
    FUZZ_CHECK(site_add_defaults(site));
    FUZZ_CHECK(site_generate(site, &options, &err) == ERR_OK);
    site_render_users(site);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sandbox world;
    static struct atlassian *atlassian; /* made once: its keys take long */
    struct str input = fuzz_str(data, size);
    bool datacenter = str_starts(input, STR("%T\n"));

    if (!atlassian)
        atlassian = atlassian_new(&world);
    world = (struct sandbox){.atlassian = atlassian, .consents = consents_new(&world)};
    FUZZ_CHECK(world.atlassian && world.consents);
    if (datacenter)
        input = str_sub(input, 3, input.len);
    make_site(&world, datacenter);
    for (int i = 0; i < REQUESTS_MAX && input.len > 0; i++)
        play(&world, take_request(&input));
    check_site(&world.site);
    consents_free(world.consents);
    site_done(&world.site);
    faults_done(&world.faults);
    throttle_done(&world.throttle);
    return 0;
}
