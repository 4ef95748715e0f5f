#ifndef CUSTODY_TRANSFER_READ_H
#define CUSTODY_TRANSFER_READ_H
#include "custody/transfer.h"

/*
 * The document's outer form, read a row at a time in bounded memory: {"catalog":…, "format":…,
 * "from":…, "records":{"name":[{…},…],…}}. Any white space is taken; `records` comes last.
 */
struct transfer_header {
    int64_t catalog;                /* 0: not there */
    char format[64];                /* "" */
    char from[LIMIT_URL_BYTES + 1]; /* the Jira site; "" */
};

struct transfer_visitor {
    /* Before the first record. */
    enum err_class (*header)(void *arg, const struct transfer_header *header, struct err *err);
    enum err_class (*record)(void *arg, struct str name, struct err *err);
    /* number: from 1, in its record. The object is freed after the call. */
    enum err_class (*row)(void *arg, int64_t number, yyjson_val *row, struct err *err);
    void *arg;
};

#define TRANSFER_ROW_BYTES ((size_t)16 * 1024 * 1024)
#define TRANSFER_RECORDS_MAX 256

/* ERR_INPUT names the byte; ERR_LIMIT: a row is too long. Errors of the source, of the visitor. */
MUST_USE enum err_class transfer_read(const struct transfer_source *source,
                                      const struct transfer_visitor *visitor, struct err *err);

#endif
