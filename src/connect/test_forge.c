/* Tests of forge.c and forge_manifest.c: invocation tokens, installations, the manifest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/atlassian_world.h"
#include "base/json.h"
#include "connect/alias.h"
#include "connect/attach.h"
#include "connect/connect_app.h"
#include "connect/forge.h"
#include "connect/install.h"
#include "connect/site_events.h"

static const struct saying_forge usual = {.principal = NULL};
static const struct saying_forge by_itself = {.principal = ""};

static enum err_class ask(struct atlassian_world *world, const struct saying_forge *saying,
                          bool may_wait, struct principal *ret)
{
    const struct incoming in = forge_call(world, saying);

    assert_true(forge_has_token(world->ids, &in));
    return forge_authenticate(world->ids, &in, may_wait, ret, &world->err);
}

static void set_up(struct atlassian_world *world, const struct saying_forge *saying, bool going,
                   char ret[TENANT_ID_BYTES + 1])
{
    const struct incoming in = forge_call(world, saying);

    atlassian_ok(world, forge_lifecycle(world->ids, &in, going, ret, &world->err));
}

static void an_invocation_is_of_a_person_of_its_installation(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    set_up(world, &by_itself, false, tenant);
    atlassian_ok(world, ask(world, &usual, true, &who));
    assert_int_equal(who.by, BY_FORGE);
    assert_string_equal(who.tenant, tenant);
    assert_string_equal(who.account, PERSON);
    /* From then on nothing has to be waited for. */
    atlassian_ok(world, ask(world, &usual, false, &who));
}

static void what_would_wait_says_so(void **state)
{
    struct atlassian_world *world = *state;
    struct principal who = {0};

    assert_int_equal(ask(world, &usual, false, &who), ERR_BUSY); /* the key */
    atlassian_ok(world, ask(world, &usual, true, &who));         /* a tenant is made */
    atlassian_ok(world, ask(world, &usual, false, &who));
    atlassian_world_restart(world);
    assert_int_equal(ask(world, &usual, false, &who), ERR_BUSY);
}

static void an_invocation_is_refused_that(void **state)
{
    struct atlassian_world *world = *state;
    static const struct {
        const char *what;
        struct saying_forge saying;
    } cases[] = {
        {"has expired", {.age_s = 60}},
        {"is of the future", {.age_s = -30}},
        {"would live too long", {.life_s = 3600}},
        {"is for another app", {.aud = "ari:cloud:ecosystem::app/other"}},
        {"is of another issuer", {.iss = CLIENT_KEY}},
        {"is signed with another key of that name", {.signer = RSA_SIGNER_B}},
        {"names an unknown key", {.header = "{\"alg\":\"RS256\",\"kid\":\"key-2\"}"}},
        {"names no installation", {.installation = ""}},
        {"sends calls to a host that is not listed", {.api = "https://evil.example.com/x"}},
        {"sends calls to a host that begins like one",
         {.api = "https://api.atlassian.com.evil.example"}},
        {"sends calls without TLS", {.api = "http://api.atlassian.com/ex/jira/1"}},
        {"is of no person", {.principal = ""}},
        {"says that it is HS256", {.header = "{\"alg\":\"HS256\",\"kid\":\"key-1\"}"}},
        {"is not signed", {.header = "{\"alg\":\"none\",\"kid\":\"key-1\"}"}},
    };
    char tenant[TENANT_ID_BYTES + 1];

    set_up(world, &by_itself, false, tenant);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct principal who = {.by = BY_COUNT};

        if (ask(world, &cases[i].saying, true, &who) != ERR_DENIED)
            fail_msg("an invocation is taken that %s", cases[i].what);
        assert_int_equal(who.by, BY_COUNT);
    }
}

static void our_own_api_tokens_are_not_taken_for_invocations(void **state)
{
    struct atlassian_world *world = *state;
    const struct incoming in = {.arena = world->arena,
                                .authorization = STR("Bearer tenon_t0123_secretwithoutdots")};

    assert_false(forge_has_token(world->ids, &in));
}

