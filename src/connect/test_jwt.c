/*
 * Tests of jwt.c: what is read, what is refused, and the ways in which tokens have been forged
 * elsewhere. Tokens are made by tests/lib/rsa_signer.c or by hand, by none of the code under test.
 */
#include "connect/jwt.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/rsa_signer.h"
#include "connect/rsa.h"

#define SECRET STR("a-secret-of-more-than-32-bytes-for-tests")
#define HS256 "{\"typ\":\"JWT\",\"alg\":\"HS256\"}"
#define RS256 "{\"alg\":\"RS256\",\"kid\":\"key-1\"}"
#define NOW_S INT64_C(1768471200)

/* Memory of one test: an arena and the token that is being looked at. */
struct world {
    struct arena *arena;
    struct strbuf token;
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->arena = arena_new((size_t)8 << 20);
    assert_non_null(w->arena);
    w->token = STRBUF_INIT((size_t)1 << 20);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;

    arena_free(w->arena);
    strbuf_done(&w->token);
    free(w);
    return 0;
}

/* Signs with HMAC-SHA-256 by libsodium, whatever the header says. */
static struct str hs256_bytes(struct world *w, struct str header, struct str claims,
                              struct str secret)
{
    crypto_auth_hmacsha256_state hmac;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    strbuf_reset(&w->token);
    rsa_signer_base64url(header, &w->token);
    strbuf_add_char(&w->token, '.');
    rsa_signer_base64url(claims, &w->token);
    (void)crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)secret.ptr, secret.len);
    (void)crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)w->token.ptr, w->token.len);
    (void)crypto_auth_hmacsha256_final(&hmac, mac);
    strbuf_add_char(&w->token, '.');
    rsa_signer_base64url((struct str){(const char *)mac, sizeof(mac)}, &w->token);
    return strbuf_str(&w->token);
}

static struct str hs256(struct world *w, const char *header, const char *claims)
{
    return hs256_bytes(w, str_from(header), str_from(claims), SECRET);
}

static struct str rs256(struct world *w, const char *header, const char *claims)
{
    strbuf_reset(&w->token);
    rsa_signer_token(RSA_SIGNER_A, header, claims, &w->token);
    return strbuf_str(&w->token);
}

static struct rsa_key *key_of(enum rsa_signer signer)
{
    struct rsa_key *key = NULL;
    struct err err = {0};

    assert_int_equal(rsa_key_from_pem(str_from(rsa_signer_pem(signer)), &key, &err), ERR_OK);
    return key;
}

/* Refused when it is read, with a sentence that holds `says` and nothing of the token's content. */
static void assert_refused(struct world *w, struct str token, const char *says)
{
    struct jwt jwt = {.alg = (enum jwt_alg)77};
    struct err err = {0};

    assert_int_equal(jwt_parse(w->arena, token, &jwt, &err), ERR_DENIED);
    if (!strstr(err.msg, says))
        print_error("said: %s\nexpected: %s\n", err.msg, says);
    assert_non_null(strstr(err.msg, says));
    assert_null(strstr(err.msg, "secret"));
    assert_int_equal(jwt.alg, 77); /* untouched */
}

static void assert_header_refused(struct world *w, const char *header, const char *says)
{
    assert_refused(w, hs256(w, header, "{\"exp\":1}"), says);
}

static void assert_claims_refused(struct world *w, const char *claims, const char *says)
{
    assert_refused(w, hs256(w, HS256, claims), says);
}

static void assert_parses(struct world *w, struct str token, struct jwt *ret)
{
    struct err err = {0};
    enum err_class class = jwt_parse(w->arena, token, ret, &err);

    if (class != ERR_OK)
        print_error("%s\n", err.msg);
    assert_int_equal(class, ERR_OK);
}

/* ---- Reading ---- */

