/*
 * vault.c: derived keys and sealing.
 *
 * The model: provider key -> keyring (wrapped roots, one file an owner) -> derived keys of each
 * version (crypto_kdf, one subkey id each) -> values. A sealed value's associated data names owner,
 * record, field and row, so a value that was copied elsewhere does not open. The version in the
 * envelope names the root that sealed it.
 *
 * Digests are looked up by their bytes, so all rows of a table must have been digested with one
 * key: that of the version that the database file is written in. Rewriting the file in another
 * version (custody/rekey.c) replaces both at once.
 *
 * Threads: a vault belongs to one thread at a time (the nonce pool); unsealing and digests only
 * read.
 */
#include "vault/vault.h"

#include <assert.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/disk.h"
#include "vault/audit.h"
#include "vault/keyring.h"

#define ENVELOPE_VERSION 1
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_BYTES (1 + 4 + NONCE_BYTES)
#define NONCE_POOL 64 /* nonces drawn at once; a system call each would cost more than sealing */
#define AD_MAX 512    /* bytes of associated data */

_Static_assert(HEAD_BYTES + TAG_BYTES == VAULT_SEAL_OVERHEAD, "the header says the overhead");

struct version_keys {
    uint32_t version;
    unsigned char db[VAULT_KEY_BYTES], seal[VAULT_KEY_BYTES], digest[VAULT_KEY_BYTES],
        backup[VAULT_KEY_BYTES];
};

/* The whole struct lives in sodium_malloc memory. */
struct vault {
    char owner[VAULT_OWNER_MAX + 1];
    struct audit *audit; /* borrowed; NULL: no secret is opened */
    const struct version_keys *seal, *db,
        *db_next; /* of `keys`; db_next: NULL when there is none */
    unsigned char lasting[VAULT_KEY_BYTES];
    size_t count;
    struct version_keys keys[VAULT_VERSIONS_MAX];
    size_t nonces_left;
    unsigned char nonces[NONCE_POOL][NONCE_BYTES];
};

enum err_class vault_start(struct err *err)
{
    const struct rlimit none = {0, 0};

    if (sodium_init() < 0)
        return err_set(err, ERR_BUG, "libsodium could not be started");
    /* A core file would hold keys and content. */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
        return err_set(err, ERR_BUG, "core files could not be turned off");
    return ERR_OK;
}

/* NULL: it is not here. */
static const struct version_keys *find_keys(const struct vault *vault, uint32_t version)
{
    for (size_t i = 0; i < vault->count; i++)
        if (vault->keys[i].version == version)
            return &vault->keys[i];
    return NULL;
}

static enum err_class derive(const struct keyring *ring, struct vault **ret, struct err *err)
{
    struct vault *vault = sodium_malloc(sizeof(*vault));

    if (!vault)
        return err_memory(err);
    sodium_memzero(vault, sizeof(*vault));
    memcpy(vault->owner, ring->owner, sizeof(vault->owner));
    for (size_t i = 0; i < ring->count; i++) {
        const unsigned char *root = ring->versions[i].root;
        struct version_keys *keys = &vault->keys[i];

        keys->version = ring->versions[i].version;
        keyring_derive(root, SUBKEY_DB, keys->db);
        keyring_derive(root, SUBKEY_SEAL, keys->seal);
        keyring_derive(root, SUBKEY_DIGEST, keys->digest);
        keyring_derive(root, SUBKEY_BACKUP, keys->backup);
    }
    memcpy(vault->lasting, ring->lasting, sizeof(vault->lasting));
    vault->count = ring->count;
    vault->seal = find_keys(vault, ring->seal);
    vault->db = find_keys(vault, ring->db);
    vault->db_next = find_keys(vault, ring->db_next); /* 0 is no version */
    *ret = vault;
    return ERR_OK;
}

enum err_class vault_create(const struct ctx *ctx, struct vault_provider *provider,
                            const char *owner, const char *path, struct vault **ret,
                            struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = ERR_OK;

    if (disk_exists(ctx, path))
        return err_set(err, ERR_CONFLICT, "the key file %s exists already", path);
    rc = keyring_new(ctx, owner, &ring, err);
    if (rc == ERR_OK)
        rc = keyring_save(ctx, provider, ring, path, err);
    return rc == ERR_OK ? derive(ring, ret, err) : rc;
}

