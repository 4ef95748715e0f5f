#ifndef VAULT_AUDIT_RECORDS_H
#define VAULT_AUDIT_RECORDS_H
#include "policy/catalog.h"

/* What lies in DATA/audit and in DATA/logs; for the list in apps/apps.c. */
extern const struct record audit_line_record;
extern const struct record log_line_record;

#endif
