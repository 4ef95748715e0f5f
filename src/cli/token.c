/* token.c: `tenon token add|list|remove`: API tokens for programs that use Tenon. */
#include <sodium.h>

#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"
#include "connect/api_token.h"

#define LIST_BYTES ((size_t)16 * 1024 * 1024)

/* "read,write" */
static void put_scopes(struct strbuf *buf, unsigned scopes)
{
    const char *name;
    unsigned bit = 0;
    bool first = true;

    for (size_t i = 0; (name = api_token_scope(i, &bit)) != NULL; i++) {
        if (!(scopes & bit))
            continue;
        strbuf_addf(buf, "%s%s", first ? "" : ",", name);
        first = false;
    }
}

static void put_stamp(struct json_out *json, const char *name, int64_t ms)
{
    json_key(json, name);
    if (ms)
        json_put_stamp(json, ms);
    else
        json_put_null(json);
}

/* One line; text: the token, NULL when it is not shown. */
static void put_json(struct strbuf *buf, const struct api_token *token, const char *text)
{
    struct json_out json = json_out(buf);
    const char *scope;
    unsigned bit = 0;
    char id[32];

    (void)snprintf(id, sizeof(id), "%lld", (long long)token->id);
    json_object(&json);
    json_key(&json, "id");
    json_put_z(&json, id);
    json_key(&json, "name");
    json_put_str(&json, token->name);
    json_key(&json, "account");
    if (token->account.len > 0)
        json_put_str(&json, token->account);
    else
        json_put_null(&json);
    json_key(&json, "scopes");
    json_array(&json);
    for (size_t i = 0; (scope = api_token_scope(i, &bit)) != NULL; i++)
        if (token->scopes & bit)
            json_put_z(&json, scope);
    json_array_end(&json);
    put_stamp(&json, "created", token->made_ms);
    put_stamp(&json, "expires", token->expires_ms);
    put_stamp(&json, "last_used", token->last_used_ms);
    if (text) {
        json_key(&json, "token");
        json_put_z(&json, text);
    }
    json_object_end(&json);
    strbuf_add_char(buf, '\n');
}

/* ---- add ---- */

static enum err_class read_options(struct cli *cli, struct api_token *ret, struct err *err)
{
    const char *scopes = cli_value(cli, "scopes"), *days = cli_value(cli, "days");
    int64_t n = 0;

    *ret = (struct api_token){.name = str_from(cli_value(cli, "name")),
                              .account = str_from(cli_value(cli, "account"))};
    if (!ret->name.ptr)
        return err_set(err, ERR_USAGE,
                       "give the token a --name, by which it is known when it is to go");
    if ((ret->account.len > 0) == cli_flag(cli, "administrator"))
        return err_set(err, ERR_USAGE,
                       "say for whom the token acts: --account ID, or --administrator");
    if (!api_token_parse_scopes(str_from(scopes ? scopes : "read"), &ret->scopes))
        return err_set(err, ERR_INPUT, "--scopes %s: there are read, write and admin, split by ','",
                       scopes);
    if (days && !parse_i64(str_from(days), 1, API_TOKEN_DAYS_MAX, &n))
        return err_set(err, ERR_INPUT, "--days %s is not a whole number from 1 to %d", days,
                       API_TOKEN_DAYS_MAX);
    if (days)
        ret->expires_ms = ctx_now_ms(&cli->ctx) + n * MS_PER_DAY;
    return ERR_OK;
}

static enum err_class run_add(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct strbuf out = STRBUF_INIT(LIST_BYTES);
    char text[API_TOKEN_BYTES + 1] = "";
    struct api_token token = {0};
    enum err_class rc = read_options(cli, &token, err);

    if (rc == ERR_OK)
        rc = cli_open_tenant(cli, &data, &tenant, err);
    if (rc == ERR_OK)
        rc = api_token_add(tenant, &token, text, err);
    if (rc == ERR_OK) {
        if (cli_flag(cli, "json"))
            put_json(&out, &token, text);
        else
            strbuf_addf(&out, "Token %lld, shown this once:\n%s\n", (long long)token.id, text);
        rc = cli_print_buf(&out, err);
    }
    sodium_memzero(text, sizeof(text));
    vault_wipe(&out);
    return rc;
}

