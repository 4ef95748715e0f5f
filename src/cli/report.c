/* report.c: `tenon report`. */
#include "apps/timesheet/report.h"

#include "apps/timesheet/load.h"
#include "apps/timesheet/mirror.h"
#include "cli/cli.h"

static enum err_class to_stdout(void *arg, struct str part, struct err *err)
{
    (void)arg;
    return cli_print(part, err);
}

/* Options that may be given several times. */
static enum err_class add_filters(struct cli *cli, struct report_request *request, struct err *err)
{
    static const struct {
        const char *option;
        enum err_class (*add)(const char *what, struct str value, struct report_request *request,
                              struct err *err);
    } filters[] = {
        {"account", report_add_account}, {"issue", report_add_issue}, {"tag", report_add_tag}};

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        const char *value;

        for (size_t n = 0; (value = cli_nth(cli, filters[i].option, n)) != NULL; n++) {
            char what[32];

            (void)snprintf(what, sizeof(what), "--%s", filters[i].option);

            enum err_class rc = filters[i].add(what, str_from(value), request, err);

            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

static enum err_class read_request(struct cli *cli, struct report_request *request, struct err *err)
{
    const char *from = cli_value(cli, "from"), *to = cli_value(cli, "to");
    const char *group = cli_value(cli, "group"), *order = cli_value(cli, "order");
    const char *top = cli_value(cli, "top"), *limit = cli_value(cli, "limit");
    const char *offset = cli_value(cli, "offset");
    enum err_class rc = ERR_OK;

    request->zone = str_from(cli_value(cli, "tz"));
    request->has_from = from != NULL;
    request->has_to = to != NULL;
    if (from)
        rc = report_parse_day("--from", str_from(from), &request->from_day, err);
    if (rc == ERR_OK && to)
        rc = report_parse_day("--to", str_from(to), &request->to_day, err);
    if (rc == ERR_OK)
        rc = report_parse_groups("--group", group ? str_from(group) : STR("account,month"), request,
                                 err);
    /* The first of a top list are the largest unless another order is asked for. */
    if (rc == ERR_OK && (order || top))
        rc = report_parse_order("--order", order ? str_from(order) : STR("seconds"), request, err);
    if (rc == ERR_OK && top)
        rc = report_parse_rows("--top", str_from(top), 1, &request->top, err);
    if (rc == ERR_OK && limit)
        rc = report_parse_rows("--limit", str_from(limit), 1, &request->limit, err);
    if (rc == ERR_OK && offset)
        rc = report_parse_rows("--offset", str_from(offset), 0, &request->offset, err);
    if (rc == ERR_OK)
        rc = add_filters(cli, request, err);
    if (rc == ERR_OK)
        rc = report_check(request, err);
    return rc;
}

/* Rows only on standard output, so that programs can read them; how true they are beside it. */
static enum err_class write_csv(const struct report *report, const struct report_proof *proof,
                                struct err *err)
{
    AUTO(strbuf_done) struct strbuf words = STRBUF_INIT(1000);
    enum err_class rc = report_write_csv(report, to_stdout, NULL, err);

    if (rc != ERR_OK)
        return rc;
    report_put_proof(proof, &words);
    (void)fprintf(stderr, "tenon report: %s", strbuf_z(&words));
    return ERR_OK;
}

static enum err_class write_report(struct cli *cli, struct tenant *tenant,
                                   const struct report *report, struct err *err)
{
    struct mirror_state state = {0};
    enum err_class rc = mirror_state_load(tenant, &state, err);
    const struct report_proof proof = {
        .has_at = state.proof_at_ms != 0,
        .at_ms = state.proof_at_ms,
        .has_drift = state.proof_at_ms != 0,
        .drift = state.proof_drift,
    };

    if (rc != ERR_OK)
        return rc;
    if (state.full_done_ms == 0)
        (void)fprintf(
            stderr,
            "tenon report: the first sync of %s is not complete, so worklogs are missing; "
            "run `tenon sync %s`\n",
            tenant->info.name, tenant->info.name);
    if (report_unmatched(report) > 0)
        (void)fprintf(stderr,
                      "tenon report: %zu of the accounts, issues or tags asked for have no worklog "
                      "at all\n",
                      report_unmatched(report));
    if (cli_flag(cli, "json")) {
        rc = report_write_json(report, &proof, NULL, to_stdout, NULL, err);
        return rc == ERR_OK ? cli_print(STR("\n"), err) : rc;
    }
    if (cli_flag(cli, "csv"))
        return write_csv(report, &proof, err);
    return report_write_table(report, &proof, to_stdout, NULL, err);
}

static enum err_class run_request(struct cli *cli, const struct report_request *request,
                                  struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    AUTO(report_free_autop) struct report *report = NULL;
    struct loaded loaded = {0};
    enum err_class rc = cli_open_tenant(cli, &data, &tenant, err);

    if (rc == ERR_OK)
        rc = columns_follow(tenant, &loaded, err);
    if (rc == ERR_OK)
        rc = report_run(loaded.columns, request, &report, err);
    if (rc == ERR_OK)
        rc = write_report(cli, tenant, report, err);
    loaded_done(&loaded);
    return rc;
}

static enum err_class run(struct cli *cli, struct err *err)
{
    struct report_request request = {0};
    enum err_class rc = read_request(cli, &request, err);

    if (rc == ERR_OK)
        rc = run_request(cli, &request, err);
    report_request_done(&request);
    return rc;
}

const struct cli_verb verb_report = {
    .name = "report",
    .args = "TENANT",
    .summary = "Sum up worklogs",
    .about =
        "Groups: account, issue, tag, day, week, month, quarter, year; up to four, in the order\n"
        "wanted. Days are those of the time zone asked for.\n\n"
        "  tenon report acme --from 2026-01-01 --to 2026-03-31 --tz Europe/Berlin \\\n"
        "      --group account,month\n"
        "  tenon report acme --group issue --order seconds --top 50",
    .options =
        {
            {"from", "DATE", "first day, included (default: the first worklog's)"},
            {"to", "DATE", "last day, included (default: the last worklog's)"},
            {"tz", "ZONE", "time zone of the days, like Europe/Berlin (default UTC)"},
            {"group", "LIST", "what to group by (default account,month)"},
            {"account", "ID", "only this account; may be given again"},
            {"issue", "ID", "only this issue's id; may be given again"},
            {"tag", "NAME", "only worklogs with this tag; may be given again"},
            {"order", "BY[:asc|desc]", "group, seconds or count (default group)"},
            {"top", "N", "only the first N rows; the largest unless --order says otherwise"},
            {"limit", "N", "rows of a page"},
            {"offset", "N", "rows to pass over before the page"},
            {"csv", NULL, "print CSV; the time of the last proof goes to standard error"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run,
};
