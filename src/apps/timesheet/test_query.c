/*
 * Tests of the report engine (buckets.c, query.c, report_page.c): single cases, then every kind of
 * question at random, over random worklogs and changes of them, against SQL over the same rows.
 *
 * The model in SQL is independent of ours: each row's local day, week and month come from ICU's
 * calendar, set to that row's start; sums, order and pages are SQLite's. TENON_SEED=n runs it with
 * another seed; the seed is printed with a failure. TENON_BENCH=1 prints how long a million rows
 * take.
 */
#include "apps/timesheet/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <unicode/ucal.h>

#include "base/civil.h"

static struct err err; /* of the call before; each test runs alone */

/* The call must succeed; prints its error when it does not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, err.msg);                                                    \
    } while (0)

static int32_t day_of(const char *text)
{
    struct civil_date date = {0};

    assert_true(civil_parse_date(str_from(text), &date));
    return civil_days(date);
}

static int64_t stamp(const char *text)
{
    int64_t ms = 0;

    assert_true(civil_parse_stamp(str_from(text), &ms));
    return ms;
}

static void add_row(struct columns *columns, int64_t id, const char *started, int64_t issue,
                    int64_t person, int64_t seconds)
{
    struct columns_row row = {.id = id,
                              .started_ms = stamp(started),
                              .issue = issue,
                              .person = person,
                              .seconds = seconds};

    OK(columns_add(columns, &row, &err));
}

/* "value,value seconds/count; …" of the page, then "= seconds/count" of all. */
static void assert_answer(struct columns *columns, const char *groups,
                          struct report_request *request, const char *expected)
{
    struct strbuf text = STRBUF_INIT(100000);
    struct report *report = NULL;
    const struct report_row *rows = NULL;
    char buf[REPORT_CELL_BYTES];
    size_t count = 0;

    OK(report_parse_groups("groups", str_from(groups), request, &err));
    OK(report_run(columns, request, &report, &err));
    rows = report_rows(report, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t g = 0; g < request->group_count; g++) {
            struct str cell = report_cell(report, &rows[i], g, buf);

            strbuf_add_z(&text, g > 0 ? "," : "");
            strbuf_add_str(&text, cell.ptr ? cell : STR("-"));
        }
        strbuf_addf(&text, " %lld/%u; ", (long long)rows[i].seconds, rows[i].count);
    }
    strbuf_addf(&text, "= %lld/%lld", (long long)report_seconds(report),
                (long long)report_count(report));
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
    report_free(report);
}

/* Six worklogs of two people over New Year 2025/26. */
static struct columns *new_year(void)
{
    struct columns *columns = columns_new(0);

    OK(columns_person(columns, 1, STR("zoe"), &err));
    OK(columns_person(columns, 2, STR("adam"), &err));
    OK(columns_tag(columns, 1, STR("travel"), &err));
    OK(columns_tag(columns, 2, STR("billable"), &err));
    OK(columns_tag(columns, 3, STR("unused"), &err));
    add_row(columns, 1, "2025-12-29T10:00:00Z", 200, 1, 10); /* a Monday, of week 1 of 2026 */
    add_row(columns, 2, "2025-12-31T23:30:00Z", 200, 2, 20); /* 2026 in Berlin */
    add_row(columns, 3, "2026-01-01T10:00:00Z", 1000, 1, 30);
    add_row(columns, 4, "2026-01-01T10:00:00Z", 30, 2, 40);
    add_row(columns, 5, "2026-04-01T10:00:00Z", 200, 1, 50);
    add_row(columns, 6, "2026-04-02T10:00:00Z", 30, 0, 60); /* of nobody */
    OK(columns_tag_worklog(columns, 1, 1, &err));
    OK(columns_tag_worklog(columns, 1, 2, &err));
    OK(columns_tag_worklog(columns, 4, 2, &err));
    OK(columns_seal(columns, &err));
    return columns;
}

static void time_is_grouped_by_local_days(void **state)
{
    struct columns *columns = new_year();
    struct report_request utc = {0}, berlin = {.zone = STR("Europe/Berlin")};

    (void)state;
    assert_answer(columns, "year", &utc, "2025 30/2; 2026 180/4; = 210/6");
    assert_answer(columns, "year", &berlin, "2025 10/1; 2026 200/5; = 210/6");
    assert_answer(columns, "day", &berlin,
                  "2025-12-29 10/1; 2026-01-01 90/3; 2026-04-01 50/1; 2026-04-02 60/1; = 210/6");
    assert_answer(columns, "week", &utc, "2026-W01 100/4; 2026-W14 110/2; = 210/6");
    assert_answer(columns, "week,month", &utc,
                  "2026-W01,2025-12 30/2; 2026-W01,2026-01 70/2; 2026-W14,2026-04 110/2; = 210/6");
    assert_answer(columns, "quarter", &utc, "2025-Q4 30/2; 2026-Q1 70/2; 2026-Q2 110/2; = 210/6");
    assert_answer(columns, "month,quarter,year,week", &berlin,
                  "2025-12,2025-Q4,2025,2026-W01 10/1; 2026-01,2026-Q1,2026,2026-W01 90/3; "
                  "2026-04,2026-Q2,2026,2026-W14 110/2; = 210/6");
    columns_free(columns);
}

static void groups_order_by_their_own_values(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {0};

    (void)state;
    assert_answer(columns, "account", &request, "- 60/1; adam 60/2; zoe 90/3; = 210/6");
    assert_answer(columns, "issue", &request, "30 100/2; 200 80/3; 1000 30/1; = 210/6");
    assert_answer(columns, "account,month", &request,
                  "-,2026-04 60/1; adam,2025-12 20/1; adam,2026-01 40/1; zoe,2025-12 10/1; "
                  "zoe,2026-01 30/1; zoe,2026-04 50/1; = 210/6");
    assert_answer(columns, "month,account", &request,
                  "2025-12,adam 20/1; 2025-12,zoe 10/1; 2026-01,adam 40/1; 2026-01,zoe 30/1; "
                  "2026-04,- 60/1; 2026-04,zoe 50/1; = 210/6");
    request.descending = true;
    assert_answer(columns, "issue", &request, "1000 30/1; 200 80/3; 30 100/2; = 210/6");
    columns_free(columns);
}

