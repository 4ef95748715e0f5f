/*
 * plain.c: `bench-plain DATA TENANT-ID FILE`: a tenant's database as a plain SQLite file.
 *
 * Why: the tools that backups are measured against open plain databases only. Page size and tables
 * stay the same; sealed values stay sealed. Threads: none.
 */
#include <stdio.h>

#include "store/data.h"
#include "vault/provider.h"

static enum err_class run(const char *dir, const char *id, const char *to, struct err *err)
{
    const struct ctx ctx = ctx_real(NULL);
    AUTO(vault_provider_free_autop) struct vault_provider *provider = NULL;
    AUTO(vault_close_autop) struct vault *vault = NULL;
    AUTO(db_close_autop) struct db *db = NULL;
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(8192);
    char key_path[4096], db_path[4096];

    (void)snprintf(key_path, sizeof(key_path), "%s/tenants/%s/tenant.key", dir, id);
    (void)snprintf(db_path, sizeof(db_path), "%s/tenants/%s/tenant.db", dir, id);
    strbuf_addf(&sql, "ATTACH '%s' AS plain KEY ''; SELECT sqlcipher_export('plain');", to);

    enum err_class rc = vault_start(err);

    if (rc == ERR_OK)
        rc = vault_provider_open(&ctx, dir, false, &provider, err);
    if (rc == ERR_OK)
        rc = vault_open(&ctx, provider, id, key_path, &vault, err);
    if (rc == ERR_OK)
        rc = db_open(&ctx, &(struct db_options){.path = db_path, .key = vault_db_key(vault)}, &db,
                     err);
    return rc == ERR_OK ? db_exec(db, strbuf_z(&sql), err) : rc;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    FILE *made = argc == 4 ? fopen(argv[3], "we") : NULL; /* SQLite attaches what is there */
    enum err_class rc;

    if (!made || fclose(made) != 0) {
        (void)fprintf(stderr, "usage: bench-plain DATA TENANT-ID FILE\n");
        return 64;
    }
    rc = run(argv[1], argv[2], argv[3], &err);
    if (rc != ERR_OK)
        (void)fprintf(stderr, "bench-plain: %s\n", err.msg);
    return rc == ERR_OK ? 0 : err_exit_code(rc);
}