static void all_that_a_token_says_is_read(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};
    struct str token = rs256(
        w, "{\"alg\":\"RS256\",\"kid\":\"key-1\",\"typ\":\"JWT\",\"jku\":\"https://x.example\"}",
        "{\"iss\":\"forge/invocation-token\",\"sub\":\"person\",\"aud\":[\"app\",\"other\"],"
        "\"exp\":1768471380,\"nbf\":1768471200,\"iat\":1768471199,\"qsh\":\"hash\","
        "\"app\":{\"id\":\"deep\"},\"caf\\u00e9\":\"\\u00e9\"}");

    assert_parses(w, token, &jwt);
    assert_int_equal(jwt.alg, JWT_RS256);
    assert_true(str_eq_z(jwt.kid, "key-1"));
    assert_true(str_eq_z(jwt.iss, "forge/invocation-token"));
    assert_true(str_eq_z(jwt.sub, "person"));
    assert_true(str_eq_z(jwt.qsh, "hash"));
    assert_int_equal(jwt.aud_count, 2);
    assert_true(str_eq_z(jwt.aud[0], "app"));
    assert_true(str_eq_z(jwt.aud[1], "other"));
    assert_int_equal(jwt.exp_s, 1768471380);
    assert_int_equal(jwt.nbf_s, 1768471200);
    assert_int_equal(jwt.iat_s, 1768471199);
    assert_true(str_eq_z(json_str(yyjson_obj_get(jwt.claims, "app"), "id"), "deep"));
    assert_true(str_eq_z(json_str(jwt.claims, "caf\xc3\xa9"), "\xc3\xa9"));
    assert_int_equal(jwt.signature.len, 256);
}

static void what_is_not_told_is_empty(void **state)
{
    struct world *w = *state;
    static const char *const claims[] = {
        "{}",
        "{\"iss\":null,\"sub\":null,\"aud\":null,\"exp\":null,\"nbf\":null,\"iat\":null,"
        "\"qsh\":null}",
    };

    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        AUTO(jwt_done) struct jwt jwt = {0};

        assert_parses(w, hs256(w, HS256, claims[i]), &jwt);
        assert_int_equal(jwt.kid.len + jwt.iss.len + jwt.sub.len + jwt.qsh.len + jwt.aud_count, 0);
        assert_int_equal(jwt.exp_s, JWT_NO_TIME);
        assert_int_equal(jwt.nbf_s, JWT_NO_TIME);
        assert_int_equal(jwt.iat_s, JWT_NO_TIME);
    }
}

static void an_audience_may_be_one_text_and_up_to_eight(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};

    assert_parses(w, hs256(w, HS256, "{\"aud\":\"one\"}"), &jwt);
    assert_int_equal(jwt.aud_count, 1);
    assert_true(str_eq_z(jwt.aud[0], "one"));
    jwt_done(&jwt);
    assert_parses(w, hs256(w, HS256, "{\"aud\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}"),
                  &jwt);
    assert_int_equal(jwt.aud_count, 8);
    assert_true(str_eq_z(jwt.aud[7], "8"));
    assert_claims_refused(w, "{\"aud\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
                          "audiences");
    assert_claims_refused(w, "{\"aud\":[]}", "aud");
    assert_claims_refused(w, "{\"aud\":[\"a\",1]}", "aud");
    assert_claims_refused(w, "{\"aud\":[[\"a\"]]}", "aud");
    assert_claims_refused(w, "{\"aud\":{\"a\":1}}", "aud");
    assert_claims_refused(w, "{\"aud\":7}", "aud");
}

static void only_two_algorithms_exist(void **state)
{
    struct world *w = *state;
    static const char *const algs[] = {
        "\"none\"",   "\"None\"",         "\"NONE\"",          "\"nOnE\"",  "\"\"",
        "\"HS384\"",  "\"HS512\"",        "\"RS384\"",         "\"RS512\"", "\"PS256\"",
        "\"ES256\"",  "\"EdDSA\"",        "\"hs256\"",         "\"Hs256\"", "\"HS256 \"",
        "\" HS256\"", "\"HS256\\u0000\"", "\"HS256\\n\"",      "null",      "true",
        "256",        "[\"HS256\"]",      "{\"a\":\"HS256\"}", "\"HS25\"",  "\"HS2566\"",
    };

    for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
        char header[100];

        (void)snprintf(header, sizeof(header), "{\"typ\":\"JWT\",\"alg\":%s}", algs[i]);
        assert_header_refused(w, header, "neither HS256 nor RS256");
    }
    assert_header_refused(w, "{}", "neither HS256 nor RS256");
    assert_header_refused(w, "{\"Alg\":\"HS256\"}", "neither HS256 nor RS256");
}

