/*
 * guard.c: addresses that may not be called, and the proxies that stand between.
 *
 * The first line is a URL or a host; the second a list of hosts as in no_proxy; then come sixteen
 * bytes of an address. Holds: whatever the C library would take for an address, without asking
 * anybody, our URL parser refuses or our guard knows as the same address; IPv4 verdicts are those
 * of a list of networks written another way; an IPv4 address inside an IPv6 one has the same
 * verdict; without --allow-private no literal gets through that is not public.
 */
#include <arpa/inet.h>
#include <netdb.h>

#include "fuzz.h"
#include "http/guard.h"
#include "http/proxy.h"

/* What is not public, as first and last address of each network. */
static const struct {
    const char *first, *last;
} networks[] = {
    {"0.0.0.0", "0.255.255.255"},       {"10.0.0.0", "10.255.255.255"},
    {"100.64.0.0", "100.127.255.255"},  {"127.0.0.0", "127.255.255.255"},
    {"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"},
    {"192.0.0.0", "192.0.0.255"},       {"192.0.2.0", "192.0.2.255"},
    {"192.88.99.0", "192.88.99.255"},   {"192.168.0.0", "192.168.255.255"},
    {"198.18.0.0", "198.19.255.255"},   {"198.51.100.0", "198.51.100.255"},
    {"203.0.113.0", "203.0.113.255"},   {"224.0.0.0", "255.255.255.255"},
};

static uint32_t number4(const char *text)
{
    struct in_addr address;

    FUZZ_CHECK(inet_pton(AF_INET, text, &address) == 1);
    return ntohl(address.s_addr);
}

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_LEN(networks); i++)
        if (address >= number4(networks[i].first) && address <= number4(networks[i].last))
            return false;
    return true;
}

static const char *kind4(uint32_t address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

    return guard_kind((const struct sockaddr *)&in);
}

static const char *kind6(const unsigned char bytes[16])
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    memcpy(&in6.sin6_addr, bytes, 16);
    return guard_kind((const struct sockaddr *)&in6);
}

/* IPv6 addresses that lead to an IPv4 one: mapped, NAT64, 6to4. */
static void check_carriers(uint32_t address)
{
    static const struct {
        unsigned char prefix[16];
        size_t at;
    } carriers[] = {
        {{[10] = 0xff, [11] = 0xff}, 12},
        {{0x00, 0x64, 0xff, 0x9b}, 12},
        {{0x20, 0x02}, 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(carriers); i++) {
        unsigned char bytes[16];
        uint32_t big = htonl(address);

        memcpy(bytes, carriers[i].prefix, sizeof(bytes));
        memcpy(bytes + carriers[i].at, &big, sizeof(big));
        FUZZ_CHECK((kind6(bytes) == NULL) == (kind4(address) == NULL));
    }
}

/* Just outside of a network and just inside, at both of its ends. */
static void check_borders(void)
{
    for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
        uint32_t first = number4(networks[i].first), last = number4(networks[i].last);
        const uint32_t around[] = {first - 1, first, first + 1, last - 1, last, last + 1};

        for (size_t k = 0; k < ARRAY_LEN(around); k++) {
            FUZZ_CHECK((kind4(around[k]) == NULL) == is_public4(around[k]));
            check_carriers(around[k]);
        }
    }
}

static void check_bytes(struct str rest)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_storage address = {0};
    const char *kind;
    uint32_t four;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = fuzz_byte(&rest);
    memcpy(&four, bytes, sizeof(four));
    FUZZ_CHECK((kind4(four) == NULL) == is_public4(four));
    check_carriers(four);

    kind = kind6(bytes);
    FUZZ_CHECK(inet_ntop(AF_INET6, bytes, text, sizeof(text)));
    FUZZ_CHECK(guard_literal(str_from(text), &address));
    FUZZ_CHECK(guard_kind((const struct sockaddr *)&address) == kind);
    /* Only 2000::/3 is given out, and what carries an IPv4 address. */
    if (!kind && bytes[0] >> 5 != 1) {
        memcpy(&four, bytes + 12, sizeof(four));
        FUZZ_CHECK(is_public4(ntohl(four)));
    }
}

