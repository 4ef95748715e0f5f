/*
 * provider_command.c: the `command` key provider: any key service by its command line.
 *
 * The contract: the program is run, without a shell, as
 *     PROGRAM wrap OWNER      PROGRAM unwrap OWNER
 * with 32 bytes (a root) or what it once printed on its standard input; it answers on standard
 * output with 1..4096 bytes, or exactly the 32, and ends with 0. Its standard error is thrown away:
 * nobody knows what it would say. It starts with an empty environment but PATH and HOME, no other
 * descriptors, and is killed when its time is over. One run at a time for a provider.
 *
 * Threads: posix_spawn, which is safe in a process with threads; no handler of SIGCHLD is in play.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault/keyring.h"

#define TIMEOUT_DEFAULT_S 10

struct command_provider {
    struct vault_provider base; /* first, so that the pointers are the same */
    int64_t timeout_ms;
    char path[4096];
};

/* A run: its process and output (-1 when not there), and what it answered. */
struct run {
    const char *path;
    pid_t pid;
    int out;
    int64_t deadline_ms;
    size_t got_len;
    unsigned char got[KEYRING_WRAPPED_MAX + 1]; /* one more than is allowed */
};

static void run_done(struct run *run)
{
    sodium_memzero(run->got, sizeof(run->got));
    if (run->out >= 0)
        (void)close(run->out);
    if (run->pid > 0) {
        (void)kill(-run->pid, SIGKILL); /* it leads a group of its own */
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

/* Both ends of a pipe that holds the input already: it is smaller than any pipe's buffer. */
static enum err_class fill_pipe(struct str input, int *ret_read_end, struct err *err)
{
    int ends[2];

    assert(input.len <= KEYRING_WRAPPED_MAX);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, errno, "cannot make a pipe");

    ssize_t put = write(ends[1], input.ptr, input.len);
    int why = errno;

    (void)close(ends[1]);
    if (put == (ssize_t)input.len) {
        *ret_read_end = ends[0];
        return ERR_OK;
    }
    (void)close(ends[0]);
    return err_errno(err, why, "cannot fill a pipe");
}

/* 0, or the errno of what failed. */
static int spawn(struct run *run, int in, int out, const char *what, const char *owner)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    const char *path = getenv("PATH"), *home = getenv("HOME");
    char path_entry[4096], home_entry[4096];
    char *const env[] = {path_entry, home_entry, NULL};
    char *const argv[] = {(char *)(uintptr_t)run->path, (char *)(uintptr_t)what,
                          (char *)(uintptr_t)owner, NULL}; /* posix_spawn changes none */
    sigset_t none, standard;
    int why;

    (void)snprintf(path_entry, sizeof(path_entry), "PATH=%s", path ? path : "/usr/bin:/bin");
    (void)snprintf(home_entry, sizeof(home_entry), "HOME=%s", home ? home : "/");
    (void)sigemptyset(&none);
    (void)sigfillset(&standard);
    /* These fail only for want of memory, and then posix_spawn does too. */
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawnattr_init(&attr);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &standard);
    (void)posix_spawnattr_setpgroup(&attr, 0);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    why = posix_spawn(&run->pid, run->path, &actions, &attr, argv, env);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (why != 0)
        run->pid = -1;
    return why;
}

static enum err_class start(struct run *run, const char *what, const char *owner, struct str input,
                            struct err *err)
{
    int in = -1, out[2], why;
    enum err_class rc = fill_pipe(input, &in, err);

    if (rc != ERR_OK)
        return rc;
    if (pipe2(out, O_CLOEXEC) != 0) {
        why = errno;
        (void)close(in);
        return err_errno(err, why, "cannot make a pipe");
    }
    run->out = out[0];
    why = spawn(run, in, out[1], what, owner);
    (void)close(in);
    (void)close(out[1]);
    if (why != 0)
        return err_set(err, ERR_KEY, "the key command %s cannot be run: %s; see keys/provider.conf",
                       run->path, strerrordesc_np(why));
    return ERR_OK;
}

