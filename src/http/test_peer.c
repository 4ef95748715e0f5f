/* Tests of peer.c: addresses, networks, and whom to believe about where a client is. */
#include "http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct peer_nets nets_of(const char *text)
{
    struct peer_nets nets = {0};
    struct err err = {0};

    if (peer_nets_read(text, "server.trusted_proxies", &nets, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.msg);
    return nets;
}

static struct peer_address address_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct peer_address address = {{0}};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        assert_true(peer_address_of((const struct sockaddr *)&v4, &address));
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        assert_true(peer_address_of((const struct sockaddr *)&v6, &address));
    else
        fail_msg("%s is no address", text);
    return address;
}

static void assert_refused(const char *text, enum err_class class, const char *says)
{
    struct peer_nets nets = {.count = 77};
    struct err err = {0};

    assert_int_equal(peer_nets_read(text, "server.trusted_proxies", &nets, &err), class);
    assert_int_equal(nets.count, 77);
    assert_non_null(strstr(err.msg, "server.trusted_proxies"));
    if (!strstr(err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", err.msg, says);
}

static void an_address_reads_as_it_was_written(void **state)
{
    static const char *const texts[] = {"192.0.2.7",   "0.0.0.0", "255.255.255.255",
                                        "2001:db8::1", "::1",     "fe80::1:2:3:4"};
    struct sockaddr_storage none = {.ss_family = AF_UNIX};
    struct peer_address address;
    char text[PEER_TEXT_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        address = address_of(texts[i]);
        peer_address_text(&address, text);
        assert_string_equal(text, texts[i]);
    }
    address = address_of("::ffff:192.0.2.7"); /* an IPv4 client at an IPv6 socket */
    peer_address_text(&address, text);
    assert_string_equal(text, "192.0.2.7");
    assert_false(peer_address_of((const struct sockaddr *)&none, &address));
}

static void a_network_has_its_addresses_and_no_other(void **state)
{
    static const struct {
        const char *nets, *address;
        bool has;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.1", true},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fc00::1", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"::1, 10.0.0.0/8\t192.0.2.7", "192.0.2.7", true},
        {"::1, 10.0.0.0/8\t192.0.2.7", "::1", true},
        {"", "127.0.0.1", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer_nets nets = nets_of(cases[i].nets);
        struct peer_address address = address_of(cases[i].address);

        if (peer_nets_have(&nets, &address) != cases[i].has)
            fail_msg("%s in %s", cases[i].address, cases[i].nets);
    }
}

static void what_is_no_network_is_refused_with_a_remedy(void **state)
{
    static const char *const wrong[] = {
        "proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
        "::1/129",           "10.0.0",     "[::1]",       "/8",        "1.2.3.4:80",
        "fe80::1%eth0"};
    char many[1000] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_refused(wrong[i], ERR_INPUT, wrong[i]);
        assert_refused(wrong[i], ERR_INPUT, "write it like");
    }
    for (size_t i = 0; i <= PEER_NETS_MAX; i++)
        memcpy(many + 8 * i, "1.2.3.4 ", 9);
    assert_refused(many, ERR_LIMIT, "over 64");
}

static void only_trusted_proxies_are_believed(void **state)
{
    static const struct {
        const char *connected, *forwarded, *client;
    } cases[] = {
        /* Nobody we know speaks: whatever stands there is made up. */
        {"203.0.113.9", "1.2.3.4", "203.0.113.9"},
        {"203.0.113.9", "1.2.3.4, 10.0.0.2", "203.0.113.9"},
        /* Our proxy speaks. */
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "2001:db8::1", "2001:db8::1"},
        {"10.0.0.1", " 203.0.113.9 ", "203.0.113.9"},
        {"10.0.0.1", "203.0.113.9:4711", "203.0.113.9"},
        {"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"},
        {"10.0.0.1", "[2001:db8::1]", "2001:db8::1"},
        /* The client has put something in front of what our proxy wrote. */
        {"10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "10.0.0.5,203.0.113.9", "203.0.113.9"},
        /* Two of ours in a row. */
        {"10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"},
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        /* What is no address ends the search: the proxy that wrote it counts. */
        {"10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", ",", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9,", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9:1:2", "10.0.0.1"},
        {"10.0.0.1", "[203.0.113.9]x", "10.0.0.1"},
        {"10.0.0.1", "_hidden", "10.0.0.1"},
    };
    struct peer_nets trusted = nets_of("10.0.0.0/24");

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct peer_address connected = address_of(cases[i].connected);
        struct peer_address wanted = address_of(cases[i].client);
        struct peer_address client =
            peer_client(&trusted, &connected, str_from(cases[i].forwarded));

        if (memcmp(&client, &wanted, sizeof(client)) != 0)
            fail_msg("%s says \"%s\"", cases[i].connected, cases[i].forwarded);
    }
}

static void a_chain_without_end_is_left(void **state)
{
    struct peer_nets trusted = nets_of("10.0.0.0/8");
    struct peer_address connected = address_of("10.0.0.1"), wanted = address_of("10.9.9.9");
    AUTO(strbuf_done) struct strbuf chain = STRBUF_INIT(10000);

    (void)state;
    strbuf_add_z(&chain, "203.0.113.9");
    for (int i = 0; i < PEER_HOPS_MAX; i++)
        strbuf_add_z(&chain, ",10.9.9.9");

    struct peer_address client = peer_client(&trusted, &connected, strbuf_str(&chain));

    assert_memory_equal(&client, &wanted, sizeof(client));
}

static void an_ipv6_client_is_its_whole_site(void **state)
{
    struct peer_address a = address_of("2001:db8:1:2:3:4:5:6"), b = address_of("2001:db8:1:2::1");
    struct peer_address c = address_of("2001:db8:1:3::1"), v4 = address_of("192.0.2.7");

    (void)state;
    a = peer_address_site(&a);
    b = peer_address_site(&b);
    c = peer_address_site(&c);
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));
    a = peer_address_site(&v4);
    assert_memory_equal(&a, &v4, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_reads_as_it_was_written),
        cmocka_unit_test(a_network_has_its_addresses_and_no_other),
        cmocka_unit_test(what_is_no_network_is_refused_with_a_remedy),
        cmocka_unit_test(only_trusted_proxies_are_believed),
        cmocka_unit_test(a_chain_without_end_is_left),
        cmocka_unit_test(an_ipv6_client_is_its_whole_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
