/*
 * work.c: what the daemon does without being asked just then: hints taken in, jobs run, schedules.
 *
 * The apps' kinds of jobs are all run through one function here, which opens the tenant and its
 * site and hands both to the app. Threads: the workers' and the intake's own; daemon_tick runs on
 * the thread that started the daemon.
 */
#include "daemon/internal.h"

#include "base/log.h"

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

/* ---- Jobs ---- */

static const struct job_kind *find_kind(const struct daemon_options *options, const char *name,
                                        const struct app **ret_app)
{
    for (size_t i = 0; i < options->app_count; i++)
        for (size_t k = 0; k < options->apps[i]->job_count; k++)
            if (strcmp(options->apps[i]->jobs[k].name, name) == 0) {
                *ret_app = options->apps[i];
                return &options->apps[i]->jobs[k];
            }
    return NULL;
}

static enum err_class run_job(void *arg, struct job_run *run, struct err *err)
{
    struct job_context context = {.daemon = arg};
    const struct job_kind *kind = find_kind(&context.daemon->options, run->job->kind, &context.app);
    enum err_class rc =
        kind ? store_pool_tenant(context.daemon->store, str_from(run->job->tenant), &context.tenant,
                                 err)
             : err_set(err, ERR_BUG, "nobody runs jobs of the kind %s", run->job->kind);

    if (rc == ERR_OK)
        rc = daemon_site(context.daemon, &context.tenant->info, &context.site, err);
    if (rc == ERR_OK)
        rc = kind->run(&context, run, err);
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

static enum err_class see_to_schedules(struct daemon *daemon, struct err *err)
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
        rc = schedule_due(data->control, &daemon->ctx, daemon->work.schedules,
                          daemon->work.schedule_count, list.ids, list.count, err);
    store_pool_give_data(daemon->store, data);
    if (rc == ERR_OK)
        workers_wake(daemon->work.workers);
    return rc;
}

static void log_failure(const struct daemon *daemon, const char *event, enum err_class rc)
{
    if (rc != ERR_OK)
        LOG(&daemon->ctx, LOG_WARN, event, LOG_NAME("class", err_class_name(rc)));
}

void daemon_tick(struct daemon *daemon)
{
    int64_t now_ms = ctx_mono_ms(&daemon->ctx);
    struct err err = {0};

    if (daemon->work.minute_ms && now_ms - daemon->work.minute_ms < TICK_MS)
        return;
    daemon->work.minute_ms = now_ms ? now_ms : 1;
    log_failure(daemon, "schedules_failed", see_to_schedules(daemon, &err));
    log_failure(daemon, "sessions_failed", sessions_tick(daemon->auth.sessions, &err));
    log_failure(daemon, "tokens_failed", api_tokens_tick(daemon->auth.tokens, &err));
    http_server_tidy(daemon->server);
    sites_sweep(daemon, IDLE_SITE_MS);
    store_pool_sweep(daemon->store, IDLE_HANDLE_MS);
}

/* ---- Start and stop ---- */

static enum err_class make_tables(struct daemon *daemon, struct err *err)
{
    const struct daemon_options *options = &daemon->options;
    struct work *work = &daemon->work;
    size_t kinds = 0, schedules = 0;

    for (size_t i = 0; i < options->app_count; i++) {
        kinds += options->apps[i]->job_count;
        schedules += options->apps[i]->schedule_count;
    }
    work->kinds = calloc(kinds + 1, sizeof(work->kinds[0]));
    work->schedules = calloc(schedules + 1, sizeof(work->schedules[0]));
    if (!work->kinds || !work->schedules)
        return err_memory(err);
    for (size_t i = 0; i < options->app_count; i++) {
        const struct app *app = options->apps[i];

        for (size_t k = 0; k < app->job_count; k++) {
            work->kinds[work->kind_count] = app->jobs[k];
            work->kinds[work->kind_count++].run = run_job;
        }
        for (size_t k = 0; k < app->schedule_count; k++) {
            const struct app_schedule *schedule = &app->schedules[k];

            work->schedules[work->schedule_count++] = (struct job_schedule){
                .kind = schedule->kind,
                .key = schedule->key,
                .every_ms = schedule->every_ms(options->config),
                .first_ms = schedule->first_ms,
                .jitter_ms = schedule->jitter_ms,
                .per_tenant = true,
            };
        }
    }
    return ERR_OK;
}

enum err_class work_start(struct daemon *daemon, struct err *err)
{
    struct work *work = &daemon->work;
    enum err_class rc = make_tables(daemon, err);
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
    return rc == ERR_OK ? see_to_schedules(daemon, err) : rc;
}

void work_reload(struct daemon *daemon)
{
    const struct daemon_options *options = &daemon->options;
    struct job_schedule *schedule = daemon->work.schedules;

    for (size_t i = 0; i < options->app_count; i++)
        for (size_t k = 0; k < options->apps[i]->schedule_count; k++, schedule++)
            schedule->every_ms = options->apps[i]->schedules[k].every_ms(options->config);
    daemon->work.minute_ms = 0; /* the next tick looks at them */
}

void work_stop(struct daemon *daemon)
{
    struct work *work = &daemon->work;

    intake_free(work->intake);
    workers_free(work->workers);
    if (work->intake_control)
        take_back(daemon, work->intake_control);
    free(work->kinds);
    free(work->schedules);
}
