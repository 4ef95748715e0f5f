/*
 * erase_jobs.c: what is past its limit goes, and so do tenants whose app was uninstalled.
 *
 * An uninstalled app that was the tenant's only connection puts a job of the server into the queue,
 * due when the time of grace is over. It looks again: a tenant that is connected once more stays.
 * Threads: the workers'; each job has its handles for itself.
 */
#include "daemon/erase_jobs.h"

#include "base/civil.h"
#include "base/log.h"
#include "custody/leave.h"
#include "custody/ledger.h"
#include "custody/sweep.h"
#include "daemon/backup_jobs.h"
#include "daemon/internal.h"
#include "daemon/people.h"

#define STOP_WAIT_MS 60000 /* a sync that is at work notices within this */

/* ---- Backups of the one who is erased ---- */

static enum err_class remove_copies(const struct config *config, struct data *data,
                                    const char *tenant, int64_t *ret_count, struct err *err)
{
    AUTO(backup_storage_done) struct backup_storage storage = {0};
    enum err_class rc = backup_storage_open(data->ctx, config, &storage, err);

    if (rc == ERR_OK)
        rc = backups_find_copies(data, &storage.s3, tenant, err);
    if (rc == ERR_OK)
        rc = backups_sweep_copies(data, &storage.s3, tenant, INT64_MAX, ret_count, err);
    return rc;
}

static enum err_class remove_backups(void *arg, struct data *data, const char *tenant,
                                     int64_t *ret_count, struct err *err)
{
    const struct config *config = arg;
    int64_t copies = 0, files = 0;
    enum err_class rc = ERR_OK;

    if (config->backup.s3_endpoint[0])
        rc = remove_copies(config, data, tenant, &copies, err);
    if (rc == ERR_OK)
        rc = backups_remove(data, tenant, &files, err);
    *ret_count = copies + files;
    return rc;
}

struct erase_elsewhere erase_backups(const struct config *config)
{
    return (struct erase_elsewhere){remove_backups, (void *)config};
}

/* ---- Sweeping ---- */

struct sweeping {
    const struct job_context *context;
    struct data *data;
};

static enum err_class tell_swept(void *arg, const struct record *record, int64_t count,
                                 struct err *err)
{
    const struct sweeping *sweeping = arg;
    const struct tenant *tenant = sweeping->context->tenant;
    const struct audit_entry entry = {.act = AUDIT_SWEPT,
                                      .tenant = tenant ? tenant->info.id : NULL,
                                      .record = record->name,
                                      .why = "retention",
                                      .count = count,
                                      .result = ERR_OK};

    return audit_write(sweeping->data->audit, daemon_ctx(sweeping->context->daemon), &entry, err);
}

static enum err_class let_apps_go(struct job_context *context, struct err *err)
{
    const struct app_list list = daemon_apps(context->daemon);
    enum err_class rc = db_begin(context->tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < list.count && rc == ERR_OK; i++)
        if (list.apps[i]->let_go)
            rc = list.apps[i]->let_go(context->tenant, err);
    return db_end(context->tenant->db, rc, err);
}

enum err_class sweep_job_run(void *arg, struct job_run *run, struct err *err)
{
    struct job_context *context = arg;
    struct sweeping sweeping = {.context = context};
    enum err_class rc = store_pool_data(context->daemon->store, &sweeping.data, err);

    (void)run;
    if (rc != ERR_OK)
        return rc;

    struct db *db = context->tenant ? context->tenant->db : sweeping.data->control;

    rc = sweep(db, daemon_ctx(context->daemon), sweeping.data->catalog,
               context->tenant ? SCOPE_TENANT : SCOPE_CONTROL, tell_swept, &sweeping, err);
    if (rc == ERR_OK && context->tenant)
        rc = let_apps_go(context, err);
    store_pool_give_data(context->daemon->store, sweeping.data);
    return rc;
}

/* ---- Erasures ---- */

/* Persons whom a report to Atlassian, or a command, erased. */
static enum err_class note_persons(void *arg, const struct tenant_info *info, struct err *err)
{
    struct sweeping *noting = arg;
    struct store_pool *store = noting->context->daemon->store;
    struct tenant *tenant = NULL;
    enum err_class rc = store_pool_tenant(store, str_from(info->id), &tenant, err);

    if (rc == ERR_OK)
        rc = ledger_note_persons(noting->data, tenant, err);
    store_pool_give_tenant(store, tenant);
    return rc;
}

