/* Tests of hint.c: what events mean, and that nothing about them can make the mirror wrong. EV-03.
 */
#include "apps/timesheet/hint.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/sync_world.h"

struct fixture {
    struct sync_world *world;
    struct http_budget *budget;
    struct jira jira;
    struct mirror mirror;
    struct err err;
};

static int begin(void **state)
{
    static const struct http_budget_options none = {0};
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    void *world = NULL;

    assert_non_null(fixture);
    assert_int_equal(sync_world_begin(&world), 0);
    fixture->world = world;
    fixture->budget = http_budget_new(&none);
    fixture->jira.http = (struct http_client){.ctx = &fixture->world->world.fake.ctx,
                                              .budget = fixture->budget,
                                              .base_url = fixture->world->world.info.base_url,
                                              .authorization = "Basic c2VjcmV0"};
    assert_int_equal(mirror_init(&fixture->mirror, fixture->world->world.tenant, &fixture->err),
                     ERR_OK);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;
    void *world = fixture->world;

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

static enum hint_end follow(struct fixture *fixture, int64_t id)
{
    enum hint_end end = HINT_NOTHING;

    fine(fixture, hint_follow(&fixture->mirror, &fixture->jira, id, &end, &fixture->err));
    assert_int_equal(fixture->world->source.net.in_flight, 0);
    return end;
}

static int64_t count(struct fixture *fixture)
{
    return number(fixture->world, SQL("SELECT count(*) AS n FROM worklog"));
}

/* ---- events ---- */

/* "kind key +delay", "nothing", "not understood", "unknown" */
static void meaning(const char *name, yyjson_val *body, char *ret, size_t room)
{
    struct hint hint = {.kind = NULL};

    for (size_t i = 0; i < HINT_EVENT_COUNT; i++) {
        if (strcmp(hint_events[i].name, name) != 0)
            continue;
        if (!hint_events[i].read(body, &hint))
            (void)snprintf(ret, room, "not understood");
        else if (!hint.kind)
            (void)snprintf(ret, room, "nothing");
        else
            (void)snprintf(ret, room, "%s %s +%lld", hint.kind, hint.key, (long long)hint.delay_ms);
        return;
    }
    (void)snprintf(ret, room, "unknown");
}

static void each_event_means_one_look(void **state)
{
    static const struct {
        const char *name, *body, *means;
    } cases[] = {
        {"worklog_created", "{\"worklog\":{\"id\":\"10033\"}}", "timesheet.hint 10033 +0"},
        {"worklog_updated", "{\"worklog\":{\"id\":9007199254740993}}",
         "timesheet.hint 9007199254740993 +0"},
        {"worklog_deleted", "{\"worklog\":{\"id\":\"10033\",\"issueId\":\"1\"}}",
         "timesheet.hint 10033 +0"},
        {"worklog_deleted", "{\"worklog\":{\"id\":\"-1\"}}", "not understood"},
        {"worklog_deleted", "{\"worklog\":{\"id\":\"1; DROP TABLE\"}}", "not understood"},
        {"worklog_deleted", "{\"worklog\":7}", "not understood"},
        {"worklog_created", "[]", "not understood"},
        {"jira:issue_updated",
         "{\"changelog\":{\"items\":[{\"field\":\"timespent\",\"to\":\"3600\"}]}}",
         "timesheet.sync worklogs +70000"},
        {"jira:issue_updated",
         "{\"changelog\":{\"items\":[{\"field\":\"timespent\"},{\"field\":\"WorklogId\","
         "\"from\":\"10033\",\"to\":null}]}}",
         "timesheet.hint 10033 +0"},
        {"jira:issue_updated", "{\"changelog\":{\"items\":[{\"field\":\"status\"}]}}", "nothing"},
        {"jira:issue_updated", "{\"changelog\":{\"items\":[7,null,{}]}}", "nothing"},
        {"jira:issue_updated", "{}", "nothing"},
        {"jira:worklog_updated", "{\"issue_event_type_name\":\"issue_work_logged\"}",
         "timesheet.sync worklogs +70000"},
        {"jira:issue_deleted", "{\"issue\":{\"id\":\"1\"}}", "timesheet.sync worklogs +70000"},
        {"jira:issue_created", "{}", "unknown"},
        {"comment_created", "{}", "unknown"},
        {"", "{}", "unknown"},
    };
    char is[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
        struct err err;

        assert_int_equal(json_read(str_from(cases[i].body), "a body", &doc, &err), ERR_OK);
        meaning(cases[i].name, yyjson_doc_get_root(doc), is, sizeof(is));
        if (strcmp(is, cases[i].means) != 0)
            fail_msg("case %zu: \"%s\", not \"%s\"", i, is, cases[i].means);
    }
}

/* What recorded deliveries mean; all others nothing. */
static const struct {
    const char *file, *means;
} recorded[] = {
    {"zulip-worklog_created.json", "timesheet.hint 10066 +0"},
    {"zulip-worklog_deleted.json", "timesheet.hint 10033 +0"},
    {"mm-issue-deleted.json", "timesheet.sync worklogs +70000"},
};

static const char *samples; /* the folder of recorded deliveries; set once by main */

static void check_recorded(const char *file, struct str text)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    const char *expected = NULL;
    char is[300], event[100];
    struct err err;

    assert_int_equal(json_read(text, "a recorded event", &doc, &err), ERR_OK);
    (void)snprintf(event, sizeof(event), STR_FMT,
                   STR_ARG(json_str(yyjson_doc_get_root(doc), "webhookEvent")));
    assert_true(event[0] != '\0');
    meaning(event, yyjson_doc_get_root(doc), is, sizeof(is));
    for (size_t i = 0; i < ARRAY_LEN(recorded); i++)
        if (strcmp(recorded[i].file, file) == 0)
            expected = recorded[i].means;
    if (!expected)
        expected = strcmp(event, "jira:issue_updated") == 0 ? "nothing" : "unknown";
    if (strcmp(is, expected) != 0)
        fail_msg("%s means \"%s\", not \"%s\"", file, is, expected);
}

