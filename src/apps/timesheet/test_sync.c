/*
 * Tests of sync.c, pages.c and verify.c against a Jira of the test's own (tests/lib/fake_jira.h).
 * One question is behind all of them: does the mirror equal its source at the end? Runs that are
 * cut off are in test_sync_cut.c.
 */
#include "apps/timesheet/sync_internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fault_vfs.h"
#include "../../../tests/lib/sync_world.h"

/* ---- full and incremental ---- */

static void a_first_run_copies_everything(void **state)
{
    struct sync_world *world = *state;

    fill(world, 100);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    equals_source(world);
    assert_int_equal(world->result.mode, SYNC_FULL);
    assert_int_equal(world->result.run.stored, 100);
    assert_int_equal(world->result.run.deleted, 0);
    assert_int_equal(world->result.run.warnings, 0);
    assert_int_equal(world->result.proof_at_ms, 0);
    assert_false(world->result.proved);
    ended(world, "completed", "");
    assert_true(world->told >= 15);
    assert_int_equal(world->seen, 100);

    /* And is there for a new process. */
    store_world_reopen(&world->world);
    equals_source(world);
}

static void an_empty_site_is_a_whole_copy_too(void **state)
{
    struct sync_world *world = *state;

    ok(world, sync_it(world));
    equals_source(world);
    assert_int_equal(world->result.mode, SYNC_FULL);
    ok(world, sync_it(world));
    assert_int_equal(world->result.mode, SYNC_INCREMENTAL);
    fill(world, 3);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 3);
    equals_source(world);
}

static void a_later_run_copies_what_changed_and_asks_little_when_nothing_did(void **state)
{
    struct sync_world *world = *state;

    fill(world, 100);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    ok(world, sync_it(world));
    assert_int_equal(world->result.mode, SYNC_INCREMENTAL);
    assert_int_equal(world->result.run.stored, 0);

    fake_jira_edit(&world->source, &world->source.rows[3], 7777, "edited");
    fake_jira_delete(&world->source, &world->source.rows[5]);
    fill(world, 10);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 11);
    assert_int_equal(world->result.run.deleted, 1);
    equals_source(world);

    /* Hours later the overlap holds nothing either. */
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    world->source.page_rows = 1000;
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 0);
    assert_in_range(world->result.run.requests, 1, 3);
    ended(world, "completed", "");
}

static void the_last_minute_comes_with_the_next_run(void **state)
{
    struct sync_world *world = *state;

    fill(world, 5);
    ok(world, sync_it(world)); /* withheld by Jira, all of it */
    assert_int_equal(world->result.run.stored, 0);
    later(world, 57500);
    ok(world, sync_it(world));
    assert_in_range(world->result.run.stored, 1, 4);
    later(world, 5000);
    ok(world, sync_it(world));
    equals_source(world);
}

static void pages_may_be_of_any_size_and_times_may_be_equal_across_their_edges(void **state)
{
    struct sync_world *world = *state;

    /* Bunches of one time: 1, 2, 3, … 12 worklogs each. */
    for (int bunch = 1; bunch <= 12; bunch++) {
        for (int i = 0; i < bunch; i++)
            (void)fake_jira_add(&world->source, 1, "a", 60, "");
        later(world, 10);
    }
    later(world, HOUR_MS);
    for (int paging = FAKE_PAGES_BY_PLACE; paging <= FAKE_PAGES_BY_TIME; paging++) {
        static const size_t sizes[] = {1, 2, 5, 7, 13, 78, 1000};

        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            struct sync_options options = world->options;

            if (paging == FAKE_PAGES_BY_TIME && sizes[i] <= 12)
                continue; /* such a Jira cannot tell them all: the next test */
            world->source.paging = (enum fake_paging)paging;
            world->source.page_rows = sizes[i];
            options.start_over = true;
            ok(world, db_exec(world->world.tenant->db, "DELETE FROM worklog", &world->err));
            ok(world, sync_with(world, &options));
            assert_int_equal(world->result.mode, SYNC_FULL);
            equals_source(world);
            ended(world, "completed", "");
        }
    }
}

