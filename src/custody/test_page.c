/* Tests of page.c: three forms of one catalogue, none of which says more or less than another. */
#include "custody/page.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/json.h"

#define PAGE_BYTES (1 << 20)

static const struct field note_fields[] = {
    {"id", TYPE_INT, CLASS_ID, FIELD_KEY, "its number"},
    {"writer", TYPE_REF, CLASS_PERSON, FIELD_NULL, "who wrote it", .ref = "writer"},
    {"body_text", TYPE_TEXT, CLASS_CONTENT, 0, "less < more > & \"quoted\" <script>x</script>",
     .class_since = 3, .class_before = CLASS_META},
    {"body_digest", TYPE_BLOB, CLASS_META, FIELD_UNIQUE, "to find it", .digest_of = "body_text"},
    {"written", TYPE_TIME, CLASS_META, 0, "when", .since = 3, .default_sql = "0"},
    {"token", TYPE_TEXT, CLASS_SECRET, FIELD_NULL, "what opens it"},
};
static const struct record note = {
    .name = "note",
    .app = "notes",
    .scope = SCOPE_TENANT,
    .why = "to remember <b>bold</b> & more",
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "written",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_DELETE,
    .shown_to = "people & \"friends\"",
    .since = 2,
    RECORD_FIELDS(note_fields),
};
static const struct field writer_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "the number of the writer"},
    {"account", TYPE_TEXT, CLASS_PERSON, FIELD_UNIQUE, "the account id"},
};
static const struct record writer = {
    .name = "writer",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to know them",
    .retention = RETAIN_AFTER_TENANT,
    .retention_days = 7,
    .basis = BASIS_LEGAL_DUTY,
    .source = SOURCE_JIRA,
    .erase = ERASE_FOLLOW,
    .shown_to = "operators",
    RECORD_FIELDS(writer_fields),
};
static const struct record *const records[] = {&note, &writer};
static const struct catalog catalog = {.version = 3, .records = records, .record_count = 2};

static const struct page_facts facts = {
    .operator_name = "Acme <Ltd>",
    .contact = "privacy@acme.example",
    .location = "Vienna & around",
    .processors = "Ducks plc: hosting, Wales",
    .key_provider = "pkcs11",
    .remote_place = "s3://far/away",
    .backup_every_h = 24,
    .backup_keep_days = 7,
    .remote_keep_days = 31,
};
static const struct page_facts silent = {"", "", "", "", "", "", 0, 0, 0};
static const struct page whole = {&catalog, &facts, NULL};

static struct strbuf page(enum page_form form)
{
    struct strbuf buf = STRBUF_INIT(PAGE_BYTES);
    struct err err = {0};

