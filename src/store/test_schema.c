/* Tests of schema.c: tables from records, and what is refused instead of changed. */
#include "store/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fault_vfs.h"
#include "../../tests/lib/scratch.h"
#include "base/disk.h"
#include "store/records.h"

static const unsigned char key[DB_KEY_BYTES] = "a key of thirty-two bytes in all";

/* ---- three versions of one catalogue ---- */

#define NOTE_FIELDS                                                                                \
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},                                           \
        {"text", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "what it says"},                            \
        {"text_digest", TYPE_BLOB, CLASS_META, FIELD_UNIQUE, "to find it", .digest_of = "text"},   \
    {                                                                                              \
        "written", TYPE_TIME, CLASS_META, FIELD_INDEX, "when"                                      \
    }
#define NOTE(since_, fields_)                                                                      \
    {                                                                                              \
        .name = "note", .app = "notes", .scope = SCOPE_TENANT, .why = "to remember",               \
        .retention = RETAIN_WHILE_TENANT, .shown_to = "everybody", .since = (since_),              \
        RECORD_FIELDS(fields_)                                                                     \
    }

static const struct field note_1_fields[] = {NOTE_FIELDS};
static const struct field note_2_fields[] = {
    NOTE_FIELDS,
    {"colour", TYPE_TEXT, CLASS_SETTING, FIELD_NULL | FIELD_INDEX, "how it looks", .since = 2},
    {"pinned", TYPE_INT, CLASS_SETTING, 0, "whether it stays", .default_sql = "1", .since = 2},
};
static const struct field note_3_fields[] = {
    NOTE_FIELDS,
    {"colour", TYPE_TEXT, CLASS_SETTING, FIELD_NULL | FIELD_INDEX, "how it looks", .since = 2},
    {"pinned", TYPE_INT, CLASS_SETTING, 0, "whether it stays", .default_sql = "1", .since = 2,
     .index_then = "size"},
    {"size", TYPE_INT, CLASS_META, FIELD_NULL, "how large it is", .since = 3},
};
static const struct field pair_fields[] = {
    {"note", TYPE_REF, CLASS_ID, FIELD_KEY, "the note", .ref = "note"},
    {"name", TYPE_TEXT, CLASS_ID, FIELD_KEY, "of what kind"},
    {"body", TYPE_TEXT, CLASS_META, 0, "what"},
};
static const struct record note_1 = NOTE(1, note_1_fields);
static const struct record note_2 = NOTE(1, note_2_fields);
static const struct record note_3 = NOTE(1, note_3_fields);
static const struct record pair = {.name = "pair",
                                   .app = "notes",
                                   .scope = SCOPE_TENANT,
                                   .why = "to pair",
                                   .retention = RETAIN_WHILE_TENANT,
                                   .shown_to = "everybody",
                                   .since = 2,
                                   RECORD_FIELDS(pair_fields)};

static const struct record *const records_1[] = {&control_schema_change_record, &tenant_record,
                                                 &schema_change_record, &person_record, &note_1};
static const struct record *const records_2[] = {&control_schema_change_record,
                                                 &tenant_record,
                                                 &schema_change_record,
                                                 &person_record,
                                                 &note_2,
                                                 &pair};
static const struct record *const records_3[] = {&control_schema_change_record,
                                                 &tenant_record,
                                                 &schema_change_record,
                                                 &person_record,
                                                 &note_3,
                                                 &pair};
static const struct catalog version_1 = {1, records_1, ARRAY_LEN(records_1)};
static const struct catalog version_2 = {2, records_2, ARRAY_LEN(records_2)};
static const struct catalog version_3 = {3, records_3, ARRAY_LEN(records_3)};

struct fixture {
    struct fake_ctx fake;
    struct disk_ops disk;
    struct scratch scratch;
    const struct ctx *ctx;
    char path[300];
    struct db *db; /* a tenant's, empty at first */
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
        .path = fixture->path, .key = key, .create = true, .cache_kib = 256};

    ok(fixture, db_open(fixture->ctx, &options, &fixture->db, &fixture->err));
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fault_vfs_install();
    fault_vfs_reset();
    fake_ctx_init(&fixture->fake, 5);
    scratch_begin(&fixture->scratch);
    fixture->disk = disk_real;
    fixture->disk.sqlite_vfs = FAULT_VFS_NAME;
    fixture->fake.ctx.disk = &fixture->disk;
    fixture->ctx = &fixture->fake.ctx;
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s",
                   scratch_path(&fixture->scratch, "test.db"));
    open_it(fixture);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    fault_vfs_reset();
    db_close(fixture->db);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static enum err_class apply(struct fixture *fixture, const struct catalog *catalog)
{
    enum err_class rc =
        schema_apply(fixture->db, fixture->ctx, catalog, SCOPE_TENANT, &fixture->err);

    assert_false(db_in_tx(fixture->db));
    return rc;
}

static enum err_class verify(struct fixture *fixture, const struct catalog *catalog)
{
    return schema_verify(fixture->db, catalog, SCOPE_TENANT, &fixture->err);
}

