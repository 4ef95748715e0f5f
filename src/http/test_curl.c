/* Tests of curl.c and curl_call.c against servers on 127.0.0.1 that misbehave as asked. */
#include "http/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/tcp_script.h"
#include "base/json.h"
#include "base/limits.h"

/* The network under test and a server. Its context is the real one: curl has its own clock. */
struct world {
    struct net_curl *net;
    struct ctx ctx;
    pthread_t waiting; /* the one to interrupt */
    struct tcp_script server;
    pthread_mutex_t lock;
    struct strbuf request; /* the server's latest */
    struct strbuf bytes;   /* for answers made at run time; outlives the server */
    char head_text[300];
    char url[100];
    /* What `plays` sends, and what it does at its end. */
    const char *head;
    struct str body;
    unsigned repeat; /* of the body */
};

static void forget_proxies(void)
{
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY",  "http_proxy",
                                            "all_proxy",   "ALL_PROXY",    "no_proxy",
                                            "NO_PROXY",    "SSL_CERT_FILE"};

    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        assert_int_equal(unsetenv(variables[i]), 0);
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct err err = {0};

    assert_non_null(w);
    forget_proxies();
    w->ctx = ctx_real(NULL);
    w->request = STRBUF_INIT(1000000);
    w->bytes = STRBUF_INIT(1000000);
    w->repeat = 1;
    (void)pthread_mutex_init(&w->lock, NULL);
    assert_int_equal(net_curl_new(&w->net, &err), ERR_OK);
    net_curl_install(w->net, &w->ctx);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    net_curl_free(w->net);
    if (w->server.port)
        tcp_script_end(&w->server);
    (void)pthread_mutex_destroy(&w->lock);
    strbuf_done(&w->request);
    strbuf_done(&w->bytes);
    free(w);
    return 0;
}

/* Answers each request on a connection with head and body, until the client closes. */
static void plays(void *arg, struct tcp_peer *peer)
{
    struct world *w = arg;
    AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(1000000);

    while (tcp_request(peer, &request)) {
        (void)pthread_mutex_lock(&w->lock);
        strbuf_reset(&w->request);
        strbuf_add_str(&w->request, strbuf_str(&request));
        (void)pthread_mutex_unlock(&w->lock);
        if (!tcp_send_z(peer, w->head))
            return;
        for (unsigned i = 0; i < w->repeat; i++)
            if (!tcp_send(peer, w->body.ptr, w->body.len))
                return;
    }
}

/* The same, and closes after the first answer. */
static void plays_once(void *arg, struct tcp_peer *peer)
{
    struct world *w = arg;
    AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(1000000);

    if (!tcp_request(peer, &request))
        return;
    (void)tcp_send_z(peer, w->head);
    for (unsigned i = 0; i < w->repeat; i++)
        if (!tcp_send(peer, w->body.ptr, w->body.len))
            return;
}

static void serve_body(struct world *w, tcp_play *play, const char *head)
{
    w->head = head;
    tcp_script_begin(&w->server, play, w);
    (void)snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u/x?y=1", (unsigned)w->server.port);
}

static void serve(struct world *w, tcp_play *play, const char *head, const char *body)
{
    w->body = str_from(body);
    serve_body(w, play, head);
}

static struct net_request request_of(const struct world *w)
{
    return (struct net_request){.method = HTTP_GET,
                                .url = w->url,
                                .body_max = 1000000,
                                .total_ms = 10000,
                                .allow_http = true,
                                .allow_private = true};
}

static enum err_class exchange(struct world *w, const struct net_request *request,
                               struct net_response *ret, struct err *err)
{
    struct net_call *call = NULL;
    enum err_class class = w->ctx.net->start(w->ctx.net_self, &w->ctx, request, &call, err);

    return class == ERR_OK ? w->ctx.net->finish(w->ctx.net_self, &w->ctx, call, ret, err) : class;
}