static void sums_order_with_ties_in_group_order(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {.order = REPORT_BY_SECONDS, .descending = true};

    (void)state;
    assert_answer(columns, "account", &request, "zoe 90/3; - 60/1; adam 60/2; = 210/6");
    request.descending = false;
    assert_answer(columns, "account", &request, "- 60/1; adam 60/2; zoe 90/3; = 210/6");
    request.order = REPORT_BY_COUNT;
    request.descending = true;
    assert_answer(columns, "day", &request,
                  "2026-01-01 70/2; 2025-12-29 10/1; 2025-12-31 20/1; 2026-04-01 50/1; "
                  "2026-04-02 60/1; = 210/6");
    columns_free(columns);
}

static void top_and_page_cut_rows_and_not_totals(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {.order = REPORT_BY_SECONDS, .descending = true, .top = 2};
    struct report *report = NULL;

    (void)state;
    assert_answer(columns, "issue", &request, "30 100/2; 200 80/3; = 210/6");
    request.offset = 1;
    assert_answer(columns, "issue", &request, "200 80/3; = 210/6");
    request.offset = 0;
    request.limit = 1;
    assert_answer(columns, "issue", &request, "30 100/2; = 210/6");
    request.offset = 2; /* behind the top */
    assert_answer(columns, "issue", &request, "= 210/6");
    request = (struct report_request){.offset = 2, .limit = 5};
    assert_answer(columns, "issue", &request, "1000 30/1; = 210/6");
    request.offset = 7;
    assert_answer(columns, "issue", &request, "= 210/6");
    OK(report_run(columns, &request, &report, &err));
    assert_int_equal(report_rows_all(report), 3);
    report_free(report);
    columns_free(columns);
}

static void a_worklog_counts_in_each_of_its_tags_and_once_in_all(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {0};

    (void)state;
    assert_answer(columns, "tag", &request, "- 160/4; billable 50/2; travel 10/1; = 210/6");
    request.descending = true;
    assert_answer(columns, "tag", &request, "travel 10/1; billable 50/2; - 160/4; = 210/6");
    columns_free(columns);
}

static void projects_are_those_that_were_brought_along(void **state)
{
    static const int64_t issues[] = {30, 200, 4711};
    static const uint32_t projects[] = {2, 1, 1};
    static const struct str keys[] = {{"ABC", 3}, {"XYZ", 3}};
    const struct report_projects known = {issues, projects, 3, keys, 2};
    struct columns *columns = new_year();
    struct report_request request = {.projects = &known};
    struct report *report = NULL;

    (void)state;
    assert_answer(columns, "project", &request, "- 30/1; ABC 80/3; XYZ 100/2; = 210/6");
    assert_answer(columns, "project,year", &request,
                  "-,2026 30/1; ABC,2025 30/2; ABC,2026 50/1; XYZ,2026 100/2; = 210/6");
    request.descending = true;
    assert_answer(columns, "project,issue", &request,
                  "XYZ,30 100/2; ABC,200 80/3; -,1000 30/1; = 210/6");
    request.projects = NULL;
    assert_int_equal(report_run(columns, &request, &report, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "ask the server"));
    columns_free(columns);
}

static void what_is_billed_and_what_is_not_make_the_whole(void **state)
{
    static const struct str tags[] = {{"billable", 8}, {"never used", 10}};
    static const int64_t issues[] = {1000, 4711};
    struct report_billing rule = {.tags = tags, .tag_count = 2};
    struct columns *columns = new_year();
    struct report_request request = {.group_count = 1, .groups = {REPORT_ACCOUNT}};
    struct report *report = NULL;
    size_t count = 0;

    (void)state;
    OK(report_run(columns, &request, &report, &err));
    assert_false(report_has_billable(report));
    report_free(report);

    request.billing = &rule; /* nobody 60, adam 20 + 40 (billable), zoe 10 (billable) + 30 + 50 */
    OK(report_run(columns, &request, &report, &err));
    assert_true(report_has_billable(report));

    const struct report_row *rows = report_rows(report, &count);

    assert_int_equal(count, 3);
    assert_int_equal(report_billable(report, &rows[0]), 0);
    assert_int_equal(report_billable(report, &rows[1]), 40);
    assert_int_equal(report_billable(report, &rows[2]), 10);
    assert_int_equal(report_billable_all(report), 50);
    report_free(report);

    rule = (struct report_billing){
        .by_default = true, .tags = tags, .tag_count = 2, .issues = issues, .issue_count = 2};
    OK(report_run(columns, &request, &report, &err));
    rows = report_rows(report, &count);
    assert_int_equal(report_billable(report, &rows[0]), 60);
    assert_int_equal(report_billable(report, &rows[1]), 20);
    assert_int_equal(report_billable(report, &rows[2]), 50);
    assert_int_equal(report_billable_all(report), 130);
    report_free(report);
    columns_free(columns);
}

static void a_tag_filter_also_narrows_the_tags_shown(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {0};

    (void)state;
    OK(report_add_tag("tag", STR("travel"), &request, &err));
    assert_answer(columns, "tag", &request, "travel 10/1; = 10/1");
    assert_answer(columns, "account", &request, "zoe 10/1; = 10/1");
    OK(report_add_tag("tag", STR("billable"), &request, &err));
    assert_answer(columns, "tag", &request, "billable 50/2; travel 10/1; = 50/2");
    assert_answer(columns, "", &request, "= 50/2");
    report_request_done(&request);
    columns_free(columns);
}

