/*
 * atlassian.c: keys, tokens, and who may come in with one.
 *
 * Both key documents, the token endpoint and the REST API are on the one port. A bearer token
 * stands for a user, whom `myself` and the author of a new worklog then are; a Connect app's own
 * token stands for the demonstration's administrator.
 */
#include "atlassian.h"

#include <inttypes.h>

#include "post.h"

#define CALL_LIFE_S 180
#define CONTEXT_LIFE_S 900
#define INVOCATION_LIFE_S 25
#define BEARER_LIFE_MS (INT64_C(900) * 1000)
#define GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"

struct atlassian *atlassian_new(struct sandbox *sandbox)
{
    struct atlassian *atlassian = calloc(1, sizeof(*atlassian));

    if (!atlassian)
        return NULL;
    atlassian->sandbox = sandbox;
    atlassian->signer = signer_new();
    if (!atlassian->signer) {
        free(atlassian);
        return NULL;
    }
    (void)pthread_mutex_init(&atlassian->mutex, NULL);
    return atlassian;
}

void atlassian_free(struct atlassian *atlassian)
{
    if (!atlassian)
        return;
    signer_free(atlassian->signer);
    (void)pthread_mutex_destroy(&atlassian->mutex);
    free(atlassian);
}

static int64_t now_s(const struct atlassian *atlassian)
{
    return site_now_ms(&atlassian->sandbox->site) / 1000;
}

struct connect_site *atlassian_site(struct atlassian *atlassian, struct str client_key)
{
    struct connect_site *found = NULL;

    for (size_t i = 0; i < ATLASSIAN_INSTALLS_MAX; i++) {
        struct connect_site *site = &atlassian->connect[i];

        if (site->used && (client_key.len == 0 || str_eq_z(client_key, site->client_key)))
            found = site;
    }
    return found;
}

/* ---- Tokens that go to the app ---- */

static void put_text(struct json_out *out, const char *name, struct str value)
{
    json_key(out, name);
    json_put_str(out, value);
}

static void put_times(struct json_out *out, int64_t from_s, int64_t life_s)
{
    json_key(out, "iat");
    json_put_i64(out, from_s);
    json_key(out, "exp");
    json_put_i64(out, from_s + life_s);
}

bool atlassian_connect_token(struct atlassian *atlassian, struct arena *arena,
                             const struct connect_site *site, const char *secret,
                             const struct connect_claims *claims, struct strbuf *ret)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct strbuf qsh AUTO(strbuf_done) = STRBUF_INIT(128);
    struct json_out out = json_out(&text);

    if (claims->context)
        strbuf_add_z(&qsh, "context-qsh");
    else
        sign_qsh(arena, claims->method, claims->path, &qsh);
    json_object(&out);
    put_text(&out, "iss", str_from(site->client_key));
    if (claims->account.len > 0)
        put_text(&out, "sub", claims->account);
    if (claims->audience) {
        json_key(&out, "aud");
        json_array(&out);
        json_put_z(&out, claims->audience);
        json_array_end(&out);
    }
    if (!claims->no_qsh)
        put_text(&out, "qsh", strbuf_str(&qsh));
    put_times(&out, now_s(atlassian) - claims->age_s,
              claims->context ? CONTEXT_LIFE_S : CALL_LIFE_S);
    json_object_end(&out);
    if (strcmp(claims->alg, "RS256") == 0)
        return sign_rs256(atlassian->signer, strbuf_str(&text), ret);
    if (strcmp(claims->alg, "none") == 0)
        return sign_none(strbuf_str(&text), ret);
    return sign_hs256(str_from(secret), strbuf_str(&text), ret);
}

bool atlassian_invocation(struct atlassian *atlassian, const struct forge_site *forge,
                          struct str account, int64_t age_s, struct strbuf *ret)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct json_out out = json_out(&text);
    const char *api = atlassian->sandbox->site.base_url;
    int64_t from_s = now_s(atlassian) - age_s;

    json_object(&out);
    put_text(&out, "iss", STR("forge/invocation-token"));
    put_text(&out, "aud", str_from(forge->app_id));
    json_key(&out, "nbf");
    json_put_i64(&out, from_s);
    put_times(&out, from_s, INVOCATION_LIFE_S);
    json_key(&out, "app");
    json_object(&out);
    put_text(&out, "id", str_from(forge->app_id));
    put_text(&out, "installationId", str_from(forge->installation_id));
    put_text(&out, "apiBaseUrl", str_from(api));
    json_key(&out, "installation");
    json_object(&out);
    put_text(&out, "id", str_from(forge->installation_id));
    json_key(&out, "contexts");
    json_array(&out);
    json_object(&out);
    put_text(&out, "name", STR("jira"));
    put_text(&out, "apiBaseUrl", str_from(api));
    put_text(&out, "cloudId", str_from(forge->cloud_id));
    json_object_end(&out);
    json_array_end(&out);
    json_object_end(&out);
    json_object_end(&out);
    if (account.len > 0) {
        put_text(&out, "principal", account);
        json_key(&out, "context");
        json_object(&out);
        put_text(&out, "cloudId", str_from(forge->cloud_id));
        put_text(&out, "siteUrl", str_from(api));
        json_object_end(&out);
    }
    json_object_end(&out);
    return sign_rs256(atlassian->signer, strbuf_str(&text), ret);
}

