/* Tests of adf.c: Atlassian Document Format to plain text. */
#include "jira/jira.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void becomes(const char *json, struct str expected)
{
    struct strbuf text = STRBUF_INIT(100000);
    yyjson_doc *doc = NULL;
    struct err err = {0};

    if (json_read(str_from(json), "it", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    jira_text(yyjson_doc_get_root(doc), &text);
    if (!str_eq(strbuf_str(&text), expected))
        fail_msg("%s\nbecame\n%s", json, strbuf_z(&text));
    yyjson_doc_free(doc);
    strbuf_done(&text);
}

#define DOC(content) "{\"type\":\"doc\",\"version\":1,\"content\":[" content "]}"
#define P(content) "{\"type\":\"paragraph\",\"content\":[" content "]}"
#define T(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static void a_string_is_taken_as_it_is(void **state)
{
    (void)state;
    becomes("\"plain *wiki* text\"", STR("plain *wiki* text"));
    becomes("\"two\\nlines\"", STR("two\nlines"));
    becomes("\"ends\\n\\n\"", STR("ends"));
    becomes("\"\"", STR(""));
    becomes("\"\\n\"", STR(""));
    becomes("\"caf\\u00e9 \\ud83d\\ude00\"", STR("caf\xc3\xa9 \xf0\x9f\x98\x80"));
}

static void what_is_neither_gives_nothing(void **state)
{
    (void)state;
    becomes("null", STR(""));
    becomes("7", STR(""));
    becomes("true", STR(""));
    becomes("[\"x\"]", STR(""));
    becomes("{}", STR(""));
    becomes("{\"type\":7,\"content\":7}", STR(""));
    becomes("{\"type\":\"doc\",\"content\":{\"type\":\"text\",\"text\":\"x\"}}", STR(""));
    becomes("{\"type\":\"text\"}", STR(""));
    becomes("{\"type\":\"text\",\"text\":7}", STR(""));
    becomes(DOC("7,null,\"x\",[]"), STR(""));

    struct strbuf text = STRBUF_INIT(10);

    jira_text(NULL, &text);
    assert_int_equal(text.len, 0);
    strbuf_done(&text);
}

static void each_block_is_a_line(void **state)
{
    (void)state;
    becomes(DOC(P(T("one"))), STR("one"));
    becomes(DOC(P(T("one") "," T(" and a half")) "," P(T("two"))), STR("one and a half\ntwo"));
    becomes(DOC(P("") "," P(T("after an empty one"))), STR("after an empty one"));
    becomes(DOC("{\"type\":\"heading\",\"attrs\":{\"level\":1},\"content\":[" T("Title") "]}," P(
                T("text"))),
            STR("Title\ntext"));
    becomes(DOC(P(T("a") ",{\"type\":\"hardBreak\"}," T("b"))), STR("a\nb"));
    becomes(DOC(P(T("a") ",{\"type\":\"hardBreak\"}")), STR("a"));
    becomes(DOC("{\"type\":\"bulletList\",\"content\":[{\"type\":\"listItem\",\"content\":[" P(
                T("one")) "]},{\"type\":\"listItem\",\"content\":[" P(T("two")) "]}]}"),
            STR("one\ntwo"));
    becomes(DOC("{\"type\":\"table\",\"content\":[{\"type\":\"tableRow\",\"content\":["
                "{\"type\":\"tableCell\",\"content\":[" P(
                    T("a")) "]},"
                            "{\"type\":\"tableCell\",\"content\":[" P(T("b")) "]}]}]}"),
            STR("a\nb"));
    becomes(DOC("{\"type\":\"codeBlock\",\"attrs\":{\"language\":\"c\"},\"content\":[" T(
                "int x;\\nint y;") "]}," P(T("end"))),
            STR("int x;\nint y;\nend"));
    becomes(DOC(P(T("a")) ",{\"type\":\"rule\"}," P(T("b"))), STR("a\nb"));
}

static void what_is_no_text_stands_by_its_own_words(void **state)
{
    (void)state;
    becomes(DOC(P("{\"type\":\"mention\",\"attrs\":{\"id\":\"5b\",\"text\":\"@somebody\"}}," T(
                " look"))),
            STR("@somebody look"));
    becomes(DOC(P("{\"type\":\"emoji\",\"attrs\":{\"shortName\":\":grin:\",\"text\":\"\\ud83d"
                  "\\ude00\"}}")),
            STR("\xf0\x9f\x98\x80"));
    becomes(DOC(P("{\"type\":\"emoji\",\"attrs\":{\"shortName\":\":own:\"}}")), STR(":own:"));
    becomes(DOC(P("{\"type\":\"inlineCard\",\"attrs\":{\"url\":\"https://x.example/1\"}}")),
            STR("https://x.example/1"));
    becomes(DOC("{\"type\":\"blockCard\",\"attrs\":{\"url\":\"https://x.example/2\"}}"),
            STR("https://x.example/2"));
    becomes(DOC(P("{\"type\":\"status\",\"attrs\":{\"text\":\"done\",\"color\":\"green\"}}")),
            STR("done"));
    becomes(DOC(P("{\"type\":\"mention\"}," T("x"))), STR("x"));
    becomes(DOC(P("{\"type\":\"of_tomorrow\",\"attrs\":{\"x\":1}}," T("x"))), STR("x"));
    becomes(DOC("{\"type\":\"of_tomorrow\",\"content\":[" P(T("inside")) "]}"), STR("inside"));
    becomes(DOC(P("{\"type\":\"text\",\"text\":\"bold\",\"marks\":[{\"type\":\"strong\"}]}")),
            STR("bold"));
}

static void the_deepest_document_that_is_read_is_walked(void **state)
{
    struct strbuf json = STRBUF_INIT(100000);

    (void)state;
    /* Two levels a node, object and array. */
    for (int i = 0; i < LIMIT_JSON_DEPTH / 2 - 1; i++)
        strbuf_add_z(&json, "{\"type\":\"panel\",\"content\":[");
    strbuf_add_z(&json, T("deep"));
    for (int i = 0; i < LIMIT_JSON_DEPTH / 2 - 1; i++)
        strbuf_add_z(&json, "]}");
    becomes(strbuf_z(&json), STR("deep"));
    strbuf_done(&json);
}

static void a_full_buffer_keeps_its_cap(void **state)
{
    struct strbuf text = STRBUF_INIT(5);
    yyjson_doc *doc = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(json_read(STR(DOC(P(T("one")) "," P(T("two")))), "it", &doc, &err), ERR_OK);
    jira_text(yyjson_doc_get_root(doc), &text);
    assert_int_equal(text.failed, ERR_LIMIT);
    assert_true(text.len <= 5);
    yyjson_doc_free(doc);
    strbuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_taken_as_it_is),
        cmocka_unit_test(what_is_neither_gives_nothing),
        cmocka_unit_test(each_block_is_a_line),
        cmocka_unit_test(what_is_no_text_stands_by_its_own_words),
        cmocka_unit_test(the_deepest_document_that_is_read_is_walked),
        cmocka_unit_test(a_full_buffer_keeps_its_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
