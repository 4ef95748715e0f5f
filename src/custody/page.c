/*
 * page.c: the data-storage page: what every form of it says, and the plain text.
 *
 * All forms walk the same catalogue and the same table of statements, so none can say more or less
 * than another, or than the schema, which is made from the same catalogue.
 */
#include "custody/page_internal.h"

#include "base/json.h"

bool page_shows(const struct page *page, const struct record *record)
{
    return !page->app || strcmp(record->app, page->app) == 0 || strcmp(record->app, "core") == 0;
}

void page_protection(const struct record *record, const struct field *field, struct strbuf *buf)
{
    const char *usual = class_policy(field->class)->protection;

    if (field->digest_of)
        strbuf_addf(buf, "keyed BLAKE2b digest of %s; ", field->digest_of);
    strbuf_add_z(buf, record->protection ? record->protection : usual);
}

/* ---- The statements ---- */

static void say_location(const struct page *page, struct strbuf *buf)
{
    const struct page_facts *facts = page->facts;

    if (facts->location[0])
        strbuf_addf(buf, "On one server and its disk: %s.", facts->location);
    else
        strbuf_add_z(buf, "On one server and its disk; its operator has not said where it stands "
                          "(setting page.location).");
    strbuf_add_z(buf, " Each Jira site has a database file, keys and backups of its own.");
}

static void say_processors(const struct page *page, struct strbuf *buf)
{
    const struct page_facts *facts = page->facts;

    strbuf_add_z(buf, "Jira, whose data it is");
    if (facts->remote_place[0])
        strbuf_addf(buf, "; copies of backups, encrypted before they leave, at %s",
                    facts->remote_place);
    if (facts->processors[0])
        strbuf_addf(buf, "; %s.", facts->processors);
    else
        strbuf_add_z(buf, ". The operator has not said who else handles the data (setting "
                          "page.processors). Tenon itself sends nothing to anybody else.");
}

static void say_not_stored(const struct page *page, struct strbuf *buf)
{
    (void)page;
    strbuf_add_z(buf, "Names and e-mail addresses of users, issue texts, keys, fields and "
                      "attachments. They pass through memory at most. What is not on this page "
                      "has no column to be stored in.");
}

static void say_keys(const struct page *page, struct strbuf *buf)
{
    strbuf_addf(buf,
                "Each Jira site has a random key of its own, from which its database, its sealed "
                "values and its backups are encrypted; it is kept wrapped by the key provider "
                "(%s). Without that provider's key nothing here can be read.",
                page->facts->key_provider[0] ? page->facts->key_provider : "file");
}

static void say_backups(const struct page *page, struct strbuf *buf)
{
    const struct page_facts *facts = page->facts;

    if (facts->backup_every_h > 0)
        strbuf_addf(buf,
                    "Every %lld hours, one file a Jira site, encrypted with that site's own key; "
                    "kept %lld days.",
                    (long long)facts->backup_every_h, (long long)facts->backup_keep_days);
    else
        strbuf_add_z(buf, "None by themselves; the operator makes them by command. One file a "
                          "Jira site, encrypted with that site's own key.");
    if (facts->remote_place[0])
        strbuf_addf(buf, " A copy goes to %s and is kept %lld days.", facts->remote_place,
                    (long long)facts->remote_keep_days);
    strbuf_add_z(buf, " One site can be restored without touching another.");
}

static void say_removal(const struct page *page, struct strbuf *buf)
{
    (void)page;
    strbuf_add_z(buf,
                 "When the app is uninstalled or the site is removed, its keys are destroyed "
                 "first, then its database, its backups here and elsewhere, and its jobs; a signed "
                 "receipt says so. A later restore does not bring it back. One person's data is "
                 "removed on request, or when Atlassian reports the account closed.");
}

static void say_export(const struct page *page, struct strbuf *buf)
{
    (void)page;
    strbuf_add_z(buf, "Administrators get a site's configuration as JSON, and all that is held on "
                      "one person; tokens and passwords are never in it.");
}

