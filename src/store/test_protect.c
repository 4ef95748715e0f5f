/* Tests of protect.c: a field that becomes sealed, for rows that exist, whenever it is stopped. */
#include "store/protect.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/scratch.h"
#include "../../tests/lib/store_world.h"
#include "store/records.h"
#include "store/schema.h"

#define ROWS 2500 /* more than two steps */
#define PLANTED "planted-text-of-a-note"

static const unsigned char key[DB_KEY_BYTES] = "a key of thirty-two bytes in all";

static const struct field before_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
    {"body", TYPE_TEXT, CLASS_META, FIELD_NULL | FIELD_INDEX, "what it says"},
    {"written", TYPE_TIME, CLASS_META, 0, "when"},
};
static const struct field after_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
    {"body", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "what it says", .class_since = 2,
     .class_before = CLASS_META},
    {"written", TYPE_TIME, CLASS_META, 0, "when"},
};
static const struct field word_before_fields[] = {
    {"word", TYPE_TEXT, CLASS_ID, FIELD_KEY, "the word"},
    {"meaning", TYPE_TEXT, CLASS_SETTING, 0, "what it means"},
};
static const struct field word_after_fields[] = {
    {"word", TYPE_TEXT, CLASS_ID, FIELD_KEY, "the word"},
    {"meaning", TYPE_TEXT, CLASS_CONTENT, 0, "what it means", .class_since = 2,
     .class_before = CLASS_SETTING},
};
#define RECORD(name_, fields_)                                                                     \
    {                                                                                              \
        .name = (name_), .app = "notes", .scope = SCOPE_TENANT, .why = "to remember",              \
        .retention = RETAIN_WHILE_TENANT, .shown_to = "everybody", RECORD_FIELDS(fields_)          \
    }
static const struct record note_before = RECORD("note", before_fields);
static const struct record note_after = RECORD("note", after_fields);
static const struct record word_before = RECORD("word", word_before_fields);
static const struct record word_after = RECORD("word", word_after_fields);
static const struct record *const records_before[] = {&schema_change_record, &note_before,
                                                      &word_before};
static const struct record *const records_after[] = {&schema_change_record, &note_after,
                                                     &word_after};
static const struct catalog before = {1, records_before, ARRAY_LEN(records_before)};
static const struct catalog after = {2, records_after, ARRAY_LEN(records_after)};

/* Whose keys are used. */
static const struct record *const records_core[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record};
static const struct catalog core = {1, records_core, ARRAY_LEN(records_core)};

struct fixture {
    struct store_world world;
    const struct ctx *ctx;
    struct vault *vault;
    struct db *db;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static void open_it(struct fixture *fixture)
{
    const struct db_options options = {
        .path = scratch_path(&fixture->world.scratch, "test.db"), .key = key, .create = true};

    ok(fixture, db_open(fixture->ctx, &options, &fixture->db, &fixture->err));
}

static void write_rows(struct fixture *fixture)
{
    ok(fixture,
       db_exec(fixture->db,
               "INSERT INTO note (id, body, written)"
               " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
               " SELECT i, CASE WHEN i % 10 = 0 THEN NULL ELSE '" PLANTED " ' || i END, 7 FROM n;"
               "INSERT INTO word (word, meaning) VALUES ('ab', '" PLANTED "'), ('c', '');",
               &fixture->err));
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &core, 5);
    fixture->ctx = &fixture->world.fake.ctx;
    fixture->vault = fixture->world.tenant->vault;
    open_it(fixture);
    ok(fixture, schema_apply(fixture->db, fixture->ctx, &before, SCOPE_TENANT, &fixture->err));
    write_rows(fixture);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->db);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static enum err_class protect(struct fixture *fixture)
{
    enum err_class rc = protect_apply(fixture->db, fixture->ctx, fixture->vault, &after,
                                      SCOPE_TENANT, &fixture->err);

    assert_false(db_in_tx(fixture->db));
    return rc;
}

static int64_t number(struct fixture *fixture, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->db, sql, &stmt, &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(row);
    return db_i64(stmt, 0);
}

