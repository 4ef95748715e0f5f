/* Tests of mirror.c, rows.c, runs.c, tags.c and persons.c: the mirror's rows, without a network. */
#include "apps/timesheet/mirror.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/persons.h"

#define DAY_MS INT64_C(86400000)

struct fixture {
    struct store_world world;
    struct tenant *tenant;
    struct mirror mirror;
    struct err err;
};

static void ok(struct fixture *fixture, enum err_class rc)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", err_class_name(rc), fixture->err.msg);
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 31);
    fixture->tenant = fixture->world.tenant;
    ok(fixture, mirror_init(&fixture->mirror, fixture->tenant, &fixture->err));
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    mirror_done(&fixture->mirror);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

static const struct jira_worklog first = {
    .id = 100,
    .issue_id = 7,
    .account = {"5b10:a2", 7},
    .comment = {"planted comment", 15},
    .created_ms = 1000,
    .updated_ms = 5000,
    .started_ms = 900,
    .seconds = 3600,
};

static enum mirror_put put(struct fixture *fixture, const struct jira_worklog *worklog)
{
    enum mirror_put done = MIRROR_DEAD;

    ok(fixture, db_begin(fixture->tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, mirror_put(&fixture->mirror, worklog, &done, &fixture->err));
    ok(fixture, db_commit(fixture->tenant->db, &fixture->err));
    return done;
}

static bool delete_it(struct fixture *fixture, int64_t id, int64_t deleted_ms)
{
    bool was = false;

    ok(fixture, db_begin(fixture->tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, mirror_delete(&fixture->mirror, id, deleted_ms, &was, &fixture->err));
    ok(fixture, db_commit(fixture->tenant->db, &fixture->err));
    return was;
}

static int64_t number(struct fixture *fixture, const char *sql)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    ok(fixture, db_prepare(fixture->tenant->db, sql, &stmt, &fixture->err));
    ok(fixture, db_step(stmt, &row, &fixture->err));
    assert_true(row);
    return db_i64(stmt, 0);
}

static const struct worklog_filter everything = {
    .from_ms = INT64_MIN, .to_ms = INT64_MAX, .limit = 1000000};

static enum err_class note_row(void *arg, const struct worklog_row *row, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%lld/%lld " STR_FMT " %lld,%lld,%lld %lld '" STR_FMT "'", (long long)row->id,
                (long long)row->issue_id, STR_ARG(row->account), (long long)row->created_ms,
                (long long)row->updated_ms, (long long)row->started_ms, (long long)row->seconds,
                STR_ARG(row->comment));
    for (size_t i = 0; i < row->tag_count; i++)
        strbuf_addf(arg, " #" STR_FMT, STR_ARG(row->tags[i]));
    strbuf_add_char(arg, '\n');
    return ERR_OK;
}

