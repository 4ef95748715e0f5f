/* Tests of rsa.c: which keys are taken. What they verify is test_jwt.c's. */
#include "connect/rsa.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/rsa_signer.h"
#include "base/json.h"

/* All made for this test and used by nobody. */
static const char weak_pem[] = /* 1024 bits */
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCuO/nWoRpbKpNSG19UDAJqKO6M\n"
    "oRs+zivMfDsEB+FpD0an7UraYvzJl7k00j3UQiFmvlrdq0fUPBon+d6kCyukzYP0\n"
    "GhAr1XLMQaFwN9XyVI4jjum4SmULu3MhYxnyLcXgCpOhq8kCn5ShueyU4wi9jwTh\n"
    "ygVXLZs6QUF6X/fczwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";
static const char small_exponent_pem[] = /* 2048 bits, exponent 3 */
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAvusom4Jwlh125bkqIsG1\n"
    "CLFfzQhDozdTryq1nHcs5VSrGSAPvlUJ3g4qPXPu2gy32PdFExyXTMa+iQy52WPC\n"
    "PXEXCTCFqMh1T5FrZTX5uZ0KEo7n2oBwvi6u/S5b8OAjNvrUMAueu+PGUQi9xt+O\n"
    "s8w+Tz0y1boFSj3vfihui5CB1BQXF+qv/PtqwCqK8jlerHP765qCCn2MalOP0i/f\n"
    "d53lhV2P+mIyW+tryNs1ePj/OQcQ9PxZir/0ytIHTC5gIQW8rSJ/0yAkREAzx+fW\n"
    "1RFJrYt8Fb8VZNgRu6HoblxgyRArMXAV2W501j1iW0qHMkWt08s9y7kBI0Vvb24v\n"
    "LQIBAw==\n"
    "-----END PUBLIC KEY-----\n";
static const char ec_pem[] = /* P-256 */
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMMcHqpo+Li/5VvDOaE2kF5jhLTWv\n"
    "JBOEPKa7U4oC24I8Xx9piDbBily053gQoemkc2NU/tszBJ9mw8KYX8O6JA==\n"
    "-----END PUBLIC KEY-----\n";
static const char encrypted_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\n"
    "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n"
    "\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAk73zDHrbBqoEC5FAczL8\n"
    "mXHr9HNtQsrb+Q8TzzJEnHmCSkMIscXxuJAMMGSnwh4CJ+imxzJV/8HfeIIT17VQ\n"
    "zhHu2Xf0BjEU5smf329pED9WOhTw10OmODrUwDfGprqhAfvAOsHmIO6DFcPwoz/v\n"
    "zcUP98F7cWGrZ6ZEUVa3Q9wgfQClnaaqugfYGAQ7qYyDA94LaRD/R4ZpGJQ+AuHR\n"
    "BVKEGK4yaO9sFrIlL4N6mD/0W6HrJ6UwvezPMa0PplaeZTAG2nJjuAy70yPIApLv\n"
    "3vA7al45N9TU9qK9EZVJDoMDOv2npLcdHaI2GrsRjutVdmoIsMlJ8lgqWlH/LYGb\n"
    "eQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

static void assert_no_pem(const char *pem, const char *says)
{
    struct rsa_key *key = NULL;
    struct err err = {0};

    assert_int_equal(rsa_key_from_pem(str_from(pem), &key, &err), ERR_REMOTE);
    assert_non_null(strstr(err.msg, says));
    assert_null(key);
}

static void a_pem_is_a_public_rsa_key_that_is_strong_enough(void **state)
{
    (void)state;
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    struct err err = {0};
    struct str good = str_from(rsa_signer_pem(RSA_SIGNER_A));

    assert_int_equal(rsa_key_from_pem(good, &key, &err), ERR_OK);
    assert_non_null(key);
    assert_no_pem(weak_pem, "1024 bits; 2048 to 8192");
    assert_no_pem(small_exponent_pem, "exponent");
    assert_no_pem(ec_pem, "not an RSA key");
    assert_no_pem("", "not a public key");
    assert_no_pem("<html>not here</html>", "not a public key");
    assert_no_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                  "not a public key");
}

