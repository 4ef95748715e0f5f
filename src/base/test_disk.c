/* Tests of disk.c: the real disk. */
#include "base/disk.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/fake_ctx.h"
#include "../../tests/lib/scratch.h"

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fake_ctx_init(&fixture->fake, 1);
    scratch_begin(&fixture->scratch);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static void is_content(const char *path, struct str expected)
{
    struct strbuf bytes = scratch_read(path);

    assert_true(str_eq(strbuf_str(&bytes), expected));
    strbuf_done(&bytes);
}

static void what_is_written_is_read_back(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "file");
    const struct ctx *ctx = &fixture->fake.ctx;
    struct strbuf bytes = STRBUF_INIT(100000), long_text = STRBUF_INIT(100000);
    struct err err = {0};

    assert_int_equal(disk_write(ctx, path, STR("first\0one"), &err), ERR_OK);
    assert_int_equal(disk_read(ctx, path, &bytes, &err), ERR_OK);
    assert_true(str_eq(strbuf_str(&bytes), STR("first\0one")));
    assert_int_equal(scratch_mode(path), 0600);

    /* Larger than one read, and in place of what was there. */
    for (int i = 0; i < 10000; i++)
        strbuf_addf(&long_text, "%08d", i);
    assert_int_equal(disk_write(ctx, path, strbuf_str(&long_text), &err), ERR_OK);
    strbuf_reset(&bytes);
    assert_int_equal(disk_read(ctx, path, &bytes, &err), ERR_OK);
    assert_true(str_eq(strbuf_str(&bytes), strbuf_str(&long_text)));

    /* Appended to what the buffer has. */
    assert_int_equal(disk_write(ctx, path, STR("b"), &err), ERR_OK);
    strbuf_reset(&bytes);
    strbuf_add_z(&bytes, "a");
    assert_int_equal(disk_read(ctx, path, &bytes, &err), ERR_OK);
    assert_string_equal(strbuf_z(&bytes), "ab");

    assert_int_equal(disk_write(ctx, path, (struct str){NULL, 0}, &err), ERR_OK);
    is_content(path, STR(""));
    assert_false(scratch_exists(scratch_path(&fixture->scratch, "file.tmp")));
    strbuf_done(&bytes);
    strbuf_done(&long_text);
}

static void a_file_larger_than_the_buffer_is_a_limit(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "file");
    struct strbuf bytes = STRBUF_INIT(7);
    struct err err = {0};

    scratch_write(path, STR("7 bytes"));
    assert_int_equal(disk_read(&fixture->fake.ctx, path, &bytes, &err), ERR_OK);
    scratch_write(path, STR("8 bytes!"));
    strbuf_reset(&bytes);
    assert_int_equal(disk_read(&fixture->fake.ctx, path, &bytes, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, path));
    assert_non_null(strstr(err.msg, "7 bytes"));
    strbuf_done(&bytes);
}

static void what_is_absent_is_told_as_such(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    const char *path = scratch_path(&fixture->scratch, "none");
    const char *below = scratch_path(&fixture->scratch, "none/file");
    struct strbuf bytes = STRBUF_INIT(100);
    struct err err = {0};

    assert_int_equal(disk_read(ctx, path, &bytes, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, path));
    assert_int_equal(disk_write(ctx, below, STR("x"), &err), ERR_NOT_FOUND);
    assert_false(disk_exists(ctx, path));
    assert_int_equal(disk_remove(ctx, path, &err), ERR_OK);
    assert_int_equal(disk_remove_tree(ctx, path, &err), ERR_OK);
    strbuf_done(&bytes);
}

/* The rename fails as the place is taken by a folder: nothing is left of the try. */
static void a_write_that_cannot_be_put_in_place_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    const char *path = scratch_path(&fixture->scratch, "file");
    struct err err = {0};

    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(disk_write(ctx, path, STR("new"), &err), ERR_DISK);
    assert_non_null(strstr(err.msg, path));
    assert_false(scratch_exists(scratch_path(&fixture->scratch, "file.tmp")));
    assert_int_equal(scratch_mode(path), 0700); /* still the folder */
}

static int write_it(void *arg)
{
    struct fixture *fixture = arg;
    struct err err = {0};

    return (int)disk_write(&fixture->fake.ctx, scratch_path(&fixture->scratch, "ro/file"),
                           STR("new"), &err);
}

static void in_a_read_only_folder_the_old_content_stays(void **state)
{
    struct fixture *fixture = *state;
    const char *dir = scratch_path(&fixture->scratch, "ro");
    const char *path = scratch_path(&fixture->scratch, "ro/file");

    assert_int_equal(chmod(fixture->scratch.dir, 0711), 0);
    assert_int_equal(mkdir(dir, 0777), 0);
    scratch_write(path, STR("old"));
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    assert_int_equal(scratch_unprivileged(write_it, fixture), ERR_DISK);
    is_content(path, STR("old"));
    assert_false(scratch_exists(scratch_path(&fixture->scratch, "ro/file.tmp")));

    /* With the right to write it works: so the folder was the reason. */
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(scratch_unprivileged(write_it, fixture), ERR_OK);
    is_content(path, STR("new"));
}

