/*
 * administrator.c: the administrator's password and the links that set it.
 *
 * Threads: none of its own; each call works on the caller's handle, in one transaction.
 */
#include "connect/administrator.h"

#include <sodium.h>

#define PURPOSE_CHECK "check the administrator's password"

static const struct vault_place password_place = {
    .record = "administrator", .field = "password", .row = 1};

static enum err_class exec_in_tx(struct db *db, const char *sql, struct err *err)
{
    enum err_class rc = db_begin(db, DB_WRITE, err);

    return rc == ERR_OK ? db_end(db, db_exec(db, sql, err), err) : rc;
}

enum err_class administrator_reset(struct data *data, struct err *err)
{
    enum err_class rc = data_audit(data, AUDIT_PASSWORD_RESET, NULL, NULL, err);

    return rc == ERR_OK ? exec_in_tx(data->control,
                                     SQL("DELETE FROM administrator; DELETE FROM admin_session;"
                                         " DELETE FROM sign_in_link;"),
                                     err)
                        : rc;
}

/* By the administrator, who has just proved it; or by nobody, when the proof failed. */
static enum err_class audit_admin(struct data *data, enum audit_act act, enum err_class result,
                                  struct err *err)
{
    const struct audit_who who = {.by = result == ERR_OK ? AUDIT_BY_ADMIN : AUDIT_BY_NOBODY};

    return audit_write(data->audit, data->ctx,
                       &(struct audit_entry){.act = act,
                                             .record = "administrator",
                                             .why = "password",
                                             .result = result,
                                             .who = &who},
                       err);
}

static void bind_digest(struct db_stmt *stmt, int param, const unsigned char *digest)
{
    db_bind_blob(stmt, param, (struct str){(const char *)digest, SECRET_DIGEST_BYTES});
}