static void more_of_one_time_than_jira_can_page_through_are_stepped_over_and_told(void **state)
{
    struct sync_world *world = *state;

    fill(world, 10);
    for (int i = 0; i < 20; i++)
        (void)fake_jira_add(&world->source, 1, "a", 60, "");
    later(world, 1);
    fill(world, 10);
    later(world, HOUR_MS);
    world->source.paging = FAKE_PAGES_BY_TIME;
    ok(world, sync_it(world));
    ended(world, "completed_with_warnings", "same_time 0/0, ");
    assert_int_equal(world->result.run.warnings, 1);
    assert_int_equal(number(world, SQL("SELECT count(*) FROM worklog")), 27);

    /* A Jira that can brings the rest. */
    world->source.paging = FAKE_PAGES_BY_PLACE;
    ok(world, verify_it(world));
    assert_int_equal(world->result.missing, 13);
    equals_source(world);
}

static void feeds_that_never_end_are_given_up(void **state)
{
    static const char *const feeds[] = {
        /* An empty page that leads to itself. */
        "{\"values\":[],\"lastPage\":false,\"nextPage\":\"x?since=0\"}",
        /* And one that leads back to where we were. */
        "{\"values\":[{\"worklogId\":1,\"updatedTime\":1000}],\"lastPage\":false,"
        "\"nextPage\":\"x?since=0&after=1\"}",
    };
    struct sync_world *world = *state;

    fill(world, 3);
    later(world, HOUR_MS);
    world->source.delay_ms = 2 * SYNC_WAIT_IN_TX_MS; /* nobody may wait for us meanwhile */
    for (size_t i = 0; i < ARRAY_LEN(feeds); i++) {
        fake_jira_heal(&world->source);
        world->source.fail_from = 1000; /* the test's patience */
        world->source.fault = FAKE_FAULT_STOP;
        world->source.feed = feeds[i];
        assert_int_equal(sync_it(world), ERR_REMOTE);
        assert_non_null(strstr(world->err.msg, "does not end"));
        world->source.feed = NULL;
        world->source.deletes = feeds[i];
        fake_jira_heal(&world->source);
        world->source.fail_from = 1000;
        assert_int_equal(sync_it(world), ERR_REMOTE);
        assert_non_null(strstr(world->err.msg, "does not end"));
        world->source.deletes = NULL;
    }
    fake_jira_heal(&world->source);
    ok(world, sync_it(world));
    equals_source(world);
}

/* A feed that leads around within one time: never twice in a row to the same page. */
static void lead_around(void *arg, unsigned call)
{
    static char page[200];
    const char **feed = arg;

    (void)snprintf(page, sizeof(page),
                   "{\"values\":[{\"worklogId\":1,\"updatedTime\":%lld}],\"lastPage\":false,"
                   "\"nextPage\":\"x?since=0&after=%u\"}",
                   (long long)FAKE_NOW_MS, call % 5);
    *feed = page;
}

static void feeds_that_lead_around_in_a_circle_are_given_up(void **state)
{
    struct sync_world *world = *state;

    fill(world, 3);
    later(world, HOUR_MS);
    fake_jira_heal(&world->source);
    world->source.fail_from = 3 * SYNC_PAGES_OF_A_TIME; /* the test's patience */
    world->source.fault = FAKE_FAULT_STOP;
    world->source.on_call = lead_around;
    world->source.on_call_arg = &world->source.feed;
    assert_int_equal(sync_it(world), ERR_REMOTE);
    assert_non_null(strstr(world->err.msg, "does not end"));
    world->source.feed = NULL;
    world->source.calls = 0;
    world->source.on_call_arg = &world->source.deletes;
    assert_int_equal(sync_it(world), ERR_REMOTE);
    assert_non_null(strstr(world->err.msg, "does not end"));
    world->source.on_call = NULL;
    world->source.deletes = NULL;
    world->source.calls = 0;
    ok(world, sync_it(world));
    equals_source(world);

    /* What a verification asks the feed of deletions for. */
    world->source.rows[2].deleted_ms = 1;
    world->source.rows[2].silent = true;
    world->source.on_call = lead_around;
    assert_int_equal(verify_it(world), ERR_REMOTE);
    assert_non_null(strstr(world->err.msg, "does not end"));
    world->source.on_call = NULL;
    world->source.deletes = NULL;
    ok(world, verify_it(world));
    equals_source(world);
}

