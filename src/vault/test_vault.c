/* Tests of vault.c and provider_file.c: keys in files, sealing bound to its place, digests. */
#include "vault/provider.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/disk.h"
#include "vault/audit.h"

#define SEALED_BYTES (2 << 20)

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
    struct vault_provider *provider;
    struct vault *acme, *other; /* two owners */
    const struct ctx *ctx;
    struct strbuf sealed, plain;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    test_vault_start();
    fake_ctx_init(&fixture->fake, 3);
    scratch_begin(&fixture->scratch);
    fixture->ctx = &fixture->fake.ctx;
    fixture->sealed = STRBUF_INIT(SEALED_BYTES);
    fixture->plain = STRBUF_INIT(SEALED_BYTES);
    assert_int_equal(vault_file_provider(fixture->ctx, fixture->scratch.dir, true,
                                         &fixture->provider, &fixture->err),
                     ERR_OK);
    assert_int_equal(vault_create(fixture->ctx, fixture->provider, "acme",
                                  scratch_path(&fixture->scratch, "acme.key"), &fixture->acme,
                                  &fixture->err),
                     ERR_OK);
    assert_int_equal(vault_create(fixture->ctx, fixture->provider, "other",
                                  scratch_path(&fixture->scratch, "other.key"), &fixture->other,
                                  &fixture->err),
                     ERR_OK);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    vault_close(fixture->acme);
    vault_close(fixture->other);
    vault_provider_free(fixture->provider);
    strbuf_done(&fixture->sealed);
    vault_wipe(&fixture->plain);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static const struct vault_place place = {.record = "worklog", .field = "comment", .row = 7};

static void seal(struct fixture *fixture, const struct vault_place *at, struct str text)
{
    strbuf_reset(&fixture->sealed);
    assert_int_equal(
        vault_seal(fixture->acme, fixture->ctx, at, text, &fixture->sealed, &fixture->err), ERR_OK);
}

/* Does not open there, and leaves the caller's buffer as it was. */
static void closed(struct fixture *fixture, const struct vault *vault, const struct vault_place *at,
                   struct str sealed)
{
    struct strbuf ret = STRBUF_INIT(SEALED_BYTES);
    enum err_class rc;

    strbuf_add_z(&ret, "before");
    rc = vault_unseal(vault, at, sealed, &ret, &fixture->err);
    assert_true(rc == ERR_KEY || rc == ERR_CORRUPT);
    assert_string_equal(strbuf_z(&ret), "before");
    assert_int_equal(ret.len, 6);
    assert_int_equal(ret.failed, ERR_OK);
    assert_non_null(strstr(fixture->err.msg, at->record));
    assert_non_null(strstr(fixture->err.msg, at->field));
    assert_null(strstr(fixture->err.msg, "planted"));
    strbuf_done(&ret);
}

/* ---- starting ---- */

static void starting_turns_core_files_off(void **state)
{
    struct rlimit limit = {1, 1};
    struct err err = {0};

    (void)state;
    assert_int_equal(vault_start(&err), ERR_OK);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 0);
    assert_int_equal(limit.rlim_max, 0);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    test_vault_start(); /* twice is fine */
}

/* ---- the provider's key file ---- */

static void the_key_file_is_made_private_and_only_once(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "keys/file.key");
    struct strbuf first = scratch_read(path);

    assert_int_equal(first.len, VAULT_KEY_BYTES);
    assert_int_equal(scratch_mode(path), 0600);
    assert_int_equal(scratch_mode(scratch_path(&fixture->scratch, "keys")), 0700);
    assert_string_equal(fixture->provider->ops->name, "file");

    struct vault_provider *again = NULL;

    assert_int_equal(
        vault_file_provider(fixture->ctx, fixture->scratch.dir, true, &again, &fixture->err),
        ERR_OK);

    struct strbuf second = scratch_read(path);

    assert_true(str_eq(strbuf_str(&first), strbuf_str(&second)));
    vault_provider_free(again);
    vault_provider_free(NULL);
    vault_wipe(&first);
    vault_wipe(&second);
}

