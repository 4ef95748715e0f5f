/*
 * oauth_grant.c: the rows of people's consents: one a person and tenant.
 *
 * A refresh token may be spent once. Who wants to spend it first claims the row for a while; who
 * has spent it settles the row by the generation that was read. Between processes that is all the
 * agreement there is. A process that dies in between leaves its claim to run out (in less than the
 * ten minutes in which the old token still works), and the next one begins with the old token.
 */
#include "connect/oauth_internal.h"

#include "base/civil.h"

#define GONE                                                                                       \
    "this account has not let Tenon act for it in Jira, or no more; sign in with Jira again"

_Static_assert(2 * GRANT_CLAIM_MS < 10 * 60 * 1000, "a claim ends well within Atlassian's leeway");

static struct vault_place refresh_place(int64_t person)
{
    return (struct vault_place){.record = "oauth_grant", .field = "refresh_token", .row = person};
}

/* The empty one seals to nothing: NULL in the row. */
static enum err_class seal(struct tenant *tenant, int64_t person, struct str refresh,
                           struct strbuf *ret, struct err *err)
{
    const struct vault_place place = refresh_place(person);

    if (refresh.len == 0)
        return ERR_OK;
    return vault_seal(tenant->vault, tenant->ctx, &place, refresh, ret, err);
}

static void bind_sealed(struct db_stmt *stmt, int param, const struct strbuf *sealed)
{
    if (sealed->len > 0)
        db_bind_blob(stmt, param, strbuf_str(sealed));
    else
        db_bind_null(stmt, param);
}

/* The first generation is the time: that of a row which was removed does not come back. */
static enum err_class put(struct tenant *tenant, const char *account, const char *cloud_id,
                          const struct oauth_tokens *tokens, struct strbuf *sealed, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t now = ctx_now_ms(tenant->ctx), person = 0;
    enum err_class rc = person_ref(tenant, str_from(account), &person, err);

    if (rc == ERR_OK)
        rc = seal(tenant, person, strbuf_str(&tokens->refresh), sealed, err);
    if (rc == ERR_OK)
        rc = db_prepare(
            tenant->db,
            SQL("INSERT INTO oauth_grant (person, refresh_token, generation, cloud_id, scopes,"
                " consented, expires) VALUES ($1, $2, $5, $3, $4, $5, $6)"
                " ON CONFLICT (person) DO UPDATE SET refresh_token = excluded.refresh_token,"
                " generation = generation + 1, claimed_until = NULL,"
                " cloud_id = excluded.cloud_id, scopes = excluded.scopes,"
                " consented = excluded.consented, expires = excluded.expires"),
            &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, person);
    bind_sealed(stmt, 2, sealed);
    db_bind_text(stmt, 3, str_from(cloud_id));
    db_bind_text(stmt, 4, str_from(tokens->scopes));
    db_bind_i64(stmt, 5, now);
    db_bind_i64(stmt, 6, now + OAUTH_CONSENT_MS);
    rc = db_run(stmt, err);
    return rc == ERR_OK
               ? tenant_audit(tenant, AUDIT_CONSENT_GIVEN, "oauth_grant", person, NULL, err)
               : rc;
}

enum err_class oauth_grant_put(struct tenant *tenant, const char *account, const char *cloud_id,
                               const struct oauth_tokens *tokens, struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(LIMIT_SECRET_BYTES + VAULT_SEAL_OVERHEAD);
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc == ERR_OK)
        rc = db_end(tenant->db, put(tenant, account, cloud_id, tokens, &sealed, err), err);
    strbuf_done(&sealed);
    return rc;
}

/* claimed_until and the token are of interest to a claim only. */
static enum err_class find(struct tenant *tenant, const char *account, struct oauth_grant *ret,
                           int64_t *ret_claimed_until, struct strbuf *ret_sealed, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT g.person AS person, g.refresh_token AS refresh_token,"
            " g.generation AS generation, g.claimed_until AS claimed_until,"
            " g.cloud_id AS cloud_id, g.expires AS expires FROM oauth_grant g"
            " JOIN person p ON p.id = g.person WHERE p.account_id = $1 ORDER BY g.person LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(account));
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;

    int token = db_col(stmt, "refresh_token");

    if (!row || db_is_null(stmt, token) ||
        ctx_now_ms(tenant->ctx) >= db_i64(stmt, db_col(stmt, "expires")))
        return err_set(err, ERR_FORBIDDEN, GONE);
    *ret = (struct oauth_grant){.person = db_i64(stmt, db_col(stmt, "person")),
                                .generation = db_i64(stmt, db_col(stmt, "generation")),
                                .ends_ms = db_i64(stmt, db_col(stmt, "expires"))};
    (void)snprintf(ret->cloud_id, sizeof(ret->cloud_id), STR_FMT,
                   STR_ARG(db_text(stmt, db_col(stmt, "cloud_id"))));
    *ret_claimed_until = db_i64(stmt, db_col(stmt, "claimed_until"));
    strbuf_add_str(ret_sealed, db_blob(stmt, token));
    return strbuf_check(ret_sealed, "a sealed refresh token", err);
}

