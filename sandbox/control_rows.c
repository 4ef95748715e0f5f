/*
 * control_rows.c: changes of worklogs and issues that a test makes behind the client's back.
 *
 * Each call names rows ("id", "ids", or "random" with a count) and an action. Random picks are
 * spread evenly over the site and differ from call to call, the same way in each run of the
 * sandbox.
 */
#include <inttypes.h>

#include "api.h"
#include "base/civil.h"
#include "control.h"
#include "hooks.h"

#define COUNT_MAX 2000000

/* What a request asks for, read from its body. */
struct change {
    yyjson_val *body;
    int64_t now_ms; /* the change's time: "updated", or the clock */
    bool quiet;     /* without a trace: `updated` stays, no feed, no webhook */
    bool feed;      /* hide: still named by the feed; issue deletion: tells of its worklogs */
    uint32_t *rows; /* picked; owned */
    size_t row_count;
};

static void change_done(struct change *change)
{
    free(change->rows);
}

/* A time as ISO text or milliseconds. False: there and wrong. */
static bool read_time(yyjson_val *body, const char *name, int64_t *ret_ms)
{
    struct str text = json_str(body, name);

    if (text.ptr)
        return civil_parse_stamp(text, ret_ms) && site_is_time(*ret_ms);
    return !yyjson_obj_get(body, name) || (json_i64(body, name, ret_ms) && site_is_time(*ret_ms));
}

/* "count", 1 when absent. False: not acceptable, 400 is in the exchange. */
static bool read_count(struct http_exchange *ex, yyjson_val *body, int64_t *ret)
{
    int64_t count = 1;

    if (yyjson_obj_get(body, "count") &&
        (!json_i64(body, "count", &count) || count < 0 || count > COUNT_MAX)) {
        api_error(ex, 400, "\"count\" must be from 0 to %d", COUNT_MAX);
        return false;
    }
    *ret = count;
    return true;
}

typedef bool row_fits(const struct site *site, uint32_t row);

static bool is_live(const struct site *site, uint32_t row)
{
    return worklog_is_live(site, &site->worklogs[row]);
}

static bool is_visible(const struct site *site, uint32_t row)
{
    return worklog_is_visible(site, &site->worklogs[row]);
}

static bool is_hidden(const struct site *site, uint32_t row)
{
    return is_live(site, row) && (site->worklogs[row].flags & WORKLOG_HIDDEN);
}

static bool is_deleted(const struct site *site, uint32_t row)
{
    return site->worklogs[row].flags & WORKLOG_DELETED;
}

/* `count` different rows that fit, from a place that moves with every call; fewer when there are
 * not so many. */
static bool pick_random(struct site *site, size_t count, row_fits *fits, struct change *change)
{
    size_t total = site->worklog_count;
    unsigned char *taken AUTO(free_autop) = calloc(total + 1, 1);

    if (!taken || total == 0)
        return taken != NULL;
    site->picks++;
    for (size_t i = 0; i < count; i++) {
        size_t start = (size_t)(mix64(site->picks, 0) % total) +
                       (size_t)((double)total * (double)i / (double)count);
        size_t step = 0;

        while (step < total &&
               (taken[(start + step) % total] || !fits(site, (uint32_t)((start + step) % total))))
            step++;
        if (step == total)
            break;
        taken[(start + step) % total] = 1;
        change->rows[change->row_count++] = (uint32_t)((start + step) % total);
    }
    return true;
}

static bool pick_id(struct http_exchange *ex, yyjson_val *id, row_fits *fits, struct change *change)
{
    const struct site *site = api_site(ex);
    int64_t number = 0;
    struct str text = {yyjson_get_str(id), yyjson_get_len(id)};

    if (yyjson_is_int(id))
        number = yyjson_get_sint(id);
    else if (!text.ptr || !parse_i64(text, INT64_MIN, INT64_MAX, &number)) {
        api_error(ex, 400, "\"id\" must be a worklog's id or \"random\"");
        return false;
    }

    uint32_t row = site_find_worklog(site, number, 0);

    if (row == NONE || !fits(site, row)) {
        api_error(ex, 404, "worklog %" PRId64 " is not there, or not in a state for this", number);
        return false;
    }
    change->rows[change->row_count++] = row;
    return true;
}

