/* Tests of worklog_json.c: what a request may say, and the sentence when it says something else. */
#include "apps/timesheet/worklog_json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/civil.h"

static yyjson_doc *parse(const char *text)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};

    if (json_read(str_from(text), "a body", &doc, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.msg);
    return doc;
}

static void a_new_worklog_says_all_it_can(void **state)
{
    AUTO(yyjson_doc_autop)
    yyjson_doc *doc = parse("{\"issue\":\"ABC-12\",\"started\":\"2026-01-31T09:00:00.000+0100\","
                            "\"seconds\":3600,\"comment\":\"x\",\"tags\":[\"a\",\"b\"],"
                            "\"estimate\":{\"mode\":\"new\",\"to\":\"2h\"},"
                            "\"visibility\":{\"type\":\"group\",\"identifier\":\"g\"}}");
    struct worklog_body body;
    struct err err = {0};

    (void)state;
    assert_int_equal(worklog_body_read(yyjson_doc_get_root(doc), true, &body, &err), ERR_OK);
    assert_true(str_eq_z(body.draft.issue, "ABC-12"));
    assert_int_equal(body.draft.change.started_ms, INT64_C(1769846400000));
    assert_int_equal(body.draft.offset_minutes, 60);
    assert_int_equal(body.draft.change.seconds, 3600);
    assert_int_equal(body.draft.tag_count, 2);
    assert_true(str_eq_z(body.draft.tags[1], "b"));
    assert_int_equal(body.draft.change.estimate.mode, JIRA_ESTIMATE_NEW);
    assert_true(str_eq_z(body.draft.change.estimate.amount, "2h"));
    assert_true(str_eq_z(body.draft.change.visibility_id, "g"));
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *body;
        bool fresh;
        const char *says;
    } cases[] = {
        {"{}", true, "`issue` is missing"},
        {"{}", false, "nothing to change"},
        {"[]", true, "object"},
        {"{\"issue\":12}", true, "`issue` takes"},
        {"{\"issue\":\"A-1\",\"issue\":\"A-2\"}", true, "`issue` stands twice"},
        {"{\"issue\":\"A-1\"}", false, "`issue` is not known"},
        {"{\"second\":60}", false, "`second` is not known"},
        {"{\"se\\u0000\\u001b\\\"x\":60}", false, "`se???x` is not known"},
        {"{\"seconds\":\"60\"}", false, "`seconds` takes"},
        {"{\"seconds\":1.5}", false, "`seconds` takes"},
        {"{\"seconds\":18446744073709551615}", false, "`seconds` takes"},
        {"{\"started\":\"2026-02-30T09:00:00.000Z\"}", false, "`started` takes"},
        {"{\"started\":1768471200000}", false, "`started` takes"},
        {"{\"comment\":null}", false, "`comment` takes"},
        {"{\"tags\":\"a\"}", false, "`tags` takes"},
        {"{\"tags\":[1]}", false, "`tags` takes"},
        {"{\"estimate\":{\"mode\":\"never\"}}", false, "mode is one of"},
        {"{\"estimate\":{\"mode\":\"new\"}}", false, "`to` is a duration"},
        {"{\"estimate\":{\"mode\":\"manual\",\"by\":\"soon\"}}", false, "`by` is a duration"},
        {"{\"estimate\":{\"mode\":\"leave\",\"to\":\"2h\"}}", false, "`to` goes with"},
        {"{\"estimate\":{\"amount\":\"2h\"}}", false, "`amount` is not known"},
        {"{\"issue\":\"A-1\",\"visibility\":{\"type\":\"all\",\"identifier\":\"x\"}}", true,
         "`visibility` takes"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = parse(cases[i].body);
        struct worklog_body body;
        struct err err = {0};

        if (worklog_body_read(yyjson_doc_get_root(doc), cases[i].fresh, &body, &err) != ERR_INPUT ||
            !strstr(err.msg, cases[i].says))
            fail_msg("%s: %s", cases[i].body, err.msg);
    }
}

static void a_million_tags_are_too_many(void **state)
{
    struct strbuf text = STRBUF_INIT(8 << 20);
    yyjson_doc *doc;
    struct worklog_body body;
    struct err err = {0};

    (void)state;
    strbuf_add_z(&text, "{\"tags\":[\"a\"");
    for (int i = 0; i < 1000000; i++)
        strbuf_add_z(&text, ",\"a\"");
    strbuf_add_z(&text, "]}");
    doc = parse(strbuf_z(&text));
    assert_int_equal(worklog_tags_read(yyjson_doc_get_root(doc), &body, &err), ERR_INPUT);
    yyjson_doc_free(doc);
    strbuf_done(&text);
}

