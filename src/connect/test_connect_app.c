/* Tests of connect_app.c and connect_life.c: who is believed to be Jira, and what that does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/atlassian_world.h"
#include "connect/alias.h"
#include "connect/connect_app.h"
#include "connect/jwt.h"

#define OTHER_KEY "00000000-aaaa-3c2a-9f0e-0000000000ff"
#define OTHER_SECRET "ATCO-another-secret-of-forty-bytes-00002"
#define ME "/api/v1/me?tz=Europe%2FBerlin&jwt=whatever"

static const struct saying me = {.method = "GET", .path = ME};

/* The class with which the request is refused, or ERR_OK. */
static enum err_class ask(struct atlassian_world *world, const struct saying *saying,
                          bool context_too)
{
    const struct incoming in = hs256(world, saying);
    struct principal who = {.by = BY_COUNT};
    enum err_class rc = connect_authenticate(world->ids, &in, context_too, &who, &world->err);

    if (rc != ERR_OK)
        assert_int_equal(who.by, BY_COUNT); /* left alone */
    else
        assert_int_equal(who.by, BY_CONNECT);
    return rc;
}

static enum err_class life(struct atlassian_world *world, const struct incoming *in,
                           enum connect_event event, const char *client_key, const char *secret)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = life_body(client_key, secret, SITE_URL, NULL);
    char tenant[TENANT_ID_BYTES + 1] = "untouched";
    enum err_class rc =
        connect_lifecycle(world->ids, in, event, yyjson_doc_get_root(doc), tenant, &world->err);

    if (rc != ERR_OK)
        assert_string_equal(tenant, "untouched");
    return rc;
}

/* ---- Installing ---- */

static void an_install_makes_a_tenant_and_its_tokens_are_good(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_string_not_equal(tenant, world->store.info.id);

    const struct incoming in = hs256(world, &me);

    atlassian_ok(world, connect_authenticate(world->ids, &in, false, &who, &world->err));
    assert_string_equal(who.tenant, tenant);
    assert_string_equal(who.account, PERSON);
    assert_int_equal(who.role, ROLE_PERSON);
    assert_int_equal(who.scopes, MAY_ALL);
    assert_false(who.context_only);
}

static void a_token_is_taken_from_the_query_too(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];
    struct strbuf query = STRBUF_INIT(65536);
    struct principal who = {0};

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);

    struct incoming in = hs256(world, &me);

    strbuf_addf(&query, "tz=Europe%%2FBerlin&jwt=%s", strbuf_z(&world->token));
    in.authorization = (struct str){NULL, 0};
    in.query = strbuf_str(&query);
    assert_true(connect_has_token(&in));
    atlassian_ok(world, connect_authenticate(world->ids, &in, false, &who, &world->err));
    strbuf_done(&query);
}

static void a_second_request_touches_no_database(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_int_equal(ask(world, &me, false), ERR_OK);
    /* Behind our back: what is known is believed for a minute, not longer. */
    (void)atlassian_number(world, tenant,
                           "UPDATE connect_install SET state = 'disabled' RETURNING 1");
    assert_int_equal(ask(world, &me, false), ERR_OK);
    fake_ctx_advance(&world->store.fake, RECALL_FRESH_MS);
    assert_int_equal(ask(world, &me, false), ERR_DENIED);
}

static void a_new_install_rotates_the_secret_with_a_quarter_of_an_hour_between(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying renewed = {.method = "GET", .path = ME, .secret = OTHER_SECRET};
    char first[TENANT_ID_BYTES + 1], second[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, first);
    install(world, CLIENT_KEY, OTHER_SECRET, second);
    assert_string_equal(first, second);
    assert_int_equal(ask(world, &renewed, false), ERR_OK);
    assert_int_equal(ask(world, &me, false), ERR_OK);

    fake_ctx_advance(&world->store.fake, CONNECT_OVERLAP_MS - 1000);
    assert_int_equal(ask(world, &me, false), ERR_OK);
    fake_ctx_advance(&world->store.fake, 1000);
    assert_int_equal(ask(world, &me, false), ERR_DENIED);
    assert_int_equal(ask(world, &renewed, false), ERR_OK);
}

