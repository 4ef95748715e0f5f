/* export.c: `tenon export`, `tenon import`: a tenant's configuration as JSON, and back. */
#include "apps/apps.h"
#include "cli/file.h"
#include "custody/transfer.h"
#include "daemon/people.h"

#define WAIT_MS 60000 /* for a synchronization that is at work */

/* ---- export ---- */

static enum err_class to_stdout(void *arg, struct str part, struct err *err)
{
    (void)arg;
    return cli_print(part, err);
}

static enum err_class export_to_file(struct cli *cli, struct tenant *tenant, const char *path,
                                     struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(2 * LIMIT_URL_BYTES);
    struct cli_file file;
    const struct rows_sink sink = {.write = cli_file_write, .arg = &file};
    int64_t rows = 0;
    enum err_class rc = cli_file_begin(cli, path, &file, err);

    if (rc != ERR_OK)
        return rc;
    rc = cli_file_end(&file, transfer_export(tenant, &sink, &rows, err), err);
    if (rc != ERR_OK)
        return rc;
    if (cli_flag(cli, "json"))
        strbuf_addf(&text, "{\"rows\":%lld}\n", (long long)rows);
    else
        strbuf_addf(&text, "Wrote the configuration of %s, %lld rows, to %s.\n", tenant->info.name,
                    (long long)rows, path);
    return cli_print_buf(&text, err);
}

static enum err_class run_export(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    const struct rows_sink sink = {.write = to_stdout};
    const char *path = cli_value(cli, "to");
    int64_t rows = 0;
    enum err_class rc = cli_open_tenant(cli, &data, &tenant, err);

    if (rc != ERR_OK)
        return rc;
    return path ? export_to_file(cli, tenant, path, err)
                : transfer_export(tenant, &sink, &rows, err);
}

const struct cli_verb verb_export = {
    .name = "export",
    .args = "TENANT",
    .summary = "Write a tenant's configuration as JSON",
    .about = "Settings, rights, special days, saved reports, tags: what people entered here. No\n"
             "worklogs, which are Jira's, and no token or password. The same configuration always\n"
             "gives the same bytes; docs/export.md has the form.\n\n"
             "  tenon export acme --to acme.json",
    .options = {{"to", "FILE", "where to (default: standard output); only you can read it"}},
    .args_min = 1,
    .args_max = 1,
    .run = run_export,
};

/* ---- import ---- */

struct from_file {
    const struct ctx *ctx;
    const char *path;
    struct disk_stream stream;
};

static enum err_class from_start(void *arg, struct err *err)
{
    struct from_file *file = arg;

    disk_discard(file->ctx, &file->stream);
    return disk_open(file->ctx, file->path, &file->stream, err);
}

static enum err_class from_part(void *arg, char *bytes, size_t len, size_t *ret_len,
                                struct err *err)
{
    struct from_file *file = arg;

    return disk_read_part(file->ctx, &file->stream, bytes, len, ret_len, err);
}

static enum err_class say_imported(struct cli *cli, const struct tenant *tenant,
                                   const struct transfer_imported *done, struct err *err)
{
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(2 * LIMIT_URL_BYTES);

    if (cli_flag(cli, "json"))
        strbuf_addf(&text, "{\"rows\":%lld,\"left_out\":%lld}\n", (long long)done->rows,
                    (long long)done->erased);
    else
        strbuf_addf(&text, "Imported %lld rows into %s.\n", (long long)done->rows,
                    tenant->info.name);
    if (!cli_flag(cli, "json") && done->erased > 0)
        strbuf_addf(&text, "%lld rows of persons who were erased here were left out.\n",
                    (long long)done->erased);
    return cli_print_buf(&text, err);
}

static enum err_class run_import(struct cli *cli, struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    const struct app_list list = {tenon_apps, tenon_app_count};
    const struct rows_hook hook = apps_hook(&list);
    const struct transfer_options options = {
        .wait_ms = WAIT_MS, .other_site = cli_flag(cli, "other-site"), .hook = &hook};
    struct from_file file = {.ctx = &cli->ctx, .path = cli->args[1], .stream = DISK_STREAM_INIT};
    const struct transfer_source source = {.rewind = from_start, .read = from_part, .arg = &file};
    struct transfer_imported done = {0};
    enum err_class rc = cli_open_tenant(cli, &data, &tenant, err);

    if (rc == ERR_OK)
        rc = transfer_import(tenant, &source, &options, &done, err);
    disk_discard(&cli->ctx, &file.stream);
    return rc == ERR_OK ? say_imported(cli, tenant, &done, err) : rc;
}

const struct cli_verb verb_import = {
    .name = "import",
    .args = "TENANT FILE",
    .summary = "Read a tenant's configuration from JSON",
    .about =
        "FILE is what `tenon export` wrote. Its rows take the place of those that the tenant has,\n"
        "record by record; what it does not name stays. All is checked first, then stored in\n"
        "one step.\n\n"
        "  tenon import acme acme.json",
    .options = {{"other-site", NULL, "take an export of another Jira site"}},
    .args_min = 2,
    .args_max = 2,
    .run = run_import,
};
