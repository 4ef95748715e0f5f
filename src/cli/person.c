/* person.c: `tenon person show|export|erase|readmit`: what is held on one account, and its end. */
#include "cli/cli.h"

#include "apps/apps.h"
#include "cli/file.h"
#include "custody/ledger.h"
#include "daemon/people.h"
#include "store/erased.h"

#define ROWS_SHOWN 20 /* of each record, for people */
#define WAIT_MS 60000 /* for a synchronization that is at work */
#define SHOWN_BYTES ((size_t)64 * 1024 * 1024)

/* ---- The tenants asked about ---- */

struct visit {
    struct cli *cli;
    struct data *data;
    struct str account;
    void *arg;
    enum err_class (*each)(struct visit *visit, struct tenant *tenant, struct err *err);
};

static enum err_class visit_one(void *arg, const struct tenant_info *info, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct visit *visit = arg;
    enum err_class rc = tenant_open(visit->data, info, &tenant, err);

    return rc == ERR_OK ? visit->each(visit, tenant, err) : rc;
}

/* The one of --tenant, or all. */
static enum err_class visit_tenants(struct visit *visit, struct err *err)
{
    const char *name = cli_value(visit->cli, "tenant");
    struct tenant_info info;
    enum err_class rc;

    if (!name)
        return tenant_each(visit->data, visit_one, visit, err);
    rc = tenant_find(visit->data, str_from(name), &info, err);
    return rc == ERR_OK ? visit_one(visit, &info, err) : rc;
}

static enum err_class begin(struct cli *cli, struct data **ret, struct visit *visit,
                            struct err *err)
{
    enum err_class rc;

    *visit = (struct visit){.cli = cli, .account = str_from(cli->args[0])};
    rc = person_check_account(visit->account, err);
    if (rc == ERR_OK)
        rc = cli_open_data(cli, false, ret, err);
    if (rc == ERR_OK)
        visit->data = *ret;
    return rc;
}

/* ---- show, export ---- */

struct told {
    struct person_document document;
    int64_t rows;
};

static enum err_class tell(struct visit *visit, struct tenant *tenant, struct err *err)
{
    struct told *told = visit->arg;
    int64_t rows = 0;
    enum err_class rc = person_write(&told->document, tenant, visit->account, &rows, err);

    told->rows += rows;
    return rc;
}

static enum err_class write_document(struct cli *cli, const struct rows_sink *sink,
                                     int64_t rows_max, enum audit_act act, int64_t *ret_rows,
                                     struct err *err)
{
    AUTO(data_close_autop) struct data *data = NULL;
    struct told told = {0};
    struct visit visit;
    enum err_class rc = begin(cli, &data, &visit, err);

    if (rc != ERR_OK)
        return rc;
    visit.arg = &told;
    visit.each = tell;
    person_begin(&told.document, sink, rows_max, act, visit.account);
    rc = visit_tenants(&visit, err);
    if (rc == ERR_OK)
        rc = person_end(&told.document, err);
    person_document_done(&told.document);
    if (rc == ERR_OK && ret_rows)
        *ret_rows = told.rows;
    return rc;
}

static enum err_class to_stdout(void *arg, struct str part, struct err *err)
{
    (void)arg;
    return cli_print(part, err);
}

static enum err_class to_buffer(void *arg, struct str part, struct err *err)
{
    strbuf_add_str(arg, part);
    return strbuf_check(arg, "what is held on the account", err);
}

/* "  client_worklog_id 10001, started 2026-…" */
static void put_row(struct strbuf *out, yyjson_val *row)
{
    yyjson_val *key, *value;
    yyjson_obj_iter at;
    bool first = true;

    yyjson_obj_iter_init(row, &at);
    strbuf_add_z(out, "    ");
    while ((key = yyjson_obj_iter_next(&at)) != NULL) {
        value = yyjson_obj_iter_get_val(key);
        if (yyjson_is_null(value))
            continue;
        strbuf_add_z(out, first ? "" : ", ");
        strbuf_add(out, yyjson_get_str(key), yyjson_get_len(key));
        strbuf_add_char(out, ' ');
        if (yyjson_is_str(value))
            cli_put_plain(out, (struct str){yyjson_get_str(value), yyjson_get_len(value)});
        else
            strbuf_add_i64(out, yyjson_get_sint(value));
        first = false;
    }
    strbuf_add_char(out, '\n');
}

static void put_part(struct strbuf *out, yyjson_val *part)
{
    yyjson_val *rows = yyjson_obj_get(part, "rows"), *row;
    int64_t count = yyjson_get_sint(yyjson_obj_get(part, "count"));
    size_t at, max;

    strbuf_add_z(out, "  ");
    strbuf_add_str(out, json_str(part, "record"));
    strbuf_add_z(out, ": ");
    cli_put_count(out, count);
    strbuf_addf(out, " row%s; kept ", count == 1 ? "" : "s");
    strbuf_add_str(out, json_str(part, "why"));
    strbuf_add_char(out, '\n');
    yyjson_arr_foreach(rows, at, max, row) put_row(out, row);
    if (count > (int64_t)max) {
        strbuf_add_z(out, "    … and ");
        cli_put_count(out, count - (int64_t)max);
        strbuf_add_z(out, " more; --json shows all\n");
    }
}

