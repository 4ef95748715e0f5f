/*
 * routes_people.c: signing in on our own pages, signing out, and API tokens.
 *
 * The administrator signs in with a password, or with a link that sets one; people sign in with
 * Jira (3LO). Whether a password was wrong or there is none is told alike.
 */
#include "daemon/internal.h"

#include "base/civil.h"
#include "base/log.h"
#include "connect/administrator.h"
#include "connect/api_token.h"
#include "connect/oauth.h"

#define SIGN_IN_BODY_BYTES 8192
#define TOKEN_BODY_BYTES 4096
#define TOKEN_DAYS_TEXT "a whole number of days from 1 to 3650"

/* ---- Sessions ---- */

/* The answer for a person at the keyboard: 401 for a wrong password, 429 for too many. */
static enum err_class answer_refusal(struct request *request, enum err_class rc, int64_t wait_ms,
                                     const struct err *err)
{
    char text[32];

    if (rc == ERR_DENIED) {
        http_out_problem(request->ex, 401, err->msg);
        return ERR_OK;
    }
    if (rc == ERR_BUSY && wait_ms > 0) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)((wait_ms + 999) / 1000));
        http_out_header(request->ex, "Retry-After", text);
        http_out_problem(request->ex, 429, err->msg);
        return ERR_OK;
    }
    return rc;
}

static enum err_class ways(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct data *data = NULL;
    bool has_password = false;
    enum err_class rc = store_pool_data(request->daemon->store, &data, err);

    if (rc == ERR_OK)
        rc = administrator_exists(data, &has_password, err);
    store_pool_give_data(request->daemon->store, data);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "ways");
    json_array(&json);
    json_put_z(&json, "password");
    if (request->daemon->auth.oauth)
        json_put_z(&json, "jira");
    json_array_end(&json);
    json_key(&json, "link"); /* the first way in: a link that sets the password */
    json_put_bool(&json, !has_password);
    json_object_end(&json);
    return ERR_OK;
}

static enum err_class prove_administrator(struct request *request, yyjson_val *body,
                                          int64_t *ret_wait_ms, struct err *err)
{
    struct daemon *daemon = request->daemon;
    struct str link = json_str(body, "link"), password = json_str(body, "password");
    struct data *data = NULL;
    enum err_class rc = store_pool_data(daemon->store, &data, err);

    if (rc != ERR_OK)
        return rc;
    if (link.ptr) {
        rc = administrator_set(data, daemon->auth.passwords, link, password, err);
        session_forget_admin(daemon->auth.sessions);
    } else {
        rc = administrator_check(data, daemon->auth.passwords, http_in_address(request->ex),
                                 password, ret_wait_ms, err);
    }
    db_rollback(data->control);
    store_pool_give_data(daemon->store, data);
    return rc;
}

static enum err_class sign_in(struct request *request, struct err *err)
{
    const struct session_request from = session_request(request->ex);
    struct sessions *sessions = request->daemon->auth.sessions;
    char cookie[SESSION_COOKIE_BYTES + 1];
    yyjson_val *body = NULL;
    int64_t wait_ms = 0;
    enum err_class rc = session_same_site(sessions, &from, err);

    if (rc == ERR_OK)
        rc = request_json(request, &body, err);
    if (rc != ERR_OK)
        return rc;
    if (!json_str(body, "password").ptr)
        return err_set(err, ERR_USAGE,
                       "the body must have \"password\", and \"link\" when it comes from one");
    rc = prove_administrator(request, body, &wait_ms, err);
    if (rc != ERR_OK)
        return answer_refusal(request, rc, wait_ms, err);
    rc = session_begin(sessions, "", "", cookie, err);
    if (rc != ERR_OK)
        return rc;
    http_out_header(request->ex, "Set-Cookie", cookie);
    request->ex->status = 204;
    return ERR_OK;
}

static enum err_class sign_out(struct request *request, struct err *err)
{
    const struct session_request from = session_request(request->ex);
    char cookie[SESSION_COOKIE_BYTES + 1];
    enum err_class rc;

    if (request->who.by != BY_SESSION)
        return err_set(err, ERR_FORBIDDEN, "there is no session to end: this request came by %s",
                       principal_by_name(request->who.by));
    rc = session_end(request->daemon->auth.sessions, &from, cookie, err);
    if (rc != ERR_OK)
        return rc;
    http_out_header(request->ex, "Set-Cookie", cookie);
    request->ex->status = 204;
    return ERR_OK;
}

/* ---- Signing in with Jira ---- */

static enum err_class find_oauth(struct request *request, struct oauth **ret, struct err *err)
{
    *ret = request->daemon->auth.oauth;
    if (*ret)
        return ERR_OK;
    return err_set(err, ERR_NOT_FOUND,
                   "signing in with Jira is not set up on this server (oauth.client_id)");
}

