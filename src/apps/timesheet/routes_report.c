/*
 * routes_report.c: reports over HTTP, as JSON and as files.
 *
 * The model: the query's parameters become a report_request by the same parsers that the command
 * line uses; what a JQL query or a saved filter finds is asked of Jira now; site.c answers, and
 * asks Jira what the viewer may see. What is not stored (projects, what remains, fields of issues,
 * names) is fetched before (beside.c). Files are made while they are sent (export.c), on the
 * server's threads, with a handle of the store of their own.
 */
#include "apps/timesheet/routes_report.h"

#include "apps/timesheet/app.h"
#include "apps/timesheet/export.h"
#include "apps/timesheet/mirror.h"
#include "apps/timesheet/zone.h"
#include "base/civil.h"

#define PAGE_DEFAULT 1000
#define PAGE_MAX 50000        /* rows of a JSON answer */
#define CELLS_MAX 1000000     /* groups of one report */
#define FILE_ROWS_MAX 1000000 /* rows of a report as a file */
#define CSV_TYPE "text/csv; charset=utf-8; header=present"
#define XLSX_TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

/* What a request asks for. */
struct question {
    struct looker looker;
    struct report_request report;
    struct jira_ids found; /* of jql and filter */
    struct beside_wish wish;
    struct beside beside;
};

static void question_done(struct question *question)
{
    beside_done(&question->beside);
    report_request_done(&question->report);
    jira_ids_done(&question->found);
    looker_done(&question->looker);
}

/* ---- Parameters ---- */

static enum err_class read_list(struct request *request, const char *name,
                                enum err_class (*add)(const char *what, struct str value,
                                                      struct report_request *report,
                                                      struct err *err),
                                struct report_request *report, struct err *err)
{
    for (size_t n = 0;; n++) {
        struct str value = http_in_query_nth(request->ex, name, n);
        enum err_class rc = ERR_OK;

        if (!value.ptr)
            return ERR_OK;
        rc = add(name, value, report, err);
        if (rc != ERR_OK)
            return rc;
    }
}

static enum err_class read_zone(struct request *request, struct str *ret, struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;

    *ret = http_in_query(request->ex, "tz");
    return zone_new(*ret, 0, 0, &zone, err) == ERR_OK ? ERR_OK : err_wrap(err, "tz");
}

static enum err_class read_flag(struct request *request, const char *name, bool *ret,
                                struct err *err)
{
    struct str text = http_in_query(request->ex, name);

    *ret = str_eq(text, STR("true"));
    if (*ret || text.len == 0 || str_eq(text, STR("false")))
        return ERR_OK;
    return err_set(err, ERR_USAGE, "%s: it must be true or false", name);
}

/* The worklogs that count: what reports and lists of worklogs share. */
static enum err_class read_scope(struct request *request, struct report_request *report,
                                 struct err *err)
{
    struct str from = http_in_query(request->ex, "from"), to = http_in_query(request->ex, "to");
    enum err_class rc = read_zone(request, &report->zone, err);

    report->has_from = from.len > 0;
    report->has_to = to.len > 0;
    if (rc == ERR_OK && report->has_from)
        rc = report_parse_day("from", from, &report->from_day, err);
    if (rc == ERR_OK && report->has_to)
        rc = report_parse_day("to", to, &report->to_day, err);
    if (rc == ERR_OK)
        rc = read_list(request, "account", report_add_account, report, err);
    if (rc == ERR_OK)
        rc = read_list(request, "issue", report_add_issue, report, err);
    if (rc == ERR_OK)
        rc = read_list(request, "tag", report_add_tag, report, err);
    return rc;
}

static enum err_class read_page(struct request *request, struct report_request *report,
                                struct err *err)
{
    struct str group = http_in_query(request->ex, "group");
    struct str order = http_in_query(request->ex, "order"), top = http_in_query(request->ex, "top");
    struct str limit = http_in_query(request->ex, "limit");
    struct str offset = http_in_query(request->ex, "offset");
    enum err_class rc = report_parse_groups("group", group, report, err);

    /* The first of a top list are the largest unless another order is asked for. */
    if (rc == ERR_OK && (order.len > 0 || top.len > 0))
        rc = report_parse_order("order", order.len > 0 ? order : STR("seconds"), report, err);
    if (rc == ERR_OK && top.len > 0)
        rc = report_parse_rows("top", top, 1, &report->top, err);
    if (rc == ERR_OK && limit.len > 0)
        rc = report_parse_rows("limit", limit, 1, &report->limit, err);
    if (rc == ERR_OK && offset.len > 0)
        rc = report_parse_rows("offset", offset, 0, &report->offset, err);
    return rc;
}

