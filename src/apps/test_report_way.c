/*
 * Tests of daemon/report_way.c: which credential goes where when accounts are reported to
 * Atlassian, and what becomes of the report when there is none that is good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/fake_net.h"
#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "custody/report_accounts.h"
#include "daemon/report_way.h"

#define API "https://api.atlassian.com"
#define TOKEN "system-token-that-nobody-may-read"
#define CLOSED "5be24ba3f91c106033269289" /* Atlassian publishes it for tests */
#define HOUR_MS (INT64_C(60) * 60 * 1000)

struct fixture {
    struct store_world world;
    struct fake_net net;
    struct config config;
    struct report_way way;
    enum report_way_end end;
    struct report_accounts done;
    struct err err;
    /* Atlassian's side */
    unsigned calls;
    int status; /* 0: the right one */
    char url[256], authorization[2048];
};

static void ok(const struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

/* CLOSED is closed, all others have changed. */
static void atlassian(void *arg, const struct net_request *request, const char *path,
                      struct fake_answer *answer)
{
    struct fixture *f = arg;

    (void)path;
    f->calls++;
    (void)snprintf(f->url, sizeof(f->url), "%s %s", http_method_name(request->method),
                   request->url);
    (void)snprintf(f->authorization, sizeof(f->authorization), "%s",
                   request->authorization ? request->authorization : "");
    for (size_t i = 0; i < NET_HEADERS_MAX && request->headers[i].name; i++)
        assert_null(strstr(request->headers[i].value, TOKEN));
    if (f->status) {
        answer->status = f->status;
        return;
    }
    strbuf_add_z(&answer->body, "{\"accounts\":[{\"accountId\":\"" CLOSED
                                "\",\"status\":\"closed\"},{\"accountId\":\"712020:changed\","
                                "\"status\":\"updated\"}]}");
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 29);
    fake_net_init(&f->net, atlassian, f);
    fake_net_install(&f->net, &f->world.fake.ctx);
    f->config.oauth.api_url = API;
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    fake_net_done(&f->net);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static void add_person(struct fixture *f, struct tenant *tenant, const char *account)
{
    int64_t ref = 0;

    ok(f, db_begin(tenant->db, DB_WRITE, &f->err));
    ok(f, person_ref(tenant, str_from(account), &ref, &f->err));
    ok(f, db_commit(tenant->db, &f->err));
}

/* token "": the installation was told of without one. */
static void add_forge(struct fixture *f, struct tenant *tenant, const char *token, int64_t life_ms,
                      enum install_state install_state)
{
    struct forge_install install = {
        .installation_id = "ari:cloud:ecosystem::installation/1",
        .cloud_id = "cloud-1",
        .api_base_url = API "/ex/jira/cloud-1",
        .system_token = STRBUF_INIT(LIMIT_SECRET_BYTES),
        .system_token_until_ms = ctx_now_ms(&f->world.fake.ctx) + life_ms,
        .state = install_state,
    };

    strbuf_add_z(&install.system_token, token);
    ok(f, forge_install_store(tenant, &install, &f->err));
    forge_install_done(&install);
}

static void add_connect(struct fixture *f)
{
    struct connect_install install = {.client_key = "client-key-1",
                                      .base_url = "https://acme.atlassian.net",
                                      .secret = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                      .previous = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                      .state = INSTALL_ENABLED};

    strbuf_add_z(&install.secret, "ATCO-a-shared-secret-of-forty-bytes-0001");
    ok(f, connect_install_store(f->world.tenant, &install, &f->err));
    connect_install_done(&install);
}

/* As the server's job does it. */
static enum err_class report(struct fixture *f, struct tenant *tenant)
{
    enum err_class rc =
        report_way_open(&f->world.fake.ctx, &f->config, tenant, &f->way, &f->end, &f->err);

    f->calls = 0;
    if (rc == ERR_OK && f->end == REPORT_WAY_OPEN)
        rc = report_accounts(tenant, &f->way.client, NULL, NULL, NULL, &f->done, &f->err);
    report_way_done(&f->way);
    return rc;
}

static int64_t number(struct fixture *f, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(f, db_prepare_built(f->world.tenant->db, sql, &stmt, &f->err));
    ok(f, db_step(stmt, &row, &f->err));
    return row ? db_i64(stmt, 0) : -1;
}

static void forge_reports_with_the_token_that_atlassian_sent(void **state)
{
    struct fixture *f = *state;

    add_person(f, f->world.tenant, CLOSED);
    add_person(f, f->world.tenant, "712020:changed");
    add_forge(f, f->world.tenant, TOKEN, HOUR_MS, INSTALL_ENABLED);
    ok(f, report(f, f->world.tenant));
    assert_int_equal(f->end, REPORT_WAY_OPEN);
    assert_int_equal(f->calls, 1);
    /* Not the installation's own API address, which is Jira's. */
    assert_string_equal(f->url, "POST " API "/app/report-accounts/");
    assert_string_equal(f->authorization, "Bearer " TOKEN);
    assert_int_equal(f->done.reported, 2);
    /* What is answered is obeyed. */
    assert_int_equal(f->done.closed, 1);
    assert_int_equal(f->done.updated, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM person WHERE account_id = '" CLOSED "'"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM erased_person"), 1);
    assert_int_equal(number(f, "SELECT refreshed FROM person WHERE account_id = '712020:changed'"),
                     ctx_now_ms(&f->world.fake.ctx));
    /* Each once a cycle. */
    ok(f, report(f, f->world.tenant));
    assert_int_equal(f->calls, 0);
}

