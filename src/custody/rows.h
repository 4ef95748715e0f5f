#ifndef CUSTODY_ROWS_H
#define CUSTODY_ROWS_H
#include "base/json.h"
#include "store/data.h"

/*
 * Rows of any record of the tenant's database as JSON, by the catalogue: one object a row, members
 * sorted by name, rows in the order of their key. Numbers are numbers, times are stamps in UTC,
 * CONTENT is opened, blobs are lower-case hex, a reference to `person` is the account id. Digests
 * of other fields are left out: they follow from those.
 */
enum rows_view {
    ROWS_HELD,   /* what is held: of a SECRET that it is there */
    ROWS_EXPORT, /* what can be put back: without what the field's class does not export */
};

/* Is the field a member of the objects? */
bool rows_has(enum rows_view view, const struct field *field);
/* Where a sealed field of a row stands: by the row's first key field. */
struct vault_place rows_place(const struct record *record, const struct field *field, int64_t key,
                              struct str key_text);

struct rows;

/*
 * condition   SQL over the record's columns, built from names of the catalogue alone, with $1 for
 *             `param`; NULL: all rows
 * The tenant is borrowed until rows_close. ERR_MEMORY; errors of the database.
 */
MUST_USE enum err_class rows_open(struct tenant *tenant, const struct record *record,
                                  enum rows_view view, const char *condition, int64_t param,
                                  struct rows **ret, struct err *err);
/* Writes the next row as an object; *ret_row false: there is none left. */
MUST_USE enum err_class rows_next(struct rows *rows, struct json_out *json, bool *ret_row,
                                  struct err *err);
void rows_close(struct rows *rows); /* NULL is fine */
AUTO_DEFINE(struct rows, rows_close)

/*
 * The tenant's writer lock, for as long as rows are changed that a synchronization may have in its
 * memory. ERR_CONFLICT: another has it for longer than wait_ms.
 */
MUST_USE enum err_class rows_lock(struct tenant *tenant, int64_t wait_ms, struct disk_lock *ret,
                                  struct err *err);

/* Where JSON goes that may be larger than memory: a part at a time, each borrowed for the call. */
struct rows_sink {
    enum err_class (*write)(void *arg, struct str part, struct err *err);
    void *arg;
};
#define ROWS_PART_BYTES 65536 /* gathered before a part is written */
#define ROWS_TEXT_BYTES                                                                            \
    ((size_t)16 * 1024 * 1024) /* cap of the buffer between: one row at most                       \
                                */
/* Writes what `text` holds and empties it, when it is a part's worth or `all`. */
MUST_USE enum err_class rows_flush(const struct rows_sink *sink, struct strbuf *text, bool all,
                                   struct err *err);

#endif
