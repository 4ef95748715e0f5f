/*
 * connect_call.c: tokens that we make with an installation's secret.
 *
 * One kind goes with a call of the app and is bound to it. The other is an assertion, good for a
 * minute and once, with which Atlassian's token endpoint gives a token for acting as one person
 * (RFC 7523). What that endpoint says about a refusal is not shown: only its status.
 */
#include "connect/connect_call.h"

#include "base/json.h"
#include "connect/bearers.h"
#include "connect/jwt.h"
#include "connect/qsh.h"
#include "http/url.h"
#include "vault/vault.h"

#define CALL_LIFE_S 180
#define ASSERTION_LIFE_S 60
#define TOKEN_LIFE_S 900 /* when the answer does not say */
#define TOKEN_LIFE_S_MAX 3600
#define FETCH_MS 10000
#define ANSWER_BYTES_MAX ((size_t)64 * 1024)
#define SCRATCH_BYTES_MAX ((size_t)256 * 1024)
#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"

static void put_times(struct json_out *out, const struct ctx *ctx, int64_t life_s)
{
    int64_t now_s = ctx_now_ms(ctx) / 1000;

    json_key(out, "iat");
    json_put_i64(out, now_s);
    json_key(out, "exp");
    json_put_i64(out, now_s + life_s);
}

static void put_claim(struct json_out *out, const char *name, const char *value)
{
    json_key(out, name);
    json_put_z(out, value);
}

static enum err_class sign(const struct connect_install *install, struct strbuf *claims,
                           struct strbuf *ret, struct err *err)
{
    enum err_class rc = strbuf_check(claims, "a token's claims", err);

    return rc == ERR_OK ? jwt_sign_hs256(strbuf_str(claims), strbuf_str(&install->secret), ret, err)
                        : rc;
}

/* ---- For itself ---- */

static enum err_class hash_call(enum http_method method, const char *path,
                                char ret[QSH_HEX_BYTES + 1], struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(SCRATCH_BYTES_MAX);
    struct str query = {NULL, 0};
    const struct qsh_request request = {.method = str_from(http_method_name(method)),
                                        .path = str_cut(str_from(path), '?', &query),
                                        .query = query};

    return arena ? qsh_compute(arena, &request, ret, err) : err_memory(err);
}

enum err_class connect_authorize(void *arg, enum http_method method, const char *path,
                                 struct strbuf *ret, struct err *err)
{
    const struct connect_caller *caller = arg;
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(JWT_BYTES_MAX);
    struct json_out out = json_out(&claims);
    char qsh[QSH_HEX_BYTES + 1];
    enum err_class rc = hash_call(method, path, qsh, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&out);
    put_claim(&out, "iss", caller->install->app_key);
    json_key(&out, "aud");
    json_array(&out);
    json_put_z(&out, caller->install->client_key);
    json_array_end(&out);
    put_claim(&out, "qsh", qsh);
    put_times(&out, caller->ctx, CALL_LIFE_S);
    json_object_end(&out);
    strbuf_add_z(ret, "JWT ");
    return sign(caller->install, &claims, ret, err);
}

/* ---- For a person ---- */

struct fetch {
    const struct identities *ids;
    const struct connect_install *install;
    const char *account;
};

static enum err_class make_assertion(const struct fetch *fetch, struct strbuf *ret, struct err *err)
{
    AUTO(strbuf_done) struct strbuf claims = STRBUF_INIT(JWT_BYTES_MAX);
    struct json_out out = json_out(&claims);
    char text[512], audience[300];

    url_show_origin(str_from(fetch->ids->options.impersonation_url), audience, sizeof(audience));
    json_object(&out);
    (void)snprintf(text, sizeof(text), "urn:atlassian:connect:clientid:%s",
                   fetch->install->oauth_client_id);
    put_claim(&out, "iss", text);
    (void)snprintf(text, sizeof(text), "urn:atlassian:connect:useraccountid:%s", fetch->account);
    put_claim(&out, "sub", text);
    put_claim(&out, "tnt", fetch->install->base_url);
    put_claim(&out, "aud", audience);
    put_times(&out, fetch->ids->ctx, ASSERTION_LIFE_S);
    json_object_end(&out);
    return sign(fetch->install, &claims, ret, err);
}

/* The form's text. A token's alphabet needs no encoding. */
static enum err_class make_form(const struct fetch *fetch, struct strbuf *ret, struct err *err)
{
    strbuf_add_z(ret, "grant_type=");
    for (const char *at = GRANT; *at; at++)
        if (*at == ':')
            strbuf_add_z(ret, "%3A");
        else
            strbuf_add_char(ret, *at);
    strbuf_add_z(ret, "&assertion=");
    return make_assertion(fetch, ret, err);
}

