/* Tests of keyring.c: versions, the format of before, damage, packed keys. */
#include "vault/keyring.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/disk.h"

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
    struct vault_provider *provider;
    const struct ctx *ctx;
    char path[4096];
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    test_vault_start();
    fake_ctx_init(&fixture->fake, 3);
    scratch_begin(&fixture->scratch);
    fixture->ctx = &fixture->fake.ctx;
    (void)snprintf(fixture->path, sizeof(fixture->path), "%s",
                   scratch_path(&fixture->scratch, "acme.key"));
    ok(fixture, vault_file_provider(fixture->ctx, fixture->scratch.dir, true, &fixture->provider,
                                    &fixture->err));
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    vault_provider_free(fixture->provider);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static struct keyring *load(struct fixture *fixture)
{
    struct keyring *ring = NULL;

    ok(fixture,
       keyring_load(fixture->ctx, fixture->provider, "acme", fixture->path, &ring, &fixture->err));
    return ring;
}

static struct keyring *make(struct fixture *fixture, uint32_t versions)
{
    struct keyring *ring = NULL;

    ok(fixture, keyring_new(fixture->ctx, "acme", &ring, &fixture->err));
    for (uint32_t i = 1; i < versions; i++)
        ok(fixture, keyring_add(fixture->ctx, ring, &ring->seal, &fixture->err));
    ok(fixture, keyring_save(fixture->ctx, fixture->provider, ring, fixture->path, &fixture->err));
    return ring;
}

static void read_bytes(struct fixture *fixture, struct strbuf *ret)
{
    *ret = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    ok(fixture, disk_read(fixture->ctx, fixture->path, ret, &fixture->err));
}

static void all_versions_come_back_as_they_were(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *ring = make(fixture, 3);
    AUTO(keyring_free_autop) struct keyring *again = load(fixture);

    assert_int_equal(again->count, 3);
    assert_int_equal(again->seal, 3);
    assert_int_equal(again->db, 1);
    assert_int_equal(again->db_next, 0);
    assert_memory_equal(again->lasting, ring->lasting, VAULT_KEY_BYTES);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(again->versions[i].version, i + 1);
        assert_int_equal(again->versions[i].created_ms, FAKE_NOW_MS);
        assert_memory_equal(again->versions[i].root, ring->versions[i].root, VAULT_KEY_BYTES);
    }
}

static void no_root_stands_in_the_file(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *ring = make(fixture, 2);
    struct strbuf bytes;

    read_bytes(fixture, &bytes);
    for (size_t i = 0; i < 2; i++)
        assert_null(memmem(bytes.ptr, bytes.len, ring->versions[i].root, VAULT_KEY_BYTES));
    assert_null(memmem(bytes.ptr, bytes.len, ring->lasting, VAULT_KEY_BYTES));
    strbuf_done(&bytes);
}

static void a_byte_flipped_anywhere_is_told_with_the_file_s_name(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf bytes;

    keyring_free(make(fixture, 2));
    read_bytes(fixture, &bytes);
    for (size_t i = 0; i < bytes.len; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            AUTO(keyring_free_autop) struct keyring *damaged = NULL;

            if (i > 120 && bit % 3 != 0)
                continue; /* enough */
            bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << bit));
            ok(fixture, disk_write(fixture->ctx, fixture->path, strbuf_str(&bytes), &fixture->err));
            assert_int_equal(keyring_load(fixture->ctx, fixture->provider, "acme", fixture->path,
                                          &damaged, &fixture->err),
                             ERR_KEY);
            assert_non_null(strstr(fixture->err.msg, "acme.key"));
            assert_non_null(strstr(fixture->err.msg, "damaged"));
            bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << bit));
        }
    for (size_t len = 0; len < bytes.len; len++) {
        AUTO(keyring_free_autop) struct keyring *cut = NULL;

        assert_int_equal(keyring_parse(fixture->ctx, fixture->provider, "acme",
                                       (struct str){bytes.ptr, len}, &cut, &fixture->err),
                         ERR_KEY);
    }
    strbuf_done(&bytes);
}

/* Somebody who can write the file and count a checksum, and has no key. */
static void a_ring_put_together_without_its_keys_is_told(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *forged = NULL;
    struct strbuf bytes;
    unsigned char check[16];

    keyring_free(make(fixture, 2));
    read_bytes(fixture, &bytes);
    bytes.ptr[8 + 1 + 16 + 8] = 1; /* "version 1 seals" */
    (void)crypto_generichash(check, sizeof(check), (unsigned char *)bytes.ptr, bytes.len - 16, NULL,
                             0);
    memcpy(bytes.ptr + bytes.len - 16, check, 16);
    assert_int_equal(keyring_parse(fixture->ctx, fixture->provider, "acme", strbuf_str(&bytes),
                                   &forged, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "changed by somebody"));
    strbuf_done(&bytes);
}

