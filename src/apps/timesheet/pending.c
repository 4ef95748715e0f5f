/*
 * pending.c: writes to Jira and how they ended.
 *
 * Jira has no idempotency key, so this is ours: the row is there, durably, before the call leaves,
 * and says what became of it. A claim is one transaction, so two requests with the same key cannot
 * both be the first.
 */
#include "apps/timesheet/pending.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/civil.h"

#define RECORD "worklog_write"
#define KEPT_MS (7 * MS_PER_DAY) /* as the catalogue says */

static const char *const action_names[] = {
    [PENDING_CREATE] = "create", [PENDING_UPDATE] = "update", [PENDING_DELETE] = "delete"};
static const char *const state_names[PENDING_STATE_COUNT] = {
    [PENDING_UNDER_WAY] = "under way",
    [PENDING_UNKNOWN] = "unknown",
    [PENDING_DONE] = "done",
    [PENDING_NOT_DONE] = "not done",
};

bool pending_key_is_valid(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return key.len >= 1 && key.len <= PENDING_KEY_BYTES;
}

static void to_hex(const unsigned char *bytes, char ret[PENDING_CLIENT_BYTES + 1])
{
    sodium_bin2hex(ret, PENDING_CLIENT_BYTES + 1, bytes, PENDING_CLIENT_BYTES / 2);
}

void pending_client(const struct tenant *tenant, struct str account, struct str key,
                    const char *part, char ret[PENDING_CLIENT_BYTES + 1])
{
    struct strbuf text = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES + PENDING_KEY_BYTES + 100);
    unsigned char digest[VAULT_DIGEST_BYTES];

    /* No two ways to cut it: neither a key nor a part has a line feed. */
    strbuf_addf(&text, "%s\n" STR_FMT "\n", part, STR_ARG(key));
    strbuf_add_str(&text, account);
    vault_digest_lasting(tenant->vault, RECORD, "client_id", strbuf_str(&text), digest);
    strbuf_done(&text);
    to_hex(digest, ret);
}

void pending_draw(const struct ctx *ctx, char ret[PENDING_CLIENT_BYTES + 1])
{
    unsigned char bytes[PENDING_CLIENT_BYTES / 2];

    ctx_random(ctx, bytes, sizeof(bytes));
    to_hex(bytes, ret);
}

void pending_digest(const struct tenant *tenant, struct str asked,
                    unsigned char ret[VAULT_DIGEST_BYTES])
{
    vault_digest_lasting(tenant->vault, RECORD, "asked_digest", asked, ret);
}

/* ---- Rows ---- */

static void copy_text(char *ret, size_t room, struct str text)
{
    (void)snprintf(ret, room, STR_FMT, STR_ARG(text));
}

static size_t place_of(const char *const *names, size_t count, struct str name)
{
    size_t i = 0;

    while (i < count && !str_eq_z(name, names[i]))
        i++;
    return i;
}

/* Columns: client_id, action, client_issue, client_worklog_id, started, asked_digest, state, tried
 */
static enum err_class read_row(const struct db_stmt *stmt, struct pending *ret, struct err *err)
{
    size_t action = place_of(action_names, ARRAY_LEN(action_names), db_text(stmt, 1));
    size_t state = place_of(state_names, ARRAY_LEN(state_names), db_text(stmt, 6));
    struct str asked = db_blob(stmt, 5);

    *ret = (struct pending){
        .action = (enum pending_action)action,
        .worklog_id = db_i64(stmt, 3),
        .started_ms = db_i64(stmt, 4),
        .state = (enum pending_state)state,
        .tried_ms = db_i64(stmt, 7),
    };
    copy_text(ret->client, sizeof(ret->client), db_text(stmt, 0));
    copy_text(ret->issue, sizeof(ret->issue), db_text(stmt, 2));
    if (action == ARRAY_LEN(action_names) || state == ARRAY_LEN(state_names) ||
        asked.len != sizeof(ret->asked))
        return err_set(err, ERR_CORRUPT, "a row of %s is not one: restore a backup", RECORD);
    memcpy(ret->asked, asked.ptr, sizeof(ret->asked));
    return ERR_OK;
}

static enum err_class find(struct tenant *tenant, const char *client, struct pending *ret,
                           bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT client_id, action, client_issue, client_worklog_id, started, asked_digest,"
            " state, tried FROM worklog_write WHERE client_id = $1 ORDER BY client_id LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(client));
    rc = db_step(stmt, ret_found, err);
    return rc == ERR_OK && *ret_found ? read_row(stmt, ret, err) : rc;
}