static void the_same_secret_again_does_not_prolong_the_one_before(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    install(world, CLIENT_KEY, OTHER_SECRET, tenant);
    fake_ctx_advance(&world->store.fake, CONNECT_OVERLAP_MS / 2);
    install(world, CLIENT_KEY, OTHER_SECRET, tenant);
    assert_int_equal(ask(world, &me, false), ERR_OK);
    fake_ctx_advance(&world->store.fake, CONNECT_OVERLAP_MS / 2);
    assert_int_equal(ask(world, &me, false), ERR_DENIED);
}

static void a_known_base_url_under_a_new_client_key_is_a_new_tenant(void **state)
{
    struct atlassian_world *world = *state;
    char first[TENANT_ID_BYTES + 1], second[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, first);
    install(world, OTHER_KEY, OTHER_SECRET, second);
    assert_string_not_equal(first, second);
    assert_int_equal(
        atlassian_number(world, NULL,
                         "SELECT count(*) FROM tenant WHERE name IN ('beta', 'beta-2')"),
        2);
}

static void a_foreign_tenants_token_is_good_for_itself_only(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying forged = {.method = "GET", .path = ME, .secret = OTHER_SECRET};
    const struct saying other = {
        .iss = OTHER_KEY, .method = "GET", .path = ME, .secret = OTHER_SECRET};
    char first[TENANT_ID_BYTES + 1], second[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    install(world, CLIENT_KEY, CLIENT_SECRET, first);
    install(world, OTHER_KEY, OTHER_SECRET, second);
    assert_int_equal(ask(world, &forged, true), ERR_DENIED);

    const struct incoming in = hs256(world, &other);

    atlassian_ok(world, connect_authenticate(world->ids, &in, false, &who, &world->err));
    assert_string_equal(who.tenant, second);
}

static void a_removed_tenant_has_no_names(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];
    struct tenant_info info;
    struct data *data = NULL;

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_ok(world, store_pool_data(world->pool, &data, &world->err));
    atlassian_ok(world, tenant_find(data, str_from(tenant), &info, &world->err));
    store_pool_forget(world->pool, tenant);
    identities_forget_tenant(world->ids, tenant);
    atlassian_ok(world, tenant_remove(data, &info, &world->err));
    store_pool_give_data(world->pool, data);
    assert_int_equal(ask(world, &me, false), ERR_DENIED);
    /* Installed again, it is another tenant, though its name was left behind. */
    install(world, CLIENT_KEY, CLIENT_SECRET, info.id);
    assert_string_not_equal(info.id, tenant);
    assert_int_equal(ask(world, &me, false), ERR_OK);
}

/* ---- Tokens that are refused ---- */

static void a_request_is_refused_that(void **state)
{
    struct atlassian_world *world = *state;
    static const struct {
        const char *what;
        struct saying saying;
    } cases[] = {
        {"has expired", {.path = ME, .age_s = 400}},
        {"is of a future past the allowance", {.path = ME, .age_s = -31}},
        {"would live too long", {.path = ME, .life_s = 7200}},
        {"is signed with another secret", {.path = ME, .secret = OTHER_SECRET}},
        {"is of an unknown installation", {.path = ME, .iss = OTHER_KEY}},
        {"names nobody as issuer", {.path = ME, .iss = ""}},
        {"is for another path", {.path = "/api/v1/other"}},
        {"is for another method", {.method = "DELETE", .path = ME}},
        {"is for another query", {.path = "/api/v1/me?tz=UTC"}},
        {"has no hash", {.path = ME, .qsh = ""}},
        {"has a hash that is none", {.path = ME, .qsh = "Context-QSH"}},
        {"has an audience, as an app's own tokens do", {.path = ME, .aud = "[\"" CLIENT_KEY "\"]"}},
        {"is of nobody", {.path = ME, .nobody = true}},
    };
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct principal who = {.by = BY_COUNT};
        struct incoming in = hs256(world, &cases[i].saying);

        /* Sent to where `me` goes, whatever it was made for. */
        in.method = STR("GET");
        in.path = STR("/base/api/v1/me");
        in.query = STR("tz=Europe%2FBerlin");
        if (connect_authenticate(world->ids, &in, true, &who, &world->err) != ERR_DENIED)
            fail_msg("a token is taken that %s", cases[i].what);
        assert_int_equal(who.by, BY_COUNT);
    }
    assert_int_equal(ask(world, &me, false), ERR_OK);
}

