/*
 * report_way.c: the app's own way to Atlassian's API for the personal data report.
 *
 * An enabled Connect installation goes first: its signature can be made at any time. The Forge
 * token is sent as it came, and not once its time is over: a refused one would look like an attack.
 */
#include "daemon/report_way.h"

#include "vault/vault.h"

#define PURPOSE "personal data report"

static enum err_class open_connect(const struct ctx *ctx, struct tenant *tenant,
                                   struct report_way *ret, struct err *err)
{
    enum err_class rc =
        connect_install_load(tenant, (struct str){NULL, 0}, PURPOSE, &ret->install, err);

    if (rc != ERR_OK)
        return rc;
    ret->caller = (struct connect_caller){ctx, &ret->install};
    ret->client.authorize = connect_authorize;
    ret->client.authorize_arg = &ret->caller;
    return ERR_OK;
}

static enum err_class open_forge(const struct ctx *ctx, struct tenant *tenant,
                                 struct report_way *ret, enum report_way_end *ret_end,
                                 struct err *err)
{
    struct forge_install forge = {0};
    enum err_class rc = forge_install_load(tenant, (struct str){NULL, 0}, PURPOSE, &forge, err);

    if (rc != ERR_OK)
        return rc;
    if (forge.system_token.len == 0 || forge.system_token_until_ms <= ctx_now_ms(ctx)) {
        *ret_end = REPORT_WAY_NO_TOKEN;
    } else {
        (void)strbuf_grow(&ret->bearer, 2 * LIMIT_SECRET_BYTES); /* once: no copy stays behind */
        strbuf_reset(&ret->bearer);
        strbuf_add_z(&ret->bearer, "Bearer ");
        strbuf_add_str(&ret->bearer, strbuf_str(&forge.system_token));
        ret->client.authorization = strbuf_z(&ret->bearer);
        rc = strbuf_check(&ret->bearer, "the app's token", err);
    }
    forge_install_done(&forge);
    return rc;
}

enum err_class report_way_open(const struct ctx *ctx, const struct config *config,
                               struct tenant *tenant, struct report_way *ret,
                               enum report_way_end *ret_end, struct err *err)
{
    static const struct http_budget_options open_budget = {0};
    enum report_way_end end = REPORT_WAY_OPEN;

    *ret = (struct report_way){.bearer = STRBUF_INIT(2 * LIMIT_SECRET_BYTES)};
    ret->client = (struct http_client){.ctx = ctx,
                                       .budget = http_budget_new(&open_budget),
                                       .base_url = config->oauth.api_url,
                                       .allow_http = config->remote.allow_http,
                                       .allow_private = config->remote.allow_private};
    if (!ret->client.budget)
        return err_memory(err);

    enum err_class rc = open_connect(ctx, tenant, ret, err);

    if (rc == ERR_NOT_FOUND)
        rc = open_forge(ctx, tenant, ret, &end, err);
    if (rc == ERR_NOT_FOUND) {
        *err = (struct err){0};
        end = REPORT_WAY_NO_APP;
        rc = ERR_OK;
    }
    if (rc == ERR_OK)
        *ret_end = end;
    return rc;
}

void report_way_done(struct report_way *way)
{
    http_budget_free(way->client.budget);
    connect_install_done(&way->install);
    vault_wipe(&way->bearer);
}
