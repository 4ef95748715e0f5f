/*
 * url.c: URLs of remote sites.
 *
 * The parser takes the common part of RFC 3986 and of what browsers and curl do, and refuses where
 * they differ (backslashes, user names, numbers that are not addresses): a URL that two readers
 * understand differently is how a check is passed by. What is refused is not repeated in a message
 * but for its host, since a person may well paste a link with a token in it.
 */
#include "http/url.h"

#include <arpa/inet.h>
#include <assert.h>

/* Of a host in a message. */
#define SHOWN_BYTES 80

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 3986, 2.3 */
static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Up to the first byte of `stops`. */
static struct str until(struct str s, const char *stops)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != '\0' && strchr(stops, s.ptr[i]))
            return str_sub(s, 0, i);
    return s;
}

/* A piece of text that a person typed, fit for a message. */
struct shown {
    char text[SHOWN_BYTES + 4];
};

static struct shown show(struct str s)
{
    struct shown shown;
    size_t len = s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES;

    for (size_t i = 0; i < len; i++)
        shown.text[i] = s.ptr[i] > ' ' && s.ptr[i] <= '~' ? s.ptr[i] : '?';
    (void)snprintf(shown.text + len, sizeof(shown.text) - len, "%s", s.len > len ? "..." : "");
    return shown;
}

static enum err_class take_scheme(struct str *url, struct url_parts *parts, struct err *err)
{
    static const struct {
        struct str prefix;
        bool https;
        uint16_t port;
    } schemes[] = {{STR("https://"), true, 443}, {STR("http://"), false, 80}};
    /* Of something that is not a URL only what could be a host is shown, and nothing with an '@'.
     */
    struct str head = until(*url, "/?#");
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!str_eq_nocase(str_sub(*url, 0, schemes[i].prefix.len), schemes[i].prefix))
            continue;
        parts->https = schemes[i].https;
        parts->port = schemes[i].port;
        *url = str_sub(*url, schemes[i].prefix.len, url->len);
        return ERR_OK;
    }
    if (url->len == 0)
        return err_set(err, ERR_INPUT,
                       "the URL is empty; write it like https://acme.atlassian.net");
    if (str_find(*url, '@', &at))
        return err_set(err, ERR_INPUT,
                       "the URL does not begin with https:// and has an '@' in it; write it like "
                       "https://acme.atlassian.net");
    if (head.len > 0 && !str_find(head, ':', &at))
        return err_set(err, ERR_INPUT,
                       "'%s' does not begin with https://; write it like https://%s",
                       show(head).text, show(head).text);
    return err_set(err, ERR_INPUT,
                   "the URL begins with '%s' instead of https://; write it like "
                   "https://acme.atlassian.net",
                   show(until(head, ":")).text);
}

/* Whether the last label makes the name a number: "127.1", "0x7f000001", "1.2.3.4". */
static bool is_numeric(struct str host)
{
    struct str last = host;

    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] == '.')
            last = str_sub(host, i + 1, host.len);
    if (last.len >= 2 && last.ptr[0] == '0' && lower(last.ptr[1]) == 'x')
        return true;
    for (size_t i = 0; i < last.len; i++)
        if (!is_digit(last.ptr[i]))
            return false;
    return last.len > 0;
}

static enum err_class check_address(struct str host, int family, struct err *err)
{
    char text[INET6_ADDRSTRLEN] = {0}, address[sizeof(struct in6_addr)];

    /* inet_pton would not see what follows a NUL. */
    if (host.len < sizeof(text) && !(host.len > 0 && memchr(host.ptr, '\0', host.len))) {
        memcpy(text, host.ptr, host.len);
        /* inet_pton takes the four-part decimal form only, and no zone. */
        if (inet_pton(family, text, address) == 1)
            return ERR_OK;
    }
    return err_set(err, ERR_INPUT, "the host '%s' of the URL is a number, but not an IPv%d address",
                   show(host).text, family == AF_INET ? 4 : 6);
}

static enum err_class check_host(struct str host, struct err *err)
{
    size_t label = 0;

    if (host.len == 0)
        return err_set(err, ERR_INPUT, "the URL names no host");
    if (host.len > URL_HOST_BYTES)
        return err_set(err, ERR_INPUT,
                       "the host '%s' of the URL has %zu bytes; at most %d are allowed",
                       show(host).text, host.len, URL_HOST_BYTES);
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (c == '.') {
            if (label == 0)
                break;
            label = 0;
            continue;
        }
        if (c < 0)
            return err_set(err, ERR_INPUT,
                           "the host '%s' of the URL has letters outside of ASCII; write it in its "
                           "xn-- form",
                           show(host).text);
        /* Underscores are no host names by the book, and stand in many an internal one. */
        if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '_')
            return err_set(err, ERR_INPUT,
                           "the host '%s' of the URL has a character that no host name has",
                           show(host).text);
        label++;
        if (label > 63)
            return err_set(err, ERR_INPUT,
                           "the host '%s' of the URL has a part longer than 63 bytes",
                           show(host).text);
    }
    if (label == 0)
        return err_set(err, ERR_INPUT,
                       "the host '%s' of the URL has an empty part; leave out the dot",
                       show(host).text);
    return is_numeric(host) ? check_address(host, AF_INET, err) : ERR_OK;
}