static void no_provider(struct fixture *fixture, const char *why)
{
    struct vault_provider *provider = NULL;
    const char *path = scratch_path(&fixture->scratch, "keys/file.key");

    assert_int_equal(
        vault_file_provider(fixture->ctx, fixture->scratch.dir, false, &provider, &fixture->err),
        ERR_KEY);
    assert_null(provider);
    if (!strstr(fixture->err.msg, path) || !strstr(fixture->err.msg, why))
        fail_msg("the message names not the file and '%s': %s", why, fixture->err.msg);
}

static void a_missing_key_file_is_told_and_not_made_anew(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "keys/file.key");

    assert_int_equal(unlink(path), 0);
    no_provider(fixture, "missing");
    assert_non_null(strstr(fixture->err.msg, "put it back"));
    assert_false(scratch_exists(path));
}

static void a_key_file_of_another_length_is_told(void **state)
{
    static const size_t lengths[] = {0, 1, 31, 33, 64, 4096, 4097, 100000};
    struct fixture *fixture = *state;
    static char bytes[100000];
    char count[40];

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        scratch_write(scratch_path(&fixture->scratch, "keys/file.key"),
                      (struct str){bytes, lengths[i]});
        (void)snprintf(count, sizeof(count), "%zu bytes", lengths[i]);
        no_provider(fixture, lengths[i] > 4096 ? "32" : count);
    }
}

static void a_key_file_that_others_can_read_is_refused_with_the_remedy(void **state)
{
    static const mode_t open_modes[] = {0640, 0604, 0660, 0644, 0666, 0610, 0601, 0620};
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "keys/file.key");
    struct vault_provider *provider = NULL;

    for (size_t i = 0; i < ARRAY_LEN(open_modes); i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        no_provider(fixture, "chmod 600");
    }
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(
        vault_file_provider(fixture->ctx, fixture->scratch.dir, false, &provider, &fixture->err),
        ERR_OK);
    vault_provider_free(provider);
}

/* ---- wrapped roots ---- */

static void not_opened(struct fixture *fixture, struct vault_provider *provider, const char *owner,
                       const char *name, const char *why)
{
    const char *path = scratch_path(&fixture->scratch, name);
    struct vault *vault = NULL;

    assert_int_equal(vault_open(fixture->ctx, provider, owner, path, &vault, &fixture->err),
                     ERR_KEY);
    assert_null(vault);
    if (!strstr(fixture->err.msg, path) || !strstr(fixture->err.msg, why))
        fail_msg("the message names not the file and '%s': %s", why, fixture->err.msg);
}

static void a_root_opens_again_with_the_same_keys(void **state)
{
    struct fixture *fixture = *state;
    struct vault *again = NULL;

    assert_int_equal(vault_open(fixture->ctx, fixture->provider, "acme",
                                scratch_path(&fixture->scratch, "acme.key"), &again, &fixture->err),
                     ERR_OK);
    assert_memory_equal(vault_db_key(again), vault_db_key(fixture->acme), VAULT_KEY_BYTES);
    seal(fixture, &place, STR("planted"));
    assert_int_equal(
        vault_unseal(again, &place, strbuf_str(&fixture->sealed), &fixture->plain, &fixture->err),
        ERR_OK);
    assert_string_equal(strbuf_z(&fixture->plain), "planted");
    vault_close(again);
    vault_close(NULL);
}

static void owners_share_no_key_and_no_file_holds_one(void **state)
{
    struct fixture *fixture = *state;
    const char *db_key = (const char *)vault_db_key(fixture->acme);

    assert_memory_not_equal(db_key, vault_db_key(fixture->other), VAULT_KEY_BYTES);
    assert_false(scratch_grep(fixture->scratch.dir, (struct str){db_key, VAULT_KEY_BYTES}));
    assert_int_equal(scratch_mode(scratch_path(&fixture->scratch, "acme.key")), 0600);
}

