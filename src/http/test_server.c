/* The server over real sockets of this machine; what is sent is written by hand, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server.h"

#define ANSWER_MAX ((size_t)1 << 20)

/* What the handlers of the tests leave behind. */
struct seen {
    _Atomic int handled, before, after, stream_done;
};

struct fixture {
    struct ctx ctx;
    struct seen seen;
    struct http_server *server;
};

static struct seen *seen_of(const struct http_exchange *ex)
{
    return ex->app;
}

/* Says back what it got. */
static void say_back(struct http_exchange *ex)
{
    struct str query = http_in_query(ex, "q");

    atomic_fetch_add(&seen_of(ex)->handled, 1);
    strbuf_addf(&ex->out, "path=" STR_FMT "\nquery=" STR_FMT "\nq=" STR_FMT "\nkey=" STR_FMT "\n",
                STR_ARG(ex->path), STR_ARG(ex->raw_query), STR_ARG(query), STR_ARG(ex->params[0]));
    strbuf_addf(&ex->out, "header=" STR_FMT "\nbody=" STR_FMT "\n",
                STR_ARG(http_in_header(ex, "x-tEsT")), STR_ARG(ex->body));
}

static void say_headers(struct http_exchange *ex)
{
    ex->status = 201;
    ex->content_type = "text/plain";
    http_out_header(ex, "X-Good", "yes");
    http_out_header(ex, "X-Split", "a\r\nX-Evil: 1");
    http_out_header(ex, "X-Na\nme", "b");
    strbuf_add_z(&ex->out, "made");
}

static void say_later(struct http_exchange *ex)
{
    int64_t ms = 0;

    if (!parse_i64(http_in_query(ex, "ms"), 0, 60000, &ms))
        ms = 0;
    ex->delay_ms = ms;
    strbuf_add_z(&ex->out, "later");
    atomic_fetch_add(&seen_of(ex)->handled, 1);
}

/* The answer is made by another thread, which outlives the handler. */
static void *answer_elsewhere(void *arg)
{
    struct http_exchange *ex = arg;

    strbuf_add_z(&ex->out, "from elsewhere");
    http_resume(ex);
    return NULL;
}

static void say_elsewhere(struct http_exchange *ex)
{
    pthread_t thread;

    http_defer(ex);
    assert_int_equal(pthread_create(&thread, NULL, answer_elsewhere, ex), 0);
    assert_int_equal(pthread_detach(thread), 0);
}

/* No body. `kind` is a header as every answer has it, `own` one of this answer alone. */
static void say_blank(struct http_exchange *ex)
{
    struct str kind = http_in_query(ex, "kind"), own = http_in_query(ex, "own");

    ex->status = 204;
    if (kind.ptr)
        http_out_default(ex, "X-Kind", arena_dup_z(ex->arena, kind));
    if (own.ptr)
        http_out_header(ex, "X-Own", arena_dup_z(ex->arena, own));
}

static void say_half(struct http_exchange *ex)
{
    ex->cut_off = true;
    strbuf_add_z(&ex->out, "0123456789");
}

static void say_nothing(struct http_exchange *ex)
{
    ex->drop = true;
}

static void say_too_much(struct http_exchange *ex)
{
    for (int i = 0; i < 5000; i++)
        strbuf_add_z(&ex->out, "0123456789");
}

static ssize_t count_down(void *arg, uint64_t at, char *room, size_t len)
{
    (void)arg;
    if (at == 100000)
        return HTTP_STREAM_END;

    size_t left = 100000 - (size_t)at;
    size_t part = left < len ? left : len;

    memset(room, 'x', part);
    return (ssize_t)part;
}

static ssize_t break_off(void *arg, uint64_t at, char *room, size_t len)
{
    (void)arg;
    (void)len;
    if (at > 0)
        return HTTP_STREAM_BREAK;
    room[0] = 'y';
    return 1;
}

static void stream_is_done(void *arg)
{
    struct seen *seen = arg;

    atomic_fetch_add(&seen->stream_done, 1);
}

static void say_stream(struct http_exchange *ex)
{
    ex->stream = str_eq(http_in_query(ex, "break"), STR("1")) ? break_off : count_down;
    ex->stream_arg = ex->app;
    ex->stream_done = stream_is_done;
    if (str_eq(http_in_query(ex, "known"), STR("1")))
        ex->stream_bytes = 100000;
}

