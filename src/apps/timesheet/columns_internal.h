#ifndef APPS_TIMESHEET_COLUMNS_INTERNAL_H
#define APPS_TIMESHEET_COLUMNS_INTERNAL_H
#include "apps/timesheet/columns.h"
#include "apps/timesheet/dictionary.h"

/*
 * What columns.c and settle.c share: the settled state, and the changes noted since. Nobody else
 * includes it.
 */
#define COLUMNS_NOWHERE UINT32_MAX /* no row, no change, no tag note */

struct rows {
    int64_t *started;
    int64_t *id;
    uint32_t *person;
    uint32_t *issue;
    int32_t *seconds;
    size_t count;
    size_t room; /* of each array */
};

/* Lists of tags by row, for the rows that have any. */
struct tag_lists {
    uint32_t *row;  /* ascending */
    uint32_t *from; /* where the list of row[k] begins; count + 1 of them */
    uint32_t *tags;
    size_t count;
    size_t tag_count;
};

/* What is noted about one worklog since the last settling. */
struct change {
    int64_t id;
    int64_t started; /* this and the next three: when `put` */
    uint32_t person;
    uint32_t issue;
    int32_t seconds;
    bool put;         /* has new values */
    bool removed;     /* the settled row, if there is one, was removed; `put` may have followed */
    bool forget_tags; /* the settled tags no longer count */
    uint32_t row;     /* settled row of this worklog, or COLUMNS_NOWHERE; found by find_rows */
    uint32_t target;  /* where it will stand, or COLUMNS_NOWHERE; decided by make_plan */
    uint32_t note_first; /* tag notes, in order; COLUMNS_NOWHERE when none */
    uint32_t note_last;
};

struct tag_note {
    uint32_t tag;
    uint32_t next; /* of the same worklog, or COLUMNS_NOWHERE */
    bool add;      /* else take away */
};

struct changes {
    struct change *list;
    size_t count;
    size_t room;
    uint32_t *slots; /* hash by id: index + 1, or 0; never more than half full */
    unsigned slot_bits;
    struct tag_note *notes;
    size_t note_count;
    size_t note_room;
};

struct columns {
    struct rows rows;
    struct tag_lists tags;
    struct names persons;
    struct names tag_names;
    struct issues issues;
    struct changes changes;
    bool sealed;
};

/* Rows to keep room for when there are so many now. */
static inline size_t columns_room_for(size_t rows)
{
    return rows + rows / 16 + 1024;
}

/* room >= rows->count, > 0. On ERR_MEMORY the rows are as they were. */
MUST_USE enum err_class columns_resize(struct rows *rows, size_t room, struct err *err);
void columns_free_tags(struct tag_lists *tags);
void columns_free_changes(struct changes *changes);
/* The slot that holds the id, or the empty one where it belongs. There must be slots. */
size_t columns_change_slot(const struct changes *changes, int64_t id);
/* ERR_CORRUPT when the person that a worklog refers to has no account id. */
MUST_USE enum err_class columns_check_person(const struct columns *columns, int64_t id,
                                             uint32_t person, struct err *err);
enum err_class columns_too_many(struct err *err); /* ERR_LIMIT */
/* Works the changes in, before and after sealing; see columns_settle. */
MUST_USE enum err_class columns_work_in(struct columns *columns, struct err *err);

#endif
