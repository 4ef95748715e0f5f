/*
 * control_atlassian.c: how a test installs an app in the sandbox, and makes tokens good and bad.
 *
 * What calls the app waits for its answer, and the app may call us meanwhile: so each runs on a
 * thread of its own, with the exchange deferred, and no thread of the server waits.
 */
#include <inttypes.h>

#include "atlassian.h"
#include "post.h"

#define ANSWER_BYTES ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)1 << 20)

/* ---- Calls that wait ---- */

struct task {
    struct http_exchange *ex;
    struct atlassian *atlassian;
    struct arena *arena;
    yyjson_doc *doc;
    yyjson_val *body;
    void (*run)(struct task *task);
};

static void *run_task(void *arg)
{
    struct task *task = arg;
    struct http_exchange *ex = task->ex;

    task->run(task);
    yyjson_doc_free(task->doc);
    arena_free(task->arena);
    free(task);
    http_resume(ex);
    return NULL;
}

/* Reads the body and runs `run` beside the server. */
static void start_task(struct http_exchange *ex, void (*run)(struct task *task))
{
    struct task *task = calloc(1, sizeof(*task));
    pthread_t thread;

    if (task)
        *task = (struct task){.ex = ex,
                              .atlassian = api_sandbox(ex)->atlassian,
                              .arena = arena_new(ARENA_BYTES),
                              .run = run};
    if (!task || !task->arena) {
        free(task);
        api_error(ex, 503, "out of memory");
        return;
    }
    if (!api_body(ex, &task->doc) || !yyjson_is_obj(yyjson_doc_get_root(task->doc))) {
        if (task->doc)
            api_error(ex, 400, "the body must be a JSON object");
        yyjson_doc_free(task->doc);
        arena_free(task->arena);
        free(task);
        return;
    }
    task->body = yyjson_doc_get_root(task->doc);
    http_defer(ex);
    if (pthread_create(&thread, NULL, run_task, task) == 0)
        (void)pthread_detach(thread);
    else
        (void)run_task(task);
}

static void copy_text(char *to, size_t room, struct str text)
{
    (void)snprintf(to, room, STR_FMT, STR_ARG(text));
}

static void set_header(struct post *post, size_t at, const char *name, struct str value)
{
    (void)snprintf(post->headers[at], sizeof(post->headers[at]), "%s: " STR_FMT, name,
                   STR_ARG(value));
}

/* ---- Connect ---- */

/* The descriptor of the app, into the site; false: it is not one. */
static bool read_descriptor(struct task *task, struct str app, struct connect_site *site)
{
    struct strbuf url AUTO(strbuf_done) = STRBUF_INIT(1024);
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(ANSWER_BYTES);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct post *get = arena_alloc(task->arena, sizeof(*get));
    struct err err;

    strbuf_add_str(&url, app);
    if (!str_ends(app, STR(".json")))
        strbuf_add_z(&url, "/atlassian-connect.json");
    if (!get)
        return false;
    get->url = strbuf_z(&url);
    if (post_send(get, &text) != 200 ||
        json_read(strbuf_str(&text), "the descriptor", &doc, &err) != ERR_OK)
        return false;

    yyjson_val *root = yyjson_doc_get_root(doc), *life = yyjson_obj_get(root, "lifecycle");
    yyjson_val *hooks = yyjson_obj_get(yyjson_obj_get(root, "modules"), "webhooks");

    copy_text(site->app_url, sizeof(site->app_url), json_str(root, "baseUrl"));
    copy_text(site->app_key, sizeof(site->app_key), json_str(root, "key"));
    copy_text(site->installed_path, sizeof(site->installed_path), json_str(life, "installed"));
    copy_text(site->uninstalled_path, sizeof(site->uninstalled_path),
              json_str(life, "uninstalled"));
    copy_text(site->enabled_path, sizeof(site->enabled_path), json_str(life, "enabled"));
    copy_text(site->disabled_path, sizeof(site->disabled_path), json_str(life, "disabled"));
    copy_text(site->webhook_path, sizeof(site->webhook_path),
              json_str(yyjson_arr_get_first(hooks), "url"));
    return site->app_url[0] && site->app_key[0] && site->installed_path[0] &&
           yyjson_get_bool(yyjson_obj_get(yyjson_obj_get(root, "apiMigrations"), "signed-install"));
}

