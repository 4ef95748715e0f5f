#ifndef DAEMON_PEOPLE_H
#define DAEMON_PEOPLE_H
#include "custody/person.h"
#include "daemon/app.h"

/* All apps, for the platform's acts on rows; borrowed. */
struct app_list {
    const struct app *const *apps;
    size_t count;
};
struct app_list daemon_apps(const struct daemon *daemon);
/* Tells each app (app.rows_changed), in the order of the list. The list is borrowed by the hook. */
struct rows_hook apps_hook(const struct app_list *list);

#endif