static void redirect(struct request *request, const char *location)
{
    http_out_header(request->ex, "Location", location);
    http_out_header(request->ex, "Cache-Control", "no-store");
    request->ex->status = 302;
}

/*
 * A person stands before the browser: back to the page for signing in, which has a sentence for
 * each word. Nothing of the request is repeated.
 */
static enum err_class tell_page(struct request *request, enum err_class rc, const struct err *err)
{
    struct strbuf location = STRBUF_INIT(2 * LIMIT_URL_BYTES);
    const char *word = rc == ERR_USAGE       ? "expired"
                       : rc == ERR_DENIED    ? "refused"
                       : rc == ERR_FORBIDDEN ? "site"
                       : rc == ERR_NOT_FOUND ? "tenant"
                       : rc == ERR_INPUT     ? "datacenter"
                                             : "failed";

    LOG(&request->daemon->ctx, LOG_INFO, "jira_sign_in_failed", LOG_NAME("why", word),
        LOG_NAME("class", err_class_name(err->class)));
    strbuf_addf(&location, "%s/sign-in?error=%s",
                request->daemon->options.config->server.public_url, word);
    redirect(request, strbuf_z(&location));
    strbuf_done(&location);
    return ERR_OK;
}

static enum err_class jira_start(struct request *request, struct err *err)
{
    struct strbuf location = STRBUF_INIT(OAUTH_LOCATION_BYTES);
    char cookie[OAUTH_COOKIE_BYTES + 1];
    struct oauth *oauth = NULL;
    enum err_class rc = find_oauth(request, &oauth, err);

    if (rc != ERR_OK)
        return rc;
    rc = oauth_begin(oauth, http_in_query(request->ex, "tenant"),
                     http_in_query(request->ex, "return"), &location, cookie, err);
    if (rc == ERR_OK) {
        http_out_header(request->ex, "Set-Cookie", cookie);
        redirect(request, strbuf_z(&location));
    } else {
        rc = tell_page(request, rc, err);
    }
    strbuf_done(&location);
    return rc;
}

static enum err_class jira_callback(struct request *request, struct err *err)
{
    const struct oauth_answer answer = {.code = http_in_query(request->ex, "code"),
                                        .state = http_in_query(request->ex, "state"),
                                        .error = http_in_query(request->ex, "error"),
                                        .cookie = http_in_header(request->ex, "Cookie")};
    char spent[OAUTH_COOKIE_BYTES + 1], cookie[SESSION_COOKIE_BYTES + 1];
    struct oauth_person person;
    struct oauth *oauth = NULL;
    enum err_class rc = find_oauth(request, &oauth, err);

    if (rc != ERR_OK)
        return rc;
    rc = oauth_finish(oauth, &answer, &person, spent, err);
    http_out_header(request->ex, "Set-Cookie", spent);
    if (rc == ERR_OK)
        rc = session_begin(request->daemon->auth.sessions, person.tenant, person.account, cookie,
                           err);
    if (rc != ERR_OK)
        return tell_page(request, rc, err);
    http_out_header(request->ex, "Set-Cookie", cookie);
    redirect(request, person.location);
    return ERR_OK;
}

/* ---- Tokens ---- */

static void put_stamp(struct json_out *json, const char *name, int64_t ms)
{
    json_key(json, name);
    if (ms)
        json_put_stamp(json, ms);
    else
        json_put_null(json);
}

/* text: the token itself, shown once; NULL: not shown. */
static void put_token(struct json_out *json, const struct api_token *token, const char *text)
{
    const char *scope;
    unsigned bit = 0;
    char id[32];

    (void)snprintf(id, sizeof(id), "%lld", (long long)token->id);
    json_object(json);
    json_key(json, "id");
    json_put_z(json, id);
    json_key(json, "name");
    json_put_str(json, token->name);
    json_key(json, "account");
    if (token->account.len > 0)
        json_put_str(json, token->account);
    else
        json_put_null(json);
    json_key(json, "scopes");
    json_array(json);
    for (size_t i = 0; (scope = api_token_scope(i, &bit)) != NULL; i++)
        if (token->scopes & bit)
            json_put_z(json, scope);
    json_array_end(json);
    put_stamp(json, "created", token->made_ms);
    put_stamp(json, "expires", token->expires_ms);
    put_stamp(json, "last_used", token->last_used_ms);
    if (text) {
        json_key(json, "token");
        json_put_z(json, text);
    }
    json_object_end(json);
}

/* Whose tokens somebody may see and remove: NULL, everybody's. */
static const char *whose(const struct request *request)
{
    return request->who.role == ROLE_ADMIN ? NULL : request->who.account;
}

static enum err_class list_tokens(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct api_token *list = NULL;
    size_t count = 0;
    enum err_class rc =
        api_token_list(request->tenant, request->ex->arena, whose(request), &list, &count, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "tokens");
    json_array(&json);
    for (size_t i = 0; i < count; i++)
        put_token(&json, &list[i], NULL);
    json_array_end(&json);
    json_object_end(&json);
    return ERR_OK;
}

