/* Tests of jobs.c: the queue, by a clock and dice of the test's own. */
#include "jobs/jobs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"
#include "store/records.h"
#include "store/schema.h"

#define MINUTE_MS INT64_C(60000)

static int begin(void **state)
{
    *state = queue_world_new();
    return 0;
}

static int end(void **state)
{
    queue_world_free(*state);
    return 0;
}

/* ---- adding and leasing ---- */

static void a_job_is_leased_when_it_is_due(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    assert_int_equal(queue_idle(world), INT64_MAX);
    assert_false(queue_add(world, "t1", "all", 1000));
    queue_counts(world, 1, 0, 0);
    assert_int_equal(queue_idle(world), FAKE_NOW_MS + 1000);
    fake_ctx_advance(&world->fake, 999);
    assert_int_equal(queue_idle(world), FAKE_NOW_MS + 1000);
    fake_ctx_advance(&world->fake, 1);
    job = queue_lease(world);
    assert_string_equal(job.tenant, "t1");
    assert_string_equal(job.kind, "sync");
    assert_string_equal(job.key, "all");
    assert_int_equal(job.attempts, 1);
    assert_int_equal(job.lease_until_ms, queue_now(world) + JOB_LEASE_MS);
    queue_counts(world, 0, 1, 0);
    assert_int_equal(queue_idle(world), job.lease_until_ms);
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0);
    assert_int_equal(queue_idle(world), INT64_MAX);
}

static void the_queue_outlives_the_process(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t2", "b", 0);
    job = queue_lease(world);
    db_close(world->db);
    world->db = queue_open(world);
    queue_counts(world, 1, 1, 0);
    queue_done(world, &job); /* by whoever holds the lease */
    queue_counts(world, 1, 0, 0);
    job = queue_lease(world);
    assert_string_equal(job.key, "b");
}

static void the_same_job_joins_the_one_that_waits(void **state)
{
    struct queue_world *world = *state;

    assert_false(queue_add(world, "t1", "all", 1000));
    assert_true(queue_add(world, "t1", "all", 5000));
    queue_counts(world, 1, 0, 0);
    assert_int_equal(queue_idle(world), FAKE_NOW_MS + 1000); /* not put off */
    assert_true(queue_add(world, "t1", "all", 10));
    assert_int_equal(queue_idle(world), FAKE_NOW_MS + 10); /* but brought forward */

    /* Another tenant's, another kind, another key: others. */
    assert_false(queue_add(world, "t2", "all", 0));
    assert_false(queue_add(world, "t1", "one", 0));
    assert_false(queue_add_kind(world, "t1", "verify", "all", 0));
    queue_counts(world, 4, 0, 0);
}

static void a_job_asked_for_while_it_runs_runs_once_more(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    assert_true(queue_add(world, "t1", "all", 0));
    assert_true(queue_add(world, "t1", "all", 0));
    queue_counts(world, 0, 1, 0); /* not at the same time */
    fake_ctx_advance(&world->fake, 1000);
    queue_done(world, &job);
    queue_counts(world, 1, 0, 0);
    job = queue_lease(world);
    assert_int_equal(job.attempts, 1); /* a new life */
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0); /* once, however often it was asked for */
}

/* Asked for a moment later it would be taken up again, so it must be here too. */
static void a_job_asked_for_while_it_fails_for_good_runs_once_more(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    assert_true(queue_add(world, "t1", "all", 0));
    assert_int_equal(queue_failed(world, &job, ERR_DENIED, 0), JOB_WAITING);
    queue_counts(world, 1, 0, 0);
    job = queue_lease(world);
    assert_int_equal(job.attempts, 1);
    assert_int_equal(queue_failed(world, &job, ERR_DENIED, 0), JOB_PARKED);
    queue_counts(world, 0, 0, 1);
}

