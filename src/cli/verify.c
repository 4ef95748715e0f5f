/*
 * verify.c: `tenon policy verify`: proves the data-storage page against the bytes on the disk.
 *
 * First the folder as it is: the databases are what the catalogue declares, and nothing lies there
 * that it does not. Then a canary run in a folder of its own: texts that stand nowhere else go in
 * through every way there is, and every byte is searched for them.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/apps.h"
#include "base/disk.h"
#include "base/log.h"
#include "cli/cli.h"
#include "connect/api_token.h"
#include "custody/backup.h"
#include "custody/canary.h"
#include "custody/transfer.h"
#include "daemon/app.h"
#include "store/schema.h"

#define TEXT_BYTES ((size_t)4 * 1024 * 1024)

struct proof {
    struct cli *cli;
    struct strbuf wrong; /* a line each: what is not as the page says */
    int64_t databases;
    bool folder; /* there is one to look at */
    struct canaries canaries;
    int64_t arrived, declared;
};

/* ---- The folder as it is ---- */

static const char *const known_names[] = {
    "audit", "backups",   "control.db", "control.db-shm", "control.db-wal", "control.key", "keys",
    "logs",  "open.lock", "receipts",   "restore",        "tenants",        "tenon.conf",
};

static void check_name(void *arg, const char *name)
{
    struct proof *proof = arg;

    for (size_t i = 0; i < ARRAY_LEN(known_names); i++)
        if (strcmp(name, known_names[i]) == 0)
            return;
    strbuf_addf(&proof->wrong, "the data folder has %.200s, which nothing declares\n", name);
}

/* A schema that differs is a finding; anything else ends the run. */
static enum err_class judge(struct proof *proof, enum err_class rc, const struct err *why,
                            struct err *err)
{
    if (rc == ERR_SCHEMA) {
        strbuf_addf(&proof->wrong, "%s\n", why->msg);
        return ERR_OK;
    }
    if (rc != ERR_OK)
        *err = *why;
    return rc;
}

struct each_tenant {
    struct proof *proof;
    struct data *data;
};

static enum err_class check_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    struct each_tenant *each = arg;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct err why = {0};
    enum err_class rc = tenant_open(each->data, info, &tenant, &why);

    if (rc == ERR_OK)
        rc = schema_verify(tenant->db, &tenon_catalog, SCOPE_TENANT, &why);
    each->proof->databases++;
    return judge(each->proof, rc, &why, err);
}

static enum err_class check_folder(struct proof *proof, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct err why = {0};
    enum err_class rc = cli_open_data(proof->cli, false, &data, &why);

    if (rc == ERR_NOT_FOUND)
        return ERR_OK; /* nothing is kept here yet */
    proof->folder = true;
    proof->databases++;
    if (rc == ERR_OK)
        rc = schema_verify(data->control, &tenon_catalog, SCOPE_CONTROL, &why);
    rc = judge(proof, rc, &why, err);
    if (rc != ERR_OK || !data)
        return rc;

    struct each_tenant each = {proof, data};

    rc = disk_list(&proof->cli->ctx, data->dir, check_name, proof, err);
    return rc == ERR_OK ? tenant_each(data, check_tenant, &each, err) : rc;
}

/* ---- The canary run ---- */

/* What the platform itself takes in: a credential, an API token. */
static enum err_class feed_platform(struct canary_feed *feed, struct err *err)
{
    struct api_token token = {
        .name = str_from(canary_of(feed->canaries, "api_token", "name", "the command line")),
        .scopes = 1};
    char text[API_TOKEN_BYTES + 1];

    return api_token_add(feed->tenant, &token, text, err);
}

static enum err_class make_tenant(struct canary_feed *feed, struct err *err)
{
    struct tenant_info info = {.kind = TENANT_CLOUD};
    struct tenant_credential credential = {.login = STRBUF_INIT(256), .token = STRBUF_INIT(256)};

    (void)snprintf(info.name, sizeof(info.name), "canary");
    (void)snprintf(info.base_url, sizeof(info.base_url), "https://canary.invalid");
    strbuf_add_z(&credential.login,
                 canary_of(feed->canaries, "credential", "login", "the command line"));
    strbuf_add_z(&credential.token,
                 canary_of(feed->canaries, "credential", "token", "the command line"));

    enum err_class rc = tenant_create(feed->data, &info, &credential, err);

    tenant_credential_done(&credential);
    return rc == ERR_OK ? tenant_open(feed->data, &info, &feed->tenant, err) : rc;
}

static enum err_class feed_all(struct canary_feed *feed, struct err *err)
{
    struct backup backup;
    enum err_class rc = make_tenant(feed, err);

