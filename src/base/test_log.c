/* Tests of log.c: lines that are JSON, and hold nothing that could be a text of anybody. */
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/scratch.h"

struct fixture {
    struct fake_ctx fake;
    int fd;
    char text[65536];
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fake_ctx_init(&fixture->fake, 1);
    fixture->fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fixture->fd >= 0);
    fixture->fake.ctx.log = log_new(fixture->fd, LOG_INFO);
    assert_non_null(fixture->fake.ctx.log);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    log_free(fixture->fake.ctx.log);
    (void)close(fixture->fd);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

/* All that was written so far. */
static const char *lines(struct fixture *fixture)
{
    ssize_t got = pread(fixture->fd, fixture->text, sizeof(fixture->text) - 1, 0);

    assert_true(got >= 0);
    fixture->text[got] = '\0';
    return fixture->text;
}

static void a_line_is_one_object_with_time_level_and_event(void **state)
{
    struct fixture *fixture = *state;

    LOG(&fixture->fake.ctx, LOG_WARN, "sync_ended", LOG_IDENT("tenant", "t0123-4.x_Y:z"),
        LOG_NUM("rows", INT64_MIN), LOG_NAME("result", "disk"));
    LOG(&fixture->fake.ctx, LOG_ERROR, "bare");
    assert_string_equal(lines(fixture), "{\"at\":\"2026-01-15T10:00:00.000Z\",\"level\":\"warn\","
                                        "\"event\":\"sync_ended\",\"tenant\":\"t0123-4.x_Y:z\","
                                        "\"rows\":-9223372036854775808,\"result\":\"disk\"}\n"
                                        "{\"at\":\"2026-01-15T10:00:00.000Z\",\"level\":\"error\","
                                        "\"event\":\"bare\"}\n");
}

static void an_identifier_that_could_be_a_text_is_written_as_a_question_mark(void **state)
{
    static const char *const bad[] = {"two words", "a\nb",  "\"", "caf\xc3\xa9", "",
                                      "a/b",       "a@b.c", "{}", "a\\",         "a,b"};
    struct fixture *fixture = *state;
    char long_one[130];

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        LOG(&fixture->fake.ctx, LOG_INFO, "e", LOG_IDENT("id", bad[i]));
    LOG(&fixture->fake.ctx, LOG_INFO, "e", LOG_IDENT("id", NULL));
    memset(long_one, 'x', 129);
    long_one[129] = '\0';
    LOG(&fixture->fake.ctx, LOG_INFO, "e", LOG_IDENT("id", long_one));

    struct str rest = str_from(lines(fixture));
    size_t count = 0;

    while (rest.len > 0) {
        struct str line = str_cut(rest, '\n', &rest);

        assert_true(str_ends(line, STR("\"event\":\"e\",\"id\":\"?\"}")));
        count++;
    }
    assert_int_equal(count, ARRAY_LEN(bad) + 2);

    /* The longest that is allowed. */
    long_one[128] = '\0';
    LOG(&fixture->fake.ctx, LOG_INFO, "e", LOG_IDENT("id", long_one));
    assert_non_null(strstr(lines(fixture), long_one));
}

static void levels_below_the_least_are_not_written(void **state)
{
    struct fixture *fixture = *state;

    LOG(&fixture->fake.ctx, LOG_DEBUG, "quiet");
    assert_string_equal(lines(fixture), "");
    LOG(&fixture->fake.ctx, LOG_INFO, "loud");
    assert_non_null(strstr(lines(fixture), "loud"));
    log_retune(fixture->fake.ctx.log, 30, LOG_DEBUG); /* while it runs */
    LOG(&fixture->fake.ctx, LOG_DEBUG, "no_more_quiet");
    assert_non_null(strstr(lines(fixture), "no_more_quiet"));
}

static void without_a_log_there_is_silence(void **state)
{
    struct fixture *fixture = *state;
    struct ctx ctx = fixture->fake.ctx;

    ctx.log = NULL;
    LOG(&ctx, LOG_ERROR, "nobody_hears", LOG_NUM("n", 1));
    assert_string_equal(lines(fixture), "");
    log_free(NULL);
}

static void a_line_that_cannot_be_written_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    struct ctx ctx = fixture->fake.ctx;
    int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
    static char huge[8192];

    ctx.log = log_new(read_only, LOG_DEBUG);
    assert_non_null(ctx.log);
    LOG(&ctx, LOG_ERROR, "dropped");
    log_free(ctx.log);
    (void)close(read_only);

    /* A line past the limit is left out whole: half a line would not be JSON. */
    memset(huge, 'x', sizeof(huge) - 1);
    LOG(&fixture->fake.ctx, LOG_ERROR, "large", LOG_NAME("name", huge));
    assert_string_equal(lines(fixture), "");
    LOG(&fixture->fake.ctx, LOG_ERROR, "after");
    assert_non_null(strstr(lines(fixture), "after"));
}

static void a_day_has_its_file_and_old_ones_go(void **state)
{
    struct fixture *fixture = *state;
    struct scratch scratch;
    struct ctx ctx = fixture->fake.ctx;

    scratch_begin(&scratch);
    scratch_write(scratch_path(&scratch, "2026-01-13.log"), STR("old"));
    scratch_write(scratch_path(&scratch, "2026-01-14.log"), STR("kept\n"));
    scratch_write(scratch_path(&scratch, "2025-99-99.log"), STR("no day"));
    ctx.log = log_new_daily(scratch.dir, 1, LOG_INFO, false);
    assert_non_null(ctx.log);
    LOG(&ctx, LOG_INFO, "first");
    LOG(&ctx, LOG_INFO, "second");
    assert_int_equal(scratch_mode(scratch_path(&scratch, "2026-01-15.log")), 0600);
    assert_false(scratch_exists(scratch_path(&scratch, "2026-01-13.log")));
    assert_true(scratch_exists(scratch_path(&scratch, "2026-01-14.log")));
    assert_true(scratch_exists(scratch_path(&scratch, "2025-99-99.log")));

    fake_ctx_advance(&fixture->fake, 24 * 3600 * 1000);
    LOG(&ctx, LOG_INFO, "third");
    assert_false(scratch_exists(scratch_path(&scratch, "2026-01-14.log")));

    struct strbuf today = scratch_read(scratch_path(&scratch, "2026-01-16.log"));
    struct strbuf yesterday = scratch_read(scratch_path(&scratch, "2026-01-15.log"));

    assert_non_null(strstr(strbuf_z(&today), "third"));
    assert_null(strstr(strbuf_z(&today), "second"));
    assert_non_null(strstr(strbuf_z(&yesterday), "second"));
    strbuf_done(&today);
    strbuf_done(&yesterday);
    log_free(ctx.log);
    scratch_end(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_one_object_with_time_level_and_event, begin, end),
        cmocka_unit_test_setup_teardown(
            an_identifier_that_could_be_a_text_is_written_as_a_question_mark, begin, end),
        cmocka_unit_test_setup_teardown(levels_below_the_least_are_not_written, begin, end),
        cmocka_unit_test_setup_teardown(without_a_log_there_is_silence, begin, end),
        cmocka_unit_test_setup_teardown(a_day_has_its_file_and_old_ones_go, begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_cannot_be_written_is_dropped, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