/* The exchange of request_of must succeed. */
static void must(struct world *w, struct net_response *ret)
{
    struct net_request request = request_of(w);
    struct err err = {0};

    if (exchange(w, &request, ret, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

/* It must fail with a class and a sentence that has a part; nothing is handed out. */
static void must_fail(struct world *w, const struct net_request *request, enum err_class class,
                      const char *part)
{
    struct net_response response = {.status = -7};
    struct err err = {0};
    enum err_class got = exchange(w, request, &response, &err);

    if (got != class || !strstr(err.msg, part))
        fail_msg("%s: %s", err_class_name(got), err.msg);
    assert_int_equal(err.class, class);
    assert_int_equal(response.status, -7);
    assert_null(strstr(err.msg, "secret"));
}

static bool was_sent(struct world *w, const char *text)
{
    (void)pthread_mutex_lock(&w->lock);
    bool found = strstr(strbuf_z(&w->request), text) != NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return found;
}

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n"

static void a_page_arrives_with_its_headers_ready_to_be_parsed(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    yyjson_doc *doc = NULL;
    struct err err = {0};

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    must(w, &response);
    assert_int_equal(response.status, 200);
    assert_true(str_eq_z(net_header(&response, "content-type"), "application/json"));
    assert_int_equal(response.body.len, 7);
    assert_memory_equal(response.body.ptr + 7, "\0\0\0", NET_BODY_PADDING);
    assert_int_equal(json_read_insitu(response.body.ptr, 7, "the page", &doc, &err), ERR_OK);
    yyjson_doc_free(doc);
    assert_true(was_sent(w, "GET /x?y=1 HTTP/1.1\r\n"));
    assert_true(was_sent(w, "User-Agent: tenon/"));
    assert_true(was_sent(w, "Accept-Encoding: gzip\r\n"));
    assert_false(was_sent(w, "Authorization"));
}

static void a_connection_is_kept_for_the_next_call(void **state)
{
    struct world *w = *state;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    for (int i = 0; i < 20; i++) {
        AUTO(net_response_done) struct net_response response = {0};

        must(w, &response);
    }
    assert_int_equal(w->server.connections, 1);
    assert_int_equal(w->server.requests, 20);
}

static void each_method_is_sent_with_its_body_and_headers(void **state)
{
    struct world *w = *state;
    static const struct {
        enum http_method method;
        const char *body;
        bool once;
        const char *line, *length;
    } cases[] = {
        {HTTP_POST, "{\"b\":2}", false, "POST /x?y=1 HTTP/1.1\r\n", "Content-Length: 7\r\n"},
        {HTTP_POST, "{\"b\":2}", true, "POST /x?y=1 HTTP/1.1\r\n", "Content-Length: 7\r\n"},
        {HTTP_POST, NULL, true, "POST /x?y=1 HTTP/1.1\r\n", "Content-Length: 0\r\n"},
        {HTTP_PUT, "{\"b\":2}", false, "PUT /x?y=1 HTTP/1.1\r\n", "Content-Length: 7\r\n"},
        {HTTP_PUT, "{\"b\":2}", true, "PUT /x?y=1 HTTP/1.1\r\n", "Content-Length: 7\r\n"},
        {HTTP_DELETE, "{\"b\":2}", false, "DELETE /x?y=1 HTTP/1.1\r\n", "Content-Length: 7\r\n"},
        {HTTP_DELETE, NULL, false, "DELETE /x?y=1 HTTP/1.1\r\n", NULL},
    };

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(net_response_done) struct net_response response = {0};
        struct net_request request = request_of(w);
        struct err err = {0};

        request.method = cases[i].method;
        request.body = str_from(cases[i].body);
        request.content_type = cases[i].body ? "application/json" : NULL;
        request.authorization = "Bearer secret";
        request.headers[0] = (struct http_header){"Accept", "application/json"};
        request.headers[1] = (struct http_header){"X-Other", "1"};
        request.once = cases[i].once;
        assert_int_equal(exchange(w, &request, &response, &err), ERR_OK);
        assert_true(was_sent(w, cases[i].line));
        assert_true(was_sent(w, "Authorization: Bearer secret\r\n"));
        assert_true(was_sent(w, "Accept: application/json\r\n"));
        assert_true(was_sent(w, "X-Other: 1\r\n"));
        assert_int_equal(was_sent(w, "Content-Type: application/json\r\n"), cases[i].body != NULL);
        assert_int_equal(was_sent(w, "\r\n\r\n{\"b\":2}"), cases[i].body != NULL);
        assert_false(was_sent(w, "Expect"));
        if (cases[i].length)
            assert_true(was_sent(w, cases[i].length));
        else
            assert_false(was_sent(w, "Content-Length"));
    }
}

static void a_credential_is_gone_with_its_call(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response first = {0}, second = {0};
    struct net_request request = request_of(w);
    struct err err = {0};

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    request.method = HTTP_POST;
    request.body = STR("{}");
    request.authorization = "Bearer secret";
    assert_int_equal(exchange(w, &request, &first, &err), ERR_OK);
    assert_true(was_sent(w, "Bearer secret"));
    /* The next call uses the same handle and connection. */
    must(w, &second);
    assert_true(was_sent(w, "GET "));
    assert_false(was_sent(w, "Authorization"));
    assert_false(was_sent(w, "Content-"));
    assert_int_equal(w->server.connections, 1);
}

static void a_redirect_is_an_answer_and_nobody_follows_it(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    struct world other = {.lock = PTHREAD_MUTEX_INITIALIZER, .request = STRBUF_INIT(100000)};
    struct net_request request;
    struct err err = {0};

    serve(&other, plays, OK_HEAD, "{\"a\":1}");
    (void)snprintf(w->head_text, sizeof(w->head_text),
                   "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", other.url);
    serve(w, plays, w->head_text, "");
    request = request_of(w);
    request.authorization = "Bearer secret";
    assert_int_equal(exchange(w, &request, &response, &err), ERR_OK);
    assert_int_equal(response.status, 302);
    assert_true(str_eq_z(net_header(&response, "location"), other.url));
    assert_int_equal(other.server.connections, 0);
    tcp_script_end(&other.server);
    strbuf_done(&other.request);
}

static void a_truncated_body_is_told_with_its_bytes(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_once, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "secret!!!!");
    w->repeat = 40;
    request = request_of(w);
    must_fail(w, &request, ERR_NETWORK,
              "the connection to 127.0.0.1 ended after 400 of 1000 bytes");
}

static void a_truncated_body_of_unknown_length_is_told_too(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_once, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
          "a\r\nsecret!!!!\r\n");
    w->repeat = 4;
    request = request_of(w);
    must_fail(w, &request, ERR_NETWORK, "127.0.0.1 ended after ");
}