static void a_header_that_asks_for_an_extension_is_refused(void **state)
{
    struct world *w = *state;

    assert_header_refused(w, "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "crit");
    assert_header_refused(w, "{\"alg\":\"HS256\",\"crit\":[]}", "crit");
    assert_header_refused(w, "{\"alg\":\"HS256\",\"crit\":null}", "crit");
    assert_header_refused(w, "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", "crit");
}

static void a_kid_is_text(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};

    assert_header_refused(w, "{\"alg\":\"HS256\",\"kid\":[\"a\"]}", "kid is not text");
    assert_header_refused(w, "{\"alg\":\"HS256\",\"kid\":1}", "kid is not text");
    assert_header_refused(w, "{\"alg\":\"HS256\",\"kid\":{}}", "kid is not text");
    /* Whether it can be a key's id is keys.c's business. */
    assert_parses(w, hs256(w, "{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}", "{}"), &jwt);
    assert_true(str_eq_z(jwt.kid, "../../etc/passwd"));
}

static void a_name_may_not_stand_twice(void **state)
{
    struct world *w = *state;

    assert_header_refused(w, "{\"alg\":\"HS256\",\"alg\":\"none\"}", "twice in the token's header");
    assert_header_refused(w, "{\"alg\":\"none\",\"alg\":\"HS256\"}", "twice in the token's header");
    assert_header_refused(w, "{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", "twice");
    assert_claims_refused(w, "{\"exp\":1,\"exp\":9}", "twice in the token's claims");
    assert_claims_refused(w, "{\"exp\":1,\"a\":[{\"b\":{\"c\":1,\"d\":2,\"c\":3}}]}", "twice");
}

static void a_name_may_stand_in_two_objects(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};

    assert_parses(w, hs256(w, HS256, "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}"),
                  &jwt);
}

static void parts_are_three_and_none_is_empty(void **state)
{
    struct world *w = *state;
    static const char *const tokens[] = {"", ".", "..", "...", "a", "a.b", "a.b.", ".b.c", "a..c"};

    for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
        assert_refused(w, str_from(tokens[i]), "not made of a header");
    /* A good one with its signature taken off, as for "none". */
    struct str token = hs256(w, HS256, "{\"exp\":1}");
    size_t dot = token.len - 43; /* 32 bytes in base64url */

    assert_refused(w, str_sub(token, 0, dot), "not made of a header");
    assert_refused(w, str_sub(token, 0, dot - 1), "not made of a header");
    strbuf_add_z(&w->token, ".e30");
    assert_refused(w, strbuf_str(&w->token), "signature is not base64url");
}

static void base64url_has_one_form(void **state)
{
    struct world *w = *state;
    static const char *const endings[] = {"=", "==", " ", "\n", "\r\n", "+", "/", ".", "!"};

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        (void)hs256(w, HS256, "{\"exp\":1}");
        strbuf_add_z(&w->token, endings[i]);
        assert_refused(w, strbuf_str(&w->token), "signature is not base64url");
    }
    /* What libsodium would take for letters: it compares them in seven bits. */
    (void)hs256(w, HS256, "{\"exp\":1}");
    for (unsigned c = 0x80; c < 0x100; c++) {
        w->token.ptr[w->token.len - 10] = (char)c;
        assert_refused(w, strbuf_str(&w->token), "signature is not base64url");
    }
    /* A NUL at the end, and a signature with what is not of the alphabet in the middle. */
    (void)hs256(w, HS256, "{\"exp\":1}");
    strbuf_add_char(&w->token, '\0');
    assert_refused(w, strbuf_str(&w->token), "signature is not base64url");
    (void)hs256(w, HS256, "{\"exp\":1}");
    w->token.ptr[w->token.len - 10] = '%';
    assert_refused(w, strbuf_str(&w->token), "signature is not base64url");
}