    if (page_write(&whole, form, &buf, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return buf;
}

static void has(const struct strbuf *buf, const char *text)
{
    if (!strstr(strbuf_z(buf), text))
        fail_msg("the page lacks: %s", text);
}

static void has_not(const struct strbuf *buf, const char *text)
{
    if (strstr(strbuf_z(buf), text))
        fail_msg("the page has: %s", text);
}

static void every_record_and_field_stands_in_all_three_forms(void **state)
{
    (void)state;
    for (int form = PAGE_TEXT; form <= PAGE_HTML; form++) {
        struct strbuf buf = page((enum page_form)form);

        for (size_t r = 0; r < catalog.record_count; r++) {
            has(&buf, records[r]->name);
            has(&buf, records[r]->app);
            for (size_t f = 0; f < records[r]->field_count; f++) {
                has(&buf, records[r]->fields[f].name);
                has(&buf, class_policy(records[r]->fields[f].class)->name);
            }
        }
        has(&buf, "who wrote it");
        has(&buf, "the account id");
        has(&buf, "30 days after written");
        has(&buf, "7 days after the tenant is removed");
        has(&buf, "operators");
        has(&buf, "XChaCha20-Poly1305");
        strbuf_done(&buf);
    }
}

static void the_text_marks_what_is_sealed(void **state)
{
    struct strbuf buf = page(PAGE_TEXT);

    (void)state;
    has(&buf, "catalogue version 3");
    has(&buf, "what opens it [sealed]");
    has_not(&buf, "when [sealed]");
    has(&buf, "control database");
    has(&buf, "tenant's database");
    strbuf_done(&buf);
}

static void html_escapes_every_text(void **state)
{
    struct strbuf buf = page(PAGE_HTML);

    (void)state;
    has_not(&buf, "<script");
    has_not(&buf, "<b>");
    has(&buf, "less &lt; more &gt; &amp; &quot;quoted&quot; &lt;script&gt;x&lt;/script&gt;");
    has(&buf, "to remember &lt;b&gt;bold&lt;/b&gt; &amp; more");
    has(&buf, "people &amp; &quot;friends&quot;");
    strbuf_done(&buf);
}

/* Opened and closed in pairs, and nothing from elsewhere. */
static void html_is_whole_and_stands_alone(void **state)
{
    static const char *const names[] = {"html", "head", "body",  "style", "title", "section",
                                        "h1",   "h2",   "table", "thead", "tbody", "tr",
                                        "td",   "th",   "p",     "code"};
    struct strbuf buf = page(PAGE_HTML);

    (void)state;
    assert_memory_equal(buf.ptr, "<!doctype html>", 15);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char open[16], close[16];
        size_t name_len = strlen(names[i]);
        int depth = 0, count = 0;

        (void)snprintf(open, sizeof(open), "<%s", names[i]);
        (void)snprintf(close, sizeof(close), "</%s>", names[i]);
        for (const char *at = buf.ptr; (at = strchr(at, '<')) != NULL; at++) {
            char after = strncmp(at, open, name_len + 1) == 0 ? at[name_len + 1] : '\0';

            if (after == '>' || after == ' ') {
                depth++;
                count++;
            }
            if (strncmp(at, close, name_len + 3) == 0)
                depth--;
            assert_true(depth >= 0);
        }
        assert_int_equal(depth, 0);
        assert_true(count > 0);
    }
    has_not(&buf, "http");
    has_not(&buf, "src=");
    has_not(&buf, "href=");
    strbuf_done(&buf);
}

static void json_says_all_that_is_declared(void **state)
{
    struct strbuf buf = page(PAGE_JSON);
    yyjson_doc *doc = NULL;
    struct err err = {0};
    int64_t n = 0;

    (void)state;
    if (json_read(strbuf_str(&buf), "the page", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);

    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *list = yyjson_obj_get(root, "records");

    assert_true(json_i64(root, "catalogue", &n));
    assert_int_equal(n, 3);
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "classes")), CLASS_COUNT);
    assert_int_equal(yyjson_arr_size(list), 2);
    for (size_t r = 0; r < 2; r++) {
        yyjson_val *record = yyjson_arr_get(list, r);
        yyjson_val *fields = yyjson_obj_get(record, "fields");

        assert_true(str_eq_z(json_str(record, "name"), records[r]->name));
        assert_true(str_eq_z(json_str(record, "app"), records[r]->app));
        assert_true(str_eq_z(json_str(record, "why"), records[r]->why));
        assert_true(str_eq_z(json_str(record, "shown_to"), records[r]->shown_to));
        assert_int_equal(yyjson_arr_size(fields), records[r]->field_count);
        for (size_t f = 0; f < records[r]->field_count; f++) {
            const struct field *field = &records[r]->fields[f];
            yyjson_val *object = yyjson_arr_get(fields, f);

            assert_true(str_eq_z(json_str(object, "name"), field->name));
            assert_true(str_eq_z(json_str(object, "what"), field->what));
            assert_true(str_eq_z(json_str(object, "class"), class_policy(field->class)->name));
            assert_true(str_eq_z(json_str(object, "type"), field_type_name(field->type)));
            assert_int_equal(json_bool(object, "sealed", false),
                             class_policy(field->class)->sealed);
            assert_int_equal(json_bool(object, "key", false), (field->flags & FIELD_KEY) != 0);
            assert_true(json_i64(object, "since", &n));
            assert_int_equal(n, field->since ? field->since : 1);
        }
    }

    yyjson_val *first = yyjson_arr_get(list, 0);
    yyjson_val *fields = yyjson_obj_get(first, "fields");

    assert_true(str_eq_z(json_str(first, "scope"), "tenant"));
    assert_true(str_eq_z(json_str(first, "retention"), "days"));
    assert_true(json_i64(first, "retention_days", &n) && n == 30);
    assert_true(json_i64(first, "since", &n) && n == 2);
    assert_true(str_eq_z(json_str(first, "on_erasure"), "delete"));
    assert_true(str_eq_z(json_str(first, "legal_basis"), "contract"));
    assert_true(str_eq_z(json_str(first, "source_of_truth"), "user"));
    assert_true(str_eq_z(json_str(yyjson_arr_get(fields, 1), "refers_to"), "writer"));
    assert_true(str_eq_z(json_str(yyjson_arr_get(fields, 3), "digest_of"), "body_text"));
    assert_true(str_eq_z(json_str(yyjson_arr_get(fields, 3), "searchable"), "digest"));
    assert_true(str_eq_z(json_str(yyjson_arr_get(fields, 2), "searchable"), "no"));
    assert_false(json_bool(yyjson_arr_get(fields, 5), "exported", true));
    yyjson_doc_free(doc);
    strbuf_done(&buf);
}

