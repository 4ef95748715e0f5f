/*
 * page_json.c: the data-storage page for programs: our own JSON, and the one that Fides reads.
 *
 * Fides (fideslang 3) knows datasets of collections of fields, each with data categories of its
 * taxonomy. A class has one category there; see struct class_policy.
 */
#include "custody/page_internal.h"

#include "base/json.h"

#define STATEMENT_BYTES ((size_t)64 * 1024)

/* ---- Our own ---- */

static void json_field(const struct record *record, const struct field *field, struct json_out *out)
{
    const struct class_policy *policy = class_policy(field->class);
    struct strbuf protection = STRBUF_INIT(4096);

    page_protection(record, field, &protection);
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
    json_put_bool(out, policy->sealed && !record->protection);
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
    json_key(out, "fides");
    json_put_z(out, policy->fides);
    json_key(out, "since");
    json_put_i64(out, field->since ? field->since : 1);
    if (field->class_since > 0) {
        json_key(out, "class_since");
        json_put_i64(out, field->class_since);
        json_key(out, "class_before");
        json_put_z(out, class_policy(field->class_before)->name);
    }
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
    json_key(out, "protection");
    json_put_z(out, record->protection);
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
        json_field(record, &record->fields[i], out);
    json_array_end(out);
    json_object_end(out);
    strbuf_done(&kept);
}

void page_put_json(const struct page *page, struct strbuf *buf)
{
    const struct catalog *catalog = page->catalog;
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
        if (page_shows(page, catalog->records[i]))
            json_record(catalog->records[i], &out);
    json_array_end(&out);
    json_key(&out, "statements");
    json_object(&out);
    for (size_t i = 0; i < page_statement_count; i++) {
        struct strbuf text = STRBUF_INIT(STATEMENT_BYTES);

        page_statements[i].say(page, &text);
        json_key(&out, page_statements[i].id);
        json_put_str(&out, strbuf_str(&text));
        strbuf_done(&text);
    }
    json_object_end(&out);
    json_object_end(&out);
    strbuf_add_char(buf, '\n');
}

/* ---- Fides ---- */

static void fides_field(const struct field *field, struct json_out *out)
{
    json_object(out);
    json_key(out, "name");
    json_put_z(out, field->name);
    json_key(out, "description");
    json_put_z(out, field->what);
    json_key(out, "data_categories");
    json_array(out);
    json_put_z(out, class_policy(field->class)->fides);
    json_array_end(out);
    json_key(out, "fides_meta");
    json_object(out);
    json_key(out, "primary_key");
    json_put_bool(out, (field->flags & FIELD_KEY) != 0);
    json_object_end(out);
    json_object_end(out);
}

static void fides_dataset(const struct page *page, const char *app, struct json_out *out)
{
    const struct catalog *catalog = page->catalog;
    struct strbuf key AUTO(strbuf_done) = STRBUF_INIT(256);

    strbuf_addf(&key, "tenon_%s", app);
    json_object(out);
    json_key(out, "fides_key");
    json_put_str(out, strbuf_str(&key));
    json_key(out, "name");
    json_put_str(out, strbuf_str(&key));
    json_key(out, "description");
    json_put_z(out, "Tenon's tables, generated from the catalogue that the schema is made from");
    json_key(out, "collections");
    json_array(out);
    for (size_t i = 0; i < catalog->record_count; i++) {
        const struct record *record = catalog->records[i];

        if (strcmp(record->app, app) != 0)
            continue;
        json_object(out);
        json_key(out, "name");
        json_put_z(out, record->name);
        json_key(out, "description");
        json_put_z(out, record->why);
        json_key(out, "fields");
        json_array(out);
        for (size_t f = 0; f < record->field_count; f++)
            fides_field(&record->fields[f], out);
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
    json_object_end(out);
}

/* Whether no record before this one belongs to its app: each app is told once. */
static bool is_first_of_app(const struct catalog *catalog, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(catalog->records[i]->app, catalog->records[at]->app) == 0)
            return false;
    return true;
}

void page_put_fides(const struct page *page, struct strbuf *buf)
{
    const struct catalog *catalog = page->catalog;
    struct json_out out = json_out(buf);

    json_object(&out);
    json_key(&out, "dataset");
    json_array(&out);
    for (size_t i = 0; i < catalog->record_count; i++)
        if (page_shows(page, catalog->records[i]) && is_first_of_app(catalog, i))
            fides_dataset(page, catalog->records[i]->app, &out);
    json_array_end(&out);
    json_object_end(&out);
    strbuf_add_char(buf, '\n');
}
