/* Tests of shares.c: any k of n shares, and every way to hand over wrong ones. */
#include "vault/shares.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"

#define SECRET STR("thirty-two bytes of a secret key")

struct fixture {
    struct strbuf text, some;
    char set[SHARES_SET_BYTES + 1];
    struct shares_secret got;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    test_vault_start();
    fixture->text = fixture->some = STRBUF_INIT(100000);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    strbuf_done(&fixture->text);
    strbuf_done(&fixture->some);
    free(fixture);
    return 0;
}

static void split(struct fixture *fixture, int64_t n, int64_t k)
{
    strbuf_reset(&fixture->text);
    assert_int_equal(
        shares_split("file", SECRET, n, k, &fixture->text, fixture->set, &fixture->err), ERR_OK);
}

/* The nth line of the shares, from 0. */
static struct str line(const struct fixture *fixture, int n)
{
    struct str rest = strbuf_str(&fixture->text), at = {NULL, 0};

    for (int i = 0; i <= n; i++)
        at = str_cut(rest, '\n', &rest);
    return at;
}

static void take(struct fixture *fixture, int n)
{
    strbuf_add_str(&fixture->some, line(fixture, n));
    strbuf_add_z(&fixture->some, "\r\n");
}

static enum err_class join(struct fixture *fixture)
{
    enum err_class rc = shares_join(strbuf_str(&fixture->some), &fixture->got, &fixture->err);

    strbuf_reset(&fixture->some);
    return rc;
}

static void any_three_of_five_give_the_secret_in_any_order(void **state)
{
    struct fixture *fixture = *state;

    split(fixture, 5, 3);
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < 5; b++)
            for (int c = 0; c < 5; c++) {
                if (a == b || b == c || a == c)
                    continue;
                take(fixture, a);
                take(fixture, b);
                strbuf_add_z(&fixture->some, "\n");
                take(fixture, c);
                assert_int_equal(join(fixture), ERR_OK);
                assert_int_equal(fixture->got.len, SECRET.len);
                assert_memory_equal(fixture->got.bytes, SECRET.ptr, SECRET.len);
                assert_string_equal(fixture->got.what, "file");
                assert_string_equal(fixture->got.set, fixture->set);
            }
    for (int i = 0; i < 5; i++)
        take(fixture, i);
    assert_int_equal(join(fixture), ERR_OK); /* more than needed is fine */
    assert_int_equal(fixture->got.count, 5);
}

static void no_share_holds_the_secret(void **state)
{
    struct fixture *fixture = *state;
    char hex[65];

    split(fixture, 5, 2);
    sodium_bin2hex(hex, sizeof(hex), (const unsigned char *)SECRET.ptr, SECRET.len);
    assert_null(strstr(strbuf_z(&fixture->text), hex));
}

static void too_few_are_told_with_how_many_it_takes(void **state)
{
    struct fixture *fixture = *state;

    split(fixture, 5, 3);
    take(fixture, 1);
    take(fixture, 4);
    assert_int_equal(join(fixture), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "2 shares are there"));
    assert_non_null(strstr(fixture->err.msg, "it takes 3"));
    assert_int_equal(fixture->got.len, 0);
    assert_int_equal(join(fixture), ERR_INPUT); /* none */
    take(fixture, 1);
    take(fixture, 1);
    assert_int_equal(join(fixture), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "share 2 once more"));
}

static void shares_of_two_sets_are_told(void **state)
{
    struct fixture *fixture = *state;

    split(fixture, 3, 2);
    take(fixture, 0);
    split(fixture, 3, 2);
    take(fixture, 1);
    assert_int_equal(join(fixture), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "line 2"));
    assert_non_null(strstr(fixture->err.msg, "different sets"));
}

static void a_character_mistyped_anywhere_names_the_line(void **state)
{
    struct fixture *fixture = *state;
    size_t len;

    split(fixture, 3, 2);
    len = line(fixture, 1).len;
    for (size_t i = 0; i < len; i++) {
        size_t at;

        take(fixture, 0);
        at = fixture->some.len + i;
        take(fixture, 1);
        fixture->some.ptr[at] = fixture->some.ptr[at] == '7' ? '8' : '7';
        assert_int_equal(join(fixture), ERR_INPUT);
        assert_non_null(strstr(fixture->err.msg, "line 2"));
        assert_int_equal(fixture->got.len, 0);
    }
}

static void a_share_that_somebody_made_up_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf forged = STRBUF_INIT(10000);
    unsigned char check[32];
    char hex[65];
    struct str second;

    split(fixture, 3, 2);
    second = line(fixture, 1);
    strbuf_add(&forged, second.ptr, second.len - 9);
    forged.ptr[forged.len - 1] = forged.ptr[forged.len - 1] == '0' ? '1' : '0';
    (void)crypto_generichash(check, sizeof(check), (const unsigned char *)forged.ptr, forged.len,
                             NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), check, sizeof(check));
    take(fixture, 0);
    strbuf_addf(&fixture->some, "%s:%.8s\n", strbuf_z(&forged), hex);
    assert_int_equal(join(fixture), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "do not give its secret"));
    strbuf_done(&forged);
}

static void numbers_out_of_range_are_refused(void **state)
{
    static const int64_t bad[][2] = {{5, 1}, {5, 0}, {2, 3}, {33, 2}, {-1, -1}, {0, 0}};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(shares_split("file", SECRET, bad[i][0], bad[i][1], &fixture->text,
                                      fixture->set, &fixture->err),
                         ERR_USAGE);
    split(fixture, SHARES_MAX, SHARES_MAX);
    for (int i = 0; i < SHARES_MAX; i++)
        take(fixture, i);
    assert_int_equal(join(fixture), ERR_OK);
    assert_memory_equal(fixture->got.bytes, SECRET.ptr, SECRET.len);
}

/* Made once by gfsplit -n 2 -m 3 of Debian's libgfshare-bin would be random; so: what the scheme
 * says. With k = 2 a share is secret + x * c in GF(256), polynomial 0x11d, so s1 and s2 give it. */
static void the_arithmetic_is_that_of_the_field(void **state)
{
    struct fixture *fixture = *state;
    unsigned char one[64], two[64];
    size_t len = 0;

    split(fixture, 2, 2);
    for (int n = 0; n < 2; n++) {
        struct str at = line(fixture, n), part = {NULL, 0};

        for (int i = 0; i < 6; i++)
            part = str_cut(at, ':', &at);
        assert_int_equal(
            sodium_hex2bin(n == 0 ? one : two, sizeof(one), part.ptr, part.len, NULL, &len, NULL),
            0);
    }
    for (size_t i = 0; i < SECRET.len; i++) {
        /* s = one + c, s = two + 2c: c = (one + two) / 3; so 3s = 3 one + one + two. */
        unsigned char s = (unsigned char)SECRET.ptr[i], c = s ^ one[i];
        unsigned twice = (unsigned)c << 1;

        if (twice & 0x100)
            twice ^= 0x11d;
        assert_int_equal(two[i], (unsigned char)(s ^ twice));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(any_three_of_five_give_the_secret_in_any_order),
        TEST(no_share_holds_the_secret),
        TEST(too_few_are_told_with_how_many_it_takes),
        TEST(shares_of_two_sets_are_told),
        TEST(a_character_mistyped_anywhere_names_the_line),
        TEST(a_share_that_somebody_made_up_is_told),
        TEST(numbers_out_of_range_are_refused),
        TEST(the_arithmetic_is_that_of_the_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
