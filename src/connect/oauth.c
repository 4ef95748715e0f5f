/*
 * oauth.c: signing in with Jira.
 *
 * Nothing is kept between the two halves of a sign-in: `state` carries the tenant, where to go on
 * and an end, under a keyed digest that also covers a random cookie of this browser. So an answer
 * that somebody else began does not fit (RFC 6749, 10.12), any process can finish what another one
 * began, and nobody can fill our memory by beginning. A second use fails at Atlassian: a code works
 * once.
 *
 * PKCE is left out: our client has a secret, and Atlassian does not say that it takes a challenge.
 */
#include "connect/oauth_internal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/disk.h"
#include "base/log.h"
#include "http/url.h"

#define COOKIE_NAME "tenon_sign_in"
#define STATE_BYTES_MAX 2048
#define CODE_BYTES_MAX 4096
#define SCOPES "offline_access read:jira-work write:jira-work read:jira-user"
#define AUDIENCE "api.atlassian.com"
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* ---- The object ---- */

static enum err_class check_url(const char *name, const char *url, bool allow_http, struct err *err)
{
    struct url_parts parts;

    if (url_split(str_from(url), &parts, err) != ERR_OK)
        return err_wrap(err, "%s", name);
    if (!parts.https && !allow_http)
        return err_set(err, ERR_INPUT, "%s is not https: tokens would travel in the clear", name);
    return ERR_OK;
}

/* *ret_public: the normal form of public_url. */
static enum err_class check_options(const struct oauth_options *options,
                                    struct url_base *ret_public, struct err *err)
{
    enum err_class rc =
        check_url("oauth.authorize_url", options->authorize_url, options->allow_http, err);

    if (rc == ERR_OK)
        rc = check_url("oauth.token_url", options->token_url, options->allow_http, err);
    if (rc == ERR_OK)
        rc = check_url("oauth.api_url", options->api_url, options->allow_http, err);
    if (rc == ERR_OK && !options->public_url[0])
        return err_set(err, ERR_INPUT,
                       "sign-in with Jira (oauth.client_id) needs server.public_url: Atlassian "
                       "sends people back to it");
    if (rc == ERR_OK && url_parse_base(str_from(options->public_url), ret_public, err) != ERR_OK)
        rc = err_wrap(err, "server.public_url");
    if (rc == ERR_OK && !options->client_secret_file[0])
        rc = err_set(err, ERR_INPUT,
                     "oauth.client_id is set, and oauth.client_secret_file is not: name the file "
                     "that holds the app's secret");
    return rc;
}

static enum err_class read_secret(struct oauth *oauth, const char *path, struct err *err)
{
    struct strbuf raw = STRBUF_INIT(LIMIT_SECRET_BYTES);
    enum err_class rc = disk_read(oauth->ctx, path, &raw, err);
    struct str text = str_trim(strbuf_str(&raw));

    if (rc != ERR_OK)
        err_wrap(err, "oauth.client_secret_file");
    else if (text.len == 0)
        rc = err_set(err, ERR_INPUT,
                     "oauth.client_secret_file: %s is empty; put the secret of the "
                     "OAuth app into it",
                     path);
    if (rc == ERR_OK)
        strbuf_add_str(&oauth->client_secret, text);
    vault_wipe(&raw);
    return rc;
}

enum err_class oauth_new(const struct ctx *ctx, struct store_pool *pool,
                         const struct oauth_options *options, struct oauth **ret, struct err *err)
{
    static const struct http_budget_options open_budget = {0};
    AUTO(oauth_free_autop) struct oauth *oauth = calloc(1, sizeof(*oauth));
    struct url_base public_url = {0}, api_url = {0};
    enum err_class rc = check_options(options, &public_url, err);

    if (rc == ERR_OK && url_parse_base(str_from(options->api_url), &api_url, err) != ERR_OK)
        rc = err_wrap(err, "oauth.api_url");
    if (rc != ERR_OK)
        return rc;
    if (!oauth)
        return err_memory(err);
    *oauth = (struct oauth){.ctx = ctx,
                            .pool = pool,
                            .client_id = strdup(options->client_id),
                            .authorize_url = strdup(options->authorize_url),
                            .token_url = strdup(options->token_url),
                            .api_url = strdup(api_url.text),
                            .public_url = strdup(public_url.text),
                            .allow_http = options->allow_http,
                            .allow_private = options->allow_private,
                            .client_secret = STRBUF_INIT(LIMIT_SECRET_BYTES),
                            .budget = http_budget_new(&open_budget),
                            .table = access_table_new()};
    if (!oauth->client_id || !oauth->authorize_url || !oauth->token_url || !oauth->api_url ||
        !oauth->public_url || !oauth->budget || !oauth->table)
        return err_memory(err);
    rc = read_secret(oauth, options->client_secret_file, err);
    if (rc == ERR_OK)
        *ret = TAKE(oauth);
    return rc;
}