/* The rows that the body names. False: the answer is in the exchange. */
static bool pick(struct http_exchange *ex, row_fits *fits, struct change *change)
{
    yyjson_val *id = yyjson_obj_get(change->body, "id"), *ids, *item;
    int64_t count = 1;
    size_t at, max;

    ids = yyjson_obj_get(change->body, "ids");
    if (!read_count(ex, change->body, &count))
        return false;

    size_t room = (size_t)count + yyjson_arr_size(ids) + 1;

    change->rows = calloc(room, sizeof(*change->rows));
    if (!change->rows) {
        api_error(ex, 503, "out of memory");
        return false;
    }
    yyjson_arr_foreach(ids, at, max, item)
    {
        if (!pick_id(ex, item, fits, change))
            return false;
    }
    if (ids)
        return true;
    if (!id || str_eq_z(json_str(change->body, "id"), "random"))
        return pick_random(api_site(ex), (size_t)count, fits, change);
    return pick_id(ex, id, fits, change);
}

/* The rows' `updated` becomes the change's time, in the feed too. */
static bool touch(struct site *site, const struct change *change)
{
    struct feed_entry *entries AUTO(free_autop) = calloc(change->row_count + 1, sizeof(*entries));

    if (!entries)
        return false;
    for (size_t i = 0; i < change->row_count; i++) {
        struct worklog *worklog = &site->worklogs[change->rows[i]];

        worklog->updated_ms = change->now_ms;
        worklog->flags |= WORKLOG_EDITED;
        entries[i] = (struct feed_entry){change->now_ms, change->rows[i]};
    }
    return feed_add(&site->updated, entries, change->row_count);
}

static bool tell(struct http_exchange *ex, const struct change *change, enum hook_event event)
{
    for (size_t i = 0; i < change->row_count && !change->quiet; i++)
        hooks_worklog(api_sandbox(ex)->hooks, api_site(ex), change->rows[i], event);
    return true;
}

/* Comment, seconds and start of the body, or something new when it names none. */
static bool set_fields(struct http_exchange *ex, const struct change *change, uint32_t row)
{
    struct site *site = api_site(ex);
    struct worklog *worklog = &site->worklogs[row];
    struct str comment = json_str(change->body, "comment");
    int64_t seconds = 0, started_ms = worklog->started_ms;
    bool has_seconds = json_i64(change->body, "seconds", &seconds);

    if (!read_time(change->body, "started", &started_ms) || seconds < 0 || seconds > UINT32_MAX) {
        api_error(ex, 400, "\"started\" or \"seconds\" is not acceptable");
        return false;
    }
    worklog->started_ms = started_ms;
    if (has_seconds)
        worklog->seconds = (uint32_t)seconds;
    if (comment.ptr) {
        struct extra *extra = worklog_extra(site, worklog);

        if (!extra)
            return false;
        extra->has_comment = true;
        extra->comment_is_adf = false;
        extra->comment = comment.len ? site_keep(site, comment) : (struct str){NULL, 0};
    }
    if (!comment.ptr && !has_seconds) {
        worklog->seconds = worklog->seconds % 28800 + 900;
        worklog->comment = (uint32_t)mix64(worklog->comment, (uint64_t)worklog->id) | 1;
        if (worklog->extra)
            worklog->extra->has_comment = false;
    }
    worklog->flags |= WORKLOG_EDITED;
    return true;
}

static bool do_edit(struct http_exchange *ex, struct change *change)
{
    if (!pick(ex, is_visible, change))
        return false;
    for (size_t i = 0; i < change->row_count; i++)
        if (!set_fields(ex, change, change->rows[i]))
            return false;
    return (change->quiet || touch(api_site(ex), change)) && tell(ex, change, HOOK_WORKLOG_UPDATED);
}

static bool do_touch(struct http_exchange *ex, struct change *change)
{
    return pick(ex, is_visible, change) && touch(api_site(ex), change);
}

