/* tenant.c: `tenon tenant add|list|token|remove`. */
#include "cli/cli.h"

#include "connect/alias.h"
#include "connect/onboard.h"
#include "base/civil.h"
#include "base/json.h"
#include "jobs/jobs.h"
#include "vault/vault.h"

/* A token from a file, or from standard input by "-"; white space around it is cut. */
static enum err_class read_secret(struct cli *cli, const char *option, const char *path,
                                  struct strbuf *ret, struct err *err)
{
    struct strbuf raw = STRBUF_INIT(LIMIT_SECRET_BYTES);
    const char *source = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    enum err_class rc = disk_read(&cli->ctx, source, &raw, err);
    struct str text = str_trim(strbuf_str(&raw));

    if (rc != ERR_OK)
        err_wrap(err, "--%s", option);
    else if (text.len == 0)
        rc = err_set(err, ERR_INPUT, "--%s: the file %s is empty; put the token into it", option,
                     path);
    for (size_t i = 0; i < text.len && rc == ERR_OK; i++)
        if ((unsigned char)text.ptr[i] <= 0x20 || (unsigned char)text.ptr[i] >= 0x7f)
            rc = err_set(err, ERR_INPUT,
                         "--%s: the file %s holds more than a token (a space, a line break or a "
                         "character that no token has)",
                         option, path);
    if (rc == ERR_OK)
        strbuf_add_str(ret, text);
    vault_wipe(&raw);
    return rc;
}

/* --email with --token-file, or --pat-file. */
static enum err_class read_credential(struct cli *cli, struct tenant_credential *ret,
                                      struct err *err)
{
    const char *email = cli_value(cli, "email"), *token = cli_value(cli, "token-file");
    const char *pat = cli_value(cli, "pat-file"), *expires = cli_value(cli, "token-expires");
    struct civil_date date = {0};
    enum err_class rc = ERR_OK;

    if ((pat != NULL) == (token != NULL))
        return err_set(err, ERR_USAGE,
                       "give either --email and --token-file (Jira Cloud) or --pat-file (Jira "
                       "Data Center)");
    if (token && !email)
        return err_set(err, ERR_USAGE,
                       "--token-file wants --email too: the address of the account that the API "
                       "token belongs to");
    if (expires && !civil_parse_date(str_from(expires), &date))
        return err_set(err, ERR_INPUT, "--token-expires %s is not a date; write it like 2027-01-31",
                       expires);

    *ret = (struct tenant_credential){.login = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                      .token = STRBUF_INIT(LIMIT_SECRET_BYTES)};
    if (expires)
        ret->expires_ms = civil_days(date) * MS_PER_DAY;
    if (token)
        strbuf_add_z(&ret->login, email);
    rc = pat ? read_secret(cli, "pat-file", pat, &ret->token, err)
             : read_secret(cli, "token-file", token, &ret->token, err);
    if (rc != ERR_OK)
        tenant_credential_done(ret);
    return rc;
}

static enum err_class fill_info(struct cli *cli, struct tenant_info *info, struct err *err)
{
    const struct onboarding asked = {
        .url = str_from(cli->args[0]),
        .name = str_from(cli_value(cli, "name")),
        .allow_http = cli_flag(cli, "allow-http"),
        .allow_private = cli_flag(cli, "allow-private"),
        .words = &onboard_cli_words,
    };

    return onboard_info(&asked, info, err);
}

static enum err_class check_site(struct cli *cli, struct tenant_info *info,
                                 const struct tenant_credential *credential,
                                 struct strbuf *ret_account, struct err *err)
{
    return onboard_check(&cli->ctx, info, credential, &onboard_cli_words, ret_account, NULL, err);
}

/* `done` is what was done to it: "Added". */
static enum err_class say_tenant(struct cli *cli, const char *done, const struct tenant_info *info,
                                 const struct strbuf *account, bool next, struct err *err)
{
    struct strbuf text = STRBUF_INIT(8192);
    enum err_class rc;

    if (cli_flag(cli, "json")) {
        struct json_out out = json_out(&text);

        json_object(&out);
        json_key(&out, "id");
        json_put_z(&out, info->id);
        json_key(&out, "name");
        json_put_z(&out, info->name);
        json_key(&out, "url");
        json_put_z(&out, info->base_url);
        json_key(&out, "kind");
        json_put_z(&out, tenant_kind_name(info->kind));
        json_key(&out, "account");
        json_put_str(&out, strbuf_str(account));
        json_object_end(&out);
        strbuf_add_char(&text, '\n');
    } else {
        strbuf_addf(&text, "%s %s (%s): %s, Jira %s, as account %s.\n", done, info->name, info->id,
                    info->base_url, info->kind == TENANT_CLOUD ? "Cloud" : "Data Center",
                    strbuf_z(account));
        if (next)
            strbuf_addf(&text, "Next: tenon sync %s\n", info->name);
    }
    rc = cli_print_buf(&text, err);
    strbuf_done(&text);
    return rc;
}

