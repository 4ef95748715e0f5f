/*
 * Tests of job_sync.c: a synchronization as a job of the queue. The daemon is made by hand, of what
 * the job uses of it: a clock, the site and its state.
 */
#include "apps/timesheet/job_sync.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/sync_world.h"
#include "apps/timesheet/app.h"
#include "daemon/internal.h"

static const struct app *const apps[] = {&timesheet_app};

struct fixture {
    struct sync_world *world;
    struct daemon daemon;
    struct site site;
    void *states[ARRAY_LEN(apps)];
    struct job_context context;
    struct job job;
    struct job_run run;
    struct err err;
    unsigned stop_at; /* the call of Jira during which an administrator stops the run; 0: none */
};

static void on_call(void *arg, unsigned call)
{
    struct fixture *fixture = arg;

    if (call == fixture->stop_at)
        board_ask_stop(timesheet_state(&fixture->site)->board);
}

static int begin(void **state)
{
    static const struct http_budget_options none = {0};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    void *world = NULL;

    assert_non_null(fixture);
    assert_int_equal(sync_world_begin(&world), 0);
    fixture->world = world;
    fixture->world->source.on_call = on_call;
    fixture->world->source.on_call_arg = fixture;
    fixture->daemon.ctx = fixture->world->world.fake.ctx;
    fixture->daemon.options.apps = apps;
    fixture->daemon.options.app_count = ARRAY_LEN(apps);
    fixture->site.daemon = &fixture->daemon;
    fixture->site.budget = http_budget_new(&none);
    fixture->site.states = fixture->states;
    fixture->states[0] = timesheet_app.site_new(&fixture->site);
    assert_non_null(fixture->site.budget);
    assert_non_null(fixture->states[0]);
    fixture->context = (struct job_context){.daemon = &fixture->daemon,
                                            .app = &timesheet_app,
                                            .site = &fixture->site,
                                            .tenant = fixture->world->world.tenant};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    void *world = fixture->world;

    timesheet_app.site_free(fixture->states[0]);
    http_budget_free(fixture->site.budget);
    free(fixture);
    return sync_world_end(&world);
}

/* The job of that key, leased for the so-manieth time. */
static enum err_class run_job(struct fixture *fixture, const char *key, uint32_t attempts)
{
    const struct ctx *ctx = &fixture->daemon.ctx;

    struct db *control = fixture->world->world.data->control;
    const char *tenant = fixture->world->world.info.id;
    const struct job_order order = {tenant, SYNC_JOB, key, .due_ms = ctx_now_ms(ctx)};
    bool joined;

    ok(fixture->world, jobs_add(control, ctx, &order, &joined, &fixture->world->err));
    ok(fixture->world,
       jobs_lease_this(control, ctx, tenant, SYNC_JOB, key, &fixture->job, &fixture->world->err));
    fixture->job.attempts = attempts;
    /* The lease was written a moment ago, so it is not written again during a test. */
    fixture->run = (struct job_run){
        .ctx = ctx, .control = control, .job = &fixture->job, .extended_ms = ctx_now_ms(ctx)};
    fixture->err = (struct err){0};
    return sync_job_run(&fixture->context, &fixture->run, &fixture->err);
}

static struct board_view board_of(struct fixture *fixture)
{
    return board_look(timesheet_state(&fixture->site)->board);
}

static int64_t runs_of(struct fixture *fixture, const char *sql)
{
    return number(fixture->world, sql);
}

/* ---- */

static void the_first_one_reads_all_and_the_next_what_is_new(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->world, 20);
    later(fixture->world, HOUR_MS);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
    equals_source(fixture->world);
    assert_int_equal(runs_of(fixture, SQL("SELECT count(*) FROM sync_run WHERE mode = 'full'")), 1);
    assert_false(board_of(fixture).running);
    assert_int_equal(board_of(fixture).progress.stored, 20);

    fill(fixture->world, 1);
    later(fixture->world, HOUR_MS);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
    equals_source(fixture->world);
    assert_int_equal(
        runs_of(fixture, SQL("SELECT count(*) FROM sync_run WHERE mode = 'incremental'")), 1);
}