    if (rc == ERR_OK)
        rc = feed_platform(feed, err);
    for (size_t i = 0; i < tenon_app_count && rc == ERR_OK; i++)
        if (tenon_apps[i]->canaries)
            rc = tenon_apps[i]->canaries(feed, err);
    if (rc == ERR_OK)
        rc = backup_take(feed->data, feed->tenant, NULL, &backup, err);
    if (rc == ERR_OK)
        rc = backup_take(feed->data, NULL, NULL, &backup, err);
    return rc;
}

static enum err_class gather(void *arg, struct str part, struct err *err)
{
    struct strbuf *text = arg;

    strbuf_add_str(text, part);
    return strbuf_check(text, "an export", err);
}

/* What a customer gets: the configuration, and all that is held on one person. */
static enum err_class search_exports(struct canary_feed *feed, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(TEXT_BYTES);
    const struct rows_sink sink = {gather, &text};
    AUTO(person_document_done) struct person_document document;
    int64_t rows = 0;
    enum err_class rc = transfer_export(feed->tenant, &sink, &rows, err);

    person_begin(&document, &sink, INT64_MAX, AUDIT_PERSON_EXPORTED, str_from("nobody"));
    for (size_t i = 0; i < feed->canaries->count && rc == ERR_OK; i++) {
        const struct canary *canary = &feed->canaries->list[i];

        if (canary->record && canary->field->class == CLASS_PERSON)
            rc = person_write(&document, feed->tenant, str_from(canary->text), &rows, err);
    }
    if (rc == ERR_OK)
        rc = person_end(&document, err);
    if (rc == ERR_OK)
        canary_search_export(feed->canaries, strbuf_str(&text), "an export");
    return rc;
}

/* A crash must leave no core file, as it would hold what passes through memory. */
static enum err_class crash(struct proof *proof, const char *folder, struct err *err)
{
    int status = 0;
    pid_t pid = fork();

    if (pid < 0)
        return err_errno(err, errno, "cannot start a process to crash");
    if (pid == 0) {
        if (chdir(folder) != 0)
            _exit(1);
        (void)signal(SIGABRT, SIG_DFL);
        (void)kill(getpid(), SIGABRT);
        _exit(2);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        return err_set(err, ERR_BUG, "the process that was to crash did not");
    if (WCOREDUMP(status))
        strbuf_add_z(&proof->wrong, "a crash left a core file\n");
    return ERR_OK;
}

static enum err_class search_all(struct canary_feed *feed, const char *folder, struct err *err)
{
    struct canaries *canaries = feed->canaries;
    enum err_class rc = canary_search_files(canaries, folder, err);

    if (rc == ERR_OK)
        rc = canary_search_rows(canaries, feed->data->control, SCOPE_CONTROL, err);
    if (rc == ERR_OK)
        rc = canary_search_rows(canaries, feed->tenant->db, SCOPE_TENANT, err);
    return rc == ERR_OK ? canary_open_sealed(canaries, feed->tenant, err) : rc;
}

static void sum_up(struct proof *proof)
{
    struct canaries *canaries = &proof->canaries;

    strbuf_add_str(&proof->wrong, strbuf_str(&canaries->found));
    for (size_t i = 0; i < canaries->count; i++) {
        const struct canary *canary = &canaries->list[i];

        if (!canary->record)
            continue;
        proof->declared++;
        proof->arrived += canary->arrived;
        if (!canary->arrived)
            strbuf_addf(&proof->wrong, "what was put into %s.%s by %s is not there\n",
                        canary->record->name, canary->field->name, canary->what);
    }
}

static enum err_class run_in(struct proof *proof, const char *folder, struct err *err)
{
    AUTO(free_autop) char *dir = disk_join(folder, "data");
    AUTO(free_autop) char *logs = disk_join(folder, "logs");
    struct ctx ctx = proof->cli->ctx;
    struct canary_feed feed = {.ctx = &ctx, .canaries = &proof->canaries};
    enum err_class rc = dir && logs ? disk_make_dir(&ctx, logs, err) : err_memory(err);

