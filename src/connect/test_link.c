/* Tests of link.c, connect_call.c and bearers.c: with which right Jira is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>

#include "../../tests/lib/atlassian_world.h"
#include "connect/bearers.h"
#include "connect/forge.h"
#include "connect/install.h"
#include "connect/jwt.h"
#include "connect/link.h"

#define CALLERS 50

/* Asks Jira who we are; what it was asked with is the last line of world->calls. */
static enum err_class call(struct atlassian_world *world, const char *tenant_id,
                           const struct principal *who, struct str user_token)
{
    struct strbuf account = STRBUF_INIT(1024);
    struct tenant *tenant = NULL;
    const struct link_as as = {.who = who, .ids = world->ids, .user_token = user_token};
    struct link link = {0};

    atlassian_ok(world, store_pool_tenant(world->pool, str_from(tenant_id), &tenant, &world->err));

    enum err_class rc = link_open_as(&link, tenant, &as, "test", &world->err);

    strbuf_reset(&world->calls); /* whose a token is may have been asked */
    if (rc == ERR_OK)
        rc = jira_myself(&link.jira, &account, &world->err);
    link_done(&link);
    store_pool_give_tenant(world->pool, tenant);
    strbuf_done(&account);
    return rc;
}

static void called_with(struct atlassian_world *world, const char *text)
{
    if (!strstr(strbuf_z(&world->calls), text))
        fail_msg("Jira was not called with %s but: %s", text, strbuf_z(&world->calls));
}

static struct principal person(enum principal_by by)
{
    struct principal who = {.by = by, .role = ROLE_PERSON, .scopes = MAY_ALL};

    (void)snprintf(who.account, sizeof(who.account), "%s", PERSON);
    return who;
}

static const struct str none = {NULL, 0};

static void the_tenants_own_calls_prefer_its_api_token(void **state)
{
    struct atlassian_world *world = *state;
    struct tenant_info *acme = &world->store.info;

    atlassian_ok(world, call(world, acme->id, NULL, none));
    called_with(world, "GET https://acme.atlassian.net/rest/api/3/myself Basic ");
}

static void a_connect_app_signs_each_call(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];
    struct jwt jwt AUTO(jwt_done) = {0};

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_ok(world, call(world, tenant, NULL, none));
    called_with(world, "GET " SITE_URL "/rest/api/3/myself JWT ");

    struct str token = {NULL, 0};

    (void)str_cut(str_from(strstr(strbuf_z(&world->calls), "JWT ")), ' ', &token);
    token.len--; /* the line's end */
    atlassian_ok(world, jwt_parse(world->arena, token, &jwt, &world->err));
    atlassian_ok(world, jwt_verify_hs256(&jwt, STR(CLIENT_SECRET), &world->err));
    atlassian_ok(world, jwt_check_times(&jwt, ctx_now_ms(world->ctx), 0, 180, &world->err));
    assert_true(str_eq(jwt.iss, STR("tenon")));
    assert_true(str_eq(jwt.aud[0], STR(CLIENT_KEY)));
    /* printf 'GET&/rest/api/3/myself&' | sha256sum */
    assert_true(
        str_eq(jwt.qsh, STR("c790e863cecddbf1369d5e058d5f71d9d19741a497a6e4681351909109759513")));
}

static void forge_calls_go_with_the_system_token_to_the_api_it_named(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying_forge event = {.principal = ""};
    const struct incoming in = forge_call(world, &event);
    char tenant[TENANT_ID_BYTES + 1];

    atlassian_ok(world, forge_lifecycle(world->ids, &in, false, tenant, &world->err));
    atlassian_ok(world, call(world, tenant, NULL, none));
    called_with(world, "GET " SITE_API "/rest/api/3/myself Bearer " SYSTEM_TOKEN "\n");

    fake_ctx_advance(&world->store.fake, INT64_C(2) * 60 * 60 * 1000);
    assert_int_equal(call(world, tenant, NULL, none), ERR_NOT_FOUND); /* it is worth nothing now */
}

static void a_person_of_forge_calls_with_the_token_of_the_request(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying_forge event = {.principal = ""};
    const struct incoming in = forge_call(world, &event);
    const struct principal who = person(BY_FORGE);
    char tenant[TENANT_ID_BYTES + 1];

    atlassian_ok(world, forge_lifecycle(world->ids, &in, false, tenant, &world->err));
    atlassian_ok(world, call(world, tenant, &who, STR("user-token-1")));
    called_with(world, "GET " SITE_API "/rest/api/3/myself Bearer user-token-1\n");
    assert_int_equal(call(world, tenant, &who, none), ERR_FORBIDDEN);
}

static void the_user_token_of_a_request_is_not_believed_for_others(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying_forge event = {.principal = ""};
    const struct incoming in = forge_call(world, &event);
    const struct principal who = person(BY_SESSION);
    char tenant[TENANT_ID_BYTES + 1];

    atlassian_ok(world, forge_lifecycle(world->ids, &in, false, tenant, &world->err));
    assert_int_equal(call(world, tenant, &who, STR("user-token-1")), ERR_FORBIDDEN);
}