static enum err_class exchange(const struct fetch *fetch, struct str form, struct net_response *ret,
                               struct err *err)
{
    const struct ctx *ctx = fetch->ids->ctx;
    const struct identities_options *options = &fetch->ids->options;
    const struct net_request request = {
        .method = HTTP_POST,
        .url = options->impersonation_url,
        .content_type = "application/x-www-form-urlencoded",
        .body = form,
        .headers = {{"Accept", "application/json"}},
        .body_max = ANSWER_BYTES_MAX,
        .total_ms = FETCH_MS,
        .allow_http = options->allow_http,
        .allow_private = options->allow_private,
    };
    struct net_call *call = NULL;
    enum err_class rc = ctx->net->start(ctx->net_self, ctx, &request, &call, err);

    if (rc == ERR_OK)
        rc = ctx->net->finish(ctx->net_self, ctx, call, ret, err);
    if (rc != ERR_OK)
        err_wrap(err, "the token for acting as a person");
    return rc;
}

static enum err_class judge(int status, struct err *err)
{
    if (status == 200)
        return ERR_OK;
    if (status == 429 || status == 503)
        return err_set(err, ERR_BUSY,
                       "Atlassian gives no more tokens for acting as a person just now (%d); try "
                       "again in a minute",
                       status);
    if (status >= 500)
        return err_set(err, ERR_NETWORK,
                       "Atlassian cannot give a token for acting as a person (%d); try again later",
                       status);
    if (status >= 400)
        return err_set(err, ERR_FORBIDDEN,
                       "Atlassian does not let the app act as this person (%d): the app needs the "
                       "scope ACT_AS_USER, and the person must be able to use Jira",
                       status);
    return err_set(err, ERR_REMOTE,
                   "the token endpoint of connect.impersonation_url answers %d, which it should "
                   "not",
                   status);
}

static enum err_class read_token(const struct net_response *response, struct strbuf *ret,
                                 int64_t *ret_lives_ms, struct err *err)
{
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    int64_t lives_s = TOKEN_LIFE_S;
    enum err_class rc = json_read(strbuf_str(&response->body), "the token's answer", &doc, err);

    if (rc != ERR_OK)
        return rc;

    struct str token = json_str(yyjson_doc_get_root(doc), "access_token");

    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= ' ' || token.ptr[i] >= 0x7f)
            token.len = 0;
    if (token.len == 0)
        return err_set(err, ERR_REMOTE, "the token endpoint answers without a token");
    if (!json_i64(yyjson_doc_get_root(doc), "expires_in", &lives_s) || lives_s < 0)
        lives_s = TOKEN_LIFE_S;
    strbuf_add_str(ret, token);
    *ret_lives_ms = (lives_s < TOKEN_LIFE_S_MAX ? lives_s : TOKEN_LIFE_S_MAX) * 1000;
    return ERR_OK;
}

static enum err_class fetch_token(void *arg, struct strbuf *ret_token, int64_t *ret_lives_ms,
                                  struct err *err)
{
    const struct fetch *fetch = arg;
    struct strbuf form = STRBUF_INIT(2 * JWT_BYTES_MAX);
    struct net_response response = {0};
    enum err_class rc = make_form(fetch, &form, err);

    if (rc == ERR_OK)
        rc = exchange(fetch, strbuf_str(&form), &response, err);
    if (rc == ERR_OK)
        rc = judge(response.status, err);
    if (rc == ERR_OK)
        rc = read_token(&response, ret_token, ret_lives_ms, err);
    vault_wipe(&form);
    vault_wipe(&response.body);
    return rc;
}

enum err_class connect_act_as(struct identities *ids, const char *tenant,
                              const struct connect_install *install, const char *account,
                              struct strbuf *ret, struct err *err)
{
    struct fetch fetch = {ids, install, account};
    char name[TENANT_ID_BYTES + LIMIT_ACCOUNT_ID_BYTES + 8];

    if (!install->oauth_client_id[0])
        return err_set(err, ERR_FORBIDDEN,
                       "Jira gave the app no client id, without which it cannot act as a person; "
                       "install it again with the scope ACT_AS_USER");
    (void)snprintf(name, sizeof(name), "%s/as/%s", tenant, account);
    return bearers_get(ids->bearers, name, fetch_token, &fetch, ret, err);
}
