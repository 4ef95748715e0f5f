#ifndef APPS_TIMESHEET_REPORT_H
#define APPS_TIMESHEET_REPORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apps/timesheet/columns.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

/*
 * Reports: how much time, by whom, on what, when. A request says which worklogs count and how they
 * are grouped; a report holds the sums. Command line and HTTP both fill a request from text
 * with the parsers here and write the report with the writers here.
 */
enum report_group {
    REPORT_ACCOUNT,
    REPORT_ISSUE,
    REPORT_TAG,
    REPORT_DAY,
    REPORT_WEEK, /* ISO 8601 */
    REPORT_MONTH,
    REPORT_QUARTER,
    REPORT_YEAR,
    REPORT_PROJECT, /* wants report_request.projects */
    REPORT_GROUP_COUNT
};

enum report_order {
    REPORT_BY_GROUP, /* accounts and tags by their bytes, issues by number, times by time */
    REPORT_BY_SECONDS,
    REPORT_BY_COUNT
};

/*
 * Which project an issue belongs to, as Jira says it now: nothing of it is stored, so whoever asks
 * for the group `project` brings it along. Everything is borrowed.
 */
struct report_projects {
    const int64_t *issues;    /* ids */
    const uint32_t *projects; /* of each: 1 + its place in `keys`; 0: not known */
    size_t issue_count;
    const struct str *keys; /* ascending by their bytes, each once: their order in the report */
    size_t key_count;
};

/*
 * Which worklogs are billed: all but the exceptions, or the exceptions alone. An exception has one
 * of the tags, or is on one of the issues. Everything is borrowed.
 */
struct report_billing {
    bool by_default; /* what is no exception is billed */
    const struct str *tags;
    size_t tag_count;
    const int64_t *issues;
    size_t issue_count;
};

/*
 * What is asked. All zero asks for the totals of everything, in UTC. Plain members may be set
 * directly; the lists are owned and filled by report_add_…; report_request_done frees them.
 */
struct report_request {
    bool has_from;    /* else from the first worklog */
    bool has_to;      /* else to the last one */
    int32_t from_day; /* local days since 1970-01-01, both included */
    int32_t to_day;
    struct str zone;                               /* borrowed; IANA name; empty: UTC */
    enum report_group groups[LIMIT_REPORT_GROUPS]; /* each at most once */
    size_t group_count;                            /* 0: totals only, no rows */
    /*
     * Only worklogs of one of these accounts, on one of these issues, with at least one of these
     * tags; an empty list lets everything through.
     */
    struct str *accounts;
    size_t account_count;
    int64_t *issues;
    size_t issue_count;
    struct str *tags;
    size_t tag_count;
    /*
     * Narrower still, for a viewer. Both are borrowed.
     *   only     what a search in Jira found, when has_only; ids, may be empty
     *   visible  issues that the viewer may see: a bit an issue code of the very columns that are
     *            asked; what is past visible_codes is hidden. NULL: all. See report_hidden.
     */
    bool has_only;
    const int64_t *only;
    size_t only_count;
    const uint64_t *visible;
    size_t visible_codes;
    const struct report_projects *projects; /* borrowed; NULL: not known */
    const struct report_billing *billing;   /* borrowed; NULL: not asked, see report_billable */
    enum report_order order;
    bool descending;    /* equal seconds or counts stay in ascending group order */
    size_t top;         /* only so many rows, in this order; 0: all */
    size_t offset;      /* rows to pass over, of those */
    size_t limit;       /* rows of the page; 0: all */
    uint32_t cells_max; /* groups before top and page; 0: LIMIT_REPORT_CELLS, which is the most */
};

#define REPORT_FILTER_MAX 10000 /* values of one list */

void report_request_done(struct report_request *request);

/*
 * Text into a request. `what` is what the user wrote it behind ("--from", "from"), for the message.
 * Errors: ERR_USAGE, with the value and the allowed ones.
 */
