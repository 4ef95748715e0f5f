/* Tests of webhook_secret.c: deliveries of an administrator's webhook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <sodium.h>

#include "../../tests/lib/atlassian_world.h"
#include "base/json.h"
#include "connect/webhook_secret.h"

static const char *recorded; /* the folder of recorded deliveries; NULL: not given */
#define BODY "{\"webhookEvent\":\"worklog_created\"}"

static void make_secret(struct atlassian_world *world, char ret[WEBHOOK_SECRET_BYTES + 1])
{
    struct tenant *tenant = NULL;

    atlassian_ok(world, store_pool_tenant(world->pool, STR("acme"), &tenant, &world->err));
    atlassian_ok(world, webhook_secret_make(tenant, ret, &world->err));
    store_pool_give_tenant(world->pool, tenant);
    identities_forget_tenant(world->ids, world->store.info.id);
}

static struct webhook_state look(struct atlassian_world *world)
{
    struct webhook_state state = {0};
    struct tenant *tenant = NULL;

    atlassian_ok(world, store_pool_tenant(world->pool, STR("acme"), &tenant, &world->err));
    atlassian_ok(world, webhook_state(tenant, &state, &world->err));
    store_pool_give_tenant(world->pool, tenant);
    return state;
}

/* Signed as Jira does, by libsodium; `room` must live as long as the request. */
static struct incoming deliver(struct atlassian_world *world, const char *secret, struct str body,
                               char room[100])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char hex[2 * sizeof(mac) + 1];

    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    (void)snprintf(room, 100, "sha256=%s", hex);
    return (struct incoming){.arena = world->arena, .body = body, .hub_signature = str_from(room)};
}

static enum err_class check(struct atlassian_world *world, const struct incoming *in,
                            const char *tenant)
{
    char told[TENANT_ID_BYTES + 1] = "";
    enum err_class rc = webhook_check(world->ids, in, str_from(tenant), told, &world->err);

    assert_string_equal(told, rc == ERR_OK ? world->store.info.id : "");
    return rc;
}

static void a_signed_delivery_is_of_the_tenant_of_its_url(void **state)
{
    struct atlassian_world *world = *state;
    char secret[WEBHOOK_SECRET_BYTES + 1], room[100];

    make_secret(world, secret);
    assert_int_equal(strlen(secret), WEBHOOK_SECRET_BYTES);

    const struct incoming in = deliver(world, secret, STR(BODY), room);

    assert_int_equal(check(world, &in, world->store.info.id), ERR_OK);
    assert_int_equal(check(world, &in, "acme"), ERR_OK);
}

static void only_the_first_delivery_may_wait_for_the_database(void **state)
{
    struct atlassian_world *world = *state;
    char secret[WEBHOOK_SECRET_BYTES + 1], room[100];

    make_secret(world, secret);

    const struct incoming in = deliver(world, secret, STR(BODY), room);
    const struct incoming forged = {
        .arena = world->arena, .body = STR(BODY), .hub_signature = STR("sha256=00")};

    assert_false(webhook_is_known(world->ids, STR("acme")));
    assert_int_equal(check(world, &forged, "acme"), ERR_DENIED);
    assert_false(webhook_is_known(world->ids, STR("acme"))); /* its time is still to be written */
    assert_int_equal(check(world, &in, "acme"), ERR_OK);
    assert_true(webhook_is_known(world->ids, STR("acme")));
    assert_false(webhook_is_known(world->ids, STR("nobody")));
    make_secret(world, secret);
    assert_false(webhook_is_known(world->ids, STR("acme")));
}

