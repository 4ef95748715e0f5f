/*
 * ledger.c: erasures repeated after a restore.
 *
 * An erased person is known by a digest alone, keyed with a number of the tenant's own that its
 * backups hold too. So each account of the restored tenant is digested and looked up among the
 * digests of the present database and of the receipts.
 */
#include "custody/ledger.h"

#include <sodium.h>

#include "base/disk.h"
#include "custody/erase.h"
#include "store/erased.h"

#define ACCOUNTS_BYTES ((size_t)64 * 1024 * 1024)
#define DIGESTS_BYTES ((size_t)16 * 1024 * 1024)
#define HEX_BYTES (2 * (size_t)VAULT_DIGEST_BYTES)

/* Digests in hex, one behind the other. */
struct digests {
    const char *tenant;
    struct strbuf hex;
};

static void add_digest(struct digests *digests, const char *hex)
{
    strbuf_add(&digests->hex, hex, HEX_BYTES);
}

static bool has_digest(const struct digests *digests, const char *hex)
{
    for (size_t at = 0; at + HEX_BYTES <= digests->hex.len; at += HEX_BYTES)
        if (memcmp(digests->hex.ptr + at, hex, HEX_BYTES) == 0)
            return true;
    return false;
}

static enum err_class add_receipt(void *arg, const struct receipt *receipt, struct err *err)
{
    struct digests *digests = arg;

    if (receipt->kind == RECEIPT_PERSON && strcmp(receipt->tenant, digests->tenant) == 0)
        add_digest(digests, receipt->digest);
    return strbuf_check(&digests->hex, "the digests of erased persons", err);
}

static enum err_class add_row(void *arg, const unsigned char digest[VAULT_DIGEST_BYTES],
                              struct err *err)
{
    struct digests *digests = arg;
    char hex[HEX_BYTES + 1];

    (void)sodium_bin2hex(hex, sizeof(hex), digest, VAULT_DIGEST_BYTES);
    add_digest(digests, hex);
    return strbuf_check(&digests->hex, "the digests of erased persons", err);
}

/* Of the tenant as it is here; one that is not here has none. */
static enum err_class add_present(struct data *data, const char *id, struct digests *digests,
                                  struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *present = NULL;
    struct tenant_info info;
    enum err_class rc = tenant_find(data, str_from(id), &info, err);

    if (rc == ERR_NOT_FOUND || (rc == ERR_OK && strcmp(info.id, id) != 0))
        return ERR_OK;
    if (rc == ERR_OK)
        rc = tenant_open(data, &info, &present, err);
    /* A folder that is not here, or is damaged, is what a restore is for: then the receipts tell.
     */
    if (rc == ERR_KEY || rc == ERR_CORRUPT || rc == ERR_NOT_FOUND) {
        *err = (struct err){0};
        return ERR_OK;
    }
    return rc == ERR_OK ? erased_each(present, add_row, digests, err) : rc;
}

static enum err_class list_accounts(struct tenant *tenant, struct strbuf *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = true;
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT account_id FROM person ORDER BY id"), &stmt, err);

    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        strbuf_add_str(ret, db_text(stmt, 0));
        strbuf_add_char(ret, '\n');
    }
    return rc == ERR_OK ? strbuf_check(ret, "the list of accounts", err) : rc;
}

static enum err_class erase_if_listed(const struct ledger *ledger, struct tenant *restored,
                                      struct str account, const struct digests *digests,
                                      struct err *err)
{
    unsigned char digest[VAULT_DIGEST_BYTES];
    char hex[HEX_BYTES + 1];
    struct person_erased done;
    bool known = false;
    enum err_class rc = erased_digest(restored, account, digest, &known, err);

    if (rc != ERR_OK || !known)
        return rc;
    (void)sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    if (!has_digest(digests, hex))
        return ERR_OK;
    return person_erase(restored, account, 0, ledger->hook, &done, err);
}

static enum err_class erase_persons(const struct ledger *ledger, struct tenant *restored,
                                    struct err *err)
{
    struct digests digests = {restored->info.id, STRBUF_INIT(DIGESTS_BYTES)};
    struct strbuf accounts AUTO(strbuf_done) = STRBUF_INIT(ACCOUNTS_BYTES);
    AUTO(free_autop) char *folder = disk_join(ledger->data->dir, RECEIPTS_FOLDER);
    enum err_class rc =
        folder ? add_present(ledger->data, restored->info.id, &digests, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = receipts_each(ledger->data, folder, add_receipt, &digests, err);
    if (rc == ERR_OK && ledger->copies)
        rc = receipts_each(ledger->data, ledger->copies, add_receipt, &digests, err);
    if (rc == ERR_OK && digests.hex.len > 0)
        rc = list_accounts(restored, &accounts, err);

    struct str rest = strbuf_str(&accounts);

    while (rest.len > 0 && rc == ERR_OK)
        rc = erase_if_listed(ledger, restored, str_cut(rest, '\n', &rest), &digests, err);
    strbuf_done(&digests.hex);
    return rc;
}

enum err_class ledger_before_restore(void *arg, struct tenant *restored, struct err *err)
{
    const struct ledger *ledger = arg;
    bool erased = false;
    enum err_class rc = erase_was(ledger->data, ledger->copies, restored->info.id, &erased, err);

    if (rc == ERR_OK && erased)
        return err_set(err, ERR_FORBIDDEN,
                       "the tenant %s was erased, and what was erased is not restored; its receipt "
                       "is in the folder receipts",
                       restored->info.id);
    return rc == ERR_OK ? erase_persons(ledger, restored, err) : rc;
}

struct noting {
    struct data *data;
    struct tenant *tenant;
};

static enum err_class note(void *arg, const unsigned char digest[VAULT_DIGEST_BYTES],
                           struct err *err)
{
    const struct noting *noting = arg;
    struct receipt receipt = {.kind = RECEIPT_PERSON, .at_ms = ctx_now_ms(noting->data->ctx)};
    bool there = false;

    (void)snprintf(receipt.tenant, sizeof(receipt.tenant), "%s", noting->tenant->info.id);
    (void)sodium_bin2hex(receipt.digest, sizeof(receipt.digest), digest, VAULT_DIGEST_BYTES);

    enum err_class rc = receipt_is_kept(noting->data, &receipt, &there, err);

    return rc == ERR_OK && !there ? receipt_issue(noting->data, &receipt, NULL, err) : rc;
}

enum err_class ledger_note_persons(struct data *data, struct tenant *tenant, struct err *err)
{
    struct noting noting = {data, tenant};

    return erased_each(tenant, note, &noting, err);
}
