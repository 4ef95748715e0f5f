#ifndef VAULT_KEYRING_RECORDS_H
#define VAULT_KEYRING_RECORDS_H
#include "policy/catalog.h"

/* What lies in tenant.key and control.key; for the list in apps/apps.c. */
extern const struct record keyring_record;

#endif
