/* app.c: the timesheet app as the daemon sees it: its tables, and its state in memory. */
#include "apps/timesheet/app.h"
#include "apps/timesheet/canary_feed.h"

#include "apps/timesheet/changed.h"
#include "apps/timesheet/job_mail.h"
#include "apps/timesheet/job_sync.h"
#include "apps/timesheet/rights.h"
#include "apps/timesheet/site.h"
#include "apps/timesheet/worklog_jobs.h"

struct timesheet_state *timesheet_state(const struct site *site)
{
    return site_state(site, &timesheet_app);
}

static void state_free(void *arg)
{
    struct timesheet_state *state = arg;

    site_columns_free(state->columns);
    board_free(state->board);
    groups_free(state->groups);
    free(state);
}

static void *state_new(struct site *site)
{
    struct timesheet_state *state = calloc(1, sizeof(*state));

    if (!state)
        return NULL;
    state->columns = site_columns_new(daemon_ctx(site->daemon));
    state->board = board_new();
    state->groups = groups_new();
    if (state->columns && state->board && state->groups)
        return state;
    state_free(state);
    return NULL;
}

static size_t state_bytes(const void *arg)
{
    const struct timesheet_state *state = arg;

    return site_columns_bytes(state->columns);
}

/* ---- Tables ---- */

static const struct api_area *const areas[] = {&worklog_area, &write_area, &report_area, &sync_area,
                                               &settings_area};

static const struct job_kind jobs[] = {
    {SYNC_JOB, sync_job_run, 2},
    {MAIL_JOB, mail_job_run, 2},
    WORKLOG_JOB_KINDS,
};

static int64_t poll_ms(const struct config *config)
{
    return config->jobs.poll_s * 1000;
}

static int64_t verify_ms(const struct config *config)
{
    return config->jobs.verify_h * 3600 * 1000;
}

/* How late a mail may be. */
#define MAIL_LOOK_MS (INT64_C(5) * 60 * 1000)

static int64_t mail_look_ms(const struct config *config)
{
    return *config->mail.host ? MAIL_LOOK_MS : 0;
}

#define FIRST_SYNC_MS 1000
#define FIRST_VERIFY_MS (INT64_C(3600) * 1000)
#define FIRST_SETTLE_MS (INT64_C(60) * 1000)
#define SYNC_JITTER_MS 5000
#define VERIFY_JITTER_MS (INT64_C(600) * 1000)

static const struct app_schedule schedules[] = {
    {SYNC_JOB, SYNC_KEY_INCREMENTAL, poll_ms, FIRST_SYNC_MS, SYNC_JITTER_MS},
    {SYNC_JOB, SYNC_KEY_VERIFY, verify_ms, FIRST_VERIFY_MS, VERIFY_JITTER_MS},
    {WRITE_SETTLE_JOB, WRITE_SETTLE_KEY, settle_every_ms, FIRST_SETTLE_MS, SYNC_JITTER_MS},
    {MAIL_JOB, MAIL_KEY, mail_look_ms, FIRST_SETTLE_MS, SYNC_JITTER_MS},
};

const struct app timesheet_app = {
    .name = "timesheet",
    .areas = areas,
    .area_count = ARRAY_LEN(areas),
    .jobs = jobs,
    .job_count = ARRAY_LEN(jobs),
    .events = hint_events,
    .event_count = HINT_EVENT_COUNT,
    .schedules = schedules,
    .schedule_count = ARRAY_LEN(schedules),
    .site_new = state_new,
    .site_free = state_free,
    .rights = rights_find,
    .let_go = runs_let_go,
    .canaries = timesheet_canaries,
    .rows_changed = timesheet_rows_changed,
    .site_bytes = state_bytes,
};
