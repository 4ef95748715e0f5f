/* Tests of write.c and pending.c: Jira first, then the mirror, and never twice. EV-04, EV-12. */
#include "apps/timesheet/write.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fake_writes.h"
#include "../../../tests/lib/fault_vfs.h"
#include "../../../tests/lib/sync_world.h"
#include "base/civil.h"

#define ME "account-1"

struct fixture {
    struct sync_world *world;
    struct fake_writes writes;
    struct http_budget *budget;
    struct jira jira;
    struct mirror mirror;
    struct write_rules rules;
    struct writer writer;
    struct write_done done;
    struct strbuf jobs; /* "kind key after-ms, " */
    struct err err;
};

static enum err_class note_job(void *arg, const char *kind, const char *key, int64_t due_ms,
                               struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    strbuf_addf(&fixture->jobs, "%s %s +%lld, ", kind, key,
                (long long)(due_ms - ctx_now_ms(&fixture->world->world.fake.ctx)));
    return ERR_OK;
}

static int begin(void **state)
{
    static const struct http_budget_options none = {0};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    void *world = NULL;

    assert_non_null(fixture);
    assert_int_equal(sync_world_begin(&world), 0);
    fixture->world = world;
    fake_writes_init(&fixture->writes, &fixture->world->source, ME);
    fixture->budget = http_budget_new(&none);
    fixture->jira.http = (struct http_client){.ctx = &fixture->world->world.fake.ctx,
                                              .budget = fixture->budget,
                                              .base_url = fixture->world->world.info.base_url,
                                              .authorization = "Basic c2VjcmV0"};
    assert_int_equal(mirror_init(&fixture->mirror, fixture->world->world.tenant, &fixture->err),
                     ERR_OK);
    fixture->jobs = STRBUF_INIT(10000);
    fixture->writer = (struct writer){.mirror = &fixture->mirror,
                                      .jira = &fixture->jira,
                                      .account = STR(ME),
                                      .rules = &fixture->rules,
                                      .add_job = note_job,
                                      .add_job_arg = fixture};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    void *world = fixture->world;

    write_done_free(&fixture->done);
    strbuf_done(&fixture->jobs);
    mirror_done(&fixture->mirror);
    http_budget_free(fixture->budget);
    assert_int_equal(sync_world_end(&world), 0);
    free(fixture);
    return 0;
}

static void fine(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static struct write_draft draft_of(int64_t seconds, const char *comment)
{
    return (struct write_draft){
        .issue = STR("ABC-12"),
        .change = {.has_started = true,
                   .has_seconds = true,
                   .has_comment = true,
                   .started_ms = FAKE_NOW_MS - HOUR_MS,
                   .seconds = seconds,
                   .comment = str_from(comment)},
    };
}

static enum err_class create(struct fixture *fixture, const struct write_draft *draft)
{
    write_done_free(&fixture->done);
    strbuf_reset(&fixture->jobs);
    return write_create(&fixture->writer, draft, &fixture->done, &fixture->err);
}

static enum err_class update(struct fixture *fixture, int64_t id, const struct write_draft *draft)
{
    write_done_free(&fixture->done);
    strbuf_reset(&fixture->jobs);
    return write_update(&fixture->writer, id, draft, &fixture->done, &fixture->err);
}

static enum err_class delete (struct fixture *fixture, int64_t id, struct jira_estimate estimate) {
    write_done_free(&fixture->done); strbuf_reset(&fixture->jobs);
    return write_delete(&fixture->writer, id, &estimate, &fixture->done, &fixture->err);
}

static int64_t count(struct fixture *fixture)
{
    return number(fixture->world, SQL("SELECT count(*) AS n FROM worklog"));
}

/* The state of the only row of a write; NULL view: there is none or several. */
static void state_is(struct fixture *fixture, const char *expected)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    fine(fixture, db_prepare(fixture->world->world.tenant->db,
                             SQL("SELECT min(state), count(DISTINCT state) FROM worklog_write"),
                             &stmt, &fixture->err));
    fine(fixture, db_step(stmt, &row, &fixture->err));
    assert_int_equal(db_i64(stmt, 1), 1);
    if (!str_eq_z(db_text(stmt, 0), expected))
        fail_msg("is " STR_FMT ", not %s", STR_ARG(db_text(stmt, 0)), expected);
}

