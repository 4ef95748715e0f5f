/* apps.c: the list of apps, and so the whole catalogue. The only place that names them all. */
#include "apps/apps.h"

#include "apps/timesheet/catalog.h"
#include "jobs/jobs.h"
#include "store/records.h"

/* Goes up with every change of any record below; see docs/catalogue.md. */
#define CATALOG_VERSION 1

static const struct record *const records[] = {
    /* the platform */
    &control_schema_change_record,
    &tenant_record,
    &job_record,
    &schema_change_record,
    &person_record,
    &credential_record,
    /* timesheet */
    &worklog_record,
    &tag_record,
    &worklog_tag_record,
    &tombstone_record,
    &worklog_change_record,
    &mirror_record,
    &sync_run_record,
    &sync_warning_record,
};

const struct catalog tenon_catalog = {
    .version = CATALOG_VERSION,
    .records = records,
    .record_count = ARRAY_LEN(records),
};