/* ---- What the settings add ---- */

static void each_form_says_what_the_settings_say(void **state)
{
    (void)state;
    for (int form = PAGE_TEXT; form <= PAGE_ARTICLE_30; form++) {
        struct strbuf buf = page((enum page_form)form);

        has(&buf, form == PAGE_HTML ? "Acme &lt;Ltd&gt;" : "Acme <Ltd>");
        has(&buf, form == PAGE_HTML ? "Vienna &amp; around" : "Vienna & around");
        has(&buf, "privacy@acme.example");
        has(&buf, "Ducks plc: hosting, Wales");
        has(&buf, "pkcs11");
        has(&buf, "Every 24 hours");
        has(&buf, "kept 7 days");
        has(&buf, "s3://far/away and is kept 31 days");
        strbuf_done(&buf);
    }
}

static void what_the_settings_do_not_say_is_told_with_the_setting(void **state)
{
    static const struct page unsaid = {&catalog, &silent, NULL};
    struct strbuf buf = STRBUF_INIT(PAGE_BYTES);
    struct err err = {0};

    (void)state;
    assert_int_equal(page_write(&unsaid, PAGE_TEXT, &buf, &err), ERR_OK);
    has(&buf, "page.location");
    has(&buf, "page.processors");
    has(&buf, "page.operator_name");
    has(&buf, "page.contact");
    has(&buf, "None by themselves");
    has_not(&buf, "A copy goes to");
    strbuf_done(&buf);
}

static void the_page_of_one_app_leaves_the_others_out(void **state)
{
    static const struct page notes = {&catalog, &facts, "notes"}, core = {&catalog, &facts, "core"},
                             nothing = {&catalog, &facts, "nothing"};
    struct strbuf buf = STRBUF_INIT(PAGE_BYTES);
    struct err err = {0};

    (void)state;
    assert_int_equal(page_write(&core, PAGE_TEXT, &buf, &err), ERR_OK);
    has(&buf, "the account id");
    has_not(&buf, "who wrote it");
    strbuf_reset(&buf);
    assert_int_equal(page_write(&notes, PAGE_TEXT, &buf, &err), ERR_OK);
    has(&buf, "who wrote it");
    has(&buf, "the account id");
    strbuf_reset(&buf);
    assert_int_equal(page_write(&nothing, PAGE_TEXT, &buf, &err), ERR_INPUT);
    assert_non_null(strstr(err.msg, "notes, core"));
    assert_int_equal(buf.len, 0);
    strbuf_done(&buf);
}

