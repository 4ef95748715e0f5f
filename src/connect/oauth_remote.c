/*
 * oauth_remote.c: Atlassian's side of 3LO: the token endpoint and what tells who somebody is.
 *
 * The token endpoint is called over the bare network (http/net.h): its errors are told in the body
 * of a 4xx, which the client for typed calls does not hand out. A code works once and is sent once.
 * A refresh whose answer was lost is sent once more: the old token is good for ten minutes after
 * its replacement.
 */
#include "connect/oauth_internal.h"

#include <sodium.h>

#include "base/json.h"
#include "http/url.h"
#include "jira/jira.h"

#define TOKEN_CALL_MS 10000 /* twice at most, within a claim */
#define TOKEN_BODY_BYTES (64 * 1024)
#define REQUEST_BYTES (4 * LIMIT_SECRET_BYTES)
#define TOKEN_LIFE_MAX_S (24 * 60 * 60)
#define SITES_BODY_BYTES (1024 * 1024)

void oauth_tokens_done(struct oauth_tokens *tokens)
{
    vault_wipe(&tokens->access);
    vault_wipe(&tokens->refresh);
    *tokens = (struct oauth_tokens){0};
}

bool oauth_site_url(const struct oauth *oauth, const char *cloud_id, char ret[LIMIT_URL_BYTES + 1])
{
    int len = snprintf(ret, LIMIT_URL_BYTES + 1, "%s/ex/jira/%s", oauth->api_url, cloud_id);

    return len > 0 && len <= LIMIT_URL_BYTES;
}

static void net_response_autop(struct net_response *response)
{
    if (response->body.ptr)
        sodium_memzero(response->body.ptr, response->body.room);
    net_response_done(response);
}

/* ---- The token endpoint ---- */

static enum err_class post(struct oauth *oauth, struct str body, struct net_response *ret,
                           struct err *err)
{
    const struct ctx *ctx = oauth->ctx;
    const struct net_request request = {
        .method = HTTP_POST,
        .url = oauth->token_url,
        .content_type = "application/json",
        .body = body,
        .headers = {{"Accept", "application/json"}},
        .body_max = TOKEN_BODY_BYTES,
        .total_ms = TOKEN_CALL_MS,
        .allow_http = oauth->allow_http,
        .allow_private = oauth->allow_private,
        .once = true,
    };
    struct net_call *call = NULL;
    enum err_class rc = ctx->net->start(ctx->net_self, ctx, &request, &call, err);

    return rc == ERR_OK ? ctx->net->finish(ctx->net_self, ctx, call, ret, err) : rc;
}

/* A word of RFC 6749, 5.2, for a message; anything else is not repeated. */
static struct str error_word(yyjson_val *root)
{
    struct str word = json_str(root, "error");

    for (size_t i = 0; i < word.len; i++)
        if (!((word.ptr[i] >= 'a' && word.ptr[i] <= 'z') || word.ptr[i] == '_'))
            return STR("an error of its own");
    return word.len > 0 && word.len <= 64 ? word : STR("no reason");
}

static enum err_class refused(const struct oauth *oauth, int status, yyjson_val *root,
                              struct err *err)
{
    char origin[256];

    url_show_origin(str_from(oauth->token_url), origin, sizeof(origin));
    if (status == 429 || status == 503)
        return err_set(err, ERR_BUSY, "%s says: later (%d)", origin, status);
    if (status >= 500)
        return err_set(err, ERR_NETWORK, "%s fails to make tokens (%d); try again later", origin,
                       status);
    if (str_eq_z(json_str(root, "error"), "invalid_grant"))
        return err_set(err, ERR_DENIED, "%s does not take the code or token any more", origin);
    if (status >= 400)
        return err_set(err, ERR_KEY,
                       "%s refuses this server (%d, " STR_FMT "): check oauth.client_id, "
                       "oauth.client_secret_file and the callback URL of the app",
                       origin, status, STR_ARG(error_word(root)));
    return err_set(err, ERR_REMOTE,
                   "%s answers %d, which no token endpoint does; check "
                   "oauth.token_url",
                   origin, status);
}

static enum err_class take_tokens(const struct oauth *oauth, yyjson_val *root,
                                  struct oauth_tokens *ret, struct err *err)
{
    struct str access = json_str(root, "access_token"), scope = json_str(root, "scope");
    int64_t life_s = 0;

