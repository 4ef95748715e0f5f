#ifndef APPS_TIMESHEET_NON_WORKING_H
#define APPS_TIMESHEET_NON_WORKING_H
#include "apps/timesheet/days.h"
#include "jira/jira.h"

/*
 * Issues that are no work by the pattern of their key (settings.non_working_patterns). Keys are
 * kept nowhere, so Jira is asked for those of the issues on which the person booked time; nothing
 * is asked when there is no pattern.
 *   settings  its list of issues becomes a longer one, in the arena
 * Errors: site_columns_report's; live_ask_jira's.
 */
MUST_USE enum err_class non_working_add(struct jira *jira, struct site_columns *columns,
                                        struct tenant *tenant, const struct days_request *days,
                                        struct arena *arena, struct settings *settings,
                                        struct err *err);

#endif