static void a_cut_pem_is_none(void **state)
{
    (void)state;
    const char *good = rsa_signer_pem(RSA_SIGNER_A);

    /* The text may lack its last line feed, nothing else. */
    for (size_t len = 0; len < strlen(good) - 1; len += 7) {
        struct rsa_key *key = NULL;
        struct err err = {0};

        assert_int_equal(rsa_key_from_pem((struct str){good, len}, &key, &err), ERR_REMOTE);
    }
}

static void nobody_is_asked_for_the_password_of_a_pem(void **state)
{
    (void)state;
    assert_no_pem(encrypted_pem, "not a public key");
}

/* A JWK with members put before those of a good key; JSON takes the first of a name here. */
static enum err_class read_jwk(const char *members, struct rsa_key **ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(20000);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;

    rsa_signer_jwk(RSA_SIGNER_A, "a", &text);
    if (members[0] != '\0') {
        AUTO(free_autop) char *good = str_dup_z(strbuf_str(&text));

        strbuf_reset(&text);
        strbuf_addf(&text, "{%s,%s", members, good + 1);
    }
    assert_int_equal(json_read(strbuf_str(&text), "a key", &doc, err), ERR_OK);
    return rsa_key_from_jwk(yyjson_doc_get_root(doc), ret, err);
}

static void assert_no_jwk(const char *members, const char *says)
{
    struct rsa_key *key = NULL;
    struct err err = {0};

    assert_int_equal(read_jwk(members, &key, &err), ERR_REMOTE);
    if (!strstr(err.msg, says))
        print_error("%s: %s\n", members, err.msg);
    assert_non_null(strstr(err.msg, says));
    assert_null(key);
}

static void a_jwk_is_an_rsa_key_for_rs256(void **state)
{
    (void)state;
    AUTO(rsa_key_unref_autop) struct rsa_key *key = NULL;
    struct err err = {0};

    assert_int_equal(read_jwk("", &key, &err), ERR_OK);
    assert_no_jwk("\"kty\":\"EC\"", "not an RSA key");
    assert_no_jwk("\"kty\":\"oct\"", "not an RSA key");
    assert_no_jwk("\"kty\":\"rsa\"", "not an RSA key");
    assert_no_jwk("\"kty\":null", "not an RSA key");
    assert_no_jwk("\"use\":\"enc\"", "not meant for");
    assert_no_jwk("\"use\":7", "not meant for");
    assert_no_jwk("\"alg\":\"RS384\"", "not meant for");
    assert_no_jwk("\"alg\":\"HS256\"", "not meant for");
    assert_no_jwk("\"alg\":[\"RS256\"]", "not meant for");
}

static void the_numbers_of_a_jwk_are_checked(void **state)
{
    (void)state;
    assert_no_jwk("\"n\":7", "n or e");
    assert_no_jwk("\"n\":\"\"", "n or e");
    assert_no_jwk("\"n\":\"a+b/\"", "n or e");
    assert_no_jwk("\"n\":\"AQAB=\"", "n or e");
    assert_no_jwk("\"n\":\"AQAB\"", "bits"); /* 17 of them */
    assert_no_jwk(
        "\"n\":\"rjv51qEaWyqTUhtfVAwCaijujKEbPs4rzHw7BAfhaQ9Gp-1K2mL8yZe5NNI91EIhZr5a3atH1DwaJ_nepAsrpM2D9BoQK9VyzEGhcDfV8lSOI47puEplC7tzIWMZ8i3F4AqToavJAp-UobnslOMIvY8E4coFVy2bOkFBel_33M8\"",
        "1024 bits");
    assert_no_jwk("\"e\":null", "n or e");
    assert_no_jwk("\"e\":\"AQ\"", "exponent");      /* 1: every text signs itself */
    assert_no_jwk("\"e\":\"Aw\"", "exponent");      /* 3 */
    assert_no_jwk("\"e\":\"AQAC\"", "exponent");    /* 65538: even */
    assert_no_jwk("\"e\":\"AQAAAAE\"", "exponent"); /* 2^32 + 1 */
}

