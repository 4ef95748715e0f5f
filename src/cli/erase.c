/* erase.c: `tenon tenant erase`, and the receipts that it leaves. */
#include "apps/apps.h"
#include "base/disk.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "custody/ledger.h"
#include "daemon/erase_jobs.h"
#include "daemon/people.h"

#define RECEIPT_BYTES ((size_t)64 * 1024)
#define WAIT_MS 30000

/* ---- tenant erase ---- */

#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE", "settings to read instead of tenon.conf in the data folder"              \
    }

/* What every erasure needs beside the data: where backups are. */
struct place {
    struct arena *arena;
    struct config config;
    struct erase_elsewhere backups;
};

static enum err_class place_open(struct cli *cli, struct place *ret, struct err *err)
{
    ret->arena = arena_new(CLI_SETTINGS_BYTES);
    if (!ret->arena)
        return err_memory(err);
    ret->backups = erase_backups(&ret->config);
    return cli_settings(cli, ret->arena, &ret->config, err);
}

static void place_done(struct place *place)
{
    arena_free(place->arena);
}

static void put_erased(const struct tenant_info *info, const struct erased *erased,
                       struct strbuf *text)
{
    strbuf_addf(text, "Erased %s (%s): ", info->name, info->id);
    strbuf_addf(text, "its key, %lld files of ", (long long)erased->files);
    cli_put_count(text, erased->bytes);
    strbuf_addf(text,
                " bytes, %lld backups, %lld rows of the control data.\nThe receipt is in "
                "receipts/%s.json; `tenon receipt verify` checks it.\n",
                (long long)erased->backups, (long long)erased->control_rows, info->id);
}

/* `erase` of a tenant that is not there any more goes on with one that was interrupted. */
static enum err_class go_on(struct cli *cli, struct data *data,
                            const struct erase_elsewhere *elsewhere, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(4096);
    int64_t count = 0;
    struct err rest_err = {0};
    enum err_class rc = erase_rest(data, WAIT_MS, elsewhere, &count, &rest_err);

    if (rc != ERR_OK) {
        *err = rest_err;
        return rc;
    }
    if (count == 0)
        return ERR_NOT_FOUND; /* err still says who is there */
    strbuf_addf(&text, "Finished %lld erasures that were interrupted.\n", (long long)count);
    return cli_flag(cli, "json") ? ERR_OK : cli_print_buf(&text, err);
}

static enum err_class run_erase(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(RECEIPT_BYTES);
    struct strbuf receipt AUTO(strbuf_done) = STRBUF_INIT(RECEIPT_BYTES);
    AUTO(place_done) struct place place = {0};
    struct tenant_info info;
    struct erased erased;
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK)
        rc = place_open(cli, &place, err);
    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(cli->args[0]), &info, err);
    if (rc == ERR_NOT_FOUND && data && cli_flag(cli, "yes"))
        return go_on(cli, data, &place.backups, err);
    if (rc == ERR_OK && !cli_flag(cli, "yes"))
        rc = err_set(err, ERR_USAGE,
                     "this destroys the key, all data and all backups of %s (%s) here, for good; "
                     "Jira keeps its own. Nothing was done; add --yes to do it",
                     info.name, info.base_url);
    if (rc == ERR_OK)
        rc = erase_tenant(data, &info, "command", WAIT_MS, &place.backups, &erased, &receipt, err);
    if (rc != ERR_OK)
        return rc;
    if (cli_flag(cli, "json"))
        strbuf_add_str(&text, strbuf_str(&receipt));
    else
        put_erased(&info, &erased, &text);
    return cli_print_buf(&text, err);
}

const struct cli_verb verb_tenant_erase = {
    .name = "tenant erase",
    .args = "TENANT",
    .summary = "Destroy a tenant's keys, data and backups, and sign a receipt",
    .about = "Jira is not touched. The key goes first, so what a disk may still hold cannot be\n"
             "read. Run again after an interruption, it goes on. A later restore does not bring\n"
             "the tenant back. --json prints the receipt.\n\n  tenon tenant erase acme --yes",
    .options = {{"yes", NULL, "do it"}, CONFIG_OPTION},
    .network = true,
    .args_min = 1,
    .args_max = 1,
    .run = run_erase,
};

