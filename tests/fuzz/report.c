/*
 * report.c: the words of a report's request, and reports of worklogs with any names in them.
 *
 * The input is lines: groups, first day, last day, order, rows; then accounts, issues and tags, one
 * a line in turn. Holds: what is refused leaves the request as it was and has a sentence, which
 * shows no account and no tag; what is taken is within its bounds; a report of worklogs of these
 * people and tags is JSON and CSV that give the names back as they were, but for the apostrophe
 * that keeps a spreadsheet from running one.
 */
#include <csv.h>

#include "apps/timesheet/report.h"
#include "base/civil.h"
#include "base/json.h"
#include "fuzz.h"

#define NAMES_MAX 24
#define TEXT_BYTES_MAX ((size_t)1 << 20)

static void check_refusal(const struct err *err, enum err_class class)
{
    FUZZ_CHECK(class == ERR_USAGE);
    fuzz_check_error(err, class);
    FUZZ_CHECK(str_starts(str_from(err->msg), STR("--x: ")));
}

static void check_groups(struct str text, struct report_request *request)
{
    struct report_request old = *request;
    struct err err = {0};
    enum err_class class = report_parse_groups("--x", text, request, &err);

    if (class != ERR_OK) {
        check_refusal(&err, class);
        FUZZ_CHECK(memcmp(&old, request, sizeof(old)) == 0);
        return;
    }
    FUZZ_CHECK(request->group_count <= LIMIT_REPORT_GROUPS);

    /* The names of what was understood, in their order, are understood the same. */
    AUTO(strbuf_done) struct strbuf names = STRBUF_INIT(1000);
    struct report_request again = {0};

    for (size_t g = 0; g < request->group_count; g++)
        strbuf_addf(&names, "%s%s", g ? " , " : "", report_group_name(request->groups[g]));
    FUZZ_CHECK(report_parse_groups("--x", strbuf_str(&names), &again, &err) == ERR_OK);
    FUZZ_CHECK(again.group_count == request->group_count);
    FUZZ_CHECK(memcmp(again.groups, request->groups, sizeof(again.groups)) == 0);
}

static void check_day(struct str text, bool *ret_has, int32_t *ret_day)
{
    struct err err = {0};
    char back[CIVIL_DATE_BYTES + 1];
    int32_t day = -77;
    enum err_class class = report_parse_day("--x", text, &day, &err);

    *ret_has = class == ERR_OK;
    if (class != ERR_OK) {
        check_refusal(&err, class);
        FUZZ_CHECK(day == -77);
        return;
    }
    civil_format_date(day, back);
    FUZZ_CHECK(str_eq_z(str_trim(text), back));
    *ret_day = day;
}

static void check_order(struct str text, struct report_request *request)
{
    struct report_request old = *request;
    struct err err = {0};
    enum err_class class = report_parse_order("--x", text, request, &err);

    if (class == ERR_OK) {
        FUZZ_CHECK(request->order <= REPORT_BY_COUNT);
        return;
    }
    check_refusal(&err, class);
    FUZZ_CHECK(memcmp(&old, request, sizeof(old)) == 0);
}

static void check_rows(struct str text, struct report_request *request)
{
    struct err err = {0};
    size_t rows = 77;
    int64_t number = 0;
    bool good = parse_i64(str_trim(text), 1, LIMIT_REPORT_CELLS, &number);
    enum err_class class = report_parse_rows("--x", text, 1, &rows, &err);

    FUZZ_CHECK((class == ERR_OK) == good);
    FUZZ_CHECK(rows == (good ? (size_t)number : 77));
    if (class != ERR_OK)
        check_refusal(&err, class);
    else
        request->limit = rows;
}

/* Is a text of some length in the sentence? */
static bool shows(const struct err *err, struct str text)
{
    return text.len > 8 && memmem(err->msg, strlen(err->msg), text.ptr, text.len) &&
           !memmem("5b10ac8d82e05b22cc7d4ef5", 24, text.ptr, text.len);
}

