/* Tests of json.c: reading with limits, writing with right commas. */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limits.h"

static yyjson_doc *read_ok(struct str text)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};

    if (json_read(text, "it", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return doc;
}

static void refused(struct str text, enum err_class class, const char *part)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};

    assert_int_equal(json_read(text, "the answer", &doc, &err), class);
    assert_null(doc);
    assert_int_equal(err.class, class);
    if (!strstr(err.msg, part) || !strstr(err.msg, "the answer"))
        fail_msg("the message does not say '%s': %s", part, err.msg);
}

static void what_is_not_json_is_refused_with_the_place(void **state)
{
    static const struct str wrong[] = {
        STR("<html>"),
        STR("{\"a\":1"),
        STR("{\"a\":1}x"),
        STR("[1,]"),
        STR("{'a':1}"),
        STR("nul"),
        STR("NaN"),
        STR("[01]"),
        STR("\"\n\""),
        STR("\"\\x\""),
        STR("\"\\ud800\""), /* half a surrogate pair */
        STR("\"\\udc00\\ud800\""),
        STR("\"\xff\""),
        STR("\"\xc0\xaf\""),     /* overlong */
        STR("\"\xed\xa0\x80\""), /* a surrogate */
        STR("\"\xe4\xbd\""),     /* cut off */
        STR(" \n "),
        STR("{\"a\":1}\0"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        refused(wrong[i], ERR_REMOTE, "is not JSON");
    refused(STR(""), ERR_REMOTE, "is empty");
    refused((struct str){NULL, 0}, ERR_REMOTE, "is empty");
    refused(STR("{\"a\":!}"), ERR_REMOTE, "at byte 5 of 7");
}

static void no_byte_of_a_bad_text_stands_in_the_message(void **state)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(json_read(STR("secret-token-text"), "it", &doc, &err), ERR_REMOTE);
    assert_null(strstr(err.msg, "secret"));
    assert_int_equal(json_read(STR("{\"a\": secret}"), "it", &doc, &err), ERR_REMOTE);
    assert_null(strstr(err.msg, "secret"));
}

/* `levels` arrays or objects, one in another, around one number. */
static void nest(struct strbuf *buf, int levels, bool objects)
{
    strbuf_reset(buf);
    for (int i = 0; i < levels; i++)
        strbuf_add_z(buf, objects && i % 2 ? "{\"a\":" : "[0,");
    strbuf_add_char(buf, '1');
    for (int i = levels; i > 0; i--)
        strbuf_add_char(buf, objects && (i - 1) % 2 ? '}' : ']');
}

static void a_document_may_be_as_deep_as_the_limit_and_no_deeper(void **state)
{
    struct strbuf buf = STRBUF_INIT(1 << 24);

    (void)state;
    for (int objects = 0; objects <= 1; objects++) {
        nest(&buf, LIMIT_JSON_DEPTH, objects);
        yyjson_doc_free(read_ok(strbuf_str(&buf)));
        nest(&buf, LIMIT_JSON_DEPTH + 1, objects);
        refused(strbuf_str(&buf), ERR_LIMIT, "deeper than 64");
    }
    nest(&buf, 1000000, false);
    refused(strbuf_str(&buf), ERR_LIMIT, "deeper than 64");

    /* Many side by side are not deep; a deep one at the end is found. */
    strbuf_reset(&buf);
    strbuf_add_char(&buf, '[');
    for (int i = 0; i < 100000; i++)
        strbuf_add_z(&buf, "[[]],{},");
    strbuf_add_z(&buf, "1]");
    yyjson_doc_free(read_ok(strbuf_str(&buf)));
    buf.len -= 2;
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
        strbuf_add_char(&buf, '[');
    for (int i = 0; i < LIMIT_JSON_DEPTH; i++)
        strbuf_add_char(&buf, ']');
    strbuf_add_char(&buf, ']');
    refused(strbuf_str(&buf), ERR_LIMIT, "deeper than 64");
    strbuf_done(&buf);
}

static void a_text_past_the_size_limit_is_refused_unread(void **state)
{
    /* Only the length is looked at: the bytes are not there. */
    static const char one[] = "1";

    (void)state;
    refused((struct str){one, (size_t)LIMIT_JSON_BYTES + 1}, ERR_LIMIT, "67108865 bytes");
}

static void parsing_in_place_gives_the_same_without_a_copy(void **state)
{
    char text[64] = "{\"a\":\"x\\u0041\",\"n\":7}";
    size_t len = strlen(text);
    yyjson_doc *doc = NULL;
    struct err err = {0};
    int64_t n = 0;

    (void)state;
    assert_int_equal(json_read_insitu(text, len, "it", &doc, &err), ERR_OK);

    struct str a = json_str(yyjson_doc_get_root(doc), "a");

    assert_true(str_eq(a, STR("xA")));
    assert_true(a.ptr >= text && a.ptr < text + sizeof(text));
    assert_true(json_i64(yyjson_doc_get_root(doc), "n", &n));
    assert_int_equal(n, 7);
    yyjson_doc_free(doc);

    char bad[64] = "{\"a\":";

    doc = NULL;
    assert_int_equal(json_read_insitu(bad, 5, "it", &doc, &err), ERR_REMOTE);
    assert_null(doc);
}

static void look_ups_survive_any_type(void **state)
{
    AUTO(yyjson_doc_autop)
    yyjson_doc *doc = read_ok(STR("{\"s\":\"text\",\"e\":\"\",\"z\":\"a\\u0000b\",\"n\":null,"
                                  "\"b\":true,\"o\":{},\"a\":[1],\"i\":5}"));
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *array = yyjson_obj_get(root, "a");
    int64_t n = -77;

    (void)state;
    assert_true(str_eq(json_str(root, "s"), STR("text")));
    assert_non_null(json_str(root, "e").ptr); /* there, and empty */
    assert_int_equal(json_str(root, "e").len, 0);
    assert_true(str_eq(json_str(root, "z"), STR("a\0b")));
    assert_null(json_str(root, "i").ptr);
    assert_null(json_str(root, "n").ptr);
    assert_null(json_str(root, "none").ptr);
    assert_null(json_str(array, "s").ptr);
    assert_null(json_str(NULL, "s").ptr);

    assert_true(json_bool(root, "b", false));
    assert_true(json_bool(root, "i", true));
    assert_false(json_bool(root, "none", false));
    assert_true(json_bool(NULL, "b", true));

    assert_false(json_i64(root, "b", &n));
    assert_false(json_i64(root, "n", &n));
    assert_false(json_i64(root, "o", &n));
    assert_false(json_i64(root, "none", &n));
    assert_false(json_i64(array, "i", &n));
    assert_false(json_i64(NULL, "i", &n));
    assert_false(json_to_i64(NULL, &n));
    assert_int_equal(n, -77);
}

static void whole_numbers_keep_all_their_64_bits(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9007199254740993", true, INT64_C(9007199254740993)}, /* no double holds it */
        {"\"9223372036854775807\"", true, INT64_MAX},
        {"\"-9223372036854775808\"", true, INT64_MIN},
        {"\"10001\"", true, 10001},
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775808", false, 0},
        {"18446744073709551615", false, 0},
        {"18446744073709551616", false, 0},
        {"-9223372036854775809", false, 0},
        {"\"9223372036854775808\"", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1.0\"", false, 0},
        {"\"\"", false, 0},
        {"\" 1\"", false, 0},
        {"\"12x\"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = read_ok(str_from(cases[i].text));
        int64_t n = -77;

        if (json_to_i64(yyjson_doc_get_root(doc), &n) != cases[i].good)
            fail_msg("%s", cases[i].text);
        assert_int_equal(n, cases[i].good ? cases[i].value : -77);
    }
}

static void commas_stand_where_json_wants_them(void **state)
{
    struct strbuf buf = STRBUF_INIT(4096);
    struct json_out out = json_out(&buf);

    (void)state;
    json_object(&out);
    json_key(&out, "empty");
    json_array(&out);
    json_array_end(&out);
    json_key(&out, "list");
    json_array(&out);
    json_put_i64(&out, INT64_MIN);
    json_put_bool(&out, true);
    json_put_bool(&out, false);
    json_put_null(&out);
    json_put_z(&out, NULL);
    json_put_z(&out, "z");
    json_put_str(&out, (struct str){NULL, 0});
    json_put_double(&out, 1.25, 1);
    json_put_double(&out, -2, 3);
    json_object(&out);
    json_object_end(&out);
    json_array(&out);
    json_put_i64(&out, 1);
    json_array_end(&out);
    json_array_end(&out);
    json_key(&out, "at");
    json_put_stamp(&out, 0);
    json_object_end(&out);
    assert_string_equal(strbuf_z(&buf),
                        "{\"empty\":[],\"list\":[-9223372036854775808,true,false,null,null,\"z\","
                        "\"\",1.2,-2.000,{},[1]],\"at\":\"1970-01-01T00:00:00.000Z\"}");
    yyjson_doc_free(read_ok(strbuf_str(&buf)));
    strbuf_done(&buf);
}

static void values_side_by_side_nest_to_the_promised_depth(void **state)
{
    struct strbuf buf = STRBUF_INIT(4096);
    struct json_out out = json_out(&buf);

    (void)state;
    for (int i = 0; i < 31; i++) {
        json_array(&out);
        json_put_i64(&out, i);
    }
    for (int i = 0; i < 31; i++) {
        json_put_i64(&out, i);
        json_array_end(&out);
    }
    yyjson_doc_free(read_ok(strbuf_str(&buf)));
    strbuf_done(&buf);
}

/* Writes one text and gives it back as a reader reads it. */
static void written(struct str text, struct strbuf *ret)
{
    struct strbuf buf = STRBUF_INIT(1 << 20);
    struct json_out out = json_out(&buf);

    json_put_str(&out, text);

    AUTO(yyjson_doc_autop) yyjson_doc *doc = read_ok(strbuf_str(&buf));
    yyjson_val *root = yyjson_doc_get_root(doc);

    strbuf_reset(ret);
    strbuf_add(ret, yyjson_get_str(root), yyjson_get_len(root));
    strbuf_done(&buf);
}

static void any_text_is_read_back_as_it_was(void **state)
{
    static const struct str texts[] = {
        STR("plain"),
        STR("\"quoted\" \\ back / slash"),
        STR("\b\f\n\r\t\x01\x1f\x7f"),
        STR("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
        STR("</script><!--"),
        STR("\xe2\x80\xa8"), /* U+2028 */
        STR("a\0b"),
        STR("caf\xc3\xa9\0b"), /* a NUL does not cost the letters around it */
    };
    struct strbuf back = STRBUF_INIT(1 << 20);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        written(texts[i], &back);
        assert_int_equal(back.len, texts[i].len);
        assert_memory_equal(back.ptr, texts[i].ptr, back.len);
    }
    strbuf_done(&back);
}

#define FFFD "\xef\xbf\xbd"

static void bytes_that_are_not_utf8_become_the_replacement_character(void **state)
{
    static const struct {
        struct str text;
        const char *expected;
    } cases[] = {
        {STR("a\xff"
             "b"),
         "a" FFFD "b"},
        {STR("\xc3"), FFFD},
        {STR("\xc0\xaf"), FFFD FFFD},
        {STR("\xed\xa0\x80"), FFFD FFFD FFFD},
        {STR("\xe4\xbd x"), FFFD FFFD " x"},
        {STR("caf\xc3\xa9 \xff"), "caf\xc3\xa9 " FFFD}, /* what is UTF-8 stays */
        {STR("\xff\""), FFFD "\""},
    };
    struct strbuf back = STRBUF_INIT(1 << 20);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        written(cases[i].text, &back);
        assert_string_equal(strbuf_z(&back), cases[i].expected);
    }
    strbuf_done(&back);
}

