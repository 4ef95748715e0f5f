/* people_world.c: a data folder for the tests of signing in. */
#include "people_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "connect/people_records.h"
#include "store/records.h"

static const struct record *const records[] = {
    &control_schema_change_record,
    &tenant_record,
    &schema_change_record,
    &person_record,
    &person_state_record,
    &erased_person_record,
    &credential_record,
    &administrator_record,
    &sign_in_link_record,
    &admin_session_record,
    &session_record,
    &api_token_record,
    &oauth_grant_record,
};

const struct catalog people_catalog = {
    .version = 2, .records = records, .record_count = ARRAY_LEN(records)};

void people_ok(struct people_world *world, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), world->err.msg);
}

int people_world_begin(void **state)
{
    struct people_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    store_world_begin(&world->store, &people_catalog, 7);
    world->ctx = &world->store.fake.ctx;
    people_ok(world, store_pool_new(world->ctx, scratch_path(&world->store.scratch, "data"),
                                    &people_catalog, &world->pool, &world->err));
    *state = world;
    return 0;
}

int people_world_end(void **state)
{
    struct people_world *world = *state;

    store_pool_free(world->pool);
    store_world_end(&world->store);
    free(world);
    return 0;
}

int64_t people_number(struct people_world *world, bool control, const char *sql)
{
    struct db *db = control ? world->store.data->control : world->store.tenant->db;
    struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t number;

    people_ok(world, db_prepare(db, sql, &stmt, &world->err));
    people_ok(world, db_step(stmt, &row, &world->err));
    assert_true(row);
    number = db_i64(stmt, 0);
    db_finish(stmt);
    return number;
}
