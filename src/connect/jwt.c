/*
 * jwt.c: reading, checking and making tokens.
 *
 * Why not libjwt: the 1.x of Debian 12 knows no JWKS, and it lets the token say which algorithm its
 * key is used with. That is how an RS256 key (which is public) becomes an HS256 secret. Here the
 * caller names the algorithm, the two checks are two functions whose keys are of two types, and
 * there is no third. What remains is base64url, JSON (base/json.h) and one call to OpenSSL.
 *
 * Tokens come from anybody, so everything is bounded before it is looked at: the size, then what
 * the JSON reader bounds, then the members of an object (they are compared in pairs). Duplicate
 * names are refused, since two readers of a token could otherwise see two different ones.
 *
 * Threads: any; nothing is kept.
 */
#include "connect/jwt.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>

#include "base/civil.h"
#include "base/limits.h"
#include "connect/base64url.h"
#include "connect/digest.h"
#include "connect/rsa.h"

#define TIME_S_MAX INT64_C(253402300799) /* the end of the year 9999 */
/* {"alg":"HS256","typ":"JWT"} */
#define HS256_HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

static const char *const alg_names[] = {[JWT_HS256] = "HS256", [JWT_RS256] = "RS256"};

void jwt_done(struct jwt *jwt)
{
    yyjson_doc_free(jwt->doc);
    *jwt = (struct jwt){0};
}

/* ---- Reading ---- */

/* Into the arena, with the padding that the JSON reader wants. */
static enum err_class decode(struct arena *arena, struct str text, const char *what,
                             struct str *ret, struct err *err)
{
    size_t room = BASE64URL_BYTES(text.len), len = 0;
    char *bytes = arena_alloc(arena, room + YYJSON_PADDING_SIZE);

    if (!bytes)
        return err_memory(err);
    if (!base64url_decode(text, bytes, room, &len))
        return err_set(err, ERR_DENIED, "the token's %s is not base64url without padding", what);
    *ret = (struct str){bytes, len};
    return ERR_OK;
}

/* One part: base64url of a JSON object. Its text is changed by the reader and is what views see. */
static enum err_class read_object(struct arena *arena, struct str text, const char *what,
                                  yyjson_doc **ret, struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct str json = {0};
    enum err_class class = decode(arena, text, what, &json, err);

    if (class != ERR_OK)
        return class;
    class = json_read_insitu((char *)(uintptr_t)json.ptr, json.len, what, &doc, err);
    if (class == ERR_MEMORY)
        return class;
    if (class != ERR_OK || !yyjson_is_obj(yyjson_doc_get_root(doc)))
        return err_set(err, ERR_DENIED,
                       "the token's %s is not a JSON object of at most %d levels in UTF-8", what,
                       LIMIT_JSON_DEPTH);
    class = json_refuse_twins(doc, JWT_MEMBERS_MAX, what, err);
    if (class == ERR_LIMIT)
        return err_set(err, ERR_DENIED, "an object in the token's %s has over %d members", what,
                       JWT_MEMBERS_MAX);
    if (class != ERR_OK)
        return err_set(err, ERR_DENIED, "a name stands twice in the token's %s", what);
    *ret = TAKE(doc);
    return ERR_OK;
}

/* Absent and null are the empty view. */
static enum err_class take_text(yyjson_val *object, const char *name, struct str *ret,
                                struct err *err)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    *ret = json_str(object, name);
    if (!ret->ptr && value && !yyjson_is_null(value))
        return err_set(err, ERR_DENIED, "the token's %s is not text", name);
    return ERR_OK;
}

/* A number in quotes or with a fraction is none: no issuer here writes such, and others argue. */
static enum err_class take_time(yyjson_val *claims, const char *name, int64_t *ret, struct err *err)
{
    yyjson_val *value = yyjson_obj_get(claims, name);

    *ret = JWT_NO_TIME;
    if (!value || yyjson_is_null(value))
        return ERR_OK;
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > (uint64_t)TIME_S_MAX)
        return err_set(err, ERR_DENIED,
                       "the token's %s is not a whole number of seconds from 1970 to the year 9999",
                       name);
    *ret = (int64_t)yyjson_get_uint(value);
    return ERR_OK;
}