/* Who may not see other people's worklogs sees their own; asking for others is refused. */
static enum err_class keep_to_own(const struct looker *looker, struct report_request *report,
                                  struct err *err)
{
    if (looker->others)
        return ERR_OK;
    for (size_t i = 0; i < report->account_count; i++)
        if (!str_eq(report->accounts[i], looker->viewing.viewer.account))
            return err_set(err, ERR_FORBIDDEN,
                           "account: on this site you see your own worklogs only; leave it out, or "
                           "ask an administrator of the site");
    if (report->account_count > 0)
        return ERR_OK;
    return report_add_account("account", looker->viewing.viewer.account, report, err);
}

static enum err_class read_question(struct request *request, bool rows, struct question *question,
                                    struct err *err)
{
    struct str jql = http_in_query(request->ex, "jql");
    struct str filter = http_in_query(request->ex, "filter");
    struct report_request *report = &question->report;
    enum err_class rc = looker_begin(&question->looker, request, err);

    if (rc == ERR_OK)
        rc = read_scope(request, report, err);
    if (rc == ERR_OK && !rows)
        rc = read_page(request, report, err);
    if (rc == ERR_OK && !rows)
        rc = read_flag(request, "billable", &question->wish.billable, err);
    if (rc == ERR_OK && !rows)
        rc = read_flag(request, "remaining", &question->wish.remaining, err);
    if (rc == ERR_OK && !rows)
        rc = beside_check(report, &question->wish, err);
    if (rc == ERR_OK)
        rc = report_check(report, err);
    if (rc == ERR_OK)
        rc = keep_to_own(&question->looker, report, err);
    if (rc != ERR_OK || (jql.len == 0 && filter.len == 0))
        return rc;
    rc = looker_find(&question->looker, jql, filter, &question->found, err);
    report->has_only = true;
    report->only = question->found.list;
    report->only_count = question->found.count;
    return rc;
}

static enum err_class make_report(struct request *request, struct question *question,
                                  struct report **ret, size_t *ret_hidden, struct err *err)
{
    AUTO(report_free_autop) struct report *report = NULL;
    enum err_class rc =
        beside_ask(&question->looker, &question->wish, &question->report, &question->beside, err);

    if (rc == ERR_OK)
        rc = site_columns_report(timesheet_state(request->site)->columns, request->tenant,
                                 &question->report, looker_viewer(&question->looker), &report,
                                 ret_hidden, err);
    if (rc == ERR_OK && question->wish.remaining)
        rc = beside_remaining(&question->beside, report, err);
    if (rc == ERR_OK)
        *ret = TAKE(report);
    return rc;
}

/* ---- How true it is ---- */

static enum err_class read_standing(struct request *request, struct report_standing *standing,
                                    struct report_proof *proof, struct err *err)
{
    struct tenant *tenant = request->tenant;
    int64_t poll_ms = daemon_config(request->daemon)->jobs.poll_s * MS_PER_SECOND;
    struct mirror_state state = {0};
    struct mirror_freshness fresh = {0};
    enum err_class rc = db_begin(tenant->db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = mirror_state_load(tenant, &state, err);
    if (rc == ERR_OK)
        rc = mirror_freshness(tenant, poll_ms, &fresh, err);
    db_rollback(tenant->db); /* nothing was written */
    if (rc != ERR_OK)
        return rc;
    standing->synced_ms = fresh.synced_ms;
    standing->complete = state.full_done_ms != 0;
    standing->stale_since_ms = fresh.stale_since_ms;
    *proof = (struct report_proof){
        .has_at = state.proof_at_ms != 0,
        .at_ms = state.proof_at_ms,
        .has_drift = state.proof_at_ms != 0,
        .drift = state.proof_drift,
    };
    return ERR_OK;
}

/* ---- JSON ---- */

static enum err_class to_answer(void *arg, struct str part, struct err *err)
{
    struct strbuf *out = arg;

    strbuf_add_str(out, part);
    return strbuf_check(out, "the answer", err);
}

static enum err_class answer_report(struct request *request, struct err *err)
{
    AUTO(question_done) struct question question = {0};
    AUTO(report_free_autop) struct report *report = NULL;
    struct report_standing standing = {0};
    struct report_proof proof = {0};
    enum err_class rc;

