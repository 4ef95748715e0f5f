/*
 * request.c: what our own server reads of a request line.
 *
 * The first line is a method's number and a raw request target ("0/rest/a%20b?x=1"), the others are
 * routes: a method's number and a pattern ("0/a/{id}"). Holds: a path that is taken has only
 * segments that no handler has to fear, and encodes back to a path that reads the same; a query is
 * well formed exactly if each of its names and values can be decoded; the route found is the one
 * that a plain search finds, by the rule that the leftmost literal wins.
 */
#include "base/arena.h"
#include "fuzz.h"
#include "http/router.h"
#include "http/url.h"

#define ROUTES_MAX 16
#define ARENA_BYTES ((size_t)1 << 20)

static void handle(struct http_exchange *ex)
{
    (void)ex;
}

/* The bytes of a raw text, decoded; false when an escape is broken. Not our code's way: by sscanf.
 */
static bool decode(struct str raw, bool plus, struct strbuf *ret)
{
    for (size_t i = 0; i < raw.len; i++) {
        char digits[3] = {0};
        unsigned byte = 0;

        if (raw.ptr[i] != '%') {
            strbuf_add_char(ret, plus && raw.ptr[i] == '+' ? ' ' : raw.ptr[i]);
            continue;
        }
        if (raw.len - i < 3)
            return false;
        memcpy(digits, raw.ptr + i + 1, 2);
        if (strspn(digits, "0123456789abcdefABCDEF") != 2 || sscanf(digits, "%x", &byte) != 1)
            return false;
        strbuf_add_char(ret, (char)byte);
        i += 2;
    }
    return true;
}

static void check_decode(struct arena *arena, struct str raw, bool plus)
{
    AUTO(strbuf_done) struct strbuf model = STRBUF_INIT(raw.len + 1);
    struct str decoded = {NULL, 0};
    bool good = decode(raw, plus, &model) && str_is_utf8(strbuf_str(&model));

    FUZZ_CHECK(route_decode(arena, raw, plus, &decoded) == good);
    FUZZ_CHECK(!good || (decoded.ptr && str_eq(decoded, strbuf_str(&model))));
}

/* Taken apart by hand: the names and values, and whether each can be decoded. */
static void check_query(struct arena *arena, struct str raw)
{
    bool good = true;
    struct str rest = raw;
    size_t found = 0;

    while (rest.len > 0) {
        AUTO(strbuf_done) struct strbuf n = STRBUF_INIT(raw.len + 1);
        AUTO(strbuf_done) struct strbuf v = STRBUF_INIT(raw.len + 1);
        struct str value = {NULL, 0}, pair = str_cut(rest, '&', &rest);
        struct str name = str_cut(pair, '=', &value);
        bool name_good = decode(name, true, &n) && str_is_utf8(strbuf_str(&n));
        bool value_good = decode(value, true, &v) && str_is_utf8(strbuf_str(&v));

        if (pair.len == 0)
            continue;
        good = good && name_good && value_good;
        if (!name_good || !str_eq(strbuf_str(&n), STR("id")))
            continue;

        struct str got = route_query_get(arena, raw, "id", found++);

        FUZZ_CHECK((got.ptr != NULL) == value_good);
        FUZZ_CHECK(!value_good || str_eq(got, strbuf_str(&v)));
    }
    FUZZ_CHECK(!route_query_get(arena, raw, "id", found).ptr);
    FUZZ_CHECK(route_query_is_well_formed(arena, raw) == good);
}

static void check_segments(struct arena *arena, const struct route_path *path)
{
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT(ARENA_BYTES);
    struct route_path reread = {0};
    const char *why = NULL;

    FUZZ_CHECK(path->count >= 1 && path->count <= ROUTE_SEGMENTS_MAX);
    for (size_t i = 0; i < path->count; i++) {
        struct str s = path->segments[i];

        FUZZ_CHECK(s.ptr && str_is_utf8(s));
        FUZZ_CHECK(s.len == 0 || (!memchr(s.ptr, '/', s.len) && !memchr(s.ptr, '\\', s.len)));
        FUZZ_CHECK(!str_eq(s, STR(".")) && !str_eq(s, STR("..")));
        url_add_segment(&again, s);
    }
    FUZZ_CHECK(route_path_parse(arena, strbuf_str(&again), &reread, &why));
    FUZZ_CHECK(reread.count == path->count);
    for (size_t i = 0; i < path->count; i++)
        FUZZ_CHECK(str_eq(reread.segments[i], path->segments[i]));
}

