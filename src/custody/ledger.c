/*
 * ledger.c: erasures repeated after a restore.
 *
 * An erased person is known by a digest alone, keyed with a number of the tenant's own that its
 * backups hold too. So each account of the restored tenant is digested and looked up among the
 * digests of the present database and of the receipts. Who is erased by the present database is;
 * else the latest receipt decides, of an erasure or of a readmission. Their times are made so that
 * they are in the order of what happened, also when the clock was set back meanwhile.
 */
#include "custody/ledger.h"

#include <assert.h>
#include <sodium.h>

#include "base/disk.h"
#include "custody/erase.h"
#include "store/erased.h"

#define ACCOUNTS_BYTES ((size_t)64 * 1024 * 1024)
#define EVENTS_MAX 1000000
#define HEX_BYTES (2 * (size_t)VAULT_DIGEST_BYTES)

/* Of whom something is known: the tenant's id, and the digest in hex. */
#define WHO_BYTES (TENANT_ID_BYTES + HEX_BYTES)

/* Somebody was erased, or readmitted. */
struct event {
    char who[WHO_BYTES];
    int64_t at_ms; /* INT64_MAX: it is so at present */
    bool erased;
};

struct events {
    const char *tenant; /* of it alone; NULL: of all */
    struct event *list;
    size_t count, room;
};

static void events_done(struct events *events)
{
    free(events->list);
}

static void name_who(const char *tenant, const char *hex, char ret[WHO_BYTES])
{
    assert(strlen(tenant) == TENANT_ID_BYTES);
    memcpy(ret, tenant, TENANT_ID_BYTES);
    memcpy(ret + TENANT_ID_BYTES, hex, HEX_BYTES);
}

static enum err_class add_event(struct events *events, const char *tenant, const char *hex,
                                int64_t at_ms, bool erased, struct err *err)
{
    if (events->count == EVENTS_MAX)
        return err_set(err, ERR_LIMIT,
                       "there are more than the %d erasures of persons that are looked through",
                       EVENTS_MAX);
    if (events->count == events->room) {
        size_t room = events->room ? 2 * events->room : 64;
        struct event *more = reallocarray(events->list, room, sizeof(*more));

        if (!more)
            return err_memory(err);
        events->list = more;
        events->room = room;
    }

    struct event *event = &events->list[events->count++];

    name_who(tenant, hex, event->who);
    event->at_ms = at_ms;
    event->erased = erased;
    return ERR_OK;
}

/* By whom, then by time; of the same time an erasure is the later one. */
static int order(const void *a, const void *b)
{
    const struct event *left = a, *right = b;
    int by_whom = memcmp(left->who, right->who, WHO_BYTES);

    if (by_whom != 0)
        return by_whom;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return (int)left->erased - (int)right->erased;
}

static void sort_events(struct events *events)
{
    if (events->count > 0)
        qsort(events->list, events->count, sizeof(*events->list), order);
}

/* Is the last that happened to them an erasure? The events are in order. */
static bool is_erased(const struct events *events, const char who[WHO_BYTES])
{
    size_t low = 0, high = events->count; /* the first that is behind the person's own */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(events->list[middle].who, who, WHO_BYTES) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && memcmp(events->list[low - 1].who, who, WHO_BYTES) == 0 &&
           events->list[low - 1].erased;
}

static enum err_class add_receipt(void *arg, const struct receipt *receipt, struct err *err)
{
    struct events *events = arg;

    if (receipt->kind == RECEIPT_TENANT ||
        (events->tenant && strcmp(receipt->tenant, events->tenant) != 0))
        return ERR_OK;
    return add_event(events, receipt->tenant, receipt->digest, receipt->at_ms,
                     receipt->kind == RECEIPT_PERSON, err);
}

/* What the receipts say, here and where they were copied to; in order. */
static enum err_class add_receipts(const struct ledger *ledger, struct events *events,
                                   struct err *err)
{
    AUTO(free_autop) char *folder = disk_join(ledger->data->dir, RECEIPTS_FOLDER);
    enum err_class rc =
        folder ? receipts_each(ledger->data, folder, add_receipt, events, err) : err_memory(err);

