/*
 * provider_file.c: the `file` key provider: one 32-byte key in <data>/keys/file.key, 0600.
 *
 * A wrapped root says by which key it was wrapped (an 8-byte digest of that key), so that a wrong
 * key file is told as such and not as damage. Layout of a wrapped root:
 *     "TENONKEY" | version 1 | key id (8) | nonce (24) | sealed root (32) | tag (16)
 * with the owner and the bytes before the nonce as associated data.
 */
#include "vault/provider.h"

#include <assert.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/disk.h"

#define MAGIC "TENONKEY"
#define MAGIC_BYTES 8
#define VERSION 1
#define KEY_ID_BYTES VAULT_PROVIDER_ID_BYTES
#define PREFIX_BYTES (MAGIC_BYTES + 1 + KEY_ID_BYTES)
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define WRAPPED_BYTES (PREFIX_BYTES + NONCE_BYTES + VAULT_KEY_BYTES + TAG_BYTES)

struct file_provider {
    struct vault_provider base; /* first, so that the pointers are the same */
    unsigned char key[VAULT_KEY_BYTES];
};

static size_t owner_data(const char *owner, const unsigned char *prefix,
                         unsigned char ret[PREFIX_BYTES + VAULT_OWNER_MAX])
{
    size_t len = strlen(owner);

    assert(len <= VAULT_OWNER_MAX);
    memcpy(ret, prefix, PREFIX_BYTES);
    memcpy(ret + PREFIX_BYTES, owner, len);
    return PREFIX_BYTES + len;
}

static enum err_class file_wrap(struct vault_provider *provider, const struct ctx *ctx,
                                const char *owner, const unsigned char root[VAULT_KEY_BYTES],
                                struct strbuf *ret, struct err *err)
{
    const struct file_provider *self = (const struct file_provider *)provider;
    unsigned char ad[PREFIX_BYTES + VAULT_OWNER_MAX];
    unsigned char *at = (unsigned char *)strbuf_grow(ret, WRAPPED_BYTES);

    if (!at)
        return strbuf_check(ret, "a wrapped key", err);
    memcpy(at, MAGIC, MAGIC_BYTES);
    at[MAGIC_BYTES] = VERSION;
    memcpy(at + MAGIC_BYTES + 1, self->base.id, KEY_ID_BYTES);
    ctx_random(ctx, at + PREFIX_BYTES, NONCE_BYTES);

    size_t ad_len = owner_data(owner, at, ad);

    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(at + PREFIX_BYTES + NONCE_BYTES, NULL, root,
                                                     VAULT_KEY_BYTES, ad, ad_len, NULL,
                                                     at + PREFIX_BYTES, self->key); /* always 0 */
    return ERR_OK;
}

static enum err_class file_unwrap(struct vault_provider *provider, const struct ctx *ctx,
                                  const char *owner, struct str wrapped,
                                  unsigned char root[VAULT_KEY_BYTES], struct err *err)
{
    const struct file_provider *self = (const struct file_provider *)provider;
    const unsigned char *in = (const unsigned char *)wrapped.ptr;
    unsigned char ad[PREFIX_BYTES + VAULT_OWNER_MAX];

    (void)ctx;
    if (wrapped.len != WRAPPED_BYTES || memcmp(in, MAGIC, MAGIC_BYTES) != 0 ||
        in[MAGIC_BYTES] != VERSION)
        return err_set(err, ERR_KEY, "it is not a wrapped key of this version (%zu bytes)",
                       wrapped.len);
    if (memcmp(in + MAGIC_BYTES + 1, self->base.id, KEY_ID_BYTES) != 0) {
        char have[2 * KEY_ID_BYTES + 1], want[2 * KEY_ID_BYTES + 1];

        sodium_bin2hex(have, sizeof(have), self->base.id, KEY_ID_BYTES);
        sodium_bin2hex(want, sizeof(want), in + MAGIC_BYTES + 1, KEY_ID_BYTES);
        return err_set(err, ERR_KEY,
                       "it was wrapped by key %s, and keys/file.key holds key %s; put the right "
                       "keys/file.key back",
                       want, have);
    }

    size_t ad_len = owner_data(owner, in, ad);

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            root, NULL, NULL, in + PREFIX_BYTES + NONCE_BYTES, VAULT_KEY_BYTES + TAG_BYTES, ad,
            ad_len, in + PREFIX_BYTES, self->key) != 0)
        return err_set(err, ERR_KEY, "it is damaged, or belongs to another tenant than %s", owner);
    return ERR_OK;
}