static void put_tenant(struct strbuf *out, yyjson_val *tenant)
{
    yyjson_val *records = yyjson_obj_get(tenant, "records"), *part;
    bool held = yyjson_get_bool(yyjson_obj_get(tenant, "held"));
    bool erased = yyjson_get_bool(yyjson_obj_get(tenant, "erased"));
    size_t at, max;

    strbuf_add_str(out, json_str(tenant, "tenant"));
    strbuf_add_z(out, " (");
    strbuf_add_str(out, json_str(tenant, "site"));
    strbuf_addf(out, "): %s\n",
                held && erased ? "an erasure was cut short; run `tenon person erase` again"
                : held         ? "held are"
                : erased       ? "erased; nothing is held"
                               : "nothing is held");
    yyjson_arr_foreach(records, at, max, part) put_part(out, part);
}

static enum err_class show_text(struct cli *cli, struct err *err)
{
    struct strbuf text = STRBUF_INIT(SHOWN_BYTES), out = STRBUF_INIT(SHOWN_BYTES);
    const struct rows_sink sink = {.write = to_buffer, .arg = &text};
    yyjson_doc *doc = NULL;
    yyjson_val *tenant;
    size_t at, max;
    enum err_class rc = write_document(cli, &sink, ROWS_SHOWN, AUDIT_PERSON_SHOWN, NULL, err);

    if (rc == ERR_OK)
        rc = json_read(strbuf_str(&text), "what is held on the account", &doc, err);
    if (rc == ERR_OK) {
        yyjson_val *tenants = yyjson_obj_get(yyjson_doc_get_root(doc), "tenants");

        yyjson_arr_foreach(tenants, at, max, tenant) put_tenant(&out, tenant);
        rc = cli_print_buf(&out, err);
    }
    yyjson_doc_free(doc);
    vault_wipe(&text);
    vault_wipe(&out);
    return rc;
}

static enum err_class run_show(struct cli *cli, struct err *err)
{
    const struct rows_sink sink = {.write = to_stdout};

    return cli_flag(cli, "json")
               ? write_document(cli, &sink, INT64_MAX, AUDIT_PERSON_SHOWN, NULL, err)
               : show_text(cli, err);
}

const struct cli_verb verb_person_show = {
    .name = "person show",
    .args = "ACCOUNT",
    .summary = "Show what is held on a person",
    .about =
        "ACCOUNT is an account id of Jira (on Data Center the user key). Every record of every\n"
        "app that refers to it, with texts opened; of tokens and passwords only that they\n"
        "are there.\n\n"
        "  tenon person show 712020:5a4d0b5e-…\n"
        "  tenon person show 712020:5a4d0b5e-… --tenant acme --json",
    .options = {{"tenant", "TENANT", "in this tenant (default: in all)"}},
    .args_min = 1,
    .args_max = 1,
    .run = run_show,
};

static enum err_class run_export(struct cli *cli, struct err *err)
{
    const char *path = cli_value(cli, "to");
    const struct rows_sink to_out = {.write = to_stdout};

    if (!path)
        return write_document(cli, &to_out, INT64_MAX, AUDIT_PERSON_EXPORTED, NULL, err);

    struct cli_file file;
    int64_t rows = 0;
    enum err_class rc = cli_file_begin(cli, path, &file, err);
    const struct rows_sink to_file = {.write = cli_file_write, .arg = &file};

    if (rc != ERR_OK)
        return rc;
    rc = write_document(cli, &to_file, INT64_MAX, AUDIT_PERSON_EXPORTED, &rows, err);
    rc = cli_file_end(&file, rc, err);
    if (rc != ERR_OK)
        return rc;

    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(LIMIT_URL_BYTES);

    if (cli_flag(cli, "json"))
        strbuf_addf(&text, "{\"rows\":%lld}\n", (long long)rows);
    else
        strbuf_addf(&text, "Wrote %lld rows to %s.\n", (long long)rows, path);
    return cli_print_buf(&text, err);
}

