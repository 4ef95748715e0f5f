/* Tests of catalog.c: look-ups, and each rule of the catalogue broken once. */
#include "policy/catalog.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A catalogue that keeps all rules, in memory of its own, so that a test can break one. */
struct fixture {
    struct field owner_fields[2];
    struct field note_fields[6];
    struct record owner, note;
    const struct record *records[2];
    struct catalog catalog;
};

static const struct fixture good = {
    .owner_fields =
        {
            {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
            {"account", TYPE_TEXT, CLASS_PERSON, FIELD_UNIQUE, "who it is"},
        },
    .note_fields =
        {
            {"owner", TYPE_REF, CLASS_PERSON, FIELD_KEY, "whose note it is", .ref = "owner"},
            {"number", TYPE_INT, CLASS_ID, FIELD_KEY, "which of them"},
            {"text", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "what it says"},
            {"text_digest", TYPE_BLOB, CLASS_META, FIELD_INDEX, "to find it by its text",
             .digest_of = "text"},
            {"written", TYPE_TIME, CLASS_META, 0, "when it was written"},
            {"colour", TYPE_TEXT, CLASS_SETTING, FIELD_NULL, "how it looks", .since = 2},
        },
    .owner = {.name = "owner",
              .app = "core",
              .scope = SCOPE_TENANT,
              .why = "to know whose notes they are",
              .retention = RETAIN_WHILE_TENANT,
              .shown_to = "everybody",
              .field_count = 2},
    .note = {.name = "note",
             .app = "notes",
             .scope = SCOPE_TENANT,
             .why = "to remember",
             .retention = RETAIN_DAYS,
             .retention_days = 30,
             .retention_field = "written",
             .shown_to = "its owner",
             .field_count = 6},
};

static int begin(void **state)
{
    struct fixture *fixture = malloc(sizeof(*fixture));

    assert_non_null(fixture);
    *fixture = good;
    fixture->owner.fields = fixture->owner_fields;
    fixture->note.fields = fixture->note_fields;
    fixture->records[0] = &fixture->owner;
    fixture->records[1] = &fixture->note;
    fixture->catalog =
        (struct catalog){.version = 2, .records = fixture->records, .record_count = 2};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    free(*state);
    return 0;
}

static void refused(struct fixture *fixture, const char *where, const char *why)
{
    struct err err = {0};

    assert_int_equal(catalog_check(&fixture->catalog, &err), ERR_BUG);
    if (!strstr(err.msg, where) || !strstr(err.msg, why))
        fail_msg("the message names not '%s' and '%s': %s", where, why, err.msg);
}

static void passes(const struct fixture *fixture)
{
    struct err err = {0};

    if (catalog_check(&fixture->catalog, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void a_good_catalogue_passes(void **state)
{
    struct fixture *fixture = *state;

    passes(fixture);
    fixture->catalog.record_count = 0; /* and so does an empty one */
    passes(fixture);
}

static void names_are_lower_snake_case(void **state)
{
    static const char *const bad[] = {
        "",
        "Name",
        "1st",
        "_x",
        "a-b",
        "a b",
        "a.b",
        "a;drop",
        "caf\xc3\xa9",
        "a0123456789012345678901234567890123456789012345678901234567890123", /* 65 */
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        fixture->note.name = bad[i];
        refused(fixture, "record", "lower_snake_case");
        fixture->note.name = "note";
        fixture->note_fields[4].name = bad[i];
        fixture->note.retention_field = bad[i];
        refused(fixture, "note.", "lower_snake_case");
        fixture->note_fields[4].name = "written";
        fixture->note.retention_field = "written";
        fixture->note.app = bad[i];
        refused(fixture, "note", "app");
        fixture->note.app = "notes";
    }
    fixture->note.name = NULL;
    refused(fixture, "record", "lower_snake_case");
    fixture->note.name = "note";
    for (size_t i = 1; i < 6; i++) { /* also where a look-up comes by */
        const char *name = fixture->note_fields[i].name;

        fixture->note_fields[i].name = NULL;
        refused(fixture, "note", i == 4 ? "not declared" : "lower_snake_case");
        fixture->note_fields[i].name = name;
    }
    fixture->owner.name = NULL;
    refused(fixture, "record ?", "lower_snake_case");
    fixture->owner.name = "owner";
    fixture->note_fields[5].name =
        "a01234567890123456789012345678901234567890123456789012345678901"; /* 63 */
    passes(fixture);
}

static void names_are_unique(void **state)
{
    struct fixture *fixture = *state;

    fixture->note_fields[5].name = "number";
    refused(fixture, "note.number", "twice");
    fixture->note_fields[5].name = "colour";
    fixture->note.name = "owner";
    refused(fixture, "owner", "twice");
}

static void every_sentence_is_there(void **state)
{
    static const char *const bad[] = {NULL, "", "x"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        fixture->note_fields[2].what = bad[i];
        refused(fixture, "note.text", "say what it is");
        fixture->note_fields[2].what = "what it says";
        fixture->note.why = bad[i];
        refused(fixture, "note", "purpose");
        fixture->note.why = "to remember";
        fixture->note.shown_to = bad[i];
        refused(fixture, "note", "audience");
        fixture->note.shown_to = "its owner";
    }
    fixture->note.app = NULL;
    refused(fixture, "note", "app");
}

static void a_record_has_a_key_and_it_stands_first(void **state)
{
    struct fixture *fixture = *state;

    fixture->note_fields[0].flags = 0;
    refused(fixture, "note", "no key");
    fixture->note_fields[0].flags = FIELD_KEY;
    fixture->note_fields[4].flags = FIELD_KEY;
    refused(fixture, "note.written", "first");
    fixture->note_fields[4].flags = 0;
    fixture->note_fields[1].flags = FIELD_KEY | FIELD_NULL;
    refused(fixture, "note.number", "cannot be absent");
    fixture->note_fields[1].flags = FIELD_KEY;
    fixture->note.field_count = 0;
    refused(fixture, "note", "no key");
}

static void references_and_digests_point_at_something(void **state)
{
    struct fixture *fixture = *state;

    fixture->note_fields[0].ref = "nobody";
    refused(fixture, "note.owner", "not declared");
    fixture->note_fields[0].ref = NULL;
    refused(fixture, "note.owner", "belong together");
    fixture->note_fields[0].ref = "owner";
    fixture->note_fields[1].ref = "owner"; /* an int is no reference */
    refused(fixture, "note.number", "belong together");
    fixture->note_fields[1].ref = NULL;
    fixture->note_fields[3].digest_of = "nothing";
    refused(fixture, "note.text_digest", "not declared");
}

static void an_index_goes_on_with_another_field_that_can_be_searched(void **state)
{
    struct fixture *fixture = *state;

    fixture->note_fields[5].index_then = "written";
    passes(fixture);
    fixture->note_fields[5].index_then = "nothing";
    refused(fixture, "note.colour", "not declared");
    fixture->note_fields[5].index_then = "colour";
    refused(fixture, "note.colour", "not declared");
    fixture->note_fields[5].index_then = "text";
    refused(fixture, "note.colour", "sealed");
    fixture->note_fields[5].index_then = NULL;
    fixture->note_fields[2].index_then = "written";
    refused(fixture, "note.text", "digest");
}

static void what_is_sealed_is_text_or_blob_and_not_searched(void **state)
{
    static const unsigned searched[] = {FIELD_UNIQUE, FIELD_INDEX};
    struct fixture *fixture = *state;

    fixture->note_fields[4].class = CLASS_CONTENT;
    refused(fixture, "note.written", "text and blobs");
    fixture->note_fields[4].class = CLASS_SECRET;
    refused(fixture, "note.written", "text and blobs");
    fixture->note_fields[4].class = CLASS_META;
    for (size_t i = 0; i < ARRAY_LEN(searched); i++) {
        fixture->note_fields[2].flags = searched[i];
        refused(fixture, "note.text", "digest");
    }
    fixture->note_fields[2].flags = 0;
    fixture->owner_fields[0] =
        (struct field){"id", TYPE_TEXT, CLASS_SECRET, FIELD_KEY, "its number"};
    refused(fixture, "owner.id", "digest");
    fixture->owner_fields[0] = good.owner_fields[0];
    fixture->note_fields[2].type = TYPE_BLOB;
    passes(fixture);
}

static void a_later_field_needs_a_value_for_the_rows_that_exist(void **state)
{
    struct fixture *fixture = *state;

    fixture->note_fields[5].flags = 0;
    refused(fixture, "note.colour", "default");
    fixture->note_fields[5].default_sql = "'red'";
    passes(fixture);
}

static void retention_in_days_names_days_and_a_time(void **state)
{
    struct fixture *fixture = *state;

    fixture->note.retention_days = 0;
    refused(fixture, "note", "days belong");
    fixture->note.retention_days = 30;
    fixture->note.retention_field = NULL;
    refused(fixture, "note", "counts from");
    fixture->note.retention_field = "never";
    refused(fixture, "note", "not declared");
    fixture->note.retention = RETAIN_WHILE_TENANT;
    fixture->note.retention_field = NULL;
    refused(fixture, "note", "days belong");
    fixture->note.retention = RETAIN_AFTER_TENANT;
    passes(fixture);
    fixture->note.retention_field = "written";
    refused(fixture, "note", "counts from");
    fixture->note.retention_field = NULL;
    fixture->note.retention_days = 0;
    refused(fixture, "note", "days belong");
}

static void look_ups_find_by_the_whole_name(void **state)
{
    struct fixture *fixture = *state;

    assert_ptr_equal(catalog_record(&fixture->catalog, "note"), &fixture->note);
    assert_null(catalog_record(&fixture->catalog, "not"));
    assert_null(catalog_record(&fixture->catalog, "notes"));
    assert_ptr_equal(record_field(&fixture->note, "text"), &fixture->note_fields[2]);
    assert_null(record_field(&fixture->note, "tex"));
    assert_null(record_field(&fixture->note, ""));
}

static void retention_is_said_in_words(void **state)
{
    static const struct {
        struct record record;
        const char *text;
    } cases[] = {
        {{.retention = RETAIN_WHILE_TENANT}, "while the tenant exists"},
        {{.retention = RETAIN_DAYS, .retention_days = 30, .retention_field = "written"},
         "30 days after written"},
        {{.retention = RETAIN_UNTIL_WITHDRAWN}, "until withdrawn"},
        {{.retention = RETAIN_AFTER_TENANT, .retention_days = 7},
         "7 days after the tenant is removed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf buf = STRBUF_INIT(100);

        strbuf_add_z(&buf, "kept ");
        record_retention_text(&cases[i].record, &buf);
        assert_memory_equal(strbuf_z(&buf), "kept ", 5);
        assert_string_equal(strbuf_z(&buf) + 5, cases[i].text);
        strbuf_done(&buf);
    }
}

static void names_of_values_are_stable_and_distinct(void **state)
{
    (void)state;
    assert_string_equal(field_type_name(TYPE_REF), "ref");
    assert_string_equal(field_type_name(TYPE_TIME), "time");
    assert_string_equal(retention_name(RETAIN_AFTER_TENANT), "after_tenant");
    assert_string_equal(legal_basis_name(BASIS_LEGAL_DUTY), "legal_duty");
    assert_string_equal(record_source_name(SOURCE_TENON), "tenon");
    assert_string_equal(erase_action_name(ERASE_NONE), "none");
    for (int class = 0; class < CLASS_COUNT; class ++) {
        const struct class_policy *policy = class_policy((enum field_class) class);
        bool secret = class == CLASS_SECRET, content = class == CLASS_CONTENT;

        assert_true(strlen(policy->name) > 1);
        assert_true(strlen(policy->meaning) > 5);
        assert_true(strlen(policy->protection) > 5);
        assert_true(strlen(policy->category) > 5);
        assert_int_equal(policy->sealed, secret || content);
        assert_int_equal(policy->exported, !secret);
        for (int other = 0; other < class; other++)
            assert_string_not_equal(policy->name, class_policy((enum field_class)other)->name);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_good_catalogue_passes),
        TEST(names_are_lower_snake_case),
        TEST(names_are_unique),
        TEST(every_sentence_is_there),
        TEST(a_record_has_a_key_and_it_stands_first),
        TEST(references_and_digests_point_at_something),
        TEST(an_index_goes_on_with_another_field_that_can_be_searched),
        TEST(what_is_sealed_is_text_or_blob_and_not_searched),
        TEST(a_later_field_needs_a_value_for_the_rows_that_exist),
        TEST(retention_in_days_names_days_and_a_time),
        TEST(look_ups_find_by_the_whole_name),
        TEST(retention_is_said_in_words),
        TEST(names_of_values_are_stable_and_distinct),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
