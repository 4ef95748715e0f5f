/* Tests of sqlite.c: keys, damage, transactions, statements, a full disk. */
#include "store/db.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fault_vfs.h"
#include "../../tests/lib/scratch.h"
#include "base/disk.h"

#define PLANTED "planted text that nobody may read"
#define PAGE_BYTES 8192

static const unsigned char key[DB_KEY_BYTES] = "0123456789abcdef0123456789abcde";
static const unsigned char other_key[DB_KEY_BYTES] = "0123456789abcdef0123456789abcdf";

struct fixture {
    struct fake_ctx fake;
    struct disk_ops disk; /* the real one, with our layer below SQLite */
    struct scratch scratch;
    const struct ctx *ctx;
    char path[300];
    struct db *db; /* open, with the table t (id, text, n UNIQUE) */
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static enum err_class open_as(struct fixture *fixture, const unsigned char *with, bool create)
{
    const struct db_options options = {
        .path = fixture->path, .key = with, .create = create, .cache_kib = 64};

    assert_null(fixture->db);
    return db_open(fixture->ctx, &options, &fixture->db, &fixture->err);
}

static void close_db(struct fixture *fixture)
{
    db_close(fixture->db);
    fixture->db = NULL;
}

static void reopen(struct fixture *fixture)
{
    close_db(fixture);
    ok(fixture, open_as(fixture, key, false));
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
    ok(fixture, open_as(fixture, key, true));
    ok(fixture,
       db_exec(fixture->db, "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, n INTEGER UNIQUE);",
               &fixture->err));
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    fault_vfs_reset();
    close_db(fixture);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static enum err_class insert(struct fixture *fixture, int64_t n, struct str text)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(fixture->db, SQL("INSERT INTO t (n, text) VALUES ($1, $2)"),
                                   &stmt, &fixture->err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, n);
    db_bind_text(stmt, 2, text);
    return db_run(stmt, &fixture->err);
}

/* Rows first..last in one transaction, each with a text of that many bytes. */
static enum err_class insert_many(struct fixture *fixture, enum db_tx kind, int64_t first,
                                  int64_t last, size_t bytes)
{
    static char text[PAGE_BYTES];
    enum err_class rc = db_begin(fixture->db, kind, &fixture->err);

    memset(text, 'x', sizeof(text));
    for (int64_t n = first; n <= last && rc == ERR_OK; n++)
        rc = insert(fixture, n, (struct str){text, bytes});
    if (rc == ERR_OK)
        return db_commit(fixture->db, &fixture->err);
    db_rollback(fixture->db);
    return rc;
}

static enum err_class count_of(struct db *db, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(db, SQL("SELECT count(*) AS n, sum(length(text)) AS bytes FROM t"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, db_col(stmt, "n"));
    return rc;
}

static int64_t count(struct fixture *fixture)
{
    int64_t n = -1;

    ok(fixture, count_of(fixture->db, &n, &fixture->err));
    return n;
}

/* ---- opening ---- */

static void what_is_stored_is_there_after_a_new_start(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 10, 100));
    reopen(fixture);
    assert_int_equal(count(fixture), 10);
    ok(fixture, db_check_integrity(fixture->db, &fixture->err));
}

static void a_wrong_key_or_none_is_told_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 10, 100));
    close_db(fixture);

    struct strbuf before = scratch_read(fixture->path);

    assert_int_equal(open_as(fixture, other_key, false), ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, fixture->path));
    assert_non_null(strstr(fixture->err.msg, "key"));
    assert_int_equal(open_as(fixture, other_key, true), ERR_KEY);
    assert_int_equal(open_as(fixture, NULL, false), ERR_KEY);
    assert_null(fixture->db);

    struct strbuf after = scratch_read(fixture->path);

    assert_true(str_eq(strbuf_str(&before), strbuf_str(&after)));
    strbuf_done(&before);
    strbuf_done(&after);
    ok(fixture, open_as(fixture, key, false));
    assert_int_equal(count(fixture), 10);
}

