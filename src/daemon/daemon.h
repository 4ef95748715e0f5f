#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H
#include "connect/link.h"
#include "daemon/app.h"
#include "daemon/config.h"

/*
 * The daemon: one HTTP server, threads for requests that wait and for jobs, and the sites (tenants)
 * in memory. daemon_start returns when it serves; daemon_stop drains: no new connection, what was
 * received is answered, jobs are interrupted between two steps and stay in the queue.
 */
struct daemon;

struct daemon_options {
    const char *data_dir;
    const struct catalog *catalog;
    const struct app *const *apps;
    size_t app_count;
    const struct config *config; /* borrowed */
};

MUST_USE enum err_class daemon_start(const struct ctx *ctx, const struct daemon_options *options,
                                     struct daemon **ret, struct err *err);
uint16_t daemon_port(const struct daemon *daemon);
void daemon_stop(struct daemon *daemon); /* NULL is fine */
/*
 * The settings in options.config have changed where they may (config_compare), or the TLS
 * certificate's files have: takes the new periods and the new certificate. To be called by the
 * thread that started the daemon. On an error the certificate stays the old one.
 */
MUST_USE enum err_class daemon_reload(struct daemon *daemon, struct err *err);

/* ---- For the routes and jobs ---- */
const struct ctx *daemon_ctx(const struct daemon *daemon);
const struct config *daemon_config(const struct daemon *daemon);
struct store_pool *daemon_store(struct daemon *daemon);

/* The site of a tenant, held until given back. ERR_MEMORY. */
MUST_USE enum err_class daemon_site(struct daemon *daemon, const struct tenant_info *info,
                                    struct site **ret, struct err *err);
void daemon_give_site(struct site *site); /* NULL is fine */
/* The tenant is gone or was replaced: nothing of it stays in memory once nobody holds it. */
void daemon_forget_site(struct daemon *daemon, const char *tenant_id);

/* Adds a job and wakes a worker. Errors: jobs_add. */
MUST_USE enum err_class daemon_add_job(struct daemon *daemon, const struct job_order *order,
                                       struct err *err);
/* To be called every second or so by whoever started it: what comes by itself, and tidying up. */
void daemon_tick(struct daemon *daemon);

/* ---- For the routes alone ---- */
/* The body as a JSON object, until the route returns. ERR_USAGE says what is wrong with it. */
MUST_USE enum err_class request_json(struct request *request, yyjson_val **ret, struct err *err);
/*
 * The way to the tenant's Jira, sharing its budget: as the person who asks (ERR_FORBIDDEN when the
 * connection does not allow that), or as the tenant's own connection. The caller ends with
 * link_done.
 */
enum request_as { AS_PERSON, AS_TENANT };
MUST_USE enum err_class request_link(struct request *request, enum request_as as,
                                     const char *purpose, struct link *ret, struct err *err);
/*
 * An event of Jira came with this request, from a sender that was proved. What an app wants done
 * about it is put into the queue after the route has returned; only when that is on the disk the
 * answer goes out: 204, or 503 when the queue cannot take it. An event that nobody wants is
 * answered 204 too.
 *   tenant  its id
 *   event   the classic name: "worklog_created"
 *   body    the whole event; read before this returns
 */
MUST_USE enum err_class daemon_take_hint(struct request *request, const char *tenant,
                                         struct str event, yyjson_val *body, struct err *err);
/* Does the person administer the tenant's Jira site, or the whole server? */
MUST_USE enum err_class request_is_admin(struct request *request, bool *ret, struct err *err);

#endif
