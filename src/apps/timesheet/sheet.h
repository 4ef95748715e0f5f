#ifndef APPS_TIMESHEET_SHEET_H
#define APPS_TIMESHEET_SHEET_H
#include <stdint.h>

#include "base/str.h"

/*
 * A table for spreadsheets, written row by row into a buffer that the caller empties between rows:
 * CSV (RFC 4180, UTF-8, CRLF) or an XLSX workbook (ECMA-376), which goes on in a further sheet when
 * one is full. Texts are never formulas: CSV as in csv.h, XLSX as inline strings.
 */
enum sheet_format { SHEET_CSV, SHEET_XLSX };

struct sheet;

#define SHEET_ROWS_MAX 1048576 /* of a sheet, heading included: Excel's limit */
#define SHEET_TEXT_MAX 32767 /* UTF-16 units of a cell: Excel's; longer texts are cut with "…" */

/*
 *   headings   borrowed, as long as the sheet
 *   rows_max   of one sheet; 0: SHEET_ROWS_MAX (tests want fewer)
 *   out        borrowed; emptied by the caller whenever it likes
 */
MUST_USE enum err_class sheet_new(enum sheet_format format, const char *const *headings,
                                  size_t columns, size_t rows_max, struct strbuf *out,
                                  struct sheet **ret, struct err *err);
void sheet_free(struct sheet *sheet); /* NULL is fine */
AUTO_DEFINE(struct sheet, sheet_free)

/* The cells of a row, from left to right; errors are told by sheet_row_end. */
void sheet_text(struct sheet *sheet, struct str text); /* NULL ptr: an empty cell */
void sheet_number(struct sheet *sheet, int64_t number);
void sheet_hours(struct sheet *sheet, int64_t seconds); /* decimal hours: 1.5 */
void sheet_stamp(struct sheet *sheet, int64_t ms);      /* CSV: "2026-01-05T09:00:00.000Z" */
MUST_USE enum err_class sheet_row_end(struct sheet *sheet, struct err *err);
/* After the last row. ERR_LIMIT: a workbook past 4 GiB. */
MUST_USE enum err_class sheet_end(struct sheet *sheet, struct err *err);

#endif
