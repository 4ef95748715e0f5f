/* worklogs.c: `tenon worklogs` and `tenon tag`: the stored rows themselves. */
#include "apps/timesheet/mirror.h"
#include "apps/timesheet/report.h"
#include "apps/timesheet/zone.h"
#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"

struct printer {
    struct cli *cli;
    struct strbuf text;
    bool json;
};

#define PRINT_AT 65536 /* bytes gathered before they are written */

static void put_json(struct strbuf *text, const struct worklog_row *row)
{
    struct json_out out = json_out(text);
    char number[32];

    json_object(&out);
    json_key(&out, "id");
    (void)snprintf(number, sizeof(number), "%lld", (long long)row->id);
    json_put_z(&out, number);
    json_key(&out, "issue");
    (void)snprintf(number, sizeof(number), "%lld", (long long)row->issue_id);
    json_put_z(&out, number);
    json_key(&out, "account");
    json_put_str(&out, row->account);
    json_key(&out, "started");
    json_put_stamp(&out, row->started_ms);
    json_key(&out, "created");
    json_put_stamp(&out, row->created_ms);
    json_key(&out, "updated");
    json_put_stamp(&out, row->updated_ms);
    json_key(&out, "seconds");
    json_put_i64(&out, row->seconds);
    json_key(&out, "comment");
    json_put_str(&out, row->comment);
    json_key(&out, "tags");
    json_array(&out);
    for (size_t i = 0; i < row->tag_count; i++)
        json_put_str(&out, row->tags[i]);
    json_array_end(&out);
    json_object_end(&out);
    strbuf_add_char(text, '\n');
}

static void put_line(struct strbuf *text, const struct worklog_row *row)
{
    char started[CIVIL_STAMP_BYTES + 1];

    civil_format_stamp(row->started_ms, started);
    strbuf_addf(text, "%-12lld %-12lld %.16sZ ", (long long)row->id, (long long)row->issue_id,
                started);

    size_t before = text->len;

    report_put_hours(text, row->seconds);
    for (size_t width = text->len - before; width < 10; width++)
        strbuf_add_char(text, ' ');
    cli_put_plain(text, row->account.len ? row->account : STR("unknown"));
    strbuf_add_z(text, "  ");
    for (size_t i = 0; i < row->tag_count; i++) {
        strbuf_add_char(text, '#');
        cli_put_plain(text, row->tags[i]);
        strbuf_add_char(text, ' ');
    }
    cli_put_plain(text, row->comment);
    strbuf_add_char(text, '\n');
}

static enum err_class print_row(void *arg, const struct worklog_row *row, struct err *err)
{
    struct printer *printer = arg;
    enum err_class rc = ctx_check(&printer->cli->ctx, err);

    if (rc != ERR_OK)
        return rc;
    if (printer->json)
        put_json(&printer->text, row);
    else
        put_line(&printer->text, row);
    if (printer->text.len < PRINT_AT)
        return ERR_OK;
    rc = cli_print_buf(&printer->text, err);
    strbuf_reset(&printer->text);
    return rc;
}

static enum err_class read_id(struct cli *cli, const char *option, int64_t *ret, struct err *err)
{
    const char *text = cli_value(cli, option);

    if (text && !parse_i64(str_from(text), 1, INT64_MAX, ret))
        return err_set(err, ERR_USAGE, "--%s %s is not an id; ids are whole numbers", option, text);
    return ERR_OK;
}

/* Local days to the times at which they begin and end. */
static enum err_class read_period(struct cli *cli, struct worklog_filter *filter, struct err *err)
{
    AUTO(zone_free_autop) struct zone *zone = NULL;
    const char *from = cli_value(cli, "from"), *to = cli_value(cli, "to");
    struct report_request days = {.has_from = from != NULL, .has_to = to != NULL};
    struct zone_span span;
    int64_t after = INT64_MIN;
    enum err_class rc = ERR_OK;

    if (from)
        rc = report_parse_day("--from", str_from(from), &days.from_day, err);
    if (rc == ERR_OK && to)
        rc = report_parse_day("--to", str_from(to), &days.to_day, err);
    if (rc == ERR_OK)
        rc = report_check(&days, err);

    int32_t first = from ? days.from_day : to ? days.to_day : 0;
    int32_t last = to ? days.to_day : first;

    if (rc == ERR_OK)
        rc = zone_new(str_from(cli_value(cli, "tz")), first * MS_PER_DAY, last * MS_PER_DAY, &zone,
                      err);
    if (rc != ERR_OK || (!from && !to))
        return rc;
    if (!zone_span(zone, first, last, &after, &span))
        return err_set(err, ERR_INPUT, "%s has no such day: its calendar skipped it",
                       zone_name(zone));
    if (from)
        filter->from_ms = span.from_ms;
    if (to)
        filter->to_ms = span.to_ms;
    /* A clock put back over midnight makes more stretches; at most a few. */
    while (zone_span(zone, first, last, &after, &span))
        if (to)
            filter->to_ms = span.to_ms;
    return ERR_OK;
}

