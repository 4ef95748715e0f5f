/* Tests of report.c and report_write.c: what users write, and what they get to read. */
#include "apps/timesheet/report.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/civil.h"
#include "base/json.h"

static struct err err; /* of the call before; each test runs alone */

/* The call must succeed; prints its error when it does not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s: %s", #call, err.msg);                                                    \
    } while (0)

/* The call must fail with this class and sentence. */
#define REFUSED(call, class_, message)                                                             \
    do {                                                                                           \
        assert_int_equal((call), (class_));                                                        \
        assert_string_equal(err.msg, (message));                                                   \
    } while (0)

static int32_t day_of(const char *text)
{
    struct civil_date date = {0};

    assert_true(civil_parse_date(str_from(text), &date));
    return civil_days(date);
}

/* ---- Parsing ---- */

static void groups_are_read_in_their_order(void **state)
{
    struct report_request request = {0};

    (void)state;
    OK(report_parse_groups("--group", STR("account,month"), &request, &err));
    assert_int_equal(request.group_count, 2);
    assert_int_equal(request.groups[0], REPORT_ACCOUNT);
    assert_int_equal(request.groups[1], REPORT_MONTH);
    OK(report_parse_groups("--group", STR(" year , quarter,week,tag"), &request, &err));
    assert_int_equal(request.group_count, 4);
    assert_int_equal(request.groups[0], REPORT_YEAR);
    assert_int_equal(request.groups[1], REPORT_QUARTER);
    assert_int_equal(request.groups[2], REPORT_WEEK);
    assert_int_equal(request.groups[3], REPORT_TAG);
    OK(report_parse_groups("--group", STR(""), &request, &err));
    assert_int_equal(request.group_count, 0);
    for (int g = 0; g < REPORT_GROUP_COUNT; g++) {
        const char *name = report_group_name((enum report_group)g);

        OK(report_parse_groups("--group", str_from(name), &request, &err));
        assert_int_equal(request.groups[0], g);
    }
}

static void wrong_groups_are_refused_and_change_nothing(void **state)
{
    struct report_request request = {0};

    (void)state;
    OK(report_parse_groups("--group", STR("issue"), &request, &err));
    REFUSED(report_parse_groups("--group", STR("account,moon"), &request, &err), ERR_USAGE,
            "--group: \"moon\" is not a group; the groups are account, issue, tag, day, week, "
            "month, quarter, year, project");
    REFUSED(report_parse_groups("--group", STR("day,"), &request, &err), ERR_USAGE,
            "--group: \"\" is not a group; the groups are account, issue, tag, day, week, month, "
            "quarter, year, project");
    assert_int_equal(report_parse_groups("--group", STR("accounts"), &request, &err), ERR_USAGE);
    assert_int_equal(report_parse_groups("--group", STR("Account"), &request, &err), ERR_USAGE);
    REFUSED(report_parse_groups("group", STR("day,tag,day"), &request, &err), ERR_USAGE,
            "group: day is named twice; name each group once");
    REFUSED(report_parse_groups("--group", STR("day,tag,year,week,issue"), &request, &err),
            ERR_USAGE, "--group: more than 4 groups; leave out issue or another");
    REFUSED(report_parse_groups("--group", STR("\x1b[2Jaccount-and-much-more-than-that\n"),
                                &request, &err),
            ERR_USAGE,
            "--group: \"?[2Jaccount-and-much-more-than-t...\" is not a group; the groups are "
            "account, issue, tag, day, week, month, quarter, year, project");
    assert_int_equal(request.group_count, 1);
    assert_int_equal(request.groups[0], REPORT_ISSUE);
}

static void days_must_exist(void **state)
{
    int32_t day = -7;

    (void)state;
    OK(report_parse_day("--from", STR("2026-01-31"), &day, &err));
    assert_int_equal(day, day_of("2026-01-31"));
    day = -7;
    REFUSED(report_parse_day("--from", STR("2026-02-30"), &day, &err), ERR_USAGE,
            "--from: \"2026-02-30\" is not a day; write it like 2026-01-31");
    REFUSED(report_parse_day("to", STR("31.1.2026"), &day, &err), ERR_USAGE,
            "to: \"31.1.2026\" is not a day; write it like 2026-01-31");
    REFUSED(report_parse_day("to", STR(""), &day, &err), ERR_USAGE,
            "to: \"\" is not a day; write it like 2026-01-31");
    assert_int_equal(day, -7);
}

