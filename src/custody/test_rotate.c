/* Tests of rotate.c and reseal.c: new versions, everything readable throughout, cut at any step. */
#include "custody/rotate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "store/records.h"

#define NOTES 9000 /* more than two steps */

static const struct field note_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
    {"body", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "what it says"},
    {"body_digest", TYPE_BLOB, CLASS_META, FIELD_NULL | FIELD_UNIQUE, "to find it",
     .digest_of = "body"},
};
static const struct record note = {.name = "note",
                                   .app = "notes",
                                   .scope = SCOPE_TENANT,
                                   .why = "to remember",
                                   .retention = RETAIN_WHILE_TENANT,
                                   .shown_to = "everybody",
                                   RECORD_FIELDS(note_fields)};
static const struct record *const records[] = {
    &control_schema_change_record, &tenant_record,        &schema_change_record, &person_record,
    &person_state_record,          &erased_person_record, &credential_record,    &note};
static const struct catalog catalog = {1, records, ARRAY_LEN(records)};

struct fixture {
    struct store_world world;
    struct vault_provider *provider;
    struct key_owner owner;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static struct vault_place place(int64_t row)
{
    return (struct vault_place){.record = "note", .field = "body", .row = row};
}

static void write_note(struct fixture *fixture, int64_t row)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct tenant *tenant = fixture->world.tenant;
    struct strbuf sealed = STRBUF_INIT(1000), text = STRBUF_INIT(100);
    const struct vault_place at = place(row);
    unsigned char digest[VAULT_DIGEST_BYTES];

    strbuf_addf(&text, "note %d", (int)row);
    vault_digest(tenant->vault, "note", "body", strbuf_str(&text), digest);
    ok(fixture,
       vault_seal(tenant->vault, tenant->ctx, &at, strbuf_str(&text), &sealed, &fixture->err));
    ok(fixture, db_prepare(tenant->db,
                           SQL("INSERT INTO note (id, body, body_digest)"
                               " VALUES ($1, $2, $3)"),
                           &stmt, &fixture->err));
    db_bind_i64(stmt, 1, row);
    db_bind_blob(stmt, 2, strbuf_str(&sealed));
    db_bind_blob(stmt, 3, (struct str){(const char *)digest, sizeof(digest)});
    ok(fixture, db_run(stmt, &fixture->err));
    strbuf_done(&sealed);
    strbuf_done(&text);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &catalog, 11);
    ok(fixture, db_begin(fixture->world.tenant->db, DB_WRITE, &fixture->err));
    for (int64_t i = 1; i <= NOTES; i++)
        write_note(fixture, i);
    ok(fixture,
       db_exec(fixture->world.tenant->db, "INSERT INTO note (id) VALUES (0)", &fixture->err));
    ok(fixture, db_commit(fixture->world.tenant->db, &fixture->err));
    ok(fixture, vault_provider_open(&fixture->world.fake.ctx, fixture->world.data->dir, false,
                                    &fixture->provider, &fixture->err));
    fixture->owner = (struct key_owner){.ctx = &fixture->world.fake.ctx,
                                        .catalog = &catalog,
                                        .provider = fixture->provider,
                                        .audit = fixture->world.data->audit,
                                        .data_dir = fixture->world.data->dir,
                                        .tenant = fixture->world.info.id};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    vault_provider_free(fixture->provider);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static void close_tenant(struct fixture *fixture)
{
    tenant_close(fixture->world.tenant);
    fixture->world.tenant = NULL;
}

static void open_tenant(struct fixture *fixture)
{
    ok(fixture, tenant_open(fixture->world.data, &fixture->world.info, &fixture->world.tenant,
                            &fixture->err));
}

