/*
 * Tests of site.c, visible.c and filter.c. What must hold above all: a viewer's report equals, to
 * the byte, the report of a site on which the issues they may not see never existed.
 */
#include "apps/timesheet/site.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/mirror.h"
#include "apps/timesheet/visible.h"

#define DAY_MS INT64_C(86400000)
#define ISSUES 40
#define PEOPLE 6
#define TAGS 4
#define ROWS 700
#define THREADS 16

static const struct str tag_names[TAGS] = {{"red", 3}, {"green", 5}, {"blue", 4}, {"=1+1", 4}};

struct fixture {
    struct store_world world;
    struct mirror mirror;
    struct site_columns *site;
    struct err err;
    struct columns_row rows[ROWS]; /* what the store holds */
    unsigned tag_bits[ROWS];
    /* The viewer's Jira. */
    uint64_t salt;
    unsigned asks, asked_issues;
    enum err_class refuse;
    void (*on_ask)(struct fixture *fixture);
};

#define OK(fixture, call)                                                                          \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, (fixture)->err.msg);                                         \
    } while (0)

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ (x >> 29);
}

/* About two of three issues. */
static bool may_see(uint64_t salt, int64_t issue)
{
    return mix(salt + (uint64_t)issue) % 3 != 0;
}

static struct str account(char buf[16], int64_t person)
{
    return (struct str){buf, (size_t)snprintf(buf, 16, "account-%d", (int)person)};
}

static void put(struct fixture *fixture, int64_t id, int64_t issue, int64_t person, int64_t start,
                int64_t seconds)
{
    char name[16];
    const struct jira_worklog worklog = {.id = id,
                                         .issue_id = issue,
                                         .account = account(name, person),
                                         .updated_ms = start + id,
                                         .started_ms = start,
                                         .seconds = seconds};
    enum mirror_put done;

    OK(fixture, mirror_put(&fixture->mirror, &worklog, &done, &fixture->err));
}

static void fill(struct fixture *fixture)
{
    struct db *db = fixture->world.tenant->db;

    OK(fixture, db_begin(db, DB_BULK, &fixture->err));
    for (int i = 0; i < ROWS; i++) {
        uint64_t dice = mix((uint64_t)i * 977 + 5);
        struct columns_row *row = &fixture->rows[i];

        *row = (struct columns_row){.id = i + 1,
                                    .started_ms = INT64_C(1760000000000) +
                                                  (int64_t)(dice % 90) * DAY_MS + i * 60000,
                                    .issue = 10000 + (int64_t)(dice >> 8) % ISSUES,
                                    .person = 1 + (int64_t)(dice >> 20) % PEOPLE,
                                    .seconds = 60 * (1 + (int64_t)(dice >> 32) % 200)};
        put(fixture, row->id, row->issue, row->person, row->started_ms, row->seconds);
    }
    OK(fixture, db_commit(db, &fixture->err));
    for (int i = 0; i < ROWS; i += 7) {
        int tag = (int)(mix((uint64_t)i) % TAGS);

        fixture->tag_bits[i] = 1u << tag;
        OK(fixture, tag_add(&fixture->mirror, i + 1, tag_names[tag], &fixture->err));
    }
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 7);
    OK(fixture, mirror_init(&fixture->mirror, fixture->world.tenant, &fixture->err));
    fixture->site = site_columns_new(&fixture->world.fake.ctx);
    assert_non_null(fixture->site);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    site_columns_free(fixture->site);
    mirror_done(&fixture->mirror);
    store_world_end(&fixture->world);
    free(fixture);
    return 0;
}

/* ---- The viewer ---- */

static enum err_class ask(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                          struct err *err)
{
    struct fixture *fixture = arg;

    fixture->asks++;
    fixture->asked_issues += (unsigned)count;
    if (fixture->on_ask)
        fixture->on_ask(fixture);
    if (fixture->refuse != ERR_OK)
        return err_set(err, fixture->refuse, "acme.example cannot be reached");
    for (size_t i = 0; i < count; i++)
        if (may_see(fixture->salt, ids[i]) && jira_ids_add(ret, ids[i], err))
            return err->class;
    return ERR_OK;
}

