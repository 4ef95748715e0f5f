/* Tests of jobs.c: the queue, by a clock and dice of the test's own. */
#include "jobs/jobs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/scratch.h"
#include "store/records.h"
#include "store/schema.h"

#define MINUTE_MS INT64_C(60000)

static const struct record *const records[] = {&control_schema_change_record, &job_record};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};
static const unsigned char key[DB_KEY_BYTES] = "a key of thirty-two bytes in all";

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
    const struct ctx *ctx;
    struct db *db;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static void open_it(struct fixture *fixture, bool create)
{
    const struct db_options options = {.path = scratch_path(&fixture->scratch, "control.db"),
                                       .key = key,
                                       .create = create,
                                       .cache_kib = 4096};

    ok(fixture, db_open(fixture->ctx, &options, &fixture->db, &fixture->err));
    ok(fixture, schema_apply(fixture->db, fixture->ctx, &catalog, SCOPE_CONTROL, &fixture->err));
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fake_ctx_init(&fixture->fake, 21);
    scratch_begin(&fixture->scratch);
    fixture->ctx = &fixture->fake.ctx;
    open_it(fixture, true);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    db_close(fixture->db);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static int64_t now(const struct fixture *fixture)
{
    return ctx_now_ms(fixture->ctx);
}

/* Adds a job that is due so many ms from now; gives back whether it joined one. */
static bool add(struct fixture *fixture, const char *tenant, const char *name, int64_t in_ms)
{
    bool joined = false;

    ok(fixture, jobs_add(fixture->db, fixture->ctx, tenant, "sync", name, now(fixture) + in_ms,
                         &joined, &fixture->err));
    return joined;
}

/* Leases the next one, which must be there. */
static struct job lease(struct fixture *fixture)
{
    struct job job = {0};
    bool found = false;
    int64_t next = 0;

    ok(fixture, jobs_lease(fixture->db, fixture->ctx, &job, &found, &next, &fixture->err));
    assert_true(found);
    return job;
}

/* Nothing is due; gives back when to look again. */
static int64_t idle(struct fixture *fixture)
{
    struct job job = {0};
    bool found = true;
    int64_t next = 0;

    ok(fixture, jobs_lease(fixture->db, fixture->ctx, &job, &found, &next, &fixture->err));
    assert_false(found);
    return next;
}

static void done(struct fixture *fixture, const struct job *job)
{
    ok(fixture, jobs_done(fixture->db, fixture->ctx, job, &fixture->err));
}

static enum job_state failed(struct fixture *fixture, const struct job *job, enum err_class why,
                             int64_t retry_after_ms)
{
    enum job_state state = JOB_LEASED;

    ok(fixture,
       jobs_failed(fixture->db, fixture->ctx, job, why, retry_after_ms, &state, &fixture->err));
    return state;
}

static void counts(struct fixture *fixture, int64_t waiting, int64_t leased, int64_t parked)
{
    const int64_t expected[] = {
        [JOB_WAITING] = waiting, [JOB_LEASED] = leased, [JOB_PARKED] = parked};

    for (int state = JOB_WAITING; state <= JOB_PARKED; state++) {
        int64_t n = -1;

        ok(fixture, jobs_count(fixture->db, (enum job_state)state, &n, &fixture->err));
        assert_int_equal(n, expected[state]);
    }
}

/* ---- adding and leasing ---- */

static void a_job_is_leased_when_it_is_due(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    assert_int_equal(idle(fixture), INT64_MAX);
    assert_false(add(fixture, "t1", "all", 1000));
    counts(fixture, 1, 0, 0);
    assert_int_equal(idle(fixture), FAKE_NOW_MS + 1000);
    fake_ctx_advance(&fixture->fake, 999);
    assert_int_equal(idle(fixture), FAKE_NOW_MS + 1000);
    fake_ctx_advance(&fixture->fake, 1);
    job = lease(fixture);
    assert_string_equal(job.tenant, "t1");
    assert_string_equal(job.kind, "sync");
    assert_string_equal(job.key, "all");
    assert_int_equal(job.attempts, 1);
    assert_int_equal(job.lease_until_ms, now(fixture) + JOB_LEASE_MS);
    counts(fixture, 0, 1, 0);
    assert_int_equal(idle(fixture), job.lease_until_ms);
    done(fixture, &job);
    counts(fixture, 0, 0, 0);
    assert_int_equal(idle(fixture), INT64_MAX);
}

static void the_queue_outlives_the_process(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "a", 0);
    (void)add(fixture, "t2", "b", 0);
    job = lease(fixture);
    db_close(fixture->db);
    open_it(fixture, false);
    counts(fixture, 1, 1, 0);
    done(fixture, &job); /* by whoever holds the lease */
    counts(fixture, 1, 0, 0);
    job = lease(fixture);
    assert_string_equal(job.key, "b");
}

