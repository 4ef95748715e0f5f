#ifndef CONNECT_SITE_RECORDS_H
#define CONNECT_SITE_RECORDS_H
#include "policy/catalog.h"

/* What is kept of a tenant's connections to Jira; apps/apps.c puts it into the catalogue. */
extern const struct record tenant_alias_record; /* control */
extern const struct record connect_install_record;
extern const struct record forge_install_record;
extern const struct record webhook_record;

#endif