void atlassian_bearer(struct atlassian *atlassian, uint32_t user, struct strbuf *ret)
{
    unsigned char bytes[16];
    char hex[2 * sizeof(bytes) + 1];

    ctx_random(&atlassian->sandbox->ctx, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    pthread_mutex_lock(&atlassian->mutex);

    struct bearer *bearer = &atlassian->bearers[atlassian->serial++ % ATLASSIAN_BEARERS_MAX];

    (void)snprintf(bearer->token, sizeof(bearer->token), "sbx-%s", hex);
    bearer->user = user;
    bearer->until_ms = site_now_ms(&atlassian->sandbox->site) + BEARER_LIFE_MS;
    strbuf_add_z(ret, bearer->token);
    pthread_mutex_unlock(&atlassian->mutex);
}

bool atlassian_address(void *arg, enum hook_way way, struct strbuf *ret_url,
                       struct strbuf *ret_authorization)
{
    struct atlassian *atlassian = arg;
    struct arena *arena AUTO(arena_free_autop) = arena_new(65536);
    struct connect_site connect = {0};
    struct forge_site forge;

    pthread_mutex_lock(&atlassian->mutex);
    for (size_t i = 0; i < ATLASSIAN_INSTALLS_MAX; i++)
        if (atlassian->connect[i].installed)
            connect = atlassian->connect[i];
    forge = atlassian->forge;
    pthread_mutex_unlock(&atlassian->mutex);
    if (!arena)
        return false;
    if (way == HOOK_FORGE && forge.installed) {
        strbuf_addf(ret_url, "%s%s", forge.app_url, forge.events_path);
        strbuf_add_z(ret_authorization, "Bearer ");
        return atlassian_invocation(atlassian, &forge, (struct str){NULL, 0}, 0, ret_authorization);
    }
    if (way == HOOK_CONNECT && connect.installed && connect.webhook_path[0]) {
        const struct connect_claims claims = {
            .method = STR("POST"), .path = str_from(connect.webhook_path), .alg = "HS256"};

        strbuf_addf(ret_url, "%s%s", connect.app_url, connect.webhook_path);
        strbuf_add_z(ret_authorization, "JWT ");
        return atlassian_connect_token(atlassian, arena, &connect, connect.secret, &claims,
                                       ret_authorization);
    }
    return false;
}

/* ---- Tokens that come from the app ---- */

static bool is_bearer(struct atlassian *atlassian, struct str token, uint32_t *ret_user)
{
    bool found = false;

    pthread_mutex_lock(&atlassian->mutex);
    for (size_t i = 0; i < ATLASSIAN_BEARERS_MAX && !found; i++) {
        const struct bearer *bearer = &atlassian->bearers[i];

        found = bearer->token[0] && str_eq_z(token, bearer->token) &&
                bearer->until_ms > site_now_ms(&atlassian->sandbox->site);
        if (found)
            *ret_user = bearer->user;
    }
    pthread_mutex_unlock(&atlassian->mutex);
    return found;
}

static bool is_in_time(const struct atlassian *atlassian, yyjson_val *claims)
{
    int64_t from_s = 0, until_s = 0;

    return json_i64(claims, "iat", &from_s) && json_i64(claims, "exp", &until_s) &&
           from_s <= now_s(atlassian) + 60 && until_s > now_s(atlassian) - 60;
}

/* The app's own call: its key, our name in aud, the request in qsh. */
static bool is_app_call(struct atlassian *atlassian, struct http_exchange *ex, struct str token)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_doc *unproved AUTO(yyjson_doc_autop) = sign_read(token);
    struct strbuf path AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct strbuf qsh AUTO(strbuf_done) = STRBUF_INIT(128);
    yyjson_val *aud = yyjson_obj_get(yyjson_doc_get_root(unproved), "aud");
    struct connect_site site = {0};

    if (yyjson_is_arr(aud))
        aud = yyjson_arr_get_first(aud);
    pthread_mutex_lock(&atlassian->mutex);
    if (yyjson_is_str(aud) && yyjson_get_len(aud) > 0) {
        struct connect_site *found =
            atlassian_site(atlassian, (struct str){yyjson_get_str(aud), yyjson_get_len(aud)});

        if (found)
            site = *found;
    }
    pthread_mutex_unlock(&atlassian->mutex);
    if (!site.installed)
        return false;
    doc = sign_read_hs256(str_from(site.secret), token);
    strbuf_add_str(&path, ex->path);
    strbuf_addf(&path, "?" STR_FMT, STR_ARG(ex->raw_query));
    sign_qsh(ex->arena, ex->method_name, strbuf_str(&path), &qsh);

    yyjson_val *claims = yyjson_doc_get_root(doc);

    return doc && str_eq_z(json_str(claims, "iss"), site.app_key) &&
           str_eq(json_str(claims, "qsh"), strbuf_str(&qsh)) && is_in_time(atlassian, claims);
}

