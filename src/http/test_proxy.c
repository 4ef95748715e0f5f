/* Tests of proxy.c. */
#include "http/proxy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY",
                                        "all_proxy",   "ALL_PROXY",   "no_proxy",   "NO_PROXY"};

static int clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        assert_int_equal(unsetenv(variables[i]), 0);
    return 0;
}

static const char *chosen(const char *url)
{
    static char result[100];
    AUTO(proxy_env_done) struct proxy_env env = {0};
    struct url_parts parts = {0};
    struct err err = {0};

    assert_int_equal(proxy_env_read(&env, &err), ERR_OK);
    assert_int_equal(url_split(str_from(url), &parts, &err), ERR_OK);

    const char *proxy = proxy_for(&env, &parts);

    (void)snprintf(result, sizeof(result), "%s", proxy ? proxy : "none");
    return result;
}

static void nothing_set_is_no_proxy(void **state)
{
    (void)state;
    assert_string_equal(chosen("https://acme.example"), "none");
    assert_int_equal(setenv("https_proxy", "", 1), 0);
    assert_string_equal(chosen("https://acme.example"), "none");
}

static void each_scheme_has_its_own_and_all_is_the_rest(void **state)
{
    (void)state;
    assert_int_equal(setenv("HTTPS_PROXY", "http://upper", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://all", 1), 0);
    assert_string_equal(chosen("https://acme.example"), "http://upper");
    assert_string_equal(chosen("http://acme.example"), "http://all");
    assert_int_equal(setenv("https_proxy", "http://lower", 1), 0);
    assert_int_equal(setenv("http_proxy", "http://plain", 1), 0);
    assert_string_equal(chosen("https://acme.example"), "http://lower");
    assert_string_equal(chosen("http://acme.example"), "http://plain");
}

static void upper_case_http_proxy_is_not_believed(void **state)
{
    (void)state;
    assert_int_equal(setenv("HTTP_PROXY", "http://from-a-request-header", 1), 0);
    assert_string_equal(chosen("http://acme.example"), "none");
}

static void hosts_of_no_proxy_are_called_directly(void **state)
{
    static const struct {
        const char *list, *url;
        bool direct;
    } cases[] = {
        {"*", "https://acme.example", true},
        {"acme.example", "https://acme.example", true},
        {"ACME.example", "https://jira.Acme.Example:8443", true},
        {".acme.example", "https://acme.example", true},
        {"a.example, .b.example c.example", "https://x.c.example", true},
        {"10.1.2.3,::1", "https://10.1.2.3", true},
        {"10.1.2.3,[::1]", "https://[::1]", true},
        {"acme.example", "https://notacme.example", false},
        {"acme.example", "https://acme.example.evil.example", false},
        {"acme.example", "https://example", false},
        {",, ,", "https://acme.example", false},
        {".", "https://acme.example", false},
    };

    (void)state;
    assert_int_equal(setenv("https_proxy", "http://proxy", 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(setenv("NO_PROXY", cases[i].list, 1), 0);
        if (strcmp(chosen(cases[i].url), cases[i].direct ? "none" : "http://proxy") != 0)
            fail_msg("%s with '%s'", cases[i].url, cases[i].list);
    }
    assert_int_equal(setenv("no_proxy", "other.example", 1), 0);
    assert_int_equal(setenv("NO_PROXY", "*", 1), 0);
    assert_string_equal(chosen("https://acme.example"), "http://proxy"); /* lower case wins */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_set_is_no_proxy, clear),
        cmocka_unit_test_setup(each_scheme_has_its_own_and_all_is_the_rest, clear),
        cmocka_unit_test_setup(upper_case_http_proxy_is_not_believed, clear),
        cmocka_unit_test_setup(hosts_of_no_proxy_are_called_directly, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
