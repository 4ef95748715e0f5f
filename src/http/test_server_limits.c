/*
 * What one client may take of the server, and whom the server believes: connections an address,
 * slow requests, proxies. Over real sockets of this machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"

#define ANSWER_MAX ((size_t)1 << 20)

struct fixture {
    struct ctx ctx;
    struct http_server *server;
};

static void say_who(struct http_exchange *ex)
{
    ex->content_type = "text/plain";
    http_out_default(ex, "X-Default", "first");
    http_out_default(ex, "x-default", "second");
    strbuf_addf(&ex->out, "from " STR_FMT " relayed %d https %d bytes %zu\n",
                STR_ARG(http_in_address(ex)), http_in_is_relayed(ex), http_in_is_https(ex),
                ex->body.len);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/who", 0, say_who},
    {HTTP_POST, "/who", 1000, say_who},
};

static struct http_server_options options_of(void)
{
    return (struct http_server_options){
        .address = "127.0.0.1", .threads = 1, .routes = routes, .route_count = ARRAY_LEN(routes)};
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    f->ctx = ctx_real(NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    http_server_free(f->server);
    free(f);
    return 0;
}

static void start(struct fixture *f, const struct http_server_options *options)
{
    struct err err = {0};

    if (http_server_new(&f->ctx, options, &f->server, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static int dial(const struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL); /* the server may have closed already */
}

/* One answer with its body; the connection stays open unless the server closes it. */
static void hear(int fd, struct strbuf *ret)
{
    char part[4096];
    ssize_t got;

    strbuf_reset(ret);
    while (!strstr(strbuf_z(ret), "\r\n\r\n") || !str_ends(strbuf_str(ret), STR("\n"))) {
        got = recv(fd, part, sizeof(part), 0);
        if (got <= 0)
            return;
        strbuf_add(ret, part, (size_t)got);
        if (strstr(strbuf_z(ret), "problem+json") && str_ends(strbuf_str(ret), STR("}")))
            return;
    }
}

static void assert_says(struct fixture *f, const char *request, const char *what)
{
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int fd = dial(f);

    say(fd, request);
    hear(fd, &answer);
    (void)close(fd);
    if (!strstr(strbuf_z(&answer), what))
        fail_msg("\"%s\" is not in \"%s\"", what, strbuf_z(&answer));
}

#define BYTES_10 "0123456789"
#define BYTES_100                                                                                  \
    BYTES_10 BYTES_10 BYTES_10 BYTES_10 BYTES_10 BYTES_10 BYTES_10 BYTES_10 BYTES_10 BYTES_10
#define WHO "GET /who HTTP/1.1\r\nHost: t\r\n"

/* ---- Proxies ---- */

static void without_trusted_proxies_nobody_is_believed(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();

    start(f, &options);
    assert_says(f, WHO "\r\n", "from 127.0.0.1 relayed 0 https 0");
    assert_says(f, WHO "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\r\n",
                "from 127.0.0.1 relayed 1 https 0");
    assert_says(f, WHO "Forwarded: for=192.0.2.7;proto=https\r\n\r\n",
                "from 127.0.0.1 relayed 1 https 0");
    assert_says(f, WHO "Via: 1.1 proxy\r\n\r\n", "relayed 1");
}

static void a_proxy_that_is_not_named_is_not_believed(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();

    options.trusted_proxies = "192.0.2.0/24 ::1";
    start(f, &options);
    assert_says(f, WHO "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n",
                "from 127.0.0.1 relayed 1 https 0");
}

static void a_trusted_proxy_tells_address_and_scheme(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();

    options.trusted_proxies = "127.0.0.1";
    start(f, &options);
    assert_says(f, WHO "\r\n", "from 127.0.0.1 relayed 0 https 0");
    assert_says(f, WHO "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n",
                "from 203.0.113.9 relayed 0 https 1");
    /* What the client has put there itself stands before what the proxy adds. */
    assert_says(f, WHO "X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n\r\n", "from 203.0.113.9 ");
    assert_says(f, WHO "X-Forwarded-Proto: https, http\r\n\r\n", "https 0");
    /* Some proxies add a line instead of an entry. */
    assert_says(f,
                WHO "X-Forwarded-For: 10.1.1.1\r\nx-forwarded-for: 203.0.113.9\r\n"
                    "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n\r\n",
                "from 203.0.113.9 relayed 0 https 0");
}