    question.wish.hidden = true;
    rc = read_question(request, false, &question, err);
    if (rc == ERR_OK && question.report.limit > PAGE_MAX)
        rc = err_set(err, ERR_USAGE,
                     "limit: %zu is too much for one page; it may be 1 to %d (report.csv and "
                     "report.xlsx give all)",
                     question.report.limit, PAGE_MAX);
    if (question.report.limit == 0)
        question.report.limit = PAGE_DEFAULT;
    question.report.cells_max = CELLS_MAX;
    /* Before the figures: they are then at least as new as what is said of them. */
    if (rc == ERR_OK)
        rc = read_standing(request, &standing, &proof, err);
    if (rc == ERR_OK)
        rc = make_report(request, &question, &report, &standing.hidden_issues, err);
    if (rc != ERR_OK)
        return rc;
    if (question.wish.remaining)
        standing.remaining = &question.beside.remaining;
    if (question.report.projects && (question.beside.fields & LIVE_BIT(LIVE_PROJECT_NAME))) {
        standing.projects = question.beside.projects.names;
        standing.project_count = question.beside.projects.list.key_count;
    }
    standing.hidden_projects = question.beside.hidden_projects.keys;
    standing.hidden_project_count = question.beside.hidden_projects.list.key_count;
    return report_write_json(report, &proof, &standing, to_answer, &request->ex->out, err);
}

/* ---- Files ---- */

/* An export on its way, with what it holds. Its own block: it outlives the request. */
struct sending {
    struct export *export;
    struct store_pool *store;
    struct site *site; /* held */
};

static void give_tenant(void *arg, struct tenant *tenant)
{
    store_pool_give_tenant(arg, tenant);
}

static void sending_free(struct sending *sending)
{
    if (!sending)
        return;
    export_free(sending->export);
    if (sending->site) {
        site_columns_end_export(timesheet_state(sending->site)->columns);
        daemon_give_site(sending->site);
    }
    free(sending);
}
AUTO_DEFINE(struct sending, sending_free)

static void sending_done(void *arg)
{
    sending_free(arg);
}

static ssize_t send_more(void *arg, uint64_t at, char *room, size_t len)
{
    struct sending *sending = arg;
    struct err err = {0};
    size_t n = 0;

    (void)at;
    if (export_read(sending->export, room, len, &n, &err) != ERR_OK)
        return HTTP_STREAM_BREAK; /* half a file must not look like a whole one */
    return n > 0 ? (ssize_t)n : HTTP_STREAM_END;
}

static enum err_class sending_new(struct request *request, struct sending **ret, struct err *err)
{
    struct site_columns *columns = timesheet_state(request->site)->columns;
    AUTO(sending_free_autop) struct sending *sending = calloc(1, sizeof(*sending));
    enum err_class rc = ERR_OK;

    if (!sending)
        return err_memory(err);
    if (!site_columns_begin_export(columns))
        return err_set(err, ERR_BUSY,
                       "%d exports of this site are under way, which is the limit; try again when "
                       "one has ended",
                       SITE_EXPORTS_MAX);
    rc = daemon_site(request->daemon, &request->tenant->info, &sending->site, err);
    if (rc != ERR_OK) {
        site_columns_end_export(columns);
        return rc;
    }
    sending->store = daemon_store(request->daemon);
    *ret = TAKE(sending);
    return ERR_OK;
}

/* The exchange owns `sending` from here on. */
static void send_file(struct request *request, struct sending *sending, const char *name,
                      enum sheet_format format)
{
    struct http_exchange *ex = request->ex;
    char text[128], date[CIVIL_DATE_BYTES + 1];

    civil_format_date(civil_day_of(ctx_now_ms(daemon_ctx(request->daemon))), date);
    (void)snprintf(text, sizeof(text), "attachment; filename=\"%s-%s.%s\"", name, date,
                   format == SHEET_CSV ? "csv" : "xlsx");
    http_out_header(ex, "Content-Disposition", text);
    ex->content_type = format == SHEET_CSV ? CSV_TYPE : XLSX_TYPE;
    ex->stream = send_more;
    ex->stream_arg = sending;
    ex->stream_bytes = -1;
    ex->stream_done = sending_done;
}

static enum err_class read_options(struct request *request, enum sheet_format format, bool rows,
                                   struct export_options *ret, struct beside_wish *wish,
                                   struct err *err)
{
    struct str columns = http_in_query(request->ex, "columns");
    enum err_class rc = ERR_OK;

    *ret = (struct export_options){.format = format, .zone = http_in_query(request->ex, "tz")};
    rc = export_parse_time("time", http_in_query(request->ex, "time"), &ret->time, err);
    if (rc == ERR_OK)
        rc = rows ? export_parse_columns("columns", columns, &ret->columns, err)
                  : export_parse_extra("columns", columns, &ret->columns, err);
    wish->what = "columns";
    export_wish(&ret->columns, wish);
    return rc;
}

static enum err_class send_report(struct request *request, enum sheet_format format,
                                  struct err *err)
{
    AUTO(question_done) struct question question = {0};
    AUTO(report_free_autop) struct report *report = NULL;
    AUTO(sending_free_autop) struct sending *sending = NULL;
    struct export_options options;
    size_t hidden = 0;
    enum err_class rc = read_options(request, format, false, &options, &question.wish, err);

