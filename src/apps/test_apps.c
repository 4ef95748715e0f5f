/*
 * Tests of the whole catalogue as it is shipped: it keeps its own rules, a fresh data folder is
 * exactly what it says, and the published page tells all of it.
 */
#include "apps/apps.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/json.h"
#include "custody/page.h"
#include "custody/sweep.h"
#include "store/schema.h"

static void ok(enum err_class rc, const struct err *err)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), err->msg);
}

static void the_shipped_catalogue_keeps_its_rules(void **state)
{
    struct err err = {0};

    (void)state;
    ok(catalog_check(&tenon_catalog, &err), &err);
    assert_true(tenon_catalog.version >= 1);
    assert_true(tenon_catalog.record_count >= 14);
    /* Nothing is younger than the catalogue that brings it. */
    for (size_t r = 0; r < tenon_catalog.record_count; r++) {
        const struct record *record = tenon_catalog.records[r];

        assert_true(record->since <= tenon_catalog.version);
        for (size_t f = 0; f < record->field_count; f++)
            assert_true(record->fields[f].since <= tenon_catalog.version);
    }
}

/* What the design says is stored of a worklog, and nothing else. */
static void a_worklog_is_its_eight_fields(void **state)
{
    static const struct {
        const char *name;
        enum field_class class;
    } fields[] = {
        {"client_worklog_id", CLASS_ID},
        {"person", CLASS_PERSON},
        {"client_issue_id", CLASS_ID},
        {"created", CLASS_META},
        {"updated", CLASS_META},
        {"started", CLASS_META},
        {"time_spent_seconds", CLASS_META},
        {"comment", CLASS_CONTENT},
    };
    const struct record *worklog = catalog_record(&tenon_catalog, "worklog");

    (void)state;
    assert_non_null(worklog);
    assert_int_equal(worklog->field_count, ARRAY_LEN(fields));
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        assert_string_equal(worklog->fields[i].name, fields[i].name);
        assert_int_equal(worklog->fields[i].class, fields[i].class);
    }
}

/* ---- a fresh folder ---- */

struct table {
    const struct record *record;
    size_t columns;
};

static enum err_class check_column(void *arg, const struct db_column *column, struct err *err)
{
    struct table *table = arg;
    const struct field *field = record_field(table->record, column->name);

    (void)err;
    if (!field)
        fail_msg("%s.%s is not declared", table->record->name, column->name);

    bool sealed = class_policy(field->class)->sealed;
    const char *type = sealed || field->type == TYPE_BLOB ? "BLOB"
                       : field->type == TYPE_TEXT         ? "TEXT"
                                                          : "INTEGER";

    assert_string_equal(column->type, type);
    assert_int_equal(column->not_null, (field->flags & FIELD_NULL) == 0);
    assert_int_equal(column->key_position,
                     field->flags & FIELD_KEY ? field - table->record->fields + 1 : 0);
    table->columns++;
    return ERR_OK;
}

static enum err_class count_table(void *arg, struct str name, struct err *err)
{
    const struct record *record;
    char *text = str_dup_z(name);

    (void)err;
    record = catalog_record(&tenon_catalog, text);
    if (!record)
        fail_msg("the table %s is not declared", text);
    free(text);
    ++*(size_t *)arg;
    return ERR_OK;
}

static void is_declared(struct db *db, enum record_scope scope)
{
    size_t tables = 0, records = 0;
    struct err err = {0};

    ok(db_each_table(db, count_table, &tables, &err), &err);
    for (size_t r = 0; r < tenon_catalog.record_count; r++) {
        struct table table = {.record = tenon_catalog.records[r]};

        if (table.record->scope != scope)
            continue;
        records++;
        ok(db_each_column(db, table.record->name, check_column, &table, &err), &err);
        assert_int_equal(table.columns, table.record->field_count);
    }
    assert_int_equal(tables, records);
    ok(schema_verify(db, &tenon_catalog, scope, &err), &err);
    ok(db_check_integrity(db, &err), &err);
}

static void a_fresh_folder_is_exactly_what_is_declared(void **state)
{
    struct store_world world;

    (void)state;
    store_world_begin(&world, &tenon_catalog, 1);
    is_declared(world.data->control, SCOPE_CONTROL);
    is_declared(world.tenant->db, SCOPE_TENANT);
    store_world_reopen(&world);
    is_declared(world.data->control, SCOPE_CONTROL);
    is_declared(world.tenant->db, SCOPE_TENANT);
    store_world_end(&world);
}

static void an_undeclared_table_keeps_a_tenant_closed(void **state)
{
    struct store_world world;
    struct tenant *tenant = NULL;
    struct err err = {0};

    (void)state;
    store_world_begin(&world, &tenon_catalog, 1);
    ok(db_exec(world.tenant->db, "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT)", &err),
       &err);
    assert_int_equal(tenant_open(world.data, &world.info, &tenant, &err), ERR_SCHEMA);
    assert_non_null(strstr(err.msg, "names"));
    assert_null(tenant);
    store_world_end(&world);
}

/* ---- the page ---- */

static const struct page_facts no_facts = {"", "", "", "", "", "", 0, 0, 0};
static const struct page page_of_all = {&tenon_catalog, &no_facts, NULL};

