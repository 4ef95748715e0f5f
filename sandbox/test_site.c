/* The site's arrays, the generator and the loader, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/civil.h"
#include "show.h"
#include "site.h"

static struct site *new_site(void)
{
    struct site *site = calloc(1, sizeof(*site));
    struct err err = {0};
    struct user self = {.account_id = STR("self"),
                        .key = STR("SELF"),
                        .name = STR("self"),
                        .display = STR("Self"),
                        .zone = STR("Etc/UTC"),
                        .type = STR("atlassian")};
    int64_t now_ms = 0;

    assert_non_null(site);
    assert_int_equal(site_init(site, &err), ERR_OK);
    assert_true(civil_parse_stamp(STR("2026-08-01T00:00:00Z"), &now_ms));
    site_set_now_ms(site, now_ms);
    (void)snprintf(site->base_url, sizeof(site->base_url), "http://127.0.0.1:1");
    assert_int_equal(site_add_user(site, &self), SITE_USER_SELF);
    return site;
}

static struct site *generated(const char *options_text)
{
    struct site *site = new_site();
    struct generate_options options;
    struct err err = {0};

    assert_true(site_add_defaults(site));
    assert_int_equal(generate_parse(str_from(options_text), &options, &err), ERR_OK);
    assert_int_equal(site_generate(site, &options, &err), ERR_OK);
    site_render_users(site);
    return site;
}

static void drop(struct site *site)
{
    site_done(site);
    free(site);
}

/* All worklogs in both forms, for comparing sites. */
static void print_all(struct strbuf *buf, const struct site *site)
{
    for (size_t i = 0; i < site->worklog_count; i++) {
        show_worklog_line(buf, site, &site->worklogs[i]);
        show_worklog(buf, site, &site->worklogs[i], 2 + (int)(i % 2), true);
    }
}

static void the_same_seed_gives_the_same_site_to_the_byte(void **state)
{
    struct site *one = generated("worklogs=500,users=9,issues=30,seed=3");
    struct site *two = generated("seed=3,issues=30,users=9,worklogs=500");
    struct site *other = generated("worklogs=500,users=9,issues=30,seed=4");
    struct strbuf a AUTO(strbuf_done) = STRBUF_INIT(8 << 20),
                    b AUTO(strbuf_done) = STRBUF_INIT(8 << 20);
    struct strbuf c AUTO(strbuf_done) = STRBUF_INIT(8 << 20);

    (void)state;
    print_all(&a, one);
    print_all(&b, two);
    print_all(&c, other);
    assert_string_equal(strbuf_z(&a), strbuf_z(&b));
    assert_string_not_equal(strbuf_z(&a), strbuf_z(&c));
    drop(one);
    drop(two);
    drop(other);
}

static void generated_rows_keep_the_rules_of_a_site(void **state)
{
    struct site *site = generated("worklogs=4000,users=20,issues=50,deleted=40,bigids=1");
    size_t big = 0, edited = 0, deleted = 0, chained = 0;

    (void)state;
    for (size_t i = 0; i < site->worklog_count; i++) {
        const struct worklog *worklog = &site->worklogs[i];

        assert_true(i == 0 || worklog->id > site->worklogs[i - 1].id);
        assert_true(worklog->updated_ms >= worklog->created_ms);
        assert_true(worklog->updated_ms <= site_now_ms(site) - MS_PER_MINUTE);
        assert_true(worklog->started_ms <= worklog->created_ms);
        assert_int_equal(worklog->started_ms % MS_PER_MINUTE, 0);
        assert_int_equal(worklog->seconds % 60, 0);
        assert_in_range(worklog->seconds, 60, 8 * 3600);
        assert_true(worklog->author != SITE_USER_SELF);
        big += worklog->id > INT64_C(1) << 53;
        edited += worklog->updated_ms != worklog->created_ms;
        deleted += (worklog->flags & WORKLOG_DELETED) != 0;
    }
    for (size_t i = 0; i < site->issue_count; i++)
        for (uint32_t row = site->issues[i].first_row; row != NONE;
             row = site->worklogs[row].next) {
            assert_int_equal(site->worklogs[row].issue, i);
            chained++;
        }
    assert_int_equal(chained, 4000);
    assert_int_equal(site->updated.count, 4000);
    assert_int_equal(deleted, 40);
    assert_int_equal(site->deleted.count, 40);
    assert_int_equal(big, 2000);
    assert_in_range(edited, 400, 1000);
    drop(site);
}

