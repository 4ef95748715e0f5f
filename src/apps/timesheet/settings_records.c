/* settings_records.c: what is stored of the settings. */
#include "apps/timesheet/settings.h"

#define APP "timesheet"
#define EVERYONE "the tenant's users"
#define ADMINS "the tenant's administrators"

static const struct field setting_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "always 1"},
    {"working_days", TYPE_INT, CLASS_SETTING, 0, "which days of the week are worked"},
    {"expected_seconds", TYPE_INT, CLASS_SETTING, 0, "how much work a working day has"},
    {"week_start", TYPE_INT, CLASS_SETTING, 0, "on which day the week begins"},
    {"zone", TYPE_TEXT, CLASS_SETTING, 0, "the site's time zone"},
    {"rounding_minutes", TYPE_INT, CLASS_SETTING, 0, "to what durations are rounded"},
    {"comment_required", TYPE_INT, CLASS_SETTING, 0, "whether a worklog needs a comment"},
    {"warn_future", TYPE_INT, CLASS_SETTING, 0, "whether days to come are warned of"},
    {"page_size", TYPE_INT, CLASS_SETTING, 0, "rows of a page"},
    {"billed_by_default", TYPE_INT, CLASS_SETTING, 0, "whether work is billed that is no exception",
     .default_sql = "1", .since = 3},
    {"name_hidden_projects", TYPE_INT, CLASS_SETTING, 0,
     "whether reports name the projects that they hide", .default_sql = "0", .since = 3},
    {"mail_scope", TYPE_INT, CLASS_SETTING, 0,
     "of which projects missing estimates are mailed: none (0), all (1), selected ones (2)",
     .default_sql = "0", .since = 3},
    {"mail_minute", TYPE_INT, CLASS_SETTING, 0,
     "from which minute of the day on, in the site's time zone", .default_sql = "480", .since = 3},
};

const struct record timesheet_setting_record = {
    .name = "timesheet_setting",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to show and check booked time as the site's administrators want it",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 2,
    RECORD_FIELDS(setting_fields),
};

static const struct field special_day_fields[] = {
    {"day", TYPE_INT, CLASS_SETTING, FIELD_KEY, "the day, counted from 1970"},
    {"worked", TYPE_INT, CLASS_SETTING, 0, "whether it is worked (1) or a holiday (0)"},
};

const struct record special_day_record = {
    .name = "special_day",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to know on which days no work, or work on a weekend, is expected",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 2,
    RECORD_FIELDS(special_day_fields),
};

static const struct field non_working_issue_fields[] = {
    {"client_issue_id", TYPE_INT, CLASS_ID, FIELD_KEY, "the issue's id in Jira"},
};

const struct record non_working_issue_record = {
    .name = "non_working_issue",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to tell work from holidays and sickness that are booked on issues too",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 2,
    RECORD_FIELDS(non_working_issue_fields),
};

static const struct field non_working_pattern_fields[] = {
    {"pattern", TYPE_TEXT, CLASS_SETTING, FIELD_KEY, "a pattern of issue keys, like HOLIDAY-*"},
};

const struct record non_working_pattern_record = {
    .name = "non_working_pattern",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to tell work from holidays and sickness by the keys of the issues they are booked on",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 3,
    RECORD_FIELDS(non_working_pattern_fields),
};

#define RIGHT_FIELD                                                                                \
    {                                                                                              \
        "access", TYPE_TEXT, CLASS_SETTING, FIELD_KEY, "the right: log, report or others"          \
    }

static const struct field access_person_fields[] = {
    RIGHT_FIELD,
    {"person", TYPE_REF, CLASS_PERSON, FIELD_KEY, "who has it (account_id)", .ref = "person"},
};

const struct record access_person_record = {
    .name = "access_person",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to let only some people book time, see reports, or see other people's time",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_DELETE,
    .shown_to = ADMINS,
    .since = 2,
    RECORD_FIELDS(access_person_fields),
};

static const struct field access_group_fields[] = {
    RIGHT_FIELD,
    {"group_id", TYPE_TEXT, CLASS_ID, FIELD_KEY, "the id of the group in Jira that has it"},
};

const struct record access_group_record = {
    .name = "access_group",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to let only some groups book time, see reports, or see other people's time",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = ADMINS,
    .since = 2,
    RECORD_FIELDS(access_group_fields),
};

static const struct field billing_tag_fields[] = {
    {"tag", TYPE_REF, CLASS_SETTING, FIELD_KEY, "the tag", .ref = "tag"},
};

const struct record billing_tag_record = {
    .name = "billing_tag",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to tell work that is billed from work that is not, by its tags",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 3,
    RECORD_FIELDS(billing_tag_fields),
};

static const struct field billing_project_fields[] = {
    {"project_key", TYPE_TEXT, CLASS_ID, FIELD_KEY, "the project's key in Jira"},
};

const struct record billing_project_record = {
    .name = "billing_project",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to tell work that is billed from work that is not, by its project",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 3,
    RECORD_FIELDS(billing_project_fields),
};

static const struct field mail_project_fields[] = {
    {"project_key", TYPE_TEXT, CLASS_ID, FIELD_KEY, "the project's key in Jira"},
};

const struct record mail_project_record = {
    .name = "mail_project",
    .app = APP,
    .scope = SCOPE_TENANT,
    .why = "to know of which projects missing estimates are mailed",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = EVERYONE,
    .since = 3,
    RECORD_FIELDS(mail_project_fields),
};