static void a_body_until_the_end_of_the_connection_is_whole(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};

    serve(w, plays_once, "HTTP/1.0 200 OK\r\n\r\n", "{\"a\":1}");
    must(w, &response);
    assert_int_equal(response.body.len, 7);
}

static void two_gigabytes_are_refused_before_the_first_byte(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays, "HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n", "");
    request = request_of(w);
    must_fail(w, &request, ERR_LIMIT,
              "the answer of 127.0.0.1 is larger than the limit of 1000000 bytes");
}

static void an_endless_body_is_cut_at_the_limit(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n");
    w->repeat = UINT32_MAX;
    request = request_of(w);
    must_fail(w, &request, ERR_LIMIT, "larger than the limit of 1000000 bytes");
}

static void a_body_of_exactly_the_limit_is_taken(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    struct net_request request;
    struct err err = {0};

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    request.body_max = 7;
    assert_int_equal(exchange(w, &request, &response, &err), ERR_OK);
    request.body_max = 6;
    must_fail(w, &request, ERR_LIMIT, "larger than the limit of 6 bytes");
}

/* ---- gzip (RFC 1951, 1952), just enough of it: runs of one byte ---- */

struct bits {
    struct strbuf *out;
    unsigned held, count;
};

static void put_bits(struct bits *bits, unsigned value, unsigned count)
{
    bits->held |= value << bits->count;
    for (bits->count += count; bits->count >= 8; bits->count -= 8) {
        strbuf_add_char(bits->out, (char)(bits->held & 0xff));
        bits->held >>= 8;
    }
}

/* Huffman codes go with their highest bit first. */
static void put_code(struct bits *bits, unsigned code, unsigned count)
{
    while (count-- > 0)
        put_bits(bits, (code >> count) & 1, 1);
}

