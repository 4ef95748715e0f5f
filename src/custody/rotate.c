/*
 * rotate.c: new versions of a root, and the end of old ones.
 *
 * Writing the database in another version: the keyring first says "on the way to N"; a copy is made
 * beside the database with N's key, its digests are computed with N's; the copy takes the
 * database's name; the keyring says N. Whoever opens between the last two finds that the old key
 * does not fit and takes the one on the way (store/data.c). A copy that was not finished is thrown
 * away by the next try. So at each moment there is one whole database and a key that opens it.
 *
 * Each act is written into the audit trail before it is done.
 */
#include "custody/rotate.h"

#include <assert.h>

#include "base/disk_stream.h"
#include "store/schema.h"

struct paths {
    char *dir, *key, *db, *fresh;
};

static void paths_done(struct paths *paths)
{
    free(paths->dir);
    free(paths->key);
    free(paths->db);
    free(paths->fresh);
}

static enum err_class paths_of(const struct key_owner *owner, struct paths *ret, struct err *err)
{
    AUTO(free_autop) char *tenants = disk_join(owner->data_dir, "tenants");

    if (tenants)
        ret->dir = owner->tenant ? disk_join(tenants, owner->tenant) : strdup(owner->data_dir);
    if (ret->dir) {
        ret->key = disk_join(ret->dir, owner->tenant ? "tenant.key" : "control.key");
        ret->db = disk_join(ret->dir, owner->tenant ? "tenant.db" : "control.db");
        ret->fresh = disk_join(ret->dir, owner->tenant ? "tenant.db.new" : "control.db.new");
    }
    return ret->key && ret->db && ret->fresh ? ERR_OK : err_memory(err);
}

static const char *name_of(const struct key_owner *owner)
{
    return owner->tenant ? owner->tenant : "control";
}

static enum record_scope scope_of(const struct key_owner *owner)
{
    return owner->tenant ? SCOPE_TENANT : SCOPE_CONTROL;
}

static enum err_class load(const struct key_owner *owner, const struct paths *paths,
                           struct keyring **ret, struct err *err)
{
    return keyring_load(owner->ctx, owner->provider, name_of(owner), paths->key, ret, err);
}

/* The one that wrapped the ring goes on wrapping it. */
static struct vault_provider *provider_of(const struct key_owner *owner, const struct keyring *ring)
{
    for (struct vault_provider *at = owner->provider; at; at = at->next)
        if (strcmp(at->ops->name, ring->provider) == 0 &&
            memcmp(at->id, ring->provider_id, sizeof(at->id)) == 0)
            return at;
    return owner->provider;
}

static enum err_class save(const struct key_owner *owner, const struct paths *paths,
                           struct keyring *ring, struct err *err)
{
    return keyring_save(owner->ctx, provider_of(owner, ring), ring, paths->key, err);
}

static enum err_class write_down(const struct key_owner *owner, enum audit_act act,
                                 uint32_t version, struct err *err)
{
    const struct audit_entry entry = {.act = act, .tenant = owner->tenant, .row = version};

    return audit_write(owner->audit, owner->ctx, &entry, err);
}

enum err_class rotate_keyring(const struct key_owner *owner, struct keyring **ret, struct err *err)
{
    AUTO(paths_done) struct paths paths = {0};
    enum err_class rc = paths_of(owner, &paths, err);

    return rc == ERR_OK ? load(owner, &paths, ret, err) : rc;
}

enum err_class rotate_look(const struct key_owner *owner, struct key_state *ret, struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = rotate_keyring(owner, &ring, err);

    if (rc != ERR_OK)
        return rc;
    *ret = (struct key_state){
        .seal = ring->seal, .db = ring->db, .db_next = ring->db_next, .count = ring->count};
    for (size_t i = 0; i < ring->count; i++) {
        ret->versions[i].version = ring->versions[i].version;
        ret->versions[i].created_ms = ring->versions[i].created_ms;
    }
    memcpy(ret->provider, ring->provider, sizeof(ret->provider));
    memcpy(ret->provider_id, ring->provider_id, sizeof(ret->provider_id));
    return ERR_OK;
}

/* ---- The first step ---- */

