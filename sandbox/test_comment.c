#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "comment.h"

static struct mention somebody(const void *arg, uint64_t nth)
{
    (void)arg;
    return nth % 2 ? (struct mention){STR("5b10:1"), STR("dörte"), STR("Dörte Weiß")}
                   : (struct mention){STR("5b10:2"), STR("jo"), STR("Jo O'Neil")};
}

static const struct comment_people cloud = {somebody, NULL, false};
static const struct comment_people datacenter = {somebody, NULL, true};

static yyjson_doc *parse(const struct strbuf *text)
{
    yyjson_doc *doc = NULL;
    struct err err = {0};

    if (json_read(strbuf_str(text), "the test's text", &doc, &err) != ERR_OK)
        fail_msg("%s: %s", err.msg, strbuf_z(text));
    return doc;
}

/* Property over many seeds: the plain text is what the document's rule gives. */
static void the_plain_form_is_what_the_document_says(void **state)
{
    bool paragraphs = false, breaks = false, mentions = false, cards = false, nameless = false;

    (void)state;
    for (uint64_t seed = 1; seed < 4000; seed++) {
        struct strbuf adf AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);
        struct strbuf plain AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);
        struct strbuf again AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);

        comment_put_adf(&adf, seed, &cloud);
        comment_put_plain(&plain, seed, &cloud);

        yyjson_doc *doc AUTO(yyjson_doc_autop) = parse(&adf);

        assert_true(adf_is_document(yyjson_doc_get_root(doc)));
        adf_put_plain(&again, yyjson_doc_get_root(doc));
        assert_string_equal(strbuf_z(&again), strbuf_z(&plain));
        assert_true(str_is_utf8(strbuf_str(&plain)));
        assert_int_equal(plain.failed, ERR_OK);
        paragraphs |= strstr(strbuf_z(&adf), "]},{\"type\":\"paragraph\"") != NULL;
        breaks |= strstr(strbuf_z(&adf), "hardBreak") != NULL;
        mentions |= strstr(strbuf_z(&plain), "@Dörte") != NULL;
        cards |= strstr(strbuf_z(&plain), "https://") != NULL;
        nameless |= strstr(strbuf_z(&plain), ":acme-parrot:") != NULL;
    }
    assert_true(paragraphs && breaks && mentions && cards && nameless);
}

static void the_same_seed_gives_the_same_comment(void **state)
{
    struct strbuf one AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);
    struct strbuf two AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);
    struct strbuf other AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);

    (void)state;
    comment_put_plain(&one, 77, &cloud);
    comment_put_plain(&two, 77, &cloud);
    comment_put_plain(&other, 78, &cloud);
    assert_string_equal(strbuf_z(&one), strbuf_z(&two));
    assert_string_not_equal(strbuf_z(&one), strbuf_z(&other));
}

static void text_is_written_as_json_and_read_back(void **state)
{
    bool by_name = false, by_account = false;

    (void)state;
    for (uint64_t seed = 1; seed < 2000; seed++) {
        struct strbuf json AUTO(strbuf_done) = STRBUF_INIT(2 * COMMENT_BYTES_MAX);
        struct strbuf plain AUTO(strbuf_done) = STRBUF_INIT(COMMENT_BYTES_MAX);

        comment_put_wiki_json(&json, seed, &datacenter);
        comment_put_plain(&plain, seed, &datacenter);

        yyjson_doc *doc AUTO(yyjson_doc_autop) = parse(&json);

        /* A Data Center's plain text is its wiki text. */
        assert_string_equal(yyjson_get_str(yyjson_doc_get_root(doc)), strbuf_z(&plain));
        by_name |= strstr(strbuf_z(&plain), "[~dörte]") != NULL;
        strbuf_reset(&json);
        comment_put_wiki_json(&json, seed, &cloud);
        by_account |= strstr(strbuf_z(&json), "[~accountid:5b10:1]") != NULL;
    }
    assert_true(by_name && by_account);
}

static void assert_plain(const char *document, const char *expected)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(4096),
                       plain AUTO(strbuf_done) = STRBUF_INIT(4096);

    strbuf_add_z(&text, document);

    yyjson_doc *doc AUTO(yyjson_doc_autop) = parse(&text);

    adf_put_plain(&plain, yyjson_doc_get_root(doc));
    assert_string_equal(strbuf_z(&plain), expected);
}

#define DOC(content) "{\"version\":1,\"type\":\"doc\",\"content\":[" content "]}"
#define PARA(content) "{\"type\":\"paragraph\",\"content\":[" content "]}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static void documents_of_others_become_text_by_the_rule(void **state)
{
    (void)state;
    assert_plain(DOC(""), "");
    assert_plain(DOC(PARA(TEXT("a") "," TEXT("b"))), "ab");
    assert_plain(DOC(PARA(TEXT("a")) "," PARA(TEXT("b"))), "a\nb");
    assert_plain(DOC(PARA(TEXT("a") ",{\"type\":\"hardBreak\"}," TEXT("b"))), "a\nb");
    assert_plain(DOC(PARA(TEXT("a") ",{\"type\":\"hardBreak\"}") "," PARA("")), "a");
    assert_plain(
        DOC("{\"type\":\"bulletList\",\"content\":[{\"type\":\"listItem\",\"content\":[" PARA(
            TEXT("x")) "]},{\"type\":\"listItem\",\"content\":[" PARA(TEXT("y")) "]}]}"),
        "x\ny");
    assert_plain(DOC("{\"type\":\"codeBlock\",\"attrs\":{\"language\":\"c\"},\"content\":[" TEXT(
                     "int a;\\nint b;") "]}"),
                 "int a;\nint b;");
    assert_plain(DOC(PARA("{\"type\":\"emoji\",\"attrs\":{\"shortName\":\":x:\"}}")), ":x:");
    assert_plain(DOC(PARA("{\"type\":\"mention\",\"attrs\":{\"id\":\"1\",\"text\":\"@Al\"}}")),
                 "@Al");
    assert_plain(DOC("{\"type\":\"rule\"}"), "");
    assert_plain("{\"content\":\"nonsense\"}", "");
}

static void text_made_a_document_reads_back_as_itself(void **state)
{
    static const char *const texts[] = {"",       "a",           "a\nb",          "\na",
                                        "a\n\nb", "\"q\" \\ \t", "ünïcödé 🎉 你好"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct strbuf adf AUTO(strbuf_done) = STRBUF_INIT(4096);

        adf_put_from_text(&adf, str_from(texts[i]));
        assert_plain(strbuf_z(&adf), texts[i]);
    }
}

static void only_documents_are_taken_for_documents(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {DOC(""), true},
        {"\"text\"", false},
        {"{\"type\":\"doc\",\"version\":2,\"content\":[]}", false},
        {"{\"type\":\"paragraph\",\"version\":1,\"content\":[]}", false},
        {"{\"type\":\"doc\",\"version\":1}", false},
        {"null", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(4096);

        strbuf_add_z(&text, cases[i].text);

        yyjson_doc *doc AUTO(yyjson_doc_autop) = parse(&text);

        assert_int_equal(adf_is_document(yyjson_doc_get_root(doc)), cases[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_form_is_what_the_document_says),
        cmocka_unit_test(the_same_seed_gives_the_same_comment),
        cmocka_unit_test(text_is_written_as_json_and_read_back),
        cmocka_unit_test(documents_of_others_become_text_by_the_rule),
        cmocka_unit_test(text_made_a_document_reads_back_as_itself),
        cmocka_unit_test(only_documents_are_taken_for_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