static void every_recorded_event_is_read_and_means_the_right_thing(void **state)
{
    DIR *dir = samples ? opendir(samples) : NULL;
    const struct dirent *entry;
    size_t files = 0;

    (void)state;
    if (!dir) {
        print_message("skipped: the recorded webhooks are not here\n");
        skip();
    }
    while ((entry = readdir(dir)) != NULL) {
        char path[600];
        struct strbuf text;

        if (!strstr(entry->d_name, ".json"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", samples, entry->d_name);
        text = scratch_read(path);
        check_recorded(entry->d_name, strbuf_str(&text));
        strbuf_done(&text);
        files++;
    }
    (void)closedir(dir);
    assert_true(files >= 43);
}

/* ---- the look ---- */

static void ev03_new_changed_and_deleted_worklogs_arrive(void **state)
{
    struct fixture *fixture = *state;
    struct fake_worklog *row = fake_jira_add(&fixture->world->source, 10, "account-1", 60, "new");

    assert_int_equal(follow(fixture, row->id), HINT_STORED);
    equals_source(fixture->world);
    later(fixture->world, 1000);
    fake_jira_edit(&fixture->world->source, row, 120, "changed");
    assert_int_equal(follow(fixture, row->id), HINT_STORED);
    equals_source(fixture->world);
    fake_jira_move(row, 11);
    assert_int_equal(follow(fixture, row->id), HINT_STORED);
    equals_source(fixture->world);
    later(fixture->world, 1000);
    fake_jira_delete(&fixture->world->source, row);
    assert_int_equal(follow(fixture, row->id), HINT_DELETED);
    assert_int_equal(count(fixture), 0);
    assert_int_equal(follow(fixture, row->id), HINT_NOTHING);
}

static void a_forged_id_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture->world, 5);
    fine(fixture, sync_it(fixture->world));
    later(fixture->world, 2 * MINUTE_MS);
    fine(fixture, sync_it(fixture->world));
    for (int64_t id = 1; id <= 9; id++)
        (void)follow(fixture, id);
    assert_int_equal(follow(fixture, INT64_MAX), HINT_NOTHING);
    equals_source(fixture->world);
    assert_int_equal(number(fixture->world, SQL("SELECT count(*) AS n FROM tombstone")), 0);
}

static void what_cannot_be_proved_gone_stays(void **state)
{
    struct fixture *fixture = *state;
    struct fake_worklog *row = fake_jira_add(&fixture->world->source, 10, "account-1", 60, "x");
    static const int statuses[] = {404, 403};

    assert_int_equal(follow(fixture, row->id), HINT_STORED);
    row->hidden = true;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) { /* the issue is out of sight as well */
        fixture->world->source.issue_status = statuses[i];
        assert_int_equal(follow(fixture, row->id), HINT_UNSURE);
        assert_int_equal(count(fixture), 1);
    }
    row->hidden = false;
    fixture->world->source.issue_status = 200;
    assert_int_equal(follow(fixture, row->id), HINT_STORED);
}

