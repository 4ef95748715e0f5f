/* Tests of pool.c: handles that are kept, shared out and let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>

#include "store/records.h"
#include "store/pool.h"
#include "../../tests/lib/store_world.h"

static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record,
};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};

struct fixture {
    struct store_world world;
    struct store_pool *pool;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};

    assert_non_null(f);
    store_world_begin(&f->world, &catalog, 1);
    assert_int_equal(
        store_pool_new(&f->world.fake.ctx, f->world.data->dir, &catalog, &f->pool, &err), ERR_OK);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    store_pool_free(f->pool);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static struct tenant *take(struct fixture *f, const char *name)
{
    struct tenant *tenant = NULL;
    struct err err = {0};

    assert_int_equal(store_pool_tenant(f->pool, str_from(name), &tenant, &err), ERR_OK);
    return tenant;
}

static void a_handle_given_back_is_taken_again(void **state)
{
    struct fixture *f = *state;
    struct tenant *first = take(f, "acme");
    struct tenant *second = take(f, f->world.info.id);

    assert_ptr_not_equal(first, second);
    store_pool_give_tenant(f->pool, first);
    assert_ptr_equal(take(f, f->world.info.id), first);
    store_pool_give_tenant(f->pool, first);
    store_pool_give_tenant(f->pool, second);
}

static void a_transaction_left_open_is_rolled_back_before_the_next_one_has_it(void **state)
{
    struct fixture *f = *state;
    struct tenant *tenant = take(f, "acme");
    struct err err = {0};
    int64_t ref = 0;

    assert_int_equal(db_begin(tenant->db, DB_WRITE, &err), ERR_OK);
    assert_int_equal(person_ref(tenant, STR("somebody"), &ref, &err), ERR_OK);
    store_pool_give_tenant(f->pool, tenant);
    tenant = take(f, "acme");
    assert_false(db_in_tx(tenant->db));
    store_pool_give_tenant(f->pool, tenant);
}

static void a_tenant_that_is_not_there_is_told_and_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    struct tenant *tenant = NULL;
    struct err err = {0};

    assert_int_equal(store_pool_tenant(f->pool, STR("nobody"), &tenant, &err), ERR_NOT_FOUND);
    assert_null(tenant);
}

static void a_forgotten_tenant_has_no_open_handle_once_the_last_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct tenant *taken = take(f, "acme");
    struct tenant *idle = take(f, "acme");
    struct tenant *gone = NULL;
    struct err err = {0};

    store_pool_give_tenant(f->pool, idle);
    store_pool_forget(f->pool, f->world.info.id);
    store_pool_give_tenant(f->pool, taken);
    assert_int_equal(tenant_remove(f->world.data, &f->world.info, &err), ERR_OK);
    assert_int_equal(store_pool_tenant(f->pool, STR("acme"), &gone, &err), ERR_NOT_FOUND);
}

static void what_is_idle_for_long_is_closed(void **state)
{
    struct fixture *f = *state;
    struct data *data = NULL;
    struct err err = {0};

    store_pool_give_tenant(f->pool, take(f, "acme"));
    fake_ctx_advance(&f->world.fake, 1000);
    store_pool_sweep(f->pool, 2000);
    fake_ctx_advance(&f->world.fake, 2000);
    store_pool_sweep(f->pool, 2000); /* LeakSanitizer and the database's lock would tell */
    assert_int_equal(store_pool_data(f->pool, &data, &err), ERR_OK);
    store_pool_give_data(f->pool, data);
}

/* ---- Having a tenant alone ---- */

static void a_tenant_that_is_held_has_no_open_handle(void **state)
{
    struct fixture *f = *state;
    struct disk_lock alone = {-1};
    struct err err = {0};
    char dir[4096];

    store_world_reopen(&f->world); /* its own handle would be one more */
    tenant_close(f->world.tenant);
    f->world.tenant = NULL;
    (void)snprintf(dir, sizeof(dir), "%s/tenants/%s", f->world.data->dir, f->world.info.id);
    store_pool_give_tenant(f->pool, take(f, "acme")); /* idle */
    assert_int_equal(open_lock_alone(&f->world.fake.ctx, dir, &alone, &err), ERR_CONFLICT);
    assert_int_equal(store_pool_hold(f->pool, f->world.info.id, 1000, &err), ERR_OK);
    assert_int_equal(open_lock_alone(&f->world.fake.ctx, dir, &alone, &err), ERR_OK);
    disk_unlock(&f->world.fake.ctx, &alone);
    assert_int_equal(store_pool_hold(f->pool, f->world.info.id, 0, &err), ERR_CONFLICT);
    store_pool_let_go(f->pool, f->world.info.id);
    store_pool_give_tenant(f->pool, take(f, "acme"));
}

static void a_tenant_that_is_taken_is_not_held(void **state)
{
    struct fixture *f = *state;
    struct tenant *tenant = take(f, "acme");
    struct err err = {0};

    assert_int_equal(store_pool_hold(f->pool, f->world.info.id, 1, &err), ERR_BUSY);
    store_pool_give_tenant(f->pool, take(f, "acme")); /* nothing is held after that */
    store_pool_give_tenant(f->pool, tenant);
    assert_int_equal(store_pool_hold(f->pool, f->world.info.id, 1, &err), ERR_OK);
    store_pool_let_go(f->pool, f->world.info.id);
}

static void *take_when_let_go(void *arg)
{
    struct fixture *f = arg;
    struct tenant *tenant = NULL;
    struct err err = {0};

    if (store_pool_tenant(f->pool, STR("acme"), &tenant, &err) != ERR_OK)
        return arg;
    store_pool_give_tenant(f->pool, tenant);
    return NULL;
}

static void who_asks_meanwhile_waits_until_it_is_let_go(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    struct err err = {0};
    void *failed = f;

    assert_int_equal(store_pool_hold(f->pool, f->world.info.id, 1, &err), ERR_OK);
    assert_int_equal(pthread_create(&thread, NULL, take_when_let_go, f), 0);
    store_pool_let_go(f->pool, f->world.info.id);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
}

#define THREADS 4
#define TURNS 50

static void *take_turns(void *arg)
{
    struct fixture *f = arg;

    for (int i = 0; i < TURNS; i++) {
        struct tenant *tenant = NULL;
        struct data *data = NULL;
        struct err err = {0};

        if (store_pool_tenant(f->pool, STR("acme"), &tenant, &err) != ERR_OK ||
            store_pool_data(f->pool, &data, &err) != ERR_OK)
            return arg;
        store_pool_give_data(f->pool, data);
        store_pool_give_tenant(f->pool, tenant);
        if (i % 10 == 0)
            store_pool_forget(f->pool, f->world.info.id);
    }
    return NULL;
}

static void threads_never_share_a_handle(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, f), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_handle_given_back_is_taken_again),
        TEST(a_transaction_left_open_is_rolled_back_before_the_next_one_has_it),
        TEST(a_tenant_that_is_not_there_is_told_and_nothing_is_kept),
        TEST(a_forgotten_tenant_has_no_open_handle_once_the_last_is_given_back),
        TEST(what_is_idle_for_long_is_closed),
        TEST(a_tenant_that_is_held_has_no_open_handle),
        TEST(a_tenant_that_is_taken_is_not_held),
        TEST(who_asks_meanwhile_waits_until_it_is_let_go),
        TEST(threads_never_share_a_handle),
    };

    test_vault_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
