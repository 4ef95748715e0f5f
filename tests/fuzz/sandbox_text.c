/*
 * sandbox_text.c: the small languages of tenon-sandbox.
 *
 * The first line is JQL, the second the value of --generate, the third a duration; the rest is the
 * text of a comment, and its bytes a seed. Holds: JQL is refused with a sentence or selects, of
 * issues made up here, exactly those that its negation does not; what --generate takes is within
 * its limits; a duration that is taken reads the same when shown; a text, and a generated comment,
 * is in ADF what our client's reader makes the same text of.
 */
#include "../../sandbox/comment.h"
#include "../../sandbox/jql.h"
#include "../../sandbox/show.h"
#include "base/civil.h"
#include "base/json.h"
#include "fuzz.h"
#include "jira/jira.h"

#define TEXT_BYTES ((size_t)1 << 20)

/* Issue n: its values are n's letters, its times its number of days. */
struct subject {
    size_t n;
};

static bool subject_is(const void *arg, enum jql_field field, struct str value)
{
    static const char *const values[] = {"alpha", "beta", "10", "user-1"};
    const struct subject *subject = arg;
    bool empty = (subject->n + (size_t)field) % 4 == 0;

    if (!value.ptr)
        return empty;
    return !empty && str_eq_nocase(value, str_from(values[(subject->n + (size_t)field) % 4]));
}

static bool subject_in_range(const void *arg, enum jql_field field, int64_t from_ms, int64_t to_ms)
{
    const struct subject *subject = arg;
    int64_t ms = (int64_t)(subject->n + (size_t)field) * 1000 * MS_PER_DAY;

    return from_ms <= ms && ms < to_ms;
}

static void check_jql(struct str text)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)16 << 20);
    const struct jql_context context = {
        .now_ms = 20635 * MS_PER_DAY, .offset_minutes = 330, .current_user = STR("user-1")};
    AUTO(strbuf_done) struct strbuf opposite = STRBUF_INIT(text.len + 100);
    AUTO(free_autop) char *exact = fuzz_exact(text);
    char why[JQL_WHY_BYTES], other_why[JQL_WHY_BYTES];
    struct jql jql, other;

    FUZZ_CHECK(arena);
    if (!jql_parse(arena, (struct str){exact, text.len}, &context, &jql, why)) {
        FUZZ_CHECK(why[0] && memchr(why, '\0', sizeof(why)));
        return;
    }
    FUZZ_CHECK(!why[0] && jql.order_count <= JQL_ORDER_MAX);
    strbuf_addf(&opposite, "NOT (");
    strbuf_add_str(&opposite, text);
    strbuf_add_char(&opposite, ')');

    /* ORDER BY does not fit into brackets, nor does a query without any restriction. */
    bool have = jql.order_count == 0 && jql.root &&
                jql_parse(arena, strbuf_str(&opposite), &context, &other, other_why);

    for (size_t n = 0; n < 16; n++) {
        struct subject issue = {n};
        const struct jql_subject subject = {subject_is, subject_in_range, &issue};
        bool matches = jql_matches(&jql, &subject);

        FUZZ_CHECK(jql.root || matches);
        FUZZ_CHECK(!have || jql_matches(&other, &subject) == !matches);
    }
}

static void check_generate(struct str text)
{
    struct generate_options options = {.worklogs = -77};
    struct err err = {0};
    enum err_class class = generate_parse(text, &options, &err);

    if (class != ERR_OK) {
        FUZZ_CHECK(class == ERR_USAGE && err.class == class && err.msg[0]);
        FUZZ_CHECK(options.worklogs == -77);
        return;
    }
    FUZZ_CHECK(options.worklogs >= 0 && options.deleted >= 0);
    FUZZ_CHECK(options.deleted <= options.worklogs);
    FUZZ_CHECK(options.issues > 0 && options.users > 0 && options.projects > 0);
    FUZZ_CHECK(options.from_ms < options.to_ms);
    FUZZ_CHECK(options.comments_percent >= 0 && options.comments_percent <= 100);
}

static void check_duration(struct str text)
{
    AUTO(strbuf_done) struct strbuf shown = STRBUF_INIT(200);
    int64_t seconds = -77, again = 0;

    if (!parse_duration(text, &seconds)) {
        FUZZ_CHECK(seconds == -77);
        return;
    }
    FUZZ_CHECK(seconds > 0);
    show_duration(&shown, seconds);
    FUZZ_CHECK(parse_duration(strbuf_str(&shown), &again) && again == seconds);
}

/* The plain text of a document, by our client and by the sandbox. */
static void check_adf(const struct strbuf *adf, struct str plain)
{
    AUTO(strbuf_done) struct strbuf ours = STRBUF_INIT(TEXT_BYTES);
    AUTO(strbuf_done) struct strbuf theirs = STRBUF_INIT(TEXT_BYTES);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};

    while (plain.len > 0 && plain.ptr[plain.len - 1] == '\n')
        plain.len--;
    FUZZ_CHECK(strbuf_check(adf, "a document", &err) == ERR_OK);
    FUZZ_CHECK(json_read(strbuf_str(adf), "a document", &doc, &err) == ERR_OK);
    FUZZ_CHECK(adf_is_document(yyjson_doc_get_root(doc)));
    jira_text(yyjson_doc_get_root(doc), &ours);
    adf_put_plain(&theirs, yyjson_doc_get_root(doc));
    FUZZ_CHECK(str_eq(strbuf_str(&ours), plain));
    FUZZ_CHECK(str_eq(strbuf_str(&theirs), plain));
}

static void check_text(struct str text)
{
    AUTO(strbuf_done) struct strbuf adf = STRBUF_INIT(TEXT_BYTES);

    if (!str_is_utf8(text) || text.len > 4096)
        return;
    adf_put_from_text(&adf, text);
    check_adf(&adf, text);
}

static struct mention mention_of(const void *arg, uint64_t nth)
{
    (void)arg;
    return nth % 2 ? (struct mention){STR("account-1"), STR("name1"), STR("Ann Other")}
                   : (struct mention){STR("account-2"), STR("name2"), STR("Änne \"Öther\"")};
}

static void check_generated(uint64_t seed)
{
    AUTO(strbuf_done) struct strbuf adf = STRBUF_INIT(COMMENT_BYTES_MAX);
    AUTO(strbuf_done) struct strbuf wiki = STRBUF_INIT(COMMENT_BYTES_MAX);
    AUTO(strbuf_done) struct strbuf plain = STRBUF_INIT(COMMENT_BYTES_MAX);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    const struct comment_people people = {mention_of, NULL, false};
    struct err err = {0};

    comment_put_adf(&adf, seed, &people);
    comment_put_plain(&plain, seed, &people);
    check_adf(&adf, strbuf_str(&plain));
    comment_put_wiki_json(&wiki, seed, &people);
    FUZZ_CHECK(json_read(strbuf_str(&wiki), "a comment", &doc, &err) == ERR_OK);
    FUZZ_CHECK(yyjson_is_str(yyjson_doc_get_root(doc)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = fuzz_str(data, size);

    check_jql(fuzz_line(&rest));
    check_generate(fuzz_line(&rest));
    check_duration(fuzz_line(&rest));
    check_text(rest);
    check_generated(fuzz_u64(&rest));
    return 0;
}
