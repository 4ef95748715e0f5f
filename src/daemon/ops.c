/* ops.c: the routes for those who operate the server, and the pages that need nobody to sign in. */
#include <malloc.h>
#include <unistd.h>

#include "connect/connect_app.h"
#include "custody/backup.h"
#include "custody/page.h"
#include "daemon/assets.h"
#include "daemon/internal.h"

/* The process answers: that is all a supervisor wants to know. */
static enum err_class healthz(struct request *request, struct err *err)
{
    (void)err;
    request->ex->content_type = "text/plain; charset=utf-8";
    strbuf_add_z(&request->ex->out, "ok\n");
    return ERR_OK;
}

/* From a network that may look inside (server.metrics_from), and not by way of an unknown proxy. */
static bool is_operator(const struct request *request)
{
    struct peer_nets nets;
    struct peer_address address;
    struct err ignored = {0};

    return peer_nets_read(request->daemon->options.config->server.metrics_from,
                          "server.metrics_from", &nets, &ignored) == ERR_OK &&
           http_in_peer(request->ex, &address) && peer_nets_have(&nets, &address) &&
           !http_in_is_relayed(request->ex);
}

/* Can it do its work? Key, control database, room. 503 with the sentence when not. */
static enum err_class readyz(struct request *request, struct err *err)
{
    struct daemon *daemon = request->daemon;
    struct data *data = NULL;
    int64_t waiting = 0;
    enum err_class rc = atomic_load(&daemon->stopping)
                            ? err_set(err, ERR_BUSY, "the server is stopping")
                            : store_pool_data(daemon->store, &data, err);

    if (rc == ERR_OK)
        rc = jobs_count(data->control, JOB_WAITING, &waiting, err);
    store_pool_give_data(daemon->store, data);
    if (rc != ERR_OK && is_operator(request)) {
        err->class = ERR_BUSY;
        return ERR_BUSY;
    }
    if (rc != ERR_OK) /* the sentence may name files: not for everybody */
        return err_set(err, ERR_BUSY, "the server is not ready; its log says why");
    request->ex->content_type = "text/plain; charset=utf-8";
    strbuf_add_z(&request->ex->out, "ready\n");
    return ERR_OK;
}

/* From /proc; 0 when it cannot be read. */
static int64_t resident_bytes(void)
{
    char line[128] = "";
    struct str rest = {NULL, 0};
    int64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;

    bool read = fgets(line, sizeof(line), file) != NULL;

    (void)fclose(file);
    (void)str_cut(str_from(line), ' ', &rest); /* the first number is the whole address space */
    return read && parse_i64(str_cut(rest, ' ', &rest), 0, INT64_MAX / 65536, &pages)
               ? pages * sysconf(_SC_PAGESIZE)
               : 0;
}

static enum err_class metrics(struct request *request, struct err *err)
{
    struct daemon *daemon = request->daemon;

    if (!is_operator(request))
        return err_set(err, ERR_FORBIDDEN,
                       "this address may not read the metrics; add it to server.metrics_from, or "
                       "its proxy to server.trusted_proxies");

    const char **names =
        arena_alloc(request->ex->arena, (daemon->route_count + 1) * sizeof(names[0]));
    struct data *data = NULL;
    size_t sites = 0;
    size_t site_bytes = sites_bytes(daemon, &sites);
    int64_t waiting = 0, parked = 0;
    struct backup_measure backups = {0};
    enum err_class rc = names ? store_pool_data(daemon->store, &data, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = jobs_count(data->control, JOB_WAITING, &waiting, err);
    if (rc == ERR_OK)
        rc = jobs_count(data->control, JOB_PARKED, &parked, err);
    if (rc == ERR_OK)
        rc = backups_measure(data, &backups, err);
    store_pool_give_data(daemon->store, data);
    if (rc != ERR_OK)
        return rc;

    const struct gauge gauges[] = {
        {"tenon_jobs_waiting", "Jobs that wait in the queue.", waiting},
        {"tenon_jobs_parked", "Jobs that failed for good and wait for an administrator.", parked},
        {"tenon_backups", "Backups that there are, here or in object storage.", backups.count},
        {"tenon_backups_unproven", "Of them without a restore drill that went well.",
         backups.unproven},
        {"tenon_backup_stalest_seconds",
         "When the newest backup was taken of the tenant whose newest is the oldest; 0: one has "
         "none.",
         backups.stalest_ms / 1000},
        {"tenon_sites", "Tenants in memory.", (int64_t)sites},
        {"tenon_sites_bytes", "Memory of their reports.", (int64_t)site_bytes},
        {"process_resident_memory_bytes", "Resident memory.", resident_bytes()},
        {"tenon_uptime_seconds", "Since the start.",
         (ctx_mono_ms(&daemon->ctx) - daemon->started_ms) / 1000},
        {"tenon_tls_certificate_end_seconds", "When the TLS certificate ends, since 1970; 0: none.",
         http_server_tls_until_ms(daemon->server) / 1000},
    };

    for (size_t i = 0; i < daemon->route_count; i++)
        names[i] = daemon->bound[i].route->path;
    names[daemon->route_count] = "none";
    request->ex->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(&daemon->metrics, names, gauges, ARRAY_LEN(gauges), &request->ex->out);
    return ERR_OK;
}

/* The form that the client likes best; a browser gets the page. */
static enum page_form wanted_form(const struct http_exchange *ex, const char **ret_type)
{
    struct str accept = http_in_header(ex, "Accept");

