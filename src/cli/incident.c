/* incident.c: `tenon incident`: whom a leak touched, in what, and the notice to them. */
#include "base/json.h"
#include "cli/audit.h"
#include "cli/settings.h"
#include "custody/incident.h"

#define TEXT_BYTES ((size_t)64 * 1024 * 1024)
#define ARENA_BYTES ((size_t)1024 * 1024 * 1024)

static void put_text(struct json_out *out, const char *key, const char *value)
{
    json_key(out, key);
    json_put_z(out, value);
}

static void put_count(struct json_out *out, const char *key, int64_t value)
{
    json_key(out, key);
    json_put_i64(out, value);
}

static void put_classes(struct json_out *out, const struct incident_tenant *tenant)
{
    json_key(out, "classes");
    json_array(out);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        if (incident_has(tenant, (enum field_class)i))
            json_put_z(out, class_policy((enum field_class)i)->name);
    json_array_end(out);
}

static void put_json(struct json_out *out, const struct incident_tenant *tenant, const char *notice)
{
    json_object(out);
    json_key(out, "tenant");
    json_put_z(out, tenant->id[0] ? tenant->id : NULL);
    put_text(out, "name", tenant->info.name);
    put_text(out, "site", tenant->info.base_url);
    json_key(out, "gone");
    json_put_bool(out, tenant->gone);
    json_key(out, "database");
    json_put_bool(out, tenant->database);
    put_classes(out, tenant);
    json_key(out, "touched");
    json_array(out);
    for (size_t i = 0; i < tenant->count; i++) {
        const struct incident_line *line = &tenant->lines[i];

        json_object(out);
        put_text(out, "record", line->record->name);
        put_text(out, "field", line->field ? line->field->name : NULL);
        put_text(out, "class", line->field ? class_policy(line->field->class)->name : NULL);
        put_count(out, "openings", line->openings);
        put_count(out, "values", line->values);
        json_object_end(out);
    }
    json_array_end(out);
    json_key(out, "let_out");
    json_object(out);
    for (size_t i = 0; i < AUDIT_ACT_COUNT; i++)
        if (tenant->let_out[i])
            put_count(out, audit_act_name((enum audit_act)i), tenant->let_out[i]);
    json_object_end(out);
    put_text(out, "notice", notice);
    json_object_end(out);
}

static void put_list(struct strbuf *text, const struct incident_tenant *tenant)
{
    strbuf_addf(text, "%s %s%s\n", tenant->id[0] ? tenant->id : "(the server's own data)",
                tenant->info.name, tenant->gone ? "(erased since)" : "");
    if (tenant->database)
        strbuf_add_z(text, "  the database file is written with that key\n");
    for (size_t i = 0; i < tenant->count; i++) {
        const struct incident_line *line = &tenant->lines[i];

        if (line->field)
            strbuf_addf(text, "  %s.%s  %s", line->record->name, line->field->name,
                        class_policy(line->field->class)->name);
        else
            strbuf_addf(text, "  %s  plain fields", line->record->name);
        if (line->openings)
            strbuf_addf(text, ", openings: %lld", (long long)line->openings);
        if (line->values)
            strbuf_addf(text, ", %s: %lld", line->field ? "values" : "rows",
                        (long long)line->values);
        strbuf_add_char(text, '\n');
    }
    for (size_t i = 0; i < AUDIT_ACT_COUNT; i++)
        if (tenant->let_out[i])
            strbuf_addf(text, "  %s: %lld\n", audit_act_name((enum audit_act)i),
                        (long long)tenant->let_out[i]);
}

static enum err_class read_question(struct cli *cli, char tenant[TENANT_ID_BYTES + 1],
                                    struct incident_question *ret, struct err *err)
{
    const char *key = cli_value(cli, "key");
    enum err_class rc = cli_option_time(cli, "from", &ret->from_ms, err);

