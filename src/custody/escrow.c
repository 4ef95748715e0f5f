/*
 * escrow.c: shares of keys, keys from shares.
 *
 * Order: what is made is written into the audit trail first. A recovered keys/file.key is proved on
 * the control keyring before it stays; without one (an empty folder, before a restore) it is taken
 * as it is.
 */
#include "custody/escrow.h"

#include <sodium.h>

#include "base/civil.h"
#include "vault/shares.h"

#define NOTE "keys/shares.conf"
#define NOTE_BYTES_MAX 4096
#define ID_HEX_BYTES (2 * VAULT_PROVIDER_ID_BYTES)

static void wipe_secret(struct shares_secret *secret)
{
    sodium_memzero(secret, sizeof(*secret));
}

static void id_of(const struct vault_provider *provider, char ret[ID_HEX_BYTES + 1])
{
    sodium_bin2hex(ret, ID_HEX_BYTES + 1, provider->id, sizeof(provider->id));
}

/* ---- Splitting ---- */

/* Which key the shares are of and when they were made: not secret, for `tenon doctor`. */
static enum err_class write_note(const struct escrow_order *order, const char *set, struct err *err)
{
    const struct key_owner *owner = &order->owner;
    AUTO(free_autop) char *path = disk_join(owner->data_dir, NOTE);
    AUTO(strbuf_done) struct strbuf note = STRBUF_INIT(NOTE_BYTES_MAX);
    char id[ID_HEX_BYTES + 1];
    enum err_class rc;

    if (!path)
        return err_memory(err);
    id_of(owner->provider, id);
    strbuf_addf(&note, "%s %lld %s %lld of %lld\n", id, (long long)ctx_now_ms(owner->ctx), set,
                (long long)order->threshold, (long long)order->shares);
    rc = strbuf_check(&note, "a note", err);
    return rc == ERR_OK ? disk_write(owner->ctx, path, strbuf_str(&note), err) : rc;
}

enum err_class escrow_look(const struct ctx *ctx, const char *data_dir, int64_t *ret_made_ms,
                           struct err *err)
{
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    AUTO(free_autop) char *path = disk_join(data_dir, NOTE);
    AUTO(strbuf_done) struct strbuf note = STRBUF_INIT(NOTE_BYTES_MAX);
    char id[ID_HEX_BYTES + 1];
    struct str rest;
    enum err_class rc;

    if (!path)
        return err_memory(err);
    *ret_made_ms = 0;
    rc = disk_read(ctx, path, &note, err);
    if (rc == ERR_NOT_FOUND) {
        *err = (struct err){0};
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = vault_provider_open(ctx, data_dir, false, &provider, err);
    if (rc != ERR_OK)
        return rc;
    id_of(provider, id);
    if (str_eq_z(str_cut(strbuf_str(&note), ' ', &rest), id) &&
        !parse_i64(str_cut(rest, ' ', &rest), 1, INT64_MAX, ret_made_ms))
        *ret_made_ms = 0;
    return ERR_OK;
}

static enum err_class read_file_key(const struct ctx *ctx, const char *data_dir,
                                    unsigned char ret[VAULT_KEY_BYTES], struct err *err)
{
    AUTO(free_autop) char *path = disk_join(data_dir, "keys/file.key");
    struct strbuf key = STRBUF_INIT(VAULT_KEY_BYTES);
    enum err_class rc = path ? disk_read(ctx, path, &key, err) : err_memory(err);

    if (rc == ERR_OK && key.len != VAULT_KEY_BYTES)
        rc = err_set(err, ERR_KEY, "the key file %s has %zu bytes instead of %d", path, key.len,
                     VAULT_KEY_BYTES);
    if (rc == ERR_OK)
        memcpy(ret, key.ptr, VAULT_KEY_BYTES);
    vault_wipe(&key);
    return rc;
}

/* What is to be split: appended to `secret`, whose length is set. */
static enum err_class gather(const struct escrow_order *order, unsigned char *secret, size_t *len,
                             struct err *err)
{
    const struct key_owner *owner = &order->owner;
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc;

    if (!order->keyring && strcmp(owner->provider->ops->name, "file") != 0)
        return err_set(err, ERR_INPUT,
                       "the keys of this folder are wrapped by %s, which keeps its own key: name a "
                       "tenant, or `control`, whose keys are to be split",
                       owner->provider->ops->name);
    if (!order->keyring) {
        *len = VAULT_KEY_BYTES;
        return read_file_key(owner->ctx, owner->data_dir, secret, err);
    }
    rc = rotate_keyring(owner, &ring, err);
    if (rc == ERR_OK)
        *len = keyring_pack(ring, secret);
    return rc;
}

_Static_assert(KEYRING_PACKED_MAX <= SHARES_SECRET_MAX, "a full ring can be split");

enum err_class escrow_split(const struct escrow_order *order, struct strbuf *ret, struct err *err)
{
    const struct key_owner *owner = &order->owner;
    const struct audit_entry entry = {.act = AUDIT_KEY_SPLIT,
                                      .tenant = order->keyring ? owner->tenant : NULL,
                                      .why = order->keyring ? "keyring" : "file.key",
                                      .count = order->shares};
    const char *what = !order->keyring ? "file" : owner->tenant ? owner->tenant : "control";
    unsigned char secret[KEYRING_PACKED_MAX];
    char set[SHARES_SET_BYTES + 1] = "";
    size_t len = 0;
    enum err_class rc = gather(order, secret, &len, err);