static void make_secret(struct task *task, struct connect_site *site)
{
    unsigned char bytes[32];

    ctx_random(&task->atlassian->sandbox->ctx, bytes, sizeof(bytes));
    memcpy(site->old_secret, site->secret, sizeof(site->secret));
    (void)snprintf(site->secret, sizeof(site->secret), "ATCO");
    for (size_t i = 0; i < sizeof(bytes); i++)
        (void)snprintf(site->secret + 4 + 2 * i, 3, "%02x", bytes[i]);
}

static void put_life_body(struct task *task, const struct connect_site *site, const char *event,
                          struct strbuf *ret)
{
    const char *base_url = task->atlassian->sandbox->site.base_url;

    strbuf_addf(ret,
                "{\"key\":\"%s\",\"clientKey\":\"%s\",\"publicKey\":\"\",\"serverVersion\":"
                "\"100330\",\"pluginsVersion\":\"1001.0.0\",\"baseUrl\":\"%s\",\"displayUrl\":"
                "\"%s\",\"productType\":\"jira\",\"description\":\"Sandbox\",\"eventType\":\"%s\"",
                site->app_key, site->client_key, base_url, base_url, event);
    if (strcmp(event, "installed") == 0)
        strbuf_addf(ret, ",\"sharedSecret\":\"%s\",\"oauthClientId\":\"%s\"", site->secret,
                    site->client_id);
    strbuf_add_char(ret, '}');
}

/* The status that the app answers a lifecycle callback with; `alg` NULL: the right one. */
static long tell_life(struct task *task, const struct connect_site *site, const char *event,
                      const char *path, const char *alg)
{
    struct strbuf url AUTO(strbuf_done) = STRBUF_INIT(1024);
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct post *post = arena_alloc(task->arena, sizeof(*post));
    bool by_key = strcmp(event, "installed") == 0 || strcmp(event, "uninstalled") == 0;
    struct connect_claims claims = {.method = STR("POST"),
                                    .path = str_from(path),
                                    .alg = alg      ? alg
                                           : by_key ? "RS256"
                                                    : "HS256",
                                    .audience = by_key ? site->app_url : NULL};

    strbuf_addf(&url, "%s%s", site->app_url, path);
    put_life_body(task, site, event, &body);
    strbuf_add_z(&token, "JWT ");
    if (!post || !path[0] ||
        !atlassian_connect_token(task->atlassian, task->arena, site, site->secret, &claims, &token))
        return 0;
    post->url = strbuf_z(&url);
    post->body = strbuf_z(&body);
    post->len = body.len;
    set_header(post, 0, "Content-Type", STR("application/json"));
    set_header(post, 1, "Authorization", strbuf_str(&token));
    return post_send(post, NULL);
}

static void answer_life(struct task *task, const struct connect_site *site, long status,
                        long enabled)
{
    struct json_out out = json_out(&task->ex->out);

    json_object(&out);
    json_key(&out, "status");
    json_put_i64(&out, status);
    if (enabled >= 0) {
        json_key(&out, "enabled");
        json_put_i64(&out, enabled);
    }
    json_key(&out, "clientKey");
    json_put_z(&out, site->client_key);
    json_object_end(&out);
}

/* The installation that the body names, or a new one; copied. False: there is no room. */
static bool pick_site(struct task *task, bool make, struct connect_site *ret)
{
    struct atlassian *atlassian = task->atlassian;
    struct str client_key = json_str(task->body, "clientKey");
    struct connect_site *found;

    pthread_mutex_lock(&atlassian->mutex);
    found = atlassian_site(atlassian, client_key);
    if (found && json_bool(task->body, "new", false))
        found = NULL;
    if (found)
        *ret = *found;
    else if (make)
        *ret = (struct connect_site){.used = true};
    if (!found && make) {
        uint64_t serial = ++atlassian->serial;

        if (client_key.len > 0)
            copy_text(ret->client_key, sizeof(ret->client_key), client_key);
        else
            (void)snprintf(ret->client_key, sizeof(ret->client_key),
                           "5a4d0b5e-0000-3000-8000-%012" PRIx64, serial);
        (void)snprintf(ret->client_id, sizeof(ret->client_id), "client-%" PRIu64, serial);
    }
    pthread_mutex_unlock(&atlassian->mutex);
    return found || make;
}

