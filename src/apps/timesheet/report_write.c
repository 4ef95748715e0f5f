/*
 * report_write.c: a report as JSON, as CSV, and as a table for people.
 *
 * Why three functions and no common "row visitor": each is a screen long and reads like its output.
 * All write into a buffer that is handed on whenever it is large, so a report of four million
 * rows passes through 64 KiB. Threads: none.
 *
 * CSV follows RFC 4180 with CRLF, its texts as csv.h says. The table drops control characters,
 * which a terminal would obey.
 */
#include "apps/timesheet/report.h"

#include <assert.h>
#include <inttypes.h>
#include <unicode/uchar.h>

#include "apps/timesheet/csv.h"
#include "base/civil.h"
#include "base/json.h"

#define PROJECT_KEY_BYTES 255 /* Jira's limit */
#define PART_BYTES ((size_t)64 * 1024)
/* A part, and the row that is being written while it fills: four texts, escaped. */
#define BUFFER_BYTES_MAX (PART_BYTES + (size_t)16 * 1024)

struct writer {
    const struct report *report;
    enum report_group groups[LIMIT_REPORT_GROUPS];
    size_t group_count;
    const struct report_row *rows;
    size_t row_count;
    struct strbuf buf;
    report_flush flush;
    void *arg;
};

static void writer_done(struct writer *writer)
{
    strbuf_done(&writer->buf);
}

static struct writer writer_of(const struct report *report, report_flush flush, void *arg)
{
    struct writer writer = {
        .report = report, .buf = STRBUF_INIT(BUFFER_BYTES_MAX), .flush = flush, .arg = arg};

    writer.group_count = report_groups(report, writer.groups);
    writer.rows = report_rows(report, &writer.row_count);
    return writer;
}

static enum err_class hand_on(struct writer *writer, struct err *err)
{
    if (strbuf_check(&writer->buf, "a part of the report", err))
        return err->class;
    if (writer->buf.len > 0 && writer->flush(writer->arg, strbuf_str(&writer->buf), err))
        return err->class;
    strbuf_reset(&writer->buf);
    return ERR_OK;
}

/* Between rows: hands the buffer on when it is large. */
static enum err_class next_row(struct writer *writer, struct err *err)
{
    return writer->buf.len >= PART_BYTES ? hand_on(writer, err) : ERR_OK;
}

/* ---- JSON ---- */

static void json_sums(struct json_out *json, int64_t seconds, int64_t count)
{
    json_key(json, "seconds");
    json_put_i64(json, seconds);
    json_key(json, "count");
    json_put_i64(json, count);
}

static void put_known(struct json_out *json, const char *key, bool known, int64_t number)
{
    json_key(json, key);
    if (known)
        json_put_i64(json, number);
    else
        json_put_null(json);
}

/* Beside the sums of a row, or of all. `remaining` only counts when it was asked for. */
static void json_beside(struct json_out *json, const struct report *report, int64_t seconds,
                        int64_t billable, const struct report_standing *standing, int64_t remaining)
{
    int64_t expected = 0;
    bool known = remaining != REPORT_REMAINING_UNKNOWN &&
                 !__builtin_add_overflow(seconds, remaining, &expected);

    if (report_has_billable(report)) {
        put_known(json, "billable", true, billable);
        put_known(json, "non_billable", true, seconds - billable);
    }
    if (standing && standing->remaining) {
        put_known(json, "remaining", known, remaining);
        put_known(json, "expected", known, expected);
    }
}

static void json_proof(struct json_out *json, const struct report_proof *proof)
{
    json_key(json, "proof");
    json_object(json);
    json_key(json, "at");
    if (proof->has_at)
        json_put_stamp(json, proof->at_ms);
    else
        json_put_null(json);
    json_key(json, "drift");
    if (proof->has_drift)
        json_put_i64(json, proof->drift);
    else
        json_put_null(json);
    json_object_end(json);
}

static void put_stamp_or_null(struct json_out *json, const char *key, int64_t ms)
{
    json_key(json, key);
    if (ms != 0)
        json_put_stamp(json, ms);
    else
        json_put_null(json);
}

