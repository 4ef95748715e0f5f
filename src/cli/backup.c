/* backup.c: `tenon backup`, `tenon backups`, `tenon backup verify`, `tenon backup drill`. */
#include "custody/backup.h"

#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "custody/restore.h"
#include "daemon/backup_jobs.h"

#define TEXT_BYTES ((size_t)64 * 1024 * 1024)

/* Asked now and then by long work. */
static enum err_class go_on(void *arg, int64_t rows, struct err *err)
{
    const struct cli *cli = arg;

    (void)rows;
    return ctx_check(&cli->ctx, err);
}

/* What an owner is called: a tenant's name where it is here, else its id. */
static void owner_name(struct data *data, const char *owner, char ret[LIMIT_TENANT_NAME_BYTES + 1])
{
    struct tenant_info info;
    struct err ignored = {0};

    if (strcmp(owner, BACKUP_CONTROL) != 0 &&
        tenant_find(data, str_from(owner), &info, &ignored) == ERR_OK)
        (void)snprintf(ret, LIMIT_TENANT_NAME_BYTES + 1, "%s", info.name);
    else
        (void)snprintf(ret, LIMIT_TENANT_NAME_BYTES + 1, "%.*s", LIMIT_TENANT_NAME_BYTES, owner);
}

/* The owner that the first argument or --control names; NULL: none is named. */
static enum err_class named_owner(struct cli *cli, struct data *data, char ret[VAULT_OWNER_MAX + 1],
                                  const char **ret_owner, struct err *err)
{
    struct tenant_info info;
    enum err_class rc = ERR_OK;

    *ret_owner = NULL;
    if (cli_flag(cli, "control")) {
        (void)snprintf(ret, VAULT_OWNER_MAX + 1, "%s", BACKUP_CONTROL);
        *ret_owner = ret;
    } else if (cli->arg_count > 0) {
        rc = tenant_find(data, str_from(cli->args[0]), &info, err);
        if (rc == ERR_OK)
            (void)snprintf(ret, VAULT_OWNER_MAX + 1, "%s", info.id);
        *ret_owner = ret;
    }
    return rc;
}

/* ---- backup ---- */

struct taker {
    struct cli *cli;
    struct data *data;
};

static enum err_class say_backup(struct cli *cli, const char *name, const struct backup *backup,
                                 struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(4096);
    struct json_out out = json_out(&text);

    if (cli_flag(cli, "json")) {
        json_object(&out);
        json_key(&out, "owner");
        json_put_z(&out, backup->owner);
        json_key(&out, "name");
        json_put_z(&out, name);
        json_key(&out, "taken");
        json_put_stamp(&out, backup->taken_ms);
        json_key(&out, "file");
        json_put_z(&out, backup->name);
        json_key(&out, "bytes");
        json_put_i64(&out, backup->bytes);
        json_key(&out, "rows");
        json_put_i64(&out, backup->rows);
        json_object_end(&out);
        strbuf_add_char(&text, '\n');
    } else {
        strbuf_addf(&text, "%s: %s, ", name, backup->name);
        cli_put_count(&text, backup->rows);
        strbuf_add_z(&text, " rows, ");
        cli_put_count(&text, backup->bytes);
        strbuf_add_z(&text, " bytes\n");
    }
    return cli_print_buf(&text, err);
}

static enum err_class take(struct taker *taker, struct tenant *tenant, struct err *err)
{
    const struct content_steps steps = {go_on, taker->cli};
    struct backup backup;
    enum err_class rc = backup_take(taker->data, tenant, &steps, &backup, err);

    return rc == ERR_OK
               ? say_backup(taker->cli, tenant ? tenant->info.name : BACKUP_CONTROL, &backup, err)
               : rc;
}

static enum err_class take_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    struct taker *taker = arg;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    enum err_class rc = tenant_open(taker->data, info, &tenant, err);

    return rc == ERR_OK ? take(taker, tenant, err) : rc;
}

static enum err_class run_backup(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct taker taker = {.cli = cli};
    struct tenant_info info;
    bool all = cli_flag(cli, "all"), control = cli_flag(cli, "control");

    if (cli->arg_count + all + control != 1)
        return err_set(err, ERR_USAGE, "name a tenant, or give --all or --control");

    enum err_class rc = cli_open_data(cli, false, &data, err);

    taker.data = data;
    if (rc == ERR_OK && cli->arg_count > 0) {
        rc = tenant_find(data, str_from(cli->args[0]), &info, err);
        if (rc == ERR_OK)
            rc = take_tenant(&taker, &info, err);
    }
    if (rc == ERR_OK && all)
        rc = tenant_each(data, take_tenant, &taker, err);
    if (rc == ERR_OK && (all || control))
        rc = take(&taker, NULL, err);
    return rc;
}

