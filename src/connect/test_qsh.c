/* Tests of qsh.c: the published table, and what it does not say. */
#include "connect/qsh.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct qsh_request request_of(const char *method, const char *base, const char *url)
{
    struct str query = {0};
    struct str path = str_cut(str_from(url), '?', &query);

    return (struct qsh_request){str_from(method), path, str_from(base), query};
}

/* An arena whose memory is given back at the end of a test. */
static struct arena *scratch(void)
{
    struct arena *arena = arena_new((size_t)8 << 20);

    assert_non_null(arena);
    return arena;
}

static void assert_canonical(const char *method, const char *base, const char *url,
                             const char *expected)
{
    AUTO(arena_free_autop) struct arena *arena = scratch();
    struct qsh_request request = request_of(method, base, url);
    struct str canonical = {0};
    struct err err = {0};

    assert_int_equal(qsh_canonical(arena, &request, &canonical, &err), ERR_OK);
    if (!str_eq_z(canonical, expected))
        print_error("canonical: " STR_FMT "\nexpected:  %s\n", STR_ARG(canonical), expected);
    assert_true(str_eq_z(canonical, expected));
}

static void assert_hash(const char *method, const char *base, const char *url, const char *expected)
{
    AUTO(arena_free_autop) struct arena *arena = scratch();
    struct qsh_request request = request_of(method, base, url);
    char hex[QSH_HEX_BYTES + 1] = "";
    struct err err = {0};

    assert_int_equal(qsh_compute(arena, &request, hex, &err), ERR_OK);
    assert_string_equal(hex, expected);
}

