/* Tests of url.c. */
#include "http/url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct url_base parse(const char *text)
{
    struct url_base base = {0};
    struct err err = {0};

    if (url_parse_base(str_from(text), &base, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.msg);
    return base;
}

static void a_base_is_normalised(void **state)
{
    static const struct {
        const char *in, *out, *host;
        int port;
    } cases[] = {
        {"https://acme.atlassian.net/", "https://acme.atlassian.net", "acme.atlassian.net", 443},
        {"  HTTPS://Acme.Atlassian.NET//\n", "https://acme.atlassian.net", "acme.atlassian.net",
         443},
        {"https://acme.atlassian.net:443", "https://acme.atlassian.net", "acme.atlassian.net", 443},
        {"http://jira:80/", "http://jira", "jira", 80},
        {"http://jira:443/", "http://jira:443", "jira", 443},
        {"https://jira_1.acme.internal:8443/Jira/x-1/",
         "https://jira_1.acme.internal:8443/Jira/x-1", "jira_1.acme.internal", 8443},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1", 8080},
        {"https://[2001:DB8:0:0::1]:444/jira", "https://[2001:db8::1]:444/jira", "2001:db8::1",
         444},
        {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example",
         443},
        {"https://a.0x.example", "https://a.0x.example", "a.0x.example", 443},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url_base base = parse(cases[i].in);

        assert_string_equal(base.text, cases[i].out);
        assert_string_equal(base.host, cases[i].host);
        assert_int_equal(base.port, cases[i].port);
        assert_int_equal(base.https, cases[i].out[4] == 's');
        /* What is normal stays as it is. */
        assert_string_equal(parse(base.text).text, base.text);
    }
}

static void what_is_no_base_is_refused_and_nothing_changed(void **state)
{
    static const struct {
        const char *in;
        const char *part; /* of the sentence */
    } cases[] = {
        {"", "is empty"},
        {"acme.atlassian.net", "write it like https://acme.atlassian.net"},
        {"acme.atlassian.net/jira", "write it like https://acme.atlassian.net"},
        {"acme.atlassian.net:443", "instead of https://"},
        {"ftp://acme.example", "begins with 'ftp'"},
        {"file:///etc/passwd", "begins with 'file'"},
        {"https://", "names no host"},
        {"https:///jira", "names no host"},
        {"https://u:secret@acme.example", "user name or password"},
        {"https://acme.example@evil.example", "user name or password"},
        {"u:secret@acme.example", "has an '@'"},
        {"https://acme.example\\@evil.example", "backslash"},
        {"https://acme.example/?jwt=secret", "query or a fragment"},
        {"https://acme.example?jwt=secret", "query or a fragment"},
        {"https://acme.example/#secret", "query or a fragment"},
        {"https://acme.example/a b", "space"},
        {"https://acme.example/a\x01", "percent-encoded"},
        {"https://acme.example/a/../b", "dotted part"},
        {"https://acme.example/./b", "dotted part"},
        {"https://acme.example/a//b", "an empty or a dotted"},
        {"https://acme.example/%2e%2e/b", "letters, digits"},
        {"https://acme.example/a;b", "letters, digits"},
        {"https://acme..example", "empty part"},
        {"https://.acme.example", "empty part"},
        {"https://acme.example.", "empty part"},
        {"https://ac!me.example", "no host name has"},
        {"https://ac%6de.example", "no host name has"},
        {"https://b\xc3\xbc"
         "cher.example",
         "xn-- form"},
        {"https://127.1", "not an IPv4 address"},
        {"https://2130706433", "not an IPv4 address"},
        {"https://0x7f000001", "not an IPv4 address"},
        {"https://0x7f.0.0.0x1", "not an IPv4 address"},
        {"https://0177.0.0.1", "not an IPv4 address"},
        {"https://256.0.0.1", "not an IPv4 address"},
        {"https://[::1", "without its ']'"},
        {"https://[fe80::1%25eth0]", "not an IPv6 address"},
        {"https://[acme]", "not an IPv6 address"},
        {"https://[]", "not an IPv6 address"},
        {"https://[::1]x", "port behind"},
        {"https://acme.example:", "port behind"},
        {"https://acme.example:0", "port behind"},
        {"https://acme.example:65536", "port behind"},
        {"https://acme.example:8x", "port behind"},
        {"https://acme.example:-1", "port behind"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url_base base = {.text = "untouched"};
        struct err err = {0};

        assert_int_equal(url_parse_base(str_from(cases[i].in), &base, &err), ERR_INPUT);
        if (!strstr(err.msg, cases[i].part))
            fail_msg("'%s': '%s' is not in '%s'", cases[i].in, cases[i].part, err.msg);
        assert_null(strstr(err.msg, "secret"));
        assert_string_equal(base.text, "untouched");
    }
}

static void lengths_are_limited(void **state)
{
    struct url_base base = {0};
    struct err err = {0};
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(5000);

    (void)state;
    strbuf_add_z(&url, "https://acme.example/");
    while (url.len < LIMIT_URL_BYTES)
        strbuf_add_char(&url, 'a');
    assert_int_equal(url_parse_base(strbuf_str(&url), &base, &err), ERR_OK);
    assert_int_equal(strlen(base.text), LIMIT_URL_BYTES);
    strbuf_add_char(&url, 'a');
    assert_int_equal(url_parse_base(strbuf_str(&url), &base, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, "2049 bytes; the limit is 2048"));

    /* Four labels of 63 are 255 bytes with their dots: two more than a host may have. */
    strbuf_reset(&url);
    strbuf_add_z(&url, "https://");
    for (int label = 0; label < 4; label++) {
        for (int i = 0; i < 63; i++)
            strbuf_add_char(&url, 'a');
        strbuf_add_char(&url, '.');
    }
    url.len--; /* the last dot */
    assert_int_equal(url_parse_base(strbuf_str(&url), &base, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "at most 253"));
    assert_int_equal(
        url_parse_base(str_sub(strbuf_str(&url), 0, sizeof("https://") - 1 + 253), &base, &err),
        ERR_OK);
    strbuf_reset(&url);
    strbuf_add_z(&url, "https://");
    for (int i = 0; i < 64; i++)
        strbuf_add_char(&url, 'a');
    assert_int_equal(url_parse_base(strbuf_str(&url), &base, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "longer than 63"));
}

static void origins_are_compared_as_a_browser_does(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"https://acme.example", "https://ACME.example:443/x?y#z", true},
        {"http://acme.example:80/", "http://acme.example?x", true},
        {"https://[::1]/", "https://[0:0::1]:443", true},
        {"https://acme.example", "http://acme.example", false},
        {"https://acme.example", "https://acme.example:444", false},
        {"https://acme.example", "https://acme.example.evil.example", false},
        {"https://acme.example", "https://evil.example/https://acme.example", false},
        {"https://acme.example", "https://acme.example@evil.example/", false},
        {"https://acme.example", "https://acme.example\\@evil.example/", false},
        {"https://acme.example", "https://acme.example%2eevil.example/", false},
        {"https://acme.example", "//acme.example/", false},
        {"https://acme.example", "/rest", false},
        {"https://acme.example", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (url_same_origin(str_from(cases[i].a), str_from(cases[i].b)) != cases[i].same ||
            url_same_origin(str_from(cases[i].b), str_from(cases[i].a)) != cases[i].same)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

static void a_link_below_the_base_gives_its_path(void **state)
{
    static const struct {
        const char *base, *url, *path; /* NULL: not below */
    } cases[] = {
        {"https://a.example", "https://A.example:443/rest/api?since=1", "/rest/api?since=1"},
        {"https://a.example/jira", "https://a.example/jira/rest?x", "/rest?x"},
        {"https://a.example/jira", "https://a.example/jiraffe/rest", NULL},
        {"https://a.example/jira", "https://a.example/rest", NULL},
        {"https://a.example/jira", "https://a.example/jira", NULL},
        {"https://a.example/jira", "https://a.example/jira/../admin", NULL},
        {"https://a.example/jira", "https://a.example/jira/%2E%2e/admin", NULL},
        {"https://a.example/jira", "https://a.example/jira/x/.", NULL},
        {"https://a.example/jira", "https://a.example/jira/...?x=/../", "/...?x=/../"},
        {"https://a.example", "https://a.example?x", NULL},
        {"https://a.example", "https://b.example/rest", NULL},
        {"https://a.example", "http://a.example/rest", NULL},
        {"https://a.example", "https://a.example/rest#x", NULL},
        {"https://a.example", "https://a.example/re st", NULL},
        {"https://a.example", "/rest", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str path = STR("untouched");
        bool below = url_below(str_from(cases[i].base), str_from(cases[i].url), &path);

        if (below != (cases[i].path != NULL) ||
            !str_eq_z(path, below ? cases[i].path : "untouched"))
            fail_msg("%s below %s", cases[i].url, cases[i].base);
    }
}

static void an_origin_is_shown_without_what_follows_it(void **state)
{
    char text[64];

    (void)state;
    url_show_origin(STR("https://id.example:8443/login?session=secret"), text, sizeof(text));
    assert_string_equal(text, "https://id.example:8443");
    url_show_origin(STR("/login?secret"), text, sizeof(text));
    assert_string_equal(text, "?");
    url_show_origin(STR("https://secret@id.example/"), text, sizeof(text));
    assert_string_equal(text, "?");
    url_show_origin(STR("https://id.example/"), text, 12);
    assert_string_equal(text, "https://id.");
}

static void what_goes_into_a_url_is_encoded(void **state)
{
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(1000);

    (void)state;
    strbuf_add_z(&url, "/rest");
    url_add_segment(&url, STR("A-Z.az_09~"));
    url_add_segment(&url, STR("a/b?c#d%e f+&="));
    url_add_segment(&url, STR(".."));
    url_add_segment(&url, STR("."));
    url_add_query(&url, "jql", STR("a = \"\xc3\xa4&b\"\r\n"));
    url_add_query_i64(&url, "since", INT64_MIN);
    url_add_query(&url, "x", (struct str){NULL, 0});
    assert_string_equal(strbuf_z(&url),
                        "/rest/A-Z.az_09~/a%2Fb%3Fc%23d%25e%20f%2B%26%3D//"
                        "?jql=a%20%3D%20%22%C3%A4%26b%22%0D%0A&since=-9223372036854775808&x=");

    strbuf_reset(&url);
    url_add_query_i64(&url, "n", 1);
    assert_string_equal(strbuf_z(&url), "?n=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_base_is_normalised),
        cmocka_unit_test(what_is_no_base_is_refused_and_nothing_changed),
        cmocka_unit_test(lengths_are_limited),
        cmocka_unit_test(origins_are_compared_as_a_browser_does),
        cmocka_unit_test(a_link_below_the_base_gives_its_path),
        cmocka_unit_test(an_origin_is_shown_without_what_follows_it),
        cmocka_unit_test(what_goes_into_a_url_is_encoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
