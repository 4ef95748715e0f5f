/*
 * cli.c: finding the verb, reading its options, help, and what all verbs share.
 *
 * Results go to standard output, everything else (errors, progress) to standard error. The exit
 * code is the error class's, see docs/exit-codes.md.
 */
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "apps/apps.h"
#include "base/log.h"
#include "vault/vault.h"

static const struct cli_option common_options[] = {
    {"data", "DIR", "the data folder (or TENON_DATA; default ~/.local/share/tenon)"},
    {"json", NULL, "print JSON for programs"},
    {"log", NULL, "write the log to standard error"},
    {"help", NULL, "show this help"},
    {NULL, NULL, NULL},
};

const char *cli_nth(const struct cli *cli, const char *option, size_t n)
{
    for (size_t i = 0; i < cli->value_count; i++)
        if (strcmp(cli->values[i].option->name, option) == 0 && n-- == 0)
            return cli->values[i].value;
    return NULL;
}

const char *cli_value(const struct cli *cli, const char *option)
{
    const char *last = NULL;

    for (size_t i = 0; i < cli->value_count; i++)
        if (strcmp(cli->values[i].option->name, option) == 0)
            last = cli->values[i].value;
    return last;
}

bool cli_flag(const struct cli *cli, const char *option)
{
    for (size_t i = 0; i < cli->value_count; i++)
        if (strcmp(cli->values[i].option->name, option) == 0)
            return true;
    return false;
}

enum err_class cli_print(struct str text, struct err *err)
{
    if (fwrite(text.ptr, 1, text.len, stdout) != text.len || ferror(stdout))
        /* The reader of a pipe that has had enough is no failure worth a word. */
        return errno == EPIPE ? err_set(err, ERR_CANCELLED, "%s", "")
                              : err_errno(err, errno, "cannot write to standard output");
    return ERR_OK;
}

enum err_class cli_print_buf(const struct strbuf *buf, struct err *err)
{
    enum err_class rc = strbuf_check(buf, "the output", err);

    return rc == ERR_OK ? cli_print(strbuf_str(buf), err) : rc;
}

/*
 * The length of what at `p` could steer a terminal: C0 and C1 controls, and the marks that turn the
 * direction of writing (U+202A..E, U+2066..9). 0: none there. The text is UTF-8.
 */
static size_t steers(const unsigned char *p, size_t left)
{
    if (p[0] < 0x20 || p[0] == 0x7f)
        return 1;
    if (left >= 2 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
        return 2;
    if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
        return 3;
    if (left >= 3 && p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
        return 3;
    return 0;
}

void cli_put_plain(struct strbuf *text, struct str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t skip = steers((const unsigned char *)s.ptr + at, s.len - at);

        strbuf_add_char(text, skip ? ' ' : s.ptr[at]);
        at += skip ? skip : 1;
    }
}

void cli_put_count(struct strbuf *buf, int64_t n)
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

    for (int i = 0; i < len; i++) {
        if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
            strbuf_add_char(buf, ',');
        strbuf_add_char(buf, digits[i]);
    }
}

/* ---- progress ---- */

#define BAR_WIDTH 24

static void put_left(struct strbuf *line, int64_t left_ms)
{
    int64_t seconds = left_ms / 1000;

    if (left_ms < 0)
        return;
    if (seconds >= 3600)
        strbuf_addf(line, "  %lldh %02lldm left", (long long)(seconds / 3600),
                    (long long)(seconds / 60 % 60));
    else if (seconds >= 60)
        strbuf_addf(line, "  %lldm %02llds left", (long long)(seconds / 60),
                    (long long)(seconds % 60));
    else
        strbuf_addf(line, "  %llds left", (long long)seconds);
}

void cli_progress(struct cli *cli, const char *what, int64_t count, double share, int64_t left_ms)
{
    struct strbuf line = STRBUF_INIT(512);

    if (!isatty(STDERR_FILENO))
        return;
    strbuf_addf(&line, "\r\033[K%-10s ", what);
    if (share >= 0) {
        int full = (int)(share * BAR_WIDTH);

        strbuf_add_char(&line, '[');
        for (int i = 0; i < BAR_WIDTH; i++)
            strbuf_add_char(&line, i < full ? '#' : '.');
        strbuf_addf(&line, "] %3d%%  ", (int)(share * 100));
    }
    cli_put_count(&line, count);
    strbuf_add_z(&line, " worklogs");
    put_left(&line, left_ms);
    (void)fwrite(line.ptr, 1, line.len, stderr); /* a bar that cannot be drawn is no error */
    (void)fflush(stderr);
    cli->progress_shown = true;
    strbuf_done(&line);
}

void cli_progress_end(struct cli *cli)
{
    if (cli->progress_shown)
        (void)fputs("\r\033[K", stderr);
    cli->progress_shown = false;
}

/* ---- help ---- */

