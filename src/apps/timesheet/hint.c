/*
 * hint.c: what an event of Jira makes us look at, and the look.
 *
 * Events come late, twice, in any order, or never (facts: webhooks), and one user action raises
 * several. Those about a worklog name its id; those about an issue only say, if at all, that its
 * time changed: then the feeds are followed, a little later, since they hold back the last minute.
 *
 * A worklog that the list leaves out is not a deleted one: it may be hidden from our account. It
 * counts as deleted when a direct read says 404 while its issue can be read. Restricting a worklog
 * to others looks the same; then our copy goes, which our account may not see any more.
 */
#include "apps/timesheet/hint.h"

#include <inttypes.h>

#include "apps/timesheet/job_sync.h"
#include "apps/timesheet/write.h"

/* ---- Events ---- */

static void hint_worklog(int64_t id, struct hint *ret)
{
    *ret = (struct hint){.kind = WRITE_HINT_JOB};
    (void)snprintf(ret->key, sizeof(ret->key), "%" PRId64, id);
}

static void hint_sync(struct hint *ret)
{
    *ret = (struct hint){.kind = SYNC_JOB, .delay_ms = HINT_SYNC_DELAY_MS};
    (void)snprintf(ret->key, sizeof(ret->key), "%s", SYNC_KEY_INCREMENTAL);
}

/* worklog_created, worklog_updated, worklog_deleted */
static bool read_worklog(yyjson_val *body, struct hint *ret)
{
    int64_t id = 0;

    if (!json_i64(yyjson_obj_get(body, "worklog"), "id", &id) || id <= 0)
        return false;
    hint_worklog(id, ret);
    return true;
}

/*
 * jira:issue_updated, and jira:worklog_updated of Data Center. The item WorklogId has the id of a
 * worklog that was changed or deleted; a new one only moves the sums.
 */
static bool read_changes(yyjson_val *body, struct hint *ret)
{
    yyjson_val *items = yyjson_obj_get(yyjson_obj_get(body, "changelog"), "items");
    yyjson_val *item;
    size_t at, count;
    bool time = false;
    int64_t id = 0;

    *ret = (struct hint){.kind = NULL};
    yyjson_arr_foreach(items, at, count, item)
    {
        struct str field = json_str(item, "field");

        if (str_eq_nocase(field, STR("WorklogId")) && json_i64(item, "from", &id) && id > 0) {
            hint_worklog(id, ret);
            return true;
        }
        time = time || str_eq_nocase(field, STR("timespent")) ||
               str_eq_nocase(field, STR("WorklogId")) ||
               str_eq_nocase(field, STR("WorklogTimeSpent"));
    }
    if (time)
        hint_sync(ret);
    return yyjson_is_obj(body);
}

static bool read_worklog_change(yyjson_val *body, struct hint *ret)
{
    if (!read_changes(body, ret))
        return false;
    if (!ret->kind)
        hint_sync(ret);
    return true;
}

/* Its worklogs went with it; the feed of deletions names them. */
static bool read_issue_deleted(yyjson_val *body, struct hint *ret)
{
    if (!yyjson_is_obj(body))
        return false;
    hint_sync(ret);
    return true;
}

const struct hint_event hint_events[HINT_EVENT_COUNT] = {
    {"worklog_created", read_worklog},
    {"worklog_updated", read_worklog},
    {"worklog_deleted", read_worklog},
    {"jira:issue_updated", read_changes},
    {"jira:worklog_updated", read_worklog_change},
    {"jira:issue_deleted", read_issue_deleted},
};

/* ---- The look ---- */

/* The worklog, if Jira shows it to us. Views in *ret point into *list, which the caller frees. */
static enum err_class read_now(struct jira *jira, int64_t id, struct jira_worklogs *list,
                               struct jira_worklog *ret, bool *ret_shown, struct err *err)
{
    struct http_call *call = NULL;
    enum jira_defect defect = JIRA_DEFECT_NONE;
    enum err_class rc = jira_worklogs_start(jira, &id, 1, &call, err);

    *ret_shown = false;
    if (rc == ERR_OK)
        rc = jira_worklogs_finish(jira, call, list, err);
    while (rc == ERR_OK && !*ret_shown && jira_worklogs_next(list, ret, &defect))
        *ret_shown = ret->id == id;
    if (rc == ERR_OK && *ret_shown && defect != JIRA_DEFECT_NONE)
        return err_set(err, ERR_REMOTE,
                       "Jira shows the worklog %" PRId64
                       " without what every worklog has; the next "
                       "synchronization warns of it",
                       id);
    return rc;
}

static enum err_class put(struct mirror *mirror, const struct jira_worklog *worklog,
                          struct err *err)
{
    struct db *db = mirror->tenant->db;
    enum mirror_put what;
    enum err_class rc = db_begin(db, DB_WRITE, err);

    if (rc == ERR_OK)
        rc = db_end(db, mirror_put(mirror, worklog, &what, err), err);
    if (rc != ERR_OK)
        mirror_forget(mirror);
    return rc;
}

static enum err_class take_out(struct mirror *mirror, int64_t id, int64_t updated_ms,
                               struct err *err)
{
    struct db *db = mirror->tenant->db;
    int64_t now_ms = ctx_now_ms(mirror->tenant->ctx);
    bool was;
    enum err_class rc = db_begin(db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    return db_end(
        db, mirror_delete(mirror, id, now_ms > updated_ms ? now_ms : updated_ms, &was, err), err);
}

/* Jira's list leaves it out. Is it gone? */
static enum err_class judge(struct mirror *mirror, struct jira *jira, int64_t id, int64_t issue_id,
                            enum hint_end *ret, struct err *err)
{
    bool there = true, issue = false, found = false;
    int64_t updated_ms = 0;
    enum err_class rc = mirror_updated(mirror->tenant, id, &updated_ms, &found, err);

    *ret = HINT_UNSURE;
    if (rc == ERR_OK)
        rc = jira_worklog_exists(jira, issue_id, id, &there, err);
    if (rc == ERR_OK && !there)
        rc = jira_issue_exists(jira, issue_id, &issue, err);
    if (rc == ERR_FORBIDDEN) /* nothing is proved */
        return ERR_OK;
    if (rc != ERR_OK || there || !issue)
        return rc;
    rc = take_out(mirror, id, updated_ms, err);
    *ret = HINT_DELETED;
    return rc;
}

enum err_class hint_follow(struct mirror *mirror, struct jira *jira, int64_t id, enum hint_end *ret,
                           struct err *err)
{
    struct jira_worklogs list = {0};
    struct jira_worklog worklog;
    struct err unknown;
    int64_t issue_id = 0;
    bool shown = false;
    enum err_class rc = read_now(jira, id, &list, &worklog, &shown, err);

    *ret = HINT_NOTHING;
    if (rc == ERR_OK && shown) {
        rc = put(mirror, &worklog, err);
        *ret = HINT_STORED;
    }
    jira_worklogs_done(&list);
    if (rc != ERR_OK || shown)
        return rc;
    rc = mirror_issue_of(mirror->tenant, id, &issue_id, &unknown);
    if (rc == ERR_NOT_FOUND) /* a forged id, or one that we may not see */
        return ERR_OK;
    if (rc != ERR_OK)
        return err_set(err, rc, "%s", unknown.msg);
    return judge(mirror, jira, id, issue_id, ret, err);
}