static void holds(struct fixture *fixture, const struct worklog_filter *filter,
                  const char *expected)
{
    struct strbuf text = STRBUF_INIT(1 << 20);

    ok(fixture, worklogs_each(fixture->tenant, filter, note_row, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
}

/* ---- putting and deleting ---- */

static void a_worklog_is_stored_with_all_its_fields(void **state)
{
    struct fixture *fixture = *state;
    int64_t ms = 0, issue = 0, count = 0;
    bool found = false;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    holds(fixture, &everything, "100/7 5b10:a2 1000,5000,900 3600 'planted comment'\n");
    ok(fixture, mirror_updated(fixture->tenant, 100, &ms, &found, &fixture->err));
    assert_true(found);
    assert_int_equal(ms, 5000);
    ok(fixture, mirror_issue_of(fixture->tenant, 100, &issue, &fixture->err));
    assert_int_equal(issue, 7);
    ok(fixture, mirror_count(fixture->tenant, &count, &fixture->err));
    assert_int_equal(count, 1);

    ok(fixture, mirror_updated(fixture->tenant, 101, &ms, &found, &fixture->err));
    assert_false(found);
    assert_int_equal(ms, 5000); /* untouched */
    assert_int_equal(mirror_issue_of(fixture->tenant, 101, &issue, &fixture->err), ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->err.msg, "101"));
    assert_non_null(strstr(fixture->err.msg, "acme"));
}

static void what_jira_told_last_wins(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog worklog = first;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    assert_int_equal(put(fixture, &first), MIRROR_SAME);
    worklog.updated_ms = 4999;
    worklog.seconds = 1;
    assert_int_equal(put(fixture, &worklog), MIRROR_OLDER);
    holds(fixture, &everything, "100/7 5b10:a2 1000,5000,900 3600 'planted comment'\n");
    worklog.updated_ms = 5001;
    assert_int_equal(put(fixture, &worklog), MIRROR_CHANGED);
    holds(fixture, &everything, "100/7 5b10:a2 1000,5001,900 1 'planted comment'\n");
}

/* A move and a change of rights leave `updated` as it was: any difference counts. */
static void an_equal_time_with_any_other_field_is_a_change(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog changes[7];

    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        changes[i] = first;
    changes[0].issue_id = 8;
    changes[1].account = STR("5b10:a3");
    changes[2].account = (struct str){NULL, 0};
    changes[3].comment = STR("planted commend");
    changes[4].comment = (struct str){NULL, 0};
    changes[5].started_ms++;
    changes[6].created_ms++;
    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_int_equal(put(fixture, &changes[i]), MIRROR_CHANGED);
        assert_int_equal(put(fixture, &changes[i]), MIRROR_SAME);
        assert_int_equal(put(fixture, &first), MIRROR_CHANGED);
    }
    holds(fixture, &everything, "100/7 5b10:a2 1000,5000,900 3600 'planted comment'\n");
}

static void numbers_at_their_edges_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog worklog = {.id = INT64_MAX,
                                   .issue_id = INT64_MAX,
                                   .created_ms = INT64_MAX,
                                   .updated_ms = INT64_MIN,
                                   .started_ms = -1,
                                   .seconds = INT32_MAX};

    assert_int_equal(put(fixture, &worklog), MIRROR_ADDED);
    holds(fixture, &everything,
          "9223372036854775807/9223372036854775807  9223372036854775807,-9223372036854775808,-1"
          " 2147483647 ''\n");
}

static void a_deleted_worklog_stays_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog worklog = first;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    ok(fixture, tag_add(&fixture->mirror, 100, STR("kept"), &fixture->err));
    assert_true(delete_it(fixture, 100, 6000));
    assert_false(delete_it(fixture, 100, 6000));
    holds(fixture, &everything, "");
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog_tag")), 0);

    /* A message from before the deletion comes late. */
    assert_int_equal(put(fixture, &first), MIRROR_DEAD);
    worklog.updated_ms = 6000;
    assert_int_equal(put(fixture, &worklog), MIRROR_DEAD);
    holds(fixture, &everything, "");
    worklog.updated_ms = 6001; /* later than it: Jira has it again */
    assert_int_equal(put(fixture, &worklog), MIRROR_ADDED);

    /* An earlier deletion does not make a later one forgotten; a later one counts. */
    assert_true(delete_it(fixture, 100, 8000));
    assert_false(delete_it(fixture, 100, 7000));
    worklog.updated_ms = 7500;
    assert_int_equal(put(fixture, &worklog), MIRROR_DEAD);
    assert_false(delete_it(fixture, 100, 9000));
    worklog.updated_ms = 8500;
    assert_int_equal(put(fixture, &worklog), MIRROR_DEAD);
}

static void a_deletion_is_remembered_of_what_never_was_and_by_a_new_process(void **state)
{
    struct fixture *fixture = *state;

    assert_false(delete_it(fixture, 100, 6000));
    mirror_done(&fixture->mirror);
    store_world_reopen(&fixture->world);
    fixture->tenant = fixture->world.tenant;
    ok(fixture, mirror_init(&fixture->mirror, fixture->tenant, &fixture->err));
    assert_int_equal(put(fixture, &first), MIRROR_DEAD);
}

