/* Tests of erase.c and receipt.c: nothing of a tenant remains but a receipt, whenever it stops. */
#include "custody/erase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/disk.h"
#include "custody/erase_records.h"
#include "jobs/jobs.h"
#include "store/records.h"

static const struct field mark_fields[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "whose it is"},
    {"mark", TYPE_INT, CLASS_META, 0, "some number"},
};
/* Something of a tenant in the control database. */
static const struct record mark_record = {
    .name = "mark",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to mark",
    .retention = RETAIN_WHILE_TENANT,
    .shown_to = "nobody",
    RECORD_FIELDS(mark_fields),
};
static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &job_record,    &job_line_record,
    &job_arrival_record,           &schema_change_record, &person_record, &person_state_record,
    &erased_person_record,         &credential_record,    &mark_record,   &erasure_record,
    &former_tenant_record,         &receipt_key_record,   &receipt_record};
static const struct catalog catalog = {3, records, ARRAY_LEN(records)};

/* The real disk, whose n-th change fails. */
struct bad_disk {
    struct disk_ops ops;
    long changes, fail_at; /* fail_at -1: none */
};

struct fixture {
    struct store_world world;
    struct data *data;
    struct bad_disk disk;
    struct tenant_info other;
    int64_t backups_asked;
    bool backups_fail;
    struct strbuf receipt;
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
               ? err_set(err, ERR_DISK, "%s: the test's disk fails", path)
               : ERR_OK;
}

static enum err_class bad_write(void *self, const char *path, struct str bytes, struct err *err)
{
    enum err_class rc = fails(self, path, err);

    return rc == ERR_OK ? disk_real.write(NULL, path, bytes, err) : rc;
}

static enum err_class bad_remove(void *self, const char *path, struct err *err)
{
    enum err_class rc = fails(self, path, err);

    return rc == ERR_OK ? disk_real.remove(NULL, path, err) : rc;
}

static enum err_class bad_remove_tree(void *self, const char *path, struct err *err)
{
    enum err_class rc = fails(self, path, err);

    return rc == ERR_OK ? disk_real.remove_tree(NULL, path, err) : rc;
}

static void run(struct fixture *fixture, const char *sql)
{
    ok(fixture, db_exec(fixture->data->control, sql, &fixture->err));
}

static int64_t number(struct fixture *fixture, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->data->control, sql, &stmt, &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(row);
    return db_i64(stmt, 0);
}

static void add_other(struct fixture *fixture)
{
    (void)snprintf(fixture->other.name, sizeof(fixture->other.name), "other");
    (void)snprintf(fixture->other.base_url, sizeof(fixture->other.base_url),
                   "https://other.example");
    ok(fixture, tenant_create(fixture->data, &fixture->other, NULL, &fixture->err));
}

static void add_marks(struct fixture *fixture)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    const char *const tenants[] = {fixture->world.info.id, fixture->other.id};
    bool joined = false;

    ok(fixture,
       db_prepare(fixture->data->control, SQL("INSERT INTO mark (tenant, mark) VALUES ($1, 1)"),
                  &stmt, &fixture->err));
    for (size_t i = 0; i < ARRAY_LEN(tenants); i++) {
        const struct job_order order = {
            .tenant = tenants[i], .kind = "sync", .key = "all", .due_ms = FAKE_NOW_MS};

        db_bind_text(stmt, 1, str_from(tenants[i]));
        ok(fixture, db_run(stmt, &fixture->err));
        ok(fixture, jobs_add(fixture->data->control, &fixture->world.fake.ctx, &order, &joined,
                             &fixture->err));
    }
}

