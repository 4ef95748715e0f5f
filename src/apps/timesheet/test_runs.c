/* Tests of runs.c as the Sync page reads it: how fresh, what is open, what was. */
#include "apps/timesheet/mirror.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"

#define MINUTE_MS INT64_C(60000)
#define EVERY_MS (5 * MINUTE_MS)
#define ALLOWED_MS (3 * EVERY_MS + 2 * MINUTE_MS)

struct fixture {
    struct store_world world;
    struct tenant *tenant;
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
    store_world_begin(&fixture->world, &tenon_catalog, 17);
    fixture->tenant = fixture->world.tenant;
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

static void later(struct fixture *fixture, int64_t ms)
{
    fake_ctx_advance(&fixture->world.fake, ms);
}

/* A run of a minute that ends so; gives when it began. */
static int64_t run_it(struct fixture *fixture, enum sync_mode mode, const char *state)
{
    int64_t began_ms = ctx_now_ms(fixture->tenant->ctx);
    struct sync_run run = {0};

    ok(fixture, sync_run_begin(fixture->tenant, mode, &run, &fixture->err));
    later(fixture, MINUTE_MS);
    run.stored = 7;
    ok(fixture, sync_run_end(fixture->tenant, &run, state, &fixture->err));
    return began_ms;
}

static void fresh(struct fixture *fixture, int64_t synced_ms, int64_t stale_since_ms)
{
    struct mirror_freshness is = {-1, -1};

    ok(fixture, mirror_freshness(fixture->tenant, EVERY_MS, &is, &fixture->err));
    assert_int_equal(is.synced_ms, synced_ms);
    assert_int_equal(is.stale_since_ms, stale_since_ms);
}

/* ---- How fresh ---- */

static void before_the_first_run_has_ended_nothing_is_fresh_or_stale(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run run = {0};

    fresh(fixture, 0, 0);
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &run, &fixture->err));
    later(fixture, 100 * ALLOWED_MS);
    fresh(fixture, 0, 0);
}

static void the_mirror_is_as_fresh_as_the_beginning_of_the_last_whole_run(void **state)
{
    struct fixture *fixture = *state;
    int64_t second_ms;

    (void)run_it(fixture, SYNC_FULL, "completed");
    later(fixture, EVERY_MS);
    second_ms = run_it(fixture, SYNC_INCREMENTAL, "completed_with_warnings");
    fresh(fixture, second_ms, 0);
}

static void it_is_stale_once_no_run_came_for_longer_than_allowed(void **state)
{
    struct fixture *fixture = *state;
    int64_t began_ms = run_it(fixture, SYNC_FULL, "completed");

    later(fixture, ALLOWED_MS - MINUTE_MS); /* since it began: the run took a minute */
    fresh(fixture, began_ms, 0);
    later(fixture, 1);
    fresh(fixture, began_ms, began_ms);
}

static void a_failed_run_makes_it_stale_at_once_until_one_ends_well(void **state)
{
    struct fixture *fixture = *state;
    int64_t good_ms = run_it(fixture, SYNC_FULL, "completed");

    (void)run_it(fixture, SYNC_INCREMENTAL, "network");
    fresh(fixture, good_ms, good_ms);
    good_ms = run_it(fixture, SYNC_INCREMENTAL, "completed");
    fresh(fixture, good_ms, 0);
}

static void a_run_that_was_stopped_or_still_runs_makes_nothing_stale(void **state)
{
    struct fixture *fixture = *state;
    int64_t good_ms = run_it(fixture, SYNC_FULL, "completed");
    struct sync_run run = {0};

    (void)run_it(fixture, SYNC_INCREMENTAL, "stopped");
    fresh(fixture, good_ms, 0);
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &run, &fixture->err));
    fresh(fixture, good_ms, 0);
}

/* ---- What is open ---- */

static enum err_class note_warning(void *arg, const struct sync_warning *warning, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%s %lld/%lld, ", sync_warning_name(warning->code),
                (long long)warning->worklog_id, (long long)warning->issue_id);
    return ERR_OK;
}

static void open_are(struct fixture *fixture, int64_t count, const char *expected)
{
    struct strbuf text = STRBUF_INIT(10000);
    int64_t counted = -1;

    ok(fixture, sync_warnings_open(fixture->tenant, note_warning, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text), expected);
    ok(fixture, sync_warnings_open_count(fixture->tenant, &counted, &fixture->err));
    assert_int_equal(counted, count);
    strbuf_done(&text);
}

