/*
 * Tests of export.c: files hold what was asked, of what the viewer may see when the row's turn
 * comes, in little memory, and leave nothing of it on the disk.
 */
#include "apps/timesheet/export.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/mirror.h"

#define PLANTED "planted-words-of-a-person"

struct fixture {
    struct store_world world;
    struct mirror mirror;
    struct site_columns *site;
    struct strbuf text;
    struct err err;
    unsigned given; /* how often the tenant was given back */
};

#define OK(fixture, call)                                                                          \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, (fixture)->err.msg);                                         \
    } while (0)

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 7);
    OK(fixture, mirror_init(&fixture->mirror, fixture->world.tenant, &fixture->err));
    fixture->site = site_columns_new(&fixture->world.fake.ctx);
    assert_non_null(fixture->site);
    fixture->text = STRBUF_INIT(256 * 1024 * 1024);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    site_columns_free(fixture->site);
    mirror_done(&fixture->mirror);
    strbuf_done(&fixture->text);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, int64_t id, int64_t issue, const char *account,
                int64_t start, int64_t seconds, const char *comment)
{
    const struct jira_worklog worklog = {.id = id,
                                         .issue_id = issue,
                                         .account = str_from(account),
                                         .comment = str_from(comment),
                                         .created_ms = start,
                                         .updated_ms = start + id,
                                         .started_ms = start,
                                         .seconds = seconds};
    enum mirror_put done;

    OK(fixture, db_begin(fixture->world.tenant->db, DB_BULK, &fixture->err));
    OK(fixture, mirror_put(&fixture->mirror, &worklog, &done, &fixture->err));
    OK(fixture, db_commit(fixture->world.tenant->db, &fixture->err));
}

static void give_back(void *arg, struct tenant *tenant)
{
    struct fixture *fixture = arg;

    assert_ptr_equal(tenant, fixture->world.tenant);
    fixture->given++;
}

/* Reads all of it, in pieces of an awkward size, into fixture->text; the most that was held. */
static size_t read_all(struct fixture *fixture, struct export *export)
{
    char piece[777];
    size_t n = 1, pieces = 0;

    strbuf_reset(&fixture->text);
    while (n > 0) {
        OK(fixture, export_read(export, piece, sizeof(piece), &n, &fixture->err));
        strbuf_add(&fixture->text, piece, n);
        pieces += n > 0;
    }
    return pieces;
}

static enum err_class ask_some(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                               struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        if (ids[i] != 666 && jira_ids_add(ret, ids[i], err))
            return err->class;
    return ERR_OK;
}

static const struct viewer viewer = {.account = {"ada", 3}, .ask = ask_some};

static struct export *rows_export(struct fixture *fixture, enum sheet_format format,
                                  enum export_time time, const struct viewer *who)
{
    const struct report_request all = {0};
    struct export_options options = {.format = format, .time = time, .zone = STR("Europe/Berlin")};
    struct beside beside = {.live = NULL};
    struct site_rows rows = {0};
    struct export *export = NULL;

    OK(fixture, export_parse_columns("columns", STR(""), &options.columns, &fixture->err));

    OK(fixture,
       site_columns_rows(fixture->site, fixture->world.tenant, &all, who, &rows, &fixture->err));
    OK(fixture, export_rows(&options, fixture->world.tenant, &rows, STR("ada"), &beside, &export,
                            &fixture->err));
    export_on_end(export, give_back, fixture);
    return export;
}

#define START INT64_C(1768520700000) /* 2026-01-15T23:45:00Z: the 16th in Berlin */

static void worklogs_come_in_the_order_of_their_start_with_all_that_is_stored(void **state)
{
    struct fixture *fixture = *state;
    struct export *export;

    put(fixture, 9, 10001, "ada", START, 5400, "=SUM(A1), \"yes\"");
    put(fixture, 5, 10002, "bo", START + 60000, 60, "");
    OK(fixture, tag_add(&fixture->mirror, 9, STR("red"), &fixture->err));
    OK(fixture, tag_add(&fixture->mirror, 9, STR("blue"), &fixture->err));
    export = rows_export(fixture, SHEET_CSV, EXPORT_HOURS, NULL);
    read_all(fixture, export);
    export_free(export);
    assert_int_equal(fixture->given, 1);
    assert_string_equal(
        strbuf_z(&fixture->text),
        "id,issue,account,date,started,hours,comment,tags,created,updated\r\n"
        "9,10001,ada,2026-01-16,2026-01-15T23:45:00.000Z,1.5,\"'=SUM(A1), \"\"yes\"\"\","
        "\"red, blue\",2026-01-15T23:45:00.000Z,2026-01-15T23:45:00.009Z\r\n"
        "5,10002,bo,2026-01-16,2026-01-15T23:46:00.000Z,0.0167,,,2026-01-15T23:46:00.000Z,"
        "2026-01-15T23:46:00.005Z\r\n");
}

