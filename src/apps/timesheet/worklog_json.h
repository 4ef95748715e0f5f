#ifndef APPS_TIMESHEET_WORKLOG_JSON_H
#define APPS_TIMESHEET_WORKLOG_JSON_H
#include "apps/timesheet/actions.h"
#include "apps/timesheet/query_page.h"
#include "base/json.h"

/*
 * Worklogs in the words of our own API: what a request says, and what an answer shows. Pure. Views
 * in what is read point into the body. Unknown and doubled members are refused: a mistyped name
 * must not silently change nothing. Errors: ERR_INPUT with the member's name and what it takes.
 */
struct worklog_body {
    struct write_draft draft;
    struct str tags[LIMIT_TAGS_PER_WORKLOG];
};
/* `fresh`: of a new worklog, which may name its issue and visibility. */
MUST_USE enum err_class worklog_body_read(yyjson_val *body, bool fresh, struct worklog_body *ret,
                                          struct err *err);
/* {"tags":[…]} */
MUST_USE enum err_class worklog_tags_read(yyjson_val *body, struct worklog_body *ret,
                                          struct err *err);
/* By the names of the query: mode, amount to, amount by; empty mode: as Jira does by itself. */
MUST_USE enum err_class worklog_estimate_read(struct str mode, struct str to, struct str by,
                                              struct jira_estimate *ret, struct err *err);

struct action_body {
    enum action_kind kind;
    int64_t ids[ACTION_IDS_MAX];
    size_t id_count;          /* 0: all of `from_day` */
    int32_t from_day, to_day; /* local days; to_day: move and copy only */
    struct str zone;          /* empty: UTC */
    bool has_estimate;
    struct jira_estimate estimate;
};
MUST_USE enum err_class action_body_read(yyjson_val *body, struct action_body *ret,
                                         struct err *err);

/* "2026-01-31T09:00:00.000+0100": the instant, and the clock's minutes ahead of UTC. */
MUST_USE bool worklog_stamp_read(struct str text, int64_t *ret_ms, int32_t *ret_offset_minutes);

/* The place in a list: "<start>.<id>". */
MUST_USE bool worklog_cursor_read(struct str text, struct query_place *ret);
void worklog_cursor_put(struct strbuf *out, const struct query_place *place);

/* W. Ids are strings. */
void worklog_put(struct json_out *out, const struct worklog_row *row);

#endif
