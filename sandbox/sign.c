/* sign.c: RS256, HS256 and the query string hash, by OpenSSL. */
/* First, since OpenSSL's headers use names that base/banned.h forbids. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include "sign.h"

#include <stdlib.h>

#define RSA_BITS 2048
#define TOKEN_BYTES ((size_t)64 * 1024)
#define PARAMS_MAX 200

struct signer {
    EVP_PKEY *key;
};

struct signer *signer_new(void)
{
    struct signer *signer = calloc(1, sizeof(*signer));

    if (signer)
        signer->key = EVP_RSA_gen(RSA_BITS);
    if (signer && signer->key)
        return signer;
    free(signer);
    return NULL;
}

void signer_free(struct signer *signer)
{
    if (signer)
        EVP_PKEY_free(signer->key);
    free(signer);
}

void signer_pem(const struct signer *signer, struct strbuf *ret)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (bio && PEM_write_bio_PUBKEY(bio, signer->key) == 1) {
        long len = BIO_get_mem_data(bio, &text);

        strbuf_add(ret, text, len > 0 ? (size_t)len : 0);
    }
    (void)BIO_free(bio);
}

/* ---- base64url ---- */

static void add_base64url(struct strbuf *buf, const void *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *bytes = data;

    for (size_t i = 0; i < len; i += 3) {
        unsigned word = (unsigned)bytes[i] << 16 | (i + 1 < len ? (unsigned)bytes[i + 1] << 8 : 0) |
                        (i + 2 < len ? bytes[i + 2] : 0);

        strbuf_add_char(buf, digits[word >> 18]);
        strbuf_add_char(buf, digits[word >> 12 & 63]);
        if (i + 1 < len)
            strbuf_add_char(buf, digits[word >> 6 & 63]);
        if (i + 2 < len)
            strbuf_add_char(buf, digits[word & 63]);
    }
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

static bool read_base64url(struct str text, struct strbuf *ret)
{
    unsigned word = 0, bits = 0;

    for (size_t i = 0; i < text.len; i++) {
        int digit = digit_of(text.ptr[i]);

        if (digit < 0)
            return false;
        word = word << 6 | (unsigned)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            strbuf_add_char(ret, (char)(word >> bits & 0xff));
        }
    }
    return text.len % 4 != 1;
}

/* ---- Tokens ---- */

void signer_jwks(const struct signer *signer, struct strbuf *ret)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E};
    unsigned char bytes[RSA_BITS / 8];

    strbuf_add_z(ret, "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":"
                      "\"" SIGNER_KID "\"");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        BIGNUM *number = NULL;
        int len = 0;

        if (EVP_PKEY_get_bn_param(signer->key, names[i], &number) == 1 &&
            BN_num_bytes(number) <= (int)sizeof(bytes))
            len = BN_bn2bin(number, bytes);
        strbuf_addf(ret, ",\"%s\":\"", names[i]);
        add_base64url(ret, bytes, len > 0 ? (size_t)len : 0);
        strbuf_add_char(ret, '"');
        BN_free(number);
    }
    strbuf_add_z(ret, "}]}");
}

static void begin_token(struct strbuf *token, const char *header, struct str claims)
{
    add_base64url(token, header, strlen(header));
    strbuf_add_char(token, '.');
    add_base64url(token, claims.ptr, claims.len);
}

bool sign_rs256(const struct signer *signer, struct str claims, struct strbuf *ret)
{
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(TOKEN_BYTES);
    unsigned char signature[RSA_BITS / 8];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    begin_token(&token, "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"" SIGNER_KID "\"}", claims);

    bool fine =
        ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signer->key) == 1 &&
        EVP_DigestSign(ctx, signature, &len, (const unsigned char *)token.ptr, token.len) == 1;

    EVP_MD_CTX_free(ctx);
    strbuf_add_char(&token, '.');
    add_base64url(&token, signature, len);
    strbuf_add_str(ret, strbuf_str(&token));
    return fine && token.failed == ERR_OK && ret->failed == ERR_OK;
}

static bool hmac(struct str secret, struct str text, unsigned char ret[SHA256_DIGEST_LENGTH])
{
    unsigned len = SHA256_DIGEST_LENGTH;

    return HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)text.ptr,
                text.len, ret, &len) != NULL;
}

bool sign_hs256(struct str secret, struct str claims, struct strbuf *ret)
{
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(TOKEN_BYTES);
    unsigned char mac[SHA256_DIGEST_LENGTH];

    begin_token(&token, "{\"typ\":\"JWT\",\"alg\":\"HS256\"}", claims);
    if (!hmac(secret, strbuf_str(&token), mac))
        return false;
    strbuf_add_char(&token, '.');
    add_base64url(&token, mac, sizeof(mac));
    strbuf_add_str(ret, strbuf_str(&token));
    return token.failed == ERR_OK && ret->failed == ERR_OK;
}