static enum err_class run_rows(struct cli *cli, const struct worklog_filter *filter,
                               struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct printer printer = {
        .cli = cli,
        .text = STRBUF_INIT(PRINT_AT + 8 * LIMIT_COMMENT_BYTES),
        .json = cli_flag(cli, "json"),
    };
    enum err_class rc = cli_open_tenant(cli, &data, &tenant, err);

    if (rc == ERR_OK && !printer.json)
        strbuf_addf(&printer.text, "%-12s %-12s %-17s %-9s %s\n", "WORKLOG", "ISSUE", "STARTED",
                    "TIME", "ACCOUNT, TAGS, COMMENT");
    if (rc == ERR_OK)
        rc = worklogs_each(tenant, filter, print_row, &printer, err);
    if (rc == ERR_OK)
        rc = cli_print_buf(&printer.text, err);
    vault_wipe(&printer.text);
    return rc;
}

static enum err_class run(struct cli *cli, struct err *err)
{
    struct worklog_filter filter = {
        .from_ms = INT64_MIN,
        .to_ms = INT64_MAX,
        .account = str_from(cli_value(cli, "account")),
        .limit = INT64_MAX,
    };
    enum err_class rc = read_id(cli, "issue", &filter.issue_id, err);

    if (rc == ERR_OK)
        rc = read_id(cli, "id", &filter.id, err);
    if (rc == ERR_OK)
        rc = read_id(cli, "after", &filter.after_id, err);
    if (rc == ERR_OK)
        rc = read_id(cli, "limit", &filter.limit, err);
    if (rc == ERR_OK)
        rc = read_period(cli, &filter, err);
    if (rc == ERR_OK)
        rc = run_rows(cli, &filter, err);
    return rc;
}

const struct cli_verb verb_worklogs = {
    .name = "worklogs",
    .args = "TENANT",
    .summary = "Print the stored worklogs, comments opened",
    .about =
        "In order of their ids; page with --limit and --after. With --json, one object a line.\n\n"
        "  tenon worklogs acme --from 2026-01-01 --to 2026-01-31 --json",
    .options =
        {
            {"from", "DATE", "first day, included"},
            {"to", "DATE", "last day, included"},
            {"tz", "ZONE", "time zone of the days (default UTC)"},
            {"account", "ID", "only this account"},
            {"issue", "ID", "only this issue's id"},
            {"id", "ID", "only this worklog"},
            {"after", "ID", "begin after this worklog's id"},
            {"limit", "N", "at most so many"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run,
};

/* ---- tag ---- */

static enum err_class change_tags(struct cli *cli, struct mirror *mirror, int64_t id,
                                  struct err *err)
{
    static const struct {
        const char *option;
        enum err_class (*change)(struct mirror *mirror, int64_t id, struct str name,
                                 struct err *err);
    } changes[] = {{"add", tag_add}, {"remove", tag_remove}};

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        const char *name;

        for (size_t n = 0; (name = cli_nth(cli, changes[i].option, n)) != NULL; n++) {
            enum err_class rc = changes[i].change(mirror, id, str_from(name), err);

            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

/* The worklog as it is now. */
static enum err_class show_worklog(struct cli *cli, struct tenant *tenant, int64_t id,
                                   struct err *err)
{
    const struct worklog_filter filter = {
        .from_ms = INT64_MIN, .to_ms = INT64_MAX, .id = id, .limit = 1};
    struct printer printer = {
        .cli = cli,
        .text = STRBUF_INIT(PRINT_AT + 8 * LIMIT_COMMENT_BYTES),
        .json = cli_flag(cli, "json"),
    };
    enum err_class rc = worklogs_each(tenant, &filter, print_row, &printer, err);

    if (rc == ERR_OK)
        rc = cli_print_buf(&printer.text, err);
    vault_wipe(&printer.text);
    return rc;
}

static enum err_class run_tag(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct mirror mirror = {0};
    int64_t id = 0;

    if (!parse_i64(str_from(cli->args[1]), 1, INT64_MAX, &id))
        return err_set(err, ERR_USAGE, "%s is not a worklog's id; ids are whole numbers",
                       cli->args[1]);
    if (!cli_value(cli, "add") && !cli_value(cli, "remove"))
        return err_set(err, ERR_USAGE, "say which tag: --add NAME or --remove NAME");

    enum err_class rc = cli_open_tenant(cli, &data, &tenant, err);

    if (rc == ERR_OK)
        rc = mirror_init(&mirror, tenant, err);
    if (rc != ERR_OK)
        return rc;
    /* All of them, or none. */
    rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = change_tags(cli, &mirror, id, err);
    if (rc == ERR_OK)
        rc = db_commit(tenant->db, err);
    db_rollback(tenant->db);
    mirror_done(&mirror);
    return rc == ERR_OK ? show_worklog(cli, tenant, id, err) : rc;
}

const struct cli_verb verb_tag = {
    .name = "tag",
    .args = "TENANT WORKLOG",
    .summary = "Put tags on a worklog, or take them off",
    .about = "Tags are kept here, sealed; Jira has none. Prints the worklog as it is then.\n\n"
             "  tenon tag acme 10010 --add billable --remove draft",
    .options =
        {
            {"add", "NAME", "put this tag on; may be given again"},
            {"remove", "NAME", "take this tag off; may be given again"},
        },
    .args_min = 2,
    .args_max = 2,
    .run = run_tag,
};
