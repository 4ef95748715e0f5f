#ifndef CUSTODY_PERSON_H
#define CUSTODY_PERSON_H
#include "custody/rows.h"

/*
 * What a tenant holds on one person, and its end. By the catalogue alone: the person's row, every
 * row that refers to it (TYPE_REF to `person`), and every row that goes with one of those
 * (ERASE_FOLLOW). See docs/people.md.
 */

/* Cloud: 1..128 of letters, digits, '-' and ':'; Data Center: a user key of up to 255 bytes. */
MUST_USE enum err_class person_check_account(struct str account, struct err *err);

/*
 * The document "tenon.person/1" (docs/people.md): person_begin, person_write once a tenant, then
 * person_end. Goes to the sink in parts; `json` writes into *text. Sealed content is opened, of a
 * SECRET only that it is there.
 *   rows_max   of each record; INT64_MAX: all
 *   act        AUDIT_PERSON_SHOWN or AUDIT_PERSON_EXPORTED, written before anything is told
 *   ret_rows   rows held, written or not
 */
struct person_document {
    struct json_out json;
    struct strbuf text;
    struct rows_sink sink;
    int64_t rows_max;
    enum audit_act act;
};
void person_begin(struct person_document *document, const struct rows_sink *sink, int64_t rows_max,
                  enum audit_act act, struct str account);
MUST_USE enum err_class person_write(struct person_document *document, struct tenant *tenant,
                                     struct str account, int64_t *ret_rows, struct err *err);
MUST_USE enum err_class person_end(struct person_document *document, struct err *err);
void person_document_done(struct person_document *document); /* wipes */

/*
 * Told in the transaction that takes the last rows out (or, for an import, puts rows in), before it
 * is committed: the apps check their rules (ERR_INPUT undoes the whole) and bring into step what
 * they keep beside the rows.
 */
struct rows_hook {
    enum err_class (*changed)(void *arg, struct tenant *tenant, struct err *err);
    void *arg;
};

struct person_erased {
    bool held; /* false: there was nothing, and nothing was done */
    int64_t number;
    int64_t rows; /* that went, the person's own row included */
};
/*
 * Erases the person: every row as the catalogue says, in transactions of a few thousand rows, and
 * the person's own row with the last. From the first one on the person counts as erased
 * (store/erased.h); what a crash leaves is finished by person_erase of the same account or by
 * person_erase_rest. Takes the tenant's writer lock, so no synchronization runs meanwhile:
 * ERR_CONFLICT when another has it for longer than wait_ms.
 */
MUST_USE enum err_class person_erase(struct tenant *tenant, struct str account, int64_t wait_ms,
                                     const struct rows_hook *hook, struct person_erased *ret,
                                     struct err *err);
/*
 * After person_erase: the rows are gone for good, and whoever reads finds none; but the database
 * file has its old pages until the log is copied into it, which mostly waits until there is more to
 * copy. This does it now. What another reader keeps from being copied is copied with what is
 * written next. Not needed where the last handle is closed, which copies too.
 */
MUST_USE enum err_class person_overwrite(struct tenant *tenant, struct err *err);
/* Finishes erasures that were cut short, and overwrites; *ret_count: how many. ERR_CONFLICT as
 * above. */
MUST_USE enum err_class person_erase_rest(struct tenant *tenant, const struct rows_hook *hook,
                                          int64_t *ret_count, struct err *err);

#endif