static void json_name(struct json_out *json, const struct report_name *name)
{
    char key[PROJECT_KEY_BYTES + 1];

    (void)snprintf(key, sizeof(key), STR_FMT, STR_ARG(str_sub(name->key, 0, PROJECT_KEY_BYTES)));
    json_key(json, key);
    if (name->name.ptr)
        json_put_str(json, name->name);
    else
        json_put_null(json);
}

/* What the API tells beside the figures. */
static void json_standing(struct json_out *json, const struct report *report,
                          const struct report_standing *standing)
{
    json_key(json, "rows_all");
    json_put_i64(json, (int64_t)report_rows_all(report));
    json_key(json, "hidden");
    json_object(json);
    json_key(json, "issues");
    json_put_i64(json, (int64_t)standing->hidden_issues);
    if (standing->hidden_projects) {
        json_key(json, "projects");
        json_array(json);
        for (size_t i = 0; i < standing->hidden_project_count; i++)
            json_put_str(json, standing->hidden_projects[i]);
        json_array_end(json);
    }
    json_object_end(json);
    if (standing->projects) {
        json_key(json, "projects");
        json_object(json);
        for (size_t i = 0; i < standing->project_count; i++)
            json_name(json, &standing->projects[i]);
        json_object_end(json);
    }
    json_key(json, "state");
    json_object(json);
    put_stamp_or_null(json, "synced", standing->synced_ms);
    json_key(json, "complete");
    json_put_bool(json, standing->complete);
    put_stamp_or_null(json, "stale_since", standing->stale_since_ms);
    json_object_end(json);
}

static enum err_class json_rows(struct writer *writer, struct json_out *json,
                                const struct report_standing *standing, struct err *err)
{
    const struct report *report = writer->report;
    char buf[REPORT_CELL_BYTES];

    json_key(json, "rows");
    json_array(json);
    for (size_t i = 0; i < writer->row_count; i++) {
        json_object(json);
        for (size_t g = 0; g < writer->group_count; g++) {
            struct str cell = report_cell(writer->report, &writer->rows[i], g, buf);

            json_key(json, report_group_name(writer->groups[g]));
            if (cell.ptr)
                json_put_str(json, cell);
            else
                json_put_null(json);
        }
        json_sums(json, writer->rows[i].seconds, writer->rows[i].count);
        json_beside(json, report, writer->rows[i].seconds,
                    report_has_billable(report) ? report_billable(report, &writer->rows[i]) : 0,
                    standing, standing && standing->remaining ? standing->remaining->rows[i] : 0);
        json_object_end(json);
        if (next_row(writer, err))
            return err->class;
    }
    json_array_end(json);
    return ERR_OK;
}

enum err_class report_write_json(const struct report *report, const struct report_proof *proof,
                                 const struct report_standing *standing, report_flush flush,
                                 void *arg, struct err *err)
{
    AUTO(writer_done) struct writer writer = writer_of(report, flush, arg);
    struct json_out json = json_out(&writer.buf);

    json_object(&json);
    if (json_rows(&writer, &json, standing, err))
        return err->class;
    json_sums(&json, report_seconds(report), report_count(report));
    json_beside(&json, report, report_seconds(report), report_billable_all(report), standing,
                standing && standing->remaining ? standing->remaining->all : 0);
    json_proof(&json, proof);
    if (standing)
        json_standing(&json, report, standing);
    json_object_end(&json);
    return hand_on(&writer, err);
}

/* ---- CSV ---- */

enum err_class report_write_csv(const struct report *report, report_flush flush, void *arg,
                                struct err *err)
{
    AUTO(writer_done) struct writer writer = writer_of(report, flush, arg);
    struct strbuf *out = &writer.buf;
    char buf[REPORT_CELL_BYTES];

    for (size_t g = 0; g < writer.group_count; g++) {
        strbuf_add_z(out, report_group_name(writer.groups[g]));
        strbuf_add_char(out, ',');
    }
    strbuf_add_z(out, "seconds,count\r\n");
    for (size_t i = 0; i < writer.row_count; i++) {
        for (size_t g = 0; g < writer.group_count; g++) {
            csv_put_text(out, report_cell(report, &writer.rows[i], g, buf));
            strbuf_add_char(out, ',');
        }
        strbuf_add_i64(out, writer.rows[i].seconds);
        strbuf_add_char(out, ',');
        strbuf_add_i64(out, writer.rows[i].count);
        strbuf_add_z(out, "\r\n");
        if (next_row(&writer, err))
            return err->class;
    }
    return hand_on(&writer, err);
}

