/*
 * Tests of load.c: a copy that follows the store must equal one that is built anew, whatever
 * happened to the store in between, and whoever did it.
 */
#include "apps/timesheet/load.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/sync_world.h"

#define DAY_MS INT64_C(86400000)

struct fixture {
    struct sync_world *world;
    struct tenant *tenant;
    struct mirror mirror;
    struct loaded loaded; /* the one that follows */
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    (void)sync_world_begin((void **)&fixture->world);
    fixture->tenant = fixture->world->world.tenant;
    ok(fixture->world, mirror_init(&fixture->mirror, fixture->tenant, &fixture->world->err));
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    loaded_done(&fixture->loaded);
    loaded_done(&fixture->loaded); /* twice is fine */
    mirror_done(&fixture->mirror);
    (void)sync_world_end((void **)&fixture->world);
    free(fixture);
    return 0;
}

/* ---- what a copy holds, as text ---- */

struct line {
    int64_t id;
    char text[600];
};

static int compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Names of a row's tags, in their order. */
static void add_tags(const struct columns_view *view, size_t row, struct strbuf *text)
{
    struct str names[LIMIT_TAGS_PER_WORKLOG];
    size_t count = 0;

    for (size_t k = 0; k < view->tagged; k++)
        if (view->tag_row[k] == row)
            for (uint32_t i = view->tag_from[k]; i < view->tag_from[k + 1]; i++)
                names[count++] = view->tag_names.texts[view->tags[i]];
    qsort(names, count, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < count; i++)
        strbuf_addf(text, " #" STR_FMT, STR_ARG(names[i]));
}

static void dump(const struct loaded *loaded, struct strbuf *ret)
{
    struct columns_view view = columns_view(loaded->columns);
    struct line *lines = calloc(view.rows + 1, sizeof(*lines));

    assert_non_null(lines);
    assert_true(columns_settled(loaded->columns));
    for (size_t row = 0; row < view.rows; row++) {
        struct strbuf text = STRBUF_INIT(sizeof(lines[row].text) - 1);

        if (row > 0)
            assert_true(view.started[row - 1] <= view.started[row]);
        strbuf_addf(&text, "%lld %lld %lld %d ", (long long)view.id[row],
                    (long long)view.started[row], (long long)view.issue_id[view.issue[row]],
                    view.seconds[row]);
        if (view.person[row])
            strbuf_add_str(&text, view.persons.texts[view.person[row]]);
        add_tags(&view, row, &text);
        assert_int_equal(text.failed, ERR_OK);
        lines[row].id = view.id[row];
        memcpy(lines[row].text, strbuf_z(&text), text.len + 1);
        strbuf_done(&text);
    }
    qsort(lines, view.rows, sizeof(*lines), compare_lines);
    for (size_t row = 0; row < view.rows; row++)
        strbuf_addf(ret, "%s\n", lines[row].text);
    free(lines);
}

/* Follows, and holds the copy against a new one. */
static void follows(struct fixture *fixture)
{
    struct loaded fresh = {0};
    struct strbuf followed = STRBUF_INIT(1 << 24), rebuilt = STRBUF_INIT(1 << 24);

    ok(fixture->world, columns_follow(fixture->tenant, &fixture->loaded, &fixture->world->err));
    ok(fixture->world, columns_follow(fixture->tenant, &fresh, &fixture->world->err));
    assert_false(db_in_tx(fixture->tenant->db));
    dump(&fixture->loaded, &followed);
    dump(&fresh, &rebuilt);
    assert_string_equal(strbuf_z(&followed), strbuf_z(&rebuilt));
    strbuf_done(&followed);
    strbuf_done(&rebuilt);
    loaded_done(&fresh);
}

static size_t rows(const struct fixture *fixture)
{
    return columns_rows(fixture->loaded.columns);
}

/* ---- changes ---- */