/* From Atlassian's test suites (facts 1.5); a hash is left out where none is published. */
static const struct {
    const char *method, *base, *url, *canonical, *hash;
} published[] = {
    {"GET", "", "/test?param=value", "GET&/test&param=value",
     "be16910858a41fd19ea5c1b4e9decca9a784d1024cb00b2158defe2f29dc86dd"},
    {"GET", "", "/test?param=some+spaces+in+this+parameter",
     "GET&/test&param=some%20spaces%20in%20this%20parameter",
     "ef4097d05395eaf1a133956f140116a9c411afad768d4f06daac9e305764265d"},
    {"GET", "", "/test?query=connect*", "GET&/test&query=connect%2A",
     "0d28bc10d1972d9cab59e123ce17976eb32aad6957a13cfb8b97ced6d3fc8a29"},
    {"GET", "", "/test?director=%E5%AE%AE%E5%B4%8E+%E9%A7%BF",
     "GET&/test&director=%E5%AE%AE%E5%B4%8E%20%E9%A7%BF",
     "44d6354ffe8f963972a7fc59e98b2c3dfe4b493295c5b89edd974a339e61ac89"},
    {"GET", "", "/test?ids=10%2C2%2C20%2C1", "GET&/test&ids=10%2C2%2C20%2C1",
     "2e617b65f966650789990e5cac8ff295ee5b453834d04798f466ff6035bd8829"},
    {"GET", "", "/test?tuples=1%2C2%2C3&tuples=6%2C5%2C4&tuples=7%2C9%2C8",
     "GET&/test&tuples=1%2C2%2C3,6%2C5%2C4,7%2C9%2C8",
     "f9f62bb61191dff1b219e9ade8ac38fcfa46272ea76d9545410db6559fd8e7bd"},
    {"GET", "", "/test?title=1+%2B+1+equals+3", "GET&/test&title=1%20%2B%201%20equals%203",
     "ce0a866ce0c34cbde70deb63f6915192f58500d2b49b12e1ffc8cdf91edabc91"},
    {"GET", "", "/test?eta=in+%7E3+days", "GET&/test&eta=in%20~3%20days",
     "5c5f97cdfe3abd8feb48f6f0240a71ef5c111289a5bf77ddf645250b3951ec63"},
    {"GET", "", "/test?rfc=%24-_.%2B%21*%27%28%29%2C", "GET&/test&rfc=%24-_.%2B%21%2A%27%28%29%2C",
     "0e36229cc459ff8ccb4845c11433cfbbe25bfa45e8c1ea14d2a124231cb0a2e9"},
    {"GET", "", "/test?notmuch=", "GET&/test&notmuch=",
     "20fecded9951516a3447b1b556d0eb350de29770505253a30dc739502e05ddc7"},
    {"GET", "", "/test?ids=-1&ids=1&ids=10&ids=2&ids=20", "GET&/test&ids=-1,1,10,2,20",
     "a646c48741faaeb649f9ca7888ae029ead432e3806f56c4a57b80b3e2ac628a9"},
    {"GET", "", "/test?ids=.1&ids=.2&ids=%3A1&ids=%3A2", "GET&/test&ids=.1,.2,%3A1,%3A2",
     "f0524d42e0f8661862e1f1e9add8757972a0043bb7136d641735d21874c5a056"},
    {"GET", "", "/test?c=&c=+&c=%2520&c=%2B", "GET&/test&c=,%20,%2520,%2B",
     "cbbcac9a6a02f3ad96c5ab5bf876dd9f79b2c61ceec5660a1c9d73a3b102ec2c"},
    {"GET", "", "/test?%3A1=value", "GET&/test&%3A1=value",
     "6d823181a68a4952c75e4b51ad0b8d59e879859cdf977e7254545201bca8465d"},
    {"GET", "", "/test?a10=1&a1=2&b1=3&b10=4", "GET&/test&a1=2&a10=1&b1=3&b10=4",
     "159cc3d3003f067c3ae263d19ded42dedd28221cce4d4757b13fc7722a24408f"},
    {"GET", "", "/test?A=A&a=a&b=b&B=B", "GET&/test&A=A&B=B&a=a&b=b",
     "539adc2b0aef2ec8659825893b8b92e6a53c9483e2150b8185b08490d8b6de60"},
    {"GET", "", "/test", "GET&/test&",
     "bad328fac990349a8c88393c1755bc4f984a9c387202229b8ed52e04ff7e9fec"},
    {"GET", "", "/endsWithDelimiter/?a=b", "GET&/endsWithDelimiter&a=b",
     "8f77c6a0e6bf25041121ee44480d3c97ae9cca4b7a007ea6e1d648d9a26e5d1d"},
    {"GET", "", "/endsWithDelimiter/", "GET&/endsWithDelimiter&",
     "4c799e91fc8e1be9b1f034f2191ae80cb2080b54a85e9a2464ad2f2115f8d987"},
    {"GET", "", "/path!$&'()*+,;=?a=b", "GET&/path!$%26'()*+,;=&a=b",
     "9ef803f9cb8dea4f7f875caff8d31e95962c6e8bd44d64a848d6ebb055b2144b"},
    {"GET", "", "", "GET&/&", "c88caad15a1c1a900b8ac08aa9686f4e8184539bea1deda36e2f649430df3239"},
    {"GET", "", "/", "GET&/&", "c88caad15a1c1a900b8ac08aa9686f4e8184539bea1deda36e2f649430df3239"},
    {"GET", "", "/path", "GET&/path&",
     "799be84a7fa35570087163c0cd9af3abff7ac05c2c12ba0bb1d7eebc984b3ac2"},
    {"GET", "/base",
     "/base/path/to/service?zee_last=param&repeated=parameter 1&first=param&repeated=parameter "
     "2&repeated=Parameter 2",
     "GET&/path/to/service&first=param&repeated=Parameter%202,parameter%201,parameter%202&zee_last="
     "param",
     "9ae6056cf66c00e76fa15e66fd26091fecd7356eec2f2c30629835b656799f66"},
    {"GET", "", "/hello-world?a&b=foo&c", "GET&/hello-world&a=&b=foo&c=", NULL},
    {"POST", "/jira", "/jira/rest/api/2/project/jira&a=b&c=d?x=y",
     "POST&/rest/api/2/project/jira%26a=b%26c=d&x=y", NULL},
    {"GET", "",
     "/hello-world?lic=none&tz=Australia%2FSydney&cp=%2Fjira&user_key=&loc=en-US&user_id=&jwt=abc."
     "def.ghi&xdm_e=http%3A%2F%2Fstorm%3A2990&xdm_c=channel-servlet-hello-world&xdm_p=1",
     "GET&/hello-world&cp=%2Fjira&lic=none&loc=en-US&tz=Australia%2FSydney&user_id=&user_key=&xdm_c="
     "channel-servlet-hello-world&xdm_e=http%3A%2F%2Fstorm%3A2990&xdm_p=1",
     "8063ff4ca1e41df7bc90c8ab6d0f6207d491cf6dad7c66ea797b4614b71922e9"},
    {"POST", "", "/hello-world", "POST&/hello-world&",
     "6f95f3738e1b037a3bebbe0ad237d80fdbc1d5ae452e98ce03a9c004c178ebb4"},
};