static void the_same_job_joins_the_one_that_waits(void **state)
{
    struct fixture *fixture = *state;
    bool joined = false;

    assert_false(add(fixture, "t1", "all", 1000));
    assert_true(add(fixture, "t1", "all", 5000));
    counts(fixture, 1, 0, 0);
    assert_int_equal(idle(fixture), FAKE_NOW_MS + 1000); /* not put off */
    assert_true(add(fixture, "t1", "all", 10));
    assert_int_equal(idle(fixture), FAKE_NOW_MS + 10); /* but brought forward */

    /* Another tenant's, another kind, another key: others. */
    assert_false(add(fixture, "t2", "all", 0));
    assert_false(add(fixture, "t1", "one", 0));
    ok(fixture,
       jobs_add(fixture->db, fixture->ctx, "t1", "verify", "all", 0, &joined, &fixture->err));
    assert_false(joined);
    counts(fixture, 4, 0, 0);
}

static void a_job_asked_for_while_it_runs_runs_once_more(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "all", 0);
    job = lease(fixture);
    assert_true(add(fixture, "t1", "all", 0));
    assert_true(add(fixture, "t1", "all", 0));
    counts(fixture, 0, 1, 0); /* not at the same time */
    fake_ctx_advance(&fixture->fake, 1000);
    done(fixture, &job);
    counts(fixture, 1, 0, 0);
    job = lease(fixture);
    assert_int_equal(job.attempts, 1); /* a new life */
    done(fixture, &job);
    counts(fixture, 0, 0, 0); /* once, however often it was asked for */
}

/* Asked for a moment later it would be taken up again, so it must be here too. */
static void a_job_asked_for_while_it_fails_for_good_runs_once_more(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "all", 0);
    job = lease(fixture);
    assert_true(add(fixture, "t1", "all", 0));
    assert_int_equal(failed(fixture, &job, ERR_DENIED, 0), JOB_WAITING);
    counts(fixture, 1, 0, 0);
    job = lease(fixture);
    assert_int_equal(job.attempts, 1);
    assert_int_equal(failed(fixture, &job, ERR_DENIED, 0), JOB_PARKED);
    counts(fixture, 0, 0, 1);
}

static void names_that_do_not_fit_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char text[200];
    bool joined = true;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    const char *t64 = text + sizeof(text) - 1 - 64, *t63 = t64 + 1;
    const char *k32 = text + sizeof(text) - 1 - JOB_KIND_BYTES - 1, *k31 = k32 + 1;
    const char *n128 = text + sizeof(text) - 1 - JOB_KEY_BYTES - 1, *n127 = n128 + 1;
    const char *const wrong[][3] = {{t64, "k", "n"}, {"t", k32, "n"}, {"t", "k", n128}};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(jobs_add(fixture->db, fixture->ctx, wrong[i][0], wrong[i][1], wrong[i][2],
                                  0, &joined, &fixture->err),
                         ERR_BUG);
    assert_true(joined); /* untouched */
    counts(fixture, 0, 0, 0);
    ok(fixture, jobs_add(fixture->db, fixture->ctx, t63, k31, n127, 0, &joined, &fixture->err));

    struct job job = lease(fixture);

    assert_string_equal(job.tenant, t63);
    assert_string_equal(job.kind, k31);
    assert_string_equal(job.key, n127);
    done(fixture, &job);
    counts(fixture, 0, 0, 0);
}

