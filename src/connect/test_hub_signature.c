/* Tests of hub_signature.c. */
#include "connect/hub_signature.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The published vector (facts 5.3). */
#define SECRET STR("It's a Secret to Everybody")
#define BODY STR("Hello World!")
#define DIGITS "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"

static enum err_class check(const char *header, struct err *err)
{
    return hub_signature_check(str_from(header), BODY, SECRET, err);
}

static void the_published_vector_fits(void **state)
{
    (void)state;
    struct err err = {0};

    assert_int_equal(check("sha256=" DIGITS, &err), ERR_OK);
    assert_int_equal(
        check("sha256=A4771C39FBE90F317C7824E83DDEF3CAAE9CB3D976C214ACE1F2937E133263C9", &err),
        ERR_OK);
}

static void every_single_digit_counts(void **state)
{
    (void)state;
    char header[] = "sha256=" DIGITS;
    struct err err = {0};

    for (size_t i = strlen("sha256="); header[i]; i++) {
        char was = header[i];

        header[i] = was == '0' ? '1' : '0';
        assert_int_equal(check(header, &err), ERR_DENIED);
        assert_non_null(strstr(err.msg, "does not fit"));
        header[i] = was;
    }
    assert_int_equal(check(header, &err), ERR_OK);
}

static void another_body_or_secret_does_not_fit(void **state)
{
    (void)state;
    struct str header = STR("sha256=" DIGITS);
    struct err err = {0};

    assert_int_equal(hub_signature_check(header, STR("Hello World"), SECRET, &err), ERR_DENIED);
    assert_int_equal(hub_signature_check(header, STR(""), SECRET, &err), ERR_DENIED);
    assert_int_equal(hub_signature_check(header, BODY, STR("It's a Secret"), &err), ERR_DENIED);
}

static void only_sha256_in_its_one_form_is_taken(void **state)
{
    (void)state;
    static const char *const headers[] = {
        DIGITS,
        "sha1=" DIGITS,
        "sha1=0b5d4a9a1d0a0e0f0c0b0a090807060504030201",
        "SHA256=" DIGITS,
        "sha256:" DIGITS,
        "sha256= " DIGITS,
        " sha256=" DIGITS,
        "sha256=" DIGITS " ",
        "sha256=" DIGITS "00",
        "sha256=" DIGITS ",sha256=" DIGITS,
        "sha256=",
        "sha256=a4",
        "sha256=g4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
        "=" DIGITS,
        "none=",
    };
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        assert_int_equal(check(headers[i], &err), ERR_DENIED);
        assert_non_null(strstr(err.msg, "is not sha256="));
        assert_null(strstr(err.msg, "a4771c"));
    }
    /* A NUL among the digits is no digit. */
    assert_int_equal(hub_signature_check(STR("sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214"
                                             "ace1f2937e13326\0c9"),
                                         BODY, SECRET, &err),
                     ERR_DENIED);
}

static void no_signature_and_no_secret_are_told_apart(void **state)
{
    (void)state;
    struct err err = {0};

    assert_int_equal(check("", &err), ERR_DENIED);
    assert_non_null(strstr(err.msg, "carries no X-Hub-Signature"));
    assert_int_equal(hub_signature_check(STR("sha256=" DIGITS), BODY, STR(""), &err), ERR_KEY);
}

static void a_large_body_is_hashed_whole(void **state)
{
    (void)state;
    size_t len = (size_t)1 << 20;
    char *body = calloc(1, len);
    struct err err = {0};
    /* HMAC-SHA-256 of 2^20 zero bytes with the key "k", by Python's hmac. */
    struct str header =
        STR("sha256=c761c99d81a27a5ae966e60c5c39a7d34c5d9275a049427925518d8b41a41271");

    assert_non_null(body);
    assert_int_equal(hub_signature_check(header, (struct str){body, len}, STR("k"), &err), ERR_OK);
    body[len - 1] = 1;
    assert_int_equal(hub_signature_check(header, (struct str){body, len}, STR("k"), &err),
                     ERR_DENIED);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_fits),
        cmocka_unit_test(every_single_digit_counts),
        cmocka_unit_test(another_body_or_secret_does_not_fit),
        cmocka_unit_test(only_sha256_in_its_one_form_is_taken),
        cmocka_unit_test(no_signature_and_no_secret_are_told_apart),
        cmocka_unit_test(a_large_body_is_hashed_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
