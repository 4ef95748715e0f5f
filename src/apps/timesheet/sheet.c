/*
 * sheet.c: tables for spreadsheets.
 *
 * Why no library for XLSX: the one that is common in C (libxlsxwriter, as Debian 12 and Ubuntu
 * 24.04 have it) writes its rows in plain into files below a temporary folder and wants a file to
 * write the workbook to. Comments are content that must not lie on a disk unsealed, and a memory
 * file of their size is no bounded memory. What is needed of the format is small: a workbook of
 * sheets of inline strings and numbers, packed as it is made (zip.c). Sheets come first, the parts
 * that list them last, as their number is known only then.
 *
 * Excel reads "_x0041_" in a text as an escape, so an underscore that begins such is escaped
 * itself; characters that XML cannot hold become U+FFFD. Threads: none.
 */
#include "apps/timesheet/sheet.h"

#include <assert.h>
#include <inttypes.h>

#include "apps/timesheet/csv.h"
#include "apps/timesheet/zip.h"
#include "base/civil.h"

#define SHEETS_MAX 200
#define SHEET_BYTES_MAX (UINT64_C(1) << 30) /* of a sheet's XML before the next begins */
#define ROW_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define PART_BYTES_MAX ((size_t)64 * 1024)
#define NAME_BYTES 40
#define EPOCH_SERIAL 25569 /* 1970-01-01 in Excel's days */
#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"

struct sheet {
    enum sheet_format format;
    const char *const *headings;
    size_t columns, rows_max;
    struct strbuf *out;
    struct strbuf row; /* the cells so far */
    size_t cell;       /* of the row at hand */
    /* XLSX */
    struct zip *zip;
    size_t sheets, rows; /* sheets begun; rows in the present one */
    char names[SHEETS_MAX][NAME_BYTES];
};

void sheet_free(struct sheet *sheet)
{
    if (!sheet)
        return;
    zip_free(sheet->zip);
    strbuf_done(&sheet->row);
    free(sheet);
}

/* ---- Texts in XML ---- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "_x0041_" */
static bool is_escape(struct str text, size_t at)
{
    if (text.len - at < 7 || text.ptr[at + 1] != 'x' || text.ptr[at + 6] != '_')
        return false;
    for (size_t i = 2; i < 6; i++)
        if (!is_hex(text.ptr[at + i]))
            return false;
    return true;
}

static bool is_one_char(struct str text)
{
    return str_is_utf8(text);
}

/* Bytes of the character at `at`; 0: none that can be told. */
static size_t char_bytes(struct str text, size_t at)
{
    unsigned char first = (unsigned char)text.ptr[at];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    return at + len <= text.len && is_one_char(str_sub(text, at, len)) ? len : 0;
}

/* U+FFFE and U+FFFF are no characters of XML, nor are controls but TAB, LF and CR. */
static bool is_xml(struct str c)
{
    if (c.len == 1)
        return (unsigned char)c.ptr[0] >= ' ' || c.ptr[0] == '\t' || c.ptr[0] == '\n';
    return !(c.len == 3 && memcmp(c.ptr, "\xef\xbf", 2) == 0 && (unsigned char)c.ptr[2] >= 0xbe);
}

static void put_xml_char(struct strbuf *buf, struct str text, size_t at, size_t len)
{
    struct str c = str_sub(text, at, len);

    if (len == 0 || !is_xml(c))
        strbuf_add_z(buf, c.len == 1 && c.ptr[0] == '\r' ? "_x000D_" : REPLACEMENT);
    else if (c.ptr[0] == '&')
        strbuf_add_z(buf, "&amp;");
    else if (c.ptr[0] == '<')
        strbuf_add_z(buf, "&lt;");
    else if (c.ptr[0] == '>')
        strbuf_add_z(buf, "&gt;");
    else if (c.ptr[0] == '_' && is_escape(text, at))
        strbuf_add_z(buf, "_x005F_");
    else
        strbuf_add_str(buf, c);
}

