/*
 * jwt.c: tokens from anybody.
 *
 * The input is a token, or, after a first line "sign", the header, the claims and the seconds of
 * the clock on three lines, which are then signed here, so that the fuzzer gets behind the
 * signature. Holds: what is taken has three parts in canonical base64url, with headers and claims
 * that yyjson reads as objects without duplicate names; what is kept of them is what yyjson says; a
 * token that was signed verifies, for its own secret only and only under its own algorithm; one
 * that is valid by its times is so by a plain reading of them.
 */
#include <sodium.h>

#include "connect/jwt.h"
#include "fuzz.h"

#define SECRET STR("a-secret-of-more-than-32-bytes-for-fuzzing")
#define OTHER STR("b-secret-of-more-than-32-bytes-for-fuzzing")
#define SKEW_S 60
#define LIFETIME_S 900
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void add_base64url(struct strbuf *buf, struct str bytes)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, VARIANT);
    char *at = strbuf_grow(buf, room - 1);

    FUZZ_CHECK(at);
    sodium_bin2base64(at, room, (const unsigned char *)bytes.ptr, bytes.len, VARIANT);
}

static void hmac(struct str secret, struct str text, unsigned char ret[32])
{
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.ptr, text.len);
    (void)crypto_auth_hmacsha256_final(&state, ret);
}

static void sign(struct str header, struct str claims, struct strbuf *ret)
{
    unsigned char mac[32];

    add_base64url(ret, header);
    strbuf_add_char(ret, '.');
    add_base64url(ret, claims);
    hmac(SECRET, strbuf_str(ret), mac);
    strbuf_add_char(ret, '.');
    add_base64url(ret, (struct str){(const char *)mac, sizeof(mac)});
}

/* The bytes of a part, by a loop over its bits; false unless encoding them gives the part again. */
static bool decode(struct str part, struct strbuf *ret)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT(2 * JWT_BYTES_MAX);
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < part.len; i++) {
        const char *at = memchr(alphabet, part.ptr[i], 64);

        if (!at)
            return false;
        held = held << 6 | (unsigned)(at - alphabet);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            strbuf_add_char(ret, (char)(held >> bits & 0xff));
        }
    }
    add_base64url(&again, strbuf_str(ret));
    return str_eq(strbuf_str(&again), part);
}

/* No object has a name twice; recursion is bounded by what the reader has checked. */
static bool names_are_single(yyjson_val *value)
{
    yyjson_val *name, *item, *other;
    size_t i, k, count, count2;

    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, count, item)
        {
            if (!names_are_single(item))
                return false;
        }
    } else if (yyjson_is_obj(value)) {
        yyjson_obj_foreach(value, i, count, name, item)
        {
            unsigned same = 0;
            yyjson_val *key;

            yyjson_obj_foreach(value, k, count2, key, other)
            {
                same += yyjson_equals(key, name);
            }
            if (same != 1 || !names_are_single(item))
                return false;
        }
    }
    return true;
}

static void check_text(yyjson_val *object, const char *name, struct str kept)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    if (yyjson_is_str(value)) {
        FUZZ_CHECK(kept.ptr && kept.len == yyjson_get_len(value));
        FUZZ_CHECK(memcmp(kept.ptr, yyjson_get_str(value), kept.len) == 0);
    } else {
        FUZZ_CHECK(!value || yyjson_is_null(value));
        FUZZ_CHECK(kept.len == 0);
    }
}

static void check_time(yyjson_val *object, const char *name, int64_t kept)
{
    yyjson_val *value = yyjson_obj_get(object, name);

    if (!value || yyjson_is_null(value)) {
        FUZZ_CHECK(kept == JWT_NO_TIME);
        return;
    }
    FUZZ_CHECK(yyjson_is_uint(value) && (int64_t)yyjson_get_uint(value) == kept);
    FUZZ_CHECK(kept >= 0 && kept <= INT64_C(253402300799));
}

static void check_audience(yyjson_val *claims, const struct jwt *jwt)
{
    yyjson_val *aud = yyjson_obj_get(claims, "aud"), *item;
    size_t i, count;

    if (yyjson_is_arr(aud)) {
        FUZZ_CHECK(yyjson_arr_size(aud) == jwt->aud_count && jwt->aud_count > 0);
        FUZZ_CHECK(jwt->aud_count <= JWT_AUDIENCES_MAX);
        yyjson_arr_foreach(aud, i, count, item)
        {
            FUZZ_CHECK(yyjson_is_str(item));
            FUZZ_CHECK(yyjson_equals_strn(item, jwt->aud[i].ptr, jwt->aud[i].len));
        }
    } else if (yyjson_is_str(aud)) {
        FUZZ_CHECK(jwt->aud_count == 1);
        FUZZ_CHECK(yyjson_equals_strn(aud, jwt->aud[0].ptr, jwt->aud[0].len));
    } else {
        FUZZ_CHECK(jwt->aud_count == 0 && (!aud || yyjson_is_null(aud)));
    }
}

static void check_header(struct str part, const struct jwt *jwt)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(JWT_BYTES_MAX);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;

    FUZZ_CHECK(decode(part, &text));
    doc = yyjson_read(text.ptr, text.len, 0);

    yyjson_val *header = yyjson_doc_get_root(doc);

    FUZZ_CHECK(yyjson_is_obj(header) && names_are_single(header));
    FUZZ_CHECK(yyjson_equals_str(yyjson_obj_get(header, "alg"),
                                 jwt->alg == JWT_HS256 ? "HS256" : "RS256"));
    FUZZ_CHECK(!yyjson_obj_get(header, "crit"));
    check_text(header, "kid", jwt->kid);
}

