#ifndef CUSTODY_ERASE_H
#define CUSTODY_ERASE_H
#include "custody/receipt.h"

/*
 * Erasing a tenant: nothing of it can be read from the first step on, and at the end nothing of it
 * is there. The steps, each of which may be repeated:
 *
 *   1. in one transaction: the tenant's entry goes, with all that the control database holds of it
 *      and its jobs; what remains is `erasure`, and `former_tenant` for 30 days
 *   2. its key file, then its database and folder
 *   3. its backups, here and elsewhere
 *   4. the receipt; the erasure counts as finished
 *
 * A crash leaves an erasure that is not finished; erase_rest goes on with it. A restore of an older
 * copy brings a tenant back that was erased: erase_again erases it again.
 */

/* What lies beside the tenant's own folder, and who removes it; the caller knows (backups). */
struct erase_elsewhere {
    /* Removes all backups of the tenant; *ret_count: how many. Harmless when repeated. */
    enum err_class (*backups)(void *arg, struct data *data, const char *tenant, int64_t *ret_count,
                              struct err *err);
    void *arg;
};

struct erased {
    int64_t keys, files, bytes, backups, control_rows;
};

/*
 *   why      a literal: "command", "uninstalled", "restored"
 *   wait_ms  how long a sync that is at work may take to notice and stop; it holds the writer lock
 *   receipt  its text is appended; NULL: not wanted
 * ERR_CONFLICT: a sync did not stop; everything else is done as far as step 1, and erase_rest goes
 * on. Writes AUDIT_TENANT_ERASED before anything.
 */
MUST_USE enum err_class erase_tenant(struct data *data, const struct tenant_info *info,
                                     const char *why, int64_t wait_ms,
                                     const struct erase_elsewhere *elsewhere, struct erased *ret,
                                     struct strbuf *receipt, struct err *err);
/* Goes on with what was interrupted; *ret_count: how many were finished. */
MUST_USE enum err_class erase_rest(struct data *data, int64_t wait_ms,
                                   const struct erase_elsewhere *elsewhere, int64_t *ret_count,
                                   struct err *err);
/*
 * Erases again what the ledger says was erased: by the control database, by the receipts of the
 * data folder, and by those of another folder, to which they were copied (NULL: none).
 */
MUST_USE enum err_class erase_again(struct data *data, const char *copies, int64_t wait_ms,
                                    const struct erase_elsewhere *elsewhere, int64_t *ret_count,
                                    struct err *err);
/* Was this tenant erased? By the same three. A restore of it is refused then. */
MUST_USE enum err_class erase_was(struct data *data, const char *copies, const char *tenant,
                                  bool *ret, struct err *err);

#endif
