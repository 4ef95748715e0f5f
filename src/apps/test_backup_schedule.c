/*
 * Tests of what the platform does for tenants by schedule, on a simulated clock: every tenant that
 * there is has its backup each day, also one that nobody uses and that has no way to its Jira.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "custody/backup.h"
#include "daemon/backup_jobs.h"
#include "daemon/internal.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)
#define MINUTES_10_MS (HOUR_MS / 6)
#define SYNC "test.sync"

struct fixture {
    struct store_world world;
    struct tenant_info idle; /* has no connection */
    struct arena *arena;     /* of config */
    struct config config;
    struct daemon daemon;
    struct job_table table;
    struct err err;
};

static int synced_connected, synced_idle;

/* An app's job, which needs the way to Jira. */
static enum err_class run_sync(void *arg, struct job_run *run, struct err *err)
{
    const struct job_context *context = arg;
    bool connected = strcmp(context->tenant->info.name, "acme") == 0;

    (void)run;
    *(connected ? &synced_connected : &synced_idle) += 1;
    return connected ? ERR_OK : err_set(err, ERR_NOT_FOUND, "no credential");
}

static int64_t hourly(const struct config *config)
{
    (void)config;
    return HOUR_MS;
}

static const struct job_kind kinds[] = {{SYNC, run_sync, 1}};
static const struct app_schedule schedules[] = {{SYNC, "all", hourly, 0, 0}};
static const struct app app = {.name = "test",
                               .jobs = kinds,
                               .job_count = ARRAY_LEN(kinds),
                               .schedules = schedules,
                               .schedule_count = ARRAY_LEN(schedules)};
static const struct app *const apps[] = {&app};

static void ok(const struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

static int begin(void **state)
{
    static const char *const nothing[] = {NULL};
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    synced_connected = synced_idle = 0;
    store_world_begin(&f->world, &tenon_catalog, 41);
    f->idle = (struct tenant_info){
        .name = "idle", .base_url = "https://idle.atlassian.net", .kind = TENANT_CLOUD};
    ok(f, tenant_create(f->world.data, &f->idle, NULL, &f->err));
    f->arena = arena_new(1 << 20);
    assert_non_null(f->arena);
    ok(f, config_read(&f->world.fake.ctx, f->arena, NULL, nothing, &f->config, &f->err));
    f->config.backup.every_h = 24;
    f->config.backup.keep_days = 7;
    f->daemon.ctx = f->world.fake.ctx;
    f->daemon.options = (struct daemon_options){.data_dir = f->world.data->dir,
                                                .catalog = &tenon_catalog,
                                                .apps = apps,
                                                .app_count = 1,
                                                .config = &f->config};
    sites_init(&f->daemon.sites);
    assert_int_equal(pthread_mutex_init(&f->daemon.work.mutex, NULL), 0);
    ok(f, store_pool_new(&f->daemon.ctx, f->world.data->dir, &tenon_catalog, &f->daemon.store,
                         &f->err));
    ok(f, work_make_tables(&f->daemon, &f->err));
    f->table = (struct job_table){.kinds = f->daemon.work.kinds,
                                  .kind_count = f->daemon.work.kind_count,
                                  .arg = &f->daemon,
                                  .schedules = f->daemon.work.schedules,
                                  .schedule_count = f->daemon.work.schedule_count};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    work_stop(&f->daemon);
    sites_free(&f->daemon);
    store_pool_free(f->daemon.store);
    arena_free(f->arena);
    store_world_end(&f->world);
    free(f);
    return 0;
}

/* What the daemon does in so many hours, looked at each ten minutes. */
static void live(struct fixture *f, int hours)
{
    for (int i = 0; i < hours * 6; i++) {
        int64_t ran = 0;

        ok(f, work_see_to_schedules(&f->daemon, &f->err));
        ok(f, jobs_run_due(f->world.data->control, &f->daemon.ctx, &f->table, &ran, &f->err));
        fake_ctx_advance(&f->world.fake, MINUTES_10_MS);
    }
}

static enum err_class count_backup(void *arg, const struct backup *backup, struct err *err)
{
    int *count = arg;

    (void)err;
    assert_true(backup->on_disk);
    *count += 1;
    return ERR_OK;
}

static int backups(struct fixture *f, const char *owner)
{
    int count = 0;

    ok(f, backups_each(f->world.data, owner, count_backup, &count, &f->err));
    return count;
}

static void a_tenant_that_rests_has_its_backup_each_day_like_any_other(void **state)
{
    struct fixture *f = *state;

    live(f, 3); /* the first ones come within two hours */
    assert_int_equal(backups(f, f->world.info.id), 1);
    assert_int_equal(backups(f, f->idle.id), 1);
    assert_int_equal(backups(f, BACKUP_CONTROL), 1);
    for (int day = 2; day <= 4; day++) {
        live(f, 25);
        assert_int_equal(backups(f, f->world.info.id), day);
        assert_int_equal(backups(f, f->idle.id), day);
        assert_int_equal(backups(f, BACKUP_CONTROL), day);
    }
    assert_int_equal(synced_idle, 1); /* and it does rest: the app's job found so once */
    assert_true(synced_connected > 70);
}

static void a_tenant_s_old_backups_go_while_it_rests(void **state)
{
    struct fixture *f = *state;

    live(f, 12 * 24);
    assert_in_range(backups(f, f->idle.id), 7, 8);
    assert_int_equal(synced_idle, 1);
}

/* Somebody ran it by hand, or it failed: then it is not in the queue, or parked there. */
static void a_backup_that_left_the_queue_while_its_tenant_rests_comes_back(void **state)
{
    static const enum err_class ends[] = {ERR_OK, ERR_KEY};
    struct fixture *f = *state;
    struct db *control = f->world.data->control;
    enum job_state job_state = JOB_WAITING;
    struct job job;

    live(f, 3);
    assert_int_equal(synced_idle, 1);
    for (int i = 0; i < (int)ARRAY_LEN(ends); i++) {
        ok(f, jobs_lease_this(control, &f->daemon.ctx, f->idle.id, BACKUP_JOB, BACKUP_KEY, &job,
                              &f->err));
        if (ends[i] == ERR_OK)
            ok(f, jobs_done(control, &job, &f->err));
        else
            ok(f, jobs_failed(control, &f->daemon.ctx, &job, ends[i], 0, &job_state, &f->err));
        live(f, 26);
        assert_int_equal(backups(f, f->idle.id), 2 + i);
    }
    assert_int_equal(job_state, JOB_PARKED);
    assert_int_equal(synced_idle, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tenant_that_rests_has_its_backup_each_day_like_any_other),
        TEST(a_backup_that_left_the_queue_while_its_tenant_rests_comes_back),
        TEST(a_tenant_s_old_backups_go_while_it_rests),
    };

    return cmocka_run_group_tests_name("backup_schedule", tests, NULL, NULL);
}
