/* scratch.c: a folder of a test's own. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define READ_BYTES_MAX ((size_t)64 * 1024 * 1024)

static const char *root(void)
{
    const char *dir = getenv("TMPDIR");

    if (dir && *dir)
        return dir;
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

void scratch_begin(struct scratch *scratch)
{
    *scratch = (struct scratch){0};
    (void)snprintf(scratch->dir, sizeof(scratch->dir), "%s/tenon-test-XXXXXX", root());
    if (!mkdtemp(scratch->dir))
        fail_msg("cannot make %s", scratch->dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    (void)remove(path);
    return 0;
}

/* A folder that a test made read-only must be opened again first. */
static int open_up(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_D && (st->st_mode & 0700) != 0700)
        (void)chmod(path, 0700);
    return 0;
}

void scratch_end(struct scratch *scratch)
{
    (void)nftw(scratch->dir, open_up, 16, FTW_PHYS);
    (void)nftw(scratch->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    assert_int_not_equal(access(scratch->dir, F_OK), 0);
}

const char *scratch_path(struct scratch *scratch, const char *name)
{
    char *path = scratch->paths[scratch->next++ % ARRAY_LEN(scratch->paths)];
    size_t dir_len = strlen(scratch->dir), len = strlen(name);

    assert_true(dir_len + 1 + len < sizeof(scratch->paths[0]));
    memcpy(path, scratch->dir, dir_len);
    path[dir_len] = '/';
    memcpy(path + dir_len + 1, name, len + 1);
    return path;
}

void scratch_write(const char *path, struct str bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    assert_int_equal(close(fd), 0);
}

struct strbuf scratch_read(const char *path)
{
    struct strbuf ret = STRBUF_INIT(READ_BYTES_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char part[65536];
    ssize_t got;

    if (fd < 0)
        fail_msg("cannot open %s", path);
    while ((got = read(fd, part, sizeof(part))) > 0)
        strbuf_add(&ret, part, (size_t)got);
    assert_int_equal(got, 0);
    assert_int_equal(ret.failed, ERR_OK);
    (void)close(fd);
    return ret;
}

bool scratch_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

unsigned scratch_mode(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

void scratch_flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    unsigned char byte = 0;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

bool scratch_grep(const char *dir, struct str text)
{
    DIR *list = opendir(dir);
    const struct dirent *entry;
    bool found = false;

    assert_non_null(list);
    while (!found && (entry = readdir(list)) != NULL) {
        char path[600];
        struct stat st;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        found = memmem(entry->d_name, strlen(entry->d_name), text.ptr, text.len) != NULL;
        assert_int_equal(lstat(path, &st), 0);
        if (!found && S_ISDIR(st.st_mode))
            found = scratch_grep(path, text);
        if (!found && S_ISREG(st.st_mode)) {
            struct strbuf bytes = scratch_read(path);

            found = bytes.len > 0 && memmem(bytes.ptr, bytes.len, text.ptr, text.len) != NULL;
            strbuf_done(&bytes);
        }
    }
    (void)closedir(list);
    return found;
}

int scratch_unprivileged(int (*run)(void *arg), void *arg)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
            _exit(102);
        _exit(run(arg));
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}
