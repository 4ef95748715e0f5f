#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/ctx.h"
#include "http/net.h"
#include "http/peer.h"

/*
 * The server: libmicrohttpd (epoll, a pool of threads) behind a table of routes. A handler gets a
 * whole request and fills an answer. Used by the daemon and by tenon-sandbox.
 *
 * Path and query reach the handler as they came over the wire, never decoded in place: Connect's
 * query string hash is computed over them. What the handler reads through `params` and
 * http_in_query is decoded exactly once and is valid UTF-8 without NUL. A path with an encoded
 * slash, a "." or ".." segment or a broken escape is answered 400 before any handler sees it.
 */
#define ROUTE_PARAMS_MAX 4

/*
 * A body that is made while it is sent. Puts up to `len` bytes at `room` and returns how many, at
 * least one; or one of the two ends. Runs on a server thread, which it must not hold long.
 *   at  bytes already made
 */
#define HTTP_STREAM_END (-1)   /* all is said */
#define HTTP_STREAM_BREAK (-2) /* close the connection in the middle */
typedef ssize_t http_stream(void *arg, uint64_t at, char *room, size_t len);

struct http_exchange {
    const struct ctx *ctx;
    void *app;           /* what http_server_new was given */
    struct arena *arena; /* lives until the answer is sent */
    void *user;          /* for before, handler and after to hand something along; NULL at first */
    /* The request */
    enum http_method method;             /* HEAD is served as GET; its body is then not sent */
    struct str method_name;              /* as received; in not_found it may be any word */
    struct str path;                     /* raw, as received, without query; borrowed */
    struct str raw_query;                /* raw, without '?'; borrowed */
    struct str body;                     /* whole; borrowed */
    struct str params[ROUTE_PARAMS_MAX]; /* the {…} parts of the route, decoded, in order */
    void *conn;                          /* opaque; for the look-ups below */
    /* The answer */
    int status;                     /* 200 unless set */
    const char *content_type;       /* "application/json" unless set; literal or in the arena */
    struct strbuf out;              /* the body */
    int64_t delay_ms;               /* send it this much later; no thread is held meanwhile */
    http_stream *stream;            /* when set, the body comes from here and `out` is not sent */
    void *stream_arg;               /* lives at least as long as the arena */
    int64_t stream_bytes;           /* length announced; -1: not known, sent in chunks */
    void (*stream_done)(void *arg); /* called once, after the last use of stream_arg; or NULL */
    bool cut_off; /* close the connection after sending half of the body (sandbox faults) */
    bool drop;    /* close the connection without any answer (sandbox faults) */
};

/* Request header by name (any case), empty view when absent. */
struct str http_in_header(const struct http_exchange *ex, const char *name);
/*
 * The client's IP address: behind proxies that options.trusted_proxies names, what they say, else
 * the other end of the connection. False, or empty: not known. The text ("192.0.2.7",
 * "2001:db8::1") is in the arena.
 */
MUST_USE bool http_in_peer(const struct http_exchange *ex, struct peer_address *ret);
struct str http_in_address(const struct http_exchange *ex);
/*
 * Somebody whom we do not trust says that the client is somebody else (X-Forwarded-For and its
 * kin): the address above may then be that of a proxy. For rights that go by address.
 */
bool http_in_is_relayed(const struct http_exchange *ex);
/* The client came by TLS: to us, or to a trusted proxy that says so (X-Forwarded-Proto). */
bool http_in_is_https(const struct http_exchange *ex);
/* Query parameter, decoded; empty view with NULL pointer when absent. The first of equal names. */
struct str http_in_query(const struct http_exchange *ex, const char *name);
/* The nth (from 0) of equal names; NULL pointer when there are not so many. */
struct str http_in_query_nth(const struct http_exchange *ex, const char *name, size_t nth);
/*
 * Adds an answer header; both are copied. One with a control character in it is left out: that is
 * how headers get split.
 */
