/*
 * daemon.c: everything that runs, started in one order and stopped in the reverse.
 *
 *     store -> sign-in -> sites -> intake, workers -> pool -> HTTP server
 *
 * Stopping: the server takes no more and answers what it has (the pool and the intake still run for
 * that), then the pool, the intake, the workers (their jobs see the wish to stop and go back to the
 * queue), the sites, the store.
 */
#include "daemon/internal.h"

#include <unistd.h>

#include "base/log.h"

#define POOL_QUEUE_MAX 1024

const struct ctx *daemon_ctx(const struct daemon *daemon)
{
    return &daemon->ctx;
}

const struct config *daemon_config(const struct daemon *daemon)
{
    return daemon->options.config;
}

struct store_pool *daemon_store(struct daemon *daemon)
{
    return daemon->store;
}

uint16_t daemon_port(const struct daemon *daemon)
{
    return http_server_port(daemon->server);
}

/* "127.0.0.1:8080", "[::1]:8080" into its parts; the address is copied. */
static enum err_class split_listen(const char *listen, char address[64], uint16_t *ret_port,
                                   struct err *err)
{
    const char *colon = strrchr(listen, ':');
    struct str host = {listen, colon ? (size_t)(colon - listen) : 0};
    int64_t port = 0;

    if (str_starts(host, STR("[")) && str_ends(host, STR("]")))
        host = str_sub(host, 1, host.len - 2);
    if (!colon || host.len == 0 || host.len >= 64 ||
        !parse_i64(str_from(colon + 1), 0, 65535, &port))
        return err_set(err, ERR_INPUT,
                       "\"%s\" is not an address to listen on; write it like 127.0.0.1:8080 or "
                       "[::1]:8080",
                       listen);
    memcpy(address, host.ptr, host.len);
    address[host.len] = '\0';
    *ret_port = (uint16_t)port;
    return ERR_OK;
}

static enum err_class start_server(struct daemon *daemon, struct err *err)
{
    const struct config *config = daemon->options.config;
    char address[64];
    uint16_t port = 0;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    enum err_class rc = split_listen(config->server.listen, address, &port, err);

    if (rc != ERR_OK)
        return rc;

    const struct http_server_options options = {
        .address = address,
        .port = port,
        .threads = (unsigned)(config->server.threads ? config->server.threads
                              : cores > 0            ? cores
                                                     : 1),
        .routes = daemon->http_routes,
        .route_count = daemon->route_count,
        .app = daemon,
        .connections_max = (unsigned)config->server.connections,
        .connections_per_address = (unsigned)config->server.connections_per_address,
        .receive_s = (unsigned)config->server.receive_s,
        .trusted_proxies = config->server.trusted_proxies,
        .tls_certificate = config->server.tls_certificate,
        .tls_key = config->server.tls_key,
        .before = api_before,
        .after = api_after,
    };

    return http_server_new(&daemon->ctx, &options, &daemon->server, err);
}

static enum err_class start_parts(struct daemon *daemon, struct err *err)
{
    const struct daemon_options *options = &daemon->options;
    enum err_class rc =
        store_pool_new(&daemon->ctx, options->data_dir, options->catalog, &daemon->store, err);

    if (rc == ERR_OK)
        rc = auth_start(daemon, err);
    if (rc == ERR_OK)
        rc = routes_bind(daemon, err);
    if (rc == ERR_OK)
        rc = work_start(daemon, err);
    if (rc != ERR_OK)
        return rc;
    daemon->pool = pool_new((size_t)options->config->server.workers, POOL_QUEUE_MAX);
    return daemon->pool ? start_server(daemon, err) : err_memory(err);
}

enum err_class daemon_start(const struct ctx *ctx, const struct daemon_options *options,
                            struct daemon **ret, struct err *err)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));

    if (!daemon)
        return err_memory(err);
    daemon->ctx = *ctx;
    daemon->options = *options;
    daemon->started_ms = ctx_mono_ms(ctx);
    sites_init(&daemon->sites);
    (void)pthread_mutex_init(&daemon->work.mutex, NULL);

    enum err_class rc = start_parts(daemon, err);

    if (rc != ERR_OK) {
        daemon_stop(daemon);
        return rc;
    }
    LOG(ctx, LOG_INFO, "daemon_started", LOG_NUM("port", daemon_port(daemon)));
    *ret = daemon;
    return ERR_OK;
}

enum err_class daemon_reload(struct daemon *daemon, struct err *err)
{
    work_reload(daemon);
    return http_server_renew(daemon->server, err);
}

void daemon_stop(struct daemon *daemon)
{
    if (!daemon)
        return;
    atomic_store(&daemon->stopping, true);
    http_server_free(daemon->server);
    pool_free(daemon->pool);
    work_stop(daemon);
    sites_free(daemon);
    auth_stop(daemon);
    routes_free(daemon);
    store_pool_free(daemon->store);
    (void)pthread_mutex_destroy(&daemon->work.mutex);
    LOG(&daemon->ctx, LOG_INFO, "daemon_stopped");
    free(daemon);
}