/* ---- Table ---- */

/* What stands in the table for a group that has no value. */
#define NO_TAG STR("(no tag)")
#define NOBODY STR("(nobody)")
#define GAP 2 /* blanks between columns */

void report_put_hours(struct strbuf *buf, int64_t seconds)
{
    assert(seconds >= 0);
    strbuf_addf(buf, "%" PRId64 "h %02dm", seconds / 3600, (int)(seconds % 3600 / 60));
    if (seconds % 60 != 0)
        strbuf_addf(buf, " %02ds", (int)(seconds % 60));
}

/* The character at *at, which moves behind it; the text is UTF-8. */
static UChar32 next_char(struct str text, size_t *at)
{
    unsigned char first = (unsigned char)text.ptr[(*at)++];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    UChar32 c = more == 0 ? first : first & (0x3f >> more);

    for (; more > 0; more--)
        c = (UChar32)((uint32_t)c << 6) | ((unsigned char)text.ptr[(*at)++] & 0x3f);
    return c;
}

/* Characters that a terminal obeys or that change how their neighbours are shown. */
static bool is_hidden(UChar32 c)
{
    int8_t type = u_charType(c);

    return type == U_CONTROL_CHAR || type == U_FORMAT_CHAR || type == U_LINE_SEPARATOR ||
           type == U_PARAGRAPH_SEPARATOR;
}

static size_t width_of(UChar32 c)
{
    int wide = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);

    if (u_charType(c) == U_NON_SPACING_MARK || u_charType(c) == U_ENCLOSING_MARK)
        return 0;
    return wide == U_EA_WIDE || wide == U_EA_FULLWIDTH ? 2 : 1;
}

/*
 * A text as a terminal shows it: appended to buf unless that is NULL. Returns its width in cells.
 * Hidden characters become U+FFFD, and so does every byte beyond ASCII of a text that is not UTF-8.
 */
static size_t put_visible(struct strbuf *buf, struct str text)
{
    bool utf8 = str_is_utf8(text);
    size_t width = 0;

    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        UChar32 c = utf8 ? next_char(text, &at) : (unsigned char)text.ptr[at++];
        bool shown = !is_hidden(c) && (utf8 || c < 0x80);

        width += shown ? width_of(c) : 1;
        if (buf && shown)
            strbuf_add_str(buf, str_sub(text, from, at - from));
        else if (buf)
            strbuf_add_z(buf, "\xef\xbf\xbd");
    }
    return width;
}

static void put_blanks(struct strbuf *buf, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_add_char(buf, ' ');
}

static void put_left(struct strbuf *buf, struct str text, size_t width)
{
    size_t taken = put_visible(buf, text);

    put_blanks(buf, (taken < width ? width - taken : 0) + GAP);
}