static enum err_class run_add(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct tenant_info info = {0};
    struct tenant_credential credential = {0};
    struct strbuf account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    enum err_class rc = fill_info(cli, &info, err);

    if (rc == ERR_OK)
        rc = read_credential(cli, &credential, err);
    if (rc == ERR_OK)
        rc = check_site(cli, &info, &credential, &account, err);
    if (rc == ERR_OK)
        rc = cli_open_data(cli, true, &data, err);
    if (rc == ERR_OK)
        rc = tenant_create(data, &info, &credential, err);
    if (rc == ERR_OK)
        rc = say_tenant(cli, "Added", &info, &account, true, err);
    tenant_credential_done(&credential);
    strbuf_done(&account);
    return rc;
}

const struct cli_verb verb_tenant_add = {
    .name = "tenant add",
    .args = "URL",
    .summary = "Connect a Jira site",
    .about = "Checks the address and the credential with the site, then makes the tenant's own\n"
             "database and key, and stores the credential sealed.\n\n"
             "  tenon tenant add https://acme.atlassian.net --email me@acme.com --token-file t\n"
             "  tenon tenant add https://jira.acme.internal --pat-file t --allow-private",
    .options =
        {
            {"email", "ADDRESS", "Jira Cloud: the account of the API token"},
            {"token-file", "FILE", "Jira Cloud: a file that holds the API token; - for stdin"},
            {"pat-file", "FILE", "Jira Data Center: a file that holds a personal access token"},
            {"token-expires", "DATE", "when the token ends; doctor warns before"},
            {"name", "NAME", "short name (default: from the host)"},
            {"allow-http", NULL, "allow an address without TLS"},
            {"allow-private", NULL, "allow an address in a private network"},
        },
    .args_min = 1,
    .args_max = 1,
    .network = true,
    .run = run_add,
};

/* ---- list ---- */

struct lister {
    struct strbuf text;
    bool json;
    size_t count;
};

static enum err_class list_one(void *arg, const struct tenant_info *info, struct err *err)
{
    struct lister *lister = arg;
    struct json_out out = json_out(&lister->text);

    (void)err;
    lister->count++;
    if (!lister->json) {
        strbuf_addf(&lister->text, "%-16s %-21s %-11s %s\n", info->name, info->id,
                    tenant_kind_name(info->kind), info->base_url);
        return ERR_OK;
    }
    json_object(&out);
    json_key(&out, "id");
    json_put_z(&out, info->id);
    json_key(&out, "name");
    json_put_z(&out, info->name);
    json_key(&out, "url");
    json_put_z(&out, info->base_url);
    json_key(&out, "kind");
    json_put_z(&out, tenant_kind_name(info->kind));
    json_key(&out, "created");
    json_put_stamp(&out, info->created_ms);
    json_object_end(&out);
    strbuf_add_char(&lister->text, '\n');
    return ERR_OK;
}

static enum err_class run_list(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct lister lister = {.text = STRBUF_INIT(LIMIT_FILE_BYTES), .json = cli_flag(cli, "json")};
    enum err_class rc = cli_open_data(cli, false, &data, err);

    if (rc == ERR_OK && !lister.json)
        strbuf_addf(&lister.text, "%-16s %-21s %-11s %s\n", "NAME", "ID", "KIND", "ADDRESS");
    if (rc == ERR_OK)
        rc = tenant_each(data, list_one, &lister, err);
    if (rc == ERR_OK && lister.count == 0 && !lister.json) {
        strbuf_reset(&lister.text);
        strbuf_add_z(&lister.text, "There is no tenant yet; add one with `tenon tenant add`.\n");
    }
    if (rc == ERR_OK)
        rc = cli_print_buf(&lister.text, err);
    strbuf_done(&lister.text);
    return rc;
}

const struct cli_verb verb_tenant_list = {
    .name = "tenant list",
    .args = "",
    .summary = "List the tenants",
    .about = "With --json, one object a line.\n\n  tenon tenant list",
    .run = run_list,
};

/* ---- token ---- */

static enum err_class run_token(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct tenant_credential credential = {0};
    struct tenant_info info;
    struct strbuf account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    enum err_class rc = cli_open_tenant(cli, &data, &tenant, err);

    if (rc == ERR_OK)
        rc = read_credential(cli, &credential, err);
    if (rc == ERR_OK) {
        info = tenant->info;
        rc = check_site(cli, &info, &credential, &account, err);
    }
    if (rc == ERR_OK)
        rc = tenant_credential_store(tenant, &credential, err);
    if (rc == ERR_OK)
        rc = say_tenant(cli, "Changed the credential of", &tenant->info, &account, false, err);
    tenant_credential_done(&credential);
    strbuf_done(&account);
    return rc;
}

const struct cli_verb verb_tenant_token = {
    .name = "tenant token",
    .args = "TENANT",
    .summary = "Replace a tenant's credential",
    .about = "Checks the new one with the site first; the old one stays when it does not work.\n\n"
             "  tenon tenant token acme --email me@acme.com --token-file t",
    .options =
        {
            {"email", "ADDRESS", "Jira Cloud: the account of the API token"},
            {"token-file", "FILE", "Jira Cloud: a file that holds the API token; - for stdin"},
            {"pat-file", "FILE", "Jira Data Center: a file that holds a personal access token"},
            {"token-expires", "DATE", "when the token ends; doctor warns before"},
        },
    .args_min = 1,
    .args_max = 1,
    .network = true,
    .run = run_token,
};
