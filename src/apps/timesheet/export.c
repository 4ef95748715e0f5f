/*
 * export.c: reports and worklogs as files for spreadsheets.
 *
 * The model: a pull. Whoever sends asks for the next bytes; when the buffer is empty a batch of
 * rows is made into it. Of worklogs only their ids are held (8 bytes a row, in the order of their
 * start, as the report's copy in memory gave them); comments and tags are read from the store and
 * opened a batch at a time, and forgotten with it. Fields of issues were asked of Jira before, as
 * nobody waits for a network while the file is sent. Threads: one at a time.
 */
#include "apps/timesheet/export.h"

#include "apps/timesheet/mirror.h"
#include "apps/timesheet/zone.h"
#include "base/civil.h"

#define SUMS_MAX 6     /* columns of figures of a report */
#define BATCH_ROWS 100 /* some ms on a server thread */
#define BUFFER_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct export
{
    struct export_options options;
    struct beside beside; /* owned */
    const char *headings[LIMIT_REPORT_GROUPS + EXPORT_COLUMN_COUNT + SUMS_MAX];
    size_t heading_count;
    struct sheet *sheet;
    struct strbuf out;
    size_t taken; /* bytes of `out` that were read */
    size_t next;  /* row */
    bool ended;
    /* A report */
    struct report *report;
    enum report_group groups[LIMIT_REPORT_GROUPS];
    size_t group_count;
    bool remaining;
    /* Worklogs */
    struct tenant *tenant;
    struct site_rows rows;
    struct zone *zone;
    struct strbuf account;
    struct strbuf tags; /* scratch */
    struct strbuf cell; /* the same */
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
    strbuf_done(&export->cell);
    vault_wipe(&export->out);
    beside_done(&export->beside);
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
    export->cell = STRBUF_INIT(64);
    export->tags = STRBUF_INIT((size_t)LIMIT_TAGS_PER_WORKLOG * (LIMIT_TAG_NAME_BYTES + 2));
    return export;
}

static void put_time(struct export *export, int64_t seconds)
{
    switch (export->options.time) {
    case EXPORT_SECONDS:
        sheet_number(export->sheet, seconds);
        return;
    case EXPORT_HOURS:
        sheet_hours(export->sheet, seconds);
        return;
    case EXPORT_HUMAN:
        strbuf_reset(&export->cell);
        report_put_hours(&export->cell, seconds);
        sheet_text(export->sheet, strbuf_str(&export->cell));
        return;
    }
}

static void put_nothing(struct export *export)
{
    sheet_text(export->sheet, (struct str){NULL, 0});
}

/* ---- Columns ---- */

static const char *const time_names[] = {
    [EXPORT_SECONDS] = "seconds",
    [EXPORT_HOURS] = "hours",
    [EXPORT_HUMAN] = "time",
};

static void add_heading(struct export *export, const char *heading)
{
    export->headings[export->heading_count++] = heading;
}

static void add_column_headings(struct export *export)
{
    const struct export_columns *columns = &export->options.columns;

    for (size_t i = 0; i < columns->count; i++)
        add_heading(export, columns->list[i] == EXPORT_TIME ? time_names[export->options.time]
                                                            : export_column_name(columns->list[i]));
}

static void put_live(struct export *export, int64_t issue, enum live_field field)
{
    const struct live *live = export->beside.live;
    enum live_kind kind = live_info[field].kind;
    int64_t number = 0;

    if (kind == LIVE_TEXT)
        sheet_text(export->sheet, live_text(live, issue, field));
    else if (!live_number(live, issue, field, &number))
        put_nothing(export);
    else if (kind == LIVE_STAMP)
        sheet_stamp(export->sheet, number);
    else
        put_time(export, number);
}

static enum err_class begin_sheet(struct export *export, struct err *err)
{
    return sheet_new(export->options.format, export->headings, export->heading_count, 0,
                     &export->out, &export->sheet, err);
}

/* ---- A report ---- */

enum err_class export_report(const struct export_options *options, struct report *report,
                             struct beside *beside, struct export **ret, struct err *err)
{
    AUTO(export_free_autop) struct export *export = new_export(options);

    if (!export)
        return err_memory(err);
    export->group_count = report_groups(report, export->groups);
    export->remaining = beside->remaining.rows != NULL;
    for (size_t g = 0; g < export->group_count; g++)
        add_heading(export, report_group_name(export->groups[g]));
    add_column_headings(export);
    add_heading(export, time_names[options->time]);
    add_heading(export, "count");
    if (report_has_billable(report)) {
        add_heading(export, "billable");
        add_heading(export, "non_billable");
    }
    if (export->remaining) {
        add_heading(export, "remaining");
        add_heading(export, "expected");
    }

    enum err_class rc = begin_sheet(export, err);

    if (rc != ERR_OK)
        return rc;
    export->report = report;
    export->beside = *beside;
    *beside = (struct beside){.live = NULL};
    *ret = TAKE(export);
    return ERR_OK;
}

