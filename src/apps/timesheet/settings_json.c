/* settings_json.c: the settings as the API says them; every value checked and named when refused.
 */
#include <stdlib.h>

#include "apps/timesheet/glob.h"
#include "apps/timesheet/settings.h"
#include "apps/timesheet/zone.h"
#include "base/civil.h"

static const char *const right_names[RIGHT_COUNT] = {"log", "report", "others"};
static const char *const scope_names[MAIL_SCOPE_COUNT] = {"none", "all", "selected"};

/* ---- Reading ---- */

static enum err_class wants(struct err *err, const char *member, const char *what)
{
    return err_set(err, ERR_INPUT, "%s must be %s", member, what);
}

/* The member as a list of at most SETTINGS_LIST_MAX; *ret NULL when it is not there. */
static enum err_class list_of(yyjson_val *json, const char *member, yyjson_val **ret,
                              struct err *err)
{
    *ret = yyjson_obj_get(json, member);
    if (*ret && (!yyjson_is_arr(*ret) || yyjson_arr_size(*ret) > SETTINGS_LIST_MAX))
        return err_set(err, ERR_INPUT, "%s must be a list of at most %d", member,
                       SETTINGS_LIST_MAX);
    return ERR_OK;
}

static int compare_days(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static enum err_class read_days(yyjson_val *json, const char *member, struct arena *arena,
                                const int32_t **ret, size_t *ret_count, struct err *err)
{
    yyjson_val *list = NULL, *value;
    yyjson_arr_iter at;
    enum err_class rc = list_of(json, member, &list, err);
    int32_t *days = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(days[0]));
    size_t n = 0, kept = 0;

    if (rc != ERR_OK || !list)
        return rc;
    if (!days)
        return err_memory(err);
    yyjson_arr_iter_init(list, &at);
    while ((value = yyjson_arr_iter_next(&at)) != NULL) {
        struct civil_date date;
        const char *text = yyjson_get_str(value);

        if (!text || !civil_parse_date(str_from(text), &date))
            return err_set(err, ERR_INPUT,
                           "%s: entry %zu is not a date that exists; write dates like 2026-12-25",
                           member, n + 1);
        days[n++] = civil_days(date);
    }
    qsort(days, n, sizeof(days[0]), compare_days);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || days[kept - 1] != days[i])
            days[kept++] = days[i];
    *ret = days;
    *ret_count = kept;
    return ERR_OK;
}

static enum err_class read_week(yyjson_val *json, struct settings *settings, struct err *err)
{
    yyjson_val *list = NULL, *value;
    yyjson_arr_iter at;
    enum err_class rc = list_of(json, "working_days", &list, err);
    unsigned days = 0;

    if (rc != ERR_OK || !list)
        return rc;
    yyjson_arr_iter_init(list, &at);
    while ((value = yyjson_arr_iter_next(&at)) != NULL) {
        if (!yyjson_is_int(value) || yyjson_get_sint(value) < 1 || yyjson_get_sint(value) > 7)
            return wants(err, "working_days", "a list of ISO weekdays, 1 Monday to 7 Sunday");
        days |= 1u << yyjson_get_sint(value);
    }
    settings->working_days = days;
    return ERR_OK;
}

static enum err_class read_number(yyjson_val *json, const char *member, int64_t min, int64_t max,
                                  int64_t *number, struct err *err)
{
    yyjson_val *value = yyjson_obj_get(json, member);

    if (!value)
        return ERR_OK;
    if (!yyjson_is_int(value) || yyjson_get_sint(value) < min || yyjson_get_sint(value) > max)
        return err_set(err, ERR_INPUT, "%s must be a whole number from %lld to %lld", member,
                       (long long)min, (long long)max);
    *number = yyjson_get_sint(value);
    return ERR_OK;
}

static enum err_class read_flag(yyjson_val *json, const char *member, bool *flag, struct err *err)
{
    yyjson_val *value = yyjson_obj_get(json, member);