/* "host", "host:port", "[address]:port" */
static enum err_class take_authority(struct str authority, struct url_parts *parts, struct err *err)
{
    struct str port = {0};
    uint32_t number = 0;
    size_t at = 0;
    enum err_class class;

    if (str_find(authority, '@', &at))
        return err_set(err, ERR_INPUT,
                       "the URL holds a user name or password before its host; leave that out and "
                       "give the credential on its own");
    if (authority.len > 0 && authority.ptr[0] == '[') {
        if (!str_find(authority, ']', &at))
            return err_set(err, ERR_INPUT, "the host of the URL has a '[' without its ']'");
        parts->ipv6 = true;
        parts->host = str_sub(authority, 1, at - 1);
        port = str_sub(authority, at + 1, authority.len);
        class = check_address(parts->host, AF_INET6, err);
    } else {
        parts->host = until(authority, ":");
        port = str_sub(authority, parts->host.len, authority.len);
        class = check_host(parts->host, err);
    }
    if (class != ERR_OK)
        return class;
    if (port.len == 0)
        return ERR_OK;
    if (port.ptr[0] != ':' || !parse_u32(str_sub(port, 1, port.len), 1, UINT16_MAX, &number))
        return err_set(err, ERR_INPUT,
                       "the port behind the host '%s' of the URL is no number from 1 to 65535",
                       show(parts->host).text);
    parts->port = (uint16_t)number;
    return ERR_OK;
}

enum err_class url_split(struct str url, struct url_parts *ret, struct err *err)
{
    struct url_parts parts = {0};
    struct str left = url;
    enum err_class class = take_scheme(&left, &parts, err);

    if (class != ERR_OK)
        return class;

    struct str authority = until(left, "/?#\\");

    class = take_authority(authority, &parts, err);
    if (class != ERR_OK)
        return class;
    parts.rest = str_sub(left, authority.len, left.len);
    parts.origin = str_sub(url, 0, url.len - parts.rest.len);
    for (size_t i = 0; i < parts.rest.len; i++)
        if (parts.rest.ptr[i] <= ' ' || parts.rest.ptr[i] > '~' || parts.rest.ptr[i] == '\\')
            return err_set(err, ERR_INPUT,
                           "the URL of %s has a space, a backslash or another character that must "
                           "be percent-encoded",
                           show(parts.host).text);
    *ret = parts;
    return ERR_OK;
}

/* Only plain segments: no empty one, no dots, no percent signs that decode to either. */
static enum err_class check_base_path(struct str path, struct str host, struct err *err)
{
    while (path.len > 0) {
        struct str segment = until(str_sub(path, 1, path.len), "/");

        path = str_sub(path, 1 + segment.len, path.len);
        for (size_t i = 0; i < segment.len; i++)
            if (!is_unreserved(segment.ptr[i]))
                return err_set(err, ERR_INPUT,
                               "the path of the URL of %s may have letters, digits and -._~ only; "
                               "give the address at which the site's start page lies",
                               show(host).text);
        if (segment.len == 0 || str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
            return err_set(err, ERR_INPUT,
                           "the path of the URL of %s has an empty or a dotted part; give the "
                           "address at which the site's start page lies",
                           show(host).text);
    }
    return ERR_OK;
}

/* Lower-case host into ret->host; an IPv6 address in its one canonical form (RFC 5952). */
static void put_host(const struct url_parts *parts, struct url_base *ret)
{
    for (size_t i = 0; i < parts->host.len; i++)
        ret->host[i] = lower(parts->host.ptr[i]);
    ret->host[parts->host.len] = '\0';
    if (parts->ipv6) {
        struct in6_addr address;
        int valid = inet_pton(AF_INET6, ret->host, &address);

        assert(valid == 1); /* url_split has looked */
        (void)inet_ntop(AF_INET6, &address, ret->host, sizeof(ret->host));
    }
}

enum err_class url_parse_base(struct str text, struct url_base *ret, struct err *err)
{
    struct url_parts parts = {0};
    struct url_base base = {0};
    AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(LIMIT_URL_BYTES);
    size_t at = 0;

    text = str_trim(text);
    if (text.len > LIMIT_URL_BYTES)
        return err_set(err, ERR_LIMIT, "the URL has %zu bytes; the limit is %d", text.len,
                       LIMIT_URL_BYTES);

    enum err_class class = url_split(text, &parts, err);

