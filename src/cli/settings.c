/* settings.c: the server's settings, for commands that speak of it. */
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