enum err_class vault_open(const struct ctx *ctx, struct vault_provider *provider, const char *owner,
                          const char *path, struct vault **ret, struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = keyring_load(ctx, provider, owner, path, &ring, err);

    return rc == ERR_OK ? derive(ring, ret, err) : rc;
}

enum err_class vault_open_bytes(const struct ctx *ctx, struct vault_provider *provider,
                                const char *owner, struct str keyring, struct vault **ret,
                                struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = keyring_parse(ctx, provider, owner, keyring, &ring, err);

    return rc == ERR_OK ? derive(ring, ret, err) : rc;
}

void vault_set_audit(struct vault *vault, struct audit *audit)
{
    vault->audit = audit;
}

void vault_close(struct vault *vault)
{
    sodium_free(vault); /* wipes; NULL is fine */
}

const unsigned char *vault_db_key(const struct vault *vault)
{
    return vault->db->db;
}

bool vault_db_try_next(struct vault *vault)
{
    if (!vault->db_next)
        return false;
    vault->db = vault->db_next;
    vault->db_next = NULL;
    return true;
}

uint32_t vault_version(const struct vault *vault)
{
    return vault->seal->version;
}

enum err_class vault_subkey(const struct vault *vault, uint32_t version, enum vault_purpose purpose,
                            unsigned char ret[VAULT_KEY_BYTES], struct err *err)
{
    const struct version_keys *keys = version ? find_keys(vault, version) : vault->seal;

    if (!keys)
        return err_set(err, ERR_KEY, "the version %u of the key of %s is not here", version,
                       vault->owner);
    switch (purpose) {
    case VAULT_BACKUP:
        memcpy(ret, keys->backup, VAULT_KEY_BYTES);
        return ERR_OK;
    }
    return err_set(err, ERR_BUG, "a key for no purpose");
}

/* owner NUL record NUL field NUL row: no two places share it. Returns its length. */
static size_t place_data(const struct vault *vault, const struct vault_place *place,
                         unsigned char ret[AD_MAX])
{
    char *at = (char *)ret;
    size_t room = AD_MAX;
    const char *parts[] = {vault->owner, place->record, place->field};

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t len = strlen(parts[i]) + 1;

        assert(len < room);
        memcpy(at, parts[i], len);
        at += len;
        room -= len;
    }
    if (place->row_text.ptr) {
        assert(place->row_text.len < room);
        memcpy(at, place->row_text.ptr, place->row_text.len);
        at += place->row_text.len;
    } else {
        uint64_t row = (uint64_t)place->row;

        /* Little-endian by hand: a sealed value must open on any machine. */
        for (size_t i = 0; i < 8; i++)
            *at++ = (char)(unsigned char)(row >> (8 * i));
    }
    return (size_t)(at - (char *)ret);
}