/* As an interrupted restore of each tenant would. */
static void leave_leftovers(struct fixture *fixture)
{
    const char *const tenants[] = {fixture->world.info.id, fixture->other.id};
    char path[400];

    (void)snprintf(path, sizeof(path), "%s/restore", fixture->data->dir);
    ok(fixture, disk_make_dir(&fixture->world.fake.ctx, path, &fixture->err));
    for (size_t i = 0; i < ARRAY_LEN(tenants); i++) {
        (void)snprintf(path, sizeof(path), "%s/restore/%s.lock", fixture->data->dir, tenants[i]);
        scratch_write(path, STR("1"));
    }
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &catalog, 7);
    fixture->data = fixture->world.data;
    fixture->disk = (struct bad_disk){.ops = disk_real, .fail_at = -1};
    fixture->disk.ops.write = bad_write;
    fixture->disk.ops.remove = bad_remove;
    fixture->disk.ops.remove_tree = bad_remove_tree;
    fixture->world.fake.ctx.disk = &fixture->disk.ops;
    fixture->world.fake.ctx.disk_self = &fixture->disk;
    fixture->receipt = STRBUF_INIT(100000);
    add_other(fixture);
    add_marks(fixture);
    leave_leftovers(fixture);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    strbuf_done(&fixture->receipt);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static enum err_class remove_backups(void *arg, struct data *data, const char *tenant,
                                     int64_t *ret_count, struct err *err)
{
    struct fixture *fixture = arg;

    (void)data;
    assert_string_equal(tenant, fixture->world.info.id);
    if (fixture->backups_fail)
        return err_set(err, ERR_NETWORK, "the store of backups does not answer");
    fixture->backups_asked++;
    *ret_count = 3;
    return ERR_OK;
}

static struct erase_elsewhere elsewhere(struct fixture *fixture)
{
    return (struct erase_elsewhere){remove_backups, fixture};
}

static enum err_class erase(struct fixture *fixture, struct erased *ret)
{
    const struct erase_elsewhere backups = elsewhere(fixture);

    return erase_tenant(fixture->data, &fixture->world.info, "command", 1000, &backups, ret,
                        &fixture->receipt, &fixture->err);
}

/* The receipt is right, and nothing of the tenant is there; all of the other one is. */
static void only_the_receipt_remains(struct fixture *fixture)
{
    AUTO(free_autop) char *dir = tenant_folder(fixture->data, fixture->world.info.id);
    struct tenant_info info;
    bool was = false;
    char path[400];

    assert_false(scratch_exists(dir));
    (void)snprintf(path, sizeof(path), "%s/restore/%s.lock", fixture->data->dir,
                   fixture->world.info.id);
    assert_false(scratch_exists(path));
    (void)snprintf(path, sizeof(path), "%s/restore/%s.lock", fixture->data->dir, fixture->other.id);
    assert_true(scratch_exists(path));
    assert_int_equal(
        tenant_find(fixture->data, str_from(fixture->world.info.id), &info, &fixture->err),
        ERR_NOT_FOUND);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM mark")), 1);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM job")), 1);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM tenant")), 1);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM former_tenant")), 1);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM erasure WHERE finished > 0")), 1);
    ok(fixture, erase_was(fixture->data, NULL, fixture->world.info.id, &was, &fixture->err));
    assert_true(was);
    ok(fixture, erase_was(fixture->data, NULL, fixture->other.id, &was, &fixture->err));
    assert_false(was);
    ok(fixture, tenant_find(fixture->data, STR("other"), &info, &fixture->err));
}

static void an_erased_tenant_leaves_a_receipt_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct erased counts;
    struct receipt receipt;
    unsigned char key[RECEIPT_KEY_BYTES];
    char site[2 * VAULT_DIGEST_BYTES + 1];
    bool ours = false;

    ok(fixture, erase(fixture, &counts));
    only_the_receipt_remains(fixture);
    assert_int_equal(counts.keys, 1);
    assert_in_range(counts.files, 2, 6);
    assert_in_range(counts.bytes, 8192, 10000000);
    assert_int_equal(counts.backups, 3);
    assert_int_equal(counts.control_rows, 2); /* its entry and its mark */
    ok(fixture, receipt_read(strbuf_str(&fixture->receipt), "it", &receipt, key, &fixture->err));
    receipt_site_digest(fixture->world.info.base_url, site);
    assert_string_equal(receipt.tenant, fixture->world.info.id);
    assert_string_equal(receipt.digest, site);
    assert_int_equal(receipt.at_ms, FAKE_NOW_MS);
    ok(fixture, receipt_key_is_ours(fixture->data, key, &ours, &fixture->err));
    assert_true(ours);
}

/* As a new process would. */
static void reopen(struct fixture *fixture)
{
    struct store_world *world = &fixture->world;

    tenant_close(TAKE(world->tenant));
    data_close(TAKE(world->data));
    ok(fixture, data_open(&world->fake.ctx, scratch_path(&world->scratch, "data"), &catalog, false,
                          &world->data, &fixture->err));
    fixture->data = world->data;
}