static void check_claims(struct str part, const struct jwt *jwt)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(JWT_BYTES_MAX);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;

    FUZZ_CHECK(decode(part, &text));
    doc = yyjson_read(text.ptr, text.len, 0);

    yyjson_val *claims = yyjson_doc_get_root(doc);

    FUZZ_CHECK(yyjson_is_obj(claims) && names_are_single(claims));
    FUZZ_CHECK(yyjson_equals(claims, jwt->claims));
    check_text(claims, "iss", jwt->iss);
    check_text(claims, "sub", jwt->sub);
    check_text(claims, "qsh", jwt->qsh);
    check_time(claims, "exp", jwt->exp_s);
    check_time(claims, "nbf", jwt->nbf_s);
    check_time(claims, "iat", jwt->iat_s);
    check_audience(claims, jwt);
}

static void check_signature(struct str part, const struct jwt *jwt)
{
    AUTO(strbuf_done) struct strbuf bytes = STRBUF_INIT(JWT_BYTES_MAX);
    unsigned char mac[32];
    struct err err = {0};

    FUZZ_CHECK(decode(part, &bytes));
    FUZZ_CHECK(str_eq(strbuf_str(&bytes), jwt->signature) && bytes.len > 0);
    hmac(SECRET, jwt->signed_part, mac);

    bool right = jwt->alg == JWT_HS256 && bytes.len == 32 && memcmp(bytes.ptr, mac, 32) == 0;
    enum err_class class = jwt_verify_hs256(jwt, SECRET, &err);

    FUZZ_CHECK(class == (right ? ERR_OK : ERR_DENIED));
    if (!right)
        fuzz_check_error(&err, class);
    if (right)
        FUZZ_CHECK(jwt_verify_hs256(jwt, OTHER, &err) == ERR_DENIED);
    /* The key is not looked at: there is none. */
    if (jwt->alg == JWT_HS256)
        FUZZ_CHECK(jwt_verify_rs256(jwt, NULL, &err) == ERR_DENIED);
}

static void check_times(const struct jwt *jwt, int64_t now_s)
{
    struct err err = {0};
    enum err_class class = jwt_check_times(jwt, now_s * 1000, SKEW_S, LIFETIME_S, &err);

    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        return;
    }
    FUZZ_CHECK(jwt->exp_s >= 0 && now_s < jwt->exp_s + SKEW_S);
    FUZZ_CHECK(jwt->exp_s <= now_s + LIFETIME_S + SKEW_S);
    FUZZ_CHECK(jwt->nbf_s <= now_s + SKEW_S && jwt->iat_s <= now_s + SKEW_S);
    FUZZ_CHECK(jwt->iat_s < 0 || jwt->exp_s - jwt->iat_s <= LIFETIME_S);
}

/* Claims that were taken once can be signed by us, and are read again as they were. */
static void check_own(struct arena *arena, const struct jwt *jwt)
{
    AUTO(strbuf_done) struct strbuf made = STRBUF_INIT(2 * JWT_BYTES_MAX);
    AUTO(jwt_done) struct jwt again = {0};
    AUTO(free_autop) char *text = NULL;
    struct err err = {0};
    size_t len = 0;

    text = yyjson_val_write(jwt->claims, 0, &len);
    if (!text) /* a lone infinity and the like cannot be in it, memory can be short */
        return;

    enum err_class class = jwt_sign_hs256((struct str){text, len}, SECRET, &made, &err);

    FUZZ_CHECK(class == ERR_OK || class == ERR_LIMIT);
    if (class != ERR_OK)
        return;
    FUZZ_CHECK(jwt_parse(arena, strbuf_str(&made), &again, &err) == ERR_OK);
    FUZZ_CHECK(jwt_verify_hs256(&again, SECRET, &err) == ERR_OK);
    FUZZ_CHECK(yyjson_equals(jwt->claims, again.claims));
}

static void check_token(struct arena *arena, struct str token, int64_t now_s)
{
    AUTO(free_autop) char *bytes = fuzz_exact(token);
    AUTO(jwt_done) struct jwt jwt = {0};
    struct str rest = {0}, signature = {0}, exact = {bytes, token.len};
    struct str header = str_cut(exact, '.', &rest);
    struct str claims = str_cut(rest, '.', &signature);
    struct err err = {0};
    enum err_class class = jwt_parse(arena, exact, &jwt, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_DENIED && !jwt.doc);
        fuzz_check_error(&err, class);
        return;
    }
    FUZZ_CHECK(token.len <= JWT_BYTES_MAX);
    check_header(header, &jwt);
    check_claims(claims, &jwt);
    check_signature(signature, &jwt);
    check_times(&jwt, now_s);
    check_own(arena, &jwt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)1 << 20);
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT((size_t)8 << 20);
    struct str input = fuzz_str(data, size), rest = input;
    int64_t now_s = INT64_C(1768471200);

    FUZZ_CHECK(arena);
    if (!str_eq(fuzz_line(&rest), STR("sign"))) {
        check_token(arena, input, now_s);
        return 0;
    }

    struct str header = fuzz_line(&rest), claims = fuzz_line(&rest);

    if (!parse_i64(fuzz_line(&rest), 0, INT64_C(253402300799), &now_s))
        now_s = INT64_C(1768471200);
    sign(header, claims, &token);
    FUZZ_CHECK(token.failed == ERR_OK);
    check_token(arena, strbuf_str(&token), now_s);
    return 0;
}