static void put_right(struct strbuf *buf, struct str text, size_t width)
{
    put_blanks(buf, text.len < width ? width - text.len : 0);
    strbuf_add_str(buf, text);
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

struct table {
    size_t groups[LIMIT_REPORT_GROUPS]; /* widths in terminal cells */
    size_t hours;
    size_t count;
    struct strbuf cell; /* scratch */
};

static void table_done(struct table *table)
{
    strbuf_done(&table->cell);
}

static struct str hours_text(struct table *table, int64_t seconds)
{
    strbuf_reset(&table->cell);
    report_put_hours(&table->cell, seconds);
    return strbuf_str(&table->cell);
}

static struct str number_text(struct table *table, int64_t number)
{
    strbuf_reset(&table->cell);
    strbuf_add_i64(&table->cell, number);
    return strbuf_str(&table->cell);
}

static struct str cell_text(const struct writer *writer, size_t row, size_t group,
                            char buf[REPORT_CELL_BYTES])
{
    struct str cell = report_cell(writer->report, &writer->rows[row], group, buf);

    if (cell.ptr)
        return cell;
    return writer->groups[group] == REPORT_TAG ? NO_TAG : NOBODY;
}

static void measure(const struct writer *writer, struct table *table)
{
    char buf[REPORT_CELL_BYTES];

    for (size_t g = 0; g < writer->group_count; g++)
        table->groups[g] = str_from(report_group_name(writer->groups[g])).len;
    if (writer->group_count > 0)
        table->groups[0] = most(table->groups[0], STR("total").len);
    table->hours = most(STR("time").len, hours_text(table, report_seconds(writer->report)).len);
    table->count = most(STR("worklogs").len, number_text(table, report_count(writer->report)).len);
    for (size_t i = 0; i < writer->row_count; i++) {
        for (size_t g = 0; g < writer->group_count; g++)
            table->groups[g] =
                most(table->groups[g], put_visible(NULL, cell_text(writer, i, g, buf)));
        table->hours = most(table->hours, hours_text(table, writer->rows[i].seconds).len);
    }
}

static void put_sums(struct strbuf *out, struct table *table, int64_t seconds, int64_t count)
{
    put_right(out, hours_text(table, seconds), table->hours);
    put_blanks(out, GAP);
    put_right(out, number_text(table, count), table->count);
    strbuf_add_char(out, '\n');
}

static void put_header(const struct writer *writer, struct strbuf *out, const struct table *table)
{
    for (size_t g = 0; g < writer->group_count; g++)
        put_left(out, str_from(report_group_name(writer->groups[g])), table->groups[g]);
    if (writer->group_count == 0)
        put_left(out, STR(""), STR("total").len);
    put_right(out, STR("time"), table->hours);
    put_blanks(out, GAP);
    put_right(out, STR("worklogs"), table->count);
    strbuf_add_char(out, '\n');
}

static void put_total(const struct writer *writer, struct strbuf *out, struct table *table)
{
    for (size_t g = 0; g < writer->group_count; g++)
        put_left(out, g == 0 ? STR("total") : STR(""), table->groups[g]);
    if (writer->group_count == 0)
        put_left(out, STR("total"), STR("total").len);
    put_sums(out, table, report_seconds(writer->report), report_count(writer->report));
}

void report_put_proof(const struct report_proof *proof, struct strbuf *ret)
{
    char stamp[CIVIL_STAMP_BYTES + 1];

    if (!proof->has_at) {
        strbuf_add_z(ret, "Not yet proved equal to Jira; \"tenon sync --verify\" does that.\n");
        return;
    }
    civil_format_stamp(proof->at_ms, stamp);
    if (!proof->has_drift)
        strbuf_addf(ret, "Compared with Jira at %s.\n", stamp);
    else if (proof->drift == 0)
        strbuf_addf(ret, "Equal to Jira at %s.\n", stamp);
    else
        strbuf_addf(
            ret, "Compared with Jira at %s: %" PRId64 " worklog%s differed and %s repaired.\n",
            stamp, proof->drift, proof->drift == 1 ? "" : "s", proof->drift == 1 ? "was" : "were");
}

/* What the figures leave out, and how true they are. */
static void put_remarks(const struct writer *writer, struct strbuf *out,
                        const struct report_proof *proof)
{
    size_t all = report_rows_all(writer->report);

    strbuf_add_char(out, '\n');
    if (writer->row_count < all)
        strbuf_addf(out, "%zu of %zu rows shown; the total is of all worklogs.\n",
                    writer->row_count, all);
    report_put_proof(proof, out);
}

enum err_class report_write_table(const struct report *report, const struct report_proof *proof,
                                  report_flush flush, void *arg, struct err *err)
{
    AUTO(writer_done) struct writer writer = writer_of(report, flush, arg);
    AUTO(table_done) struct table table = {.cell = STRBUF_INIT(64)};
    struct strbuf *out = &writer.buf;
    char buf[REPORT_CELL_BYTES];

    measure(&writer, &table);
    put_header(&writer, out, &table);
    for (size_t i = 0; i < writer.row_count; i++) {
        for (size_t g = 0; g < writer.group_count; g++)
            put_left(out, cell_text(&writer, i, g, buf), table.groups[g]);
        put_sums(out, &table, writer.rows[i].seconds, writer.rows[i].count);
        if (next_row(&writer, err))
            return err->class;
    }
    put_total(&writer, out, &table);
    put_remarks(&writer, out, proof);
    if (strbuf_check(&table.cell, "a cell of the report", err))
        return err->class;
    return hand_on(&writer, err);
}