static void a_token_that_is_absent_or_has_ended_is_not_sent_and_stops_nobody(void **state)
{
    struct fixture *f = *state;
    struct tenant_info info = {
        .name = "other", .base_url = "https://other.atlassian.net", .kind = TENANT_CLOUD};
    AUTO(tenant_close_autop) struct tenant *other = NULL;

    ok(f, tenant_create(f->world.data, &info, NULL, &f->err));
    ok(f, tenant_open(f->world.data, &info, &other, &f->err));
    add_person(f, other, CLOSED);
    add_forge(f, other, TOKEN "-of-the-other", 2 * HOUR_MS, INSTALL_ENABLED);
    add_person(f, f->world.tenant, CLOSED);
    add_forge(f, f->world.tenant, "", 0, INSTALL_ENABLED);
    ok(f, report(f, f->world.tenant));
    assert_int_equal(f->end, REPORT_WAY_NO_TOKEN);
    assert_int_equal(f->calls, 0);

    add_forge(f, f->world.tenant, TOKEN, HOUR_MS, INSTALL_ENABLED);
    fake_ctx_advance(&f->world.fake, HOUR_MS);
    ok(f, report(f, f->world.tenant));
    assert_int_equal(f->end, REPORT_WAY_NO_TOKEN);
    assert_int_equal(f->calls, 0);
    assert_int_equal(number(f, "SELECT count(*) FROM person WHERE reported IS NULL"), 1);
    ok(f, report(f, other));
    assert_string_equal(f->authorization, "Bearer " TOKEN "-of-the-other");
    assert_int_equal(f->done.closed, 1);

    /* The next one that Atlassian sends brings the report. */
    add_forge(f, f->world.tenant, TOKEN "-2", HOUR_MS, INSTALL_ENABLED);
    ok(f, report(f, f->world.tenant));
    assert_string_equal(f->authorization, "Bearer " TOKEN "-2");
    assert_int_equal(f->done.closed, 1);
}

static void a_token_that_is_refused_changes_nothing_and_is_in_no_sentence(void **state)
{
    struct fixture *f = *state;

    add_person(f, f->world.tenant, CLOSED);
    add_forge(f, f->world.tenant, TOKEN, HOUR_MS, INSTALL_ENABLED);
    f->status = 401;
    assert_int_equal(report(f, f->world.tenant), ERR_DENIED);
    assert_null(strstr(f->err.msg, TOKEN));
    assert_null(strstr(f->err.msg, CLOSED));
    assert_int_equal(number(f, "SELECT count(*) FROM person WHERE reported IS NULL"), 1);
    f->status = 0;
    ok(f, report(f, f->world.tenant));
    assert_int_equal(f->done.closed, 1);
}

static void who_is_no_app_to_atlassian_does_not_report(void **state)
{
    struct fixture *f = *state;

    add_person(f, f->world.tenant, CLOSED);
    ok(f, report(f, f->world.tenant)); /* acme has an API token */
    assert_int_equal(f->end, REPORT_WAY_NO_APP);
    add_forge(f, f->world.tenant, TOKEN, HOUR_MS, INSTALL_UNINSTALLED);
    ok(f, report(f, f->world.tenant));
    assert_int_equal(f->end, REPORT_WAY_NO_APP);
    assert_int_equal(f->calls, 0);
}

static void a_connect_app_signs_each_call_and_goes_first(void **state)
{
    struct fixture *f = *state;

    add_person(f, f->world.tenant, CLOSED);
    add_forge(f, f->world.tenant, TOKEN, HOUR_MS, INSTALL_ENABLED);
    add_connect(f);
    ok(f, report(f, f->world.tenant));
    assert_string_equal(f->url, "POST " API "/app/report-accounts/");
    assert_true(str_starts(str_from(f->authorization), STR("JWT ey")));
    assert_int_equal(f->done.closed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(forge_reports_with_the_token_that_atlassian_sent),
        TEST(a_token_that_is_absent_or_has_ended_is_not_sent_and_stops_nobody),
        TEST(a_token_that_is_refused_changes_nothing_and_is_in_no_sentence),
        TEST(who_is_no_app_to_atlassian_does_not_report),
        TEST(a_connect_app_signs_each_call_and_goes_first),
    };

    return cmocka_run_group_tests_name("report_way", tests, NULL, NULL);
}
