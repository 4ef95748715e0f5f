/*
 * report_accounts.c: telling Atlassian which accounts we store, ninety at a time.
 *
 * One transaction takes in an answer: all accounts of the call count as reported, closed ones are
 * marked as erased (store/erased.h), and only then they are erased. So nothing is asked twice, and
 * a closed account that was told of is not lost by a crash.
 *
 * `updatedAt` is the oldest time at which data of the account was fetched: when the account last
 * changed by Atlassian's word, or else when the tenant came.
 */
#include "custody/report_accounts.h"

#include "base/civil.h"
#include "base/json.h"
#include "store/erased.h"

#define ACCOUNT_BYTES 128 /* Atlassian's limit; with us they may be longer */
#define BODY_BYTES ((size_t)64 * 1024)

enum status { STATUS_NONE, STATUS_CLOSED, STATUS_UPDATED };

struct batch {
    struct {
        int64_t number;
        char account[ACCOUNT_BYTES + 1];
        int64_t fetched_ms;
        enum status status;
    } list[REPORT_BATCH];
    size_t count;
};

/* 1-128 characters of letters, digits, '-' and ':'; what is none is no account of Atlassian's. */
static bool is_account(struct str account)
{
    if (account.len == 0 || account.len > ACCOUNT_BYTES || str_eq_z(account, "unknown"))
        return false;
    for (size_t i = 0; i < account.len; i++) {
        char c = account.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!plain && c != '-' && c != ':')
            return false;
    }
    return true;
}

/* ---- Whose turn it is ---- */

static enum err_class cycle_days(struct tenant *tenant, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT cycle_days FROM person_state WHERE id = 1 ORDER BY id LIMIT 1"),
        &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row && db_i64(stmt, 0) > 0 ? db_i64(stmt, 0) : REPORT_CYCLE_DAYS;
    return rc;
}

/* Accounts that no report can name are passed over. */
static enum err_class next_batch(struct tenant *tenant, struct batch *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t days = 0;
    bool row = false;
    enum err_class rc = cycle_days(tenant, &days, err);

    ret->count = 0;
    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("SELECT id, account_id, refreshed FROM person"
                            " WHERE coalesce(reported, 0) <= $1"
                            " ORDER BY coalesce(reported, 0), id LIMIT 100000000"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, ctx_now_ms(tenant->ctx) - days * MS_PER_DAY);
    while (ret->count < REPORT_BATCH && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct str account = db_text(stmt, 1);

        if (!is_account(account))
            continue;
        ret->list[ret->count].number = db_i64(stmt, 0);
        (void)snprintf(ret->list[ret->count].account, ACCOUNT_BYTES + 1, STR_FMT, STR_ARG(account));
        ret->list[ret->count].fetched_ms =
            db_is_null(stmt, 2) ? tenant->info.created_ms : db_i64(stmt, 2);
        ret->list[ret->count].status = STATUS_NONE;
        ret->count++;
    }
    return rc;
}

/* ---- The call ---- */

