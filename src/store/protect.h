#ifndef STORE_PROTECT_H
#define STORE_PROTECT_H
#include "policy/catalog.h"
#include "store/db.h"
#include "vault/vault.h"

/*
 * Fields that the catalogue seals from some version on (field.class_since), in a database that was
 * written before: what stands in them is sealed value by value, and the plain column goes. Run
 * before schema_apply, which would refuse the old column. In small transactions; one that was
 * stopped goes on with the next opening. ERR_CANCELLED: it was stopped; ERR_LIMIT: a value is too
 * long to be sealed.
 */
MUST_USE enum err_class protect_apply(struct db *db, const struct ctx *ctx, struct vault *vault,
                                      const struct catalog *catalog, enum record_scope scope,
                                      struct err *err);

#endif