/* '1' + '1' times 258 * runs, gzipped. */
static void gzip_ones(struct strbuf *out, unsigned runs)
{
    struct bits bits = {.out = out};
    uint32_t crc = UINT32_MAX, len = 1 + 258 * runs;

    strbuf_add(out, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
    put_bits(&bits, 1, 1);          /* the last block */
    put_bits(&bits, 1, 2);          /* of fixed codes */
    put_code(&bits, 0x30 + '1', 8); /* a literal */
    for (unsigned i = 0; i < runs; i++) {
        put_code(&bits, 0xc5, 8); /* 258 bytes again, */
        put_code(&bits, 0, 5);    /* from one byte before */
    }
    put_code(&bits, 0, 7); /* the end */
    put_bits(&bits, 0, 7); /* to a whole byte, at least */
    for (uint32_t i = 0; i < len; i++) {
        crc ^= '1';
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0xedb88320) : 0);
    }
    crc = ~crc;
    for (int i = 0; i < 4; i++)
        strbuf_add_char(out, (char)(crc >> 8 * i & 0xff));
    for (int i = 0; i < 4; i++)
        strbuf_add_char(out, (char)(len >> 8 * i & 0xff));
}

static void serve_gzip(struct world *w, unsigned runs, bool damaged)
{
    gzip_ones(&w->bytes, runs);
    assert_int_equal(w->bytes.failed, ERR_OK);
    if (damaged)
        w->bytes.ptr[w->bytes.len - 5] ^= 1; /* in its checksum */
    (void)snprintf(w->head_text, sizeof(w->head_text),
                   "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                   w->bytes.len);
    /* The body is set before the server begins. */
    w->body = strbuf_str(&w->bytes);
    serve_body(w, plays, w->head_text);
}

static void a_compressed_body_is_decompressed(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};

    serve_gzip(w, 2000, false);
    must(w, &response);
    assert_int_equal(response.body.len, 1 + 258 * 2000);
    for (size_t i = 0; i < response.body.len; i++)
        assert_true(response.body.ptr[i] == '1');
    assert_memory_equal(response.body.ptr + response.body.len, "\0\0\0", NET_BODY_PADDING);
}

static void a_small_body_that_decompresses_to_a_huge_one_is_refused(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve_gzip(w, 400000, false); /* 103 MB from 650 kB */
    assert_true(w->bytes.len < 1000000);
    request = request_of(w);
    must_fail(w, &request, ERR_LIMIT, "larger than the limit of 1000000 bytes");
}

static void a_compressed_body_that_is_damaged_is_told(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve_gzip(w, 2000, true);
    request = request_of(w);
    must_fail(w, &request, ERR_REMOTE, "the compressed answer of 127.0.0.1 does not decompress");
}

/* ---- servers that misbehave ---- */

static void plays_nothing(void *arg, struct tcp_peer *peer)
{
    (void)arg;
    (void)peer; /* closes at once */
}

static void a_server_that_closes_at_once_is_told(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_nothing, "", "");
    request = request_of(w);
    must_fail(w, &request, ERR_NETWORK, "127.0.0.1 closed the connection without an answer");
}

static void plays_reset(void *arg, struct tcp_peer *peer)
{
    struct world *w = arg;
    AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(1000000);

    if (tcp_request(peer, &request) && tcp_send_z(peer, w->head))
        tcp_reset(peer);
}

static void a_connection_that_is_reset_is_told(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_reset, "HTTP/1.1 200 OK\r\n", "");
    request = request_of(w);
    must_fail(w, &request, ERR_NETWORK, "127.0.0.1 closed the connection without an answer");
}

static void plays_and_hangs(void *arg, struct tcp_peer *peer)
{
    plays_once(arg, peer);
    tcp_wait_closed(peer);
}

static void a_slow_server_is_given_up(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_and_hangs, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "{\"a\":1}");
    request = request_of(w);
    request.total_ms = 200;
    must_fail(w, &request, ERR_NETWORK,
              "127.0.0.1 did not end its answer within 200 ms (7 bytes of it came)");
}

static void a_port_where_nobody_listens_is_told(void **state)
{
    struct world *w = *state;
    struct net_request request = request_of(w);
    char part[100];
    unsigned port = tcp_closed_port();

    (void)snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u/", port);
    (void)snprintf(part, sizeof(part), "127.0.0.1 refuses the connection at port %u", port);
    must_fail(w, &request, ERR_NETWORK, part);
}

static void what_is_not_http_is_told(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_once, "SSH-2.0-OpenSSH_9.2\r\n", "");
    request = request_of(w);
    must_fail(w, &request, ERR_REMOTE, "does not speak HTTP");
}

static void plain_http_behind_https_is_told(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays_nothing, "", "");
    (void)snprintf(w->url, sizeof(w->url), "https://127.0.0.1:%u/", (unsigned)w->server.port);
    request = request_of(w);
    must_fail(w, &request, ERR_NETWORK, "no TLS connection with 127.0.0.1");
}