bool sign_none(struct str claims, struct strbuf *ret)
{
    begin_token(ret, "{\"typ\":\"JWT\",\"alg\":\"none\"}", claims);
    strbuf_add_char(ret, '.');
    return ret->failed == ERR_OK;
}

yyjson_doc *sign_read(struct str token)
{
    struct strbuf json AUTO(strbuf_done) = STRBUF_INIT(TOKEN_BYTES);
    struct str rest = {NULL, 0};
    struct err err;
    yyjson_doc *doc = NULL;

    (void)str_cut(token, '.', &rest);
    if (!read_base64url(str_cut(rest, '.', &rest), &json))
        return NULL;
    return json_read(strbuf_str(&json), "a token", &doc, &err) == ERR_OK ? doc : NULL;
}

yyjson_doc *sign_read_hs256(struct str secret, struct str token)
{
    struct strbuf given AUTO(strbuf_done) = STRBUF_INIT(TOKEN_BYTES);
    struct strbuf header AUTO(strbuf_done) = STRBUF_INIT(TOKEN_BYTES);
    unsigned char mac[SHA256_DIGEST_LENGTH];
    size_t at = token.len;
    struct str rest = {NULL, 0};

    while (at > 0 && token.ptr[at - 1] != '.')
        at--;
    if (at == 0 || !read_base64url(str_sub(token, at, token.len), &given) ||
        !read_base64url(str_cut(token, '.', &rest), &header) ||
        !hmac(secret, str_sub(token, 0, at - 1), mac))
        return NULL;
    if (!strstr(strbuf_z(&header), "\"HS256\"") || given.len != sizeof(mac) ||
        memcmp(given.ptr, mac, sizeof(mac)) != 0)
        return NULL;
    return sign_read(token);
}

/* ---- The query string hash (Atlassian: "Query string hash") ---- */

struct pair {
    struct str name, value; /* decoded */
};

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str decode(struct arena *arena, struct str text)
{
    char *to = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; to && i < text.len; i++) {
        if (text.ptr[i] == '%' && i + 2 < text.len && hex_of(text.ptr[i + 1]) >= 0 &&
            hex_of(text.ptr[i + 2]) >= 0) {
            to[len++] = (char)(hex_of(text.ptr[i + 1]) << 4 | hex_of(text.ptr[i + 2]));
            i += 2;
        } else {
            to[len++] = text.ptr[i] == '+' ? ' ' : text.ptr[i];
        }
    }
    return (struct str){to, len};
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *one = a, *two = b;
    int order = str_cmp(one->name, two->name);

    return order ? order : str_cmp(one->value, two->value);
}

static void add_encoded(struct strbuf *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c));

        if (plain)
            strbuf_add_char(to, (char)c);
        else
            strbuf_addf(to, "%%%02X", c);
    }
}

static void add_query(struct arena *arena, struct strbuf *to, struct str query)
{
    struct pair pairs[PARAMS_MAX];
    size_t count = 0;

    while (query.len > 0 && count < PARAMS_MAX) {
        struct str value = {NULL, 0}, rest = {NULL, 0};
        struct str name = str_cut(str_cut(query, '&', &rest), '=', &value);

        query = rest;
        if (name.len > 0 && !str_eq(name, STR("jwt")))
            pairs[count++] = (struct pair){decode(arena, name), decode(arena, value)};
    }
    qsort(pairs, count, sizeof(pairs[0]), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_eq(pairs[i].name, pairs[i - 1].name)) {
            strbuf_add_char(to, ',');
        } else {
            strbuf_add_z(to, i > 0 ? "&" : "");
            add_encoded(to, pairs[i].name);
            strbuf_add_char(to, '=');
        }
        add_encoded(to, pairs[i].value);
    }
}

void sign_qsh(struct arena *arena, struct str method, struct str path, struct strbuf *ret)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(TOKEN_BYTES);
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct str query = {NULL, 0};

    path = str_cut(path, '?', &query);
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    strbuf_add_str(&text, method);
    strbuf_add_char(&text, '&');
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] == '&')
            strbuf_add_z(&text, "%26");
        else
            strbuf_add_char(&text, path.ptr[i]);
    strbuf_add_z(&text, path.len > 0 ? "&" : "/&");
    add_query(arena, &text, query);
    (void)SHA256((const unsigned char *)text.ptr, text.len, hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        strbuf_addf(ret, "%02x", hash[i]);
}
