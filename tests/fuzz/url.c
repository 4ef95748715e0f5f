/*
 * url.c: URLs of remote sites, and what is put into them.
 *
 * The input is two lines, a base and a link; what follows is put into a path and a query. Holds:
 * the parts lie within the text and make it up; curl, which will make the call, understands the
 * same host, port and scheme or refuses; a base that was normalised is its own normal form; a link
 * below a base is on its host and stays below it, with no dots to climb out by; what is encoded
 * decodes to what it was.
 */
#include <curl/curl.h>

#include "base/arena.h"
#include "fuzz.h"
#include "http/router.h"
#include "http/url.h"

static bool is_lower(const char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            return false;
    return true;
}

static void free_curl_url(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void free_curl_text(char **text)
{
    curl_free(*text);
}

/* Does curl go where we think that it goes? */
static void check_by_curl(struct str url, const struct url_parts *parts)
{
    AUTO(free_curl_url) CURLU *handle = curl_url();
    AUTO(free_autop) char *text = fuzz_exact_z(url);
    AUTO(free_curl_text) char *scheme = NULL;
    AUTO(free_curl_text) char *host = NULL;
    AUTO(free_curl_text) char *port = NULL;
    AUTO(free_curl_text) char *user = NULL;
    AUTO(free_curl_text) char *path = NULL;
    int64_t number = 0;

    FUZZ_CHECK(handle);
    if (curl_url_set(handle, CURLUPART_URL, text,
                     CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME | CURLU_PATH_AS_IS) != CURLUE_OK)
        return;
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_HOST, &host, 0) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_USER, &user, 0) == CURLUE_NO_USER);
    FUZZ_CHECK(curl_url_get(handle, CURLUPART_PATH, &path, 0) == CURLUE_OK);
    FUZZ_CHECK(strcmp(scheme, parts->https ? "https" : "http") == 0);
    FUZZ_CHECK(parse_i64(str_from(port), 1, UINT16_MAX, &number) && number == parts->port);

    struct str theirs = str_from(host);

    if (parts->ipv6) {
        FUZZ_CHECK(str_starts(theirs, STR("[")) && str_ends(theirs, STR("]")));
        theirs = str_sub(theirs, 1, theirs.len - 2);
    }
    FUZZ_CHECK(parts->ipv6 || str_eq_nocase(theirs, parts->host));
    if (parts->ipv6) { /* curl writes some addresses shorter */
        AUTO(strbuf_done) struct strbuf a = STRBUF_INIT(4096);
        AUTO(strbuf_done) struct strbuf b = STRBUF_INIT(4096);

        strbuf_addf(&a, "http://[" STR_FMT "]", STR_ARG(theirs));
        strbuf_addf(&b, "http://[" STR_FMT "]", STR_ARG(parts->host));
        FUZZ_CHECK(url_same_origin(strbuf_str(&a), strbuf_str(&b)));
    }
    if (parts->rest.len > 0 && parts->rest.ptr[0] == '/')
        FUZZ_CHECK(str_starts(parts->rest, str_from(path)));
}

static bool check_split(struct str url, struct url_parts *ret)
{
    struct url_parts parts = {0};
    struct err err = {0};
    char shown[300];
    enum err_class class = url_split(url, &parts, &err);

    url_show_origin(url, shown, sizeof(shown));
    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_INPUT);
        fuzz_check_error(&err, class);
        FUZZ_CHECK(strcmp(shown, "?") == 0 && !url_same_origin(url, url));
        return false;
    }
    FUZZ_CHECK(parts.origin.ptr == url.ptr && parts.origin.len + parts.rest.len == url.len);
    FUZZ_CHECK(parts.rest.ptr == url.ptr + parts.origin.len);
    FUZZ_CHECK(parts.host.len >= 1 && parts.host.len <= URL_HOST_BYTES);
    FUZZ_CHECK(parts.host.ptr > url.ptr && parts.host.ptr + parts.host.len <= parts.rest.ptr);
    FUZZ_CHECK(parts.port > 0);
    FUZZ_CHECK(parts.rest.len == 0 || strchr("/?#", parts.rest.ptr[0]));
    for (size_t i = 0; i < url.len; i++)
        FUZZ_CHECK(url.ptr[i] > ' ' && url.ptr[i] <= '~');
    FUZZ_CHECK(str_starts(parts.origin, str_from(shown)));
    FUZZ_CHECK(url_same_origin(url, url) && url_same_origin(url, parts.origin));
    check_by_curl(url, &parts);
    *ret = parts;
    return true;
}

/* A segment that a server or a proxy on the way may take for "the folder above". */
static bool climbs(struct str path)
{
    struct str query, segment;

    path = str_cut(path, '?', &query);
    while (path.len > 0) {
        static const char *const dots[] = {".", "..", "%2e", "%2e%2e", ".%2e", "%2e."};

        segment = str_cut(path, '/', &path);
        for (size_t i = 0; i < ARRAY_LEN(dots); i++)
            if (str_eq_nocase(segment, str_from(dots[i])))
                return true;
    }
    return false;
}

