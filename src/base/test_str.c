/* Tests of str.c: views, growing buffers, numbers. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 100000

static const struct str none = {NULL, 0};

/* Under AddressSanitizer too, an allocation that is too large fails instead of ending the program.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void views_compare_by_bytes_and_length(void **state)
{
    (void)state;
    assert_true(str_eq(STR("abc"), STR("abc")));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq(none, STR("")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_z(STR("abc"), "abc"));
    assert_false(str_eq_z(STR("abc\0"), "abc"));
    assert_true(str_eq_z(none, NULL));
    assert_int_equal(str_from(NULL).len, 0);
    assert_int_equal(str_from("four").len, 4);
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("Retry-After"), STR("rETRY-aFTER")));
    assert_false(str_eq_nocase(STR("abc"), STR("abcd")));
    assert_false(str_eq_nocase(STR("["), STR("{"))); /* 0x20 apart, no letters */
    assert_false(str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
    assert_true(str_eq_nocase(none, STR("")));
    /* What follows a NUL counts too. */
    assert_false(str_eq_nocase(STR("a\0b"), STR("a\0c")));
    assert_true(str_eq_nocase(STR("a\0b"), STR("A\0B")));
}

static void order_is_of_bytes_and_a_prefix_comes_first(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("b"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("Z"), STR("a")) < 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0); /* bytes are not signed */
    assert_int_equal(str_cmp(none, STR("")), 0);
    assert_true(str_cmp(none, STR("a")) < 0);
}

static void beginnings_and_ends_are_found(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), STR("")));
    assert_true(str_starts(STR("abc"), none));
    assert_true(str_starts(none, none));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_false(str_starts(STR("abc"), STR("bc")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(STR("abc"), STR("abc")));
    assert_false(str_ends(STR("bc"), STR("abc")));
    assert_false(str_ends(STR("abc"), STR("ab")));
}

static void trimming_takes_white_space_off_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t\r\n\v\fa b \n")), STR("a b")));
    assert_int_equal(str_trim(STR(" \n ")).len, 0);
    assert_int_equal(str_trim(none).len, 0);
    assert_true(str_eq(str_trim(STR("\xa0x")), STR("\xa0x"))); /* ASCII only */
    assert_true(str_eq(str_trim(STR("\0x")), STR("\0x")));
}

static void parts_are_clamped_to_the_whole(void **state)
{
    (void)state;
    assert_true(str_eq(str_sub(STR("abcdef"), 2, 3), STR("cde")));
    assert_true(str_eq(str_sub(STR("abc"), 1, SIZE_MAX), STR("bc")));
    assert_int_equal(str_sub(STR("abc"), 3, 1).len, 0);
    assert_int_equal(str_sub(STR("abc"), SIZE_MAX, SIZE_MAX).len, 0);
    assert_null(str_sub(none, 5, 5).ptr);
}

static void cutting_splits_at_the_first_separator(void **state)
{
    struct str rest = STR("old");

    (void)state;
    assert_true(str_eq(str_cut(STR("a=b=c"), '=', &rest), STR("a")));
    assert_true(str_eq(rest, STR("b=c")));
    assert_true(str_eq(str_cut(STR("abc"), '=', &rest), STR("abc")));
    assert_int_equal(rest.len, 0);
    assert_true(str_eq(str_cut(STR("abc="), '=', &rest), STR("abc")));
    assert_int_equal(rest.len, 0);
    assert_int_equal(str_cut(STR("=c"), '=', &rest).len, 0);
    assert_true(str_eq(rest, STR("c")));
    assert_int_equal(str_cut(none, '=', &rest).len, 0);

    /* The rest may be where the text was. */
    rest = STR("x,y,z");
    assert_true(str_eq(str_cut(rest, ',', &rest), STR("x")));
    assert_true(str_eq(str_cut(rest, ',', &rest), STR("y")));
    assert_true(str_eq(str_cut(rest, ',', &rest), STR("z")));
    assert_int_equal(rest.len, 0);
}

