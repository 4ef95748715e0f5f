/*
 * Tests of estimate_mail.c: who is written to and of what, when, and that no day comes twice. Jira
 * and the mail server are the test's own. EV-18.
 */
#include "apps/timesheet/estimate_mail.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fake_net.h"
#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "base/civil.h"

#define LETTERS_MAX 16

struct fixture {
    struct store_world world;
    struct fake_net net;
    struct http_budget *budget;
    struct jira jira;
    struct arena *arena;
    struct settings settings;
    struct job job;
    struct job_run run;
    struct estimate_mail mail;
    struct estimate_mail_result result;
    struct strbuf bodies; /* of all requests to Jira */
    const char *issues;   /* of the answer to bulkfetch; NULL: the usual ones */
    int permission_status;

    struct {
        struct strbuf to, subject, text;
    } letters[LETTERS_MAX];
    size_t letter_count;
    size_t fail_at; /* the letter (from 1) at which the mailer fails; 0: none */
    enum err_class failure;
    enum mail_end end; /* of every letter */
    int64_t place;     /* on the disk at the moment of that failure */
    struct err err;
};

/* ---- Jira ---- */

static const char two_people[] =
    "{\"values\":[{\"accountId\":\"a:ana\",\"emailAddress\":\"ana@example.com\",\"active\":true},"
    "{\"accountId\":\"a:bo\",\"emailAddress\":\"bo@example.com\",\"active\":true},"
    "{\"accountId\":\"a:cy\",\"active\":true},"
    "{\"accountId\":\"a:di\",\"emailAddress\":\"di@example.com\",\"active\":false},"
    "{\"accountId\":\"a:ed\",\"emailAddress\":\"ed@example.com\\r\\nBcc: x@example.com\"}]}";

#define ISSUE(id, summary, reporter, tracking)                                                     \
    "{\"id\":\"" id "\",\"key\":\"ABC-" id "\",\"fields\":{\"summary\":\"" summary                 \
    "\",\"project\":{\"key\":\"ABC\"},\"reporter\":" reporter ",\"timetracking\":{" tracking "}}}"
#define BY(account) "{\"accountId\":\"" account "\"}"

static const char usual_issues[] =
    "{\"issues\":[" ISSUE("1", "One", BY("a:ana"), "\"remainingEstimateSeconds\":0") "," ISSUE(
        "2", "Two\\r\\nBcc: thief@example.com", BY("a:ana"),
        "") "," ISSUE("3", "Three", BY("a:bo"), "") "," ISSUE("4", "Four", "null", "") "]}";

static void answer(void *arg, const struct net_request *request, const char *path,
                   struct fake_answer *ret)
{
    struct fixture *f = arg;

    strbuf_add_z(&f->bodies, path);
    strbuf_add_str(&f->bodies, request->body);
    strbuf_add_char(&f->bodies, '\n');
    ret->headers[0] = "Content-Type: application/json";
    if (strstr(path, "/search/jql"))
        strbuf_add_z(&ret->body, "{\"issues\":[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"},"
                                 "{\"id\":\"4\"},{\"id\":\"99\"}],\"isLast\":true}");
    else if (strstr(path, "/issue/bulkfetch"))
        strbuf_add_z(&ret->body, f->issues ? f->issues : usual_issues);
    else if (strstr(path, "/project/ABC"))
        strbuf_add_z(&ret->body, "{\"key\":\"ABC\",\"lead\":{\"accountId\":\"a:bo\"}}");
    else if (strstr(path, "/permissions/check") && f->permission_status != 200)
        ret->status = f->permission_status;
    else if (strstr(path, "/permissions/check"))
        strbuf_add_z(&ret->body, "{\"projectPermissions\":[{\"permission\":\"BROWSE_PROJECTS\","
                                 "\"issues\":[1,2,4],\"projects\":[]}]}");
    else if (strstr(path, "/user/bulk"))
        strbuf_add_z(&ret->body, two_people);
    else
        ret->status = 500;
}

/* ---- The mail server ---- */

static int64_t place_on_disk(struct fixture *f)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    assert_int_equal(
        db_prepare(f->world.tenant->db, SQL("SELECT place FROM estimate_mail"), &stmt, &f->err),
        ERR_OK);
    assert_int_equal(db_step(stmt, &row, &f->err), ERR_OK);
    assert_true(row && !db_is_null(stmt, 0));
    return db_i64(stmt, 0);
}

