/*
 * Tests of site_page.c and query_page.c: a list in pages has what a plain look at all rows has, in
 * the same order, whoever looks, whatever changes between two pages; and Jira is asked about little
 * more than what is on a page.
 */
#include "apps/timesheet/site_page.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/mirror.h"

#define HOUR_MS INT64_C(3600000)
#define START_MS INT64_C(1760000400000) /* 2025-10-09T09:00Z */
#define ISSUES 50
#define PEOPLE 5
#define ROWS 600
#define ME "account-1"

struct row {
    int64_t id, issue, person, started_ms;
    bool red;
};

struct fixture {
    struct store_world world;
    struct mirror mirror;
    struct site_columns *site;
    struct err err;
    struct row rows[ROWS];
    size_t count;
    unsigned dice;
    /* The viewer's Jira. */
    int64_t seen_from; /* the first issue that may be seen */
    unsigned asks;
    size_t asked_most; /* issues of one question */
    bool forgets;      /* what it says is of no use by the time it has said it */
    struct site_page page;
};

#define OK(fixture, call)                                                                          \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, (fixture)->err.msg);                                         \
    } while (0)

static unsigned roll(struct fixture *fixture, unsigned of)
{
    fixture->dice = fixture->dice * 1103515245u + 12345u;
    return (fixture->dice >> 8) % of;
}

static void store(struct fixture *fixture, const struct row *row)
{
    char name[16];
    const struct jira_worklog worklog = {
        .id = row->id,
        .issue_id = row->issue,
        .account = {name, (size_t)snprintf(name, sizeof(name), "account-%d", (int)row->person)},
        .updated_ms = START_MS + (int64_t)fixture->count++, /* each newer than the last */
        .started_ms = row->started_ms,
        .seconds = 3600};
    enum mirror_put done;

    OK(fixture, mirror_put(&fixture->mirror, &worklog, &done, &fixture->err));
}

/* Few starts for many rows: most share theirs with others. Ids rise in no order of the starts. */
static void fill(struct fixture *fixture)
{
    struct db *db = fixture->world.tenant->db;

    OK(fixture, db_begin(db, DB_BULK, &fixture->err));
    for (int i = 0; i < ROWS; i++) {
        struct row *row = &fixture->rows[i];

        *row = (struct row){.id = 1 + (i * 7919) % 10007,
                            .issue = 10000 + roll(fixture, ISSUES),
                            .person = 1 + roll(fixture, PEOPLE),
                            .started_ms = START_MS + (int64_t)roll(fixture, 90) * HOUR_MS,
                            .red = roll(fixture, 5) == 0};
        store(fixture, row);
    }
    OK(fixture, db_commit(db, &fixture->err));
    for (int i = 0; i < ROWS; i++)
        if (fixture->rows[i].red)
            OK(fixture, tag_add(&fixture->mirror, fixture->rows[i].id, STR("red"), &fixture->err));
}

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    store_world_begin(&fixture->world, &tenon_catalog, 7);
    OK(fixture, mirror_init(&fixture->mirror, fixture->world.tenant, &fixture->err));
    fixture->site = site_columns_new(&fixture->world.fake.ctx);
    assert_non_null(fixture->site);
    fixture->dice = 25;
    fill(fixture);
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

/* ---- Looking ---- */

static enum err_class ask(void *arg, const int64_t *ids, size_t count, struct jira_ids *ret,
                          struct err *err)
{
    struct fixture *fixture = arg;

    fixture->asks++;
    if (count > fixture->asked_most)
        fixture->asked_most = count;
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= fixture->seen_from && jira_ids_add(ret, ids[i], err))
            return err->class;
    if (fixture->forgets)
        site_columns_unload(fixture->site);
    return ERR_OK;
}

static struct viewer me(struct fixture *fixture)
{
    return (struct viewer){.account = STR(ME), .ask = ask, .arg = fixture};
}

static void page_of(struct fixture *fixture, const struct report_request *request,
                    const struct viewer *viewer, struct query_place after, size_t limit)
{
    OK(fixture, site_columns_page(fixture->site, fixture->world.tenant, request, viewer, after,
                                  limit, &fixture->page, &fixture->err));
}

