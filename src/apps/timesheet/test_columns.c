/*
 * Tests of columns.c, settle.c and dictionary.c: single cases, and a long random run of changes
 * against a plain array of worklogs.
 */
#include "apps/timesheet/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"

static struct err err; /* of the call before; each test runs alone */

/* The call must succeed; prints its error when it does not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, err.msg);                                                    \
    } while (0)

static struct columns_row row(int64_t id, int64_t started_ms, int64_t issue, int64_t person,
                              int64_t seconds)
{
    return (struct columns_row){
        .id = id, .started_ms = started_ms, .issue = issue, .person = person, .seconds = seconds};
}

static void add(struct columns *columns, struct columns_row r)
{
    OK(columns_add(columns, &r, &err));
}

static void put(struct columns *columns, struct columns_row r)
{
    OK(columns_put(columns, &r, &err));
}

/* Columns with three persons and three tags, unsealed. */
static struct columns *with_names(void)
{
    struct columns *columns = columns_new(0);

    assert_non_null(columns);
    OK(columns_person(columns, 1, STR("carol"), &err));
    OK(columns_person(columns, 2, STR("alice"), &err));
    OK(columns_person(columns, 3, STR("bob"), &err));
    OK(columns_tag(columns, 1, STR("meeting"), &err));
    OK(columns_tag(columns, 2, STR("billable"), &err));
    OK(columns_tag(columns, 5, STR("travel"), &err));
    return columns;
}

/* "id@started/issue/person/seconds+tag+tag …", in the order of the columns. */
static void assert_content(const struct columns *columns, const char *expected)
{
    struct columns_view view = columns_view(columns);
    struct strbuf text = STRBUF_INIT(10000);
    size_t tagged = 0;

    for (size_t i = 0; i < view.rows; i++) {
        strbuf_addf(&text, "%s%lld@%lld/%lld/%u/%d", i > 0 ? " " : "", (long long)view.id[i],
                    (long long)view.started[i], (long long)view.issue_id[view.issue[i]],
                    view.person[i], view.seconds[i]);
        if (tagged < view.tagged && view.tag_row[tagged] == i) {
            for (uint32_t t = view.tag_from[tagged]; t < view.tag_from[tagged + 1]; t++)
                strbuf_addf(&text, "+%u", view.tags[t]);
            tagged++;
        }
    }
    assert_int_equal(tagged, view.tagged);
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
}

static void rows_are_sorted_by_start_whatever_their_order(void **state)
{
    struct columns *columns = with_names();

    (void)state;
    add(columns, row(10, 3000, 7, 1, 60));
    add(columns, row(11, -5000, 8, 2, 120));
    add(columns, row(12, 1000, 7, 3, 0));
    add(columns, row(13, 3000, 9, 0, 180));
    OK(columns_seal(columns, &err));
    assert_true(columns_settled(columns));
    assert_int_equal(columns_rows(columns), 4);
    assert_content(columns, "11@-5000/8/2/120 12@1000/7/3/0 10@3000/7/1/60 13@3000/9/0/180");
    columns_free(columns);
}

static void no_rows_are_columns_too(void **state)
{
    struct columns *columns = columns_new(10);

    (void)state;
    OK(columns_seal(columns, &err));
    assert_content(columns, "");
    OK(columns_remove(columns, 5, &err));
    OK(columns_settle(columns, &err));
    assert_content(columns, "");
    OK(columns_person(columns, 1, STR("alice"), &err));
    put(columns, row(1, 5, 5, 1, 5));
    OK(columns_settle(columns, &err));
    assert_content(columns, "1@5/5/1/5");
    columns_free(columns);
}

static void more_rows_than_expected_are_no_harm(void **state)
{
    struct columns *columns = columns_new(1);

    (void)state;
    add(columns, row(1, 5, 1, 0, 1));
    add(columns, row(2, 4, 1, 0, 1));
    add(columns, row(3, 3, 1, 0, 1));
    OK(columns_seal(columns, &err));
    assert_content(columns, "3@3/1/0/1 2@4/1/0/1 1@5/1/0/1");
    columns_free(columns);
}