static void filters_let_through_what_was_asked_for(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {0};
    struct report *report = NULL;

    (void)state;
    OK(report_add_account("account", STR("zoe"), &request, &err));
    assert_answer(columns, "issue", &request, "200 60/2; 1000 30/1; = 90/3");
    OK(report_add_issue("issue", STR("200"), &request, &err));
    OK(report_add_issue("issue", STR("30"), &request, &err));
    assert_answer(columns, "issue", &request, "200 60/2; = 60/2");
    OK(report_add_account("account", STR("eve"), &request, &err));
    OK(report_add_account("account", STR("adam"), &request, &err));
    OK(report_add_issue("issue", STR("31"), &request, &err));
    assert_answer(columns, "issue,account", &request,
                  "30,adam 40/1; 200,adam 20/1; 200,zoe 60/2; = 120/4");
    OK(report_run(columns, &request, &report, &err));
    assert_int_equal(report_unmatched(report), 2); /* eve, 31 */
    report_free(report);
    report_request_done(&request);

    request.has_from = request.has_to = true;
    request.from_day = request.to_day = day_of("2026-01-01");
    assert_answer(columns, "account", &request, "adam 40/1; zoe 30/1; = 70/2");
    request.zone = STR("Europe/Berlin");
    assert_answer(columns, "account", &request, "adam 60/2; zoe 30/1; = 90/3");
    request.has_to = false;
    assert_answer(columns, "month", &request, "2026-01 90/3; 2026-04 110/2; = 200/5");
    request.has_from = false;
    request.has_to = true;
    request.to_day = day_of("2025-12-31");
    assert_answer(columns, "", &request, "= 10/1");
    request.to_day = day_of("1999-12-31");
    assert_answer(columns, "day,account,issue,tag", &request, "= 0/0");
    columns_free(columns);
}

static void no_worklogs_give_no_rows(void **state)
{
    static const char *const groups[] = {"", "account,month", "issue", "tag,day,account,issue"};
    struct columns *columns = columns_new(0);
    struct report_request request = {.zone = STR("Europe/Berlin"), .top = 5};

    (void)state;
    OK(columns_seal(columns, &err));
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        assert_answer(columns, groups[i], &request, "= 0/0");
    columns_free(columns);
}

static void changes_show_in_the_next_report(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {0};
    struct columns_row row = {.id = 7,
                              .started_ms = stamp("2026-01-02T00:00:00Z"),
                              .issue = 5,
                              .person = 2,
                              .seconds = 7};

    (void)state;
    OK(columns_put(columns, &row, &err));
    OK(columns_remove(columns, 5, &err));
    OK(columns_tag_worklog(columns, 7, 3, &err));
    assert_answer(columns, "issue", &request, "5 7/1; 30 100/2; 200 30/2; 1000 30/1; = 167/6");
    assert_answer(columns, "tag", &request,
                  "- 110/3; billable 50/2; travel 10/1; unused 7/1; = 167/6");
    OK(columns_person(columns, 2, STR("zz"), &err)); /* a new name alone is a change too */
    assert_answer(columns, "account", &request, "- 60/1; zoe 40/2; zz 67/3; = 167/6");
    columns_free(columns);
}

static void far_and_lonely_dates_cost_nothing_and_count(void **state)
{
    struct columns *columns = columns_new(0);
    struct report_request request = {.zone = STR("America/New_York")};

    (void)state;
    add_row(columns, 1, "0001-01-03T12:00:00Z", 1, 0, 1);
    add_row(columns, 2, "1970-01-01T00:00:00Z", 1, 0, 2);
    add_row(columns, 3, "2100-12-31T23:00:00Z", 1, 0, 3);
    add_row(columns, 4, "9999-12-29T12:00:00Z", 1, 0, 4);
    OK(columns_seal(columns, &err));
    assert_answer(columns, "day", &request,
                  "0001-01-03 1/1; 1969-12-31 2/1; 2100-12-31 3/1; 9999-12-29 4/1; = 10/4");
    assert_answer(columns, "year,week", &request,
                  "0001,0001-W01 1/1; 1969,1970-W01 2/1; 2100,2100-W52 3/1; 9999,9999-W52 4/1; "
                  "= 10/4");
    columns_free(columns);
}

static void sums_beyond_32_bits_are_right(void **state)
{
    struct columns *columns = columns_new(0);
    struct report_request request = {0};

    (void)state;
    for (int64_t i = 0; i < 5; i++)
        add_row(columns, i, "2026-01-05T12:00:00Z", 1, 0, INT32_MAX);
    OK(columns_seal(columns, &err));
    assert_answer(columns, "issue", &request, "1 10737418235/5; = 10737418235/5");
    assert_answer(columns, "issue,tag,day", &request,
                  "1,-,2026-01-05 10737418235/5; = 10737418235/5");
    columns_free(columns);
}

/* Both ways of summing count cells; one too many is told, and just enough is no error. */
static void too_many_rows_are_told_with_a_way_out(void **state)
{
    static const char *const groups[] = {"issue", "issue,day,account"};
    struct columns *columns = columns_new(0);

    (void)state;
    OK(columns_person(columns, 1, STR("zoe"), &err)); /* so that the second question is hashed */
    for (int64_t i = 0; i < 3000; i++)
        add_row(columns, i, i % 2 == 0 ? "2026-01-05T12:00:00Z" : "2026-01-07T12:00:00Z", i, 0, 1);
    OK(columns_seal(columns, &err));
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        struct report_request request = {.cells_max = 3000, .top = 1};
        struct report *report = NULL;

        OK(report_parse_groups("groups", str_from(groups[i]), &request, &err));
        OK(report_run(columns, &request, &report, &err));
        assert_int_equal(report_rows_all(report), 3000);
        report_free(report);
        report = NULL;
        request.cells_max = 2999;
        assert_int_equal(report_run(columns, &request, &report, &err), ERR_LIMIT);
        assert_string_equal(err.msg,
                            "the report has more than 2999 rows; ask for a shorter period, for "
                            "certain accounts, issues or tags, or for fewer or coarser groups "
                            "(month, not day)");
        assert_null(report);
    }
    columns_free(columns);
}

