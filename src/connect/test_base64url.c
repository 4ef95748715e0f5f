/* Tests of base64url.c. The fuzz target of tokens holds it against a loop over bits. */
#include "connect/base64url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_decodes(const char *text, struct str expected)
{
    char bytes[100];
    size_t len = 77;

    assert_true(base64url_decode(str_from(text), bytes, sizeof(bytes), &len));
    assert_int_equal(len, expected.len);
    assert_memory_equal(bytes, expected.ptr, len);
}

static void assert_refused(struct str text)
{
    char bytes[100];
    size_t len = 77;

    assert_false(base64url_decode(text, bytes, sizeof(bytes), &len));
    assert_int_equal(len, 77);
}

static void the_vectors_of_rfc_4648_decode_without_their_padding(void **state)
{
    (void)state;
    assert_decodes("", STR(""));
    assert_decodes("Zg", STR("f"));
    assert_decodes("Zm8", STR("fo"));
    assert_decodes("Zm9v", STR("foo"));
    assert_decodes("Zm9vYg", STR("foob"));
    assert_decodes("Zm9vYmE", STR("fooba"));
    assert_decodes("Zm9vYmFy", STR("foobar"));
    assert_decodes("-_-_", STR("\xfb\xff\xbf"));
}

static void every_byte_comes_back(void **state)
{
    (void)state;
    unsigned char bytes[256], again[256];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 7 + 3);
    for (size_t from = 0; from < sizeof(bytes); from++) {
        AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(1000);
        size_t len = 0;

        base64url_add(&text, bytes + from, sizeof(bytes) - from);
        assert_true(base64url_decode(strbuf_str(&text), again, sizeof(again), &len));
        assert_int_equal(len, sizeof(bytes) - from);
        assert_memory_equal(again, bytes + from, len);
    }
}

static void only_64_of_256_bytes_are_letters(void **state)
{
    (void)state;
    unsigned taken = 0;

    for (unsigned c = 0; c < 256; c++) {
        char text[] = {'A', (char)c, 'A', 'A'};
        char bytes[3];
        size_t len = 0;

        taken += base64url_decode((struct str){text, 4}, bytes, sizeof(bytes), &len);
    }
    assert_int_equal(taken, 64);
    assert_refused(STR("Zm9\xba"));
    assert_refused(STR("Zm9v\n"));
    assert_refused(STR("Zm9+"));
    assert_refused(STR("Zm9/"));
    assert_refused(STR("Zg=="));
    assert_refused(STR("Zm9v Zm9v"));
}

static void bytes_have_one_text(void **state)
{
    (void)state;
    assert_refused(STR("Zh"));
    assert_refused(STR("Zm9"));
    assert_refused(STR("Z"));
    assert_refused(STR("A"));
    assert_refused(STR("Zm9vA"));
    assert_refused(STR("Zm9vZ"));
}

static void no_more_is_written_than_there_is_room(void **state)
{
    (void)state;
    char bytes[8] = "xxxxxxx";
    size_t len = 0;

    assert_false(base64url_decode(STR("Zm9vYmE"), bytes, 4, &len));
    assert_string_equal(bytes, "xxxxxxx");
    assert_true(base64url_decode(STR("Zm9vYmE"), bytes, 5, &len));
    assert_string_equal(bytes, "foobaxx");
    assert_true(BASE64URL_BYTES(strlen("Zm9vYmE")) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_decode_without_their_padding),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(only_64_of_256_bytes_are_letters),
        cmocka_unit_test(bytes_have_one_text),
        cmocka_unit_test(no_more_is_written_than_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