enum err_class oauth_grant_read(struct tenant *tenant, const char *account, struct oauth_grant *ret,
                                struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(LIMIT_SECRET_BYTES + VAULT_SEAL_OVERHEAD);
    int64_t claimed_until;
    enum err_class rc = find(tenant, account, ret, &claimed_until, &sealed, err);

    strbuf_done(&sealed);
    return rc;
}

static enum err_class mark_claimed(struct tenant *tenant, int64_t person, int64_t until_ms,
                                   struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("UPDATE oauth_grant SET claimed_until = $2 WHERE person = $1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, person);
    db_bind_i64(stmt, 2, until_ms);
    return db_run(stmt, err);
}

/* In a transaction. */
static enum err_class claim(struct tenant *tenant, const char *account, struct oauth_grant *ret,
                            struct strbuf *sealed, bool *ret_claimed, struct err *err)
{
    int64_t now = ctx_now_ms(tenant->ctx), claimed_until = 0;
    enum err_class rc = find(tenant, account, ret, &claimed_until, sealed, err);

    if (rc != ERR_OK)
        return rc;
    /* One that is further off than any claim lasts is of a clock that was set back. */
    *ret_claimed = claimed_until <= now || claimed_until > now + GRANT_CLAIM_MS;
    return *ret_claimed ? mark_claimed(tenant, ret->person, now + GRANT_CLAIM_MS, err) : ERR_OK;
}

enum err_class oauth_grant_claim(struct tenant *tenant, const char *account,
                                 struct oauth_grant *ret, bool *ret_claimed, struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(LIMIT_SECRET_BYTES + VAULT_SEAL_OVERHEAD);
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);
    bool claimed = false;

    if (rc == ERR_OK)
        rc = db_end(tenant->db, claim(tenant, account, ret, &sealed, &claimed, err), err);
    if (rc == ERR_OK && claimed) {
        const struct vault_place place = refresh_place(ret->person);

        ret->refresh = STRBUF_INIT(LIMIT_SECRET_BYTES);
        rc = vault_unseal_secret(tenant->vault, tenant->ctx, &place, strbuf_str(&sealed),
                                 "refresh a person's token", &ret->refresh, err);
        if (rc != ERR_OK)
            vault_wipe(&ret->refresh);
    }
    if (rc == ERR_OK)
        *ret_claimed = claimed;
    strbuf_done(&sealed);
    return rc;
}

static enum err_class settle(struct tenant *tenant, const struct oauth_grant *grant,
                             const struct strbuf *sealed, bool keep, bool *ret_done,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("UPDATE oauth_grant SET claimed_until = NULL,"
                       " refresh_token = CASE WHEN $4 THEN refresh_token ELSE $3 END,"
                       " generation = generation + CASE WHEN $4 THEN 0 ELSE 1 END"
                       " WHERE person = $1 AND generation = $2"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, grant->person);
    db_bind_i64(stmt, 2, grant->generation);
    bind_sealed(stmt, 3, sealed);
    db_bind_i64(stmt, 4, keep);
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        *ret_done = db_changes(tenant->db) == 1;
    return rc;
}

enum err_class oauth_grant_settle(struct tenant *tenant, const struct oauth_grant *grant,
                                  struct str refresh, bool keep, bool *ret_done, struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(LIMIT_SECRET_BYTES + VAULT_SEAL_OVERHEAD);
    bool done = false;
    enum err_class rc = seal(tenant, grant->person, refresh, &sealed, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(tenant->db, settle(tenant, grant, &sealed, keep, &done, err), err);
    if (rc == ERR_OK)
        *ret_done = done;
    strbuf_done(&sealed);
    return rc;
}

enum err_class oauth_grant_remove(struct tenant *tenant, const char *account, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("DELETE FROM oauth_grant WHERE person IN"
                                       " (SELECT id FROM person WHERE account_id = $1)"),
                                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(account));
    rc = db_run(stmt, err);
    if (rc == ERR_OK && db_changes(tenant->db) > 0)
        rc = tenant_audit(tenant, AUDIT_CONSENT_WITHDRAWN, "oauth_grant", 0, NULL, err);
    return db_end(tenant->db, rc, err);
}