const struct cli_verb verb_backup = {
    .name = "backup",
    .args = "[TENANT]",
    .summary = "Take a backup of a tenant, or of all",
    .about =
        "One file a tenant, in DATA/backups: compressed, encrypted with the tenant's own key,\n"
        "taken from one moment while the server works on. `tenon restore` brings it back.\n\n"
        "  tenon backup acme\n  tenon backup --all",
    .options =
        {
            {"all", NULL, "all tenants and the control data"},
            {"control", NULL, "the control data: which tenants there are, who may sign in"},
        },
    .args_max = 1,
    .run = run_backup,
};

/* ---- backups ---- */

struct lister {
    struct data *data;
    struct strbuf text;
    bool json;
    size_t count;
};

static void put_where(struct strbuf *text, const struct backup *backup)
{
    strbuf_addf(text, "%s%s%s", backup->on_disk ? "disk" : "",
                backup->on_disk && backup->copied_ms ? "+" : "", backup->copied_ms ? "s3" : "");
}

static void put_json(struct lister *lister, const char *name, const struct backup *backup)
{
    struct json_out out = json_out(&lister->text);

    json_object(&out);
    json_key(&out, "owner");
    json_put_z(&out, backup->owner);
    json_key(&out, "name");
    json_put_z(&out, name);
    json_key(&out, "taken");
    json_put_stamp(&out, backup->taken_ms);
    json_key(&out, "file");
    json_put_z(&out, backup->name);
    json_key(&out, "bytes");
    json_put_i64(&out, backup->bytes);
    json_key(&out, "rows");
    if (backup->rows >= 0)
        json_put_i64(&out, backup->rows);
    else
        json_put_null(&out);
    json_key(&out, "on_disk");
    json_put_bool(&out, backup->on_disk);
    json_key(&out, "copied");
    if (backup->copied_ms)
        json_put_stamp(&out, backup->copied_ms);
    else
        json_put_null(&out);
    json_key(&out, "proof");
    json_put_z(&out, drill_result_name(backup->drill));
    json_key(&out, "drilled");
    if (backup->drilled_ms)
        json_put_stamp(&out, backup->drilled_ms);
    else
        json_put_null(&out);
    json_object_end(&out);
    strbuf_add_char(&lister->text, '\n');
}

static enum err_class list_one(void *arg, const struct backup *backup, struct err *err)
{
    struct lister *lister = arg;
    char name[LIMIT_TENANT_NAME_BYTES + 1], taken[CIVIL_STAMP_BYTES + 1];
    char drilled[CIVIL_STAMP_BYTES + 1] = "";
    AUTO(strbuf_done) struct strbuf size = STRBUF_INIT(64), where = STRBUF_INIT(64);

    (void)err;
    lister->count++;
    owner_name(lister->data, backup->owner, name);
    if (lister->json) {
        put_json(lister, name, backup);
        return ERR_OK;
    }
    civil_format_stamp(backup->taken_ms, taken);
    if (backup->drilled_ms)
        civil_format_stamp(backup->drilled_ms, drilled);
    cli_put_count(&size, backup->bytes);
    put_where(&where, backup);
    strbuf_addf(&lister->text, "%-16s %s %15s  %-8s %-9s %s\n", name, taken, strbuf_z(&size),
                strbuf_z(&where), drill_result_name(backup->drill), drilled);
    return ERR_OK;
}

static enum err_class run_backups(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct lister lister = {.text = STRBUF_INIT(TEXT_BYTES), .json = cli_flag(cli, "json")};
    char room[VAULT_OWNER_MAX + 1];
    const char *owner = NULL;
    enum err_class rc = cli_open_data(cli, false, &data, err);

    lister.data = data;
    if (rc == ERR_OK)
        rc = named_owner(cli, data, room, &owner, err);
    if (rc == ERR_OK && !lister.json)
        strbuf_addf(&lister.text, "%-16s %-24s %15s  %-8s %-9s %s\n", "OF", "TAKEN", "BYTES",
                    "WHERE", "PROOF", "DRILLED");
    if (rc == ERR_OK)
        rc = backups_each(data, owner, list_one, &lister, err);
    if (rc == ERR_OK && lister.count == 0 && !lister.json) {
        strbuf_reset(&lister.text);
        strbuf_add_z(&lister.text, "There is no backup yet; take one with `tenon backup --all`.\n");
    }
    if (rc == ERR_OK)
        rc = cli_print_buf(&lister.text, err);
    strbuf_done(&lister.text);
    return rc;
}

