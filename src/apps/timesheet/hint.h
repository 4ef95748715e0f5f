#ifndef APPS_TIMESHEET_HINT_H
#define APPS_TIMESHEET_HINT_H
#include "apps/timesheet/mirror.h"
#include "daemon/app.h"

/*
 * Webhooks as hints: an event says which worklog may have changed, or that something about
 * worklogs did; nothing else of it is believed. The job `timesheet.hint` then reads the present
 * state from Jira. So a replay, a late, lost or forged event changes nothing in the end state.
 */
/* The feeds hold back the last minute. */
#define HINT_SYNC_DELAY_MS (INT64_C(70) * 1000)

/* The events that mean something to us; all others mean nothing. */
#define HINT_EVENT_COUNT 6
extern const struct hint_event hint_events[HINT_EVENT_COUNT];

/* What became of a worklog that was looked at. */
enum hint_end {
    HINT_STORED,  /* put into the mirror, or it was the same already */
    HINT_DELETED, /* it is gone from Jira: gone from the mirror */
    HINT_NOTHING, /* Jira does not show it, and we do not have it */
    HINT_UNSURE,  /* Jira does not show it, and its issue neither: a synchronization will tell */
};
/* Reads one worklog from Jira, by the tenant's own connection. Own durable transaction. */
MUST_USE enum err_class hint_follow(struct mirror *mirror, struct jira *jira, int64_t id,
                                    enum hint_end *ret, struct err *err);

#endif
