#ifndef APPS_TIMESHEET_CSV_H
#define APPS_TIMESHEET_CSV_H
#include "base/str.h"

/*
 * A text as a cell of CSV (RFC 4180: quoted when it must be, quotes doubled), appended. One that a
 * spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV injection").
 */
void csv_put_text(struct strbuf *buf, struct str text);

#endif