static int64_t settle(struct fixture *fixture)
{
    int64_t next_ms = -1;

    fine(fixture, write_settle(&fixture->mirror, &fixture->jira, &next_ms, &fixture->err));
    return next_ms;
}

/* ---- what goes well ---- */

static void ev04_a_new_worklog_is_in_jira_and_in_the_mirror_at_once(void **state)
{
    struct fixture *fixture = *state;
    const struct str tags[] = {STR("a"), STR("b"), STR("a")};
    struct write_draft draft = draft_of(3600, "line one\n\nline three");

    draft.has_tags = true;
    draft.tags = tags;
    draft.tag_count = 3;
    fixture->writes.estimates[12] = 7200;
    fine(fixture, create(fixture, &draft));
    assert_true(fixture->done.stored);
    assert_false(fixture->done.repeated);
    assert_int_equal(fixture->writes.creates, 1);
    assert_int_equal(fixture->writes.estimates[12], 3600);
    equals_source(fixture->world);
    assert_int_equal(count(fixture), 1);
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_tag")), 2);
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_change")), 2);
    state_is(fixture, "done");
    assert_string_equal(strbuf_z(&fixture->jobs), "");
}

static void ev04_a_change_and_a_deletion_follow_too(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "first");
    struct write_draft second = {
        .change = {.has_seconds = true, .seconds = 7200, .has_comment = true}};
    int64_t id;

    fine(fixture, create(fixture, &draft));
    id = fixture->done.id;
    later(fixture->world, MINUTE_MS);
    fine(fixture, update(fixture, id, &second));
    equals_source(fixture->world);
    assert_int_equal(number(fixture->world, SQL("SELECT time_spent_seconds FROM worklog")), 7200);
    later(fixture->world, MINUTE_MS);
    fine(fixture, delete (fixture, id, (struct jira_estimate){0}));
    assert_true(fixture->done.stored);
    assert_int_equal(count(fixture), 0);
    assert_int_equal(fixture->writes.deletes, 1);
    equals_source(fixture->world);
}

static void only_tags_do_not_bother_jira(void **state)
{
    struct fixture *fixture = *state;
    const struct str tags[] = {STR("x")};
    struct write_draft draft = draft_of(3600, "first");
    struct write_draft second = {.has_tags = true, .tags = tags, .tag_count = 1};
    unsigned before;

    fine(fixture, create(fixture, &draft));
    before = fixture->world->source.net.started;
    fine(fixture, update(fixture, fixture->done.id, &second));
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_tag")), 1);
    assert_int_equal(fixture->world->source.net.started, before);
    assert_int_equal(update(fixture, 999, &second), ERR_NOT_FOUND);
}

static void ev12_the_remaining_estimate_follows_each_option(void **state)
{
    static const struct {
        struct jira_estimate create, delete;
        int64_t after_create, after_delete; /* of 10 hours, for one hour */
    } cases[] = {
        {{JIRA_ESTIMATE_AUTO, {0}}, {JIRA_ESTIMATE_AUTO, {0}}, 9, 10},
        {{JIRA_ESTIMATE_LEAVE, {0}}, {JIRA_ESTIMATE_LEAVE, {0}}, 10, 10},
        {{JIRA_ESTIMATE_NEW, {"3h", 2}}, {JIRA_ESTIMATE_NEW, {"5h", 2}}, 3, 5},
        {{JIRA_ESTIMATE_MANUAL, {"2h", 2}}, {JIRA_ESTIMATE_MANUAL, {"4h", 2}}, 8, 12},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct write_draft draft = draft_of(3600, "");

        fixture->writes.estimates[12] = 36000;
        draft.change.estimate = cases[i].create;
        fine(fixture, create(fixture, &draft));
        assert_int_equal(fixture->writes.estimates[12], cases[i].after_create * 3600);
        fine(fixture, delete (fixture, fixture->done.id, cases[i].delete));
        assert_int_equal(fixture->writes.estimates[12], cases[i].after_delete * 3600);
    }
}

/* ---- never twice ---- */