static void run(struct fixture *fixture, const char *sql)
{
    ok(fixture, db_exec(fixture->db, sql, &fixture->err));
}

/* Refused by both, with the thing named, and nothing is changed by it. */
static void refused(struct fixture *fixture, const struct catalog *catalog, const char *thing)
{
    assert_int_equal(verify(fixture, catalog), ERR_SCHEMA);
    if (!strstr(fixture->err.msg, thing))
        fail_msg("the message names not '%s': %s", thing, fixture->err.msg);
    assert_int_equal(apply(fixture, catalog), ERR_SCHEMA);
    if (!strstr(fixture->err.msg, thing))
        fail_msg("the message names not '%s': %s", thing, fixture->err.msg);
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

static enum err_class note_column(void *arg, const struct db_column *column, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%s %s%s %d, ", column->name, column->type,
                column->not_null ? " NOT NULL" : "", column->key_position);
    return ERR_OK;
}

static void has_columns(struct fixture *fixture, const char *table, const char *expected)
{
    struct strbuf text = STRBUF_INIT(4096);

    ok(fixture, db_each_column(fixture->db, table, note_column, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
}

/* ---- a fresh database ---- */

static void a_fresh_database_is_what_the_catalogue_says(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};

    assert_int_equal(catalog_check(&version_1, &err), ERR_OK);
    assert_int_equal(catalog_check(&version_2, &err), ERR_OK);
    assert_int_equal(catalog_check(&version_3, &err), ERR_OK);
    ok(fixture, apply(fixture, &version_2));
    ok(fixture, verify(fixture, &version_2));
    has_columns(fixture, "note",
                "id INTEGER NOT NULL 1, text BLOB 0, text_digest BLOB NOT NULL 0, "
                "written INTEGER NOT NULL 0, colour TEXT 0, pinned INTEGER NOT NULL 0, ");
    has_columns(fixture, "pair",
                "note INTEGER NOT NULL 1, name TEXT NOT NULL 2, "
                "body TEXT NOT NULL 0, ");
    has_columns(fixture, "tenant", ""); /* of the other scope */
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sqlite_master WHERE type = 'index'"
                                         " AND name LIKE 'note!_!_%' ESCAPE '!'")),
                     3);
    /* The key of one integer is the row's own number. */
    run(fixture, "INSERT INTO note (text_digest, written) VALUES (x'01', 5)");
    assert_int_equal(number(fixture, SQL("SELECT rowid = id FROM note")), 1);
    assert_int_equal(db_exec(fixture->db,
                             "INSERT INTO note (text_digest, written) VALUES (x'01', 6)",
                             &fixture->err),
                     ERR_CONFLICT);
}

static void what_was_applied_is_written_down_once(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 3; i++) {
        ok(fixture, apply(fixture, &version_1));
        fake_ctx_advance(&fixture->fake, 1000);
    }
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM schema_change")), 1);
    assert_int_equal(number(fixture, SQL("SELECT applied FROM schema_change")), FAKE_NOW_MS);
    assert_int_equal(number(fixture, SQL("SELECT program = '" TENON_VERSION
                                         "' FROM schema_change WHERE version = 1")),
                     1);
}

static void each_scope_has_its_own_tables(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, schema_apply(fixture->db, fixture->ctx, &version_1, SCOPE_CONTROL, &fixture->err));
    ok(fixture, schema_verify(fixture->db, &version_1, SCOPE_CONTROL, &fixture->err));
    assert_int_equal(number(fixture, SQL("SELECT max(version) FROM control_schema_change")), 1);
    /* A control database is no tenant's. */
    assert_int_equal(verify(fixture, &version_1), ERR_SCHEMA);
    assert_int_equal(apply(fixture, &version_1), ERR_SCHEMA);
}

static void verifying_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(verify(fixture, &version_1), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "missing"));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sqlite_master")), 0);
    ok(fixture, apply(fixture, &version_1));
    assert_int_equal(verify(fixture, &version_2), ERR_SCHEMA);
    has_columns(fixture, "pair", "");
}

/* ---- what differs ---- */

static void what_is_not_declared_is_refused(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_1));
    run(fixture, "CREATE TABLE extra (id INTEGER PRIMARY KEY)");
    refused(fixture, &version_1, "extra");
    refused(fixture, &version_2, "extra");
    has_columns(fixture, "pair", ""); /* nothing of the new version was done */
    run(fixture, "DROP TABLE extra; ALTER TABLE note ADD COLUMN secret_notes TEXT");
    refused(fixture, &version_1, "note has a column secret_notes");
    refused(fixture, &version_2, "note has a column secret_notes");
    run(fixture, "ALTER TABLE note DROP COLUMN secret_notes");
    ok(fixture, verify(fixture, &version_1));
}

static void what_was_lost_is_refused(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_1));
    run(fixture, "ALTER TABLE note DROP COLUMN text");
    refused(fixture, &version_1, "note has no column text");
    refused(fixture, &version_2, "note has no column text");
    run(fixture, "ALTER TABLE note ADD COLUMN text BLOB; DROP TABLE person");
    refused(fixture, &version_1, "person");
}