static void what_was_rolled_back_was_never_there(void **state)
{
    struct fixture *fixture = *state;
    enum mirror_put done;

    ok(fixture, db_begin(fixture->tenant->db, DB_BULK, &fixture->err));
    ok(fixture, mirror_put(&fixture->mirror, &first, &done, &fixture->err));
    db_rollback(fixture->tenant->db);
    mirror_forget(&fixture->mirror); /* the person's number went with it */
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM person")), 0);

    struct jira_worklog other = first;

    other.id = 101;
    other.account = STR("somebody-else");
    assert_int_equal(put(fixture, &other), MIRROR_ADDED);
    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    holds(fixture, &everything,
          "100/7 5b10:a2 1000,5000,900 3600 'planted comment'\n"
          "101/7 somebody-else 1000,5000,900 3600 'planted comment'\n");
}

static void accounts_are_stored_once(void **state)
{
    struct fixture *fixture = *state;

    for (int64_t id = 1; id <= 300; id++) {
        struct jira_worklog worklog = first;
        char account[20];

        (void)snprintf(account, sizeof(account), "account-%lld", (long long)(id % 10));
        worklog.id = id;
        worklog.account = str_from(account);
        assert_int_equal(put(fixture, &worklog), MIRROR_ADDED);
    }
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM person")), 10);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog JOIN person ON"
                                         " person.id = worklog.person WHERE account_id ="
                                         " 'account-' || (client_worklog_id % 10)")),
                     300);
}

static void the_cache_of_persons_only_ever_forgets(void **state)
{
    struct fixture *fixture = *state;
    struct person_cache *cache = person_cache_new(&fixture->world.fake.ctx);
    size_t remembered = 0;

    assert_non_null(cache);
    for (int64_t n = 1; n <= 40000; n++) { /* more than it has slots */
        char account[32];

        (void)snprintf(account, sizeof(account), "account-%lld", (long long)n);
        person_cache_put(cache, str_from(account), n);
    }
    for (int64_t n = 1; n <= 40000; n++) {
        char account[32];
        int64_t ref = 0;

        (void)snprintf(account, sizeof(account), "account-%lld", (long long)n);
        if (person_cache_get(cache, str_from(account), &ref)) {
            assert_int_equal(ref, n);
            remembered++;
        }
    }
    assert_in_range(remembered, 8000, 16384);

    int64_t ref = -7;

    assert_false(person_cache_get(cache, STR("account-"), &ref));
    person_cache_clear(cache);
    assert_false(person_cache_get(cache, STR("account-40000"), &ref));
    assert_int_equal(ref, -7);
    person_cache_free(cache);
    person_cache_free(NULL);
}

/* ---- what is kept is sealed ---- */

static void comments_and_tag_names_are_sealed_in_their_places(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog other = first;
    struct strbuf text = STRBUF_INIT(1000);

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    other.id = 101;
    other.comment = STR("another planted comment");
    assert_int_equal(put(fixture, &other), MIRROR_ADDED);
    ok(fixture, tag_add(&fixture->mirror, 100, STR("planted tag"), &fixture->err));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog WHERE"
                                         " instr(comment, CAST('planted' AS BLOB)) > 0")),
                     0);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM tag WHERE"
                                         " instr(name, CAST('planted' AS BLOB)) > 0")),
                     0);
    assert_false(scratch_grep(fixture->world.scratch.dir, STR("planted")));
    assert_false(scratch_grep(fixture->world.scratch.dir, STR("5b10:a2")));

    /* Copied to another row it does not open, and no text of it is shown. */
    ok(fixture, db_exec(fixture->tenant->db,
                        "UPDATE worklog SET comment = (SELECT comment FROM worklog WHERE"
                        " client_worklog_id = 100) WHERE client_worklog_id = 101",
                        &fixture->err));
    assert_int_equal(worklogs_each(fixture->tenant, &everything, note_row, &text, &fixture->err),
                     ERR_KEY);
    assert_non_null(strstr(fixture->err.msg, "worklog.comment"));
    assert_null(strstr(fixture->err.msg, "planted"));
    strbuf_done(&text);
}

static void a_comment_of_the_largest_size_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog worklog = first;
    char *text = malloc(LIMIT_COMMENT_BYTES);

    assert_non_null(text);
    memset(text, 'x', LIMIT_COMMENT_BYTES);
    worklog.comment = (struct str){text, LIMIT_COMMENT_BYTES};
    assert_int_equal(put(fixture, &worklog), MIRROR_ADDED);
    assert_int_equal(put(fixture, &worklog), MIRROR_SAME);
    free(text);
}

