/*
 * worklog_page.c: worklogs on their way into an answer.
 */
#include "apps/timesheet/worklog_page.h"

#include <assert.h>
#include <inttypes.h>

#include "apps/timesheet/app.h"
#include "apps/timesheet/rights.h"
#include "apps/timesheet/viewing.h"

#define ZONE_UNTIL_MS INT64_C(4102444800000)      /* 2100-01-01; rules further on are guesses */
#define PAGE_TEXT_BYTES ((size_t)8 * 1024 * 1024) /* behind which a page ends */

static_assert(PAGE_TEXT_BYTES + (size_t)8 * LIMIT_COMMENT_BYTES < LIMIT_HTTP_BODY_BYTES,
              "the longest worklog must fit behind the rest, whatever JSON makes of its text");

/* ---- Words of requests ---- */

bool worklog_is_own(const struct request *request, struct str account)
{
    return request->who.account[0] != '\0' && str_eq_z(account, request->who.account);
}

enum err_class worklog_param_id(struct request *request, int64_t *ret, struct err *err)
{
    if (parse_i64(request->ex->params[0], 1, INT64_MAX, ret))
        return ERR_OK;
    return err_set(err, ERR_NOT_FOUND, "a worklog is named by its id in Jira, a number");
}

enum err_class worklog_zone(struct str name, struct zone **ret, struct err *err)
{
    return zone_new(name, 0, ZONE_UNTIL_MS, ret, err);
}

/* ---- One ---- */

void worklog_answer_free(struct worklog_answer *answer)
{
    if (!answer)
        return;
    vault_wipe(&answer->text);
    free(answer);
}

struct worklog_answer *worklog_answer_new(struct request *request)
{
    struct worklog_answer *answer = calloc(1, sizeof(*answer));

    if (answer) {
        answer->request = request;
        answer->text = STRBUF_INIT(LIMIT_HTTP_BODY_BYTES);
    }
    return answer;
}

void worklog_answer_reset(struct worklog_answer *answer)
{
    strbuf_reset(&answer->text);
}

enum err_class worklog_answer_add(void *arg, const struct worklog_row *row, struct err *err)
{
    struct worklog_answer *answer = arg;
    struct json_out out = json_out(&answer->text);

    answer->issue_id = row->issue_id;
    answer->own = worklog_is_own(answer->request, row->account);
    worklog_put(&out, row);
    return strbuf_check(&answer->text, "a worklog", err);
}

/* May the person browse the issue? What Jira could not answer ends the request. */
static enum err_class see_issue(struct request *request, int64_t issue, bool *ret, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids seen = {0};
    struct viewing viewing = {0};
    enum err_class rc = viewing_begin(request, &viewing, err);

    if (rc == ERR_OK)
        rc = viewer_filter(viewing_viewer(&viewing), &issue, 1, &seen, err);
    if (rc == ERR_OK)
        *ret = jira_ids_has(&seen, issue);
    viewing_end(&viewing);
    return rc;
}

/* One that is there: may it be shown? */
static enum err_class see_one(const struct worklog_answer *answer, bool *ret, struct err *err)
{
    struct rights rights = {0};
    enum err_class rc = ERR_OK;

    *ret = answer->own;
    if (answer->own)
        return ERR_OK;
    if (answer->request->who.account[0] == '\0' && answer->request->who.role != ROLE_ADMIN)
        return ERR_OK; /* nobody of Jira: sees nothing */
    rc = rights_find(answer->request, true, &rights, err);
    return rc == ERR_OK && rights.others ? see_issue(answer->request, answer->issue_id, ret, err)
                                         : rc;
}

/* Reads it into the answer. ERR_NOT_FOUND in the same words: it is not there, or not for them. */
static enum err_class read_one(struct worklog_answer *answer, int64_t id, struct err *err)
{
    bool shown = false;
    enum err_class rc = worklog_read(answer->request->tenant, id, worklog_answer_add, answer, err);

    if (rc == ERR_OK)
        rc = see_one(answer, &shown, err);
    if (rc == ERR_NOT_FOUND || (rc == ERR_OK && !shown))
        return write_not_there(id, err);
    return rc;
}

enum err_class worklog_want_seen(void *arg, int64_t id, struct err *err)
{
    AUTO(worklog_answer_free_autop) struct worklog_answer *answer = worklog_answer_new(arg);