static enum err_class take_audience(yyjson_val *value, struct jwt *jwt, struct err *err)
{
    if (!yyjson_is_str(value))
        return err_set(err, ERR_DENIED, "the token's aud is neither text nor a list of texts");
    if (jwt->aud_count == JWT_AUDIENCES_MAX)
        return err_set(err, ERR_DENIED, "the token is for over %d audiences", JWT_AUDIENCES_MAX);
    jwt->aud[jwt->aud_count++] = (struct str){yyjson_get_str(value), yyjson_get_len(value)};
    return ERR_OK;
}

static enum err_class take_audiences(struct jwt *jwt, struct err *err)
{
    yyjson_val *aud = yyjson_obj_get(jwt->claims, "aud"), *item;
    enum err_class class = ERR_OK;
    size_t i, count;

    if (!aud || yyjson_is_null(aud))
        return ERR_OK;
    if (!yyjson_is_arr(aud))
        return take_audience(aud, jwt, err);
    if (yyjson_arr_size(aud) == 0)
        return err_set(err, ERR_DENIED, "the token's aud is a list of nobody");
    yyjson_arr_foreach(aud, i, count, item)
    {
        if (class == ERR_OK)
            class = take_audience(item, jwt, err);
    }
    return class;
}

static enum err_class read_header(struct arena *arena, struct str text, struct jwt *jwt,
                                  struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    enum err_class class = read_object(arena, text, "header", &doc, err);

    if (class != ERR_OK)
        return class;

    yyjson_val *header = yyjson_doc_get_root(doc);
    struct str alg = json_str(header, "alg");
    size_t known = 0;

    while (known < ARRAY_LEN(alg_names) && !str_eq_z(alg, alg_names[known]))
        known++;
    if (known == ARRAY_LEN(alg_names))
        return err_set(err, ERR_DENIED, "the token is signed with neither HS256 nor RS256");
    if (yyjson_obj_get(header, "crit"))
        return err_set(err, ERR_DENIED,
                       "the token's header asks for an extension (crit), and none is known here");
    jwt->alg = (enum jwt_alg)known;
    return take_text(header, "kid", &jwt->kid, err); /* in the arena: read in place */
}

static enum err_class read_claims(struct arena *arena, struct str text, struct jwt *jwt,
                                  struct err *err)
{
    enum err_class class = read_object(arena, text, "claims", &jwt->doc, err);
    const struct {
        const char *name;
        struct str *text;
        int64_t *time_s;
    } kept[] = {
        {"iss", .text = &jwt->iss},     {"sub", .text = &jwt->sub},
        {"qsh", .text = &jwt->qsh},     {"exp", .time_s = &jwt->exp_s},
        {"nbf", .time_s = &jwt->nbf_s}, {"iat", .time_s = &jwt->iat_s},
    };

    if (class != ERR_OK)
        return class;
    jwt->claims = yyjson_doc_get_root(jwt->doc);
    for (size_t i = 0; i < ARRAY_LEN(kept) && class == ERR_OK; i++)
        class = kept[i].text ? take_text(jwt->claims, kept[i].name, kept[i].text, err)
                             : take_time(jwt->claims, kept[i].name, kept[i].time_s, err);
    return class == ERR_OK ? take_audiences(jwt, err) : class;
}

enum err_class jwt_parse(struct arena *arena, struct str token, struct jwt *ret, struct err *err)
{
    AUTO(jwt_done) struct jwt jwt = {0};
    struct str rest = {0}, signature = {0};
    struct str header = str_cut(token, '.', &rest);
    struct str claims = str_cut(rest, '.', &signature);
    enum err_class class;

    if (token.len > JWT_BYTES_MAX)
        return err_set(err, ERR_DENIED, "the token has %zu bytes; the limit is %zu", token.len,
                       JWT_BYTES_MAX);
    /* A fourth part would leave a '.' in the third, which is no base64url. */
    if (header.len == 0 || claims.len == 0 || signature.len == 0)
        return err_set(err, ERR_DENIED,
                       "the token is not made of a header, claims and a signature between dots");
    jwt.signed_part = str_sub(token, 0, header.len + 1 + claims.len);
    class = read_header(arena, header, &jwt, err);
    if (class == ERR_OK)
        class = read_claims(arena, claims, &jwt, err);
    if (class == ERR_OK)
        class = decode(arena, signature, "signature", &jwt.signature, err);
    if (class != ERR_OK)
        return class;
    *ret = jwt;
    jwt.doc = NULL;
    return ERR_OK;
}

