#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H
#include "http/server.h"

/* Routes and the decoding of URLs: pure functions over text, apart from the server's threads. */

#define ROUTE_SEGMENTS_MAX 16

/*
 * A path cut at its slashes and decoded once, segment by segment: "/a/b%20c/" is "a", "b c", "".
 */
struct route_path {
    struct str segments[ROUTE_SEGMENTS_MAX]; /* in the arena or in the raw path */
    size_t count;
};

/*
 * False when the path does not start with a slash, has too many segments, a broken percent escape,
 * an encoded slash, a "." or ".." segment, or bytes that are not UTF-8; *ret_why says which, as a
 * literal sentence. Also false (why: memory) when the arena is full.
 */
MUST_USE bool route_path_parse(struct arena *arena, struct str raw, struct route_path *ret,
                               const char **ret_why);
/* Decodes %XX, and '+' to a space when asked. False: broken escape, not UTF-8, NUL, no memory. */
MUST_USE bool route_decode(struct arena *arena, struct str raw, bool plus, struct str *ret);
/* True when every name and value of a raw query can be decoded. */
MUST_USE bool route_query_is_well_formed(struct arena *arena, struct str raw_query);
/* The nth (from 0) parameter of that name, decoded; NULL pointer when absent. */
struct str route_query_get(struct arena *arena, struct str raw_query, const char *name, size_t nth);

struct route_match {
    const struct http_route *route; /* NULL: none */
    bool path_known;                /* some other method is served there */
    struct str params[ROUTE_PARAMS_MAX];
};

/*
 * The route for method and path. `allow` gets the methods that the path is served with ("GET,
 * PUT"), for the header Allow. method  NULL: one that no route has
 */
void route_find(const struct http_route *routes, size_t count, const enum http_method *method,
                const struct route_path *path, struct route_match *ret, struct strbuf *allow);
/* ERR_BUG when a pattern is not one: no leading slash, too many segments or parameters, twice. */
MUST_USE enum err_class routes_check(const struct http_route *routes, size_t count,
                                     struct err *err);

#endif
