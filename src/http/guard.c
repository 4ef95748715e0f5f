/*
 * guard.c: public or not.
 *
 * IPv4: a table of the blocks that are not on the public internet; what is in none of them is.
 * IPv6 the other way round: only 2000::/3 has been given out, so all else is refused, and of
 * 2000::/3 the blocks of the table. Forms that carry an IPv4 address come first and are judged by
 * it, since a gateway or the kernel would go there.
 */
#include "http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const struct block4 {
    uint32_t net; /* host byte order */
    unsigned bits;
    const char *kind;
} blocks4[] = {
    {0x00000000, 8, "an address of \"this network\""},
    {0x0a000000, 8, "a private address"},
    {0x64400000, 10, "an address of a carrier's own network"},
    {0x7f000000, 8, "a loopback address"},
    {0xa9fe0000, 16, "a link-local address"},
    {0xac100000, 12, "a private address"},
    {0xc0000000, 24, "a reserved address"},
    {0xc0000200, 24, "a documentation address"},
    {0xc0586300, 24, "a reserved address"}, /* 6to4 relays, given up by RFC 7526 */
    {0xc0a80000, 16, "a private address"},
    {0xc6120000, 15, "a benchmarking address"},
    {0xc6336400, 24, "a documentation address"},
    {0xcb007100, 24, "a documentation address"},
    {0xe0000000, 4, "a multicast address"},
    {0xf0000000, 4, "a reserved address"},
};

static const struct block6 {
    unsigned char net[16];
    unsigned bits;
    const char *kind;
} blocks6[] = {
    /* Names for what 2000::/3 leaves out anyway. */
    {{0}, 128, "the unspecified address"},
    {{[15] = 1}, 128, "a loopback address"},
    {{0xfc}, 7, "a private address"},
    {{0xfe, 0x80}, 10, "a link-local address"},
    {{0xfe, 0xc0}, 10, "a private address"}, /* site-local, given up by RFC 3879 */
    {{0xff}, 8, "a multicast address"},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "a private address"}, /* local NAT64, RFC 8215 */
    /* Within it. */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "a documentation address"},
    {{0x3f, 0xff}, 20, "a documentation address"}, /* RFC 9637 */
    {{0x20, 0x01}, 23, "a reserved address"},      /* protocol assignments; Teredo is seen before */
};

static const char *kind4(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_LEN(blocks4); i++)
        if ((address ^ blocks4[i].net) >> (32 - blocks4[i].bits) == 0)
            return blocks4[i].kind;
    return NULL;
}

static uint32_t read4(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool in_block(const unsigned char *address, const unsigned char *net, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(address, net, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ net[whole]) >> (8 - rest) == 0;
}

/* Forms with an IPv4 address within. True when it is one; *ret_kind is then the verdict. */
static bool embedded(const unsigned char *a, const char **ret_kind)
{
    static const unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff};
    static const unsigned char nat64[16] = {0x00, 0x64, 0xff, 0x9b};
    static const unsigned char teredo[16] = {0x20, 0x01};
    static const unsigned char six_to_four[16] = {0x20, 0x02};

    if (in_block(a, mapped, 96) || in_block(a, nat64, 96)) {
        *ret_kind = kind4(read4(a + 12));
        return true;
    }
    if (in_block(a, six_to_four, 16)) {
        *ret_kind = kind4(read4(a + 2));
        return true;
    }
    if (in_block(a, teredo, 32)) {
        /* RFC 4380: the server's address as it is, the client's with its bits turned over. */
        *ret_kind = kind4(read4(a + 4));
        if (!*ret_kind)
            *ret_kind = kind4(~read4(a + 12));
        return true;
    }
    return false;
}

static const char *kind6(const unsigned char *a)
{
    const char *kind = NULL;

    if (embedded(a, &kind))
        return kind;
    for (size_t i = 0; i < ARRAY_LEN(blocks6); i++)
        if (in_block(a, blocks6[i].net, blocks6[i].bits))
            return blocks6[i].kind;
    return a[0] >> 5 == 1 ? NULL : "a reserved address";
}

const char *guard_kind(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in)); /* the caller's may be less aligned */
        return kind4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        return kind6(in6.sin6_addr.s6_addr);
    }
    return "no internet address";
}

bool guard_literal(struct str host, struct sockaddr_storage *ret)
{
    char text[INET6_ADDRSTRLEN] = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    /* inet_pton would not see what follows a NUL. */
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len))
        return false;
    memcpy(text, host.ptr, host.len);
    *ret = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(ret, &in, sizeof(in));
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) {
        memcpy(ret, &in6, sizeof(in6));
        return true;
    }
    return false;
}

enum err_class guard_refuse(struct str host, const char *address, const char *kind, struct err *err)
{
    if (str_eq_z(host, address))
        return err_set(err, ERR_INPUT,
                       "%s is %s; calls go to public addresses only, unless the tenant is added "
                       "with --allow-private",
                       address, kind);
    return err_set(err, ERR_INPUT,
                   STR_FMT " has the address %s, which is %s; calls go to public addresses only, "
                           "unless the tenant is added with --allow-private",
                   STR_ARG(host), address, kind);
}

enum err_class guard_check_url(const struct url_parts *url, bool allow_http, bool allow_private,
                               struct err *err)
{
    struct sockaddr_storage address;
    char text[INET6_ADDRSTRLEN] = {0};

    if (!url->https && !allow_http)
        return err_set(err, ERR_INPUT,
                       "the URL of " STR_FMT " is http://, which sends the credential readable to "
                       "all on the way; use https://, or add the tenant with --allow-http",
                       STR_ARG(url->host));
    if (allow_private || !guard_literal(url->host, &address))
        return ERR_OK;

    const char *kind = guard_kind((const struct sockaddr *)&address);

    if (!kind)
        return ERR_OK;
    memcpy(text, url->host.ptr, url->host.len); /* fits: guard_literal has looked */
    return guard_refuse(url->host, text, kind, err);
}
