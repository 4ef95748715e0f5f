/*
 * pages.c: walking Jira's feeds, page by page.
 *
 * The pipeline: while page n is stored, the worklogs of page n+1 and the ids of page n+2 are on
 * their way. A page is stored together with the cursor behind it, so the cursor never covers what
 * is not stored. The next page's query is Jira's own: more than a page of worklogs can share one
 * time, which no arithmetic of ours could page through.
 */
#include "apps/timesheet/sync_internal.h"

#include <assert.h>

/* How far behind the feed's end the next run begins: hides late commits on Jira's side. */
#define OVERLAP_MS (INT64_C(2) * 60 * 1000)

struct sync_page *sync_page_new(void)
{
    return calloc(1, sizeof(struct sync_page));
}

void sync_page_free(struct sync_page *page)
{
    if (!page)
        return;
    http_drop(page->list);
    jira_worklogs_done(&page->answer);
    free(page);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Drops what stands twice; the array is sorted. */
static size_t unique_ids(int64_t *ids, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (i == 0 || ids[i] != ids[kept - 1])
            ids[kept++] = ids[i];
    return kept;
}

/* Where in the page's ids it stands; id_count when it does not. */
static size_t find_id(const struct sync_page *page, int64_t id)
{
    const int64_t *hit = bsearch(&id, page->ids, page->id_count, sizeof(page->ids[0]), compare_ids);

    return hit ? (size_t)(hit - page->ids) : page->id_count;
}

static void drop_answer(struct sync_page *page)
{
    jira_worklogs_done(&page->answer);
    page->answer = (struct jira_worklogs){0};
}

/* Waits for what was asked for with the page, if anything was. */
static enum err_class finish_list(struct sync *sync, struct sync_page *page, struct err *err)
{
    drop_answer(page);
    return page->list ? jira_worklogs_finish(sync->jira, TAKE(page->list), &page->answer, err)
                      : ERR_OK;
}

enum err_class sync_receive(struct sync *sync, struct sync_page *page, struct err *err)
{
    enum err_class rc = ERR_OK;

    if (page->id_count > 0)
        rc = jira_worklogs_start(sync->jira, page->ids, page->id_count, &page->list, err);
    if (rc == ERR_OK && page->list)
        rc = sync_tx_before_wait(sync, page->list, err);
    if (rc == ERR_OK)
        rc = finish_list(sync, page, err);
    return rc;
}

enum err_class sync_tell(struct sync *sync, const char *phase, double done, struct err *err)
{
    int64_t elapsed_ms = ctx_mono_ms(sync->tenant->ctx) - sync->began_mono_ms;
    struct sync_progress progress = {
        .mode = sync->run.mode,
        .phase = phase,
        .stored = sync->run.stored,
        .seen = sync->seen,
        .done = done,
        .left_ms = done > 0.01 ? (int64_t)((double)elapsed_ms * (1 - done) / done) : -1,
    };

    if (!sync->options->progress)
        return ERR_OK;
    return sync->options->progress(sync->options->progress_arg, &progress, err);
}

/* The feed is in the order of time, and tells no total: time covered stands for work done. */
static double share_of_time(const struct sync *sync, int64_t at_ms)
{
    if (sync->first_ms == 0 || sync->server_ms <= sync->first_ms)
        return -1;

    double share = (double)(at_ms - sync->first_ms) / (double)(sync->server_ms - sync->first_ms);

    return share < 0 ? 0 : share > 1 ? 1 : share;
}

/* Asks for the worklogs of a page that are wanted. */
static enum err_class start_list(struct sync *sync, const struct sync_walk *walk,
                                 struct sync_page *page, struct err *err)
{
    page->id_count = 0;
    for (size_t i = 0; i < page->feed.count; i++) {
        bool wanted = false;
        enum err_class rc = walk->wanted(sync, walk->arg, &page->feed.rows[i], &wanted, err);

        if (rc != ERR_OK)
            return rc;
        if (wanted)
            page->ids[page->id_count++] = page->feed.rows[i].id;
    }
    qsort(page->ids, page->id_count, sizeof(page->ids[0]), compare_ids);
    page->id_count = unique_ids(page->ids, page->id_count);
    if (page->id_count == 0)
        return ERR_OK;
    return jira_worklogs_start(sync->jira, page->ids, page->id_count, &page->list, err);
}

enum err_class sync_reach(struct sync *sync, struct sync_reached *reached,
                          const struct jira_feed_page *feed, struct err *err)
{
    int64_t at_ms = feed->count > 0 ? feed->rows[feed->count - 1].time_ms : reached->ms;

    if (feed->last)
        return ERR_OK;
    if (at_ms < reached->ms)
        return err_set(err, ERR_REMOTE,
                       "the worklog feed of %s does not end: a page leads back in time",
                       sync->tenant->info.base_url);
    if (at_ms > reached->ms)
        *reached = (struct sync_reached){.ms = at_ms};
    else if (++reached->pages >= SYNC_PAGES_OF_A_TIME)
        return err_set(err, ERR_REMOTE,
                       "the worklog feed of %s does not end: %d pages in a row are of one time",
                       sync->tenant->info.base_url, SYNC_PAGES_OF_A_TIME);
    return ERR_OK;
}

/*
 * A full page that brings the reader to the same place again would never end: Jira then has more
 * rows of one time than it can page through. The walk steps over that time and says so.
 */
static enum err_class step_over(struct sync *sync, const char *query, struct jira_feed_page *feed,
                                struct sync_reached *reached, struct err *err)
{
    enum err_class rc = sync_reach(sync, reached, feed, err);

    if (rc != ERR_OK || feed->last || strcmp(feed->next, query) != 0)
        return rc;
    if (feed->count == 0)
        return err_set(err, ERR_REMOTE,
                       "the worklog feed of %s does not end: an empty page leads to itself",
                       sync->tenant->info.base_url);
    reached->ms++;
    (void)snprintf(feed->next, sizeof(feed->next), "since=%lld", (long long)reached->ms);
    rc = sync_tx_open(sync, err);
    if (rc == ERR_OK)
        rc = sync_warn(sync->tenant, &sync->run, WARN_SAME_TIME, 0, 0, err);
    return rc == ERR_OK ? sync_tx_keep(sync, err) : rc;
}

/* The time in a cursor of ours, "since=<ms>"; 0 in one of Jira's own making. */
static int64_t since_of(const char *query)
{
    struct str text = str_from(query);
    int64_t ms = 0;

    if (!str_starts(text, STR("since=")) ||
        !parse_i64(str_sub(text, 6, text.len), 0, INT64_MAX, &ms))
        return 0;
    return ms;
}

/*
 * The cursor behind a last page: a little before its end, and never before where the run began, as
 * an empty page may tell its beginning for its end.
 */
static void cursor_after(int64_t until_ms, int64_t from_ms, char ret[JIRA_QUERY_BYTES + 1])
{
    int64_t next = until_ms > OVERLAP_MS ? until_ms - OVERLAP_MS : 0;

    (void)snprintf(ret, JIRA_QUERY_BYTES + 1, "since=%lld",
                   (long long)(next > from_ms ? next : from_ms));
}

/* An end that lies further ahead of our clock than any clock is wrong is not believed. */
#define AHEAD_MS (INT64_C(366) * 24 * 60 * 60 * 1000)

/* The youngest time that a page covers; 0 when Jira tells none, or one that cannot be. */
static int64_t end_of(const struct sync *sync, const struct jira_feed_page *feed)
{
    int64_t until = feed->until_ms;

    if (until == 0 && feed->count > 0)
        until = feed->rows[feed->count - 1].time_ms;
    return until > ctx_now_ms(sync->tenant->ctx) + AHEAD_MS ? 0 : until;
}

/* Where the walk goes on after a page: Jira's own word, or, at the end, a little before it. */
static void advance(struct sync *sync, const struct jira_feed_page *feed)
{
    if (!feed->last) {
        (void)snprintf(sync->state.updated_next, sizeof(sync->state.updated_next), "%s",
                       feed->next);
        return;
    }

    int64_t until = end_of(sync, feed);

    if (until == 0)
        return; /* nothing new, and Jira told no time: stay */
    if (until > sync->state.synced_ms)
        sync->state.synced_ms = until;

    cursor_after(until, sync->from_ms, sync->state.updated_next);
}

static enum err_class store_page(struct sync *sync, const struct sync_walk *walk,
                                 struct sync_page *page, struct err *err)
{
    enum err_class rc = page->list ? sync_tx_before_wait(sync, page->list, err) : ERR_OK;

    if (rc == ERR_OK)
        rc = finish_list(sync, page, err);
    if (rc == ERR_OK)
        rc = sync_tx_open(sync, err);
    if (rc != ERR_OK)
        return rc;
    if (page->feed.last || !walk->cursor_at_end)
        advance(sync, &page->feed);
    rc = walk->store(sync, walk->arg, page, err);
    drop_answer(page); /* megabytes, which the next one can use */
    if (rc == ERR_OK)
        rc = sync_tx_keep(sync, err);
    if (rc != ERR_OK)
        return rc;
    sync->seen += (int64_t)page->feed.count;
    if (page->feed.count == 0)
        return ERR_OK;
    return sync_tell(
        sync, walk->phase,
        page->feed.last ? 1 : share_of_time(sync, page->feed.rows[page->feed.count - 1].time_ms),
        err);
}

static enum err_class walk_pages(struct sync *sync, const struct sync_walk *walk, const char *query,
                                 struct err *err)
{
    AUTO(sync_page_free_autop) struct sync_page *page = sync_page_new();
    AUTO(sync_page_free_autop) struct sync_page *before = sync_page_new();
    AUTO(http_drop_autop) struct http_call *next = NULL;
    struct sync_reached reached = {0};
    char at[JIRA_QUERY_BYTES + 1];
    bool have_before = false, last = false;

    if (!page || !before)
        return err_memory(err);
    (void)snprintf(at, sizeof(at), "%s", query);

    enum err_class rc = jira_feed_start(sync->jira, JIRA_UPDATED, at, &next, err);

    /* Ends with the feed's last page; step_over sees to it that pages go forward. */
    while (rc == ERR_OK && !last) {
        rc = ctx_check(sync->tenant->ctx, err);
        if (rc == ERR_OK)
            rc = sync_tx_before_wait(sync, next, err);
        if (rc == ERR_OK)
            rc = jira_feed_finish(sync->jira, TAKE(next), &page->feed, err);
        if (rc == ERR_OK)
            rc = step_over(sync, at, &page->feed, &reached, err);
        if (rc != ERR_OK)
            return rc;
        last = page->feed.last;
        if (sync->first_ms == 0 && page->feed.count > 0)
            sync->first_ms = page->feed.rows[0].time_ms;
        (void)snprintf(at, sizeof(at), "%s", page->feed.next);
        if (!last)
            rc = jira_feed_start(sync->jira, JIRA_UPDATED, at, &next, err);
        if (rc == ERR_OK)
            rc = start_list(sync, walk, page, err);
        if (rc == ERR_OK && have_before)
            rc = store_page(sync, walk, before, err);

        struct sync_page *done = before;

        before = page;
        page = done;
        have_before = true;
    }
    return rc == ERR_OK ? store_page(sync, walk, before, err) : rc;
}

enum err_class sync_walk(struct sync *sync, const struct sync_walk *walk, const char *query,
                         struct err *err)
{
    sync->from_ms = since_of(query);
    return sync_tx_close(sync, walk_pages(sync, walk, query, err), err);
}

static enum err_class warn_defect(struct sync *sync, const struct jira_worklog *worklog,
                                  enum jira_defect defect, struct err *err)
{
    enum sync_warning_code code = WARN_INCOMPLETE;

    switch (defect) {
    case JIRA_DEFECT_NONE:
    case JIRA_DEFECT_NO_ID:
    case JIRA_DEFECT_NO_ISSUE:
        break;
    case JIRA_DEFECT_NO_TIME:
        code = WARN_BAD_TIME;
        break;
    case JIRA_DEFECT_NO_SECONDS:
        code = WARN_BAD_SECONDS;
        break;
    case JIRA_DEFECT_COMMENT:
        code = WARN_COMMENT;
        break;
    }
    return sync_warn(sync->tenant, &sync->run, code, worklog->id, worklog->issue_id, err);
}

/* The ids asked for that the answer did not hold: not a deletion, only not shown to us. */
static enum err_class warn_invisible(struct sync *sync, const struct sync_page *page,
                                     const bool *answered, struct err *err)
{
    for (size_t i = 0; i < page->id_count; i++) {
        enum err_class rc = ERR_OK;

        if (!answered[i])
            rc = sync_warn(sync->tenant, &sync->run, WARN_INVISIBLE, page->ids[i], 0, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class sync_put_page(struct sync *sync, struct sync_page *page,
                             struct sync_page_counts *ret, struct err *err)
{
    bool answered[LIMIT_FEED_PAGE_ROWS] = {false};
    struct jira_worklog worklog;
    enum jira_defect defect;
    size_t next = 0; /* Jira mostly answers in the order asked */

    *ret = (struct sync_page_counts){0};
    while (jira_worklogs_next(&page->answer, &worklog, &defect)) {
        enum mirror_put put = MIRROR_SAME;
        bool in_turn = next < page->id_count && page->ids[next] == worklog.id;
        size_t at = in_turn ? next : find_id(page, worklog.id);
        enum err_class rc = ERR_OK;

        next = at + 1;
        if (at < page->id_count)
            answered[at] = true;
        else if (defect != JIRA_DEFECT_NO_ID)
            continue; /* not asked for: not ours to store */
        if (defect != JIRA_DEFECT_NONE)
            rc = warn_defect(sync, &worklog, defect, err);
        else
            rc = mirror_put(&sync->mirror, &worklog, &put, err);
        if (rc != ERR_OK)
            return rc;
        ret->added += put == MIRROR_ADDED;
        ret->changed += put == MIRROR_CHANGED;
    }
    return warn_invisible(sync, page, answered, err);
}

/* ---- deletions ---- */

/* Of the ids of a page, those that the mirror has; sorted. */
static enum err_class stored_ids(struct sync *sync, const struct jira_feed_page *feed,
                                 struct sync_page *ret, struct err *err)
{
    ret->id_count = 0;
    for (size_t i = 0; i < feed->count; i++) {
        int64_t updated = 0;
        bool found = false;
        enum err_class rc = mirror_updated(sync->tenant, feed->rows[i].id, &updated, &found, err);

        if (rc != ERR_OK)
            return rc;
        if (found)
            ret->ids[ret->id_count++] = feed->rows[i].id;
    }
    qsort(ret->ids, ret->id_count, sizeof(ret->ids[0]), compare_ids);
    ret->id_count = unique_ids(ret->ids, ret->id_count);
    return ERR_OK;
}

/* Which of the page's ids Jira still shows: those are not deleted, whatever the feed says. */
static void still_there(struct sync_page *page, bool *ret)
{
    struct jira_worklog worklog;
    enum jira_defect defect;

    while (jira_worklogs_next(&page->answer, &worklog, &defect)) {
        size_t at = find_id(page, worklog.id);

        if (at < page->id_count)
            ret[at] = true;
    }
}

static enum err_class delete_rows(struct sync *sync, const struct jira_feed_page *feed,
                                  const struct sync_page *page, const bool *there, struct err *err)
{
    for (size_t i = 0; i < feed->count; i++) {
        const struct jira_feed_row *row = &feed->rows[i];
        size_t at = find_id(page, row->id);
        bool was = false;
        enum err_class rc = ERR_OK;

        if (at < page->id_count && there[at]) {
            rc = sync_warn(sync->tenant, &sync->run, WARN_STILL_THERE, row->id, 0, err);
        } else {
            rc = mirror_delete(&sync->mirror, row->id, row->time_ms, &was, err);
            if (rc == ERR_OK)
                rc = sync_unwarn(sync->tenant, &sync->run, row->id, err);
        }
        if (rc != ERR_OK)
            return rc;
        sync->run.deleted += was;
        if (was && sync->mirror.bulk) /* not in the list of changes, so told by the epoch */
            sync->state.epoch++;
    }
    return ERR_OK;
}

static enum err_class store_deletions(struct sync *sync, const struct jira_feed_page *feed,
                                      int64_t from_ms, struct sync_page *page, struct err *err)
{
    bool there[LIMIT_FEED_PAGE_ROWS] = {false};
    int64_t until = end_of(sync, feed);
    enum err_class rc = stored_ids(sync, feed, page, err);

    if (rc == ERR_OK)
        rc = sync_receive(sync, page, err);
    if (rc != ERR_OK)
        return rc;
    still_there(page, there);

    if (!feed->last)
        (void)snprintf(sync->state.deleted_next, sizeof(sync->state.deleted_next), "%s",
                       feed->next);
    else if (until > 0)
        cursor_after(until, from_ms, sync->state.deleted_next);

    rc = sync_tx_open(sync, err);
    if (rc == ERR_OK)
        rc = delete_rows(sync, feed, page, there, err);
    if (rc == ERR_OK)
        rc = mirror_state_store(sync->tenant, &sync->state, err);
    return sync_tx_close(sync, rc, err);
}

enum err_class sync_deletions(struct sync *sync, struct err *err)
{
    AUTO(sync_page_free_autop) struct sync_page *page = sync_page_new();
    int64_t from_ms = since_of(sync->state.deleted_next);
    struct sync_reached reached = {0};
    char at[JIRA_QUERY_BYTES + 1];
    bool last = false;

    if (!page)
        return err_memory(err);
    /* Ends with the feed's last page; a page that leads to itself is an error. */
    while (!last) {
        struct http_call *call = NULL;
        enum err_class rc = ctx_check(sync->tenant->ctx, err);

        (void)snprintf(at, sizeof(at), "%s", sync->state.deleted_next);
        if (rc == ERR_OK)
            rc = jira_feed_start(sync->jira, JIRA_DELETED, at, &call, err);
        if (rc == ERR_OK)
            rc = jira_feed_finish(sync->jira, call, &page->feed, err);
        if (rc == ERR_OK)
            rc = step_over(sync, at, &page->feed, &reached, err);
        if (rc == ERR_OK)
            rc = store_deletions(sync, &page->feed, from_ms, page, err);
        if (rc == ERR_OK)
            rc = sync_tell(sync, "deletions", -1, err);
        if (rc != ERR_OK)
            return rc;
        last = page->feed.last;
    }
    return ERR_OK;
}
