/*
 * Synchronizations that are cut off, at every single call or write: by the network, by broken
 * answers, by the user, by the end of the process, by a full disk. The next run must end with the
 * mirror equal to its source, with nothing lost and nothing doubled.
 */
#include "apps/timesheet/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../tests/lib/fault_vfs.h"
#include "../../../tests/lib/sync_world.h"

/* An answer that takes so long: pages do not share a transaction. */
#define ALONE_MS (2 * SYNC_WAIT_IN_TX_MS)

/* ---- cut off, and resumed ---- */

/* What the three kinds of run have to get through: a copy, changes, a drift. */
static void prepare(struct sync_world *world, enum sync_mode mode)
{
    fill(world, 30);
    world->source.rows[4].hidden = true;
    later(world, HOUR_MS);
    if (mode == SYNC_FULL)
        return;
    ok(world, sync_it(world));
    for (size_t i = 0; i < 30; i += 4)
        fake_jira_edit(&world->source, &world->source.rows[i], 5, "edited");
    for (size_t i = 1; i < 30; i += 6)
        fake_jira_delete(&world->source, &world->source.rows[i]);
    fill(world, 10);
    later(world, HOUR_MS);
    if (mode == SYNC_INCREMENTAL)
        return;
    fake_jira_move(&world->source.rows[2], 99);
    world->source.rows[3].deleted_ms = 1;
    world->source.rows[3].silent = true;
}

static enum err_class run_mode(struct sync_world *world, enum sync_mode mode)
{
    return mode == SYNC_VERIFY ? verify_it(world) : sync_it(world);
}

static void each_cut(enum sync_mode mode, enum fake_fault fault, unsigned fault_count)
{
    bool cut = true;
    unsigned failures = 0;

    for (unsigned n = 1; cut; n++) {
        struct sync_world *world = NULL;
        enum err_class rc;

        assert_in_range(n, 1, 100);
        (void)sync_world_begin((void **)&world);
        prepare(world, mode);
        fake_jira_heal(&world->source);
        world->source.fail_from = n;
        world->source.fail_count = fault_count;
        world->source.fault = fault;
        world->source.delay_ms = n % 2 ? ALONE_MS : 0; /* or together in one transaction */
        rc = run_mode(world, mode);
        cut = world->source.calls >= n;
        fake_jira_heal(&world->source);
        if (rc != ERR_OK) {
            static const enum err_class expected[FAKE_FAULT_COUNT] = {
                [FAKE_FAULT_NETWORK] = ERR_NETWORK, [FAKE_FAULT_CUT] = ERR_REMOTE,
                [FAKE_FAULT_HTML] = ERR_REMOTE,     [FAKE_FAULT_401] = ERR_DENIED,
                [FAKE_FAULT_429] = ERR_BUSY,        [FAKE_FAULT_500] = ERR_NETWORK,
                [FAKE_FAULT_STOP] = ERR_CANCELLED,
            };
            int64_t before = number(world, SQL("SELECT count(*) FROM worklog"));

            failures++;
            if (rc != expected[fault])
                fail_msg("call %u: %s: %s", n, err_class_name(rc), world->err.msg);
            assert_int_equal(
                number(world, SQL("SELECT count(*) FROM sync_run WHERE state = 'running'")), 0);
            if (mode == SYNC_FULL)
                assert_int_equal(world->result.run.stored, before); /* what it says it did */
            if (mode == SYNC_VERIFY)
                assert_false(world->result.proved);
            if (fault == FAKE_FAULT_STOP)
                assert_int_equal(
                    number(world, SQL("SELECT count(*) FROM sync_run WHERE state = 'stopped'")), 1);
            ok(world, run_mode(world, mode));
            if (mode == SYNC_FULL)
                assert_int_equal(before + world->result.run.stored, 29);
        }
        equals_source(world);
        /* Nothing is left for another run to do. */
        ok(world, verify_it(world));
        assert_int_equal(world->result.drift, 0);
        (void)sync_world_end((void **)&world);
    }
    if (fault_count > 10 || fault == FAKE_FAULT_CUT || fault == FAKE_FAULT_401)
        assert_true(failures >= 4);
    else
        assert_int_equal(failures, 0); /* healed by itself */
}

static void a_network_that_breaks_at_any_call_costs_nothing(void **state)
{
    (void)state;
    for (int mode = SYNC_FULL; mode <= SYNC_VERIFY; mode++)
        each_cut((enum sync_mode)mode, FAKE_FAULT_NETWORK, 1000);
}

static void a_single_failure_at_any_call_heals_by_itself(void **state)
{
    (void)state;
    for (int mode = SYNC_FULL; mode <= SYNC_VERIFY; mode++)
        each_cut((enum sync_mode)mode, FAKE_FAULT_NETWORK, 1);
    each_cut(SYNC_FULL, FAKE_FAULT_429, 1);
    each_cut(SYNC_INCREMENTAL, FAKE_FAULT_500, 1);
}

