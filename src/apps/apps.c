/* apps.c: the list of apps, and so the whole catalogue. The only place that names them all. */
#include "apps/apps.h"

#include "apps/timesheet/app.h"
#include "apps/timesheet/catalog.h"
#include "apps/timesheet/estimate_mail.h"
#include "apps/timesheet/settings.h"
#include "connect/people_records.h"
#include "connect/site_records.h"
#include "custody/backup.h"
#include "custody/erase_records.h"
#include "jobs/jobs.h"
#include "store/records.h"
#include "vault/audit_records.h"
#include "vault/keyring_records.h"

/* Goes up with every change of any record below; see docs/catalogue.md. */
#define CATALOG_VERSION 3

static const struct record *const records[] = {
    /* the platform */
    &control_schema_change_record,
    &tenant_record,
    &job_record,
    &job_line_record,
    &job_arrival_record,
    &backup_record,
    &schema_change_record,
    &person_record,
    &person_state_record,
    &erased_person_record,
    &credential_record,
    &administrator_record,
    &sign_in_link_record,
    &admin_session_record,
    &session_record,
    &api_token_record,
    &oauth_grant_record,
    &tenant_alias_record,
    &connect_install_record,
    &forge_install_record,
    &webhook_record,
    /* files */
    &keyring_record,
    &audit_line_record,
    &log_line_record,
    &backup_file_record,
    &erasure_record,
    &former_tenant_record,
    &receipt_key_record,
    &receipt_record,
    /* timesheet */
    &worklog_record,
    &tag_record,
    &worklog_tag_record,
    &tombstone_record,
    &worklog_change_record,
    &mirror_record,
    &sync_run_record,
    &sync_warning_record,
    &timesheet_setting_record,
    &special_day_record,
    &non_working_issue_record,
    &access_person_record,
    &access_group_record,
    &worklog_write_record,
    &saved_report_record,
    &billing_tag_record,
    &billing_project_record,
    &mail_project_record,
    &estimate_mail_record,
    &non_working_pattern_record,
};

const struct catalog tenon_catalog = {
    .version = CATALOG_VERSION,
    .records = records,
    .record_count = ARRAY_LEN(records),
};

const struct app *const tenon_apps[] = {&timesheet_app};
const size_t tenon_app_count = ARRAY_LEN(tenon_apps);
