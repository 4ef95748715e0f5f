/*
 * person.c: what it costs to erase one person.
 *
 *     bench-person DATA TENANT
 *
 * Erases the person with the most worklogs of the mirror that is there, and prints
 *     ROWS MS CPU-MS MS-WITH-OVERWRITING
 * The last is the time until the log is copied too, and the database file has no old page of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "apps/apps.h"
#include "daemon/people.h"

static void must(enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    (void)fprintf(stderr, "bench-person: %s\n", err->msg);
    exit(1);
}

static double wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
    struct rusage used;

    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static char *busiest(struct tenant *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    must(db_prepare(tenant->db,
                    SQL("SELECT account_id FROM person WHERE id = (SELECT person FROM worklog"
                        " WHERE person IS NOT NULL GROUP BY person ORDER BY count(*) DESC LIMIT 1)"
                        " ORDER BY id LIMIT 1"),
                    &stmt, err),
         err);
    must(db_step(stmt, &row, err), err);
    return row ? str_dup_z(db_text(stmt, 0)) : NULL;
}

int main(int argc, char **argv)
{
    const struct ctx ctx = ctx_real(NULL);
    const struct app_list list = {tenon_apps, tenon_app_count};
    const struct rows_hook hook = apps_hook(&list);
    AUTO(data_close_autop) struct data *data = NULL;
    AUTO(tenant_close_autop) struct tenant *tenant = NULL;
    struct tenant_info info;
    struct person_erased done = {0};
    struct err err = {0};

    if (argc != 3)
        return 64;
    must(vault_start(&err), &err);
    must(data_open(&ctx, argv[1], &tenon_catalog, false, &data, &err), &err);
    must(tenant_find(data, str_from(argv[2]), &info, &err), &err);
    must(tenant_open(data, &info, &tenant, &err), &err);

    AUTO(free_autop) char *account = busiest(tenant, &err);

    if (!account)
        return 1;
    tenant_close(TAKE(tenant)); /* a fresh handle: no page is remembered */
    must(tenant_open(data, &info, &tenant, &err), &err);

    double wall = wall_ms(), cpu = cpu_ms();

    must(person_erase(tenant, str_from(account), 0, &hook, &done, &err), &err);
    double erased = wall_ms();

    cpu = cpu_ms() - cpu;
    must(person_overwrite(tenant, &err), &err);
    (void)printf("%lld %.1f %.1f %.1f\n", (long long)done.rows, erased - wall, cpu,
                 wall_ms() - wall);
    return 0;
}