bool atlassian_lets_in(struct atlassian *atlassian, struct http_exchange *ex, uint32_t *ret_user)
{
    struct str token = {NULL, 0};
    struct str scheme = str_cut(http_in_header(ex, "Authorization"), ' ', &token);

    if (str_eq_nocase(scheme, STR("Bearer")))
        return is_bearer(atlassian, token, ret_user);
    return str_eq_nocase(scheme, STR("JWT")) && is_app_call(atlassian, ex, token);
}

/* ---- Served to the app ---- */

void atlassian_install_key(struct http_exchange *ex)
{
    if (!str_eq_z(ex->params[0], SIGNER_KID)) {
        api_empty(ex, 404);
        return;
    }
    ex->content_type = "text/plain";
    signer_pem(api_sandbox(ex)->atlassian->signer, &ex->out);
}

void atlassian_jwks(struct http_exchange *ex)
{
    signer_jwks(api_sandbox(ex)->atlassian->signer, &ex->out);
}

static void refuse_grant(struct http_exchange *ex, const char *why)
{
    ex->status = 400;
    strbuf_addf(&ex->out, "{\"error\":\"invalid_grant\",\"error_description\":\"%s\"}", why);
}

static struct str after(struct str text, const char *prefix)
{
    return str_starts(text, str_from(prefix)) ? str_sub(text, strlen(prefix), text.len)
                                              : (struct str){NULL, 0};
}

/* The installation that the assertion names, copied; false: none. */
static bool find_client(struct atlassian *atlassian, struct str client_id, struct connect_site *ret)
{
    bool found = false;

    pthread_mutex_lock(&atlassian->mutex);
    for (size_t i = 0; i < ATLASSIAN_INSTALLS_MAX && client_id.len > 0; i++)
        if (atlassian->connect[i].installed &&
            str_eq_z(client_id, atlassian->connect[i].client_id)) {
            *ret = atlassian->connect[i];
            found = true;
        }
    pthread_mutex_unlock(&atlassian->mutex);
    return found;
}

/* One parameter of a form; only what needs no decoding here, or %3A. */
static struct str form_value(struct http_exchange *ex, const char *name)
{
    struct str rest = ex->body;

    while (rest.len > 0) {
        struct str value = {NULL, 0};
        struct str key = str_cut(str_cut(rest, '&', &rest), '=', &value);

        if (str_eq_z(key, name))
            return value;
    }
    return (struct str){NULL, 0};
}

static bool is_grant(struct str value)
{
    const char *want = GRANT;

    while (value.len > 0 && *want) {
        bool escaped = *want == ':' && str_starts(value, STR("%3A"));

        if (!escaped && value.ptr[0] != *want)
            return false;
        value = str_sub(value, escaped ? 3 : 1, value.len);
        want++;
    }
    return value.len == 0 && *want == '\0';
}

void atlassian_oauth_token(struct http_exchange *ex)
{
    struct atlassian *atlassian = api_sandbox(ex)->atlassian;
    struct site *site = api_site(ex);
    struct str assertion = form_value(ex, "assertion");
    yyjson_doc *unproved AUTO(yyjson_doc_autop) = sign_read(assertion);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *claims = yyjson_doc_get_root(unproved);
    struct connect_site client = {0};
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(128);
    int64_t from_s = 0, until_s = 0;
    uint32_t user = NONE;

    atomic_fetch_add(&api_sandbox(ex)->impersonations, 1);
    if (!is_grant(form_value(ex, "grant_type")) ||
        !str_eq(http_in_header(ex, "Content-Type"), STR("application/x-www-form-urlencoded"))) {
        refuse_grant(ex, "grant_type must be " GRANT);
        return;
    }
    if (!find_client(atlassian, after(json_str(claims, "iss"), "urn:atlassian:connect:clientid:"),
                     &client)) {
        refuse_grant(ex, "the client is not known");
        return;
    }
    doc = sign_read_hs256(str_from(client.secret), assertion);
    claims = yyjson_doc_get_root(doc);
    if (!doc || !is_in_time(atlassian, claims) || !json_i64(claims, "iat", &from_s) ||
        !json_i64(claims, "exp", &until_s) || until_s - from_s > 120) {
        refuse_grant(ex, "the assertion is not signed, or not of this minute");
        return;
    }
    SITE_READ(site);
    user = site_find_user(site,
                          after(json_str(claims, "sub"), "urn:atlassian:connect:useraccountid:"));
    if (user == NONE || !str_eq_z(json_str(claims, "tnt"), site->base_url) ||
        !str_eq_z(json_str(claims, "aud"), site->base_url)) {
        refuse_grant(ex, "the assertion names another site, audience or an unknown user");
        return;
    }
    atlassian_bearer(atlassian, user, &token);
    strbuf_addf(&ex->out,
                "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%" PRId64 "}",
                strbuf_z(&token), BEARER_LIFE_MS / 1000);
}
