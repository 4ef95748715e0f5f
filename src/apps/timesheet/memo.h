#ifndef APPS_TIMESHEET_MEMO_H
#define APPS_TIMESHEET_MEMO_H
#include "apps/timesheet/report.h"

/*
 * What was computed lately from the columns, for who asks the same of the same columns: reports,
 * and which issues a request touches. A colleague's page, the same page again, the next page's
 * totals. Only in memory, only while the columns are what they were, and only so much.
 *
 * What a viewer may see is part of the question, bit by bit (see memo_key): an answer never goes to
 * somebody whose own would be another.
 */
struct memo;

#define MEMO_ENTRIES_MAX 64
#define MEMO_BYTES_MAX ((size_t)1024 * 1024)      /* of all of them */
#define MEMO_ENTRY_BYTES_MAX ((size_t)128 * 1024) /* of one: a page, not an export */

struct memo *memo_new(void); /* NULL when out of memory */
void memo_free(struct memo *memo);
size_t memo_bytes(struct memo *memo);
void memo_clear(struct memo *memo);

/* A question: a digest of the columns' version and of every member of a request that counts. */
#define MEMO_KEY_BYTES 32
struct memo_key {
    unsigned char digest[MEMO_KEY_BYTES];
};
struct memo_key memo_key(uint64_t version, const struct report_request *request);
/* The same of query_issues, which looks at period and filters alone. */
struct memo_key memo_issues_key(uint64_t version, const struct report_request *request);

/* NULL: not known. Else one more holder of the report, who calls report_free. */
struct report *memo_report(struct memo *memo, const struct memo_key *key);
/* Holds the report too, if it is small enough and there is memory; takes nothing from the caller.
 */
void memo_keep_report(struct memo *memo, const struct memo_key *key, struct report *report);
/* Copies the bits. False: not known. */
MUST_USE bool memo_issues(struct memo *memo, const struct memo_key *key, uint64_t *bits,
                          size_t words);
void memo_keep_issues(struct memo *memo, const struct memo_key *key, const uint64_t *bits,
                      size_t words);

#endif