/* What the first tells us, of what we hear while it runs, is not before its time. */
static void a_job_asked_for_while_it_runs_runs_again_when_it_was_asked_for(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    assert_true(queue_add(world, "t1", "all", 9 * MINUTE_MS));
    assert_true(queue_add(world, "t1", "all", 2 * MINUTE_MS));
    assert_true(queue_add(world, "t1", "all", 5 * MINUTE_MS));
    assert_int_equal(queue_idle(world), job.lease_until_ms); /* the lease is what it was */
    queue_done(world, &job);
    assert_int_equal(queue_idle(world), queue_now(world) + 2 * MINUTE_MS);
}

static void a_hint_does_not_hurry_a_retry(void **state)
{
    struct queue_world *world = *state;
    int64_t retry = queue_now(world) + 45 * MINUTE_MS;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    assert_int_equal(queue_failed(world, &job, ERR_BUSY, 45 * MINUTE_MS), JOB_WAITING);
    assert_true(queue_add(world, "t1", "all", 0));
    assert_int_equal(queue_idle(world), retry);
    assert_true(queue_ask(world, "t1", "all", 60 * MINUTE_MS));
    assert_int_equal(queue_idle(world), retry);
    assert_true(queue_ask(world, "t1", "all", MINUTE_MS)); /* a person may */
    assert_int_equal(queue_idle(world), queue_now(world) + MINUTE_MS);

    /* Nor one that came while it ran. */
    fake_ctx_advance(&world->fake, MINUTE_MS);
    job = queue_lease(world);
    assert_int_equal(job.attempts, 2);
    assert_true(queue_add(world, "t1", "all", 0));
    assert_int_equal(queue_failed(world, &job, ERR_BUSY, 45 * MINUTE_MS), JOB_WAITING);
    assert_int_equal(queue_idle(world), queue_now(world) + 45 * MINUTE_MS);

    /* Once it has gone well, it is as any other. */
    fake_ctx_advance(&world->fake, 45 * MINUTE_MS);
    job = queue_lease(world);
    queue_ok(world,
             jobs_done_until(world->db, &job, queue_now(world) + 60 * MINUTE_MS, &world->err));
    assert_int_equal(queue_idle(world), queue_now(world) + 60 * MINUTE_MS);
    assert_true(queue_add(world, "t1", "all", MINUTE_MS));
    assert_int_equal(queue_idle(world), queue_now(world) + MINUTE_MS);
}

static void a_job_that_is_done_until_then_keeps_the_sooner_time(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    assert_true(queue_add(world, "t1", "all", MINUTE_MS));
    queue_ok(world,
             jobs_done_until(world->db, &job, queue_now(world) + 60 * MINUTE_MS, &world->err));
    queue_counts(world, 1, 0, 0);
    assert_int_equal(queue_idle(world), queue_now(world) + MINUTE_MS);
    fake_ctx_advance(&world->fake, MINUTE_MS);
    job = queue_lease(world);
    assert_true(queue_add(world, "t1", "all", 90 * MINUTE_MS));
    queue_ok(world,
             jobs_done_until(world->db, &job, queue_now(world) + 60 * MINUTE_MS, &world->err));
    assert_int_equal(queue_idle(world), queue_now(world) + 60 * MINUTE_MS);

    /* Of one that was taken out nothing comes back. */
    fake_ctx_advance(&world->fake, 60 * MINUTE_MS);
    job = queue_lease(world);
    queue_ok(world, jobs_forget(world->db, "t1", &world->err));
    queue_ok(world, jobs_done_until(world->db, &job, queue_now(world), &world->err));
    queue_counts(world, 0, 0, 0);
}

static void names_that_do_not_fit_are_refused(void **state)
{
    struct queue_world *world = *state;
    char text[200];
    bool joined = true;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    const char *t64 = text + sizeof(text) - 1 - 64, *t63 = t64 + 1;
    const char *k32 = text + sizeof(text) - 1 - JOB_KIND_BYTES - 1, *k31 = k32 + 1;
    const char *n128 = text + sizeof(text) - 1 - JOB_KEY_BYTES - 1, *n127 = n128 + 1;
    const char *const wrong[][3] = {{t64, "k", "n"}, {"t", k32, "n"}, {"t", "k", n128},
                                    {"", "k", "n"},  {"t", "", "n"},  {"t", "k", ""}};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(jobs_add(world->db, world->ctx,
                                  &(struct job_order){wrong[i][0], wrong[i][1], wrong[i][2]},
                                  &joined, &world->err),
                         ERR_BUG);
    assert_true(joined); /* untouched */
    queue_counts(world, 0, 0, 0);
    assert_false(queue_add_kind(world, t63, k31, n127, 0));

    struct job job = queue_lease(world);

    assert_string_equal(job.tenant, t63);
    assert_string_equal(job.kind, k31);
    assert_string_equal(job.key, n127);
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0);
}

