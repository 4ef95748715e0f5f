/* policy.c: `tenon policy`: the data-storage page, in its forms, and what changed on it. */
#include "apps/apps.h"
#include "base/civil.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "custody/measure.h"
#include "custody/page.h"

#define PAGE_BYTES (4 * 1024 * 1024)
#define SETTING_OPTIONS                                                                            \
    {                                                                                              \
        "config", "FILE", "settings to read instead of tenon.conf in the data folder"              \
    }

static enum page_form wanted_form(const struct cli *cli)
{
    static const struct {
        const char *option;
        enum page_form form;
    } forms[] = {{"json", PAGE_JSON},
                 {"html", PAGE_HTML},
                 {"article-30", PAGE_ARTICLE_30},
                 {"fides", PAGE_FIDES}};

    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (cli_flag(cli, forms[i].option))
            return forms[i].form;
    return PAGE_TEXT;
}

/* ---- What there is now ---- */

static void put_row_text(const struct record *record, const struct measured *it,
                         struct strbuf *text)
{
    char stamp[CIVIL_STAMP_BYTES + 1] = "";

    if (it->oldest_ms > 0)
        civil_format_stamp(it->oldest_ms, stamp);
    strbuf_addf(text, "%-24s ", record->name);
    if (it->counted)
        strbuf_addf(text, "%12lld ", (long long)it->rows);
    else
        strbuf_addf(text, "%12s ", "-");
    strbuf_addf(text, "%s%14lld  %s\n", it->counted ? "~" : " ", (long long)it->bytes, stamp);
}

static void put_row_json(const struct record *record, const struct measured *it,
                         struct json_out *out)
{
    json_object(out);
    json_key(out, "name");
    json_put_z(out, record->name);
    json_key(out, "rows");
    if (it->counted)
        json_put_i64(out, it->rows);
    else
        json_put_null(out);
    json_key(out, "bytes");
    json_put_i64(out, it->bytes);
    json_key(out, "estimated");
    json_put_bool(out, it->counted);
    json_key(out, "oldest");
    if (it->oldest_ms > 0)
        json_put_stamp(out, it->oldest_ms);
    else
        json_put_null(out);
    json_object_end(out);
}

/* What is not sized is not of what was asked for. */
static bool is_live(const struct cli *cli, size_t at, const struct measured *all)
{
    const struct record *record = tenon_catalog.records[at];
    const char *app = cli_value(cli, "app");

    return all[at].sized &&
           (!app || strcmp(record->app, app) == 0 || strcmp(record->app, "core") == 0);
}

struct folder {
    const char *name, *says;
    int64_t bytes; /* -1: not asked for */
};
#define FOLDERS 4

static void put_live_text(const struct cli *cli, const struct measured *all,
                          const struct folder *folders, struct strbuf *text)
{
    strbuf_addf(text, "%-24s %12s %15s  %s\n", "record", "rows", "bytes (~ about)", "oldest");
    for (size_t i = 0; i < tenon_catalog.record_count; i++)
        if (is_live(cli, i, all))
            put_row_text(tenon_catalog.records[i], &all[i], text);
    for (size_t i = 0; i < FOLDERS; i++)
        if (folders[i].bytes >= 0)
            strbuf_addf(text, "%-37s %15lld\n", folders[i].says, (long long)folders[i].bytes);
}

static void put_live_json(const struct cli *cli, const struct measured *all,
                          const struct folder *folders, struct strbuf *text)
{
    struct json_out out = json_out(text);

    json_object(&out);
    json_key(&out, "records");
    json_array(&out);
    for (size_t i = 0; i < tenon_catalog.record_count; i++)
        if (is_live(cli, i, all))
            put_row_json(tenon_catalog.records[i], &all[i], &out);
    json_array_end(&out);
    json_key(&out, "bytes");
    json_object(&out);
    for (size_t i = 0; i < FOLDERS; i++) {
        if (folders[i].bytes < 0)
            continue;
        json_key(&out, folders[i].name);
        json_put_i64(&out, folders[i].bytes);
    }
    json_object_end(&out);
    json_object_end(&out);
    strbuf_add_char(text, '\n');
}

static enum err_class run_live(struct cli *cli, struct err *err)
{
    AUTO(free_autop)
    struct measured *all = calloc(tenon_catalog.record_count, sizeof(*all));
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(PAGE_BYTES);
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    const char *name = cli_value(cli, "tenant");
    struct measure_totals totals;
    struct tenant_info info;
    enum err_class rc = all ? cli_open_data(cli, false, &data, err) : err_memory(err);