static enum err_class put_link(struct db *db, const unsigned char *digest, int64_t expires_ms,
                               struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_exec(db, SQL("DELETE FROM sign_in_link"), err);

    if (rc == ERR_OK)
        rc = db_prepare(db, SQL("INSERT INTO sign_in_link (digest, expires) VALUES ($1, $2)"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    bind_digest(stmt, 1, digest);
    db_bind_i64(stmt, 2, expires_ms);
    return db_run(stmt, err);
}

enum err_class administrator_link(struct data *data, char ret[SECRET_TEXT_BYTES + 1],
                                  struct err *err)
{
    unsigned char digest[SECRET_DIGEST_BYTES];
    char link[SECRET_TEXT_BYTES + 1];
    enum err_class rc = db_begin(data->control, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    secret_new(data->ctx, link);
    secret_digest(SECRET_LINK, str_from(link), digest);
    rc = put_link(data->control, digest, ctx_now_ms(data->ctx) + SIGN_IN_LINK_MS, err);
    if (rc == ERR_OK)
        rc = data_audit(data, AUDIT_SIGN_IN_LINK, NULL, NULL, err);
    rc = db_end(data->control, rc, err);
    if (rc == ERR_OK)
        memcpy(ret, link, sizeof(link));
    sodium_memzero(link, sizeof(link));
    return rc;
}

/* The hash, appended; nothing when there is none. */
static enum err_class read_hash(struct data *data, struct strbuf *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        data->control, SQL("SELECT password FROM administrator WHERE id = 1 ORDER BY id LIMIT 1"),
        &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc != ERR_OK || !row)
        return rc;
    return vault_unseal_secret(data->vault, data->ctx, &password_place,
                               db_blob(stmt, db_col(stmt, "password")), PURPOSE_CHECK, ret, err);
}

enum err_class administrator_exists(struct data *data, bool *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        data->control, SQL("SELECT id FROM administrator ORDER BY id LIMIT 1"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row;
    return rc;
}

static enum err_class link_denied(struct err *err)
{
    return err_set(err, ERR_DENIED,
                   "the sign-in link is not good: each one works once and for 15 minutes; make a "
                   "new one on the server with `tenon admin`");
}

/* ERR_DENIED when it is not there any more. */
static enum err_class check_link(struct data *data, const unsigned char *digest, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(data->control,
                                   SQL("SELECT expires FROM sign_in_link WHERE digest = $1"
                                       " AND expires > $2 ORDER BY digest LIMIT 1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    bind_digest(stmt, 1, digest);
    db_bind_i64(stmt, 2, ctx_now_ms(data->ctx));
    rc = db_step(stmt, &row, err);
    return rc == ERR_OK && !row ? link_denied(err) : rc;
}

/* In a transaction: the link goes, the sessions go, the password is there. */
static enum err_class replace(struct data *data, const unsigned char *digest, struct str sealed,
                              struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *put = NULL;
    enum err_class rc = check_link(data, digest, err);

    if (rc == ERR_OK)
        rc = db_exec(data->control, SQL("DELETE FROM sign_in_link; DELETE FROM admin_session;"),
                     err);
    if (rc == ERR_OK)
        rc = db_prepare(data->control,
                        SQL("INSERT INTO administrator (id, password, made) VALUES (1, $1, $2)"
                            " ON CONFLICT (id) DO UPDATE SET password = excluded.password,"
                            " made = excluded.made, last_sign_in = NULL"),
                        &put, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_blob(put, 1, sealed);
    db_bind_i64(put, 2, ctx_now_ms(data->ctx));
    rc = db_run(put, err);
    return rc == ERR_OK ? audit_admin(data, AUDIT_PASSWORD_SET, ERR_OK, err) : rc;
}

enum err_class administrator_set(struct data *data, struct passwords *passwords, struct str link,
                                 struct str password, struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(PASSWORD_HASH_BYTES + VAULT_SEAL_OVERHEAD);
    unsigned char digest[SECRET_DIGEST_BYTES];
    char hash[PASSWORD_HASH_BYTES];

    if (!secret_is_well_formed(link))
        return link_denied(err);
    secret_digest(SECRET_LINK, link, digest);

    /* First a look, which costs nothing: hashing is not for everybody who asks. */
    enum err_class rc = check_link(data, digest, err);

    if (rc == ERR_OK)
        rc = password_acceptable(password, err);
    if (rc == ERR_OK)
        rc = password_hash(passwords, password, hash, err);
    if (rc == ERR_OK)
        rc = vault_seal(data->vault, data->ctx, &password_place, str_from(hash), &sealed, err);
    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(data->control, replace(data, digest, strbuf_str(&sealed), err), err);
    sodium_memzero(hash, sizeof(hash));
    strbuf_done(&sealed);
    return rc;
}

static enum err_class note_sign_in(struct data *data, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        data->control, SQL("UPDATE administrator SET last_sign_in = $1 WHERE id = 1"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(data->control, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, ctx_now_ms(data->ctx));
    return db_end(data->control, db_run(stmt, err), err);
}

/* A refusal is written down as well, and one that cannot be is told instead of it. */
static enum err_class note_refusal(struct data *data, enum err_class rc, struct err *err)
{
    struct err refusal = {0};

    if (rc != ERR_DENIED && rc != ERR_BUSY)
        return rc;
    if (audit_admin(data, AUDIT_SIGN_IN, rc, &refusal) == ERR_OK)
        return rc;
    *err = refusal;
    return refusal.class;
}

enum err_class administrator_check(struct data *data, struct passwords *passwords,
                                   struct str address, struct str password, int64_t *ret_wait_ms,
                                   struct err *err)
{
    struct strbuf hash = STRBUF_INIT(PASSWORD_HASH_BYTES - 1);
    enum err_class rc = read_hash(data, &hash, err);

    *ret_wait_ms = 0;
    if (rc == ERR_OK)
        rc = password_check(passwords, address, password, strbuf_str(&hash), ret_wait_ms, err);
    vault_wipe(&hash);
    return rc == ERR_OK ? note_sign_in(data, err) : note_refusal(data, rc, err);
}
