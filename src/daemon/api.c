/*
 * api.c: from a matched route to its answer.
 *
 * The model: the server's threads never wait. A request is looked at on the server's thread: who is
 * it, may they. A fast route is answered there and then; any other goes, suspended, to the pool,
 * which opens the tenant and runs it. Whatever it returns as an error becomes a problem document
 * here and nowhere else.
 */
#include "daemon/internal.h"

#include "base/log.h"

/* What belongs to one exchange from `before` to `after`. */
struct running {
    struct request request;
    const struct bound_route *bound;
    size_t index;
    int64_t began_us;
    bool known;       /* request.who is filled */
    bool deferred;    /* http_defer was called */
    yyjson_doc *body; /* owned; until the route has returned */
    struct hint hint; /* of an event, to be queued before the answer; kind NULL: none */
    char hint_tenant[TENANT_ID_BYTES + 1];
};

static struct daemon *daemon_of(const struct http_exchange *ex)
{
    return ex->app;
}

static int64_t mono_us(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void refuse(struct http_exchange *ex, int status, const char *detail)
{
    struct daemon *daemon = daemon_of(ex);

    if (status == 401)
        http_out_header(ex, "WWW-Authenticate", "Bearer realm=\"tenon\"");
    if (status == 401 || status == 403)
        atomic_fetch_add(&daemon->metrics.refused, 1);
    if (status == 429 || status == 503)
        http_out_header(ex, "Retry-After", "2");
    if (status == 503) {
        atomic_fetch_add(&daemon->metrics.busy, 1);
    }
    http_out_problem(ex, status, detail);
}

/* ---- May they? ---- */

static bool is_read(const struct http_exchange *ex)
{
    return ex->method == HTTP_GET;
}

static enum err_class check_rights(struct running *running, struct err *err)
{
    struct request *request = &running->request;
    unsigned flags = running->bound->route->flags;
    unsigned wanted = is_read(request->ex) || (flags & API_READ) ? MAY_READ : MAY_WRITE;
    bool admin = false;

    if (flags & (API_ADMIN | API_LOCAL))
        wanted |= MAY_ADMINISTER;
    if ((request->who.scopes & wanted) != wanted)
        return err_set(err, ERR_FORBIDDEN,
                       "this sign-in may not do that: the scope %s is missing; make a token that "
                       "has it",
                       wanted & MAY_ADMINISTER & ~request->who.scopes ? "admin"
                       : wanted & MAY_WRITE & ~request->who.scopes    ? "write"
                                                                      : "read");
    if ((flags & API_LOCAL) && !principal_is_local(&request->who))
        return err_set(err, ERR_FORBIDDEN,
                       "only an administrator of this server may do that; `tenon admin` prints a "
                       "sign-in link");
    if (!(flags & API_ADMIN))
        return ERR_OK;

    enum err_class rc = request_is_admin(request, &admin, err);

    if (rc == ERR_OK && !admin)
        rc = err_set(err, ERR_FORBIDDEN, "only people who administer the Jira site may do that");
    return rc;
}

/* ---- The tenant ---- */

struct only_tenant {
    struct tenant_info info;
    size_t count;
};

static enum err_class take_only(void *arg, const struct tenant_info *info, struct err *err)
{
    struct only_tenant *only = arg;

    (void)err;
    if (only->count++ == 0)
        only->info = *info;
    return ERR_OK;
}

enum err_class request_tenant(struct request *request, struct str *ret, struct err *err)
{
    struct only_tenant only = {.count = 0};
    struct data *data = NULL;

    if (request->who.tenant[0] != '\0') {
        *ret = str_from(request->who.tenant);
        return ERR_OK;
    }
    *ret = http_in_query(request->ex, "tenant");
    if (ret->len > 0)
        return ERR_OK;

    enum err_class rc = store_pool_data(request->daemon->store, &data, err);

    if (rc == ERR_OK)
        rc = tenant_each(data, take_only, &only, err);
    store_pool_give_data(request->daemon->store, data);
    if (rc == ERR_OK && only.count == 0)
        rc = err_set(err, ERR_NOT_FOUND,
                     "no Jira site is connected yet; add one on the page Set-up or with "
                     "`tenon tenant add`");
    if (rc == ERR_OK && only.count > 1)
        rc = err_set(err, ERR_USAGE, "there are %zu sites: say which one with ?tenant=NAME",
                     only.count);
    if (rc != ERR_OK)
        return rc;
    *ret = arena_dup(request->ex->arena, str_from(only.info.id));
    return ret->ptr ? ERR_OK : err_memory(err);
}

static enum err_class open_tenant(struct request *request, struct err *err)
{
    struct str name = {NULL, 0};
    enum err_class rc = request_tenant(request, &name, err);

    if (rc == ERR_OK)
        rc = store_pool_tenant(request->daemon->store, name, &request->tenant, err);
    if (rc == ERR_OK)
        rc = daemon_site(request->daemon, &request->tenant->info, &request->site, err);
    return rc;
}

/* ---- The answer ---- */

/*
 * ERR_DENIED from a route is Jira refusing the credential that we keep: not the caller's fault, and
 * not for them to sign in again.
 */
static int status_of(enum err_class rc)
{
    return rc == ERR_DENIED ? 502 : err_http_status(rc);
}

static void answer_error(struct running *running, enum err_class rc, const struct err *err)
{
    const struct request *request = &running->request;
    int status = status_of(rc);

    /* A person's consent may have been taken back in Jira: its token is not used again. */
    if (rc == ERR_DENIED && request->tenant && request->who.account[0] &&
        request->daemon->auth.oauth)
        oauth_reject(request->daemon->auth.oauth, request->tenant->info.id, request->who.account);
    LOG(&request->daemon->ctx, status >= 500 ? LOG_WARN : LOG_DEBUG, "request_failed",
        LOG_NAME("route", running->bound->route->path), LOG_NAME("class", err_class_name(rc)),
        LOG_IDENT("tenant", request->tenant ? request->tenant->info.id : "none"));
    refuse(request->ex, status, err->msg);
}

static void run_route(struct running *running)
{
    struct request *request = &running->request;
    const struct api_route *route = running->bound->route;
    struct audit_who who;
    struct err err = {0};
    enum err_class rc = ERR_OK;

    acting_begin(&who, request);
    if (route->flags & API_TENANT)
        rc = open_tenant(request, &err);
    if (rc == ERR_OK && !(route->flags & API_PUBLIC))
        rc = check_rights(running, &err);
    if (rc == ERR_OK)
        rc = route->run(request, &err);
    audit_act_as(NULL);
    if (rc != ERR_OK)
        answer_error(running, rc, &err);
    daemon_give_site(request->site);
    store_pool_give_tenant(request->daemon->store, request->tenant);
    request->site = NULL;
    request->tenant = NULL;
    /* Not in api_after, which a client that has gone meanwhile does not bring about. */
    yyjson_doc_free(running->body);
    running->body = NULL;
}

/* False: the answer is made. */
static bool sign_in(struct running *running, bool may_wait, bool *ret_must_wait)
{
    struct request *request = &running->request;
    const struct api_route *route = running->bound->route;
    struct err err = {0};

    *ret_must_wait = false;
    if (running->known || (route->flags & API_PUBLIC))
        return true;

    enum err_class rc =
        authenticate(request->daemon, request->ex, route->flags, may_wait, &request->who, &err);

    if (rc == ERR_BUSY && !may_wait) {
        *ret_must_wait = true;
        return true;
    }
    running->known = rc == ERR_OK;
    if (running->known)
        atomic_fetch_add(&request->daemon->metrics.signed_in[request->who.by], 1);
    else
        refuse(request->ex, rc == ERR_DENIED ? 401 : err_http_status(rc), err.msg);
    return running->known;
}

/* On the intake's thread: the hint is on the disk, or is not. */
static void hint_done(void *arg, enum err_class rc)
{
    struct http_exchange *ex = arg;

    if (rc == ERR_OK)
        ex->status = 204;
    else
        refuse(ex, 503, "the queue cannot take this event now; send it again later");
    http_resume(ex);
}

/* The route has returned. The last touch of the exchange: somebody else may free it from here. */
static void finish(struct running *running)
{
    struct http_exchange *ex = running->request.ex;
    bool deferred = running->deferred;
    struct err err = {0};

    if (running->hint.kind) {
        if (!deferred)
            http_defer(ex);
        deferred = true;
        if (work_take(daemon_of(ex), running->hint_tenant, &running->hint, hint_done, ex, &err) ==
            ERR_OK)
            return;
        refuse(ex, 503, "the queue is full; send this event again later");
    }
    if (deferred)
        http_resume(ex);
}

/* On a thread of the pool. */
static void run_later(void *arg)
{
    struct running *running = arg;
    bool must_wait = false;

    if (sign_in(running, true, &must_wait))
        run_route(running);
    finish(running);
}

static bool is_fast(struct running *running)
{
    const struct api_route *route = running->bound->route;

    return (route->flags & API_FAST) || (route->is_fast && route->is_fast(&running->request));
}

static uint32_t hash_of(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 16777619U; /* FNV-1a */
    return hash ? hash : 1;                /* 0 would be without a limit */
}

/*
 * One client is one lane of the pool: who signed in, else the address. Those of one tenant are a
 * group: when its Jira hangs, others go on.
 */
static uint64_t lane_of(const struct running *running)
{
    const struct principal *who = &running->request.who;
    struct peer_address address = {{0}};
    uint32_t group = 0;

    if (running->known && who->tenant[0])
        group = hash_of(who->tenant, strlen(who->tenant));
    if (running->known && who->account[0])
        return POOL_LANE(group, hash_of(who->account, strlen(who->account)));
    if (http_in_peer(running->request.ex, &address))
        address = peer_address_site(&address);
    return POOL_LANE(group, hash_of(&address, sizeof(address)));
}

/* The server's handler of every route. */
static void serve(struct http_exchange *ex)
{
    struct running *running = ex->user;
    struct daemon *daemon = running->request.daemon;
    bool must_wait = false;

    if (!sign_in(running, false, &must_wait))
        return;
    if (!must_wait && is_fast(running)) {
        run_route(running);
        finish(running);
        return;
    }
    running->deferred = true;
    http_defer(ex);
    switch (pool_add(daemon->pool, lane_of(running), run_later, running)) {
    case POOL_TAKEN:
        return;
    case POOL_LANE_FULL:
        refuse(ex, 429, "too many requests of yours are under way; let some end first");
        break;
    case POOL_FULL:
        refuse(ex, 503, "the server is busy; try again in a moment");
        break;
    }
    http_resume(ex);
}

bool api_before(struct http_exchange *ex, const struct http_route *route)
{
    struct daemon *daemon = daemon_of(ex);
    struct running *running = arena_alloc(ex->arena, sizeof(*running));

    if (!running) {
        http_out_problem(ex, 503, "the server is out of memory; try again later");
        return false;
    }
    ex->user = running;
    running->began_us = mono_us();
    running->index = route ? (size_t)(route - daemon->http_routes) : daemon->route_count;
    running->request = (struct request){.ex = ex, .daemon = daemon};
    if (!route)
        return true;
    running->bound = &daemon->bound[running->index];
    running->request.app = running->bound->app;
    return true;
}

/* What every answer carries, unless the route has set it otherwise. */
static void put_headers(struct http_exchange *ex)
{
    http_out_default(ex, "X-Content-Type-Options", "nosniff");
    http_out_default(ex, "Referrer-Policy", "no-referrer");
    http_out_default(ex, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (str_starts(ex->path, STR("/api/")) || ex->status >= 400)
        http_out_default(ex, "Cache-Control", "no-store");
    if (http_in_is_https(ex))
        http_out_default(ex, "Strict-Transport-Security", "max-age=31536000");
}

void api_after(struct http_exchange *ex, const struct http_route *route)
{
    struct daemon *daemon = daemon_of(ex);
    struct running *running = ex->user;

    (void)route;
    put_headers(ex);
    if (!running)
        return;
    metrics_count(&daemon->metrics, running->index, ex->status, mono_us() - running->began_us);
}

/* ---- For the routes ---- */

enum err_class request_json(struct request *request, yyjson_val **ret, struct err *err)
{
    struct running *running = request->ex->user;
    struct str type = http_in_header(request->ex, "Content-Type"), rest;

    type = str_trim(str_cut(type, ';', &rest));
    if (!str_eq(type, STR("application/json")))
        return err_set(err, ERR_USAGE,
                       "the body must be JSON: send it with Content-Type: application/json");

    enum err_class rc = json_read(request->ex->body, "the body", &running->body, err);

    if (rc == ERR_OK)
        rc = json_refuse_twins(running->body, LIMIT_JSON_MEMBERS, "the body", err);
    if (rc != ERR_OK && rc != ERR_MEMORY) {
        err->class = ERR_USAGE; /* it is the caller's text, not a remote's */
        return ERR_USAGE;
    }
    if (rc != ERR_OK)
        return rc;
    *ret = yyjson_doc_get_root(running->body);
    return yyjson_is_obj(*ret) ? ERR_OK : err_set(err, ERR_USAGE, "the body must be a JSON object");
}

/* The event of that name in the tables of the apps; NULL: nobody wants it. */
static const struct hint_event *find_event(const struct daemon_options *options, struct str name)
{
    for (size_t i = 0; i < options->app_count; i++)
        for (size_t k = 0; k < options->apps[i]->event_count; k++)
            if (str_eq_z(name, options->apps[i]->events[k].name))
                return &options->apps[i]->events[k];
    return NULL;
}

enum err_class daemon_take_hint(struct request *request, const char *tenant, struct str event,
                                yyjson_val *body, struct err *err)
{
    struct daemon *daemon = request->daemon;
    struct running *running = request->ex->user;
    const struct hint_event *found = find_event(&daemon->options, event);
    bool understood = found && found->read(body, &running->hint);

    (void)err;
    atomic_fetch_add(&daemon->metrics.hints, 1);
    request->ex->status = 204;
    (void)snprintf(running->hint_tenant, sizeof(running->hint_tenant), "%s", tenant);
    if (!understood || !running->hint.kind) {
        running->hint = (struct hint){.kind = NULL};
        LOG(&daemon->ctx, LOG_DEBUG, "event_ignored", LOG_IDENT("tenant", tenant),
            LOG_NAME("event", found ? found->name : "unknown"), LOG_NUM("understood", understood));
    }
    return ERR_OK;
}

/* ---- The table ---- */

static const struct api_area *const daemon_areas[] = {&ops_area,    &account_area, &data_area,
                                                      &people_area, &person_area,  &audit_area,
                                                      &backup_area, &keys_area,    &atlassian_area};
static const size_t daemon_area_count = ARRAY_LEN(daemon_areas);

static size_t count_routes(const struct api_area *const *areas, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += areas[i]->count;
    return n;
}

static void bind_areas(struct daemon *daemon, const struct app *app,
                       const struct api_area *const *areas, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < areas[i]->count; k++) {
            const struct api_route *route = &areas[i]->routes[k];
            size_t at = daemon->route_count++;

            daemon->bound[at] = (struct bound_route){route, app};
            daemon->http_routes[at] =
                (struct http_route){route->method, route->path, route->body_max, serve};
        }
}

enum err_class routes_bind(struct daemon *daemon, struct err *err)
{
    const struct daemon_options *options = &daemon->options;
    size_t n = count_routes(daemon_areas, daemon_area_count);

    for (size_t i = 0; i < options->app_count; i++)
        n += count_routes(options->apps[i]->areas, options->apps[i]->area_count);
    daemon->http_routes = calloc(n, sizeof(daemon->http_routes[0]));
    daemon->bound = calloc(n, sizeof(daemon->bound[0]));
    daemon->metrics.routes = calloc(n + 1, sizeof(daemon->metrics.routes[0]));
    daemon->metrics.route_count = n + 1;
    if (!daemon->http_routes || !daemon->bound || !daemon->metrics.routes)
        return err_memory(err);
    bind_areas(daemon, NULL, daemon_areas, daemon_area_count);
    for (size_t i = 0; i < options->app_count; i++)
        bind_areas(daemon, options->apps[i], options->apps[i]->areas, options->apps[i]->area_count);
    return ERR_OK;
}

void routes_free(struct daemon *daemon)
{
    free(daemon->http_routes);
    free(daemon->bound);
    free(daemon->metrics.routes);
}