static void the_published_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(published); i++) {
        assert_canonical(published[i].method, published[i].base, published[i].url,
                         published[i].canonical);
        if (published[i].hash)
            assert_hash(published[i].method, published[i].base, published[i].url,
                        published[i].hash);
    }
}

static void the_method_is_upper_case(void **state)
{
    (void)state;
    assert_canonical("delete", "", "/a", "DELETE&/a&");
    assert_canonical("Put", "", "/a", "PUT&/a&");
}

static void a_base_path_is_only_taken_off_at_a_slash(void **state)
{
    (void)state;
    assert_canonical("GET", "/base", "/base", "GET&/&");
    assert_canonical("GET", "/base", "/base/", "GET&/&");
    assert_canonical("GET", "/base", "/base?x=1", "GET&/&x=1");
    assert_canonical("GET", "/base", "/basement/a", "GET&/basement/a&");
    assert_canonical("GET", "/base", "/other/base", "GET&/other/base&");
    assert_canonical("GET", "/base", "/base/base/a", "GET&/base/a&");
    assert_canonical("GET", "/a/b", "/a/b/c", "GET&/c&");
}

static void a_path_stays_as_it_is_but_for_one_slash_at_its_end(void **state)
{
    (void)state;
    assert_canonical("GET", "", "/a//", "GET&/a/&");
    assert_canonical("GET", "", "//", "GET&/&");
    assert_canonical("GET", "", "/a/../b/./%2e%2E/%61", "GET&/a/../b/./%2e%2E/%61&");
    assert_canonical("GET", "", "a/b", "GET&/a/b&");
    assert_canonical("GET", "", "/a&&b", "GET&/a%26%26b&");
}

static void a_parameter_is_what_stands_between_ampersands(void **state)
{
    (void)state;
    assert_canonical("GET", "", "/a?&&x=1&", "GET&/a&x=1");
    assert_canonical("GET", "", "/a?x=1=2", "GET&/a&x=1%3D2");
    assert_canonical("GET", "", "/a?=1", "GET&/a&=1");
    assert_canonical("GET", "", "/a?x;y=1", "GET&/a&x%3By=1");
    assert_canonical("GET", "", "/a?x=?", "GET&/a&x=%3F");
}

static void the_token_itself_does_not_count_however_it_is_written(void **state)
{
    (void)state;
    assert_canonical("GET", "", "/a?jwt=x", "GET&/a&");
    assert_canonical("GET", "", "/a?x=1&%6Awt=y&jwt=z&jwt", "GET&/a&x=1");
    assert_canonical("GET", "", "/a?JWT=x&jwt2=y", "GET&/a&JWT=x&jwt2=y");
}

static void names_that_decode_to_the_same_are_the_same(void **state)
{
    (void)state;
    assert_canonical("GET", "", "/a?%78=2&x=1", "GET&/a&x=1,2");
    assert_canonical("GET", "", "/a?a+b=2&a%20b=1", "GET&/a&a%20b=1,2");
}

static void the_order_is_that_of_utf16_code_units(void **state)
{
    (void)state;
    /* U+1F600 is D83D DE00 in UTF-16: before U+E000 and U+FF21, behind U+D7FF. */
    assert_canonical("GET", "", "/a?x=%EF%BC%A1&x=%F0%9F%98%80&x=%EE%80%80&x=%ED%9F%BF&x=z",
                     "GET&/a&x=z,%ED%9F%BF,%F0%9F%98%80,%EE%80%80,%EF%BC%A1");
    /* Two above U+FFFF, and a prefix. */
    assert_canonical("GET", "", "/a?x=%F0%9F%98%81&x=%F0%9F%98%80a&x=%F0%9F%98%80",
                     "GET&/a&x=%F0%9F%98%80,%F0%9F%98%80a,%F0%9F%98%81");
    assert_canonical("GET", "", "/a?%EF%BC%A1=1&%F0%9F%98%80=2",
                     "GET&/a&%F0%9F%98%80=2&%EF%BC%A1=1");
}

static void a_query_that_cannot_be_decoded_has_no_hash(void **state)
{
    (void)state;
    AUTO(arena_free_autop) struct arena *arena = scratch();
    static const char *const urls[] = {"/a?x=%",      "/a?x=%4",  "/a?x=%zz",      "/a?%ff=1",
                                       "/a?x=%C0%80", "/a?x=%00", "/a?x=%ED%A0%80"};

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct qsh_request request = request_of("GET", "", urls[i]);
        char hex[QSH_HEX_BYTES + 1] = "untouched";
        struct err err = {0};

        assert_int_equal(qsh_compute(arena, &request, hex, &err), ERR_USAGE);
        assert_string_equal(hex, "untouched");
        assert_int_equal(qsh_check(arena, &request, STR("untouched"), &err), ERR_USAGE);
    }
}

