/*
 * replay.c: a driver for fuzz targets that needs no fuzzer, so that every build can run them.
 *
 *   replay [--mutations N] [--seed S] FILE|FOLDER...
 *
 * Runs each file, in the order of their names, then N mutations of them (0 unless said) drawn from
 * a seed (1 unless said): the same files, N and S give the same inputs on every machine. Mutations
 * are blind, they do not learn as libFuzzer's do; they keep a target's invariants true from day to
 * day, finding new ground is `run`'s job.
 *
 * When an input fails, it is kept as fuzz-failed-<target> in the current folder and named on
 * stderr; the same file replays it. For that the sanitizers' death callback is used where there is
 * one, and the signals of a crash.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define FILES_MAX 4096
#define FILE_BYTES_MAX ((size_t)1024 * 1024)
#define MUTANT_BYTES_MAX ((size_t)8192) /* a longer file mutates, and does not grow */
#define TURNS_MAX 5                     /* changes to one mutant */

struct input {
    char *path;
    char *bytes;
    size_t len;
};

static struct input inputs[FILES_MAX];
static size_t input_count;

/* What runs now, for the handler of a crash. */
static const char *now_bytes;
static size_t now_len;
static char now_name[600];
static char kept_path[300];

static void say(const char *text)
{
    /* Nothing can be done when the last words are lost. */
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

/* Called from signal handlers: system calls only. */
static void keep_input(void)
{
    static volatile sig_atomic_t kept;
    int fd;

    if (kept || !now_bytes)
        return;
    kept = 1;
    fd = open(kept_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, now_bytes, now_len) == (ssize_t)now_len)
        say("the input that fails is kept as ");
    else
        say("the input that fails cannot be kept as ");
    say(kept_path);
    say("; it is ");
    say(now_name);
    say("\n");
    if (fd >= 0)
        (void)close(fd);
}

static void on_signal(int number)
{
    keep_input();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_crashes(const char *program)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGTERM};
    const char *slash = strrchr(program, '/');

    (void)snprintf(kept_path, sizeof(kept_path), "fuzz-failed-%.200s", slash ? slash + 1 : program);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        struct sigaction old;

        /* AddressSanitizer's own handlers tell more; they end in the callback. */
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)signal(signals[i], on_signal);
    }
}

__attribute__((noreturn)) static void die(const char *what, const char *path)
{
    (void)fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(2);
}

static void load_file(const char *path)
{
    static char room[FILE_BYTES_MAX + 1];
    struct input *input = &inputs[input_count];
    size_t len = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        die("cannot open", path);
    if (input_count == FILES_MAX) {
        (void)fprintf(stderr, "more than %d files\n", FILES_MAX);
        exit(2);
    }
    while ((got = read(fd, room + len, sizeof(room) - len)) > 0)
        len += (size_t)got;
    if (got < 0 || len > FILE_BYTES_MAX)
        die("cannot read, or too large:", path);
    (void)close(fd);
    *input = (struct input){strdup(path), malloc(len + 1), len};
    if (!input->path || !input->bytes)
        die("no memory for", path);
    memcpy(input->bytes, room, len);
    input_count++;
}

/* By bytes, so that the order is that of no locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load(const char *path)
{
    struct dirent **names = NULL;
    struct stat st;
    int count;

    if (stat(path, &st) != 0)
        die("cannot find", path);
    if (!S_ISDIR(st.st_mode)) {
        load_file(path);
        return;
    }
    count = scandir(path, &names, NULL, by_name);
    if (count < 0)
        die("cannot list", path);
    for (int i = 0; i < count; i++) {
        char file[4096];

        if (names[i]->d_name[0] != '.') {
            (void)snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
            load_file(file);
        }
        free(names[i]);
    }
    free(names);
}

/* Runs a copy of exactly its length: a read past the end is then seen. */
static void run_one(const char *bytes, size_t len)
{
    char *copy = fuzz_exact((struct str){bytes, len});

    now_bytes = bytes;
    now_len = len;
    (void)LLVMFuzzerTestOneInput((const uint8_t *)copy, len);
    now_bytes = NULL;
    free(copy);
}

/* ---- Mutations ---- */

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t dice;
static size_t roll(size_t below)
{
    uint64_t z = dice += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return below ? (size_t)((z ^ (z >> 31)) % below) : 0;
}

