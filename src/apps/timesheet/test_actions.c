/* Tests of actions.c, and of the local times it goes by. EV-11. */
#include "apps/timesheet/actions.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/fake_writes.h"
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
    struct zone *zone;
    struct strbuf told;       /* "id>new id " or "id!class " */
    char detail[ERR_MSG_MAX]; /* of the last failure */
    struct err err;
};

static enum err_class no_job(void *arg, const char *kind, const char *key, int64_t due_ms,
                             struct err *err)
{
    (void)arg;
    (void)kind;
    (void)key;
    (void)due_ms;
    (void)err;
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
    assert_int_equal(
        zone_new(STR("Europe/Berlin"), 0, FAKE_NOW_MS * 2, &fixture->zone, &fixture->err), ERR_OK);
    fixture->told = STRBUF_INIT(100000);
    fixture->writer = (struct writer){.mirror = &fixture->mirror,
                                      .jira = &fixture->jira,
                                      .account = STR(ME),
                                      .rules = &fixture->rules,
                                      .add_job = no_job};
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    void *world = fixture->world;

    zone_free(fixture->zone);
    strbuf_done(&fixture->told);
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

static int64_t stamp(const char *text)
{
    int64_t ms = 0;

    assert_true(civil_parse_stamp(str_from(text), &ms));
    return ms;
}

static int32_t day(const char *text)
{
    struct civil_date date;

    assert_true(civil_parse_date(str_from(text), &date));
    return civil_days(date);
}

/* A worklog that is in Jira and in the mirror. */
static int64_t make(struct fixture *fixture, const char *started, const char *issue,
                    const struct str *tags, size_t tag_count)
{
    struct write_done done = {0};
    struct write_draft draft = {.issue = str_from(issue),
                                .change = {.has_started = true,
                                           .has_seconds = true,
                                           .has_comment = true,
                                           .started_ms = stamp(started),
                                           .seconds = 3600,
                                           .comment = STR("what was done")},
                                .has_tags = tag_count > 0,
                                .tags = tags,
                                .tag_count = tag_count};
    struct writer writer = fixture->writer;
    int64_t id;

    writer.key = (struct str){NULL, 0};
    fine(fixture, write_create(&writer, &draft, &done, &fixture->err));
    id = done.id;
    write_done_free(&done);
    return id;
}

static enum err_class tell(void *arg, const struct action_item *item, struct err *err)
{
    struct fixture *fixture = arg;

    (void)err;
    if (item->done)
        strbuf_addf(&fixture->told, "%lld>%lld ", (long long)item->id, (long long)item->done->id);
    else
        strbuf_addf(&fixture->told, "%lld!%s ", (long long)item->id, err_class_name(item->class));
    if (item->detail)
        (void)snprintf(fixture->detail, sizeof(fixture->detail), "%s", item->detail);
    return ERR_OK;
}

static const char *run(struct fixture *fixture, enum action_kind kind, const int64_t *ids,
                       size_t count, const char *date)
{
    const struct action action = {.kind = kind,
                                  .ids = ids,
                                  .id_count = count,
                                  .zone = fixture->zone,
                                  .day = date ? day(date) : 0};

    strbuf_reset(&fixture->told);
    fine(fixture, actions_run(&fixture->writer, &action, tell, fixture, &fixture->err));
    return strbuf_z(&fixture->told);
}

static void started_is(struct fixture *fixture, int64_t id, const char *text)
{
    char is[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(fake_jira_find(&fixture->world->source, id)->started_ms, is);
    assert_string_equal(is, text);
}

static void ev11_a_move_keeps_the_local_time_over_a_change_of_clocks(void **state)
{
    struct fixture *fixture = *state;
    /* 09:00 and 02:30 in winter; Berlin jumps from 02:00 to 03:00 on 2026-03-29. */
    int64_t ids[2] = {make(fixture, "2026-03-27T08:00:00.000Z", "ABC-12", NULL, 0),
                      make(fixture, "2026-03-27T01:30:00.000Z", "ABC-12", NULL, 0)};

    fixture->writes.estimates[12] = 36000;
    assert_string_equal(run(fixture, ACTION_MOVE, ids, 2, "2026-03-30"), "1>1 2>2 ");
    started_is(fixture, ids[0], "2026-03-30T07:00:00.000Z");
    started_is(fixture, ids[1], "2026-03-30T00:30:00.000Z");
    assert_string_equal(run(fixture, ACTION_MOVE, ids, 2, "2026-03-29"), "1>1 2>2 ");
    started_is(fixture, ids[0], "2026-03-29T07:00:00.000Z");
    started_is(fixture, ids[1], "2026-03-29T01:30:00.000Z"); /* 03:30: there was no 02:30 */
    assert_int_equal(fixture->writes.estimates[12], 36000);
    assert_non_null(strstr(fixture->writes.last_query, "adjustEstimate=leave&notifyUsers=false"));
    equals_source(fixture->world);
}

static void a_time_that_comes_twice_keeps_its_offset(void **state)
{
    struct fixture *fixture = *state;
    /* 02:30 in summer; on 2026-10-25 that time comes twice, first in summer time. */
    int64_t ids[1] = {make(fixture, "2026-10-20T00:30:00.000Z", "ABC-12", NULL, 0)};

    (void)run(fixture, ACTION_MOVE, ids, 1, "2026-10-25");
    started_is(fixture, ids[0], "2026-10-25T00:30:00.000Z");
    (void)run(fixture, ACTION_MOVE, ids, 1, "2026-11-02");
    started_is(fixture, ids[0], "2026-11-02T01:30:00.000Z");
    (void)run(fixture, ACTION_MOVE, ids, 1, "2026-10-25");
    started_is(fixture, ids[0], "2026-10-25T01:30:00.000Z");
}

static void every_local_time_is_found_again(void **state) /* property over a whole year */
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia",
                                        "America/St_Johns", "UTC"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(zone_free_autop) struct zone *zone = NULL;
        int64_t from = stamp("2011-01-01T00:00:00.000Z");

        fine(fixture,
             zone_new(str_from(names[i]), from, from + 400 * MS_PER_DAY, &zone, &fixture->err));
        for (int64_t ms = from; ms < from + 380 * MS_PER_DAY; ms += 17 * MS_PER_MINUTE) {
            int64_t offset = zone_offset_ms(zone, ms), local = ms + offset;
            int32_t local_day = civil_day_of(local);

            assert_int_equal(zone_instant(zone, local_day, local - local_day * MS_PER_DAY, offset),
                             ms);
        }
    }
}

