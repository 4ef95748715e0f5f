#ifndef APPS_TIMESHEET_LOAD_H
#define APPS_TIMESHEET_LOAD_H
#include "apps/timesheet/columns.h"
#include "store/data.h"

/* The report's copy in memory, from the store, and kept in step with it. */
struct loaded {
    struct columns *columns; /* owned */
    int64_t epoch;           /* of the mirror's state when it was built */
    int64_t seq;             /* the last change that it holds */
    unsigned builds;         /* how often it was built from all rows: issue codes are new then */
};

/* Where the store stands. */
struct loaded_mark {
    int64_t epoch;
    int64_t first, last; /* of the list of changes; 0: it is empty */
};
/* Cheap: three rows are read. */
MUST_USE enum err_class columns_mark(struct tenant *tenant, struct loaded_mark *ret,
                                     struct err *err);
/* The copy is as new as that, or newer. */
bool loaded_holds(const struct loaded *loaded, const struct loaded_mark *mark);
/* The list of changes leads from the copy to the mark; else it must be built anew. */
bool loaded_can_follow(const struct loaded *loaded, const struct loaded_mark *mark);

void loaded_done(struct loaded *loaded);
/*
 * Builds the copy when there is none or the store says so; else reads only what changed. One
 * consistent state of the store.
 */
MUST_USE enum err_class columns_follow(struct tenant *tenant, struct loaded *loaded,
                                       struct err *err);

#endif
