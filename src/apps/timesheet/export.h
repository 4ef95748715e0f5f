#ifndef APPS_TIMESHEET_EXPORT_H
#define APPS_TIMESHEET_EXPORT_H
#include "apps/timesheet/sheet.h"
#include "apps/timesheet/site.h"

/*
 * A report, or worklogs themselves, as a file that is made while it is sent: some hundred rows at a
 * time, so that a million rows pass through little memory, and nothing of them touches a disk.
 */
struct export;

enum export_time { EXPORT_SECONDS, EXPORT_HOURS };

struct export_options {
    enum sheet_format format;
    enum export_time time;
    struct str zone; /* of the days of worklogs; IANA name; empty: UTC; copied */
};

/* The report becomes the export's on ERR_OK. */
MUST_USE enum err_class export_report(const struct export_options *options, struct report *report,
                                      struct export **ret, struct err *err);
/*
 * Worklogs, read from the store when their turn comes. What was deleted meanwhile is left out, and
 * so is what was moved to an issue that the viewer may not see. tenant   a handle of the export's
 * own until `give` is called with it, at the end rows     become the export's on ERR_OK; emptied
 *   account  the viewer's, for rows that are their own alone; copied
 */
MUST_USE enum err_class export_rows(const struct export_options *options, struct tenant *tenant,
                                    struct site_rows *rows, struct str account, struct export **ret,
                                    struct err *err);
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
