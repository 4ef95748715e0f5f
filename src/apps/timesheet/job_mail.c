/*
 * job_mail.c: the daily mail about missing estimates, as a job that the daemon runs.
 *
 * The mailer is made for each run, so that a new password in its file is taken without a restart,
 * and ends with it: a connection to a mail server is nothing to keep for a day.
 */
#include "apps/timesheet/job_mail.h"

#include <sys/stat.h>

#include "base/log.h"

#define LETTER_MS 60000
#define SETTINGS_BYTES ((size_t)8 * 1024 * 1024)

static enum err_class read_password(const struct ctx *ctx, const char *path, struct strbuf *ret,
                                    struct err *err)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return err_set(err, ERR_KEY,
                       "mail.password_file: others may read %s; make it 0600, and change the "
                       "password",
                       path);

    enum err_class rc = disk_read(ctx, path, ret, err);

    return rc == ERR_OK ? rc : err_wrap(err, "mail.password_file");
}

static enum mail_tls tls_of(const char *name)
{
    if (strcmp(name, "none") == 0)
        return MAIL_TLS_NONE;
    return strcmp(name, "implicit") == 0 ? MAIL_TLS_IMPLICIT : MAIL_TLS_STARTTLS;
}

static enum err_class open_mailer(const struct job_context *context, struct mail_curl **ret,
                                  struct err *err)
{
    const struct config *config = daemon_config(context->daemon);
    AUTO(vault_wipe) struct strbuf password = STRBUF_INIT(LIMIT_SECRET_BYTES);
    struct mail_options options = {
        .host = config->mail.host,
        .port = (uint16_t)config->mail.port,
        .tls = tls_of(config->mail.tls),
        .from = config->mail.from,
        .user = config->mail.user,
        .total_ms = LETTER_MS,
    };
    enum err_class rc = ERR_OK;

    if (*config->mail.user)
        rc = read_password(daemon_ctx(context->daemon), config->mail.password_file, &password, err);
    options.password = str_trim(strbuf_str(&password));
    return rc == ERR_OK ? mail_curl_new(&options, ret, err) : rc;
}

static enum err_class mail_it(const struct job_context *context, struct job_run *run,
                              const struct settings *settings, int32_t day,
                              struct estimate_mail_result *ret, struct err *err)
{
    const struct link_as as = {.budget = context->site->budget};
    AUTO(mail_curl_free_autop) struct mail_curl *curl = NULL;
    struct link link = {0};
    enum err_class rc = open_mailer(context, &curl, err);

    if (rc == ERR_OK)
        rc = link_open_as(&link, context->tenant, &as, MAIL_JOB, err);
    if (rc == ERR_OK) {
        const struct estimate_mail mail = {.tenant = context->tenant,
                                           .jira = &link.jira,
                                           .settings = settings,
                                           .mailer = mail_curl_mailer(curl),
                                           .run = run};

        rc = estimate_mail_run(&mail, day, ret, err);
    }
    link_done(&link);
    return rc;
}

enum err_class mail_job_run(void *arg, struct job_run *run, struct err *err)
{
    const struct job_context *context = arg;
    AUTO(arena_free_autop) struct arena *arena = arena_new(SETTINGS_BYTES);
    struct estimate_mail_result result = {0};
    struct settings settings;
    bool due = false;
    int32_t day = 0;
    enum err_class rc =
        arena ? settings_load(context->tenant, arena, &settings, err) : err_memory(err);

    if (rc == ERR_OK && *daemon_config(context->daemon)->mail.host)
        rc = mail_day_due(context->tenant, &settings, &due, &day, err);
    if (rc == ERR_OK && !due)
        LOG(run->ctx, LOG_DEBUG, "estimates_not_due",
            LOG_IDENT("tenant", context->tenant->info.id));
    if (rc != ERR_OK || !due)
        return rc;
    rc = mail_it(context, run, &settings, day, &result, err);
    LOG(run->ctx, LOG_INFO, "estimates_mailed", LOG_IDENT("tenant", context->tenant->info.id),
        LOG_NAME("result", err_class_name(rc)), LOG_NUM("issues", result.issues),
        LOG_NUM("letters", result.letters), LOG_NUM("no_address", result.no_address),
        LOG_NUM("refused", result.refused));
    return rc;
}