/* ---- receipt verify ---- */

static enum err_class judge_key(struct cli *cli, const unsigned char key[RECEIPT_KEY_BYTES],
                                bool *ret_ours, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    const char *wanted = cli_value(cli, "key");
    char text[RECEIPT_KEY_TEXT];
    struct err ignored = {0};

    receipt_key_text(key, text);
    *ret_ours = false;
    if (wanted)
        return strcmp(wanted, text) == 0
                   ? ERR_OK
                   : err_set(err, ERR_CORRUPT,
                             "the receipt is whole, but it was signed by the key %s and not by "
                             "%.60s",
                             text, wanted);
    if (cli_open_data(cli, false, &data, &ignored) != ERR_OK)
        return ERR_OK; /* somebody else's receipt, on a machine without Tenon's data */
    return receipt_key_is_ours(data, key, ret_ours, err);
}

static void put_verdict(const struct receipt *receipt, const unsigned char key[RECEIPT_KEY_BYTES],
                        bool judged, bool ours, struct strbuf *text)
{
    static const char *const says[RECEIPT_KIND_COUNT] = {
        [RECEIPT_TENANT] = "Erased: the tenant",
        [RECEIPT_PERSON] = "Erased: a person of the tenant",
        [RECEIPT_READMITTED] = "Readmitted: a person of the tenant",
    };
    char key_text[RECEIPT_KEY_TEXT];

    receipt_key_text(key, key_text);
    strbuf_addf(text, "Whole and unchanged. %s %s.\nSigned by the key %s", says[receipt->kind],
                receipt->tenant, key_text);
    if (ours)
        strbuf_add_z(text, ", this server's.\n");
    else if (judged)
        strbuf_add_z(text, ", as you said.\n");
    else
        strbuf_add_z(text, ". Compare it with what that server's `tenon receipt key` prints.\n");
}

static enum err_class run_verify(struct cli *cli, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(RECEIPT_BYTES);
    struct strbuf out AUTO(strbuf_done) = STRBUF_INIT(RECEIPT_BYTES);
    struct receipt receipt;
    unsigned char key[RECEIPT_KEY_BYTES];
    bool ours = false;
    enum err_class rc = disk_read(&cli->ctx, cli->args[0], &text, err);

    if (rc == ERR_OK)
        rc = receipt_read(strbuf_str(&text), cli->args[0], &receipt, key, err);
    if (rc == ERR_OK)
        rc = judge_key(cli, key, &ours, err);
    if (rc != ERR_OK)
        return rc;
    put_verdict(&receipt, key, cli_value(cli, "key") != NULL, ours, &out);
    return cli_print_buf(&out, err);
}

const struct cli_verb verb_receipt_verify = {
    .name = "receipt verify",
    .args = "FILE",
    .summary = "Check a receipt of an erasure",
    .about = "Says whether it is whole and unchanged, and which key signed it.\n\n"
             "  tenon receipt verify receipt.json --key 'base64…'",
    .options = {{"key", "BASE64", "the public key that must have signed it"}},
    .args_min = 1,
    .args_max = 1,
    .run = run_verify,
};

/* ---- receipt key ---- */

static enum err_class run_key(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(256);
    unsigned char key[RECEIPT_KEY_BYTES];
    char key_text[RECEIPT_KEY_TEXT];
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK)
        rc = receipt_key_make(data, err);
    if (rc == ERR_OK)
        rc = receipt_key(data, key, err);
    if (rc != ERR_OK)
        return rc;
    receipt_key_text(key, key_text);
    strbuf_addf(&text, "%s\n", key_text);
    return cli_print_buf(&text, err);
}

const struct cli_verb verb_receipt_key = {
    .name = "receipt key",
    .args = "",
    .summary = "Print the public key that signs this server's receipts",
    .about = "Hand it to those who may want to check a receipt.\n\n  tenon receipt key",
    .run = run_key,
};