void http_out_header(struct http_exchange *ex, const char *name, const char *value);
/* The same, unless the answer has a header of that name already. */
void http_out_default(struct http_exchange *ex, const char *name, const char *value);
/*
 * For a handler that must wait for somebody else: the answer comes later, from any thread, and no
 * thread of the server is held meanwhile. After http_defer the exchange belongs to whoever will
 * call http_resume, once; the handler returns without touching it again. `after` runs when it
 * resumes.
 */
void http_defer(struct http_exchange *ex);
void http_resume(struct http_exchange *ex);
/*
 * The answer becomes an RFC 9457 problem document of that status, in place of what `out` held.
 *   detail  one sentence for a person; NULL: none
 */
void http_out_problem(struct http_exchange *ex, int status, const char *detail);

typedef void http_handler(struct http_exchange *ex);

struct http_route {
    enum http_method method;
    const char *pattern; /* "/rest/api/3/issue/{key}/worklog/{id}"; a literal beats a {…} */
    size_t body_max;     /* bytes; past it 413 */
    http_handler *handler;
};

struct http_server_options {
    const char *address;             /* "127.0.0.1", "::1" */
    uint16_t port;                   /* 0: any free one */
    unsigned threads;                /* >= 1 */
    const struct http_route *routes; /* borrowed */
    size_t route_count;
    void *app;
    unsigned connections_max;         /* 0: 1024; more wait in the kernel's queue */
    unsigned connections_per_address; /* more are answered 429; 0: no limit */
    unsigned idle_s;                  /* a connection that is silent so long is closed; 0: 60 */
    /*
     * For a whole request from its first line on, and one second more for each 16 KiB of its body;
     * then the connection is closed, whatever trickles in. 0: 30.
     */
    unsigned receive_s;
    unsigned send_s;             /* the same for its answer; 0: 1800 */
    const char *trusted_proxies; /* see peer_nets_read; borrowed until it serves; NULL: none */
    /* PEM files, borrowed; NULL or "": plain HTTP. TLS 1.2 and 1.3. */
    const char *tls_certificate, *tls_key;
    size_t out_bytes_max; /* the largest body in memory; 0: 256 MiB */
    /*
     * Runs before the handler, with the whole body there; false: it has filled the answer already.
     * Route is NULL when none fits. May be NULL.
     */
    bool (*before)(struct http_exchange *ex, const struct http_route *route);
    /* Runs after the handler, before sending; route as above. May be NULL. */
    void (*after)(struct http_exchange *ex, const struct http_route *route);
    /*
     * Also for a path whose method is not served; status is set to 404, or to 405 with the header
     * Allow already added. NULL: a problem document.
     */
    http_handler *not_found;
};

struct http_server;

/*
 * Serves from the moment it returns. ERR_INPUT: the address, the proxies, the certificate;
 * ERR_CONFLICT: the port is taken. Errors of tls_pair_read.
 */
MUST_USE enum err_class http_server_new(const struct ctx *ctx,
                                        const struct http_server_options *options,
                                        struct http_server **ret, struct err *err);
uint16_t http_server_port(const struct http_server *server);
/*
 * Reads the certificate's files again and serves with what they hold now; connections that are
 * open end after their next answer. On an error all stays as it was. Without TLS, or when the file
 * is the same, nothing happens. To be called by the thread that made the server. ERR_BUSY: it was
 * called so often that too many older certificates still have connections.
 */
MUST_USE enum err_class http_server_renew(struct http_server *server, struct err *err);
/* Lets go of what http_server_renew left behind and nobody uses any more; the same thread. */
void http_server_tidy(struct http_server *server);
/* When the certificate ends, UTC; 0: no TLS. Any thread. */
int64_t http_server_tls_until_ms(const struct http_server *server);
/*
 * Takes no new connection, waits until all that was received whole is answered (10 s at most,
 * delayed answers are sent at once; for deferred ones as long as it takes), then closes: a request
 * that is still arriving is cut off. NULL is fine.
 */
void http_server_free(struct http_server *server);
AUTO_DEFINE(struct http_server, http_server_free)

#endif
