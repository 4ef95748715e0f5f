/*
 * page.c: the data-storage page as text, JSON and HTML.
 *
 * All three walk the same catalogue, so none can say more or less than another, or than the schema,
 * which is made from the same tables. The HTML stands alone: no script, nothing from elsewhere.
 */
#include "custody/page.h"

#include "base/json.h"

static void put_protection(const struct field *field, struct strbuf *buf)
{
    if (field->digest_of)
        strbuf_addf(buf, "keyed BLAKE2b digest of %s; %s", field->digest_of,
                    class_policy(field->class)->protection);
    else
        strbuf_add_z(buf, class_policy(field->class)->protection);
}

/* ---- text ---- */

static void text_record(const struct record *record, struct strbuf *buf)
{
    strbuf_addf(buf, "\n%s  (%s, %s)\n  Why:   %s\n  Kept:  ", record->name, record->app,
                record_place(record->scope), record->why);
    record_retention_text(record, buf);
    strbuf_addf(buf, "\n  Seen by: %s. Source of truth: %s.\n", record->shown_to,
                record_source_name(record->source));
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        strbuf_addf(buf, "    %-20s %-8s %s%s\n", field->name, class_policy(field->class)->name,
                    field->what, class_policy(field->class)->sealed ? " [sealed]" : "");
    }
}

static void page_text(const struct catalog *catalog, struct strbuf *buf)
{
    strbuf_addf(buf, "What Tenon stores (catalogue version %u). Nothing else can be stored.\n",
                catalog->version);
    for (size_t i = 0; i < catalog->record_count; i++)
        text_record(catalog->records[i], buf);
    strbuf_add_z(buf, "\nClasses\n");
    for (int class = 0; class < CLASS_COUNT; class ++) {
        const struct class_policy *policy = class_policy((enum field_class) class);

        strbuf_addf(buf, "  %-8s %s: %s.\n", policy->name, policy->meaning, policy->protection);
    }
    strbuf_add_z(buf,
                 "\nNot stored: names, e-mail addresses of users, issue texts, keys, fields or "
                 "attachments. They pass through memory at most.\n");
}

/* ---- JSON ---- */

static void json_field(const struct field *field, struct json_out *out)
{
    const struct class_policy *policy = class_policy(field->class);
    struct strbuf protection = STRBUF_INIT(4096);

    put_protection(field, &protection);
    json_object(out);
    json_key(out, "name");
    json_put_z(out, field->name);
    json_key(out, "type");
    json_put_z(out, field_type_name(field->type));
    json_key(out, "class");
    json_put_z(out, policy->name);
    json_key(out, "category");
    json_put_z(out, policy->category);
    json_key(out, "what");
    json_put_z(out, field->what);
    json_key(out, "sealed");
    json_put_bool(out, policy->sealed);
    json_key(out, "protection");
    json_put_str(out, strbuf_str(&protection));
    json_key(out, "key");
    json_put_bool(out, (field->flags & FIELD_KEY) != 0);
    json_key(out, "searchable");
    json_put_z(out, field->digest_of ? "digest" : policy->sealed ? "no" : "yes");
    json_key(out, "refers_to");
    json_put_z(out, field->ref);
    json_key(out, "digest_of");
    json_put_z(out, field->digest_of);
    json_key(out, "exported");
    json_put_bool(out, policy->exported);
    json_key(out, "since");
    json_put_i64(out, field->since ? field->since : 1);
    json_object_end(out);
    strbuf_done(&protection);
}

static void json_record(const struct record *record, struct json_out *out)
{
    struct strbuf kept = STRBUF_INIT(1024);

    record_retention_text(record, &kept);
    json_object(out);
    json_key(out, "name");
    json_put_z(out, record->name);
    json_key(out, "app");
    json_put_z(out, record->app);
    json_key(out, "scope");
    json_put_z(out, record_scope_name(record->scope));
    json_key(out, "why");
    json_put_z(out, record->why);
    json_key(out, "legal_basis");
    json_put_z(out, legal_basis_name(record->basis));
    json_key(out, "source_of_truth");
    json_put_z(out, record_source_name(record->source));
    json_key(out, "retention");
    json_put_z(out, retention_name(record->retention));
    json_key(out, "retention_days");
    if (record->retention_days)
        json_put_i64(out, record->retention_days);
    else
        json_put_null(out);
    json_key(out, "kept");
    json_put_str(out, strbuf_str(&kept));
    json_key(out, "on_erasure");
    json_put_z(out, erase_action_name(record->erase));
    json_key(out, "shown_to");
    json_put_z(out, record->shown_to);
    json_key(out, "since");
    json_put_i64(out, record->since ? record->since : 1);
    json_key(out, "fields");
    json_array(out);
    for (size_t i = 0; i < record->field_count; i++)
        json_field(&record->fields[i], out);
    json_array_end(out);
    json_object_end(out);
    strbuf_done(&kept);
}

static void page_json(const struct catalog *catalog, struct strbuf *buf)
{
    struct json_out out = json_out(buf);

    json_object(&out);
    json_key(&out, "program");
    json_put_z(&out, "tenon " TENON_VERSION);
    json_key(&out, "catalogue");
    json_put_i64(&out, catalog->version);
    json_key(&out, "classes");
    json_array(&out);
    for (int class = 0; class < CLASS_COUNT; class ++) {
        const struct class_policy *policy = class_policy((enum field_class) class);

        json_object(&out);
        json_key(&out, "name");
        json_put_z(&out, policy->name);
        json_key(&out, "meaning");
        json_put_z(&out, policy->meaning);
        json_key(&out, "protection");
        json_put_z(&out, policy->protection);
        json_key(&out, "category");
        json_put_z(&out, policy->category);
        json_object_end(&out);
    }
    json_array_end(&out);
    json_key(&out, "records");
    json_array(&out);
    for (size_t i = 0; i < catalog->record_count; i++)
        json_record(catalog->records[i], &out);
    json_array_end(&out);
    json_object_end(&out);
    strbuf_add_char(buf, '\n');
}

/* ---- HTML ---- */

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

        put_protection(field, &protection);
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

static void page_html(const struct catalog *catalog, struct strbuf *buf)
{
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
    for (size_t i = 0; i < catalog->record_count; i++)
        html_record(catalog->records[i], buf);
    strbuf_add_z(buf, "<section><h2>Not stored</h2><p>Names and e-mail addresses of users, issue "
                      "texts, keys, fields and attachments. They pass through memory at most."
                      "</p></section></body></html>\n");
}

enum err_class page_write(const struct catalog *catalog, enum page_form form, struct strbuf *ret,
                          struct err *err)
{
    switch (form) {
    case PAGE_TEXT:
        page_text(catalog, ret);
        break;
    case PAGE_JSON:
        page_json(catalog, ret);
        break;
    case PAGE_HTML:
        page_html(catalog, ret);
        break;
    }
    return strbuf_check(ret, "the data-storage page", err);
}
