/* policy.c: `tenon policy`: the data-storage page. */
#include "apps/apps.h"
#include "cli/cli.h"
#include "custody/page.h"

#define PAGE_BYTES (4 * 1024 * 1024)

static enum err_class run(struct cli *cli, struct err *err)
{
    enum page_form form = cli_flag(cli, "json")   ? PAGE_JSON
                          : cli_flag(cli, "html") ? PAGE_HTML
                                                  : PAGE_TEXT;
    struct strbuf page = STRBUF_INIT(PAGE_BYTES);
    enum err_class rc = catalog_check(&tenon_catalog, err);

    if (rc == ERR_OK)
        rc = page_write(&tenon_catalog, form, &page, err);
    if (rc == ERR_OK)
        rc = cli_print_buf(&page, err);
    strbuf_done(&page);
    return rc;
}

const struct cli_verb verb_policy = {
    .name = "policy",
    .args = "",
    .summary = "Print what is stored, in which class, for how long",
    .about = "Comes from the catalogue that the database schema is made from. Needs no data.\n\n"
             "  tenon policy --html > data-storage.html",
    .options = {{"html", NULL, "print HTML"}},
    .run = run,
};
