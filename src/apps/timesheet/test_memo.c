/*
 * Tests of memo.c: the same question is found again, every other one is not, and little is kept.
 */
#include "apps/timesheet/memo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct err err;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, err.msg);                                                    \
    } while (0)

static struct columns *some_columns(void)
{
    struct columns *columns = columns_new(0);

    OK(columns_person(columns, 1, STR("ada"), &err));
    for (int64_t i = 0; i < 100; i++) {
        const struct columns_row row = {
            .id = i, .started_ms = i * 86400000, .issue = 1 + i % 7, .person = 1, .seconds = 60};

        OK(columns_add(columns, &row, &err));
    }
    OK(columns_seal(columns, &err));
    return columns;
}

static bool same_key(const struct memo_key *a, const struct memo_key *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* One of everything that a request can say; each differs from all others. */
#define VARIANTS 26
static struct report_request variant(int n)
{
    static struct str one[] = {{"a", 1}}, two[] = {{"a", 1}, {"b", 1}}, joined[] = {{"ab", 2}};
    static int64_t ids[] = {5, 6}, other_ids[] = {6, 5};
    static const uint64_t bits[] = {3, 0}, other_bits[] = {1, 0};
    static const uint32_t places[] = {1, 0}, other_places[] = {0, 1};
    static const struct report_projects projects[] = {
        {ids, places, 2, one, 1}, {ids, other_places, 2, one, 1}, {ids, places, 2, joined, 1}};
    static const struct report_billing billing[] = {
        {.by_default = false}, {.by_default = true}, {.tags = one, .tag_count = 1}};
    const struct report_request variants[VARIANTS] = {
        {0},
        {.has_from = true},
        {.has_to = true},
        {.has_from = true, .from_day = 1},
        {.has_to = true, .to_day = 1},
        {.zone = STR("Europe/Berlin")},
        {.groups = {REPORT_ISSUE}, .group_count = 1},
        {.groups = {REPORT_MONTH}, .group_count = 1},
        {.groups = {REPORT_ISSUE, REPORT_MONTH}, .group_count = 2},
        {.accounts = one, .account_count = 1},
        {.accounts = two, .account_count = 2},
        {.accounts = joined, .account_count = 1},
        {.tags = one, .tag_count = 1},
        {.issues = ids, .issue_count = 2},
        {.issues = other_ids, .issue_count = 2},
        {.has_only = true},
        {.has_only = true, .only = ids, .only_count = 2},
        {.visible = bits, .visible_codes = 128},
        {.visible = other_bits, .visible_codes = 128},
        {.projects = &projects[0]},
        {.projects = &projects[1]},
        {.projects = &projects[2]},
        {.billing = &billing[0]},
        {.billing = &billing[1]},
        {.billing = &billing[2]},
        {.order = REPORT_BY_COUNT},
    };

    return variants[n];
}

static void every_member_of_a_request_counts(void **state)
{
    static const struct report_request more[] = {
        {.descending = true}, {.top = 1}, {.offset = 1}, {.limit = 1}, {.cells_max = 1}};
    struct memo_key keys[VARIANTS + ARRAY_LEN(more) + 1];
    size_t count = 0;

    (void)state;
    for (int n = 0; n < VARIANTS; n++) {
        const struct report_request request = variant(n);

        keys[count++] = memo_key(1, &request);
    }
    for (size_t n = 0; n < ARRAY_LEN(more); n++)
        keys[count++] = memo_key(1, &more[n]);
    keys[count++] = memo_key(2, &(const struct report_request){0}); /* other columns */
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < a; b++)
            if (same_key(&keys[a], &keys[b]))
                fail_msg("the requests %zu and %zu are taken for the same", a, b);
    for (int n = 0; n < VARIANTS; n++) {
        const struct report_request request = variant(n);
        struct memo_key again = memo_key(1, &request);

        assert_true(same_key(&again, &keys[n]));
    }
}

static void a_report_is_found_again_until_it_is_cleared(void **state)
{
    struct columns *columns = some_columns();
    struct memo *memo = memo_new();
    const struct report_request request = {.groups = {REPORT_ISSUE}, .group_count = 1};
    struct memo_key key = memo_key(1, &request), other = memo_key(2, &request);
    struct report *report = NULL, *found;

    (void)state;
    OK(report_run(columns, &request, &report, &err));
    assert_null(memo_report(memo, &key));
    memo_keep_report(memo, &key, report);
    assert_null(memo_report(memo, &other));
    found = memo_report(memo, &key);
    assert_ptr_equal(found, report);
    report_free(report);
    memo_clear(memo);
    assert_null(memo_report(memo, &key));
    assert_int_equal(report_seconds(found), 6000); /* who holds it, has it */
    report_free(found);
    memo_free(memo);
    columns_free(columns);
}

static void little_is_kept_and_what_was_used_last_stays(void **state)
{
    struct memo *memo = memo_new();
    const struct report_request request = {0};
    static uint64_t bits[4096];
    uint64_t copy[4096];
    struct memo_key first = memo_issues_key(0, &request);

    (void)state;
    for (uint64_t version = 0; version < 200; version++) {
        struct memo_key key = memo_issues_key(version, &request);

        bits[0] = version;
        memo_keep_issues(memo, &key, bits, ARRAY_LEN(bits)); /* 32 KiB */
        assert_true(memo_issues(memo, &first, copy, ARRAY_LEN(copy)));
        assert_int_equal(copy[0], 0);
        assert_in_range(memo_bytes(memo), 0, MEMO_BYTES_MAX + 4096);
    }
    first = memo_issues_key(1, &request);
    assert_false(memo_issues(memo, &first, copy, ARRAY_LEN(copy)));
    first = memo_issues_key(199, &request);
    assert_true(memo_issues(memo, &first, copy, ARRAY_LEN(copy)));
    assert_int_equal(copy[0], 199);
    assert_false(memo_issues(memo, &first, copy, 1)); /* of other columns */
    memo_free(memo);
}

static void what_is_large_is_not_kept(void **state)
{
    struct memo *memo = memo_new();
    const struct report_request request = {0};
    struct memo_key key = memo_issues_key(0, &request);
    static uint64_t bits[MEMO_ENTRY_BYTES_MAX / 8 + 1];

    (void)state;
    memo_keep_issues(memo, &key, bits, ARRAY_LEN(bits));
    assert_false(memo_issues(memo, &key, bits, ARRAY_LEN(bits)));
    memo_free(memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_a_request_counts),
        cmocka_unit_test(a_report_is_found_again_until_it_is_cleared),
        cmocka_unit_test(little_is_kept_and_what_was_used_last_stays),
        cmocka_unit_test(what_is_large_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
