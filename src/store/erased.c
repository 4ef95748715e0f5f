/*
 * erased.c: who was erased, as digests.
 *
 * A person's number stands in audit lines and, while an erasure runs, in rows that are still to go;
 * so it must not be given to somebody else: the highest one that went is remembered, and person_ref
 * counts on from there.
 */
#include "store/erased.h"

#include <assert.h>
#include <sodium.h>

#define SALT_BYTES 32

struct digest {
    unsigned char bytes[VAULT_DIGEST_BYTES];
};

static struct str view(const struct digest *digest)
{
    return (struct str){(const char *)digest->bytes, sizeof(digest->bytes)};
}

/* *ret_found false: there is no salt yet, and so nobody was erased. */
static enum err_class digest_of(struct tenant *tenant, struct str account, struct digest *ret,
                                bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT salt FROM person_state WHERE id = 1 ORDER BY id LIMIT 1"), &stmt,
        err);

    if (rc == ERR_OK)
        rc = db_step(stmt, ret_found, err);
    if (rc != ERR_OK || !*ret_found)
        return rc;

    struct str salt = db_blob(stmt, 0);

    if (salt.len != SALT_BYTES)
        return err_set(err, ERR_CORRUPT,
                       "the salt of the digests of erased persons has %zu bytes instead of %d; "
                       "restore the tenant %s from a backup",
                       salt.len, SALT_BYTES, tenant->info.name);
    (void)crypto_generichash(ret->bytes, sizeof(ret->bytes), (const unsigned char *)account.ptr,
                             account.len, (const unsigned char *)salt.ptr,
                             salt.len); /* always 0 with these sizes */
    return ERR_OK;
}

enum err_class erased_make_salt(struct tenant *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    unsigned char salt[SALT_BYTES];
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("INSERT INTO person_state (id, salt, last_number) VALUES (1, $1, 0)"
                       " ON CONFLICT (id) DO NOTHING"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    ctx_random(tenant->ctx, salt, sizeof(salt));
    db_bind_blob(stmt, 1, (struct str){(const char *)salt, sizeof(salt)});
    rc = db_run(stmt, err);
    sodium_memzero(salt, sizeof(salt));
    return rc;
}

enum err_class erased_find(struct tenant *tenant, struct str account, bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct digest digest;
    bool found = false;
    enum err_class rc = digest_of(tenant, account, &digest, &found, err);

    if (rc == ERR_OK && found)
        rc = db_prepare(
            tenant->db,
            SQL("SELECT begun FROM erased_person WHERE digest = $1 ORDER BY digest LIMIT 1"), &stmt,
            err);
    if (rc == ERR_OK && found) {
        db_bind_blob(stmt, 1, view(&digest));
        rc = db_step(stmt, &found, err);
    }
    if (rc == ERR_OK)
        *ret = found;
    return rc;
}

enum err_class erased_add(struct tenant *tenant, struct str account, int64_t person,
                          struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t now_ms = ctx_now_ms(tenant->ctx);
    struct digest digest;
    bool found = false;

    assert(db_in_tx(tenant->db));

    enum err_class rc = erased_make_salt(tenant, err);

    if (rc == ERR_OK)
        rc = digest_of(tenant, account, &digest, &found, err);
    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("INSERT INTO erased_person (digest, person, begun, ended)"
                            " VALUES ($1, $2, $3, $4) ON CONFLICT (digest) DO UPDATE SET"
                            " person = coalesce(excluded.person, erased_person.person)"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_blob(stmt, 1, view(&digest));
    db_bind_i64(stmt, 3, now_ms);
    if (person) {
        db_bind_i64(stmt, 2, person);
        db_bind_null(stmt, 4);
    } else {
        db_bind_null(stmt, 2);
        db_bind_i64(stmt, 4, now_ms);
    }
    return db_run(stmt, err);
}

enum err_class erased_end(struct tenant *tenant, int64_t person, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *end = NULL;
    AUTO(db_finish_autop) struct db_stmt *number = NULL;

    assert(db_in_tx(tenant->db));

    enum err_class rc = db_prepare(
        tenant->db, SQL("UPDATE erased_person SET person = NULL, ended = $2 WHERE person = $1"),
        &end, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("UPDATE person_state SET last_number = $1"
                            " WHERE id = 1 AND last_number < $1"),
                        &number, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(end, 1, person);
    db_bind_i64(end, 2, ctx_now_ms(tenant->ctx));
    rc = db_run(end, err);
    db_bind_i64(number, 1, person);
    return rc == ERR_OK ? db_run(number, err) : rc;
}

enum err_class erased_set_cycle(struct tenant *tenant, int64_t days, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = erased_make_salt(tenant, err); /* the row that has it */

    assert(db_in_tx(tenant->db));
    if (rc == ERR_OK)
        rc = db_prepare(tenant->db, SQL("UPDATE person_state SET cycle_days = $1 WHERE id = 1"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, days);
    return db_run(stmt, err);
}

static enum err_class lift_in_tx(struct tenant *tenant, struct str account, bool *ret_was,
                                 struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct digest digest;
    bool found = false;
    enum err_class rc = digest_of(tenant, account, &digest, &found, err);

    *ret_was = false;
    if (rc != ERR_OK || !found)
        return rc;
    rc = db_prepare(tenant->db,
                    SQL("DELETE FROM erased_person WHERE digest = $1 AND person IS NULL"), &stmt,
                    err);
    if (rc != ERR_OK)
        return rc;
    db_bind_blob(stmt, 1, view(&digest));
    rc = db_run(stmt, err);
    *ret_was = rc == ERR_OK && db_changes(tenant->db) > 0;
    return rc;
}

enum err_class erased_lift(struct tenant *tenant, struct str account, bool *ret_was,
                           struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    return rc == ERR_OK ? db_end(tenant->db, lift_in_tx(tenant, account, ret_was, err), err) : rc;
}

enum err_class erased_digest(struct tenant *tenant, struct str account,
                             unsigned char ret[VAULT_DIGEST_BYTES], bool *ret_known,
                             struct err *err)
{
    struct digest digest;
    enum err_class rc = digest_of(tenant, account, &digest, ret_known, err);

    if (rc == ERR_OK && *ret_known)
        memcpy(ret, digest.bytes, VAULT_DIGEST_BYTES);
    return rc;
}

enum err_class erased_each(struct tenant *tenant,
                           enum err_class (*each)(void *arg,
                                                  const unsigned char digest[VAULT_DIGEST_BYTES],
                                                  struct err *err),
                           void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = true;
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT digest FROM erased_person ORDER BY digest"), &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        if (db_blob(stmt, 0).len == VAULT_DIGEST_BYTES)
            rc = each(arg, (const unsigned char *)db_blob(stmt, 0).ptr, err);
    return rc;
}