/* ---- what is not shown ---- */

static void what_is_not_shown_is_told_and_never_taken_for_deleted(void **state)
{
    struct sync_world *world = *state;

    fill(world, 20);
    world->source.rows[4].hidden = true; /* never seen */
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    ended(world, "completed_with_warnings", "invisible 5/0, ");
    assert_int_equal(world->result.run.stored, 19);

    world->source.rows[6].hidden = true; /* seen once */
    fake_jira_edit(&world->source, &world->source.rows[6], 1, "unseen");
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    ended(world, "completed_with_warnings", "invisible 5/0, invisible 7/0, ");
    ok(world, verify_it(world));
    ended(world, "completed_with_warnings", "invisible 5/0, invisible 7/0, ");
    assert_int_equal(number(world, SQL("SELECT count(*) FROM worklog")), 19);
    assert_int_equal(world->result.drift, 0);
    equals_source(world);

    /* All of them lost at once, as with a permission: the mirror stays full. */
    for (size_t i = 0; i < world->source.count; i++)
        world->source.rows[i].hidden = true;
    ok(world, verify_it(world));
    assert_int_equal(number(world, SQL("SELECT count(*) FROM worklog")), 19);
    assert_int_equal(world->result.run.warnings, 20);

    for (size_t i = 0; i < world->source.count; i++)
        world->source.rows[i].hidden = false;
    ok(world, verify_it(world));
    assert_int_equal(world->result.missing, 1);
    assert_int_equal(world->result.stale, 1);
    equals_source(world);
    ended(world, "completed", "");
}

static void what_cannot_be_stored_is_told_and_the_rest_is_stored(void **state)
{
    struct sync_world *world = *state;

    fill(world, 10);
    world->source.rows[0].broken = "{\"id\":\"1\"}";
    world->source.rows[1].broken =
        "{\"id\":\"2\",\"issueId\":\"7\",\"timeSpentSeconds\":60,\"created\":\"2026-02-30T09:00:00"
        ".000+0000\",\"updated\":\"2026-01-05T09:00:00.000+0000\",\"started\":"
        "\"2026-01-05T09:00:00.000+0000\"}";
    world->source.rows[2].broken =
        "{\"id\":\"3\",\"issueId\":\"7\",\"timeSpentSeconds\":-1,\"created\":\"2026-01-05T09:00:00"
        ".000+0000\",\"updated\":\"2026-01-05T09:00:00.000+0000\",\"started\":"
        "\"2026-01-05T09:00:00.000+0000\"}";
    world->source.rows[3].broken = "null";
    world->source.rows[4].broken =
        "{\"id\":\"99999\",\"issueId\":\"7\"}"; /* one that nobody asked for */
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 5);
    ended(world, "completed_with_warnings",
          "incomplete 0/0, bad_time 1/0, bad_time 2/7, bad_seconds 3/7, invisible 4/0, "
          "invisible 5/0, ");
    equals_source(world);
}

