/* Tests of custody/person.c: everything held on one account is shown, and goes; nobody else's does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/mirror.h"
#include "apps/timesheet/saved.h"
#include "apps/timesheet/settings.h"
#include "connect/api_token.h"
#include "custody/person.h"
#include "daemon/people.h"
#include "store/erased.h"
#include "store/records.h"

#define ADA "712020:ada"
#define BOB "712020:bob"
#define WORDS "words that only Ada wrote"

struct fixture {
    struct store_world world;
    struct strbuf out;
    struct err err;
};

static void ok(struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

static struct rows_hook hook(void)
{
    static const struct app_list list = {tenon_apps, 1};

    return apps_hook(&list);
}

static int64_t number(struct fixture *f, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(f, db_prepare_built(f->world.tenant->db, sql, &stmt, &f->err));
    ok(f, db_step(stmt, &row, &f->err));
    return row ? db_i64(stmt, 0) : -1;
}

static void book(struct fixture *f, int64_t first, int count, const char *account,
                 const char *comment)
{
    struct tenant *tenant = f->world.tenant;
    struct mirror mirror;
    enum mirror_put put;

    ok(f, mirror_init(&mirror, tenant, &f->err));
    ok(f, db_begin(tenant->db, DB_WRITE, &f->err));
    for (int i = 0; i < count; i++) {
        const struct jira_worklog worklog = {.id = first + i,
                                             .issue_id = 7,
                                             .account = str_from(account),
                                             .created_ms = FAKE_NOW_MS,
                                             .updated_ms = FAKE_NOW_MS,
                                             .started_ms = FAKE_NOW_MS,
                                             .seconds = 60,
                                             .comment = str_from(comment)};

        ok(f, mirror_put(&mirror, &worklog, &put, &f->err));
        if (i % 2 == 0 && put == MIRROR_ADDED)
            ok(f, tag_add(&mirror, first + i, STR("deep"), &f->err));
    }
    ok(f, db_commit(tenant->db, &f->err));
    mirror_done(&mirror);
}

/* Something of each record that refers to a person. */
static void fill(struct fixture *f, const char *account, int64_t first, int worklogs)
{
    struct tenant *tenant = f->world.tenant;
    struct saved_report saved = {.name = STR(WORDS), .query = STR("group=account")};
    struct api_token token = {.name = STR(WORDS), .account = str_from(account), .scopes = MAY_READ};
    char text[API_TOKEN_BYTES + 1];
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(2048);

    book(f, first, worklogs, account, WORDS);
    ok(f, saved_add(tenant, str_from(account), &saved, &f->err));
    ok(f, api_token_add(tenant, &token, text, &f->err));
    strbuf_addf(
        &sql,
        "INSERT INTO session (digest, person, expires, seen) SELECT randomblob(32), id, 1, 1"
        " FROM person WHERE account_id = '%s';"
        "INSERT INTO access_person (access, person) SELECT 'log', id FROM person"
        " WHERE account_id = '%s';"
        "INSERT INTO oauth_grant (person, generation, cloud_id, scopes, consented, expires)"
        " SELECT id, 1, 'c', 's', 1, 2 FROM person WHERE account_id = '%s';",
        account, account, account);
    ok(f, db_begin(tenant->db, DB_WRITE, &f->err));
    ok(f, db_exec(tenant->db, strbuf_z(&sql), &f->err));
    ok(f, db_commit(tenant->db, &f->err));
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 11);
    f->out = STRBUF_INIT((size_t)64 << 20);
    fill(f, ADA, 1, 5);
    fill(f, BOB, 101, 3);
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

static yyjson_doc *shown(struct fixture *f, const char *account, int64_t rows_max,
                         int64_t *ret_rows)
{
    const struct rows_sink sink = {.write = to_out, .arg = &f->out};
    struct person_document document;
    yyjson_doc *doc = NULL;

    strbuf_reset(&f->out);
    person_begin(&document, &sink, rows_max, AUDIT_PERSON_SHOWN, str_from(account));
    ok(f, person_write(&document, f->world.tenant, str_from(account), ret_rows, &f->err));
    ok(f, person_end(&document, &f->err));
    person_document_done(&document);
    ok(f, json_read(strbuf_str(&f->out), "the document", &doc, &f->err));
    return doc;
}