static void orders_have_directions(void **state)
{
    static const struct {
        const char *text;
        enum report_order order;
        bool descending;
    } good[] = {
        {"seconds", REPORT_BY_SECONDS, true},      {"seconds:desc", REPORT_BY_SECONDS, true},
        {"seconds:asc", REPORT_BY_SECONDS, false}, {"count", REPORT_BY_COUNT, true},
        {"count:asc", REPORT_BY_COUNT, false},     {"group", REPORT_BY_GROUP, false},
        {"group:desc", REPORT_BY_GROUP, true},     {" group : asc ", REPORT_BY_GROUP, false},
    };
    static const char *const bad[] = {"",      "hours",        "seconds:", "seconds:down",
                                      ":desc", "seconds:desc:"};
    struct report_request request = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        OK(report_parse_order("--order", str_from(good[i].text), &request, &err));
        assert_int_equal(request.order, good[i].order);
        assert_int_equal(request.descending, good[i].descending);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(report_parse_order("--order", str_from(bad[i]), &request, &err),
                         ERR_USAGE);
    REFUSED(report_parse_order("--order", STR("hours:desc"), &request, &err), ERR_USAGE,
            "--order: \"hours:desc\" is not an order; the orders are seconds, count, group, each "
            "with :asc or :desc");
}

static void row_numbers_are_whole_and_bounded(void **state)
{
    size_t rows = 7;

    (void)state;
    OK(report_parse_rows("--top", STR("50"), 1, &rows, &err));
    assert_int_equal(rows, 50);
    OK(report_parse_rows("--offset", STR("0"), 0, &rows, &err));
    assert_int_equal(rows, 0);
    REFUSED(report_parse_rows("--top", STR("0"), 1, &rows, &err), ERR_USAGE,
            "--top: \"0\" is not a number of rows; it must be 1 to 4000000");
    REFUSED(report_parse_rows("--top", STR("4000001"), 1, &rows, &err), ERR_USAGE,
            "--top: \"4000001\" is not a number of rows; it must be 1 to 4000000");
    REFUSED(report_parse_rows("--top", STR("ten"), 1, &rows, &err), ERR_USAGE,
            "--top: \"ten\" is not a number of rows; it must be 1 to 4000000");
    assert_int_equal(rows, 0);
}

static void filters_are_collected_and_checked(void **state)
{
    static char text[300];
    struct report_request request = {0};

    (void)state;
    memset(text, 'x', sizeof(text));
    OK(report_add_account("--account", STR("5b10ac8d82e05b22cc7d4ef5"), &request, &err));
    OK(report_add_account("--account", STR("712020:b59c"), &request, &err));
    OK(report_add_issue("--issue", STR("10042"), &request, &err));
    OK(report_add_tag("--tag", STR("on call"), &request, &err));
    REFUSED(report_add_account("--account", STR(""), &request, &err), ERR_USAGE,
            "--account: an account id of 0 bytes; it must have 1 to 255, like "
            "5b10ac8d82e05b22cc7d4ef5");
    REFUSED(report_add_issue("--issue", STR("ABC-1"), &request, &err), ERR_USAGE,
            "--issue: \"ABC-1\" is not an issue id; it is a number, like 10042 (keys like ABC-1 "
            "are not stored)");
    REFUSED(report_add_tag("--tag", (struct str){text, sizeof(text)}, &request, &err), ERR_USAGE,
            "--tag: a tag name of 300 bytes; it must have 1 to 255");
    assert_int_equal(request.account_count, 2);
    assert_true(str_eq_z(request.accounts[1], "712020:b59c"));
    assert_int_equal(request.issue_count, 1);
    assert_int_equal(request.issues[0], 10042);
    assert_int_equal(request.tag_count, 1);
    assert_true(str_eq_z(request.tags[0], "on call"));
    for (size_t i = 1; i < REPORT_FILTER_MAX; i++)
        OK(report_add_issue("--issue", STR("1"), &request, &err));
    REFUSED(report_add_issue("--issue", STR("1"), &request, &err), ERR_LIMIT,
            "--issue: more than 10000 values; ask in several reports");
    report_request_done(&request);
    assert_int_equal(request.account_count, 0);
}

static void a_period_must_go_forward_and_be_of_a_human_length(void **state)
{
    struct report_request request = {.has_from = true, .has_to = true};

    (void)state;
    request.from_day = day_of("2026-02-01");
    request.to_day = day_of("2026-01-31");
    REFUSED(report_check(&request, &err), ERR_INPUT,
            "the period begins on 2026-02-01, after its last day 2026-01-31; exchange the two");
    request.to_day = request.from_day;
    OK(report_check(&request, &err));
    request.to_day = day_of("2126-01-31"); /* 100 years to the day */
    OK(report_check(&request, &err));
    request.to_day++;
    REFUSED(report_check(&request, &err), ERR_LIMIT,
            "the period from 2026-02-01 to 2126-02-01 is longer than 100 years; ask for a shorter "
            "one");
    request.has_from = false; /* then it begins with the first worklog */
    OK(report_check(&request, &err));
    request.to_day = INT32_MAX;
    REFUSED(report_check(&request, &err), ERR_INPUT,
            "the period reaches out of the years 1 to 9999");
}

