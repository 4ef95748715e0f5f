/*
 * oauth.c: Atlassian's 3LO as far as an app sees it.
 *
 * A consent begins a family; each refresh token belongs to one. Using a token replaces it; the old
 * one works for ten minutes more (a crash between receipt and store is survivable), and after that
 * its use takes the whole family back. Times are of the site's clock, so that a test moves them.
 * Redirects go to this machine only.
 */
#include "oauth.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "api.h"
#include "http/url.h"

#define CLIENT_ID "sandbox-client"
#define CLIENT_SECRET "sandbox-secret"
#define FAMILIES_MAX 256
#define TOKENS_MAX 4096 /* of a kind; a ring */
#define CODES_MAX 64
#define CODE_LIFE_MS (5 * 60 * 1000)
#define URL_BYTES 4096

enum kind { CODE, REFRESH, ACCESS, KIND_COUNT };
static const char *const prefixes[KIND_COUNT] = {"sbx-oc-", "sbx-or-", "sbx-oa-"};
static const size_t rooms[KIND_COUNT] = {CODES_MAX, TOKENS_MAX, TOKENS_MAX};

struct token {
    char text[48]; /* "": a free place */
    uint32_t family;
    int64_t until_ms;    /* code, access token */
    int64_t replaced_ms; /* refresh token: when it was used; 0: not yet */
    bool spent;          /* code */
};

struct family {
    uint32_t user;
    bool revoked;
    bool offline; /* it gets refresh tokens */
    char redirect_uri[512];
};

struct consents {
    struct sandbox *sandbox;
    pthread_mutex_t mutex; /* guards the rest */
    struct token *tokens[KIND_COUNT];
    uint64_t made[KIND_COUNT];
    struct family families[FAMILIES_MAX];
    uint32_t family_count;
    uint32_t next_user; /* who consents */
    bool deny, no_sites;
    int64_t life_ms, leeway_ms;
    int64_t consented, exchanged, refreshed, reused, refused;
};

struct consents *consents_new(struct sandbox *sandbox)
{
    struct consents *consents = calloc(1, sizeof(*consents));

    if (!consents)
        return NULL;
    (void)pthread_mutex_init(&consents->mutex, NULL);
    consents->sandbox = sandbox;
    consents->life_ms = 3600 * 1000;
    consents->leeway_ms = 10 * 60 * 1000;
    consents->next_user = SITE_USER_SELF;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        consents->tokens[i] = calloc(rooms[i], sizeof(struct token));
        if (!consents->tokens[i]) {
            consents_free(consents);
            return NULL;
        }
    }
    return consents;
}

void consents_free(struct consents *consents)
{
    if (!consents)
        return;
    for (size_t i = 0; i < KIND_COUNT; i++)
        free(consents->tokens[i]);
    (void)pthread_mutex_destroy(&consents->mutex);
    free(consents);
}

static int64_t now_ms(const struct consents *consents)
{
    return site_now_ms(&consents->sandbox->site);
}

/* ---- Tokens; with the mutex held ---- */

static struct token *make(struct consents *consents, enum kind kind, uint32_t family,
                          int64_t life_ms)
{
    struct token *token = &consents->tokens[kind][consents->made[kind]++ % rooms[kind]];
    unsigned char bytes[16];
    size_t at;

    ctx_random(&consents->sandbox->ctx, bytes, sizeof(bytes));
    *token = (struct token){.family = family, .until_ms = now_ms(consents) + life_ms};
    at = (size_t)snprintf(token->text, sizeof(token->text), "%s", prefixes[kind]);
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(token->text + at + 2 * i, 3, "%02x", bytes[i]);
    return token;
}

static struct token *find(struct consents *consents, enum kind kind, struct str text)
{
    for (size_t i = 0; i < rooms[kind] && text.len > 0; i++)
        if (str_eq_z(text, consents->tokens[kind][i].text))
            return &consents->tokens[kind][i];
    return NULL;
}