static void keep_site(struct atlassian *atlassian, const struct connect_site *site)
{
    pthread_mutex_lock(&atlassian->mutex);
    for (size_t i = 0; i < ATLASSIAN_INSTALLS_MAX; i++) {
        struct connect_site *place = &atlassian->connect[i];

        if (place->used && strcmp(place->client_key, site->client_key) != 0)
            continue;
        *place = *site;
        break;
    }
    pthread_mutex_unlock(&atlassian->mutex);
}

static void run_install(struct task *task)
{
    struct connect_site site = {0};
    struct str app = json_str(task->body, "app");
    const char *alg = json_str(task->body, "alg").ptr;
    long status, enabled = -1;

    (void)pick_site(task, true, &site);
    if (app.len == 0)
        app = str_from(site.app_url);
    if (!read_descriptor(task, app, &site)) {
        api_error(task->ex, 400, "\"app\" has no descriptor with signed-install");
        return;
    }
    if (!site.secret[0] || json_bool(task->body, "rotate", false))
        make_secret(task, &site);
    /* It may call us for an answer to this very callback. */
    site.installed = true;
    keep_site(task->atlassian, &site);
    status = tell_life(task, &site, "installed", site.installed_path, alg);
    if (status >= 200 && status < 300 && json_bool(task->body, "enable", true))
        enabled = tell_life(task, &site, "enabled", site.enabled_path, NULL);
    answer_life(task, &site, status, enabled);
}

static void run_life(struct task *task, const char *event)
{
    struct connect_site site = {0};
    long status;

    if (!pick_site(task, false, &site)) {
        api_error(task->ex, 404, "no app is installed");
        return;
    }
    status = tell_life(task, &site, event,
                       strcmp(event, "enabled") == 0    ? site.enabled_path
                       : strcmp(event, "disabled") == 0 ? site.disabled_path
                                                        : site.uninstalled_path,
                       json_str(task->body, "alg").ptr);
    if (strcmp(event, "uninstalled") == 0) {
        site.installed = false;
        keep_site(task->atlassian, &site);
    }
    answer_life(task, &site, status, -1);
}

static void run_uninstall(struct task *task)
{
    run_life(task, "uninstalled");
}

static void run_enable(struct task *task)
{
    run_life(task, "enabled");
}

static void run_disable(struct task *task)
{
    run_life(task, "disabled");
}

void control_connect(struct http_exchange *ex)
{
    static const struct {
        const char *action;
        void (*run)(struct task *task);
    } actions[] = {{"install", run_install},
                   {"uninstall", run_uninstall},
                   {"enable", run_enable},
                   {"disable", run_disable}};

    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (str_eq_z(ex->params[0], actions[i].action)) {
            start_task(ex, actions[i].run);
            return;
        }
    api_error(ex, 404, "the action is none of install, uninstall, enable, disable");
}

static void put_token(struct http_exchange *ex, const char *name, struct str token)
{
    struct json_out out = json_out(&ex->out);

    json_object(&out);
    json_key(&out, name);
    json_put_str(&out, token);
    json_object_end(&out);
}

