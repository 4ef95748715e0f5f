/*
 * keyring.c: the file of one owner's roots.
 *
 * Layout, numbers little-endian:
 *     "TENONKEY" | format 2 | provider's name (16, NUL-padded) | provider's id (8)
 *     | version that seals (4) | version of the database (4) | version it is on its way to (4)
 *     | count (1) | count x ( version (4) | created, ms (8) | length (2) | wrapped root )
 *     | nonce (24) | the key of lasting digests, sealed with the root that seals (32) | tag (16)
 *     | MAC (32) | checksum (16)
 * The checksum (BLAKE2b) tells damage before any key is asked for; the MAC (BLAKE2b, keyed from the
 * root that seals, over the owner and all before it) tells a ring that was put together by somebody
 * else. A file of format 1 is a single root wrapped by the `file` provider, of before there were
 * keyrings; it reads as a ring of the version 1 and is written in the present format at the next
 * change.
 */
#include "vault/keyring.h"

#include <assert.h>
#include <sodium.h>

#include "base/disk.h"

#define KDF_CONTEXT "tenon-v1" /* crypto_kdf wants 8 bytes */
#define MAGIC "TENONKEY"
#define MAGIC_BYTES 8
#define FORMAT_ONE_ROOT 1
#define FORMAT 2
#define NAME_BYTES (VAULT_PROVIDER_NAME_MAX + 1)
#define HEAD_BYTES (MAGIC_BYTES + 1 + NAME_BYTES + VAULT_PROVIDER_ID_BYTES + 3 * 4 + 1)
#define ENTRY_HEAD_BYTES (4 + 8 + 2)
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define LASTING_BYTES (NONCE_BYTES + VAULT_KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define MAC_BYTES 32
#define CHECKSUM_BYTES 16
#define TAIL_BYTES (LASTING_BYTES + MAC_BYTES + CHECKSUM_BYTES)

_Static_assert(HEAD_BYTES + VAULT_VERSIONS_MAX * (ENTRY_HEAD_BYTES + KEYRING_WRAPPED_MAX) +
                       TAIL_BYTES <=
                   VAULT_RING_BYTES_MAX,
               "a full ring fits into its limit");

void keyring_free(struct keyring *ring)
{
    sodium_free(ring); /* wipes; NULL is fine */
}

void keyring_derive(const unsigned char root[VAULT_KEY_BYTES], enum keyring_subkey subkey,
                    unsigned char ret[VAULT_KEY_BYTES])
{
    /* Fails only for lengths out of range, which these are not. */
    (void)crypto_kdf_derive_from_key(ret, VAULT_KEY_BYTES, subkey, KDF_CONTEXT, root);
}

static struct keyring *ring_alloc(const char *owner)
{
    struct keyring *ring = sodium_malloc(sizeof(*ring));

    if (!ring)
        return NULL;
    sodium_memzero(ring, sizeof(*ring));
    assert(strlen(owner) <= VAULT_OWNER_MAX);
    (void)snprintf(ring->owner, sizeof(ring->owner), "%s", owner);
    return ring;
}

struct keyring_version *keyring_find(struct keyring *ring, uint32_t version)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->versions[i].version == version)
            return &ring->versions[i];
    return NULL;
}

enum err_class keyring_add(const struct ctx *ctx, struct keyring *ring, uint32_t *ret,
                           struct err *err)
{
    uint32_t newest = ring->count ? ring->versions[ring->count - 1].version : 0;
    struct keyring_version *fresh;

    if (ring->count == VAULT_VERSIONS_MAX || newest == UINT32_MAX)
        return err_set(
            err, ERR_LIMIT,
            "%s has %zu live versions of its key; retire old ones first with `tenon keys "
            "retire`",
            ring->owner, ring->count);
    fresh = &ring->versions[ring->count++];
    *fresh = (struct keyring_version){.version = newest + 1, .created_ms = ctx_now_ms(ctx)};
    ctx_random(ctx, fresh->root, sizeof(fresh->root));
    *ret = fresh->version;
    return ERR_OK;
}

void keyring_drop(struct keyring *ring, uint32_t version)
{
    struct keyring_version *gone = keyring_find(ring, version);

    assert(gone && version != ring->seal && version != ring->db && version != ring->db_next);
    memmove(gone, gone + 1, (size_t)(ring->versions + ring->count - (gone + 1)) * sizeof(*gone));
    ring->count--;
    sodium_memzero(&ring->versions[ring->count], sizeof(ring->versions[0]));
}