static void what_a_crash_left_behind_is_taken_over(void **state)
{
    struct fixture *fixture = *state;
    const char *path = scratch_path(&fixture->scratch, "file");
    const char *tmp = scratch_path(&fixture->scratch, "file.tmp");
    const char *elsewhere = scratch_path(&fixture->scratch, "elsewhere");
    struct err err = {0};

    scratch_write(tmp, STR("half of a much longer content"));
    assert_int_equal(chmod(tmp, 0644), 0);
    assert_int_equal(disk_write(&fixture->fake.ctx, path, STR("new"), &err), ERR_OK);
    is_content(path, STR("new"));
    assert_int_equal(scratch_mode(path), 0600);
    assert_false(scratch_exists(tmp));

    /* A link in its place is not followed. */
    scratch_write(elsewhere, STR("not ours"));
    assert_int_equal(symlink(elsewhere, tmp), 0);
    assert_int_equal(disk_write(&fixture->fake.ctx, path, STR("newer"), &err), ERR_OK);
    is_content(path, STR("newer"));
    is_content(elsewhere, STR("not ours"));
}

static void a_file_name_past_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static char path[5000];
    struct err err = {0};

    memset(path, 'x', sizeof(path) - 1);
    assert_int_equal(disk_write(&fixture->fake.ctx, path, STR("x"), &err), ERR_LIMIT);
}

static void folders_are_made_private_and_once(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    const char *dir = scratch_path(&fixture->scratch, "dir");
    const char *deep = scratch_path(&fixture->scratch, "none/dir");
    struct err err = {0};

    assert_int_equal(disk_make_dir(ctx, dir, &err), ERR_OK);
    assert_int_equal(scratch_mode(dir), 0700);
    assert_int_equal(disk_make_dir(ctx, dir, &err), ERR_OK);
    assert_true(disk_exists(ctx, dir));
    assert_int_equal(disk_make_dir(ctx, deep, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, deep));
}

static void note_name(void *arg, const char *name)
{
    strbuf_addf(arg, "[%s]", name);
}

static void a_folder_is_listed_without_itself(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    struct strbuf names = STRBUF_INIT(1000);
    struct err err = {0};

    assert_int_equal(disk_list(ctx, fixture->scratch.dir, note_name, &names, &err), ERR_OK);
    assert_string_equal(strbuf_z(&names), "");
    scratch_write(scratch_path(&fixture->scratch, "a"), STR(""));
    scratch_write(scratch_path(&fixture->scratch, ".hidden"), STR(""));
    assert_int_equal(mkdir(scratch_path(&fixture->scratch, "d"), 0700), 0);
    scratch_write(scratch_path(&fixture->scratch, "d/inner"), STR(""));
    assert_int_equal(disk_list(ctx, fixture->scratch.dir, note_name, &names, &err), ERR_OK);
    assert_int_equal(names.len, strlen("[a][.hidden][d]"));
    assert_non_null(strstr(strbuf_z(&names), "[a]"));
    assert_non_null(strstr(strbuf_z(&names), "[.hidden]"));
    assert_non_null(strstr(strbuf_z(&names), "[d]"));
    assert_int_equal(
        disk_list(ctx, scratch_path(&fixture->scratch, "none"), note_name, &names, &err),
        ERR_NOT_FOUND);
    assert_int_equal(disk_list(ctx, scratch_path(&fixture->scratch, "a"), note_name, &names, &err),
                     ERR_DISK);
    strbuf_done(&names);
}

static void a_tree_goes_whole_and_links_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    const char *kept = scratch_path(&fixture->scratch, "kept");
    const char *tree = scratch_path(&fixture->scratch, "tree");
    struct err err = {0};

    assert_int_equal(mkdir(kept, 0700), 0);
    scratch_write(scratch_path(&fixture->scratch, "kept/file"), STR("kept"));
    assert_int_equal(mkdir(tree, 0700), 0);
    assert_int_equal(mkdir(scratch_path(&fixture->scratch, "tree/a"), 0700), 0);
    assert_int_equal(mkdir(scratch_path(&fixture->scratch, "tree/a/b"), 0700), 0);
    scratch_write(scratch_path(&fixture->scratch, "tree/a/b/file"), STR("x"));
    scratch_write(scratch_path(&fixture->scratch, "tree/file"), STR("x"));
    assert_int_equal(symlink(kept, scratch_path(&fixture->scratch, "tree/a/link")), 0);
    assert_int_equal(disk_remove_tree(ctx, tree, &err), ERR_OK);
    assert_false(scratch_exists(tree));
    is_content(scratch_path(&fixture->scratch, "kept/file"), STR("kept"));

    assert_int_equal(disk_remove(ctx, scratch_path(&fixture->scratch, "kept/file"), &err), ERR_OK);
    assert_false(scratch_exists(scratch_path(&fixture->scratch, "kept/file")));
    assert_int_not_equal(disk_remove(ctx, kept, &err), ERR_OK); /* a folder is no file */
    assert_non_null(strstr(err.msg, kept));
}