static void the_same_key_books_once(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");
    int64_t id;

    fixture->writer.key = STR("key-1");
    fine(fixture, create(fixture, &draft));
    id = fixture->done.id;
    for (int i = 0; i < 3; i++) {
        fine(fixture, create(fixture, &draft));
        assert_int_equal(fixture->done.id, id);
        assert_true(fixture->done.repeated);
    }
    assert_int_equal(fixture->writes.creates, 1);
    fixture->writer.account = STR("somebody-else");
    fine(fixture, create(fixture, &draft));
    assert_int_equal(fixture->writes.creates, 2);
    fixture->writer.key = (struct str){NULL, 0};
    fine(fixture, create(fixture, &draft));
    fine(fixture, create(fixture, &draft));
    assert_int_equal(fixture->writes.creates, 4);
}

static void the_same_key_for_something_else_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "one"), other = draft_of(3600, "two");

    fixture->writer.key = STR("key-1");
    fine(fixture, create(fixture, &draft));
    assert_int_equal(create(fixture, &other), ERR_CONFLICT);
    assert_non_null(strstr(fixture->err.msg, "Idempotency-Key"));
    assert_int_equal(fixture->writes.creates, 1);
}

static void a_lost_answer_is_found_by_the_repeat(void **state)
{
    static const enum fake_write_fault faults[] = {FAKE_WRITE_LOST, FAKE_WRITE_GARBLED};
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");
    char key[20];

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        (void)snprintf(key, sizeof(key), "key-%zu", i);
        fixture->writer.key = str_from(key);
        fixture->writes.estimates[12] = 36000;
        fixture->writes.fault = faults[i];
        fixture->writes.fault_count = 1;
        assert_int_not_equal(create(fixture, &draft), ERR_OK);
        assert_non_null(strstr(fixture->err.msg, "not known"));
        assert_string_equal(strbuf_z(&fixture->jobs), "timesheet.settle_write writes +30000, ");
        assert_int_equal(create(fixture, &draft), ERR_BUSY); /* too early to say */
        later(fixture->world, PENDING_UNKNOWN_MS);
        fine(fixture, create(fixture, &draft));
        assert_true(fixture->done.repeated);
        assert_int_equal(fixture->writes.creates, i + 1);
        assert_int_equal(fixture->writes.estimates[12], 32400);
        equals_source(fixture->world);
    }
    state_is(fixture, "done");
}

static void what_never_reached_jira_is_sent_by_the_repeat(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");

    fixture->writer.key = STR("key");
    fixture->writes.fault = FAKE_WRITE_NEVER;
    fixture->writes.fault_count = 1;
    assert_int_equal(create(fixture, &draft), ERR_NETWORK);
    assert_int_equal(count(fixture), 0);
    later(fixture->world, PENDING_UNKNOWN_MS);
    fine(fixture, create(fixture, &draft));
    assert_false(fixture->done.repeated);
    assert_int_equal(fixture->writes.creates, 1);
    equals_source(fixture->world);
}

static void the_job_settles_what_nobody_repeats(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");

    fixture->writes.fault = FAKE_WRITE_LOST;
    fixture->writes.fault_count = 1;
    assert_int_equal(create(fixture, &draft), ERR_NETWORK);
    assert_int_equal(settle(fixture), FAKE_NOW_MS + PENDING_UNKNOWN_MS);
    assert_int_equal(count(fixture), 0);
    later(fixture->world, PENDING_UNKNOWN_MS);
    assert_int_equal(settle(fixture), 0);
    equals_source(fixture->world);
    assert_int_equal(count(fixture), 1);
    state_is(fixture, "done");
    later(fixture->world, 8 * MS_PER_DAY);
    assert_int_equal(settle(fixture), 0);
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_write")), 0);
}

static void the_job_gives_up_what_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");

    fixture->writes.fault = FAKE_WRITE_NEVER;
    fixture->writes.fault_count = 1;
    fixture->writer.key = STR("key");
    assert_int_equal(create(fixture, &draft), ERR_NETWORK);
    later(fixture->world, PENDING_UNKNOWN_MS);
    assert_int_equal(settle(fixture), 0);
    state_is(fixture, "not done");
    fine(fixture, create(fixture, &draft));
    assert_int_equal(fixture->writes.creates, 1);
}