/* In a process of its own: what it writes on standard error goes to `to`. */
static void in_a_new_process(const char *path, const unsigned char *with, bool create, int to,
                             enum err_class expected)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct ctx ctx = ctx_real(NULL);
        const struct db_options options = {.path = path, .key = with, .create = create};
        struct db *db = NULL;
        struct err err = {0};
        enum err_class rc;

        if (dup2(to, STDERR_FILENO) < 0)
            _exit(1);
        rc = db_open(&ctx, &options, &db, &err);
        db_close(db);
        (void)fflush(stderr);
        _exit(rc == expected ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/*
 * Our sentence is all that a person sees: the library below keeps its own words to itself, also
 * with the first key of a process. So this is the first test, and opens nothing itself.
 */
static void a_wrong_key_writes_nothing_on_standard_error(void **state)
{
    struct scratch scratch;
    int fd = memfd_create("stderr", MFD_CLOEXEC);
    const char *path;
    char text[200] = {0};

    (void)state;
    assert_true(fd >= 0);
    scratch_begin(&scratch);
    path = scratch_path(&scratch, "test.db");
    in_a_new_process(path, key, true, fd, ERR_OK);
    in_a_new_process(path, other_key, false, fd, ERR_KEY);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) >= 0);
    assert_string_equal(text, "");
    (void)close(fd);
    scratch_end(&scratch);
}

static void an_absent_database_is_made_only_when_asked(void **state)
{
    struct fixture *fixture = *state;
    const struct db_options options = {.path = scratch_path(&fixture->scratch, "none.db"),
                                       .key = key};
    struct db *db = NULL;

    assert_int_equal(db_open(fixture->ctx, &options, &db, &fixture->err), ERR_NOT_FOUND);
    assert_null(db);
    assert_non_null(strstr(fixture->err.msg, options.path));
    assert_false(scratch_exists(options.path));

    const struct db_options nowhere = {
        .path = scratch_path(&fixture->scratch, "none/x.db"), .key = key, .create = true};

    assert_int_equal(db_open(fixture->ctx, &nowhere, &db, &fixture->err), ERR_DISK);
    assert_null(db);
    db_close(NULL);
}

static void what_is_no_database_does_not_open(void **state)
{
    struct fixture *fixture = *state;
    static char text[3 * PAGE_BYTES];

    close_db(fixture);
    memset(text, 'x', sizeof(text));
    scratch_write(fixture->path, (struct str){text, sizeof(text)});
    assert_int_equal(open_as(fixture, key, false), ERR_KEY);
    /* A database that is not encrypted is not ours either. */
    scratch_write(fixture->path, STR("SQLite format 3\0 and so on"));
    assert_int_equal(open_as(fixture, key, false), ERR_KEY);
}

/* Opens and reads everything; what went wrong first. */
static enum err_class read_all(struct fixture *fixture)
{
    int64_t n = 0;
    enum err_class rc = open_as(fixture, key, false);

    if (rc == ERR_OK)
        rc = db_check_integrity(fixture->db, &fixture->err);
    if (rc == ERR_OK)
        rc = count_of(fixture->db, &n, &fixture->err);
    close_db(fixture);
    return rc;
}

static void a_truncated_file_is_found_out(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf whole;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 20, PAGE_BYTES / 2));
    close_db(fixture);
    whole = scratch_read(fixture->path);
    assert_true(whole.len > 8 * PAGE_BYTES);
    ok(fixture, read_all(fixture));
    for (size_t len = 0; len < whole.len; len += PAGE_BYTES / 2) {
        enum err_class rc;

        scratch_write(fixture->path, str_sub(strbuf_str(&whole), 0, len));
        rc = read_all(fixture);
        if (rc != ERR_CORRUPT && rc != ERR_KEY)
            fail_msg("%zu of %zu bytes: %s", len, whole.len, err_class_name(rc));
        assert_non_null(strstr(fixture->err.msg, fixture->path));
    }
    strbuf_done(&whole);
}

static void a_byte_changed_in_any_page_is_found_out(void **state)
{
    static const off_t places[] = {0, 17, 100, PAGE_BYTES / 2, PAGE_BYTES - 40, PAGE_BYTES - 1};
    struct fixture *fixture = *state;
    struct stat st;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 20, PAGE_BYTES / 2));
    close_db(fixture);
    assert_int_equal(stat(fixture->path, &st), 0);
    for (off_t page = 0; page < st.st_size; page += PAGE_BYTES) {
        for (size_t i = 0; i < ARRAY_LEN(places); i++) {
            enum err_class rc;

            scratch_flip(fixture->path, page + places[i]);
            rc = read_all(fixture);
            if (rc != ERR_CORRUPT && rc != ERR_KEY)
                fail_msg("byte %ld: %s", (long)(page + places[i]), err_class_name(rc));
            scratch_flip(fixture->path, page + places[i]);
        }
    }
    ok(fixture, read_all(fixture));
}

