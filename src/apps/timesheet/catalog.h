#ifndef APPS_TIMESHEET_CATALOG_H
#define APPS_TIMESHEET_CATALOG_H
#include "policy/catalog.h"

/* The records of the timesheet app; apps/apps.c puts them into the catalogue. */
extern const struct record worklog_record;
extern const struct record tag_record;
extern const struct record worklog_tag_record;
extern const struct record tombstone_record;
extern const struct record worklog_change_record;
extern const struct record mirror_record;
extern const struct record sync_run_record;
extern const struct record sync_warning_record;
extern const struct record worklog_write_record;
extern const struct record saved_report_record;

#endif
