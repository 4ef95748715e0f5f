#ifndef DAEMON_APP_H
#define DAEMON_APP_H
#include "base/json.h"
#include "connect/principal.h"
#include "custody/canary.h"
#include "daemon/config.h"
#include "http/server.h"
#include "jobs/jobs.h"
#include "store/pool.h"

/*
 * What an app is to the daemon: const tables of routes, jobs and webhook events, and what it keeps
 * in memory for a tenant. The list of apps is handed down from apps/apps.c; the daemon knows none
 * by name.
 */
struct daemon;

/* A tenant as long as the daemon runs; shared by threads. */
struct site {
    struct daemon *daemon;
    struct tenant_info info;    /* as it was when the site was first used */
    struct http_budget *budget; /* of calls to this tenant's Jira, shared by all that call it */
    void **states;              /* one an app, in the order of the apps; see site_state */
};
struct app;
/* What app->site_new made for this site. */
void *site_state(const struct site *site, const struct app *app);

/* A request that has been let in. Belongs to one thread; gone when the answer is made. */
struct request {
    struct http_exchange *ex;
    struct daemon *daemon;
    const struct app *app; /* whose route it is; NULL: the daemon's own */
    struct principal who;
    struct site *site;     /* NULL on routes without API_TENANT */
    struct tenant *tenant; /* open, for this request alone; the same */
};

/* An error becomes a problem document with the status of its class (base/err.c). */
typedef enum err_class api_handler(struct request *request, struct err *err);

enum api_flags {
    API_PUBLIC = 1 << 0, /* nobody needs to say who they are */
    API_TENANT = 1 << 1, /* about one tenant, which is opened for it */
    API_FAST = 1 << 2,   /* never waits for a network or a lock: runs on the server's own thread */
    API_ADMIN = 1 << 3,  /* local administrators, and people who administer the Jira site */
    API_LOCAL = 1 << 4,  /* local administrators only */
    API_READ = 1 << 5,   /* only reads, whatever its method: wants MAY_READ; a GET always does */
    API_STRICT = 1 << 6, /* a Connect token must be bound to this very request (real qsh) */
};

struct api_route {
    enum http_method method;
    const char *path; /* as http_route.pattern */
    size_t body_max;
    unsigned flags; /* of enum api_flags */
    api_handler *run;
    /* API_FAST for this request only: all that it needs is in memory. NULL: the flag decides. */
    bool (*is_fast)(struct request *request);
};

/* What a person may do in an app, by the tenant's settings. */
struct rights {
    bool log, report, others; /* book time; see reports; see other people's */
    char zone[64];            /* the site's time zone; "": not decided */
};

/* The routes of one file, that stands for one part of the app. */
struct api_area {
    const struct api_route *routes;
    size_t count;
};

/*
 * A webhook event of Jira, by its classic name ("worklog_created"); Forge's names are translated
 * before. It says which job would bring us into step: a hint is never believed, only followed.
 */
struct hint {
    const char *kind;            /* of a job; NULL: nothing is to be done */
    char key[JOB_KEY_BYTES + 1]; /* ids only */
    int64_t delay_ms;            /* not before so much time has passed */
};
struct hint_event {
    const char *name;
    /* `body` is the whole event. False: it is not understood; said in a debug line, else ignored.
     */
    bool (*read)(yyjson_val *body, struct hint *ret);
};

/* What a job of an app gets as `arg` of job_kind.run. */
struct job_context {
    struct daemon *daemon;
    const struct app *app;
    struct site *site;
    struct tenant *tenant; /* open, for this job alone; both NULL with JOB_NO_TENANT */
};

/* A job that comes by itself, for each tenant or once for the server. */
struct app_schedule {
    const char *kind, *key;
    int64_t (*every_ms)(const struct config *config); /* 0: never */
    int64_t first_ms, jitter_ms;                      /* as job_schedule's */
    bool of_server; /* with JOB_NO_TENANT: its job gets neither a site nor a tenant */
};

/* For the canary run (custody/canary.h): where an app puts its texts in. */
struct canary_feed {
    struct ctx *ctx; /* of `data` and `tenant`; its network is the app's to set while it runs */
    struct data *data;
    struct tenant *tenant;
    struct canaries *canaries;
};

struct app {
    const char *name; /* "timesheet" */
    const struct api_area *const *areas;
    size_t area_count;
    const struct job_kind *jobs;
    size_t job_count;
    const struct hint_event *events;
    size_t event_count;
    const struct app_schedule *schedules;
    size_t schedule_count;
    /* State in memory for a site, made with the site's first use and freed after its last. */
    void *(*site_new)(struct site *site); /* NULL result: out of memory */
    void (*site_free)(void *state);
    /* ERR_BUSY when it is not known without waiting, and `may_wait` is not given. NULL: all. */
    enum err_class (*rights)(struct request *request, bool may_wait, struct rights *ret,
                             struct err *err);
    /*
     * Rows of the tenant were taken out or put in by the platform (a person's erasure, an import):
     * checks what must hold of them (ERR_INPUT undoes it all) and brings into step what the app
     * keeps beside them. In the open write transaction. NULL: nothing to do.
     */
    enum err_class (*rows_changed)(struct tenant *tenant, struct err *err);
    /* Puts canaries in through every way into the app, by the code of every day. */
    enum err_class (*canaries)(struct canary_feed *feed, struct err *err);
    /* Lets go the rows past their time that are swept_by_app. Needs a write transaction. */
    enum err_class (*let_go)(struct tenant *tenant, struct err *err);
    /* Bytes that the state holds; for /metrics. */
    size_t (*site_bytes)(const void *state);
};

#endif