static void a_failing_jira_changes_nothing(void **state)
{
    static const enum fake_fault faults[] = {FAKE_FAULT_NETWORK, FAKE_FAULT_CUT, FAKE_FAULT_HTML,
                                             FAKE_FAULT_401, FAKE_FAULT_500};
    struct fixture *fixture = *state;
    struct fake_jira *source = &fixture->world->source;
    struct fake_worklog *row = fake_jira_add(source, 10, "account-1", 60, "x");
    enum hint_end end;

    assert_int_equal(follow(fixture, row->id), HINT_STORED);
    fake_jira_delete(source, row);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        for (unsigned call = 1; call <= 3; call++) {
            fake_jira_heal(source);
            source->fail_from = call;
            source->fault = faults[i];
            /* Of the direct reads only the status counts. */
            if (call > 1 && (faults[i] == FAKE_FAULT_CUT || faults[i] == FAKE_FAULT_HTML))
                continue;
            if (hint_follow(&fixture->mirror, &fixture->jira, row->id, &end, &fixture->err) ==
                ERR_OK)
                fail_msg("fault %zu at call %u", i, call);
            assert_int_equal(count(fixture), 1);
        }
    fake_jira_heal(source);
    assert_int_equal(follow(fixture, row->id), HINT_DELETED);
}

/* ---- any order ---- */

#define QUEUE_MAX 64

/* Hints on their way. */
struct queue {
    int64_t ids[QUEUE_MAX];
    size_t count;
};

static uint64_t roll(uint64_t *dice, uint64_t sides)
{
    *dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*dice >> 33) % sides;
}

/* An event for the id: lost, once, or twice. */
static void report(struct queue *queue, uint64_t *dice, int64_t id)
{
    for (uint64_t n = roll(dice, 3); n > 0 && queue->count < QUEUE_MAX; n--)
        queue->ids[queue->count++] = id;
}

static void arrive(struct fixture *fixture, struct queue *queue, uint64_t *dice)
{
    size_t at;
    int64_t id;

    if (queue->count == 0)
        return;
    at = roll(dice, queue->count); /* in any order */
    id = queue->ids[at];
    queue->ids[at] = queue->ids[--queue->count];
    (void)follow(fixture, id);
}

static void something_happens(struct fixture *fixture, struct queue *queue, uint64_t *dice)
{
    struct fake_jira *source = &fixture->world->source;
    struct fake_worklog *row = source->count ? &source->rows[roll(dice, source->count)] : NULL;

    switch (roll(dice, 6)) {
    case 0:
    case 1:
        row = fake_jira_add(source, 10 + (int64_t)roll(dice, 4), "account-1",
                            60 * (1 + (int64_t)roll(dice, 9)), "made");
        break;
    case 2:
    case 3:
        if (!row || row->deleted_ms)
            return;
        fake_jira_edit(source, row, 60 * (1 + (int64_t)roll(dice, 9)), "edited");
        break;
    case 4:
        if (!row || row->deleted_ms)
            return;
        fake_jira_delete(source, row);
        break;
    default: /* a forgery */
        report(queue, dice, 1 + (int64_t)roll(dice, 200));
        return;
    }
    report(queue, dice, row->id);
}

static void ev03_any_mix_of_events_ends_where_jira_is(void **state)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t dice = seed;
        struct queue queue = {.count = 0};
        struct fixture *fixture;

        if (seed > 1) {
            (void)end(state);
            (void)begin(state);
        }
        fixture = *state;
        print_message("seed %llu\n", (unsigned long long)seed);
        fill(fixture->world, 3);
        fine(fixture, sync_it(fixture->world));
        for (int step = 0; step < 150; step++) {
            later(fixture->world, 1 + (int64_t)roll(&dice, 20000));
            something_happens(fixture, &queue, &dice);
            if (roll(&dice, 2))
                arrive(fixture, &queue, &dice);
            if (roll(&dice, 40) == 0)
                fine(fixture, sync_it(fixture->world));
        }
        while (queue.count > 0)
            arrive(fixture, &queue, &dice);
        later(fixture->world, 2 * MINUTE_MS);
        fine(fixture, sync_it(fixture->world));
        equals_source(fixture->world);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_means_one_look),
        cmocka_unit_test(every_recorded_event_is_read_and_means_the_right_thing),
        TEST(ev03_new_changed_and_deleted_worklogs_arrive),
        TEST(a_forged_id_changes_nothing),
        TEST(what_cannot_be_proved_gone_stays),
        TEST(a_failing_jira_changes_nothing),
        TEST(ev03_any_mix_of_events_ends_where_jira_is),
    };

    samples = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
