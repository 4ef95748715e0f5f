#ifndef APPS_TIMESHEET_PERSONS_H
#define APPS_TIMESHEET_PERSONS_H
#include "base/ctx.h"
#include "base/str.h"

/* Account id -> row of `person`, remembered for a run: a million worklogs ask for a few hundred. */
struct person_cache;

struct person_cache *person_cache_new(const struct ctx *ctx); /* NULL when out of memory */
void person_cache_free(struct person_cache *cache);
bool person_cache_get(const struct person_cache *cache, struct str account, int64_t *ret);
/* Remembers when there is room; forgetting only costs a query. */
void person_cache_put(struct person_cache *cache, struct str account, int64_t ref);
void person_cache_clear(struct person_cache *cache);

#endif
