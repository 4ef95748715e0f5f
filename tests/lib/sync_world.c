/* sync_world.c: a tenant and its Jira. */
#include "sync_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "apps/apps.h"
#include "fault_vfs.h"

static const struct clock_ops *fake_clock;
static struct sync_world *sleeper;

static int64_t clock_now(void *self)
{
    return fake_clock->now_ms(self);
}

static int64_t clock_mono(void *self)
{
    return fake_clock->mono_ms(self);
}

/* Others wait for the writer meanwhile: nobody sleeps long in one transaction. */
static void clock_sleep(void *self, int64_t ms, const volatile sig_atomic_t *stop)
{
    if (sleeper->world.tenant && db_in_tx(sleeper->world.tenant->db)) {
        if (sleeper->slept_in != fault_vfs.writers)
            sleeper->slept_ms = 0;
        sleeper->slept_in = fault_vfs.writers;
        sleeper->slept_ms += ms;
        if (sleeper->slept_ms > SYNC_WAIT_IN_TX_MS)
            fail_msg("%lld ms are slept in a transaction", (long long)sleeper->slept_ms);
    }
    fake_clock->sleep_ms(self, ms, stop);
}

static enum err_class note_progress(void *arg, const struct sync_progress *progress,
                                    struct err *err)
{
    struct sync_world *world = arg;

    world->told++;
    assert_non_null(progress->phase);
    assert_true(progress->done == -1 || (progress->done >= 0 && progress->done <= 1));
    assert_true(progress->left_ms >= -1);
    assert_true(progress->seen >= world->seen);
    world->seen = progress->seen;
    (void)err;
    return ERR_OK;
}

static void bend_world(struct sync_world *world)
{
    fake_clock = world->world.fake.ctx.clock;
    sleeper = world;
    world->clock = (struct clock_ops){clock_now, clock_mono, clock_sleep};
    world->world.fake.ctx.clock = &world->clock;
    world->disk = disk_real;
    world->disk.sqlite_vfs = FAULT_VFS_NAME;
    world->world.fake.ctx.disk = &world->disk;
}

int sync_world_begin(void **state)
{
    struct sync_world *world = calloc(1, sizeof(*world));

    assert_non_null(world);
    fault_vfs_install();
    fault_vfs_reset();
    store_world_begin(&world->world, &tenon_catalog, 41);
    bend_world(world);
    store_world_reopen(&world->world);
    fake_jira_init(&world->source, &world->world.fake.ctx, &world->world.fake.stop);
    world->source.page_rows = 7;
    world->options = (struct sync_options){.progress = note_progress, .progress_arg = world};
    *state = world;
    return 0;
}

int sync_world_end(void **state)
{
    struct sync_world *world = *state;

    fault_vfs_reset();
    assert_int_equal(world->source.net.in_flight, 0);
    fake_jira_done(&world->source);
    store_world_end(&world->world);
    free(world);
    return 0;
}

/* ---- doing ---- */

void ok(struct sync_world *world, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), world->err.msg);
}

enum err_class sync_with(struct sync_world *world, const struct sync_options *options)
{
    static const struct http_budget_options none = {0};
    AUTO(http_budget_free_autop) struct http_budget *budget = http_budget_new(&none);
    struct jira jira = {.http = {.ctx = &world->world.fake.ctx,
                                 .budget = budget,
                                 .base_url = world->world.info.base_url,
                                 .authorization = "Basic c2VjcmV0"},
                        .datacenter = world->source.datacenter};
    enum err_class rc;

    assert_non_null(budget);
    world->told = 0;
    world->slept_ms = 0;
    world->seen = 0;
    world->err = (struct err){0};
    rc = sync_run(world->world.tenant, &jira, options, &world->result, &world->err);
    assert_false(db_in_tx(world->world.tenant->db));
    if (rc != ERR_OK)
        assert_int_equal(rc, world->err.class);
    assert_int_equal(world->source.net.in_flight, 0);
    if (rc == ERR_OK)
        assert_int_equal(world->result.run.requests, http_budget_usage(budget).requests);
    return rc;
}

enum err_class sync_it(struct sync_world *world)
{
    return sync_with(world, &world->options);
}

enum err_class verify_it(struct sync_world *world)
{
    struct sync_options options = world->options;