static enum err_class put(struct tenant *tenant, const struct pending *pending, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("INSERT INTO worklog_write (client_id, action, client_issue, client_worklog_id,"
            " started, asked_digest, state, tried, ended)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL) ON CONFLICT (client_id) DO UPDATE SET"
            " state = excluded.state, tried = excluded.tried, ended = NULL"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(pending->client));
    db_bind_text(stmt, 2, str_from(action_names[pending->action]));
    db_bind_text(stmt, 3, str_from(pending->issue));
    if (pending->worklog_id)
        db_bind_i64(stmt, 4, pending->worklog_id);
    else
        db_bind_null(stmt, 4);
    db_bind_i64(stmt, 5, pending->started_ms);
    db_bind_blob(stmt, 6, (struct str){(const char *)pending->asked, sizeof(pending->asked)});
    db_bind_text(stmt, 7, str_from(state_names[PENDING_UNDER_WAY]));
    db_bind_i64(stmt, 8, ctx_now_ms(tenant->ctx));
    return db_run(stmt, err);
}

/* Of one that was tried before and may still be open: must the caller wait? */
static enum err_class check_open(const struct pending *before, int64_t now_ms, struct err *err)
{
    int64_t age = now_ms - before->tried_ms;

    if (before->state == PENDING_UNDER_WAY && age < PENDING_UNDER_WAY_MS)
        return err_set(err, ERR_CONFLICT,
                       "the same request (Idempotency-Key) is still under way since %" PRId64
                       " s: wait for its answer",
                       age / 1000);
    /* A change or a deletion can be sent twice, a new worklog cannot. */
    if (before->state == PENDING_UNKNOWN && before->action == PENDING_CREATE &&
        age < PENDING_UNKNOWN_MS)
        return err_set(err, ERR_BUSY,
                       "Jira's answer to the first try of this request was lost %" PRId64
                       " s ago, and it may still be at it: repeat it in %" PRId64 " s",
                       age / 1000, (PENDING_UNKNOWN_MS - age) / 1000 + 1);
    return ERR_OK;
}

static enum err_class claim(struct tenant *tenant, const struct pending *pending, bool *ret_first,
                            struct pending *ret_before, struct err *err)
{
    bool found = false;
    enum err_class rc = find(tenant, pending->client, ret_before, &found, err);

    *ret_first = !found || (rc == ERR_OK && ret_before->state == PENDING_NOT_DONE);
    if (rc == ERR_OK && found &&
        (ret_before->action != pending->action ||
         memcmp(ret_before->asked, pending->asked, sizeof(pending->asked)) != 0))
        return err_set(err, ERR_CONFLICT,
                       "this Idempotency-Key was used for another request already: take a new one");
    if (rc == ERR_OK && found && ret_before->state == PENDING_DONE)
        return ERR_OK;
    if (rc == ERR_OK && found)
        rc = check_open(ret_before, ctx_now_ms(tenant->ctx), err);
    return rc == ERR_OK ? put(tenant, pending, err) : rc;
}

enum err_class pending_claim(struct tenant *tenant, const struct pending *pending, bool *ret_first,
                             struct pending *ret_before, struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = claim(tenant, pending, ret_first, ret_before, err);
    return db_end(tenant->db, rc, err);
}

static enum err_class end(struct tenant *tenant, const char *client, enum pending_state state,
                          int64_t worklog_id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool open = state == PENDING_UNKNOWN || state == PENDING_UNDER_WAY;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("UPDATE worklog_write SET state = $2, ended = $3, client_worklog_id ="
                       " coalesce($4, client_worklog_id) WHERE client_id = $1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(client));
    db_bind_text(stmt, 2, str_from(state_names[state]));
    if (open)
        db_bind_null(stmt, 3);
    else
        db_bind_i64(stmt, 3, ctx_now_ms(tenant->ctx));
    if (worklog_id)
        db_bind_i64(stmt, 4, worklog_id);
    else
        db_bind_null(stmt, 4);
    return db_run(stmt, err);
}

enum err_class pending_end(struct tenant *tenant, const char *client, enum pending_state state,
                           int64_t worklog_id, struct err *err)
{
    if (db_in_tx(tenant->db))
        return end(tenant, client, state, worklog_id, err);

    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = end(tenant, client, state, worklog_id, err);
    return db_end(tenant->db, rc, err);
}

enum err_class pending_next(struct tenant *tenant, const char *after_client, struct pending *ret,
                            bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT client_id, action, client_issue, client_worklog_id, started, asked_digest,"
            " state, tried FROM worklog_write WHERE ended IS NULL AND client_id > $1"
            " ORDER BY client_id LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(after_client));
    rc = db_step(stmt, ret_found, err);
    return rc == ERR_OK && *ret_found ? read_row(stmt, ret, err) : rc;
}

enum err_class pending_sweep(struct tenant *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_prepare(tenant->db, SQL("DELETE FROM worklog_write WHERE ended < $1"), &stmt, err);
    if (rc == ERR_OK) {
        db_bind_i64(stmt, 1, ctx_now_ms(tenant->ctx) - KEPT_MS);
        rc = db_run(stmt, err);
    }
    return db_end(tenant->db, rc, err);
}