static struct viewer viewer_of(struct fixture *fixture, const char *name)
{
    return (struct viewer){.account = str_from(name), .ask = ask, .arg = fixture};
}

static enum err_class collect(void *arg, struct str part, struct err *err)
{
    (void)err;
    strbuf_add_str(arg, part);
    return ERR_OK;
}

static void write_both(struct fixture *fixture, const struct report *report, struct strbuf *text)
{
    static const struct report_proof proof = {0};

    strbuf_reset(text);
    OK(fixture, report_write_json(report, &proof, NULL, collect, text, &fixture->err));
    OK(fixture, report_write_csv(report, collect, text, &fixture->err));
    strbuf_addf(text, "\n%zu rows in all", report_rows_all(report));
}

/* The site as if hidden issues had never been: the oracle. */
static struct columns *columns_of_visible(struct fixture *fixture)
{
    struct columns *columns = columns_new(ROWS);
    char name[16];

    assert_non_null(columns);
    for (int64_t person = 1; person <= PEOPLE; person++)
        OK(fixture, columns_person(columns, person, account(name, person), &fixture->err));
    for (int tag = 0; tag < TAGS; tag++)
        OK(fixture, columns_tag(columns, tag + 1, tag_names[tag], &fixture->err));
    for (int i = 0; i < ROWS; i++) {
        const struct columns_row *row = &fixture->rows[i];

        if (!may_see(fixture->salt, row->issue))
            continue;
        OK(fixture, columns_add(columns, row, &fixture->err));
        for (int tag = 0; tag < TAGS; tag++)
            if (fixture->tag_bits[i] & 1u << tag)
                OK(fixture, columns_tag_worklog(columns, row->id, tag + 1, &fixture->err));
    }
    OK(fixture, columns_seal(columns, &fixture->err));
    return columns;
}

static bool chance(uint64_t *dice, unsigned of)
{
    *dice = mix(*dice + 1);
    return *dice % of == 0;
}

static void random_request(struct fixture *fixture, uint64_t seed, struct report_request *ret)
{
    uint64_t dice = mix(seed);
    char name[16];

    for (int group = 0; group < REPORT_PROJECT; group++)
        if (ret->group_count < 3 && chance(&dice, 3))
            ret->groups[ret->group_count++] = (enum report_group)group;
    if (chance(&dice, 2)) {
        ret->has_from = true;
        ret->from_day = (int32_t)(20370 + dice % 60);
    }
    if (chance(&dice, 2)) {
        ret->has_to = true;
        ret->to_day = (int32_t)(20430 + dice % 40);
    }
    ret->zone = chance(&dice, 2) ? STR("Asia/Kolkata") : STR("");
    for (int i = 0; i < 3 && chance(&dice, 2); i++)
        OK(fixture, report_add_account("account", account(name, 1 + (int64_t)(dice % PEOPLE)), ret,
                                       &fixture->err));
    if (chance(&dice, 4))
        OK(fixture, report_add_tag("tag", tag_names[dice % TAGS], ret, &fixture->err));
    for (int i = 0; i < 9 && chance(&dice, 2); i++)
        OK(fixture,
           report_add_issue("issue", i % 2 ? STR("10003") : STR("10008"), ret, &fixture->err));
    ret->order = (enum report_order)(dice % 3);
    ret->descending = chance(&dice, 2);
    if (chance(&dice, 2))
        ret->top = 1 + dice % 20;
    if (chance(&dice, 2))
        ret->limit = 1 + dice % 10;
    if (chance(&dice, 3))
        ret->offset = dice % 5;
}