static void a_key_that_is_there_is_never_written_over(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "acme.key");
    struct strbuf before = scratch_read(path);
    struct vault *vault = NULL;

    assert_int_equal(
        vault_create(fixture->ctx, fixture->provider, "acme", path, &vault, &fixture->err),
        ERR_CONFLICT);
    assert_null(vault);

    struct strbuf after = scratch_read(path);

    assert_true(str_eq(strbuf_str(&before), strbuf_str(&after)));
    strbuf_done(&before);
    strbuf_done(&after);

    assert_int_equal(vault_create(fixture->ctx, fixture->provider, "acme",
                                  scratch_path(&fixture->scratch, "none/acme.key"), &vault,
                                  &fixture->err),
                     ERR_NOT_FOUND);
    assert_null(vault);
}

static void a_missing_root_is_told(void **state)
{
    struct fixture *fixture = *state;

    not_opened(fixture, fixture->provider, "acme", "none.key", "missing");
    assert_non_null(strstr(fixture->err.msg, "acme"));
    assert_non_null(strstr(fixture->err.msg, "put it back"));
}

static void a_root_with_any_byte_changed_does_not_open(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "acme.key");
    struct strbuf whole = scratch_read(path);

    assert_true(whole.len > VAULT_KEY_BYTES);
    for (size_t i = 0; i < whole.len; i++) {
        scratch_flip(path, (off_t)i);
        not_opened(fixture, fixture->provider, "acme", "acme.key", "does not open");
        scratch_flip(path, (off_t)i);
    }
    for (size_t len = 0; len < whole.len; len++) {
        scratch_write(path, str_sub(strbuf_str(&whole), 0, len));
        not_opened(fixture, fixture->provider, "acme", "acme.key", "does not open");
    }
    strbuf_add_char(&whole, 'x');
    scratch_write(path, strbuf_str(&whole));
    not_opened(fixture, fixture->provider, "acme", "acme.key", "does not open");
    while (whole.len < 100000) /* far more than a key can have */
        strbuf_add_char(&whole, 'x');
    scratch_write(path, strbuf_str(&whole));
    not_opened(fixture, fixture->provider, "acme", "acme.key", "does not open");
    strbuf_done(&whole);
}

static void a_root_of_another_owner_does_not_open(void **state)
{
    struct fixture *fixture = *state;

    not_opened(fixture, fixture->provider, "other", "acme.key", "another tenant than other");
    not_opened(fixture, fixture->provider, "acm", "acme.key", "another tenant");
    not_opened(fixture, fixture->provider, "acmee", "acme.key", "another tenant");
}

static void another_provider_key_is_told_as_such(void **state)
{
    struct fixture *fixture = *state;
    struct vault_provider *provider = NULL;

    assert_int_equal(unlink(scratch_path(&fixture->scratch, "keys/file.key")), 0);
    assert_int_equal(
        vault_file_provider(fixture->ctx, fixture->scratch.dir, true, &provider, &fixture->err),
        ERR_OK);
    not_opened(fixture, provider, "acme", "acme.key", "wrapped by key ");
    assert_non_null(strstr(fixture->err.msg, "put the right keys/file.key back"));
    vault_provider_free(provider);
}

/* ---- sealing ---- */

static void what_is_sealed_opens_in_its_place(void **state)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 4096, 1 << 20};
    struct fixture *fixture = *state;
    char *text = calloc(1, 1 << 20);

    assert_non_null(text);
    for (size_t i = 0; i < 1 << 20; i++)
        text[i] = (char)(i * 31);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        seal(fixture, &place, (struct str){text, lengths[i]});
        assert_int_equal(fixture->sealed.len, lengths[i] + VAULT_SEAL_OVERHEAD);
        strbuf_reset(&fixture->plain);
        strbuf_add_z(&fixture->plain, "before ");
        assert_int_equal(vault_unseal(fixture->acme, &place, strbuf_str(&fixture->sealed),
                                      &fixture->plain, &fixture->err),
                         ERR_OK);
        assert_int_equal(fixture->plain.len, 7 + lengths[i]);
        assert_memory_equal(fixture->plain.ptr + 7, text, lengths[i]);
    }
    free(text);

    seal(fixture, &place, STR("planted text"));
    assert_null(memmem(fixture->sealed.ptr, fixture->sealed.len, "planted", 7));
}