static void a_put_replaces_the_row_and_keeps_its_tags(void **state)
{
    struct columns *columns = with_names();

    (void)state;
    add(columns, row(10, 1000, 7, 1, 60));
    add(columns, row(11, 2000, 7, 1, 60));
    add(columns, row(12, 3000, 7, 1, 60));
    OK(columns_tag_worklog(columns, 10, 2, &err));
    OK(columns_tag_worklog(columns, 12, 5, &err));
    OK(columns_seal(columns, &err));

    put(columns, row(11, 2000, 8, 2, 90));  /* stays in place */
    put(columns, row(10, 9000, 7, 3, 61));  /* goes to the end */
    put(columns, row(13, 2000, 77, 3, 10)); /* is new */
    assert_false(columns_settled(columns));
    OK(columns_settle(columns, &err));
    assert_content(columns, "11@2000/8/2/90 13@2000/77/3/10 12@3000/7/1/60+5 10@9000/7/3/61+2");
    columns_free(columns);
}

static void the_last_word_on_a_worklog_counts(void **state)
{
    struct columns *columns = with_names();

    (void)state;
    add(columns, row(10, 1000, 7, 1, 60));
    add(columns, row(11, 2000, 7, 1, 60));
    OK(columns_tag_worklog(columns, 10, 2, &err));
    OK(columns_tag_worklog(columns, 11, 1, &err));
    OK(columns_seal(columns, &err));

    put(columns, row(10, 5000, 7, 1, 1));
    OK(columns_remove(columns, 10, &err));
    put(columns, row(12, 5000, 7, 1, 2));
    OK(columns_remove(columns, 12, &err));
    OK(columns_remove(columns, 11, &err));
    put(columns, row(11, 2000, 7, 1, 3)); /* comes back without the tag it had */
    OK(columns_tag_worklog(columns, 11, 5, &err));
    OK(columns_remove(columns, 99, &err)); /* nobody knows it */
    OK(columns_settle(columns, &err));
    assert_content(columns, "11@2000/7/1/3+5");
    columns_free(columns);
}

static void tags_are_given_and_taken(void **state)
{
    struct columns *columns = with_names();

    (void)state;
    OK(columns_tag_worklog(columns, 11, 5, &err)); /* before its row is there */
    add(columns, row(10, 1000, 7, 1, 60));
    add(columns, row(11, 2000, 7, 1, 60));
    add(columns, row(12, 3000, 7, 1, 60));
    OK(columns_tag_worklog(columns, 10, 1, &err));
    OK(columns_tag_worklog(columns, 10, 2, &err));
    OK(columns_tag_worklog(columns, 10, 1, &err)); /* twice is once */
    OK(columns_tag_worklog(columns, 99, 1, &err)); /* of a worklog that is not there */
    OK(columns_seal(columns, &err));
    assert_content(columns, "10@1000/7/1/60+1+2 11@2000/7/1/60+5 12@3000/7/1/60");

    OK(columns_untag_worklog(columns, 10, 1, &err));
    OK(columns_untag_worklog(columns, 10, 5, &err)); /* it had not got it */
    OK(columns_untag_worklog(columns, 11, 5, &err));
    OK(columns_tag_worklog(columns, 12, 2, &err));
    OK(columns_settle(columns, &err));
    assert_content(columns, "10@1000/7/1/60+2 11@2000/7/1/60 12@3000/7/1/60+2");

    OK(columns_clear_tags(columns, 12, &err));
    OK(columns_tag_worklog(columns, 12, 5, &err));
    OK(columns_clear_tags(columns, 10, &err));
    OK(columns_settle(columns, &err));
    assert_content(columns, "10@1000/7/1/60 11@2000/7/1/60 12@3000/7/1/60+5");

    put(columns, row(99, 1, 7, 1, 1)); /* and the tag of before is forgotten */
    OK(columns_settle(columns, &err));
    assert_content(columns, "99@1/7/1/1 10@1000/7/1/60 11@2000/7/1/60 12@3000/7/1/60+5");
    columns_free(columns);
}

