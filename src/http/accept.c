/*
 * accept.c: the listening socket, and the thread that takes connections from it.
 *
 * Not libmicrohttpd's own: a taken port has its own sentence, more connections than there may be
 * wait in the kernel's queue, and taking no more of them cannot race with its threads.
 */
#include "http/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE_MS 100 /* when the process has no descriptor left */

/* ---- The socket ---- */

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

enum err_class server_listen(struct http_server *server, struct err *err)
{
    const struct http_server_options *options = &server->options;
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
    server->port = bound_port(fd);
    server->fd = fd;
    fd = -1;
    return ERR_OK;
}

/* ---- Accepting ---- */

static void hand_over(struct http_server *server, int fd, const struct sockaddr_storage *from,
                      socklen_t len)
{
    const struct sockaddr *address = (const struct sockaddr *)from;

    if (!conns_admit(server->conns, address)) {
        (void)close(fd);
        return;
    }
    pthread_mutex_lock(&server->listener_mutex);
    /* The socket is libmicrohttpd's from here on, also when it has no memory for it. */
    (void)MHD_add_connection(server->listener.daemon, fd, address, len);
    pthread_mutex_unlock(&server->listener_mutex);
}

static void *run_acceptor(void *arg)
{
    struct http_server *server = arg;

    while (conns_wait_for_room(server->conns)) {
        struct pollfd fds[] = {{.fd = server->stop_fd, .events = POLLIN},
                               {.fd = server->fd, .events = POLLIN}};
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof(from);

        if (poll(fds, ARRAY_LEN(fds), -1) < 0 || fds[0].revents || !fds[1].revents)
            continue; /* interrupted, or asked to end: the loop's condition knows */

        int fd = accept4(server->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            hand_over(server, fd, &from, len);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            (void)poll(fds, 1, ACCEPT_PAUSE_MS); /* it would be ready again at once */
    }
    return NULL;
}

enum err_class server_accept(struct http_server *server, struct err *err)
{
    server->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->stop_fd < 0)
        return err_errno(err, errno, "cannot start the server");

    int failed = pthread_create(&server->acceptor, NULL, run_acceptor, server);

    if (failed)
        return err_errno(err, failed, "cannot start a thread of the server");
    server->accepts = true;
    return ERR_OK;
}

void server_accept_no_more(struct http_server *server)
{
    if (!server->accepts)
        return;
    conns_refuse_all(server->conns);
    (void)eventfd_write(server->stop_fd, 1); /* cannot block: its count is 1 */
    (void)pthread_join(server->acceptor, NULL);
    (void)close(server->fd);
    server->fd = -1;
    server->accepts = false;
}