static void say_contact(const struct page *page, struct strbuf *buf)
{
    const struct page_facts *facts = page->facts;

    if (facts->operator_name[0])
        strbuf_addf(buf, "This server is run by %s. ", facts->operator_name);
    else
        strbuf_add_z(buf, "The operator's name has not been said (setting page.operator_name). ");
    if (facts->contact[0])
        strbuf_addf(buf, "Questions about data and security: %s.", facts->contact);
    else
        strbuf_add_z(buf, "Nor has an address for questions (setting page.contact).");
}

const struct page_statement page_statements[] = {
    {"not_stored", "Not stored", say_not_stored},
    {"location", "Where the data lies", say_location},
    {"processors", "Who else handles it", say_processors},
    {"keys", "Keys", say_keys},
    {"backups", "Backups", say_backups},
    {"removal", "Removal", say_removal},
    {"export", "Export", say_export},
    {"contact", "Contact", say_contact},
};
const size_t page_statement_count = ARRAY_LEN(page_statements);

/* ---- Text ---- */

static void text_record(const struct record *record, struct strbuf *buf)
{
    strbuf_addf(buf, "\n%s  (%s, %s)\n  Why:   %s\n  Kept:  ", record->name, record->app,
                record_place(record->scope), record->why);
    record_retention_text(record, buf);
    strbuf_addf(buf, "\n  Seen by: %s. Source of truth: %s.\n", record->shown_to,
                record_source_name(record->source));
    if (record->protection)
        strbuf_addf(buf, "  Protection: %s.\n", record->protection);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        strbuf_addf(buf, "    %-20s %-8s %s%s\n", field->name, class_policy(field->class)->name,
                    field->what,
                    class_policy(field->class)->sealed && !record->protection ? " [sealed]" : "");
    }
}

static void put_text(const struct page *page, struct strbuf *buf)
{
    const struct catalog *catalog = page->catalog;

    strbuf_addf(buf, "What Tenon stores (catalogue version %u). Nothing else can be stored.\n",
                catalog->version);
    for (size_t i = 0; i < catalog->record_count; i++)
        if (page_shows(page, catalog->records[i]))
            text_record(catalog->records[i], buf);
    strbuf_add_z(buf, "\nClasses\n");
    for (int class = 0; class < CLASS_COUNT; class ++) {
        const struct class_policy *policy = class_policy((enum field_class) class);

        strbuf_addf(buf, "  %-8s %s: %s.\n", policy->name, policy->meaning, policy->protection);
    }
    for (size_t i = 0; i < page_statement_count; i++) {
        strbuf_addf(buf, "\n%s\n  ", page_statements[i].title);
        page_statements[i].say(page, buf);
        strbuf_add_char(buf, '\n');
    }
}

/* ---- All ---- */

static enum err_class check_app(const struct page *page, struct err *err)
{
    struct strbuf names AUTO(strbuf_done) = STRBUF_INIT(4096);
    const char *last = "";

    if (!page->app)
        return ERR_OK;
    for (size_t i = 0; i < page->catalog->record_count; i++) {
        const char *app = page->catalog->records[i]->app;

        if (strcmp(app, page->app) == 0)
            return ERR_OK;
        if (strcmp(app, last) != 0)
            strbuf_addf(&names, "%s%s", names.len > 0 ? ", " : "", app);
        last = app;
    }
    return err_set(err, ERR_INPUT, "there is no app %.64s; there are: %s", page->app,
                   strbuf_z(&names));
}

enum err_class page_write(const struct page *page, enum page_form form, struct strbuf *ret,
                          struct err *err)
{
    static void (*const forms[])(const struct page *page, struct strbuf *buf) = {
        [PAGE_TEXT] = put_text,        [PAGE_JSON] = page_put_json,
        [PAGE_HTML] = page_put_html,   [PAGE_ARTICLE_30] = page_put_article_30,
        [PAGE_FIDES] = page_put_fides,
    };
    enum err_class rc = check_app(page, err);

    if (rc != ERR_OK)
        return rc;
    forms[form](page, ret);
    return strbuf_check(ret, "the data-storage page", err);
}
