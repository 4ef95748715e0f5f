/* routes_sync.c: the Sync page of administrators: how it stands, what was wrong, start and stop. */
#include "apps/timesheet/app.h"
#include "apps/timesheet/job_sync.h"
#include "apps/timesheet/site.h"
#include "connect/webhook_secret.h"
#include "jobs/look.h"

#define WARNINGS_PAGE_MAX 500
#define WARNINGS_PAGE 100

static const char *const job_keys[] = {SYNC_KEY_INCREMENTAL, SYNC_KEY_VERIFY, SYNC_KEY_FULL};

/* What is known, from memory, store and queue. */
struct standing {
    struct board_view board;
    struct mirror_state mirror;
    struct mirror_freshness fresh;
    struct http_usage usage;
    int64_t count;
    int64_t warnings; /* of the last run that ended */
    int64_t waiting, parked;
    bool has_job; /* the one that comes or came first */
    struct job_view job;
};

static enum err_class look_at_queue(struct request *request, struct standing *ret, struct err *err)
{
    struct store_pool *store = daemon_store(request->daemon);
    const char *id = request->tenant->info.id;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(store, &data, err);

    if (rc == ERR_OK)
        rc = jobs_count_tenant(data->control, id, &ret->waiting, &ret->parked, err);
    for (size_t i = 0; i < ARRAY_LEN(job_keys) && rc == ERR_OK; i++) {
        struct job_view job;
        bool found = false;

        rc = jobs_look(data->control, id, SYNC_JOB, job_keys[i], &job, &found, err);
        /* A scheduled one that waits its turn says nothing; one that failed or is due does. */
        if (rc == ERR_OK && found && (!ret->has_job || job.due_ms < ret->job.due_ms)) {
            ret->job = job;
            ret->has_job = true;
        }
    }
    store_pool_give_data(store, data);
    return rc;
}

static enum err_class look(struct request *request, struct standing *ret, struct err *err)
{
    *ret = (struct standing){
        .board = board_look(timesheet_state(request->site)->board),
        .usage = http_budget_usage(request->site->budget),
    };

    enum err_class rc = mirror_state_load(request->tenant, &ret->mirror, err);

    if (rc == ERR_OK)
        rc = mirror_freshness(request->tenant, daemon_config(request->daemon)->jobs.poll_s * 1000,
                              &ret->fresh, err);
    if (rc == ERR_OK)
        rc = mirror_count(request->tenant, &ret->count, err);
    if (rc == ERR_OK)
        rc = sync_warnings_open_count(request->tenant, &ret->warnings, err);
    return rc == ERR_OK ? look_at_queue(request, ret, err) : rc;
}

static const char *state_of(const struct standing *standing, int64_t now_ms)
{
    if (standing->board.running)
        return "running";
    if (standing->has_job && standing->job.failure[0] != '\0')
        return "failed";
    if (standing->has_job && standing->job.state == JOB_WAITING && standing->job.due_ms <= now_ms)
        return "waiting";
    return standing->fresh.synced_ms || standing->mirror.full_done_ms ? "idle" : "never";
}

/* ---- The answer ---- */

static void put_stamp(struct json_out *json, const char *key, int64_t ms)
{
    json_key(json, key);
    if (ms)
        json_put_stamp(json, ms);
    else
        json_put_null(json);
}

static void put_number(struct json_out *json, const char *key, int64_t number, bool known)
{
    json_key(json, key);
    if (known)
        json_put_i64(json, number);
    else
        json_put_null(json);
}

static void put_run(struct json_out *json, const struct standing *standing, int64_t mono_ms)
{
    const struct sync_progress *progress = &standing->board.progress;
    bool running = standing->board.running;
    int64_t took_ms = mono_ms - standing->board.began_mono_ms;

    json_key(json, "mode");
    json_put_z(json, running ? sync_mode_name(progress->mode) : NULL);
    json_key(json, "phase");
    json_put_z(json, running ? progress->phase : NULL);
    put_number(json, "stored", running ? progress->stored : 0, true);
    put_number(json, "seen", running ? progress->seen : 0, true);
    json_key(json, "done");
    if (running && progress->done >= 0)
        json_put_double(json, progress->done, 3);
    else
        json_put_null(json);
    put_number(json, "left_seconds", progress->left_ms / 1000, running && progress->left_ms >= 0);
    put_number(json, "rate", took_ms > 0 ? progress->seen * 1000 / took_ms : 0,
               running && took_ms > 0);
    json_key(json, "limit");
    json_put_z(json, running && standing->usage.waited_ms * 2 > took_ms ? "jira" : NULL);
}