static void put(struct fixture *fixture, const struct jira_worklog *worklog)
{
    enum mirror_put done;

    ok(fixture->world, db_begin(fixture->tenant->db, DB_BULK, &fixture->world->err));
    ok(fixture->world, mirror_put(&fixture->mirror, worklog, &done, &fixture->world->err));
    ok(fixture->world, db_commit(fixture->tenant->db, &fixture->world->err));
}

static void put_id(struct fixture *fixture, int64_t id, int64_t updated_ms)
{
    struct jira_worklog worklog = {.id = id,
                                   .issue_id = 1 + id % 5,
                                   .account = STR("somebody"),
                                   .updated_ms = updated_ms,
                                   .started_ms = id * 1000,
                                   .seconds = 60 + updated_ms};

    put(fixture, &worklog);
}

static void delete_id(struct fixture *fixture, int64_t id)
{
    bool was = false;

    ok(fixture->world, db_begin(fixture->tenant->db, DB_BULK, &fixture->world->err));
    ok(fixture->world, mirror_delete(&fixture->mirror, id, 1, &was, &fixture->world->err));
    ok(fixture->world, db_commit(fixture->tenant->db, &fixture->world->err));
}

/* A run of nothing: what its retention no longer covers goes. */
static void run_of_nothing(struct fixture *fixture)
{
    struct sync_run run = {0};

    ok(fixture->world,
       sync_run_begin(fixture->tenant, SYNC_INCREMENTAL, &run, &fixture->world->err));
    ok(fixture->world, sync_run_end(fixture->tenant, &run, "completed", &fixture->world->err));
}

/* ---- tests ---- */

static void a_copy_holds_every_field(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = STRBUF_INIT(1000);
    struct jira_worklog worklog = {.id = 7,
                                   .issue_id = INT64_C(1) << 40,
                                   .account = STR("557058:f5"),
                                   .updated_ms = 5,
                                   .started_ms = -1000,
                                   .seconds = INT32_MAX};

    put(fixture, &worklog);
    worklog = (struct jira_worklog){.id = 8, .issue_id = 3}; /* by nobody that is known */
    put(fixture, &worklog);
    ok(fixture->world, tag_add(&fixture->mirror, 7, STR("deep"), &fixture->world->err));
    ok(fixture->world, tag_add(&fixture->mirror, 7, STR("caf\xc3\xa9"), &fixture->world->err));
    follows(fixture);
    dump(&fixture->loaded, &text);
    assert_string_equal(
        strbuf_z(&text),
        "7 -1000 1099511627776 2147483647 557058:f5 #caf\xc3\xa9 #deep\n8 0 3 0 \n");
    strbuf_done(&text);
}

static void nothing_new_costs_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct columns *before;

    for (int64_t id = 1; id <= 50; id++)
        put_id(fixture, id, 1);
    follows(fixture);
    before = fixture->loaded.columns;
    follows(fixture);
    assert_ptr_equal(fixture->loaded.columns, before);

    /* A few changes are worked in, people and tags that are new too. */
    struct jira_worklog worklog = {.id = 60, .issue_id = 9, .account = STR("new one")};

    put(fixture, &worklog);
    delete_id(fixture, 3);
    ok(fixture->world, tag_add(&fixture->mirror, 60, STR("new tag"), &fixture->world->err));
    follows(fixture);
    assert_ptr_equal(fixture->loaded.columns, before);
    assert_int_equal(rows(fixture), 50);
}

static void an_empty_store_gives_an_empty_copy(void **state)
{
    struct fixture *fixture = *state;

    follows(fixture);
    assert_int_equal(rows(fixture), 0);
    put_id(fixture, 1, 1);
    follows(fixture);
    assert_int_equal(rows(fixture), 1);
    delete_id(fixture, 1);
    follows(fixture);
    assert_int_equal(rows(fixture), 0);
}

