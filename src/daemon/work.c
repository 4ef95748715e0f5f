/*
 * work.c: what the daemon does without being asked just then: hints taken in, jobs run, schedules.
 *
 * The apps' kinds of jobs are all run through one function here, which opens the tenant and its
 * site and hands both to the app. Threads: the workers' and the intake's own; daemon_tick runs on
 * the thread that started the daemon.
 */
#include "daemon/internal.h"

#include "base/civil.h"
#include "base/log.h"
#include "daemon/keys_job.h"
#include "jobs/look.h"

#define TICK_MS 60000
#define IDLE_HANDLE_MS (INT64_C(5) * 60 * 1000)
#define IDLE_SITE_MS (INT64_C(60) * 60 * 1000)

/* ---- Handles of the control database ---- */

static enum err_class lend(struct daemon *daemon, struct db **ret, struct err *err)
{
    struct lent *lent = calloc(1, sizeof(*lent));
    enum err_class rc = lent ? store_pool_data(daemon->store, &lent->data, err) : err_memory(err);

    if (rc != ERR_OK) {
        free(lent);
        return rc;
    }
    pthread_mutex_lock(&daemon->work.mutex);
    lent->next = daemon->work.lent;
    daemon->work.lent = lent;
    pthread_mutex_unlock(&daemon->work.mutex);
    *ret = lent->data->control;
    return ERR_OK;
}

static void take_back(struct daemon *daemon, struct db *control)
{
    struct lent *found = NULL;

    pthread_mutex_lock(&daemon->work.mutex);
    for (struct lent **at = &daemon->work.lent; *at; at = &(*at)->next)
        if ((*at)->data->control == control) {
            found = *at;
            *at = found->next;
            break;
        }
    pthread_mutex_unlock(&daemon->work.mutex);
    if (found)
        store_pool_give_data(daemon->store, found->data);
    free(found);
}

static enum err_class open_handle(void *arg, struct db **ret, struct err *err)
{
    return lend(arg, ret, err);
}

static void close_handle(void *arg, struct db *control)
{
    take_back(arg, control);
}

/* ---- Tenants without a connection ---- */

/*
 * A tenant whose app was uninstalled, and that has no token, keeps its mirror and waits. The job
 * that finds it so is parked, where an administrator sees it, and puts the tenant into this list;
 * from then on no app's job is scheduled for it until a look at its database, once a tick, finds a
 * connection. What the platform does needs none and goes on: backups, drills, retention. A restart
 * forgets the list: then one job of each such tenant finds out anew.
 */
static struct resting **find_resting(struct work *work, const char *tenant)
{
    struct resting **at = &work->resting;

    while (*at && strcmp((*at)->tenant, tenant) != 0)
        at = &(*at)->next;
    return at;
}

static enum err_class let_rest(struct daemon *daemon, const char *tenant, struct err *err)
{
    AUTO(free_autop) struct resting *resting = calloc(1, sizeof(*resting));

    if (!resting)
        return err_memory(err);
    (void)snprintf(resting->tenant, sizeof(resting->tenant), "%s", tenant);
    pthread_mutex_lock(&daemon->work.mutex);

    struct resting **at = find_resting(&daemon->work, tenant);

    if (!*at)
        *at = TAKE(resting);
    pthread_mutex_unlock(&daemon->work.mutex);
    LOG(&daemon->ctx, LOG_INFO, "tenant_rests", LOG_IDENT("tenant", tenant));
    return ERR_OK;
}

/* `tenant` NULL: all of them. */
static void wake_up(struct daemon *daemon, const char *tenant)
{
    struct work *work = &daemon->work;

    pthread_mutex_lock(&work->mutex);
    for (struct resting **at = tenant ? find_resting(work, tenant) : &work->resting; *at;) {
        struct resting *gone = *at;

        *at = gone->next;
        free(gone);
        if (tenant)
            break;
    }
    pthread_mutex_unlock(&work->mutex);
}

/* What was parked while there was no connection is due now. */
static enum err_class take_up(struct daemon *daemon, const char *tenant, struct db *control,
                              struct err *err)
{
    const struct work *work = &daemon->work;