static void tags_come_after_the_job_was_faster_than_the_repeat(void **state)
{
    struct fixture *fixture = *state;
    const struct str tags[] = {STR("a"), STR("b")};
    struct write_draft draft = draft_of(3600, "once");

    draft.has_tags = true;
    draft.tags = tags;
    draft.tag_count = 2;
    fixture->writer.key = STR("key");
    fixture->writes.fault = FAKE_WRITE_LOST;
    fixture->writes.fault_count = 1;
    assert_int_equal(create(fixture, &draft), ERR_NETWORK);
    later(fixture->world, PENDING_UNKNOWN_MS);
    assert_int_equal(settle(fixture), 0);
    fine(fixture, create(fixture, &draft));
    assert_true(fixture->done.repeated);
    assert_int_equal(fixture->writes.creates, 1);
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_tag")), 2);
}

struct inner {
    struct fixture *fixture;
    const struct write_draft *draft;
    enum err_class rc;
};

static void ask_again_meanwhile(void *arg)
{
    struct inner *inner = arg;
    struct write_done done = {0};
    struct err err;

    inner->fixture->writes.on_write = NULL;
    inner->rc = write_create(&inner->fixture->writer, inner->draft, &done, &err);
    write_done_free(&done);
}

static void two_at_once_with_one_key_are_one(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");
    struct inner inner = {fixture, &draft, ERR_OK};

    fixture->writer.key = STR("key");
    fixture->writes.on_write = ask_again_meanwhile;
    fixture->writes.on_write_arg = &inner;
    fine(fixture, create(fixture, &draft));
    assert_int_equal(inner.rc, ERR_CONFLICT);
    assert_int_equal(fixture->writes.creates, 1);
}

static void a_repeated_change_or_deletion_is_done_once(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "once");
    struct write_draft second = {.change = {.has_seconds = true, .seconds = 7200}};
    int64_t id;

    fine(fixture, create(fixture, &draft));
    id = fixture->done.id;
    fixture->writer.key = STR("change");
    fixture->writes.estimates[12] = 36000;
    fixture->writes.fault = FAKE_WRITE_LOST;
    fixture->writes.fault_count = 1;
    assert_int_equal(update(fixture, id, &second), ERR_NETWORK);
    assert_non_null(strstr(strbuf_z(&fixture->jobs), "timesheet.hint 1 +0, "));
    fine(fixture, update(fixture, id, &second));
    fine(fixture, update(fixture, id, &second));
    assert_true(fixture->done.repeated);
    assert_int_equal(fixture->writes.estimates[12], 32400);
    equals_source(fixture->world);

    fixture->writer.key = STR("delete");
    fixture->writes.fault_count = 1;
    assert_int_equal(delete (fixture, id, (struct jira_estimate){JIRA_ESTIMATE_MANUAL, STR("1h")}),
                     ERR_NETWORK);
    fine(fixture, delete (fixture, id, (struct jira_estimate){JIRA_ESTIMATE_MANUAL, STR("1h")}));
    assert_true(fixture->done.repeated);
    fine(fixture, delete (fixture, id, (struct jira_estimate){JIRA_ESTIMATE_MANUAL, STR("1h")}));
    assert_int_equal(fixture->writes.deletes, 1);
    assert_int_equal(fixture->writes.estimates[12], 36000);
    assert_int_equal(count(fixture), 0);
}

/* ---- what goes wrong ---- */

static void ev04_what_jira_refuses_changes_nothing_here(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_class class;
    } cases[] = {
        {400, "{\"errorMessages\":[\"you do not have permission\"]}", ERR_FORBIDDEN},
        {400, "{\"errors\":{\"newEstimate\":\"no\"}}", ERR_INPUT},
        {400, "{\"errorMessages\":[\"in a non-editable workflow state\"]}", ERR_CONFLICT},
        {401, "{}", ERR_DENIED},
        {404, "{}", ERR_NOT_FOUND},
        {413, "{}", ERR_LIMIT},
    };
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "first");
    struct write_draft second = {.change = {.has_seconds = true, .seconds = 7200}};
    int64_t id, changes;

    fine(fixture, create(fixture, &draft));
    id = fixture->done.id;
    changes = number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_change"));
    fixture->writes.fault = FAKE_WRITE_REFUSED;
    fixture->writes.fault_count = UINT_MAX;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fixture->writes.status = cases[i].status;
        fixture->writes.body = cases[i].body;
        assert_int_equal(create(fixture, &draft), cases[i].class);
        assert_int_equal(update(fixture, id, &second), cases[i].class);
        assert_int_equal(delete (fixture, id, (struct jira_estimate){0}), cases[i].class);
        assert_int_equal(count(fixture), 1);
        assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_change")),
                         changes);
        assert_int_equal(number(fixture->world, SQL("SELECT time_spent_seconds FROM worklog")),
                         3600);
    }
    assert_int_equal(
        number(fixture->world,
               SQL("SELECT count(*) AS n FROM worklog_write WHERE state NOT IN ('done',"
                   " 'not done')")),
        0);
}