const struct cli_verb verb_backups = {
    .name = "backups",
    .args = "[TENANT]",
    .summary = "List the backups, where they are, and whether they were proven",
    .about = "A backup that no restore drill has been made of is shown as unproven. With --json,\n"
             "one object a line.\n\n  tenon backups acme",
    .options = {{"control", NULL, "those of the control data"}},
    .args_max = 1,
    .run = run_backups,
};

/* ---- backup verify ---- */

struct verifier {
    struct cli *cli;
    struct data *data;
    int64_t percent; /* of the files that are read whole */
    size_t seen, whole, bad;
    struct strbuf text;
    enum err_class worst;
};

static enum err_class verify_file(struct verifier *verifier, const char *path, const char *owner,
                                  bool whole, struct err *err)
{
    const struct content_steps steps = {go_on, verifier->cli};
    struct restore_checked checked;
    struct err why = {0};
    enum err_class rc = restore_verify(verifier->data, path, owner, whole, &steps, &checked, &why);

    if (rc == ERR_CANCELLED || rc == ERR_MEMORY) {
        *err = why;
        return rc;
    }
    verifier->seen++;
    verifier->whole += whole;
    if (rc == ERR_OK) {
        strbuf_addf(&verifier->text, "good  %s%s\n", path, whole ? "" : " (header only)");
        return ERR_OK;
    }
    verifier->bad++;
    verifier->worst = rc;
    strbuf_addf(&verifier->text, "BAD   %s: %s\n", path, why.msg);
    return ERR_OK;
}

static enum err_class verify_one(void *arg, const struct backup *backup, struct err *err)
{
    struct verifier *verifier = arg;
    AUTO(free_autop) char *path = backup_path(verifier->data, backup);
    bool whole = (int64_t)(ctx_random_u64(&verifier->cli->ctx) % 100) < verifier->percent;

    if (!path)
        return err_memory(err);
    return backup->on_disk ? verify_file(verifier, path, backup->owner, whole, err) : ERR_OK;
}

/* "25%" or "25". */
static enum err_class read_percent(struct cli *cli, int64_t otherwise, int64_t *ret,
                                   struct err *err)
{
    const char *given = cli_value(cli, "read-data");
    struct str number = str_from(given);

    if (str_ends(number, STR("%")))
        number.len--;
    *ret = otherwise;
    if (given && !parse_i64(number, 0, 100, ret))
        return err_set(err, ERR_USAGE, "--read-data %s wants a share from 0%% to 100%%", given);
    return ERR_OK;
}

static enum err_class run_verify(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct verifier verifier = {.cli = cli, .text = STRBUF_INIT(TEXT_BYTES)};
    bool is_file = cli->arg_count > 0 && strchr(cli->args[0], '/') != NULL;
    char room[VAULT_OWNER_MAX + 1];
    const char *owner = NULL;
    enum err_class rc = read_percent(cli, is_file ? 100 : 0, &verifier.percent, err);

    if (rc == ERR_OK)
        rc = cli_open_data(cli, false, &data, err);
    verifier.data = data;
    if (rc == ERR_OK && is_file)
        rc = verify_file(&verifier, cli->args[0], NULL, verifier.percent > 0, err);
    else if (rc == ERR_OK)
        rc = named_owner(cli, data, room, &owner, err);
    if (rc == ERR_OK && !is_file)
        rc = backups_each(data, owner, verify_one, &verifier, err);
    if (rc == ERR_OK && verifier.seen == 0)
        strbuf_add_z(&verifier.text, "There is no backup to verify.\n");
    if (rc == ERR_OK)
        rc = cli_print_buf(&verifier.text, err);
    strbuf_done(&verifier.text);
    if (rc == ERR_OK && verifier.bad > 0)
        return err_set(err, verifier.worst, "%zu of %zu backups are bad; see above", verifier.bad,
                       verifier.seen);
    return rc;
}

