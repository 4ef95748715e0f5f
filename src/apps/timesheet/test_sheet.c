/* Tests of sheet.c, zip.c and csv.c: what a spreadsheet reads is what was written, and runs
 * nothing. */
#include "apps/timesheet/sheet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

#include "apps/timesheet/zip.h"

#define HEADINGS 3
static const char *const headings[HEADINGS] = {"who", "what", "when"};

struct fixture {
    struct strbuf out;
    struct sheet *sheet;
    struct err err;
};

#define OK(fixture, call)                                                                          \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: %s", #call, (fixture)->err.msg);                                         \
    } while (0)

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->out = STRBUF_INIT(64 * 1024 * 1024);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    sheet_free(fixture->sheet);
    strbuf_done(&fixture->out);
    free(fixture);
    return 0;
}

static void open_sheet(struct fixture *fixture, enum sheet_format format, size_t rows_max)
{
    OK(fixture, sheet_new(format, headings, HEADINGS, rows_max, &fixture->out, &fixture->sheet,
                          &fixture->err));
}

/* ---- An archive, read back ---- */

static uint32_t number_at(struct str bytes, size_t at, size_t len)
{
    uint32_t value = 0;

    assert_true(at + len <= bytes.len);
    for (size_t i = len; i > 0; i--)
        value = value << 8 | (unsigned char)bytes.ptr[at + i - 1];
    return value;
}

/* The entry's plain bytes, by the directory at the end; false: there is none of that name. */
static bool unzip(struct str zip, const char *name, struct strbuf *ret)
{
    size_t end = zip.len - 22;
    uint32_t count = number_at(zip, end + 10, 2);
    size_t at = number_at(zip, end + 16, 4);

    assert_int_equal(number_at(zip, end, 4), 0x06054b50);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t packed = number_at(zip, at + 20, 4), plain = number_at(zip, at + 24, 4);
        uint32_t len = number_at(zip, at + 28, 2), local = number_at(zip, at + 42, 4);
        z_stream stream = {0};

        assert_int_equal(number_at(zip, at, 4), 0x02014b50);
        if (!str_eq_z(str_sub(zip, at + 46, len), name)) {
            at += 46 + len;
            continue;
        }
        assert_int_equal(number_at(zip, local, 4), 0x04034b50);
        assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
        stream.next_in = (z_const Bytef *)(uintptr_t)(zip.ptr + local + 30 + len);
        stream.avail_in = packed;
        ret->max = (size_t)plain + 1;
        stream.next_out = (Bytef *)strbuf_grow(ret, plain);
        stream.avail_out = plain;
        assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(stream.total_out, plain);
        assert_int_equal(crc32(crc32(0, NULL, 0), (const Bytef *)ret->ptr, plain),
                         number_at(zip, at + 16, 4));
        /* The same behind the data, for who reads from front to back. */
        assert_int_equal(number_at(zip, local + 30 + len + packed, 4), 0x08074b50);
        assert_int_equal(number_at(zip, local + 30 + len + packed + 12, 4), plain);
        inflateEnd(&stream);
        return true;
    }
    return false;
}

static void close_sheet(struct fixture *fixture)
{
    OK(fixture, sheet_end(fixture->sheet, &fixture->err));
}

static void part(struct fixture *fixture, const char *name, struct strbuf *ret)
{
    strbuf_done(ret);
    *ret = STRBUF_INIT(0);
    if (!unzip(strbuf_str(&fixture->out), name, ret))
        fail_msg("%s is missing", name);
}

static void put_row(struct fixture *fixture, struct str who, int64_t what, struct str when)
{
    sheet_text(fixture->sheet, who);
    sheet_number(fixture->sheet, what);
    sheet_text(fixture->sheet, when);
    OK(fixture, sheet_row_end(fixture->sheet, &fixture->err));
}

/* ---- Tests ---- */