static enum err_class send_letter(void *self, const struct ctx *ctx,
                                  const struct mail_letter *letter, enum mail_end *ret,
                                  struct err *err)
{
    struct fixture *f = self;

    (void)ctx;
    if (f->fail_at == f->letter_count + 1) {
        f->place = place_on_disk(f);
        return err_set(err, f->failure, "the test's mail server fails");
    }
    assert_in_range(f->letter_count, 0, LETTERS_MAX - 1);
    f->letters[f->letter_count].to = STRBUF_INIT(1000);
    f->letters[f->letter_count].subject = STRBUF_INIT(1000);
    f->letters[f->letter_count].text = STRBUF_INIT(MAIL_TEXT_BYTES);
    strbuf_add_str(&f->letters[f->letter_count].to, letter->to);
    strbuf_add_str(&f->letters[f->letter_count].subject, letter->subject);
    strbuf_add_str(&f->letters[f->letter_count].text, letter->text);
    f->letter_count++;
    *ret = f->end;
    return ERR_OK;
}

static const struct mail_ops ops = {send_letter};

/* ---- */

/* As a worker gets the job, after the one that had it is gone. */
static void lease(struct fixture *f)
{
    struct db *control = f->world.data->control;
    const struct ctx *ctx = &f->world.fake.ctx;
    const struct job_order order = {
        .tenant = f->world.info.id, .kind = "timesheet.mail", .key = "estimates"};
    int64_t next_ms = 0;
    bool joined = false, found = false;

    assert_int_equal(jobs_add(control, ctx, &order, &joined, &f->err), ERR_OK);
    assert_int_equal(jobs_lease(control, ctx, NULL, &f->job, &found, &next_ms, &f->err), ERR_OK);
    assert_true(found);
    f->run = (struct job_run){
        .ctx = ctx, .control = control, .job = &f->job, .extended_ms = ctx_now_ms(ctx)};
}

/* The next day, and so another run. */
static void sleep_over(struct fixture *f)
{
    fake_ctx_advance(&f->world.fake, MS_PER_DAY);
    lease(f);
}

static int begin(void **state)
{
    static const struct http_budget_options options = {0};
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 3);
    fake_net_init(&f->net, answer, f);
    fake_net_install(&f->net, &f->world.fake.ctx);
    f->budget = http_budget_new(&options);
    f->bodies = STRBUF_INIT(1 << 20);
    f->arena = arena_new((size_t)64 << 20);
    f->permission_status = 200;
    f->jira.http = (struct http_client){.ctx = &f->world.fake.ctx,
                                        .budget = f->budget,
                                        .base_url = "https://acme.atlassian.net",
                                        .authorization = "Basic c2VjcmV0",
                                        .tries_max = 1};
    assert_int_equal(settings_load(f->world.tenant, f->arena, &f->settings, &f->err), ERR_OK);
    f->settings.mail.scope = MAIL_ALL_PROJECTS;
    f->settings.mail.minute = 8 * 60; /* it is ten o'clock */
    lease(f);
    f->mail = (struct estimate_mail){.tenant = f->world.tenant,
                                     .jira = &f->jira,
                                     .settings = &f->settings,
                                     .mailer = {&ops, f},
                                     .run = &f->run};
    assert_int_equal(
        db_exec(f->world.tenant->db,
                SQL("INSERT INTO worklog (client_worklog_id, client_issue_id, created, updated,"
                    " started, time_spent_seconds) VALUES (1, 1, 0, 0, 0, 60), (2, 2, 0, 0, 0, 60),"
                    " (3, 3, 0, 0, 0, 60), (4, 4, 0, 0, 0, 60), (5, 5, 0, 0, 0, 60)"),
                &f->err),
        ERR_OK);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(f->net.in_flight, 0);
    for (size_t i = 0; i < f->letter_count; i++) {
        strbuf_done(&f->letters[i].to);
        strbuf_done(&f->letters[i].subject);
        strbuf_done(&f->letters[i].text);
    }
    strbuf_done(&f->bodies);
    arena_free(f->arena);
    http_budget_free(f->budget);
    fake_net_done(&f->net);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static bool is_due(struct fixture *f, int32_t *ret_day)
{
    bool due = false;

    assert_int_equal(mail_day_due(f->world.tenant, &f->settings, &due, ret_day, &f->err), ERR_OK);
    return due;
}

/* As the job does. */
static enum err_class run_it(struct fixture *f)
{
    int32_t day = 0;

    f->result = (struct estimate_mail_result){0};
    f->err = (struct err){0};
    return is_due(f, &day) ? estimate_mail_run(&f->mail, day, &f->result, &f->err) : ERR_OK;
}

