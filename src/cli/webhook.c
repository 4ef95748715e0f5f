/* webhook.c: `tenon tenant webhook` and `tenon tenant attach`: how Jira knows a tenant. */
#include "cli/cli.h"

#include "base/civil.h"
#include "base/json.h"
#include "cli/settings.h"
#include "connect/attach.h"
#include "connect/site_events.h"
#include "connect/webhook_secret.h"
#include "http/url.h"

#define TEXT_BYTES ((size_t)64 * 1024)

/* ---- webhook ---- */

static enum err_class find_url(struct cli *cli, struct url_base *ret, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    const char *given = cli_value(cli, "public-url");
    struct config config = {0};
    enum err_class rc = arena ? cli_settings(cli, arena, &config, err) : err_memory(err);

    if (rc != ERR_OK)
        return rc;
    if (!given)
        given = config.server.public_url;
    if (!given[0])
        return err_set(err, ERR_USAGE,
                       "say where Jira reaches this server: --public-url https://…, or "
                       "server.public_url in tenon.conf");
    rc = url_parse_base(str_from(given), ret, err);
    return rc == ERR_OK ? ERR_OK : err_wrap(err, "the server's public URL");
}

static void put_text(struct strbuf *text, const struct tenant_info *info, struct str url,
                     const char *secret, const struct webhook_state *state)
{
    char seen[CIVIL_STAMP_BYTES + 1];

    strbuf_addf(text, "Webhook of %s (%s)\n\n  URL     " STR_FMT "\n", info->name, info->base_url,
                STR_ARG(url));
    if (secret)
        strbuf_addf(text, "  Secret  %s\n", secret);
    else
        strbuf_addf(text, "  Secret  %s\n",
                    state->set ? "set; it is not shown again, --new makes another" : "none yet");
    strbuf_add_z(text, "  Events  ");
    for (size_t i = 0; i < site_event_count; i++)
        strbuf_addf(text, "%s%s", i > 0 ? ", " : "", site_events[i].label);
    strbuf_add_z(text, "\n");
    if (!secret) {
        if (state->last_seen_ms)
            civil_format_stamp(state->last_seen_ms, seen);
        strbuf_addf(text, "  Last delivery  %s\n", state->last_seen_ms ? seen : "never");
        return;
    }
    strbuf_add_z(text, "\nThe secret is shown this once. What to do:\n");
    for (size_t i = 0; webhook_steps[i]; i++)
        strbuf_addf(text, "  %zu. %s\n", i + 1, webhook_steps[i]);
}

static void put_json(struct strbuf *text, struct str url, const char *secret,
                     const struct webhook_state *state)
{
    struct json_out out = json_out(text);

    json_object(&out);
    json_key(&out, "url");
    json_put_str(&out, url);
    json_key(&out, "secret");
    json_put_z(&out, secret);
    json_key(&out, "events");
    json_array(&out);
    for (size_t i = 0; i < site_event_count; i++)
        json_put_z(&out, site_events[i].name);
    json_array_end(&out);
    json_key(&out, "set");
    json_put_bool(&out, secret || state->set);
    json_key(&out, "last");
    if (state->last_seen_ms && !secret)
        json_put_stamp(&out, state->last_seen_ms);
    else
        json_put_null(&out);
    json_object_end(&out);
    strbuf_add_char(text, '\n');
}

static enum err_class show_webhook(struct cli *cli, struct tenant *tenant,
                                   const struct url_base *base, struct err *err)
{
    struct strbuf text = STRBUF_INIT(TEXT_BYTES);
    AUTO(strbuf_done) struct strbuf url = STRBUF_INIT(2 * LIMIT_URL_BYTES);
    char secret[WEBHOOK_SECRET_BYTES + 1] = "";
    struct webhook_state state = {0};
    enum err_class rc = webhook_state(tenant, &state, err);
    bool make = cli_flag(cli, "new") || !state.set;

    if (rc == ERR_OK && make)
        rc = webhook_secret_make(tenant, secret, err);
    if (rc != ERR_OK)
        return rc;
    webhook_url(base->text, tenant->info.id, &url);
    if (cli_flag(cli, "json"))
        put_json(&text, strbuf_str(&url), make ? secret : NULL, &state);
    else
        put_text(&text, &tenant->info, strbuf_str(&url), make ? secret : NULL, &state);
    rc = cli_print_buf(&text, err);
    vault_wipe(&text);
    explicit_bzero(secret, sizeof(secret));
    return rc;
}

