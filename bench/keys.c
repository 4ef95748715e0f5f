/*
 * keys.c: `bench-keys DATA TENANT`: how fast a tenant's keys are rotated.
 *
 * Prints the sealed values a second of sealing anew, and the seconds of encrypting the database
 * anew, as "VALUES SECONDS DATABASE-SECONDS". Threads: none.
 */
#include <stdio.h>

#include "apps/apps.h"
#include "custody/rotate.h"

static double seconds(const struct ctx *ctx)
{
    return (double)ctx_mono_ms(ctx) / 1000.0;
}

static enum err_class reseal(const struct ctx *ctx, struct data *data,
                             const struct tenant_info *info, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    int64_t values = 0;
    double begin;
    enum err_class rc = tenant_open(data, info, &tenant, err);

    if (rc != ERR_OK)
        return rc;

    const struct reseal all = {.ctx = ctx,
                               .catalog = &tenon_catalog,
                               .scope = SCOPE_TENANT,
                               .vault = tenant->vault,
                               .db = tenant->db};

    begin = seconds(ctx);
    rc = reseal_all(&all, &values, err);
    printf("%lld %.3f", (long long)values, seconds(ctx) - begin);
    return rc;
}

static enum err_class run(const char *dir, const char *name, struct err *err)
{
    const struct ctx ctx = ctx_real(NULL);
    AUTO(data_close_autop) struct data *data = NULL;
    struct tenant_info info;
    struct key_owner owner;
    uint32_t version = 0;
    double begin;
    enum err_class rc = vault_start(err);

    if (rc == ERR_OK)
        rc = data_open(&ctx, dir, &tenon_catalog, false, &data, err);
    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(name), &info, err);
    if (rc != ERR_OK)
        return rc;
    owner = (struct key_owner){.ctx = &ctx,
                               .catalog = &tenon_catalog,
                               .provider = data->provider,
                               .audit = data->audit,
                               .data_dir = dir,
                               .tenant = info.id};
    rc = rotate_begin(&owner, &version, err);
    if (rc == ERR_OK)
        rc = reseal(&ctx, data, &info, err);
    begin = seconds(&ctx);
    if (rc == ERR_OK)
        rc = rotate_database(&owner, err);
    printf(" %.3f\n", seconds(&ctx) - begin);
    return rc;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    enum err_class rc = argc == 3 ? run(argv[1], argv[2], &err)
                                  : err_set(&err, ERR_USAGE, "usage: bench-keys DATA TENANT");

    if (rc != ERR_OK)
        (void)fprintf(stderr, "bench-keys: %s\n", err.msg);
    return err_exit_code(rc);
}