/* The feed does not list them again: each run asks for what earlier ones could not copy. */
static void what_could_not_be_copied_is_asked_for_again_until_it_can(void **state)
{
    struct sync_world *world = *state;

    fill(world, 30);
    world->source.rows[4].hidden = true;
    world->source.rows[5].hidden = true;
    world->source.rows[6].broken = "{\"id\":\"7\"}";
    later(world, HOUR_MS);
    fill(world, 2); /* the overlap holds no more than these */
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.warnings, 3);
    ok(world, sync_it(world));
    ended(world, "completed_with_warnings", "invisible 5/0, invisible 6/0, bad_time 7/0, ");

    world->source.rows[4].hidden = false;
    world->source.rows[6].broken = NULL;
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 2);
    ended(world, "completed_with_warnings", "invisible 6/0, ");
    equals_source(world);

    /* One that was deleted is not asked for any more. */
    fake_jira_delete(&world->source, &world->source.rows[5]);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    ok(world, sync_it(world));
    ended(world, "completed", "");
    assert_int_equal(number(world, SQL("SELECT count(*) FROM sync_warning")), 0);
    world->source.page_rows = 1000;
    ok(world, sync_it(world));
    assert_in_range(world->result.run.requests, 2, 3);
}

static void any_number_of_them_is_asked_for_page_by_page(void **state)
{
    struct sync_world *world = *state;

    world->source.page_rows = 1000;
    fill(world, 2500);
    for (size_t i = 0; i < 2500; i++)
        world->source.rows[i].hidden = i % 10 != 0;
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.warnings, 2250);
    for (size_t i = 0; i < 2500; i++)
        world->source.rows[i].hidden = false;
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 2250);
    equals_source(world);
    ok(world, sync_it(world));
    ended(world, "completed", "");
}

/* ---- deletions ---- */

static void deletions_are_followed_and_a_late_echo_brings_nothing_back(void **state)
{
    struct sync_world *world = *state;

    fill(world, 20);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    for (size_t i = 0; i < 20; i += 3)
        fake_jira_delete(&world->source, &world->source.rows[i]);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.deleted, 7);
    equals_source(world);

    /* A replica behind the times tells of them as if they were there. */
    world->source.stale = true;
    struct sync_options options = world->options;

    options.start_over = true;
    ok(world, sync_with(world, &options));
    world->source.stale = false;
    equals_source(world);
    ok(world, verify_it(world));
    assert_int_equal(world->result.drift, 0);
}

/* Listed, not shown, and then found to be deleted: there is nothing left to warn of. */
static void what_turns_out_to_be_deleted_is_no_warning(void **state)
{
    struct sync_world *world = *state;

    fill(world, 10);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    world->source.echo = true;
    fake_jira_edit(&world->source, &world->source.rows[3], 5, "edited, then deleted");
    later(world, MINUTE_MS);
    fake_jira_delete(&world->source, &world->source.rows[3]);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.deleted, 1);
    assert_int_equal(world->result.run.warnings, 0);
    ended(world, "completed", "");
    equals_source(world);
}

static void what_is_listed_twice_is_asked_for_once(void **state)
{
    struct sync_world *world = *state;

    fill(world, 3);
    later(world, HOUR_MS);
    world->source.feed = "{\"values\":[{\"worklogId\":3,\"updatedTime\":1000},"
                         "{\"worklogId\":1,\"updatedTime\":1000},"
                         "{\"worklogId\":3,\"updatedTime\":2000},"
                         "{\"worklogId\":2,\"updatedTime\":3000},"
                         "{\"worklogId\":1,\"updatedTime\":4000}],"
                         "\"until\":4000,\"lastPage\":true}";
    ok(world, sync_it(world)); /* the fake refuses an id that stands twice */
    assert_int_equal(world->result.run.stored, 3);
    equals_source(world);
}

static void what_is_listed_as_deleted_and_still_shown_is_kept(void **state)
{
    struct sync_world *world = *state;

    fill(world, 5);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    world->source.deletes = "{\"values\":[{\"worklogId\":2,\"updatedTime\":1768471200000},"
                            "{\"worklogId\":4,\"updatedTime\":1768471200001}],"
                            "\"until\":1768471200001,\"lastPage\":true}";
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.deleted, 0);
    ended(world, "completed_with_warnings", "still_there 2/0, still_there 4/0, ");
    equals_source(world);
}