/* Every note opens and is found by its digest; the credential opens. */
static void check_all(struct fixture *fixture)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct tenant *tenant = fixture->world.tenant;
    struct tenant_credential credential;
    struct strbuf plain = STRBUF_INIT(1000), want = STRBUF_INIT(100);
    int64_t seen = 0;
    bool row = false;

    ok(fixture, db_prepare(tenant->db,
                           SQL("SELECT id, body, body_digest FROM note WHERE id > 0"
                               " ORDER BY id"),
                           &stmt, &fixture->err));
    while (db_step(stmt, &row, &fixture->err) == ERR_OK && row) {
        const struct vault_place at = place(db_i64(stmt, 0));
        unsigned char digest[VAULT_DIGEST_BYTES];

        strbuf_reset(&plain);
        strbuf_reset(&want);
        strbuf_addf(&want, "note %d", (int)at.row);
        ok(fixture, vault_unseal(tenant->vault, &at, db_blob(stmt, 1), &plain, &fixture->err));
        assert_string_equal(strbuf_z(&plain), strbuf_z(&want));
        vault_digest(tenant->vault, "note", "body", strbuf_str(&want), digest);
        assert_memory_equal(db_blob(stmt, 2).ptr, digest, sizeof(digest));
        seen++;
    }
    assert_int_equal(seen, NOTES);
    ok(fixture, tenant_credential_load(tenant, "test", &credential, &fixture->err));
    assert_string_equal(strbuf_z(&credential.token), STORE_WORLD_TOKEN);
    tenant_credential_done(&credential);
    strbuf_done(&plain);
    strbuf_done(&want);
}

static struct reseal reseal_of(struct fixture *fixture)
{
    return (struct reseal){.ctx = &fixture->world.fake.ctx,
                           .catalog = &catalog,
                           .scope = SCOPE_TENANT,
                           .vault = fixture->world.tenant->vault,
                           .db = fixture->world.tenant->db};
}

static uint32_t begin_rotation(struct fixture *fixture)
{
    uint32_t version = 0;

    close_tenant(fixture);
    ok(fixture, rotate_begin(&fixture->owner, &version, &fixture->err));
    open_tenant(fixture);
    return version;
}

static void reseal(struct fixture *fixture, int64_t want)
{
    const struct reseal all = reseal_of(fixture);
    int64_t values = 0;

    ok(fixture, reseal_all(&all, &values, &fixture->err));
    assert_int_equal(values, want);
}

static void rewrite(struct fixture *fixture)
{
    close_tenant(fixture);
    ok(fixture, rotate_database(&fixture->owner, &fixture->err));
    open_tenant(fixture);
}

static void a_rotation_leaves_everything_readable_at_each_step(void **state)
{
    struct fixture *fixture = *state;
    struct reseal_counts counts;
    struct reseal all;
    struct key_state now;

    assert_int_equal(begin_rotation(fixture), 2);
    check_all(fixture);
    all = reseal_of(fixture);
    ok(fixture, reseal_count(&all, &counts, &fixture->err));
    assert_int_equal(counts.count, 1);
    assert_int_equal(counts.version[0], 1);
    assert_int_equal(counts.values[0], NOTES + 2); /* login and token */
    reseal(fixture, NOTES + 2);
    check_all(fixture);
    reseal(fixture, 0); /* again: nothing to do */
    rewrite(fixture);
    check_all(fixture);
    ok(fixture, rotate_look(&fixture->owner, &now, &fixture->err));
    assert_int_equal(now.seal, 2);
    assert_int_equal(now.db, 2);
    assert_int_equal(now.db_next, 0);
    assert_int_equal(now.count, 2);
    close_tenant(fixture);
    ok(fixture, rotate_retire(&fixture->owner, 1, &fixture->err));
    open_tenant(fixture);
    check_all(fixture);
    store_world_reopen(&fixture->world);
    check_all(fixture);
}

static void the_database_does_not_open_with_the_old_version_any_more(void **state)
{
    struct fixture *fixture = *state;
    AUTO(db_close_autop) struct db *db = NULL;
    AUTO(free_autop) char *path = disk_join(fixture->world.tenant->dir, "tenant.db");
    unsigned char old[VAULT_KEY_BYTES];
    const struct db_options options = {.path = path, .key = old};

    memcpy(old, vault_db_key(fixture->world.tenant->vault), sizeof(old));
    (void)begin_rotation(fixture);
    assert_memory_equal(old, vault_db_key(fixture->world.tenant->vault), sizeof(old));
    reseal(fixture, NOTES + 2);
    rewrite(fixture);
    assert_memory_not_equal(old, vault_db_key(fixture->world.tenant->vault), sizeof(old));
    assert_int_equal(db_open(fixture->owner.ctx, &options, &db, &fixture->err), ERR_KEY);
}