static void headers_past_their_limit_are_refused(void **state)
{
    struct world *w = *state;
    struct net_request request;
    struct strbuf *head = &w->bytes;

    strbuf_add_z(head, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    while (head->len < LIMIT_HTTP_HEADERS_BYTES)
        strbuf_add_z(head, "X-Filler: 0123456789012345678901234567890123456789\r\n");
    strbuf_add_z(head, "\r\n");
    serve(w, plays, strbuf_z(head), "");
    request = request_of(w);
    must_fail(w, &request, ERR_LIMIT,
              "the headers of the answer of 127.0.0.1 exceed the limit of 65536 bytes");
}

static void one_header_line_past_the_limit_is_refused(void **state)
{
    struct world *w = *state;
    struct net_request request;
    struct strbuf *head = &w->bytes;

    strbuf_add_z(head, "HTTP/1.1 200 OK\r\nX-Filler: ");
    while (head->len < 300000)
        strbuf_add_char(head, 'x');
    strbuf_add_z(head, "\r\n\r\n");
    serve(w, plays, strbuf_z(head), "");
    request = request_of(w);
    must_fail(w, &request, ERR_LIMIT, "the headers of the answer of 127.0.0.1 exceed");
}

static void headers_of_interim_answers_and_trailers_do_not_count(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};

    serve(w, plays,
          "HTTP/1.1 103 Early Hints\r\nRetry-After: 77\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n"
          "Trailer: Date\r\n\r\n",
          "7\r\n{\"a\":1}\r\n0\r\nDate: late\r\n\r\n");
    must(w, &response);
    assert_int_equal(response.body.len, 7);
    assert_int_equal(response.header_count, 1);
    assert_true(str_eq_z(net_header(&response, "content-type"), "a/b"));
}

static void an_answer_without_a_body_is_empty_and_padded(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};

    serve(w, plays, "HTTP/1.1 204 No Content\r\n\r\n", "");
    must(w, &response);
    assert_int_equal(response.status, 204);
    assert_int_equal(response.body.len, 0);
    assert_memory_equal(response.body.ptr, "\0\0\0", NET_BODY_PADDING);
}

/* ---- what must not be sent twice ---- */

/* On the first connection: one answer, then it takes a request and closes. Later ones: answers. */
static void plays_stale(void *arg, struct tcp_peer *peer)
{
    struct world *w = arg;
    AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(1000000);

    while (tcp_request(peer, &request)) {
        if (peer->number == 0 && peer->script->requests > 1)
            return;
        (void)tcp_send_z(peer, w->head);
        (void)tcp_send(peer, w->body.ptr, w->body.len);
    }
}

static void a_request_that_may_go_twice_survives_a_stale_connection(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response first = {0}, second = {0};

    serve(w, plays_stale, OK_HEAD, "{\"a\":1}");
    must(w, &first);
    must(w, &second);
    assert_int_equal(w->server.requests, 3);
    assert_int_equal(w->server.connections, 2);
}

static void a_request_that_must_not_go_twice_fails_on_a_stale_connection(void **state)
{
    static const struct str bodies[] = {STR("{\"worklog\":1}"), {NULL, 0}};

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct world *w = *state;
        struct net_request request;
        struct net_response response = {0};
        struct err err = {0};
        enum err_class class;

        serve(w, plays_stale, OK_HEAD, "{\"a\":1}");
        must(w, &response);
        net_response_done(&response);
        request = request_of(w);
        request.method = HTTP_POST;
        request.body = bodies[i];
        request.once = true;
        class = exchange(w, &request, &response, &err);
        net_response_done(&response);
        /* Either it failed, or it went on a connection of its own: never a second time. */
        assert_int_equal(w->server.requests, 2);
        if (bodies[i].len > 0)
            assert_int_equal(class, ERR_NETWORK);
        else
            assert_int_equal(class, ERR_OK);
        tcp_script_end(&w->server);
        w->server.port = 0;
    }
}

/* ---- addresses and schemes ---- */

static void plain_http_is_refused_unless_allowed(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    request.allow_http = false;
    request.authorization = "Bearer secret";
    must_fail(w, &request, ERR_INPUT, "--allow-http");
    assert_int_equal(w->server.connections, 0);
}