void oauth_free(struct oauth *oauth)
{
    if (!oauth)
        return;
    free(oauth->client_id);
    free(oauth->authorize_url);
    free(oauth->token_url);
    free(oauth->api_url);
    free(oauth->public_url);
    vault_wipe(&oauth->client_secret);
    http_budget_free(oauth->budget);
    access_table_free(oauth->table);
    free(oauth);
}

/* ---- The cookie ---- */

/* secret "": takes it back. */
static void put_cookie(const struct oauth *oauth, const char *secret,
                       char ret[OAUTH_COOKIE_BYTES + 1])
{
    bool secure = str_starts(str_from(oauth->public_url), STR("https://"));

    /* Lax: it comes along when Atlassian sends the browser back. */
    (void)snprintf(ret, OAUTH_COOKIE_BYTES + 1,
                   COOKIE_NAME "=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s", secret,
                   (long long)(secret[0] ? OAUTH_SIGN_IN_MS / 1000 : 0), secure ? "; Secure" : "");
}

/* The first of the name; one that somebody planted does not fit the state. */
static struct str find_cookie(struct str header)
{
    while (header.len > 0) {
        struct str rest = {NULL, 0}, value = {NULL, 0};

        if (str_eq_z(str_trim(str_cut(str_trim(str_cut(header, ';', &rest)), '=', &value)),
                     COOKIE_NAME) &&
            secret_is_well_formed(str_trim(value)))
            return str_trim(value);
        header = rest;
    }
    return (struct str){NULL, 0};
}

/* ---- The state: "<end>.<tenant's id>.<path>.<digest>" ---- */

/* A path of ours: never another host's, however a browser reads it. */
static bool is_local_path(struct str path)
{
    if (path.len == 0 || path.len > OAUTH_RETURN_BYTES || path.ptr[0] != '/')
        return false;
    if (path.len > 1 && path.ptr[1] == '/')
        return false;
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] <= 0x20 || (unsigned char)path.ptr[i] >= 0x7f ||
            path.ptr[i] == '\\')
            return false;
    return true;
}

/* Over the state's first parts and the browser's cookie, with a key of the control root. */
static enum err_class state_digest(struct oauth *oauth, struct str parts, struct str cookie,
                                   char ret[SECRET_TEXT_BYTES + 1], struct err *err)
{
    struct strbuf text = STRBUF_INIT(STATE_BYTES_MAX + SECRET_TEXT_BYTES + 1);
    unsigned char digest[VAULT_DIGEST_BYTES];
    struct data *data = NULL;
    enum err_class rc;

    strbuf_add_str(&text, cookie);
    strbuf_add_char(&text, '.');
    strbuf_add_str(&text, parts);
    rc = strbuf_check(&text, "the state of a sign-in", err);
    if (rc == ERR_OK)
        rc = store_pool_data(oauth->pool, &data, err);
    if (rc == ERR_OK) {
        vault_digest_lasting(data->vault, "sign_in", "state", strbuf_str(&text), digest);
        (void)sodium_bin2base64(ret, SECRET_TEXT_BYTES + 1, digest, sizeof(digest), VARIANT);
    }
    store_pool_give_data(oauth->pool, data);
    strbuf_done(&text);
    return rc;
}

static enum err_class make_state(struct oauth *oauth, const char *tenant, struct str path,
                                 struct str cookie, struct strbuf *ret, struct err *err)
{
    char digest[SECRET_TEXT_BYTES + 1];
    size_t len = sodium_base64_ENCODED_LEN(path.len, VARIANT);
    char *at;
    enum err_class rc;