/* Holds the lock until the pipe to it is closed. */
static pid_t hold_lock(const struct ctx *ctx, const char *path, int *ret_hold)
{
    int ready[2], hold[2];
    char byte = 0;
    pid_t child;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct disk_lock lock = {.fd = -1};
        struct err err = {0};

        (void)close(hold[1]);
        if (disk_lock(ctx, path, &lock, &err) != ERR_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 2);
    }
    (void)close(ready[1]);
    (void)close(hold[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    *ret_hold = hold[1];
    return child;
}

static void a_lock_held_by_another_process_names_it_and_ends_with_it(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    const char *path = scratch_path(&fixture->scratch, "writer.lock");
    struct disk_lock lock = {.fd = -1};
    struct err err = {0};
    int hold = -1, status = 0;
    char pid[40];
    pid_t child = hold_lock(ctx, path, &hold);

    assert_int_equal(disk_lock(ctx, path, &lock, &err), ERR_CONFLICT);
    assert_int_equal(lock.fd, -1);
    (void)snprintf(pid, sizeof(pid), "(pid %ld)", (long)child);
    assert_non_null(strstr(err.msg, pid));
    assert_non_null(strstr(err.msg, path));
    assert_non_null(strstr(err.msg, "wait"));

    (void)close(hold);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(disk_lock(ctx, path, &lock, &err), ERR_OK);
    assert_true(lock.fd >= 0);

    /* The file names us now. */
    struct strbuf text = scratch_read(path);
    int64_t holder = 0;

    assert_true(parse_i64(str_trim(strbuf_str(&text)), 1, INT32_MAX, &holder));
    assert_int_equal(holder, getpid());
    strbuf_done(&text);
    assert_int_equal(scratch_mode(path), 0600);
    disk_unlock(ctx, &lock);
    assert_int_equal(lock.fd, -1);
    disk_unlock(ctx, &lock); /* twice is fine */
}

static void a_lock_is_not_taken_twice_by_one_process(void **state)
{
    struct fixture *fixture = *state;
    const struct ctx *ctx = &fixture->fake.ctx;
    const char *path = scratch_path(&fixture->scratch, "writer.lock");
    struct disk_lock lock = {.fd = -1}, again = {.fd = -1};
    struct err err = {0};

    assert_int_equal(disk_lock(ctx, path, &lock, &err), ERR_OK);
    assert_int_equal(disk_lock(ctx, path, &again, &err), ERR_CONFLICT);
    disk_unlock(ctx, &lock);
    assert_int_equal(disk_lock(ctx, path, &again, &err), ERR_OK);
    disk_unlock(ctx, &again);

    /* A holder that left no number, or rubbish, is still a holder. */
    assert_int_equal(disk_lock(ctx, path, &lock, &err), ERR_OK);
    scratch_write(path, STR("rubbish"));
    assert_int_equal(disk_lock(ctx, path, &again, &err), ERR_CONFLICT);
    disk_unlock(ctx, &lock);
    assert_int_equal(
        disk_lock(ctx, scratch_path(&fixture->scratch, "none/writer.lock"), &again, &err),
        ERR_NOT_FOUND);
}

static void room_left_is_told(void **state)
{
    struct fixture *fixture = *state;
    int64_t bytes = -1;
    struct err err = {0};

    assert_int_equal(disk_free_bytes(&fixture->fake.ctx, fixture->scratch.dir, &bytes, &err),
                     ERR_OK);
    assert_true(bytes >= 0);
    bytes = -1;
    assert_int_equal(
        disk_free_bytes(&fixture->fake.ctx, scratch_path(&fixture->scratch, "none"), &bytes, &err),
        ERR_NOT_FOUND);
    assert_int_equal(bytes, -1);
}

static void paths_are_joined(void **state)
{
    AUTO(free_autop) char *path = disk_join("a/b", "c");

    (void)state;
    assert_string_equal(path, "a/b/c");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(a_file_larger_than_the_buffer_is_a_limit),
        TEST(what_is_absent_is_told_as_such),
        TEST(a_write_that_cannot_be_put_in_place_leaves_nothing_behind),
        TEST(in_a_read_only_folder_the_old_content_stays),
        TEST(what_a_crash_left_behind_is_taken_over),
        TEST(a_file_name_past_the_limit_is_refused),
        TEST(folders_are_made_private_and_once),
        TEST(a_folder_is_listed_without_itself),
        TEST(a_tree_goes_whole_and_links_are_not_followed),
        TEST(a_lock_held_by_another_process_names_it_and_ends_with_it),
        TEST(a_lock_is_not_taken_twice_by_one_process),
        TEST(room_left_is_told),
        TEST(paths_are_joined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
