/* Tests of canary.c: a text is found wherever it lies, and is at home in one place only. */
#include "custody/canary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "store/records.h"

#define BLOCK_BYTES ((size_t)1024 * 1024)

static const struct field note_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
    {"plain", TYPE_TEXT, CLASS_META, FIELD_NULL, "something plain"},
    {"other", TYPE_TEXT, CLASS_META, FIELD_NULL, "something else"},
    {"body", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "what it says"},
    {"token", TYPE_TEXT, CLASS_SECRET, FIELD_NULL, "what opens it"},
};
static const struct record note_record = {
    .name = "note",
    .app = "notes",
    .scope = SCOPE_TENANT,
    .why = "to remember",
    .retention = RETAIN_WHILE_TENANT,
    .shown_to = "everybody",
    RECORD_FIELDS(note_fields),
};
static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record,    &note_record};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};

struct fixture {
    struct store_world world;
    struct canaries canaries;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &catalog, 7);
    canaries_init(&fixture->canaries, &fixture->world.fake.ctx, &catalog);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    canaries_done(&fixture->canaries);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static void search_files(struct fixture *fixture)
{
    ok(fixture, canary_search_files(&fixture->canaries, fixture->world.scratch.dir, &fixture->err));
}

static void search_rows(struct fixture *fixture)
{
    ok(fixture, canary_search_rows(&fixture->canaries, fixture->world.tenant->db, SCOPE_TENANT,
                                   &fixture->err));
}

static void put(struct fixture *fixture, const char *sql, struct str value)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(fixture, db_prepare(fixture->world.tenant->db, sql, &stmt, &fixture->err));
    db_bind_blob(stmt, 1, value);
    ok(fixture, db_run(stmt, &fixture->err));
}

static void found_is(struct fixture *fixture, const char *wanted)
{
    if (!strstr(strbuf_z(&fixture->canaries.found), wanted))
        fail_msg("not told: %s; told: %s", wanted, strbuf_z(&fixture->canaries.found));
}

static void two_texts_are_never_the_same(void **state)
{
    struct fixture *fixture = *state;
    const char *one = canary_of(&fixture->canaries, "note", "plain", "x");
    const char *two = canary_of(&fixture->canaries, "note", "plain", "x");

    assert_int_equal(strlen(one), CANARY_BYTES);
    assert_string_not_equal(one, two);
}

static void a_text_in_a_file_is_found_wherever_it_lies(void **state)
{
    static const size_t places[] = {0,
                                    1,
                                    BLOCK_BYTES - CANARY_BYTES,
                                    BLOCK_BYTES - 15,
                                    BLOCK_BYTES - 1,
                                    BLOCK_BYTES,
                                    2 * BLOCK_BYTES - 20};
    struct fixture *fixture = *state;
    char *bytes = calloc(1, 3 * BLOCK_BYTES);
    const char *text = canary_of(&fixture->canaries, "note", "body", "x");

    assert_non_null(bytes);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        memset(bytes, 'c', 3 * BLOCK_BYTES);
        memcpy(bytes + places[i], text, CANARY_BYTES);
        scratch_write(scratch_path(&fixture->world.scratch, "data/a.log"),
                      (struct str){bytes, 3 * BLOCK_BYTES});
        fixture->canaries.list[0].raw = 0;
        search_files(fixture);
        if (fixture->canaries.list[0].raw != 1)
            fail_msg("at %zu it is found %lld times", places[i],
                     (long long)fixture->canaries.list[0].raw);
    }
    found_is(fixture, "note.body (x) is in ");
    found_is(fixture, "data/a.log");
    free(bytes);
}

static void a_text_in_the_name_of_a_file_is_found(void **state)
{
    struct fixture *fixture = *state;
    char name[100];

    (void)snprintf(name, sizeof(name), "data/%s.txt",
                   canary_stranger(&fixture->canaries, "a person's name"));
    search_files(fixture);
    assert_int_equal(fixture->canaries.list[0].raw, 0);
    scratch_write(scratch_path(&fixture->world.scratch, name), STR("x"));
    search_files(fixture);
    assert_int_equal(fixture->canaries.list[0].raw, 1);
    found_is(fixture, "a text that must not be stored (a person's name) is in the name of a file");
}

static void a_plain_text_is_at_home_in_its_own_column_only(void **state)
{
    struct fixture *fixture = *state;
    const char *text = canary_of(&fixture->canaries, "note", "plain", "x");

    put(fixture, SQL("INSERT INTO note (id, plain) VALUES (1, CAST($1 AS TEXT))"), str_from(text));
    search_rows(fixture);
    assert_true(fixture->canaries.list[0].arrived);
    assert_int_equal(fixture->canaries.list[0].open, 0);
    put(fixture, SQL("INSERT INTO note (id, other) VALUES (2, CAST($1 AS TEXT))"), str_from(text));
    search_rows(fixture);
    assert_int_equal(fixture->canaries.list[0].open, 1);
    found_is(fixture, "note.plain (x) is in note.other");
    search_files(fixture); /* the database file is encrypted */
    assert_int_equal(fixture->canaries.list[0].raw, 0);
}

static void what_is_to_be_sealed_and_lies_open_is_found(void **state)
{
    struct fixture *fixture = *state;
    const char *text = canary_of(&fixture->canaries, "note", "body", "x");

    put(fixture, SQL("INSERT INTO note (id, body) VALUES (1, $1)"), str_from(text));
    search_rows(fixture);
    assert_int_equal(fixture->canaries.list[0].open, 1);
    assert_false(fixture->canaries.list[0].arrived);
    found_is(fixture, "note.body (x) is in note.body");
}

static void what_is_sealed_has_arrived_and_is_seen_by_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf sealed = STRBUF_INIT(1000);
    const struct vault_place place = {.record = "note", .field = "body", .row = 1};
    const char *text = canary_of(&fixture->canaries, "note", "body", "x");
    const char *lost = canary_of(&fixture->canaries, "note", "body", "y");

    ok(fixture, vault_seal(fixture->world.tenant->vault, &fixture->world.fake.ctx, &place,
                           str_from(text), &sealed, &fixture->err));
    put(fixture, SQL("INSERT INTO note (id, body) VALUES (1, $1)"), strbuf_str(&sealed));
    search_rows(fixture);
    search_files(fixture);
    ok(fixture, canary_open_sealed(&fixture->canaries, fixture->world.tenant, &fixture->err));
    assert_int_equal(fixture->canaries.list[0].open + fixture->canaries.list[0].raw, 0);
    assert_true(fixture->canaries.list[0].arrived);
    assert_false(fixture->canaries.list[1].arrived);
    assert_string_not_equal(text, lost);
    assert_int_equal(fixture->canaries.found.len, 0);
    strbuf_done(&sealed);
}

static void a_folder_that_cannot_be_read_is_told(void **state)
{
    struct fixture *fixture = *state;

    assert_int_not_equal(canary_search_files(&fixture->canaries,
                                             scratch_path(&fixture->world.scratch, "nowhere"),
                                             &fixture->err),
                         ERR_OK);
    assert_non_null(strstr(fixture->err.msg, "nowhere"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_texts_are_never_the_same),
        TEST(a_text_in_a_file_is_found_wherever_it_lies),
        TEST(a_text_in_the_name_of_a_file_is_found),
        TEST(a_plain_text_is_at_home_in_its_own_column_only),
        TEST(what_is_to_be_sealed_and_lies_open_is_found),
        TEST(what_is_sealed_has_arrived_and_is_seen_by_nobody),
        TEST(a_folder_that_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