/* ---- fairness ---- */

static void one_tenant_s_many_jobs_do_not_hold_up_another_s_one(void **state)
{
    static const char *const expected[] = {"a0", "b", "a1", "a2", "a3", "a4"};
    struct fixture *fixture = *state;

    for (int i = 0; i < 5; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "a%d", i);
        (void)add(fixture, "busy", name, i);
    }
    (void)add(fixture, "rare", "b", 100);
    fake_ctx_advance(&fixture->fake, 1000);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct job job = lease(fixture);

        assert_string_equal(job.key, expected[i]);
        fake_ctx_advance(&fixture->fake, 10);
        done(fixture, &job);
    }
}

static void tenants_take_turns_while_their_jobs_run(void **state)
{
    struct fixture *fixture = *state;
    char order[16] = {0};

    for (int i = 0; i < 3; i++) {
        char name[8];

        (void)snprintf(name, sizeof(name), "%d", i);
        (void)add(fixture, "a", name, 0);
        (void)add(fixture, "b", name, 0);
        (void)add(fixture, "c", name, 0);
    }
    for (int i = 0; i < 9; i++) {
        struct job job = lease(fixture);

        order[i] = job.tenant[0];
        fake_ctx_advance(&fixture->fake, 10);
        if (i % 2)
            done(fixture, &job);
    }
    for (int i = 0; i < 9; i += 3) { /* each three are of three */
        assert_non_null(memchr(order + i, 'a', 3));
        assert_non_null(memchr(order + i, 'b', 3));
        assert_non_null(memchr(order + i, 'c', 3));
    }
}

/* ---- failures ---- */

static void a_failure_that_may_pass_comes_back_later_and_later(void **state)
{
    struct fixture *fixture = *state;
    int64_t ceiling = 30000, longest = 0;

    (void)add(fixture, "t1", "all", 0);
    for (uint32_t tries = 1; tries < LIMIT_JOB_TRIES; tries++) {
        struct job job = lease(fixture);
        int64_t due;

        assert_int_equal(job.attempts, tries);
        assert_int_equal(failed(fixture, &job, ERR_NETWORK, 0), JOB_WAITING);
        due = idle(fixture);
        assert_in_range(due - now(fixture), 1, ceiling);
        if (due - now(fixture) > longest)
            longest = due - now(fixture);
        fake_ctx_advance(&fixture->fake, due - now(fixture));
        ceiling = ceiling * 2 < 3600000 ? ceiling * 2 : 3600000;
    }
    assert_true(longest > 300000); /* it did grow */

    struct job job = lease(fixture);

    assert_int_equal(job.attempts, LIMIT_JOB_TRIES);
    assert_int_equal(failed(fixture, &job, ERR_NETWORK, 0), JOB_PARKED);
    counts(fixture, 0, 0, 1);
    assert_int_equal(idle(fixture), INT64_MAX);
}

static void what_the_remote_asks_for_is_waited(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "all", 0);
    job = lease(fixture);
    assert_int_equal(failed(fixture, &job, ERR_BUSY, 45 * MINUTE_MS), JOB_WAITING);
    assert_int_equal(idle(fixture), now(fixture) + 45 * MINUTE_MS);
}

static void a_failure_for_good_is_parked_until_somebody_asks(void **state)
{
    struct fixture *fixture = *state;

    for (int class = ERR_USAGE; class < ERR_CLASS_COUNT; class ++) {
        struct job job;

        if (err_is_transient((enum err_class) class) || class == ERR_CANCELLED)
            continue;
        assert_int_equal(add(fixture, "t1", "all", 0), class != ERR_USAGE);
        job = lease(fixture);
        assert_int_equal(job.attempts, 1);
        assert_int_equal(failed(fixture, &job, (enum err_class) class, MINUTE_MS), JOB_PARKED);
        counts(fixture, 0, 0, 1);
        assert_int_equal(idle(fixture), INT64_MAX);
        fake_ctx_advance(&fixture->fake, 1000 * MINUTE_MS);
        assert_int_equal(idle(fixture), INT64_MAX);
    }
}

