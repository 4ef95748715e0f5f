/*
 * keys_copies.c: `tenon keys rewrap`, `split`, `recover`: what wraps the keys, and the way back
 * when that is lost.
 */
#include <unistd.h>

#include "apps/apps.h"
#include "cli/settings.h"
#include "custody/escrow.h"

#define SHARES_TEXT_BYTES ((size_t)SHARES_TEXT_LINES * 2048)
#define SHARES_TEXT_LINES 64

/* ---- rewrap ---- */

static enum err_class run_rewrap(struct cli *cli, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(4096);
    struct config config;
    struct vault_provider_settings settings;
    int64_t count = 0;
    enum err_class rc = arena ? cli_settings(cli, arena, &config, err) : err_memory(err);

    if (rc != ERR_OK)
        return rc;
    settings = (struct vault_provider_settings){.provider = config.keys.provider,
                                                .module = config.keys.pkcs11_module,
                                                .token = config.keys.pkcs11_token,
                                                .key_label = config.keys.pkcs11_key,
                                                .pin_file = config.keys.pkcs11_pin_file,
                                                .command = config.keys.command,
                                                .timeout_s = config.keys.timeout_s};
    if (cli_value(cli, "to"))
        settings.provider = cli_value(cli, "to");
    rc = escrow_rewrap(&cli->ctx, &tenon_catalog, cli->data_dir, &settings, &count, err);
    if (rc != ERR_OK)
        return rc;
    strbuf_addf(
        &text, "%lld key files are wrapped by %s now.%s\n", (long long)count, settings.provider,
        strcmp(settings.provider, "file") == 0
            ? ""
            : " Older backups still need what wrapped them: keep keys/file.key, apart from\n"
              "here, until the last of them is gone.");
    return cli_print_buf(&text, err);
}

const struct cli_verb verb_keys_rewrap = {
    .name = "keys rewrap",
    .args = "",
    .summary = "Wrap all keys by another provider",
    .about =
        "How the provider is reached stands in tenon.conf, section [keys], or the environment\n"
        "(TENON_KEYS_COMMAND, …). The keys themselves stay, and so does the data. No server may\n"
        "run meanwhile; cut at any moment, it goes on when run again.\n\n"
        "  tenon keys rewrap --to pkcs11",
    .options =
        {
            {"to", "PROVIDER", "file, pkcs11 or command (default: keys.provider)"},
            {"config", "FILE", "the settings (default DATA/tenon.conf)"},
        },
    .run = run_rewrap,
};

/* ---- split ---- */

static enum err_class number_of(const struct cli *cli, const char *option, int64_t *ret,
                                struct err *err)
{
    const char *value = cli_value(cli, option);

    if (!value || !parse_i64(str_from(value), 1, 1000, ret))
        return err_set(err, ERR_USAGE, "--%s wants a number, like in --shares 5 --threshold 3",
                       option);
    return ERR_OK;
}

static enum err_class split(struct cli *cli, struct data *data, struct strbuf *lines,
                            struct err *err)
{
    struct escrow_order order = {.owner = {.ctx = &cli->ctx,
                                           .catalog = &tenon_catalog,
                                           .provider = data->provider,
                                           .audit = data->audit,
                                           .data_dir = cli->data_dir}};
    struct tenant_info info;
    enum err_class rc = number_of(cli, "shares", &order.shares, err);

    if (rc == ERR_OK)
        rc = number_of(cli, "threshold", &order.threshold, err);
    if (rc == ERR_OK && cli->arg_count > 0) {
        order.keyring = true;
        if (strcmp(cli->args[0], "control") != 0) {
            rc = tenant_find(data, str_from(cli->args[0]), &info, err);
            order.owner.tenant = info.id;
        }
    }
    return rc == ERR_OK ? escrow_split(&order, lines, err) : rc;
}

