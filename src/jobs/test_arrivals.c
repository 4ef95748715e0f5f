/* Tests of arrivals.c: what is put down first gets its place in the queue later, exactly once. */
#include "jobs/arrivals.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"

static int begin(void **state)
{
    *state = queue_world_new();
    return 0;
}

static int end(void **state)
{
    queue_world_free(*state); /* which looks whether all are counted */
    return 0;
}

static int64_t without_place(struct queue_world *world, const char *tenant)
{
    int64_t n = -1;

    queue_ok(world, arrivals_count(world->db, tenant, &n, &world->err));
    return n;
}

/* Orders, up to one without a tenant, put down in one transaction. False: one found no room. */
static bool arrive(struct queue_world *world, const struct job_order *orders)
{
    struct arrivals arrivals = {.row_count = 0};
    bool fits = true;

    arrivals_start(&arrivals, world->db, world->ctx, without_place(world, NULL));
    queue_ok(world, db_begin(world->db, DB_WRITE, &world->err));
    for (; orders->tenant && fits; orders++)
        queue_ok(world, arrivals_add(&arrivals, orders, &fits, &world->err));
    queue_ok(world, arrivals_finish(&arrivals, &world->err));
    queue_ok(world, db_end(world->db, ERR_OK, &world->err));
    arrivals_done(&arrivals);
    return fits;
}

static void arrive_one(struct queue_world *world, const char *tenant, const char *key)
{
    const struct job_order orders[] = {{tenant, "sync", key, queue_now(world), false}, {NULL}};

    assert_true(arrive(world, orders));
}

static void settle(struct queue_world *world)
{
    queue_ok(world, jobs_settle(world->db, world->ctx, &world->err));
    assert_int_equal(without_place(world, NULL), 0);
}

static void leases(struct queue_world *world, const char *tenant, const char *key)
{
    struct job job = queue_lease(world);

    assert_string_equal(job.tenant, tenant);
    assert_string_equal(job.key, key);
    queue_done(world, &job);
}

static void a_lease_finds_what_arrived_in_its_order(void **state)
{
    struct queue_world *world = *state;
    const struct job_order orders[] = {
        {"t1", "sync", "b", queue_now(world), false},
        {"t1", "sync", "a", queue_now(world), false},
        {"t2", "sync", "c", queue_now(world), false},
        {"t1", "verify", "d", queue_now(world), false},
        {"t1", "sync", "e", queue_now(world) + 1000, true},
        {NULL},
    };

    assert_true(arrive(world, orders));
    assert_int_equal(without_place(world, NULL), 5);
    assert_int_equal(without_place(world, "t2"), 1);
    queue_counts(world, 5, 0, 0);
    leases(world, "t1", "b"); /* tenants take turns */
    leases(world, "t2", "c");
    leases(world, "t1", "a");
    leases(world, "t1", "d");
    assert_int_equal(queue_idle(world), FAKE_NOW_MS + 1000);
    fake_ctx_advance(&world->fake, 1000);
    leases(world, "t1", "e");
    assert_int_equal(queue_idle(world), INT64_MAX);
}

static void names_and_times_come_back_as_they_were(void **state)
{
    struct queue_world *world = *state;
    char tenant[JOB_TENANT_BYTES + 1], kind[JOB_KIND_BYTES + 1], key[JOB_KEY_BYTES + 1];
    const struct job_order orders[] = {
        {tenant, kind, key, INT64_MAX, false}, {"t1", "sync", "past", INT64_MIN, true}, {NULL}};

    memset(tenant, 't', sizeof(tenant));
    memset(kind, 'k', sizeof(kind));
    memset(key, 0xff, sizeof(key));
    tenant[JOB_TENANT_BYTES] = kind[JOB_KIND_BYTES] = key[JOB_KEY_BYTES] = '\0';
    assert_true(arrive(world, orders));
    leases(world, "t1", "past");

    struct job job = {0};

    queue_ok(world, jobs_lease_this(world->db, world->ctx, tenant, kind, key, &job, &world->err));
    assert_string_equal(job.key, key);
    queue_done(world, &job);
}

static void a_repeat_joins_when_it_gets_its_place(void **state)
{
    struct queue_world *world = *state;

    queue_add(world, "t1", "a", 5000);
    arrive_one(world, "t1", "a");
    arrive_one(world, "t1", "a");
    arrive_one(world, "t1", "b");
    queue_counts(world, 4, 0, 0);
    settle(world);
    queue_counts(world, 2, 0, 0);
    leases(world, "t1", "b");
    leases(world, "t1", "a"); /* the sooner time holds */
    assert_int_equal(queue_idle(world), INT64_MAX);
}

static void what_arrives_while_its_job_runs_runs_once_more(void **state)
{
    struct queue_world *world = *state;

    queue_add(world, "t1", "a", 0);
    queue_add(world, "t1", "b", 0);

    struct job first = queue_lease(world), second = queue_lease(world);

    arrive_one(world, "t1", "a");
    arrive_one(world, "t1", "b");
    queue_done(world, &first); /* the one before it has its place, the other after */
    settle(world);
    queue_done(world, &second);
    leases(world, "t1", "a");
    leases(world, "t1", "b");
    assert_int_equal(queue_idle(world), INT64_MAX);
}

static void who_adds_sees_what_arrived(void **state)
{
    struct queue_world *world = *state;

    arrive_one(world, "t1", "a");
    assert_true(queue_add(world, "t1", "a", 0));
    assert_int_equal(without_place(world, NULL), 0);
    leases(world, "t1", "a");
}

