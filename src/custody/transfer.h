#ifndef CUSTODY_TRANSFER_H
#define CUSTODY_TRANSFER_H
#include "custody/person.h"

/*
 * A tenant's configuration as a JSON document, "tenon.export/1" (docs/export.md), and back: every
 * record that record_is_configuration says, every field that its class exports; CONTENT opened, no
 * SECRET ever. Worklogs are Jira's and are not in it. The same configuration always gives the same
 * bytes.
 */
#define TRANSFER_FORMAT "tenon.export/1"

/*
 * Writes the document, from one state of the store, in parts. The audit trail has it before the
 * first byte goes out. ERR_BUG: the catalogue has a record that could not be put back.
 */
MUST_USE enum err_class transfer_export(struct tenant *tenant, const struct rows_sink *sink,
                                        int64_t *ret_rows, struct err *err);

/* Where a document comes from. It is read twice: first all is checked, then it is stored. */
struct transfer_source {
    enum err_class (*rewind)(void *arg, struct err *err);
    /* At most len bytes; *ret_len 0: the end. */
    enum err_class (*read)(void *arg, char *bytes, size_t len, size_t *ret_len, struct err *err);
    void *arg;
};

struct transfer_options {
    int64_t wait_ms;              /* for a synchronization that is at work */
    bool other_site;              /* take a document of another Jira site */
    const struct rows_hook *hook; /* NULL: none */
};
struct transfer_imported {
    int64_t rows;
    int64_t erased; /* rows that name a person who was erased here: left out */
};
/*
 * Puts the rows of the document in place of those that the tenant has, record by record; records
 * that the document does not name stay as they are. One transaction: nothing half, whatever
 * happens. ERR_INPUT names record, row and field; ERR_CONFLICT: another site's, or a
 * synchronization is at work.
 */
MUST_USE enum err_class transfer_import(struct tenant *tenant, const struct transfer_source *source,
                                        const struct transfer_options *options,
                                        struct transfer_imported *ret, struct err *err);

#endif
