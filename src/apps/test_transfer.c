/* Tests of custody/transfer.c: the configuration comes out, goes in, and comes out the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/fault_vfs.h"
#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/mirror.h"
#include "apps/timesheet/saved.h"
#include "apps/timesheet/settings.h"
#include "base/disk.h"
#include "connect/api_token.h"
#include "custody/transfer.h"
#include "daemon/people.h"

#define WORDS "Stunden, \"quoted\"\n\xc3\xbc"

struct fixture {
    struct store_world world;
    struct disk_ops disk;
    struct strbuf out;
    struct err err;
};

static void ok(struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

static int64_t number(struct fixture *f, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(f, db_prepare_built(f->world.tenant->db, sql, &stmt, &f->err));
    ok(f, db_step(stmt, &row, &f->err));
    return row ? db_i64(stmt, 0) : -1;
}

/* Something in each record of the configuration, and a worklog and a token that are not of it. */
static void fill(struct fixture *f)
{
    struct tenant *tenant = f->world.tenant;
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)16 << 20);
    const int32_t holidays[] = {20000, 20001};
    const int64_t issues[] = {5, 9};
    const struct str accounts[] = {STR("712020:bob"), STR("712020:ada")};
    const struct jira_worklog worklog = {
        .id = 77, .issue_id = 5, .account = STR("712020:ada"), .updated_ms = 1, .seconds = 60};
    struct saved_report saved = {.name = STR(WORDS), .query = STR("group=account")};
    struct api_token token = {
        .name = STR("dash"), .account = STR("712020:ada"), .scopes = MAY_READ};
    char text[API_TOKEN_BYTES + 1];
    struct settings settings;
    struct mirror mirror;
    enum mirror_put put;

    assert_non_null(arena);
    ok(f, settings_load(tenant, arena, &settings, &f->err));
    settings.zone = STR("Europe/Berlin");
    settings.holidays = holidays;
    settings.holiday_count = 2;
    settings.non_working_issues = issues;
    settings.non_working_count = 2;
    settings.access[RIGHT_LOG] = (struct access){.accounts = accounts, .account_count = 2};
    settings.access[RIGHT_OTHERS] = (struct access){.groups = accounts, .group_count = 1};
    ok(f, settings_store(tenant, &settings, &f->err));
    ok(f, saved_add(tenant, STR("712020:ada"), &saved, &f->err));
    ok(f, saved_add(tenant, STR(""), &saved, &f->err));
    ok(f, api_token_add(tenant, &token, text, &f->err));
    ok(f, mirror_init(&mirror, tenant, &f->err));
    ok(f, db_begin(tenant->db, DB_WRITE, &f->err));
    ok(f, mirror_put(&mirror, &worklog, &put, &f->err));
    ok(f, tag_add(&mirror, 77, STR("billable"), &f->err));
    ok(f, db_exec(tenant->db,
                  SQL("INSERT INTO billing_tag (tag) SELECT id FROM tag;"
                      "INSERT INTO billing_project (project_key) VALUES ('OPS')"),
                  &f->err));
    ok(f, db_commit(tenant->db, &f->err));
    mirror_done(&mirror);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 5);
    f->out = STRBUF_INIT((size_t)64 << 20);
    fill(f);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    strbuf_done(&f->out);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static enum err_class to_out(void *arg, struct str part, struct err *err)
{
    strbuf_add_str(arg, part);
    return strbuf_check(arg, "the test's document", err);
}

static const char *exported(struct fixture *f, struct strbuf *out)
{
    const struct rows_sink sink = {.write = to_out, .arg = out};
    int64_t rows = 0;

    ok(f, transfer_export(f->world.tenant, &sink, &rows, &f->err));
    return strbuf_z(out);
}

/* A text that comes in small parts. */
struct from_text {
    struct str text;
    size_t at, part;
};

static enum err_class from_start(void *arg, struct err *err)
{
    struct from_text *from = arg;

    (void)err;
    from->at = 0;
    return ERR_OK;
}

static enum err_class from_part(void *arg, char *bytes, size_t len, size_t *ret_len,
                                struct err *err)
{
    struct from_text *from = arg;
    struct str part = str_sub(from->text, from->at, from->part < len ? from->part : len);

    (void)err;
    if (part.len > 0)
        memcpy(bytes, part.ptr, part.len);
    from->at += part.len;
    *ret_len = part.len;
    return ERR_OK;
}

