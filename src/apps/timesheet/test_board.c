/* Tests of board.c: what the Sync page reads of a run, and how it is asked to stop. */
#include "apps/timesheet/board.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int begin(void **state)
{
    *state = board_new();
    assert_non_null(*state);
    return 0;
}

static int end(void **state)
{
    board_free(*state);
    return 0;
}

static const struct sync_progress half = {
    .mode = SYNC_FULL, .phase = "reading", .stored = 5, .seen = 9, .done = 0.5, .left_ms = 700};

static void before_the_first_run_nothing_is_said(void **state)
{
    struct board_view view = board_look(*state);

    assert_false(view.running);
    assert_int_equal(view.failure.class, ERR_OK);
    assert_int_equal(view.failed_ms, 0);
}

static void a_run_is_shown_from_its_start_with_what_it_told_last(void **state)
{
    struct err err = {0};
    struct board_view view;

    board_begin(*state, SYNC_VERIFY, 123);
    view = board_look(*state);
    assert_true(view.running);
    assert_int_equal(view.progress.mode, SYNC_VERIFY);
    assert_string_equal(view.progress.phase, "starting");
    assert_int_equal((int)view.progress.done, -1); /* it cannot be told yet */
    assert_int_equal(view.progress.left_ms, -1);
    assert_int_equal(view.began_mono_ms, 123);

    assert_int_equal(board_tell(*state, &half, &err), ERR_OK);
    view = board_look(*state);
    assert_string_equal(view.progress.phase, "reading");
    assert_int_equal(view.progress.stored, 5);
    assert_int_equal(view.progress.left_ms, 700);
    assert_int_equal(view.began_mono_ms, 123);
    board_end(*state, NULL, 9000);
    assert_false(board_look(*state).running);
}

static void a_running_one_is_stopped_at_its_next_step_with_a_sentence(void **state)
{
    struct err err = {0};

    board_begin(*state, SYNC_FULL, 1);
    board_ask_stop(*state);
    assert_int_equal(board_tell(*state, &half, &err), ERR_CANCELLED);
    assert_non_null(strstr(err.msg, "administrator"));
    assert_true(board_look(*state).running); /* until it says itself that it has ended */
}

static void the_wish_to_stop_ends_with_the_run_and_is_not_kept_for_the_next(void **state)
{
    struct err err = {0};

    board_ask_stop(*state); /* nothing runs */
    board_begin(*state, SYNC_FULL, 1);
    assert_int_equal(board_tell(*state, &half, &err), ERR_OK);
    board_ask_stop(*state);
    board_end(*state, NULL, 2);
    board_begin(*state, SYNC_INCREMENTAL, 3);
    assert_int_equal(board_tell(*state, &half, &err), ERR_OK);
}

static void a_failure_stays_while_the_next_runs_until_one_ends_well(void **state)
{
    struct err err = {0};

    board_begin(*state, SYNC_FULL, 1);
    (void)err_set(&err, ERR_DENIED, "refused");
    board_end(*state, &err, 4711);
    err = (struct err){0}; /* the board has its own copy */
    assert_int_equal(board_look(*state).failure.class, ERR_DENIED);
    assert_string_equal(board_look(*state).failure.msg, "refused");
    assert_int_equal(board_look(*state).failed_ms, 4711);

    board_begin(*state, SYNC_FULL, 2);
    assert_int_equal(board_look(*state).failure.class, ERR_DENIED);
    board_end(*state, NULL, 5000);
    assert_int_equal(board_look(*state).failure.class, ERR_OK);
    assert_int_equal(board_look(*state).failed_ms, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(before_the_first_run_nothing_is_said),
        TEST(a_run_is_shown_from_its_start_with_what_it_told_last),
        TEST(a_running_one_is_stopped_at_its_next_step_with_a_sentence),
        TEST(the_wish_to_stop_ends_with_the_run_and_is_not_kept_for_the_next),
        TEST(a_failure_stays_while_the_next_runs_until_one_ends_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
