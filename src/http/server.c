/*
 * server.c: HTTP in, on libmicrohttpd.
 *
 * The model: libmicrohttpd owns the sockets and a pool of epoll threads, each connection staying
 * with its thread; we own an `exchange` per request, born when the request line is read (that is
 * the only moment at which the URL is seen undecoded) and freed when the answer has left or the
 * connection broke. In between it goes one way:
 *
 *     FRESH -> BODY -> DONE          headers read; body collected; handler run, answer queued
 *                  \-> WAITING -> DONE   the handler asked for a delay: the connection is suspended
 *                  \-> DEFERRED -> DONE  the handler gave it away: suspended until http_resume
 *
 * A request refused on its headers (too large, malformed, no route) still passes through BODY when
 * what it sends is small: closing with unread bytes in the socket would reset the connection and
 * the client would never read why. What is large is cut off at once.
 *
 * A delayed answer holds no thread: one timer thread, started with the first delay, keeps the
 * suspended exchanges in order of their time and resumes them.
 *
 * Locks: server->mutex guards the list of waiting exchanges and the count of those under way. No
 * callback runs under it. MHD_resume_connection is called with it held, which is safe: it takes
 * only libmicrohttpd's own locks and none of ours is ever taken below those.
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "http/router.h"

#define CONNECTIONS_MAX_DEFAULT 1024
#define IDLE_S_DEFAULT 60
#define OUT_BYTES_MAX_DEFAULT ((size_t)256 * 1024 * 1024)
#define ARENA_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of one exchange */
#define CONNECTION_BYTES ((size_t)64 * 1024)       /* request line and headers must fit in */
#define DRAIN_BYTES_MAX ((size_t)1024 * 1024)      /* read and thrown away of a refused body */
#define STREAM_BLOCK_BYTES ((size_t)64 * 1024)
#define OUT_HEADERS_MAX 32
#define STOP_WAIT_MS 10000

enum exchange_state { FRESH, BODY, WAITING, DEFERRED, DONE };

struct out_header {
    const char *name, *value; /* in the arena */
};

struct exchange {
    struct http_exchange ex; /* what the handler sees */
    struct http_server *server;
    struct MHD_Connection *mhd;
    const struct http_route *route; /* NULL: none */
    enum exchange_state state;
    bool refused; /* the answer is there already, the body is thrown away */
    bool counted; /* in server->under_way: it has been received whole */
    struct strbuf body;
    size_t drained;
    struct out_header headers[OUT_HEADERS_MAX];
    size_t header_count;
    int64_t due_ms; /* WAITING: when to resume, monotonic */
    struct exchange *next_waiting;
};

struct http_server {
    const struct ctx *ctx;
    struct http_server_options options;
    struct MHD_Daemon *daemon;
    uint16_t port;
    pthread_mutex_t mutex;
    pthread_cond_t changed;   /* waiting list, count or stop flag; on the monotonic clock */
    struct exchange *waiting; /* soonest first */
    size_t under_way;         /* received whole, answer not yet sent whole */
    size_t deferred;          /* given away by http_defer and not yet resumed */
    bool stopping;
    bool timer_runs;
    pthread_t timer;
};

/* ---- The exchange as the handler uses it ---- */

static struct exchange *exchange_of(const struct http_exchange *ex)
{
    return ex->conn;
}

struct str http_in_header(const struct http_exchange *ex, const char *name)
{
    return str_from(MHD_lookup_connection_value(exchange_of(ex)->mhd, MHD_HEADER_KIND, name));
}

struct str http_in_address(const struct http_exchange *ex)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange_of(ex)->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (!info || !info->client_addr)
        return (struct str){NULL, 0};
    if (info->client_addr->sa_family == AF_INET) {
        memcpy(&v4, info->client_addr, sizeof(v4));
        (void)inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    } else if (info->client_addr->sa_family == AF_INET6) {
        memcpy(&v6, info->client_addr, sizeof(v6));
        (void)inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    }
    return arena_dup(ex->arena, str_from(text));
}

struct str http_in_query(const struct http_exchange *ex, const char *name)
{
    return route_query_get(ex->arena, ex->raw_query, name, 0);
}

struct str http_in_query_nth(const struct http_exchange *ex, const char *name, size_t nth)
{
    return route_query_get(ex->arena, ex->raw_query, name, nth);
}

static bool is_header_text(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return true;
}

void http_out_header(struct http_exchange *ex, const char *name, const char *value)
{
    struct exchange *x = exchange_of(ex);

    if (x->header_count == OUT_HEADERS_MAX || !is_header_text(name) || !is_header_text(value))
        return;

    struct out_header header = {arena_dup_z(ex->arena, str_from(name)),
                                arena_dup_z(ex->arena, str_from(value))};

    if (header.name && header.value)
        x->headers[x->header_count++] = header;
}

