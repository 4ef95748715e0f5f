/*
 * worklog_page.c: worklogs on their way into an answer.
 */
#include "apps/timesheet/worklog_page.h"

#include <inttypes.h>

#include "apps/timesheet/rights.h"
#include "apps/timesheet/viewing.h"

#define ZONE_UNTIL_MS INT64_C(4102444800000) /* 2100-01-01; rules further on are guesses */

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

/* ---- Collecting ---- */

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

static size_t issue_place(const struct worklog_answer *answer, int64_t issue)
{
    size_t i = 0;

    while (i < answer->issue_count && answer->issues[i] != issue)
        i++;
    return i;
}

enum err_class worklog_answer_add(void *arg, const struct worklog_row *row, struct err *err)
{
    struct worklog_answer *answer = arg;
    struct worklog_shown *shown = &answer->rows[answer->count++];
    struct json_out out = json_out(&answer->text);

    *shown = (struct worklog_shown){.from = answer->text.len,
                                    .issue_id = row->issue_id,
                                    .own = worklog_is_own(answer->request, row->account)};
    worklog_put(&out, row);
    shown->to = answer->text.len;
    answer->last = (struct worklog_cursor){row->started_ms, row->id};
    if (!shown->own && issue_place(answer, row->issue_id) == answer->issue_count)
        answer->issues[answer->issue_count++] = row->issue_id;
    return strbuf_check(&answer->text, "a page of worklogs", err);
}

static bool is_shown(const struct worklog_answer *answer, const struct worklog_shown *row)
{
    return row->own || answer->visible[issue_place(answer, row->issue_id)];
}

/*
 * Which of the issues may the person browse? What Jira was not asked about, or could not answer,
 * is not shown.
 */
enum err_class worklog_answer_look(struct worklog_answer *answer, struct err *err)
{
    struct viewing viewing = {0};
    struct jira_ids seen = {0};

    if (answer->issue_count == 0)
        return ERR_OK;

    enum err_class rc = viewing_begin(answer->request, &viewing, err);

    if (rc == ERR_OK)
        rc = viewer_filter(viewing_viewer(&viewing), answer->issues, answer->issue_count, &seen,
                           err);
    for (size_t i = 0; rc == ERR_OK && i < answer->issue_count; i++)
        answer->visible[i] = jira_ids_has(&seen, answer->issues[i]);
    jira_ids_done(&seen);
    viewing_end(&viewing);
    return rc;
}

int64_t worklog_answer_hidden(const struct worklog_answer *answer)
{
    int64_t hidden = 0;

    for (size_t i = 0; i < answer->issue_count; i++)
        hidden += answer->visible[i] ? 0 : 1;
    return hidden;
}

/* The JSON of the rows that may be shown, as elements of an array. */
void worklog_answer_put(const struct worklog_answer *answer, struct strbuf *ret)
{
    bool first = true;

    strbuf_add_char(ret, '[');
    for (size_t i = 0; i < answer->count; i++) {
        const struct worklog_shown *row = &answer->rows[i];

        if (!is_shown(answer, row))
            continue;
        strbuf_add_z(ret, first ? "" : ",");
        strbuf_add(ret, strbuf_z(&answer->text) + row->from, row->to - row->from);
        first = false;
    }
    strbuf_add_char(ret, ']');
}

/* One worklog, if it is there and may be seen; answered as W. */
enum err_class worklog_answer_one(struct request *request, int64_t id, struct err *err)
{
    AUTO(worklog_answer_free_autop) struct worklog_answer *answer = worklog_answer_new(request);

    if (!answer)
        return err_memory(err);

    enum err_class rc = worklog_read(request->tenant, id, worklog_answer_add, answer, err);

    if (rc == ERR_OK && !answer->rows[0].own)
        rc = rights_want(request, RIGHT_OTHERS, err);
    if (rc == ERR_OK)
        rc = worklog_answer_look(answer, err);
    if (rc == ERR_OK && !is_shown(answer, &answer->rows[0]))
        return err_set(err, ERR_NOT_FOUND,
                       "the worklog %" PRId64 " is on an issue that you may not see in Jira", id);
    if (rc == ERR_OK)
        strbuf_add_str(&request->ex->out, strbuf_str(&answer->text));
    return rc;
}

void worklog_answer_reset(struct worklog_answer *answer)
{
    answer->count = answer->issue_count = 0;
    strbuf_reset(&answer->text);
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
