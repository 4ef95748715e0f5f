#ifndef VAULT_KEYRING_H
#define VAULT_KEYRING_H
#include "vault/provider.h"

/*
 * The keyring file (tenant.key, control.key): every live version of one owner's root, each wrapped
 * by the provider. For those who change it (rotation, another provider, shares); who only seals and
 * opens uses vault.h. A keyring with its roots lives in sodium_malloc memory. One thread at a time.
 */
#define KEYRING_WRAPPED_MAX 4096 /* bytes of one wrapped root */

struct keyring_version {
    uint32_t version;     /* >= 1; never used twice */
    int64_t created_ms;   /* 0: before keyrings noted it */
    uint32_t wrapped_len; /* 0: keyring_save is to wrap it */
    unsigned char wrapped[KEYRING_WRAPPED_MAX];
    unsigned char root[VAULT_KEY_BYTES];
};

struct keyring {
    char owner[VAULT_OWNER_MAX + 1];
    char provider[VAULT_PROVIDER_NAME_MAX + 1]; /* who wrapped it, as the file says */
    unsigned char provider_id[VAULT_PROVIDER_ID_BYTES];
    uint32_t seal;    /* the version that seals what is written now */
    uint32_t db;      /* the version that the database is written in, and its digests */
    uint32_t db_next; /* the version that it is being rewritten in; 0: none */
    /* The key of digests that are not computed anew, since nobody has their texts any more: it
     * began as the first version's and stays when that is retired. */
    unsigned char lasting[VAULT_KEY_BYTES];
    size_t count; /* 1..VAULT_VERSIONS_MAX, versions ascending */
    struct keyring_version versions[VAULT_VERSIONS_MAX];
};
void keyring_free(struct keyring *ring); /* wipes; NULL is fine */
AUTO_DEFINE(struct keyring, keyring_free)

/* Of a new owner: one version, that of `now`. Not written yet. ERR_MEMORY. */
MUST_USE enum err_class keyring_new(const struct ctx *ctx, const char *owner, struct keyring **ret,
                                    struct err *err);
/* ERR_KEY names the file and what is wrong with it. */
MUST_USE enum err_class keyring_load(const struct ctx *ctx, struct vault_provider *provider,
                                     const char *owner, const char *path, struct keyring **ret,
                                     struct err *err);
MUST_USE enum err_class keyring_parse(const struct ctx *ctx, struct vault_provider *provider,
                                      const char *owner, struct str bytes, struct keyring **ret,
                                      struct err *err);
/*
 * Writes it whole and durably in the present format. What `provider` wrapped before is written as
 * it was; all else is wrapped now. `provider` itself, not the ones that follow it.
 */
MUST_USE enum err_class keyring_save(const struct ctx *ctx, struct vault_provider *provider,
                                     struct keyring *ring, const char *path, struct err *err);

/* NULL: it is not here. */
struct keyring_version *keyring_find(struct keyring *ring, uint32_t version);
/* A new random version, not yet used for anything. ERR_LIMIT: retire an old one first. */
MUST_USE enum err_class keyring_add(const struct ctx *ctx, struct keyring *ring, uint32_t *ret,
                                    struct err *err);
/* Destroys a version; one that the ring itself names must not be dropped. */
void keyring_drop(struct keyring *ring, uint32_t version);

/* All that a ring holds, unwrapped, in at most KEYRING_PACKED_MAX bytes: for shares
 * (vault/shares.h). The caller wipes them. */
#define KEYRING_PACKED_MAX                                                                         \
    (1 + 3 * 4 + VAULT_KEY_BYTES + VAULT_VERSIONS_MAX * (4 + 8 + VAULT_KEY_BYTES))
size_t keyring_pack(const struct keyring *ring, unsigned char ret[KEYRING_PACKED_MAX]);
/* ERR_INPUT: it is no such thing. */
MUST_USE enum err_class keyring_unpack(const char *owner, struct str packed, struct keyring **ret,
                                       struct err *err);

/* The subkeys of a root; numbers are for ever. */
enum keyring_subkey {
    SUBKEY_DB = 1,
    SUBKEY_SEAL = 2,
    SUBKEY_DIGEST = 3,
    SUBKEY_BACKUP = 4,
    SUBKEY_RING = 5,
    SUBKEY_LASTING = 6,
};
void keyring_derive(const unsigned char root[VAULT_KEY_BYTES], enum keyring_subkey subkey,
                    unsigned char ret[VAULT_KEY_BYTES]);

#endif