/* NULL: not good, or no more. */
static const struct family *family_of_access(struct consents *consents, struct str text)
{
    const struct token *token = find(consents, ACCESS, text);

    if (!token || token->until_ms <= now_ms(consents) || consents->families[token->family].revoked)
        return NULL;
    return &consents->families[token->family];
}

static struct str bearer(const struct http_exchange *ex)
{
    struct str token = {NULL, 0};
    struct str scheme = str_cut(http_in_header(ex, "Authorization"), ' ', &token);

    return str_eq_nocase(scheme, STR("Bearer")) ? token : (struct str){NULL, 0};
}

bool consents_let_in(struct consents *consents, const struct http_exchange *ex, uint32_t *ret_user)
{
    const struct family *family;

    if (!consents)
        return false;
    (void)pthread_mutex_lock(&consents->mutex);
    family = family_of_access(consents, bearer(ex));
    if (family)
        *ret_user = family->user;
    (void)pthread_mutex_unlock(&consents->mutex);
    return family != NULL;
}

static struct consents *consents_of(struct http_exchange *ex)
{
    struct consents *consents = api_sandbox(ex)->consents;

    if (!consents)
        api_error(ex, 404, "there is no 3LO here");
    return consents;
}

/* ---- The consent page ---- */

/* A word of the scope parameter, which is split by spaces. */
static bool has_scope(struct str scope, const char *word)
{
    while (scope.len > 0) {
        struct str rest = {NULL, 0};

        if (str_eq_z(str_cut(scope, ' ', &rest), word))
            return true;
        scope = rest;
    }
    return false;
}

/* What is wrong with the request; NULL: nothing. */
static const char *check_request(const struct http_exchange *ex, struct str redirect_uri)
{
    if (!str_eq_z(http_in_query(ex, "audience"), "api.atlassian.com"))
        return "audience must be api.atlassian.com";
    if (!str_eq_z(http_in_query(ex, "client_id"), CLIENT_ID))
        return "client_id must be " CLIENT_ID;
    if (!str_eq_z(http_in_query(ex, "response_type"), "code"))
        return "response_type must be code";
    if (!str_eq_z(http_in_query(ex, "prompt"), "consent"))
        return "prompt must be consent";
    if (http_in_query(ex, "state").len == 0 || http_in_query(ex, "scope").len == 0)
        return "state and scope must be there";
    if (!str_starts(redirect_uri, STR("http://127.0.0.1:")) &&
        !str_starts(redirect_uri, STR("http://localhost:")))
        return "redirect_uri must be one of this machine";
    return NULL;
}

/* The code of a new family; false: there are too many. */
static bool consent(struct consents *consents, struct str redirect_uri, bool offline,
                    char ret_code[48])
{
    struct family *family;

    if (consents->family_count == FAMILIES_MAX)
        return false;
    family = &consents->families[consents->family_count];
    *family = (struct family){.user = consents->next_user, .offline = offline};
    (void)snprintf(family->redirect_uri, sizeof(family->redirect_uri), STR_FMT,
                   STR_ARG(redirect_uri));
    (void)snprintf(ret_code, 48, "%s",
                   make(consents, CODE, consents->family_count++, CODE_LIFE_MS)->text);
    consents->consented++;
    return true;
}

void consents_authorize(struct http_exchange *ex)
{
    struct consents *consents = consents_of(ex);
    struct str redirect_uri = http_in_query(ex, "redirect_uri");
    struct strbuf location AUTO(strbuf_done) = STRBUF_INIT(URL_BYTES);
    char code[48] = "";
    const char *wrong;
    bool deny, fine = true;

    if (!consents)
        return;
    wrong = check_request(ex, redirect_uri);
    if (wrong || redirect_uri.len >= sizeof(consents->families[0].redirect_uri)) {
        api_error(ex, 400, "%s", wrong ? wrong : "redirect_uri is too long");
        return;
    }
    (void)pthread_mutex_lock(&consents->mutex);
    deny = consents->deny;
    consents->deny = false;
    if (!deny)
        fine = consent(consents, redirect_uri,
                       has_scope(http_in_query(ex, "scope"), "offline_access"), code);
    (void)pthread_mutex_unlock(&consents->mutex);
    strbuf_add_str(&location, redirect_uri);
    if (deny)
        url_add_query(&location, "error", STR("access_denied"));
    else
        url_add_query(&location, "code", str_from(code));
    url_add_query(&location, "state", http_in_query(ex, "state"));
    if (!fine || location.failed != ERR_OK) {
        api_error(ex, 503, "too many consents, or too long an address");
        return;
    }
    http_out_header(ex, "Location", strbuf_z(&location));
    ex->status = 302;
}