static void fides_gets_a_dataset_an_app_and_a_category_a_field(void **state)
{
    struct strbuf buf = page(PAGE_FIDES);
    yyjson_doc *doc = NULL;
    struct err err = {0};

    (void)state;
    if (json_read(strbuf_str(&buf), "the datasets", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);

    yyjson_val *sets = yyjson_obj_get(yyjson_doc_get_root(doc), "dataset");
    yyjson_val *set = yyjson_arr_get(sets, 0);
    yyjson_val *fields =
        yyjson_obj_get(yyjson_arr_get(yyjson_obj_get(set, "collections"), 0), "fields");

    assert_int_equal(yyjson_arr_size(sets), 2);
    assert_true(str_eq_z(json_str(set, "fides_key"), "tenon_notes"));
    assert_int_equal(yyjson_arr_size(fields), note.field_count);
    assert_string_equal(yyjson_get_str(yyjson_arr_get(
                            yyjson_obj_get(yyjson_arr_get(fields, 2), "data_categories"), 0)),
                        "user.content.private");
    yyjson_doc_free(doc);
    strbuf_done(&buf);
}

/* ---- Versions ---- */

static void diff_is(unsigned from, unsigned to, const char *wanted)
{
    struct strbuf buf = STRBUF_INIT(PAGE_BYTES);
    struct err err = {0};

    if (page_diff(&catalog, from, to, false, &buf, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_string_equal(strchr(strbuf_z(&buf), '\n') + 1, wanted);
    strbuf_done(&buf);
}

static void the_change_from_one_version_to_another_is_told(void **state)
{
    (void)state;
    diff_is(1, 2,
            "+ note (notes): to remember <b>bold</b> & more\n"
            "+ note.id ID: its number\n"
            "+ note.writer PERSON: who wrote it\n"
            "+ note.body_text META: less < more > & \"quoted\" <script>x</script>\n"
            "+ note.body_digest META: to find it\n"
            "+ note.token SECRET: what opens it\n");
    diff_is(2, 3,
            "~ note.body_text was META and is CONTENT: sealed value by value (XChaCha20-Poly1305) "
            "with the tenant's own key, inside the encrypted database file\n"
            "+ note.written META: when\n");
}

static void versions_that_there_are_not_are_refused(void **state)
{
    static const unsigned wrong[][2] = {{0, 1}, {1, 1}, {2, 1}, {1, 4}, {3, 3}};
    struct strbuf buf = STRBUF_INIT(PAGE_BYTES);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err err = {0};

        assert_int_equal(page_diff(&catalog, wrong[i][0], wrong[i][1], true, &buf, &err),
                         ERR_INPUT);
        assert_non_null(strstr(err.msg, "1 to 3"));
        assert_int_equal(buf.len, 0);
    }
    strbuf_done(&buf);
}

static void the_change_as_json_has_class_and_class_before(void **state)
{
    struct strbuf buf = STRBUF_INIT(PAGE_BYTES);
    yyjson_doc *doc = NULL;
    struct err err = {0};

    (void)state;
    assert_int_equal(page_diff(&catalog, 2, 3, true, &buf, &err), ERR_OK);
    if (json_read(strbuf_str(&buf), "the change", &doc, &err) != ERR_OK)
        fail_msg("%s", err.msg);

    yyjson_val *first = yyjson_arr_get(yyjson_obj_get(yyjson_doc_get_root(doc), "changes"), 0);

    assert_true(str_eq_z(json_str(first, "change"), "class"));
    assert_true(str_eq_z(json_str(first, "class"), "CONTENT"));
    assert_true(str_eq_z(json_str(first, "class_before"), "META"));
    yyjson_doc_free(doc);
    strbuf_done(&buf);
}

static void a_page_past_the_buffer_is_a_limit(void **state)
{
    (void)state;
    for (int form = PAGE_TEXT; form <= PAGE_FIDES; form++) {
        struct strbuf buf = STRBUF_INIT(100);
        struct err err = {0};

        assert_int_equal(page_write(&whole, (enum page_form)form, &buf, &err), ERR_LIMIT);
        assert_non_null(strstr(err.msg, "data-storage page"));
        strbuf_done(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_and_field_stands_in_all_three_forms),
        cmocka_unit_test(the_text_marks_what_is_sealed),
        cmocka_unit_test(html_escapes_every_text),
        cmocka_unit_test(html_is_whole_and_stands_alone),
        cmocka_unit_test(json_says_all_that_is_declared),
        cmocka_unit_test(each_form_says_what_the_settings_say),
        cmocka_unit_test(what_the_settings_do_not_say_is_told_with_the_setting),
        cmocka_unit_test(the_page_of_one_app_leaves_the_others_out),
        cmocka_unit_test(fides_gets_a_dataset_an_app_and_a_category_a_field),
        cmocka_unit_test(the_change_from_one_version_to_another_is_told),
        cmocka_unit_test(versions_that_there_are_not_are_refused),
        cmocka_unit_test(the_change_as_json_has_class_and_class_before),
        cmocka_unit_test(a_page_past_the_buffer_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
