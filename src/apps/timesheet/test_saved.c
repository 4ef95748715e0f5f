/* Tests of saved.c: who sees and changes which saved report, and what of it is readable. */
#include "apps/timesheet/saved.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"

struct fixture {
    struct store_world world;
    struct strbuf text;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 7);
    fixture->text = STRBUF_INIT(1 << 16);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    strbuf_done(&fixture->text);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static int64_t add(struct fixture *fixture, const char *account, const char *name, bool shared)
{
    struct saved_report saved = {
        .name = str_from(name), .query = STR("group=tag"), .shared = shared};

    if (saved_add(fixture->world.tenant, str_from(account), &saved, &fixture->err) != ERR_OK)
        fail_msg("%s", fixture->err.msg);
    assert_true(saved.id > 0);
    return saved.id;
}

static enum err_class note(void *arg, const struct saved_report *saved, struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    strbuf_addf(&fixture->text, STR_FMT " " STR_FMT "%s%s\n", STR_ARG(saved->name),
                STR_ARG(saved->query), saved->shared ? " shared" : "", saved->own ? " own" : "");
    return ERR_OK;
}

static const char *list(struct fixture *fixture, const char *account)
{
    strbuf_reset(&fixture->text);
    if (saved_each(fixture->world.tenant, str_from(account), note, fixture, &fixture->err) !=
        ERR_OK)
        fail_msg("%s", fixture->err.msg);
    return strbuf_z(&fixture->text);
}

static void people_see_their_own_and_shared_reports(void **state)
{
    struct fixture *fixture = *state;

    add(fixture, "ada", "Ada's", false);
    add(fixture, "bo", "Bo's", false);
    add(fixture, "bo", "for all", true);
    add(fixture, "", "the administrator's", false);
    assert_string_equal(list(fixture, "ada"), "Ada's group=tag own\nfor all group=tag shared\n");
    assert_string_equal(list(fixture, "bo"), "Bo's group=tag own\nfor all group=tag shared own\n");
    assert_string_equal(list(fixture, ""),
                        "for all group=tag shared\nthe administrator's group=tag own\n");
}

static void only_the_owner_changes_one(void **state)
{
    struct fixture *fixture = *state;
    struct tenant *tenant = fixture->world.tenant;
    struct saved_report changed = {.name = STR("new"), .query = STR("group=day"), .shared = true};
    int64_t hidden = add(fixture, "ada", "a", false), shared = add(fixture, "ada", "b", true);

    changed.id = hidden; /* not even told of */
    assert_int_equal(saved_change(tenant, STR("bo"), &changed, &fixture->err), ERR_NOT_FOUND);
    assert_int_equal(saved_remove(tenant, STR("bo"), hidden, &fixture->err), ERR_NOT_FOUND);
    assert_int_equal(saved_remove(tenant, STR(""), hidden, &fixture->err), ERR_NOT_FOUND);
    assert_int_equal(saved_remove(tenant, STR("bo"), shared, &fixture->err), ERR_FORBIDDEN);
    assert_int_equal(saved_change(tenant, STR("ada"), &changed, &fixture->err), ERR_OK);
    assert_int_equal(saved_remove(tenant, STR("ada"), shared, &fixture->err), ERR_OK);
    assert_string_equal(list(fixture, "ada"), "new group=day shared own\n");
    assert_int_equal(saved_remove(tenant, STR("ada"), shared, &fixture->err), ERR_NOT_FOUND);
}

static void what_is_not_acceptable_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = STRBUF_INIT(1 << 20);
    struct saved_report saved = {.query = STR("")};

    assert_int_equal(saved_add(fixture->world.tenant, STR("ada"), &saved, &fixture->err),
                     ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "name"));
    for (int i = 0; i <= SAVED_QUERY_BYTES; i++)
        strbuf_add_char(&text, 'a');
    saved.name = str_sub(strbuf_str(&text), 0, SAVED_NAME_BYTES);
    saved.query = strbuf_str(&text);
    assert_int_equal(saved_add(fixture->world.tenant, STR("ada"), &saved, &fixture->err),
                     ERR_INPUT);
    saved.query = STR("a b");
    assert_int_equal(saved_add(fixture->world.tenant, STR("ada"), &saved, &fixture->err),
                     ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "query"));
    saved.query = str_sub(strbuf_str(&text), 0, SAVED_QUERY_BYTES);
    assert_int_equal(saved_add(fixture->world.tenant, STR("ada"), &saved, &fixture->err), ERR_OK);
    strbuf_done(&text);
}

static void names_are_sealed(void **state)
{
    struct fixture *fixture = *state;
    struct db_stmt *stmt = NULL;
    bool row = false;

    add(fixture, "ada", "words of a person", false);
    assert_int_equal(db_prepare(fixture->world.tenant->db,
                                SQL("SELECT name FROM saved_report ORDER BY id LIMIT 1"), &stmt,
                                &fixture->err),
                     ERR_OK);
    assert_int_equal(db_step(stmt, &row, &fixture->err), ERR_OK);
    assert_true(row);

    struct str sealed = db_blob(stmt, 0);

    assert_int_equal(sealed.len, strlen("words of a person") + VAULT_SEAL_OVERHEAD);
    assert_null(memmem(sealed.ptr, sealed.len, "words", 5));
    db_finish(stmt);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(people_see_their_own_and_shared_reports),
        TEST(only_the_owner_changes_one),
        TEST(what_is_not_acceptable_is_named),
        TEST(names_are_sealed),
    };

    test_vault_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