static void what_is_moved_elsewhere_does_not_open(void **state)
{
    static const struct vault_place elsewhere[] = {
        {.record = "worklog", .field = "comment", .row = 8},
        {.record = "worklog", .field = "comment", .row = -7},
        {.record = "worklog", .field = "comment", .row = INT64_C(7) << 32},
        {.record = "worklog", .field = "commen", .row = 7},
        {.record = "worklog", .field = "comment2", .row = 7},
        {.record = "worklo", .field = "comment", .row = 7},
        {.record = "tag", .field = "comment", .row = 7},
        {.record = "worklogcomment", .field = "", .row = 7},
        {.record = "worklog", .field = "comment", .row_text = {"7", 1}},
    };
    struct fixture *fixture = *state;

    seal(fixture, &place, STR("planted"));
    for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
        closed(fixture, fixture->acme, &elsewhere[i], strbuf_str(&fixture->sealed));
    closed(fixture, fixture->other, &place, strbuf_str(&fixture->sealed));

    /* The same with a text for its key. */
    static const struct vault_place named = {
        .record = "credential", .field = "token", .row_text = {"jira", 4}};
    static const struct vault_place renamed = {
        .record = "credential", .field = "token", .row_text = {"jire", 4}};
    static const struct vault_place swapped = {
        .record = "credential", .field = "login", .row_text = {"jira", 4}};

    seal(fixture, &named, STR("planted"));
    closed(fixture, fixture->acme, &renamed, strbuf_str(&fixture->sealed));
    closed(fixture, fixture->acme, &swapped, strbuf_str(&fixture->sealed));
    assert_int_equal(vault_unseal(fixture->acme, &named, strbuf_str(&fixture->sealed),
                                  &fixture->plain, &fixture->err),
                     ERR_OK);
    assert_string_equal(strbuf_z(&fixture->plain), "planted");
}

static void a_sealed_value_with_any_bit_changed_does_not_open(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, &place, STR("planted"));
    for (size_t i = 0; i < fixture->sealed.len * 8; i++) {
        fixture->sealed.ptr[i / 8] ^= (char)(1 << (i % 8));
        closed(fixture, fixture->acme, &place, strbuf_str(&fixture->sealed));
        fixture->sealed.ptr[i / 8] ^= (char)(1 << (i % 8));
    }
    for (size_t len = 0; len < fixture->sealed.len; len++)
        closed(fixture, fixture->acme, &place, str_sub(strbuf_str(&fixture->sealed), 0, len));
    closed(fixture, fixture->acme, &place, (struct str){NULL, 0});
    strbuf_add_char(&fixture->sealed, '\0');
    closed(fixture, fixture->acme, &place, strbuf_str(&fixture->sealed));
}

static void a_value_of_another_key_says_which(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, &place, STR("planted"));
    fixture->sealed.ptr[1] = 9; /* the key id */
    assert_int_equal(vault_unseal(fixture->acme, &place, strbuf_str(&fixture->sealed),
                                  &fixture->plain, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "key 9"));
}

static int compare_nonces(const void *a, const void *b)
{
    return memcmp(a, b, 24);
}

/* Past several fillings of the pool that nonces are drawn from. */
static void no_nonce_is_used_twice(void **state)
{
    struct fixture *fixture = *state;
    static unsigned char nonces[1000][24];

    for (size_t i = 0; i < ARRAY_LEN(nonces); i++) {
        seal(fixture, &place, STR("same"));
        memcpy(nonces[i], fixture->sealed.ptr + 5, 24);
    }
    qsort(nonces, ARRAY_LEN(nonces), sizeof(nonces[0]), compare_nonces);
    for (size_t i = 1; i < ARRAY_LEN(nonces); i++)
        assert_memory_not_equal(nonces[i], nonces[i - 1], 24);
}