static void a_small_skew_of_clocks_is_allowed(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying ahead = {.path = ME, .age_s = -25};
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_int_equal(ask(world, &ahead, false), ERR_OK);
}

static void no_other_algorithm_opens_the_door(void **state)
{
    struct atlassian_world *world = *state;
    static const char *const headers[] = {"{\"alg\":\"none\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"key-1\"}",
                                          "{\"alg\":\"HS512\"}", "{\"alg\":\"hs256\"}"};
    char tenant[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        const struct saying saying = {.path = ME, .header = headers[i], .aud = ""};
        const struct incoming in = rs256(world, &saying);

        assert_int_equal(connect_authenticate(world->ids, &in, true, &who, &world->err),
                         ERR_DENIED);
    }
}

static void a_public_key_is_never_a_shared_secret(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying saying = {.method = "POST",
                                  .path = "/connect/installed",
                                  .aud = "[\"" OUR_URL "\"]",
                                  .secret = rsa_signer_pem(RSA_SIGNER_A)};
    const struct incoming in = hs256(world, &saying);

    assert_int_equal(life(world, &in, CONNECT_INSTALLED, CLIENT_KEY, CLIENT_SECRET), ERR_DENIED);
}

/* ---- The published hole ---- */

static void a_context_token_is_taken_for_calls_of_our_pages_only(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying context = {.path = ME, .context = true, .life_s = 900};
    char tenant[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_int_equal(ask(world, &context, false), ERR_DENIED);

    const struct incoming in = hs256(world, &context);

    atlassian_ok(world, connect_authenticate(world->ids, &in, true, &who, &world->err));
    assert_true(who.context_only);
}

static void the_hole_of_2021_context_tokens_on_lifecycle_and_webhook_paths(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying context = {.method = "POST", .path = "/connect/disabled", .context = true};
    char tenant[TENANT_ID_BYTES + 1], told[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);

    const struct incoming in = hs256(world, &context);

    assert_int_equal(life(world, &in, CONNECT_DISABLED, CLIENT_KEY, CLIENT_SECRET), ERR_DENIED);
    assert_int_equal(life(world, &in, CONNECT_ENABLED, CLIENT_KEY, CLIENT_SECRET), ERR_DENIED);
    assert_int_equal(life(world, &in, CONNECT_INSTALLED, CLIENT_KEY, OTHER_SECRET), ERR_DENIED);
    assert_int_equal(life(world, &in, CONNECT_UNINSTALLED, CLIENT_KEY, CLIENT_SECRET), ERR_DENIED);
    assert_int_equal(connect_webhook(world->ids, &in, told, &world->err), ERR_DENIED);
    assert_int_equal(ask(world, &me, false), ERR_OK); /* nothing has changed */
}

/* ---- The life of an installation ---- */

static void an_install_is_refused_that(void **state)
{
    struct atlassian_world *world = *state;
    static const struct {
        const char *what;
        struct saying saying;
    } cases[] = {
        {"was made for another app", {.aud = "[\"https://elsewhere.example.com\"]"}},
        {"was made for us in the second place",
         {.aud = "[\"https://elsewhere.example.com\",\"" OUR_URL "\"]"}},
        {"was made for nobody", {.aud = ""}},
        {"is of another installation than its body", {.iss = OTHER_KEY}},
        {"has expired", {.age_s = 400}},
        {"has no hash", {.qsh = ""}},
        {"has a context hash", {.context = true}},
        {"names an unknown key", {.header = "{\"alg\":\"RS256\",\"kid\":\"key-2\"}"}},
        {"names no key", {.header = "{\"alg\":\"RS256\"}"}},
        {"names a path as its key", {.header = "{\"alg\":\"RS256\",\"kid\":\"../key-1\"}"}},
        {"names a URL as its key",
         {.header = "{\"alg\":\"RS256\",\"kid\":\"https://evil.example.com/key-1\"}"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct saying saying = cases[i].saying;

        saying.method = "POST";
        saying.path = "/connect/installed";

        const struct incoming in = rs256(world, &saying);

        if (life(world, &in, CONNECT_INSTALLED, CLIENT_KEY, CLIENT_SECRET) != ERR_DENIED)
            fail_msg("an install is taken that %s", cases[i].what);
    }
    assert_int_equal(atlassian_number(world, NULL, "SELECT count(*) FROM tenant"), 1);
}

static void an_install_signed_with_the_secret_is_refused(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying saying = {
        .method = "POST", .path = "/connect/installed", .aud = "[\"" OUR_URL "\"]"};
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);

    const struct incoming in = hs256(world, &saying);

    assert_int_equal(life(world, &in, CONNECT_INSTALLED, CLIENT_KEY, OTHER_SECRET), ERR_DENIED);
}

static void an_install_of_an_unreachable_key_is_not_a_refusal(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying saying = {.method = "POST", .path = "/connect/installed"};
    const struct incoming in = rs256(world, &saying);

    world->no_keys = true;
    assert_int_equal(life(world, &in, CONNECT_INSTALLED, CLIENT_KEY, CLIENT_SECRET), ERR_NETWORK);
}

static void a_body_that_is_not_an_install_is_refused(void **state)
{
    struct atlassian_world *world = *state;
    static const struct {
        const char *secret, *base_url, *more;
    } bodies[] = {
        {"short", SITE_URL, NULL},
        {CLIENT_SECRET, "http://beta.atlassian.net", NULL},
        {CLIENT_SECRET, "ftp://beta.atlassian.net", NULL},
        {CLIENT_SECRET, "", NULL},
    };
    const struct saying saying = {.method = "POST", .path = "/connect/installed"};

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        AUTO(yyjson_doc_autop)
        yyjson_doc *doc =
            life_body(CLIENT_KEY, bodies[i].secret, bodies[i].base_url, bodies[i].more);
        const struct incoming in = rs256(world, &saying);
        char tenant[TENANT_ID_BYTES + 1];

        assert_int_equal(connect_lifecycle(world->ids, &in, CONNECT_INSTALLED,
                                           yyjson_doc_get_root(doc), tenant, &world->err),
                         ERR_INPUT);
    }
}

static enum err_class tell(struct atlassian_world *world, enum connect_event event)
{
    static const char *const paths[] = {[CONNECT_UNINSTALLED] = "/connect/uninstalled",
                                        [CONNECT_ENABLED] = "/connect/enabled",
                                        [CONNECT_DISABLED] = "/connect/disabled"};
    const struct saying saying = {.method = "POST", .path = paths[event]};
    const struct incoming in =
        event == CONNECT_UNINSTALLED ? rs256(world, &saying) : hs256(world, &saying);

    return life(world, &in, event, CLIENT_KEY, CLIENT_SECRET);
}

static void disabled_is_refused_until_enabled(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_int_equal(ask(world, &me, false), ERR_OK);
    assert_int_equal(tell(world, CONNECT_DISABLED), ERR_OK);
    assert_int_equal(ask(world, &me, false), ERR_DENIED);
    assert_int_equal(tell(world, CONNECT_ENABLED), ERR_OK);
    assert_int_equal(ask(world, &me, false), ERR_OK);
}

static void uninstalled_ends_everything_until_a_new_install(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying renewed = {.path = ME, .secret = OTHER_SECRET};
    char tenant[TENANT_ID_BYTES + 1], again[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_int_equal(ask(world, &me, false), ERR_OK);
    assert_int_equal(tell(world, CONNECT_UNINSTALLED), ERR_OK);
    assert_int_equal(ask(world, &me, false), ERR_DENIED);
    assert_int_equal(tell(world, CONNECT_ENABLED), ERR_DENIED); /* by the dead secret */
    assert_int_equal(tell(world, CONNECT_UNINSTALLED), ERR_OK); /* told twice */

    install(world, CLIENT_KEY, OTHER_SECRET, again);
    assert_string_equal(again, tenant);
    assert_int_equal(ask(world, &renewed, false), ERR_OK);
    assert_int_equal(ask(world, &me, false), ERR_DENIED); /* the dead one has no overlap */
}

static void an_uninstall_of_what_was_never_there_is_answered(void **state)
{
    struct atlassian_world *world = *state;

    assert_int_equal(tell(world, CONNECT_UNINSTALLED), ERR_OK);
}

static void a_webhook_is_of_its_tenant_and_of_nobody(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying hook = {.method = "POST", .path = "/connect/webhook", .nobody = true};
    char tenant[TENANT_ID_BYTES + 1], told[TENANT_ID_BYTES + 1] = "";

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);

    const struct incoming in = hs256(world, &hook);

    atlassian_ok(world, connect_webhook(world->ids, &in, told, &world->err));
    assert_string_equal(told, tenant);
}

static void what_is_stored_can_be_used_by_the_next_process(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];

    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    atlassian_world_restart(world);
    assert_int_equal(ask(world, &me, false), ERR_OK);
    assert_false(scratch_grep(scratch_path(&world->store.scratch, "data"), STR(CLIENT_SECRET)));
}