static void what_is_hidden_is_in_no_file_also_when_it_becomes_so_on_the_way(void **state)
{
    struct fixture *fixture = *state;
    struct export *export;
    bool was = false;

    for (int64_t id = 1; id <= 300; id++)
        put(fixture, id, id % 10 == 0 ? 666 : 10000 + id % 7, "ada", START + id, 60, "x");
    export = rows_export(fixture, SHEET_CSV, EXPORT_SECONDS, &viewer);
    /* Moved to where the viewer may not look, deleted, moved to an issue that is new. */
    put(fixture, 299, 666, "ada", START + 299, 60, PLANTED);
    put(fixture, 298, 31337, "ada", START + 298, 60, PLANTED);
    OK(fixture, db_begin(fixture->world.tenant->db, DB_BULK, &fixture->err));
    OK(fixture, mirror_delete(&fixture->mirror, 297, START * 2, &was, &fixture->err));
    OK(fixture, db_commit(fixture->world.tenant->db, &fixture->err));
    read_all(fixture, export);
    export_free(export);
    assert_null(strstr(strbuf_z(&fixture->text), ",666,"));
    assert_null(strstr(strbuf_z(&fixture->text), PLANTED));
    assert_null(strstr(strbuf_z(&fixture->text), "\n297,"));
    assert_non_null(strstr(strbuf_z(&fixture->text), "\n296,"));

    size_t lines = 0;

    for (size_t i = 0; i < fixture->text.len; i++)
        lines += fixture->text.ptr[i] == '\n';
    assert_int_equal(lines, 1 + 300 - 30 - 3);
}

static void who_sees_own_worklogs_gets_no_others(void **state)
{
    static const struct viewer own = {.account = {"ada", 3}, .own_only = true};
    struct fixture *fixture = *state;
    struct export *export;

    put(fixture, 1, 10001, "ada", START, 60, "mine");
    put(fixture, 2, 10001, "bo", START, 60, PLANTED);
    put(fixture, 3, 10001, "ada", START, 60, "mine too");
    export = rows_export(fixture, SHEET_CSV, EXPORT_SECONDS, &own);
    read_all(fixture, export);
    export_free(export);
    assert_non_null(strstr(strbuf_z(&fixture->text), "mine too"));
    assert_null(strstr(strbuf_z(&fixture->text), PLANTED));
}

static void a_report_is_a_file_too(void **state)
{
    const struct export_options options = {SHEET_CSV, EXPORT_HOURS, {NULL, 0}, {.count = 0}};
    struct beside beside = {.live = NULL};
    struct report_request request = {.group_count = 2, .groups = {REPORT_ACCOUNT, REPORT_TAG}};
    struct fixture *fixture = *state;
    struct report *report = NULL;
    struct export *export = NULL;
    size_t hidden = 0;

    put(fixture, 1, 10001, "=ada", START, 5400, "");
    put(fixture, 2, 10001, "bo", START, 60, "");
    OK(fixture, site_columns_report(fixture->site, fixture->world.tenant, &request, NULL, &report,
                                    &hidden, &fixture->err));
    OK(fixture, export_report(&options, report, &beside, &export, &fixture->err));
    read_all(fixture, export);
    export_free(export);
    assert_string_equal(strbuf_z(&fixture->text), "account,tag,hours,count\r\n"
                                                  "'=ada,,1.5,1\r\n"
                                                  "bo,,0.0167,1\r\n");
    /* Totals alone are a row. */
    request.group_count = 0;
    OK(fixture, site_columns_report(fixture->site, fixture->world.tenant, &request, NULL, &report,
                                    &hidden, &fixture->err));
    OK(fixture, export_report(&options, report, &beside, &export, &fixture->err));
    read_all(fixture, export);
    export_free(export);
    assert_string_equal(strbuf_z(&fixture->text), "hours,count\r\n1.5167,2\r\n");
}

static void columns_are_chosen_by_name(void **state)
{
    struct fixture *fixture = *state;
    struct export_columns columns;
    struct beside_wish wish = {.what = "columns"};
    enum export_time time = EXPORT_SECONDS;

    OK(fixture, export_parse_columns("columns", STR(""), &columns, &fixture->err));
    assert_int_equal(columns.count, 10);
    export_wish(&columns, &wish);
    assert_int_equal(wish.fields, 0);
    assert_false(wish.authors || wish.billable);
    OK(fixture, export_parse_columns("columns", STR(" key , time,author,billable"), &columns,
                                     &fixture->err));
    assert_int_equal(columns.count, 4);
    assert_int_equal(columns.list[0], EXPORT_LIVE + LIVE_KEY);
    assert_int_equal(columns.list[1], EXPORT_TIME);
    export_wish(&columns, &wish);
    assert_int_equal(wish.fields, LIVE_BIT(LIVE_KEY));
    assert_true(wish.authors && wish.billable);
    OK(fixture, export_parse_columns("columns", STR("all"), &columns, &fixture->err));
    assert_int_equal(columns.count, EXPORT_COLUMN_COUNT);
    assert_true(columns.count >= 25);
    OK(fixture, export_parse_extra("columns", STR(""), &columns, &fixture->err));
    assert_int_equal(columns.count, 0);
    OK(fixture, export_parse_extra("columns", STR("all"), &columns, &fixture->err));
    assert_int_equal(columns.count, LIVE_FIELD_COUNT + 1);

    columns.count = 77;
    assert_int_equal(export_parse_columns("columns", STR("key,nothing"), &columns, &fixture->err),
                     ERR_USAGE);
    assert_non_null(strstr(fixture->err.msg, "columns: "));
    assert_non_null(strstr(fixture->err.msg, "fix_versions"));
    assert_int_equal(export_parse_columns("columns", STR("key,key"), &columns, &fixture->err),
                     ERR_USAGE);
    assert_int_equal(export_parse_extra("columns", STR("comment"), &columns, &fixture->err),
                     ERR_USAGE);
    assert_int_equal(columns.count, 77);
    OK(fixture, export_parse_time("time", STR("human"), &time, &fixture->err));
    assert_int_equal(time, EXPORT_HUMAN);
    assert_int_equal(export_parse_time("time", STR("days"), &time, &fixture->err), ERR_USAGE);
}