static enum err_class run_webhook(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct url_base base = {0};
    enum err_class rc = find_url(cli, &base, err);

    if (rc == ERR_OK)
        rc = cli_open_tenant(cli, &data, &tenant, err);
    return rc == ERR_OK ? show_webhook(cli, tenant, &base, err) : rc;
}

const struct cli_verb verb_tenant_webhook = {
    .name = "tenant webhook",
    .args = "TENANT",
    .summary = "Show what to enter in Jira so that changes come at once",
    .about =
        "Makes the secret that Jira signs its deliveries with, the first time and with --new,\n"
        "and says what to enter where. Without a webhook all is found too, only later.\n\n"
        "  tenon tenant webhook acme --public-url https://tenon.acme.com",
    .options =
        {
            {"new", NULL, "make a new secret; the old one is worth nothing from then on"},
            {"public-url", "URL", "address of this server (default: server.public_url)"},
            {"config", "FILE", "settings (default: tenon.conf in the data folder)"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run_webhook,
};

/* ---- attach ---- */

static enum err_class say_attached(struct cli *cli, const struct tenant_info *to,
                                   enum alias_kind kind, const struct tenant_info *from,
                                   struct err *err)
{
    struct strbuf text = STRBUF_INIT(8192);

    if (cli_flag(cli, "json"))
        strbuf_addf(&text, "{\"id\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\",\"from\":%s%s%s}\n",
                    to->id, to->name, alias_kind_name(kind), from->id[0] ? "\"" : "",
                    from->id[0] ? from->id : "null", from->id[0] ? "\"" : "");
    else if (from->id[0])
        strbuf_addf(&text,
                    "The installation of %s (%s) belongs to %s (%s) now. %s keeps what it had\n"
                    "mirrored; when it is of no use: tenon tenant erase %s --yes\n",
                    from->name, from->base_url, to->name, to->base_url, from->name, from->name);
    else
        strbuf_addf(&text, "No installation has this %s yet; when it comes it will belong to %s.\n",
                    alias_kind_name(kind), to->name);

    enum err_class rc = cli_print_buf(&text, err);

    strbuf_done(&text);
    return rc;
}

static enum err_class run_attach(struct cli *cli, struct err *err)
{
    static const char *const options[ALIAS_KIND_COUNT] = {"client-key", "installation-id",
                                                          "cloud-id"};
    AUTO(data_close_autop) struct data *data = NULL;
    struct tenant_info to = {0}, from = {0};
    size_t kind = 0, given = 0;

    for (size_t i = 0; i < ARRAY_LEN(options); i++)
        if (cli_value(cli, options[i])) {
            kind = i;
            given++;
        }
    if (given != 1)
        return err_set(err, ERR_USAGE,
                       "say which installation it is: one of --client-key, --installation-id and "
                       "--cloud-id");

    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(cli->args[0]), &to, err);
    if (rc == ERR_OK)
        rc = attach_identity(data, &to, (enum alias_kind)kind,
                             str_from(cli_value(cli, options[kind])), &from, err);
    return rc == ERR_OK ? say_attached(cli, &to, (enum alias_kind)kind, &from, err) : rc;
}

const struct cli_verb verb_tenant_attach = {
    .name = "tenant attach",
    .args = "TENANT",
    .summary = "Give an installation in Jira to a tenant that is here",
    .about =
        "After an import, or when the app was installed anew, a site has another name with\n"
        "Atlassian, and its installation made a tenant of its own. If you know that it is the\n"
        "same site, give the installation to the old tenant, with all that is mirrored. Can be\n"
        "done before the app is installed too. A running server follows within a minute.\n\n"
        "  tenon tenant attach acme --client-key 3b5e8c0a-71d5-3c2a-9f0e-5d1f2a6b7c8d",
    .options =
        {
            {"client-key", "KEY", "Connect's name of the installation"},
            {"installation-id", "ID", "Forge's name of the installation"},
            {"cloud-id", "ID", "Atlassian's name of the site"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run_attach,
};
