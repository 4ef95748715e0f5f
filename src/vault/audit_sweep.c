/*
 * audit_sweep.c: letting go of old files of the audit trail.
 *
 * A file goes when its month ended longer ago than the rule allows. The trail says so first, with
 * the last number that goes: so a reader can tell what was let go from what was taken away. A sweep
 * that was cut between the line and the removal says it once more the next time.
 */
#include "base/civil.h"
#include "base/disk.h"
#include "vault/audit_line.h"

/* The first day after the month that a file is named by. */
static int32_t month_end(const char *name)
{
    char day[CIVIL_DATE_BYTES + 1] = "0000-00-01";
    struct civil_date date = {0};

    memcpy(day, name, 7);
    if (!civil_parse_date(str_from(day), &date))
        return INT32_MAX; /* audit_files lists no such name */
    if (date.month == 12 && date.year == CIVIL_YEAR_MAX)
        return INT32_MAX;
    date.year += date.month == 12;
    date.month = date.month == 12 ? 1 : date.month + 1;
    return civil_days(date);
}

enum err_class audit_sweep(struct audit *audit, const struct ctx *ctx, int days, size_t *ret_files,
                           struct err *err)
{
    AUTO(free_autop) struct audit_files *files = NULL;
    enum err_class rc = audit_files(ctx, audit_dir(audit), &files, err);
    int32_t today = civil_day_of(ctx_now_ms(ctx));
    size_t gone = 0;

    /* The newest one has the head, and stays. */
    for (size_t i = 0; rc == ERR_OK && i + 1 < files->count; i++) {
        AUTO(free_autop) char *path = disk_join(audit_dir(audit), files->names[i]);
        struct audit_line last = {.seq = 0};
        bool found = false;

        if (month_end(files->names[i]) + days > today)
            break;
        rc = path ? audit_file_end(ctx, audit_dir(audit), files->names[i], &last, &found, err)
                  : err_memory(err);
        if (rc == ERR_OK)
            rc = audit_write_any(audit, ctx,
                                 &(struct audit_entry){.act = AUDIT_FILE_REMOVED,
                                                       .why = files->names[i],
                                                       .count = last.seq},
                                 err);
        if (rc == ERR_OK)
            rc = disk_remove(ctx, path, err);
        gone += rc == ERR_OK;
    }
    if (rc == ERR_OK)
        *ret_files = gone;
    return rc;
}