static void ev11_a_copy_has_comment_and_tags_and_leaves_the_first_alone(void **state)
{
    struct fixture *fixture = *state;
    const struct str tags[] = {STR("a"), STR("b")};
    int64_t ids[1] = {make(fixture, "2026-01-12T08:00:00.000Z", "ABC-12", tags, 2)};

    assert_string_equal(run(fixture, ACTION_COPY, ids, 1, "2026-01-13"), "1>2 ");
    started_is(fixture, 1, "2026-01-12T08:00:00.000Z");
    started_is(fixture, 2, "2026-01-13T08:00:00.000Z");
    assert_string_equal(fake_jira_find(&fixture->world->source, 2)->comment, "what was done");
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog_tag"
                                                " WHERE client_worklog_id = 2")),
                     2);
    equals_source(fixture->world);
}

static void ev11_what_cannot_be_done_is_told_and_the_rest_is_done(void **state)
{
    struct fixture *fixture = *state;
    int64_t ids[5] = {make(fixture, "2026-01-12T08:00:00.000Z", "ABC-12", NULL, 0),
                      make(fixture, "2026-01-12T09:00:00.000Z", "ABC-13", NULL, 0),
                      make(fixture, "2026-01-12T10:00:00.000Z", "ABC-14", NULL, 0), 999, 1};

    fixture->writes.fault = FAKE_WRITE_REFUSED;
    fixture->writes.fault_count = 100;
    fixture->writes.only_issue = 13;
    fixture->writes.status = 400;
    fixture->writes.body = "{\"errorMessages\":[\"you do not have permission\"]}";
    assert_string_equal(run(fixture, ACTION_DELETE, ids, 3, NULL), "1>1 2!forbidden 3>3 ");
    assert_non_null(strstr(fixture->detail, "Delete own"));
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog")), 1);
    assert_string_equal(run(fixture, ACTION_MOVE, ids, 5, "2026-01-13"),
                        "1!not_found 2!forbidden 3!not_found 999!not_found ");
    equals_source(fixture->world);
}

static void a_repeated_action_does_only_what_is_left(void **state)
{
    struct fixture *fixture = *state;
    int64_t ids[3] = {make(fixture, "2026-01-12T08:00:00.000Z", "ABC-12", NULL, 0),
                      make(fixture, "2026-01-12T09:00:00.000Z", "ABC-13", NULL, 0),
                      make(fixture, "2026-01-12T10:00:00.000Z", "ABC-14", NULL, 0)};

    fixture->writer.key = STR("copy-the-day");
    fixture->writes.fault = FAKE_WRITE_LOST;
    fixture->writes.fault_count = 1;
    fixture->writes.only_issue = 13;
    assert_string_equal(run(fixture, ACTION_COPY, ids, 3, "2026-01-13"), "1>4 2!network 3>6 ");
    later(fixture->world, PENDING_UNKNOWN_MS);
    assert_string_equal(run(fixture, ACTION_COPY, ids, 3, "2026-01-13"), "1>4 2>5 3>6 ");
    assert_int_equal(fixture->writes.creates, 6);
    equals_source(fixture->world);
}

static void when_jira_is_away_it_is_not_asked_for_each(void **state)
{
    struct fixture *fixture = *state;
    int64_t ids[6];
    unsigned before;

    for (int i = 0; i < 6; i++)
        ids[i] = make(fixture, "2026-01-12T08:00:00.000Z", "ABC-12", NULL, 0);
    before = fixture->world->source.net.started;
    fixture->writes.fault = FAKE_WRITE_NEVER;
    fixture->writes.fault_count = 100;
    assert_string_equal(run(fixture, ACTION_DELETE, ids, 6, NULL),
                        "1!network 2!network 3!network 4!network 5!network 6!network ");
    assert_int_equal(fixture->world->source.net.started, before + 3);
    assert_non_null(strstr(fixture->detail, "not tried"));
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM worklog")), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ev11_a_move_keeps_the_local_time_over_a_change_of_clocks),
        TEST(a_time_that_comes_twice_keeps_its_offset),
        TEST(every_local_time_is_found_again),
        TEST(ev11_a_copy_has_comment_and_tags_and_leaves_the_first_alone),
        TEST(ev11_what_cannot_be_done_is_told_and_the_rest_is_done),
        TEST(a_repeated_action_does_only_what_is_left),
        TEST(when_jira_is_away_it_is_not_asked_for_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
