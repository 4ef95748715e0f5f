#ifndef CUSTODY_MEASURE_H
#define CUSTODY_MEASURE_H
#include "store/data.h"

/*
 * What there is of each record at this moment: rows, the oldest, the room it takes.
 *
 * Rows and ages are counted. The room of a table is an estimate: the bytes in use in its database
 * file, which are exact, shared out by a sample of rows of each table, indexes included; so all
 * tables of a file add up to it. The room of files is their size. Takes as long as counting the
 * rows does; files and a few hundred rows a table are looked at beside that.
 */
struct measured {
    bool counted; /* else it has no rows that can be counted, or is not for whoever asks */
    int64_t rows;
    int64_t oldest_ms; /* 0: none, or it has no time */
    bool sized;
    int64_t bytes;
};

struct measure_question {
    struct data *data;
    struct tenant *tenant; /* NULL: only the server's own */
    bool server;           /* the server's own, too: its database, and the files of all */
};

/* Sizes of folders, bytes; -1: not asked for. */
struct measure_totals {
    int64_t tenant, tenant_backups, server, server_backups;
};

/* `ret` has room for one a record of the catalogue, in its order. */
MUST_USE enum err_class measure_all(const struct measure_question *question, struct measured *ret,
                                    struct measure_totals *ret_totals, struct err *err);

#endif