/* ---- fairness ---- */

static void one_tenant_s_many_jobs_do_not_hold_up_another_s_one(void **state)
{
    static const char *const expected[] = {"a0", "b", "a1", "a2", "a3", "a4"};
    struct queue_world *world = *state;

    for (int i = 0; i < 5; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "a%d", i);
        (void)queue_add(world, "busy", name, i);
    }
    (void)queue_add(world, "rare", "b", 100);
    fake_ctx_advance(&world->fake, 1000);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct job job = queue_lease(world);

        assert_string_equal(job.key, expected[i]);
        fake_ctx_advance(&world->fake, 10);
        queue_done(world, &job);
    }
}

static void tenants_take_turns_while_their_jobs_run(void **state)
{
    struct queue_world *world = *state;
    char order[16] = {0};

    for (int i = 0; i < 3; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "%d", i);
        (void)queue_add(world, "a", name, 0);
        (void)queue_add(world, "b", name, 0);
        (void)queue_add(world, "c", name, 0);
    }
    for (int i = 0; i < 9; i++) {
        struct job job = queue_lease(world);

        order[i] = job.tenant[0];
        fake_ctx_advance(&world->fake, 10);
        if (i % 2)
            queue_done(world, &job);
    }
    for (int i = 0; i < 9; i += 3) { /* each three are of three */
        assert_non_null(memchr(order + i, 'a', 3));
        assert_non_null(memchr(order + i, 'b', 3));
        assert_non_null(memchr(order + i, 'c', 3));
    }
}

static void kinds_can_be_passed_over(void **state)
{
    static const char *const skip[] = {"absent", "sync", NULL};
    struct queue_world *world = *state;
    struct job job = {0};
    bool found = true;
    int64_t next = 0;

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t1", "b", 0);
    queue_ok(world, jobs_lease(world->db, world->ctx, skip, &job, &found, &next, &world->err));
    assert_false(found);
    assert_int_equal(next, INT64_MAX);
    (void)queue_add_kind(world, "t1", "verify", "c", 0);
    (void)queue_add_kind(world, "t1", "another", "d", MINUTE_MS);
    queue_ok(world, jobs_lease(world->db, world->ctx, skip, &job, &found, &next, &world->err));
    assert_true(found);
    assert_string_equal(job.key, "c");
    queue_ok(world, jobs_lease(world->db, world->ctx, skip, &job, &found, &next, &world->err));
    assert_false(found);
    assert_int_equal(next, queue_now(world) + MINUTE_MS);
    job = queue_lease(world);
    assert_string_equal(job.key, "a");
}

/* Their places are given out a part at a time, and still another's job is not behind all of them.
 */
static void a_flood_that_falls_due_at_once_does_not_hold_up_another_s_job(void **state)
{
    struct queue_world *world = *state;
    int turns = 0;

    queue_ok(world, db_exec(world->db, "PRAGMA synchronous = OFF", &world->err)); /* speed */
    for (int i = 0; i < 5000; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "%d", i);
        (void)queue_add(world, "busy", name, MINUTE_MS);
    }
    (void)queue_add(world, "rare", "x", MINUTE_MS + 1);
    fake_ctx_advance(&world->fake, MINUTE_MS + 1);
    while (strcmp(queue_lease(world).tenant, "rare") != 0)
        turns++;
    assert_in_range(turns, 1, 5);
}

