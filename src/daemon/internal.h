#ifndef DAEMON_INTERNAL_H
#define DAEMON_INTERNAL_H
#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "daemon/auth.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "jobs/intake.h"
#include "jobs/workers.h"

/* What the files of the daemon share; others use daemon.h. */

struct sites {
    pthread_mutex_t mutex;
    struct site_entry *first;
};

/* A handle that a worker or the intake has. */
struct lent {
    struct lent *next;
    struct data *data;
};

/* A tenant whose last connection to Jira has ended: nothing is scheduled for it. */
struct resting {
    struct resting *next;
    char tenant[TENANT_ID_BYTES + 1];
};

struct work {
    struct job_kind *kinds; /* of all apps, each run by work.c, which opens the tenant */
    size_t kind_count;
    struct job_schedule *schedules;
    size_t schedule_count;
    size_t app_schedule_count; /* of them, which come first; then the platform's own */
    struct workers *workers;
    struct intake *intake;
    struct db *intake_control;
    pthread_mutex_t mutex; /* of the two lists */
    struct lent *lent;
    struct resting *resting;
    int32_t audit_day; /* of the last look at old files of the audit trail; daemon_tick's own */
    _Atomic int64_t minute_ms; /* when daemon_tick last did what it does every minute; 0: now */
};

struct daemon {
    struct ctx ctx;
    struct daemon_options options;
    struct store_pool *store;
    struct auth auth;
    struct sites sites;
    struct work work;
    struct pool *pool; /* requests that wait */
    struct http_server *server;
    struct metrics metrics;
    int64_t started_ms;
    _Atomic bool stopping;

    /* Routes: the daemon's own and those of the apps; the same index in all three. */
    struct http_route *http_routes;
    struct bound_route *bound;
    size_t route_count;
};

struct bound_route {
    const struct api_route *route;
    const struct app *app; /* NULL: the daemon's own */
};

/* api.c */
MUST_USE enum err_class routes_bind(struct daemon *daemon, struct err *err);
void routes_free(struct daemon *daemon);
/*
 * Which tenant the request is about: the principal's; a local administrator names one with ?tenant=
 * unless there is only one. ERR_NOT_FOUND: there is none at all; ERR_USAGE: which?
 */
MUST_USE enum err_class request_tenant(struct request *request, struct str *ret, struct err *err);
bool api_before(struct http_exchange *ex, const struct http_route *route);
void api_after(struct http_exchange *ex, const struct http_route *route);

/*
 * auth.c: who makes the request. ERR_DENIED: nobody we know; the sentence says what was wrong
 * without repeating it. ERR_BUSY when it would have to wait for a network and `may_wait` is not
 * given.
 */
MUST_USE enum err_class authenticate(struct daemon *daemon, struct http_exchange *ex,
                                     unsigned route_flags, bool may_wait, struct principal *ret,
                                     struct err *err);

MUST_USE enum err_class auth_start(struct daemon *daemon, struct err *err);
void auth_stop(struct daemon *daemon);
/* What a session's writes must carry in X-Tenon-CSRF; NULL for other ways. In the arena. */
const char *auth_csrf(struct request *request);

/*
 * acting.c: from now on this thread acts for whoever makes the request; *who is borrowed until
 * audit_act_as(NULL).
 */
void acting_begin(struct audit_who *who, struct request *request);

/* custody_jobs.c: the platform's own jobs, in the form of an app's; in no list of apps. */
extern const struct app custody_app;

/* work.c */
MUST_USE enum err_class work_start(struct daemon *daemon, struct err *err);
/* Parts of work_start and of daemon_tick, for who runs the jobs without workers. */
MUST_USE enum err_class work_make_tables(struct daemon *daemon, struct err *err);
MUST_USE enum err_class work_see_to_schedules(struct daemon *daemon, struct err *err);
void work_stop(struct daemon *daemon);
/* Takes the periods of the schedules from the settings, which have changed. */
void work_reload(struct daemon *daemon);

/* A tenant's connections have changed: whether it has one is looked at within a second or so. */
void work_look_again(struct daemon *daemon);

/* Hands a hint to the intake; `done` is told once, or never when an error is returned. */
MUST_USE enum err_class work_take(struct daemon *daemon, const char *tenant,
                                  const struct hint *hint, intake_done *done, void *arg,
                                  struct err *err);

/* sites.c */
void sites_init(struct sites *sites);
void sites_free(struct daemon *daemon);
/* Lets go of what nobody used for that long. */
void sites_sweep(struct daemon *daemon, int64_t idle_ms);
/* Held; NULL when the tenant is not in use: to find out costs the disk. */
struct site *daemon_site_in_use(struct daemon *daemon, const char *tenant_id);
/* The tenant's app was uninstalled: erase_jobs.c decides later what becomes of it. */
MUST_USE enum err_class leave_later(struct daemon *daemon, const char *tenant_id, struct err *err);
/* Whether the account administers the Jira site; false: not asked lately. */
MUST_USE bool site_knows_admin(struct site *site, const char *account, bool *ret);
void site_learn_admin(struct site *site, const char *account, bool is_admin);
/* Memory that the sites hold. */
size_t sites_bytes(struct daemon *daemon, size_t *ret_count);

/* The daemon's own routes. */
extern const struct api_area ops_area;       /* ops.c */
extern const struct api_area account_area;   /* account.c */
extern const struct api_area data_area;      /* routes_data.c */
extern const struct api_area people_area;    /* routes_people.c */
extern const struct api_area audit_area;     /* routes_audit.c */
extern const struct api_area person_area;    /* people.c */
extern const struct api_area backup_area;    /* routes_backups.c */
extern const struct api_area keys_area;      /* routes_keys.c */
extern const struct api_area atlassian_area; /* routes_atlassian.c */

#endif
