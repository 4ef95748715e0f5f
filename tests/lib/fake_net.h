#ifndef TESTS_LIB_FAKE_NET_H
#define TESTS_LIB_FAKE_NET_H
#include <pthread.h>

#include "http/net.h"

/*
 * A network for tests: a callback answers. It is asked when an exchange is started, in that order;
 * the answer is handed out when it is finished. An answer's delay passes on the context's clock,
 * from the start on, so that exchanges under way together overlap. Thread-safe if the callback is:
 * it is called under the fake's lock, one at a time.
 */
struct fake_answer {
    int status;              /* 200 unless set */
    const char *headers[24]; /* "Name: value"; up to the first NULL. Literals, or as body */
    struct strbuf body;      /* filled by the callback; owned by the fake afterwards */
    enum err_class error;    /* not ERR_OK: the exchange fails, with `error_msg` */
    const char *error_msg;
    bool refused; /* the error comes from start already (a URL that is not allowed) */
    int64_t delay_ms;
};

/* The request is valid during the callback. `path` is the URL from behind its host. */
typedef void fake_net_handler(void *arg, const struct net_request *request, const char *path,
                              struct fake_answer *answer);

struct fake_net {
    fake_net_handler *handler;
    void *arg;
    pthread_mutex_t lock;
    unsigned started, finished, dropped; /* exchanges */
    unsigned in_flight, in_flight_most;
    struct strbuf seen; /* one line an exchange: "GET /path?query\n", in the order of starts */
};

void fake_net_init(struct fake_net *net, fake_net_handler *handler, void *arg);
void fake_net_done(struct fake_net *net);
/* Puts it into ctx->net; borrowed there. */
void fake_net_install(struct fake_net *net, struct ctx *ctx);

#endif