static void a_cancelled_job_waits_and_is_due_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "all", 0);
    job = lease(fixture);
    assert_int_equal(failed(fixture, &job, ERR_CANCELLED, 0), JOB_WAITING);
    job = lease(fixture);
    assert_string_equal(job.key, "all");
    done(fixture, &job);
    counts(fixture, 0, 0, 0);
}

/* ---- leases ---- */

static void a_lease_that_runs_out_returns_the_job(void **state)
{
    struct fixture *fixture = *state;
    struct job first, second;
    enum job_state state_left = JOB_PARKED;

    (void)add(fixture, "t1", "all", 0);
    first = lease(fixture);
    fake_ctx_advance(&fixture->fake, JOB_LEASE_MS - 1);
    assert_int_equal(idle(fixture), now(fixture) + 1);
    fake_ctx_advance(&fixture->fake, 1);
    second = lease(fixture);
    assert_string_equal(second.key, "all");
    assert_int_equal(second.attempts, 2);

    /* The first holder has nothing to say any more. */
    assert_int_equal(jobs_extend(fixture->db, fixture->ctx, &first, &fixture->err), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "lease"));
    assert_int_equal(
        jobs_failed(fixture->db, fixture->ctx, &first, ERR_NETWORK, 0, &state_left, &fixture->err),
        ERR_CONFLICT);
    assert_int_equal(state_left, JOB_PARKED);
    done(fixture, &first);
    counts(fixture, 0, 1, 0);
    done(fixture, &second);
    counts(fixture, 0, 0, 0);
}

static void a_lease_can_be_extended_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "all", 0);
    job = lease(fixture);
    for (int i = 0; i < 20; i++) {
        fake_ctx_advance(&fixture->fake, JOB_LEASE_MS - 1);
        ok(fixture, jobs_extend(fixture->db, fixture->ctx, &job, &fixture->err));
        assert_int_equal(job.lease_until_ms, now(fixture) + JOB_LEASE_MS);
        assert_int_equal(idle(fixture), job.lease_until_ms);
    }
    done(fixture, &job);
    counts(fixture, 0, 0, 0);
}

static void a_given_job_can_be_taken_whatever_its_state(void **state)
{
    struct fixture *fixture = *state;
    struct job other, job = {.key = "untouched"};

    assert_int_equal(
        jobs_lease_this(fixture->db, fixture->ctx, "t1", "sync", "all", &job, &fixture->err),
        ERR_NOT_FOUND);
    assert_string_equal(job.key, "untouched");
    (void)add(fixture, "t1", "all", 1000000); /* not due */
    ok(fixture,
       jobs_lease_this(fixture->db, fixture->ctx, "t1", "sync", "all", &job, &fixture->err));
    assert_string_equal(job.key, "all");
    other = job;

    /* Leased, in this very millisecond: the one who had it has lost it. */
    ok(fixture,
       jobs_lease_this(fixture->db, fixture->ctx, "t1", "sync", "all", &job, &fixture->err));
    assert_int_equal(job.attempts, 2);
    assert_int_equal(jobs_extend(fixture->db, fixture->ctx, &other, &fixture->err), ERR_CONFLICT);
    done(fixture, &other);
    counts(fixture, 0, 1, 0);

    /* Parked. */
    assert_int_equal(failed(fixture, &job, ERR_INPUT, 0), JOB_PARKED);
    ok(fixture,
       jobs_lease_this(fixture->db, fixture->ctx, "t1", "sync", "all", &job, &fixture->err));
    done(fixture, &job);
    counts(fixture, 0, 0, 0);
}

/* ---- limits ---- */

static void fill(struct fixture *fixture, int64_t count)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(fixture,
       db_prepare(fixture->db,
                  SQL("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
                      " i < $1) INSERT INTO job (tenant, kind, job_key, state, due, attempts,"
                      " again, served, created) SELECT 'big', 'sync', 'n' || i, 'waiting', $2, 0,"
                      " 0, 0, $2 FROM n"),
                  &stmt, &fixture->err));
    db_bind_i64(stmt, 1, count);
    db_bind_i64(stmt, 2, now(fixture));
    ok(fixture, db_run(stmt, &fixture->err));
}

