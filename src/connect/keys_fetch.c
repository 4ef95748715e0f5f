/*
 * keys_fetch.c: asking a key server.
 *
 * One try a URL and no redirects: behind the call waits a request of Jira's, which comes again by
 * itself. What a server answers is public and goes nowhere; it is bounded all the same.
 */
#include "connect/keys_fetch.h"

#include <assert.h>

#include "base/json.h"
#include "base/limits.h"
#include "http/guard.h"
#include "http/net.h"

#define HOST_BYTES 300 /* of a host in a message */

void key_set_done(struct key_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        rsa_key_unref(set->keys[i].key);
    set->count = 0;
}

/* A PEM's URL gets an id behind it, so it must be a base: no query, no slash at the end. */
static enum err_class add_url(struct key_server *server, size_t at, struct str url, struct err *err)
{
    AUTO(free_autop) struct url_base *base = calloc(1, sizeof(*base));
    struct url_parts parts = {0};
    enum err_class class = ERR_OK;

    if (!base)
        return err_memory(err);
    if (server->kind == KEYS_PEM)
        class = url_parse_base(url, base, err);
    if (class == ERR_OK)
        class = url_split(url, &parts, err);
    if (class == ERR_OK)
        class = guard_check_url(&parts, server->allow_http, server->allow_private, err);
    if (class != ERR_OK)
        return err_wrap(err, "the address of a key server cannot be used");
    server->urls[at] = str_dup_z(server->kind == KEYS_PEM ? str_from(base->text) : url);
    return server->urls[at] ? ERR_OK : err_memory(err);
}

enum err_class key_server_init(struct key_server *server, const struct key_source_options *options,
                               struct err *err)
{
    enum err_class class = ERR_OK;

    assert(options->urls[0]);
    server->kind = options->kind;
    server->allow_http = options->allow_http;
    server->allow_private = options->allow_private;
    for (size_t i = 0; i < KEYS_URLS_MAX && options->urls[i] && class == ERR_OK; i++)
        class = add_url(server, i, str_from(options->urls[i]), err);
    return class;
}

void key_server_done(struct key_server *server)
{
    for (size_t i = 0; i < KEYS_URLS_MAX; i++)
        free(server->urls[i]);
}

/*
 * A PEM's id becomes part of a URL: letters, digits, '.', '_' and '-', without ".." and not only
 * ".". A JWKS's is only compared, and has slashes in Forge's ("forge/invocation-token/...").
 */
bool key_server_takes(const struct key_server *server, struct str kid)
{
    static const char letters[] =
        "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *allowed = server->kind == KEYS_JWKS ? letters : letters + 1;

    if (kid.len == 0 || kid.len > KEYS_KID_BYTES_MAX || str_eq(kid, STR(".")))
        return false;
    for (size_t i = 0; i < kid.len; i++)
        if (kid.ptr[i] == '\0' || !strchr(allowed, kid.ptr[i]) ||
            (i > 0 && kid.ptr[i] == '.' && kid.ptr[i - 1] == '.'))
            return false;
    return true;
}

/* Whatever it was, it is nobody's fault who sends us tokens, and may go away. */
static enum err_class broken(const char *host, struct err *err)
{
    if (err->class == ERR_CANCELLED || err->class == ERR_MEMORY)
        return err->class;

    struct err why = *err;

    return err_set(err, ERR_NETWORK, "a key to check a token with cannot be had from %s: %s", host,
                   why.msg);
}

static enum err_class exchange(const struct key_server *server, const struct ctx *ctx,
                               const char *url, struct net_response *ret, struct err *err)
{
    const struct net_request request = {
        .method = HTTP_GET,
        .url = url,
        .body_max = KEYS_BODY_BYTES_MAX,
        .total_ms = KEYS_TOTAL_MS,
        .allow_http = server->allow_http,
        .allow_private = server->allow_private,
    };
    struct net_call *call = NULL;
    enum err_class class = ctx->net->start(ctx->net_self, ctx, &request, &call, err);

    return class == ERR_OK ? ctx->net->finish(ctx->net_self, ctx, call, ret, err) : class;
}