const struct cli_verb verb_token_add = {
    .name = "token add",
    .args = "TENANT",
    .summary = "Make an API token for a program",
    .about =
        "A program presents it as `Authorization: Bearer tenon_…`. It acts for one account in\n"
        "Jira, or for the administrator within this tenant.\n\n"
        "  tenon token add acme --name dashboard --account 712020:5a4d0b5e-… --days 90\n"
        "  tenon token add acme --name backup --administrator --scopes read",
    .options =
        {
            {"name", "NAME", "what it is for"},
            {"account", "ID", "the account that it acts for"},
            {"administrator", NULL, "it acts for the administrator"},
            {"scopes", "LIST", "read, write, admin, split by ',' (default: read)"},
            {"days", "N", "it ends after so many days (default: it does not end)"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run_add,
};

/* ---- list ---- */

static void put_line(struct strbuf *out, const struct api_token *token)
{
    struct strbuf scopes = STRBUF_INIT(64);
    struct str whom = token->account.len > 0 ? token->account : STR("administrator");
    char expires[CIVIL_DATE_BYTES + 1] = "-", used[CIVIL_DATE_BYTES + 1] = "-";

    if (token->expires_ms)
        civil_format_date(civil_day_of(token->expires_ms), expires);
    if (token->last_used_ms)
        civil_format_date(civil_day_of(token->last_used_ms), used);
    put_scopes(&scopes, token->scopes);
    strbuf_addf(out, "%-17lld %-16s %-10s %-10s %-28.*s ", (long long)token->id, strbuf_z(&scopes),
                expires, used, STR_ARG(whom));
    strbuf_add_str(out, token->name); /* without control characters: checked when it was made */
    strbuf_add_char(out, '\n');
    strbuf_done(&scopes);
}

static enum err_class run_list(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    AUTO(arena_free_autop) struct arena *arena = arena_new(LIST_BYTES);
    struct strbuf out = STRBUF_INIT(LIST_BYTES);
    struct api_token *list = NULL;
    size_t count = 0;
    enum err_class rc = arena ? cli_open_tenant(cli, &data, &tenant, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = api_token_list(tenant, arena, NULL, &list, &count, err);
    if (rc == ERR_OK) {
        if (!cli_flag(cli, "json"))
            strbuf_addf(&out, "%-17s %-16s %-10s %-10s %-28s %s\n", "ID", "SCOPES", "ENDS",
                        "LAST USED", "FOR", "NAME");
        for (size_t i = 0; i < count; i++) {
            if (cli_flag(cli, "json"))
                put_json(&out, &list[i], NULL);
            else
                put_line(&out, &list[i]);
        }
        rc = cli_print_buf(&out, err);
    }
    strbuf_done(&out);
    return rc;
}

const struct cli_verb verb_token_list = {
    .name = "token list",
    .args = "TENANT",
    .summary = "List the API tokens",
    .about = "Never the tokens themselves: of those only digests are stored. With --json, one\n"
             "object a line.\n\n  tenon token list acme",
    .args_min = 1,
    .args_max = 1,
    .run = run_list,
};

/* ---- remove ---- */

static enum err_class run_remove(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct strbuf out = STRBUF_INIT(256);
    int64_t id = 0;
    enum err_class rc = ERR_OK;

    if (!parse_i64(str_from(cli->args[1]), 1, INT64_MAX, &id))
        return err_set(err, ERR_INPUT,
                       "%s is not the id of a token; `tenon token list %s` shows them",
                       cli->args[1], cli->args[0]);
    rc = cli_open_tenant(cli, &data, &tenant, err);
    if (rc == ERR_OK)
        rc = api_token_remove(NULL, tenant, id, NULL, err);
    if (rc == ERR_OK) {
        if (cli_flag(cli, "json"))
            strbuf_addf(&out, "{\"id\":\"%lld\",\"removed\":true}\n", (long long)id);
        else
            strbuf_addf(&out, "Removed token %lld; a running server refuses it within 10 s.\n",
                        (long long)id);
        rc = cli_print_buf(&out, err);
    }
    strbuf_done(&out);
    return rc;
}

const struct cli_verb verb_token_remove = {
    .name = "token remove",
    .args = "TENANT TOKEN",
    .summary = "Take an API token back",
    .about = "TOKEN is its id, as `tenon token list` shows it.\n\n"
             "  tenon token remove acme 1432875023904821",
    .args_min = 2,
    .args_max = 2,
    .run = run_remove,
};