const struct cli_verb verb_backup_verify = {
    .name = "backup verify",
    .args = "[FILE|TENANT]",
    .summary = "Look whether backups are what was written",
    .about =
        "Opens each backup with its owner's key and checks its header; with --read-data, reads\n"
        "that share of the files to the end and holds every table against the manifest.\n"
        "A FILE (a path with a slash) is read whole. `tenon backup drill` does more: it\n"
        "restores one for a try.\n\n"
        "  tenon backup verify --read-data 100%\n  tenon backup verify ./acme.tenon",
    .options =
        {
            {"read-data", "N%", "the share of the files that is read whole (default 0%)"},
            {"control", NULL, "those of the control data"},
        },
    .args_max = 1,
    .run = run_verify,
};

/* ---- backup drill ---- */

struct driller {
    struct cli *cli;
    struct data *data;
};

static enum err_class drill_owner(struct driller *driller, const char *owner, struct err *err)
{
    const struct content_steps steps = {go_on, driller->cli};
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(4096);
    char name[LIMIT_TENANT_NAME_BYTES + 1];
    struct backup backup;
    enum err_class rc = backup_find(driller->data, owner, INT64_MAX, &backup, err);

    if (rc == ERR_OK)
        rc = restore_drill(driller->data, &backup, &steps, err);
    if (rc != ERR_OK)
        return rc;
    owner_name(driller->data, owner, name);
    strbuf_addf(&text, "%s: %s restores well, every row of it\n", name, backup.name);
    return cli_print_buf(&text, err);
}

static enum err_class drill_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    return drill_owner(arg, info->id, err);
}

static enum err_class run_drill(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    char room[VAULT_OWNER_MAX + 1];
    const char *owner = NULL;
    enum err_class rc = cli_open_data(cli, false, &data, err);
    struct driller driller = {cli, data};

    if (rc == ERR_OK)
        rc = named_owner(cli, data, room, &owner, err);
    if (rc == ERR_OK && owner)
        return drill_owner(&driller, owner, err);
    if (rc == ERR_OK)
        rc = tenant_each(data, drill_tenant, &driller, err);
    return rc == ERR_OK ? drill_owner(&driller, BACKUP_CONTROL, err) : rc;
}

const struct cli_verb verb_backup_drill = {
    .name = "backup drill",
    .args = "[TENANT]",
    .summary = "Restore the newest backup for a try, and look at every row",
    .about =
        "Makes a database of the newest backup in a scratch place, reads all of it back, holds\n"
        "it against the backup's manifest, and removes it. Nothing in use is touched. The\n"
        "server does it by itself (backup.drill_h).\n\n  tenon backup drill acme",
    .options = {{"control", NULL, "that of the control data"}},
    .args_max = 1,
    .run = run_drill,
};

/* ---- object storage ---- */

static enum err_class go_on_copying(void *arg, struct err *err)
{
    const struct cli *cli = arg;

    return ctx_check(&cli->ctx, err);
}

/* One owner, or all, with the object storage of the settings. */
struct copier {
    struct cli *cli;
    struct data *data;
    struct backup_storage storage;
    enum err_class (*act)(struct copier *copier, const char *owner, const char *name,
                          struct err *err);
};

static enum err_class copy_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    struct copier *copier = arg;

    return copier->act(copier, info->id, info->name, err);
}

