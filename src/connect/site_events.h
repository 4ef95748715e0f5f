#ifndef CONNECT_SITE_EVENTS_H
#define CONNECT_SITE_EVENTS_H
#include <stddef.h>

#include "base/str.h"

/*
 * What we ask Jira to tell us, in the three ways in which it tells: an administrator's webhook, a
 * Connect app's, and Forge's triggers. Few, since each is only a hint that something is to be read.
 */
struct site_event {
    const char *name;  /* webhookEvent, of the first two ways: "worklog_created" */
    const char *forge; /* "avi:jira:created:worklog" */
    const char *label; /* what an administrator ticks in Jira: "Worklog: created" */
};
extern const struct site_event site_events[];
extern const size_t site_event_count;

/* The classic name of a Forge event; its own name when there is no other. */
struct str site_event_name(struct str forge);

#endif
