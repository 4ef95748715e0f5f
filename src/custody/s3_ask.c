/*
 * s3_ask.c: one request to object storage, and what its answer says.
 *
 * libcurl 7.88 signs a query as it is: so queries are built in the form that the signature wants
 * (names sorted, values encoded, '=' always there), and the hash of the body is ours. Answers are
 * read as what they are used for: two or three elements of a small XML; never as a document.
 *
 * Sources: Amazon S3 API Reference (Error Responses), AWS Signature V4; XML 1.0, 4.1 and 4.6.
 */
#include "custody/s3_internal.h"

#include <sodium.h>

#include "base/retry.h"
#include "vault/vault.h"

#define TOTAL_MS (INT64_C(10) * 60 * 1000) /* of one part: 14 kB/s */

static const struct retry_policy retries = {.base_ms = 500, .cap_ms = 30000, .attempts_max = 6};

/* ---- Texts of the protocol ---- */

void s3_add_encoded(struct strbuf *buf, struct str text, bool slash)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (slash && c == '/');

        if (plain)
            strbuf_add_char(buf, (char)c);
        else
            strbuf_addf(buf, "%%%02X", c);
    }
}

struct str s3_element(struct str xml, const char *name)
{
    char open[64], close[64];
    int open_len = snprintf(open, sizeof(open), "<%s>", name);

    (void)snprintf(close, sizeof(close), "</%s>", name);

    const char *from = memmem(xml.ptr ? xml.ptr : "", xml.len, open, (size_t)open_len);

    if (!from)
        return (struct str){NULL, 0};
    from += open_len;

    size_t left = xml.len - (size_t)(from - xml.ptr);
    const char *to = memmem(from, left, close, strlen(close));

    return to ? (struct str){from, (size_t)(to - from)} : (struct str){NULL, 0};
}

/* UTF-8; false: no character that XML knows. */
static bool add_character(struct strbuf *buf, uint32_t code)
{
    const char bytes[] = {(char)(0xf0 | code >> 18), (char)(0x80 | (code >> 12 & 0x3f)),
                          (char)(0x80 | (code >> 6 & 0x3f)), (char)(0x80 | (code & 0x3f))};

    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return false;
    if (code < 0x80)
        strbuf_add_char(buf, (char)code);
    else if (code < 0x800)
        strbuf_add(buf, (const char[]){(char)(0xc0 | code >> 6), bytes[3]}, 2);
    else if (code < 0x10000)
        strbuf_add(buf, (const char[]){(char)(0xe0 | code >> 12), bytes[2], bytes[3]}, 3);
    else
        strbuf_add(buf, bytes, 4);
    return true;
}

/* "#65" or "#x41". */
static bool add_numbered(struct strbuf *buf, struct str name)
{
    bool hex = str_starts(name, STR("#x"));
    uint32_t code = 0;

    if (!hex)
        return str_starts(name, STR("#")) &&
               parse_u32(str_sub(name, 1, name.len), 1, 0x10ffff, &code) &&
               add_character(buf, code);
    if (name.len < 3 || name.len > 8)
        return false;
    for (size_t i = 2; i < name.len; i++) {
        char c = name.ptr[i], low = (char)(c | 0x20);

        if (c >= '0' && c <= '9')
            code = code * 16 + (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            code = code * 16 + (uint32_t)(low - 'a') + 10;
        else
            return false;
    }
    return add_character(buf, code);
}

static bool add_reference(struct strbuf *buf, struct str name)
{
    static const struct {
        const char *name;
        char character;
    } named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};

    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (str_eq_z(name, named[i].name)) {
            strbuf_add_char(buf, named[i].character);
            return true;
        }
    return add_numbered(buf, name);
}

/* A '&' that begins no reference stands for itself: some storage does not escape. */
bool s3_add_text(struct strbuf *buf, struct str xml)
{
    size_t at = 0, end = 0;

    while (str_find(xml, '&', &at)) {
        struct str rest = str_sub(xml, at + 1, xml.len);

        strbuf_add_str(buf, str_sub(xml, 0, at));
        if (!str_find(rest, ';', &end)) {
            strbuf_add_char(buf, '&');
            xml = rest;
            continue;
        }
        if (!add_reference(buf, str_sub(rest, 0, end)))
            return false;
        xml = str_sub(rest, end + 1, rest.len);
    }
    strbuf_add_str(buf, xml);
    return true;
}

/* ---- What is refused ---- */

/* The storage's own word for what is wrong: letters only, it goes into a message. */
static void error_code(struct str body, char ret[64])
{
    struct str code = str_sub(s3_element(body, "Code"), 0, 63);

    for (size_t i = 0; i < code.len; i++)
        if (!((code.ptr[i] | 0x20) >= 'a' && (code.ptr[i] | 0x20) <= 'z'))
            code.len = 0;
    (void)snprintf(ret, 64, STR_FMT, STR_ARG(code));
}

static const struct {
    const char *code;
    enum err_class class;
    const char *remedy;
} code_table[] = {
    {"SignatureDoesNotMatch", ERR_FORBIDDEN, "the secret does not fit backup.s3_key_id"},
    {"InvalidAccessKeyId", ERR_FORBIDDEN, "it does not know backup.s3_key_id"},
    {"AccessDenied", ERR_FORBIDDEN, "the key lacks a right: Put, Get, List and Delete are needed"},
    {"RequestTimeTooSkewed", ERR_FORBIDDEN, "the clock of this machine is wrong"},
    {"NoSuchBucket", ERR_NOT_FOUND, "make the bucket, or correct backup.s3_bucket"},
    {"QuotaExceeded", ERR_SPACE, "it is full: make room there"},
    {"XMinioStorageFull", ERR_SPACE, "it is full: make room there"},
    {"SlowDown", ERR_BUSY, "it asks to wait"},
};