    if (access.len == 0 || !json_i64(root, "expires_in", &life_s) || life_s < 1)
        return err_set(err, ERR_REMOTE,
                       "%s answers without a token or its end; check oauth.token_url",
                       oauth->token_url);
    /* It becomes a header's value. */
    for (size_t i = 0; i < access.len; i++)
        if ((unsigned char)access.ptr[i] <= 0x20 || (unsigned char)access.ptr[i] >= 0x7f)
            return err_set(err, ERR_REMOTE, "%s answers with something that is no token",
                           oauth->token_url);
    strbuf_add_str(&ret->access, access);
    strbuf_add_str(&ret->refresh, json_str(root, "refresh_token"));
    ret->life_ms = 1000 * (life_s < TOKEN_LIFE_MAX_S ? life_s : TOKEN_LIFE_MAX_S);
    (void)snprintf(ret->scopes, sizeof(ret->scopes), STR_FMT,
                   STR_ARG(str_sub(scope, 0, sizeof(ret->scopes) - 1)));
    if (strbuf_check(&ret->access, "an access token", err) != ERR_OK)
        return err->class;
    return strbuf_check(&ret->refresh, "a refresh token", err);
}

static enum err_class ask(struct oauth *oauth, struct str body, struct oauth_tokens *ret,
                          struct err *err)
{
    AUTO(net_response_autop) struct net_response response = {0};
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct err ignored = {0};
    enum err_class rc = post(oauth, body, &response, err);

    if (rc != ERR_OK)
        return rc;
    if (response.status != 200) {
        /* An error page of a proxy is no JSON: the status is what counts then. */
        err_ignore(
            json_read(strbuf_str(&response.body), "the token endpoint's answer", &doc, &ignored));
        return refused(oauth, response.status, yyjson_doc_get_root(doc), err);
    }
    rc = json_read(strbuf_str(&response.body), "the token endpoint's answer", &doc, err);
    if (rc == ERR_OK) {
        *ret = (struct oauth_tokens){.access = STRBUF_INIT(LIMIT_SECRET_BYTES),
                                     .refresh = STRBUF_INIT(LIMIT_SECRET_BYTES)};
        rc = take_tokens(oauth, yyjson_doc_get_root(doc), ret, err);
        if (rc != ERR_OK)
            oauth_tokens_done(ret);
    }
    return rc;
}

/* What both kinds of requests have; the caller ends the object and wipes. */
static void put_client(const struct oauth *oauth, struct json_out *json, const char *grant_type)
{
    json_object(json);
    json_key(json, "grant_type");
    json_put_z(json, grant_type);
    json_key(json, "client_id");
    json_put_z(json, oauth->client_id);
    json_key(json, "client_secret");
    json_put_str(json, strbuf_str(&oauth->client_secret));
}

enum err_class oauth_exchange(struct oauth *oauth, struct str code, struct oauth_tokens *ret,
                              struct err *err)
{
    struct strbuf body = STRBUF_INIT(REQUEST_BYTES), redirect = STRBUF_INIT(2 * LIMIT_URL_BYTES);
    struct json_out json = json_out(&body);
    enum err_class rc;

    strbuf_addf(&redirect, "%s/auth/jira/callback", oauth->public_url);
    put_client(oauth, &json, "authorization_code");
    json_key(&json, "code");
    json_put_str(&json, code);
    json_key(&json, "redirect_uri");
    json_put_str(&json, strbuf_str(&redirect));
    json_object_end(&json);
    rc = strbuf_check(&body, "the request for tokens", err);
    if (rc == ERR_OK)
        rc = ask(oauth, strbuf_str(&body), ret, err);
    vault_wipe(&body);
    strbuf_done(&redirect);
    return rc;
}

enum err_class oauth_refresh(struct oauth *oauth, struct str refresh, struct oauth_tokens *ret,
                             struct err *err)
{
    struct strbuf body = STRBUF_INIT(REQUEST_BYTES);
    struct json_out json = json_out(&body);
    enum err_class rc;

    put_client(oauth, &json, "refresh_token");
    json_key(&json, "refresh_token");
    json_put_str(&json, refresh);
    json_object_end(&json);
    rc = strbuf_check(&body, "the request for tokens", err);
    if (rc == ERR_OK)
        rc = ask(oauth, strbuf_str(&body), ret, err);
    if (rc == ERR_NETWORK && !ctx_stopped(oauth->ctx))
        rc = ask(oauth, strbuf_str(&body), ret, err);
    vault_wipe(&body);
    return rc;
}

