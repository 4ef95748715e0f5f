/*
 * link.c: from a tenant to calls of its Jira.
 *
 * API-token and PAT traffic is exempt from Atlassian's hourly points and bound by bursts per second
 * and method (Cloud's published defaults). A Data Center sets its own limits and tells them in its
 * answers.
 */
#include "connect/link.h"

#include "base/limits.h"

static const struct http_budget_options cloud_budget = {
    .burst_per_second = {[HTTP_GET] = 100, [HTTP_POST] = 100, [HTTP_PUT] = 50, [HTTP_DELETE] = 50},
};
static const struct http_budget_options open_budget = {0};

static bool is_atlassian(struct str base_url)
{
    struct str host = str_sub(base_url, sizeof("https://") - 1, base_url.len);
    struct str path;

    host = str_cut(host, '/', &path);
    return str_ends(host, STR(".atlassian.net")) || str_eq(host, STR("api.atlassian.com"));
}

struct http_budget *link_budget_new(const struct tenant_info *info)
{
    return http_budget_new(is_atlassian(str_from(info->base_url)) ? &cloud_budget : &open_budget);
}

/* `budget` NULL: one of its own. */
static enum err_class init(struct link *link, const struct ctx *ctx, const struct tenant_info *info,
                           const struct tenant_credential *credential, struct http_budget *budget,
                           struct err *err)
{
    *link = (struct link){.authorization = STRBUF_INIT(4 * LIMIT_SECRET_BYTES)};
    link->budget_owned = budget == NULL;
    link->budget = budget ? budget : link_budget_new(info);
    if (!link->budget)
        return err_memory(err);
    jira_authorization(strbuf_str(&credential->login), strbuf_str(&credential->token),
                       &link->authorization);

    enum err_class rc = strbuf_check(&link->authorization, "the credential", err);

    if (rc != ERR_OK) {
        link_done(link);
        return rc;
    }
    link->jira = (struct jira){
        .http =
            {
                .ctx = ctx,
                .budget = link->budget,
                .base_url = info->base_url,
                .authorization = strbuf_z(&link->authorization),
                .allow_http = info->allow_http,
                .allow_private = info->allow_private,
            },
        .datacenter = info->kind == TENANT_DATACENTER,
    };
    return ERR_OK;
}

enum err_class link_init(struct link *link, const struct ctx *ctx, const struct tenant_info *info,
                         const struct tenant_credential *credential, struct err *err)
{
    return init(link, ctx, info, credential, NULL, err);
}

enum err_class link_open_as(struct link *link, struct tenant *tenant, const struct link_as *as,
                            const char *purpose, struct err *err)
{
    struct tenant_credential credential = {0};
    enum err_class rc = tenant_credential_load(tenant, purpose, &credential, err);

    if (rc != ERR_OK)
        return rc;
    rc = init(link, tenant->ctx, &tenant->info, &credential, as->budget, err);
    tenant_credential_done(&credential);
    return rc;
}

enum err_class link_open(struct link *link, struct tenant *tenant, const char *purpose,
                         struct err *err)
{
    const struct link_as own = {NULL, NULL};

    return link_open_as(link, tenant, &own, purpose, err);
}

void link_done(struct link *link)
{
    if (link->budget_owned)
        http_budget_free(link->budget);
    vault_wipe(&link->authorization);
    *link = (struct link){0};
}