static yyjson_val *part_of(yyjson_doc *doc, const char *record)
{
    yyjson_val *tenants = yyjson_obj_get(yyjson_doc_get_root(doc), "tenants"), *part;
    yyjson_val *parts = yyjson_obj_get(yyjson_arr_get_first(tenants), "records");
    size_t at, max;

    yyjson_arr_foreach(parts, at, max, part)
    {
        if (str_eq_z(json_str(part, "record"), record))
            return part;
    }
    fail_msg("there is nothing of %s", record);
    return NULL;
}

static void pl_10_shows_each_row_that_refers_to_the_account_with_texts_opened(void **state)
{
    static const struct {
        const char *record;
        int64_t count;
    } wanted[] = {{"person", 1},    {"worklog", 5}, {"worklog_tag", 3},   {"saved_report", 1},
                  {"api_token", 1}, {"session", 1}, {"access_person", 1}, {"oauth_grant", 1}};
    struct fixture *f = *state;
    int64_t rows = 0;
    yyjson_doc *doc = shown(f, ADA, INT64_MAX, &rows);
    yyjson_val *worklog = yyjson_arr_get_first(yyjson_obj_get(part_of(doc, "worklog"), "rows"));
    int64_t sum = 0;

    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        yyjson_val *part = part_of(doc, wanted[i].record);

        assert_int_equal(yyjson_get_sint(yyjson_obj_get(part, "count")), wanted[i].count);
        assert_int_equal(yyjson_arr_size(yyjson_obj_get(part, "rows")), wanted[i].count);
        sum += wanted[i].count;
    }
    assert_int_equal(rows, sum);
    assert_true(str_eq_z(json_str(worklog, "comment"), WORDS));
    assert_true(str_eq_z(json_str(worklog, "person"), ADA));
    assert_true(str_eq_z(json_str(worklog, "started"), "2026-01-15T10:00:00.000Z"));
    assert_null(strstr(strbuf_z(&f->out), BOB));
    yyjson_doc_free(doc);
}

static void shows_no_more_rows_than_asked_and_counts_them_all(void **state)
{
    struct fixture *f = *state;
    int64_t rows = 0;
    yyjson_doc *doc = shown(f, ADA, 2, &rows);
    yyjson_val *part = part_of(doc, "worklog");

    assert_int_equal(yyjson_get_sint(yyjson_obj_get(part, "count")), 5);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(part, "rows")), 2);
    yyjson_doc_free(doc);
}

static void every_reference_to_a_person_is_reached(void **state)
{
    struct fixture *f = *state;
    int64_t rows = 0;
    yyjson_doc *doc = shown(f, ADA, 0, &rows);

    /* A record that somebody adds tomorrow must be in fill() above, or this fails. */
    for (size_t i = 0; i < tenon_catalog.record_count; i++)
        for (size_t k = 0; k < tenon_catalog.records[i]->field_count; k++) {
            const struct field *field = &tenon_catalog.records[i]->fields[k];

            if (field->ref && strcmp(field->ref, "person") == 0)
                (void)part_of(doc, tenon_catalog.records[i]->name);
            if (field->class == CLASS_PERSON && tenon_catalog.records[i] != &person_record)
                assert_true(field->ref && strcmp(field->ref, "person") == 0);
        }
    yyjson_doc_free(doc);
}

static struct person_erased erase(struct fixture *f, const char *account)
{
    const struct rows_hook apps = hook();
    struct person_erased done = {0};

    ok(f, person_erase(f->world.tenant, str_from(account), 0, &apps, &done, &f->err));
    return done;
}

