#ifndef TESTS_LIB_TCP_SCRIPT_H
#define TESTS_LIB_TCP_SCRIPT_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/str.h"

/*
 * A TCP server on 127.0.0.1 whose every connection is played by a function of the test, on a thread
 * of its own: for what no well-behaved server sends. Nothing waits longer than ten seconds.
 */
#define TCP_CONNECTIONS_MAX 64

struct tcp_peer {
    struct tcp_script *script;
    int fd;
    unsigned number; /* of the connection, from 0 */
    pthread_t thread;
};

typedef void tcp_play(void *arg, struct tcp_peer *peer);

struct tcp_script {
    uint16_t port;
    tcp_play *play;
    void *arg;
    _Atomic unsigned connections, requests; /* so far; requests by tcp_request */
    int listener;
    pthread_t thread;
    struct tcp_peer peers[TCP_CONNECTIONS_MAX];
};

/* Fails the test when the system refuses. The script must not move while it runs. */
void tcp_script_begin(struct tcp_script *script, tcp_play *play, void *arg);
/* Closes all connections and waits for their threads. */
void tcp_script_end(struct tcp_script *script);

/*
 * Reads one HTTP request with its body (by Content-Length) into *ret, what was there is forgotten.
 * False when the peer has closed.
 */
bool tcp_request(struct tcp_peer *peer, struct strbuf *ret);
/* False when the peer does not take it any more. */
bool tcp_send(struct tcp_peer *peer, const void *bytes, size_t len);
bool tcp_send_z(struct tcp_peer *peer, const char *text);
/* Until the peer closes. */
void tcp_wait_closed(struct tcp_peer *peer);
/* Ends with a reset instead of a proper end. */
void tcp_reset(struct tcp_peer *peer);

/* A port on 127.0.0.1 where nobody listens. */
uint16_t tcp_closed_port(void);

#endif