static void a_connect_app_acts_as_the_person(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = person(BY_CONNECT);
    struct jwt jwt AUTO(jwt_done) = {0};
    struct str assertion = {NULL, 0};
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_ok(world, call(world, tenant, &who, none));
    called_with(world, "GET " SITE_URL "/rest/api/3/myself Bearer person-token-1\n");

    struct str form = strbuf_str(&world->posted);

    assert_true(str_starts(
        form, STR("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")));
    (void)str_cut(form, '&', &assertion);
    assertion = str_sub(assertion, sizeof("assertion=") - 1, assertion.len);
    atlassian_ok(world, jwt_parse(world->arena, assertion, &jwt, &world->err));
    atlassian_ok(world, jwt_verify_hs256(&jwt, STR(CLIENT_SECRET), &world->err));
    atlassian_ok(world, jwt_check_times(&jwt, ctx_now_ms(world->ctx), 0, 120, &world->err));
    assert_true(str_eq(jwt.iss, STR("urn:atlassian:connect:clientid:client-id-1")));
    assert_true(str_eq(jwt.sub, STR("urn:atlassian:connect:useraccountid:" PERSON)));
    assert_true(str_eq(jwt.aud[0], STR("https://auth.example.com")));
    assert_true(str_eq_z(json_str(jwt.claims, "tnt"), SITE_URL));
}

static void a_token_for_acting_is_kept_until_shortly_before_its_end(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = person(BY_CONNECT);
    struct principal other = who;
    char tenant[TENANT_ID_BYTES + 1];

    (void)snprintf(other.account, sizeof(other.account), "another");
    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_ok(world, call(world, tenant, &who, none));
    atlassian_ok(world, call(world, tenant, &who, none));
    assert_int_equal(world->grants, 1);
    atlassian_ok(world, call(world, tenant, &other, none));
    assert_int_equal(world->grants, 2);
    called_with(world, "Bearer person-token-2\n");

    fake_ctx_advance(&world->store.fake, 900000 - BEARERS_EARLY_MS - 1000);
    atlassian_ok(world, call(world, tenant, &who, none));
    assert_int_equal(world->grants, 2);
    fake_ctx_advance(&world->store.fake, 1000);
    atlassian_ok(world, call(world, tenant, &who, none));
    assert_int_equal(world->grants, 3);
}

static void a_new_install_forgets_tokens_for_acting(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = person(BY_CONNECT);
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_ok(world, call(world, tenant, &who, none));
    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_ok(world, call(world, tenant, &who, none));
    assert_int_equal(world->grants, 2);
}

static void a_refused_grant_is_the_persons_and_is_tried_again(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = person(BY_CONNECT);
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    world->grant_status = 403;
    assert_int_equal(call(world, tenant, &who, none), ERR_FORBIDDEN);
    world->grant_status = 503;
    assert_int_equal(call(world, tenant, &who, none), ERR_BUSY);
    world->grant_status = 500;
    assert_int_equal(call(world, tenant, &who, none), ERR_NETWORK);
    assert_null(strstr(world->err.msg, "invalid_grant"));
    world->grant_status = 0;
    assert_int_equal(call(world, tenant, &who, none), ERR_OK);
}

static void the_tenants_token_acts_for_its_own_account_only(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = person(BY_SESSION);
    const char *acme = world->store.info.id;

    (void)snprintf(world->account, sizeof(world->account), "%s", PERSON);
    atlassian_ok(world, call(world, acme, &who, none));
    called_with(world, "Basic ");
    /* It is asked whose it is once in a while only. */
    (void)snprintf(world->account, sizeof(world->account), "somebody else");
    atlassian_ok(world, call(world, acme, &who, none));
    fake_ctx_advance(&world->store.fake, INT64_C(10) * 60 * 1000);
    assert_int_equal(call(world, acme, &who, none), ERR_FORBIDDEN);
}

static void a_local_administrator_calls_as_the_tenant(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = {.by = BY_SESSION, .role = ROLE_ADMIN, .scopes = MAY_ALL};

    atlassian_ok(world, call(world, world->store.info.id, &who, none));
    called_with(world, "Basic ");
}

static void a_person_without_an_account_acts_by_nothing(void **state)
{
    struct atlassian_world *world = *state;
    const struct principal who = {.by = BY_TOKEN, .role = ROLE_PERSON, .scopes = MAY_ALL};

    assert_int_equal(call(world, world->store.info.id, &who, none), ERR_FORBIDDEN);
    assert_non_null(strstr(world->err.msg, "belongs to no account of Jira"));
    assert_int_equal(world->calls.len, 0);
}

