/* Tests of settings.c and settings_json.c: what is decided comes back, what is wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../../tests/lib/store_world.h"
#include "apps/apps.h"
#include "apps/timesheet/settings.h"
#include "base/civil.h"

struct fixture {
    struct store_world world;
    struct arena *arena;
    struct settings settings;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    store_world_begin(&f->world, &tenon_catalog, 3);
    f->arena = arena_new((size_t)64 << 20);
    assert_non_null(f->arena);
    assert_int_equal(settings_load(f->world.tenant, f->arena, &f->settings, &f->err), ERR_OK);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    store_world_end(&f->world);
    free(f);
    return 0;
}

static enum err_class read_text(struct fixture *f, const char *text)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err err = {0};

    assert_int_equal(json_read(str_from(text), "the settings", &doc, &err), ERR_OK);
    return settings_read(yyjson_doc_get_root(doc), f->arena, &f->settings, &f->err);
}

static void assert_refused(struct fixture *f, const char *text, const char *says)
{
    assert_int_not_equal(read_text(f, text), ERR_OK);
    if (!strstr(f->err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", f->err.msg, says);
}

static struct strbuf written(const struct settings *settings)
{
    struct strbuf text = STRBUF_INIT(1 << 20);
    struct json_out json = json_out(&text);

    settings_write(settings, &json);
    return text;
}

/* Monday, 2026-03-02, and so on. */
static int32_t day_of(const char *date)
{
    struct civil_date civil;

    assert_true(civil_parse_date(str_from(date), &civil));
    return civil_days(civil);
}

static void before_anything_is_decided_there_are_defaults(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(settings_expected(&f->settings, day_of("2026-03-02")), 28800);
    assert_int_equal(settings_expected(&f->settings, day_of("2026-03-07")), 0);
    for (int i = 0; i < RIGHT_COUNT; i++)
        assert_true(f->settings.access[i].everybody);
    assert_true(f->settings.billing.by_default);
    assert_int_equal(f->settings.billing.tag_count + f->settings.billing.project_count, 0);
    assert_false(f->settings.name_hidden_projects);
    assert_int_equal(f->settings.mail.scope, MAIL_NO_PROJECT);
    assert_int_equal(f->settings.mail.minute, 8 * 60);
}

static void ev_18_the_mail_is_refused_with_what_is_wrong_with_it(void **state)
{
    static const char *const times[] = {"24:00", "7:30", "07:60", "+7:30", "07.30", "07:3x", ""};
    struct fixture *f = *state;

    assert_refused(f, "{\"estimate_mail\":[]}", "estimate_mail must be an object");
    assert_refused(f, "{\"estimate_mail\":{\"send\":\"some\"}}", "none, all or selected");
    assert_refused(f, "{\"estimate_mail\":{\"send\":1}}", "none, all or selected");
    assert_refused(f, "{\"estimate_mail\":{\"send\":\"selected\"}}", "no project is");
    assert_refused(f, "{\"estimate_mail\":{\"projects\":[\"A B\"]}}",
                   "estimate_mail.projects must");
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char text[80];

        (void)snprintf(text, sizeof(text), "{\"estimate_mail\":{\"time\":\"%s\"}}", times[i]);
        assert_refused(f, text, "a time of day like 07:30");
    }
    assert_int_equal(
        read_text(f, "{\"estimate_mail\":{\"send\":\"all\",\"projects\":[],\"time\":\"23:59\"}}"),
        ERR_OK);
    assert_int_equal(f->settings.mail.minute, 24 * 60 - 1);
}

static void ev_17_what_is_no_pattern_is_named_by_its_place(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{\"non_working_patterns\":[\"A-*\",\"A-[1\"]}", "entry 2");
    assert_refused(f, "{\"non_working_patterns\":[\"\"]}", "non_working_patterns must be");
    assert_int_equal(read_text(f, "{\"non_working_patterns\":[]}"), ERR_OK);
}

