/*
 * verify.c: proving that the mirror equals its source, and repairing what does not.
 *
 * The whole feed of ids is walked; each worklog is read again and compared field by field (a moved
 * one keeps its `updated`, so times alone prove little; --quick compares only them). Found are
 *     missing  listed and shown by Jira, not stored
 *     stale    stored, but not as Jira has it
 *     extra    stored, but not listed any more
 * An extra one is deleted only when a read of it finds nothing, and either the feed of deletions
 * lists it or its issue can be read: an account that lost a permission must not empty the mirror.
 * The feeds withhold the last minute, so rows younger than that are not judged.
 */
#include "apps/timesheet/sync_internal.h"

#define UNJUDGED_MS (INT64_C(2) * 60 * 1000)
#define IDS_MAX ((size_t)LIMIT_COLUMNS_ROWS)

struct extra {
    int64_t id, issue_id, updated_ms;
    int64_t deleted_ms; /* from the feed of deletions; 0: not listed there */
    bool there;         /* Jira shows it */
};

struct verify {
    int64_t *ids; /* every id that the feed listed; sorted after the walk */
    size_t id_count, id_room;
    struct extra *extras; /* in order of their ids */
    size_t extra_count, extra_room;
    int64_t missing, stale;
};

static void verify_done(struct verify *verify)
{
    free(verify->ids);
    free(verify->extras);
}

/* Makes room for one more element. */
static enum err_class grow(void **array, size_t count, size_t *room, size_t size, struct err *err)
{
    if (count < *room)
        return ERR_OK;

    size_t more = *room ? *room * 2 : 4096;

    if (more > IDS_MAX)
        return err_set(err, ERR_LIMIT, "the site has more than %zu worklogs", IDS_MAX);

    void *grown = reallocarray(*array, more, size);

    if (!grown)
        return err_memory(err);
    *array = grown;
    *room = more;
    return ERR_OK;
}

static enum err_class wanted(struct sync *sync, void *arg, const struct jira_feed_row *row,
                             bool *ret, struct err *err)
{
    struct verify *verify = arg;
    int64_t updated = 0;
    bool found = false;
    enum err_class rc = grow((void **)&verify->ids, verify->id_count, &verify->id_room,
                             sizeof(verify->ids[0]), err);

    if (rc != ERR_OK)
        return rc;
    verify->ids[verify->id_count++] = row->id;
    *ret = true;
    if (!sync->options->quick)
        return ERR_OK;
    rc = mirror_updated(sync->tenant, row->id, &updated, &found, err);
    *ret = !found || updated != row->time_ms;
    return rc;
}

static enum err_class store(struct sync *sync, void *arg, struct sync_page *page, struct err *err)
{
    struct verify *verify = arg;
    struct sync_page_counts counts = {0};
    enum err_class rc = sync_put_page(sync, page, &counts, err);

    if (rc != ERR_OK)
        return rc;
    verify->missing += counts.added;
    verify->stale += counts.changed;
    sync->run.stored += counts.added + counts.changed;
    if (page->feed.last && sync->state.full_done_ms == 0)
        sync->state.full_done_ms = ctx_now_ms(sync->tenant->ctx);
    return mirror_state_store(sync->tenant, &sync->state, err);
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool is_listed(const struct verify *verify, int64_t id)
{
    return verify->id_count > 0 &&
           bsearch(&id, verify->ids, verify->id_count, sizeof(verify->ids[0]), compare_i64) != NULL;
}

/* Stored rows that the feed did not list and that are old enough to be judged. */
static enum err_class find_extras(struct sync *sync, struct verify *verify, int64_t judged_ms,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(sync->tenant->db,
                   SQL("SELECT client_worklog_id, client_issue_id, updated FROM worklog"
                       " WHERE updated < $1 ORDER BY client_worklog_id LIMIT 100000000"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, judged_ms);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct extra extra = {
            .id = db_i64(stmt, 0), .issue_id = db_i64(stmt, 1), .updated_ms = db_i64(stmt, 2)};

        if (is_listed(verify, extra.id))
            continue;
        rc = grow((void **)&verify->extras, verify->extra_count, &verify->extra_room,
                  sizeof(verify->extras[0]), err);
        if (rc != ERR_OK)
            return rc;
        verify->extras[verify->extra_count++] = extra;
    }
    return rc;
}

static struct extra *extra_of(struct verify *verify, int64_t id)
{
    const struct extra key = {.id = id};