static void bits_left_over_must_be_zero(void **state)
{
    struct world *w = *state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned taken = 0;

    /* 32 bytes end in a character with two bits too many: four characters decode to one byte. */
    (void)hs256(w, HS256, "{\"exp\":1}");
    for (size_t i = 0; i < 64; i++) {
        AUTO(jwt_done) struct jwt jwt = {0};
        struct err err = {0};

        w->token.ptr[w->token.len - 1] = alphabet[i];
        taken += jwt_parse(w->arena, strbuf_str(&w->token), &jwt, &err) == ERR_OK;
    }
    assert_int_equal(taken, 16);
}

static void parts_are_json_objects_in_utf8(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "[]",
        "\"a\"",
        "1",
        "null",
        "{",
        "{}x",
        "{}{}",
        "{'a':1}",
        "{\"a\":1,}",
        "{a:1}",
        "\xef\xbb\xbf{}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"\xfe\":1}",
        "{\"a\":\"\\ud800\"}",
        "// x\n{}",
        "{\"a\":\"\n\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_header_refused(w, texts[i], "header is not a JSON object");
        assert_claims_refused(w, texts[i], "claims is not a JSON object");
    }
    /* A NUL ends nothing. */
    assert_refused(w, hs256_bytes(w, STR(HS256 "\0"), STR("{}"), SECRET), "header is not a JSON");
    assert_refused(w, hs256_bytes(w, STR(HS256), STR("{\"exp\":1\0}"), SECRET), "claims is not");
}

static void white_space_around_json_is_taken(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};

    assert_parses(w, hs256(w, " \n" HS256 "\n", "\t{ \"exp\" : 5 }\r\n"), &jwt);
    assert_int_equal(jwt.exp_s, 5);
}

static void ten_thousand_levels_are_refused(void **state)
{
    struct world *w = *state;
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(40000);

    /* As many as fit into the size limit, and ten thousand, which do not. */
    for (int levels = 5000; levels <= 10000; levels += 5000) {
        strbuf_reset(&claims);
        strbuf_add_z(&claims, "{\"a\":");
        for (int i = 0; i < levels; i++)
            strbuf_add_char(&claims, '[');
        for (int i = 0; i < levels; i++)
            strbuf_add_char(&claims, ']');
        strbuf_add_char(&claims, '}');
        assert_claims_refused(w, strbuf_z(&claims), levels == 5000 ? "levels" : "the limit is");
    }
}

static void the_size_is_limited_to_the_byte(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(40000);
    struct str token;

    strbuf_add_z(&claims, "{\"a\":\"");
    while (claims.len < 12000)
        strbuf_add_char(&claims, 'x');
    strbuf_add_z(&claims, "\"}");
    assert_parses(w, hs256(w, HS256, strbuf_z(&claims)), &jwt);
    while ((token = hs256(w, HS256, strbuf_z(&claims))).len <= JWT_BYTES_MAX) {
        claims.len -= 2;
        strbuf_add_z(&claims, "x\"}");
    }
    assert_true(token.len <= JWT_BYTES_MAX + 2);
    assert_refused(w, token, "the limit is 16384");
}

static void members_of_an_object_are_limited(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(40000);

    strbuf_add_char(&claims, '{');
    for (int i = 0; i < JWT_MEMBERS_MAX; i++)
        strbuf_addf(&claims, "%s\"m%d\":%d", i ? "," : "", i, i);
    strbuf_add_char(&claims, '}');
    assert_parses(w, hs256(w, HS256, strbuf_z(&claims)), &jwt);
    claims.len--;
    strbuf_add_z(&claims, ",\"one more\":1}");
    assert_claims_refused(w, strbuf_z(&claims), "members");
}

static void texts_and_times_are_of_their_type(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"exp", "nbf", "iat"};
    static const char *const wrong_times[] = {
        "\"1768471380\"",
        "1768471380.5",
        "1768471380.0",
        "1e9",
        "-1",
        "-0.0",
        "true",
        "[]",
        "{}",
        "253402300800",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "123456789012345678901234567890",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (size_t k = 0; k < ARRAY_LEN(wrong_times); k++) {
            char claims[100];

            (void)snprintf(claims, sizeof(claims), "{\"%s\":%s}", names[i], wrong_times[k]);
            assert_claims_refused(w, claims, strcmp(wrong_times[k], "1e400") ? names[i] : "JSON");
        }
    assert_claims_refused(w, "{\"iss\":1}", "iss is not text");
    assert_claims_refused(w, "{\"sub\":[\"a\"]}", "sub is not text");
    assert_claims_refused(w, "{\"qsh\":false}", "qsh is not text");
}

