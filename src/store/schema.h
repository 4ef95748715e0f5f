#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H
#include "policy/catalog.h"
#include "store/db.h"

/*
 * The database schema, from the catalogue alone. A fresh database is created; columns, tables and
 * indexes that the catalogue gained are added; anything else that differs (a table or column that
 * is not declared, another type, a lost one) is ERR_SCHEMA with the thing named. A database written
 * by a newer catalogue is refused. What was applied is recorded in `schema_change`.
 */
MUST_USE enum err_class schema_apply(struct db *db, const struct ctx *ctx,
                                     const struct catalog *catalog, enum record_scope scope,
                                     struct err *err);
/* Only compares; changes nothing. */
MUST_USE enum err_class schema_verify(struct db *db, const struct catalog *catalog,
                                      enum record_scope scope, struct err *err);

#endif
