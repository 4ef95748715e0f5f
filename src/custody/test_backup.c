/* Tests of backup.c, restore.c and drill.c: what was taken comes back, and nothing by halves. */
#include "custody/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/disk_stream.h"
#include "custody/restore.h"
#include "jobs/jobs.h"
#include "store/records.h"

static const struct field note_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "a number"},
    {"size", TYPE_INT, CLASS_META, FIELD_NULL, "another"},
    {"title", TYPE_TEXT, CLASS_SETTING, FIELD_INDEX, "a text"},
    {"body", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "a sealed text"},
};
static const struct record note_record = {
    .name = "note",
    .app = "test",
    .scope = SCOPE_TENANT,
    .why = "to have rows of every type",
    .retention = RETAIN_WHILE_TENANT,
    .shown_to = "nobody",
    RECORD_FIELDS(note_fields),
};
static const struct field later_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "a number"},
    {"size", TYPE_INT, CLASS_META, FIELD_NULL, "another"},
    {"title", TYPE_TEXT, CLASS_SETTING, FIELD_INDEX, "a text"},
    {"body", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "a sealed text"},
    {"colour", TYPE_TEXT, CLASS_SETTING, 0, "added", .since = 4, .default_sql = "'blue'"},
};
static const struct record later_note_record = {
    .name = "note",
    .app = "test",
    .scope = SCOPE_TENANT,
    .why = "to have rows of every type",
    .retention = RETAIN_WHILE_TENANT,
    .shown_to = "nobody",
    RECORD_FIELDS(later_fields),
};
#define PLATFORM                                                                                   \
    &control_schema_change_record, &tenant_record, &job_record, &job_line_record,                  \
        &schema_change_record, &person_record, &person_state_record, &erased_person_record,        \
        &credential_record, &backup_record
static const struct record *const records[] = {PLATFORM, &note_record};
static const struct record *const later_records[] = {PLATFORM, &later_note_record};
static const struct catalog catalog = {3, records, ARRAY_LEN(records)};
static const struct catalog later_catalog = {4, later_records, ARRAY_LEN(later_records)};

/* The real disk, whose n-th change through us fails as a full one. */
struct bad_disk {
    struct disk_ops ops;
    struct disk_stream_ops stream;
    long changes, fail_at; /* fail_at -1: none */
};

struct fixture {
    struct store_world world;
    struct bad_disk disk;
    struct content_steps steps;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static enum err_class fails(void *self, const char *path, struct err *err)
{
    struct bad_disk *disk = self;

    return disk->changes++ == disk->fail_at
               ? err_set(err, ERR_SPACE, "%s: the test's disk is full", path)
               : ERR_OK;
}

#define BAD(name, args, call)                                                                      \
    static enum err_class bad_##name args                                                          \
    {                                                                                              \
        enum err_class rc = fails(self, path, err);                                                \
        return rc == ERR_OK ? call : rc;                                                           \
    }
BAD(write, (void *self, const char *path, struct str bytes, struct err *err),
    disk_real.write(NULL, path, bytes, err))
BAD(make_dir, (void *self, const char *path, struct err *err), disk_real.make_dir(NULL, path, err))
BAD(create, (void *self, const char *path, struct disk_stream *ret, struct err *err),
    disk_stream_real.create(NULL, path, ret, err))
BAD(sync, (void *self, const char *path, struct err *err), disk_stream_real.sync(NULL, path, err))
BAD(move, (void *self, const char *path, const char *to, struct err *err),
    disk_stream_real.move(NULL, path, to, err))
BAD(swap, (void *self, const char *path, const char *to, struct err *err),
    disk_stream_real.swap(NULL, path, to, err))

static enum err_class bad_append(void *self, struct disk_stream *stream, struct str bytes,
                                 struct err *err)
{
    enum err_class rc = fails(self, stream->path, err);

    return rc == ERR_OK ? disk_stream_real.append(NULL, stream, bytes, err) : rc;
}

static enum err_class bad_keep(void *self, struct disk_stream *stream, struct err *err)
{
    enum err_class rc = fails(self, stream->path, err);

