#ifndef STORE_SQLITE_SIZE_H
#define STORE_SQLITE_SIZE_H
#include <sqlite3.h>

#include "policy/catalog.h"

/*
 * About how many bytes of the file so many rows of the record take, with their indexes, judged by a
 * few hundred of them; at least a page for the table and for each index. Returns SQLite's code.
 */
int sqlite_size_weigh(sqlite3 *sqlite, const struct record *record, int64_t rows,
                      int64_t *ret_bytes);

#endif