    if (!value)
        return ERR_OK;
    if (!yyjson_is_bool(value))
        return wants(err, member, "true or false");
    *flag = yyjson_get_bool(value);
    return ERR_OK;
}

static enum err_class read_rounding(yyjson_val *json, struct settings *settings, struct err *err)
{
    static const int64_t allowed[] = {0, 1, 5, 6, 10, 15, 20, 30};
    int64_t minutes = settings->rounding_minutes;
    enum err_class rc = read_number(json, "rounding_minutes", 0, 30, &minutes, err);

    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        if (allowed[i] == minutes) {
            settings->rounding_minutes = minutes;
            return ERR_OK;
        }
    return wants(err, "rounding_minutes", "one of 0, 1, 5, 6, 10, 15, 20, 30");
}

static enum err_class read_zone(yyjson_val *json, struct arena *arena, struct settings *settings,
                                struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;
    yyjson_val *value = yyjson_obj_get(json, "zone");
    struct str name = json_str(json, "zone");
    enum err_class rc;

    if (!value)
        return ERR_OK;
    if (name.len == 0 || name.len > SETTINGS_ZONE_BYTES)
        return wants(err, "zone", "a time zone like Europe/Berlin");
    rc = zone_new(name, 0, 0, &zone, err);
    if (rc != ERR_OK)
        return rc;
    settings->zone = arena_dup(arena, name);
    return settings->zone.ptr ? ERR_OK : err_memory(err);
}

static enum err_class read_issues(yyjson_val *json, struct arena *arena, struct settings *settings,
                                  struct err *err)
{
    yyjson_val *list = NULL, *value;
    yyjson_arr_iter at;
    enum err_class rc = list_of(json, "non_working_issues", &list, err);
    int64_t *ids = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(ids[0]));
    size_t n = 0, kept = 0;

    if (rc != ERR_OK || !list)
        return rc;
    if (!ids)
        return err_memory(err);
    yyjson_arr_iter_init(list, &at);
    while ((value = yyjson_arr_iter_next(&at)) != NULL)
        if (!json_to_i64(value, &ids[n]) || ids[n++] <= 0)
            return wants(err, "non_working_issues", "a list of issue ids, like \"10001\"");
    qsort(ids, n, sizeof(ids[0]), compare_ids);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || ids[kept - 1] != ids[i])
            ids[kept++] = ids[i];
    settings->non_working_issues = ids;
    settings->non_working_count = kept;
    return ERR_OK;
}

static enum err_class read_texts(yyjson_val *json, const char *member, size_t bytes_max,
                                 struct arena *arena, const struct str **ret, size_t *ret_count,
                                 struct err *err)
{
    yyjson_val *list = NULL, *value;
    yyjson_arr_iter at;
    enum err_class rc = list_of(json, member, &list, err);
    struct str *texts = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(texts[0]));
    size_t n = 0;

    if (rc != ERR_OK || !list)
        return rc;
    if (!texts)
        return err_memory(err);
    yyjson_arr_iter_init(list, &at);
    while ((value = yyjson_arr_iter_next(&at)) != NULL) {
        struct str text = {yyjson_get_str(value), yyjson_get_len(value)};
        bool again = false;

        if (!text.ptr || text.len == 0 || text.len > bytes_max)
            return wants(err, member, "a list of texts that are not empty, each within its limit");
        for (size_t i = 0; i < n; i++)
            again = again || str_eq(texts[i], text);
        if (again)
            continue;
        texts[n] = arena_dup(arena, text);
        if (!texts[n++].ptr)
            return err_memory(err);
    }
    *ret = texts;
    *ret_count = n;
    return ERR_OK;
}

static enum err_class read_access(yyjson_val *json, struct arena *arena, struct access *access,
                                  struct err *err)
{
    bool everybody = false;
    enum err_class rc = read_flag(json, "everybody", &everybody, err);