static void fill_the_disk(void *arg)
{
    (void)arg;
    fault_vfs.fail_from = fault_vfs.changes;
    fault_vfs.fail_count = LONG_MAX;
}

static void ev04_a_mirror_that_cannot_follow_is_repaired_later(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "booked");

    fixture->writer.key = STR("key");
    fixture->writes.on_write = fill_the_disk;
    fine(fixture, create(fixture, &draft));
    assert_false(fixture->done.stored);
    assert_int_equal(fixture->done.one.worklog.seconds, 3600);
    assert_non_null(strstr(strbuf_z(&fixture->jobs), "timesheet.hint 1 +0, "));
    fault_vfs_reset();
    fixture->writes.on_write = NULL;
    assert_int_equal(count(fixture), 0);
    assert_int_equal(create(fixture, &draft), ERR_CONFLICT); /* as far as the row says */
    later(fixture->world, PENDING_UNDER_WAY_MS);
    fine(fixture, create(fixture, &draft));
    assert_true(fixture->done.repeated);
    assert_int_equal(fixture->writes.creates, 1);
    equals_source(fixture->world);
}

static void a_worklog_that_was_moved_is_followed(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "first");
    struct write_draft second = {.change = {.has_seconds = true, .seconds = 7200}};
    int64_t id;

    fine(fixture, create(fixture, &draft));
    id = fixture->done.id;
    fake_jira_move(fake_jira_find(&fixture->world->source, id), 13);
    fine(fixture, update(fixture, id, &second));
    equals_source(fixture->world);
    assert_int_equal(number(fixture->world, SQL("SELECT client_issue_id FROM worklog")), 13);
}

static enum err_class see_nothing(void *arg, int64_t id, struct err *err)
{
    *(unsigned *)arg += 1;
    return write_not_there(id, err);
}

static void what_may_not_be_seen_is_as_if_it_were_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "first");
    struct write_draft second = {.change = {.has_seconds = true, .seconds = 7200}};
    const struct jira_estimate by_itself = {.mode = JIRA_ESTIMATE_AUTO};
    unsigned asked = 0, started;
    struct err missing;

    fine(fixture, create(fixture, &draft));
    assert_int_equal(fixture->done.id, 1);
    fixture->writer.see = see_nothing;
    fixture->writer.see_arg = &asked;
    started = (unsigned)fixture->world->source.net.started;
    for (unsigned keyed = 0; keyed < 2; keyed++) { /* a key changes nothing in what is told */
        fixture->writer.key = keyed ? STR("missing") : (struct str){NULL, 0};
        assert_int_equal(update(fixture, 2, &second), ERR_NOT_FOUND);
        missing = fixture->err;
        *strchr(missing.msg, '2') = '1';
        fixture->writer.key = keyed ? STR("changed") : (struct str){NULL, 0};
        assert_int_equal(update(fixture, 1, &second), ERR_NOT_FOUND);
        assert_string_equal(fixture->err.msg, missing.msg);
        fixture->writer.key = keyed ? STR("deleted") : (struct str){NULL, 0};
        assert_int_equal(delete (fixture, 1, by_itself), ERR_NOT_FOUND);
        assert_string_equal(fixture->err.msg, missing.msg);
        assert_int_equal(asked, 2 * (keyed + 1)); /* not for what is not there */
    }
    assert_int_equal((unsigned)fixture->world->source.net.started, started); /* Jira: not asked */
    assert_int_equal(count(fixture), 1);
    equals_source(fixture->world);
}

static void what_is_gone_in_jira_is_left_to_the_tenant_s_own_eyes(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, "first");
    struct write_draft second = {.change = {.has_seconds = true, .seconds = 7200}};
    int64_t id;

    fine(fixture, create(fixture, &draft));
    id = fixture->done.id;
    fake_jira_delete(&fixture->world->source, fake_jira_find(&fixture->world->source, id));
    assert_int_equal(update(fixture, id, &second), ERR_NOT_FOUND);
    assert_string_equal(strbuf_z(&fixture->jobs), "timesheet.hint 1 +0, ");
    assert_int_equal(count(fixture), 1);
}