static enum err_class import_parts(struct fixture *f, const char *text, size_t part,
                                   struct transfer_imported *ret)
{
    static const struct app_list list = {tenon_apps, 1};
    const struct rows_hook hook = apps_hook(&list);
    const struct transfer_options options = {.hook = &hook};
    struct from_text from = {.text = str_from(text), .part = part};
    const struct transfer_source source = {from_start, from_part, &from};

    return transfer_import(f->world.tenant, &source, &options, ret, &f->err);
}

static enum err_class import(struct fixture *f, const char *text)
{
    struct transfer_imported done = {0};

    return import_parts(f, text, 4096, &done);
}

/* A new tenant of the same site, with nothing in it. */
static void start_over(struct fixture *f)
{
    struct tenant_info info = f->world.info;

    tenant_close(f->world.tenant);
    f->world.tenant = NULL;
    ok(f, tenant_remove(f->world.data, &f->world.info, &f->err));
    ok(f, tenant_create(f->world.data, &info, NULL, &f->err));
    f->world.info = info;
    ok(f, tenant_open(f->world.data, &info, &f->world.tenant, &f->err));
}

/* A row of a record that fill() does not know, with something in each field. */
static void put_any_row(struct fixture *f, const struct record *record)
{
    struct tenant *tenant = f->world.tenant;
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(8192);
    AUTO(strbuf_done) struct strbuf sealed = STRBUF_INIT(1024);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    strbuf_addf(&sql, "INSERT INTO %s VALUES (", record->name);
    for (size_t i = 0; i < record->field_count; i++)
        strbuf_addf(&sql, "%s$%zu", i > 0 ? ", " : "", i + 1);
    strbuf_add_char(&sql, ')');
    ok(f, db_begin(tenant->db, DB_WRITE, &f->err));
    ok(f, db_prepare_built(tenant->db, strbuf_z(&sql), &stmt, &f->err));
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        struct vault_place place = rows_place(record, field, 1, STR("x"));

        if (class_policy(field->class)->sealed) {
            assert_int_equal(sealed.len, 0); /* one such field, or this wants a list of buffers */
            ok(f, vault_seal(tenant->vault, tenant->ctx, &place, STR("x"), &sealed, &f->err));
            db_bind_blob(stmt, (int)i + 1, strbuf_str(&sealed));
        } else if (field->type == TYPE_TEXT || field->type == TYPE_BLOB) {
            db_bind_text(stmt, (int)i + 1, STR("x"));
        } else {
            db_bind_i64(stmt, (int)i + 1, 1);
        }
    }
    ok(f, db_run(stmt, &f->err));
    ok(f, db_commit(tenant->db, &f->err));
}

static bool has_rows(struct fixture *f, const char *name)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(256);

    strbuf_addf(&sql, "SELECT count(*) FROM %s", name);
    return number(f, strbuf_z(&sql)) > 0;
}

static void pl_09_every_field_that_is_exported_is_there_and_no_secret(void **state)
{
    struct fixture *f = *state;
    yyjson_doc *doc = NULL;
    yyjson_val *records;

    for (size_t i = 0; i < tenon_catalog.record_count; i++)
        if (record_is_configuration(tenon_catalog.records[i]) &&
            !has_rows(f, tenon_catalog.records[i]->name))
            put_any_row(f, tenon_catalog.records[i]);

    ok(f, json_read(str_from(exported(f, &f->out)), "the export", &doc, &f->err));
    records = yyjson_obj_get(yyjson_doc_get_root(doc), "records");
    for (size_t i = 0; i < tenon_catalog.record_count; i++) {
        const struct record *record = tenon_catalog.records[i];
        yyjson_val *rows = yyjson_obj_get(records, record->name);

        assert_int_equal(rows != NULL, record_is_configuration(record));
        for (size_t k = 0; rows && k < record->field_count; k++) {
            const struct field *field = &record->fields[k];
            bool wanted = class_policy(field->class)->exported && !field->digest_of;

            assert_int_equal(yyjson_obj_get(yyjson_arr_get_first(rows), field->name) != NULL,
                             wanted);
        }
    }
    assert_null(strstr(strbuf_z(&f->out), STORE_WORLD_TOKEN));
    assert_null(strstr(strbuf_z(&f->out), "\"worklog\""));
    yyjson_doc_free(doc);
}

