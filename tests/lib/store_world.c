/* store_world.c: a data folder with one tenant, for tests. */
#include "store_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include <cmocka.h>

static void ok(enum err_class rc, const struct err *err)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), err->msg);
}

void test_vault_start(void)
{
    struct err err = {0};

    ok(vault_start(&err), &err);
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
}

static void open_all(struct store_world *world, bool create)
{
    struct err err = {0};

    ok(data_open(&world->fake.ctx, scratch_path(&world->scratch, "data"), world->catalog, create,
                 &world->data, &err),
       &err);
    if (create) {
        struct tenant_credential credential = {.login = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                               .token = STRBUF_INIT(LIMIT_SECRET_BYTES)};

        world->info = (struct tenant_info){
            .name = "acme", .base_url = "https://acme.atlassian.net", .kind = TENANT_CLOUD};
        strbuf_add_z(&credential.login, STORE_WORLD_LOGIN);
        strbuf_add_z(&credential.token, STORE_WORLD_TOKEN);
        ok(tenant_create(world->data, &world->info, &credential, &err), &err);
        tenant_credential_done(&credential);
    }
    ok(tenant_open(world->data, &world->info, &world->tenant, &err), &err);
}

void store_world_begin(struct store_world *world, const struct catalog *catalog, uint64_t seed)
{
    memset(world, 0, sizeof(*world));
    test_vault_start();
    fake_ctx_init(&world->fake, seed);
    scratch_begin(&world->scratch);
    world->catalog = catalog;
    open_all(world, true);
}

static void close_all(struct store_world *world)
{
    tenant_close(world->tenant);
    data_close(world->data);
    world->tenant = NULL;
    world->data = NULL;
}

void store_world_end(struct store_world *world)
{
    close_all(world);
    scratch_end(&world->scratch);
    fake_ctx_done(&world->fake);
}

void store_world_reopen(struct store_world *world)
{
    close_all(world);
    open_all(world, false);
}
