/* Tests of net.c. */
#include "http/net.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/json.h"

static void only_headers_that_somebody_reads_are_kept(void **state)
{
    struct net_response response = {0};

    (void)state;
    net_response_add_header(&response, STR("Set-Cookie"), STR("JSESSIONID=secret"));
    net_response_add_header(&response, STR("X-AUSERNAME"), STR("fred"));
    net_response_add_header(&response, STR("Content-Type"), STR("  application/json \r\n"));
    net_response_add_header(&response, STR("X-RateLimit-Remaining"), STR("7"));
    net_response_add_header(&response, STR("RateLimit-Policy"), STR("a\x01\xc3\xa4z"));
    net_response_add_header(&response, STR("Beta-RateLimit"), STR(""));
    net_response_add_header(&response, STR("Content-Typewriter"), STR("x"));
    net_response_add_header(&response, STR("x-ratelimit-0123456789012345678901234567"), STR("x"));
    assert_int_equal(response.header_count, 4);
    assert_true(str_eq_z(net_header(&response, "content-type"), "application/json"));
    assert_true(str_eq_z(net_header(&response, "x-ratelimit-remaining"), "7"));
    assert_true(str_eq_z(net_header(&response, "ratelimit-policy"), "a???z"));
    assert_true(str_eq_z(net_header(&response, "beta-ratelimit"), ""));
    assert_null(net_header(&response, "set-cookie").ptr);
}

static void headers_are_cut_and_counted(void **state)
{
    struct net_response response = {0};
    char value[500];

    (void)state;
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < 100; i++)
        net_response_add_header(&response, STR("Location"), (struct str){value, sizeof(value)});
    assert_int_equal(response.header_count, NET_HEADERS_KEPT);
    assert_int_equal(net_header(&response, "location").len, sizeof(response.headers[0].value) - 1);
}

static void a_body_ends_in_padding_and_can_be_parsed_in_place(void **state)
{
    AUTO(strbuf_done) struct strbuf body = {0};
    yyjson_doc *doc = NULL;
    struct err err = {0};

    (void)state;
    net_body_init(&body, 7);
    assert_true(net_body_append(&body, "{\"a\"", 4));
    assert_true(net_body_append(&body, ":1}", 3));
    assert_true(net_body_end(&body));
    assert_int_equal(body.len, 7);
    assert_true(body.room >= body.len + NET_BODY_PADDING);
    assert_memory_equal(body.ptr + body.len, "\0\0\0", NET_BODY_PADDING);
    assert_int_equal(json_read_insitu(body.ptr, body.len, "a body", &doc, &err), ERR_OK);
    yyjson_doc_free(doc);
}

static void a_body_past_its_limit_is_refused_to_the_byte(void **state)
{
    AUTO(strbuf_done) struct strbuf body = {0};

    (void)state;
    net_body_init(&body, 100);
    assert_true(net_body_reserve(&body, 100));
    assert_false(net_body_reserve(&body, 101));
    assert_int_equal(body.failed, ERR_LIMIT);
    strbuf_done(&body);

    net_body_init(&body, 100);
    for (int i = 0; i < 100; i++)
        assert_true(net_body_append(&body, "x", 1));
    assert_true(net_body_end(&body));
    assert_false(net_body_append(&body, "x", 1));
    assert_int_equal(body.failed, ERR_LIMIT);
    assert_int_equal(body.len, 100);
    assert_false(net_body_end(&body));
}

static void a_reserved_body_is_allocated_once(void **state)
{
    AUTO(strbuf_done) struct strbuf body = {0};
    char piece[1000] = {0};

    (void)state;
    net_body_init(&body, (size_t)64 * 1024 * 1024);
    assert_true(net_body_reserve(&body, 2000 * sizeof(piece)));

    const char *at = body.ptr;
    size_t room = body.room;

    assert_int_equal(room, 2000 * sizeof(piece) + NET_BODY_PADDING + 1);
    for (int i = 0; i < 2000; i++)
        assert_true(net_body_append(&body, piece, sizeof(piece)));
    assert_true(net_body_end(&body));
    assert_ptr_equal(body.ptr, at);
    assert_int_equal(body.room, room);
}

static void an_empty_body_has_its_padding_too(void **state)
{
    struct net_response response = {0};

    (void)state;
    net_body_init(&response.body, 10);
    assert_true(net_body_end(&response.body));
    assert_int_equal(response.body.len, 0);
    assert_memory_equal(response.body.ptr, "\0\0\0", NET_BODY_PADDING);
    net_response_done(&response);
    assert_null(response.body.ptr);
    net_response_done(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_headers_that_somebody_reads_are_kept),
        cmocka_unit_test(headers_are_cut_and_counted),
        cmocka_unit_test(a_body_ends_in_padding_and_can_be_parsed_in_place),
        cmocka_unit_test(a_body_past_its_limit_is_refused_to_the_byte),
        cmocka_unit_test(a_reserved_body_is_allocated_once),
        cmocka_unit_test(an_empty_body_has_its_padding_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