static const struct {
    int from, to;
    enum err_class class;
    const char *remedy;
} status_table[] = {
    {401, 403, ERR_FORBIDDEN, "look at backup.s3_key_id, its secret and its rights"},
    {404, 404, ERR_NOT_FOUND, "there is nothing of that name"},
    {408, 408, ERR_NETWORK, "it did not get all of it in time"},
    {429, 429, ERR_BUSY, "it asks to wait"},
    {507, 507, ERR_SPACE, "it is full: make room there"},
    {503, 503, ERR_BUSY, "it asks to wait"},
    {500, 599, ERR_NETWORK, "it failed"},
};

enum err_class s3_refusal(const struct s3 *s3, const struct net_response *answer, struct err *err)
{
    char code[64];
    enum err_class class = ERR_REMOTE;
    const char *remedy = "is backup.s3_endpoint the address of an object storage?";

    error_code(strbuf_str(&answer->body), code);
    for (size_t i = ARRAY_LEN(status_table); i-- > 0;)
        if (answer->status >= status_table[i].from && answer->status <= status_table[i].to) {
            class = status_table[i].class;
            remedy = status_table[i].remedy;
        }
    for (size_t i = 0; i < ARRAY_LEN(code_table); i++)
        if (strcmp(code, code_table[i].code) == 0) {
            class = code_table[i].class;
            remedy = code_table[i].remedy;
        }
    return err_set(err, class, "the object storage %s answers %d%s%s: %s", s3->endpoint,
                   answer->status, *code ? " " : "", code, remedy);
}

/* ---- Asking ---- */

static void make_url(const struct s3 *s3, const struct s3_request *request, struct strbuf *url)
{
    strbuf_addf(url, "%s/", s3->endpoint);
    s3_add_encoded(url, str_from(s3->bucket), false);
    if (request->key) {
        strbuf_add_char(url, '/');
        s3_add_encoded(url, str_from(s3->prefix), true);
        s3_add_encoded(url, str_from(request->key), true);
    }
    if (*request->query)
        strbuf_addf(url, "?%s", request->query);
}

enum err_class s3_ask_once(const struct s3 *s3, const struct s3_request *request,
                           struct net_response *ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(4096), sigv4 = STRBUF_INIT(256);
    AUTO(vault_wipe) struct strbuf login = STRBUF_INIT(16384);
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[sizeof(hash) * 2 + 1];
    struct net_call *call = NULL;
    struct net_response answer = {0};

    (void)crypto_hash_sha256(hash, (const unsigned char *)request->body.ptr, request->body.len);
    (void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    make_url(s3, request, &url);
    strbuf_addf(&sigv4, "aws:amz:%s:s3", s3->region);
    (void)strbuf_grow(&login, 8192); /* once, so that no copy of the secret stays behind */
    strbuf_reset(&login);
    strbuf_addf(&login, "%s:%s", s3->key_id, s3->secret);

    enum err_class rc = strbuf_check(&url, "an address of the object storage", err);

    if (rc == ERR_OK)
        rc = strbuf_check(&login, "the key of the object storage", err);
    if (rc != ERR_OK)
        return rc;

    const struct net_request net = {
        .method = request->method,
        .url = strbuf_z(&url),
        .content_type = request->body.len > 0 ? "application/octet-stream" : NULL,
        .body = request->body,
        .aws_sigv4 = strbuf_z(&sigv4),
        .aws_login = strbuf_z(&login),
        .headers = {{"x-amz-content-sha256", hex},
                    {request->range ? "Range" : NULL, request->range}},
        .body_max = request->body_max,
        .total_ms = TOTAL_MS,
        .allow_http = s3->allow_http,
        .allow_private = s3->allow_private,
    };

    rc = s3->ctx->net->start(s3->ctx->net_self, s3->ctx, &net, &call, err);
    if (rc == ERR_OK)
        rc = s3->ctx->net->finish(s3->ctx->net_self, s3->ctx, call, &answer, err);
    if (rc == ERR_OK && (answer.status < 200 || answer.status > 299)) {
        rc = s3_refusal(s3, &answer, err);
        net_response_done(&answer);
    }
    if (rc == ERR_OK)
        *ret = answer;
    return rc;
}

enum err_class s3_ask(const struct s3 *s3, const struct s3_request *request,
                      struct net_response *ret, struct err *err)
{
    for (uint32_t tries = 1;; tries++) {
        struct err ignored = {0};
        int64_t wait_ms = 0;
        enum err_class rc = s3->step ? s3->step(s3->step_arg, err) : ERR_OK;

        if (rc != ERR_OK)
            return rc;
        rc = s3_ask_once(s3, request, ret, err);
        if ((rc != ERR_NETWORK && rc != ERR_BUSY) ||
            retry_next(&retries, tries, 0, ctx_random_u64(s3->ctx), &wait_ms, &ignored) != ERR_OK)
            return rc;
        ctx_sleep_ms(s3->ctx, wait_ms);
        rc = ctx_check(s3->ctx, err);
        if (rc != ERR_OK)
            return rc;
    }
}
