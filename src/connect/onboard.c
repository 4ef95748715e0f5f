/* onboard.c: the questions before a site becomes a tenant. */
#include "connect/onboard.h"

#include "http/url.h"
#include "jira/groups.h"

const struct onboard_words onboard_cli_words = {
    .http = "add --allow-http",
    .name = "give it with --name",
    .cloud = "--email and --token-file",
    .datacenter = "--pat-file",
};
const struct onboard_words onboard_api_words = {
    .http = "set allow_http",
    .name = "give one in `name`",
    .cloud = "an e-mail address and an API token",
    .datacenter = "a personal access token alone",
};

/* "acme" for https://acme.atlassian.net and https://jira.acme.internal. */
static void suggest_name(const struct url_base *url, char *ret, size_t len)
{
    static const char *const generic[] = {"jira", "www", "issues", "tracker"};
    struct str host = str_from(url->host), rest = {NULL, 0};
    struct str label = str_cut(host, '.', &rest);
    bool number = parse_u32(label, 0, 255, &(uint32_t){0}) || url->host[0] == '[';

    for (size_t i = 0; i < ARRAY_LEN(generic) && !number; i++)
        if (str_eq_z(label, generic[i]) && rest.len > 0)
            label = str_cut(rest, '.', &(struct str){0});
    (void)snprintf(ret, len, STR_FMT, STR_ARG(number ? host : label));
    for (char *at = ret; *at; at++)
        if (*at == '.' || *at == ':')
            *at = at == ret ? 'h' : '-'; /* a name begins with a letter or a digit */
}

enum err_class onboard_info(const struct onboarding *asked, struct tenant_info *ret,
                            struct err *err)
{
    struct url_base url = {0};
    enum err_class rc = url_parse_base(asked->url, &url, err);

    if (rc != ERR_OK)
        return rc;
    ret->allow_http = asked->allow_http;
    ret->allow_private = asked->allow_private;
    if (!url.https && !asked->allow_http)
        return err_set(err, ERR_INPUT,
                       "%s is not https: the token would travel in the clear; use https, or %s if "
                       "you are sure",
                       url.text, asked->words->http);
    (void)snprintf(ret->base_url, sizeof(ret->base_url), "%s", url.text);
    if (asked->name.len > 0)
        (void)snprintf(ret->name, sizeof(ret->name), STR_FMT, STR_ARG(asked->name));
    else
        suggest_name(&url, ret->name, sizeof(ret->name));
    if (tenant_name_is_valid(asked->name.len > 0 ? asked->name : str_from(ret->name)))
        return ERR_OK;
    return err_set(err, ERR_INPUT,
                   "%s is not a name for a tenant: use a-z, 0-9, - and _, at most %d, and %s",
                   ret->name, LIMIT_TENANT_NAME_BYTES, asked->words->name);
}

/* What is used: to look people up; to ask what others may see. */
static enum err_class find_missing(struct jira *jira, struct strbuf *ret, struct err *err)
{
    static const char *const wanted[] = {"ADMINISTER", "USER_PICKER", NULL};
    bool has[ARRAY_LEN(wanted)] = {false};
    enum err_class rc = jira_my_permissions(jira, wanted, has, err);

    for (size_t i = 0; wanted[i] && rc == ERR_OK; i++)
        if (!has[i])
            strbuf_addf(ret, "%s%s", ret->len ? " " : "", wanted[i]);
    return rc;
}

static enum err_class check_kind(struct link *link, struct tenant_info *info, bool bearer,
                                 const struct onboard_words *words, struct err *err)
{
    struct jira_server server = {0};
    enum err_class rc = jira_server_info(&link->jira, &server, err);

    if (rc == ERR_NOT_FOUND)
        return err_set(err, ERR_REMOTE,
                       "%s answers, but has no Jira there (404 for its serverInfo): check the "
                       "address; a Data Center may need its context path, like /jira",
                       info->base_url);
    if (rc != ERR_OK)
        return rc;
    info->kind = server.cloud ? TENANT_CLOUD : TENANT_DATACENTER;
    link->jira.datacenter = !server.cloud;
    if (server.cloud && bearer)
        return err_set(err, ERR_INPUT, "%s is Jira Cloud, which takes %s instead of %s",
                       info->base_url, words->cloud, words->datacenter);
    if (!server.cloud && !bearer)
        return err_set(err, ERR_INPUT,
                       "%s is Jira Data Center, which takes %s (a personal access token) instead "
                       "of %s",
                       info->base_url, words->datacenter, words->cloud);
    return ERR_OK;
}

enum err_class onboard_check(const struct ctx *ctx, struct tenant_info *info,
                             const struct tenant_credential *credential,
                             const struct onboard_words *words, struct strbuf *ret_account,
                             struct strbuf *ret_missing, struct err *err)
{
    struct link link;
    bool bearer = credential->login.len == 0;
    enum err_class rc;

    info->kind = TENANT_DATACENTER; /* the v2 path of serverInfo is there on both */
    rc = link_init(&link, ctx, info, credential, err);
    if (rc != ERR_OK)
        return rc;
    link.jira.http.tries_max = 1; /* a person waits, and an address may be mistyped */
    rc = check_kind(&link, info, bearer, words, err);
    if (rc == ERR_OK)
        rc = jira_myself(&link.jira, ret_account, err);
    if (rc == ERR_DENIED)
        rc = err_set(err, ERR_DENIED,
                     "%s refuses the credential (401): check %s, and whether the token has expired "
                     "or was revoked",
                     info->base_url, bearer ? words->datacenter : words->cloud);
    if (rc == ERR_OK && ret_missing)
        rc = find_missing(&link.jira, ret_missing, err);
    link_done(&link);
    return rc;
}