static void a_literal_private_address_is_refused_unless_allowed(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    request.allow_private = false;
    must_fail(w, &request, ERR_INPUT, "127.0.0.1 is a loopback address");
    assert_int_equal(w->server.connections, 0);
}

static void a_name_with_a_private_address_is_refused_when_it_is_resolved(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    (void)snprintf(w->url, sizeof(w->url), "http://localhost:%u/", (unsigned)w->server.port);
    request = request_of(w);
    request.allow_private = false;
    must_fail(w, &request, ERR_INPUT, "localhost has the address ");
    must_fail(w, &request, ERR_INPUT, "which is a loopback address");
    must_fail(w, &request, ERR_INPUT, "--allow-private");
    assert_int_equal(w->server.connections, 0);
}

static void a_kept_connection_to_a_private_address_is_not_for_everybody(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    struct net_request request;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    (void)snprintf(w->url, sizeof(w->url), "http://localhost:%u/", (unsigned)w->server.port);
    must(w, &response); /* allowed; the connection stays */
    request = request_of(w);
    request.allow_private = false;
    must_fail(w, &request, ERR_INPUT, "localhost has the address ");
    assert_int_equal(w->server.requests, 1);
}

static void unusable_requests_are_refused_without_a_word_of_their_secret(void **state)
{
    struct world *w = *state;
    struct net_request request;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    request.authorization = "Bearer secret\r\nX-Injected: 1";
    must_fail(w, &request, ERR_INPUT, "the header Authorization has a line break");
    request = request_of(w);
    request.headers[0] = (struct http_header){"X-A\nB", "secret"};
    must_fail(w, &request, ERR_INPUT, "control character");
    request = request_of(w);
    request.url = "http://user:secret@127.0.0.1/";
    must_fail(w, &request, ERR_INPUT, "user name or password");
    request.url = "file:///etc/passwd";
    must_fail(w, &request, ERR_INPUT, "instead of https://");
    request.url = "http://127.0.0.1/a b";
    must_fail(w, &request, ERR_INPUT, "percent-encoded");
    assert_int_equal(w->server.connections, 0);
}

/* ---- proxies ---- */

/* A network that has read the environment as it is now. */
static void restart(struct world *w)
{
    struct err err = {0};

    net_curl_free(w->net);
    w->net = NULL;
    assert_int_equal(net_curl_new(&w->net, &err), ERR_OK);
    net_curl_install(w->net, &w->ctx);
}

static void a_proxy_of_the_environment_is_asked(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    struct net_request request = request_of(w);
    struct err err = {0};

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    assert_int_equal(setenv("http_proxy", w->url, 1), 0);
    restart(w);
    (void)snprintf(w->url, sizeof(w->url), "http://jira.invalid/x");
    /* The proxy's own address is private; the name is the proxy's to resolve. */
    request.allow_private = false;
    assert_int_equal(exchange(w, &request, &response, &err), ERR_OK);
    assert_true(was_sent(w, "GET http://jira.invalid/x HTTP/1.1\r\n"));
    /* An address that is written in the URL is still looked at. */
    (void)snprintf(w->url, sizeof(w->url), "http://10.0.0.1/x");
    must_fail(w, &request, ERR_INPUT, "10.0.0.1 is a private address");
    forget_proxies();
}

static void a_host_of_no_proxy_is_called_directly(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    char proxy[100];

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", (unsigned)tcp_closed_port());
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    assert_int_equal(setenv("no_proxy", "127.0.0.1", 1), 0);
    restart(w);
    must(w, &response);
    assert_true(was_sent(w, "GET /x?y=1 HTTP/1.1\r\n"));
    forget_proxies();
}

/*
 * What fails before there is a connection, like a name that is not found, spoils curl's handle for
 * the next call. Here it is a proxy that curl does not know: the same end without asking any DNS.
 */