/* Every note opens in its own place and says what it said. */
static void all_say_what_they_said(struct fixture *fixture)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct strbuf plain = STRBUF_INIT(1000);
    int64_t seen = 0;
    bool row = false;

    ok(fixture,
       db_prepare(fixture->db, SQL("SELECT id, body FROM note ORDER BY id"), &stmt, &fixture->err));
    while (db_step(stmt, &row, &fixture->err) == ERR_OK && row) {
        struct vault_place place = {.record = "note", .field = "body", .row = db_i64(stmt, 0)};
        char wanted[100];

        seen++;
        if (place.row % 10 == 0) {
            assert_true(db_is_null(stmt, 1));
            continue;
        }
        (void)snprintf(wanted, sizeof(wanted), PLANTED " %lld", (long long)place.row);
        strbuf_reset(&plain);
        ok(fixture, vault_unseal(fixture->vault, &place, db_blob(stmt, 1), &plain, &fixture->err));
        assert_string_equal(strbuf_z(&plain), wanted);
    }
    assert_int_equal(seen, ROWS);
    strbuf_done(&plain);
}

static void what_stood_in_a_plain_column_is_sealed(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf plain = STRBUF_INIT(1000);
    const struct vault_place place = {.record = "word", .field = "meaning", .row_text = STR("ab")};
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, protect(fixture));
    ok(fixture, schema_apply(fixture->db, fixture->ctx, &after, SCOPE_TENANT, &fixture->err));
    all_say_what_they_said(fixture);
    ok(fixture, db_prepare(fixture->db, SQL("SELECT meaning FROM word WHERE word = 'ab'"), &stmt,
                           &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    ok(fixture, vault_unseal(fixture->vault, &place, db_blob(stmt, 0), &plain, &fixture->err));
    assert_string_equal(strbuf_z(&plain), PLANTED);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sqlite_master"
                                         " WHERE type = 'index' AND name = 'note__body'")),
                     0);
    strbuf_done(&plain);
}

static void a_second_run_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, protect(fixture));
    ok(fixture, protect(fixture)); /* ended before the new version was recorded */
    ok(fixture, schema_apply(fixture->db, fixture->ctx, &after, SCOPE_TENANT, &fixture->err));
    ok(fixture, protect(fixture));
    all_say_what_they_said(fixture);
}

static void a_new_database_needs_none(void **state)
{
    struct fixture *fixture = *state;
    struct db *fresh = NULL;
    const struct db_options options = {
        .path = scratch_path(&fixture->world.scratch, "fresh.db"), .key = key, .create = true};

    ok(fixture, db_open(fixture->ctx, &options, &fresh, &fixture->err));
    ok(fixture,
       protect_apply(fresh, fixture->ctx, fixture->vault, &after, SCOPE_TENANT, &fixture->err));
    ok(fixture, schema_apply(fresh, fixture->ctx, &after, SCOPE_TENANT, &fixture->err));
    db_close(fresh);
}

/* The wish to stop comes before the nth step; the next opening goes on. */
static void one_that_was_stopped_goes_on(void **state)
{
    struct fixture *fixture = *state;

    volatile sig_atomic_t stop = 1;
    struct ctx stopping = *fixture->ctx;

    stopping.stop = &stop;
    assert_int_equal(
        protect_apply(fixture->db, &stopping, fixture->vault, &after, SCOPE_TENANT, &fixture->err),
        ERR_CANCELLED);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM note WHERE body IS NOT NULL")),
                     ROWS - ROWS / 10);

    /* Stopped in the middle: the second column is there, and some of it is filled. */
    ok(fixture,
       db_exec(fixture->db, "ALTER TABLE note ADD COLUMN body__sealed BLOB", &fixture->err));
    for (int64_t id = 1; id < 1500; id++) {
        struct strbuf sealed = STRBUF_INIT(1000);
        struct vault_place place = {.record = "note", .field = "body", .row = id};
        AUTO(db_finish_autop) struct db_stmt *put = NULL;
        char text[100];

        if (id % 10 == 0)
            continue;
        (void)snprintf(text, sizeof(text), PLANTED " %lld", (long long)id);
        ok(fixture, vault_seal(fixture->vault, fixture->ctx, &place, str_from(text), &sealed,
                               &fixture->err));
        ok(fixture, db_prepare(fixture->db, SQL("UPDATE note SET body__sealed = $1 WHERE id = $2"),
                               &put, &fixture->err));
        db_bind_blob(put, 1, strbuf_str(&sealed));
        db_bind_i64(put, 2, id);
        ok(fixture, db_run(put, &fixture->err));
        strbuf_done(&sealed);
    }
    db_close(fixture->db);
    open_it(fixture);
    ok(fixture, protect(fixture));
    ok(fixture, schema_apply(fixture->db, fixture->ctx, &after, SCOPE_TENANT, &fixture->err));
    all_say_what_they_said(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_stood_in_a_plain_column_is_sealed, begin, end),
        cmocka_unit_test_setup_teardown(a_second_run_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_new_database_needs_none, begin, end),
        cmocka_unit_test_setup_teardown(one_that_was_stopped_goes_on, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