    return rc == ERR_OK ? disk_stream_real.keep(NULL, stream, err) : rc;
}

static void use_bad_disk(struct fixture *fixture)
{
    struct ctx *ctx = &fixture->world.fake.ctx;

    fixture->disk.ops = *ctx->disk;
    fixture->disk.stream = disk_stream_real;
    fixture->disk.fail_at = -1;
    fixture->disk.ops.write = bad_write;
    fixture->disk.ops.make_dir = bad_make_dir;
    fixture->disk.ops.stream = &fixture->disk.stream;
    fixture->disk.stream.create = bad_create;
    fixture->disk.stream.append = bad_append;
    fixture->disk.stream.keep = bad_keep;
    fixture->disk.stream.sync = bad_sync;
    fixture->disk.stream.move = bad_move;
    fixture->disk.stream.swap = bad_swap;
    ctx->disk = &fixture->disk.ops;
    ctx->disk_self = &fixture->disk;
}

/* ---- rows ---- */

static void add_note(struct fixture *fixture, struct db *db, int64_t id, const int64_t *size,
                     struct str title, struct str body)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(fixture,
       db_prepare(db, SQL("INSERT INTO note (id, size, title, body) VALUES ($1, $2, $3, $4)"),
                  &stmt, &fixture->err));
    db_bind_i64(stmt, 1, id);
    if (size)
        db_bind_i64(stmt, 2, *size);
    else
        db_bind_null(stmt, 2);
    db_bind_text(stmt, 3, title);
    db_bind_blob(stmt, 4, body);
    ok(fixture, db_run(stmt, &fixture->err));
}

static void fill(struct fixture *fixture, int64_t from, int64_t count)
{
    struct db *db = fixture->world.tenant->db;

    ok(fixture, db_begin(db, DB_WRITE, &fixture->err));
    for (int64_t i = from; i < from + count; i++) {
        char title[32];
        int64_t size = i * 7919;

        (void)snprintf(title, sizeof(title), "note %lld", (long long)i);
        add_note(fixture, db, i, i % 3 ? &size : NULL, str_from(title),
                 i % 5 ? str_from(title) : (struct str){NULL, 0});
    }
    ok(fixture, db_commit(db, &fixture->err));
}

static void fill_with_edges(struct fixture *fixture)
{
    struct db *db = fixture->world.tenant->db;
    const int64_t least = INT64_MIN, most = INT64_MAX, none = 0;
    size_t large = (size_t)3 * 1024 * 1024; /* longer than any buffer on its way */
    char *bytes = malloc(large);

    ctx_random(&fixture->world.fake.ctx, bytes, large);
    ok(fixture, db_begin(db, DB_WRITE, &fixture->err));
    add_note(fixture, db, INT64_MIN, &least, STR("least"), STR("\0\1\2"));
    add_note(fixture, db, -1, &most, STR(""), STR(""));
    add_note(fixture, db, INT64_MAX, &none, STR("M\xc3\xbcller"), (struct str){bytes, large});
    ok(fixture, db_commit(db, &fixture->err));
    free(bytes);
}

static int64_t number(struct fixture *fixture, struct db *db, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare_built(db, sql, &stmt, &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    return row ? db_i64(stmt, 0) : -1;
}

/* Row by row, column by column, by the catalogue; without the code under test. */
static void equal_tables(struct fixture *fixture, const struct record *record, struct db *a,
                         struct db *b)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(4096);
    AUTO(db_finish_autop) struct db_stmt *left = NULL;
    AUTO(db_finish_autop) struct db_stmt *right = NULL;
    bool more = true, other = true;

    for (size_t i = 0; i < record->field_count; i++)
        strbuf_addf(&sql, "%s %s", i ? "," : "SELECT", record->fields[i].name);
    strbuf_addf(&sql, " FROM %s ORDER BY 1, 2", record->name);
    ok(fixture, db_prepare_built(a, strbuf_z(&sql), &left, &fixture->err));
    ok(fixture, db_prepare_built(b, strbuf_z(&sql), &right, &fixture->err));
    for (;;) {
        ok(fixture, db_step(left, &more, &fixture->err));
        ok(fixture, db_step(right, &other, &fixture->err));
        assert_int_equal(more, other);
        if (!more)
            return;
        for (int i = 0; i < (int)record->field_count; i++) {
            assert_int_equal(db_is_null(left, i), db_is_null(right, i));
            assert_int_equal(db_i64(left, i), db_i64(right, i));
            assert_true(str_eq(db_blob(left, i), db_blob(right, i)));
        }
    }
}