/* Made, changed and deleted while the first copy runs. */
static void change_while_it_runs(void *arg, unsigned call)
{
    struct sync_world *world = arg;
    struct fake_jira *source = &world->source;

    if (call == 4) {
        fake_jira_delete(source, &source->rows[0]);  /* copied already */
        fake_jira_delete(source, &source->rows[90]); /* not yet */
        fake_jira_edit(source, &source->rows[1], 11, "edited meanwhile");
        fake_jira_edit(source, &source->rows[80], 12, "edited meanwhile");
        (void)fake_jira_add(source, 1, "new", 60, "made meanwhile");
    }
}

static void changes_during_a_run_are_not_lost(void **state)
{
    struct sync_world *world = *state;

    fill(world, 100);
    later(world, HOUR_MS);
    world->source.delay_ms = 100;
    world->source.on_call = change_while_it_runs;
    world->source.on_call_arg = world;
    ok(world, sync_it(world));
    world->source.on_call = NULL;
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    equals_source(world);
    ok(world, verify_it(world));
    assert_int_equal(world->result.drift, 0);
}

/* ---- verification ---- */

static void a_verification_finds_and_repairs_every_kind_of_drift(void **state)
{
    struct sync_world *world = *state;
    struct db *db;
    int64_t proof;

    fill(world, 30);
    later(world, HOUR_MS);
    fill(world, 2); /* the overlap of the next run holds these */
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    db = world->world.tenant->db;

    /* Missing, stale in each field, and extra, all behind the feeds' back. */
    ok(world, db_exec(db,
                      "DELETE FROM worklog WHERE client_worklog_id IN (3, 4);"
                      "UPDATE worklog SET time_spent_seconds = 1 WHERE client_worklog_id = 5;"
                      "UPDATE worklog SET comment = NULL WHERE client_worklog_id = 6;"
                      "UPDATE worklog SET person = NULL WHERE client_worklog_id = 7;"
                      "UPDATE worklog SET started = 0 WHERE client_worklog_id = 8;"
                      "INSERT INTO worklog SELECT 900 + client_worklog_id, person,"
                      " client_issue_id, created, updated, started, time_spent_seconds, NULL"
                      " FROM worklog WHERE client_worklog_id IN (20, 21, 22);",
                      &world->err));
    fake_jira_move(&world->source.rows[9], 4711);
    world->source.rows[10].deleted_ms = 1; /* long ago, and in no feed that we follow now */
    world->source.rows[11].deleted_ms = ctx_now_ms(&world->world.fake.ctx) - HOUR_MS;
    world->source.rows[11].silent = true; /* in no feed at all */
    later(world, HOUR_MS);
    ok(world, sync_it(world)); /* sees nothing of it */
    ok(world, verify_it(world));
    assert_int_equal(world->result.mode, SYNC_VERIFY);
    assert_int_equal(world->result.missing, 2);
    assert_int_equal(world->result.stale, 5);
    assert_int_equal(world->result.extra, 5);
    assert_int_equal(world->result.drift, 12);
    assert_true(world->result.proved);
    proof = ctx_now_ms(&world->world.fake.ctx);
    assert_int_equal(world->result.proof_at_ms, proof);
    assert_int_equal(world->result.run.deleted, 5);
    equals_source(world);
    ended(world, "completed", "");

    /* The proof stands until the next one, and that one finds nothing. */
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.proof_at_ms, proof);
    assert_int_equal(world->result.drift, 12);
    ok(world, verify_it(world));
    assert_int_equal(world->result.drift, 0);
    assert_int_equal(world->result.missing + world->result.stale + world->result.extra, 0);
    assert_int_equal(world->result.run.stored, 0);
    equals_source(world);
}