static void a_request_that_was_not_parsed_is_checked_too(void **state)
{
    struct report_request request = {.groups = {REPORT_DAY, REPORT_TAG, REPORT_DAY},
                                     .group_count = 3};

    (void)state;
    REFUSED(report_check(&request, &err), ERR_INPUT,
            "the group day is named twice; name each group once");
    request.group_count = 5;
    REFUSED(report_check(&request, &err), ERR_INPUT, "the report has 5 groups; the limit is 4");
    request = (struct report_request){.cells_max = LIMIT_REPORT_CELLS + 1};
    REFUSED(report_check(&request, &err), ERR_INPUT,
            "the report may have 4000001 rows; the limit is 4000000");
}

/* ---- Writing ---- */

static enum err_class collect(void *arg, struct str part, struct err *unused)
{
    struct strbuf *text = arg;

    (void)unused;
    strbuf_add_str(text, part);
    return ERR_OK;
}

static enum err_class refuse(void *arg, struct str part, struct err *ret)
{
    size_t *parts = arg;

    (void)part;
    (*parts)++;
    return err_set(ret, ERR_SPACE, "no room left on the disk");
}

static void add_row(struct columns *columns, int64_t id, const char *started, int64_t issue,
                    int64_t person, int64_t seconds)
{
    struct columns_row row = {.id = id, .issue = issue, .person = person, .seconds = seconds};

    assert_true(civil_parse_stamp(str_from(started), &row.started_ms));
    OK(columns_add(columns, &row, &err));
}

/* Four worklogs, one of nobody, with tags that are awkward in every format. */
static struct columns *awkward(void)
{
    struct columns *columns = columns_new(0);

    OK(columns_person(columns, 1, STR("anna"), &err));
    OK(columns_person(columns, 2, STR("-benno\"b"), &err));
    OK(columns_tag(columns, 1, STR("=1+2,\"x\""), &err));
    OK(columns_tag(columns, 2, STR("\xe4\xbc\x9a\xe8\xad\xb0"), &err)); /* 会議, two cells each */
    OK(columns_tag(columns, 3, STR("\x1b[31mred\nx"), &err));
    add_row(columns, 1, "2026-01-05T09:00:00Z", 10001, 1, 3600);
    add_row(columns, 2, "2026-01-06T09:00:00Z", 10001, 2, 45000);
    add_row(columns, 3, "2026-02-01T09:00:00Z", 10002, 0, 59);
    add_row(columns, 4, "2026-02-02T09:00:00Z", 10002, 1, 300);
    OK(columns_tag_worklog(columns, 1, 1, &err));
    OK(columns_tag_worklog(columns, 2, 2, &err));
    OK(columns_tag_worklog(columns, 3, 3, &err));
    OK(columns_seal(columns, &err));
    return columns;
}

enum format { JSON, CSV, TABLE };

static void assert_written(const struct report_request *request, enum format format,
                           const struct report_proof *proof, const char *expected)
{
    struct columns *columns = awkward();
    struct strbuf text = STRBUF_INIT(100000);
    struct report *report = NULL;

    OK(report_run(columns, request, &report, &err));
    columns_free(columns); /* a report stands alone */
    if (format == JSON)
        OK(report_write_json(report, proof, NULL, collect, &text, &err));
    else if (format == CSV)
        OK(report_write_csv(report, collect, &text, &err));
    else
        OK(report_write_table(report, proof, collect, &text, &err));
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
    report_free(report);
}

static const struct report_proof no_proof = {0};

