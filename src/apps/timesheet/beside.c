/*
 * beside.c: what stands beside the stored figures; see beside.h.
 *
 * Of a project, what remains is the sum over its issues that the report has work on; of an issue
 * that Jira tells no estimate of, nothing is known, and it adds nothing.
 *
 * Projects that are hidden from the viewer are asked for with the site's own connection, since the
 * viewer's is not told them; therefore only where an administrator has allowed it, and only their
 * keys. Nothing is asked for a viewer who is shown all, or whose report a search narrowed.
 */
#include "apps/timesheet/beside.h"

#include "apps/timesheet/app.h"

#define HIDDEN_ISSUES_MAX 5000 /* that are asked about: fifty calls of Jira */

void beside_done(struct beside *beside)
{
    live_projects_done(&beside->hidden_projects);
    live_projects_done(&beside->projects);
    live_free(beside->hidden);
    live_free(beside->live);
    live_people_free(beside->people);
    bill_done(&beside->bill);
    site_issues_done(&beside->issues);
    free(beside->remaining_rows);
    *beside = (struct beside){.live = NULL};
}

static bool has_group(const struct report_request *report, enum report_group group)
{
    for (size_t g = 0; g < report->group_count; g++)
        if (report->groups[g] == group)
            return true;
    return false;
}

enum err_class beside_check(const struct report_request *report, const struct beside_wish *wish,
                            struct err *err)
{
    for (size_t g = 0; wish->remaining && g < report->group_count; g++)
        if (report->groups[g] != REPORT_ISSUE && report->groups[g] != REPORT_PROJECT)
            return err_set(err, ERR_USAGE,
                           "remaining: what remains is known of issues and projects, not of each "
                           "%s; leave that group out, or remaining",
                           report_group_name(report->groups[g]));
    if (wish->fields && !has_group(report, REPORT_ISSUE))
        return err_set(err, ERR_USAGE,
                       "%s: fields of issues want the group issue; add it, or leave them out",
                       wish->what);
    if (wish->authors && !has_group(report, REPORT_ACCOUNT))
        return err_set(err, ERR_USAGE,
                       "%s: author wants the group account; add it, or leave it out", wish->what);
    return ERR_OK;
}

/* ---- Asking ---- */

static struct site_columns *columns_of(const struct looker *looker)
{
    return timesheet_state(looker->viewing.request->site)->columns;
}

static enum err_class ask_issues(struct looker *looker, uint64_t fields, const char *what,
                                 struct report_request *report, struct beside *beside,
                                 struct err *err)
{
    enum err_class rc = live_ask(&looker->viewing, what, beside->issues.seen.list,
                                 beside->issues.seen.count, fields, &beside->live, err);

    beside->fields = fields;
    if (rc != ERR_OK || !(fields & LIVE_BIT(LIVE_PROJECT)))
        return rc;
    rc = live_projects(beside->live, &beside->projects, err);
    report->projects = &beside->projects.list;
    return rc;
}

/* The people of the request's worklogs, by their names. */
static enum err_class ask_people(struct looker *looker, const char *what,
                                 const struct report_request *request, struct beside *beside,
                                 struct err *err)
{
    AUTO(report_free_autop) struct report *report = NULL;
    AUTO(free_autop) struct str *accounts = NULL;
    struct report_request by_account = *request; /* the lists stay the caller's */
    size_t hidden = 0, rows = 0, count = 0;
    char none[REPORT_CELL_BYTES];
    enum err_class rc;

    by_account.group_count = 1;
    by_account.groups[0] = REPORT_ACCOUNT;
    by_account.order = REPORT_BY_GROUP;
    by_account.top = by_account.offset = by_account.limit = 0;
    by_account.billing = NULL;
    rc = site_columns_report(columns_of(looker), looker->viewing.request->tenant, &by_account,
                             looker_viewer(looker), &report, &hidden, err);
    if (rc != ERR_OK)
        return rc;

    const struct report_row *list = report_rows(report, &rows);

    accounts = calloc(rows + 1, sizeof(*accounts));
    if (!accounts)
        return err_memory(err);
    for (size_t i = 0; i < rows; i++) {
        accounts[count] = report_cell(report, &list[i], 0, none);
        count += accounts[count].ptr != NULL;
    }
    return live_ask_people(&looker->viewing, what, accounts, count, &beside->people, err);
}

static enum err_class ask_hidden(struct looker *looker, struct beside *beside, struct err *err)
{
    AUTO(link_done) struct link link = {.jira = {.datacenter = false}};
    size_t count = beside->issues.hidden.count;
    enum err_class rc;

    if (count == 0)
        return ERR_OK;
    if (count > HIDDEN_ISSUES_MAX)
        count = HIDDEN_ISSUES_MAX;
    rc = request_link(looker->viewing.request, AS_TENANT, "visibility", &link, err);
    if (rc == ERR_OK)
        rc = live_ask_jira(&link.jira, "name_hidden_projects", beside->issues.hidden.list, count,
                           LIVE_BIT(LIVE_PROJECT), &beside->hidden, err);
    return rc == ERR_OK ? live_projects(beside->hidden, &beside->hidden_projects, err) : rc;
}