static void pl_09_export_erase_import_export_is_byte_identical(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT((size_t)64 << 20);
    const char *first = exported(f, &f->out);
    struct transfer_imported done = {0};

    start_over(f);
    ok(f, import_parts(f, first, 7, &done));
    assert_int_equal(done.rows, 1 + 2 + 2 + 2 + 1 + 2 + 1 + 1 + 2);
    assert_string_equal(exported(f, &again), first);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog_tag"), 1);
}

static void what_was_imported_can_be_used(void **state)
{
    struct fixture *f = *state;
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)16 << 20);
    const char *first = exported(f, &f->out);
    const struct jira_worklog worklog = {
        .id = 77, .issue_id = 5, .account = STR("712020:ada"), .updated_ms = 1, .seconds = 60};
    struct settings settings;
    struct mirror mirror;
    enum mirror_put put;

    start_over(f);
    ok(f, import(f, first));
    ok(f, settings_load(f->world.tenant, arena, &settings, &f->err));
    assert_true(str_eq_z(settings.zone, "Europe/Berlin"));
    assert_int_equal(settings.access[RIGHT_LOG].account_count, 2);
    /* The tag is found by its digest, and waits for its worklog. */
    ok(f, mirror_init(&mirror, f->world.tenant, &f->err));
    ok(f, db_begin(f->world.tenant->db, DB_WRITE, &f->err));
    ok(f, mirror_put(&mirror, &worklog, &put, &f->err));
    ok(f, tag_add(&mirror, 77, STR("billable"), &f->err));
    ok(f, db_commit(f->world.tenant->db, &f->err));
    mirror_done(&mirror);
    assert_int_equal(number(f, "SELECT count(*) FROM tag"), 1);
}

static void an_import_takes_the_place_of_what_is_there(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT((size_t)64 << 20);
    struct saved_report saved = {.name = STR("another"), .query = STR("group=account")};
    const char *first = exported(f, &f->out);

    ok(f, saved_add(f->world.tenant, STR("712020:eve"), &saved, &f->err));
    ok(f, import(f, first));
    assert_string_equal(exported(f, &again), first);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM api_token"), 1);
}

