/*
 * Tests of custody/measure.c with the whole catalogue: sizes that are estimated are near what the
 * file says, and those of files are exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "base/disk.h"
#include "custody/backup.h"
#include "custody/measure.h"

#define RECORDS_MAX 200
#define ROWS 60000

struct fixture {
    struct store_world world;
    struct measured all[RECORDS_MAX];
    struct measure_totals totals;
    struct err err;
};

static void ok(const struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_true(tenon_catalog.record_count <= RECORDS_MAX);
    store_world_begin(&f->world, &tenon_catalog, 43);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    store_world_end(&f->world);
    free(f);
    return 0;
}

static void measure(struct fixture *f, bool tenant, bool server)
{
    const struct measure_question question = {
        .data = f->world.data, .tenant = tenant ? f->world.tenant : NULL, .server = server};

    ok(f, measure_all(&question, f->all, &f->totals, &f->err));
}

static const struct measured *of(const struct fixture *f, const char *name)
{
    for (size_t i = 0; i < tenon_catalog.record_count; i++)
        if (strcmp(tenon_catalog.records[i]->name, name) == 0)
            return &f->all[i];
    fail_msg("there is no record %s", name);
    return NULL;
}

static int64_t sum(const struct fixture *f, enum record_scope scope)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < tenon_catalog.record_count; i++)
        if (tenon_catalog.records[i]->scope == scope)
            bytes += f->all[i].bytes;
    return bytes;
}

static int64_t used(struct fixture *f, struct db *db)
{
    int64_t bytes = 0;

    ok(f, db_used_bytes(db, &bytes, &f->err));
    return bytes;
}

static void run(struct fixture *f, struct db *db, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(f, db_begin(db, DB_WRITE, &f->err));
    ok(f, db_prepare(db, sql, &stmt, &f->err));
    db_bind_i64(stmt, 1, ROWS);
    ok(f, db_step(stmt, &row, &f->err));
    db_finish(TAKE(stmt));
    ok(f, db_end(db, ERR_OK, &f->err));
}

static void near(int64_t expected, int64_t actual, int64_t percent)
{
    if (actual < expected * (100 - percent) / 100 || actual > expected * (100 + percent) / 100)
        fail_msg("%lld is more than %lld%% from %lld", (long long)actual, (long long)percent,
                 (long long)expected);
}

static void the_tables_of_a_file_add_up_to_what_is_in_use(void **state)
{
    struct fixture *f = *state;
    int64_t rounding = (int64_t)tenon_catalog.record_count;

    measure(f, true, true);
    assert_in_range(sum(f, SCOPE_TENANT), used(f, f->world.tenant->db) - rounding,
                    used(f, f->world.tenant->db));
    assert_in_range(sum(f, SCOPE_CONTROL), used(f, f->world.data->control) - rounding,
                    used(f, f->world.data->control));
    assert_true(of(f, "worklog")->counted && of(f, "worklog")->sized);
    assert_int_equal(of(f, "worklog")->rows, 0);
}

/* Rows of two widths, beside each other in one file: each table has about what it made the file
 * grow by, indexes included. */
static void a_table_s_size_is_near_what_its_rows_made_the_file_grow_by(void **state)
{
    struct fixture *f = *state;
    struct db *db = f->world.tenant->db;
    int64_t before = used(f, db), between, after;

    run(f, db,
        SQL("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"
            " INSERT INTO person (id, account_id) SELECT i, '5b10ac8d82e05b22cc7d4ef' || i"
            " FROM n"));
    between = used(f, db);
    run(f, db,
        SQL("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"
            " INSERT INTO tag (id, name, name_digest) SELECT i, randomblob(300), randomblob(32)"
            " FROM n"));
    after = used(f, db);
    measure(f, true, false);
    assert_int_equal(of(f, "person")->rows, ROWS);
    near(between - before, of(f, "person")->bytes, 25);
    near(after - between, of(f, "tag")->bytes, 25);
    assert_true(of(f, "worklog")->bytes < (after - before) / 20);
}

static enum err_class step(void *arg, int64_t rows, struct err *err)
{
    (void)arg;
    (void)rows;
    (void)err;
    return ERR_OK;
}

static void files_have_their_exact_size_and_only_for_who_may_know(void **state)
{
    struct fixture *f = *state;
    AUTO(free_autop) char *key = disk_join(f->world.tenant->dir, "tenant.key");
    const struct content_steps steps = {step, NULL};
    struct backup backup, control;
    struct stat st;

    ok(f, backup_take(f->world.data, f->world.tenant, &steps, &backup, &f->err));
    ok(f, backup_take(f->world.data, NULL, &steps, &control, &f->err));
    measure(f, true, false);
    assert_int_equal(of(f, "backup_file")->bytes, backup.bytes);
    assert_int_equal(f->totals.tenant_backups, backup.bytes);
    assert_int_equal(f->totals.server, -1);
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(of(f, "keyring")->bytes, st.st_size);
    assert_false(of(f, "audit_line")->sized);
    assert_false(of(f, "tenant")->counted || of(f, "tenant")->sized);
    assert_true(f->totals.tenant > used(f, f->world.tenant->db) / 2);

    measure(f, true, true);
    assert_int_equal(of(f, "backup_file")->bytes, backup.bytes + control.bytes);
    assert_true(of(f, "audit_line")->sized && of(f, "audit_line")->bytes > 0);
    assert_true(of(f, "tenant")->counted);
    assert_true(f->totals.server > 0);

    measure(f, false, true);
    assert_false(of(f, "worklog")->counted || of(f, "worklog")->sized);
    assert_int_equal(f->totals.tenant, -1);
    assert_int_equal(of(f, "backup_file")->bytes, control.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_tables_of_a_file_add_up_to_what_is_in_use),
        TEST(a_table_s_size_is_near_what_its_rows_made_the_file_grow_by),
        TEST(files_have_their_exact_size_and_only_for_who_may_know),
    };

    return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
