/*
 * numbers.c: whole numbers out of text.
 *
 * The input is a line with the text, then two times eight bytes for the bounds. Holds: what is
 * taken, and its value, is what the C library's strtoll says of text that is only a sign and
 * digits; a number that is written reads as itself.
 */
#include <errno.h>
#include <inttypes.h>

#include "fuzz.h"

static bool model(const char *text, size_t len, int64_t *ret)
{
    size_t sign = text[0] == '-' ? 1 : 0;
    long long value = 0;

    if (strlen(text) != len || len == sign || strspn(text + sign, "0123456789") != len - sign)
        return false;
    errno = 0;
    value = strtoll(text, NULL, 10);
    *ret = value;
    return errno == 0;
}

static void check_text(struct str s, int64_t min, int64_t max)
{
    AUTO(free_autop) char *exact = fuzz_exact(s);
    AUTO(free_autop) char *text = fuzz_exact_z(s);
    struct str view = {exact, s.len};
    int64_t n = -77, expected = 0;
    uint32_t u = 77;
    bool is_number = model(text, s.len, &expected);

    /* Texts of more than 20 bytes are refused, though zeros may make one long. */
    is_number = is_number && s.len <= 20;
    FUZZ_CHECK(parse_i64(view, INT64_MIN, INT64_MAX, &n) == is_number);
    FUZZ_CHECK(n == (is_number ? expected : -77));

    bool within = is_number && expected >= min && expected <= max;

    n = -77;
    FUZZ_CHECK(parse_i64(view, min, max, &n) == within);
    FUZZ_CHECK(n == (within ? expected : -77));

    uint32_t low = (uint32_t)min, high = (uint32_t)max;

    within = is_number && expected >= low && expected <= high;
    FUZZ_CHECK(parse_u32(view, low, high, &u) == within);
    FUZZ_CHECK(u == (within ? (uint32_t)expected : 77));
}

static void check_written(int64_t n)
{
    AUTO(strbuf_done) struct strbuf buf = STRBUF_INIT(32);
    char expected[32];
    int64_t back = 0;

    strbuf_add_i64(&buf, n);
    (void)snprintf(expected, sizeof(expected), "%" PRId64, n);
    FUZZ_CHECK(str_eq_z(strbuf_str(&buf), expected));
    FUZZ_CHECK(parse_i64(strbuf_str(&buf), INT64_MIN, INT64_MAX, &back) && back == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);
    struct str text = fuzz_line(&rest);
    int64_t min = (int64_t)fuzz_u64(&rest), max = (int64_t)fuzz_u64(&rest);

    check_text(text, min, max);
    check_text(str_trim(text), 0, INT64_MAX);
    check_written(min);
    check_written(max);
    return 0;
}
