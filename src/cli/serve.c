/* serve.c: `tenon serve`, the daemon in the foreground until SIGTERM or Ctrl-C. */
#include "cli/cli.h"

#include <unistd.h>

#include "apps/apps.h"
#include "base/log.h"
#include "daemon/daemon.h"

#define CONFIG_NAME "tenon.conf"
#define SETTINGS_BYTES ((size_t)1024 * 1024)
#define LOOK_MS 200

extern char **environ;

/* --config FILE, else tenon.conf in the data folder when it is there. */
static char *config_path(struct cli *cli)
{
    const char *given = cli_value(cli, "config");
    char *path = given ? strdup(given) : disk_join(cli->data_dir, CONFIG_NAME);

    if (path && !given && !disk_exists(&cli->ctx, path)) {
        free(path);
        return NULL;
    }
    return path;
}

static enum err_class read_config(struct cli *cli, struct arena *arena, struct config *ret,
                                  struct err *err)
{
    char *path = config_path(cli);
    enum err_class rc = config_read(&cli->ctx, arena, path, (const char *const *)environ, ret, err);

    free(path);
    if (rc == ERR_OK && cli_value(cli, "listen"))
        ret->server.listen = cli_value(cli, "listen");
    if (rc == ERR_OK && cli_value(cli, "public-url"))
        ret->server.public_url = cli_value(cli, "public-url");
    return rc;
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum log_level)i;
    return LOG_INFO;
}

/* Day files in DATA/logs. */
static enum err_class open_log(struct cli *cli, const struct config *config, struct err *err)
{
    char *dir = disk_join(cli->data_dir, "logs");
    enum err_class rc = dir ? disk_make_dir(&cli->ctx, dir, err) : err_memory(err);

    if (rc == ERR_OK) {
        struct log *log = log_new_daily(dir, (int)config->log.days, level_of(config->log.level),
                                        cli_flag(cli, "log"));

        log_free(cli->ctx.log);
        cli->ctx.log = log;
        if (!log)
            rc = err_memory(err);
    }
    free(dir);
    return rc;
}

static enum err_class serve(struct cli *cli, const struct config *config, struct err *err)
{
    const struct daemon_options options = {
        .data_dir = cli->data_dir,
        .catalog = &tenon_catalog,
        .apps = tenon_apps,
        .app_count = tenon_app_count,
        .config = config,
    };
    struct daemon *daemon = NULL;
    enum err_class rc = daemon_start(&cli->ctx, &options, &daemon, err);

    if (rc != ERR_OK)
        return rc;
    /* The line that scripts wait for. */
    printf("tenon serve: listening on port %u\n", daemon_port(daemon));
    (void)fflush(stdout);
    while (!ctx_stopped(&cli->ctx)) {
        daemon_tick(daemon);
        ctx_sleep_ms(&cli->ctx, LOOK_MS);
    }
    daemon_stop(daemon);
    return ERR_OK;
}

static enum err_class run(struct cli *cli, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(SETTINGS_BYTES);
    AUTO(data_close_autop) struct data *data = NULL;
    struct config config;
    enum err_class rc = arena ? read_config(cli, arena, &config, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = cli_open_data(cli, true, &data, err); /* makes the folder on a new machine */
    if (rc == ERR_OK)
        rc = open_log(cli, &config, err);
    return rc == ERR_OK ? serve(cli, &config, err) : rc;
}

const struct cli_verb verb_serve = {
    .name = "serve",
    .args = "",
    .summary = "Run the server: pages, API, webhooks, syncs by themselves",
    .about = "Serves until SIGTERM or Ctrl-C, then finishes what it was asked. Settings come from\n"
             "tenon.conf in the data folder, or --config FILE; each also by the environment, like\n"
             "TENON_SERVER_PUBLIC_URL. docs/settings.md lists them.\n\n"
             "  tenon serve --listen 127.0.0.1:8080",
    .options =
        {
            {"listen", "ADDRESS:PORT", "where to listen (default 127.0.0.1:8080)"},
            {"public-url", "URL", "how people and Jira reach this server"},
            {"config", "FILE", "the settings (default DATA/tenon.conf)"},
        },
    .network = true,
    .run = run,
};