/* At most SHEET_TEXT_MAX units as Excel counts them. */
static void put_xml_text(struct strbuf *buf, struct str text)
{
    size_t units = 0;

    for (size_t at = 0; at < text.len;) {
        size_t len = char_bytes(text, at);
        size_t more = len == 4 ? 2 : 1;

        if (units + more >= SHEET_TEXT_MAX && at + (len ? len : 1) < text.len) {
            strbuf_add_z(buf, ELLIPSIS);
            return;
        }
        put_xml_char(buf, text, at, len);
        units += more;
        at += len ? len : 1;
    }
}

/* ---- XLSX: parts ---- */

static enum err_class add_part(struct sheet *sheet, const char *name, const char *xml,
                               struct err *err)
{
    if (zip_begin(sheet->zip, name, err))
        return err->class;
    return zip_add(sheet->zip, str_from(xml), err);
}

#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define RELATIONS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006"
#define TYPES "application/vnd.openxmlformats-officedocument.spreadsheetml."

/* Cell formats by number: 0 plain, 1 heading (bold), 2 time. */
static const char styles_xml[] = XML_HEAD
    "<styleSheet xmlns=\"" MAIN "\"><numFmts count=\"1\"><numFmt numFmtId=\"164\" "
    "formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/></numFmts><fonts count=\"2\"><font><sz val=\"11\"/>"
    "<name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>"
    "<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill>"
    "<patternFill patternType=\"gray125\"/></fill></fills><borders count=\"1\"><border><left/>"
    "<right/><top/><bottom/><diagonal/></border></borders><cellStyleXfs count=\"1\"><xf "
    "numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs><cellXfs count=\"3\">"
    "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>"
    "<xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/>"
    "<xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" "
    "applyNumberFormat=\"1\"/></cellXfs><cellStyles count=\"1\"><cellStyle name=\"Normal\" "
    "xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>";

static const char root_rels_xml[] = XML_HEAD
    "<Relationships xmlns=\"" PACKAGE "/relationships\"><Relationship Id=\"rId1\" Type=\"" RELATIONS
    "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";

static enum err_class add_lists(struct sheet *sheet, struct err *err)
{
    AUTO(strbuf_done) struct strbuf types = STRBUF_INIT(PART_BYTES_MAX);
    AUTO(strbuf_done) struct strbuf book = STRBUF_INIT(PART_BYTES_MAX);
    AUTO(strbuf_done) struct strbuf rels = STRBUF_INIT(PART_BYTES_MAX);

    strbuf_add_z(&types, XML_HEAD
                 "<Types xmlns=\"" PACKAGE "/content-types\"><Default "
                 "Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package."
                 "relationships+xml\"/><Default Extension=\"xml\" ContentType="
                 "\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType="
                 "\"" TYPES "sheet.main+xml\"/><Override PartName=\"/xl/styles.xml\" "
                 "ContentType=\"" TYPES "styles+xml\"/>");
    strbuf_add_z(&book, XML_HEAD "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" RELATIONS "\"><sheets>");
    strbuf_add_z(&rels, XML_HEAD "<Relationships xmlns=\"" PACKAGE "/relationships\">");
    for (size_t i = 1; i <= sheet->sheets; i++) {
        strbuf_addf(&types,
                    "<Override PartName=\"/xl/worksheets/sheet%zu.xml\" ContentType=\"" TYPES
                    "worksheet+xml\"/>",
                    i);
        strbuf_addf(&book, "<sheet name=\"Sheet%zu\" sheetId=\"%zu\" r:id=\"rId%zu\"/>", i, i, i);
        strbuf_addf(&rels,
                    "<Relationship Id=\"rId%zu\" Type=\"" RELATIONS
                    "/worksheet\" Target=\"worksheets/sheet%zu.xml\"/>",
                    i, i);
    }
    strbuf_addf(&rels,
                "<Relationship Id=\"rId%zu\" Type=\"" RELATIONS
                "/styles\" Target=\"styles.xml\"/></Relationships>",
                sheet->sheets + 1);
    strbuf_add_z(&book, "</sheets></workbook>");
    strbuf_add_z(&types, "</Types>");
    if (strbuf_check(&types, "the export's list of parts", err) ||
        add_part(sheet, "xl/workbook.xml", strbuf_z(&book), err) ||
        add_part(sheet, "xl/_rels/workbook.xml.rels", strbuf_z(&rels), err) ||
        add_part(sheet, "xl/styles.xml", styles_xml, err) ||
        add_part(sheet, "_rels/.rels", root_rels_xml, err))
        return err->class;
    return add_part(sheet, "[Content_Types].xml", strbuf_z(&types), err);
}