/* ---- Checking ---- */

enum err_class jwt_require_alg(const struct jwt *jwt, enum jwt_alg alg, struct err *err)
{
    if (jwt->alg != alg)
        return err_set(err, ERR_DENIED, "the token is signed with %s; only %s is taken here",
                       alg_names[jwt->alg], alg_names[alg]);
    return ERR_OK;
}

static enum err_class check_secret(struct str secret, struct err *err)
{
    if (secret.len < JWT_SECRET_BYTES_MIN)
        return err_set(err, ERR_KEY,
                       "the shared secret has %zu bytes, and tokens need at least %d; a new "
                       "installation in Jira brings a new secret",
                       secret.len, JWT_SECRET_BYTES_MIN);
    return ERR_OK;
}

enum err_class jwt_verify_hs256(const struct jwt *jwt, struct str secret, struct err *err)
{
    enum err_class class = jwt_require_alg(jwt, JWT_HS256, err);
    bool equal = false;

    if (class == ERR_OK)
        class = check_secret(secret, err);
    if (class != ERR_OK)
        return class;
    if (jwt->signature.len == DIGEST_BYTES &&
        !digest_hmac_matches(secret, jwt->signed_part, (const unsigned char *)jwt->signature.ptr,
                             &equal))
        return err_memory(err);
    if (!equal)
        return err_set(err, ERR_DENIED,
                       "the token's signature is wrong: it was signed with another secret, or "
                       "changed on its way");
    return ERR_OK;
}

enum err_class jwt_verify_rs256(const struct jwt *jwt, const struct rsa_key *key, struct err *err)
{
    enum err_class class = jwt_require_alg(jwt, JWT_RS256, err);

    return class == ERR_OK ? rsa_key_verify(key, jwt->signed_part, jwt->signature, err) : class;
}

enum err_class jwt_check_times(const struct jwt *jwt, int64_t now_ms, int64_t skew_s,
                               int64_t max_lifetime_s, struct err *err)
{
    int64_t now_s = now_ms / MS_PER_SECOND; /* whole seconds, as the token's are */
    int64_t from_s = jwt->iat_s != JWT_NO_TIME ? jwt->iat_s : now_s;

    assert(skew_s >= 0 && skew_s <= JWT_SKEW_S_MAX);
    assert(max_lifetime_s >= 1);
    if (jwt->exp_s == JWT_NO_TIME)
        return err_set(err, ERR_DENIED, "the token never expires (it has no exp)");
    if (now_s - jwt->exp_s >= skew_s)
        return err_set(err, ERR_DENIED,
                       "the token expired %" PRId64 " s ago; if that cannot be, set the clock",
                       now_s - jwt->exp_s);
    if (jwt->nbf_s - now_s > skew_s || jwt->iat_s - now_s > skew_s)
        return err_set(err, ERR_DENIED,
                       "the token is of the future; if that cannot be, set the clock");
    if (jwt->exp_s - from_s > max_lifetime_s) /* and its iat is at most a skew from now */
        return err_set(err, ERR_DENIED,
                       "the token is valid for longer than the %" PRId64 " s that are taken here",
                       max_lifetime_s);
    return ERR_OK;
}

/* ---- Making ---- */

enum err_class jwt_sign_hs256(struct str claims, struct str secret, struct strbuf *ret,
                              struct err *err)
{
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT(JWT_BYTES_MAX);
    unsigned char mac[DIGEST_BYTES];
    enum err_class class = check_secret(secret, err);

    assert(claims.len >= 2 && claims.ptr[0] == '{' && claims.ptr[claims.len - 1] == '}');
    if (class != ERR_OK)
        return class;
    strbuf_add_str(&token, STR(HS256_HEADER));
    base64url_add(&token, claims.ptr, claims.len);
    if (token.failed == ERR_OK && !digest_hmac_sha256(secret, strbuf_str(&token), mac))
        return err_memory(err);
    strbuf_add_char(&token, '.');
    base64url_add(&token, mac, sizeof(mac));
    class = strbuf_check(&token, "the token", err);
    if (class != ERR_OK)
        return class;
    strbuf_add_str(ret, strbuf_str(&token));
    sodium_memzero(token.ptr, token.room);
    return strbuf_check(ret, "the token", err);
}
