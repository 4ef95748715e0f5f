/* Tests of data.c: the data folder, its keys, its tenants and their credentials. */
#include "store/data.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/fault_vfs.h"
#include "../../tests/lib/store_world.h"
#include "base/log.h"
#include "store/records.h"

static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};

/* The real disk, whose n-th change fails as a full one. */
struct bad_disk {
    struct disk_ops ops;
    long changes, fail_from; /* fail_from -1: none */
};

struct fixture {
    struct store_world world;
    struct bad_disk disk;
    const struct ctx *ctx;
    struct err err;
};

static bool disk_fails(void *self)
{
    struct bad_disk *disk = self;

    return disk->changes++ >= disk->fail_from && disk->fail_from >= 0;
}

static enum err_class full(const char *path, struct err *err)
{
    return err_set(err, ERR_SPACE, "%s: the test's disk is full", path);
}

static enum err_class bad_write(void *self, const char *path, struct str bytes, struct err *err)
{
    return disk_fails(self) ? full(path, err) : disk_real.write(NULL, path, bytes, err);
}

static enum err_class bad_make_dir(void *self, const char *path, struct err *err)
{
    return disk_fails(self) ? full(path, err) : disk_real.make_dir(NULL, path, err);
}

static enum err_class bad_remove(void *self, const char *path, struct err *err)
{
    return disk_fails(self) ? full(path, err) : disk_real.remove(NULL, path, err);
}

static enum err_class bad_remove_tree(void *self, const char *path, struct err *err)
{
    return disk_fails(self) ? full(path, err) : disk_real.remove_tree(NULL, path, err);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &catalog, 11);
    fault_vfs_install();
    fault_vfs_reset();
    fixture->disk = (struct bad_disk){.ops = disk_real, .fail_from = -1};
    fixture->disk.ops.write = bad_write;
    fixture->disk.ops.make_dir = bad_make_dir;
    fixture->disk.ops.remove = bad_remove;
    fixture->disk.ops.remove_tree = bad_remove_tree;
    fixture->disk.ops.sqlite_vfs = FAULT_VFS_NAME;
    fixture->world.fake.ctx.disk = &fixture->disk.ops;
    fixture->world.fake.ctx.disk_self = &fixture->disk;
    fixture->ctx = &fixture->world.fake.ctx;
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    fault_vfs_reset();
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static void says(struct fixture *fixture, const char *part)
{
    if (!strstr(fixture->err.msg, part))
        fail_msg("the message does not say '%s': %s", part, fixture->err.msg);
}

static const char *in(struct fixture *fixture, const char *name)
{
    return scratch_path(&fixture->world.scratch, name);
}

static void close_all(struct fixture *fixture)
{
    tenant_close(fixture->world.tenant);
    data_close(fixture->world.data);
    fixture->world.tenant = NULL;
    fixture->world.data = NULL;
}

static enum err_class open_dir(struct fixture *fixture, const char *dir, bool create,
                               struct data **ret)
{
    return data_open(fixture->ctx, dir, &catalog, create, ret, &fixture->err);
}

/* "tenants/<id>/<name>" of a tenant. */
static const char *in_tenant(struct fixture *fixture, const struct tenant_info *info,
                             const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof(path), "data/tenants/%s/%s", info->id, name);
    return in(fixture, path);
}

static struct tenant_credential credential_of(const char *login, const char *token)
{
    struct tenant_credential credential = {.login = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                           .token = STRBUF_INIT(LIMIT_SECRET_BYTES)};

    strbuf_add_z(&credential.login, login);
    strbuf_add_z(&credential.token, token);
    return credential;
}

static enum err_class add(struct fixture *fixture, const char *name, struct tenant_info *ret)
{
    struct tenant_credential credential = credential_of("", "planted-pat");
    enum err_class rc;

    *ret = (struct tenant_info){.kind = TENANT_DATACENTER, .allow_http = true};
    (void)snprintf(ret->name, sizeof(ret->name), "%s", name);
    (void)snprintf(ret->base_url, sizeof(ret->base_url), "http://%s.internal", name);
    rc = tenant_create(fixture->world.data, ret, &credential, &fixture->err);
    tenant_credential_done(&credential);
    return rc;
}

static enum err_class note_name(void *arg, const struct tenant_info *info, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%s ", info->name);
    return ERR_OK;
}