/* Whatever change of the disk fails, what is erased cannot be read, and the rest is done later. */
static void an_erasure_that_was_cut_short_is_finished_later(void **state)
{
    (void)state;
    for (long at = 0; at < 40; at++) {
        void *own = NULL;
        int64_t count = 0;

        assert_int_equal(begin(&own), 0);

        struct fixture *fixture = own;
        const struct erase_elsewhere backups = elsewhere(fixture);

        fixture->disk.changes = 0;
        fixture->disk.fail_at = at;

        enum err_class rc = erase(fixture, NULL);
        struct tenant_info info;

        fixture->disk.fail_at = -1;
        if (rc == ERR_OK) {
            only_the_receipt_remains(fixture);
            assert_int_equal(end(&own), 0);
            assert_in_range(at, 2, 39); /* the key, the folder, the receipt at least */
            return;
        }
        assert_int_equal(rc, ERR_DISK);
        assert_int_equal(tenant_find(fixture->data, STR("acme"), &info, &fixture->err),
                         ERR_NOT_FOUND);
        reopen(fixture);
        ok(fixture, erase_rest(fixture->data, 1000, &backups, &count, &fixture->err));
        assert_int_equal(count, 1);
        only_the_receipt_remains(fixture);
        ok(fixture, erase_rest(fixture->data, 1000, &backups, &count, &fixture->err));
        assert_int_equal(count, 0);
        assert_int_equal(end(&own), 0);
    }
    fail_msg("the erasure never ended well");
}

static void backups_that_cannot_be_removed_yet_keep_it_unfinished(void **state)
{
    struct fixture *fixture = *state;
    const struct erase_elsewhere backups = elsewhere(fixture);
    int64_t count = 0;

    fixture->backups_fail = true;
    assert_int_equal(erase(fixture, NULL), ERR_NETWORK);
    assert_int_equal(fixture->receipt.len, 0);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM erasure WHERE finished IS NULL")),
                     1);
    assert_int_equal(erase_rest(fixture->data, 1000, &backups, &count, &fixture->err), ERR_NETWORK);
    fixture->backups_fail = false;
    ok(fixture, erase_rest(fixture->data, 1000, &backups, &count, &fixture->err));
    assert_int_equal(count, 1);
    only_the_receipt_remains(fixture);
}

static void a_sync_that_is_at_work_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct disk_lock lock = {-1};

    ok(fixture, tenant_lock(fixture->world.tenant, &lock, &fixture->err));
    assert_int_equal(erase(fixture, NULL), ERR_CONFLICT);
    assert_in_range(fixture->world.fake.slept_ms, 900, 1100);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM job")), 1); /* it notices by this */
    disk_unlock(&fixture->world.fake.ctx, &lock);

    const struct erase_elsewhere backups = elsewhere(fixture);
    int64_t count = 0;

    ok(fixture, erase_rest(fixture->data, 1000, &backups, &count, &fixture->err));
    assert_int_equal(count, 1);
    only_the_receipt_remains(fixture);
}

/* ---- The ledger ---- */

/* As a restore of an older copy would: the entry and the folder are there again. */
static void bring_back(struct fixture *fixture)
{
    AUTO(free_autop) char *dir = tenant_folder(fixture->data, fixture->world.info.id);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;

    ok(fixture, disk_make_dir(&fixture->world.fake.ctx, dir, &fixture->err));
    ok(fixture, db_prepare(fixture->data->control,
                           SQL("INSERT INTO tenant (id, name, base_url, kind, allow_http,"
                               " allow_private, created) VALUES ($1, 'acme', 'https://x', 'cloud',"
                               " 0, 0, 0)"),
                           &stmt, &fixture->err));
    db_bind_text(stmt, 1, str_from(fixture->world.info.id));
    ok(fixture, db_run(stmt, &fixture->err));
}

static void erase_again_erases(struct fixture *fixture, const char *copies, int64_t wanted)
{
    const struct erase_elsewhere backups = elsewhere(fixture);
    int64_t count = 0;

    ok(fixture, erase_again(fixture->data, copies, 1000, &backups, &count, &fixture->err));
    assert_int_equal(count, wanted);
}

static void what_a_restore_brings_back_is_erased_again(void **state)
{
    struct fixture *fixture = *state;

    erase_again_erases(fixture, NULL, 0);
    ok(fixture, erase(fixture, NULL));
    erase_again_erases(fixture, NULL, 0);
    bring_back(fixture);
    erase_again_erases(fixture, NULL, 1); /* the control database remembers */
    bring_back(fixture);
    run(fixture, "DELETE FROM erasure");
    erase_again_erases(fixture, NULL, 1); /* its receipt is in the folder */
    only_the_receipt_remains(fixture);
}

