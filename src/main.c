/* main.c: the table of commands, and the wish to stop. */
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/attr.h"
#include "cli/cli.h"

static volatile sig_atomic_t stop;

/* The first signal asks to finish what is half done; a second one ends the process at once. */
static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); /* read by all threads */
}

static const struct cli_verb *const verbs[] = {
    &verb_tenant_add,     &verb_tenant_list,    &verb_tenant_token,
    &verb_tenant_erase,   &verb_tenant_keep,    &verb_receipt_verify,
    &verb_receipt_key,    &verb_receipt_replay, &verb_tenant_webhook,
    &verb_tenant_attach,  &verb_forge_manifest, &verb_serve,
    &verb_settings,       &verb_admin,          &verb_token_add,
    &verb_token_list,     &verb_token_remove,   &verb_sync,
    &verb_report,         &verb_worklogs,       &verb_tag,
    &verb_person_show,    &verb_person_export,  &verb_person_erase,
    &verb_person_readmit, &verb_export,         &verb_import,
    &verb_policy_diff,    &verb_policy_verify,  &verb_backup_verify,
    &verb_backup_drill,   &verb_backup_copy,    &verb_backup_fetch,
    &verb_backup,         &verb_backups,        &verb_restore,
    &verb_keys_status,    &verb_keys_rotate,    &verb_keys_retire,
    &verb_keys_rewrap,    &verb_keys_split,     &verb_keys_recover,
    &verb_policy,         &verb_audit_verify,   &verb_audit,
    &verb_incident,       &verb_doctor,
};

/*
 * Answers of Jira are blocks of megabytes that come and go: kept in the heap instead of being
 * mapped and faulted in anew each time, they cost a third. 32 MiB is the most that glibc takes.
 */
static void keep_large_blocks(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
    struct ctx ctx = ctx_real(&stop);

    (void)sigemptyset(&action.sa_mask); /* these cannot fail with valid signal numbers */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(077); /* whatever is made here is nobody else's business */
    keep_large_blocks();
    return cli_main(&ctx, verbs, ARRAY_LEN(verbs), argc, argv);
}