/* "account,month"; the empty text asks for totals. */
MUST_USE enum err_class report_parse_groups(const char *what, struct str text,
                                            struct report_request *request, struct err *err);
/* "2026-01-31", to days since 1970-01-01. */
MUST_USE enum err_class report_parse_day(const char *what, struct str text, int32_t *ret_day,
                                         struct err *err);
/* "seconds", "count", "group", each with ":asc" or ":desc"; without, sums fall and groups rise. */
MUST_USE enum err_class report_parse_order(const char *what, struct str text,
                                           struct report_request *request, struct err *err);
/* A number of rows: for top, limit, offset; min..LIMIT_REPORT_CELLS. */
MUST_USE enum err_class report_parse_rows(const char *what, struct str text, uint32_t min,
                                          size_t *ret, struct err *err);
/* Also ERR_LIMIT past REPORT_FILTER_MAX, ERR_MEMORY. The texts are copied. */
MUST_USE enum err_class report_add_account(const char *what, struct str account_id,
                                           struct report_request *request, struct err *err);
MUST_USE enum err_class report_add_issue(const char *what, struct str issue,
                                         struct report_request *request, struct err *err);
MUST_USE enum err_class report_add_tag(const char *what, struct str name,
                                       struct report_request *request, struct err *err);

/*
 * What no single value shows: from after to, a group twice (ERR_INPUT), a period longer than
 * LIMIT_REPORT_YEARS (ERR_LIMIT).
 * report_run calls it; a command may do so before it loads anything.
 */
MUST_USE enum err_class report_check(const struct report_request *request, struct err *err);

const char *report_group_name(enum report_group group); /* "account" */

/* One row: its sums, and its groups, to be read with report_cell. */
struct report_row {
    int64_t seconds;
    uint32_t count; /* worklogs; >= 1 */
    uint64_t key;   /* packed; private to the engine */
};

/* The answer. It stands alone: the columns may change while it is read. */
struct report;

/*
 * Settles the columns if need be (then it wants the exclusive lock, see columns.h) and answers.
 *
 * A group appears when a worklog is in it. The totals are over all matching worklogs, whatever top
 * and page cut off. A worklog with several tags counts in the row of each and once in the totals;
 * one without is in the row of no tag, one whose author is unknown in the row of nobody, and these
 * sort before all names. Under a tag filter, grouping
 * by tag shows the tags of the filter and no others. An account, issue or tag of a filter that no
 * worklog has is not an error; see report_unmatched.
 *
 * The caller frees. Errors: those of report_check, zone_new and columns_settle; ERR_LIMIT, more
 * than cells_max groups: the sentence says how to ask for fewer; ERR_MEMORY.
 */
MUST_USE enum err_class report_run(struct columns *columns, const struct report_request *request,
                                   struct report **ret, struct err *err);
void report_free(struct report *report); /* NULL is fine; gone with its last holder */
AUTO_DEFINE(struct report, report_free)
/* One more holder, on any thread: a report does not change. Returns it. */
struct report *report_ref(struct report *report);
size_t report_bytes(const struct report *report); /* memory held */

int64_t report_seconds(const struct report *report); /* totals */
int64_t report_count(const struct report *report);
const struct report_row *report_rows(const struct report *report, size_t *ret_count); /* the page */
/* Rows there are, before top and page. */
size_t report_rows_all(const struct report *report);
/* Filter values that no worklog has: misspelled, or without work. No writer tells of them. */
size_t report_unmatched(const struct report *report);
/*
 * Billed seconds of a row of the page, and of all rows; the others are seconds less these. False:
 * the request did not ask.
 */
bool report_has_billable(const struct report *report);
int64_t report_billable(const struct report *report, const struct report_row *row);
int64_t report_billable_all(const struct report *report);
/*
 * Issues that `visible` keeps from the viewer though their worklogs are what was asked for. No sum,
 * no row, no order, no count but this one knows of them.
 */
size_t report_hidden(const struct report *report);
size_t report_groups(const struct report *report, enum report_group ret[LIMIT_REPORT_GROUPS]);

