#ifndef APPS_TIMESHEET_EXPORT_H
#define APPS_TIMESHEET_EXPORT_H
#include "apps/timesheet/beside.h"
#include "apps/timesheet/sheet.h"
#include "apps/timesheet/site.h"

/*
 * A report, or worklogs themselves, as a file that is made while it is sent: some hundred rows at a
 * time, so that a million rows pass through little memory, and nothing of them touches a disk.
 */
struct export;

/* How time is written: 5400, 1.5, "1h 30m". */
enum export_time { EXPORT_SECONDS, EXPORT_HOURS, EXPORT_HUMAN };

/* What a column shows: of the worklog, of its author, or a field of its issue as Jira says it. */
enum export_column {
    EXPORT_ID,
    EXPORT_ISSUE,
    EXPORT_ACCOUNT,
    EXPORT_DATE,
    EXPORT_STARTED,
    EXPORT_TIME,
    EXPORT_COMMENT,
    EXPORT_TAGS,
    EXPORT_CREATED,
    EXPORT_UPDATED,
    EXPORT_AUTHOR,
    EXPORT_BILLABLE,
    EXPORT_LIVE, /* and the field: EXPORT_LIVE + LIVE_KEY … */
    EXPORT_COLUMN_COUNT = EXPORT_LIVE + LIVE_FIELD_COUNT
};

struct export_columns {
    enum export_column list[EXPORT_COLUMN_COUNT]; /* each at most once */
    size_t count;
};

/*
 * "key,summary,time": columns in the order in which they shall stand; "all"; the empty text: what
 * is stored, which is the first ten. ERR_USAGE names one that is not known, and those that are.
 */
MUST_USE enum err_class export_parse_columns(const char *what, struct str text,
                                             struct export_columns *ret, struct err *err);
/* For a report: fields of its issues and the author's name; the empty text: none. */
MUST_USE enum err_class export_parse_extra(const char *what, struct str text,
                                           struct export_columns *ret, struct err *err);
/* "seconds", "hours" or "human"; empty: seconds. ERR_USAGE. */
MUST_USE enum err_class export_parse_time(const char *what, struct str text, enum export_time *ret,
                                          struct err *err);
const char *export_column_name(enum export_column column); /* also its heading */
/* Adds to *wish what the columns need; its `what` is theirs. */
void export_wish(const struct export_columns *columns, struct beside_wish *wish);

struct export_options {
    enum sheet_format format;
    enum export_time time;
    struct str zone; /* of the days of worklogs; IANA name; empty: UTC; copied */
    struct export_columns columns;
};

/*
 * A row a group: its groups, the columns, the sums, and what else *beside has. The report becomes
 * the export's on ERR_OK, and so does all that *beside holds; then that is emptied.
 */
MUST_USE enum err_class export_report(const struct export_options *options, struct report *report,
                                      struct beside *beside, struct export **ret, struct err *err);
/*
 * Worklogs, read from the store when their turn comes. What was deleted meanwhile is left out, and
 * so is what was moved to an issue that the viewer may not see.
 *   tenant   a handle of the export's own until `end` is called with it
 *   rows     become the export's on ERR_OK, and so does what *beside holds; emptied
 *   account  the viewer's, for rows that are their own alone; copied
 */
MUST_USE enum err_class export_rows(const struct export_options *options, struct tenant *tenant,
                                    struct site_rows *rows, struct str account,
                                    struct beside *beside, struct export **ret, struct err *err);
/* Called with the tenant when it is no longer needed. */
void export_on_end(struct export *export, void (*end)(void *arg, struct tenant *tenant), void *arg);
void export_free(struct export *export); /* NULL is fine */
AUTO_DEFINE(struct export, export_free)

/*
 * The next bytes: at most `len`, at least one unless it is the end (*ret_len 0). An error ends it:
 * what was sent is then not whole.
 */
MUST_USE enum err_class export_read(struct export *export, char *room, size_t len, size_t *ret_len,
                                    struct err *err);

#endif