static void proxies_that_are_none_stop_the_start(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();
    struct err err = {0};

    options.trusted_proxies = "127.0.0.1 lb.internal";
    assert_int_equal(http_server_new(&f->ctx, &options, &f->server, &err), ERR_INPUT);
    assert_null(f->server);
    assert_non_null(strstr(err.msg, "server.trusted_proxies"));
    assert_non_null(strstr(err.msg, "lb.internal"));
}

/* ---- Connections of one address ---- */

static void too_many_connections_are_told_so_and_closed(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int fds[3];
    char byte;

    options.connections_per_address = 2;
    start(f, &options);
    for (size_t i = 0; i < 2; i++) {
        fds[i] = dial(f);
        say(fds[i], WHO "\r\n"); /* with its answer it is known to be counted */
        hear(fds[i], &answer);
        assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    }
    fds[2] = dial(f);
    say(fds[2], WHO "\r\n");
    hear(fds[2], &answer);
    assert_non_null(strstr(strbuf_z(&answer), "429 Too Many Requests"));
    assert_non_null(strstr(strbuf_z(&answer), "Retry-After: 5"));
    assert_non_null(strstr(strbuf_z(&answer), "server.connections_per_address"));
    assert_int_equal(recv(fds[2], &byte, 1, 0), 0); /* closed */
    say(fds[0], WHO "\r\n");                        /* the others go on */
    hear(fds[0], &answer);
    assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    for (size_t i = 0; i < 3; i++)
        (void)close(fds[i]);
    /* With the old ones gone there is room again; when the server sees that is its own matter. */
    for (int turn = 0; turn < 1000; turn++) {
        fds[0] = dial(f);
        say(fds[0], WHO "\r\n");
        hear(fds[0], &answer);
        (void)close(fds[0]);
        if (strstr(strbuf_z(&answer), "200 OK"))
            return;
    }
    fail_msg("there is no room again");
}

static void a_trusted_proxy_has_no_such_limit(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int fds[8];

    options.connections_per_address = 2;
    options.trusted_proxies = "127.0.0.0/8";
    start(f, &options);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = dial(f);
        say(fds[i], WHO "\r\n");
        hear(fds[i], &answer);
        assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    }
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}

static void connections_past_the_limit_wait_for_their_turn(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    struct pollfd last;
    int fds[6];

    options.connections_max = 4;
    start(f, &options);
    for (size_t i = 0; i < 4; i++) {
        fds[i] = dial(f);
        say(fds[i], WHO "\r\n");
        hear(fds[i], &answer);
        assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    }
    for (size_t i = 4; i < 6; i++) {
        fds[i] = dial(f); /* the kernel takes it */
        say(fds[i], WHO "\r\n");
    }
    last = (struct pollfd){.fd = fds[5], .events = POLLIN};
    assert_int_equal(poll(&last, 1, 200), 0);
    say(fds[0], WHO "\r\n"); /* those inside are served meanwhile */
    hear(fds[0], &answer);
    assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    for (size_t i = 0; i < 2; i++)
        (void)close(fds[i]);
    for (size_t i = 4; i < 6; i++) {
        hear(fds[i], &answer);
        assert_non_null(strstr(strbuf_z(&answer), "200 OK"));
    }
    for (size_t i = 2; i < 6; i++)
        (void)close(fds[i]);
}