static void an_action_says_what_whom_and_where_to(void **state)
{
    static const struct {
        const char *body;
        const char *says; /* NULL: it is good */
    } cases[] = {
        {"{\"action\":\"move\",\"ids\":[\"1\",2],\"date\":\"2026-01-31\",\"tz\":\"UTC\"}", NULL},
        {"{\"action\":\"copy\",\"day\":\"2026-01-30\",\"date\":\"2026-01-31\"}", NULL},
        {"{\"action\":\"delete\",\"ids\":[\"1\"],\"estimate\":{\"mode\":\"leave\"}}", NULL},
        {"{\"action\":\"burn\",\"ids\":[\"1\"]}", "`action` takes"},
        {"{\"ids\":[\"1\"]}", "`action` is missing"},
        {"{\"action\":\"delete\"}", "which worklogs"},
        {"{\"action\":\"delete\",\"ids\":[]}", "`ids` takes"},
        {"{\"action\":\"delete\",\"ids\":[\"0\"]}", "`ids` takes"},
        {"{\"action\":\"delete\",\"ids\":[\"1\"],\"day\":\"2026-01-30\"}", "which worklogs"},
        {"{\"action\":\"delete\",\"ids\":[\"1\"],\"date\":\"2026-01-30\"}", "`date`"},
        {"{\"action\":\"move\",\"ids\":[\"1\"]}", "`date`"},
        {"{\"action\":\"move\",\"ids\":[\"1\"],\"date\":\"31.1.2026\"}", "`date` takes"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(yyjson_doc_autop) yyjson_doc *doc = parse(cases[i].body);
        struct action_body body;
        struct err err = {0};
        enum err_class rc = action_body_read(yyjson_doc_get_root(doc), &body, &err);

        if (rc != (cases[i].says ? ERR_INPUT : ERR_OK) ||
            (cases[i].says && !strstr(err.msg, cases[i].says)))
            fail_msg("%s: %s", cases[i].body, err.msg);
    }
}

static void a_stamp_keeps_what_the_clock_was_ahead(void **state)
{
    static const struct {
        const char *text;
        int32_t minutes;
    } cases[] = {
        {"2026-01-31T09:00:00.000Z", 0},       {"2026-01-31T09:00:00.000+0530", 330},
        {"2026-01-31T09:00:00-08:00", -480},   {"2026-01-31T09:00:00.123456789+1400", 840},
        {"2026-01-31T09:00:00.000-0030", -30},
    };
    int64_t ms;
    int32_t minutes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(worklog_stamp_read(str_from(cases[i].text), &ms, &minutes));
        assert_int_equal(minutes, cases[i].minutes);
    }
    assert_false(worklog_stamp_read(STR("2026-01-31"), &ms, &minutes));
    assert_false(worklog_stamp_read(STR(""), &ms, &minutes));
}

static void a_cursor_reads_back(void **state)
{
    static const char *const bad[] = {"", "1", ".1", "1.", "1.-1", "x.1", "1.1.1"};
    static const struct query_place good[] = {{0, 1}, {-5, 0}, {INT64_MAX, INT64_MAX}};
    struct query_place cursor;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct strbuf text = STRBUF_INIT(100);

        worklog_cursor_put(&text, &good[i]);
        assert_true(worklog_cursor_read(strbuf_str(&text), &cursor));
        assert_int_equal(cursor.started_ms, good[i].started_ms);
        assert_int_equal(cursor.id, good[i].id);
        strbuf_done(&text);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (worklog_cursor_read(str_from(bad[i]), &cursor))
            fail_msg("taken: \"%s\"", bad[i]);
}

static void a_worklog_is_shown_with_its_ids_as_texts(void **state)
{
    const struct str tags[] = {STR("a\"b")};
    const struct worklog_row row = {.id = INT64_MAX,
                                    .issue_id = 10001,
                                    .account = STR("acc"),
                                    .comment = STR("</script>\n"),
                                    .seconds = 60,
                                    .tags = tags,
                                    .tag_count = 1};
    struct strbuf text = STRBUF_INIT(1000);
    struct json_out out = json_out(&text);

    (void)state;
    worklog_put(&out, &row);
    assert_string_equal(
        strbuf_z(&text),
        "{\"id\":\"9223372036854775807\",\"issue\":\"10001\",\"account\":\"acc\","
        "\"started\":\"1970-01-01T00:00:00.000Z\",\"created\":\"1970-01-01T00:00:00.000Z\","
        "\"updated\":\"1970-01-01T00:00:00.000Z\",\"seconds\":60,\"comment\":\"</script>\\n\","
        "\"tags\":[\"a\\\"b\"]}");
    strbuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_worklog_says_all_it_can),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_million_tags_are_too_many),
        cmocka_unit_test(an_action_says_what_whom_and_where_to),
        cmocka_unit_test(a_stamp_keeps_what_the_clock_was_ahead),
        cmocka_unit_test(a_cursor_reads_back),
        cmocka_unit_test(a_worklog_is_shown_with_its_ids_as_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