static bool before(struct http_exchange *ex, const struct http_route *route)
{
    atomic_fetch_add(&seen_of(ex)->before, 1);
    if (str_eq(http_in_header(ex, "X-Refuse"), STR("1"))) {
        http_out_problem(ex, 403, route ? "not you" : "not there");
        return false;
    }
    if (str_eq(http_in_header(ex, "X-Refuse"), STR("2"))) {
        http_out_problem(ex, 403, "not \"you\"");
        return false;
    }
    return true;
}

static void after(struct http_exchange *ex, const struct http_route *route)
{
    (void)route;
    atomic_fetch_add(&seen_of(ex)->after, 1);
    http_out_default(ex, "X-After", "1");
}

static const struct http_route routes[] = {
    {HTTP_GET, "/echo", 0, say_back},           {HTTP_POST, "/echo", 1000, say_back},
    {HTTP_GET, "/echo/{key}", 0, say_back},     {HTTP_GET, "/headers", 0, say_headers},
    {HTTP_GET, "/later", 0, say_later},         {HTTP_GET, "/half", 0, say_half},
    {HTTP_GET, "/nothing", 0, say_nothing},     {HTTP_GET, "/too-much", 0, say_too_much},
    {HTTP_GET, "/stream", 0, say_stream},       {HTTP_POST, "/large", 8 << 20, say_back},
    {HTTP_GET, "/elsewhere", 0, say_elsewhere}, {HTTP_GET, "/blank", 0, say_blank},
};

static struct http_server_options options_of(struct fixture *f)
{
    return (struct http_server_options){
        .address = "127.0.0.1",
        .threads = 1,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .app = &f->seen,
        .before = before,
        .after = after,
        .out_bytes_max = 20000,
    };
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};

    if (!f)
        return -1;
    f->ctx = ctx_real(NULL);

    struct http_server_options options = options_of(f);

    if (http_server_new(&f->ctx, &options, &f->server, &err) != ERR_OK)
        return -1;
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

/* ---- A client ---- */

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

