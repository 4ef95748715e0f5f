#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/router.h"

static void handle(struct http_exchange *ex)
{
    (void)ex;
}

static void handle_other(struct http_exchange *ex)
{
    (void)ex;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/issue/{key}/worklog/{id}", 0, handle},
    {HTTP_POST, "/issue/{key}/worklog/move", 0, handle},
    {HTTP_GET, "/issue/{key}/worklog/move", 0, handle_other},
    {HTTP_PUT, "/issue/{key}/worklog/{id}", 0, handle},
    {HTTP_POST, "/app/report-accounts/", 0, handle},
    {HTTP_GET, "/", 0, handle},
};

static int set_up(void **state)
{
    *state = arena_new(1 << 20);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static struct route_path parsed(struct arena *arena, const char *raw)
{
    struct route_path path = {.count = 0};
    const char *why = NULL;

    assert_true(route_path_parse(arena, str_from(raw), &path, &why));
    return path;
}

static struct route_match find(struct arena *arena, enum http_method method, const char *raw,
                               struct strbuf *allow)
{
    struct route_path path = parsed(arena, raw);
    struct route_match match;

    route_find(routes, ARRAY_LEN(routes), &method, &path, &match, allow);
    return match;
}

static void a_segment_is_decoded_exactly_once(void **state)
{
    struct route_path path = parsed(*state, "/a%20b/%2525/%C3%A4/x+y");

    assert_int_equal(path.count, 4);
    assert_true(str_eq(path.segments[0], STR("a b")));
    assert_true(str_eq(path.segments[1], STR("%25")));
    assert_true(str_eq(path.segments[2], STR("ä")));
    assert_true(str_eq(path.segments[3], STR("x+y"))); /* '+' is itself in a path */
}

static void paths_that_could_escape_are_refused_with_a_reason(void **state)
{
    static const char *const bad[] = {
        "",        "a",           "*",     "http://x/y",
        "/a/../b", "/a/%2e%2e/b", "/.",    "/a/.%2E",
        "/a%2Fb",  "/a%5cb",      "/a\\b", "/%",
        "/%4",     "/%zz",        "/%00",  "/%C3",
        "/%C0%AF", "/%ED%A0%80",  "/\xff", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct route_path path = {.count = 0};
        const char *why = NULL;

        assert_false(route_path_parse(*state, str_from(bad[i]), &path, &why));
        assert_non_null(why);
    }
}

static void parameters_come_in_the_order_of_the_pattern(void **state)
{
    struct strbuf allow = STRBUF_INIT(64);
    struct route_match match = find(*state, HTTP_GET, "/issue/WEB-1/worklog/4711", &allow);

    assert_ptr_equal(match.route, &routes[0]);
    assert_true(str_eq(match.params[0], STR("WEB-1")));
    assert_true(str_eq(match.params[1], STR("4711")));
    assert_null(match.params[2].ptr);
}

static void a_literal_beats_a_parameter_wherever_it_stands_in_the_table(void **state)
{
    struct strbuf allow = STRBUF_INIT(64);

    assert_ptr_equal(find(*state, HTTP_GET, "/issue/X/worklog/move", &allow).route, &routes[2]);
    assert_ptr_equal(find(*state, HTTP_POST, "/issue/X/worklog/move", &allow).route, &routes[1]);
    /* The literal pattern has no PUT: the general one takes it. */
    assert_ptr_equal(find(*state, HTTP_PUT, "/issue/X/worklog/move", &allow).route, &routes[3]);
}

static void slashes_at_the_end_and_empty_parameters_do_not_fit(void **state)
{
    struct strbuf allow = STRBUF_INIT(64);

    assert_null(find(*state, HTTP_GET, "/issue/X/worklog/1/", &allow).route);
    assert_null(find(*state, HTTP_GET, "/issue//worklog/1", &allow).route);
    assert_null(find(*state, HTTP_GET, "/issue/X/worklog/", &allow).route);
    assert_null(find(*state, HTTP_POST, "/app/report-accounts", &allow).route);
    assert_ptr_equal(find(*state, HTTP_POST, "/app/report-accounts/", &allow).route, &routes[4]);
    assert_ptr_equal(find(*state, HTTP_GET, "/", &allow).route, &routes[5]);
    assert_int_equal(allow.len, 0);
}

static void another_method_is_told_what_is_allowed(void **state)
{
    struct strbuf allow = STRBUF_INIT(64);
    struct route_match match = find(*state, HTTP_DELETE, "/issue/X/worklog/1", &allow);

    assert_null(match.route);
    assert_true(match.path_known);
    assert_string_equal(strbuf_z(&allow), "GET, HEAD, PUT");
    strbuf_done(&allow);
}

static void a_query_is_decoded_by_name_and_number(void **state)
{
    struct arena *arena = *state;
    struct str query = STR("a=1&b=x+y%26z&&a=2&empty=&bare&%61=3&k%3Dey=v=w");

    assert_true(str_eq(route_query_get(arena, query, "a", 0), STR("1")));
    assert_true(str_eq(route_query_get(arena, query, "a", 1), STR("2")));
    assert_true(str_eq(route_query_get(arena, query, "a", 2), STR("3")));
    assert_null(route_query_get(arena, query, "a", 3).ptr);
    assert_true(str_eq(route_query_get(arena, query, "b", 0), STR("x y&z")));
    assert_non_null(route_query_get(arena, query, "empty", 0).ptr);
    assert_int_equal(route_query_get(arena, query, "empty", 0).len, 0);
    assert_non_null(route_query_get(arena, query, "bare", 0).ptr);
    assert_true(str_eq(route_query_get(arena, query, "k=ey", 0), STR("v=w")));
    assert_null(route_query_get(arena, query, "A", 0).ptr);
    assert_null(route_query_get(arena, STR(""), "a", 0).ptr);
}

static void a_broken_query_is_noticed(void **state)
{
    static const char *const bad[] = {"a=%", "a=%4", "%zz=1", "a=1&b=%C3", "a=%00", "a=\xff"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(route_query_is_well_formed(*state, str_from(bad[i])));
    assert_true(route_query_is_well_formed(*state, STR("a=1&b=%C3%A4&c")));
    assert_true(route_query_is_well_formed(*state, (struct str){NULL, 0}));
}

static void a_wrong_table_is_a_bug_with_the_route_named(void **state)
{
    static const struct http_route twice[] = {{HTTP_GET, "/a", 0, handle},
                                              {HTTP_GET, "/a", 0, handle_other}};
    static const struct http_route relative[] = {{HTTP_GET, "a", 0, handle}};
    static const struct http_route many[] = {{HTTP_GET, "/{a}/{b}/{c}/{d}/{e}", 0, handle}};
    static const struct http_route empty[] = {{HTTP_GET, "/a", 0, NULL}};
    struct err err = {0};

    (void)state;
    assert_int_equal(routes_check(twice, 2, &err), ERR_BUG);
    assert_string_equal(err.msg, "route /a stands twice in the table");
    assert_int_equal(routes_check(relative, 1, &err), ERR_BUG);
    assert_int_equal(routes_check(many, 1, &err), ERR_BUG);
    assert_int_equal(routes_check(empty, 1, &err), ERR_BUG);
    assert_int_equal(routes_check(routes, ARRAY_LEN(routes), &err), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_segment_is_decoded_exactly_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paths_that_could_escape_are_refused_with_a_reason, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(parameters_come_in_the_order_of_the_pattern, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_literal_beats_a_parameter_wherever_it_stands_in_the_table,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(slashes_at_the_end_and_empty_parameters_do_not_fit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_method_is_told_what_is_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_query_is_decoded_by_name_and_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_query_is_noticed, set_up, tear_down),
        cmocka_unit_test(a_wrong_table_is_a_bug_with_the_route_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