static void a_ring_of_another_owner_does_not_open(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *other = NULL;

    keyring_free(make(fixture, 1));
    assert_int_equal(keyring_load(fixture->ctx, fixture->provider, "other", fixture->path, &other,
                                  &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "another tenant than other"));
}

/* What was written before there were keyrings: the root alone, as the `file` provider wraps it. */
static void a_root_of_before_keyrings_opens_and_is_written_anew_with_the_next_change(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    AUTO(keyring_free_autop) struct keyring *again = NULL;
    unsigned char root[VAULT_KEY_BYTES] = {1, 2, 3}, digest_key[VAULT_KEY_BYTES];
    struct strbuf bytes = STRBUF_INIT(1000);
    uint32_t version = 0;

    ok(fixture, fixture->provider->ops->wrap(fixture->provider, fixture->ctx, "acme", root, &bytes,
                                             &fixture->err));
    assert_int_equal(bytes.len, 8 + 1 + 8 + 24 + 32 + 16);
    ok(fixture, disk_write(fixture->ctx, fixture->path, strbuf_str(&bytes), &fixture->err));
    strbuf_done(&bytes);
    ring = load(fixture);
    assert_int_equal(ring->count, 1);
    assert_int_equal(ring->seal, 1);
    assert_int_equal(ring->db, 1);
    assert_memory_equal(ring->versions[0].root, root, sizeof(root));
    keyring_derive(root, SUBKEY_DIGEST, digest_key);
    assert_memory_equal(ring->lasting, digest_key, sizeof(digest_key));

    ok(fixture, keyring_add(fixture->ctx, ring, &version, &fixture->err));
    assert_int_equal(version, 2);
    ring->seal = ring->db = 2;
    keyring_drop(ring, 1);
    ok(fixture, keyring_save(fixture->ctx, fixture->provider, ring, fixture->path, &fixture->err));
    again = load(fixture);
    assert_int_equal(again->count, 1);
    assert_null(keyring_find(again, 1));
    assert_memory_equal(again->lasting, digest_key, sizeof(digest_key));
    ok(fixture, keyring_add(fixture->ctx, again, &version, &fixture->err));
    assert_int_equal(version, 3); /* a number is never used twice */
}

static void there_are_at_most_eight_versions(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *ring = make(fixture, VAULT_VERSIONS_MAX);
    uint32_t version = 0;

    assert_int_equal(keyring_add(fixture->ctx, ring, &version, &fixture->err), ERR_LIMIT);
    assert_non_null(strstr(fixture->err.msg, "retire"));
}

static void packed_keys_come_back(void **state)
{
    struct fixture *fixture = *state;
    AUTO(keyring_free_autop) struct keyring *ring = make(fixture, VAULT_VERSIONS_MAX);
    unsigned char packed[KEYRING_PACKED_MAX];
    size_t len = keyring_pack(ring, packed);
    const struct str bytes = {(const char *)packed, len};
    AUTO(keyring_free_autop) struct keyring *again = NULL;

    assert_int_equal(len, KEYRING_PACKED_MAX);
    ok(fixture, keyring_unpack("acme", bytes, &again, &fixture->err));
    assert_int_equal(again->count, VAULT_VERSIONS_MAX);
    assert_int_equal(again->seal, ring->seal);
    for (size_t i = 0; i < again->count; i++)
        assert_memory_equal(again->versions[i].root, ring->versions[i].root, VAULT_KEY_BYTES);
    for (size_t cut = 0; cut < len; cut++) {
        AUTO(keyring_free_autop) struct keyring *none = NULL;

        assert_int_equal(keyring_unpack("acme", str_sub(bytes, 0, cut), &none, &fixture->err),
                         ERR_INPUT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(all_versions_come_back_as_they_were),
        TEST(no_root_stands_in_the_file),
        TEST(a_byte_flipped_anywhere_is_told_with_the_file_s_name),
        TEST(a_ring_put_together_without_its_keys_is_told),
        TEST(a_ring_of_another_owner_does_not_open),
        TEST(a_root_of_before_keyrings_opens_and_is_written_anew_with_the_next_change),
        TEST(there_are_at_most_eight_versions),
        TEST(packed_keys_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