static void a_full_queue_says_so_and_still_works(void **state)
{
    struct fixture *fixture = *state;
    bool joined = false;
    struct job job;

    fill(fixture, LIMIT_JOBS_WAITING - 1);
    (void)add(fixture, "t1", "last", 0);
    assert_int_equal(
        jobs_add(fixture->db, fixture->ctx, "t1", "sync", "one more", 0, &joined, &fixture->err),
        ERR_LIMIT);
    assert_non_null(strstr(fixture->err.msg, "100000"));
    counts(fixture, LIMIT_JOBS_WAITING, 0, 0);
    assert_true(add(fixture, "t1", "last", 0)); /* joining needs no room */

    /* A thousandfold queue is no slower to lease from: tenants in turn, and done. */
    for (int i = 0; i < 4; i++) {
        fake_ctx_advance(&fixture->fake, 10);
        job = lease(fixture);
        if (i == 1)
            assert_string_equal(job.tenant, "t1");
        else
            assert_string_equal(job.tenant, "big");
        done(fixture, &job);
    }
    (void)add(fixture, "t1", "one more", 0);
}

static void a_tenant_s_jobs_are_forgotten_whole(void **state)
{
    struct fixture *fixture = *state;
    struct job job;

    (void)add(fixture, "t1", "a", 0);
    job = lease(fixture);
    (void)add(fixture, "t1", "b", 0);
    (void)add(fixture, "t2", "c", 0);
    ok(fixture, jobs_forget(fixture->db, "t1", &fixture->err));
    counts(fixture, 1, 0, 0);
    assert_int_equal(jobs_extend(fixture->db, fixture->ctx, &job, &fixture->err), ERR_CONFLICT);
    done(fixture, &job);
    ok(fixture, jobs_forget(fixture->db, "nobody", &fixture->err));
    job = lease(fixture);
    assert_string_equal(job.tenant, "t2");
}

/* ---- running ---- */

struct script {
    struct fixture *fixture;
    char ran[200];
    bool add_more;     /* the first one adds another */
    bool stop;         /* the first one asks to stop */
    bool lose;         /* each loses its lease before it fails */
    enum err_class rc; /* what each gives back */
};

static enum err_class run_it(void *arg, const struct ctx *ctx, struct job *job,
                             int64_t *ret_retry_after_ms, struct err *err)
{
    struct script *script = arg;
    struct fixture *fixture = script->fixture;
    bool first = script->ran[0] == '\0';
    size_t at = strlen(script->ran);

    assert_ptr_equal(ctx, fixture->ctx);
    (void)snprintf(script->ran + at, sizeof(script->ran) - at, "%s ", job->key);
    if (script->add_more && first)
        (void)add(fixture, job->tenant, "more", 0);
    if (script->stop && first)
        fixture->fake.stop = 1;
    if (script->lose) {
        struct job taken;

        ok(fixture, jobs_lease_this(fixture->db, ctx, job->tenant, job->kind, job->key, &taken,
                                    &fixture->err));
    }
    *ret_retry_after_ms = 90 * MINUTE_MS;
    if (script->rc != ERR_OK)
        return err_set(err, script->rc, "the script says so");
    return ERR_OK;
}

static const struct job_kind kinds[] = {{"other", run_it}, {"sync", run_it}};

static int64_t run_due(struct script *script)
{
    struct fixture *fixture = script->fixture;
    int64_t ran = -1;

    script->ran[0] = '\0';
    ok(fixture, jobs_run_due(fixture->db, fixture->ctx, kinds, ARRAY_LEN(kinds), script, &ran,
                             &fixture->err));
    return ran;
}

static void a_worker_runs_what_is_due_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct script script = {.fixture = fixture, .add_more = true};

    assert_int_equal(run_due(&script), 0);
    (void)add(fixture, "t1", "a", 0);
    (void)add(fixture, "t1", "b", 1);
    (void)add(fixture, "t1", "later", MINUTE_MS);
    fake_ctx_advance(&fixture->fake, 5);
    assert_int_equal(run_due(&script), 3);
    assert_string_equal(script.ran, "a b more ");
    counts(fixture, 1, 0, 0);
}