/* ---- the state ---- */

static void the_state_is_kept_whole(void **state)
{
    struct fixture *fixture = *state;
    struct mirror_state back = {.epoch = 77};
    struct mirror_state full = {.full_done_ms = 1, .synced_ms = 2, .proof_at_ms = 3, .epoch = 4};

    ok(fixture, mirror_state_load(fixture->tenant, &back, &fixture->err));
    assert_int_equal(back.epoch, 0);
    assert_string_equal(back.updated_next, "");
    memset(full.updated_next, 'u', JIRA_QUERY_BYTES);
    (void)snprintf(full.deleted_next, sizeof(full.deleted_next), "since=5&x=%%20");
    ok(fixture, mirror_state_store(fixture->tenant, &full, &fixture->err));
    ok(fixture, mirror_state_load(fixture->tenant, &back, &fixture->err));
    assert_memory_equal(&back, &full, sizeof(back));
    full.proof_drift = 9;
    full.synced_ms = 0;
    ok(fixture, mirror_state_store(fixture->tenant, &full, &fixture->err));
    ok(fixture, mirror_state_load(fixture->tenant, &back, &fixture->err));
    assert_memory_equal(&back, &full, sizeof(back));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM mirror")), 1);
}

static void changes_are_listed_unless_there_are_many(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog worklog = first;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    assert_int_equal(put(fixture, &first), MIRROR_SAME);
    worklog.updated_ms = 1;
    assert_int_equal(put(fixture, &worklog), MIRROR_OLDER);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog_change")), 1);
    assert_true(delete_it(fixture, 100, 6000));
    assert_false(delete_it(fixture, 100, 6000));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog_change WHERE"
                                         " client_worklog_id = 100 AND at > 0")),
                     2);
    fixture->mirror.bulk = true;
    worklog.id = 101;
    assert_int_equal(put(fixture, &worklog), MIRROR_ADDED);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog_change")), 2);
}

/* ---- reading back ---- */

static enum err_class stop_here(void *arg, const struct worklog_row *row, struct err *err)
{
    ++*(int *)arg;
    return err_set(err, ERR_CANCELLED, "enough at %lld", (long long)row->id);
}

static void rows_are_found_by_each_filter(void **state)
{
    struct fixture *fixture = *state;
    int calls = 0;

    for (int64_t id = 1; id <= 5; id++) {
        struct jira_worklog worklog = {.id = id,
                                       .issue_id = 10 + id % 2,
                                       .account = id == 3 ? (struct str){NULL, 0}
                                                          : (id % 2 ? STR("odd") : STR("even")),
                                       .updated_ms = 1,
                                       .started_ms = id * 100};

        assert_int_equal(put(fixture, &worklog), MIRROR_ADDED);
    }
#define ROW(id, issue, who) #id "/" #issue " " who " 0,1," #id "00 0 ''\n"
    struct worklog_filter filter = everything;

    holds(fixture, &filter,
          ROW(1, 11, "odd") ROW(2, 10, "even") ROW(3, 11, "") ROW(4, 10, "even") ROW(5, 11, "odd"));
    filter.from_ms = 200;
    filter.to_ms = 400; /* not included */
    holds(fixture, &filter, ROW(2, 10, "even") ROW(3, 11, ""));
    filter = everything;
    filter.account = STR("odd");
    holds(fixture, &filter, ROW(1, 11, "odd") ROW(5, 11, "odd"));
    filter.account = STR("nobody");
    holds(fixture, &filter, "");
    filter = everything;
    filter.issue_id = 10;
    holds(fixture, &filter, ROW(2, 10, "even") ROW(4, 10, "even"));
    filter = everything;
    filter.id = 3;
    holds(fixture, &filter, ROW(3, 11, ""));
    filter = everything;
    filter.after_id = 2;
    filter.limit = 2;
    holds(fixture, &filter, ROW(3, 11, "") ROW(4, 10, "even"));
    filter.limit = 0;
    holds(fixture, &filter, "");
    assert_int_equal(worklogs_each(fixture->tenant, &everything, stop_here, &calls, &fixture->err),
                     ERR_CANCELLED);
    assert_int_equal(calls, 1);
    assert_string_equal(fixture->err.msg, "enough at 1");
}

