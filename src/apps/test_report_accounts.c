/* Tests of custody/report_accounts.c: everybody once a cycle, ninety at a time; closed ones go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/fake_net.h"
#include "../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "base/civil.h"
#include "custody/report_accounts.h"

/* The accounts that Atlassian publishes for tests. */
#define ACTIVE "5be24ad8b1653240376955d2"
#define CLOSED "5be24ba3f91c106033269289"

struct fixture {
    struct store_world world;
    struct fake_net net;
    struct http_budget *budget;
    struct http_client client;
    struct report_accounts done;
    struct err err;
    /* Atlassian's side */
    unsigned calls, largest, accounts;
    unsigned fail_at;    /* the call (from 1) that fails; 0: none */
    int fail_status;     /* with this */
    const char *updated; /* an account that changed; NULL: none */
    const char *cycle;
    const char *answer; /* instead of the right one; NULL */
    char first_time[64];
};

static void ok(struct fixture *f, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), f->err.msg);
}

static void add_status(struct strbuf *body, const char *account, const char *status)
{
    strbuf_addf(body, "%s{\"accountId\":\"%s\",\"status\":\"%s\"}", body->len > 13 ? "," : "",
                account, status);
}

static void atlassian(void *arg, const struct net_request *request, const char *path,
                      struct fake_answer *answer)
{
    struct fixture *f = arg;
    yyjson_doc *doc = NULL;
    yyjson_val *item;
    size_t at, max;
    struct err err = {0};

    assert_string_equal(path, REPORT_PATH);
    assert_int_equal(request->method, HTTP_POST);
    assert_string_equal(request->authorization, "JWT test");
    f->calls++;
    if (f->calls == f->fail_at) {
        answer->status = f->fail_status;
        return;
    }
    answer->headers[0] = f->cycle;
    assert_int_equal(json_read(request->body, "the test's request", &doc, &err), ERR_OK);

    yyjson_val *accounts = yyjson_obj_get(yyjson_doc_get_root(doc), "accounts");

    if (yyjson_arr_size(accounts) > f->largest)
        f->largest = (unsigned)yyjson_arr_size(accounts);
    f->accounts += (unsigned)yyjson_arr_size(accounts);
    answer->body = STRBUF_INIT(65536);
    strbuf_add_z(&answer->body, "{\"accounts\":[");
    yyjson_arr_foreach(accounts, at, max, item)
    {
        struct str account = json_str(item, "accountId");

        assert_int_equal(json_str(item, "updatedAt").len, CIVIL_STAMP_BYTES);
        if (!f->first_time[0])
            (void)snprintf(f->first_time, sizeof(f->first_time), STR_FMT,
                           STR_ARG(json_str(item, "updatedAt")));
        if (str_eq_z(account, CLOSED))
            add_status(&answer->body, CLOSED, "closed");
        if (f->updated && str_eq_z(account, f->updated))
            add_status(&answer->body, f->updated, "updated");
    }
    if (answer->body.len == 13)
        answer->status = 204;
    strbuf_add_z(&answer->body, "]}");
    if (answer->status == 204)
        strbuf_reset(&answer->body);
    if (f->answer) {
        strbuf_reset(&answer->body);
        strbuf_add_z(&answer->body, f->answer);
        answer->status = 200;
    }
    yyjson_doc_free(doc);
}

static int64_t number(struct fixture *f, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(f, db_prepare_built(f->world.tenant->db, sql, &stmt, &f->err));
    ok(f, db_step(stmt, &row, &f->err));
    return row ? db_i64(stmt, 0) : -1;
}

static void add_person(struct fixture *f, const char *account)
{
    int64_t ref = 0;

    ok(f, db_begin(f->world.tenant->db, DB_WRITE, &f->err));
    ok(f, person_ref(f->world.tenant, str_from(account), &ref, &f->err));
    ok(f, db_commit(f->world.tenant->db, &f->err));
}

static void add_people(struct fixture *f, int count)
{
    char account[32];

    for (int i = 0; i < count; i++) {
        (void)snprintf(account, sizeof(account), "712020:p-%d", i);
        add_person(f, account);
    }
}

static int begin(void **state)
{
    static const struct http_budget_options open_budget = {0};
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 23);
    fake_net_init(&f->net, atlassian, f);
    fake_net_install(&f->net, &f->world.fake.ctx);
    f->budget = http_budget_new(&open_budget);
    assert_non_null(f->budget);
    f->client = (struct http_client){.ctx = &f->world.fake.ctx,
                                     .budget = f->budget,
                                     .base_url = "https://api.atlassian.com",
                                     .authorization = "JWT test"};
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    http_budget_free(f->budget);
    fake_net_done(&f->net);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static enum err_class run(struct fixture *f)
{
    return report_accounts(f->world.tenant, &f->client, NULL, NULL, NULL, &f->done, &f->err);
}