enum err_class erasures_job_run(void *arg, struct job_run *run, struct err *err)
{
    struct job_context *context = arg;
    const struct config *config = daemon_config(context->daemon);
    const struct erase_elsewhere backups = erase_backups(config);
    const char *copies = config->erasure.receipts[0] ? config->erasure.receipts : NULL;
    struct data *data = NULL;
    const struct app_list list = daemon_apps(context->daemon);
    const struct rows_hook hook = apps_hook(&list);
    int64_t rest = 0, again = 0, persons = 0;
    enum err_class rc = store_pool_data(context->daemon->store, &data, err);
    const struct ledger ledger = {data, copies, &hook};

    (void)run;
    if (rc == ERR_OK)
        rc = receipt_key_make(data, err);
    if (rc == ERR_OK)
        rc = erase_rest(data, STOP_WAIT_MS, &backups, &rest, err);
    if (rc == ERR_OK)
        rc = erase_again(data, copies, STOP_WAIT_MS, &backups, &again, err);
    if (rc == ERR_OK)
        rc = ledger_replay(&ledger, STOP_WAIT_MS, &persons, err);

    struct sweeping noting = {context, data};

    if (rc == ERR_OK)
        rc = tenant_each(data, note_persons, &noting, err);
    store_pool_give_data(context->daemon->store, data);
    if (rest > 0 || again > 0 || persons > 0)
        LOG(daemon_ctx(context->daemon), LOG_WARN, "erasures_finished", LOG_NUM("rest", rest),
            LOG_NUM("again", again), LOG_NUM("persons", persons));
    return rc;
}

/* ---- Uninstalled ---- */

/* The tenant is there, nothing connects it any more, and it has not chosen to keep its settings. */
static enum err_class judge(struct daemon *daemon, struct data *data, const char *id,
                            struct tenant_info *ret_info, enum leave_choice *ret, struct err *err)
{
    struct tenant *tenant = NULL;
    bool connected = false;
    enum err_class rc = tenant_find(data, str_from(id), ret_info, err);

    *ret = LEAVE_STAYS;
    if (rc == ERR_NOT_FOUND)
        return ERR_OK; /* erased meanwhile */
    if (rc == ERR_OK)
        rc = store_pool_tenant(daemon->store, str_from(id), &tenant, err);
    if (rc == ERR_OK)
        rc = link_exists(tenant, &connected, err);
    if (rc == ERR_OK && !connected)
        *ret = ret_info->keep_settings ? LEAVE_SETTINGS : LEAVE_NOTHING;
    if (rc == ERR_OK && *ret == LEAVE_SETTINGS)
        rc = leave_settings(tenant, STOP_WAIT_MS, err);
    store_pool_give_tenant(daemon->store, tenant);
    return rc;
}

enum err_class leave_job_run(void *arg, struct job_run *run, struct err *err)
{
    struct job_context *context = arg;
    struct daemon *daemon = context->daemon;
    const struct erase_elsewhere backups = erase_backups(daemon_config(daemon));
    struct tenant_info info;
    enum leave_choice choice = LEAVE_STAYS;
    struct data *data = NULL;
    enum err_class rc = store_pool_data(daemon->store, &data, err);

    if (rc == ERR_OK)
        rc = judge(daemon, data, run->job->key, &info, &choice, err);
    if (rc == ERR_OK && choice == LEAVE_NOTHING)
        rc = erase_tenant(data, &info, "uninstalled", STOP_WAIT_MS, &backups, NULL, NULL, err);
    /* Its mirror is empty now: the schedules begin anew, for when it is connected again. */
    if (rc == ERR_OK && choice == LEAVE_SETTINGS)
        rc = jobs_forget(data->control, run->job->key, err);
    if (choice != LEAVE_STAYS) {
        daemon_forget_site(daemon, run->job->key);
        store_pool_forget(daemon->store, run->job->key);
        work_look_again(daemon);
    }
    LOG(daemon_ctx(daemon), LOG_INFO, "tenant_left", LOG_IDENT("tenant", run->job->key),
        LOG_NAME("keeps", leave_choice_name(choice)), LOG_NAME("result", err_class_name(rc)));
    store_pool_give_data(daemon->store, data);
    return rc;
}

enum err_class leave_later(struct daemon *daemon, const char *tenant_id, struct err *err)
{
    const struct job_order order = {JOB_NO_TENANT, LEAVE_JOB, tenant_id,
                                    .due_ms = ctx_now_ms(daemon_ctx(daemon)) +
                                              daemon_config(daemon)->erasure.after_uninstall_h *
                                                  MS_PER_HOUR};

    return daemon_add_job(daemon, &order, err);
}