static void a_version_in_use_is_not_retired(void **state)
{
    struct fixture *fixture = *state;

    (void)begin_rotation(fixture);
    assert_int_equal(rotate_retire(&fixture->owner, 1, &fixture->err), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "in use")); /* the tenant is open */
    close_tenant(fixture);
    assert_int_equal(rotate_retire(&fixture->owner, 1, &fixture->err), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "written in version 1"));
    assert_int_equal(rotate_retire(&fixture->owner, 2, &fixture->err), ERR_CONFLICT);
    assert_int_equal(rotate_retire(&fixture->owner, 3, &fixture->err), ERR_NOT_FOUND);
    ok(fixture, rotate_database(&fixture->owner, &fixture->err)); /* before the values: fine, too */
    assert_int_equal(rotate_retire(&fixture->owner, 1, &fixture->err), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "9002 values"));
    open_tenant(fixture);
    check_all(fixture);
}

static void a_rotation_that_was_begun_goes_on(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(begin_rotation(fixture), 2);
    assert_int_equal(begin_rotation(fixture), 2);
    reseal(fixture, NOTES + 2);
    rewrite(fixture);
    assert_int_equal(begin_rotation(fixture), 3);
}

static enum err_class stop_after_two(void *arg, int64_t done, int64_t total, struct err *err)
{
    int *steps = arg;

    assert_true(done <= 2 * total);
    return ++*steps == 2 ? err_set(err, ERR_CANCELLED, "enough") : ERR_OK;
}

static void a_walk_that_was_stopped_goes_on_with_what_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct reseal_counts counts;
    struct reseal all;
    int64_t values = 0;
    int steps = 0;

    (void)begin_rotation(fixture);
    all = reseal_of(fixture);
    all.watch = stop_after_two;
    all.arg = &steps;
    assert_int_equal(reseal_all(&all, &values, &fixture->err), ERR_CANCELLED);
    ok(fixture, reseal_count(&all, &counts, &fixture->err));
    assert_int_equal(counts.count, 2);
    assert_true(counts.values[1] > 0);
    check_all(fixture);
    reseal(fixture, counts.values[0]);
}

/* As a kill leaves them: the files as they were at that moment. */
static void a_copy_that_was_cut_short_is_thrown_away(void **state)
{
    struct fixture *fixture = *state;
    AUTO(free_autop) char *half = disk_join(fixture->world.tenant->dir, "tenant.db.new");

    (void)begin_rotation(fixture);
    reseal(fixture, NOTES + 2);
    ok(fixture, disk_write(fixture->owner.ctx, half, STR("half a copy"), &fixture->err));
    rewrite(fixture);
    assert_false(disk_exists(fixture->owner.ctx, half));
    check_all(fixture);
}

static void a_cut_between_the_database_and_its_keyring_is_seen_and_finished(void **state)
{
    struct fixture *fixture = *state;
    AUTO(free_autop) char *key = disk_join(fixture->world.tenant->dir, "tenant.key");
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    struct key_state now;

    (void)begin_rotation(fixture);
    reseal(fixture, NOTES + 2);
    rewrite(fixture);
    close_tenant(fixture);
    /* The keyring as it is before its last write. */
    ok(fixture, rotate_keyring(&fixture->owner, &ring, &fixture->err));
    ring->db = 1;
    ring->db_next = 2;
    ok(fixture, keyring_save(fixture->owner.ctx, fixture->provider, ring, key, &fixture->err));
    open_tenant(fixture);
    check_all(fixture);
    close_tenant(fixture);
    assert_int_equal(rotate_retire(&fixture->owner, 1, &fixture->err), ERR_CONFLICT);
    ok(fixture, rotate_database(&fixture->owner, &fixture->err));
    ok(fixture, rotate_look(&fixture->owner, &now, &fixture->err));
    assert_int_equal(now.db, 2);
    assert_int_equal(now.db_next, 0);
    open_tenant(fixture);
    check_all(fixture);
}

static void a_tenant_in_use_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    uint32_t version = 0;

    assert_int_equal(rotate_begin(&fixture->owner, &version, &fixture->err), ERR_CONFLICT);
    assert_int_equal(rotate_database(&fixture->owner, &fixture->err), ERR_CONFLICT);
    assert_int_equal(version, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_rotation_leaves_everything_readable_at_each_step),
        TEST(the_database_does_not_open_with_the_old_version_any_more),
        TEST(a_version_in_use_is_not_retired),
        TEST(a_rotation_that_was_begun_goes_on),
        TEST(a_walk_that_was_stopped_goes_on_with_what_is_left),
        TEST(a_copy_that_was_cut_short_is_thrown_away),
        TEST(a_cut_between_the_database_and_its_keyring_is_seen_and_finished),
        TEST(a_tenant_in_use_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