static void a_worklog_is_found_from_wherever_the_last_one_was(void **state)
{
    struct site *site = generated("worklogs=700,bigids=1");
    int64_t last = site->worklogs[699].id;

    (void)state;
    for (uint32_t row = 0; row < 700; row++) {
        uint32_t near[] = {0, 699, NONE, row, (uint32_t)(mix64(row, 0) % 700)};

        for (size_t i = 0; i < ARRAY_LEN(near); i++) {
            assert_int_equal(site_find_worklog(site, site->worklogs[row].id, near[i]), row);
            if (row == 0 || site->worklogs[row - 1].id != site->worklogs[row].id - 1)
                assert_int_equal(site_find_worklog(site, site->worklogs[row].id - 1, near[i]),
                                 NONE);
        }
    }
    assert_int_equal(site_find_worklog(site, last + 1, 3), NONE);
    assert_int_equal(site_find_worklog(site, -1, 600), NONE);
    assert_int_equal(site_find_worklog(site, INT64_MAX, 699), NONE);
    drop(site);
}

static void a_move_keeps_both_chains_and_leaves_no_trace(void **state)
{
    struct site *site = generated("worklogs=100,issues=3,users=2");
    uint32_t row = 50, from = site->worklogs[row].issue, to = (from + 1) % 3;
    int64_t updated_ms = site->worklogs[row].updated_ms;
    size_t feed = site->updated.count, count = 0;

    (void)state;
    worklog_set_issue(site, row, to);
    assert_int_equal(site->worklogs[row].issue, to);
    assert_int_equal(site->worklogs[row].updated_ms, updated_ms);
    assert_int_equal(site->updated.count, feed);
    assert_int_equal(site->issues[to].last_row, row);
    for (size_t i = 0; i < 3; i++)
        for (uint32_t at = site->issues[i].first_row; at != NONE; at = site->worklogs[at].next)
            count++;
    assert_int_equal(count, 100);
    /* First, middle, last, only: take everything out of one issue. */
    while (site->issues[from].first_row != NONE)
        worklog_set_issue(site, site->issues[from].first_row, to);
    assert_int_equal(site->issues[from].last_row, NONE);
    drop(site);
}

static void deletions_show_in_their_feed_unless_silent(void **state)
{
    struct site *site = generated("worklogs=10,issues=2,users=2");
    int64_t now_ms = site_now_ms(site);
    struct feed_entry one = {now_ms, 1}, two = {now_ms, 2};

    (void)state;
    assert_true(worklog_delete(site, 1, now_ms, false));
    assert_true(worklog_delete(site, 2, now_ms, true));
    assert_true(site_deleted_is_current(site, &one));
    assert_false(site_deleted_is_current(site, &two));
    assert_false(worklog_is_live(site, &site->worklogs[1]));
    assert_false(worklog_is_live(site, &site->worklogs[2]));
    drop(site);
}

static void wrong_options_are_named(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"worklogs=x", "worklogs=x is not a number"},
        {"worklogs=-1", "worklogs=-1"},
        {"issues=0", "issues=0"},
        {"from=2026-02-30", "\"2026-02-30\" is not a date"},
        {"from=2026-05-01,to=2026-05-01", "from must lie before to"},
        {"colour=red", "colour=red"},
        {"worklogs=5,deleted=6", "deleted may not be more"},
    };
    struct generate_options options;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(generate_parse(str_from(cases[i].text), &options, &err), ERR_USAGE);
        if (!strstr(err.msg, cases[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, cases[i].why);
    }
}

