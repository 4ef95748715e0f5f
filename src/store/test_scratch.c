/* Tests of scratch_vfs.c and sqlite_feed.c: databases that are made in one go. */
#include "store/db.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fault_vfs.h"
#include "../../tests/lib/scratch.h"
#include "base/disk.h"

static const unsigned char key[DB_KEY_BYTES] = "0123456789abcdef0123456789abcde";

struct fixture {
    struct fake_ctx fake;
    struct disk_ops disk; /* the real one, with our layer below SQLite */
    struct scratch scratch;
    char path[300];
    struct err err;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    fault_vfs_install();
    fault_vfs_reset();
    fake_ctx_init(&fixture->fake, 1);
    scratch_begin(&fixture->scratch);
    fixture->disk = *fixture->fake.ctx.disk;
    fixture->disk.sqlite_vfs = FAULT_VFS_NAME;
    fixture->fake.ctx.disk = &fixture->disk;
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s/made.db", fixture->scratch.dir);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    fault_vfs_reset();
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

/* Rows (n, NULL, a text of n % 300 letters, bytes of the same length), n from 1 to `count`. */
struct rows {
    int64_t n, count;
    bool twice; /* the last row comes once more */
    struct db_value values[4];
    char letters[300];
};

static struct rows rows_of(int64_t count)
{
    struct rows rows = {.count = count};

    memset(rows.letters, 'x', sizeof(rows.letters));
    return rows;
}

static const struct db_value *next_row(void *arg)
{
    struct rows *rows = arg;

    if (rows->n == rows->count && !rows->twice)
        return NULL;
    if (rows->n == rows->count)
        rows->twice = false;
    else
        rows->n++;

    struct str bytes = {rows->letters, (size_t)rows->n % sizeof(rows->letters)};

    rows->values[0] = (struct db_value){.kind = DB_I64, .number = rows->n};
    rows->values[1] = (struct db_value){.kind = DB_NULL};
    rows->values[2] = (struct db_value){.kind = DB_TEXT, .bytes = bytes};
    rows->values[3] = (struct db_value){.kind = DB_BLOB, .bytes = bytes};
    return rows->values;
}

#define FEED "INSERT INTO t (id, empty, words, bytes) SELECT c1, c2, c3, c4 FROM db_feed"

static enum err_class make(struct fixture *fixture, struct rows *rows, struct db **ret)
{
    const struct db_options options = {
        .path = fixture->path, .key = key, .create = true, .scratch = true, .cache_kib = 256};
    const struct db_feed feed = {next_row, rows};
    AUTO(db_close_autop) struct db *db = NULL;
    struct err *err = &fixture->err;
    enum err_class rc = db_open(&fixture->fake.ctx, &options, &db, err);

    if (rc == ERR_OK)
        rc = db_begin(db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_exec(db,
                     SQL("CREATE TABLE t (id INTEGER PRIMARY KEY, empty TEXT, words TEXT NOT NULL,"
                         " bytes BLOB NOT NULL)"),
                     err);
    if (rc == ERR_OK)
        rc = db_feed(db, FEED, &feed, err);
    if (rc == ERR_OK)
        rc = db_exec(db, SQL("CREATE INDEX t__words ON t (words)"), err);
    if (rc == ERR_OK)
        rc = db_commit(db, err);
    if (rc == ERR_OK)
        *ret = TAKE(db);
    return rc;
}

/* By another handle, which knows nothing of how it was made. */
static void has_rows(struct fixture *fixture, int64_t count)
{
    const struct db_options options = {.path = fixture->path, .key = key};
    AUTO(db_close_autop) struct db *db = NULL;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct rows rows = rows_of(count);
    const struct db_value *want;
    bool row = false;

    ok(fixture, db_open(&fixture->fake.ctx, &options, &db, &fixture->err));
    ok(fixture, db_check_integrity(db, &fixture->err));
    ok(fixture, db_prepare(db, SQL("SELECT id, empty, words, bytes FROM t ORDER BY id"), &stmt,
                           &fixture->err));
    while ((want = next_row(&rows)) != NULL) {
        ok(fixture, db_step(stmt, &row, &fixture->err));
        assert_true(row);
        assert_int_equal(db_i64(stmt, 0), want[0].number);
        assert_true(db_is_null(stmt, 1));
        assert_false(db_is_null(stmt, 2));
        assert_true(str_eq(db_text(stmt, 2), want[2].bytes));
        assert_true(str_eq(db_blob(stmt, 3), want[3].bytes));
    }
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_false(row);
}

static void rows_of_a_function_are_stored_whatever_their_number(void **state)
{
    struct fixture *fixture = *state;
    const int64_t counts[] = {0, 1, 20000}; /* the last: many blocks, and more than the cache has */

    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct rows rows = rows_of(counts[i]);
        struct db *db = NULL;

        ok(fixture, make(fixture, &rows, &db));
        db_close(db);
        has_rows(fixture, counts[i]);
        ok(fixture, disk_remove(&fixture->fake.ctx, fixture->path, &fixture->err));
    }
}

static void the_table_of_a_feed_is_gone_after_it(void **state)
{
    struct fixture *fixture = *state;
    struct rows rows = rows_of(3);
    struct db *db = NULL;

    ok(fixture, make(fixture, &rows, &db));
    assert_int_equal(db_exec(db, SQL("SELECT c1 FROM db_feed"), &fixture->err), ERR_BUG);
    db_close(db);
}

static void rows_that_must_differ_are_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct rows rows = rows_of(3);
    struct db *db = NULL;

    rows.twice = true;
    assert_int_equal(make(fixture, &rows, &db), ERR_CONFLICT);
    assert_null(db);
}

/* Writes come late here: no failure of one may be lost, wherever it is. */
static void each_failure_is_told(struct fixture *fixture, enum fault_kind kind, enum err_class want)
{
    bool done = false;

    /* Turns: the writes of such a database, a few hundred, and less for larger steps. */
    for (long n = 0; !done; n += n < 20 ? 1 : 7) {
        struct rows rows = rows_of(3000);
        struct db *db = NULL;

        fault_vfs_reset();
        fault_vfs.fail_from = n;
        fault_vfs.fail_count = LONG_MAX;
        fault_vfs.kind = kind;

        enum err_class rc = make(fixture, &rows, &db);

        db_close(db); /* no write is left then that could fail */
        done = fault_vfs.changes <= n;
        if (rc != (done ? ERR_OK : want))
            fail_msg("write %ld: %s %s", n, err_class_name(rc), fixture->err.msg);
        fault_vfs_reset();
        if (done)
            has_rows(fixture, 3000);
        ok(fixture, disk_remove(&fixture->fake.ctx, fixture->path, &fixture->err));
    }
}

static void a_disk_that_fills_up_at_any_write_is_told_by_the_commit(void **state)
{
    each_failure_is_told(*state, FAULT_FULL, ERR_SPACE);
}

static void a_disk_that_fails_at_any_write_is_told_by_the_commit(void **state)
{
    each_failure_is_told(*state, FAULT_ERROR, ERR_DISK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(rows_of_a_function_are_stored_whatever_their_number),
        TEST(the_table_of_a_feed_is_gone_after_it),
        TEST(rows_that_must_differ_are_a_conflict),
        TEST(a_disk_that_fills_up_at_any_write_is_told_by_the_commit),
        TEST(a_disk_that_fails_at_any_write_is_told_by_the_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