    if (rc == ERR_OK)
        rc = read_texts(json, "accounts", LIMIT_ACCOUNT_ID_BYTES, arena, &access->accounts,
                        &access->account_count, err);
    if (rc == ERR_OK)
        rc = read_texts(json, "groups", LIMIT_ACCOUNT_ID_BYTES, arena, &access->groups,
                        &access->group_count, err);
    if (rc != ERR_OK)
        return rc;
    if (everybody)
        access->account_count = access->group_count = 0;
    else if (access->account_count + access->group_count == 0)
        return err_set(err, ERR_INPUT,
                       "access: name accounts or groups, or set everybody to true; "
                       "otherwise nobody could do it");
    access->everybody = everybody;
    return ERR_OK;
}

static enum err_class read_rights(yyjson_val *json, struct arena *arena, struct settings *settings,
                                  struct err *err)
{
    yyjson_val *access = yyjson_obj_get(json, "access");

    if (access && !yyjson_is_obj(access))
        return wants(err, "access", "an object with log, report and others");
    for (int i = 0; access && i < RIGHT_COUNT; i++) {
        yyjson_val *right = yyjson_obj_get(access, right_names[i]);
        enum err_class rc;

        if (!right)
            continue;
        if (!yyjson_is_obj(right))
            return wants(err, right_names[i], "an object with everybody, accounts and groups");
        rc = read_access(right, arena, &settings->access[i], err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_class check_keys(const char *member, const struct str *keys, size_t count,
                                 struct err *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < keys[i].len; at++) {
            unsigned char c = (unsigned char)keys[i].ptr[at];

            if (c <= ' ' || c == 0x7f)
                return wants(err, member, "a list of keys of projects, like \"ABC\"");
        }
    return ERR_OK;
}

/* Tags by name, projects by key. */
static enum err_class read_billing(yyjson_val *json, struct arena *arena, struct billing *billing,
                                   struct err *err)
{
    yyjson_val *object = yyjson_obj_get(json, "billing");
    enum err_class rc = ERR_OK;

    if (!object)
        return ERR_OK;
    if (!yyjson_is_obj(object))
        return wants(err, "billing", "an object with by_default, tags and projects");
    rc = read_flag(object, "by_default", &billing->by_default, err);
    if (rc == ERR_OK)
        rc = read_texts(object, "tags", LIMIT_TAG_NAME_BYTES, arena, &billing->tags,
                        &billing->tag_count, err);
    if (rc == ERR_OK)
        rc = read_texts(object, "projects", SETTINGS_PROJECT_KEY_BYTES, arena, &billing->projects,
                        &billing->project_count, err);
    return rc == ERR_OK
               ? check_keys("billing.projects", billing->projects, billing->project_count, err)
               : rc;
}

/* "07:30" */
static bool read_clock(struct str text, int64_t *ret_minute)
{
    int64_t hour = 0, minute = 0;

    if (text.len != 5 || text.ptr[2] != ':' || text.ptr[0] < '0' || text.ptr[3] < '0' ||
        !parse_i64(str_sub(text, 0, 2), 0, 23, &hour) ||
        !parse_i64(str_sub(text, 3, 2), 0, 59, &minute))
        return false;
    *ret_minute = hour * 60 + minute;
    return true;
}

static enum err_class read_mail(yyjson_val *json, struct arena *arena, struct mail_settings *mail,
                                struct err *err)
{
    yyjson_val *object = yyjson_obj_get(json, "estimate_mail");
    struct str scope = json_str(object, "send"), time = json_str(object, "time");
    bool known = !yyjson_obj_get(object, "send");
    enum err_class rc;

    if (!object)
        return ERR_OK;
    if (!yyjson_is_obj(object))
        return wants(err, "estimate_mail", "an object with send, projects and time");
    for (int i = 0; i < MAIL_SCOPE_COUNT; i++)
        if (str_eq_z(scope, scope_names[i])) {
            mail->scope = (enum mail_scope)i;
            known = true;
        }
    if (!known)
        return wants(err, "estimate_mail.send", "none, all or selected");
    if (yyjson_obj_get(object, "time") && !read_clock(time, &mail->minute))
        return wants(err, "estimate_mail.time", "a time of day like 07:30");
    rc = read_texts(object, "projects", SETTINGS_PROJECT_KEY_BYTES, arena, &mail->projects,
                    &mail->project_count, err);
    if (rc == ERR_OK)
        rc = check_keys("estimate_mail.projects", mail->projects, mail->project_count, err);
    if (rc == ERR_OK && mail->scope == MAIL_SELECTED_PROJECTS && mail->project_count == 0)
        rc = err_set(err, ERR_INPUT,
                     "estimate_mail: selected, and no project is; name projects, or send none");
    return rc;
}

static enum err_class read_patterns(yyjson_val *json, struct arena *arena,
                                    struct settings *settings, struct err *err)
{
    enum err_class rc =
        read_texts(json, "non_working_patterns", GLOB_BYTES_MAX, arena,
                   &settings->non_working_patterns, &settings->non_working_pattern_count, err);

    for (size_t i = 0; i < settings->non_working_pattern_count && rc == ERR_OK; i++)
        if (!glob_is_valid(settings->non_working_patterns[i]))
            rc = err_set(err, ERR_INPUT,
                         "non_working_patterns: entry %zu is no pattern of issue keys; write it "
                         "like HOLIDAY-*, OPS-1? or [A-C]*-7",
                         i + 1);
    return rc;
}

/* A day in both lists would mean nothing. */
static enum err_class check_days(const struct settings *settings, struct err *err)
{
    for (size_t i = 0, k = 0; i < settings->holiday_count && k < settings->extra_day_count;) {
        char date[CIVIL_DATE_BYTES + 1];

        if (settings->holidays[i] == settings->extra_days[k]) {
            civil_format_date(settings->holidays[i], date);
            return err_set(err, ERR_INPUT,
                           "%s is both in holidays and in extra_days; take it out of one", date);
        }
        if (settings->holidays[i] < settings->extra_days[k])
            i++;
        else
            k++;
    }
    return ERR_OK;
}

enum err_class settings_read(yyjson_val *json, struct arena *arena, struct settings *settings,
                             struct err *err)
{
    enum err_class rc = read_week(json, settings, err);

    if (rc == ERR_OK)
        rc = read_days(json, "holidays", arena, &settings->holidays, &settings->holiday_count, err);
    if (rc == ERR_OK)
        rc = read_days(json, "extra_days", arena, &settings->extra_days, &settings->extra_day_count,
                       err);
    if (rc == ERR_OK)
        rc = read_number(json, "expected_seconds", 0, 86400, &settings->expected_seconds, err);
    if (rc == ERR_OK)
        rc = read_number(json, "week_start", 1, 7, &settings->week_start, err);
    if (rc == ERR_OK)
        rc = read_number(json, "page_size", 10, 1000, &settings->page_size, err);
    if (rc == ERR_OK)
        rc = read_zone(json, arena, settings, err);
    if (rc == ERR_OK)
        rc = read_rounding(json, settings, err);
    if (rc == ERR_OK)
        rc = read_flag(json, "comment_required", &settings->comment_required, err);
    if (rc == ERR_OK)
        rc = read_flag(json, "warn_future", &settings->warn_future, err);
    if (rc == ERR_OK)
        rc = read_issues(json, arena, settings, err);
    if (rc == ERR_OK)
        rc = read_rights(json, arena, settings, err);
    if (rc == ERR_OK)
        rc = read_billing(json, arena, &settings->billing, err);
    if (rc == ERR_OK)
        rc = read_flag(json, "name_hidden_projects", &settings->name_hidden_projects, err);
    if (rc == ERR_OK)
        rc = read_patterns(json, arena, settings, err);
    if (rc == ERR_OK)
        rc = read_mail(json, arena, &settings->mail, err);
    return rc == ERR_OK ? check_days(settings, err) : rc;
}

/* ---- Writing ---- */

static void write_days(struct json_out *json, const char *member, const int32_t *days, size_t count)
{
    json_key(json, member);
    json_array(json);
    for (size_t i = 0; i < count; i++) {
        char date[CIVIL_DATE_BYTES + 1];

        civil_format_date(days[i], date);
        json_put_z(json, date);
    }
    json_array_end(json);
}

static void write_texts(struct json_out *json, const char *member, const struct str *texts,
                        size_t count)
{
    json_key(json, member);
    json_array(json);
    for (size_t i = 0; i < count; i++)
        json_put_str(json, texts[i]);
    json_array_end(json);
}

static void write_number(struct json_out *json, const char *member, int64_t number)
{
    json_key(json, member);
    json_put_i64(json, number);
}

static void write_flag(struct json_out *json, const char *member, bool flag)
{
    json_key(json, member);
    json_put_bool(json, flag);
}

static void write_access(struct json_out *json, const struct settings *settings)
{
    json_key(json, "access");
    json_object(json);
    for (int i = 0; i < RIGHT_COUNT; i++) {
        const struct access *access = &settings->access[i];

        json_key(json, right_names[i]);
        json_object(json);
        write_flag(json, "everybody", access->everybody);
        write_texts(json, "accounts", access->accounts, access->account_count);
        write_texts(json, "groups", access->groups, access->group_count);
        json_object_end(json);
    }
    json_object_end(json);
}

static void write_billing(struct json_out *json, const struct billing *billing)
{
    json_key(json, "billing");
    json_object(json);
    write_flag(json, "by_default", billing->by_default);
    write_texts(json, "tags", billing->tags, billing->tag_count);
    write_texts(json, "projects", billing->projects, billing->project_count);
    json_object_end(json);
}

static void write_mail(struct json_out *json, const struct mail_settings *mail)
{
    char time[8];

    (void)snprintf(time, sizeof(time), "%02d:%02d", (int)(mail->minute / 60 % 24),
                   (int)(mail->minute % 60));
    json_key(json, "estimate_mail");
    json_object(json);
    json_key(json, "send");
    json_put_z(json, scope_names[mail->scope]);
    write_texts(json, "projects", mail->projects, mail->project_count);
    json_key(json, "time");
    json_put_z(json, time);
    json_object_end(json);
}

void settings_write(const struct settings *settings, struct json_out *json)
{
    json_object(json);
    json_key(json, "working_days");
    json_array(json);
    for (int64_t day = 1; day <= 7; day++)
        if (settings->working_days & 1u << day)
            json_put_i64(json, day);
    json_array_end(json);
    write_days(json, "holidays", settings->holidays, settings->holiday_count);
    write_days(json, "extra_days", settings->extra_days, settings->extra_day_count);
    write_number(json, "expected_seconds", settings->expected_seconds);
    write_number(json, "week_start", settings->week_start);
    json_key(json, "zone");
    json_put_str(json, settings->zone);
    write_number(json, "rounding_minutes", settings->rounding_minutes);
    write_flag(json, "comment_required", settings->comment_required);
    write_flag(json, "warn_future", settings->warn_future);
    write_number(json, "page_size", settings->page_size);
    json_key(json, "non_working_issues");
    json_array(json);
    for (size_t i = 0; i < settings->non_working_count; i++) {
        char id[24];

        (void)snprintf(id, sizeof(id), "%lld", (long long)settings->non_working_issues[i]);
        json_put_z(json, id);
    }
    json_array_end(json);
    write_access(json, settings);
    write_billing(json, &settings->billing);
    write_flag(json, "name_hidden_projects", settings->name_hidden_projects);
    write_texts(json, "non_working_patterns", settings->non_working_patterns,
                settings->non_working_pattern_count);
    write_mail(json, &settings->mail);
    json_object_end(json);
}