static void one_that_always_comes_again_takes_turns_too(void **state)
{
    struct queue_world *world = *state;
    int busy = 0;

    for (int i = 0; i < 20; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "%d", i);
        (void)queue_add(world, "z", name, 0);
    }
    (void)queue_add(world, "a", "x", 0);
    for (int i = 0; i < 20; i++) {
        struct job job = queue_lease(world);

        busy += strcmp(job.tenant, "z") == 0;
        queue_done(world, &job);
        if (strcmp(job.tenant, "a") == 0)
            (void)queue_add(world, "a", "x", 0);
    }
    assert_in_range(busy, 9, 11);
}

/* ---- failures ---- */

static void a_failure_that_may_pass_comes_back_later_and_later(void **state)
{
    struct queue_world *world = *state;
    int64_t ceiling = 30000, longest = 0;

    (void)queue_add(world, "t1", "all", 0);
    for (uint32_t tries = 1; tries < LIMIT_JOB_TRIES; tries++) {
        struct job job = queue_lease(world);
        int64_t due;

        assert_int_equal(job.attempts, tries);
        assert_int_equal(queue_failed(world, &job, ERR_NETWORK, 0), JOB_WAITING);
        due = queue_idle(world);
        assert_in_range(due - queue_now(world), 1, ceiling);
        if (due - queue_now(world) > longest)
            longest = due - queue_now(world);
        fake_ctx_advance(&world->fake, due - queue_now(world));
        ceiling = ceiling * 2 < 3600000 ? ceiling * 2 : 3600000;
    }
    assert_true(longest > 300000); /* it did grow */

    struct job job = queue_lease(world);

    assert_int_equal(job.attempts, LIMIT_JOB_TRIES);
    assert_int_equal(queue_failed(world, &job, ERR_NETWORK, 0), JOB_PARKED);
    queue_counts(world, 0, 0, 1);
    assert_int_equal(queue_idle(world), INT64_MAX);
}

static void what_the_remote_asks_for_is_waited(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    assert_int_equal(queue_failed(world, &job, ERR_BUSY, 45 * MINUTE_MS), JOB_WAITING);
    assert_int_equal(queue_idle(world), queue_now(world) + 45 * MINUTE_MS);
}

static void a_failure_for_good_is_parked_until_somebody_asks(void **state)
{
    struct queue_world *world = *state;

    for (int class = ERR_USAGE; class < ERR_CLASS_COUNT; class ++) {
        struct job job;

        if (err_is_transient((enum err_class) class) || class == ERR_CANCELLED)
            continue;
        assert_int_equal(queue_add(world, "t1", "all", 0), class != ERR_USAGE);
        job = queue_lease(world);
        assert_int_equal(job.attempts, 1);
        assert_int_equal(queue_failed(world, &job, (enum err_class) class, MINUTE_MS), JOB_PARKED);
        queue_counts(world, 0, 0, 1);
        assert_int_equal(queue_idle(world), INT64_MAX);
        fake_ctx_advance(&world->fake, 1000 * MINUTE_MS);
        assert_int_equal(queue_idle(world), INT64_MAX);
    }
}

static void a_cancelled_job_waits_and_is_due_at_once(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    for (int i = 0; i < 2 * LIMIT_JOB_TRIES; i++) {
        assert_int_equal(job.attempts, 1); /* that try does not count */
        assert_int_equal(queue_failed(world, &job, ERR_CANCELLED, 0), JOB_WAITING);
        job = queue_lease(world);
    }
    assert_string_equal(job.key, "all");
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0);
}

/* ---- leases ---- */

static void a_lease_that_runs_out_returns_the_job(void **state)
{
    struct queue_world *world = *state;
    struct job first, second;
    enum job_state state_left = JOB_PARKED;

    (void)queue_add(world, "t1", "all", 0);
    first = queue_lease(world);
    fake_ctx_advance(&world->fake, JOB_LEASE_MS - 1);
    assert_int_equal(queue_idle(world), queue_now(world) + 1);
    fake_ctx_advance(&world->fake, 1);
    second = queue_lease(world);
    assert_string_equal(second.key, "all");
    assert_int_equal(second.attempts, 2);

    /* The first holder has nothing to say any more. */
    assert_int_equal(jobs_extend(world->db, world->ctx, &first, &world->err), ERR_CONFLICT);
    assert_non_null(strstr(world->err.msg, "lease"));
    assert_int_equal(
        jobs_failed(world->db, world->ctx, &first, ERR_NETWORK, 0, &state_left, &world->err),
        ERR_CONFLICT);
    assert_int_equal(state_left, JOB_PARKED);
    queue_done(world, &first);
    queue_counts(world, 0, 1, 0);
    queue_done(world, &second);
    queue_counts(world, 0, 0, 0);
}