static enum err_class begin_alone(const struct key_owner *owner, const struct paths *paths,
                                  uint32_t *ret_version, struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    uint32_t version = 0;
    enum err_class rc = load(owner, paths, &ring, err);

    if (rc == ERR_OK && ring->seal != ring->db) { /* begun, and not yet at its end */
        *ret_version = ring->seal;
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = keyring_add(owner->ctx, ring, &version, err);
    if (rc == ERR_OK)
        rc = write_down(owner, AUDIT_KEY_ROTATED, version, err);
    if (rc != ERR_OK)
        return rc;
    ring->seal = version;
    rc = save(owner, paths, ring, err);
    if (rc == ERR_OK)
        *ret_version = version;
    return rc;
}

enum err_class rotate_begin(const struct key_owner *owner, uint32_t *ret_version, struct err *err)
{
    AUTO(paths_done) struct paths paths = {0};
    struct disk_lock alone = {-1};
    enum err_class rc = paths_of(owner, &paths, err);

    if (rc == ERR_OK)
        rc = open_lock_alone(owner->ctx, paths.dir, &alone, err);
    if (rc == ERR_OK)
        rc = begin_alone(owner, &paths, ret_version, err);
    disk_unlock(owner->ctx, &alone);
    return rc;
}

/* ---- The database ---- */

static enum err_class remove_beside(const struct key_owner *owner, const char *path,
                                    struct err *err)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < ARRAY_LEN(ends) && rc == ERR_OK; i++) {
        AUTO(strbuf_done) struct strbuf name = STRBUF_INIT(8192);

        strbuf_addf(&name, "%s%s", path, ends[i]);
        rc = strbuf_check(&name, "a path", err);
        if (rc == ERR_OK)
            rc = disk_remove(owner->ctx, strbuf_z(&name), err);
    }
    return rc;
}

/* The old one has been closed, so its log is in it; a log beside another database would be ruin. */
static enum err_class check_no_log(const struct key_owner *owner, const struct paths *paths,
                                   struct err *err)
{
    AUTO(strbuf_done) struct strbuf log = STRBUF_INIT(8192);
    enum err_class rc;

    strbuf_addf(&log, "%s-wal", paths->db);
    rc = strbuf_check(&log, "a path", err);
    if (rc == ERR_OK && disk_exists(owner->ctx, strbuf_z(&log)))
        return err_set(err, ERR_CONFLICT,
                       "the log of %s is still there: another program has the database open",
                       paths->db);
    return rc;
}

/* A vault whose database key is that of the version on the way. */
static enum err_class open_next(const struct key_owner *owner, const struct paths *paths,
                                struct vault **ret, struct err *err)
{
    enum err_class rc =
        vault_open(owner->ctx, owner->provider, name_of(owner), paths->key, ret, err);

    if (rc == ERR_OK && !vault_db_try_next(*ret))
        return err_set(err, ERR_BUG, "the keyring of %s is on the way to nothing", name_of(owner));
    return rc;
}

static enum err_class fill_digests(const struct key_owner *owner, const struct paths *paths,
                                   struct vault *next, struct err *err)
{
    AUTO(db_close_autop) struct db *fresh = NULL;
    const struct db_options options = {
        .path = paths->fresh, .key = vault_db_key(next), .scratch = true};
    struct reseal reseal = {
        .ctx = owner->ctx, .catalog = owner->catalog, .scope = scope_of(owner), .vault = next};
    enum err_class rc = db_open(owner->ctx, &options, &fresh, err);

    if (rc == ERR_OK)
        rc = schema_verify(fresh, owner->catalog, scope_of(owner), err);
    reseal.db = fresh;
    return rc == ERR_OK ? reseal_digests(&reseal, err) : rc;
}

/* *ret_done: it had been moved into place before, and only the keyring does not say so yet. */
static enum err_class make_fresh(const struct key_owner *owner, const struct paths *paths,
                                 struct vault *next, bool *ret_done, struct err *err)
{
    AUTO(vault_close_autop) struct vault *old = NULL;
    AUTO(db_close_autop) struct db *db = NULL;
    struct db_options options = {.path = paths->db};
    enum err_class rc =
        vault_open(owner->ctx, owner->provider, name_of(owner), paths->key, &old, err);

    if (rc != ERR_OK)
        return rc;
    options.key = vault_db_key(old);
    rc = db_open(owner->ctx, &options, &db, err);
    if (rc == ERR_KEY) {
        *err = (struct err){0};
        options.key = vault_db_key(next);
        rc = db_open(owner->ctx, &options, &db, err);
        *ret_done = rc == ERR_OK;
        return rc;
    }
    if (rc == ERR_OK)
        rc = db_copy(db, paths->fresh, vault_db_key(next), err);
    return rc;
}

static enum err_class replace(const struct key_owner *owner, const struct paths *paths,
                              struct err *err)
{
    AUTO(vault_close_autop) struct vault *next = NULL;
    bool done = false;
    enum err_class rc = open_next(owner, paths, &next, err);

    if (rc == ERR_OK)
        rc = remove_beside(owner, paths->fresh, err);
    if (rc == ERR_OK)
        rc = make_fresh(owner, paths, next, &done, err);
    if (rc != ERR_OK || done)
        return rc;
    rc = fill_digests(owner, paths, next, err);
    if (rc == ERR_OK)
        rc = disk_sync(owner->ctx, paths->fresh, err);
    if (rc == ERR_OK)
        rc = check_no_log(owner, paths, err);
    return rc == ERR_OK ? disk_move(owner->ctx, paths->fresh, paths->db, err) : rc;
}