/* ---- Who it is ---- */

/* A client with the token; the caller wipes *authorization. */
static struct http_client client_for(struct oauth *oauth, struct str token, const char *base_url,
                                     struct strbuf *authorization)
{
    strbuf_add_z(authorization, "Bearer ");
    strbuf_add_str(authorization, token);
    return (struct http_client){
        .ctx = oauth->ctx,
        .budget = oauth->budget,
        .base_url = base_url,
        .authorization = strbuf_z(authorization),
        .allow_http = oauth->allow_http,
        .allow_private = oauth->allow_private,
        .body_max = SITES_BODY_BYTES,
        .total_ms = TOKEN_CALL_MS,
        .tries_max = 2,
    };
}

static bool is_cloud_id(struct str id)
{
    if (id.len == 0 || id.len > CLOUD_ID_BYTES)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-'))
            return false;
    }
    return true;
}

/* The tenant's address is the site's own, or api_url/ex/jira/{cloudId}. */
static bool is_site(struct oauth *oauth, yyjson_val *site, const char *base_url)
{
    struct str id = json_str(site, "id");
    char by_id[LIMIT_URL_BYTES + 1], cloud_id[CLOUD_ID_BYTES + 1];
    struct url_base url;
    struct err ignored = {0};

    if (!is_cloud_id(id))
        return false;
    (void)snprintf(cloud_id, sizeof(cloud_id), STR_FMT, STR_ARG(id));
    if (oauth_site_url(oauth, cloud_id, by_id) && strcmp(by_id, base_url) == 0)
        return true;
    return url_parse_base(json_str(site, "url"), &url, &ignored) == ERR_OK &&
           strcmp(url.text, base_url) == 0;
}

enum err_class oauth_find_site(struct oauth *oauth, struct str token, const char *base_url,
                               char ret_cloud_id[CLOUD_ID_BYTES + 1], struct err *err)
{
    AUTO(net_response_autop) struct net_response response = {0};
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct strbuf authorization = STRBUF_INIT(2 * LIMIT_SECRET_BYTES);
    struct http_client client = client_for(oauth, token, oauth->api_url, &authorization);
    const struct http_request request = {.method = HTTP_GET,
                                         .path = "/oauth/token/accessible-resources",
                                         .idempotent = true,
                                         .points = 1};
    enum err_class rc = http_do(&client, &request, &response, NULL, err);
    size_t at, max;
    yyjson_val *site;

    vault_wipe(&authorization);
    if (rc == ERR_OK)
        rc = json_read(strbuf_str(&response.body), "the list of sites", &doc, err);
    if (rc != ERR_OK)
        return rc;
    yyjson_arr_foreach(yyjson_doc_get_root(doc), at, max, site)
    {
        if (!is_site(oauth, site, base_url))
            continue;
        (void)snprintf(ret_cloud_id, CLOUD_ID_BYTES + 1, STR_FMT, STR_ARG(json_str(site, "id")));
        return ERR_OK;
    }
    return err_set(err, ERR_FORBIDDEN,
                   "the consent does not cover %s: sign in again and choose that site, with an "
                   "account that may use it",
                   base_url);
}

enum err_class oauth_myself(struct oauth *oauth, struct str token, const char *cloud_id,
                            char ret_account[LIMIT_ACCOUNT_ID_BYTES + 1], struct err *err)
{
    struct strbuf authorization = STRBUF_INIT(2 * LIMIT_SECRET_BYTES);
    struct strbuf account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    char base_url[LIMIT_URL_BYTES + 1];
    enum err_class rc = ERR_OK;

    if (!oauth_site_url(oauth, cloud_id, base_url))
        return err_set(err, ERR_INPUT, "oauth.api_url is too long: %s", oauth->api_url);

    struct jira jira = {.http = client_for(oauth, token, base_url, &authorization)};

    rc = jira_myself(&jira, &account, err);
    if (rc == ERR_OK)
        rc = strbuf_check(&account, "the account id", err);
    if (rc == ERR_OK)
        (void)snprintf(ret_account, LIMIT_ACCOUNT_ID_BYTES + 1, "%s", strbuf_z(&account));
    strbuf_done(&account);
    vault_wipe(&authorization);
    return rc;
}