static void a_lease_that_ran_out_is_good_until_somebody_takes_the_job(void **state)
{
    struct queue_world *world = *state;
    struct job other, job;

    (void)queue_add(world, "t1", "a", 0);
    (void)queue_add(world, "t1", "b", MINUTE_MS);
    job = queue_lease(world);
    fake_ctx_advance(&world->fake, JOB_LEASE_MS + 1);
    other = queue_lease(world); /* b, which was due before that lease ran out */
    assert_string_equal(other.key, "b");
    queue_ok(world, jobs_extend(world->db, world->ctx, &job, &world->err));
    assert_int_equal(queue_idle(world), other.lease_until_ms);
    fake_ctx_advance(&world->fake, JOB_LEASE_MS + 1);
    queue_counts(world, 0, 2, 0);
    queue_done(world, &job);
    queue_counts(world, 0, 1, 0);
    queue_done(world, &other);
}

/* A job that kills whoever runs it must not do so for ever. */
static void a_job_whose_workers_die_is_parked_in_the_end(void **state)
{
    struct queue_world *world = *state;

    (void)queue_add(world, "t1", "all", 0);
    for (uint32_t i = 1; i <= LIMIT_JOB_TRIES; i++) {
        assert_int_equal(queue_lease(world).attempts, i);
        fake_ctx_advance(&world->fake, JOB_LEASE_MS);
    }
    assert_int_equal(queue_idle(world), INT64_MAX);
    queue_counts(world, 0, 0, 1);
}

static void a_lease_can_be_extended_for_ever(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "all", 0);
    job = queue_lease(world);
    for (int i = 0; i < 20; i++) {
        fake_ctx_advance(&world->fake, JOB_LEASE_MS - 1);
        queue_ok(world, jobs_extend(world->db, world->ctx, &job, &world->err));
        assert_int_equal(job.lease_until_ms, queue_now(world) + JOB_LEASE_MS);
        assert_int_equal(queue_idle(world), job.lease_until_ms);
    }
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0);
}

static void a_given_job_can_be_taken_whatever_its_state(void **state)
{
    struct queue_world *world = *state;
    struct job other, job = {.key = "untouched"};

    assert_int_equal(jobs_lease_this(world->db, world->ctx, "t1", "sync", "all", &job, &world->err),
                     ERR_NOT_FOUND);
    assert_string_equal(job.key, "untouched");
    (void)queue_add(world, "t1", "all", 1000000); /* not due */
    queue_ok(world, jobs_lease_this(world->db, world->ctx, "t1", "sync", "all", &job, &world->err));
    assert_string_equal(job.key, "all");
    other = job;

    /* Leased, in this very millisecond: the one who had it has lost it. */
    queue_ok(world, jobs_lease_this(world->db, world->ctx, "t1", "sync", "all", &job, &world->err));
    assert_int_equal(job.attempts, 2);
    assert_int_equal(jobs_extend(world->db, world->ctx, &other, &world->err), ERR_CONFLICT);
    queue_done(world, &other);
    queue_counts(world, 0, 1, 0);

    /* Parked. */
    assert_int_equal(queue_failed(world, &job, ERR_INPUT, 0), JOB_PARKED);
    queue_ok(world, jobs_lease_this(world->db, world->ctx, "t1", "sync", "all", &job, &world->err));
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0);
}

/* ---- limits ---- */