static void a_move_is_seen_by_a_verification_and_not_by_a_quick_one(void **state)
{
    struct sync_world *world = *state;
    struct sync_options quick = world->options;

    quick.verify = true;
    quick.quick = true;
    fill(world, 20);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    fake_jira_move(&world->source.rows[3], 99);
    world->source.rows[4].seconds = 1; /* changed, with its time */
    world->source.rows[4].updated_ms++;
    later(world, HOUR_MS);
    ok(world, sync_with(world, &quick));
    assert_int_equal(world->result.stale, 1);
    ok(world, verify_it(world));
    assert_int_equal(world->result.stale, 1);
    equals_source(world);
}

static void a_deletion_that_is_not_proved_is_not_believed(void **state)
{
    static const int statuses[] = {404, 403};
    struct sync_world *world = *state;

    fill(world, 20);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    /* Neither listed nor shown, and not in the feed of deletions: gone, or out of sight? */
    world->source.rows[3].hidden = true;
    world->source.rows[3].unlisted = true;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        world->source.issue_status = statuses[i];
        ok(world, verify_it(world));
        assert_int_equal(world->result.extra, 1);
        assert_int_equal(world->result.run.deleted, 0);
        ended(world, "completed_with_warnings", "unproved 4/13, ");
        assert_int_equal(
            number(world, SQL("SELECT count(*) FROM worklog WHERE client_worklog_id = 4")), 1);
    }

    /* Its issue can be read and it cannot: it is deleted. */
    world->source.issue_status = 200;
    world->source.rows[3].deleted_ms = 1;
    world->source.rows[3].silent = true;
    ok(world, verify_it(world));
    assert_int_equal(world->result.run.deleted, 1);
    equals_source(world);

    /* One that only the feed of ids forgot is there, and no drift. */
    world->source.rows[7].unlisted = true;
    ok(world, verify_it(world));
    assert_int_equal(world->result.extra, 0);
    assert_int_equal(world->result.drift, 0);
    equals_source(world);
}

static void what_is_too_young_for_the_feeds_is_not_judged(void **state)
{
    struct sync_world *world = *state;
    struct fake_worklog *row;

    fill(world, 5);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    /* In the mirror before the feed lists it, as one booked through us will be. */
    row = fake_jira_add(&world->source, 10, "account-1", 60, "");
    ok(world, sync_it(world));

    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(world, db_prepare(world->world.tenant->db,
                         SQL("INSERT INTO worklog SELECT $1, person, 10, $2, $2, $3, 60, NULL"
                             " FROM worklog WHERE client_worklog_id = 2"),
                         &stmt, &world->err));
    db_bind_i64(stmt, 1, row->id);
    db_bind_i64(stmt, 2, row->updated_ms);
    db_bind_i64(stmt, 3, row->started_ms);
    ok(world, db_run(stmt, &world->err));
    row->hidden = true; /* and a replica that does not know it yet answers the reads */
    later(world, 40000);
    ok(world, verify_it(world));
    assert_int_equal(world->result.run.deleted, 0);
    row->hidden = false;
    assert_int_equal(world->result.extra, 0);
    assert_int_equal(world->result.drift, 0);
    equals_source(world);
}

static void a_verification_may_be_the_first_run_of_all(void **state)
{
    struct sync_world *world = *state;

    fill(world, 20);
    later(world, HOUR_MS);
    ok(world, verify_it(world));
    assert_int_equal(world->result.missing, 20);
    equals_source(world);
    fake_jira_delete(&world->source, &world->source.rows[2]);
    fill(world, 5);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.mode, SYNC_INCREMENTAL);
    equals_source(world);
}

/* ---- other shapes ---- */

static void a_data_center_is_mirrored_the_same(void **state)
{
    struct sync_world *world = *state;

    world->source.datacenter = true;
    fill(world, 30);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    equals_source(world);
    ok(world, verify_it(world));
    assert_int_equal(world->result.drift, 0);
}