/* The hash is used again for each day without being cleared. */
static void many_days_of_many_cells_are_kept_apart(void **state)
{
    struct columns *columns = columns_new(0);
    struct report_request request = {.order = REPORT_BY_SECONDS, .top = 1};
    struct report *report = NULL;

    (void)state;
    OK(columns_person(columns, 1, STR("zoe"), &err));
    for (int64_t i = 0; i < 40000; i++) {
        struct columns_row row = {.id = i,
                                  .started_ms = i % 100 * MS_PER_DAY,
                                  .issue = i / 100 * 10 + i % 10,
                                  .person = i % 2,
                                  .seconds = i};

        OK(columns_add(columns, &row, &err));
    }
    OK(columns_seal(columns, &err));
    assert_answer(columns, "issue,day,account", &request, "0,1970-01-01,- 0/1; = 799980000/40000");
    OK(report_run(columns, &request, &report, &err));
    assert_int_equal(report_rows_all(report), 40000);
    report_free(report);
    columns_free(columns);
}

static void an_unknown_zone_ends_the_report(void **state)
{
    struct columns *columns = new_year();
    struct report_request request = {.zone = STR("Europe/Atlantis")};
    struct report *report = NULL;

    (void)state;
    assert_int_equal(report_run(columns, &request, &report, &err), ERR_INPUT);
    assert_string_equal(err.msg, "time zone \"Europe/Atlantis\" is not known; write it like "
                                 "\"Europe/Berlin\" or \"UTC\"");
    columns_free(columns);
}

/* ---- Against SQL ---- */

#define PERSONS 7
#define TAGS 6
#define IDS 4000

static const char *const zones[] = {
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "GMT+05:30",
    "Pacific/Kwajalein",
};

/* One round: the same worklogs in columns and in SQL. */
#define PROJECT_SQL "CASE issue % 4 WHEN 0 THEN NULL ELSE 'P' || (issue % 4) END"

struct world {
    uint64_t seed;
    struct columns *columns;
    sqlite3 *db;
    sqlite3_stmt *put, *drop, *drop_tags, *tag, *untag;
    UCalendar *calendar; /* of the zone; weeks as in ISO 8601 */
    const char *zone;
    int64_t issues; /* of this round: few make a dense report, many a hashed one */
};

static uint64_t roll(struct world *world, uint64_t below)
{
    world->seed = world->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (world->seed >> 33) % below;
}

static void sql(sqlite3 *db, const char *text)
{
    char *message = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    return statement;
}

static void run(sqlite3_stmt *statement)
{
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    assert_int_equal(sqlite3_reset(statement), SQLITE_OK);
}

static void person_name(int64_t person, char ret[16])
{
    /* Not in the order of the numbers. */
    snprintf(ret, 16, "%c-%d", (int)('a' + person * 5 % PERSONS), (int)person);
}

static void tag_name(int64_t tag, char ret[16])
{
    snprintf(ret, 16, "%c-%d", (int)('a' + tag * 5 % TAGS), (int)tag);
}

static void open_world(struct world *world)
{
    char name[16];

    world->columns = columns_new(0);
    for (int64_t person = 1; person <= PERSONS; person++) {
        person_name(person, name);
        OK(columns_person(world->columns, person, str_from(name), &err));
    }
    for (int64_t tag = 1; tag <= TAGS; tag++) {
        tag_name(tag, name);
        OK(columns_tag(world->columns, tag, str_from(name), &err));
    }
    assert_int_equal(sqlite3_open(":memory:", &world->db), SQLITE_OK);
    sql(world->db, "CREATE TABLE w (id INTEGER PRIMARY KEY, started INT, account TEXT, issue INT,"
                   " seconds INT, day TEXT, week TEXT, month TEXT, quarter TEXT, year TEXT,"
                   " project TEXT AS (" PROJECT_SQL "));"
                   "CREATE TABLE wt (id INT, tag TEXT, PRIMARY KEY (id, tag)) WITHOUT ROWID;");
    world->put =
        prepare(world->db, "INSERT OR REPLACE INTO w (id, started, account, issue, seconds)"
                           " VALUES (?1, ?2, ?3, ?4, ?5)");
    world->drop = prepare(world->db, "DELETE FROM w WHERE id = ?1");
    world->drop_tags = prepare(world->db, "DELETE FROM wt WHERE id = ?1");
    world->tag = prepare(world->db, "INSERT OR IGNORE INTO wt (id, tag) SELECT id, ?2 FROM w"
                                    " WHERE id = ?1");
    world->untag = prepare(world->db, "DELETE FROM wt WHERE id = ?1 AND tag = ?2");
}

static void close_world(struct world *world)
{
    sqlite3_finalize(world->put);
    sqlite3_finalize(world->drop);
    sqlite3_finalize(world->drop_tags);
    sqlite3_finalize(world->tag);
    sqlite3_finalize(world->untag);
    assert_int_equal(sqlite3_close(world->db), SQLITE_OK);
    columns_free(world->columns);
    ucal_close(world->calendar);
}

static void choose_zone(struct world *world)
{
    UErrorCode status = U_ZERO_ERROR;
    UChar id[64] = {0};

    if (world->calendar)
        ucal_close(world->calendar);
    world->zone = zones[roll(world, ARRAY_LEN(zones))];
    for (size_t i = 0; world->zone[i] != '\0'; i++)
        id[i] = (UChar)world->zone[i];
    world->calendar = ucal_open(id, -1, "de_DE", UCAL_GREGORIAN, &status);
    assert_true(U_SUCCESS(status));
    ucal_setAttribute(world->calendar, UCAL_FIRST_DAY_OF_WEEK, UCAL_MONDAY);
    ucal_setAttribute(world->calendar, UCAL_MINIMAL_DAYS_IN_FIRST_WEEK, 4);
}

/* Mostly of a few years, often close to a transition of the zone or equal to another, seldom far.
 */
