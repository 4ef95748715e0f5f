/* Tests of onboard.c: what is asked of a site before it is a tenant, and what its owner is told. */
#include "connect/onboard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/fake_net.h"
#include "vault/vault.h"

struct fixture {
    struct fake_ctx fake;
    struct fake_net net;
    /* What the site answers. */
    bool datacenter, no_jira, refuses;
    const char *permissions;
    struct tenant_info info;
    struct tenant_credential credential;
    struct strbuf account, missing;
    struct err err;
};

static void answer_path(struct fixture *fixture, const char *path, struct fake_answer *ret)
{
    if (fixture->no_jira)
        ret->status = 404;
    else if (strstr(path, "/serverInfo"))
        strbuf_addf(&ret->body,
                    "{\"version\":\"10.0\",\"deploymentType\":\"%s\",\"baseUrl\":\"x\","
                    "\"serverTime\":\"2026-01-15T10:00:00.000+0000\"}",
                    fixture->datacenter ? "Server" : "Cloud");
    else if (fixture->refuses)
        ret->status = 401;
    else if (strstr(path, "/myself"))
        strbuf_add_z(&ret->body, fixture->datacenter ? "{\"key\":\"JIRAUSER1\"}"
                                                     : "{\"accountId\":\"712020:a\"}");
    else if (strstr(path, "/mypermissions"))
        strbuf_addf(&ret->body, "{\"permissions\":{%s}}", fixture->permissions);
    else
        ret->status = 500;
}

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *fixture = arg;

    (void)request;
    ret->headers[0] = "Content-Type: application/json";
    answer_path(fixture, path, ret);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fake_ctx_init(&fixture->fake, 1);
    fake_net_init(&fixture->net, answer, fixture);
    fake_net_install(&fixture->net, &fixture->fake.ctx);
    fixture->credential.login = STRBUF_INIT(1024);
    fixture->credential.token = STRBUF_INIT(1024);
    strbuf_add_z(&fixture->credential.login, "ada@acme.example");
    strbuf_add_z(&fixture->credential.token, "planted-token");
    fixture->account = STRBUF_INIT(1024);
    fixture->missing = STRBUF_INIT(1024);
    fixture->permissions = "\"ADMINISTER\":{\"havePermission\":true},"
                           "\"USER_PICKER\":{\"havePermission\":true}";
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(fixture->net.in_flight, 0);
    assert_null(strstr(fixture->err.msg, "planted-token"));
    tenant_credential_done(&fixture->credential);
    strbuf_done(&fixture->account);
    strbuf_done(&fixture->missing);
    fake_net_done(&fixture->net);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

/* ---- Name and address: nobody is called ---- */

static void a_name_is_made_of_the_host_where_none_is_given(void **state)
{
    static const struct {
        const char *url, *name;
    } cases[] = {
        {"https://acme.atlassian.net", "acme"},
        {"https://jira.acme.internal", "acme"},
        {"https://www.acme.example:8443/jira", "acme"},
        {"https://jira", "jira"}, /* all that there is */
        {"https://10.0.0.7", "10-0-0-7"},
        {"https://[fd00::17]", "fd00--17"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct onboarding asked = {.url = str_from(cases[i].url),
                                         .words = &onboard_cli_words};
        struct tenant_info info = {0};

        if (onboard_info(&asked, &info, &fixture->err) != ERR_OK)
            fail_msg("%s: %s", cases[i].url, fixture->err.msg);
        assert_string_equal(info.name, cases[i].name);
    }
    assert_int_equal(fixture->net.started, 0);
}

static void a_name_that_is_given_is_taken_or_refused_in_the_callers_words(void **state)
{
    struct fixture *fixture = *state;
    struct onboarding asked = {.url = STR("https://acme.atlassian.net"),
                               .name = STR("Our Site"),
                               .words = &onboard_api_words};

    assert_int_equal(onboard_info(&asked, &fixture->info, &fixture->err), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "Our Site"));
    assert_non_null(strstr(fixture->err.msg, onboard_api_words.name));
    asked.name = STR("our-site");
    assert_int_equal(onboard_info(&asked, &fixture->info, &fixture->err), ERR_OK);
    assert_string_equal(fixture->info.name, "our-site");
}

