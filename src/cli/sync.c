/* sync.c: `tenon sync`: a job of the queue, run here and now under the tenant's writer lock. */
#include "cli/cli.h"

#include "connect/link.h"
#include "apps/timesheet/sync.h"
#include "base/json.h"
#include "jobs/jobs.h"

#define JOB_KIND "timesheet.sync"
#define JOB_KEY "worklogs"
#define WARNINGS_SHOWN 20

struct running {
    struct cli *cli;
    struct job_run run;
};

static enum err_class show_progress(void *arg, const struct sync_progress *progress,
                                    struct err *err)
{
    struct running *running = arg;

    cli_progress(running->cli, progress->phase, progress->seen, progress->done, progress->left_ms);
    return job_still_running(&running->run, err);
}

/* ---- the answer ---- */

struct warning_lines {
    struct strbuf *text;
    struct json_out *json; /* NULL: lines for people */
    size_t shown;
};

static enum err_class put_warning(void *arg, const struct sync_warning *warning, struct err *err)
{
    struct warning_lines *lines = arg;
    char id[32], issue[32];

    (void)err;
    (void)snprintf(id, sizeof(id), "%lld", (long long)warning->worklog_id);
    (void)snprintf(issue, sizeof(issue), "%lld", (long long)warning->issue_id);
    if (lines->json) {
        json_object(lines->json);
        json_key(lines->json, "code");
        json_put_z(lines->json, sync_warning_name(warning->code));
        json_key(lines->json, "worklog");
        json_put_z(lines->json, warning->worklog_id ? id : NULL);
        json_key(lines->json, "issue");
        json_put_z(lines->json, warning->issue_id ? issue : NULL);
        json_key(lines->json, "text");
        json_put_z(lines->json, sync_warning_text(warning->code));
        json_object_end(lines->json);
        return ERR_OK;
    }
    if (lines->shown++ >= WARNINGS_SHOWN)
        return ERR_OK;
    strbuf_add_z(lines->text, "  ");
    if (warning->worklog_id)
        strbuf_addf(lines->text, "worklog %s: ", id);
    strbuf_addf(lines->text, "%s\n", sync_warning_text(warning->code));
    return ERR_OK;
}

static enum err_class print_json(struct tenant *tenant, const struct sync_result *result,
                                 const struct http_usage *usage, struct err *err)
{
    struct strbuf text = STRBUF_INIT(LIMIT_FILE_BYTES);
    struct json_out out = json_out(&text);
    struct warning_lines lines = {.text = &text, .json = &out};

    json_object(&out);
    json_key(&out, "mode");
    json_put_z(&out, sync_mode_name(result->mode));
    json_key(&out, "stored");
    json_put_i64(&out, result->run.stored);
    json_key(&out, "deleted");
    json_put_i64(&out, result->run.deleted);
    if (result->mode == SYNC_VERIFY) {
        json_key(&out, "missing");
        json_put_i64(&out, result->missing);
        json_key(&out, "stale");
        json_put_i64(&out, result->stale);
        json_key(&out, "extra");
        json_put_i64(&out, result->extra);
    }
    json_key(&out, "requests");
    json_put_i64(&out, usage->requests);
    json_key(&out, "points");
    json_put_i64(&out, usage->points);
    json_key(&out, "seconds");
    json_put_double(&out, (double)result->seconds_ms / 1000, 3);
    json_key(&out, "warnings");
    json_array(&out);

    enum err_class rc = sync_warnings_each(tenant, result->run.id, put_warning, &lines, err);

    json_array_end(&out);
    json_key(&out, "drift");
    if (result->proof_at_ms)
        json_put_i64(&out, result->drift);
    else
        json_put_null(&out);
    json_object_end(&out);
    strbuf_add_char(&text, '\n');
    if (rc == ERR_OK)
        rc = cli_print_buf(&text, err);
    strbuf_done(&text);
    return rc;
}

static void put_verify(struct strbuf *text, const struct sync_result *result)
{
    if (result->drift == 0) {
        strbuf_add_z(text, "The mirror equals Jira: drift 0.\n");
        return;
    }
    strbuf_add_z(text, "Drift ");
    cli_put_count(text, result->drift);
    strbuf_add_z(text, ": ");
    cli_put_count(text, result->missing);
    strbuf_add_z(text, " missing, ");
    cli_put_count(text, result->stale);
    strbuf_add_z(text, " stale, ");
    cli_put_count(text, result->extra);
    strbuf_addf(text, " extra; %s.\n",
                result->run.warnings > 0 ? "repaired but for the warnings" : "repaired");
}

