#ifndef APPS_TIMESHEET_COLUMNS_H
#define APPS_TIMESHEET_COLUMNS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * One tenant's worklogs in memory, column by column and in order of their start, for reports. A
 * copy that can be thrown away and built again at any time; it knows nothing of the database.
 *
 * Life: columns_new; columns_person, columns_tag, columns_add, columns_tag_worklog in any order;
 * columns_seal. From then on columns_put, columns_remove and the tag functions note changes,
 * and columns_settle works them in. Reading (columns_view) wants settled columns.
 *
 * Threads: none of its own. Changing and settling want the owner's exclusive lock; any number
 * of threads may read settled columns at once.
 *
 * Memory: 28 bytes a row and 1/16 of room, 24 an issue, 12 a tagged row and first tag.
 */
struct columns;

#define COLUMNS_REF_MAX ((1u << 24) - 2) /* of persons and tags; they index arrays */

struct columns_row {
    int64_t id;         /* of the worklog; unique */
    int64_t started_ms; /* UTC, years 1..9999 */
    int64_t issue;      /* the issue's id in Jira */
    int64_t person;  /* row id of the person, 1..COLUMNS_REF_MAX, as it indexes arrays; 0: nobody */
    int64_t seconds; /* 0..INT32_MAX */
};

/* `rows_expected` makes room at once; 0 when unknown. NULL when out of memory. */
struct columns *columns_new(size_t rows_expected);
void columns_free(struct columns *columns); /* NULL is fine */
AUTO_DEFINE(struct columns, columns_free)

/*
 * Names person `ref` (an account id) or tag `ref`; a second call renames. Every person that a row
 * refers to must have a name when the columns are sealed or settled. Also allowed after sealing.
 * Errors: ERR_CORRUPT, a ref out of range or a text past LIMIT_ACCOUNT_ID_BYTES or
 * LIMIT_TAG_NAME_BYTES; ERR_MEMORY.
 */
MUST_USE enum err_class columns_person(struct columns *columns, int64_t ref, struct str account_id,
                                       struct err *err);
MUST_USE enum err_class columns_tag(struct columns *columns, int64_t ref, struct str name,
                                    struct err *err);

/*
 * A row, before sealing; any order. Ids are not checked for being unique here (columns_put is).
 * Errors: ERR_CORRUPT, a value out of its range; ERR_LIMIT past LIMIT_COLUMNS_ROWS; ERR_MEMORY.
 */
MUST_USE enum err_class columns_add(struct columns *columns, const struct columns_row *row,
                                    struct err *err);

/*
 * Sorts and settles: 80 ms for a million rows. No columns_add after it. Errors as columns_settle.
 */
MUST_USE enum err_class columns_seal(struct columns *columns, struct err *err);

/* Adds the worklog or replaces the one with its id, whose tags stay. After sealing. */
MUST_USE enum err_class columns_put(struct columns *columns, const struct columns_row *row,
                                    struct err *err);
/* Removes the worklog and its tags; does nothing when there is none with this id. After sealing. */
MUST_USE enum err_class columns_remove(struct columns *columns, int64_t id, struct err *err);

/*
 * Gives a worklog a tag, takes one, takes all; before and after sealing. Done twice is done once. A
 * tag for a worklog that is not there when the columns are settled is forgotten; a tag must be
 * named by then.
 */
MUST_USE enum err_class columns_tag_worklog(struct columns *columns, int64_t id, int64_t tag,
                                            struct err *err);
MUST_USE enum err_class columns_untag_worklog(struct columns *columns, int64_t id, int64_t tag,
                                              struct err *err);
MUST_USE enum err_class columns_clear_tags(struct columns *columns, int64_t id, struct err *err);

/*
 * Works the noted changes in; cheap when there are none, linear in the rows when there are: 1 to 6
 * ms for a few changes of a million rows. On an error the columns hold what they held, the changes
 * stay noted, and it may be called again.
 * Errors: ERR_CORRUPT, a row whose person, or a pair whose tag, has no name; ERR_LIMIT; ERR_MEMORY.
 */
MUST_USE enum err_class columns_settle(struct columns *columns, struct err *err);
bool columns_settled(const struct columns *columns);

size_t columns_rows(const struct columns *columns);  /* of the settled ones */
size_t columns_bytes(const struct columns *columns); /* memory held */

/* Texts by ref: texts[ref], 0 <= ref < room; ptr NULL where there is no such ref. */
struct columns_names {
    const struct str *texts;
    const uint32_t *rank;  /* by ref: its place in the order of the texts, from 0 */
    const uint32_t *order; /* the refs in that order */
    size_t room;
    size_t count;
};

/* Everything, for reading. Borrowed until the columns are changed. */
struct columns_view {
    size_t rows;
    const int64_t *started; /* ascending */
    const int64_t *id;
    const uint32_t *person; /* a ref, or 0: nobody */
    const uint32_t *issue;  /* a code: index into issue_id */
    const int32_t *seconds;
    size_t tagged;            /* rows that have a tag */
    const uint32_t *tag_row;  /* those rows, ascending */
    const uint32_t *tag_from; /* row tag_row[k] has tags[tag_from[k] .. tag_from[k + 1] - 1] */
    const uint32_t *tags;     /* refs */
    size_t issues;
    const int64_t *issue_id;    /* by code */
    const uint32_t *issue_rank; /* by code: its place in the order of the ids */
    struct columns_names persons;
    struct columns_names tag_names;
};

struct columns_view columns_view(const struct columns *columns);
/* The code of an issue; false when no worklog ever had it. */
MUST_USE bool columns_find_issue(const struct columns *columns, int64_t issue, uint32_t *ret_code);
/* The ref of a text; false when there is none. */
MUST_USE bool columns_find_name(const struct columns_names *names, struct str text,
                                uint32_t *ret_ref);

#endif