    if (rc == ERR_OK)
        rc = shares_split(what, (struct str){(const char *)secret, len}, order->shares,
                          order->threshold, ret, set, err);
    sodium_memzero(secret, sizeof(secret));
    if (rc == ERR_OK)
        rc = audit_write(owner->audit, owner->ctx, &entry, err);
    if (rc == ERR_OK && !order->keyring)
        rc = write_note(order, set, err);
    return rc;
}

/* ---- Recovering ---- */

static enum err_class write_down(const struct ctx *ctx, const char *data_dir, const char *what,
                                 struct err *err)
{
    AUTO(audit_close_autop) struct audit *audit = NULL;
    const struct audit_entry entry = {
        .act = AUDIT_KEY_RECOVERED,
        .tenant = strcmp(what, "file") == 0 || strcmp(what, "control") == 0 ? NULL : what};
    enum err_class rc = audit_open(ctx, data_dir, &audit, err);

    return rc == ERR_OK ? audit_write(audit, ctx, &entry, err) : rc;
}

/* Does the key in keys/file.key open this folder? */
static enum err_class prove_file_key(const struct ctx *ctx, const char *data_dir, struct err *err)
{
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    AUTO(vault_close_autop) struct vault *vault = NULL;
    AUTO(free_autop) char *control = disk_join(data_dir, "control.key");
    enum err_class rc =
        control ? vault_file_provider(ctx, data_dir, false, &provider, err) : err_memory(err);

    if (rc == ERR_OK && disk_exists(ctx, control))
        rc = vault_open(ctx, provider, "control", control, &vault, err);
    return rc;
}

static enum err_class recover_file(const struct ctx *ctx, const char *data_dir,
                                   const struct shares_secret *secret, struct escrow_recovered *ret,
                                   struct err *err)
{
    AUTO(free_autop) char *keys = disk_join(data_dir, "keys");
    unsigned char have[VAULT_KEY_BYTES];
    enum err_class rc;

    (void)snprintf(ret->path, sizeof(ret->path), "%s/keys/file.key", data_dir);
    if (!keys)
        return err_memory(err);
    if (secret->len != VAULT_KEY_BYTES)
        return err_set(err, ERR_INPUT, "the shares hold no key file");
    if (disk_exists(ctx, ret->path)) {
        rc = read_file_key(ctx, data_dir, have, err);
        ret->was_there = rc == ERR_OK && sodium_memcmp(have, secret->bytes, VAULT_KEY_BYTES) == 0;
        sodium_memzero(have, sizeof(have));
        if (ret->was_there)
            return ERR_OK;
        return err_set(err, ERR_CONFLICT,
                       "there is another key in %s; move it away first, if it is not the right one",
                       ret->path);
    }
    rc = write_down(ctx, data_dir, ret->what, err);
    if (rc == ERR_OK)
        rc = disk_make_dir(ctx, keys, err);
    if (rc == ERR_OK)
        rc =
            disk_write(ctx, ret->path, (struct str){(const char *)secret->bytes, secret->len}, err);
    if (rc != ERR_OK)
        return rc;
    rc = prove_file_key(ctx, data_dir, err);
    if (rc != ERR_OK) {
        struct err ignored = {0};

        err_ignore(disk_remove(ctx, ret->path, &ignored)); /* the first is told */
        err_wrap(err, "the shares give a key, but not that of this folder");
    }
    return rc;
}

static enum err_class recover_ring(const struct ctx *ctx, const char *data_dir,
                                   const struct shares_secret *secret, struct escrow_recovered *ret,
                                   struct err *err)
{
    bool control = strcmp(ret->what, "control") == 0;
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = keyring_unpack(
        ret->what, (struct str){(const char *)secret->bytes, secret->len}, &ring, err);

    (void)snprintf(ret->path, sizeof(ret->path), "%s/%s%s/%s.key", data_dir,
                   control ? "." : "tenants/", control ? "" : ret->what,
                   control ? "control" : "tenant");
    if (rc == ERR_OK && disk_exists(ctx, ret->path))
        return err_set(err, ERR_CONFLICT,
                       "there is a key in %s; move it away first, if it is not the right one",
                       ret->path);
    if (rc == ERR_OK)
        rc = vault_provider_open(ctx, data_dir, true, &provider, err);
    if (rc == ERR_OK)
        rc = write_down(ctx, data_dir, ret->what, err);
    return rc == ERR_OK ? keyring_save(ctx, provider, ring, ret->path, err) : rc;
}

enum err_class escrow_recover(const struct ctx *ctx, const char *data_dir, struct str text,
                              struct escrow_recovered *ret, struct err *err)
{
    AUTO(wipe_secret) struct shares_secret secret = {.len = 0};
    enum err_class rc = shares_join(text, &secret, err);

    if (rc != ERR_OK)
        return rc;
    *ret = (struct escrow_recovered){.was_there = false};
    (void)snprintf(ret->what, sizeof(ret->what), "%s", secret.what);
    if (strchr(ret->what, '/') || ret->what[0] == '.')
        return err_set(err, ERR_INPUT, "the shares are of something that is no tenant");
    return strcmp(ret->what, "file") == 0 ? recover_file(ctx, data_dir, &secret, ret, err)
                                          : recover_ring(ctx, data_dir, &secret, ret, err);
}