/* All pages, one behind the other. */
static size_t all_pages(struct fixture *fixture, const struct report_request *request,
                        const struct viewer *viewer, size_t limit, int64_t ids[ROWS])
{
    struct query_place after = QUERY_FIRST_PLACE;
    size_t count = 0;

    for (int turn = 0; turn < 2 * ROWS; turn++) {
        page_of(fixture, request, viewer, after, limit);
        assert_in_range(fixture->page.count, 0, limit);
        for (size_t i = 0; i < fixture->page.count; i++) {
            assert_true(count < ROWS);
            ids[count++] = fixture->page.rows[i].id;
        }
        if (!fixture->page.more)
            return count;
        after = fixture->page.next;
    }
    fail_msg("the pages never end");
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->started_ms != y->started_ms)
        return x->started_ms < y->started_ms ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The naive list: all rows, sorted, those that `fits` lets through. */
static size_t naive(struct fixture *fixture, bool (*fits)(const struct row *row), int64_t ids[ROWS])
{
    size_t count = 0;

    qsort(fixture->rows, ROWS, sizeof(fixture->rows[0]), by_place);
    for (int i = 0; i < ROWS; i++)
        if (fits(&fixture->rows[i]))
            ids[count++] = fixture->rows[i].id;
    return count;
}

static void pages_are(struct fixture *fixture, const struct report_request *request,
                      const struct viewer *viewer, bool (*fits)(const struct row *row))
{
    static const size_t limits[] = {1, 7, 50, 1000};
    int64_t wanted[ROWS], got[ROWS];
    size_t count = naive(fixture, fits, wanted);

    assert_true(count > 0);
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        assert_int_equal(all_pages(fixture, request, viewer, limits[i], got), count);
        assert_memory_equal(got, wanted, count * sizeof(*got));
    }
}

/* ---- */

static bool any(const struct row *row)
{
    return row != NULL;
}

static bool red_of_two_people_and_three_issues(const struct row *row)
{
    return row->red && (row->person == 2 || row->person == 3) && row->issue >= 10010 &&
           row->issue <= 10030;
}

static bool of_two_days(const struct row *row)
{
    return row->started_ms >= START_MS + 15 * HOUR_MS && row->started_ms < START_MS + 63 * HOUR_MS;
}

static bool own_or_visible(const struct row *row)
{
    return row->person == 1 || row->issue >= 10030;
}

static bool own(const struct row *row)
{
    return row->person == 1;
}

static bool searched_and_visible(const struct row *row)
{
    return (row->issue == 10029 || row->issue == 10031) && row->issue >= 10030;
}

static void the_pages_are_the_whole_list_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};

    pages_are(fixture, &request, NULL, any);
}

/* Rows that are worked into the copy come behind those of the same start, whatever their ids. */
static void those_of_one_moment_come_by_their_ids_in_whatever_order_they_were_stored(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct db *db = fixture->world.tenant->db;

    page_of(fixture, &request, NULL, QUERY_FIRST_PLACE, 1);
    for (int turn = 0; turn < 4; turn++) {
        OK(fixture, db_begin(db, DB_WRITE, &fixture->err));
        for (int i = 0; i < 40; i++) {
            struct row *row = &fixture->rows[roll(fixture, ROWS)];

            row->started_ms = START_MS + (int64_t)roll(fixture, 5) * HOUR_MS;
            store(fixture, row);
        }
        OK(fixture, db_commit(db, &fixture->err));
        page_of(fixture, &request, NULL, QUERY_FIRST_PLACE, 1);
    }
    pages_are(fixture, &request, NULL, any);
    assert_int_equal(site_columns_loads(fixture->site), 1); /* followed, not read anew */
}

static void a_period_is_of_local_days(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {
        .has_from = true, .has_to = true, .from_day = 20371, .to_day = 20372, .zone = STR("UTC")};

    pages_are(fixture, &request, NULL, of_two_days);
}

static void several_accounts_issues_and_tags_are_one_question(void **state)
{
    struct fixture *fixture = *state;
    AUTO(report_request_done) struct report_request request = {.group_count = 0};
    char issue[8];

    OK(fixture, report_add_account("account", STR("account-2"), &request, &fixture->err));
    OK(fixture, report_add_account("account", STR("account-3"), &request, &fixture->err));
    OK(fixture, report_add_tag("tag", STR("red"), &request, &fixture->err));
    OK(fixture, report_add_tag("tag", STR("nobody has it"), &request, &fixture->err));
    for (int i = 10010; i <= 10030; i++) {
        (void)snprintf(issue, sizeof(issue), "%d", i);
        OK(fixture, report_add_issue("issue", str_from(issue), &request, &fixture->err));
    }
    pages_are(fixture, &request, NULL, red_of_two_people_and_three_issues);
}

