#ifndef TESTS_LIB_STORE_WORLD_H
#define TESTS_LIB_STORE_WORLD_H
#include "fake_ctx.h"
#include "scratch.h"
#include "store/data.h"

/*
 * A data folder for tests: a world (fake_ctx), a folder (scratch), an open control database and
 * one open tenant named "acme". The disk is the real one, the clock and the dice are the test's.
 */
struct store_world {
    struct fake_ctx fake;
    struct scratch scratch;
    const struct catalog *catalog;
    struct data *data;
    struct tenant_info info;
    struct tenant *tenant;
};

/* vault_start, and then the program may be looked at again: LeakSanitizer wants to. */
void test_vault_start(void);

void store_world_begin(struct store_world *world, const struct catalog *catalog, uint64_t seed);
void store_world_end(struct store_world *world);
/* Closes all and opens it again, as a new process would. */
void store_world_reopen(struct store_world *world);

#define STORE_WORLD_TOKEN "token-that-nobody-may-read"
#define STORE_WORLD_LOGIN "somebody@acme.example"

#endif
