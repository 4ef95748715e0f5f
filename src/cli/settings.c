/* settings.c: the server's settings, for commands that speak of it; `tenon settings` prints them.
 */
#include "cli/settings.h"

#include <unistd.h>

#include "base/disk.h"

enum err_class cli_settings(const struct cli *cli, struct arena *arena, struct config *ret,
                            struct err *err)
{
    AUTO(free_autop) char *usual = disk_join(cli->data_dir, "tenon.conf");
    const char *path = cli_value(cli, "config");

    if (!usual)
        return err_memory(err);
    if (!path && disk_exists(&cli->ctx, usual))
        path = usual;
    return config_read(&cli->ctx, arena, path, (const char *const *)environ, ret, err);
}

static enum err_class run(struct cli *cli, struct err *err)
{
    AUTO(strbuf_done) struct strbuf help = STRBUF_INIT(CLI_SETTINGS_BYTES);

    (void)cli;
    config_help(&help);
    return cli_print_buf(&help, err);
}

const struct cli_verb verb_settings = {
    .name = "settings",
    .args = "",
    .summary = "Print a tenon.conf with every setting, its meaning and its default",
    .about = "A file to begin with, for the data folder:\n\n"
             "  tenon settings > DATA/tenon.conf\n\n"
             "Each key can also be given by the environment: server.public_url is\n"
             "TENON_SERVER_PUBLIC_URL, which wins over the file. docs/settings.md says more.",
    .run = run,
};