static void put_failure(struct json_out *json, const struct standing *standing)
{
    const struct board_view *board = &standing->board;
    bool failed = standing->has_job && standing->job.failure[0] != '\0' && !board->running;

    json_key(json, "failure");
    if (!failed) {
        json_put_null(json);
        return;
    }
    json_object(json);
    json_key(json, "detail");
    json_put_z(json, board->failure.class != ERR_OK ? board->failure.msg : standing->job.failure);
    put_stamp(json, "at", board->failed_ms);
    put_stamp(json, "retry_at", standing->job.state == JOB_PARKED ? 0 : standing->job.due_ms);
    json_object_end(json);
}

static void put_budget(struct json_out *json, const struct http_usage *usage)
{
    json_key(json, "budget");
    json_object(json);
    put_number(json, "requests", usage->requests, true);
    put_number(json, "points", usage->points, true);
    put_number(json, "points_limit", usage->points_limit, usage->points_limit > 0);
    put_number(json, "points_left", usage->points_left, usage->points_left >= 0);
    put_stamp(json, "reset", usage->quota_reset_ms);
    put_number(json, "throttled", usage->throttled, true);
    json_object_end(json);
}

static void put_mirror(struct json_out *json, const struct standing *standing)
{
    const struct mirror_state *mirror = &standing->mirror;

    put_number(json, "count", standing->count, true);
    json_key(json, "complete");
    json_put_bool(json, mirror->full_done_ms != 0);
    put_stamp(json, "synced", standing->fresh.synced_ms);
    json_key(json, "proof");
    json_object(json);
    put_stamp(json, "at", mirror->proof_at_ms);
    put_number(json, "drift", mirror->proof_drift, mirror->proof_at_ms != 0);
    json_object_end(json);
    put_stamp(json, "stale_since", standing->fresh.stale_since_ms);
}

static void put_queue(struct json_out *json, const struct standing *standing)
{
    json_key(json, "queue");
    json_object(json);
    put_number(json, "waiting", standing->waiting, true);
    put_number(json, "parked", standing->parked, true);
    json_object_end(json);
}

static enum err_class answer(struct request *request, struct err *err)
{
    const struct ctx *ctx = daemon_ctx(request->daemon);
    struct json_out json = json_out(&request->ex->out);
    struct standing standing;
    int64_t seen_ms = 0;
    enum err_class rc = look(request, &standing, err);

    if (rc == ERR_OK)
        rc = webhook_seen(request->tenant, &seen_ms, err);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "state");
    json_put_z(&json, state_of(&standing, ctx_now_ms(ctx)));
    put_run(&json, &standing, ctx_mono_ms(ctx));
    put_mirror(&json, &standing);
    put_failure(&json, &standing);
    put_number(&json, "warnings", standing.warnings, true);
    put_budget(&json, &standing.usage);
    put_queue(&json, &standing);
    json_key(&json, "webhook");
    json_object(&json);
    put_stamp(&json, "last", seen_ms);
    json_object_end(&json);
    json_object_end(&json);
    return ERR_OK;
}

/* ---- Start and stop ---- */

static enum err_class start(struct request *request, struct err *err)
{
    static const struct {
        const char *mode, *key;
    } modes[] = {{"incremental", SYNC_KEY_INCREMENTAL},
                 {"verify", SYNC_KEY_VERIFY},
                 {"full", SYNC_KEY_FULL}};
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    for (size_t i = 0; i < ARRAY_LEN(modes) && rc == ERR_OK; i++) {
        if (!str_eq_z(json_str(body, "mode"), modes[i].mode))
            continue;

        const struct job_order order = {
            .tenant = request->tenant->info.id,
            .kind = SYNC_JOB,
            .key = modes[i].key,
            .due_ms = ctx_now_ms(daemon_ctx(request->daemon)),
            .asked = true,
        };

        request->ex->status = 202;
        rc = tenant_audit(request->tenant, AUDIT_SYNC_RESTARTED, "job", 0, modes[i].mode, err);
        if (rc == ERR_OK)
            rc = daemon_add_job(request->daemon, &order, err);
        return rc == ERR_OK ? answer(request, err) : rc;
    }
    return rc == ERR_OK ? err_set(err, ERR_INPUT, "mode must be one of incremental, verify, full")
                        : rc;
}

