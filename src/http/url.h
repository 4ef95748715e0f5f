#ifndef HTTP_URL_H
#define HTTP_URL_H
#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/str.h"

/*
 * URLs of remote sites: taking one apart, normalising the one that a person gives, telling whether
 * a link of a remote stays on its site, and encoding what goes into a path or a query (RFC 3986).
 */

/* An absolute http or https URL, taken apart; all views are into the text. */
struct url_parts {
    bool https;
    bool ipv6;         /* the host stood in brackets */
    struct str origin; /* "https://Acme.example:8443", as written */
    struct str host;   /* as written, without brackets */
    uint16_t port;     /* 443 or 80 when none is written */
    struct str rest;   /* what follows the host: "" or begins with '/', '?' or '#' */
};

/*
 * ERR_INPUT with a sentence that shows nothing but the host: user names, passwords, paths and
 * queries may be secrets. Refuses user names, backslashes, spaces and anything but ASCII, and a
 * host that is a number without being an address.
 */
MUST_USE enum err_class url_split(struct str url, struct url_parts *ret, struct err *err);

#define URL_HOST_BYTES 253 /* RFC 1035 */

/* The base of a site, normalised. A plain value. */
struct url_base {
    char text[LIMIT_URL_BYTES + 1]; /* "https://acme.atlassian.net", "https://host:8443/jira" */
    char host[URL_HOST_BYTES + 1];  /* lower-case; IPv6 without brackets */
    uint16_t port;
    bool https;
};

/*
 * The base URL that a person typed: scheme and host in lower case, a default port dropped, slashes
 * at the end dropped. A path is kept (the context path of Data Center). ERR_INPUT: not a URL, user
 * name, query, fragment, dot segments. ERR_LIMIT: longer than LIMIT_URL_BYTES.
 */
MUST_USE enum err_class url_parse_base(struct str text, struct url_base *ret, struct err *err);

/* Same scheme, host and port (RFC 6454). False when either is not an absolute http(s) URL. */
bool url_same_origin(struct str a, struct str b);
/*
 * Whether `url` lies below `base` ("https://host/jira"); *ret_path is then its path with query,
 * from behind the base, borrowed ("/rest/api/3/worklog/updated?since=1"): what http_request.path
 * takes. Never with a "." or ".." segment, which would lead out again.
 */
bool url_below(struct str base, struct str url, struct str *ret_path);

/* Origin of an absolute URL, for a message: at most `len` - 1 bytes, "?" when it is none. */
void url_show_origin(struct str url, char *ret, size_t len);

/* Appends "/segment"; everything but unreserved characters is percent-encoded, '/' too. */
void url_add_segment(struct strbuf *buf, struct str segment);
/* Appends "name=value" after '?' or '&', as the buffer needs. `name` is a literal of ours. */
void url_add_query(struct strbuf *buf, const char *name, struct str value);
void url_add_query_i64(struct strbuf *buf, const char *name, int64_t value);

#endif