static void lists(struct fixture *fixture, const char *expected)
{
    struct strbuf names = STRBUF_INIT(1000);

    ok(fixture, tenant_each(fixture->world.data, note_name, &names, &fixture->err));
    assert_string_equal(strbuf_z(&names), expected);
    strbuf_done(&names);
}

static void count_name(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
}

static int folders(struct fixture *fixture)
{
    int count = 0;

    ok(fixture,
       disk_list(fixture->ctx, in(fixture, "data/tenants"), count_name, &count, &fixture->err));
    return count;
}

/* ---- the folder ---- */

static void where_nothing_is_nothing_is_made_unasked(void **state)
{
    struct fixture *fixture = *state;
    struct data *data = NULL;
    const char *dir = in(fixture, "elsewhere");

    assert_int_equal(open_dir(fixture, dir, false, &data), ERR_NOT_FOUND);
    assert_null(data);
    says(fixture, dir);
    says(fixture, "tenon tenant add");
    assert_false(scratch_exists(dir));
    data_close(NULL);
    tenant_close(NULL);
}

static void a_new_folder_is_private_and_opens_again(void **state)
{
    struct fixture *fixture = *state;
    const char *const private[] = {"data/keys/file.key", "data/control.key"};
    struct data *data = NULL;

    assert_int_equal(scratch_mode(in(fixture, "data")), 0700);
    assert_int_equal(scratch_mode(in(fixture, "data/keys")), 0700);
    assert_int_equal(scratch_mode(in(fixture, "data/tenants")), 0700);
    for (size_t i = 0; i < ARRAY_LEN(private); i++)
        assert_int_equal(scratch_mode(in(fixture, private[i])), 0600);
    close_all(fixture);
    ok(fixture, open_dir(fixture, in(fixture, "data"), false, &data));
    data_close(data);
    data = NULL;
    ok(fixture, open_dir(fixture, in(fixture, "data"), true, &data)); /* and is not made anew */
    fixture->world.data = data;
    lists(fixture, "acme ");
}

/* The key is looked at first: not a byte of the rest is touched without it. */
static void without_its_key_a_folder_is_left_alone(void **state)
{
    static const char *const keys[] = {"data/keys/file.key", "data/control.key"};
    struct fixture *fixture = *state;

    close_all(fixture);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *path = in(fixture, keys[i]);
        struct strbuf bytes = scratch_read(path);
        struct strbuf before = scratch_read(in(fixture, "data/control.db"));

        assert_int_equal(unlink(path), 0);
        for (int create = 0; create <= 1; create++) {
            struct data *data = NULL;

            assert_int_equal(open_dir(fixture, in(fixture, "data"), create, &data), ERR_KEY);
            assert_null(data);
            says(fixture, path);
            says(fixture, "missing");
            assert_false(scratch_exists(path));
            assert_false(scratch_exists(in(fixture, "data/control.db-wal")));
        }

        struct strbuf after = scratch_read(in(fixture, "data/control.db"));

        assert_true(str_eq(strbuf_str(&before), strbuf_str(&after)));
        scratch_write(path, strbuf_str(&bytes));
        strbuf_done(&before);
        strbuf_done(&after);
        strbuf_done(&bytes);
    }

    struct data *data = NULL;

    ok(fixture, open_dir(fixture, in(fixture, "data"), false, &data));
    data_close(data);
}

static void a_key_of_another_folder_does_not_open_this_one(void **state)
{
    struct fixture *fixture = *state;
    struct data *data = NULL;

    close_all(fixture);
    ok(fixture, open_dir(fixture, in(fixture, "second"), true, &data));
    data_close(data);
    data = NULL;
    assert_int_equal(rename(in(fixture, "second/keys/file.key"), in(fixture, "data/keys/file.key")),
                     0);
    assert_int_equal(open_dir(fixture, in(fixture, "data"), false, &data), ERR_KEY);
    says(fixture, "control.key");
    says(fixture, "put the right keys/file.key back");
    assert_null(data);
}

static void a_control_database_that_lost_its_content_is_not_made_anew(void **state)
{
    struct fixture *fixture = *state;
    struct data *data = NULL;

    close_all(fixture);
    for (int create = 0; create <= 1; create++) {
        scratch_write(in(fixture, "data/control.db"), STR(""));
        assert_int_equal(open_dir(fixture, in(fixture, "data"), create, &data), ERR_CORRUPT);
        assert_null(data);
        says(fixture, "control.db");
        says(fixture, "backup");
    }
}