static void json_has_groups_sums_and_proof(void **state)
{
    struct report_request request = {.groups = {REPORT_ACCOUNT, REPORT_MONTH}, .group_count = 2};
    struct report_proof proof = {
        .has_at = true, .at_ms = INT64_C(1767605530250), .has_drift = true, .drift = 3};

    (void)state;
    assert_written(
        &request, JSON, &no_proof,
        "{\"rows\":[{\"account\":null,\"month\":\"2026-02\",\"seconds\":59,\"count\":1},"
        "{\"account\":\"-benno\\\"b\",\"month\":\"2026-01\",\"seconds\":45000,\"count\":1},"
        "{\"account\":\"anna\",\"month\":\"2026-01\",\"seconds\":3600,\"count\":1},"
        "{\"account\":\"anna\",\"month\":\"2026-02\",\"seconds\":300,\"count\":1}],"
        "\"seconds\":48959,\"count\":4,\"proof\":{\"at\":null,\"drift\":null}}");
    request = (struct report_request){.groups = {REPORT_ISSUE}, .group_count = 1};
    assert_written(&request, JSON, &proof,
                   "{\"rows\":[{\"issue\":\"10001\",\"seconds\":48600,\"count\":2},"
                   "{\"issue\":\"10002\",\"seconds\":359,\"count\":2}],\"seconds\":48959,"
                   "\"count\":4,\"proof\":{\"at\":\"2026-01-05T09:32:10.250Z\",\"drift\":3}}");
    request = (struct report_request){.groups = {REPORT_TAG}, .group_count = 1};
    assert_written(&request, JSON, &no_proof,
                   "{\"rows\":[{\"tag\":null,\"seconds\":300,\"count\":1},"
                   "{\"tag\":\"\\u001b[31mred\\nx\",\"seconds\":59,\"count\":1},"
                   "{\"tag\":\"=1+2,\\\"x\\\"\",\"seconds\":3600,\"count\":1},"
                   "{\"tag\":\"\xe4\xbc\x9a\xe8\xad\xb0\",\"seconds\":45000,\"count\":1}],"
                   "\"seconds\":48959,\"count\":4,\"proof\":{\"at\":null,\"drift\":null}}");
    request = (struct report_request){0};
    assert_written(&request, JSON, &no_proof,
                   "{\"rows\":[],\"seconds\":48959,\"count\":4,"
                   "\"proof\":{\"at\":null,\"drift\":null}}");
}

static void csv_is_quoted_and_no_cell_is_a_formula(void **state)
{
    struct report_request request = {.groups = {REPORT_TAG, REPORT_ACCOUNT, REPORT_DAY},
                                     .group_count = 3};

    (void)state;
    assert_written(&request, CSV, &no_proof,
                   "tag,account,day,seconds,count\r\n"
                   ",anna,2026-02-02,300,1\r\n"
                   "\"\x1b[31mred\nx\",,2026-02-01,59,1\r\n"
                   "\"'=1+2,\"\"x\"\"\",anna,2026-01-05,3600,1\r\n"
                   "\xe4\xbc\x9a\xe8\xad\xb0,\"'-benno\"\"b\",2026-01-06,45000,1\r\n");
    request = (struct report_request){0};
    assert_written(&request, CSV, &no_proof, "seconds,count\r\n");
}

static void every_start_of_a_formula_gets_an_apostrophe(void **state)
{
    static const char *const names[] = {"=a", "+a", "-a", "@a", "\ta", "\ra", "a=", "'a"};
    static const char expected[] = "tag,seconds,count\r\n'\ta,1,1\r\n\"'\ra\",1,1\r\n'a,1,1\r\n"
                                   "'+a,1,1\r\n'-a,1,1\r\n'=a,1,1\r\n'@a,1,1\r\na=,1,1\r\n";
    struct report_request request = {.groups = {REPORT_TAG}, .group_count = 1};
    struct columns *columns = columns_new(0);
    struct strbuf text = STRBUF_INIT(1000);
    struct report *report = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        OK(columns_tag(columns, (int64_t)i + 1, str_from(names[i]), &err));
        add_row(columns, (int64_t)i, "2026-01-05T09:00:00Z", 1, 0, 1);
        OK(columns_tag_worklog(columns, (int64_t)i, (int64_t)i + 1, &err));
    }
    OK(columns_seal(columns, &err));
    OK(report_run(columns, &request, &report, &err));
    OK(report_write_csv(report, collect, &text, &err));
    assert_string_equal(strbuf_z(&text), expected);
    strbuf_done(&text);
    report_free(report);
    columns_free(columns);
}

static void a_table_is_aligned_and_harmless(void **state)
{
    struct report_request request = {.groups = {REPORT_TAG, REPORT_ISSUE, REPORT_ACCOUNT},
                                     .group_count = 3};
    struct report_proof proof = {
        .has_at = true, .at_ms = INT64_C(1767605530250), .has_drift = true};

    (void)state;
    assert_written(&request, TABLE, &proof,
                   "tag         issue  account          time  worklogs\n"
                   "(no tag)    10002  anna           0h 05m         1\n"
                   "\xef\xbf\xbd[31mred\xef\xbf\xbdx  10002  (nobody)   0h 00m 59s         1\n"
                   "=1+2,\"x\"    10001  anna           1h 00m         1\n"
                   "\xe4\xbc\x9a\xe8\xad\xb0        10001  -benno\"b      12h 30m         1\n"
                   "total                        13h 35m 59s         4\n"
                   "\n"
                   "Equal to Jira at 2026-01-05T09:32:10.250Z.\n");
}

