#ifndef APPS_TIMESHEET_ACTIONS_H
#define APPS_TIMESHEET_ACTIONS_H
#include "apps/timesheet/write.h"
#include "apps/timesheet/zone.h"

/*
 * Moving, copying and deleting several worklogs, one after the other (Jira takes 20 writes in two
 * seconds on one issue). What could not be done is told with its reason, and the rest goes on.
 */
#define ACTION_IDS_MAX 500

enum action_kind {
    ACTION_MOVE, /* to another day, same local time */
    ACTION_COPY, /* the same, a new worklog with comment and tags */
    ACTION_DELETE,
};
bool action_parse(struct str name, enum action_kind *ret); /* "move", "copy", "delete" */

struct action {
    enum action_kind kind;
    const int64_t *ids;      /* twice the same counts once */
    size_t id_count;         /* at most ACTION_IDS_MAX */
    const struct zone *zone; /* move, copy */
    int32_t day;             /* the same: the local day to go to */
    /* Otherwise: `leave` when moved, as no time is spent or given back, and `auto`. */
    bool has_estimate;
    struct jira_estimate estimate;
};

/* How one ended. Views are good during the call. */
struct action_item {
    int64_t id;
    enum err_class class;
    const char *detail;            /* a sentence; NULL when it is done */
    const struct write_done *done; /* NULL when it is not */
};

/*
 * Errors: those of `each`, and out of memory; what goes wrong with one worklog is told to `each`.
 * When Jira cannot be reached or refuses the credential, those left are told without being tried.
 */
MUST_USE enum err_class
actions_run(struct writer *writer, const struct action *action,
            enum err_class (*each)(void *arg, const struct action_item *item, struct err *err),
            void *arg, struct err *err);

#endif
