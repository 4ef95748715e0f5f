/* routes_settings.c: the settings, and what follows from them: expected and missing days. */
#include "apps/timesheet/app.h"
#include "apps/timesheet/days.h"
#include "apps/timesheet/job_mail.h"
#include "apps/timesheet/non_working.h"
#include "apps/timesheet/rights.h"
#include "apps/timesheet/viewing.h"
#include "base/civil.h"
#include "base/log.h"

#define SETTINGS_BODY_MAX ((size_t)512 * 1024)

static enum err_class get_settings(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct settings settings;
    enum err_class rc = settings_load(request->tenant, request->ex->arena, &settings, err);

    if (rc == ERR_OK)
        settings_write(&settings, &json);
    return rc;
}

/* Mail is wanted: by a server that sends some? */
static enum err_class check_mail(struct request *request, yyjson_val *body,
                                 const struct settings *settings, struct err *err)
{
    if (!yyjson_obj_get(body, "estimate_mail") || settings->mail.scope == MAIL_NO_PROJECT ||
        *daemon_config(request->daemon)->mail.host)
        return ERR_OK;
    return err_set(err, ERR_INPUT,
                   "estimate_mail: this server sends no mail; its operator names a mail server in "
                   "tenon.conf, [mail] host");
}

/* A time of day that is past already is taken today. */
static enum err_class look_for_mail(struct request *request, const struct settings *settings,
                                    struct err *err)
{
    const struct job_order order = {
        .tenant = request->tenant->info.id,
        .kind = MAIL_JOB,
        .key = MAIL_KEY,
        .due_ms = ctx_now_ms(daemon_ctx(request->daemon)),
        .asked = true,
    };

    return settings->mail.scope != MAIL_NO_PROJECT && *daemon_config(request->daemon)->mail.host
               ? daemon_add_job(request->daemon, &order, err)
               : ERR_OK;
}

static enum err_class put_settings(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct settings settings;
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    if (rc == ERR_OK)
        rc = settings_load(request->tenant, request->ex->arena, &settings, err);
    if (rc == ERR_OK)
        rc = settings_read(body, request->ex->arena, &settings, err);
    if (rc == ERR_OK)
        rc = check_mail(request, body, &settings, err);
    if (rc == ERR_OK)
        rc = settings_store(request->tenant, &settings, err);
    if (rc == ERR_OK)
        rc = look_for_mail(request, &settings, err);
    if (rc != ERR_OK)
        return rc;
    rights_forget(request);
    LOG(daemon_ctx(request->daemon), LOG_INFO, "settings_changed",
        LOG_IDENT("tenant", request->tenant->info.id)); /* who it was says the audit trail */
    settings_write(&settings, &json);
    return ERR_OK;
}

/* ---- Days ---- */

struct asked_days {
    struct days_request days;
    struct settings settings;
};

static enum err_class read_day(struct request *request, const char *name, int32_t *ret,
                               struct err *err)
{
    struct str text = http_in_query(request->ex, name);

    if (text.len == 0)
        return err_set(err, ERR_INPUT, "%s is missing: give a date like 2026-01-31", name);
    return report_parse_day(name, text, ret, err);
}

/* Whose days: the person's own unless they may see others'. */
static enum err_class read_account(struct request *request, struct str *ret, struct err *err)
{
    struct str own = str_from(request->who.account);

    *ret = http_in_query(request->ex, "account");
    if (ret->len == 0)
        *ret = own;
    if (ret->len == 0)
        return err_set(err, ERR_INPUT,
                       "account is missing: this sign-in has no account in Jira, "
                       "so say whose days are meant");
    return str_eq(*ret, own) ? ERR_OK : rights_want(request, RIGHT_OTHERS, err);
}

static enum err_class read_asked(struct request *request, struct asked_days *ret, struct err *err)
{
    enum err_class rc = read_day(request, "from", &ret->days.from_day, err);