static bool delete_rows(struct http_exchange *ex, struct change *change, bool silent)
{
    struct site *site = api_site(ex);

    if (!pick(ex, is_live, change) || (!silent && !tell(ex, change, HOOK_WORKLOG_DELETED)))
        return false;
    for (size_t i = 0; i < change->row_count; i++)
        if (!worklog_delete(site, change->rows[i], change->now_ms, silent))
            return false;
    return true;
}

static bool do_delete(struct http_exchange *ex, struct change *change)
{
    return delete_rows(ex, change, change->quiet);
}

static bool do_silent_delete(struct http_exchange *ex, struct change *change)
{
    return delete_rows(ex, change, true);
}

static bool do_restore(struct http_exchange *ex, struct change *change)
{
    struct site *site = api_site(ex);

    if (!pick(ex, is_deleted, change))
        return false;
    for (size_t i = 0; i < change->row_count; i++)
        site->worklogs[change->rows[i]].flags &= ~(uint32_t)(WORKLOG_DELETED | WORKLOG_SILENT);
    /* Quietly: its old place in the feed is true again. */
    return change->quiet || touch(site, change);
}

static bool do_hide(struct http_exchange *ex, struct change *change)
{
    if (!pick(ex, is_visible, change))
        return false;
    for (size_t i = 0; i < change->row_count; i++)
        api_site(ex)->worklogs[change->rows[i]].flags |=
            WORKLOG_HIDDEN | (change->feed ? 0 : (uint32_t)WORKLOG_UNLISTED);
    return true;
}

static bool do_unhide(struct http_exchange *ex, struct change *change)
{
    if (!pick(ex, is_hidden, change))
        return false;
    for (size_t i = 0; i < change->row_count; i++)
        api_site(ex)->worklogs[change->rows[i]].flags &=
            ~(uint32_t)(WORKLOG_HIDDEN | WORKLOG_UNLISTED);
    return true;
}

/* The issue that the body names, or a random live one that is not `but`. */
static uint32_t pick_issue(struct http_exchange *ex, yyjson_val *body, uint32_t but)
{
    struct site *site = api_site(ex);
    struct str name = json_str(body, "issue");
    int64_t id = 0;
    uint32_t found = NONE;

    if (name.len > 0 && !str_eq_z(name, "random"))
        found = site_find_issue(site, name);
    else if (json_i64(body, "issue", &id))
        found = site_find_issue_id(site, id);
    for (size_t step = 0; found == NONE && id == 0 && step < site->issue_count &&
                          (name.len == 0 || str_eq_z(name, "random"));
         step++) {
        uint32_t at = (uint32_t)((mix64(++site->picks, 1)) % site->issue_count);

        if (!site->issues[at].deleted && !site->issues[at].hidden && at != but)
            found = at;
    }
    if (found == NONE || site->issues[found].deleted) {
        api_error(ex, 404, "\"issue\" names no issue that is there");
        return NONE;
    }
    return found;
}

/* No feed and no event: that is how the real one does it (facts: worklogs). */
static bool do_move(struct http_exchange *ex, struct change *change)
{
    struct site *site = api_site(ex);

    if (!pick(ex, is_visible, change))
        return false;
    for (size_t i = 0; i < change->row_count; i++) {
        uint32_t issue = pick_issue(ex, change->body, site->worklogs[change->rows[i]].issue);

        if (issue == NONE)
            return false;
        worklog_set_issue(site, change->rows[i], issue);
    }
    return true;
}

