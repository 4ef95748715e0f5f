/*
 * site_events.c: the events that we ask for, by all their names.
 *
 * The deletion of an issue is among them, since Jira tells nothing of the worklogs that go with it.
 */
#include "connect/site_events.h"

const struct site_event site_events[] = {
    {"worklog_created", "avi:jira:created:worklog", "Worklog: created"},
    {"worklog_updated", "avi:jira:updated:worklog", "Worklog: updated"},
    {"worklog_deleted", "avi:jira:deleted:worklog", "Worklog: deleted"},
    {"jira:issue_deleted", "avi:jira:deleted:issue", "Issue: deleted"},
};
const size_t site_event_count = ARRAY_LEN(site_events);

struct str site_event_name(struct str forge)
{
    for (size_t i = 0; i < site_event_count; i++)
        if (str_eq_z(forge, site_events[i].forge))
            return str_from(site_events[i].name);
    return forge;
}
