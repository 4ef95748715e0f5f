/*
 * Tests of custody/ledger.c: who was erased is erased again after a restore, who was readmitted is
 * not, and of both the later counts. A restore of an older state is played: the mark goes, the
 * account is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "base/disk_stream.h"
#include "custody/ledger.h"
#include "store/erased.h"

#define ADA "712020:ada"
#define BOB "712020:bob"
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

struct fixture {
    struct store_world world;
    struct tenant *tenant;
    struct ledger ledger;
    struct err err;
};

static void ok(const struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 31);
    f->tenant = f->world.tenant;
    f->ledger = (struct ledger){.data = f->world.data};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    store_world_end(&f->world);
    free(f);
    return 0;
}

static void add_person(struct fixture *f, const char *account)
{
    int64_t ref = 0;

    ok(f, db_begin(f->tenant->db, DB_WRITE, &f->err));
    ok(f, person_ref(f->tenant, str_from(account), &ref, &f->err));
    ok(f, db_commit(f->tenant->db, &f->err));
}

static void erase(struct fixture *f, const char *account)
{
    struct person_erased done = {0};

    ok(f, person_erase(f->tenant, str_from(account), 0, NULL, &done, &f->err));
    assert_true(done.held);
    ok(f, ledger_note_persons(f->world.data, f->tenant, &f->err));
}

static bool readmit(struct fixture *f, const char *account)
{
    bool was = false;

    ok(f, ledger_readmit(f->world.data, f->tenant, str_from(account), &was, &f->err));
    return was;
}

static bool is_stored(struct fixture *f, const char *account)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(f, db_prepare(f->tenant->db,
                     SQL("SELECT id FROM person WHERE account_id = $1 ORDER BY id LIMIT 1"), &stmt,
                     &f->err));
    db_bind_text(stmt, 1, str_from(account));
    ok(f, db_step(stmt, &row, &f->err));
    return row;
}

/* What a copy from before the erasure holds, with both in it. */
static void play_older(struct fixture *f)
{
    ok(f, db_begin(f->tenant->db, DB_WRITE, &f->err));
    ok(f, db_exec(f->tenant->db, "DELETE FROM erased_person;", &f->err));
    ok(f, db_commit(f->tenant->db, &f->err));
    add_person(f, ADA);
    add_person(f, BOB);
}

static void restore_older(struct fixture *f)
{
    play_older(f);
    ok(f, ledger_before_restore(&f->ledger, f->tenant, &f->err));
}

static void who_was_erased_is_erased_again(void **state)
{
    struct fixture *f = *state;

    add_person(f, ADA);
    erase(f, ADA);
    restore_older(f);
    assert_false(is_stored(f, ADA));
    assert_true(is_stored(f, BOB));
}

static void who_was_readmitted_stays(void **state)
{
    struct fixture *f = *state;

    add_person(f, ADA);
    add_person(f, BOB);
    erase(f, ADA);
    erase(f, BOB);
    fake_ctx_advance(&f->world.fake, DAY_MS);
    assert_true(readmit(f, ADA));
    restore_older(f);
    assert_true(is_stored(f, ADA));
    assert_false(is_stored(f, BOB));
}

static void who_was_readmitted_and_erased_again_is_erased(void **state)
{
    struct fixture *f = *state;

    for (int times = 0; times < 3; times++) {
        add_person(f, ADA);
        erase(f, ADA);
        assert_true(readmit(f, ADA));
    }
    restore_older(f);
    assert_true(is_stored(f, ADA));
    erase(f, ADA);
    restore_older(f);
    assert_false(is_stored(f, ADA));
}

static void a_clock_that_was_set_back_does_not_change_the_order(void **state)
{
    struct fixture *f = *state;

    add_person(f, ADA);
    erase(f, ADA);
    fake_ctx_set_now(&f->world.fake, FAKE_NOW_MS - 2 * DAY_MS);
    assert_true(readmit(f, ADA));
    restore_older(f);
    assert_true(is_stored(f, ADA));
    fake_ctx_set_now(&f->world.fake, FAKE_NOW_MS - 3 * DAY_MS);
    erase(f, ADA);
    restore_older(f);
    assert_false(is_stored(f, ADA));
}

static void the_mark_of_the_present_counts_more_than_any_receipt(void **state)
{
    struct fixture *f = *state;
    struct person_erased done = {0};

    add_person(f, ADA);
    erase(f, ADA);
    assert_true(readmit(f, ADA));
    add_person(f, ADA);
    /* Erased, and ended before a receipt was signed. */
    ok(f, person_erase(f->tenant, STR(ADA), 0, NULL, &done, &f->err));
    ok(f, ledger_before_restore(&f->ledger, f->tenant, &f->err));
    assert_false(is_stored(f, ADA));
    ok(f, ledger_note_persons(f->world.data, f->tenant, &f->err));
    restore_older(f);
    assert_false(is_stored(f, ADA));
}