static bool do_create(struct http_exchange *ex, struct change *change)
{
    struct site *site = api_site(ex);
    struct str account = json_str(change->body, "account");
    int64_t count = 1, created_ms = change->now_ms;

    if (!read_count(ex, change->body, &count))
        return false;
    if (!read_time(change->body, "created", &created_ms)) {
        api_error(ex, 400, "\"created\" is not a time like 2026-07-01T08:00:00Z");
        return false;
    }
    change->rows = calloc((size_t)count + 1, sizeof(*change->rows));
    for (int64_t i = 0; change->rows && i < count; i++) {
        uint32_t issue = pick_issue(ex, change->body, NONE);
        uint32_t user = account.len ? site_find_user(site, account)
                                    : (uint32_t)(mix64(++site->picks, 2) % site->user_count);

        if (issue == NONE)
            return false;
        if (user == NONE) {
            api_error(ex, 404, "\"account\" names nobody");
            return false;
        }

        uint64_t h = mix64(site->picks, 3);
        struct worklog worklog = {
            .id = site_next_worklog_id(site),
            .created_ms = created_ms,
            .updated_ms = change->now_ms,
            .started_ms = created_ms / MS_PER_MINUTE * MS_PER_MINUTE,
            .issue = issue,
            .author = user,
            .update_author = user,
            .seconds = 900 * (1 + (uint32_t)(h % 32)),
            .comment = (uint32_t)(h >> 32) | 1,
        };
        uint32_t row = site_add_worklog(site, &worklog);
        uint32_t seconds = worklog.seconds;

        if (row == NONE)
            return false;
        change->rows[change->row_count++] = row;
        if (!set_fields(ex, change, row))
            return false;
        if (!yyjson_obj_get(change->body, "seconds"))
            site->worklogs[row].seconds = seconds;
        site->worklogs[row].flags &= ~(uint32_t)WORKLOG_EDITED;
    }
    return change->rows && (change->quiet || touch(site, change)) &&
           tell(ex, change, HOOK_WORKLOG_CREATED);
}

static void put_ids(struct http_exchange *ex, const struct change *change)
{
    const struct site *site = api_site(ex);

    strbuf_add_z(&ex->out, "{\"ids\":[");
    for (size_t i = 0; i < change->row_count; i++)
        strbuf_addf(&ex->out, "%s\"%" PRId64 "\"", i ? "," : "",
                    site->worklogs[change->rows[i]].id);
    strbuf_add_z(&ex->out, "]}");
}

/* Reads the body. False: 400 is in the exchange. */
static bool change_read(struct http_exchange *ex, yyjson_doc **doc, struct change *ret)
{
    *ret = (struct change){.now_ms = site_now_ms(api_site(ex))};
    if (ex->body.len > 0) {
        if (!api_body(ex, doc))
            return false;
        ret->body = yyjson_doc_get_root(*doc);
    }
    if (!read_time(ret->body, "updated", &ret->now_ms)) {
        api_error(ex, 400, "\"updated\" is not a time like 2026-07-01T08:00:00Z");
        return false;
    }
    ret->quiet = json_bool(ret->body, "quiet", false);
    ret->feed = json_bool(ret->body, "feed", true);
    return true;
}

void control_change_worklogs(struct http_exchange *ex)
{
    static const struct {
        const char *name;
        bool (*run)(struct http_exchange *ex, struct change *change);
    } actions[] = {
        {"create", do_create},   {"edit", do_edit}, {"touch", do_touch},
        {"delete", do_delete},   {"move", do_move}, {"silent_delete", do_silent_delete},
        {"restore", do_restore}, {"hide", do_hide}, {"unhide", do_unhide},
    };
    struct site *site = api_site(ex);
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct change change AUTO(change_done) = {.row_count = 0};

    if (!change_read(ex, &doc, &change))
        return;

    SITE_WRITE(site);
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (!str_eq_z(ex->params[0], actions[i].name))
            continue;
        if (actions[i].run(ex, &change))
            put_ids(ex, &change);
        else if (ex->status == 200)
            api_error(ex, 503, "out of memory");
        return;
    }
    api_error(ex, 404,
              "no such action; there are create, edit, touch, delete, silent_delete, "
              "restore, move, hide, unhide");
}

static bool delete_issue(struct http_exchange *ex, const struct change *change, uint32_t issue)
{
    struct site *site = api_site(ex);

    for (uint32_t row = site->issues[issue].first_row; row != NONE; row = site->worklogs[row].next)
        if (is_live(site, row) && !worklog_delete(site, row, change->now_ms, !change->feed))
            return false;
    hooks_issue(api_sandbox(ex)->hooks, site, issue, HOOK_ISSUE_DELETED);
    site->issues[issue].deleted = true;
    return true;
}

