/* Tests of config.c: defaults, file, environment, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/scratch.h"
#include "daemon/config.h"

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
    struct arena *arena;
    struct config config;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fake_ctx_init(&f->fake, 1);
    scratch_begin(&f->scratch);
    f->arena = arena_new(1 << 20);
    assert_non_null(f->arena);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    scratch_end(&f->scratch);
    fake_ctx_done(&f->fake);
    free(f);
    return 0;
}

static enum err_class read_text(struct fixture *f, const char *text, const char *const *environment)
{
    const char *path = NULL;

    if (text) {
        path = scratch_path(&f->scratch, "tenon.conf");
        scratch_write(path, str_from(text));
    }
    return config_read(&f->fake.ctx, f->arena, path, environment, &f->config, &f->err);
}

static void assert_refused(struct fixture *f, const char *text, const char *says)
{
    assert_int_equal(read_text(f, text, NULL), ERR_INPUT);
    if (!strstr(f->err.msg, says))
        fail_msg("\"%s\" does not say \"%s\"", f->err.msg, says);
}

static void ev_18_a_mail_server_needs_a_sender_and_gets_no_password_in_the_clear(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "[mail]\nhost = m.example.com\n", "mail.from");
    assert_refused(f, "[mail]\nhost = m.example.com\nfrom = Tenon <t@example.com>\n", "mail.from");
    assert_refused(f, "[mail]\nhost = m\nfrom = t@example.com\nuser = t\n", "belong together");
    assert_refused(f,
                   "[mail]\nhost = m\nfrom = t@example.com\nuser = t\npassword_file = p\n"
                   "tls = none\n",
                   "in the clear");
    assert_refused(f, "[mail]\ntls = maybe\n", "starttls|implicit|none");
    assert_refused(f, "[mail]\nport = 65536\n", "0 to 65535");
    assert_int_equal(read_text(f, "[mail]\nhost = m\nfrom = t@example.com\n", NULL), ERR_OK);
    assert_string_equal(f->config.mail.tls, "starttls");
}

static void without_a_file_the_defaults_hold(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, NULL, NULL), ERR_OK);
    assert_string_equal(f->config.server.listen, "127.0.0.1:8080");
    assert_int_equal(f->config.jobs.poll_s, 300);
    assert_int_equal(f->config.log.days, 30);
    assert_false(f->config.remote.allow_http);
}

static void the_file_beats_the_default_and_the_environment_the_file(void **state)
{
    struct fixture *f = *state;
    const char *const environment[] = {"PATH=/bin", "TENON_JOBS_POLL_S=60",
                                       "TENON_SERVER_LISTENER=no key", NULL};

    assert_int_equal(read_text(f,
                               "; a comment\n[server]\nlisten = [::1]:9000\n"
                               "public_url = https://tenon.example.com/ # ours\n\n[jobs]\n"
                               "poll_s = 30\n",
                               environment),
                     ERR_OK);
    assert_string_equal(f->config.server.listen, "[::1]:9000");
    assert_int_equal(f->config.jobs.poll_s, 60);
}

static void the_public_url_loses_its_last_slash(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, "[server]\npublic_url = https://tenon.example.com/\n", NULL),
                     ERR_OK);
    assert_string_equal(f->config.server.public_url, "https://tenon.example.com");
}

static void what_is_not_known_is_refused_with_line_and_choice(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "[server]\nlisten = 127.0.0.1:1\nport = 5\n", "line 3: there is no port in");
    assert_refused(f, "[server]\nport = 5\n", "threads");
    assert_refused(f, "[servers]\nlisten = x\n", "line 2: there is no section [servers]");
    assert_refused(f, "listen\n", "line 1 is neither");
}

static void a_value_out_of_range_is_refused_with_the_range(void **state)
{
    struct fixture *f = *state;
    const char *const environment[] = {"TENON_LOG_DAYS=0", NULL};

    assert_refused(f, "[jobs]\npoll_s = 9\n", "line 2: jobs.poll_s wants a whole number from 10");
    assert_refused(f, "[log]\nlevel = loud\n", "debug|info|warn|error");
    assert_refused(f, "[remote]\nallow_http = 1\n", "yes or no");
    assert_refused(f, "[server]\npublic_url = tenon.example.com\n", "https://tenon.example.com");
    assert_refused(f, "[server]\ntls_key = k.pem\n", "belong together");
    assert_int_equal(read_text(f, NULL, environment), ERR_INPUT);
    assert_non_null(strstr(f->err.msg, "TENON_LOG_DAYS: log.days wants"));
}

static void a_line_that_would_be_cut_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[600] = "[server]\npublic_url = https://";

    memset(text + strlen(text), 'x', 400);
    assert_refused(f, text, "line 2 is too long");
}

static void a_file_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(config_read(&f->fake.ctx, f->arena, scratch_path(&f->scratch, "none"), NULL,
                                 &f->config, &f->err),
                     ERR_NOT_FOUND);
}

static void the_help_is_a_file_that_can_be_read(void **state)
{
    struct fixture *f = *state;
    struct strbuf help = STRBUF_INIT(1 << 16);

    config_help(&help);
    assert_int_equal(read_text(f, strbuf_z(&help), NULL), ERR_OK);
    assert_int_equal(f->config.server.workers, 16);
    strbuf_done(&help);
}

struct changes {
    char taken[200], restart[200];
};

static void note_change(void *arg, const char *key, bool reloads)
{
    struct changes *changes = arg;
    char *list = reloads ? changes->taken : changes->restart;

    (void)snprintf(list + strlen(list), 200 - strlen(list), "%s ", key);
}

static void a_change_is_told_and_whether_a_restart_is_wanted(void **state)
{
    struct fixture *f = *state;
    struct config old, same;
    struct changes changes = {0};

    assert_int_equal(read_text(f, NULL, NULL), ERR_OK);
    old = f->config;
    assert_int_equal(read_text(f, "[log]\nlevel = info\n", NULL), ERR_OK);
    same = f->config;
    config_compare(&old, &same, note_change, &changes);
    assert_string_equal(changes.taken, "");
    assert_string_equal(changes.restart, "");
    assert_int_equal(read_text(f,
                               "[server]\nlisten = 127.0.0.1:1\n[jobs]\npoll_s = 30\n"
                               "[log]\nlevel = debug\ndays = 7\n[remote]\nallow_http = yes\n",
                               NULL),
                     ERR_OK);
    config_compare(&old, &f->config, note_change, &changes);
    assert_string_equal(changes.taken, "jobs.poll_s log.level log.days ");
    assert_string_equal(changes.restart, "server.listen remote.allow_http ");
}

static void networks_are_read_before_they_are_needed(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "[server]\ntrusted_proxies = 10.0.0.0/8 lb.internal\n",
                   "server.trusted_proxies: \"lb.internal\"");
    assert_refused(f, "[server]\nmetrics_from = everybody\n", "server.metrics_from");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(without_a_file_the_defaults_hold),
        TEST(ev_18_a_mail_server_needs_a_sender_and_gets_no_password_in_the_clear),
        TEST(the_file_beats_the_default_and_the_environment_the_file),
        TEST(the_public_url_loses_its_last_slash),
        TEST(what_is_not_known_is_refused_with_line_and_choice),
        TEST(a_value_out_of_range_is_refused_with_the_range),
        TEST(a_line_that_would_be_cut_is_refused),
        TEST(a_file_that_is_not_there_is_told),
        TEST(the_help_is_a_file_that_can_be_read),
        TEST(a_change_is_told_and_whether_a_restart_is_wanted),
        TEST(networks_are_read_before_they_are_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
