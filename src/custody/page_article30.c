/*
 * page_article30.c: the record of processing activities (GDPR Art. 30), a draft for the controller.
 *
 * One activity an app: purposes, whose data, which categories, who receives it, until when, how it
 * is protected (Art. 30 (1) b to g). What only the controller knows stands as a question.
 */
#include "custody/page_internal.h"

/* Calls `say` with each text of the app's records once, in order. */
static void each_once(const struct page *page, const char *app,
                      const char *(*text_of)(const struct record *record), struct strbuf *buf)
{
    const struct catalog *catalog = page->catalog;

    for (size_t i = 0; i < catalog->record_count; i++) {
        const struct record *record = catalog->records[i];
        bool said = strcmp(record->app, app) != 0;

        for (size_t k = 0; k < i && !said; k++)
            said = strcmp(catalog->records[k]->app, app) == 0 &&
                   strcmp(text_of(catalog->records[k]), text_of(record)) == 0;
        if (!said)
            strbuf_addf(buf, "    - %s\n", text_of(record));
    }
}

static const char *why_of(const struct record *record)
{
    return record->why;
}

static const char *audience_of(const struct record *record)
{
    return record->shown_to;
}

static const char *basis_of(const struct record *record)
{
    return legal_basis_name(record->basis);
}

static void put_categories(const struct page *page, const char *app, struct strbuf *buf)
{
    for (int class = 0; class < CLASS_COUNT; class ++) {
        const struct class_policy *policy = class_policy((enum field_class) class);
        bool any = false;

        for (size_t i = 0; i < page->catalog->record_count && !any; i++) {
            const struct record *record = page->catalog->records[i];

            for (size_t f = 0; f < record->field_count && strcmp(record->app, app) == 0; f++)
                any = any || record->fields[f].class == (enum field_class) class;
        }
        if (any)
            strbuf_addf(buf, "    - %s: %s\n", policy->category, policy->meaning);
    }
}

static void put_limits(const struct page *page, const char *app, struct strbuf *buf)
{
    for (size_t i = 0; i < page->catalog->record_count; i++) {
        const struct record *record = page->catalog->records[i];

        if (strcmp(record->app, app) != 0)
            continue;
        strbuf_addf(buf, "    - %s: ", record->name);
        record_retention_text(record, buf);
        strbuf_add_char(buf, '\n');
    }
}

static void say(const struct page *page, const char *id, struct strbuf *buf)
{
    for (size_t i = 0; i < page_statement_count; i++)
        if (strcmp(page_statements[i].id, id) == 0) {
            strbuf_add_z(buf, "    - ");
            page_statements[i].say(page, buf);
            strbuf_add_char(buf, '\n');
        }
}

static void put_activity(const struct page *page, const char *app, struct strbuf *buf)
{
    strbuf_addf(buf, "\nActivity: %s\n  Purposes\n", app);
    each_once(page, app, why_of, buf);
    strbuf_add_z(buf, "  Legal bases, as the catalogue proposes them\n");
    each_once(page, app, basis_of, buf);
    strbuf_add_z(buf, "  Data subjects\n    - people who use the Jira site\n"
                      "  Categories of data\n");
    put_categories(page, app, buf);
    strbuf_add_z(buf, "  Recipients\n");
    each_once(page, app, audience_of, buf);
    say(page, "processors", buf);
    strbuf_add_z(buf, "  Time limits\n");
    put_limits(page, app, buf);
}

void page_put_article_30(const struct page *page, struct strbuf *buf)
{
    const struct catalog *catalog = page->catalog;

    strbuf_addf(buf,
                "Record of processing activities (GDPR Art. 30), drafted from catalogue version %u "
                "of Tenon %s.\nThe controller completes it: name and contact of the controller, "
                "of its representative and of its data protection officer.\n\nOperator and place\n",
                catalog->version, TENON_VERSION);
    say(page, "contact", buf);
    say(page, "location", buf);
    for (size_t i = 0; i < catalog->record_count; i++) {
        bool first = page_shows(page, catalog->records[i]);

        for (size_t k = 0; k < i && first; k++)
            first = strcmp(catalog->records[k]->app, catalog->records[i]->app) != 0;
        if (first)
            put_activity(page, catalog->records[i]->app, buf);
    }
    strbuf_add_z(buf, "\nTransfers to third countries\n    - none by Tenon itself; what "
                      "page.location and page.processors name is for the controller to judge\n"
                      "\nTechnical and organisational measures\n");
    say(page, "keys", buf);
    say(page, "backups", buf);
    say(page, "removal", buf);
    strbuf_add_z(buf, "    - Every opening of a token or password, and every administrator's act, "
                      "is recorded in a hash-chained audit trail.\n");
}