static enum err_class stop(struct request *request, struct err *err)
{
    board_ask_stop(timesheet_state(request->site)->board);
    request->ex->status = 202;
    return answer(request, err);
}

/* ---- Warnings and history ---- */

struct warning_page {
    struct json_out *json;
    int64_t from, count, limit;
};

static void put_id(struct json_out *json, const char *key, int64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)id);
    json_key(json, key);
    json_put_z(json, id ? text : NULL);
}

static enum err_class put_warning(void *arg, const struct sync_warning *warning, struct err *err)
{
    struct warning_page *page = arg;
    int64_t at = page->count++;

    (void)err;
    if (at < page->from || at >= page->from + page->limit)
        return ERR_OK;
    json_object(page->json);
    json_key(page->json, "code");
    json_put_z(page->json, sync_warning_name(warning->code));
    put_id(page->json, "worklog", warning->worklog_id);
    put_id(page->json, "issue", warning->issue_id);
    json_key(page->json, "text");
    json_put_z(page->json, sync_warning_text(warning->code));
    json_object_end(page->json);
    return ERR_OK;
}

static enum err_class read_page(struct request *request, struct warning_page *ret, struct err *err)
{
    struct str cursor = http_in_query(request->ex, "cursor");
    struct str limit = http_in_query(request->ex, "limit");

    ret->limit = WARNINGS_PAGE;
    if (cursor.len > 0 && !parse_i64(cursor, 0, LIMIT_WARNINGS_KEPT * 2, &ret->from))
        return err_set(err, ERR_INPUT,
                       "cursor must be what `next` of the page before said; leave it out for the "
                       "first page");
    if (limit.len > 0 && !parse_i64(limit, 1, WARNINGS_PAGE_MAX, &ret->limit))
        return err_set(err, ERR_INPUT, "limit must be a number from 1 to %d", WARNINGS_PAGE_MAX);
    return ERR_OK;
}

static enum err_class warnings(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct warning_page page = {.json = &json};
    enum err_class rc = read_page(request, &page, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "warnings");
    json_array(&json);
    rc = sync_warnings_open(request->tenant, put_warning, &page, err);
    json_array_end(&json);
    put_id(&json, "next", page.from + page.limit < page.count ? page.from + page.limit : 0);
    json_object_end(&json);
    return rc;
}

static enum err_class put_past_run(void *arg, const struct sync_past *past, struct err *err)
{
    struct json_out *json = arg;

    (void)err;
    json_object(json);
    put_id(json, "id", past->run.id);
    json_key(json, "mode");
    json_put_z(json, sync_mode_name(past->run.mode));
    json_key(json, "state");
    json_put_z(json, past->state);
    put_stamp(json, "started", past->started_ms);
    put_stamp(json, "ended", past->ended_ms);
    put_number(json, "stored", past->run.stored, true);
    put_number(json, "deleted", past->run.deleted, true);
    put_number(json, "requests", past->run.requests, true);
    put_number(json, "warnings", past->run.warnings, true);
    json_object_end(json);
    return ERR_OK;
}

static enum err_class runs(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    enum err_class rc;

    json_object(&json);
    json_key(&json, "runs");
    json_array(&json);
    rc = sync_runs_each(request->tenant, put_past_run, &json, err);
    json_array_end(&json);
    json_object_end(&json);
    return rc;
}

#define ADMIN (API_TENANT | API_ADMIN)

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/sync", 0, ADMIN, answer, NULL},
    {HTTP_POST, "/api/v1/sync", 1024, ADMIN, start, NULL},
    {HTTP_DELETE, "/api/v1/sync", 0, ADMIN, stop, NULL},
    {HTTP_GET, "/api/v1/sync/warnings", 0, ADMIN, warnings, NULL},
    {HTTP_GET, "/api/v1/sync/runs", 0, ADMIN, runs, NULL},
};

const struct api_area sync_area = {routes, ARRAY_LEN(routes)};