static void durations_are_written_and_read_as_jira_does(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{60, "1m"},     {3600, "1h"},         {12000, "3h 20m"}, {28800, "1d"},
                 {144000, "1w"}, {147660, "1w 1h 1m"}, {0, "0m"}};
    static const char *const bad[] = {"", "x", "5", "h", "1x", "-1h", "1h-", "0m"};
    int64_t seconds = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(64);

        show_duration(&text, cases[i].seconds);
        assert_string_equal(strbuf_z(&text), cases[i].text);
        if (cases[i].seconds > 0) {
            assert_true(parse_duration(str_from(cases[i].text), &seconds));
            assert_int_equal(seconds, cases[i].seconds);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(parse_duration(str_from(bad[i]), &seconds));
}

static void stamps_have_offsets_without_a_colon(void **state)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(256);
    int64_t ms = 0, again = 0;

    (void)state;
    assert_true(civil_parse_stamp(STR("2026-01-01T01:02:03.004Z"), &ms));
    show_stamp(&text, ms, 330);
    assert_string_equal(strbuf_z(&text), "2026-01-01T06:32:03.004+0530");
    strbuf_reset(&text);
    show_stamp(&text, ms, -570);
    assert_string_equal(strbuf_z(&text), "2025-12-31T15:32:03.004-0930");
    assert_true(civil_parse_stamp(strbuf_str(&text), &again));
    assert_int_equal(again, ms);
}

/* ---- Recorded rows ---- */

struct folder {
    char path[64];
};

static struct folder new_folder(void)
{
    struct folder folder = {.path = P_tmpdir "/sandbox-test-XXXXXX"};

    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static void write_file(const struct folder *folder, const char *name, const char *text)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_folder(const struct folder *folder, const char *const *names, size_t count)
{
    char path[128];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(folder->path), 0);
}

#define AUTHOR                                                                                     \
    "\"\"author\"\":{\"\"self\"\":\"\"https://x.example/rest/api/2/user?accountId=a1\"\","         \
    "\"\"accountId\"\":\"\"a1\"\",\"\"displayName\"\":\"\"Ada\"\",\"\"active\"\":true}"

static void rows_with_missing_neighbours_are_completed(void **state)
{
    static const char *const names[] = {"x_worklogs.csv", "x_issues.csv", "notes.txt"};
    struct folder folder = new_folder();
    struct site *site = new_site();
    struct err err = {0};
    struct strbuf json AUTO(strbuf_done) = STRBUF_INIT(1 << 16);

    (void)state;
    write_file(
        &folder, names[0],
        "id,data\n"
        "2,\"{\"\"id\"\":\"\"8\"\",\"\"self\"\":\"\"https://x.example/rest/api/2/issue/77/"
        "worklog/8\"\"," AUTHOR ",\"\"comment\"\":\"\"zwei\\nZeilen\"\",\"\"created\"\":"
        "\"\"2020-06-15T17:07:56.793+0800\"\",\"\"updated\"\":\"\"2020-06-15T17:07:56.793+0800"
        "\"\",\"\"started\"\":\"\"2020-06-15T17:07:00.000+0800\"\",\"\"timeSpent\"\":\"\"1h\"\","
        "\"\"timeSpentSeconds\"\":3600,\"\"issueId\"\":\"\"77\"\"}\"\n"
        "1,\"{\"\"id\"\":\"\"7\"\"," AUTHOR ",\"\"created\"\":\"\"2020-06-15T17:07:56.793+0800"
        "\"\",\"\"updated\"\":\"\"2020-06-16T17:07:56.793+0800\"\",\"\"started\"\":"
        "\"\"2020-06-15T17:07:00.000+0800\"\",\"\"timeSpentSeconds\"\":60,\"\"issueId\"\":"
        "\"\"5\"\"}\"\n");
    write_file(
        &folder, names[1],
        "data\n\"{\"\"id\"\":\"\"5\"\",\"\"key\"\":\"\"AB-1\"\",\"\"fields\"\":{\"\"summary\"\":"
        "\"\"S\"\",\"\"project\"\":{\"\"id\"\":\"\"9\"\",\"\"key\"\":\"\"AB\"\",\"\"name\"\":"
        "\"\"A B\"\"}}}\"\n");
    write_file(&folder, names[2], "nothing to read here\n");
    assert_int_equal(site_load(site, folder.path, &err), ERR_OK);
    site_render_users(site);
    assert_int_equal(site->worklog_count, 2);
    assert_int_equal(site->worklogs[0].id, 7); /* by id, whatever the order of the rows */
    assert_int_equal(site->issue_count, 2);
    assert_int_equal(site->issues[1].id, 77); /* known from its worklog only */
    assert_int_equal(site_find_issue(site, STR("AB-1")), 0);
    assert_int_equal(site->users[site_find_user(site, STR("a1"))].offset_minutes, 480);
    assert_int_equal(site->updated.count, 2);
    show_worklog(&json, site, &site->worklogs[1], 3, false);
    assert_non_null(strstr(strbuf_z(&json), "http://127.0.0.1:1/rest/api/3/issue/77/worklog/8"));
    assert_non_null(strstr(strbuf_z(&json), "http://127.0.0.1:1/rest/api/3/user?accountId=a1"));
    assert_non_null(strstr(strbuf_z(&json), "{\"type\":\"hardBreak\"},{\"type\":\"text\",\"text\":"
                                            "\"Zeilen\"}"));
    assert_null(strstr(strbuf_z(&json), "x.example"));
    strbuf_reset(&json);
    show_worklog(&json, site, &site->worklogs[1], 2, false);
    assert_non_null(strstr(strbuf_z(&json), "\"comment\":\"zwei\\nZeilen\""));
    strbuf_reset(&json);
    show_worklog(&json, site, &site->worklogs[0], 3, false);
    assert_null(strstr(strbuf_z(&json), "comment")); /* it had none */
    drop(site);
    remove_folder(&folder, names, ARRAY_LEN(names));
}