static void a_job_that_fails_is_not_tried_again_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct script script = {.fixture = fixture, .rc = ERR_BUSY};

    (void)add(fixture, "t1", "a", 0);
    (void)add(fixture, "t2", "b", 0);
    assert_int_equal(run_due(&script), 2);
    counts(fixture, 2, 0, 0);
    assert_int_equal(idle(fixture), now(fixture) + 90 * MINUTE_MS);

    script.rc = ERR_DENIED;
    fake_ctx_advance(&fixture->fake, 90 * MINUTE_MS);
    assert_int_equal(run_due(&script), 2);
    counts(fixture, 0, 0, 2);
}

static void a_job_that_nobody_can_do_is_parked(void **state)
{
    struct fixture *fixture = *state;
    struct script script = {.fixture = fixture};
    bool joined = false;

    ok(fixture,
       jobs_add(fixture->db, fixture->ctx, "t1", "unheard_of", "x", 0, &joined, &fixture->err));
    (void)add(fixture, "t1", "a", 0);
    assert_int_equal(run_due(&script), 2);
    assert_string_equal(script.ran, "a ");
    counts(fixture, 0, 0, 1);
}

static void a_worker_asked_to_stop_ends_after_its_job(void **state)
{
    struct fixture *fixture = *state;
    struct script script = {.fixture = fixture, .stop = true, .rc = ERR_CANCELLED};

    (void)add(fixture, "t1", "a", 0);
    (void)add(fixture, "t1", "b", 1);
    fake_ctx_advance(&fixture->fake, 5);
    assert_int_equal(run_due(&script), 1);
    assert_string_equal(script.ran, "a ");
    counts(fixture, 2, 0, 0); /* the stopped one waits too, and is due */
    assert_int_equal(run_due(&script), 0);
    fixture->fake.stop = 0;
    script = (struct script){.fixture = fixture};
    assert_int_equal(run_due(&script), 2);
    counts(fixture, 0, 0, 0);
}

static void a_worker_that_lost_a_lease_goes_on_with_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct script script = {.fixture = fixture, .lose = true, .rc = ERR_NETWORK};

    (void)add(fixture, "t1", "a", 0);
    (void)add(fixture, "t2", "b", 1);
    fake_ctx_advance(&fixture->fake, 5);
    assert_int_equal(run_due(&script), 2);
    counts(fixture, 0, 2, 0); /* both are somebody else's now */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_leased_when_it_is_due),
        TEST(the_queue_outlives_the_process),
        TEST(the_same_job_joins_the_one_that_waits),
        TEST(a_job_asked_for_while_it_runs_runs_once_more),
        TEST(a_job_asked_for_while_it_fails_for_good_runs_once_more),
        TEST(names_that_do_not_fit_are_refused),
        TEST(one_tenant_s_many_jobs_do_not_hold_up_another_s_one),
        TEST(tenants_take_turns_while_their_jobs_run),
        TEST(a_failure_that_may_pass_comes_back_later_and_later),
        TEST(what_the_remote_asks_for_is_waited),
        TEST(a_failure_for_good_is_parked_until_somebody_asks),
        TEST(a_cancelled_job_waits_and_is_due_at_once),
        TEST(a_lease_that_runs_out_returns_the_job),
        TEST(a_lease_can_be_extended_for_ever),
        TEST(a_given_job_can_be_taken_whatever_its_state),
        TEST(a_full_queue_says_so_and_still_works),
        TEST(a_tenant_s_jobs_are_forgotten_whole),
        TEST(a_worker_runs_what_is_due_and_no_more),
        TEST(a_job_that_fails_is_not_tried_again_at_once),
        TEST(a_job_that_nobody_can_do_is_parked),
        TEST(a_worker_asked_to_stop_ends_after_its_job),
        TEST(a_worker_that_lost_a_lease_goes_on_with_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