/* ---- Rows ---- */

static void put_heading(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->columns; i++) {
        if (sheet->format == SHEET_CSV)
            strbuf_addf(&sheet->row, "%s%s", i ? "," : "", sheet->headings[i]);
        else
            strbuf_addf(&sheet->row, "<c s=\"1\" t=\"inlineStr\"><is><t>%s</t></is></c>",
                        sheet->headings[i]);
    }
    sheet->cell = sheet->columns;
}

static enum err_class end_part(struct sheet *sheet, struct err *err)
{
    return zip_add(sheet->zip, STR("</sheetData></worksheet>"), err);
}

/* The next sheet, with its heading. */
static enum err_class begin_part(struct sheet *sheet, struct err *err)
{
    static const char head[] = XML_HEAD
        "<worksheet xmlns=\"" MAIN "\"><sheetViews><sheetView workbookViewId=\"0\"><pane "
        "ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView>"
        "</sheetViews><sheetData>";

    if (sheet->sheets == SHEETS_MAX)
        return err_set(err, ERR_LIMIT,
                       "the export has more than %d sheets; ask for a shorter period, or for CSV",
                       SHEETS_MAX);

    char *name = sheet->names[sheet->sheets++];

    (void)snprintf(name, NAME_BYTES, "xl/worksheets/sheet%zu.xml", sheet->sheets);
    sheet->rows = 0;
    return add_part(sheet, name, head, err);
}

/* Hands the row's cells on. */
static enum err_class flush_row(struct sheet *sheet, struct err *err)
{
    assert(sheet->cell == sheet->columns);
    if (strbuf_check(&sheet->row, "a row of the export", err))
        return err->class;
    if (sheet->format == SHEET_CSV) {
        strbuf_add_str(sheet->out, strbuf_str(&sheet->row));
        strbuf_add_z(sheet->out, "\r\n");
        if (strbuf_check(sheet->out, "a part of the export", err))
            return err->class;
    } else if (zip_add(sheet->zip, STR("<row>"), err) ||
               zip_add(sheet->zip, strbuf_str(&sheet->row), err) ||
               zip_add(sheet->zip, STR("</row>"), err)) {
        return err->class;
    }
    strbuf_reset(&sheet->row);
    sheet->cell = 0;
    sheet->rows++;
    return ERR_OK;
}

static enum err_class begin_sheet(struct sheet *sheet, struct err *err)
{
    if (sheet->format == SHEET_XLSX && begin_part(sheet, err))
        return err->class;
    put_heading(sheet);
    return flush_row(sheet, err);
}

enum err_class sheet_new(enum sheet_format format, const char *const *headings, size_t columns,
                         size_t rows_max, struct strbuf *out, struct sheet **ret, struct err *err)
{
    AUTO(sheet_free_autop) struct sheet *sheet = calloc(1, sizeof(*sheet));

    if (!sheet)
        return err_memory(err);
    sheet->format = format;
    sheet->headings = headings;
    sheet->columns = columns;
    sheet->rows_max = rows_max ? rows_max : SHEET_ROWS_MAX;
    sheet->out = out;
    sheet->row = STRBUF_INIT(ROW_BYTES_MAX);
    if (format == SHEET_XLSX) {
        sheet->zip = zip_new(out);
        if (!sheet->zip)
            return err_memory(err);
    }
    if (begin_sheet(sheet, err))
        return err->class;
    *ret = TAKE(sheet);
    return ERR_OK;
}