static void pl_10_after_erasing_no_row_is_left_and_nobody_elses_went(void **state)
{
    struct fixture *f = *state;
    int64_t rows = 0, before = 0, after = 0;
    yyjson_doc *doc = shown(f, BOB, INT64_MAX, &before);

    yyjson_doc_free(doc);
    doc = shown(f, ADA, 0, &rows);
    yyjson_doc_free(doc);

    struct person_erased done = erase(f, ADA);

    assert_true(done.held);
    assert_int_equal(done.rows, rows);
    doc = shown(f, ADA, INT64_MAX, &after);
    assert_int_equal(after, 0);
    assert_non_null(strstr(strbuf_z(&f->out), "\"held\":false,\"erased\":true"));
    yyjson_doc_free(doc);
    doc = shown(f, BOB, INT64_MAX, &after);
    assert_int_equal(after, before);
    yyjson_doc_free(doc);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog"), 3);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog_tag"), 2);
    assert_int_equal(number(f, "SELECT count(*) FROM tag"), 1);
    assert_false(erase(f, ADA).held);
}

static void the_copy_in_memory_is_told_by_the_epoch(void **state)
{
    struct fixture *f = *state;

    (void)erase(f, ADA);
    assert_int_equal(number(f, "SELECT epoch FROM mirror"), 1);
    (void)erase(f, BOB);
    assert_int_equal(number(f, "SELECT epoch FROM mirror"), 2);
}

static void a_synchronization_does_not_bring_the_person_back(void **state)
{
    struct fixture *f = *state;

    (void)erase(f, ADA);
    book(f, 1, 5, ADA, WORDS);
    book(f, 201, 1, "712020:cyd", "");
    assert_int_equal(number(f, "SELECT count(*) FROM worklog"), 4);
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 2);
}

static void nothing_else_stores_the_account_until_it_is_readmitted(void **state)
{
    struct fixture *f = *state;
    struct tenant *tenant = f->world.tenant;
    struct saved_report saved = {.name = STR("mine"), .query = STR("group=account")};
    bool was = false;

    (void)erase(f, ADA);
    assert_int_equal(saved_add(tenant, STR(ADA), &saved, &f->err), ERR_FORBIDDEN);
    assert_non_null(strstr(f->err.msg, "tenon person readmit"));
    assert_null(strstr(f->err.msg, ADA));
    ok(f, erased_lift(tenant, STR(ADA), &was, &f->err));
    assert_true(was);
    ok(f, saved_add(tenant, STR(ADA), &saved, &f->err));
    ok(f, erased_lift(tenant, STR(ADA), &was, &f->err));
    assert_false(was);
}

static void the_number_of_an_erased_person_is_not_given_again(void **state)
{
    struct fixture *f = *state;
    int64_t bob = number(f, "SELECT id FROM person WHERE account_id = '" BOB "'"), cyd = 0;

    assert_int_equal(erase(f, BOB).number, bob);
    ok(f, db_begin(f->world.tenant->db, DB_WRITE, &f->err));
    ok(f, person_ref(f->world.tenant, STR("712020:cyd"), &cyd, &f->err));
    ok(f, db_commit(f->world.tenant->db, &f->err));
    assert_true(cyd > bob);
}

static enum err_class refuse(void *arg, struct tenant *tenant, struct err *err)
{
    (void)arg;
    (void)tenant;
    return err_set(err, ERR_SPACE, "the test's disk is full");
}