static void equal_databases(struct fixture *fixture, struct db *a, struct db *b)
{
    for (size_t i = 0; i < catalog.record_count; i++)
        if (catalog.records[i]->scope == SCOPE_TENANT)
            equal_tables(fixture, catalog.records[i], a, b);
}

/* ---- the fixture ---- */

static enum err_class go_on(void *arg, int64_t rows, struct err *err)
{
    (void)arg;
    (void)rows;
    (void)err;
    return ERR_OK;
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    store_world_begin(&fixture->world, &catalog, 11);
    fixture->steps = (struct content_steps){go_on, NULL};
    fill(fixture, 1, 500);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static struct backup take(struct fixture *fixture)
{
    struct backup backup = {0};

    fake_ctx_advance(&fixture->world.fake, 1000);
    ok(fixture,
       backup_take(fixture->world.data, fixture->world.tenant, NULL, &backup, &fixture->err));
    return backup;
}

static char *path_of(struct fixture *fixture, const struct backup *backup)
{
    return backup_path(fixture->world.data, backup);
}

static enum err_class restore(struct fixture *fixture, const char *path, bool replace,
                              struct restored *ret)
{
    const struct restore_options options = {.path = path, .replace = replace};

    fixture->err = (struct err){0};
    tenant_close(TAKE(fixture->world.tenant));

    enum err_class rc = restore_tenant(fixture->world.data, &options, ret, &fixture->err);
    struct err err = {0};

    if (tenant_open(fixture->world.data, &fixture->world.info, &fixture->world.tenant, &err) !=
        ERR_OK)
        fail_msg("the tenant does not open: %s", err.msg);
    return rc;
}

/* ---- tests ---- */

static void every_row_comes_back_in_another_folder(void **state)
{
    struct fixture *fixture = *state;
    struct store_world *world = &fixture->world;
    AUTO(data_close_autop) struct data *other = NULL;
    AUTO(tenant_close_autop) struct tenant *there = NULL;
    struct restored restored = {0};

    fill_with_edges(fixture);
    /* Said after the handle was opened; the backup must know it. */
    ok(fixture, tenant_keep_settings(world->data, world->info.id, true, &fixture->err));

    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);
    struct tenant_info entry;
    struct strbuf key = scratch_read(scratch_path(&world->scratch, "data/keys/file.key"));
    const struct restore_options options = {.path = path};

    ok(fixture, disk_make_dir(&world->fake.ctx, scratch_path(&world->scratch, "b"), &fixture->err));
    ok(fixture,
       disk_make_dir(&world->fake.ctx, scratch_path(&world->scratch, "b/keys"), &fixture->err));
    scratch_write(scratch_path(&world->scratch, "b/keys/file.key"), strbuf_str(&key));
    strbuf_done(&key);
    ok(fixture, data_open(&world->fake.ctx, scratch_path(&world->scratch, "b"), &catalog, true,
                          &other, &fixture->err));
    ok(fixture, restore_tenant(other, &options, &restored, &fixture->err));
    assert_string_equal(restored.info.name, "acme");
    assert_string_equal(restored.info.base_url, "https://acme.atlassian.net");
    assert_string_equal(restored.info.id, world->info.id);
    ok(fixture, tenant_find(other, str_from(world->info.id), &entry, &fixture->err));
    assert_true(entry.keep_settings);
    assert_int_equal(restored.taken_ms, backup.taken_ms);
    assert_false(restored.replaced);
    ok(fixture, tenant_open(other, &restored.info, &there, &fixture->err));
    equal_databases(fixture, world->tenant->db, there->db);
    assert_int_equal(number(fixture, there->db, "SELECT count(*) FROM note"), 503);
}

static void sealed_values_open_after_a_restore(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_credential credential = {0};
    struct restored restored = {0};
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);

    ok(fixture, restore(fixture, path, true, &restored));
    ok(fixture,
       tenant_credential_load(fixture->world.tenant, "a test", &credential, &fixture->err));
    assert_true(str_eq_z(strbuf_str(&credential.token), STORE_WORLD_TOKEN));
    tenant_credential_done(&credential);
}

struct writer {
    struct fixture *fixture;
    struct tenant *tenant; /* another handle */
    int64_t next;
};

static enum err_class write_meanwhile(void *arg, int64_t rows, struct err *err)
{
    struct writer *writer = arg;
    int64_t size = 1;

