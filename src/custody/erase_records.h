#ifndef CUSTODY_ERASE_RECORDS_H
#define CUSTODY_ERASE_RECORDS_H
#include "policy/catalog.h"

/* What remains of an erasure, and what signs its receipt; all in the control database. */
extern const struct record erasure_record, former_tenant_record, receipt_key_record;
/* The receipts themselves, in files. */
extern const struct record receipt_record;

#endif
