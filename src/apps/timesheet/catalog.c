/* catalog.c: what the timesheet app stores, and nothing else: no names, no issue texts. */
#include "apps/timesheet/catalog.h"

#define APP "timesheet"
#define VIEWERS "the tenant's users, by Jira's permissions"
#define ADMINS "the tenant's administrators"

static const struct field worklog_fields[] = {
    {"client_worklog_id", TYPE_INT, CLASS_ID, FIELD_KEY, "the worklog's id in Jira"},
    {"person", TYPE_REF, CLASS_PERSON, FIELD_NULL, "who did the work (account_id)",
     .ref = "person"},
    {"client_issue_id", TYPE_INT, CLASS_ID, 0, "the issue's id in Jira"},
    {"created", TYPE_TIME, CLASS_META, 0, "when the worklog was created in Jira"},
    {"updated", TYPE_TIME, CLASS_META, 0, "when it was last changed in Jira"},
    /* No index: it would cost each sync a tenth of its time; reports have the copy in memory. */
    {"started", TYPE_TIME, CLASS_META, 0, "when the work began"},
    {"time_spent_seconds", TYPE_INT, CLASS_META, 0, "how long it took"},
    {"comment", TYPE_TEXT, CLASS_CONTENT, FIELD_NULL, "what the person wrote about the work"},
};

const struct record worklog_record = {
    .name = "worklog",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to report on time without asking Jira for every row",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_DELETE,
    .shown_to = VIEWERS,
    RECORD_FIELDS(worklog_fields),
};

static const struct field tag_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "the number by which worklogs refer to the tag"},
    {"name", TYPE_TEXT, CLASS_CONTENT, 0, "the tag's name"},
    {"name_digest", TYPE_BLOB, CLASS_META, FIELD_UNIQUE, "a keyed digest, to find the tag by name",
     .digest_of = "name"},
};

const struct record tag_record = {
    .name = "tag",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to group worklogs by words of the team's own",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = VIEWERS,
    RECORD_FIELDS(tag_fields),
};

static const struct field worklog_tag_fields[] = {
    {"client_worklog_id", TYPE_REF, CLASS_ID, FIELD_KEY, "the worklog", .ref = "worklog"},
    {"tag", TYPE_REF, CLASS_META, FIELD_KEY, "its tag", .ref = "tag"},
};

const struct record worklog_tag_record = {
    .name = "worklog_tag",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to know which worklogs have which tag",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_FOLLOW,
    .shown_to = VIEWERS,
    RECORD_FIELDS(worklog_tag_fields),
};

static const struct field tombstone_fields[] = {
    {"client_worklog_id", TYPE_INT, CLASS_ID, FIELD_KEY, "the id of a worklog deleted in Jira"},
    {"deleted", TYPE_TIME, CLASS_META, FIELD_INDEX, "when it was deleted"},
};

const struct record tombstone_record = {
    .name = "tombstone",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "so that a late message about a deleted worklog does not bring it back",
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "deleted",
    .swept_by_app = true,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    RECORD_FIELDS(tombstone_fields),
};

static const struct field worklog_change_fields[] = {
    {"seq", TYPE_INT, CLASS_META, FIELD_KEY, "the change's number"},
    {"client_worklog_id", TYPE_INT, CLASS_ID, 0, "the worklog that changed"},
    {"at", TYPE_TIME, CLASS_META, 0, "when our copy changed"},
};

const struct record worklog_change_record = {
    .name = "worklog_change",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to bring the report's copy in memory up to date without reading all rows",
    .retention = RETAIN_DAYS,
    .retention_days = 1,
    .retention_field = "at",
    .swept_by_app = true,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    RECORD_FIELDS(worklog_change_fields),
};

static const struct field mirror_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "always 1"},
    {"updated_next", TYPE_TEXT, CLASS_META, FIELD_NULL, "where the feed of changes goes on"},
    {"deleted_next", TYPE_TEXT, CLASS_META, FIELD_NULL, "where the feed of deletions goes on"},
    {"full_done", TYPE_TIME, CLASS_META, FIELD_NULL, "when the first whole copy was complete"},
    {"synced", TYPE_TIME, CLASS_META, FIELD_NULL, "up to when, by Jira's clock, we have followed"},
    {"proof_at", TYPE_TIME, CLASS_META, FIELD_NULL, "when the copy was last compared with Jira"},
    {"proof_drift", TYPE_INT, CLASS_META, FIELD_NULL, "how many differences were found then"},
    {"epoch", TYPE_INT, CLASS_META, 0, "goes up when the report's copy must be built anew"},
};

