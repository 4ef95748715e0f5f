#ifndef APPS_TIMESHEET_LOAD_H
#define APPS_TIMESHEET_LOAD_H
#include "apps/timesheet/columns.h"
#include "store/data.h"

/* The report's copy in memory, from the store, and kept in step with it. */
struct loaded {
    struct columns *columns; /* owned */
    int64_t epoch;           /* of the mirror's state when it was built */
    int64_t seq;             /* the last change that it holds */
};

void loaded_done(struct loaded *loaded);
/*
 * Builds the copy when there is none or the store says so; else reads only what changed. One
 * consistent state of the store.
 */
MUST_USE enum err_class columns_follow(struct tenant *tenant, struct loaded *loaded,
                                       struct err *err);

#endif