void control_connect_token(struct http_exchange *ex)
{
    struct atlassian *atlassian = api_sandbox(ex)->atlassian;
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct connect_claims claims = {0};
    struct connect_site site = {0}, *found;
    const char *secret = site.secret;

    if (!api_body(ex, &doc))
        return;

    yyjson_val *body = yyjson_doc_get_root(doc);
    struct str which = json_str(body, "secret");

    pthread_mutex_lock(&atlassian->mutex);
    found = atlassian_site(atlassian, json_str(body, "clientKey"));
    if (found)
        site = *found;
    pthread_mutex_unlock(&atlassian->mutex);
    if (!found) {
        api_error(ex, 404, "no app is installed");
        return;
    }
    if (str_eq_z(which, "old"))
        secret = site.old_secret;
    else if (str_eq_z(which, "wrong"))
        secret = "a secret that nobody has given to anybody";
    claims.method = json_str(body, "method");
    claims.path = json_str(body, "path");
    claims.account = json_str(body, "account");
    claims.context = json_bool(body, "context", false);
    claims.no_qsh = json_bool(body, "no_qsh", false);
    claims.alg = json_str(body, "alg").ptr ? json_str(body, "alg").ptr : "HS256";
    if (!json_i64(body, "age_s", &claims.age_s))
        claims.age_s = 0;
    if (!atlassian_connect_token(atlassian, ex->arena, &site, secret, &claims, &token))
        api_error(ex, 503, "out of memory");
    else
        put_token(ex, "token", strbuf_str(&token));
}

/* ---- Forge ---- */

static long call_forge(struct task *task, const struct forge_site *forge, const char *path,
                       struct str body)
{
    struct strbuf url AUTO(strbuf_done) = STRBUF_INIT(1024);
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct strbuf system AUTO(strbuf_done) = STRBUF_INIT(128);
    struct post *post = arena_alloc(task->arena, sizeof(*post));

    strbuf_addf(&url, "%s%s", forge->app_url, path);
    strbuf_add_z(&token, "Bearer ");
    if (!post || !atlassian_invocation(task->atlassian, forge, (struct str){NULL, 0}, 0, &token))
        return 0;
    atlassian_bearer(task->atlassian, SITE_USER_SELF, &system);
    post->url = strbuf_z(&url);
    post->body = body.ptr;
    post->len = body.len;
    set_header(post, 0, "Content-Type", STR("application/json"));
    set_header(post, 1, "Authorization", strbuf_str(&token));
    set_header(post, 2, "x-forge-oauth-system", strbuf_str(&system));
    return post_send(post, NULL);
}

static void answer_forge(struct task *task, const struct forge_site *forge, long status)
{
    struct json_out out = json_out(&task->ex->out);

    json_object(&out);
    json_key(&out, "status");
    json_put_i64(&out, status);
    json_key(&out, "installationId");
    json_put_z(&out, forge->installation_id);
    json_key(&out, "cloudId");
    json_put_z(&out, forge->cloud_id);
    json_object_end(&out);
}

static void or_default(char *to, size_t room, struct str text, const char *otherwise)
{
    copy_text(to, room, text.len > 0 ? text : str_from(otherwise));
}

static void run_forge_install(struct task *task)
{
    struct atlassian *atlassian = task->atlassian;
    struct forge_site forge = {.installed = true};
    char installation[64], body[512];
    uint64_t serial;

    pthread_mutex_lock(&atlassian->mutex);
    serial = ++atlassian->serial;
    pthread_mutex_unlock(&atlassian->mutex);
    (void)snprintf(installation, sizeof(installation),
                   "ari:cloud:ecosystem::installation/0f%010" PRIx64, serial);
    copy_text(forge.app_url, sizeof(forge.app_url), json_str(task->body, "app"));
    or_default(forge.app_id, sizeof(forge.app_id), json_str(task->body, "app_id"),
               "ari:cloud:ecosystem::app/00000000-0000-4000-8000-000000000001");
    or_default(forge.installation_id, sizeof(forge.installation_id),
               json_str(task->body, "installationId"), installation);
    or_default(forge.cloud_id, sizeof(forge.cloud_id), json_str(task->body, "cloudId"),
               "5a4d0b5e-0000-4000-8000-0000000000c1");
    or_default(forge.lifecycle_path, sizeof(forge.lifecycle_path),
               json_str(task->body, "lifecycle"), "/forge/lifecycle");
    or_default(forge.events_path, sizeof(forge.events_path), json_str(task->body, "events"),
               "/forge/events");
    or_default(forge.uninstall_path, sizeof(forge.uninstall_path),
               json_str(task->body, "uninstall"), "/forge/uninstall");
    pthread_mutex_lock(&atlassian->mutex);
    atlassian->forge = forge;
    pthread_mutex_unlock(&atlassian->mutex);
    (void)snprintf(body, sizeof(body),
                   "{\"eventType\":\"avi:forge:installed:app\",\"id\":\"%s\",\"app\":{\"id\":"
                   "\"%s\",\"version\":\"1.0.0\"}}",
                   forge.installation_id, forge.app_id);
    answer_forge(task, &forge, call_forge(task, &forge, forge.lifecycle_path, str_from(body)));
}