static void a_number_of_a_jwk_is_no_longer_than_a_key(void **state)
{
    (void)state;
    AUTO(strbuf_done) struct strbuf member = STRBUF_INIT(20000);

    strbuf_add_z(&member, "\"n\":\"");
    while (member.len < 10000)
        strbuf_add_z(&member, "AQAB");
    strbuf_add_char(&member, '"');
    assert_no_jwk(strbuf_z(&member), "n or e");
}

static void the_same_key_comes_from_both_forms(void **state)
{
    (void)state;
    AUTO(rsa_key_unref_autop) struct rsa_key *jwk = NULL;
    AUTO(rsa_key_unref_autop) struct rsa_key *pem = NULL;
    AUTO(strbuf_done) struct strbuf token = STRBUF_INIT(4000);
    unsigned char signature[300];
    struct str rest = {0}, data, text;
    struct err err = {0};

    rsa_signer_token(RSA_SIGNER_A, "{}", "{}", &token);
    (void)str_cut(strbuf_str(&token), '.', &rest);
    (void)str_cut(rest, '.', &text);
    data = str_sub(strbuf_str(&token), 0, token.len - text.len - 1);
    assert_int_equal(text.len, 342);
    assert_int_equal(read_jwk("", &jwk, &err), ERR_OK);
    assert_int_equal(rsa_key_from_pem(str_from(rsa_signer_pem(RSA_SIGNER_A)), &pem, &err), ERR_OK);

    size_t len = 0;

    assert_int_equal(sodium_base642bin(signature, sizeof(signature), text.ptr, text.len, NULL, &len,
                                       NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);

    struct str bytes = {(const char *)signature, len};

    assert_int_equal(rsa_key_verify(jwk, data, bytes, &err), ERR_OK);
    assert_int_equal(rsa_key_verify(pem, data, bytes, &err), ERR_OK);
    for (size_t i = 0; i < len; i += 15) {
        signature[i] ^= 1;
        assert_int_equal(rsa_key_verify(pem, data, bytes, &err), ERR_DENIED);
        signature[i] ^= 1;
    }
    assert_int_equal(rsa_key_verify(pem, data, str_sub(bytes, 0, len - 1), &err), ERR_DENIED);
    assert_int_equal(rsa_key_verify(pem, data, (struct str){NULL, 0}, &err), ERR_DENIED);
    assert_int_equal(rsa_key_verify(pem, STR(""), bytes, &err), ERR_DENIED);
}

static void a_key_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct rsa_key *key = NULL;
    struct err err = {0};

    assert_int_equal(read_jwk("", &key, &err), ERR_OK);
    assert_ptr_equal(rsa_key_ref(key), key);
    rsa_key_unref(key);
    assert_int_equal(rsa_key_verify(key, STR("a"), STR("b"), &err), ERR_DENIED);
    rsa_key_unref(key);
    rsa_key_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pem_is_a_public_rsa_key_that_is_strong_enough),
        cmocka_unit_test(a_cut_pem_is_none),
        cmocka_unit_test(nobody_is_asked_for_the_password_of_a_pem),
        cmocka_unit_test(a_jwk_is_an_rsa_key_for_rs256),
        cmocka_unit_test(the_numbers_of_a_jwk_are_checked),
        cmocka_unit_test(a_number_of_a_jwk_is_no_longer_than_a_key),
        cmocka_unit_test(the_same_key_comes_from_both_forms),
        cmocka_unit_test(a_key_lives_as_long_as_somebody_holds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