static void the_page_tells_every_record_and_field_in_all_forms(void **state)
{
    (void)state;
    for (int form = PAGE_TEXT; form <= PAGE_HTML; form++) {
        struct strbuf page = STRBUF_INIT(1 << 20);
        struct err err = {0};

        ok(page_write(&page_of_all, (enum page_form)form, &page, &err), &err);
        assert_true(str_is_utf8(strbuf_str(&page)));
        for (size_t r = 0; r < tenon_catalog.record_count; r++) {
            const struct record *record = tenon_catalog.records[r];

            assert_non_null(strstr(strbuf_z(&page), record->name));
            for (size_t f = 0; f < record->field_count; f++)
                if (!strstr(strbuf_z(&page), record->fields[f].name))
                    fail_msg("form %d lacks %s.%s", form, record->name, record->fields[f].name);
        }
        strbuf_done(&page);
    }
}

static void the_page_s_json_has_a_field_for_each_column(void **state)
{
    struct strbuf page = STRBUF_INIT(1 << 20);
    yyjson_doc *doc = NULL;
    struct err err = {0};

    (void)state;
    ok(page_write(&page_of_all, PAGE_JSON, &page, &err), &err);
    ok(json_read(strbuf_str(&page), "the page", &doc, &err), &err);

    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "records");

    assert_int_equal(yyjson_arr_size(list), tenon_catalog.record_count);
    for (size_t r = 0; r < tenon_catalog.record_count; r++) {
        const struct record *record = tenon_catalog.records[r];
        yyjson_val *object = yyjson_arr_get(list, r);
        yyjson_val *fields = yyjson_obj_get(object, "fields");

        assert_true(str_eq_z(json_str(object, "name"), record->name));
        assert_int_equal(yyjson_arr_size(fields), record->field_count);
        for (size_t f = 0; f < record->field_count; f++)
            assert_true(
                str_eq_z(json_str(yyjson_arr_get(fields, f), "name"), record->fields[f].name));
    }
    yyjson_doc_free(doc);
    strbuf_done(&page);
}

/* ---- retention ---- */

/* A row of the record, made of the least that its columns take, with that time of retention. */
static void put_row(struct db *db, const struct record *record, int64_t at_ms)
{
    struct strbuf sql = STRBUF_INIT(4096);
    struct err err = {0};

    strbuf_addf(&sql, "INSERT INTO %s (", record->name);
    for (size_t f = 0; f < record->field_count; f++)
        strbuf_addf(&sql, "%s%s", f > 0 ? ", " : "", record->fields[f].name);
    strbuf_add_z(&sql, ") VALUES (");
    for (size_t f = 0; f < record->field_count; f++) {
        const struct field *field = &record->fields[f];

        if (f > 0)
            strbuf_add_z(&sql, ", ");
        if (strcmp(field->name, record->retention_field) == 0)
            strbuf_addf(&sql, "%lld", (long long)at_ms);
        else if (field->type == TYPE_TEXT && !class_policy(field->class)->sealed)
            strbuf_addf(&sql, "'%lld'", (long long)at_ms);
        else
            strbuf_addf(&sql, "%lld", (long long)at_ms);
    }
    strbuf_add_z(&sql, ");");
    ok(db_exec(db, strbuf_z(&sql), &err), &err);
    strbuf_done(&sql);
}

static int64_t rows_of(struct db *db, const struct record *record)
{
    int64_t rows = 0, oldest = 0;
    struct err err = {0};

    ok(db_measure_table(db, record->name, NULL, &rows, &oldest, &err), &err);
    return rows;
}

static void sweeps(struct store_world *world, struct db *db, enum record_scope scope)
{
    struct err err = {0};

    ok(sweep(db, &world->fake.ctx, &tenon_catalog, scope, NULL, NULL, &err), &err);
    for (size_t i = 0; i < tenon_app_count && scope == SCOPE_TENANT; i++) {
        ok(db_begin(db, DB_WRITE, &err), &err);
        ok(tenon_apps[i]->let_go(world->tenant, &err), &err);
        ok(db_commit(db, &err), &err);
    }
}

/* [PL-07] On its last day each row is there, and with the first sweep after that it is gone. */
static void each_record_with_a_limit_goes_by_it(void **state)
{
    struct store_world world;
    size_t seen = 0;

    (void)state;
    store_world_begin(&world, &tenon_catalog, 1);
    for (size_t r = 0; r < tenon_catalog.record_count; r++) {
        const struct record *record = tenon_catalog.records[r];
        struct db *db = record->scope == SCOPE_TENANT ? world.tenant->db : world.data->control;
        int64_t now_ms = ctx_now_ms(&world.fake.ctx), before;

        if (record->scope == SCOPE_FILE || record->retention != RETAIN_DAYS)
            continue;
        seen++;
        sweeps(&world, db, record->scope);
        before = rows_of(db, record);
        put_row(db, record, now_ms);
        fake_ctx_advance(&world.fake, (int64_t)record->retention_days * 86400000);
        sweeps(&world, db, record->scope);
        if (rows_of(db, record) < 1)
            fail_msg("%s goes before its time", record->name);
        fake_ctx_advance(&world.fake, 1);
        sweeps(&world, db, record->scope);
        if (rows_of(db, record) > before)
            fail_msg("%s stays past its time", record->name);
    }
    assert_true(seen >= 9);
    store_world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_catalogue_keeps_its_rules),
        cmocka_unit_test(a_worklog_is_its_eight_fields),
        cmocka_unit_test(a_fresh_folder_is_exactly_what_is_declared),
        cmocka_unit_test(an_undeclared_table_keeps_a_tenant_closed),
        cmocka_unit_test(the_page_tells_every_record_and_field_in_all_forms),
        cmocka_unit_test(the_page_s_json_has_a_field_for_each_column),
        cmocka_unit_test(each_record_with_a_limit_goes_by_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