/* Tenants without the list of them: nothing is made anew, their keys are still there. */
static void a_lost_control_database_is_told_and_costs_no_tenant_its_key(void **state)
{
    static const char *const lost[] = {"data/control.db", "data/control.key"};
    struct fixture *fixture = *state;
    struct strbuf key = scratch_read(in(fixture, "data/keys/file.key"));

    close_all(fixture);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) { /* the database; then its key too */
        assert_int_equal(unlink(in(fixture, lost[i])), 0);
        for (int create = 0; create <= 1; create++) {
            struct data *data = NULL;

            assert_int_equal(open_dir(fixture, in(fixture, "data"), create, &data), ERR_CORRUPT);
            assert_null(data);
            says(fixture, "control.db");
            says(fixture, "backup");
            assert_false(scratch_exists(in(fixture, lost[i])));
        }
    }

    struct strbuf after = scratch_read(in(fixture, "data/keys/file.key"));

    assert_true(str_eq(strbuf_str(&key), strbuf_str(&after)));
    assert_true(scratch_exists(in_tenant(fixture, &fixture->world.info, "tenant.key")));
    vault_wipe(&key);
    vault_wipe(&after);
}

static void making_a_folder_can_be_cut_off_anywhere_and_begun_again(void **state)
{
    struct fixture *fixture = *state;
    int failures = 0;

    /* First the changes of files, then those below SQLite. */
    for (int below = 0; below <= 1; below++) {
        for (long n = 0;; n++) {
            struct data *data = NULL;
            char name[40];
            bool done;
            enum err_class rc;

            assert_in_range(n, 0, 200);
            (void)snprintf(name, sizeof(name), "new%d-%ld", below, n);
            fault_vfs_reset();
            fixture->disk.changes = 0;
            fixture->disk.fail_from = below ? -1 : n;
            fault_vfs.fail_from = below ? n : -1;
            rc = open_dir(fixture, in(fixture, name), true, &data);
            done = (below ? fault_vfs.changes : fixture->disk.changes) <= n;
            data_close(data);
            data = NULL;
            fixture->disk.fail_from = -1;
            fault_vfs_reset();
            if (rc != ERR_OK) {
                failures++;
                assert_true(rc == ERR_SPACE || rc == ERR_DISK);
            }
            ok(fixture, open_dir(fixture, in(fixture, name), true, &data));
            data_close(data);
            data = NULL;
            ok(fixture, open_dir(fixture, in(fixture, name), false, &data));
            data_close(data);
            if (done)
                break;
        }
    }
    assert_true(failures > 8);
}

/* ---- tenants ---- */