static void random_bytes_always_give_json(void **state)
{
    struct strbuf back = STRBUF_INIT(1 << 20);
    uint64_t roll = 7;

    (void)state;
    for (int n = 0; n < 20000; n++) {
        static const unsigned char favourites[] = {0,    '"',  '\\', 0x1f, 0x20, 'a',  0x7f, 0x80,
                                                   0xbf, 0xc2, 0xc3, 0xe0, 0xed, 0xa0, 0xf4, 0x90};
        char text[12];
        size_t len;

        roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        len = (size_t)(roll >> 60) % (sizeof(text) + 1);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)favourites[(roll >> (4 * i)) & 15];
        written((struct str){text, len}, &back);
        assert_true(str_is_utf8(strbuf_str(&back)) || memchr(back.ptr, 0, back.len));
    }
    strbuf_done(&back);
}

static void what_json_has_no_number_for_is_null(void **state)
{
    static const double values[] = {NAN, INFINITY, -INFINITY, 0.5};
    struct strbuf buf = STRBUF_INIT(100);
    struct json_out out = json_out(&buf);

    (void)state;
    json_array(&out);
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        json_put_double(&out, values[i], 1);
    json_array_end(&out);
    assert_string_equal(strbuf_z(&buf), "[null,null,null,0.5]");
    strbuf_done(&buf);
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
    struct strbuf buf = STRBUF_INIT(8);
    struct json_out out = json_out(&buf);
    struct err err = {0};

    (void)state;
    json_array(&out);
    for (int i = 0; i < 100; i++)
        json_put_z(&out, "text");
    json_array_end(&out);
    assert_int_equal(strbuf_check(&buf, "the list", &err), ERR_LIMIT);
    strbuf_done(&buf);
}

