/*
 * curl_call.c: one exchange with curl: its options, what arrives, and what became of it.
 *
 * Safety: redirects are not followed; cookies, .netrc and curl's own reading of the environment are
 * off; only https (and http where allowed). Each address is judged when curl is about to connect
 * (on_socket), and each connection, kept ones included, when it is about to be used (on_ready),
 * since a tenant that may call a private address shares the kept connections with one that may not.
 * The credential goes to the host of its own URL, and our copies of it are wiped when the call
 * ends; curl's send buffer is beyond our reach.
 *
 * HTTP/1.1 on purpose: pages of megabytes gain nothing from HTTP/2's streams, and a broken
 * connection breaks one transfer. Only gzip is asked for: one decoder, which every Jira speaks.
 */
#include "http/curl_call.h"

#include <assert.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "http/curl_error.h"
#include "http/guard.h"

#ifndef TENON_VERSION
#error "the build says which version this is"
#endif

/* Of one recv. Measured with pages of 2 MB: 64 kB to 512 kB make no difference. */
#define RECEIVE_BYTES (128 * 1024)
/* A compressed page of JSON grows about that much: room made at first, as far as allowed. */
#define INFLATE_GUESS 8

/* ---- callbacks: on the thread of curl.c ---- */

static void refuse(struct net_call *call, const char *kind, const char *address)
{
    call->refused_kind = kind;
    (void)snprintf(call->refused, sizeof(call->refused), "%s", address);
}

/* curl is about to connect: the address that the name has, at this moment. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct net_call *call = arg;
    char text[INET6_ADDRSTRLEN] = "?";

    (void)purpose; /* there is only CURLSOCKTYPE_IPCXN in a client */
    if (!call->allow_private && !call->proxied) {
        const char *kind = guard_kind(&address->addr);

        if (kind) {
            const void *bytes =
                address->family == AF_INET6
                    ? (const void *)&((struct sockaddr_in6 *)&address->addr)->sin6_addr
                    : (const void *)&((struct sockaddr_in *)&address->addr)->sin_addr;

            if (address->family == AF_INET || address->family == AF_INET6)
                (void)inet_ntop(address->family, bytes, text, sizeof(text));
            refuse(call, kind, text);
            return CURL_SOCKET_BAD;
        }
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl is about to send on a connection, a new or a kept one. */
static int on_ready(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct net_call *call = arg;
    struct sockaddr_storage address;
    const char *kind = "no internet address";

    (void)local;
    (void)remote_port;
    (void)local_port;
    if (call->allow_private || call->proxied)
        return CURL_PREREQFUNC_OK;
    if (guard_literal(str_from(remote), &address))
        kind = guard_kind((const struct sockaddr *)&address);
    if (!kind)
        return CURL_PREREQFUNC_OK;
    refuse(call, kind, remote);
    return CURL_PREREQFUNC_ABORT;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct net_call *call = arg;
    struct str line = {bytes, size * count}, value = {0};

    call->header_bytes += line.len;
    if (call->header_bytes > LIMIT_HTTP_HEADERS_BYTES) {
        call->ending = ENDING_HEADERS;
        return 0;
    }
    if (call->response.body.len > 0)
        return line.len; /* a trailer behind a chunked body says nothing to us */
    if (str_starts(line, STR("HTTP/"))) {
        /* What came before belonged to an interim answer (1xx). */
        call->response.header_count = 0;
        call->headers_ended = false;
        return line.len;
    }

    struct str text = str_trim(line);

    if (text.len == 0) {
        call->headers_ended = true;
        return line.len;
    }

    struct str name = str_cut(text, ':', &value);

    if (str_eq_nocase(name, STR("content-encoding")))
        call->compressed = !str_eq_nocase(str_trim(value), STR("identity"));
    net_response_add_header(&call->response, name, value);
    return line.len;
}

/* Room for the whole body, where the remote says how long it is. A failure shows at the append. */
static bool reserve(struct net_call *call)
{
    curl_off_t length = -1;

    if (curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK ||
        length <= 0)
        return true;

    size_t want = (size_t)length;

    /* curl has refused a length past body_max, so there is no overflow. */
    if (call->compressed)
        want = want > call->body_max / INFLATE_GUESS ? call->body_max : want * INFLATE_GUESS;
    return net_body_reserve(&call->response.body, want < call->body_max ? want : call->body_max);
}

/* Bytes of the body, decompressed; so the cap holds against a small answer that grows large. */
static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct net_call *call = arg;
    struct strbuf *body = &call->response.body;
    size_t len = size * count;

    if (len == 0)
        return 0;
    if ((body->len == 0 && !reserve(call)) || !net_body_append(body, bytes, len)) {
        call->ending = ENDING_BODY;
        return CURL_WRITEFUNC_ERROR;
    }
    return len;
}

