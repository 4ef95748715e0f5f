#ifndef APPS_TIMESHEET_CANARY_FEED_H
#define APPS_TIMESHEET_CANARY_FEED_H
#include "daemon/app.h"

/*
 * Feeds the app's own texts to the canary run (custody/canary.h), each by the code that takes it in
 * every day: a synchronization, a write through, tags, saved reports, settings, webhooks, and a
 * Jira that answers with an error. The Jira is in memory; nothing goes to a network.
 */
MUST_USE enum err_class timesheet_canaries(struct canary_feed *feed, struct err *err);

#endif