/* The reason phrase of RFC 9110. */
static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

void http_out_problem(struct http_exchange *ex, int status, const char *detail)
{
    struct strbuf *out = &ex->out;

    struct json_out json = json_out(out);

    strbuf_done(out);
    ex->status = status;
    ex->content_type = "application/problem+json";
    ex->stream = NULL;
    json_object(&json);
    json_key(&json, "type");
    json_put_z(&json, "about:blank");
    json_key(&json, "title");
    json_put_z(&json, status_text(status));
    json_key(&json, "status");
    json_put_i64(&json, status);
    if (detail) {
        json_key(&json, "detail");
        json_put_z(&json, detail);
    }
    json_object_end(&json);
}

/* ---- Sending ---- */

static ssize_t read_stream(void *cls, uint64_t at, char *room, size_t len)
{
    struct exchange *x = cls;
    ssize_t got = x->ex.stream(x->ex.stream_arg, at, room, len);

    if (got == HTTP_STREAM_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_half(void *cls, uint64_t at, char *room, size_t len)
{
    const struct exchange *x = cls;
    size_t half = x->ex.out.len / 2;

    if (at >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;

    size_t left = half - (size_t)at;
    size_t part = left < len ? left : len;

    memcpy(room, x->ex.out.ptr + at, part);
    return (ssize_t)part;
}

static struct MHD_Response *make_response(struct exchange *x)
{
    struct strbuf *out = &x->ex.out;

    if (x->ex.stream) {
        uint64_t bytes = x->ex.stream_bytes >= 0 ? (uint64_t)x->ex.stream_bytes : MHD_SIZE_UNKNOWN;

        return MHD_create_response_from_callback(bytes, STREAM_BLOCK_BYTES, read_stream, x, NULL);
    }
    if (x->ex.cut_off && out->len > 0)
        return MHD_create_response_from_callback(out->len, STREAM_BLOCK_BYTES, read_half, x, NULL);

    struct MHD_Response *response =
        out->len > 0 ? MHD_create_response_from_buffer(out->len, out->ptr, MHD_RESPMEM_MUST_FREE)
                     : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

    if (response && out->len > 0)
        *out = STRBUF_INIT(out->max); /* the memory is libmicrohttpd's now: no copy was made */
    return response;
}

/* Queues the answer. MHD_NO closes the connection. */
static enum MHD_Result send_answer(struct exchange *x)
{
    struct http_exchange *ex = &x->ex;

    x->state = DONE;
    if (ex->drop) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct linger linger = {.l_onoff = 1, .l_linger = 0};

        if (info) /* unsent and unread data are thrown away: the client sees a reset */
            (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        return MHD_NO;
    }
    if (ex->out.failed == ERR_LIMIT)
        http_out_problem(ex, 500, "the answer grew past the limit of the server; ask for less");
    else if (ex->out.failed != ERR_OK)
        http_out_problem(ex, 503, "the server is out of memory; try again later");

    bool has_body = ex->stream || ex->out.len > 0;
    struct MHD_Response *response = make_response(x);

    if (!response)
        return MHD_NO;
    if (has_body && ex->content_type)
        (void)MHD_add_response_header(response, "Content-Type", ex->content_type);
    for (size_t i = 0; i < x->header_count; i++)
        (void)MHD_add_response_header(response, x->headers[i].name, x->headers[i].value);

    enum MHD_Result queued = MHD_queue_response(x->mhd, (unsigned)ex->status, response);

    MHD_destroy_response(response);
    return queued;
}

/* ---- Delays ---- */

static int64_t mono_ms(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits on `changed` until then; the mutex is held. */
static void wait_until(struct http_server *server, int64_t due_ms)
{
    struct timespec until = {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000};

    (void)pthread_cond_timedwait(&server->changed, &server->mutex, &until);
}

static void *run_timer(void *arg)
{
    struct http_server *server = arg;

    pthread_mutex_lock(&server->mutex);
    for (;;) {
        struct exchange *first = server->waiting;

        if (first && (server->stopping || first->due_ms <= mono_ms())) {
            server->waiting = first->next_waiting;
            MHD_resume_connection(first->mhd);
        } else if (first) {
            wait_until(server, first->due_ms);
        } else if (server->stopping && server->under_way == 0) {
            break;
        } else {
            pthread_cond_wait(&server->changed, &server->mutex);
        }
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

/* Suspends the connection until its time. False: no timer can be had, answer at once. */
static bool begin_wait(struct exchange *x)
{
    struct http_server *server = x->server;

    pthread_mutex_lock(&server->mutex);
    if (server->stopping ||
        (!server->timer_runs && pthread_create(&server->timer, NULL, run_timer, server) != 0)) {
        pthread_mutex_unlock(&server->mutex);
        return false;
    }
    server->timer_runs = true;
    x->state = WAITING;
    x->due_ms = mono_ms() + x->ex.delay_ms;
    MHD_suspend_connection(x->mhd);

    struct exchange **at = &server->waiting;

    while (*at && (*at)->due_ms <= x->due_ms) /* bounded by the limit of connections */
        at = &(*at)->next_waiting;
    x->next_waiting = *at;
    *at = x;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    return true;
}

/* ---- Answers that somebody else makes ---- */

void http_defer(struct http_exchange *ex)
{
    struct exchange *x = exchange_of(ex);

    pthread_mutex_lock(&x->server->mutex);
    x->server->deferred++;
    pthread_mutex_unlock(&x->server->mutex);
    x->state = DEFERRED;
    MHD_suspend_connection(x->mhd);
}

void http_resume(struct http_exchange *ex)
{
    struct exchange *x = exchange_of(ex);
    struct http_server *server = x->server;

    /* Under the lock: once it is resumed, the exchange may be gone, and then the server. */
    pthread_mutex_lock(&server->mutex);
    server->deferred--;
    MHD_resume_connection(x->mhd);
    if (server->stopping)
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

/* ---- Receiving ---- */

static void refuse(struct exchange *x, int status, const char *why)
{
    http_out_problem(&x->ex, status, why);
    x->refused = true;
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

/* The headers are there. False: answer now, what follows is too much to be read. */
static bool begin(struct exchange *x)
{
    struct str length = http_in_header(&x->ex, "Content-Length");
    int64_t bytes = 0;

    find_route(x);
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
        refuse(x, 413, "the body is larger than this path takes");
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
            refuse(x, 413, "the body is larger than this path takes");
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

/* The answer is made: what is left to do before it is sent. */
static enum MHD_Result answer(struct exchange *x)
{
    if (x->server->options.after)
        x->server->options.after(&x->ex, x->route);
    if (x->ex.delay_ms > 0 && begin_wait(x))
        return MHD_YES;
    return send_answer(x);
}

/* Everything has been received: make the answer. */
static enum MHD_Result run_handler(struct exchange *x)
{
    struct http_server *server = x->server;
    const struct http_server_options *options = &server->options;

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
    return x->state == DEFERRED ? MHD_YES : answer(x);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    struct exchange *x = *con_cls;

    (void)cls;
    (void)mhd;
    (void)url;
    (void)version;
    if (!x)
        return MHD_NO; /* there was no memory for it */
    switch (x->state) {
    case FRESH:
        x->state = BODY;
        x->ex.method_name = arena_dup(x->ex.arena, str_from(method));
        return begin(x) ? MHD_YES : run_handler(x);
    case BODY:
        if (*upload_data_size > 0) {
            bool go_on = take_body(x, upload_data, *upload_data_size);

            *upload_data_size = 0;
            return go_on ? MHD_YES : MHD_NO;
        }
        return run_handler(x);
    case WAITING:
        return send_answer(x);
    case DEFERRED:
        return answer(x);
    case DONE:
        break;
    }
    return MHD_NO;
}

static void exchange_free(struct exchange *x)
{
    struct http_server *server = x->server;
    bool counted = x->counted;

    if (x->ex.stream_done)
        x->ex.stream_done(x->ex.stream_arg);
    strbuf_done(&x->body);
    strbuf_done(&x->ex.out);
    arena_free(x->ex.arena);
    free(x);
    pthread_mutex_lock(&server->mutex);
    if (counted)
        server->under_way--;
    if (server->stopping)
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

/* The request line was read, nothing is decoded yet. What is returned becomes *con_cls. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct http_server *server = cls;
    struct exchange *x = calloc(1, sizeof(*x));
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    struct str url = arena ? arena_dup(arena, str_from(uri)) : (struct str){NULL, 0};

    if (!x || !arena || !url.ptr) {
        arena_free(arena);
        free(x);
        return NULL;
    }
    x->server = server;
    x->mhd = mhd;
    x->body = STRBUF_INIT(0);
    x->ex = (struct http_exchange){
        .ctx = server->ctx,
        .app = server->options.app,
        .arena = arena,
        .conn = x,
        .status = 200,
        .content_type = "application/json",
        .out = STRBUF_INIT(server->options.out_bytes_max),
        .stream_bytes = -1,
    };
    x->ex.path = str_cut(url, '?', &x->ex.raw_query);
    return x;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *con_cls;

    (void)cls;
    (void)mhd;
    (void)why;
    if (x)
        exchange_free(x);
    *con_cls = NULL;
}

/* ---- Start and stop ---- */

static enum err_class make_address(const char *text, uint16_t port, struct sockaddr_storage *ret,
                                   socklen_t *ret_len, struct err *err)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(ret, &v4, sizeof(v4));
        *ret_len = sizeof(v4);
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(ret, &v6, sizeof(v6));
        *ret_len = sizeof(v6);
        return ERR_OK;
    }
    return err_set(err, ERR_INPUT,
                   "\"%s\" is not an IP address to listen on; use one like 127.0.0.1 or ::1", text);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof(address);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    memcpy(&v4, &address, sizeof(v4));
    memcpy(&v6, &address, sizeof(v6));
    return ntohs(address.ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

static void close_autop(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* A listening socket of our own, so that a taken port has its own sentence. */
static enum err_class listen_on(const struct http_server_options *options, int *ret_fd,
                                struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len = 0;
    int on = 1;
    enum err_class rc = make_address(options->address, options->port, &address, &len, err);

    if (rc != ERR_OK)
        return rc;

    int fd AUTO(close_autop) =
        socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_errno(err, errno, "cannot make a socket for %s", options->address);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* only a convenience */
    if (bind(fd, (const struct sockaddr *)&address, len) != 0) {
        if (errno == EADDRINUSE)
            return err_set(err, ERR_CONFLICT,
                           "port %u of %s is taken by another process; stop it or choose another "
                           "port",
                           options->port, options->address);
        if (errno == EADDRNOTAVAIL)
            return err_set(err, ERR_INPUT, "this machine has no address %s to listen on",
                           options->address);
        return err_errno(err, errno, "cannot listen on %s port %u", options->address,
                         options->port);
    }
    if (listen(fd, SOMAXCONN) != 0)
        return err_errno(err, errno, "cannot listen on %s port %u", options->address,
                         options->port);
    *ret_fd = fd;
    fd = -1;
    return ERR_OK;
}

static struct http_server *server_make(const struct ctx *ctx,
                                       const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t monotonic;

    if (!server)
        return NULL;
    server->ctx = ctx;
    server->options = *options;
    if (server->options.connections_max == 0)
        server->options.connections_max = CONNECTIONS_MAX_DEFAULT;
    if (server->options.connections_max < options->threads)
        server->options.connections_max = options->threads;
    if (server->options.idle_s == 0)
        server->options.idle_s = IDLE_S_DEFAULT;
    if (server->options.out_bytes_max == 0)
        server->options.out_bytes_max = OUT_BYTES_MAX_DEFAULT;
    (void)pthread_mutex_init(&server->mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return server;
}

static void server_discard(struct http_server *server)
{
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->mutex);
    free(server);
}

enum err_class http_server_new(const struct ctx *ctx, const struct http_server_options *options,
                               struct http_server **ret, struct err *err)
{
    assert(options->threads >= 1);

    int fd = -1;
    enum err_class rc = routes_check(options->routes, options->route_count, err);

    if (rc == ERR_OK)
        rc = listen_on(options, &fd, err);
    if (rc != ERR_OK)
        return rc;

    struct http_server *server = server_make(ctx, options);

    if (!server) {
        (void)close(fd);
        return err_memory(err);
    }
    server->port = bound_port(fd);

    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem pool[] = {
        /* A pool of one is not a pool in libmicrohttpd's eyes. */
        {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    if (options->threads < 2)
        pool[0] = pool[1];
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, server->options.connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        server->options.idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        server, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    if (!server->daemon) {
        int why = errno;

        (void)close(fd);
        server_discard(server);
        return err_errno(err, why, "cannot start the server on %s port %u", options->address,
                         options->port);
    }
    *ret = server;
    return ERR_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;

    MHD_socket listening = MHD_quiesce_daemon(server->daemon);
    int64_t until_ms = mono_ms() + STOP_WAIT_MS;

    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    while (server->under_way > 0 && mono_ms() < until_ms)
        wait_until(server, until_ms);
    /* Whoever was given an exchange still holds it: libmicrohttpd cannot stop before. */
    while (server->deferred > 0)
        pthread_cond_wait(&server->changed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);

    /* Whatever is left is cut off here; each exchange is told of by on_completed. */
    MHD_stop_daemon(server->daemon);
    if (listening != MHD_INVALID_SOCKET)
        (void)close(listening);
    if (server->timer_runs)
        (void)pthread_join(server->timer, NULL);
    server_discard(server);
}