const struct cli_verb verb_person_export = {
    .name = "person export",
    .args = "ACCOUNT",
    .summary = "Write what is held on a person as JSON",
    .about =
        "The same as `person show --json`, for handing it over (docs/people.md has the form).\n\n"
        "  tenon person export 712020:5a4d0b5e-… --to answer.json",
    .options =
        {
            {"tenant", "TENANT", "in this tenant (default: in all)"},
            {"to", "FILE", "where to (default: standard output); only you can read it"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run_export,
};

/* ---- erase ---- */

struct erasure {
    struct strbuf *out;
    bool json;
    int64_t tenants;
};

static enum err_class erase_one(struct visit *visit, struct tenant *tenant, struct err *err)
{
    const struct app_list list = {tenon_apps, tenon_app_count};
    const struct rows_hook hook = apps_hook(&list);
    struct erasure *erasure = visit->arg;
    struct person_erased done = {0};
    enum err_class rc = person_erase(tenant, visit->account, WAIT_MS, &hook, &done, err);

    if (rc == ERR_OK && done.held)
        rc = ledger_note_persons(visit->data, tenant, err);
    if (rc == ERR_OK && done.held)
        rc = person_overwrite(tenant, err);
    if (rc != ERR_OK)
        return err_wrap(err, "erasing from %s", tenant->info.name);
    if (!done.held)
        return ERR_OK;
    erasure->tenants++;
    if (erasure->json)
        strbuf_addf(erasure->out, "{\"tenant\":\"%s\",\"erased\":true,\"rows\":%lld}\n",
                    tenant->info.name, (long long)done.rows);
    else
        strbuf_addf(erasure->out, "Erased from %s: %lld row%s.\n", tenant->info.name,
                    (long long)done.rows, done.rows == 1 ? "" : "s");
    return ERR_OK;
}

static enum err_class run_erase(struct cli *cli, struct err *err)
{
    AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(SHOWN_BYTES);
    AUTO(data_close_autop) struct data *data = NULL;
    struct erasure erasure = {.out = &out, .json = cli_flag(cli, "json")};
    struct visit visit;

    if (!cli_flag(cli, "yes"))
        return err_set(err, ERR_USAGE,
                       "this removes every row held on the account%s%s for good; `tenon person "
                       "show` lists them. Nothing was done; add --yes to do it",
                       cli_value(cli, "tenant") ? " in " : " in all tenants",
                       cli_value(cli, "tenant") ? cli_value(cli, "tenant") : "");

    enum err_class rc = begin(cli, &data, &visit, err);

    visit.arg = &erasure;
    visit.each = erase_one;
    if (rc == ERR_OK)
        rc = visit_tenants(&visit, err);
    if (rc == ERR_OK && erasure.tenants == 0)
        rc = err_set(err, ERR_NOT_FOUND, "nothing is held on this account%s%s",
                     cli_value(cli, "tenant") ? " in " : "",
                     cli_value(cli, "tenant") ? cli_value(cli, "tenant") : "");
    if (rc == ERR_OK)
        rc = cli_print_buf(&out, err);
    return rc;
}

const struct cli_verb verb_person_erase = {
    .name = "person erase",
    .args = "ACCOUNT",
    .summary = "Erase everything held on a person",
    .about =
        "Worklogs, saved reports, rights, sessions, tokens: every row that refers to the account\n"
        "goes, and a later synchronization does not bring it back. Jira is not touched. An\n"
        "interrupted erasure is finished by the next one, or by the server.\n\n"
        "  tenon person erase 712020:5a4d0b5e-… --yes",
    .options =
        {
            {"tenant", "TENANT", "in this tenant (default: in all)"},
            {"yes", NULL, "do it"},
        },
    .args_min = 1,
    .args_max = 1,
    .run = run_erase,
};

/* ---- readmit ---- */

static enum err_class readmit_one(struct visit *visit, struct tenant *tenant, struct err *err)
{
    int64_t *tenants = visit->arg;
    bool was = false;
    enum err_class rc = ledger_readmit(visit->data, tenant, visit->account, &was, err);

    *tenants += was;
    return rc;
}

static enum err_class run_readmit(struct cli *cli, struct err *err)
{
    AUTO(strbuf_done) struct strbuf out = STRBUF_INIT(1024);
    AUTO(data_close_autop) struct data *data = NULL;
    int64_t tenants = 0;
    struct visit visit;
    enum err_class rc = begin(cli, &data, &visit, err);

    visit.arg = &tenants;
    visit.each = readmit_one;
    if (rc == ERR_OK)
        rc = visit_tenants(&visit, err);
    if (rc == ERR_OK && tenants == 0)
        rc = err_set(err, ERR_NOT_FOUND,
                     "this account was not erased here, or its erasure is not finished; `tenon "
                     "person show` tells");
    if (rc != ERR_OK)
        return rc;
    if (cli_flag(cli, "json"))
        strbuf_addf(&out, "{\"tenants\":%lld}\n", (long long)tenants);
    else
        strbuf_addf(&out,
                    "Readmitted in %lld tenant%s. The next `tenon sync --verify` brings the "
                    "worklogs back that Jira has.\n",
                    (long long)tenants, tenants == 1 ? "" : "s");
    return cli_print_buf(&out, err);
}

const struct cli_verb verb_person_readmit = {
    .name = "person readmit",
    .args = "ACCOUNT",
    .summary = "Let an erased person be stored again",
    .about =
        "After an erasure nothing of the account is stored, whatever Jira shows. This ends that:\n"
        "for a person who comes back, or an erasure that was a mistake.\n\n"
        "  tenon person readmit 712020:5a4d0b5e-… --tenant acme",
    .options = {{"tenant", "TENANT", "in this tenant (default: in all)"}},
    .args_min = 1,
    .args_max = 1,
    .run = run_readmit,
};