    if (rc == ERR_OK && ledger->copies)
        rc = receipts_each(ledger->data, ledger->copies, add_receipt, events, err);
    sort_events(events);
    return rc;
}

static enum err_class add_row(void *arg, const unsigned char digest[VAULT_DIGEST_BYTES],
                              struct err *err)
{
    struct events *events = arg;
    char hex[HEX_BYTES + 1];

    (void)sodium_bin2hex(hex, sizeof(hex), digest, VAULT_DIGEST_BYTES);
    return add_event(events, events->tenant, hex, INT64_MAX, true, err);
}

/* Of the tenant as it is here; one that is not here has none. */
static enum err_class add_present(struct data *data, const char *id, struct events *events,
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
    return rc == ERR_OK ? erased_each(present, add_row, events, err) : rc;
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

static enum err_class erase_if_listed(const struct ledger *ledger, struct tenant *tenant,
                                      struct str account, const struct events *events,
                                      int64_t wait_ms, int64_t *count, struct err *err)
{
    unsigned char digest[VAULT_DIGEST_BYTES];
    char hex[HEX_BYTES + 1], who[WHO_BYTES];
    struct person_erased done;
    bool known = false;
    enum err_class rc = erased_digest(tenant, account, digest, &known, err);

    if (rc != ERR_OK || !known)
        return rc;
    (void)sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    name_who(tenant->info.id, hex, who);
    if (!is_erased(events, who))
        return ERR_OK;
    rc = person_erase(tenant, account, wait_ms, ledger->hook, &done, err);
    *count += rc == ERR_OK;
    return rc;
}

static enum err_class erase_listed(const struct ledger *ledger, struct tenant *tenant,
                                   const struct events *events, int64_t wait_ms, int64_t *count,
                                   struct err *err)
{
    struct strbuf accounts AUTO(strbuf_done) = STRBUF_INIT(ACCOUNTS_BYTES);
    enum err_class rc = events->count > 0 ? list_accounts(tenant, &accounts, err) : ERR_OK;
    struct str rest = strbuf_str(&accounts);

    while (rest.len > 0 && rc == ERR_OK)
        rc = erase_if_listed(ledger, tenant, str_cut(rest, '\n', &rest), events, wait_ms, count,
                             err);
    return rc;
}

static enum err_class erase_persons(const struct ledger *ledger, struct tenant *restored,
                                    struct err *err)
{
    AUTO(events_done) struct events events = {.tenant = restored->info.id};
    int64_t count = 0;
    enum err_class rc = add_present(ledger->data, restored->info.id, &events, err);

    if (rc == ERR_OK)
        rc = add_receipts(ledger, &events, err);
    return rc == ERR_OK ? erase_listed(ledger, restored, &events, 0, &count, err) : rc;
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

/* ---- A copy of the whole folder was put back ---- */

/* One that cannot be opened is told of by all else; then its persons cannot be read either. */
static enum err_class replay_one(const struct ledger *ledger, const struct events *events,
                                 const char *id, int64_t wait_ms, int64_t *count, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct tenant_info info;
    enum err_class rc = tenant_find(ledger->data, str_from(id), &info, err);

    if (rc == ERR_NOT_FOUND || (rc == ERR_OK && strcmp(info.id, id) != 0))
        return ERR_OK; /* it has left */
    if (rc == ERR_OK)
        rc = tenant_open(ledger->data, &info, &tenant, err);
    return rc == ERR_OK ? erase_listed(ledger, tenant, events, wait_ms, count, err) : rc;
}

enum err_class ledger_replay(const struct ledger *ledger, int64_t wait_ms, int64_t *ret_count,
                             struct err *err)
{
    AUTO(events_done) struct events events = {.tenant = NULL};
    enum err_class rc = add_receipts(ledger, &events, err), first = rc;

    *ret_count = 0;
    /* In order: one turn a tenant that has any. */
    for (size_t i = 0; i < events.count && rc == ERR_OK; i++) {
        struct err own = {0};
        char id[TENANT_ID_BYTES + 1];

        if (i > 0 && memcmp(events.list[i].who, events.list[i - 1].who, TENANT_ID_BYTES) == 0)
            continue;
        (void)snprintf(id, sizeof(id), "%.*s", TENANT_ID_BYTES, events.list[i].who);

        enum err_class one = replay_one(ledger, &events, id, wait_ms, ret_count, &own);

        if (one != ERR_OK && first == ERR_OK) {
            first = one;
            *err = own;
        }
    }
    return first;
}

/* ---- What is signed ---- */

static void about(struct receipt *receipt, enum receipt_kind kind, const struct tenant *tenant,
                  const unsigned char digest[VAULT_DIGEST_BYTES])
{
    *receipt = (struct receipt){.kind = kind};
    (void)snprintf(receipt->tenant, sizeof(receipt->tenant), "%s", tenant->info.id);
    (void)sodium_bin2hex(receipt->digest, sizeof(receipt->digest), digest, VAULT_DIGEST_BYTES);
}

/* Signs that it is so from now on, after what the last receipt of the other kind says. */
static enum err_class issue_after(struct data *data, struct receipt *receipt, bool other,
                                  int64_t other_ms, struct err *err)
{
    int64_t now_ms = ctx_now_ms(data->ctx);

    receipt->at_ms = other && other_ms >= now_ms ? other_ms + 1 : now_ms;
    return receipt_issue(data, receipt, NULL, err);
}

struct noting {
    struct data *data;
    struct tenant *tenant;
};

/* One that was readmitted, and is erased again, needs another receipt. */
static enum err_class note(void *arg, const unsigned char digest[VAULT_DIGEST_BYTES],
                           struct err *err)
{
    const struct noting *noting = arg;
    struct receipt erased, readmitted;
    bool is_signed = false, ended = false;
    int64_t signed_ms = 0, ended_ms = 0;

    about(&erased, RECEIPT_PERSON, noting->tenant, digest);
    about(&readmitted, RECEIPT_READMITTED, noting->tenant, digest);

    enum err_class rc = receipt_find(noting->data, &erased, &is_signed, &signed_ms, err);

    if (rc == ERR_OK)
        rc = receipt_find(noting->data, &readmitted, &ended, &ended_ms, err);
    if (rc != ERR_OK || (is_signed && !(ended && ended_ms > signed_ms)))
        return rc;
    return issue_after(noting->data, &erased, ended, ended_ms, err);
}

enum err_class ledger_note_persons(struct data *data, struct tenant *tenant, struct err *err)
{
    struct noting noting = {data, tenant};

    return erased_each(tenant, note, &noting, err);
}

enum err_class ledger_readmit(struct data *data, struct tenant *tenant, struct str account,
                              bool *ret_was, struct err *err)
{
    unsigned char digest[VAULT_DIGEST_BYTES];
    struct receipt erased, readmitted;
    bool known = false, there = false;
    int64_t erased_ms = 0;
    enum err_class rc = erased_find(tenant, account, &known, err);

    *ret_was = false;
    if (rc != ERR_OK || !known)
        return rc;
    rc = erased_digest(tenant, account, digest, &known, err);
    if (rc != ERR_OK)
        return rc;
    about(&erased, RECEIPT_PERSON, tenant, digest);
    about(&readmitted, RECEIPT_READMITTED, tenant, digest);
    rc = receipt_find(data, &erased, &there, &erased_ms, err);
    /* Before the mark goes: while it stands, it counts more than any receipt. */
    if (rc == ERR_OK)
        rc = issue_after(data, &readmitted, there, erased_ms, err);
    return rc == ERR_OK ? erased_lift(tenant, account, ret_was, err) : rc;
}