static void an_erasure_that_was_cut_short_is_finished_later(void **state)
{
    struct fixture *f = *state;
    const struct rows_hook broken = {.changed = refuse}, apps = hook();
    struct person_erased done = {0};
    int64_t rows = 0, count = 0;
    yyjson_doc *doc;

    assert_int_equal(person_erase(f->world.tenant, STR(ADA), 0, &broken, &done, &f->err),
                     ERR_SPACE);
    store_world_reopen(&f->world);
    doc = shown(f, ADA, 0, &rows);
    assert_true(rows >= 1); /* the person's own row goes last */
    assert_non_null(strstr(strbuf_z(&f->out), "\"held\":true,\"erased\":true"));
    yyjson_doc_free(doc);
    ok(f, person_erase_rest(f->world.tenant, &apps, &count, &f->err));
    assert_int_equal(count, 1);
    doc = shown(f, ADA, 0, &rows);
    assert_int_equal(rows, 0);
    yyjson_doc_free(doc);
    assert_int_equal(number(f, "SELECT count(*) FROM erased_person WHERE person IS NULL"), 1);
    ok(f, person_erase_rest(f->world.tenant, &apps, &count, &f->err));
    assert_int_equal(count, 0);
}

static void many_rows_go_in_several_transactions(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 25; i++) { /* in turn, so that they are scattered */
        book(f, 1000 + i * 1000, 1000, ADA, "");
        book(f, 1000000 + i * 10, 10, BOB, "");
    }
    assert_int_equal(erase(f, ADA).rows, 5 + 25000 + 3 + 12500 + 6);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog"), 3 + 250);
    assert_int_equal(number(f, "SELECT count(*) FROM worklog_tag"), 2 + 125);
}

static void after_overwriting_the_database_file_has_not_its_old_pages(void **state)
{
    struct fixture *f = *state;
    AUTO(free_autop) char *path = disk_join(f->world.tenant->dir, "tenant.db");

    ok(f, person_overwrite(f->world.tenant, &f->err)); /* what the test itself wrote */

    struct strbuf before = scratch_read(path);

    (void)erase(f, ADA);

    struct strbuf erased = scratch_read(path);

    ok(f, person_overwrite(f->world.tenant, &f->err));

    struct strbuf after = scratch_read(path);

    assert_true(str_eq(strbuf_str(&before), strbuf_str(&erased))); /* why it is needed */
    assert_false(str_eq(strbuf_str(&before), strbuf_str(&after)));
    strbuf_done(&before);
    strbuf_done(&erased);
    strbuf_done(&after);
}

static void is_refused_while_a_synchronization_runs(void **state)
{
    struct fixture *f = *state;
    struct disk_lock lock = {-1};
    struct person_erased done = {0};

    ok(f, tenant_lock(f->world.tenant, &lock, &f->err));
    assert_int_equal(person_erase(f->world.tenant, STR(ADA), 1000, NULL, &done, &f->err),
                     ERR_CONFLICT);
    assert_true(f->world.fake.sleeps >= 1);
    disk_unlock(&f->world.fake.ctx, &lock);
    assert_int_equal(number(f, "SELECT count(*) FROM erased_person"), 0);
    assert_int_equal(erase(f, ADA).held, true);
}

static void an_account_id_that_is_none_is_refused(void **state)
{
    struct fixture *f = *state;
    struct person_erased done = {0};

    assert_int_equal(person_erase(f->world.tenant, STR(""), 0, NULL, &done, &f->err), ERR_INPUT);
    assert_int_equal(person_erase(f->world.tenant, STR("a\nb"), 0, NULL, &done, &f->err),
                     ERR_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pl_10_shows_each_row_that_refers_to_the_account_with_texts_opened),
        TEST(shows_no_more_rows_than_asked_and_counts_them_all),
        TEST(every_reference_to_a_person_is_reached),
        TEST(pl_10_after_erasing_no_row_is_left_and_nobody_elses_went),
        TEST(the_copy_in_memory_is_told_by_the_epoch),
        TEST(a_synchronization_does_not_bring_the_person_back),
        TEST(nothing_else_stores_the_account_until_it_is_readmitted),
        TEST(the_number_of_an_erased_person_is_not_given_again),
        TEST(an_erasure_that_was_cut_short_is_finished_later),
        TEST(many_rows_go_in_several_transactions),
        TEST(after_overwriting_the_database_file_has_not_its_old_pages),
        TEST(is_refused_while_a_synchronization_runs),
        TEST(an_account_id_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