/* The request's body where it must not be sent twice: curl cannot rewind this. */
static size_t on_send(char *bytes, size_t size, size_t count, void *arg)
{
    struct net_call *call = arg;
    size_t room = size * count, left = call->body_len - call->body_sent;
    size_t len = left < room ? left : room;

    memcpy(bytes, call->body + call->body_sent, len);
    call->body_sent += len;
    return len;
}

/* ---- setting up ---- */

/* Each string of the list may hold a credential. */
static void wipe_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static enum err_class add_header(struct net_call *call, const char *name, const char *value,
                                 struct err *err)
{
    AUTO(strbuf_done) struct strbuf line = STRBUF_INIT(LIMIT_HTTP_HEADERS_BYTES);
    size_t len = strlen(name) + strlen(value) + 2;

    if (has_control(name) || has_control(value))
        return err_set(err, ERR_INPUT,
                       "the value of the header %s has a line break or another control character: "
                       "leave it out of the credential",
                       has_control(name) ? "?" : name);
    /* All at once, so that no half of a credential stays behind in a buffer outgrown. */
    char *at = strbuf_grow(&line, len);
    enum err_class class = strbuf_check(&line, "a header of a call", err);

    if (class != ERR_OK)
        return class;
    (void)snprintf(at, len + 1, "%s: %s", name, value);

    struct curl_slist *list = curl_slist_append(call->headers, at);

    explicit_bzero(at, len);
    if (!list)
        return err_memory(err);
    call->headers = list;
    return ERR_OK;
}

static enum err_class add_headers(struct net_call *call, const struct net_request *request,
                                  struct err *err)
{
    enum err_class class = ERR_OK;

    if (request->authorization)
        class = add_header(call, "Authorization", request->authorization, err);
    if (class == ERR_OK && request->content_type)
        class = add_header(call, "Content-Type", request->content_type, err);
    for (size_t i = 0; class == ERR_OK && i < NET_HEADERS_MAX && request->headers[i].name; i++)
        class = add_header(call, request->headers[i].name, request->headers[i].value, err);
    if (class != ERR_OK || request->aws_sigv4)
        return class; /* curl 7.88 would sign the line below, and not send it */

    /* Without a value: curl shall not wait for "100 Continue" before a body. */
    struct curl_slist *list = curl_slist_append(call->headers, "Expect:");

    if (!list)
        return err_memory(err);
    call->headers = list;
    return ERR_OK;
}

#define SET(call, option, value)                                                                   \
    ((call)->code = (call)->code == CURLE_OK ? curl_easy_setopt((call)->easy, (option), (value))   \
                                             : (call)->code)