enum err_class keyring_new(const struct ctx *ctx, const char *owner, struct keyring **ret,
                           struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = ring_alloc(owner);
    enum err_class rc = ring ? keyring_add(ctx, ring, &ring->seal, err) : err_memory(err);

    if (rc != ERR_OK)
        return rc;
    ring->db = ring->seal;
    keyring_derive(ring->versions[0].root, SUBKEY_DIGEST, ring->lasting);
    *ret = TAKE(ring);
    return ERR_OK;
}

/* ---- Reading ---- */

/* Runs over the file's bytes; `short_of` is set when they end too early. */
struct reader {
    const unsigned char *at;
    size_t left;
    bool short_of;
};

static const unsigned char *take(struct reader *reader, size_t len)
{
    static const unsigned char nothing[NAME_BYTES];
    const unsigned char *at = reader->at;

    if (len > reader->left) {
        assert(len <= sizeof(nothing));
        reader->short_of = true;
        return nothing;
    }
    reader->at += len;
    reader->left -= len;
    return at;
}

static uint64_t take_number(struct reader *reader, size_t bytes)
{
    const unsigned char *at = take(reader, bytes);
    uint64_t number = 0;

    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static enum err_class malformed(struct err *err)
{
    return err_set(err, ERR_KEY, "it is damaged; put it back from a backup");
}

static void mac_of(const struct keyring *ring, const unsigned char root[VAULT_KEY_BYTES],
                   struct str bytes, unsigned char ret[MAC_BYTES])
{
    unsigned char key[VAULT_KEY_BYTES];
    crypto_generichash_state state;

    keyring_derive(root, SUBKEY_RING, key);
    /* The lengths are constants in range, so none of these can fail. */
    (void)crypto_generichash_init(&state, key, sizeof(key), MAC_BYTES);
    (void)crypto_generichash_update(&state, (const unsigned char *)ring->owner,
                                    strlen(ring->owner) + 1);
    (void)crypto_generichash_update(&state, (const unsigned char *)bytes.ptr, bytes.len);
    (void)crypto_generichash_final(&state, ret, MAC_BYTES);
    sodium_memzero(key, sizeof(key));
}

static void checksum_of(struct str bytes, unsigned char ret[CHECKSUM_BYTES])
{
    (void)crypto_generichash(ret, CHECKSUM_BYTES, (const unsigned char *)bytes.ptr, bytes.len, NULL,
                             0); /* cannot fail */
}

static enum err_class read_entries(struct reader *reader, struct keyring *ring, struct err *err)
{
    uint64_t count = take_number(reader, 1);
    uint32_t newest = 0;

    if (count < 1 || count > VAULT_VERSIONS_MAX)
        return malformed(err);
    for (size_t i = 0; i < count; i++) {
        struct keyring_version *entry = &ring->versions[i];

        entry->version = (uint32_t)take_number(reader, 4);
        entry->created_ms = (int64_t)take_number(reader, 8);
        entry->wrapped_len = (uint32_t)take_number(reader, 2);
        if (entry->version <= newest || entry->wrapped_len == 0 ||
            entry->wrapped_len > KEYRING_WRAPPED_MAX || entry->wrapped_len > reader->left)
            return malformed(err);
        memcpy(entry->wrapped, take(reader, entry->wrapped_len), entry->wrapped_len);
        newest = entry->version;
        ring->count++;
    }
    return ERR_OK;
}

static enum err_class read_ring(struct str bytes, struct keyring *ring, struct err *err)
{
    struct reader reader = {(const unsigned char *)bytes.ptr + MAGIC_BYTES + 1,
                            bytes.len - MAGIC_BYTES - 1, false};
    enum err_class rc;

    memcpy(ring->provider, take(&reader, NAME_BYTES), VAULT_PROVIDER_NAME_MAX);
    memcpy(ring->provider_id, take(&reader, VAULT_PROVIDER_ID_BYTES), VAULT_PROVIDER_ID_BYTES);
    ring->seal = (uint32_t)take_number(&reader, 4);
    ring->db = (uint32_t)take_number(&reader, 4);
    ring->db_next = (uint32_t)take_number(&reader, 4);
    rc = read_entries(&reader, ring, err);
    if (rc == ERR_OK &&
        (reader.short_of || reader.left != TAIL_BYTES || !keyring_find(ring, ring->seal) ||
         !keyring_find(ring, ring->db) || (ring->db_next && !keyring_find(ring, ring->db_next))))
        return malformed(err);
    return rc;
}

/* A root as it was written before there were keyrings; whether it is one, its provider tells. */
static void read_one_root(struct str bytes, struct keyring *ring)
{
    (void)snprintf(ring->provider, sizeof(ring->provider), "file");
    ring->seal = ring->db = 1;
    ring->count = 1;
    ring->versions[0].version = 1;
    ring->versions[0].wrapped_len = (uint32_t)bytes.len;
    memcpy(ring->versions[0].wrapped, bytes.ptr, bytes.len);
    /* Who wrapped it stands in the root itself. */
    memcpy(ring->provider_id, bytes.ptr + MAGIC_BYTES + 1, VAULT_PROVIDER_ID_BYTES);
}

/* The one that wrapped the ring: by its id, else by its name (it will tell what differs). */
static struct vault_provider *provider_of(struct vault_provider *first, const struct keyring *ring)
{
    for (struct vault_provider *at = first; at; at = at->next)
        if (strcmp(at->ops->name, ring->provider) == 0 &&
            memcmp(at->id, ring->provider_id, sizeof(at->id)) == 0)
            return at;
    for (struct vault_provider *at = first; at; at = at->next)
        if (strcmp(at->ops->name, ring->provider) == 0)
            return at;
    return NULL;
}

static enum err_class unwrap_all(const struct ctx *ctx, struct vault_provider *first,
                                 struct keyring *ring, struct err *err)
{
    struct vault_provider *provider = provider_of(first, ring);
    enum err_class rc = ERR_OK;

    if (!provider)
        return err_set(err, ERR_KEY,
                       "it was wrapped by the provider %.15s, and this folder uses %s: put the "
                       "right keys/provider.conf back",
                       ring->provider, first->ops->name);
    for (size_t i = 0; i < ring->count && rc == ERR_OK; i++) {
        struct keyring_version *entry = &ring->versions[i];
        const struct str wrapped = {(const char *)entry->wrapped, entry->wrapped_len};

        rc = provider->ops->unwrap(provider, ctx, ring->owner, wrapped, entry->root, err);
    }
    return rc;
}

/* It stands at the end of what the MAC covers. */
static enum err_class open_lasting(struct keyring *ring, struct str maced, struct err *err)
{
    const unsigned char *at = (const unsigned char *)maced.ptr + maced.len - LASTING_BYTES;
    unsigned char key[VAULT_KEY_BYTES];
    int failed;

    keyring_derive(keyring_find(ring, ring->seal)->root, SUBKEY_LASTING, key);
    failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        ring->lasting, NULL, NULL, at + NONCE_BYTES, LASTING_BYTES - NONCE_BYTES, NULL, 0, at, key);
    sodium_memzero(key, sizeof(key));
    return failed ? malformed(err) : ERR_OK;
}

