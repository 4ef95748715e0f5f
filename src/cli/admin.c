/* admin.c: `tenon admin`: the way in for whoever runs the server. */
#include <sodium.h>

#include "base/civil.h"
#include "base/json.h"
#include "cli/settings.h"
#include "connect/administrator.h"
#include "http/url.h"

/* Where browsers reach the server: --url, or what the settings say. */
static enum err_class find_base(struct cli *cli, struct url_base *ret, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    const char *given = cli_value(cli, "url");
    struct strbuf listen = STRBUF_INIT(LIMIT_URL_BYTES);
    struct config config = {0};
    enum err_class rc = ERR_OK;

    if (!arena)
        return err_memory(err);
    if (!given) {
        rc = cli_settings(cli, arena, &config, err);
        if (rc != ERR_OK)
            return rc;
        given = config.server.public_url;
        if (!given[0]) {
            strbuf_addf(&listen, "http%s://%s", config.server.tls_certificate[0] ? "s" : "",
                        config.server.listen);
            given = strbuf_z(&listen);
        }
    }
    rc = url_parse_base(str_from(given), ret, err);
    if (rc != ERR_OK)
        err_wrap(err, "%s", cli_value(cli, "url") ? "--url" : "server.public_url");
    strbuf_done(&listen);
    return rc;
}

static enum err_class print_link(struct cli *cli, const struct url_base *base, const char *secret,
                                 struct err *err)
{
    struct strbuf text = STRBUF_INIT(2 * LIMIT_URL_BYTES);
    struct json_out out = json_out(&text);
    enum err_class rc;

    if (cli_flag(cli, "json")) {
        struct strbuf link = STRBUF_INIT(2 * LIMIT_URL_BYTES);

        strbuf_addf(&link, "%s/sign-in#link=%s", base->text, secret);
        json_object(&out);
        json_key(&out, "url");
        json_put_str(&out, strbuf_str(&link));
        json_key(&out, "expires");
        json_put_stamp(&out, ctx_now_ms(&cli->ctx) + SIGN_IN_LINK_MS);
        json_object_end(&out);
        strbuf_add_char(&text, '\n');
        vault_wipe(&link);
    } else {
        /* Behind '#', so that it is in no request line and no log of a proxy. */
        strbuf_addf(&text,
                    "Open this in a browser within %lld minutes and choose a password. It works "
                    "once.\n%s/sign-in#link=%s\n",
                    (long long)(SIGN_IN_LINK_MS / MS_PER_MINUTE), base->text, secret);
    }
    rc = cli_print_buf(&text, err);
    vault_wipe(&text);
    return rc;
}

static enum err_class run(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    char secret[SECRET_TEXT_BYTES + 1] = "";
    struct url_base base = {0};
    enum err_class rc = find_base(cli, &base, err);

    if (rc == ERR_OK)
        rc = cli_open_data(cli, true, &data, err);
    if (rc == ERR_OK && cli_flag(cli, "reset"))
        rc = administrator_reset(data, err);
    if (rc == ERR_OK)
        rc = administrator_link(data, secret, err);
    if (rc == ERR_OK)
        rc = print_link(cli, &base, secret, err);
    sodium_memzero(secret, sizeof(secret));
    return rc;
}

const struct cli_verb verb_admin = {
    .name = "admin",
    .args = "",
    .summary = "Print a link that signs the administrator in",
    .about = "The link works once, for 15 minutes, and sets the password of the server's own\n"
             "administrator; an older link is void. The server may be running or not.\n\n"
             "  tenon admin\n"
             "  tenon admin --reset --url https://tenon.acme.example",
    .options =
        {
            {"url", "URL", "how browsers reach the server (default: server.public_url)"},
            {"config", "FILE", "the server's settings, to find that (default DATA/tenon.conf)"},
            {"reset", NULL, "first take the password and all of its sessions away"},
        },
    .run = run,
};
