#ifndef APPS_TIMESHEET_SITE_INTERNAL_H
#define APPS_TIMESHEET_SITE_INTERNAL_H
#include <pthread.h>
#include <stdatomic.h>

#include "apps/timesheet/gate.h"
#include "apps/timesheet/load.h"
#include "apps/timesheet/memo.h"
#include "apps/timesheet/site.h"
#include "apps/timesheet/visible.h"

/* What site.c and site_page.c share. The model and the order of the locks are told in site.c. */

#define SITE_BITS 64      /* of a word of marks */
#define SITE_ROUNDS_MAX 4 /* of asking, while the store changes under it */

struct site_columns {
    const struct ctx *ctx;
    pthread_mutex_t loading;
    pthread_rwlock_t lock;
    struct loaded loaded; /* under lock */
    uint64_t build;       /* under lock: goes up when issue codes are new */
    uint64_t version;     /* under lock: goes up with every change */
    struct gate *gate;
    struct visible *visible;
    struct memo *memo;
    _Atomic int exports;
    _Atomic uint64_t loads;
};

/* On ERR_OK the copy is held for reading, and at least as new as the store was at the call. */
MUST_USE enum err_class site_hold(struct site_columns *site, struct tenant *tenant,
                                  struct err *err);
void site_release(struct site_columns *site);

/* What a request knows of its viewer's rights; codes are those of `build`. */
struct sight {
    const struct viewer *viewer;
    uint64_t build;
    size_t issues;
    uint64_t *wanted; /* issues of the rows asked for; three arrays in one block, starts here */
    struct visible_bits bits;
    struct jira_ids missing; /* to be asked about */
};
void sight_done(struct sight *sight);
/*
 * Makes room for the issues of the held columns; what was known stays if the codes are the same.
 */
MUST_USE enum err_class sight_fit(struct sight *sight, const struct site_columns *site,
                                  struct err *err);
/* Notes what Jira said of the issues that were asked about; with the columns held. */
void sight_note(struct site_columns *site, struct sight *sight, const struct jira_ids *seen);
/* Asks about what is missing; nothing held. */
MUST_USE enum err_class sight_ask(const struct sight *sight, struct jira_ids *ret, struct err *err);

#endif
