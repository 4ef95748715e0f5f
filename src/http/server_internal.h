#ifndef HTTP_SERVER_INTERNAL_H
#define HTTP_SERVER_INTERNAL_H
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "http/conns.h"
#include "http/server.h"
#include "http/tls.h"

/* What the files of the server share; others use server.h. The model is told in server.c. */

#define OUT_HEADERS_MAX 32
#define SERVER_RETIRED_MAX 4
#define SERVER_BLANKS_MAX 4

enum exchange_state { FRESH, BODY, WAITING, DEFERRED, DONE };

struct out_header {
    const char *name, *value; /* in the arena */
};

struct exchange {
    struct http_exchange ex; /* what the handler sees */
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct conn *conn;              /* NULL: not watched */
    const struct http_route *route; /* NULL: none */
    enum exchange_state state;
    bool refused; /* the answer is there already, the body is thrown away */
    bool counted; /* in server->under_way: it has been received whole */
    struct strbuf body;
    size_t drained;
    struct out_header headers[OUT_HEADERS_MAX];
    size_t header_count;
    bool own_headers; /* not only those of http_out_default */
    int64_t due_ms;   /* WAITING: when to resume, monotonic */
    struct exchange *next_waiting;
};

/* An answer without a body, made once: there are crowds of them, all with the same headers. */
struct blank {
    struct MHD_Response *response;
    char *headers; /* names and values, each up to a NUL */
    size_t headers_len;
};

/* One libmicrohttpd daemon and what it was started with. */
struct listener {
    struct MHD_Daemon *daemon;
    struct tls_pair tls; /* empty: plain HTTP */
};

struct http_server {
    const struct ctx *ctx;
    struct http_server_options options;
    struct peer_nets trusted;
    pthread_mutex_t listener_mutex; /* of listener: the acceptor uses it, renewing changes it */
    struct listener listener;
    struct listener retired[SERVER_RETIRED_MAX]; /* with an older certificate; fading out */
    size_t retired_count;
    bool is_tls;
    int fd;      /* listening */
    int stop_fd; /* an eventfd: readable when the acceptor is to end */
    bool accepts;
    pthread_t acceptor;
    uint16_t port;
    struct conns *conns;
    _Atomic int64_t tls_until_ms;
    pthread_mutex_t mutex;
    pthread_cond_t changed;   /* waiting list, count or stop flag; on the monotonic clock */
    struct exchange *waiting; /* soonest first */
    size_t under_way;         /* received whole, answer not yet sent whole */
    size_t deferred;          /* given away by http_defer and not yet resumed */
    bool stopping;
    bool timer_runs;
    pthread_t timer;
    struct blank blanks[SERVER_BLANKS_MAX]; /* under the mutex as well; an entry never changes */
    size_t blank_count;
};

static inline struct exchange *exchange_of(const struct http_exchange *ex)
{
    return ex->conn;
}

static inline int64_t server_mono_ms(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* accept.c */
/* Makes the socket: server->fd and port. ERR_INPUT: the address; ERR_CONFLICT: the port is taken.
 */
MUST_USE enum err_class server_listen(struct http_server *server, struct err *err);
/* From now on connections go to server->listener, whichever that is. */
MUST_USE enum err_class server_accept(struct http_server *server, struct err *err);
/* Whoever connects afterwards is refused by the kernel. */
void server_accept_no_more(struct http_server *server);

/* receive.c: libmicrohttpd's callback for requests; `cls` is the server. */
enum MHD_Result server_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls);

/* answer.c */
/* The answer is made: what is left to do before it is sent. */
enum MHD_Result exchange_answer(struct exchange *x);
/* Queues the answer. MHD_NO closes the connection. */
enum MHD_Result exchange_send(struct exchange *x);
/* When no listener is left. */
void server_forget_blanks(struct http_server *server);
/* Waits on server->changed until then; the mutex is held. */
void server_wait_until(struct http_server *server, int64_t due_ms);

#endif