static void a_broken_answer_at_any_call_costs_nothing(void **state)
{
    (void)state;
    for (int mode = SYNC_FULL; mode <= SYNC_VERIFY; mode++)
        each_cut((enum sync_mode)mode, FAKE_FAULT_CUT, 1);
    each_cut(SYNC_FULL, FAKE_FAULT_HTML, 1000);
    each_cut(SYNC_INCREMENTAL, FAKE_FAULT_401, 1);
    each_cut(SYNC_FULL, FAKE_FAULT_429, 1000);
    each_cut(SYNC_VERIFY, FAKE_FAULT_500, 1000);
}

static void a_stop_at_any_call_costs_nothing(void **state)
{
    (void)state;
    for (int mode = SYNC_FULL; mode <= SYNC_VERIFY; mode++)
        each_cut((enum sync_mode)mode, FAKE_FAULT_STOP, 1000);
}

/* The first place in the feed of changes that was asked for since `seen` was emptied. */
static bool begins_at_zero(struct sync_world *world)
{
    const char *first = strstr(strbuf_z(&world->source.net.seen), "/worklog/updated?");

    assert_non_null(first);
    return strncmp(first, "/worklog/updated?since=0\n", 25) == 0;
}

static void what_is_done_is_not_done_again(void **state)
{
    struct sync_world *world = *state;
    struct mirror_state before = {0}, after = {0};

    fill(world, 40);
    later(world, HOUR_MS);
    world->source.fail_from = 10;
    world->source.fail_count = 1000;
    assert_int_equal(sync_it(world), ERR_NETWORK);
    assert_true(begins_at_zero(world));
    assert_in_range(number(world, SQL("SELECT count(*) FROM worklog")), 7, 39);
    fake_jira_heal(&world->source);
    strbuf_reset(&world->source.net.seen);
    ok(world, sync_it(world));
    assert_int_equal(world->result.mode, SYNC_FULL);
    assert_false(begins_at_zero(world)); /* it went on where it was */
    equals_source(world);

    /* A verification reads everything; cut off, it leaves the place of the others alone. */
    ok(world, mirror_state_load(world->world.tenant, &before, &world->err));
    fake_jira_heal(&world->source);
    strbuf_reset(&world->source.net.seen);
    world->source.fail_from = 10;
    world->source.fail_count = 1000;
    assert_int_equal(verify_it(world), ERR_NETWORK);
    assert_true(begins_at_zero(world));
    ok(world, mirror_state_load(world->world.tenant, &after, &world->err));
    assert_string_equal(after.updated_next, before.updated_next);
    assert_string_equal(after.deleted_next, before.deleted_next);
}

static void a_resumed_copy_remembers_what_its_first_half_could_not_copy(void **state)
{
    struct sync_world *world = *state;

    fill(world, 30);
    world->source.rows[2].hidden = true;
    later(world, HOUR_MS);
    fill(world, 30); /* the overlap holds no more than these */
    later(world, HOUR_MS);
    world->source.delay_ms = ALONE_MS;
    world->source.fail_from = 12;
    world->source.fail_count = 1000;
    assert_int_equal(sync_it(world), ERR_NETWORK);
    assert_int_equal(world->result.run.warnings, 1);
    fake_jira_heal(&world->source);
    ok(world, sync_it(world));
    assert_int_equal(world->result.mode, SYNC_FULL);
    ended(world, "completed_with_warnings", "invisible 3/0, ");

    world->source.rows[2].hidden = false;
    ok(world, sync_it(world));
    assert_int_equal(world->result.mode, SYNC_INCREMENTAL);
    assert_int_equal(world->result.run.stored, 1);
    equals_source(world);
}

/* The process is gone in the middle of a call, without any chance to clean up. */
static void an_end_of_the_process_at_any_call_costs_nothing(void **state)
{
    (void)state;
    for (int mode = SYNC_FULL; mode <= SYNC_VERIFY; mode++) {
        bool cut = true;

        for (unsigned n = 1; cut; n++) {
            struct sync_world *world = NULL;
            int status = 0;
            pid_t child;

            assert_in_range(n, 1, 100);
            (void)sync_world_begin((void **)&world);
            prepare(world, (enum sync_mode)mode);
            tenant_close(world->world.tenant);
            data_close(world->world.data);
            world->world.tenant = NULL;
            world->world.data = NULL;
            child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                store_world_reopen(&world->world);
                fake_jira_heal(&world->source);
                world->source.fail_from = n;
                world->source.fault = FAKE_FAULT_EXIT;
                _exit(run_mode(world, (enum sync_mode)mode) == ERR_OK ? 1 : 2);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            assert_true(WIFEXITED(status));
            assert_in_range(WEXITSTATUS(status), 0, 1);
            cut = WEXITSTATUS(status) == 0;
            store_world_reopen(&world->world);
            fake_jira_heal(&world->source);
            ok(world, run_mode(world, (enum sync_mode)mode));
            equals_source(world);
            ok(world, verify_it(world));
            assert_int_equal(world->result.drift, 0);
            (void)sync_world_end((void **)&world);
        }
    }
}