static void csv_keeps_to_rfc_4180(void **state)
{
    struct fixture *fixture = *state;

    open_sheet(fixture, SHEET_CSV, 0);
    put_row(fixture, STR("a,b"), -5, STR("say \"no\"\nor yes"));
    put_row(fixture, STR(""), 0, (struct str){NULL, 0});
    close_sheet(fixture);
    assert_string_equal(strbuf_z(&fixture->out), "who,what,when\r\n"
                                                 "\"a,b\",-5,\"say \"\"no\"\"\nor yes\"\r\n"
                                                 ",0,\r\n");
}

static void no_text_of_csv_is_a_formula(void **state)
{
    static const char *const bad[] = {"=1+1",
                                      "+1",
                                      "-1",
                                      "@SUM(A1)",
                                      "\tx",
                                      "\rx",
                                      "\n=x",
                                      "=cmd|' /C'!A",
                                      "\xef\xbc\x9d"
                                      "1",
                                      "\xef\xbc\x8b"
                                      "1",
                                      "\xef\xbc\x8d"
                                      "1",
                                      "\xef\xbc\xa0"
                                      "x"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        size_t cell = 0;

        strbuf_reset(&fixture->out);
        open_sheet(fixture, SHEET_CSV, 0);
        strbuf_reset(&fixture->out);
        put_row(fixture, str_from(bad[i]), 1, STR("x"));
        cell = fixture->out.ptr[0] == '"';
        assert_int_equal(fixture->out.ptr[cell], '\'');
        sheet_free(TAKE(fixture->sheet));
    }
}

static void times_are_seconds_or_decimal_hours(void **state)
{
    struct fixture *fixture = *state;

    open_sheet(fixture, SHEET_CSV, 0);
    strbuf_reset(&fixture->out);
    sheet_hours(fixture->sheet, 5400);
    sheet_hours(fixture->sheet, 0);
    sheet_hours(fixture->sheet, 36000);
    OK(fixture, sheet_row_end(fixture->sheet, &fixture->err));
    sheet_hours(fixture->sheet, 60);
    sheet_hours(fixture->sheet, 3599);
    sheet_stamp(fixture->sheet, INT64_C(1768471200000));
    OK(fixture, sheet_row_end(fixture->sheet, &fixture->err));
    assert_string_equal(strbuf_z(&fixture->out),
                        "1.5,0,10\r\n0.0167,0.9997,2026-01-15T10:00:00.000Z\r\n");
}

static void a_workbook_holds_every_text_as_a_text(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf xml = STRBUF_INIT(0);

    open_sheet(fixture, SHEET_XLSX, 0);
    put_row(fixture, STR("=HYPERLINK(\"x\") & <b>"), 7, STR("line\nnext\r \x01 _x0041_ _y"));
    sheet_text(fixture->sheet, (struct str){"bad \xff utf", 9});
    sheet_hours(fixture->sheet, 5400);
    sheet_stamp(fixture->sheet, INT64_C(1768471200000) + 43200000);
    OK(fixture, sheet_row_end(fixture->sheet, &fixture->err));
    close_sheet(fixture);
    part(fixture, "xl/worksheets/sheet1.xml", &xml);
    assert_null(strstr(strbuf_z(&xml), "<f>"));
    assert_non_null(strstr(strbuf_z(&xml), ">=HYPERLINK(\"x\") &amp; &lt;b&gt;</t></is></c>"));
    assert_non_null(strstr(strbuf_z(&xml), "<c><v>7</v></c>"));
    assert_non_null(strstr(strbuf_z(&xml), ">line\nnext_x000D_ \xef\xbf\xbd _x005F_x0041_ _y</t>"));
    assert_non_null(strstr(strbuf_z(&xml), ">bad \xef\xbf\xbd utf</t>"));
    assert_non_null(strstr(strbuf_z(&xml), "<c><v>1.5</v></c><c s=\"2\"><v>46037.916666667</v>"));
    part(fixture, "[Content_Types].xml", &xml);
    assert_non_null(strstr(strbuf_z(&xml), "/xl/worksheets/sheet1.xml"));
    part(fixture, "xl/_rels/workbook.xml.rels", &xml);
    part(fixture, "xl/workbook.xml", &xml);
    part(fixture, "xl/styles.xml", &xml);
    part(fixture, "_rels/.rels", &xml);
    strbuf_done(&xml);
}

