/*
 * router.c: which route a request is for, and the one place where URLs are decoded.
 *
 * A raw path is cut at its slashes first and decoded after that, segment by segment and once, so
 * that an encoded slash cannot move a border and "%2525" stays "%25". What remains dangerous after
 * decoding (a slash, a dot segment, NUL) is refused here, so that no handler has to think of it.
 * Among routes that fit, the one whose leftmost difference is a literal wins: "/worklog/move"
 * before
 * "/worklog/{id}", whatever their order in the table.
 */
#include "http/router.h"

#include <assert.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* True when decoding would change nothing and the bytes are ASCII without NUL. */
static bool is_plain(struct str raw, bool plus)
{
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.ptr[i];

        if (c == '%' || c >= 0x80 || c == 0 || (plus && c == '+'))
            return false;
    }
    return true;
}

bool route_decode(struct arena *arena, struct str raw, bool plus, struct str *ret)
{
    if (is_plain(raw, plus)) {
        *ret = raw.ptr ? raw : STR("");
        return true;
    }

    char *text = arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    if (!text)
        return false;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];

        if (c == '%') {
            if (raw.len - i < 3)
                return false;

            int high = hex_digit(raw.ptr[i + 1]), low = hex_digit(raw.ptr[i + 2]);

            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        text[len++] = c;
    }

    struct str decoded = {text, len};

    if (!str_is_utf8(decoded))
        return false;
    *ret = decoded;
    return true;
}

bool route_path_parse(struct arena *arena, struct str raw, struct route_path *ret,
                      const char **ret_why)
{
    struct route_path path = {.count = 0};
    bool more = true;

    if (raw.len == 0 || raw.ptr[0] != '/') {
        *ret_why = "the path must start with a slash";
        return false;
    }
    raw = str_sub(raw, 1, raw.len);
    while (more) {
        struct str rest = {NULL, 0}, segment = {NULL, 0};
        struct str text = str_cut(raw, '/', &rest);
        size_t at = 0;

        more = text.len < raw.len;
        raw = rest;
        if (path.count == ROUTE_SEGMENTS_MAX) {
            *ret_why = "the path has too many segments";
            return false;
        }
        if (!route_decode(arena, text, false, &segment)) {
            *ret_why = "a percent escape in the path is broken or is not UTF-8";
            return false;
        }
        if (str_find(segment, '/', &at) || str_find(segment, '\\', &at)) {
            *ret_why = "an encoded slash or a backslash may not stand in the path";
            return false;
        }
        if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) {
            *ret_why = "dot segments may not stand in the path";
            return false;
        }
        path.segments[path.count++] = segment;
    }
    *ret = path;
    return true;
}

/* The next name=value of a raw query; false at its end. Empty pieces ("&&") are skipped. */
static bool next_pair(struct str *query, struct str *ret_name, struct str *ret_value)
{
    while (query->len > 0) {
        struct str rest = {NULL, 0};
        struct str pair = str_cut(*query, '&', &rest);

        *query = rest;
        if (pair.len == 0)
            continue;
        *ret_name = str_cut(pair, '=', ret_value);
        return true;
    }
    return false;
}

bool route_query_is_well_formed(struct arena *arena, struct str raw_query)
{
    struct str name, value, decoded;

    if (is_plain(raw_query, false))
        return true; /* nothing in it to decode but '+', which cannot fail */
    while (next_pair(&raw_query, &name, &value))
        if (!route_decode(arena, name, true, &decoded) ||
            !route_decode(arena, value, true, &decoded))
            return false;
    return true;
}

struct str route_query_get(struct arena *arena, struct str raw_query, const char *name, size_t nth)
{
    struct str wanted = str_from(name), raw_name, raw_value, decoded;

    while (next_pair(&raw_query, &raw_name, &raw_value)) {
        if (!route_decode(arena, raw_name, true, &decoded) || !str_eq(decoded, wanted))
            continue;
        if (nth-- > 0)
            continue;
        if (!route_decode(arena, raw_value, true, &decoded))
            break;
        return decoded;
    }
    return (struct str){NULL, 0};
}