static void set_method(struct net_call *call, const struct net_request *request)
{
    bool body = call->body_len > 0;

    if (request->method == HTTP_GET && !body) {
        SET(call, CURLOPT_HTTPGET, 1L);
        return;
    }
    if (request->method != HTTP_POST)
        SET(call, CURLOPT_CUSTOMREQUEST, http_method_name(request->method));
    if (request->method == HTTP_DELETE && !body)
        return; /* else it would carry a Content-Length: 0, which some servers mind */
    SET(call, CURLOPT_POST, 1L);
    SET(call, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    if (request->once && body) {
        SET(call, CURLOPT_READFUNCTION, on_send);
        SET(call, CURLOPT_READDATA, call);
    } else {
        SET(call, CURLOPT_POSTFIELDS, body ? call->body : "");
    }
}

/* The secret is in curl's own memory until the handle is reset. */
static void set_signature(struct net_call *call, const struct net_request *request)
{
    if (!request->aws_sigv4)
        return;
    SET(call, CURLOPT_AWS_SIGV4, request->aws_sigv4);
    SET(call, CURLOPT_USERPWD, request->aws_login);
    SET(call, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L); /* see add_headers; 0 would mean a second */
}

/* curl repeats by itself what it sent on a kept connection that turns out to be closed. */
static void set_once(struct net_call *call, const struct net_request *request)
{
    if (request->once && call->body_len == 0)
        SET(call, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_callbacks(struct net_call *call)
{
    SET(call, CURLOPT_PRIVATE, call);
    SET(call, CURLOPT_ERRORBUFFER, call->detail);
    SET(call, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(call, CURLOPT_OPENSOCKETDATA, call);
    SET(call, CURLOPT_PREREQFUNCTION, on_ready);
    SET(call, CURLOPT_PREREQDATA, call);
    SET(call, CURLOPT_HEADERFUNCTION, on_header);
    SET(call, CURLOPT_HEADERDATA, call);
    SET(call, CURLOPT_WRITEFUNCTION, on_body);
    SET(call, CURLOPT_WRITEDATA, call);
}

static void set_rules(struct net_call *call, const struct net_request *request, const char *proxy,
                      const char *authorities)
{
    int64_t connect_ms =
        request->total_ms < LIMIT_HTTP_CONNECT_MS ? request->total_ms : LIMIT_HTTP_CONNECT_MS;

    SET(call, CURLOPT_PROTOCOLS_STR, request->allow_http ? "https,http" : "https");
    SET(call, CURLOPT_FOLLOWLOCATION, 0L);
    SET(call, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(call, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(call, CURLOPT_PROXY, proxy ? proxy : ""); /* "": not even the environment's */
    SET(call, CURLOPT_NOPROXY, "");
    SET(call, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(call, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* the proxy gets no credential */
    SET(call, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(call, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(call, CURLOPT_SSL_VERIFYHOST, 2L);
    if (authorities)
        SET(call, CURLOPT_CAINFO, authorities);
    SET(call, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(call, CURLOPT_NOSIGNAL, 1L);
    SET(call, CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    SET(call, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    SET(call, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->body_max);
    SET(call, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    SET(call, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(call, CURLOPT_PATH_AS_IS, 1L);
    SET(call, CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(call, CURLOPT_USERAGENT, "tenon/" TENON_VERSION);
    SET(call, CURLOPT_HTTPHEADER, call->headers);
}

enum err_class curl_call_prepare(struct net_call *call, const struct net_request *request,
                                 const struct proxy_env *proxies, const char *authorities,
                                 struct err *err)
{
    struct url_parts url = {0};
    enum err_class class = url_split(str_from(request->url), &url, err);

    assert(request->total_ms > 0);
    assert(request->body_max > 0 && request->body_max < SIZE_MAX / INFLATE_GUESS);
    if (class == ERR_OK)
        class = guard_check_url(&url, request->allow_http, request->allow_private, err);
    if (class == ERR_OK)
        class = add_headers(call, request, err);
    if (class != ERR_OK)
        return class;

    const char *proxy = proxy_for(proxies, &url);

    memcpy(call->host, url.host.ptr, url.host.len); /* url_split has looked at its length */
    call->port = url.port;
    call->proxied = proxy;
    call->allow_private = request->allow_private;
    call->total_ms = request->total_ms;
    call->body_max = request->body_max;
    net_body_init(&call->response.body, request->body_max);
    if (request->body.len > 0) {
        call->body = str_dup_z(request->body);
        call->body_len = request->body.len;
        if (!call->body)
            return err_memory(err);
    }
    SET(call, CURLOPT_URL, request->url);
    set_callbacks(call);
    set_rules(call, request, proxy, authorities);
    set_method(call, request);
    set_once(call, request);
    set_signature(call, request);
    if (call->code == CURLE_OUT_OF_MEMORY)
        return err_memory(err);
    if (call->code != CURLE_OK)
        return err_set(err, ERR_BUG, "libcurl %s does not take an option (code %d)", curl_version(),
                       (int)call->code);
    return ERR_OK;
}

/* ---- the end ---- */

static enum err_class say_failure(const struct net_call *call, struct err *err)
{
    if (call->ending == ENDING_HEADERS)
        return curl_error_long_headers(call->host, err);
    if (call->ending == ENDING_BODY && call->response.body.failed == ERR_LIMIT)
        return curl_error_too_large(call->host, call->body_max, err);
    if (call->ending == ENDING_BODY)
        return err_memory(err);
    /* Of several addresses one may have been tried and failed; the refused one can be helped. */
    if (call->refused_kind &&
        (call->code == CURLE_COULDNT_CONNECT || call->code == CURLE_ABORTED_BY_CALLBACK))
        return guard_refuse(str_from(call->host), call->refused, call->refused_kind, err);
    return curl_error_say(&(struct curl_failure){.easy = call->easy,
                                                 .code = call->code,
                                                 .detail = call->detail,
                                                 .host = call->host,
                                                 .port = call->port,
                                                 .proxied = call->proxied,
                                                 .headers_ended = call->headers_ended,
                                                 .body_max = call->body_max,
                                                 .total_ms = call->total_ms},
                          err);
}

enum err_class curl_call_answer(struct net_call *call, struct net_response *ret, struct err *err)
{
    long status = 0;
    curl_off_t elapsed_us = 0;

    if (call->code != CURLE_OK)
        return say_failure(call, err);
    if (!net_body_end(&call->response.body))
        return err_memory(err);
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(call->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
    call->response.status = (int)status;
    call->response.elapsed_ms = elapsed_us / 1000;
    *ret = call->response;
    call->response = (struct net_response){0};
    return ERR_OK;
}

void curl_call_done(struct net_call *call)
{
    wipe_headers(call->headers);
    free(call->body);
    net_response_done(&call->response);
}