/* The list of changes is kept for a day. A copy that has slept longer must not miss any. */
static void a_copy_older_than_the_list_of_changes_is_built_anew(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t id = 1; id <= 20; id++)
        put_id(fixture, id, 1);
    follows(fixture);
    for (int64_t id = 1; id <= 10; id++)
        put_id(fixture, id, 2);
    later(fixture->world, 2 * DAY_MS);
    for (int64_t id = 5; id <= 15; id++)
        put_id(fixture, id + 100, 3);
    run_of_nothing(fixture);
    follows(fixture);
    assert_int_equal(rows(fixture), 31);
}

/* When the whole list has gone its numbers begin again: a number that is known says nothing then.
 */
static void a_list_that_begins_again_is_not_taken_for_the_old_one(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t more = 0; more <= 10; more++) { /* fewer, as many, and more changes than before */
        later(fixture->world, 2 * DAY_MS);
        run_of_nothing(fixture);
        for (int64_t id = 1; id <= 5; id++)
            put_id(fixture, id, 10 + more);
        follows(fixture);
        later(fixture->world, 2 * DAY_MS);
        run_of_nothing(fixture);
        for (int64_t id = 1; id <= more; id++)
            put_id(fixture, 1000 * (more + 1) + id, 1);
        follows(fixture);
    }
    assert_int_equal(rows(fixture), 5 + 55);
}

static void a_copy_is_the_store_at_one_moment(void **state)
{
    struct fixture *fixture = *state;
    struct mirror_state mirrored = {.epoch = 5};

    for (int64_t id = 1; id <= 20; id++)
        put_id(fixture, id, 1);
    follows(fixture);

    /* Many rows at once are not listed: the epoch tells of them. */
    fixture->mirror.bulk = true;
    for (int64_t id = 1; id <= 30; id++)
        put_id(fixture, id, 2 + id);
    fixture->mirror.bulk = false;
    ok(fixture->world, mirror_state_store(fixture->tenant, &mirrored, &fixture->world->err));
    follows(fixture);
    assert_int_equal(rows(fixture), 30);
}

/* Whatever a synchronization does is to be seen in the copy, a full one's deletions too. */
static void a_copy_follows_every_kind_of_run(void **state)
{
    struct fixture *fixture = *state;
    struct sync_world *world = fixture->world;
    struct sync_options again = world->options;

    again.start_over = true;
    follows(fixture);
    fill(world, 30);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    follows(fixture);
    assert_int_equal(rows(fixture), 30);
    fake_jira_edit(&world->source, &world->source.rows[3], 7, "edited");
    fake_jira_delete(&world->source, &world->source.rows[4]);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    follows(fixture);
    assert_int_equal(rows(fixture), 29);
    fake_jira_delete(&world->source, &world->source.rows[5]);
    later(world, HOUR_MS);
    ok(world, sync_with(world, &again)); /* finds nothing to store, and one to delete */
    assert_int_equal(world->result.run.stored, 0);
    assert_int_equal(world->result.run.deleted, 1);
    follows(fixture);
    assert_int_equal(rows(fixture), 28);
    fake_jira_move(&world->source.rows[6], 99);
    world->source.rows[7].deleted_ms = 1;
    world->source.rows[7].silent = true;
    ok(world, verify_it(world));
    assert_int_equal(world->result.drift, 2);
    follows(fixture);
    assert_int_equal(rows(fixture), 27);
}