static void assert_twins(const char *text, enum err_class class)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};

    assert_int_equal(json_read(str_from(text), "the body", &doc, &err), ERR_OK);
    if (json_refuse_twins(doc, 3, "the body", &err) != class)
        fail_msg("%s: %s", text, err.msg);
    if (class == ERR_OK)
        return;
    assert_non_null(strstr(err.msg, "the body"));
    assert_null(strstr(err.msg, "secret")); /* the name may be a user's */
}

static void a_name_may_stand_once_in_an_object(void **state)
{
    (void)state;
    assert_twins("{}", ERR_OK);
    assert_twins("7", ERR_OK);
    assert_twins("{\"a\":1,\"b\":{\"a\":2},\"c\":[{\"a\":3},{\"a\":4}]}", ERR_OK);
    assert_twins("{\"a\":\"a\",\"b\":\"a\",\"\":1}", ERR_OK);
    assert_twins("{\"a\":1,\"A\":2}", ERR_OK);
    assert_twins("{\"secret\":1,\"b\":2,\"secret\":3}", ERR_INPUT);
    assert_twins("{\"\":1,\"\":1}", ERR_INPUT);
    assert_twins("{\"a\":1,\"\\u0061\":2}", ERR_INPUT); /* the same, written otherwise */
    assert_twins("{\"a\\u0000b\":1,\"a\\u0000c\":2}", ERR_OK);
    assert_twins("[[{\"x\":[{\"secret\":1,\"secret\":1}]}]]", ERR_INPUT);
}