static void dictionaries_know_their_order(void **state)
{
    struct columns *columns = with_names();
    uint32_t ref = 0, code = 0;

    (void)state;
    add(columns, row(1, 1, 30, 1, 1));
    add(columns, row(2, 2, 10, 1, 1));
    add(columns, row(3, 3, 20, 1, 1));
    OK(columns_seal(columns, &err));

    struct columns_view view = columns_view(columns);

    assert_int_equal(view.persons.count, 3); /* alice 2, bob 3, carol 1 */
    assert_int_equal(view.persons.order[0], 2);
    assert_int_equal(view.persons.order[1], 3);
    assert_int_equal(view.persons.order[2], 1);
    assert_int_equal(view.persons.rank[1], 2);
    assert_true(columns_find_name(&view.persons, STR("bob"), &ref));
    assert_int_equal(ref, 3);
    assert_false(columns_find_name(&view.persons, STR("bo"), &ref));
    assert_false(columns_find_name(&view.persons, STR("zoe"), &ref));
    assert_true(columns_find_name(&view.tag_names, STR("travel"), &ref));
    assert_int_equal(ref, 5);
    assert_true(columns_find_issue(columns, 20, &code));
    assert_int_equal(view.issue_rank[code], 1);
    assert_false(columns_find_issue(columns, 40, &code));

    put(columns, row(4, 4, 15, 1, 1)); /* between known ones */
    put(columns, row(5, 5, 5, 1, 1));
    OK(columns_person(columns, 1, STR("aaron"), &err)); /* renamed */
    OK(columns_settle(columns, &err));
    view = columns_view(columns);
    assert_int_equal(view.persons.count, 3);
    assert_int_equal(view.persons.order[0], 1);
    assert_false(columns_find_name(&view.persons, STR("carol"), &ref));
    for (int64_t id = 5, rank = 0; id <= 30; id = id == 20 ? 30 : id + 5, rank++) {
        assert_true(columns_find_issue(columns, id, &code));
        assert_int_equal(view.issue_rank[code], rank);
        assert_int_equal(view.issue_id[code], id);
    }
    columns_free(columns);
}

static void a_row_of_somebody_without_account_id_is_refused_until_named(void **state)
{
    struct columns *columns = with_names();

    (void)state;
    add(columns, row(10, 2000, 7, 8, 60));
    add(columns, row(11, 1000, 7, 1, 60));
    assert_int_equal(columns_seal(columns, &err), ERR_CORRUPT);
    assert_string_equal(err.msg, "worklog 10 is of person 8, whose account id is missing");
    OK(columns_person(columns, 8, STR("dave"), &err));
    OK(columns_seal(columns, &err));

    put(columns, row(12, 3000, 7, 9, 60));
    OK(columns_remove(columns, 11, &err));
    assert_int_equal(columns_settle(columns, &err), ERR_CORRUPT);
    assert_string_equal(err.msg, "worklog 12 is of person 9, whose account id is missing");
    assert_int_equal(columns_rows(columns), 2); /* nothing happened, nothing is lost */
    OK(columns_person(columns, 9, STR("erin"), &err));
    OK(columns_settle(columns, &err));
    assert_content(columns, "10@2000/7/8/60 12@3000/7/9/60");

    OK(columns_tag_worklog(columns, 12, 4, &err));
    assert_int_equal(columns_settle(columns, &err), ERR_CORRUPT);
    assert_string_equal(err.msg, "worklog 12 has tag 4, whose name is missing");
    OK(columns_tag(columns, 4, STR("late"), &err));
    OK(columns_settle(columns, &err));
    assert_content(columns, "10@2000/7/8/60 12@3000/7/9/60+4");
    columns_free(columns);
}