static bool is_param(struct str segment)
{
    return segment.len >= 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

/* Cuts a pattern at its slashes; the count. */
static size_t cut_pattern(const char *pattern, struct str ret[ROUTE_SEGMENTS_MAX])
{
    struct str rest = str_from(pattern + 1);
    size_t count = 0, slash = 0;
    bool more = true;

    for (; more; count++) {
        more = str_find(rest, '/', &slash);
        FUZZ_CHECK(count < ROUTE_SEGMENTS_MAX);
        ret[count] = str_cut(rest, '/', &rest);
    }
    return count;
}

static bool fits(const char *pattern, const struct route_path *path)
{
    struct str segments[ROUTE_SEGMENTS_MAX];

    if (cut_pattern(pattern, segments) != path->count)
        return false;
    for (size_t i = 0; i < path->count; i++)
        if (is_param(segments[i]) ? path->segments[i].len == 0
                                  : !str_eq(segments[i], path->segments[i]))
            return false;
    return true;
}

/* Of two that fit: is a's leftmost difference a literal? */
static bool is_better(const char *a, const char *b)
{
    struct str x[ROUTE_SEGMENTS_MAX], y[ROUTE_SEGMENTS_MAX];
    size_t count = cut_pattern(a, x);

    (void)cut_pattern(b, y);
    for (size_t i = 0; i < count; i++)
        if (is_param(x[i]) != is_param(y[i]))
            return is_param(y[i]);
    return false;
}

static void check_params(const struct route_match *match, const struct route_path *path)
{
    struct str segments[ROUTE_SEGMENTS_MAX];
    size_t count = cut_pattern(match->route->pattern, segments), param = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_param(segments[i]))
            continue;
        FUZZ_CHECK(param < ROUTE_PARAMS_MAX);
        FUZZ_CHECK(str_eq(match->params[param++], path->segments[i]));
    }
    while (param < ROUTE_PARAMS_MAX)
        FUZZ_CHECK(!match->params[param++].ptr);
}

static void check_routes(const struct http_route *routes, size_t count, enum http_method method,
                         const struct route_path *path)
{
    AUTO(strbuf_done) struct strbuf allow = STRBUF_INIT(100);
    struct route_match match;
    const struct http_route *expected = NULL;
    bool known = false;

    for (size_t i = 0; i < count; i++) {
        if (!fits(routes[i].pattern, path))
            continue;
        known = true;
        if (routes[i].method == method &&
            (!expected || is_better(routes[i].pattern, expected->pattern)))
            expected = &routes[i];
    }
    route_find(routes, count, &method, path, &match, &allow);
    FUZZ_CHECK(match.route == expected && match.path_known == known);
    FUZZ_CHECK((allow.len > 0) == (known && !expected));
    if (expected)
        check_params(&match, path);
    else
        FUZZ_CHECK(!strstr(strbuf_z(&allow), http_method_name(method)));
    strbuf_reset(&allow);
    route_find(routes, count, NULL, path, &match, &allow);
    FUZZ_CHECK(!match.route && (allow.len > 0) == known);
}

static enum http_method take_method(struct str *line)
{
    return (enum http_method)(fuzz_byte(line) % HTTP_METHOD_COUNT);
}

/* A table of those lines that do not make it wrong; the count. */
static size_t make_routes(struct arena *arena, struct str text, struct http_route *ret)
{
    size_t count = 0;
    struct err err = {0};

    while (text.len > 0 && count < ROUTES_MAX) {
        struct str line = fuzz_line(&text);
        enum http_method method = take_method(&line);
        char *pattern = arena_dup_z(arena, str_sub(line, 0, 1000));

        FUZZ_CHECK(pattern);
        ret[count] = (struct http_route){method, pattern, 0, handle};
        if (routes_check(ret, count + 1, &err) == ERR_OK)
            count++;
        else
            FUZZ_CHECK(err.class == ERR_BUG && err.msg[0]);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)8 << 20);
    struct http_route routes[ROUTES_MAX];
    struct str rest = fuzz_str(data, size), query = {NULL, 0};
    struct str line = fuzz_line(&rest);
    enum http_method method = take_method(&line);
    AUTO(free_autop) char *bytes = fuzz_exact(line);
    struct str raw = str_cut((struct str){bytes, line.len}, '?', &query);
    struct route_path path = {.count = 77};
    const char *why = NULL;
    size_t count;

    FUZZ_CHECK(arena);
    check_decode(arena, raw, false);
    check_decode(arena, query, true);
    check_query(arena, query);
    count = make_routes(arena, rest, routes);
    if (!route_path_parse(arena, raw, &path, &why)) {
        FUZZ_CHECK(why && path.count == 77);
        return 0;
    }
    check_segments(arena, &path);
    check_routes(routes, count, method, &path);
    return 0;
}