static void it_stops_while_others_wait_for_their_turn(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int fds[3];

    options.connections_max = 2;
    start(f, &options);
    for (size_t i = 0; i < 2; i++) {
        fds[i] = dial(f);
        say(fds[i], WHO "\r\n");
        hear(fds[i], &answer);
    }
    fds[2] = dial(f);
    http_server_free(f->server);
    f->server = NULL;
    hear(fds[2], &answer);
    assert_int_equal(answer.len, 0);
    for (size_t i = 0; i < 3; i++)
        (void)close(fds[i]);
}

/* ---- Slow ones ---- */

/* Sends a byte now and then until the server closes; ms that it took. */
static int64_t trickle(struct fixture *f, const char *first, char more)
{
    int64_t start_ms = ctx_mono_ms(&f->ctx);
    int fd = dial(f);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    bool open = true;
    char byte;

    say(fd, first);
    for (int turn = 0; turn < 200 && open; turn++) {
        (void)send(fd, &more, 1, MSG_NOSIGNAL);
        if (poll(&poll_fd, 1, 100) > 0)
            open = recv(fd, &byte, 1, 0) > 0;
    }
    (void)close(fd);
    assert_false(open);
    return ctx_mono_ms(&f->ctx) - start_ms;
}

static void bytes_that_trickle_in_do_not_keep_a_connection(void **state)
{
    static const struct {
        const char *first;
        char more;
    } slow[] = {
        {"GET /who", 'x'},     /* the request line never ends */
        {WHO "X-Slow: ", 'x'}, /* nor the headers */
        {"POST /who HTTP/1.1\r\nHost: t\r\nContent-Length: 900\r\n\r\n", 'x'}, /* nor the body */
        {"\r\n", '\n'},                                                        /* not even begun */
    };
    struct fixture *f = *state;
    struct http_server_options options = options_of();

    options.idle_s = 1;
    options.receive_s = 1;
    start(f, &options);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        int64_t took_ms = trickle(f, slow[i].first, slow[i].more);

        if (took_ms > 15000)
            fail_msg("%s: after %lld ms", slow[i].first, (long long)took_ms);
    }
    assert_says(f, WHO "\r\n", "from 127.0.0.1");
}

static void a_large_body_gets_more_time(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();
    static const struct http_route large[] = {{HTTP_POST, "/who", 64 << 10, say_who}};
    AUTO(strbuf_done) struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    char part[1 << 10];

    options.routes = large;
    options.route_count = 1;
    options.receive_s = 1; /* and four more by its size */
    start(f, &options);

    int fd = dial(f);

    memset(part, 'x', sizeof(part));
    say(fd, "POST /who HTTP/1.1\r\nHost: t\r\nContent-Length: 65536\r\n\r\n");
    for (int i = 0; i < 64; i++) {
        assert_int_equal(send(fd, part, sizeof(part), MSG_NOSIGNAL), sizeof(part));
        (void)poll(NULL, 0, 35); /* 2.2 s in all */
    }
    hear(fd, &answer);
    (void)close(fd);
    assert_non_null(strstr(strbuf_z(&answer), "bytes 65536"));
}

static void a_default_header_gives_way(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of();

    start(f, &options);
    assert_says(f, WHO "\r\n", "X-Default: first\r\n");
    assert_says(f,
                "POST /who HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3e9\r\n" BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100 BYTES_100
                    BYTES_100 BYTES_100 BYTES_100 "x\r\n0\r\n\r\n",
                "send at most 1000 bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_trusted_proxies_nobody_is_believed),
        TEST(a_proxy_that_is_not_named_is_not_believed),
        TEST(a_trusted_proxy_tells_address_and_scheme),
        TEST(proxies_that_are_none_stop_the_start),
        TEST(too_many_connections_are_told_so_and_closed),
        TEST(a_trusted_proxy_has_no_such_limit),
        TEST(connections_past_the_limit_wait_for_their_turn),
        TEST(it_stops_while_others_wait_for_their_turn),
        TEST(bytes_that_trickle_in_do_not_keep_a_connection),
        TEST(a_large_body_gets_more_time),
        TEST(a_default_header_gives_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