static enum err_class put_sums(struct export *export, int64_t seconds, int64_t count,
                               int64_t billable, int64_t remaining, struct err *err)
{
    put_time(export, seconds);
    sheet_number(export->sheet, count);
    if (report_has_billable(export->report)) {
        put_time(export, billable);
        put_time(export, seconds - billable);
    }
    if (export->remaining && remaining == REPORT_REMAINING_UNKNOWN) {
        put_nothing(export);
        put_nothing(export);
    } else if (export->remaining) {
        int64_t expected = 0;

        put_time(export, remaining);
        put_time(export,
                 __builtin_add_overflow(seconds, remaining, &expected) ? INT64_MAX : expected);
    }
    return sheet_row_end(export->sheet, err);
}

/* The groups of a row, and what is known of its issue and its person. */
static void put_groups(struct export *export, const struct report_row *row)
{
    const struct export_columns *columns = &export->options.columns;
    char buf[REPORT_CELL_BYTES];
    struct str account = {NULL, 0};
    int64_t issue = 0;

    for (size_t g = 0; g < export->group_count; g++) {
        struct str cell = report_cell(export->report, row, g, buf);

        sheet_text(export->sheet, cell);
        if (export->groups[g] == REPORT_ACCOUNT)
            account = cell;
        if (export->groups[g] == REPORT_ISSUE && !parse_i64(cell, 1, INT64_MAX, &issue))
            issue = 0;
    }
    for (size_t i = 0; i < columns->count; i++) {
        if (columns->list[i] == EXPORT_AUTHOR)
            sheet_text(export->sheet, live_name(export->beside.people, account));
        else
            put_live(export, issue, (enum live_field)(columns->list[i] - EXPORT_LIVE));
    }
}

static enum err_class next_sums(struct export *export, struct err *err)
{
    const struct report *report = export->report;
    size_t count = 0;
    const struct report_row *rows = report_rows(report, &count);

    /* Without groups there is one row, the totals. */
    if (export->group_count == 0) {
        export->ended = true;
        return put_sums(export, report_seconds(report), report_count(report),
                        report_billable_all(report), export->beside.remaining.all, err);
    }
    for (size_t i = 0; i < BATCH_ROWS && export->next < count; i++) {
        size_t at = export->next++;

        put_groups(export, &rows[at]);
        if (put_sums(export, rows[at].seconds, rows[at].count,
                     report_has_billable(report) ? report_billable(report, &rows[at]) : 0,
                     export->remaining ? export->beside.remaining.rows[at] : 0, err))
            return err->class;
    }
    export->ended = export->next >= count;
    return ERR_OK;
}

/* ---- Worklogs ---- */

#define YEAR_MS (366 * MS_PER_DAY)

enum err_class export_rows(const struct export_options *options, struct tenant *tenant,
                           struct site_rows *rows, struct str account, struct beside *beside,
                           struct export **ret, struct err *err)
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
    add_column_headings(export);
    if (rc == ERR_OK)
        rc = begin_sheet(export, err);
    if (rc != ERR_OK)
        return rc;
    export->beside = *beside;
    *beside = (struct beside){.live = NULL};
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

static void put_tags(struct export *export, const struct worklog_row *row)
{
    strbuf_reset(&export->tags);
    for (size_t i = 0; i < row->tag_count; i++) {
        strbuf_add_z(&export->tags, i ? ", " : "");
        strbuf_add_str(&export->tags, row->tags[i]);
    }
    sheet_text(export->sheet, strbuf_str(&export->tags));
}

static void put_cell(struct export *export, const struct worklog_row *row,
                     enum export_column column)
{
    struct sheet *sheet = export->sheet;
    char date[CIVIL_DATE_BYTES + 1];

    switch ((int)column) {
    case EXPORT_ID:
        put_id(sheet, row->id);
        return;
    case EXPORT_ISSUE:
        put_id(sheet, row->issue_id);
        return;
    case EXPORT_ACCOUNT:
        sheet_text(sheet, row->account);
        return;
    case EXPORT_DATE:
        civil_format_date(zone_day_of(export->zone, row->started_ms), date);
        sheet_text(sheet, str_from(date));
        return;
    case EXPORT_STARTED:
        sheet_stamp(sheet, row->started_ms);
        return;
    case EXPORT_TIME:
        put_time(export, row->seconds);
        return;
    case EXPORT_COMMENT:
        sheet_text(sheet, row->comment);
        return;
    case EXPORT_TAGS:
        put_tags(export, row);
        return;
    case EXPORT_CREATED:
        sheet_stamp(sheet, row->created_ms);
        return;
    case EXPORT_UPDATED:
        sheet_stamp(sheet, row->updated_ms);
        return;
    case EXPORT_AUTHOR:
        sheet_text(sheet, live_name(export->beside.people, row->account));
        return;
    case EXPORT_BILLABLE:
        sheet_text(sheet, bill_has(&export->beside.bill, row->issue_id, row->tags, row->tag_count)
                              ? STR("yes")
                              : STR("no"));
        return;
    default:
        put_live(export, row->issue_id, (enum live_field)(column - EXPORT_LIVE));
    }
}

static enum err_class put_row(void *arg, const struct worklog_row *row, struct err *err)
{
    struct export *export = arg;
    const struct export_columns *columns = &export->options.columns;

    if (row->id != export->rows.list.ids[export->next] || !may_show(export, row))
        return ERR_OK;
    for (size_t i = 0; i < columns->count; i++)
        put_cell(export, row, columns->list[i]);
    return sheet_row_end(export->sheet, err);
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