static void open_warnings_are_those_of_all_runs_each_once(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run first = {0}, second = {0};

    open_are(fixture, 0, "");
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &first, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &first, WARN_INVISIBLE, 9, 0, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &first, WARN_BAD_TIME, 5, 70, &fixture->err));
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_VERIFY, &second, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &second, WARN_INVISIBLE, 9, 80, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &second, WARN_COMMENT, 5, 70, &fixture->err));
    open_are(fixture, 3,
             "bad_time 5/70, comment_too_large 5/70, invisible 9/80, "); /* the issue if known */

    /* The later run could read 5 to 8: what the first said of them is over. */
    ok(fixture, sync_warned_settle(fixture->tenant, &second, 5, 8, &fixture->err));
    open_are(fixture, 2, "comment_too_large 5/70, invisible 9/80, ");
}

static enum err_class enough(void *arg, const struct sync_warning *warning, struct err *err)
{
    (void)warning;
    ++*(int *)arg;
    return err_set(err, ERR_LIMIT, "enough");
}

/* After going back from a later version, which told of things that this one does not know. */
static void warnings_of_a_later_version_are_neither_listed_nor_counted(void **state)
{
    struct fixture *fixture = *state;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct sync_run run = {0};

    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &run, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_INVISIBLE, 9, 0, &fixture->err));
    ok(fixture, db_prepare(fixture->tenant->db,
                           SQL("INSERT INTO sync_warning (run, client_worklog_id, code)"
                               " VALUES ($1, 9, 'from_the_future'), ($1, 10, 'from_the_future')"),
                           &stmt, &fixture->err));
    db_bind_i64(stmt, 1, run.id);
    ok(fixture, db_begin(fixture->tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, db_end(fixture->tenant->db, db_run(stmt, &fixture->err), &fixture->err));
    open_are(fixture, 1, "invisible 9/0, ");
}

static void the_one_who_takes_warnings_can_end_it(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run run = {0};
    int taken = 0;

    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &run, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_INVISIBLE, 1, 0, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_INVISIBLE, 2, 0, &fixture->err));
    assert_int_equal(sync_warnings_open(fixture->tenant, enough, &taken, &fixture->err), ERR_LIMIT);
    assert_int_equal(taken, 1);
}

/* ---- What was ---- */

static enum err_class note_run(void *arg, const struct sync_past *past, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%s %s %lld %lld, ", sync_mode_name(past->run.mode), past->state,
                (long long)past->run.stored,
                past->ended_ms ? (long long)(past->ended_ms - past->started_ms) : -1LL);
    return ERR_OK;
}

static void past_runs_are_told_latest_first_in_words_for_people(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = STRBUF_INIT(10000);
    struct sync_run run = {0};

    (void)run_it(fixture, SYNC_FULL, "completed");
    (void)run_it(fixture, SYNC_INCREMENTAL, "completed_with_warnings");
    (void)run_it(fixture, SYNC_INCREMENTAL, "stopped");
    (void)run_it(fixture, SYNC_VERIFY, "denied"); /* a class of errors */
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_VERIFY, &run, &fixture->err));
    ok(fixture, sync_runs_each(fixture->tenant, note_run, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text),
                        "verify running 0 -1, verify failed 7 60000, incremental stopped 7 60000, "
                        "incremental completed with warnings 7 60000, full completed 7 60000, ");
    strbuf_done(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(before_the_first_run_has_ended_nothing_is_fresh_or_stale),
        TEST(the_mirror_is_as_fresh_as_the_beginning_of_the_last_whole_run),
        TEST(it_is_stale_once_no_run_came_for_longer_than_allowed),
        TEST(a_failed_run_makes_it_stale_at_once_until_one_ends_well),
        TEST(a_run_that_was_stopped_or_still_runs_makes_nothing_stale),
        TEST(open_warnings_are_those_of_all_runs_each_once),
        TEST(warnings_of_a_later_version_are_neither_listed_nor_counted),
        TEST(the_one_who_takes_warnings_can_end_it),
        TEST(past_runs_are_told_latest_first_in_words_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