/* Issues of matching rows that the viewer may not see, counted by a report over everything. */
static size_t count_hidden(struct fixture *fixture, const struct report_request *request)
{
    struct report_request by_issue = *request;
    struct report *report = NULL;
    size_t count = 0, hidden = 0, none = 0;

    by_issue.group_count = 1;
    by_issue.groups[0] = REPORT_ISSUE;
    by_issue.top = by_issue.limit = by_issue.offset = 0;
    OK(fixture, site_columns_report(fixture->site, fixture->world.tenant, &by_issue, NULL, &report,
                                    &none, &fixture->err));
    assert_int_equal(none, 0);

    const struct report_row *rows = report_rows(report, &count);

    for (size_t i = 0; i < count; i++) {
        char buf[REPORT_CELL_BYTES];
        int64_t issue = 0;

        assert_true(parse_i64(report_cell(report, &rows[i], 0, buf), 1, INT64_MAX, &issue));
        hidden += !may_see(fixture->salt, issue);
    }
    report_free(report);
    return hidden;
}

static void a_viewers_report_is_that_of_a_site_without_what_is_hidden(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf seen = STRBUF_INIT(1 << 20), expected = STRBUF_INIT(1 << 20);
    size_t some_hidden = 0;

    fill(fixture);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct report_request request = {0};
        struct report *report = NULL, *oracle = NULL;
        size_t hidden = 0;
        char name[24];

        fixture->salt = seed / 10;
        (void)snprintf(name, sizeof(name), "viewer-%d", (int)fixture->salt);

        struct viewer viewer = viewer_of(fixture, name);
        struct columns *columns = columns_of_visible(fixture);

        random_request(fixture, seed, &request);
        OK(fixture, site_columns_report(fixture->site, fixture->world.tenant, &request, &viewer,
                                        &report, &hidden, &fixture->err));
        OK(fixture, report_run(columns, &request, &oracle, &fixture->err));
        write_both(fixture, report, &seen);
        write_both(fixture, oracle, &expected);
        if (strcmp(strbuf_z(&seen), strbuf_z(&expected)) != 0)
            fail_msg("seed %d: a hidden issue shows", (int)seed);
        assert_int_equal(hidden, count_hidden(fixture, &request));
        assert_int_equal(report_hidden(report), hidden);
        some_hidden += hidden > 0;
        report_free(report);
        report_free(oracle);
        report_request_done(&request);
        columns_free(columns);
    }
    assert_true(some_hidden > 50);
    strbuf_done(&seen);
    strbuf_done(&expected);
}

static void rows_are_those_of_a_site_without_what_is_hidden(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct report_request request = {0};
        struct site_rows rows = {0};
        struct query_list oracle = {0};
        char name[24];

        fixture->salt = seed;
        (void)snprintf(name, sizeof(name), "viewer-%d", (int)seed);

        struct viewer viewer = viewer_of(fixture, name);
        struct columns *columns = columns_of_visible(fixture);

        random_request(fixture, seed, &request);
        OK(fixture, site_columns_rows(fixture->site, fixture->world.tenant, &request, &viewer,
                                      &rows, &fixture->err));
        OK(fixture, query_rows(columns, &request, &oracle, &fixture->err));
        assert_int_equal(rows.list.count, oracle.count);
        if (oracle.count > 0)
            assert_memory_equal(rows.list.ids, oracle.ids, oracle.count * sizeof(*oracle.ids));
        for (size_t i = 0; i < rows.issues.count; i++)
            assert_true(may_see(seed, rows.issues.list[i]));
        assert_false(rows.all_visible);
        free(oracle.ids);
        site_rows_done(&rows);
        report_request_done(&request);
        columns_free(columns);
    }
}

/* ---- Asking ---- */

static enum err_class totals(struct fixture *fixture, const struct report_request *request,
                             const struct viewer *viewer, int64_t *ret_count, size_t *ret_hidden)
{
    struct report *report = NULL;
    enum err_class rc = site_columns_report(fixture->site, fixture->world.tenant, request, viewer,
                                            &report, ret_hidden, &fixture->err);

    if (rc == ERR_OK)
        *ret_count = report_count(report);
    report_free(report);
    return rc;
}

