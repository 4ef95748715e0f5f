/*
 * webhook_secret.c: deliveries of an administrator's webhook.
 *
 * The time of the last delivery is for a person who asks whether the webhook works. It is written
 * with the first delivery after each time that the secret was read anew, so once a minute at most.
 */
#include "connect/webhook_secret.h"

#include <sodium.h>

#include "connect/hub_signature.h"
#include "vault/vault.h"

#define WEBHOOK "jira"

const char *const webhook_steps[] = {
    "In Jira, as an administrator, open Settings, System, WebHooks, and choose Create a WebHook.",
    "Enter the URL, and the secret into the field Secret; leave Exclude body unticked.",
    "Under Worklog tick created, updated and deleted; under Issue tick deleted. Leave the JQL empty.",
    "Save it, log work on an issue, and look here again: the time of the last delivery is shown.",
    NULL,
};

static struct vault_place secret_place(void)
{
    return (struct vault_place){.record = "webhook", .field = "secret", .row_text = STR(WEBHOOK)};
}

static enum err_class store(struct tenant *tenant, struct str sealed, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("INSERT INTO webhook (name, secret, made) VALUES ($1, $2, $3)"
                       " ON CONFLICT (name) DO UPDATE SET secret = excluded.secret,"
                       " made = excluded.made, last_seen = NULL"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, STR(WEBHOOK));
    db_bind_blob(stmt, 2, sealed);
    db_bind_i64(stmt, 3, ctx_now_ms(tenant->ctx));
    rc = db_run(stmt, err);
    if (rc == ERR_OK)
        rc = tenant_audit(tenant, AUDIT_CREDENTIAL_SET, "webhook", 0, WEBHOOK, err);
    return db_end(tenant->db, rc, err);
}

enum err_class webhook_secret_make(struct tenant *tenant, char ret[WEBHOOK_SECRET_BYTES + 1],
                                   struct err *err)
{
    AUTO(strbuf_done) struct strbuf sealed = STRBUF_INIT(LIMIT_SECRET_BYTES);
    const struct vault_place place = secret_place();
    unsigned char bytes[32];
    char text[WEBHOOK_SECRET_BYTES + 1];

    ctx_random(tenant->ctx, bytes, sizeof(bytes));
    (void)sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof(bytes));

    enum err_class rc =
        vault_seal(tenant->vault, tenant->ctx, &place, str_from(text), &sealed, err);

    if (rc == ERR_OK)
        rc = store(tenant, strbuf_str(&sealed), err);
    if (rc == ERR_OK)
        memcpy(ret, text, sizeof(text));
    sodium_memzero(text, sizeof(text));
    return rc;
}

enum err_class webhook_state(struct tenant *tenant, struct webhook_state *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT made, last_seen FROM webhook WHERE name = $1 ORDER BY name LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, STR(WEBHOOK));
    rc = db_step(stmt, &row, err);
    if (rc != ERR_OK)
        return rc;
    *ret = (struct webhook_state){.set = row};
    if (row) {
        ret->made_ms = db_i64(stmt, 0);
        ret->last_seen_ms = db_i64(stmt, 1);
    }
    return ERR_OK;
}

enum err_class webhook_seen(struct tenant *tenant, int64_t *ret_ms, struct err *err)
{
    struct webhook_state state = {0};
    enum err_class rc = webhook_state(tenant, &state, err);

    if (rc == ERR_OK)
        *ret_ms = state.last_seen_ms;
    return rc;
}

/* ---- A delivery ---- */

static enum err_class load(struct tenant *tenant, struct strbuf *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    const struct vault_place place = secret_place();
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT secret FROM webhook WHERE name = $1 ORDER BY name LIMIT 1"), &stmt,
        err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, STR(WEBHOOK));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        rc = vault_unseal_secret(tenant->vault, tenant->ctx, &place, db_blob(stmt, 0), "delivery",
                                 ret, err);
    return rc;
}

static enum err_class find(struct identities *ids, struct str name, struct recalled **ret,
                           struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *recalled = NULL;
    uint64_t turn = recall_turn(ids->recall);
    struct tenant *tenant = NULL;

    *ret = recall_find(ids->recall, RECALL_WEBHOOK, name);
    if (*ret)
        return ERR_OK;
    recalled = recalled_new(RECALL_WEBHOOK, name);
    if (!recalled)
        return err_memory(err);

    enum err_class rc = store_pool_tenant(ids->options.pool, name, &tenant, err);

    if (rc == ERR_OK) {
        memcpy(recalled->tenant, tenant->info.id, sizeof(recalled->tenant));
        rc = load(tenant, &recalled->secret, err);
    }
    store_pool_give_tenant(ids->options.pool, tenant);
    if (rc != ERR_OK)
        return rc;
    recall_put(ids->recall, recalled, turn);
    *ret = TAKE(recalled);
    return ERR_OK;
}

/* Once for each time that it was read; that it cannot be written is no reason to lose a hint. */
static void note(struct identities *ids, struct recalled *webhook)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct tenant *tenant = NULL;
    struct err err = {0};
    int64_t now_ms = ctx_now_ms(ids->ctx), none = 0;

    if (!atomic_compare_exchange_strong(&webhook->noted_ms, &none, now_ms))
        return;

    enum err_class rc =
        store_pool_tenant(ids->options.pool, str_from(webhook->tenant), &tenant, &err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db, SQL("UPDATE webhook SET last_seen = $2 WHERE name = $1"), &stmt,
                        &err);
    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_BULK, &err);
    if (rc == ERR_OK) {
        db_bind_text(stmt, 1, STR(WEBHOOK));
        db_bind_i64(stmt, 2, now_ms);
        err_ignore(db_end(tenant->db, db_run(stmt, &err), &err)); /* the next one says it too */
    }
    db_finish(TAKE(stmt)); /* before its handle is somebody else's */
    store_pool_give_tenant(ids->options.pool, tenant);
}

bool webhook_is_known(struct identities *ids, struct str tenant)
{
    AUTO(recalled_unref_autop)
    struct recalled *webhook = recall_find(ids->recall, RECALL_WEBHOOK, tenant);

    return webhook && (webhook->secret.len == 0 || atomic_load(&webhook->noted_ms) != 0);
}

enum err_class webhook_check(struct identities *ids, const struct incoming *in, struct str tenant,
                             char ret_tenant[TENANT_ID_BYTES + 1], struct err *err)
{
    AUTO(recalled_unref_autop) struct recalled *webhook = NULL;
    enum err_class rc = tenant.len > 0 && tenant.len <= LIMIT_TENANT_NAME_BYTES
                            ? find(ids, tenant, &webhook, err)
                            : ERR_NOT_FOUND;

    if (rc == ERR_OK && webhook->secret.len == 0)
        rc = ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND)
        return err_set(err, ERR_DENIED,
                       "no webhook is set up for this address; `tenon tenant webhook` makes one");
    if (rc == ERR_OK)
        rc = hub_signature_check(in->hub_signature, in->body, strbuf_str(&webhook->secret), err);
    if (rc != ERR_OK)
        return rc;
    note(ids, webhook);
    memcpy(ret_tenant, webhook->tenant, sizeof(webhook->tenant));
    return ERR_OK;
}

void webhook_url(const char *public_url, const char *tenant, struct strbuf *ret)
{
    strbuf_addf(ret, "%s/webhooks/jira/%s", public_url, tenant);
}
