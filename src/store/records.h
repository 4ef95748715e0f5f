#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H
#include "policy/catalog.h"

/* The records of the platform itself; apps/apps.c puts them into the catalogue. */
extern const struct record control_schema_change_record; /* control */
extern const struct record tenant_record;                /* control */
extern const struct record schema_change_record;
extern const struct record person_record;
extern const struct record person_state_record;
extern const struct record erased_person_record;
extern const struct record credential_record;

#endif