    if (rc == ERR_OK)
        rc = cli_option_time(cli, "to", &ret->to_ms, err);
    if (rc == ERR_OK && ret->to_ms && ret->from_ms >= ret->to_ms)
        rc = err_set(err, ERR_USAGE, "--from must be before --to");
    if (rc == ERR_OK && key && !parse_u32(str_from(key), 1, UINT32_MAX, &ret->version))
        rc =
            err_set(err, ERR_USAGE,
                    "--key %s is no version; `tenon keys status` shows them as whole numbers", key);
    if (rc == ERR_OK)
        rc = cli_option_tenant(cli, tenant, err);
    ret->tenant = tenant[0] ? tenant : NULL;
    return rc;
}

static enum err_class print_all(struct cli *cli, const struct incident_question *question,
                                struct incident_tenant *const *list, size_t count,
                                const char *contact, struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(TEXT_BYTES);
    struct json_out out = json_out(&text);
    bool json = cli_flag(cli, "json");

    if (json)
        json_array(&out);
    for (size_t i = 0; i < count; i++) {
        struct strbuf notice AUTO(strbuf_done) = STRBUF_INIT(TEXT_BYTES);

        incident_notice(list[i], question, contact, &notice);
        if (json) {
            put_json(&out, list[i], strbuf_z(&notice));
            continue;
        }
        put_list(&text, list[i]);
        strbuf_add_z(&text, "\n--- draft of the notice ---\n");
        strbuf_add_str(&text, strbuf_str(&notice));
        strbuf_add_z(&text, "--- end of the draft ---\n\n");
    }
    if (json) {
        json_array_end(&out);
        strbuf_add_char(&text, '\n');
    } else if (count == 0) {
        strbuf_add_z(&text, "Nothing was touched.\n");
    }
    return cli_print_buf(&text, err);
}

static enum err_class run(struct cli *cli, struct err *err)
{
    AUTO(arena_free_autop) struct arena *settings = arena_new(CLI_SETTINGS_BYTES);
    AUTO(arena_free_autop) struct arena *arena = arena_new(ARENA_BYTES);
    AUTO(data_close_autop) struct data *data = NULL;
    struct incident_question question = {.from_ms = 0};
    char tenant[TENANT_ID_BYTES + 1] = "";
    struct incident_tenant **list = NULL;
    struct config config;
    size_t count = 0;
    enum err_class rc =
        arena && settings ? read_question(cli, tenant, &question, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = cli_settings(cli, settings, &config, err);
    if (rc == ERR_OK)
        rc = cli_open_data(cli, false, &data, err);
    if (rc == ERR_OK)
        rc = incident_look(data, &question, arena, &list, &count, err);
    return rc == ERR_OK ? print_all(cli, &question, list, count, config.page.contact, err) : rc;
}

const struct cli_verb verb_incident = {
    .name = "incident",
    .args = "",
    .summary = "Which tenants and data a leak would touch, and a draft of the notice to them",
    .about =
        "With a window of time: the secrets that were opened in it, and what left the server\n"
        "(exports, backups), by the audit trail. With --key: what is sealed or written with that\n"
        "version of the key, by the data itself, and the openings of it in the window. Each\n"
        "tenant that is touched is listed with records, classes and numbers, and gets a draft of\n"
        "the notice, for you to complete and send.\n\n"
        "  tenon incident --from 2026-01-10 --to 2026-01-12\n"
        "  tenon incident --key 1 --tenant acme",
    .options = {{"from", "TIME", "not before: 2026-01-31, or 2026-01-31T09:00:00Z"},
                {"to", "TIME", "before: likewise"},
                {"key", "VERSION", "the version of the key that leaked, of `tenon keys status`"},
                {"tenant", "TENANT", "only that tenant"},
                {"config", "FILE", "settings to read instead of tenon.conf in the data folder"},
                {"json", NULL, "print JSON"}},
    .run = run,
};