static bool copy_forge(struct atlassian *atlassian, struct forge_site *ret)
{
    pthread_mutex_lock(&atlassian->mutex);
    *ret = atlassian->forge;
    pthread_mutex_unlock(&atlassian->mutex);
    return ret->app_url[0] != '\0';
}

static void run_forge_uninstall(struct task *task)
{
    struct forge_site forge;

    if (!copy_forge(task->atlassian, &forge)) {
        api_error(task->ex, 404, "no Forge app is installed");
        return;
    }
    answer_forge(task, &forge, call_forge(task, &forge, forge.uninstall_path, STR("{}")));
    pthread_mutex_lock(&task->atlassian->mutex);
    task->atlassian->forge.installed = false;
    pthread_mutex_unlock(&task->atlassian->mutex);
}

/* {"event":"avi:jira:created:worklog","worklog":"10001","issue":"10000"}, or {} for a schedule. */
static void run_forge_event(struct task *task)
{
    struct forge_site forge;
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(4096);
    struct str event = json_str(task->body, "event");

    if (!copy_forge(task->atlassian, &forge)) {
        api_error(task->ex, 404, "no Forge app is installed");
        return;
    }
    if (event.len > 0)
        strbuf_addf(&body,
                    "{\"eventType\":\"" STR_FMT
                    "\",\"selfGenerated\":false,\"worklog\":{\"id\":\"" STR_FMT
                    "\",\"issueId\":\"" STR_FMT "\"}}",
                    STR_ARG(event), STR_ARG(json_str(task->body, "worklog")),
                    STR_ARG(json_str(task->body, "issue")));
    else
        strbuf_add_z(&body, "{\"context\":{\"moduleKey\":\"hourly\"}}");
    answer_forge(task, &forge, call_forge(task, &forge, forge.events_path, strbuf_str(&body)));
}

void control_forge(struct http_exchange *ex)
{
    if (str_eq_z(ex->params[0], "install"))
        start_task(ex, run_forge_install);
    else if (str_eq_z(ex->params[0], "uninstall"))
        start_task(ex, run_forge_uninstall);
    else
        api_error(ex, 404, "the action is none of install, uninstall, event, invoke-token");
}

void control_forge_event(struct http_exchange *ex)
{
    start_task(ex, run_forge_event);
}

void control_forge_token(struct http_exchange *ex)
{
    struct atlassian *atlassian = api_sandbox(ex)->atlassian;
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct strbuf token AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct strbuf user_token AUTO(strbuf_done) = STRBUF_INIT(128);
    struct json_out out = json_out(&ex->out);
    struct forge_site forge;
    int64_t age_s = 0;
    uint32_t user;

    if (!api_body(ex, &doc))
        return;

    yyjson_val *body = yyjson_doc_get_root(doc);
    struct str account = json_str(body, "account"), app_id = json_str(body, "app_id");

    if (!copy_forge(atlassian, &forge)) {
        api_error(ex, 404, "no Forge app is installed");
        return;
    }
    if (app_id.len > 0)
        copy_text(forge.app_id, sizeof(forge.app_id), app_id);
    if (!json_i64(body, "age_s", &age_s))
        age_s = 0;

    SITE_READ(site);
    user = site_find_user(site, account);
    if (!atlassian_invocation(atlassian, &forge, account, age_s, &token)) {
        api_error(ex, 503, "out of memory");
        return;
    }
    json_object(&out);
    json_key(&out, "token");
    json_put_str(&out, strbuf_str(&token));
    if (user != NONE) {
        atlassian_bearer(atlassian, user, &user_token);
        json_key(&out, "user_token");
        json_put_str(&out, strbuf_str(&user_token));
    }
    json_object_end(&out);
}