static void a_table_says_what_it_leaves_out(void **state)
{
    struct report_request request = {.groups = {REPORT_ISSUE},
                                     .group_count = 1,
                                     .top = 1,
                                     .order = REPORT_BY_SECONDS,
                                     .descending = true};
    struct report_proof proof = {
        .has_at = true, .at_ms = INT64_C(1767605530250), .has_drift = true, .drift = 2};

    (void)state;
    assert_written(&request, TABLE, &proof,
                   "issue         time  worklogs\n"
                   "10001      13h 30m         2\n"
                   "total  13h 35m 59s         4\n"
                   "\n"
                   "1 of 2 rows shown; the total is of all worklogs.\n"
                   "Compared with Jira at 2026-01-05T09:32:10.250Z: 2 worklogs differed and were "
                   "repaired.\n");
    request = (struct report_request){0};
    OK(report_add_issue("--issue", STR("77"), &request, &err));
    assert_written(&request, TABLE, &no_proof,
                   "         time  worklogs\n"
                   "total  0h 00m         0\n"
                   "\n"
                   "Not yet proved equal to Jira; \"tenon sync --verify\" does that.\n");
    report_request_done(&request);
}

static void hours_are_written_for_people(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{0, "0h 00m"},          {59, "0h 00m 59s"},
                 {60, "0h 01m"},         {45000, "12h 30m"},
                 {3599, "0h 59m 59s"},   {3600, "1h 00m"},
                 {3600000, "1000h 00m"}, {INT64_C(7200000000000), "2000000000h 00m"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf text = STRBUF_INIT(100);

        report_put_hours(&text, cases[i].seconds);
        assert_string_equal(strbuf_z(&text), cases[i].text);
        strbuf_done(&text);
    }
}

/* 30,000 rows: several parts, which together are the whole. */
static void long_reports_are_handed_on_in_parts(void **state)
{
    struct report_request request = {.groups = {REPORT_ISSUE, REPORT_DAY}, .group_count = 2};
    struct columns *columns = columns_new(0);
    struct strbuf text = STRBUF_INIT(10000000);
    struct report *report = NULL;
    yyjson_doc *doc = NULL;
    size_t parts = 0;

    (void)state;
    for (int64_t i = 0; i < 30000; i++)
        add_row(columns, i, "2026-01-05T09:00:00Z", i, 0, i);
    OK(columns_seal(columns, &err));
    OK(report_run(columns, &request, &report, &err));

    OK(report_write_json(report, &no_proof, NULL, collect, &text, &err));
    OK(json_read(strbuf_str(&text), "the report", &doc, &err));
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(yyjson_doc_get_root(doc), "rows")), 30000);
    yyjson_doc_free(doc);
    assert_int_equal(report_write_json(report, &no_proof, NULL, refuse, &parts, &err), ERR_SPACE);
    assert_int_equal(report_write_csv(report, refuse, &parts, &err), ERR_SPACE);
    assert_int_equal(report_write_table(report, &no_proof, refuse, &parts, &err), ERR_SPACE);
    assert_int_equal(parts, 3); /* each stopped at the first */
    strbuf_done(&text);
    report_free(report);
    columns_free(columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_read_in_their_order),
        cmocka_unit_test(wrong_groups_are_refused_and_change_nothing),
        cmocka_unit_test(days_must_exist),
        cmocka_unit_test(orders_have_directions),
        cmocka_unit_test(row_numbers_are_whole_and_bounded),
        cmocka_unit_test(filters_are_collected_and_checked),
        cmocka_unit_test(a_period_must_go_forward_and_be_of_a_human_length),
        cmocka_unit_test(a_request_that_was_not_parsed_is_checked_too),
        cmocka_unit_test(json_has_groups_sums_and_proof),
        cmocka_unit_test(csv_is_quoted_and_no_cell_is_a_formula),
        cmocka_unit_test(every_start_of_a_formula_gets_an_apostrophe),
        cmocka_unit_test(a_table_is_aligned_and_harmless),
        cmocka_unit_test(a_table_says_what_it_leaves_out),
        cmocka_unit_test(hours_are_written_for_people),
        cmocka_unit_test(long_reports_are_handed_on_in_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
