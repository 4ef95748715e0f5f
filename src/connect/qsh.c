/*
 * qsh.c: one request in Connect's canonical form.
 *
 * The query is decoded by the router's own decoder, so that what is hashed is what the handler
 * reads, then sorted, then encoded. Sorted before encoding: "." stands before ":" but behind "%".
 * The order is that of UTF-16 code units, since both ends that exist (Java, JavaScript) compare
 * those; it differs from the order of UTF-8 bytes where a character above U+FFFF meets one of
 * U+E000..U+FFFF.
 *
 * Bounds: what the arena and the request's own limits allow; the canonical form has at most three
 * bytes for one of the request.
 */
#include "connect/qsh.h"

#include "connect/digest.h"
#include "http/router.h"

struct param {
    struct str name, value; /* decoded */
};

/* A byte of UTF-8 in the order of UTF-16: surrogates (from F0..F4) lie below U+E000 (EE, EF). */
static int rank_utf16(unsigned char byte)
{
    return byte == 0xee || byte == 0xef ? byte + 0x10 : byte;
}

static int order_utf16(struct str a, struct str b)
{
    size_t len = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < len; i++)
        if (a.ptr[i] != b.ptr[i])
            return rank_utf16((unsigned char)a.ptr[i]) - rank_utf16((unsigned char)b.ptr[i]);
    return a.len < b.len ? -1 : a.len > b.len;
}

static int order_params(const void *x, const void *y)
{
    const struct param *a = x, *b = y;
    int order = order_utf16(a->name, b->name);

    return order != 0 ? order : order_utf16(a->value, b->value);
}

/* Parameters between the '&' of a query, "jwt" left out, unsorted. */
static enum err_class read_query(struct arena *arena, struct str query, struct param **ret,
                                 size_t *ret_count, struct err *err)
{
    size_t room = 1, count = 0;

    for (size_t i = 0; i < query.len; i++)
        room += query.ptr[i] == '&';
    if (room > QSH_PARAMS_MAX)
        return err_set(err, ERR_LIMIT, "the query has %zu parameters; the limit is %d", room,
                       QSH_PARAMS_MAX);

    struct param *params = arena_alloc(arena, room * sizeof(*params));

    if (!params)
        return err_memory(err);
    while (query.len > 0) {
        struct str value = {0}, pair = str_cut(query, '&', &query);
        struct str name = str_cut(pair, '=', &value);
        struct param *param = &params[count];

        if (pair.len == 0)
            continue;
        if (!route_decode(arena, name, true, &param->name) ||
            !route_decode(arena, value, true, &param->value))
            return err_set(err, ERR_USAGE,
                           "the query is not percent-encoded UTF-8, so it has no hash; encode its "
                           "names and values");
        if (!str_eq(param->name, STR("jwt")))
            count++;
    }
    *ret = params;
    *ret_count = count;
    return ERR_OK;
}

static char *put(char *at, struct str s)
{
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

/* RFC 3986: only the unreserved characters stay. */
static char *put_encoded(char *at, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~') {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    return at;
}

static char *put_method(char *at, struct str method)
{
    for (size_t i = 0; i < method.len; i++) {
        char c = method.ptr[i];

        *at++ = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return at;
}

/* Only whole segments: "/base" does not stand at the start of "/basement". */
static struct str below(struct str path, struct str base)
{
    bool is_base = str_starts(path, base) && (path.len == base.len || path.ptr[base.len] == '/');

    return is_base ? str_sub(path, base.len, path.len) : path;
}

static char *put_path(char *at, struct str path)
{
    char *from = at;

    if (path.len == 0 || path.ptr[0] != '/')
        *at++ = '/';
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '&')
            at = put(at, STR("%26"));
        else
            *at++ = path.ptr[i];
    }
    return at - from > 1 && at[-1] == '/' ? at - 1 : at;
}

/* Values of one name are joined by ',', names by '&'. */
static char *put_params(char *at, const struct param *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(params[i].name, params[i - 1].name)) {
            *at++ = ',';
        } else {
            if (i > 0)
                *at++ = '&';
            at = put_encoded(at, params[i].name);
            *at++ = '=';
        }
        at = put_encoded(at, params[i].value);
    }
    return at;
}

enum err_class qsh_canonical(struct arena *arena, const struct qsh_request *request,
                             struct str *ret, struct err *err)
{
    struct param *params = NULL;
    struct str path = below(request->path, request->base_path);
    size_t count = 0;
    enum err_class class = read_query(arena, request->query, &params, &count, err);

    if (class != ERR_OK)
        return class;
    qsort(params, count, sizeof(*params), order_params);

    size_t room = request->method.len + 3 * path.len + 3; /* two '&', a leading '/' */

    for (size_t i = 0; i < count; i++)
        room += 3 * (params[i].name.len + params[i].value.len) + 2;

    char *text = arena_alloc(arena, room);

    if (!text)
        return err_memory(err);

    char *at = put_method(text, request->method);

    *at++ = '&';
    at = put_path(at, path);
    *at++ = '&';
    at = put_params(at, params, count);
    *ret = (struct str){text, (size_t)(at - text)};
    return ERR_OK;
}

enum err_class qsh_compute(struct arena *arena, const struct qsh_request *request,
                           char ret_hex[QSH_HEX_BYTES + 1], struct err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[DIGEST_BYTES];
    struct str canonical = {0};
    enum err_class class = qsh_canonical(arena, request, &canonical, err);

    if (class != ERR_OK)
        return class;
    if (!digest_sha256(canonical, hash))
        return err_memory(err);
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        ret_hex[2 * i] = digits[hash[i] >> 4];
        ret_hex[2 * i + 1] = digits[hash[i] & 15];
    }
    ret_hex[QSH_HEX_BYTES] = '\0';
    return ERR_OK;
}

enum err_class qsh_check(struct arena *arena, const struct qsh_request *request, struct str claim,
                         struct err *err)
{
    char hex[QSH_HEX_BYTES + 1];
    enum err_class class = qsh_compute(arena, request, hex, err);

    if (class != ERR_OK)
        return class;
    if (!str_eq_z(claim, hex))
        return err_set(err, ERR_DENIED,
                       "the token was made for another request: the hash of method, path and query "
                       "that it carries does not fit; a proxy in between must pass the URL on "
                       "unchanged, and the configured base URL must be the one that Jira calls");
    return ERR_OK;
}
