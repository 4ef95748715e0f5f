/* forge.c: `tenon forge manifest`. */
#include "cli/cli.h"

#include "cli/settings.h"
#include "connect/forge.h"

#define MANIFEST_BYTES ((size_t)64 * 1024)

/* What an option says, else the settings. */
static const char *either(const struct cli *cli, const char *option, const char *otherwise)
{
    const char *given = cli_value(cli, option);

    return given ? given : otherwise;
}

static enum err_class print_manifest(struct cli *cli, const struct config *config, struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(MANIFEST_BYTES);
    const struct forge_manifest options = {
        .app_id = either(cli, "app-id", config->forge.app_id),
        .public_url = either(cli, "public-url", config->server.public_url),
        .connect_key = cli_value(cli, "connect-key"),
        .pages = cli_value(cli, "pages"),
    };
    const char *out = cli_value(cli, "out");
    enum err_class rc;

    if (!options.public_url[0])
        return err_set(err, ERR_USAGE,
                       "say where Forge reaches this server: --public-url https://…, or "
                       "server.public_url in tenon.conf");
    if (!options.app_id[0])
        return err_set(err, ERR_USAGE,
                       "say which Forge app it is: --app-id ari:cloud:ecosystem::app/…, as `forge "
                       "register` gives it, or forge.app_id in tenon.conf");
    rc = forge_manifest(&options, &text, err);
    if (rc != ERR_OK)
        return rc;
    return out ? disk_write(&cli->ctx, out, strbuf_str(&text), err) : cli_print_buf(&text, err);
}

static enum err_class run_manifest(struct cli *cli, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    struct config config = {0};
    enum err_class rc = arena ? cli_settings(cli, arena, &config, err) : err_memory(err);

    return rc == ERR_OK ? print_manifest(cli, &config, err) : rc;
}

const struct cli_verb verb_forge_manifest = {
    .name = "forge manifest",
    .args = "",
    .summary = "Write the manifest of a Forge app for this server",
    .about =
        "Forge calls this server for every event and gives it tokens for calls of Jira. Make an\n"
        "app with `forge register`, set forge.app_id, put the manifest beside it, then run\n"
        "`forge deploy` and `forge install`. For an app that goes on from a Connect app, give\n"
        "its key: then its pages are shown in Jira.\n\n"
        "  tenon forge manifest --out manifest.yml",
    .options =
        {
            {"public-url", "URL", "https address of this server (default: server.public_url)"},
            {"app-id", "ARI", "id of the Forge app (default: forge.app_id)"},
            {"connect-key", "KEY", "key of the Connect app that it goes on with"},
            {"pages", "FOLDER", "pages built for Forge, in a folder beside the manifest"},
            {"out", "FILE", "write it there (default: standard output)"},
            {"config", "FILE", "settings (default: tenon.conf in the data folder)"},
        },
    .run = run_manifest,
};