    if (rc == ERR_OK)
        rc = read_day(request, "to", &ret->days.to_day, err);
    if (rc == ERR_OK && ret->days.to_day < ret->days.from_day)
        rc = err_set(err, ERR_INPUT, "to lies before from");
    if (rc == ERR_OK && ret->days.to_day - ret->days.from_day >= DAYS_MAX)
        rc = err_set(err, ERR_LIMIT, "from and to span more than %d days; ask for a year at most",
                     DAYS_MAX);
    if (rc == ERR_OK)
        rc = read_account(request, &ret->days.account, err);
    if (rc == ERR_OK)
        rc = settings_load(request->tenant, request->ex->arena, &ret->settings, err);
    if (rc != ERR_OK)
        return rc;
    ret->days.settings = &ret->settings;
    ret->days.zone = http_in_query(request->ex, "tz");
    if (ret->days.zone.len == 0)
        ret->days.zone = ret->settings.zone;
    return ERR_OK;
}

static void put_number(struct json_out *json, const char *key, int64_t number)
{
    json_key(json, key);
    json_put_i64(json, number);
}

static void put_days(struct json_out *json, const struct asked_days *asked,
                     const struct day_total *totals)
{
    struct day_total sum = {0, 0, 0};
    int32_t count = asked->days.to_day - asked->days.from_day + 1;

    json_object(json);
    json_key(json, "account");
    json_put_str(json, asked->days.account);
    json_key(json, "days");
    json_array(json);
    for (int32_t i = 0; i < count; i++) {
        char date[CIVIL_DATE_BYTES + 1];

        civil_format_date(asked->days.from_day + i, date);
        json_object(json);
        json_key(json, "date");
        json_put_z(json, date);
        put_number(json, "expected", totals[i].expected);
        put_number(json, "logged", totals[i].logged);
        put_number(json, "real", totals[i].real);
        json_key(json, "missing");
        json_put_bool(json, totals[i].logged < totals[i].expected);
        json_object_end(json);
        sum.expected += totals[i].expected;
        sum.logged += totals[i].logged;
        sum.real += totals[i].real;
    }
    json_array_end(json);
    put_number(json, "expected", sum.expected);
    put_number(json, "logged", sum.logged);
    put_number(json, "real", sum.real);
    json_object_end(json);
}

static enum err_class add_patterns(struct request *request, struct viewing *viewing,
                                   struct asked_days *asked, struct err *err)
{
    struct jira *jira = NULL;
    enum err_class rc;

    if (asked->settings.non_working_pattern_count == 0)
        return ERR_OK;
    rc = viewing_jira(viewing, &jira, err);
    return rc == ERR_OK
               ? non_working_add(jira, timesheet_state(request->site)->columns, request->tenant,
                                 &asked->days, request->ex->arena, &asked->settings, err)
               : rc;
}

static enum err_class days(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct day_total *totals = arena_alloc(request->ex->arena, DAYS_MAX * sizeof(totals[0]));
    struct asked_days asked = {0};
    struct viewing viewing = {0};
    enum err_class rc = totals ? read_asked(request, &asked, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = viewing_begin(request, &viewing, err);
    asked.days.viewer = viewing_viewer(&viewing);
    if (rc == ERR_OK)
        rc = add_patterns(request, &viewing, &asked, err);
    if (rc == ERR_OK)
        rc = days_find(timesheet_state(request->site)->columns, request->tenant, &asked.days,
                       totals, err);
    viewing_end(&viewing);
    if (rc == ERR_OK)
        put_days(&json, &asked, totals);
    return rc;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/settings", 0, API_TENANT, get_settings, NULL},
    {HTTP_PUT, "/api/v1/settings", SETTINGS_BODY_MAX, API_TENANT | API_ADMIN, put_settings, NULL},
    {HTTP_GET, "/api/v1/missing-days", 0, API_TENANT, days, NULL},
    {HTTP_GET, "/api/v1/day-totals", 0, API_TENANT, days, NULL},
};

const struct api_area settings_area = {routes, ARRAY_LEN(routes)};