    if (memmem(accept.ptr ? accept.ptr : "", accept.len, "text/html", 9)) {
        *ret_type = "text/html; charset=utf-8";
        return PAGE_HTML;
    }
    if (memmem(accept.ptr ? accept.ptr : "", accept.len, "text/plain", 10)) {
        *ret_type = "text/plain; charset=utf-8";
        return PAGE_TEXT;
    }
    *ret_type = "application/json";
    return PAGE_JSON;
}

static enum err_class data_storage(struct request *request, struct err *err)
{
    struct page_facts facts = config_page_facts(daemon_config(request->daemon));
    struct strbuf app AUTO(strbuf_done) = STRBUF_INIT(64);
    struct page page = {request->daemon->options.catalog, &facts, NULL};
    enum page_form form = wanted_form(request->ex, &request->ex->content_type);

    strbuf_add_str(&app, http_in_query(request->ex, "app"));
    if (app.len > 0)
        page.app = strbuf_z(&app);
    http_out_header(request->ex, "Vary", "Accept");
    http_out_header(request->ex, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    return page_write(&page, form, &request->ex->out, err);
}

/* ---- Pages ---- */

#define OWN "'self'"
#define CONNECT_SCRIPTS "https://connect-cdn.atl-paas.net"
/* script-src; frame-ancestors */
#define PAGE_POLICY                                                                                \
    "default-src 'self'; script-src %s; style-src 'self'; img-src 'self' data: blob:; "            \
    "connect-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; "                 \
    "frame-ancestors %s"
#define POLICY_BYTES_MAX (4 * LIMIT_URL_BYTES)

/* Jira names itself so when it opens a page in its frame. */
static bool is_framed(const struct http_exchange *ex)
{
    return http_in_query(ex, "xdm_e").len > 0;
}

static bool is_alone(struct request *request)
{
    return !is_framed(request->ex);
}

/*
 * Who may show the page in a frame: the site whose token came with it. Any other page of
 * atlassian.net is a stranger's, who may have a site there for nothing.
 */
static enum err_class put_policy(struct request *request, struct err *err)
{
    const struct incoming in = incoming_of(request->ex);
    AUTO(strbuf_done) struct strbuf site = STRBUF_INIT(POLICY_BYTES_MAX);
    AUTO(strbuf_done) struct strbuf policy = STRBUF_INIT(POLICY_BYTES_MAX);
    bool framed = is_framed(request->ex);
    struct err refused = {0};

    if (!framed ||
        connect_frame(request->daemon->auth.identities, &in, &site, &refused) != ERR_OK) {
        strbuf_reset(&site);
        strbuf_add_z(&site, "'none'"); /* of the page the browser then shows nothing */
    }
    strbuf_addf(&policy, PAGE_POLICY, framed ? OWN " " CONNECT_SCRIPTS : OWN, strbuf_z(&site));

    enum err_class rc = strbuf_check(&policy, "the policy of a page", err);

    if (rc == ERR_OK)
        http_out_header(request->ex, "Content-Security-Policy", strbuf_z(&policy));
    return rc;
}

static bool takes_gzip(const struct http_exchange *ex)
{
    struct str accept = http_in_header(ex, "Accept-Encoding");

    return accept.len > 0 && memmem(accept.ptr, accept.len, "gzip", 4) != NULL;
}

static enum err_class put_asset(struct http_exchange *ex, const struct asset *asset,
                                struct err *err)
{
    unsigned char *plain = NULL;

    if (!asset->gzip || takes_gzip(ex)) {
        if (asset->gzip)
            http_out_header(ex, "Content-Encoding", "gzip");
        strbuf_add(&ex->out, (const char *)asset->bytes, asset->len);
        return ERR_OK;
    }

    enum err_class rc = asset_plain(asset, &plain, err);

    if (rc == ERR_OK)
        strbuf_add(&ex->out, (const char *)plain, asset->plain_len);
    free(plain);
    return rc;
}

/* A page, or a file that it loads. */
static enum err_class file(struct request *request, struct err *err)
{
    struct http_exchange *ex = request->ex;
    const struct asset *asset = assets_find(ex->path);
    enum err_class rc = asset ? put_policy(request, err)
                              : err_set(err, ERR_NOT_FOUND, "nothing is served at this path");

    if (rc != ERR_OK)
        return rc;
    ex->content_type = asset->type;
    http_out_header(ex, "ETag", asset->etag);
    http_out_header(ex, "Cache-Control",
                    asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    http_out_header(ex, "Vary", "Accept-Encoding");
    if (str_eq_z(http_in_header(ex, "If-None-Match"), asset->etag)) {
        ex->status = 304;
        return ERR_OK;
    }
    return put_asset(ex, asset, err);
}

#define PUBLIC_FAST (API_PUBLIC | API_FAST)

static const struct api_route routes[] = {
    {HTTP_GET, "/healthz", 0, PUBLIC_FAST, healthz, NULL},
    {HTTP_GET, "/readyz", 0, PUBLIC_FAST, readyz, NULL},
    {HTTP_GET, "/metrics", 0, PUBLIC_FAST, metrics, NULL},
    {HTTP_GET, "/data-storage", 0, PUBLIC_FAST, data_storage, NULL},
    {HTTP_GET, "/openapi.yaml", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/licences.txt", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/time", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/reports", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/sync", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/settings", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/data", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/setup", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/sign-in", 0, API_PUBLIC, file, is_alone},
    {HTTP_GET, "/assets/{name}", 0, API_PUBLIC, file, is_alone},
};

const struct api_area ops_area = {routes, ARRAY_LEN(routes)};