/* The comma before every CSV cell but the first. */
static void next_cell(struct sheet *sheet)
{
    assert(sheet->cell < sheet->columns);
    if (sheet->format == SHEET_CSV && sheet->cell > 0)
        strbuf_add_char(&sheet->row, ',');
    sheet->cell++;
}

void sheet_text(struct sheet *sheet, struct str text)
{
    next_cell(sheet);
    if (sheet->format == SHEET_CSV) {
        csv_put_text(&sheet->row, text);
        return;
    }
    if (text.len == 0) {
        strbuf_add_z(&sheet->row, "<c/>");
        return;
    }
    strbuf_add_z(&sheet->row, "<c t=\"inlineStr\"><is><t xml:space=\"preserve\">");
    put_xml_text(&sheet->row, text);
    strbuf_add_z(&sheet->row, "</t></is></c>");
}

/* A number in the row; `style` 0 is the plain one. */
static void put_number(struct sheet *sheet, const char *number, int style)
{
    next_cell(sheet);
    if (sheet->format == SHEET_CSV)
        strbuf_add_z(&sheet->row, number);
    else if (style == 0)
        strbuf_addf(&sheet->row, "<c><v>%s</v></c>", number);
    else
        strbuf_addf(&sheet->row, "<c s=\"%d\"><v>%s</v></c>", style, number);
}

void sheet_number(struct sheet *sheet, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    put_number(sheet, text, 0);
}

void sheet_hours(struct sheet *sheet, int64_t seconds)
{
    char text[40];
    int64_t parts = (seconds % 3600 * 10000 + 1800) / 3600; /* of 10000; 1 s is 2.8 */
    int len = snprintf(text, sizeof(text), "%" PRId64 ".%04d", seconds / 3600 + parts / 10000,
                       (int)(parts % 10000));

    while (len > 0 && text[len - 1] == '0')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '.')
        text[--len] = '\0';
    put_number(sheet, text, 0);
}

void sheet_stamp(struct sheet *sheet, int64_t ms)
{
    char text[64];

    if (sheet->format == SHEET_CSV) {
        civil_format_stamp(ms, text);
        put_number(sheet, text, 0);
        return;
    }

    int32_t day = civil_day_of(ms);
    int64_t rest = ms - (int64_t)day * MS_PER_DAY;

    /* Excel has no days before 1900-03-01 that agree with the calendar: those stay texts. */
    if (day + EPOCH_SERIAL < 61) {
        civil_format_stamp(ms, text);
        sheet_text(sheet, str_from(text));
        return;
    }
    (void)snprintf(text, sizeof(text), "%d.%09" PRId64, day + EPOCH_SERIAL,
                   (rest * 1000000 + 43200) / 86400); /* of 86.4e6 ms, in parts of 1e9 */
    put_number(sheet, text, 2);
}

enum err_class sheet_row_end(struct sheet *sheet, struct err *err)
{
    bool full = sheet->format == SHEET_XLSX &&
                (sheet->rows >= sheet->rows_max || zip_entry_bytes(sheet->zip) >= SHEET_BYTES_MAX);

    if (full) {
        struct strbuf row = sheet->row; /* stands below the heading of the next sheet */
        enum err_class rc = ERR_OK;

        sheet->row = STRBUF_INIT(ROW_BYTES_MAX);
        rc = end_part(sheet, err);
        if (rc == ERR_OK)
            rc = begin_sheet(sheet, err);
        strbuf_done(&sheet->row);
        sheet->row = row;
        sheet->cell = sheet->columns;
        if (rc != ERR_OK)
            return rc;
    }
    return flush_row(sheet, err);
}

enum err_class sheet_end(struct sheet *sheet, struct err *err)
{
    if (sheet->format == SHEET_CSV)
        return ERR_OK;
    if (end_part(sheet, err) || add_lists(sheet, err))
        return err->class;
    return zip_end(sheet->zip, err);
}