static void check_filters(struct str input, struct report_request *request)
{
    struct str text = {NULL, 0};

    for (size_t i = 0; input.len > 0 && i < NAMES_MAX; i++) {
        struct err err = {0};
        enum err_class class;

        text = fuzz_line(&input);
        switch (i % 3) {
        case 0:
            class = report_add_account("--x", text, request, &err);
            FUZZ_CHECK(class == ERR_OK || !shows(&err, text));
            break;
        case 1:
            class = report_add_issue("--x", text, request, &err);
            break;
        default:
            class = report_add_tag("--x", text, request, &err);
            FUZZ_CHECK(class == ERR_OK || !shows(&err, text));
        }
        if (class != ERR_OK)
            check_refusal(&err, class);
    }
    FUZZ_CHECK(request->account_count + request->issue_count + request->tag_count <= NAMES_MAX);
}

/* ---- Reports of worklogs with those names ---- */

/* Up to NAMES_MAX different texts that can be a name, in the order of their first line. */
struct names {
    struct str list[NAMES_MAX];
    size_t count;
};

static struct names take_names(struct str input)
{
    struct names names = {.count = 0};

    while (input.len > 0 && names.count < NAMES_MAX) {
        struct str text = str_sub(fuzz_line(&input), 0, LIMIT_TAG_NAME_BYTES);
        size_t i = 0;

        while (i < names.count && !str_eq(names.list[i], text))
            i++;
        /* Names are text: from JSON, so UTF-8, and what has NUL in it is refused before. */
        if (i == names.count && text.len > 0 && str_is_utf8(text))
            names.list[names.count++] = text;
    }
    return names;
}

/* Worklog n: by person n, with tag n, n hours; ids from 1. */
static struct columns *make_columns(const struct names *names)
{
    struct columns *columns = columns_new(names->count);
    struct err err = {0};

    FUZZ_CHECK(columns);
    for (size_t i = 0; i < names->count; i++) {
        int64_t ref = (int64_t)i + 1;
        struct columns_row row = {.id = ref,
                                  .started_ms = ref * 11 * MS_PER_DAY,
                                  .issue = 100 + ref % 3,
                                  .person = ref,
                                  .seconds = ref * 3600};

        FUZZ_CHECK(columns_person(columns, ref, names->list[i], &err) == ERR_OK);
        FUZZ_CHECK(columns_tag(columns, ref, names->list[i], &err) == ERR_OK);
        FUZZ_CHECK(columns_add(columns, &row, &err) == ERR_OK);
        FUZZ_CHECK(columns_tag_worklog(columns, ref, ref, &err) == ERR_OK);
    }
    FUZZ_CHECK(columns_seal(columns, &err) == ERR_OK);
    return columns;
}

static enum err_class collect(void *arg, struct str part, struct err *err)
{
    struct strbuf *text = arg;

    strbuf_add_str(text, part);
    return strbuf_check(text, "the report", err);
}

static size_t find_name(const struct names *names, struct str text)
{
    size_t i = 0;

    while (i < names->count && !str_eq(names->list[i], text))
        i++;
    FUZZ_CHECK(i < names->count);
    return i;
}

static void check_json(const struct report *report, const struct names *names)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_BYTES_MAX);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    const struct report_proof proof = {.has_at = false};
    struct err err = {0};
    yyjson_val *row;
    size_t at, count;
    int64_t seconds = 0;

    FUZZ_CHECK(report_write_json(report, &proof, NULL, collect, &text, &err) == ERR_OK);
    FUZZ_CHECK(json_read(strbuf_str(&text), "the report", &doc, &err) == ERR_OK);

    yyjson_val *rows = yyjson_obj_get(yyjson_doc_get_root(doc), "rows");

    FUZZ_CHECK(yyjson_arr_size(rows) == names->count);
    yyjson_arr_foreach(rows, at, count, row)
    {
        size_t i = find_name(names, json_str(row, "account"));

        FUZZ_CHECK(str_eq(json_str(row, "tag"), names->list[i]));
        FUZZ_CHECK(json_i64(row, "seconds", &seconds) && seconds == ((int64_t)i + 1) * 3600);
    }
}