static void names_are_plain(void **state)
{
    static const char *const good[] = {
        "a",    "7",
        "acme", "acme-eu_2",
        "0x",   "a23456789012345678901234567890123456789012345678901234567890123"}; /* 63 */
    static const char *const bad[] = {
        "",
        "-a",
        "_a",
        "Acme",
        "a b",
        "a.b",
        "a/b",
        "..",
        "caf\xc3\xa9",
        "a\n",
        "a234567890123456789012345678901234567890123456789012345678901234"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(tenant_name_is_valid(str_from(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(tenant_name_is_valid(str_from(bad[i])));
    assert_false(tenant_name_is_valid(STR("a\0b")));
    assert_false(tenant_name_is_valid((struct str){NULL, 0}));
    assert_string_equal(tenant_kind_name(TENANT_CLOUD), "cloud");
    assert_string_equal(tenant_kind_name(TENANT_DATACENTER), "datacenter");
}

static void a_tenant_is_found_by_id_and_by_name_with_all_it_was_given(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info beta = {0}, found = {0};

    fake_ctx_advance(&fixture->world.fake, 5000);
    ok(fixture, add(fixture, "beta", &beta));
    assert_int_equal(strlen(beta.id), TENANT_ID_BYTES);
    assert_int_equal(beta.created_ms, FAKE_NOW_MS + 5000);
    for (int by_id = 0; by_id <= 1; by_id++) {
        ok(fixture, tenant_find(fixture->world.data, str_from(by_id ? beta.id : "beta"), &found,
                                &fixture->err));
        assert_string_equal(found.id, beta.id);
        assert_string_equal(found.name, "beta");
        assert_string_equal(found.base_url, "http://beta.internal");
        assert_int_equal(found.kind, TENANT_DATACENTER);
        assert_true(found.allow_http);
        assert_false(found.allow_private);
        assert_int_equal(found.created_ms, beta.created_ms);
    }
    ok(fixture, tenant_find(fixture->world.data, STR("acme"), &found, &fixture->err));
    assert_int_equal(found.kind, TENANT_CLOUD);
    assert_string_not_equal(found.id, beta.id);
    lists(fixture, "acme beta ");

    /* A name that is another's id would make a command mean two tenants. */
    struct tenant_info imitator = {0};

    assert_int_equal(add(fixture, beta.id, &imitator), ERR_CONFLICT);
}

static void an_unknown_tenant_is_answered_with_those_there_are(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info found = {.name = "untouched"}, beta = {0};

    ok(fixture, add(fixture, "beta", &beta));
    assert_int_equal(tenant_find(fixture->world.data, STR("acm"), &found, &fixture->err),
                     ERR_NOT_FOUND);
    says(fixture, "no tenant acm");
    says(fixture, "acme, beta");
    assert_string_equal(found.name, "untouched");
    ok(fixture, tenant_remove(fixture->world.data, &beta, &fixture->err));
    tenant_close(fixture->world.tenant);
    fixture->world.tenant = NULL;
    ok(fixture, tenant_remove(fixture->world.data, &fixture->world.info, &fixture->err));
    assert_int_equal(tenant_find(fixture->world.data, STR("acme"), &found, &fixture->err),
                     ERR_NOT_FOUND);
    says(fixture, "tenon tenant add");
}

static enum err_class stop_here(void *arg, const struct tenant_info *info, struct err *err)
{
    ++*(int *)arg;
    return err_set(err, ERR_INPUT, "enough of %s", info->name);
}

static void a_list_ends_where_its_reader_says(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info beta = {0};
    int calls = 0;

    ok(fixture, add(fixture, "beta", &beta));
    assert_int_equal(tenant_each(fixture->world.data, stop_here, &calls, &fixture->err), ERR_INPUT);
    assert_int_equal(calls, 1);
    says(fixture, "enough of acme");
}

static void a_name_that_is_taken_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info again = {0};

    assert_int_equal(add(fixture, "acme", &again), ERR_CONFLICT);
    says(fixture, "acme");
    says(fixture, "https://acme.atlassian.net");
    says(fixture, "--name");
    assert_int_equal(folders(fixture), 1);
}

static void tenants_share_no_key(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info beta = {0};
    struct tenant *tenant = NULL;

    ok(fixture, add(fixture, "beta", &beta));
    ok(fixture, tenant_open(fixture->world.data, &beta, &tenant, &fixture->err));
    assert_memory_not_equal(vault_db_key(tenant->vault), vault_db_key(fixture->world.tenant->vault),
                            VAULT_KEY_BYTES);
    tenant_close(tenant);
    tenant = NULL;

    /* One's key or database in the other's place does not open. */
    tenant_close(fixture->world.tenant);
    fixture->world.tenant = NULL;
    struct strbuf theirs = scratch_read(in_tenant(fixture, &fixture->world.info, "tenant.key"));
    struct strbuf own = scratch_read(in_tenant(fixture, &beta, "tenant.key"));

    scratch_write(in_tenant(fixture, &beta, "tenant.key"), strbuf_str(&theirs));
    assert_int_equal(tenant_open(fixture->world.data, &beta, &tenant, &fixture->err), ERR_KEY);
    says(fixture, "another tenant");
    scratch_write(in_tenant(fixture, &beta, "tenant.key"), strbuf_str(&own));
    strbuf_done(&theirs);
    strbuf_done(&own);

    theirs = scratch_read(in_tenant(fixture, &fixture->world.info, "tenant.db"));
    scratch_write(in_tenant(fixture, &beta, "tenant.db"), strbuf_str(&theirs));
    strbuf_done(&theirs);
    assert_int_equal(tenant_open(fixture->world.data, &beta, &tenant, &fixture->err), ERR_KEY);
    says(fixture, "tenant.db");
    assert_null(tenant);
}

static void what_a_tenant_lost_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info beta = {0};
    struct tenant *tenant = NULL;

    ok(fixture, add(fixture, "beta", &beta));

    struct strbuf db = scratch_read(in_tenant(fixture, &beta, "tenant.db"));

    scratch_write(in_tenant(fixture, &beta, "tenant.db"), STR(""));
    assert_int_equal(tenant_open(fixture->world.data, &beta, &tenant, &fixture->err), ERR_CORRUPT);
    says(fixture, "tenant.db");
    assert_int_equal(unlink(in_tenant(fixture, &beta, "tenant.db")), 0);
    assert_int_equal(tenant_open(fixture->world.data, &beta, &tenant, &fixture->err),
                     ERR_NOT_FOUND);
    says(fixture, "tenant.db");
    assert_false(scratch_exists(in_tenant(fixture, &beta, "tenant.db")));
    scratch_write(in_tenant(fixture, &beta, "tenant.db"), strbuf_str(&db));
    strbuf_done(&db);
    ok(fixture, tenant_open(fixture->world.data, &beta, &tenant, &fixture->err));
    tenant_close(tenant);
    tenant = NULL;
    assert_int_equal(unlink(in_tenant(fixture, &beta, "tenant.key")), 0);
    assert_int_equal(tenant_open(fixture->world.data, &beta, &tenant, &fixture->err), ERR_KEY);
    says(fixture, "tenant.key");
    assert_null(tenant);
}

static void creating_a_tenant_can_be_cut_off_anywhere_and_begun_again(void **state)
{
    struct fixture *fixture = *state;
    int failures = 0, made = 0;

    store_world_reopen(&fixture->world); /* onto the layer below SQLite */
    for (int below = 0; below <= 1; below++) {
        for (long n = 0;; n++) {
            struct tenant_info info = {0};
            struct tenant *tenant = NULL;
            char name[40];
            bool done;
            enum err_class rc;

            assert_in_range(n, 0, 200);
            (void)snprintf(name, sizeof(name), "new%d-%ld", below, n);
            fault_vfs_reset();
            fixture->disk.changes = 0;
            fixture->disk.fail_from = below ? -1 : n;
            fault_vfs.fail_from = below ? n : -1;
            fault_vfs.fail_count = 1;
            rc = add(fixture, name, &info);
            done = (below ? fault_vfs.changes : fixture->disk.changes) <= n;
            fixture->disk.fail_from = -1;
            fault_vfs_reset();
            if (rc != ERR_OK) {
                failures++;
                assert_int_equal(rc, ERR_SPACE);
                /* Nothing of it is there, unless the disk refused the cleaning up too. */
                assert_int_equal(
                    tenant_find(fixture->world.data, str_from(name), &info, &fixture->err),
                    ERR_NOT_FOUND);
                if (below)
                    assert_int_equal(folders(fixture), 1 + made);
                ok(fixture, add(fixture, name, &info));
            }
            ok(fixture, tenant_open(fixture->world.data, &info, &tenant, &fixture->err));
            tenant_close(tenant);
            made++;
            if (!below) {
                ok(fixture, tenant_remove(fixture->world.data, &info, &fixture->err));
                made--;
            }
            if (done)
                break;
        }
        if (!below) { /* what could not be cleaned up has no name, and no use */
            ok(fixture, disk_remove_tree(fixture->ctx, in(fixture, "data/tenants"), &fixture->err));
            close_all(fixture);
            scratch_end(&fixture->world.scratch);
            fake_ctx_done(&fixture->world.fake);
            store_world_begin(&fixture->world, &catalog, 12);
            fixture->world.fake.ctx.disk = &fixture->disk.ops;
            fixture->world.fake.ctx.disk_self = &fixture->disk;
            store_world_reopen(&fixture->world);
        }
    }
    assert_true(failures > 8);
}

static void removing_takes_the_key_first_and_leaves_the_others(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_info beta = {0}, found = {0};
    struct tenant *tenant = NULL;

    ok(fixture, add(fixture, "beta", &beta));

    /* The key goes; then the disk refuses. What is left cannot be read any more. */
    fixture->disk.changes = 0;
    fixture->disk.fail_from = 1;
    assert_int_equal(tenant_remove(fixture->world.data, &beta, &fixture->err), ERR_SPACE);
    fixture->disk.fail_from = -1;
    assert_false(scratch_exists(in_tenant(fixture, &beta, "tenant.key")));
    assert_true(scratch_exists(in_tenant(fixture, &beta, "tenant.db")));
    ok(fixture, tenant_find(fixture->world.data, STR("beta"), &found, &fixture->err));
    assert_int_equal(tenant_open(fixture->world.data, &beta, &tenant, &fixture->err), ERR_KEY);

    /* Once more, to the end. */
    ok(fixture, tenant_remove(fixture->world.data, &beta, &fixture->err));
    assert_int_equal(folders(fixture), 1);
    lists(fixture, "acme ");
    ok(fixture, tenant_remove(fixture->world.data, &beta, &fixture->err)); /* twice is fine */
    store_world_reopen(&fixture->world);

    /* The name is free again, for another tenant. */
    ok(fixture, add(fixture, "beta", &found));
    assert_string_not_equal(found.id, beta.id);
}

static void a_second_writer_is_told_who_the_first_is(void **state)
{
    struct fixture *fixture = *state;
    int ready[2], hold[2], status = 0;
    struct disk_lock lock = {.fd = -1};
    char byte = 0, pid[40];
    pid_t child;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(hold[1]);
        if (tenant_lock(fixture->world.tenant, &lock, &fixture->err) != ERR_OK ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 2);
    }
    (void)close(hold[0]);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)snprintf(pid, sizeof(pid), "pid %ld", (long)child);
    assert_int_equal(tenant_lock(fixture->world.tenant, &lock, &fixture->err), ERR_CONFLICT);
    says(fixture, pid);
    says(fixture, "writer.lock");
    /* Nor is the tenant removed under it. */
    assert_int_equal(tenant_remove(fixture->world.data, &fixture->world.info, &fixture->err),
                     ERR_CONFLICT);
    says(fixture, pid);
    assert_true(scratch_exists(in_tenant(fixture, &fixture->world.info, "tenant.key")));
    (void)close(hold[1]);
    (void)close(ready[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    ok(fixture, tenant_lock(fixture->world.tenant, &lock, &fixture->err));
    disk_unlock(fixture->ctx, &lock);
}

/* ---- credentials ---- */

static void loads(struct fixture *fixture, const char *login, const char *token, int64_t added_ms,
                  int64_t expires_ms)
{
    struct tenant_credential credential = {0};

    ok(fixture, tenant_credential_load(fixture->world.tenant, "test", &credential, &fixture->err));
    assert_string_equal(strbuf_z(&credential.login), login);
    assert_string_equal(strbuf_z(&credential.token), token);
    assert_int_equal(credential.added_ms, added_ms);
    assert_int_equal(credential.expires_ms, expires_ms);
    tenant_credential_done(&credential);
    assert_null(credential.token.ptr);
}

static void a_credential_is_kept_and_replaced_whole(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_credential next = credential_of("", "second-token");

    loads(fixture, STORE_WORLD_LOGIN, STORE_WORLD_TOKEN, FAKE_NOW_MS, 0);
    fake_ctx_advance(&fixture->world.fake, 777);
    next.expires_ms = FAKE_NOW_MS + 86400000;
    ok(fixture, tenant_credential_store(fixture->world.tenant, &next, &fixture->err));
    loads(fixture, "", "second-token", FAKE_NOW_MS + 777, FAKE_NOW_MS + 86400000);
    store_world_reopen(&fixture->world);
    loads(fixture, "", "second-token", FAKE_NOW_MS + 777, FAKE_NOW_MS + 86400000);
    next.expires_ms = 0;
    ok(fixture, tenant_credential_store(fixture->world.tenant, &next, &fixture->err));
    loads(fixture, "", "second-token", FAKE_NOW_MS + 777, 0);
    tenant_credential_done(&next);
}

static void a_credential_is_sealed_even_inside_the_database(void **state)
{
    struct fixture *fixture = *state;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->world.tenant->db, SQL("SELECT login, token FROM credential"),
                           &stmt, &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(row);
    for (int col = 0; col <= 1; col++) {
        struct str bytes = db_blob(stmt, col);

        assert_true(bytes.len > VAULT_SEAL_OVERHEAD);
        assert_null(memmem(bytes.ptr, bytes.len, "somebody", 8));
        assert_null(memmem(bytes.ptr, bytes.len, "token-that", 10));
    }
    assert_false(scratch_grep(fixture->world.scratch.dir, STR("token-that-nobody")));
    assert_false(scratch_grep(fixture->world.scratch.dir, STR(STORE_WORLD_LOGIN)));
    assert_false(scratch_grep(fixture->world.scratch.dir, STR("acme.atlassian.net")));
}

static void login_and_token_do_not_open_in_each_other_s_place(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_credential credential = {0};

    ok(fixture, db_exec(fixture->world.tenant->db,
                        "UPDATE credential SET login = token, token = login", &fixture->err));
    assert_int_equal(
        tenant_credential_load(fixture->world.tenant, "test", &credential, &fixture->err), ERR_KEY);
    assert_null(credential.login.ptr);
    assert_null(credential.token.ptr);
}

static void a_missing_credential_is_told_with_the_remedy(void **state)
{
    struct fixture *fixture = *state;
    struct tenant_credential credential = {0};

    ok(fixture, db_exec(fixture->world.tenant->db, "DELETE FROM credential", &fixture->err));
    assert_int_equal(
        tenant_credential_load(fixture->world.tenant, "test", &credential, &fixture->err),
        ERR_NOT_FOUND);
    says(fixture, "tenon tenant token acme");
}

static void each_opening_of_a_credential_is_audited_without_it(void **state)
{
    struct fixture *fixture = *state;

    loads(fixture, STORE_WORLD_LOGIN, STORE_WORLD_TOKEN, FAKE_NOW_MS, 0);

    struct strbuf text =
        scratch_read(scratch_path(&fixture->world.scratch, "data/audit/2026-01.log"));

    assert_non_null(strstr(text.ptr, "\"field\":\"login\",\"key\":\""));
    assert_non_null(strstr(text.ptr, "\"field\":\"token\",\"key\":\""));
    assert_non_null(strstr(text.ptr, "\"why\":\"test\",\"result\":\"ok\""));
    assert_non_null(strstr(text.ptr, fixture->world.info.id));
    assert_null(strstr(text.ptr, "somebody"));
    assert_null(strstr(text.ptr, "token-that"));
    strbuf_done(&text);
}

/* ---- people ---- */

static void a_person_has_one_number(void **state)
{
    struct fixture *fixture = *state;
    struct tenant *tenant = fixture->world.tenant;
    int64_t first = 0, second = 0, again = 0;

    ok(fixture, db_begin(tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, person_ref(tenant, STR("5b10a2844c20165700ede21g"), &first, &fixture->err));
    ok(fixture, person_ref(tenant, STR("557058:f58131cb"), &second, &fixture->err));
    ok(fixture, person_ref(tenant, STR("5b10a2844c20165700ede21g"), &again, &fixture->err));
    assert_int_equal(first, again);
    assert_int_not_equal(first, second);
    assert_true(first > 0 && second > 0);
    ok(fixture, db_commit(tenant->db, &fixture->err));

    /* The case of letters counts, and what was rolled back was never there. */
    ok(fixture, db_begin(tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, person_ref(tenant, STR("5B10A2844C20165700EDE21G"), &again, &fixture->err));
    assert_int_not_equal(first, again);
    db_rollback(tenant->db);
    ok(fixture, db_begin(tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, person_ref(tenant, STR("557058:f58131cb"), &again, &fixture->err));
    assert_int_equal(second, again);
    ok(fixture, db_commit(tenant->db, &fixture->err));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(where_nothing_is_nothing_is_made_unasked),
        TEST(a_new_folder_is_private_and_opens_again),
        TEST(without_its_key_a_folder_is_left_alone),
        TEST(a_key_of_another_folder_does_not_open_this_one),
        TEST(a_control_database_that_lost_its_content_is_not_made_anew),
        TEST(a_lost_control_database_is_told_and_costs_no_tenant_its_key),
        TEST(making_a_folder_can_be_cut_off_anywhere_and_begun_again),
        TEST(names_are_plain),
        TEST(a_tenant_is_found_by_id_and_by_name_with_all_it_was_given),
        TEST(an_unknown_tenant_is_answered_with_those_there_are),
        TEST(a_list_ends_where_its_reader_says),
        TEST(a_name_that_is_taken_is_a_conflict),
        TEST(tenants_share_no_key),
        TEST(what_a_tenant_lost_is_told),
        TEST(creating_a_tenant_can_be_cut_off_anywhere_and_begun_again),
        TEST(removing_takes_the_key_first_and_leaves_the_others),
        TEST(a_second_writer_is_told_who_the_first_is),
        TEST(a_credential_is_kept_and_replaced_whole),
        TEST(a_credential_is_sealed_even_inside_the_database),
        TEST(login_and_token_do_not_open_in_each_other_s_place),
        TEST(a_missing_credential_is_told_with_the_remedy),
        TEST(each_opening_of_a_credential_is_audited_without_it),
        TEST(a_person_has_one_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