/* An upgrade must not make anew, and empty, what an earlier version had made. */
static void what_was_lost_is_refused_at_an_upgrade_too(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_2));
    run(fixture, "DROP INDEX note__colour; ALTER TABLE note DROP COLUMN colour");
    assert_int_equal(apply(fixture, &version_3), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "note has no column colour"));
    run(fixture, "ALTER TABLE note ADD COLUMN colour TEXT; DROP TABLE pair");
    assert_int_equal(apply(fixture, &version_3), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "pair"));
    run(fixture, "DROP TABLE person");
    assert_int_equal(apply(fixture, &version_3), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "person"));
}

static void another_type_or_key_is_refused(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_1));
    run(fixture, "DROP TABLE person;"
                 "CREATE TABLE person (id INTEGER NOT NULL, account_id BLOB NOT NULL,"
                 " PRIMARY KEY (id))");
    refused(fixture, &version_1, "person.account_id is BLOB");
    run(fixture, "DROP TABLE person;"
                 "CREATE TABLE person (id INTEGER NOT NULL, account_id TEXT NOT NULL,"
                 " PRIMARY KEY (id, account_id))");
    refused(fixture, &version_1, "person");
}

static void a_newer_database_is_refused_with_both_versions(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_3));
    assert_int_equal(apply(fixture, &version_2), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "catalogue 3; this one has 2"));
    assert_non_null(strstr(fixture->err.msg, "install"));
    ok(fixture, verify(fixture, &version_3));
    assert_int_equal(number(fixture, SQL("SELECT max(version) FROM schema_change")), 3);
}

/* ---- upgrades ---- */

static void fill(struct fixture *fixture)
{
    run(fixture, "INSERT INTO note (id, text, text_digest, written) VALUES"
                 " (1, x'aa', x'01', 10), (2, NULL, x'02', 20);"
                 "INSERT INTO person (id, account_id) VALUES (1, 'somebody')");
}

static void an_upgrade_adds_and_keeps_the_data(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_1));
    fill(fixture);
    ok(fixture, apply(fixture, &version_2));
    ok(fixture, verify(fixture, &version_2));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM note WHERE pinned = 1 AND"
                                         " colour IS NULL AND written = id * 10")),
                     2);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM note WHERE text = x'aa'")), 1);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM person")), 1);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM pair")), 0);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sqlite_master WHERE"
                                         " name = 'note__colour'")),
                     1);
    ok(fixture, apply(fixture, &version_3));
    ok(fixture, verify(fixture, &version_3));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM schema_change")), 3);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM note WHERE size IS NULL")), 2);
    /* An index of two fields, the second of which came with it. */
    assert_int_equal(number(fixture, SQL("SELECT group_concat(name, ' ') = 'pinned size' FROM"
                                         " pragma_index_info('note__pinned__size')")),
                     1);
}

static void versions_can_be_skipped(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, apply(fixture, &version_1));
    fill(fixture);
    ok(fixture, apply(fixture, &version_3));
    ok(fixture, verify(fixture, &version_3));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM note WHERE pinned = 1")), 2);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM schema_change")), 2);
}

static void an_upgrade_that_is_cut_off_at_any_write_leaves_the_old_or_the_new(void **state)
{
    struct fixture *fixture = *state;
    int failures = 0;

    ok(fixture, apply(fixture, &version_1));
    fill(fixture);
    for (long n = 0;; n++) {
        enum err_class rc;
        bool done;

        assert_in_range(n, 0, 100);
        fault_vfs_reset();
        fault_vfs.fail_from = n;
        rc = apply(fixture, &version_2);
        done = fault_vfs.changes <= n;
        fault_vfs_reset();
        db_close(fixture->db);
        open_it(fixture);
        if (rc == ERR_OK || verify(fixture, &version_1) != ERR_OK) {
            ok(fixture, verify(fixture, &version_2));
            assert_int_equal(number(fixture, SQL("SELECT max(version) FROM schema_change")), 2);
        } else {
            failures++;
            assert_int_equal(rc, ERR_SPACE);
            assert_int_equal(number(fixture, SQL("SELECT max(version) FROM schema_change")), 1);
        }
        assert_int_equal(number(fixture, SQL("SELECT count(*) FROM note")), 2);
        if (done)
            break;
    }
    assert_true(failures > 0);
    ok(fixture, verify(fixture, &version_2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_fresh_database_is_what_the_catalogue_says),
        TEST(what_was_applied_is_written_down_once),
        TEST(each_scope_has_its_own_tables),
        TEST(verifying_changes_nothing),
        TEST(what_is_not_declared_is_refused),
        TEST(what_was_lost_is_refused),
        TEST(what_was_lost_is_refused_at_an_upgrade_too),
        TEST(another_type_or_key_is_refused),
        TEST(a_newer_database_is_refused_with_both_versions),
        TEST(an_upgrade_adds_and_keeps_the_data),
        TEST(versions_can_be_skipped),
        TEST(an_upgrade_that_is_cut_off_at_any_write_leaves_the_old_or_the_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