/*
 * The text of a row's group (0 <= group < groups asked for): an account id, an issue id in decimal,
 * a tag's name (ptr NULL: nobody, no tag), a project's key (NULL: not known), "2026-01-05",
 * "2026-W01", "2026-01", "2026-Q1", "2026". A view into `buf` or into the report.
 */
#define REPORT_CELL_BYTES 24
struct str report_cell(const struct report *report, const struct report_row *row, size_t group,
                       char buf[REPORT_CELL_BYTES]);

/* How true the figures are: the last proof that the mirror equals its source. */
struct report_proof {
    bool has_at; /* else there was none yet */
    int64_t at_ms;
    bool has_drift;
    int64_t drift; /* worklogs that differed then */
};

/* One sentence with a line feed, as it stands below the table: "Equal to Jira at …Z."; appended. */
void report_put_proof(const struct report_proof *proof, struct strbuf *ret);

/* What the API tells beside the figures. Times in UTC ms; 0: none. */
struct report_standing {
    size_t hidden_issues;                     /* see site.h */
    int64_t synced_ms;                        /* up to when the mirror follows Jira */
    bool complete;                            /* the first whole copy was made */
    int64_t stale_since_ms;                   /* the mirror has fallen behind since then */
    const struct report_remaining *remaining; /* borrowed; NULL: not asked */
    const struct str *hidden_projects;        /* borrowed keys; NULL: they are not named */
    size_t hidden_project_count;
    const struct report_name *projects; /* borrowed; NULL: the report is not of projects */
    size_t project_count;
};

/* A project's key, and its name (ptr NULL: not told). */
struct report_name {
    struct str key, name;
};

/* What Jira says is still to be done, beside the rows; see beside.h. */
#define REPORT_REMAINING_UNKNOWN (-1)
struct report_remaining {
    const int64_t *rows; /* seconds of each row of the page, or REPORT_REMAINING_UNKNOWN */
    int64_t all;         /* of every issue of the report; the same */
};

/* Takes the next part of the written text. */
typedef enum err_class (*report_flush)(void *arg, struct str part, struct err *err);

/*
 * The writers. They hand on parts of some 64 KiB and stop at the first error of `flush`.
 *
 * - JSON: {"rows":[{"account":"…","month":"2026-01","seconds":N,"count":N},…],"seconds":N,
 *   "count":N,"proof":{"at":"…Z"|null,"drift":N|null}}, keys of a row in group order, nobody and no
 *   tag as null; no newline at the end. With a standing also "rows_all":N,"hidden":{"issues":N},
 *   "state":{"synced":"…Z"|null,"complete":b,"stale_since":"…Z"|null}. Rows and totals have
 *   "billable":N,"non_billable":N when that was asked, and with standing->remaining also
 *   "remaining":N|null,"expected":N|null, where what is expected is the row's seconds and what
 *   remains; "hidden" has "projects":["…"] when they are named. A report of projects has their
 * names, "projects":{"ABC":"…"}.
 * - CSV: RFC 4180 with a header; no totals, and no proof, which the caller tells elsewhere. A text
 * that a spreadsheet would take for a formula gets an apostrophe before it.
 * - Table: aligned, times as hours and minutes, a line of totals, the proof in words.
 */
MUST_USE enum err_class report_write_json(const struct report *report,
                                          const struct report_proof *proof,
                                          const struct report_standing *standing, /* or NULL */
                                          report_flush flush, void *arg, struct err *err);
MUST_USE enum err_class report_write_csv(const struct report *report, report_flush flush, void *arg,
                                         struct err *err);
MUST_USE enum err_class report_write_table(const struct report *report,
                                           const struct report_proof *proof, report_flush flush,
                                           void *arg, struct err *err);

/* "12h 30m", "0h 05m", "12h 30m 15s"; appended. For 0 <= seconds. */
void report_put_hours(struct strbuf *buf, int64_t seconds);

#endif