static void files_that_are_not_right_are_named(void **state)
{
    static const struct {
        const char *text, *why;
        enum err_class class;
    } cases[] = {
        {"id,text\n1,x\n", "no column \"data\"", ERR_INPUT},
        {"data\n\"{\"\n", "row 1", ERR_REMOTE},
        {"data\n\"[1]\"\n", "row 1 is not a JSON object", ERR_INPUT},
        {"data\n\"{\"\"id\"\":\"\"x\"\"}\"\n", "row 1 has no \"id\"", ERR_INPUT},
        {"data\n\"{\"\"id\"\":1}\"\n", "worklog 1 has no \"issueId\"", ERR_INPUT},
    };
    static const char *const names[] = {"y_worklogs.csv"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct folder folder = new_folder();
        struct site *site = new_site();
        struct err err = {0};

        write_file(&folder, names[0], cases[i].text);
        assert_int_equal(site_load(site, folder.path, &err), cases[i].class);
        if (!strstr(err.msg, cases[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, cases[i].why);
        drop(site);
        remove_folder(&folder, names, 1);
    }
}

static void a_folder_without_rows_is_an_error(void **state)
{
    struct folder folder = new_folder();
    struct site *site = new_site();
    struct err err = {0};

    (void)state;
    assert_int_equal(site_load(site, folder.path, &err), ERR_INPUT);
    remove_folder(&folder, NULL, 0);
    assert_int_equal(site_load(site, folder.path, &err), ERR_NOT_FOUND);
    drop(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_site_to_the_byte),
        cmocka_unit_test(generated_rows_keep_the_rules_of_a_site),
        cmocka_unit_test(a_worklog_is_found_from_wherever_the_last_one_was),
        cmocka_unit_test(a_move_keeps_both_chains_and_leaves_no_trace),
        cmocka_unit_test(deletions_show_in_their_feed_unless_silent),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(durations_are_written_and_read_as_jira_does),
        cmocka_unit_test(stamps_have_offsets_without_a_colon),
        cmocka_unit_test(rows_with_missing_neighbours_are_completed),
        cmocka_unit_test(files_that_are_not_right_are_named),
        cmocka_unit_test(a_folder_without_rows_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