static void check_base(struct str text)
{
    struct url_base base = {.port = 77}, again = {0};
    struct url_parts parts = {0};
    struct err err = {0};
    enum err_class class = url_parse_base(text, &base, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_INPUT || class == ERR_LIMIT);
        fuzz_check_error(&err, class);
        FUZZ_CHECK(base.port == 77 && base.text[0] == '\0');
        return;
    }
    FUZZ_CHECK(url_parse_base(str_from(base.text), &again, &err) == ERR_OK);
    FUZZ_CHECK(strcmp(base.text, again.text) == 0 && strcmp(base.host, again.host) == 0);
    FUZZ_CHECK(base.port == again.port && base.https == again.https);
    FUZZ_CHECK(check_split(str_from(base.text), &parts));
    FUZZ_CHECK(parts.port == base.port && parts.https == base.https);
    FUZZ_CHECK(str_eq_z(parts.host, base.host) && is_lower(base.host));
    FUZZ_CHECK(!str_ends(str_from(base.text), STR("/")));
    FUZZ_CHECK(!strpbrk(base.text, "?#%@\\"));
    FUZZ_CHECK(!strstr(base.text + 8, "//") && !climbs(str_from(base.text)));
    FUZZ_CHECK(url_same_origin(str_trim(text), str_from(base.text)));
}

static void check_below(struct str base, struct str link)
{
    struct url_parts b = {0}, l = {0}, joined = {0};
    struct str path = STR("untouched");
    struct err err = {0};
    bool same = url_same_origin(base, link);

    FUZZ_CHECK(url_same_origin(link, base) == same);
    if (!url_below(base, link, &path)) {
        FUZZ_CHECK(str_eq(path, STR("untouched")));
        return;
    }
    FUZZ_CHECK(same);
    FUZZ_CHECK(url_split(base, &b, &err) == ERR_OK && url_split(link, &l, &err) == ERR_OK);
    FUZZ_CHECK(b.port == l.port && b.https == l.https && b.ipv6 == l.ipv6);
    FUZZ_CHECK(b.ipv6 || str_eq_nocase(b.host, l.host));
    FUZZ_CHECK(path.len > 0 && path.ptr[0] == '/' && !memchr(path.ptr, '#', path.len));
    FUZZ_CHECK(path.ptr + path.len == link.ptr + link.len);
    FUZZ_CHECK(!climbs(path));

    /* What the client will ask for: the base, then the path. */
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(base.len + path.len);

    strbuf_add_str(&url, base);
    strbuf_add_str(&url, path);
    FUZZ_CHECK(url_split(strbuf_str(&url), &joined, &err) == ERR_OK);
    FUZZ_CHECK(url_same_origin(strbuf_str(&url), base));
    FUZZ_CHECK(str_eq(joined.rest, l.rest));
}

/* Into a path and a query, and out of them as our own server reads them. */
static void check_encoding(struct str s)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)1 << 20);
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(16 * s.len + 64);
    struct route_path path = {0};
    struct url_parts parts = {0};
    struct str query = {0}, value;
    struct err err = {0};
    const char *why = NULL;
    size_t at = 0;
    bool dots = str_eq(s, STR(".")) || str_eq(s, STR(".."));

    FUZZ_CHECK(arena);
    strbuf_add_z(&url, "https://h");
    url_add_segment(&url, s);
    url_add_query(&url, "q", s);
    url_add_query_i64(&url, "n", (int64_t)s.len);
    url_add_query(&url, "q", s);
    FUZZ_CHECK(strbuf_check(&url, "the URL", &err) == ERR_OK);
    FUZZ_CHECK(url_split(strbuf_str(&url), &parts, &err) == ERR_OK);
    FUZZ_CHECK(str_eq(parts.host, STR("h")));

    struct str raw = str_cut(parts.rest, '?', &query);

    if (!str_is_utf8(s)) {
        FUZZ_CHECK(!route_query_is_well_formed(arena, query));
        FUZZ_CHECK(!route_path_parse(arena, raw, &path, &why) && why);
        return;
    }
    FUZZ_CHECK(route_query_is_well_formed(arena, query));
    for (size_t nth = 0; nth < 2; nth++) {
        value = route_query_get(arena, query, "q", nth);
        FUZZ_CHECK(value.ptr && str_eq(value, s));
    }
    FUZZ_CHECK(!route_query_get(arena, query, "q", 2).ptr);
    if (str_find(s, '/', &at) || str_find(s, '\\', &at)) {
        FUZZ_CHECK(!route_path_parse(arena, raw, &path, &why) && why);
        return;
    }
    FUZZ_CHECK(route_path_parse(arena, raw, &path, &why) && path.count == 1);
    FUZZ_CHECK(str_eq(path.segments[0], dots ? STR("") : s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct str first = fuzz_line(&rest), second = fuzz_line(&rest);
    AUTO(free_autop) char *base_bytes = fuzz_exact(first);
    AUTO(free_autop) char *link_bytes = fuzz_exact(second);
    struct str base = {base_bytes, first.len}, link = {link_bytes, second.len};
    struct url_parts parts;
    struct url_base normal;
    struct err err = {0};

    (void)check_split(base, &parts);
    (void)check_split(link, &parts);
    check_base(base);
    check_base(link);
    check_below(base, link);
    check_below(link, base);
    if (url_parse_base(base, &normal, &err) == ERR_OK)
        check_below(str_from(normal.text), link);
    check_encoding(rest.len < 1000 ? rest : str_sub(rest, 0, 1000));
    return 0;
}
