/* Tests of sweep.c: [PL-07] each row goes by its limit and the next sweep, and none before. */
#include "custody/sweep.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/civil.h"
#include "store/records.h"

#define MANY 1300 /* more than two steps */

static const struct field note_fields[] = {
    {"name", TYPE_TEXT, CLASS_ID, FIELD_KEY, "its name"},
    {"number", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
    {"ended", TYPE_TIME, CLASS_META, FIELD_NULL, "when it ended"},
};
static const struct record note_record = {
    .name = "note",
    .app = "notes",
    .scope = SCOPE_TENANT,
    .why = "to remember",
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "ended",
    .shown_to = "everybody",
    RECORD_FIELDS(note_fields),
};
static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record,    &note_record};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};

struct fixture {
    struct store_world world;
    struct db *db;
    int64_t told;
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
    fixture->db = fixture->world.tenant->db;
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

/* ended_ms 0: it has not ended */
static void add(struct fixture *fixture, int64_t number, int64_t ended_ms)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(fixture,
       db_prepare(fixture->db, SQL("INSERT INTO note (name, number, ended) VALUES ('n', $1, $2)"),
                  &stmt, &fixture->err));
    db_bind_i64(stmt, 1, number);
    if (ended_ms)
        db_bind_i64(stmt, 2, ended_ms);
    else
        db_bind_null(stmt, 2);
    ok(fixture, db_run(stmt, &fixture->err));
}

static int64_t left(struct fixture *fixture)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->db, SQL("SELECT count(*) FROM note"), &stmt, &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    return db_i64(stmt, 0);
}

static enum err_class tell(void *arg, const struct record *record, int64_t count, struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    assert_ptr_equal(record, &note_record);
    fixture->told += count;
    return ERR_OK;
}

static void sweep_now(struct fixture *fixture)
{
    ok(fixture, sweep(fixture->db, &fixture->world.fake.ctx, &catalog, SCOPE_TENANT, tell, fixture,
                      &fixture->err));
}

static void a_row_goes_with_the_first_sweep_past_its_limit(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 1, FAKE_NOW_MS);
    add(fixture, 2, FAKE_NOW_MS + MS_PER_DAY);
    fake_ctx_advance(&fixture->world.fake, 30 * MS_PER_DAY);
    sweep_now(fixture);
    assert_int_equal(left(fixture), 2);
    fake_ctx_advance(&fixture->world.fake, 1);
    sweep_now(fixture);
    assert_int_equal(left(fixture), 1);
    assert_int_equal(fixture->told, 1);
    fake_ctx_advance(&fixture->world.fake, MS_PER_DAY);
    sweep_now(fixture);
    assert_int_equal(left(fixture), 0);
    assert_int_equal(fixture->told, 2);
}

static void what_has_not_ended_stays(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 1, 0);
    fake_ctx_advance(&fixture->world.fake, 4000 * MS_PER_DAY);
    sweep_now(fixture);
    assert_int_equal(left(fixture), 1);
    assert_int_equal(fixture->told, 0);
}

static void many_rows_go_at_once(void **state)
{
    struct fixture *fixture = *state;

    ok(fixture, db_begin(fixture->db, DB_WRITE, &fixture->err));
    for (int64_t n = 0; n < MANY; n++)
        add(fixture, n, FAKE_NOW_MS + n);
    ok(fixture, db_commit(fixture->db, &fixture->err));
    fake_ctx_advance(&fixture->world.fake, 30 * MS_PER_DAY + MANY - 10);
    sweep_now(fixture);
    assert_int_equal(left(fixture), 10);
    assert_int_equal(fixture->told, MANY - 10);
}

static void the_wish_to_stop_ends_it_and_the_next_one_goes_on(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, 1, FAKE_NOW_MS);
    fake_ctx_advance(&fixture->world.fake, 31 * MS_PER_DAY);
    fixture->world.fake.stop = 1;
    assert_int_equal(sweep(fixture->db, &fixture->world.fake.ctx, &catalog, SCOPE_TENANT, tell,
                           fixture, &fixture->err),
                     ERR_CANCELLED);
    assert_int_equal(left(fixture), 1);
    fixture->world.fake.stop = 0;
    sweep_now(fixture);
    assert_int_equal(left(fixture), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_goes_with_the_first_sweep_past_its_limit, begin, end),
        cmocka_unit_test_setup_teardown(what_has_not_ended_stays, begin, end),
        cmocka_unit_test_setup_teardown(many_rows_go_at_once, begin, end),
        cmocka_unit_test_setup_teardown(the_wish_to_stop_ends_it_and_the_next_one_goes_on, begin,
                                        end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