static void a_full_arena_is_an_error(void **state)
{
    struct world *w = *state;
    struct str token = rs256(w, RS256, "{\"exp\":1}");
    unsigned failed = 0;

    for (size_t room = 0; room < 1000; room += 16) {
        AUTO(arena_free_autop) struct arena *arena = arena_new(room);
        AUTO(jwt_done) struct jwt jwt = {0};
        struct err err = {0};
        enum err_class class = jwt_parse(arena, token, &jwt, &err);

        assert_true(class == ERR_OK || class == ERR_MEMORY);
        failed += class == ERR_MEMORY;
    }
    assert_in_range(failed, 3, 60);
}

/* ---- Signatures ---- */

static enum err_class verify_hs(struct world *w, struct str token, struct str secret,
                                struct err *err)
{
    AUTO(jwt_done) struct jwt jwt = {0};

    assert_parses(w, token, &jwt);
    return jwt_verify_hs256(&jwt, secret, err);
}

static enum err_class verify_rs(struct world *w, struct str token, enum rsa_signer signer,
                                struct err *err)
{
    AUTO(jwt_done) struct jwt jwt = {0};
    AUTO(rsa_key_unref_autop) struct rsa_key *key = key_of(signer);

    assert_parses(w, token, &jwt);
    return jwt_verify_rs256(&jwt, key, err);
}

static void a_secret_verifies_what_it_signed(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct str token = hs256(w, HS256, "{\"iss\":\"jira:1\"}");

    assert_int_equal(verify_hs(w, token, SECRET, &err), ERR_OK);
    assert_int_equal(verify_hs(w, token, STR("b-secret-of-more-than-32-bytes-for-tests"), &err),
                     ERR_DENIED);
    assert_non_null(strstr(err.msg, "signature is wrong"));
    assert_int_equal(verify_hs(w, token, STR("a-secret-of-more-than-32-bytes-for-test"), &err),
                     ERR_DENIED);
}

static void a_short_secret_verifies_nothing(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct str secret = STR("31 bytes are too few for a key!");

    assert_int_equal(secret.len, 31);
    assert_int_equal(verify_hs(w, hs256_bytes(w, STR(HS256), STR("{}"), STR("")), STR(""), &err),
                     ERR_KEY);
    assert_int_equal(verify_hs(w, hs256_bytes(w, STR(HS256), STR("{}"), secret), secret, &err),
                     ERR_KEY);
    assert_null(strstr(err.msg, "too few for"));
}

static void every_character_of_a_token_counts(void **state)
{
    struct world *w = *state;
    AUTO(strbuf_done) struct strbuf good = STRBUF_INIT(2000);
    unsigned parsed = 0;

    strbuf_add_str(&good, hs256(w, HS256, "{\"iss\":\"jira:1\",\"exp\":1768471380}"));
    for (size_t i = 0; i < good.len; i++) {
        AUTO(jwt_done) struct jwt jwt = {0};
        struct err err = {0};

        good.ptr[i] ^= 1;
        if (jwt_parse(w->arena, strbuf_str(&good), &jwt, &err) == ERR_OK) {
            parsed++;
            assert_int_equal(jwt_verify_hs256(&jwt, SECRET, &err), ERR_DENIED);
        }
        good.ptr[i] ^= 1;
    }
    assert_true(parsed > 20);
}