static void put_lasting(const struct ctx *ctx, struct keyring *ring, struct strbuf *bytes)
{
    unsigned char sealed[LASTING_BYTES], key[VAULT_KEY_BYTES];

    keyring_derive(keyring_find(ring, ring->seal)->root, SUBKEY_LASTING, key);
    ctx_random(ctx, sealed, NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, NULL, ring->lasting,
                                                     VAULT_KEY_BYTES, NULL, 0, NULL, sealed,
                                                     key); /* always 0 */
    sodium_memzero(key, sizeof(key));
    strbuf_add(bytes, sealed, sizeof(sealed));
}

enum err_class keyring_parse(const struct ctx *ctx, struct vault_provider *provider,
                             const char *owner, struct str bytes, struct keyring **ret,
                             struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = ring_alloc(owner);
    unsigned char check[CHECKSUM_BYTES], mac[MAC_BYTES];
    enum err_class rc = ERR_OK;

    if (!ring)
        return err_memory(err);
    if (bytes.len < HEAD_BYTES || memcmp(bytes.ptr, MAGIC, MAGIC_BYTES) != 0 ||
        (bytes.ptr[MAGIC_BYTES] != FORMAT && bytes.ptr[MAGIC_BYTES] != FORMAT_ONE_ROOT) ||
        (bytes.ptr[MAGIC_BYTES] == FORMAT_ONE_ROOT && bytes.len > KEYRING_WRAPPED_MAX) ||
        (bytes.ptr[MAGIC_BYTES] == FORMAT && bytes.len < HEAD_BYTES + TAIL_BYTES))
        return err_set(err, ERR_KEY,
                       "it is damaged, or not a key file of this version (%zu bytes); put it back "
                       "from a backup",
                       bytes.len);
    if (bytes.ptr[MAGIC_BYTES] == FORMAT_ONE_ROOT) {
        read_one_root(bytes, ring);
        rc = unwrap_all(ctx, provider, ring, err);
        if (rc != ERR_OK)
            return rc;
        keyring_derive(ring->versions[0].root, SUBKEY_DIGEST, ring->lasting);
        *ret = TAKE(ring);
        return ERR_OK;
    }

    const struct str summed = {bytes.ptr, bytes.len - CHECKSUM_BYTES};
    const struct str maced = {bytes.ptr, summed.len - MAC_BYTES};

    checksum_of(summed, check);
    if (memcmp(check, bytes.ptr + summed.len, CHECKSUM_BYTES) != 0)
        return malformed(err);
    rc = read_ring(bytes, ring, err);
    if (rc == ERR_OK)
        rc = unwrap_all(ctx, provider, ring, err);
    if (rc != ERR_OK)
        return rc;
    mac_of(ring, keyring_find(ring, ring->seal)->root, maced, mac);
    if (sodium_memcmp(mac, bytes.ptr + maced.len, MAC_BYTES) != 0)
        return err_set(err, ERR_KEY,
                       "it was changed by somebody without its keys, or belongs to another tenant "
                       "than %s; put it back from a backup",
                       ring->owner);
    rc = open_lasting(ring, maced, err);
    if (rc == ERR_OK)
        *ret = TAKE(ring);
    return rc;
}