/* ---- rules ---- */

static void ev19_the_rules_hold_before_jira_is_asked(void **state)
{
    struct fixture *fixture = *state;
    struct write_draft draft = draft_of(3600, " \n\t ");
    struct write_draft quick = draft_of(59, "x"), endless = draft_of(WRITE_SECONDS_MAX + 1, "x");
    struct write_draft bare = draft_of(3600, "x");

    fixture->rules.comment_required = true;
    assert_int_equal(create(fixture, &draft), ERR_INPUT);
    assert_non_null(strstr(fixture->err.msg, "comment"));
    assert_int_equal(create(fixture, &quick), ERR_INPUT);
    assert_int_equal(create(fixture, &endless), ERR_INPUT);
    bare.change.has_started = false;
    assert_int_equal(create(fixture, &bare), ERR_INPUT);
    assert_int_equal(fixture->world->source.net.started, 0);
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_write")), 0);
}

static void ev20_a_later_day_is_told_and_a_later_hour_is_not(void **state)
{
    const struct write_rules rules = {.warn_future = true};
    struct write_draft draft = draft_of(3600, "x");
    struct err err;
    bool future = false;

    (void)state;
    /* It is 10:00 UTC: 23:30 in +13:30 is today, 00:30 tomorrow is not. */
    draft.offset_minutes = 13 * 60 + 30;
    draft.change.started_ms = FAKE_NOW_MS + HOUR_MS / 4;
    assert_int_equal(write_check(&rules, FAKE_NOW_MS, true, &draft, &future, &err), ERR_OK);
    assert_false(future);
    draft.change.started_ms = FAKE_NOW_MS + HOUR_MS;
    assert_int_equal(write_check(&rules, FAKE_NOW_MS, true, &draft, &future, &err), ERR_OK);
    assert_true(future);
    draft.offset_minutes = 0;
    assert_int_equal(write_check(&rules, FAKE_NOW_MS, true, &draft, &future, &err), ERR_OK);
    assert_false(future);
}

static void ev10_durations_are_rounded_to_the_nearest_step(void **state)
{
    static const struct {
        int64_t minutes, seconds, rounded;
    } cases[] = {{0, 61, 61},   {1, 61, 61},      {5, 60, 300},    {5, 449, 300},
                 {5, 450, 600}, {15, 3600, 3600}, {30, 899, 1800}, {30, 2700, 3600}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct write_rules rules = {.rounding_minutes = cases[i].minutes};
        struct write_draft draft = draft_of(cases[i].seconds, "x");
        struct err err;
        bool future;

        assert_int_equal(write_check(&rules, FAKE_NOW_MS, true, &draft, &future, &err), ERR_OK);
        assert_int_equal(draft.change.seconds, cases[i].rounded);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ev04_a_new_worklog_is_in_jira_and_in_the_mirror_at_once),
        TEST(ev04_a_change_and_a_deletion_follow_too),
        TEST(only_tags_do_not_bother_jira),
        TEST(ev12_the_remaining_estimate_follows_each_option),
        TEST(the_same_key_books_once),
        TEST(the_same_key_for_something_else_is_refused),
        TEST(a_lost_answer_is_found_by_the_repeat),
        TEST(what_never_reached_jira_is_sent_by_the_repeat),
        TEST(the_job_settles_what_nobody_repeats),
        TEST(the_job_gives_up_what_is_not_there),
        TEST(tags_come_after_the_job_was_faster_than_the_repeat),
        TEST(two_at_once_with_one_key_are_one),
        TEST(a_repeated_change_or_deletion_is_done_once),
        TEST(ev04_what_jira_refuses_changes_nothing_here),
        TEST(ev04_a_mirror_that_cannot_follow_is_repaired_later),
        TEST(a_worklog_that_was_moved_is_followed),
        TEST(what_may_not_be_seen_is_as_if_it_were_not_there),
        TEST(what_is_gone_in_jira_is_left_to_the_tenant_s_own_eyes),
        TEST(ev19_the_rules_hold_before_jira_is_asked),
        TEST(ev20_a_later_day_is_told_and_a_later_hour_is_not),
        TEST(ev10_durations_are_rounded_to_the_nearest_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