static void an_installation_is_found_by_its_site_when_it_is_new(void **state)
{
    struct atlassian_world *world = *state;
    const struct saying_forge again = {.installation = "ari:cloud:ecosystem::installation/2"};
    const struct saying_forge elsewhere = {.installation = "ari:cloud:ecosystem::installation/3",
                                           .cloud = "cloud-2"};
    char tenant[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    set_up(world, &by_itself, false, tenant);
    atlassian_ok(world, ask(world, &again, true, &who));
    assert_string_equal(who.tenant, tenant);
    atlassian_ok(world, ask(world, &elsewhere, true, &who));
    assert_string_not_equal(who.tenant, tenant);
}

static void going_ends_it_and_coming_back_begins_it(void **state)
{
    struct atlassian_world *world = *state;
    char tenant[TENANT_ID_BYTES + 1], again[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    set_up(world, &by_itself, false, tenant);
    set_up(world, &by_itself, true, again);
    assert_string_equal(again, tenant);
    assert_int_equal(ask(world, &usual, true, &who), ERR_DENIED);
    set_up(world, &by_itself, false, again);
    atlassian_ok(world, ask(world, &usual, true, &who));
}

static void the_system_token_is_kept_sealed_and_renewed_in_time(void **state)
{
    struct atlassian_world *world = *state;
    const char *until = "SELECT system_token_until FROM forge_install";
    char tenant[TENANT_ID_BYTES + 1];
    struct principal who = {0};
    int64_t first;

    set_up(world, &by_itself, false, tenant);
    first = atlassian_number(world, tenant, until);
    assert_true(first > ctx_now_ms(world->ctx));
    assert_false(scratch_grep(scratch_path(&world->store.scratch, "data"), STR(SYSTEM_TOKEN)));

    fake_ctx_advance(&world->store.fake, INT64_C(30) * 60 * 1000);
    atlassian_ok(world, ask(world, &usual, true, &who));
    assert_int_equal(atlassian_number(world, tenant, until), first); /* it is good for long */
    fake_ctx_advance(&world->store.fake, INT64_C(40) * 60 * 1000);
    atlassian_ok(world, ask(world, &usual, true, &who));
    assert_true(atlassian_number(world, tenant, until) > first);
}

static void an_event_has_its_classic_name(void **state)
{
    struct atlassian_world *world = *state;
    static const struct {
        const char *body, *event;
    } cases[] = {
        {"{\"eventType\":\"avi:jira:updated:worklog\",\"worklog\":{\"id\":\"1\"}}",
         "worklog_updated"},
        {"{\"eventType\":\"avi:jira:deleted:issue\"}", "jira:issue_deleted"},
        {"{\"eventType\":\"avi:jira:mentioned:comment\"}", "avi:jira:mentioned:comment"},
        {"{\"context\":{\"moduleKey\":\"hourly\"}}", ""},
    };
    char tenant[TENANT_ID_BYTES + 1], told[TENANT_ID_BYTES + 1];

    set_up(world, &by_itself, false, tenant);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
        const struct incoming in = forge_call(world, &by_itself);
        struct str event = {NULL, 0};

        atlassian_ok(world, json_read(str_from(cases[i].body), "it", &doc, &world->err));
        atlassian_ok(world, forge_event(world->ids, &in, yyjson_doc_get_root(doc), told, &event,
                                        &world->err));
        assert_string_equal(told, tenant);
        assert_true(str_eq_z(event, cases[i].event));
    }
}

static void an_administrator_moves_an_installation(void **state)
{
    struct atlassian_world *world = *state;
    struct tenant_info from = {0};
    struct data *data = NULL;
    char tenant[TENANT_ID_BYTES + 1], connect[TENANT_ID_BYTES + 1];
    struct principal who = {0};

    set_up(world, &by_itself, false, tenant);
    install(world, CLIENT_KEY, CLIENT_SECRET, connect);
    atlassian_ok(world, store_pool_data(world->pool, &data, &world->err));
    atlassian_ok(world,
                 attach_identity(data, &world->store.info, ALIAS_INSTALLATION_ID,
                                 STR("ari:cloud:ecosystem::installation/1"), &from, &world->err));
    assert_string_equal(from.id, tenant);
    atlassian_ok(world, attach_identity(data, &world->store.info, ALIAS_CLIENT_KEY, STR(CLIENT_KEY),
                                        &from, &world->err));
    assert_string_equal(from.id, connect);
    assert_int_equal(attach_identity(data, &world->store.info, ALIAS_CLIENT_KEY, STR(CLIENT_KEY),
                                     &from, &world->err),
                     ERR_CONFLICT);
    assert_int_equal(
        attach_identity(data, &world->store.info, ALIAS_CLIENT_KEY, STR("a b"), &from, &world->err),
        ERR_INPUT);
    store_pool_give_data(world->pool, data);
    fake_ctx_advance(&world->store.fake, RECALL_FRESH_MS); /* a running server follows */

    const struct saying me = {.path = "/api/v1/me"};
    const struct incoming in = hs256(world, &me);

    atlassian_ok(world, connect_authenticate(world->ids, &in, false, &who, &world->err));
    assert_string_equal(who.tenant, world->store.info.id);
    atlassian_ok(world, ask(world, &usual, true, &who));
    assert_string_equal(who.tenant, world->store.info.id);
    assert_int_equal(atlassian_number(world, tenant, "SELECT count(*) FROM forge_install"), 0);
    assert_int_equal(atlassian_number(world, connect, "SELECT count(*) FROM connect_install"), 0);
}

static void a_name_given_before_the_install_makes_it_join(void **state)
{
    struct atlassian_world *world = *state;
    struct tenant_info from = {0};
    struct data *data = NULL;
    char tenant[TENANT_ID_BYTES + 1];

    atlassian_ok(world, store_pool_data(world->pool, &data, &world->err));
    atlassian_ok(world, attach_identity(data, &world->store.info, ALIAS_CLIENT_KEY, STR(CLIENT_KEY),
                                        &from, &world->err));
    store_pool_give_data(world->pool, data);
    assert_string_equal(from.id, "");
    install(world, CLIENT_KEY, CLIENT_SECRET, tenant);
    assert_string_equal(tenant, world->store.info.id);
}

/* ---- The manifest ---- */

static void the_manifest_names_all_that_is_called(void **state)
{
    struct atlassian_world *world = *state;
    const struct forge_manifest options = {
        .app_id = OUR_APP, .public_url = OUR_URL, .connect_key = "tenon", .pages = "static/pages"};
    struct strbuf text = STRBUF_INIT(65536);

    atlassian_ok(world, forge_manifest(&options, &text, &world->err));
    assert_non_null(strstr(strbuf_z(&text), "baseUrl: \"" OUR_URL "\""));
    assert_non_null(strstr(strbuf_z(&text), "id: \"" OUR_APP "\""));
    for (size_t i = 0; i < site_event_count; i++)
        assert_non_null(strstr(strbuf_z(&text), site_events[i].forge));
    strbuf_done(&text);
}

static void the_manifest_takes_nothing_that_would_break_out(void **state)
{
    struct atlassian_world *world = *state;
    static const struct forge_manifest cases[] = {
        {.app_id = "ari:cloud:ecosystem::app/\"\nx: y", .public_url = OUR_URL},
        {.app_id = "ari:cloud:ecosystem::app/", .public_url = OUR_URL},
        {.app_id = "app", .public_url = OUR_URL},
        {.app_id = OUR_APP, .public_url = "http://tenon.example.com"},
        {.app_id = OUR_APP, .public_url = "https://tenon.example.com/'\""},
        {.app_id = OUR_APP, .public_url = OUR_URL, .connect_key = "a b"},
        {.app_id = OUR_APP, .public_url = OUR_URL, .pages = "/etc"},
        {.app_id = OUR_APP, .public_url = OUR_URL, .pages = ""},
    };
    struct strbuf text = STRBUF_INIT(65536);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(forge_manifest(&cases[i], &text, &world->err), ERR_INPUT);
    assert_int_equal(text.len, 0);
    strbuf_done(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, atlassian_world_begin, atlassian_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_invocation_is_of_a_person_of_its_installation),
        TEST(what_would_wait_says_so),
        TEST(an_invocation_is_refused_that),
        TEST(our_own_api_tokens_are_not_taken_for_invocations),
        TEST(an_installation_is_found_by_its_site_when_it_is_new),
        TEST(going_ends_it_and_coming_back_begins_it),
        TEST(the_system_token_is_kept_sealed_and_renewed_in_time),
        TEST(an_event_has_its_classic_name),
        TEST(an_administrator_moves_an_installation),
        TEST(a_name_given_before_the_install_makes_it_join),
        TEST(the_manifest_names_all_that_is_called),
        TEST(the_manifest_takes_nothing_that_would_break_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
