/*
 * lost.c: which of the worklogs that the server said it would look at are not in its queue?
 *
 *     bench-lost DATA TENANT FILE
 *
 * FILE has an id a line, as bench-load writes them. The server must not run. Prints
 * {"accepted":N,"stored":N,"lost":N}; exit 1 when something was lost.
 */
#include "apps/apps.h"
#include "apps/timesheet/write.h"
#include "store/data.h"

static void must(enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    (void)fprintf(stderr, "bench-lost: %s\n", err->msg);
    exit(err_exit_code(rc));
}

static bool is_stored(struct db_stmt *find, const char *tenant, struct str id)
{
    struct err err = {0};
    bool found = false;

    db_bind_text(find, 1, str_from(tenant));
    db_bind_text(find, 2, STR(WRITE_HINT_JOB));
    db_bind_text(find, 3, id);
    must(db_step(find, &found, &err), &err);
    db_reset(find);
    return found;
}

int main(int argc, char **argv)
{
    struct ctx ctx = ctx_real(NULL);
    AUTO(data_close_autop) struct data *data = NULL;
    struct tenant_info tenant = {0};
    struct db_stmt *find = NULL;
    struct err err = {0};
    FILE *file = argc == 4 ? fopen(argv[3], "r") : NULL;
    size_t accepted = 0, stored = 0;
    char line[64];

    if (!file) {
        (void)fprintf(stderr, "usage: bench-lost DATA TENANT FILE\n");
        return 64;
    }
    must(vault_start(&err), &err);
    must(data_open(&ctx, argv[1], &tenon_catalog, false, &data, &err), &err);
    must(tenant_find(data, str_from(argv[2]), &tenant, &err), &err);
    must(jobs_settle(data->control, &ctx, &err), &err);
    must(db_begin(data->control, DB_READ, &err), &err);
    must(db_prepare(data->control,
                    SQL("SELECT state FROM job WHERE tenant = $1 AND kind = $2 AND job_key = $3"),
                    &find, &err),
         &err);
    for (; fgets(line, sizeof(line), file); accepted++)
        stored += is_stored(find, tenant.id, str_trim(str_from(line)));
    db_finish(find);
    db_rollback(data->control);
    (void)fclose(file);
    printf("{\"accepted\":%zu,\"stored\":%zu,\"lost\":%zu}\n", accepted, stored, accepted - stored);
    return accepted == stored ? 0 : 1;
}