/* ---- tags ---- */

static void a_tag_is_one_whoever_wears_it(void **state)
{
    struct fixture *fixture = *state;
    struct jira_worklog other = first;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    other.id = 101;
    assert_int_equal(put(fixture, &other), MIRROR_ADDED);
    ok(fixture, tag_add(&fixture->mirror, 100, STR("deep work"), &fixture->err));
    ok(fixture, tag_add(&fixture->mirror, 100, STR("caf\xc3\xa9"), &fixture->err));
    ok(fixture, tag_add(&fixture->mirror, 100, STR("deep work"), &fixture->err)); /* again */
    ok(fixture, tag_add(&fixture->mirror, 101, STR("deep work"), &fixture->err));
    ok(fixture, tag_add(&fixture->mirror, 101, STR("Deep Work"), &fixture->err)); /* another */
#define PLANTED " 5b10:a2 1000,5000,900 3600 'planted comment'"
    holds(fixture, &everything,
          "100/7" PLANTED " #deep work #caf\xc3\xa9\n101/7" PLANTED " #deep work #Deep Work\n");
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM tag")), 3);
    ok(fixture, tag_remove(&fixture->mirror, 100, STR("deep work"), &fixture->err));
    ok(fixture, tag_remove(&fixture->mirror, 100, STR("deep work"), &fixture->err));
    ok(fixture, tag_remove(&fixture->mirror, 100, STR("never was"), &fixture->err));
    holds(fixture, &everything,
          "100/7" PLANTED " #caf\xc3\xa9\n101/7" PLANTED " #deep work #Deep Work\n");
}

static void a_tag_that_cannot_be_is_refused(void **state)
{
    static char long_name[LIMIT_TAG_NAME_BYTES + 1];
    static const struct str bad[] = {STR(""),          {NULL, 0},      STR("a\nb"),
                                     STR("tab\there"), STR("a\0b"),    STR("\xff"),
                                     STR("\xc3"),      STR("\x1b[0m"), {long_name, 256}};
    struct fixture *fixture = *state;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    memset(long_name, 'x', sizeof(long_name));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(tag_add(&fixture->mirror, 100, bad[i], &fixture->err), ERR_INPUT);
        assert_int_equal(tag_remove(&fixture->mirror, 100, bad[i], &fixture->err), ERR_INPUT);
    }
    ok(fixture, tag_add(&fixture->mirror, 100, (struct str){long_name, 255}, &fixture->err));
    assert_int_equal(tag_add(&fixture->mirror, 999, STR("x"), &fixture->err), ERR_NOT_FOUND);
    assert_non_null(strstr(fixture->err.msg, "999"));
    assert_int_equal(tag_remove(&fixture->mirror, 999, STR("x"), &fixture->err), ERR_NOT_FOUND);
    assert_false(db_in_tx(fixture->tenant->db));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM tag")), 1);
}

static void a_worklog_has_at_most_so_many_tags(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    for (int i = 0; i < LIMIT_TAGS_PER_WORKLOG; i++) {
        char name[20];

        (void)snprintf(name, sizeof(name), "tag %d", i);
        ok(fixture, tag_add(&fixture->mirror, 100, str_from(name), &fixture->err));
    }
    assert_int_equal(tag_add(&fixture->mirror, 100, STR("one more"), &fixture->err), ERR_LIMIT);
    assert_non_null(strstr(fixture->err.msg, "100 tags"));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM tag")), LIMIT_TAGS_PER_WORKLOG);
    /* One that it wears already asks for no room. */
    ok(fixture, tag_add(&fixture->mirror, 100, STR("tag 5"), &fixture->err));
    ok(fixture, tag_remove(&fixture->mirror, 100, STR("tag 5"), &fixture->err));
    ok(fixture, tag_add(&fixture->mirror, 100, STR("one more"), &fixture->err));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog_tag")),
                     LIMIT_TAGS_PER_WORKLOG);
}

/* ---- runs and warnings ---- */