static const char *letter_to(const struct fixture *f, const char *address)
{
    const char *found = NULL;

    for (size_t i = 0; i < f->letter_count; i++)
        if (strcmp(strbuf_z(&f->letters[i].to), address) == 0) {
            assert_null(found); /* one each */
            found = strbuf_z(&f->letters[i].text);
        }
    return found;
}

#define HAS(text, part) assert_non_null(strstr((text), (part)))
#define HAS_NOT(text, part) assert_null(strstr((text), (part)))

static void reporters_get_theirs_and_leads_what_nobody_reported(void **state)
{
    struct fixture *f = *state;
    const char *ana, *bo;

    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
    ana = letter_to(f, "ana@example.com");
    bo = letter_to(f, "bo@example.com");
    assert_non_null(ana);
    assert_non_null(bo);
    HAS(ana, "ABC-1  One\n    https://acme.atlassian.net/browse/ABC-1\n");
    HAS(ana, "ABC-2  Two  Bcc: thief@example.com\n"); /* in its own line */
    HAS_NOT(ana, "ABC-3");
    HAS(bo, "ABC-4  Four"); /* its lead */
    HAS_NOT(bo, "ABC-3");   /* may not browse it any more */
    HAS(strbuf_z(&f->bodies), "statusCategory != Done AND timespent > 0 AND (remainingEstimate = 0 "
                              "OR remainingEstimate is EMPTY)");
    HAS_NOT(strbuf_z(&f->bodies), "\"99\""); /* no worklog of it is here */
    assert_int_equal(f->result.issues, 4);
    assert_int_equal(f->result.letters, 2);
}

static void without_the_right_to_ask_what_they_may_see_only_keys_are_told(void **state)
{
    struct fixture *f = *state;

    f->permission_status = 403;
    assert_int_equal(run_it(f), ERR_OK);
    HAS(letter_to(f, "ana@example.com"), "ABC-1\n");
    HAS_NOT(letter_to(f, "ana@example.com"), "One");
    HAS(letter_to(f, "bo@example.com"), "ABC-3\n");
    HAS_NOT(letter_to(f, "bo@example.com"), "Three");
}

static void who_hides_an_address_or_has_left_is_skipped_and_counted(void **state)
{
    struct fixture *f = *state;

    f->issues = "{\"issues\":[" ISSUE("1", "One", BY("a:cy"), "") "," ISSUE(
        "2", "Two", BY("a:di"), "") "," ISSUE("3", "Three", BY("a:ed"), "") "]}";
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 0);
    assert_int_equal(f->result.no_address, 3);
}

static void an_estimate_set_after_the_search_counts(void **state)
{
    struct fixture *f = *state;

    f->issues =
        "{\"issues\":[" ISSUE("1", "One", BY("a:ana"), "\"remainingEstimateSeconds\":60") "]}";
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 0);
}

static void selected_projects_stand_in_the_search_quoted(void **state)
{
    static const struct str projects[] = {STR("ABC"), STR("D\"E")};
    struct fixture *f = *state;

    f->settings.mail.scope = MAIL_SELECTED_PROJECTS;
    f->settings.mail.projects = projects;
    f->settings.mail.project_count = 2;
    assert_int_equal(run_it(f), ERR_OK);
    HAS(strbuf_z(&f->bodies), "AND project in (\\\"ABC\\\",\\\"D\\\\\\\"E\\\")");
}

static void a_day_is_mailed_once_and_the_next_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
    store_world_reopen(&f->world); /* nor by a new process */
    f->mail.tenant = f->world.tenant;
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
    fake_ctx_advance(&f->world.fake, -MS_PER_DAY); /* nor by a clock put back */
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
    fake_ctx_advance(&f->world.fake, MS_PER_DAY);
    sleep_over(f);
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 4);
}