/* A copy of the whole folder, from before the erasures. */
static void a_folder_that_was_put_back_loses_them_again(void **state)
{
    struct fixture *f = *state;
    struct tenant_info info = {
        .name = "other", .base_url = "https://other.atlassian.net", .kind = TENANT_CLOUD};
    AUTO(tenant_close_autop) struct tenant *other = NULL;
    struct tenant *acme = f->tenant;
    struct disk_lock lock = {-1};
    int64_t count = -1;

    ok(f, tenant_create(f->world.data, &info, NULL, &f->err));
    ok(f, tenant_open(f->world.data, &info, &other, &f->err));
    for (int i = 0; i < 2; i++) {
        f->tenant = i == 0 ? acme : other;
        add_person(f, ADA);
        erase(f, ADA);
    }
    add_person(f, BOB); /* of the other one alone */
    erase(f, BOB);
    assert_true(readmit(f, BOB));
    for (int i = 0; i < 2; i++) {
        f->tenant = i == 0 ? acme : other;
        play_older(f);
    }
    ok(f, tenant_lock(acme, &lock, &f->err)); /* a synchronization */
    assert_int_equal(ledger_replay(&f->ledger, 0, &count, &f->err), ERR_CONFLICT);
    assert_int_equal(count, 1);
    disk_unlock(&f->world.fake.ctx, &lock);
    ok(f, ledger_replay(&f->ledger, 0, &count, &f->err));
    assert_int_equal(count, 1);
    for (int i = 0; i < 2; i++) {
        f->tenant = i == 0 ? acme : other;
        assert_false(is_stored(f, ADA));
        assert_true(is_stored(f, BOB));
    }
    ok(f, ledger_replay(&f->ledger, 0, &count, &f->err));
    assert_int_equal(count, 0);
    f->tenant = acme;
}

/* Only what is there counts: an older copy of the folder knows the erasure alone. */
static void copies_of_receipts_count_as_the_folder_does(void **state)
{
    struct fixture *f = *state;
    char own[512], old[512], all[512];

    add_person(f, ADA);
    erase(f, ADA);
    (void)snprintf(own, sizeof(own), "%s/receipts", f->world.data->dir);
    (void)snprintf(old, sizeof(old), "%s", scratch_path(&f->world.scratch, "old"));
    (void)snprintf(all, sizeof(all), "%s", scratch_path(&f->world.scratch, "all"));
    ok(f, disk_move(&f->world.fake.ctx, own, old, &f->err));
    f->ledger.copies = old;
    restore_older(f);
    assert_false(is_stored(f, ADA));
    assert_true(readmit(f, ADA)); /* its receipt is the only one here, and of the same moment */
    restore_older(f);
    assert_false(is_stored(f, ADA));
    fake_ctx_advance(&f->world.fake, DAY_MS);
    assert_true(readmit(f, ADA));
    restore_older(f);
    assert_true(is_stored(f, ADA));
    ok(f, disk_move(&f->world.fake.ctx, own, all, &f->err));
    restore_older(f);
    assert_false(is_stored(f, ADA));
}

static void a_receipt_that_was_changed_stops_the_restore(void **state)
{
    struct fixture *f = *state;
    struct receipt like = {.kind = RECEIPT_READMITTED};
    unsigned char digest[VAULT_DIGEST_BYTES];
    char path[1024];
    bool known = false, there = false;
    int64_t at_ms = 0;

    add_person(f, ADA);
    erase(f, ADA);
    assert_true(readmit(f, ADA));
    ok(f, erased_digest(f->tenant, STR(ADA), digest, &known, &f->err));
    assert_true(known);
    (void)snprintf(like.tenant, sizeof(like.tenant), "%s", f->tenant->info.id);
    for (size_t i = 0; i < sizeof(digest); i++)
        (void)snprintf(like.digest + 2 * i, 3, "%02x", digest[i]);
    ok(f, receipt_find(f->world.data, &like, &there, &at_ms, &f->err));
    assert_true(there);
    assert_true(at_ms > FAKE_NOW_MS); /* behind the erasure of the same millisecond */
    (void)snprintf(path, sizeof(path), "%s/receipts/%s-%s-readmitted.json", f->world.data->dir,
                   like.tenant, like.digest);
    scratch_flip(path, 30);
    assert_int_equal(ledger_before_restore(&f->ledger, f->tenant, &f->err), ERR_CORRUPT);
    assert_int_equal(receipt_find(f->world.data, &like, &there, &at_ms, &f->err), ERR_CORRUPT);
}

static void who_was_not_erased_is_not_readmitted(void **state)
{
    struct fixture *f = *state;

    assert_false(readmit(f, ADA));
    add_person(f, ADA);
    assert_false(readmit(f, ADA));
    erase(f, ADA);
    assert_true(readmit(f, ADA));
    assert_false(readmit(f, ADA));
    assert_false(scratch_grep(f->world.data->dir, STR(ADA)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_was_erased_is_erased_again),
        TEST(who_was_readmitted_stays),
        TEST(who_was_readmitted_and_erased_again_is_erased),
        TEST(a_clock_that_was_set_back_does_not_change_the_order),
        TEST(the_mark_of_the_present_counts_more_than_any_receipt),
        TEST(a_folder_that_was_put_back_loses_them_again),
        TEST(copies_of_receipts_count_as_the_folder_does),
        TEST(a_receipt_that_was_changed_stops_the_restore),
        TEST(who_was_not_erased_is_not_readmitted),
    };

    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
