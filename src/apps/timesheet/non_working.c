/* non_working.c: from patterns to ids: the issues of a report, their keys by Jira, a match. */
#include "apps/timesheet/non_working.h"

#include <stdlib.h>

#include "apps/timesheet/glob.h"
#include "apps/timesheet/live.h"

/* The issues on which the account booked time on these days, as far as the viewer may see. */
static enum err_class booked_on(struct site_columns *columns, struct tenant *tenant,
                                const struct days_request *days, struct jira_ids *ret,
                                struct err *err)
{
    AUTO(report_request_done)
    struct report_request request = {
        .has_from = true,
        .has_to = true,
        .from_day = days->from_day,
        .to_day = days->to_day,
        .zone = days->zone,
    };
    AUTO(report_free_autop) struct report *report = NULL;
    size_t hidden = 0, count = 0;
    enum err_class rc = report_parse_groups("group", STR("issue"), &request, err);

    if (rc == ERR_OK)
        rc = report_add_account("account", days->account, &request, err);
    if (rc == ERR_OK)
        rc = site_columns_report(columns, tenant, &request, days->viewer, &report, &hidden, err);
    if (rc != ERR_OK)
        return rc;

    const struct report_row *rows = report_rows(report, &count);

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        char buf[REPORT_CELL_BYTES];
        int64_t id = 0;

        rc = parse_i64(report_cell(report, &rows[i], 0, buf), 1, INT64_MAX, &id)
                 ? jira_ids_add(ret, id, err)
                 : err_set(err, ERR_BUG, "a report's issue is no id");
    }
    jira_ids_sort(ret);
    return rc;
}

static bool matches_any(const struct settings *settings, struct str key)
{
    for (size_t i = 0; key.ptr && i < settings->non_working_pattern_count; i++)
        if (glob_matches(settings->non_working_patterns[i], key))
            return true;
    return false;
}

enum err_class non_working_add(struct jira *jira, struct site_columns *columns,
                               struct tenant *tenant, const struct days_request *days,
                               struct arena *arena, struct settings *settings, struct err *err)
{
    AUTO(jira_ids_done) struct jira_ids issues = {0};
    AUTO(jira_ids_done) struct jira_ids list = {0};
    AUTO(live_free_autop) struct live *live = NULL;
    int64_t *longer;
    enum err_class rc = booked_on(columns, tenant, days, &issues, err);

    if (rc == ERR_OK)
        rc = live_ask_jira(jira, "non_working_patterns", issues.list, issues.count,
                           LIVE_BIT(LIVE_KEY), &live, err);
    for (size_t i = 0; i < settings->non_working_count && rc == ERR_OK; i++)
        rc = jira_ids_add(&list, settings->non_working_issues[i], err);
    for (size_t i = 0; i < issues.count && rc == ERR_OK; i++)
        if (matches_any(settings, live_text(live, issues.list[i], LIVE_KEY)))
            rc = jira_ids_add(&list, issues.list[i], err);
    if (rc != ERR_OK || list.count == 0)
        return rc;
    jira_ids_sort(&list);
    longer = arena_alloc(arena, list.count * sizeof(*longer));
    if (!longer)
        return err_memory(err);
    memcpy(longer, list.list, list.count * sizeof(*longer));
    settings->non_working_issues = longer;
    settings->non_working_count = list.count;
    return ERR_OK;
}