    strbuf_addf(ret, "%" PRId64 ".%s.", ctx_now_ms(oauth->ctx) + OAUTH_SIGN_IN_MS, tenant);
    at = strbuf_grow(ret, len - 1); /* the buffer keeps a final NUL of its own */
    if (at)
        (void)sodium_bin2base64(at, len, (const unsigned char *)path.ptr, path.len, VARIANT);
    rc = state_digest(oauth, strbuf_str(ret), cookie, digest, err);
    if (rc != ERR_OK)
        return rc;
    strbuf_add_char(ret, '.');
    strbuf_add_z(ret, digest);
    return strbuf_check(ret, "the state of a sign-in", err);
}

struct state {
    char tenant[TENANT_ID_BYTES + 1];
    char path[OAUTH_RETURN_BYTES + 1];
};

static enum err_class not_ours(struct err *err)
{
    return err_set(err, ERR_USAGE,
                   "this is not the answer to a sign-in that this browser began in the last ten "
                   "minutes; begin again");
}

/* Its parts, once the digest is known to be ours. */
static bool take_apart(struct oauth *oauth, struct str parts, struct state *ret)
{
    struct str rest = {NULL, 0}, path = {NULL, 0};
    struct str end = str_cut(parts, '.', &rest), tenant = str_cut(rest, '.', &path);
    int64_t end_ms = 0;
    size_t len = 0;

    if (!parse_i64(end, 0, INT64_MAX, &end_ms) || ctx_now_ms(oauth->ctx) >= end_ms ||
        tenant.len != TENANT_ID_BYTES ||
        sodium_base642bin((unsigned char *)ret->path, OAUTH_RETURN_BYTES, path.ptr, path.len, NULL,
                          &len, NULL, VARIANT) != 0)
        return false;
    ret->path[len] = '\0';
    (void)snprintf(ret->tenant, sizeof(ret->tenant), STR_FMT, STR_ARG(tenant));
    return true;
}

static enum err_class check_state(struct oauth *oauth, const struct oauth_answer *answer,
                                  struct state *ret, struct err *err)
{
    struct str cookie = find_cookie(answer->cookie);
    size_t parts = answer->state.len - SECRET_TEXT_BYTES - 1;
    char digest[SECRET_TEXT_BYTES + 1];
    enum err_class rc;

    if (answer->state.len > STATE_BYTES_MAX || answer->state.len <= SECRET_TEXT_BYTES + 1 ||
        answer->state.ptr[parts] != '.' || cookie.len == 0)
        return not_ours(err);
    rc = state_digest(oauth, str_sub(answer->state, 0, parts), cookie, digest, err);
    if (rc != ERR_OK)
        return rc;
    if (!secret_equal(str_sub(answer->state, parts + 1, SECRET_TEXT_BYTES), str_from(digest)) ||
        !take_apart(oauth, str_sub(answer->state, 0, parts), ret))
        return not_ours(err);
    return ERR_OK;
}

/* ---- Beginning ---- */

struct only {
    struct tenant_info info;
    size_t count;
};

static enum err_class count_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    struct only *only = arg;

    (void)err;
    only->info = *info;
    only->count++;
    return ERR_OK;
}

/* Anybody may ask: so the names of the others are not told. */
static enum err_class find_tenant(struct oauth *oauth, struct str name, struct tenant_info *ret,
                                  struct err *err)
{
    struct data *data = NULL;
    struct only only = {.count = 0};
    enum err_class rc = store_pool_data(oauth->pool, &data, err);

    if (rc == ERR_OK && name.len > 0) {
        rc = tenant_find(data, name, &only.info, err);
        only.count = 1;
    } else if (rc == ERR_OK) {
        rc = tenant_each(data, count_tenant, &only, err);
    }
    store_pool_give_data(oauth->pool, data);
    if (rc == ERR_NOT_FOUND || (rc == ERR_OK && only.count != 1))
        return err_set(err, ERR_NOT_FOUND,
                       "there is no such Jira site here; sign in by the address that your "
                       "administrator gave you, with tenant=NAME in it");
    if (rc == ERR_OK && only.info.kind != TENANT_CLOUD)
        return err_set(err, ERR_INPUT,
                       "%s is a Jira Data Center, which people cannot sign in with; ask the "
                       "administrator for an API token",
                       only.info.name);
    if (rc == ERR_OK)
        *ret = only.info;
    return rc;
}