/* ---- The token endpoint ---- */

static void refuse(struct http_exchange *ex, int status, const char *error, const char *why)
{
    struct json_out json = json_out(&ex->out);

    ex->status = status;
    json_object(&json);
    json_key(&json, "error");
    json_put_z(&json, error);
    json_key(&json, "error_description");
    json_put_z(&json, why);
    json_object_end(&json);
}

static void give(struct http_exchange *ex, struct consents *consents, uint32_t family)
{
    struct json_out json = json_out(&ex->out);

    json_object(&json);
    json_key(&json, "access_token");
    json_put_z(&json, make(consents, ACCESS, family, consents->life_ms)->text);
    if (consents->families[family].offline) {
        json_key(&json, "refresh_token");
        json_put_z(&json, make(consents, REFRESH, family, 0)->text);
    }
    json_key(&json, "expires_in");
    json_put_i64(&json, consents->life_ms / 1000);
    json_key(&json, "scope");
    json_put_z(&json, "read:jira-work write:jira-work read:jira-user offline_access");
    json_key(&json, "token_type");
    json_put_z(&json, "Bearer");
    json_object_end(&json);
}

static void exchange(struct http_exchange *ex, struct consents *consents, yyjson_val *body)
{
    struct token *code = find(consents, CODE, json_str(body, "code"));

    if (!code || code->spent || code->until_ms <= now_ms(consents) ||
        !str_eq_z(json_str(body, "redirect_uri"), consents->families[code->family].redirect_uri)) {
        consents->refused++;
        refuse(ex, 403, "invalid_grant", "Invalid authorization code");
        return;
    }
    code->spent = true;
    consents->exchanged++;
    give(ex, consents, code->family);
}

static void refresh(struct http_exchange *ex, struct consents *consents, yyjson_val *body)
{
    struct token *token = find(consents, REFRESH, json_str(body, "refresh_token"));

    if (token && token->replaced_ms) {
        consents->reused++;
        if (now_ms(consents) - token->replaced_ms > consents->leeway_ms)
            consents->families[token->family].revoked = true;
    }
    if (!token || consents->families[token->family].revoked) {
        consents->refused++;
        refuse(ex, 403, "invalid_grant", "Unknown or invalid refresh token.");
        return;
    }
    if (!token->replaced_ms)
        token->replaced_ms = now_ms(consents);
    consents->refreshed++;
    give(ex, consents, token->family);
}

