#ifndef APPS_APPS_H
#define APPS_APPS_H
#include "daemon/app.h"
#include "policy/catalog.h"

/* Everything that may be stored: the platform's records and those of all apps. */
extern const struct catalog tenon_catalog;
/* The apps themselves, for the daemon. */
extern const struct app *const tenon_apps[];
extern const size_t tenon_app_count;

#endif
