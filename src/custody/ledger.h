#ifndef CUSTODY_LEDGER_H
#define CUSTODY_LEDGER_H
#include "custody/person.h"
#include "custody/receipt.h"

/*
 * What was erased stays erased when a backup is restored. The ledger is what the control database
 * and the receipts say of tenants, and of persons the tenant's present database and the receipts.
 */
struct ledger {
    struct data *data;
    const char *copies;           /* a folder of receipts that were copied away; NULL: none */
    const struct rows_hook *hook; /* of person_erase; NULL: none */
};

/*
 * For restore_options.before, with a struct ledger: ERR_FORBIDDEN when the tenant was erased; else
 * erases from it again the persons who were erased since the backup was taken.
 */
MUST_USE enum err_class ledger_before_restore(void *arg, struct tenant *restored, struct err *err);

/*
 * The same after a copy of the whole data folder was put back: erases the persons whom the latest
 * receipt says erased from the tenants that are here. *ret_count: how many. What keeps one tenant
 * (ERR_CONFLICT: a synchronization has it for longer than wait_ms) does not keep the others; the
 * first such error is returned. Harmless when repeated.
 */
MUST_USE enum err_class ledger_replay(const struct ledger *ledger, int64_t wait_ms,
                                      int64_t *ret_count, struct err *err);

/*
 * The account may be stored again: a receipt of the readmission, which from then on counts for
 * every restore, and erased_lift. *ret_was: it was erased, and is not any more.
 */
MUST_USE enum err_class ledger_readmit(struct data *data, struct tenant *tenant, struct str account,
                                       bool *ret_was, struct err *err);

/*
 * A signed receipt for each person who was erased from the tenant and has none yet: by it a restore
 * elsewhere erases them again. Harmless when repeated.
 */
MUST_USE enum err_class ledger_note_persons(struct data *data, struct tenant *tenant,
                                            struct err *err);

#endif