    for (size_t i = 0; i < work->schedule_count; i++) {
        const struct job_schedule *schedule = &work->schedules[i];
        const struct job_order order = {tenant, schedule->kind, schedule->key,
                                        .due_ms = ctx_now_ms(&daemon->ctx)};
        struct job_view view = {.state = JOB_WAITING};
        bool found = false, joined = false;
        enum err_class rc = jobs_look(control, tenant, order.kind, order.key, &view, &found, err);

        if (rc == ERR_OK && found && view.state == JOB_PARKED && schedule->every_ms > 0)
            rc = jobs_add(control, &daemon->ctx, &order, &joined, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

/* In the list, and still without a connection? */
static enum err_class rests(struct daemon *daemon, const char *tenant_id, struct db *control,
                            bool *ret, struct err *err)
{
    struct tenant *tenant = NULL;
    bool connected = false;

    pthread_mutex_lock(&daemon->work.mutex);
    *ret = *find_resting(&daemon->work, tenant_id) != NULL;
    pthread_mutex_unlock(&daemon->work.mutex);
    if (!*ret)
        return ERR_OK;

    enum err_class rc = store_pool_tenant(daemon->store, str_from(tenant_id), &tenant, err);

    if (rc == ERR_OK)
        rc = link_exists(tenant, &connected, err);
    store_pool_give_tenant(daemon->store, tenant);
    if (rc == ERR_OK && connected)
        rc = take_up(daemon, tenant_id, control, err);
    if (rc != ERR_OK || !connected)
        return rc;
    wake_up(daemon, tenant_id);
    LOG(&daemon->ctx, LOG_INFO, "tenant_wakes", LOG_IDENT("tenant", tenant_id));
    *ret = false;
    return ERR_OK;
}

/* A job has failed as one does that finds no connection: is there none at all? */
static void look_for_connection(const struct job_context *context)
{
    struct err ignored = {0}; /* the job's own failure is the one to tell */
    bool connected = true;

    if (link_exists(context->tenant, &connected, &ignored) == ERR_OK && !connected)
        err_ignore(let_rest(context->daemon, context->tenant->info.id, &ignored));
}

/* ---- Jobs ---- */

/* The apps, and after them the platform's own jobs, which have the same form. */
static const struct app *app_at(const struct daemon_options *options, size_t at)
{
    if (at < options->app_count)
        return options->apps[at];
    return at == options->app_count ? &custody_app : NULL;
}

static const struct job_kind *find_kind(const struct daemon_options *options, const char *name,
                                        const struct app **ret_app)
{
    const struct app *app;

    for (size_t i = 0; (app = app_at(options, i)) != NULL; i++)
        for (size_t k = 0; k < app->job_count; k++)
            if (strcmp(app->jobs[k].name, name) == 0) {
                *ret_app = app;
                return &app->jobs[k];
            }
    return NULL;
}

static enum err_class run_job(void *arg, struct job_run *run, struct err *err)
{
    struct job_context context = {.daemon = arg};
    const struct job_kind *kind = find_kind(&context.daemon->options, run->job->kind, &context.app);
    bool of_server = strcmp(run->job->tenant, JOB_NO_TENANT) == 0;
    enum err_class rc =
        kind ? ERR_OK : err_set(err, ERR_BUG, "nobody runs jobs of the kind %s", run->job->kind);

    if (rc == ERR_OK && !of_server)
        rc = store_pool_tenant(context.daemon->store, str_from(run->job->tenant), &context.tenant,
                               err);
    if (rc == ERR_OK && !of_server)
        rc = daemon_site(context.daemon, &context.tenant->info, &context.site, err);
    if (rc == ERR_OK) {
        const struct audit_who who = {.by = AUDIT_BY_JOB, .name = kind->name};

        audit_act_as(&who);
        rc = kind->run(&context, run, err);
        audit_act_as(NULL);
    }
    if (rc == ERR_NOT_FOUND && context.tenant)
        look_for_connection(&context);
    daemon_give_site(context.site);
    store_pool_give_tenant(context.daemon->store, context.tenant);
    return rc;
}

enum err_class daemon_add_job(struct daemon *daemon, const struct job_order *order, struct err *err)
{
    struct data *data = NULL;
    bool joined = false;
    enum err_class rc = store_pool_data(daemon->store, &data, err);

    if (rc == ERR_OK)
        rc = jobs_add(data->control, &daemon->ctx, order, &joined, err);
    store_pool_give_data(daemon->store, data);
    if (rc == ERR_OK)
        workers_wake(daemon->work.workers);
    return rc;
}

enum err_class work_take(struct daemon *daemon, const char *tenant, const struct hint *hint,
                         intake_done *done, void *arg, struct err *err)
{
    const struct job_order order = {
        .tenant = tenant,
        .kind = hint->kind,
        .key = hint->key,
        .due_ms = ctx_now_ms(&daemon->ctx) + hint->delay_ms,
    };

    return intake_add(daemon->work.intake, &order, done, arg, err);
}

/* ---- What comes by itself ---- */

#define TENANTS_MAX 100000

struct tenant_ids {
    struct arena *arena;
    const char **ids;
    size_t count;
};

static enum err_class add_id(void *arg, const struct tenant_info *info, struct err *err)
{
    struct tenant_ids *list = arg;
    const char *id;

    if (list->count == TENANTS_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %d tenants", TENANTS_MAX);
    id = arena_dup_z(list->arena, str_from(info->id));
    if (!id)
        return err_memory(err);
    list->ids[list->count++] = id;
    return ERR_OK;
}

static enum err_class leave_out_resting(struct daemon *daemon, struct db *control,
                                        struct tenant_ids *list, struct err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        bool resting = false;
        enum err_class rc = rests(daemon, list->ids[i], control, &resting, err);

        if (rc != ERR_OK && rc != ERR_NOT_FOUND) /* that: removed a moment ago */
            return rc;
        if (rc == ERR_OK && !resting)
            list->ids[kept++] = list->ids[i];
    }
    list->count = kept;
    return ERR_OK;
}

/* The platform's own are for every tenant there is, the apps' for those with a connection. */
static enum err_class schedule_all(struct daemon *daemon, struct db *control,
                                   struct tenant_ids *list, struct err *err)
{
    struct work *work = &daemon->work;
    const struct ctx *ctx = &daemon->ctx;
    enum err_class rc =
        schedule_due(control, ctx, work->schedules + work->app_schedule_count,
                     work->schedule_count - work->app_schedule_count, list->ids, list->count, err);

    if (rc == ERR_OK)
        rc = leave_out_resting(daemon, control, list, err);
    if (rc == ERR_OK)
        rc = schedule_due(control, ctx, work->schedules, work->app_schedule_count, list->ids,
                          list->count, err);
    return rc;
}

enum err_class work_see_to_schedules(struct daemon *daemon, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
    struct tenant_ids list = {.arena = arena};
    struct data *data = NULL;
    enum err_class rc;

    if (arena)
        list.ids = arena_alloc(arena, TENANTS_MAX * sizeof(list.ids[0]));
    if (!list.ids)
        return err_memory(err);
    rc = store_pool_data(daemon->store, &data, err);
    if (rc == ERR_OK)
        rc = tenant_each(data, add_id, &list, err);
    if (rc == ERR_OK)
        rc = schedule_all(daemon, data->control, &list, err);
    store_pool_give_data(daemon->store, data);
    if (rc == ERR_OK && daemon->work.workers)
        workers_wake(daemon->work.workers);
    return rc;
}

static void log_failure(const struct daemon *daemon, const char *event, enum err_class rc)
{
    if (rc != ERR_OK)
        LOG(&daemon->ctx, LOG_WARN, event, LOG_NAME("class", err_class_name(rc)));
}

/* Once a day its head goes into the log, and what is older than the rule goes away. */
static enum err_class see_to_audit(struct daemon *daemon, struct err *err)
{
    struct data *data = NULL;
    size_t gone = 0;
    enum err_class rc = store_pool_data(daemon->store, &data, err);

    if (rc != ERR_OK)
        return rc;
    audit_anchor(data->audit, &daemon->ctx);
    if (daemon->work.audit_day != civil_day_of(ctx_now_ms(&daemon->ctx)))
        rc = audit_sweep(data->audit, &daemon->ctx, (int)daemon->options.config->audit.days, &gone,
                         err);
    if (rc == ERR_OK)
        daemon->work.audit_day = civil_day_of(ctx_now_ms(&daemon->ctx));
    store_pool_give_data(daemon->store, data);
    return rc;
}

void daemon_tick(struct daemon *daemon)
{
    int64_t now_ms = ctx_mono_ms(&daemon->ctx);
    struct err err = {0};

    if (daemon->work.minute_ms && now_ms - daemon->work.minute_ms < TICK_MS)
        return;
    daemon->work.minute_ms = now_ms ? now_ms : 1;
    log_failure(daemon, "schedules_failed", work_see_to_schedules(daemon, &err));
    log_failure(daemon, "sessions_failed", sessions_tick(daemon->auth.sessions, &err));
    log_failure(daemon, "tokens_failed", api_tokens_tick(daemon->auth.tokens, &err));
    log_failure(daemon, "audit_failed", see_to_audit(daemon, &err));
    http_server_tidy(daemon->server);
    sites_sweep(daemon, IDLE_SITE_MS);
    store_pool_sweep(daemon->store, IDLE_HANDLE_MS);
}

/* ---- Start and stop ---- */

enum err_class work_make_tables(struct daemon *daemon, struct err *err)
{
    const struct daemon_options *options = &daemon->options;
    struct work *work = &daemon->work;
    const struct app *app;
    size_t kinds = 0, schedules = 0;

    for (size_t i = 0; (app = app_at(options, i)) != NULL; i++) {
        kinds += app->job_count;
        schedules += app->schedule_count;
    }
    work->kinds = calloc(kinds + 1 + 1, sizeof(work->kinds[0]));
    work->schedules = calloc(schedules + 1, sizeof(work->schedules[0]));
    if (!work->kinds || !work->schedules)
        return err_memory(err);
    work->kinds[work->kind_count++] = keys_job;
    for (size_t i = 0; (app = app_at(options, i)) != NULL; i++) {
        for (size_t k = 0; k < app->job_count; k++) {
            work->kinds[work->kind_count] = app->jobs[k];
            work->kinds[work->kind_count++].run = run_job;
        }
        if (app == &custody_app)
            work->app_schedule_count = work->schedule_count;
        for (size_t k = 0; k < app->schedule_count; k++) {
            const struct app_schedule *schedule = &app->schedules[k];

            work->schedules[work->schedule_count++] = (struct job_schedule){
                .kind = schedule->kind,
                .key = schedule->key,
                .every_ms = schedule->every_ms(options->config),
                .first_ms = schedule->first_ms,
                .jitter_ms = schedule->jitter_ms,
                .per_tenant = !schedule->of_server,
            };
        }
    }
    return ERR_OK;
}

enum err_class work_start(struct daemon *daemon, struct err *err)
{
    struct work *work = &daemon->work;
    enum err_class rc = work_make_tables(daemon, err);
    const struct workers_options options = {
        .threads = (size_t)daemon->options.config->jobs.workers,
        .table = {.kinds = work->kinds,
                  .kind_count = work->kind_count,
                  .arg = daemon,
                  .schedules = work->schedules,
                  .schedule_count = work->schedule_count},
        .open = open_handle,
        .close = close_handle,
        .arg = daemon,
    };

    if (rc == ERR_OK)
        rc = workers_new(&daemon->ctx, &options, &work->workers, err);
    if (rc == ERR_OK)
        rc = lend(daemon, &work->intake_control, err);
    if (rc != ERR_OK)
        return rc;

    const struct intake_options intake = {.control = work->intake_control,
                                          .workers = work->workers};

    rc = intake_new(&daemon->ctx, &intake, &work->intake, err);
    return rc == ERR_OK ? work_see_to_schedules(daemon, err) : rc;
}

void work_look_again(struct daemon *daemon)
{
    daemon->work.minute_ms = 0; /* the next tick does */
}

void work_reload(struct daemon *daemon)
{
    const struct daemon_options *options = &daemon->options;
    struct job_schedule *schedule = daemon->work.schedules;

    const struct app *app;

    for (size_t i = 0; (app = app_at(options, i)) != NULL; i++)
        for (size_t k = 0; k < app->schedule_count; k++, schedule++)
            schedule->every_ms = app->schedules[k].every_ms(options->config);
    work_look_again(daemon);
}

void work_stop(struct daemon *daemon)
{
    struct work *work = &daemon->work;

    intake_free(work->intake);
    workers_free(work->workers);
    if (work->intake_control)
        take_back(daemon, work->intake_control);
    wake_up(daemon, NULL);
    free(work->kinds);
    free(work->schedules);
}