static enum err_class database_alone(const struct key_owner *owner, const struct paths *paths,
                                     struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = load(owner, paths, &ring, err);

    if (rc != ERR_OK || (ring->db == ring->seal && ring->db_next == 0))
        return rc;
    if (ring->db_next == 0) {
        ring->db_next = ring->seal;
        rc = save(owner, paths, ring, err);
    }
    if (rc == ERR_OK)
        rc = replace(owner, paths, err);
    if (rc != ERR_OK) {
        struct err ignored = {0};

        err_ignore(remove_beside(owner, paths->fresh, &ignored)); /* the first is told */
        return rc;
    }
    ring->db = ring->db_next;
    ring->db_next = 0;
    return save(owner, paths, ring, err);
}

enum err_class rotate_database(const struct key_owner *owner, struct err *err)
{
    AUTO(paths_done) struct paths paths = {0};
    struct disk_lock alone = {-1};
    enum err_class rc = paths_of(owner, &paths, err);

    if (rc == ERR_OK)
        rc = open_lock_alone(owner->ctx, paths.dir, &alone, err);
    if (rc == ERR_OK)
        rc = database_alone(owner, &paths, err);
    disk_unlock(owner->ctx, &alone);
    return rc;
}

/* ---- The end of a version ---- */

static enum err_class check_unused(const struct key_owner *owner, const struct paths *paths,
                                   uint32_t version, struct err *err)
{
    AUTO(vault_close_autop) struct vault *vault = NULL;
    AUTO(db_close_autop) struct db *db = NULL;
    struct reseal reseal = {.ctx = owner->ctx, .catalog = owner->catalog, .scope = scope_of(owner)};
    struct reseal_counts counts;
    struct db_options options = {.path = paths->db};
    enum err_class rc =
        vault_open(owner->ctx, owner->provider, name_of(owner), paths->key, &vault, err);

    if (rc != ERR_OK)
        return rc;
    options.key = vault_db_key(vault);
    rc = db_open(owner->ctx, &options, &db, err);
    reseal.db = db;
    if (rc == ERR_OK)
        rc = reseal_count(&reseal, &counts, err);
    for (size_t i = 0; rc == ERR_OK && i < counts.count; i++)
        if (counts.version[i] == version)
            return err_set(err, ERR_CONFLICT,
                           "%lld values of %s are sealed with version %u; run `tenon keys rotate` "
                           "to its end first",
                           (long long)counts.values[i], name_of(owner), version);
    return rc;
}

static enum err_class retire_alone(const struct key_owner *owner, const struct paths *paths,
                                   uint32_t version, struct err *err)
{
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    enum err_class rc = load(owner, paths, &ring, err);

    if (rc != ERR_OK)
        return rc;
    if (!keyring_find(ring, version))
        return err_set(err, ERR_NOT_FOUND, "%s has no version %u of its key", name_of(owner),
                       version);
    if (version == ring->seal)
        return err_set(err, ERR_CONFLICT,
                       "version %u of %s seals what is written now; run `tenon keys rotate` first",
                       version, name_of(owner));
    if (version == ring->db || version == ring->db_next)
        return err_set(err, ERR_CONFLICT,
                       "the database of %s is written in version %u; run `tenon keys rotate` to "
                       "its end first",
                       name_of(owner), version);
    rc = check_unused(owner, paths, version, err);
    if (rc == ERR_OK)
        rc = write_down(owner, AUDIT_KEY_RETIRED, version, err);
    if (rc != ERR_OK)
        return rc;
    keyring_drop(ring, version);
    return save(owner, paths, ring, err);
}

enum err_class rotate_retire(const struct key_owner *owner, uint32_t version, struct err *err)
{
    AUTO(paths_done) struct paths paths = {0};
    struct disk_lock alone = {-1};
    enum err_class rc = paths_of(owner, &paths, err);

    if (rc == ERR_OK)
        rc = open_lock_alone(owner->ctx, paths.dir, &alone, err);
    if (rc == ERR_OK)
        rc = retire_alone(owner, &paths, version, err);
    disk_unlock(owner->ctx, &alone);
    return rc;
}

/* ---- Another provider ---- */

enum err_class rotate_rewrap(const struct key_owner *owner, struct vault_provider *provider,
                             struct err *err)
{
    AUTO(paths_done) struct paths paths = {0};
    AUTO(keyring_free_autop) struct keyring *ring = NULL;
    AUTO(keyring_free_autop) struct keyring *again = NULL;
    enum err_class rc = paths_of(owner, &paths, err);

    if (rc == ERR_OK)
        rc = load(owner, &paths, &ring, err);
    if (rc != ERR_OK || (strcmp(ring->provider, provider->ops->name) == 0 &&
                         memcmp(ring->provider_id, provider->id, sizeof(provider->id)) == 0))
        return rc;
    rc = write_down(owner, AUDIT_KEY_REWRAPPED, ring->seal, err);
    if (rc == ERR_OK)
        rc = keyring_save(owner->ctx, provider, ring, paths.key, err);
    if (rc == ERR_OK) /* and it opens again */
        rc = keyring_load(owner->ctx, provider, name_of(owner), paths.key, &again, err);
    return rc;
}