static void a_disk_that_fills_up_at_any_write_costs_nothing(void **state)
{
    (void)state;
    for (int mode = SYNC_FULL; mode <= SYNC_VERIFY; mode++) {
        bool cut = true;
        unsigned failures = 0;

        for (long n = 0; cut; n++) {
            struct sync_world *world = NULL;
            struct mirror_state stands = {0};
            enum err_class rc;

            assert_in_range(n, 0, 400);
            (void)sync_world_begin((void **)&world);
            prepare(world, (enum sync_mode)mode);
            world->source.delay_ms = ALONE_MS;
            fault_vfs_reset();
            fault_vfs.fail_from = n;
            rc = run_mode(world, (enum sync_mode)mode);
            cut = fault_vfs.changes > n;
            fault_vfs_reset();
            if (rc != ERR_OK) {
                failures++;
                assert_int_equal(rc, ERR_SPACE);
                assert_non_null(strstr(world->err.msg, "full"));
                /* What it says of itself is what stands. */
                ok(world, mirror_state_load(world->world.tenant, &stands, &world->err));
                assert_int_equal(world->result.proof_at_ms, stands.proof_at_ms);
                assert_int_equal(world->result.proved, stands.proof_at_ms != 0);
                if (mode == SYNC_FULL)
                    assert_int_equal(world->result.run.stored,
                                     number(world, SQL("SELECT count(*) FROM worklog")));
                ok(world, run_mode(world, (enum sync_mode)mode));
            }
            equals_source(world);
            ok(world, db_check_integrity(world->world.tenant->db, &world->err));
            ok(world, verify_it(world));
            assert_int_equal(world->result.drift, 0);
            (void)sync_world_end((void **)&world);
            n += n / 12; /* all of the first, then ever fewer */
        }
        assert_true(failures > 8);
    }
}

/* ---- any life of a site ---- */

static uint64_t roll;

static uint64_t dice(uint64_t sides)
{
    roll = roll * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (roll >> 33) % sides;
}

static void live(struct sync_world *world)
{
    struct fake_jira *source = &world->source;

    for (uint64_t left = dice(12); left > 0; left--) {
        struct fake_worklog *row = source->count ? &source->rows[dice(source->count)] : NULL;
        char text[40];

        (void)snprintf(text, sizeof(text), "text %llu", (unsigned long long)dice(1000));
        if (!row || dice(3) == 0)
            (void)fake_jira_add(source, (int64_t)(1 + dice(9)), dice(8) ? "someone" : "other",
                                (int64_t)(60 * (1 + dice(100))), text);
        else if (row->deleted_ms)
            continue;
        else if (dice(4) == 0)
            fake_jira_delete(source, row);
        else if (dice(5) == 0)
            fake_jira_move(row, (int64_t)(1 + dice(9)));
        else if (dice(6) == 0)
            row->hidden = !row->hidden;
        else
            fake_jira_edit(source, row, (int64_t)(60 * dice(100)), text);
        if (dice(2))
            later(world, (int64_t)dice(90000));
    }
}

static void whatever_happens_a_verification_ends_with_the_source(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sync_world *world = NULL;

        roll = seed;
        (void)sync_world_begin((void **)&world);
        world->source.page_rows = 1 + dice(9);
        for (int round = 0; round < 25; round++) {
            enum err_class rc;

            live(world);
            fake_jira_heal(&world->source);
            if (dice(3) == 0) {
                world->source.fail_from = (unsigned)(1 + dice(8));
                world->source.fault = (enum fake_fault)dice(FAKE_FAULT_EXIT);
                world->source.fail_count = dice(2) ? 1 : 100;
            }
            rc = dice(6) ? sync_it(world) : verify_it(world);
            assert_true(rc == ERR_OK || world->source.fail_from != 0);
            if (dice(10) == 0)
                store_world_reopen(&world->world);
        }
        fake_jira_heal(&world->source);
        for (size_t i = 0; i < world->source.count; i++)
            world->source.rows[i].hidden = false;
        later(world, HOUR_MS);
        ok(world, verify_it(world));
        equals_source(world);
        ok(world, verify_it(world));
        if (world->result.drift != 0)
            fail_msg("seed %llu drifts", (unsigned long long)seed);
        (void)sync_world_end((void **)&world);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, sync_world_begin, sync_world_end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_done_is_not_done_again),
        TEST(a_resumed_copy_remembers_what_its_first_half_could_not_copy),
        cmocka_unit_test(a_network_that_breaks_at_any_call_costs_nothing),
        cmocka_unit_test(a_single_failure_at_any_call_heals_by_itself),
        cmocka_unit_test(a_broken_answer_at_any_call_costs_nothing),
        cmocka_unit_test(a_stop_at_any_call_costs_nothing),
        cmocka_unit_test(an_end_of_the_process_at_any_call_costs_nothing),
        cmocka_unit_test(a_disk_that_fills_up_at_any_write_costs_nothing),
        cmocka_unit_test(whatever_happens_a_verification_ends_with_the_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