/* NONE: the error is in the exchange. */
static uint32_t create_issue(struct http_exchange *ex, const struct change *change)
{
    struct site *site = api_site(ex);
    struct str name = json_str(change->body, "project"),
               summary = json_str(change->body, "summary");
    struct strbuf key AUTO(strbuf_done) = STRBUF_INIT(256);
    uint32_t project = name.len ? site_find_project(site, name) : 0, at;

    if (project >= site->project_count) {
        api_error(ex, 404, "\"project\" names no project");
        return NONE;
    }
    /* Ends: only as many keys as issues are taken. */
    for (size_t number = site->issue_count + 1;; number++) {
        strbuf_reset(&key);
        strbuf_addf(&key, STR_FMT "-%zu", STR_ARG(site->projects[project].key), number);
        if (site_find_issue(site, strbuf_str(&key)) == NONE)
            break;
    }

    struct issue issue = {
        .id = site->issue_count ? site->issues[site->issue_count - 1].id + 1 : 10000,
        .created_ms = change->now_ms,
        .updated_ms = change->now_ms,
        .key = site_keep(site, strbuf_str(&key)),
        .summary = summary.len ? site_keep(site, summary) : (struct str){NULL, 0},
        .project = project,
        .assignee = NONE,
        .reporter = SITE_USER_SELF,
    };

    if (yyjson_obj_get(change->body, "reporter")) /* "": nobody */
        issue.reporter = site_find_user(site, json_str(change->body, "reporter"));
    at = issue.key.ptr ? site_add_issue(site, &issue) : NONE;
    if (at == NONE)
        api_error(ex, 503, "out of memory");
    else
        hooks_issue(api_sandbox(ex)->hooks, site, at, HOOK_ISSUE_CREATED);
    return at;
}

void control_change_issues(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct str action = ex->params[0];
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct change change AUTO(change_done) = {.row_count = 0};

    if (!change_read(ex, &doc, &change))
        return;

    SITE_WRITE(site);
    uint32_t issue =
        str_eq_z(action, "create") ? create_issue(ex, &change) : pick_issue(ex, change.body, NONE);

    if (issue == NONE)
        return;
    if (str_eq_z(action, "touch")) {
        site->issues[issue].updated_ms = change.now_ms;
        hooks_issue(api_sandbox(ex)->hooks, site, issue, HOOK_ISSUE_UPDATED);
    } else if (str_eq_z(action, "delete")) {
        if (!delete_issue(ex, &change, issue)) {
            api_error(ex, 503, "out of memory");
            return;
        }
    } else if (str_eq_z(action, "hide") || str_eq_z(action, "unhide")) {
        site->issues[issue].hidden = str_eq_z(action, "hide");
    } else if (str_eq_z(action, "estimate")) {
        int64_t *left = &site->issues[issue].estimate_s;

        if (json_i64(change.body, "seconds", left) && *left < 0)
            *left = 0;
        strbuf_addf(&ex->out, "{\"issue\":\"%" PRId64 "\",\"seconds\":%" PRId64 "}",
                    site->issues[issue].id, *left);
        return;
    } else if (str_eq_z(action, "conceal")) {
        uint32_t user = site_find_user(site, json_str(change.body, "account"));

        if (user == NONE || !issue_conceal(site, issue, user)) {
            api_error(ex, 400, "account must be the id of somebody on the site");
            return;
        }
    } else if (str_eq_z(action, "reveal")) {
        issue_reveal(site, issue);
    } else if (!str_eq_z(action, "create")) {
        api_error(ex, 404,
                  "no such action; there are create, touch, delete, estimate, hide, unhide, "
                  "conceal, reveal");
        return;
    }
    strbuf_addf(&ex->out, "{\"issue\":\"%" PRId64 "\",\"key\":\"" STR_FMT "\"}",
                site->issues[issue].id, STR_ARG(site->issues[issue].key));
}