static void billing_is_refused_with_the_member_that_is_wrong(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{\"billing\":[]}", "billing must be an object");
    assert_refused(f, "{\"billing\":{\"by_default\":1}}", "by_default must be true or false");
    assert_refused(f, "{\"billing\":{\"tags\":[\"\"]}}", "tags must be");
    assert_refused(f, "{\"billing\":{\"projects\":[\"A B\"]}}", "billing.projects must be");
    assert_refused(f, "{\"name_hidden_projects\":\"yes\"}", "name_hidden_projects must be");
}

#define EVERYTHING                                                                                 \
    "{\"working_days\":[1,2,3,4],\"holidays\":[\"2026-04-03\",\"2026-01-01\",\"2026-01-01\"],"     \
    "\"extra_days\":[\"2026-03-07\"],\"expected_seconds\":27000,\"week_start\":7,"                 \
    "\"zone\":\"Europe/Berlin\",\"rounding_minutes\":15,\"comment_required\":true,"                \
    "\"warn_future\":false,\"page_size\":100,\"non_working_issues\":[\"20\",10],"                  \
    "\"access\":{\"log\":{\"everybody\":false,\"accounts\":[\"b\",\"a\",\"b\"],\"groups\":[]},"    \
    "\"others\":{\"everybody\":false,\"accounts\":[],\"groups\":[\"g-1\"]}},"                      \
    "\"billing\":{\"by_default\":false,\"tags\":[\"paid\",\"extra\",\"paid\"],"                    \
    "\"projects\":[\"ABC\",\"XYZ\"]},\"name_hidden_projects\":true,"                               \
    "\"non_working_patterns\":[\"HOLIDAY-*\",\"OPS-[1-3]\"],"                                      \
    "\"estimate_mail\":{\"send\":\"selected\",\"projects\":[\"ABC\"],\"time\":\"07:05\"}}"

static void what_is_stored_is_what_is_read_again(void **state)
{
    struct fixture *f = *state;
    struct settings again;

    assert_int_equal(read_text(f, EVERYTHING), ERR_OK);
    assert_int_equal(settings_store(f->world.tenant, &f->settings, &f->err), ERR_OK);
    store_world_reopen(&f->world);
    assert_int_equal(settings_load(f->world.tenant, f->arena, &again, &f->err), ERR_OK);
    f->settings.access[RIGHT_LOG].accounts = again.access[RIGHT_LOG].accounts; /* sorted there */

    struct strbuf one = written(&f->settings), two = written(&again);

    assert_string_equal(strbuf_z(&one), strbuf_z(&two));
    assert_non_null(strstr(strbuf_z(&two), "\"holidays\":[\"2026-01-01\",\"2026-04-03\"]"));
    assert_non_null(strstr(strbuf_z(&two), "\"non_working_issues\":[\"10\",\"20\"]"));
    assert_non_null(strstr(strbuf_z(&two), "\"accounts\":[\"a\",\"b\"]"));
    assert_true(again.access[RIGHT_REPORT].everybody);
    assert_false(again.access[RIGHT_OTHERS].everybody);
    assert_non_null(strstr(strbuf_z(&two), "\"billing\":{\"by_default\":false,\"tags\":[\"paid\","
                                           "\"extra\"],\"projects\":[\"ABC\",\"XYZ\"]}"));
    assert_non_null(strstr(strbuf_z(&two), "\"name_hidden_projects\":true"));
    assert_non_null(
        strstr(strbuf_z(&two), "\"non_working_patterns\":[\"HOLIDAY-*\",\"OPS-[1-3]\"]"));
    assert_non_null(strstr(strbuf_z(&two), "\"estimate_mail\":{\"send\":\"selected\","
                                           "\"projects\":[\"ABC\"],\"time\":\"07:05\"}"));
    strbuf_done(&one);
    strbuf_done(&two);
}