    /* The id is the first member, so the order of ids is that of the structs. */
    return bsearch(&key, verify->extras, verify->extra_count, sizeof(key), compare_i64);
}

/* Reads the extra ones in bulk, a page of ids a call; what is shown is there, and is stored. */
static enum err_class read_extras(struct sync *sync, struct verify *verify, struct sync_page *page,
                                  struct err *err)
{
    for (size_t from = 0; from < verify->extra_count; from += LIMIT_FEED_PAGE_ROWS) {
        struct jira_worklog worklog;
        enum jira_defect defect;
        enum err_class rc = ctx_check(sync->tenant->ctx, err);

        page->id_count = 0;
        for (size_t i = from; i < verify->extra_count && page->id_count < LIMIT_FEED_PAGE_ROWS; i++)
            page->ids[page->id_count++] = verify->extras[i].id;
        if (rc == ERR_OK)
            rc = sync_receive(sync, page, err);
        if (rc != ERR_OK)
            return rc;
        while (jira_worklogs_next(&page->answer, &worklog, &defect)) {
            struct extra *extra = extra_of(verify, worklog.id);

            if (extra)
                extra->there = true;
        }
    }
    return ERR_OK;
}

/* Which of the extra ones the feed of deletions lists. */
static enum err_class read_deletions(struct sync *sync, struct verify *verify,
                                     struct jira_feed_page *feed, struct err *err)
{
    int64_t since = INT64_MAX;
    struct sync_reached reached = {0};
    char at[JIRA_QUERY_BYTES + 1];

    for (size_t i = 0; i < verify->extra_count; i++)
        if (verify->extras[i].updated_ms < since)
            since = verify->extras[i].updated_ms;
    (void)snprintf(at, sizeof(at), "since=%lld", (long long)(since > 0 ? since - 1 : 0));

    /* Ends with the last page; a page that leads to itself ends it too. */
    for (;;) {
        struct http_call *call = NULL;
        enum err_class rc = ctx_check(sync->tenant->ctx, err);

        if (rc == ERR_OK)
            rc = jira_feed_start(sync->jira, JIRA_DELETED, at, &call, err);
        if (rc == ERR_OK)
            rc = jira_feed_finish(sync->jira, call, feed, err);
        if (rc == ERR_OK)
            rc = sync_reach(sync, &reached, feed, err);
        if (rc != ERR_OK)
            return rc;
        for (size_t i = 0; i < feed->count; i++) {
            struct extra *extra = extra_of(verify, feed->rows[i].id);

            if (extra)
                extra->deleted_ms = feed->rows[i].time_ms;
        }
        if (feed->last || strcmp(feed->next, at) == 0)
            return ERR_OK;
        (void)snprintf(at, sizeof(at), "%s", feed->next);
    }
}

/* Is its deletion believed? One read of the worklog, and one of its issue. */
static enum err_class is_deleted(struct sync *sync, struct extra *extra, bool *ret, struct err *err)
{
    bool there = true, issue = false;

    *ret = false;
    if (extra->there)
        return ERR_OK;
    if (extra->deleted_ms > 0) { /* listed as deleted, and the read by id showed nothing */
        *ret = true;
        return ERR_OK;
    }

    enum err_class rc = jira_worklog_exists(sync->jira, extra->issue_id, extra->id, &there, err);