static void free_addresses(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

/* A host that passed the URL parser, against what connecting to it would make of it. */
static void check_host(const struct url_parts *parts)
{
    static const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    AUTO(free_autop) char *host = fuzz_exact_z(parts->host);
    AUTO(free_addresses) struct addrinfo *list = NULL;
    struct sockaddr_storage address = {0};
    struct err err = {0};
    bool literal = guard_literal(parts->host, &address);

    if (getaddrinfo(host, NULL, &hints, &list) == 0) {
        FUZZ_CHECK(literal && list->ai_family == address.ss_family);
        if (address.ss_family == AF_INET) {
            const struct sockaddr_in *a = (const void *)&address, *b = (const void *)list->ai_addr;

            FUZZ_CHECK(!parts->ipv6 && a->sin_addr.s_addr == b->sin_addr.s_addr);
        } else {
            const struct sockaddr_in6 *a = (const void *)&address;
            const struct sockaddr_in6 *b = (const void *)list->ai_addr;

            FUZZ_CHECK(parts->ipv6 && memcmp(&a->sin6_addr, &b->sin6_addr, 16) == 0);
            FUZZ_CHECK(b->sin6_scope_id == 0);
        }
    } else {
        FUZZ_CHECK(!literal);
    }

    const char *kind = literal ? guard_kind((const struct sockaddr *)&address) : NULL;
    enum err_class class = guard_check_url(parts, true, false, &err);

    FUZZ_CHECK((class == ERR_OK) == (kind == NULL));
    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_INPUT && strstr(err.msg, kind));
        fuzz_check_error(&err, class);
    }
    FUZZ_CHECK(guard_check_url(parts, true, true, &err) == ERR_OK);
    class = guard_check_url(parts, false, true, &err);
    FUZZ_CHECK((class == ERR_OK) == parts->https);
}

static void check_proxy(const struct url_parts *parts, struct str list)
{
    AUTO(free_autop) char *none = fuzz_exact_z(list);
    AUTO(free_autop) char *host = fuzz_exact_z(parts->host);
    char secure[] = "s", plain[] = "p", star[] = "other.example, *";
    struct proxy_env env = {.https = secure, .http = plain, .none = none};
    const char *proxy = proxy_for(&env, parts);

    FUZZ_CHECK(!proxy || proxy == (parts->https ? secure : plain));
    if (list.len == 0)
        FUZZ_CHECK(proxy);
    env.none = star;
    FUZZ_CHECK(!proxy_for(&env, parts));
    env.none = host; /* a list of just this host */
    FUZZ_CHECK(!proxy_for(&env, parts));
    env = (struct proxy_env){.none = none, .all = plain};
    FUZZ_CHECK((proxy_for(&env, parts) == plain) == (proxy != NULL));
    env = (struct proxy_env){.none = none};
    FUZZ_CHECK(!proxy_for(&env, parts));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool borders_checked;
    struct str rest = fuzz_str(data, size);
    struct str url = fuzz_line(&rest), list = fuzz_line(&rest);
    AUTO(free_autop) char *bytes = fuzz_exact(url);
    AUTO(strbuf_done) struct strbuf made = STRBUF_INIT(url.len + 16);
    struct sockaddr_storage address;
    struct url_parts parts = {0};
    struct err err = {0};

    if (!borders_checked) /* the same for every input */
        check_borders();
    borders_checked = true;
    check_bytes(rest);
    (void)guard_literal((struct str){bytes, url.len}, &address);
    if (url_split((struct str){bytes, url.len}, &parts, &err) != ERR_OK) {
        strbuf_addf(&made, "https://");
        strbuf_add_str(&made, url);
        if (url_split(strbuf_str(&made), &parts, &err) != ERR_OK)
            return 0;
    }
    check_host(&parts);
    check_proxy(&parts, list);
    return 0;
}