static void caps_of_the_caller_s_buffers_hold(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf small = STRBUF_INIT(VAULT_SEAL_OVERHEAD + 6);

    assert_int_equal(
        vault_seal(fixture->acme, fixture->ctx, &place, STR("7 bytes"), &small, &fixture->err),
        ERR_LIMIT);
    assert_int_equal(small.len, 0);
    strbuf_reset(&small);
    assert_int_equal(
        vault_seal(fixture->acme, fixture->ctx, &place, STR("6bytes"), &small, &fixture->err),
        ERR_OK);

    struct strbuf tiny = STRBUF_INIT(5);

    assert_int_equal(vault_unseal(fixture->acme, &place, strbuf_str(&small), &tiny, &fixture->err),
                     ERR_LIMIT);
    assert_int_equal(tiny.len, 0);
    strbuf_done(&small);
    strbuf_done(&tiny);
}

/* ---- secrets ---- */

static void every_opening_of_a_secret_is_written_down(void **state)
{
    static const struct vault_place token = {
        .record = "credential", .field = "token", .row_text = {"jira_api", 8}};
    struct fixture *fixture = *state;
    AUTO(audit_close_autop) struct audit *audit = NULL;
    struct strbuf text = STRBUF_INIT(SEALED_BYTES);

    assert_int_equal(audit_open(fixture->ctx, fixture->scratch.dir, &audit, &fixture->err), ERR_OK);
    vault_set_audit(fixture->acme, audit);
    seal(fixture, &token, STR("planted-secret"));
    assert_int_equal(vault_unseal_secret(fixture->acme, fixture->ctx, &token,
                                         strbuf_str(&fixture->sealed), "sync", &fixture->plain,
                                         &fixture->err),
                     ERR_OK);
    assert_string_equal(strbuf_z(&fixture->plain), "planted-secret");
    fixture->sealed.ptr[40] ^= 1;
    assert_int_equal(vault_unseal_secret(fixture->acme, fixture->ctx, &token,
                                         strbuf_str(&fixture->sealed), "doctor", &fixture->plain,
                                         &fixture->err),
                     ERR_KEY);

    assert_int_equal(disk_read(fixture->ctx, scratch_path(&fixture->scratch, "audit/2026-01.log"),
                               &text, &fixture->err),
                     ERR_OK);
    assert_non_null(strstr(text.ptr, "\"act\":\"open_secret\",\"tenant\":\"acme\","
                                     "\"by\":\"program\",\"record\":\"credential\","
                                     "\"field\":\"token\",\"key\":\""));
    assert_non_null(strstr(text.ptr, "\"version\":1,\"why\":\"sync\",\"result\":\"ok\""));
    assert_non_null(strstr(text.ptr, "\"why\":\"doctor\",\"result\":\"key\""));
    assert_null(strstr(text.ptr, "planted"));
    assert_null(strstr(text.ptr, "jira_api"));
    strbuf_done(&text);
}

static enum err_class no_room(void *self, const struct disk_file *file, int64_t at,
                              struct str bytes, struct err *err)
{
    (void)self;
    (void)file;
    (void)at;
    (void)bytes;
    return err_set(err, ERR_SPACE, "no room");
}