enum err_class keyring_load(const struct ctx *ctx, struct vault_provider *provider,
                            const char *owner, const char *path, struct keyring **ret,
                            struct err *err)
{
    AUTO(strbuf_done) struct strbuf bytes = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    enum err_class rc = disk_read(ctx, path, &bytes, err);

    if (rc == ERR_NOT_FOUND)
        return err_set(err, ERR_KEY,
                       "the key file %s is missing; without it the data of %s cannot be read: put "
                       "it back from your copy",
                       path, owner);
    if (rc == ERR_LIMIT)
        return err_set(err, ERR_KEY, "the wrapped key %s does not open: it has more than %d bytes",
                       path, VAULT_RING_BYTES_MAX);
    if (rc == ERR_OK) {
        rc = keyring_parse(ctx, provider, owner, strbuf_str(&bytes), ret, err);
        if (rc != ERR_OK)
            err_wrap(err, "the wrapped key %s does not open", path);
    }
    return rc;
}

/* ---- Writing ---- */

static void put_number(struct strbuf *buf, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        strbuf_add_char(buf, (char)(unsigned char)(number >> (8 * i)));
}

static enum err_class wrap_all(const struct ctx *ctx, struct vault_provider *provider,
                               struct keyring *ring, struct err *err)
{
    bool same = strcmp(ring->provider, provider->ops->name) == 0 &&
                memcmp(ring->provider_id, provider->id, sizeof(provider->id)) == 0;
    AUTO(strbuf_done) struct strbuf wrapped = STRBUF_INIT(KEYRING_WRAPPED_MAX);

    for (size_t i = 0; i < ring->count; i++) {
        struct keyring_version *entry = &ring->versions[i];
        enum err_class rc;

        if (same && entry->wrapped_len > 0)
            continue;
        strbuf_reset(&wrapped);
        rc = provider->ops->wrap(provider, ctx, ring->owner, entry->root, &wrapped, err);
        if (rc == ERR_OK)
            rc = strbuf_check(&wrapped, "a wrapped key", err);
        if (rc == ERR_OK && wrapped.len == 0)
            rc = err_set(err, ERR_KEY, "the provider %s wrapped a key to nothing",
                         provider->ops->name);
        if (rc != ERR_OK)
            return rc;
        memcpy(entry->wrapped, wrapped.ptr, wrapped.len);
        entry->wrapped_len = (uint32_t)wrapped.len;
    }
    memset(ring->provider, 0, sizeof(ring->provider));
    (void)snprintf(ring->provider, sizeof(ring->provider), "%s", provider->ops->name);
    memcpy(ring->provider_id, provider->id, sizeof(provider->id));
    return ERR_OK;
}