static void jira_is_asked_about_issues_of_the_period_only_and_once_a_minute(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one"), other = viewer_of(fixture, "two");
    struct report_request all = {0}, one = {0};
    int64_t count = 0;
    size_t hidden = 0;

    fill(fixture);
    OK(fixture, report_add_issue("issue", STR("10005"), &one, &fixture->err));
    OK(fixture, totals(fixture, &one, &viewer, &count, &hidden));
    assert_int_equal(fixture->asked_issues, 1);
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_int_equal(fixture->asked_issues, ISSUES); /* the one is known */
    assert_int_equal(fixture->asks, 2);
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_int_equal(fixture->asks, 2);
    OK(fixture, totals(fixture, &one, &other, &count, &hidden)); /* nobody's right is another's */
    assert_int_equal(fixture->asks, 3);
    fake_ctx_advance(&fixture->world.fake, VISIBLE_MS - 1);
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_int_equal(fixture->asks, 3);
    fake_ctx_advance(&fixture->world.fake, 1);
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_int_equal(fixture->asks, 4);
    assert_int_equal(fixture->asked_issues, 1 + ISSUES - 1 + 1 + ISSUES);
    report_request_done(&one);
}

static void a_right_that_is_lost_shows_within_the_minute(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one");
    struct report_request all = {0};
    int64_t before = 0, after = 0;
    size_t hidden_before = 0, hidden_after = 0;

    fill(fixture);
    fixture->salt = 1;
    OK(fixture, totals(fixture, &all, &viewer, &before, &hidden_before));
    fixture->salt = 2;
    fake_ctx_advance(&fixture->world.fake, VISIBLE_MS);
    OK(fixture, totals(fixture, &all, &viewer, &after, &hidden_after));
    assert_int_equal(hidden_after, count_hidden(fixture, &all));
    assert_true(before != after);
}

static void without_jiras_word_nothing_is_shown(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one");
    struct report_request all = {0};
    int64_t count = -7;
    size_t hidden = 77;

    fill(fixture);
    fixture->refuse = ERR_NETWORK;
    assert_int_equal(totals(fixture, &all, &viewer, &count, &hidden), ERR_NETWORK);
    assert_non_null(strstr(fixture->err.msg, "must be asked of Jira"));
    assert_int_equal(count, -7);
    assert_int_equal(hidden, 77);
    /* And nothing of the failure is remembered. */
    fixture->refuse = ERR_OK;
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_true(count > 0);
}

static void bring_new_issue(struct fixture *fixture)
{
    struct db *db = fixture->world.tenant->db;
    int64_t id = 5000 + fixture->asks;

    OK(fixture, db_begin(db, DB_WRITE, &fixture->err));
    put(fixture, id, 20000 + id, 1, INT64_C(1760000000000), 3600);
    OK(fixture, db_commit(db, &fixture->err));
    if (fixture->asks == 2)
        fixture->on_ask = NULL;
}

static void an_issue_that_comes_while_jira_is_asked_is_asked_about_too(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one");
    struct report_request all = {0};
    int64_t count = 0;
    size_t hidden = 0;

    fill(fixture);
    fixture->on_ask = bring_new_issue;
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_int_equal(fixture->asks, 3);
    assert_int_equal(fixture->asked_issues, ISSUES + 2);
    assert_int_equal(hidden, count_hidden(fixture, &all));
}

static void bring_always(struct fixture *fixture)
{
    fixture->asks += 10; /* never the second */
    bring_new_issue(fixture);
}

static void a_store_that_never_rests_is_told_as_busy(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one");
    struct report_request all = {0};
    int64_t count = 0;
    size_t hidden = 0;

    fill(fixture);
    fixture->on_ask = bring_always;
    assert_int_equal(totals(fixture, &all, &viewer, &count, &hidden), ERR_BUSY);
}

static void a_built_copy_has_new_codes_and_old_answers_do_not_fit_them(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one");
    struct report_request all = {0};
    int64_t count = 0, again = 0;
    size_t hidden = 0;

    fill(fixture);
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    site_columns_unload(fixture->site);
    OK(fixture, totals(fixture, &all, &viewer, &again, &hidden));
    assert_int_equal(fixture->asks, 2);
    assert_int_equal(again, count);
    assert_int_equal(site_columns_loads(fixture->site), 2);
}