static void put_u32(unsigned char *at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

enum err_class vault_seal(struct vault *vault, const struct ctx *ctx,
                          const struct vault_place *place, struct str plain, struct strbuf *ret,
                          struct err *err)
{
    unsigned char ad[AD_MAX];
    size_t ad_len = place_data(vault, place, ad);
    unsigned char *at = (unsigned char *)strbuf_grow(ret, plain.len + VAULT_SEAL_OVERHEAD);

    if (!at)
        return strbuf_check(ret, "a sealed value", err);
    if (vault->nonces_left == 0) {
        ctx_random(ctx, vault->nonces, sizeof(vault->nonces));
        vault->nonces_left = NONCE_POOL;
    }
    vault->nonces_left--;

    const unsigned char *nonce = vault->nonces[vault->nonces_left];

    at[0] = ENVELOPE_VERSION;
    put_u32(at + 1, vault->seal->version);
    memcpy(at + 5, nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        at + HEAD_BYTES, NULL, (const unsigned char *)plain.ptr, plain.len, ad, ad_len, NULL, nonce,
        vault->seal->seal); /* always 0 */
    return ERR_OK;
}

uint32_t vault_sealed_version(struct str sealed)
{
    const unsigned char *in = (const unsigned char *)sealed.ptr;

    return sealed.len < VAULT_SEAL_OVERHEAD || in[0] != ENVELOPE_VERSION ? 0 : get_u32(in + 1);
}

enum err_class vault_unseal(const struct vault *vault, const struct vault_place *place,
                            struct str sealed, struct strbuf *ret, struct err *err)
{
    const unsigned char *in = (const unsigned char *)sealed.ptr;
    unsigned char ad[AD_MAX];
    size_t ad_len = place_data(vault, place, ad);

    if (sealed.len < VAULT_SEAL_OVERHEAD || in[0] != ENVELOPE_VERSION)
        return err_set(err, ERR_CORRUPT, "a sealed value of %s.%s is damaged", place->record,
                       place->field);

    const struct version_keys *keys = find_keys(vault, get_u32(in + 1));

    if (!keys)
        return err_set(err, ERR_KEY, "a value of %s.%s is sealed with key %u, which is not here",
                       place->record, place->field, get_u32(in + 1));

    size_t plain_len = sealed.len - VAULT_SEAL_OVERHEAD;
    size_t before = ret->len;
    unsigned char *at = (unsigned char *)strbuf_grow(ret, plain_len);

    if (!at)
        return strbuf_check(ret, "an opened value", err);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, NULL, NULL, in + HEAD_BYTES,
                                                   sealed.len - HEAD_BYTES, ad, ad_len, in + 5,
                                                   keys->seal) != 0) {
        ret->len = before;
        ret->ptr[before] = '\0';
        return err_set(err, ERR_KEY,
                       "a value of %s.%s does not open: it is damaged, was moved from another row, "
                       "or belongs to another key",
                       place->record, place->field);
    }
    return ERR_OK;
}

enum err_class vault_unseal_secret(const struct vault *vault, const struct ctx *ctx,
                                   const struct vault_place *place, struct str sealed,
                                   const char *purpose, struct strbuf *ret, struct err *err)
{
    unsigned char key[VAULT_DIGEST_BYTES];
    size_t before = ret->len;
    struct err refusal = {0};

    if (!vault->audit)
        return err_set(err, ERR_BUG, "a secret of %s cannot be opened without an audit trail",
                       place->record);

    enum err_class rc = vault_unseal(vault, place, sealed, ret, err);
    struct audit_entry entry = {.act = AUDIT_OPEN_SECRET,
                                .tenant =
                                    strcmp(vault->owner, "control") == 0 ? NULL : vault->owner,
                                .record = place->record,
                                .field = place->field,
                                .row = place->row,
                                .version = vault_sealed_version(sealed),
                                .why = purpose,
                                .result = rc};

    if (place->row_text.ptr) {
        vault_digest(vault, place->record, "audit", place->row_text, key);
        entry.key = key; /* its first bytes */
    }
    if (audit_write(vault->audit, ctx, &entry, &refusal) == ERR_OK)
        return rc;
    if (rc == ERR_OK) {
        sodium_memzero(ret->ptr + before, ret->len - before);
        ret->len = before;
        ret->ptr[before] = '\0';
    }
    *err = refusal;
    return refusal.class;
}

static void digest(const unsigned char key[VAULT_KEY_BYTES], const char *record, const char *field,
                   struct str text, unsigned char ret[VAULT_DIGEST_BYTES])
{
    crypto_generichash_state state;

    /* The lengths are constants in range, so none of these can fail. */
    (void)crypto_generichash_init(&state, key, VAULT_KEY_BYTES, VAULT_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, (const unsigned char *)record, strlen(record) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)field, strlen(field) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)text.ptr, text.len);
    (void)crypto_generichash_final(&state, ret, VAULT_DIGEST_BYTES);
}

void vault_digest(const struct vault *vault, const char *record, const char *field, struct str text,
                  unsigned char ret[VAULT_DIGEST_BYTES])
{
    digest(vault->db->digest, record, field, text, ret);
}

void vault_digest_lasting(const struct vault *vault, const char *record, const char *field,
                          struct str text, unsigned char ret[VAULT_DIGEST_BYTES])
{
    digest(vault->lasting, record, field, text, ret);
}

void vault_wipe(struct strbuf *buf)
{
    if (buf->ptr)
        sodium_memzero(buf->ptr, buf->room);
    strbuf_done(buf);
}