static void a_signature_has_its_whole_length(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    struct str token = hs256(w, HS256, "{}");

    /* 8 characters are 6 bytes: the rest is right. */
    assert_int_equal(verify_hs(w, str_sub(token, 0, token.len - 3 - 8), SECRET, &err), ERR_DENIED);
    assert_int_equal(verify_hs(w, str_sub(token, 0, token.len - 39), SECRET, &err), ERR_DENIED);
    strbuf_add_char(&w->token, 'A'); /* 33 bytes */
    assert_int_equal(verify_hs(w, strbuf_str(&w->token), SECRET, &err), ERR_DENIED);
    token = rs256(w, RS256, "{}");
    assert_int_equal(verify_rs(w, str_sub(token, 0, token.len - 2), RSA_SIGNER_A, &err),
                     ERR_DENIED);
}

static void a_key_verifies_what_it_signed(void **state)
{
    struct world *w = *state;
    AUTO(free_autop) char *signature = NULL; /* 256 bytes, in base64url */
    struct err err = {0};
    struct str token = rs256(w, RS256, "{\"iss\":\"jira:1\"}");

    assert_int_equal(verify_rs(w, token, RSA_SIGNER_A, &err), ERR_OK);
    assert_int_equal(verify_rs(w, token, RSA_SIGNER_B, &err), ERR_DENIED);
    /* The same signature under other claims. */
    signature = str_dup_z(str_sub(token, token.len - 342, 342));
    token = rs256(w, RS256, "{\"iss\":\"jira:2\"}");
    assert_int_equal(verify_rs(w, token, RSA_SIGNER_A, &err), ERR_OK);
    memcpy(w->token.ptr + token.len - 342, signature, 342);
    assert_int_equal(verify_rs(w, token, RSA_SIGNER_A, &err), ERR_DENIED);
    assert_null(strstr(err.msg, "key-1"));
}

static void a_public_key_is_never_a_secret(void **state)
{
    struct world *w = *state;
    struct str pem = str_from(rsa_signer_pem(RSA_SIGNER_A));
    struct err err = {0};

    /* Signed with the PEM as the secret, by somebody who hopes that the header decides. */
    assert_int_equal(verify_rs(w, hs256_bytes(w, STR(HS256), STR("{}"), pem), RSA_SIGNER_A, &err),
                     ERR_DENIED);
    assert_non_null(strstr(err.msg, "only RS256 is taken here"));
    /* The same with a header that says RS256: it goes to the RSA check, and fails there. */
    assert_int_equal(verify_rs(w, hs256_bytes(w, STR(RS256), STR("{}"), pem), RSA_SIGNER_A, &err),
                     ERR_DENIED);
    /* And a right RS256 token where a secret is expected. */
    assert_int_equal(verify_hs(w, rs256(w, RS256, "{}"), pem, &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "only HS256 is taken here"));
}

static void another_algorithm_is_refused_before_the_key_is_looked_at(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt hs = {0};
    AUTO(jwt_done) struct jwt rs = {0};
    struct err err = {0};

    assert_parses(w, hs256(w, HS256, "{}"), &hs);
    assert_int_equal(jwt_verify_rs256(&hs, NULL, &err), ERR_DENIED);
    assert_int_equal(jwt_require_alg(&hs, JWT_RS256, &err), ERR_DENIED);
    assert_int_equal(jwt_require_alg(&hs, JWT_HS256, &err), ERR_OK);
    assert_parses(w, rs256(w, RS256, "{}"), &rs);
    /* Not ERR_KEY, which the empty secret would be. */
    assert_int_equal(jwt_verify_hs256(&rs, STR(""), &err), ERR_DENIED);
}

/* ---- Times ---- */

struct times {
    int64_t iat, nbf, exp; /* from NOW_S; ABSENT */
    int64_t skew_s, max_s;
    const char *says; /* NULL: fine */
};
#define ABSENT INT64_MIN

static void add_time(struct strbuf *buf, const char *name, int64_t offset)
{
    if (offset != ABSENT)
        strbuf_addf(buf, "\"%s\":%lld,", name, (long long)(NOW_S + offset));
}

