#ifndef CUSTODY_ROTATE_H
#define CUSTODY_ROTATE_H
#include "custody/reseal.h"
#include "vault/keyring.h"

/*
 * The life of one owner's keys. Rotation has three steps, each of which can be cut at any moment
 * and done again; how far it came the keyring and the values themselves say: rotate_begin     a new
 * version of the root seals from now on         alone, milliseconds reseal_all       what the old
 * ones sealed is sealed with it          with others rotate_database  the database and its digests
 * are written with it    alone, as long as a copy After that an old version is of no use any more,
 * and rotate_retire destroys it.
 *
 * "Alone" means that nobody has the owner's database open, in any process (store/open_lock.h).
 */
struct key_owner {
    const struct ctx *ctx; /* borrowed, as are all here */
    const struct catalog *catalog;
    struct vault_provider *provider;
    struct audit *audit;
    const char *data_dir;
    const char *tenant; /* its id; NULL: the control data */
};

/* Where the owner stands. */
struct key_state {
    uint32_t seal, db, db_next; /* as in struct keyring */
    size_t count;
    struct {
        uint32_t version;
        int64_t created_ms;
    } versions[VAULT_VERSIONS_MAX];
    char provider[VAULT_PROVIDER_NAME_MAX + 1];
    unsigned char provider_id[VAULT_PROVIDER_ID_BYTES];
};
MUST_USE enum err_class rotate_look(const struct key_owner *owner, struct key_state *ret,
                                    struct err *err);

/*
 * Takes the owner alone, sees to it that a version newer than the database's seals, and lets go.
 * A rotation that was begun goes on: no second version is made. ERR_CONFLICT: in use.
 */
MUST_USE enum err_class rotate_begin(const struct key_owner *owner, uint32_t *ret_version,
                                     struct err *err);
/*
 * Takes the owner alone and writes the database in the version that seals; nothing to do: fine.
 * ERR_CONFLICT: in use. ERR_SPACE: there must be room for a second database.
 */
MUST_USE enum err_class rotate_database(const struct key_owner *owner, struct err *err);
/*
 * Takes the owner alone and destroys the version. ERR_CONFLICT: something is sealed with it, or it
 * is the present one, or the owner is in use; ERR_NOT_FOUND: it is not there.
 */
MUST_USE enum err_class rotate_retire(const struct key_owner *owner, uint32_t version,
                                      struct err *err);
/* Wraps all versions with `provider`, unless it has. The caller has made sure that nobody else
 * opens the owner. */
MUST_USE enum err_class rotate_rewrap(const struct key_owner *owner,
                                      struct vault_provider *provider, struct err *err);
/* The keyring, with its roots. */
MUST_USE enum err_class rotate_keyring(const struct key_owner *owner, struct keyring **ret,
                                       struct err *err);

#endif