static enum err_class note_warning(void *arg, const struct sync_warning *warning, struct err *err)
{
    (void)err;
    strbuf_addf(arg, "%s %lld/%lld, ", sync_warning_name(warning->code),
                (long long)warning->worklog_id, (long long)warning->issue_id);
    return ERR_OK;
}

static void warnings_are(struct fixture *fixture, int64_t run, const char *expected)
{
    struct strbuf text = STRBUF_INIT(10000);

    ok(fixture, sync_warnings_each(fixture->tenant, run, note_warning, &text, &fixture->err));
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
}

static void a_run_is_written_down_from_beginning_to_end(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run run = {0}, next = {0};

    ok(fixture, sync_run_begin(fixture->tenant, SYNC_VERIFY, &run, &fixture->err));
    assert_true(run.id > 0);
    assert_int_equal(run.mode, SYNC_VERIFY);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sync_run WHERE mode = 'verify' AND"
                                         " state = 'running' AND ended IS NULL")),
                     1);
    fake_ctx_advance(&fixture->world.fake, 1234);
    run.stored = 1;
    run.deleted = 2;
    run.requests = 3;
    run.warnings = 4;
    ok(fixture, sync_run_end(fixture->tenant, &run, "completed", &fixture->err));
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sync_run WHERE state = 'completed'"
                                         " AND ended = started + 1234 AND stored = 1 AND"
                                         " deleted = 2 AND requests = 3 AND warnings = 4")),
                     1);
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &next, &fixture->err));
    assert_int_not_equal(next.id, run.id);
    assert_string_equal(sync_mode_name(SYNC_FULL), "full");
    assert_string_equal(sync_mode_name(SYNC_INCREMENTAL), "incremental");
}

static void a_warning_is_given_once_and_can_be_taken_back(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run run = {0}, other = {0};

    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &run, &fixture->err));
    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &other, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_INVISIBLE, 5, 0, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_INVISIBLE, 5, 0, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_BAD_TIME, 5, 7, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &run, WARN_SAME_TIME, 0, 0, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &other, WARN_INVISIBLE, 5, 0, &fixture->err));
    assert_int_equal(run.warnings, 3);
    warnings_are(fixture, run.id, "same_time 0/0, bad_time 5/7, invisible 5/0, ");
    ok(fixture, sync_unwarn(fixture->tenant, &run, 5, &fixture->err));
    ok(fixture, sync_unwarn(fixture->tenant, &run, 5, &fixture->err));
    assert_int_equal(run.warnings, 1);
    warnings_are(fixture, run.id, "same_time 0/0, ");
    warnings_are(fixture, other.id, "invisible 5/0, ");
    warnings_are(fixture, 999, "");

    /* One of a later version is passed over. */
    ok(fixture, db_exec(fixture->tenant->db,
                        "UPDATE sync_warning SET code = 'of_tomorrow' WHERE code = 'same_time'",
                        &fixture->err));
    warnings_are(fixture, run.id, "");
}

static void warnings_past_the_limit_are_counted_only(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run run = {0};

    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &run, &fixture->err));
    ok(fixture, db_begin(fixture->tenant->db, DB_BULK, &fixture->err));
    for (int64_t id = 1; id <= LIMIT_WARNINGS_KEPT + 5; id++)
        ok(fixture, sync_warn(fixture->tenant, &run, WARN_INVISIBLE, id, 0, &fixture->err));
    ok(fixture, db_commit(fixture->tenant->db, &fixture->err));
    assert_int_equal(run.warnings, LIMIT_WARNINGS_KEPT + 5);
    assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sync_warning")),
                     LIMIT_WARNINGS_KEPT);
}

static void every_warning_has_a_name_and_says_what_to_do(void **state)
{
    (void)state;
    for (int code = 0; code < WARN_CODE_COUNT; code++) {
        const char *name = sync_warning_name((enum sync_warning_code)code);

        assert_true(strlen(name) > 3);
        assert_true(strlen(sync_warning_text((enum sync_warning_code)code)) > 20);
        for (int other = 0; other < code; other++)
            assert_string_not_equal(name, sync_warning_name((enum sync_warning_code)other));
    }
}

