/* Tests of err.c: classes, messages, and the one table. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void setting_gives_the_class_back(void **state)
{
    struct err err = {0};

    (void)state;
    assert_int_equal(err_set(&err, ERR_INPUT, "the day %d of %s", 31, "April"), ERR_INPUT);
    assert_int_equal(err.class, ERR_INPUT);
    assert_string_equal(err.msg, "the day 31 of April");
    assert_int_equal(err_memory(&err), ERR_MEMORY);
    assert_string_equal(err.msg, "out of memory");
}

static void long_messages_are_cut_and_terminated(void **state)
{
    char text[3 * ERR_MSG_MAX];
    struct err err = {0};

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_BUG, "%s", text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);

    /* A cause before it: the beginning of both is to be seen. */
    assert_int_equal(err_wrap(&err, "while %s", "reading"), ERR_BUG);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_memory_equal(err.msg, "while reading: xxx", 18);
    assert_int_equal(err_wrap(&err, "%s", text), ERR_BUG);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_memory_equal(err.msg + ERR_MSG_MAX / 2, ": while reading: xxx", 20);

    err_set(&err, ERR_DISK, "%s", text);
    assert_int_equal(err_errno(&err, EIO, "%s", text), ERR_DISK);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

static void wrapping_keeps_the_class_and_the_message(void **state)
{
    struct err err = {0};

    (void)state;
    err_set(&err, ERR_KEY, "it is damaged");
    assert_int_equal(err_wrap(&err, "the key %s", "a.key"), ERR_KEY);
    assert_string_equal(err.msg, "the key a.key: it is damaged");
    assert_int_equal(err_wrap(&err, "at start"), ERR_KEY);
    assert_string_equal(err.msg, "at start: the key a.key: it is damaged");
    err_set(&err, ERR_BUSY, "%s", "");
    err_wrap(&err, "%%");
    assert_string_equal(err.msg, "%: ");
}

static void errno_decides_the_class(void **state)
{
    static const struct {
        int errnum;
        enum err_class class;
    } cases[] = {
        {ENOSPC, ERR_SPACE}, {EDQUOT, ERR_SPACE}, {ENOENT, ERR_NOT_FOUND}, {ENOMEM, ERR_MEMORY},
        {EIO, ERR_DISK},     {EACCES, ERR_DISK},  {EROFS, ERR_DISK},       {EISDIR, ERR_DISK},
        {EMFILE, ERR_DISK},  {9999, ERR_DISK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};

        assert_int_equal(err_errno(&err, cases[i].errnum, "cannot open %s", "a file"),
                         cases[i].class);
        assert_int_equal(err.class, cases[i].class);
        assert_memory_equal(err.msg, "cannot open a file: ", 20);
        assert_true(strlen(err.msg) > 25);
    }

    struct err err = {0};

    err_errno(&err, ENOSPC, "cannot write %s", "x");
    assert_string_equal(err.msg, "cannot write x: No space left on device");
}

/* Every class has a row of its own: a name nobody shares, a help text, a code, a status. */
static void every_class_has_its_row(void **state)
{
    (void)state;
    for (int class = ERR_OK; class < ERR_CLASS_COUNT; class ++) {
        const char *name = err_class_name((enum err_class) class);

        assert_non_null(name);
        assert_true(strlen(err_class_help((enum err_class) class)) > 3);
        for (int other = class + 1; other < ERR_CLASS_COUNT; other++)
            assert_string_not_equal(name, err_class_name((enum err_class)other));
        if (class == ERR_OK)
            continue;
        assert_in_range(err_exit_code((enum err_class) class), 1, 130);
        assert_in_range(err_http_status((enum err_class) class), 400, 599);
    }
    assert_int_equal(err_exit_code(ERR_OK), 0);
    assert_int_equal(err_http_status(ERR_OK), 200);
    /* Names stand in logs and in --json, codes in scripts: they do not change. */
    assert_string_equal(err_class_name(ERR_DENIED), "denied");
    assert_int_equal(err_exit_code(ERR_USAGE), 64);
    assert_int_equal(err_exit_code(ERR_CANCELLED), 130);
    assert_int_equal(err_exit_code(ERR_CONFLICT), 75);
}

static void only_what_passes_by_itself_is_transient(void **state)
{
    (void)state;
    for (int class = ERR_OK; class < ERR_CLASS_COUNT; class ++) {
        bool passes =
            class == ERR_BUSY || class == ERR_NETWORK || class == ERR_SPACE || class == ERR_MEMORY;

        assert_int_equal(err_is_transient((enum err_class) class), passes);
    }
}

static void a_class_that_is_none_counts_as_our_mistake(void **state)
{
    (void)state;
    assert_string_equal(err_class_name(ERR_CLASS_COUNT), "bug");
    assert_string_equal(err_class_name((enum err_class)1000000), "bug");
    assert_int_equal(err_exit_code((enum err_class) - 1), 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_gives_the_class_back),
        cmocka_unit_test(long_messages_are_cut_and_terminated),
        cmocka_unit_test(wrapping_keeps_the_class_and_the_message),
        cmocka_unit_test(errno_decides_the_class),
        cmocka_unit_test(every_class_has_its_row),
        cmocka_unit_test(only_what_passes_by_itself_is_transient),
        cmocka_unit_test(a_class_that_is_none_counts_as_our_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