/* One field of the CSV after the other. */
struct csv_check {
    const struct names *names;
    size_t column, row, which;
};

static void on_field(void *bytes, size_t len, void *arg)
{
    struct csv_check *check = arg;
    struct str text = {bytes, len};

    if (check->row > 0 && check->column < 2) { /* account, tag */
        size_t i = 0;

        /* As it was, or with the apostrophe before it. */
        while (i < check->names->count && !str_eq(check->names->list[i], text))
            i++;
        if (i == check->names->count) {
            FUZZ_CHECK(len > 1 && text.ptr[0] == '\'');
            i = find_name(check->names, str_sub(text, 1, len));
        } else {
            FUZZ_CHECK(!strchr("=+-@\t\r", text.ptr[0]));
        }
        FUZZ_CHECK(check->column == 0 || check->which == i);
        check->which = i;
    }
    check->column++;
}

static void on_row(int end, void *arg)
{
    struct csv_check *check = arg;

    (void)end;
    FUZZ_CHECK(check->column == 4);
    check->column = 0;
    check->row++;
}

static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static void check_csv(const struct report *report, const struct names *names)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_BYTES_MAX);
    struct csv_check check = {.names = names};
    struct csv_parser parser;
    struct err err = {0};

    FUZZ_CHECK(report_write_csv(report, collect, &text, &err) == ERR_OK);
    FUZZ_CHECK(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_space_func(&parser, no_space); /* else it trims fields */
    FUZZ_CHECK(csv_parse(&parser, text.ptr, text.len, on_field, on_row, &check) == text.len);
    FUZZ_CHECK(csv_fini(&parser, on_field, on_row, &check) == 0);
    csv_free(&parser);
    FUZZ_CHECK(check.row == names->count + 1);
}

static void check_reports(const struct report_request *asked, struct str input)
{
    struct names names = take_names(input);
    AUTO(columns_free_autop) struct columns *columns = make_columns(&names);
    AUTO(report_free_autop) struct report *report = NULL;
    AUTO(report_free_autop) struct report *other = NULL;
    AUTO(strbuf_done) struct strbuf table = STRBUF_INIT(TEXT_BYTES_MAX);
    const struct report_proof proof = {.has_at = false};
    struct report_request all = {.groups = {REPORT_ACCOUNT, REPORT_TAG}, .group_count = 2};
    struct err err = {0};

    FUZZ_CHECK(report_run(columns, &all, &report, &err) == ERR_OK);
    FUZZ_CHECK(report_count(report) == (int64_t)names.count);
    check_json(report, &names);
    check_csv(report, &names);
    FUZZ_CHECK(report_write_table(report, &proof, collect, &table, &err) == ERR_OK);
    FUZZ_CHECK(str_is_utf8(strbuf_str(&table)));

    enum err_class class = report_run(columns, asked, &other, &err);

    if (class != ERR_OK) {
        fuzz_check_error(&err, class);
        FUZZ_CHECK(class == ERR_INPUT || class == ERR_LIMIT);
        return;
    }
    FUZZ_CHECK(report_count(other) <= report_count(report));
    FUZZ_CHECK(report_seconds(other) <= report_seconds(report));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report_request request = {0};
    struct str rest = fuzz_str(data, size);
    AUTO(free_autop) char *bytes = fuzz_exact(rest);

    rest.ptr = bytes;
    check_groups(fuzz_line(&rest), &request);
    check_day(fuzz_line(&rest), &request.has_from, &request.from_day);
    check_day(fuzz_line(&rest), &request.has_to, &request.to_day);
    check_order(fuzz_line(&rest), &request);
    check_rows(fuzz_line(&rest), &request);
    check_filters(rest, &request);
    check_reports(&request, rest);
    report_request_done(&request);
    return 0;
}