/* ---- receipt replay ---- */

static enum err_class run_replay(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(256);
    const char *copies = cli->arg_count > 0 ? cli->args[0] : NULL;
    AUTO(place_done) struct place place = {0};
    const struct app_list list = {tenon_apps, tenon_app_count};
    const struct rows_hook hook = apps_hook(&list);
    int64_t rest = 0, again = 0, persons = 0;
    enum err_class rc = cli_open_data(cli, false, &data, err);
    const struct ledger ledger = {data, copies, &hook};

    if (rc == ERR_OK)
        rc = place_open(cli, &place, err);
    if (rc == ERR_OK && copies && !disk_exists(&cli->ctx, copies))
        rc = err_set(err, ERR_NOT_FOUND, "there is no folder %.400s", copies);
    if (rc == ERR_OK)
        rc = erase_rest(data, WAIT_MS, &place.backups, &rest, err);
    if (rc == ERR_OK)
        rc = erase_again(data, copies, WAIT_MS, &place.backups, &again, err);
    if (rc == ERR_OK)
        rc = ledger_replay(&ledger, WAIT_MS, &persons, err);
    if (rc != ERR_OK)
        return rc;
    if (cli_flag(cli, "json"))
        strbuf_addf(&text, "{\"finished\":%lld,\"erased\":%lld,\"persons\":%lld}\n",
                    (long long)rest, (long long)again, (long long)persons);
    else
        strbuf_addf(&text,
                    "Finished %lld erasures that were interrupted; erased again %lld tenants and "
                    "%lld persons that a receipt says were erased.\n",
                    (long long)rest, (long long)again, (long long)persons);
    return cli_print_buf(&text, err);
}

const struct cli_verb verb_receipt_replay = {
    .name = "receipt replay",
    .args = "[FOLDER]",
    .summary = "Erase again what receipts say was erased",
    .about = "After a restore of an older copy of the whole data folder: what was erased since is\n"
             "in it again. FOLDER holds receipts that were copied away from here; the server does\n"
             "the same at each start, with the folder of the setting erasure.receipts.\n\n"
             "  tenon receipt replay /mnt/elsewhere/receipts",
    .options = {CONFIG_OPTION},
    .args_max = 1,
    .network = true,
    .run = run_replay,
};

/* ---- tenant keep ---- */

static enum err_class run_keep(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(1024);
    bool keep = strcmp(cli->args[1], "settings") == 0;
    struct tenant_info info;
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK && !keep && strcmp(cli->args[1], "nothing") != 0)
        rc = err_set(err, ERR_INPUT,
                     "'%.40s' cannot be kept; after an uninstall there is `settings`, or `nothing`",
                     cli->args[1]);
    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(cli->args[0]), &info, err);
    if (rc == ERR_OK) {
        const struct audit_entry entry = {.act = AUDIT_SETTINGS_CHANGED,
                                          .tenant = info.id,
                                          .record = "tenant",
                                          .field = "keep_settings",
                                          .result = ERR_OK};

        rc = audit_write(data->audit, &cli->ctx, &entry, err);
    }
    if (rc == ERR_OK)
        rc = tenant_keep_settings(data, info.id, keep, err);
    if (rc != ERR_OK)
        return rc;
    strbuf_addf(&text, "When the app is uninstalled from %s, %s.\n", info.name,
                keep ? "its settings stay and everything else goes" : "nothing of it stays");
    return cli_print_buf(&text, err);
}

const struct cli_verb verb_tenant_keep = {
    .name = "tenant keep",
    .args = "TENANT settings|nothing",
    .summary = "Say what stays when the app is uninstalled from a site",
    .about =
        "The usual is nothing: the tenant is erased. With `settings` its configuration waits for\n"
        "a later install, and everything else goes.\n\n  tenon tenant keep acme settings",
    .args_min = 2,
    .args_max = 2,
    .run = run_keep,
};