static void say(int fd, struct str text)
{
    /* The server may have closed already: what was not sent is not what the test is about. */
    for (size_t at = 0; at < text.len;) {
        ssize_t sent = send(fd, text.ptr + at, text.len - at, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        at += (size_t)sent;
    }
}

/* Everything until the server closes; true when it closed in good order. */
static bool hear_all(int fd, struct strbuf *ret)
{
    char part[4096];
    ssize_t got;

    while ((got = recv(fd, part, sizeof(part), 0)) > 0)
        strbuf_add(ret, part, (size_t)got);
    return got == 0;
}

/* One answer with a Content-Length, the connection staying open. */
static void hear_one(int fd, struct strbuf *ret)
{
    char c;
    size_t length = 0;

    while (!str_ends(strbuf_str(ret), STR("\r\n\r\n"))) {
        assert_int_equal(recv(fd, &c, 1, 0), 1);
        strbuf_add_char(ret, c);
    }

    const char *header = strstr(strbuf_z(ret), "Content-Length: ");

    assert_non_null(header);
    for (header += 16; *header >= '0' && *header <= '9'; header++)
        length = length * 10 + (size_t)(*header - '0');
    for (; length > 0; length--) {
        assert_int_equal(recv(fd, &c, 1, 0), 1);
        strbuf_add_char(ret, c);
    }
}

/* Sends and hears all. */
static struct strbuf ask(const struct fixture *f, const char *request)
{
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int fd = dial(f);

    say(fd, str_from(request));
    (void)hear_all(fd, &answer);
    (void)close(fd);
    return answer;
}

static void assert_has(const struct strbuf *answer, const char *text)
{
    if (!strstr(strbuf_z(answer), text))
        fail_msg("\"%s\" is not in \"%s\"", text, strbuf_z(answer));
}

static void assert_lacks(const struct strbuf *answer, const char *text)
{
    if (strstr(strbuf_z(answer), text))
        fail_msg("\"%s\" is in \"%s\"", text, strbuf_z(answer));
}

static void assert_asked(const struct fixture *f, const char *request, const char *first,
                         const char *second)
{
    struct strbuf answer = ask(f, request);

    assert_has(&answer, first);
    if (second)
        assert_has(&answer, second);
    strbuf_done(&answer);
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

/* ---- Tests ---- */

static void the_handler_sees_path_and_query_undecoded(void **state)
{
    struct strbuf answer = ask(*state, GET("/echo/a%20%2525b?q=%26+x&r=%2F&q=2"));

    assert_has(&answer, "HTTP/1.1 200 OK");
    assert_has(&answer, "path=/echo/a%20%2525b\n");
    assert_has(&answer, "query=q=%26+x&r=%2F&q=2\n");
    assert_has(&answer, "q=& x\n");
    assert_has(&answer, "key=a %25b\n");
    strbuf_done(&answer);
}

static void headers_are_found_in_any_case_and_bodies_arrive_whole(void **state)
{
    assert_asked(*state,
                 "POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-TEST: v 1\r\n"
                 "Content-Length: 5\r\n\r\nhello",
                 "header=v 1\n", "body=hello\n");
    assert_asked(*state,
                 "POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                 "HTTP/1.1 200 OK", "body=abcde\n");
}

static void nothing_served_is_a_problem_document(void **state)
{
    assert_asked(*state, GET("/nowhere"), "HTTP/1.1 404 Not Found", "application/problem+json");
    assert_asked(*state, GET("/nowhere"), "\"status\":404", "\"title\":\"Not Found\"");
}

static void another_method_is_answered_405_with_allow(void **state)
{
    assert_asked(*state, "DELETE /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                 "HTTP/1.1 405 Method Not Allowed", "Allow: GET, HEAD, POST");
    assert_asked(*state, "BREW /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                 "HTTP/1.1 405 Method Not Allowed", "Allow: GET, HEAD, POST");
    assert_asked(*state, "BREW /pot HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                 "HTTP/1.1 404 Not Found", NULL);
}

static void a_deferred_answer_is_made_by_another_thread(void **state)
{
    const struct fixture *f = *state;

    for (int i = 0; i < 100; i++)
        assert_asked(f, GET("/elsewhere"), "HTTP/1.1 200 OK", "from elsewhere");
    /* What runs before the sending has run for these too. */
    assert_int_equal(atomic_load(&f->seen.after), 100);
    assert_asked(f, GET("/elsewhere"), "X-After: 1", NULL);
}

static void a_problem_quotes_what_it_tells(void **state)
{
    assert_asked(*state,
                 "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Refuse: 2\r\n\r\n",
                 "HTTP/1.1 403 Forbidden", "\"detail\":\"not \\\"you\\\"\"");
}

static void head_has_the_length_and_no_body(void **state)
{
    struct strbuf answer =
        ask(*state, "HEAD /headers HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");

    assert_has(&answer, "HTTP/1.1 201 Created");
    assert_has(&answer, "Content-Length: 4");
    assert_lacks(&answer, "made");
    strbuf_done(&answer);
}

static void escapes_out_of_the_path_never_reach_a_handler(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        GET("/echo/.."),    GET("/echo/%2e%2e"), GET("/echo/a%2fb"),
        GET("/echo/%00"),   GET("/echo/%c3"),    GET("/echo/%"),
        GET("/echo?q=%zz"), GET("/echo?q=%00"),  GET("http://t/echo"),
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_asked(f, bad[i], "HTTP/1.1 400 Bad Request", "problem+json");
    assert_int_equal(atomic_load(&f->seen.handled), 0);
}

static void a_header_that_would_split_the_answer_is_left_out(void **state)
{
    struct strbuf answer = ask(*state, GET("/headers"));

    assert_has(&answer, "HTTP/1.1 201 Created");
    assert_has(&answer, "X-Good: yes");
    assert_has(&answer, "Content-Type: text/plain");
    assert_lacks(&answer, "Evil");
    assert_lacks(&answer, "X-Na");
    strbuf_done(&answer);
}

/* What is made once and sent often is never another's. */
static void an_answer_without_a_body_has_its_own_headers(void **state)
{
    static const char *const kinds[] = {"a", "b", "c", "d", "e", "f", "a"};
    struct fixture *f = *state;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
            struct strbuf request = STRBUF_INIT(256), kind = STRBUF_INIT(64);

            strbuf_addf(&request,
                        "GET /blank?kind=%s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
                        kinds[i]);
            strbuf_addf(&kind, "X-Kind: %s\r\n", kinds[i]);

            struct strbuf answer = ask(f, strbuf_z(&request));

            assert_has(&answer, "HTTP/1.1 204 No Content");
            assert_has(&answer, strbuf_z(&kind));
            assert_has(&answer, "X-After: 1");
            assert_lacks(&answer, "X-Own");
            assert_lacks(&answer, "Content-Type");
            strbuf_done(&answer);
            strbuf_done(&request);
            strbuf_done(&kind);
        }

        struct strbuf own = ask(f, GET("/blank?kind=a&own=secret"));

        assert_has(&own, "X-Kind: a");
        assert_has(&own, "X-Own: secret");
        strbuf_done(&own);
    }
}

static void before_can_refuse_and_after_sees_every_answer(void **state)
{
    struct fixture *f = *state;

    assert_asked(f, "GET /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Refuse: 1\r\n\r\n",
                 "HTTP/1.1 403 Forbidden", "\"detail\":\"not you\"");
    assert_asked(f, "GET /none HTTP/1.1\r\nHost: t\r\nConnection: close\r\nX-Refuse: 1\r\n\r\n",
                 "\"detail\":\"not there\"", "X-After: 1");
    assert_asked(f, GET("/echo/.."), "X-After: 1", NULL);
    assert_int_equal(atomic_load(&f->seen.handled), 0);
    assert_int_equal(atomic_load(&f->seen.before), 2);
    assert_int_equal(atomic_load(&f->seen.after), 3);
}

static void a_small_body_too_large_for_the_route_keeps_the_connection(void **state)
{
    struct fixture *f = *state;
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    struct strbuf request = STRBUF_INIT(ANSWER_MAX);
    int fd = dial(f);

    strbuf_add_z(&request, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1001\r\n\r\n");
    memset(strbuf_grow(&request, 1001), 'z', 1001);
    say(fd, strbuf_str(&request));
    hear_one(fd, &answer);
    assert_has(&answer, "HTTP/1.1 413");
    strbuf_reset(&answer);
    say(fd, STR("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nok"));
    hear_one(fd, &answer);
    assert_has(&answer, "body=ok\n");
    assert_int_equal(atomic_load(&f->seen.handled), 1);
    (void)close(fd);
    strbuf_done(&answer);
    strbuf_done(&request);
}

static void a_huge_body_is_refused_before_it_is_read(void **state)
{
    assert_asked(*state, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 9000000000\r\n\r\nx",
                 "HTTP/1.1 413", "larger than this path takes");
    assert_asked(*state, "POST /nowhere HTTP/1.1\r\nHost: t\r\nContent-Length: 9000000000\r\n\r\nx",
                 "HTTP/1.1 404", NULL);
}

static void a_chunked_body_past_the_limit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct strbuf request = STRBUF_INIT(ANSWER_MAX);

    strbuf_add_z(&request, "POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n7d0\r\n");
    memset(strbuf_grow(&request, 2000), 'z', 2000);
    strbuf_add_z(&request, "\r\n0\r\n\r\n");
    assert_asked(f, strbuf_z(&request), "HTTP/1.1 413", NULL);
    assert_int_equal(atomic_load(&f->seen.handled), 0);
    strbuf_done(&request);
}

static void an_endless_chunked_body_is_cut_off(void **state)
{
    struct fixture *f = *state;
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    char chunk[0x1000 + 8];
    int fd = dial(f);

    memcpy(chunk, "1000\r\n", 6);
    memset(chunk + 6, 'z', 0x1000);
    memcpy(chunk + 6 + 0x1000, "\r\n", 2);
    say(fd, STR("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (int i = 0; i < 2000; i++)
        say(fd, (struct str){chunk, sizeof(chunk)});
    (void)hear_all(fd, &answer);
    assert_lacks(&answer, "200 OK");
    assert_int_equal(atomic_load(&f->seen.handled), 0);
    (void)close(fd);
    strbuf_done(&answer);
}

static void two_lengths_in_one_request_are_refused(void **state)
{
    struct fixture *f = *state;

    assert_asked(f,
                 "POST /echo HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 3\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 "HTTP/1.1 400 Bad Request", NULL);
    assert_int_equal(atomic_load(&f->seen.handled), 0);
}

static void a_request_has_one_host(void **state)
{
    struct fixture *f = *state;

    assert_asked(f, "GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request",
                 "one Host header");
    assert_asked(f, "GET /echo HTTP/1.1\r\nHost: a\r\nhost: b\r\nConnection: close\r\n\r\n",
                 "HTTP/1.1 400 Bad Request", "one Host header");
    assert_int_equal(atomic_load(&f->seen.handled), 0);
    assert_asked(f, "GET /echo HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK", "path=/echo");
}

static void a_large_body_arrives_whole(void **state)
{
    struct fixture *f = *state;
    struct strbuf request = STRBUF_INIT((size_t)8 << 20), answer = STRBUF_INIT(ANSWER_MAX);
    size_t len = (size_t)3 << 20;
    int fd = dial(f);

    strbuf_addf(&request,
                "POST /large HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                "Content-Length: %zu\r\n\r\n",
                len);
    memset(strbuf_grow(&request, len), 'z', len);
    say(fd, strbuf_str(&request));
    (void)hear_all(fd, &answer);
    /* The handler says the body back, which is more than this server's answers may be. */
    assert_has(&answer, "HTTP/1.1 500");
    assert_int_equal(atomic_load(&f->seen.handled), 1);
    (void)close(fd);
    strbuf_done(&answer);
    strbuf_done(&request);
}

static void an_answer_past_the_limit_is_an_error_and_not_a_cut(void **state)
{
    assert_asked(*state, GET("/too-much"), "HTTP/1.1 500", "ask for less");
}

static void garbage_is_survived(void **state)
{
    struct fixture *f = *state;
    static const char *const garbage[] = {
        "GET /echo\r\n\r\n",
        "GET /echo HTTP/9.9\r\n\r\n",
        "GET /echo HTTP/1.1\r\nno colon here\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
        struct strbuf answer = ask(f, garbage[i]);

        assert_lacks(&answer, "200 OK");
        strbuf_done(&answer);
    }
    assert_asked(f, GET("/echo"), "HTTP/1.1 200 OK", NULL);
    assert_int_equal(atomic_load(&f->seen.handled), 1);
}

static void clients_that_leave_in_the_middle_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char *const halves[] = {
        "",
        "\r\n\r\n\r\n",
        "GE",
        "GET /echo HTTP/1.1\r\nHost: t",
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "\x16\x03\x01\x02", /* the head of a TLS greeting */
    };

    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARRAY_LEN(halves); i++) {
            int fd = dial(f);

            say(fd, str_from(halves[i]));
            (void)close(fd);
        }
    }
    assert_asked(f, GET("/echo"), "HTTP/1.1 200 OK", NULL);
    assert_int_equal(atomic_load(&f->seen.handled), 1);
}

static void a_silent_connection_is_closed_after_its_time(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of(f);
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    struct err err = {0};

    http_server_free(f->server);
    f->server = NULL;
    options.idle_s = 1;
    assert_int_equal(http_server_new(&f->ctx, &options, &f->server, &err), ERR_OK);

    int fd = dial(f);

    say(fd, STR("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc"));
    int64_t start_ms = ctx_mono_ms(&f->ctx);

    (void)hear_all(fd, &answer); /* ends when the server closes; the socket would wait 20 s */
    assert_true(ctx_mono_ms(&f->ctx) - start_ms < 15000);
    assert_lacks(&answer, "200 OK");
    assert_int_equal(atomic_load(&f->seen.handled), 0);
    (void)close(fd);
    strbuf_done(&answer);
}

static void headers_without_end_are_refused(void **state)
{
    struct fixture *f = *state;
    struct strbuf request = STRBUF_INIT(ANSWER_MAX), answer;

    strbuf_add_z(&request, "GET /echo HTTP/1.1\r\nHost: t\r\n");
    for (int i = 0; i < 4000; i++)
        strbuf_addf(&request, "X-Header-%d: 0123456789012345678901234567890123456789\r\n", i);
    strbuf_add_z(&request, "\r\n");
    answer = ask(f, strbuf_z(&request));
    assert_lacks(&answer, "200 OK");
    assert_int_equal(atomic_load(&f->seen.handled), 0);
    strbuf_done(&answer);
    strbuf_done(&request);
    assert_asked(f, GET("/echo"), "HTTP/1.1 200 OK", NULL);
}

static void one_connection_serves_many_requests(void **state)
{
    struct fixture *f = *state;
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int fd = dial(f);

    for (int i = 0; i < 50; i++) {
        strbuf_reset(&answer);
        say(fd, STR("GET /echo?q=1 HTTP/1.1\r\nHost: t\r\n\r\n"));
        hear_one(fd, &answer);
        assert_has(&answer, "q=1\n");
    }
    assert_int_equal(atomic_load(&f->seen.handled), 50);
    (void)close(fd);
    strbuf_done(&answer);
}

static void a_delayed_answer_holds_no_thread(void **state)
{
    struct fixture *f = *state; /* it has one thread */
    struct strbuf slow_answer = STRBUF_INIT(ANSWER_MAX);
    int slow = dial(f);

    say(slow, STR(GET("/later?ms=300")));
    while (atomic_load(&f->seen.handled) == 0)
        sched_yield();
    assert_asked(f, GET("/echo"), "HTTP/1.1 200 OK", NULL);
    assert_int_equal(recv(slow, (char[1]){0}, 1, MSG_DONTWAIT), -1); /* nothing yet */
    assert_true(hear_all(slow, &slow_answer));
    assert_has(&slow_answer, "later");
    (void)close(slow);
    strbuf_done(&slow_answer);
}

static void delayed_answers_come_in_the_order_of_their_time(void **state)
{
    struct fixture *f = *state;
    int64_t start_ms = ctx_mono_ms(&f->ctx);
    int late = dial(f), soon = dial(f);
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);

    say(late, STR(GET("/later?ms=400")));
    while (atomic_load(&f->seen.handled) == 0)
        sched_yield();
    say(soon, STR(GET("/later?ms=100")));
    assert_true(hear_all(soon, &answer));
    assert_int_equal(recv(late, (char[1]){0}, 1, MSG_DONTWAIT), -1);
    assert_true(ctx_mono_ms(&f->ctx) - start_ms >= 100);
    strbuf_reset(&answer);
    assert_true(hear_all(late, &answer));
    assert_true(ctx_mono_ms(&f->ctx) - start_ms >= 400);
    (void)close(late);
    (void)close(soon);
    strbuf_done(&answer);
}

static void stopping_sends_what_is_delayed_at_once(void **state)
{
    struct fixture *f = *state;
    struct strbuf answer = STRBUF_INIT(ANSWER_MAX);
    int64_t start_ms = ctx_mono_ms(&f->ctx);
    int fd = dial(f);

    say(fd, STR(GET("/later?ms=60000")));
    while (atomic_load(&f->seen.handled) == 0)
        sched_yield();
    http_server_free(f->server);
    f->server = NULL;
    assert_true(ctx_mono_ms(&f->ctx) - start_ms < 9000);
    assert_true(hear_all(fd, &answer));
    assert_has(&answer, "later");
    (void)close(fd);
    strbuf_done(&answer);
}

static void a_client_that_leaves_while_waiting_does_no_harm(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);

    say(fd, STR(GET("/later?ms=50")));
    while (atomic_load(&f->seen.handled) == 0)
        sched_yield();
    (void)close(fd);
    assert_asked(f, GET("/later?ms=120"), "later", NULL);
}

static void a_body_can_be_cut_off_in_its_middle(void **state)
{
    struct strbuf answer = ask(*state, GET("/half"));

    assert_has(&answer, "Content-Length: 10");
    assert_has(&answer, "01234");
    assert_lacks(&answer, "012345");
    strbuf_done(&answer);
}

static void a_connection_can_be_dropped_without_an_answer(void **state)
{
    struct strbuf answer = ask(*state, GET("/nothing"));

    assert_int_equal(answer.len, 0);
    strbuf_done(&answer);
}

static void a_stream_is_sent_whole_and_ended_once(void **state)
{
    struct fixture *f = *state;
    struct strbuf answer = ask(f, GET("/stream?known=1"));
    const char *body = strstr(strbuf_z(&answer), "\r\n\r\n");

    assert_non_null(body);
    assert_int_equal(strlen(body + 4), 100000);
    strbuf_done(&answer);
    answer = ask(f, GET("/stream"));
    assert_has(&answer, "Transfer-Encoding: chunked");
    assert_has(&answer, "\r\n0\r\n\r\n");
    assert_true(answer.len > 100000);
    strbuf_done(&answer);
    while (atomic_load(&f->seen.stream_done) < 2)
        sched_yield();
    assert_int_equal(atomic_load(&f->seen.stream_done), 2);
}

static void a_stream_can_break_off(void **state)
{
    struct fixture *f = *state;
    struct strbuf answer = ask(f, GET("/stream?break=1"));

    assert_lacks(&answer, "\r\n0\r\n\r\n");
    while (atomic_load(&f->seen.stream_done) < 1)
        sched_yield();
    strbuf_done(&answer);
}

static void a_taken_port_is_told_with_a_remedy(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of(f);
    struct http_server *other = NULL;
    struct err err = {0};

    options.port = http_server_port(f->server);
    assert_int_equal(http_server_new(&f->ctx, &options, &other, &err), ERR_CONFLICT);
    assert_null(other);
    assert_non_null(strstr(err.msg, "choose another port"));
    options.address = "localhost";
    assert_int_equal(http_server_new(&f->ctx, &options, &other, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "\"localhost\""));
    options.address = "192.0.2.1";
    assert_int_equal(http_server_new(&f->ctx, &options, &other, &err), ERR_INPUT);
}

struct asker {
    const struct fixture *f;
    int good; /* asserts belong to the main thread only: the others count */
};

static void *ask_often(void *arg)
{
    struct asker *asker = arg;

    for (int i = 0; i < 100; i++) {
        struct strbuf answer = ask(asker->f, i % 3 ? GET("/echo?q=7") : GET("/later?ms=1"));

        asker->good += strstr(strbuf_z(&answer), "HTTP/1.1 200 OK") != NULL;
        strbuf_done(&answer);
        answer = ask(asker->f, GET("/blank"));
        asker->good += strstr(strbuf_z(&answer), "HTTP/1.1 204 No Content") != NULL;
        strbuf_done(&answer);
    }
    return NULL;
}

static void several_threads_serve_several_clients(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = options_of(f);
    struct err err = {0};
    pthread_t clients[4];
    struct asker askers[ARRAY_LEN(clients)];

    http_server_free(f->server);
    f->server = NULL;
    options.threads = 3;
    assert_int_equal(http_server_new(&f->ctx, &options, &f->server, &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        askers[i] = (struct asker){.f = f};
        assert_int_equal(pthread_create(&clients[i], NULL, ask_often, &askers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        assert_int_equal(pthread_join(clients[i], NULL), 0);
        assert_int_equal(askers[i].good, 200);
    }
    assert_int_equal(atomic_load(&f->seen.handled), 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_handler_sees_path_and_query_undecoded),
        TEST(headers_are_found_in_any_case_and_bodies_arrive_whole),
        TEST(nothing_served_is_a_problem_document),
        TEST(another_method_is_answered_405_with_allow),
        TEST(a_deferred_answer_is_made_by_another_thread),
        TEST(a_problem_quotes_what_it_tells),
        TEST(head_has_the_length_and_no_body),
        TEST(escapes_out_of_the_path_never_reach_a_handler),
        TEST(a_header_that_would_split_the_answer_is_left_out),
        TEST(an_answer_without_a_body_has_its_own_headers),
        TEST(before_can_refuse_and_after_sees_every_answer),
        TEST(a_small_body_too_large_for_the_route_keeps_the_connection),
        TEST(a_huge_body_is_refused_before_it_is_read),
        TEST(a_chunked_body_past_the_limit_is_refused),
        TEST(an_endless_chunked_body_is_cut_off),
        TEST(two_lengths_in_one_request_are_refused),
        TEST(a_request_has_one_host),
        TEST(a_large_body_arrives_whole),
        TEST(an_answer_past_the_limit_is_an_error_and_not_a_cut),
        TEST(garbage_is_survived),
        TEST(clients_that_leave_in_the_middle_do_no_harm),
        TEST(a_silent_connection_is_closed_after_its_time),
        TEST(headers_without_end_are_refused),
        TEST(one_connection_serves_many_requests),
        TEST(a_delayed_answer_holds_no_thread),
        TEST(delayed_answers_come_in_the_order_of_their_time),
        TEST(stopping_sends_what_is_delayed_at_once),
        TEST(a_client_that_leaves_while_waiting_does_no_harm),
        TEST(a_body_can_be_cut_off_in_its_middle),
        TEST(a_connection_can_be_dropped_without_an_answer),
        TEST(a_stream_is_sent_whole_and_ended_once),
        TEST(a_stream_can_break_off),
        TEST(a_taken_port_is_told_with_a_remedy),
        TEST(several_threads_serve_several_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
