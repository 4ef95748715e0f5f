/*
 * forge_manifest.c: the manifest.yml of the Forge app that stands before this server.
 *
 * The app has no code of its own: all that Forge does is to call us. Adding a remote or an endpoint
 * later is a major version, to which the administrators of every site must consent anew, so all are
 * here from the first. Texts that come from outside are checked to be of an alphabet that needs no
 * quoting in YAML; they are quoted all the same.
 */
#include "connect/forge.h"
#include "connect/site_events.h"
#include "http/url.h"

static bool is_made_of(const char *text, const char *others)
{
    for (const char *at = text; *at; at++) {
        bool plain =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');

        if (!plain && !strchr(others, *at))
            return false;
    }
    return text[0] != '\0';
}

static enum err_class check(const struct forge_manifest *options, struct err *err)
{
    static const char prefix[] = "ari:cloud:ecosystem::app/";
    struct url_base url = {0};
    enum err_class rc = url_parse_base(str_from(options->public_url), &url, err);

    if (rc != ERR_OK)
        return err_wrap(err, "the server's public URL");
    if (!url.https)
        return err_set(err, ERR_INPUT, "the server's public URL %s is not https, which Forge wants",
                       options->public_url);
    if (!is_made_of(options->public_url, ":/.-_~[]"))
        return err_set(err, ERR_INPUT,
                       "the server's public URL %s has a character that does not "
                       "belong into a manifest",
                       options->public_url);
    if (!str_starts(str_from(options->app_id), str_from(prefix)) ||
        !is_made_of(options->app_id + sizeof(prefix) - 1, "-"))
        return err_set(err, ERR_INPUT,
                       "\"%s\" is not the id of a Forge app: `forge register` gives one like "
                       "%s00000000-0000-0000-0000-000000000000",
                       options->app_id, prefix);
    if (options->connect_key && !is_made_of(options->connect_key, "-._"))
        return err_set(err, ERR_INPUT, "\"%s\" is not the key of a Connect app",
                       options->connect_key);
    if (options->pages && (!is_made_of(options->pages, "-._/") || options->pages[0] == '/'))
        return err_set(err, ERR_INPUT,
                       "\"%s\" is not a folder beside the manifest: use letters, digits, -, _, . "
                       "and /",
                       options->pages);
    return ERR_OK;
}

struct endpoint {
    const char *key, *path, *tokens; /* which tokens come along: "" none, "s" system, "u" user */
};

static const struct endpoint endpoints[] = {
    {"api", "/api/v1", "us"},
    {"lifecycle", "/forge/lifecycle", "s"},
    {"uninstall", "/forge/uninstall", ""},
    {"events", "/forge/events", "s"},
};

static void put_token(struct strbuf *out, const char *name)
{
    strbuf_addf(out, "        %s:\n          enabled: true\n", name);
}

static void put_endpoints(struct strbuf *out)
{
    strbuf_add_z(out, "  endpoint:\n");
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        const struct endpoint *endpoint = &endpoints[i];

        strbuf_addf(out, "    - key: %s\n      remote: tenon\n      route:\n        path: \"%s\"\n",
                    endpoint->key, endpoint->path);
        if (endpoint->tokens[0])
            strbuf_add_z(out, "      auth:\n");
        if (strchr(endpoint->tokens, 's'))
            put_token(out, "appSystemToken");
        if (strchr(endpoint->tokens, 'u'))
            put_token(out, "appUserToken");
    }
}

static void put_triggers(struct strbuf *out)
{
    strbuf_add_z(out, "  trigger:\n"
                      "    - key: installed\n"
                      "      endpoint: lifecycle\n"
                      "      events:\n"
                      "        - \"avi:forge:installed:app\"\n"
                      "        - \"avi:forge:upgraded:app\"\n"
                      "    - key: changes\n"
                      "      endpoint: events\n"
                      "      events:\n");
    for (size_t i = 0; i < site_event_count; i++)
        strbuf_addf(out, "        - \"%s\"\n", site_events[i].forge);
    strbuf_add_z(out, "  scheduledTrigger:\n"
                      "    - key: hourly # brings a fresh system token\n"
                      "      endpoint: events\n"
                      "      interval: hour\n"
                      "  preUninstall:\n"
                      "    - key: going\n"
                      "      endpoint: uninstall\n");
}

/* Pages that are built and hosted by Atlassian. */
static void put_pages(struct strbuf *out)
{
    strbuf_add_z(out, "  \"jira:globalPage\":\n"
                      "    - key: my-time\n"
                      "      title: My time\n"
                      "      resource: pages\n"
                      "      resolver:\n"
                      "        endpoint: api\n"
                      "  \"jira:adminPage\":\n"
                      "    - key: settings\n"
                      "      title: Tenon\n"
                      "      resource: pages\n"
                      "      resolver:\n"
                      "        endpoint: api\n");
}

/* Pages of this server, in frames, as a Connect app has them. */
static void put_connect(struct strbuf *out)
{
    static const char *const pages[][4] = {
        {"generalPages", "my-time", "My time", "/time"},
        {"generalPages", "reports", "Time reports", "/reports"},
        {"adminPages", "settings", "Tenon", "/settings"},
    };

    strbuf_add_z(out, "connectModules:\n"
                      "  \"jira:lifecycle\":\n"
                      "    - key: lifecycle\n"
                      "      installed: /connect/installed\n"
                      "      uninstalled: /connect/uninstalled\n"
                      "      enabled: /connect/enabled\n"
                      "      disabled: /connect/disabled\n");
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (i == 0 || strcmp(pages[i][0], pages[i - 1][0]) != 0)
            strbuf_addf(out, "  \"jira:%s\":\n", pages[i][0]);
        strbuf_addf(out, "    - key: %s\n      name:\n        value: %s\n      url: %s\n",
                    pages[i][1], pages[i][2], pages[i][3]);
    }
}

enum err_class forge_manifest(const struct forge_manifest *options, struct strbuf *ret,
                              struct err *err)
{
    enum err_class rc = check(options, err);

    if (rc != ERR_OK)
        return rc;
    strbuf_addf(ret,
                "# Made by `tenon forge manifest`. Beside it: forge deploy, forge install.\n"
                "app:\n  id: \"%s\"\n  runtime:\n    name: nodejs24.x\n",
                options->app_id);
    if (options->connect_key)
        strbuf_addf(ret, "  connect:\n    key: \"%s\"\n    remote: tenon\n", options->connect_key);
    strbuf_addf(ret,
                "remotes:\n"
                "  - key: tenon\n"
                "    baseUrl: \"%s\"\n"
                "    operations:\n"
                "      - storage\n"
                "      - compute\n"
                "    storage:\n"
                "      inScopeEUD: true\n"
                "permissions:\n"
                "  scopes:\n"
                "    - \"read:jira-work\"\n"
                "    - \"write:jira-work\"\n"
                "    - \"read:jira-user\"\n"
                "    - \"read:app-system-token\"\n"
                "    - \"read:app-user-token\"\n",
                options->public_url);
    if (options->pages)
        strbuf_addf(ret, "resources:\n  - key: pages\n    path: \"%s\"\n", options->pages);
    if (options->connect_key)
        put_connect(ret);
    strbuf_add_z(ret, "modules:\n");
    put_endpoints(ret);
    put_triggers(ret);
    if (options->pages)
        put_pages(ret);
    return strbuf_check(ret, "the manifest", err);
}