/* So many jobs of the tenant "big", which stand in line. */
static void fill(struct queue_world *world, int64_t count)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    (void)queue_add(world, "big", "n", 0); /* the line is there */
    queue_ok(world, db_prepare(world->db,
                               SQL("WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n"
                                   " WHERE i < $1) INSERT INTO job (tenant, kind, job_key, state,"
                                   " due, attempts, again, served, created, turn) SELECT 'big',"
                                   " 'sync', 'n' || i, 'ready', $2, 0, 0, $2, $2, i FROM n"),
                               &stmt, &world->err));
    db_bind_i64(stmt, 1, count);
    db_bind_i64(stmt, 2, queue_now(world));
    queue_ok(world, db_begin(world->db, DB_BULK, &world->err));
    queue_ok(world, db_run(stmt, &world->err));
    db_finish(TAKE(stmt));
    queue_ok(world, db_prepare(world->db, SQL("UPDATE job_line SET turn = $1, jobs = $1"), &stmt,
                               &world->err));
    db_bind_i64(stmt, 1, count);
    queue_ok(world, db_run(stmt, &world->err));
    queue_ok(world,
             db_exec(world->db, "UPDATE job_line SET turn = 1 WHERE tenant = '*'", &world->err));
    queue_ok(world, db_commit(world->db, &world->err));
}

static void refuses(struct queue_world *world, const char *tenant, const char *limit)
{
    const struct job_order order = {tenant, "sync", "one more", queue_now(world)};
    bool joined = false;

    assert_int_equal(jobs_add(world->db, world->ctx, &order, &joined, &world->err), ERR_LIMIT);
    assert_non_null(strstr(world->err.msg, limit));
}

static void a_full_queue_says_so_and_still_works(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    fill(world, LIMIT_JOBS_OF_TENANT - 1);
    (void)queue_add(world, "big", "last", 0);
    refuses(world, "big", "100000");
    queue_counts(world, LIMIT_JOBS_OF_TENANT, 0, 0);
    assert_true(queue_add(world, "big", "last", 0)); /* joining needs no room */
    (void)queue_add(world, "t1", "another tenant's", 0);

    /* A thousandfold queue is no slower to lease from: tenants in turn, and done. */
    for (int i = 0; i < 4; i++) {
        fake_ctx_advance(&world->fake, 10);
        job = queue_lease(world);
        if (i == 1)
            assert_string_equal(job.tenant, "t1");
        else
            assert_string_equal(job.tenant, "big");
        queue_done(world, &job);
    }
    (void)queue_add(world, "big", "one more", 0);

    /* All tenants together. */
    queue_ok(world, db_exec(world->db, "UPDATE job_line SET jobs = 1000000 WHERE tenant = '*'",
                            &world->err));
    refuses(world, "t2", "1000000");
    queue_ok(world, db_exec(world->db, "UPDATE job_line SET jobs = 99998 WHERE tenant = '*'",
                            &world->err));
}

static void a_tenant_s_jobs_are_forgotten_whole(void **state)
{
    struct queue_world *world = *state;
    struct job job;

    (void)queue_add(world, "t1", "a", 0);
    job = queue_lease(world);
    (void)queue_add(world, "t1", "b", 0);
    (void)queue_add(world, "t2", "c", 0);
    queue_ok(world, jobs_forget(world->db, "t1", &world->err));
    queue_counts(world, 1, 0, 0);
    assert_int_equal(jobs_extend(world->db, world->ctx, &job, &world->err), ERR_CONFLICT);
    queue_done(world, &job);
    queue_ok(world, jobs_forget(world->db, "nobody", &world->err));
    job = queue_lease(world);
    assert_string_equal(job.tenant, "t2");
}

/* ---- an older database ---- */

static const struct field fields_of_1[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "whose job it is"},
    {"kind", TYPE_TEXT, CLASS_META, FIELD_KEY, "what is to be done"},
    {"job_key", TYPE_TEXT, CLASS_ID, FIELD_KEY, "with what"},
    {"state", TYPE_TEXT, CLASS_META, 0, "waiting, leased or parked"},
    {"due", TYPE_TIME, CLASS_META, FIELD_INDEX, "when it is to be done"},
    {"attempts", TYPE_INT, CLASS_META, 0, "how often it was tried"},
    {"again", TYPE_INT, CLASS_META, 0, "whether it was asked for once more"},
    {"lease_until", TYPE_TIME, CLASS_META, FIELD_NULL, "until when a worker has it"},
    {"served", TYPE_TIME, CLASS_META, 0, "when it was last leased"},
    {"failure", TYPE_TEXT, CLASS_META, FIELD_NULL, "the class of its last failure"},
    {"created", TYPE_TIME, CLASS_META, 0, "when it was asked for"},
};

