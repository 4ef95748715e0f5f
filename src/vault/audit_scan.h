#ifndef VAULT_AUDIT_SCAN_H
#define VAULT_AUDIT_SCAN_H
#include "base/json.h"
#include "vault/audit_read.h"

/* What the readers share. */
struct audit_scan {
    const char *dir; /* DATA/audit */
    /* Each line without its newline; !whole: the last one, which has none. */
    enum err_class (*line)(void *arg, struct str line, int64_t line_no, bool whole,
                           struct err *err);
    void *arg;
};
/* size_max: read no further; -1: to the end as it is now. */
MUST_USE enum err_class audit_scan_file(const struct ctx *ctx, const struct audit_scan *scan,
                                        const char *name, int64_t size_max, struct err *err);
/* The row borrows of the document, which the caller frees whatever the result. */
MUST_USE bool audit_row_read(struct str line, yyjson_doc **ret_doc, struct audit_row *ret);

#endif
