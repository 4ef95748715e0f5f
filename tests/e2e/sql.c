/*
 * sql.c: `e2e_sql DATA control|TENANT-ID SQL`: a statement in a Tenon database, behind the
 * program's back.
 *
 * Why: the end-to-end tests must meet a mirror that drifted, and databases that another version
 * wrote; no command makes these. Opens keys and database by the library's own functions, without a
 * look at the schema. Prints the first column of the rows, one a line. Threads: none.
 */
#include <stdio.h>

#include "base/disk.h"
#include "base/limits.h"
#include "store/data.h"
#include "vault/provider.h"

static enum err_class run_statement(struct db *db, const char *sql, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(db, sql, &stmt, err);

    if (rc != ERR_OK)
        return rc;
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row)
        printf(STR_FMT "\n", STR_ARG(db_text(stmt, 0)));
    return rc;
}

static enum err_class run(const char *dir, const char *owner, const char *sql, struct err *err)
{
    const struct ctx ctx = ctx_real(NULL);
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    AUTO(vault_close_autop) struct vault *vault = NULL;
    AUTO(db_close_autop) struct db *db = NULL;
    bool control = strcmp(owner, "control") == 0;
    char key_path[4096], db_path[4096];

    (void)snprintf(key_path, sizeof(key_path), "%s/%s%s%s", dir, control ? "" : "tenants/",
                   control ? "" : owner, control ? "control.key" : "/tenant.key");
    (void)snprintf(db_path, sizeof(db_path), "%s/%s%s%s", dir, control ? "" : "tenants/",
                   control ? "" : owner, control ? "control.db" : "/tenant.db");

    enum err_class rc = vault_start(err);

    if (rc == ERR_OK)
        rc = vault_provider_open(&ctx, dir, false, &provider, err);
    if (rc == ERR_OK)
        rc = vault_open(&ctx, provider, owner, key_path, &vault, err);
    if (rc != ERR_OK)
        return rc;

    const struct db_options options = {.path = db_path, .key = vault_db_key(vault)};

    rc = db_open(&ctx, &options, &db, err);
    return rc == ERR_OK ? run_statement(db, sql, err) : rc;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    enum err_class rc = argc == 4
                            ? run(argv[1], argv[2], argv[3], &err)
                            : err_set(&err, ERR_USAGE, "usage: e2e_sql DATA control|TENANT-ID SQL");

    if (rc != ERR_OK)
        (void)fprintf(stderr, "e2e_sql: %s\n", err.msg);
    return err_exit_code(rc);
}