    options.verify = true;
    return sync_with(world, &options);
}

void later(struct sync_world *world, int64_t ms)
{
    fake_ctx_advance(&world->world.fake, ms);
}

void fill(struct sync_world *world, int count)
{
    for (int i = 0; i < count; i++) {
        char account[20], comment[40];

        (void)snprintf(account, sizeof(account), "account-%d", i % 5);
        (void)snprintf(comment, sizeof(comment), "comment %d", i);
        (void)fake_jira_add(&world->source, 10 + i % 4, i % 11 ? account : "", 60 * (1 + i % 9),
                            i % 3 ? comment : "");
        later(world, 1000);
    }
}

int64_t number(struct sync_world *world, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(world, db_prepare(world->world.tenant->db, sql, &stmt, &world->err));
    ok(world, db_step(stmt, &row, &world->err));
    assert_true(row);
    return db_i64(stmt, 0);
}

/* ---- comparing ---- */

struct comparison {
    struct sync_world *world;
    size_t at; /* in the source's rows */
    int64_t count;
};

/* What the mirror must hold: all that is there and shown. A hidden one may be there, as last seen.
 */
static bool must_be_there(const struct fake_worklog *row)
{
    return row->deleted_ms == 0 && !row->hidden && !row->broken;
}

static enum err_class compare_row(void *arg, const struct worklog_row *mirrored, struct err *err)
{
    struct comparison *comparison = arg;
    struct fake_jira *source = &comparison->world->source;
    const struct fake_worklog *row = NULL;

    (void)err;
    while (comparison->at < source->count && source->rows[comparison->at].id < mirrored->id) {
        if (must_be_there(&source->rows[comparison->at]))
            fail_msg("worklog %lld is missing", (long long)source->rows[comparison->at].id);
        comparison->at++;
    }
    comparison->count++;
    if (comparison->at == source->count || source->rows[comparison->at].id != mirrored->id)
        fail_msg("worklog %lld never was", (long long)mirrored->id);
    row = &source->rows[comparison->at++];
    if (row->deleted_ms)
        fail_msg("worklog %lld was deleted", (long long)row->id);
    if (!must_be_there(row))
        return ERR_OK;
    assert_int_equal(mirrored->issue_id, row->issue_id);
    assert_int_equal(mirrored->created_ms, row->created_ms);
    assert_int_equal(mirrored->updated_ms, row->updated_ms);
    assert_int_equal(mirrored->started_ms, row->started_ms);
    assert_int_equal(mirrored->seconds, row->seconds);
    assert_true(str_eq_z(mirrored->account, row->account));
    assert_true(str_eq_z(mirrored->comment, row->comment));
    return ERR_OK;
}

void equals_source(struct sync_world *world)
{
    static const struct worklog_filter everything = {
        .from_ms = INT64_MIN, .to_ms = INT64_MAX, .limit = 1000000};
    struct comparison comparison = {.world = world};
    int64_t count = 0;

    ok(world,
       worklogs_each(world->world.tenant, &everything, compare_row, &comparison, &world->err));
    for (; comparison.at < world->source.count; comparison.at++)
        if (must_be_there(&world->source.rows[comparison.at]))
            fail_msg("worklog %lld is missing", (long long)world->source.rows[comparison.at].id);
    ok(world, mirror_count(world->world.tenant, &count, &world->err));
    assert_int_equal(count, comparison.count);
}

static enum err_class note_warning(void *arg, const struct sync_warning *warning, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%s %lld/%lld, ", sync_warning_name(warning->code),
                (long long)warning->worklog_id, (long long)warning->issue_id);
    return ERR_OK;
}

void ended(struct sync_world *world, const char *state, const char *warnings)
{
    struct strbuf text = STRBUF_INIT(10000);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(world, sync_warnings_each(world->world.tenant, world->result.run.id, note_warning, &text,
                                 &world->err));
    assert_string_equal(strbuf_z(&text), warnings);
    strbuf_done(&text);
    ok(world,
       db_prepare(world->world.tenant->db,
                  SQL("SELECT state FROM sync_run ORDER BY id DESC LIMIT 1"), &stmt, &world->err));
    ok(world, db_step(stmt, &row, &world->err));
    assert_true(str_eq_z(db_text(stmt, 0), state));
}