static bool is_connected(struct atlassian_world *world, const char *tenant_id)
{
    struct tenant *tenant = NULL;
    bool connected = false;

    atlassian_ok(world, store_pool_tenant(world->pool, str_from(tenant_id), &tenant, &world->err));
    atlassian_ok(world, link_exists(tenant, &connected, &world->err));
    store_pool_give_tenant(world->pool, tenant);
    return connected;
}

static void a_tenant_is_connected_by_a_token_or_by_an_app_that_is_enabled(void **state)
{
    struct atlassian_world *world = *state;
    struct tenant *tenant = NULL;
    char id[TENANT_ID_BYTES + 1];

    assert_true(is_connected(world, world->store.info.id));
    install(world, CLIENT_KEY, CLIENT_SECRET, id);
    assert_true(is_connected(world, id));
    for (int i = 0; i < INSTALL_STATE_COUNT; i++) {
        atlassian_ok(world, store_pool_tenant(world->pool, str_from(id), &tenant, &world->err));
        atlassian_ok(world, connect_install_set_state(tenant, STR(CLIENT_KEY),
                                                      (enum install_state)i, &world->err));
        store_pool_give_tenant(world->pool, tenant);
        assert_int_equal(is_connected(world, id), i == INSTALL_ENABLED);
    }
}

/* ---- One fetch for all who ask at once ---- */

struct crowd {
    struct bearers *bearers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned asked, fetched, got;
    bool fail;
};

/* Ends when all have asked: none of them can have found a token before. */
static enum err_class fetch_slowly(void *arg, struct strbuf *ret, int64_t *ret_lives_ms,
                                   struct err *err)
{
    struct crowd *crowd = arg;

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->fetched++;
    while (crowd->asked < CALLERS)
        (void)pthread_cond_wait(&crowd->changed, &crowd->mutex);
    (void)pthread_mutex_unlock(&crowd->mutex);
    if (crowd->fail)
        return err_set(err, ERR_FORBIDDEN, "no");
    strbuf_add_z(ret, "the-token");
    *ret_lives_ms = 900000;
    return ERR_OK;
}

static void *run_caller(void *arg)
{
    struct crowd *crowd = arg;
    struct strbuf token = STRBUF_INIT(1024);
    struct err err = {0};

    (void)pthread_mutex_lock(&crowd->mutex);
    crowd->asked++;
    (void)pthread_cond_broadcast(&crowd->changed);
    (void)pthread_mutex_unlock(&crowd->mutex);

    enum err_class rc = bearers_get(crowd->bearers, "t/as/p", fetch_slowly, crowd, &token, &err);

    (void)pthread_mutex_lock(&crowd->mutex);
    if (crowd->fail ? rc == ERR_FORBIDDEN : str_eq(strbuf_str(&token), STR("the-token")))
        crowd->got++;
    (void)pthread_mutex_unlock(&crowd->mutex);
    strbuf_done(&token);
    return NULL;
}

static void ask_at_once(struct atlassian_world *world, bool fail)
{
    struct crowd crowd = {.bearers = bearers_new(world->ctx), .fail = fail};
    pthread_t threads[CALLERS];

    assert_non_null(crowd.bearers);
    (void)pthread_mutex_init(&crowd.mutex, NULL);
    (void)pthread_cond_init(&crowd.changed, NULL);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_caller, &crowd), 0);
    for (size_t i = 0; i < CALLERS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(crowd.got, CALLERS);
    if (!fail) /* after a failure those who come late try again */
        assert_int_equal(crowd.fetched, 1);
    bearers_free(crowd.bearers);
    (void)pthread_cond_destroy(&crowd.changed);
    (void)pthread_mutex_destroy(&crowd.mutex);
}

static void fifty_who_ask_at_once_cost_one_fetch(void **state)
{
    ask_at_once(*state, false);
}

static void fifty_who_ask_at_once_are_all_told_of_a_failure(void **state)
{
    ask_at_once(*state, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, atlassian_world_begin, atlassian_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_tenants_own_calls_prefer_its_api_token),
        TEST(a_connect_app_signs_each_call),
        TEST(forge_calls_go_with_the_system_token_to_the_api_it_named),
        TEST(a_person_of_forge_calls_with_the_token_of_the_request),
        TEST(the_user_token_of_a_request_is_not_believed_for_others),
        TEST(a_connect_app_acts_as_the_person),
        TEST(a_token_for_acting_is_kept_until_shortly_before_its_end),
        TEST(a_new_install_forgets_tokens_for_acting),
        TEST(a_refused_grant_is_the_persons_and_is_tried_again),
        TEST(the_tenants_token_acts_for_its_own_account_only),
        TEST(a_local_administrator_calls_as_the_tenant),
        TEST(a_person_without_an_account_acts_by_nothing),
        TEST(a_tenant_is_connected_by_a_token_or_by_an_app_that_is_enabled),
        TEST(fifty_who_ask_at_once_cost_one_fetch),
        TEST(fifty_who_ask_at_once_are_all_told_of_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