    return answer ? read_one(answer, id, err) : err_memory(err);
}

enum err_class worklog_answer_one(struct request *request, int64_t id, struct err *err)
{
    AUTO(worklog_answer_free_autop) struct worklog_answer *answer = worklog_answer_new(request);

    if (!answer)
        return err_memory(err);

    enum err_class rc = read_one(answer, id, err);

    if (rc == ERR_OK)
        strbuf_add_str(&request->ex->out, strbuf_str(&answer->text));
    return rc;
}

/* ---- Tags ---- */

enum err_class worklog_answer_tagged(struct request *request, int64_t id,
                                     const struct write_draft *draft, struct err *err)
{
    struct db *db = request->tenant->db;
    struct mirror mirror = {0};
    enum err_class rc = rights_want(request, RIGHT_LOG, err);

    if (rc == ERR_OK)
        rc = worklog_answer_one(request, id, err);
    strbuf_reset(&request->ex->out);
    if (rc == ERR_OK)
        rc = mirror_init(&mirror, request->tenant, err);
    if (rc == ERR_OK)
        rc = db_begin(db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(db, tags_replace(&mirror, id, draft->tags, draft->tag_count, err), err);
    mirror_done(&mirror);
    return rc == ERR_OK ? worklog_answer_one(request, id, err) : rc;
}

/* ---- Pages ---- */

struct putting {
    const struct request *request;
    const struct viewer *viewer;
    struct json_out *out;
    int64_t issue_id; /* as which the worklog was found to be visible */
};

static enum err_class put_row(void *arg, const struct worklog_row *row, struct err *err)
{
    const struct putting *putting = arg;

    /* It may have changed since the page was found. */
    if (putting->viewer && row->issue_id != putting->issue_id &&
        !worklog_is_own(putting->request, row->account))
        return ERR_OK;
    worklog_put(putting->out, row);
    return strbuf_check(putting->out->buf, "a page of worklogs", err);
}

static enum err_class put_rows(struct putting *putting, struct site_page *page, struct err *err)
{
    size_t from = putting->out->buf->len;

    for (size_t i = 0; i < page->count; i++) {
        const struct site_page_row *row = &page->rows[i];
        enum err_class rc = ERR_OK;

        putting->issue_id = row->issue_id;
        rc = worklog_read(putting->request->tenant, row->id, put_row, putting, err);
        if (rc == ERR_NOT_FOUND) /* deleted since the page was found */
            *err = (struct err){0};
        else if (rc != ERR_OK)
            return rc;
        if (putting->out->buf->len - from > PAGE_TEXT_BYTES && i + 1 < page->count) {
            page->count = i + 1;
            page->more = true;
            page->next = row->place;
        }
    }
    return ERR_OK;
}

enum err_class worklog_page_put(struct request *request, const struct viewer *viewer,
                                struct site_page *page, struct json_out *out, struct err *err)
{
    struct putting putting = {.request = request, .viewer = viewer, .out = out};
    enum err_class rc = db_begin(request->tenant->db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = put_rows(&putting, page, err);
    db_rollback(request->tenant->db); /* nothing was written */
    return rc;
}

enum err_class worklog_page_day(struct request *request, struct str zone, int32_t day,
                                int64_t *ret_ids, size_t *ret_count, struct err *err)
{
    AUTO(report_request_done)
    struct report_request asked = {
        .has_from = true, .has_to = true, .from_day = day, .to_day = day, .zone = zone};
    struct site_page *page = arena_alloc(request->ex->arena, sizeof(*page));
    enum err_class rc = page ? ERR_OK : err_memory(err);

    if (rc == ERR_OK)
        rc = report_add_account("account", str_from(request->who.account), &asked, err);
    if (rc == ERR_OK)
        rc = site_columns_page(timesheet_state(request->site)->columns, request->tenant, &asked,
                               NULL, QUERY_FIRST_PLACE, ACTION_IDS_MAX, page, err);
    if (rc == ERR_OK && page->more)
        rc = err_set(err, ERR_LIMIT,
                     "the day has more than %d worklogs: name some of them by their ids",
                     ACTION_IDS_MAX);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < page->count; i++)
        ret_ids[i] = page->rows[i].id;
    *ret_count = page->count;
    return ERR_OK;
}
