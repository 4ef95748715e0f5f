/*
 * receive.c: a request comes in, piece by piece.
 *
 * A request refused on its headers (too large, malformed, no route) still passes through BODY when
 * what it sends is small: closing with unread bytes in the socket would reset the connection and
 * the client would never read why. What is large is cut off at once.
 */
#include "http/server_internal.h"

#include "http/router.h"

#define DRAIN_BYTES_MAX ((size_t)1024 * 1024) /* read and thrown away of a refused body */
#define RETRY_AFTER_S "5"

/* ---- Receiving ---- */

static void refuse(struct exchange *x, int status, const char *why)
{
    http_out_problem(&x->ex, status, why);
    x->refused = true;
}

static void refuse_body(struct exchange *x)
{
    char why[160];

    (void)snprintf(why, sizeof(why),
                   "the body is larger than this path takes: send at most %zu "
                   "bytes",
                   x->body.max);
    refuse(x, 413, why);
}

static bool parse_method(struct str name, enum http_method *ret)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {{"GET", HTTP_GET},
                   {"HEAD", HTTP_GET},
                   {"POST", HTTP_POST},
                   {"PUT", HTTP_PUT},
                   {"DELETE", HTTP_DELETE}};

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (str_eq_z(name, methods[i].name)) {
            *ret = methods[i].method;
            return true;
        }
    }
    return false;
}

/* Finds the route; leaves status 404 or 405 in the exchange when there is none. */
static void find_route(struct exchange *x)
{
    struct http_exchange *ex = &x->ex;
    const struct http_server_options *options = &x->server->options;
    struct strbuf allow AUTO(strbuf_done) = STRBUF_INIT(64);
    struct route_path path = {.count = 0};
    struct route_match match = {0};
    const char *why = NULL;
    bool known = parse_method(ex->method_name, &ex->method);

    if (!route_path_parse(ex->arena, ex->path, &path, &why)) {
        refuse(x, 400, why);
        return;
    }
    if (!route_query_is_well_formed(ex->arena, ex->raw_query)) {
        refuse(x, 400, "a percent escape in the query is broken or is not UTF-8");
        return;
    }
    route_find(options->routes, options->route_count, known ? &ex->method : NULL, &path, &match,
               &allow);
    x->route = match.route;
    memcpy(ex->params, match.params, sizeof(match.params));
    if (match.route)
        return;
    ex->status = match.path_known ? 405 : 404;
    if (match.path_known)
        http_out_header(ex, "Allow", strbuf_z(&allow));
}

static enum MHD_Result count_host(void *arg, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    size_t *count = arg;

    (void)kind;
    (void)value;
    *count += str_eq_nocase(str_from(name), STR("Host")) ? 1 : 0;
    return MHD_YES;
}

/* RFC 9112, 3.2: exactly one, but for HTTP/1.0. Who reads another than we do could be led astray.
 */
static void check_host(struct exchange *x, const char *version)
{
    size_t count = 0;

    (void)MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, count_host, &count);
    if (count > 1 || (count == 0 && strcmp(version, "HTTP/1.0") != 0))
        refuse(x, 400, "a request has one Host header: send it once");
}

/* The headers are there. False: answer now, what follows is too much to be read. */
static bool begin(struct exchange *x, const char *version)
{
    struct str length = http_in_header(&x->ex, "Content-Length");
    int64_t bytes = 0;

    find_route(x);
    check_host(x, version);
    x->body = STRBUF_INIT(x->route ? x->route->body_max : 0);
    if (length.ptr && http_in_header(&x->ex, "Transfer-Encoding").ptr) {
        refuse(x, 400, "Content-Length and Transfer-Encoding may not stand in one request");
        return false;
    }
    if (length.ptr && !parse_i64(length, 0, INT64_MAX, &bytes)) {
        refuse(x, 400, "Content-Length is not a number");
        return false;
    }
    if (!x->refused && x->route && (uint64_t)bytes > x->body.max)
        refuse_body(x);
    if (conn_is_over(x->conn)) {
        http_out_header(&x->ex, "Retry-After", RETRY_AFTER_S);
        refuse(x, 429,
               "this address has too many connections open; close some, or have "
               "server.connections_per_address raised");
    }
    conn_expects(x->conn,
                 length.ptr && (uint64_t)bytes < x->body.max ? (uint64_t)bytes : x->body.max);
    return (uint64_t)bytes <= DRAIN_BYTES_MAX || (!x->refused && x->route);
}

/* A part of the body came. False: too much of what nobody wants; close. */
static bool take_body(struct exchange *x, const char *bytes, size_t len)
{
    if (!x->refused && x->route) {
        strbuf_add(&x->body, bytes, len);
        if (x->body.failed == ERR_OK)
            return true;
        if (x->body.failed == ERR_LIMIT)
            refuse_body(x);
        else
            refuse(x, 503, "the server is out of memory; try again later");
    }
    x->drained += len;
    return x->drained <= DRAIN_BYTES_MAX;
}

static void no_route(struct exchange *x)
{
    const struct http_server_options *options = &x->server->options;

    if (options->not_found)
        options->not_found(&x->ex);
    else if (x->ex.status == 405)
        http_out_problem(&x->ex, 405, "this path is not served with this method");
    else
        http_out_problem(&x->ex, 404, "nothing is served at this path");
}

/* Everything has been received: make the answer. */
static enum MHD_Result run_handler(struct exchange *x)
{
    struct http_server *server = x->server;
    const struct http_server_options *options = &server->options;

    conn_has_all(x->conn);
    pthread_mutex_lock(&server->mutex);
    x->counted = true;
    server->under_way++;
    pthread_mutex_unlock(&server->mutex);
    if (!x->refused) {
        x->ex.body = strbuf_str(&x->body);
        if (!options->before || options->before(&x->ex, x->route)) {
            if (x->route)
                x->route->handler(&x->ex);
            else
                no_route(x);
        }
    }
    /* Once deferred, it is resumed by this very thread's loop: not before we return. */
    return x->state == DEFERRED ? MHD_YES : exchange_answer(x);
}

enum MHD_Result server_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    struct exchange *x = *con_cls;

    (void)cls;
    (void)mhd;
    (void)url;
    if (!x)
        return MHD_NO; /* there was no memory for it */
    switch (x->state) {
    case FRESH:
        x->state = BODY;
        x->ex.method_name = arena_dup(x->ex.arena, str_from(method));
        return begin(x, version) ? MHD_YES : run_handler(x);
    case BODY:
        if (*upload_data_size > 0) {
            bool go_on = take_body(x, upload_data, *upload_data_size);

            *upload_data_size = 0;
            return go_on ? MHD_YES : MHD_NO;
        }
        return run_handler(x);
    case WAITING:
        return exchange_send(x);
    case DEFERRED:
        return exchange_answer(x);
    case DONE:
        break;
    }
    return MHD_NO;
}