static void assert_times(struct world *w, const struct times *t, int64_t now_ms)
{
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(500);
    AUTO(jwt_done) struct jwt jwt = {0};
    struct err err = {0};

    strbuf_add_char(&claims, '{');
    add_time(&claims, "iat", t->iat);
    add_time(&claims, "nbf", t->nbf);
    add_time(&claims, "exp", t->exp);
    strbuf_add_z(&claims, "\"x\":1}");
    assert_parses(w, hs256(w, HS256, strbuf_z(&claims)), &jwt);

    enum err_class class = jwt_check_times(&jwt, now_ms, t->skew_s, t->max_s, &err);

    if (class != (t->says ? ERR_DENIED : ERR_OK))
        print_error("%s: %s\n", strbuf_z(&claims), err.msg);
    assert_int_equal(class, t->says ? ERR_DENIED : ERR_OK);
    if (t->says)
        assert_non_null(strstr(err.msg, t->says));
}

static void a_token_is_valid_for_its_time(void **state)
{
    static const struct times cases[] = {
        {0, ABSENT, 180, 0, 180, NULL},
        {0, 0, 180, 0, 180, NULL},
        {ABSENT, ABSENT, 180, 0, 180, NULL},
        {0, ABSENT, ABSENT, 60, 900, "no exp"},
        {ABSENT, ABSENT, ABSENT, 60, 900, "no exp"},
        /* Expiry: at its second without skew, a skew later with it. */
        {-180, ABSENT, 1, 0, 900, NULL},
        {-180, ABSENT, 0, 0, 900, "expired"},
        {-180, ABSENT, -59, 60, 900, NULL},
        {-180, ABSENT, -60, 60, 900, "expired 60 s ago"},
        {-900000, ABSENT, -899000, 60, 900, "expired"},
        /* Not yet: nbf and iat alike. */
        {ABSENT, 60, 100, 60, 900, NULL},
        {ABSENT, 61, 100, 60, 900, "of the future"},
        {60, ABSENT, 100, 60, 900, NULL},
        {61, ABSENT, 100, 60, 900, "of the future"},
        {0, 1, 100, 0, 900, "of the future"},
        {1, ABSENT, 100, 0, 900, "of the future"},
        /* The cap on a lifetime: from iat, and from now on when iat lies. */
        {0, ABSENT, 900, 0, 900, NULL},
        {0, ABSENT, 901, 0, 900, "longer than the 900 s"},
        {-10, ABSENT, 891, 0, 900, "longer than the 900 s"},
        {-10, ABSENT, 890, 0, 900, NULL},
        {ABSENT, ABSENT, 901, 0, 900, "longer than"},
        {ABSENT, ABSENT, 960, 60, 900, "longer than"},
        {60, ABSENT, 960, 60, 900, NULL},
        {0, ABSENT, INT64_C(100000000000), 60, 900, "longer than"},
        {ABSENT, ABSENT, INT64_C(100000000000), 60, 900, "longer than"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_times(*state, &cases[i], NOW_S * 1000);
}

static void milliseconds_do_not_move_an_edge(void **state)
{
    static const struct times last = {-100, ABSENT, 1, 0, 900, NULL};
    static const struct times over = {-100, ABSENT, 1, 0, 900, "expired"};
    static const struct times soon = {ABSENT, 1, 100, 0, 900, "of the future"};

    assert_times(*state, &last, NOW_S * 1000 + 999);
    assert_times(*state, &over, NOW_S * 1000 + 1000);
    assert_times(*state, &soon, NOW_S * 1000 + 999);
}

static void the_ends_of_time_do_not_overflow(void **state)
{
    struct world *w = *state;
    AUTO(jwt_done) struct jwt jwt = {0};
    struct err err = {0};

    assert_parses(w, hs256(w, HS256, "{\"exp\":253402300799,\"iat\":0,\"nbf\":0}"), &jwt);
    assert_int_equal(jwt_check_times(&jwt, 0, 60, INT64_MAX / 2, &err), ERR_OK);
    assert_int_equal(jwt_check_times(&jwt, INT64_MAX, 60, INT64_MAX / 2, &err), ERR_DENIED);
    jwt_done(&jwt);
    assert_parses(w, hs256(w, HS256, "{\"exp\":0}"), &jwt);
    assert_int_equal(jwt_check_times(&jwt, NOW_S * 1000, 60, 900, &err), ERR_DENIED);
}

/* ---- Making ---- */

static void a_token_of_ours_is_the_one_of_rfc_7515(void **state)
{
    struct world *w = *state;
    struct str claims = STR("{\"iss\":\"app\",\"exp\":1768471380}");
    struct str secret = SECRET;
    AUTO(strbuf_done) struct strbuf made = STRBUF_INIT(2000);
    AUTO(jwt_done) struct jwt jwt = {0};
    struct err err = {0};

    assert_int_equal(jwt_sign_hs256(claims, secret, &made, &err), ERR_OK);
    /* Made by hand from a header in the same order: the same text, to the last character. */
    assert_true(str_eq(strbuf_str(&made),
                       hs256_bytes(w, STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), claims, secret)));
    assert_parses(w, strbuf_str(&made), &jwt);
    assert_int_equal(jwt_verify_hs256(&jwt, secret, &err), ERR_OK);
    assert_true(str_eq_z(jwt.iss, "app"));
    assert_int_equal(jwt_check_times(&jwt, NOW_S * 1000, 0, 180, &err), ERR_OK);
}

static void a_token_is_appended(void **state)
{
    (void)state;
    AUTO(strbuf_done) struct strbuf header = STRBUF_INIT(2000);
    struct err err = {0};

    strbuf_add_z(&header, "JWT ");
    assert_int_equal(jwt_sign_hs256(STR("{}"), SECRET, &header, &err), ERR_OK);
    assert_true(
        str_starts(strbuf_str(&header), STR("JWT eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.")));
}

static void a_token_that_cannot_be_made_leaves_the_buffer_alone(void **state)
{
    (void)state;
    AUTO(strbuf_done) struct strbuf small = STRBUF_INIT(50);
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(40000);
    struct err err = {0};

    strbuf_add_z(&small, "JWT ");
    assert_int_equal(jwt_sign_hs256(STR("{}"), STR("short"), &small, &err), ERR_KEY);
    assert_string_equal(strbuf_z(&small), "JWT ");
    assert_int_equal(jwt_sign_hs256(STR("{}"), SECRET, &small, &err), ERR_LIMIT);
    assert_string_equal(strbuf_z(&small), "JWT ");
    strbuf_reset(&small);
    strbuf_add_z(&claims, "{\"a\":\"");
    while (claims.len < 20000)
        strbuf_add_char(&claims, 'x');
    strbuf_add_z(&claims, "\"}");
    assert_int_equal(jwt_sign_hs256(strbuf_str(&claims), SECRET, &small, &err), ERR_LIMIT);
    assert_int_equal(small.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_a_token_says_is_read),
        TEST(what_is_not_told_is_empty),
        TEST(an_audience_may_be_one_text_and_up_to_eight),
        TEST(only_two_algorithms_exist),
        TEST(a_header_that_asks_for_an_extension_is_refused),
        TEST(a_kid_is_text),
        TEST(a_name_may_not_stand_twice),
        TEST(a_name_may_stand_in_two_objects),
        TEST(parts_are_three_and_none_is_empty),
        TEST(base64url_has_one_form),
        TEST(bits_left_over_must_be_zero),
        TEST(parts_are_json_objects_in_utf8),
        TEST(white_space_around_json_is_taken),
        TEST(ten_thousand_levels_are_refused),
        TEST(the_size_is_limited_to_the_byte),
        TEST(members_of_an_object_are_limited),
        TEST(texts_and_times_are_of_their_type),
        TEST(a_full_arena_is_an_error),
        TEST(a_secret_verifies_what_it_signed),
        TEST(a_short_secret_verifies_nothing),
        TEST(every_character_of_a_token_counts),
        TEST(a_signature_has_its_whole_length),
        TEST(a_key_verifies_what_it_signed),
        TEST(a_public_key_is_never_a_secret),
        TEST(another_algorithm_is_refused_before_the_key_is_looked_at),
        TEST(a_token_is_valid_for_its_time),
        TEST(milliseconds_do_not_move_an_edge),
        TEST(the_ends_of_time_do_not_overflow),
        TEST(a_token_of_ours_is_the_one_of_rfc_7515),
        TEST(a_token_is_appended),
        TEST(a_token_that_cannot_be_made_leaves_the_buffer_alone),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
