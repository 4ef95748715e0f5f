/* exchange.c: a request as its handler reads it, and the answer as it fills it. */
#include "http/server_internal.h"

#include "base/json.h"
#include "http/router.h"

#define FORWARDED_BYTES_MAX ((size_t)64 * 1024) /* as much as all headers of a request */

struct str http_in_header(const struct http_exchange *ex, const char *name)
{
    return str_from(MHD_lookup_connection_value(exchange_of(ex)->mhd, MHD_HEADER_KIND, name));
}

/* ---- Where it comes from ---- */

/* All values of a header that may come several times, joined by commas in their order. */
struct joined {
    struct strbuf *text;
    const char *name;
};

static enum MHD_Result add_value(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct joined *joined = arg;

    (void)kind;
    if (str_eq_nocase(str_from(name), str_from(joined->name))) {
        strbuf_add_z(joined->text, joined->text->len ? "," : "");
        strbuf_add_z(joined->text, value);
    }
    return MHD_YES;
}

static void join_header(const struct http_exchange *ex, const char *name, struct strbuf *ret)
{
    struct joined joined = {ret, name};

    (void)MHD_get_connection_values(exchange_of(ex)->mhd, MHD_HEADER_KIND, add_value, &joined);
}

/* The other end of the connection: the client, or a proxy. */
static bool connected_address(const struct http_exchange *ex, struct peer_address *ret)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange_of(ex)->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return info && info->client_addr && peer_address_of(info->client_addr, ret);
}

static bool is_from_proxy(const struct http_exchange *ex)
{
    struct peer_address connected;

    return connected_address(ex, &connected) &&
           peer_nets_have(&exchange_of(ex)->server->trusted, &connected);
}

bool http_in_peer(const struct http_exchange *ex, struct peer_address *ret)
{
    AUTO(strbuf_done) struct strbuf chain = STRBUF_INIT(FORWARDED_BYTES_MAX);
    struct peer_address connected;

    if (!connected_address(ex, &connected))
        return false;
    *ret = connected;
    if (!peer_nets_have(&exchange_of(ex)->server->trusted, &connected))
        return true;
    join_header(ex, "X-Forwarded-For", &chain);
    if (chain.failed == ERR_OK) /* else it is not to be read from its end */
        *ret = peer_client(&exchange_of(ex)->server->trusted, &connected, strbuf_str(&chain));
    return true;
}

struct str http_in_address(const struct http_exchange *ex)
{
    struct peer_address address;
    char text[PEER_TEXT_BYTES + 1];

    if (!http_in_peer(ex, &address))
        return (struct str){NULL, 0};
    peer_address_text(&address, text);
    return arena_dup(ex->arena, str_from(text));
}

bool http_in_is_relayed(const struct http_exchange *ex)
{
    static const char *const marks[] = {"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"};

    if (is_from_proxy(ex))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (http_in_header(ex, marks[i]).ptr)
            return true;
    return false;
}

bool http_in_is_https(const struct http_exchange *ex)
{
    AUTO(strbuf_done) struct strbuf schemes = STRBUF_INIT(FORWARDED_BYTES_MAX);
    const struct http_server *server = exchange_of(ex)->server;

    if (server->is_tls)
        return true;
    if (!is_from_proxy(ex))
        return false;
    join_header(ex, "X-Forwarded-Proto", &schemes);

    /* The last is what the proxy next to us wrote. */
    struct str last = strbuf_str(&schemes), rest = last;

    while (rest.len > 0)
        last = str_cut(rest, ',', &rest);
    return str_eq_nocase(str_trim(last), STR("https"));
}

/* ---- What it asks ---- */

struct str http_in_query(const struct http_exchange *ex, const char *name)
{
    return route_query_get(ex->arena, ex->raw_query, name, 0);
}

struct str http_in_query_nth(const struct http_exchange *ex, const char *name, size_t nth)
{
    return route_query_get(ex->arena, ex->raw_query, name, nth);
}

/* ---- The answer ---- */

static bool is_header_text(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return true;
}

static void add_header(struct http_exchange *ex, const char *name, const char *value)
{
    struct exchange *x = exchange_of(ex);

    if (x->header_count == OUT_HEADERS_MAX || !is_header_text(name) || !is_header_text(value))
        return;

    struct out_header header = {arena_dup_z(ex->arena, str_from(name)),
                                arena_dup_z(ex->arena, str_from(value))};

    if (header.name && header.value)
        x->headers[x->header_count++] = header;
}

void http_out_header(struct http_exchange *ex, const char *name, const char *value)
{
    exchange_of(ex)->own_headers = true;
    add_header(ex, name, value);
}

void http_out_default(struct http_exchange *ex, const char *name, const char *value)
{
    const struct exchange *x = exchange_of(ex);

    for (size_t i = 0; i < x->header_count; i++)
        if (str_eq_nocase(str_from(x->headers[i].name), str_from(name)))
            return;
    add_header(ex, name, value);
}

/* The reason phrase of RFC 9110. */
static const char *status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].status == status)
            return texts[i].text;
    return "Unknown";
}

void http_out_problem(struct http_exchange *ex, int status, const char *detail)
{
    struct strbuf *out = &ex->out;

    struct json_out json = json_out(out);

    strbuf_done(out);
    ex->status = status;
    ex->content_type = "application/problem+json";
    ex->stream = NULL;
    json_object(&json);
    json_key(&json, "type");
    json_put_z(&json, "about:blank");
    json_key(&json, "title");
    json_put_z(&json, status_text(status));
    json_key(&json, "status");
    json_put_i64(&json, status);
    if (detail) {
        json_key(&json, "detail");
        json_put_z(&json, detail);
    }
    json_object_end(&json);
}
