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
 * accept.c takes connections, receive.c brings a request to the handler, exchange.c is what the
 * handler sees of it, answer.c sends. How long a client may take for that, and how many connections
 * it may have, is conns.c's.
 *
 * The listening socket is ours: one thread accepts and hands each connection to libmicrohttpd. Its
 * own way of taking no more (MHD_quiesce_daemon) races with its threads and can end the process.
 * So a new certificate (http_server_renew) is a new libmicrohttpd daemon, since a running one keeps
 * what it was started with: from then on connections go there. The old one fades out, each of its
 * answers being the last of its connection.
 *
 * Locks: server->mutex guards the list of waiting exchanges and the count of those under way. No
 * callback runs under it. MHD_resume_connection is called with it held, which is safe: it takes
 * only libmicrohttpd's own locks and none of ours is ever taken below those.
 */
#include "http/server_internal.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "http/router.h"

#define CONNECTIONS_MAX_DEFAULT 1024
#define IDLE_S_DEFAULT 60
#define RECEIVE_S_DEFAULT 30
#define SEND_S_DEFAULT 1800
#define OUT_BYTES_MAX_DEFAULT ((size_t)256 * 1024 * 1024)
#define ARENA_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of one exchange */
#define CONNECTION_BYTES ((size_t)32 * 1024) /* headers must fit; cleared after each request */
#define STOP_WAIT_MS 10000
#define SPARE_CONNECTIONS 16 /* a thread */
/* No version below 1.2 (RFC 8996); what GnuTLS and the machine's policy hold for good. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* ---- Exchanges ---- */

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

static struct conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
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
    x->conn = conn_of(mhd);
    conn_begins(x->conn);
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
    if (x) {
        conn_is_done(x->conn);
        exchange_free(x);
    }
    *con_cls = NULL;
}

/* ---- Connections ---- */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = cls;
    const union MHD_ConnectionInfo *from, *fd;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        conn_close(*context);
        *context = NULL;
        return;
    }
    from = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (from && from->client_addr && fd)
        *context = conn_open(server->conns, from->client_addr, fd->connect_fd);
}

/* ---- libmicrohttpd ---- */

static void listener_done(struct listener *listener)
{
    if (listener->daemon)
        MHD_stop_daemon(listener->daemon); /* each exchange that is cut off is told of */
    tls_pair_done(&listener->tls);
    *listener = (struct listener){0};
}