/* How long a wait may still last; 0: the time is over. */
static int left_ms(const struct ctx *ctx, const struct run *run)
{
    int64_t left = run->deadline_ms - ctx_mono_ms(ctx);

    return left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static enum err_class listen_to(const struct ctx *ctx, struct run *run, struct err *err)
{
    for (;;) {
        struct pollfd wait = {.fd = run->out, .events = POLLIN};
        int ready = poll(&wait, 1, left_ms(ctx, run));
        ssize_t got;

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return err_set(err, ERR_KEY, "the key command %s did not answer in time; it was ended",
                           run->path);
        got = read(run->out, run->got + run->got_len, sizeof(run->got) - run->got_len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "cannot read from the key command %s", run->path);
        if (got == 0)
            return ERR_OK;
        run->got_len += (size_t)got;
        if (run->got_len > KEYRING_WRAPPED_MAX)
            return err_set(err, ERR_KEY, "the key command %s answered with more than %d bytes",
                           run->path, KEYRING_WRAPPED_MAX);
    }
}

/* Its output is closed; it must now end, too, within its time. */
static enum err_class wait_for_end(const struct ctx *ctx, struct run *run, struct err *err)
{
    int status = 0, turns = left_ms(ctx, run);
    pid_t ended;

    while ((ended = waitpid(run->pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (turns-- <= 0)
            return err_set(err, ERR_KEY, "the key command %s did not end in time; it was ended",
                           run->path);
        (void)poll(NULL, 0, 1); /* a process that has closed its output is about to end */
    }
    run->pid = -1;
    if (ended < 0)
        return err_errno(err, errno, "cannot wait for the key command %s", run->path);
    if (WIFSIGNALED(status))
        return err_set(err, ERR_KEY, "the key command %s was ended by signal %d", run->path,
                       WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return err_set(err, ERR_KEY,
                       "the key command %s failed with exit code %d; run it by hand to see why",
                       run->path, WEXITSTATUS(status));
    return ERR_OK;
}

/* The caller ends with run_done, whatever came. */
static enum err_class run_command(const struct command_provider *self, const struct ctx *ctx,
                                  const char *what, const char *owner, struct str input,
                                  struct run *run, struct err *err)
{
    enum err_class rc;

    *run = (struct run){.path = self->path,
                        .pid = -1,
                        .out = -1,
                        .deadline_ms = ctx_mono_ms(ctx) + self->timeout_ms};
    rc = start(run, what, owner, input, err);
    if (rc == ERR_OK)
        rc = listen_to(ctx, run, err);
    return rc == ERR_OK ? wait_for_end(ctx, run, err) : rc;
}

static enum err_class command_unwrap(struct vault_provider *provider, const struct ctx *ctx,
                                     const char *owner, struct str wrapped,
                                     unsigned char root[VAULT_KEY_BYTES], struct err *err)
{
    const struct command_provider *self = (const struct command_provider *)provider;
    AUTO(run_done) struct run run = {.pid = -1, .out = -1};
    enum err_class rc = run_command(self, ctx, "unwrap", owner, wrapped, &run, err);

    if (rc == ERR_OK && run.got_len != VAULT_KEY_BYTES)
        rc = err_set(err, ERR_KEY,
                     "the key command %s answered to `unwrap` with %zu bytes instead of %d",
                     self->path, run.got_len, VAULT_KEY_BYTES);
    if (rc == ERR_OK)
        memcpy(root, run.got, VAULT_KEY_BYTES);
    return rc;
}

/* What was wrapped is unwrapped at once: a service that loses keys must show now, not later. */
static enum err_class command_wrap(struct vault_provider *provider, const struct ctx *ctx,
                                   const char *owner, const unsigned char root[VAULT_KEY_BYTES],
                                   struct strbuf *ret, struct err *err)
{
    const struct command_provider *self = (const struct command_provider *)provider;
    const struct str input = {(const char *)root, VAULT_KEY_BYTES};
    AUTO(run_done) struct run run = {.pid = -1, .out = -1};
    unsigned char back[VAULT_KEY_BYTES];
    enum err_class rc = run_command(self, ctx, "wrap", owner, input, &run, err);
    const struct str wrapped = {(const char *)run.got, run.got_len};

    if (rc == ERR_OK &&
        (wrapped.len < VAULT_KEY_BYTES || memmem(wrapped.ptr, wrapped.len, root, VAULT_KEY_BYTES)))
        rc = err_set(err, ERR_KEY,
                     "the key command %s answered to `wrap` with %zu bytes that wrap no key",
                     self->path, wrapped.len);
    if (rc == ERR_OK)
        rc = command_unwrap(provider, ctx, owner, wrapped, back, err);
    if (rc == ERR_OK && sodium_memcmp(back, root, sizeof(back)) != 0)
        rc = err_set(err, ERR_KEY,
                     "the key command %s does not unwrap what it has wrapped to the same key",
                     self->path);
    if (rc == ERR_OK)
        strbuf_add_str(ret, wrapped);
    sodium_memzero(back, sizeof(back));
    return rc;
}

static void command_free(struct vault_provider *provider)
{
    free(provider);
}

static const struct vault_provider_ops command_ops = {
    .name = "command",
    .wrap = command_wrap,
    .unwrap = command_unwrap,
    .free = command_free,
};

enum err_class vault_command_provider(const struct vault_provider_settings *settings,
                                      struct vault_provider **ret, struct err *err)
{
    const char *path = settings->command ? settings->command : "";
    struct command_provider *self = NULL;

    if (path[0] != '/' || strlen(path) >= sizeof(self->path))
        return err_set(
            err, ERR_KEY,
            "the key provider `command` wants the whole path of a program, not \"%.200s\"; "
            "set keys.command",
            path);
    if (access(path, X_OK) != 0)
        return err_set(err, ERR_KEY, "the key command %s cannot be run: %s", path,
                       strerrordesc_np(errno));
    self = calloc(1, sizeof(*self));
    if (!self)
        return err_memory(err);
    self->base.ops = &command_ops;
    self->timeout_ms = (settings->timeout_s > 0 ? settings->timeout_s : TIMEOUT_DEFAULT_S) * 1000;
    (void)snprintf(self->path, sizeof(self->path), "%s", path);
    vault_provider_name_it(&self->base, "command", path);
    *ret = &self->base;
    return ERR_OK;
}
