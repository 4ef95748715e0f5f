/* identities.c: what is shared by all that Jira proves to us and we prove to Jira. */
#include "connect/identities.h"

#include "connect/bearers.h"
#include "http/url.h"

/* The URLs of a list split by spaces, as key sources want them; kept in `copy`. */
static enum err_class read_urls(const char *list, char **copy, struct key_source_options *options,
                                struct err *err)
{
    size_t count = 0;

    *copy = str_dup_z(str_from(list));
    if (!*copy)
        return err_memory(err);
    for (char *at = *copy; *at;) {
        size_t len = strcspn(at, " ");

        if (len > 0 && count == KEYS_URLS_MAX)
            return err_set(err, ERR_INPUT, "at most %d addresses of keys may be listed",
                           KEYS_URLS_MAX);
        if (len > 0)
            options->urls[count++] = at;
        at += len;
        if (*at)
            *at++ = '\0';
    }
    if (count == 0)
        return err_set(err, ERR_INPUT, "the address of Atlassian's keys is empty");
    return ERR_OK;
}

static enum err_class open_keys(const struct identities_options *options, enum keys_kind kind,
                                const char *urls, struct key_source **ret, struct err *err)
{
    struct key_source_options source = {
        .kind = kind, .allow_http = options->allow_http, .allow_private = options->allow_private};
    AUTO(free_autop) char *copy = NULL;
    enum err_class rc = read_urls(urls, &copy, &source, err);

    return rc == ERR_OK ? key_source_new(&source, ret, err) : rc;
}

static enum err_class open_all(struct identities *ids, struct err *err)
{
    const struct identities_options *options = &ids->options;
    struct url_parts url = {0};
    enum err_class rc = ERR_OK;

    ids->recall = recall_new(ids->ctx);
    ids->bearers = bearers_new(ids->ctx);
    if (!ids->recall || !ids->bearers)
        return err_memory(err);
    if (options->public_url[0]) {
        rc = url_split(str_from(options->public_url), &url, err);
        ids->base_path = url.rest;
        if (rc == ERR_OK)
            rc = open_keys(options, KEYS_PEM, options->install_keys_url, &ids->install_keys, err);
        if (rc != ERR_OK)
            return err_wrap(err, "connect.install_keys_url");
    }
    if (options->forge_app_id[0]) {
        rc = open_keys(options, KEYS_JWKS, options->forge_jwks_url, &ids->forge_keys, err);
        if (rc != ERR_OK)
            return err_wrap(err, "forge.jwks_url");
    }
    return ERR_OK;
}

enum err_class identities_new(const struct ctx *ctx, const struct identities_options *options,
                              struct identities **ret, struct err *err)
{
    AUTO(identities_free_autop) struct identities *ids = calloc(1, sizeof(*ids));
    enum err_class rc;

    if (!ids)
        return err_memory(err);
    ids->ctx = ctx;
    ids->options = *options;
    rc = open_all(ids, err);
    if (rc == ERR_OK)
        *ret = TAKE(ids);
    return rc;
}

void identities_free(struct identities *ids)
{
    if (!ids)
        return;
    bearers_free(ids->bearers);
    recall_free(ids->recall);
    key_source_free(ids->install_keys);
    key_source_free(ids->forge_keys);
    free(ids);
}

void identities_forget_tenant(struct identities *ids, const char *tenant)
{
    recall_forget_tenant(ids->recall, tenant);
    bearers_forget(ids->bearers, tenant);
}