static void a_delivery_is_refused_without_a_good_signature(void **state)
{
    struct atlassian_world *world = *state;
    char secret[WEBHOOK_SECRET_BYTES + 1], room[100];

    make_secret(world, secret);

    struct incoming in = deliver(world, secret, STR(BODY), room);
    const char *acme = world->store.info.id;

    in.body = STR(BODY " ");
    assert_int_equal(check(world, &in, acme), ERR_DENIED);
    in = deliver(world, "another secret", STR(BODY), room);
    assert_int_equal(check(world, &in, acme), ERR_DENIED);
    in.hub_signature = (struct str){NULL, 0};
    assert_int_equal(check(world, &in, acme), ERR_DENIED);
    in.hub_signature = STR("sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_int_equal(check(world, &in, acme), ERR_DENIED);
}

static void nobody_can_tell_tenants_apart_by_their_webhooks(void **state)
{
    struct atlassian_world *world = *state;
    char room[100], first[ERR_MSG_MAX];
    const struct incoming in = deliver(world, "guess", STR(BODY), room);

    assert_int_equal(check(world, &in, "acme"), ERR_DENIED); /* there, but has no webhook */
    (void)snprintf(first, sizeof(first), "%s", world->err.msg);
    assert_int_equal(check(world, &in, "nobody"), ERR_DENIED);
    assert_string_equal(world->err.msg, first);
    assert_int_equal(check(world, &in, ""), ERR_DENIED);
    assert_string_equal(world->err.msg, first);
}

static void a_new_secret_ends_the_old_one(void **state)
{
    struct atlassian_world *world = *state;
    char old[WEBHOOK_SECRET_BYTES + 1], new[WEBHOOK_SECRET_BYTES + 1], room[100], other[100];

    make_secret(world, old);

    const struct incoming by_old = deliver(world, old, STR(BODY), room);

    assert_int_equal(check(world, &by_old, "acme"), ERR_OK);
    make_secret(world, new);
    assert_string_not_equal(old, new);

    const struct incoming by_new = deliver(world, new, STR(BODY), other);

    assert_int_equal(check(world, &by_old, world->store.info.id), ERR_DENIED);
    assert_int_equal(check(world, &by_new, world->store.info.id), ERR_OK);
    assert_int_equal(check(world, &by_old, "acme"), ERR_DENIED);
    assert_false(scratch_grep(scratch_path(&world->store.scratch, "data"), str_from(new)));
}

static void the_last_delivery_is_known_to_the_minute(void **state)
{
    struct atlassian_world *world = *state;
    char secret[WEBHOOK_SECRET_BYTES + 1], room[100];
    int64_t first_ms = ctx_now_ms(world->ctx);

    assert_false(look(world).set);
    make_secret(world, secret);
    assert_true(look(world).set);
    assert_int_equal(look(world).last_seen_ms, 0);

    const struct incoming in = deliver(world, secret, STR(BODY), room);

    assert_int_equal(check(world, &in, "acme"), ERR_OK);
    assert_int_equal(look(world).last_seen_ms, first_ms);
    fake_ctx_advance(&world->store.fake, RECALL_FRESH_MS / 2);
    assert_int_equal(check(world, &in, "acme"), ERR_OK);
    assert_int_equal(look(world).last_seen_ms, first_ms); /* not written each time */
    fake_ctx_advance(&world->store.fake, RECALL_FRESH_MS / 2);
    assert_int_equal(check(world, &in, "acme"), ERR_OK);
    assert_int_equal(look(world).last_seen_ms, first_ms + RECALL_FRESH_MS);
}

/* Every recorded delivery has the name that events are told apart by. */
static void every_recorded_delivery_is_taken(void **state)
{
    struct atlassian_world *world = *state;
    char secret[WEBHOOK_SECRET_BYTES + 1];
    DIR *dir = recorded ? opendir(recorded) : NULL;
    struct dirent *entry;
    size_t count = 0;

    if (!dir)
        skip();
    make_secret(world, secret);
    while ((entry = readdir(dir))) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
        char path[512], room[100];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd(dir), entry->d_name);

        struct strbuf body = scratch_read(path);
        const struct incoming in = deliver(world, secret, strbuf_str(&body), room);

        assert_int_equal(check(world, &in, "acme"), ERR_OK);
        atlassian_ok(world, json_read(in.body, "it", &doc, &world->err));
        assert_true(json_str(yyjson_doc_get_root(doc), "webhookEvent").len > 0);
        strbuf_done(&body);
        count++;
    }
    (void)closedir(dir);
    assert_true(count >= 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, atlassian_world_begin, atlassian_world_end)

int main(int argc, char **argv)
{
    recorded = argc > 1 ? argv[1] : NULL;

    const struct CMUnitTest tests[] = {
        TEST(a_signed_delivery_is_of_the_tenant_of_its_url),
        TEST(only_the_first_delivery_may_wait_for_the_database),
        TEST(a_delivery_is_refused_without_a_good_signature),
        TEST(nobody_can_tell_tenants_apart_by_their_webhooks),
        TEST(a_new_secret_ends_the_old_one),
        TEST(the_last_delivery_is_known_to_the_minute),
        TEST(every_recorded_delivery_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
