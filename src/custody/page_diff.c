/*
 * page_diff.c: what changed on the data-storage page between two versions of the catalogue.
 *
 * The catalogue carries its own past: when a record or field came, and what class a field had
 * before. A change of class is told with what follows from it: a field that is sealed from now on
 * is sealed for the rows that exist too.
 */
#include "custody/page.h"

#include "base/json.h"

enum change { CAME_RECORD, CAME_FIELD, CLASS_CHANGED };

struct diff {
    const struct catalog *catalog;
    unsigned from, to;
    struct strbuf *buf;
    struct json_out *json; /* NULL: text */
    bool any;
};

static unsigned since(unsigned version)
{
    return version ? version : 1;
}

static void tell_json(struct diff *diff, enum change change, const struct record *record,
                      const struct field *field)
{
    static const char *const names[] = {
        [CAME_RECORD] = "record", [CAME_FIELD] = "field", [CLASS_CHANGED] = "class"};

    json_object(diff->json);
    json_key(diff->json, "change");
    json_put_z(diff->json, names[change]);
    json_key(diff->json, "record");
    json_put_z(diff->json, record->name);
    if (field) {
        json_key(diff->json, "field");
        json_put_z(diff->json, field->name);
        json_key(diff->json, "class");
        json_put_z(diff->json, class_policy(field_class_at(field, diff->to))->name);
    }
    if (change == CLASS_CHANGED) {
        json_key(diff->json, "class_before");
        json_put_z(diff->json, class_policy(field_class_at(field, diff->from))->name);
    }
    json_key(diff->json, "what");
    json_put_z(diff->json, field ? field->what : record->why);
    json_object_end(diff->json);
}

static void tell(struct diff *diff, enum change change, const struct record *record,
                 const struct field *field)
{
    diff->any = true;
    if (diff->json) {
        tell_json(diff, change, record, field);
        return;
    }
    switch (change) {
    case CAME_RECORD:
        strbuf_addf(diff->buf, "+ %s (%s): %s\n", record->name, record->app, record->why);
        return;
    case CAME_FIELD:
        strbuf_addf(diff->buf, "+ %s.%s %s: %s\n", record->name, field->name,
                    class_policy(field_class_at(field, diff->to))->name, field->what);
        return;
    case CLASS_CHANGED:
        strbuf_addf(diff->buf, "~ %s.%s was %s and is %s: %s\n", record->name, field->name,
                    class_policy(field_class_at(field, diff->from))->name,
                    class_policy(field_class_at(field, diff->to))->name,
                    class_policy(field_class_at(field, diff->to))->protection);
        return;
    }
}

static void diff_record(struct diff *diff, const struct record *record)
{
    bool came = since(record->since) > diff->from;

    if (since(record->since) > diff->to)
        return;
    if (came)
        tell(diff, CAME_RECORD, record, NULL);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        if (since(field->since) > diff->to)
            continue;
        if (came || since(field->since) > diff->from)
            tell(diff, CAME_FIELD, record, field);
        else if (field_class_at(field, diff->from) != field_class_at(field, diff->to))
            tell(diff, CLASS_CHANGED, record, field);
    }
}

enum err_class page_diff(const struct catalog *catalog, unsigned from, unsigned to, bool json,
                         struct strbuf *ret, struct err *err)
{
    struct json_out out = json_out(ret);
    struct diff diff = {catalog, from, to, ret, json ? &out : NULL, false};

    if (from < 1 || to > catalog->version || from >= to)
        return err_set(err, ERR_INPUT,
                       "there is no change from catalogue version %u to %u; the versions are 1 to "
                       "%u, the older one first",
                       from, to, catalog->version);
    if (json) {
        json_object(&out);
        json_key(&out, "from");
        json_put_i64(&out, from);
        json_key(&out, "to");
        json_put_i64(&out, to);
        json_key(&out, "changes");
        json_array(&out);
    } else {
        strbuf_addf(ret, "What changed from catalogue version %u to %u\n", from, to);
    }
    for (size_t i = 0; i < catalog->record_count; i++)
        diff_record(&diff, catalog->records[i]);
    if (json) {
        json_array_end(&out);
        json_object_end(&out);
        strbuf_add_char(ret, '\n');
    } else if (!diff.any) {
        strbuf_add_z(ret, "Nothing that is stored.\n");
    }
    return strbuf_check(ret, "the change of the page", err);
}