/* Each share into a file of its own: DIR/share-1 … */
static enum err_class write_files(struct cli *cli, const char *dir, struct str lines,
                                  struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(8192);
    enum err_class rc = disk_make_dir(&cli->ctx, dir, err);
    int number = 0;

    while (rc == ERR_OK && lines.len > 0) {
        struct str line = str_cut(lines, '\n', &lines);
        char name[32];

        (void)snprintf(name, sizeof(name), "share-%d", ++number);

        AUTO(free_autop) char *path = disk_join(dir, name);

        if (!path)
            return err_memory(err);
        if (disk_exists(&cli->ctx, path))
            return err_set(err, ERR_CONFLICT, "%s exists already; name another folder", path);
        rc = disk_write(&cli->ctx, path, line, err);
    }
    strbuf_addf(&text, "%d shares are in %s. Give each to somebody else, and remove them here.\n",
                number, dir);
    return rc == ERR_OK ? cli_print_buf(&text, err) : rc;
}

static enum err_class run_split(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct strbuf lines = STRBUF_INIT(SHARES_TEXT_BYTES);
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK)
        rc = split(cli, data, &lines, err);
    if (rc == ERR_OK)
        rc = cli_value(cli, "to") ? write_files(cli, cli_value(cli, "to"), strbuf_str(&lines), err)
                                  : cli_print_buf(&lines, err);
    vault_wipe(&lines);
    return rc;
}

const struct cli_verb verb_keys_split = {
    .name = "keys split",
    .args = "[TENANT]",
    .summary = "Split the folder's key into shares",
    .about = "Prints lines, each a share of keys/file.key; any THRESHOLD of them give it back,\n"
             "fewer tell nothing. Where pkcs11 or a command wraps the keys, name a tenant (or\n"
             "`control`): its keys are split, as they are now; split again after a rotation.\n\n"
             "  tenon keys split --shares 5 --threshold 3 --to /media/stick",
    .options =
        {
            {"shares", "N", "how many shares there are, 2 to 32"},
            {"threshold", "K", "how many of them it takes, 2 or more"},
            {"to", "DIR", "write share-1, share-2, … there instead of printing them"},
        },
    .args_max = 1,
    .run = run_split,
};

/* ---- recover ---- */

static enum err_class read_stdin(struct strbuf *text, struct err *err)
{
    char room[4096];
    size_t got;

    while ((got = fread(room, 1, sizeof(room), stdin)) > 0)
        strbuf_add(text, room, got);
    explicit_bzero(room, sizeof(room));
    return strbuf_check(text, "the shares", err);
}

static enum err_class run_recover(struct cli *cli, struct err *err)
{
    AUTO(strbuf_done) struct strbuf said = STRBUF_INIT(16384);
    struct strbuf text = STRBUF_INIT(SHARES_TEXT_BYTES);
    struct escrow_recovered recovered;
    enum err_class rc = ERR_OK;

    for (size_t i = 0; cli_nth(cli, "share", i) && rc == ERR_OK; i++) {
        rc = disk_read(&cli->ctx, cli_nth(cli, "share", i), &text, err);
        strbuf_add_char(&text, '\n');
    }
    if (rc == ERR_OK && !cli_value(cli, "share"))
        rc = read_stdin(&text, err);
    if (rc == ERR_OK)
        rc = escrow_recover(&cli->ctx, cli->data_dir, strbuf_str(&text), &recovered, err);
    vault_wipe(&text);
    if (rc != ERR_OK)
        return rc;
    strbuf_addf(&said,
                recovered.was_there ? "%s is in its place already, the same.\n" : "%s is back.\n",
                recovered.path);
    return cli_print_buf(&said, err);
}

const struct cli_verb verb_keys_recover = {
    .name = "keys recover",
    .args = "",
    .summary = "Put a key back from its shares",
    .about = "Reads shares, one a line, from the files named or from standard input. Nothing is\n"
             "written over. A recovered keys/file.key is proved on this folder's data before it\n"
             "stays.\n\n"
             "  tenon keys recover --share a --share b --share c\n"
             "  tenon keys recover < shares",
    .options = {{"share", "FILE", "a file with a share; several times"}},
    .run = run_recover,
};