static void a_secret_stays_closed_when_its_opening_cannot_be_written_down(void **state)
{
    static const struct vault_place token = {.record = "credential", .field = "token", .row = 7};
    struct fixture *fixture = *state;
    struct disk_ops full = *fixture->ctx->disk;
    const struct disk_ops *real = fixture->ctx->disk;
    AUTO(audit_close_autop) struct audit *audit = NULL;

    seal(fixture, &token, STR("planted-secret"));
    assert_int_equal(vault_unseal_secret(fixture->acme, fixture->ctx, &token,
                                         strbuf_str(&fixture->sealed), "sync", &fixture->plain,
                                         &fixture->err),
                     ERR_BUG); /* no trail at all */
    assert_int_equal(fixture->plain.len, 0);

    full.file_append = no_room;
    assert_int_equal(audit_open(fixture->ctx, fixture->scratch.dir, &audit, &fixture->err), ERR_OK);
    vault_set_audit(fixture->acme, audit);
    fixture->fake.ctx.disk = &full;
    assert_int_equal(vault_unseal_secret(fixture->acme, fixture->ctx, &token,
                                         strbuf_str(&fixture->sealed), "sync", &fixture->plain,
                                         &fixture->err),
                     ERR_SPACE);
    assert_int_equal(fixture->plain.len, 0);
    assert_null(memmem(fixture->plain.ptr, fixture->plain.room, "planted", 7));
    fixture->fake.ctx.disk = real;
}

static void wiping_leaves_an_empty_buffer(void **state)
{
    struct strbuf buf = STRBUF_INIT(100);

    (void)state;
    vault_wipe(&buf); /* nothing there */
    strbuf_add_z(&buf, "secret");
    vault_wipe(&buf);
    assert_null(buf.ptr);
    assert_int_equal(buf.len, 0);
    strbuf_add_z(&buf, "usable again");
    assert_string_equal(strbuf_z(&buf), "usable again");
    strbuf_done(&buf);
}

/* ---- digests ---- */

static void equal_texts_are_found_by_their_digest_and_only_by_their_owner(void **state)
{
    static const struct {
        const char *record, *field;
        struct str text;
    } others[] = {
        {"tag", "name", STR("Deep work")}, {"tag", "name", STR("deep work ")},
        {"tag", "nam", STR("deep work")},  {"tags", "name", STR("deep work")},
        {"tagn", "ame", STR("deep work")}, {"tag", "named", STR("eep work")},
        {"tag", "name", STR("")},
    };
    struct fixture *fixture = *state;
    unsigned char first[VAULT_DIGEST_BYTES], second[VAULT_DIGEST_BYTES];

    vault_digest(fixture->acme, "tag", "name", STR("deep work"), first);
    vault_digest(fixture->acme, "tag", "name", STR("deep work"), second);
    assert_memory_equal(first, second, VAULT_DIGEST_BYTES);
    vault_digest(fixture->other, "tag", "name", STR("deep work"), second);
    assert_memory_not_equal(first, second, VAULT_DIGEST_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        vault_digest(fixture->acme, others[i].record, others[i].field, others[i].text, second);
        assert_memory_not_equal(first, second, VAULT_DIGEST_BYTES);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(starting_turns_core_files_off),
        TEST(the_key_file_is_made_private_and_only_once),
        TEST(a_missing_key_file_is_told_and_not_made_anew),
        TEST(a_key_file_of_another_length_is_told),
        TEST(a_key_file_that_others_can_read_is_refused_with_the_remedy),
        TEST(a_root_opens_again_with_the_same_keys),
        TEST(owners_share_no_key_and_no_file_holds_one),
        TEST(a_key_that_is_there_is_never_written_over),
        TEST(a_missing_root_is_told),
        TEST(a_root_with_any_byte_changed_does_not_open),
        TEST(a_root_of_another_owner_does_not_open),
        TEST(another_provider_key_is_told_as_such),
        TEST(what_is_sealed_opens_in_its_place),
        TEST(what_is_moved_elsewhere_does_not_open),
        TEST(a_sealed_value_with_any_bit_changed_does_not_open),
        TEST(a_value_of_another_key_says_which),
        TEST(no_nonce_is_used_twice),
        TEST(caps_of_the_caller_s_buffers_hold),
        TEST(every_opening_of_a_secret_is_written_down),
        TEST(a_secret_stays_closed_when_its_opening_cannot_be_written_down),
        TEST(wiping_leaves_an_empty_buffer),
        TEST(equal_texts_are_found_by_their_digest_and_only_by_their_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