static void read_only_means_it(void **state)
{
    struct fixture *fixture = *state;
    const struct db_options options = {.path = fixture->path, .key = key, .read_only = true};
    struct db *db = NULL;
    struct err err = {0};
    int64_t n = 0;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 10, 10));
    assert_int_equal(db_open(fixture->ctx, &options, &db, &err), ERR_OK);
    assert_int_equal(count_of(db, &n, &err), ERR_OK);
    assert_int_equal(n, 10);
    assert_int_equal(db_exec(db, "DELETE FROM t", &err), ERR_DISK);
    assert_non_null(strstr(err.msg, "read-only"));
    db_close(db);
    assert_int_equal(count(fixture), 10);
}

/* In a child without privileges: a folder that may not be written. */
static int open_in_read_only_folder(void *arg)
{
    struct fixture *fixture = arg;
    const struct db_options fresh = {
        .path = scratch_path(&fixture->scratch, "ro/new.db"), .key = key, .create = true};
    const struct db_options old = {.path = scratch_path(&fixture->scratch, "ro/old.db"),
                                   .key = key};
    struct db *db = NULL;
    struct err err = {0};

    if (db_open(fixture->ctx, &fresh, &db, &err) != ERR_DISK || !strstr(err.msg, fresh.path))
        return 1;
    if (db_open(fixture->ctx, &old, &db, &err) == ERR_OK)
        return 2;
    if (err.class != ERR_DISK || !strstr(err.msg, old.path))
        return 3;
    return 0;
}

static void a_read_only_folder_is_told(void **state)
{
    struct fixture *fixture = *state;
    const char *dir = scratch_path(&fixture->scratch, "ro");
    const char *old = scratch_path(&fixture->scratch, "ro/old.db");

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 10, 10));
    close_db(fixture);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(rename(fixture->path, old), 0);
    assert_int_equal(chmod(old, 0444), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    assert_int_equal(chmod(fixture->scratch.dir, 0711), 0);
    assert_int_equal(scratch_unprivileged(open_in_read_only_folder, fixture), 0);
    assert_false(scratch_exists(scratch_path(&fixture->scratch, "ro/new.db")));
}

/* ---- secrecy ---- */

static void nothing_that_is_stored_stands_readable_in_any_file(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = STRBUF_INIT(2 * PAGE_BYTES);

    while (text.len < PAGE_BYTES)
        strbuf_add_z(&text, PLANTED " ");
    ok(fixture, db_begin(fixture->db, DB_BULK, &fixture->err));
    for (int64_t n = 1; n <= 300; n++)
        ok(fixture, insert(fixture, n, strbuf_str(&text)));
    /* More than the cache holds: pages were written before the commit. */
    assert_true(fault_vfs.changes > 100);
    assert_false(scratch_grep(fixture->scratch.dir, STR("planted")));
    ok(fixture, db_commit(fixture->db, &fixture->err));
    assert_true(scratch_exists(scratch_path(&fixture->scratch, "test.db-wal")));
    assert_false(scratch_grep(fixture->scratch.dir, STR("planted")));
    assert_false(scratch_grep(fixture->scratch.dir, STR("CREATE TABLE")));

    /* A sort and an index that need room of their own make no readable file either. */
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->db, SQL("SELECT text || n AS x FROM t ORDER BY x DESC"), &stmt,
                           &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(row);
    assert_false(scratch_grep(fixture->scratch.dir, STR("planted")));
    db_finish(TAKE(stmt));
    ok(fixture, db_exec(fixture->db, "CREATE INDEX i ON t (text)", &fixture->err));
    assert_int_equal(fault_vfs.temporary, 0);
    close_db(fixture);
    assert_false(scratch_grep(fixture->scratch.dir, STR("planted")));
    assert_false(scratch_grep(fixture->scratch.dir, STR("SQLite format")));

    /* The looking itself works. */
    scratch_write(scratch_path(&fixture->scratch, "proof"), strbuf_str(&text));
    assert_true(scratch_grep(fixture->scratch.dir, STR("planted")));
    strbuf_done(&text);
}

