#ifndef APPS_TIMESHEET_WORKLOG_PAGE_H
#define APPS_TIMESHEET_WORKLOG_PAGE_H
#include "apps/timesheet/site_page.h"
#include "apps/timesheet/worklog_json.h"
#include "daemon/daemon.h"

/*
 * Worklogs on their way into an answer. Who sees what: one's own always; those of others, where the
 * settings allow that, on issues that Jira lets the person browse.
 */

/* One worklog: for worklog_read. */
struct worklog_answer {
    struct request *request; /* borrowed */
    struct strbuf text;      /* W */
    int64_t issue_id;
    bool own;
};
struct worklog_answer *worklog_answer_new(struct request *request); /* NULL when out of memory */
void worklog_answer_free(struct worklog_answer *answer);            /* NULL is fine; wipes */
AUTO_DEFINE(struct worklog_answer, worklog_answer_free)
void worklog_answer_reset(struct worklog_answer *answer);
MUST_USE enum err_class worklog_answer_add(void *answer, const struct worklog_row *row,
                                           struct err *err);

/*
 * Answers with one worklog. ERR_NOT_FOUND, in the same words, when it is not there and when it is
 * not to be seen: whether it exists is not told.
 */
MUST_USE enum err_class worklog_answer_one(struct request *request, int64_t id, struct err *err);
/* The same without the answer: for `see` of a writer, whose see_arg is the request. */
MUST_USE enum err_class worklog_want_seen(void *request, int64_t id, struct err *err);
/* Tags are ours alone, Jira is not asked: who may see the worklog may tag it. Answers with it. */
MUST_USE enum err_class worklog_answer_tagged(struct request *request, int64_t id,
                                              const struct write_draft *draft, struct err *err);

/*
 * The worklogs of a page, from the table, as elements of an array that is open in `out`. One that
 * was deleted meanwhile, or came to be of another issue, is left out. Where the texts get too long
 * for one answer, *page is cut: `more`, `next`.
 *   viewer  NULL: sees all
 */
MUST_USE enum err_class worklog_page_put(struct request *request, const struct viewer *viewer,
                                         struct site_page *page, struct json_out *out,
                                         struct err *err);
/* The ids of one's own worklogs on a local day. ret_ids has room for ACTION_IDS_MAX; ERR_LIMIT. */
MUST_USE enum err_class worklog_page_day(struct request *request, struct str zone, int32_t day,
                                         int64_t *ret_ids, size_t *ret_count, struct err *err);

/* Words of requests that several routes have. */
bool worklog_is_own(const struct request *request, struct str account);
MUST_USE enum err_class worklog_param_id(struct request *request, int64_t *ret, struct err *err);
MUST_USE enum err_class worklog_zone(struct str name, struct zone **ret, struct err *err);

#endif