static void own_worklogs_alone_are_shown_where_jira_cannot_be_asked(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = {.account = STR("account-2"), .own_only = true};
    struct report_request all = {0}, others = {0};
    int64_t count = 0, own = 0;
    size_t hidden = 0;
    bool worked[ISSUES] = {false};
    size_t expected = 0;

    fill(fixture);
    for (int i = 0; i < ROWS; i++)
        if (fixture->rows[i].person == 2) {
            worked[fixture->rows[i].issue - 10000] = true;
            own++;
        }
    for (int i = 0; i < ISSUES; i++)
        expected += !worked[i];
    OK(fixture, totals(fixture, &all, &viewer, &count, &hidden));
    assert_int_equal(count, own);
    assert_int_equal(hidden, expected);
    OK(fixture, report_add_account("account", STR("account-3"), &others, &fixture->err));
    OK(fixture, totals(fixture, &others, &viewer, &count, &hidden));
    assert_int_equal(count, 0);
    report_request_done(&others);
}

static void a_search_narrows_and_tells_nothing_of_what_is_hidden(void **state)
{
    struct fixture *fixture = *state;
    struct viewer viewer = viewer_of(fixture, "one");
    int64_t found[] = {10001, 10002, 10003, 10004, 10005, 10006, 99999};
    struct report_request request = {
        .has_only = true, .only = found, .only_count = ARRAY_LEN(found)};
    int64_t count = 0, expected = 0;
    size_t hidden = 7;

    fill(fixture);
    for (int i = 0; i < ROWS; i++)
        expected += fixture->rows[i].issue >= 10001 && fixture->rows[i].issue <= 10006 &&
                    may_see(fixture->salt, fixture->rows[i].issue);
    OK(fixture, totals(fixture, &request, &viewer, &count, &hidden));
    assert_int_equal(count, expected);
    assert_int_equal(hidden, 0);
    request.only_count = 0; /* found nothing: shows nothing */
    OK(fixture, totals(fixture, &request, &viewer, &count, &hidden));
    assert_int_equal(count, 0);
    request.only_count = ARRAY_LEN(found);
    OK(fixture, report_add_issue("issue", STR("10002"), &request, &fixture->err));
    OK(fixture, report_add_issue("issue", STR("10030"), &request, &fixture->err));
    OK(fixture, totals(fixture, &request, NULL, &count, &hidden));
    expected = 0;
    for (int i = 0; i < ROWS; i++)
        expected += fixture->rows[i].issue == 10002;
    assert_int_equal(count, expected);
    report_request_done(&request);
}

/* ---- Threads ---- */

struct thread {
    pthread_t id;
    struct fixture *fixture;
    struct tenant *tenant; /* of its own */
    struct viewer viewer;
    unsigned turns;
    int64_t last; /* worklogs seen; never less than before */
    bool failed;
    pthread_barrier_t *barrier;
};

static enum err_class ask_quietly(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                                  struct err *err)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        if (jira_ids_add(ret, ids[i], err))
            return err->class;
    return ERR_OK;
}

static void *look(void *arg)
{
    struct thread *thread = arg;
    struct report_request request = {.group_count = 1, .groups = {REPORT_ACCOUNT}};

    (void)pthread_barrier_wait(thread->barrier);
    for (unsigned turn = 0; turn < thread->turns && !thread->failed; turn++) {
        struct report *report = NULL;
        struct err err = {0};
        size_t hidden = 0;
        enum err_class rc =
            site_columns_report(thread->fixture->site, thread->tenant, &request,
                                turn % 2 ? &thread->viewer : NULL, &report, &hidden, &err);

        if (rc == ERR_BUSY)
            continue; /* may be told under so many changes */
        thread->failed = rc != ERR_OK || report_count(report) < thread->last;
        thread->last = rc == ERR_OK ? report_count(report) : 0;
        report_free(report);
    }
    return NULL;
}