/* What parsers trip over: limits of integers, structure of JSON, URLs, UTF-8 and time. */
static const struct str morsels[] = {
    STR("0"),
    STR("-1"),
    STR("60"),
    STR("-0"),
    STR("1e308"),
    STR("0.5"),
    STR("2147483648"),
    STR("4294967296"),
    STR("9223372036854775807"),
    STR("-9223372036854775808"),
    STR("9223372036854775808"),
    STR("18446744073709551616"),
    STR("null"),
    STR("true"),
    STR("[]"),
    STR("{}"),
    STR("[[[["),
    STR("{\"a\":"),
    STR("\"\""),
    STR("\\u0000"),
    STR("\\ud800"),
    STR(","),
    STR(":"),
    STR(";"),
    STR("\n"),
    STR("\n\n"),
    STR("\r\n"),
    STR(" "),
    STR("\t"),
    STR("%00"),
    STR("%2f"),
    STR("%25"),
    STR("/../"),
    STR("//"),
    STR("@"),
    STR("?"),
    STR("#"),
    STR("[::1]"),
    STR("127.1"),
    STR("0x7f"),
    STR(":443"),
    STR("\xc3\xa4"),
    STR("\xed\xa0\x80"),
    STR("\xf0\x9f\x90\x9b"),
    STR("\xc0\x80"),
    STR("\xff"),
    STR("9999-12-31"),
    STR("0001-01-01"),
    STR("2024-02-29"),
    STR("T23:59:60"),
    STR("+1400"),
    STR("-00:30"),
};

struct mutant {
    char bytes[FILE_BYTES_MAX + 1];
    size_t len;
};

/* Puts `with` where `cut` bytes stood; nothing happens when it would grow too large. */
static void replace(struct mutant *m, size_t at, size_t cut, struct str with)
{
    size_t max = m->len > MUTANT_BYTES_MAX ? m->len : MUTANT_BYTES_MAX;

    if (m->len - cut + with.len > max)
        return;
    memmove(m->bytes + at + with.len, m->bytes + at + cut, m->len - at - cut);
    if (with.len > 0)
        memcpy(m->bytes + at, with.ptr, with.len);
    m->len = m->len - cut + with.len;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits around a place become another number. */
static void replace_number(struct mutant *m, size_t at)
{
    size_t end = at;

    while (end < m->len && !is_digit(m->bytes[end]))
        end++;
    at = end;
    while (end < m->len && is_digit(m->bytes[end]))
        end++;
    replace(m, at, end - at, morsels[roll(12)]);
}

static void change(struct mutant *m)
{
    static char part[MUTANT_BYTES_MAX];
    size_t at = roll(m->len + 1), left = m->len - at;
    size_t some = roll(left < 32 ? left + 1 : 32);
    const struct input *other = &inputs[roll(input_count)];
    size_t from = roll(other->len + 1), take = roll(other->len - from + 1);

    switch (roll(9)) {
    case 0:
        if (left > 0)
            m->bytes[at] = (char)(m->bytes[at] ^ (1 << roll(8)));
        break;
    case 1:
        if (left > 0)
            m->bytes[at] = (char)roll(256);
        break;
    case 2: /* take some out */
        replace(m, at, some, (struct str){NULL, 0});
        break;
    case 3: /* say some twice */
        memcpy(part, m->bytes + at, some);
        replace(m, at, 0, (struct str){part, some});
        break;
    case 4:
        replace(m, at, 0, morsels[roll(ARRAY_LEN(morsels))]);
        break;
    case 5:
        replace(m, at, some, morsels[roll(ARRAY_LEN(morsels))]);
        break;
    case 6:
        replace_number(m, at);
        break;
    case 7: /* a part of another file */
        replace(m, at, some, (struct str){other->bytes + from, take < 256 ? take : 256});
        break;
    default: /* the head of this, the tail of another */
        replace(m, at, left, (struct str){other->bytes + from, other->len - from});
        break;
    }
}

static void run_mutations(int64_t count)
{
    static struct mutant mutant;

    for (int64_t i = 0; i < count; i++) {
        const struct input *parent = &inputs[roll(input_count)];
        size_t turns = 1 + roll(TURNS_MAX);

        memcpy(mutant.bytes, parent->bytes, parent->len);
        mutant.len = parent->len;
        while (turns-- > 0)
            change(&mutant);
        (void)snprintf(now_name, sizeof(now_name), "mutation %" PRId64 ", of %.500s", i,
                       parent->path);
        run_one(mutant.bytes, mutant.len);
    }
}

int main(int argc, char **argv)
{
    int64_t mutations = 0, seed = 1;

    for (int i = 1; i < argc; i++) {
        int64_t *number = strcmp(argv[i], "--mutations") == 0 ? &mutations
                          : strcmp(argv[i], "--seed") == 0    ? &seed
                                                              : NULL;

        if (!number) {
            load(argv[i]);
        } else if (i + 1 == argc || !parse_i64(str_from(argv[++i]), 0, INT64_MAX, number)) {
            (void)fprintf(stderr, "%s needs a number\n", argv[i - 1]);
            return 2;
        }
    }
    if (input_count == 0) {
        (void)fprintf(stderr, "usage: %s [--mutations N] [--seed S] FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    watch_for_crashes(argv[0]);
    for (size_t i = 0; i < input_count; i++) {
        (void)snprintf(now_name, sizeof(now_name), "%.590s", inputs[i].path);
        run_one(inputs[i].bytes, inputs[i].len);
    }
    dice = (uint64_t)seed;
    run_mutations(mutations);
    (void)printf("%zu files and %" PRId64 " mutations (seed %" PRId64 "), all well\n", input_count,
                 mutations, seed);
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].path);
        free(inputs[i].bytes);
    }
    return 0;
}
