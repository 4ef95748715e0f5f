/* page_html.c: the data-storage page as HTML that stands alone: no script, nothing from elsewhere.
 */
#include "custody/page_internal.h"

#define STATEMENT_BYTES ((size_t)64 * 1024)

/* The one door for text into HTML, elements and quoted attributes alike. */
static void html_text(struct strbuf *buf, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            strbuf_add_z(buf, "&amp;");
            break;
        case '<':
            strbuf_add_z(buf, "&lt;");
            break;
        case '>':
            strbuf_add_z(buf, "&gt;");
            break;
        case '"':
            strbuf_add_z(buf, "&quot;");
            break;
        default:
            strbuf_add_char(buf, *text);
        }
    }
}

static void html_cell(struct strbuf *buf, const char *text)
{
    strbuf_add_z(buf, "<td>");
    html_text(buf, text);
    strbuf_add_z(buf, "</td>");
}

static void html_record(const struct record *record, struct strbuf *buf)
{
    struct strbuf kept = STRBUF_INIT(1024);

    record_retention_text(record, &kept);
    strbuf_addf(buf, "<section id=\"%s\"><h2>%s</h2><p>", record->name, record->name);
    html_text(buf, record->why);
    strbuf_add_z(buf, "</p><p>Kept ");
    html_text(buf, strbuf_z(&kept));
    strbuf_add_z(buf, ". Seen by ");
    html_text(buf, record->shown_to);
    strbuf_addf(buf, ". App: %s. Source of truth: %s.</p>", record->app,
                record_source_name(record->source));
    strbuf_add_z(buf, "<table><thead><tr><th scope=\"col\">Field</th><th scope=\"col\">What</th>"
                      "<th scope=\"col\">Class</th><th scope=\"col\">Protection</th></tr></thead>"
                      "<tbody>");
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];
        struct strbuf protection = STRBUF_INIT(4096);

        page_protection(record, field, &protection);
        strbuf_addf(buf, "<tr><th scope=\"row\"><code>%s</code></th>", field->name);
        html_cell(buf, field->what);
        html_cell(buf, class_policy(field->class)->name);
        html_cell(buf, strbuf_z(&protection));
        strbuf_add_z(buf, "</tr>");
        strbuf_done(&protection);
    }
    strbuf_add_z(buf, "</tbody></table></section>\n");
    strbuf_done(&kept);
}

static void html_statement(const struct page *page, const struct page_statement *statement,
                           struct strbuf *buf)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(STATEMENT_BYTES);

    statement->say(page, &text);
    strbuf_addf(buf, "<section id=\"%s\"><h2>%s</h2><p>", statement->id, statement->title);
    html_text(buf, strbuf_z(&text));
    strbuf_add_z(buf, "</p></section>\n");
}

void page_put_html(const struct page *page, struct strbuf *buf)
{
    const struct catalog *catalog = page->catalog;

    strbuf_add_z(buf, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                      "<meta name=\"viewport\" content=\"width=device-width\">"
                      "<title>What Tenon stores</title><style>"
                      ":root{color-scheme:light dark}"
                      "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;"
                      "padding:0 1rem}table{border-collapse:collapse;width:100%}"
                      "th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;"
                      "border-bottom:1px solid #8884}</style></head><body>\n");
    strbuf_addf(
        buf,
        "<h1>What Tenon stores</h1><p>Catalogue version %u of Tenon %s. The database is made "
        "from this list: what is not in it cannot be stored.</p>\n",
        catalog->version, TENON_VERSION);
    for (size_t i = 0; i < page_statement_count; i++)
        html_statement(page, &page_statements[i], buf);
    for (size_t i = 0; i < catalog->record_count; i++)
        if (page_shows(page, catalog->records[i]))
            html_record(catalog->records[i], buf);
    strbuf_add_z(buf, "</body></html>\n");
}