enum err_class beside_ask(struct looker *looker, const struct beside_wish *wish,
                          struct report_request *report, struct beside *ret, struct err *err)
{
    struct request *request = looker->viewing.request;
    struct beside *beside = ret;
    uint64_t fields = wish->fields;
    const char *what = wish->what;
    bool hidden = false;
    enum err_class rc = ERR_OK;

    if (wish->billable || wish->hidden)
        rc = settings_load(request->tenant, request->ex->arena, &beside->settings, err);
    if (rc != ERR_OK)
        return rc;
    hidden = wish->hidden && beside->settings.name_hidden_projects && looker_viewer(looker);
    if (wish->billable && beside->settings.billing.project_count > 0) {
        fields |= LIVE_BIT(LIVE_PROJECT);
        what = "billable";
    }
    if (wish->remaining) {
        fields |= LIVE_BIT(LIVE_REMAINING);
        what = "remaining";
    }
    if (has_group(report, REPORT_PROJECT)) {
        fields |= LIVE_BIT(LIVE_PROJECT) | LIVE_BIT(LIVE_PROJECT_NAME);
        what = "group project";
    }
    if (fields || hidden)
        rc = site_columns_issues(columns_of(looker), request->tenant, report, looker_viewer(looker),
                                 &beside->issues, err);
    if (rc == ERR_OK && fields)
        rc = ask_issues(looker, fields, what, report, beside, err);
    if (rc == ERR_OK && hidden)
        rc = ask_hidden(looker, beside, err);
    if (rc == ERR_OK && wish->authors)
        rc = ask_people(looker, wish->what, report, beside, err);
    if (rc == ERR_OK && wish->billable) {
        rc = bill_make(&beside->settings.billing, beside->live, &beside->issues.seen, &beside->bill,
                       err);
        beside->has_bill = rc == ERR_OK;
        report->billing = &beside->bill.rule;
    }
    return rc;
}

/* ---- What remains ---- */

static void add_known(int64_t *sum, int64_t more)
{
    int64_t now = *sum == REPORT_REMAINING_UNKNOWN ? 0 : *sum;

    if (__builtin_add_overflow(now, more, sum))
        *sum = INT64_MAX;
}

/* By place in the list of projects, and 1; 0: of issues whose project is not known. */
static enum err_class sum_projects(const struct beside *beside, int64_t **ret, struct err *err)
{
    size_t count = beside->projects.list.key_count + 1;
    int64_t *sums = calloc(count, sizeof(*sums)), more = 0;

    if (!sums)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        sums[i] = REPORT_REMAINING_UNKNOWN;
    for (size_t i = 0; i < beside->projects.list.issue_count; i++)
        if (live_number(beside->live, beside->projects.issues[i], LIVE_REMAINING, &more))
            add_known(&sums[beside->projects.projects[i]], more);
    *ret = sums;
    return ERR_OK;
}

static int64_t of_row(const struct beside *beside, const int64_t *projects,
                      const struct report *report, const struct report_row *row)
{
    enum report_group groups[LIMIT_REPORT_GROUPS];
    size_t count = report_groups(report, groups);
    char buf[REPORT_CELL_BYTES];
    int64_t issue = 0, seconds = 0;

    for (size_t g = 0; g < count; g++)
        if (groups[g] == REPORT_ISSUE)
            return parse_i64(report_cell(report, row, g, buf), 1, INT64_MAX, &issue) &&
                           live_number(beside->live, issue, LIVE_REMAINING, &seconds)
                       ? seconds
                       : REPORT_REMAINING_UNKNOWN;
    return projects[live_project_of(&beside->projects, report_cell(report, row, 0, buf))];
}

enum err_class beside_remaining(struct beside *beside, const struct report *report, struct err *err)
{
    AUTO(free_autop) int64_t *projects = NULL;
    size_t count = 0;
    const struct report_row *rows = report_rows(report, &count);
    int64_t more = 0;

    if (sum_projects(beside, &projects, err))
        return err->class;
    beside->remaining_rows = calloc(count + 1, sizeof(*beside->remaining_rows));
    if (!beside->remaining_rows)
        return err_memory(err);
    for (size_t i = 0; i < count; i++)
        beside->remaining_rows[i] = of_row(beside, projects, report, &rows[i]);
    beside->remaining = (struct report_remaining){beside->remaining_rows, REPORT_REMAINING_UNKNOWN};
    for (size_t i = 0; i < beside->issues.seen.count; i++)
        if (live_number(beside->live, beside->issues.seen.list[i], LIVE_REMAINING, &more))
            add_known(&beside->remaining.all, more);
    return ERR_OK;
}