static int64_t random_start(struct world *world)
{
    int64_t near = stamp("2009-06-01T00:00:00Z") + (int64_t)roll(world, 4 * 366 * 24 * 60) * 60000;
    UErrorCode status = U_ZERO_ERROR;
    UDate transition = 0;

    switch (roll(world, 12)) {
    case 0:
        return (int64_t)roll(world, 131 * 366) * MS_PER_DAY; /* 1970 to 2101 */
    case 1:
        return -(int64_t)roll(world, 3000) * MS_PER_HOUR;
    case 2:
        return stamp("2010-03-01T12:00:00Z");
    case 3:
        return stamp("2010-03-01T00:00:00Z") + (int64_t)roll(world, 20) * MS_PER_DAY;
    case 4:
    case 5:
    case 6:
        ucal_setMillis(world->calendar, (UDate)near, &status);
        if (!ucal_getTimeZoneTransitionDate(world->calendar, UCAL_TZ_TRANSITION_NEXT, &transition,
                                            &status))
            return near;
        return (int64_t)transition + ((int64_t)roll(world, 240) - 120) * MS_PER_MINUTE;
    default:
        return near + (int64_t)roll(world, 60000);
    }
}

static void put_both(struct world *world, int64_t id, bool sealed)
{
    struct columns_row row = {.id = id,
                              .started_ms = random_start(world),
                              .issue = 1 + (int64_t)roll(world, (uint64_t)world->issues),
                              .person = (int64_t)roll(world, PERSONS + 1),
                              .seconds = (int64_t)roll(world, 5) * 60};
    char name[16];

    if (roll(world, 200) == 0)
        row.seconds = INT32_MAX;
    if (sealed)
        OK(columns_put(world->columns, &row, &err));
    else
        OK(columns_add(world->columns, &row, &err));
    sqlite3_bind_int64(world->put, 1, row.id);
    sqlite3_bind_int64(world->put, 2, row.started_ms);
    if (row.person == 0)
        sqlite3_bind_null(world->put, 3);
    else {
        person_name(row.person, name);
        sqlite3_bind_text(world->put, 3, name, -1, SQLITE_TRANSIENT);
    }
    sqlite3_bind_int64(world->put, 4, row.issue);
    sqlite3_bind_int64(world->put, 5, row.seconds);
    run(world->put);
}

static void tag_both(struct world *world, int64_t id, bool give)
{
    int64_t tag = 1 + (int64_t)roll(world, TAGS);
    sqlite3_stmt *statement = give ? world->tag : world->untag;
    char name[16];

    tag_name(tag, name);
    if (give)
        OK(columns_tag_worklog(world->columns, id, tag, &err));
    else
        OK(columns_untag_worklog(world->columns, id, tag, &err));
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_TRANSIENT);
    run(statement);
}

static void remove_both(struct world *world, int64_t id)
{
    OK(columns_remove(world->columns, id, &err));
    sqlite3_bind_int64(world->drop, 1, id);
    run(world->drop);
    sqlite3_bind_int64(world->drop_tags, 1, id);
    run(world->drop_tags);
}

static void fill_world(struct world *world, uint64_t rows)
{
    for (uint64_t i = 0; i < rows; i++)
        put_both(world, (int64_t)i, false);
    for (uint64_t i = 0; rows > 0 && i < rows / 2; i++)
        tag_both(world, (int64_t)roll(world, rows), true);
    OK(columns_seal(world->columns, &err));
}

/* Tags are given to worklogs that are there, as the two models differ about others. */
static void change_world(struct world *world, uint64_t changes)
{
    for (uint64_t i = 0; i < changes; i++) {
        int64_t id = (int64_t)roll(world, IDS);

        if (roll(world, 4) == 0) {
            remove_both(world, id);
            continue;
        }
        put_both(world, id, true);
        tag_both(world, id, roll(world, 3) != 0);
        if (roll(world, 4) == 0)
            tag_both(world, id, true);
    }
}

