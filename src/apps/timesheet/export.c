/*
 * export.c: reports and worklogs as files for spreadsheets.
 *
 * The model: a pull. Whoever sends asks for the next bytes; when the buffer is empty a batch of
 * rows is made into it. Of worklogs only their ids are held (8 bytes a row, in the order of their
 * start, as the report's copy in memory gave them); comments and tags are read from the store and
 * opened a batch at a time, and forgotten with it. Threads: one at a time.
 */
#include "apps/timesheet/export.h"

#include "apps/timesheet/mirror.h"
#include "apps/timesheet/zone.h"
#include "base/civil.h"

#define BATCH_ROWS 100 /* some ms on a server thread */
#define BUFFER_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct export
{
    struct export_options options;
    struct sheet *sheet;
    struct strbuf out;
    size_t taken; /* bytes of `out` that were read */
    size_t next;  /* row */
    bool ended;
    /* A report */
    struct report *report;
    const char *headings[LIMIT_REPORT_GROUPS + 2];
    size_t groups;
    /* Worklogs */
    struct tenant *tenant;
    struct site_rows rows;
    struct zone *zone;
    struct strbuf account;
    struct strbuf tags; /* scratch */
    void (*end)(void *arg, struct tenant *tenant);
    void *end_arg;
};

void export_free(struct export *export)
{
    if (!export)
        return;
    if (export->end)
        export->end(export->end_arg, export->tenant);
    sheet_free(export->sheet);
    report_free(export->report);
    site_rows_done(&export->rows);
    zone_free(export->zone);
    strbuf_done(&export->account);
    vault_wipe(&export->tags);
    vault_wipe(&export->out);
    free(export);
}

void export_on_end(struct export *export, void (*end)(void *arg, struct tenant *tenant), void *arg)
{
    export->end = end;
    export->end_arg = arg;
}

static struct export *new_export(const struct export_options *options)
{
    struct export *export = calloc(1, sizeof(*export));

    if (!export)
        return NULL;
    export->options = *options;
    export->options.zone = (struct str){NULL, 0};
    export->out = STRBUF_INIT(BUFFER_BYTES_MAX);
    export->account = STRBUF_INIT(LIMIT_ACCOUNT_ID_BYTES);
    export->tags = STRBUF_INIT((size_t)LIMIT_TAGS_PER_WORKLOG * (LIMIT_TAG_NAME_BYTES + 2));
    return export;
}

static void put_time(struct export *export, int64_t seconds)
{
    if (export->options.time == EXPORT_HOURS)
        sheet_hours(export->sheet, seconds);
    else
        sheet_number(export->sheet, seconds);
}

/* ---- A report ---- */

enum err_class export_report(const struct export_options *options, struct report *report,
                             struct export **ret, struct err *err)
{
    AUTO(export_free_autop) struct export *export = new_export(options);
    enum report_group groups[LIMIT_REPORT_GROUPS];

    if (!export)
        return err_memory(err);
    export->groups = report_groups(report, groups);
    for (size_t g = 0; g < export->groups; g++)
        export->headings[g] = report_group_name(groups[g]);
    export->headings[export->groups] = options->time == EXPORT_HOURS ? "hours" : "seconds";
    export->headings[export->groups + 1] = "count";

    enum err_class rc = sheet_new(options->format, export->headings, export->groups + 2, 0,
                                  &export->out, &export->sheet, err);

    if (rc != ERR_OK)
        return rc;
    export->report = report;
    *ret = TAKE(export);
    return ERR_OK;
}

static enum err_class put_sums(struct export *export, int64_t seconds, int64_t count,
                               struct err *err)
{
    put_time(export, seconds);
    sheet_number(export->sheet, count);
    return sheet_row_end(export->sheet, err);
}

static enum err_class next_sums(struct export *export, struct err *err)
{
    size_t count = 0;
    const struct report_row *rows = report_rows(export->report, &count);

    /* Without groups there is one row, the totals. */
    if (export->groups == 0) {
        export->ended = true;
        return put_sums(export, report_seconds(export->report), report_count(export->report), err);
    }
    for (size_t i = 0; i < BATCH_ROWS && export->next < count; i++) {
        const struct report_row *row = &rows[export->next++];
        char buf[REPORT_CELL_BYTES];

        for (size_t g = 0; g < export->groups; g++)
            sheet_text(export->sheet, report_cell(export->report, row, g, buf));
        if (put_sums(export, row->seconds, row->count, err))
            return err->class;
    }
    export->ended = export->next >= count;
    return ERR_OK;
}

/* ---- Worklogs ---- */

