#ifndef HTTP_PEER_H
#define HTTP_PEER_H
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"

/*
 * Who is at the other end of a connection, and lists of networks. Plain values, pure functions.
 *
 * An address is 16 bytes in network order; IPv4 stands as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2), so
 * that a client is the same whether it comes to an IPv4 or an IPv6 socket.
 */
struct peer_address {
    unsigned char bytes[16];
};
#define PEER_TEXT_BYTES 45 /* the longest text of an address */

/* False for anything but IPv4 and IPv6. */
MUST_USE bool peer_address_of(const struct sockaddr *from, struct peer_address *ret);
/* "192.0.2.7", "2001:db8::1"; IPv4 is written as such. */
void peer_address_text(const struct peer_address *address, char ret[PEER_TEXT_BYTES + 1]);
/* What one client commands as a whole: of IPv6 the /64, of IPv4 the address itself. */
struct peer_address peer_address_site(const struct peer_address *address);

/* "10.0.0.0/8 192.0.2.7, ::1": addresses and networks, split by spaces or commas. */
#define PEER_NETS_MAX 64
struct peer_nets {
    size_t count;
    struct peer_net {
        struct peer_address address;
        unsigned bits; /* that count, 0..128 */
    } nets[PEER_NETS_MAX];
};
/*
 * what  the setting's name, for the message. ERR_INPUT names what is no network, or has bits set
 * that do not count ("10.0.0.1/8"); ERR_LIMIT: there are over PEER_NETS_MAX.
 */
MUST_USE enum err_class peer_nets_read(const char *text, const char *what, struct peer_nets *ret,
                                       struct err *err);
bool peer_nets_have(const struct peer_nets *nets, const struct peer_address *address);

/*
 * The client behind proxies. Each proxy adds the address that it saw to X-Forwarded-For; only what
 * a trusted one added is believed, so the list is read from its end, and the first address that is
 * not a trusted proxy's is the client. What stands left of it may be made up.
 *   connected  the other end of the connection
 *   forwarded  all values of X-Forwarded-For, in their order, joined by commas; may be empty
 * An entry that is no address ("unknown") ends the search: then the proxy that wrote it counts.
 */
#define PEER_HOPS_MAX 32
struct peer_address peer_client(const struct peer_nets *trusted,
                                const struct peer_address *connected, struct str forwarded);

#endif
