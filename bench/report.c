/*
 * report.c: how fast a tenant's reports are, and the same questions in SQL over the same store.
 *
 *     bench-report DATA TENANT
 *
 * Prints one JSON object: milliseconds to build the columns, of each question warm (median of
 * ROUNDS) and in SQL (once), and the memory that the process holds.
 */
#include <stdio.h>

#include "apps/apps.h"
#include "apps/timesheet/load.h"
#include "apps/timesheet/report.h"

#define ROUNDS 25

static double now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void must(enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    (void)fprintf(stderr, "bench-report: %s\n", err->msg);
    exit(err_exit_code(rc));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The median of warm runs; *ret_seconds is the report's total, to hold against SQL's. */
static double time_report(struct columns *columns, const struct report_request *request,
                          int64_t *ret_seconds)
{
    double took[ROUNDS];
    struct err err = {0};

    for (size_t i = 0; i < ROUNDS; i++) {
        AUTO(report_free_autop) struct report *report = NULL;
        double from = now_ms();

        must(report_run(columns, request, &report, &err), &err);
        took[i] = now_ms() - from;
        *ret_seconds = report_seconds(report);
    }
    qsort(took, ROUNDS, sizeof(took[0]), compare);
    return took[ROUNDS / 2];
}

static double time_sql(struct db *db, const char *sql, int64_t *ret_rows)
{
    struct db_stmt *stmt = NULL;
    struct err err = {0};
    bool row = true;
    double from = now_ms();

    *ret_rows = 0;
    must(db_prepare(db, sql, &stmt, &err), &err);
    for (;;) {
        must(db_step(stmt, &row, &err), &err);
        if (!row)
            break;
        ++*ret_rows;
    }
    db_finish(stmt);
    return now_ms() - from;
}

static double held_mb(void)
{
    char line[256];
    double kib = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %lf", &kib) == 1)
            break;
    if (file)
        (void)fclose(file);
    return kib / 1024;
}

int main(int argc, char **argv)
{
    struct ctx ctx = ctx_real(NULL);
    struct err err = {0};
    struct data *data = NULL;
    struct tenant *tenant = NULL;
    struct tenant_info info;
    struct loaded loaded = {0};
    int64_t total = 0, rows = 0;

    if (argc != 3)
        return 64;
    must(vault_start(&err), &err);
    must(data_open(&ctx, argv[1], &tenon_catalog, false, &data, &err), &err);
    must(tenant_find(data, str_from(argv[2]), &info, &err), &err);
    must(tenant_open(data, &info, &tenant, &err), &err);

    double from = now_ms();

    must(columns_follow(tenant, &loaded, &err), &err);

    double build = now_ms() - from;
    double held = held_mb();
    struct report_request by_month = {.zone = STR("Europe/Berlin")};
    struct report_request top_issues = {
        .zone = STR("Europe/Berlin"), .order = REPORT_BY_SECONDS, .descending = true, .top = 50};

    must(report_parse_groups("group", STR("account,month"), &by_month, &err), &err);
    must(report_parse_groups("group", STR("issue"), &top_issues, &err), &err);

    double month_ms = time_report(loaded.columns, &by_month, &total);
    double issue_ms = time_report(loaded.columns, &top_issues, &total);
    double sql_month_ms =
        time_sql(tenant->db,
                 SQL("SELECT p.account_id, strftime('%Y-%m', w.started / 1000, 'unixepoch') AS m,"
                     " sum(w.time_spent_seconds), count(*) FROM worklog AS w JOIN person AS p"
                     " ON p.id = w.person GROUP BY p.account_id, m ORDER BY p.account_id, m"),
                 &rows);
    double sql_issue_ms =
        time_sql(tenant->db,
                 SQL("SELECT client_issue_id, sum(time_spent_seconds) AS s, count(*) FROM worklog"
                     " GROUP BY client_issue_id ORDER BY s DESC LIMIT 50"),
                 &rows);

    printf("{\"rows\":%zu,\"build_ms\":%.1f,\"columns_mb\":%.1f,\"held_mb\":%.1f,"
           "\"account_month_ms\":%.2f,\"issue_top_ms\":%.2f,\"sql_account_month_ms\":%.1f,"
           "\"sql_issue_top_ms\":%.1f}\n",
           columns_rows(loaded.columns), build, (double)columns_bytes(loaded.columns) / 1e6, held,
           month_ms, issue_ms, sql_month_ms, sql_issue_ms);
    report_request_done(&by_month);
    report_request_done(&top_issues);
    loaded_done(&loaded);
    tenant_close(tenant);
    data_close(data);
    return 0;
}