/* ---- statements ---- */

static void parameters_are_bound_by_their_number(void **state)
{
    struct fixture *fixture = *state;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture,
       db_prepare(fixture->db, SQL("SELECT $2 AS b, $3 AS c, $1 AS a, $2 AS again, $64 AS last"),
                  &stmt, &fixture->err));
    db_bind_i64(stmt, 1, INT64_MIN);
    db_bind_text(stmt, 2, STR("two\0zero"));
    db_bind_blob(stmt, 3, STR("\0\xff"));
    db_bind_null(stmt, 64);
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(row);
    assert_int_equal(db_i64(stmt, db_col(stmt, "a")), INT64_MIN);
    assert_true(str_eq(db_text(stmt, db_col(stmt, "b")), STR("two\0zero")));
    assert_true(str_eq(db_text(stmt, db_col(stmt, "again")), STR("two\0zero")));
    assert_true(str_eq(db_blob(stmt, db_col(stmt, "c")), STR("\0\xff")));
    assert_true(db_is_null(stmt, db_col(stmt, "last")));
    assert_false(db_is_null(stmt, db_col(stmt, "a")));
    assert_int_equal(db_i64(stmt, db_col(stmt, "last")), 0);
    assert_null(db_text(stmt, db_col(stmt, "last")).ptr);
    assert_null(db_blob(stmt, db_col(stmt, "last")).ptr);
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_false(row);
}

static void a_null_view_is_null_and_an_empty_one_is_empty(void **state)
{
    struct fixture *fixture = *state;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->db, SQL("SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d"), &stmt,
                           &fixture->err));
    db_bind_text(stmt, 1, (struct str){NULL, 0});
    db_bind_blob(stmt, 2, (struct str){NULL, 0});
    db_bind_text(stmt, 3, STR(""));
    db_bind_blob(stmt, 4, STR(""));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(db_is_null(stmt, 0));
    assert_true(db_is_null(stmt, 1));
    assert_false(db_is_null(stmt, 2));
    assert_false(db_is_null(stmt, 3));
    assert_int_equal(db_text(stmt, 2).len, 0);
    assert_int_equal(db_blob(stmt, 3).len, 0);
}

static void a_statement_is_kept_and_comes_back_clean(void **state)
{
    static const char sql[] = "SELECT $1 AS a";
    struct fixture *fixture = *state;
    struct db_stmt *first = NULL, *second = NULL, *third = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->db, sql, &first, &fixture->err));
    db_bind_i64(first, 1, 7);
    ok(fixture, db_step(first, &row, &fixture->err));

    /* The same one twice at once: another statement, and neither disturbs the other. */
    ok(fixture, db_prepare(fixture->db, sql, &second, &fixture->err));
    assert_ptr_not_equal(first, second);
    db_bind_i64(second, 1, 8);
    ok(fixture, db_step(second, &row, &fixture->err));
    assert_int_equal(db_i64(first, 0), 7);
    assert_int_equal(db_i64(second, 0), 8);
    db_finish(first);
    ok(fixture, db_prepare(fixture->db, sql, &third, &fixture->err));
    assert_ptr_equal(first, third);
    ok(fixture, db_step(third, &row, &fixture->err));
    assert_true(db_is_null(third, 0)); /* nothing is left of the 7 */
    db_finish(second);
    db_finish(third);
    db_finish(NULL);
}

static void more_statements_than_are_kept_work_too(void **state)
{
    static char sql[200][40];
    struct fixture *fixture = *state;
    struct db_stmt *stmts[200] = {NULL};
    bool row = false;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(sql); i++) {
            (void)snprintf(sql[i], sizeof(sql[i]), "SELECT %zu AS n", i);
            ok(fixture, db_prepare(fixture->db, sql[i], &stmts[i], &fixture->err));
        }
        for (size_t i = 0; i < ARRAY_LEN(sql); i++) {
            ok(fixture, db_step(stmts[i], &row, &fixture->err));
            assert_int_equal(db_i64(stmts[i], 0), i);
            db_finish(stmts[i]);
        }
    }
}

