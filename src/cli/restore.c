/* restore.c: `tenon restore`. */
#include "custody/restore.h"

#include "apps/apps.h"
#include "apps/timesheet/job_sync.h"
#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "custody/ledger.h"
#include "daemon/people.h"

static enum err_class go_on(void *arg, int64_t rows, struct err *err)
{
    const struct cli *cli = arg;

    (void)rows;
    return ctx_check(&cli->ctx, err);
}

static enum err_class say(struct cli *cli, const struct restored *restored, struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(8192);
    struct json_out out = json_out(&text);
    char taken[CIVIL_STAMP_BYTES + 1];
    const char *what = restored->info.id[0] ? restored->info.name : BACKUP_CONTROL;

    civil_format_stamp(restored->taken_ms, taken);
    if (cli_flag(cli, "json")) {
        json_object(&out);
        json_key(&out, "id");
        json_put_z(&out, restored->info.id[0] ? restored->info.id : BACKUP_CONTROL);
        json_key(&out, "name");
        json_put_z(&out, what);
        json_key(&out, "taken");
        json_put_stamp(&out, restored->taken_ms);
        json_key(&out, "rows");
        json_put_i64(&out, restored->rows);
        json_key(&out, "replaced");
        json_put_bool(&out, restored->replaced);
        json_object_end(&out);
        strbuf_add_char(&text, '\n');
        return cli_print_buf(&text, err);
    }
    strbuf_addf(&text, "Restored %s as it was on %s: ", what, taken);
    cli_put_count(&text, restored->rows);
    strbuf_add_z(&text, " rows.\n");
    if (restored->info.id[0])
        strbuf_addf(&text, "What happened in Jira since comes with the next sync: tenon sync %s\n",
                    restored->info.name);
    return cli_print_buf(&text, err);
}

/* The file of the newest backup that fits the arguments. */
static enum err_class find_file(struct cli *cli, struct data *data, char **ret, char *ret_owner,
                                struct err *err)
{
    const char *at = cli_value(cli, "at");
    int64_t at_ms = INT64_MAX;
    struct tenant_info info;
    struct backup backup;
    enum err_class rc = at ? cli_read_time(at, &at_ms, err) : ERR_OK;

    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(cli->args[0]), &info, err);
    if (rc == ERR_OK)
        rc = backup_find(data, info.id, at_ms, &backup, err);
    if (rc != ERR_OK)
        return rc;
    if (!backup.on_disk)
        return err_set(err, ERR_NOT_FOUND,
                       "the backup %s of %s is in object storage alone: fetch it first with `tenon "
                       "backup fetch %s`",
                       backup.name, info.name, info.name);
    (void)snprintf(ret_owner, VAULT_OWNER_MAX + 1, "%s", info.id);
    *ret = backup_path(data, &backup);
    return *ret ? ERR_OK : err_memory(err);
}

static enum err_class run_tenant(struct cli *cli, const struct restore_options *asked,
                                 const char *copies, struct restored *ret, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(free_autop) char *path = NULL;
    struct restore_options options = *asked;
    char owner[VAULT_OWNER_MAX + 1] = "";
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK && !options.path) {
        rc = find_file(cli, data, &path, owner, err);
        options.path = path;
        options.owner = owner;
    }
    if (rc != ERR_OK)
        return rc;

    struct app_list list = {tenon_apps, tenon_app_count};
    const struct rows_hook hook = apps_hook(&list);
    struct ledger ledger = {data, copies, &hook};

    options.before = ledger_before_restore;
    options.before_arg = &ledger;
    return restore_tenant(data, &options, ret, err);
}

static enum err_class run(struct cli *cli, struct err *err)
{
    bool is_file = strchr(cli->args[0], '/') != NULL, control = cli_flag(cli, "control");
    struct restored restored = {0};
    struct restore_options options = {
        .path = is_file ? cli->args[0] : NULL,
        .name = cli_value(cli, "as"),
        .replace = cli_flag(cli, "replace"),
        .job_kind = SYNC_JOB,
        .job_key = SYNC_KEY_INCREMENTAL,
        .steps = {go_on, cli},
    };
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    struct config config;
    enum err_class rc = arena ? cli_settings(cli, arena, &config, err) : err_memory(err);

    if (rc != ERR_OK)
        return rc;
    if (control && !is_file)
        return err_set(err, ERR_USAGE,
                       "--control wants the path of a file, like DATA/backups/control/….tenon");
    if (is_file && cli_value(cli, "at"))
        return err_set(err, ERR_USAGE, "--at goes with the name of a tenant, not with a file");
    rc =
        control
            ? restore_control(&cli->ctx, cli->data_dir, &tenon_catalog, &options, &restored, err)
            : run_tenant(cli, &options, config.erasure.receipts[0] ? config.erasure.receipts : NULL,
                         &restored, err);
    return rc == ERR_OK ? say(cli, &restored, err) : rc;
}

const struct cli_verb verb_restore = {
    .name = "restore",
    .args = "FILE|TENANT",
    .summary = "Bring a tenant back from a backup",
    .about =
        "A tenant is restored as it was at the newest backup, or the newest before --at. A\n"
        "FILE is a path with a slash; it may come from another data folder whose key provider\n"
        "is the same. The tenant keeps its id. Nothing changes before every row was read and\n"
        "agrees with the backup's manifest, and then it does in one step; a tenant that is\n"
        "here is not touched without --replace. The server may run meanwhile, but not for\n"
        "--control.\n\n"
        "  tenon restore acme --at 2026-01-31 --replace\n"
        "  tenon restore ./20260131T020000.000Z.tenon --as acme-before",
    .options =
        {
            {"at", "TIME", "the newest backup of that day or moment, or before"},
            {"replace", NULL, "put it in the place of what is here, which is then gone"},
            {"as", "NAME", "what the tenant shall be called"},
            {"config", "FILE", "settings to read instead of tenon.conf in the data folder"},
            {"control", NULL, "the file is one of the control data; into DATA, with its key"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
