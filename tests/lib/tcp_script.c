/* tcp_script.c: a server that says what a test wants. */
#include "tcp_script.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static int open_listener(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

uint16_t tcp_closed_port(void)
{
    uint16_t port = 0;
    int fd = open_listener(&port); /* bound, never listening: a connection is refused */

    (void)close(fd);
    return port;
}

static void *play_one(void *arg)
{
    struct tcp_peer *peer = arg;

    peer->script->play(peer->script->arg, peer);
    (void)shutdown(peer->fd, SHUT_RDWR); /* closed by tcp_script_end, when nobody else uses it */
    return NULL;
}

static void *accept_all(void *arg)
{
    struct tcp_script *script = arg;

    while (script->connections < TCP_CONNECTIONS_MAX) {
        struct timeval limit = {.tv_sec = 10};
        struct tcp_peer *peer = &script->peers[script->connections];
        int one = 1, fd = accept4(script->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break; /* tcp_script_end has shut it */
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        *peer = (struct tcp_peer){.script = script, .fd = fd, .number = script->connections};
        script->connections++; /* before anybody can see an answer */
        if (pthread_create(&peer->thread, NULL, play_one, peer) != 0) {
            script->connections--;
            (void)close(fd);
            break;
        }
    }
    return NULL;
}

void tcp_script_begin(struct tcp_script *script, tcp_play *play, void *arg)
{
    memset(script, 0, sizeof(*script));
    script->play = play;
    script->arg = arg;
    script->listener = open_listener(&script->port);
    assert_int_equal(listen(script->listener, 64), 0);
    assert_int_equal(pthread_create(&script->thread, NULL, accept_all, script), 0);
}

void tcp_script_end(struct tcp_script *script)
{
    (void)shutdown(script->listener, SHUT_RDWR);
    (void)pthread_join(script->thread, NULL);
    (void)close(script->listener);
    for (unsigned i = 0; i < script->connections; i++)
        (void)shutdown(script->peers[i].fd, SHUT_RDWR);
    for (unsigned i = 0; i < script->connections; i++) {
        (void)pthread_join(script->peers[i].thread, NULL);
        (void)close(script->peers[i].fd);
    }
}

/* The length that the head of a request announces for its body. */
static size_t announced(struct str head)
{
    struct str rest = head;
    int64_t len = 0;

    while (rest.len > 0) {
        struct str value = {0};
        struct str name = str_cut(str_cut(rest, '\n', &rest), ':', &value);

        if (str_eq_nocase(name, STR("content-length")) &&
            parse_i64(str_trim(value), 0, 100000000, &len))
            break;
    }
    return (size_t)len;
}

/* Appends what is there; false at the end. */
static bool read_some(struct tcp_peer *peer, struct strbuf *ret)
{
    char bytes[16384];
    ssize_t got = recv(peer->fd, bytes, sizeof(bytes), 0);

    if (got <= 0)
        return false;
    strbuf_add(ret, bytes, (size_t)got);
    return ret->failed == ERR_OK;
}

bool tcp_request(struct tcp_peer *peer, struct strbuf *ret)
{
    const char *end;

    strbuf_reset(ret);
    while (!(end = strstr(strbuf_z(ret), "\r\n\r\n")))
        if (!read_some(peer, ret))
            return false;

    size_t head = (size_t)(end - ret->ptr) + 4;
    size_t body = announced((struct str){ret->ptr, head});

    while (ret->len < head + body)
        if (!read_some(peer, ret))
            return false;
    peer->script->requests++;
    return true;
}

bool tcp_send(struct tcp_peer *peer, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        at += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool tcp_send_z(struct tcp_peer *peer, const char *text)
{
    return tcp_send(peer, text, strlen(text));
}

void tcp_wait_closed(struct tcp_peer *peer)
{
    char bytes[4096];

    while (recv(peer->fd, bytes, sizeof(bytes), 0) > 0)
        ;
}

void tcp_reset(struct tcp_peer *peer)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    (void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)connect(peer->fd, &none, sizeof(none)); /* Linux: dissolves the connection, with RST */
}
