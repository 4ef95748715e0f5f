/*
 * peer.c: addresses of clients, networks, and which of the two ends a proxy speaks for.
 *
 * The model: nothing that comes in a header counts unless the connection itself comes from an
 * address that the operator has named.
 */
#include "http/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/guard.h"

#define V4_BITS 96 /* of the prefix ::ffff:0:0 */

static const unsigned char v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const struct peer_address *address)
{
    return memcmp(address->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool peer_address_of(const struct sockaddr *from, struct peer_address *ret)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from->sa_family == AF_INET) {
        memcpy(&v4, from, sizeof(v4)); /* the caller's may be less aligned */
        memcpy(ret->bytes, v4_prefix, sizeof(v4_prefix));
        memcpy(ret->bytes + sizeof(v4_prefix), &v4.sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        memcpy(&v6, from, sizeof(v6));
        memcpy(ret->bytes, &v6.sin6_addr, sizeof(ret->bytes));
        return true;
    }
    return false;
}

void peer_address_text(const struct peer_address *address, char ret[PEER_TEXT_BYTES + 1])
{
    int family = is_v4(address) ? AF_INET : AF_INET6;
    const unsigned char *from = address->bytes + (family == AF_INET ? sizeof(v4_prefix) : 0);

    ret[0] = '\0'; /* cannot fail: family and room are right */
    (void)inet_ntop(family, from, ret, PEER_TEXT_BYTES + 1);
}

struct peer_address peer_address_site(const struct peer_address *address)
{
    struct peer_address site = *address;

    if (!is_v4(address))
        memset(site.bytes + 8, 0, 8);
    return site;
}

static bool read_address(struct str text, struct peer_address *ret)
{
    struct sockaddr_storage address;

    return guard_literal(text, &address) && peer_address_of((const struct sockaddr *)&address, ret);
}

/* ---- Networks ---- */

static bool in_net(const struct peer_net *net, const struct peer_address *address)
{
    const unsigned char *a = address->bytes, *b = net->address.bytes;
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool peer_nets_have(const struct peer_nets *nets, const struct peer_address *address)
{
    for (size_t i = 0; i < nets->count; i++)
        if (in_net(&nets->nets[i], address))
            return true;
    return false;
}

/* Are all bits past those that count zero? */
static bool is_net(const struct peer_net *net)
{
    for (unsigned bit = net->bits; bit < 128; bit++)
        if (net->address.bytes[bit / 8] & (0x80 >> bit % 8))
            return false;
    return true;
}

static bool read_net(struct str text, struct peer_net *ret)
{
    struct str tail = {NULL, 0};
    struct str head = str_cut(text, '/', &tail);
    bool has_slash = head.len < text.len;
    uint32_t bits = 0;

    if (!read_address(head, &ret->address))
        return false;

    /* A mapped address may be written as IPv6 too: "::ffff:10.0.0.0/104". */
    bool short_form = is_v4(&ret->address) && !memchr(head.ptr, ':', head.len);

    ret->bits = 128;
    if (!has_slash)
        return true;
    if (str_starts(tail, STR("-")) || !parse_u32(tail, 0, short_form ? 32 : 128, &bits))
        return false;
    ret->bits = bits + (short_form ? V4_BITS : 0);
    return is_net(ret);
}

/* The next word of a list split by spaces and commas; empty at its end. */
static struct str next_word(struct str *rest)
{
    size_t from = 0, to;

    while (from < rest->len && strchr(" ,\t", rest->ptr[from]))
        from++;
    for (to = from; to < rest->len && !strchr(" ,\t", rest->ptr[to]);)
        to++;

    struct str word = str_sub(*rest, from, to - from);

    *rest = str_sub(*rest, to, rest->len - to);
    return word;
}

/* As much of it as can be shown. */
static struct str printable(struct str word)
{
    size_t len = 0;

    while (len < word.len && len < 60 && word.ptr[len] > ' ' && word.ptr[len] < 0x7f)
        len++;
    return str_sub(word, 0, len);
}

enum err_class peer_nets_read(const char *text, const char *what, struct peer_nets *ret,
                              struct err *err)
{
    struct peer_nets nets = {.count = 0};
    struct str rest = str_from(text), word;

    while ((word = next_word(&rest)).len > 0) {
        if (nets.count == PEER_NETS_MAX)
            return err_set(err, ERR_LIMIT, "%s names over %d networks; join some of them", what,
                           PEER_NETS_MAX);
        if (!read_net(word, &nets.nets[nets.count++]))
            return err_set(err, ERR_INPUT,
                           "%s: \"" STR_FMT "\" is neither an address nor a network; write it "
                           "like 192.0.2.7, 10.0.0.0/8 or fd00::/8",
                           what, STR_ARG(printable(word)));
    }
    *ret = nets;
    return ERR_OK;
}

/* ---- Behind proxies ---- */

static bool is_port(struct str text)
{
    uint32_t port = 0;

    return text.len >= 1 && text.len <= 5 && text.ptr[0] != '-' && parse_u32(text, 0, 65535, &port);
}

/* One entry: an address, with a port as some proxies write it: "192.0.2.7:80", "[::1]:80". */
static bool read_hop(struct str text, struct peer_address *ret)
{
    struct str port = {NULL, 0}, host;
    size_t end = 0;

    text = str_trim(text);
    if (read_address(text, ret))
        return true;
    if (str_starts(text, STR("["))) {
        if (!str_find(text, ']', &end))
            return false;
        host = str_sub(text, 1, end - 1);
        port = str_sub(text, end + 1, text.len);
        if (port.len == 0)
            return read_address(host, ret);
        return port.ptr[0] == ':' && is_port(str_sub(port, 1, port.len)) && read_address(host, ret);
    }
    host = str_cut(text, ':', &port);
    return is_port(port) && read_address(host, ret);
}

struct peer_address peer_client(const struct peer_nets *trusted,
                                const struct peer_address *connected, struct str forwarded)
{
    struct peer_address client = *connected;

    for (int hop = 0; hop < PEER_HOPS_MAX && forwarded.len > 0; hop++) {
        size_t from = forwarded.len;

        if (!peer_nets_have(trusted, &client))
            break;
        while (from > 0 && forwarded.ptr[from - 1] != ',')
            from--;

        struct str entry = str_sub(forwarded, from, forwarded.len - from);

        if (!read_hop(entry, &client))
            break;
        forwarded.len = from > 0 ? from - 1 : 0;
    }
    return client;
}