static bool is_param(struct str segment)
{
    return segment.len >= 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

/* Most patterns do not, as the first byte already tells. */
static bool cannot_fit(const char *pattern, const struct route_path *path)
{
    const struct str first = path->segments[0];

    return pattern[1] != '{' && first.len > 0 && pattern[1] != first.ptr[0];
}

/*
 * Does the pattern fit? *ret_literals has a bit for each segment that is a literal, the leftmost
 * segment in the highest bit, so that the greater number is the more particular pattern.
 */
static bool pattern_fits(const char *pattern, const struct route_path *path, uint32_t *ret_literals,
                         struct str params[ROUTE_PARAMS_MAX])
{
    struct str rest = str_from(pattern + 1);
    uint32_t literals = 0;
    size_t param_count = 0, count = 0;
    bool more = true;

    for (; more; count++) {
        struct str next = {NULL, 0};
        struct str segment = str_cut(rest, '/', &next);

        if (count == path->count)
            return false;
        more = segment.len < rest.len;
        rest = next;
        if (is_param(segment)) {
            if (path->segments[count].len == 0)
                return false;
            params[param_count++] = path->segments[count];
        } else if (str_eq(segment, path->segments[count])) {
            literals |= UINT32_C(1) << (ROUTE_SEGMENTS_MAX - count);
        } else {
            return false;
        }
    }
    *ret_literals = literals;
    return count == path->count;
}

void route_find(const struct http_route *routes, size_t count, const enum http_method *method,
                const struct route_path *path, struct route_match *ret, struct strbuf *allow)
{
    static const struct {
        enum http_method method;
        const char *name;
    } methods[] = {
        {HTTP_GET, "GET, HEAD"}, {HTTP_POST, "POST"}, {HTTP_PUT, "PUT"}, {HTTP_DELETE, "DELETE"}};
    uint32_t best = 0;
    bool served[ARRAY_LEN(methods)] = {false};

    *ret = (struct route_match){0};
    for (size_t i = 0; i < count; i++) {
        struct str params[ROUTE_PARAMS_MAX] = {{NULL, 0}};
        uint32_t literals = 0;

        if (cannot_fit(routes[i].pattern, path) ||
            !pattern_fits(routes[i].pattern, path, &literals, params))
            continue;
        for (size_t m = 0; m < ARRAY_LEN(methods); m++)
            served[m] |= methods[m].method == routes[i].method;
        ret->path_known = true;
        if (!method || routes[i].method != *method || (ret->route && literals <= best))
            continue;
        best = literals;
        ret->route = &routes[i];
        memcpy(ret->params, params, sizeof(params));
    }
    if (ret->route)
        return;
    for (size_t m = 0; m < ARRAY_LEN(methods); m++)
        if (served[m])
            strbuf_addf(allow, "%s%s", allow->len ? ", " : "", methods[m].name);
}

enum err_class routes_check(const struct http_route *routes, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *pattern = routes[i].pattern;
        struct str rest = str_from(pattern);
        size_t segments = 0, params = 0;
        bool more = true;

        if (!routes[i].handler)
            return err_set(err, ERR_BUG, "route %s has no handler", pattern);
        if (pattern[0] != '/')
            return err_set(err, ERR_BUG, "route %s does not start with a slash", pattern);
        rest = str_sub(rest, 1, rest.len);
        while (more) {
            struct str next = {NULL, 0};
            struct str segment = str_cut(rest, '/', &next);

            more = segment.len < rest.len;
            rest = next;
            segments++;
            params += is_param(segment) ? 1 : 0;
        }
        if (segments > ROUTE_SEGMENTS_MAX || params > ROUTE_PARAMS_MAX)
            return err_set(err, ERR_BUG,
                           "route %s has %zu segments and %zu parameters; %d and %d "
                           "are the limits",
                           pattern, segments, params, ROUTE_SEGMENTS_MAX, ROUTE_PARAMS_MAX);
        for (size_t j = 0; j < i; j++)
            if (routes[j].method == routes[i].method && strcmp(routes[j].pattern, pattern) == 0)
                return err_set(err, ERR_BUG, "route %s stands twice in the table", pattern);
    }
    return ERR_OK;
}