static void the_queue_of_catalogue_1_goes_on(void **state)
{
    struct queue_world *world = *state;
    struct record job_of_1 = job_record;
    const struct record *const records[] = {&control_schema_change_record, &job_of_1};
    const struct catalog catalog = {1, records, ARRAY_LEN(records)};
    struct db_options options = {.key = queue_key, .create = true};
    struct job job = {.tenant = "t2", .kind = "sync", .key = "leased", .lease_until_ms = 77};

    job_of_1.fields = fields_of_1;
    job_of_1.field_count = ARRAY_LEN(fields_of_1);
    db_close(world->db);
    scratch_end(&world->scratch);
    scratch_begin(&world->scratch);
    options.path = scratch_path(&world->scratch, "control.db");
    queue_ok(world, db_open(world->ctx, &options, &world->db, &world->err));
    queue_ok(world, schema_apply(world->db, world->ctx, &catalog, SCOPE_CONTROL, &world->err));
    queue_ok(world, db_exec(world->db,
                            "INSERT INTO job (tenant, kind, job_key, state, due, attempts, again,"
                            " lease_until, served, created) VALUES"
                            " ('t1', 'sync', 'a', 'waiting', 5, 0, 0, NULL, 0, 0),"
                            " ('t1', 'sync', 'b', 'parked', 5, 3, 0, NULL, 0, 0),"
                            " ('t2', 'sync', 'leased', 'leased', 5, 1, 1, 77, 0, 0)",
                            &world->err));
    db_close(world->db);
    world->db = queue_open(world);
    queue_counts(world, 1, 1, 1);
    queue_done(world, &job); /* by whom it was leased before; it was asked for once more */
    queue_counts(world, 2, 0, 1);
    (void)queue_add(world, "t3", "new", 0);
    for (int i = 0; i < 3; i++) {
        job = queue_lease(world);
        queue_done(world, &job);
    }
    queue_counts(world, 0, 0, 1);
    assert_true(queue_add(world, "t1", "b", 0));
    job = queue_lease(world);
    queue_done(world, &job);
    queue_counts(world, 0, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_leased_when_it_is_due),
        TEST(the_queue_outlives_the_process),
        TEST(the_same_job_joins_the_one_that_waits),
        TEST(a_job_asked_for_while_it_runs_runs_once_more),
        TEST(a_job_asked_for_while_it_runs_runs_again_when_it_was_asked_for),
        TEST(a_hint_does_not_hurry_a_retry),
        TEST(a_job_that_is_done_until_then_keeps_the_sooner_time),
        TEST(a_job_asked_for_while_it_fails_for_good_runs_once_more),
        TEST(names_that_do_not_fit_are_refused),
        TEST(one_tenant_s_many_jobs_do_not_hold_up_another_s_one),
        TEST(tenants_take_turns_while_their_jobs_run),
        TEST(kinds_can_be_passed_over),
        TEST(a_flood_that_falls_due_at_once_does_not_hold_up_another_s_job),
        TEST(one_that_always_comes_again_takes_turns_too),
        TEST(a_failure_that_may_pass_comes_back_later_and_later),
        TEST(what_the_remote_asks_for_is_waited),
        TEST(a_failure_for_good_is_parked_until_somebody_asks),
        TEST(a_cancelled_job_waits_and_is_due_at_once),
        TEST(a_lease_that_runs_out_returns_the_job),
        TEST(a_lease_that_ran_out_is_good_until_somebody_takes_the_job),
        TEST(a_job_whose_workers_die_is_parked_in_the_end),
        TEST(a_lease_can_be_extended_for_ever),
        TEST(a_given_job_can_be_taken_whatever_its_state),
        TEST(a_full_queue_says_so_and_still_works),
        TEST(a_tenant_s_jobs_are_forgotten_whole),
        TEST(the_queue_of_catalogue_1_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
