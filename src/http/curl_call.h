#ifndef HTTP_CURL_CALL_H
#define HTTP_CURL_CALL_H
#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>

#include "http/net.h"
#include "http/proxy.h"
#include "http/url.h"

/*
 * One exchange with curl, private to curl.c (which runs it) and curl_call.c (which sets it up,
 * takes what arrives, and says what became of it).
 */

/* Why a callback ended the transfer. */
enum ending { ENDING_OF_CURL, ENDING_HEADERS, ENDING_BODY };

struct net_call {
    CURL *easy; /* owned by the call while it lives */
    struct curl_slist *headers;
    char *body; /* of the request; owned */
    size_t body_len, body_sent;
    char host[URL_HOST_BYTES + 1];
    uint16_t port;
    bool proxied, allow_private;
    size_t body_max;
    int64_t total_ms;

    struct net_response response;
    size_t header_bytes;
    bool headers_ended, compressed;
    enum ending ending;
    const char *refused_kind; /* of an address that may not be called; NULL: none was */
    char refused[INET6_ADDRSTRLEN];
    CURLcode code;
    char detail[CURL_ERROR_SIZE];

    /* Of curl.c's thread: its list of those under way. */
    struct net_call *prev, *next;
    bool added; /* is in that list */

    /* Of curl.c, under its lock. */
    pthread_cond_t changed;
    bool ended, dropped;
    struct net_call *queued; /* the next one in the queue */
};

/*
 * Checks the request against the address rules and sets all options of call->easy. `authorities` is
 * a PEM file or NULL; it and the proxies are borrowed until the call is done. ERR_INPUT, ERR_LIMIT,
 * ERR_MEMORY.
 */
MUST_USE enum err_class curl_call_prepare(struct net_call *call, const struct net_request *request,
                                          const struct proxy_env *proxies, const char *authorities,
                                          struct err *err);
/* After the end: hands the answer over, or says why there is none. */
MUST_USE enum err_class curl_call_answer(struct net_call *call, struct net_response *ret,
                                         struct err *err);
/* Frees what prepare made, the credential wiped; call->easy must be reset or closed before. */
void curl_call_done(struct net_call *call);

#endif