static void a_thousand_worklogs_cost_about_two_calls(void **state)
{
    struct sync_world *world = *state;

    world->source.page_rows = 1000;
    for (int i = 0; i < 20000; i++) {
        (void)fake_jira_add(&world->source, 1 + i % 300, "account", 60, "");
        if (i % 3 == 0)
            later(world, 1);
    }
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    assert_int_equal(world->result.run.stored, 20000);
    assert_in_range(world->result.run.requests, 41, 44); /* 2.2 a thousand */
    assert_true(world->source.net.in_flight_most >= 2);  /* fetched ahead */
}

/* The transactions of a copy of 30 pages, each answer of Jira taking so long. */
static long transactions_of_a_copy(int64_t delay_ms)
{
    struct sync_world *world = NULL;
    long count;

    (void)sync_world_begin((void **)&world);
    fill(world, 210);
    later(world, HOUR_MS);
    world->source.delay_ms = delay_ms;
    fault_vfs_reset();
    ok(world, sync_it(world));
    count = fault_vfs.writers;
    equals_source(world);
    (void)sync_world_end((void **)&world);
    return count;
}

/* That nobody else waits long meanwhile is seen to by tests/lib/sync_world.c. */
static void pages_whose_answers_are_nearly_there_share_a_transaction(void **state)
{
    long there = transactions_of_a_copy(0), nearly = transactions_of_a_copy(3);
    long often = transactions_of_a_copy(10), late = transactions_of_a_copy(11);

    (void)state;
    assert_int_equal(nearly, there);
    assert_int_equal(often, there + 2); /* of 11 pages each */
    assert_int_equal(late, there - 1 + 30);
}

static void start_over_reads_everything_again(void **state)
{
    struct sync_world *world = *state;
    struct sync_options options = world->options;

    options.start_over = true;
    fill(world, 20);
    later(world, HOUR_MS);
    ok(world, sync_it(world));
    fake_jira_move(&world->source.rows[3], 99);
    ok(world, db_exec(world->world.tenant->db, "DELETE FROM worklog WHERE client_worklog_id = 7",
                      &world->err));
    ok(world, sync_with(world, &options));
    assert_int_equal(world->result.mode, SYNC_FULL);
    assert_int_equal(world->result.run.stored, 2);
    equals_source(world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, sync_world_begin, sync_world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_first_run_copies_everything),
        TEST(an_empty_site_is_a_whole_copy_too),
        TEST(a_later_run_copies_what_changed_and_asks_little_when_nothing_did),
        TEST(the_last_minute_comes_with_the_next_run),
        TEST(pages_may_be_of_any_size_and_times_may_be_equal_across_their_edges),
        TEST(more_of_one_time_than_jira_can_page_through_are_stepped_over_and_told),
        TEST(feeds_that_never_end_are_given_up),
        TEST(feeds_that_lead_around_in_a_circle_are_given_up),
        TEST(what_is_not_shown_is_told_and_never_taken_for_deleted),
        TEST(what_cannot_be_stored_is_told_and_the_rest_is_stored),
        TEST(what_could_not_be_copied_is_asked_for_again_until_it_can),
        TEST(any_number_of_them_is_asked_for_page_by_page),
        TEST(deletions_are_followed_and_a_late_echo_brings_nothing_back),
        TEST(what_turns_out_to_be_deleted_is_no_warning),
        TEST(what_is_listed_twice_is_asked_for_once),
        TEST(what_is_listed_as_deleted_and_still_shown_is_kept),
        TEST(changes_during_a_run_are_not_lost),
        TEST(a_verification_finds_and_repairs_every_kind_of_drift),
        TEST(a_move_is_seen_by_a_verification_and_not_by_a_quick_one),
        TEST(a_deletion_that_is_not_proved_is_not_believed),
        TEST(what_is_too_young_for_the_feeds_is_not_judged),
        TEST(a_verification_may_be_the_first_run_of_all),
        TEST(a_data_center_is_mirrored_the_same),
        TEST(a_thousand_worklogs_cost_about_two_calls),
        cmocka_unit_test(pages_whose_answers_are_nearly_there_share_a_transaction),
        TEST(start_over_reads_everything_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