    if (rc != ERR_OK)
        return rc;
    ctx.log = log_new_daily(logs, 1, LOG_DEBUG, false);
    canaries_init(&proof->canaries, &ctx, &tenon_catalog);
    rc = data_open(&ctx, dir, &tenon_catalog, true, &feed.data, err);
    if (rc == ERR_OK)
        rc = feed_all(&feed, err);
    if (rc == ERR_OK)
        rc = search_exports(&feed, err);
    if (rc == ERR_OK)
        rc = crash(proof, folder, err);
    if (rc == ERR_OK)
        rc = search_all(&feed, folder, err);
    sum_up(proof);
    canaries_done(&proof->canaries);
    tenant_close(feed.tenant);
    data_close(feed.data);
    log_free(ctx.log);
    return rc;
}

static enum err_class run_canaries(struct proof *proof, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    struct strbuf folder AUTO(strbuf_done) = STRBUF_INIT(4096);

    strbuf_addf(&folder, "%s/tenon-verify.XXXXXX", tmp && tmp[0] ? tmp : "/tmp");

    enum err_class rc = strbuf_check(&folder, "the path of a folder", err);

    if (rc == ERR_OK && !mkdtemp(folder.ptr))
        rc = err_errno(err, errno, "cannot make a folder for the run");
    if (rc != ERR_OK)
        return rc;

    struct err removal = {0};

    rc = run_in(proof, strbuf_z(&folder), err);

    enum err_class removed = disk_remove_tree(&proof->cli->ctx, strbuf_z(&folder), &removal);

    if (rc == ERR_OK && removed != ERR_OK) {
        *err = removal;
        rc = removed;
    }
    return rc;
}

/* ---- The command ---- */

static void put_text(const struct proof *proof, struct strbuf *text)
{
    const struct canaries *canaries = &proof->canaries;

    if (proof->folder)
        strbuf_addf(text, "Data folder: %lld databases held against the catalogue.\n",
                    (long long)proof->databases);
    else
        strbuf_add_z(text, "Data folder: none yet.\n");
    strbuf_addf(text,
                "Canary run: %zu texts planted, %lld of them where they belong, %zu that must not "
                "be stored.\nLooked at: %lld files, ",
                canaries->count, (long long)proof->arrived,
                canaries->count - (size_t)proof->declared, (long long)canaries->files);
    cli_put_count(text, canaries->bytes);
    strbuf_addf(text, " bytes, %lld tables with %lld rows, a crash.\n", (long long)canaries->tables,
                (long long)canaries->rows);
    if (proof->wrong.len == 0)
        strbuf_add_z(text, "Nothing was found where the page does not allow it.\n");
    else
        strbuf_addf(text, "Not as the page says:\n%s", strbuf_z((struct strbuf *)&proof->wrong));
}

static void put_json(const struct proof *proof, struct strbuf *text)
{
    struct json_out out = json_out(text);
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"databases", proof->databases},    {"canaries", (int64_t)proof->canaries.count},
                   {"declared", proof->declared},      {"arrived", proof->arrived},
                   {"files", proof->canaries.files},   {"bytes", proof->canaries.bytes},
                   {"tables", proof->canaries.tables}, {"rows", proof->canaries.rows}};
    struct str rest = {proof->wrong.ptr, proof->wrong.len};

    json_object(&out);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        json_key(&out, numbers[i].name);
        json_put_i64(&out, numbers[i].value);
    }
    json_key(&out, "wrong");
    json_array(&out);
    while (rest.len > 0)
        json_put_str(&out, str_cut(rest, '\n', &rest));
    json_array_end(&out);
    json_object_end(&out);
    strbuf_add_char(text, '\n');
}

static enum err_class run(struct cli *cli, struct err *err)
{
    struct proof proof = {.cli = cli, .wrong = STRBUF_INIT(TEXT_BYTES)};
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(2 * TEXT_BYTES);
    enum err_class rc = catalog_check(&tenon_catalog, err);

    if (rc == ERR_OK)
        rc = check_folder(&proof, err);
    if (rc == ERR_OK)
        rc = run_canaries(&proof, err);
    if (rc == ERR_OK) {
        if (cli_flag(cli, "json"))
            put_json(&proof, &text);
        else
            put_text(&proof, &text);
        rc = cli_print_buf(&text, err);
    }
    if (rc == ERR_OK && proof.wrong.len > 0)
        rc = err_set(err, ERR_SCHEMA, "what is stored is not what the page says; see above");
    strbuf_done(&proof.wrong);
    return rc;
}

const struct cli_verb verb_policy_verify = {
    .name = "policy verify",
    .args = "",
    .summary = "Prove the data-storage page against the bytes on the disk",
    .about =
        "Holds the databases of the data folder against the catalogue. Then puts texts that\n"
        "stand nowhere else through every way there is into a folder of its own, and searches\n"
        "every byte: files, logs, write-ahead log, backups, exports, rows. Calls nobody. Ends with 78\n"
        "when something is not as the page says.\n\n  tenon policy verify",
    .run = run,
};