static void run_threads(struct fixture *fixture, unsigned turns, unsigned writes)
{
    struct thread threads[THREADS] = {0};
    pthread_barrier_t barrier;

    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.fixture = fixture, .turns = turns, .barrier = &barrier};
        threads[i].viewer =
            (struct viewer){.account = i % 2 ? STR("odd") : STR("even"), .ask = ask_quietly};
        OK(fixture, tenant_open(fixture->world.data, &fixture->world.info, &threads[i].tenant,
                                &fixture->err));
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i].id, NULL, look, &threads[i]), 0);
    for (unsigned i = 0; i < writes; i++) {
        OK(fixture, db_begin(fixture->world.tenant->db, DB_WRITE, &fixture->err));
        put(fixture, 10000 + i, 30000 + i % 9, 1 + i % PEOPLE, INT64_C(1760000000000) + i, 60);
        OK(fixture, db_commit(fixture->world.tenant->db, &fixture->err));
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i].id, NULL), 0);
        assert_false(threads[i].failed);
        tenant_close(threads[i].tenant);
    }
    (void)pthread_barrier_destroy(&barrier);
}

static void the_first_load_runs_once_for_all_who_wait(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    run_threads(fixture, 2, 0);
    assert_int_equal(site_columns_loads(fixture->site), 1);
}

static void readers_go_on_while_the_store_changes(void **state)
{
    struct fixture *fixture = *state;
    struct report_request all = {0};
    int64_t count = 0;
    size_t hidden = 0;

    fill(fixture);
    run_threads(fixture, 20, 40);
    OK(fixture, totals(fixture, &all, NULL, &count, &hidden));
    assert_int_equal(count, ROWS + 40);
    assert_int_equal(site_columns_loads(fixture->site), 1);
}

/* ---- Small things ---- */

static void what_is_remembered_has_a_bound(void **state)
{
    struct visible *visible = visible_new();
    uint64_t known[2] = {UINT64_MAX, 1}, seen[2] = {5, 1}, got_known[2], got_seen[2];
    const struct visible_bits bits = {known, seen, 2};
    size_t bytes = 0;

    (void)state;
    assert_non_null(visible);
    for (int i = 0; i < 3 * VISIBLE_ACCOUNTS_MAX; i++) {
        char name[16];

        visible_learn(visible, account(name, i), 1, 1000 + i, &bits);
        if (i == VISIBLE_ACCOUNTS_MAX)
            bytes = visible_bytes(visible);
    }
    assert_int_equal(visible_bytes(visible), bytes);

    struct visible_bits got = {got_known, got_seen, 2};

    memset(got_known, 0, sizeof(got_known));
    memset(got_seen, 0, sizeof(got_seen));
    visible_recall(visible, STR("account-0"), 1, 1200, &got);
    assert_int_equal(got_known[0], 0); /* gave way */
    visible_recall(visible, STR("account-190"), 1, 1200, &got);
    assert_int_equal(got_seen[0], 5);
    memset(got_known, 0, sizeof(got_known));
    memset(got_seen, 0, sizeof(got_seen));
    visible_recall(visible, STR("account-191"), 2, 1200, &got); /* other codes */
    assert_int_equal(got_known[0], 0);
    visible_free(visible);
}

static void so_many_exports_and_no_more(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < SITE_EXPORTS_MAX; i++)
        assert_true(site_columns_begin_export(fixture->site));
    assert_false(site_columns_begin_export(fixture->site));
    site_columns_end_export(fixture->site);
    assert_true(site_columns_begin_export(fixture->site));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_viewers_report_is_that_of_a_site_without_what_is_hidden),
        TEST(rows_are_those_of_a_site_without_what_is_hidden),
        TEST(jira_is_asked_about_issues_of_the_period_only_and_once_a_minute),
        TEST(a_right_that_is_lost_shows_within_the_minute),
        TEST(without_jiras_word_nothing_is_shown),
        TEST(an_issue_that_comes_while_jira_is_asked_is_asked_about_too),
        TEST(a_store_that_never_rests_is_told_as_busy),
        TEST(a_built_copy_has_new_codes_and_old_answers_do_not_fit_them),
        TEST(own_worklogs_alone_are_shown_where_jira_cannot_be_asked),
        TEST(a_search_narrows_and_tells_nothing_of_what_is_hidden),
        TEST(the_first_load_runs_once_for_all_who_wait),
        TEST(readers_go_on_while_the_store_changes),
        TEST(what_is_remembered_has_a_bound),
        TEST(so_many_exports_and_no_more),
    };

    test_vault_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
