/*
 * csv.c: texts of other people as cells of CSV.
 *
 * A spreadsheet runs what begins with = + - @, also in their full-width forms, which some language
 * versions take for the same, and also behind a TAB, CR or LF. Threads: none.
 */
#include "apps/timesheet/csv.h"

static bool looks_like_formula(struct str text)
{
    static const struct str wide[] = {
        {"\xef\xbc\x9d", 3}, {"\xef\xbc\x8b", 3}, {"\xef\xbc\x8d", 3}, {"\xef\xbc\xa0", 3}};

    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (str_starts(text, wide[i]))
            return true;
    return text.len > 0 && text.ptr[0] != '\0' && strchr("=+-@\t\r\n", text.ptr[0]);
}

void csv_put_text(struct strbuf *buf, struct str text)
{
    bool quote = false;

    for (size_t i = 0; i < text.len && !quote; i++)
        quote =
            text.ptr[i] == ',' || text.ptr[i] == '"' || text.ptr[i] == '\r' || text.ptr[i] == '\n';
    if (quote)
        strbuf_add_char(buf, '"');
    if (looks_like_formula(text))
        strbuf_add_char(buf, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            strbuf_add_char(buf, '"');
        strbuf_add_char(buf, text.ptr[i]);
    }
    if (quote)
        strbuf_add_char(buf, '"');
}