    if (rc == ERR_OK && there) {
        extra->there = true;
        return ERR_OK;
    }
    if (rc == ERR_OK)
        rc = jira_issue_exists(sync->jira, extra->issue_id, &issue, err);
    /* What cannot be read for want of a right is not proved either way. */
    if (rc == ERR_FORBIDDEN)
        return ERR_OK;
    *ret = rc == ERR_OK && issue;
    extra->deleted_ms = sync->server_ms ? sync->server_ms : ctx_now_ms(sync->tenant->ctx);
    return rc;
}

static enum err_class settle_extra(struct sync *sync, struct extra *extra, bool deleted,
                                   struct err *err)
{
    bool was = false;
    enum err_class rc = sync_tx_open(sync, err);

    if (rc == ERR_OK && deleted)
        rc = mirror_delete(&sync->mirror, extra->id, extra->deleted_ms, &was, err);
    else if (rc == ERR_OK)
        rc = sync_warn(sync->tenant, &sync->run, WARN_UNPROVED, extra->id, extra->issue_id, err);
    sync->run.deleted += was;
    return sync_tx_close(sync, rc, err);
}

static enum err_class settle_extras(struct sync *sync, struct verify *verify, struct err *err)
{
    int64_t kept = 0;

    for (size_t i = 0; i < verify->extra_count; i++) {
        struct extra *extra = &verify->extras[i];
        bool deleted = false;
        enum err_class rc = ctx_check(sync->tenant->ctx, err);

        if (rc == ERR_OK)
            rc = is_deleted(sync, extra, &deleted, err);
        if (rc == ERR_OK && extra->there)
            kept++;
        else if (rc == ERR_OK)
            rc = settle_extra(sync, extra, deleted, err);
        if (rc == ERR_OK)
            rc = sync_tell(sync, "checking", (double)(i + 1) / (double)verify->extra_count, err);
        if (rc != ERR_OK)
            return rc;
    }
    sync->result->extra = (int64_t)verify->extra_count - kept;
    return ERR_OK;
}

static enum err_class check_extras(struct sync *sync, struct verify *verify, struct err *err)
{
    AUTO(sync_page_free_autop) struct sync_page *page = sync_page_new();
    int64_t now = sync->server_ms ? sync->server_ms : sync->state.synced_ms;

    if (!page)
        return err_memory(err);
    if (verify->id_count > 0)
        qsort(verify->ids, verify->id_count, sizeof(verify->ids[0]), compare_i64);

    enum err_class rc = find_extras(sync, verify, now - UNJUDGED_MS, err);

    if (rc == ERR_OK && verify->extra_count == 0)
        return ERR_OK;
    if (rc == ERR_OK)
        rc = read_extras(sync, verify, page, err);
    if (rc == ERR_OK)
        rc = read_deletions(sync, verify, &page->feed, err);
    if (rc == ERR_OK)
        rc = settle_extras(sync, verify, err);
    return rc;
}

static enum err_class walk_and_check(struct sync *sync, struct verify *verify, struct err *err)
{
    const struct sync_walk walk = {.wanted = wanted,
                                   .store = store,
                                   .arg = verify,
                                   .phase = "comparing",
                                   .cursor_at_end = true};
    enum err_class rc = sync_begin_whole(sync, err);

    /* What a whole reading shows is there, whatever we were told of its deletion. */
    sync->mirror.revive = true;
    if (rc == ERR_OK)
        rc = sync_walk(sync, &walk, "since=0", err);
    if (rc == ERR_OK)
        rc = check_extras(sync, verify, err);
    return rc;
}

enum err_class sync_verify(struct sync *sync, struct err *err)
{
    struct verify verify = {0};
    struct sync_result *result = sync->result;
    enum err_class rc = walk_and_check(sync, &verify, err);

    result->missing = verify.missing;
    result->stale = verify.stale;
    verify_done(&verify);
    if (rc != ERR_OK)
        return rc;
    sync->state.proof_at_ms = ctx_now_ms(sync->tenant->ctx);
    sync->state.proof_drift = result->missing + result->stale + result->extra;
    rc = sync_store_state(sync, err);
    if (rc == ERR_OK)
        result->proved = true;
    return rc;
}