static void help_options(const struct cli_option *options)
{
    for (const struct cli_option *option = options; option->name; option++) {
        char left[64];

        (void)snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
                       option->value ? option->value : "");
        printf("  %-26s %s\n", left, option->help);
    }
}

static void help_verb(const struct cli_verb *verb)
{
    printf("tenon %s %s\n\n%s.\n\n%s\n\nOptions:\n", verb->name, verb->args, verb->summary,
           verb->about);
    help_options(verb->options);
    help_options(common_options);
}

static void help_all(const struct cli_verb *const *verbs, size_t count)
{
    printf("tenon %s mirrors a Jira site's worklogs, reports on them, and keeps only what it "
           "declares.\n\nUsage: tenon COMMAND [ARGUMENT…] [OPTION…]\n\nCommands:\n",
           TENON_VERSION);
    for (size_t i = 0; i < count; i++)
        printf("  %-14s %-10s %s\n", verbs[i]->name, verbs[i]->args, verbs[i]->summary);
    printf("\nEach has its own --help, with an example. Options that all of them take:\n");
    help_options(common_options);
    printf("\nExit codes:\n");
    for (int i = 0; i < ERR_CLASS_COUNT; i++)
        printf("  %3d  %-10s %s\n", err_exit_code((enum err_class)i),
               err_class_name((enum err_class)i), err_class_help((enum err_class)i));
}

/* ---- reading the command line ---- */

/* How many words of argv the verb's name takes when it stands there; 0: it does not. */
static int match_verb(const struct cli_verb *verb, int argc, char **argv)
{
    struct str rest = str_from(verb->name);
    int words = 0;

    while (rest.len > 0) {
        struct str word = str_cut(rest, ' ', &rest);

        if (1 + words >= argc || !str_eq_z(word, argv[1 + words]))
            return 0;
        words++;
    }
    return words;
}

static const struct cli_option *find_option(const struct cli_option *options, struct str name)
{
    for (const struct cli_option *option = options; option->name; option++)
        if (str_eq_z(name, option->name))
            return option;
    return NULL;
}

/* One option at argv[*at]; moves *at past a value that stands apart. */
static enum err_class read_option(struct cli *cli, int argc, char **argv, int *at, struct err *err)
{
    struct str value = {NULL, 0};
    struct str name = str_cut(str_from(argv[*at] + 2), '=', &value);
    bool glued = value.ptr || strchr(argv[*at], '=');
    const struct cli_option *option = find_option(cli->verb->options, name);

    if (!option)
        option = find_option(common_options, name);
    if (!option)
        return err_set(err, ERR_USAGE, "there is no option --" STR_FMT "; see `tenon %s --help`",
                       STR_ARG(name), cli->verb->name);
    if (!option->value && glued)
        return err_set(err, ERR_USAGE, "--%s takes no value", option->name);
    if (cli->value_count == CLI_VALUES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d options", CLI_VALUES_MAX);
    if (option->value && !glued) {
        if (*at + 1 >= argc)
            return err_set(err, ERR_USAGE, "--%s wants a value: --%s %s", option->name,
                           option->name, option->value);
        ++*at;
        value = str_from(argv[*at]);
    }
    cli->values[cli->value_count].option = option;
    cli->values[cli->value_count].value = option->value ? (value.ptr ? value.ptr : "") : NULL;
    cli->value_count++;
    return ERR_OK;
}

static enum err_class read_line(struct cli *cli, int argc, char **argv, int from, struct err *err)
{
    bool only_args = false;

    for (int at = from; at < argc; at++) {
        enum err_class rc = ERR_OK;

        if (!only_args && strcmp(argv[at], "--") == 0)
            only_args = true;
        else if (!only_args && strncmp(argv[at], "--", 2) == 0)
            rc = read_option(cli, argc, argv, &at, err);
        else if (cli->arg_count == CLI_ARGS_MAX)
            rc = err_set(err, ERR_USAGE, "too many arguments, beginning with %s", argv[at]);
        else
            cli->args[cli->arg_count++] = argv[at];
        if (rc != ERR_OK)
            return rc;
    }
    if (cli_flag(cli, "help"))
        return ERR_OK;
    if (cli->arg_count < cli->verb->args_min)
        return err_set(err, ERR_USAGE, "%s is missing; see `tenon %s --help`", cli->verb->args,
                       cli->verb->name);
    if (cli->arg_count > cli->verb->args_max)
        return err_set(err, ERR_USAGE, "the argument %s is one too many; see `tenon %s --help`",
                       cli->args[cli->verb->args_max], cli->verb->name);
    return ERR_OK;
}

static enum err_class find_data_dir(struct cli *cli, struct err *err)
{
    const char *dir = cli_value(cli, "data");
    const char *home = getenv("HOME");