static void values_out_of_range_are_named_and_refused(void **state)
{
    static char long_text[LIMIT_ACCOUNT_ID_BYTES + 1];
    struct columns *columns = with_names();
    const struct {
        struct columns_row row;
        const char *message;
    } cases[] = {
        {row(1, INT64_MAX, 7, 1, 1), "worklog 1 starts outside the years 1 to 9999"},
        {row(2, INT64_MIN, 7, 1, 1), "worklog 2 starts outside the years 1 to 9999"},
        {row(3, 1, 7, 1, -1), "worklog 3 has -1 seconds; they must be 0 to 2147483647"},
        {row(4, 1, 7, 1, INT64_C(1) << 31),
         "worklog 4 has 2147483648 seconds; they must be 0 to 2147483647"},
        {row(5, 1, 7, -1, 1), "worklog 5 is of person -1, which is not in 0..16777214, the range "
                              "of report columns"},
        {row(6, 1, 7, COLUMNS_REF_MAX + INT64_C(1), 1),
         "worklog 6 is of person 16777215, which is not in 0..16777214, the range of report "
         "columns"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(columns_add(columns, &cases[i].row, &err), ERR_CORRUPT);
        assert_string_equal(err.msg, cases[i].message);
    }
    assert_int_equal(columns_person(columns, 0, STR("zero"), &err), ERR_CORRUPT);
    assert_int_equal(columns_tag(columns, COLUMNS_REF_MAX + INT64_C(1), STR("x"), &err),
                     ERR_CORRUPT);
    assert_int_equal(columns_tag_worklog(columns, 1, 0, &err), ERR_CORRUPT);
    memset(long_text, 'a', sizeof(long_text));
    assert_int_equal(columns_person(columns, 1, (struct str){long_text, sizeof(long_text)}, &err),
                     ERR_CORRUPT);
    assert_string_equal(err.msg, "the account id of person 1 has 256 bytes; limit 255");
    OK(columns_seal(columns, &err));
    assert_int_equal(columns_put(columns, &cases[0].row, &err), ERR_CORRUPT);
    assert_true(columns_settled(columns));
    columns_free(columns);
}

static void a_worklog_that_was_added_twice_is_told_when_it_changes(void **state)
{
    struct columns *columns = with_names();

    (void)state;
    add(columns, row(10, 1000, 7, 1, 60));
    add(columns, row(10, 2000, 7, 1, 60));
    OK(columns_seal(columns, &err));
    OK(columns_remove(columns, 10, &err));
    assert_int_equal(columns_settle(columns, &err), ERR_BUG);
    assert_string_equal(err.msg, "worklog 10 is in the report columns twice");
    columns_free(columns);
}

static void a_row_takes_at_most_32_bytes(void **state)
{
    const int64_t rows = 200000;
    struct columns *columns = columns_new(0);
    uint64_t seed = 3;

    (void)state;
    OK(columns_person(columns, 1, STR("alice"), &err));
    for (int64_t i = 0; i < rows; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        add(columns, row(i, (int64_t)(seed >> 30), i % (rows / 20), 1, 60));
    }
    OK(columns_seal(columns, &err));
    assert_true(columns_bytes(columns) <= (size_t)rows * 32);
    columns_free(columns);
}

/* ---- A long random run against a plain array ---- */

#define MODEL_MAX 300
#define MODEL_TAGS 5

struct model_row {
    bool there;
    struct columns_row row;
    bool tags[MODEL_TAGS + 1];
};

static uint64_t roll(uint64_t *seed, uint64_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % below;
}

/* Few different starts, so that many are equal; the id is the place in the model. */
static struct columns_row random_row(uint64_t *seed, size_t id)
{
    return row((int64_t)id, (int64_t)roll(seed, 60) * 1000 - 30000, (int64_t)roll(seed, 40),
               (int64_t)roll(seed, 4), (int64_t)roll(seed, 1000));
}

static void change_both(struct columns *columns, struct model_row *model, uint64_t *seed)
{
    size_t id = roll(seed, MODEL_MAX);
    int64_t tag = 1 + (int64_t)roll(seed, MODEL_TAGS);
    struct model_row *one = &model[id];

    switch (roll(seed, 8)) {
    case 0:
        OK(columns_remove(columns, (int64_t)id, &err));
        *one = (struct model_row){0};
        break;
    case 1:
        OK(columns_clear_tags(columns, (int64_t)id, &err));
        memset(one->tags, 0, sizeof(one->tags));
        break;
    case 2:
        OK(columns_untag_worklog(columns, (int64_t)id, tag, &err));
        one->tags[tag] = false;
        break;
    case 3:
    case 4:
        OK(columns_tag_worklog(columns, (int64_t)id, tag, &err));
        one->tags[tag] = true;
        break;
    default:
        one->row = random_row(seed, id);
        one->there = true;
        OK(columns_put(columns, &one->row, &err));
    }
}

static void assert_like_model(const struct columns *columns, const struct model_row *model)
{
    struct columns_view view = columns_view(columns);
    size_t there = 0, tagged = 0;

    for (size_t id = 0; id < MODEL_MAX; id++)
        there += model[id].there;
    assert_int_equal(view.rows, there);
    for (size_t i = 0; i < view.rows; i++) {
        const struct model_row *one = &model[view.id[i]];
        bool tags[MODEL_TAGS + 1] = {false};

        assert_true(one->there);
        assert_int_equal(view.id[i], one->row.id);
        assert_int_equal(view.started[i], one->row.started_ms);
        assert_int_equal(view.person[i], one->row.person);
        assert_int_equal(view.issue_id[view.issue[i]], one->row.issue);
        assert_int_equal(view.seconds[i], one->row.seconds);
        if (i > 0)
            assert_true(view.started[i - 1] <= view.started[i]);
        if (tagged < view.tagged && view.tag_row[tagged] == i) {
            assert_true(view.tag_from[tagged] < view.tag_from[tagged + 1]);
            for (uint32_t t = view.tag_from[tagged]; t < view.tag_from[tagged + 1]; t++) {
                assert_false(tags[view.tags[t]]);
                tags[view.tags[t]] = true;
            }
            tagged++;
        }
        assert_memory_equal(tags, one->tags, sizeof(tags));
    }
    assert_int_equal(tagged, view.tagged);
    for (size_t code = 0; code < view.issues; code++)
        for (size_t other = 0; other < code; other++)
            assert_true((view.issue_id[code] < view.issue_id[other]) ==
                        (view.issue_rank[code] < view.issue_rank[other]));
}

static void run_of_changes(uint64_t seed)
{
    static struct model_row model[MODEL_MAX];
    struct columns *columns = columns_new(0);
    size_t first = roll(&seed, MODEL_MAX);

    memset(model, 0, sizeof(model));
    for (int64_t ref = 1; ref <= MODEL_TAGS; ref++) {
        char name[8];

        snprintf(name, sizeof(name), "n%d", (int)roll(&seed, 1000));
        OK(columns_person(columns, ref, str_from(name), &err));
        OK(columns_tag(columns, ref, str_from(name), &err));
    }
    for (size_t id = 0; id < first; id++) {
        model[id].row = random_row(&seed, id);
        model[id].there = true;
        add(columns, model[id].row);
        if (roll(&seed, 3) == 0) {
            int64_t tag = 1 + (int64_t)roll(&seed, MODEL_TAGS);

            OK(columns_tag_worklog(columns, (int64_t)id, tag, &err));
            model[id].tags[tag] = true;
        }
    }
    OK(columns_seal(columns, &err));
    assert_like_model(columns, model);
    for (int turn = 0; turn < 60; turn++) {
        uint64_t changes = roll(&seed, turn % 5 == 0 ? 200 : 6);

        for (uint64_t i = 0; i < changes; i++)
            change_both(columns, model, &seed);
        OK(columns_settle(columns, &err));
        for (size_t id = 0; id < MODEL_MAX; id++)
            if (!model[id].there)
                memset(model[id].tags, 0, sizeof(model[id].tags)); /* forgotten by now */
        assert_like_model(columns, model);
    }
    columns_free(columns);
}

static void any_run_of_changes_ends_like_a_plain_array(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        run_of_changes(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_by_start_whatever_their_order),
        cmocka_unit_test(no_rows_are_columns_too),
        cmocka_unit_test(more_rows_than_expected_are_no_harm),
        cmocka_unit_test(a_put_replaces_the_row_and_keeps_its_tags),
        cmocka_unit_test(the_last_word_on_a_worklog_counts),
        cmocka_unit_test(tags_are_given_and_taken),
        cmocka_unit_test(dictionaries_know_their_order),
        cmocka_unit_test(a_row_of_somebody_without_account_id_is_refused_until_named),
        cmocka_unit_test(values_out_of_range_are_named_and_refused),
        cmocka_unit_test(a_worklog_that_was_added_twice_is_told_when_it_changes),
        cmocka_unit_test(a_row_takes_at_most_32_bytes),
        cmocka_unit_test(any_run_of_changes_ends_like_a_plain_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