static void a_full_sheet_goes_on_in_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf xml = STRBUF_INIT(0);

    open_sheet(fixture, SHEET_XLSX, 4); /* the heading and three rows */
    for (int i = 0; i < 7; i++)
        put_row(fixture, STR("row"), 100 + i, STR("x"));
    close_sheet(fixture);
    part(fixture, "xl/worksheets/sheet1.xml", &xml);
    assert_non_null(strstr(strbuf_z(&xml), "<v>102</v>"));
    assert_null(strstr(strbuf_z(&xml), "<v>103</v>"));
    part(fixture, "xl/worksheets/sheet3.xml", &xml);
    assert_non_null(strstr(strbuf_z(&xml), "<t>who</t>"));
    assert_non_null(strstr(strbuf_z(&xml), "<v>106</v>"));
    part(fixture, "xl/workbook.xml", &xml);
    assert_non_null(strstr(strbuf_z(&xml), "name=\"Sheet3\""));
    strbuf_done(&xml);
    xml = STRBUF_INIT(0);
    assert_false(unzip(strbuf_str(&fixture->out), "xl/worksheets/sheet4.xml", &xml));
    strbuf_done(&xml);
}

static void a_text_longer_than_a_cell_is_cut_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf xml = STRBUF_INIT(0), text = STRBUF_INIT(1 << 20);

    for (int i = 0; i < SHEET_TEXT_MAX; i++)
        strbuf_add_char(&text, 'a');
    open_sheet(fixture, SHEET_XLSX, 0);
    put_row(fixture, strbuf_str(&text), 1, STR("x")); /* just fits */
    strbuf_add_char(&text, 'b');
    put_row(fixture, strbuf_str(&text), 2, STR("x"));
    close_sheet(fixture);
    part(fixture, "xl/worksheets/sheet1.xml", &xml);
    assert_non_null(strstr(strbuf_z(&xml), "aa</t></is></c><c><v>1</v>"));
    assert_non_null(strstr(strbuf_z(&xml), "aa\xe2\x80\xa6</t></is></c><c><v>2</v>"));
    strbuf_done(&xml);
    strbuf_done(&text);
}

static void a_workbook_leaves_in_parts_as_it_is_made(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf whole = STRBUF_INIT(64 * 1024 * 1024), xml = STRBUF_INIT(0);
    size_t most = 0;

    open_sheet(fixture, SHEET_XLSX, 0);
    for (int i = 0; i < 50000; i++) {
        put_row(fixture, STR("somebody"), i * 7919 % 10007, STR("something"));
        most = fixture->out.len > most ? fixture->out.len : most;
        strbuf_add_str(&whole, strbuf_str(&fixture->out));
        strbuf_reset(&fixture->out);
    }
    close_sheet(fixture);
    strbuf_add_str(&whole, strbuf_str(&fixture->out));
    assert_true(most < 256 * 1024);
    assert_true(unzip(strbuf_str(&whole), "xl/worksheets/sheet1.xml", &xml));
    strbuf_done(&whole);
    strbuf_done(&xml);
}

static void an_archive_names_its_limit(void **state)
{
    struct fixture *fixture = *state;
    struct zip *zip = zip_new(&fixture->out);
    enum err_class rc = ERR_OK;

    assert_non_null(zip);
    for (int i = 0; i <= ZIP_ENTRIES_MAX && rc == ERR_OK; i++)
        rc = zip_begin(zip, "x", &fixture->err);
    assert_int_equal(rc, ERR_LIMIT);
    zip_free(zip);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(csv_keeps_to_rfc_4180),
        TEST(no_text_of_csv_is_a_formula),
        TEST(times_are_seconds_or_decimal_hours),
        TEST(a_workbook_holds_every_text_as_a_text),
        TEST(a_full_sheet_goes_on_in_the_next),
        TEST(a_text_longer_than_a_cell_is_cut_and_says_so),
        TEST(a_workbook_leaves_in_parts_as_it_is_made),
        TEST(an_archive_names_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