static void the_key_says_how_and_a_retry_goes_on_where_the_first_try_ended(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->world, 3);
    later(fixture->world, HOUR_MS);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
    assert_int_equal(run_job(fixture, SYNC_KEY_VERIFY, 1), ERR_OK);
    ended(fixture->world, "completed", "");
    assert_int_equal(runs_of(fixture, SQL("SELECT count(*) FROM sync_run WHERE mode = 'verify'")),
                     1);
    assert_int_equal(run_job(fixture, SYNC_KEY_FULL, 1), ERR_OK);
    assert_int_equal(runs_of(fixture, SQL("SELECT count(*) FROM sync_run WHERE mode = 'full'")), 2);
    assert_int_equal(run_job(fixture, SYNC_KEY_FULL, 2), ERR_OK);
    assert_int_equal(runs_of(fixture, SQL("SELECT count(*) FROM sync_run WHERE mode = 'full'")), 2);
}

static void while_another_process_is_at_it_the_job_comes_back_later(void **state)
{
    struct fixture *fixture = *state;
    struct disk_lock lock = {-1};

    assert_int_equal(tenant_lock(fixture->context.tenant, &lock, &fixture->err), ERR_OK);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_BUSY);
    assert_in_range(fixture->run.retry_after_ms, 1, MINUTE_MS);
    assert_int_equal(fixture->world->source.calls, 0);
    assert_int_equal(board_of(fixture).failure.class, ERR_OK); /* no failure, only later */
    disk_unlock(&fixture->daemon.ctx, &lock);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
}

static void a_failure_is_the_jobs_and_stands_on_the_board(void **state)
{
    struct fixture *fixture = *state;
    struct fake_jira *source = &fixture->world->source;

    fill(fixture->world, 3);
    later(fixture->world, HOUR_MS);
    source->fail_from = 1;
    source->fail_count = 1;
    source->fault = FAKE_FAULT_401;
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_DENIED);
    assert_false(board_of(fixture).running);
    assert_int_equal(board_of(fixture).failure.class, ERR_DENIED);
    assert_string_equal(board_of(fixture).failure.msg, fixture->err.msg);
    assert_int_equal(board_of(fixture).failed_ms, ctx_now_ms(&fixture->daemon.ctx));

    fake_jira_heal(source);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 2),
                     ERR_OK); /* the lock is free again */
    assert_int_equal(board_of(fixture).failure.class, ERR_OK);
    equals_source(fixture->world);
}

static void one_that_an_administrator_stops_is_done_and_the_next_goes_on(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->world, 40); /* several pages */
    later(fixture->world, HOUR_MS);
    fixture->stop_at = 4;
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
    ended(fixture->world, "stopped", "");
    assert_false(board_of(fixture).running);
    assert_int_equal(board_of(fixture).failure.class, ERR_OK);

    fixture->stop_at = 0;
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
    equals_source(fixture->world);
}

static void one_that_the_servers_end_interrupts_is_not_done_and_not_failed(void **state)
{
    struct fixture *fixture = *state;
    struct fake_jira *source = &fixture->world->source;

    fill(fixture->world, 40);
    later(fixture->world, HOUR_MS);
    source->fail_from = 4;
    source->fail_count = 1;
    source->fault = FAKE_FAULT_STOP;
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_CANCELLED);
    assert_false(board_of(fixture).running);
    assert_int_equal(board_of(fixture).failure.class, ERR_OK);

    fixture->world->world.fake.stop = 0;
    fake_jira_heal(source);
    assert_int_equal(run_job(fixture, SYNC_KEY_INCREMENTAL, 1), ERR_OK);
    equals_source(fixture->world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_reads_all_and_the_next_what_is_new),
        TEST(the_key_says_how_and_a_retry_goes_on_where_the_first_try_ended),
        TEST(while_another_process_is_at_it_the_job_comes_back_later),
        TEST(a_failure_is_the_jobs_and_stands_on_the_board),
        TEST(one_that_an_administrator_stops_is_done_and_the_next_goes_on),
        TEST(one_that_the_servers_end_interrupts_is_not_done_and_not_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
