#ifndef CLI_CLI_H
#define CLI_CLI_H
#include <stdbool.h>

#include "base/ctx.h"
#include "base/str.h"
#include "http/net.h"
#include "store/data.h"

/*
 * The command line: a table of verbs, each with its options, its help and its function. Options are
 * long ones, `--name value` or `--name=value`; everything else is an argument.
 */
#define CLI_OPTIONS_MAX 24
#define CLI_VALUES_MAX 256
#define CLI_ARGS_MAX 8

struct cli_option {
    const char *name;  /* without the dashes; NULL ends the list */
    const char *value; /* what follows it, for the help; NULL: a flag */
    const char *help;
};

struct cli;

struct cli_verb {
    const char *name;    /* "sync", or two words: "tenant add" */
    const char *args;    /* "TENANT" */
    const char *summary; /* one line */
    const char *about;   /* paragraphs, with an example */
    struct cli_option options[CLI_OPTIONS_MAX];
    size_t args_min, args_max;
    bool network; /* calls remotes */
    enum err_class (*run)(struct cli *cli, struct err *err);
};

struct cli {
    struct ctx ctx;
    const struct cli_verb *verb;
    const char *args[CLI_ARGS_MAX];
    size_t arg_count;
    struct {
        const struct cli_option *option;
        const char *value; /* NULL for a flag */
    } values[CLI_VALUES_MAX];
    size_t value_count;
    const char *data_dir;
    char *data_dir_owned;
    struct net_curl *net;
    bool progress_shown; /* a bar stands on the terminal and must be wiped before other text */
};

/* The last value of an option; NULL when it was not given. */
const char *cli_value(const struct cli *cli, const char *option);
bool cli_flag(const struct cli *cli, const char *option);
/* The nth value of an option that may be given several times; NULL past the last. */
const char *cli_nth(const struct cli *cli, const char *option, size_t n);

/* Runs the program; the result is the process's exit code. */
int cli_main(const struct ctx *ctx, const struct cli_verb *const *verbs, size_t verb_count,
             int argc, char **argv);

/* Opens the data folder named by --data, TENON_DATA, or the default. */
MUST_USE enum err_class cli_open_data(struct cli *cli, bool create, struct data **ret,
                                      struct err *err);
/* Opens the data folder and the tenant that the first argument names. */
MUST_USE enum err_class cli_open_tenant(struct cli *cli, struct data **ret_data,
                                        struct tenant **ret, struct err *err);
/* Writes to standard output; ERR_DISK when it is closed or full. */
MUST_USE enum err_class cli_print(struct str text, struct err *err);
MUST_USE enum err_class cli_print_buf(const struct strbuf *buf, struct err *err);

/* A bar on a terminal's standard error; nothing elsewhere. share -1: not known. */
void cli_progress(struct cli *cli, const char *what, int64_t count, double share, int64_t left_ms);
void cli_progress_end(struct cli *cli);

/* A text on one line of a terminal; what could steer it becomes a space. */
void cli_put_plain(struct strbuf *text, struct str s);

/* --at: a day (its end) or a moment, in UTC. ERR_USAGE. */
MUST_USE enum err_class cli_read_time(const char *text, int64_t *ret, struct err *err);

/* "1,204,331" */
void cli_put_count(struct strbuf *buf, int64_t n);

extern const struct cli_verb verb_admin;
extern const struct cli_verb verb_audit;
extern const struct cli_verb verb_audit_verify;
extern const struct cli_verb verb_backup;
extern const struct cli_verb verb_backup_copy;
extern const struct cli_verb verb_backup_drill;
extern const struct cli_verb verb_backup_fetch;
extern const struct cli_verb verb_backup_verify;
extern const struct cli_verb verb_backups;
extern const struct cli_verb verb_doctor;
extern const struct cli_verb verb_export;
extern const struct cli_verb verb_forge_manifest;
extern const struct cli_verb verb_incident;
extern const struct cli_verb verb_import;
extern const struct cli_verb verb_keys_recover;
extern const struct cli_verb verb_keys_retire;
extern const struct cli_verb verb_keys_rewrap;
extern const struct cli_verb verb_keys_rotate;
extern const struct cli_verb verb_keys_split;
extern const struct cli_verb verb_keys_status;
extern const struct cli_verb verb_person_erase;
extern const struct cli_verb verb_person_export;
extern const struct cli_verb verb_person_readmit;
extern const struct cli_verb verb_person_show;
extern const struct cli_verb verb_policy;
extern const struct cli_verb verb_policy_diff;
extern const struct cli_verb verb_policy_verify;
extern const struct cli_verb verb_receipt_key;
extern const struct cli_verb verb_receipt_replay;
extern const struct cli_verb verb_receipt_verify;
extern const struct cli_verb verb_report;
extern const struct cli_verb verb_restore;
extern const struct cli_verb verb_serve;
extern const struct cli_verb verb_settings;
extern const struct cli_verb verb_sync;
extern const struct cli_verb verb_tag;
extern const struct cli_verb verb_tenant_add;
extern const struct cli_verb verb_tenant_attach;
extern const struct cli_verb verb_tenant_erase;
extern const struct cli_verb verb_tenant_keep;
extern const struct cli_verb verb_tenant_list;
extern const struct cli_verb verb_tenant_token;
extern const struct cli_verb verb_tenant_webhook;
extern const struct cli_verb verb_token_add;
extern const struct cli_verb verb_token_list;
extern const struct cli_verb verb_token_remove;
extern const struct cli_verb verb_worklogs;

#endif