    (void)rows;
    ok(writer->fixture, db_begin(writer->tenant->db, DB_WRITE, err));
    add_note(writer->fixture, writer->tenant->db, writer->next++, &size, STR("later"), STR("x"));
    ok(writer->fixture, db_exec(writer->tenant->db, SQL("UPDATE note SET title = 'changed'"), err));
    return db_commit(writer->tenant->db, err);
}

static void a_backup_is_of_one_moment_whatever_is_written_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct store_world *world = &fixture->world;
    struct writer writer = {.fixture = fixture, .next = 1000000};
    const struct content_steps steps = {write_meanwhile, &writer};
    struct backup backup = {0};
    struct restored restored = {0};

    fill(fixture, 1000, 40000);
    ok(fixture, tenant_open(world->data, &world->info, &writer.tenant, &fixture->err));
    ok(fixture, backup_take(world->data, world->tenant, &steps, &backup, &fixture->err));
    assert_true(writer.next > 1000001);
    tenant_close(writer.tenant);
    assert_true(number(fixture, world->tenant->db,
                       "SELECT count(*) FROM note WHERE title = 'changed'") > 40000);

    AUTO(free_autop) char *path = path_of(fixture, &backup);

    ok(fixture, restore(fixture, path, true, &restored));
    assert_int_equal(number(fixture, world->tenant->db, "SELECT count(*) FROM note"), 40500);
    assert_int_equal(number(fixture, world->tenant->db,
                            "SELECT count(*) FROM note WHERE title IN ('changed', 'later')"),
                     0);
}

static void nothing_is_put_over_a_tenant_without_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct restored restored = {0};
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);

    fill(fixture, 1000, 10);
    assert_int_equal(restore(fixture, path, false, &restored), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "--replace"));
    assert_int_equal(number(fixture, fixture->world.tenant->db, "SELECT count(*) FROM note"), 510);
    ok(fixture, restore(fixture, path, true, &restored));
    assert_true(restored.replaced);
    assert_int_equal(number(fixture, fixture->world.tenant->db, "SELECT count(*) FROM note"), 500);
}

static void a_replaced_database_is_seen_by_its_handle(void **state)
{
    struct fixture *fixture = *state;
    struct tenant *held = NULL;
    struct restored restored = {0};
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);

    ok(fixture, tenant_open(fixture->world.data, &fixture->world.info, &held, &fixture->err));
    assert_true(tenant_is_current(held));
    ok(fixture, restore(fixture, path, true, &restored));
    assert_false(tenant_is_current(held));
    assert_true(tenant_is_current(fixture->world.tenant));
    tenant_close(held);
}

static void a_file_of_another_owner_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct restore_checked checked;
    struct backup backup = {0};

    ok(fixture, backup_take(fixture->world.data, NULL, NULL, &backup, &fixture->err));

    AUTO(free_autop) char *path = path_of(fixture, &backup);
    const struct restore_options options = {.path = path};
    struct restored restored;

    assert_int_equal(restore_verify(fixture->world.data, path, fixture->world.info.id, true, NULL,
                                    &checked, &fixture->err),
                     ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "backup of control"));
    assert_int_equal(restore_tenant(fixture->world.data, &options, &restored, &fixture->err),
                     ERR_INPUT);
}

static void a_flipped_byte_or_a_cut_restores_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct restored restored;
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);

    fill(fixture, 1000, 10);
    for (int64_t at = 0; at < backup.bytes; at += backup.bytes / 40) {
        scratch_flip(path, at);

        enum err_class rc = restore(fixture, path, true, &restored);

        if (rc != ERR_CORRUPT && rc != ERR_KEY && rc != ERR_SCHEMA)
            fail_msg("byte %lld: %s %s", (long long)at, err_class_name(rc), fixture->err.msg);
        scratch_flip(path, at);
        assert_int_equal(number(fixture, fixture->world.tenant->db, "SELECT count(*) FROM note"),
                         510);
    }
    assert_int_equal(truncate(path, backup.bytes - 1), 0);
    assert_int_equal(restore(fixture, path, true, &restored), ERR_CORRUPT);
    assert_int_equal(number(fixture, fixture->world.tenant->db, "SELECT count(*) FROM note"), 510);
}