static void finding_leaves_the_place_alone_when_there_is_none(void **state)
{
    size_t at = 77;

    (void)state;
    assert_false(str_find(STR("abc"), 'x', &at));
    assert_false(str_find(none, 'x', &at));
    assert_int_equal(at, 77);
    assert_true(str_find(STR("abcb"), 'b', &at));
    assert_int_equal(at, 1);
    assert_true(str_find(STR("a\0b"), 'b', &at));
    assert_int_equal(at, 2);
}

/* RFC 3629 said once more, by decoding: what the function must agree with. */
static bool is_utf8_by_decoding(const unsigned char *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t more = p[at] < 0x80             ? 0
                      : (p[at] & 0xe0) == 0xc0 ? 1
                      : (p[at] & 0xf0) == 0xe0 ? 2
                      : (p[at] & 0xf8) == 0xf0 ? 3
                                               : 9;
        static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};
        uint32_t code = more == 0 ? p[at] : p[at] & (0x3fu >> more);

        if (more == 9 || at + more >= len)
            return false;
        for (size_t i = 1; i <= more; i++) {
            if ((p[at + i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (p[at + i] & 0x3fu);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
        at += more + 1;
    }
    return true;
}

static void utf8_is_judged_as_rfc_3629_says(void **state)
{
    static const unsigned char edges[] = {0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                          0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    size_t good = 0;
    const size_t n = sizeof(edges);

    (void)state;
    assert_true(str_is_utf8(none));
    assert_true(str_is_utf8(STR("plain")));
    assert_false(str_is_utf8(STR("a\0b")));
    /* Every two bytes there are; then all edges in up to four places. */
    for (unsigned pair = 0; pair < 65536; pair++) {
        unsigned char text[2] = {(unsigned char)(pair >> 8), (unsigned char)pair};

        assert_int_equal(str_is_utf8((struct str){(char *)text, 2}), is_utf8_by_decoding(text, 2));
        assert_int_equal(str_is_utf8((struct str){(char *)text, 1}), is_utf8_by_decoding(text, 1));
    }
    for (size_t all = 0; all < n * n * n * n; all++) {
        unsigned char text[4] = {edges[all % n], edges[all / n % n], edges[all / n / n % n],
                                 edges[all / n / n / n]};
        bool expected = is_utf8_by_decoding(text, 4);

        if (str_is_utf8((struct str){(char *)text, 4}) != expected)
            fail_msg("%02x %02x %02x %02x", text[0], text[1], text[2], text[3]);
        good += expected;
    }
    assert_true(good > 1000); /* both kinds were met */
}

static void a_buffer_takes_all_kinds_of_things(void **state)
{
    struct strbuf buf = STRBUF_INIT(1000);
    struct err err = {0};

    (void)state;
    assert_string_equal(strbuf_z(&buf), "");
    assert_int_equal(strbuf_str(&buf).len, 0);
    strbuf_add_z(&buf, "z ");
    strbuf_add_str(&buf, STR("view "));
    strbuf_add_str(&buf, none);
    strbuf_add(&buf, "bytes!", 5);
    strbuf_add(&buf, NULL, 0);
    strbuf_add_char(&buf, ' ');
    strbuf_add_i64(&buf, INT64_MIN);
    strbuf_add_char(&buf, ' ');
    strbuf_add_i64(&buf, INT64_MAX);
    strbuf_add_char(&buf, ' ');
    strbuf_add_i64(&buf, 0);
    strbuf_addf(&buf, " %s %d", "format", 7);
    assert_string_equal(strbuf_z(&buf),
                        "z view bytes -9223372036854775808 9223372036854775807 0 format 7");
    assert_int_equal(strbuf_str(&buf).len, strlen(buf.ptr));
    assert_int_equal(strbuf_check(&buf, "it", &err), ERR_OK);
    strbuf_done(&buf);
    assert_null(buf.ptr);
    strbuf_done(&buf); /* twice is fine */
}

static void a_buffer_holds_exactly_its_cap(void **state)
{
    struct strbuf buf = STRBUF_INIT(100);
    struct err err = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        strbuf_add_char(&buf, 'x');
    assert_int_equal(strbuf_check(&buf, "the report", &err), ERR_OK);
    assert_int_equal(buf.len, 100);

    strbuf_add_char(&buf, 'y');
    assert_int_equal(strbuf_check(&buf, "the report", &err), ERR_LIMIT);
    assert_string_equal(err.msg, "the report is larger than the limit of 100 bytes");
    assert_int_equal(buf.len, 100);
    assert_int_equal(buf.ptr[100], '\0');

    /* It stays failed: a shorter text that would fit must not stand in the middle's place. */
    strbuf_reset(&buf);
    strbuf_add_z(&buf, "0123456789");
    assert_int_equal(strbuf_check(&buf, "the report", &err), ERR_OK);
    assert_null(strbuf_grow(&buf, 91));
    strbuf_add_z(&buf, "z");
    strbuf_add_i64(&buf, 1);
    strbuf_addf(&buf, "%d", 1);
    assert_null(strbuf_grow(&buf, 0));
    assert_string_equal(strbuf_z(&buf), "0123456789");
    assert_int_equal(strbuf_check(&buf, "the report", &err), ERR_LIMIT);
    strbuf_done(&buf);

    struct strbuf nothing = STRBUF_INIT(0);

    strbuf_add_char(&nothing, 'x');
    assert_int_equal(nothing.failed, ERR_LIMIT);
    assert_int_equal(nothing.len, 0);
    strbuf_done(&nothing);
}

static void lengths_that_cannot_be_are_refused_without_overflow(void **state)
{
    struct strbuf buf = STRBUF_INIT(1000);

    (void)state;
    strbuf_add_z(&buf, "ten bytes.");
    assert_null(strbuf_grow(&buf, SIZE_MAX));
    assert_int_equal(buf.failed, ERR_LIMIT);
    strbuf_reset(&buf);
    strbuf_add_z(&buf, "ten bytes.");
    assert_null(strbuf_grow(&buf, SIZE_MAX - 9));
    assert_int_equal(buf.len, 10);
    strbuf_done(&buf);
}

static void more_memory_than_there_is_is_told_as_such(void **state)
{
    /* A room that no machine has: the allocation fails, the content stays. */
    struct strbuf buf = STRBUF_INIT(SIZE_MAX / 2);
    struct err err = {0};

    (void)state;
    strbuf_add_z(&buf, "kept");
    assert_null(strbuf_grow(&buf, SIZE_MAX / 4));
    assert_int_equal(strbuf_check(&buf, "it", &err), ERR_MEMORY);
    assert_string_equal(strbuf_z(&buf), "kept");
    strbuf_done(&buf);
}

static void a_growing_buffer_keeps_what_it_has(void **state)
{
    struct strbuf buf = STRBUF_INIT(MANY * 6);

    (void)state;
    for (int i = 0; i < MANY; i++)
        strbuf_addf(&buf, "%05d,", i);
    assert_int_equal(buf.len, MANY * 6);
    for (int i = 0; i < MANY; i++) {
        int64_t n = -1;

        assert_true(parse_i64(str_sub(strbuf_str(&buf), (size_t)i * 6, 5), 0, MANY, &n));
        assert_int_equal(n, i);
    }
    strbuf_reset(&buf);
    assert_string_equal(strbuf_z(&buf), "");
    assert_true(buf.room > 0); /* the memory stays */
    strbuf_done(&buf);
}

static void numbers_are_the_whole_text_within_bounds(void **state)
{
    static const struct {
        struct str text;
        bool good;
        int64_t value;
    } cases[] = {
        {STR("0"), true, 0},
        {STR("-0"), true, 0},
        {STR("007"), true, 7},
        {STR("9223372036854775807"), true, INT64_MAX},
        {STR("9223372036854775808"), false, 0},
        {STR("-9223372036854775808"), true, INT64_MIN},
        {STR("-9223372036854775809"), false, 0},
        {STR("99999999999999999999"), false, 0},
        {STR("999999999999999999999999999"), false, 0},
        {STR(""), false, 0},
        {STR("-"), false, 0},
        {STR("--1"), false, 0},
        {STR("+1"), false, 0},
        {STR(" 1"), false, 0},
        {STR("1 "), false, 0},
        {STR("1\0"), false, 0},
        {STR("1.0"), false, 0},
        {STR("1e3"), false, 0},
        {STR("0x10"), false, 0},
        {STR("12a"), false, 0},
        {STR("\xd9\xa1"), false, 0}, /* an Arabic one */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = -77;

        assert_int_equal(parse_i64(cases[i].text, INT64_MIN, INT64_MAX, &value), cases[i].good);
        assert_int_equal(value, cases[i].good ? cases[i].value : -77);
    }

    int64_t n = -77;
    uint32_t u = 77;

    assert_false(parse_i64(none, INT64_MIN, INT64_MAX, &n));
    assert_false(parse_i64(STR("4"), 5, 7, &n));
    assert_false(parse_i64(STR("8"), 5, 7, &n));
    assert_int_equal(n, -77);
    assert_true(parse_i64(STR("5"), 5, 7, &n));
    assert_true(parse_i64(STR("7"), 5, 7, &n));
    assert_int_equal(n, 7);

    assert_false(parse_u32(STR("4294967296"), 0, UINT32_MAX, &u));
    assert_false(parse_u32(STR("-1"), 0, UINT32_MAX, &u));
    assert_false(parse_u32(STR("9"), 10, 20, &u));
    assert_int_equal(u, 77);
    assert_true(parse_u32(STR("4294967295"), 0, UINT32_MAX, &u));
    assert_int_equal(u, UINT32_MAX);
}

static void any_number_written_is_read_back(void **state)
{
    uint64_t roll = 1;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        struct strbuf buf = STRBUF_INIT(20);
        int64_t n = 0, back = 0;

        roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        n = (int64_t)roll >> (i % 64);
        strbuf_add_i64(&buf, n);
        assert_int_equal(buf.failed, ERR_OK);
        assert_true(parse_i64(strbuf_str(&buf), INT64_MIN, INT64_MAX, &back));
        assert_int_equal(back, n);
        strbuf_done(&buf);
    }
}

static void copies_are_terminated_and_freed_by_their_scope(void **state)
{
    char *left = NULL;

    (void)state;
    {
        AUTO(free_autop) char *copy = str_dup_z(STR("abc"));
        AUTO(free_autop) char *empty = str_dup_z(none);

        assert_string_equal(copy, "abc");
        assert_string_equal(empty, "");
        left = TAKE(copy);
        assert_null(copy);
    }
    assert_string_equal(left, "abc"); /* was taken out of its scope */
    free_autop(&left);
    assert_null(left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_by_bytes_and_length),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(order_is_of_bytes_and_a_prefix_comes_first),
        cmocka_unit_test(beginnings_and_ends_are_found),
        cmocka_unit_test(trimming_takes_white_space_off_both_ends),
        cmocka_unit_test(parts_are_clamped_to_the_whole),
        cmocka_unit_test(cutting_splits_at_the_first_separator),
        cmocka_unit_test(finding_leaves_the_place_alone_when_there_is_none),
        cmocka_unit_test(utf8_is_judged_as_rfc_3629_says),
        cmocka_unit_test(a_buffer_takes_all_kinds_of_things),
        cmocka_unit_test(a_buffer_holds_exactly_its_cap),
        cmocka_unit_test(lengths_that_cannot_be_are_refused_without_overflow),
        cmocka_unit_test(more_memory_than_there_is_is_told_as_such),
        cmocka_unit_test(a_growing_buffer_keeps_what_it_has),
        cmocka_unit_test(numbers_are_the_whole_text_within_bounds),
        cmocka_unit_test(any_number_written_is_read_back),
        cmocka_unit_test(copies_are_terminated_and_freed_by_their_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