static void a_copy_of_the_receipts_elsewhere_counts_too(void **state)
{
    struct fixture *fixture = *state;
    char path[400], from[400];

    ok(fixture, erase(fixture, NULL));
    (void)snprintf(from, sizeof(from), "%s/receipts/%s.json", fixture->data->dir,
                   fixture->world.info.id);
    assert_true(scratch_exists(from));
    ok(fixture, disk_make_dir(&fixture->world.fake.ctx,
                              scratch_path(&fixture->world.scratch, "elsewhere"), &fixture->err));
    (void)snprintf(path, sizeof(path), "%s/x.json",
                   scratch_path(&fixture->world.scratch, "elsewhere"));
    scratch_write(path, strbuf_str(&fixture->receipt));
    assert_int_equal(unlink(from), 0);
    run(fixture, "DELETE FROM erasure");
    bring_back(fixture);
    erase_again_erases(fixture, NULL, 0);
    erase_again_erases(fixture, scratch_path(&fixture->world.scratch, "elsewhere"), 1);
    only_the_receipt_remains(fixture);
}

/* ---- Receipts ---- */

static void a_flipped_bit_anywhere_in_a_receipt_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct receipt receipt;
    unsigned char key[RECEIPT_KEY_BYTES], first_key[RECEIPT_KEY_BYTES];
    size_t refused = 0, foreign = 0;

    ok(fixture, erase(fixture, NULL));
    ok(fixture,
       receipt_read(strbuf_str(&fixture->receipt), "it", &receipt, first_key, &fixture->err));
    for (size_t i = 0; i + 1 < fixture->receipt.len; i++) {
        fixture->receipt.ptr[i] ^= 1;

        enum err_class rc = receipt_read(strbuf_str(&fixture->receipt), "the receipt r.json",
                                         &receipt, key, &fixture->err);

        if (rc == ERR_OK) { /* a byte of the base64 or of JSON's own that changes no value */
            foreign++;
            assert_memory_equal(key, first_key, sizeof(key));
        } else {
            assert_int_equal(rc, ERR_CORRUPT);
            assert_non_null(strstr(fixture->err.msg, "r.json"));
            refused++;
        }
        fixture->receipt.ptr[i] ^= 1;
    }
    assert_int_equal(foreign, 0);
    assert_int_equal(refused, fixture->receipt.len - 1);
}

static void a_receipt_by_another_key_does_not_count(void **state)
{
    struct fixture *fixture = *state;
    const struct erase_elsewhere backups = elsewhere(fixture);
    int64_t count = 0;

    ok(fixture, erase(fixture, NULL));
    run(fixture, "UPDATE receipt_key SET public_key = zeroblob(32)");
    assert_int_equal(erase_again(fixture->data, NULL, 1000, &backups, &count, &fixture->err),
                     ERR_CORRUPT);
    assert_non_null(strstr(fixture->err.msg, "another server"));
}

static void the_key_is_made_once_and_told(void **state)
{
    struct fixture *fixture = *state;
    unsigned char key[RECEIPT_KEY_BYTES], again[RECEIPT_KEY_BYTES];
    char text[RECEIPT_KEY_TEXT];

    assert_int_equal(receipt_key(fixture->data, key, &fixture->err), ERR_NOT_FOUND);
    ok(fixture, receipt_key_make(fixture->data, &fixture->err));
    ok(fixture, receipt_key(fixture->data, key, &fixture->err));
    ok(fixture, receipt_key_make(fixture->data, &fixture->err));
    ok(fixture, receipt_key(fixture->data, again, &fixture->err));
    assert_memory_equal(key, again, sizeof(key));
    receipt_key_text(key, text);
    assert_int_equal(strlen(text), 44);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_erased_tenant_leaves_a_receipt_and_nothing_else),
        cmocka_unit_test(an_erasure_that_was_cut_short_is_finished_later),
        TEST(backups_that_cannot_be_removed_yet_keep_it_unfinished),
        TEST(a_sync_that_is_at_work_is_waited_for),
        TEST(what_a_restore_brings_back_is_erased_again),
        TEST(a_copy_of_the_receipts_elsewhere_counts_too),
        TEST(a_flipped_bit_anywhere_in_a_receipt_is_noticed),
        TEST(a_receipt_by_another_key_does_not_count),
        TEST(the_key_is_made_once_and_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