static const char *const row_headings[2][10] = {
    [EXPORT_SECONDS] = {"id", "issue", "account", "date", "started", "seconds", "comment", "tags",
                        "created", "updated"},
    [EXPORT_HOURS] = {"id", "issue", "account", "date", "started", "hours", "comment", "tags",
                      "created", "updated"},
};

#define YEAR_MS (366 * MS_PER_DAY)

enum err_class export_rows(const struct export_options *options, struct tenant *tenant,
                           struct site_rows *rows, struct str account, struct export **ret,
                           struct err *err)
{
    AUTO(export_free_autop) struct export *export = new_export(options);
    if (!export)
        return err_memory(err);
    strbuf_add_str(&export->account, account);

    enum err_class rc = strbuf_check(&export->account, "the viewer's account", err);

    /* A row whose start is changed meanwhile by more than that follows the rules of the end. */
    if (rc == ERR_OK)
        rc = zone_new(options->zone, rows->list.from_ms - YEAR_MS, rows->list.to_ms + YEAR_MS,
                      &export->zone, err);
    if (rc == ERR_OK)
        rc =
            sheet_new(options->format, row_headings[options->time],
                      ARRAY_LEN(row_headings[options->time]), 0, &export->out, &export->sheet, err);
    if (rc != ERR_OK)
        return rc;
    export->tenant = tenant;
    export->rows = *rows;
    *rows = (struct site_rows){0};
    *ret = TAKE(export);
    return ERR_OK;
}

/* The row may have changed since it was listed. */
static bool may_show(const struct export *export, const struct worklog_row *row)
{
    if (export->rows.all_visible)
        return true;
    if (export->rows.own_only && !str_eq(row->account, strbuf_str(&export->account)))
        return false;
    return jira_ids_has(&export->rows.issues, row->issue_id);
}

static void put_id(struct sheet *sheet, int64_t id)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%lld", (long long)id);
    sheet_text(sheet, str_from(text)); /* a spreadsheet rounds numbers past 2^53 */
}

static enum err_class put_row(void *arg, const struct worklog_row *row, struct err *err)
{
    struct export *export = arg;
    struct sheet *sheet = export->sheet;
    char date[CIVIL_DATE_BYTES + 1];

    if (row->id != export->rows.list.ids[export->next] || !may_show(export, row))
        return ERR_OK;
    strbuf_reset(&export->tags);
    for (size_t i = 0; i < row->tag_count; i++) {
        strbuf_add_z(&export->tags, i ? ", " : "");
        strbuf_add_str(&export->tags, row->tags[i]);
    }
    civil_format_date(zone_day_of(export->zone, row->started_ms), date);
    put_id(sheet, row->id);
    put_id(sheet, row->issue_id);
    sheet_text(sheet, row->account);
    sheet_text(sheet, str_from(date));
    sheet_stamp(sheet, row->started_ms);
    put_time(export, row->seconds);
    sheet_text(sheet, row->comment);
    sheet_text(sheet, strbuf_str(&export->tags));
    sheet_stamp(sheet, row->created_ms);
    sheet_stamp(sheet, row->updated_ms);
    return sheet_row_end(sheet, err);
}

static enum err_class read_batch(struct export *export, struct err *err)
{
    const struct query_list *list = &export->rows.list;

    for (size_t i = 0; i < BATCH_ROWS && export->next < list->count; i++, export->next++) {
        const struct worklog_filter filter = {
            .from_ms = INT64_MIN,
            .to_ms = INT64_MAX,
            /* The first from that id on: its own row, or another when it is gone. */
            .after_id = list->ids[export->next] - 1,
            .limit = 1,
        };
        enum err_class rc = worklogs_each(export->tenant, &filter, put_row, export, err);

        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_class next_rows(struct export *export, struct err *err)
{
    enum err_class rc = db_begin(export->tenant->db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = read_batch(export, err);
    db_rollback(export->tenant->db); /* nothing was written */
    export->ended = export->next >= export->rows.list.count;
    return rc;
}

/* ---- Reading it ---- */

static enum err_class make_more(struct export *export, struct err *err)
{
    strbuf_reset(&export->out);
    export->taken = 0;
    while (export->out.len == 0 && !export->ended) {
        enum err_class rc = export->report ? next_sums(export, err) : next_rows(export, err);

        if (rc == ERR_OK && export->ended)
            rc = sheet_end(export->sheet, err);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

enum err_class export_read(struct export *export, char *room, size_t len, size_t *ret_len,
                           struct err *err)
{
    size_t left = export->out.len - export->taken;

    if (left == 0) {
        if (make_more(export, err))
            return err->class;
        left = export->out.len;
    }
    *ret_len = left < len ? left : len;
    if (*ret_len > 0)
        memcpy(room, export->out.ptr + export->taken, *ret_len);
    export->taken += *ret_len;
    return ERR_OK;
}