static void file_free(struct vault_provider *provider)
{
    sodium_free(provider); /* wipes */
}

static const struct vault_provider_ops file_ops = {
    .name = "file",
    .wrap = file_wrap,
    .unwrap = file_unwrap,
    .free = file_free,
};

static enum err_class create_key(const struct ctx *ctx, const char *data_dir, const char *path,
                                 struct err *err)
{
    AUTO(free_autop) char *dir = disk_join(data_dir, "keys");
    unsigned char key[VAULT_KEY_BYTES];

    if (!dir)
        return err_memory(err);

    enum err_class rc = disk_make_dir(ctx, dir, err);

    if (rc != ERR_OK)
        return rc;
    ctx_random(ctx, key, sizeof(key));
    rc = disk_write(ctx, path, (struct str){(const char *)key, sizeof(key)}, err);
    sodium_memzero(key, sizeof(key));
    return rc;
}

static enum err_class check_mode(const char *path, struct err *err)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return err_set(err, ERR_KEY,
                       "the key file %s can be read by others (mode %04o); run: chmod 600 %s", path,
                       (unsigned)(st.st_mode & 07777), path);
    return ERR_OK;
}

static enum err_class load_key(const struct ctx *ctx, const char *path, struct strbuf *text,
                               struct vault_provider **ret, struct err *err)
{
    enum err_class rc = disk_read(ctx, path, text, err);

    if (rc == ERR_NOT_FOUND)
        return err_set(err, ERR_KEY,
                       "the key file %s is missing; without it nothing here can be read: put it "
                       "back from your copy",
                       path);
    if (rc == ERR_LIMIT)
        return err_set(err, ERR_KEY,
                       "the key file %s has more than %zu bytes instead of %d; put it back from "
                       "your copy",
                       path, text->max, VAULT_KEY_BYTES);
    if (rc != ERR_OK)
        return rc;
    if (text->len != VAULT_KEY_BYTES)
        return err_set(err, ERR_KEY,
                       "the key file %s has %zu bytes instead of %d; put it back from your copy",
                       path, text->len, VAULT_KEY_BYTES);
    rc = check_mode(path, err);
    if (rc != ERR_OK)
        return rc;

    struct file_provider *self = sodium_malloc(sizeof(*self));

    if (!self)
        return err_memory(err);
    sodium_memzero(self, sizeof(*self));
    self->base.ops = &file_ops;
    memcpy(self->key, text->ptr, VAULT_KEY_BYTES);

    unsigned char digest[crypto_generichash_BYTES_MIN];

    (void)crypto_generichash(digest, sizeof(digest), self->key, VAULT_KEY_BYTES,
                             (const unsigned char *)"tenon key id", 12); /* cannot fail */
    memcpy(self->base.id, digest, KEY_ID_BYTES);
    *ret = &self->base;
    return ERR_OK;
}

enum err_class vault_file_provider(const struct ctx *ctx, const char *data_dir, bool create,
                                   struct vault_provider **ret, struct err *err)
{
    AUTO(free_autop) char *path = disk_join(data_dir, "keys/file.key");
    struct strbuf text = STRBUF_INIT(4096);
    enum err_class rc = ERR_OK;

    if (!path)
        return err_memory(err);
    if (create && !disk_exists(ctx, path))
        rc = create_key(ctx, data_dir, path, err);
    if (rc == ERR_OK)
        rc = load_key(ctx, path, &text, ret, err);
    vault_wipe(&text);
    return rc;
}