enum err_class oauth_begin(struct oauth *oauth, struct str tenant, struct str return_path,
                           struct strbuf *ret_location, char ret_cookie[OAUTH_COOKIE_BYTES + 1],
                           struct err *err)
{
    struct strbuf state = STRBUF_INIT(STATE_BYTES_MAX), redirect = STRBUF_INIT(LIMIT_URL_BYTES);
    char secret[SECRET_TEXT_BYTES + 1];
    struct tenant_info info = {0};
    enum err_class rc = find_tenant(oauth, tenant, &info, err);

    if (rc != ERR_OK)
        return rc;
    secret_new(oauth->ctx, secret);
    rc = make_state(oauth, info.id, is_local_path(return_path) ? return_path : STR("/"),
                    str_from(secret), &state, err);
    if (rc == ERR_OK) {
        strbuf_addf(&redirect, "%s/auth/jira/callback", oauth->public_url);
        strbuf_add_z(ret_location, oauth->authorize_url);
        url_add_query(ret_location, "audience", STR(AUDIENCE));
        url_add_query(ret_location, "client_id", str_from(oauth->client_id));
        url_add_query(ret_location, "scope", STR(SCOPES));
        url_add_query(ret_location, "redirect_uri", strbuf_str(&redirect));
        url_add_query(ret_location, "state", strbuf_str(&state));
        url_add_query(ret_location, "response_type", STR("code"));
        url_add_query(ret_location, "prompt", STR("consent"));
        rc = strbuf_check(ret_location, "the address of Jira's consent page", err);
    }
    if (rc == ERR_OK)
        put_cookie(oauth, secret, ret_cookie);
    sodium_memzero(secret, sizeof(secret));
    strbuf_done(&state);
    strbuf_done(&redirect);
    return rc;
}

/* ---- Finishing ---- */

/* Asks who it is and stores the consent. */
static enum err_class take_person(struct oauth *oauth, struct tenant *tenant,
                                  const struct oauth_tokens *tokens, struct oauth_person *ret,
                                  struct err *err)
{
    struct str access = strbuf_str(&tokens->access);
    char cloud_id[CLOUD_ID_BYTES + 1];
    enum err_class rc = oauth_find_site(oauth, access, tenant->info.base_url, cloud_id, err);

    if (rc == ERR_OK)
        rc = oauth_myself(oauth, access, cloud_id, ret->account, err);
    if (rc == ERR_OK)
        rc = oauth_grant_put(tenant, ret->account, cloud_id, tokens, err);
    if (rc == ERR_OK)
        oauth_access_put(oauth, tenant->info.id, ret->account, cloud_id, tokens);
    return rc;
}

static enum err_class finish(struct oauth *oauth, const struct oauth_answer *answer,
                             const struct state *state, struct oauth_person *ret, struct err *err)
{
    struct oauth_tokens tokens = {0};
    struct tenant *tenant = NULL;
    enum err_class rc;

    if (answer->error.len > 0)
        return err_set(err, ERR_DENIED, "Jira did not let you in: consent was not given");
    if (answer->code.len == 0 || answer->code.len > CODE_BYTES_MAX)
        return not_ours(err);
    rc = store_pool_tenant(oauth->pool, str_from(state->tenant), &tenant, err);
    if (rc == ERR_OK)
        rc = oauth_exchange(oauth, answer->code, &tokens, err);
    if (rc == ERR_OK)
        rc = take_person(oauth, tenant, &tokens, ret, err);
    store_pool_give_tenant(oauth->pool, tenant);
    oauth_tokens_done(&tokens);
    return rc;
}

enum err_class oauth_finish(struct oauth *oauth, const struct oauth_answer *answer,
                            struct oauth_person *ret, char ret_cookie[OAUTH_COOKIE_BYTES + 1],
                            struct err *err)
{
    struct oauth_person person = {0};
    struct state state;
    enum err_class rc = check_state(oauth, answer, &state, err);

    put_cookie(oauth, "", ret_cookie);
    if (rc == ERR_OK)
        rc = finish(oauth, answer, &state, &person, err);
    LOG(oauth->ctx, LOG_INFO, "jira_sign_in", LOG_NAME("class", err_class_name(rc)),
        LOG_IDENT("tenant", rc == ERR_OK ? state.tenant : "unknown"));
    if (rc != ERR_OK)
        return rc;
    memcpy(person.tenant, state.tenant, sizeof(person.tenant));
    (void)snprintf(person.location, sizeof(person.location), "%s%s", oauth->public_url, state.path);
    *ret = person;
    return ERR_OK;
}