static void write_body(const struct batch *batch, struct strbuf *body)
{
    struct json_out json = json_out(body);

    json_object(&json);
    json_key(&json, "accounts");
    json_array(&json);
    for (size_t i = 0; i < batch->count; i++) {
        json_object(&json);
        json_key(&json, "accountId");
        json_put_z(&json, batch->list[i].account);
        json_key(&json, "updatedAt");
        json_put_stamp(&json, batch->list[i].fetched_ms);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
}

/* Accounts that were not asked about, and states that are not known, are left alone. */
static enum err_class read_answer(struct batch *batch, struct str body, struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    yyjson_val *accounts, *item;
    size_t at, max;
    enum err_class rc = json_read(body, "the answer to the personal data report", &doc, err);

    if (rc != ERR_OK)
        return rc;
    accounts = yyjson_obj_get(yyjson_doc_get_root(doc), "accounts");
    if (!yyjson_is_arr(accounts))
        return err_set(err, ERR_REMOTE,
                       "the answer to the personal data report has no list of accounts");
    yyjson_arr_foreach(accounts, at, max, item)
    {
        struct str account = json_str(item, "accountId"), status = json_str(item, "status");

        for (size_t i = 0; i < batch->count; i++)
            if (str_eq_z(account, batch->list[i].account))
                batch->list[i].status = str_eq_z(status, "closed")    ? STATUS_CLOSED
                                        : str_eq_z(status, "updated") ? STATUS_UPDATED
                                                                      : STATUS_NONE;
    }
    return ERR_OK;
}

static enum err_class send(struct http_client *client, struct batch *batch, int64_t *ret_days,
                           struct err *err)
{
    AUTO(strbuf_done) struct strbuf body = STRBUF_INIT(BODY_BYTES);
    struct net_response response = {0};
    int status = 0;

    write_body(batch, &body);

    const struct http_request request = {
        .method = HTTP_POST, .path = REPORT_PATH, .body = strbuf_str(&body), .idempotent = true};
    enum err_class rc = strbuf_check(&body, "the personal data report", err);

    if (rc == ERR_OK)
        rc = http_do(client, &request, &response, &status, err);
    if (rc != ERR_OK)
        return rc;
    if (!parse_i64(net_header(&response, "cycle-period"), 1, REPORT_CYCLE_DAYS_MAX, ret_days))
        *ret_days = 0;
    if (response.status != 204)
        rc = read_answer(batch, strbuf_str(&response.body), err);
    net_response_done(&response);
    return rc;
}

/* ---- The answer ---- */

static enum err_class note_one(struct tenant *tenant, const struct batch *batch, size_t at,
                               struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool updated = batch->list[at].status == STATUS_UPDATED;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("UPDATE person SET reported = $2, refreshed = coalesce($3, refreshed)"
                       " WHERE id = $1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, batch->list[at].number);
    db_bind_i64(stmt, 2, ctx_now_ms(tenant->ctx));
    if (updated)
        db_bind_i64(stmt, 3, ctx_now_ms(tenant->ctx));
    else
        db_bind_null(stmt, 3);
    rc = db_run(stmt, err);
    /* Gone meanwhile: erased by somebody. */
    if (rc == ERR_OK && batch->list[at].status == STATUS_CLOSED && db_changes(tenant->db) > 0)
        rc = erased_add(tenant, str_from(batch->list[at].account), batch->list[at].number, err);
    return rc;
}

static enum err_class note_batch(struct tenant *tenant, const struct batch *batch, int64_t days,
                                 struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    if (days > 0)
        rc = erased_set_cycle(tenant, days, err);
    for (size_t i = 0; i < batch->count && rc == ERR_OK; i++)
        rc = note_one(tenant, batch, i, err);
    return db_end(tenant->db, rc, err);
}

static enum err_class erase_closed(struct tenant *tenant, const struct rows_hook *hook,
                                   struct err *err)
{
    int64_t count = 0;
    enum err_class rc = person_erase_rest(tenant, hook, &count, err);

    if (rc == ERR_CONFLICT)
        err->class = rc = ERR_BUSY;
    return rc;
}

enum err_class report_accounts(struct tenant *tenant, struct http_client *client,
                               const struct rows_hook *hook,
                               enum err_class (*step)(void *arg, struct err *err), void *step_arg,
                               struct report_accounts *ret, struct err *err)
{
    struct batch batch;
    enum err_class rc = erase_closed(tenant, hook, err); /* what an earlier run left */

    *ret = (struct report_accounts){0};
    if (rc == ERR_OK)
        rc = next_batch(tenant, &batch, err);
    /* Ends: each turn makes up to ninety accounts reported, now. */
    while (rc == ERR_OK && batch.count > 0) {
        int64_t days = 0;

        if (step)
            rc = step(step_arg, err);
        if (rc == ERR_OK)
            rc = send(client, &batch, &days, err);
        if (rc == ERR_OK)
            rc = note_batch(tenant, &batch, days, err);
        if (rc != ERR_OK)
            return rc;
        ret->reported += (int64_t)batch.count;
        for (size_t i = 0; i < batch.count; i++) {
            ret->closed += batch.list[i].status == STATUS_CLOSED;
            ret->updated += batch.list[i].status == STATUS_UPDATED;
        }
        rc = erase_closed(tenant, hook, err);
        if (rc == ERR_OK)
            rc = next_batch(tenant, &batch, err);
    }
    return rc;
}