static void members_of_an_object_have_a_limit(void **state)
{
    (void)state;
    assert_twins("{\"a\":1,\"b\":2,\"c\":3}", ERR_OK);
    assert_twins("[{\"a\":1,\"b\":2,\"c\":3,\"secret\":4}]", ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_json_is_refused_with_the_place),
        cmocka_unit_test(no_byte_of_a_bad_text_stands_in_the_message),
        cmocka_unit_test(a_document_may_be_as_deep_as_the_limit_and_no_deeper),
        cmocka_unit_test(a_text_past_the_size_limit_is_refused_unread),
        cmocka_unit_test(parsing_in_place_gives_the_same_without_a_copy),
        cmocka_unit_test(look_ups_survive_any_type),
        cmocka_unit_test(whole_numbers_keep_all_their_64_bits),
        cmocka_unit_test(commas_stand_where_json_wants_them),
        cmocka_unit_test(values_side_by_side_nest_to_the_promised_depth),
        cmocka_unit_test(any_text_is_read_back_as_it_was),
        cmocka_unit_test(bytes_that_are_not_utf8_become_the_replacement_character),
        cmocka_unit_test(random_bytes_always_give_json),
        cmocka_unit_test(what_json_has_no_number_for_is_null),
        cmocka_unit_test(a_full_buffer_is_told_at_the_end),
        cmocka_unit_test(a_name_may_stand_once_in_an_object),
        cmocka_unit_test(members_of_an_object_have_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
