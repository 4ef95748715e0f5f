/*
 * sync.c: full and incremental synchronization.
 *
 * Both are the same walk over the feed of updated worklogs; a full one begins at time zero. Then
 * the feed of deletions is followed. Cursors are Jira's own times, a little set back; never our
 * clock. Both feeds withhold the last minute, so what is newest arrives with the next run.
 */
#include "apps/timesheet/sync_internal.h"

/* The deletions of a first copy are followed from this long before its beginning. */
#define DELETED_BEFORE_MS (INT64_C(10) * 60 * 1000)

/* A row that the mirror has with the same time needs no reading: it came with the overlap. */
static enum err_class want_unknown(struct sync *sync, void *arg, const struct jira_feed_row *row,
                                   bool *ret, struct err *err)
{
    int64_t updated = 0;
    bool found = false;

    (void)arg;
    if (sync->mirror.bulk) {
        *ret = true;
        return ERR_OK;
    }

    enum err_class rc = mirror_updated(sync->tenant, row->id, &updated, &found, err);

    *ret = !found || updated != row->time_ms;
    return rc;
}

static enum err_class store(struct sync *sync, void *arg, struct sync_page *page, struct err *err)
{
    struct sync_page_counts counts = {0};
    enum err_class rc = sync_put_page(sync, page, &counts, err);

    (void)arg;
    if (rc != ERR_OK)
        return rc;
    sync->run.stored += counts.added + counts.changed;
    if (sync->mirror.bulk && counts.added + counts.changed > 0)
        sync->state.epoch++;
    if (page->feed.last && sync->state.full_done_ms == 0)
        sync->state.full_done_ms = ctx_now_ms(sync->tenant->ctx);
    return mirror_state_store(sync->tenant, &sync->state, err);
}

enum err_class sync_store_state(struct sync *sync, struct err *err)
{
    enum err_class rc = sync_tx_open(sync, err);

    if (rc == ERR_OK)
        rc = mirror_state_store(sync->tenant, &sync->state, err);
    return sync_tx_close(sync, rc, err);
}

enum err_class sync_begin_whole(struct sync *sync, struct err *err)
{
    struct jira_server server = {0};
    enum err_class rc = jira_server_info(sync->jira, &server, err);

    if (rc != ERR_OK)
        return rc;
    sync->server_ms = server.server_ms;
    if (sync->state.deleted_next[0] == '\0')
        (void)snprintf(sync->state.deleted_next, sizeof(sync->state.deleted_next), "since=%lld",
                       (long long)(server.server_ms > DELETED_BEFORE_MS
                                       ? server.server_ms - DELETED_BEFORE_MS
                                       : 0));
    return ERR_OK;
}

/* Before the first page of a full copy; the cursors are kept before anything is read. */
static enum err_class begin_full(struct sync *sync, struct err *err)
{
    enum err_class rc = sync_begin_whole(sync, err);

    if (rc != ERR_OK)
        return rc;
    if (sync->options->start_over || sync->state.updated_next[0] == '\0') {
        (void)snprintf(sync->state.updated_next, sizeof(sync->state.updated_next), "since=0");
        sync->state.full_done_ms = 0;
    }
    return sync_store_state(sync, err);
}

/*
 * Worklogs that an earlier run could not copy are not listed again by themselves: the cursor has
 * passed them. They are asked for again; what is still the matter is warned of again.
 */
static enum err_class ask_again(struct sync *sync, struct err *err)
{
    AUTO(sync_page_free_autop) struct sync_page *page = sync_page_new();
    int64_t after = 0;

    if (!page)
        return err_memory(err);
    /* Ends: ids rise, and at most LIMIT_WARNINGS_KEPT are kept of a run. */
    do {
        struct sync_page_counts counts = {0};
        enum err_class rc =
            sync_warned_ids(sync->tenant, &sync->run, after, page->ids, &page->id_count, err);

        if (rc != ERR_OK || page->id_count == 0)
            return rc;
        rc = sync_receive(sync, page, err);
        if (rc == ERR_OK)
            rc = sync_tx_open(sync, err);
        if (rc != ERR_OK)
            return rc;
        rc = sync_warned_settle(sync->tenant, &sync->run, after + 1, page->ids[page->id_count - 1],
                                err);
        if (rc == ERR_OK)
            rc = sync_put_page(sync, page, &counts, err);
        sync->run.stored += counts.added + counts.changed;
        rc = sync_tx_close(sync, rc, err);
        if (rc != ERR_OK)
            return rc;
        after = page->ids[page->id_count - 1];
    } while (page->id_count == LIMIT_FEED_PAGE_ROWS);
    return ERR_OK;
}

