#ifndef CUSTODY_SWEEP_H
#define CUSTODY_SWEEP_H
#include "policy/catalog.h"
#include "store/db.h"

/*
 * Lets go what its record's rule does not keep any longer: rows whose time lies more days back than
 * the catalogue says (RETAIN_DAYS), but for records that their app lets go itself. In small
 * transactions, so that nobody waits; one that was stopped goes on with the next. Told once a
 * record that lost rows. each   `count` rows of the record went; NULL: nobody asks
 */
MUST_USE enum err_class sweep(struct db *db, const struct ctx *ctx, const struct catalog *catalog,
                              enum record_scope scope,
                              enum err_class (*each)(void *arg, const struct record *record,
                                                     int64_t count, struct err *err),
                              void *arg, struct err *err);

#endif