/* `listener` has its certificate, or none; on success it serves. */
static enum err_class listener_start(struct http_server *server, struct listener *listener,
                                     struct err *err)
{
    const struct http_server_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_NO_LISTEN_SOCKET;
    /* The limit is conns.c's; a few may be on their way when it is reached. */
    unsigned connections = options->connections_max + SPARE_CONNECTIONS * options->threads;
    struct MHD_OptionItem more[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)strbuf_z(&listener->tls.certificate)},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)strbuf_z(&listener->tls.key)},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    /* A pool of one is not a pool in libmicrohttpd's eyes. */
    struct MHD_OptionItem pool[] = {
        {options->threads < 2 ? MHD_OPTION_END : MHD_OPTION_THREAD_POOL_SIZE,
         (intptr_t)options->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    if (server->is_tls)
        flags |= MHD_USE_TLS;
    else
        more[0] = more[ARRAY_LEN(more) - 1];
    listener->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, server_on_request, server, MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_BYTES, MHD_OPTION_URI_LOG_CALLBACK, on_uri, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY,
        more, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    if (listener->daemon)
        return ERR_OK;
    if (server->is_tls)
        return err_set(err, ERR_INPUT,
                       "cannot serve with the certificate %s: GnuTLS does not take it or its key, "
                       "or there are no threads left",
                       options->tls_certificate);
    return err_errno(err, errno, "cannot start the server on %s port %u", options->address,
                     options->port);
}

static enum err_class read_pair(const struct http_server *server, struct listener *ret,
                                struct err *err)
{
    const struct http_server_options *options = &server->options;

    if (!server->is_tls)
        return ERR_OK;
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return err_set(err, ERR_INPUT,
                       "this libmicrohttpd was built without TLS; unset server.tls_certificate "
                       "and put a proxy in front");
    return tls_pair_read(server->ctx, options->tls_certificate, options->tls_key, &ret->tls, err);
}

void http_server_tidy(struct http_server *server)
{
    size_t kept = 0;

    for (size_t i = 0; i < server->retired_count; i++) {
        struct listener *old = &server->retired[i];
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(old->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

        if (info && info->num_connections == 0)
            listener_done(old);
        else
            server->retired[kept++] = *old;
    }
    server->retired_count = kept;
}

enum err_class http_server_renew(struct http_server *server, struct err *err)
{
    struct listener fresh = {0};
    enum err_class rc;

    http_server_tidy(server);
    if (!server->is_tls)
        return ERR_OK;
    rc = read_pair(server, &fresh, err);
    if (rc == ERR_OK &&
        str_eq(strbuf_str(&fresh.tls.certificate), strbuf_str(&server->listener.tls.certificate))) {
        listener_done(&fresh);
        return ERR_OK;
    }
    if (rc == ERR_OK && server->retired_count == SERVER_RETIRED_MAX)
        rc = err_set(err, ERR_BUSY,
                     "%d older certificates still have connections; try again in a few minutes",
                     SERVER_RETIRED_MAX);
    if (rc == ERR_OK)
        rc = listener_start(server, &fresh, err);
    if (rc != ERR_OK) {
        listener_done(&fresh);
        return rc;
    }
    pthread_mutex_lock(&server->listener_mutex);
    server->retired[server->retired_count++] = server->listener;
    server->listener = fresh;
    pthread_mutex_unlock(&server->listener_mutex);
    conns_retire(server->conns);
    atomic_store(&server->tls_until_ms, fresh.tls.until_ms);
    return ERR_OK;
}

int64_t http_server_tls_until_ms(const struct http_server *server)
{
    return atomic_load(&server->tls_until_ms);
}

/* ---- Start and stop ---- */

static void fill_defaults(struct http_server_options *options)
{
    if (options->connections_max == 0)
        options->connections_max = CONNECTIONS_MAX_DEFAULT;
    if (options->connections_max < options->threads)
        options->connections_max = options->threads;
    if (options->idle_s == 0)
        options->idle_s = IDLE_S_DEFAULT;
    if (options->receive_s == 0)
        options->receive_s = RECEIVE_S_DEFAULT;
    if (options->send_s == 0)
        options->send_s = SEND_S_DEFAULT;
    if (options->out_bytes_max == 0)
        options->out_bytes_max = OUT_BYTES_MAX_DEFAULT;
}

static void server_discard(struct http_server *server)
{
    conns_free(server->conns);
    server_forget_blanks(server);
    if (server->fd >= 0)
        (void)close(server->fd);
    if (server->stop_fd >= 0)
        (void)close(server->stop_fd);
    (void)pthread_mutex_destroy(&server->listener_mutex);
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->mutex);
    free(server);
}

static struct http_server *server_make(const struct ctx *ctx,
                                       const struct http_server_options *options)
{
    struct http_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t monotonic;

    if (!server)
        return NULL;
    server->ctx = ctx;
    server->fd = -1;
    server->stop_fd = -1;
    server->options = *options;
    server->is_tls = options->tls_certificate && *options->tls_certificate;
    fill_defaults(&server->options);
    (void)pthread_mutex_init(&server->mutex, NULL);
    (void)pthread_mutex_init(&server->listener_mutex, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return server;
}

static enum err_class watch_connections(struct http_server *server, struct err *err)
{
    const struct http_server_options *options = &server->options;
    const struct conns_options watch = {
        .max = options->connections_max,
        .per_address_max = options->connections_per_address,
        .idle_ms = (int64_t)options->idle_s * 1000,
        .receive_ms = (int64_t)options->receive_s * 1000,
        .send_ms = (int64_t)options->send_s * 1000,
        .exempt = server->trusted,
    };

    server->conns = conns_new(&watch);
    return server->conns ? ERR_OK : err_memory(err);
}

static enum err_class server_start(struct http_server *server, struct err *err)
{
    const struct http_server_options *options = &server->options;
    const char *proxies = options->trusted_proxies ? options->trusted_proxies : "";
    struct listener listener = {0};
    enum err_class rc = routes_check(options->routes, options->route_count, err);

    if (rc == ERR_OK)
        rc = peer_nets_read(proxies, "server.trusted_proxies", &server->trusted, err);
    if (rc == ERR_OK)
        rc = read_pair(server, &listener, err);
    if (rc == ERR_OK)
        rc = server_listen(server, err);
    if (rc == ERR_OK)
        rc = watch_connections(server, err);
    if (rc == ERR_OK)
        rc = listener_start(server, &listener, err);
    if (rc != ERR_OK) {
        listener_done(&listener);
        return rc;
    }
    server->listener = listener;
    atomic_store(&server->tls_until_ms, listener.tls.until_ms);
    rc = server_accept(server, err);
    if (rc != ERR_OK)
        listener_done(&server->listener);
    return rc;
}

enum err_class http_server_new(const struct ctx *ctx, const struct http_server_options *options,
                               struct http_server **ret, struct err *err)
{
    assert(options->threads >= 1);

    struct http_server *server = server_make(ctx, options);
    enum err_class rc = server ? server_start(server, err) : err_memory(err);

    if (rc == ERR_OK)
        *ret = server;
    else if (server)
        server_discard(server);
    return rc;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

/* Until all that was received is answered; a deferred answer as long as it takes. */
static void wait_for_answers(struct http_server *server)
{
    int64_t until_ms = server_mono_ms() + STOP_WAIT_MS;

    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    while (server->under_way > 0 && server_mono_ms() < until_ms)
        server_wait_until(server, until_ms);
    /* Whoever was given an exchange still holds it: libmicrohttpd cannot stop before. */
    while (server->deferred > 0)
        pthread_cond_wait(&server->changed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    server_accept_no_more(server);
    wait_for_answers(server);
    listener_done(&server->listener);
    for (size_t i = 0; i < server->retired_count; i++)
        listener_done(&server->retired[i]);
    if (server->timer_runs)
        (void)pthread_join(server->timer, NULL);
    server_discard(server);
}