static void a_restore_that_fails_anywhere_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct restored restored = {0};
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);
    enum err_class rc = ERR_SPACE;
    long n = 0;

    fill(fixture, 1000, 10);
    use_bad_disk(fixture);
    /* Each change of the disk fails once, until none is left to fail. */
    for (; rc != ERR_OK && n < 100; n++) {
        fixture->disk.changes = 0;
        fixture->disk.fail_at = n;
        rc = restore(fixture, path, true, &restored);
        assert_true(rc == ERR_OK || rc == ERR_SPACE);
        assert_int_equal(number(fixture, fixture->world.tenant->db, "SELECT count(*) FROM note"),
                         rc == ERR_OK ? 500 : 510);
    }
    assert_int_equal(rc, ERR_OK);
    assert_true(n > 5);
}

static void a_backup_that_fails_anywhere_leaves_no_file(void **state)
{
    struct fixture *fixture = *state;
    struct store_world *world = &fixture->world;
    struct backup backup = {0};
    enum err_class rc = ERR_SPACE;
    long n = 0;

    use_bad_disk(fixture);
    for (; rc != ERR_OK && n < 100; n++) {
        fixture->disk.changes = 0;
        fixture->disk.fail_at = n;
        fixture->err = (struct err){0};
        rc = backup_take(world->data, world->tenant, NULL, &backup, &fixture->err);
        if (rc != ERR_OK) {
            assert_int_equal(rc, ERR_SPACE);
            assert_false(scratch_grep(scratch_path(&world->scratch, "data"), STR(".tenon")));
        }
    }
    assert_int_equal(rc, ERR_OK);
    assert_true(n > 4);
    assert_true(scratch_grep(scratch_path(&world->scratch, "data"), STR(".tenon")));
}

static void an_older_backup_gets_what_the_catalogue_gained(void **state)
{
    struct fixture *fixture = *state;
    struct store_world *world = &fixture->world;
    struct restored restored = {0};
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);

    tenant_close(TAKE(world->tenant));
    data_close(TAKE(world->data));
    world->catalog = &later_catalog;
    ok(fixture, data_open(&world->fake.ctx, scratch_path(&world->scratch, "data"), &later_catalog,
                          false, &world->data, &fixture->err));
    ok(fixture, restore(fixture, path, true, &restored) == ERR_OK ? ERR_OK : fixture->err.class);
    assert_int_equal(
        number(fixture, world->tenant->db, "SELECT count(*) FROM note WHERE colour = 'blue'"), 500);
    assert_int_equal(number(fixture, world->tenant->db, "SELECT max(version) FROM schema_change"),
                     4);
}

static void a_newer_backup_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store_world *world = &fixture->world;
    struct restored restored = {0};
    struct data older = *world->data;
    static const struct catalog first = {2, records, ARRAY_LEN(records)};
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);
    const struct restore_options options = {.path = path, .replace = true};

    older.catalog = &first;
    assert_int_equal(restore_tenant(&older, &options, &restored, &fixture->err), ERR_SCHEMA);
    assert_non_null(strstr(fixture->err.msg, "newer Tenon"));
}

static struct backup newest(struct fixture *fixture)
{
    struct backup backup = {0};

    ok(fixture,
       backup_find(fixture->world.data, fixture->world.info.id, INT64_MAX, &backup, &fixture->err));
    return backup;
}

static void a_backup_is_unproven_until_a_drill(void **state)
{
    struct fixture *fixture = *state;
    struct backup backup = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &backup);

    assert_int_equal(newest(fixture).drill, DRILL_NONE);
    ok(fixture, restore_drill(fixture->world.data, &backup, NULL, &fixture->err));
    assert_int_equal(newest(fixture).drill, DRILL_GOOD);
    assert_int_equal(newest(fixture).drilled_ms, ctx_now_ms(&fixture->world.fake.ctx));
    scratch_flip(path, backup.bytes - 5);
    assert_int_equal(restore_drill(fixture->world.data, &backup, NULL, &fixture->err), ERR_CORRUPT);
    assert_int_equal(newest(fixture).drill, DRILL_BAD);
    assert_false(
        scratch_grep(scratch_path(&fixture->world.scratch, "data/restore"), STR("drill.db")));
}

static enum err_class count_one(void *arg, const struct backup *backup, struct err *err)
{
    (void)backup;
    (void)err;
    ++*(int *)arg;
    return ERR_OK;
}

static int count_of(struct fixture *fixture)
{
    int count = 0;

    ok(fixture, backups_each(fixture->world.data, NULL, count_one, &count, &fixture->err));
    return count;
}