    if (class != ERR_OK)
        return class;
    if (str_find(parts.rest, '?', &at) || str_find(parts.rest, '#', &at))
        return err_set(err, ERR_INPUT,
                       "the URL of %s has a query or a fragment ('?' or '#'); give the address at "
                       "which the site's start page lies, without it",
                       show(parts.host).text);
    while (parts.rest.len > 0 && parts.rest.ptr[parts.rest.len - 1] == '/')
        parts.rest.len--;
    class = check_base_path(parts.rest, parts.host, err);
    if (class != ERR_OK)
        return class;

    base.https = parts.https;
    base.port = parts.port;
    put_host(&parts, &base);
    strbuf_addf(&out, parts.ipv6 ? "%s[%s]" : "%s%s", base.https ? "https://" : "http://",
                base.host);
    if (base.port != (base.https ? 443 : 80))
        strbuf_addf(&out, ":%u", (unsigned)base.port);
    strbuf_add_str(&out, parts.rest);
    class = strbuf_check(&out, "the URL", err);
    if (class != ERR_OK)
        return class;
    memcpy(base.text, strbuf_z(&out), out.len + 1);
    *ret = base;
    return ERR_OK;
}

static bool same_host(const struct url_parts *a, const struct url_parts *b)
{
    struct in6_addr x, y;
    char text[2][INET6_ADDRSTRLEN] = {0};

    if (a->ipv6 != b->ipv6)
        return false;
    if (!a->ipv6)
        return str_eq_nocase(a->host, b->host);
    memcpy(text[0], a->host.ptr, a->host.len); /* shorter: check_address has looked */
    memcpy(text[1], b->host.ptr, b->host.len);
    return inet_pton(AF_INET6, text[0], &x) == 1 && inet_pton(AF_INET6, text[1], &y) == 1 &&
           memcmp(&x, &y, sizeof(x)) == 0;
}

static bool same_origin(struct str a, struct str b, struct url_parts *ret_a,
                        struct url_parts *ret_b)
{
    struct err ignored;

    return url_split(a, ret_a, &ignored) == ERR_OK && url_split(b, ret_b, &ignored) == ERR_OK &&
           ret_a->https == ret_b->https && ret_a->port == ret_b->port && same_host(ret_a, ret_b);
}

bool url_same_origin(struct str a, struct str b)
{
    struct url_parts x, y;

    return same_origin(a, b, &x, &y);
}

/* Is a segment of the path "." or "..", as it is or encoded? A server may climb out by it. */
static bool has_dot_segment(struct str path)
{
    struct str left = until(path, "?");

    while (left.len > 0) {
        struct str segment = str_cut(left, '/', &left);
        size_t dots = 0;

        for (; segment.len > 0; dots++) {
            bool encoded = str_eq_nocase(str_sub(segment, 0, 3), STR("%2e"));

            if (segment.ptr[0] != '.' && !encoded)
                break;
            segment = str_sub(segment, encoded ? 3 : 1, segment.len);
        }
        if (segment.len == 0 && (dots == 1 || dots == 2))
            return true;
    }
    return false;
}

bool url_below(struct str base, struct str url, struct str *ret_path)
{
    struct url_parts b, u;
    size_t at = 0;

    if (!same_origin(base, url, &b, &u) || !str_starts(u.rest, b.rest))
        return false;

    struct str path = str_sub(u.rest, b.rest.len, u.rest.len);

    /* "/jira" does not hold "/jiraffe", and a fragment is nothing to ask a server for. */
    if (path.len == 0 || path.ptr[0] != '/' || str_find(path, '#', &at) || has_dot_segment(path))
        return false;
    *ret_path = path;
    return true;
}

void url_show_origin(struct str url, char *ret, size_t len)
{
    struct url_parts parts;
    struct err ignored;

    if (url_split(url, &parts, &ignored) == ERR_OK)
        (void)snprintf(ret, len, STR_FMT, STR_ARG(parts.origin));
    else
        (void)snprintf(ret, len, "?");
}

static void add_encoded(struct strbuf *buf, struct str s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (is_unreserved(s.ptr[i]))
            strbuf_add_char(buf, s.ptr[i]);
        else
            strbuf_add(buf, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void url_add_segment(struct strbuf *buf, struct str segment)
{
    strbuf_add_char(buf, '/');
    /* "." and ".." mean folders even when encoded; no id of a remote is one: an empty segment. */
    if (!str_eq(segment, STR(".")) && !str_eq(segment, STR("..")))
        add_encoded(buf, segment);
}

void url_add_query(struct strbuf *buf, const char *name, struct str value)
{
    size_t at = 0;

    strbuf_add_char(buf, str_find(strbuf_str(buf), '?', &at) ? '&' : '?');
    add_encoded(buf, str_from(name));
    strbuf_add_char(buf, '=');
    add_encoded(buf, value);
}

void url_add_query_i64(struct strbuf *buf, const char *name, int64_t value)
{
    strbuf_add_char(buf, memchr(strbuf_z(buf), '?', buf->len) ? '&' : '?');
    add_encoded(buf, str_from(name));
    strbuf_add_char(buf, '=');
    strbuf_add_i64(buf, value);
}
