/* policy.c: `tenon policy`: the data-storage page, in its forms, and what changed on it. */
#include "apps/apps.h"
#include "cli/cli.h"
#include "cli/settings.h"
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

static enum err_class run(struct cli *cli, struct err *err)
{
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
        "  tenon policy --html > data-storage.html\n"
        "  tenon policy --article-30",
    .options = {SETTING_OPTIONS,
                {"app", "NAME", "only what this app stores, and the platform under it"},
                {"html", NULL, "print HTML"},
                {"article-30", NULL, "print a draft of the record that GDPR Art. 30 asks for"},
                {"fides", NULL, "print the JSON that Fides reads"}},
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