static enum err_class read_scopes(yyjson_val *body, unsigned *ret, struct err *err)
{
    yyjson_val *list = yyjson_obj_get(body, "scopes"), *item;
    size_t at, max;

    *ret = 0;
    if (!yyjson_is_arr(list))
        return err_set(err, ERR_INPUT, "\"scopes\" must be a list of read, write and admin");
    yyjson_arr_foreach(list, at, max, item)
    {
        unsigned bit = 0;
        struct str word = {yyjson_get_str(item), yyjson_get_len(item)};

        if (!yyjson_is_str(item) || !api_token_parse_scopes(word, &bit))
            return err_set(err, ERR_INPUT,
                           "scope %zu of the list is none; there are read, write and admin",
                           at + 1);
        *ret |= bit;
    }
    return ERR_OK;
}

static enum err_class read_token(struct request *request, yyjson_val *body, struct api_token *ret,
                                 struct err *err)
{
    yyjson_val *days = yyjson_obj_get(body, "expires_days");
    struct str account = json_str(body, "account");
    int64_t n = 0;

    *ret = (struct api_token){.name = json_str(body, "name"),
                              .account = str_from(request->who.account)};
    if (account.ptr && request->who.role == ROLE_ADMIN)
        ret->account = account; /* else it acts for the administrator, in this tenant */
    else if (account.ptr && !str_eq(account, ret->account))
        return err_set(err, ERR_FORBIDDEN,
                       "only an administrator of this server makes tokens for other people");
    if (days && !yyjson_is_null(days)) {
        if (!yyjson_is_int(days) || !json_to_i64(days, &n) || n < 1 || n > API_TOKEN_DAYS_MAX)
            return err_set(err, ERR_INPUT,
                           "\"expires_days\" must be " TOKEN_DAYS_TEXT ", or null for no end");
        ret->expires_ms = ctx_now_ms(&request->daemon->ctx) + n * MS_PER_DAY;
    }
    return read_scopes(body, &ret->scopes, err);
}

/* Nobody gives away more than they have. */
static enum err_class check_scopes(struct request *request, unsigned scopes, struct err *err)
{
    bool admin = true;
    enum err_class rc = ERR_OK;

    if (request->who.by == BY_TOKEN) /* a leaked one could outlive its own end */
        return err_set(err, ERR_FORBIDDEN,
                       "a token cannot make tokens; sign in on the pages for that");
    if (scopes & MAY_ADMINISTER)
        rc = request_is_admin(request, &admin, err);
    if (rc == ERR_OK && ((scopes & ~request->who.scopes) != 0 || !admin))
        rc = err_set(err, ERR_FORBIDDEN,
                     "a token cannot have a scope that its maker lacks; leave out admin, or ask "
                     "somebody who administers the Jira site");
    return rc;
}

static enum err_class add_token(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    char text[API_TOKEN_BYTES + 1];
    struct api_token token;
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    if (rc == ERR_OK)
        rc = read_token(request, body, &token, err);
    if (rc == ERR_OK)
        rc = check_scopes(request, token.scopes, err);
    if (rc == ERR_OK)
        rc = api_token_add(request->tenant, &token, text, err);
    if (rc != ERR_OK)
        return rc;
    request->ex->status = 201;
    put_token(&json, &token, text);
    return ERR_OK;
}

static enum err_class remove_token(struct request *request, struct err *err)
{
    struct str text = request->ex->params[0];
    int64_t id = 0;

    if (!parse_i64(text, 1, INT64_MAX, &id))
        return err_set(err, ERR_NOT_FOUND, "there is no such token; its id is a whole number");

    enum err_class rc =
        api_token_remove(request->daemon->auth.tokens, request->tenant, id, whose(request), err);

    if (rc == ERR_OK)
        request->ex->status = 204;
    return rc;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/session", 0, API_PUBLIC, ways, NULL},
    {HTTP_POST, "/api/v1/session", SIGN_IN_BODY_BYTES, API_PUBLIC, sign_in, NULL},
    {HTTP_DELETE, "/api/v1/session", 0, 0, sign_out, NULL},
    {HTTP_GET, "/auth/jira/start", 0, API_PUBLIC, jira_start, NULL},
    {HTTP_GET, "/auth/jira/callback", 0, API_PUBLIC, jira_callback, NULL},
    {HTTP_GET, "/api/v1/tokens", 0, API_TENANT, list_tokens, NULL},
    {HTTP_POST, "/api/v1/tokens", TOKEN_BODY_BYTES, API_TENANT | API_STRICT, add_token, NULL},
    {HTTP_DELETE, "/api/v1/tokens/{id}", 0, API_TENANT | API_STRICT, remove_token, NULL},
};

const struct api_area people_area = {routes, ARRAY_LEN(routes)};
