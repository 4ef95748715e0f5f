#ifndef APPS_TIMESHEET_WORKLOG_PAGE_H
#define APPS_TIMESHEET_WORKLOG_PAGE_H
#include "apps/timesheet/worklog_json.h"
#include "daemon/daemon.h"

/*
 * Worklogs on their way into an answer. Who sees what: one's own always; those of others, where the
 * settings allow that, on issues that Jira lets the person browse. So rows are collected first,
 * then Jira is asked about their issues, once, and then they are shown or counted as hidden.
 */
#define WORKLOG_PAGE_MAX 500

struct worklog_shown {
    size_t from, to; /* in `text` */
    int64_t issue_id;
    bool own;
};

struct worklog_answer {
    struct request *request; /* borrowed */
    struct strbuf text;      /* W after W */
    struct worklog_shown rows[WORKLOG_PAGE_MAX];
    size_t count;
    int64_t issues[WORKLOG_PAGE_MAX]; /* of others' rows, each once */
    bool visible[WORKLOG_PAGE_MAX];
    size_t issue_count;
    struct worklog_cursor last;
};
struct worklog_answer *worklog_answer_new(struct request *request); /* NULL when out of memory */
void worklog_answer_free(struct worklog_answer *answer);            /* NULL is fine; wipes */
AUTO_DEFINE(struct worklog_answer, worklog_answer_free)
void worklog_answer_reset(struct worklog_answer *answer);

/* Collects a row; for worklogs_by_start and worklog_read. */
MUST_USE enum err_class worklog_answer_add(void *answer, const struct worklog_row *row,
                                           struct err *err);
/* Asks Jira about the issues of what was collected. */
MUST_USE enum err_class worklog_answer_look(struct worklog_answer *answer, struct err *err);
/* What may be seen, as a JSON array; and how many issues are hidden. */
void worklog_answer_put(const struct worklog_answer *answer, struct strbuf *ret);
int64_t worklog_answer_hidden(const struct worklog_answer *answer);

/* Answers with one worklog. ERR_NOT_FOUND when it is not there or not to be seen. */
MUST_USE enum err_class worklog_answer_one(struct request *request, int64_t id, struct err *err);
/* Tags are ours alone, Jira is not asked: who may see the worklog may tag it. Answers with it. */
MUST_USE enum err_class worklog_answer_tagged(struct request *request, int64_t id,
                                              const struct write_draft *draft, struct err *err);

/* Words of requests that several routes have. */
bool worklog_is_own(const struct request *request, struct str account);
MUST_USE enum err_class worklog_param_id(struct request *request, int64_t *ret, struct err *err);
MUST_USE enum err_class worklog_zone(struct str name, struct zone **ret, struct err *err);

#endif
