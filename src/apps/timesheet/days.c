/* days.c: day totals, by two questions to the report engine: all of it, and what is no work. */
#include "apps/timesheet/days.h"

#include "base/civil.h"

/* Seconds a day of what the request asks for, added times `sign` to one member of each total. */
struct adding {
    const struct days_request *days;
    struct day_total *totals;
    int sign;
    bool logged; /* to both, else only to `real` */
};

static enum err_class add_days(struct site_columns *columns, struct tenant *tenant,
                               const struct report_request *request, const struct adding *adding,
                               struct err *err)
{
    AUTO(report_free_autop) struct report *report = NULL;
    size_t hidden = 0, count = 0;
    enum err_class rc =
        site_columns_report(columns, tenant, request, adding->days->viewer, &report, &hidden, err);

    if (rc != ERR_OK)
        return rc;

    const struct report_row *rows = report_rows(report, &count);

    for (size_t i = 0; i < count; i++) {
        char buf[REPORT_CELL_BYTES];
        struct civil_date date;

        if (!civil_parse_date(report_cell(report, &rows[i], 0, buf), &date))
            return err_set(err, ERR_BUG, "a report's day is no date");

        int32_t at = civil_days(date) - adding->days->from_day;

        if (at < 0 || at >= DAYS_MAX)
            continue;
        adding->totals[at].real += adding->sign * rows[i].seconds;
        if (adding->logged)
            adding->totals[at].logged += adding->sign * rows[i].seconds;
    }
    return ERR_OK;
}

static enum err_class ask(struct site_columns *columns, struct tenant *tenant,
                          struct report_request *request, const struct days_request *days,
                          struct day_total *totals, struct err *err)
{
    const struct settings *settings = days->settings;
    const struct adding all = {days, totals, 1, true};
    const struct adding no_work = {days, totals, -1, false};
    enum err_class rc = report_parse_groups("group", STR("day"), request, err);

    if (rc == ERR_OK)
        rc = report_add_account("account", days->account, request, err);
    if (rc == ERR_OK)
        rc = add_days(columns, tenant, request, &all, err);
    if (rc != ERR_OK || settings->non_working_count == 0)
        return rc;
    for (size_t i = 0; i < settings->non_working_count && rc == ERR_OK; i++) {
        char id[24];

        (void)snprintf(id, sizeof(id), "%lld", (long long)settings->non_working_issues[i]);
        rc = report_add_issue("issue", str_from(id), request, err);
    }
    return rc == ERR_OK ? add_days(columns, tenant, request, &no_work, err) : rc;
}

enum err_class days_find(struct site_columns *columns, struct tenant *tenant,
                         const struct days_request *request, struct day_total ret[DAYS_MAX],
                         struct err *err)
{
    struct report_request report = {
        .has_from = true,
        .has_to = true,
        .from_day = request->from_day,
        .to_day = request->to_day,
        .zone = request->zone,
    };
    enum err_class rc;

    memset(ret, 0, DAYS_MAX * sizeof(ret[0]));
    rc = ask(columns, tenant, &report, request, ret, err);
    report_request_done(&report);
    for (int32_t day = request->from_day; day <= request->to_day && rc == ERR_OK; day++)
        ret[day - request->from_day].expected = settings_expected(request->settings, day);
    return rc;
}