static void the_number_of_parameters_is_limited(void **state)
{
    (void)state;
    AUTO(arena_free_autop) struct arena *arena = scratch();
    AUTO(strbuf_done) struct strbuf query = STRBUF_INIT(10000);
    struct qsh_request request = {STR("GET"), STR("/a"), STR(""), STR("")};
    struct str canonical = {0};
    struct err err = {0};

    for (size_t i = 0; i < QSH_PARAMS_MAX - 1; i++)
        strbuf_add_z(&query, "a=1&");
    request.query = strbuf_str(&query);
    assert_int_equal(qsh_canonical(arena, &request, &canonical, &err), ERR_OK);
    assert_int_equal(canonical.len, strlen("GET&/a&a=") + 2 * (QSH_PARAMS_MAX - 1) - 1);
    strbuf_add_z(&query, "a=1&");
    request.query = strbuf_str(&query);
    assert_int_equal(qsh_canonical(arena, &request, &canonical, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, "1000"));
}

static void a_full_arena_is_an_error(void **state)
{
    (void)state;
    struct qsh_request request = request_of("GET", "", "/a?x=1");
    unsigned failed = 0;

    for (size_t room = 0; room < 200; room += 16) {
        AUTO(arena_free_autop) struct arena *arena = arena_new(room);
        char hex[QSH_HEX_BYTES + 1];
        struct err err = {0};
        enum err_class class = qsh_compute(arena, &request, hex, &err);

        assert_true(class == ERR_OK || class == ERR_MEMORY);
        failed += class == ERR_MEMORY;
    }
    assert_in_range(failed, 2, 12);
}

static void a_claim_fits_its_own_request_only(void **state)
{
    (void)state;
    AUTO(arena_free_autop) struct arena *arena = scratch();
    struct str claim = str_from(published[0].hash);
    static const struct {
        const char *method, *url;
    } others[] = {
        {"POST", "/test?param=value"}, {"GET", "/test?param=Value"},     {"GET", "/test"},
        {"GET", "/Test?param=value"},  {"GET", "/test?param=value&x=1"}, {"GET", "/?param=value"},
    };
    struct qsh_request request = request_of("GET", "", published[0].url);
    struct err err = {0};

    assert_int_equal(qsh_check(arena, &request, claim, &err), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        request = request_of(others[i].method, "", others[i].url);
        assert_int_equal(qsh_check(arena, &request, claim, &err), ERR_DENIED);
        assert_null(strstr(err.msg, "value"));
    }
}

static void a_claim_is_the_whole_hash_in_lower_case(void **state)
{
    (void)state;
    AUTO(arena_free_autop) struct arena *arena = scratch();
    struct qsh_request request = request_of("GET", "", "/test?param=value");
    struct str whole = str_from(published[0].hash);
    static const char upper[] = "BE16910858A41FD19EA5C1B4E9DECCA9A784D1024CB00B2158DEFE2F29DC86DD";
    struct err err = {0};

    assert_int_equal(qsh_check(arena, &request, STR("context-qsh"), &err), ERR_DENIED);
    assert_int_equal(qsh_check(arena, &request, (struct str){NULL, 0}, &err), ERR_DENIED);
    assert_int_equal(qsh_check(arena, &request, str_sub(whole, 0, 63), &err), ERR_DENIED);
    assert_int_equal(qsh_check(arena, &request, str_from(upper), &err), ERR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_table_holds),
        cmocka_unit_test(the_method_is_upper_case),
        cmocka_unit_test(a_base_path_is_only_taken_off_at_a_slash),
        cmocka_unit_test(a_path_stays_as_it_is_but_for_one_slash_at_its_end),
        cmocka_unit_test(a_parameter_is_what_stands_between_ampersands),
        cmocka_unit_test(the_token_itself_does_not_count_however_it_is_written),
        cmocka_unit_test(names_that_decode_to_the_same_are_the_same),
        cmocka_unit_test(the_order_is_that_of_utf16_code_units),
        cmocka_unit_test(a_query_that_cannot_be_decoded_has_no_hash),
        cmocka_unit_test(the_number_of_parameters_is_limited),
        cmocka_unit_test(a_full_arena_is_an_error),
        cmocka_unit_test(a_claim_fits_its_own_request_only),
        cmocka_unit_test(a_claim_is_the_whole_hash_in_lower_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