static void files_that_come_and_go_by_hand_are_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct backup first = take(fixture), second = take(fixture);
    AUTO(free_autop) char *path = path_of(fixture, &first);
    struct strbuf bytes = scratch_read(path);

    (void)second;
    assert_int_equal(count_of(fixture), 2);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(count_of(fixture), 1);
    scratch_write(path, strbuf_str(&bytes));
    strbuf_done(&bytes);
    assert_int_equal(count_of(fixture), 2);
}

static void what_is_too_old_goes_and_all_goes_when_asked(void **state)
{
    struct fixture *fixture = *state;
    struct data *data = fixture->world.data;
    struct backup first = take(fixture), second = take(fixture);
    int64_t gone = 0;

    ok(fixture, backups_sweep(data, fixture->world.info.id, second.taken_ms, &gone, &fixture->err));
    assert_int_equal(gone, 1);
    assert_int_equal(count_of(fixture), 1);
    assert_int_not_equal(newest(fixture).taken_ms, first.taken_ms);
    ok(fixture, backups_remove(data, fixture->world.info.id, &gone, &fixture->err));
    assert_int_equal(gone, 1);
    assert_int_equal(count_of(fixture), 0);
    assert_false(scratch_grep(scratch_path(&fixture->world.scratch, "data/backups"),
                              str_from(fixture->world.info.id)));
}

static void the_newest_before_a_moment_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct backup first = take(fixture), second = take(fixture), found = {0};
    struct data *data = fixture->world.data;

    ok(fixture, backup_find(data, first.owner, second.taken_ms - 1, &found, &fixture->err));
    assert_int_equal(found.taken_ms, first.taken_ms);
    assert_int_equal(backup_find(data, first.owner, first.taken_ms - 1, &found, &fixture->err),
                     ERR_NOT_FOUND);
}

static void control_data_come_back_too(void **state)
{
    struct fixture *fixture = *state;
    struct store_world *world = &fixture->world;
    struct backup backup = {0};
    struct restored restored = {0};
    struct tenant_info other = {.name = "later", .base_url = "https://x.example"};

    ok(fixture, backup_take(world->data, NULL, NULL, &backup, &fixture->err));
    ok(fixture, tenant_create(world->data, &other, NULL, &fixture->err));

    AUTO(free_autop) char *path = path_of(fixture, &backup);
    struct restore_options options = {.path = path};
    const char *dir = scratch_path(&world->scratch, "data");

    assert_int_equal(
        restore_control(&world->fake.ctx, dir, &catalog, &options, &restored, &fixture->err),
        ERR_CONFLICT); /* it is open */
    tenant_close(TAKE(world->tenant));
    data_close(TAKE(world->data));
    assert_int_equal(
        restore_control(&world->fake.ctx, dir, &catalog, &options, &restored, &fixture->err),
        ERR_CONFLICT); /* it has control data */
    assert_non_null(strstr(fixture->err.msg, "--replace"));
    options.replace = true;
    ok(fixture,
       restore_control(&world->fake.ctx, dir, &catalog, &options, &restored, &fixture->err));
    store_world_reopen(world);
    assert_int_equal(tenant_find(world->data, STR("later"), &other, &fixture->err), ERR_NOT_FOUND);
    ok(fixture, tenant_find(world->data, STR("acme"), &other, &fixture->err));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_row_comes_back_in_another_folder),
        TEST(sealed_values_open_after_a_restore),
        TEST(a_backup_is_of_one_moment_whatever_is_written_meanwhile),
        TEST(nothing_is_put_over_a_tenant_without_a_word),
        TEST(a_replaced_database_is_seen_by_its_handle),
        TEST(a_file_of_another_owner_is_named),
        TEST(a_flipped_byte_or_a_cut_restores_nothing),
        TEST(a_restore_that_fails_anywhere_changes_nothing),
        TEST(a_backup_that_fails_anywhere_leaves_no_file),
        TEST(an_older_backup_gets_what_the_catalogue_gained),
        TEST(a_newer_backup_is_refused),
        TEST(a_backup_is_unproven_until_a_drill),
        TEST(files_that_come_and_go_by_hand_are_noticed),
        TEST(what_is_too_old_goes_and_all_goes_when_asked),
        TEST(the_newest_before_a_moment_is_found),
        TEST(control_data_come_back_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