static void ev28_others_are_shown_where_jira_lets_one_browse_and_own_ones_always(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct viewer viewer = me(fixture);

    fixture->seen_from = 10030;
    pages_are(fixture, &request, &viewer, own_or_visible);
    page_of(fixture, &request, &viewer, QUERY_FIRST_PLACE, SITE_PAGE_MAX);
    assert_int_equal(fixture->page.hidden, 30);
}

/* A naive count: the rows are sorted; behind the one, up to the other. */
static size_t hidden_between(const struct fixture *fixture, int64_t after_id, int64_t last_id)
{
    bool hidden[ISSUES] = {false}, within = after_id == 0;
    size_t count = 0;

    for (int i = 0; i < ROWS; i++) {
        const struct row *row = &fixture->rows[i];

        if (within && !own_or_visible(row))
            hidden[row->issue - 10000] = true;
        if (row->id == last_id)
            break;
        within = within || row->id == after_id;
    }
    for (int i = 0; i < ISSUES; i++)
        count += hidden[i];
    return count;
}

static void a_page_tells_how_many_issues_were_hidden_on_its_way(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct viewer viewer = me(fixture);
    struct query_place after = QUERY_FIRST_PLACE;

    fixture->seen_from = 10030;
    qsort(fixture->rows, ROWS, sizeof(fixture->rows[0]), by_place);
    for (size_t limit = 1; limit < 20; limit++) {
        page_of(fixture, &request, &viewer, after, limit);
        assert_int_equal(fixture->page.count, limit);
        assert_int_equal(fixture->page.hidden,
                         hidden_between(fixture, after.id, fixture->page.next.id));
        after = fixture->page.next;
    }
}

static void one_s_own_list_asks_jira_nothing(void **state)
{
    struct fixture *fixture = *state;
    AUTO(report_request_done) struct report_request request = {.group_count = 0};
    struct viewer viewer = me(fixture);

    fixture->seen_from = INT64_MAX; /* nothing */
    OK(fixture, report_add_account("account", STR(ME), &request, &fixture->err));
    pages_are(fixture, &request, &viewer, own);
    assert_int_equal(fixture->asks, 0);
    assert_int_equal(fixture->page.hidden, 0);
}

static void where_jira_cannot_be_asked_there_is_one_s_own(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct viewer viewer = {.account = STR(ME), .own_only = true};

    pages_are(fixture, &request, &viewer, own);
    page_of(fixture, &request, &viewer, QUERY_FIRST_PLACE, SITE_PAGE_MAX);
    assert_int_equal(fixture->page.hidden, ISSUES); /* each has work of others */
}

/* A search may have been made with more rights than the viewer's. */
static void a_search_tells_nothing_of_hidden_issues(void **state)
{
    struct fixture *fixture = *state;
    const int64_t found[] = {10029, 10031};
    struct report_request request = {.has_only = true, .only = found, .only_count = 2};
    struct viewer viewer = me(fixture);

    fixture->seen_from = 10030;
    pages_are(fixture, &request, &viewer, searched_and_visible);
    assert_int_equal(fixture->page.hidden, 0);
}

static void a_page_asks_about_its_own_issues(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct viewer viewer = me(fixture);

    page_of(fixture, &request, &viewer, QUERY_FIRST_PLACE, 5);
    assert_int_equal(fixture->page.count, 5);
    assert_int_equal(fixture->asks, 1);
    assert_in_range(fixture->asked_most, 1, 5);
    page_of(fixture, &request, &viewer, QUERY_FIRST_PLACE, 5);
    assert_int_equal(fixture->asks, 1); /* remembered for a minute */
    fixture->asked_most = 0;
    fixture->seen_from = INT64_MAX;
    fake_ctx_advance(&fixture->world.fake, 60000);
    page_of(fixture, &request, &viewer, QUERY_FIRST_PLACE, 5);
    assert_in_range(fixture->asked_most, 6, ISSUES);
    assert_in_range(fixture->asks, 2, 4); /* all is hidden: further ahead, in few questions */
}

