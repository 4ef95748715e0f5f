#ifndef STORE_SQLITE_FEED_H
#define STORE_SQLITE_FEED_H
#include <sqlite3.h>

#include "store/db.h"

#define SQLITE_FEED "db_feed"

/*
 * Gives the connection the table db_feed (columns c1 to c64) whose rows are those of *feed, which
 * is borrowed until the table is removed. Returns SQLite's code.
 */
int sqlite_feed_add(sqlite3 *sqlite, const struct db_feed *feed);
void sqlite_feed_remove(sqlite3 *sqlite); /* no statement uses it any more */

#endif
