#ifndef HTTP_CONNS_H
#define HTTP_CONNS_H
#include <stdint.h>

#include "base/attr.h"
#include "http/peer.h"

/*
 * The open connections of a server: how many an address has, and until when each must have sent its
 * next request whole. A silent connection is libmicrohttpd's to close; but one byte a minute is not
 * silence, and costs the sender nothing (slowloris), so here the whole is counted.
 *
 * Thread-safe. One thread of its own looks every second while there is a connection, and shuts down
 * the sockets that are past their time: libmicrohttpd then sees the end of what they send.
 */
struct conns;
struct conn; /* of one connection; belongs to libmicrohttpd's thread that has it */

struct conns_options {
    unsigned max;             /* in all */
    unsigned per_address_max; /* 0: no limit */
    int64_t idle_ms;          /* between two requests */
    int64_t receive_ms;       /* for a request, from its first line on */
    int64_t send_ms;          /* for its answer */
    struct peer_nets exempt;  /* no limit of connections: proxies, for they are many clients */
};

struct conns *conns_new(const struct conns_options *options); /* NULL: no memory, or no thread */
void conns_free(struct conns *conns); /* none is open any more; NULL is fine */

/*
 * A connection was made. NULL when out of memory: it is then neither counted nor watched.
 *   from  the other end
 *   fd    borrowed; must stay open until conn_close has returned
 */
struct conn *conn_open(struct conns *conns, const struct sockaddr *from, int fd);
/* All of these take NULL. */
void conn_close(struct conn *conn);
void conn_begins(struct conn *conn);                  /* a request line has come */
void conn_expects(struct conn *conn, uint64_t bytes); /* so large a body may follow it */
void conn_has_all(struct conn *conn);                 /* the request is whole: our turn */
void conn_answers(struct conn *conn);                 /* the answer begins to leave */
void conn_is_done(struct conn *conn);                 /* it has left, or has broken off */
/* The address had its share of connections when this one came: to be told so and closed. */
bool conn_is_over(const struct conn *conn);

/* All that are open now are to end with their next answer: conn_is_last. */
void conns_retire(struct conns *conns);
bool conn_is_last(const struct conn *conn);

/*
 * May this address connect at all? Not when it already has twice its share: the connections above
 * it, that are open to be told so, are many enough.
 */
bool conns_admit(struct conns *conns, const struct sockaddr *from);
/* Waits until there are fewer than options.max. False: conns_refuse_all was called. */
bool conns_wait_for_room(struct conns *conns);
void conns_refuse_all(struct conns *conns);

#endif