static void what_cannot_be_opened_is_an_error_and_the_copy_is_built_anew_later(void **state)
{
    struct fixture *fixture = *state;
    struct sync_world *world = fixture->world;

    put_id(fixture, 1, 1);
    put_id(fixture, 2, 1);
    ok(world, tag_add(&fixture->mirror, 1, STR("one"), &world->err));
    ok(world, tag_add(&fixture->mirror, 1, STR("two"), &world->err));
    follows(fixture);
    put_id(fixture, 3, 1);
    /* Two names in each other's place: neither opens. */
    ok(world, db_exec(fixture->tenant->db,
                      "CREATE TEMP TABLE kept AS SELECT id, name FROM tag;"
                      "UPDATE tag SET name = (SELECT name FROM kept WHERE kept.id = 3 - tag.id);",
                      &world->err));
    assert_int_equal(columns_follow(fixture->tenant, &fixture->loaded, &world->err), ERR_KEY);
    assert_null(fixture->loaded.columns);
    assert_false(db_in_tx(fixture->tenant->db));
    ok(world, db_exec(fixture->tenant->db,
                      "UPDATE tag SET name = (SELECT name FROM kept WHERE kept.id = tag.id);",
                      &world->err));
    follows(fixture);
    assert_int_equal(rows(fixture), 3);
}

/* ---- any order of anything ---- */

static uint64_t roll;

static uint64_t dice(uint64_t sides)
{
    roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (roll >> 33) % sides;
}

static void change(struct fixture *fixture, int64_t clock)
{
    struct sync_world *world = fixture->world;
    int64_t id = (int64_t)(1 + dice(60));
    char name[20];
    struct jira_worklog worklog = {.id = id,
                                   .issue_id = (int64_t)(1 + dice(12)),
                                   .updated_ms = clock,
                                   .started_ms = (int64_t)dice(40) * 3600000,
                                   .seconds = (int64_t)dice(1000)};
    enum err_class rc = ERR_OK;

    (void)snprintf(name, sizeof(name), "account-%d", (int)dice(6));
    if (dice(5))
        worklog.account = str_from(name);
    switch (dice(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        put(fixture, &worklog);
        return;
    case 4:
        delete_id(fixture, id);
        return;
    case 5:
    case 6:
    case 7:
        (void)snprintf(name, sizeof(name), "tag-%d", (int)dice(8));
        rc = tag_add(&fixture->mirror, id, str_from(name), &world->err);
        break;
    case 8:
        (void)snprintf(name, sizeof(name), "tag-%d", (int)dice(8));
        rc = tag_remove(&fixture->mirror, id, str_from(name), &world->err);
        break;
    default: /* undone: it never was */
        ok(world, db_begin(fixture->tenant->db, DB_BULK, &world->err));
        ok(world, mirror_put(&fixture->mirror, &worklog, &(enum mirror_put){0}, &world->err));
        db_rollback(fixture->tenant->db);
        mirror_forget(&fixture->mirror);
        return;
    }
    assert_true(rc == ERR_OK || rc == ERR_NOT_FOUND);
}

static void after_any_changes_the_copy_that_followed_equals_one_built_anew(void **state)
{
    struct fixture *fixture = *state;
    int64_t clock = 10;
    size_t rebuilt = 0;

    roll = 2026;
    for (int round = 0; round < 300; round++) {
        const struct columns *before = fixture->loaded.columns;

        for (uint64_t left = dice(15); left > 0; left--)
            change(fixture, ++clock);
        if (dice(12) == 0) {
            later(fixture->world, (int64_t)dice(3) * DAY_MS);
            run_of_nothing(fixture);
        }
        if (dice(25) == 0)
            loaded_done(&fixture->loaded);
        follows(fixture);
        rebuilt += fixture->loaded.columns != before;
    }
    assert_in_range(rebuilt, 1, 100); /* mostly it did follow */
    assert_true(rows(fixture) > 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_copy_holds_every_field),
        TEST(nothing_new_costs_nothing),
        TEST(an_empty_store_gives_an_empty_copy),
        TEST(a_copy_older_than_the_list_of_changes_is_built_anew),
        TEST(a_list_that_begins_again_is_not_taken_for_the_old_one),
        TEST(a_copy_is_the_store_at_one_moment),
        TEST(a_copy_follows_every_kind_of_run),
        TEST(what_cannot_be_opened_is_an_error_and_the_copy_is_built_anew_later),
        TEST(after_any_changes_the_copy_that_followed_equals_one_built_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
