/* Tests of glob.c: what matches, what is no pattern, and that none takes long. EV-17. */
#include "apps/timesheet/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void keys_match_as_a_person_would_say(void **state)
{
    static const struct {
        const char *pattern, *key;
        bool matches;
    } cases[] = {
        {"HOLIDAY-1", "HOLIDAY-1", true},
        {"HOLIDAY-1", "HOLIDAY-12", false},
        {"HOLIDAY-12", "HOLIDAY-1", false},
        {"HOLIDAY-*", "HOLIDAY-", true},
        {"holiday-*", "HOLIDAY-123", true},
        {"HOLIDAY-*", "HOLIDAYS-1", false},
        {"*-7", "ABC-7", true},
        {"*-7", "ABC-77", false},
        {"*-7", "ABC-78", false},
        {"OPS-1?", "OPS-12", true},
        {"OPS-1?", "OPS-1", false},
        {"OPS-1?", "OPS-123", false},
        {"[A-C]*-7", "BETA-7", true},
        {"[A-C]*-7", "DELTA-7", false},
        {"[^A-C]*-7", "DELTA-7", true},
        {"OPS-[139]", "OPS-3", true},
        {"OPS-[139]", "OPS-2", false},
        {"OPS-[a-]", "OPS--", true},
        {"OPS-[1-3][0-9]", "OPS-25", true},
        {"OPS-[1-3][0-9]", "OPS-45", false},
        {"*A*B*", "xxAyyBzz", true},
        {"*A*B*", "xxByyAzz", false},
        {"*", "", true},
        {"?", "", false},
        {"**-**1", "A-1", true},
        {"A*AB", "AAAB", true},
        {"*[0-9]", "ABC", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(glob_is_valid(str_from(cases[i].pattern)));
        if (glob_matches(str_from(cases[i].pattern), str_from(cases[i].key)) != cases[i].matches)
            fail_msg("\"%s\" and \"%s\"", cases[i].pattern, cases[i].key);
    }
}

static void what_is_no_pattern_is_refused(void **state)
{
    static const char *const wrong[] = {"",     "A B",  "A-[1",  "A-[]",  "A-[^]", "A-]",
                                        "A\n*", "\x7f", "\xc3*", "[A B]", "[",     "[^"};
    char longest[GLOB_BYTES_MAX + 2];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (glob_is_valid(str_from(wrong[i])))
            fail_msg("\"%s\" is taken", wrong[i]);
    memset(longest, 'A', sizeof(longest));
    assert_true(glob_is_valid((struct str){longest, GLOB_BYTES_MAX}));
    assert_false(glob_is_valid((struct str){longest, GLOB_BYTES_MAX + 1}));
}

/* The textbook matcher would not come back from this one in the life of the universe. */
static void a_pattern_made_to_take_long_does_not(void **state)
{
    char pattern[GLOB_BYTES_MAX];
    size_t len = 100000;
    char *text = malloc(len);

    (void)state;
    assert_non_null(text);
    memset(text, 'A', len);
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2)
        memcpy(pattern + i, "A*", 2);
    pattern[sizeof(pattern) - 1] = 'B';
    assert_false(glob_matches((struct str){pattern, sizeof(pattern)}, (struct str){text, len}));
    text[len - 1] = 'B';
    assert_true(glob_matches((struct str){pattern, sizeof(pattern)}, (struct str){text, len}));
    free(text);
}

/* A naive model: every way of a '*', by recursion; for short texts. */
static bool naive(const char *pattern, const char *text)
{
    if (!*pattern)
        return !*text;
    if (*pattern == '*')
        return naive(pattern + 1, text) || (*text && naive(pattern, text + 1));
    return *text && (*pattern == '?' || *pattern == *text) && naive(pattern + 1, text + 1);
}

static void it_agrees_with_a_naive_model(void **state)
{
    uint64_t dice = 7;

    (void)state;
    for (int turn = 0; turn < 200000; turn++) {
        char pattern[8] = "", text[9] = "";

        for (size_t i = 0; i < 7; i++) {
            dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            pattern[i] = "AB*?\0"[dice >> 33 & 3];
            text[i] = "AB"[dice >> 40 & 1];
            if ((dice >> 50 & 7) == 0)
                pattern[i] = '\0';
            if ((dice >> 55 & 7) == 0)
                text[i] = '\0';
        }
        if (glob_matches(str_from(pattern), str_from(text)) != naive(pattern, text))
            fail_msg("turn %d: \"%s\" and \"%s\"", turn, pattern, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_match_as_a_person_would_say),
        cmocka_unit_test(what_is_no_pattern_is_refused),
        cmocka_unit_test(a_pattern_made_to_take_long_does_not),
        cmocka_unit_test(it_agrees_with_a_naive_model),
    };

    return cmocka_run_group_tests_name("glob (EV-17)", tests, NULL, NULL);
}