const struct record mirror_record = {
    .name = "mirror",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to go on where the last synchronization ended, and to say how true a report is",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = VIEWERS,
    RECORD_FIELDS(mirror_fields),
};

static const struct field sync_run_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "the run's number"},
    {"mode", TYPE_TEXT, CLASS_META, 0, "full, incremental or verify"},
    {"state", TYPE_TEXT, CLASS_META, 0, "running, completed, completed with warnings, or why not"},
    {"started", TYPE_TIME, CLASS_META, FIELD_INDEX, "when it began"},
    {"ended", TYPE_TIME, CLASS_META, FIELD_NULL, "when it ended"},
    {"stored", TYPE_INT, CLASS_META, 0, "worklogs stored"},
    {"deleted", TYPE_INT, CLASS_META, 0, "worklogs deleted"},
    {"requests", TYPE_INT, CLASS_META, 0, "calls of Jira"},
    {"warnings", TYPE_INT, CLASS_META, 0, "warnings given"},
};

const struct record sync_run_record = {
    .name = "sync_run",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to show administrators what the synchronization did",
    .retention = RETAIN_DAYS,
    .retention_days = 90,
    .retention_field = "started",
    .swept_by_app = true,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = ADMINS,
    RECORD_FIELDS(sync_run_fields),
};

static const struct field sync_warning_fields[] = {
    {"run", TYPE_REF, CLASS_META, FIELD_KEY, "the run", .ref = "sync_run"},
    {"client_worklog_id", TYPE_INT, CLASS_ID, FIELD_KEY, "the worklog concerned; 0 for none"},
    {"code", TYPE_TEXT, CLASS_META, FIELD_KEY, "what was the matter, from a fixed list"},
    {"client_issue_id", TYPE_INT, CLASS_ID, FIELD_NULL, "its issue, when known"},
};

const struct record sync_warning_record = {
    .name = "sync_warning",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to show administrators which worklogs could not be copied, and why",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_FOLLOW,
    .shown_to = ADMINS,
    RECORD_FIELDS(sync_warning_fields),
};

static const struct field worklog_write_fields[] = {
    {"client_id", TYPE_TEXT, CLASS_ID, FIELD_KEY,
     "our name of the write, without meaning; it stands in Jira with the worklog"},
    {"action", TYPE_TEXT, CLASS_META, 0, "create, update or delete"},
    {"client_issue", TYPE_TEXT, CLASS_ID, FIELD_NULL, "the issue's id or key in Jira"},
    {"client_worklog_id", TYPE_INT, CLASS_ID, FIELD_NULL, "the worklog's id in Jira, once known"},
    {"started", TYPE_TIME, CLASS_META, FIELD_NULL, "when the work began, to find the worklog by"},
    {"asked_digest", TYPE_BLOB, CLASS_META, 0,
     "a keyed digest of what was asked, to notice a name that is used twice"},
    {"state", TYPE_TEXT, CLASS_META, 0, "under way, unknown, done or not done"},
    {"tried", TYPE_TIME, CLASS_META, 0, "when it was last sent to Jira"},
    {"ended", TYPE_TIME, CLASS_META, FIELD_NULL | FIELD_INDEX, "when its outcome was known"},
};

const struct record worklog_write_record = {
    .name = "worklog_write",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "so that a repeated request, or one whose answer was lost, books its time once",
    .retention = RETAIN_DAYS,
    .retention_days = 7,
    .retention_field = "ended",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = 2,
    RECORD_FIELDS(worklog_write_fields),
};

static const struct field saved_report_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "the saved report's number"},
    {"name", TYPE_TEXT, CLASS_CONTENT, 0, "what its owner calls it"},
    {"query", TYPE_TEXT, CLASS_SETTING, 0, "period, groups and filters that make it again"},
    {"shared", TYPE_INT, CLASS_SETTING, 0, "1 when everybody of the site sees it in the list"},
    {"owner", TYPE_REF, CLASS_PERSON, FIELD_NULL | FIELD_INDEX,
     "who saved it (account_id); none for an administrator of this server", .ref = "person"},
    {"created", TYPE_TIME, CLASS_META, 0, "when it was saved"},
    {"updated", TYPE_TIME, CLASS_META, 0, "when it was last changed"},
};

const struct record saved_report_record = {
    .name = "saved_report",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "so that a report that was put together once can be opened again",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_DELETE,
    .shown_to = "its owner; the tenant's users when it is shared",
    .since = 2,
    RECORD_FIELDS(saved_report_fields),
};