static void records_that_are_not_named_stay(void **state)
{
    struct fixture *f = *state;

    ok(f, import(f, "{\"catalog\":1,\"format\":\"tenon.export/1\",\"from\":"
                    "\"https://acme.atlassian.net\",\"records\":{\"special_day\":[]}} \n"));
    assert_int_equal(number(f, "SELECT count(*) FROM special_day"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM saved_report"), 2);
}

#define HEAD                                                                                       \
    "{\"catalog\":3,\"format\":\"tenon.export/1\",\"from\":\"https://acme.atlassian.net\","        \
    "\"records\":"

static void what_is_wrong_is_named_and_nothing_changes(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "byte 1 "},
        {"[]", "byte 1 "},
        {"{\"format\":\"tenon.export/2\",\"records\":{}}", "format is not tenon.export/1"},
        {"{\"catalog\":99,\"format\":\"tenon.export/1\",\"records\":{}}", "catalogue 99"},
        {"{\"catalog\":3,\"format\":\"tenon.export/1\",\"from\":\"https://b.example\","
         "\"records\":{}}",
         "another Jira site"},
        {HEAD "{\"worklog\":[]}}", "not of the configuration"},
        {HEAD "{\"special_day\":[],\"special_day\":[]}}", "stands twice"},
        {HEAD "{\"special_day\":[{\"day\":1}]}}", "records.special_day, row 1: worked must be"},
        {HEAD "{\"special_day\":[{\"day\":1,\"worked\":0},{\"day\":\"x\",\"worked\":0}]}}",
         "row 2: day must be a whole number"},
        {HEAD "{\"special_day\":[{\"day\":1,\"worked\":0,\"more\":0}]}}", "a member that"},
        {HEAD "{\"special_day\":[{\"day\":1,\"worked\":0},{\"day\":1,\"worked\":1}]}}",
         "row 2: another row has the same key"},
        {HEAD "{\"special_day\":[{\"day\":1,\"day\":2,\"worked\":0}]}}", "twice"},
        {HEAD "{\"special_day\":[{\"day\":1,\"worked\":0}]", "',' or '}'"},
        {HEAD "{\"special_day\":[{\"day\":1,", "the rest of a value"},
        {HEAD "{\"special_day\":[{]}]}}", "is not JSON"},
        {HEAD "{}} x", "the end"},
        {HEAD "{},\"more\":1}", "nothing follows"},
        {HEAD "{\"worklog_tag\":[{\"client_worklog_id\":1,\"tag\":44}]}}", "the tag 44"},
        {HEAD "{\"access_person\":[{\"access\":\"log\",\"person\":\"\"}]}}", "1 to 255 bytes"},
        {HEAD "{\"saved_report\":[{\"id\":1,\"name\":\"a\",\"query\":\"\",\"shared\":0,"
              "\"owner\":null,\"created\":\"yesterday\",\"updated\":null}]}}",
         "created must be a time"},
        {HEAD "{\"timesheet_setting\":[{\"id\":1,\"working_days\":62,\"expected_seconds\":1,"
              "\"week_start\":1,\"zone\":\"Mars/Olympus\",\"rounding_minutes\":0,"
              "\"comment_required\":0,\"warn_future\":0,\"page_size\":50}]}}",
         "zone"},
    };
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT((size_t)64 << 20);
    const char *first = exported(f, &f->out);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct transfer_imported done = {-7, -7};

        if (import_parts(f, cases[i].text, 5, &done) == ERR_OK)
            fail_msg("was taken: %s", cases[i].text);
        if (!strstr(f->err.msg, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", f->err.msg, cases[i].says);
        assert_int_equal(done.rows, -7);
        strbuf_reset(&again);
        assert_string_equal(exported(f, &again), first);
    }
}

static void every_cut_of_an_export_is_refused(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT((size_t)64 << 20);
    const char *first = exported(f, &f->out);
    AUTO(free_autop) char *cut = str_dup_z(str_from(first));

    assert_non_null(cut);
    for (size_t len = strlen(first) - 2; len > 0; len--) { /* the last byte is a line's end */
        cut[len] = '\0';
        if (import(f, cut) == ERR_OK)
            fail_msg("was taken with %zu of %zu bytes", len, strlen(first));
    }
    assert_string_equal(exported(f, &again), first);
}

static void an_erased_person_does_not_come_back_with_an_import(void **state)
{
    struct fixture *f = *state;
    const char *first = exported(f, &f->out);
    struct person_erased erased = {0};
    struct transfer_imported done = {0};

    ok(f, person_erase(f->world.tenant, STR("712020:ada"), 0, NULL, &erased, &f->err));
    ok(f, import_parts(f, first, 4096, &done));
    assert_int_equal(done.erased, 2); /* a right, a saved report */
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM access_person"), 1);
}

static void a_full_disk_leaves_what_was_there(void **state)
{
    struct fixture *f = *state;
    AUTO(strbuf_done) struct strbuf again = STRBUF_INIT((size_t)64 << 20);
    const char *first = exported(f, &f->out);
    enum err_class rc = ERR_SPACE;

    f->disk = *f->world.fake.ctx.disk;
    f->disk.sqlite_vfs = FAULT_VFS_NAME;
    fault_vfs_install();
    f->world.fake.ctx.disk = &f->disk;
    /* Fails at the first write, the second …, until it passes untouched. */
    for (long at = 0; rc != ERR_OK; at++) {
        fault_vfs_reset();
        store_world_reopen(&f->world);
        fault_vfs_reset();
        fault_vfs.fail_from = at;
        fault_vfs.fail_count = LONG_MAX;
        rc = import(f, first);
        fault_vfs_reset();
        store_world_reopen(&f->world);
        strbuf_reset(&again);
        assert_string_equal(exported(f, &again), first);
        assert_true(at < 500);
        assert_true(rc == ERR_OK || rc == ERR_SPACE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pl_09_every_field_that_is_exported_is_there_and_no_secret),
        TEST(pl_09_export_erase_import_export_is_byte_identical),
        TEST(what_was_imported_can_be_used),
        TEST(an_import_takes_the_place_of_what_is_there),
        TEST(records_that_are_not_named_stay),
        TEST(what_is_wrong_is_named_and_nothing_changes),
        TEST(every_cut_of_an_export_is_refused),
        TEST(an_erased_person_does_not_come_back_with_an_import),
        TEST(a_full_disk_leaves_what_was_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