static void what_is_left_out_stays_as_it_was(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, EVERYTHING), ERR_OK);
    assert_int_equal(read_text(f, "{\"page_size\":20}"), ERR_OK);
    assert_int_equal(f->settings.page_size, 20);
    assert_int_equal(f->settings.holiday_count, 2);
    assert_int_equal(f->settings.access[RIGHT_LOG].account_count, 2);
}

static void a_right_given_back_to_everybody_forgets_its_lists(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, EVERYTHING), ERR_OK);
    assert_int_equal(read_text(f, "{\"access\":{\"log\":{\"everybody\":true}}}"), ERR_OK);
    assert_true(f->settings.access[RIGHT_LOG].everybody);
    assert_int_equal(f->settings.access[RIGHT_LOG].account_count, 0);
}

static void holidays_and_extra_days_beat_the_week(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, EVERYTHING), ERR_OK);
    assert_int_equal(settings_expected(&f->settings, day_of("2026-03-05")), 27000); /* Thursday */
    assert_int_equal(settings_expected(&f->settings, day_of("2026-03-06")), 0);     /* Friday */
    assert_int_equal(settings_expected(&f->settings, day_of("2026-03-07")), 27000); /* extra */
    assert_int_equal(settings_expected(&f->settings, day_of("2026-01-01")), 0);     /* holiday */
}

static void ev_15_a_date_in_both_lists_and_one_that_does_not_exist_are_named(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{\"holidays\":[\"2026-12-24\"],\"extra_days\":[\"2026-12-24\"]}",
                   "2026-12-24 is both");
    assert_refused(f, "{\"holidays\":[\"2026-12-24\",\"2026-02-30\"]}", "holidays: entry 2");
}

static void a_wrong_value_is_refused_with_what_is_allowed(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "{\"working_days\":[0]}", "1 Monday to 7 Sunday");
    assert_refused(f, "{\"working_days\":5}", "working_days must be a list");
    assert_refused(f, "{\"expected_seconds\":86401}", "expected_seconds must be");
    assert_refused(f, "{\"expected_seconds\":1.5}", "expected_seconds must be");
    assert_refused(f, "{\"rounding_minutes\":7}", "0, 1, 5, 6, 10, 15, 20, 30");
    assert_refused(f, "{\"zone\":\"Europe/Atlantis\"}", "Europe/Atlantis");
    assert_refused(f, "{\"comment_required\":\"yes\"}", "comment_required must be true or false");
    assert_refused(f, "{\"non_working_issues\":[\"ABC-1\"]}", "issue ids");
    assert_refused(f, "{\"access\":[]}", "access must be");
    assert_refused(f, "{\"access\":{\"log\":{\"everybody\":false}}}", "nobody could do it");
}

static void a_list_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    struct strbuf text = STRBUF_INIT(1 << 20);

    strbuf_add_z(&text, "{\"non_working_issues\":[1");
    for (int i = 0; i < SETTINGS_LIST_MAX; i++)
        strbuf_add_z(&text, ",1");
    strbuf_add_z(&text, "]}");
    assert_refused(f, strbuf_z(&text), "at most 2000");
    strbuf_done(&text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(before_anything_is_decided_there_are_defaults),
        TEST(billing_is_refused_with_the_member_that_is_wrong),
        TEST(ev_17_what_is_no_pattern_is_named_by_its_place),
        TEST(ev_18_the_mail_is_refused_with_what_is_wrong_with_it),
        TEST(what_is_stored_is_what_is_read_again),
        TEST(what_is_left_out_stays_as_it_was),
        TEST(a_right_given_back_to_everybody_forgets_its_lists),
        TEST(holidays_and_extra_days_beat_the_week),
        TEST(ev_15_a_date_in_both_lists_and_one_that_does_not_exist_are_named),
        TEST(a_wrong_value_is_refused_with_what_is_allowed),
        TEST(a_list_too_long_is_refused),
    };

    test_vault_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