enum err_class keyring_save(const struct ctx *ctx, struct vault_provider *provider,
                            struct keyring *ring, const char *path, struct err *err)
{
    AUTO(strbuf_done) struct strbuf bytes = STRBUF_INIT(VAULT_RING_BYTES_MAX);
    unsigned char mac[MAC_BYTES], check[CHECKSUM_BYTES];
    enum err_class rc = wrap_all(ctx, provider, ring, err);

    if (rc != ERR_OK)
        return err_wrap(err, "the key of %s", ring->owner);
    strbuf_add(&bytes, MAGIC, MAGIC_BYTES);
    strbuf_add_char(&bytes, FORMAT);
    strbuf_add(&bytes, ring->provider, NAME_BYTES);
    strbuf_add(&bytes, ring->provider_id, VAULT_PROVIDER_ID_BYTES);
    put_number(&bytes, ring->seal, 4);
    put_number(&bytes, ring->db, 4);
    put_number(&bytes, ring->db_next, 4);
    put_number(&bytes, ring->count, 1);
    for (size_t i = 0; i < ring->count; i++) {
        const struct keyring_version *entry = &ring->versions[i];

        put_number(&bytes, entry->version, 4);
        put_number(&bytes, (uint64_t)entry->created_ms, 8);
        put_number(&bytes, entry->wrapped_len, 2);
        strbuf_add(&bytes, entry->wrapped, entry->wrapped_len);
    }
    put_lasting(ctx, ring, &bytes);
    mac_of(ring, keyring_find(ring, ring->seal)->root, strbuf_str(&bytes), mac);
    strbuf_add(&bytes, mac, sizeof(mac));
    checksum_of(strbuf_str(&bytes), check);
    strbuf_add(&bytes, check, sizeof(check));
    rc = strbuf_check(&bytes, "a keyring", err);
    return rc == ERR_OK ? disk_write(ctx, path, strbuf_str(&bytes), err) : rc;
}

/* ---- Packed, for shares ---- */

static unsigned char *pack_number(unsigned char *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        *at++ = (unsigned char)(number >> (8 * i));
    return at;
}

size_t keyring_pack(const struct keyring *ring, unsigned char ret[KEYRING_PACKED_MAX])
{
    unsigned char *at = ret;

    at = pack_number(at, ring->count, 1);
    at = pack_number(at, ring->seal, 4);
    at = pack_number(at, ring->db, 4);
    at = pack_number(at, ring->db_next, 4);
    memcpy(at, ring->lasting, VAULT_KEY_BYTES);
    at += VAULT_KEY_BYTES;
    for (size_t i = 0; i < ring->count; i++) {
        at = pack_number(at, ring->versions[i].version, 4);
        at = pack_number(at, (uint64_t)ring->versions[i].created_ms, 8);
        memcpy(at, ring->versions[i].root, VAULT_KEY_BYTES);
        at += VAULT_KEY_BYTES;
    }
    return (size_t)(at - ret);
}

enum err_class keyring_unpack(const char *owner, struct str packed, struct keyring **ret,
                              struct err *err)
{
    struct reader reader = {(const unsigned char *)packed.ptr, packed.len, false};
    AUTO(keyring_free_autop) struct keyring *ring = ring_alloc(owner);
    uint64_t count = take_number(&reader, 1);

    if (!ring)
        return err_memory(err);
    ring->count = count <= VAULT_VERSIONS_MAX ? count : 0;
    ring->seal = (uint32_t)take_number(&reader, 4);
    ring->db = (uint32_t)take_number(&reader, 4);
    ring->db_next = (uint32_t)take_number(&reader, 4);
    for (size_t i = 0; i < VAULT_KEY_BYTES; i++)
        ring->lasting[i] = (unsigned char)take_number(&reader, 1);
    for (size_t i = 0; i < ring->count; i++) {
        ring->versions[i].version = (uint32_t)take_number(&reader, 4);
        ring->versions[i].created_ms = (int64_t)take_number(&reader, 8);
        for (size_t k = 0; k < VAULT_KEY_BYTES; k++)
            ring->versions[i].root[k] = (unsigned char)take_number(&reader, 1);
    }
    if (reader.short_of || reader.left > 0 || ring->count == 0 || !keyring_find(ring, ring->seal) ||
        !keyring_find(ring, ring->db) || (ring->db_next && !keyring_find(ring, ring->db_next)))
        return err_set(err, ERR_INPUT, "the shares hold no keys of this version");
    *ret = TAKE(ring);
    return ERR_OK;
}