/* Is it said that there is no such key? Buckets of objects say 403 for what they do not have. */
static bool says_absent(int status)
{
    return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

static enum err_class read_pem(struct str kid, struct str body, struct key_set *ret,
                               struct err *err)
{
    enum err_class class = rsa_key_from_pem(body, &ret->keys[0].key, err);

    if (class != ERR_OK)
        return class;
    memcpy(ret->keys[0].kid, kid.ptr, kid.len); /* fits: the kid was checked */
    ret->count = 1;
    return ERR_OK;
}

/*
 * Those keys that we could use; others (of another type or purpose) are nobody's mistake. Of two
 * with one id the first is the one that will be found.
 */
static enum err_class read_jwks(const struct key_server *server, struct str body,
                                struct key_set *ret, struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    enum err_class class = json_read(body, "its answer", &doc, err);
    yyjson_val *jwk;
    size_t i, count;

    if (class != ERR_OK)
        return class;

    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "keys");

    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > KEYS_MAX)
        return err_set(err, ERR_REMOTE, "its answer is not a list of up to %d keys (JWKS)",
                       KEYS_MAX);
    yyjson_arr_foreach(list, i, count, jwk)
    {
        struct str kid = json_str(jwk, "kid");
        struct kept *kept = &ret->keys[ret->count];

        if (!key_server_takes(server, kid))
            continue;
        class = rsa_key_from_jwk(jwk, &kept->key, err);
        if (class == ERR_MEMORY)
            return class;
        if (class != ERR_OK)
            continue;
        *kept = (struct kept){.key = kept->key};
        memcpy(kept->kid, kid.ptr, kid.len);
        ret->count++;
    }
    if (ret->count == 0)
        return err_set(err, ERR_REMOTE, "its answer holds no RSA key for signatures");
    return ERR_OK;
}

/* One URL. ERR_NOT_FOUND: this server has no such key. */
static enum err_class fetch_one(const struct key_server *server, const struct ctx *ctx,
                                const char *url, struct str kid, struct key_set *ret,
                                struct err *err)
{
    AUTO(net_response_done) struct net_response response = {0};
    AUTO(strbuf_done) struct strbuf full = STRBUF_INIT(LIMIT_URL_BYTES + KEYS_KID_BYTES_MAX);
    char host[HOST_BYTES];
    enum err_class class;

    url_show_origin(str_from(url), host, sizeof(host));
    strbuf_add_z(&full, url);
    if (server->kind == KEYS_PEM) {
        strbuf_add_char(&full, '/');
        strbuf_add_str(&full, kid); /* needs no encoding: see key_server_takes */
    }
    class = strbuf_check(&full, "the URL of a key", err);
    if (class == ERR_OK)
        class = exchange(server, ctx, strbuf_z(&full), &response, err);
    if (class != ERR_OK)
        return broken(host, err);
    if (server->kind == KEYS_PEM && says_absent(response.status))
        return err_set(err, ERR_NOT_FOUND, "%s has no such key", host);
    if (response.status != 200)
        class = err_set(err, ERR_REMOTE, "it answers with status %d", response.status);
    else if (server->kind == KEYS_PEM)
        class = read_pem(kid, strbuf_str(&response.body), ret, err);
    else
        class = read_jwks(server, strbuf_str(&response.body), ret, err);
    return class == ERR_OK ? ERR_OK : broken(host, err);
}

enum err_class key_server_fetch(const struct key_server *server, const struct ctx *ctx,
                                struct str kid, struct key_set *ret, struct err *err)
{
    struct err failure = {0};

    for (size_t i = 0; i < KEYS_URLS_MAX && server->urls[i]; i++) {
        enum err_class class = fetch_one(server, ctx, server->urls[i], kid, ret, err);

        if (class == ERR_OK || class == ERR_CANCELLED || class == ERR_MEMORY)
            return class;
        if (class != ERR_NOT_FOUND)
            failure = *err;
    }
    *err = failure; /* none: every URL says that there is no such key */
    return err->class;
}
