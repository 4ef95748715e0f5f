/* serve.c: `tenon serve`, the daemon in the foreground until SIGTERM or Ctrl-C. */
#include "cli/cli.h"

#include <malloc.h>

#include "apps/apps.h"
#include "base/log.h"
#include "cli/notify.h"
#include "cli/settings.h"
#include "daemon/daemon.h"

#define LOOK_MS 200

static volatile sig_atomic_t hung_up;

static void note_hangup(int signal_number)
{
    (void)signal_number;
    hung_up = 1;
}

/* What stands on the command line wins over the file and the environment. */
static enum err_class read_config(struct cli *cli, struct arena *arena, struct config *ret,
                                  struct err *err)
{
    enum err_class rc = cli_settings(cli, arena, ret, err);

    if (rc == ERR_OK && cli_value(cli, "listen"))
        ret->server.listen = cli_value(cli, "listen");
    if (rc == ERR_OK && cli_value(cli, "public-url"))
        ret->server.public_url = cli_value(cli, "public-url");
    return rc;
}

/* As log.level names them; literals, that outlive any reading of the settings. */
static const char *const level_names[] = {"debug", "info", "warn", "error"};

static enum log_level level_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
        if (strcmp(level_names[i], name) == 0)
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

/* ---- SIGHUP ---- */

static void tell_change(void *arg, const char *key, bool reloads)
{
    const struct cli *cli = arg;

    if (reloads)
        LOG(&cli->ctx, LOG_INFO, "setting_taken", LOG_NAME("key", key));
    else
        LOG(&cli->ctx, LOG_WARN, "setting_needs_restart", LOG_NAME("key", key));
}

/* What config_compare says a running server takes. */
static void take_changes(struct cli *cli, struct config *config, const struct config *fresh)
{
    enum log_level level = level_of(fresh->log.level);

    config_compare(config, fresh, tell_change, cli);
    config->jobs.poll_s = fresh->jobs.poll_s;
    config->jobs.verify_h = fresh->jobs.verify_h;
    config->backup.every_h = fresh->backup.every_h;
    config->backup.drill_h = fresh->backup.drill_h;
    config->backup.keep_days = fresh->backup.keep_days;
    config->backup.s3_keep_days = fresh->backup.s3_keep_days;
    config->log.days = fresh->log.days;
    config->log.level = level_names[level];
    log_retune(cli->ctx.log, (int)config->log.days, level);
}

/* A setting or a certificate that is no good changes nothing; it is told, and the server goes on.
 */
static void reload(struct cli *cli, struct config *config, struct daemon *daemon)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    struct config fresh;
    struct err err = {0};
    enum err_class rc = arena ? read_config(cli, arena, &fresh, &err) : err_memory(&err);

    if (rc == ERR_OK)
        take_changes(cli, config, &fresh);
    if (rc == ERR_OK)
        rc = daemon_reload(daemon, &err);
    LOG(&cli->ctx, rc == ERR_OK ? LOG_INFO : LOG_ERROR, "reloaded",
        LOG_NAME("result", err_class_name(rc)));
    if (rc != ERR_OK) /* with a path and a line: for the journal, not for our log */
        fprintf(stderr, "tenon serve: SIGHUP: %s; what was in use stays\n", err.msg);
}

/* ---- Running ---- */

static void run_until_stopped(struct cli *cli, struct config *config, struct daemon *daemon)
{
    while (!ctx_stopped(&cli->ctx)) {
        if (hung_up) {
            hung_up = 0;
            notify_reloading();
            reload(cli, config, daemon);
            notify("READY=1");
        }
        daemon_tick(daemon);
        ctx_sleep_ms(&cli->ctx, LOOK_MS);
    }
}

static enum err_class serve(struct cli *cli, struct config *config, struct err *err)
{
    const struct daemon_options options = {
        .data_dir = cli->data_dir,
        .catalog = &tenon_catalog,
        .apps = tenon_apps,
        .app_count = tenon_app_count,
        .config = config,
    };
    const struct sigaction action = {.sa_handler = note_hangup};
    struct daemon *daemon = NULL;
    enum err_class rc;

    (void)sigaction(SIGHUP, &action, NULL); /* cannot fail with a valid signal number */
    rc = daemon_start(&cli->ctx, &options, &daemon, err);
    if (rc != ERR_OK)
        return rc;
    /* The line that scripts wait for. */
    printf("tenon serve: listening on port %u\n", daemon_port(daemon));
    (void)fflush(stdout);
    notify("READY=1");
    run_until_stopped(cli, config, daemon);
    notify("STOPPING=1");
    daemon_stop(daemon);
    return ERR_OK;
}

/*
 * A server lives long: what a report or a sync has used goes back to the system instead of staying
 * with each thread's heap. Sixteen reports at once over a million worklogs then leave 20 MB less.
 */
static void give_memory_back(void)
{
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

static enum err_class run(struct cli *cli, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    AUTO(data_close_autop) struct data *data = NULL;
    struct config config;
    enum err_class rc = arena ? read_config(cli, arena, &config, err) : err_memory(err);

    give_memory_back();
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
    .about =
        "Serves until SIGTERM or Ctrl-C, then finishes what it was asked; a second one ends it\n"
        "at once. SIGHUP takes what has changed in the settings and the TLS certificate, where\n"
        "that goes without a restart; the log tells. Settings come from\n"
        "tenon.conf in the data folder, or --config FILE; each also by the environment, like\n"
        "TENON_SERVER_PUBLIC_URL. `tenon settings` lists them.\n\n"
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
