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
/*
 * The same in two steps, for a new database that is filled in between: rows go in faster without
 * indexes. To be followed by schema_apply, which looks at the whole. Needs a write transaction.
 */
MUST_USE enum err_class schema_make_tables(struct db *db, const struct catalog *catalog,
                                           enum record_scope scope, struct err *err);
MUST_USE enum err_class schema_make_indexes(struct db *db, const struct catalog *catalog,
                                            enum record_scope scope, struct err *err);
/* "INTEGER", "TEXT" or "BLOB": how the field is stored. */
const char *schema_column_type(const struct field *field);
/* The catalogue's version that the database has; 0: none yet. ERR_SCHEMA: a newer one. */
MUST_USE enum err_class schema_version(struct db *db, const struct catalog *catalog,
                                       enum record_scope scope, int64_t *ret, struct err *err);
/* Only compares; changes nothing. */
MUST_USE enum err_class schema_verify(struct db *db, const struct catalog *catalog,
                                      enum record_scope scope, struct err *err);

#endif