static void what_arrived_counts_for_the_limit(void **state)
{
    struct queue_world *world = *state;
    const struct job_order orders[] = {{"t1", "sync", "b", queue_now(world), false},
                                       {"t1", "sync", "c", queue_now(world), false},
                                       {NULL}};

    queue_add(world, "t1", "first", queue_now(world) + 1000);
    queue_ok(world, db_exec(world->db, "UPDATE job_line SET jobs = 99999 WHERE tenant = 't1'",
                            &world->err));
    arrive_one(world, "t1", "a");
    assert_false(arrive(world, orders + 1));
    assert_int_equal(without_place(world, "t1"), 1);
    queue_ok(world, db_exec(world->db, "UPDATE job_line SET jobs = 99998 WHERE tenant = 't1'",
                            &world->err));
    assert_false(arrive(world, orders)); /* the first of them has room */
    assert_int_equal(without_place(world, "t1"), 2);
    queue_ok(world,
             db_exec(world->db, "UPDATE job_line SET jobs = 1 WHERE tenant = 't1'", &world->err));
}

/* A thousand come back the same, whatever the borders of rows and transactions. */
static void a_great_many_get_their_places_part_by_part(void **state)
{
    struct queue_world *world = *state;
    static struct job_order orders[1001];
    static char keys[1000][8], tenants[40][8];

    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%zu", i);
        (void)snprintf(tenants[i % 40], sizeof(tenants[0]), "t%zu", i < 600 ? 0 : i % 40);
        orders[i] = (struct job_order){tenants[i % 40], "sync", keys[i], queue_now(world), false};
    }
    for (size_t i = 0; i < 600; i++)
        orders[i].tenant = "big";
    assert_true(arrive(world, orders));
    assert_int_equal(without_place(world, "big"), 600);

    bool more = true;
    int rounds = 0;

    for (; more; rounds++) {
        queue_ok(world, db_begin(world->db, DB_WRITE, &world->err));
        queue_ok(world, arrivals_settle(world->db, world->ctx, &more, &world->err));
        queue_ok(world, db_end(world->db, ERR_OK, &world->err));
    }
    assert_in_range(rounds, 3, 12);
    assert_int_equal(without_place(world, NULL), 0);
    assert_int_equal(queue_number(world, SQL("SELECT count(*) FROM job WHERE state = 'ready'")),
                     1000);
    assert_int_equal(
        queue_number(world, SQL("SELECT count(*) FROM job AS a JOIN job AS b ON a.tenant = b.tenant"
                                " AND a.turn < b.turn AND CAST(a.job_key AS INTEGER) >"
                                " CAST(b.job_key AS INTEGER)")),
        0);
}

static void what_cannot_get_its_place_stays_whole(void **state)
{
    struct queue_world *world = *state;

    arrive_one(world, "t1", "a");
    arrive_one(world, "t1", "bad");
    arrive_one(world, "t1", "c");
    queue_ok(world, db_exec(world->db,
                            "CREATE TRIGGER refuse BEFORE INSERT ON job WHEN new.job_key = 'bad'"
                            " BEGIN SELECT raise(ABORT, 'no'); END",
                            &world->err));
    assert_int_not_equal(jobs_settle(world->db, world->ctx, &world->err), ERR_OK);
    assert_false(db_in_tx(world->db));
    assert_int_equal(without_place(world, NULL), 3);
    assert_int_equal(queue_number(world, SQL("SELECT count(*) FROM job")), 0);
    queue_ok(world, db_exec(world->db, "DROP TRIGGER refuse", &world->err));
    settle(world);
    queue_counts(world, 3, 0, 0);
}

static void a_row_that_was_tampered_with_is_told_of(void **state)
{
    struct queue_world *world = *state;

    arrive_one(world, "t1", "a");
    queue_ok(world, db_exec(world->db, "UPDATE job_arrival SET packed = x'0500'", &world->err));
    assert_int_equal(jobs_settle(world->db, world->ctx, &world->err), ERR_CORRUPT);
    assert_non_null(strstr(world->err.msg, "row 1 of job_arrival"));
    queue_ok(world, jobs_forget(world->db, "t1", &world->err));
}

static void a_forgotten_tenant_leaves_nothing_behind(void **state)
{
    struct queue_world *world = *state;

    arrive_one(world, "t1", "a");
    arrive_one(world, "t2", "a");
    queue_add(world, "t3", "b", 0);
    arrive_one(world, "t1", "c");
    queue_ok(world, jobs_forget(world->db, "t1", &world->err));
    assert_int_equal(without_place(world, "t1"), 0);
    queue_counts(world, 2, 0, 0);
    leases(world, "t2", "a");
    leases(world, "t3", "b");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_lease_finds_what_arrived_in_its_order),
        TEST(names_and_times_come_back_as_they_were),
        TEST(a_repeat_joins_when_it_gets_its_place),
        TEST(what_arrives_while_its_job_runs_runs_once_more),
        TEST(who_adds_sees_what_arrived),
        TEST(what_arrived_counts_for_the_limit),
        TEST(a_great_many_get_their_places_part_by_part),
        TEST(what_cannot_get_its_place_stays_whole),
        TEST(a_row_that_was_tampered_with_is_told_of),
        TEST(a_forgotten_tenant_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