static void run_makes_ready_for_the_next_round(void **state)
{
    struct fixture *fixture = *state;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(fixture, db_prepare(fixture->db, SQL("INSERT INTO t (n, text) VALUES ($1, $2)"), &stmt,
                           &fixture->err));
    for (int64_t n = 0; n < 100; n++) {
        db_bind_i64(stmt, 1, n);
        db_bind_text(stmt, 2, STR("x"));
        ok(fixture, db_run(stmt, &fixture->err));
        assert_int_equal(db_changes(fixture->db), 1);
    }
    assert_int_equal(count(fixture), 100);
    ok(fixture, db_exec(fixture->db, "DELETE FROM t WHERE n < 30; SELECT 1;", &fixture->err));
    assert_int_equal(db_changes(fixture->db), 30);
    ok(fixture, db_exec(fixture->db, "", &fixture->err));
}

static void sql_that_is_none_is_our_mistake(void **state)
{
    struct fixture *fixture = *state;
    struct db_stmt *stmt = NULL;

    assert_int_equal(db_prepare(fixture->db, SQL("SELEC 1"), &stmt, &fixture->err), ERR_BUG);
    assert_null(stmt);
    assert_int_equal(db_prepare(fixture->db, SQL("SELECT x FROM nothing"), &stmt, &fixture->err),
                     ERR_BUG);
    assert_int_equal(db_exec(fixture->db, "nonsense", &fixture->err), ERR_BUG);
    assert_int_equal(count(fixture), 0); /* and the handle still works */
}

static void tells_when_somebody_else_has_written(void **state)
{
    struct fixture *fixture = *state;
    const struct db_options options = {.path = fixture->path, .key = key, .cache_kib = 64};
    AUTO(db_close_autop) struct db *other = NULL;
    int64_t first = 0, again = 0;

    ok(fixture, db_open(fixture->ctx, &options, &other, &fixture->err));
    ok(fixture, db_others_version(fixture->db, &first, &fixture->err));
    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    ok(fixture, db_exec(fixture->db, "INSERT INTO t (id, n) VALUES (901, 901)", &fixture->err));
    ok(fixture, db_commit(fixture->db, &fixture->err));
    ok(fixture, db_others_version(fixture->db, &again, &fixture->err));
    assert_int_equal(first, again); /* our own do not count */
    ok(fixture, db_begin(other, DB_WRITE, &fixture->err));
    ok(fixture, db_exec(other, "INSERT INTO t (id, n) VALUES (902, 902)", &fixture->err));
    ok(fixture, db_commit(other, &fixture->err));
    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    ok(fixture, db_others_version(fixture->db, &again, &fixture->err));
    ok(fixture, db_commit(fixture->db, &fixture->err));
    assert_int_not_equal(first, again);
}

static void two_rows_that_must_differ_are_a_conflict(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, insert(fixture, 1, STR(PLANTED)));
    assert_int_equal(insert(fixture, 1, STR(PLANTED)), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "t.n")); /* the column, and never the value */
    assert_null(strstr(fixture->err.msg, "planted"));
    ok(fixture, insert(fixture, 2, STR("after")));
    assert_int_equal(count(fixture), 2);

    /* In a transaction the rest of it can still be kept. */
    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    ok(fixture, insert(fixture, 3, STR("x")));
    assert_int_equal(insert(fixture, 1, STR("x")), ERR_CONFLICT);
    assert_true(db_in_tx(fixture->db));
    ok(fixture, db_commit(fixture->db, &fixture->err));
    assert_int_equal(count(fixture), 3);
}

/* ---- transactions ---- */

static void a_rollback_undoes_and_never_fails(void **state)
{
    struct fixture *fixture = *state;

    db_rollback(fixture->db); /* outside of one: nothing */
    ok(fixture, insert_many(fixture, DB_WRITE, 1, 5, 10));
    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    assert_true(db_in_tx(fixture->db));
    ok(fixture, insert(fixture, 6, STR("x")));
    db_rollback(fixture->db);
    assert_false(db_in_tx(fixture->db));
    assert_int_equal(count(fixture), 5);

    /* Closing undoes what is open. */
    ok(fixture, db_begin(fixture->db, DB_BULK, &fixture->err));
    ok(fixture, insert(fixture, 6, STR("x")));
    reopen(fixture);
    assert_int_equal(count(fixture), 5);
}

