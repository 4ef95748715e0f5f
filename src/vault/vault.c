/*
 * vault.c: roots, derived keys, sealing.
 *
 * The model: provider key -> wrapped root (one file an owner) -> derived keys (crypto_kdf, one
 * subkey id each) -> values. A sealed value's associated data names owner, record, field and row,
 * so a value that was copied elsewhere does not open. The key id in the envelope names the version
 * of the root that sealed it; there is one version until rotation brings more.
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
#include "base/limits.h"
#include "base/log.h"

#define KDF_CONTEXT "tenon-v1" /* crypto_kdf wants 8 bytes */
#define ENVELOPE_VERSION 1
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_BYTES (1 + 4 + NONCE_BYTES)
#define NONCE_POOL 64 /* nonces drawn at once; a system call each would cost more than sealing */
#define AD_MAX 512    /* bytes of associated data */

_Static_assert(HEAD_BYTES + TAG_BYTES == VAULT_SEAL_OVERHEAD, "the header says the overhead");

enum subkey { SUBKEY_DB = 1, SUBKEY_SEAL = 2, SUBKEY_DIGEST = 3, SUBKEY_BACKUP = 4 };

/* The whole struct lives in sodium_malloc memory. */
struct vault {
    unsigned char db_key[VAULT_KEY_BYTES];
    unsigned char seal_key[VAULT_KEY_BYTES];
    unsigned char digest_key[VAULT_KEY_BYTES];
    unsigned char backup_key[VAULT_KEY_BYTES];
    char owner[VAULT_OWNER_MAX + 1];
    uint32_t key_id;
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

void vault_provider_free(struct vault_provider *provider)
{
    if (provider)
        provider->ops->free(provider);
}

static enum err_class derive(const unsigned char root[VAULT_KEY_BYTES], const char *owner,
                             struct vault **ret, struct err *err)
{
    struct vault *vault = sodium_malloc(sizeof(*vault));

    if (!vault)
        return err_memory(err);
    sodium_memzero(vault, sizeof(*vault));
    assert(strlen(owner) <= VAULT_OWNER_MAX);
    (void)snprintf(vault->owner, sizeof(vault->owner), "%s", owner);

    const struct {
        enum subkey id;
        unsigned char *key;
    } subkeys[] = {
        {SUBKEY_DB, vault->db_key},
        {SUBKEY_SEAL, vault->seal_key},
        {SUBKEY_DIGEST, vault->digest_key},
        {SUBKEY_BACKUP, vault->backup_key},
    };

    /* Fails only for lengths out of range, which these are not. */
    for (size_t i = 0; i < ARRAY_LEN(subkeys); i++)
        (void)crypto_kdf_derive_from_key(subkeys[i].key, VAULT_KEY_BYTES, subkeys[i].id,
                                         KDF_CONTEXT, root);
    vault->key_id = 1;
    *ret = vault;
    return ERR_OK;
}

static void wipe_root_autop(unsigned char **root)
{
    sodium_free(*root);
}

enum err_class vault_create(const struct ctx *ctx, struct vault_provider *provider,
                            const char *owner, const char *path, struct vault **ret,
                            struct err *err)
{
    AUTO(wipe_root_autop) unsigned char *root = sodium_malloc(VAULT_KEY_BYTES);
    struct strbuf wrapped = STRBUF_INIT(LIMIT_SECRET_BYTES);

    if (!root)
        return err_memory(err);
    if (disk_exists(ctx, path))
        return err_set(err, ERR_CONFLICT, "the key file %s exists already", path);
    ctx_random(ctx, root, VAULT_KEY_BYTES);

    enum err_class rc = provider->ops->wrap(provider, ctx, owner, root, &wrapped, err);

    if (rc == ERR_OK)
        rc = disk_write(ctx, path, strbuf_str(&wrapped), err);
    strbuf_done(&wrapped);
    return rc == ERR_OK ? derive(root, owner, ret, err) : rc;
}

enum err_class vault_open(const struct ctx *ctx, struct vault_provider *provider, const char *owner,
                          const char *path, struct vault **ret, struct err *err)
{
    AUTO(wipe_root_autop) unsigned char *root = sodium_malloc(VAULT_KEY_BYTES);
    struct strbuf wrapped = STRBUF_INIT(LIMIT_SECRET_BYTES);

    if (!root)
        return err_memory(err);

    enum err_class rc = disk_read(ctx, path, &wrapped, err);

    if (rc == ERR_NOT_FOUND)
        rc = err_set(err, ERR_KEY,
                     "the key file %s is missing; without it the data of %s cannot be read: put it "
                     "back from your copy",
                     path, owner);
    if (rc == ERR_LIMIT)
        rc = err_set(err, ERR_KEY, "the wrapped key %s does not open: it has more than %d bytes",
                     path, LIMIT_SECRET_BYTES);
    if (rc == ERR_OK) {
        rc = provider->ops->unwrap(provider, owner, strbuf_str(&wrapped), root, err);
        if (rc != ERR_OK)
            err_wrap(err, "the wrapped key %s does not open", path);
    }
    strbuf_done(&wrapped);
    return rc == ERR_OK ? derive(root, owner, ret, err) : rc;
}

void vault_close(struct vault *vault)
{
    sodium_free(vault); /* wipes; NULL is fine */
}

const unsigned char *vault_db_key(const struct vault *vault)
{
    return vault->db_key;
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
    put_u32(at + 1, vault->key_id);
    memcpy(at + 5, nonce, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
        at + HEAD_BYTES, NULL, (const unsigned char *)plain.ptr, plain.len, ad, ad_len, NULL, nonce,
        vault->seal_key); /* always 0 */
    return ERR_OK;
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
    if (get_u32(in + 1) != vault->key_id)
        return err_set(err, ERR_KEY, "a value of %s.%s is sealed with key %u, which is not here",
                       place->record, place->field, get_u32(in + 1));

    size_t plain_len = sealed.len - VAULT_SEAL_OVERHEAD;
    size_t before = ret->len;
    unsigned char *at = (unsigned char *)strbuf_grow(ret, plain_len);

    if (!at)
        return strbuf_check(ret, "an opened value", err);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(at, NULL, NULL, in + HEAD_BYTES,
                                                   sealed.len - HEAD_BYTES, ad, ad_len, in + 5,
                                                   vault->seal_key) != 0) {
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
    enum err_class rc = vault_unseal(vault, place, sealed, ret, err);

    LOG(ctx, LOG_INFO, "secret_opened", LOG_IDENT("owner", vault->owner),
        LOG_NAME("record", place->record), LOG_NAME("field", place->field),
        LOG_NAME("purpose", purpose), LOG_NAME("result", err_class_name(rc)));
    return rc;
}

void vault_digest(const struct vault *vault, const char *record, const char *field, struct str text,
                  unsigned char ret[VAULT_DIGEST_BYTES])
{
    crypto_generichash_state state;

    /* The lengths are constants in range, so none of these can fail. */
    (void)crypto_generichash_init(&state, vault->digest_key, VAULT_KEY_BYTES, VAULT_DIGEST_BYTES);
    (void)crypto_generichash_update(&state, (const unsigned char *)record, strlen(record) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)field, strlen(field) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)text.ptr, text.len);
    (void)crypto_generichash_final(&state, ret, VAULT_DIGEST_BYTES);
}

void vault_wipe(struct strbuf *buf)
{
    if (buf->ptr)
        sodium_memzero(buf->ptr, buf->room);
    strbuf_done(buf);
}