    if (!dir)
        dir = getenv("TENON_DATA");
    if (dir && *dir) {
        cli->data_dir = dir;
        return ERR_OK;
    }
    if (!home || !*home)
        return err_set(err, ERR_USAGE, "name the data folder with --data or TENON_DATA");
    cli->data_dir_owned = disk_join(home, ".local/share/tenon");
    cli->data_dir = cli->data_dir_owned;
    return cli->data_dir ? ERR_OK : err_memory(err);
}

enum err_class cli_open_data(struct cli *cli, bool create, struct data **ret, struct err *err)
{
    enum err_class rc = ERR_OK;

    /* The default folder's parents may not be there on a new account. */
    if (create && cli->data_dir == cli->data_dir_owned) {
        for (char *at = cli->data_dir_owned + 1; *at && rc == ERR_OK; at++) {
            if (*at != '/')
                continue;
            *at = '\0';
            rc = disk_make_dir(&cli->ctx, cli->data_dir_owned, err);
            *at = '/';
        }
    }
    return rc == ERR_OK ? data_open(&cli->ctx, cli->data_dir, &tenon_catalog, create, ret, err)
                        : rc;
}

enum err_class cli_open_tenant(struct cli *cli, struct data **ret_data, struct tenant **ret,
                               struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct tenant_info info;
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(cli->args[0]), &info, err);
    if (rc == ERR_OK)
        rc = tenant_open(data, &info, ret, err);
    if (rc == ERR_OK)
        *ret_data = TAKE(data);
    return rc;
}

static enum err_class run_verb(struct cli *cli, struct err *err)
{
    const struct audit_who who = {.by = AUDIT_BY_OPERATOR, .number = getuid()};
    enum err_class rc = find_data_dir(cli, err);

    if (rc == ERR_OK)
        rc = vault_start(err);
    if (rc == ERR_OK && cli->verb->network) {
        rc = net_curl_new(&cli->net, err);
        if (rc == ERR_OK)
            net_curl_install(cli->net, &cli->ctx);
    }
    if (rc == ERR_OK && cli_flag(cli, "log"))
        cli->ctx.log = log_new(STDERR_FILENO, LOG_INFO);
    /* The server acts for others, and says so itself. */
    if (cli->verb != &verb_serve)
        audit_act_as(&who);
    if (rc == ERR_OK)
        rc = cli->verb->run(cli, err);
    cli_progress_end(cli);
    if (fflush(stdout) != 0 && rc == ERR_OK)
        rc = err_errno(err, errno, "cannot write to standard output");
    audit_act_as(NULL);
    net_curl_free(cli->net);
    log_free(cli->ctx.log);
    free(cli->data_dir_owned);
    return rc;
}

static int tell(const char *verb, enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return 0;
    if (err->msg[0] == '\0')
        return err_exit_code(rc);
    (void)fflush(stdout); /* so that the two streams stand in order on a terminal */
    if (verb)
        (void)fprintf(stderr, "tenon %s: %s\n", verb, err->msg);
    else
        (void)fprintf(stderr, "tenon: %s\n", err->msg);
    return err_exit_code(rc);
}

/* Names the words that may follow when the first one is half of a command. */
static int no_such_verb(const struct cli_verb *const *verbs, size_t verb_count, const char *word)
{
    struct strbuf next = STRBUF_INIT(1024);
    struct err err = {0};

    for (size_t i = 0; i < verb_count; i++) {
        struct str rest = {NULL, 0};

        if (str_eq_z(str_cut(str_from(verbs[i]->name), ' ', &rest), word) && rest.len > 0)
            strbuf_addf(&next, "%s" STR_FMT, next.len ? ", " : "", STR_ARG(rest));
    }
    if (next.len > 0)
        (void)err_set(&err, ERR_USAGE, "`tenon %s` wants one of: %s", word, strbuf_z(&next));
    else
        (void)err_set(&err, ERR_USAGE, "there is no command %s; `tenon --help` lists them", word);
    strbuf_done(&next);
    return tell(NULL, ERR_USAGE, &err);
}

int cli_main(const struct ctx *ctx, const struct cli_verb *const *verbs, size_t verb_count,
             int argc, char **argv)
{
    struct cli cli = {.ctx = *ctx};
    struct err err = {0};
    int words = 0;

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help_all(verbs, verb_count);
        return argc < 2 ? err_exit_code(ERR_USAGE) : 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("tenon %s\n", TENON_VERSION);
        return 0;
    }
    for (size_t i = 0; i < verb_count && words == 0; i++) {
        words = match_verb(verbs[i], argc, argv);
        if (words > 0)
            cli.verb = verbs[i];
    }
    if (words == 0)
        return no_such_verb(verbs, verb_count, argv[1]);

    enum err_class rc = read_line(&cli, argc, argv, 1 + words, &err);

    if (rc == ERR_OK && cli_flag(&cli, "help")) {
        help_verb(cli.verb);
        return 0;
    }
    if (rc == ERR_OK)
        rc = run_verb(&cli, &err);
    return tell(cli.verb->name, rc, &err);
}