static void an_end_commits_what_went_well_and_undoes_what_did_not(void **state)
{
    struct fixture *fixture = *state;
    enum err_class rc;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 5, 10));
    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    rc = insert(fixture, 6, STR("x"));
    ok(fixture, db_end(fixture->db, rc, &fixture->err));
    assert_false(db_in_tx(fixture->db));
    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    ok(fixture, insert(fixture, 7, STR("x")));
    rc = err_set(&fixture->err, ERR_INPUT, "said before the end");
    assert_int_equal(db_end(fixture->db, rc, &fixture->err), ERR_INPUT);
    assert_string_equal(fixture->err.msg, "said before the end");
    assert_false(db_in_tx(fixture->db));
    reopen(fixture);
    assert_int_equal(count(fixture), 6);
}

static void only_a_write_waits_for_the_disk(void **state)
{
    struct fixture *fixture = *state;

    for (int round = 0; round < 2; round++) { /* each follows the other */
        fault_vfs_reset();
        ok(fixture, insert_many(fixture, DB_WRITE, 100 * round, 100 * round + 5, 10));
        assert_true(fault_vfs.syncs >= 1);
        fault_vfs_reset();
        ok(fixture, insert_many(fixture, DB_BULK, 100 * round + 10, 100 * round + 15, 10));
        assert_true(fault_vfs.changes >= 1);
        assert_int_equal(fault_vfs.syncs, 0);
        fault_vfs_reset();
        ok(fixture, db_make_durable(fixture->db, &fixture->err));
        assert_true(fault_vfs.syncs >= 1);
    }
    fault_vfs_reset();
    ok(fixture, db_begin(fixture->db, DB_READ, &fixture->err));
    assert_int_equal(count(fixture), 24);
    ok(fixture, db_commit(fixture->db, &fixture->err));
    assert_int_equal(fault_vfs.changes, 0);
}

static void a_reader_sees_one_moment_while_another_writes(void **state)
{
    struct fixture *fixture = *state;
    const struct db_options options = {.path = fixture->path, .key = key};
    struct db *reader = NULL;
    struct err err = {0};
    int64_t n = 0;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 5, 10));
    assert_int_equal(db_open(fixture->ctx, &options, &reader, &err), ERR_OK);
    assert_int_equal(db_begin(reader, DB_READ, &err), ERR_OK);
    assert_int_equal(count_of(reader, &n, &err), ERR_OK);
    assert_int_equal(n, 5);
    ok(fixture, insert_many(fixture, DB_WRITE, 6, 9, 10));
    assert_int_equal(count_of(reader, &n, &err), ERR_OK);
    assert_int_equal(n, 5);
    db_rollback(reader);
    assert_int_equal(count_of(reader, &n, &err), ERR_OK);
    assert_int_equal(n, 9);
    db_close(reader);
}

/* ---- failing disks ---- */

static void torture(struct fixture *fixture, enum fault_kind kind, enum db_tx tx,
                    enum err_class expected)
{
    int failures = 0;

    ok(fixture, insert_many(fixture, DB_WRITE, 1, 10, 100));
    for (long n = 0;; n++) {
        enum err_class rc;
        int64_t rows;

        assert_in_range(n, 0, 500);
        fault_vfs_reset();
        fault_vfs.fail_from = n;
        fault_vfs.kind = kind;
        rc = insert_many(fixture, tx, 100, 140, PAGE_BYTES / 2);
        assert_false(db_in_tx(fixture->db));
        /* The checkpoint too, as it may come with any commit. */
        if (rc == ERR_OK && db_make_durable(fixture->db, &fixture->err) != ERR_OK)
            rc = fixture->err.class;

        bool done = fault_vfs.changes <= n;

        fault_vfs_reset();
        if (rc != ERR_OK) {
            failures++;
            assert_int_equal(rc, expected);
            assert_non_null(strstr(fixture->err.msg, fixture->path));
        }

        /* The handle goes on, and so does a new one: whole or not at all. */
        rows = count(fixture);
        assert_true(rows == 10 || rows == 51);
        reopen(fixture);
        ok(fixture, db_check_integrity(fixture->db, &fixture->err));
        assert_int_equal(count(fixture), rows);
        if (done)
            break;
        ok(fixture, db_exec(fixture->db, "DELETE FROM t WHERE n >= 100", &fixture->err));
    }
    assert_true(failures > 10);
}

