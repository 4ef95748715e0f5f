/*
 * net.c: what all networks share, the real one and the fakes: names of methods, the kept headers of
 * an answer, and its body.
 *
 * The body is a strbuf whose cap is body_max plus the padding that yyjson wants for parsing in
 * place. A page of 2 MB with a Content-Length is allocated once, to its exact size; without one the
 * buffer starts at BODY_FIRST_BYTES and doubles.
 */
#include "http/net.h"

#include <assert.h>
#include <yyjson.h>

#define BODY_FIRST_BYTES (64 * 1024)

static_assert(NET_BODY_PADDING >= YYJSON_PADDING_SIZE, "json_read_insitu must fit behind a body");

const char *http_method_name(enum http_method method)
{
    static const char *const names[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE"};

    assert((unsigned)method < HTTP_METHOD_COUNT);
    return names[method];
}

void net_response_done(struct net_response *response)
{
    strbuf_done(&response->body);
    *response = (struct net_response){0};
}

struct str net_header(const struct net_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcmp(response->headers[i].name, name) == 0)
            return str_from(response->headers[i].value);
    return (struct str){NULL, 0};
}

/*
 * Why each: type and target of an answer; the rate limits (facts, section 6); the remote's clock;
 * the trace id that Atlassian's support asks for; and why Data Center refuses a login (CAPTCHA).
 * Cookies and names of people are not kept.
 */
static const struct {
    struct str name;
    bool prefix; /* all that begin like this */
} kept[] = {
    {STR("content-type"), false},
    {STR("location"), false},
    {STR("date"), false},
    {STR("retry-after"), false},
    {STR("cycle-period"), false},  /* of the personal data report */
    {STR("etag"), false},          /* of object storage: what it says it has, */
    {STR("content-range"), false}, /* and how much */
    {STR("ratelimit"), true},
    {STR("beta-ratelimit"), true},
    {STR("x-ratelimit-"), true},
    {STR("atl-traceid"), false},
    {STR("x-authentication-denied-reason"), false},
    {STR("x-seraph-loginreason"), false},
};

static bool is_kept(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (str_eq_nocase(kept[i].prefix ? str_sub(name, 0, kept[i].name.len) : name, kept[i].name))
            return true;
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void net_response_add_header(struct net_response *response, struct str name, struct str value)
{
    size_t slot = response->header_count;

    value = str_trim(value);
    if (slot == NET_HEADERS_KEPT || name.len >= sizeof(response->headers[0].name) || !is_kept(name))
        return;
    value = str_sub(value, 0, sizeof(response->headers[0].value) - 1);
    for (size_t i = 0; i < name.len; i++)
        response->headers[slot].name[i] = lower(name.ptr[i]);
    response->headers[slot].name[name.len] = '\0';
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        response->headers[slot].value[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    response->headers[slot].value[value.len] = '\0';
    response->header_count++;
}

void net_body_init(struct strbuf *body, size_t body_max)
{
    assert(body_max <= SIZE_MAX - NET_BODY_PADDING);
    *body = STRBUF_INIT(body_max + NET_BODY_PADDING);
}

bool net_body_reserve(struct strbuf *body, size_t len)
{
    size_t need = 0;

    if (body->failed != ERR_OK)
        return false;
    if (len > body->max - NET_BODY_PADDING || body->len > body->max - NET_BODY_PADDING - len) {
        body->failed = ERR_LIMIT;
        return false;
    }
    need = body->len + len + NET_BODY_PADDING + 1;
    if (need <= body->room)
        return true;

    char *ptr = realloc(body->ptr, need);

    if (!ptr) {
        body->failed = ERR_MEMORY;
        return false;
    }
    body->ptr = ptr;
    body->room = need;
    return true;
}

bool net_body_append(struct strbuf *body, const void *bytes, size_t len)
{
    /* The padding is kept out of what the content may use. */
    if (body->failed == ERR_OK &&
        (len > body->max - NET_BODY_PADDING || body->len > body->max - NET_BODY_PADDING - len))
        body->failed = ERR_LIMIT;
    if (!body->ptr && body->max - NET_BODY_PADDING > BODY_FIRST_BYTES &&
        !net_body_reserve(body, len > BODY_FIRST_BYTES ? len : BODY_FIRST_BYTES))
        return false;
    strbuf_add(body, bytes, len);
    return body->failed == ERR_OK;
}

bool net_body_end(struct strbuf *body)
{
    char *at = strbuf_grow(body, NET_BODY_PADDING);

    if (!at)
        return false;
    memset(at, 0, NET_BODY_PADDING);
    body->len -= NET_BODY_PADDING;
    return true;
}
