#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H
#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/str.h"
#include "http/url.h"

/*
 * Where calls to a URL given by a user may go: https, and public addresses, unless the tenant was
 * given --allow-http or --allow-private. The address counts, not the name: curl.c asks for each
 * address that it is about to connect to, and again for each connection that it is about to use, so
 * that a name that changes its address between two look-ups (DNS rebinding) gains nothing.
 */

/*
 * NULL for an address on the public internet; else what it is, as a noun phrase ("a loopback
 * address"). Addresses that carry an IPv4 address within (mapped, NAT64, 6to4, Teredo) are judged
 * by that. Anything but IPv4 and IPv6 is not public. Source: the IANA special-purpose registries
 * (RFC 6890 and its updates).
 */
const char *guard_kind(const struct sockaddr *address);

/* Reads a literal address ("10.0.0.1", "::1", no brackets, no zone); false when it is a name. */
bool guard_literal(struct str host, struct sockaddr_storage *ret);

/*
 * The checks that need no look-up: scheme, and a host that is a literal address. ERR_INPUT with a
 * sentence that names the host and the option that would allow it.
 */
MUST_USE enum err_class guard_check_url(const struct url_parts *url, bool allow_http,
                                        bool allow_private, struct err *err);

/* The ERR_INPUT for a host whose address is not public; `address` is its text. */
enum err_class guard_refuse(struct str host, const char *address, const char *kind,
                            struct err *err);

#endif