static void the_site_of_an_install_is_known_by_its_cloud_id(void **state)
{
    struct atlassian_world *world = *state;
    AUTO(yyjson_doc_autop)
    yyjson_doc *doc = life_body(CLIENT_KEY, CLIENT_SECRET, SITE_URL, ",\"cloudId\":\"cloud-1\"");
    const struct saying saying = {.method = "POST", .path = "/connect/installed"};
    const struct incoming in = rs256(world, &saying);
    char tenant[TENANT_ID_BYTES + 1], found[TENANT_ID_BYTES + 1];
    struct data *data = NULL;

    atlassian_ok(world, connect_lifecycle(world->ids, &in, CONNECT_INSTALLED,
                                          yyjson_doc_get_root(doc), tenant, &world->err));
    atlassian_ok(world, store_pool_data(world->pool, &data, &world->err));
    atlassian_ok(world,
                 alias_find(data->control, ALIAS_CLOUD_ID, STR("cloud-1"), found, &world->err));
    store_pool_give_data(world->pool, data);
    assert_string_equal(found, tenant);
}

static void the_descriptor_is_what_jira_needs(void **state)
{
    struct atlassian_world *world = *state;
    struct strbuf text = STRBUF_INIT(65536);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;

    atlassian_ok(world, connect_descriptor(world->ids, &text, &world->err));
    atlassian_ok(world, json_read(strbuf_str(&text), "it", &doc, &world->err));

    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *migrations = yyjson_obj_get(root, "apiMigrations");

    assert_true(str_eq_z(json_str(root, "baseUrl"), OUR_URL));
    assert_true(json_bool(migrations, "signed-install", false));
    assert_true(json_bool(migrations, "context-qsh", false));
    assert_true(
        str_eq_z(json_str(yyjson_obj_get(root, "lifecycle"), "installed"), "/connect/installed"));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(yyjson_obj_get(root, "modules"), "webhooks")),
                     4);
    strbuf_done(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, atlassian_world_begin, atlassian_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_install_makes_a_tenant_and_its_tokens_are_good),
        TEST(a_token_is_taken_from_the_query_too),
        TEST(a_second_request_touches_no_database),
        TEST(a_new_install_rotates_the_secret_with_a_quarter_of_an_hour_between),
        TEST(the_same_secret_again_does_not_prolong_the_one_before),
        TEST(a_known_base_url_under_a_new_client_key_is_a_new_tenant),
        TEST(a_foreign_tenants_token_is_good_for_itself_only),
        TEST(a_removed_tenant_has_no_names),
        TEST(a_request_is_refused_that),
        TEST(a_small_skew_of_clocks_is_allowed),
        TEST(no_other_algorithm_opens_the_door),
        TEST(a_public_key_is_never_a_shared_secret),
        TEST(a_context_token_is_taken_for_calls_of_our_pages_only),
        TEST(the_hole_of_2021_context_tokens_on_lifecycle_and_webhook_paths),
        TEST(an_install_is_refused_that),
        TEST(an_install_signed_with_the_secret_is_refused),
        TEST(an_install_of_an_unreachable_key_is_not_a_refusal),
        TEST(a_body_that_is_not_an_install_is_refused),
        TEST(disabled_is_refused_until_enabled),
        TEST(uninstalled_ends_everything_until_a_new_install),
        TEST(an_uninstall_of_what_was_never_there_is_answered),
        TEST(a_webhook_is_of_its_tenant_and_of_nobody),
        TEST(what_is_stored_can_be_used_by_the_next_process),
        TEST(the_site_of_an_install_is_known_by_its_cloud_id),
        TEST(the_descriptor_is_what_jira_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