static void what_its_retention_no_longer_covers_goes_with_the_next_run(void **state)
{
    struct fixture *fixture = *state;
    struct sync_run old = {0}, run = {0};

    ok(fixture, sync_run_begin(fixture->tenant, SYNC_FULL, &old, &fixture->err));
    ok(fixture, sync_warn(fixture->tenant, &old, WARN_INVISIBLE, 5, 0, &fixture->err));
    ok(fixture, sync_run_end(fixture->tenant, &old, "completed", &fixture->err));
    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    assert_false(delete_it(fixture, 500, FAKE_NOW_MS));

    static const struct {
        int64_t days;
        int64_t changes, tombstones, runs, warnings; /* left after a run then */
    } steps[] = {{1, 1, 1, 2, 1},  {2, 0, 1, 3, 1},  {30, 0, 1, 4, 1},
                 {31, 0, 0, 5, 1}, {90, 0, 0, 6, 1}, {91, 0, 0, 6, 0}};

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        fake_ctx_set_now(&fixture->world.fake, FAKE_NOW_MS + steps[i].days * DAY_MS);
        ok(fixture, sync_run_begin(fixture->tenant, SYNC_INCREMENTAL, &run, &fixture->err));
        ok(fixture, sync_run_end(fixture->tenant, &run, "completed", &fixture->err));
        assert_int_equal(number(fixture, SQL("SELECT count(*) FROM worklog_change")),
                         steps[i].changes);
        assert_int_equal(number(fixture, SQL("SELECT count(*) FROM tombstone")),
                         steps[i].tombstones);
        assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sync_run")), steps[i].runs);
        assert_int_equal(number(fixture, SQL("SELECT count(*) FROM sync_warning")),
                         steps[i].warnings);
    }
    holds(fixture, &everything, "100/7" PLANTED "\n"); /* the worklog itself stays */
}

static void a_deletion_by_another_mirror_is_heeded_from_the_next_transaction_on(void **state)
{
    struct fixture *fixture = *state;
    struct mirror other;
    enum mirror_put done = MIRROR_ADDED;
    bool was = false;

    assert_int_equal(put(fixture, &first), MIRROR_ADDED);
    ok(fixture, mirror_init(&other, fixture->tenant, &fixture->err));
    ok(fixture, db_begin(fixture->tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, mirror_delete(&other, first.id, 6000, &was, &fixture->err));
    ok(fixture, db_commit(fixture->tenant->db, &fixture->err));
    mirror_done(&other);

    ok(fixture, db_begin(fixture->tenant->db, DB_WRITE, &fixture->err));
    ok(fixture, mirror_look(&fixture->mirror, &fixture->err));
    ok(fixture, mirror_put(&fixture->mirror, &first, &done, &fixture->err));
    ok(fixture, db_commit(fixture->tenant->db, &fixture->err));
    assert_int_equal(done, MIRROR_DEAD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_worklog_is_stored_with_all_its_fields),
        TEST(a_deletion_by_another_mirror_is_heeded_from_the_next_transaction_on),
        TEST(what_jira_told_last_wins),
        TEST(an_equal_time_with_any_other_field_is_a_change),
        TEST(numbers_at_their_edges_are_kept),
        TEST(a_deleted_worklog_stays_deleted),
        TEST(a_deletion_is_remembered_of_what_never_was_and_by_a_new_process),
        TEST(what_was_rolled_back_was_never_there),
        TEST(accounts_are_stored_once),
        TEST(the_cache_of_persons_only_ever_forgets),
        TEST(comments_and_tag_names_are_sealed_in_their_places),
        TEST(a_comment_of_the_largest_size_is_kept),
        TEST(the_state_is_kept_whole),
        TEST(changes_are_listed_unless_there_are_many),
        TEST(rows_are_found_by_each_filter),
        TEST(a_tag_is_one_whoever_wears_it),
        TEST(a_tag_that_cannot_be_is_refused),
        TEST(a_worklog_has_at_most_so_many_tags),
        TEST(a_run_is_written_down_from_beginning_to_end),
        TEST(a_warning_is_given_once_and_can_be_taken_back),
        TEST(warnings_past_the_limit_are_counted_only),
        TEST(every_warning_has_a_name_and_says_what_to_do),
        TEST(what_its_retention_no_longer_covers_goes_with_the_next_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