static void a_call_that_found_no_way_does_not_spoil_the_next_one(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    struct net_request request = request_of(w);

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    assert_int_equal(setenv("http_proxy", "gopher://127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("no_proxy", "127.0.0.1", 1), 0);
    restart(w);
    request.url = "http://jira.invalid/x";
    for (int i = 0; i < 3; i++)
        must_fail(w, &request, ERR_NETWORK, "jira.invalid");
    must(w, &response);
    assert_int_equal(response.status, 200);
    forget_proxies();
}

static void a_proxy_gets_no_credential_with_connect(void **state)
{
    struct world *w = *state;
    struct net_request request = request_of(w);

    serve(w, plays, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "");
    assert_int_equal(setenv("https_proxy", w->url, 1), 0);
    restart(w);
    (void)snprintf(w->url, sizeof(w->url), "https://jira.invalid/x");
    request.allow_private = false;
    request.authorization = "Bearer secret";
    must_fail(w, &request, ERR_NETWORK, "the proxy does not open the way to jira.invalid (407)");
    assert_true(was_sent(w, "CONNECT jira.invalid:443 HTTP/1.1\r\n"));
    assert_false(was_sent(w, "secret"));
    forget_proxies();
}

/* ---- stopping, dropping, many at once ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* Interrupts the waiting thread as soon as a request is there, and never answers. */
static void plays_stop(void *arg, struct tcp_peer *peer)
{
    struct world *w = arg;
    AUTO(strbuf_done) struct strbuf request = STRBUF_INIT(1000000);

    if (tcp_request(peer, &request)) {
        (void)pthread_kill(w->waiting, SIGUSR1);
        tcp_wait_closed(peer);
    }
}

static void a_stop_ends_the_wait_for_an_answer(void **state)
{
    struct world *w = *state;
    struct net_request request;
    int64_t from = ctx_mono_ms(&w->ctx);

    assert_true(signal(SIGUSR1, on_signal) != SIG_ERR);
    interrupted = 0;
    w->ctx.stop = &interrupted;
    w->waiting = pthread_self();
    serve(w, plays_stop, "", "");
    request = request_of(w);
    must_fail(w, &request, ERR_CANCELLED, "stopped on request");
    assert_true(ctx_mono_ms(&w->ctx) - from < 5000);
    must_fail(w, &request, ERR_CANCELLED, "stopped on request"); /* not even begun */
    assert_int_equal(w->server.connections, 1);
}

static void whether_an_answer_is_there_can_be_asked_and_waited_for_a_little(void **state)
{
    struct world *w = *state;
    struct net_request request;
    struct net_call *call = NULL;
    struct err err = {0};
    int64_t from;

    serve(w, plays_and_hangs, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    assert_int_equal(w->ctx.net->start(w->net, &w->ctx, &request, &call, &err), ERR_OK);
    assert_true(w->ctx.net->ready(w->net, &w->ctx, call, 10000));
    assert_true(w->ctx.net->ready(w->net, &w->ctx, call, 0));
    w->ctx.net->drop(w->net, call);
    tcp_script_end(&w->server);

    serve(w, plays_and_hangs, "", "");
    request = request_of(w);
    assert_int_equal(w->ctx.net->start(w->net, &w->ctx, &request, &call, &err), ERR_OK);
    from = ctx_mono_ms(&w->ctx);
    assert_false(w->ctx.net->ready(w->net, &w->ctx, call, 0));
    assert_false(w->ctx.net->ready(w->net, &w->ctx, call, 30));
    assert_in_range(ctx_mono_ms(&w->ctx) - from, 30, 5000);
    w->ctx.net->drop(w->net, call);
}

static void dropped_calls_leave_nothing_behind(void **state)
{
    struct world *w = *state;
    AUTO(net_response_done) struct net_response response = {0};
    struct net_request request;
    struct net_call *calls[12] = {0};
    struct err err = {0};

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        assert_int_equal(w->ctx.net->start(w->net, &w->ctx, &request, &calls[i], &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(calls); i += 2)
        w->ctx.net->drop(w->net, calls[i]); /* under way, or queued */
    must(w, &response);
    for (size_t i = 1; i < ARRAY_LEN(calls); i += 2)
        w->ctx.net->drop(w->net, calls[i]); /* mostly ended by now */
    w->ctx.net->drop(w->net, NULL);
    /* end() checks that the network has no call left. */
}

static void a_network_ends_while_dropped_calls_hang(void **state)
{
    struct world *w = *state;
    struct net_request request;
    struct net_call *call = NULL;
    struct err err = {0};

    serve(w, plays_and_hangs, "", "");
    request = request_of(w);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(w->ctx.net->start(w->net, &w->ctx, &request, &call, &err), ERR_OK);
        w->ctx.net->drop(w->net, call);
    }
    /* end() frees the network at once */
}

enum { THREADS = 8, CALLS = 40 };

static void *many(void *arg)
{
    struct world *w = arg;
    intptr_t good = 0;

    for (int i = 0; i < CALLS; i++) {
        AUTO(net_response_done) struct net_response response = {0};
        struct net_request request = request_of(w);
        struct net_call *call = NULL;
        struct err err = {0};

        if (i % 5 == 4) {
            if (w->ctx.net->start(w->net, &w->ctx, &request, &call, &err) == ERR_OK)
                w->ctx.net->drop(w->net, call);
            good++;
            continue;
        }
        if (exchange(w, &request, &response, &err) == ERR_OK && response.body.len == 7 &&
            memcmp(response.body.ptr, "{\"a\":1}", 7) == 0)
            good++;
    }
    return (void *)good; // NOLINT: a count in a pointer
}

static void many_threads_share_one_network(void **state)
{
    struct world *w = *state;
    pthread_t threads[THREADS];
    intptr_t good = 0;

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, many, w), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        good += (intptr_t)result;
    }
    assert_int_equal(good, THREADS * CALLS);
}

static void no_more_connections_to_a_host_than_the_limit(void **state)
{
    struct world *w = *state;
    struct net_request request;
    struct net_call *calls[3 * LIMIT_HTTP_IN_FLIGHT] = {0};
    struct err err = {0};

    serve(w, plays, OK_HEAD, "{\"a\":1}");
    request = request_of(w);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        assert_int_equal(w->ctx.net->start(w->net, &w->ctx, &request, &calls[i], &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        AUTO(net_response_done) struct net_response response = {0};

        assert_int_equal(w->ctx.net->finish(w->net, &w->ctx, calls[i], &response, &err), ERR_OK);
        assert_int_equal(response.body.len, 7);
    }
    assert_int_equal(w->server.requests, ARRAY_LEN(calls));
    assert_in_range(w->server.connections, 1, LIMIT_HTTP_IN_FLIGHT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_page_arrives_with_its_headers_ready_to_be_parsed),
        T(a_connection_is_kept_for_the_next_call),
        T(each_method_is_sent_with_its_body_and_headers),
        T(a_credential_is_gone_with_its_call),
        T(a_redirect_is_an_answer_and_nobody_follows_it),
        T(a_truncated_body_is_told_with_its_bytes),
        T(a_truncated_body_of_unknown_length_is_told_too),
        T(a_body_until_the_end_of_the_connection_is_whole),
        T(two_gigabytes_are_refused_before_the_first_byte),
        T(an_endless_body_is_cut_at_the_limit),
        T(a_body_of_exactly_the_limit_is_taken),
        T(a_compressed_body_is_decompressed),
        T(a_small_body_that_decompresses_to_a_huge_one_is_refused),
        T(a_compressed_body_that_is_damaged_is_told),
        T(a_server_that_closes_at_once_is_told),
        T(a_connection_that_is_reset_is_told),
        T(a_slow_server_is_given_up),
        T(a_port_where_nobody_listens_is_told),
        T(what_is_not_http_is_told),
        T(plain_http_behind_https_is_told),
        T(headers_past_their_limit_are_refused),
        T(one_header_line_past_the_limit_is_refused),
        T(headers_of_interim_answers_and_trailers_do_not_count),
        T(an_answer_without_a_body_is_empty_and_padded),
        T(a_request_that_may_go_twice_survives_a_stale_connection),
        T(a_request_that_must_not_go_twice_fails_on_a_stale_connection),
        T(plain_http_is_refused_unless_allowed),
        T(a_literal_private_address_is_refused_unless_allowed),
        T(a_name_with_a_private_address_is_refused_when_it_is_resolved),
        T(a_kept_connection_to_a_private_address_is_not_for_everybody),
        T(unusable_requests_are_refused_without_a_word_of_their_secret),
        T(a_proxy_of_the_environment_is_asked),
        T(a_host_of_no_proxy_is_called_directly),
        T(a_call_that_found_no_way_does_not_spoil_the_next_one),
        T(a_proxy_gets_no_credential_with_connect),
        T(a_stop_ends_the_wait_for_an_answer),
        T(whether_an_answer_is_there_can_be_asked_and_waited_for_a_little),
        T(dropped_calls_leave_nothing_behind),
        T(a_network_ends_while_dropped_calls_hang),
        T(many_threads_share_one_network),
        T(no_more_connections_to_a_host_than_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