static enum err_class print_text(struct tenant *tenant, const struct sync_result *result,
                                 const struct http_usage *usage, struct err *err)
{
    struct strbuf text = STRBUF_INIT(LIMIT_FILE_BYTES);
    struct warning_lines lines = {.text = &text};
    int64_t count = 0;
    enum err_class rc = mirror_count(tenant, &count, err);

    strbuf_addf(&text, "%s: %s sync completed%s in %.1f s: ", tenant->info.name,
                sync_mode_name(result->mode), result->run.warnings > 0 ? " with warnings" : "",
                (double)result->seconds_ms / 1000);
    cli_put_count(&text, result->run.stored);
    strbuf_add_z(&text, " stored, ");
    cli_put_count(&text, result->run.deleted);
    strbuf_add_z(&text, " deleted, ");
    cli_put_count(&text, count);
    strbuf_add_z(&text, " in the mirror; ");
    cli_put_count(&text, usage->requests);
    strbuf_add_z(&text, " calls of Jira.\n");
    if (result->mode == SYNC_VERIFY)
        put_verify(&text, result);
    if (result->run.warnings > 0) {
        cli_put_count(&text, result->run.warnings);
        strbuf_add_z(&text, result->run.warnings == 1 ? " warning:\n" : " warnings:\n");
        if (rc == ERR_OK)
            rc = sync_warnings_each(tenant, result->run.id, put_warning, &lines, err);
        if (result->run.warnings > WARNINGS_SHOWN)
            strbuf_addf(&text, "  … %lld more; --json lists up to %d\n",
                        (long long)(result->run.warnings - WARNINGS_SHOWN), LIMIT_WARNINGS_KEPT);
    }
    if (rc == ERR_OK)
        rc = cli_print_buf(&text, err);
    strbuf_done(&text);
    return rc;
}

/* ---- the job ---- */

static enum err_class run_job(struct cli *cli, struct data *data, struct tenant *tenant,
                              struct job *job, struct err *err)
{
    struct running running = {cli, {.ctx = &cli->ctx, .control = data->control, .job = job}};
    const struct sync_options options = {
        .verify = cli_flag(cli, "verify"),
        .quick = cli_flag(cli, "quick"),
        .start_over = cli_flag(cli, "full"),
        .progress = show_progress,
        .progress_arg = &running,
    };
    struct sync_result result = {0};
    struct link link = {0};
    struct err queue_err = {0};
    enum job_state state = JOB_PARKED;
    enum err_class rc = link_open(&link, tenant, "sync", err);

    if (rc == ERR_OK)
        rc = sync_run(tenant, &link.jira, &options, &result, err);
    cli_progress_end(cli);

    /* What the queue thinks of it matters to later runs only; the sync's own error is told. */
    enum err_class queue =
        rc == ERR_OK ? jobs_done(data->control, job, &queue_err)
                     : jobs_failed(data->control, &cli->ctx, job, rc, 0, &state, &queue_err);

    if (rc == ERR_OK && queue != ERR_OK && queue != ERR_CONFLICT) {
        *err = queue_err;
        rc = queue;
    }
    if (rc == ERR_OK) {
        struct http_usage usage = http_budget_usage(link.budget);

        rc = cli_flag(cli, "json") ? print_json(tenant, &result, &usage, err)
                                   : print_text(tenant, &result, &usage, err);
    }
    link_done(&link);
    return rc;
}

static enum err_class run_locked(struct cli *cli, struct data *data, struct tenant *tenant,
                                 struct err *err)
{
    const char *id = tenant->info.id;
    struct job job = {0};
    const struct job_order order = {id, JOB_KIND, JOB_KEY, ctx_now_ms(&cli->ctx), .asked = true};
    bool joined = false;
    enum err_class rc = jobs_add(data->control, &cli->ctx, &order, &joined, err);

    if (rc == ERR_OK)
        rc = jobs_lease_this(data->control, &cli->ctx, id, JOB_KIND, JOB_KEY, &job, err);
    return rc == ERR_OK ? run_job(cli, data, tenant, &job, err) : rc;
}

static enum err_class run(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct disk_lock lock = {-1};
    enum err_class rc = ERR_OK;

    if (cli_flag(cli, "quick") && !cli_flag(cli, "verify"))
        return err_set(err, ERR_USAGE, "--quick belongs to --verify");
    if (cli_flag(cli, "full") && cli_flag(cli, "verify"))
        return err_set(err, ERR_USAGE,
                       "--full and --verify exclude each other: --verify reads everything too");
    rc = cli_open_tenant(cli, &data, &tenant, err);
    if (rc == ERR_OK)
        rc = tenant_lock(tenant, &lock, err);
    if (rc != ERR_OK)
        return rc;
    rc = run_locked(cli, data, tenant, err);
    disk_unlock(&cli->ctx, &lock);
    return rc;
}

const struct cli_verb verb_sync = {
    .name = "sync",
    .args = "TENANT",
    .summary = "Bring the mirror into step with Jira",
    .about =
        "The first time all worklogs, afterwards what changed. May be stopped at any moment and\n"
        "run again: it goes on where it was. Jira tells of changes a minute after they are made.\n\n"
        "  tenon sync acme\n"
        "  tenon sync acme --verify     proves that the mirror equals Jira, and repairs it",
    .options =
        {
            {"verify", NULL, "compare every worklog with Jira, tell the drift, repair it"},
            {"quick", NULL, "with --verify: compare ids and times only (half the calls)"},
            {"full", NULL, "start over: read everything again; reports keep working meanwhile"},
        },
    .args_min = 1,
    .args_max = 1,
    .network = true,
    .run = run,
};
