/* Tests of guard.c. */
#include "http/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *kind_of(const char *text)
{
    struct sockaddr_storage address;

    if (!guard_literal(str_from(text), &address))
        fail_msg("%s is no address", text);
    return guard_kind((const struct sockaddr *)&address);
}

static void addresses_of_the_internet_are_public(void **state)
{
    /* The neighbours of each block, and what carries a public IPv4 address. */
    static const char *const addresses[] = {
        "1.0.0.0",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.1.255",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700::1",
        "2a00:1450::1",
        "3ffe::1",
        "2001:db7::1",
        "2001:db9::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        /* Teredo: server 8.8.8.8, client 8.8.4.4 turned over. */
        "2001:0:808:808:0:0:f7f7:fbfb",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (kind_of(addresses[i]))
            fail_msg("%s is taken for %s", addresses[i], kind_of(addresses[i]));
}

static void all_other_addresses_are_named(void **state)
{
    static const struct {
        const char *address, *kind;
    } cases[] = {
        {"0.0.0.0", "this network"},
        {"0.255.255.255", "this network"},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"100.64.0.0", "carrier"},
        {"100.127.255.255", "carrier"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"169.254.169.254", "link-local"},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"192.0.0.0", "reserved"},
        {"192.0.0.255", "reserved"},
        {"192.0.2.1", "documentation"},
        {"192.88.99.1", "reserved"},
        {"192.168.0.0", "private"},
        {"192.168.255.255", "private"},
        {"198.18.0.0", "benchmarking"},
        {"198.19.255.255", "benchmarking"},
        {"198.51.100.7", "documentation"},
        {"203.0.113.7", "documentation"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "reserved"},
        {"255.255.255.255", "reserved"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "reserved"},
        {"::127.0.0.1", "reserved"},
        {"::8.8.8.8", "reserved"},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:10.1.2.3", "private"},
        {"::ffff:0:10.1.2.3", "reserved"},
        {"64:ff9b::10.1.2.3", "private"},
        {"64:ff9b::169.254.169.254", "link-local"},
        {"64:ff9b::1:8.8.8.8", "reserved"},
        {"64:ff9b:1::8.8.8.8", "private"},
        {"100::1", "reserved"},
        {"2001::1", "this network"},
        {"2001:0:7f00:1:0:0:f7f7:fbfb", "loopback"},
        {"2001:0:808:808:0:0:80ff:fffe", "loopback"},
        {"2001:2::1", "reserved"},
        {"2001:1ff:ffff::1", "reserved"},
        {"2001:db8::1", "documentation"},
        {"2001:db8:ffff::1", "documentation"},
        {"2002:7f00:1::1", "loopback"},
        {"2002:a00:1::1", "private"},
        {"2002:c0a8:101::1", "private"},
        {"3fff::1", "documentation"},
        {"3fff:fff::1", "documentation"},
        {"4000::1", "reserved"},
        {"5f00::1", "reserved"},
        {"fc00::1", "private"},
        {"fdff:ffff::1", "private"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "private"},
        {"ff02::1", "multicast"},
        {"1fff::1", "reserved"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *kind = kind_of(cases[i].address);

        if (!kind || !strstr(kind, cases[i].kind))
            fail_msg("%s is taken for %s", cases[i].address, kind ? kind : "public");
    }
}

static void what_is_no_internet_address_is_not_public(void **state)
{
    struct sockaddr other = {.sa_family = AF_UNIX};

    (void)state;
    assert_string_equal(guard_kind(&other), "no internet address");
}

static void only_whole_addresses_are_literals(void **state)
{
    static const char *const names[] = {"",      "acme.example", "127.1",     "0x7f.0.0.1",
                                        "[::1]", "fe80::1%lo",   "1.2.3.4.5", " 1.2.3.4"};
    struct sockaddr_storage address;
    char longer[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_false(guard_literal(str_from(names[i]), &address));
    memset(longer, '1', sizeof(longer));
    assert_false(guard_literal((struct str){longer, sizeof(longer)}, &address));
}

static enum err_class check(const char *url, bool allow_http, bool allow_private, struct err *err)
{
    struct url_parts parts = {0};

    assert_int_equal(url_split(str_from(url), &parts, err), ERR_OK);
    return guard_check_url(&parts, allow_http, allow_private, err);
}

static void a_url_is_checked_for_scheme_and_literal_address(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(check("https://acme.example/x", false, false, &err), ERR_OK);
    assert_int_equal(check("https://8.8.8.8", false, false, &err), ERR_OK);
    assert_int_equal(check("http://acme.example", true, false, &err), ERR_OK);
    assert_int_equal(check("http://10.0.0.1", true, true, &err), ERR_OK);
    assert_int_equal(check("https://localhost", false, false, &err), ERR_OK); /* at connect time */

    assert_int_equal(check("http://acme.example", false, true, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "acme.example"));
    assert_non_null(strstr(err.msg, "--allow-http"));
    assert_int_equal(check("https://10.0.0.1", true, false, &err), ERR_INPUT);
    assert_string_equal(err.msg, "10.0.0.1 is a private address; calls go to public addresses "
                                 "only, unless the tenant is added with --allow-private");
    assert_int_equal(check("https://[::1]:8443/x", false, false, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "::1 is a loopback address"));
}

static void a_refusal_names_host_and_address(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(guard_refuse(STR("jira.acme.example"), "10.1.2.3", "a private address", &err),
                     ERR_INPUT);
    assert_string_equal(err.msg,
                        "jira.acme.example has the address 10.1.2.3, which is a private address; "
                        "calls go to public addresses only, unless the tenant is added with "
                        "--allow-private");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_internet_are_public),
        cmocka_unit_test(all_other_addresses_are_named),
        cmocka_unit_test(what_is_no_internet_address_is_not_public),
        cmocka_unit_test(only_whole_addresses_are_literals),
        cmocka_unit_test(a_url_is_checked_for_scheme_and_literal_address),
        cmocka_unit_test(a_refusal_names_host_and_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