static void a_disk_that_fills_up_at_any_write_halves_nothing(void **state)
{
    torture(*state, FAULT_FULL, DB_WRITE, ERR_SPACE);
}

static void a_disk_that_fills_up_during_a_bulk_halves_nothing(void **state)
{
    torture(*state, FAULT_FULL, DB_BULK, ERR_SPACE);
}

static void a_disk_that_fails_at_any_write_halves_nothing(void **state)
{
    torture(*state, FAULT_ERROR, DB_WRITE, ERR_DISK);
}

static void a_disk_that_fills_up_while_a_database_is_made_leaves_one_that_can_be_made(void **state)
{
    struct fixture *fixture = *state;
    const struct db_options options = {
        .path = scratch_path(&fixture->scratch, "fresh.db"), .key = key, .create = true};

    for (long n = 0;; n++) {
        struct db *db = NULL;
        enum err_class rc;
        bool done;

        assert_in_range(n, 0, 100);
        fault_vfs_reset();
        fault_vfs.fail_from = n;
        rc = db_open(fixture->ctx, &options, &db, &fixture->err);
        if (rc == ERR_OK)
            rc = db_exec(db, "CREATE TABLE x (id INTEGER PRIMARY KEY)", &fixture->err);
        done = fault_vfs.changes <= n;
        assert_true(rc == ERR_OK || rc == ERR_SPACE || rc == ERR_DISK);
        fault_vfs_reset();
        db_close(db);
        if (done) {
            assert_int_equal(rc, ERR_OK);
            break;
        }
        db = NULL;
        ok(fixture, db_open(fixture->ctx, &options, &db, &fixture->err));
        db_close(db);
        (void)unlink(options.path);
    }
}

/* A real full disk, where a test may make one. */
static void a_full_disk_is_told_and_what_was_stored_is_safe(void **state)
{
    struct fixture *fixture = *state;
    const char *dir = scratch_path(&fixture->scratch, "small");
    enum err_class rc = ERR_OK;
    int64_t rows = 0;

    assert_int_equal(mkdir(dir, 0700), 0);
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: a small file system cannot be mounted here (%s)\n",
                      strerror(errno));
        skip();
    }
    close_db(fixture);
    fixture->fake.ctx.disk = &disk_real; /* the true errno */
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s",
                   scratch_path(&fixture->scratch, "small/test.db"));
    ok(fixture, open_as(fixture, key, true));
    ok(fixture,
       db_exec(fixture->db, "CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT, n INTEGER UNIQUE);",
               &fixture->err));
    while (rc == ERR_OK && rows < 10000) {
        rc = insert_many(fixture, DB_WRITE, rows, rows + 9, 4000);
        if (rc == ERR_OK)
            rows += 10;
    }
    assert_int_equal(rc, ERR_SPACE);
    assert_non_null(strstr(fixture->err.msg, "full"));
    assert_non_null(strstr(fixture->err.msg, fixture->path));
    assert_true(rows > 10);
    assert_int_equal(count(fixture), rows);
    close_db(fixture);
    ok(fixture, open_as(fixture, key, false));
    assert_int_equal(count(fixture), rows);
    close_db(fixture);
    assert_int_equal(umount(dir), 0);
}

/* ---- the live schema ---- */

static enum err_class note_table(void *arg, struct str name, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "[" STR_FMT "]", STR_ARG(name));
    return ERR_OK;
}

static enum err_class note_column(void *arg, const struct db_column *column, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "[%s %s%s %d]", column->name, column->type,
                column->not_null ? " NOT NULL" : "", column->key_position);
    return ERR_OK;
}

static enum err_class refuse_table(void *arg, struct str name, struct err *err)
{
    ++*(int *)arg;
    return err_set(err, ERR_SCHEMA, "not " STR_FMT, STR_ARG(name));
}