    if (rc == ERR_OK && name)
        rc = tenant_find(data, str_from(name), &info, err);
    if (rc == ERR_OK && name)
        rc = tenant_open(data, &info, &tenant, err);
    if (rc == ERR_OK)
        rc = measure_all(&(struct measure_question){.data = data, .tenant = tenant, .server = true},
                         all, &totals, err);
    if (rc != ERR_OK)
        return rc;

    const struct folder folders[FOLDERS] = {
        {"tenant", "the tenant's folder", totals.tenant},
        {"backups", "its backups", totals.tenant_backups},
        {"server", "the control data", totals.server},
        {"server_backups", "backups of that", totals.server_backups}};

    (cli_flag(cli, "json") ? put_live_json : put_live_text)(cli, all, folders, &text);
    return cli_print_buf(&text, err);
}

static enum err_class run(struct cli *cli, struct err *err)
{
    if (cli_flag(cli, "live"))
        return run_live(cli, err);
    if (cli_value(cli, "tenant"))
        return err_set(err, ERR_USAGE, "--tenant goes with --live: the page is of no one tenant");

    AUTO(arena_free_autop) struct arena *arena = arena_new(CLI_SETTINGS_BYTES);
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(PAGE_BYTES);
    struct config config;
    enum err_class rc = catalog_check(&tenon_catalog, err);

    if (rc == ERR_OK)
        rc = arena ? cli_settings(cli, arena, &config, err) : err_memory(err);
    if (rc != ERR_OK)
        return rc;

    struct page_facts facts = config_page_facts(&config);
    struct page page = {&tenon_catalog, &facts, cli_value(cli, "app")};

    rc = page_write(&page, wanted_form(cli), &text, err);
    return rc == ERR_OK ? cli_print_buf(&text, err) : rc;
}

const struct cli_verb verb_policy = {
    .name = "policy",
    .args = "",
    .summary = "Print what is stored, in which class, for how long",
    .about =
        "Comes from the catalogue that the database schema is made from, and from the settings\n"
        "([page] says who runs the server and where it stands). Needs no data.\n\n"
        "--live instead tells what there is of each record now: rows, the oldest, bytes. Those of\n"
        "tables are estimated by a sample of their rows, indexes included.\n\n"
        "  tenon policy --html > data-storage.html\n"
        "  tenon policy --article-30\n"
        "  tenon policy --live --tenant acme",
    .options = {SETTING_OPTIONS,
                {"app", "NAME", "only what this app stores, and the platform under it"},
                {"html", NULL, "print HTML"},
                {"article-30", NULL, "print a draft of the record that GDPR Art. 30 asks for"},
                {"fides", NULL, "print the JSON that Fides reads"},
                {"live", NULL,
                 "print rows, oldest and size of each record, of the server's own data"},
                {"tenant", "TENANT", "with --live: and of that tenant's"}},
    .run = run,
};

static enum err_class version_of(const struct cli *cli, size_t at, unsigned *ret, struct err *err)
{
    int64_t number = 0;

    if (!parse_i64(str_from(cli->args[at]), 1, tenon_catalog.version, &number))
        return err_set(err, ERR_INPUT, "'%.40s' is no version of the catalogue; they are 1 to %u",
                       cli->args[at], tenon_catalog.version);
    *ret = (unsigned)number;
    return ERR_OK;
}

static enum err_class run_diff(struct cli *cli, struct err *err)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(PAGE_BYTES);
    unsigned from = 0, to = tenon_catalog.version;
    enum err_class rc = version_of(cli, 0, &from, err);

    if (rc == ERR_OK && cli->arg_count > 1)
        rc = version_of(cli, 1, &to, err);
    if (rc == ERR_OK)
        rc = page_diff(&tenon_catalog, from, to, cli_flag(cli, "json"), &text, err);
    return rc == ERR_OK ? cli_print_buf(&text, err) : rc;
}

const struct cli_verb verb_policy_diff = {
    .name = "policy diff",
    .args = "FROM [TO]",
    .summary = "Print what changed on that page between two versions of the catalogue",
    .about = "The versions are numbers; TO is the present one when it is not given.\n\n"
             "  tenon policy diff 1",
    .args_min = 1,
    .args_max = 2,
    .run = run_diff,
};