/* Each row's local day, week … as ICU's calendar says; for SQL to group by. */
static void localize(struct world *world)
{
    sqlite3_stmt *all = prepare(world->db, "SELECT id, started FROM w");
    sqlite3_stmt *update = prepare(world->db, "UPDATE w SET day = ?1, week = ?2, month = ?3,"
                                              " quarter = ?4, year = ?5 WHERE id = ?6");

    sql(world->db, "BEGIN");
    while (sqlite3_step(all) == SQLITE_ROW) {
        UErrorCode status = U_ZERO_ERROR;
        char texts[5][32];

        ucal_setMillis(world->calendar, (UDate)sqlite3_column_int64(all, 1), &status);

        int year = ucal_get(world->calendar, UCAL_YEAR, &status);
        int month = ucal_get(world->calendar, UCAL_MONTH, &status) + 1;

        snprintf(texts[0], sizeof(texts[0]), "%04d-%02d-%02d", year, month,
                 ucal_get(world->calendar, UCAL_DATE, &status));
        snprintf(texts[1], sizeof(texts[1]), "%04d-W%02d",
                 ucal_get(world->calendar, UCAL_YEAR_WOY, &status),
                 ucal_get(world->calendar, UCAL_WEEK_OF_YEAR, &status));
        snprintf(texts[2], sizeof(texts[2]), "%04d-%02d", year, month);
        snprintf(texts[3], sizeof(texts[3]), "%04d-Q%d", year, (month + 2) / 3);
        snprintf(texts[4], sizeof(texts[4]), "%04d", year);
        assert_true(U_SUCCESS(status));
        for (int i = 0; i < 5; i++)
            sqlite3_bind_text(update, i + 1, texts[i], -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(update, 6, sqlite3_column_int64(all, 0));
        run(update);
    }
    sql(world->db, "COMMIT");
    sqlite3_finalize(all);
    sqlite3_finalize(update);
}

/*
 * Which project an issue is in, as PROJECT_SQL says: one of three, and of one issue in four nothing
 * is known.
 */
static struct report_projects projects_of(struct world *world)
{
    static const struct str keys[] = {{"P1", 2}, {"P2", 2}, {"P3", 2}};
    static int64_t issues[5000];
    static uint32_t projects[5000];

    assert_in_range(world->issues, 0, 5000);
    for (int64_t i = 0; i < world->issues; i++) {
        issues[i] = i + 1;
        projects[i] = (uint32_t)((i + 1) % 4);
    }
    return (struct report_projects){issues, projects, (size_t)world->issues, keys, 3};
}

/* What is billed: the rule, and the same as a condition on w. */
static struct report_billing billing_of(struct world *world, struct strbuf *condition)
{
    static char names[2][16];
    static struct str tags[2];
    static int64_t issues[3];
    struct report_billing rule = {.by_default = roll(world, 2) == 0,
                                  .tags = tags,
                                  .tag_count = roll(world, 3),
                                  .issues = issues,
                                  .issue_count = roll(world, 4)};

    strbuf_addf(condition, "%d <> (0", rule.by_default);
    for (size_t i = 0; i < rule.tag_count; i++) {
        tag_name(1 + (int64_t)roll(world, TAGS + 1), names[i]);
        tags[i] = str_from(names[i]);
        strbuf_addf(condition, " OR EXISTS (SELECT 1 FROM wt y WHERE y.id = w.id AND y.tag = '%s')",
                    names[i]);
    }
    for (size_t i = 0; i < rule.issue_count; i++) {
        issues[i] = 1 + (int64_t)roll(world, (uint64_t)world->issues + 1);
        strbuf_addf(condition, " OR issue = %d", (int)issues[i]);
    }
    strbuf_add_z(condition, ")");
    return rule;
}

/* A question: the same in our terms and, as it grows, in SQL's. */
struct question {
    struct report_request request;
    struct strbuf from;   /* " FROM … WHERE …" for the rows, tags joined when grouped by */
    struct strbuf where;  /* the condition on w */
    struct strbuf keys;   /* "account, month" */
    struct strbuf billed; /* the condition on w of what is billed */
};

static void question_done(struct question *question)
{
    report_request_done(&question->request);
    strbuf_done(&question->from);
    strbuf_done(&question->where);
    strbuf_done(&question->keys);
    strbuf_done(&question->billed);
}

static bool ask_groups(struct world *world, struct question *question)
{
    struct report_request *request = &question->request;
    size_t count = roll(world, LIMIT_REPORT_GROUPS + 1);
    bool by_tag = false;

    while (request->group_count < count) {
        enum report_group group = (enum report_group)roll(world, REPORT_GROUP_COUNT);
        bool twice = false;

        for (size_t g = 0; g < request->group_count; g++)
            twice |= request->groups[g] == group;
        if (twice)
            continue;
        strbuf_addf(&question->keys, "%s%s", request->group_count > 0 ? ", " : "",
                    report_group_name(group));
        request->groups[request->group_count++] = group;
        by_tag |= group == REPORT_TAG;
    }
    return by_tag;
}

static void ask_period(struct world *world, struct question *question)
{
    struct report_request *request = &question->request;
    int32_t from = day_of("2009-05-01") + (int32_t)roll(world, 5 * 366);
    int32_t to = from + (int32_t)roll(world, roll(world, 2) == 0 ? 3 : 1000);
    char text[CIVIL_DATE_BYTES + 1];

    if (roll(world, 2) == 0) {
        request->has_from = true;
        request->from_day = from;
        civil_format_date(from, text);
        strbuf_addf(&question->where, " AND day >= '%s'", text);
    }
    if (roll(world, 2) == 0) {
        request->has_to = true;
        request->to_day = to;
        civil_format_date(to, text);
        strbuf_addf(&question->where, " AND day <= '%s'", text);
    }
}

static void ask_filters(struct world *world, struct question *question, bool by_tag)
{
    struct report_request *request = &question->request;
    struct strbuf tags = STRBUF_INIT(1000);
    char name[16];

    if (roll(world, 3) == 0) {
        strbuf_add_z(&question->where, " AND account IN ('x'");
        for (uint64_t n = 1 + roll(world, 3); n > 0; n--) {
            person_name(1 + (int64_t)roll(world, PERSONS + 1), name); /* one is unknown */
            OK(report_add_account("account", str_from(name), request, &err));
            strbuf_addf(&question->where, ",'%s'", name);
        }
        strbuf_add_z(&question->where, ")");
    }
    if (roll(world, 3) == 0) {
        strbuf_add_z(&question->where, " AND issue IN (-1");
        for (uint64_t n = 1 + roll(world, 9); n > 0; n--) {
            snprintf(name, sizeof(name), "%d", 1 + (int)roll(world, (uint64_t)world->issues + 1));
            OK(report_add_issue("issue", str_from(name), request, &err));
            strbuf_addf(&question->where, ",%s", name);
        }
        strbuf_add_z(&question->where, ")");
    }
    if (roll(world, 3) == 0) {
        strbuf_add_z(&tags, "'x'");
        for (uint64_t n = 1 + roll(world, 3); n > 0; n--) {
            tag_name(1 + (int64_t)roll(world, TAGS + 1), name);
            OK(report_add_tag("tag", str_from(name), request, &err));
            strbuf_addf(&tags, ",'%s'", name);
        }
        strbuf_addf(&question->where,
                    " AND EXISTS (SELECT 1 FROM wt x WHERE x.id = w.id AND x.tag IN (%s))",
                    strbuf_z(&tags));
    }
    strbuf_add_z(&question->from, " FROM w");
    if (by_tag)
        strbuf_add_z(&question->from, " LEFT JOIN wt ON wt.id = w.id");
    strbuf_addf(&question->from, " WHERE 1%s", strbuf_z(&question->where));
    if (by_tag && tags.len > 0)
        strbuf_addf(&question->from, " AND wt.tag IN (%s)", strbuf_z(&tags));
    strbuf_done(&tags);
}

static void ask_order(struct world *world, struct question *question)
{
    struct report_request *request = &question->request;

    request->order = (enum report_order)roll(world, 3);
    request->descending = roll(world, 2) == 0;
    if (roll(world, 3) == 0)
        request->top = 1 + roll(world, 40);
    if (roll(world, 3) == 0)
        request->offset = roll(world, 30);
    if (roll(world, 3) == 0)
        request->limit = 1 + roll(world, 30);
}

/* The whole SELECT for the page. */
static void write_select(const struct question *question, struct strbuf *text)
{
    const struct report_request *request = &question->request;
    const char *direction = request->descending ? "DESC" : "ASC";
    size_t limit = request->limit > 0 ? request->limit : 1000000;

    if (request->top > 0 && request->offset >= request->top)
        limit = 0;
    else if (request->top > 0 && limit > request->top - request->offset)
        limit = request->top - request->offset;
    strbuf_addf(text,
                "SELECT %s, SUM(seconds), COUNT(*), SUM(seconds * (%s))%s GROUP BY %s ORDER BY ",
                strbuf_z(&question->keys), strbuf_z(&question->billed), strbuf_z(&question->from),
                strbuf_z(&question->keys));
    if (request->order != REPORT_BY_GROUP)
        strbuf_addf(text, "%s %s, ",
                    request->order == REPORT_BY_SECONDS ? "SUM(seconds)" : "COUNT(*)", direction);
    for (size_t g = 0; g < request->group_count; g++)
        strbuf_addf(text, "%s%s %s", g > 0 ? ", " : "", report_group_name(request->groups[g]),
                    request->order == REPORT_BY_GROUP ? direction : "ASC");
    strbuf_addf(text, " LIMIT %zu OFFSET %zu", limit, request->offset);
}

static void compare_rows(struct world *world, const struct question *question,
                         const struct report *report, const char *select)
{
    sqlite3_stmt *statement = prepare(world->db, select);
    size_t count = 0, at = 0, groups = question->request.group_count;
    const struct report_row *rows = report_rows(report, &count);
    char buf[REPORT_CELL_BYTES];

    for (; sqlite3_step(statement) == SQLITE_ROW; at++) {
        bool same = at < count;

        for (size_t g = 0; g < groups && same; g++) {
            struct str cell = report_cell(report, &rows[at], g, buf);
            const char *expected = (const char *)sqlite3_column_text(statement, (int)g);

            same = expected ? cell.ptr && str_eq_z(cell, expected) : !cell.ptr;
        }
        same =
            same && rows[at].seconds == sqlite3_column_int64(statement, (int)groups) &&
            rows[at].count == sqlite3_column_int64(statement, (int)groups + 1) &&
            report_billable(report, &rows[at]) == sqlite3_column_int64(statement, (int)groups + 2);
        if (!same)
            fail_msg("%s: row %zu of %zu differs: %s", world->zone, at, count, select);
    }
    if (at != count)
        fail_msg("%s: %zu rows, not %zu: %s", world->zone, count, at, select);
    sqlite3_finalize(statement);
}

static void compare_numbers(struct world *world, const char *select, int64_t first, int64_t second)
{
    sqlite3_stmt *statement = prepare(world->db, select);

    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    if (sqlite3_column_int64(statement, 0) != first || sqlite3_column_int64(statement, 1) != second)
        fail_msg("%s: %lld and %lld, not %lld and %lld: %s", world->zone, (long long)first,
                 (long long)second, (long long)sqlite3_column_int64(statement, 0),
                 (long long)sqlite3_column_int64(statement, 1), select);
    sqlite3_finalize(statement);
}

static void ask_both(struct world *world)
{
    struct question question = {.from = STRBUF_INIT(10000),
                                .where = STRBUF_INIT(10000),
                                .keys = STRBUF_INIT(1000),
                                .billed = STRBUF_INIT(1000)};
    struct report_projects projects = projects_of(world);
    struct report_billing billing = billing_of(world, &question.billed);
    struct strbuf select = STRBUF_INIT(20000);
    struct report *report = NULL;
    bool by_tag = ask_groups(world, &question);

    ask_period(world, &question);
    if (question.request.has_from && question.request.has_to &&
        question.request.from_day > question.request.to_day)
        question.request.to_day = question.request.from_day;
    ask_filters(world, &question, by_tag);
    ask_order(world, &question);
    question.request.zone = str_from(world->zone);
    question.request.projects = &projects;
    question.request.billing = &billing;

    OK(report_run(world->columns, &question.request, &report, &err));
    if (question.request.group_count > 0) {
        write_select(&question, &select);
        compare_rows(world, &question, report, strbuf_z(&select));
        strbuf_reset(&select);
        strbuf_addf(&select, "SELECT COUNT(*), 0 FROM (SELECT 1%s GROUP BY %s)",
                    strbuf_z(&question.from), strbuf_z(&question.keys));
        compare_numbers(world, strbuf_z(&select), (int64_t)report_rows_all(report), 0);
    }
    strbuf_reset(&select);
    strbuf_addf(&select, "SELECT COALESCE(SUM(seconds), 0), COUNT(*) FROM w WHERE 1%s",
                strbuf_z(&question.where));
    compare_numbers(world, strbuf_z(&select), report_seconds(report), report_count(report));
    strbuf_reset(&select);
    strbuf_addf(&select, "SELECT COALESCE(SUM(seconds * (%s)), 0), 0 FROM w WHERE 1%s",
                strbuf_z(&question.billed), strbuf_z(&question.where));
    compare_numbers(world, strbuf_z(&select), report_billable_all(report), 0);
    report_free(report);
    strbuf_done(&select);
    question_done(&question);
}

static void any_question_is_answered_as_sql_answers_it(void **state)
{
    static const uint64_t sizes[] = {0, 1, 2, 30, 400, 3000};
    const char *wish = getenv("TENON_SEED");
    int64_t seed = 1;

    (void)state;
    if (wish && !parse_i64(str_from(wish), 0, INT64_MAX, &seed))
        fail_msg("TENON_SEED=%s is not a number", wish);
    print_message("TENON_SEED=%lld\n", (long long)seed);
    for (uint64_t round = 0; round < 36; round++) {
        struct world world = {.seed = (uint64_t)seed * 1000 + round,
                              .issues = round % 4 == 3 ? 5000 : 20};

        open_world(&world);
        choose_zone(&world);
        fill_world(&world, sizes[round % ARRAY_LEN(sizes)]);
        for (int phase = 0; phase < 3; phase++) {
            localize(&world);
            for (int n = 0; n < 40; n++)
                ask_both(&world);
            choose_zone(&world);
            change_world(&world, roll(&world, 60));
        }
        close_world(&world);
    }
}

/* ---- How long a million rows take ---- */

static double clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void time_report(struct columns *columns, const char *groups, const char *order, size_t top)
{
    struct report_request request = {.zone = STR("Europe/Berlin"), .top = top};
    double best = 1e9, first = 0;
    size_t rows = 0;

    OK(report_parse_groups("groups", str_from(groups), &request, &err));
    OK(report_parse_order("order", str_from(order), &request, &err));
    for (int turn = 0; turn < 9; turn++) {
        struct report *report = NULL;
        double start = clock_ms();

        OK(report_run(columns, &request, &report, &err));

        double took = clock_ms() - start;

        first = turn == 0 ? took : first;
        best = took < best ? took : best;
        rows = report_rows_all(report);
        report_free(report);
    }
    print_message("%-24s %-8s top %-4zu %8zu rows: first %7.2f ms, best %6.2f ms\n", groups, order,
                  top, rows, first, best);
}

static void time_changes(struct columns *columns, struct world *dice, const char *what,
                         int64_t first_id, uint64_t ids, int64_t from_ms, uint64_t minutes,
                         int changes)
{
    double start = 0;

    for (int i = 0; i < changes; i++) {
        struct columns_row row = {.id = first_id + (int64_t)roll(dice, ids),
                                  .started_ms = from_ms + (int64_t)roll(dice, minutes) * 60000,
                                  .issue = 1 + (int64_t)roll(dice, 50000),
                                  .person = 1 + (int64_t)roll(dice, 200),
                                  .seconds = 60};

        OK(columns_put(columns, &row, &err));
    }
    start = clock_ms();
    OK(columns_settle(columns, &err));
    print_message("settling %d %s: %.2f ms\n", changes, what, clock_ms() - start);
}

static void a_million_rows_take_a_few_milliseconds(void **state)
{
    const int64_t rows = 1000000, start_ms = stamp("2023-01-01T00:00:00Z");
    const uint64_t minutes = 3 * 365 * 24 * 60;
    struct world dice = {.seed = 5};
    struct columns *columns = NULL;
    char name[16];

    (void)state;
    if (!getenv("TENON_BENCH"))
        return; /* a measurement, not a test */

    double start = clock_ms();

    columns = columns_new((size_t)rows);
    for (int64_t person = 1; person <= 200; person++) {
        snprintf(name, sizeof(name), "p%d", (int)(person * 7919 % 1000));
        OK(columns_person(columns, person, str_from(name), &err));
    }
    for (int64_t i = 0; i < rows; i++) {
        struct columns_row row = {.id = i,
                                  .started_ms = start_ms + (int64_t)roll(&dice, minutes) * 60000,
                                  .issue = 1 + (int64_t)roll(&dice, 50000),
                                  .person = 1 + (int64_t)roll(&dice, 200),
                                  .seconds = (int64_t)roll(&dice, 480) * 60};

        OK(columns_add(columns, &row, &err));
    }

    double added = clock_ms();

    OK(columns_seal(columns, &err));
    print_message("%lld rows: added in %.0f ms, sealed in %.0f ms, %.1f bytes a row\n",
                  (long long)rows, added - start, clock_ms() - added,
                  (double)columns_bytes(columns) / (double)rows);
    time_report(columns, "account,month", "group", 0);
    time_report(columns, "issue", "seconds", 50);
    time_report(columns, "day", "group", 0);
    time_report(columns, "account,week", "seconds", 50);
    time_report(columns, "account,issue", "seconds", 50);
    time_report(columns, "issue,day,account", "group", 0);
    time_changes(columns, &dice, "changes anywhere", 0, 1000000, start_ms, minutes, 10);
    time_changes(columns, &dice, "changes anywhere", 0, 1000000, start_ms, minutes, 1000);
    time_changes(columns, &dice, "new ones of the last day", 1000000, 1000000,
                 start_ms + (int64_t)(minutes - 1440) * 60000, 1440, 10);
    columns_free(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_grouped_by_local_days),
        cmocka_unit_test(groups_order_by_their_own_values),
        cmocka_unit_test(sums_order_with_ties_in_group_order),
        cmocka_unit_test(top_and_page_cut_rows_and_not_totals),
        cmocka_unit_test(a_worklog_counts_in_each_of_its_tags_and_once_in_all),
        cmocka_unit_test(projects_are_those_that_were_brought_along),
        cmocka_unit_test(what_is_billed_and_what_is_not_make_the_whole),
        cmocka_unit_test(a_tag_filter_also_narrows_the_tags_shown),
        cmocka_unit_test(filters_let_through_what_was_asked_for),
        cmocka_unit_test(no_worklogs_give_no_rows),
        cmocka_unit_test(changes_show_in_the_next_report),
        cmocka_unit_test(far_and_lonely_dates_cost_nothing_and_count),
        cmocka_unit_test(sums_beyond_32_bits_are_right),
        cmocka_unit_test(too_many_rows_are_told_with_a_way_out),
        cmocka_unit_test(many_days_of_many_cells_are_kept_apart),
        cmocka_unit_test(an_unknown_zone_ends_the_report),
        cmocka_unit_test(any_question_is_answered_as_sql_answers_it),
        cmocka_unit_test(a_million_rows_take_a_few_milliseconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