static void the_live_schema_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = STRBUF_INIT(1000);
    int calls = 0;

    ok(fixture, db_exec(fixture->db,
                        "CREATE TABLE sqlitey (b BLOB NOT NULL, a TEXT NOT NULL,"
                        " PRIMARY KEY (a, b)) WITHOUT ROWID; CREATE INDEX ix ON t (text);",
                        &fixture->err));
    ok(fixture, db_each_table(fixture->db, note_table, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text), "[sqlitey][t]");
    strbuf_reset(&text);
    ok(fixture, db_each_column(fixture->db, "sqlitey", note_column, &text, &fixture->err));
    ok(fixture, db_each_column(fixture->db, "t", note_column, &text, &fixture->err));
    ok(fixture, db_each_column(fixture->db, "nothing", note_column, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text), "[b BLOB NOT NULL 2][a TEXT NOT NULL 1]"
                                         "[id INTEGER 1][text TEXT 0][n INTEGER 0]");
    strbuf_done(&text);

    /* An error of the caller's ends it and comes out. */
    assert_int_equal(db_each_table(fixture->db, refuse_table, &calls, &fixture->err), ERR_SCHEMA);
    assert_int_equal(calls, 1);
    assert_string_equal(fixture->err.msg, "not sqlitey");
}

/* ---- Measuring ---- */

static void a_table_is_measured_by_its_rows_and_its_oldest(void **state)
{
    struct fixture *fixture = *state;
    int64_t rows = -1, oldest = -1;

    ok(fixture, db_measure_table(fixture->db, "t", "n", &rows, &oldest, &fixture->err));
    assert_int_equal(rows, 0);
    assert_int_equal(oldest, 0);
    ok(fixture,
       db_exec(fixture->db, "INSERT INTO t (n) VALUES (700), (-40), (9), (NULL);", &fixture->err));
    ok(fixture, db_measure_table(fixture->db, "t", "n", &rows, &oldest, &fixture->err));
    assert_int_equal(rows, 4); /* those without a time too */
    assert_int_equal(oldest, -40);
    ok(fixture, db_measure_table(fixture->db, "t", NULL, &rows, &oldest, &fixture->err));
    assert_int_equal(rows, 4);
    assert_int_equal(oldest, 0);
}

static void what_cannot_be_measured_is_an_error_and_leaves_the_answer_alone(void **state)
{
    struct fixture *fixture = *state;
    int64_t rows = -1, oldest = -1;

    assert_int_not_equal(
        db_measure_table(fixture->db, "nothing_here", NULL, &rows, &oldest, &fixture->err), ERR_OK);
    assert_non_null(strstr(fixture->err.msg, "nothing_here"));
    assert_int_not_equal(
        db_measure_table(fixture->db, "t", "no_column", &rows, &oldest, &fixture->err), ERR_OK);
    assert_int_equal(rows, -1);
    assert_int_equal(oldest, -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_key_writes_nothing_on_standard_error),
        TEST(what_is_stored_is_there_after_a_new_start),
        TEST(a_wrong_key_or_none_is_told_and_changes_nothing),
        TEST(an_absent_database_is_made_only_when_asked),
        TEST(what_is_no_database_does_not_open),
        TEST(a_truncated_file_is_found_out),
        TEST(a_byte_changed_in_any_page_is_found_out),
        TEST(read_only_means_it),
        TEST(a_read_only_folder_is_told),
        TEST(nothing_that_is_stored_stands_readable_in_any_file),
        TEST(parameters_are_bound_by_their_number),
        TEST(a_null_view_is_null_and_an_empty_one_is_empty),
        TEST(a_statement_is_kept_and_comes_back_clean),
        TEST(more_statements_than_are_kept_work_too),
        TEST(run_makes_ready_for_the_next_round),
        TEST(sql_that_is_none_is_our_mistake),
        TEST(two_rows_that_must_differ_are_a_conflict),
        TEST(tells_when_somebody_else_has_written),
        TEST(a_rollback_undoes_and_never_fails),
        TEST(an_end_commits_what_went_well_and_undoes_what_did_not),
        TEST(only_a_write_waits_for_the_disk),
        TEST(a_reader_sees_one_moment_while_another_writes),
        TEST(a_disk_that_fills_up_at_any_write_halves_nothing),
        TEST(a_disk_that_fills_up_during_a_bulk_halves_nothing),
        TEST(a_disk_that_fails_at_any_write_halves_nothing),
        TEST(a_disk_that_fills_up_while_a_database_is_made_leaves_one_that_can_be_made),
        TEST(a_full_disk_is_told_and_what_was_stored_is_safe),
        TEST(the_live_schema_is_told),
        TEST(a_table_is_measured_by_its_rows_and_its_oldest),
        TEST(what_cannot_be_measured_is_an_error_and_leaves_the_answer_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
