/*
 * answer.c: sending what the handler made: now, later, or when somebody else has made it.
 *
 * A delayed answer holds no thread: one timer thread, started with the first delay, keeps the
 * suspended exchanges in order of their time and resumes them. An answer without a body and without
 * headers of its own is made once and sent often.
 */
#include "http/server_internal.h"

#include <sys/socket.h>

#define STREAM_BLOCK_BYTES ((size_t)64 * 1024)
#define BLANK_HEADERS_MAX ((size_t)4096)

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

static void add_headers(struct MHD_Response *response, const struct exchange *x)
{
    for (size_t i = 0; i < x->header_count; i++)
        (void)MHD_add_response_header(response, x->headers[i].name, x->headers[i].value);
}

/* ---- Answers without a body ---- */

static void list_headers(const struct exchange *x, struct strbuf *ret)
{
    for (size_t i = 0; i < x->header_count; i++) {
        strbuf_add(ret, x->headers[i].name, strlen(x->headers[i].name) + 1);
        strbuf_add(ret, x->headers[i].value, strlen(x->headers[i].value) + 1);
    }
}

/*
 * One that was made before, or is made now and kept; NULL: neither. Only for headers that every
 * answer gets: a handler's own may be secret.
 */
static struct MHD_Response *find_blank(struct exchange *x)
{
    struct http_server *server = x->server;
    AUTO(strbuf_done) struct strbuf headers = STRBUF_INIT(BLANK_HEADERS_MAX);
    struct MHD_Response *found = NULL;
    size_t at = 0;

    list_headers(x, &headers);
    if (headers.failed != ERR_OK)
        return NULL;
    pthread_mutex_lock(&server->mutex);
    while (at < server->blank_count &&
           (server->blanks[at].headers_len != headers.len ||
            memcmp(server->blanks[at].headers, headers.ptr, headers.len) != 0))
        at++;
    if (at < server->blank_count) {
        found = server->blanks[at].response;
    } else if (at < SERVER_BLANKS_MAX && headers.len > 0) {
        found = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        if (found) {
            add_headers(found, x);
            server->blanks[server->blank_count++] =
                (struct blank){found, TAKE(headers.ptr), headers.len};
        }
    }
    pthread_mutex_unlock(&server->mutex);
    return found;
}

void server_forget_blanks(struct http_server *server)
{
    for (size_t i = 0; i < server->blank_count; i++) {
        MHD_destroy_response(server->blanks[i].response);
        free(server->blanks[i].headers);
    }
    server->blank_count = 0;
}

static enum MHD_Result queue(struct exchange *x, struct MHD_Response *response)
{
    conn_answers(x->conn);
    return MHD_queue_response(x->mhd, (unsigned)x->ex.status, response);
}

static enum MHD_Result send_made(struct exchange *x, bool has_body)
{
    const struct http_exchange *ex = &x->ex;
    struct MHD_Response *response = make_response(x);

    if (!response)
        return MHD_NO;
    if (has_body && ex->content_type)
        (void)MHD_add_response_header(response, "Content-Type", ex->content_type);
    add_headers(response, x);
    if (conn_is_last(x->conn))
        (void)MHD_add_response_header(response, "Connection", "close");

    enum MHD_Result queued = queue(x, response);

    MHD_destroy_response(response);
    return queued;
}

enum MHD_Result exchange_send(struct exchange *x)
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
    struct MHD_Response *blank =
        has_body || x->own_headers || conn_is_last(x->conn) ? NULL : find_blank(x);

    return blank ? queue(x, blank) : send_made(x, has_body);
}

/* ---- Delays ---- */

void server_wait_until(struct http_server *server, int64_t due_ms)
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

        if (first && (server->stopping || first->due_ms <= server_mono_ms())) {
            server->waiting = first->next_waiting;
            MHD_resume_connection(first->mhd);
        } else if (first) {
            server_wait_until(server, first->due_ms);
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
    x->due_ms = server_mono_ms() + x->ex.delay_ms;
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

enum MHD_Result exchange_answer(struct exchange *x)
{
    if (x->server->options.after)
        x->server->options.after(&x->ex, x->route);
    if (x->ex.delay_ms > 0 && begin_wait(x))
        return MHD_YES;
    return exchange_send(x);
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