/*
 * A verification has seen to everything that was warned of before. A full run need not have: one
 * that was stopped and resumed did not read again what was warned of before the stop.
 */
static enum err_class settle_warnings(struct sync *sync, struct err *err)
{
    enum err_class rc = sync_tx_open(sync, err);

    if (rc == ERR_OK)
        rc = sync_warned_settle(sync->tenant, &sync->run, 0, INT64_MAX, err);
    return sync_tx_close(sync, rc, err);
}

static enum err_class follow(struct sync *sync, struct err *err)
{
    const struct sync_walk walk = {.wanted = want_unknown, .store = store, .phase = "reading"};
    char from[JIRA_QUERY_BYTES + 1];
    /* A full run too: it may be the second half of one that was stopped. */
    enum err_class rc = ask_again(sync, err);

    if (rc == ERR_OK && sync->run.mode == SYNC_FULL) {
        sync->mirror.bulk = true;
        rc = begin_full(sync, err);
    } else {
        sync->server_ms = ctx_now_ms(sync->tenant->ctx);
    }
    if (rc != ERR_OK)
        return rc;

    /* The state's own copy changes while the walk goes on. */
    (void)snprintf(from, sizeof(from), "%s", sync->state.updated_next);
    rc = sync_walk(sync, &walk, from, err);
    if (rc == ERR_OK)
        rc = sync_deletions(sync, err);
    return rc;
}

static const char *end_state(enum err_class rc, const struct sync_run *run)
{
    if (rc == ERR_OK)
        return run->warnings > 0 ? "completed_with_warnings" : "completed";
    return rc == ERR_CANCELLED ? "stopped" : err_class_name(rc);
}

static enum sync_mode mode_of(const struct sync *sync)
{
    if (sync->options->verify)
        return SYNC_VERIFY;
    return sync->options->start_over || sync->state.full_done_ms == 0 ? SYNC_FULL
                                                                      : SYNC_INCREMENTAL;
}

static enum err_class run_it(struct sync *sync, struct err *err)
{
    struct err end_err = {0};
    /* The budget is everybody's; others' calls meanwhile are counted with ours. */
    int64_t requests_before = http_budget_usage(sync->jira->http.budget).requests;
    enum err_class rc = sync_run_begin(sync->tenant, mode_of(sync), &sync->run, err);

    if (rc != ERR_OK)
        return rc;
    sync->committed_run = sync->run;
    sync->result->mode = sync->run.mode;
    rc = sync->run.mode == SYNC_VERIFY ? sync_verify(sync, err) : follow(sync, err);
    if (rc == ERR_OK && sync->run.mode == SYNC_VERIFY)
        rc = settle_warnings(sync, err);
    sync->run.requests = http_budget_usage(sync->jira->http.budget).requests - requests_before;

    /* Also makes durable what the pages' transactions wrote. */
    enum err_class end =
        sync_run_end(sync->tenant, &sync->run, end_state(rc, &sync->run), &end_err);

    if (rc == ERR_OK && end != ERR_OK) {
        *err = end_err;
        rc = end;
    }
    return rc;
}

/* Nobody is to wait for us while we wait for the remote. */
static enum err_class commit_before_wait(void *arg, struct err *err)
{
    return sync_tx_close(arg, ERR_OK, err);
}

enum err_class sync_run(struct tenant *tenant, struct jira *jira,
                        const struct sync_options *options, struct sync_result *ret,
                        struct err *err)
{
    struct sync sync = {
        .tenant = tenant,
        .jira = jira,
        .options = options,
        .result = ret,
        .began_mono_ms = ctx_mono_ms(tenant->ctx),
    };
    enum err_class rc = mirror_init(&sync.mirror, tenant, err);

    *ret = (struct sync_result){0};
    if (rc == ERR_OK)
        rc = mirror_state_load(tenant, &sync.state, err);
    sync.committed_state = sync.state;
    jira->http.before_wait = commit_before_wait;
    jira->http.before_wait_arg = &sync;
    if (rc == ERR_OK)
        rc = run_it(&sync, err);
    jira->http.before_wait = NULL;
    ret->run = sync.run;
    ret->drift = sync.state.proof_drift;
    ret->proof_at_ms = sync.state.proof_at_ms;
    ret->seconds_ms = ctx_mono_ms(tenant->ctx) - sync.began_mono_ms;
    mirror_done(&sync.mirror);
    return rc;
}
