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
    &verb_tenant_add,
    &verb_tenant_list,
    &verb_tenant_token,
    &verb_tenant_remove,
    &verb_tenant_webhook,
    &verb_tenant_attach,
    &verb_forge_manifest,
    &verb_serve,
    &verb_settings,
    &verb_admin,
    &verb_token_add,
    &verb_token_list,
    &verb_token_remove,
    &verb_sync,
    &verb_report,
    &verb_worklogs,
    &verb_tag,
    &verb_policy_diff,
    &verb_policy,
    &verb_doctor,
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