static void pl_10_a_closed_account_is_erased_and_an_active_one_stays(void **state)
{
    struct fixture *f = *state;

    add_person(f, ACTIVE);
    add_person(f, CLOSED);
    ok(f, run(f));
    assert_int_equal(f->done.reported, 2);
    assert_int_equal(f->done.closed, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM person WHERE account_id = '" ACTIVE "'"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM erased_person WHERE person IS NULL"), 1);
    /* It is not asked about again, since it does not come back. */
    fake_ctx_advance(&f->world.fake, 8 * MS_PER_DAY);
    ok(f, run(f));
    assert_int_equal(f->done.reported, 1);
}

static void asks_ninety_at_a_time_and_each_once_a_cycle(void **state)
{
    struct fixture *f = *state;

    add_people(f, 200);
    ok(f, run(f));
    assert_int_equal(f->calls, 3);
    assert_int_equal(f->largest, 90);
    assert_int_equal(f->accounts, 200);
    ok(f, run(f));
    assert_int_equal(f->calls, 3);
    fake_ctx_advance(&f->world.fake, 7 * MS_PER_DAY - 1);
    ok(f, run(f));
    assert_int_equal(f->calls, 3);
    fake_ctx_advance(&f->world.fake, 1);
    ok(f, run(f));
    assert_int_equal(f->accounts, 400);
}

static void the_cycle_is_what_atlassian_says(void **state)
{
    struct fixture *f = *state;

    add_people(f, 1);
    f->cycle = "Cycle-Period: 21";
    ok(f, run(f));
    fake_ctx_advance(&f->world.fake, 20 * MS_PER_DAY);
    ok(f, run(f));
    assert_int_equal(f->calls, 1);
    fake_ctx_advance(&f->world.fake, MS_PER_DAY);
    ok(f, run(f));
    assert_int_equal(f->calls, 2);
}

static void a_run_that_failed_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;

    add_people(f, 200);
    f->fail_at = 2;
    f->fail_status = 403;
    assert_int_equal(run(f), ERR_FORBIDDEN);
    assert_int_equal(f->accounts, 90);
    ok(f, run(f));
    assert_int_equal(f->accounts, 200);
}

static void waits_when_atlassian_says_too_many(void **state)
{
    struct fixture *f = *state;

    add_people(f, 1);
    f->fail_at = 1;
    f->fail_status = 429;
    ok(f, run(f)); /* the client's own second try */
    assert_int_equal(f->calls, 2);
    assert_true(f->world.fake.slept_ms > 0);
}

static void an_account_that_changed_is_told_with_its_new_time(void **state)
{
    struct fixture *f = *state;
    char wanted[CIVIL_STAMP_BYTES + 1];

    add_person(f, ACTIVE);
    f->updated = ACTIVE;
    ok(f, run(f));
    assert_int_equal(f->done.updated, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 1);
    civil_format_stamp(f->world.info.created_ms, wanted);
    assert_string_equal(f->first_time, wanted);
    civil_format_stamp(ctx_now_ms(&f->world.fake.ctx), wanted);
    fake_ctx_advance(&f->world.fake, 8 * MS_PER_DAY);
    f->first_time[0] = '\0';
    ok(f, run(f));
    assert_string_equal(f->first_time, wanted);
}

static void what_is_no_account_of_atlassians_is_not_told(void **state)
{
    struct fixture *f = *state;

    add_person(f, "a user key");
    add_person(f, "unknown");
    ok(f, run(f));
    assert_int_equal(f->calls, 0);
}

static void a_closed_account_is_not_lost_while_a_synchronization_runs(void **state)
{
    struct fixture *f = *state;
    struct disk_lock lock = {-1};

    add_person(f, CLOSED);
    ok(f, tenant_lock(f->world.tenant, &lock, &f->err));
    assert_int_equal(run(f), ERR_BUSY);
    disk_unlock(&f->world.fake.ctx, &lock);
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 1);
    ok(f, run(f));
    assert_int_equal(f->calls, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 0);
}

static void an_answer_that_is_not_of_the_protocol_changes_nothing(void **state)
{
    static const char *const answers[] = {"{}", "[]", "{\"accounts\":{}}", "not JSON"};
    struct fixture *f = *state;

    add_person(f, CLOSED);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        f->answer = answers[i];
        assert_int_equal(run(f), ERR_REMOTE);
        assert_int_equal(number(f, "SELECT count(*) FROM person WHERE reported IS NULL"), 1);
    }
    /* Others than those that were asked about are left alone. */
    f->answer = "{\"accounts\":[{\"accountId\":\"712020:x\",\"status\":\"closed\"},"
                "{\"accountId\":\"" CLOSED "\",\"status\":\"sleeping\"},7]}";
    ok(f, run(f));
    assert_int_equal(number(f, "SELECT count(*) FROM person"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pl_10_a_closed_account_is_erased_and_an_active_one_stays),
        TEST(asks_ninety_at_a_time_and_each_once_a_cycle),
        TEST(the_cycle_is_what_atlassian_says),
        TEST(a_run_that_failed_goes_on_where_it_was),
        TEST(waits_when_atlassian_says_too_many),
        TEST(an_account_that_changed_is_told_with_its_new_time),
        TEST(what_is_no_account_of_atlassians_is_not_told),
        TEST(a_closed_account_is_not_lost_while_a_synchronization_runs),
        TEST(an_answer_that_is_not_of_the_protocol_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
