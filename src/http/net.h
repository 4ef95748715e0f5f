#ifndef HTTP_NET_H
#define HTTP_NET_H
#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

/*
 * The network as the logic sees it: one HTTP exchange that is started and later waited for, so that
 * the next page travels while this one is being stored. No retries, no budget: those are
 * http/client.h. The real one is http/curl.c; a test or a replay puts its own into the context.
 */
enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE };
#define HTTP_METHOD_COUNT 4
const char *http_method_name(enum http_method method);

struct http_header {
    const char *name;
    const char *value;
};

#define NET_HEADERS_MAX 8

/* All members are borrowed until start returns. Text has no control characters: else ERR_INPUT. */
struct net_request {
    enum http_method method;
    const char *url;           /* absolute, printable ASCII, percent-encoded */
    const char *content_type;  /* NULL when there is no body */
    struct str body;           /* copied by start */
    const char *authorization; /* the header's value; NULL none. Never sent to another host. */
    /*
     * Amazon's signature version 4, made by libcurl: "aws:amz:REGION:s3", and "KEY-ID:SECRET". Then
     * no `authorization`; a header x-amz-content-sha256 must be given, and a query must be in the
     * signature's own form (sorted, every name with a '='). NULL: none.
     */
    const char *aws_sigv4, *aws_login;
    struct http_header headers[NET_HEADERS_MAX]; /* further ones, up to the first NULL name */
    size_t body_max;                             /* bytes of the answer; past it ERR_LIMIT */
    int64_t total_ms;   /* for the whole exchange, waiting for a free connection included */
    bool allow_http;    /* else https only */
    bool allow_private; /* else public addresses only, checked after the name is resolved */
    bool once; /* must not reach the server twice: no silent repeat on a stale connection */
};

/* Bytes past the end of a body that are there, and zero: what yyjson wants for parsing in place. */
#define NET_BODY_PADDING 4

#define NET_HEADERS_KEPT 24
/*
 * An answer. Of its headers only those are kept that somebody here reads (the table in net.c), in
 * their order, names in lower case, other than printable ASCII replaced by '?'.
 */
struct net_response {
    int status;         /* HTTP status */
    struct strbuf body; /* owned; NET_BODY_PADDING zero bytes follow its end */
    struct {
        char name[40];
        char value[216]; /* cut */
    } headers[NET_HEADERS_KEPT];
    size_t header_count;
    int64_t elapsed_ms;
};

void net_response_done(struct net_response *response);
/* The value of the first header of that name (lower-case), empty view when absent. */
struct str net_header(const struct net_response *response, const char *name);

/* For those who make answers (curl.c, a fake): keeps the header if it is one that is kept. */
void net_response_add_header(struct net_response *response, struct str name, struct str value);
/*
 * The body's buffer: `reserve` makes room for exactly `len` bytes and the padding, `append` adds,
 * `end` writes the padding. False: out of memory, or past body_max; strbuf_check tells which.
 */
void net_body_init(struct strbuf *body, size_t body_max);
MUST_USE bool net_body_reserve(struct strbuf *body, size_t len);
MUST_USE bool net_body_append(struct strbuf *body, const void *bytes, size_t len);
MUST_USE bool net_body_end(struct strbuf *body);

struct net_call;

struct net_ops {
    /* Begins the exchange; never blocks on the network. ERR_INPUT: the URL is not allowed. */
    enum err_class (*start)(void *self, const struct ctx *ctx, const struct net_request *request,
                            struct net_call **ret, struct err *err);
    /*
     * Waits for the end and fills *ret (owned by the caller). An HTTP error status is not an error
     * here. Ends the call in any case. Redirects are answers like others: they are not followed.
     * ERR_NETWORK (not reached, broken, too slow), ERR_REMOTE (its certificate is not to be
     * trusted, or it does not speak HTTP), ERR_LIMIT (answer too large), ERR_INPUT (its address is
     * not allowed), ERR_CANCELLED, ERR_MEMORY.
     */
    enum err_class (*finish)(void *self, const struct ctx *ctx, struct net_call *call,
                             struct net_response *ret, struct err *err);
    /*
     * Would finish return without waiting? Waits for that itself first, at most `wait_ms`, which is
     * meant to be short: a wish to stop does not end it.
     */
    bool (*ready)(void *self, const struct ctx *ctx, struct net_call *call, int64_t wait_ms);
    /* Gives the call up. NULL is fine. */
    void (*drop)(void *self, struct net_call *call);
};

/*
 * The real network: one thread runs curl's multi interface. net_curl_new reads the environment
 * once: https_proxy, http_proxy, all_proxy, no_proxy (http/proxy.h) and SSL_CERT_FILE (the
 * authorities to trust, a PEM file, instead of the system's). Any number of threads may start and
 * finish calls.
 */
struct net_curl;
MUST_USE enum err_class net_curl_new(struct net_curl **ret, struct err *err);
/* NULL is fine. No call may be under way but dropped ones, and no other thread in an operation. */
void net_curl_free(struct net_curl *net);
AUTO_DEFINE(struct net_curl, net_curl_free)
/* Puts it into ctx->net; borrowed there. */
void net_curl_install(struct net_curl *net, struct ctx *ctx);

#endif
