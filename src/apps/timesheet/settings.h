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
extern const struct record access_person_record;
extern const struct record access_group_record;

#define SETTINGS_LIST_MAX 2000 /* entries of any list */
#define SETTINGS_ZONE_BYTES 63

enum access_right { RIGHT_LOG, RIGHT_REPORT, RIGHT_OTHERS, RIGHT_COUNT };

struct access {
    bool everybody; /* true while both lists are empty */
    const struct str *accounts;
    size_t account_count;
    const struct str *groups; /* group ids; names on Data Center */
    size_t group_count;
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
    struct access access[RIGHT_COUNT];
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