static enum err_class run_copier(struct cli *cli,
                                 enum err_class (*act)(struct copier *copier, const char *owner,
                                                       const char *name, struct err *err),
                                 struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    AUTO(data_close_autop) struct data *data = NULL;
    struct copier copier = {.cli = cli, .act = act};
    struct config config;
    char room[VAULT_OWNER_MAX + 1];
    const char *owner = NULL;
    enum err_class rc = arena ? cli_settings(cli, arena, &config, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = backup_storage_open(&cli->ctx, &config, &copier.storage, err);
    copier.storage.s3.step = go_on_copying;
    copier.storage.s3.step_arg = cli;
    if (rc == ERR_OK)
        rc = cli_open_data(cli, false, &data, err);
    copier.data = data;
    if (rc == ERR_OK)
        rc = named_owner(cli, data, room, &owner, err);
    if (rc == ERR_OK && owner)
        rc = act(&copier, owner, cli->arg_count > 0 ? cli->args[0] : BACKUP_CONTROL, err);
    else if (rc == ERR_OK) {
        rc = tenant_each(data, copy_tenant, &copier, err);
        if (rc == ERR_OK)
            rc = act(&copier, BACKUP_CONTROL, BACKUP_CONTROL, err);
    }
    backup_storage_done(&copier.storage);
    return rc;
}

static enum err_class copy_owner(struct copier *copier, const char *owner, const char *name,
                                 struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(1024);
    int64_t count = 0;
    enum err_class rc = backups_copy(copier->data, &copier->storage.s3, owner, &count, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_addf(&text, "%s: %lld copied\n", name, (long long)count);
    return cli_print_buf(&text, err);
}

static enum err_class run_copy(struct cli *cli, struct err *err)
{
    return run_copier(cli, copy_owner, err);
}

const struct cli_verb verb_backup_copy = {
    .name = "backup copy",
    .args = "[TENANT]",
    .summary = "Copy backups to the object storage of the settings",
    .about = "Puts there what is not there yet, and asks the storage for size and checksum before\n"
             "it believes it. The server does it by itself after each backup.\n\n"
             "  tenon backup copy acme",
    .options =
        {
            {"control", NULL, "those of the control data"},
            {"config", "FILE", "the settings (default DATA/tenon.conf)"},
        },
    .args_max = 1,
    .network = true,
    .run = run_copy,
};

struct fetcher {
    struct copier *copier;
    const char *name;
    int64_t at_ms; /* the newest at or before that; one only */
    struct backup found;
};

static enum err_class find_copied(void *arg, const struct backup *backup, struct err *err)
{
    struct fetcher *fetcher = arg;

    (void)err;
    if (backup->copied_ms && !fetcher->found.taken_ms && backup->taken_ms <= fetcher->at_ms)
        fetcher->found = *backup;
    return ERR_OK;
}

static enum err_class fetch_owner(struct copier *copier, const char *owner, const char *name,
                                  struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(8192);
    const char *at = cli_value(copier->cli, "at");
    struct fetcher fetcher = {.copier = copier, .name = name, .at_ms = INT64_MAX};
    enum err_class rc = at ? cli_read_time(at, &fetcher.at_ms, err) : ERR_OK;

    if (rc == ERR_OK)
        rc = backups_find_copies(copier->data, &copier->storage.s3, owner, err);
    if (rc == ERR_OK)
        rc = backups_each(copier->data, owner, find_copied, &fetcher, err);
    if (rc == ERR_OK && !fetcher.found.taken_ms)
        return err_set(err, ERR_NOT_FOUND, "the object storage has no backup of %s%s", name,
                       at ? " of that time or before" : "");
    if (rc == ERR_OK)
        rc = backup_fetch(copier->data, &copier->storage.s3, &fetcher.found, err);
    if (rc != ERR_OK)
        return rc;

    AUTO(free_autop) char *path = backup_path(copier->data, &fetcher.found);

    strbuf_addf(&text, "%s: %s\n", name, path ? path : fetcher.found.name);
    return cli_print_buf(&text, err);
}

static enum err_class run_fetch(struct cli *cli, struct err *err)
{
    return run_copier(cli, fetch_owner, err);
}

const struct cli_verb verb_backup_fetch = {
    .name = "backup fetch",
    .args = "[TENANT]",
    .summary = "Fetch a backup from object storage",
    .about = "Looks what is there, also what this folder knows nothing of, and brings the newest\n"
             "(or the newest before --at) back into DATA/backups, for `tenon restore`.\n\n"
             "  tenon backup fetch acme --at 2026-01-31",
    .options =
        {
            {"at", "TIME", "the newest backup of that day or moment, or before"},
            {"control", NULL, "one of the control data"},
            {"config", "FILE", "the settings (default DATA/tenon.conf)"},
        },
    .args_max = 1,
    .network = true,
    .run = run_fetch,
};

/* "2026-01-15", its end; or a whole stamp, as `tenon backups` prints it. */
enum err_class cli_read_time(const char *text, int64_t *ret, struct err *err)
{
    struct civil_date date;

    if (civil_parse_stamp(str_from(text), ret))
        return ERR_OK;
    if (civil_parse_date(str_from(text), &date)) {
        *ret = (civil_days(date) + 1) * MS_PER_DAY - 1;
        return ERR_OK;
    }
    return err_set(err, ERR_USAGE,
                   "--at %s is no time; write it like 2026-01-31 or 2026-01-31T09:00:00Z", text);
}
