#ifndef TESTS_LIB_PEOPLE_WORLD_H
#define TESTS_LIB_PEOPLE_WORLD_H
#include "store/pool.h"
#include "store_world.h"

/*
 * A data folder with the platform's records, its tenant "acme" and a pool of handles, for the tests
 * of signing in.
 */
struct people_world {
    struct store_world store;
    const struct ctx *ctx; /* of store.fake */
    struct store_pool *pool;
    struct err err;
};

extern const struct catalog people_catalog;

/* For cmocka's setup and teardown. */
int people_world_begin(void **state);
int people_world_end(void **state);

void people_ok(struct people_world *world, enum err_class rc); /* or the test fails */
/* The first column of the first row, of the control database or the tenant's. */
int64_t people_number(struct people_world *world, bool control, const char *sql);

#endif