    if (rc == ERR_OK)
        rc = read_question(request, false, &question, err);
    question.report.cells_max = FILE_ROWS_MAX;
    if (rc == ERR_OK)
        rc = sending_new(request, &sending, err);
    if (rc == ERR_OK)
        rc = make_report(request, &question, &report, &hidden, err);
    if (rc == ERR_OK)
        rc = tenant_audit(request->tenant, AUDIT_EXPORTED, "worklog", 0,
                          format == SHEET_CSV ? "report.csv" : "report.xlsx", err);
    if (rc == ERR_OK)
        rc = export_report(&options, report, &question.beside, &sending->export, err);
    if (rc != ERR_OK)
        return rc;
    report = NULL; /* the export's */
    send_file(request, TAKE(sending), "report", format);
    return ERR_OK;
}

static enum err_class send_rows(struct request *request, enum sheet_format format, struct err *err)
{
    AUTO(question_done) struct question question = {0};
    AUTO(site_rows_done) struct site_rows rows = {0};
    AUTO(sending_free_autop) struct sending *sending = NULL;
    struct export_options options;
    struct tenant *own = NULL;
    enum err_class rc = read_options(request, format, true, &options, &question.wish, err);

    if (rc == ERR_OK)
        rc = read_question(request, true, &question, err);
    if (rc == ERR_OK)
        rc = sending_new(request, &sending, err);
    if (rc == ERR_OK)
        rc = beside_ask(&question.looker, &question.wish, &question.report, &question.beside, err);
    if (rc == ERR_OK)
        rc = site_columns_rows(timesheet_state(request->site)->columns, request->tenant,
                               &question.report, looker_viewer(&question.looker), &rows, err);
    if (rc == ERR_OK)
        rc = tenant_audit(request->tenant, AUDIT_EXPORTED, "worklog", 0,
                          format == SHEET_CSV ? "worklogs.csv" : "worklogs.xlsx", err);
    if (rc == ERR_OK)
        rc = store_pool_tenant(sending->store, str_from(request->tenant->info.id), &own, err);
    if (rc != ERR_OK)
        return rc;
    rc = export_rows(&options, own, &rows, question.looker.viewing.viewer.account, &question.beside,
                     &sending->export, err);
    if (rc != ERR_OK) {
        store_pool_give_tenant(sending->store, own);
        return rc;
    }
    export_on_end(sending->export, give_tenant, sending->store);
    send_file(request, TAKE(sending), "worklogs", format);
    return ERR_OK;
}

static enum err_class report_csv(struct request *request, struct err *err)
{
    return send_report(request, SHEET_CSV, err);
}

static enum err_class report_xlsx(struct request *request, struct err *err)
{
    return send_report(request, SHEET_XLSX, err);
}

static enum err_class worklogs_csv(struct request *request, struct err *err)
{
    return send_rows(request, SHEET_CSV, err);
}

static enum err_class worklogs_xlsx(struct request *request, struct err *err)
{
    return send_rows(request, SHEET_XLSX, err);
}

/* ---- The table ---- */

#define API "/api/v1"
#define NO_BODY 0
#define KIB ((size_t)1024)

static const struct api_route routes[] = {
    {HTTP_GET, API "/report", NO_BODY, API_TENANT, answer_report},
    {HTTP_GET, API "/report.csv", NO_BODY, API_TENANT, report_csv},
    {HTTP_GET, API "/report.xlsx", NO_BODY, API_TENANT, report_xlsx},
    {HTTP_GET, API "/worklogs.csv", NO_BODY, API_TENANT, worklogs_csv},
    {HTTP_GET, API "/worklogs.xlsx", NO_BODY, API_TENANT, worklogs_xlsx},
    {HTTP_POST, API "/labels", 512 * KIB, API_TENANT | API_READ, report_labels},
    {HTTP_GET, API "/issues", NO_BODY, API_TENANT, report_issues},
    {HTTP_GET, API "/people", NO_BODY, API_TENANT, report_people},
    {HTTP_GET, API "/filters", NO_BODY, API_TENANT, report_filters},
    {HTTP_POST, API "/jql/check", 256 * KIB, API_TENANT | API_READ, report_jql_check},
    {HTTP_GET, API "/reports", NO_BODY, API_TENANT, saved_list},
    {HTTP_POST, API "/reports", 64 * KIB, API_TENANT, saved_create},
    {HTTP_PUT, API "/reports/{id}", 64 * KIB, API_TENANT, saved_update},
    {HTTP_DELETE, API "/reports/{id}", NO_BODY, API_TENANT, saved_delete},
};

const struct api_area report_area = {routes, ARRAY_LEN(routes)};