static void the_time_of_day_is_the_sites_and_a_skipped_hour_only_delays(void **state)
{
    struct fixture *f = *state;
    int32_t day = 0;
    int64_t noon = 0, sunday = 0;

    assert_true(civil_parse_stamp(STR("2026-01-15T12:00:00Z"), &noon));
    f->settings.mail.minute = 12 * 60 + 30;
    fake_ctx_set_now(&f->world.fake, noon);
    assert_false(is_due(f, &day));
    f->settings.zone = STR("Europe/Berlin"); /* 13:00 */
    assert_true(is_due(f, &day));
    f->settings.zone = STR("Pacific/Kiritimati"); /* 02:00 of the next day */
    assert_false(is_due(f, &day));
    assert_true(civil_parse_stamp(STR("2026-03-29T00:59:00Z"), &sunday));
    f->settings.zone = STR("Europe/Berlin");
    f->settings.mail.minute = 2 * 60 + 30; /* the clock goes from 01:59 to 03:00 */
    fake_ctx_set_now(&f->world.fake, sunday);
    assert_false(is_due(f, &day));
    fake_ctx_set_now(&f->world.fake, sunday + MS_PER_MINUTE);
    assert_true(is_due(f, &day));
    f->settings.mail.scope = MAIL_NO_PROJECT;
    assert_false(is_due(f, &day));
}

static void after_a_failure_it_goes_on_with_the_letter_that_failed(void **state)
{
    struct fixture *f = *state;

    f->fail_at = 2;
    f->failure = ERR_NETWORK;
    assert_int_equal(run_it(f), ERR_NETWORK);
    assert_int_equal(f->letter_count, 1);
    f->fail_at = 0;
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
    assert_non_null(letter_to(f, "ana@example.com"));
    assert_non_null(letter_to(f, "bo@example.com"));
}

static void after_a_crash_in_the_middle_no_letter_comes_twice(void **state)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct fixture *f = *state;

    /*
     * The process ends while the second letter is handed over: it may be out, or not. What is on
     * the disk then is what was there at that moment, and nothing is put back.
     */
    f->fail_at = 2;
    f->failure = ERR_NETWORK;
    assert_int_equal(run_it(f), ERR_NETWORK);
    assert_int_equal(
        db_prepare(f->world.tenant->db, SQL("UPDATE estimate_mail SET place = $1"), &stmt, &f->err),
        ERR_OK);
    db_bind_i64(stmt, 1, f->place);
    assert_int_equal(db_run(stmt, &f->err), ERR_OK);
    f->fail_at = 0;
    assert_int_equal(f->letter_count, 1);
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 1);
    assert_int_equal(run_it(f), ERR_OK); /* and then the day has ended */
    assert_int_equal(f->letter_count, 1);
}

static void a_letter_that_is_refused_or_unsure_is_not_sent_again(void **state)
{
    struct fixture *f = *state;

    f->end = MAIL_REFUSED;
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->result.refused, 2);
    assert_int_equal(f->result.letters, 0);
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
    sleep_over(f);
    f->end = MAIL_UNSURE;
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->result.letters, 2);
    assert_int_equal(f->letter_count, 4);
}

static void a_wish_to_stop_ends_it_between_two_letters(void **state)
{
    struct fixture *f = *state;

    f->world.fake.stop = 1;
    assert_int_equal(run_it(f), ERR_CANCELLED);
    assert_int_equal(f->letter_count, 0);
    f->world.fake.stop = 0;
    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(f->letter_count, 2);
}

static void nothing_but_the_day_is_remembered_when_it_has_ended(void **state)
{
    struct fixture *f = *state;
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    assert_int_equal(run_it(f), ERR_OK);
    assert_int_equal(db_prepare(f->world.tenant->db,
                                SQL("SELECT count(*), max(place) FROM estimate_mail"), &stmt,
                                &f->err),
                     ERR_OK);
    assert_int_equal(db_step(stmt, &row, &f->err), ERR_OK);
    assert_int_equal(db_i64(stmt, 0), 1);
    assert_true(db_is_null(stmt, 1)); /* the place goes when the day has ended */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(reporters_get_theirs_and_leads_what_nobody_reported),
        TEST(without_the_right_to_ask_what_they_may_see_only_keys_are_told),
        TEST(who_hides_an_address_or_has_left_is_skipped_and_counted),
        TEST(an_estimate_set_after_the_search_counts),
        TEST(selected_projects_stand_in_the_search_quoted),
        TEST(a_day_is_mailed_once_and_the_next_again),
        TEST(the_time_of_day_is_the_sites_and_a_skipped_hour_only_delays),
        TEST(after_a_failure_it_goes_on_with_the_letter_that_failed),
        TEST(after_a_crash_in_the_middle_no_letter_comes_twice),
        TEST(a_letter_that_is_refused_or_unsure_is_not_sent_again),
        TEST(a_wish_to_stop_ends_it_between_two_letters),
        TEST(nothing_but_the_day_is_remembered_when_it_has_ended),
    };

    return cmocka_run_group_tests_name("estimate_mail (EV-18)", tests, NULL, NULL);
}