/* It ends before the first worklog of which nothing is known, and the next page goes on there. */
static void what_cannot_be_found_out_ends_a_page_and_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct viewer viewer = me(fixture);
    int64_t wanted[ROWS], got[ROWS];
    size_t count = naive(fixture, own_or_visible, wanted), from = 0;

    fixture->seen_from = 10030;
    fixture->forgets = true;
    page_of(fixture, &request, &viewer, QUERY_FIRST_PLACE, 50);
    from = fixture->page.count;
    assert_in_range(from, 0, 49);
    assert_true(fixture->page.more);
    assert_int_equal(fixture->asks, 3);
    for (size_t i = 0; i < from; i++)
        got[i] = fixture->page.rows[i].id;
    fixture->forgets = false;
    page_of(fixture, &request, &viewer, fixture->page.next, SITE_PAGE_MAX);
    assert_int_equal(from + fixture->page.count, count);
    for (size_t i = 0; i < fixture->page.count; i++)
        got[from + i] = fixture->page.rows[i].id;
    assert_memory_equal(got, wanted, count * sizeof(*got));
    assert_false(fixture->page.more);
}

/* Whatever is added, deleted and moved behind a reader: what stays comes once. */
static void ev25_what_stays_comes_once_whatever_changes_between_two_pages(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};
    struct query_place after = QUERY_FIRST_PLACE;
    struct db *db = fixture->world.tenant->db;
    unsigned seen[ROWS] = {0};
    bool touched[ROWS] = {false};
    int64_t next_id = 20000;

    do {
        page_of(fixture, &request, NULL, after, 10);
        for (size_t i = 0; i < fixture->page.count; i++)
            for (int at = 0; at < ROWS; at++)
                seen[at] += fixture->rows[at].id == fixture->page.rows[i].id;
        after = fixture->page.next;
        OK(fixture, db_begin(db, DB_WRITE, &fixture->err));
        for (int turn = 0; turn < 3; turn++) {
            unsigned moved = roll(fixture, ROWS), gone = roll(fixture, ROWS);
            struct row row = fixture->rows[moved];
            bool was = false;

            touched[moved] = touched[gone] = true;
            row.started_ms = START_MS + (int64_t)roll(fixture, 90) * HOUR_MS;
            store(fixture, &row);
            OK(fixture, mirror_delete(&fixture->mirror, fixture->rows[gone].id,
                                      START_MS + 100 * HOUR_MS, &was, &fixture->err));
            row.id = next_id++;
            store(fixture, &row);
        }
        OK(fixture, db_commit(db, &fixture->err));
    } while (fixture->page.more);
    for (int at = 0; at < ROWS; at++)
        if (!touched[at] && seen[at] != 1)
            fail_msg("worklog %d came %u times", (int)fixture->rows[at].id, seen[at]);
}

/* The next page is told to be there only when it is, or may be. */
static void the_last_page_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct report_request request = {.group_count = 0};

    page_of(fixture, &request, NULL, QUERY_FIRST_PLACE, ROWS - 1);
    assert_true(fixture->page.more);
    page_of(fixture, &request, NULL, fixture->page.next, 1);
    assert_int_equal(fixture->page.count, 1);
    assert_false(fixture->page.more);
    page_of(fixture, &request, NULL, QUERY_FIRST_PLACE, ROWS);
    assert_int_equal(fixture->page.count, ROWS);
    assert_false(fixture->page.more);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_pages_are_the_whole_list_in_order),
        TEST(those_of_one_moment_come_by_their_ids_in_whatever_order_they_were_stored),
        TEST(a_period_is_of_local_days),
        TEST(several_accounts_issues_and_tags_are_one_question),
        TEST(ev28_others_are_shown_where_jira_lets_one_browse_and_own_ones_always),
        TEST(a_page_tells_how_many_issues_were_hidden_on_its_way),
        TEST(one_s_own_list_asks_jira_nothing),
        TEST(where_jira_cannot_be_asked_there_is_one_s_own),
        TEST(a_search_tells_nothing_of_hidden_issues),
        TEST(a_page_asks_about_its_own_issues),
        TEST(what_cannot_be_found_out_ends_a_page_and_loses_nothing),
        TEST(ev25_what_stays_comes_once_whatever_changes_between_two_pages),
        TEST(the_last_page_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
