#ifndef APPS_APPS_H
#define APPS_APPS_H
#include "policy/catalog.h"

/* Everything that may be stored: the platform's records and those of all apps. */
extern const struct catalog tenon_catalog;

#endif