static void an_address_in_the_clear_wants_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct onboarding asked = {.url = STR("http://jira.acme.internal"),
                               .allow_private = true,
                               .words = &onboard_cli_words};

    assert_int_equal(onboard_info(&asked, &fixture->info, &fixture->err), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "--allow-http"));
    asked.allow_http = true;
    assert_int_equal(onboard_info(&asked, &fixture->info, &fixture->err), ERR_OK);
    assert_true(fixture->info.allow_http && fixture->info.allow_private);
    assert_string_equal(fixture->info.base_url, "http://jira.acme.internal");
}

/* ---- The site is asked ---- */

static enum err_class check_site(struct fixture *fixture, struct strbuf *missing)
{
    const struct onboarding asked = {.url = STR("https://acme.atlassian.net"),
                                     .words = &onboard_cli_words};

    assert_int_equal(onboard_info(&asked, &fixture->info, &fixture->err), ERR_OK);
    return onboard_check(&fixture->fake.ctx, &fixture->info, &fixture->credential,
                         &onboard_cli_words, &fixture->account, missing, &fixture->err);
}

static void the_kind_the_account_and_what_it_lacks_are_told(void **state)
{
    struct fixture *fixture = *state;

    fixture->permissions = "\"ADMINISTER\":{\"havePermission\":false}";
    assert_int_equal(check_site(fixture, &fixture->missing), ERR_OK);
    assert_int_equal(fixture->info.kind, TENANT_CLOUD);
    assert_string_equal(strbuf_z(&fixture->account), "712020:a");
    assert_string_equal(strbuf_z(&fixture->missing), "ADMINISTER USER_PICKER");
}

static void an_account_that_lacks_nothing_is_told_so(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(check_site(fixture, &fixture->missing), ERR_OK);
    assert_int_equal(fixture->missing.len, 0);
}

static void permissions_are_not_asked_for_unless_somebody_wants_to_know(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(check_site(fixture, NULL), ERR_OK);
    assert_null(strstr(strbuf_z(&fixture->net.seen), "mypermissions"));
}

static void a_datacenter_is_known_by_what_it_says(void **state)
{
    struct fixture *fixture = *state;

    fixture->datacenter = true;
    strbuf_reset(&fixture->credential.login); /* a personal access token */
    assert_int_equal(check_site(fixture, NULL), ERR_OK);
    assert_int_equal(fixture->info.kind, TENANT_DATACENTER);
    assert_string_equal(strbuf_z(&fixture->account), "JIRAUSER1");
}

static void a_credential_of_the_other_kind_is_told_before_it_is_sent_as_one(void **state)
{
    struct fixture *fixture = *state;

    fixture->datacenter = true;
    assert_int_equal(check_site(fixture, NULL), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "--pat-file"));
    fixture->datacenter = false;
    strbuf_reset(&fixture->credential.login);
    assert_int_equal(check_site(fixture, NULL), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "--email and --token-file"));
    assert_null(strstr(strbuf_z(&fixture->net.seen), "myself"));
}

static void a_refused_credential_and_a_site_without_jira_are_two_things(void **state)
{
    struct fixture *fixture = *state;

    fixture->refuses = true;
    assert_int_equal(check_site(fixture, NULL), ERR_DENIED);
    assert_non_null(strstr(fixture->err.msg, "401"));
    assert_non_null(strstr(fixture->err.msg, "--email and --token-file"));
    fixture->refuses = false;
    fixture->no_jira = true;
    assert_int_equal(check_site(fixture, NULL), ERR_REMOTE);
    assert_non_null(strstr(fixture->err.msg, "no Jira there"));
    assert_int_equal(fixture->account.len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_made_of_the_host_where_none_is_given),
        TEST(a_name_that_is_given_is_taken_or_refused_in_the_callers_words),
        TEST(an_address_in_the_clear_wants_a_word),
        TEST(the_kind_the_account_and_what_it_lacks_are_told),
        TEST(an_account_that_lacks_nothing_is_told_so),
        TEST(permissions_are_not_asked_for_unless_somebody_wants_to_know),
        TEST(a_datacenter_is_known_by_what_it_says),
        TEST(a_credential_of_the_other_kind_is_told_before_it_is_sent_as_one),
        TEST(a_refused_credential_and_a_site_without_jira_are_two_things),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