void consents_token(struct http_exchange *ex)
{
    struct consents *consents = consents_of(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body;
    struct str type;

    if (!consents || !api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);
    type = json_str(body, "grant_type");
    if (!str_eq_z(json_str(body, "client_id"), CLIENT_ID) ||
        !str_eq_z(json_str(body, "client_secret"), CLIENT_SECRET)) {
        refuse(ex, 401, "access_denied", "Unauthorized");
        return;
    }
    (void)pthread_mutex_lock(&consents->mutex);
    if (str_eq_z(type, "authorization_code"))
        exchange(ex, consents, body);
    else if (str_eq_z(type, "refresh_token"))
        refresh(ex, consents, body);
    else
        refuse(ex, 400, "unsupported_grant_type", "grant_type is none of ours");
    (void)pthread_mutex_unlock(&consents->mutex);
}

void consents_sites(struct http_exchange *ex)
{
    struct consents *consents = consents_of(ex);
    struct json_out json = json_out(&ex->out);
    struct site *site = api_site(ex);
    uint32_t user = 0;
    bool none;

    if (!consents)
        return;
    if (!consents_let_in(consents, ex, &user)) {
        api_error(ex, 401, "Unauthorized");
        return;
    }
    (void)pthread_mutex_lock(&consents->mutex);
    none = consents->no_sites;
    (void)pthread_mutex_unlock(&consents->mutex);
    SITE_READ(site);
    json_array(&json);
    if (!none) {
        json_object(&json);
        json_key(&json, "id");
        json_put_z(&json, CONSENTS_CLOUD_ID);
        json_key(&json, "url");
        json_put_z(&json, site->base_url);
        json_key(&json, "name");
        json_put_z(&json, "sandbox");
        json_key(&json, "scopes");
        json_array(&json);
        json_put_z(&json, "read:jira-work");
        json_put_z(&json, "write:jira-work");
        json_array_end(&json);
        json_object_end(&json);
    }
    json_array_end(&json);
}

/* ---- The control path ---- */

void control_consents_get(struct http_exchange *ex)
{
    struct consents *consents = consents_of(ex);
    struct json_out json = json_out(&ex->out);

    if (!consents)
        return;
    (void)pthread_mutex_lock(&consents->mutex);

    const struct {
        const char *name;
        int64_t count;
    } counts[] = {{"consented", consents->consented},
                  {"exchanged", consents->exchanged},
                  {"refreshed", consents->refreshed},
                  {"reused", consents->reused},
                  {"refused", consents->refused}};
    int64_t revoked = 0;

    for (uint32_t i = 0; i < consents->family_count; i++)
        revoked += consents->families[i].revoked;
    (void)pthread_mutex_unlock(&consents->mutex);
    json_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_key(&json, counts[i].name);
        json_put_i64(&json, counts[i].count);
    }
    json_key(&json, "revoked");
    json_put_i64(&json, revoked);
    json_object_end(&json);
}

/* user NONE: all. */
static void revoke_families(struct consents *consents, uint32_t user)
{
    for (uint32_t i = 0; i < consents->family_count; i++)
        if (user == NONE || consents->families[i].user == user)
            consents->families[i].revoked = true;
}

static void set_options(struct consents *consents, yyjson_val *body)
{
    int64_t n = 0;

    if (json_i64(body, "life_s", &n) && n >= 1 && n <= 86400)
        consents->life_ms = n * 1000;
    if (json_i64(body, "leeway_s", &n) && n >= 0 && n <= 86400)
        consents->leeway_ms = n * 1000;
}

/* False: there is no such action. */
static bool act(struct consents *consents, struct str action, yyjson_val *body, uint32_t user)
{
    if (str_eq_z(action, "next")) {
        if (user != NONE)
            consents->next_user = user;
        consents->deny = json_bool(body, "deny", false);
        consents->no_sites = json_bool(body, "no_sites", false);
    } else if (str_eq_z(action, "expire")) {
        for (size_t i = 0; i < TOKENS_MAX; i++)
            consents->tokens[ACCESS][i].until_ms = 0;
    } else if (str_eq_z(action, "revoke")) {
        revoke_families(consents, user);
    } else if (str_eq_z(action, "options")) {
        set_options(consents, body);
    } else {
        return false;
    }
    return true;
}

void control_consents(struct http_exchange *ex)
{
    struct consents *consents = consents_of(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct site *site = api_site(ex);
    uint32_t user = NONE;
    struct str account;
    bool known;

    if (!consents || !api_body(ex, &doc))
        return;
    account = json_str(yyjson_doc_get_root(doc), "account");
    if (account.ptr) {
        SITE_READ(site);
        user = site_find_user(site, account);
        if (user == NONE) {
            api_error(ex, 404, "there is no such account");
            return;
        }
    }
    (void)pthread_mutex_lock(&consents->mutex);
    known = act(consents, ex->params[0], yyjson_doc_get_root(doc), user);
    (void)pthread_mutex_unlock(&consents->mutex);
    if (known)
        strbuf_add_z(&ex->out, "{\"ok\":true}");
    else
        api_error(ex, 404, "actions: next, expire, revoke, options");
}