static void what_is_billed_and_what_remains_stand_in_a_reports_file(void **state)
{
    static const struct str tags[] = {{"red", 3}};
    static const int64_t left[] = {7200, REPORT_REMAINING_UNKNOWN};
    const struct report_billing rule = {.tags = tags, .tag_count = 1};
    const struct export_options options = {.format = SHEET_CSV, .time = EXPORT_HUMAN};
    struct report_request request = {.group_count = 1, .groups = {REPORT_ISSUE}, .billing = &rule};
    struct beside beside = {.remaining = {left, 7200}};
    struct fixture *fixture = *state;
    struct report *report = NULL;
    struct export *export = NULL;
    size_t hidden = 0;

    put(fixture, 1, 10001, "ada", START, 5400, "");
    put(fixture, 2, 10001, "bo", START, 1800, "");
    put(fixture, 3, 10002, "bo", START, 60, "");
    OK(fixture, tag_add(&fixture->mirror, 2, STR("red"), &fixture->err));
    OK(fixture, site_columns_report(fixture->site, fixture->world.tenant, &request, NULL, &report,
                                    &hidden, &fixture->err));
    OK(fixture, export_report(&options, report, &beside, &export, &fixture->err));
    assert_null(beside.remaining.rows); /* it is the export's */
    read_all(fixture, export);
    export_free(export);
    assert_string_equal(strbuf_z(&fixture->text),
                        "issue,time,count,billable,non_billable,remaining,expected\r\n"
                        "10001,2h 00m,2,0h 30m,1h 30m,2h 00m,4h 00m\r\n"
                        "10002,0h 01m,1,0h 00m,0h 01m,,\r\n");
}

static void an_empty_file_has_its_heading(void **state)
{
    struct fixture *fixture = *state;
    struct export *export = rows_export(fixture, SHEET_CSV, EXPORT_SECONDS, &viewer);

    read_all(fixture, export);
    export_free(export);
    assert_string_equal(strbuf_z(&fixture->text),
                        "id,issue,account,date,started,seconds,comment,tags,created,updated\r\n");
}

/* ---- Nothing on the disk ---- */

static void a_workbook_leaves_no_words_on_the_disk(void **state)
{
    struct fixture *fixture = *state;
    struct export *export;
    const char *folder = fixture->world.data->dir;
    char piece[4096];
    size_t n = 1;

    /* Whatever takes a temporary folder takes this one. */
    assert_int_equal(setenv("TMPDIR", folder, 1), 0);
    for (int64_t id = 1; id <= 2000; id++)
        put(fixture, id, 10001, "ada", START + id, 60, PLANTED);
    export = rows_export(fixture, SHEET_XLSX, EXPORT_SECONDS, &viewer);
    for (int i = 0; n > 0; i++) {
        OK(fixture, export_read(export, piece, sizeof(piece), &n, &fixture->err));
        strbuf_add(&fixture->text, piece, n);
        if (i % 5 == 0)
            assert_false(scratch_grep(folder, STR(PLANTED)));
    }
    export_free(export);
    assert_false(scratch_grep(folder, STR(PLANTED)));
    assert_true(fixture->text.len > 4000);
    assert_memory_equal(fixture->text.ptr, "PK\3\4", 4);
    /* The search itself finds what is there. */
    scratch_write(scratch_path(&fixture->world.scratch, "control"), STR("x" PLANTED));
    assert_true(scratch_grep(fixture->world.scratch.dir, STR(PLANTED)));
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(worklogs_come_in_the_order_of_their_start_with_all_that_is_stored),
        TEST(what_is_hidden_is_in_no_file_also_when_it_becomes_so_on_the_way),
        TEST(who_sees_own_worklogs_gets_no_others),
        TEST(a_report_is_a_file_too),
        TEST(columns_are_chosen_by_name),
        TEST(what_is_billed_and_what_remains_stand_in_a_reports_file),
        TEST(an_empty_file_has_its_heading),
        TEST(a_workbook_leaves_no_words_on_the_disk),
    };

    test_vault_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
