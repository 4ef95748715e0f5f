#ifndef APPS_TIMESHEET_SETTINGS_H
#define APPS_TIMESHEET_SETTINGS_H
#include "base/arena.h"
#include "base/json.h"
#include "store/data.h"

/*
 * What the administrators of a site have decided about booking time. One row of plain settings, and
 * lists: days that are not as the week says, issues that are no work, who may do what.
 */
extern const struct record timesheet_setting_record;
extern const struct record special_day_record;
extern const struct record non_working_issue_record;
extern const struct record non_working_pattern_record;
extern const struct record access_person_record;
extern const struct record access_group_record;
extern const struct record billing_tag_record;
extern const struct record billing_project_record;
extern const struct record mail_project_record;

#define SETTINGS_LIST_MAX 2000 /* entries of any list */
#define SETTINGS_ZONE_BYTES 63
#define SETTINGS_PROJECT_KEY_BYTES 255 /* what Jira allows at most; ten by default */

enum access_right { RIGHT_LOG, RIGHT_REPORT, RIGHT_OTHERS, RIGHT_COUNT };

struct access {
    bool everybody; /* true while both lists are empty */
    const struct str *accounts;
    size_t account_count;
    const struct str *groups; /* group ids; names on Data Center */
    size_t group_count;
};

/* What is billed: all but the exceptions, or the exceptions alone. */
struct billing {
    bool by_default; /* what is no exception is billed */
    /* A worklog is an exception that has one of these tags, or is on an issue of these projects. */
    const struct str *tags;
    size_t tag_count;
    const struct str *projects; /* keys */
    size_t project_count;
};

/* The daily mail about open issues with work and no remaining estimate; estimate_mail.h. */
enum mail_scope { MAIL_NO_PROJECT, MAIL_ALL_PROJECTS, MAIL_SELECTED_PROJECTS, MAIL_SCOPE_COUNT };
struct mail_settings {
    enum mail_scope scope;
    const struct str *projects; /* keys; for MAIL_SELECTED_PROJECTS, kept otherwise */
    size_t project_count;
    int64_t minute; /* of the day in the site's time zone, from when on it goes out; 0..1439 */
};

/* Lists and texts are in an arena. */
struct settings {
    unsigned working_days;   /* bit 1 Monday .. bit 7 Sunday, ISO 8601 */
    const int32_t *holidays; /* days since 1970, ascending, each once */
    size_t holiday_count;
    const int32_t *extra_days; /* worked although the week says no; the same */
    size_t extra_day_count;
    int64_t expected_seconds; /* of a working day */
    int64_t week_start;       /* ISO weekday 1..7 */
    struct str zone;          /* IANA name */
    int64_t rounding_minutes; /* 0: none */
    bool comment_required;
    bool warn_future; /* say so when time is booked for a day to come */
    int64_t page_size;
    const int64_t *non_working_issues; /* ids, ascending */
    size_t non_working_count;
    const struct str *non_working_patterns; /* globs over keys; glob.h */
    size_t non_working_pattern_count;
    struct access access[RIGHT_COUNT];
    struct billing billing;
    bool name_hidden_projects; /* reports name the projects that they hide */
    struct mail_settings mail;
};

/* Defaults where nothing was decided yet: Monday to Friday, eight hours, UTC, everybody. */
MUST_USE enum err_class settings_load(struct tenant *tenant, struct arena *arena,
                                      struct settings *ret, struct err *err);
/* One durable transaction. */
MUST_USE enum err_class settings_store(struct tenant *tenant, const struct settings *settings,
                                       struct err *err);
/*
 * From the API's JSON; a member that is left out keeps what *settings has. ERR_INPUT names member,
 * value and what is allowed; then *settings is not to be used.
 */
MUST_USE enum err_class settings_read(yyjson_val *json, struct arena *arena,
                                      struct settings *settings, struct err *err);
void settings_write(const struct settings *settings, struct json_out *json);

/* Seconds expected of that day. */
int64_t settings_expected(const struct settings *settings, int32_t day);

#endif
